/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the tests of mapped pipes share: the ends by hand, without the library, so
 * that each step is one that a test can leave out.
 */
#ifndef MAPPED_PIPE_UTIL_H
#define MAPPED_PIPE_UTIL_H

#include <poll.h>

#include "core_util.h"

#define PROT_RW		(PROT_READ | PROT_WRITE)
#define HEADER		sizeof(struct kipc_pipe_record)

static inline size_t page_size(void)
{
	return sysconf(_SC_PAGESIZE);
}

/**
 * struct end - one end, mapped
 * @fd: the handle
 * @capacity: in bytes
 * @state: the kernel's page
 * @news: in it, for this end
 * @mine: index of this end
 * @other: index of the other one
 * @data: twice the capacity
 */
struct end {
	int fd;
	uint64_t capacity;
	struct kipc_pipe_state *state;
	struct kipc_pipe_news *news;
	struct kipc_pipe_index *mine;
	struct kipc_pipe_index *other;
	char *data;
};

/* A mapped pipe without a name; @fd gets the read end and the write end. */
static inline int mapped_pipe(int fd[2], uint64_t capacity)
{
	return kipc_pipe(fd, capacity, KIPC_PIPE_MAPPED);
}

static inline void *map_area(int fd, unsigned int page, size_t len, int prot)
{
	return mmap(NULL, len, prot, MAP_SHARED, fd,
		    (off_t)page * page_size());
}

static inline bool mapped(const void *mem)
{
	return mem != MAP_FAILED;
}

/* Maps all areas of an end; 0 or -errno. */
static inline int end_map(struct end *end, int fd, bool writer)
{
	unsigned int mine = writer ? KIPC_PIPE_PAGE_PRODUCER :
				     KIPC_PIPE_PAGE_CONSUMER;
	unsigned int other = writer ? KIPC_PIPE_PAGE_CONSUMER :
				      KIPC_PIPE_PAGE_PRODUCER;

	end->fd = fd;
	end->state = map_area(fd, KIPC_PIPE_PAGE_STATE, page_size(), PROT_READ);
	if (!mapped(end->state))
		return -errno;
	end->capacity = end->state->capacity;
	end->news = writer ? &end->state->to_producer :
			     &end->state->to_consumer;
	end->mine = map_area(fd, mine, page_size(), PROT_RW);
	end->other = map_area(fd, other, page_size(), PROT_READ);
	end->data = map_area(fd, KIPC_PIPE_PAGE_DATA, 2 * end->capacity,
			     writer ? PROT_RW : PROT_READ);
	if (!mapped(end->mine) || !mapped(end->other) || !mapped(end->data))
		return -errno;
	return 0;
}

static inline void end_unmap(struct end *end)
{
	munmap(end->state, page_size());
	munmap(end->mine, page_size());
	munmap(end->other, page_size());
	munmap(end->data, 2 * end->capacity);
}

/* A new mapped pipe, with both ends mapped here; 0 or -errno. */
static inline int both_ends(struct end *wr, struct end *rd, uint64_t capacity)
{
	int fd[2], ret = mapped_pipe(fd, capacity);

	if (!ret)
		ret = end_map(wr, fd[1], true);
	return ret ? ret : end_map(rd, fd[0], false);
}

static inline uint64_t index_get(const struct kipc_pipe_index *index)
{
	return __atomic_load_n(&index->total, __ATOMIC_ACQUIRE);
}

/* Moves an index, and says nothing. */
static inline void end_move(struct end *end, uint64_t total)
{
	__atomic_store_n(&end->mine->total, total, __ATOMIC_RELEASE);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
}

static inline uint32_t end_flags(const struct end *end)
{
	return __atomic_load_n(&end->news->flags, __ATOMIC_ACQUIRE);
}

/* Has this end to wake the other one? */
static inline bool end_asked(const struct end *end)
{
	return end_flags(end) & KIPC_PIPE_ASK &&
	       (int64_t)(end->mine->total - end->news->until) >= 0;
}

static inline int pipe_wake(int fd)
{
	struct kipc_pipe_wake arg = { .size = sizeof(arg) };

	return kipc_ioctl(fd, KIPC_PIPE_WAKE, &arg);
}

static inline int pipe_wait(int fd, uint64_t until, uint32_t flags,
			    uint64_t deadline_ns)
{
	struct kipc_pipe_wait arg = {
		.size = sizeof(arg),
		.flags = flags,
		.until = until,
		.deadline_ns = deadline_ns,
	};

	return kipc_ioctl(fd, KIPC_PIPE_WAIT, &arg);
}

static inline int pipe_try(int fd, uint64_t until)
{
	return pipe_wait(fd, until, KIPC_IO_NONBLOCK, 0);
}

/* Moves an index and wakes whom it has to; true if it had to. */
static inline bool end_advance(struct end *end, uint64_t bytes)
{
	bool asked;

	end_move(end, end->mine->total + bytes);
	asked = end_asked(end);
	if (asked)
		pipe_wake(end->fd);
	return asked;
}

/* How much a record with a payload of @len takes. */
static inline uint64_t record_size(uint32_t len)
{
	return (HEADER + len + 7) & ~7ULL;
}

/* Writes a record behind the head, and does not move that. */
static inline void record_put(struct end *wr, const void *payload, uint32_t len)
{
	uint64_t at = wr->mine->total % wr->capacity;
	struct kipc_pipe_record record = { .len = len };

	memcpy(wr->data + at, &record, sizeof(record));
	memcpy(wr->data + at + sizeof(record), payload, len);
}

/* A KIPC_PIPE_WAIT by a thread of its own. */
struct wait_call {
	int fd;
	uint64_t until;
	uint64_t deadline_ns;
	uint32_t flags;
	int ended;		/* set last, by the thread */
	int ret;
	pthread_t thread;
};

static inline void *wait_call_run(void *data)
{
	struct wait_call *call = data;

	call->ret = pipe_wait(call->fd, call->until, call->flags,
			      call->deadline_ns);
	__atomic_store_n(&call->ended, 1, __ATOMIC_RELEASE);
	return NULL;
}

static inline bool wait_call_ended(struct wait_call *call)
{
	return __atomic_load_n(&call->ended, __ATOMIC_ACQUIRE);
}

static inline int wait_call_start(struct wait_call *call)
{
	call->ended = 0;
	return -pthread_create(&call->thread, NULL, wait_call_run, call);
}

/* What it gave, or KIPC_HUNG. */
static inline int wait_call_end(struct wait_call *call)
{
	if (!wait_for(wait_call_ended(call)))
		return KIPC_HUNG;
	pthread_join(call->thread, NULL);
	return call->ret;
}

/* Starts it and sees it asleep, on the side that @waiting tells of. */
static inline bool wait_call_asleep(struct wait_call *call,
				    unsigned int (*waiting)(int fd))
{
	return !wait_call_start(call) && wait_for(waiting(call->fd) == 1);
}

static inline int poll_now(int fd)
{
	struct pollfd polled = {
		.fd = fd,
		.events = POLLIN | POLLOUT | POLLHUP | POLLERR,
	};

	return poll(&polled, 1, 0) < 0 ? -errno : polled.revents;
}

/* As scaled(), and fewer on such a kernel, where each takes long. */
static inline unsigned long scaled_rounds(unsigned long full)
{
	return scaled(kernel_is_checked() ? full / 4 : full);
}

#endif /* MAPPED_PIPE_UTIL_H */
