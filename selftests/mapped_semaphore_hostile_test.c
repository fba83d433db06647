// SPDX-License-Identifier: GPL-2.0
/*
 * What somebody writes into the page who should not: that harms the users of the
 * set and nobody else, and however bad it is a wait ends by its deadline, a signal
 * or the end of the set.
 */
#include <poll.h>
#include <sched.h>

#include "kselftest_harness.h"
#include "mapped_semaphore_util.h"

#define COUNT		4
#define VICTIMS		3
#define DEAD		KIPC_SEM_WORD_DEAD

/* One word, written while nothing else happens. */
FIXTURE(word) {
	struct kipc_msem sem;
	struct kipc_mmutex mutex;
};

FIXTURE_SETUP(word)
{
	ASSERT_EQ(0, mapped_sem(&self->sem, 1, 0, 10));
	ASSERT_EQ(0, mapped_mutex(&self->mutex, 1));
}

FIXTURE_TEARDOWN(word)
{
	EXPECT_EQ(0, sem_sleepers(self->sem.fd));
	EXPECT_EQ(0, sem_sleepers(self->mutex.fd));
}

TEST_F(word, the_mark_taken_from_a_sleeper)
{
	struct sem_call call = { .fd = self->sem.fd, .delta = -1,
				 .deadline_ns = in_ms(300) };

	ASSERT_EQ(0, sem_call_asleep(&call));
	mapped_scribble(self->sem.words, 0, 0);
	/* So this goes past him, and past the kernel. */
	EXPECT_EQ(0, kipc_msem_post(&self->sem, 0));
	EXPECT_EQ(-ETIMEDOUT, sem_call_wait(&call));
	EXPECT_EQ(1, mapped_word(self->sem.words, 0));
}

/* The next one who asks finds out, and lets the one before him go first. */
TEST_F(word, a_value_beside_a_sleeper)
{
	struct sem_call call = { .fd = self->sem.fd, .delta = -1 };

	ASSERT_EQ(0, sem_call_asleep(&call));
	mapped_scribble(self->sem.words, 0, ASK | 1);
	EXPECT_EQ(-EAGAIN, sem_try(self->sem.fd, 0, -1));
	EXPECT_EQ(0, sem_call_wait(&call));
	EXPECT_EQ(0, mapped_word(self->sem.words, 0));
}

TEST_F(word, a_free_mutex_beside_a_sleeper)
{
	struct kipc_mmutex *m = &self->mutex;
	pid_t pid;

	ASSERT_EQ(0, kipc_mmutex_lock(m, 0));
	pid = kipc_fork();
	if (!pid) {
		CHILD_EQ(0, mapped_again(m));
		CHILD_EQ(0, kipc_mmutex_lock(m, 0));
		CHILD_EQ(0, kipc_mmutex_unlock(m, 0));
		_exit(0);
	}
	ASSERT_TRUE(wait_for(sem_waiting(m->fd, 0) == 1));
	mapped_scribble(m->words, 0, ASK);
	EXPECT_EQ(0, kipc_mmutex_timedlock(m, 0, now_ns() + PATIENCE_NS));
	EXPECT_EQ(0, kipc_reap(pid));
	EXPECT_EQ(0, kipc_mmutex_unlock(m, 0));
}

TEST_F(word, a_value_beyond_max)
{
	mapped_scribble(self->sem.words, 0, 1000);
	EXPECT_EQ(-EOVERFLOW, kipc_msem_post(&self->sem, 0));
	EXPECT_EQ(0, kipc_msem_wait(&self->sem, 0));
	EXPECT_EQ(999, sem_value(self->sem.fd, 0));
	mapped_scribble(self->sem.words, 0, UINT32_MAX);
	EXPECT_EQ(-EOVERFLOW, kipc_msem_post(&self->sem, 0));
	EXPECT_EQ(0, kipc_msem_wait(&self->sem, 0));
	EXPECT_EQ(0, sem_set(self->sem.fd, 0, 1));
	EXPECT_EQ(1, mapped_word(self->sem.words, 0));
}

/* Nobody has such a token, so nobody is waited for. */
TEST_F(word, an_owner_that_is_none)
{
	struct kipc_mmutex *m = &self->mutex;

	mapped_scribble(m->words, 0, m->token + 1000);
	EXPECT_EQ(KIPC_MUTEX_OWNER_DEAD, sem_counter(m->fd, 0).state);
	EXPECT_EQ(-EPERM, kipc_mmutex_unlock(m, 0));
	EXPECT_EQ(-EOWNERDEAD, kipc_mmutex_lock(m, 0));
	EXPECT_EQ(0, kipc_mmutex_consistent(m, 0));
	EXPECT_EQ(0, kipc_mmutex_unlock(m, 0));
	EXPECT_EQ(0, mapped_word(m->words, 0));
}

