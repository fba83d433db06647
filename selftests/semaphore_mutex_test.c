// SPDX-License-Identifier: GPL-2.0
/*
 * Mutexes: who owns one, what the next gets when the owner has died, and what
 * becomes of one that nobody puts in order.
 */
#include "kselftest_harness.h"
#include "semaphore_util.h"

#define ENTRY(i, d)	{ .index = (i), .delta = (d) }

FIXTURE(mutex) {
	int fd;
	uint32_t *word;
};

FIXTURE_SETUP(mutex)
{
	self->fd = sem_make_mutex(3);
	ASSERT_LE(0, self->fd);
	self->word = kipc_shared(4096);
	ASSERT_NE(NULL, self->word);
}

FIXTURE_TEARDOWN(mutex)
{
}

static uint32_t state_of(int fd, uint32_t index)
{
	return sem_counter(fd, index).state;
}

static uint32_t owner_of(int fd, uint32_t index)
{
	return sem_counter(fd, index).pid;
}

/* A child that has taken the @count mutexes from @first on and stays. */
static pid_t holder(int fd, uint32_t first, uint32_t count, uint32_t *word)
{
	pid_t pid;

	word_set(word, 0);
	pid = kipc_fork();
	if (!pid) {
		for (; count; count--)
			CHILD_EQ(0, sem_try(fd, first++, -1));
		word_set(word, 1);
		for (;;)
			pause();
	}
	return wait_for(word_get(word) == 1) ? pid : -1;
}

/* A mutex whose owner has died, and that the caller has taken now. */
static void inherit(struct __test_metadata *_metadata, int fd, uint32_t index,
		    uint32_t *word)
{
	pid_t pid = holder(fd, index, 1, word);

	ASSERT_LT(0, pid);
	ASSERT_TRUE(sem_kill(pid));
	ASSERT_EQ(-EOWNERDEAD, sem_try(fd, index, -1));
}

TEST_F(mutex, has_an_owner)
{
	struct kipc_sem_counter counter = sem_counter(self->fd, 0);

	EXPECT_EQ(1, counter.value);
	EXPECT_EQ(0, counter.pid);
	EXPECT_EQ(0, counter.state);
	ASSERT_EQ(0, sem_op(self->fd, 0, -1, 0));
	counter = sem_counter(self->fd, 0);
	EXPECT_EQ(0, counter.value);
	EXPECT_EQ(getpid(), counter.pid);
	EXPECT_EQ(0, counter.state);
	EXPECT_EQ(1, sem_value(self->fd, 1));
	ASSERT_EQ(0, sem_op(self->fd, 0, 1, 0));
	EXPECT_EQ(1, sem_value(self->fd, 0));
	EXPECT_EQ(0, owner_of(self->fd, 0));
}

static void *owner_thread(void *data)
{
	int fd = *(int *)data;

	/* The process is the owner, not the thread that did P. */
	return (void *)(intptr_t)(sem_op(fd, 0, -1, 0) != -EDEADLK ||
				  sem_op(fd, 0, 1, 0));
}

TEST_F(mutex, edeadlk_for_the_owner)
{
	const struct kipc_sem_entry both[2] = { ENTRY(1, -1), ENTRY(0, -1) };
	const struct kipc_sem_entry twice[2] = { ENTRY(1, -1), ENTRY(1, -1) };
	pthread_t thread;
	void *wrong;

	ASSERT_EQ(0, sem_op(self->fd, 0, -1, 0));
	EXPECT_EQ(-EDEADLK, sem_op(self->fd, 0, -1, 0));
	EXPECT_EQ(-EDEADLK, sem_op_until(self->fd, 0, -1, 0, in_ms(1000)));
	EXPECT_EQ(-EDEADLK, sem_ops_until(self->fd, both, 2, 0, 0, NULL));
	EXPECT_EQ(1, sem_value(self->fd, 1));
	EXPECT_EQ(-EDEADLK, sem_ops_until(self->fd, twice, 2, 0, in_ms(1000),
					  NULL));
	EXPECT_EQ(1, sem_value(self->fd, 1));
	EXPECT_EQ(getpid(), owner_of(self->fd, 0));
	ASSERT_EQ(0, pthread_create(&thread, NULL, owner_thread, &self->fd));
	pthread_join(thread, &wrong);
	EXPECT_EQ(NULL, wrong);
	EXPECT_EQ(1, sem_value(self->fd, 0));
}

