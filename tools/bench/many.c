// SPDX-License-Identifier: GPL-2.0
/*
 * Several processes send through one lane, and several receive from it: how
 * much goes through, and how evenly the receivers share it.
 */
#include <err.h>
#include <sched.h>

#include "kipc_util.h"
#include "bench.h"
#include "lane.h"

#define READERS_MAX	10

/* First byte of a message: one of them, or the reader's last. */
#define STOP		's'

/* So many that the readers' shares say something, however slow the start was. */
#define OPS		1000

struct shape {
	unsigned int writers;
	unsigned int readers;
};

/* One who receives, in a cache line of its own. */
struct reader {
	unsigned long messages;
	uint64_t end_ns;
} __attribute__((aligned(64)));

/* What all processes share. */
struct board {
	unsigned int ready;
	struct reader readers[READERS_MAX];
};

/**
 * struct crowd - the processes of one run
 * @lane: what they share
 * @board: where they write what they have seen
 * @gate: nothing comes through this pipe: its end of file is the start
 * @start_ns: when that was
 */
struct crowd {
	struct lane lane;
	struct board *board;
	int gate[2];
	uint64_t start_ns;
};

static const struct shape *shape_of(const struct rig *rig)
{
	return rig->metric->own;
}

static void crowd_set_up(struct rig *rig)
{
	struct crowd *own = calloc(1, sizeof(*own));

	if (!own)
		err(1, "calloc");
	lane_open(&own->lane, rig->side->own, rig->size);
	own->board = rig_shared(sizeof(*own->board));
	rig->priv = own;
}

static void crowd_close(struct rig *rig)
{
	struct crowd *own = rig->priv;

	lane_close(&own->lane);
	munmap(own->board, sizeof(*own->board));
	free(own);
}

/* In each new process: wherever it likes, whatever its parent is kept on. */
static void join(struct crowd *own)
{
	char byte;

	rig_unpin();
	close(own->gate[1]);
	__atomic_add_fetch(&own->board->ready, 1, __ATOMIC_SEQ_CST);
	if (read(own->gate[0], &byte, 1))
		err(1, "the start");
}

static void receive(struct crowd *own, struct reader *self)
{
	join(own);
	for (;;) {
		lane_recv(&own->lane);
		if (*own->lane.body == STOP)
			break;
		self->messages++;
	}
	self->end_ns = now_ns();
	_exit(0);
}

static void emit(struct crowd *own, unsigned long messages)
{
	join(own);
	while (messages--)
		lane_send(&own->lane);
	_exit(0);
}

static bool new_process(void)
{
	pid_t pid = kipc_fork();

	if (pid < 0)
		err(1, "fork");
	return !pid;
}

/* Waits for @count of the processes. */
static void reap(unsigned int count)
{
	int status;

	while (count--) {
		if (wait(&status) < 0)
			err(1, "wait");
		if (status)
			errx(1, "a process failed: status %#x", status);
	}
}

/* Readers first; the writers begin when all are there. */
static void crowd_run(struct rig *rig, unsigned long ops)
{
	const struct shape *shape = shape_of(rig);
	unsigned int all = shape->readers + shape->writers, i;
	struct crowd *own = rig->priv;
	char usual = *own->lane.body;

	memset(own->board, 0, sizeof(*own->board));
	if (pipe2(own->gate, O_CLOEXEC))
		err(1, "pipe2");
	for (i = 0; i < shape->readers; i++) {
		if (new_process())
			receive(own, &own->board->readers[i]);
	}
	for (i = 0; i < shape->writers; i++) {
		if (new_process())
			emit(own, (ops + i) / shape->writers);
	}
	if (!wait_for(__atomic_load_n(&own->board->ready, __ATOMIC_SEQ_CST) ==
		      all))
		errx(1, "the processes do not come");
	own->start_ns = now_ns();
	close(own->gate[0]);
	close(own->gate[1]);
	/* Readers have no reason to end before they are told. */
	reap(shape->writers);
	*own->lane.body = STOP;
	for (i = 0; i < shape->readers; i++)
		lane_send(&own->lane);
	*own->lane.body = usual;
	reap(shape->readers);
}

/* @values: as in parts. */
static void crowd_read(struct rig *rig, unsigned long ops, double *values)
{
	const struct crowd *own = rig->priv;
	const struct shape *shape = shape_of(rig);
	double sum = 0, squares = 0, least = ops, most = 0;
	uint64_t end_ns = 0;
	unsigned int i;

	for (i = 0; i < shape->readers; i++) {
		const struct reader *reader = &own->board->readers[i];
		double share = reader->messages;

		sum += share;
		squares += share * share;
		least = share < least ? share : least;
		most = share > most ? share : most;
		if (reader->end_ns > end_ns)
			end_ns = reader->end_ns;
	}
	if (sum != ops)
		errx(1, "%.0f messages came, of %lu", sum, ops);
	values[0] = ops * (double)NSEC_PER_SEC / (end_ns - own->start_ns);
	values[1] = sum * sum / (shape->readers * squares);
	/* Who got nothing counts as if he had got one. */
	values[2] = most / (least ? least : 1);
}

static const struct work crowd = {
	.set_up = crowd_set_up,
	.run = crowd_run,
	.read = crowd_read,
	.close = crowd_close,
};

static const struct part parts[] = {
	{ .name = "rate", .unit = "messages/s" },
	{ .name = "jain", .unit = "1" },
	{ .name = "max/min", .unit = "1" },
	{ 0 }
};

#define PIPES(n, m)							\
const struct metric many_pipe_##n##x##m = {				\
	.name = "pipe_" #n "x" #m,					\
	.parts = parts,							\
	.kind = KIPC_KIND_PIPE,						\
	.size = 64,							\
	.wall_only = true,						\
	.ops = OPS,							\
	.runs = 4,							\
	.own = &(const struct shape){ n, m },				\
	.sides = {							\
		{ "kipc", &crowd, &lane_kipc_pipe_turns, 0 },		\
		{ "pipe(2)", &crowd, &lane_pipe, 0 },			\
		{ "seqpacket", &crowd, &lane_seqpacket, 0 },		\
	},								\
}

#define MAILBOXES(n, m)							\
const struct metric many_mailbox_##n##x##m = {				\
	.name = "mailbox_" #n "x" #m,					\
	.parts = parts,							\
	.kind = KIPC_KIND_MAILBOX,					\
	.size = 64,							\
	.wall_only = true,						\
	.ops = OPS,							\
	.runs = 4,							\
	.own = &(const struct shape){ n, m },				\
	.sides = {							\
		{ "kipc", &crowd, &lane_kipc_mailbox, 0 },		\
		{ "mq_send(3)", &crowd, &lane_mq, 0 },			\
		{ "msgsnd(2)", &crowd, &lane_msg, 0 },			\
		{ "seqpacket", &crowd, &lane_seqpacket, 0 },		\
	},								\
}

PIPES(1, 1);
PIPES(1, 5);
PIPES(1, 10);
PIPES(2, 1);
PIPES(2, 5);
PIPES(2, 10);
PIPES(5, 1);
PIPES(5, 5);
PIPES(5, 10);
MAILBOXES(1, 1);
MAILBOXES(1, 5);
MAILBOXES(1, 10);
MAILBOXES(2, 1);
MAILBOXES(2, 5);
MAILBOXES(2, 10);
MAILBOXES(5, 1);
MAILBOXES(5, 5);
MAILBOXES(5, 10);
