// SPDX-License-Identifier: GPL-2.0
/*
 * Mailboxes: messages go in and come out again, in one process that never
 * sleeps, one by one and in vectors.  The peers are the queues of POSIX and of
 * System V, which have no vectors, and packets of AF_UNIX, which have neither a
 * type nor a priority.
 */
#include <err.h>
#include <mqueue.h>
#include <stddef.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/socket.h>

#include "kipc_util.h"
#include "bench.h"

#define VECTOR		32

/* What every user may have: messages in a queue of POSIX's, bytes in one of
 * System V's.  So many they take at a time where others take a vector.
 */
#define MQ_MESSAGES	10
#define MSG_BYTES	16384

/* The longest message of both; and such that a vector of packets fits into the
 * buffer that every user may have.
 */
#define LONGEST		8192
#define LONGEST_VECTOR	4096
#define SOCKET_BYTES	(208 << 10)

struct queue {
	int to;			/* descriptor or System V identifier */
	int from;
	unsigned int group;	/* messages at a time, where there are no vectors */
	size_t stride;
	char *slots;		/* VECTOR bodies, a System V type before each */
};

static char *body(const struct queue *queue, unsigned int i)
{
	return queue->slots + i * queue->stride + sizeof(long);
}

static struct msgbuf *typed(const struct queue *queue, unsigned int i)
{
	return (struct msgbuf *)(queue->slots + i * queue->stride);
}

/* Every byte is touched, so that no page is missing when the clock runs. */
static struct queue *queue_set_up(struct rig *rig)
{
	struct queue *queue = malloc(sizeof(*queue));
	size_t words = rig->size / sizeof(long) + 2;
	unsigned int i;

	if (!queue)
		err(1, "malloc");
	*queue = (struct queue){ .stride = words * sizeof(long) };
	queue->slots = malloc(VECTOR * queue->stride);
	if (!queue->slots)
		err(1, "malloc");
	memset(queue->slots, 'k', VECTOR * queue->stride);
	for (i = 0; i < VECTOR; i++)
		typed(queue, i)->mtype = 1;
	rig->priv = queue;
	return queue;
}

static void queue_free(struct queue *queue)
{
	free(queue->slots);
	free(queue);
}

static void kipc_set_up(struct rig *rig)
{
	struct queue *queue = queue_set_up(rig);

	queue->to = rig_mailbox();
	queue->from = queue->to;
}

static void mq_set_up(struct rig *rig)
{
	struct queue *queue = queue_set_up(rig);
	struct mq_attr attr = {
		.mq_maxmsg = MQ_MESSAGES,
		.mq_msgsize = rig->size,
	};
	char name[32];

	snprintf(name, sizeof(name), "/kipc-bench.%d", getpid());
	queue->to = mq_open(name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600,
			    &attr);
	if (queue->to < 0)
		err(1, "mq_open");
	mq_unlink(name);
	queue->from = queue->to;
	queue->group = MQ_MESSAGES;
}

static void msg_set_up(struct rig *rig)
{
	struct queue *queue = queue_set_up(rig);

	queue->to = msgget(IPC_PRIVATE, 0600);
	if (queue->to < 0)
		err(1, "msgget");
	queue->from = queue->to;
	queue->group = MSG_BYTES / rig->size;
	if (queue->group > VECTOR)
		queue->group = VECTOR;
}

static void socket_set_up(struct rig *rig)
{
	struct queue *queue = queue_set_up(rig);
	int pair[2], bytes = SOCKET_BYTES;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair))
		err(1, "socketpair");
	queue->to = pair[1];
	queue->from = pair[0];
	if (setsockopt(queue->to, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes)))
		err(1, "SO_SNDBUF");
}

static void queue_close(struct rig *rig)
{
	struct queue *queue = rig->priv;

	close(queue->to);
	if (queue->from != queue->to)
		close(queue->from);
	queue_free(queue);
}

static void msg_close(struct rig *rig)
{
	struct queue *queue = rig->priv;

	if (msgctl(queue->to, IPC_RMID, NULL))
		err(1, "msgctl");
	queue_free(queue);
}

