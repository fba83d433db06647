// SPDX-License-Identifier: GPL-2.0
/*
 * The library's part of mapped pipes: what is written is read, whole and in order,
 * and what waits is told how it ends.
 */
#include "kselftest_harness.h"
#include "mapped_pipe_lib_util.h"

#define CAPACITY	4096
#define LONGEST		(CAPACITY - HEADER)

FIXTURE(ends) {
	struct kipc_mapped_pipe wr;
	struct kipc_mapped_pipe rd;
	char buf[CAPACITY];
};

FIXTURE_SETUP(ends)
{
	ASSERT_EQ(0, lib_ends(&self->wr, &self->rd, CAPACITY));
	ASSERT_EQ(CAPACITY, self->wr.capacity);
}

FIXTURE_TEARDOWN(ends)
{
	/* Those that a test has closed are unmapped, and their fd is -1. */
	lib_close(&self->wr);
	lib_close(&self->rd);
}

static void close_end(struct kipc_mapped_pipe *pipe)
{
	lib_close(pipe);
	pipe->fd = -1;
}

static int put(struct kipc_mapped_pipe *wr, const char *text, uint32_t flags)
{
	return kipc_mapped_pipe_write(wr, text, strlen(text), flags | NONBLOCK,
				      0);
}

/* The next record is @text, and is taken. */
static bool took(struct kipc_mapped_pipe *rd, const char *text)
{
	char buf[CAPACITY];
	ssize_t len = kipc_mapped_pipe_read(rd, buf, sizeof(buf), NONBLOCK, 0);

	return len == (ssize_t)strlen(text) && !memcmp(buf, text, len);
}

/* So many of 64 bytes fit as there are returned. */
static unsigned int fill(struct kipc_mapped_pipe *wr, uint32_t flags)
{
	static const char buf[56];
	unsigned int count = 0;

	while (!kipc_mapped_pipe_write(wr, buf, sizeof(buf), flags | NONBLOCK,
				       0))
		count++;
	return count;
}

TEST_F(ends, every_length_at_every_place)
{
	struct kipc_pipe_stat stat;
	const void *payload;
	size_t len, seen;

	for (len = 0; len <= LONGEST; len++) {
		pattern_fill(self->buf, len, len);
		ASSERT_EQ(0, kipc_mapped_pipe_write(&self->wr, self->buf, len,
						    0, 0));
		ASSERT_EQ(0, kipc_mapped_pipe_peek(&self->rd, &payload, &seen,
						   0, 0));
		ASSERT_EQ(len, seen);
		ASSERT_TRUE(in_buffer(&self->rd, payload, len));
		ASSERT_TRUE(pattern_ok(payload, len, len));
		memset(self->buf, 0, len);
		ASSERT_EQ((ssize_t)len,
			  kipc_mapped_pipe_read(&self->rd, self->buf,
						CAPACITY, 0, 0));
		ASSERT_TRUE(pattern_ok(self->buf, len, len));
	}
	/* And nobody had to ask the kernel. */
	ASSERT_EQ(0, kipc_pipe_stat(self->rd.fd, &stat));
	EXPECT_EQ(0, stat.readers.sleeps + stat.writers.sleeps);
	EXPECT_EQ(0, stat.readers.wakeups + stat.writers.wakeups);
	EXPECT_EQ(0, self->rd.calls + self->wr.calls);
	EXPECT_EQ(0, stat.used);
}

TEST_F(ends, the_longest_fills_the_buffer)
{
	EXPECT_EQ(-EMSGSIZE, reserve_now(&self->wr, LONGEST + 1));
	EXPECT_EQ(-EMSGSIZE, reserve_now(&self->wr, SIZE_MAX));
	ASSERT_EQ(0, reserve_now(&self->wr, LONGEST));
	ASSERT_EQ(0, kipc_mapped_pipe_commit(&self->wr, LONGEST, 0));
	EXPECT_EQ(-EAGAIN, reserve_now(&self->wr, 0));
	EXPECT_EQ(0, peek_now(&self->rd));
	ASSERT_EQ(0, kipc_mapped_pipe_release(&self->rd, 0));
	EXPECT_EQ(-EAGAIN, peek_now(&self->rd));
	EXPECT_EQ(0, reserve_now(&self->wr, LONGEST));
}

