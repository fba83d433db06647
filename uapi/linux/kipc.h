/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * kipc: inter-process communication objects behind /dev/kipc
 *
 * This header, and those in kipc/ that it includes, are the whole contract with
 * user space: here is what all kinds of object share, there one kind in each.
 *
 * Every argument struct starts with two members: @size, the caller's sizeof()
 * of the struct, and @flags.  A struct grows only at its end, and zero in a new
 * member means "as before".  So an old program works on a new module, and a new
 * program works on an old one as long as it leaves the new members zero.
 *
 * Rules for every ioctl:
 *
 *  - EINVAL: @size is smaller than the first published version of the struct,
 *    a flag is unknown, padding or an unused member is not zero
 *  - E2BIG:  @size is larger than the module's struct and the tail is not zero,
 *    or larger than a page
 *  - EFAULT: a pointer is bad; nothing was consumed, created or half done
 *  - ENOTTY: no such ioctl on this kind of file
 *  - EIDRM:  the object was destroyed (all handle ioctls but KIPC_STAT)
 *  - output members are written on success only, unless the struct says
 *    otherwise; members marked (out) are ignored on the way in
 *
 * Times are nanoseconds of CLOCK_MONOTONIC.  A deadline is absolute, and 0
 * means none; one that has passed is an error (ETIMEDOUT) only if the call
 * would have to sleep.
 *
 * Names are 1 to 255 bytes, any byte but NUL, and are looked up in the domain
 * of the caller: its PID namespace.  No terminating NUL is needed or counted.
 */
#ifndef _UAPI_LINUX_KIPC_H
#define _UAPI_LINUX_KIPC_H

#include <linux/ioctl.h>
#include <linux/types.h>

#define KIPC_DEVICE		"/dev/kipc"

/** KIPC_ABI_VERSION: raised when an ioctl is added or a struct grows */
#define KIPC_ABI_VERSION	5

#define KIPC_NAME_MAX		255

/* Kinds of object. */
#define KIPC_KIND_ANY		0
#define KIPC_KIND_SEGMENT	1
#define KIPC_KIND_ARRAY		2
#define KIPC_KIND_SEMAPHORE	3
#define KIPC_KIND_ENDPOINT	4
#define KIPC_KIND_MAILBOX	5
#define KIPC_KIND_PIPE		6

/* Rights of a handle, fixed when it is made. */
#define KIPC_RIGHT_READ		(1U << 0)
#define KIPC_RIGHT_WRITE	(1U << 1)

/* Flags of create and open calls; bits 16 and up belong to the kind. */
#define KIPC_EXCL		(1U << 0)	/* create: EEXIST if the name is taken */
#define KIPC_PERSIST		(1U << 1)	/* create: the name keeps the object alive */
#define KIPC_NONBLOCK		(1U << 2)	/* the new handles are O_NONBLOCK */
#define KIPC_INHERIT		(1U << 3)	/* the new handles survive execve() */

#define KIPC_IOC_TYPE		0xBC

#define KIPC_INFO		_IO(KIPC_IOC_TYPE, 0x00)
#define KIPC_LIST		_IO(KIPC_IOC_TYPE, 0x01)
#define KIPC_STAT		_IO(KIPC_IOC_TYPE, 0x02)
#define KIPC_OPEN		_IO(KIPC_IOC_TYPE, 0x03)
#define KIPC_UNLINK		_IO(KIPC_IOC_TYPE, 0x04)
#define KIPC_DESTROY		_IO(KIPC_IOC_TYPE, 0x05)
#define KIPC_SETATTR		_IO(KIPC_IOC_TYPE, 0x06)
/*
 * 0x10 segment, 0x20 array, 0x30 semaphore, 0x40 endpoint, 0x50 mailbox, 0x60
 * pipe: see the headers in kipc/
 */

/**
 * struct kipc_info - what this module offers (KIPC_INFO, on /dev/kipc)
 * @size: sizeof(struct kipc_info)
 * @flags: must be 0
 * @abi_version: (out) KIPC_ABI_VERSION of the module
 * @name_max: (out) longest name, in bytes
 * @kinds: (out) bit n is set if objects of kind n can be made
 * @features: (out) feature bits, none defined yet
 * @max_objects: (out) ceiling on objects for each user (uid)
 * @max_bytes: (out) ceiling on bytes held, for each user
 * @objects: (out) objects that the caller's uid holds now
 * @bytes: (out) bytes that the caller's uid holds now
 * @pipe_min: (out) smallest capacity of a pipe, in bytes
 * @pipe_max: (out) largest capacity of a pipe
 * @pipe_default: (out) capacity of a pipe created with capacity 0
 * @turn_grace_ns: (out) how long a pipe in TURNS mode waits for a reader whose
 *	turn it is (see struct kipc_pipe_create)
 * @message_max: (out) longest message, in bytes
 * @queue_messages_max: (out) most messages that an endpoint or a mailbox may hold
 * @queue_messages_default: (out) how many it holds if created with 0
 * @queue_bytes_max: (out) most bytes that one may hold
 * @queue_bytes_default: (out) how many it holds if created with 0
 */
