// SPDX-License-Identifier: GPL-2.0
/*
 * SIGKILL of an end at any moment: between reserving and committing, between moving
 * the index and waking, asleep.  The other end sees whole records and then the end,
 * and all that had been committed.
 */
#include "kselftest_harness.h"
#include "mapped_pipe_lib_util.h"

#define NAME		"mapped-kill"
#define CAPACITY	8192
#define LONGEST		900
#define ROUNDS		1000

/**
 * struct log - what an end wrote down of what it did
 * @begun: the record that it is at
 * @done: so many records have been committed, or released, and shown
 */
struct log {
	uint64_t begun;
	uint64_t done;
};

static void log_set(uint64_t *word, uint64_t value)
{
	__atomic_store_n(word, value, __ATOMIC_RELEASE);
}

static uint64_t log_get(const uint64_t *word)
{
	return __atomic_load_n(word, __ATOMIC_ACQUIRE);
}

/* As scaled(), and fewer on such a kernel, where each takes long. */
static unsigned long rounds(void)
{
	return scaled_rounds(ROUNDS);
}

/* In a child; where both are killed one can see the end of the other. */
static void go_on(int ret)
{
	if (ret == -EPIPE)
		_exit(0);
	CHECK_EQ(0, ret);
}

/* Until it is killed.  What is seen too early is not what it is to be. */
static void produce(struct kipc_mapped_pipe *wr, struct log *log, uint64_t rnd)
{
	uint64_t number;
	uint32_t flags;
	void *payload;
	size_t len;

	for (number = 0;; number++) {
		len = numbered_len(number, LONGEST);
		flags = kipc_rand(&rnd) % 4 ? 0 : MORE;
		log_set(&log->begun, number);
		go_on(kipc_mapped_pipe_reserve(wr, len, &payload, 0, 0));
		memset(payload, 0xff, len);
		numbered_fill(payload, number, len);
		CHECK_EQ(0, kipc_mapped_pipe_commit(wr, len, flags));
		if (!flags)
			log_set(&log->done, number + 1);
		if (kipc_rand(&rnd) % 64 == 0)
			sched_yield();
	}
}

/* Until it is killed, from record @number on. */
static void consume(struct kipc_mapped_pipe *rd, struct log *log, uint64_t rnd,
		    uint64_t number)
{
	const void *payload;
	uint32_t flags;
	size_t len;

	for (;; number++) {
		flags = kipc_rand(&rnd) % 4 ? 0 : MORE;
		go_on(kipc_mapped_pipe_peek(rd, &payload, &len, 0, 0));
		CHECK_EQ(true, numbered_ok(payload, number, len, LONGEST));
		log_set(&log->begun, number + 1);
		CHECK_EQ(0, kipc_mapped_pipe_release(rd, flags));
		if (!flags)
			log_set(&log->done, number + 1);
		if (kipc_rand(&rnd) % 64 == 0)
			sched_yield();
	}
}

/* Was it killed, and not wrong? */
static bool was_killed(pid_t pid)
{
	int status = kipc_reap(pid);

	return WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
}

/* In a child: kill @pid at a random moment. */
static pid_t start_killer(pid_t pid, uint64_t rnd)
{
	pid_t killer = kipc_fork();

	if (killer)
		return killer;
	usleep(kipc_rand(&rnd) % 5000);
	kill(pid, SIGKILL);
	_exit(0);
}

FIXTURE(storm) {
	struct kipc_mapped_pipe mine;
	struct log *log;
	uint64_t rnd;
	int fd[2];
};

FIXTURE_SETUP(storm)
{
	self->log = kipc_shared(sizeof(*self->log));
	ASSERT_NE(NULL, self->log);
	self->rnd = kipc_seed();
}

FIXTURE_TEARDOWN(storm)
{
}

/* Reads until the end; how many records, or -errno. */
static int64_t drain(struct kipc_mapped_pipe *rd)
{
	const void *payload;
	int64_t number;
	uint64_t end;
	size_t len;
	int ret;

	for (number = 0;; number++) {
		end = patience();
		ret = in_time(kipc_mapped_pipe_peek(rd, &payload, &len, 0, end),
			      end);
		if (ret)
			return ret == -EPIPE ? number : ret;
		if (!numbered_ok(payload, number, len, LONGEST))
			return -EIO;
		ret = kipc_mapped_pipe_release(rd, 0);
		if (ret)
			return ret;
	}
}

TEST_F_TIMEOUT(storm, the_producer_is_killed, 300)
{
	unsigned long left = rounds();
	pid_t pid, killer;
	int64_t count;

	while (left--) {
		*self->log = (struct log){ 0 };
		ASSERT_EQ(0, mapped_pipe(self->fd, CAPACITY));
		pid = kipc_fork();
		if (!pid) {
			lib_be_end(&self->mine, self->fd, 1);
			produce(&self->mine, self->log, self->rnd);
		}
		killer = start_killer(pid, kipc_rand(&self->rnd));
		close(self->fd[1]);
		ASSERT_EQ(0, kipc_mapped_pipe_map(&self->mine, self->fd[0]));
		self->mine.spins = kipc_rand(&self->rnd) % 2 * 100;
		count = drain(&self->mine);
		ASSERT_TRUE(was_killed(pid));
		ASSERT_EQ(0, kipc_reap(killer));
		ASSERT_LE(log_get(&self->log->done), (uint64_t)count)
			TH_LOG("%lld", (long long)count);
		ASSERT_GE(log_get(&self->log->begun) + 1, (uint64_t)count);
		lib_close(&self->mine);
	}
}

