/* SPDX-License-Identifier: GPL-2.0 */
/*
 * DOC: semaphores
 *
 * A set of counters under one spinlock.  An operation is a list of steps, each a
 * P, a V or a wait for zero on one counter; it is tried under the lock, step by
 * step, and taken back if a step cannot be done.  Then it waits.
 *
 * Order.  Each counter has a queue of those who want to take from it.  A waiter
 * has a place on every counter that it takes from, in order of arrival, and is
 * served when it is the first on all of them and every step can be done.  So the
 * waiter that came first of all is never held up by a later one, and nobody is
 * held up on a counter that the waiters before him do not want.  Newcomers take
 * nothing from a counter that has a queue.  Who waits for a zero takes nothing
 * and has no place in the queue, but one in the counter's list @zeros.
 *
 * Waking.  Whoever changes a counter, or leaves its queue, marks it; before he
 * drops the lock the marked counters are served: the ones who wait for a zero, if
 * it is one, then the head of the queue for as long as it can be satisfied.  To
 * be served is to have had the operation applied on one's behalf; that marks
 * further counters, until none is left.  Each round serves a waiter or unmarks a
 * counter, so it ends; a V with nobody waiting costs one test.
 *
 * Giving up.  A waiter whom a signal or its deadline woke takes the lock and
 * looks at its result again; that one counts.  If it has none, it leaves its
 * places and marks them.  One that was served and finds a fatal signal gives back
 * what it took, if it only took: its process will never know that it had it.
 * (With UNDO, and mutexes: the end of the process does that.)
 *
 * Taking back.  What a process is to give back is in a struct kipc_undo, see
 * there.  A mutex points to the record of its owner.
 *
 * Mapped sets have their counters in user space's memory: see
 * semaphore_mapped.h.
 *
 * References: each handle holds the object.  A waiter needs none, it sleeps
 * inside a call on a handle.
 *
 * Locks: sem->lock is innermost, but for the scheduler's.  Wait queues of
 * pollers are woken after it was dropped.
 */
#ifndef KIPC_SEMAPHORE_H
#define KIPC_SEMAPHORE_H

#include <linux/hashtable.h>
#include <linux/spinlock.h>
#include <linux/wait.h>

#include "handle.h"
#include "object.h"
#include "process.h"
#include "waiter.h"

struct kipc_call;
struct kipc_mapped;

/**
 * struct kipc_undo_table - the records of a set's processes
 * @heads: struct kipc_undo, by process
 *
 * Made with the first record: most sets never have any, and the table is more
 * than half of what else there is of a set.
 */
struct kipc_undo_table {
	DECLARE_HASHTABLE(heads, 4);
};

/**
 * struct kipc_counter - one counter of a set; all under sem->lock
 * @value: what it holds, 0..max; a mutex: 1 is free; of a mapped set this, @state
 *	and @owner are not used: there is the word
 * @state: 0 or KIPC_MUTEX_*
 * @polled: somebody has been on @poll
 * @sets: times that the value was set: what was taken before then is not given
 *	back any more
 * @owner: of a mutex: who holds it
 * @takers: places of those who want to take from it, in order of arrival
 * @zeros: places of those who wait until it is 0
 * @nr_takers: length of @takers
 * @nr_zeros: length of @zeros
 * @poll: where pollers are; has a lock of its own
 */
struct kipc_counter {
	u32 value;
	u8 state;
	bool polled;
	u32 sets;
	struct kipc_undo *owner;
	struct list_head takers;
	struct list_head zeros;
	u32 nr_takers;
	u32 nr_zeros;
	wait_queue_head_t poll;
};

/**
 * struct kipc_semaphore - a set of counters
 * @object: what all kinds have
 * @count: counters; invariant
 * @max: largest value of a counter; invariant
 * @mutex: each counter is a mutex; invariant
 * @lock: guards the counters and all below
 * @nr_waiting: operations that wait
 * @nr_polled: counters that somebody has polled
 * @nr_undos: records in @undos; read without the lock where none is usual
 * @undos: never NULL; until the first record one that all sets share, which is
 *	and stays empty, then one of its own for good; set under the lock
 * @nr_recorded: operations that went into records
 * @wakeups: operations that were done for somebody who waited
 * @stats: sleeps; atomic
 * @counters: @count of them
 * @mapped: of a mapped set, otherwise NULL; invariant
 */
