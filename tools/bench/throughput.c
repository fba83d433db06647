// SPDX-License-Identifier: GPL-2.0
/*
 * One process sends what another receives meanwhile, each on a CPU of its own;
 * and how often the two entered the kernel and gave up their CPU for it.
 */
#include <err.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include "kipc_util.h"
#include "bench.h"
#include "lane.h"

/* What one or both of the processes have done so far, and when that was. */
struct spent {
	unsigned long calls;
	unsigned long switches;
	uint64_t now_ns;
};

/**
 * struct stream - what the sender knows
 * @lane: what the messages go through
 * @sock: orders to the receiver, and its answers
 * @start_ns: when the sender began the last run, the receiver being ready
 * @spent: by both in that run; the time is that of the last message's arrival
 */
struct stream {
	struct lane lane;
	int sock;
	uint64_t start_ns;
	struct spent spent;
};

static struct spent spent_now(const struct lane *lane)
{
	struct rusage usage;

	if (getrusage(RUSAGE_SELF, &usage))
		err(1, "getrusage");
	return (struct spent){
		.calls = lane->calls,
		.switches = usage.ru_nvcsw + usage.ru_nivcsw,
	};
}

static struct spent spent_since(const struct lane *lane,
				const struct spent *start)
{
	struct spent now = { .now_ns = now_ns() }, all = spent_now(lane);

	now.calls = all.calls - start->calls;
	now.switches = all.switches - start->switches;
	return now;
}

static void tell(int sock, const void *what, size_t len)
{
	if (send(sock, what, len, MSG_NOSIGNAL) != (ssize_t)len)
		err(1, "send");
}

/* False when the other process has closed its end. */
static bool hear(int sock, void *what, size_t len)
{
	ssize_t n = recv(sock, what, len, 0);

	if (n < 0)
		err(1, "recv");
	return n == (ssize_t)len;
}

/* An order is the number of messages to receive; it is acknowledged, so that the
 * clock runs for the messages alone.
 */
static void receive(struct lane *lane, int sock)
{
	unsigned long ops;

	while (hear(sock, &ops, sizeof(ops))) {
		struct spent spent = spent_now(lane);

		tell(sock, &ops, sizeof(ops));
		lane_recv_many(lane, ops);
		spent = spent_since(lane, &spent);
		tell(sock, &spent, sizeof(spent));
	}
	_exit(0);
}

static void stream_set_up(struct rig *rig)
{
	struct stream *own = calloc(1, sizeof(*own));
	int sock[2];

	if (!own)
		err(1, "calloc");
	lane_open(&own->lane, rig->side->own, rig->size);
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sock))
		err(1, "socketpair");
	if (rig_fork(rig)) {
		close(sock[0]);
		receive(&own->lane, sock[1]);
	}
	close(sock[1]);
	own->sock = sock[0];
	rig->priv = own;
}

static void stream_run(struct rig *rig, unsigned long ops)
{
	struct stream *own = rig->priv;
	struct spent start, other;
	unsigned long heard;

	tell(own->sock, &ops, sizeof(ops));
	if (!hear(own->sock, &heard, sizeof(heard)))
		errx(1, "the receiver is gone");
	start = spent_now(&own->lane);
	own->start_ns = now_ns();
	lane_send_many(&own->lane, ops);
	lane_flush(&own->lane);
	if (!hear(own->sock, &other, sizeof(other)))
		errx(1, "the receiver is gone");
	own->spent = spent_since(&own->lane, &start);
	own->spent.calls += other.calls;
	own->spent.switches += other.switches;
	own->spent.now_ns = other.now_ns;
}

/* @values: as in parts. */
static void stream_read(struct rig *rig, unsigned long ops, double *values)
{
	const struct stream *own = rig->priv;

	values[0] = (double)(own->spent.now_ns - own->start_ns) / ops;
	values[1] = NSEC_PER_SEC / values[0];
	values[2] = values[1] * rig->size;
	values[3] = (double)own->spent.calls / ops;
	values[4] = (double)own->spent.switches / ops;
}

static void stream_close(struct rig *rig)
{
	struct stream *own = rig->priv;

	close(own->sock);
	rig_reap(rig);
	lane_close(&own->lane);
	free(own);
}

const struct work traffic = {
	.set_up = stream_set_up,
	.run = stream_run,
	.read = stream_read,
	.close = stream_close,
};

static const struct part parts[] = {
	{ .name = "", .flags = PART_ICOUNT },
	{ .name = "rate", .unit = "messages/s", .flags = PART_WALL },
	{ .name = "bytes", .unit = "bytes/s", .flags = PART_WALL | PART_QUIET },
	{ .name = "calls", .unit = "calls/message", .flags = PART_QUIET },
	{ .name = "switches", .unit = "switches/message", .flags = PART_QUIET },
	{ 0 }
};

