// SPDX-License-Identifier: GPL-2.0
/* Moving data through a pipe: see pipe.h for who owns what and who wakes whom. */
#include <linux/poll.h>
#include <linux/sched/signal.h>

#include "pipe_side.h"

/**
 * kipc_pipe_used - bytes in the ring, for those who own neither side
 * @pipe: the pipe
 *
 * The tail is read first: it never passes the head.  By the time the head is
 * read a reader may have gone on, so that the difference can be too large.
 */
u64 kipc_pipe_used(struct kipc_pipe *pipe)
{
	u64 tail = kipc_side_total(&pipe->rd);
	u64 head = kipc_side_total(&pipe->wr);

	return min_t(u64, head - tail, READ_ONCE(pipe->ring.size));
}

/*
 * Wakes the owner of @side, if it sleeps and the @amount that it could have now
 * is enough, and pollers.
 */
static void kipc_side_rouse(struct kipc_side *side, u64 amount, __poll_t events)
{
	/* The barrier that this wants is the caller's. */
	if (waitqueue_active(&side->sleep) &&
	    amount >= READ_ONCE(side->need)) {
		wake_up_interruptible_sync_poll(&side->sleep, events);
		atomic64_inc(&side->wakeups);
	}
	/* And here. */
	if (waitqueue_active(&side->poll))
		wake_up_interruptible_poll(&side->poll, events);
}

/**
 * kipc_pipe_rouse_readers - there is new data, and somebody may wait for it
 * @pipe: the pipe
 *
 * Context: does not sleep; after a barrier, see kipc_pipe_wrote().
 */
void kipc_pipe_rouse_readers(struct kipc_pipe *pipe)
{
	kipc_side_rouse(&pipe->rd, kipc_pipe_used(pipe), KIPC_POLL_READ);
}

/**
 * kipc_pipe_rouse_writers - there is new room, and somebody may wait for it
 * @pipe: the pipe
 *
 * Context: does not sleep; after a barrier, see kipc_pipe_took().
 */
void kipc_pipe_rouse_writers(struct kipc_pipe *pipe)
{
	kipc_side_rouse(&pipe->wr, READ_ONCE(pipe->ring.size) -
			kipc_pipe_used(pipe), KIPC_POLL_WRITE);
}

/* Wakes everybody, EPOLLEXCLUSIVE or not: what happened is news for all. */
static void kipc_side_wake_all(struct kipc_side *side, __poll_t events)
{
	/* Pairs with the barrier of a sleeper or a poller: see pipe.h. */
	smp_mb();
	wake_up_interruptible_poll(&side->sleep, events);
	__wake_up(&side->poll, TASK_INTERRUPTIBLE, 0, poll_to_key(events));
}

/*
 * Pollers of a mapped pipe are told to look and not what for: io_uring, if told,
 * would not poll again, and that is what asks for the next wake-up.
 */
static __poll_t kipc_pipe_news(const struct kipc_pipe *pipe, __poll_t events)
{
	return unlikely(pipe->mapped) ? 0 : events;
}

/**
 * kipc_pipe_wake_readers - something happened that readers must look at
 * @pipe: the pipe
 * @events: for pollers
 */
void kipc_pipe_wake_readers(struct kipc_pipe *pipe, __poll_t events)
{
	kipc_side_wake_all(&pipe->rd, kipc_pipe_news(pipe, events));
}

/**
 * kipc_pipe_wake_writers - something happened that writers must look at
 * @pipe: the pipe
 * @events: for pollers
 */
void kipc_pipe_wake_writers(struct kipc_pipe *pipe, __poll_t events)
{
	kipc_side_wake_all(&pipe->wr, kipc_pipe_news(pipe, events));
}

/* Is there data, or will there never be any?  For the owner who sleeps. */
static bool kipc_pipe_readable(struct kipc_pipe *pipe)
{
	return kipc_pipe_used(pipe) || READ_ONCE(pipe->wr.gone) ||
	       kipc_object_destroyed(&pipe->object);
}