struct kipc_semaphore {
	struct kipc_object object;
	u32 count;
	u32 max;
	bool mutex;
	spinlock_t lock;
	u32 nr_waiting;
	u32 nr_polled;
	u32 nr_undos;
	struct kipc_undo_table *undos;
	u64 nr_recorded;
	u64 wakeups;
	struct kipc_wait_stats stats;
	struct kipc_counter *counters;
	struct kipc_mapped *mapped;
};

/**
 * struct kipc_semaphore_handle - an open handle
 * @handle: what all handles have
 * @watch: the counter that poll looks at; under sem->lock
 * @fixed: @watch was chosen, or used; under sem->lock
 */
struct kipc_semaphore_handle {
	struct kipc_handle handle;
	u32 watch;
	bool fixed;
};

/**
 * struct kipc_undo - what one process is to give back to one set
 * @node: in sem->undos; under sem->lock
 * @sem: the set, which outlives its records; invariant
 * @refs: one for the table, one for each call and for the work that uses it
 * @watch: for the process: gives back after its death
 * @waiters: operations that wait and will be recorded here; under sem->lock
 * @last_op: number of the last operation that was recorded; under sem->lock
 * @held: counters of @adjust that are not 0, and mutexes owned; under sem->lock;
 *	of a mapped set always 0
 * @token: of a mapped set: stands for the process in the words; invariant
 * @token_node: of a mapped set: in mapped->tokens; under sem->lock
 * @adjust: for each counter what to add; under sem->lock; none of a mapped set
 *
 * Made with the process's first operation that is to be undone.  It is taken
 * back when the process closes its last descriptor of the set or ends; both is
 * seen in flush.  For the cases that flush does not see (a process that shares
 * its table of descriptors with another one, an operation that was under way in
 * one thread while another one closed) the end of the process is watched too.
 */
struct kipc_undo {
	struct hlist_node node;
	struct kipc_semaphore *sem;
	refcount_t refs;
	struct kipc_watch watch;
	u32 waiters;
	u64 last_op;
	u32 held;
	u32 token;
	struct hlist_node token_node;
	s32 adjust[];
};

/**
 * struct kipc_sem_step - one step of an operation
 * @index: the counter; checked against the set
 * @delta: what to add; 0: wait for zero
 * @undo: to be undone with the process
 * @covered: a P that takes no more than steps before it added: in nobody's way,
 *	so it needs neither a place nor a turn
 * @sets: of the counter, when this was done for a waiter
 * @old_state: of a mutex before the step, to take the step back
 * @old_owner: likewise
 */
struct kipc_sem_step {
	u32 index;
	s32 delta;
	bool undo;
	bool covered;
	u8 old_state;
	u32 sets;
	struct kipc_undo *old_owner;
};

/**
 * struct kipc_sem_place - a waiter's place on one counter
 * @link: in the counter's takers or zeros; under sem->lock
 * @op: whose place
 * @index: the counter
 * @zero: which of the two lists
 */
struct kipc_sem_place {
	struct list_head link;
	struct kipc_sem_op *op;
	u32 index;
	bool zero;
};

/**
 * struct kipc_sem_op - one operation; lives as long as the call
 * @waiter: for sleeping
 * @undo: record of the caller's process if the operation needs one; while the
 *	operation waits undo->waiters keeps it in the table
 * @steps: what to do, in this order
 * @places: where to wait
 * @nr_steps: length of @steps
 * @nr_places: length of @places
 * @needs_undo: a step is to be undone, or takes a mutex
 * @owner_dead: bit n: step n took a mutex whose owner had died
 */
