// SPDX-License-Identifier: GPL-2.0
#include <linux/jiffies.h>
#include <linux/pid.h>
#include <linux/slab.h>

#include "limit.h"
#include "turns.h"

/* How often those who wait for the absent look whether they are still alive. */
#define KIPC_TURNS_LOOK_NS	(20 * NSEC_PER_MSEC)

static void kipc_turn_free(struct kipc_turn *member)
{
	put_pid(member->thread);
	put_pid(member->group);
	kfree(member);
}

static bool kipc_turn_is_due(struct kipc_turns *turns, struct kipc_turn *member)
{
	return member->round <= turns->round;
}

/* Takes an absent or served member that is away out of the books. */
static void kipc_turns_drop(struct kipc_turns *turns, struct kipc_turn *member)
{
	lockdep_assert_held(&turns->lock);

	turns->away--;
	if (kipc_turn_is_due(turns, member))
		turns->absent--;
	list_del(&member->link);
	kipc_turn_free(member);
}

static bool kipc_turn_is_dead(struct kipc_turn *member)
{
	bool dead;

	rcu_read_lock();
	dead = !pid_task(member->thread, PIDTYPE_PID);
	rcu_read_unlock();
	return dead;
}

/* Threads end without a word to us; nobody has to wait for those. */
static void kipc_turns_drop_dead(struct kipc_turns *turns)
{
	struct kipc_turn *member, *tmp;

	lockdep_assert_held(&turns->lock);

	list_for_each_entry_safe(member, tmp, &turns->members, link) {
		if (!member->present && kipc_turn_is_dead(member))
			kipc_turns_drop(turns, member);
	}
}

static void kipc_turns_next_round(struct kipc_turns *turns)
{
	lockdep_assert_held(&turns->lock);

	turns->round++;
	turns->absent = turns->away;
	turns->stalled_ns = 0;
	list_splice_tail_init(&turns->next, &turns->now);
}

/* What is left of the grace of this round's absent; 0 if it is over. */
static u64 kipc_turns_grace_left(struct kipc_turns *turns)
{
	u64 grace = READ_ONCE(kipc_limits.turn_grace_ms) * NSEC_PER_MSEC;
	u64 since = ktime_get_ns() - turns->stalled_ns;

	lockdep_assert_held(&turns->lock);

	return since < grace ? grace - since : 0;
}

/*
 * Somebody waits for the absent.  The grace begins with the first time in a
 * round; readers who come and take turns meanwhile do not make it longer.
 */
static void kipc_turns_stall(struct kipc_turns *turns)
{
	u64 look;

	lockdep_assert_held(&turns->lock);

	if (!turns->stalled_ns)
		turns->stalled_ns = ktime_get_ns();
	look = min_t(u64, kipc_turns_grace_left(turns), KIPC_TURNS_LOOK_NS);
	/* Does nothing if it is queued; then it looks again when it runs. */
	schedule_delayed_work(&turns->stall, nsecs_to_jiffies(look) + 1);
}

/*
 * Gives the turn to whom it belongs, if it is free and there is such a one.
 * The caller wakes what this returns, after it has dropped the lock.
 */
static struct task_struct *kipc_turns_pass(struct kipc_turns *turns)
{
	struct kipc_waiter *waiter;

	lockdep_assert_held(&turns->lock);

	if (turns->busy)
		return NULL;
	if (list_empty(&turns->now)) {
		if (list_empty(&turns->next))
			return NULL;
		kipc_turns_drop_dead(turns);
		if (turns->absent) {
			kipc_turns_stall(turns);
			return NULL;
		}
		kipc_turns_next_round(turns);
	}
	turns->busy = true;
	turns->nr_waiting--;
	waiter = list_first_entry(&turns->now, struct kipc_waiter, link);
	list_del(&waiter->link);
	return kipc_waiter_finish(waiter, 0);
}

/* Drops the lock, wakes who has the turn now and tells who wants to know. */
static void kipc_turns_unlock(struct kipc_turns *turns,
			      struct task_struct *next)
	__releases(&turns->lock)
{
	bool notify;

	notify = turns->contended && !turns->busy && !turns->nr_waiting;
	if (notify)
		turns->contended = false;
	spin_unlock(&turns->lock);

	kipc_waiter_wake(next);
	if (notify)
		turns->notify(turns);
}

/* The round is over for those who are not here. */
static void kipc_turns_drop_absent(struct kipc_turns *turns)
{
	struct kipc_turn *member, *tmp;

	lockdep_assert_held(&turns->lock);

	list_for_each_entry_safe(member, tmp, &turns->members, link) {
		if (!member->present && kipc_turn_is_due(turns, member))
			kipc_turns_drop(turns, member);
	}
}

