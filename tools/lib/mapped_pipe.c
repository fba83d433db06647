// SPDX-License-Identifier: LGPL-2.1-or-later
/* Mapped pipes: what is not done in user space, and what is seldom done. */
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <kipc/mapped_pipe.h>

/* How many turns to wait before going to sleep: some tens of microseconds at most,
 * so that an end that is only interrupted, or is waking somebody, is waited for.
 */
#define SPINS		1024

/* How many of them come between two looks.  With each the other end loses the cache
 * line that it counts in; who looks at every turn gets every record by itself, and
 * makes both ends slow.
 */
#define STRIDE		16

/* A sleep that is no longer than this was not worth it. */
#define SHORT_NS	50000U

/* ioctl() that gives -errno, and leaves errno alone. */
static int ask(int fd, unsigned long cmd, void *arg)
{
	int before = errno, ret = ioctl(fd, cmd, arg);

	if (ret < 0) {
		ret = -errno;
		errno = before;
	}
	return ret;
}

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ULL + ts.tv_nsec;
}

#ifndef __has_builtin
#define __has_builtin(name)	0
#endif

static void relax(void)
{
#if __has_builtin(__builtin_ia32_pause)
	__builtin_ia32_pause();
#else
	__asm__ volatile("" ::: "memory");
#endif
}

/* What to add to the other's index to have @limit. */
static uint64_t slack(const struct kipc_mapped_pipe *pipe)
{
	return pipe->producer ? pipe->capacity : 0;
}

/* ---- mapping ---- */

/* One area of the pipe; NULL, with *@ret set, if it cannot be had. */
static void *map_area(int fd, unsigned int page, size_t len, bool writable,
		      int *ret)
{
	int prot = PROT_READ | (writable ? PROT_WRITE : 0), before = errno;
	off_t offset = page * sysconf(_SC_PAGESIZE);
	void *area;

	if (*ret)
		return NULL;
	/* So that no page fault comes later. */
	area = mmap(NULL, len, prot, MAP_SHARED | MAP_POPULATE, fd, offset);
	if (area == MAP_FAILED) {
		*ret = -errno;
		errno = before;
		return NULL;
	}
	return area;
}

static void unmap_area(const void *area, size_t len)
{
	if (area)
		munmap((void *)area, len);
}

static int map_all(struct kipc_mapped_pipe *pipe)
{
	bool producer = pipe->producer;
	size_t page = sysconf(_SC_PAGESIZE);
	void *head, *tail;
	int ret = 0;

	pipe->state = map_area(pipe->fd, KIPC_PIPE_PAGE_STATE, page, false,
			       &ret);
	head = map_area(pipe->fd, KIPC_PIPE_PAGE_PRODUCER, page, producer,
			&ret);
	tail = map_area(pipe->fd, KIPC_PIPE_PAGE_CONSUMER, page, !producer,
			&ret);
	pipe->data = map_area(pipe->fd, KIPC_PIPE_PAGE_DATA, 2 * pipe->capacity,
			      producer, &ret);
	pipe->mine = producer ? head : tail;
	pipe->other = producer ? tail : head;
	return ret;
}

/* Goes on where the last one of this end has left off. */
static int begin(struct kipc_mapped_pipe *pipe)
{
	uint64_t other = __atomic_load_n(&pipe->other->total, __ATOMIC_ACQUIRE);

	pipe->at = __atomic_load_n(&pipe->mine->total, __ATOMIC_RELAXED);
	pipe->limit = other + slack(pipe);
	if (pipe->limit - pipe->at > pipe->capacity || pipe->at % 8 || other % 8)
		return -EBADMSG;
	return 0;
}

/* Which end of what @fd is. */
static int identify(struct kipc_mapped_pipe *pipe, int fd)
{
	struct kipc_pipe_stat stat = { .size = sizeof(stat) };
	struct kipc_stat object = { .size = sizeof(object) };
	int ret = ask(fd, KIPC_PIPE_STAT, &stat);

	if (!ret)
		ret = ask(fd, KIPC_STAT, &object);
	if (ret)
		return ret;
	if (!(stat.pipe_flags & KIPC_PIPE_MAPPED))
		return -EINVAL;
	*pipe = (struct kipc_mapped_pipe){
		.capacity = stat.capacity,
		.spins = sysconf(_SC_NPROCESSORS_ONLN) > 1 ? SPINS : 0,
		.budget = SPINS,
		.producer = object.rights == KIPC_RIGHT_WRITE,
		.fd = fd,
	};
	return 0;
}

