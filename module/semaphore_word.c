// SPDX-License-Identifier: GPL-2.0
/* The words of mapped sets, and who is handed them: see semaphore_mapped.h. */
#include <linux/mm.h>
#include <linux/pid_namespace.h>
#include <linux/sched/signal.h>

#include "semaphore.h"
#include "semaphore_mapped.h"

#define KIPC_ASK		KIPC_SEM_WORD_ASK
#define KIPC_OWNER_DEAD		KIPC_SEM_WORD_OWNER_DEAD

/* Times that a word may change under a change of ours, with the lock held. */
#define KIPC_MAPPED_TRIES	64

/* Not errors: the caller has to wait; the word does not hold still. */
#define KIPC_WORD_WAIT		1
#define KIPC_WORD_BUSY		2

static_assert(sizeof(atomic_t) == sizeof_field(struct kipc_sem_word, value));
static_assert(KIPC_SEM_MAPPED_MAX * sizeof(struct kipc_sem_word) <= PAGE_SIZE);
static_assert(KIPC_SEM_VALUE_MAX == (u32)~KIPC_SEM_WORD_ASK);

static atomic_t *kipc_word(const struct kipc_semaphore *sem, u32 index)
{
	struct kipc_sem_word *words = page_address(sem->mapped->page);

	return (atomic_t *)&words[index].value;
}

static u32 kipc_word_read(const struct kipc_semaphore *sem, u32 index)
{
	return atomic_read(kipc_word(sem, index));
}

/*
 * The mark that the word must have as things are.  Whoever polls is on the wait
 * queue before he takes the lock, and then sets the mark himself; so does the one
 * who destroys the set.
 */
static u32 kipc_word_mark(struct kipc_semaphore *sem, u32 index)
{
	struct kipc_counter *counter = &sem->counters[index];

	lockdep_assert_held(&sem->lock);

	if (!list_empty(&counter->takers) ||
	    kipc_object_destroyed(&sem->object))
		return KIPC_ASK;
	/* The lock orders it: he who is not seen has not taken it yet. */
	return waitqueue_active(&counter->poll) ? KIPC_ASK : 0;
}

/* Puts @new in the place of @old, which is read again if it is another by now. */
static bool kipc_word_change(struct kipc_semaphore *sem, u32 index, u32 *old,
			     u32 new)
{
	return atomic_try_cmpxchg(kipc_word(sem, index), (int *)old, new);
}

/* Is there a process behind that token that may still do something? */
static bool kipc_token_alive(struct kipc_semaphore *sem, u32 token)
{
	struct kipc_undo *owner = kipc_mapped_owner(sem, token);

	return owner && !kipc_process_dead(owner->watch.tgid);
}

/*
 * Can a mutex be taken, as far as its owner goes?  @dead gets KIPC_OWNER_DEAD if
 * it comes from a dead one.  One that cannot be recovered is not free.
 */
static bool kipc_word_free(struct kipc_semaphore *sem, u32 word, u32 *dead)
{
	u32 owner = word & KIPC_SEM_WORD_OWNER;

	*dead = word & KIPC_OWNER_DEAD;
	if (!owner)
		return true;
	if (owner == KIPC_SEM_WORD_DEAD || kipc_token_alive(sem, owner))
		return false;
	*dead = KIPC_OWNER_DEAD;
	return true;
}

/* The first in the queue has it from now on; the word says so before he knows. */
static void kipc_word_hand(struct kipc_semaphore *sem,
			   struct kipc_sem_change *change, u32 index, u32 dead)
{
	struct kipc_counter *counter = &sem->counters[index];
	struct kipc_sem_place *place = list_first_entry(&counter->takers,
							struct kipc_sem_place,
							link);
	struct kipc_sem_op *op = place->op;
	u32 mark;

	kipc_sem_leave(sem, change, op);
	sem->wakeups++;
	mark = kipc_word_mark(sem, index);
	if (sem->mutex) {
		atomic_set(kipc_word(sem, index),
			   op->undo->token | dead | mark);
		op->undo->last_op = ++sem->nr_recorded;
	} else if (!mark) {
		atomic_andnot(KIPC_ASK, kipc_word(sem, index));
	}
	kipc_wake_batch_add(&change->wake, &op->waiter, dead ? -EOWNERDEAD : 0);
}

/* Nobody will ever have this mutex again, unless it is set anew. */
static void kipc_word_bury(struct kipc_semaphore *sem,
			   struct kipc_sem_change *change, u32 index)
{
	struct kipc_counter *counter = &sem->counters[index];
	struct kipc_sem_place *place, *next;

	atomic_set(kipc_word(sem, index), KIPC_SEM_WORD_DEAD | KIPC_ASK);
	list_for_each_entry_safe(place, next, &counter->takers, link)
		kipc_sem_end(sem, change, place->op, -ENOTRECOVERABLE);
	__set_bit(index, change->rose);
}