TEST_F(ends, one_piece_across_the_end_of_the_buffer)
{
	const char *end = self->rd.data + CAPACITY;
	const void *payload;
	size_t len;

	ASSERT_EQ(0, kipc_mapped_pipe_write(&self->wr, self->buf,
					    LONGEST - 100, 0, 0));
	ASSERT_EQ(0, peek_now(&self->rd));
	ASSERT_EQ(0, kipc_mapped_pipe_release(&self->rd, 0));
	pattern_fill(self->buf, 0, 1000);
	ASSERT_EQ(0, kipc_mapped_pipe_write(&self->wr, self->buf, 1000, 0, 0));
	ASSERT_EQ(0, kipc_mapped_pipe_peek(&self->rd, &payload, &len, 0, 0));
	EXPECT_TRUE(end > (const char *)payload);
	EXPECT_TRUE(end < (const char *)payload + len);
	EXPECT_TRUE(pattern_ok(payload, 0, 1000));
}

TEST_F(ends, less_than_was_reserved)
{
	void *payload;

	ASSERT_EQ(0, kipc_mapped_pipe_reserve(&self->wr, 1000, &payload, 0, 0));
	memcpy(payload, "ten bytes!", 10);
	EXPECT_EQ(-EINVAL, kipc_mapped_pipe_commit(&self->wr, 1001, 0));
	EXPECT_EQ(-EINVAL, kipc_mapped_pipe_commit(&self->wr, SIZE_MAX, 0));
	EXPECT_EQ(-EAGAIN, peek_now(&self->rd));
	EXPECT_EQ(0, kipc_mapped_pipe_commit(&self->wr, 10, 0));
	EXPECT_TRUE(took(&self->rd, "ten bytes!"));
	/* It is gone with that. */
	EXPECT_EQ(-EINVAL, kipc_mapped_pipe_commit(&self->wr, 0, 0));
	/* A new one in place of the last, which may not be there at all. */
	ASSERT_EQ(0, reserve_now(&self->wr, 1000));
	ASSERT_EQ(0, reserve_now(&self->wr, 10));
	EXPECT_EQ(-EINVAL, kipc_mapped_pipe_commit(&self->wr, 20, 0));
	ASSERT_EQ(-EMSGSIZE, reserve_now(&self->wr, CAPACITY));
	EXPECT_EQ(-EINVAL, kipc_mapped_pipe_commit(&self->wr, 0, 0));
}

TEST_F(ends, each_to_its_end)
{
	char byte;

	EXPECT_EQ(-EBADF, reserve_now(&self->rd, 1));
	EXPECT_EQ(-EBADF, kipc_mapped_pipe_write(&self->rd, "x", 1, 0, 0));
	EXPECT_EQ(-EBADF, peek_now(&self->wr));
	EXPECT_EQ(-EBADF, kipc_mapped_pipe_read(&self->wr, &byte, 1, 0, 0));
	EXPECT_EQ(-EINVAL, kipc_mapped_pipe_release(&self->rd, 0));
}

TEST_F(ends, only_mapped_pipes_are_mapped)
{
	struct kipc_mapped_pipe other;
	int fd[2];

	ASSERT_EQ(0, kipc_pipe(fd, CAPACITY, KIPC_PIPE_RECORD));
	EXPECT_EQ(-EINVAL, kipc_mapped_pipe_map(&other, fd[0]));
	EXPECT_EQ(-ENOTTY, kipc_mapped_pipe_map(&other, STDIN_FILENO));
	EXPECT_EQ(-EBADF, kipc_mapped_pipe_map(&other, -1));
}

