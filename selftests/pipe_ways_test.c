// SPDX-License-Identifier: GPL-2.0
/*
 * There are three ways into and out of a pipe, read(2) and write(2), vectors, and
 * the calls of kipc; inside, the first has a short way of its own where nothing
 * is in the way.  Whichever is taken, the pipe is the same one.
 */
#include <poll.h>
#include <sys/uio.h>

#include "kselftest_harness.h"
#include "kipc_util.h"

#define PAGE	4096
#define CAP	(2 * PAGE)
#define HEADER	4	/* what a record takes beside its length */

/* The ways, by number; the pipe is one that does not block. */
#define WAYS	3

static int64_t write_by(int way, int fd, char *buf, size_t len)
{
	struct iovec iov[2] = { { buf, len / 3 },
				{ buf + len / 3, len - len / 3 } };

	switch (way) {
	case 0:
		return KIPC_RET(write(fd, buf, len));
	case 1:
		return KIPC_RET(writev(fd, iov, 2));
	default:
		return kipc_try_write(fd, buf, len);
	}
}

static int64_t read_by(int way, int fd, char *buf, size_t len)
{
	struct iovec iov[2] = { { buf, len / 3 },
				{ buf + len / 3, len - len / 3 } };

	switch (way) {
	case 0:
		return KIPC_RET(read(fd, buf, len));
	case 1:
		return KIPC_RET(readv(fd, iov, 2));
	default:
		return kipc_try_read(fd, buf, len);
	}
}

/* A pipe, what it should hold, and what should have gone through. */
struct model {
	int fd[2];
	bool records;
	uint64_t in, out, calls_in, calls_out, used;
	/* The lengths of the records that it holds, used round and round. */
	int record[CAP];
	unsigned int first, last;
	char buf[2 * CAP];
};

FIXTURE(ways) {
	struct model pipe;
};

FIXTURE_VARIANT(ways) {
	uint32_t flags;
};

FIXTURE_VARIANT_ADD(ways, stream) {
	.flags = 0,
};

FIXTURE_VARIANT_ADD(ways, record) {
	.flags = KIPC_PIPE_RECORD,
};

FIXTURE_VARIANT_ADD(ways, turns) {
	.flags = KIPC_PIPE_TURNS,
};

FIXTURE_VARIANT_ADD(ways, record_turns) {
	.flags = KIPC_PIPE_RECORD | KIPC_PIPE_TURNS,
};

FIXTURE_SETUP(ways)
{
	self->pipe.records = variant->flags & KIPC_PIPE_RECORD;
	ASSERT_EQ(0, kipc_pipe(self->pipe.fd, CAP,
			       variant->flags | KIPC_NONBLOCK));
}

FIXTURE_TEARDOWN(ways)
{
	close(self->pipe.fd[0]);
	close(self->pipe.fd[1]);
}

/* What a write of @len bytes has to give. */
static int64_t write_gives(struct model *pipe, int len)
{
	int room = CAP - pipe->used;

	if (pipe->records && HEADER + len > CAP)
		return -EMSGSIZE;
	if (pipe->records)
		return HEADER + len <= room ? len : -EAGAIN;
	if (len <= PAGE)
		return len <= room ? len : -EAGAIN;
	if (!room)
		return -EAGAIN;
	return len < room ? len : room;
}

/* Writes @len bytes and notes what should be in the pipe then. */
static bool write_one(struct model *pipe, int way, int len)
{
	int64_t want = write_gives(pipe, len);

	pattern_fill(pipe->buf, pipe->in, len);
	if (write_by(way, pipe->fd[1], pipe->buf, len) != want)
		return false;
	if (want < 0)
		return true;
	pipe->in += want;
	pipe->calls_in++;
	pipe->used += want + (pipe->records ? HEADER : 0);
	if (pipe->records)
		pipe->record[pipe->last++ % CAP] = want;
	return true;
}

