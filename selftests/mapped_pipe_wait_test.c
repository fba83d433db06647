// SPDX-License-Identifier: GPL-2.0
/*
 * Sleeping on an end of a mapped pipe: what ends it, what does not, what the other
 * end is told meanwhile, and that no wake-up is lost between those who never ask
 * the kernel and those who sleep there.
 */
#include "kselftest_harness.h"
#include "mapped_pipe_util.h"

#define CAPACITY	page_size()

FIXTURE(wait) {
	struct end wr;
	struct end rd;
	struct wait_call call;	/* by the read end, for 16 bytes */
};

FIXTURE_SETUP(wait)
{
	ASSERT_EQ(0, both_ends(&self->wr, &self->rd, CAPACITY));
	self->call = (struct wait_call){ .fd = self->rd.fd, .until = 16 };
}

FIXTURE_TEARDOWN(wait)
{
}

static bool reader_asleep(struct wait_call *call)
{
	return wait_call_asleep(call, kipc_readers_waiting);
}

static bool writer_asleep(struct wait_call *call)
{
	return wait_call_asleep(call, kipc_writers_waiting);
}

TEST_F(wait, not_if_it_is_there)
{
	int rd = self->rd.fd, wr = self->wr.fd;

	EXPECT_EQ(0, pipe_wait(rd, 0, 0, 0));
	EXPECT_EQ(-EAGAIN, pipe_try(rd, 1));
	end_move(&self->wr, 8);
	EXPECT_EQ(0, pipe_wait(rd, 1, 0, 0));
	EXPECT_EQ(0, pipe_wait(rd, 8, 0, 0));
	EXPECT_EQ(-EAGAIN, pipe_try(rd, 9));
	/* The producer waits for the tail. */
	EXPECT_EQ(0, pipe_wait(wr, 8 - CAPACITY, 0, 0));
	EXPECT_EQ(0, pipe_wait(wr, 0, 0, 0));
	EXPECT_EQ(-EAGAIN, pipe_try(wr, 8));
	end_move(&self->rd, 8);
	EXPECT_EQ(0, pipe_wait(wr, 8, 0, 0));
	/* Nobody has slept, nobody is asked for. */
	EXPECT_EQ(0, end_flags(&self->wr));
	EXPECT_EQ(0, end_flags(&self->rd));
}

/* It is the distance that counts, so indices may wrap. */
TEST_F(wait, indices_wrap)
{
	end_move(&self->wr, -8ULL);
	EXPECT_EQ(0, pipe_try(self->rd.fd, -8ULL));
	EXPECT_EQ(-EAGAIN, pipe_try(self->rd.fd, 8));
	end_move(&self->wr, 8);
	EXPECT_EQ(0, pipe_try(self->rd.fd, -8ULL));
	EXPECT_EQ(0, pipe_try(self->rd.fd, 8));
	EXPECT_EQ(-EAGAIN, pipe_try(self->rd.fd, 16));
}

TEST_F(wait, woken_by_the_other_end)
{
	ASSERT_TRUE(reader_asleep(&self->call));
	EXPECT_EQ(KIPC_PIPE_ASK, end_flags(&self->wr));
	EXPECT_EQ(16, self->wr.news->until);
	EXPECT_EQ(0, end_flags(&self->rd));
	/* Not enough: neither to have to say so, nor if it is said. */
	EXPECT_FALSE(end_advance(&self->wr, 8));
	EXPECT_EQ(0, pipe_wake(self->wr.fd));
	EXPECT_EQ(KIPC_PIPE_ASK, end_flags(&self->wr));
	EXPECT_FALSE(wait_call_ended(&self->call));
	EXPECT_EQ(1, kipc_readers_waiting(self->rd.fd));
	EXPECT_TRUE(end_advance(&self->wr, 8));
	EXPECT_EQ(0, wait_call_end(&self->call));
	EXPECT_EQ(0, end_flags(&self->wr));
	EXPECT_FALSE(end_advance(&self->wr, 8));
}

