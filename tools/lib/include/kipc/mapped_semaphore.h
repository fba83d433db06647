/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Mapped semaphores and mutexes of kipc: P and V without a system call.
 *
 * The counters lie in a page that all users of a set have mapped.  A P that finds
 * something, a V that nobody waits for, to lock a free mutex and to unlock one
 * that nobody waits for are one compare-and-exchange each, below.  All else is for
 * the kernel: struct kipc_sem_word in <linux/kipc/semaphore.h> has the rules.
 *
 * The functions return 0 or a negative errno, and leave errno alone.  Whatever the
 * kernel says to KIPC_SEMAPHORE_OP can be had from all that take or give: -EIDRM
 * (the set was destroyed), -EINTR, -ENOMEM among others.  Deadlines are absolute,
 * in nanoseconds of CLOCK_MONOTONIC; 0 means none.
 *
 * The words have to be shared with processes that do as they should: whoever has
 * mapped the page can write there what he likes.
 *
 * Memory orderings.  Each pair is one on the word itself, or goes through the
 * kernel:
 *
 *  - V with P, unlock with lock, both here: the release of the one is read by the
 *    acquire of the other.  Who reads the value that yet another P left reads it
 *    all the same: that P is a read-modify-write and continues the release
 *    sequence.
 *  - V here, P in the kernel (and the other way round): the kernel's are fully
 *    ordered compare-and-exchanges.
 *  - V in the kernel for somebody who sleeps: the set's spinlock, or the result
 *    that the waker stores with release and the sleeper loads with acquire.
 *  - "shall I sleep" with "is there somebody to wake": no pair is needed.  The
 *    value and the mark KIPC_SEM_WORD_ASK are one word, so that the kernel sets
 *    the mark if and only if it finds nothing to take, in one instruction; of that
 *    and of a V here one comes first.  If it is the V there is something to take,
 *    otherwise the V fails for the mark and asks the kernel, whose spinlock the
 *    sleeper held until he was in the queue.
 *  - A compare-and-exchange that fails, and a load that says that it would, order
 *    nothing and need not: the system call begins anew.
 */
#ifndef KIPC_MAPPED_SEMAPHORE_H
#define KIPC_MAPPED_SEMAPHORE_H

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>

#include <linux/kipc.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * struct kipc_msem - a mapped set of counters, in this process
 * @words: the page
 * @count: counters
 * @max: largest value of one
 * @fd: the handle; it is the caller's to close, after kipc_msem_unmap()
 *
 * A child made by fork(2) may go on using it.
 */
struct kipc_msem {
	struct kipc_sem_word *words;
	uint32_t count;
	uint32_t max;
	int fd;
};

/**
 * struct kipc_mmutex - a mapped set of mutexes, in this process
 * @words: the page
 * @count: mutexes
 * @token: what stands for this process in the words
 * @fd: the handle; it is the caller's to close, after kipc_mmutex_unmap(): with
 *	the last one the process gives up the mutexes that it holds
 *
 * The owner of a mutex is a process, not a thread.  A child made by fork(2) does
 * not have the page, and has to call kipc_mmutex_map() for itself.
 */
struct kipc_mmutex {
	struct kipc_sem_word *words;
	uint32_t count;
	uint32_t token;
	int fd;
};

int kipc_msem_map(struct kipc_msem *sem, int fd);
void kipc_msem_unmap(struct kipc_msem *sem);

int kipc_mmutex_map(struct kipc_mmutex *mutex, int fd);
void kipc_mmutex_unmap(struct kipc_mmutex *mutex);
int kipc_mmutex_consistent(struct kipc_mmutex *mutex, uint32_t index);
int kipc_mmutex_unrecoverable(struct kipc_mmutex *mutex, uint32_t index);

/* What the functions below call when they have to. */
int kipc_mapped_ask(int fd, uint32_t index, int32_t delta, uint32_t flags,
		    uint64_t deadline_ns);

/* Is there something to take that nobody waits for?  The sign bit is the mark. */
static inline bool kipc_word_take(struct kipc_sem_word *word)
{
	uint32_t old = __atomic_load_n(&word->value, __ATOMIC_RELAXED);

	while ((int32_t)old > 0)
		if (__atomic_compare_exchange_n(&word->value, &old, old - 1,
						true, __ATOMIC_ACQUIRE,
						__ATOMIC_RELAXED))
			return true;
	return false;
}

/* The mark makes it larger than any value. */
static inline bool kipc_word_give(struct kipc_sem_word *word, uint32_t max)
{
	uint32_t old = __atomic_load_n(&word->value, __ATOMIC_RELAXED);

	while (old < max)
		if (__atomic_compare_exchange_n(&word->value, &old, old + 1,
						true, __ATOMIC_RELEASE,
						__ATOMIC_RELAXED))
			return true;
	return false;
}

/**
 * kipc_msem_timedwait() - P: take 1, and sleep until there is something
 * @sem: the set
 * @index: the counter
 * @deadline_ns: when to give up; 0: never
 *
 * Return: 0; -ETIMEDOUT, -ERANGE (index), or see above.  -EAGAIN rather than sleep
 * if the handle is O_NONBLOCK.
 */
static inline int kipc_msem_timedwait(struct kipc_msem *sem, uint32_t index,
				      uint64_t deadline_ns)
{
	if (__builtin_expect(index >= sem->count, 0))
		return -ERANGE;
	if (__builtin_expect(kipc_word_take(&sem->words[index]), 1))
		return 0;
	return kipc_mapped_ask(sem->fd, index, -1, 0, deadline_ns);
}

