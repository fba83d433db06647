// SPDX-License-Identifier: GPL-2.0
/*
 * Waiting until a slot changes: what is given back, deadlines, signals, the end
 * of the array, and that no change is ever missed.
 */
#include "kselftest_harness.h"
#include "array_util.h"

#define FEW		4	/* slots that need no allocation */
#define LATE_MS		50

/* Which of @slots changed, if that can be told without sleeping. */
static int array_peek(int fd, struct kipc_array_slot *slots, uint32_t count)
{
	return array_wait(fd, slots, count, 0, KIPC_ARRAY_NONBLOCK);
}

TEST(a_slot_that_has_changed_already_is_no_wait)
{
	struct kipc_array_slot slots[3] = {
		{ .index = 7 }, { .index = 2 }, { .index = 9 },
	};
	int fd = array_make(10, 8);

	ASSERT_LE(0, fd);
	EXPECT_EQ(-EAGAIN, array_peek(fd, slots, 3));
	ASSERT_EQ(0, array_store(fd, 9, 1));
	ASSERT_EQ(0, array_store(fd, 2, 1));
	ASSERT_EQ(0, array_store(fd, 2, 1));
	/* The first of the list, and the versions of all. */
	EXPECT_EQ(1, array_wait(fd, slots, 3, 0, 0));
	EXPECT_EQ(0, slots[0].version);
	EXPECT_EQ(2, slots[1].version);
	EXPECT_EQ(1, slots[2].version);
	EXPECT_EQ(-EAGAIN, array_peek(fd, slots, 3));
	/* Any other version is different, also one that is to come. */
	slots[0].version = 5;
	EXPECT_EQ(0, array_wait(fd, slots, 3, 0, 0));
	EXPECT_EQ(0, slots[0].version);
	close(fd);
}

FIXTURE(wait) {
	int fd;
	struct array_waiter w;
};

FIXTURE_VARIANT(wait) {
	uint32_t count;		/* slots that are waited for */
};

FIXTURE_VARIANT_ADD(wait, one_slot) {
	.count = 1,
};

FIXTURE_VARIANT_ADD(wait, few_slots) {
	.count = FEW,
};

FIXTURE_VARIANT_ADD(wait, more_slots) {
	.count = FEW + 1,
};

FIXTURE_VARIANT_ADD(wait, all_64_slots) {
	.count = KIPC_ARRAY_WAIT_MAX,
};

/* Slots 3, 13, 23 and so on, of more than have a bucket of their own. */
FIXTURE_SETUP(wait)
{
	uint32_t i;

	self->fd = array_make(700, 4);
	ASSERT_LE(0, self->fd);
	memset(&self->w, 0, sizeof(self->w));
	self->w.fd = self->fd;
	self->w.count = variant->count;
	for (i = 0; i < variant->count; i++)
		self->w.slots[i].index = 3 + 10 * i;
}

FIXTURE_TEARDOWN(wait)
{
	EXPECT_EQ(0, array_waiting(self->fd));
	close(self->fd);
}

TEST_F(wait, each_slot_wakes_and_its_neighbours_do_not)
{
	struct kipc_array_slot *slots = self->w.slots;
	uint32_t i, n;

	for (i = 0; i < variant->count; i++) {
		ASSERT_EQ(0, array_waiter_start(&self->w));
		ASSERT_TRUE(wait_for(array_waiting(self->fd) == 1));
		/* Next to it, and in the same bucket if there are 256. */
		ASSERT_EQ(0, array_add(self->fd, slots[i].index + 1, 1));
		ASSERT_EQ(0, array_add(self->fd,
				       (slots[i].index + 256 + 1) % 700, 1));
		ASSERT_EQ(1, array_waiting(self->fd));
		ASSERT_EQ(0, array_add(self->fd, slots[i].index, 1));
		ASSERT_EQ(0, array_waiting(self->fd));
		ASSERT_EQ(i, array_waiter_end(&self->w));
		for (n = 0; n < variant->count; n++)
			ASSERT_EQ(n <= i, slots[n].version);
	}
}

