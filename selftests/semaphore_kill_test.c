// SPDX-License-Identifier: GPL-2.0
/*
 * SIGKILL at any moment: inside the section, while waiting, between being
 * served and running.  The next one gets what is due to him, nobody is let in
 * beside another, and nothing is lost.
 */
#include <sched.h>

#include "kselftest_harness.h"
#include "semaphore_util.h"

#define ENTRY(i, d)	{ .index = (i), .delta = (d) }
#define ROUNDS		1000
#define SURVIVORS	2

/* What all processes of a test see. */
struct section {
	uint32_t inside;	/* who is in the section; 0: nobody */
	uint32_t two_at_once;
	uint32_t wrong;		/* results that cannot be */
	uint32_t visits;	/* by survivors, those with an error too */
	uint32_t inherited;	/* EOWNERDEAD */
	uint32_t victim_in;	/* pid of the last victim that got in */
};

struct holder {
	int fd;
	struct section *s;
	struct kipc_sem_entry lock[2];
	struct kipc_sem_entry unlock[2];
};

FIXTURE(holder) {
	struct holder h;
};

FIXTURE_VARIANT(holder) {
	bool mutex;
	uint32_t count;		/* of counters that are taken */
};

FIXTURE_VARIANT_ADD(holder, undo) {
	.mutex = false,
	.count = 1,
};

FIXTURE_VARIANT_ADD(holder, vector_with_undo) {
	.mutex = false,
	.count = 2,
};

FIXTURE_VARIANT_ADD(holder, mutex) {
	.mutex = true,
	.count = 1,
};

FIXTURE_VARIANT_ADD(holder, two_mutexes) {
	.mutex = true,
	.count = 2,
};

