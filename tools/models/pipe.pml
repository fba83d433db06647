/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Pipes without a mapping: how the two sides wake each other, for the model checker
 * spin.  mapped_pipe.pml says what memory, "timeout" and BREAK_... mean here too; but
 * an end stops only between calls, as nobody is killed inside the kernel.
 *
 *	writer(), reader()	kipc_pipe_write_record(), kipc_pipe_read_owned()
 *	side_sleep()		kipc_side_sleep(), with prepare_to_wait() and
 *				finish_wait()
 *	side_wake()		kipc_gate_leave(), whose barrier it is, and after that
 *				kipc_side_rouse(): wakes who sleeps, if there is enough
 *	wake_up()		wake_up(): what it does with the queue locked
 *	writer_gone()		kipc_side_detach()
 *	mem[TOTAL(s)]		kipc_side.total: HEAD, for which the reader waits; TAIL
 *	mem[NEED(s)]		.need of who waits for that
 *	mem[QUEUED(s)]		what waitqueue_active() says of him, without the lock
 *	mem[LOCK(s)]		the lock of that queue
 *	mem[GONE]		.gone of the write side
 *
 * Not here: gates and turns, resize, pollers (who use the same pair), the end of the
 * read side (which is as that of the write side).
 */

#define RECORDS	3
#define ROOM	2

#define HEAD	0
#define TAIL	1

#define WRITER	0
#define READER	1
#define CPUS	2

#define TOTAL(s)	(s)
#define NEED(s)		(2 + (s))
#define QUEUED(s)	(4 + (s))
#define LOCK(s)		(6 + (s))
#define GONE		8
#define SLOT(i)		(9 + (i) % ROOM)

byte mem[9 + ROOM];
chan stores[CPUS] = [8] of { byte, byte };

/* By the side: is its task on the queue (locked), does it sleep? */
bool listed[2];
bool asleep[2];

/* They start at ROOM, so that nothing is negative. */
byte head = ROOM;
byte tail = ROOM;
bool quit[2];
bool may_give_up[2] = true;

#define store(cpu, loc, val)	stores[cpu]!loc,val
#define full_barrier(cpu)	(len(stores[cpu]) == 0)

#ifdef BREAK_NO_MB_WAKER
#define waker_mb(cpu)	true
#else
#define waker_mb(cpu)	full_barrier(cpu)
#endif

#ifdef BREAK_NO_MB_SLEEPER
#define sleeper_mb(cpu)	true
#else
#define sleeper_mb(cpu)	full_barrier(cpu)
#endif

proctype store_buffer(byte cpu)
{
	byte loc, val;

end:
	do
	:: atomic { stores[cpu]?loc,val -> mem[loc] = val; loc = 0; val = 0 }
	:: atomic { stores[cpu]??eval(SLOT(0)),val -> mem[SLOT(0)] = val; val = 0 }
	:: atomic { stores[cpu]??eval(SLOT(1)),val -> mem[SLOT(1)] = val; val = 0 }
	:: atomic { stores[cpu]??eval(NEED(HEAD)),val -> mem[NEED(HEAD)] = val; val = 0 }
	:: atomic { stores[cpu]??eval(NEED(TAIL)),val -> mem[NEED(TAIL)] = val; val = 0 }
	:: atomic { stores[cpu]??eval(QUEUED(HEAD)),val -> mem[QUEUED(HEAD)] = val; val = 0 }
	:: atomic { stores[cpu]??eval(QUEUED(TAIL)),val -> mem[QUEUED(TAIL)] = val; val = 0 }
#ifdef BREAK_NO_RELEASE
	:: atomic { stores[cpu]??eval(TOTAL(HEAD)),val -> mem[TOTAL(HEAD)] = val; val = 0 }
#endif
	od
}

inline spin_lock(s)
{
	mem[LOCK(s)] == 0 -> mem[LOCK(s)] = 1
}

inline list(cpu, s, on)
{
	if
	:: listed[s] != on -> listed[s] = on; store(cpu, QUEUED(s), on)
	:: else
	fi
}

/* Who is woken is taken off the queue: autoremove_wake_function(). */
inline wake_up(cpu, s)
{
	atomic {
		spin_lock(s);
		if
		:: listed[s] && asleep[s] -> asleep[s] = false; list(cpu, s, false)
		:: else
		fi;
		store(cpu, LOCK(s), 0)
	}
}

