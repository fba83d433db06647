// SPDX-License-Identifier: GPL-2.0
/* poll(2) and epoll(7): "changed since I last looked", for each handle. */
#include <poll.h>
#include <sys/epoll.h>

#include "kselftest_harness.h"
#include "array_util.h"

#define SOON	20000		/* ms; for what must happen */

#define IN	(POLLIN | POLLRDNORM)
#define OUT	(POLLOUT | POLLWRNORM)

static int ready(int fd)
{
	struct pollfd pfd = { .fd = fd, .events = IN | OUT };

	return poll(&pfd, 1, 0) == 1 ? pfd.revents : 0;
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

FIXTURE(poll) {
	int fd;			/* both rights */
	int reader;
	int writer;
};

FIXTURE_SETUP(poll)
{
	struct kipc_array_create arg;

	ASSERT_EQ(0, array_create(&arg, "poll", BOTH, KIPC_EXCL, 10, 8));
	self->fd = arg.fd;
	self->reader = array_open("poll", KIPC_RIGHT_READ, 0);
	self->writer = array_open("poll", KIPC_RIGHT_WRITE, 0);
	ASSERT_LE(0, self->reader);
	ASSERT_LE(0, self->writer);
}

FIXTURE_TEARDOWN(poll)
{
	close(self->fd);
	close(self->reader);
	close(self->writer);
}

TEST_F(poll, every_handle_has_its_own_look)
{
	int late;

	/* A new handle has looked. */
	EXPECT_EQ(OUT, ready(self->fd));
	EXPECT_EQ(0, ready(self->reader));
	EXPECT_EQ(OUT, ready(self->writer));
	ASSERT_EQ(0, array_store(self->writer, 3, 1));
	EXPECT_EQ(IN | OUT, ready(self->fd));
	EXPECT_EQ(IN, ready(self->reader));
	/* One that may not read cannot look. */
	EXPECT_EQ(OUT, ready(self->writer));
	late = array_open("poll", BOTH, 0);
	ASSERT_LE(0, late);
	EXPECT_EQ(OUT, ready(late));

	ASSERT_EQ(0, array_look(self->reader));
	EXPECT_EQ(0, ready(self->reader));
	EXPECT_EQ(IN | OUT, ready(self->fd));
	ASSERT_EQ(0, array_look(self->fd));
	EXPECT_EQ(OUT, ready(self->fd));
	/* What a handle writes is news to itself as well. */
	ASSERT_EQ(0, array_store(late, 3, 1));
	EXPECT_EQ(IN | OUT, ready(late));
	close(late);
}

TEST_F(poll, only_a_read_is_a_look)
{
	struct kipc_array_entry e[2] = {
		{ .op = KIPC_ARRAY_LOAD }, { .op = KIPC_ARRAY_LOAD },
	};
	struct kipc_array_slot slot = { .index = 3 };
	struct kipc_array_stat st;
	uint64_t buf[10];

	ASSERT_EQ(0, array_store(self->writer, 3, 1));
	EXPECT_EQ(1, array_load(self->reader, 3));
	EXPECT_EQ(0, array_ops(self->reader, e, 2, NULL));
	EXPECT_EQ(0, array_wait(self->reader, &slot, 1, 0, 0));
	EXPECT_EQ(0, array_stat(self->reader, &st));
	EXPECT_EQ(IN, ready(self->reader));
	/* Whichever part of the array is read. */
	EXPECT_EQ(0, array_read(self->reader, 8, 1, buf, NULL, NULL));
	EXPECT_EQ(0, ready(self->reader));
}

TEST_F(poll, a_read_that_fails_is_no_look)
{
	uint64_t buf[10];

	ASSERT_EQ(0, array_store(self->writer, 3, 1));
	EXPECT_EQ(-EFAULT, array_read(self->reader, 0, 10, NULL, NULL, NULL));
	EXPECT_EQ(-EFAULT, array_read(self->reader, 0, 10, buf, (void *)8,
				      NULL));
	EXPECT_EQ(-ERANGE, array_read(self->reader, 0, 11, buf, NULL, NULL));
	EXPECT_EQ(IN, ready(self->reader));
}

TEST_F(poll, what_does_not_write_is_no_news)
{
	struct kipc_array_entry e[2] = {
		{ .op = KIPC_ARRAY_STORE, .value = 5 },
		{ .op = KIPC_ARRAY_CAS, .expected = 1 },
	};

	EXPECT_EQ(0, array_load(self->fd, 0));
	EXPECT_EQ(0, array_op(self->fd, &e[1]));
	EXPECT_EQ(0, array_ops(self->fd, e, 2, NULL));
	EXPECT_EQ(0, ready(self->reader));
}

TEST_F(poll, copies_of_a_handle_look_together)
{
	int copy = dup(self->reader);

	ASSERT_LE(0, copy);
	ASSERT_EQ(0, array_store(self->writer, 0, 1));
	EXPECT_EQ(IN, ready(copy));
	ASSERT_EQ(0, array_look(self->reader));
	EXPECT_EQ(0, ready(copy));
	close(copy);
}

TEST_F(poll, level_triggered_epoll_reports_until_somebody_looks)
{
	int ep = epoll_of(self->reader, EPOLLIN);

	ASSERT_LE(0, ep);
	EXPECT_EQ(0, epoll_events(ep, 0));
	ASSERT_EQ(0, array_store(self->writer, 0, 1));
	EXPECT_EQ(EPOLLIN, epoll_events(ep, SOON));
	EXPECT_EQ(EPOLLIN, epoll_events(ep, 0));
	ASSERT_EQ(0, array_look(self->reader));
	EXPECT_EQ(0, epoll_events(ep, 0));
	close(ep);
}

TEST_F(poll, edge_triggered_epoll_reports_every_later_write)
{
	int ep = epoll_of(self->reader, EPOLLIN | EPOLLET), i;
	struct kipc_array_entry e[2] = {
		{ .op = KIPC_ARRAY_ADD, .value = 1 },
		{ .op = KIPC_ARRAY_ADD, .value = 1 },
	};

	ASSERT_LE(0, ep);
	for (i = 0; i < 100; i++) {
		ASSERT_EQ(0, i % 2 ? array_store(self->writer, 0, i) :
				     array_ops(self->fd, e, 2, NULL));
		/* With a look in between, and without. */
		ASSERT_EQ(EPOLLIN, epoll_events(ep, SOON));
		ASSERT_EQ(0, epoll_events(ep, 0));
		if (i % 3)
			ASSERT_EQ(0, array_look(self->reader));
	}
	close(ep);
}

/* Threads that sleep in epoll_wait(2), each on an epoll of its own. */
struct sleeper {
	int ep;
	int events;
	pid_t tid;
	pthread_t thread;
};

static void *sleeper_run(void *data)
{
	struct sleeper *s = data;

	__atomic_store_n(&s->tid, gettid(), __ATOMIC_RELEASE);
	s->events = epoll_events(s->ep, SOON);
	return NULL;
}

/* Is it asleep?  It sleeps nowhere but in epoll_wait(2). */
static bool sleeper_sleeps(struct sleeper *s)
{
	pid_t tid = __atomic_load_n(&s->tid, __ATOMIC_ACQUIRE);
	char path[64], line[256] = "", *state;
	FILE *file;

	if (!tid)
		return false;
	snprintf(path, sizeof(path), "/proc/self/task/%d/stat", tid);
	file = fopen(path, "r");
	if (!file)
		return false;
	state = fgets(line, sizeof(line), file) ? strrchr(line, ')') : NULL;
	fclose(file);
	return state && state[2] == 'S';
}

/* On an epoll of its own, asleep when this is done. */
static bool sleeper_start(struct sleeper *s, int fd, uint32_t events)
{
	*s = (struct sleeper){ .ep = epoll_of(fd, events) };
	if (s->ep < 0 || pthread_create(&s->thread, NULL, sleeper_run, s))
		return false;
	return wait_for(sleeper_sleeps(s));
}

/* The events that it got. */
static int sleeper_end(struct sleeper *s)
{
	pthread_join(s->thread, NULL);
	close(s->ep);
	return s->events;
}

TEST_F(poll, a_write_wakes_all_handles_that_wait_exclusively)
{
	struct sleeper s[4];
	int handle[4], i;

	for (i = 0; i < 4; i++) {
		handle[i] = array_open("poll", KIPC_RIGHT_READ, 0);
		ASSERT_LE(0, handle[i]);
		ASSERT_TRUE(sleeper_start(&s[i], handle[i],
					  EPOLLIN | EPOLLEXCLUSIVE));
	}
	ASSERT_EQ(0, array_store(self->writer, 0, 1));
	for (i = 0; i < 4; i++) {
		EXPECT_EQ(EPOLLIN, sleeper_end(&s[i]));
		close(handle[i]);
	}
}

TEST_F(poll, destroy_ends_every_poll)
{
	int all = EPOLLIN | EPOLLOUT | EPOLLHUP | EPOLLERR;
	int end = EPOLLHUP | EPOLLERR, i;
	struct sleeper s[3];

	ASSERT_TRUE(sleeper_start(&s[0], self->reader,
				  EPOLLIN | EPOLLEXCLUSIVE));
	ASSERT_TRUE(sleeper_start(&s[1], self->reader,
				  EPOLLIN | EPOLLEXCLUSIVE));
	/* One that waits for the end alone. */
	ASSERT_TRUE(sleeper_start(&s[2], self->writer, 0));
	ASSERT_EQ(0, kipc_destroy(self->fd));
	for (i = 0; i < 3; i++)
		EXPECT_EQ(end, sleeper_end(&s[i]) & end);
	EXPECT_EQ(all, ready(self->reader) & all);
	EXPECT_EQ(all, ready(self->writer) & all);
}

struct race {
	int fd;
	unsigned long writes;
};

static void *race_run(void *data)
{
	struct race *race = data;
	unsigned long i;

	for (i = 0; i < race->writes; i++) {
		if (array_store(race->fd, i % 10, i))
			return data;
	}
	return NULL;
}

/* Follows the array with poll and looks until it has seen @last changes. */
static int follow(int ep, int fd, uint64_t last, uint64_t *rounds)
{
	uint64_t changes = 0, before;

	for (*rounds = 0; changes < last; ++*rounds) {
		if (!epoll_events(ep, SOON))
			return -ETIMEDOUT;
		before = changes;
		if (array_read(fd, 0, 0, NULL, NULL, &changes))
			return -EIO;
		if (changes < before)
			return -ERANGE;
	}
	return 0;
}

static int race(int writer, int reader, uint32_t events, unsigned long writes)
{
	struct race race = { writer, writes };
	int ep = epoll_of(reader, events), ret;
	uint64_t rounds, base;
	pthread_t thread;
	void *failed;

	if (ep < 0 || array_read(reader, 0, 0, NULL, NULL, &base) ||
	    pthread_create(&thread, NULL, race_run, &race))
		return -EIO;
	ret = follow(ep, reader, base + writes, &rounds);
	pthread_join(thread, &failed);
	close(ep);
	return failed ? -EIO : ret;
}

TEST_F(poll, no_write_is_missed_between_look_and_poll)
{
	unsigned long writes = scaled(200000);

	EXPECT_EQ(0, race(self->writer, self->reader, EPOLLIN, writes));
	EXPECT_EQ(0, race(self->writer, self->reader, EPOLLIN | EPOLLET,
			  writes));
	EXPECT_EQ(0, ready(self->reader));
}

TEST_HARNESS_MAIN
