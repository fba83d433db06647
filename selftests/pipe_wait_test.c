// SPDX-License-Identifier: GPL-2.0
/*
 * Waiting: deadlines, signals, arrival order, and waiters that leave the queue.
 */
#include "kselftest_harness.h"
#include "kipc_util.h"

#define PAGE	4096
#define FULL	(PAGE - 4)	/* one write that leaves no room for another */
#define HOUR	3600000		/* ms */

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

static uint64_t pipe_used(int fd)
{
	struct kipc_pipe_stat st;

	return kipc_pipe_stat(fd, &st) ? UINT64_MAX : st.used;
}

FIXTURE(deadline) {
	int fd[2];
	char page[PAGE];
};

FIXTURE_VARIANT(deadline) {
	uint32_t flags;
};

FIXTURE_VARIANT_ADD(deadline, stream) {
	.flags = 0,
};

FIXTURE_VARIANT_ADD(deadline, record) {
	.flags = KIPC_PIPE_RECORD,
};

FIXTURE_VARIANT_ADD(deadline, turns) {
	.flags = KIPC_PIPE_TURNS,
};

FIXTURE_SETUP(deadline)
{
	ASSERT_EQ(0, kipc_pipe(self->fd, PAGE, variant->flags));
}

FIXTURE_TEARDOWN(deadline)
{
}

static int64_t timed_read(int fd, void *buf, uint64_t len, uint64_t deadline)
{
	return kipc_pipe_io(fd, KIPC_PIPE_READ, buf, len, deadline, 0);
}

static int64_t timed_write(int fd, void *buf, uint64_t len, uint64_t deadline)
{
	return kipc_pipe_io(fd, KIPC_PIPE_WRITE, buf, len, deadline, 0);
}

/* One that has passed fails a call only if it would have to sleep. */
TEST_F(deadline, passed)
{
	uint64_t past = now_ns() - 1;
	struct kipc_pipe_stat st;
	char got[8];

	EXPECT_EQ(-ETIMEDOUT, timed_read(self->fd[0], got, 8, past));
	EXPECT_EQ(-ETIMEDOUT, timed_read(self->fd[0], got, 8, 1));
	EXPECT_EQ(3, timed_write(self->fd[1], "abc", 3, past));
	EXPECT_EQ(3, timed_read(self->fd[0], got, 8, past));
	EXPECT_EQ(0, memcmp(got, "abc", 3));
	EXPECT_EQ(FULL, timed_write(self->fd[1], self->page, FULL, 1));
	EXPECT_EQ(-ETIMEDOUT, timed_write(self->fd[1], self->page, 100, past));
	EXPECT_EQ(-ETIMEDOUT, timed_write(self->fd[1], self->page, 100, 1));
	/* Neither took or put anything. */
	ASSERT_EQ(0, kipc_pipe_stat(self->fd[0], &st));
	EXPECT_EQ(3U, st.readers.bytes);
	EXPECT_EQ(3U + FULL, st.writers.bytes);
	EXPECT_EQ(0U, st.readers.waiting + st.writers.waiting);
	EXPECT_EQ(FULL, timed_read(self->fd[0], self->page, PAGE, 1));
	close(self->fd[1]);
	EXPECT_EQ(0, timed_read(self->fd[0], got, 8, past));
}

/* Never too early, and not for ever. */
TEST_F(deadline, near)
{
	uint64_t begin = now_ns(), deadline = begin + 50 * NSEC_PER_MSEC;
	char got[8];

	EXPECT_EQ(-ETIMEDOUT, timed_read(self->fd[0], got, 8, deadline));
	EXPECT_LE(deadline, now_ns());
	EXPECT_GE(deadline + 5 * NSEC_PER_SEC, now_ns());

	ASSERT_EQ(FULL, kipc_try_write(self->fd[1], self->page, FULL));
	deadline = in_ms(50);
	EXPECT_EQ(-ETIMEDOUT, timed_write(self->fd[1], self->page, 100,
					  deadline));
	EXPECT_LE(deadline, now_ns());
	EXPECT_GE(deadline + 5 * NSEC_PER_SEC, now_ns());
	EXPECT_EQ(FULL, kipc_try_read(self->fd[0], self->page, PAGE));
	EXPECT_EQ(-EAGAIN, kipc_try_read(self->fd[0], got, 8));
}

