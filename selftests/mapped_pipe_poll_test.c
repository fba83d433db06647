// SPDX-License-Identifier: GPL-2.0
/*
 * poll and epoll on the ends of a mapped pipe: they see what is done without the
 * kernel, because whoever does it is asked to say so.
 */
#include <sys/epoll.h>

#include "kselftest_harness.h"
#include "mapped_pipe_util.h"
#include "poller_util.h"
#include "uring_util.h"

#define CAPACITY	page_size()
#define ALL		(POLLIN | POLLOUT | POLLHUP | POLLERR)

FIXTURE(poll) {
	struct end wr;
	struct end rd;
	int ep;			/* nothing is in it */
};

FIXTURE_SETUP(poll)
{
	ASSERT_EQ(0, both_ends(&self->wr, &self->rd, CAPACITY));
	self->ep = epoll_create1(EPOLL_CLOEXEC);
	ASSERT_LE(0, self->ep);
}

FIXTURE_TEARDOWN(poll)
{
}

TEST_F(poll, readable)
{
	EXPECT_EQ(0, poll_now(self->rd.fd));
	end_move(&self->wr, 8);
	EXPECT_EQ(POLLIN, poll_now(self->rd.fd));
	end_move(&self->rd, 8);
	EXPECT_EQ(0, poll_now(self->rd.fd));
	/* Who only looked has nobody asked for anything. */
	EXPECT_EQ(0, end_flags(&self->wr));
}

TEST_F(poll, writable)
{
	EXPECT_EQ(POLLOUT, poll_now(self->wr.fd));
	end_move(&self->wr, CAPACITY - 8);
	EXPECT_EQ(POLLOUT, poll_now(self->wr.fd));
	end_move(&self->wr, CAPACITY);
	EXPECT_EQ(0, poll_now(self->wr.fd));
	end_move(&self->rd, 8);
	EXPECT_EQ(POLLOUT, poll_now(self->wr.fd));
	EXPECT_EQ(0, end_flags(&self->rd));
}

/* What was tried in vain is what is waited for, and no less than something. */
TEST_F(poll, after_a_wait_that_was_refused)
{
	EXPECT_EQ(-EAGAIN, pipe_try(self->rd.fd, 64));
	end_move(&self->wr, 56);
	EXPECT_EQ(0, poll_now(self->rd.fd));
	end_move(&self->wr, 64);
	EXPECT_EQ(POLLIN, poll_now(self->rd.fd));
	end_move(&self->rd, 64);
	EXPECT_EQ(0, poll_now(self->rd.fd));
	end_move(&self->wr, 72);
	EXPECT_EQ(POLLIN, poll_now(self->rd.fd));
	EXPECT_EQ(-EAGAIN, pipe_try(self->rd.fd, 80));
	EXPECT_EQ(0, poll_now(self->rd.fd));
	EXPECT_EQ(0, pipe_try(self->rd.fd, 72));
	EXPECT_EQ(POLLIN, poll_now(self->rd.fd));

	end_move(&self->wr, 64 + CAPACITY);
	EXPECT_EQ(-EAGAIN, pipe_try(self->wr.fd, 64 + 32));
	end_move(&self->rd, 64 + 24);
	EXPECT_EQ(0, poll_now(self->wr.fd));
	end_move(&self->rd, 64 + 32);
	EXPECT_EQ(POLLOUT, poll_now(self->wr.fd));
	EXPECT_EQ(-ETIMEDOUT, pipe_wait(self->wr.fd, 4096, 0, 1));
	end_move(&self->wr, 64 + 32 + CAPACITY);
	EXPECT_EQ(0, poll_now(self->wr.fd));
	end_move(&self->rd, 64 + 40);
	EXPECT_EQ(POLLOUT, poll_now(self->wr.fd));
}

/* A poller sleeps: the other end is asked. */
static bool poller_sleeps(struct end *other, struct poller *p)
{
	p->events = POLLIN | POLLOUT;
	poller_start(p);
	return wait_for(end_flags(other) & KIPC_PIPE_ASK);
}

static int poller_end(struct poller *p)
{
	if (!wait_for(poller_ended(p)))
		return KIPC_HUNG;
	pthread_join(p->thread, NULL);
	return p->revents;
}

TEST_F(poll, woken_by_what_comes)
{
	struct poller p = { .fd = self->rd.fd };

	ASSERT_TRUE(poller_sleeps(&self->wr, &p));
	EXPECT_FALSE(poller_ended(&p));
	EXPECT_TRUE(end_advance(&self->wr, 8));
	EXPECT_EQ(POLLIN, poller_end(&p));
}

