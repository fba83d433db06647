// SPDX-License-Identifier: GPL-2.0
/*
 * KIPC_DESTROY: whoever waits, in whatever place, gets EIDRM, and so does
 * whoever comes later.
 */
#include <poll.h>

#include "kselftest_harness.h"
#include "kipc_util.h"

#define PAGE		4096
#define SLEEPERS	4

static int ready(int fd)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN | POLLOUT };

	return poll(&pfd, 1, 0) == 1 ? pfd.revents : -1;
}

FIXTURE(destroy) {
	int fd[2];
	char page[PAGE];
	struct kipc_call call[SLEEPERS];
};

FIXTURE_VARIANT(destroy) {
	uint32_t flags;
	int readers;		/* how many can sleep on the read side */
};

FIXTURE_VARIANT_ADD(destroy, stream) {
	.flags = 0,
	.readers = 1,
};

FIXTURE_VARIANT_ADD(destroy, record) {
	.flags = KIPC_PIPE_RECORD,
	.readers = 1,
};

FIXTURE_VARIANT_ADD(destroy, turns) {
	.flags = KIPC_PIPE_TURNS | KIPC_PIPE_RECORD,
	.readers = SLEEPERS,
};

FIXTURE_SETUP(destroy)
{
	ASSERT_EQ(0, kipc_pipe(self->fd, PAGE, variant->flags));
}

FIXTURE_TEARDOWN(destroy)
{
}

/* All that can be done with a handle of a destroyed pipe. */
static void expect_destroyed(struct __test_metadata *_metadata, int fd[2])
{
	struct kipc_pipe_resize size = { .size = sizeof(size),
		.capacity = 2 * PAGE };
	struct kipc_pipe_stat st;
	struct kipc_stat obj;
	char got[8];
	int end;

	EXPECT_EQ(-EIDRM, KIPC_RET(read(fd[0], got, 8)));
	EXPECT_EQ(-EIDRM, kipc_try_read(fd[0], got, 8));
	EXPECT_EQ(-EIDRM, KIPC_RET(write(fd[1], got, 8)));
	EXPECT_EQ(-EIDRM, kipc_try_write(fd[1], got, 8));
	EXPECT_EQ(-EIDRM, kipc_pipe_io(fd[0], KIPC_PIPE_READ, got, 8, 1, 0));
	EXPECT_EQ(-EIDRM, kipc_pipe_io(fd[1], KIPC_PIPE_WRITE, got, 8, 1, 0));
	for (end = 0; end < 2; end++) {
		EXPECT_EQ(-EIDRM, kipc_pipe_stat(fd[end], &st));
		EXPECT_EQ(-EIDRM, kipc_ioctl(fd[end], KIPC_PIPE_RESIZE, &size));
		EXPECT_EQ(-EIDRM, kipc_destroy(fd[end]));
		EXPECT_LT(0, ready(fd[end]));
		EXPECT_NE(0, ready(fd[end]) & (POLLERR | POLLHUP));
		ASSERT_EQ(0, kipc_stat_fd(fd[end], &obj));
		EXPECT_EQ((uint32_t)KIPC_STATE_DESTROYED,
			  obj.entry.state & KIPC_STATE_DESTROYED);
	}
}

TEST_F(destroy, later_calls)
{
	ASSERT_EQ(8, kipc_try_write(self->fd[1], self->page, 8));
	ASSERT_EQ(0, kipc_destroy(self->fd[0]));
	expect_destroyed(_metadata, self->fd);
	/* EIDRM stays the answer when the other end is gone, too. */
	close(self->fd[1]);
	EXPECT_EQ(-EIDRM, KIPC_RET(read(self->fd[0], self->page, 8)));
}

TEST_F(destroy, by_name)
{
	struct kipc_pipe_create arg;
	char name[64];
	int fd[2];

	snprintf(name, sizeof(name), "destroy-%d", getpid());
	ASSERT_EQ(0, kipc_pipe_named(&arg, name, KIPC_RIGHT_READ |
				     KIPC_RIGHT_WRITE, PAGE, variant->flags));
	EXPECT_EQ(0, kipc_by_name(KIPC_DESTROY, name));
	EXPECT_EQ(-ENOENT, kipc_open_name(name, KIPC_RIGHT_WRITE, 0));
	fd[0] = arg.read_fd;
	fd[1] = arg.write_fd;
	expect_destroyed(_metadata, fd);
}