TEST_F(ends, a_batch_is_seen_at_its_end)
{
	struct kipc_mapped_pipe *wr = &self->wr, *rd = &self->rd;

	EXPECT_EQ(0, put(wr, "one", MORE));
	EXPECT_EQ(0, put(wr, "two", MORE));
	EXPECT_EQ(-EAGAIN, peek_now(rd));
	EXPECT_EQ(0, put(wr, "three", 0));
	EXPECT_TRUE(took(rd, "one"));
	EXPECT_TRUE(took(rd, "two"));
	EXPECT_TRUE(took(rd, "three"));
	EXPECT_EQ(0, put(wr, "four", MORE));
	EXPECT_EQ(-EAGAIN, peek_now(rd));
	EXPECT_EQ(0, kipc_mapped_pipe_publish(wr));
	EXPECT_TRUE(took(rd, "four"));
}

/* Who would have to wait has shown all that he has before. */
TEST_F(ends, a_batch_is_no_longer_than_the_buffer)
{
	unsigned int count = fill(&self->wr, MORE), i;

	EXPECT_EQ(CAPACITY / 64, count);
	for (i = 0; i < count; i++) {
		ASSERT_EQ(0, peek_now(&self->rd));
		ASSERT_EQ(0, kipc_mapped_pipe_release(&self->rd, MORE));
	}
	/* The room is still kept. */
	EXPECT_EQ(-EAGAIN, reserve_now(&self->wr, 0));
	EXPECT_EQ(-EAGAIN, peek_now(&self->rd));
	EXPECT_EQ(0, reserve_now(&self->wr, LONGEST));
}

TEST_F(ends, a_short_buffer_takes_nothing)
{
	char two[2];

	ASSERT_EQ(0, put(&self->wr, "three", 0));
	EXPECT_EQ(-EMSGSIZE, kipc_mapped_pipe_read(&self->rd, two, 2, 0, 0));
	EXPECT_EQ(-EMSGSIZE, kipc_mapped_pipe_read(&self->rd, two, 0, 0, 0));
	EXPECT_TRUE(took(&self->rd, "three"));
	EXPECT_EQ(-EAGAIN, peek_now(&self->rd));
}

TEST_F(ends, the_end_comes_after_the_last_record)
{
	struct kipc_mapped_pipe *wr = &self->wr, *rd = &self->rd;
	char byte;

	ASSERT_EQ(0, put(wr, "one", 0));
	ASSERT_EQ(0, put(wr, "", 0));
	/* These two nobody is to see. */
	ASSERT_EQ(0, put(wr, "three", MORE));
	ASSERT_EQ(0, reserve_now(wr, 5));
	close_end(wr);
	EXPECT_TRUE(took(rd, "one"));
	EXPECT_EQ(0, kipc_mapped_pipe_read(rd, &byte, 1, 0, 0));
	EXPECT_EQ(-EPIPE, kipc_mapped_pipe_read(rd, &byte, 1, 0, 0));
	EXPECT_EQ(-EPIPE, peek_now(rd));
}

TEST_F(ends, no_reader_is_left)
{
	ASSERT_EQ(0, put(&self->wr, "one", 0));
	close_end(&self->rd);
	EXPECT_EQ(-EPIPE, put(&self->wr, "two", 0));
	EXPECT_EQ(-EPIPE, reserve_now(&self->wr, LONGEST));
}

TEST_F(ends, sleepers_hear_of_the_end)
{
	struct kipc_mapped_pipe *wr = &self->wr, *rd = &self->rd;
	struct lib_call call = { .pipe = rd, .buf = self->buf, .len = 10 };
	int fd[2];

	ASSERT_TRUE(lib_call_asleep(&call));
	close_end(wr);
	EXPECT_EQ(-EPIPE, lib_call_end(&call));
	close_end(rd);

	ASSERT_EQ(0, mapped_pipe(fd, CAPACITY));
	ASSERT_EQ(0, kipc_mapped_pipe_map(wr, fd[1]));
	ASSERT_EQ(0, kipc_mapped_pipe_map(rd, fd[0]));
	call = (struct lib_call){ .pipe = wr, .buf = self->buf, .len = 10 };
	ASSERT_LT(0, fill(wr, 0));
	ASSERT_TRUE(lib_call_asleep(&call));
	close_end(rd);
	EXPECT_EQ(-EPIPE, lib_call_end(&call));
}

