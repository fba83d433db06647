// SPDX-License-Identifier: GPL-2.0
/* Pipes that are mapped into both ends: see pipe_mapped.h. */
#include <linux/mm.h>
#include <linux/poll.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <asm/ioctls.h>

#include "compat.h"
#include "main.h"
#include "pipe.h"
#include "pipe_mapped.h"

/* As for the memory of other pipes: see kipc_ring_init(). */
#define KIPC_MAPPED_GFP	(GFP_KERNEL | __GFP_ZERO | __GFP_RETRY_MAYFAIL | \
			 __GFP_NOWARN)

/* Indices wrap, in theory, so it is their distance that counts. */
static bool kipc_index_reached(u64 index, u64 until)
{
	return (s64)(index - until) >= 0;
}

static u64 kipc_index_earlier(u64 a, u64 b)
{
	return kipc_index_reached(a, b) ? b : a;
}

static u64 kipc_index_later(u64 a, u64 b)
{
	return kipc_index_reached(a, b) ? a : b;
}

/* Anything at all: see "hostile values". */
static u64 kipc_mapped_index(const struct kipc_mapped_side *side)
{
	return READ_ONCE(side->index->total);
}

static struct kipc_mapped_side *kipc_mapped_end(const struct kipc_handle *handle)
{
	struct kipc_mapped_pipe *mapped = kipc_to_pipe(handle->object)->mapped;

	return handle->rights & KIPC_RIGHT_WRITE ? &mapped->producer :
						   &mapped->consumer;
}

static void kipc_mapped_side_init(struct kipc_mapped_side *side,
				  struct kipc_mapped_side *other,
				  struct kipc_side *whose, struct page *page,
				  struct kipc_pipe_news *news, u64 ahead)
{
	side->side = whose;
	side->other = other;
	side->index = page_address(page);
	side->news = news;
	side->ahead = ahead;
}

/**
 * kipc_mapped_pipe_make - give a new pipe the pages of a mapped one
 * @pipe: the pipe, which nobody knows yet; kipc_mapped_pipe_free() has to follow
 * @capacity: in bytes; a power of two pages
 *
 * Context: may sleep.
 * Return: 0, -ENOMEM, or -EINTR if the caller was killed.
 */
int kipc_mapped_pipe_make(struct kipc_pipe *pipe, u64 capacity)
{
	unsigned long i, nr_data = capacity >> PAGE_SHIFT;
	unsigned long nr = KIPC_PIPE_PAGE_DATA + nr_data;
	struct kipc_mapped_pipe *mapped;
	struct kipc_pipe_state *state;

	mapped = kvzalloc(struct_size(mapped, pages, nr),
			  KIPC_MAPPED_GFP | __GFP_ACCOUNT);
	if (!mapped)
		return -ENOMEM;
	mapped->nr_data = nr_data;
	pipe->mapped = mapped;
	for (i = 0; i < nr; i++) {
		if (fatal_signal_pending(current))
			return -EINTR;
		mapped->pages[i] = alloc_page(KIPC_MAPPED_GFP |
					      KIPC_USER_PAGE_ACCOUNT);
		if (!mapped->pages[i])
			return -ENOMEM;
		cond_resched();
	}

	state = page_address(mapped->pages[KIPC_PIPE_PAGE_STATE]);
	state->capacity = capacity;
	kipc_mapped_side_init(&mapped->producer, &mapped->consumer, &pipe->wr,
			      mapped->pages[KIPC_PIPE_PAGE_PRODUCER],
			      &state->to_consumer, capacity);
	kipc_mapped_side_init(&mapped->consumer, &mapped->producer, &pipe->rd,
			      mapped->pages[KIPC_PIPE_PAGE_CONSUMER],
			      &state->to_producer, 0);
	pipe->ring.size = capacity;
	return 0;
}

/**
 * kipc_mapped_pipe_free - undo kipc_mapped_pipe_make(), whatever it returned
 * @pipe: the pipe, whose last reference is gone
 *
 * Context: may sleep.
 */
void kipc_mapped_pipe_free(struct kipc_pipe *pipe)
{
	struct kipc_mapped_pipe *mapped = pipe->mapped;
	unsigned long i;

	if (!mapped)
		return;
	for (i = 0; i < KIPC_PIPE_PAGE_DATA + mapped->nr_data; i++) {
		if (!mapped->pages[i])
			break;
		put_page(mapped->pages[i]);
		cond_resched();
	}
	kvfree(mapped);
}

