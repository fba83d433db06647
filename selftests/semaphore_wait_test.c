// SPDX-License-Identifier: GPL-2.0
/*
 * Waiting: deadlines, signals, calls that must not sleep, and what one leaves
 * behind who gives up.
 */
#include "kselftest_harness.h"
#include "semaphore_util.h"

#define ENTRY(i, d)	{ .index = (i), .delta = (d) }
#define HOUR		3600000		/* ms */

static int hits;	/* of the signal handler */

static void count_hit(int sig)
{
	(void)sig;
	__atomic_add_fetch(&hits, 1, __ATOMIC_RELEASE);
}

static int handler_hits(void)
{
	return __atomic_load_n(&hits, __ATOMIC_ACQUIRE);
}

static void handle(int sig, int flags)
{
	struct sigaction act = { .sa_handler = count_hit, .sa_flags = flags };

	sigaction(sig, &act, NULL);
}

/*
 * Three counters: 0 is 0, 1 is 1, 2 is 5 of at most 5.  Each variant sleeps at
 * first, and @wake is the V that ends that.
 */
FIXTURE(wait) {
	int fd;
	struct sem_call call;
};

FIXTURE_VARIANT(wait) {
	struct sem_call call;
	uint32_t wake_index;
	int32_t wake_delta;
};

FIXTURE_VARIANT_ADD(wait, take) {
	.call = { .index = 0, .delta = -1 },
	.wake_index = 0,
	.wake_delta = 1,
};

FIXTURE_VARIANT_ADD(wait, take_with_undo) {
	.call = { .index = 0, .delta = -1, .flags = KIPC_SEM_UNDO },
	.wake_index = 0,
	.wake_delta = 1,
};

FIXTURE_VARIANT_ADD(wait, zero) {
	.call = { .index = 1 },
	.wake_index = 1,
	.wake_delta = -1,
};

FIXTURE_VARIANT_ADD(wait, vector) {
	.call = { .count = 3,
		  .entries = { ENTRY(1, -1), ENTRY(2, -2), ENTRY(0, -1) } },
	.wake_index = 0,
	.wake_delta = 1,
};

FIXTURE_VARIANT_ADD(wait, vector_with_zero) {
	.call = { .count = 2, .flags = KIPC_SEM_UNDO,
		  .entries = { ENTRY(2, -2), ENTRY(1, 0) } },
	.wake_index = 1,
	.wake_delta = -1,
};

FIXTURE_SETUP(wait)
{
	const uint32_t values[3] = { 0, 1, 5 };

	self->fd = sem_make(3, 0, 5);
	ASSERT_LE(0, self->fd);
	ASSERT_EQ(0, sem_set_all(self->fd, 0, values, 3));
	self->call = variant->call;
	self->call.fd = self->fd;
}

FIXTURE_TEARDOWN(wait)
{
	EXPECT_EQ(0, sem_sleepers(self->fd));
}

static int call_now(const struct sem_call *call, uint32_t flags,
		    uint64_t deadline_ns)
{
	struct sem_call copy = *call;

	copy.flags |= flags;
	copy.deadline_ns = deadline_ns;
	sem_call_run(&copy);
	return copy.ret;
}

static void expect_unchanged(struct __test_metadata *_metadata, int fd)
{
	EXPECT_EQ(0, sem_value(fd, 0));
	EXPECT_EQ(1, sem_value(fd, 1));
	EXPECT_EQ(5, sem_value(fd, 2));
	EXPECT_EQ(0, sem_sleepers(fd));
	EXPECT_EQ(0, sem_waiting(fd, 0) + sem_waiting(fd, 1) +
		  sem_waiting(fd, 2) + sem_waiting_zero(fd, 1));
	EXPECT_EQ(0, sem_undos(fd));
}

TEST_F(wait, not_with_the_flag)
{
	struct kipc_semaphore_stat st;

	EXPECT_EQ(-EAGAIN, call_now(&self->call, KIPC_SEM_NONBLOCK, 0));
	EXPECT_EQ(-EAGAIN, call_now(&self->call, KIPC_SEM_NONBLOCK,
				    in_ms(HOUR)));
	expect_unchanged(_metadata, self->fd);
	ASSERT_EQ(0, sem_stat(self->fd, &st));
	EXPECT_EQ(0, st.sleeps);
	ASSERT_EQ(0, sem_try(self->fd, variant->wake_index,
			     variant->wake_delta));
	EXPECT_EQ(0, call_now(&self->call, KIPC_SEM_NONBLOCK, 0));
}

TEST_F(wait, not_with_o_nonblock)
{
	int flags = fcntl(self->fd, F_GETFL);

	ASSERT_EQ(0, fcntl(self->fd, F_SETFL, flags | O_NONBLOCK));
	EXPECT_EQ(-EAGAIN, call_now(&self->call, 0, 0));
	EXPECT_EQ(-EAGAIN, call_now(&self->call, 0, in_ms(HOUR)));
	expect_unchanged(_metadata, self->fd);
	/* And again with it, when it is off. */
	ASSERT_EQ(0, fcntl(self->fd, F_SETFL, flags));
	EXPECT_EQ(-ETIMEDOUT, call_now(&self->call, 0, in_ms(10)));
}

