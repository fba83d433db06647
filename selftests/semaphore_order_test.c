// SPDX-License-Identifier: GPL-2.0
/*
 * Who is served when: in order of arrival on each counter, nobody starved, and
 * nobody held up or even woken by what is done to other counters.
 */
#include <sys/resource.h>

#include "kselftest_harness.h"
#include "semaphore_util.h"

#define ENTRY(i, d)	{ .index = (i), .delta = (d) }
#define QUEUE		12

/* That a call did not end can only be seen for a while. */
static void expect_asleep(struct __test_metadata *_metadata,
			  struct sem_call *call, uint32_t index,
			  uint32_t waiting)
{
	EXPECT_EQ(waiting, sem_waiting(call->fd, index));
	EXPECT_FALSE(sem_call_ended(call));
}

TEST(order_of_service_is_order_of_arrival)
{
	struct sem_call call[QUEUE];
	int fd = sem_make(1, 0, 0), i, k;

	ASSERT_LE(0, fd);
	for (i = 0; i < QUEUE; i++) {
		call[i] = (struct sem_call){ .fd = fd, .delta = -1,
			.deadline_ns = i % 3 ? in_ms(60000) : 0 };
		if (i % 4 == 1) {
			call[i].count = 1;
			call[i].entries[0].delta = -1;
		}
		ASSERT_EQ(0, sem_call_start(&call[i]));
		ASSERT_TRUE(wait_for(sem_waiting(fd, 0) == i + 1U));
	}
	EXPECT_EQ(QUEUE, sem_sleepers(fd));
	for (i = 0; i < QUEUE; i++) {
		ASSERT_EQ(0, sem_try(fd, 0, 1));
		ASSERT_EQ(0, sem_call_wait(&call[i]));
		EXPECT_EQ(0, sem_value(fd, 0));
		EXPECT_EQ(QUEUE - 1 - i, sem_waiting(fd, 0));
		for (k = i + 1; k < QUEUE; k++)
			EXPECT_FALSE(sem_call_ended(&call[k]));
	}
}

/* Many at once: one V of 5 serves the first five. */
TEST(a_large_v_serves_the_first_who_fit)
{
	struct sem_call call[QUEUE];
	int fd = sem_make(1, 0, 0), i;

	ASSERT_LE(0, fd);
	for (i = 0; i < QUEUE; i++) {
		call[i] = (struct sem_call){ .fd = fd, .delta = -1 };
		ASSERT_EQ(0, sem_call_asleep(&call[i]));
	}
	ASSERT_EQ(0, sem_try(fd, 0, 5));
	for (i = 0; i < 5; i++)
		EXPECT_EQ(0, sem_call_wait(&call[i]));
	EXPECT_EQ(QUEUE - 5, sem_waiting(fd, 0));
	for (; i < QUEUE; i++)
		EXPECT_FALSE(sem_call_ended(&call[i]));
	ASSERT_EQ(0, sem_try(fd, 0, QUEUE));
	for (i = 5; i < QUEUE; i++)
		EXPECT_EQ(0, sem_call_wait(&call[i]));
	EXPECT_EQ(5, sem_value(fd, 0));
}

TEST(a_large_p_at_the_head_is_not_starved)
{
	struct sem_call large, small[QUEUE];
	int fd = sem_make(1, 3, 0), i;

	ASSERT_LE(0, fd);
	large = (struct sem_call){ .fd = fd, .delta = -8 };
	ASSERT_EQ(0, sem_call_asleep(&large));
	/* There is enough for these, but he came first. */
	EXPECT_EQ(-EAGAIN, sem_try(fd, 0, -1));
	EXPECT_EQ(-ETIMEDOUT, sem_op_until(fd, 0, -1, 0, 1));
	EXPECT_EQ(-ETIMEDOUT, sem_op_until(fd, 0, -1, 0, in_ms(20)));
	for (i = 0; i < QUEUE; i++) {
		small[i] = (struct sem_call){ .fd = fd, .delta = -1 };
		ASSERT_EQ(0, sem_call_asleep(&small[i]));
	}
	for (i = 0; i < 4; i++) {
		ASSERT_EQ(0, sem_try(fd, 0, 1));
		EXPECT_EQ(4 + i, sem_value(fd, 0));
		expect_asleep(_metadata, &large, 0, QUEUE + 1);
	}
	ASSERT_EQ(0, sem_try(fd, 0, 1));
	EXPECT_EQ(0, sem_call_wait(&large));
	EXPECT_EQ(0, sem_value(fd, 0));
	EXPECT_EQ(QUEUE, sem_waiting(fd, 0));
	ASSERT_EQ(0, sem_try(fd, 0, QUEUE));
	for (i = 0; i < QUEUE; i++)
		EXPECT_EQ(0, sem_call_wait(&small[i]));
}

