// SPDX-License-Identifier: GPL-2.0
/*
 * How long one operation takes, each of them timed: there and back between two
 * processes, and from the call that wakes a process to its return from sleep.
 */
#include <err.h>
#include <sched.h>

#include "kipc_util.h"
#include "bench.h"
#include "lane.h"

/* So many in a run that ten runs have ten above the 99.9th percentile. */
#define SAMPLES		1000

/* Where the state is in /proc/PID/stat: behind a name of at most 16 bytes. */
#define STAT_BYTES	64

/* What the two processes share. */
struct notes {
	uint64_t woken_ns;
	unsigned long wakes;
	bool stop;
};

/**
 * struct couple - a process and the one that it wakes
 * @there: lane to the other process
 * @back: and from it, if it answers
 * @notes: shared with it
 * @stat_fd: /proc/PID/stat of it
 */
struct couple {
	struct lane there;
	struct lane back;
	struct notes *notes;
	int stat_fd;
};

static struct couple *couple_make(struct rig *rig)
{
	struct couple *own = calloc(1, sizeof(*own));

	if (!own)
		err(1, "calloc");
	lane_open(&own->there, rig->side->own, rig->size ? rig->size : 1);
	lane_open(&own->back, rig->side->own, rig->size ? rig->size : 1);
	own->notes = rig_shared(sizeof(*own->notes));
	own->stat_fd = -1;
	rig->priv = own;
	return own;
}

static void couple_close(struct rig *rig)
{
	struct couple *own = rig->priv;

	own->notes->stop = true;
	lane_send(&own->there);
	rig_reap(rig);
	if (own->stat_fd >= 0)
		close(own->stat_fd);
	lane_close(&own->there);
	lane_close(&own->back);
	munmap(own->notes, sizeof(*own->notes));
	free(own);
}

static void answer(struct couple *own)
{
	for (;;) {
		lane_recv(&own->there);
		if (own->notes->stop)
			_exit(0);
		lane_send(&own->back);
	}
}

static void trip_set_up(struct rig *rig)
{
	struct couple *own = couple_make(rig);

	if (rig_fork(rig))
		answer(own);
}

static void trip_run(struct rig *rig, unsigned long ops)
{
	struct couple *own = rig->priv;

	while (ops--) {
		lane_send(&own->there);
		lane_recv(&own->back);
	}
}

static void sleep_and_note(struct couple *own)
{
	struct notes *notes = own->notes;

	for (;;) {
		lane_recv(&own->there);
		if (notes->stop)
			_exit(0);
		notes->woken_ns = now_ns();
		__atomic_add_fetch(&notes->wakes, 1, __ATOMIC_RELEASE);
	}
}

static void wake_set_up(struct rig *rig)
{
	struct couple *own = couple_make(rig);
	char path[32];

	if (rig_fork(rig))
		sleep_and_note(own);
	snprintf(path, sizeof(path), "/proc/%d/stat", rig->child);
	own->stat_fd = open(path, O_RDONLY | O_CLOEXEC);
	if (own->stat_fd < 0)
		err(1, "%s", path);
}

static bool is_asleep(const struct couple *own)
{
	char stat[STAT_BYTES + 1] = { 0 };
	const char *end;

	if (pread(own->stat_fd, stat, STAT_BYTES, 0) < 0)
		err(1, "/proc/PID/stat");
	end = strrchr(stat, ')');
	return end && end[1] && end[2] == 'S';
}

static uint64_t wake_sample(struct rig *rig)
{
	struct couple *own = rig->priv;
	struct notes *notes = own->notes;
	unsigned long wakes = notes->wakes;
	uint64_t start;

	while (!is_asleep(own))
		sched_yield();
	start = now_ns();
	lane_send(&own->there);
	while (__atomic_load_n(&notes->wakes, __ATOMIC_ACQUIRE) == wakes)
		sched_yield();
	return notes->woken_ns - start;
}

const struct work lane_round_trip = {
	.set_up = trip_set_up,
	.run = trip_run,
	.close = couple_close,
};

static const struct work wake = {
	.set_up = wake_set_up,
	.sample = wake_sample,
	.close = couple_close,
};

#define SAMPLED			\
	.parts = percentiles,	\
	.sampled = true,	\
	.wall_only = true,	\
	.ops = SAMPLES

const struct metric latency_pipe = {
	.name = "latency_pipe",
	SAMPLED,
	.kind = KIPC_KIND_PIPE,
	.size = 64,
	.sides = {
		{ "kipc", &lane_round_trip, &lane_kipc_pipe, 0 },
		{ "pipe(2)", &lane_round_trip, &lane_pipe, 0 },
		{ "stream", &lane_round_trip, &lane_stream, 0 },
		{ "futex ring", &lane_round_trip, &lane_futex_ring, 0 },
	},
};

const struct metric latency_mailbox = {
	.name = "latency_mailbox",
	SAMPLED,
	.kind = KIPC_KIND_MAILBOX,
	.size = 64,
	.sides = {
		{ "kipc", &lane_round_trip, &lane_kipc_mailbox, 0 },
		{ "mq_send(3)", &lane_round_trip, &lane_mq, 0 },
		{ "msgsnd(2)", &lane_round_trip, &lane_msg, 0 },
		{ "seqpacket", &lane_round_trip, &lane_seqpacket, 0 },
	},
};

const struct metric latency_call = {
	.name = "latency_call",
	SAMPLED,
	.kind = KIPC_KIND_ENDPOINT,
	.size = 64,
	.sides = {
		{ "kipc", &endpoint_round_trip, NULL, 0 },
		{ "seqpacket", &lane_round_trip, &lane_seqpacket, 0 },
		{ "pipe(2)", &lane_round_trip, &lane_pipe, 0 },
	},
};

const struct metric latency_sem = {
	.name = "latency_sem",
	SAMPLED,
	.kind = KIPC_KIND_SEMAPHORE,
	.sides = {
		{ "kipc", &lane_round_trip, &lane_kipc_semaphore, 0 },
		{ "semop(2)", &lane_round_trip, &lane_semop, 0 },
		{ "sem_wait(3)", &lane_round_trip, &lane_sem, 0 },
		{ "eventfd", &lane_round_trip, &lane_eventfd, 0 },
	},
};

const struct metric wake_pipe = {
	.name = "wake_pipe",
	SAMPLED,
	.kind = KIPC_KIND_PIPE,
	.size = 64,
	.sides = {
		{ "kipc", &wake, &lane_kipc_pipe, 0 },
		{ "pipe(2)", &wake, &lane_pipe, 0 },
		{ "futex ring", &wake, &lane_futex_ring, 0 },
	},
};

const struct metric wake_mailbox = {
	.name = "wake_mailbox",
	SAMPLED,
	.kind = KIPC_KIND_MAILBOX,
	.size = 64,
	.sides = {
		{ "kipc", &wake, &lane_kipc_mailbox, 0 },
		{ "mq_send(3)", &wake, &lane_mq, 0 },
		{ "msgsnd(2)", &wake, &lane_msg, 0 },
		{ "seqpacket", &wake, &lane_seqpacket, 0 },
	},
};

const struct metric wake_sem = {
	.name = "wake_sem",
	SAMPLED,
	.kind = KIPC_KIND_SEMAPHORE,
	.sides = {
		{ "kipc", &wake, &lane_kipc_semaphore, 0 },
		{ "semop(2)", &wake, &lane_semop, 0 },
		{ "sem_wait(3)", &wake, &lane_sem, 0 },
		{ "eventfd", &wake, &lane_eventfd, 0 },
	},
};
