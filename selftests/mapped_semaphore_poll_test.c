// SPDX-License-Identifier: GPL-2.0
/*
 * poll and epoll on handles of mapped sets: they see what is done without the
 * kernel, because from then on nothing is.
 */
#include <sys/epoll.h>

#include "kselftest_harness.h"
#include "mapped_semaphore_util.h"
#include "poller_util.h"

#define ALL	(POLLIN | POLLOUT | POLLHUP | POLLERR)

FIXTURE(poll) {
	struct kipc_msem sem;
};

FIXTURE_SETUP(poll)
{
	ASSERT_EQ(0, mapped_sem(&self->sem, 2, 0, 3));
}

FIXTURE_TEARDOWN(poll)
{
}

static int poll_now(int fd)
{
	struct pollfd polled = { .fd = fd, .events = ALL };

	return poll(&polled, 1, 0) < 0 ? -errno : polled.revents;
}

TEST_F(poll, readable)
{
	EXPECT_EQ(0, poll_now(self->sem.fd));
	EXPECT_EQ(0, kipc_msem_post(&self->sem, 1));
	EXPECT_EQ(0, poll_now(self->sem.fd));
	EXPECT_EQ(0, kipc_msem_post(&self->sem, 0));
	EXPECT_EQ(POLLIN, poll_now(self->sem.fd));
	/* Who only looked leaves nothing behind. */
	EXPECT_EQ(1, mapped_word(self->sem.words, 0));
	EXPECT_EQ(-EBUSY, sem_watch(self->sem.fd, 1));
}

TEST_F(poll, the_counter_that_is_watched)
{
	EXPECT_EQ(-ERANGE, sem_watch(self->sem.fd, 2));
	EXPECT_EQ(0, sem_watch(self->sem.fd, 1));
	EXPECT_EQ(0, kipc_msem_post(&self->sem, 0));
	EXPECT_EQ(0, poll_now(self->sem.fd));
	EXPECT_EQ(0, kipc_msem_post(&self->sem, 1));
	EXPECT_EQ(POLLIN, poll_now(self->sem.fd));
}

/* A poller sleeps: the kernel is asked. */
static bool poller_sleeps(struct kipc_sem_word *words, struct poller *p)
{
	p->events = POLLIN;
	poller_start(p);
	return wait_for(mapped_word(words, 0) & ASK);
}

TEST_F(poll, woken_by_a_v)
{
	struct poller p = { .fd = self->sem.fd };

	ASSERT_TRUE(poller_sleeps(self->sem.words, &p));
	EXPECT_FALSE(poller_ended(&p));
	EXPECT_EQ(0, kipc_msem_post(&self->sem, 0));
	ASSERT_TRUE(wait_for(poller_ended(&p)));
	pthread_join(p.thread, NULL);
	EXPECT_EQ(POLLIN, p.revents);
	EXPECT_EQ(0, kipc_msem_wait(&self->sem, 0));
	/* And that was the last one that had to ask. */
	EXPECT_EQ(0, mapped_word(self->sem.words, 0));
}

TEST_F(poll, woken_by_destroy)
{
	struct poller p = { .fd = self->sem.fd };

	ASSERT_TRUE(poller_sleeps(self->sem.words, &p));
	EXPECT_EQ(0, kipc_destroy(self->sem.fd));
	ASSERT_TRUE(wait_for(poller_ended(&p)));
	pthread_join(p.thread, NULL);
	EXPECT_TRUE(p.revents & POLLHUP);
	EXPECT_EQ(ALL, poll_now(self->sem.fd));
}

/* What is for somebody who waits is not for who polls. */
TEST_F(poll, behind_those_who_wait)
{
	struct sem_call call = { .fd = self->sem.fd, .delta = -1 };

	ASSERT_EQ(0, sem_call_asleep(&call));
	EXPECT_EQ(0, poll_now(self->sem.fd));
	EXPECT_EQ(0, kipc_msem_post(&self->sem, 0));
	EXPECT_EQ(0, sem_call_wait(&call));
	EXPECT_EQ(0, poll_now(self->sem.fd));
}

static int epoll_events(int ep)
{
	struct epoll_event event;
	int ret = epoll_wait(ep, &event, 1, 0);

	return ret == 1 ? (int)event.events : ret;
}

/* Edge-triggered: every V that leaves something is an event. */
TEST_F(poll, edges)
{
	struct epoll_event event = { .events = EPOLLIN | EPOLLET };
	int ep = epoll_create1(EPOLL_CLOEXEC), i;

	ASSERT_LE(0, ep);
	ASSERT_EQ(0, epoll_ctl(ep, EPOLL_CTL_ADD, self->sem.fd, &event));
	EXPECT_EQ(0, epoll_events(ep));
	for (i = 0; i < 3; i++) {
		EXPECT_EQ(0, kipc_msem_post(&self->sem, 0));
		EXPECT_EQ(EPOLLIN, epoll_events(ep));
		EXPECT_EQ(0, epoll_events(ep));
	}
	for (i = 0; i < 3; i++)
		EXPECT_EQ(0, kipc_msem_trywait(&self->sem, 0));
	EXPECT_EQ(-EAGAIN, kipc_msem_trywait(&self->sem, 0));
	EXPECT_EQ(0, epoll_events(ep));
	EXPECT_EQ(0, kipc_msem_post(&self->sem, 0));
	EXPECT_EQ(EPOLLIN, epoll_events(ep));
	/* Watched no more: back to user space. */
	ASSERT_EQ(0, epoll_ctl(ep, EPOLL_CTL_DEL, self->sem.fd, NULL));
	EXPECT_EQ(0, kipc_msem_wait(&self->sem, 0));
	EXPECT_EQ(0, mapped_word(self->sem.words, 0));
}