/* When the large one at the head gives up, those behind go on at once. */
TEST(a_head_that_leaves_lets_the_others_pass)
{
	struct sem_call large, small[3];
	int fd = sem_make(1, 3, 0), i;

	ASSERT_LE(0, fd);
	large = (struct sem_call){ .fd = fd, .delta = -8,
		.deadline_ns = in_ms(500) };
	ASSERT_EQ(0, sem_call_start(&large));
	ASSERT_TRUE(wait_for(sem_waiting(fd, 0) == 1));
	for (i = 0; i < 3; i++) {
		small[i] = (struct sem_call){ .fd = fd, .delta = -1 };
		ASSERT_EQ(0, sem_call_start(&small[i]));
	}
	EXPECT_EQ(-ETIMEDOUT, sem_call_wait(&large));
	for (i = 0; i < 3; i++)
		EXPECT_EQ(0, sem_call_wait(&small[i]));
	EXPECT_EQ(0, sem_value(fd, 0));
	EXPECT_EQ(0, sem_sleepers(fd));
}

TEST(waiters_on_other_counters_are_not_held_up)
{
	struct sem_call large, vector;
	int fd = sem_make(3, 3, 0);

	ASSERT_LE(0, fd);
	large = (struct sem_call){ .fd = fd, .index = 0, .delta = -8 };
	ASSERT_EQ(0, sem_call_asleep(&large));
	EXPECT_EQ(0, sem_try(fd, 1, -3));
	/* One waits on counter 1; counter 2 is free all the same. */
	vector = (struct sem_call){ .fd = fd, .count = 2,
		.entries = { ENTRY(1, -1), ENTRY(2, -1) } };
	ASSERT_EQ(0, sem_call_asleep(&vector));
	EXPECT_EQ(0, sem_try(fd, 1, 1));
	EXPECT_EQ(0, sem_call_wait(&vector));
	EXPECT_EQ(0, sem_try(fd, 2, -2));
	EXPECT_EQ(0, sem_value(fd, 2));
	expect_asleep(_metadata, &large, 0, 1);
	ASSERT_EQ(0, sem_try(fd, 0, 5));
	EXPECT_EQ(0, sem_call_wait(&large));
}

/* On each counter that it takes from, though only one of them lacks. */
TEST(a_vector_keeps_its_place)
{
	struct sem_call vector, later;
	int fd = sem_make(2, 1, 0);

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, sem_try(fd, 1, -1));
	vector = (struct sem_call){ .fd = fd, .count = 2,
		.entries = { ENTRY(0, -1), ENTRY(1, -1) } };
	ASSERT_EQ(0, sem_call_asleep(&vector));
	EXPECT_EQ(1, sem_waiting(fd, 0));
	EXPECT_EQ(1, sem_waiting(fd, 1));
	/* Counter 0 has one left, and it is his. */
	EXPECT_EQ(1, sem_value(fd, 0));
	EXPECT_EQ(-EAGAIN, sem_try(fd, 0, -1));
	later = (struct sem_call){ .fd = fd, .index = 0, .delta = -1 };
	ASSERT_EQ(0, sem_call_asleep(&later));
	expect_asleep(_metadata, &vector, 0, 2);
	ASSERT_EQ(0, sem_try(fd, 1, 1));
	EXPECT_EQ(0, sem_call_wait(&vector));
	EXPECT_FALSE(sem_call_ended(&later));
	EXPECT_EQ(0, sem_value(fd, 0));
	ASSERT_EQ(0, sem_try(fd, 0, 1));
	EXPECT_EQ(0, sem_call_wait(&later));
}