TEST_F(poll, woken_by_room)
{
	struct poller p = { .fd = self->wr.fd };

	end_move(&self->wr, CAPACITY);
	ASSERT_TRUE(poller_sleeps(&self->rd, &p));
	EXPECT_TRUE(end_advance(&self->rd, 8));
	EXPECT_EQ(POLLOUT, poller_end(&p));
}

/* It is for enough that it asks, and so it is left alone until then. */
TEST_F(poll, woken_when_it_is_enough)
{
	struct poller p = { .fd = self->rd.fd };

	ASSERT_EQ(-EAGAIN, pipe_try(self->rd.fd, 64));
	ASSERT_TRUE(poller_sleeps(&self->wr, &p));
	EXPECT_FALSE(end_advance(&self->wr, 56));
	EXPECT_EQ(0, pipe_wake(self->wr.fd));
	EXPECT_TRUE(end_flags(&self->wr) & KIPC_PIPE_ASK);
	EXPECT_TRUE(end_advance(&self->wr, 8));
	EXPECT_EQ(POLLIN, poller_end(&p));
}

TEST_F(poll, woken_by_destroy)
{
	struct poller p = { .fd = self->rd.fd };

	ASSERT_TRUE(poller_sleeps(&self->wr, &p));
	EXPECT_EQ(0, kipc_destroy(self->rd.fd));
	EXPECT_TRUE(poller_end(&p) & POLLHUP);
	EXPECT_EQ(ALL, poll_now(self->rd.fd));
	EXPECT_EQ(ALL, poll_now(self->wr.fd));
}

/* One who sleeps and one who polls wait for what each of them wants. */
TEST_F(poll, beside_one_who_sleeps)
{
	struct wait_call call = { .fd = self->rd.fd, .until = 64 };
	struct poller p = { .fd = self->rd.fd, .events = POLLIN };

	ASSERT_TRUE(wait_call_asleep(&call, kipc_readers_waiting));
	poller_start(&p);
	/* The earlier of the two is what is asked for. */
	ASSERT_TRUE(wait_for(self->wr.news->until == 1));
	EXPECT_TRUE(end_advance(&self->wr, 8));
	EXPECT_EQ(POLLIN, poller_end(&p));
	EXPECT_FALSE(wait_call_ended(&call));
	/* He who sleeps is still to be woken, whether p left something or not. */
	EXPECT_TRUE(end_flags(&self->wr) & KIPC_PIPE_ASK);
	EXPECT_TRUE(end_advance(&self->wr, 56));
	EXPECT_EQ(0, wait_call_end(&call));
}

TEST_F(poll, one_who_gives_up_leaves_the_other)
{
	struct wait_call call = { .fd = self->rd.fd, .until = 1 };
	struct poller p = { .fd = self->rd.fd };

	ASSERT_EQ(-EAGAIN, pipe_try(self->rd.fd, 64));
	ASSERT_TRUE(poller_sleeps(&self->wr, &p));
	EXPECT_EQ(64, self->wr.news->until);
	call.deadline_ns = in_ms(50);
	ASSERT_EQ(0, wait_call_start(&call));
	EXPECT_EQ(-ETIMEDOUT, wait_call_end(&call));
	/* And so the poller waits for less than before, as after any wait. */
	EXPECT_TRUE(wait_for(end_flags(&self->wr) & KIPC_PIPE_ASK &&
			     self->wr.news->until == 1));
	EXPECT_TRUE(end_advance(&self->wr, 8));
	EXPECT_EQ(POLLIN, poller_end(&p));
}

static int epoll_add(int ep, int fd, uint32_t events)
{
	struct epoll_event event = { .events = events };

	return epoll_ctl(ep, EPOLL_CTL_ADD, fd, &event) ? -errno : 0;
}

static int epoll_events(int ep)
{
	struct epoll_event event;
	int ret = epoll_wait(ep, &event, 1, 0);

	return ret == 1 ? (int)event.events : ret;
}

TEST_F(poll, levels)
{
	ASSERT_EQ(0, epoll_add(self->ep, self->rd.fd, EPOLLIN));
	EXPECT_EQ(0, epoll_events(self->ep));
	EXPECT_TRUE(end_advance(&self->wr, 16));
	EXPECT_EQ(EPOLLIN, epoll_events(self->ep));
	EXPECT_EQ(EPOLLIN, epoll_events(self->ep));
	end_advance(&self->rd, 8);
	EXPECT_EQ(EPOLLIN, epoll_events(self->ep));
	end_advance(&self->rd, 8);
	EXPECT_EQ(0, epoll_events(self->ep));
	EXPECT_TRUE(end_advance(&self->wr, 8));
	EXPECT_EQ(EPOLLIN, epoll_events(self->ep));
}