TEST_F(word, the_token_of_somebody_else)
{
	struct kipc_mmutex *m = &self->mutex;
	pid_t pid = kipc_fork();

	if (!pid) {
		CHILD_EQ(0, mapped_again(m));
		mapped_scribble(m->words, 0, m->token);
		pause();
	}
	ASSERT_TRUE(wait_for(mapped_word(m->words, 0)));
	EXPECT_EQ(-EPERM, kipc_mmutex_unlock(m, 0));
	EXPECT_EQ(-ETIMEDOUT, kipc_mmutex_timedlock(m, 0, in_ms(20)));
	ASSERT_TRUE(sem_kill(pid));
	EXPECT_EQ(-EOWNERDEAD, kipc_mmutex_lock(m, 0));
}

TEST_F(word, a_mutex_said_to_be_dead)
{
	struct kipc_mmutex *m = &self->mutex;

	mapped_scribble(m->words, 0, DEAD | OWNER_DEAD);
	EXPECT_EQ(-ENOTRECOVERABLE, kipc_mmutex_lock(m, 0));
	EXPECT_EQ(-EPERM, kipc_mmutex_unlock(m, 0));
	EXPECT_EQ(0, sem_set(m->fd, 0, 1));
	EXPECT_EQ(0, kipc_mmutex_lock(m, 0));
	EXPECT_EQ(0, kipc_mmutex_unlock(m, 0));
}

/* Somebody writes all the time, and all others go about their business. */
struct scene {
	struct kipc_msem sem;
	struct kipc_mmutex mutex;
	struct kipc_msem other;		/* that he has not */
	uint64_t total;			/* what @other guards */
	uint32_t calls;			/* that came back */
};

FIXTURE(storm) {
	struct scene *s;
	pid_t writer;
	pid_t victim[VICTIMS];
};

static uint32_t nasty(uint64_t *rnd, uint32_t token)
{
	const uint32_t values[] = { 0, 1, ASK, ASK | 1, OWNER_DEAD, DEAD,
				    UINT32_MAX, token, token | ASK,
				    token | OWNER_DEAD, token + 1, token + 2,
				    (token + 1) | ASK };

	if (kipc_rand(rnd) % 4 == 0)
		return kipc_rand(rnd);
	return values[kipc_rand(rnd) % (sizeof(values) / sizeof(*values))];
}

/* What is reserved, too. */
static pid_t start_writer(struct scene *s, uint64_t rnd)
{
	uint32_t *sem, *mutex, at;
	pid_t pid = kipc_fork();

	if (pid)
		return pid;
	CHILD_EQ(0, mapped_again(&s->mutex));
	sem = &s->sem.words->value;
	mutex = &s->mutex.words->value;
	for (;;) {
		at = kipc_rand(&rnd) % 1024;
		if (kipc_rand(&rnd) % 4)
			at = at % COUNT * 16;
		__atomic_store_n(&sem[at], nasty(&rnd, 1), __ATOMIC_RELAXED);
		__atomic_store_n(&mutex[at], nasty(&rnd, s->mutex.token),
				 __ATOMIC_RELAXED);
	}
}

static bool may_be(int ret)
{
	switch (ret) {
	case 0:
	case -EAGAIN:
	case -ETIMEDOUT:
	case -EOVERFLOW:
	case -EPERM:
	case -EINVAL:
	case -EDEADLK:
	case -EOWNERDEAD:
	case -ENOTRECOVERABLE:
		return true;
	}
	return false;
}

static int victim_call(struct scene *s, uint32_t what, uint32_t i)
{
	struct pollfd polled = { .fd = what & 1 ? s->sem.fd : s->mutex.fd,
				 .events = POLLIN };
	struct kipc_sem_counter counters[COUNT];
	uint64_t soon = now_ns() + 200000;

	switch (what) {
	case 0: return kipc_msem_timedwait(&s->sem, i, soon);
	case 1: return kipc_msem_post(&s->sem, i);
	case 2: return kipc_msem_trywait(&s->sem, i);
	case 3: return kipc_mmutex_timedlock(&s->mutex, i, soon);
	case 4: return kipc_mmutex_trylock(&s->mutex, i);
	case 5: return kipc_mmutex_unlock(&s->mutex, i);
	case 6: return kipc_mmutex_consistent(&s->mutex, i);
	case 7: return kipc_mmutex_unrecoverable(&s->mutex, i);
	case 8: return sem_set(s->sem.fd, i, 1);
	case 9: return sem_set(s->mutex.fd, i, 1);
	case 10: return sem_get_all(s->mutex.fd, 0, counters, COUNT);
	case 11: return sem_get_all(s->sem.fd, 0, counters, COUNT);
	case 12: return sem_op_until(s->sem.fd, i, -1, 0, soon);
	case 13: return sem_op(s->mutex.fd, i, 1, 0);
	}
	return poll(&polled, 1, 1) < 0 ? -errno : 0;
}