TEST_F(wait, a_vector_wakes_when_all_of_it_is_done)
{
	uint32_t last = variant->count - 1;
	struct kipc_array_entry e[3] = {
		{ .op = KIPC_ARRAY_ADD, .index = self->w.slots[last].index,
		  .value = 1 },
		{ .op = KIPC_ARRAY_ADD, .index = self->w.slots[0].index,
		  .value = 1 },
		{ .op = KIPC_ARRAY_ADD, .index = self->w.slots[last].index,
		  .value = 1 },
	};

	ASSERT_EQ(0, array_waiter_start(&self->w));
	ASSERT_TRUE(wait_for(array_waiting(self->fd) == 1));
	ASSERT_EQ(0, array_ops(self->fd, e, 3, NULL));
	/* The first in the order of the list, whichever was written first. */
	ASSERT_EQ(0, array_waiter_end(&self->w));
	EXPECT_EQ(last ? 1 : 3, self->w.slots[0].version);
	EXPECT_EQ(last ? 2 : 3, self->w.slots[last].version);
}

TEST_F(wait, what_does_not_write_does_not_wake)
{
	uint32_t slot = self->w.slots[0].index, mismatch;
	struct kipc_array_entry e[2] = {
		{ .op = KIPC_ARRAY_ADD, .index = slot, .value = 1 },
		{ .op = KIPC_ARRAY_CAS, .index = 0, .expected = 1 },
	};

	ASSERT_EQ(0, array_waiter_start(&self->w));
	ASSERT_TRUE(wait_for(array_waiting(self->fd) == 1));
	EXPECT_EQ(0, array_load(self->fd, slot));
	ASSERT_EQ(0, array_ops(self->fd, e, 2, &mismatch));
	EXPECT_EQ(1, mismatch);
	e[1].index = slot;
	ASSERT_EQ(0, array_op(self->fd, &e[1]));
	EXPECT_EQ(1, array_waiting(self->fd));
	/* A write that leaves the value as it is wakes. */
	ASSERT_EQ(0, array_store(self->fd, slot, 0));
	EXPECT_EQ(0, array_waiter_end(&self->w));
	EXPECT_EQ(1, self->w.slots[0].version);
}

TEST_F(wait, the_deadline_ends_it)
{
	uint64_t start = now_ns();
	struct kipc_array_stat st;

	EXPECT_EQ(-ETIMEDOUT, array_wait(self->fd, self->w.slots,
					 variant->count, in_ms(LATE_MS), 0));
	EXPECT_LE(start + LATE_MS * NSEC_PER_MSEC, now_ns());
	ASSERT_EQ(0, array_stat(self->fd, &st));
	EXPECT_EQ(0, st.waiting);
	EXPECT_EQ(1, st.sleeps);
	EXPECT_LT(0, st.blocked_ns);
	/* One that has passed counts only if there is nothing. */
	EXPECT_EQ(-ETIMEDOUT, array_wait(self->fd, self->w.slots,
					 variant->count, 1, 0));
	ASSERT_EQ(0, array_add(self->fd, self->w.slots[0].index, 1));
	EXPECT_EQ(0, array_wait(self->fd, self->w.slots, variant->count, 1, 0));
}

TEST_F(wait, a_change_comes_before_a_deadline_far_away)
{
	self->w.deadline_ns = ~0ULL;
	ASSERT_EQ(0, array_waiter_start(&self->w));
	ASSERT_TRUE(wait_for(array_waiting(self->fd) == 1));
	ASSERT_EQ(0, array_add(self->fd, self->w.slots[0].index, 1));
	EXPECT_EQ(0, array_waiter_end(&self->w));
}

TEST_F(wait, destroy_ends_it)
{
	ASSERT_EQ(0, array_waiter_start(&self->w));
	ASSERT_TRUE(wait_for(array_waiting(self->fd) == 1));
	ASSERT_EQ(0, kipc_destroy(self->fd));
	EXPECT_EQ(-EIDRM, array_waiter_end(&self->w));
	EXPECT_EQ(-EIDRM, array_wait(self->fd, self->w.slots, variant->count,
				     0, 0));
	/* For the teardown, which asks how many wait. */
	close(self->fd);
	self->fd = array_make(1, 1);
}

static void on_signal(int sig)
{
	(void)sig;
}

static int handle_signals(int flags)
{
	struct sigaction sa = { .sa_handler = on_signal, .sa_flags = flags };

	return sigaction(SIGUSR1, &sa, NULL);
}

