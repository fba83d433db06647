/* SPDX-License-Identifier: GPL-2.0 */
/* A thread that polls one descriptor, once. */
#ifndef POLLER_UTIL_H
#define POLLER_UTIL_H

#include <poll.h>
#include <pthread.h>

#include "kipc_util.h"

/**
 * struct poller - a thread in poll(2)
 * @fd: what it polls
 * @events: for what
 * @revents: what it got; once it has ended
 * @ended: it has
 * @thread: itself
 */
struct poller {
	int fd;
	short events;
	int revents;
	int ended;
	pthread_t thread;
};

static inline void *poller_run(void *data)
{
	struct poller *p = data;
	struct pollfd polled = { .fd = p->fd, .events = p->events };

	poll(&polled, 1, PATIENCE_NS / NSEC_PER_MSEC);
	p->revents = polled.revents;
	__atomic_store_n(&p->ended, 1, __ATOMIC_RELEASE);
	return NULL;
}

static inline void poller_start(struct poller *p)
{
	pthread_create(&p->thread, NULL, poller_run, p);
}

static inline bool poller_ended(struct poller *p)
{
	return __atomic_load_n(&p->ended, __ATOMIC_ACQUIRE);
}

#endif /* POLLER_UTIL_H */
