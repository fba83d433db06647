// SPDX-License-Identifier: GPL-2.0
/*
 * The other ways to move data: splice(2), sendfile(2), RWF_NOWAIT, io_uring.
 */
#include <sys/sendfile.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#include "kselftest_harness.h"
#include "kipc_util.h"
#include "uring_util.h"

#define PAGE	4096

/* A file in memory that holds @len bytes of the pattern. */
static int pattern_file(size_t len)
{
	int fd = memfd_create("pattern", 0);
	char *mem;

	if (fd < 0 || ftruncate(fd, len))
		return -1;
	mem = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (mem == MAP_FAILED)
		return -1;
	pattern_fill(mem, 0, len);
	munmap(mem, len);
	return fd;
}

/* A thread that reads @want bytes of the pattern. */
struct drain {
	int fd;
	size_t want;
	size_t got;
	bool good;
	pthread_t thread;
};

static void *drain_run(void *data)
{
	struct drain *d = data;
	char buf[1234];
	int64_t n;

	d->good = true;
	while (d->got < d->want && d->good) {
		n = kipc_pipe_io(d->fd, KIPC_PIPE_READ, buf, sizeof(buf),
				 now_ns() + PATIENCE_NS, 0);
		d->good = n > 0 && pattern_ok(buf, d->got, n);
		d->got += n > 0 ? n : 0;
	}
	return NULL;
}

FIXTURE(splice) {
	int fd[2];	/* the kipc pipe */
	int pipe[2];	/* a pipe(2) */
};

FIXTURE_SETUP(splice)
{
	ASSERT_EQ(0, kipc_pipe(self->fd, 4 * PAGE, 0));
	ASSERT_EQ(0, pipe(self->pipe));
}

FIXTURE_TEARDOWN(splice)
{
}

TEST_F(splice, out_of_a_kipc_pipe)
{
	char data[3 * PAGE], got[3 * PAGE];
	int out = 0, n;

	pattern_fill(data, 0, sizeof(data));
	ASSERT_EQ(3 * PAGE, KIPC_RET(write(self->fd[1], data, sizeof(data))));
	for (; out < 3 * PAGE; out += n) {
		n = KIPC_RET(splice(self->fd[0], NULL, self->pipe[1], NULL,
				    5000, 0));
		ASSERT_LT(0, n);
		ASSERT_GE(5000, n);
		ASSERT_EQ(n, KIPC_RET(read(self->pipe[0], got, sizeof(got))));
		EXPECT_TRUE(pattern_ok(got, out, n));
	}
	EXPECT_EQ(-EAGAIN, kipc_try_read(self->fd[0], got, 1));

	/* Empty: as a read would do. */
	ASSERT_EQ(0, fcntl(self->fd[0], F_SETFL, O_NONBLOCK));
	EXPECT_EQ(-EAGAIN, KIPC_RET(splice(self->fd[0], NULL, self->pipe[1],
					   NULL, 5000, 0)));
	close(self->fd[1]);
	EXPECT_EQ(0, KIPC_RET(splice(self->fd[0], NULL, self->pipe[1], NULL,
				     5000, 0)));
}

TEST_F(splice, out_of_an_empty_pipe_sleeps)
{
	struct kipc_call call = { .cmd = KIPC_CALL_SPLICE, .fd = self->fd[0],
		.out = self->pipe[1], .len = 100 };
	char got[100];

	ASSERT_EQ(0, kipc_call_start(&call));
	ASSERT_TRUE(wait_for(kipc_readers_waiting(self->fd[1]) == 1));
	EXPECT_EQ(5, KIPC_RET(write(self->fd[1], "abcd", 5)));
	EXPECT_EQ(5, kipc_call_wait(&call));
	EXPECT_EQ(5, KIPC_RET(read(self->pipe[0], got, sizeof(got))));
	EXPECT_STREQ("abcd", got);
}

TEST_F(splice, into_a_kipc_pipe)
{
	char data[2 * PAGE], got[4 * PAGE];
	int in = 0, n;

	pattern_fill(data, 0, sizeof(data));
	ASSERT_EQ(2 * PAGE, KIPC_RET(write(self->pipe[1], data,
					   sizeof(data))));
	for (; in < 2 * PAGE; in += n) {
		n = KIPC_RET(splice(self->pipe[0], NULL, self->fd[1], NULL,
				    3000, 0));
		ASSERT_LT(0, n);
		ASSERT_GE(3000, n);
	}
	EXPECT_EQ(2 * PAGE, kipc_try_read(self->fd[0], got, sizeof(got)));
	EXPECT_TRUE(pattern_ok(got, 0, 2 * PAGE));

	/* Full: as a write would do. */
	ASSERT_EQ(4 * PAGE, kipc_try_write(self->fd[1], got, sizeof(got)));
	ASSERT_EQ(10, KIPC_RET(write(self->pipe[1], data, 10)));
	ASSERT_EQ(0, fcntl(self->fd[1], F_SETFL, O_NONBLOCK));
	EXPECT_EQ(-EAGAIN, KIPC_RET(splice(self->pipe[0], NULL, self->fd[1],
					   NULL, 10, 0)));
	/* What was not moved is still where it was. */
	EXPECT_EQ(10, KIPC_RET(read(self->pipe[0], got, sizeof(got))));
	EXPECT_TRUE(pattern_ok(got, 0, 10));
}

