/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A lane takes messages of one size one way, from whoever sends to whoever
 * receives: a pipe, a queue, a socket, a counter whose tokens are the messages.
 * What is measured between processes (throughput, wake-up, fairness) is written
 * once, and does the same with every kind.
 */
#ifndef KIPC_BENCH_LANE_H
#define KIPC_BENCH_LANE_H

#include <stddef.h>

struct lane_kind;

/**
 * struct lane - a lane, as a process sees it; copied by fork()
 * @kind: what sort
 * @size: bytes of each message, at least 1
 * @body: the message to send, and the last one received
 * @to: descriptor or System V identifier
 * @from: descriptor or System V identifier
 * @calls: system calls that this process made to send and to receive
 * @priv: the kind's own
 */
struct lane {
	const struct lane_kind *kind;
	size_t size;
	char *body;
	int to;
	int from;
	unsigned long calls;
	void *priv;
};

/**
 * struct lane_kind - a kind of lane
 * @capacity: bytes that it is to hold, 0 for what it has by default
 * @batch: messages that are shown to the other end together, by @send_many and
 *	@recv_many, a power of two; 0: each by itself
 * @make: makes one of @lane->size
 * @send: sends @lane->body, as soon as there is room
 * @flush: sends what @send has held back; missing: it holds nothing back
 * @recv: fills @lane->body, as soon as there is a message
 * @send_many: that many times @send; for those who do it in less time than it takes
 *	to call a function by a pointer; may be missing
 * @recv_many: likewise @recv
 * @remove: undoes @make; missing: closes both descriptors
 */
struct lane_kind {
	size_t capacity;
	unsigned int batch;
	void (*make)(struct lane *lane);
	void (*send)(struct lane *lane);
	void (*flush)(struct lane *lane);
	void (*recv)(struct lane *lane);
	void (*send_many)(struct lane *lane, unsigned long count);
	void (*recv_many)(struct lane *lane, unsigned long count);
	void (*remove)(struct lane *lane);
};

void lane_open(struct lane *lane, const struct lane_kind *kind, size_t size);
void lane_close(struct lane *lane);

static inline void lane_send(struct lane *lane)
{
	lane->kind->send(lane);
}

static inline void lane_flush(struct lane *lane)
{
	if (lane->kind->flush)
		lane->kind->flush(lane);
}

static inline void lane_recv(struct lane *lane)
{
	lane->kind->recv(lane);
}

static inline void lane_send_many(struct lane *lane, unsigned long count)
{
	if (lane->kind->send_many) {
		lane->kind->send_many(lane, count);
		return;
	}
	while (count--)
		lane_send(lane);
}

static inline void lane_recv_many(struct lane *lane, unsigned long count)
{
	if (lane->kind->recv_many) {
		lane->kind->recv_many(lane, count);
		return;
	}
	while (count--)
		lane_recv(lane);
}

/* The longest messages that every user may send through some of them. */
#define LANE_SEQPACKET_MAX	(64 << 10)
#define LANE_QUEUE_MAX		8192		/* POSIX, System V */

/* lane.c: what is read and written */
extern const struct lane_kind lane_kipc_pipe;
extern const struct lane_kind lane_kipc_pipe_large;
extern const struct lane_kind lane_kipc_pipe_turns;
extern const struct lane_kind lane_pipe;
extern const struct lane_kind lane_pipe_large;
extern const struct lane_kind lane_fifo;
extern const struct lane_kind lane_stream;
extern const struct lane_kind lane_seqpacket;

/* lane_queue.c */
extern const struct lane_kind lane_kipc_mailbox;
extern const struct lane_kind lane_mq;
extern const struct lane_kind lane_msg;

/* lane_vector.c: 32 messages at a time; one sender and one receiver */
extern const struct lane_kind lane_kipc_vector;
extern const struct lane_kind lane_packets;

/* lane_counter.c: the body of a message does not travel */
extern const struct lane_kind lane_kipc_semaphore;
extern const struct lane_kind lane_semop;
extern const struct lane_kind lane_sem;
extern const struct lane_kind lane_eventfd;

/* lane_memory.c: one sender and one receiver, who are two processes */
extern const struct lane_kind lane_mapped_pipe;
extern const struct lane_kind lane_mapped_pipe_32;
extern const struct lane_kind lane_futex_ring;
extern const struct lane_kind lane_futex_ring_large;
extern const struct lane_kind lane_writev;

#endif /* KIPC_BENCH_LANE_H */