/* Reads into @len bytes and checks what comes out. */
static bool read_one(struct model *pipe, int way, int len)
{
	int64_t want = len < (int)pipe->used ? len : (int)pipe->used;

	if (!pipe->used) {
		want = -EAGAIN;
	} else if (pipe->records) {
		want = pipe->record[pipe->first % CAP];
		if (want > len)
			want = -EMSGSIZE;
	}
	if (read_by(way, pipe->fd[0], pipe->buf, len) != want)
		return false;
	if (want < 0)
		return true;
	if (!pattern_ok(pipe->buf, pipe->out, want))
		return false;
	pipe->out += want;
	pipe->calls_out++;
	pipe->used -= want + (pipe->records ? HEADER : 0);
	pipe->first += pipe->records;
	return true;
}

/* Mostly short ones, and some that are as long as the pipe or longer. */
static int some_length(uint64_t *rnd)
{
	const int most[] = { 8, 100, 100, 1000, 1000, PAGE + 1, CAP, CAP + 9 };

	return kipc_rand(rnd) % most[kipc_rand(rnd) % ARRAY_SIZE(most)] + 1;
}

TEST_F(ways, any_mix_is_one_pipe)
{
	struct model *pipe = &self->pipe;
	unsigned long rounds = scaled(50000);
	uint64_t rnd = kipc_seed();
	struct kipc_pipe_stat r, w;

	while (rounds--) {
		int way = kipc_rand(&rnd) % WAYS, len = some_length(&rnd);
		bool in = kipc_rand(&rnd) % 2;

		ASSERT_TRUE(in ? write_one(pipe, way, len) :
				 read_one(pipe, way, len))
			TH_LOG("%s of %d, way %d", in ? "write" : "read", len,
			       way);
	}
	ASSERT_EQ(0, kipc_pipe_stat(pipe->fd[0], &r));
	ASSERT_EQ(0, kipc_pipe_stat(pipe->fd[1], &w));
	EXPECT_EQ(pipe->used, r.used);
	EXPECT_EQ(pipe->in, r.writers.bytes);
	EXPECT_EQ(pipe->in, w.my_bytes);
	EXPECT_EQ(pipe->calls_in, r.writers.calls);
	EXPECT_EQ(pipe->calls_in, w.my_calls);
	EXPECT_EQ(pipe->out, r.readers.bytes);
	EXPECT_EQ(pipe->out, r.my_bytes);
	EXPECT_EQ(pipe->calls_out, r.readers.calls);
	EXPECT_EQ(pipe->calls_out, r.my_calls);
}

/*
 * One who was refused is told by poll(2) when there is room for what he wanted;
 * once he has written something else, room is what any writer calls room.
 */
TEST(refused_record_is_forgotten)
{
	struct pollfd out = { .events = POLLOUT };
	char buf[2 * PAGE] = {};
	int fd[2], way;

	for (way = 0; way < WAYS; way++) {
		ASSERT_EQ(0, kipc_pipe(fd, 4 * PAGE, KIPC_PIPE_RECORD |
						     KIPC_NONBLOCK));
		out.fd = fd[1];
		ASSERT_EQ(2 * PAGE, write_by(0, fd[1], buf, 2 * PAGE));
		ASSERT_EQ(PAGE / 2, write_by(0, fd[1], buf, PAGE / 2));
		EXPECT_EQ(1, poll(&out, 1, 0));
		EXPECT_EQ(-EAGAIN, write_by(way, fd[1], buf, 2 * PAGE));
		EXPECT_EQ(0, poll(&out, 1, 0));
		EXPECT_EQ(10, write_by(way, fd[1], buf, 10));
		EXPECT_EQ(1, poll(&out, 1, 0))
			TH_LOG("way %d", way);
		close(fd[0]);
		close(fd[1]);
	}
}

/* Moves the place where the next byte goes to @before bytes before the end. */
static bool go_to_end(int fd[2], uint32_t flags, int before)
{
	int len = CAP - before - (flags & KIPC_PIPE_RECORD ? HEADER : 0);
	static char buf[CAP];

	return kipc_try_write(fd[1], buf, len) == len &&
	       kipc_try_read(fd[0], buf, CAP) == len;
}

