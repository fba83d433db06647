/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Mapped pipes, as far as it matters who sees what and who wakes whom, for the
 * model checker spin.  tools/model-check searches everything that can happen here.
 *
 * What stands for what
 * --------------------
 *
 *	producer()		the write end's user space: reserve and commit
 *	consumer()		the read end's: peek and release
 *	move()			kipc_mapped_pipe_publish(), kipc_mapped_pipe_wake()
 *	kernel_begin()		kipc_mapped_begin()
 *	kernel_wait()		kipc_pipe_wait_call(), kipc_mapped_give_up()
 *	kernel_look()		kipc_mapped_look(): KIPC_PIPE_WAKE; a descriptor or a
 *				mapping goes
 *	kernel_end()		kipc_side_detach(), kipc_mapped_pipe_end_wait()
 *	kernel_poll()		kipc_mapped_pipe_poll(), kipc_mapped_arm()
 *	publish()		kipc_mapped_publish()
 *	sides[s]		struct kipc_mapped_side of who waits for index s to
 *				move: HEAD, the consumer; TAIL, the producer
 *	mem[LOCK]		pipe->lock
 *	mem[INDEX(s)]		kipc_pipe_index.total
 *	mem[FLAGS(s)], UNTIL	kipc_pipe_news.flags and .until of that side
 *	mem[SLOT(i)]		the data: ROOM records of one size; indices count
 *				records here
 *
 * Memory.  Each processor has a store buffer.  What it stores is seen by the
 * others when store_buffer() gets to it, whenever that is.  Stores with release
 * order leave the buffer in turn; plain ones (payload, until) may overtake others.
 * A system call does not empty the buffer, nor does taking a lock; to drop a lock
 * is a store with release order; a full barrier waits until the buffer is empty.
 * Loads are acquire loads and happen in turn, except that of flags and until in
 * move() either may be first.  So x86 does less than what is allowed here.
 *
 * Time.  Each end gives up one wait (signal or deadline).  At any point it may stop
 * for good, between two calls; be killed, with or without somebody else who holds
 * the handle (DEATH); or the object is destroyed (DESTROY).  "timeout" is true when
 * nobody can go on: whoever sleeps then has to have a reason.
 *
 * ASK for nobody, after a poller has left, costs one KIPC_PIPE_WAKE, which takes it
 * back: that is allowed here.
 *
 * Not here: indices that wrap around (their distance is what is compared) or lie,
 * ends that are opened again, what lies between the bytes of a record.
 *
 *	RECORDS		how many there are
 *	BATCH		how many the consumer waits for in one sleep, at most
 *	NEED		for how many the producer wants room when he sleeps
 *	POLLER=s	another thread of that side polls: poll(2) or epoll
 *	EPOLL		the consumer sleeps in edge-triggered epoll
 *	BREAK_...	a mistake, which must be found
 */

#ifndef RECORDS
#define RECORDS	3
#endif
#ifndef BATCH
#define BATCH	2
#endif
#ifndef NEED
#define NEED	1
#endif
#define ROOM	2

#define ASK		1
#define GONE		2
#define DESTROYED	4

#define HEAD	0
#define TAIL	1

#define PRODUCER	0
#define CONSUMER	1
#define OTHER		2	/* the poller, or who destroys */
#define CPUS		3

#define INDEX(s)	(s)
#define FLAGS(s)	(2 + (s))
#define UNTIL(s)	(4 + (s))
#define LOCK		6
#define SLOT(i)		(7 + (i) % ROOM)

byte mem[7 + ROOM];
chan stores[CPUS] = [8] of { byte, byte };

/*
 * @waiter: somebody sleeps in KIPC_PIPE_WAIT
 * @woken: he has a result
 * @queued: a poller is on the wait queue
 * @event: he was woken
 * @want: of the KIPC_PIPE_WAIT that was refused; 0 if it was not
 * @ended: GONE, DESTROYED
 * @flags: as in the state page
 * @published: the until there
 */
typedef side {
	bool waiter;
	bool woken;
	byte until;
	bool polled;
	byte poll_until;
	bool queued;
	bool event;
	byte want;
	byte ended;
	byte flags;
	byte published
};
side sides[2];

