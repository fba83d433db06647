// SPDX-License-Identifier: GPL-2.0
/*
 * Waiting on the words of mapped sets: who is served when, what ends a wait, and
 * that no wake-up is lost between those who never ask the kernel and those who
 * sleep there.
 */
#include <sched.h>

#include "kselftest_harness.h"
#include "mapped_semaphore_util.h"

#define SLEEPERS	5

FIXTURE(wait) {
	struct kipc_msem sem;
	struct sem_call call;	/* a P on counter 0 */
};

FIXTURE_SETUP(wait)
{
	ASSERT_EQ(0, mapped_sem(&self->sem, 2, 0, 0));
	self->call = (struct sem_call){ .fd = self->sem.fd, .delta = -1 };
}

FIXTURE_TEARDOWN(wait)
{
}

/* Each V, in user space, is for the one who came first; none is for latecomers. */
TEST_F(wait, in_order_of_arrival)
{
	struct sem_call calls[SLEEPERS];
	uint32_t i, k;

	for (i = 0; i < SLEEPERS; i++) {
		calls[i] = self->call;
		ASSERT_EQ(0, sem_call_asleep(&calls[i]));
		EXPECT_EQ(ASK, mapped_word(self->sem.words, 0));
		EXPECT_EQ(i + 1, sem_waiting(self->sem.fd, 0));
	}
	for (i = 0; i < SLEEPERS; i++) {
		EXPECT_EQ(-EAGAIN, kipc_msem_trywait(&self->sem, 0));
		EXPECT_EQ(0, kipc_msem_post(&self->sem, 0));
		EXPECT_EQ(0, kipc_msem_value(&self->sem, 0));
		EXPECT_EQ(0, sem_call_wait(&calls[i]));
		for (k = i + 1; k < SLEEPERS; k++)
			EXPECT_FALSE(sem_call_ended(&calls[k]));
		EXPECT_EQ(SLEEPERS - 1 - i, sem_waiting(self->sem.fd, 0));
	}
	/* Nobody is left to be asked for. */
	EXPECT_EQ(0, mapped_word(self->sem.words, 0));
	EXPECT_EQ(0, mapped_word(self->sem.words, 1));
}

TEST_F(wait, set_serves)
{
	struct sem_call calls[SLEEPERS];
	uint32_t i;

	for (i = 0; i < SLEEPERS; i++) {
		calls[i] = self->call;
		ASSERT_EQ(0, sem_call_asleep(&calls[i]));
	}
	ASSERT_EQ(0, sem_set(self->sem.fd, 0, 2));
	EXPECT_EQ(0, sem_call_wait(&calls[0]));
	EXPECT_EQ(0, sem_call_wait(&calls[1]));
	EXPECT_EQ(SLEEPERS - 2, sem_sleepers(self->sem.fd));
	ASSERT_EQ(0, sem_set(self->sem.fd, 0, SLEEPERS));
	for (i = 2; i < SLEEPERS; i++)
		EXPECT_EQ(0, sem_call_wait(&calls[i]));
	EXPECT_EQ(2, mapped_word(self->sem.words, 0));
}

TEST_F(wait, deadline)
{
	uint64_t start = now_ns(), deadline = in_ms(50);

	EXPECT_EQ(-ETIMEDOUT, kipc_msem_timedwait(&self->sem, 0, deadline));
	EXPECT_LE(deadline, now_ns());
	EXPECT_GE(start + PATIENCE_NS, now_ns());
	/* It took the mark along. */
	EXPECT_EQ(0, mapped_word(self->sem.words, 0));
	EXPECT_EQ(0, sem_sleepers(self->sem.fd));
	/* One that has passed is none if there is something. */
	EXPECT_EQ(0, kipc_msem_post(&self->sem, 0));
	EXPECT_EQ(0, kipc_msem_timedwait(&self->sem, 0, 1));
	EXPECT_EQ(0, sem_set(self->sem.fd, 0, 1));
	EXPECT_EQ(0, sem_op_until(self->sem.fd, 0, -1, 0, 1));
}