TEST_F(mutex, eperm_for_everybody_else)
{
	const struct kipc_sem_entry ops[2] = { ENTRY(1, -1), ENTRY(0, 1) };
	pid_t pid;

	/* Nobody's is not the caller's either. */
	EXPECT_EQ(-EPERM, sem_op(self->fd, 0, 1, 0));
	pid = holder(self->fd, 0, 1, self->word);
	ASSERT_LT(0, pid);
	EXPECT_EQ(pid, owner_of(self->fd, 0));
	EXPECT_EQ(-EPERM, sem_op(self->fd, 0, 1, 0));
	EXPECT_EQ(-EPERM, sem_ops_until(self->fd, ops, 2, 0, 0, NULL));
	EXPECT_EQ(1, sem_value(self->fd, 1));
	EXPECT_EQ(-EPERM, sem_mark(self->fd, 0, KIPC_MUTEX_CONSISTENT));
	EXPECT_EQ(-EPERM, sem_mark(self->fd, 0, KIPC_MUTEX_UNRECOVERABLE));
	EXPECT_EQ(-EAGAIN, sem_try(self->fd, 0, -1));
	EXPECT_EQ(0, sem_value(self->fd, 0));
	EXPECT_EQ(pid, owner_of(self->fd, 0));
	EXPECT_TRUE(sem_kill(pid));
}

/* A child does not own what its parent took. */
TEST_F(mutex, fork_does_not_hand_it_on)
{
	pid_t pid;

	ASSERT_EQ(0, sem_op(self->fd, 0, -1, 0));
	pid = kipc_fork();
	if (!pid) {
		CHILD_EQ(-EPERM, sem_op(self->fd, 0, 1, 0));
		CHILD_EQ(-EAGAIN, sem_try(self->fd, 0, -1));
		_exit(0);
	}
	EXPECT_EQ(0, kipc_reap(pid));
	EXPECT_EQ(getpid(), owner_of(self->fd, 0));
	EXPECT_EQ(0, state_of(self->fd, 0));
	EXPECT_EQ(0, sem_op(self->fd, 0, 1, 0));
}

TEST_F(mutex, eownerdead_and_consistent)
{
	pid_t pid = holder(self->fd, 0, 1, self->word);

	ASSERT_LT(0, pid);
	EXPECT_TRUE(sem_kill(pid));
	EXPECT_EQ(1, sem_value(self->fd, 0));
	EXPECT_EQ(KIPC_MUTEX_OWNER_DEAD, state_of(self->fd, 0));
	EXPECT_EQ(0, owner_of(self->fd, 0));
	EXPECT_EQ(-EOWNERDEAD, sem_op(self->fd, 0, -1, 0));
	/* He has it all the same. */
	EXPECT_EQ(0, sem_value(self->fd, 0));
	EXPECT_EQ(getpid(), owner_of(self->fd, 0));
	EXPECT_EQ(KIPC_MUTEX_OWNER_DEAD, state_of(self->fd, 0));
	EXPECT_EQ(-EDEADLK, sem_op(self->fd, 0, -1, 0));
	EXPECT_EQ(0, sem_mark(self->fd, 0, KIPC_MUTEX_CONSISTENT));
	EXPECT_EQ(0, state_of(self->fd, 0));
	EXPECT_EQ(-EINVAL, sem_mark(self->fd, 0, KIPC_MUTEX_CONSISTENT));
	EXPECT_EQ(0, sem_op(self->fd, 0, 1, 0));
	EXPECT_EQ(0, sem_op(self->fd, 0, -1, 0));
	EXPECT_EQ(0, sem_op(self->fd, 0, 1, 0));
}

/* One that sleeps gets it the same way. */
TEST_F(mutex, eownerdead_for_one_who_waits)
{
	pid_t pid = holder(self->fd, 0, 1, self->word);
	struct sem_call call = { .fd = self->fd, .delta = -1 };

	ASSERT_LT(0, pid);
	ASSERT_EQ(0, sem_call_asleep(&call));
	EXPECT_EQ(1, sem_waiting(self->fd, 0));
	EXPECT_TRUE(sem_kill(pid));
	EXPECT_EQ(-EOWNERDEAD, sem_call_wait(&call));
	EXPECT_EQ(getpid(), owner_of(self->fd, 0));
	EXPECT_EQ(0, sem_waiting(self->fd, 0));
}