/* One that has passed fails a call only if it would have to sleep. */
TEST_F(wait, a_deadline_that_has_passed)
{
	EXPECT_EQ(-ETIMEDOUT, call_now(&self->call, 0, 1));
	EXPECT_EQ(-ETIMEDOUT, call_now(&self->call, 0, now_ns() - 1));
	expect_unchanged(_metadata, self->fd);
	ASSERT_EQ(0, sem_try(self->fd, variant->wake_index,
			     variant->wake_delta));
	EXPECT_EQ(0, call_now(&self->call, 0, 1));
}

/* Never too early, and not for ever. */
TEST_F(wait, a_deadline_that_is_near)
{
	uint64_t deadline = in_ms(50);
	int i;

	EXPECT_EQ(-ETIMEDOUT, call_now(&self->call, 0, deadline));
	EXPECT_LE(deadline, now_ns());
	EXPECT_GE(deadline + 5 * NSEC_PER_SEC, now_ns());
	for (i = 0; i < 20; i++) {
		deadline = now_ns() + 300000 * i;
		EXPECT_EQ(-ETIMEDOUT, call_now(&self->call, 0, deadline));
		EXPECT_LE(deadline, now_ns());
	}
	expect_unchanged(_metadata, self->fd);
}

TEST_F(wait, a_deadline_that_is_far)
{
	const uint64_t deadlines[] = { in_ms(HOUR), INT64_MAX, UINT64_MAX };
	const uint32_t values[3] = { 0, 1, 5 };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(deadlines); i++) {
		self->call.deadline_ns = deadlines[i];
		ASSERT_EQ(0, sem_call_asleep(&self->call));
		ASSERT_EQ(0, sem_try(self->fd, variant->wake_index,
				     variant->wake_delta));
		EXPECT_EQ(0, sem_call_wait(&self->call));
		ASSERT_EQ(0, sem_set_all(self->fd, 0, values, 3));
	}
}

TEST_F(wait, a_signal_ends_it)
{
	handle(SIGUSR1, 0);
	ASSERT_EQ(0, sem_call_asleep(&self->call));
	pthread_kill(self->call.thread, SIGUSR1);
	EXPECT_EQ(-EINTR, sem_call_wait(&self->call));
	EXPECT_EQ(1, handler_hits());
	expect_unchanged(_metadata, self->fd);
}

TEST_F(wait, a_signal_with_restart_does_not)
{
	int i;

	handle(SIGUSR1, SA_RESTART);
	ASSERT_EQ(0, sem_call_asleep(&self->call));
	for (i = 1; i <= 5; i++) {
		pthread_kill(self->call.thread, SIGUSR1);
		ASSERT_TRUE(wait_for(handler_hits() == i));
		ASSERT_TRUE(wait_for(sem_sleepers(self->fd) == 1));
		EXPECT_FALSE(sem_call_ended(&self->call));
	}
	ASSERT_EQ(0, sem_try(self->fd, variant->wake_index,
			     variant->wake_delta));
	EXPECT_EQ(0, sem_call_wait(&self->call));
}

/* The deadline stays where it was, however often it is restarted. */
TEST_F(wait, restarts_do_not_move_the_deadline)
{
	uint64_t deadline = in_ms(200);

	handle(SIGUSR1, SA_RESTART);
	self->call.deadline_ns = deadline;
	ASSERT_EQ(0, sem_call_start(&self->call));
	while (!sem_call_ended(&self->call) &&
	       now_ns() < deadline + PATIENCE_NS) {
		pthread_kill(self->call.thread, SIGUSR1);
		usleep(1000);
	}
	EXPECT_EQ(-ETIMEDOUT, sem_call_wait(&self->call));
	EXPECT_LE(deadline, now_ns());
	EXPECT_GE(deadline + 5 * NSEC_PER_SEC, now_ns());
	EXPECT_LT(0, handler_hits());
	expect_unchanged(_metadata, self->fd);
}

/* SIGSTOP and SIGCONT are not seen by who waits. */
TEST_F(wait, stop_and_continue)
{
	int status;
	pid_t pid = kipc_fork();

	if (!pid)
		_exit(call_now(&self->call, 0, 0) ? 1 : 0);
	ASSERT_TRUE(wait_for(sem_sleepers(self->fd) == 1));
	kill(pid, SIGSTOP);
	ASSERT_EQ(pid, waitpid(pid, &status, WUNTRACED));
	ASSERT_TRUE(WIFSTOPPED(status));
	kill(pid, SIGCONT);
	ASSERT_TRUE(wait_for(sem_sleepers(self->fd) == 1));
	ASSERT_EQ(0, sem_try(self->fd, variant->wake_index,
			     variant->wake_delta));
	EXPECT_EQ(0, kipc_reap(pid));
}