TEST_F(ends, destroyed)
{
	struct lib_call call = { .pipe = &self->wr, .buf = self->buf,
				 .len = 10 };

	ASSERT_LT(0, fill(&self->wr, 0));
	ASSERT_TRUE(lib_call_asleep(&call));
	ASSERT_EQ(0, kipc_destroy(self->rd.fd));
	EXPECT_EQ(-EIDRM, lib_call_end(&call));
	/* Though there are records. */
	EXPECT_EQ(-EIDRM, peek_now(&self->rd));
	EXPECT_EQ(-EIDRM, reserve_now(&self->wr, 0));
}

TEST_F(ends, deadlines)
{
	uint64_t deadline = in_ms(30);

	EXPECT_EQ(-ETIMEDOUT, kipc_mapped_pipe_read(&self->rd, self->buf, 1, 0,
						    deadline));
	EXPECT_LE(deadline, now_ns());
	ASSERT_LT(0, fill(&self->wr, 0));
	deadline = in_ms(30);
	EXPECT_EQ(-ETIMEDOUT, kipc_mapped_pipe_write(&self->wr, "x", 1, 0,
						     deadline));
	EXPECT_LE(deadline, now_ns());
	/* What is there is given at any time. */
	EXPECT_EQ(56, kipc_mapped_pipe_read(&self->rd, self->buf, CAPACITY, 0,
					    1));
	EXPECT_EQ(0, kipc_mapped_pipe_write(&self->wr, self->buf, 56, 0, 1));
}

TEST_F(ends, a_handle_that_never_waits)
{
	ASSERT_EQ(0, fcntl(self->rd.fd, F_SETFL, O_NONBLOCK));
	ASSERT_EQ(0, fcntl(self->wr.fd, F_SETFL, O_NONBLOCK));
	EXPECT_EQ(-EAGAIN, kipc_mapped_pipe_read(&self->rd, self->buf, 1, 0,
						 0));
	ASSERT_LT(0, fill(&self->wr, 0));
	EXPECT_EQ(-EAGAIN, kipc_mapped_pipe_write(&self->wr, "x", 1, 0, 0));
}

/* Who got EAGAIN is told when there is enough, not when there is anything. */
TEST_F(ends, poll_after_being_refused)
{
	ASSERT_LT(0, fill(&self->wr, 0));
	EXPECT_EQ(-EAGAIN, reserve_now(&self->wr, 100));
	EXPECT_EQ(0, poll_now(self->wr.fd) & POLLOUT);
	EXPECT_EQ(0, peek_now(&self->rd));
	EXPECT_EQ(0, kipc_mapped_pipe_release(&self->rd, 0));
	EXPECT_EQ(0, poll_now(self->wr.fd) & POLLOUT);
	EXPECT_EQ(0, peek_now(&self->rd));
	EXPECT_EQ(0, kipc_mapped_pipe_release(&self->rd, 0));
	EXPECT_EQ(POLLOUT, poll_now(self->wr.fd) & POLLOUT);
	EXPECT_EQ(0, reserve_now(&self->wr, 100));
}

TEST_F(ends, poll_of_an_empty_one)
{
	EXPECT_EQ(-EAGAIN, peek_now(&self->rd));
	EXPECT_EQ(0, poll_now(self->rd.fd) & POLLIN);
	ASSERT_EQ(0, put(&self->wr, "one", 0));
	EXPECT_EQ(POLLIN, poll_now(self->rd.fd) & POLLIN);
	EXPECT_TRUE(took(&self->rd, "one"));
	EXPECT_EQ(0, poll_now(self->rd.fd) & POLLIN);
}

static void on_signal(int sig)
{
	(void)sig;
}