struct kipc_info {
	__u32 size;
	__u32 flags;
	__u32 abi_version;
	__u32 name_max;
	__aligned_u64 kinds;
	__aligned_u64 features;
	__aligned_u64 max_objects;
	__aligned_u64 max_bytes;
	__aligned_u64 objects;
	__aligned_u64 bytes;
	__aligned_u64 pipe_min;
	__aligned_u64 pipe_max;
	__aligned_u64 pipe_default;
	__aligned_u64 turn_grace_ns;
	__aligned_u64 message_max;
	__aligned_u64 queue_messages_max;
	__aligned_u64 queue_messages_default;
	__aligned_u64 queue_bytes_max;
	__aligned_u64 queue_bytes_default;
};

/* State of an object, in struct kipc_entry and struct kipc_stat. */
#define KIPC_STATE_NAMED	(1U << 0)	/* has a name */
#define KIPC_STATE_PERSIST	(1U << 1)	/* the name keeps it alive */
#define KIPC_STATE_DESTROYED	(1U << 2)	/* KIPC_DESTROY was called */

/**
 * struct kipc_entry - one object, as KIPC_LIST gives it
 * @id: identity of the object, never used twice while the module is loaded
 * @kind: KIPC_KIND_*
 * @state: KIPC_STATE_*
 * @uid: owner, as seen from the caller's user namespace
 * @gid: group, likewise
 * @pid: process that made the object, in the caller's PID namespace; 0 if it
 *	cannot be seen from there
 * @mode: permission bits
 * @handles: open handles
 * @name_len: length of @name, 0 if there is none
 * @bytes: bytes charged to the owner for it
 * @created_ns: when it was made
 * @name: the name, followed by NUL bytes
 */
struct kipc_entry {
	__aligned_u64 id;
	__u32 kind;
	__u32 state;
	__u32 uid;
	__u32 gid;
	__u32 pid;
	__u32 mode;
	__u32 handles;
	__u32 name_len;
	__aligned_u64 bytes;
	__aligned_u64 created_ns;
	__u8  name[KIPC_NAME_MAX + 1];
};

/**
 * struct kipc_list - list objects, a page at a time (KIPC_LIST, on /dev/kipc)
 * @size: sizeof(struct kipc_list)
 * @flags: must be 0
 * @cursor: (in/out) 0 for the first page; then as the call before left it
 * @entries: pointer to an array of struct kipc_entry
 * @entry_size: the caller's sizeof(struct kipc_entry)
 * @count: (in/out) room in @entries, then entries filled; 0 out: the end
 * @kind: only objects of this kind; KIPC_KIND_ANY for all
 * @pad: must be 0
 *
 * Gives the objects of the caller's domain that the caller owns or may read by
 * their mode (all, with CAP_IPC_OWNER), in the order in which they were made.
 * An object that lives all through the listing is listed exactly once.
 *
 * Errors: EINVAL (kind; entry_size below the first version or above a page;
 * count 0), ENOMEM.
 */
struct kipc_list {
	__u32 size;
	__u32 flags;
	__aligned_u64 cursor;
	__aligned_u64 entries;
	__u32 entry_size;
	__u32 count;
	__u32 kind;
	__u32 pad;
};

/**
 * struct kipc_stat - describe one object (KIPC_STAT, on /dev/kipc or a handle)
 * @size: sizeof(struct kipc_stat)
 * @flags: must be 0
 * @name: /dev/kipc: pointer to the name; 0 to use @id.  Handle: must be 0
 * @name_len: length of @name in bytes
 * @rights: (out) rights of the handle; 0 on /dev/kipc
 * @id: /dev/kipc: (in) id of the object, when @name is 0.  Handle: must be 0
 * @entry: (out) the object; works for a destroyed object too
 * @spin_ns: (out) how long its waiters spin before they sleep, see struct
 *	kipc_setattr
 * @pad: (out) 0
 *
 * Errors: ENOENT (no such name or id in the caller's domain), EACCES (not the
 * owner, not allowed to read, and without CAP_IPC_OWNER).
 */
struct kipc_stat {
	__u32 size;
	__u32 flags;
	__aligned_u64 name;
	__u32 name_len;
	__u32 rights;
	__aligned_u64 id;
	struct kipc_entry entry;
	__u32 spin_ns;
	__u32 pad;
};

