// SPDX-License-Identifier: GPL-2.0
#include "gate.h"

/** kipc_gate_init - make a gate, free */
void kipc_gate_init(struct kipc_gate *gate)
{
	atomic_set(&gate->state, 0);
	spin_lock_init(&gate->lock);
	INIT_LIST_HEAD(&gate->waiters);
	gate->nr_waiters = 0;
	mutex_init(&gate->borrow);
	init_waitqueue_head(&gate->borrower);
	atomic64_set(&gate->stats.sleeps, 0);
	atomic64_set(&gate->stats.blocked_ns, 0);
}

/*
 * Adds @bit if somebody has the gate and gives the state before; 0 if nobody
 * has it.  The loop is for the fast transitions, which do not take the lock.
 */
static int kipc_gate_mark(struct kipc_gate *gate, int bit)
{
	int old = atomic_read(&gate->state);

	lockdep_assert_held(&gate->lock);

	do {
		if (!(old & (KIPC_GATE_HELD | KIPC_GATE_BORROWED)))
			return 0;
	} while (!atomic_try_cmpxchg(&gate->state, &old, old | bit));
	return old;
}

/* Takes a gate that was free a moment ago; false if somebody was faster. */
static bool kipc_gate_take(struct kipc_gate *gate, int bit)
{
	lockdep_assert_held(&gate->lock);

	return !atomic_cmpxchg_acquire(&gate->state, 0, bit);
}

static void kipc_gate_dequeue(struct kipc_gate *gate,
			      struct kipc_waiter *waiter)
{
	lockdep_assert_held(&gate->lock);

	list_del(&waiter->link);
	if (!--gate->nr_waiters)
		atomic_andnot(KIPC_GATE_WAITERS, &gate->state);
}

/*
 * Gives the gate to the first waiter, or to nobody.  The caller owns it or has
 * it borrowed, and the state has a bit that keeps the fast paths away.
 */
static struct task_struct *kipc_gate_pass(struct kipc_gate *gate, bool *notify)
{
	struct kipc_waiter *waiter;

	lockdep_assert_held(&gate->lock);

	waiter = list_first_entry_or_null(&gate->waiters, struct kipc_waiter,
					  link);
	if (!waiter) {
		*notify = atomic_xchg_release(&gate->state, 0) &
			  KIPC_GATE_CONTENDED;
		return NULL;
	}

	*notify = false;
	atomic_or(KIPC_GATE_HELD, &gate->state);
	atomic_andnot(KIPC_GATE_BORROWED, &gate->state);
	kipc_gate_dequeue(gate, waiter);
	return kipc_waiter_finish(waiter, 0);
}

static int kipc_gate_wait(struct kipc_gate *gate, struct kipc_waiter *waiter,
			  u64 deadline_ns)
{
	int err = kipc_waiter_sleep(waiter, deadline_ns, &gate->stats);

	if (!err)
		return waiter->result;

	spin_lock(&gate->lock);
	if (waiter->result == KIPC_WAITING)
		kipc_gate_dequeue(gate, waiter);
	else
		err = waiter->result;
	spin_unlock(&gate->lock);
	return err;
}

/* kipc_gate_enter() for a gate that is not simply free. */
int kipc_gate_enter_slow(struct kipc_gate *gate, enum kipc_gate_mode mode,
			 u64 deadline_ns)
{
	struct kipc_waiter waiter;
	int bit, old;

	bit = mode == KIPC_GATE_WAIT ? KIPC_GATE_WAITERS :
	      mode == KIPC_GATE_ALONE ? 0 : KIPC_GATE_CONTENDED;
again:
	spin_lock(&gate->lock);
	old = kipc_gate_mark(gate, bit);
	if (!old) {
		bool taken = kipc_gate_take(gate, KIPC_GATE_HELD);

		spin_unlock(&gate->lock);
		if (taken)
			return 0;
		goto again;
	}
	if (mode == KIPC_GATE_WAIT) {
		kipc_waiter_init(&waiter);
		list_add_tail(&waiter.link, &gate->waiters);
		gate->nr_waiters++;
	}
	spin_unlock(&gate->lock);

	if (mode == KIPC_GATE_WAIT)
		return kipc_gate_wait(gate, &waiter, deadline_ns);
	if (mode == KIPC_GATE_TRY)
		return -EAGAIN;
	if (old & KIPC_GATE_HELD)
		return -EBUSY;
	if (mode == KIPC_GATE_TRY_ALONE)
		return -EAGAIN;
	/* Interruptible: by now it may be another one, who waits himself. */
	if (mutex_lock_interruptible(&gate->borrow))
		return -ERESTARTSYS;
	mutex_unlock(&gate->borrow);
	goto again;
}

/* kipc_gate_leave() for a gate that somebody waits for. */
bool kipc_gate_leave_slow(struct kipc_gate *gate)
{
	struct task_struct *next = NULL;
	bool notify = false, lend;

	spin_lock(&gate->lock);
	lend = atomic_read(&gate->state) & KIPC_GATE_WANTED;
	if (lend) {
		atomic_or(KIPC_GATE_BORROWED, &gate->state);
		atomic_andnot(KIPC_GATE_HELD | KIPC_GATE_WANTED, &gate->state);
	} else {
		next = kipc_gate_pass(gate, &notify);
	}
	spin_unlock(&gate->lock);
	/* A compare-and-swap that fails is no barrier, nor is a lock. */
	smp_mb();

	if (lend)
		wake_up(&gate->borrower);
	kipc_waiter_wake(next);
	return notify;
}

