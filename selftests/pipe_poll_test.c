// SPDX-License-Identifier: GPL-2.0
/*
 * poll(2), select(2) and epoll(7), level and edge-triggered, on both ends.
 */
#include <poll.h>
#include <sys/epoll.h>
#include <sys/select.h>

#include "kselftest_harness.h"
#include "kipc_util.h"

#define PAGE	4096
#define FULL	(PAGE - 4)	/* one write that leaves no room for another */
#define SOON	20000		/* ms; for what must happen */

static int ready(int fd)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN | POLLOUT };

	return poll(&pfd, 1, 0) == 1 ? pfd.revents : 0;
}

/* What select(2) says at once: bit 0 readable, bit 1 writable. */
static int selected(int fd)
{
	struct timeval now = {};
	fd_set r, w;

	FD_ZERO(&r);
	FD_ZERO(&w);
	FD_SET(fd, &r);
	FD_SET(fd, &w);
	if (select(fd + 1, &r, &w, NULL, &now) < 0)
		return -1;
	return (FD_ISSET(fd, &r) ? 1 : 0) | (FD_ISSET(fd, &w) ? 2 : 0);
}

static int epoll_of(int fd, uint32_t events)
{
	struct epoll_event ev = { .events = events };
	int ep = epoll_create1(0);

	if (ep < 0 || epoll_ctl(ep, EPOLL_CTL_ADD, fd, &ev))
		return -1;
	return ep;
}

/* The events that come within @ms; 0 if there are none. */
static int epoll_events(int ep, int ms)
{
	struct epoll_event ev;

	return epoll_wait(ep, &ev, 1, ms) == 1 ? (int)ev.events : 0;
}

/* A thread that sleeps in poll(2) on one end. */
struct waiter {
	int fd;
	short events;
	pid_t tid;
	int ended;
	int revents;
	pthread_t thread;
};

static void *waiter_run(void *data)
{
	struct waiter *w = data;
	struct pollfd pfd = { .fd = w->fd, .events = w->events };

	__atomic_store_n(&w->tid, gettid(), __ATOMIC_RELEASE);
	w->revents = poll(&pfd, 1, SOON) == 1 ? pfd.revents : 0;
	__atomic_store_n(&w->ended, 1, __ATOMIC_RELEASE);
	return NULL;
}

/* Is the thread asleep?  It sleeps nowhere but in poll(2). */
static bool waiter_sleeps(struct waiter *w)
{
	pid_t tid = __atomic_load_n(&w->tid, __ATOMIC_ACQUIRE);
	char path[64], line[256], *state = NULL;
	FILE *file;

	if (!tid)
		return false;
	snprintf(path, sizeof(path), "/proc/self/task/%d/stat", tid);
	file = fopen(path, "r");
	if (!file)
		return false;
	if (fgets(line, sizeof(line), file))
		state = strrchr(line, ')');
	fclose(file);
	return state && state[2] == 'S';
}

FIXTURE(poll) {
	int fd[2];
	char page[PAGE];
};

FIXTURE_VARIANT(poll) {
	uint32_t flags;
};

FIXTURE_VARIANT_ADD(poll, stream) {
	.flags = 0,
};

FIXTURE_VARIANT_ADD(poll, record) {
	.flags = KIPC_PIPE_RECORD,
};

FIXTURE_VARIANT_ADD(poll, turns) {
	.flags = KIPC_PIPE_TURNS,
};

FIXTURE_SETUP(poll)
{
	ASSERT_EQ(0, kipc_pipe(self->fd, PAGE, variant->flags));
}

FIXTURE_TEARDOWN(poll)
{
}