/* The heir dies as well: the next one is told the same. */
TEST_F(mutex, eownerdead_again)
{
	uint32_t i;
	pid_t pid;

	pid = holder(self->fd, 0, 1, self->word);
	ASSERT_LT(0, pid);
	EXPECT_TRUE(sem_kill(pid));
	for (i = 0; i < 3; i++) {
		pid = kipc_fork();
		if (!pid) {
			CHILD_EQ(-EOWNERDEAD, sem_op(self->fd, 0, -1, 0));
			_exit(0);
		}
		EXPECT_EQ(0, kipc_reap(pid));
		EXPECT_EQ(KIPC_MUTEX_OWNER_DEAD, state_of(self->fd, 0));
	}
	EXPECT_EQ(-EOWNERDEAD, sem_op(self->fd, 0, -1, 0));
	EXPECT_EQ(0, sem_mark(self->fd, 0, KIPC_MUTEX_CONSISTENT));
	EXPECT_EQ(0, sem_op(self->fd, 0, 1, 0));
}

/* To exit is a death, and so is to close the last descriptor. */
TEST_F(mutex, eownerdead_after_exit_and_close)
{
	int way, other, status;
	pid_t pid;

	for (way = 0; way < 4; way++) {
		word_set(self->word, 0);
		pid = kipc_fork();
		if (!pid) {
			other = dup(self->fd);
			CHILD_EQ(0, sem_op(self->fd, 0, -1,
					   way & 1 ? KIPC_SEM_UNDO : 0));
			close(self->fd);
			CHILD_EQ(getpid(), owner_of(other, 0));
			if (way < 2)
				_exit(0);
			close(other);
			word_set(self->word, 1);
			for (;;)
				pause();
		}
		if (way < 2)
			status = kipc_reap(pid);
		else
			status = !wait_for(word_get(self->word));
		ASSERT_EQ(0, status);
		EXPECT_EQ(-EOWNERDEAD, sem_try(self->fd, 0, -1));
		EXPECT_EQ(0, sem_mark(self->fd, 0, KIPC_MUTEX_CONSISTENT));
		EXPECT_EQ(0, sem_op(self->fd, 0, 1, 0));
		if (way >= 2)
			EXPECT_TRUE(sem_kill(pid));
	}
}

/* What the caller closes itself is taken from him as well. */
TEST(close_and_open_again)
{
	char name[64];
	int one, two;

	snprintf(name, sizeof(name), "mutex-%d", getpid());
	one = sem_named(name, 1, 0, KIPC_EXCL | KIPC_PERSIST |
			KIPC_SEMAPHORE_MUTEX);
	ASSERT_LE(0, one);
	ASSERT_EQ(0, sem_op(one, 0, -1, 0));
	close(one);
	two = sem_open_name(name, SEM_RIGHTS, 0);
	ASSERT_LE(0, two);
	EXPECT_EQ(-EOWNERDEAD, sem_try(two, 0, -1));
	/* Two handles: the first close takes nothing away. */
	one = sem_open_name(name, SEM_RIGHTS, 0);
	ASSERT_LE(0, one);
	close(two);
	EXPECT_EQ(getpid(), owner_of(one, 0));
	EXPECT_EQ(-EDEADLK, sem_try(one, 0, -1));
	EXPECT_EQ(0, kipc_unlink(name));
}

static void expect_dead(struct __test_metadata *_metadata, int fd,
			uint32_t index)
{
	const struct kipc_sem_entry ops[2] = { ENTRY(2, -1),
					       ENTRY(index, -1) };
	pid_t pid;

	EXPECT_EQ(KIPC_MUTEX_DEAD, state_of(fd, index));
	EXPECT_EQ(0, owner_of(fd, index));
	EXPECT_EQ(-ENOTRECOVERABLE, sem_op(fd, index, -1, 0));
	EXPECT_EQ(-ENOTRECOVERABLE, sem_try(fd, index, -1));
	EXPECT_EQ(-ENOTRECOVERABLE, sem_op_until(fd, index, -1, 0, 1));
	EXPECT_EQ(-ENOTRECOVERABLE, sem_ops_until(fd, ops, 2, 0, 0, NULL));
	EXPECT_EQ(1, sem_value(fd, 2));
	EXPECT_EQ(-EPERM, sem_mark(fd, index, KIPC_MUTEX_CONSISTENT));
	pid = kipc_fork();
	if (!pid) {
		CHILD_EQ(-ENOTRECOVERABLE, sem_op(fd, index, -1, 0));
		_exit(0);
	}
	EXPECT_EQ(0, kipc_reap(pid));
}