/**
 * kipc_mapped_pipe_map() - use one end of a mapped pipe
 * @pipe: to be filled in
 * @fd: handle of one end of a pipe made with KIPC_PIPE_MAPPED; it has to stay open
 *
 * Return: 0; -EINVAL (another sort of pipe), -EBADMSG (the indices cannot be), or
 * what mmap(2) and KIPC_PIPE_STAT say.
 */
int kipc_mapped_pipe_map(struct kipc_mapped_pipe *pipe, int fd)
{
	int ret = identify(pipe, fd);

	if (ret)
		return ret;
	ret = map_all(pipe);
	if (!ret) {
		pipe->news = pipe->producer ? &pipe->state->to_producer :
					      &pipe->state->to_consumer;
		ret = begin(pipe);
	}
	if (ret)
		kipc_mapped_pipe_unmap(pipe);
	return ret;
}

/**
 * kipc_mapped_pipe_unmap() - undo kipc_mapped_pipe_map()
 * @pipe: the end
 *
 * What was not published never will be.  The end is there until its last descriptor
 * is closed as well.
 */
void kipc_mapped_pipe_unmap(struct kipc_mapped_pipe *pipe)
{
	size_t page = sysconf(_SC_PAGESIZE);

	unmap_area(pipe->state, page);
	unmap_area(pipe->mine, page);
	unmap_area(pipe->other, page);
	unmap_area(pipe->data, 2 * pipe->capacity);
	*pipe = (struct kipc_mapped_pipe){ .fd = pipe->fd };
}

/* ---- waiting ---- */

/**
 * kipc_mapped_pipe_spoilt() - the other end has written what cannot be
 * @pipe: the end, which gives -EBADMSG from now on
 */
void kipc_mapped_pipe_spoilt(struct kipc_mapped_pipe *pipe)
{
	/* What makes the short paths come here. */
	static const struct kipc_pipe_news ended = {
		.flags = KIPC_PIPE_DESTROYED,
	};

	pipe->error = -EBADMSG;
	pipe->record = 0;
	pipe->news = &ended;
}

/*
 * Looks for @bytes of room or content.  The other's index never goes back, and there
 * is no more of either than the buffer holds.
 *
 * Gives 0, -EAGAIN (not enough yet), or what is final.
 */
static int look(struct kipc_mapped_pipe *pipe, uint64_t bytes)
{
	uint32_t flags = __atomic_load_n(&pipe->news->flags, __ATOMIC_ACQUIRE);
	uint64_t other = __atomic_load_n(&pipe->other->total, __ATOMIC_ACQUIRE);
	uint64_t limit = other + slack(pipe);
	uint64_t most = pipe->at + pipe->capacity;

	if (flags & KIPC_PIPE_DESTROYED)
		return -EIDRM;
	if (pipe->producer && flags & KIPC_PIPE_GONE)
		return -EPIPE;
	if (limit - pipe->limit > most - pipe->limit || other % 8) {
		kipc_mapped_pipe_spoilt(pipe);
		return -EBADMSG;
	}
	pipe->limit = limit;
	if (limit - pipe->at >= bytes)
		return 0;
	return flags & KIPC_PIPE_GONE ? -EPIPE : -EAGAIN;
}

/* What the other's index has to reach for @bytes of room or content. */
static uint64_t until(const struct kipc_mapped_pipe *pipe, uint64_t bytes)
{
	return pipe->at + bytes - slack(pipe);
}

/* Whether it was worth it the caller finds out. */
static void spin(struct kipc_mapped_pipe *pipe, uint64_t bytes)
{
	uint64_t goal = until(pipe, bytes), other;
	uint32_t turn;

	if (pipe->budget > pipe->spins)
		pipe->budget = pipe->spins;
	for (turn = 1; turn <= pipe->budget; turn++) {
		relax();
		if (turn % STRIDE)
			continue;
		other = __atomic_load_n(&pipe->other->total, __ATOMIC_RELAXED);
		if ((int64_t)(other - goal) >= 0 || kipc_mapped_pipe_ended(pipe))
			return;
	}
}

