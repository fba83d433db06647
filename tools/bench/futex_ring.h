/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A ring in a memfd, for one producer and one consumer, who enter the kernel to
 * sleep and to wake alone: what a program can have without kipc.
 *
 * A record is its length and its body, and always contiguous, because the data
 * is mapped twice in a row.  Each end writes one index, in a cache line of its
 * own, and keeps a copy of the other's that it renews only when it must.
 *
 * Who finds no room, or no record, says so in @asleep, looks once more, and
 * sleeps until that word is no longer 1.  Who moves his index looks at @asleep
 * after that, and sets it to 0 before he wakes.  Between the store and the load
 * there is a full barrier on both sides, so that at least one of the two sees what
 * the other wrote.  And who is told so between his last look and his sleep, perhaps
 * by one who has seen an earlier 1, does not fall asleep: no wake-up is lost.
 *
 * The ends trust each other: an index that the other has spoilt is believed, and
 * nobody notices when the other dies.
 */
#ifndef KIPC_BENCH_FUTEX_RING_H
#define KIPC_BENCH_FUTEX_RING_H

#include <stddef.h>
#include <stdint.h>

#define FUTEX_RING_LINE	64

/**
 * struct futex_ring_end - what one end shows the other
 * @index: bytes that it has put in, or taken out, so far; wraps
 * @asleep: 1 while it waits for the other's index to move; the futex
 */
struct futex_ring_end {
	uint32_t index;
	uint32_t asleep;
} __attribute__((aligned(FUTEX_RING_LINE)));

struct futex_ring_shared {
	struct futex_ring_end producer;
	struct futex_ring_end consumer;
};

/**
 * struct futex_ring - a ring, as a process sees it; copied by fork()
 * @shared: the indices
 * @data: the records, mapped twice in a row
 * @size: bytes of @data, a power of two
 * @index: of this end
 * @seen: the other's index, when it was last looked at
 * @calls: system calls that this process made for it
 */
struct futex_ring {
	struct futex_ring_shared *shared;
	char *data;
	uint32_t size;
	uint32_t index;
	uint32_t seen;
	unsigned long calls;
};

/* @size: a power of two, at least a page; a record takes 8 bytes more than its
 * body, rounded up to 8.  Gives 0 or -errno.
 */
int futex_ring_open(struct futex_ring *ring, size_t size);
void futex_ring_close(struct futex_ring *ring);

/* Room for a body of @len bytes, as soon as there is; then the record is sent. */
void *futex_ring_reserve(struct futex_ring *ring, size_t len);
void futex_ring_commit(struct futex_ring *ring);

/* The next record, as soon as there is one; then its room is free. */
void *futex_ring_peek(struct futex_ring *ring, size_t *len);
void futex_ring_release(struct futex_ring *ring);

#endif /* KIPC_BENCH_FUTEX_RING_H */