TEST_F(wait, a_signal_ends_it)
{
	ASSERT_EQ(0, handle_signals(0));
	ASSERT_EQ(0, array_waiter_start(&self->w));
	ASSERT_TRUE(wait_for(array_waiting(self->fd) == 1));
	ASSERT_EQ(0, pthread_kill(self->w.thread, SIGUSR1));
	EXPECT_EQ(-EINTR, array_waiter_end(&self->w));
}

TEST_F(wait, a_signal_with_SA_RESTART_does_not)
{
	struct kipc_array_stat st;

	ASSERT_EQ(0, handle_signals(SA_RESTART));
	ASSERT_EQ(0, array_waiter_start(&self->w));
	ASSERT_TRUE(wait_for(array_waiting(self->fd) == 1));
	ASSERT_EQ(0, pthread_kill(self->w.thread, SIGUSR1));
	/* It went to sleep a second time when the first one was counted. */
	ASSERT_TRUE(wait_for(!array_stat(self->fd, &st) && st.sleeps == 1 &&
			     st.waiting == 1));
	EXPECT_FALSE(array_waiter_ended(&self->w));
	ASSERT_EQ(0, array_add(self->fd, self->w.slots[0].index, 1));
	EXPECT_EQ(0, array_waiter_end(&self->w));
}

TEST_F(wait, a_handle_that_does_not_block_gets_EAGAIN)
{
	ASSERT_EQ(0, fcntl(self->fd, F_SETFL, O_NONBLOCK));
	EXPECT_EQ(-EAGAIN, array_wait(self->fd, self->w.slots, variant->count,
				      0, 0));
	ASSERT_EQ(0, fcntl(self->fd, F_SETFL, 0));
	EXPECT_EQ(-EAGAIN, array_wait(self->fd, self->w.slots, variant->count,
				      in_ms(100000), KIPC_ARRAY_NONBLOCK));
	ASSERT_EQ(0, array_add(self->fd, self->w.slots[0].index, 1));
	EXPECT_EQ(0, array_peek(self->fd, self->w.slots, variant->count));
}

TEST(a_slot_may_be_listed_more_than_once)
{
	struct array_waiter w = { .fd = array_make(300, 1), .count = 6 };
	uint32_t index[] = { 5, 261, 5, 5, 261, 7 }, i;

	ASSERT_LE(0, w.fd);
	for (i = 0; i < 6; i++)
		w.slots[i].index = index[i];
	ASSERT_EQ(0, array_waiter_start(&w));
	ASSERT_TRUE(wait_for(array_waiting(w.fd) == 1));
	ASSERT_EQ(0, array_add(w.fd, 261, 1));
	EXPECT_EQ(1, array_waiter_end(&w));
	for (i = 0; i < 6; i++)
		EXPECT_EQ(index[i] == 261, w.slots[i].version);
	EXPECT_EQ(0, array_waiting(w.fd));
	close(w.fd);
}

#define CROWD	40

TEST(a_write_wakes_all_who_wait_for_the_slot_and_nobody_else)
{
	static struct array_waiter w[CROWD];
	int fd = array_make(600, 2), i;

	ASSERT_LE(0, fd);
	/* Three slots that share a bucket; every fourth waits for two. */
	for (i = 0; i < CROWD; i++) {
		w[i] = (struct array_waiter){ .fd = fd, .count = 1 + !(i % 4) };
		w[i].slots[0].index = 256 * (i % 2);
		w[i].slots[1].index = 512;
		ASSERT_EQ(0, array_waiter_start(&w[i]));
	}
	ASSERT_TRUE(wait_for(array_waiting(fd) == CROWD));
	ASSERT_EQ(0, array_add(fd, 256, 1));
	/* They are gone when the write is done. */
	ASSERT_EQ(CROWD / 2, array_waiting(fd));
	for (i = 1; i < CROWD; i += 2)
		ASSERT_EQ(0, array_waiter_end(&w[i]));
	ASSERT_EQ(0, array_add(fd, 512, 1));
	ASSERT_EQ(CROWD / 4, array_waiting(fd));
	for (i = 0; i < CROWD; i += 4)
		ASSERT_EQ(1, array_waiter_end(&w[i]));
	ASSERT_EQ(0, array_add(fd, 0, 1));
	ASSERT_EQ(0, array_waiting(fd));
	for (i = 2; i < CROWD; i += 4)
		ASSERT_EQ(0, array_waiter_end(&w[i]));
	close(fd);
}