/* They start at ROOM, so that head - ROOM is not negative. */
byte head = ROOM;	/* with the records that were not published */
byte committed = ROOM;	/* without */
byte tail = ROOM;
byte freed = ROOM;

bool quit[2];		/* nobody is there any more to move this index */
#ifdef POLLER
/* Less of the rest, for there is enough to search. */
#define batches	false
bool may_give_up[2];
#else
#define batches	true
bool may_give_up[2] = true;
#endif
bool may_die[2] = true;

#define store(cpu, loc, val)	stores[cpu]!loc,val
#define full_barrier(cpu)	(len(stores[cpu]) == 0)

#ifdef BREAK_NO_FENCE_PRODUCER
#define fence(cpu)	(cpu == PRODUCER || full_barrier(cpu))
#elif defined(BREAK_NO_FENCE_CONSUMER)
#define fence(cpu)	(cpu == CONSUMER || full_barrier(cpu))
#else
#define fence(cpu)	full_barrier(cpu)
#endif

#ifdef BREAK_NO_MB_SLEEPER
#define sleeper_mb(cpu)	true
#else
#define sleeper_mb(cpu)	full_barrier(cpu)
#endif

#ifdef BREAK_NO_MB_POLLER
#define poller_mb(cpu)	true
#else
#define poller_mb(cpu)	full_barrier(cpu)
#endif

#ifdef BREAK_STRICT
#define reached(index, goal)	((index) > (goal))
#else
#define reached(index, goal)	((index) >= (goal))
#endif

proctype store_buffer(byte cpu)
{
	byte loc, val;

end:
	do
	:: atomic { stores[cpu]?loc,val -> mem[loc] = val; loc = 0; val = 0 }
#ifndef POLLER
	:: atomic { stores[cpu]??eval(SLOT(0)),val -> mem[SLOT(0)] = val; val = 0 }
	:: atomic { stores[cpu]??eval(SLOT(1)),val -> mem[SLOT(1)] = val; val = 0 }
#endif
	:: atomic { stores[cpu]??eval(UNTIL(HEAD)),val -> mem[UNTIL(HEAD)] = val; val = 0 }
	:: atomic { stores[cpu]??eval(UNTIL(TAIL)),val -> mem[UNTIL(TAIL)] = val; val = 0 }
#ifdef BREAK_NO_RELEASE
	:: atomic { stores[cpu]??eval(INDEX(HEAD)),val -> mem[INDEX(HEAD)] = val; val = 0 }
#endif
	od
}

/* ---- the kernel ---- */

inline spin_lock()
{
	mem[LOCK] == 0 -> mem[LOCK] = 1
}

inline spin_unlock(cpu)
{
	store(cpu, LOCK, 0)
}

#ifdef BREAK_SLEEPER_FIRST
#define earlier(s)	false
#else
#define earlier(s)	(sides[s].polled && sides[s].poll_until < sides[s].until)
#endif

#define news_until(s)	(sides[s].waiter && !earlier(s) -> sides[s].until : \
			 sides[s].poll_until)
#define news_flags(s)	((sides[s].waiter || sides[s].polled -> ASK : 0) | \
			 sides[s].ended)

/* What does not change is not stored again; nobody could tell. */
inline publish(cpu, s)
{
	if
	:: sides[s].published != news_until(s) ->
		sides[s].published = news_until(s);
		store(cpu, UNTIL(s), sides[s].published)
	:: else
	fi;
	if
	:: sides[s].flags != news_flags(s) ->
		sides[s].flags = news_flags(s);
		store(cpu, FLAGS(s), sides[s].flags)
	:: else
	fi
}

/* In place of publish(), by who thinks that nobody else is there. */
inline publish_none(cpu, s)
{
	sides[s].flags = sides[s].ended;
	store(cpu, FLAGS(s), sides[s].flags)
}

inline finish(s)
{
	sides[s].woken = sides[s].woken || sides[s].waiter;
	sides[s].waiter = false;
	sides[s].until = 0
}

/* The event comes when the lock has been dropped. */
#if defined(EPOLL) || defined(POLLER)
#define wake_pollers(s) \
	if \
	:: atomic { stale -> stale = false; \
		    sides[s].event = sides[s].event || sides[s].queued } \
	:: else \
	fi
