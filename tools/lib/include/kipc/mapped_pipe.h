/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Mapped pipes of kipc: records from one process to another without a system call.
 *
 * The buffer and two indices lie in pages that both ends have mapped.  The producer
 * reserves room, fills it and commits; the consumer peeks at the next record, where
 * it lies, and releases it.  Nobody enters the kernel but to sleep, and to wake who
 * sleeps: <linux/kipc/pipe.h> has the rules.
 *
 * The functions return 0 or a negative errno, and leave errno alone:
 *
 *	-EPIPE		there was another end and there is none now; the consumer has
 *			had all that was committed: end of file
 *	-EAGAIN		it would have to sleep (KIPC_MAPPED_NONBLOCK, or the handle is
 *			O_NONBLOCK); poll(2) tells when it is worth another try
 *	-ETIMEDOUT, -EINTR
 *	-EIDRM		the pipe was destroyed
 *	-EBADMSG	the other end has written what cannot be; it stays so
 *	-EBUSY		another thread sleeps on this end
 *	-EBADF		it is the other end's to do that
 *
 * Deadlines are absolute, in nanoseconds of CLOCK_MONOTONIC; 0 means none.
 *
 * An end is used by one thread at a time.  A child made by fork(2) does not have
 * the mapping: it may map the end for itself when its parent is done with it.
 *
 * What the other end can write is not trusted: a bad index or length gives -EBADMSG,
 * and never an access outside the buffer.  A consumer that does not trust its
 * producer copies a record before it looks at it, since it may change meanwhile.
 *
 * Memory orderings.  Each pair has one half in each end, or one in the kernel:
 *
 *  - a record: the release of the producer's index in kipc_mapped_pipe_publish(),
 *    after length and payload were written, with the acquire of that index by the
 *    consumer in kipc_mapped_pipe_content() or kipc_mapped_pipe_wait(), before he
 *    reads them.  The index that he keeps from then on (@limit) covers what he reads
 *    later without a look.
 *  - room: the release of the consumer's index in kipc_mapped_pipe_publish(), after
 *    the records were read, with the acquire of that index by the producer in
 *    kipc_mapped_pipe_wait(), before he writes over them.
 *  - "I have moved" with "I am going to sleep": who moves stores his index, has a
 *    full fence, and loads the flags for KIPC_PIPE_ASK.  Who sleeps (KIPC_PIPE_WAIT,
 *    or poll) has the kernel set KIPC_PIPE_ASK, has smp_mb() there, and the kernel
 *    loads the index.  Of the two stores one comes first, and its writer's load of
 *    the other cannot come before it: either the mover sees that he is asked or the
 *    kernel sees that he has moved.  No wake-up is lost.
 *  - what is asked for: the kernel stores @until before it sets KIPC_PIPE_ASK, with
 *    release, and the mover loads it after the flags, with acquire.  Should it be the
 *    @until of an earlier sleep that he sees, the later one's store comes after his
 *    fence, and the kernel's look at the index with it.
 *  - the end: the kernel sets KIPC_PIPE_GONE after all that the other end has
 *    stored, with release.  The consumer loads the flags, with acquire, before the
 *    index: when he sees that the producer is gone, he sees all that it committed.
 *  - a load that finds nothing new orders nothing and need not.  So it is with those
 *    that spin, and with the one before the short paths: what they find is looked at
 *    again, or is no worse than to have come a moment earlier.
 */
#ifndef KIPC_MAPPED_PIPE_H
#define KIPC_MAPPED_PIPE_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/types.h>

#include <linux/kipc.h>