static bool kipc_pipe_writable(struct kipc_pipe *pipe)
{
	u64 size = READ_ONCE(pipe->ring.size);
	u64 need = READ_ONCE(pipe->wr.need);

	/* After it has shrunk the need may be more than there can ever be. */
	return size - kipc_pipe_used(pipe) >= need || need > size ||
	       READ_ONCE(pipe->rd.gone) ||
	       kipc_object_destroyed(&pipe->object);
}

/*
 * The owner waits for @ready before it sleeps, if that is wanted.  It is not on
 * @sleep yet, which saves the other side the wake-up: nothing is lost, for it
 * looks again once it is.  Who wants to borrow the gate gets it when the owner
 * parks it: so he makes an end of that.
 */
static bool kipc_side_spin(struct kipc_pipe *pipe, struct kipc_side *side,
			   bool (*ready)(struct kipc_pipe *pipe), u64 start_ns,
			   u64 deadline_ns)
{
	u32 spin_ns = kipc_object_spin_ns(&pipe->object);
	u64 end_ns;

	if (likely(!spin_ns))
		return false;
	end_ns = kipc_spin_end(spin_ns, start_ns, deadline_ns);
	while (kipc_may_spin(end_ns) && !kipc_gate_wanted(&side->gate)) {
		if (ready(pipe))
			return true;
		cpu_relax();
	}
	return false;
}

/*
 * The owner of @side sleeps until @ready, with the gate parked.
 *
 * Return: 0 if @ready; -ERESTARTSYS or -ETIMEDOUT.  A task that was killed does
 * not go on to take data with it.
 */
static int kipc_side_sleep(struct kipc_pipe *pipe, struct kipc_side *side,
			   bool (*ready)(struct kipc_pipe *pipe), u64 need,
			   u64 deadline_ns)
{
	u64 start = ktime_get_ns();
	DEFINE_WAIT(wait);
	int err = 0;

	WRITE_ONCE(side->need, need);
	if (kipc_side_spin(pipe, side, ready, start, deadline_ns))
		goto account;
	kipc_gate_park(&side->gate);
	do {
		prepare_to_wait(&side->sleep, &wait, TASK_INTERRUPTIBLE);
		if (ready(pipe))
			break;
		err = signal_pending(current) ? -ERESTARTSYS :
						kipc_schedule(deadline_ns);
		/* What came before a signal or the deadline counts. */
		if (ready(pipe)) {
			err = 0;
			break;
		}
	} while (!err);
	finish_wait(&side->sleep, &wait);
	kipc_gate_unpark(&side->gate);
account:
	kipc_wait_account(&side->gate.stats, start);

	return fatal_signal_pending(current) ? -ERESTARTSYS : err;
}

/**
 * kipc_pipe_await_data - wait for data, however little
 * @pipe: the pipe, whose read side the caller owns
 * @enough: how much to look for, if there is less it does not wait for more
 * @nowait: rather -EAGAIN than sleep
 * @deadline_ns: CLOCK_MONOTONIC, 0 for none
 *
 * Context: may sleep.
 * Return: how much there is, @enough or more if there is that much; 0 at end of
 * file; or a negative errno.
 */
s64 kipc_pipe_await_data(struct kipc_pipe *pipe, u64 enough, bool nowait,
			 u64 deadline_ns)
{
	for (;;) {
		u64 avail;
		int err;

		if (kipc_object_destroyed(&pipe->object))
			return -EIDRM;
		avail = kipc_pipe_available(pipe, enough);
		if (avail)
			return avail;
		if (READ_ONCE(pipe->wr.gone)) {
			/* What the last writer wrote comes before his end. */
			smp_rmb();
			return kipc_pipe_available(pipe, enough);
		}
		if (nowait)
			return -EAGAIN;
		err = kipc_side_sleep(pipe, &pipe->rd, kipc_pipe_readable, 1,
				      deadline_ns);
		if (err)
			return err;
	}
}

static ssize_t kipc_pipe_read_stream(struct kipc_pipe *pipe,
				     struct iov_iter *to, u64 avail)
{
	u64 left = min_t(u64, avail, iov_iter_count(to));
	ssize_t done = 0;

	for (;;) {
		u64 len = min_t(u64, left, KIPC_PIPE_STEP);
		u64 copied = kipc_ring_to_iter(&pipe->ring, pipe->rd.pos, len,
					       to);

		if (copied)
			kipc_side_advance(pipe, &pipe->rd, copied);
		done += copied;
		left -= copied;
		if (copied < len || !left)
			return done ?: -EFAULT;
		/* It goes on before it leaves. */
		smp_mb();
		kipc_pipe_took(pipe);
	}
}

