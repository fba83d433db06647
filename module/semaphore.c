// SPDX-License-Identifier: GPL-2.0
#include <linux/nospec.h>
#include <linux/pid_namespace.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "compat.h"
#include "create.h"
#include "main.h"
#include "semaphore.h"
#include "semaphore_mapped.h"

KIPC_ASSERT_CREATE(kipc_semaphore_create);

/* The first version of struct kipc_sem_counter that was published. */
#define KIPC_SEM_COUNTER_MIN	offsetofend(struct kipc_sem_counter, pad)

/* Vectors of no more entries need no allocation. */
#define KIPC_SEM_FEW		4

/* The values that the counters begin with. */
static int kipc_semaphore_fill(struct kipc_semaphore *sem,
			       const struct kipc_semaphore_create *arg)
{
	u32 *values = NULL;
	int err = 0;
	u32 i;

	if (arg->values)
		values = memdup_user(u64_to_user_ptr(arg->values),
				     sem->count * sizeof(*values));
	if (IS_ERR(values))
		return PTR_ERR(values);
	for (i = 0; i < sem->count && !err; i++) {
		u32 value = values ? values[i] : arg->initial;

		if (value > sem->max)
			err = -EOVERFLOW;
		sem->counters[i].value = sem->mutex ? 1 : value;
	}
	kfree(values);
	return err;
}

static struct kipc_object *kipc_semaphore_make(struct kipc_call *call)
{
	struct kipc_semaphore_create *arg = call->arg;
	bool mapped = arg->flags & KIPC_SEMAPHORE_MAPPED;
	struct kipc_object *object;
	struct kipc_semaphore *sem;
	int err;
	u32 i;

	object = kipc_object_make(&kipc_semaphore_kind, arg->mode,
				  arg->count * sizeof(*sem->counters) +
				  (mapped ? PAGE_SIZE : 0));
	if (IS_ERR(object))
		return object;
	sem = kipc_to_sem(object);
	sem->count = arg->count;
	sem->mutex = arg->flags & KIPC_SEMAPHORE_MUTEX;
	sem->max = sem->mutex ? 1 : arg->max ?: KIPC_SEM_VALUE_MAX;
	spin_lock_init(&sem->lock);
	kipc_undo_init(sem);
	err = -ENOMEM;
	sem->counters = kvcalloc(arg->count, sizeof(*sem->counters),
				 GFP_KERNEL_ACCOUNT);
	if (!sem->counters)
		goto put;
	for (i = 0; i < sem->count; i++) {
		INIT_LIST_HEAD(&sem->counters[i].takers);
		INIT_LIST_HEAD(&sem->counters[i].zeros);
		init_waitqueue_head(&sem->counters[i].poll);
	}
	err = kipc_semaphore_fill(sem, arg);
	if (!err && mapped)
		err = kipc_mapped_make(sem);
	if (err)
		goto put;
	return object;

put:
	kipc_object_put(object);
	return ERR_PTR(err);
}

static int kipc_semaphore_give(struct kipc_call *call,
			       struct kipc_object *object)
{
	struct kipc_semaphore_create *arg = call->arg;
	struct kipc_semaphore *sem = kipc_to_sem(object);

	arg->count = sem->count;
	arg->max = sem->max;
	return kipc_create_open(call, object, arg->rights, &arg->fd);
}

static void kipc_semaphore_destroyed(struct kipc_object *object)
{
	struct kipc_semaphore *sem = kipc_to_sem(object);
	u32 i;

	spin_lock(&sem->lock);
	for (i = 0; sem->mapped && i < sem->count; i++)
		kipc_mapped_ask(sem, i);
	spin_unlock(&sem->lock);
	kipc_sem_fail_all(sem, -EIDRM);
	kipc_semaphore_wake_all_pollers(sem);
}

static void kipc_semaphore_free(struct kipc_object *object)
{
	struct kipc_semaphore *sem = kipc_to_sem(object);

	kipc_undo_free_all(sem);
	kipc_mapped_free(sem);
	kvfree(sem->counters);
}

const struct kipc_kind kipc_semaphore_kind = {
	.type		= KIPC_KIND_SEMAPHORE,
	.size		= sizeof(struct kipc_semaphore),
	.name		= "semaphore",
	.flags		= KIPC_SEMAPHORE_MUTEX | KIPC_SEMAPHORE_MAPPED,
	.make		= kipc_semaphore_make,
	.give		= kipc_semaphore_give,
	.open		= kipc_semaphore_open,
	.destroyed	= kipc_semaphore_destroyed,
	.free		= kipc_semaphore_free,
};

