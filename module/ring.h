/* SPDX-License-Identifier: GPL-2.0 */
/*
 * DOC: rings
 *
 * The memory of a pipe: a fixed number of bytes, used round and round.  A ring
 * knows nothing of who reads and who writes; it copies between a position in
 * it and a caller's buffer, in two pieces where the end is in between.
 *
 * Every position is below the size and every length at most the size; that is
 * for the caller to see to.
 */
#ifndef KIPC_RING_H
#define KIPC_RING_H

#include <linux/mm.h>
#include <linux/string.h>
#include <linux/uio.h>

/**
 * struct kipc_ring - memory used round and round
 * @data: the bytes; not zeroed, nothing is read that was not written before
 * @size: how many; a multiple of the page size
 */
struct kipc_ring {
	u8 *data;
	u64 size;
};

/*
 * Memory is charged to the caller's cgroup; if that is full the call fails, and
 * nobody is killed for it.  Return: 0 or -ENOMEM.
 */
static inline int kipc_ring_init(struct kipc_ring *ring, u64 size)
{
	ring->size = size;
	ring->data = kvmalloc(size, GFP_KERNEL_ACCOUNT | __GFP_RETRY_MAYFAIL |
				    __GFP_NOWARN);
	return ring->data ? 0 : -ENOMEM;
}

static inline void kipc_ring_free(struct kipc_ring *ring)
{
	kvfree(ring->data);
}

/* The position @len bytes after @pos. */
static inline u64 kipc_ring_after(const struct kipc_ring *ring, u64 pos,
				  u64 len)
{
	pos += len;
	return pos < ring->size ? pos : pos - ring->size;
}

/* How many of @len bytes from @pos on lie before the end. */
static inline u64 kipc_ring_straight(const struct kipc_ring *ring, u64 pos,
				     u64 len)
{
	return min(len, ring->size - pos);
}

/* Where @len bytes from @pos on are, if they are in one piece; or NULL. */
static inline void *kipc_ring_piece(const struct kipc_ring *ring, u64 pos,
				    u64 len)
{
	return likely(len <= ring->size - pos) ? ring->data + pos : NULL;
}

/*
 * Copies from an iterator into the ring.  Context: may fault.
 * Return: bytes copied; fewer than @len after a fault.
 */
static inline u64 kipc_ring_from_iter(struct kipc_ring *ring, u64 pos, u64 len,
				      struct iov_iter *from)
{
	u64 first = kipc_ring_straight(ring, pos, len);
	u64 done = copy_from_iter(ring->data + pos, first, from);

	if (unlikely(len > first && done == first))
		done += copy_from_iter(ring->data, len - first, from);
	return done;
}

/* Copies from the ring into an iterator; as kipc_ring_from_iter(). */
static inline u64 kipc_ring_to_iter(struct kipc_ring *ring, u64 pos, u64 len,
				    struct iov_iter *to)
{
	u64 first = kipc_ring_straight(ring, pos, len);
	u64 done = copy_to_iter(ring->data + pos, first, to);

	if (unlikely(len > first && done == first))
		done += copy_to_iter(ring->data, len - first, to);
	return done;
}

static inline void kipc_ring_put(struct kipc_ring *ring, u64 pos,
				 const void *from, u64 len)
{
	u64 first = kipc_ring_straight(ring, pos, len);

	memcpy(ring->data + pos, from, first);
	memcpy(ring->data, from + first, len - first);
}

static inline void kipc_ring_get(const struct kipc_ring *ring, u64 pos,
				 void *to, u64 len)
{
	u64 first = kipc_ring_straight(ring, pos, len);

	memcpy(to, ring->data + pos, first);
	memcpy(to + first, ring->data, len - first);
}

#endif /* KIPC_RING_H */