/* Writes in bursts; the waiter re-arms with what it was given. */
struct burst {
	int fd;
	uint32_t index;
	unsigned long writes;
};

static void *write_bursts(void *data)
{
	struct burst *b = data;
	unsigned long i;

	for (i = 0; i < b->writes; i++) {
		if (array_store(b->fd, b->index, i + 1))
			return b;
		/* Now and then the waiter has time to fall asleep. */
		if (i % 64 == 63)
			sched_yield();
	}
	return NULL;
}

/* Waits until the versions of all slots are @last; gives 0 or what failed. */
static int follow(int fd, struct kipc_array_slot *slots, uint32_t count,
		  uint64_t last)
{
	struct kipc_array_slot before[KIPC_ARRAY_WAIT_MAX];
	uint32_t i, left = count;
	int ret;

	while (left) {
		memcpy(before, slots, count * sizeof(*slots));
		/* A missed change would end here, after PATIENCE_NS. */
		ret = array_wait(fd, slots, count, now_ns() + PATIENCE_NS, 0);
		if (ret < 0)
			return ret;
		if (slots[ret].version <= before[ret].version)
			return -ERANGE;
		for (i = 0, left = 0; i < count; i++) {
			if (slots[i].version < before[i].version ||
			    ((int)i < ret &&
			     slots[i].version != before[i].version))
				return -ERANGE;
			left += slots[i].version != last;
		}
	}
	return 0;
}

struct follower {
	int fd;
	uint32_t first;
	uint32_t count;
	uint64_t last;
	int ret;
	pthread_t thread;
};

static void *follow_run(void *data)
{
	struct kipc_array_slot slots[KIPC_ARRAY_WAIT_MAX] = {};
	struct follower *f = data;
	uint32_t i;

	for (i = 0; i < f->count; i++)
		slots[i].index = f->first + i;
	f->ret = follow(f->fd, slots, f->count, f->last);
	return NULL;
}

TEST(no_change_is_missed_by_a_waiter_that_rearms)
{
	struct kipc_array_slot slot = { .index = 3 };
	struct burst b = { array_make(10, 8), 3, scaled(200000) };
	struct kipc_array_stat st;
	pthread_t thread;
	void *failed;

	ASSERT_LE(0, b.fd);
	ASSERT_EQ(0, pthread_create(&thread, NULL, write_bursts, &b));
	EXPECT_EQ(0, follow(b.fd, &slot, 1, b.writes));
	pthread_join(thread, &failed);
	EXPECT_EQ(NULL, failed);
	ASSERT_EQ(0, array_stat(b.fd, &st));
	EXPECT_EQ(b.writes, st.changes);
	/* It did sleep, or this would prove little. */
	EXPECT_LT(0, st.sleeps);
	close(b.fd);
}

#define WRITERS		4

TEST(many_waiters_on_same_and_different_slots_miss_nothing)
{
	int fd = array_make(600, 8);
	struct burst b[WRITERS];
	struct follower f[] = {
		{ .first = 0, .count = 1 }, { .first = 0, .count = 1 },
		{ .first = 1, .count = 1 }, { .first = 3, .count = 1 },
		{ .first = 0, .count = WRITERS },
		{ .first = 1, .count = 2 }, { .first = 2, .count = 2 },
	};
	pthread_t thread[WRITERS];
	void *failed;
	size_t i;

	ASSERT_LE(0, fd);
	for (i = 0; i < ARRAY_SIZE(f); i++) {
		f[i].fd = fd;
		f[i].last = scaled(40000);
		ASSERT_EQ(0, pthread_create(&f[i].thread, NULL, follow_run,
					    &f[i]));
	}
	for (i = 0; i < WRITERS; i++) {
		b[i] = (struct burst){ fd, i, scaled(40000) };
		ASSERT_EQ(0, pthread_create(&thread[i], NULL, write_bursts,
					    &b[i]));
	}
	for (i = 0; i < WRITERS; i++) {
		pthread_join(thread[i], &failed);
		EXPECT_EQ(NULL, failed);
	}
	for (i = 0; i < ARRAY_SIZE(f); i++) {
		pthread_join(f[i].thread, NULL);
		EXPECT_EQ(0, f[i].ret);
	}
	EXPECT_EQ(0, array_waiting(fd));
	close(fd);
}