/* What comes before the deadline is taken, however far off that is. */
TEST_F(deadline, far)
{
	const uint64_t deadline[] = { in_ms(HOUR), INT64_MAX, UINT64_MAX };
	struct kipc_call call;
	unsigned int i;
	char got[8];

	for (i = 0; i < ARRAY_SIZE(deadline); i++) {
		call = (struct kipc_call){ .fd = self->fd[0], .buf = got,
			.len = 8, .cmd = KIPC_PIPE_READ,
			.deadline_ns = deadline[i] };
		ASSERT_EQ(0, kipc_call_start(&call));
		ASSERT_TRUE(wait_for(kipc_readers_waiting(self->fd[1]) == 1));
		EXPECT_EQ(3, KIPC_RET(write(self->fd[1], "abc", 3)));
		EXPECT_EQ(3, kipc_call_wait(&call));

		ASSERT_EQ(FULL, kipc_try_write(self->fd[1], self->page, FULL));
		call = (struct kipc_call){ .fd = self->fd[1],
			.buf = self->page, .len = 100, .cmd = KIPC_PIPE_WRITE,
			.deadline_ns = deadline[i] };
		ASSERT_EQ(0, kipc_call_start(&call));
		ASSERT_TRUE(wait_for(kipc_writers_waiting(self->fd[0]) == 1));
		EXPECT_EQ(FULL, kipc_try_read(self->fd[0], self->page, FULL));
		EXPECT_EQ(100, kipc_call_wait(&call));
		EXPECT_EQ(100, kipc_try_read(self->fd[0], self->page, PAGE));
	}
}

/* A small write or a record that times out leaves no trace. */
TEST_F(deadline, write_of_what_does_not_fit)
{
	char got[PAGE];

	ASSERT_EQ(100, kipc_try_write(self->fd[1], self->page, 100));
	EXPECT_EQ(-ETIMEDOUT, timed_write(self->fd[1], self->page, FULL,
					  in_ms(20)));
	EXPECT_EQ(100, kipc_try_read(self->fd[0], got, PAGE));
	EXPECT_EQ(-EAGAIN, kipc_try_read(self->fd[0], got, PAGE));
}

/* A large stream write has succeeded with the part that went in. */
TEST(large_write_gives_its_part)
{
	static char data[16 * PAGE], got[16 * PAGE];
	uint64_t deadline = in_ms(50);
	int fd[2];

	pattern_fill(data, 0, sizeof(data));
	ASSERT_EQ(0, kipc_pipe(fd, PAGE, 0));
	EXPECT_EQ(PAGE, timed_write(fd[1], data, sizeof(data), deadline));
	EXPECT_LE(deadline, now_ns());
	EXPECT_EQ(PAGE, kipc_try_read(fd[0], got, sizeof(got)));
	EXPECT_TRUE(pattern_ok(got, 0, PAGE));
	EXPECT_EQ(-EAGAIN, kipc_try_read(fd[0], got, 1));
}

/* In the queue, behind one who sleeps without a deadline. */
TEST_F(deadline, queued_writer)
{
	struct kipc_call first = { .fd = self->fd[1], .buf = self->page,
		.len = 100, .cmd = KIPC_CALL_WRITE };
	uint64_t deadline;

	ASSERT_EQ(FULL, kipc_try_write(self->fd[1], self->page, FULL));
	ASSERT_EQ(0, kipc_call_start(&first));
	ASSERT_TRUE(wait_for(kipc_writers_waiting(self->fd[0]) == 1));
	EXPECT_EQ(-ETIMEDOUT, timed_write(self->fd[1], "x", 1, 1));
	deadline = in_ms(50);
	EXPECT_EQ(-ETIMEDOUT, timed_write(self->fd[1], "x", 1, deadline));
	EXPECT_LE(deadline, now_ns());
	EXPECT_EQ(-EAGAIN, kipc_try_write(self->fd[1], "x", 1));
	EXPECT_FALSE(kipc_call_ended(&first));
	EXPECT_EQ(1U, kipc_writers_waiting(self->fd[0]));
	/* The first one has lost nothing by it. */
	EXPECT_EQ(FULL, kipc_try_read(self->fd[0], self->page, FULL));
	EXPECT_EQ(100, kipc_call_wait(&first));
	EXPECT_EQ(100U + !!(variant->flags & KIPC_PIPE_RECORD) * 4,
		  pipe_used(self->fd[0]));
}