/* Each record that comes after the last look is an event, read or not. */
TEST_F(poll, edges)
{
	int i;

	ASSERT_EQ(0, epoll_add(self->ep, self->rd.fd, EPOLLIN | EPOLLET));
	EXPECT_EQ(0, epoll_events(self->ep));
	for (i = 0; i < 3; i++) {
		EXPECT_TRUE(end_advance(&self->wr, 8));
		EXPECT_EQ(EPOLLIN, epoll_events(self->ep));
		EXPECT_EQ(0, epoll_events(self->ep));
	}
	end_advance(&self->rd, 24);
	EXPECT_EQ(0, epoll_events(self->ep));
	EXPECT_TRUE(end_advance(&self->wr, 8));
	/* Once said: until epoll has looked there is nothing more to say. */
	EXPECT_FALSE(end_advance(&self->wr, 8));
	EXPECT_EQ(EPOLLIN, epoll_events(self->ep));
	EXPECT_EQ(0, epoll_events(self->ep));
}

/* io_uring's poll that goes on does so when it has looked, and then only. */
TEST_F(poll, again_and_again)
{
	struct ring ring;
	int i;

	ASSERT_EQ(0, ring_open(&ring));
	if (ring.fd < 0)
		SKIP(return, "io_uring: %s", strerror(-ring.fd));
	ASSERT_EQ(1, ring_submit_poll(&ring, self->rd.fd, POLLIN));
	EXPECT_FALSE(ring_ended(&ring));
	for (i = 0; i < 3; i++) {
		EXPECT_TRUE(end_advance(&self->wr, 8));
		ASSERT_TRUE(wait_for(ring_ended(&ring)));
		EXPECT_EQ(POLLIN, ring_result(&ring));
		end_advance(&self->rd, 8);
		EXPECT_FALSE(ring_ended(&ring));
	}
	close(ring.fd);
}

/* An end that comes to want less after epoll has looked is told in time. */
TEST_F(poll, edges_of_one_who_changes_its_mind)
{
	ASSERT_EQ(-EAGAIN, pipe_try(self->rd.fd, 64));
	ASSERT_EQ(0, epoll_add(self->ep, self->rd.fd, EPOLLIN | EPOLLET));
	EXPECT_EQ(0, epoll_events(self->ep));
	EXPECT_EQ(64, self->wr.news->until);
	ASSERT_EQ(-EAGAIN, pipe_try(self->rd.fd, 32));
	EXPECT_EQ(0, epoll_events(self->ep));
	EXPECT_FALSE(end_advance(&self->wr, 24));
	EXPECT_TRUE(end_advance(&self->wr, 8));
	EXPECT_EQ(EPOLLIN, epoll_events(self->ep));
	/* And one that wants more is not, until there is. */
	ASSERT_EQ(-EAGAIN, pipe_try(self->rd.fd, 128));
	EXPECT_TRUE(end_advance(&self->wr, 8));
	EXPECT_EQ(0, epoll_events(self->ep));
	EXPECT_TRUE(end_advance(&self->wr, 128 - 40));
	EXPECT_EQ(EPOLLIN, epoll_events(self->ep));
}

/* What was armed for more, and has been reached when somebody else looks. */
TEST_F(poll, two_who_look_at_different_times)
{
	int second = epoll_create1(EPOLL_CLOEXEC);

	ASSERT_LE(0, second);
	ASSERT_EQ(0, epoll_add(self->ep, self->rd.fd, EPOLLIN | EPOLLET));
	EXPECT_EQ(0, epoll_events(self->ep));
	/* Moved and not yet said; the second one finds it, the first is owed it. */
	end_move(&self->wr, 8);
	ASSERT_EQ(0, epoll_add(second, self->rd.fd, EPOLLIN | EPOLLET));
	EXPECT_EQ(EPOLLIN, epoll_events(second));
	EXPECT_TRUE(end_asked(&self->wr));
	EXPECT_EQ(0, pipe_wake(self->wr.fd));
	EXPECT_EQ(EPOLLIN, epoll_events(self->ep));
	epoll_events(second);
	EXPECT_TRUE(end_advance(&self->wr, 8));
	EXPECT_EQ(EPOLLIN, epoll_events(self->ep));
	EXPECT_EQ(EPOLLIN, epoll_events(second));
}

/* Only one of them may look again, so all of them must hear of it. */
TEST_F(poll, exclusive)
{
	int second = epoll_create1(EPOLL_CLOEXEC);

	ASSERT_LE(0, second);
	ASSERT_EQ(0, epoll_add(self->ep, self->rd.fd,
			       EPOLLIN | EPOLLET | EPOLLEXCLUSIVE));
	ASSERT_EQ(0, epoll_add(second, self->rd.fd,
			       EPOLLIN | EPOLLET | EPOLLEXCLUSIVE));
	EXPECT_TRUE(end_advance(&self->wr, 8));
	EXPECT_EQ(EPOLLIN, epoll_events(self->ep));
	EXPECT_EQ(EPOLLIN, epoll_events(second));
}