TEST_F(wait, for_room)
{
	struct wait_call call = { .fd = self->wr.fd };

	end_move(&self->wr, CAPACITY);
	call.until = CAPACITY + 64 - CAPACITY;
	ASSERT_TRUE(writer_asleep(&call));
	EXPECT_EQ(KIPC_PIPE_ASK, end_flags(&self->rd));
	EXPECT_EQ(64, self->rd.news->until);
	EXPECT_FALSE(end_advance(&self->rd, 56));
	EXPECT_TRUE(end_advance(&self->rd, 8));
	EXPECT_EQ(0, wait_call_end(&call));
	EXPECT_EQ(0, end_flags(&self->rd));
}

/* It is not the sleeper who has to be told, but the one who can do it. */
TEST_F(wait, a_call_by_the_wrong_end)
{
	ASSERT_TRUE(reader_asleep(&self->call));
	end_move(&self->wr, 16);
	EXPECT_EQ(0, pipe_wake(self->rd.fd));
	EXPECT_EQ(1, kipc_readers_waiting(self->rd.fd));
	EXPECT_EQ(0, pipe_wake(self->wr.fd));
	EXPECT_EQ(0, wait_call_end(&self->call));
}

TEST_F(wait, both_ends_at_once)
{
	struct wait_call room = { .fd = self->wr.fd, .until = 8 };

	ASSERT_TRUE(reader_asleep(&self->call));
	ASSERT_TRUE(writer_asleep(&room));
	EXPECT_TRUE(end_advance(&self->wr, 16));
	EXPECT_EQ(0, wait_call_end(&self->call));
	EXPECT_FALSE(wait_call_ended(&room));
	EXPECT_TRUE(end_advance(&self->rd, 16));
	EXPECT_EQ(0, wait_call_end(&room));
}

TEST_F(wait, one_thread_at_a_time)
{
	ASSERT_TRUE(reader_asleep(&self->call));
	EXPECT_EQ(-EBUSY, pipe_wait(self->rd.fd, 16, 0, 0));
	EXPECT_EQ(-EBUSY, pipe_try(self->rd.fd, 0));
	/* That is each end's own matter. */
	EXPECT_EQ(-EAGAIN, pipe_try(self->wr.fd, 8));
	EXPECT_EQ(16, self->wr.news->until);
	EXPECT_TRUE(end_advance(&self->wr, 16));
	EXPECT_EQ(0, wait_call_end(&self->call));
	EXPECT_EQ(0, pipe_wait(self->rd.fd, 16, 0, 0));
}

TEST_F(wait, deadline)
{
	uint64_t start = now_ns(), deadline = in_ms(50);

	EXPECT_EQ(-ETIMEDOUT, pipe_wait(self->rd.fd, 8, 0, deadline));
	EXPECT_LE(deadline, now_ns());
	EXPECT_GE(start + PATIENCE_NS, now_ns());
	EXPECT_EQ(0, end_flags(&self->wr));
	EXPECT_EQ(0, kipc_readers_waiting(self->rd.fd));
	/* One that has passed is none if there is something. */
	EXPECT_EQ(-ETIMEDOUT, pipe_wait(self->rd.fd, 8, 0, 1));
	EXPECT_EQ(-EAGAIN, pipe_wait(self->rd.fd, 8, KIPC_IO_NONBLOCK, 1));
	end_move(&self->wr, 8);
	EXPECT_EQ(0, pipe_wait(self->rd.fd, 8, 0, 1));
}

/* Nobody says anything, and what was there at the deadline is there. */
TEST_F(wait, reached_by_the_deadline)
{
	self->call.deadline_ns = in_ms(200);
	ASSERT_TRUE(reader_asleep(&self->call));
	end_move(&self->wr, 16);
	EXPECT_EQ(0, wait_call_end(&self->call));
	EXPECT_LE(self->call.deadline_ns, now_ns());
	EXPECT_EQ(0, end_flags(&self->wr));
}

TEST_F(wait, no_wait_on_a_handle_that_says_so)
{
	ASSERT_EQ(0, fcntl(self->rd.fd, F_SETFL, O_NONBLOCK));
	EXPECT_EQ(-EAGAIN, pipe_wait(self->rd.fd, 8, 0, 0));
	EXPECT_EQ(0, end_flags(&self->wr));
}