static ssize_t kipc_pipe_read_record(struct kipc_pipe *pipe,
				     struct iov_iter *to, u64 *needed)
{
	struct kipc_side *rd = &pipe->rd;
	u64 pos;
	u32 len;

	kipc_ring_get(&pipe->ring, rd->pos, &len, sizeof(len));
	if (len > iov_iter_count(to)) {
		*needed = len;
		return -EMSGSIZE;
	}
	pos = kipc_ring_after(&pipe->ring, rd->pos, sizeof(len));
	if (kipc_ring_to_iter(&pipe->ring, pos, len, to) != len)
		return -EFAULT;
	kipc_side_advance(pipe, rd, sizeof(len) + len);
	return len;
}

/**
 * kipc_pipe_read_owned - kipc_pipe_read() by the owner of the read side
 * @end: a read end
 * @to: where to
 * @nowait: rather -EAGAIN than sleep
 * @deadline_ns: CLOCK_MONOTONIC, 0 for none
 * @needed: set to the record's length with -EMSGSIZE
 *
 * Context: may sleep.
 * Return: as kipc_pipe_read().
 */
ssize_t kipc_pipe_read_owned(struct kipc_pipe_end *end, struct iov_iter *to,
			     bool nowait, u64 deadline_ns, u64 *needed)
{
	struct kipc_pipe *pipe = kipc_to_pipe(end->handle.object);
	ssize_t done;
	s64 avail;

	avail = kipc_pipe_await_data(pipe, iov_iter_count(to), nowait,
				     deadline_ns);
	if (avail <= 0)
		return avail;
	if (pipe->flags & KIPC_PIPE_RECORD)
		done = kipc_pipe_read_record(pipe, to, needed);
	else
		done = kipc_pipe_read_stream(pipe, to, avail);
	if (done > 0)
		kipc_side_count(&pipe->rd, end, done);
	return done;
}

/* Turns come before the gate, which in this mode nobody else can hold. */
static ssize_t kipc_pipe_read_in_turn(struct kipc_pipe_end *end,
				      struct iov_iter *to, bool nowait,
				      u64 deadline_ns, u64 *needed)
{
	struct kipc_pipe *pipe = kipc_to_pipe(end->handle.object);
	enum kipc_turn_end how = KIPC_TURN_NOTHING;
	struct kipc_turn *turn = NULL;
	ssize_t ret = -EAGAIN;

	if (!nowait) {
		turn = kipc_turns_enter(&pipe->turns, deadline_ns);
		if (IS_ERR(turn))
			return PTR_ERR(turn);
	} else if (!kipc_turns_try_enter(&pipe->turns)) {
		return ret;
	}

	ret = kipc_gate_enter(&pipe->rd.gate,
			      nowait ? KIPC_GATE_TRY : KIPC_GATE_WAIT,
			      deadline_ns);
	if (ret)
		goto leave;
	/* A share must not go to one who was killed while he waited for it. */
	if (fatal_signal_pending(current))
		ret = -ERESTARTSYS;
	else
		ret = kipc_pipe_read_owned(end, to, nowait, deadline_ns,
					   needed);
	kipc_pipe_leave_read(pipe, ret > 0);
	if (ret > 0)
		how = KIPC_TURN_SHARE;
	else if (!ret || ret == -EIDRM)
		how = KIPC_TURN_OVER;
leave:
	kipc_turns_leave(&pipe->turns, turn, how);
	return ret;
}

/* In SINGLE mode whoever holds the gate is the reader. */
static ssize_t kipc_pipe_read_alone(struct kipc_pipe_end *end,
				    struct iov_iter *to, bool nowait,
				    u64 deadline_ns, u64 *needed)
{
	struct kipc_pipe *pipe = kipc_to_pipe(end->handle.object);
	ssize_t ret;

	ret = kipc_gate_enter(&pipe->rd.gate, nowait ? KIPC_GATE_TRY_ALONE :
			      KIPC_GATE_ALONE, 0);
	if (ret)
		return ret;
	ret = kipc_pipe_read_owned(end, to, nowait, deadline_ns, needed);
	kipc_pipe_leave_read(pipe, ret > 0);
	return ret;
}

