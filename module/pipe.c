// SPDX-License-Identifier: GPL-2.0
#include <linux/mm.h>
#include <linux/poll.h>
#include <linux/sched/signal.h>

#include "compat.h"
#include "create.h"
#include "limit.h"
#include "main.h"
#include "pipe.h"
#include "pipe_mapped.h"

KIPC_ASSERT_CREATE(kipc_pipe_create);

static void kipc_pipe_notify_turns(struct kipc_turns *turns)
{
	struct kipc_pipe *pipe = container_of(turns, struct kipc_pipe, turns);

	kipc_pipe_wake_readers(pipe, KIPC_POLL_READ);
}

static void kipc_side_init(struct kipc_side *side)
{
	kipc_gate_init(&side->gate);
	init_waitqueue_head(&side->sleep);
	init_waitqueue_head(&side->poll);
}

static struct kipc_object *kipc_pipe_make(struct kipc_call *call)
{
	struct kipc_pipe_create *arg = call->arg;
	bool mapped = arg->flags & KIPC_PIPE_MAPPED;
	struct kipc_object *object;
	struct kipc_pipe *pipe;
	int err;

	/* First the ceiling, then the memory. */
	object = kipc_object_make(&kipc_pipe_kind, arg->mode, arg->capacity +
				  (mapped ? KIPC_PIPE_PAGE_DATA * PAGE_SIZE :
				   0));
	if (IS_ERR(object))
		return object;
	pipe = kipc_to_pipe(object);
	pipe->flags = arg->flags & (KIPC_PIPE_RECORD | KIPC_PIPE_TURNS |
				    KIPC_PIPE_MAPPED);
	if (mapped)
		pipe->flags |= KIPC_PIPE_RECORD;
	spin_lock_init(&pipe->lock);
	mutex_init(&pipe->resize);
	kipc_side_init(&pipe->rd);
	kipc_side_init(&pipe->wr);
	kipc_turns_init(&pipe->turns, kipc_pipe_notify_turns,
			&pipe->rd.gate.stats);

	if (mapped)
		err = kipc_mapped_pipe_make(pipe, arg->capacity);
	else
		err = kipc_ring_init(&pipe->ring, arg->capacity);
	if (err) {
		kipc_object_put(object);
		return ERR_PTR(err);
	}
	return object;
}

static void kipc_pipe_free(struct kipc_object *object)
{
	struct kipc_pipe *pipe = kipc_to_pipe(object);

	kipc_turns_exit(&pipe->turns);
	kipc_ring_free(&pipe->ring);
	kipc_mapped_pipe_free(pipe);
}

static void kipc_pipe_destroyed(struct kipc_object *object)
{
	struct kipc_pipe *pipe = kipc_to_pipe(object);
	__poll_t events = EPOLLIN | EPOLLOUT | EPOLLHUP | EPOLLERR;

	kipc_gate_fail(&pipe->wr.gate, -EIDRM);
	kipc_gate_fail(&pipe->rd.gate, -EIDRM);
	kipc_turns_fail(&pipe->turns, -EIDRM);
	if (pipe->mapped) {
		kipc_mapped_pipe_end_wait(pipe, &pipe->wr, -EIDRM);
		kipc_mapped_pipe_end_wait(pipe, &pipe->rd, -EIDRM);
	}
	kipc_pipe_wake_readers(pipe, events);
	kipc_pipe_wake_writers(pipe, events);
}

/*
 * What the ceiling and whole pages, or a power of two of them, make of a capacity
 * that was asked for.
 */
static int kipc_pipe_capacity(u64 *capacity, bool mapped)
{
	u64 max = READ_ONCE(kipc_limits.pipe_max);

	if (mapped)
		max = rounddown_pow_of_two(max);
	if (!*capacity)
		*capacity = min_t(u64, READ_ONCE(kipc_limits.pipe_default),
				  round_down(max, PAGE_SIZE));
	if (*capacity < KIPC_PIPE_MIN)
		return -EINVAL;
	if (*capacity > max || PAGE_ALIGN(*capacity) > max)
		return -ENOSPC;
	*capacity = PAGE_ALIGN(*capacity);
	if (mapped)
		*capacity = roundup_pow_of_two(*capacity);
	return 0;
}

