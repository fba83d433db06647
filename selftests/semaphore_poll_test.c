// SPDX-License-Identifier: GPL-2.0
/*
 * poll(2) and epoll(7): readable when a P(1) on the counter that the handle
 * watches would not sleep, writable when a V(1) would not be too much.
 */
#include <poll.h>
#include <sys/epoll.h>

#include "kselftest_harness.h"
#include "semaphore_util.h"

#define ENTRY(i, d)	{ .index = (i), .delta = (d) }

/* What poll says now; -1 if that is nothing good. */
static int events(int fd)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN | POLLOUT };
	int n = poll(&pfd, 1, 0);

	return n < 0 ? -1 : pfd.revents;
}

TEST(level)
{
	int fd = sem_make(2, 0, 2);

	ASSERT_LE(0, fd);
	EXPECT_EQ(POLLOUT, events(fd));
	ASSERT_EQ(0, sem_try(fd, 0, 1));
	EXPECT_EQ(POLLIN | POLLOUT, events(fd));
	EXPECT_EQ(POLLIN | POLLOUT, events(fd));
	ASSERT_EQ(0, sem_try(fd, 0, 1));
	EXPECT_EQ(POLLIN, events(fd));
	ASSERT_EQ(0, sem_try(fd, 0, -2));
	EXPECT_EQ(POLLOUT, events(fd));
	/* The other counter is not what it looks at. */
	ASSERT_EQ(0, sem_try(fd, 1, 2));
	EXPECT_EQ(POLLOUT, events(fd));
	ASSERT_EQ(0, sem_set(fd, 0, 2));
	EXPECT_EQ(POLLIN, events(fd));
}

/* What is there for one who came first is not there for a P(1). */
TEST(not_readable_behind_a_queue)
{
	struct sem_call large;
	int fd = sem_make(1, 2, 10);

	ASSERT_LE(0, fd);
	EXPECT_EQ(POLLIN | POLLOUT, events(fd));
	large = (struct sem_call){ .fd = fd, .delta = -5,
		.deadline_ns = in_ms(200) };
	ASSERT_EQ(0, sem_call_asleep(&large));
	EXPECT_EQ(POLLOUT, events(fd));
	EXPECT_EQ(-ETIMEDOUT, sem_call_wait(&large));
	EXPECT_EQ(POLLIN | POLLOUT, events(fd));
}

TEST(each_handle_watches_its_own_counter)
{
	char name[64];
	int fd[3], i;

	snprintf(name, sizeof(name), "poll-%d", getpid());
	fd[0] = sem_named(name, 3, 0, KIPC_EXCL);
	ASSERT_LE(0, fd[0]);
	for (i = 1; i < 3; i++) {
		fd[i] = sem_open_name(name, SEM_RIGHTS, 0);
		ASSERT_LE(0, fd[i]);
		EXPECT_EQ(0, sem_watch(fd[i], i));
	}
	for (i = 0; i < 3; i++) {
		ASSERT_EQ(0, sem_try(fd[0], i, 1));
		EXPECT_EQ(i == 0, !!(events(fd[0]) & POLLIN));
		EXPECT_EQ(i == 1, !!(events(fd[1]) & POLLIN));
		EXPECT_EQ(i == 2, !!(events(fd[2]) & POLLIN));
		ASSERT_EQ(0, sem_try(fd[0], i, -1));
	}
}

/* Once, and before it is polled. */
TEST(watch_is_chosen_once)
{
	int fd = sem_make(2, 0, 0), epfd = epoll_create1(EPOLL_CLOEXEC);
	struct epoll_event ev = { .events = EPOLLIN };

	ASSERT_LE(0, fd);
	EXPECT_EQ(0, sem_watch(fd, 1));
	EXPECT_EQ(-EBUSY, sem_watch(fd, 0));
	EXPECT_EQ(-EBUSY, sem_watch(dup(fd), 1));
	ASSERT_EQ(0, sem_try(fd, 1, 1));
	EXPECT_NE(0, events(fd) & POLLIN);

	fd = sem_make(2, 0, 0);
	ASSERT_LE(0, fd);
	events(fd);
	EXPECT_EQ(-EBUSY, sem_watch(fd, 0));

	fd = sem_make(2, 0, 0);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, epoll_ctl(epfd, EPOLL_CTL_ADD, fd, &ev));
	EXPECT_EQ(-EBUSY, sem_watch(fd, 1));
}