#ifdef __cplusplus
extern "C" {
#endif

/* commit, release, write, read: do not show it to the other end yet */
#define KIPC_MAPPED_MORE	(1U << 0)
/* reserve, peek, write, read: -EAGAIN rather than sleep */
#define KIPC_MAPPED_NONBLOCK	(1U << 1)

/**
 * struct kipc_mapped_pipe - one end of a mapped pipe, in this process
 * @at: this end's index, with what the other one has not been shown
 * @limit: how far @at may go, by the last look at the other's index
 * @record: bytes of the record at hand (reserved, or peeked at), header included;
 *	0: none
 * @data: the buffer, twice in a row
 * @capacity: its bytes, a power of two
 * @mine: where this end shows its index
 * @other: where the other end does
 * @news: what the kernel says of the other end
 * @state: where that is
 * @spins: how many turns to wait before going to sleep, at most; the caller may
 *	change it.  0 on a machine with one processor
 * @budget: how many it is now, by what the last sleeps were like
 * @producer: it is the write end
 * @fd: the handle; it is the caller's to close, after kipc_mapped_pipe_unmap()
 * @error: what was wrong with the other end, for good
 * @calls: how often this end has entered the kernel
 * @pad: for later
 * @reserved: for later; keeps apart the ends that two threads of a process use
 */
struct kipc_mapped_pipe {
	uint64_t at;
	uint64_t limit;
	uint64_t record;
	char *data;
	uint64_t capacity;
	struct kipc_pipe_index *mine;
	const struct kipc_pipe_index *other;
	const struct kipc_pipe_news *news;
	const struct kipc_pipe_state *state;
	uint32_t spins;
	uint32_t producer;
	int fd;
	int error;
	uint64_t calls;
	uint32_t budget;
	uint32_t pad;
	uint64_t reserved[7];
};

int kipc_mapped_pipe_map(struct kipc_mapped_pipe *pipe, int fd);
void kipc_mapped_pipe_unmap(struct kipc_mapped_pipe *pipe);

/* What the functions below call when they have to. */
int kipc_mapped_pipe_wait(struct kipc_mapped_pipe *pipe, size_t len,
			  uint32_t flags, uint64_t deadline_ns);
int kipc_mapped_pipe_wake(struct kipc_mapped_pipe *pipe);
void kipc_mapped_pipe_spoilt(struct kipc_mapped_pipe *pipe);

/* Bytes of a record with a payload of @len, which has been found to fit. */
static inline uint64_t kipc_mapped_pipe_bytes(size_t len)
{
	return ((uint64_t)len + sizeof(struct kipc_pipe_record) + 7) & ~7ULL;
}

/* Where the next record is or will be: it does not have to end before the first of
 * the two copies does.
 */
static inline struct kipc_pipe_record *
kipc_mapped_pipe_here(const struct kipc_mapped_pipe *pipe)
{
	return (struct kipc_pipe_record *)
		(pipe->data + (pipe->at & (pipe->capacity - 1)));
}

/* Length and padding as one number; what the length is if the padding is 0. */
static inline uint64_t
kipc_mapped_pipe_header(const struct kipc_pipe_record *record)
{
	typedef uint64_t __attribute__((may_alias)) word;
	uint64_t header = __atomic_load_n((const word *)record,
					  __ATOMIC_RELAXED);

#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
	header = header << 32 | header >> 32;
#endif
	return header;
}

/* Is there something that cannot wait until the buffer is full or empty? */
static inline bool kipc_mapped_pipe_ended(const struct kipc_mapped_pipe *pipe)
{
	return __atomic_load_n(&pipe->news->flags, __ATOMIC_RELAXED) &
	       (KIPC_PIPE_GONE | KIPC_PIPE_DESTROYED);
}

/* Is there room for a payload of @len, as far as is known? */
static inline bool kipc_mapped_pipe_room(const struct kipc_mapped_pipe *pipe,
					 size_t len)
{
	uint64_t left = pipe->limit - pipe->at;

	return left > len && left - sizeof(struct kipc_pipe_record) >= len &&
	       !kipc_mapped_pipe_ended(pipe);
}

/* Is there a record?  Nothing is known of those that the last look did not find. */
static inline bool kipc_mapped_pipe_content(struct kipc_mapped_pipe *pipe)
{
	uint64_t limit = pipe->limit;

	if (limit == pipe->at) {
		limit = __atomic_load_n(&pipe->other->total, __ATOMIC_ACQUIRE);
		if (limit - pipe->at - 1 >= pipe->capacity || limit % 8)
			return false;
		pipe->limit = limit;
	}
	return !kipc_mapped_pipe_ended(pipe);
}

/**
 * kipc_mapped_pipe_publish() - show the other end what was done with
 *	KIPC_MAPPED_MORE
 * @pipe: the end
 *
 * Return: 0; -EIDRM: nobody will look at it.
 */
static inline int kipc_mapped_pipe_publish(struct kipc_mapped_pipe *pipe)
{
	__atomic_store_n(&pipe->mine->total, pipe->at, __ATOMIC_RELEASE);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (__builtin_expect(__atomic_load_n(&pipe->news->flags,
					     __ATOMIC_ACQUIRE) &
			     KIPC_PIPE_ASK, 0))
		return kipc_mapped_pipe_wake(pipe);
	return 0;
}

/* Goes past the record at hand. */
static inline int kipc_mapped_pipe_advance(struct kipc_mapped_pipe *pipe,
					   uint64_t bytes, uint32_t flags)
{
	pipe->at += bytes;
	pipe->record = 0;
	if (flags & KIPC_MAPPED_MORE)
		return 0;
	return kipc_mapped_pipe_publish(pipe);
}

/* Sees to it that there is room for a payload of @len. */
static inline int kipc_mapped_pipe_make_room(struct kipc_mapped_pipe *pipe,
					     size_t len, uint32_t flags,
					     uint64_t deadline_ns)
{
	if (__builtin_expect(!pipe->producer, 0))
		return -EBADF;
	if (__builtin_expect(!kipc_mapped_pipe_room(pipe, len), 0))
		return kipc_mapped_pipe_wait(pipe, len, flags, deadline_ns);
	return 0;
}

/**
 * kipc_mapped_pipe_reserve() - get room for a record, and sleep until there is
 * @pipe: the write end
 * @len: bytes of the longest payload that it is to hold
 * @payload: is set to where it goes, at a multiple of 8; NULL with an error
 * @flags: KIPC_MAPPED_NONBLOCK
 * @deadline_ns: when to give up; 0: never
 *
 * Nobody sees anything of it before kipc_mapped_pipe_commit().  Reserving again
 * gives up what was reserved.
 *
 * Return: 0; -EMSGSIZE: longer than the capacity less 8; or see above.
 */
static inline int kipc_mapped_pipe_reserve(struct kipc_mapped_pipe *pipe,
					   size_t len, void **payload,
					   uint32_t flags, uint64_t deadline_ns)
{
	int ret = kipc_mapped_pipe_make_room(pipe, len, flags, deadline_ns);

	*payload = NULL;
	if (__builtin_expect(ret, 0))
		return ret;
	pipe->record = kipc_mapped_pipe_bytes(len);
	*payload = kipc_mapped_pipe_here(pipe) + 1;
	return 0;
}

/* Completes @record, which is the next one. */
static inline int kipc_mapped_pipe_put(struct kipc_mapped_pipe *pipe,
				       struct kipc_pipe_record *record,
				       size_t len, uint32_t flags)
{
	record->len = (uint32_t)len;
	record->pad = 0;
	return kipc_mapped_pipe_advance(pipe, kipc_mapped_pipe_bytes(len),
					flags);
}

/**
 * kipc_mapped_pipe_commit() - the record that was reserved is complete
 * @pipe: the write end
 * @len: bytes of its payload, at most what was reserved
 * @flags: KIPC_MAPPED_MORE: others follow, and this one is to be seen together with
 *	them.  Whatever has to wait, or kipc_mapped_pipe_publish(), shows them
 *
 * Return: 0; -EINVAL: nothing was reserved, or less; -EIDRM.
 */
static inline int kipc_mapped_pipe_commit(struct kipc_mapped_pipe *pipe,
					  size_t len, uint32_t flags)
{
	struct kipc_pipe_record *record = kipc_mapped_pipe_here(pipe);

	if (__builtin_expect(len >= pipe->record ||
			     len > pipe->record - sizeof(*record), 0))
		return -EINVAL;
	return kipc_mapped_pipe_put(pipe, record, len, flags);
}

/**
 * kipc_mapped_pipe_peek() - look at the next record, and sleep until there is one
 * @pipe: the read end
 * @payload: is set to where it lies, at a multiple of 8; NULL with an error
 * @len: is set to its length in bytes, which may be 0
 * @flags: KIPC_MAPPED_NONBLOCK
 * @deadline_ns: when to give up; 0: never
 *
 * It stays there until kipc_mapped_pipe_release(): peeking again gives the same one.
 *
 * Return: 0; -EPIPE at the end of file; or see above.
 */
static inline int kipc_mapped_pipe_peek(struct kipc_mapped_pipe *pipe,
					const void **payload, size_t *len,
					uint32_t flags, uint64_t deadline_ns)
{
	const struct kipc_pipe_record *record = kipc_mapped_pipe_here(pipe);
	uint64_t header;
	int ret;

	*payload = NULL;
	*len = 0;
	if (__builtin_expect(pipe->producer, 0))
		return -EBADF;
	if (__builtin_expect(!kipc_mapped_pipe_content(pipe), 0)) {
		ret = kipc_mapped_pipe_wait(pipe, 0, flags, deadline_ns);
		if (ret)
			return ret;
	}
	/* Once: the producer can change it at any time. */
	header = kipc_mapped_pipe_header(record);
	if (__builtin_expect(header > pipe->limit - pipe->at - sizeof(*record),
			     0)) {
		kipc_mapped_pipe_spoilt(pipe);
		return -EBADMSG;
	}
	pipe->record = kipc_mapped_pipe_bytes(header);
	*payload = record + 1;
	*len = header;
	return 0;
}

/**
 * kipc_mapped_pipe_release() - be done with the record that was peeked at
 * @pipe: the read end
 * @flags: KIPC_MAPPED_MORE: let the producer have the room with that of later ones.
 *	Whatever has to wait, or kipc_mapped_pipe_publish(), gives it to him
 *
 * Return: 0; -EINVAL: there is no such record; -EIDRM.
 */
static inline int kipc_mapped_pipe_release(struct kipc_mapped_pipe *pipe,
					   uint32_t flags)
{
	if (__builtin_expect(!pipe->record, 0))
		return -EINVAL;
	return kipc_mapped_pipe_advance(pipe, pipe->record, flags);
}

/**
 * kipc_mapped_pipe_write() - reserve, copy and commit
 * @pipe: the write end
 * @buf: the payload
 * @len: its length in bytes
 * @flags: KIPC_MAPPED_NONBLOCK, KIPC_MAPPED_MORE
 * @deadline_ns: when to give up; 0: never
 *
 * Return: 0, or as kipc_mapped_pipe_reserve().
 */
static inline int kipc_mapped_pipe_write(struct kipc_mapped_pipe *pipe,
					 const void *buf, size_t len,
					 uint32_t flags, uint64_t deadline_ns)
{
	struct kipc_pipe_record *record = kipc_mapped_pipe_here(pipe);
	int ret = kipc_mapped_pipe_make_room(pipe, len, flags, deadline_ns);

	if (__builtin_expect(ret, 0))
		return ret;
	memcpy(record + 1, buf, len);
	return kipc_mapped_pipe_put(pipe, record, len, flags);
}

/**
 * kipc_mapped_pipe_read() - peek, copy and release
 * @pipe: the read end
 * @buf: where the payload goes
 * @size: room there, in bytes
 * @flags: KIPC_MAPPED_NONBLOCK, KIPC_MAPPED_MORE
 * @deadline_ns: when to give up; 0: never
 *
 * Return: the length of the record in bytes; -EMSGSIZE: it is longer than @size,
 * and stays; or as kipc_mapped_pipe_peek().
 */
static inline ssize_t kipc_mapped_pipe_read(struct kipc_mapped_pipe *pipe,
					    void *buf, size_t size,
					    uint32_t flags,
					    uint64_t deadline_ns)
{
	const void *payload;
	size_t len;
	int ret = kipc_mapped_pipe_peek(pipe, &payload, &len, flags,
					deadline_ns);

	if (__builtin_expect(ret, 0))
		return ret;
	/* The usual case in a way that the compiler can do without a call. */
	if (__builtin_expect(len == size, 1))
		memcpy(buf, payload, size);
	else if (len < size)
		memcpy(buf, payload, len);
	else
		return -EMSGSIZE;
	/* The caller has it, whatever becomes of the pipe. */
	kipc_mapped_pipe_advance(pipe, kipc_mapped_pipe_bytes(len), flags);
	return (ssize_t)len;
}

#ifdef __cplusplus
}
#endif

#endif /* KIPC_MAPPED_PIPE_H */