/* Opens the ends that the caller wants. */
static int kipc_pipe_give(struct kipc_call *call, struct kipc_object *object)
{
	struct kipc_pipe_create *arg = call->arg;
	int err;

	err = kipc_create_open(call, object, arg->rights & KIPC_RIGHT_READ,
			       &arg->read_fd);
	if (!err)
		err = kipc_create_open(call, object,
				       arg->rights & KIPC_RIGHT_WRITE,
				       &arg->write_fd);
	arg->capacity = READ_ONCE(kipc_to_pipe(object)->ring.size);
	return err;
}

const struct kipc_kind kipc_pipe_kind = {
	.type		= KIPC_KIND_PIPE,
	.size		= sizeof(struct kipc_pipe),
	.name		= "pipe",
	.flags		= KIPC_PIPE_RECORD | KIPC_PIPE_TURNS |
			  KIPC_PIPE_NOSIGPIPE | KIPC_PIPE_MAPPED,
	.make		= kipc_pipe_make,
	.give		= kipc_pipe_give,
	.open		= kipc_pipe_open,
	.opened		= kipc_pipe_opened,
	.destroyed	= kipc_pipe_destroyed,
	.free		= kipc_pipe_free,
};

/**
 * kipc_pipe_create_call - KIPC_PIPE_CREATE
 * @call: the call; struct kipc_pipe_create
 *
 * Context: may sleep.
 * Return: 0 or a negative errno, see uapi/linux/kipc.h.
 */
int kipc_pipe_create_call(struct kipc_call *call)
{
	const u32 both = KIPC_RIGHT_READ | KIPC_RIGHT_WRITE;
	struct kipc_pipe_create *arg = call->arg;
	bool mapped = arg->flags & KIPC_PIPE_MAPPED;
	int err;

	/* Half duplex: an end that nobody can ever open is of no use. */
	if (!arg->name && arg->rights != both)
		return -EINVAL;
	if (mapped && arg->flags & KIPC_PIPE_TURNS)
		return -EINVAL;
	err = kipc_pipe_capacity(&arg->capacity, mapped);
	if (err)
		return err;
	return kipc_create(call, &kipc_pipe_kind);
}

static int kipc_pipe_import(struct kipc_call *call, u32 right, int dir,
			    struct iovec *iov, struct iov_iter *iter)
{
	struct kipc_pipe_io *arg = call->arg;
	u32 known = KIPC_IO_NONBLOCK;

	if (right == KIPC_RIGHT_WRITE)
		known |= KIPC_IO_NOSIGPIPE;
	if (arg->flags & ~known || arg->len > LONG_MAX ||
	    kipc_to_pipe(call->handle->object)->mapped)
		return -EINVAL;
	if (!(call->handle->rights & right))
		return -EBADF;
	return kipc_import_ubuf(dir, u64_to_user_ptr(arg->buf),
				min_t(u64, arg->len, MAX_RW_COUNT), iov, iter);
}

static bool kipc_pipe_nowait(struct kipc_call *call)
{
	struct kipc_pipe_io *arg = call->arg;

	return (arg->flags & KIPC_IO_NONBLOCK) ||
	       (call->file->f_flags & O_NONBLOCK);
}

static int kipc_pipe_io_done(struct kipc_pipe_io *arg, ssize_t ret, u64 len)
{
	if (ret >= 0 || ret == -EMSGSIZE)
		arg->done = ret < 0 ? len : ret;
	return ret < 0 ? ret : 0;
}

/**
 * kipc_pipe_read_call - KIPC_PIPE_READ
 * @call: the call; struct kipc_pipe_io
 *
 * Context: may sleep.
 * Return: 0 or a negative errno, see uapi/linux/kipc.h.
 */