TEST_F(ends, a_signal)
{
	struct lib_call call = { .pipe = &self->rd, .buf = self->buf,
				 .len = CAPACITY };
	const struct sigaction act = { .sa_handler = on_signal };

	ASSERT_EQ(0, sigaction(SIGUSR1, &act, NULL));
	ASSERT_TRUE(lib_call_asleep(&call));
	ASSERT_EQ(0, pthread_kill(call.thread, SIGUSR1));
	EXPECT_EQ(-EINTR, lib_call_end(&call));
}

/* It is not to wait for more: the consumer may be done for now. */
TEST_F(ends, one_record_makes_room_for_one)
{
	struct lib_call call = { .pipe = &self->wr, .buf = self->buf,
				 .len = 56 };

	ASSERT_LT(0, fill(&self->wr, 0));
	ASSERT_TRUE(lib_call_asleep(&call));
	ASSERT_EQ(0, peek_now(&self->rd));
	ASSERT_EQ(0, kipc_mapped_pipe_release(&self->rd, 0));
	EXPECT_EQ(0, lib_call_end(&call));
}

/* Those who come later go on where the ones before have left off. */
TEST(ends_that_are_opened_again)
{
	struct kipc_mapped_pipe wr, rd;
	struct kipc_pipe_create arg;
	int fd;

	ASSERT_EQ(0, kipc_pipe_named(&arg, "mapped-again", RIGHT_BOTH,
				     CAPACITY, KIPC_PIPE_MAPPED));
	ASSERT_EQ(0, kipc_mapped_pipe_map(&wr, arg.write_fd));
	ASSERT_EQ(0, kipc_mapped_pipe_map(&rd, arg.read_fd));
	ASSERT_EQ(0, put(&wr, "one", 0));
	ASSERT_EQ(0, put(&wr, "two", 0));
	EXPECT_TRUE(took(&rd, "one"));
	lib_close(&rd);
	EXPECT_EQ(-EPIPE, put(&wr, "three", 0));
	fd = kipc_open_name("mapped-again", KIPC_RIGHT_READ, 0);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, kipc_mapped_pipe_map(&rd, fd));
	EXPECT_EQ(0, put(&wr, "four", 0));
	lib_close(&wr);
	EXPECT_TRUE(took(&rd, "two"));
	EXPECT_TRUE(took(&rd, "four"));
	EXPECT_EQ(-EPIPE, peek_now(&rd));
	fd = kipc_open_name("mapped-again", KIPC_RIGHT_WRITE, 0);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, kipc_mapped_pipe_map(&wr, fd));
	EXPECT_EQ(-EAGAIN, peek_now(&rd));
	EXPECT_EQ(0, put(&wr, "five", 0));
	EXPECT_TRUE(took(&rd, "five"));
	lib_close(&wr);
	lib_close(&rd);
}

/**
 * struct stream - records from one process to another
 * @capacity: of the pipe
 * @longest: of the records
 * @count: how many
 * @spins: of both ends; -1: as the library likes it
 * @nice: how much less than the consumer the producer is to have of a processor
 * @linger: one of so many records makes an end give up the processor; 0: none
 */
FIXTURE(stream) {
	int fd[2];
};

FIXTURE_VARIANT(stream) {
	uint64_t capacity;
	size_t longest;
	unsigned long count;
	int spins;
	int nice;
	unsigned int linger;
};

/* Both are busy. */
FIXTURE_VARIANT_ADD(stream, small_records) {
	.capacity = 1 << 16, .longest = 100, .count = 4000000, .spins = -1,
};

FIXTURE_VARIANT_ADD(stream, of_all_lengths) {
	.capacity = 1 << 16, .longest = 20000, .count = 100000, .spins = -1,
};

/* One or two at a time, so that both sleep all the time. */
FIXTURE_VARIANT_ADD(stream, tiny_buffer) {
	.capacity = CAPACITY, .longest = LONGEST, .count = 200000,
};

FIXTURE_VARIANT_ADD(stream, slow_producer) {
	.capacity = CAPACITY, .longest = 64, .count = 400000, .nice = 19,
	.linger = 8,
};

FIXTURE_VARIANT_ADD(stream, slow_consumer) {
	.capacity = CAPACITY, .longest = 64, .count = 400000, .nice = -19,
	.linger = 16,
};

