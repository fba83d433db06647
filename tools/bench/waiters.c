// SPDX-License-Identifier: GPL-2.0
/*
 * The cost of many who wait: one process has so many threads, all of which sleep
 * on the same object.  One is woken, answers, and goes to sleep again, behind
 * the others.
 */
#include <err.h>
#include <limits.h>

#include "kipc_util.h"
#include "bench.h"
#include "lane.h"

#define STACK_BYTES	PTHREAD_STACK_MIN

/* Every operation wakes another one: so many that each gets its turn. */
#define OPS		1000

/**
 * struct hall - where they wait
 * @there: what they wait for
 * @back: their answers
 * @here: threads that have come so far; shared with the other process
 */
struct hall {
	struct lane there;
	struct lane back;
	unsigned int *here;
};

/* With descriptors alone the threads share a lane, but not the body. */
static void *wait_and_answer(void *data)
{
	struct hall *own = data;
	struct lane there = own->there, back = own->back;
	long message[2] = { 1 }, answer[2] = { 1 };

	there.body = (char *)&message[1];
	back.body = (char *)&answer[1];
	__atomic_add_fetch(own->here, 1, __ATOMIC_SEQ_CST);
	for (;;) {
		lane_recv(&there);
		lane_send(&back);
	}
	return NULL;
}

static void fill(struct hall *own, size_t count)
{
	pthread_attr_t attr;
	pthread_t thread;

	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK_BYTES);
	while (count--) {
		if (pthread_create(&thread, &attr, wait_and_answer, own))
			errx(1, "pthread_create");
	}
	for (;;)
		pause();
}

static void hall_run(struct rig *rig, unsigned long ops)
{
	struct hall *own = rig->priv;

	while (ops--) {
		lane_send(&own->there);
		lane_recv(&own->back);
	}
}

/* Each of them answers once before the clock runs: then all are asleep but for
 * the last one, which is about to be.
 */
static void hall_set_up(struct rig *rig)
{
	struct hall *own = calloc(1, sizeof(*own));

	if (!own)
		err(1, "calloc");
	lane_open(&own->there, rig->side->own, sizeof(long));
	lane_open(&own->back, rig->side->own, sizeof(long));
	own->here = rig_shared(sizeof(*own->here));
	if (rig_fork(rig))
		fill(own, rig->size);
	rig->priv = own;
	if (!wait_for(__atomic_load_n(own->here, __ATOMIC_SEQ_CST) ==
		      rig->size))
		errx(1, "the threads do not come");
	hall_run(rig, rig->size);
}

static void hall_close(struct rig *rig)
{
	struct hall *own = rig->priv;

	rig_kill(rig);
	lane_close(&own->there);
	lane_close(&own->back);
	munmap(own->here, sizeof(*own->here));
	free(own);
}

static const struct work hall = {
	.set_up = hall_set_up,
	.run = hall_run,
	.close = hall_close,
};

static const size_t counts[] = { 1, 10, 1000, 0 };

const struct metric waiters_sem = {
	.name = "waiters_sem",
	.kind = KIPC_KIND_SEMAPHORE,
	.size_list = counts,
	.grows = true,
	.ops = OPS,
	.runs = 4,
	.sides = {
		{ "kipc", &hall, &lane_kipc_semaphore, 0 },
		{ "semop(2)", &hall, &lane_semop, 0 },
		{ "sem_wait(3)", &hall, &lane_sem, 0 },
	},
};

const struct metric waiters_mailbox = {
	.name = "waiters_mailbox",
	.kind = KIPC_KIND_MAILBOX,
	.size_list = counts,
	.grows = true,
	.ops = OPS,
	.runs = 4,
	.sides = {
		{ "kipc", &hall, &lane_kipc_mailbox, 0 },
		{ "mq_send(3)", &hall, &lane_mq, 0 },
		{ "msgsnd(2)", &hall, &lane_msg, 0 },
	},
};
