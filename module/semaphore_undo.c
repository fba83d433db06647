// SPDX-License-Identifier: GPL-2.0
/* What a process gives back when it ends: see struct kipc_undo. */
#include <linux/slab.h>

#include "semaphore.h"
#include "semaphore_mapped.h"

/* Of all sets without a record: they are looked through like others. */
static struct kipc_undo_table kipc_undo_none __ro_after_init;

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

	hash_for_each_possible(sem->undos->heads, undo, node,
			       kipc_undo_key(tgid))
		if (undo->watch.tgid == tgid)
			return undo;
	return NULL;
}

static void kipc_undo_put(struct kipc_undo *undo)
{
	if (!refcount_dec_and_test(&undo->refs))
		return;
	kipc_watch_free(&undo->watch);
	kfree(undo);
}

/* Under the lock, or when nobody else knows the set. */
static void kipc_undo_take_out(struct kipc_undo *undo)
{
	hash_del(&undo->node);
	undo->sem->nr_undos--;
	if (undo->sem->mapped)
		kipc_mapped_dismiss(undo);
}

/* Drops a record that is in no table (any more). */
static void kipc_undo_drop(struct kipc_undo *undo)
{
	kipc_watch_stop(&undo->watch);
	kipc_undo_put(undo);
}

/* If the set is about to be freed, so is the record. */
static bool kipc_undo_hold(struct kipc_watch *watch)
{
	struct kipc_undo *undo = container_of(watch, struct kipc_undo, watch);

	if (!refcount_inc_not_zero(&undo->sem->object.refs))
		return false;
	refcount_inc(&undo->refs);
	return true;
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
	if (sem->mapped)
		kipc_mapped_give_up(sem, &change, undo->token);
	if (drop)
		kipc_undo_take_out(undo);
	kipc_sem_settle(sem, &change);
	if (drop)
		kipc_undo_drop(undo);
}

static void kipc_undo_work(struct work_struct *work)
{
	struct kipc_undo *undo = container_of(work, struct kipc_undo,
					      watch.work);
	struct kipc_semaphore *sem = undo->sem;

	spin_lock(&sem->lock);
	if (hash_hashed(&undo->node))
		kipc_undo_apply(sem, undo);
	else
		spin_unlock(&sem->lock);
	kipc_undo_put(undo);
	kipc_object_put(&sem->object);
}

/* Sees to it that the set has a table of its own.  Return: 0 or -ENOMEM. */
static int kipc_undo_make_table(struct kipc_semaphore *sem)
{
	struct kipc_undo_table *table, *spare = NULL;

	if (likely(READ_ONCE(sem->undos) != &kipc_undo_none))
		return 0;
	table = kzalloc(sizeof(*table), GFP_KERNEL_ACCOUNT);
	if (!table)
		return -ENOMEM;

	spin_lock(&sem->lock);
	/* Another process may have been faster. */
	if (sem->undos == &kipc_undo_none)
		WRITE_ONCE(sem->undos, table);
	else
		spare = table;
	spin_unlock(&sem->lock);
	kfree(spare);
	return 0;
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
	int err;

	err = kipc_undo_make_table(sem);
	if (err)
		return err;
	undo = kzalloc(struct_size(undo, adjust, sem->mapped ? 0 : sem->count),
		       GFP_KERNEL_ACCOUNT);
	if (!undo)
		return -ENOMEM;
	undo->sem = sem;
	refcount_set(&undo->refs, 1);
	kipc_watch_init(&undo->watch, task_tgid(current), kipc_undo_hold,
			kipc_undo_work);
	/* Before it can be found, and so dropped.  The caller is not dead. */
	kipc_watch_start(&undo->watch);

	spin_lock(&sem->lock);
	known = kipc_undo_find(sem);
	if (!known) {
		hash_add(sem->undos->heads, &undo->node,
			 kipc_undo_key(undo->watch.tgid));
		sem->nr_undos++;
		if (sem->mapped)
			kipc_mapped_admit(sem, undo);
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

	hash_for_each(sem->undos->heads, bucket, undo, node) {
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
	sem->undos = &kipc_undo_none;
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

	hash_for_each_safe(sem->undos->heads, bucket, next, undo, node) {
		kipc_undo_take_out(undo);
		kipc_undo_drop(undo);
	}
	if (sem->undos != &kipc_undo_none)
		kfree(sem->undos);
}

static int kipc_undo_same_set(const void *object, struct file *file,
			      unsigned int fd)
{
	const struct kipc_handle *handle = file->private_data;

	return (file->f_op == &kipc_semaphore_fops ||
		file->f_op == &kipc_mapped_fops) && handle->object == object;
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
		if (kipc_process_still_open(kipc_undo_same_set, &sem->object))
			return 0;
	}
	spin_unlock(&sem->lock);
	return 0;
}
