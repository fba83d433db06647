// SPDX-License-Identifier: GPL-2.0
/* A ring in a memfd that sleeps on futexes: see futex_ring.h. */
#include <errno.h>
#include <linux/futex.h>
#include <stdbool.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "futex_ring.h"

#define HEADER		sizeof(uint64_t)	/* keeps bodies aligned */
#define CONTROL		4096U			/* bytes in front of the data */

static uint32_t load(const uint32_t *from)
{
	return __atomic_load_n(from, __ATOMIC_ACQUIRE);
}

static void store(uint32_t *to, uint32_t value)
{
	__atomic_store_n(to, value, __ATOMIC_RELEASE);
}

/* The record at this end. */
static char *record(const struct futex_ring *ring)
{
	return ring->data + (ring->index & (ring->size - 1));
}

/* Bytes of a record with a body of @len. */
static uint32_t record_size(size_t len)
{
	return HEADER + ((len + HEADER - 1) & ~(HEADER - 1));
}

static int map_data(struct futex_ring *ring, int fd)
{
	int prot = PROT_READ | PROT_WRITE, flags = MAP_SHARED | MAP_POPULATE;
	int half;

	/* So much address space that nothing else is in the second half. */
	ring->data = mmap(NULL, 2 * (size_t)ring->size, PROT_NONE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (ring->data == MAP_FAILED)
		return -errno;
	for (half = 0; half < 2; half++) {
		if (mmap(ring->data + half * (size_t)ring->size, ring->size,
			 prot, flags | MAP_FIXED, fd, CONTROL) == MAP_FAILED)
			return -errno;
	}
	ring->shared = mmap(NULL, CONTROL, prot, flags, fd, 0);
	return ring->shared == MAP_FAILED ? -errno : 0;
}

int futex_ring_open(struct futex_ring *ring, size_t size)
{
	int fd = memfd_create("futex-ring", MFD_CLOEXEC), ret;

	*ring = (struct futex_ring){ .size = size };
	if (fd < 0)
		return -errno;
	ret = ftruncate(fd, CONTROL + size) ? -errno : map_data(ring, fd);
	close(fd);
	return ret;
}

void futex_ring_close(struct futex_ring *ring)
{
	munmap(ring->shared, CONTROL);
	munmap(ring->data, 2 * (size_t)ring->size);
}

static void futex(struct futex_ring *ring, uint32_t *word, int op,
		  uint32_t value)
{
	/* Woken early or not at all: the caller looks again in either case. */
	syscall(SYS_futex, word, op, value, NULL, NULL, 0);
	ring->calls++;
}

/* Sleeps until the index of @other is no longer what was seen. */
static void wait_for_other(struct futex_ring *ring,
			   struct futex_ring_end *self,
			   struct futex_ring_end *other)
{
	uint32_t seen = ring->seen;

	ring->seen = load(&other->index);
	if (ring->seen != seen)
		return;
	store(&self->asleep, 1);
	/* Pairs with the one in move(). */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (load(&other->index) == seen)
		futex(ring, &self->asleep, FUTEX_WAIT, 1);
	store(&self->asleep, 0);
	ring->seen = load(&other->index);
}

/* What was written or read before is so for whoever sees the index. */
static void move(struct futex_ring *ring, struct futex_ring_end *self,
		 struct futex_ring_end *other, uint32_t bytes)
{
	ring->index += bytes;
	store(&self->index, ring->index);
	/* Pairs with the one in wait_for_other(). */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (load(&other->asleep) &&
	    __atomic_exchange_n(&other->asleep, 0, __ATOMIC_RELAXED))
		futex(ring, &other->asleep, FUTEX_WAKE, 1);
}

void *futex_ring_reserve(struct futex_ring *ring, size_t len)
{
	struct futex_ring_shared *shared = ring->shared;
	uint32_t need = record_size(len);

	while (ring->size - (ring->index - ring->seen) < need)
		wait_for_other(ring, &shared->producer, &shared->consumer);
	*(uint64_t *)record(ring) = len;
	return record(ring) + HEADER;
}

void futex_ring_commit(struct futex_ring *ring)
{
	struct futex_ring_shared *shared = ring->shared;

	move(ring, &shared->producer, &shared->consumer,
	     record_size(*(uint64_t *)record(ring)));
}

void *futex_ring_peek(struct futex_ring *ring, size_t *len)
{
	struct futex_ring_shared *shared = ring->shared;

	while (ring->seen == ring->index)
		wait_for_other(ring, &shared->consumer, &shared->producer);
	*len = *(uint64_t *)record(ring);
	return record(ring) + HEADER;
}

void futex_ring_release(struct futex_ring *ring)
{
	struct futex_ring_shared *shared = ring->shared;

	move(ring, &shared->consumer, &shared->producer,
	     record_size(*(uint64_t *)record(ring)));
}