/**
 * kipc_semaphore_create_call - KIPC_SEMAPHORE_CREATE
 * @call: the call; struct kipc_semaphore_create
 *
 * Context: may sleep.
 * Return: 0 or a negative errno, see uapi/linux/kipc/semaphore.h.
 */
int kipc_semaphore_create_call(struct kipc_call *call)
{
	struct kipc_semaphore_create *arg = call->arg;
	bool mutex = arg->flags & KIPC_SEMAPHORE_MUTEX;
	u32 most = arg->flags & KIPC_SEMAPHORE_MAPPED ? KIPC_SEM_MAPPED_MAX :
							KIPC_SEM_COUNT_MAX;

	if (!arg->count || arg->max > KIPC_SEM_VALUE_MAX)
		return -EINVAL;
	if (arg->initial && arg->values)
		return -EINVAL;
	if (mutex && (arg->max > 1 || arg->initial || arg->values))
		return -EINVAL;
	if (arg->count > most)
		return -ENOSPC;
	if (arg->initial > (arg->max ?: KIPC_SEM_VALUE_MAX))
		return -EOVERFLOW;
	return kipc_create(call, &kipc_semaphore_kind);
}

/* One step as user space gave it.  Return: 0 or a negative errno. */
static int kipc_sem_check_step(const struct kipc_semaphore *sem, u32 rights,
			       u32 index, s32 delta, struct kipc_sem_step *step,
			       bool undo)
{
	if (!(rights & (delta ? KIPC_RIGHT_WRITE : KIPC_RIGHT_READ)))
		return -EBADF;
	if (index >= sem->count)
		return -ERANGE;
	if (sem->mutex && delta != -1 && delta != 1)
		return -EINVAL;
	if (delta < 0 && -(s64)delta > sem->max)
		return -EINVAL;
	/* Nobody knows what was taken from a word. */
	if (sem->mapped && ((delta != -1 && delta != 1) ||
			    (undo && !sem->mutex)))
		return -EINVAL;
	step->index = array_index_nospec(index, sem->count);
	step->delta = delta;
	/* The owner of a mutex is known without. */
	step->undo = undo && delta && !sem->mutex;
	step->covered = false;
	return 0;
}

static bool kipc_sem_nowait(struct kipc_call *call, u32 flags)
{
	return (flags & KIPC_SEM_NONBLOCK) ||
	       (call->file->f_flags & O_NONBLOCK);
}

/**
 * kipc_semaphore_op_call - KIPC_SEMAPHORE_OP
 * @call: the call; struct kipc_semaphore_op
 *
 * Context: may sleep.
 * Return: 0 or a negative errno, see uapi/linux/kipc/semaphore.h.
 */
int kipc_semaphore_op_call(struct kipc_call *call)
{
	struct kipc_semaphore *sem = kipc_to_sem(call->handle->object);
	struct kipc_semaphore_op *arg = call->arg;
	struct kipc_sem_place place __uninitialized;
	struct kipc_sem_step step __uninitialized;
	struct kipc_sem_op op __uninitialized;
	int err;

	if (arg->flags & ~(KIPC_SEM_NONBLOCK | KIPC_SEM_UNDO))
		return -EINVAL;
	err = kipc_sem_check_step(sem, call->handle->rights, arg->index,
				  arg->delta, &step,
				  arg->flags & KIPC_SEM_UNDO);
	if (err)
		return err;
	if (sem->mapped)
		return kipc_mapped_op(sem, step.index, step.delta,
				      kipc_sem_nowait(call, arg->flags),
				      arg->deadline_ns);
	place.index = step.index;
	place.zero = !step.delta;
	op.steps = &step;
	op.nr_steps = 1;
	op.places = &place;
	op.nr_places = step.delta <= 0;
	op.needs_undo = step.undo || sem->mutex;
	op.owner_dead = 0;
	return kipc_sem_run(sem, &op, kipc_sem_nowait(call, arg->flags),
			    arg->deadline_ns);
}

/* Does step @nr take no more from its counter than those before it added? */
static bool kipc_sem_covered(const struct kipc_sem_op *op, u32 nr)
{
	s64 sum = 0;
	u32 i;

	for (i = 0; i <= nr; i++)
		if (op->steps[i].index == op->steps[nr].index)
			sum += op->steps[i].delta;
	return sum >= 0;
}