static pid_t start_victim(struct scene *s, uint64_t rnd)
{
	pid_t pid = kipc_fork();
	int ret;

	if (pid)
		return pid;
	CHILD_EQ(0, mapped_again(&s->mutex));
	for (;;) {
		ret = victim_call(s, kipc_rand(&rnd) % 16,
				  kipc_rand(&rnd) % COUNT);
		CHILD_CHECK(may_be(ret));
		word_add(&s->calls, 1);
		CHILD_EQ(0, kipc_msem_wait(&s->other, 0));
		s->total++;
		CHILD_EQ(0, kipc_msem_post(&s->other, 0));
	}
}

FIXTURE_SETUP(storm)
{
	uint64_t rnd = kipc_seed();
	int k;

	self->s = kipc_shared(sizeof(*self->s));
	ASSERT_NE(NULL, self->s);
	ASSERT_EQ(0, mapped_sem(&self->s->sem, COUNT, 1, 5));
	ASSERT_EQ(0, mapped_mutex(&self->s->mutex, COUNT));
	ASSERT_EQ(0, mapped_sem(&self->s->other, 1, 1, 1));
	for (k = 0; k < VICTIMS; k++)
		self->victim[k] = start_victim(self->s, rnd + 2 * k);
	self->writer = start_writer(self->s, rnd);
}

FIXTURE_TEARDOWN(storm)
{
}

/* Each of them comes back, again and again; and then all is as it was made. */
TEST_F_TIMEOUT(storm, nobody_hangs, 300)
{
	uint32_t calls = scaled_rounds(100000), i;
	struct scene *s = self->s;
	uint64_t rnd = kipc_seed();
	int k, status;

	while (word_get(&s->calls) < calls) {
		uint32_t before = word_get(&s->calls);

		ASSERT_TRUE(wait_for(word_get(&s->calls) > before));
		for (k = 0; k < VICTIMS; k++)
			ASSERT_EQ(0, waitpid(self->victim[k], &status,
					     WNOHANG));
	}
	for (k = 0; k < VICTIMS; k++) {
		usleep(kipc_rand(&rnd) % 2000);
		EXPECT_TRUE(sem_kill(self->victim[k]));
	}
	EXPECT_TRUE(sem_kill(self->writer));
	for (i = 0; i < COUNT; i++) {
		EXPECT_EQ(0, sem_set(s->sem.fd, i, 1));
		EXPECT_EQ(0, sem_set(s->mutex.fd, i, 1));
		EXPECT_EQ(0, kipc_mmutex_lock(&s->mutex, i));
		EXPECT_EQ(0, kipc_mmutex_unlock(&s->mutex, i));
		EXPECT_EQ(0, kipc_msem_trywait(&s->sem, i));
		EXPECT_EQ(-EAGAIN, kipc_msem_trywait(&s->sem, i));
	}
	EXPECT_EQ(0, sem_sleepers(s->sem.fd));
	EXPECT_EQ(0, sem_sleepers(s->mutex.fd));
	/* One of them may have been killed with it. */
	EXPECT_GE(1, mapped_word(s->other.words, 0) & ~ASK);
	EXPECT_LE(word_get(&s->calls) - VICTIMS, s->total);
	EXPECT_GE(word_get(&s->calls), s->total);
}

/* Each of the calls sleeps, or was lucky. */
static bool all_settled(struct scene *s, struct sem_call *calls, uint32_t count)
{
	uint32_t ended = 0, i;

	for (i = 0; i < count; i++)
		ended += sem_call_ended(&calls[i]);
	return sem_sleepers(s->sem.fd) + sem_sleepers(s->mutex.fd) + ended ==
	       count;
}

/* Those who sleep for ever, with the words gone wild: the end wakes them. */
TEST_F_TIMEOUT(storm, destroy_ends_all_waits, 300)
{
	struct sem_call calls[2 * COUNT];
	struct scene *s = self->s;
	uint32_t i;

	for (i = 0; i < VICTIMS; i++)
		EXPECT_TRUE(sem_kill(self->victim[i]));
	for (i = 0; i < 2 * COUNT; i++) {
		calls[i] = (struct sem_call){
			.fd = i & 1 ? s->sem.fd : s->mutex.fd,
			.index = i / 2,
			.delta = -1,
		};
		ASSERT_EQ(0, sem_call_start(&calls[i]));
	}
	EXPECT_TRUE(wait_for(all_settled(s, calls, 2 * COUNT)));
	EXPECT_EQ(0, kipc_destroy(s->sem.fd));
	EXPECT_EQ(0, kipc_destroy(s->mutex.fd));
	for (i = 0; i < 2 * COUNT; i++) {
		int ret = sem_call_wait(&calls[i]);

		EXPECT_TRUE(ret == -EIDRM || may_be(ret))
			TH_LOG("call %u: %d", i, ret);
	}
	EXPECT_TRUE(sem_kill(self->writer));
}

TEST_HARNESS_MAIN
