/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * kipc semaphores: sets of counters with P and V
 *
 * Include <linux/kipc.h>, which has the rules for all of this.
 *
 * P(n) takes n from a counter and sleeps while it holds less; V(n) adds n.
 * Waiters are served in the order in which they came: one that needs much is
 * never passed by later ones on the same counter that need less, and does not
 * hold up anybody on other counters.  A vector of operations is applied at once
 * or waits, in its place on each counter that it takes from.  A wait that was
 * interrupted by a signal and restarted begins at the end of the queue.
 *
 * UNDO.  What a process did with KIPC_SEM_UNDO is taken back when it dies in any
 * way, or closes its last descriptor of this semaphore; once, counter by
 * counter, within 0..max.  It belongs to the process (thread group), not to the
 * descriptor: a child made by fork(2) begins with nothing, another process that
 * holds the same open file has its own, execve(2) keeps it as long as a
 * descriptor survives, the end of one thread of several changes nothing.  (If
 * threads of a process have tables of descriptors of their own, only its end
 * counts.)
 *
 * Mutexes.  In a set made with KIPC_SEMAPHORE_MUTEX each counter is a mutex: 1
 * is free, 0 is held, and the process that did P is the owner.  EDEADLK: P by
 * the owner.  EPERM: V by anybody else.  When the owner dies (or closes its last
 * descriptor) the next to take the mutex has it, and gets EOWNERDEAD: he is to
 * put in order what the mutex guards and mark it KIPC_MUTEX_CONSISTENT.  If he
 * does V without that, or marks it KIPC_MUTEX_UNRECOVERABLE, every P fails with
 * ENOTRECOVERABLE from then on, until KIPC_SEMAPHORE_SET makes it new.
 *
 * Mapped sets.  The counters of a set made with KIPC_SEMAPHORE_MAPPED lie in one
 * page, as struct kipc_sem_word, which mmap(2) of a handle with both rights maps
 * (one page at offset 0, MAP_SHARED).  A P or V that nobody is in the way of is
 * one compare-and-exchange there, see struct kipc_sem_word; all others are
 * KIPC_SEMAPHORE_OP, which also does what could have been done without.  What is
 * different from other sets: P and V of 1 only; no vectors, no waiting for zero,
 * and UNDO for mutexes alone: nobody writes down who took from a counter, so what
 * a process took is gone with it.  Whoever has mapped the page can write what he
 * likes there; the harm is to those who use the same set.
 *
 * poll(2): readable (EPOLLIN) when a P(1) on the counter that the handle watches
 * (KIPC_SEMAPHORE_WATCH, 0 by default) would not sleep.  EPOLLOUT when a V(1)
 * would not be too much, but not of a mapped set.
 */
#ifndef _UAPI_LINUX_KIPC_SEMAPHORE_H
#define _UAPI_LINUX_KIPC_SEMAPHORE_H

#include <linux/ioctl.h>
#include <linux/types.h>

#define KIPC_SEMAPHORE_CREATE	_IO(KIPC_IOC_TYPE, 0x30)
#define KIPC_SEMAPHORE_OP	_IO(KIPC_IOC_TYPE, 0x31)
#define KIPC_SEMAPHORE_OPS	_IO(KIPC_IOC_TYPE, 0x32)
#define KIPC_SEMAPHORE_GET	_IO(KIPC_IOC_TYPE, 0x33)
#define KIPC_SEMAPHORE_SET	_IO(KIPC_IOC_TYPE, 0x34)
#define KIPC_SEMAPHORE_MARK	_IO(KIPC_IOC_TYPE, 0x35)
#define KIPC_SEMAPHORE_WATCH	_IO(KIPC_IOC_TYPE, 0x36)
#define KIPC_SEMAPHORE_STAT	_IO(KIPC_IOC_TYPE, 0x37)
#define KIPC_SEMAPHORE_ATTACH	_IO(KIPC_IOC_TYPE, 0x38)

#define KIPC_SEM_COUNT_MAX	256U		/* counters of a set */
#define KIPC_SEM_MAPPED_MAX	64U		/* counters of a mapped set */
#define KIPC_SEM_OPS_MAX	64U		/* operations of a vector */
#define KIPC_SEM_VALUE_MAX	0x7fffffffU	/* of a counter */

/* Flags of semaphores. */
#define KIPC_SEMAPHORE_MUTEX	(1U << 16)	/* create: each counter is a mutex */
#define KIPC_SEMAPHORE_MAPPED	(1U << 17)	/* create: in a page to be mapped */