/**
 * kipc_mapped_serve - hand a counter to those who wait, as far as it goes
 * @sem: the set
 * @change: what kipc_sem_settle() is to do about it
 * @index: the counter
 *
 * There is something to hand out if SET made it so, or a word that was written by
 * those who should not; or if its owner died unnoticed.
 *
 * Context: sem->lock held.
 */
void kipc_mapped_serve(struct kipc_semaphore *sem,
		       struct kipc_sem_change *change, u32 index)
{
	struct kipc_counter *counter = &sem->counters[index];
	int tries = KIPC_MAPPED_TRIES;
	u32 dead = 0;

	lockdep_assert_held(&sem->lock);

	while (!list_empty(&counter->takers)) {
		u32 old = kipc_word_read(sem, index);

		if (sem->mutex) {
			if (!kipc_word_free(sem, old, &dead))
				return;
		} else if (!(old & KIPC_SEM_VALUE_MAX)) {
			return;
		} else if (!kipc_word_change(sem, index, &old, old - 1)) {
			if (!--tries)
				return;
			continue;
		}
		kipc_word_hand(sem, change, index, dead);
	}
}

/* Each: what a P makes of the word @old.  Return: 0, KIPC_WORD_WAIT, -errno. */
static int kipc_word_p_counter(struct kipc_semaphore *sem, u32 index, u32 old,
			       u32 *new)
{
	u32 value = old & KIPC_SEM_VALUE_MAX;

	if (!value || !list_empty(&sem->counters[index].takers)) {
		*new = old | KIPC_ASK;
		return KIPC_WORD_WAIT;
	}
	*new = (value - 1) | kipc_word_mark(sem, index);
	return 0;
}

static int kipc_word_p_mutex(struct kipc_semaphore *sem, u32 index, u32 token,
			     u32 old, u32 *new)
{
	u32 owner = old & KIPC_SEM_WORD_OWNER, dead;

	if (owner == KIPC_SEM_WORD_DEAD)
		return -ENOTRECOVERABLE;
	if (owner == token)
		return -EDEADLK;
	if (!kipc_word_free(sem, old, &dead) ||
	    !list_empty(&sem->counters[index].takers)) {
		*new = old | KIPC_ASK;
		return KIPC_WORD_WAIT;
	}
	*new = token | dead | kipc_word_mark(sem, index);
	return dead ? -EOWNERDEAD : 0;
}

/*
 * P.  Who is going to wait has set the mark when this returns: from then on
 * nothing happens to the counter without the kernel.
 */
static int kipc_word_take(struct kipc_semaphore *sem, struct kipc_sem_op *op,
			  u32 index, bool nowait)
{
	u32 old = kipc_word_read(sem, index), new;
	int tries, ret;

	for (tries = 0; tries < KIPC_MAPPED_TRIES; tries++) {
		ret = sem->mutex ? kipc_word_p_mutex(sem, index,
						     op->undo->token, old,
						     &new) :
				   kipc_word_p_counter(sem, index, old, &new);
		if (ret == KIPC_WORD_WAIT && nowait)
			return ret;
		if (ret < 0 && ret != -EOWNERDEAD)
			return ret;
		if (kipc_word_change(sem, index, &old, new)) {
			if (op->undo)
				op->undo->last_op = ++sem->nr_recorded;
			return ret;
		}
	}
	return KIPC_WORD_BUSY;
}

/* V: to the first who waits, or into the word. */
static int kipc_word_give_counter(struct kipc_semaphore *sem,
				  struct kipc_sem_change *change, u32 index)
{
	u32 old = kipc_word_read(sem, index);
	int tries;

	if (!list_empty(&sem->counters[index].takers)) {
		kipc_word_hand(sem, change, index, 0);
		return 0;
	}
	for (tries = 0; tries < KIPC_MAPPED_TRIES; tries++) {
		u32 value = old & KIPC_SEM_VALUE_MAX;

		if (value >= sem->max)
			return -EOVERFLOW;
		if (kipc_word_change(sem, index, &old, (value + 1) |
				     kipc_word_mark(sem, index))) {
			__set_bit(index, change->rose);
			return 0;
		}
	}
	return KIPC_WORD_BUSY;
}

static int kipc_word_give_mutex(struct kipc_semaphore *sem,
				struct kipc_sem_change *change, u32 index,
				u32 token)
{
	u32 old = kipc_word_read(sem, index);
	int tries;

	for (tries = 0; tries < KIPC_MAPPED_TRIES; tries++) {
		if ((old & KIPC_SEM_WORD_OWNER) != token)
			return -EPERM;
		/* Nobody put in order what the dead owner left. */
		if (old & KIPC_OWNER_DEAD) {
			kipc_word_bury(sem, change, index);
			return 0;
		}
		if (!list_empty(&sem->counters[index].takers)) {
			kipc_word_hand(sem, change, index, 0);
			return 0;
		}
		if (kipc_word_change(sem, index, &old,
				     kipc_word_mark(sem, index))) {
			__set_bit(index, change->rose);
			return 0;
		}
	}
	return KIPC_WORD_BUSY;
}