/* A V and a signal at the same time: what was taken is always told. */
TEST(a_token_is_not_lost_to_a_signal)
{
	unsigned long rounds = scaled(5000), taken = 0, cut = 0, i;
	struct sem_call call;
	int fd = sem_make(1, 0, 0);

	handle(SIGUSR1, 0);
	ASSERT_LE(0, fd);
	for (i = 0; i < rounds; i++) {
		call = (struct sem_call){ .fd = fd, .delta = -1 };
		ASSERT_EQ(0, sem_call_start(&call));
		if (i % 3)
			ASSERT_TRUE(wait_for(sem_waiting(fd, 0) == 1));
		if (i & 1) {
			pthread_kill(call.thread, SIGUSR1);
			ASSERT_EQ(0, sem_try(fd, 0, 1));
		} else {
			ASSERT_EQ(0, sem_try(fd, 0, 1));
			pthread_kill(call.thread, SIGUSR1);
		}
		sem_call_wait(&call);
		if (!call.ret) {
			taken++;
			EXPECT_EQ(0, sem_value(fd, 0));
		} else {
			ASSERT_EQ(-EINTR, call.ret);
			cut++;
			EXPECT_EQ(0, sem_try(fd, 0, -1));
		}
	}
	EXPECT_EQ(rounds, taken + cut);
	/* When the V came first, there was no reason to fail. */
	EXPECT_LE(rounds / 3, taken);
}

/* Those who give up at any moment, among others who stay. */
struct party {
	int fd;
	uint64_t rnd;
	uint32_t *stop;
	unsigned long taken;
	int wrong;		/* an error that cannot be */
	int ended;
	pthread_t thread;
};

static uint64_t some_deadline(uint64_t *rnd)
{
	/* Passed, at once, soon, none. */
	switch (kipc_rand(rnd) % 4) {
	case 0:
		return 1;
	case 1:
		return now_ns() + kipc_rand(rnd) % 100000;
	case 2:
		return now_ns() + kipc_rand(rnd) % 3000000;
	default:
		return 0;
	}
}

/* Takes n from counter 0, or 1 from each of both. */
static void *party_run(void *data)
{
	struct party *p = data;
	struct kipc_sem_entry both[2] = { ENTRY(0, -1), ENTRY(1, -1) };
	int ret, n;

	while (!word_get(p->stop)) {
		n = kipc_rand(&p->rnd) % 4;
		if (n)
			ret = sem_op_until(p->fd, 0, -n, 0,
					   some_deadline(&p->rnd));
		else
			ret = sem_ops_until(p->fd, both, 2, 0,
					    some_deadline(&p->rnd), NULL);
		if (!ret)
			p->taken += n ? n : 2;
		else if (ret != -ETIMEDOUT && ret != -EINTR)
			p->wrong = ret;
	}
	__atomic_store_n(&p->ended, 1, __ATOMIC_RELEASE);
	return NULL;
}

#define PARTY	8

TEST(those_who_give_up_take_nothing_with_them)
{
	unsigned long rounds = scaled(30000), given = 0, taken = 0, i;
	uint64_t rnd = kipc_seed();
	struct party party[PARTY];
	uint32_t stop = 0;
	int fd = sem_make(2, 0, 0), n, k;

	handle(SIGUSR1, 0);
	ASSERT_LE(0, fd);
	for (k = 0; k < PARTY; k++) {
		party[k] = (struct party){ .fd = fd, .rnd = rnd + 2 * k,
			.stop = &stop };
		ASSERT_EQ(0, pthread_create(&party[k].thread, NULL, party_run,
					    &party[k]));
	}
	for (i = 0; i < rounds; i++) {
		n = kipc_rand(&rnd) % 3 + 1;
		ASSERT_EQ(0, sem_try(fd, kipc_rand(&rnd) % 4 == 0, n));
		given += n;
		if (kipc_rand(&rnd) % 4 == 0)
			pthread_kill(party[kipc_rand(&rnd) % PARTY].thread,
				     SIGUSR1);
		if (kipc_rand(&rnd) % 8 == 0)
			sched_yield();
	}
	/* One more call each at most, and enough for all of these. */
	word_set(&stop, 1);
	ASSERT_EQ(0, sem_try(fd, 0, 3 * PARTY));
	ASSERT_EQ(0, sem_try(fd, 1, PARTY));
	given += 4 * PARTY;
	for (k = 0; k < PARTY; k++) {
		ASSERT_TRUE(wait_for(__atomic_load_n(&party[k].ended,
						     __ATOMIC_ACQUIRE)));
		pthread_join(party[k].thread, NULL);
		EXPECT_EQ(0, party[k].wrong);
		EXPECT_LT(0, party[k].taken);
		taken += party[k].taken;
	}
	EXPECT_EQ(given, taken + sem_value(fd, 0) + sem_value(fd, 1));
	EXPECT_EQ(0, sem_waiting(fd, 0) + sem_waiting(fd, 1));
	EXPECT_EQ(0, sem_sleepers(fd));
}

TEST_HARNESS_MAIN