int kipc_pipe_read_call(struct kipc_call *call)
{
	struct kipc_pipe_io *arg = call->arg;
	struct iov_iter to;
	struct iovec iov;
	u64 needed = 0;
	ssize_t ret;

	ret = kipc_pipe_import(call, KIPC_RIGHT_READ, ITER_DEST, &iov, &to);
	if (ret)
		return ret;
	ret = kipc_pipe_read(kipc_to_end(call->handle), &to,
			     kipc_pipe_nowait(call), arg->deadline_ns, &needed);
	return kipc_pipe_io_done(arg, ret, needed);
}

/**
 * kipc_pipe_write_call - KIPC_PIPE_WRITE
 * @call: the call; struct kipc_pipe_io
 *
 * Context: may sleep.
 * Return: 0 or a negative errno, see uapi/linux/kipc.h.
 */
int kipc_pipe_write_call(struct kipc_call *call)
{
	struct kipc_pipe_end *end = kipc_to_end(call->handle);
	struct kipc_pipe_io *arg = call->arg;
	struct iov_iter from;
	struct iovec iov;
	u64 longest = 0;
	ssize_t ret;

	ret = kipc_pipe_import(call, KIPC_RIGHT_WRITE, ITER_SOURCE, &iov, &from);
	if (ret)
		return ret;
	ret = kipc_pipe_write(end, &from, kipc_pipe_nowait(call),
			      arg->deadline_ns, &longest);
	if (ret == -EPIPE && !end->nosigpipe &&
	    !(arg->flags & KIPC_IO_NOSIGPIPE))
		send_sig(SIGPIPE, current, 0);
	return kipc_pipe_io_done(arg, ret, longest);
}

static void kipc_pipe_wake_both(struct kipc_pipe *pipe)
{
	kipc_pipe_wake_writers(pipe, KIPC_POLL_WRITE);
	kipc_pipe_wake_readers(pipe, KIPC_POLL_READ);
}

/*
 * Keeps readers and writers out.  Never waits for one gate with the other one
 * borrowed: a copier may take as long as the memory that he copies from.
 */
static int kipc_pipe_borrow(struct kipc_pipe *pipe)
{
	struct kipc_gate *first = &pipe->wr.gate, *second = &pipe->rd.gate;

	for (;;) {
		int err = kipc_gate_borrow(first);

		if (err)
			return err;
		if (kipc_gate_try_borrow(second))
			return 0;
		if (kipc_gate_give_back(first))
			kipc_pipe_wake_both(pipe);
		swap(first, second);
		cond_resched();
	}
}

static void kipc_pipe_give_back(struct kipc_pipe *pipe)
{
	kipc_gate_give_back(&pipe->rd.gate);
	kipc_gate_give_back(&pipe->wr.gate);
	kipc_pipe_wake_both(pipe);
}

/* Moves the content to @ring and swaps; both gates are borrowed. */
static int kipc_pipe_swap_ring(struct kipc_pipe *pipe, struct kipc_ring *ring)
{
	u64 used = pipe->wr.total - pipe->rd.total;

	if (used > ring->size)
		return -EBUSY;
	kipc_ring_get(&pipe->ring, pipe->rd.pos, ring->data, used);
	pipe->rd.pos = 0;
	pipe->wr.pos = kipc_ring_after(ring, 0, used);
	pipe->rd.seen = pipe->wr.total;
	pipe->wr.seen = pipe->rd.total;
	swap(pipe->ring.data, ring->data);
	/* Read without the gates by kipc_pipe_used() and its callers. */
	swap(pipe->ring.size, ring->size);
	return 0;
}

/*
 * The ceiling counts what the pipe is going to have, and is asked first; while
 * the content is moved there are both rings, once for each pipe.
 */
static int kipc_pipe_resize(struct kipc_pipe *pipe, u64 capacity)
{
	struct kipc_object *object = &pipe->object;
	u64 before = pipe->ring.size;
	struct kipc_ring ring;
	int err = 0;

	lockdep_assert_held(&pipe->resize);

	if (capacity > before)
		err = kipc_object_recharge(object, before, capacity);
	if (err)
		return err;
	err = kipc_ring_init(&ring, capacity);
	if (err)
		goto undo;
	err = kipc_pipe_borrow(pipe);
	if (!err) {
		err = kipc_pipe_swap_ring(pipe, &ring);
		kipc_pipe_give_back(pipe);
	}
	kipc_ring_free(&ring);
	if (!err && capacity < before)
		kipc_object_recharge(object, before, capacity);
undo:
	if (err && capacity > before)
		kipc_object_recharge(object, capacity, before);
	return err;
}