TEST_F(poll, states)
{
	EXPECT_EQ(0, ready(self->fd[0]));
	EXPECT_EQ(POLLOUT, ready(self->fd[1]));
	EXPECT_EQ(0, selected(self->fd[0]));
	EXPECT_EQ(2, selected(self->fd[1]));

	ASSERT_EQ(FULL, kipc_try_write(self->fd[1], self->page, FULL));
	EXPECT_EQ(POLLIN, ready(self->fd[0]));
	EXPECT_EQ(0, ready(self->fd[1]));
	EXPECT_EQ(1, selected(self->fd[0]));
	EXPECT_EQ(0, selected(self->fd[1]));

	ASSERT_EQ(FULL, kipc_try_read(self->fd[0], self->page, PAGE));
	EXPECT_EQ(0, ready(self->fd[0]));
	EXPECT_EQ(POLLOUT, ready(self->fd[1]));

	/* One byte is enough for a reader. */
	ASSERT_EQ(1, kipc_try_write(self->fd[1], self->page, 1));
	EXPECT_EQ(POLLIN, ready(self->fd[0]));
	close(self->fd[1]);
	EXPECT_EQ(POLLIN | POLLHUP, ready(self->fd[0]));
	EXPECT_EQ(1, selected(self->fd[0]));
	ASSERT_EQ(1, kipc_try_read(self->fd[0], self->page, 1));
	EXPECT_EQ(POLLHUP, ready(self->fd[0]));
	EXPECT_EQ(1, selected(self->fd[0]));
}

TEST_F(poll, error_states)
{
	/* Alone with a full pipe: an error, and ready for it. */
	ASSERT_EQ(FULL, kipc_try_write(self->fd[1], self->page, FULL));
	close(self->fd[0]);
	EXPECT_EQ(POLLERR, ready(self->fd[1]) & POLLERR);
	EXPECT_EQ(2, selected(self->fd[1]) & 2);
}

/*
 * POLLOUT means that a write of up to 4096 bytes would not sleep: who waits
 * for it and writes must not turn in circles.
 */
TEST(pollout_keeps_its_word)
{
	char page[PAGE] = {}, c;
	bool out;
	int fd[2], i;

	ASSERT_EQ(0, kipc_pipe(fd, 2 * PAGE, 0));
	ASSERT_EQ(2 * PAGE, kipc_try_write(fd[1], page, PAGE) +
			    kipc_try_write(fd[1], page, PAGE));
	for (i = 0; i < 2 * PAGE; i++) {
		ASSERT_EQ(1, kipc_try_read(fd[0], &c, 1));
		out = ready(fd[1]) & POLLOUT;
		/* A page free: it must say so.  Less: it must not. */
		ASSERT_EQ(i + 1 >= PAGE, out)
			TH_LOG("%d bytes free", i + 1);
	}
	ASSERT_EQ(2 * PAGE, kipc_try_write(fd[1], page, PAGE) +
			    kipc_try_write(fd[1], page, PAGE));
}

/* What may happen to a pipe that somebody polls. */
static int64_t change(int fd[2], int what, char *page)
{
	switch (what) {
	case 0:
		return kipc_try_write(fd[1], page, 1);
	case 1:
		return kipc_try_read(fd[0], page, PAGE);
	case 2:
		return close(fd[1]);
	case 3:
		return close(fd[0]);
	default:
		return kipc_destroy(fd[what & 1]);
	}
}

/* Every change of state wakes one who sleeps in poll(2). */
TEST_F(poll, sleepers_are_woken)
{
	const struct {
		int end;
		int what;
		int events;
	} step[] = {
		{ 0, 0, POLLIN },
		{ 1, 1, POLLOUT },
		{ 0, 2, POLLHUP },
		{ 1, 3, POLLERR },
		{ 0, 4, POLLERR },
		{ 0, 5, POLLERR },
		{ 1, 4, POLLERR },
		{ 1, 5, POLLERR },
	};
	unsigned int i;
	struct waiter w;
	int fd[2], len;

	for (i = 0; i < ARRAY_SIZE(step); i++) {
		ASSERT_EQ(0, kipc_pipe(fd, PAGE, variant->flags));
		len = step[i].end ? FULL : 0;
		ASSERT_EQ(len, kipc_try_write(fd[1], self->page, len));
		w = (struct waiter){ .fd = fd[step[i].end],
			.events = step[i].end ? POLLOUT : POLLIN };
		ASSERT_EQ(0, pthread_create(&w.thread, NULL, waiter_run, &w));
		ASSERT_TRUE(wait_for(waiter_sleeps(&w)));
		EXPECT_LE(0, change(fd, step[i].what, self->page));
		EXPECT_TRUE(wait_for(__atomic_load_n(&w.ended,
						     __ATOMIC_ACQUIRE)));
		pthread_join(w.thread, NULL);
		EXPECT_EQ(step[i].events, w.revents & step[i].events)
			TH_LOG("step %u: events %x", i, w.revents);
	}
}