/* Tells the other end what is to be known about @side. */
static void kipc_mapped_publish(struct kipc_pipe *pipe,
				struct kipc_mapped_side *side)
{
	u64 until = side->poll_until;
	u32 flags = 0;

	lockdep_assert_held(&pipe->lock);

	if (side->waiter)
		until = side->polled ? kipc_index_earlier(side->until, until) :
				       side->until;
	if (side->waiter || side->polled)
		flags |= KIPC_PIPE_ASK;
	if (side->side->gone)
		flags |= KIPC_PIPE_GONE;
	if (kipc_object_destroyed(&pipe->object))
		flags |= KIPC_PIPE_DESTROYED;
	WRITE_ONCE(side->news->until, until);
	/* ASK: what it is about was stored before.  GONE: so was the data. */
	smp_store_release(&side->news->flags, flags);
}

/**
 * kipc_mapped_pipe_tell - what both ends are told is to be put right
 * @pipe: a mapped pipe, of which an end was opened or closed
 *
 * Context: pipe->lock held.
 */
void kipc_mapped_pipe_tell(struct kipc_pipe *pipe)
{
	kipc_mapped_publish(pipe, &pipe->mapped->producer);
	kipc_mapped_publish(pipe, &pipe->mapped->consumer);
}

/* Lets the sleeper go, if there is one; to be woken without the lock. */
static struct task_struct *kipc_mapped_finish(struct kipc_mapped_side *side,
					      int result)
{
	struct kipc_waiter *waiter = side->waiter;

	side->waiter = NULL;
	return waiter ? kipc_waiter_finish(waiter, result) : NULL;
}

static void kipc_mapped_wake_pollers(struct kipc_pipe *pipe,
				     const struct kipc_mapped_side *side)
{
	if (side->side == &pipe->rd)
		kipc_pipe_wake_readers(pipe, KIPC_POLL_READ);
	else
		kipc_pipe_wake_writers(pipe, KIPC_POLL_WRITE);
}

/**
 * kipc_mapped_pipe_end_wait - nobody has to wait for the other end any more
 * @pipe: a mapped pipe
 * @whose: the side whose waits are over
 * @result: what they give
 *
 * The caller wakes the pollers after this.
 *
 * Context: does not sleep.
 */
void kipc_mapped_pipe_end_wait(struct kipc_pipe *pipe,
			       const struct kipc_side *whose, int result)
{
	struct kipc_mapped_pipe *mapped = pipe->mapped;
	struct kipc_mapped_side *side = whose == &pipe->rd ? &mapped->consumer :
							     &mapped->producer;
	struct task_struct *task;

	spin_lock(&pipe->lock);
	task = kipc_mapped_finish(side, result);
	side->polled = false;
	kipc_mapped_publish(pipe, side);
	spin_unlock(&pipe->lock);
	kipc_waiter_wake(task);
}

/* Wakes whoever waits on @side for what the other end has reached. */
static void kipc_mapped_look(struct kipc_pipe *pipe,
			     struct kipc_mapped_side *side)
{
	struct task_struct *task = NULL;
	bool polled;
	u64 index;

	spin_lock(&pipe->lock);
	index = kipc_mapped_index(side->other);
	if (side->waiter && kipc_index_reached(index, side->until))
		task = kipc_mapped_finish(side, 0);
	polled = side->polled && kipc_index_reached(index, side->poll_until);
	if (polled)
		side->polled = false;
	if (task || polled) {
		atomic64_inc(&side->side->wakeups);
		kipc_mapped_publish(pipe, side);
	}
	spin_unlock(&pipe->lock);

	kipc_waiter_wake(task);
	if (polled)
		kipc_mapped_wake_pollers(pipe, side);
}

/* As @side stands: KIPC_WAITING, or what a wait is over with. */
static int kipc_mapped_verdict(struct kipc_pipe *pipe,
			       const struct kipc_mapped_side *side, u64 until)
{
	if (kipc_object_destroyed(&pipe->object))
		return -EIDRM;
	if (side->other->side->gone ||
	    kipc_index_reached(kipc_mapped_index(side->other), until))
		return 0;
	return KIPC_WAITING;
}

