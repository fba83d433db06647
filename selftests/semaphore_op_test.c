// SPDX-License-Identifier: GPL-2.0
/*
 * What P, V and waiting for zero do, alone and in vectors, compared with a model
 * of a few lines.
 */
#include "kselftest_harness.h"
#include "semaphore_util.h"

#define ENTRY(i, d)	{ .index = (i), .delta = (d) }

TEST(p_takes_and_v_adds)
{
	int fd = sem_make(2, 0, 0);

	ASSERT_LE(0, fd);
	EXPECT_EQ(-EAGAIN, sem_try(fd, 0, -1));
	EXPECT_EQ(0, sem_try(fd, 0, 1));
	EXPECT_EQ(1, sem_value(fd, 0));
	EXPECT_EQ(0, sem_value(fd, 1));
	EXPECT_EQ(0, sem_op(fd, 0, -1, 0));
	EXPECT_EQ(-EAGAIN, sem_try(fd, 0, -1));
	EXPECT_EQ(0, sem_op(fd, 1, 1000, 0));
	EXPECT_EQ(-EAGAIN, sem_try(fd, 1, -1001));
	EXPECT_EQ(0, sem_op(fd, 1, -999, 0));
	EXPECT_EQ(1, sem_value(fd, 1));
	EXPECT_EQ(0, sem_op(fd, 0, 0, 0));
	EXPECT_EQ(-EAGAIN, sem_try(fd, 1, 0));
}

TEST(the_whole_range_of_a_counter)
{
	const uint32_t most = KIPC_SEM_VALUE_MAX;
	int fd = sem_make(1, most, 0);

	ASSERT_LE(0, fd);
	EXPECT_EQ(most, sem_value(fd, 0));
	EXPECT_EQ(-EOVERFLOW, sem_try(fd, 0, 1));
	EXPECT_EQ(0, sem_try(fd, 0, -INT32_MAX));
	EXPECT_EQ(0, sem_value(fd, 0));
	EXPECT_EQ(-EAGAIN, sem_try(fd, 0, -INT32_MAX));
	EXPECT_EQ(0, sem_try(fd, 0, INT32_MAX));
	EXPECT_EQ(most, sem_value(fd, 0));
}

TEST(all_counters_of_a_large_set)
{
	struct kipc_sem_counter counters[KIPC_SEM_COUNT_MAX];
	uint32_t values[KIPC_SEM_COUNT_MAX], i;
	struct kipc_semaphore_create arg = { .rights = SEM_RIGHTS,
		.count = KIPC_SEM_COUNT_MAX, .values = to_u64(values) };
	int fd;

	for (i = 0; i < KIPC_SEM_COUNT_MAX; i++)
		values[i] = i * 3;
	fd = sem_create(&arg);
	ASSERT_LE(0, fd);
	for (i = 0; i < KIPC_SEM_COUNT_MAX; i++)
		EXPECT_EQ(0, sem_try(fd, i, i & 1 ? -1 : 2));
	ASSERT_EQ(0, sem_get_all(fd, 0, counters, KIPC_SEM_COUNT_MAX));
	for (i = 0; i < KIPC_SEM_COUNT_MAX; i++)
		EXPECT_EQ(i * 3 + (i & 1 ? -1 : 2), counters[i].value);
	for (i = 0; i < KIPC_SEM_COUNT_MAX; i++)
		values[i] = 1000 - i;
	ASSERT_EQ(0, sem_set_all(fd, 0, values, KIPC_SEM_COUNT_MAX));
	ASSERT_EQ(0, sem_get_all(fd, 0, counters, KIPC_SEM_COUNT_MAX));
	for (i = 0; i < KIPC_SEM_COUNT_MAX; i++)
		EXPECT_EQ(1000 - i, counters[i].value);
}

