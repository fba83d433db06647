/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * kipc pipes: a fixed buffer, one direction
 *
 * Include <linux/kipc.h>, which has the rules for all of this.
 *
 * Mapped pipes.  The buffer of a pipe made with KIPC_PIPE_MAPPED is mapped into
 * both ends, and records are written and read in place; the kernel is asked only
 * to sleep (KIPC_PIPE_WAIT) and to wake (KIPC_PIPE_WAKE).  There is one write
 * end, the producer, and one read end, the consumer: a second one gets EBUSY.  It
 * always keeps records.  read(2), write(2), splice(2), KIPC_PIPE_READ, _WRITE and
 * _RESIZE of such an end fail with EINVAL; what is about objects is as with other
 * pipes.
 *
 * mmap(2) of an end maps one of four areas, whole and MAP_SHARED, by its offset
 * in pages of the system:
 *
 *	KIPC_PIPE_PAGE_STATE	one page: struct kipc_pipe_state
 *	KIPC_PIPE_PAGE_PRODUCER	one page: struct kipc_pipe_index, the head
 *	KIPC_PIPE_PAGE_CONSUMER	one page: struct kipc_pipe_index, the tail
 *	KIPC_PIPE_PAGE_DATA	the capacity, twice: its second half shows the same
 *				memory as the first, so that a record is always
 *				in one piece
 *
 * The write end may map PRODUCER and DATA for writing, the read end CONSUMER, and
 * neither anything else (EACCES; mprotect(2) cannot change that).  EINVAL: not
 * one area and all of it, or not shared.  EIDRM: destroyed.  A child made by
 * fork(2) does not get the mappings, unless its parent asks for that with
 * MADV_DOFORK: it would act as the same end.  A mapping
 * keeps the end open as a descriptor does.
 *
 * A record is a struct kipc_pipe_record and its payload; it begins at a multiple
 * of 8, and the longest one is 8 bytes less than the capacity.  Both indices are
 * totals that only grow: byte n of the stream is at n modulo the capacity.  The
 * producer writes records behind the head and then moves it; the consumer reads
 * them at the tail and then moves that.  Each end looks after its own index, and
 * after that of the other one with care: who is on the other side may have
 * written anything there.
 *
 * Who moves an index (a store with release, of all 64 bits at once) has to wake
 * who waits for that:
 *
 *	store the index; full fence; load (acquire) the flags that the kernel has
 *	for me: with KIPC_PIPE_ASK, and if the index has reached @until:
 *	KIPC_PIPE_WAKE
 *
 * That the other end is gone, or the pipe destroyed, is said there as well; read
 * KIPC_PIPE_GONE first (acquire) and the other index after that: what was written
 * comes before the end of file.
 *
 * poll(2) of a mapped read end: EPOLLIN while there is something in the buffer,
 * EPOLLHUP when the producer is gone; of a write end: EPOLLOUT while there is some
 * room, EPOLLERR when the consumer is gone.  After a KIPC_PIPE_WAIT with EAGAIN
 * what that was for has to be reached as well, until the next KIPC_PIPE_WAIT.
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
#define KIPC_PIPE_WAIT		_IO(KIPC_IOC_TYPE, 0x65)
#define KIPC_PIPE_WAKE		_IO(KIPC_IOC_TYPE, 0x66)

/* Flags of pipes. */
#define KIPC_PIPE_RECORD	(1U << 16)	/* create: keep record boundaries */
#define KIPC_PIPE_TURNS		(1U << 17)	/* create: many readers take turns */
#define KIPC_PIPE_NOSIGPIPE	(1U << 18)	/* handle: EPIPE without SIGPIPE */
#define KIPC_PIPE_MAPPED	(1U << 19)	/* create: mapped into both ends */

/**
 * struct kipc_pipe_create - make a pipe, or open it (KIPC_PIPE_CREATE)
 * @size: sizeof(struct kipc_pipe_create)
 * @flags: KIPC_EXCL, KIPC_PERSIST (both need a name), KIPC_NONBLOCK,
 *	KIPC_INHERIT, KIPC_PIPE_RECORD, KIPC_PIPE_TURNS, KIPC_PIPE_NOSIGPIPE,
 *	KIPC_PIPE_MAPPED (not together with KIPC_PIPE_TURNS)
 * @name: pointer to the name; 0: none, then both rights must be asked for
 * @name_len: its length in bytes
 * @mode: permission bits within 0666, less the caller's umask
 * @rights: which ends to open: KIPC_RIGHT_READ, KIPC_RIGHT_WRITE, both (two
 *	handles), or 0 (none, only with KIPC_PERSIST)
 * @result: (out) KIPC_RESULT_*
 * @id: (out) id of the object
 * @capacity: (in/out) bytes, 0 for the default; rounded up to whole pages, if it
 *	is mapped to a power of two; then the capacity that the pipe has.  A record
 *	takes its length and 4 bytes; mapped: 8, and what is missing to a multiple
 *	of 8
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
 * duplex broken, mapped with turns), ENOSPC (capacity above pipe_max), EBUSY
 * (second reader in SINGLE mode, second end of its side of a mapped pipe).
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
 * Errors: EINVAL (@len beyond SSIZE_MAX, a mapped pipe), EBADF (not that end),
 * EAGAIN, ETIMEDOUT, EINTR, EPIPE, EBUSY (another reader, SINGLE mode), EMSGSIZE
 * (the record is kept), ENOMEM (a thread's first read in TURNS mode).
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
 * fit), EINVAL (below pipe_min, a mapped pipe), ENOSPC (above pipe_max), EDQUOT,
 * EINTR, ENOMEM.
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
 *
 * Of a mapped pipe the kernel knows only how far an index is: that is @bytes, with
 * headers and padding, as whoever may write it says; @calls is 0.
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
 * @pipe_flags: (out) KIPC_PIPE_RECORD, KIPC_PIPE_TURNS, KIPC_PIPE_MAPPED
 * @pad: must be 0
 * @capacity: (out) bytes
 * @used: (out) bytes in use, record headers included
 * @readers: (out) the read side
 * @writers: (out) the write side
 * @my_bytes: (out) bytes that went through this handle; mapped: 0
 * @my_calls: (out) calls on this handle that moved data; mapped: 0
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

/* Offsets for mmap(2) of an end of a mapped pipe, in pages. */
#define KIPC_PIPE_PAGE_STATE	0
#define KIPC_PIPE_PAGE_PRODUCER	1
#define KIPC_PIPE_PAGE_CONSUMER	2
#define KIPC_PIPE_PAGE_DATA	3