static int sleep_for(struct kipc_mapped_pipe *pipe, uint64_t bytes,
		     uint32_t flags, uint64_t deadline_ns)
{
	struct kipc_pipe_wait arg = {
		.size = sizeof(arg),
		.flags = flags,
		.until = until(pipe, bytes),
		.deadline_ns = deadline_ns,
	};

	pipe->calls++;
	return ask(pipe->fd, KIPC_PIPE_WAIT, &arg);
}

/*
 * Where sleeps are short it pays to wait a little longer before the next.  Where they
 * are long, as with a slow other end or without a processor for it, to wait only takes
 * time from others.
 */
static void learn(struct kipc_mapped_pipe *pipe, uint64_t slept_ns)
{
	if (slept_ns > SHORT_NS)
		pipe->budget /= 2;
	else if (pipe->budget < pipe->spins)
		pipe->budget += pipe->budget + STRIDE;
}

/* For what is needed and no more: when an end that was woken comes to run, there is
 * much more.
 */
static int sleep_until_enough(struct kipc_mapped_pipe *pipe, uint64_t bytes,
			      uint64_t deadline_ns)
{
	int ret;

	do {
		ret = sleep_for(pipe, bytes, 0, deadline_ns);
		if (ret)
			return ret;
		ret = look(pipe, bytes);
		/* An index that comes and goes must not keep us for ever. */
		if (ret == -EAGAIN && deadline_ns && now_ns() >= deadline_ns)
			return -ETIMEDOUT;
	} while (ret == -EAGAIN);
	return ret;
}

static int wait_for(struct kipc_mapped_pipe *pipe, uint64_t bytes,
		    uint64_t deadline_ns)
{
	uint64_t start;
	int ret;

	spin(pipe, bytes);
	ret = look(pipe, bytes);
	if (ret != -EAGAIN)
		return ret;
	start = now_ns();
	ret = sleep_until_enough(pipe, bytes, deadline_ns);
	learn(pipe, now_ns() - start);
	return ret;
}

/* It asks the kernel only for what poll(2) would not wait for without being told. */
static int try_for(struct kipc_mapped_pipe *pipe, uint64_t bytes)
{
	int ret = -EAGAIN;

	if (pipe->producer)
		ret = sleep_for(pipe, bytes, KIPC_IO_NONBLOCK, 0);
	return ret ? ret : look(pipe, bytes);
}

/**
 * kipc_mapped_pipe_wait() - look at the other end's index, and sleep if it is not
 *	far enough
 * @pipe: the end; what it has not published yet it publishes
 * @len: bytes of the payload that there is to be room for; 0 for the read end, which
 *	waits for any record
 * @flags: KIPC_MAPPED_NONBLOCK
 * @deadline_ns: when to give up; 0: never
 *
 * Return: 0 or a negative errno, see <kipc/mapped_pipe.h>.
 */
int kipc_mapped_pipe_wait(struct kipc_mapped_pipe *pipe, size_t len,
			  uint32_t flags, uint64_t deadline_ns)
{
	uint64_t bytes;
	int ret;

	pipe->record = 0;
	if (pipe->error)
		return pipe->error;
	if (len > pipe->capacity - sizeof(struct kipc_pipe_record))
		return -EMSGSIZE;
	bytes = kipc_mapped_pipe_bytes(len);
	/* The other end may be waiting for that. */
	if (pipe->at != __atomic_load_n(&pipe->mine->total, __ATOMIC_RELAXED))
		kipc_mapped_pipe_publish(pipe);
	ret = look(pipe, bytes);
	if (ret != -EAGAIN)
		return ret;
	if (flags & KIPC_MAPPED_NONBLOCK)
		return try_for(pipe, bytes);
	return wait_for(pipe, bytes, deadline_ns);
}

/**
 * kipc_mapped_pipe_wake() - wake the other end if it waits for what it now has
 * @pipe: the end, which was asked to
 *
 * Return: 0; -EIDRM.
 */
int kipc_mapped_pipe_wake(struct kipc_mapped_pipe *pipe)
{
	struct kipc_pipe_wake arg = { .size = sizeof(arg) };
	uint64_t goal = __atomic_load_n(&pipe->news->until, __ATOMIC_RELAXED);

	if ((int64_t)(pipe->at - goal) < 0)
		return 0;
	pipe->calls++;
	return ask(pipe->fd, KIPC_PIPE_WAKE, &arg);
}