FIXTURE_SETUP(holder)
{
	uint32_t i;

	self->h.fd = variant->mutex ? sem_make_mutex(variant->count) :
				    sem_make(variant->count, 1, 1);
	ASSERT_LE(0, self->h.fd);
	self->h.s = kipc_shared(sizeof(*self->h.s));
	ASSERT_NE(NULL, self->h.s);
	for (i = 0; i < 2; i++) {
		self->h.lock[i] = (struct kipc_sem_entry)ENTRY(i, -1);
		self->h.unlock[i] = (struct kipc_sem_entry)ENTRY(i, 1);
	}
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

static int take_all(struct holder *h, uint32_t count)
{
	return sem_ops_until(h->fd, h->lock, count, KIPC_SEM_UNDO, 0,
			     NULL);
}

/* After EOWNERDEAD: those whose owner died are put in order. */
static void recover(int fd, uint32_t count)
{
	for (; count; count--)
		if (sem_counter(fd, count - 1).state == KIPC_MUTEX_OWNER_DEAD)
			CHILD_EQ(0, sem_mark(fd, count - 1,
					     KIPC_MUTEX_CONSISTENT));
}

static pid_t start_survivor(struct holder *h, uint32_t count)
{
	struct section *s = h->s;
	pid_t pid = kipc_fork();
	int ret;

	if (pid)
		return pid;
	for (;;) {
		ret = take_all(h, count);
		if (ret == -EIDRM)
			_exit(0);
		stay_inside(s, 20);
		if (ret == -EOWNERDEAD) {
			word_add(&s->inherited, 1);
			recover(h->fd, count);
		} else if (ret) {
			word_add(&s->wrong, 1);
		}
		word_add(&s->visits, 1);
		stay_inside(s, 20);
		word_set(&s->inside, 0);
		ret = sem_ops_until(h->fd, h->unlock, count,
				    KIPC_SEM_UNDO, 0, NULL);
		if (ret == -EIDRM)
			_exit(0);
		CHILD_EQ(0, ret);
		sched_yield();
	}
}

/* A process that gets in and never comes out. */
static pid_t start_victim(struct holder *h, uint32_t count)
{
	pid_t pid = kipc_fork();
	int ret;

	if (pid)
		return pid;
	ret = take_all(h, count);
	/* Whoever was killed before left it in order, or somebody else did. */
	if (ret == -EOWNERDEAD) {
		word_add(&h->s->inherited, 1);
		recover(h->fd, count);
	} else if (ret) {
		word_add(&h->s->wrong, 1);
	}
	word_set(&h->s->victim_in, getpid());
	for (;;)
		stay_inside(h->s, 1000);
}

/* So that what follows comes at any moment. */
static void random_pause(uint64_t *rnd, uint32_t us)
{
	usleep(kipc_rand(rnd) % us);
}

TEST_F_TIMEOUT(holder, killed_inside, 400)
{
	unsigned long rounds = scaled(ROUNDS), i;
	uint64_t rnd = kipc_seed();
	pid_t survivor[SURVIVORS], victim;
	uint32_t visits;
	int k;

	for (k = 0; k < SURVIVORS; k++)
		survivor[k] = start_survivor(&self->h, variant->count);
	for (i = 0; i < rounds; i++) {
		victim = start_victim(&self->h, variant->count);
		ASSERT_TRUE(wait_for(word_get(&self->h.s->victim_in) ==
				     (uint32_t)victim));
		visits = word_get(&self->h.s->visits);
		random_pause(&rnd, 500);
		/* Nobody came in beside him. */
		EXPECT_EQ(visits, word_get(&self->h.s->visits));
		ASSERT_TRUE(sem_kill(victim));
		ASSERT_TRUE(wait_for(word_get(&self->h.s->visits) > visits))
			TH_LOG("round %lu", i);
		if (variant->mutex)
			EXPECT_EQ(i + 1, word_get(&self->h.s->inherited));
	}
	ASSERT_EQ(0, kipc_destroy(self->h.fd));
	for (k = 0; k < SURVIVORS; k++)
		EXPECT_EQ(0, kipc_reap(survivor[k]));
	EXPECT_EQ(variant->mutex ? rounds : 0, self->h.s->inherited);
	EXPECT_EQ(0, self->h.s->two_at_once);
	EXPECT_EQ(0, self->h.s->wrong);
}

/* Those in the traffic itself are killed, wherever they are. */
TEST_F_TIMEOUT(holder, killed_anywhere, 400)
{
	unsigned long rounds = scaled(ROUNDS), i;
	uint64_t rnd = kipc_seed();
	pid_t pid[SURVIVORS + 1];
	uint32_t visits, k;

	for (k = 0; k <= SURVIVORS; k++)
		pid[k] = start_survivor(&self->h, variant->count);
	for (i = 0; i < rounds; i++) {
		k = kipc_rand(&rnd) % (SURVIVORS + 1);
		random_pause(&rnd, 500);
		ASSERT_TRUE(sem_kill(pid[k]));
		pid[k] = start_survivor(&self->h, variant->count);
		visits = word_get(&self->h.s->visits);
		ASSERT_TRUE(wait_for(word_get(&self->h.s->visits) > visits))
			TH_LOG("round %lu", i);
	}
	/* All of them at the end: nothing is held by anybody. */
	for (k = 0; k <= SURVIVORS; k++)
		EXPECT_TRUE(sem_kill(pid[k]));
	for (k = 0; k < variant->count; k++) {
		EXPECT_EQ(1, sem_value(self->h.fd, k));
		EXPECT_EQ(0, sem_counter(self->h.fd, k).pid);
		EXPECT_EQ(0, sem_waiting(self->h.fd, k));
	}
	EXPECT_EQ(0, sem_undos(self->h.fd));
	EXPECT_EQ(0, self->h.s->two_at_once);
	EXPECT_EQ(0, self->h.s->wrong);
	EXPECT_GE(rounds + SURVIVORS + 1, self->h.s->inherited);
}

#define COUNTERS	4
#define TOKENS		10
#define CROWD		6

/*
 * Takes some with UNDO and gives them back, at once or one by one.  It never
 * gives more than it took: who gives first and is then taken back can leave a
 * counter at 0 with something owed to it, and that is forgotten.
 */
static pid_t start_taker(int fd, uint64_t rnd)
{
	struct kipc_sem_entry ops[3];
	pid_t pid = kipc_fork();
	uint32_t count, i;
	uint64_t deadline;
	int ret;

	if (pid)
		return pid;
	for (;;) {
		count = kipc_rand(&rnd) % 3 + 1;
		for (i = 0; i < count; i++)
			ops[i] = (struct kipc_sem_entry)
				ENTRY(kipc_rand(&rnd) % COUNTERS,
				      -(int32_t)(kipc_rand(&rnd) % 3 + 1));
		deadline = kipc_rand(&rnd) % 2 ? 0 :
			   now_ns() + kipc_rand(&rnd) % 1000000;
		ret = sem_ops_until(fd, ops, count, KIPC_SEM_UNDO, deadline,
				    NULL);
		if (ret == -ETIMEDOUT)
			continue;
		CHILD_EQ(0, ret);
		if (kipc_rand(&rnd) % 2)
			sched_yield();
		for (i = 0; i < count; i++) {
			ops[i].delta = -ops[i].delta;
			if (count & 1)
				CHILD_EQ(0, sem_op(fd, ops[i].index,
						   ops[i].delta,
						   KIPC_SEM_UNDO));
		}
		if (!(count & 1))
			CHILD_EQ(0, sem_ops_until(fd, ops, count,
						  KIPC_SEM_UNDO, 0, NULL));
	}
}

TEST(tokens_are_conserved_with_undo)
{
	unsigned long rounds = scaled(ROUNDS), i;
	int fd = sem_make(COUNTERS, TOKENS, 0);
	uint64_t rnd = kipc_seed();
	pid_t pid[CROWD];
	uint32_t k;

	ASSERT_LE(0, fd);
	for (k = 0; k < CROWD; k++)
		pid[k] = start_taker(fd, rnd + 2 * k);
	for (i = 0; i < rounds; i++) {
		k = kipc_rand(&rnd) % CROWD;
		random_pause(&rnd, 1000);
		ASSERT_TRUE(sem_kill(pid[k]));
		pid[k] = start_taker(fd, rnd + 2 * i);
	}
	for (k = 0; k < CROWD; k++)
		EXPECT_TRUE(sem_kill(pid[k]));
	for (k = 0; k < COUNTERS; k++) {
		EXPECT_EQ(TOKENS, sem_value(fd, k));
		EXPECT_EQ(0, sem_waiting(fd, k));
	}
	EXPECT_EQ(0, sem_undos(fd));
	EXPECT_EQ(0, sem_sleepers(fd));
}

/*
 * Killed before the V: whether the V finds him in the queue or not, he never
 * comes to know of it, so the token is there for the next one.
 */
TEST(killed_while_waiting)
{
	unsigned long rounds = scaled(ROUNDS), i;
	uint64_t rnd = kipc_seed();
	int fd = sem_make(2, 0, 0), n;
	pid_t pid;

	ASSERT_LE(0, fd);
	for (i = 0; i < rounds; i++) {
		n = kipc_rand(&rnd) % 3 + 1;
		pid = kipc_fork();
		if (!pid) {
			struct kipc_sem_entry ops[2] = { ENTRY(0, -n),
							 ENTRY(1, 0) };

			sem_ops_until(fd, ops, i & 1 ? 2 : 1,
				      i & 2 ? KIPC_SEM_UNDO : 0, 0, NULL);
			_exit(1);
		}
		ASSERT_TRUE(wait_for(sem_waiting(fd, 0) == 1));
		kill(pid, SIGKILL);
		if (i & 4)
			sched_yield();
		ASSERT_EQ(0, sem_try(fd, 0, n));
		ASSERT_TRUE(sem_kill(pid));
		ASSERT_EQ(n, sem_value(fd, 0))
			TH_LOG("round %lu", i);
		ASSERT_EQ(0, sem_try(fd, 0, -n));
	}
	EXPECT_EQ(0, sem_undos(fd));
	EXPECT_EQ(0, sem_sleepers(fd));
}

static uint64_t wakeups_of(int fd)
{
	struct kipc_semaphore_stat st;

	return sem_stat(fd, &st) ? 0 : st.wakeups;
}

/*
 * The V has served him, but he has not run since: he cannot, the test has the
 * processor.  Killed now, he must not take along what he never knew he had.
 */
TEST(killed_between_being_served_and_running)
{
	unsigned long rounds = scaled(200), i;
	int fd = sem_make(2, 0, 0);
	struct sem_call next;
	uint64_t before;
	pid_t pid;

	if (geteuid())
		SKIP(return, "needs root");
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, on_first_cpu(0));
	for (i = 0; i < rounds; i++) {
		pid = kipc_fork();
		if (!pid) {
			sem_op(fd, 0, -2, i & 1 ? KIPC_SEM_UNDO : 0);
			_exit(1);
		}
		ASSERT_TRUE(wait_for(sem_waiting(fd, 0) == 1));
		next = (struct sem_call){ .fd = fd, .delta = -2 };
		ASSERT_EQ(0, sem_call_asleep(&next));
		before = wakeups_of(fd);
		ASSERT_EQ(0, be_realtime(true));
		EXPECT_EQ(0, sem_try(fd, 0, 2));
		/* He has it, on paper. */
		EXPECT_EQ(before + 1, wakeups_of(fd));
		EXPECT_EQ(0, sem_value(fd, 0));
		/* What is set elsewhere has nothing to do with that. */
		if (i & 2)
			EXPECT_EQ(0, sem_set(fd, 1, i));
		kill(pid, SIGKILL);
		ASSERT_EQ(0, be_realtime(false));
		ASSERT_TRUE(sem_kill(pid));
		/* So the one behind him gets it. */
		ASSERT_EQ(0, sem_call_wait(&next))
			TH_LOG("round %lu", i);
		ASSERT_EQ(0, sem_value(fd, 0));
	}
}