inline side_wake(cpu, s, amount)
{
	waker_mb(cpu);
	if
	:: queued = mem[QUEUED(s)]; need = mem[NEED(s)]
	:: need = mem[NEED(s)]; queued = mem[QUEUED(s)]
	fi;
	if
	:: atomic { queued && amount >= need -> queued = false; need = 0 };
		wake_up(cpu, s)
	:: atomic { else -> queued = false; need = 0 }
	fi
}

/* @enough: of the total of the other side.  Goes to "stuck" if nobody will wake it. */
inline side_sleep(cpu, s, enough, amount)
{
#ifndef BREAK_NEED_LATE
	store(cpu, NEED(s), amount);
#endif
	do
	:: true ->
		atomic {
			spin_lock(s);
			list(cpu, s, true);
			asleep[s] = true
		}
		atomic { sleeper_mb(cpu); store(cpu, LOCK(s), 0) };
#ifndef BREAK_NO_LOOK
		if
		:: mem[TOTAL(s)] >= enough -> break
		:: mem[TOTAL(s)] < enough
		fi;
		if
		:: s == HEAD && mem[GONE] -> break
		:: s != HEAD || !mem[GONE]
		fi;
#endif
		if
		:: gave_up -> break
		:: !gave_up
		fi;
#ifdef BREAK_NEED_LATE
		store(cpu, NEED(s), amount);
#endif
		if
		:: !asleep[s]
		:: atomic { may_give_up[s] -> may_give_up[s] = false; gave_up = true };
			asleep[s] = false
		:: timeout ->
			assert(quit[s] && mem[TOTAL(s)] < enough && !(s == HEAD && mem[GONE]));
			goto stuck
		fi
#ifdef BREAK_NO_LOOK
		;
		break
#endif
	od;
	gave_up = false;
	asleep[s] = false;
	atomic { spin_lock(s); list(cpu, s, false); store(cpu, LOCK(s), 0) }
}

inline writer_gone()
{
	store(WRITER, GONE, 1);
#ifndef BREAK_SILENT_END
	full_barrier(WRITER);
	wake_up(WRITER, HEAD)
#endif
}

proctype writer()
{
	byte need, seen;
	bool queued, gave_up;

	do
	:: head - ROOM < RECORDS ->
		seen = mem[TOTAL(TAIL)];
		if
		:: head - seen < ROOM ->
			seen = 0;
			store(WRITER, SLOT(head), head);
			head++;
			store(WRITER, TOTAL(HEAD), head);
			side_wake(WRITER, HEAD, ROOM)
		:: head - seen == ROOM ->
			seen = 0;
			if
			:: side_sleep(WRITER, TAIL, head + 1 - ROOM, 1)
			:: side_sleep(WRITER, TAIL, head + 2 - ROOM, 2)
			fi
		fi
	:: head - ROOM == RECORDS -> break
	:: quit[HEAD] = true; goto stuck
	od;
	writer_gone();
stuck:
	skip
}

proctype reader()
{
	byte need, room;
	bool queued, gave_up;

	do
	:: mem[TOTAL(HEAD)] > tail ->
take:
		assert(mem[SLOT(tail)] == tail);
		tail++;
		store(READER, TOTAL(TAIL), tail);
		room = ROOM - (mem[TOTAL(HEAD)] - tail);
		side_wake(READER, TAIL, room);
		room = 0
	:: mem[TOTAL(HEAD)] == tail ->
		if
		:: mem[GONE] ->
#ifndef BREAK_TOTAL_BEFORE_GONE
			if
			:: mem[TOTAL(HEAD)] > tail -> goto take
			:: mem[TOTAL(HEAD)] == tail
			fi;
#endif
			assert(tail == head);
			break
		:: !mem[GONE]
		fi;
		side_sleep(READER, HEAD, tail + 1, 1)
	:: quit[TAIL] = true; break
	od;
stuck:
	skip
}

init
{
	atomic {
		mem[TOTAL(HEAD)] = ROOM;
		mem[TOTAL(TAIL)] = ROOM;
		run store_buffer(WRITER);
		run store_buffer(READER);
		run writer();
		run reader()
	}
}