/* Until somebody makes it new. */
static void make_new(struct __test_metadata *_metadata, int fd, uint32_t index)
{
	ASSERT_EQ(0, sem_set(fd, index, 1));
	EXPECT_EQ(0, state_of(fd, index));
	EXPECT_EQ(1, sem_value(fd, index));
	EXPECT_EQ(0, sem_op(fd, index, -1, 0));
	EXPECT_EQ(0, sem_op(fd, index, 1, 0));
}

TEST_F(mutex, v_without_a_mark_ends_it)
{
	struct sem_call call[2];
	int i;

	inherit(_metadata, self->fd, 0, self->word);
	/* Waiting by others; this process itself would get EDEADLK. */
	for (i = 0; i < 2; i++)
		call[i] = (struct sem_call){ .fd = self->fd, .delta = -1 };
	EXPECT_EQ(-EDEADLK, sem_try(self->fd, 0, -1));
	EXPECT_EQ(0, sem_op(self->fd, 0, 1, 0));
	for (i = 0; i < 2; i++) {
		ASSERT_EQ(0, sem_call_start(&call[i]));
		EXPECT_EQ(-ENOTRECOVERABLE, sem_call_wait(&call[i]));
	}
	expect_dead(_metadata, self->fd, 0);
	make_new(_metadata, self->fd, 0);
}

TEST_F(mutex, unrecoverable_ends_it)
{
	/* Whether an owner had died or not. */
	ASSERT_EQ(0, sem_op(self->fd, 0, -1, 0));
	EXPECT_EQ(0, sem_mark(self->fd, 0, KIPC_MUTEX_UNRECOVERABLE));
	expect_dead(_metadata, self->fd, 0);
	EXPECT_EQ(-EPERM, sem_op(self->fd, 0, 1, 0));
	make_new(_metadata, self->fd, 0);

	inherit(_metadata, self->fd, 1, self->word);
	EXPECT_EQ(0, sem_mark(self->fd, 1, KIPC_MUTEX_UNRECOVERABLE));
	expect_dead(_metadata, self->fd, 1);
	EXPECT_EQ(0, state_of(self->fd, 0));
	make_new(_metadata, self->fd, 1);
}

#define HEIRS	4

/* The heir, in a process of its own, gives it up in one of two ways. */
static pid_t heir(int fd, uint32_t *word, bool mark)
{
	pid_t pid = kipc_fork();

	if (pid)
		return pid;
	CHILD_EQ(-EOWNERDEAD, sem_op(fd, 0, -1, 0));
	word_set(word, 1);
	while (word_get(word) == 1)
		usleep(500);
	if (mark)
		CHILD_EQ(0, sem_mark(fd, 0, KIPC_MUTEX_UNRECOVERABLE));
	else
		CHILD_EQ(0, sem_op(fd, 0, 1, 0));
	_exit(0);
}