TEST_F(wait, a_signal_ends_it)
{
	catch_signal(SIGUSR1, 0);
	ASSERT_TRUE(reader_asleep(&self->call));
	pthread_kill(self->call.thread, SIGUSR1);
	EXPECT_EQ(-EINTR, wait_call_end(&self->call));
	EXPECT_EQ(0, end_flags(&self->wr));
	EXPECT_EQ(0, kipc_readers_waiting(self->rd.fd));
}

static uint64_t reader_sleeps(int fd)
{
	struct kipc_pipe_stat st;

	return kipc_pipe_stat(fd, &st) ? 0 : st.readers.sleeps;
}

TEST_F(wait, a_signal_that_restarts)
{
	catch_signal(SIGUSR1, SA_RESTART);
	ASSERT_TRUE(reader_asleep(&self->call));
	pthread_kill(self->call.thread, SIGUSR1);
	/* Counted when it ends; then he sleeps again. */
	ASSERT_TRUE(wait_for(reader_sleeps(self->rd.fd) == 1));
	ASSERT_TRUE(wait_for(kipc_readers_waiting(self->rd.fd) == 1));
	EXPECT_TRUE(end_advance(&self->wr, 16));
	EXPECT_EQ(0, wait_call_end(&self->call));
}

TEST_F(wait, destroyed)
{
	struct wait_call room = { .fd = self->wr.fd, .until = 8 };

	ASSERT_TRUE(reader_asleep(&self->call));
	ASSERT_TRUE(writer_asleep(&room));
	ASSERT_EQ(0, kipc_destroy(self->rd.fd));
	EXPECT_EQ(-EIDRM, wait_call_end(&self->call));
	EXPECT_EQ(-EIDRM, wait_call_end(&room));
	EXPECT_EQ(KIPC_PIPE_DESTROYED, end_flags(&self->wr));
	EXPECT_EQ(KIPC_PIPE_DESTROYED, end_flags(&self->rd));
}

TEST_F(wait, figures)
{
	struct kipc_pipe_stat st;

	EXPECT_EQ(-ETIMEDOUT, pipe_wait(self->rd.fd, 8, 0, in_ms(20)));
	ASSERT_TRUE(reader_asleep(&self->call));
	EXPECT_TRUE(end_advance(&self->wr, 16));
	EXPECT_EQ(0, wait_call_end(&self->call));
	ASSERT_EQ(0, kipc_pipe_stat(self->rd.fd, &st));
	EXPECT_EQ(2, st.readers.sleeps);
	EXPECT_EQ(0, st.writers.sleeps);
	EXPECT_LE(10 * NSEC_PER_MSEC, st.readers.blocked_ns);
	EXPECT_EQ(1, st.readers.wakeups);
	EXPECT_EQ(0, st.writers.wakeups);
	EXPECT_EQ(0, st.readers.waiting);
}

/* Puts in one record at a time, and waits for room when there is none. */
static void produce(struct end *wr, unsigned long count)
{
	uint64_t size = record_size(sizeof(count)), head;
	unsigned long i;

	for (i = 0; i < count; i++) {
		head = wr->mine->total;
		while (head + size - index_get(wr->other) > wr->capacity)
			CHECK_EQ(0, pipe_wait(wr->fd, head + size -
					      wr->capacity, 0, 0));
		record_put(wr, &i, sizeof(i));
		end_advance(wr, size);
	}
}

static pid_t start_producer(int fd, unsigned long count)
{
	pid_t pid = kipc_fork();
	struct end wr;

	if (pid)
		return pid;
	CHECK_EQ(0, end_map(&wr, fd, true));
	produce(&wr, count);
	_exit(0);
}

/* Takes one, @batch or more after each sleep; they come in order. */
static bool consume(struct end *rd, unsigned long count, uint64_t batch,
		    uint64_t deadline_ns)
{
	uint64_t tail = rd->mine->total, size = record_size(sizeof(count));
	unsigned long i, seen;

	for (i = 0; i < count; i++) {
		while (index_get(rd->other) == tail) {
			uint64_t left = (count - i) * size;
			uint64_t until = left < batch ? left : batch;
			int ret = pipe_wait(rd->fd, tail + until, 0,
					    deadline_ns ? now_ns() +
					    deadline_ns : 0);

			if (ret && ret != -ETIMEDOUT)
				return false;
		}
		memcpy(&seen, rd->data + tail % rd->capacity + HEADER,
		       sizeof(seen));
		if (seen != i)
			return false;
		tail += size;
		end_advance(rd, size);
	}
	return true;
}

