// SPDX-License-Identifier: GPL-2.0
/* P and V, and who is served when: see semaphore.h. */
#include <linux/nospec.h>
#include <linux/poll.h>
#include <linux/sched/signal.h>

#include "compat.h"
#include "semaphore.h"
#include "semaphore_mapped.h"

/* Not an error: the step cannot be done now. */
#define KIPC_SEM_WAIT	1

/* May this step of @op take from the counter, as far as order goes? */
static bool kipc_sem_first(const struct kipc_counter *counter,
			   const struct kipc_sem_op *op,
			   const struct kipc_sem_step *step)
{
	const struct kipc_sem_place *first;

	if (likely(list_empty(&counter->takers)) || step->covered)
		return true;
	first = list_first_entry(&counter->takers, struct kipc_sem_place, link);
	return first->op == op;
}

/* Adds to what the process will give back.  Return: 0 or -EOVERFLOW. */
static int kipc_sem_adjust(struct kipc_semaphore *sem, struct kipc_undo *undo,
			   u32 index, s64 add)
{
	s64 before = undo->adjust[index];
	s64 after = before + add;

	if (after > (s64)KIPC_SEM_VALUE_MAX || -after > (s64)KIPC_SEM_VALUE_MAX)
		return -EOVERFLOW;
	undo->adjust[index] = after;
	undo->last_op = ++sem->nr_recorded;
	undo->held += !!after - !!before;
	return 0;
}

/* Each: 0 if the step was done, KIPC_SEM_WAIT, or what is wrong with it. */
static int kipc_sem_step_counter(struct kipc_semaphore *sem,
				 struct kipc_sem_op *op,
				 struct kipc_sem_step *step)
{
	struct kipc_counter *counter = &sem->counters[step->index];
	s64 delta = step->delta;

	if (!delta)
		return counter->value ? KIPC_SEM_WAIT : 0;
	if (delta < 0 && (counter->value < -delta ||
			  !kipc_sem_first(counter, op, step)))
		return KIPC_SEM_WAIT;
	if (delta > 0 && delta > sem->max - counter->value)
		return -EOVERFLOW;
	if (step->undo && kipc_sem_adjust(sem, op->undo, step->index,
					  -delta))
		return -EOVERFLOW;
	counter->value += delta;
	return 0;
}

static int kipc_sem_unlock_mutex(struct kipc_counter *counter,
				 struct kipc_sem_op *op)
{
	if (counter->owner != op->undo)
		return -EPERM;
	counter->owner = NULL;
	op->undo->held--;
	/* Nobody put in order what the dead owner left. */
	if (counter->state == KIPC_MUTEX_OWNER_DEAD)
		counter->state = KIPC_MUTEX_DEAD;
	else
		counter->value = 1;
	return 0;
}

static int kipc_sem_step_mutex(struct kipc_semaphore *sem,
			       struct kipc_sem_op *op,
			       struct kipc_sem_step *step)
{
	struct kipc_counter *counter = &sem->counters[step->index];

	step->old_state = counter->state;
	step->old_owner = counter->owner;
	if (step->delta > 0)
		return kipc_sem_unlock_mutex(counter, op);
	if (counter->state == KIPC_MUTEX_DEAD)
		return -ENOTRECOVERABLE;
	if (counter->owner == op->undo)
		return -EDEADLK;
	if (!counter->value || !kipc_sem_first(counter, op, step))
		return KIPC_SEM_WAIT;
	counter->value = 0;
	counter->owner = op->undo;
	op->undo->last_op = ++sem->nr_recorded;
	op->undo->held++;
	if (counter->state == KIPC_MUTEX_OWNER_DEAD)
		op->owner_dead |= BIT_ULL(step - op->steps);
	return 0;
}

/* Takes back a step of an operation that cannot be done as a whole. */
static void kipc_sem_unstep(struct kipc_semaphore *sem, struct kipc_sem_op *op,
			    struct kipc_sem_step *step)
{
	struct kipc_counter *counter = &sem->counters[step->index];

