// SPDX-License-Identifier: GPL-2.0
/* What lies in a segment is as good as any memory: mutexes, atomics. */
#include "kselftest_harness.h"

#include "segment_util.h"

#define WORKERS		4

struct shared {
	pthread_mutex_t mutex;
	pthread_cond_t cond;
	unsigned long counter;
	unsigned long atomic;
	int turn;
	int holder;		/* pid that has the mutex */
};

FIXTURE(mutex)
{
	int fd;
	struct shared *shared;
};

FIXTURE_SETUP(mutex)
{
	pthread_mutexattr_t attr;
	pthread_condattr_t cond;

	self->fd = segment_make(sizeof(*self->shared), 0);
	self->shared = (void *)map_shared(self->fd, sizeof(*self->shared),
					  PROT_RW);
	ASSERT_NE(NULL, self->shared);
	ASSERT_EQ(0, pthread_mutexattr_init(&attr));
	ASSERT_EQ(0, pthread_mutexattr_setpshared(&attr,
						  PTHREAD_PROCESS_SHARED));
	ASSERT_EQ(0, pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST));
	ASSERT_EQ(0, pthread_mutex_init(&self->shared->mutex, &attr));
	ASSERT_EQ(0, pthread_condattr_init(&cond));
	ASSERT_EQ(0, pthread_condattr_setpshared(&cond,
						 PTHREAD_PROCESS_SHARED));
	ASSERT_EQ(0, pthread_cond_init(&self->shared->cond, &cond));
}

FIXTURE_TEARDOWN(mutex)
{
	munmap(self->shared, sizeof(*self->shared));
	close(self->fd);
}

/* Each process maps it for itself, at whatever address. */
static struct shared *map_anew(int fd)
{
	char *other = mmap(NULL, getpid() % 7 * PAGE + PAGE, PROT_READ,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char *mem = map_shared(fd, sizeof(struct shared), PROT_RW);

	CHECK_EQ(1, mem && other != MAP_FAILED);
	return (void *)mem;
}

static void hold_until_killed(void *arg)
{
	struct shared *shared = map_anew(*(int *)arg);

	CHECK_EQ(0, pthread_mutex_lock(&shared->mutex));
	__atomic_store_n(&shared->holder, getpid(), __ATOMIC_RELEASE);
	for (;;)
		pause();
}

TEST_F(mutex, whose_holder_is_killed_goes_to_the_next_one)
{
	unsigned long rounds = scaled(300), i;
	struct shared *shared = self->shared;

	for (i = 0; i < rounds; i++) {
		pid_t pid = child_start(hold_until_killed, &self->fd);

		ASSERT_LT(0, pid);
		ASSERT_TRUE(wait_for(__atomic_load_n(&shared->holder,
						     __ATOMIC_ACQUIRE) == pid));
		ASSERT_EQ(EBUSY, pthread_mutex_trylock(&shared->mutex));
		ASSERT_EQ(128 + SIGKILL, child_kill(pid));
		ASSERT_EQ(EOWNERDEAD, pthread_mutex_lock(&shared->mutex));
		ASSERT_EQ(0, pthread_mutex_consistent(&shared->mutex));
		ASSERT_EQ(0, pthread_mutex_unlock(&shared->mutex));
	}
}

static void wait_for_the_dead(void *arg)
{
	struct shared *shared = map_anew(*(int *)arg);

	__atomic_fetch_add(&shared->turn, 1, __ATOMIC_SEQ_CST);
	CHECK_EQ(EOWNERDEAD, pthread_mutex_lock(&shared->mutex));
	CHECK_EQ(0, pthread_mutex_consistent(&shared->mutex));
	CHECK_EQ(0, pthread_mutex_unlock(&shared->mutex));
}

/* Is @pid asleep in the kernel? */
static bool asleep(pid_t pid)
{
	char path[64], text[512], *state;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	if (read_file(path, text, sizeof(text)) <= 0)
		return false;
	state = strrchr(text, ')');
	return state && state[2] == 'S';
}

TEST_F(mutex, death_of_its_holder_wakes_who_sleeps_on_it)
{
	pid_t holder = child_start(hold_until_killed, &self->fd), waiter;
	struct shared *shared = self->shared;

	ASSERT_TRUE(wait_for(__atomic_load_n(&shared->holder,
					     __ATOMIC_ACQUIRE) == holder));
	waiter = child_start(wait_for_the_dead, &self->fd);
	ASSERT_TRUE(wait_for(__atomic_load_n(&shared->turn,
					     __ATOMIC_ACQUIRE)));
	ASSERT_TRUE(wait_for(asleep(waiter)));
	EXPECT_EQ(128 + SIGKILL, child_kill(holder));
	EXPECT_EQ(0, kipc_reap(waiter));
}

static void count_up(void *arg)
{
	struct shared *shared = map_anew(*(int *)arg);
	unsigned long rounds = scaled(20000), i;

	for (i = 0; i < rounds; i++) {
		__atomic_fetch_add(&shared->atomic, 1, __ATOMIC_RELAXED);
		CHECK_EQ(0, pthread_mutex_lock(&shared->mutex));
		shared->counter++;
		CHECK_EQ(0, pthread_mutex_unlock(&shared->mutex));
	}
}

TEST_F(mutex, keeps_processes_out_of_each_others_way)
{
	pid_t pid[WORKERS];
	int i;

	for (i = 0; i < WORKERS; i++)
		pid[i] = child_start(count_up, &self->fd);
	for (i = 0; i < WORKERS; i++)
		EXPECT_EQ(0, child_end(pid[i]));
	EXPECT_EQ(WORKERS * scaled(20000), self->shared->counter);
	EXPECT_EQ(WORKERS * scaled(20000), self->shared->atomic);
}

struct player {
	int fd, me;
};

static void take_turns(void *arg)
{
	struct player *player = arg;
	struct shared *shared = map_anew(player->fd);
	unsigned long rounds = scaled(3000), i;

	CHECK_EQ(0, pthread_mutex_lock(&shared->mutex));
	for (i = 0; i < rounds; i++) {
		while (shared->turn != player->me)
			CHECK_EQ(0, pthread_cond_wait(&shared->cond,
						      &shared->mutex));
		shared->turn = !player->me;
		shared->counter++;
		CHECK_EQ(0, pthread_cond_signal(&shared->cond));
	}
	CHECK_EQ(0, pthread_mutex_unlock(&shared->mutex));
}

TEST_F(mutex, condition_wakes_another_process)
{
	struct player player[2] = { { self->fd, 0 }, { self->fd, 1 } };
	pid_t pid[2];
	int i;

	for (i = 0; i < 2; i++)
		pid[i] = child_start(take_turns, &player[i]);
	for (i = 0; i < 2; i++)
		EXPECT_EQ(0, child_end(pid[i]));
	EXPECT_EQ(2 * scaled(3000), self->shared->counter);
}

TEST_HARNESS_MAIN
