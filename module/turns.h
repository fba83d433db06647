/* SPDX-License-Identifier: GPL-2.0 */
/*
 * DOC: turns
 *
 * Readers of one pipe take turns, in rounds: everybody gets one share before
 * anybody gets a second one.  Within a round it goes by arrival.
 *
 * Each thread that reads is a member.  A member is *present* from the moment it
 * comes until it leaves with its share (or with nothing), and *away* in
 * between.  member->round says in which round it may take its next share: the
 * current one, or, if it has had that, the next.
 *
 *	@now	present members that may take a share in this round
 *	@next	present members that have had theirs
 *	absent	members that are away and have not had theirs in this round
 *
 * When @now is empty and nobody is absent the round is over: @next becomes
 * @now.  When @now is empty and somebody is absent, the others wait for him:
 * that is what makes the shares even to within one.  But not for ever:
 * turn_grace_ms after the wait began the absent are dropped and the round is
 * over.  A dropped member that comes again starts like a new one.  A process
 * that closes its handle or dies takes its members along at once; a thread that
 * ends is noticed when the others wait for it.
 *
 * All of that is counted under one spinlock; nothing here looks at the data.
 */
#ifndef KIPC_TURNS_H
#define KIPC_TURNS_H

#include <linux/list.h>
#include <linux/spinlock.h>
#include <linux/workqueue.h>

#include "waiter.h"

/* How a turn ended. */
enum kipc_turn_end {
	KIPC_TURN_SHARE,	/* a share was taken */
	KIPC_TURN_NOTHING,	/* it was not: the turn is still open */
	KIPC_TURN_OVER,		/* end of file or destroyed: no more turns */
};

/**
 * struct kipc_turn - a member
 * @link: in turns->members
 * @thread: who it is, a counted reference; invariant
 * @group: its process, a counted reference; invariant
 * @round: the round in which it may take its next share
 * @present: it is in a read call
 */
struct kipc_turn {
	struct list_head link;
	struct pid *thread;
	struct pid *group;
	u64 round;
	bool present;
};

/**
 * struct kipc_turns - the readers of one pipe
 * @lock: guards everything here and in the members; innermost
 * @busy: somebody has the turn
 * @contended: a non-blocking reader was sent away
 * @round: the current round
 * @away: members that are not present
 * @absent: of these, the ones that have not had their share
 * @nr_waiting: tasks in @now and @next
 * @members: all members
 * @now: waiters that may take a share in this round, by arrival
 * @next: waiters that have had theirs, by arrival
 * @stalled_ns: when somebody first waited for the absent in this round; 0 if
 *	nobody did
 * @stall: looks whether that is too long
 * @notify: called when the turns are free and @contended was set
 * @stats: where sleeps are counted
 */
struct kipc_turns {
	spinlock_t lock;
	bool busy;
	bool contended;
	u64 round;
	unsigned int away;
	unsigned int absent;
	unsigned int nr_waiting;
	struct list_head members;
	struct list_head now;
	struct list_head next;
	u64 stalled_ns;
	struct delayed_work stall;
	void (*notify)(struct kipc_turns *turns);
	struct kipc_wait_stats *stats;
};

void kipc_turns_init(struct kipc_turns *turns,
		     void (*notify)(struct kipc_turns *turns),
		     struct kipc_wait_stats *stats);
void kipc_turns_exit(struct kipc_turns *turns);

struct kipc_turn *kipc_turns_enter(struct kipc_turns *turns, u64 deadline_ns);
bool kipc_turns_try_enter(struct kipc_turns *turns);
void kipc_turns_leave(struct kipc_turns *turns, struct kipc_turn *me,
		      enum kipc_turn_end end);
void kipc_turns_forget(struct kipc_turns *turns, struct pid *group);
void kipc_turns_over(struct kipc_turns *turns);
void kipc_turns_fail(struct kipc_turns *turns, int result);
bool kipc_turns_busy(struct kipc_turns *turns);

#endif /* KIPC_TURNS_H */