	if (!sem->mutex) {
		counter->value -= step->delta;
		if (step->undo)
			kipc_sem_adjust(sem, op->undo, step->index,
					step->delta);
		return;
	}
	counter->value = step->delta < 0;
	counter->state = step->old_state;
	counter->owner = step->old_owner;
	op->undo->held += step->delta;
}

/* All of an operation or nothing.  Return: 0, KIPC_SEM_WAIT or -errno. */
static int kipc_sem_try(struct kipc_semaphore *sem, struct kipc_sem_op *op)
{
	u32 i;
	int ret;

	lockdep_assert_held(&sem->lock);

	for (i = 0; i < op->nr_steps; i++) {
		struct kipc_sem_step *step = &op->steps[i];

		if (sem->mutex)
			ret = kipc_sem_step_mutex(sem, op, step);
		else
			ret = kipc_sem_step_counter(sem, op, step);
		if (ret)
			goto take_back;
	}
	return 0;

take_back:
	while (i--)
		kipc_sem_unstep(sem, op, &op->steps[i]);
	op->owner_dead = 0;
	return ret;
}

/**
 * kipc_sem_mark - a counter rose, or somebody left its queue
 * @sem: the set
 * @change: what kipc_sem_settle() is to do about it
 * @index: the counter
 *
 * Context: sem->lock held.
 */
void kipc_sem_mark(struct kipc_semaphore *sem, struct kipc_sem_change *change,
		   u32 index)
{
	lockdep_assert_held(&sem->lock);

	__set_bit(index, change->dirty);
	__set_bit(index, change->rose);
}

/* The operation was done just now. */
static void kipc_sem_mark_done(struct kipc_sem_change *change,
			       const struct kipc_sem_op *op)
{
	u32 i;

	for (i = 0; i < op->nr_steps; i++) {
		const struct kipc_sem_step *step = &op->steps[i];

		if (!step->delta)
			continue;
		__set_bit(step->index, change->dirty);
		__set_bit(step->index, step->delta > 0 ? change->rose :
							 change->fell);
	}
}

/**
 * kipc_sem_enqueue - take a place in the queues
 * @sem: the set
 * @op: the operation that waits
 *
 * Context: sem->lock held.
 */
void kipc_sem_enqueue(struct kipc_semaphore *sem, struct kipc_sem_op *op)
{
	u32 i;

	for (i = 0; i < op->nr_places; i++) {
		struct kipc_sem_place *place = &op->places[i];
		struct kipc_counter *counter = &sem->counters[place->index];

		place->op = op;
		if (place->zero) {
			list_add_tail(&place->link, &counter->zeros);
			counter->nr_zeros++;
		} else {
			list_add_tail(&place->link, &counter->takers);
			counter->nr_takers++;
		}
	}
	sem->nr_waiting++;
	/* The record has to be there when the operation is done. */
	if (op->undo)
		op->undo->waiters++;
	kipc_waiter_init_spin(&op->waiter, kipc_object_spin_ns(&sem->object));
}

/**
 * kipc_sem_leave - leave the queues
 * @sem: the set
 * @change: what kipc_sem_settle() is to do about it
 * @op: the operation that waited
 *
 * Context: sem->lock held.
 */
void kipc_sem_leave(struct kipc_semaphore *sem, struct kipc_sem_change *change,
		    struct kipc_sem_op *op)
{
	u32 i;

	for (i = 0; i < op->nr_places; i++) {
		struct kipc_sem_place *place = &op->places[i];
		struct kipc_counter *counter = &sem->counters[place->index];

		list_del(&place->link);
		if (place->zero) {
			counter->nr_zeros--;
		} else {
			counter->nr_takers--;
			kipc_sem_mark(sem, change, place->index);
		}
	}
	sem->nr_waiting--;
	if (op->undo)
		op->undo->waiters--;
}

