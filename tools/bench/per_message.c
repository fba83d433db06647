// SPDX-License-Identifier: GPL-2.0
/*
 * System calls and context switches, of both processes together, for each
 * message that one sends and the other receives meanwhile, or for each round
 * trip.
 */
#include "kipc_util.h"
#include "bench.h"
#include "lane.h"

/* So many that the orders at the beginning and the end of a run do not show. */
#define OPS		12800
#define TRIPS		800

static const struct part message_parts[] = {
	{ .name = "syscalls", .unit = "per message", .flags = PART_FIRST },
	{ .name = "switches", .unit = "per message", .flags = PART_FIRST },
	{ 0 }
};

static const struct part trip_parts[] = {
	{ .name = "syscalls", .unit = "per trip", .flags = PART_FIRST },
	{ .name = "switches", .unit = "per trip", .flags = PART_FIRST },
	{ 0 }
};

#define COUNTED			\
	.counted = true,	\
	.wall_only = true,	\
	.root = true,		\
	.runs = 4

const struct metric effort_pipe = {
	.name = "effort_pipe",
	.long_name = "pipe",
	COUNTED,
	.parts = message_parts,
	.ops = OPS,
	.kind = KIPC_KIND_PIPE,
	.size = 64,
	.sides = {
		{ "kipc", &traffic, &lane_kipc_pipe, 0 },
		{ "pipe(2)", &traffic, &lane_pipe, 0 },
		{ "FIFO", &traffic, &lane_fifo, 0 },
		{ "stream", &traffic, &lane_stream, 0 },
		{ "process_vm_writev", &traffic, &lane_writev, 0 },
		{ "futex ring", &traffic, &lane_futex_ring, 0 },
	},
};

const struct metric effort_mailbox = {
	.name = "effort_mailbox",
	.long_name = "mailbox",
	COUNTED,
	.parts = message_parts,
	.ops = OPS,
	.kind = KIPC_KIND_MAILBOX,
	.size = 64,
	.sides = {
		{ "kipc", &traffic, &lane_kipc_mailbox, 0 },
		{ "mq_send(3)", &traffic, &lane_mq, 0 },
		{ "msgsnd(2)", &traffic, &lane_msg, 0 },
		{ "seqpacket", &traffic, &lane_seqpacket, 0 },
	},
};

const struct metric effort_vector = {
	.name = "effort_mailbox_32",
	.long_name = "mailbox_32",
	COUNTED,
	.parts = message_parts,
	.ops = OPS,
	.kind = KIPC_KIND_MAILBOX,
	.size = 64,
	.sides = {
		{ "kipc", &traffic, &lane_kipc_vector, 0 },
		{ "sendmmsg(2)", &traffic, &lane_packets, 0 },
	},
};

const struct metric effort_call = {
	.name = "effort_call",
	.long_name = "call",
	COUNTED,
	.parts = trip_parts,
	.ops = TRIPS,
	.kind = KIPC_KIND_ENDPOINT,
	.size = 64,
	.sides = {
		{ "kipc", &endpoint_round_trip, NULL, 0 },
		{ "seqpacket", &lane_round_trip, &lane_seqpacket, 0 },
		{ "pipe(2)", &lane_round_trip, &lane_pipe, 0 },
	},
};

const struct metric effort_sem = {
	.name = "effort_sem",
	.long_name = "sem",
	COUNTED,
	.parts = trip_parts,
	.ops = TRIPS,
	.kind = KIPC_KIND_SEMAPHORE,
	.sides = {
		{ "kipc", &lane_round_trip, &lane_kipc_semaphore, 0 },
		{ "semop(2)", &lane_round_trip, &lane_semop, 0 },
		{ "sem_wait(3)", &lane_round_trip, &lane_sem, 0 },
		{ "eventfd", &lane_round_trip, &lane_eventfd, 0 },
	},
};