TEST(queued_reader_deadline)
{
	struct kipc_call first;
	char got[2][8];
	uint64_t deadline;
	int fd[2];

	ASSERT_EQ(0, kipc_pipe(fd, PAGE, KIPC_PIPE_TURNS));
	first = (struct kipc_call){ .fd = fd[0], .buf = got[0], .len = 8,
		.cmd = KIPC_CALL_READ };
	ASSERT_EQ(0, kipc_call_start(&first));
	ASSERT_TRUE(wait_for(kipc_readers_waiting(fd[1]) == 1));
	EXPECT_EQ(-ETIMEDOUT, timed_read(fd[0], got[1], 8, 1));
	deadline = in_ms(50);
	EXPECT_EQ(-ETIMEDOUT, timed_read(fd[0], got[1], 8, deadline));
	EXPECT_LE(deadline, now_ns());
	EXPECT_EQ(-EAGAIN, kipc_try_read(fd[0], got[1], 8));
	EXPECT_FALSE(kipc_call_ended(&first));
	EXPECT_EQ(1U, kipc_readers_waiting(fd[1]));
	EXPECT_EQ(3, KIPC_RET(write(fd[1], "abc", 3)));
	EXPECT_EQ(3, kipc_call_wait(&first));
}

FIXTURE(signals) {
	int fd[2];
	struct kipc_call call;
	struct kipc_call first;
	char page[PAGE];
	char got[16];
	char other[16];
};

FIXTURE_VARIANT(signals) {
	unsigned long cmd;
	bool write;
	bool queued;	/* behind another one that sleeps */
};

FIXTURE_VARIANT_ADD(signals, read) {
	.cmd = KIPC_CALL_READ,
};

FIXTURE_VARIANT_ADD(signals, pipe_read) {
	.cmd = KIPC_PIPE_READ,
};

FIXTURE_VARIANT_ADD(signals, write) {
	.cmd = KIPC_CALL_WRITE,
	.write = true,
};

FIXTURE_VARIANT_ADD(signals, pipe_write) {
	.cmd = KIPC_PIPE_WRITE,
	.write = true,
};

FIXTURE_VARIANT_ADD(signals, queued_read) {
	.cmd = KIPC_CALL_READ,
	.queued = true,
};

FIXTURE_VARIANT_ADD(signals, queued_pipe_read) {
	.cmd = KIPC_PIPE_READ,
	.queued = true,
};

FIXTURE_VARIANT_ADD(signals, queued_write) {
	.cmd = KIPC_CALL_WRITE,
	.write = true,
	.queued = true,
};

FIXTURE_VARIANT_ADD(signals, queued_pipe_write) {
	.cmd = KIPC_PIPE_WRITE,
	.write = true,
	.queued = true,
};

static unsigned int sleepers(int fd)
{
	return kipc_readers_waiting(fd) + kipc_writers_waiting(fd);
}

/* Starts the call that is to be disturbed, and sees it asleep. */
FIXTURE_SETUP(signals)
{
	struct kipc_call *call = &self->call;
	int full;

	ASSERT_EQ(0, kipc_pipe(self->fd, PAGE,
			       KIPC_PIPE_RECORD | KIPC_PIPE_TURNS));
	full = variant->write ? FULL : 0;
	ASSERT_EQ(full, kipc_try_write(self->fd[1], self->page, full));
	*call = (struct kipc_call){ .fd = self->fd[variant->write],
		.cmd = variant->cmd, .len = sizeof(self->got),
		.buf = self->got };
	self->first = *call;
	self->first.buf = self->other;
	if (variant->queued) {
		ASSERT_EQ(0, kipc_call_start(&self->first));
		ASSERT_TRUE(wait_for(sleepers(self->fd[0]) == 1));
	}
	ASSERT_EQ(0, kipc_call_start(call));
	ASSERT_TRUE(wait_for(sleepers(self->fd[0]) == 1U + variant->queued));
}

FIXTURE_TEARDOWN(signals)
{
}