/**
 * kipc_sem_end - end the wait of somebody
 * @sem: the set
 * @change: what kipc_sem_settle() is to do about it
 * @op: the operation that waited, on another task's stack
 * @result: with this
 *
 * Context: sem->lock held.
 */
void kipc_sem_end(struct kipc_semaphore *sem, struct kipc_sem_change *change,
		  struct kipc_sem_op *op, int result)
{
	kipc_sem_leave(sem, change, op);
	kipc_wake_batch_add(&change->wake, &op->waiter, result);
}

/* What is set from now on is not given back to. */
static void kipc_sem_note_sets(const struct kipc_semaphore *sem,
			       struct kipc_sem_op *op)
{
	u32 i;

	for (i = 0; i < op->nr_steps; i++)
		op->steps[i].sets = sem->counters[op->steps[i].index].sets;
}

/* Return: false if @op has to go on waiting. */
static bool kipc_sem_serve_op(struct kipc_semaphore *sem,
			      struct kipc_sem_change *change,
			      struct kipc_sem_op *op)
{
	int ret = kipc_sem_try(sem, op);

	if (ret == KIPC_SEM_WAIT)
		return false;
	if (!ret) {
		kipc_sem_mark_done(change, op);
		sem->wakeups++;
		kipc_sem_note_sets(sem, op);
		ret = op->owner_dead ? -EOWNERDEAD : 0;
	}
	kipc_sem_end(sem, change, op, ret);
	return true;
}

static void kipc_sem_serve_counter(struct kipc_semaphore *sem,
				   struct kipc_sem_change *change, u32 index)
{
	struct kipc_counter *counter = &sem->counters[index];
	struct kipc_sem_place *place, *next;

	/* An operation has one place here at most: @next stays. */
	if (!counter->value)
		list_for_each_entry_safe(place, next, &counter->zeros, link)
			kipc_sem_serve_op(sem, change, place->op);

	while (!list_empty(&counter->takers)) {
		place = list_first_entry(&counter->takers,
					 struct kipc_sem_place, link);
		if (!kipc_sem_serve_op(sem, change, place->op))
			break;
	}
}

/* Leaves the counters marked that have pollers who will find something. */
static void kipc_sem_choose_pollers(struct kipc_semaphore *sem,
				    struct kipc_sem_change *change)
{
	u32 i;

	for_each_set_bit(i, change->rose, sem->count) {
		if (!sem->counters[i].polled ||
		    !(sem->mapped ? kipc_mapped_readable(sem, i) :
				    kipc_sem_readable(&sem->counters[i])))
			__clear_bit(i, change->rose);
	}
	for_each_set_bit(i, change->fell, sem->count) {
		if (!sem->counters[i].polled ||
		    sem->counters[i].value == sem->max)
			__clear_bit(i, change->fell);
	}
}

static void kipc_sem_wake_pollers(struct kipc_semaphore *sem,
				  struct kipc_sem_change *change)
{
	u32 i;

	for_each_set_bit(i, change->rose, sem->count)
		wake_up_poll(&sem->counters[i].poll, EPOLLIN | EPOLLRDNORM);
	for_each_set_bit(i, change->fell, sem->count)
		wake_up_poll(&sem->counters[i].poll, EPOLLOUT | EPOLLWRNORM);
}

/**
 * kipc_sem_settle - serve those whom a change enables, and drop the lock
 * @sem: the set
 * @change: what was marked
 *
 * Context: sem->lock held, and released here.
 */