/* Sleeps until the counter was handed to the caller. */
static int kipc_mapped_sleep(struct kipc_semaphore *sem, struct kipc_sem_op *op,
			     struct kipc_sem_change *change, u64 deadline_ns)
	__releases(&sem->lock)
{
	u32 index = op->places->index;
	int err, result;

	kipc_sem_enqueue(sem, op);
	kipc_sem_settle(sem, change);

	err = kipc_waiter_sleep(&op->waiter, deadline_ns, &sem->stats);
	if (!err && !fatal_signal_pending(current))
		return op->waiter.result;

	*change = (struct kipc_sem_change){ };
	spin_lock(&sem->lock);
	result = op->waiter.result;
	if (result == KIPC_WAITING) {
		result = kipc_object_destroyed(&sem->object) ? -EIDRM : err;
		kipc_sem_leave(sem, change, op);
		if (!kipc_word_mark(sem, index))
			atomic_andnot(KIPC_ASK, kipc_word(sem, index));
	} else if (!result && !sem->mutex && fatal_signal_pending(current)) {
		/* He will never know that he had it.  (Mutexes: his end.) */
		kipc_word_give_counter(sem, change, index);
		result = -EINTR;
	}
	kipc_sem_settle(sem, change);
	return result;
}

/* Return: what the call gives, or KIPC_WORD_BUSY. */
static int kipc_mapped_try(struct kipc_semaphore *sem, struct kipc_sem_op *op,
			   s32 delta, bool nowait, u64 deadline_ns)
{
	struct kipc_sem_change change = { };
	u32 index = op->places->index;
	int ret = kipc_sem_begin(sem, op);

	if (!ret && kipc_object_destroyed(&sem->object))
		ret = -EIDRM;
	if (ret)
		goto settle;
	if (delta < 0) {
		kipc_mapped_serve(sem, &change, index);
		ret = kipc_word_take(sem, op, index, nowait);
	} else if (sem->mutex) {
		ret = kipc_word_give_mutex(sem, &change, index,
					   op->undo->token);
	} else {
		ret = kipc_word_give_counter(sem, &change, index);
	}
	if (ret == KIPC_WORD_WAIT) {
		if (!nowait)
			return kipc_mapped_sleep(sem, op, &change,
						 deadline_ns);
		ret = -EAGAIN;
	}
settle:
	kipc_sem_settle(sem, &change);
	return ret;
}

/**
 * kipc_mapped_op - P or V on a word
 * @sem: the set
 * @index: the counter
 * @delta: -1 or 1
 * @nowait: -EAGAIN rather than sleep
 * @deadline_ns: CLOCK_MONOTONIC, 0 for none
 *
 * If others change the word so fast that none of the tries meets it as it was,
 * they are in the way for as long as they do that; but not of signals.
 *
 * Context: may sleep; takes sem->lock.
 * Return: 0; -EOWNERDEAD: done, and what the mutex guards is to be put in order;
 * -EAGAIN, -ETIMEDOUT, -ERESTARTSYS, -EINTR, -EIDRM, -ENOMEM, -EOVERFLOW,
 * -EDEADLK, -EPERM, -ENOTRECOVERABLE: then nothing was done.
 */
int kipc_mapped_op(struct kipc_semaphore *sem, u32 index, s32 delta,
		   bool nowait, u64 deadline_ns)
{
	struct kipc_sem_place place = { .index = index };
	struct kipc_sem_op op = {
		.places		= &place,
		.nr_places	= 1,
		.needs_undo	= sem->mutex,
	};
	int ret;

	for (;;) {
		ret = kipc_mapped_try(sem, &op, delta, nowait, deadline_ns);
		if (ret != KIPC_WORD_BUSY)
			return ret;
		/* A V does not fail for a signal that its caller survives. */
		if (delta < 0 ? signal_pending(current) :
				fatal_signal_pending(current))
			return -ERESTARTSYS;
		if (delta < 0 && deadline_ns && ktime_get_ns() >= deadline_ns)
			return -ETIMEDOUT;
		cond_resched();
	}
}

/**
 * kipc_mapped_set - give a word a new value
 * @sem: the set
 * @index: the counter, to be marked for kipc_sem_settle()
 * @value: the value; mutexes become free and consistent
 *
 * Context: sem->lock held.
 */
void kipc_mapped_set(struct kipc_semaphore *sem, u32 index, u32 value)
{
	atomic_set(kipc_word(sem, index), (sem->mutex ? 0 : value) |
		   kipc_word_mark(sem, index));
}