struct kipc_sem_op {
	struct kipc_waiter waiter;
	struct kipc_undo *undo;
	struct kipc_sem_step *steps;
	struct kipc_sem_place *places;
	u32 nr_steps;
	u32 nr_places;
	bool needs_undo;
	u64 owner_dead;
};

/**
 * struct kipc_sem_change - what has to be done about a change; on the stack
 * @dirty: counters to be served
 * @rose: counters whose pollers may be able to take now
 * @fell: counters whose pollers may be able to add now
 * @wake: to be woken
 */
struct kipc_sem_change {
	DECLARE_BITMAP(dirty, KIPC_SEM_COUNT_MAX);
	DECLARE_BITMAP(rose, KIPC_SEM_COUNT_MAX);
	DECLARE_BITMAP(fell, KIPC_SEM_COUNT_MAX);
	struct kipc_wake_batch wake;
};

static inline struct kipc_semaphore *kipc_to_sem(struct kipc_object *object)
{
	return container_of(object, struct kipc_semaphore, object);
}

static inline struct kipc_semaphore_handle *
kipc_to_sem_handle(struct kipc_handle *handle)
{
	return container_of(handle, struct kipc_semaphore_handle, handle);
}

/* Would a P(1) come back at once?  Under sem->lock. */
static inline bool kipc_sem_readable(const struct kipc_counter *counter)
{
	if (counter->state == KIPC_MUTEX_DEAD)
		return true;
	return counter->value && list_empty(&counter->takers);
}

/* semaphore_op.c: P, V and who is served when */
int kipc_sem_run(struct kipc_semaphore *sem, struct kipc_sem_op *op,
		 bool nowait, u64 deadline_ns);
bool kipc_sem_quick(struct kipc_handle *handle,
		    const struct kipc_semaphore_op *arg);
void kipc_sem_mark(struct kipc_semaphore *sem, struct kipc_sem_change *change,
		   u32 index);
void kipc_sem_settle(struct kipc_semaphore *sem, struct kipc_sem_change *change)
	__releases(&sem->lock);
void kipc_sem_fail_all(struct kipc_semaphore *sem, int result);
int kipc_sem_begin(struct kipc_semaphore *sem, struct kipc_sem_op *op)
	__acquires(&sem->lock);
void kipc_sem_enqueue(struct kipc_semaphore *sem, struct kipc_sem_op *op);
void kipc_sem_leave(struct kipc_semaphore *sem, struct kipc_sem_change *change,
		    struct kipc_sem_op *op);
void kipc_sem_end(struct kipc_semaphore *sem, struct kipc_sem_change *change,
		  struct kipc_sem_op *op, int result);

/* semaphore_undo.c: what a process gives back when it ends */
struct kipc_undo *kipc_undo_find(struct kipc_semaphore *sem);
int kipc_undo_make(struct kipc_semaphore *sem);
void kipc_undo_forget(struct kipc_semaphore *sem, u32 first, u32 count);
void kipc_undo_init(struct kipc_semaphore *sem);
void kipc_undo_free_all(struct kipc_semaphore *sem);
int kipc_semaphore_flush(struct file *file, fl_owner_t id);

/* semaphore_file.c: handles */
extern const struct file_operations kipc_semaphore_fops;
extern const struct file_operations kipc_mapped_fops;
struct file *kipc_semaphore_open(struct kipc_object *object, u32 rights,
				 u32 flags);
void kipc_semaphore_wake_all_pollers(struct kipc_semaphore *sem);

/* semaphore.c: ioctls and lifetime */
extern const struct kipc_kind kipc_semaphore_kind;
int kipc_semaphore_create_call(struct kipc_call *call);
int kipc_semaphore_op_call(struct kipc_call *call);
int kipc_semaphore_ops_call(struct kipc_call *call);
int kipc_semaphore_get_call(struct kipc_call *call);
int kipc_semaphore_set_call(struct kipc_call *call);
int kipc_semaphore_mark_call(struct kipc_call *call);
int kipc_semaphore_watch_call(struct kipc_call *call);
int kipc_semaphore_stat_call(struct kipc_call *call);

#endif /* KIPC_SEMAPHORE_H */
