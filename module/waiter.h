/* SPDX-License-Identifier: GPL-2.0 */
/*
 * DOC: waiters
 *
 * A waiter is a record on the stack of a task that sleeps in some queue.  The
 * queue belongs to whoever uses this and so does its lock, a spinlock.
 *
 * Waking.  The waker holds the queue's lock, takes the record off the queue and
 * calls kipc_waiter_finish() with the result; it wakes the task that this gives
 * back after it has dropped the lock.  Once the result is stored the record may
 * be gone, with the stack that it lies on: that is why the task's reference is
 * taken before.  The store is a release, the sleeper's load an acquire.
 *
 * Giving up.  A sleeper that a signal or its deadline woke takes the lock and
 * looks again: if there is a result by now, that counts (it may have been given
 * something that nobody else will get), otherwise it takes itself off.  So a
 * waiter that is killed between wake and run loses nothing: it still has the
 * result and must use it or pass it on.
 *
 * Spinning.  A waiter may look at its result for a while before it sleeps.  It is
 * in the queue as any other.  Whether it has to be woken is settled in @result,
 * by an exchange on either side: of waker and sleeper just one finds
 * KIPC_SPINNING there.  If that is the waker, the other one runs and sees the
 * result; if it is the sleeper, there is KIPC_WAITING from then on, and the
 * waker comes too late to save the wake-up.
 */
#ifndef KIPC_WAITER_H
#define KIPC_WAITER_H

#include <linux/ktime.h>
#include <linux/list.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/sched/stat.h>
#include <linux/sched/task.h>
#include <linux/types.h>

/* Not a result yet; results are 0 or a negative errno. */
#define KIPC_WAITING	1
#define KIPC_SPINNING	2

/**
 * struct kipc_waiter - one sleeping task
 * @link: in the queue; under the queue's lock
 * @task: who sleeps; invariant
 * @result: KIPC_WAITING, before that KIPC_SPINNING if it spins; then what it was
 *	woken with, written once
 * @spin_ns: how long it spins first; invariant
 */
struct kipc_waiter {
	struct list_head link;
	struct task_struct *task;
	int result;
	u32 spin_ns;
};

/**
 * struct kipc_wait_stats - how much was waited somewhere
 * @sleeps: times that somebody had to wait
 * @blocked_ns: time waited in all
 */
struct kipc_wait_stats {
	atomic64_t sleeps;
	atomic64_t blocked_ns;
};

/* Counts one sleep that began at @start_ns and is over. */
static inline void kipc_wait_account(struct kipc_wait_stats *stats,
				     u64 start_ns)
{
	atomic64_inc(&stats->sleeps);
	atomic64_add(ktime_get_ns() - start_ns, &stats->blocked_ns);
}

/* One that spins for @spin_ns at most, if that is not 0. */
static inline void kipc_waiter_init_spin(struct kipc_waiter *waiter,
					 u32 spin_ns)
{
	waiter->task = current;
	waiter->result = unlikely(spin_ns) ? KIPC_SPINNING : KIPC_WAITING;
	waiter->spin_ns = spin_ns;
}

static inline void kipc_waiter_init(struct kipc_waiter *waiter)
{
	kipc_waiter_init_spin(waiter, 0);
}

/**
 * kipc_waiter_finish - give a waiter its result
 * @waiter: off its queue; gone when this returns
 * @result: 0 or a negative errno
 *
 * Context: the queue's lock held.
 * Return: whom to wake, a counted reference; NULL: it spins, so nobody.
 */
static inline struct task_struct *
kipc_waiter_finish(struct kipc_waiter *waiter, int result)
{
	struct task_struct *task;

	/* A release, as below.  If he has stopped, he waits for what is below. */
	if (unlikely(READ_ONCE(waiter->result) == KIPC_SPINNING) &&
	    cmpxchg_release(&waiter->result, KIPC_SPINNING, result) ==
	    KIPC_SPINNING)
		return NULL;

	task = get_task_struct(waiter->task);
	/* The last access to the record; pairs with kipc_waiter_sleep(). */
	smp_store_release(&waiter->result, result);
	return task;
}

/* Wakes what kipc_waiter_finish() gave; NULL is fine. */
static inline void kipc_waiter_wake(struct task_struct *task)
{
	if (!task)
		return;
	wake_up_process(task);
	put_task_struct(task);
}

#define KIPC_WAKE_BATCH		8

/**
 * struct kipc_wake_batch - tasks to be woken when a lock is dropped
 * @tasks: as kipc_waiter_finish() gave them
 * @count: how many
 */
struct kipc_wake_batch {
	struct task_struct *tasks[KIPC_WAKE_BATCH];
	u32 count;
};

static inline void kipc_wake_batch_flush(struct kipc_wake_batch *batch)
{
	while (batch->count)
		kipc_waiter_wake(batch->tasks[--batch->count]);
}

/* As kipc_waiter_finish(); the caller flushes when he has dropped the lock. */
static inline void kipc_wake_batch_add(struct kipc_wake_batch *batch,
				       struct kipc_waiter *waiter, int result)
{
	/* Waking with a lock held is allowed, but others want the lock. */
	if (batch->count == KIPC_WAKE_BATCH)
		kipc_wake_batch_flush(batch);
	batch->tasks[batch->count++] = kipc_waiter_finish(waiter, result);
}

/**
 * kipc_spin_end - when to stop spinning
 * @spin_ns: how long to spin at most
 * @start_ns: CLOCK_MONOTONIC, when it began
 * @deadline_ns: likewise, 0 for none
 */
static inline u64 kipc_spin_end(u32 spin_ns, u64 start_ns, u64 deadline_ns)
{
	u64 end_ns = start_ns + spin_ns;

	return deadline_ns ? min(end_ns, deadline_ns) : end_ns;
}

/**
 * kipc_may_spin - is it still right to spin?
 * @end_ns: from kipc_spin_end()
 *
 * Not when there is something else to do: for the processor, which whoever is
 * waited for may want, or for the task, by a signal.
 */
static inline bool kipc_may_spin(u64 end_ns)
{
	return single_task_running() && !need_resched() &&
	       !signal_pending(current) && ktime_get_ns() < end_ns;
}

int kipc_schedule_until(u64 deadline_ns);
int kipc_waiter_sleep(struct kipc_waiter *waiter, u64 deadline_ns,
		      struct kipc_wait_stats *stats);
int kipc_waiter_sleep_for(struct kipc_waiter *waiter, u64 deadline_ns,
			  struct kipc_wait_stats *stats, struct pid *peer);

/**
 * kipc_schedule - sleep until woken or the deadline passes
 * @deadline_ns: CLOCK_MONOTONIC, 0 for none
 *
 * The caller has set the task's state and checked what it waits for since.
 *
 * Context: may sleep, that is what it is for.
 * Return: 0 if woken (by anybody: look again), -ETIMEDOUT.
 */
static inline int kipc_schedule(u64 deadline_ns)
{
	if (unlikely(deadline_ns))
		return kipc_schedule_until(deadline_ns);
	schedule();
	return 0;
}

#endif /* KIPC_WAITER_H */
