// SPDX-License-Identifier: GPL-2.0
/*
 * Who is left alone: end of file, EPIPE and SIGPIPE, and pipes that nobody has
 * come to yet.
 */
#include <poll.h>
#include <sched.h>

#include "kselftest_harness.h"
#include "kipc_util.h"

#define PAGE	4096

/* The events of @fd right now; -1 if there are none. */
static int ready(int fd)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN | POLLOUT };

	return poll(&pfd, 1, 0) == 1 ? pfd.revents : -1;
}

static void eof_name(char *name, size_t size, const char *what)
{
	snprintf(name, size, "eof-%s-%d", what, getpid());
}

FIXTURE(eof) {
	int fd[2];
	char name[64];
	char page[PAGE];
};

FIXTURE_VARIANT(eof) {
	uint32_t flags;
};

FIXTURE_VARIANT_ADD(eof, stream) {
	.flags = 0,
};

FIXTURE_VARIANT_ADD(eof, record) {
	.flags = KIPC_PIPE_RECORD,
};

FIXTURE_VARIANT_ADD(eof, turns) {
	.flags = KIPC_PIPE_TURNS,
};

FIXTURE_SETUP(eof)
{
	ASSERT_EQ(0, kipc_pipe(self->fd, PAGE, variant->flags));
	eof_name(self->name, sizeof(self->name), "name");
}

FIXTURE_TEARDOWN(eof)
{
}

TEST_F(eof, after_the_last_writer_and_when_empty)
{
	int second = dup(self->fd[1]);
	char got[8];

	ASSERT_EQ(3, KIPC_RET(write(self->fd[1], "abc", 3)));
	close(self->fd[1]);
	EXPECT_EQ(POLLIN, ready(self->fd[0]));
	EXPECT_EQ(3, kipc_try_read(self->fd[0], got, 8));
	/* Empty, with a writer left: not the end. */
	EXPECT_EQ(-EAGAIN, kipc_try_read(self->fd[0], got, 8));
	EXPECT_EQ(-1, ready(self->fd[0]));
	ASSERT_EQ(3, KIPC_RET(write(second, "def", 3)));
	close(second);
	/* No writer is left, but data is. */
	EXPECT_EQ(POLLIN | POLLHUP, ready(self->fd[0]));
	EXPECT_EQ(3, KIPC_RET(read(self->fd[0], got, 8)));
	EXPECT_EQ(0, memcmp(got, "def", 3));
	/* The end, and it stays the end, for every kind of read. */
	EXPECT_EQ(POLLHUP, ready(self->fd[0]));
	EXPECT_EQ(0, KIPC_RET(read(self->fd[0], got, 8)));
	EXPECT_EQ(0, KIPC_RET(read(self->fd[0], got, 8)));
	EXPECT_EQ(0, kipc_try_read(self->fd[0], got, 8));
	EXPECT_EQ(0, kipc_pipe_io(self->fd[0], KIPC_PIPE_READ, got, 8, 1, 0));
}

TEST_F(eof, last_close_wakes_a_sleeping_reader)
{
	int second = dup(self->fd[1]);
	struct kipc_call call;
	char got[8];

	call = (struct kipc_call){ .fd = self->fd[0], .buf = got, .len = 8,
		.cmd = KIPC_CALL_READ };
	ASSERT_EQ(0, kipc_call_start(&call));
	ASSERT_TRUE(wait_for(kipc_readers_waiting(second) == 1));
	close(self->fd[1]);
	EXPECT_EQ(1U, kipc_readers_waiting(second));
	EXPECT_FALSE(kipc_call_ended(&call));
	close(second);
	EXPECT_EQ(0, kipc_call_wait(&call));
}

TEST_F(eof, a_pipe_that_never_had_a_writer_blocks)
{
	struct kipc_pipe_create arg;
	struct kipc_call call;
	char got[8];
	int writer;

	ASSERT_EQ(0, kipc_pipe_named(&arg, self->name, KIPC_RIGHT_READ, PAGE,
				     variant->flags));
	EXPECT_EQ(-EAGAIN, kipc_try_read(arg.read_fd, got, 8));
	EXPECT_EQ(-1, ready(arg.read_fd));
	call = (struct kipc_call){ .fd = arg.read_fd, .buf = got, .len = 8,
		.cmd = KIPC_CALL_READ };
	ASSERT_EQ(0, kipc_call_start(&call));
	ASSERT_TRUE(wait_for(kipc_readers_waiting(arg.read_fd) == 1));
	writer = kipc_open_name(self->name, KIPC_RIGHT_WRITE, 0);
	ASSERT_LE(0, writer);
	EXPECT_EQ(1U, kipc_readers_waiting(arg.read_fd));
	EXPECT_FALSE(kipc_call_ended(&call));
	EXPECT_EQ(3, KIPC_RET(write(writer, "abc", 3)));
	EXPECT_EQ(3, kipc_call_wait(&call));

	/* One who came and went without a word is an end of file as well. */
	ASSERT_EQ(0, kipc_call_start(&call));
	ASSERT_TRUE(wait_for(kipc_readers_waiting(arg.read_fd) == 1));
	close(writer);
	EXPECT_EQ(0, kipc_call_wait(&call));
	EXPECT_EQ(POLLHUP, ready(arg.read_fd));
	EXPECT_EQ(0, KIPC_RET(read(arg.read_fd, got, 8)));

	/* A new one makes it a pipe with a writer again. */
	writer = kipc_open_name(self->name, KIPC_RIGHT_WRITE, 0);
	ASSERT_LE(0, writer);
	EXPECT_EQ(-EAGAIN, kipc_try_read(arg.read_fd, got, 8));
	EXPECT_EQ(-1, ready(arg.read_fd));
	EXPECT_EQ(3, KIPC_RET(write(writer, "def", 3)));
	EXPECT_EQ(3, KIPC_RET(read(arg.read_fd, got, 8)));
}