/*
 * A task that came to a queue just after destroy had emptied it can be hit by a
 * signal or its deadline before its turn to see: that comes second.
 */
static ssize_t kipc_pipe_outcome(struct kipc_pipe *pipe, ssize_t ret)
{
	if (unlikely(ret == -ERESTARTSYS || ret == -ETIMEDOUT) &&
	    kipc_object_destroyed(&pipe->object))
		return -EIDRM;
	return ret;
}

/**
 * kipc_pipe_read - take data out
 * @end: a read end
 * @to: where to
 * @nowait: rather -EAGAIN than sleep
 * @deadline_ns: CLOCK_MONOTONIC, 0 for none
 * @needed: set to the record's length with -EMSGSIZE
 *
 * Context: may sleep; no lock held.
 * Return: bytes; 0 at end of file or if none were asked for; or a negative
 * errno, then nothing was taken.
 */
ssize_t kipc_pipe_read(struct kipc_pipe_end *end, struct iov_iter *to,
		       bool nowait, u64 deadline_ns, u64 *needed)
{
	struct kipc_pipe *pipe = kipc_to_pipe(end->handle.object);
	ssize_t ret;

	if (kipc_object_destroyed(&pipe->object))
		return -EIDRM;
	if (!iov_iter_count(to))
		return 0;
	if (pipe->flags & KIPC_PIPE_TURNS)
		ret = kipc_pipe_read_in_turn(end, to, nowait, deadline_ns,
					     needed);
	else
		ret = kipc_pipe_read_alone(end, to, nowait, deadline_ns,
					   needed);
	return kipc_pipe_outcome(pipe, ret);
}

/*
 * Waits for room for @len bytes.  A writer that has to sleep is woken when
 * there is room for @enough, so that a large write does not go in by the
 * spoonful, with two switches for each.
 *
 * Return: the room there is, or an error.
 */
static s64 kipc_pipe_await_room(struct kipc_pipe *pipe, u64 len, u64 enough,
				bool nowait, u64 deadline_ns)
{
	for (;;) {
		u64 room;
		int err;

		if (kipc_object_destroyed(&pipe->object))
			return -EIDRM;
		if (READ_ONCE(pipe->rd.gone))
			return -EPIPE;
		if (len > pipe->ring.size)
			return -EMSGSIZE;
		room = kipc_pipe_room(pipe, len);
		if (room >= len)
			return room;
		if (nowait)
			return -EAGAIN;
		err = kipc_side_sleep(pipe, &pipe->wr, kipc_pipe_writable,
				      min(enough, pipe->ring.size),
				      deadline_ns);
		if (err == -ETIMEDOUT) {
			/* Not what it hoped for may be what it needs. */
			room = kipc_pipe_room(pipe, len);
			return room >= len ? room : err;
		}
		if (err)
			return err;
	}
}

static ssize_t kipc_pipe_write_record(struct kipc_pipe *pipe,
				      struct iov_iter *from, bool nowait,
				      u64 deadline_ns, u64 *longest)
{
	struct kipc_side *wr = &pipe->wr;
	u64 whole = KIPC_RECORD_HEADER + iov_iter_count(from);
	u32 len = iov_iter_count(from);
	s64 room;
	u64 pos;

	room = kipc_pipe_await_room(pipe, whole, whole, nowait, deadline_ns);
	if (room < 0) {
		*longest = pipe->ring.size - KIPC_RECORD_HEADER;
		return room;
	}
	kipc_ring_put(&pipe->ring, wr->pos, &len, sizeof(len));
	pos = kipc_ring_after(&pipe->ring, wr->pos, sizeof(len));
	if (kipc_ring_from_iter(&pipe->ring, pos, len, from) != len)
		return -EFAULT;
	kipc_side_advance(pipe, wr, whole);
	return len;
}