/* Each operation sees what those before it left. */
TEST(order_inside_a_vector)
{
	const struct kipc_sem_entry give_take[] = { ENTRY(0, 1), ENTRY(0, -1) };
	const struct kipc_sem_entry take_give[] = { ENTRY(0, -1), ENTRY(0, 1) };
	const struct kipc_sem_entry take_zero[] = { ENTRY(0, -1), ENTRY(0, 0) };
	const struct kipc_sem_entry zero_give[] = { ENTRY(0, 0), ENTRY(0, 1) };
	const struct kipc_sem_entry twice[] = { ENTRY(0, -1), ENTRY(0, -1) };
	int fd = sem_make(1, 0, 2);

	ASSERT_LE(0, fd);
	EXPECT_EQ(0, sem_ops_try(fd, give_take, 2));
	EXPECT_EQ(-EAGAIN, sem_ops_try(fd, take_give, 2));
	EXPECT_EQ(-EAGAIN, sem_ops_try(fd, take_zero, 2));
	EXPECT_EQ(0, sem_ops_try(fd, zero_give, 2));
	EXPECT_EQ(1, sem_value(fd, 0));
	EXPECT_EQ(-EAGAIN, sem_ops_try(fd, zero_give, 2));
	EXPECT_EQ(-EAGAIN, sem_ops_try(fd, twice, 2));
	EXPECT_EQ(1, sem_value(fd, 0));
	EXPECT_EQ(0, sem_ops_try(fd, take_zero, 2));
	EXPECT_EQ(0, sem_value(fd, 0));
	ASSERT_EQ(0, sem_set(fd, 0, 2));
	EXPECT_EQ(-EOVERFLOW, sem_ops_try(fd, give_take, 2));
	EXPECT_EQ(0, sem_ops_try(fd, take_give, 2));
	EXPECT_EQ(-EAGAIN, sem_ops_try(fd, take_zero, 2));
	EXPECT_EQ(2, sem_value(fd, 0));
	EXPECT_EQ(0, sem_ops_try(fd, twice, 2));
	EXPECT_EQ(0, sem_value(fd, 0));
}

TEST(a_vector_is_done_as_a_whole_or_not_at_all)
{
	struct kipc_sem_entry ops[KIPC_SEM_OPS_MAX];
	struct kipc_sem_counter counters[KIPC_SEM_OPS_MAX];
	uint32_t bad, i;
	int fd = sem_make(KIPC_SEM_OPS_MAX, 1, 1);

	ASSERT_LE(0, fd);
	for (i = 0; i < KIPC_SEM_OPS_MAX; i++)
		ops[i] = (struct kipc_sem_entry)ENTRY(i, -1);
	/* Whichever of them cannot be done, nothing is. */
	for (bad = 0; bad < KIPC_SEM_OPS_MAX; bad++) {
		ASSERT_EQ(0, sem_try(fd, bad, -1));
		EXPECT_EQ(-EAGAIN, sem_ops_try(fd, ops, KIPC_SEM_OPS_MAX));
		ASSERT_EQ(0, sem_get_all(fd, 0, counters, KIPC_SEM_OPS_MAX));
		for (i = 0; i < KIPC_SEM_OPS_MAX; i++)
			EXPECT_EQ(i != bad, counters[i].value);
		ASSERT_EQ(0, sem_try(fd, bad, 1));
	}
	EXPECT_EQ(0, sem_ops_try(fd, ops, KIPC_SEM_OPS_MAX));
	for (i = 0; i < KIPC_SEM_OPS_MAX; i++)
		EXPECT_EQ(0, sem_value(fd, i));
}

/* A reader never sees one half of a vector. */
#define TRANSFERS	200000

struct transfer {
	int fd;
	unsigned long count;
	uint64_t rnd;
	int ret;
	int ended;
};

static void *transfer_run(void *data)
{
	struct transfer *t = data;
	struct kipc_sem_entry ops[2];
	uint32_t from, n;

	while (t->count--) {
		from = kipc_rand(&t->rnd) % 4;
		n = kipc_rand(&t->rnd) % 10 + 1;
		ops[0] = (struct kipc_sem_entry)ENTRY(from, -(int32_t)n);
		ops[1] = (struct kipc_sem_entry)ENTRY((from + 1) % 4, n);
		t->ret = sem_ops_try(t->fd, ops, 2);
		if (t->ret && t->ret != -EAGAIN)
			break;
		t->ret = 0;
	}
	__atomic_store_n(&t->ended, 1, __ATOMIC_RELEASE);
	return NULL;
}

TEST(a_vector_is_never_seen_half_done)
{
	struct kipc_sem_counter counters[4];
	struct transfer t = { .count = scaled(TRANSFERS), .rnd = kipc_seed() };
	unsigned long looks = 0, wrong = 0;
	pthread_t thread;
	int i, sum;

	t.fd = sem_make(4, 25, 0);
	ASSERT_LE(0, t.fd);
	ASSERT_EQ(0, pthread_create(&thread, NULL, transfer_run, &t));
	while (!__atomic_load_n(&t.ended, __ATOMIC_ACQUIRE)) {
		ASSERT_EQ(0, sem_get_all(t.fd, 0, counters, 4));
		for (sum = 0, i = 0; i < 4; i++)
			sum += counters[i].value;
		wrong += sum != 100;
		looks++;
	}
	pthread_join(thread, NULL);
	EXPECT_EQ(0, t.ret);
	EXPECT_EQ(0, wrong);
	EXPECT_LT(0, looks);
}