TEST_F(poll, epoll_level)
{
	int in = epoll_of(self->fd[0], EPOLLIN), i;
	int out = epoll_of(self->fd[1], EPOLLOUT);

	EXPECT_EQ(0, epoll_events(in, 0));
	EXPECT_EQ(EPOLLOUT, epoll_events(out, 0));
	ASSERT_EQ(FULL, kipc_try_write(self->fd[1], self->page, FULL));
	/* As long as it is so, it is said again. */
	for (i = 0; i < 3; i++) {
		EXPECT_EQ(EPOLLIN, epoll_events(in, 0));
		EXPECT_EQ(0, epoll_events(out, 0));
	}
	ASSERT_EQ(FULL, kipc_try_read(self->fd[0], self->page, PAGE));
	EXPECT_EQ(0, epoll_events(in, 0));
	EXPECT_EQ(EPOLLOUT, epoll_events(out, 0));
	EXPECT_EQ(EPOLLOUT, epoll_events(out, 0));
	close(self->fd[1]);
	EXPECT_EQ(EPOLLHUP, epoll_events(in, 0));
	EXPECT_EQ(EPOLLHUP, epoll_events(in, 0));
}

TEST_F(poll, epoll_edge_for_each_write)
{
	int ep = epoll_of(self->fd[0], EPOLLIN | EPOLLET), i;

	EXPECT_EQ(0, epoll_events(ep, 0));
	/* A write is news even if the last one was not read. */
	for (i = 0; i < 5; i++) {
		ASSERT_EQ(1, kipc_try_write(self->fd[1], self->page, 1));
		EXPECT_EQ(EPOLLIN, epoll_events(ep, SOON));
		EXPECT_EQ(0, epoll_events(ep, 0));
	}
	/* Reading a part is no news. */
	ASSERT_EQ(1, kipc_try_read(self->fd[0], self->page, 1));
	EXPECT_EQ(0, epoll_events(ep, 0));
	close(self->fd[1]);
	EXPECT_EQ(EPOLLHUP, epoll_events(ep, SOON) & EPOLLHUP);
}

TEST_F(poll, epoll_edge_for_room)
{
	int ep = epoll_of(self->fd[1], EPOLLOUT | EPOLLET), i;

	EXPECT_EQ(EPOLLOUT, epoll_events(ep, 0));
	EXPECT_EQ(0, epoll_events(ep, 0));
	for (i = 0; i < 3; i++) {
		ASSERT_EQ(FULL, kipc_try_write(self->fd[1], self->page, FULL));
		ASSERT_EQ(-EAGAIN, kipc_try_write(self->fd[1], self->page,
						  FULL));
		EXPECT_EQ(0, epoll_events(ep, 0));
		ASSERT_EQ(FULL, kipc_try_read(self->fd[0], self->page, PAGE));
		EXPECT_EQ(EPOLLOUT, epoll_events(ep, SOON));
		EXPECT_EQ(0, epoll_events(ep, 0));
	}
	close(self->fd[0]);
	EXPECT_EQ(EPOLLERR, epoll_events(ep, SOON) & EPOLLERR);
}

TEST_F(poll, epoll_edge_for_destroy)
{
	int end, ep[2];

	for (end = 0; end < 2; end++) {
		ep[end] = epoll_of(self->fd[end], EPOLLIN | EPOLLOUT | EPOLLET);
		epoll_events(ep[end], 0);
	}
	EXPECT_EQ(0, kipc_destroy(self->fd[0]));
	for (end = 0; end < 2; end++)
		EXPECT_EQ(EPOLLERR, epoll_events(ep[end], SOON) & EPOLLERR);
}