/**
 * kipc_mapped_mark - what the owner says of his mutex
 * @sem: the set
 * @change: what kipc_sem_settle() is to do about it
 * @index: the mutex
 * @mark: KIPC_MUTEX_CONSISTENT or KIPC_MUTEX_UNRECOVERABLE
 *
 * Context: sem->lock held.
 * Return: 0, -EPERM (not the owner) or -EINVAL (no owner had died).
 */
int kipc_mapped_mark(struct kipc_semaphore *sem, struct kipc_sem_change *change,
		     u32 index, u32 mark)
{
	struct kipc_undo *me = kipc_undo_find(sem);
	u32 old = kipc_word_read(sem, index);

	if (!me || (old & KIPC_SEM_WORD_OWNER) != me->token)
		return -EPERM;
	if (mark == KIPC_MUTEX_UNRECOVERABLE) {
		kipc_word_bury(sem, change, index);
		return 0;
	}
	if (!(old & KIPC_OWNER_DEAD))
		return -EINVAL;
	atomic_andnot(KIPC_OWNER_DEAD, kipc_word(sem, index));
	return 0;
}

/**
 * kipc_mapped_describe - a word as KIPC_SEMAPHORE_GET gives it
 * @sem: the set
 * @index: the counter
 * @ns: where the owner's pid is to mean something
 * @out: the description
 *
 * Context: sem->lock held.
 */
void kipc_mapped_describe(struct kipc_semaphore *sem, u32 index,
			  struct pid_namespace *ns,
			  struct kipc_sem_counter *out)
{
	u32 word = kipc_word_read(sem, index), dead;
	struct kipc_undo *owner;

	*out = (struct kipc_sem_counter){
		.waiting = sem->counters[index].nr_takers,
	};
	if (!sem->mutex) {
		out->value = word & KIPC_SEM_VALUE_MAX;
		return;
	}
	if ((word & KIPC_SEM_WORD_OWNER) == KIPC_SEM_WORD_DEAD) {
		out->state = KIPC_MUTEX_DEAD;
		return;
	}
	out->value = kipc_word_free(sem, word, &dead);
	out->state = dead ? KIPC_MUTEX_OWNER_DEAD : 0;
	owner = kipc_mapped_owner(sem, word & KIPC_SEM_WORD_OWNER);
	if (owner && !out->value)
		out->pid = pid_nr_ns(owner->watch.tgid, ns);
}

/**
 * kipc_mapped_readable - would a P come back at once?
 * @sem: the set
 * @index: the counter
 *
 * Context: sem->lock held.
 */
bool kipc_mapped_readable(struct kipc_semaphore *sem, u32 index)
{
	u32 word = kipc_word_read(sem, index), dead;
	bool first = list_empty(&sem->counters[index].takers);

	if (!sem->mutex)
		return first && (word & KIPC_SEM_VALUE_MAX);
	if ((word & KIPC_SEM_WORD_OWNER) == KIPC_SEM_WORD_DEAD)
		return true;
	return first && kipc_word_free(sem, word, &dead);
}

/* One mutex of a process that has ended. */
static void kipc_word_give_up(struct kipc_semaphore *sem,
			      struct kipc_sem_change *change, u32 index,
			      u32 token)
{
	u32 old = kipc_word_read(sem, index);
	int tries;

	/* If it does not hold still: the token is a dead one from now on. */
	for (tries = 0; tries < KIPC_MAPPED_TRIES; tries++) {
		if ((old & KIPC_SEM_WORD_OWNER) != token)
			return;
		if (!list_empty(&sem->counters[index].takers)) {
			kipc_word_hand(sem, change, index, KIPC_OWNER_DEAD);
			return;
		}
		if (kipc_word_change(sem, index, &old, KIPC_OWNER_DEAD |
				     kipc_word_mark(sem, index))) {
			__set_bit(index, change->rose);
			return;
		}
	}
}

/**
 * kipc_mapped_give_up - a process has ended, or closed its last descriptor
 * @sem: the set
 * @change: what kipc_sem_settle() is to do about it
 * @token: the process's
 *
 * Context: sem->lock held.
 */
void kipc_mapped_give_up(struct kipc_semaphore *sem,
			 struct kipc_sem_change *change, u32 token)
{
	u32 i;

	lockdep_assert_held(&sem->lock);

	for (i = 0; sem->mutex && i < sem->count; i++)
		kipc_word_give_up(sem, change, i, token);
}

/**
 * kipc_mapped_ask - have the kernel asked about everything
 * @sem: the set
 * @index: the counter
 *
 * Context: sem->lock held.
 */
void kipc_mapped_ask(struct kipc_semaphore *sem, u32 index)
{
	lockdep_assert_held(&sem->lock);

	atomic_or(KIPC_ASK, kipc_word(sem, index));
}