/* Flags of operations. */
#define KIPC_SEM_NONBLOCK	(1U << 0)	/* EAGAIN rather than sleep */
#define KIPC_SEM_UNDO		(1U << 1)	/* take it back when the process ends */

/**
 * struct kipc_semaphore_create - make a set (KIPC_SEMAPHORE_CREATE)
 * @size: sizeof(struct kipc_semaphore_create)
 * @flags: KIPC_EXCL, KIPC_PERSIST (both need a name), KIPC_NONBLOCK,
 *	KIPC_INHERIT, KIPC_SEMAPHORE_MUTEX, KIPC_SEMAPHORE_MAPPED
 * @name: pointer to the name; 0: none
 * @name_len: its length in bytes
 * @mode: permission bits within 0666, less the caller's umask
 * @rights: KIPC_RIGHT_*, either or both; 0: no handle, only with KIPC_PERSIST
 * @result: (out) KIPC_RESULT_*
 * @id: (out) id of the object
 * @fd: (out) the handle, -1 if none was asked for
 * @count: (in/out) counters, 1..KIPC_SEM_COUNT_MAX; mapped sets:
 *	1..KIPC_SEM_MAPPED_MAX
 * @max: (in/out) largest value of a counter, 0 for KIPC_SEM_VALUE_MAX; mutexes:
 *	0 or 1
 * @initial: value that all counters begin with; mutexes: must be 0, they begin
 *	free
 * @values: pointer to an array of @count __u32 to begin with instead; 0: none,
 *	and must be 0 for mutexes
 *
 * Errors: as for all create calls, and EINVAL (count 0; max too large; initial
 * together with values), ENOSPC (count too large), EOVERFLOW (a value above
 * max).
 */
struct kipc_semaphore_create {
	__u32 size;
	__u32 flags;
	__aligned_u64 name;
	__u32 name_len;
	__u32 mode;
	__u32 rights;
	__u32 result;
	__aligned_u64 id;
	__s32 fd;
	__u32 count;
	__u32 max;
	__u32 initial;
	__aligned_u64 values;
};

/**
 * struct kipc_semaphore_op - one operation (KIPC_SEMAPHORE_OP)
 * @size: sizeof(struct kipc_semaphore_op)
 * @flags: KIPC_SEM_*
 * @index: the counter
 * @delta: below 0: P, take that much; above 0: V, add that much; 0: wait until
 *	the counter is 0.  Mutexes: -1 or 1
 * @deadline_ns: when to give up; 0: never
 *
 * P and V want KIPC_RIGHT_WRITE, waiting for zero wants KIPC_RIGHT_READ.
 * Mutexes are taken back at the end of the process with or without
 * KIPC_SEM_UNDO.
 *
 * Mapped sets: in user space first, see struct kipc_sem_word, and then this.  It
 * can be done without that as well.
 *
 * Errors: EBADF (rights), ERANGE (index), EINVAL (flags, delta of a mutex or of a
 * mapped set, P of more than max, UNDO of a mapped counter), EOVERFLOW (V beyond
 * max, or the undo total beyond KIPC_SEM_VALUE_MAX), EAGAIN, ETIMEDOUT, EINTR,
 * EIDRM, ENOMEM; mutexes: EDEADLK, EPERM, ENOTRECOVERABLE, and EOWNERDEAD: the
 * caller has it.
 */
struct kipc_semaphore_op {
	__u32 size;
	__u32 flags;
	__u32 index;
	__s32 delta;
	__aligned_u64 deadline_ns;
};

/**
 * struct kipc_sem_entry - one operation of a vector
 * @index: the counter
 * @delta: as in struct kipc_semaphore_op
 * @flags: KIPC_SEM_UNDO
 * @pad: must be 0
 */
struct kipc_sem_entry {
	__u32 index;
	__s32 delta;
	__u32 flags;
	__u32 pad;
};

/**
 * struct kipc_semaphore_ops - operations, all at once (KIPC_SEMAPHORE_OPS)
 * @size: sizeof(struct kipc_semaphore_ops)
 * @flags: KIPC_SEM_NONBLOCK; KIPC_SEM_UNDO: for all entries
 * @entries: pointer to an array of struct kipc_sem_entry
 * @count: how many, 1..KIPC_SEM_OPS_MAX
 * @pad: must be 0
 * @deadline_ns: when to give up; 0: never
 * @owner_dead: (out) with success and with EOWNERDEAD: bit n is set if entry n
 *	took a mutex whose owner had died
 *
 * The operations are done in their order, each on what those before it left.  If
 * one would have to sleep nothing is done, and the caller sleeps until all can
 * be done.
 *
 * Errors: as KIPC_SEMAPHORE_OP; EINVAL (count 0; a mapped set), E2BIG (count too
 * large).
 */