#else
#define wake_pollers(s)	skip
#endif

inline kernel_look(cpu, s, index)
{
	atomic {
		spin_lock();
		if
		:: sides[s].waiter && index >= sides[s].until -> finish(s)
		:: else
		fi;
		if
		:: sides[s].polled && index >= sides[s].poll_until ->
			sides[s].polled = false;
			stale = true
		:: else
		fi;
#if defined(BREAK_WAKE_CLEARS)
		publish_none(cpu, s);
#elif !defined(BREAK_CLEAR_LATE)
		publish(cpu, s);
#endif
		spin_unlock(cpu)
	}
#ifdef BREAK_CLEAR_LATE
	if
	:: sides[s].waiter || sides[s].polled
	:: !sides[s].waiter && !sides[s].polled -> publish_none(cpu, s)
	fi;
#endif
	wake_pollers(s)
}

/* @what: GONE or DESTROYED */
inline kernel_end(cpu, s, what)
{
	atomic {
		spin_lock();
		sides[s].ended = sides[s].ended | what;
#ifdef BREAK_GONE_EARLY
		sides[s].flags = sides[s].flags | what;
		mem[FLAGS(s)] = sides[s].flags;
#endif
		publish(cpu, s);
		spin_unlock(cpu)
	}
#ifndef BREAK_SILENT_END
	atomic {
		spin_lock();
		finish(s);
		sides[s].polled = false;
		stale = true;
		publish(cpu, s);
		spin_unlock(cpu)
	}
	wake_pollers(s)
#endif
}

/* @some: what poll waits for if nothing was refused */
inline kernel_begin(cpu, s, goal, some, nowait)
{
#ifdef BREAK_LOOK_FIRST
	if
	:: reached(mem[INDEX(s)], goal) || sides[s].ended -> goto again
	:: !reached(mem[INDEX(s)], goal) && !sides[s].ended
	fi;
#endif
	atomic {
		spin_lock();
		sides[s].waiter = true;
		sides[s].woken = false;
		sides[s].until = goal;
#ifndef BREAK_ASK_LATE
		publish(cpu, s)
#endif
	}
	atomic {
		sleeper_mb(cpu);
		sides[s].want = 0;
		if
#ifndef BREAK_LOOK_FIRST
		:: reached(mem[INDEX(s)], goal) || sides[s].ended -> finish(s)
#endif
		:: else ->
			if
			:: nowait ->
				sides[s].want = goal;
				sides[s].waiter = false;
				sides[s].until = 0
			:: else
			fi
		fi;
#ifndef BREAK_REFUSED_IS_NO_NEWS
		if
		:: sides[s].polled && sides[s].poll_until > some &&
		   sides[s].poll_until > sides[s].want ->
			sides[s].polled = false;
			stale = true
		:: else
		fi;
#endif
#ifdef BREAK_TAKE_BACK_CLEARS
		if
		:: sides[s].woken -> publish_none(cpu, s)
		:: else
		fi;
#else
		publish(cpu, s);
#endif
		spin_unlock(cpu)
	}
	wake_pollers(s)
}

/* Goes to "stuck" if nobody is ever going to wake the sleeper. */
inline kernel_wait(cpu, s, goal, some)
{
	kernel_begin(cpu, s, goal, some, false);
	do
	:: atomic { sides[s].woken -> sides[s].woken = false; break }
	:: atomic {
		may_give_up[s] -> may_give_up[s] = false;
		spin_lock();
		finish(s);
		sides[s].woken = false;
#ifdef BREAK_GIVE_UP_CLEARS
		publish_none(cpu, s);
#else
		publish(cpu, s);
#endif
		spin_unlock(cpu);
		break
	   }
	:: timeout ->
		assert(quit[s] && mem[INDEX(s)] < goal && !sides[s].ended);
		goto stuck
	od
}