/* The same for a mutex: its next owner is told that he died. */
TEST(killed_between_getting_a_mutex_and_running)
{
	unsigned long rounds = scaled(200), i;
	uint32_t *word = kipc_shared(4096);
	int fd = sem_make_mutex(1);
	pid_t pid;

	if (geteuid())
		SKIP(return, "needs root");
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, on_first_cpu(0));
	for (i = 0; i < rounds; i++) {
		ASSERT_EQ(0, sem_try(fd, 0, -1));
		word_set(word, 0);
		pid = kipc_fork();
		if (!pid) {
			sem_op(fd, 0, -1, 0);
			word_set(word, 1);
			_exit(1);
		}
		ASSERT_TRUE(wait_for(sem_waiting(fd, 0) == 1));
		ASSERT_EQ(0, be_realtime(true));
		EXPECT_EQ(0, sem_try(fd, 0, 1));
		EXPECT_EQ(pid, (pid_t)sem_counter(fd, 0).pid);
		kill(pid, SIGKILL);
		ASSERT_EQ(0, be_realtime(false));
		ASSERT_TRUE(sem_kill(pid));
		EXPECT_EQ(0, word_get(word));
		ASSERT_EQ(-EOWNERDEAD, sem_try(fd, 0, -1));
		ASSERT_EQ(0, sem_mark(fd, 0, KIPC_MUTEX_CONSISTENT));
		ASSERT_EQ(0, sem_try(fd, 0, 1));
	}
}