/* Lets the sleepers go: data for the readers, room for the writers. */
static void let_go(struct __test_metadata *_metadata, int fd[2], bool write)
{
	char got[PAGE];
	int i;

	if (write) {
		EXPECT_EQ(FULL, kipc_try_read(fd[0], got, PAGE));
		return;
	}
	for (i = 0; i < 2; i++)
		EXPECT_EQ(5, kipc_try_write(fd[1], "abcd", 5));
}

TEST_F(signals, interrupt)
{
	struct kipc_pipe_stat before, after;

	handle(SIGUSR1, 0);
	ASSERT_EQ(0, kipc_pipe_stat(self->fd[0], &before));
	pthread_kill(self->call.thread, SIGUSR1);
	EXPECT_EQ(-EINTR, kipc_call_wait(&self->call));
	EXPECT_EQ(1, handler_hits());
	ASSERT_EQ(0, kipc_pipe_stat(self->fd[0], &after));
	EXPECT_EQ(before.used, after.used);
	EXPECT_EQ((uint32_t)variant->queued,
		  after.readers.waiting + after.writers.waiting);
	if (!variant->queued)
		return;
	/* Who was there before is not concerned. */
	EXPECT_FALSE(kipc_call_ended(&self->first));
	let_go(_metadata, self->fd, variant->write);
	EXPECT_EQ(variant->write ? 16 : 5, kipc_call_wait(&self->first));
}

TEST_F(signals, restart)
{
	int i;

	handle(SIGUSR1, SA_RESTART);
	for (i = 1; i <= 3; i++) {
		pthread_kill(self->call.thread, SIGUSR1);
		ASSERT_TRUE(wait_for(handler_hits() == i));
		ASSERT_TRUE(wait_for(sleepers(self->fd[0]) ==
				     1U + variant->queued));
		EXPECT_FALSE(kipc_call_ended(&self->call));
	}
	let_go(_metadata, self->fd, variant->write);
	EXPECT_EQ(variant->write ? 16 : 5, kipc_call_wait(&self->call));
	if (variant->queued)
		EXPECT_EQ(variant->write ? 16 : 5,
			  kipc_call_wait(&self->first));
}

/* Restarted, a call keeps its deadline: it is a point in time. */
TEST_F(signals, restart_keeps_the_deadline)
{
	struct kipc_call call = self->call;
	uint64_t deadline = in_ms(300);

	if (variant->cmd == KIPC_CALL_READ || variant->cmd == KIPC_CALL_WRITE)
		return;
	handle(SIGUSR1, SA_RESTART);
	call.deadline_ns = deadline;
	ASSERT_EQ(0, kipc_call_start(&call));
	while (!kipc_call_ended(&call) && now_ns() < deadline + NSEC_PER_SEC) {
		pthread_kill(call.thread, SIGUSR1);
		usleep(10000);
	}
	EXPECT_EQ(-ETIMEDOUT, kipc_call_wait(&call));
	EXPECT_LT(0, handler_hits());
	EXPECT_LE(deadline, now_ns());
	EXPECT_FALSE(kipc_call_ended(&self->call));
}

/* A part that went in counts, whatever the handler wants. */
static void partial_write(struct __test_metadata *_metadata, unsigned long cmd,
			  int flags)
{
	static char data[16 * PAGE], got[16 * PAGE];
	struct kipc_call call;
	int fd[2];

	pattern_fill(data, 0, sizeof(data));
	handle(SIGUSR1, flags);
	ASSERT_EQ(0, kipc_pipe(fd, PAGE, 0));
	call = (struct kipc_call){ .fd = fd[1], .cmd = cmd, .buf = data,
		.len = sizeof(data) };
	ASSERT_EQ(0, kipc_call_start(&call));
	ASSERT_TRUE(wait_for(kipc_writers_waiting(fd[0]) == 1));
	ASSERT_EQ(PAGE, kipc_try_read(fd[0], got, PAGE));
	ASSERT_TRUE(wait_for(pipe_used(fd[0]) == PAGE &&
			     kipc_writers_waiting(fd[0]) == 1));
	pthread_kill(call.thread, SIGUSR1);
	EXPECT_EQ(2 * PAGE, kipc_call_wait(&call));
	EXPECT_EQ(PAGE, kipc_try_read(fd[0], got + PAGE, sizeof(got) - PAGE));
	EXPECT_TRUE(pattern_ok(got, 0, 2 * PAGE));
	EXPECT_EQ(-EAGAIN, kipc_try_read(fd[0], got, 1));
	close(fd[0]);
	close(fd[1]);
}