/* The one who waits for data, and those who queue behind him. */
TEST_F(destroy, readers_wherever_they_sleep)
{
	char got[SLEEPERS][8];
	int i;

	for (i = 0; i < variant->readers; i++) {
		self->call[i] = (struct kipc_call){ .fd = self->fd[0],
			.cmd = i & 1 ? KIPC_PIPE_READ : KIPC_CALL_READ,
			.deadline_ns = i & 2 ? in_ms(60000) : 0,
			.buf = got[i], .len = 8 };
		ASSERT_EQ(0, kipc_call_start(&self->call[i]));
		ASSERT_TRUE(wait_for(kipc_readers_waiting(self->fd[1]) ==
				     (unsigned int)i + 1));
	}
	EXPECT_EQ(0, kipc_destroy(self->fd[1]));
	for (i = 0; i < variant->readers; i++)
		EXPECT_EQ(-EIDRM, kipc_call_wait(&self->call[i]));
	expect_destroyed(_metadata, self->fd);
}

TEST_F(destroy, writers_wherever_they_sleep)
{
	int i, full = PAGE - 4;

	ASSERT_EQ(full, kipc_try_write(self->fd[1], self->page, full));
	for (i = 0; i < SLEEPERS; i++) {
		self->call[i] = (struct kipc_call){ .fd = self->fd[1],
			.cmd = i & 1 ? KIPC_PIPE_WRITE : KIPC_CALL_WRITE,
			.deadline_ns = i & 2 ? in_ms(60000) : 0,
			.buf = self->page, .len = 8 };
		ASSERT_EQ(0, kipc_call_start(&self->call[i]));
		ASSERT_TRUE(wait_for(kipc_writers_waiting(self->fd[0]) ==
				     (unsigned int)i + 1));
	}
	EXPECT_EQ(0, kipc_destroy(self->fd[0]));
	for (i = 0; i < SLEEPERS; i++)
		EXPECT_EQ(-EIDRM, kipc_call_wait(&self->call[i]));
	expect_destroyed(_metadata, self->fd);
}

/* Pollers are told as well. */
TEST_F(destroy, poll_wakes)
{
	struct pollfd pfd = { .fd = self->fd[0], .events = POLLIN };
	pid_t pid = kipc_fork();

	if (!pid) {
		CHILD_CHECK(poll(&pfd, 1, 20000) == 1);
		CHILD_CHECK(pfd.revents & (POLLERR | POLLHUP));
		_exit(0);
	}
	/* Whether the child polls already or not, it must come to know. */
	usleep(kipc_rand(&(uint64_t){ now_ns() | 1 }) % 3000);
	EXPECT_EQ(0, kipc_destroy(self->fd[1]));
	EXPECT_EQ(0, kipc_reap(pid));
}

static void nothing(int sig)
{
	(void)sig;
}

static void *destroy_run(void *data)
{
	kipc_destroy(*(int *)data);
	return NULL;
}

/*
 * Signals and destroy at the same time: the sleeper always comes back, and
 * once the pipe is destroyed a signal is no longer the reason.
 */
TEST_F(destroy, races_with_signals)
{
	struct sigaction act = { .sa_handler = nothing };
	int rounds = scaled(500), full = PAGE - 4, end, fd[2], ret;
	uint64_t rnd = kipc_seed();
	struct kipc_call *call = self->call;
	pthread_t thread;
	bool first;

	ASSERT_EQ(0, sigaction(SIGUSR1, &act, NULL));
	while (rounds--) {
		end = kipc_rand(&rnd) & 1;
		ASSERT_EQ(0, kipc_pipe(fd, PAGE, variant->flags));
		ret = kipc_try_write(fd[1], self->page, end ? full : 0);
		ASSERT_EQ(end ? full : 0, ret);
		*call = (struct kipc_call){ .fd = fd[end], .buf = self->page,
			.cmd = end ? KIPC_PIPE_WRITE : KIPC_PIPE_READ,
			.len = 8 };
		ASSERT_EQ(0, kipc_call_start(call));
		ASSERT_TRUE(wait_for(kipc_readers_waiting(fd[0]) +
				     kipc_writers_waiting(fd[0]) == 1));
		first = kipc_rand(&rnd) & 1;
		ret = first ? kipc_destroy(fd[0]) :
		      -pthread_create(&thread, NULL, destroy_run, &fd[0]);
		ASSERT_EQ(0, ret);
		pthread_kill(call->thread, SIGUSR1);
		ret = kipc_call_wait(call);
		ASSERT_NE(KIPC_HUNG, ret);
		EXPECT_TRUE(ret == -EIDRM || (!first && ret == -EINTR))
			TH_LOG("end %d first %d: %d", end, first, ret);
		if (!first)
			pthread_join(thread, NULL);
		EXPECT_EQ(-EIDRM, kipc_try_read(fd[0], self->page, 8));
		close(fd[0]);
		close(fd[1]);
	}
}

TEST_HARNESS_MAIN