FIXTURE(wakes) {
	int fd;
	struct pollfd pfd;
	uint32_t *word;
};

FIXTURE_SETUP(wakes)
{
	self->fd = sem_make(2, 0, 5);
	ASSERT_LE(0, self->fd);
	ASSERT_EQ(0, sem_watch(self->fd, 1));
	self->word = kipc_shared(4096);
	ASSERT_NE(NULL, self->word);
}

FIXTURE_TEARDOWN(wakes)
{
}

/* A child that sleeps in poll(2), or is about to, and must see @want. */
static pid_t poller(int fd, short ask, short want)
{
	struct pollfd pfd = { .fd = fd, .events = ask };
	pid_t pid = kipc_fork();

	if (!pid) {
		CHILD_EQ(1, poll(&pfd, 1, PATIENCE_NS / NSEC_PER_MSEC));
		CHILD_EQ(want, pfd.revents & want);
		_exit(0);
	}
	/* Whether it polls already or not, it must come to know. */
	usleep(kipc_rand(&(uint64_t){ now_ns() | 1 }) % 3000);
	return pid;
}

TEST_F(wakes, v)
{
	pid_t pid = poller(self->fd, POLLIN, POLLIN);

	ASSERT_EQ(0, sem_try(self->fd, 1, 1));
	EXPECT_EQ(0, kipc_reap(pid));
}

TEST_F(wakes, v_in_a_vector)
{
	const struct kipc_sem_entry ops[2] = { ENTRY(0, 1), ENTRY(1, 1) };
	pid_t pid = poller(self->fd, POLLIN, POLLIN);

	ASSERT_EQ(0, sem_ops_try(self->fd, ops, 2));
	EXPECT_EQ(0, kipc_reap(pid));
}

TEST_F(wakes, set)
{
	pid_t pid = poller(self->fd, POLLIN, POLLIN);

	ASSERT_EQ(0, sem_set(self->fd, 1, 3));
	EXPECT_EQ(0, kipc_reap(pid));
}

TEST_F(wakes, p_makes_room)
{
	pid_t pid;

	ASSERT_EQ(0, sem_set(self->fd, 1, 5));
	pid = poller(self->fd, POLLOUT, POLLOUT);
	ASSERT_EQ(0, sem_try(self->fd, 1, -1));
	EXPECT_EQ(0, kipc_reap(pid));
}

TEST_F(wakes, set_makes_room)
{
	pid_t pid;

	ASSERT_EQ(0, sem_set(self->fd, 1, 5));
	pid = poller(self->fd, POLLOUT, POLLOUT);
	ASSERT_EQ(0, sem_set(self->fd, 1, 4));
	EXPECT_EQ(0, kipc_reap(pid));
}

TEST_F(wakes, undo_of_a_dead_process)
{
	pid_t pid, holder;

	ASSERT_EQ(0, sem_set(self->fd, 1, 1));
	holder = kipc_fork();
	if (!holder) {
		CHILD_EQ(0, sem_op(self->fd, 1, -1, KIPC_SEM_UNDO));
		word_set(self->word, 1);
		for (;;)
			pause();
	}
	ASSERT_TRUE(wait_for(word_get(self->word)));
	EXPECT_EQ(POLLOUT, events(self->fd));
	pid = poller(self->fd, POLLIN, POLLIN);
	EXPECT_TRUE(sem_kill(holder));
	EXPECT_EQ(0, kipc_reap(pid));
}

/* The one who stood before all others leaves: what is there can be taken. */
TEST_F(wakes, the_head_of_the_queue_gives_up)
{
	struct sem_call large = { .fd = self->fd, .index = 1, .delta = -5,
		.deadline_ns = in_ms(100) };
	pid_t pid;

	ASSERT_EQ(0, sem_set(self->fd, 1, 2));
	ASSERT_EQ(0, sem_call_asleep(&large));
	pid = poller(self->fd, POLLIN, POLLIN);
	EXPECT_EQ(-ETIMEDOUT, sem_call_wait(&large));
	EXPECT_EQ(0, kipc_reap(pid));
}

