// SPDX-License-Identifier: GPL-2.0
#include <linux/fdtable.h>

#include "process.h"

static struct workqueue_struct *kipc_watch_wq;

/* Watches that there are. */
static atomic_t kipc_watches = ATOMIC_INIT(0);

static int kipc_watch_notify(wait_queue_entry_t *entry, unsigned int mode,
			     int sync, void *key)
{
	struct kipc_watch *watch = container_of(entry, struct kipc_watch,
						entry);

	if (!kipc_process_dead(watch->tgid))
		return 0;
	if (atomic_xchg(&watch->dying, 1))
		return 0;
	if (watch->hold(watch))
		queue_work(kipc_watch_wq, &watch->work);
	return 0;
}

/**
 * kipc_watch_init - prepare a watch
 * @watch: the watch; kipc_watch_free() has to follow
 * @tgid: whose death it is about
 * @hold: see struct kipc_watch
 * @work: what to do
 */
void kipc_watch_init(struct kipc_watch *watch, struct pid *tgid,
		     bool (*hold)(struct kipc_watch *watch), work_func_t work)
{
	init_waitqueue_func_entry(&watch->entry, kipc_watch_notify);
	watch->tgid = get_pid(tgid);
	atomic_set(&watch->dying, 0);
	watch->hold = hold;
	INIT_WORK(&watch->work, work);
	atomic_inc(&kipc_watches);
}

/**
 * kipc_watch_start - the work is to be done from now on
 * @watch: the watch
 *
 * The process must be alive: the notice of an earlier death does not come again.
 *
 * Context: does not sleep.
 */
void kipc_watch_start(struct kipc_watch *watch)
{
	add_wait_queue(&watch->tgid->wait_pidfd, &watch->entry);
}

/**
 * kipc_watch_stop - no work is queued from now on; some may be queued already
 * @watch: the watch, started
 *
 * Context: does not sleep.
 */
void kipc_watch_stop(struct kipc_watch *watch)
{
	remove_wait_queue(&watch->tgid->wait_pidfd, &watch->entry);
}

/**
 * kipc_watch_free - drop what a watch holds
 * @watch: the watch, stopped
 *
 * Context: does not sleep.
 */
void kipc_watch_free(struct kipc_watch *watch)
{
	put_pid(watch->tgid);
	atomic_dec(&kipc_watches);
}

/* Has a thread of the caller's process another table of descriptors? */
static bool kipc_process_has_tables(void)
{
	struct task_struct *thread;
	bool found = false;

	rcu_read_lock();
	for_each_thread(current, thread) {
		struct files_struct *files = READ_ONCE(thread->files);

		if (files && files != current->files)
			found = true;
	}
	rcu_read_unlock();
	return found;
}

/**
 * kipc_process_still_open - for flush: has the process such a file left?
 * @same: which files are meant, as iterate_fd() calls it
 * @data: for @same
 *
 * The one that is being closed has left the table already.  Where threads have
 * tables of their own nobody can tell, and the answer is yes until the process
 * ends.  current->files is NULL at the end of a thread.
 *
 * Context: may take the lock of the table of descriptors.
 */
bool kipc_process_still_open(int (*same)(const void *, struct file *,
					 unsigned int), const void *data)
{
	if (current->flags & PF_EXITING)
		return atomic_read(&current->signal->live) > 0;
	return kipc_process_has_tables() ||
	       iterate_fd(current->files, 0, same, data);
}

/** kipc_process_init - prepare for processes that die */
int __init kipc_process_init(void)
{
	kipc_watch_wq = alloc_workqueue("kipc_watch", WQ_UNBOUND, 0);
	return kipc_watch_wq ? 0 : -ENOMEM;
}

/**
 * kipc_process_exit - wait for what still has to be done for dead processes
 *
 * An object that is still there is held by such a work alone.  Until it is gone
 * the death of another process may queue one more.
 */
void kipc_process_exit(void)
{
	while (atomic_read(&kipc_watches)) {
		flush_workqueue(kipc_watch_wq);
		cond_resched();
	}
	destroy_workqueue(kipc_watch_wq);
}