/* Through both: pipe(2) to kipc to pipe(2), more than any of them holds. */
TEST_F(splice, long_way)
{
	const size_t total = 1 << 20;
	int file = pattern_file(total);
	size_t in = 0, out = 0;
	char got[4 * PAGE];
	ssize_t n, part;

	ASSERT_LE(0, file);
	while (out < total) {
		n = splice(file, NULL, self->pipe[1], NULL, 4 * PAGE, 0);
		ASSERT_LT(0, n);
		in += n;
		for (; n; n -= part) {
			part = splice(self->pipe[0], NULL, self->fd[1], NULL, n,
				      0);
			ASSERT_LT(0, part);
		}
		while (out < in) {
			n = splice(self->fd[0], NULL, self->pipe[1], NULL,
				   4 * PAGE, 0);
			ASSERT_LT(0, n);
			ASSERT_EQ(n, read(self->pipe[0], got, sizeof(got)));
			ASSERT_TRUE(pattern_ok(got, out, n));
			out += n;
		}
	}
}

TEST_F(splice, a_record_stays_whole)
{
	char data[3000], got[2 * PAGE];
	int fd[2], i;

	ASSERT_EQ(0, kipc_pipe(fd, 4 * PAGE, KIPC_PIPE_RECORD));
	for (i = 0; i < 3; i++) {
		pattern_fill(data, i, 3000 - i);
		ASSERT_EQ(3000 - i, KIPC_RET(write(fd[1], data, 3000 - i)));
	}
	for (i = 0; i < 3; i++) {
		ASSERT_EQ(3000 - i, KIPC_RET(splice(fd[0], NULL, self->pipe[1],
						    NULL, PAGE, 0)));
		EXPECT_EQ(3000 - i, KIPC_RET(read(self->pipe[0], got,
						  sizeof(got))));
		EXPECT_TRUE(pattern_ok(got, i, 3000 - i));
	}
}

TEST_F(splice, wrong_ends_and_kinds)
{
	char got[8];
	int other[2];

	ASSERT_EQ(0, kipc_pipe(other, PAGE, 0));
	ASSERT_EQ(3, KIPC_RET(write(self->fd[1], "abc", 3)));
	ASSERT_EQ(3, KIPC_RET(write(self->pipe[1], "abc", 3)));
	/* One of the two must be a pipe(2). */
	EXPECT_EQ(-EINVAL, KIPC_RET(splice(self->fd[0], NULL, other[1], NULL,
					   3, 0)));
	EXPECT_EQ(-EBADF, KIPC_RET(splice(self->fd[1], NULL, self->pipe[1],
					  NULL, 3, 0)));
	EXPECT_EQ(-EBADF, KIPC_RET(splice(self->pipe[0], NULL, self->fd[0],
					  NULL, 3, 0)));
	/* tee(2) is for pipe(2) alone: what is read here is gone. */
	EXPECT_EQ(-EINVAL, KIPC_RET(tee(self->fd[0], self->pipe[1], 3, 0)));
	EXPECT_EQ(-EINVAL, KIPC_RET(tee(self->pipe[0], self->fd[1], 3, 0)));
	EXPECT_EQ(3, kipc_try_read(self->fd[0], got, 8));
}

TEST_F(splice, sendfile_from_a_file)
{
	const size_t total = (1 << 20) + 123;
	struct drain drain = { .fd = self->fd[0], .want = total };
	int file = pattern_file(total);
	size_t sent = 0;
	char got[8];
	ssize_t n;

	ASSERT_LE(0, file);
	ASSERT_EQ(0, pthread_create(&drain.thread, NULL, drain_run, &drain));
	for (; sent < total; sent += n) {
		n = sendfile(self->fd[1], file, NULL, total - sent);
		ASSERT_LT(0, n);
	}
	EXPECT_EQ(0, sendfile(self->fd[1], file, NULL, 1));
	pthread_join(drain.thread, NULL);
	EXPECT_TRUE(drain.good);
	EXPECT_EQ(total, drain.got);
	EXPECT_EQ(-EAGAIN, kipc_try_read(self->fd[0], got, 8));
}

TEST_F(splice, sendfile_to_a_full_pipe_does_not_sleep)
{
	int file = pattern_file(10 * PAGE);
	char got[4 * PAGE];
	off_t from = 0;
	ssize_t n;

	ASSERT_LE(0, file);
	ASSERT_EQ(0, fcntl(self->fd[1], F_SETFL, O_NONBLOCK));
	n = sendfile(self->fd[1], file, &from, 10 * PAGE);
	EXPECT_LT(0, n);
	EXPECT_GE(4 * PAGE, n);
	/* The file's position says what went in. */
	EXPECT_EQ(n, from);
	EXPECT_EQ(n, kipc_try_read(self->fd[0], got, sizeof(got)));
	EXPECT_TRUE(pattern_ok(got, 0, n));
}

