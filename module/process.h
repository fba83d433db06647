/* SPDX-License-Identifier: GPL-2.0 */
/* Is a process dead?  For who watches the wait queue of its struct pid. */
#ifndef KIPC_PROCESS_H
#define KIPC_PROCESS_H

#include <linux/pid.h>
#include <linux/rcupdate.h>
#include <linux/sched/signal.h>

/**
 * kipc_process_dead - has the last thread of a process ended?
 * @tgid: the process
 *
 * Context: any.
 */
static inline bool kipc_process_dead(struct pid *tgid)
{
	struct task_struct *leader;
	bool dead;

	rcu_read_lock();
	leader = pid_task(tgid, PIDTYPE_TGID);
	dead = !leader || (leader->exit_state && thread_group_empty(leader));
	rcu_read_unlock();
	return dead;
}

#endif /* KIPC_PROCESS_H */