/**
 * kipc_pipe_resize_call - KIPC_PIPE_RESIZE
 * @call: the call; struct kipc_pipe_resize
 *
 * Context: may sleep.
 * Return: 0 or a negative errno, see uapi/linux/kipc.h.
 */
int kipc_pipe_resize_call(struct kipc_call *call)
{
	struct kipc_pipe_resize *arg = call->arg;
	struct kipc_object *object = call->handle->object;
	struct kipc_pipe *pipe = kipc_to_pipe(object);
	u64 capacity = arg->capacity;
	int err;

	if (arg->flags || !capacity || pipe->mapped)
		return -EINVAL;
	if (!kipc_object_owned(object))
		return -EPERM;
	err = kipc_pipe_capacity(&capacity, false);
	if (err)
		return err;

	if (mutex_lock_interruptible(&pipe->resize))
		return -ERESTARTSYS;
	err = kipc_pipe_resize(pipe, capacity);
	arg->capacity = pipe->ring.size;
	mutex_unlock(&pipe->resize);
	return err;
}

/**
 * kipc_pipe_next_record - length of the record at the head of the queue
 * @pipe: a pipe in record mode
 * @len: (out) its length, 0 if there is none
 *
 * Context: may sleep, until a reader who is copying is done.
 * Return: 0 or -ERESTARTSYS.
 */
int kipc_pipe_next_record(struct kipc_pipe *pipe, u64 *len)
{
	struct kipc_side *rd = &pipe->rd;
	u32 header = 0;
	int err;

	err = kipc_gate_borrow(&rd->gate);
	if (err)
		return err;
	if (kipc_pipe_used(pipe))
		kipc_ring_get(&pipe->ring, rd->pos, &header, sizeof(header));
	if (kipc_gate_give_back(&rd->gate))
		kipc_pipe_wake_readers(pipe, KIPC_POLL_READ);
	*len = header;
	return 0;
}

static void kipc_side_stat(struct kipc_side *side, struct kipc_pipe_side *stat)
{
	struct kipc_gate *gate = &side->gate;

	stat->handles = READ_ONCE(side->handles);
	stat->waiting = READ_ONCE(gate->nr_waiters) +
			!!(atomic_read(&gate->state) & KIPC_GATE_PARKED);
	stat->bytes = READ_ONCE(side->bytes);
	stat->calls = READ_ONCE(side->calls);
	stat->wakeups = atomic64_read(&side->wakeups);
	stat->sleeps = atomic64_read(&gate->stats.sleeps);
	stat->blocked_ns = atomic64_read(&gate->stats.blocked_ns);
}

/**
 * kipc_pipe_stat_call - KIPC_PIPE_STAT
 * @call: the call; struct kipc_pipe_stat
 *
 * Every figure is true by itself; between two of them others may go on.
 *
 * Context: does not sleep.
 * Return: 0 or a negative errno, see uapi/linux/kipc.h.
 */
int kipc_pipe_stat_call(struct kipc_call *call)
{
	struct kipc_pipe *pipe = kipc_to_pipe(call->handle->object);
	struct kipc_pipe_end *end = kipc_to_end(call->handle);
	struct kipc_pipe_stat *arg = call->arg;

	if (arg->flags || arg->pad)
		return -EINVAL;
	arg->pipe_flags = pipe->flags;
	arg->capacity = READ_ONCE(pipe->ring.size);
	arg->used = kipc_pipe_used(pipe);
	kipc_side_stat(&pipe->rd, &arg->readers);
	kipc_side_stat(&pipe->wr, &arg->writers);
	arg->readers.waiting += READ_ONCE(pipe->turns.nr_waiting);
	if (pipe->mapped)
		kipc_mapped_pipe_describe(pipe, arg);
	arg->my_bytes = READ_ONCE(end->bytes);
	arg->my_calls = READ_ONCE(end->calls);
	return 0;
}