static void kipc_turns_stall_work(struct work_struct *work)
{
	struct kipc_turns *turns;
	struct task_struct *next = NULL;

	turns = container_of(work, struct kipc_turns, stall.work);

	spin_lock(&turns->lock);
	if (turns->stalled_ns) {
		if (!kipc_turns_grace_left(turns))
			kipc_turns_drop_absent(turns);
		/* Queues this again if there is somebody to wait for. */
		next = kipc_turns_pass(turns);
	}
	kipc_turns_unlock(turns, next);
}

/**
 * kipc_turns_init - no members yet
 * @turns: what to fill in
 * @notify: called, without a lock, when a non-blocking reader may try again
 * @stats: where to count sleeps
 */
void kipc_turns_init(struct kipc_turns *turns,
		     void (*notify)(struct kipc_turns *turns),
		     struct kipc_wait_stats *stats)
{
	spin_lock_init(&turns->lock);
	INIT_LIST_HEAD(&turns->members);
	INIT_LIST_HEAD(&turns->now);
	INIT_LIST_HEAD(&turns->next);
	INIT_DELAYED_WORK(&turns->stall, kipc_turns_stall_work);
	turns->notify = notify;
	turns->stats = stats;
}

/**
 * kipc_turns_exit - forget all members
 * @turns: nobody uses it any more
 *
 * Context: may sleep.
 */
void kipc_turns_exit(struct kipc_turns *turns)
{
	struct kipc_turn *member, *tmp;

	cancel_delayed_work_sync(&turns->stall);
	list_for_each_entry_safe(member, tmp, &turns->members, link)
		kipc_turn_free(member);
}

static struct kipc_turn *kipc_turns_find(struct kipc_turns *turns)
{
	struct pid *thread = task_pid(current);
	struct kipc_turn *member;

	lockdep_assert_held(&turns->lock);

	list_for_each_entry(member, &turns->members, link) {
		if (member->thread == thread)
			return member;
	}
	return NULL;
}

static struct kipc_turn *kipc_turn_alloc(void)
{
	struct kipc_turn *member;

	member = kzalloc(sizeof(*member), GFP_KERNEL_ACCOUNT);
	if (!member)
		return NULL;
	member->thread = get_task_pid(current, PIDTYPE_PID);
	member->group = get_task_pid(current, PIDTYPE_TGID);
	return member;
}

/*
 * A new member is due in the current round, unless others have waited long
 * enough for its end: else a stream of new ones could keep it open for ever.
 * The dead make room, so that there are never more members than threads.
 */
static void kipc_turns_add(struct kipc_turns *turns, struct kipc_turn *member)
{
	lockdep_assert_held(&turns->lock);

	kipc_turns_drop_dead(turns);
	member->round = turns->round;
	if (turns->stalled_ns && !kipc_turns_grace_left(turns))
		member->round++;
	list_add_tail(&member->link, &turns->members);
	turns->away++;
	if (kipc_turn_is_due(turns, member))
		turns->absent++;
}

static void kipc_turns_arrive(struct kipc_turns *turns,
			      struct kipc_turn *member)
{
	member->present = true;
	turns->away--;
	if (kipc_turn_is_due(turns, member))
		turns->absent--;
}

static void kipc_turns_depart(struct kipc_turns *turns,
			      struct kipc_turn *member)
{
	member->present = false;
	turns->away++;
	if (kipc_turn_is_due(turns, member))
		turns->absent++;
}

/* Sleeps until the turn comes; the member is present. */
static int kipc_turns_wait(struct kipc_turns *turns, struct kipc_turn *me,
			   struct kipc_waiter *waiter, u64 deadline_ns)
{
	struct task_struct *next = NULL;
	int err;

	err = kipc_waiter_sleep(waiter, deadline_ns, turns->stats);
	if (!err && !waiter->result)
		return 0;

	spin_lock(&turns->lock);
	if (waiter->result == KIPC_WAITING) {
		list_del(&waiter->link);
		turns->nr_waiting--;
	} else {
		err = waiter->result;
	}
	if (err) {
		kipc_turns_depart(turns, me);
		next = kipc_turns_pass(turns);
	}
	kipc_turns_unlock(turns, next);
	return err;
}

/* Takes the turn without a sleep, if it is free and the caller's. */
static bool kipc_turns_take(struct kipc_turns *turns, struct kipc_turn *me)
{
	lockdep_assert_held(&turns->lock);

	if (turns->busy || !list_empty(&turns->now))
		return false;
	if (!kipc_turn_is_due(turns, me)) {
		if (turns->absent || !list_empty(&turns->next))
			return false;
		kipc_turns_next_round(turns);
	}
	turns->busy = true;
	return true;
}

/**
 * kipc_turns_enter - wait for one's turn
 * @turns: the readers
 * @deadline_ns: CLOCK_MONOTONIC, 0 for none
 *
 * Context: may sleep.
 * Return: the caller's membership, to be given to kipc_turns_leave(); or
 * -ENOMEM, -ERESTARTSYS, -ETIMEDOUT, or what kipc_turns_fail() said.
 */