TEST_F(mutex, enotrecoverable_wakes_all_who_wait)
{
	struct sem_call call[HEIRS], vector;
	int mark, i;
	pid_t pid;

	for (mark = 0; mark < 2; mark++) {
		pid = holder(self->fd, 0, 1, self->word);
		ASSERT_LT(0, pid);
		EXPECT_TRUE(sem_kill(pid));
		word_set(self->word, 0);
		pid = heir(self->fd, self->word, mark);
		ASSERT_TRUE(wait_for(word_get(self->word) == 1));
		for (i = 0; i < HEIRS; i++) {
			call[i] = (struct sem_call){ .fd = self->fd,
				.delta = -1, .deadline_ns = i & 1 ?
				in_ms(60000) : 0 };
			ASSERT_EQ(0, sem_call_asleep(&call[i]));
		}
		vector = (struct sem_call){ .fd = self->fd, .count = 2,
			.entries = { ENTRY(1, -1), ENTRY(0, -1) } };
		ASSERT_EQ(0, sem_call_asleep(&vector));
		word_set(self->word, 2);
		for (i = 0; i < HEIRS; i++)
			EXPECT_EQ(-ENOTRECOVERABLE, sem_call_wait(&call[i]));
		EXPECT_EQ(-ENOTRECOVERABLE, sem_call_wait(&vector));
		EXPECT_EQ(1, sem_value(self->fd, 1));
		EXPECT_EQ(0, sem_sleepers(self->fd));
		EXPECT_EQ(0, kipc_reap(pid));
		expect_dead(_metadata, self->fd, 0);
		make_new(_metadata, self->fd, 0);
	}
}

TEST_F(mutex, set_frees_it_whoever_has_it)
{
	pid_t pid = holder(self->fd, 0, 1, self->word);
	struct sem_call call = { .fd = self->fd, .delta = -1 };

	ASSERT_LT(0, pid);
	ASSERT_EQ(0, sem_call_asleep(&call));
	EXPECT_EQ(0, sem_set(self->fd, 0, 1));
	/* Free and consistent, so the one who waited has it now. */
	EXPECT_EQ(0, sem_call_wait(&call));
	EXPECT_EQ(getpid(), owner_of(self->fd, 0));
	/* The death of who had it before is nobody's concern any more. */
	EXPECT_TRUE(sem_kill(pid));
	EXPECT_EQ(getpid(), owner_of(self->fd, 0));
	EXPECT_EQ(0, state_of(self->fd, 0));
	EXPECT_EQ(0, sem_op(self->fd, 0, 1, 0));
	EXPECT_EQ(0, sem_op(self->fd, 0, -1, 0));
}

/* Bit n is about entry n. */
TEST_F(mutex, a_vector_tells_which_owners_died)
{
	struct kipc_sem_entry ops[3] = { ENTRY(2, -1), ENTRY(1, -1),
					 ENTRY(0, -1) };
	uint64_t dead = ~0ULL;
	uint32_t i;
	pid_t pid;

	EXPECT_EQ(0, sem_ops_until(self->fd, ops, 3, 0, 0, &dead));
	EXPECT_EQ(0, dead);
	for (i = 0; i < 3; i++)
		ops[i].delta = 1;
	EXPECT_EQ(0, sem_ops_until(self->fd, ops, 3, 0, 0, &dead));
	for (i = 0; i < 3; i++)
		ops[i].delta = -1;
	pid = holder(self->fd, 0, 2, self->word);
	ASSERT_LT(0, pid);
	EXPECT_TRUE(sem_kill(pid));
	EXPECT_EQ(-EOWNERDEAD, sem_ops_until(self->fd, ops, 3, 0, 0, &dead));
	EXPECT_EQ(6, dead);
	for (i = 0; i < 3; i++)
		EXPECT_EQ(getpid(), owner_of(self->fd, i));
	EXPECT_EQ(-EINVAL, sem_mark(self->fd, 2, KIPC_MUTEX_CONSISTENT));
	EXPECT_EQ(0, sem_mark(self->fd, 1, KIPC_MUTEX_CONSISTENT));
	EXPECT_EQ(0, sem_mark(self->fd, 0, KIPC_MUTEX_CONSISTENT));
	for (i = 0; i < 3; i++)
		ops[i].delta = 1;
	EXPECT_EQ(0, sem_ops_until(self->fd, ops, 3, 0, 0, &dead));
	EXPECT_EQ(0, dead);
}

TEST_F(mutex, a_vector_that_slept_is_told_too)
{
	struct sem_call call = { .fd = self->fd, .count = 2,
		.entries = { ENTRY(1, -1), ENTRY(0, -1) } };
	pid_t pid = holder(self->fd, 0, 1, self->word);

	ASSERT_LT(0, pid);
	ASSERT_EQ(0, sem_call_asleep(&call));
	EXPECT_EQ(1, sem_value(self->fd, 1));
	EXPECT_TRUE(sem_kill(pid));
	EXPECT_EQ(-EOWNERDEAD, sem_call_wait(&call));
	EXPECT_EQ(2, call.owner_dead);
	EXPECT_EQ(getpid(), owner_of(self->fd, 0));
	EXPECT_EQ(getpid(), owner_of(self->fd, 1));
}