/* Where a vector waits: once on each counter that it takes from or wants 0. */
static void kipc_sem_find_places(struct kipc_sem_op *op)
{
	DECLARE_BITMAP(takes, KIPC_SEM_COUNT_MAX) = { };
	DECLARE_BITMAP(zeros, KIPC_SEM_COUNT_MAX) = { };
	u32 i;

	for (i = 0; i < op->nr_steps; i++) {
		struct kipc_sem_place *place = &op->places[op->nr_places];
		struct kipc_sem_step *step = &op->steps[i];

		if (step->delta < 0)
			step->covered = kipc_sem_covered(op, i);
		if (step->delta > 0 || step->covered ||
		    __test_and_set_bit(step->index,
				       step->delta ? takes : zeros))
			continue;
		place->index = step->index;
		place->zero = !step->delta;
		op->nr_places++;
	}
}

static int kipc_sem_copy_steps(struct kipc_call *call, struct kipc_sem_op *op)
{
	struct kipc_semaphore *sem = kipc_to_sem(call->handle->object);
	struct kipc_semaphore_ops *arg = call->arg;
	struct kipc_sem_entry entries[KIPC_SEM_OPS_MAX] __uninitialized;
	u32 i;

	if (copy_from_user(entries, u64_to_user_ptr(arg->entries),
			   arg->count * sizeof(*entries)))
		return -EFAULT;
	for (i = 0; i < arg->count; i++) {
		const struct kipc_sem_entry *entry = &entries[i];
		u32 flags = entry->flags | (arg->flags & KIPC_SEM_UNDO);
		int err;

		if (entry->flags & ~KIPC_SEM_UNDO || entry->pad)
			return -EINVAL;
		err = kipc_sem_check_step(sem, call->handle->rights,
					  entry->index, entry->delta,
					  &op->steps[i], flags);
		if (err)
			return err;
		op->needs_undo |= op->steps[i].undo || sem->mutex;
	}
	return 0;
}

/* With room for steps and places. */
static int kipc_sem_do_ops(struct kipc_call *call, struct kipc_sem_step *steps,
			   struct kipc_sem_place *places)
{
	struct kipc_semaphore *sem = kipc_to_sem(call->handle->object);
	struct kipc_semaphore_ops *arg = call->arg;
	struct kipc_sem_op op = {
		.steps		= steps,
		.places		= places,
		.nr_steps	= arg->count,
	};
	int ret;

	ret = kipc_sem_copy_steps(call, &op);
	if (ret)
		return ret;
	kipc_sem_find_places(&op);
	ret = kipc_sem_run(sem, &op, kipc_sem_nowait(call, arg->flags),
			   arg->deadline_ns);
	arg->owner_dead = op.owner_dead;
	return ret;
}

static int kipc_sem_do_few_ops(struct kipc_call *call)
{
	struct kipc_sem_step steps[KIPC_SEM_FEW] __uninitialized;
	struct kipc_sem_place places[KIPC_SEM_FEW] __uninitialized;

	return kipc_sem_do_ops(call, steps, places);
}

static int kipc_sem_do_many_ops(struct kipc_call *call, u32 count)
{
	struct kipc_sem_step *steps;
	int ret;

	steps = kmalloc_array(count,
			      sizeof(*steps) + sizeof(struct kipc_sem_place),
			      GFP_KERNEL_ACCOUNT);
	if (!steps)
		return -ENOMEM;
	ret = kipc_sem_do_ops(call, steps, (void *)(steps + count));
	kfree(steps);
	return ret;
}

/**
 * kipc_semaphore_ops_call - KIPC_SEMAPHORE_OPS
 * @call: the call; struct kipc_semaphore_ops
 *
 * Context: may sleep.
 * Return: 0 or a negative errno, see uapi/linux/kipc/semaphore.h.
 */
int kipc_semaphore_ops_call(struct kipc_call *call)
{
	struct kipc_semaphore_ops *arg = call->arg;

	if (arg->flags & ~(KIPC_SEM_NONBLOCK | KIPC_SEM_UNDO) || arg->pad ||
	    !arg->count || kipc_to_sem(call->handle->object)->mapped)
		return -EINVAL;
	if (arg->count > KIPC_SEM_OPS_MAX)
		return -E2BIG;
	if (arg->count <= KIPC_SEM_FEW)
		return kipc_sem_do_few_ops(call);
	return kipc_sem_do_many_ops(call, arg->count);
}

/* Is there something, and all of it in the set? */
static int kipc_sem_check_range(const struct kipc_semaphore *sem, u32 first,
				u32 count)
{
	if (!count)
		return -EINVAL;
	if (first >= sem->count || count > sem->count - first)
		return -ERANGE;
	return 0;
}

static void kipc_sem_describe(struct kipc_semaphore *sem, u32 index,
			      struct pid_namespace *ns,
			      struct kipc_sem_counter *out)
{
	const struct kipc_counter *counter = &sem->counters[index];