#define MODEL_COUNTERS	5
#define MODEL_MAX	7
#define MODEL_OPS	100000

/* What one call should give, and what it leaves in @values. */
static int model(uint32_t *values, const struct kipc_sem_entry *ops,
		 uint32_t count)
{
	uint32_t next[MODEL_COUNTERS], i;
	int64_t value;

	memcpy(next, values, sizeof(next));
	for (i = 0; i < count; i++)
		if (ops[i].delta < -MODEL_MAX)
			return -EINVAL;
	for (i = 0; i < count; i++) {
		value = next[ops[i].index];
		if (!ops[i].delta && value)
			return -EAGAIN;
		value += ops[i].delta;
		if (value < 0)
			return -EAGAIN;
		if (value > MODEL_MAX)
			return -EOVERFLOW;
		next[ops[i].index] = value;
	}
	memcpy(values, next, sizeof(next));
	return 0;
}

static int32_t some_delta(uint64_t *rnd)
{
	/* Mostly small, so that much succeeds. */
	if (kipc_rand(rnd) % 20 == 0)
		return (int32_t)(kipc_rand(rnd) % 20) - 10;
	return (int32_t)(kipc_rand(rnd) % 5) - 2;
}

static int model_call(int fd, const struct kipc_sem_entry *ops, uint32_t count,
		      uint64_t *rnd)
{
	/* A deadline that has passed asks the same. */
	bool timed = kipc_rand(rnd) % 4 == 0;
	uint32_t flags = timed ? 0 : KIPC_SEM_NONBLOCK;
	int ret;

	if (count == 1 && kipc_rand(rnd) % 2)
		ret = sem_op_until(fd, ops->index, ops->delta, flags, timed);
	else
		ret = sem_ops_until(fd, ops, count, flags, timed, NULL);
	return timed && ret == -ETIMEDOUT ? -EAGAIN : ret;
}

TEST(random_operations_as_in_a_model)
{
	unsigned long rounds = scaled(MODEL_OPS), done = 0, i;
	uint32_t values[MODEL_COUNTERS] = {}, count, k;
	struct kipc_sem_counter counters[MODEL_COUNTERS];
	struct kipc_sem_entry ops[6];
	uint64_t rnd = kipc_seed();
	int fd = sem_make(MODEL_COUNTERS, 0, MODEL_MAX), want, got;

	ASSERT_LE(0, fd);
	for (i = 0; i < rounds; i++) {
		count = kipc_rand(&rnd) % 3 ? 1 : kipc_rand(&rnd) % 6 + 1;
		for (k = 0; k < count; k++)
			ops[k] = (struct kipc_sem_entry)
				ENTRY(kipc_rand(&rnd) % MODEL_COUNTERS,
				      some_delta(&rnd));
		want = model(values, ops, count);
		got = model_call(fd, ops, count, &rnd);
		ASSERT_EQ(want, got)
			TH_LOG("call %lu, %u operations", i, count);
		ASSERT_EQ(0, sem_get_all(fd, 0, counters, MODEL_COUNTERS));
		for (k = 0; k < MODEL_COUNTERS; k++)
			ASSERT_EQ(values[k], counters[k].value)
				TH_LOG("call %lu, counter %u", i, k);
		done += !got;
	}
	/* The test is worth something: much was refused and much done. */
	EXPECT_LT(rounds / 10, done);
	EXPECT_GT(rounds - rounds / 10, done);
	EXPECT_EQ(0, sem_sleepers(fd));
}

/* What a V makes possible is done at once, and may make more possible. */
TEST(one_v_sets_off_a_chain)
{
	struct sem_call call[4];
	int fd = sem_make(5, 0, 0), i;

	ASSERT_LE(0, fd);
	/* Each takes from its counter and gives to the next. */
	for (i = 3; i >= 0; i--) {
		call[i] = (struct sem_call){ .fd = fd, .count = 2,
			.entries = { ENTRY(i, -1), ENTRY(i + 1, 1) } };
		ASSERT_EQ(0, sem_call_asleep(&call[i]));
	}
	EXPECT_EQ(0, sem_try(fd, 0, 1));
	/* It is all done when the V returns, whoever runs when. */
	EXPECT_EQ(1, sem_value(fd, 4));
	for (i = 0; i < 4; i++) {
		EXPECT_EQ(0, sem_value(fd, i));
		EXPECT_EQ(0, sem_call_wait(&call[i]));
	}
	EXPECT_EQ(0, sem_sleepers(fd));
}

