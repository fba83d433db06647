// SPDX-License-Identifier: GPL-2.0
/*
 * SIGKILL at any moment: with a mutex that the kernel never heard of, while
 * waiting, between being served and running.
 */
#include <sched.h>

#include "kselftest_harness.h"
#include "mapped_semaphore_util.h"

#define ROUNDS		1000
#define SURVIVORS	2

/* What all processes of a test see. */
struct section {
	uint32_t inside;	/* who is in the section; 0: nobody */
	uint32_t two_at_once;
	uint32_t wrong;		/* results that cannot be */
	uint32_t visits;	/* by survivors */
	uint32_t inherited;	/* EOWNERDEAD */
	uint32_t victim_in;	/* pid of the last victim that got in */
};

FIXTURE(holder) {
	struct kipc_mmutex mutex;
	struct section *s;
};

FIXTURE_SETUP(holder)
{
	ASSERT_EQ(0, mapped_mutex(&self->mutex, 3));
	self->s = kipc_shared(sizeof(*self->s));
	ASSERT_NE(NULL, self->s);
}

FIXTURE_TEARDOWN(holder)
{
}

/* Is in the section for so many looks, and looks out for others. */
static void stay_inside(struct section *s, uint32_t looks)
{
	uint32_t me = getpid();

	word_set(&s->inside, me);
	while (looks--)
		if (word_get(&s->inside) != me)
			word_add(&s->two_at_once, 1);
}

/*
 * EOWNERDEAD if and only if the last one in the section did not come out; who
 * gets it was the first to know.
 */
static void enter(struct section *s, struct kipc_mmutex *mutex, int ret)
{
	if (ret == -EOWNERDEAD) {
		word_add(&s->inherited, 1);
		CHILD_EQ(0, kipc_mmutex_consistent(mutex, 1));
	} else if (ret || word_get(&s->inside)) {
		word_add(&s->wrong, 1);
	}
}

static pid_t start_survivor(struct kipc_mmutex *mutex, struct section *s)
{
	pid_t pid = kipc_fork();
	int ret;

	if (pid)
		return pid;
	CHILD_EQ(0, mapped_again(mutex));
	for (;;) {
		ret = kipc_mmutex_lock(mutex, 1);
		if (ret == -EIDRM)
			_exit(0);
		enter(s, mutex, ret);
		stay_inside(s, 20);
		word_add(&s->visits, 1);
		word_set(&s->inside, 0);
		ret = kipc_mmutex_unlock(mutex, 1);
		if (ret == -EIDRM)
			_exit(0);
		CHILD_EQ(0, ret);
		sched_yield();
	}
}

/* A process that gets in and never comes out. */
static pid_t start_victim(struct kipc_mmutex *mutex, struct section *s)
{
	pid_t pid = kipc_fork();

	if (pid)
		return pid;
	CHILD_EQ(0, mapped_again(mutex));
	enter(s, mutex, kipc_mmutex_lock(mutex, 1));
	word_set(&s->victim_in, getpid());
	for (;;)
		stay_inside(s, 1000);
}

/* So that what follows comes at any moment. */
static void random_pause(uint64_t *rnd, uint32_t us)
{
	usleep(kipc_rand(rnd) % us);
}

TEST_F_TIMEOUT(holder, killed_inside, 400)
{
	unsigned long rounds = scaled_rounds(ROUNDS / 2), i;
	struct section *s = self->s;
	uint64_t rnd = kipc_seed();
	pid_t survivor[SURVIVORS], victim;
	uint32_t visits;
	int k;

	for (k = 0; k < SURVIVORS; k++)
		survivor[k] = start_survivor(&self->mutex, s);
	for (i = 0; i < rounds; i++) {
		victim = start_victim(&self->mutex, s);
		ASSERT_TRUE(wait_for(word_get(&s->victim_in) ==
				     (uint32_t)victim));
		visits = word_get(&s->visits);
		random_pause(&rnd, 500);
		/* Nobody came in beside him. */
		EXPECT_EQ(visits, word_get(&s->visits));
		ASSERT_TRUE(sem_kill(victim));
		ASSERT_TRUE(wait_for(word_get(&s->visits) > visits))
			TH_LOG("round %lu", i);
		EXPECT_EQ(i + 1, word_get(&s->inherited));
	}
	ASSERT_EQ(0, kipc_destroy(self->mutex.fd));
	for (k = 0; k < SURVIVORS; k++)
		EXPECT_EQ(0, kipc_reap(survivor[k]));
	EXPECT_EQ(rounds, s->inherited);
	EXPECT_EQ(0, s->two_at_once);
	EXPECT_EQ(0, s->wrong);
}