	if (sem->mapped) {
		kipc_mapped_describe(sem, index, ns, out);
		return;
	}
	*out = (struct kipc_sem_counter){
		.value		= counter->value,
		.waiting	= counter->nr_takers,
		.waiting_zero	= counter->nr_zeros,
		.state		= counter->state,
	};
	if (counter->owner)
		out->pid = pid_nr_ns(counter->owner->watch.tgid, ns);
}

static int kipc_sem_copy_counters(const struct kipc_semaphore_get *arg,
				  const struct kipc_sem_counter *counters)
{
	u32 size = min_t(u32, arg->counter_size, sizeof(*counters));
	u32 i;

	for (i = 0; i < arg->count; i++) {
		u64 where = arg->counters + (u64)i * arg->counter_size;

		if (copy_to_user(u64_to_user_ptr(where), &counters[i], size) ||
		    clear_user(u64_to_user_ptr(where + size),
			       arg->counter_size - size))
			return -EFAULT;
	}
	return 0;
}

/**
 * kipc_semaphore_get_call - KIPC_SEMAPHORE_GET
 * @call: the call; struct kipc_semaphore_get
 *
 * Context: may sleep.
 * Return: 0 or a negative errno, see uapi/linux/kipc/semaphore.h.
 */
int kipc_semaphore_get_call(struct kipc_call *call)
{
	struct kipc_semaphore *sem = kipc_to_sem(call->handle->object);
	struct pid_namespace *ns = task_active_pid_ns(current);
	struct kipc_semaphore_get *arg = call->arg;
	struct kipc_sem_counter *counters;
	u32 i, first;
	int err;

	if (arg->flags || arg->pad ||
	    arg->counter_size < KIPC_SEM_COUNTER_MIN ||
	    arg->counter_size > PAGE_SIZE)
		return -EINVAL;
	if (!(call->handle->rights & KIPC_RIGHT_READ))
		return -EBADF;
	err = kipc_sem_check_range(sem, arg->first, arg->count);
	if (err)
		return err;
	first = array_index_nospec(arg->first, sem->count);
	counters = kmalloc_array(arg->count, sizeof(*counters),
				 GFP_KERNEL_ACCOUNT);
	if (!counters)
		return -ENOMEM;

	spin_lock(&sem->lock);
	for (i = 0; i < arg->count; i++)
		kipc_sem_describe(sem, first + i, ns, &counters[i]);
	spin_unlock(&sem->lock);

	err = kipc_sem_copy_counters(arg, counters);
	kfree(counters);
	return err;
}

static void kipc_sem_set_counter(struct kipc_semaphore *sem,
				 struct kipc_sem_change *change, u32 index,
				 u32 value)
{
	struct kipc_counter *counter = &sem->counters[index];

	kipc_sem_mark(sem, change, index);
	if (sem->mapped) {
		kipc_mapped_set(sem, index, value);
		return;
	}
	counter->sets++;
	if (counter->owner)
		counter->owner->held--;
	counter->owner = NULL;
	counter->state = 0;
	counter->value = value;
	__set_bit(index, change->fell);
}

static void kipc_sem_set(struct kipc_semaphore *sem, u32 first, u32 count,
			 const u32 *values)
{
	struct kipc_sem_change change = { };
	u32 i;

	spin_lock(&sem->lock);
	kipc_undo_forget(sem, first, count);
	for (i = first; i < first + count; i++)
		kipc_sem_set_counter(sem, &change, i, values[i - first]);
	kipc_sem_settle(sem, &change);
}

/**
 * kipc_semaphore_set_call - KIPC_SEMAPHORE_SET
 * @call: the call; struct kipc_semaphore_set
 *
 * Context: may sleep.
 * Return: 0 or a negative errno, see uapi/linux/kipc/semaphore.h.
 */
int kipc_semaphore_set_call(struct kipc_call *call)
{
	struct kipc_semaphore *sem = kipc_to_sem(call->handle->object);
	struct kipc_semaphore_set *arg = call->arg;
	u32 *values;
	int err;
	u32 i;

	if (arg->flags)
		return -EINVAL;
	if (!(call->handle->rights & KIPC_RIGHT_WRITE))
		return -EBADF;
	err = kipc_sem_check_range(sem, arg->first, arg->count);
	if (err)
		return err;
	values = memdup_user(u64_to_user_ptr(arg->values),
			     arg->count * sizeof(*values));
	if (IS_ERR(values))
		return PTR_ERR(values);
	for (i = 0; i < arg->count && !err; i++) {
		if (sem->mutex && values[i] != 1)
			err = -EINVAL;
		else if (values[i] > sem->max)
			err = -EOVERFLOW;
	}
	if (!err)
		kipc_sem_set(sem, array_index_nospec(arg->first, sem->count),
			     arg->count, values);
	kfree(values);
	return err;
}

