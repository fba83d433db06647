// SPDX-License-Identifier: GPL-2.0
/*
 * KIPC_DESTROY: whoever waits, for whatever, gets EIDRM, and so does whoever
 * comes later.
 */
#include "kselftest_harness.h"
#include "semaphore_util.h"

#define ENTRY(i, d)	{ .index = (i), .delta = (d) }

/* All that can be done with a handle of a destroyed set. */
static void expect_destroyed(struct __test_metadata *_metadata, int fd)
{
	const struct kipc_sem_entry entry = ENTRY(0, 1);
	struct kipc_sem_counter counter;
	struct kipc_semaphore_stat st;
	struct kipc_stat obj;

	EXPECT_EQ(-EIDRM, sem_op(fd, 0, 1, 0));
	EXPECT_EQ(-EIDRM, sem_op(fd, 0, -1, 0));
	EXPECT_EQ(-EIDRM, sem_op(fd, 0, -1, KIPC_SEM_UNDO));
	EXPECT_EQ(-EIDRM, sem_try(fd, 0, -1));
	EXPECT_EQ(-EIDRM, sem_try(fd, 0, 0));
	EXPECT_EQ(-EIDRM, sem_op_until(fd, 0, -1, 0, 1));
	EXPECT_EQ(-EIDRM, sem_ops_try(fd, &entry, 1));
	EXPECT_EQ(-EIDRM, sem_get_all(fd, 0, &counter, 1));
	EXPECT_EQ(-EIDRM, sem_set(fd, 0, 1));
	EXPECT_EQ(-EIDRM, sem_mark(fd, 0, KIPC_MUTEX_CONSISTENT));
	EXPECT_EQ(-EIDRM, sem_watch(fd, 0));
	EXPECT_EQ(-EIDRM, sem_stat(fd, &st));
	EXPECT_EQ(-EIDRM, kipc_destroy(fd));
	ASSERT_EQ(0, kipc_stat_fd(fd, &obj));
	EXPECT_EQ((uint32_t)KIPC_STATE_DESTROYED,
		  obj.entry.state & KIPC_STATE_DESTROYED);
}

TEST(later_calls)
{
	int fd = sem_make(2, 1, 0);

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, sem_op(fd, 1, -1, KIPC_SEM_UNDO));
	ASSERT_EQ(0, kipc_destroy(fd));
	expect_destroyed(_metadata, fd);

	fd = sem_make_mutex(2);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, sem_op(fd, 1, -1, 0));
	ASSERT_EQ(0, kipc_destroy(fd));
	expect_destroyed(_metadata, fd);
}

TEST(by_name)
{
	char name[64];
	int fd;

	snprintf(name, sizeof(name), "destroy-%d", getpid());
	fd = sem_named(name, 1, 1, KIPC_EXCL);
	ASSERT_LE(0, fd);
	EXPECT_EQ(0, kipc_by_name(KIPC_DESTROY, name));
	EXPECT_EQ(-ENOENT, sem_open_name(name, SEM_RIGHTS, 0));
	expect_destroyed(_metadata, fd);
	/* The name is free for another. */
	EXPECT_LE(0, sem_named(name, 1, 1, KIPC_EXCL));
}

#define CALLS	7

/* Counters 0 and 1 are 0, counter 2 is 5: all of these sleep. */
static const struct sem_call sleepers[CALLS] = {
	{ .index = 0, .delta = -1 },
	{ .index = 0, .delta = -3, .flags = KIPC_SEM_UNDO },
	{ .index = 1, .delta = -1 },
	{ .index = 2, .delta = 0 },
	{ .count = 2, .entries = { ENTRY(0, -1), ENTRY(1, -1) } },
	{ .count = 2, .entries = { ENTRY(1, -1), ENTRY(2, 0) } },
	{ .count = 3, .entries = { ENTRY(2, -1), ENTRY(0, -2), ENTRY(1, 4) },
	  .flags = KIPC_SEM_UNDO },
};

TEST(whoever_sleeps_gets_eidrm)
{
	struct sem_call call[2 * CALLS];
	int fd = sem_make(3, 0, 0), i;

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, sem_set(fd, 2, 5));
	for (i = 0; i < 2 * CALLS; i++) {
		call[i] = sleepers[i % CALLS];
		call[i].fd = fd;
		call[i].deadline_ns = i < CALLS ? 0 : in_ms(60000);
		ASSERT_EQ(0, sem_call_asleep(&call[i]));
	}
	EXPECT_EQ(2 * CALLS, sem_sleepers(fd));
	EXPECT_EQ(0, kipc_destroy(fd));
	for (i = 0; i < 2 * CALLS; i++)
		EXPECT_EQ(-EIDRM, sem_call_wait(&call[i]));
	expect_destroyed(_metadata, fd);
}

TEST(whoever_waits_for_a_mutex_gets_eidrm)
{
	uint32_t *word = kipc_shared(4096);
	int fd = sem_make_mutex(2), i;
	struct sem_call call[3];
	pid_t pid;

	ASSERT_LE(0, fd);
	pid = kipc_fork();
	if (!pid) {
		CHILD_EQ(0, sem_op(fd, 0, -1, 0));
		word_set(word, 1);
		while (word_get(word) == 1)
			usleep(500);
		/* Its own is gone as well. */
		CHILD_EQ(-EIDRM, sem_op(fd, 0, 1, 0));
		_exit(0);
	}
	ASSERT_TRUE(wait_for(word_get(word)));
	for (i = 0; i < 3; i++) {
		call[i] = (struct sem_call){ .fd = fd, .delta = -1 };
		if (i == 2) {
			call[i].count = 2;
			call[i].entries[0] = (struct kipc_sem_entry)
				ENTRY(1, -1);
			call[i].entries[1] = (struct kipc_sem_entry)
				ENTRY(0, -1);
		}
		ASSERT_EQ(0, sem_call_asleep(&call[i]));
	}
	EXPECT_EQ(0, kipc_destroy(fd));
	for (i = 0; i < 3; i++)
		EXPECT_EQ(-EIDRM, sem_call_wait(&call[i]));
	word_set(word, 2);
	EXPECT_EQ(0, kipc_reap(pid));
}