/** kipc_msem_wait() - kipc_msem_timedwait() without a deadline */
static inline int kipc_msem_wait(struct kipc_msem *sem, uint32_t index)
{
	return kipc_msem_timedwait(sem, index, 0);
}

/**
 * kipc_msem_trywait() - P, or nothing
 * @sem: the set
 * @index: the counter
 *
 * Asks the kernel only where it must know: in vain it costs nothing as long as
 * nobody else waits.
 *
 * Return: 0; -EAGAIN, -ERANGE (index), or see above.
 */
static inline int kipc_msem_trywait(struct kipc_msem *sem, uint32_t index)
{
	struct kipc_sem_word *word;

	if (__builtin_expect(index >= sem->count, 0))
		return -ERANGE;
	word = &sem->words[index];
	if (__builtin_expect(kipc_word_take(word), 1))
		return 0;
	if (!__atomic_load_n(&word->value, __ATOMIC_RELAXED))
		return -EAGAIN;
	return kipc_mapped_ask(sem->fd, index, -1, KIPC_SEM_NONBLOCK, 0);
}

/**
 * kipc_msem_post() - V: add 1, or give it to the one who has waited longest
 * @sem: the set
 * @index: the counter
 *
 * Return: 0; -EOVERFLOW, -ERANGE (index), or see above.
 */
static inline int kipc_msem_post(struct kipc_msem *sem, uint32_t index)
{
	if (__builtin_expect(index >= sem->count, 0))
		return -ERANGE;
	if (__builtin_expect(kipc_word_give(&sem->words[index], sem->max), 1))
		return 0;
	return kipc_mapped_ask(sem->fd, index, 1, 0, 0);
}

/** kipc_msem_value() - what a counter held a moment ago; @index must be one */
static inline uint32_t kipc_msem_value(const struct kipc_msem *sem,
				       uint32_t index)
{
	return __atomic_load_n(&sem->words[index].value, __ATOMIC_RELAXED) &
	       ~KIPC_SEM_WORD_ASK;
}

/* From one value to another. */
static inline bool kipc_word_change(struct kipc_sem_word *word, uint32_t from,
				    uint32_t to, int order)
{
	/* Not the weak one: what fails here is a system call. */
	return __atomic_compare_exchange_n(&word->value, &from, to, false,
					   order, __ATOMIC_RELAXED);
}

/**
 * kipc_mmutex_timedlock() - lock, and sleep until that can be done
 * @mutex: the set
 * @index: the mutex
 * @deadline_ns: when to give up; 0: never
 *
 * Return: 0; -EOWNERDEAD: the caller has it, and is to put in order what its
 * owner left when he died, see kipc_mmutex_consistent(); -EDEADLK: the caller's
 * process has it already; -ENOTRECOVERABLE; -ETIMEDOUT, -ERANGE (index), or see
 * above.  -EAGAIN rather than sleep if the handle is O_NONBLOCK.
 */
static inline int kipc_mmutex_timedlock(struct kipc_mmutex *mutex,
					uint32_t index, uint64_t deadline_ns)
{
	if (__builtin_expect(index >= mutex->count, 0))
		return -ERANGE;
	if (__builtin_expect(kipc_word_change(&mutex->words[index], 0,
					      mutex->token,
					      __ATOMIC_ACQUIRE), 1))
		return 0;
	return kipc_mapped_ask(mutex->fd, index, -1, 0, deadline_ns);
}

/** kipc_mmutex_lock() - kipc_mmutex_timedlock() without a deadline */
static inline int kipc_mmutex_lock(struct kipc_mmutex *mutex, uint32_t index)
{
	return kipc_mmutex_timedlock(mutex, index, 0);
}

/**
 * kipc_mmutex_trylock() - lock, or nothing
 * @mutex: the set
 * @index: the mutex
 *
 * Whether the owner lives only the kernel knows: in vain it is a system call.
 *
 * Return: as kipc_mmutex_timedlock(), and -EAGAIN.
 */
static inline int kipc_mmutex_trylock(struct kipc_mmutex *mutex,
				      uint32_t index)
{
	if (__builtin_expect(index >= mutex->count, 0))
		return -ERANGE;
	if (__builtin_expect(kipc_word_change(&mutex->words[index], 0,
					      mutex->token,
					      __ATOMIC_ACQUIRE), 1))
		return 0;
	return kipc_mapped_ask(mutex->fd, index, -1, KIPC_SEM_NONBLOCK, 0);
}

/**
 * kipc_mmutex_unlock() - unlock, or hand to the one who has waited longest
 * @mutex: the set
 * @index: the mutex
 *
 * After -EOWNERDEAD and without kipc_mmutex_consistent() nobody can lock it any
 * more: -ENOTRECOVERABLE.
 *
 * Return: 0; -EPERM: the caller's process does not have it; -ERANGE (index), or
 * see above.
 */
static inline int kipc_mmutex_unlock(struct kipc_mmutex *mutex, uint32_t index)
{
	if (__builtin_expect(index >= mutex->count, 0))
		return -ERANGE;
	if (__builtin_expect(kipc_word_change(&mutex->words[index],
					      mutex->token, 0,
					      __ATOMIC_RELEASE), 1))
		return 0;
	return kipc_mapped_ask(mutex->fd, index, 1, 0, 0);
}

#ifdef __cplusplus
}
#endif

#endif /* KIPC_MAPPED_SEMAPHORE_H */