/* Asks for the next move if there is enough already. */
inline kernel_poll(cpu, s, some)
{
	atomic {
		spin_lock();
		goal = (some);
		if
		:: sides[s].want > goal -> goal = sides[s].want
		:: else
		fi;
		looked = mem[INDEX(s)];
		if
		:: looked < goal -> looked = goal
		:: else -> looked++
		fi;
		if
		:: sides[s].polled && sides[s].poll_until < looked
		:: else -> sides[s].poll_until = looked
		fi;
#ifdef BREAK_READY_IS_NOT_ASKED
		sides[s].polled = looked == goal;
#else
		sides[s].polled = true;
#endif
		publish(cpu, s)
	}
	atomic {
		poller_mb(cpu);
		looked = mem[INDEX(s)];
		ready = looked >= goal || sides[s].ended;
		goal = 0;
		spin_unlock(cpu)
	}
}

/* ---- user space ---- */

#ifdef DEATH
#define maybe_killed(cpu) \
	if \
	:: true \
	:: atomic { may_die[cpu] -> may_die[cpu] = false; goto killed } \
	fi
#else
#define maybe_killed(cpu)	skip
#endif

inline move(cpu, s, index)
{
	store(cpu, INDEX(s), index);
	maybe_killed(cpu);
	fence(cpu);
	if
	:: flags = mem[FLAGS(s)]; until = mem[UNTIL(s)]
	:: until = mem[UNTIL(s)]; flags = mem[FLAGS(s)]
	fi;
	maybe_killed(cpu);
	if
	:: atomic { (flags & ASK) && reached(index, until) -> flags = 0; until = 0 };
		kernel_look(cpu, s, index)
	:: atomic { !(flags & ASK) || !reached(index, until) -> flags = 0; until = 0 }
	fi
}

/* If somebody else has the handle, it is not the end of it. */
inline exit(cpu, s, index)
{
	if
	::
#ifndef BREAK_NO_LAST_LOOK
		kernel_look(cpu, s, index);
#endif
		quit[s] = true
	:: kernel_end(cpu, s, GONE)
	fi
}

proctype producer()
{
	byte flags, until, seen;
	bool stale;

again:
	do
	:: head - ROOM < RECORDS ->
		maybe_killed(PRODUCER);
		seen = mem[INDEX(TAIL)];
		if
		:: head - seen < ROOM ->
			seen = 0;
			store(PRODUCER, SLOT(head), head);
			maybe_killed(PRODUCER);
			head++;
			if
			:: batches	/* KIPC_MAPPED_MORE */
			:: committed = head; move(PRODUCER, HEAD, head)
			fi
		:: else ->
			seen = 0;
#ifndef BREAK_NOT_PUBLISHED
			if
			:: committed < head -> committed = head; move(PRODUCER, HEAD, head)
			:: else
			fi;
#endif
			if
			:: mem[FLAGS(TAIL)] & (GONE | DESTROYED) -> goto stuck
			:: else
			fi;
			kernel_wait(PRODUCER, TAIL, head + NEED - ROOM, committed + 1 - ROOM)
		fi
	:: head - ROOM == RECORDS ->
		if
		:: committed < head -> committed = head; move(PRODUCER, HEAD, head)
		:: else
		fi;
		kernel_end(PRODUCER, HEAD, GONE);
		goto stuck
	:: committed == head -> quit[HEAD] = true; goto stuck
	od;
killed:
	exit(PRODUCER, HEAD, committed);
stuck:
	skip
}

#ifdef EPOLL
/* poll(2) is told what is wanted by a KIPC_PIPE_WAIT that is refused, or not. */
inline sleep()
{
	if
	:: true
	:: kernel_begin(CONSUMER, HEAD, tail + 1, tail + 1, true)
	:: kernel_begin(CONSUMER, HEAD, tail + BATCH, tail + 1, true)
	fi;
	sides[HEAD].woken = false;
	do
	:: atomic { sides[HEAD].event -> sides[HEAD].event = false };
		kernel_poll(CONSUMER, HEAD, tail + 1);
		looked = 0;
		if
		:: atomic { ready -> ready = false; break }
		:: else
		fi
	:: atomic { may_give_up[HEAD] -> may_give_up[HEAD] = false; break }
	:: timeout ->
		assert(quit[HEAD] && !sides[HEAD].ended &&
		       (mem[INDEX(HEAD)] == tail || mem[INDEX(HEAD)] < sides[HEAD].want));
		goto stuck
	od
}
#else
inline sleep()
{
	if
	:: kernel_wait(CONSUMER, HEAD, tail + 1, tail + 1)
	:: kernel_wait(CONSUMER, HEAD, tail + BATCH, tail + 1)
	fi
}
#endif