/*
 * What has to be reached for @side to be ready, in the eyes of poll: something, or
 * some room, at least.
 */
static u64 kipc_mapped_threshold(const struct kipc_mapped_side *side)
{
	u64 least = kipc_mapped_index(side) + 1 - side->ahead;

	return side->refused ? kipc_index_later(side->want, least) : least;
}

/* Notes what poll is to wait for; true if those who poll must look again. */
static bool kipc_mapped_want(struct kipc_pipe *pipe,
			     struct kipc_mapped_side *side, bool refused,
			     u64 until)
{
	side->refused = refused;
	side->want = until;
	/* They may as well be woken too early. */
	if (!side->polled || kipc_index_reached(kipc_mapped_threshold(side),
						side->poll_until))
		return false;
	side->polled = false;
	return true;
}

/* Return: KIPC_WAITING, then @waiter is queued; or what to give at once. */
static int kipc_mapped_begin(struct kipc_pipe *pipe,
			     struct kipc_mapped_side *side,
			     struct kipc_waiter *waiter, u64 until, bool nowait)
{
	bool stale;
	int ret;

	kipc_waiter_init(waiter);
	spin_lock(&pipe->lock);
	if (side->waiter) {
		spin_unlock(&pipe->lock);
		return -EBUSY;
	}
	side->waiter = waiter;
	side->until = until;
	kipc_mapped_publish(pipe, side);
	/* Pairs with the fence of who moves the index: see pipe_mapped.h. */
	smp_mb();
	ret = kipc_mapped_verdict(pipe, side, until);
	if (ret == KIPC_WAITING && nowait)
		ret = -EAGAIN;
	if (ret != KIPC_WAITING)
		side->waiter = NULL;
	stale = kipc_mapped_want(pipe, side, ret == -EAGAIN, until);
	if (stale || !side->waiter)
		kipc_mapped_publish(pipe, side);
	spin_unlock(&pipe->lock);

	if (stale)
		kipc_mapped_wake_pollers(pipe, side);
	return ret;
}

/*
 * A signal or the deadline came.  What was reached by now counts, and so does the
 * end of the pipe, though who brings it may not have come here yet.
 */
static int kipc_mapped_give_up(struct kipc_pipe *pipe,
			       struct kipc_mapped_side *side,
			       struct kipc_waiter *waiter, int err)
{
	int ret;

	spin_lock(&pipe->lock);
	ret = waiter->result;
	if (ret == KIPC_WAITING) {
		ret = kipc_mapped_verdict(pipe, side, side->until);
		side->waiter = NULL;
		kipc_mapped_publish(pipe, side);
	}
	spin_unlock(&pipe->lock);
	return ret == KIPC_WAITING ? err : ret;
}

/**
 * kipc_pipe_wait_call - KIPC_PIPE_WAIT
 * @call: the call; struct kipc_pipe_wait
 *
 * Context: may sleep, that is what it is for.
 * Return: 0 or a negative errno, see uapi/linux/kipc/pipe.h.
 */
int kipc_pipe_wait_call(struct kipc_call *call)
{
	struct kipc_pipe *pipe = kipc_to_pipe(call->handle->object);
	bool nowait = call->file->f_flags & O_NONBLOCK;
	struct kipc_pipe_wait *arg = call->arg;
	struct kipc_mapped_side *side;
	struct kipc_waiter waiter;
	int ret;

	if (!pipe->mapped || arg->flags & ~KIPC_IO_NONBLOCK)
		return -EINVAL;
	if (arg->flags & KIPC_IO_NONBLOCK)
		nowait = true;
	side = kipc_mapped_end(call->handle);
	ret = kipc_mapped_begin(pipe, side, &waiter, arg->until, nowait);
	if (ret != KIPC_WAITING)
		return ret;
	ret = kipc_waiter_sleep(&waiter, arg->deadline_ns,
				&side->side->gate.stats);
	if (ret)
		return kipc_mapped_give_up(pipe, side, &waiter, ret);
	return waiter.result;
}

/**
 * kipc_pipe_wake_call - KIPC_PIPE_WAKE
 * @call: the call; struct kipc_pipe_wake
 *
 * Context: does not sleep.
 * Return: 0 or a negative errno, see uapi/linux/kipc/pipe.h.
 */