FIXTURE_SETUP(stream)
{
	ASSERT_EQ(0, mapped_pipe(self->fd, variant->capacity));
}

FIXTURE_TEARDOWN(stream)
{
}

/* A few of the calls that there are, at random. */
static int put_numbered(struct kipc_mapped_pipe *wr, uint64_t number,
			size_t longest, uint64_t *rnd)
{
	size_t len = numbered_len(number, longest);
	uint32_t what = kipc_rand(rnd), flags = what & 6 ? 0 : MORE;
	uint64_t end = patience();
	char buf[1 << 16];
	void *payload;
	int ret;

	if (what & 1) {
		numbered_fill(buf, number, len);
		return in_time(kipc_mapped_pipe_write(wr, buf, len, flags, end),
			       end);
	}
	/* Perhaps more than it turns out to be. */
	ret = in_time(kipc_mapped_pipe_reserve(wr, what & 8 ? len : longest,
					       &payload, 0, end), end);
	if (ret)
		return ret;
	numbered_fill(payload, number, len);
	return kipc_mapped_pipe_commit(wr, len, flags);
}

static int take_numbered(struct kipc_mapped_pipe *rd, uint64_t number,
			 size_t longest, uint64_t *rnd)
{
	uint32_t what = kipc_rand(rnd), flags = what & 6 ? 0 : MORE;
	uint64_t end = patience();
	char buf[1 << 16];
	const void *payload;
	ssize_t ret;
	size_t len;

	if (what & 1) {
		ret = in_time(kipc_mapped_pipe_read(rd, buf, sizeof(buf), flags,
						    end), end);
		if (ret < 0)
			return ret;
		return numbered_ok(buf, number, ret, longest) ? 0 : -EIO;
	}
	ret = in_time(kipc_mapped_pipe_peek(rd, &payload, &len, 0, end), end);
	if (ret)
		return ret;
	if (!in_buffer(rd, payload, len) ||
	    !numbered_ok(payload, number, len, longest))
		return -EIO;
	return kipc_mapped_pipe_release(rd, flags);
}

static void maybe_linger(unsigned int linger, uint64_t *rnd)
{
	if (linger && kipc_rand(rnd) % linger == 0)
		sched_yield();
}

TEST_F_TIMEOUT(stream, whole_and_in_order, 300)
{
	unsigned long count = scaled(kernel_is_checked() ? variant->count / 10 :
							   variant->count);
	struct kipc_mapped_pipe pipe;
	uint64_t rnd = kipc_seed();
	unsigned long i;
	pid_t pid = kipc_fork();

	if (!pid) {
		lib_be_end(&pipe, self->fd, 1);
		if (variant->nice > 0)
			CHECK_EQ(variant->nice, nice(variant->nice));
		if (variant->spins >= 0)
			pipe.spins = variant->spins;
		for (i = 0; i < count; i++) {
			CHECK_EQ(0, put_numbered(&pipe, i, variant->longest,
						 &rnd));
			maybe_linger(variant->nice > 0 ? variant->linger : 0,
				     &rnd);
		}
		CHECK_EQ(0, kipc_mapped_pipe_publish(&pipe));
		_exit(0);
	}
	close(self->fd[1]);
	ASSERT_EQ(0, kipc_mapped_pipe_map(&pipe, self->fd[0]));
	if (variant->nice < 0)
		ASSERT_EQ(-variant->nice, nice(-variant->nice));
	if (variant->spins >= 0)
		pipe.spins = variant->spins;
	for (i = 0; i < count; i++) {
		ASSERT_EQ(0, take_numbered(&pipe, i, variant->longest, &rnd))
			TH_LOG("record %lu", i);
		maybe_linger(variant->nice < 0 ? variant->linger : 0, &rnd);
	}
	EXPECT_EQ(-EPIPE, take_numbered(&pipe, i, variant->longest, &rnd));
	EXPECT_EQ(0, kipc_reap(pid));
}

TEST_HARNESS_MAIN