struct kipc_turn *kipc_turns_enter(struct kipc_turns *turns, u64 deadline_ns)
{
	struct kipc_waiter waiter;
	struct task_struct *next;
	struct kipc_turn *me;
	int err;

	spin_lock(&turns->lock);
	me = kipc_turns_find(turns);
	if (!me) {
		/* Nobody but this thread adds its record: look once. */
		spin_unlock(&turns->lock);
		me = kipc_turn_alloc();
		if (!me)
			return ERR_PTR(-ENOMEM);
		spin_lock(&turns->lock);
		kipc_turns_add(turns, me);
	}

	kipc_turns_arrive(turns, me);
	if (kipc_turns_take(turns, me)) {
		spin_unlock(&turns->lock);
		return me;
	}
	kipc_waiter_init(&waiter);
	list_add_tail(&waiter.link, kipc_turn_is_due(turns, me) ?
		      &turns->now : &turns->next);
	turns->nr_waiting++;
	next = kipc_turns_pass(turns);
	kipc_turns_unlock(turns, next);

	err = kipc_turns_wait(turns, me, &waiter, deadline_ns);
	return err ? ERR_PTR(err) : me;
}

/**
 * kipc_turns_try_enter - read as a guest, if nobody reads or waits to
 * @turns: the readers
 *
 * A non-blocking reader is no member: nobody waits for it to come.  The turn is
 * given back by kipc_turns_leave() with NULL for the membership.
 *
 * Return: true if the caller has the turn.  If not, notify() will be called
 * when he may try again.
 */
bool kipc_turns_try_enter(struct kipc_turns *turns)
{
	bool free;

	spin_lock(&turns->lock);
	free = !turns->busy && !turns->nr_waiting;
	if (free)
		turns->busy = true;
	else
		turns->contended = true;
	spin_unlock(&turns->lock);
	return free;
}

/**
 * kipc_turns_leave - let the next one have a turn
 * @turns: the readers
 * @me: what kipc_turns_enter() gave; NULL for a guest
 * @end: how the turn ended
 */
void kipc_turns_leave(struct kipc_turns *turns, struct kipc_turn *me,
		      enum kipc_turn_end end)
{
	struct task_struct *next;

	spin_lock(&turns->lock);
	if (me && end == KIPC_TURN_SHARE)
		me->round = turns->round + 1;
	if (me)
		kipc_turns_depart(turns, me);
	turns->busy = false;
	if (end == KIPC_TURN_OVER)
		kipc_turns_drop_absent(turns);
	next = kipc_turns_pass(turns);
	kipc_turns_unlock(turns, next);
}

/**
 * kipc_turns_forget - a process closes its handle, maybe because it died
 * @turns: the readers
 * @group: the process
 *
 * If it has another handle of this pipe and reads on, it joins again.
 */
void kipc_turns_forget(struct kipc_turns *turns, struct pid *group)
{
	struct kipc_turn *member, *tmp;
	struct task_struct *next;

	spin_lock(&turns->lock);
	list_for_each_entry_safe(member, tmp, &turns->members, link) {
		if (member->group == group && !member->present)
			kipc_turns_drop(turns, member);
	}
	next = kipc_turns_pass(turns);
	kipc_turns_unlock(turns, next);
}

/**
 * kipc_turns_over - there is nothing left to share: wait for nobody
 * @turns: the readers
 */
void kipc_turns_over(struct kipc_turns *turns)
{
	struct task_struct *next;

	spin_lock(&turns->lock);
	kipc_turns_drop_absent(turns);
	next = kipc_turns_pass(turns);
	kipc_turns_unlock(turns, next);
}

/**
 * kipc_turns_fail - send everybody who waits away
 * @turns: the readers
 * @result: what they get, a negative errno
 */
void kipc_turns_fail(struct kipc_turns *turns, int result)
{
	struct kipc_waiter *waiter;
	struct task_struct *task;

	do {
		task = NULL;
		spin_lock(&turns->lock);
		if (turns->nr_waiting) {
			waiter = list_first_entry(list_empty(&turns->now) ?
						  &turns->next : &turns->now,
						  struct kipc_waiter, link);
			list_del(&waiter->link);
			turns->nr_waiting--;
			task = kipc_waiter_finish(waiter, result);
		}
		spin_unlock(&turns->lock);
		kipc_waiter_wake(task);
	} while (task);
}

/**
 * kipc_turns_busy - would a non-blocking reader be sent away?
 * @turns: the readers
 *
 * Return: true if so; then notify() will be called when he may try again.
 */
bool kipc_turns_busy(struct kipc_turns *turns)
{
	bool busy;

	spin_lock(&turns->lock);
	busy = turns->busy || turns->nr_waiting;
	if (busy)
		turns->contended = true;
	spin_unlock(&turns->lock);
	return busy;
}
