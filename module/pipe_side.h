/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the owner of a side does with it: see pipe.h for the rules.  These are
 * the short steps that every read and write goes through, and so inline.
 */
#ifndef KIPC_PIPE_SIDE_H
#define KIPC_PIPE_SIDE_H

#include <linux/poll.h>

#include "pipe.h"

/* pipe_io.c: for those who found that somebody waits */
void kipc_pipe_rouse_readers(struct kipc_pipe *pipe);
void kipc_pipe_rouse_writers(struct kipc_pipe *pipe);

/* pipe_io.c: for the owner of the read side */
s64 kipc_pipe_await_data(struct kipc_pipe *pipe, u64 enough, bool nowait,
			 u64 deadline_ns);
ssize_t kipc_pipe_read_owned(struct kipc_pipe_end *end, struct iov_iter *to,
			     bool nowait, u64 deadline_ns, u64 *needed);

/* pipe_io.c: for that of the write side */
ssize_t kipc_pipe_write_owned(struct kipc_pipe_end *end, struct iov_iter *from,
			      bool nowait, u64 deadline_ns, u64 *longest);

/* The other side's total, and with it the bytes that were moved before. */
static inline u64 kipc_side_total(const struct kipc_side *side)
{
	/* Pairs with the store in kipc_side_advance(). */
	return smp_load_acquire(&side->total);
}

/* Counts what the owner of @side has moved and lets the other side see it. */
static inline void kipc_side_advance(struct kipc_pipe *pipe,
				     struct kipc_side *side, u64 len)
{
	side->pos = kipc_ring_after(&pipe->ring, side->pos, len);
	/* The bytes were moved before; pairs with kipc_side_total(). */
	smp_store_release(&side->total, side->total + len);
}

static inline void kipc_side_count(struct kipc_side *side,
				   struct kipc_pipe_end *end, u64 bytes)
{
	side->bytes += bytes;
	side->calls++;
	end->bytes += bytes;
	end->calls++;
}

/*
 * What there is to read, looked up anew if it was less than @enough when the
 * owner of the read side, who asks, looked last.
 */
static inline u64 kipc_pipe_available(struct kipc_pipe *pipe, u64 enough)
{
	struct kipc_side *rd = &pipe->rd;

	if (rd->seen - rd->total < enough)
		rd->seen = kipc_side_total(&pipe->wr);
	return rd->seen - rd->total;
}

/* Room in the ring, likewise; the owner of the write side asks. */
static inline u64 kipc_pipe_room(struct kipc_pipe *pipe, u64 enough)
{
	struct kipc_side *wr = &pipe->wr;
	u64 size = pipe->ring.size;

	if (size - (wr->total - wr->seen) < enough)
		wr->seen = kipc_side_total(&pipe->rd);
	return size - (wr->total - wr->seen);
}

static inline bool kipc_side_waits(struct kipc_side *side)
{
	/* The barrier that these want is the caller's. */
	return waitqueue_active(&side->sleep) || waitqueue_active(&side->poll);
}

/*
 * Tells the readers of new data.  The caller has stored the head, and then had a
 * barrier, which pairs with that of a sleeper or a poller: see pipe.h.
 */
static __always_inline void kipc_pipe_wrote(struct kipc_pipe *pipe)
{
	if (unlikely(kipc_side_waits(&pipe->rd)))
		kipc_pipe_rouse_readers(pipe);
}

/* Tells the writers of new room; as kipc_pipe_wrote(). */
static __always_inline void kipc_pipe_took(struct kipc_pipe *pipe)
{
	if (unlikely(kipc_side_waits(&pipe->wr)))
		kipc_pipe_rouse_writers(pipe);
}

/* The owner of the read side leaves it; @moved: he has taken something out. */
static __always_inline void kipc_pipe_leave_read(struct kipc_pipe *pipe,
						 bool moved)
{
	if (unlikely(kipc_gate_leave(&pipe->rd.gate)))
		kipc_pipe_wake_readers(pipe, KIPC_POLL_READ);
	/* Leaving was the barrier. */
	if (moved)
		kipc_pipe_took(pipe);
}

/* The owner of the write side leaves it; @moved: he has put something in. */
static __always_inline void kipc_pipe_leave_write(struct kipc_pipe *pipe,
						  bool moved)
{
	if (unlikely(kipc_gate_leave(&pipe->wr.gate)))
		kipc_pipe_wake_writers(pipe, KIPC_POLL_WRITE);
	/* Leaving was the barrier. */
	if (moved)
		kipc_pipe_wrote(pipe);
}

#endif /* KIPC_PIPE_SIDE_H */