/* The dead owner had several; each of them says so once. */
TEST_F(mutex, all_that_an_owner_had)
{
	pid_t pid = holder(self->fd, 0, 3, self->word);
	uint32_t i;

	ASSERT_LT(0, pid);
	EXPECT_TRUE(sem_kill(pid));
	for (i = 0; i < 3; i++) {
		EXPECT_EQ(KIPC_MUTEX_OWNER_DEAD, state_of(self->fd, i));
		EXPECT_EQ(-EOWNERDEAD, sem_try(self->fd, i, -1));
	}
}

/* V hands it over to the first who waits, never to two. */
TEST_F(mutex, handed_over_in_order)
{
	uint32_t *order = self->word + 2;
	pid_t pid[HEIRS];
	int i;

	ASSERT_EQ(0, sem_op(self->fd, 0, -1, 0));
	for (i = 0; i < HEIRS; i++) {
		pid[i] = kipc_fork();
		if (!pid[i]) {
			CHILD_EQ(0, sem_op(self->fd, 0, -1, 0));
			CHILD_EQ(getpid(), owner_of(self->fd, 0));
			order[word_add(self->word, 1)] = i + 1;
			CHILD_EQ(0, sem_op(self->fd, 0, 1, 0));
			_exit(0);
		}
		ASSERT_TRUE(wait_for(sem_waiting(self->fd, 0) == i + 1U));
	}
	EXPECT_EQ(0, sem_op(self->fd, 0, 1, 0));
	for (i = 0; i < HEIRS; i++)
		EXPECT_EQ(0, kipc_reap(pid[i]));
	for (i = 0; i < HEIRS; i++)
		EXPECT_EQ(i + 1, order[i + 1]);
	EXPECT_EQ(1, sem_value(self->fd, 0));
	EXPECT_EQ(0, state_of(self->fd, 0));
}

/* Out and in again by one call of the owner: he keeps it. */
TEST_F(mutex, v_and_p_in_one_vector)
{
	const struct kipc_sem_entry ops[2] = { ENTRY(0, 1), ENTRY(0, -1) };
	pid_t pid;

	ASSERT_EQ(0, sem_op(self->fd, 0, -1, 0));
	EXPECT_EQ(0, sem_ops_until(self->fd, ops, 2, 0, in_ms(5000), NULL));
	pid = kipc_fork();
	if (!pid)
		_exit(sem_op(self->fd, 0, -1, 0) != 0);
	ASSERT_TRUE(wait_for(sem_waiting(self->fd, 0) == 1));
	EXPECT_EQ(0, sem_ops_until(self->fd, ops, 2, 0, in_ms(5000), NULL));
	EXPECT_EQ(getpid(), (pid_t)owner_of(self->fd, 0));
	EXPECT_EQ(1, sem_waiting(self->fd, 0));
	EXPECT_EQ(0, sem_op(self->fd, 0, 1, 0));
	EXPECT_EQ(0, kipc_reap(pid));
}

/* That a waiter gives up does not make him the owner, or anybody dead. */
TEST_F(mutex, waiters_that_leave)
{
	pid_t pid = holder(self->fd, 0, 1, self->word), waiter;

	ASSERT_LT(0, pid);
	EXPECT_EQ(-ETIMEDOUT, sem_op_until(self->fd, 0, -1, 0, in_ms(20)));
	waiter = kipc_fork();
	if (!waiter)
		_exit(sem_op(self->fd, 0, -1, 0) != 0);
	ASSERT_TRUE(wait_for(sem_waiting(self->fd, 0) == 1));
	EXPECT_TRUE(sem_kill(waiter));
	EXPECT_EQ(0, sem_waiting(self->fd, 0));
	EXPECT_EQ(pid, owner_of(self->fd, 0));
	EXPECT_EQ(0, state_of(self->fd, 0));
	EXPECT_TRUE(sem_kill(pid));
	EXPECT_EQ(-EOWNERDEAD, sem_try(self->fd, 0, -1));
}

TEST_HARNESS_MAIN