TEST_F(wait, no_wait_on_a_handle_that_says_so)
{
	int fd = self->sem.fd;

	ASSERT_EQ(0, fcntl(fd, F_SETFL, O_NONBLOCK));
	EXPECT_EQ(-EAGAIN, kipc_msem_wait(&self->sem, 0));
	EXPECT_EQ(0, mapped_word(self->sem.words, 0));
}

TEST_F(wait, a_signal_ends_it)
{
	catch_signal(SIGUSR1, 0);
	ASSERT_EQ(0, sem_call_asleep(&self->call));
	pthread_kill(self->call.thread, SIGUSR1);
	EXPECT_EQ(-EINTR, sem_call_wait(&self->call));
	EXPECT_EQ(0, mapped_word(self->sem.words, 0));
}

static uint64_t sleeps_of(int fd)
{
	struct kipc_semaphore_stat st;

	return sem_stat(fd, &st) ? 0 : st.sleeps;
}

TEST_F(wait, a_signal_that_restarts)
{
	catch_signal(SIGUSR1, SA_RESTART);
	ASSERT_EQ(0, sem_call_asleep(&self->call));
	pthread_kill(self->call.thread, SIGUSR1);
	/* Counted when it ends; then he sleeps again. */
	ASSERT_TRUE(wait_for(sleeps_of(self->sem.fd) == 1));
	ASSERT_TRUE(wait_for(sem_waiting(self->sem.fd, 0) == 1));
	EXPECT_EQ(0, kipc_msem_post(&self->sem, 0));
	EXPECT_EQ(0, sem_call_wait(&self->call));
	EXPECT_EQ(0, mapped_word(self->sem.words, 0));
}

TEST_F(wait, a_token_is_not_lost_to_a_signal)
{
	unsigned long rounds = scaled_rounds(1000), i;

	catch_signal(SIGUSR1, 0);
	for (i = 0; i < rounds; i++) {
		ASSERT_EQ(0, sem_call_start(&self->call));
		if (i % 3)
			ASSERT_TRUE(wait_for(sem_waiting(self->sem.fd, 0)));
		if (i & 1)
			pthread_kill(self->call.thread, SIGUSR1);
		ASSERT_EQ(0, kipc_msem_post(&self->sem, 0));
		if (!(i & 1))
			pthread_kill(self->call.thread, SIGUSR1);
		sem_call_wait(&self->call);
		if (self->call.ret) {
			ASSERT_EQ(-EINTR, self->call.ret);
			ASSERT_EQ(0, kipc_msem_trywait(&self->sem, 0));
		}
		ASSERT_EQ(0, kipc_msem_value(&self->sem, 0));
	}
}

/* Gives when the deadline is over that it is told, to the microsecond. */
static pid_t start_late_giver(struct kipc_msem *sem, uint64_t *deadline)
{
	uint64_t seen = 0, next, rnd = 1;
	pid_t pid = kipc_fork();

	while (!pid) {
		next = __atomic_load_n(deadline, __ATOMIC_ACQUIRE);
		if (next == seen || now_ns() < next)
			continue;
		seen = next;
		next += kipc_rand(&rnd) % 30000;
		while (now_ns() < next)
			;
		CHILD_EQ(0, kipc_msem_post(sem, 0));
	}
	return pid;
}

/*
 * Handed over when the deadline has passed, but before he took the lock to leave:
 * then he has it, and is told so.
 */