TEST_F(eof, a_pipe_that_never_had_a_reader_takes_data)
{
	struct kipc_pipe_create arg;
	struct kipc_call call;
	char got[PAGE];
	int n = 0, reader;

	ASSERT_EQ(0, kipc_pipe_named(&arg, self->name, KIPC_RIGHT_WRITE, PAGE,
				     variant->flags));
	while (kipc_try_write(arg.write_fd, self->page, 508) == 508)
		n++;
	EXPECT_EQ(8, n);
	call = (struct kipc_call){ .fd = arg.write_fd, .buf = self->page,
		.len = 508, .cmd = KIPC_CALL_WRITE };
	ASSERT_EQ(0, kipc_call_start(&call));
	ASSERT_TRUE(wait_for(kipc_writers_waiting(arg.write_fd) == 1));
	reader = kipc_open_name(self->name, KIPC_RIGHT_READ, 0);
	ASSERT_LE(0, reader);
	EXPECT_LT(0, KIPC_RET(read(reader, got, PAGE)));
	EXPECT_EQ(508, kipc_call_wait(&call));
}

TEST_F(eof, no_reader_left_is_epipe)
{
	struct kipc_call call;

	signal(SIGPIPE, SIG_IGN);
	close(self->fd[0]);
	EXPECT_EQ(POLLERR, ready(self->fd[1]) & POLLERR);
	EXPECT_EQ(-EPIPE, KIPC_RET(write(self->fd[1], "x", 1)));
	EXPECT_EQ(-EPIPE, KIPC_RET(write(self->fd[1], self->page, PAGE - 4)));
	EXPECT_EQ(-EPIPE, kipc_try_write(self->fd[1], "x", 1));
	EXPECT_EQ(-EPIPE, kipc_pipe_io(self->fd[1], KIPC_PIPE_WRITE,
				       self->page, 1, 1, 0));
	close(self->fd[1]);

	/* A sleeping one is woken. */
	ASSERT_EQ(0, kipc_pipe(self->fd, PAGE, variant->flags));
	ASSERT_EQ(PAGE - 4, kipc_try_write(self->fd[1], self->page, PAGE - 4));
	call = (struct kipc_call){ .fd = self->fd[1], .buf = self->page,
		.len = 100, .cmd = KIPC_CALL_WRITE };
	ASSERT_EQ(0, kipc_call_start(&call));
	ASSERT_TRUE(wait_for(kipc_writers_waiting(self->fd[0]) == 1));
	close(self->fd[0]);
	EXPECT_EQ(-EPIPE, kipc_call_wait(&call));
	/* Full or not, the answer is the same. */
	EXPECT_EQ(-EPIPE, kipc_try_write(self->fd[1], self->page, 100));
}

/* A child that writes to a pipe without a reader; its wait status. */
static int write_in_child(int fd, uint32_t io_flags, bool plain, void *handler)
{
	pid_t pid = kipc_fork();
	int64_t ret;

	if (pid)
		return kipc_reap(pid);
	signal(SIGPIPE, handler);
	if (plain)
		ret = KIPC_RET(write(fd, "x", 1));
	else
		ret = kipc_pipe_io(fd, KIPC_PIPE_WRITE, (char[]){ "x" }, 1, 0,
				   io_flags);
	CHILD_CHECK(ret == -EPIPE);
	_exit(0);
}

TEST_F(eof, sigpipe)
{
	int quiet[2];

	close(self->fd[0]);
	EXPECT_EQ(SIGPIPE, write_in_child(self->fd[1], 0, true, SIG_DFL));
	EXPECT_EQ(SIGPIPE, write_in_child(self->fd[1], 0, false, SIG_DFL));
	EXPECT_EQ(0, write_in_child(self->fd[1], 0, true, SIG_IGN));
	EXPECT_EQ(0, write_in_child(self->fd[1], 0, false, SIG_IGN));
	/* Switched off for the call. */
	EXPECT_EQ(0, write_in_child(self->fd[1], KIPC_IO_NOSIGPIPE, false,
				    SIG_DFL));
	/* Switched off for the handle. */
	ASSERT_EQ(0, kipc_pipe(quiet, PAGE,
			       variant->flags | KIPC_PIPE_NOSIGPIPE));
	close(quiet[0]);
	EXPECT_EQ(0, write_in_child(quiet[1], 0, true, SIG_DFL));
	EXPECT_EQ(0, write_in_child(quiet[1], 0, false, SIG_DFL));
}

