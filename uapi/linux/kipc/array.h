/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * kipc arrays: a fixed number of elements, reached through the kernel alone
 *
 * Include <linux/kipc.h>, which has the rules for all of this.
 *
 * Elements of 1, 2, 4 or 8 bytes are words: they can be loaded, stored, swapped,
 * compared and swapped, and added to.  Elements of any other size up to
 * KIPC_ARRAY_ELEMENT_MAX are records: they can be loaded and stored, whole.
 * Every call is atomic: others see all of what it did, or nothing yet.
 *
 * Every slot has a version, which begins at 0 and rises by one with each write
 * to the slot (store, swap, add, a compare-and-swap that matched), also if the
 * value stays the same.
 *
 * poll(2): a handle with KIPC_RIGHT_READ is readable (EPOLLIN) when anything in
 * the array was written since it last looked, by whomever; to look is
 * KIPC_ARRAY_READ.  A new handle has looked when it is made.  One with
 * KIPC_RIGHT_WRITE is always writable (EPOLLOUT).
 *
 * EFAULT: a call that writes tries all memory that results go to before it does
 * anything.  If that memory is taken away while the call is under way, EFAULT
 * may come though the operations were done.
 */
#ifndef _UAPI_LINUX_KIPC_ARRAY_H
#define _UAPI_LINUX_KIPC_ARRAY_H

#include <linux/ioctl.h>
#include <linux/types.h>

#define KIPC_ARRAY_CREATE	_IO(KIPC_IOC_TYPE, 0x20)
#define KIPC_ARRAY_OP		_IO(KIPC_IOC_TYPE, 0x21)
#define KIPC_ARRAY_OPS		_IO(KIPC_IOC_TYPE, 0x22)
#define KIPC_ARRAY_READ		_IO(KIPC_IOC_TYPE, 0x23)
#define KIPC_ARRAY_WAIT		_IO(KIPC_IOC_TYPE, 0x24)
#define KIPC_ARRAY_STAT		_IO(KIPC_IOC_TYPE, 0x25)

#define KIPC_ARRAY_COUNT_MAX	(1U << 20)	/* elements of an array */
#define KIPC_ARRAY_ELEMENT_MAX	4096U		/* bytes of an element */
#define KIPC_ARRAY_OPS_MAX	64U		/* operations of a vector */
#define KIPC_ARRAY_READ_MAX	65536U		/* bytes of a snapshot */
#define KIPC_ARRAY_WAIT_MAX	64U		/* slots to wait for */

/* What an operation does. */
#define KIPC_ARRAY_LOAD		1	/* result = slot */
#define KIPC_ARRAY_STORE	2	/* slot = value */
#define KIPC_ARRAY_SWAP		3	/* result = slot, slot = value */
#define KIPC_ARRAY_CAS		4	/* result = slot, if that is expected: slot = value */
#define KIPC_ARRAY_ADD		5	/* result = slot, slot += value */

/**
 * struct kipc_array_create - make an array, or open it (KIPC_ARRAY_CREATE)
 * @size: sizeof(struct kipc_array_create)
 * @flags: KIPC_EXCL, KIPC_PERSIST (both need a name), KIPC_NONBLOCK,
 *	KIPC_INHERIT
 * @name: pointer to the name; 0: none
 * @name_len: its length in bytes
 * @mode: permission bits within 0666, less the caller's umask
 * @rights: KIPC_RIGHT_*, either or both; 0: no handle, only with KIPC_PERSIST
 * @result: (out) KIPC_RESULT_*
 * @id: (out) id of the object
 * @fd: (out) the handle, -1 if none was asked for
 * @count: (in/out) elements, 1..KIPC_ARRAY_COUNT_MAX
 * @element: (in/out) bytes of an element, 1..KIPC_ARRAY_ELEMENT_MAX
 * @pad: must be 0
 *
 * All elements are zero.  The owner is charged for elements and versions (8
 * bytes each).
 *
 * Errors: as for all create calls, and EINVAL (count or element 0, element too
 * large), ENOSPC (count too large), ENOMEM (also for elements of more than 2 GiB
 * in all).
 */
struct kipc_array_create {
	__u32 size;
	__u32 flags;
	__aligned_u64 name;
	__u32 name_len;
	__u32 mode;
	__u32 rights;
	__u32 result;
	__aligned_u64 id;
	__s32 fd;
	__u32 count;
	__u32 element;
	__u32 pad;
};

/**
 * struct kipc_array_entry - one operation on one slot
 * @op: KIPC_ARRAY_*
 * @index: the slot
 * @value: words: the operand; 0 for LOAD.  Records: pointer to the element, from
 *	where it is stored or to where it is loaded
 * @expected: CAS: the value to replace; else must be 0
 * @result: (out) words: what was in the slot before this operation; 0 after
 *	STORE.  Records: 0
 * @version: (out) the slot's version after the call; of a vector, after all of
 *	it
 *
 * Words are unsigned and what is read is extended with zeros.  @value and
 * @expected must fit the element, as an unsigned or as a (sign-extended)
 * negative number.  ADD wraps around.  @value and @expected stay as they are.
 */
struct kipc_array_entry {
	__u32 op;
	__u32 index;
	__aligned_u64 value;
	__aligned_u64 expected;
	__aligned_u64 result;
	__aligned_u64 version;
};