/* Flags in struct kipc_pipe_news. */
#define KIPC_PIPE_ASK		(1U << 0)	/* wake the other end, at @until */
#define KIPC_PIPE_GONE		(1U << 1)	/* there was another end */
#define KIPC_PIPE_DESTROYED	(1U << 2)	/* the calls give EIDRM */

/**
 * struct kipc_pipe_news - what the kernel tells one end about the other one
 * @flags: KIPC_PIPE_ASK, KIPC_PIPE_GONE, KIPC_PIPE_DESTROYED; written last, with
 *	release
 * @pad: leave it alone
 * @until: with KIPC_PIPE_ASK: KIPC_PIPE_WAKE is wanted when (__s64)(index -
 *	until) is not negative, of the index of whom this is for; to be loaded
 *	after @flags, all 64 bits at once
 * @reserved: leave it alone; keeps each in a cache line of its own
 */
struct kipc_pipe_news {
	__u32 flags;
	__u32 pad;
	__aligned_u64 until;
	__aligned_u64 reserved[6];
};

/**
 * struct kipc_pipe_state - first in the page KIPC_PIPE_PAGE_STATE
 * @capacity: bytes; never changes
 * @reserved: leave it alone
 * @to_producer: for the write end, about the read end
 * @to_consumer: for the read end, about the write end
 *
 * Only the kernel writes there.
 */
struct kipc_pipe_state {
	__aligned_u64 capacity;
	__aligned_u64 reserved[7];
	struct kipc_pipe_news to_producer;
	struct kipc_pipe_news to_consumer;
};

/**
 * struct kipc_pipe_index - first in KIPC_PIPE_PAGE_PRODUCER and _CONSUMER
 * @total: bytes ever put in (the head) or taken out (the tail), headers and
 *	padding included; a multiple of 8, 0 in a new pipe
 *
 * An end that is opened after another one was gone goes on where that one was.
 */
struct kipc_pipe_index {
	__aligned_u64 total;
};

/**
 * struct kipc_pipe_record - what lies before the payload of a record
 * @len: of the payload, in bytes; the next record begins at the next multiple of
 *	8 behind that
 * @pad: 0
 */
struct kipc_pipe_record {
	__u32 len;
	__u32 pad;
};

/**
 * struct kipc_pipe_wait - sleep until the other end has got far enough
 *	(KIPC_PIPE_WAIT, on an end of a mapped pipe)
 * @size: sizeof(struct kipc_pipe_wait)
 * @flags: KIPC_IO_NONBLOCK
 * @until: sleep until the other end's index is that or more: (__s64)(index -
 *	until) is not negative
 * @deadline_ns: when to give up; 0: never
 *
 * A consumer that wants a record waits for tail + 1, or more for more than one;
 * a producer that wants room for a record of n bytes, header and padding
 * included, for head + n - capacity.  So as not to wait for each other, they must
 * not want more than the capacity together: a consumer that waits for m bytes
 * beyond the tail and a producer that waits for n, at most capacity + 8.
 *
 * Succeeds as well when the other end, which was there, is gone: look at the
 * pages for what it is.  An end that never had another one waits for that.
 *
 * Errors: EINVAL (not a mapped pipe), EAGAIN (then poll(2) waits for the same),
 * ETIMEDOUT, EINTR, EBUSY (another thread sleeps on this end), EIDRM.
 */
struct kipc_pipe_wait {
	__u32 size;
	__u32 flags;
	__aligned_u64 until;
	__aligned_u64 deadline_ns;
};

/**
 * struct kipc_pipe_wake - say that one's own index was moved (KIPC_PIPE_WAKE, on
 *	an end of a mapped pipe)
 * @size: sizeof(struct kipc_pipe_wake)
 * @flags: must be 0
 *
 * Wakes the other end if it sleeps, or polls, for what is reached by now.  Does no
 * harm at any time; is needed only with KIPC_PIPE_ASK.  When a process ends, closes
 * a descriptor of the end or unmaps an area of it, that does the same.
 *
 * Errors: EINVAL (not a mapped pipe).
 */
struct kipc_pipe_wake {
	__u32 size;
	__u32 flags;
};

#endif /* _UAPI_LINUX_KIPC_PIPE_H */