/*
 * EAGAIN because somebody else is in the middle of a large write: there must be
 * an event when he is done, though nobody reads any more by then.  One read
 * makes the room for all that he has left.
 */
static void contended(struct __test_metadata *_metadata, bool poll_first)
{
	static char data[5 * PAGE];
	struct kipc_call other;
	int fd[2], ep = -1;

	ASSERT_EQ(0, kipc_pipe(fd, 4 * PAGE, 0));
	if (poll_first) {
		ep = epoll_of(fd[1], EPOLLOUT | EPOLLET);
		EXPECT_EQ(EPOLLOUT, epoll_events(ep, 0));
	}
	other = (struct kipc_call){ .fd = fd[1], .cmd = KIPC_CALL_WRITE,
		.buf = data, .len = sizeof(data) };
	ASSERT_EQ(0, kipc_call_start(&other));
	ASSERT_TRUE(wait_for(kipc_writers_waiting(fd[0]) == 1));
	ASSERT_EQ(-EAGAIN, kipc_try_write(fd[1], "x", 1));
	if (!poll_first)
		ep = epoll_of(fd[1], EPOLLOUT | EPOLLET);
	EXPECT_EQ(0, epoll_events(ep, 0));

	EXPECT_EQ(4 * PAGE, kipc_try_read(fd[0], data, 4 * PAGE));
	EXPECT_EQ((int64_t)sizeof(data), kipc_call_wait(&other));
	EXPECT_EQ(EPOLLOUT, epoll_events(ep, SOON));
	EXPECT_EQ(1, kipc_try_write(fd[1], "x", 1));
	close(fd[0]);
	close(fd[1]);
	close(ep);
}

TEST(contended_writer_is_told)
{
	contended(_metadata, true);
	contended(_metadata, false);
}

static void nothing(int sig)
{
	(void)sig;
}

/*
 * There was room for a small record all the time, but a larger one was first in
 * line.  Its writer gives up: nothing moves, and yet there is news.
 */
TEST(contended_writer_is_told_of_a_retreat)
{
	struct sigaction act = { .sa_handler = nothing };
	static char data[3 * PAGE];
	struct kipc_call other;
	int fd[2], ep;

	sigaction(SIGUSR1, &act, NULL);
	ASSERT_EQ(0, kipc_pipe(fd, 4 * PAGE, KIPC_PIPE_RECORD));
	ASSERT_EQ(2 * PAGE, kipc_try_write(fd[1], data, 2 * PAGE));
	other = (struct kipc_call){ .fd = fd[1], .cmd = KIPC_CALL_WRITE,
		.buf = data, .len = sizeof(data) };
	ASSERT_EQ(0, kipc_call_start(&other));
	ASSERT_TRUE(wait_for(kipc_writers_waiting(fd[0]) == 1));
	ASSERT_EQ(-EAGAIN, kipc_try_write(fd[1], "x", 1));
	ep = epoll_of(fd[1], EPOLLOUT | EPOLLET);
	EXPECT_EQ(0, epoll_events(ep, 0));

	pthread_kill(other.thread, SIGUSR1);
	EXPECT_EQ(-EINTR, kipc_call_wait(&other));
	EXPECT_EQ(EPOLLOUT, epoll_events(ep, SOON));
	EXPECT_EQ(1, kipc_try_write(fd[1], "x", 1));
}

TEST_F(poll, exclusive_waiters)
{
	int ep[4], i, told = 0;

	for (i = 0; i < 4; i++) {
		ep[i] = epoll_of(self->fd[0], EPOLLIN | EPOLLEXCLUSIVE);
		ASSERT_LE(0, ep[i]);
		EXPECT_EQ(0, epoll_events(ep[i], 0));
	}
	ASSERT_EQ(1, kipc_try_write(self->fd[1], self->page, 1));
	for (i = 0; i < 4; i++)
		told += epoll_events(ep[i], 0) == EPOLLIN;
	EXPECT_LE(1, told);
}