struct kipc_semaphore_ops {
	__u32 size;
	__u32 flags;
	__aligned_u64 entries;
	__u32 count;
	__u32 pad;
	__aligned_u64 deadline_ns;
	__aligned_u64 owner_dead;
};

/* State of a mutex, in struct kipc_sem_counter. */
#define KIPC_MUTEX_OWNER_DEAD	1	/* the owner died; not put in order yet */
#define KIPC_MUTEX_DEAD		2	/* not recoverable */

/**
 * struct kipc_sem_counter - one counter, as KIPC_SEMAPHORE_GET gives it
 * @value: what it holds
 * @waiting: waiters that want to take from it
 * @waiting_zero: waiters that want it to be 0
 * @pid: mutexes: process id of the owner, in the caller's PID namespace; 0 if
 *	there is none or it cannot be seen
 * @state: 0 or KIPC_MUTEX_*
 * @pad: 0
 */
struct kipc_sem_counter {
	__u32 value;
	__u32 waiting;
	__u32 waiting_zero;
	__u32 pid;
	__u32 state;
	__u32 pad;
};

/**
 * struct kipc_semaphore_get - look at counters (KIPC_SEMAPHORE_GET)
 * @size: sizeof(struct kipc_semaphore_get)
 * @flags: must be 0
 * @counters: pointer to an array of struct kipc_sem_counter
 * @first: the first counter
 * @count: how many, at least 1
 * @counter_size: the caller's sizeof(struct kipc_sem_counter)
 * @pad: must be 0
 *
 * Wants KIPC_RIGHT_READ.  All are as they were at one moment; those of a mapped
 * set, which others may be changing, each at a moment of its own.
 *
 * Errors: EBADF (rights), ERANGE (first or count), EINVAL (count 0, counter_size
 * below the first version or above a page), ENOMEM.
 */
struct kipc_semaphore_get {
	__u32 size;
	__u32 flags;
	__aligned_u64 counters;
	__u32 first;
	__u32 count;
	__u32 counter_size;
	__u32 pad;
};

/**
 * struct kipc_semaphore_set - set counters (KIPC_SEMAPHORE_SET)
 * @size: sizeof(struct kipc_semaphore_set)
 * @flags: must be 0
 * @values: pointer to an array of __u32
 * @first: the first counter
 * @count: how many, at least 1
 *
 * Wants KIPC_RIGHT_WRITE.  All at once (mapped: one after the other); whoever can
 * go on then goes on.  What processes would take back of these counters (UNDO) is
 * forgotten.  A mutex can only be set to 1: then it is free and consistent,
 * whoever had it.
 *
 * Errors: EBADF (rights), ERANGE (first or count), EINVAL (count 0, mutex),
 * EOVERFLOW (above max), ENOMEM.
 */
struct kipc_semaphore_set {
	__u32 size;
	__u32 flags;
	__aligned_u64 values;
	__u32 first;
	__u32 count;
};

/* How a mutex may be marked. */
#define KIPC_MUTEX_CONSISTENT		1
#define KIPC_MUTEX_UNRECOVERABLE	2

/**
 * struct kipc_semaphore_mark - say how a mutex is (KIPC_SEMAPHORE_MARK)
 * @size: sizeof(struct kipc_semaphore_mark)
 * @flags: must be 0
 * @index: the mutex
 * @mark: KIPC_MUTEX_CONSISTENT: after EOWNERDEAD, what it guards is in order;
 *	KIPC_MUTEX_UNRECOVERABLE: it never will be: the mutex is left, and all
 *	who wait or come get ENOTRECOVERABLE
 *
 * Wants KIPC_RIGHT_WRITE, and is for the owner of the mutex.
 *
 * Errors: EBADF (rights), ERANGE (index), EPERM (not the owner), EINVAL (not a
 * mutex; unknown mark; CONSISTENT when no owner had died).
 */
struct kipc_semaphore_mark {
	__u32 size;
	__u32 flags;
	__u32 index;
	__u32 mark;
};