/* A vector in the middle of one queue and at the head of another. */
TEST(a_vector_waits_for_its_turn_on_all)
{
	struct sem_call first, vector, last;
	int fd = sem_make(2, 0, 0);

	ASSERT_LE(0, fd);
	first = (struct sem_call){ .fd = fd, .index = 0, .delta = -1 };
	ASSERT_EQ(0, sem_call_asleep(&first));
	vector = (struct sem_call){ .fd = fd, .count = 2,
		.entries = { ENTRY(1, -1), ENTRY(0, -1) } };
	ASSERT_EQ(0, sem_call_asleep(&vector));
	last = (struct sem_call){ .fd = fd, .index = 1, .delta = -1 };
	ASSERT_EQ(0, sem_call_asleep(&last));
	ASSERT_EQ(0, sem_try(fd, 1, 1));
	expect_asleep(_metadata, &vector, 1, 2);
	EXPECT_FALSE(sem_call_ended(&last));
	ASSERT_EQ(0, sem_try(fd, 0, 1));
	EXPECT_EQ(0, sem_call_wait(&first));
	expect_asleep(_metadata, &vector, 1, 2);
	/* Now he is first on both, and so is the one behind him after. */
	ASSERT_EQ(0, sem_try(fd, 0, 1));
	EXPECT_EQ(0, sem_call_wait(&vector));
	EXPECT_FALSE(sem_call_ended(&last));
	ASSERT_EQ(0, sem_try(fd, 1, 1));
	EXPECT_EQ(0, sem_call_wait(&last));
}

/* Two that take from the same counters in opposite order do not block. */
TEST(vectors_cannot_deadlock_each_other)
{
	struct sem_call one, two;
	int fd = sem_make(2, 0, 0);

	ASSERT_LE(0, fd);
	one = (struct sem_call){ .fd = fd, .count = 2,
		.entries = { ENTRY(0, -1), ENTRY(1, -1) } };
	ASSERT_EQ(0, sem_call_asleep(&one));
	two = (struct sem_call){ .fd = fd, .count = 2,
		.entries = { ENTRY(1, -1), ENTRY(0, -1) } };
	ASSERT_EQ(0, sem_call_asleep(&two));
	ASSERT_EQ(0, sem_try(fd, 1, 2));
	ASSERT_EQ(0, sem_try(fd, 0, 1));
	EXPECT_EQ(0, sem_call_wait(&one));
	ASSERT_EQ(0, sem_try(fd, 0, 1));
	EXPECT_EQ(0, sem_call_wait(&two));
}

/* Several entries on one counter are one place in its queue. */
TEST(a_vector_counts_once_on_a_counter)
{
	struct sem_call vector, later;
	int fd = sem_make(1, 1, 0);

	ASSERT_LE(0, fd);
	vector = (struct sem_call){ .fd = fd, .count = 3,
		.entries = { ENTRY(0, -1), ENTRY(0, -1), ENTRY(0, -1) } };
	ASSERT_EQ(0, sem_call_asleep(&vector));
	later = (struct sem_call){ .fd = fd, .delta = -1 };
	ASSERT_EQ(0, sem_call_asleep(&later));
	EXPECT_EQ(2, sem_sleepers(fd));
	ASSERT_EQ(0, sem_try(fd, 0, 1));
	expect_asleep(_metadata, &vector, 0, 2);
	EXPECT_FALSE(sem_call_ended(&later));
	ASSERT_EQ(0, sem_try(fd, 0, 2));
	EXPECT_EQ(0, sem_call_wait(&vector));
	EXPECT_EQ(0, sem_call_wait(&later));
	EXPECT_EQ(0, sem_value(fd, 0));
	EXPECT_EQ(0, sem_waiting(fd, 0));
}