/* Writes until there is no reader; how many records, or -errno. */
static int64_t flood(struct kipc_mapped_pipe *wr)
{
	char buf[LONGEST];
	int64_t number;
	uint64_t end;
	size_t len;
	int ret;

	for (number = 0;; number++) {
		len = numbered_len(number, LONGEST);
		numbered_fill(buf, number, len);
		end = patience();
		ret = in_time(kipc_mapped_pipe_write(wr, buf, len, 0, end),
			      end);
		if (ret)
			return ret == -EPIPE ? number : ret;
	}
}

/* What the dead one had not released is there for the next. */
TEST_F_TIMEOUT(storm, the_consumer_is_killed, 300)
{
	unsigned long left = rounds();
	struct kipc_pipe_create arg;
	int64_t count, number;
	const void *payload;
	pid_t pid, killer;
	size_t len;

	while (left--) {
		*self->log = (struct log){ 0 };
		ASSERT_EQ(0, kipc_pipe_named(&arg, NAME, RIGHT_BOTH, CAPACITY,
					     KIPC_EXCL | KIPC_PIPE_MAPPED));
		self->fd[0] = arg.read_fd;
		self->fd[1] = arg.write_fd;
		pid = kipc_fork();
		if (!pid) {
			lib_be_end(&self->mine, self->fd, 0);
			consume(&self->mine, self->log, self->rnd, 0);
		}
		killer = start_killer(pid, kipc_rand(&self->rnd));
		close(self->fd[0]);
		ASSERT_EQ(0, kipc_mapped_pipe_map(&self->mine, self->fd[1]));
		self->mine.spins = kipc_rand(&self->rnd) % 2 * 100;
		count = flood(&self->mine);
		ASSERT_TRUE(was_killed(pid));
		ASSERT_EQ(0, kipc_reap(killer));
		ASSERT_LE(0, count);
		self->fd[0] = kipc_open_name(NAME, KIPC_RIGHT_READ, 0);
		ASSERT_LE(0, self->fd[0]);
		lib_close(&self->mine);

		ASSERT_EQ(0, kipc_mapped_pipe_map(&self->mine, self->fd[0]));
		number = count;
		if (!kipc_mapped_pipe_peek(&self->mine, &payload, &len, 0, 0))
			memcpy(&number, payload, 8);
		ASSERT_LE(log_get(&self->log->done), (uint64_t)number);
		ASSERT_GE(log_get(&self->log->begun), (uint64_t)number);
		for (; number < count; number++) {
			ASSERT_EQ(0, kipc_mapped_pipe_peek(&self->mine,
							   &payload, &len, 0,
							   0));
			ASSERT_TRUE(numbered_ok(payload, number, len, LONGEST));
			ASSERT_EQ(0, kipc_mapped_pipe_release(&self->mine, 0));
		}
		ASSERT_EQ(-EPIPE, kipc_mapped_pipe_peek(&self->mine, &payload,
							&len, 0, 0));
		lib_close(&self->mine);
		ASSERT_EQ(-ENOENT, kipc_unlink(NAME));
	}
}

/* One after the other, each at any moment: nothing of the pipe is left. */
TEST_F_TIMEOUT(storm, both_are_killed, 300)
{
	unsigned long left = rounds() / 2;
	struct kipc_pipe_create arg;
	pid_t pid[2];
	int which;

	while (left--) {
		ASSERT_EQ(0, kipc_pipe_named(&arg, NAME, RIGHT_BOTH, CAPACITY,
					     KIPC_EXCL | KIPC_PIPE_MAPPED));
		self->fd[0] = arg.read_fd;
		self->fd[1] = arg.write_fd;
		for (which = 0; which < 2; which++) {
			pid[which] = kipc_fork();
			if (pid[which])
				continue;
			lib_be_end(&self->mine, self->fd, which);
			if (which)
				produce(&self->mine, self->log, self->rnd);
			consume(&self->mine, self->log, self->rnd, 0);
		}
		close(self->fd[0]);
		close(self->fd[1]);
		usleep(kipc_rand(&self->rnd) % 5000);
		which = kipc_rand(&self->rnd) % 2;
		kill(pid[which], SIGKILL);
		kill(pid[!which], SIGKILL);
		ASSERT_TRUE(was_killed(pid[which]));
		kipc_reap(pid[!which]);
		ASSERT_EQ(-ENOENT, kipc_unlink(NAME));
	}
}

/* The record is in the buffer, all of it, and nobody has said so. */
TEST_F(storm, killed_before_committing)
{
	pid_t pid;

	ASSERT_EQ(0, mapped_pipe(self->fd, CAPACITY));
	pid = kipc_fork();
	if (!pid) {
		struct kipc_mapped_pipe *wr = &self->mine;
		void *payload;

		lib_be_end(wr, self->fd, 1);
		CHECK_EQ(0, kipc_mapped_pipe_write(wr, "one", 3, 0, 0));
		CHECK_EQ(0, kipc_mapped_pipe_write(wr, "two", 3, MORE, 0));
		CHECK_EQ(0, kipc_mapped_pipe_reserve(wr, 5, &payload, 0, 0));
		memcpy(payload, "three", 5);
		log_set(&self->log->begun, 1);
		pause();
	}
	close(self->fd[1]);
	ASSERT_EQ(0, kipc_mapped_pipe_map(&self->mine, self->fd[0]));
	ASSERT_TRUE(wait_for(log_get(&self->log->begun)));
	kill(pid, SIGKILL);
	ASSERT_TRUE(was_killed(pid));
	EXPECT_EQ(3, kipc_mapped_pipe_read(&self->mine, self->log, 8, 0,
					   patience()));
	EXPECT_EQ(-EPIPE, kipc_mapped_pipe_read(&self->mine, self->log, 8, 0,
						patience()));
	lib_close(&self->mine);
}

TEST_HARNESS_MAIN