TEST_F(poll, hang_up)
{
	ASSERT_EQ(0, epoll_add(self->ep, self->rd.fd, EPOLLIN | EPOLLET));
	EXPECT_EQ(0, epoll_events(self->ep));
	end_move(&self->wr, 8);
	end_unmap(&self->wr);
	close(self->wr.fd);
	EXPECT_EQ(EPOLLIN | EPOLLHUP, epoll_events(self->ep));
	EXPECT_EQ(POLLIN | POLLHUP, poll_now(self->rd.fd));
	end_move(&self->rd, 8);
	EXPECT_EQ(POLLHUP, poll_now(self->rd.fd));
}

TEST_F(poll, error)
{
	struct poller p = { .fd = self->wr.fd };

	end_move(&self->wr, CAPACITY);
	ASSERT_TRUE(poller_sleeps(&self->rd, &p));
	end_unmap(&self->rd);
	close(self->rd.fd);
	EXPECT_EQ(POLLOUT | POLLERR, poller_end(&p));
	EXPECT_EQ(POLLOUT | POLLERR, poll_now(self->wr.fd));
}

/* A peer that never was is no hang-up. */
TEST(before_there_is_another_end)
{
	struct kipc_pipe_create arg;
	const char *name = "mapped_pipe_poll_test";

	ASSERT_EQ(0, kipc_pipe_named(&arg, name, KIPC_RIGHT_READ, 0,
				     KIPC_PIPE_MAPPED));
	EXPECT_EQ(0, poll_now(arg.read_fd));
	close(arg.read_fd);
	ASSERT_EQ(0, kipc_pipe_named(&arg, name, KIPC_RIGHT_WRITE, 0,
				     KIPC_PIPE_MAPPED));
	EXPECT_EQ(POLLOUT, poll_now(arg.write_fd));
	close(arg.write_fd);
}

/* Moves its index as often as there is room, and says so when it is asked. */
static pid_t start_producer(int fd, unsigned long count)
{
	pid_t pid = kipc_fork();
	struct end wr;

	if (pid)
		return pid;
	CHECK_EQ(0, end_map(&wr, fd, true));
	while (count) {
		if (wr.mine->total - index_get(wr.other) == wr.capacity) {
			sched_yield();
			continue;
		}
		end_advance(&wr, 8);
		count--;
	}
	_exit(0);
}

/* Takes all there is, after each event; none may be missing. */
static unsigned long take_all(struct end *rd)
{
	uint64_t head, tail = rd->mine->total, first = tail;

	while ((head = index_get(rd->other)) != tail) {
		tail = head;
		end_move(rd, tail);
	}
	return (tail - first) / 8;
}

TEST_F(poll, no_edge_is_lost)
{
	unsigned long count = scaled_rounds(100000), taken = 0;
	struct epoll_event event;
	pid_t pid;

	ASSERT_EQ(0, epoll_add(self->ep, self->rd.fd, EPOLLIN | EPOLLET));
	pid = start_producer(self->wr.fd, count);
	while (taken < count) {
		ASSERT_EQ(1, epoll_wait(self->ep, &event, 1,
					PATIENCE_NS / NSEC_PER_MSEC));
		taken += take_all(&self->rd);
	}
	EXPECT_EQ(count, taken);
	EXPECT_EQ(0, kipc_reap(pid));
}

TEST_F(poll, no_wake_up_is_lost)
{
	struct pollfd polled = { .fd = self->rd.fd, .events = POLLIN };
	unsigned long count = scaled_rounds(100000), taken = 0;
	pid_t pid = start_producer(self->wr.fd, count);

	while (taken < count) {
		ASSERT_EQ(1, poll(&polled, 1, PATIENCE_NS / NSEC_PER_MSEC));
		taken += take_all(&self->rd);
	}
	EXPECT_EQ(count, taken);
	EXPECT_EQ(0, kipc_reap(pid));
}

/* An event costs its sender one call at most. */
TEST_F(poll, what_it_costs)
{
	unsigned long calls = 0, events = 0, i;

	ASSERT_EQ(0, epoll_add(self->ep, self->rd.fd, EPOLLIN));
	for (i = 0; i < 300; i++) {
		calls += end_advance(&self->wr, 8);
		if (i % 3)
			continue;
		events += epoll_events(self->ep) == EPOLLIN;
		take_all(&self->rd);
	}
	EXPECT_EQ(100, events);
	EXPECT_GE(events + 1, calls);
}

TEST_HARNESS_MAIN
