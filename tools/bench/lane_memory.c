// SPDX-License-Identifier: GPL-2.0
/*
 * Lanes through memory: a mapped pipe, a ring that both map, and
 * process_vm_writev(2) into the receiver's own, with two such rings to say what is
 * full and what is free.
 */
#include <err.h>
#include <sys/uio.h>

#include <kipc/mapped_pipe.h>

#include "kipc_util.h"
#include "futex_ring.h"
#include "lane.h"

#define CAPACITY	(64 << 10)
#define LARGE		(1 << 20)
#define SLOTS_MAX	64
#define USUAL		64		/* bytes of what is compared */

/* Each process maps its end when it first has use for it. */
static void mapped_make(struct lane *lane)
{
	size_t size = lane->kind->capacity;
	int fd[2], ret;

	while (size < 2 * (lane->size + 2 * sizeof(uint64_t)))
		size *= 2;
	ret = kipc_pipe(fd, size, KIPC_PIPE_MAPPED);
	if (ret)
		errx(1, "cannot create a mapped pipe: %s", strerror(-ret));
	lane->from = fd[0];
	lane->to = fd[1];
	lane->priv = calloc(1, sizeof(struct kipc_mapped_pipe));
	if (!lane->priv)
		err(1, "calloc");
}

static struct kipc_mapped_pipe *mapped_end(struct lane *lane, int fd)
{
	struct kipc_mapped_pipe *pipe = lane->priv;
	int ret;

	if (__builtin_expect(!pipe->data, 0)) {
		ret = kipc_mapped_pipe_map(pipe, fd);
		if (ret)
			errx(1, "kipc_mapped_pipe_map: %s", strerror(-ret));
	}
	return pipe;
}

/* The loops know the length when they are compiled, as programs do that send what they
 * have a type for.
 */
static inline __attribute__((always_inline)) void
mapped_write(struct kipc_mapped_pipe *pipe, char *body, size_t size,
	     uint32_t flags)
{
	int ret = kipc_mapped_pipe_write(pipe, body, size, flags, 0);

	if (__builtin_expect(ret, 0))
		errx(1, "kipc_mapped_pipe_write: %s", strerror(-ret));
}

static inline __attribute__((always_inline)) void
mapped_read(struct kipc_mapped_pipe *pipe, char *body, size_t size,
	    uint32_t flags)
{
	ssize_t ret = kipc_mapped_pipe_read(pipe, body, size, flags, 0);

	if (__builtin_expect(ret != (ssize_t)size, 0))
		errx(1, "kipc_mapped_pipe_read: %s", strerror(-ret));
}

/* Does @one to @count messages. */
static inline __attribute__((always_inline)) void
mapped_many(struct lane *lane, struct kipc_mapped_pipe *pipe, size_t size,
	    unsigned long count,
	    void (*one)(struct kipc_mapped_pipe *pipe, char *body, size_t size,
			uint32_t flags))
{
	unsigned long held = lane->kind->batch ? lane->kind->batch - 1 : 0;
	char *body = lane->body;

	/* The last one is held back by nothing. */
	while (count--)
		one(pipe, body, size, count & held ? KIPC_MAPPED_MORE : 0);
	lane->calls = pipe->calls;
}

static void mapped_send_many(struct lane *lane, unsigned long count)
{
	struct kipc_mapped_pipe *pipe = mapped_end(lane, lane->to);

	if (lane->size == USUAL)
		mapped_many(lane, pipe, USUAL, count, mapped_write);
	else
		mapped_many(lane, pipe, lane->size, count, mapped_write);
}

static void mapped_recv_many(struct lane *lane, unsigned long count)
{
	struct kipc_mapped_pipe *pipe = mapped_end(lane, lane->from);

	if (lane->size == USUAL)
		mapped_many(lane, pipe, USUAL, count, mapped_read);
	else
		mapped_many(lane, pipe, lane->size, count, mapped_read);
}

static void mapped_send(struct lane *lane)
{
	mapped_send_many(lane, 1);
}

static void mapped_recv(struct lane *lane)
{
	mapped_recv_many(lane, 1);
}

static void mapped_remove(struct lane *lane)
{
	struct kipc_mapped_pipe *pipe = lane->priv;

	if (pipe->data)
		kipc_mapped_pipe_unmap(pipe);
	close(lane->to);
	close(lane->from);
	free(pipe);
}

static void ring_open(struct futex_ring *ring, size_t size)
{
	int ret = futex_ring_open(ring, size);

	if (ret)
		errx(1, "cannot make a ring: %s", strerror(-ret));
}

/* Two of the longest records fit: one goes in while the other comes out. */
static void ring_make(struct lane *lane)
{
	size_t size = lane->kind->capacity;

	while (size < 2 * (lane->size + 2 * sizeof(uint64_t)))
		size *= 2;
	lane->priv = malloc(sizeof(struct futex_ring));
	if (!lane->priv)
		err(1, "malloc");
	ring_open(lane->priv, size);
}

/* Copied in and out again, as read and write do. */
static inline __attribute__((always_inline)) void
ring_write(struct lane *lane, size_t size, unsigned long count)
{
	struct futex_ring *ring = lane->priv;

	while (count--) {
		memcpy(futex_ring_reserve(ring, size), lane->body, size);
		futex_ring_commit(ring);
	}
}