TEST(two_processes_hand_a_token_to_each_other)
{
	unsigned long i, rounds = scaled(20000);
	struct kipc_array_slot slot = {};
	int fd = array_make(2, 8);
	pid_t pid;

	ASSERT_LE(0, fd);
	pid = kipc_fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		for (i = 0; i < rounds; i++) {
			CHILD_CHECK(!array_wait(fd, &slot, 1, 0, 0));
			CHILD_CHECK(slot.version == i + 1);
			CHILD_CHECK(!array_add(fd, 1, 1));
		}
		_exit(0);
	}
	slot.index = 1;
	for (i = 0; i < rounds; i++) {
		ASSERT_EQ(0, array_add(fd, 0, 1));
		ASSERT_EQ(0, array_wait(fd, &slot, 1, now_ns() + PATIENCE_NS,
					0));
		ASSERT_EQ(i + 1, slot.version);
	}
	EXPECT_EQ(0, kipc_reap(pid));
	close(fd);
}

/* Whatever else comes, who waits on a destroyed array gets EIDRM. */
TEST(destroy_comes_before_a_signal_or_a_deadline_of_the_same_moment)
{
	unsigned long i, rounds = scaled(2000);
	static struct array_waiter w[3];
	int fd, n, ret;

	ASSERT_EQ(0, handle_signals(0));
	for (i = 0; i < rounds; i++) {
		fd = array_make(4, 4);
		ASSERT_LE(0, fd);
		for (n = 0; n < 3; n++) {
			w[n] = (struct array_waiter){ .fd = fd, .count = 1 };
			w[n].slots[0].index = n;
			ASSERT_EQ(0, array_waiter_start(&w[n]));
		}
		ASSERT_TRUE(wait_for(array_waiting(fd) == 3));
		ASSERT_EQ(0, kipc_destroy(fd));
		/* The signal comes after: nothing but EIDRM may be seen. */
		pthread_kill(w[0].thread, SIGUSR1);
		pthread_kill(w[1].thread, SIGUSR1);
		for (n = 0; n < 3; n++) {
			ret = array_waiter_end(&w[n]);
			ASSERT_EQ(-EIDRM, ret) {
				TH_LOG("round %lu, waiter %d", i, n);
			}
		}
		close(fd);
	}
}

static void *destroy_run(void *data)
{
	int *fd = data;

	return (void *)(long)kipc_destroy(*fd);
}

TEST(destroy_signals_deadlines_and_writes_at_random_end_every_wait)
{
	unsigned long i, rounds = scaled(2000);
	uint64_t rnd = kipc_seed();
	static struct array_waiter w[4];
	pthread_t thread;
	int fd, n, ret;

	ASSERT_EQ(0, handle_signals(0));
	for (i = 0; i < rounds; i++) {
		fd = array_make(4, 4);
		ASSERT_LE(0, fd);
		for (n = 0; n < 4; n++) {
			w[n] = (struct array_waiter){ .fd = fd, .count = 2 };
			w[n].slots[0].index = n;
			w[n].slots[1].index = 3 - n;
			if (n == 3)
				w[n].deadline_ns = now_ns() +
						   kipc_rand(&rnd) % 300000;
			ASSERT_EQ(0, array_waiter_start(&w[n]));
		}
		ASSERT_EQ(0, pthread_create(&thread, NULL, destroy_run, &fd));
		pthread_kill(w[0].thread, SIGUSR1);
		ret = array_add(fd, 1, 1);
		ASSERT_TRUE(!ret || ret == -EIDRM);
		for (n = 0; n < 4; n++) {
			ret = array_waiter_end(&w[n]);
			ASSERT_TRUE(ret >= 0 || ret == -EIDRM ||
				    (ret == -EINTR && !n) ||
				    (ret == -ETIMEDOUT && n == 3)) {
				TH_LOG("round %lu, waiter %d: %d", i, n, ret);
			}
		}
		pthread_join(thread, NULL);
		EXPECT_EQ(0, array_waiting(fd) == ~0U ? 0 : 1);
		close(fd);
	}
}

TEST_HARNESS_MAIN