TEST_F(wait, a_token_is_not_lost_to_a_deadline)
{
	unsigned long rounds = scaled_rounds(40000), i;
	uint64_t *deadline = kipc_shared(4096);
	pid_t pid;
	int ret;

	ASSERT_NE(NULL, deadline);
	pid = start_late_giver(&self->sem, deadline);
	for (i = 0; i < rounds; i++) {
		uint64_t end = now_ns() + 200000;

		__atomic_store_n(deadline, end, __ATOMIC_RELEASE);
		ret = kipc_msem_timedwait(&self->sem, 0, end);
		if (ret == -ETIMEDOUT)
			ret = kipc_msem_timedwait(&self->sem, 0,
						  now_ns() + PATIENCE_NS);
		ASSERT_EQ(0, ret)
			TH_LOG("round %lu", i);
		ASSERT_EQ(0, kipc_msem_value(&self->sem, 0));
	}
	EXPECT_TRUE(sem_kill(pid));
}

TEST_F(wait, destroyed)
{
	ASSERT_EQ(0, sem_call_asleep(&self->call));
	ASSERT_EQ(0, kipc_destroy(self->sem.fd));
	EXPECT_EQ(-EIDRM, sem_call_wait(&self->call));
	EXPECT_EQ(-EIDRM, kipc_msem_post(&self->sem, 0));
}

/* Counter 0 is the way there, counter 1 the way back. */
TEST_F(wait, ping_pong)
{
	unsigned long rounds = scaled_rounds(20000), i;
	pid_t pid = kipc_fork();

	if (!pid) {
		for (i = 0; i < rounds; i++) {
			CHILD_EQ(0, kipc_msem_wait(&self->sem, 0));
			CHILD_EQ(0, kipc_msem_post(&self->sem, 1));
		}
		_exit(0);
	}
	for (i = 0; i < rounds; i++) {
		ASSERT_EQ(0, kipc_msem_post(&self->sem, 0));
		ASSERT_EQ(0, kipc_msem_timedwait(&self->sem, 1,
						 now_ns() + PATIENCE_NS))
			TH_LOG("round %lu", i);
	}
	EXPECT_EQ(0, kipc_reap(pid));
	EXPECT_EQ(0, mapped_word(self->sem.words, 0));
	EXPECT_EQ(0, mapped_word(self->sem.words, 1));
}

#define PAIRS		3

/* What some give others take, as fast as they can; no more and no less. */
TEST_F(wait, givers_and_takers)
{
	unsigned long rounds = scaled_rounds(50000), i;
	pid_t pid[2 * PAIRS];
	int k;

	for (k = 0; k < 2 * PAIRS; k++) {
		pid[k] = kipc_fork();
		if (pid[k])
			continue;
		for (i = 0; i < rounds; i++) {
			if (k & 1)
				CHILD_EQ(0, kipc_msem_post(&self->sem, 0));
			else
				CHILD_EQ(0, kipc_msem_wait(&self->sem, 0));
		}
		_exit(0);
	}
	for (k = 0; k < 2 * PAIRS; k++)
		EXPECT_EQ(0, sem_child_end(pid[k]));
	EXPECT_EQ(0, mapped_word(self->sem.words, 0));
}

/* What the processes of a test share beside the set. */
struct section {
	uint32_t inside;
	uint32_t two_at_once;
	uint64_t total;		/* nothing but the set guards it */
};

static void visit(struct section *s, unsigned long round)
{
	if (word_add(&s->inside, 1) != 1)
		word_add(&s->two_at_once, 1);
	s->total++;
	/* Now and then somebody else runs meanwhile, and has to sleep. */
	if (!(round % 64))
		sched_yield();
	word_add(&s->inside, -1);
}

#define VISITORS	4

FIXTURE(exclusion) {
	struct section *s;
	pid_t pid[VISITORS];
	unsigned long rounds;
};

FIXTURE_SETUP(exclusion)
{
	self->s = kipc_shared(sizeof(*self->s));
	ASSERT_NE(NULL, self->s);
	self->rounds = scaled_rounds(30000);
}

FIXTURE_TEARDOWN(exclusion)
{
	int k;

	for (k = 0; k < VISITORS; k++)
		EXPECT_EQ(0, sem_child_end(self->pid[k]));
	EXPECT_EQ(0, self->s->two_at_once);
	EXPECT_EQ(VISITORS * self->rounds, self->s->total);
}