/* The P that brings a counter to 0 serves those who wait for that. */
TEST(those_who_wait_for_zero)
{
	struct sem_call call[3];
	int fd = sem_make(2, 2, 0), i;

	ASSERT_LE(0, fd);
	for (i = 0; i < 3; i++) {
		call[i] = (struct sem_call){ .fd = fd, .index = 0 };
		ASSERT_EQ(0, sem_call_asleep(&call[i]));
	}
	EXPECT_EQ(3, sem_waiting_zero(fd, 0));
	EXPECT_EQ(0, sem_waiting(fd, 0));
	EXPECT_EQ(0, sem_try(fd, 0, -1));
	EXPECT_EQ(3, sem_waiting_zero(fd, 0));
	EXPECT_EQ(0, sem_try(fd, 1, -2));
	EXPECT_EQ(3, sem_waiting_zero(fd, 0));
	EXPECT_EQ(0, sem_try(fd, 0, -1));
	EXPECT_EQ(0, sem_waiting_zero(fd, 0));
	/* That it is not 0 any more when they run changes nothing. */
	EXPECT_EQ(0, sem_try(fd, 0, 1));
	for (i = 0; i < 3; i++)
		EXPECT_EQ(0, sem_call_wait(&call[i]));
}

/* A barrier: wait for zero, then add to the next one, as one operation. */
TEST(zero_and_v_in_one_vector)
{
	struct sem_call call = { .count = 2,
		.entries = { ENTRY(0, 0), ENTRY(0, 1) } };
	struct sem_call other;
	int fd = sem_make(1, 1, 1);

	ASSERT_LE(0, fd);
	call.fd = fd;
	other = call;
	ASSERT_EQ(0, sem_call_asleep(&call));
	ASSERT_EQ(0, sem_call_asleep(&other));
	EXPECT_EQ(2, sem_waiting_zero(fd, 0));
	/* The first makes it 1 again: the second goes on sleeping. */
	EXPECT_EQ(0, sem_try(fd, 0, -1));
	EXPECT_EQ(0, sem_call_wait(&call));
	EXPECT_EQ(1, sem_value(fd, 0));
	EXPECT_EQ(1, sem_waiting_zero(fd, 0));
	EXPECT_FALSE(sem_call_ended(&other));
	EXPECT_EQ(0, sem_try(fd, 0, -1));
	EXPECT_EQ(0, sem_call_wait(&other));
	EXPECT_EQ(1, sem_value(fd, 0));
}

TEST(set_lets_go_on_whoever_can)
{
	const uint32_t values[3] = { 0, 2, 1 };
	struct sem_call zero, take, vector, stays;
	int fd = sem_make(3, 0, 0);

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, sem_set(fd, 0, 3));
	zero = (struct sem_call){ .fd = fd, .index = 0 };
	ASSERT_EQ(0, sem_call_asleep(&zero));
	take = (struct sem_call){ .fd = fd, .index = 1, .delta = -1 };
	ASSERT_EQ(0, sem_call_asleep(&take));
	vector = (struct sem_call){ .fd = fd, .count = 2,
		.entries = { ENTRY(2, -1), ENTRY(1, -1) } };
	ASSERT_EQ(0, sem_call_asleep(&vector));
	stays = (struct sem_call){ .fd = fd, .index = 2, .delta = -2 };
	ASSERT_EQ(0, sem_call_asleep(&stays));
	ASSERT_EQ(0, sem_set_all(fd, 0, values, 3));
	EXPECT_EQ(0, sem_call_wait(&zero));
	EXPECT_EQ(0, sem_call_wait(&take));
	EXPECT_EQ(0, sem_call_wait(&vector));
	EXPECT_EQ(0, sem_value(fd, 1));
	EXPECT_EQ(0, sem_value(fd, 2));
	EXPECT_EQ(1, sem_sleepers(fd));
	EXPECT_EQ(1, sem_waiting(fd, 2));
	ASSERT_EQ(0, sem_set(fd, 2, 2));
	EXPECT_EQ(0, sem_call_wait(&stays));
}

TEST_HARNESS_MAIN