/* A program that sends and receives a lot fills in the structs once. */
static void one_kipc_run(struct rig *rig, unsigned long ops)
{
	const struct queue *queue = rig->priv;
	struct kipc_msg_send send = {
		.size = sizeof(send),
		.msg = { .buf = to_u64(body(queue, 0)), .len = rig->size },
	};
	struct kipc_msg_recv recv = {
		.size = sizeof(recv),
		.msg = { .buf = to_u64(body(queue, 0)) },
	};

	while (ops--) {
		if (ioctl(queue->to, KIPC_MAILBOX_SEND, &send))
			err(1, "KIPC_MAILBOX_SEND");
		recv.msg.len = rig->size;
		if (ioctl(queue->from, KIPC_MAILBOX_RECV, &recv))
			err(1, "KIPC_MAILBOX_RECV");
		if (recv.msg.len != rig->size)
			errx(1, "a message of %u bytes", recv.msg.len);
	}
}

static inline void mq_put(const struct queue *queue, unsigned int i,
			  size_t size)
{
	if (mq_send(queue->to, body(queue, i), size, 0))
		err(1, "mq_send");
}

static inline void mq_get(const struct queue *queue, unsigned int i,
			  size_t size)
{
	if (mq_receive(queue->from, body(queue, i), size, NULL) !=
	    (ssize_t)size)
		err(1, "mq_receive");
}

static void one_mq_run(struct rig *rig, unsigned long ops)
{
	while (ops--) {
		mq_put(rig->priv, 0, rig->size);
		mq_get(rig->priv, 0, rig->size);
	}
}

static inline void msg_put(const struct queue *queue, unsigned int i,
			   size_t size)
{
	if (msgsnd(queue->to, typed(queue, i), size, 0))
		err(1, "msgsnd");
}

static inline void msg_get(const struct queue *queue, unsigned int i,
			   size_t size)
{
	if (msgrcv(queue->from, typed(queue, i), size, 0, 0) != (ssize_t)size)
		err(1, "msgrcv");
}

static void one_msg_run(struct rig *rig, unsigned long ops)
{
	while (ops--) {
		msg_put(rig->priv, 0, rig->size);
		msg_get(rig->priv, 0, rig->size);
	}
}

static void one_socket_run(struct rig *rig, unsigned long ops)
{
	const struct queue *queue = rig->priv;
	ssize_t size = rig->size;

	while (ops--) {
		if (send(queue->to, body(queue, 0), size, 0) != size)
			err(1, "send");
		if (recv(queue->from, body(queue, 0), size, 0) != size)
			err(1, "recv");
	}
}

/* How many to send next, before they are received. */
static inline unsigned int part(unsigned long ops, unsigned int most)
{
	return ops < most ? ops : most;
}

static void check_vector(int got, unsigned int count, const char *call)
{
	if (got < 0)
		err(1, "%s", call);
	if (got != (int)count)
		errx(1, "%s: %d messages, not %u", call, got, count);
}

static void check_lengths(const struct kipc_msg *msgs, unsigned int count,
			  size_t size)
{
	unsigned int i;

	for (i = 0; i < count; i++) {
		if (msgs[i].len != size)
			errx(1, "a message of %u bytes", msgs[i].len);
	}
}

static void many_kipc_run(struct rig *rig, unsigned long ops)
{
	const struct queue *queue = rig->priv;
	struct kipc_msg out[VECTOR] = { 0 }, in[VECTOR] = { 0 };
	struct kipc_msg_sendv send = {
		.size = sizeof(send), .msgs = to_u64(out),
	};
	struct kipc_msg_recvv recv = {
		.size = sizeof(recv), .msgs = to_u64(in),
	};
	unsigned int i, n;

	for (i = 0; i < VECTOR; i++) {
		out[i].buf = to_u64(body(queue, i));
		out[i].len = rig->size;
		in[i].buf = out[i].buf;
	}
	for (; ops; ops -= n) {
		n = part(ops, VECTOR);
		send.count = n;
		if (ioctl(queue->to, KIPC_MAILBOX_SENDV, &send))
			err(1, "KIPC_MAILBOX_SENDV");
		check_vector(send.count, n, "KIPC_MAILBOX_SENDV");
		for (i = 0; i < n; i++)
			in[i].len = rig->size;
		recv.count = n;
		if (ioctl(queue->from, KIPC_MAILBOX_RECVV, &recv))
			err(1, "KIPC_MAILBOX_RECVV");
		check_vector(recv.count, n, "KIPC_MAILBOX_RECVV");
		check_lengths(in, n, rig->size);
	}
}