TEST_F_TIMEOUT(exclusion, by_a_counter, 300)
{
	struct kipc_msem sem;
	unsigned long i;
	int k;

	ASSERT_EQ(0, mapped_sem(&sem, 1, 1, 1));
	for (k = 0; k < VISITORS; k++) {
		self->pid[k] = kipc_fork();
		if (self->pid[k])
			continue;
		for (i = 0; i < self->rounds; i++) {
			CHILD_EQ(0, kipc_msem_wait(&sem, 0));
			visit(self->s, i);
			CHILD_EQ(0, kipc_msem_post(&sem, 0));
		}
		_exit(0);
	}
}

TEST_F_TIMEOUT(exclusion, by_a_mutex, 300)
{
	struct kipc_mmutex mutex;
	unsigned long i;
	int k;

	ASSERT_EQ(0, mapped_mutex(&mutex, 3));
	for (k = 0; k < VISITORS; k++) {
		self->pid[k] = kipc_fork();
		if (self->pid[k])
			continue;
		CHILD_EQ(0, mapped_again(&mutex));
		for (i = 0; i < self->rounds; i++) {
			CHILD_EQ(0, kipc_mmutex_lock(&mutex, 2));
			visit(self->s, i);
			CHILD_EQ(0, kipc_mmutex_unlock(&mutex, 2));
		}
		_exit(0);
	}
}

/* A mutex goes from process to process in order of arrival. */
TEST(mutex_in_order_of_arrival)
{
	struct kipc_mmutex mutex;
	uint32_t *turn = kipc_shared(4096), k;
	pid_t pid[SLEEPERS];

	ASSERT_NE(NULL, turn);
	ASSERT_EQ(0, mapped_mutex(&mutex, 1));
	ASSERT_EQ(0, kipc_mmutex_lock(&mutex, 0));
	for (k = 0; k < SLEEPERS; k++) {
		pid[k] = kipc_fork();
		if (!pid[k]) {
			CHILD_EQ(0, mapped_again(&mutex));
			CHILD_EQ(0, kipc_mmutex_lock(&mutex, 0));
			CHILD_EQ(k + 1, word_add(turn, 1));
			CHILD_EQ(0, kipc_mmutex_unlock(&mutex, 0));
			_exit(0);
		}
		ASSERT_TRUE(wait_for(sem_waiting(mutex.fd, 0) == k + 1));
	}
	EXPECT_EQ(mutex.token | ASK, mapped_word(mutex.words, 0));
	EXPECT_EQ(0, kipc_mmutex_unlock(&mutex, 0));
	for (k = 0; k < SLEEPERS; k++)
		EXPECT_EQ(0, kipc_reap(pid[k]));
	EXPECT_EQ(0, mapped_word(mutex.words, 0));
}

TEST(unrecoverable_ends_all_waits)
{
	struct kipc_mmutex mutex;
	pid_t pid[SLEEPERS];
	uint32_t k;

	ASSERT_EQ(0, mapped_mutex(&mutex, 1));
	ASSERT_EQ(0, kipc_mmutex_lock(&mutex, 0));
	for (k = 0; k < SLEEPERS; k++) {
		pid[k] = kipc_fork();
		if (!pid[k]) {
			CHILD_EQ(0, mapped_again(&mutex));
			CHILD_EQ(-ENOTRECOVERABLE, kipc_mmutex_lock(&mutex, 0));
			_exit(0);
		}
	}
	ASSERT_TRUE(wait_for(sem_waiting(mutex.fd, 0) == SLEEPERS));
	EXPECT_EQ(0, kipc_mmutex_unrecoverable(&mutex, 0));
	for (k = 0; k < SLEEPERS; k++)
		EXPECT_EQ(0, kipc_reap(pid[k]));
}

TEST_HARNESS_MAIN
