/* SPDX-License-Identifier: GPL-2.0 */
/*
 * DOC: processes that end
 *
 * No hook tells a module that a process dies.  But struct pid has a wait queue,
 * the one that pidfds poll, and it is woken when the last thread of the process
 * has ended.  A watch is an entry there; the wake-up comes with tasklist_lock
 * held and interrupts off, so that all it does is to queue the work.
 *
 * Some wake-ups mean something else (a thread's exit, since 6.9), and a process
 * is woken for more than once: @dying makes sure that the work is queued once,
 * so that a reference which @hold takes is dropped there alone.  The last
 * reference must not be dropped in the wake-up's context.
 */
#ifndef KIPC_PROCESS_H
#define KIPC_PROCESS_H

#include <linux/pid.h>
#include <linux/rcupdate.h>
#include <linux/sched/signal.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

struct file;

/**
 * struct kipc_watch - what to do when a process is dead
 * @entry: on the wait queue of @tgid
 * @tgid: the process; a counted reference; invariant
 * @dying: set once, when the process was seen dead
 * @hold: take the references that @work needs; false: what the watch is part of
 *	is about to be freed
 * @work: what to do
 */
struct kipc_watch {
	wait_queue_entry_t entry;
	struct pid *tgid;
	atomic_t dying;
	bool (*hold)(struct kipc_watch *watch);
	struct work_struct work;
};

void kipc_watch_init(struct kipc_watch *watch, struct pid *tgid,
		     bool (*hold)(struct kipc_watch *watch), work_func_t work);
void kipc_watch_start(struct kipc_watch *watch);
void kipc_watch_stop(struct kipc_watch *watch);
void kipc_watch_free(struct kipc_watch *watch);

bool kipc_process_still_open(int (*same)(const void *, struct file *,
					 unsigned int), const void *data);

int kipc_process_init(void);
void kipc_process_exit(void);

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