TEST(signal_after_a_part_was_written)
{
	partial_write(_metadata, KIPC_CALL_WRITE, 0);
	partial_write(_metadata, KIPC_CALL_WRITE, SA_RESTART);
	partial_write(_metadata, KIPC_PIPE_WRITE, 0);
	partial_write(_metadata, KIPC_PIPE_WRITE, SA_RESTART);
}

/* Stopped and continued, a sleeper goes on as if nothing had been. */
TEST(stop_and_continue)
{
	int fd[2], status;
	char got[8];
	pid_t pid;

	ASSERT_EQ(0, kipc_pipe(fd, PAGE, 0));
	pid = kipc_fork();
	if (!pid) {
		CHILD_CHECK(read(fd[0], got, 8) == 4);
		_exit(0);
	}
	ASSERT_TRUE(wait_for(kipc_readers_waiting(fd[1]) == 1));
	EXPECT_EQ(0, kill(pid, SIGSTOP));
	EXPECT_EQ(pid, waitpid(pid, &status, WUNTRACED));
	EXPECT_TRUE(WIFSTOPPED(status));
	EXPECT_EQ(0, kill(pid, SIGCONT));
	EXPECT_EQ(pid, waitpid(pid, &status, WCONTINUED));
	EXPECT_TRUE(wait_for(kipc_readers_waiting(fd[1]) == 1));
	EXPECT_EQ(4, KIPC_RET(write(fd[1], "abcd", 4)));
	EXPECT_EQ(0, kipc_reap(pid));
}

#define QUEUE	10

TEST(writers_are_served_as_they_came)
{
	struct kipc_call call[QUEUE];
	char page[PAGE], data[QUEUE][200], got[PAGE];
	int fd[2], i;

	ASSERT_EQ(0, kipc_pipe(fd, PAGE, KIPC_PIPE_RECORD));
	ASSERT_EQ(FULL, kipc_try_write(fd[1], page, FULL));
	for (i = 0; i < QUEUE; i++) {
		memset(data[i], i, sizeof(data[i]));
		call[i] = (struct kipc_call){ .fd = fd[1], .buf = data[i],
			.len = sizeof(data[i]), .cmd = KIPC_CALL_WRITE };
		ASSERT_EQ(0, kipc_call_start(&call[i]));
		ASSERT_TRUE(wait_for(kipc_writers_waiting(fd[0]) ==
				     (unsigned int)i + 1));
	}
	EXPECT_EQ(FULL, kipc_try_read(fd[0], got, PAGE));
	for (i = 0; i < QUEUE; i++) {
		EXPECT_EQ(200, KIPC_RET(read(fd[0], got, PAGE)));
		EXPECT_EQ(i, got[0]);
		EXPECT_EQ(200, kipc_call_wait(&call[i]));
	}
}

TEST(readers_are_served_as_they_came)
{
	struct kipc_call call[QUEUE];
	char got[QUEUE][8] = {};
	int fd[2], i, burst;

	/* One record at a time, and then all at once. */
	for (burst = 0; burst < 2; burst++) {
		ASSERT_EQ(0, kipc_pipe(fd, PAGE, KIPC_PIPE_RECORD |
				       KIPC_PIPE_TURNS));
		for (i = 0; i < QUEUE; i++) {
			call[i] = (struct kipc_call){ .fd = fd[0],
				.buf = got[i], .len = 8,
				.cmd = KIPC_CALL_READ };
			ASSERT_EQ(0, kipc_call_start(&call[i]));
			ASSERT_TRUE(wait_for(kipc_readers_waiting(fd[1]) ==
					     (unsigned int)i + 1));
		}
		for (i = 0; i < QUEUE; i++) {
			ASSERT_EQ(1, kipc_try_write(fd[1], (char[]){ i }, 1));
			if (!burst)
				EXPECT_EQ(1, kipc_call_wait(&call[i]));
		}
		for (i = 0; i < QUEUE; i++) {
			if (burst)
				EXPECT_EQ(1, kipc_call_wait(&call[i]));
			EXPECT_EQ(i, got[i][0]);
		}
		close(fd[0]);
		close(fd[1]);
	}
}

TEST_HARNESS_MAIN