void kipc_sem_settle(struct kipc_semaphore *sem, struct kipc_sem_change *change)
	__releases(&sem->lock)
{
	bool polled = sem->nr_polled;
	u32 i;

	while (sem->nr_waiting &&
	       (i = find_first_bit(change->dirty, sem->count)) < sem->count) {
		__clear_bit(i, change->dirty);
		if (sem->mapped)
			kipc_mapped_serve(sem, change, i);
		else
			kipc_sem_serve_counter(sem, change, i);
	}
	if (polled)
		kipc_sem_choose_pollers(sem, change);
	spin_unlock(&sem->lock);

	kipc_wake_batch_flush(&change->wake);
	if (polled)
		kipc_sem_wake_pollers(sem, change);
}

/**
 * kipc_sem_fail_all - end the wait of everybody
 * @sem: the set
 * @result: with this
 *
 * Context: does not sleep; takes sem->lock.
 */
void kipc_sem_fail_all(struct kipc_semaphore *sem, int result)
{
	struct kipc_sem_change change = { };
	struct kipc_sem_place *place, *next;
	u32 i;

	spin_lock(&sem->lock);
	for (i = 0; i < sem->count; i++) {
		struct kipc_counter *counter = &sem->counters[i];

		list_for_each_entry_safe(place, next, &counter->zeros, link)
			kipc_sem_end(sem, &change, place->op, result);
		list_for_each_entry_safe(place, next, &counter->takers, link)
			kipc_sem_end(sem, &change, place->op, result);
	}
	spin_unlock(&sem->lock);
	kipc_wake_batch_flush(&change.wake);
}

/*
 * Gives back what was taken for a caller who is killed before he knows: if he
 * only took, without UNDO.  The rest is taken back when his process ends.
 */
static void kipc_sem_give_back(struct kipc_semaphore *sem,
			       struct kipc_sem_change *change,
			       const struct kipc_sem_op *op)
{
	u32 i;

	if (sem->mutex)
		return;
	for (i = 0; i < op->nr_steps; i++)
		if (op->steps[i].delta > 0)
			return;

	for (i = 0; i < op->nr_steps; i++) {
		const struct kipc_sem_step *step = &op->steps[i];
		struct kipc_counter *counter = &sem->counters[step->index];

		/* SET says what there is, whoever had some. */
		if (!step->delta || step->undo || step->sets != counter->sets)
			continue;
		/* Others may have added in the meantime. */
		counter->value += min_t(u32, -(s64)step->delta,
					sem->max - counter->value);
		kipc_sem_mark(sem, change, step->index);
	}
}

/* Sleeps until the operation was done on the caller's behalf. */
static int kipc_sem_sleep(struct kipc_semaphore *sem, struct kipc_sem_op *op,
			  u64 deadline_ns)
	__releases(&sem->lock)
{
	struct kipc_sem_change change = { };
	int err, result;

	kipc_sem_enqueue(sem, op);
	spin_unlock(&sem->lock);

	err = kipc_waiter_sleep(&op->waiter, deadline_ns, &sem->stats);
	if (!err && !fatal_signal_pending(current))
		return op->waiter.result;

	spin_lock(&sem->lock);
	result = op->waiter.result;
	if (result == KIPC_WAITING) {
		result = kipc_object_destroyed(&sem->object) ? -EIDRM : err;
		kipc_sem_leave(sem, &change, op);
	} else if (!result && fatal_signal_pending(current)) {
		kipc_sem_give_back(sem, &change, op);
		result = -EINTR;
	}
	kipc_sem_settle(sem, &change);
	return result;
}

/* What is left to do when somebody waits or polls. */
static noinline void kipc_sem_settle_done(struct kipc_semaphore *sem,
					  struct kipc_sem_op *op)
	__releases(&sem->lock)
{
	struct kipc_sem_change change = { };

	kipc_sem_mark_done(&change, op);
	kipc_sem_settle(sem, &change);
}

/**
 * kipc_sem_begin - take the lock, with the caller's record if it takes one
 * @sem: the set
 * @op: needs_undo is filled in
 *
 * Context: may sleep; takes sem->lock, and holds it on return.
 * Return: 0; or -ENOMEM, and there is no record.
 */