FIXTURE(flow) {
	struct end rd;
	unsigned long count;
	pid_t producer;
};

FIXTURE_VARIANT(flow) {
	uint64_t batch;
	uint64_t deadline_ns;
};

/* Both run into each other all the time, or sleep in turn, or give up often. */
FIXTURE_VARIANT_ADD(flow, one_by_one) { .batch = 1 };
FIXTURE_VARIANT_ADD(flow, half_of_it) { .batch = 2048 };
FIXTURE_VARIANT_ADD(flow, all_of_it) { .batch = 4096 };
FIXTURE_VARIANT_ADD(flow, with_deadlines) { .batch = 64, .deadline_ns = 20000 };

FIXTURE_SETUP(flow)
{
	int fd[2];

	ASSERT_EQ(0, mapped_pipe(fd, 4096));
	ASSERT_EQ(0, end_map(&self->rd, fd[0], false));
	self->count = scaled_rounds(400000);
	self->producer = start_producer(fd[1], self->count);
	close(fd[1]);
}

FIXTURE_TEARDOWN(flow)
{
}

/* A hang is what would be found here; the harness ends it. */
TEST_F(flow, no_wake_up_is_lost)
{
	EXPECT_TRUE(consume(&self->rd, self->count, variant->batch,
			    variant->deadline_ns));
	EXPECT_EQ(0, kipc_reap(self->producer));
	EXPECT_TRUE(end_flags(&self->rd) & KIPC_PIPE_GONE);
	EXPECT_EQ(0, pipe_wait(self->rd.fd, self->rd.mine->total + 1, 0, 0));
}

/* Moves the head some time after the tail has caught up with it, never the same. */
static pid_t start_teaser(int fd, unsigned long rounds)
{
	pid_t pid = kipc_fork();
	uint64_t rnd = 1;
	struct end wr;

	if (pid)
		return pid;
	CHECK_EQ(0, end_map(&wr, fd, true));
	while (rounds--) {
		uint32_t turns = kipc_rand(&rnd) % 4000;

		while (index_get(wr.other) != wr.mine->total)
			;
		while (turns--)
			__asm__ volatile("");
		end_advance(&wr, 8);
	}
	_exit(0);
}

/* Just when the other end looks, and finds nothing, and has not said so yet. */
TEST_F(wait, moved_at_the_last_moment)
{
	unsigned long rounds = scaled_rounds(200000), i;
	pid_t pid = start_teaser(self->wr.fd, rounds);

	for (i = 0; i < rounds; i++) {
		/* Or it sleeps until the harness has had enough. */
		ASSERT_EQ(0, pipe_wait(self->rd.fd, 8 * i + 8, 0, 0));
		end_move(&self->rd, 8 * i + 8);
	}
	EXPECT_EQ(0, kipc_reap(pid));
}

/* A wait that a signal or its deadline ends does not take anything along. */
TEST_F(wait, signals_and_wake_ups_at_once)
{
	unsigned long rounds = scaled_rounds(2000), i;

	catch_signal(SIGUSR1, 0);
	for (i = 0; i < rounds; i++) {
		self->call.until = self->wr.mine->total + 8;
		ASSERT_EQ(0, wait_call_start(&self->call));
		if (i % 3)
			ASSERT_TRUE(wait_for(end_flags(&self->wr)));
		if (i & 1)
			pthread_kill(self->call.thread, SIGUSR1);
		end_advance(&self->wr, 8);
		if (!(i & 1))
			pthread_kill(self->call.thread, SIGUSR1);
		wait_call_end(&self->call);
		if (self->call.ret)
			ASSERT_EQ(-EINTR, self->call.ret);
		ASSERT_EQ(0, pipe_try(self->rd.fd, self->call.until));
		ASSERT_EQ(0, end_flags(&self->wr));
	}
}

TEST_HARNESS_MAIN