/* Those in the traffic itself are killed, wherever they are. */
TEST_F_TIMEOUT(holder, killed_anywhere, 400)
{
	unsigned long rounds = scaled_rounds(ROUNDS), i;
	struct kipc_mmutex *mutex = &self->mutex;
	struct section *s = self->s;
	uint64_t rnd = kipc_seed();
	pid_t pid[SURVIVORS + 1];
	uint32_t visits, k;
	int ret;

	for (k = 0; k <= SURVIVORS; k++)
		pid[k] = start_survivor(mutex, s);
	for (i = 0; i < rounds; i++) {
		k = kipc_rand(&rnd) % (SURVIVORS + 1);
		random_pause(&rnd, 500);
		ASSERT_TRUE(sem_kill(pid[k]));
		pid[k] = start_survivor(mutex, s);
		visits = word_get(&s->visits);
		ASSERT_TRUE(wait_for(word_get(&s->visits) > visits))
			TH_LOG("round %lu", i);
	}
	/* All of them at the end: nothing is held by anybody. */
	for (k = 0; k <= SURVIVORS; k++)
		EXPECT_TRUE(sem_kill(pid[k]));
	EXPECT_EQ(1, sem_value(mutex->fd, 1));
	EXPECT_EQ(0, sem_counter(mutex->fd, 1).pid);
	EXPECT_EQ(0, sem_waiting(mutex->fd, 1));
	EXPECT_EQ(1, sem_undos(mutex->fd));
	ret = kipc_mmutex_trylock(mutex, 1);
	EXPECT_TRUE(!ret || ret == -EOWNERDEAD);
	EXPECT_EQ(0, s->two_at_once);
	EXPECT_EQ(0, s->wrong);
	EXPECT_GE(rounds + SURVIVORS + 1, s->inherited);
}

/* All that a process has, each to its next; who waited gets it at once. */
TEST_F(holder, several_at_once)
{
	struct kipc_mmutex *mutex = &self->mutex;
	struct sem_call call = { .fd = mutex->fd, .index = 2, .delta = -1 };
	uint32_t i;
	pid_t pid = kipc_fork();

	if (!pid) {
		CHILD_EQ(0, mapped_again(mutex));
		for (i = 0; i < 3; i++)
			CHILD_EQ(0, kipc_mmutex_lock(mutex, i));
		word_set(&self->s->victim_in, 1);
		pause();
	}
	ASSERT_TRUE(wait_for(word_get(&self->s->victim_in)));
	ASSERT_EQ(0, sem_call_asleep(&call));
	ASSERT_TRUE(sem_kill(pid));
	EXPECT_EQ(-EOWNERDEAD, sem_call_wait(&call));
	for (i = 0; i < 2; i++)
		EXPECT_EQ(-EOWNERDEAD, kipc_mmutex_trylock(mutex, i));
	for (i = 0; i < 3; i++) {
		EXPECT_EQ(mutex->token | OWNER_DEAD,
			  mapped_word(mutex->words, i));
		EXPECT_EQ(0, kipc_mmutex_consistent(mutex, i));
		EXPECT_EQ(0, kipc_mmutex_unlock(mutex, i));
	}
}