/* A process that dies with many threads asleep, in all kinds of places. */
TEST(a_process_with_many_sleeping_threads)
{
	unsigned long rounds = scaled(150), i;
	int fd = sem_make(COUNTERS, 0, 0);
	struct sem_call call[12];
	uint32_t k;
	pid_t pid;

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, sem_set(fd, 3, 1));
	for (i = 0; i < rounds; i++) {
		pid = kipc_fork();
		if (!pid) {
			for (k = 0; k < 12; k++) {
				call[k] = (struct sem_call){ .fd = fd,
					.count = k % 3 + 1,
					.flags = k & 1 ? KIPC_SEM_UNDO : 0,
					.entries = { ENTRY(k % 3, -1),
						     ENTRY(2, -1),
						     ENTRY(3, 0) } };
				CHILD_EQ(0, sem_call_start(&call[k]));
			}
			for (;;)
				pause();
		}
		ASSERT_TRUE(wait_for(sem_sleepers(fd) == 12));
		kill(pid, SIGKILL);
		/* Some of them are served while they die. */
		for (k = 0; k < 3; k++)
			ASSERT_EQ(0, sem_try(fd, k, 2));
		ASSERT_TRUE(sem_kill(pid));
		EXPECT_EQ(0, sem_sleepers(fd));
		EXPECT_EQ(0, sem_undos(fd));
		for (k = 0; k < 3; k++) {
			ASSERT_EQ(2, sem_value(fd, k))
				TH_LOG("round %lu counter %u", i, k);
			ASSERT_EQ(0, sem_set(fd, k, 0));
		}
	}
}

TEST_HARNESS_MAIN