/* The switch is the handle's: another one on the same pipe has its own. */
TEST_F(eof, sigpipe_by_handle)
{
	struct kipc_pipe_create arg;
	int quiet, loud;

	ASSERT_EQ(0, kipc_pipe_named(&arg, self->name, KIPC_RIGHT_READ, PAGE,
				     variant->flags));
	quiet = kipc_open_name(self->name, KIPC_RIGHT_WRITE,
			       KIPC_PIPE_NOSIGPIPE);
	loud = kipc_open_name(self->name, KIPC_RIGHT_WRITE, 0);
	ASSERT_LE(0, quiet);
	ASSERT_LE(0, loud);
	close(arg.read_fd);
	EXPECT_EQ(0, write_in_child(quiet, 0, true, SIG_DFL));
	EXPECT_EQ(SIGPIPE, write_in_child(loud, 0, true, SIG_DFL));
}

/* What went in before the reader left is what the call gives. */
TEST_F(eof, large_write_whose_reader_leaves)
{
	char *large = calloc(1, 16 * PAGE);
	struct kipc_call call;

	if (variant->flags & KIPC_PIPE_RECORD)
		return;
	signal(SIGPIPE, SIG_IGN);
	call = (struct kipc_call){ .fd = self->fd[1], .buf = large,
		.len = 16 * PAGE, .cmd = KIPC_CALL_WRITE };
	ASSERT_EQ(0, kipc_call_start(&call));
	ASSERT_TRUE(wait_for(kipc_writers_waiting(self->fd[0]) == 1));
	close(self->fd[0]);
	EXPECT_EQ(PAGE, kipc_call_wait(&call));
	EXPECT_EQ(-EPIPE, KIPC_RET(write(self->fd[1], large, 1)));
	free(large);
}

TEST_F(eof, a_reader_comes_back_by_name)
{
	struct kipc_pipe_create arg;
	char got[8];
	int reader;

	signal(SIGPIPE, SIG_IGN);
	ASSERT_EQ(0, kipc_pipe_named(&arg, self->name, KIPC_RIGHT_READ |
				     KIPC_RIGHT_WRITE, PAGE, variant->flags));
	close(arg.read_fd);
	EXPECT_EQ(-EPIPE, KIPC_RET(write(arg.write_fd, "abc", 3)));
	reader = kipc_open_name(self->name, KIPC_RIGHT_READ, 0);
	ASSERT_LE(0, reader);
	EXPECT_EQ(POLLOUT, ready(arg.write_fd));
	/* What was refused is not in the pipe, what is written now is. */
	EXPECT_EQ(-EAGAIN, kipc_try_read(reader, got, 8));
	EXPECT_EQ(3, KIPC_RET(write(arg.write_fd, "def", 3)));
	EXPECT_EQ(3, kipc_try_read(reader, got, 8));
	EXPECT_EQ(0, memcmp(got, "def", 3));
}

/* A writer thread that comes, writes a byte and is gone, again and again. */
struct visitor {
	const char *name;
	int rounds;
	int came;		/* rounds in which it has opened the pipe */
	int seen;		/* rounds that the reader is done with */
	bool good;
};

static void *visitor_run(void *data)
{
	struct visitor *v = data;
	int round, fd;

	for (round = 1; round <= v->rounds; round++) {
		fd = kipc_open_name(v->name, KIPC_RIGHT_WRITE, 0);
		if (fd < 0)
			return NULL;
		__atomic_store_n(&v->came, round, __ATOMIC_RELEASE);
		if (write(fd, "x", 1) != 1)
			return NULL;
		close(fd);
		while (__atomic_load_n(&v->seen, __ATOMIC_ACQUIRE) < round)
			sched_yield();
	}
	v->good = true;
	return NULL;
}

/* What was written before the close is never overtaken by the end of file. */
TEST_F(eof, never_before_the_last_byte)
{
	struct visitor v = { .name = self->name, .rounds = scaled(5000) };
	struct kipc_pipe_create arg;
	pthread_t thread;
	int64_t n;
	char got;

	ASSERT_EQ(0, kipc_pipe_named(&arg, self->name, KIPC_RIGHT_READ, PAGE,
				     variant->flags));
	ASSERT_EQ(0, pthread_create(&thread, NULL, visitor_run, &v));
	while (v.seen < v.rounds) {
		while (__atomic_load_n(&v.came, __ATOMIC_ACQUIRE) <= v.seen)
			sched_yield();
		do {
			n = kipc_try_read(arg.read_fd, &got, 1);
		} while (n == -EAGAIN);
		ASSERT_EQ(1, n)
			TH_LOG("round %d", v.seen);
		while (kipc_try_read(arg.read_fd, &got, 1) == -EAGAIN)
			sched_yield();
		__atomic_add_fetch(&v.seen, 1, __ATOMIC_RELEASE);
	}
	pthread_join(thread, NULL);
	EXPECT_TRUE(v.good);
}

TEST_HARNESS_MAIN