TEST_F(wakes, destroy)
{
	pid_t in = poller(self->fd, POLLIN, POLLHUP);
	pid_t none = poller(self->fd, 0, POLLERR);

	ASSERT_EQ(0, kipc_destroy(self->fd));
	EXPECT_EQ(0, kipc_reap(in));
	EXPECT_EQ(0, kipc_reap(none));
	EXPECT_EQ(POLLERR | POLLHUP, events(self->fd) & (POLLERR | POLLHUP));
}

/* What is taken by one who waits is not shown to one who polls. */
TEST(a_waiter_comes_before_a_poller)
{
	struct epoll_event ev = { .events = EPOLLIN | EPOLLET };
	int fd = sem_make(1, 0, 0), epfd = epoll_create1(EPOLL_CLOEXEC);
	struct sem_call call;

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, epoll_ctl(epfd, EPOLL_CTL_ADD, fd, &ev));
	call = (struct sem_call){ .fd = fd, .delta = -1 };
	ASSERT_EQ(0, sem_call_asleep(&call));
	ASSERT_EQ(0, sem_try(fd, 0, 1));
	EXPECT_EQ(0, sem_call_wait(&call));
	EXPECT_EQ(0, epoll_wait(epfd, &ev, 1, 0));
	ASSERT_EQ(0, sem_try(fd, 0, 1));
	EXPECT_EQ(1, epoll_wait(epfd, &ev, 1, 0));
}

/* Edge-triggered: every V is an event, nothing else is. */
TEST(edge)
{
	struct epoll_event ev = { .events = EPOLLIN | EPOLLET };
	int fd = sem_make(2, 0, 0), epfd = epoll_create1(EPOLL_CLOEXEC), i;

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, epoll_ctl(epfd, EPOLL_CTL_ADD, fd, &ev));
	EXPECT_EQ(0, epoll_wait(epfd, &ev, 1, 0));
	for (i = 0; i < 3; i++) {
		ASSERT_EQ(0, sem_try(fd, 0, 1));
		EXPECT_EQ(1, epoll_wait(epfd, &ev, 1, 0));
		EXPECT_EQ(EPOLLIN, ev.events);
		EXPECT_EQ(0, epoll_wait(epfd, &ev, 1, 0));
	}
	ASSERT_EQ(0, sem_try(fd, 0, -1));
	ASSERT_EQ(0, sem_try(fd, 1, 1));
	EXPECT_EQ(0, epoll_wait(epfd, &ev, 1, 0));
	ASSERT_EQ(0, sem_try(fd, 0, -2));
	EXPECT_EQ(0, epoll_wait(epfd, &ev, 1, 0));
	ASSERT_EQ(0, sem_try(fd, 0, 2));
	EXPECT_EQ(1, epoll_wait(epfd, &ev, 1, 0));
}

/* However it came down from its maximum. */
TEST(edge_when_there_is_room)
{
	static const struct kipc_sem_entry vectors[3][2] = {
		{ ENTRY(0, -1), ENTRY(0, -1) },
		{ ENTRY(0, -2), ENTRY(0, 1) },
		{ ENTRY(0, -1), ENTRY(1, 1) },
	};
	struct epoll_event ev = { .events = EPOLLOUT | EPOLLET };
	int fd = sem_make(2, 0, 5), epfd = epoll_create1(EPOLL_CLOEXEC), i;

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, sem_set(fd, 0, 5));
	ASSERT_EQ(0, epoll_ctl(epfd, EPOLL_CTL_ADD, fd, &ev));
	for (i = 0; i < 3; i++) {
		ASSERT_EQ(0, sem_set(fd, 0, 5));
		EXPECT_EQ(0, epoll_wait(epfd, &ev, 1, 0));
		ASSERT_EQ(0, sem_ops_try(fd, vectors[i], 2));
		EXPECT_EQ(1, epoll_wait(epfd, &ev, 1, 0));
		EXPECT_EQ(EPOLLOUT, ev.events);
	}
	ASSERT_EQ(0, sem_set(fd, 0, 5));
	ASSERT_EQ(0, sem_try(fd, 0, -1));
	EXPECT_EQ(1, epoll_wait(epfd, &ev, 1, 0));
}

