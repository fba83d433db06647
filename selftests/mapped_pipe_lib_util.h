/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the tests of the library's part of mapped pipes share: ends that it has
 * mapped, and records that can be told from each other.
 */
#ifndef MAPPED_PIPE_LIB_UTIL_H
#define MAPPED_PIPE_LIB_UTIL_H

#include <kipc/mapped_pipe.h>

#include "mapped_pipe_util.h"

#define NONBLOCK	KIPC_MAPPED_NONBLOCK
#define MORE		KIPC_MAPPED_MORE

/* Nothing that has to happen takes so long. */
static inline uint64_t patience(void)
{
	return now_ns() + PATIENCE_NS;
}

/* At its deadline a wait looks once more: who needed that was not woken. */
static inline int64_t in_time(int64_t ret, uint64_t deadline)
{
	return now_ns() >= deadline ? -ETIMEDOUT : ret;
}

static inline void lib_close(struct kipc_mapped_pipe *pipe)
{
	kipc_mapped_pipe_unmap(pipe);
	close(pipe->fd);
}

/* A new mapped pipe, with both ends mapped here; 0 or -errno. */
static inline int lib_ends(struct kipc_mapped_pipe *wr,
			   struct kipc_mapped_pipe *rd, uint64_t capacity)
{
	int fd[2], ret = mapped_pipe(fd, capacity);

	if (!ret)
		ret = kipc_mapped_pipe_map(wr, fd[1]);
	return ret ? ret : kipc_mapped_pipe_map(rd, fd[0]);
}

static inline int peek_now(struct kipc_mapped_pipe *rd)
{
	const void *payload;
	size_t len;

	return kipc_mapped_pipe_peek(rd, &payload, &len, NONBLOCK, 0);
}

static inline int reserve_now(struct kipc_mapped_pipe *wr, size_t len)
{
	void *payload;

	return kipc_mapped_pipe_reserve(wr, len, &payload, NONBLOCK, 0);
}

/* In the child that is to be one end: @fd[0] or @fd[1]. */
static inline void lib_be_end(struct kipc_mapped_pipe *pipe, const int fd[2],
			      int which)
{
	close(fd[!which]);
	CHECK_EQ(0, kipc_mapped_pipe_map(pipe, fd[which]));
}

/* Record @number of a stream of records of up to @longest bytes, at least 16. */
static inline size_t numbered_len(uint64_t number, size_t longest)
{
	uint64_t mix = number * 0x9e3779b97f4a7c15ULL;

	return 8 + (mix >> 40) % (longest - 7);
}

static inline void numbered_fill(void *payload, uint64_t number, size_t len)
{
	memcpy(payload, &number, 8);
	pattern_fill((char *)payload + 8, number, len - 8);
}

static inline bool numbered_ok(const void *payload, uint64_t number, size_t len,
			       size_t longest)
{
	return len == numbered_len(number, longest) &&
	       !memcmp(payload, &number, 8) &&
	       pattern_ok((const char *)payload + 8, number, len - 8);
}

/* The payload lies in the buffer, all of it. */
static inline bool in_buffer(const struct kipc_mapped_pipe *pipe,
			     const void *payload, size_t len)
{
	size_t at = (const char *)payload - pipe->data;

	return at % 8 == 0 && at < pipe->capacity + HEADER &&
	       len <= pipe->capacity - HEADER &&
	       at + len <= 2 * pipe->capacity;
}

/* A call of the library that may sleep, made by a thread of its own. */
struct lib_call {
	struct kipc_mapped_pipe *pipe;
	void *buf;
	size_t len;
	int ended;		/* set last, by the thread */
	ssize_t ret;
	pthread_t thread;
};

static inline void *lib_call_run(void *data)
{
	struct lib_call *call = data;

	if (call->pipe->producer)
		call->ret = kipc_mapped_pipe_write(call->pipe, call->buf,
						   call->len, 0, 0);
	else
		call->ret = kipc_mapped_pipe_read(call->pipe, call->buf,
						  call->len, 0, 0);
	__atomic_store_n(&call->ended, 1, __ATOMIC_RELEASE);
	return NULL;
}

static inline int lib_call_start(struct lib_call *call)
{
	call->ended = 0;
	return -pthread_create(&call->thread, NULL, lib_call_run, call);
}

/* Starts it and sees it asleep. */
static inline bool lib_call_asleep(struct lib_call *call)
{
	int fd = call->pipe->fd;

	return !lib_call_start(call) &&
	       wait_for(kipc_readers_waiting(fd) + kipc_writers_waiting(fd));
}

static inline bool lib_call_ended(struct lib_call *call)
{
	return __atomic_load_n(&call->ended, __ATOMIC_ACQUIRE);
}

/* What it gave, or KIPC_HUNG. */
static inline ssize_t lib_call_end(struct lib_call *call)
{
	if (!wait_for(lib_call_ended(call)))
		return KIPC_HUNG;
	pthread_join(call->thread, NULL);
	return call->ret;
}

#endif /* MAPPED_PIPE_LIB_UTIL_H */
