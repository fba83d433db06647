// SPDX-License-Identifier: GPL-2.0
/* What a process gives back when it ends: see struct kipc_undo. */
#include <linux/fdtable.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>

#include "process.h"
#include "semaphore.h"

static struct workqueue_struct *kipc_undo_wq;

/* Sets that there are. */
static atomic_t kipc_undo_sets = ATOMIC_INIT(0);

static unsigned long kipc_undo_key(const struct pid *tgid)
{
	return (unsigned long)tgid;
}

/**
 * kipc_undo_find - the record of the caller's process
 * @sem: the set
 *
 * Context: sem->lock held; good until it is dropped.
 * Return: the record, or NULL.
 */
struct kipc_undo *kipc_undo_find(struct kipc_semaphore *sem)
{
	struct pid *tgid = task_tgid(current);
	struct kipc_undo *undo;

	lockdep_assert_held(&sem->lock);

	hash_for_each_possible(sem->undos, undo, node, kipc_undo_key(tgid))
		if (undo->tgid == tgid)
			return undo;
	return NULL;
}

static void kipc_undo_put(struct kipc_undo *undo)
{
	if (!refcount_dec_and_test(&undo->refs))
		return;
	put_pid(undo->tgid);
	kfree(undo);
}

/* Drops a record that is in no table (any more). */
static void kipc_undo_drop(struct kipc_undo *undo)
{
	remove_wait_queue(&undo->tgid->wait_pidfd, &undo->watch);
	kipc_undo_put(undo);
}

/*
 * Called for every wake-up of the process's wait queue, with interrupts off: see
 * kipc_domain_notify(), which has the same rules.
 */
static int kipc_undo_notify(wait_queue_entry_t *watch, unsigned int mode,
			    int sync, void *key)
{
	struct kipc_undo *undo = container_of(watch, struct kipc_undo, watch);

	if (!kipc_process_dead(undo->tgid))
		return 0;
	if (atomic_xchg(&undo->dying, 1))
		return 0;
	/* If the set is about to be freed, so is the record. */
	if (!refcount_inc_not_zero(&undo->sem->object.refs))
		return 0;
	refcount_inc(&undo->refs);
	queue_work(kipc_undo_wq, &undo->work);
	return 0;
}

static void kipc_undo_apply_counter(struct kipc_semaphore *sem,
				    struct kipc_sem_change *change,
				    struct kipc_undo *undo, u32 index)
{
	struct kipc_counter *counter = &sem->counters[index];
	s64 value = counter->value;

	if (counter->owner == undo) {
		counter->owner = NULL;
		counter->value = 1;
		counter->state = KIPC_MUTEX_OWNER_DEAD;
	} else if (undo->adjust[index]) {
		value += undo->adjust[index];
		counter->value = clamp_t(s64, value, 0, sem->max);
		undo->adjust[index] = 0;
	} else {
		return;
	}
	kipc_sem_mark(sem, change, index);
	__set_bit(index, change->fell);
}

/*
 * Gives back.  The record stays if an operation that waits is going to use it:
 * then the process has closed its last descriptor, but it lives.
 */
static void kipc_undo_apply(struct kipc_semaphore *sem, struct kipc_undo *undo)
	__releases(&sem->lock)
{
	struct kipc_sem_change change = { };
	bool drop = !undo->waiters;
	u32 i;

	lockdep_assert_held(&sem->lock);

	for (i = 0; i < sem->count && undo->held; i++)
		kipc_undo_apply_counter(sem, &change, undo, i);
	undo->held = 0;
	if (drop) {
		hash_del(&undo->node);
		sem->nr_undos--;
	}
	kipc_sem_settle(sem, &change);
	if (drop)
		kipc_undo_drop(undo);
}

static void kipc_undo_work(struct work_struct *work)
{
	struct kipc_undo *undo = container_of(work, struct kipc_undo, work);
	struct kipc_semaphore *sem = undo->sem;

	spin_lock(&sem->lock);
	if (hash_hashed(&undo->node))
		kipc_undo_apply(sem, undo);
	else
		spin_unlock(&sem->lock);
	kipc_undo_put(undo);
	kipc_object_put(&sem->object);
}

/**
 * kipc_undo_make - see to it that the caller's process has a record
 * @sem: the set
 *
 * It may be gone again when the lock is taken next: another thread of the
 * process may close the last descriptor.
 *
 * Context: may sleep; takes sem->lock.
 * Return: 0 or -ENOMEM.
 */