/* Processes that end afterwards have nothing to give back to nobody. */
TEST(undo_of_a_destroyed_set)
{
	uint32_t *word = kipc_shared(4096);
	int fd = sem_make(1, 10, 0);
	pid_t pid;

	ASSERT_LE(0, fd);
	pid = kipc_fork();
	if (!pid) {
		CHILD_EQ(0, sem_op(fd, 0, -5, KIPC_SEM_UNDO));
		word_set(word, 1);
		for (;;)
			pause();
	}
	ASSERT_TRUE(wait_for(word_get(word)));
	ASSERT_EQ(0, kipc_destroy(fd));
	EXPECT_TRUE(sem_kill(pid));
	expect_destroyed(_metadata, fd);
}

static void nothing(int sig)
{
	(void)sig;
}

static void *destroy_run(void *data)
{
	kipc_destroy(*(int *)data);
	return NULL;
}

/*
 * Signals and destroy at the same time: the sleeper always comes back, and
 * once the set is destroyed a signal is no longer the reason.
 */
TEST(races_with_signals)
{
	struct sigaction act = { .sa_handler = nothing };
	int rounds = scaled(1000), fd, ret;
	uint64_t rnd = kipc_seed();
	struct sem_call call;
	pthread_t thread;
	bool first;

	ASSERT_EQ(0, sigaction(SIGUSR1, &act, NULL));
	while (rounds--) {
		fd = sem_make(3, 0, 0);
		ASSERT_LE(0, fd);
		ASSERT_EQ(0, sem_set(fd, 2, 5));
		call = sleepers[kipc_rand(&rnd) % CALLS];
		call.fd = fd;
		ASSERT_EQ(0, sem_call_asleep(&call));
		first = kipc_rand(&rnd) & 1;
		ret = first ? kipc_destroy(fd) :
		      -pthread_create(&thread, NULL, destroy_run, &fd);
		ASSERT_EQ(0, ret);
		pthread_kill(call.thread, SIGUSR1);
		ret = sem_call_wait(&call);
		ASSERT_NE(KIPC_HUNG, ret);
		EXPECT_TRUE(ret == -EIDRM || (!first && ret == -EINTR))
			TH_LOG("first %d: %d", first, ret);
		if (!first)
			pthread_join(thread, NULL);
		EXPECT_EQ(-EIDRM, sem_try(fd, 0, -1));
		close(fd);
	}
}

#define CROWD	21

/* Many at once, each with a signal of its own, in processes of their own. */
TEST(a_crowd_with_signals)
{
	struct sigaction act = { .sa_handler = nothing };
	int rounds = scaled(30), fd, i;
	pid_t pid[CROWD];

	ASSERT_EQ(0, sigaction(SIGUSR1, &act, NULL));
	while (rounds--) {
		fd = sem_make(3, 0, 0);
		ASSERT_LE(0, fd);
		ASSERT_EQ(0, sem_set(fd, 2, 5));
		for (i = 0; i < CROWD; i++) {
			struct sem_call call = sleepers[i % CALLS];

			pid[i] = kipc_fork();
			if (pid[i])
				continue;
			call.fd = fd;
			sem_call_run(&call);
			CHILD_EQ(-EIDRM, call.ret);
			_exit(0);
		}
		ASSERT_TRUE(wait_for(sem_sleepers(fd) == CROWD));
		ASSERT_EQ(0, kipc_destroy(fd));
		for (i = 0; i < CROWD; i++)
			kill(pid[i], SIGUSR1);
		for (i = 0; i < CROWD; i++)
			EXPECT_EQ(0, kipc_reap(pid[i]));
		close(fd);
	}
}

/* In the middle of traffic: everybody ends, and with nothing but EIDRM. */
TEST(in_the_middle_of_traffic)
{
	int rounds = scaled(300), fd, i, ret;
	uint64_t rnd = kipc_seed();
	pid_t pid[4];

	while (rounds--) {
		fd = sem_make(2, 1, 0);
		ASSERT_LE(0, fd);
		for (i = 0; i < 4; i++) {
			struct kipc_sem_entry ops[2] = { ENTRY(0, -1),
							 ENTRY(1, -1) };

			pid[i] = kipc_fork();
			if (pid[i])
				continue;
			do {
				ops[0].delta = -1;
				ops[1].delta = -1;
				ret = sem_ops_until(fd, ops, 2,
						    i & 1 ? KIPC_SEM_UNDO : 0,
						    0, NULL);
				ops[0].delta = 1;
				ops[1].delta = 1;
				if (!ret)
					ret = sem_ops_until(fd, ops, 2, i & 1 ?
							    KIPC_SEM_UNDO : 0,
							    0, NULL);
			} while (!ret);
			CHILD_EQ(-EIDRM, ret);
			_exit(0);
		}
		usleep(kipc_rand(&rnd) % 3000);
		ASSERT_EQ(0, kipc_destroy(fd));
		for (i = 0; i < 4; i++)
			EXPECT_EQ(0, kipc_reap(pid[i]));
		close(fd);
	}
}

TEST_HARNESS_MAIN