int kipc_pipe_wake_call(struct kipc_call *call)
{
	struct kipc_pipe *pipe = kipc_to_pipe(call->handle->object);
	struct kipc_pipe_wake *arg = call->arg;

	if (!pipe->mapped || arg->flags)
		return -EINVAL;
	kipc_mapped_look(pipe, kipc_mapped_end(call->handle)->other);
	return 0;
}

/* Asks the other end to wake those who poll, for what is not there yet. */
static void kipc_mapped_arm(struct kipc_pipe *pipe,
			    struct kipc_mapped_side *side, u64 threshold)
{
	u64 index = kipc_mapped_index(side->other), until = threshold;

	if (kipc_index_reached(index, threshold))
		until = index + 1;
	if (side->polled)
		until = kipc_index_earlier(until, side->poll_until);
	side->polled = true;
	side->poll_until = until;
	kipc_mapped_publish(pipe, side);
	/* Pairs with the fence of who moves the index: see pipe_mapped.h. */
	smp_mb();
}

/**
 * kipc_mapped_pipe_poll - poll(2) of an end of a mapped pipe
 * @file: the end
 * @wait: for whoever waits
 *
 * Context: may sleep; takes pipe->lock.
 * Return: EPOLL*.
 */
__poll_t kipc_mapped_pipe_poll(struct file *file, poll_table *wait)
{
	struct kipc_mapped_side *side = kipc_mapped_end(file->private_data);
	struct kipc_pipe *pipe = kipc_file_pipe(file);
	bool gone, ready;
	u64 threshold;

	poll_wait(file, &side->side->poll, wait);

	spin_lock(&pipe->lock);
	threshold = kipc_mapped_threshold(side);
	/* If nobody is there, nothing has to be told to anybody later. */
	if (waitqueue_active(&side->side->poll))
		kipc_mapped_arm(pipe, side, threshold);
	/* First the hang-up: what came before it must not be missed. */
	gone = side->other->side->gone;
	ready = kipc_index_reached(kipc_mapped_index(side->other), threshold);
	spin_unlock(&pipe->lock);

	if (kipc_object_destroyed(&pipe->object))
		return EPOLLIN | EPOLLOUT | EPOLLRDNORM | EPOLLWRNORM |
		       EPOLLHUP | EPOLLERR;
	if (side->side == &pipe->wr) {
		if (gone)
			return EPOLLOUT | EPOLLWRNORM | EPOLLERR;
		return ready ? EPOLLOUT | EPOLLWRNORM : 0;
	}
	return (ready ? EPOLLIN | EPOLLRDNORM : 0) | (gone ? EPOLLHUP : 0);
}

/**
 * kipc_mapped_pipe_flush - a process closes a descriptor of an end
 * @file: the end
 * @id: of the process's table of descriptors
 *
 * Perhaps because it was killed before it could wake anybody: see "death".
 *
 * Return: 0.
 */
int kipc_mapped_pipe_flush(struct file *file, fl_owner_t id)
{
	kipc_mapped_look(kipc_file_pipe(file),
			 kipc_mapped_end(file->private_data)->other);
	return 0;
}

/* As above, by munmap(2) or the end of the process. */
static void kipc_mapped_pipe_unmapped(struct vm_area_struct *vma)
{
	kipc_mapped_pipe_flush(vma->vm_file, NULL);
}

/* Not all there at mmap(): MADV_DONTNEED takes it away again. */
static vm_fault_t kipc_mapped_pipe_fault(struct vm_fault *vmf)
{
	struct kipc_pipe *pipe = kipc_file_pipe(vmf->vma->vm_file);
	struct kipc_mapped_pipe *mapped = pipe->mapped;
	unsigned long end = KIPC_PIPE_PAGE_DATA + mapped->nr_data;
	pgoff_t index = vmf->pgoff;

	/* The data once more. */
	if (index >= end)
		index -= mapped->nr_data;
	if (index >= end)
		return VM_FAULT_SIGBUS;
	vmf->page = mapped->pages[index];
	get_page(vmf->page);
	return 0;
}