/* What the owner says of his mutex; the lock is held. */
static int kipc_sem_mark_mutex(struct kipc_semaphore *sem, u32 index, u32 mark,
			       struct kipc_sem_change *change)
{
	struct kipc_counter *counter = &sem->counters[index];

	if (sem->mapped)
		return kipc_mapped_mark(sem, change, index, mark);
	if (!counter->owner || counter->owner != kipc_undo_find(sem))
		return -EPERM;
	if (mark == KIPC_MUTEX_CONSISTENT) {
		if (!counter->state)
			return -EINVAL;
		counter->state = 0;
		return 0;
	}
	counter->owner->held--;
	counter->owner = NULL;
	counter->state = KIPC_MUTEX_DEAD;
	kipc_sem_mark(sem, change, index);
	return 0;
}

/**
 * kipc_semaphore_mark_call - KIPC_SEMAPHORE_MARK
 * @call: the call; struct kipc_semaphore_mark
 *
 * Context: does not sleep.
 * Return: 0 or a negative errno, see uapi/linux/kipc/semaphore.h.
 */
int kipc_semaphore_mark_call(struct kipc_call *call)
{
	struct kipc_semaphore *sem = kipc_to_sem(call->handle->object);
	struct kipc_semaphore_mark *arg = call->arg;
	struct kipc_sem_change change = { };
	int err;

	if (arg->flags || !sem->mutex ||
	    (arg->mark != KIPC_MUTEX_CONSISTENT &&
	     arg->mark != KIPC_MUTEX_UNRECOVERABLE))
		return -EINVAL;
	if (!(call->handle->rights & KIPC_RIGHT_WRITE))
		return -EBADF;
	if (arg->index >= sem->count)
		return -ERANGE;

	spin_lock(&sem->lock);
	err = kipc_sem_mark_mutex(sem, array_index_nospec(arg->index,
							  sem->count),
				  arg->mark, &change);
	kipc_sem_settle(sem, &change);
	return err;
}

/**
 * kipc_semaphore_watch_call - KIPC_SEMAPHORE_WATCH
 * @call: the call; struct kipc_semaphore_watch
 *
 * Context: does not sleep.
 * Return: 0 or a negative errno, see uapi/linux/kipc/semaphore.h.
 */
int kipc_semaphore_watch_call(struct kipc_call *call)
{
	struct kipc_semaphore_handle *handle = kipc_to_sem_handle(call->handle);
	struct kipc_semaphore *sem = kipc_to_sem(call->handle->object);
	struct kipc_semaphore_watch *arg = call->arg;
	int err = 0;

	if (arg->flags || arg->pad)
		return -EINVAL;
	if (arg->index >= sem->count)
		return -ERANGE;

	spin_lock(&sem->lock);
	if (handle->fixed) {
		err = -EBUSY;
	} else {
		handle->watch = array_index_nospec(arg->index, sem->count);
		handle->fixed = true;
	}
	spin_unlock(&sem->lock);
	return err;
}

/**
 * kipc_semaphore_stat_call - KIPC_SEMAPHORE_STAT
 * @call: the call; struct kipc_semaphore_stat
 *
 * Context: does not sleep.
 * Return: 0 or a negative errno, see uapi/linux/kipc/semaphore.h.
 */
int kipc_semaphore_stat_call(struct kipc_call *call)
{
	struct kipc_semaphore *sem = kipc_to_sem(call->handle->object);
	struct kipc_semaphore_stat *arg = call->arg;
	struct kipc_undo *undo;
	int bucket;

	if (arg->flags || arg->pad)
		return -EINVAL;
	arg->semaphore_flags = (sem->mutex ? KIPC_SEMAPHORE_MUTEX : 0) |
			       (sem->mapped ? KIPC_SEMAPHORE_MAPPED : 0);
	arg->count = sem->count;
	arg->max = sem->max;
	arg->sleeps = atomic64_read(&sem->stats.sleeps);
	arg->blocked_ns = atomic64_read(&sem->stats.blocked_ns);
	arg->undos = 0;

	spin_lock(&sem->lock);
	arg->waiting = sem->nr_waiting;
	arg->wakeups = sem->wakeups;
	hash_for_each(sem->undos->heads, bucket, undo, node)
		arg->undos += sem->mapped || undo->held;
	spin_unlock(&sem->lock);
	return 0;
}