/* A V alone never waits, and never behind those who wait. */
TEST(v_does_not_queue)
{
	struct sem_call large;
	int fd = sem_make(2, 0, 10), i;

	ASSERT_LE(0, fd);
	large = (struct sem_call){ .fd = fd, .delta = -10 };
	ASSERT_EQ(0, sem_call_asleep(&large));
	for (i = 0; i < 10; i++)
		EXPECT_EQ(0, sem_op(fd, 0, 1, 0));
	EXPECT_EQ(0, sem_call_wait(&large));
}

/* What a vector adds itself it can take again, whoever waits for it. */
TEST(v_and_p_of_the_same_in_one_vector)
{
	const struct kipc_sem_entry ops[2] = { ENTRY(0, 1), ENTRY(0, -1) };
	struct sem_call waiter, call;
	int fd = sem_make(1, 1, 1);

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, sem_try(fd, 0, -1));
	waiter = (struct sem_call){ .fd = fd, .delta = -1 };
	ASSERT_EQ(0, sem_call_asleep(&waiter));
	EXPECT_EQ(0, sem_ops_try(fd, ops, 2));
	call = (struct sem_call){ .fd = fd, .count = 2,
		.entries = { ENTRY(0, 1), ENTRY(0, -1) } };
	ASSERT_EQ(0, sem_call_start(&call));
	EXPECT_EQ(0, sem_call_wait(&call));
	expect_asleep(_metadata, &waiter, 0, 1);
	ASSERT_EQ(0, sem_try(fd, 0, 1));
	EXPECT_EQ(0, sem_call_wait(&waiter));
}

TEST(get_and_stat_count_the_waiters)
{
	struct sem_call take, zero, vector;
	struct kipc_semaphore_stat st;
	int fd = sem_make(3, 0, 0);

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, sem_set(fd, 2, 1));
	take = (struct sem_call){ .fd = fd, .index = 0, .delta = -1 };
	ASSERT_EQ(0, sem_call_asleep(&take));
	zero = (struct sem_call){ .fd = fd, .index = 2 };
	ASSERT_EQ(0, sem_call_asleep(&zero));
	vector = (struct sem_call){ .fd = fd, .count = 2,
		.entries = { ENTRY(0, -1), ENTRY(1, -1) } };
	ASSERT_EQ(0, sem_call_asleep(&vector));
	EXPECT_EQ(2, sem_waiting(fd, 0));
	EXPECT_EQ(1, sem_waiting(fd, 1));
	EXPECT_EQ(0, sem_waiting(fd, 2));
	EXPECT_EQ(1, sem_waiting_zero(fd, 2));
	EXPECT_EQ(0, sem_waiting_zero(fd, 0));
	ASSERT_EQ(0, sem_stat(fd, &st));
	EXPECT_EQ(3, st.waiting);
	EXPECT_EQ(0, st.wakeups);
	ASSERT_EQ(0, sem_try(fd, 2, -1));
	ASSERT_EQ(0, sem_try(fd, 0, 2));
	ASSERT_EQ(0, sem_try(fd, 1, 1));
	EXPECT_EQ(0, sem_call_wait(&take));
	EXPECT_EQ(0, sem_call_wait(&zero));
	EXPECT_EQ(0, sem_call_wait(&vector));
	ASSERT_EQ(0, sem_stat(fd, &st));
	EXPECT_EQ(0, st.waiting);
	EXPECT_EQ(3, st.wakeups);
	EXPECT_EQ(3, st.sleeps);
	EXPECT_LT(0, st.blocked_ns);
}

#define CROWD	1000

/* Times that a thread of this process left the processor to wait. */
static long switches_of_threads(void)
{
	struct rusage usage;

	return getrusage(RUSAGE_SELF, &usage) ? -1 : usage.ru_nvcsw;
}