static ssize_t kipc_pipe_write_stream(struct kipc_pipe *pipe,
				      struct iov_iter *from, bool nowait,
				      u64 deadline_ns)
{
	struct kipc_side *wr = &pipe->wr;
	u64 total = iov_iter_count(from);
	ssize_t done = 0;

	while (iov_iter_count(from)) {
		u64 left = iov_iter_count(from);
		bool whole = total <= KIPC_PIPE_ATOMIC;
		u64 enough = whole ? total : min(left, pipe->ring.size / 4);
		u64 len, copied;
		s64 room;

		room = kipc_pipe_await_room(pipe, whole ? total : 1, enough,
					    nowait, deadline_ns);
		if (room < 0)
			return done ?: room;
		len = min3((u64)room, left, (u64)KIPC_PIPE_STEP);
		copied = kipc_ring_from_iter(&pipe->ring, wr->pos, len, from);
		if (copied < len && whole)
			return -EFAULT;
		if (copied) {
			kipc_side_advance(pipe, wr, copied);
			done += copied;
		}
		if (copied < len)
			return done ?: -EFAULT;
		if (copied < left) {
			/* It goes on before it leaves, and may have to sleep. */
			smp_mb();
			kipc_pipe_wrote(pipe);
			/* Or never has to, if the readers keep up. */
			if (fatal_signal_pending(current))
				return done;
			cond_resched();
		}
	}
	return done;
}

/* Room that a write of @len bytes needs in order to do something. */
static u64 kipc_pipe_want(struct kipc_pipe *pipe, u64 len)
{
	if (pipe->flags & KIPC_PIPE_RECORD)
		return KIPC_RECORD_HEADER + len;
	return len <= KIPC_PIPE_ATOMIC ? len : 1;
}

/**
 * kipc_pipe_write_owned - kipc_pipe_write() by the owner of the write side
 * @end: a write end
 * @from: where from; not nothing
 * @nowait: rather -EAGAIN than sleep
 * @deadline_ns: CLOCK_MONOTONIC, 0 for none
 * @longest: set to the longest record possible with -EMSGSIZE
 *
 * Context: may sleep.
 * Return: as kipc_pipe_write().
 */
ssize_t kipc_pipe_write_owned(struct kipc_pipe_end *end, struct iov_iter *from,
			      bool nowait, u64 deadline_ns, u64 *longest)
{
	struct kipc_pipe *pipe = kipc_to_pipe(end->handle.object);
	size_t len = iov_iter_count(from);
	ssize_t ret;

	if (pipe->flags & KIPC_PIPE_RECORD)
		ret = kipc_pipe_write_record(pipe, from, nowait, deadline_ns,
					     longest);
	else
		ret = kipc_pipe_write_stream(pipe, from, nowait, deadline_ns);
	if (ret > 0)
		kipc_side_count(&pipe->wr, end, ret);
	if (unlikely(ret == -EAGAIN) || unlikely(end->want))
		WRITE_ONCE(end->want, ret == -EAGAIN ? kipc_pipe_want(pipe, len)
						     : 0);
	return ret;
}

/**
 * kipc_pipe_write - put data in
 * @end: a write end
 * @from: where from
 * @nowait: rather -EAGAIN than sleep
 * @deadline_ns: CLOCK_MONOTONIC, 0 for none
 * @longest: set to the longest record possible with -EMSGSIZE
 *
 * Context: may sleep; no lock held.
 * Return: bytes, fewer than asked for only of a stream longer than
 * KIPC_PIPE_ATOMIC; or a negative errno, then nothing was put in.
 */
ssize_t kipc_pipe_write(struct kipc_pipe_end *end, struct iov_iter *from,
			bool nowait, u64 deadline_ns, u64 *longest)
{
	struct kipc_pipe *pipe = kipc_to_pipe(end->handle.object);
	ssize_t ret;

	if (kipc_object_destroyed(&pipe->object))
		return -EIDRM;
	if (!iov_iter_count(from))
		return 0;

	ret = kipc_gate_enter(&pipe->wr.gate,
			      nowait ? KIPC_GATE_TRY : KIPC_GATE_WAIT,
			      deadline_ns);
	if (ret)
		return kipc_pipe_outcome(pipe, ret);
	ret = kipc_pipe_write_owned(end, from, nowait, deadline_ns, longest);
	kipc_pipe_leave_write(pipe, ret > 0);
	return kipc_pipe_outcome(pipe, ret);
}