static const struct vm_operations_struct kipc_mapped_pipe_vm_ops = {
	.close	= kipc_mapped_pipe_unmapped,
	.fault	= kipc_mapped_pipe_fault,
};

/**
 * kipc_mapped_pipe_mmap - mmap(2) of an end of a mapped pipe
 * @file: the end
 * @vma: the area
 *
 * Return: 0, -EIDRM, -EACCES (to be written, but not by this end), -EINVAL (not
 * all of one area and nothing else, not shared).
 */
int kipc_mapped_pipe_mmap(struct file *file, struct vm_area_struct *vma)
{
	struct kipc_handle *handle = file->private_data;
	struct kipc_pipe *pipe = kipc_to_pipe(handle->object);
	unsigned long pages = 1;
	u32 writer = 0;

	if (kipc_object_destroyed(&pipe->object))
		return -EIDRM;
	switch (vma->vm_pgoff) {
	case KIPC_PIPE_PAGE_STATE:
		break;
	case KIPC_PIPE_PAGE_PRODUCER:
		writer = KIPC_RIGHT_WRITE;
		break;
	case KIPC_PIPE_PAGE_CONSUMER:
		writer = KIPC_RIGHT_READ;
		break;
	case KIPC_PIPE_PAGE_DATA:
		writer = KIPC_RIGHT_WRITE;
		pages = 2 * pipe->mapped->nr_data;
		break;
	default:
		return -EINVAL;
	}
	if (!(vma->vm_flags & VM_SHARED) || vma_pages(vma) != pages)
		return -EINVAL;
	if (!(handle->rights & writer)) {
		if (vma->vm_flags & VM_WRITE)
			return -EACCES;
		kipc_vm_flags_clear(vma, VM_MAYWRITE);
	}
	kipc_vm_flags_set(vma, VM_DONTEXPAND | VM_DONTCOPY);
	vma->vm_ops = &kipc_mapped_pipe_vm_ops;
	return 0;
}

/**
 * kipc_mapped_pipe_ioctl - ioctl(2) on an end of a mapped pipe
 * @file: the end
 * @cmd: KIPC_* or FIONREAD
 * @arg: pointer to the argument
 *
 * What comes next, as FIONREAD tells it of other pipes that keep records, is in
 * memory that the other end may be changing; so it is what is in use.
 *
 * Context: may sleep.
 * Return: 0 or a negative errno.
 */
long kipc_mapped_pipe_ioctl(struct file *file, unsigned int cmd,
			    unsigned long arg)
{
	struct kipc_pipe *pipe = kipc_file_pipe(file);

	if (cmd != FIONREAD)
		return kipc_handle_ioctl(file, cmd, arg);
	if (kipc_object_destroyed(&pipe->object))
		return -EIDRM;
	return put_user((int)min_t(u64, kipc_mapped_pipe_used(pipe), INT_MAX),
			(int __user *)arg);
}

/**
 * kipc_mapped_pipe_used - bytes in the buffer, as the two ends say
 * @pipe: a mapped pipe
 *
 * The tail is read first, as an honest one never passes the head.
 *
 * Return: at most the capacity.
 */
u64 kipc_mapped_pipe_used(struct kipc_pipe *pipe)
{
	u64 tail = kipc_mapped_index(&pipe->mapped->consumer);

	smp_rmb();	/* pairs with the release of who moves an index */
	return min_t(u64, kipc_mapped_index(&pipe->mapped->producer) - tail,
		     pipe->ring.size);
}

/**
 * kipc_mapped_pipe_describe - the part of KIPC_PIPE_STAT that is different
 * @pipe: a mapped pipe
 * @stat: (out) what there is to say of the two sides
 *
 * Context: takes pipe->lock.
 */
void kipc_mapped_pipe_describe(struct kipc_pipe *pipe,
			       struct kipc_pipe_stat *stat)
{
	struct kipc_mapped_pipe *mapped = pipe->mapped;

	stat->used = kipc_mapped_pipe_used(pipe);
	stat->readers.bytes = kipc_mapped_index(&mapped->consumer);
	stat->writers.bytes = kipc_mapped_index(&mapped->producer);
	spin_lock(&pipe->lock);
	stat->readers.waiting = !!mapped->consumer.waiter;
	stat->writers.waiting = !!mapped->producer.waiter;
	spin_unlock(&pipe->lock);
}