TEST_F(poll, levels)
{
	struct epoll_event event = { .events = EPOLLIN };
	int ep = epoll_create1(EPOLL_CLOEXEC);

	ASSERT_LE(0, ep);
	EXPECT_EQ(0, kipc_msem_post(&self->sem, 0));
	ASSERT_EQ(0, epoll_ctl(ep, EPOLL_CTL_ADD, self->sem.fd, &event));
	EXPECT_EQ(EPOLLIN, epoll_events(ep));
	EXPECT_EQ(EPOLLIN, epoll_events(ep));
	EXPECT_EQ(0, kipc_msem_wait(&self->sem, 0));
	EXPECT_EQ(0, epoll_events(ep));
	EXPECT_EQ(0, kipc_msem_post(&self->sem, 0));
	EXPECT_EQ(EPOLLIN, epoll_events(ep));
}

/* Gives as fast as it can, by and by faster than others take. */
static pid_t start_giver(struct kipc_msem *sem, unsigned long count)
{
	pid_t pid = kipc_fork();

	if (pid)
		return pid;
	while (count) {
		int ret = kipc_msem_post(sem, 0);

		CHILD_CHECK(!ret || ret == -EOVERFLOW);
		count -= !ret;
	}
	_exit(0);
}

/* Takes all there is, after each event; none may be missing. */
static unsigned long take_all(struct kipc_msem *sem)
{
	unsigned long taken = 0;

	while (!kipc_msem_trywait(sem, 0))
		taken++;
	return taken;
}

TEST_F(poll, no_edge_is_lost)
{
	struct epoll_event event = { .events = EPOLLIN | EPOLLET };
	unsigned long count = scaled_rounds(20000), taken = 0;
	int ep = epoll_create1(EPOLL_CLOEXEC);
	pid_t pid;

	ASSERT_LE(0, ep);
	ASSERT_EQ(0, epoll_ctl(ep, EPOLL_CTL_ADD, self->sem.fd, &event));
	pid = start_giver(&self->sem, count);
	while (taken < count) {
		ASSERT_EQ(1, epoll_wait(ep, &event, 1,
					PATIENCE_NS / NSEC_PER_MSEC));
		taken += take_all(&self->sem);
	}
	EXPECT_EQ(count, taken);
	EXPECT_EQ(0, kipc_reap(pid));
}

/* The mark comes and goes with each call. */
TEST_F(poll, no_wake_up_is_lost)
{
	struct pollfd polled = { .fd = self->sem.fd, .events = POLLIN };
	unsigned long count = scaled_rounds(20000), taken = 0;
	pid_t pid = start_giver(&self->sem, count);

	while (taken < count) {
		ASSERT_EQ(1, poll(&polled, 1, PATIENCE_NS / NSEC_PER_MSEC));
		taken += take_all(&self->sem);
	}
	EXPECT_EQ(count, taken);
	EXPECT_EQ(0, kipc_reap(pid));
	EXPECT_EQ(0, kipc_msem_value(&self->sem, 0));
}

TEST(mutex)
{
	struct kipc_mmutex mutex;
	struct poller p = { };

	ASSERT_EQ(0, mapped_mutex(&mutex, 1));
	EXPECT_EQ(POLLIN, poll_now(mutex.fd));
	EXPECT_EQ(0, kipc_mmutex_lock(&mutex, 0));
	EXPECT_EQ(0, poll_now(mutex.fd));
	p.fd = mutex.fd;
	ASSERT_TRUE(poller_sleeps(mutex.words, &p));
	EXPECT_EQ(0, kipc_mmutex_unlock(&mutex, 0));
	ASSERT_TRUE(wait_for(poller_ended(&p)));
	pthread_join(p.thread, NULL);
	EXPECT_EQ(POLLIN, p.revents);
}

/* The owner's death is what makes it free; what nobody can have is readable. */
TEST(mutex_of_a_dead_owner)
{
	struct kipc_mmutex mutex;
	struct poller p = { };
	pid_t pid;

	ASSERT_EQ(0, mapped_mutex(&mutex, 1));
	pid = kipc_fork();
	if (!pid) {
		CHILD_EQ(0, mapped_again(&mutex));
		CHILD_EQ(0, kipc_mmutex_lock(&mutex, 0));
		pause();
	}
	ASSERT_TRUE(wait_for(mapped_word(mutex.words, 0)));
	p.fd = mutex.fd;
	ASSERT_TRUE(poller_sleeps(mutex.words, &p));
	ASSERT_TRUE(sem_kill(pid));
	ASSERT_TRUE(wait_for(poller_ended(&p)));
	pthread_join(p.thread, NULL);
	EXPECT_EQ(POLLIN, p.revents);
	EXPECT_EQ(-EOWNERDEAD, kipc_mmutex_lock(&mutex, 0));
	EXPECT_EQ(0, poll_now(mutex.fd));
	EXPECT_EQ(0, kipc_mmutex_unlock(&mutex, 0));
	EXPECT_EQ(POLLIN, poll_now(mutex.fd));
	EXPECT_EQ(-ENOTRECOVERABLE, kipc_mmutex_trylock(&mutex, 0));
}

TEST_HARNESS_MAIN