proctype consumer()
{
	byte flags, until, looked, goal;
	bool stale, ready;

#ifdef EPOLL
	sides[HEAD].queued = true;
	kernel_poll(CONSUMER, HEAD, tail + 1);
	sides[HEAD].event = sides[HEAD].event || ready;
	ready = false;
	looked = 0;
#endif
again:
	do
	:: true ->
		maybe_killed(CONSUMER);
#ifdef BREAK_NO_ACQUIRE
		looked = mem[SLOT(tail)];
#endif
		if
		:: mem[INDEX(HEAD)] > tail ->
peek:
#if defined(BREAK_NO_ACQUIRE)
			assert(looked == tail);
			looked = 0;
#elif !defined(BREAK_READ_LATE)
			assert(mem[SLOT(tail)] == tail);
#endif
			tail++;
			if
			:: batches	/* KIPC_MAPPED_MORE */
			:: freed = tail; move(CONSUMER, TAIL, tail)
			fi;
#ifdef BREAK_READ_LATE
			assert(mem[SLOT(tail - 1)] == tail - 1)
#endif
		:: else ->
			looked = 0;
			if
			:: freed < tail -> freed = tail; move(CONSUMER, TAIL, tail)
			:: else
			fi;
			flags = mem[FLAGS(HEAD)];
			if
			:: flags & DESTROYED -> goto stuck
			:: !(flags & DESTROYED) && (flags & GONE) ->
				flags = 0;
#ifndef BREAK_INDEX_BEFORE_GONE
				if
				:: mem[INDEX(HEAD)] > tail -> goto peek
				:: else
				fi;
#endif
				assert(tail == committed);
				goto stuck
			:: else -> flags = 0
			fi;
			sleep()
		fi
	:: freed == tail -> quit[TAIL] = true; goto stuck
	od;
killed:
	exit(CONSUMER, TAIL, freed);
stuck:
	skip
}

#ifdef POLLER
#if POLLER == HEAD
#define some	(mem[INDEX(TAIL)] + 1)
#else
#define some	(mem[INDEX(HEAD)] + 1 - ROOM)
#endif

/*
 * Waits for one event, with poll(2) or with edge-triggered epoll, which tells only
 * what came after it looked last.
 */
proctype poller()
{
	byte looked, goal;
	bool ready, edge;

	sides[POLLER].queued = true;
	kernel_poll(OTHER, POLLER, some);
	if
	:: true
	:: atomic { true -> edge = true;
		    sides[POLLER].event = sides[POLLER].event || ready; ready = false }
	fi;
	do
	:: ready -> sides[POLLER].queued = false; break
	:: atomic { !ready && sides[POLLER].event -> sides[POLLER].event = false };
		kernel_poll(OTHER, POLLER, some)
	:: timeout ->
		assert(!sides[POLLER].ended &&
		       (mem[INDEX(POLLER)] < some ||
			mem[INDEX(POLLER)] < sides[POLLER].want ||
			edge && mem[INDEX(POLLER)] == looked));
		break
	od
}
#endif

init
{
	bool stale;

	atomic {
#ifdef POLLER
		may_give_up[POLLER] = true;
#endif
		mem[INDEX(HEAD)] = ROOM;
		mem[INDEX(TAIL)] = ROOM;
		run store_buffer(PRODUCER);
		run store_buffer(CONSUMER);
		run producer();
		run consumer();
#if defined(POLLER) || defined(DESTROY)
		run store_buffer(OTHER);
#endif
#ifdef POLLER
		run poller();
#endif
	}
#ifdef DESTROY
	kernel_end(OTHER, HEAD, DESTROYED);
	kernel_end(OTHER, TAIL, DESTROYED);
#endif
	/* The state page says in the end what the kernel means it to say. */
	timeout -> assert(mem[FLAGS(HEAD)] == sides[HEAD].flags &&
			  mem[FLAGS(TAIL)] == sides[TAIL].flags)
}