/* kipc_gate_park() for a gate that somebody waits for. */
void kipc_gate_park_slow(struct kipc_gate *gate)
{
	bool lend;

	spin_lock(&gate->lock);
	atomic_or(KIPC_GATE_PARKED, &gate->state);
	lend = atomic_read(&gate->state) & KIPC_GATE_WANTED;
	if (lend) {
		atomic_or(KIPC_GATE_BORROWED, &gate->state);
		atomic_andnot(KIPC_GATE_WANTED, &gate->state);
	}
	spin_unlock(&gate->lock);
	if (lend)
		wake_up(&gate->borrower);
}

/* kipc_gate_unpark() for a gate that somebody waits for or has borrowed. */
void kipc_gate_unpark_slow(struct kipc_gate *gate)
{
	bool borrowed;

	spin_lock(&gate->lock);
	borrowed = atomic_read(&gate->state) & KIPC_GATE_BORROWED;
	if (!borrowed)
		atomic_andnot(KIPC_GATE_PARKED, &gate->state);
	spin_unlock(&gate->lock);
	if (!borrowed)
		return;

	/* Not for long: nobody can make a borrower of this gate wait. */
	mutex_lock(&gate->borrow);
	spin_lock(&gate->lock);
	atomic_andnot(KIPC_GATE_PARKED, &gate->state);
	spin_unlock(&gate->lock);
	mutex_unlock(&gate->borrow);
}

/**
 * kipc_gate_busy - would KIPC_GATE_TRY fail?
 * @gate: the gate
 *
 * Return: true if so; then the one who leaves the gate free will be told to
 * wake the pollers.
 */
bool kipc_gate_busy(struct kipc_gate *gate)
{
	int old;

	if (!atomic_read(&gate->state))
		return false;
	spin_lock(&gate->lock);
	old = kipc_gate_mark(gate, KIPC_GATE_CONTENDED);
	spin_unlock(&gate->lock);
	return old;
}

/**
 * kipc_gate_fail - send everybody who waits away
 * @gate: the gate
 * @result: what they get, a negative errno
 */
void kipc_gate_fail(struct kipc_gate *gate, int result)
{
	struct kipc_waiter *waiter;
	struct task_struct *task;

	do {
		task = NULL;
		spin_lock(&gate->lock);
		waiter = list_first_entry_or_null(&gate->waiters,
						  struct kipc_waiter, link);
		if (waiter) {
			kipc_gate_dequeue(gate, waiter);
			task = kipc_waiter_finish(waiter, result);
		}
		spin_unlock(&gate->lock);
		kipc_waiter_wake(task);
	} while (task);
}

/*
 * Borrows the gate if it is free or parked; otherwise adds @bit to its state.
 * Both in one step: an owner who parks it takes no lock.
 */
static bool kipc_gate_lend(struct kipc_gate *gate, int bit)
{
	int old = atomic_read(&gate->state);
	bool idle;

	lockdep_assert_held(&gate->lock);
	lockdep_assert_held(&gate->borrow);

	do {
		idle = !old || (old & KIPC_GATE_PARKED);
	} while (!atomic_try_cmpxchg(&gate->state, &old,
				     old | (idle ? KIPC_GATE_BORROWED : bit)));
	return idle;
}

/**
 * kipc_gate_try_borrow - keep everybody out for a moment, if that is possible
 * @gate: the gate
 *
 * Context: does not sleep.
 * Return: true if it is borrowed now.
 */
bool kipc_gate_try_borrow(struct kipc_gate *gate)
{
	bool borrowed;

	if (!mutex_trylock(&gate->borrow))
		return false;
	spin_lock(&gate->lock);
	borrowed = kipc_gate_lend(gate, 0);
	spin_unlock(&gate->lock);
	if (!borrowed)
		mutex_unlock(&gate->borrow);
	return borrowed;
}

static bool kipc_gate_is_borrowed(struct kipc_gate *gate)
{
	return atomic_read(&gate->state) & KIPC_GATE_BORROWED;
}

/**
 * kipc_gate_borrow - keep everybody out for a moment
 * @gate: the gate
 *
 * Waits until nobody is copying.
 *
 * Context: may sleep.
 * Return: 0 or -ERESTARTSYS.
 */
int kipc_gate_borrow(struct kipc_gate *gate)
{
	bool borrowed;
	int err;

	if (mutex_lock_interruptible(&gate->borrow))
		return -ERESTARTSYS;
	spin_lock(&gate->lock);
	borrowed = kipc_gate_lend(gate, KIPC_GATE_WANTED);
	spin_unlock(&gate->lock);
	if (borrowed)
		return 0;

	err = wait_event_interruptible(gate->borrower,
				       kipc_gate_is_borrowed(gate));
	/* The lock also orders us after what the owner did before he lent it. */
	spin_lock(&gate->lock);
	borrowed = kipc_gate_is_borrowed(gate);
	if (!borrowed)
		atomic_andnot(KIPC_GATE_WANTED, &gate->state);
	spin_unlock(&gate->lock);
	if (borrowed)
		return 0;
	mutex_unlock(&gate->borrow);
	return err;
}

/**
 * kipc_gate_give_back - end what kipc_gate_borrow() began
 * @gate: the gate
 *
 * Return: as kipc_gate_leave().
 */
bool kipc_gate_give_back(struct kipc_gate *gate)
{
	struct task_struct *next = NULL;
	bool notify = false;

	spin_lock(&gate->lock);
	if (atomic_read(&gate->state) & KIPC_GATE_HELD)
		/* Pairs with kipc_gate_unpark(), which may take no lock. */
		atomic_fetch_andnot_release(KIPC_GATE_BORROWED, &gate->state);
	else
		next = kipc_gate_pass(gate, &notify);
	spin_unlock(&gate->lock);
	kipc_waiter_wake(next);
	mutex_unlock(&gate->borrow);
	return notify;
}
