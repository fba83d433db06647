/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * kipc pipes: a fixed buffer, one direction
 *
 * Include <linux/kipc.h>, which has the rules for all of this.
 */
#ifndef _UAPI_LINUX_KIPC_PIPE_H
#define _UAPI_LINUX_KIPC_PIPE_H

#include <linux/ioctl.h>
#include <linux/types.h>

#define KIPC_PIPE_CREATE	_IO(KIPC_IOC_TYPE, 0x60)
#define KIPC_PIPE_READ		_IO(KIPC_IOC_TYPE, 0x61)
#define KIPC_PIPE_WRITE		_IO(KIPC_IOC_TYPE, 0x62)
#define KIPC_PIPE_RESIZE	_IO(KIPC_IOC_TYPE, 0x63)
#define KIPC_PIPE_STAT		_IO(KIPC_IOC_TYPE, 0x64)

/* Flags of pipes. */
#define KIPC_PIPE_RECORD	(1U << 16)	/* create: keep record boundaries */
#define KIPC_PIPE_TURNS		(1U << 17)	/* create: many readers take turns */
#define KIPC_PIPE_NOSIGPIPE	(1U << 18)	/* handle: EPIPE without SIGPIPE */

/**
 * struct kipc_pipe_create - make a pipe, or open it (KIPC_PIPE_CREATE)
 * @size: sizeof(struct kipc_pipe_create)
 * @flags: KIPC_EXCL, KIPC_PERSIST (both need a name), KIPC_NONBLOCK,
 *	KIPC_INHERIT, KIPC_PIPE_RECORD, KIPC_PIPE_TURNS, KIPC_PIPE_NOSIGPIPE
 * @name: pointer to the name; 0: none, then both rights must be asked for
 * @name_len: its length in bytes
 * @mode: permission bits within 0666, less the caller's umask
 * @rights: which ends to open: KIPC_RIGHT_READ, KIPC_RIGHT_WRITE, both (two
 *	handles), or 0 (none, only with KIPC_PERSIST)
 * @result: (out) KIPC_RESULT_*
 * @id: (out) id of the object
 * @capacity: (in/out) bytes, 0 for the default; rounded up to whole pages; then
 *	the capacity that the pipe has.  A record takes its length and 4 bytes
 * @read_fd: (out) the read end, -1 if not asked for
 * @write_fd: (out) the write end, -1 if not asked for
 *
 * Readers: by default a pipe has a single one.  Opening a second read end, or
 * reading while another thread reads through the same one, fails with EBUSY.
 * With KIPC_PIPE_TURNS there may be many, and they take turns: no reader
 * (thread) gets a second share while one that reads from this pipe has not had
 * its first.  A reader whose turn it is and who does not come for turn_grace_ns
 * loses it, and joins again when he reads next; a process that dies or closes
 * the handle loses its threads' turns at once, a thread that ends within 20
 * ms.  A share is what one read call takes.  A non-blocking read does not wait
 * for others: it takes data if nobody is waiting, else EAGAIN.
 *
 * End of file when the buffer is empty and the last writer is gone; a pipe
 * that never had a writer blocks.  EPIPE (and SIGPIPE, unless the handle or
 * the call has it switched off) when the last reader is gone; a pipe that
 * never had a reader takes data until it is full.
 *
 * Errors: as for all create calls, and EINVAL (capacity below pipe_min, half
 * duplex broken), ENOSPC (capacity above pipe_max), EBUSY (second reader in
 * SINGLE mode).
 */
struct kipc_pipe_create {
	__u32 size;
	__u32 flags;
	__aligned_u64 name;
	__u32 name_len;
	__u32 mode;
	__u32 rights;
	__u32 result;
	__aligned_u64 id;
	__aligned_u64 capacity;
	__s32 read_fd;
	__s32 write_fd;
};

/* Flags of one PIPE_READ or PIPE_WRITE. */
#define KIPC_IO_NONBLOCK	(1U << 0)	/* EAGAIN rather than sleep */
#define KIPC_IO_NOSIGPIPE	(1U << 1)	/* write: EPIPE without SIGPIPE */

