// SPDX-License-Identifier: GPL-2.0
#include <linux/hrtimer.h>

#include "process.h"
#include "waiter.h"

/** kipc_schedule_until - kipc_schedule() with a deadline */
int kipc_schedule_until(u64 deadline_ns)
{
	ktime_t expires;

	/* In a spin, maybe: no switch for that. */
	if (ktime_get_ns() >= deadline_ns)
		return -ETIMEDOUT;
	/* What does not fit a ktime_t is 292 years away. */
	expires = min_t(u64, deadline_ns, KTIME_MAX - 1);
	if (schedule_hrtimeout_range(&expires, current->timer_slack_ns,
				     HRTIMER_MODE_ABS))
		return 0;
	return -ETIMEDOUT;
}

static bool kipc_waiter_waits(const struct kipc_waiter *waiter)
{
	/* Pairs with kipc_waiter_finish(). */
	return smp_load_acquire(&waiter->result) > 0;
}

static void kipc_waiter_spin(struct kipc_waiter *waiter, u64 start_ns,
			     u64 deadline_ns)
{
	u64 end_ns = kipc_spin_end(waiter->spin_ns, start_ns, deadline_ns);

	while (kipc_waiter_waits(waiter) && kipc_may_spin(end_ns))
		cpu_relax();
	/* If there is no result yet: who stores one wakes us from here on. */
	cmpxchg(&waiter->result, KIPC_SPINNING, KIPC_WAITING);
}

/* @peer: -ESRCH when this process has ended; it wakes the caller; or NULL. */
static int kipc_waiter_wait(struct kipc_waiter *waiter, u64 deadline_ns,
			    struct kipc_wait_stats *stats, struct pid *peer)
{
	/* Who was seen to wait has waited, though he may not get to sleep. */
	u64 start = stats || waiter->spin_ns ? ktime_get_ns() : 0;
	int err = 0;

	if (unlikely(waiter->spin_ns))
		kipc_waiter_spin(waiter, start, deadline_ns);
	do {
		set_current_state(TASK_INTERRUPTIBLE);
		if (!kipc_waiter_waits(waiter))
			break;
		if (signal_pending(current)) {
			err = -ERESTARTSYS;
			break;
		}
		if (peer && kipc_process_dead(peer)) {
			err = -ESRCH;
			break;
		}
		err = kipc_schedule(deadline_ns);
	} while (!err && kipc_waiter_waits(waiter));
	__set_current_state(TASK_RUNNING);

	if (stats)
		kipc_wait_account(stats, start);
	return kipc_waiter_waits(waiter) ? err : 0;
}

/**
 * kipc_waiter_sleep - wait until there is a result
 * @waiter: in its queue
 * @deadline_ns: CLOCK_MONOTONIC, 0 for none
 * @stats: where to count the sleep, or NULL
 *
 * Context: sleeps; no lock held.
 * Return: 0 if waiter->result is set.  -ERESTARTSYS or -ETIMEDOUT otherwise:
 * then the caller must take the queue's lock and look at it once more.
 */
int kipc_waiter_sleep(struct kipc_waiter *waiter, u64 deadline_ns,
		      struct kipc_wait_stats *stats)
{
	return kipc_waiter_wait(waiter, deadline_ns, stats, NULL);
}

/**
 * kipc_waiter_sleep_for - sleep for what only one process can bring about
 * @waiter: in its queue
 * @deadline_ns: CLOCK_MONOTONIC, 0 for none
 * @stats: where to count the sleep, or NULL
 * @peer: the process
 *
 * Context: sleeps; no lock held.
 * Return: as kipc_waiter_sleep(), or -ESRCH: the process has ended.
 */
int kipc_waiter_sleep_for(struct kipc_waiter *waiter, u64 deadline_ns,
			  struct kipc_wait_stats *stats, struct pid *peer)
{
	DECLARE_WAITQUEUE(death, current);
	int err;

	add_wait_queue(&peer->wait_pidfd, &death);
	err = kipc_waiter_wait(waiter, deadline_ns, stats, peer);
	remove_wait_queue(&peer->wait_pidfd, &death);
	return err;
}