TEST(level_with_epoll)
{
	struct epoll_event ev = { .events = EPOLLIN };
	int fd = sem_make(1, 1, 0), epfd = epoll_create1(EPOLL_CLOEXEC), i;

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, epoll_ctl(epfd, EPOLL_CTL_ADD, fd, &ev));
	for (i = 0; i < 3; i++)
		EXPECT_EQ(1, epoll_wait(epfd, &ev, 1, 0));
	ASSERT_EQ(0, sem_try(fd, 0, -1));
	EXPECT_EQ(0, epoll_wait(epfd, &ev, 1, 0));
}

TEST(mutex)
{
	uint32_t *word = kipc_shared(4096);
	int fd = sem_make_mutex(1);
	pid_t pid, waiter;

	ASSERT_LE(0, fd);
	EXPECT_EQ(POLLIN, events(fd));
	pid = kipc_fork();
	if (!pid) {
		CHILD_EQ(0, sem_op(fd, 0, -1, 0));
		word_set(word, 1);
		for (;;)
			pause();
	}
	ASSERT_TRUE(wait_for(word_get(word)));
	EXPECT_EQ(0, events(fd) & POLLIN);
	waiter = poller(fd, POLLIN, POLLIN);
	/* That its owner dies is a way to become free. */
	EXPECT_TRUE(sem_kill(pid));
	EXPECT_EQ(0, kipc_reap(waiter));
	EXPECT_EQ(-EOWNERDEAD, sem_op(fd, 0, -1, 0));
	EXPECT_EQ(0, events(fd) & POLLIN);
	/* And so is that it will never be free: a P does not sleep. */
	waiter = poller(fd, POLLIN, POLLIN);
	EXPECT_EQ(0, sem_op(fd, 0, 1, 0));
	EXPECT_EQ(0, kipc_reap(waiter));
	EXPECT_NE(0, events(fd) & POLLIN);
	EXPECT_EQ(-ENOTRECOVERABLE, sem_op(fd, 0, -1, 0));
	ASSERT_EQ(0, sem_set(fd, 0, 1));
	EXPECT_NE(0, events(fd) & POLLIN);
	ASSERT_EQ(0, sem_op(fd, 0, -1, 0));
	EXPECT_EQ(0, events(fd) & POLLIN);
	waiter = poller(fd, POLLIN, POLLIN);
	EXPECT_EQ(0, sem_op(fd, 0, 1, 0));
	EXPECT_EQ(0, kipc_reap(waiter));
}

#define LOOPERS	3

/*
 * Event loops that share a counter: each token is taken by one of them, and
 * none stays behind while they sleep.
 */
TEST(event_loops_take_all)
{
	uint32_t *taken = kipc_shared(4096), total = scaled(10000), i;
	struct epoll_event ev = { .events = EPOLLIN | EPOLLET };
	int fd = sem_make(1, 0, 0), epfd, ret, k;
	pid_t pid[LOOPERS];

	ASSERT_LE(0, fd);
	for (k = 0; k < LOOPERS; k++) {
		pid[k] = kipc_fork();
		if (pid[k])
			continue;
		epfd = epoll_create1(EPOLL_CLOEXEC);
		CHILD_EQ(0, epoll_ctl(epfd, EPOLL_CTL_ADD, fd, &ev));
		while (epoll_wait(epfd, &ev, 1, -1) == 1) {
			while (!(ret = sem_try(fd, 0, -1)))
				word_add(taken, 1);
			if (ret == -EIDRM)
				_exit(0);
			CHILD_EQ(-EAGAIN, ret);
		}
		_exit(1);
	}
	for (i = 0; i < total; i++) {
		ASSERT_EQ(0, sem_try(fd, 0, 1));
		if (i % 16 == 0)
			ASSERT_TRUE(wait_for(word_get(taken) == i + 1));
	}
	EXPECT_TRUE(wait_for(word_get(taken) == total));
	EXPECT_EQ(0, sem_value(fd, 0));
	ASSERT_EQ(0, kipc_destroy(fd));
	for (k = 0; k < LOOPERS; k++)
		EXPECT_EQ(0, kipc_reap(pid[k]));
}

TEST_HARNESS_MAIN