/**
 * struct kipc_pipe_io - read or write with a deadline (KIPC_PIPE_READ, _WRITE)
 * @size: sizeof(struct kipc_pipe_io)
 * @flags: KIPC_IO_*
 * @buf: pointer to the data
 * @len: its length in bytes
 * @deadline_ns: when to give up; 0: never
 * @done: (out) bytes moved; with EMSGSIZE: length of the record, or the longest
 *	record that the pipe can take
 *
 * As read(2) and write(2) on the handle.  A read gives what is there, up to
 * @len; 0 is end of file.  A write of a stream that fails after part of it went
 * in (deadline, signal, bad address, last reader gone, destroyed, or it would
 * block) succeeds with that part.  A stream write of
 * at most 4096 bytes goes in whole or not at all, and so does every record.
 * Writes never mix, whatever their size.  A write of 0 bytes does nothing.
 *
 * Errors: EINVAL (@len beyond SSIZE_MAX), EBADF (not that end), EAGAIN,
 * ETIMEDOUT, EINTR, EPIPE, EBUSY (another reader, SINGLE mode), EMSGSIZE (the
 * record is kept), ENOMEM (a thread's first read in TURNS mode).
 */
struct kipc_pipe_io {
	__u32 size;
	__u32 flags;
	__aligned_u64 buf;
	__aligned_u64 len;
	__aligned_u64 deadline_ns;
	__aligned_u64 done;
};

/**
 * struct kipc_pipe_resize - change the capacity (KIPC_PIPE_RESIZE, on an end)
 * @size: sizeof(struct kipc_pipe_resize)
 * @flags: must be 0
 * @capacity: (in/out) bytes wanted, then what it is, rounded up to whole pages
 *
 * Waits until a copy that is under way is done, never for a reader or a writer
 * that sleeps.  A writer that sleeps with a record which no longer fits gets
 * EMSGSIZE.
 *
 * Errors: EPERM (neither owner nor CAP_IPC_OWNER), EBUSY (the content does not
 * fit), EINVAL (below pipe_min), ENOSPC (above pipe_max), EDQUOT, EINTR,
 * ENOMEM.
 */
struct kipc_pipe_resize {
	__u32 size;
	__u32 flags;
	__aligned_u64 capacity;
};

/**
 * struct kipc_pipe_side - one side of a pipe, in struct kipc_pipe_stat
 * @handles: open handles of this side
 * @waiting: threads that sleep on this side
 * @bytes: bytes that went through this side, record headers not counted
 * @calls: read or write calls that moved data; in record mode: records
 * @sleeps: times that somebody went to sleep on this side: for the other side to
 *	do something, or for another one of this side to be done
 * @blocked_ns: time slept in all
 * @wakeups: wake-ups that the other side sent to this one
 */
struct kipc_pipe_side {
	__u32 handles;
	__u32 waiting;
	__aligned_u64 bytes;
	__aligned_u64 calls;
	__aligned_u64 sleeps;
	__aligned_u64 blocked_ns;
	__aligned_u64 wakeups;
};

/**
 * struct kipc_pipe_stat - describe a pipe (KIPC_PIPE_STAT, on an end)
 * @size: sizeof(struct kipc_pipe_stat)
 * @flags: must be 0
 * @pipe_flags: (out) KIPC_PIPE_RECORD, KIPC_PIPE_TURNS
 * @pad: must be 0
 * @capacity: (out) bytes
 * @used: (out) bytes in use, record headers included
 * @readers: (out) the read side
 * @writers: (out) the write side
 * @my_bytes: (out) bytes that went through this handle
 * @my_calls: (out) calls on this handle that moved data
 */
struct kipc_pipe_stat {
	__u32 size;
	__u32 flags;
	__u32 pipe_flags;
	__u32 pad;
	__aligned_u64 capacity;
	__aligned_u64 used;
	struct kipc_pipe_side readers;
	struct kipc_pipe_side writers;
	__aligned_u64 my_bytes;
	__aligned_u64 my_calls;
};

#endif /* _UAPI_LINUX_KIPC_PIPE_H */
