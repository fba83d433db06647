/* SPDX-License-Identifier: GPL-2.0 */
/*
 * DOC: gates
 *
 * A gate lets one task at a time into one side of a pipe and keeps the others
 * in a queue, in arrival order.  It is what a mutex would be if a mutex could
 * be waited for with a deadline and handed over in order, and be held while its
 * owner sleeps until there is data, which may take for ever.
 *
 * Entering a free gate that nobody waits for and leaving it again are one
 * compare-and-swap each, and so are parking it and coming back.  Everything else
 * happens under a spinlock.  Leaving with waiters hands the gate over: it stays
 * held and the first waiter is its new owner, awake or not, so nobody can slip
 * in between.
 *
 * Leaving is a full barrier, by either way.  An owner who has something to tell
 * can leave first and then look whether there is anybody to tell it to.
 *
 * Borrowing.  To resize a pipe somebody must know that no one is copying, but
 * not wait for an owner who sleeps.  So an owner parks the gate while it sleeps,
 * and a parked or a free gate can be borrowed for a moment.  The borrower may
 * allocate nothing, copy no user memory and wait for nothing while he has it;
 * that makes it harmless that an owner who wakes up in the meantime, or a
 * newcomer, waits for him without looking at signals.
 *
 * State bits and what they mean; "fast" transitions need no lock:
 *
 *	0 -> HELD			fast enter
 *	HELD -> 0			fast leave
 *	HELD -> HELD | PARKED		fast park
 *	HELD | PARKED -> HELD		fast unpark
 *	any other			only under @lock, but for the steps above
 *					that can come in between
 *
 *	HELD		somebody owns the gate
 *	PARKED		with HELD: the owner sleeps and touches nothing
 *	BORROWED	lent out; with HELD only if PARKED
 *	WAITERS		with HELD or BORROWED: @waiters is not empty
 *	WANTED		a borrower waits for the gate to be parked or left
 *	CONTENDED	somebody went away with EAGAIN: he wants to be told
 */
#ifndef KIPC_GATE_H
#define KIPC_GATE_H

#include <linux/atomic.h>
#include <linux/mutex.h>
#include <linux/spinlock.h>
#include <linux/wait.h>

#include "waiter.h"

#define KIPC_GATE_HELD		BIT(0)
#define KIPC_GATE_PARKED	BIT(1)
#define KIPC_GATE_BORROWED	BIT(2)
#define KIPC_GATE_WAITERS	BIT(3)
#define KIPC_GATE_WANTED	BIT(4)
#define KIPC_GATE_CONTENDED	BIT(5)

/* How to enter. */
enum kipc_gate_mode {
	KIPC_GATE_WAIT,		/* queue up */
	KIPC_GATE_TRY,		/* -EAGAIN if held or borrowed */
	KIPC_GATE_ALONE,	/* -EBUSY if held */
	KIPC_GATE_TRY_ALONE,	/* -EBUSY if held, -EAGAIN if borrowed */
};

/**
 * struct kipc_gate - see above
 * @state: KIPC_GATE_* bits
 * @lock: guards @waiters, @nr_waiters and the slow transitions of @state
 * @waiters: who waits, in arrival order
 * @nr_waiters: how many
 * @borrow: held by the borrower, also while he waits for the gate
 * @borrower: where he waits
 * @stats: sleeps in @waiters; the owner's own are added by the owner
 */
struct kipc_gate {
	atomic_t state;
	spinlock_t lock;
	struct list_head waiters;
	unsigned int nr_waiters;
	struct mutex borrow;
	wait_queue_head_t borrower;
	struct kipc_wait_stats stats;
};

void kipc_gate_init(struct kipc_gate *gate);

int kipc_gate_enter_slow(struct kipc_gate *gate, enum kipc_gate_mode mode,
			 u64 deadline_ns);
bool kipc_gate_leave_slow(struct kipc_gate *gate);
void kipc_gate_park_slow(struct kipc_gate *gate);
void kipc_gate_unpark_slow(struct kipc_gate *gate);
bool kipc_gate_busy(struct kipc_gate *gate);
void kipc_gate_fail(struct kipc_gate *gate, int result);

bool kipc_gate_try_borrow(struct kipc_gate *gate);
int kipc_gate_borrow(struct kipc_gate *gate);
bool kipc_gate_give_back(struct kipc_gate *gate);

/**
 * kipc_gate_enter_free - become the owner, if that is nothing but a step
 * @gate: the gate
 *
 * Return: false if the gate is not free; nothing was done then.
 */
static inline bool kipc_gate_enter_free(struct kipc_gate *gate)
{
	return likely(!atomic_cmpxchg_acquire(&gate->state, 0,
					      KIPC_GATE_HELD));
}

/**
 * kipc_gate_enter - become the owner
 * @gate: the gate
 * @mode: what to do if somebody else is
 * @deadline_ns: for KIPC_GATE_WAIT; CLOCK_MONOTONIC, 0 for none
 *
 * Context: may sleep.
 * Return: 0, -EAGAIN, -EBUSY, -ERESTARTSYS, -ETIMEDOUT, or what
 * kipc_gate_fail() said.
 */
static inline int kipc_gate_enter(struct kipc_gate *gate,
				  enum kipc_gate_mode mode, u64 deadline_ns)
{
	if (kipc_gate_enter_free(gate))
		return 0;
	return kipc_gate_enter_slow(gate, mode, deadline_ns);
}

/**
 * kipc_gate_leave - let the next one in
 * @gate: the gate, owned by the caller
 *
 * A full memory barrier: what the owner stored before is seen by whoever stores
 * something that the caller does not see afterwards.
 *
 * Return: true if somebody was sent away with -EAGAIN and the gate is free now:
 * the caller must wake the pollers of this side.
 */
static inline bool kipc_gate_leave(struct kipc_gate *gate)
{
	if (likely(atomic_cmpxchg(&gate->state, KIPC_GATE_HELD, 0) ==
		   KIPC_GATE_HELD))
		return false;
	return kipc_gate_leave_slow(gate);
}

/* Does somebody wait for the owner to park the gate?  For the owner. */
static inline bool kipc_gate_wanted(const struct kipc_gate *gate)
{
	return atomic_read(&gate->state) & KIPC_GATE_WANTED;
}

/**
 * kipc_gate_park - the owner goes to sleep and touches nothing until unpark
 * @gate: the gate, owned by the caller
 */
static inline void kipc_gate_park(struct kipc_gate *gate)
{
	/* Pairs with kipc_gate_lend(): a borrower sees what the owner did. */
	if (unlikely(atomic_cmpxchg_release(&gate->state, KIPC_GATE_HELD,
					    KIPC_GATE_HELD | KIPC_GATE_PARKED) !=
		     KIPC_GATE_HELD))
		kipc_gate_park_slow(gate);
}

/**
 * kipc_gate_unpark - the owner is back
 * @gate: the gate, owned by the caller
 *
 * Context: may sleep.
 */
static inline void kipc_gate_unpark(struct kipc_gate *gate)
{
	const int parked = KIPC_GATE_HELD | KIPC_GATE_PARKED;

	/* Pairs with kipc_gate_give_back(). */
	if (unlikely(atomic_cmpxchg_acquire(&gate->state, parked,
					    KIPC_GATE_HELD) != parked))
		kipc_gate_unpark_slow(gate);
}

#endif /* KIPC_GATE_H */