/**
 * struct kipc_semaphore_watch - choose what poll means (KIPC_SEMAPHORE_WATCH)
 * @size: sizeof(struct kipc_semaphore_watch)
 * @flags: must be 0
 * @index: the counter
 * @pad: must be 0
 *
 * For this handle (open file), once and before it is polled.
 *
 * Errors: ERANGE (index), EBUSY (it was polled or chosen already; open another
 * handle).
 */
struct kipc_semaphore_watch {
	__u32 size;
	__u32 flags;
	__u32 index;
	__u32 pad;
};

/**
 * struct kipc_semaphore_stat - describe a set (KIPC_SEMAPHORE_STAT)
 * @size: sizeof(struct kipc_semaphore_stat)
 * @flags: must be 0
 * @semaphore_flags: (out) KIPC_SEMAPHORE_MUTEX, KIPC_SEMAPHORE_MAPPED
 * @count: (out) counters
 * @max: (out) largest value of a counter
 * @waiting: (out) threads that sleep
 * @undos: (out) processes that have something to take back; mapped mutexes: that
 *	are attached
 * @pad: must be 0
 * @sleeps: (out) times that somebody had to wait
 * @blocked_ns: (out) time slept in all
 * @wakeups: (out) waiters that were given what they waited for
 */
struct kipc_semaphore_stat {
	__u32 size;
	__u32 flags;
	__u32 semaphore_flags;
	__u32 count;
	__u32 max;
	__u32 waiting;
	__u32 undos;
	__u32 pad;
	__aligned_u64 sleeps;
	__aligned_u64 blocked_ns;
	__aligned_u64 wakeups;
};

/* What struct kipc_sem_word holds beside a value. */
#define KIPC_SEM_WORD_ASK	(1U << 31)	/* the kernel is to be asked */
#define KIPC_SEM_WORD_OWNER_DEAD (1U << 30)	/* mutex: to be put in order */
#define KIPC_SEM_WORD_OWNER	0x3fffffffU	/* mutex: token of the owner */
#define KIPC_SEM_WORD_DEAD	0x3fffffffU	/* mutex: in place of an owner */

/**
 * struct kipc_sem_word - one counter of a mapped set, as it lies in the page
 * @value: changed by atomic instructions alone, see below
 * @reserved: leave it alone; keeps each counter in a cache line of its own
 *
 * The words of a set are an array at the beginning of the page.
 *
 * A counter: KIPC_SEM_WORD_ASK, and the value in the bits below.
 *	P: if ASK is clear and the value is not 0: value - 1 in its place
 *	V: if ASK is clear and the value is below max: value + 1
 * A mutex: KIPC_SEM_WORD_ASK, KIPC_SEM_WORD_OWNER_DEAD, and the owner's token
 * (KIPC_SEMAPHORE_ATTACH), 0 if it is free, or KIPC_SEM_WORD_DEAD if it cannot be
 * recovered.
 *	P: if the word is 0: the token in its place
 *	V: if the word is the token and nothing else: 0
 *
 * In all other cases, and when the kernel is to find out what is wrong:
 * KIPC_SEMAPHORE_OP.  A P has to be an acquire, a V a release.  The kernel sets
 * ASK while somebody sleeps or polls, and for ever when the set is destroyed; it
 * clears it with the first operation after that.
 */
struct kipc_sem_word {
	__u32 value;
	__u32 reserved[15];
};

/**
 * struct kipc_semaphore_attach - get a token for mapped mutexes
 *	(KIPC_SEMAPHORE_ATTACH)
 * @size: sizeof(struct kipc_semaphore_attach)
 * @flags: must be 0
 * @token: (out) what stands for the caller's process in the words
 * @pad: must be 0
 *
 * Wants KIPC_RIGHT_WRITE.  A process has one token in each set, from its first
 * ATTACH or KIPC_SEMAPHORE_OP until it ends or closes its last descriptor of the
 * set; then the mutexes whose word has the token are given up, as those of a dead
 * owner.  A token that is in no use (any more) counts as that of a dead owner,
 * too.  A child made by fork(2) has to attach for itself, and has the page not
 * mapped.
 *
 * Errors: EBADF (rights), EINVAL (not a set of mapped mutexes), ENOMEM.
 */
struct kipc_semaphore_attach {
	__u32 size;
	__u32 flags;
	__u32 token;
	__u32 pad;
};

#endif /* _UAPI_LINUX_KIPC_SEMAPHORE_H */