/**
 * struct kipc_array_op - one operation (KIPC_ARRAY_OP)
 * @size: sizeof(struct kipc_array_op)
 * @flags: must be 0
 * @entry: (in/out) the operation.  A CAS matched if entry.result is
 *	entry.expected within the element's size
 *
 * LOAD wants KIPC_RIGHT_READ, STORE wants KIPC_RIGHT_WRITE, the others both.
 *
 * Errors: EBADF (rights), ERANGE (index), EINVAL (unknown operation, one that
 * records do not have, value that does not fit, unused member not 0), ENOMEM.
 */
struct kipc_array_op {
	__u32 size;
	__u32 flags;
	struct kipc_array_entry entry;
};

/**
 * struct kipc_array_ops - operations, all or nothing (KIPC_ARRAY_OPS)
 * @size: sizeof(struct kipc_array_ops)
 * @flags: must be 0
 * @entries: pointer to an array of struct kipc_array_entry
 * @count: how many, 1..KIPC_ARRAY_OPS_MAX
 * @mismatch: (out) @count if the vector was applied; else the first entry whose
 *	CAS did not match: then nothing was written
 *
 * The operations are done in their order, each sees what those before it did;
 * records to be stored are all taken from memory before the first is loaded.
 * If a CAS does not match, the results up to and including it are what these
 * operations would have seen, the later ones are 0, and versions are the ones
 * that the slots have.
 *
 * Each operation wants the rights that it wants in KIPC_ARRAY_OP.
 *
 * Errors: as KIPC_ARRAY_OP (nothing was done then), EINVAL (count 0), E2BIG
 * (count too large).
 */
struct kipc_array_ops {
	__u32 size;
	__u32 flags;
	__aligned_u64 entries;
	__u32 count;
	__u32 mismatch;
};

/**
 * struct kipc_array_read - a consistent copy of a range (KIPC_ARRAY_READ)
 * @size: sizeof(struct kipc_array_read)
 * @flags: must be 0
 * @first: the first slot
 * @count: how many; 0: only look, as poll means it
 * @buf: pointer to room for @count elements, one after the other
 * @versions: pointer to room for @count __u64, or 0
 * @changes: (out) writes to the array so far
 *
 * Wants KIPC_RIGHT_READ.  At most KIPC_ARRAY_READ_MAX bytes of elements; the
 * versions do not count.  A call that fails is no look.
 *
 * Errors: EBADF (rights), ERANGE (first or count), EMSGSIZE (more than
 * KIPC_ARRAY_READ_MAX bytes), ENOMEM.
 */
struct kipc_array_read {
	__u32 size;
	__u32 flags;
	__u32 first;
	__u32 count;
	__aligned_u64 buf;
	__aligned_u64 versions;
	__aligned_u64 changes;
};

/**
 * struct kipc_array_slot - a slot that is waited for
 * @index: the slot
 * @pad: must be 0
 * @version: (in/out) the version that was seen; then what it is
 */
struct kipc_array_slot {
	__u32 index;
	__u32 pad;
	__aligned_u64 version;
};

/* Flag of KIPC_ARRAY_WAIT. */
#define KIPC_ARRAY_NONBLOCK	(1U << 0)	/* EAGAIN rather than sleep */

/**
 * struct kipc_array_wait - wait for a change (KIPC_ARRAY_WAIT)
 * @size: sizeof(struct kipc_array_wait)
 * @flags: KIPC_ARRAY_NONBLOCK
 * @slots: pointer to an array of struct kipc_array_slot
 * @count: how many, 1..KIPC_ARRAY_WAIT_MAX
 * @changed: (out) the first of @slots whose version differs
 * @deadline_ns: when to give up; 0: never
 *
 * Wants KIPC_RIGHT_READ; sleeps unless KIPC_ARRAY_NONBLOCK or O_NONBLOCK says
 * otherwise.  Returns when the version of any of the slots differs
 * from the one given, at once if it does already, and gives all their versions
 * as they are at that moment.  One write wakes all who wait for its slot, and a
 * vector when all of it is done.  A slot may be listed more than once.
 *
 * Errors: EBADF (rights), ERANGE (index), EINVAL (count 0, padding), E2BIG
 * (count too large), EAGAIN, ETIMEDOUT, EINTR, ENOMEM.
 */
struct kipc_array_wait {
	__u32 size;
	__u32 flags;
	__aligned_u64 slots;
	__u32 count;
	__u32 changed;
	__aligned_u64 deadline_ns;
};

/**
 * struct kipc_array_stat - describe an array (KIPC_ARRAY_STAT)
 * @size: sizeof(struct kipc_array_stat)
 * @flags: must be 0
 * @count: (out) elements
 * @element: (out) bytes of an element
 * @waiting: (out) threads that sleep in KIPC_ARRAY_WAIT
 * @pad: must be 0
 * @changes: (out) writes so far
 * @sleeps: (out) times that somebody had to wait
 * @blocked_ns: (out) time slept in all
 */
struct kipc_array_stat {
	__u32 size;
	__u32 flags;
	__u32 count;
	__u32 element;
	__u32 waiting;
	__u32 pad;
	__aligned_u64 changes;
	__aligned_u64 sleeps;
	__aligned_u64 blocked_ns;
};

#endif /* _UAPI_LINUX_KIPC_ARRAY_H */