/* A V wakes those whom it enables: all others do not even run. */
TEST(a_thousand_waiters_elsewhere_stay_asleep)
{
	struct sem_call *crowd = calloc(CROWD, sizeof(*crowd));
	struct kipc_semaphore_stat before, after;
	unsigned int i, rounds = scaled(2000);
	long switches;
	int fd = sem_make(KIPC_SEM_COUNT_MAX, 0, 0);

	ASSERT_LE(0, fd);
	ASSERT_NE(NULL, crowd);
	for (i = 0; i < CROWD; i++) {
		/* Counter 0 is left alone. */
		crowd[i] = (struct sem_call){ .fd = fd,
			.index = i % 255 + 1, .delta = -2 };
		ASSERT_EQ(0, sem_call_start(&crowd[i]));
	}
	ASSERT_TRUE(wait_for(sem_sleepers(fd) == CROWD));
	switches = switches_of_threads();
	ASSERT_EQ(0, sem_stat(fd, &before));
	for (i = 0; i < rounds; i++) {
		ASSERT_EQ(0, sem_try(fd, 0, 1));
		ASSERT_EQ(0, sem_try(fd, 0, -1));
		ASSERT_EQ(0, sem_try(fd, 0, 0));
	}
	/* Not enough for anybody on counter 7. */
	ASSERT_EQ(0, sem_try(fd, 7, 1));
	ASSERT_EQ(0, sem_stat(fd, &after));
	EXPECT_EQ(before.wakeups, after.wakeups);
	EXPECT_EQ(before.sleeps, after.sleeps);
	EXPECT_EQ(CROWD, after.waiting);
	/* One round of waking all would be more; some were still on their way. */
	EXPECT_GT(CROWD / 2, switches_of_threads() - switches);
	/* Enough for one. */
	ASSERT_EQ(0, sem_try(fd, 7, 1));
	ASSERT_EQ(0, sem_stat(fd, &after));
	EXPECT_EQ(before.wakeups + 1, after.wakeups);
	EXPECT_EQ(CROWD - 1, after.waiting);
	/* Everybody else is got out. */
	for (i = 1; i < KIPC_SEM_COUNT_MAX; i++)
		ASSERT_EQ(0, sem_set(fd, i, 2 * CROWD));
	for (i = 0; i < CROWD; i++)
		ASSERT_EQ(0, sem_call_wait(&crowd[i]));
}

#define RACERS	6

/* Comes back for more as soon as it has got one. */
struct racer {
	int fd;
	unsigned long shares;
	int ret;
};

static void *racer_run(void *data)
{
	struct racer *r = data;

	while (!(r->ret = sem_patient(r->fd, 0, -1)))
		__atomic_add_fetch(&r->shares, 1, __ATOMIC_RELAXED);
	return NULL;
}

TEST(shares_of_equals_differ_by_one)
{
	unsigned long rounds = scaled(20000), i, least = ~0UL, most = 0;
	struct racer racers[RACERS];
	pthread_t thread[RACERS];
	int fd = sem_make(1, 0, 0), k;

	ASSERT_LE(0, fd);
	for (k = 0; k < RACERS; k++) {
		racers[k] = (struct racer){ .fd = fd };
		ASSERT_EQ(0, pthread_create(&thread[k], NULL, racer_run,
					    &racers[k]));
	}
	/* A token only when all stand in line. */
	for (i = 0; i < rounds / RACERS * RACERS; i++) {
		if (sem_waiting(fd, 0) != RACERS)
			ASSERT_TRUE(wait_for(sem_waiting(fd, 0) == RACERS));
		ASSERT_EQ(0, sem_try(fd, 0, 1));
	}
	ASSERT_TRUE(wait_for(sem_waiting(fd, 0) == RACERS));
	ASSERT_EQ(0, kipc_destroy(fd));
	for (k = 0; k < RACERS; k++) {
		pthread_join(thread[k], NULL);
		EXPECT_EQ(-EIDRM, racers[k].ret);
		if (racers[k].shares < least)
			least = racers[k].shares;
		if (racers[k].shares > most)
			most = racers[k].shares;
	}
	EXPECT_EQ(rounds / RACERS, least);
	EXPECT_EQ(rounds / RACERS, most);
}

TEST_HARNESS_MAIN