/*
 * Sleeps in a read(2) of @len bytes into @buf and gives what it came back with
 * when @data was written.
 */
static int64_t sleep_for(int fd[2], char *buf, int len, char *data,
			 int data_len)
{
	struct kipc_call call = { .fd = fd[0], .cmd = KIPC_CALL_READ,
		.buf = buf, .len = len };

	if (kipc_call_start(&call))
		return -EBADMSG;
	if (!wait_for(kipc_readers_waiting(fd[1]) == 1))
		return KIPC_HUNG;
	if (write_by(0, fd[1], data, data_len) != data_len)
		return -EBADMSG;
	return kipc_call_wait(&call);
}

TEST(sleeper_finds_the_end_in_between)
{
	const uint32_t mode[] = { 0, KIPC_PIPE_RECORD };
	const int before[] = { 0, 1, 2, 3, 4, 5, 100, 103, 104, 105 };
	char data[100], got[200];
	int fd[2], m, i;

	pattern_fill(data, 7, sizeof(data));
	for (m = 0; m < 2; m++) {
		for (i = 0; i < (int)ARRAY_SIZE(before); i++) {
			ASSERT_EQ(0, kipc_pipe(fd, CAP, mode[m]));
			ASSERT_TRUE(go_to_end(fd, mode[m], before[i]));
			EXPECT_EQ(100, sleep_for(fd, got, 200, data, 100))
				TH_LOG("%d bytes before the end", before[i]);
			EXPECT_TRUE(pattern_ok(got, 7, 100));
			close(fd[0]);
			close(fd[1]);
		}
	}
}

TEST(sleeper_with_too_short_a_buffer)
{
	const int before[] = { CAP, 0, 2, 50 };
	char data[100], got[200];
	int fd[2], i;

	pattern_fill(data, 0, sizeof(data));
	for (i = 0; i < (int)ARRAY_SIZE(before); i++) {
		ASSERT_EQ(0, kipc_pipe(fd, CAP, KIPC_PIPE_RECORD));
		if (before[i] != CAP)
			ASSERT_TRUE(go_to_end(fd, KIPC_PIPE_RECORD, before[i]));
		EXPECT_EQ(-EMSGSIZE, sleep_for(fd, got, 99, data, 100));
		/* It is still there. */
		EXPECT_EQ(100, KIPC_RET(read(fd[0], got, 100)));
		EXPECT_TRUE(pattern_ok(got, 0, 100));
		close(fd[0]);
		close(fd[1]);
	}
}

/* What a sleeper could not be given for want of memory is still there. */
TEST(sleeper_with_half_a_buffer)
{
	char *mem = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char data[1000], got[1000];
	int64_t n, rest;
	int fd[2];

	ASSERT_NE(MAP_FAILED, mem);
	ASSERT_EQ(0, munmap(mem + PAGE, PAGE));
	pattern_fill(data, 0, sizeof(data));

	ASSERT_EQ(0, kipc_pipe(fd, CAP, KIPC_PIPE_RECORD));
	EXPECT_EQ(-EFAULT, sleep_for(fd, mem + PAGE - 400, 1000, data, 1000));
	EXPECT_EQ(1000, KIPC_RET(read(fd[0], got, 1000)));
	EXPECT_TRUE(pattern_ok(got, 0, 1000));
	close(fd[0]);
	close(fd[1]);

	ASSERT_EQ(0, kipc_pipe(fd, CAP, 0));
	n = sleep_for(fd, mem + PAGE - 400, 1000, data, 1000);
	if (n < 0) {
		EXPECT_EQ(-EFAULT, n);
		n = 0;
	}
	ASSERT_GE(400, n);
	EXPECT_TRUE(pattern_ok(mem + PAGE - 400, 0, n));
	rest = kipc_try_read(fd[0], got, 1000);
	EXPECT_EQ(1000 - n, rest);
	EXPECT_TRUE(pattern_ok(got, n, rest));
	close(fd[0]);
	close(fd[1]);
}

TEST_HARNESS_MAIN