/* Two handles of one side have their own pollers, both are told. */
TEST_F(poll, all_pollers_are_told)
{
	int ep[4], i;

	for (i = 0; i < 4; i++) {
		ep[i] = epoll_of(self->fd[0], EPOLLIN | EPOLLET);
		EXPECT_EQ(0, epoll_events(ep[i], 0));
	}
	ASSERT_EQ(1, kipc_try_write(self->fd[1], self->page, 1));
	for (i = 0; i < 4; i++)
		EXPECT_EQ(EPOLLIN, epoll_events(ep[i], SOON));
}

/* The peer is killed while this side sleeps in epoll_wait(2). */
TEST_F(poll, killed_peer)
{
	int end, len, fd[2], ep;
	pid_t pid;

	for (end = 0; end < 2; end++) {
		ASSERT_EQ(0, kipc_pipe(fd, PAGE, variant->flags));
		len = end ? FULL : 0;
		ASSERT_EQ(len, kipc_try_write(fd[1], self->page, len));
		pid = kipc_fork();
		if (!pid) {
			close(fd[end]);
			pause();
			_exit(1);
		}
		close(fd[!end]);
		ep = epoll_of(fd[end], (end ? EPOLLOUT : EPOLLIN) | EPOLLET);
		EXPECT_EQ(0, epoll_events(ep, 0));
		EXPECT_EQ(0, kill(pid, SIGKILL));
		EXPECT_EQ(end ? EPOLLERR : EPOLLHUP,
			  epoll_events(ep, SOON) & (EPOLLERR | EPOLLHUP));
		EXPECT_EQ(SIGKILL, kipc_reap(pid));
		close(fd[end]);
	}
}

/* Writes the pattern as an edge-triggered program does. */
static void drain_writer(int fd, size_t total)
{
	int ep = epoll_of(fd, EPOLLOUT | EPOLLET);
	uint64_t rnd = 4711;
	static char buf[3000];
	size_t at = 0, len;
	int64_t n;

	CHILD_CHECK(ep >= 0);
	while (at < total) {
		CHILD_CHECK(epoll_events(ep, SOON));
		do {
			len = kipc_rand(&rnd) % sizeof(buf) + 1;
			len = len < total - at ? len : total - at;
			pattern_fill(buf, at, len);
			n = KIPC_RET(write(fd, buf, len));
			CHILD_CHECK(n > 0 || n == -EAGAIN);
			at += n > 0 ? n : 0;
		} while (n > 0 && at < total);
	}
	_exit(0);
}

/*
 * The loop of every edge-triggered program: wait for the event, then go on
 * until EAGAIN.  One event too few, and it stands still.
 */
TEST_F(poll, edge_triggered_drain)
{
	const size_t total = scaled(1000000);
	int ep = epoll_of(self->fd[0], EPOLLIN | EPOLLET), events;
	static char buf[5000];
	size_t at = 0;
	int64_t n;
	pid_t pid;

	ASSERT_EQ(0, fcntl(self->fd[0], F_SETFL, O_NONBLOCK));
	ASSERT_EQ(0, fcntl(self->fd[1], F_SETFL, O_NONBLOCK));
	pid = kipc_fork();
	if (!pid)
		drain_writer(self->fd[1], total);
	close(self->fd[1]);
	do {
		events = epoll_events(ep, SOON);
		ASSERT_NE(0, events)
			TH_LOG("no event after %zu bytes", at);
		while ((n = KIPC_RET(read(self->fd[0], buf, sizeof(buf)))) > 0) {
			ASSERT_TRUE(pattern_ok(buf, at, n));
			at += n;
		}
		ASSERT_TRUE(n == 0 || n == -EAGAIN);
	} while (n);
	EXPECT_EQ(total, at);
	EXPECT_EQ(0, kipc_reap(pid));
}

TEST_HARNESS_MAIN