int kipc_sem_begin(struct kipc_semaphore *sem, struct kipc_sem_op *op)
	__acquires(&sem->lock)
{
	int err;

	for (;;) {
		spin_lock(&sem->lock);
		op->undo = op->needs_undo ? kipc_undo_find(sem) : NULL;
		if (op->undo || !op->needs_undo)
			return 0;
		spin_unlock(&sem->lock);
		err = kipc_undo_make(sem);
		if (err) {
			spin_lock(&sem->lock);
			return err;
		}
	}
}

/**
 * kipc_sem_run - do an operation, or wait until it is done
 * @sem: the set
 * @op: steps and places are filled in, and needs_undo
 * @nowait: -EAGAIN rather than sleep
 * @deadline_ns: CLOCK_MONOTONIC, 0 for none
 *
 * Context: may sleep; takes sem->lock.
 * Return: 0; -EOWNERDEAD: done, and op->owner_dead says what is to be put in
 * order; -EAGAIN, -ETIMEDOUT, -ERESTARTSYS, -EINTR, -EIDRM, -ENOMEM, or what is
 * wrong with a step: then nothing was done.
 */
int kipc_sem_run(struct kipc_semaphore *sem, struct kipc_sem_op *op,
		 bool nowait, u64 deadline_ns)
{
	int ret = kipc_sem_begin(sem, op);

	if (!ret && kipc_object_destroyed(&sem->object))
		ret = -EIDRM;
	if (!ret)
		ret = kipc_sem_try(sem, op);
	if (ret == KIPC_SEM_WAIT) {
		if (!nowait)
			return kipc_sem_sleep(sem, op, deadline_ns);
		ret = -EAGAIN;
	} else if (!ret) {
		ret = op->owner_dead ? -EOWNERDEAD : 0;
		if (unlikely(sem->nr_waiting || sem->nr_polled)) {
			kipc_sem_settle_done(sem, op);
			return ret;
		}
	}
	spin_unlock(&sem->lock);
	return ret;
}

/**
 * kipc_sem_quick - one P or V with nothing in the way
 * @handle: the handle
 * @arg: what user space gave, not checked yet
 *
 * Does it if it is well-formed, nobody waits or polls, and it can be done;
 * whatever else there is to be said of it is for the general way to find out.
 *
 * Context: does not sleep; takes sem->lock.
 * Return: true if it was done.
 */
bool kipc_sem_quick(struct kipc_handle *handle,
		    const struct kipc_semaphore_op *arg)
{
	struct kipc_semaphore *sem = kipc_to_sem(handle->object);
	struct kipc_sem_step step __uninitialized;
	struct kipc_sem_op op __uninitialized;
	bool undo = arg->flags & KIPC_SEM_UNDO;
	bool done = false;

	if (arg->size != sizeof(*arg) || !arg->delta ||
	    arg->flags & ~(KIPC_SEM_NONBLOCK | KIPC_SEM_UNDO) ||
	    !(handle->rights & KIPC_RIGHT_WRITE) || arg->index >= sem->count)
		return false;
	step.index = array_index_nospec(arg->index, sem->count);
	step.delta = arg->delta;
	step.covered = false;

	spin_lock(&sem->lock);
	if (sem->nr_waiting || sem->nr_polled ||
	    kipc_object_destroyed(&sem->object))
		goto unlock;
	op.undo = undo || sem->mutex ? kipc_undo_find(sem) : NULL;
	if (!sem->mutex) {
		step.undo = undo;
		done = (op.undo || !undo) &&
		       !kipc_sem_step_counter(sem, &op, &step);
	} else if (op.undo && !sem->counters[step.index].state &&
		   (step.delta == 1 || step.delta == -1)) {
		op.steps = &step;
		done = !kipc_sem_step_mutex(sem, &op, &step);
	}
unlock:
	spin_unlock(&sem->lock);
	return done;
}