int kipc_undo_make(struct kipc_semaphore *sem)
{
	struct kipc_undo *undo;
	bool known;

	undo = kzalloc(struct_size(undo, adjust, sem->count),
		       GFP_KERNEL_ACCOUNT);
	if (!undo)
		return -ENOMEM;
	undo->sem = sem;
	undo->tgid = get_pid(task_tgid(current));
	refcount_set(&undo->refs, 1);
	INIT_WORK(&undo->work, kipc_undo_work);
	init_waitqueue_func_entry(&undo->watch, kipc_undo_notify);
	/* Before it can be found, and so dropped.  The caller is not dead. */
	add_wait_queue(&undo->tgid->wait_pidfd, &undo->watch);

	spin_lock(&sem->lock);
	known = kipc_undo_find(sem);
	if (!known) {
		hash_add(sem->undos, &undo->node, kipc_undo_key(undo->tgid));
		sem->nr_undos++;
	}
	spin_unlock(&sem->lock);
	if (known)
		kipc_undo_drop(undo);
	return 0;
}

/**
 * kipc_undo_forget - nobody gives anything back to these counters
 * @sem: the set
 * @first: the first of them
 * @count: how many
 *
 * Context: sem->lock held.
 */
void kipc_undo_forget(struct kipc_semaphore *sem, u32 first, u32 count)
{
	struct kipc_undo *undo;
	int bucket;
	u32 i;

	lockdep_assert_held(&sem->lock);

	hash_for_each(sem->undos, bucket, undo, node) {
		for (i = first; i < first + count && undo->held; i++) {
			undo->held -= !!undo->adjust[i];
			undo->adjust[i] = 0;
		}
	}
}

/**
 * kipc_undo_init - a new set, with no records
 * @sem: the set; kipc_undo_free_all() has to follow
 */
void kipc_undo_init(struct kipc_semaphore *sem)
{
	hash_init(sem->undos);
	atomic_inc(&kipc_undo_sets);
}

/**
 * kipc_undo_free_all - drop all records of a set that nobody has any more
 * @sem: the set, whose last reference is gone
 *
 * Context: does not sleep.
 */
void kipc_undo_free_all(struct kipc_semaphore *sem)
{
	struct hlist_node *next;
	struct kipc_undo *undo;
	int bucket;

	hash_for_each_safe(sem->undos, bucket, next, undo, node) {
		hash_del(&undo->node);
		kipc_undo_drop(undo);
	}
	/* After the last record: nothing is queued for this set any more. */
	atomic_dec(&kipc_undo_sets);
}

static int kipc_undo_same_set(const void *object, struct file *file,
			      unsigned int fd)
{
	const struct kipc_handle *handle = file->private_data;

	return file->f_op == &kipc_semaphore_fops && handle->object == object;
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

/*
 * Does the caller's process have another descriptor of the set?  The one that is
 * being closed has left the table already.  Where threads have tables of their
 * own nobody can tell: then the record stays until the process dies, if no later
 * close finds it alone.  current->files is NULL at the end of a thread.
 */
static bool kipc_undo_still_open(struct kipc_semaphore *sem)
{
	if (current->flags & PF_EXITING)
		return atomic_read(&current->signal->live) > 0;
	return kipc_process_has_tables() ||
	       iterate_fd(current->files, 0, kipc_undo_same_set, &sem->object);
}

/**
 * kipc_semaphore_flush - a process closes a descriptor, perhaps because it dies
 * @file: the handle
 * @id: its table of descriptors
 *
 * The table is looked at without the lock.  If the process did something in the
 * meantime, perhaps through a descriptor that is new, it is looked at again;
 * that ends when nobody has a descriptor left to do something through.
 *
 * Context: may sleep; takes sem->lock.
 * Return: 0
 */
int kipc_semaphore_flush(struct file *file, fl_owner_t id)
{
	struct kipc_handle *handle = file->private_data;
	struct kipc_semaphore *sem = kipc_to_sem(handle->object);
	struct kipc_undo *undo;
	u64 seen = 0;

	if (!READ_ONCE(sem->nr_undos))
		return 0;
	for (;;) {
		spin_lock(&sem->lock);
		undo = kipc_undo_find(sem);
		if (!undo)
			break;
		if (undo->last_op == seen) {
			kipc_undo_apply(sem, undo);
			return 0;
		}
		seen = undo->last_op;
		spin_unlock(&sem->lock);
		if (kipc_undo_still_open(sem))
			return 0;
	}
	spin_unlock(&sem->lock);
	return 0;
}

/** kipc_semaphore_init - prepare for processes that die */
int __init kipc_semaphore_init(void)
{
	kipc_undo_wq = alloc_workqueue("kipc_undo", WQ_UNBOUND, 0);
	return kipc_undo_wq ? 0 : -ENOMEM;
}

/**
 * kipc_semaphore_exit - wait for what still has to be given back
 *
 * A set that is still there is held by a work alone.  Until it is gone the death
 * of another process may queue one more.
 */
void kipc_semaphore_exit(void)
{
	while (atomic_read(&kipc_undo_sets)) {
		flush_workqueue(kipc_undo_wq);
		cond_resched();
	}
	destroy_workqueue(kipc_undo_wq);
}