TEST(rwf_nowait)
{
	char page[PAGE] = {};
	struct iovec iov = { .iov_base = page, .iov_len = PAGE };
	int fd[2];

	ASSERT_EQ(0, kipc_pipe(fd, PAGE, 0));
	EXPECT_EQ(-EAGAIN, KIPC_RET(preadv2(fd[0], &iov, 1, -1, RWF_NOWAIT)));
	EXPECT_EQ(PAGE, KIPC_RET(pwritev2(fd[1], &iov, 1, -1, RWF_NOWAIT)));
	EXPECT_EQ(-EAGAIN, KIPC_RET(pwritev2(fd[1], &iov, 1, -1, RWF_NOWAIT)));
	EXPECT_EQ(PAGE, KIPC_RET(preadv2(fd[0], &iov, 1, -1, RWF_NOWAIT)));
	/* With a position it is a pread: there is none. */
	EXPECT_EQ(-ESPIPE, KIPC_RET(preadv2(fd[0], &iov, 1, 0, RWF_NOWAIT)));
}

FIXTURE(uring) {
	struct ring ring;
	int fd[2];
};

FIXTURE_SETUP(uring)
{
	ASSERT_EQ(0, ring_open(&self->ring));
	if (self->ring.fd < 0)
		SKIP(return, "no io_uring: %s", strerror(-self->ring.fd));
	ASSERT_EQ(0, kipc_pipe(self->fd, PAGE, 0));
}

FIXTURE_TEARDOWN(uring)
{
}

TEST_F(uring, completes_at_once_when_ready)
{
	char got[PAGE] = {};

	if (_metadata->skip)
		return;
	ASSERT_EQ(1, ring_submit(&self->ring, IORING_OP_WRITE, self->fd[1],
				 "abcd", 5));
	/* No other thread had to run for it: it is there already. */
	ASSERT_NE(*self->ring.cq_head, *self->ring.cq_tail);
	EXPECT_EQ(5, ring_result(&self->ring));
	ASSERT_EQ(1, ring_submit(&self->ring, IORING_OP_READ, self->fd[0], got,
				 PAGE));
	ASSERT_NE(*self->ring.cq_head, *self->ring.cq_tail);
	EXPECT_EQ(5, ring_result(&self->ring));
	EXPECT_STREQ("abcd", got);
}

TEST_F(uring, read_completes_when_data_comes)
{
	char got[PAGE] = {};

	if (_metadata->skip)
		return;
	ASSERT_EQ(1, ring_submit(&self->ring, IORING_OP_READ, self->fd[0], got,
				 PAGE));
	EXPECT_FALSE(ring_ended(&self->ring));
	EXPECT_EQ(5, KIPC_RET(write(self->fd[1], "abcd", 5)));
	ASSERT_TRUE(wait_for(ring_ended(&self->ring)));
	EXPECT_EQ(5, ring_result(&self->ring));
	EXPECT_STREQ("abcd", got);

	/* End of file is an end, too. */
	ASSERT_EQ(1, ring_submit(&self->ring, IORING_OP_READ, self->fd[0], got,
				 PAGE));
	EXPECT_FALSE(ring_ended(&self->ring));
	close(self->fd[1]);
	ASSERT_TRUE(wait_for(ring_ended(&self->ring)));
	EXPECT_EQ(0, ring_result(&self->ring));
}

TEST_F(uring, write_completes_when_there_is_room)
{
	char page[PAGE];

	if (_metadata->skip)
		return;
	pattern_fill(page, 0, PAGE);
	ASSERT_EQ(PAGE, kipc_try_write(self->fd[1], page, PAGE));
	ASSERT_EQ(1, ring_submit(&self->ring, IORING_OP_WRITE, self->fd[1],
				 "abcd", 5));
	EXPECT_FALSE(ring_ended(&self->ring));
	EXPECT_EQ(PAGE, KIPC_RET(read(self->fd[0], page, PAGE)));
	EXPECT_TRUE(pattern_ok(page, 0, PAGE));
	ASSERT_TRUE(wait_for(ring_ended(&self->ring)));
	EXPECT_EQ(5, ring_result(&self->ring));
	EXPECT_EQ(5, kipc_try_read(self->fd[0], page, PAGE));
	EXPECT_STREQ("abcd", page);
}

TEST_F(uring, destroyed_under_a_request)
{
	char got[PAGE];

	if (_metadata->skip)
		return;
	ASSERT_EQ(1, ring_submit(&self->ring, IORING_OP_READ, self->fd[0], got,
				 PAGE));
	EXPECT_FALSE(ring_ended(&self->ring));
	EXPECT_EQ(0, kipc_destroy(self->fd[0]));
	ASSERT_TRUE(wait_for(ring_ended(&self->ring)));
	EXPECT_EQ(-EIDRM, ring_result(&self->ring));
}

TEST_HARNESS_MAIN