static inline __attribute__((always_inline)) void
ring_read(struct lane *lane, size_t size, unsigned long count)
{
	struct futex_ring *ring = lane->priv;
	const void *body;
	size_t len;

	while (count--) {
		body = futex_ring_peek(ring, &len);
		if (__builtin_expect(len != size, 0))
			errx(1, "a record of %zu bytes", len);
		memcpy(lane->body, body, size);
		futex_ring_release(ring);
	}
}

static void ring_send_many(struct lane *lane, unsigned long count)
{
	const struct futex_ring *ring = lane->priv;

	if (lane->size == USUAL)
		ring_write(lane, USUAL, count);
	else
		ring_write(lane, lane->size, count);
	lane->calls = ring->calls;
}

static void ring_recv_many(struct lane *lane, unsigned long count)
{
	const struct futex_ring *ring = lane->priv;

	if (lane->size == USUAL)
		ring_read(lane, USUAL, count);
	else
		ring_read(lane, lane->size, count);
	lane->calls = ring->calls;
}

static void ring_send(struct lane *lane)
{
	ring_send_many(lane, 1);
}

static void ring_recv(struct lane *lane)
{
	ring_recv_many(lane, 1);
}

static void ring_remove(struct lane *lane)
{
	futex_ring_close(lane->priv);
	free(lane->priv);
}

/* What travels over the rings: a place in the receiver's memory. */
struct slot {
	pid_t pid;
	unsigned int number;
};

/* @slots: at the same address in both processes, the receiver's is in use */
struct window {
	struct futex_ring full;
	struct futex_ring empty;
	unsigned int count;
	unsigned long writes;
	bool opened;		/* by the receiver */
	char *slots;
};

static void slot_send(struct futex_ring *ring, pid_t pid, unsigned int number)
{
	struct slot *slot = futex_ring_reserve(ring, sizeof(*slot));

	*slot = (struct slot){ .pid = pid, .number = number };
	futex_ring_commit(ring);
}

static struct slot slot_recv(struct futex_ring *ring)
{
	struct slot slot;
	size_t len;

	slot = *(struct slot *)futex_ring_peek(ring, &len);
	futex_ring_release(ring);
	return slot;
}

static void writev_make(struct lane *lane)
{
	struct window *own = calloc(1, sizeof(*own));

	if (!own)
		err(1, "calloc");
	own->count = CAPACITY / lane->size;
	if (own->count < 2)
		own->count = 2;
	if (own->count > SLOTS_MAX)
		own->count = SLOTS_MAX;
	own->slots = malloc(own->count * lane->size);
	if (!own->slots)
		err(1, "malloc");
	ring_open(&own->full, 4096);
	ring_open(&own->empty, 4096);
	lane->priv = own;
}

static void count_calls(struct lane *lane)
{
	const struct window *own = lane->priv;

	lane->calls = own->full.calls + own->empty.calls + own->writes;
}

static void writev_send(struct lane *lane)
{
	struct window *own = lane->priv;
	struct slot slot = slot_recv(&own->empty);
	struct iovec from = { lane->body, lane->size };
	struct iovec to = {
		own->slots + slot.number * lane->size, lane->size
	};

	if (process_vm_writev(slot.pid, &from, 1, &to, 1, 0) !=
	    (ssize_t)lane->size)
		err(1, "process_vm_writev");
	own->writes++;
	slot_send(&own->full, slot.pid, slot.number);
	count_calls(lane);
}

/* The message is in the receiver's memory, where it wants it: no copy. */
static void writev_recv(struct lane *lane)
{
	struct window *own = lane->priv;
	struct slot slot;
	unsigned int i;

	if (!own->opened) {
		/* Its own pages, which fork() has left shared. */
		memset(own->slots, 0, own->count * lane->size);
		for (i = 0; i < own->count; i++)
			slot_send(&own->empty, getpid(), i);
		own->opened = true;
	}
	slot = slot_recv(&own->full);
	slot_send(&own->empty, slot.pid, slot.number);
	count_calls(lane);
}

static void writev_remove(struct lane *lane)
{
	struct window *own = lane->priv;

	futex_ring_close(&own->full);
	futex_ring_close(&own->empty);
	free(own->slots);
	free(own);
}

const struct lane_kind lane_mapped_pipe = {
	.capacity = CAPACITY,
	.make = mapped_make, .send = mapped_send, .recv = mapped_recv,
	.send_many = mapped_send_many, .recv_many = mapped_recv_many,
	.remove = mapped_remove,
};

const struct lane_kind lane_mapped_pipe_32 = {
	.capacity = CAPACITY,
	.batch = 32,
	.make = mapped_make, .send = mapped_send, .recv = mapped_recv,
	.send_many = mapped_send_many, .recv_many = mapped_recv_many,
	.remove = mapped_remove,
};

const struct lane_kind lane_futex_ring = {
	.capacity = CAPACITY,
	.make = ring_make, .send = ring_send, .recv = ring_recv,
	.send_many = ring_send_many, .recv_many = ring_recv_many,
	.remove = ring_remove,
};

const struct lane_kind lane_futex_ring_large = {
	.capacity = LARGE,
	.make = ring_make, .send = ring_send, .recv = ring_recv,
	.send_many = ring_send_many, .recv_many = ring_recv_many,
	.remove = ring_remove,
};

const struct lane_kind lane_writev = {
	.make = writev_make, .send = writev_send, .recv = writev_recv,
	.remove = writev_remove,
};