static void many_mq_run(struct rig *rig, unsigned long ops)
{
	const struct queue *queue = rig->priv;
	unsigned int i, n;

	for (; ops; ops -= n) {
		n = part(ops, queue->group);
		for (i = 0; i < n; i++)
			mq_put(queue, i, rig->size);
		for (i = 0; i < n; i++)
			mq_get(queue, i, rig->size);
	}
}

static void many_msg_run(struct rig *rig, unsigned long ops)
{
	const struct queue *queue = rig->priv;
	unsigned int i, n;

	for (; ops; ops -= n) {
		n = part(ops, queue->group);
		for (i = 0; i < n; i++)
			msg_put(queue, i, rig->size);
		for (i = 0; i < n; i++)
			msg_get(queue, i, rig->size);
	}
}

/* A buffer that is too small is to be an error, and no sleep for ever. */
static void many_socket_run(struct rig *rig, unsigned long ops)
{
	const struct queue *queue = rig->priv;
	struct mmsghdr msgs[VECTOR] = { 0 };
	struct iovec bodies[VECTOR];
	unsigned int i, n;

	for (i = 0; i < VECTOR; i++) {
		bodies[i].iov_base = body(queue, i);
		bodies[i].iov_len = rig->size;
		msgs[i].msg_hdr.msg_iov = &bodies[i];
		msgs[i].msg_hdr.msg_iovlen = 1;
	}
	for (; ops; ops -= n) {
		n = part(ops, VECTOR);
		check_vector(sendmmsg(queue->to, msgs, n, MSG_DONTWAIT), n,
			     "sendmmsg");
		check_vector(recvmmsg(queue->from, msgs, n, 0, NULL), n,
			     "recvmmsg");
		for (i = 0; i < n; i++) {
			if (msgs[i].msg_len != rig->size)
				errx(1, "a packet of %u bytes",
				     msgs[i].msg_len);
		}
	}
}

static const struct work one_kipc = {
	.set_up = kipc_set_up, .run = one_kipc_run, .close = queue_close,
};

static const struct work one_mq = {
	.set_up = mq_set_up, .run = one_mq_run, .close = queue_close,
};

static const struct work one_msg = {
	.set_up = msg_set_up, .run = one_msg_run, .close = msg_close,
};

static const struct work one_socket = {
	.set_up = socket_set_up, .run = one_socket_run, .close = queue_close,
};

static const struct work many_kipc = {
	.set_up = kipc_set_up, .run = many_kipc_run, .close = queue_close,
};

static const struct work many_mq = {
	.set_up = mq_set_up, .run = many_mq_run, .close = queue_close,
};

static const struct work many_msg = {
	.set_up = msg_set_up, .run = many_msg_run, .close = msg_close,
};

static const struct work many_socket = {
	.set_up = socket_set_up, .run = many_socket_run, .close = queue_close,
};

const struct metric mailbox_one = {
	.name = "mailbox",
	.kind = KIPC_KIND_MAILBOX,
	.sizes = true,
	.size_max = LONGEST,
	.sides = {
		{ "kipc", &one_kipc, NULL },
		{ "mq_send(3)", &one_mq, NULL },
		{ "msgsnd(2)", &one_msg, NULL },
		{ "seqpacket", &one_socket, NULL },
	},
};

const struct metric mailbox_vector = {
	.name = "mailbox_32",
	.kind = KIPC_KIND_MAILBOX,
	.sizes = true,
	.size_max = LONGEST_VECTOR,
	.sides = {
		{ "kipc", &many_kipc, NULL },
		{ "mq_send(3)", &many_mq, NULL },
		{ "msgsnd(2)", &many_msg, NULL },
		{ "sendmmsg(2)", &many_socket, NULL },
	},
};