/* Killed before the V: the token is there for the next one. */
TEST(killed_while_waiting)
{
	unsigned long rounds = scaled_rounds(ROUNDS), i;
	struct kipc_msem sem;
	pid_t pid;

	ASSERT_EQ(0, mapped_sem(&sem, 1, 0, 0));
	for (i = 0; i < rounds; i++) {
		pid = kipc_fork();
		if (!pid) {
			kipc_msem_wait(&sem, 0);
			_exit(1);
		}
		ASSERT_TRUE(wait_for(sem_waiting(sem.fd, 0) == 1));
		kill(pid, SIGKILL);
		if (i & 1)
			sched_yield();
		ASSERT_EQ(0, kipc_msem_post(&sem, 0));
		ASSERT_TRUE(sem_kill(pid));
		ASSERT_EQ(1, kipc_msem_value(&sem, 0))
			TH_LOG("round %lu", i);
		ASSERT_EQ(0, kipc_msem_trywait(&sem, 0));
		ASSERT_EQ(0, mapped_word(sem.words, 0));
	}
}

/*
 * The V has served him, but he has not run since: he cannot, the test has the
 * processor.  Killed now, he must not take along what he never knew he had.
 */
TEST(killed_between_being_served_and_running)
{
	unsigned long rounds = scaled_rounds(200), i;
	struct sem_call next;
	struct kipc_msem sem;
	pid_t pid;

	if (geteuid())
		SKIP(return, "needs root");
	ASSERT_EQ(0, mapped_sem(&sem, 1, 0, 0));
	ASSERT_EQ(0, on_first_cpu(0));
	for (i = 0; i < rounds; i++) {
		pid = kipc_fork();
		if (!pid) {
			kipc_msem_wait(&sem, 0);
			_exit(1);
		}
		ASSERT_TRUE(wait_for(sem_waiting(sem.fd, 0) == 1));
		next = (struct sem_call){ .fd = sem.fd, .delta = -1 };
		ASSERT_EQ(0, sem_call_asleep(&next));
		ASSERT_EQ(0, be_realtime(true));
		EXPECT_EQ(0, kipc_msem_post(&sem, 0));
		/* He has it, on paper. */
		EXPECT_EQ(1, sem_waiting(sem.fd, 0));
		kill(pid, SIGKILL);
		ASSERT_EQ(0, be_realtime(false));
		ASSERT_TRUE(sem_kill(pid));
		/* So the one behind him gets it. */
		ASSERT_EQ(0, sem_call_wait(&next))
			TH_LOG("round %lu", i);
		ASSERT_EQ(0, mapped_word(sem.words, 0));
	}
}

/* The same for a mutex: its next owner is told that he died. */
TEST_F(holder, killed_between_getting_it_and_running)
{
	struct kipc_mmutex *mutex = &self->mutex;
	unsigned long rounds = scaled_rounds(200), i;
	pid_t pid;

	if (geteuid())
		SKIP(return, "needs root");
	ASSERT_EQ(0, on_first_cpu(0));
	for (i = 0; i < rounds; i++) {
		ASSERT_EQ(0, kipc_mmutex_lock(mutex, 0));
		pid = kipc_fork();
		if (!pid) {
			CHILD_EQ(0, mapped_again(mutex));
			kipc_mmutex_lock(mutex, 0);
			_exit(1);
		}
		ASSERT_TRUE(wait_for(sem_waiting(mutex->fd, 0) == 1));
		ASSERT_EQ(0, be_realtime(true));
		EXPECT_EQ(0, kipc_mmutex_unlock(mutex, 0));
		EXPECT_EQ((uint32_t)pid, sem_counter(mutex->fd, 0).pid);
		kill(pid, SIGKILL);
		ASSERT_EQ(0, be_realtime(false));
		ASSERT_TRUE(sem_kill(pid));
		ASSERT_EQ(-EOWNERDEAD, kipc_mmutex_trylock(mutex, 0))
			TH_LOG("round %lu", i);
		ASSERT_EQ(0, kipc_mmutex_consistent(mutex, 0));
		ASSERT_EQ(0, kipc_mmutex_unlock(mutex, 0));
	}
}

TEST_HARNESS_MAIN