/**
 * struct kipc_open - open an object by name (KIPC_OPEN, on /dev/kipc)
 * @size: sizeof(struct kipc_open)
 * @flags: KIPC_NONBLOCK, KIPC_INHERIT, KIPC_PIPE_NOSIGPIPE (kind must be pipe)
 * @name: pointer to the name
 * @name_len: its length in bytes
 * @kind: (in/out) kind expected, KIPC_KIND_ANY for any; then the kind it is
 * @rights: KIPC_RIGHT_*; for a pipe exactly one of the two: it is half duplex;
 *	a segment cannot be opened for writing alone
 * @fd: (out) the new handle
 * @id: (out) id of the object
 *
 * Errors: ENOENT (name unknown), EPROTOTYPE (the name is another kind's),
 * EACCES (the mode denies a right), EINVAL (rights 0, unknown or such that the
 * kind does not have them), EBUSY (second reader of a pipe in SINGLE mode, second
 * end of its side of a mapped one), EMFILE, ENFILE, ENOMEM.
 */
struct kipc_open {
	__u32 size;
	__u32 flags;
	__aligned_u64 name;
	__u32 name_len;
	__u32 kind;
	__u32 rights;
	__s32 fd;
	__aligned_u64 id;
};

/**
 * struct kipc_target - which object an UNLINK or DESTROY means
 * @size: sizeof(struct kipc_target)
 * @flags: must be 0
 * @name: /dev/kipc: pointer to the name.  Handle: must be 0
 * @name_len: its length in bytes.  Handle: must be 0
 * @pad: must be 0
 *
 * KIPC_UNLINK (on /dev/kipc or a handle) removes the name.  Those who hold the
 * object keep it; without PERSIST handles it dies with its last one.
 * KIPC_DESTROY (likewise) also ends the object itself: whoever waits gets
 * EIDRM, and so does every later call on a handle.
 *
 * Errors: ENOENT (name unknown; UNLINK of a handle whose object has none),
 * EPERM (neither owner nor CAP_IPC_OWNER).
 */
struct kipc_target {
	__u32 size;
	__u32 flags;
	__aligned_u64 name;
	__u32 name_len;
	__u32 pad;
};

/* What KIPC_SETATTR changes. */
#define KIPC_SET_MODE		(1U << 0)
#define KIPC_SET_UID		(1U << 1)
#define KIPC_SET_GID		(1U << 2)
#define KIPC_SET_SPIN		(1U << 3)

#define KIPC_SPIN_NS_MAX	1000000

/**
 * struct kipc_setattr - change what an object is like (KIPC_SETATTR, on a handle)
 * @size: sizeof(struct kipc_setattr)
 * @flags: KIPC_SET_*: which of the members below count; the others must be 0
 * @mode: permission bits, within 0666
 * @uid: new owner, in the caller's user namespace; the charge stays where it is
 * @gid: new group
 * @spin_ns: how long one who waits for something to happen to the object looks
 *	for it before he sleeps, up to KIPC_SPIN_NS_MAX; 0, as it is at first: not
 *	at all
 *
 * The mode and @spin_ns may be changed by the owner, who may also give the object
 * to a group that he is in; everything else needs CAP_IPC_OWNER.  Handles that
 * are open keep their rights.  @spin_ns counts for the waits that begin later.
 *
 * Errors: EPERM, EINVAL (no flag; mode beyond 0666; id that does not map; spin_ns
 * beyond KIPC_SPIN_NS_MAX; a member that is not 0 though its flag is not set).
 */
struct kipc_setattr {
	__u32 size;
	__u32 flags;
	__u32 mode;
	__u32 uid;
	__u32 gid;
	__u32 spin_ns;
};

/* What a create call did, in @result. */
#define KIPC_RESULT_CREATED	1
#define KIPC_RESULT_OPENED	2

/*
 * The structs of all create calls begin alike (struct kipc_create in the
 * module), and the same rules hold for all:
 *
 * name, name_len: of the object; 0: it has none, and @rights must not be 0.
 * mode:	   permission bits within 0666, less the caller's umask.
 * rights:	   KIPC_RIGHT_* of the handle (of a pipe: which ends); 0: no handle
 *		   is made, only with KIPC_PERSIST.
 * flags:	   KIPC_EXCL and KIPC_PERSIST (both need a name), KIPC_NONBLOCK,
 *		   KIPC_INHERIT, and the kind's own.
 * result:	   (out) KIPC_RESULT_*.
 *
 * Without KIPC_EXCL a name that is there already is opened, by its own mode and
 * with its own geometry, flavour and persistence, as mq_open(3) does; what the
 * call says of these must be valid all the same, and is replaced by what the
 * object has.
 *
 * Errors of all: EEXIST, EPROTOTYPE (the name is another kind's), EACCES, EINVAL
 * (rights that the kind does not have, flags that need a name), EDQUOT, EMFILE,
 * ENFILE, ENOMEM.
 */

#include <linux/kipc/array.h>
#include <linux/kipc/endpoint.h>
#include <linux/kipc/mailbox.h>
#include <linux/kipc/pipe.h>
#include <linux/kipc/segment.h>
#include <linux/kipc/semaphore.h>

#endif /* _UAPI_LINUX_KIPC_H */