/* Of those who mean to do without. */
static const struct part parts_and_calls[] = {
	{ .name = "", .flags = PART_ICOUNT },
	{ .name = "rate", .unit = "messages/s", .flags = PART_WALL },
	{ .name = "bytes", .unit = "bytes/s", .flags = PART_WALL | PART_QUIET },
	{ .name = "calls", .unit = "per message", .flags = PART_WALL },
	{ .name = "switches", .unit = "per message", .flags = PART_WALL },
	{ 0 }
};

static const size_t steps[] = {
	1, 4, 16, 64, 256, 1 << 10, 4 << 10, 16 << 10, 64 << 10, 256 << 10,
	1 << 20, 0
};

static const size_t few[] = { 64, 1 << 10, 4 << 10, 0 };

/* So many that the time to begin and to end does not show, short as they are. */
#define MAPPED_OPS	200000

static const size_t mapped_steps[] = { 64, 1 << 10, 0 };

const struct metric throughput = {
	.name = "throughput",
	.long_name = "pipe throughput",
	.parts = parts,
	.kind = KIPC_KIND_PIPE,
	.sizes = true,
	.size_list = steps,
	.sides = {
		{ "kipc", &traffic, &lane_kipc_pipe, 0 },
		{ "pipe(2)", &traffic, &lane_pipe, 0 },
		{ "FIFO", &traffic, &lane_fifo, 0 },
		{ "stream", &traffic, &lane_stream, 0 },
		{ "seqpacket", &traffic, &lane_seqpacket, LANE_SEQPACKET_MAX },
		{ "mq_send(3)", &traffic, &lane_mq, LANE_QUEUE_MAX },
		{ "msgsnd(2)", &traffic, &lane_msg, LANE_QUEUE_MAX },
		{ "process_vm_writev", &traffic, &lane_writev, 0 },
		{ "futex ring", &traffic, &lane_futex_ring, 0 },
	},
};

const struct metric throughput_large = {
	.name = "throughput_1m",
	.long_name = "pipe throughput, 1 MiB",
	.parts = parts,
	.kind = KIPC_KIND_PIPE,
	.sizes = true,
	.size_list = steps,
	.wall_only = true,
	.sides = {
		{ "kipc", &traffic, &lane_kipc_pipe_large, 0 },
		{ "pipe(2)", &traffic, &lane_pipe_large, 0 },
		{ "futex ring", &traffic, &lane_futex_ring_large, 0 },
	},
};

const struct metric throughput_mailbox = {
	.name = "throughput_mb",
	.long_name = "mailbox throughput",
	.parts = parts,
	.kind = KIPC_KIND_MAILBOX,
	.sizes = true,
	.size_list = steps,
	.size_max = LANE_SEQPACKET_MAX,
	.wall_only = true,
	.sides = {
		{ "kipc", &traffic, &lane_kipc_mailbox, 0 },
		{ "seqpacket", &traffic, &lane_seqpacket, LANE_SEQPACKET_MAX },
		{ "mq_send(3)", &traffic, &lane_mq, LANE_QUEUE_MAX },
		{ "msgsnd(2)", &traffic, &lane_msg, LANE_QUEUE_MAX },
	},
};

const struct metric throughput_vector = {
	.name = "throughput_mb32",
	.long_name = "mailbox throughput, 32 at a time",
	.parts = parts,
	.kind = KIPC_KIND_MAILBOX,
	.sizes = true,
	.size_list = few,
	.size_max = 4096,
	.wall_only = true,
	.sides = {
		{ "kipc", &traffic, &lane_kipc_vector, 0 },
		{ "sendmmsg(2)", &traffic, &lane_packets, 0 },
		{ "mq_send(3)", &traffic, &lane_mq, 0 },
		{ "msgsnd(2)", &traffic, &lane_msg, 0 },
	},
};

const struct metric throughput_mapped = {
	.name = "mapped_pipe_2",
	.long_name = "mapped pipe throughput",
	.parts = parts_and_calls,
	.kind = KIPC_KIND_PIPE,
	.sizes = true,
	.size_list = mapped_steps,
	.wall_only = true,
	.ops = MAPPED_OPS,
	.runs = 6,
	.sides = {
		{ "kipc", &traffic, &lane_mapped_pipe, 0 },
		{ "pipe(2)", &traffic, &lane_pipe, 0 },
		{ "futex ring", &traffic, &lane_futex_ring, 0 },
	},
};

const struct metric throughput_mapped_vector = {
	.name = "mapped_pipe_32",
	.long_name = "mapped pipe throughput, 32 at a time",
	.parts = parts_and_calls,
	.kind = KIPC_KIND_PIPE,
	.sizes = true,
	.size_list = mapped_steps,
	.wall_only = true,
	.ops = MAPPED_OPS,
	.runs = 6,
	.sides = {
		{ "kipc", &traffic, &lane_mapped_pipe_32, 0 },
		{ "pipe(2)", &traffic, &lane_pipe, 0 },
		{ "futex ring", &traffic, &lane_futex_ring, 0 },
	},
};
