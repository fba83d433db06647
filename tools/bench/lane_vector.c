// SPDX-License-Identifier: GPL-2.0
/* Lanes that take several messages with one call. */
#include <err.h>
#include <sys/socket.h>

#include "kipc_util.h"
#include "bench.h"
#include "lane.h"

#define VECTOR		32

/* As much as every user may have. */
#define SOCKET_BYTES	(208 << 10)

/**
 * struct vector - what is under way in one process
 * @held: messages that wait for others to be sent with
 * @left: messages that were received and not yet asked for
 * @bodies: VECTOR of them, of the lane's size
 * @msgs: for kipc
 * @packets: for sendmmsg(2) and recvmmsg(2)
 * @iov: their bodies
 */
struct vector {
	unsigned int held;
	unsigned int left;
	char *bodies;
	struct kipc_msg msgs[VECTOR];
	struct mmsghdr packets[VECTOR];
	struct iovec iov[VECTOR];
};

static struct vector *vector_make(struct lane *lane)
{
	struct vector *own = calloc(1, sizeof(*own));
	unsigned int i;

	if (!own)
		err(1, "calloc");
	own->bodies = malloc(VECTOR * lane->size);
	if (!own->bodies)
		err(1, "malloc");
	memset(own->bodies, 'k', VECTOR * lane->size);
	for (i = 0; i < VECTOR; i++) {
		own->iov[i].iov_base = own->bodies + i * lane->size;
		own->iov[i].iov_len = lane->size;
		own->packets[i].msg_hdr.msg_iov = &own->iov[i];
		own->packets[i].msg_hdr.msg_iovlen = 1;
		own->msgs[i].buf = to_u64(own->iov[i].iov_base);
		own->msgs[i].len = lane->size;
	}
	lane->priv = own;
	return own;
}

static void vector_remove(struct lane *lane)
{
	struct vector *own = lane->priv;

	close(lane->to);
	if (lane->from != lane->to)
		close(lane->from);
	free(own->bodies);
	free(own);
}

static void vector_send(struct lane *lane)
{
	struct vector *own = lane->priv;

	if (++own->held == VECTOR)
		lane->kind->flush(lane);
}

/* Those that were received are in their places, where the receiver wants them. */
static bool vector_has(struct vector *own)
{
	if (!own->left)
		return false;
	own->left--;
	return true;
}

static void mailbox_make(struct lane *lane)
{
	vector_make(lane);
	lane->to = rig_mailbox();
	lane->from = lane->to;
}

static void mailbox_flush(struct lane *lane)
{
	struct vector *own = lane->priv;

	while (own->held) {
		struct kipc_msg_sendv arg = {
			.size = sizeof(arg),
			.count = own->held,
			.msgs = to_u64(own->msgs),
		};

		if (ioctl(lane->to, KIPC_MAILBOX_SENDV, &arg))
			err(1, "KIPC_MAILBOX_SENDV");
		lane->calls++;
		own->held -= arg.count;
	}
}

static void mailbox_recv(struct lane *lane)
{
	struct vector *own = lane->priv;
	struct kipc_msg_recvv arg = {
		.size = sizeof(arg),
		.count = VECTOR,
		.msgs = to_u64(own->msgs),
	};
	unsigned int i;

	if (vector_has(own))
		return;
	for (i = 0; i < VECTOR; i++)
		own->msgs[i].len = lane->size;
	if (ioctl(lane->from, KIPC_MAILBOX_RECVV, &arg))
		err(1, "KIPC_MAILBOX_RECVV");
	lane->calls++;
	own->left = arg.count - 1;
}

static void packets_make(struct lane *lane)
{
	int fd[2], bytes = SOCKET_BYTES;

	vector_make(lane);
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fd))
		err(1, "socketpair");
	if (setsockopt(fd[1], SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes)))
		err(1, "SO_SNDBUF");
	lane->from = fd[0];
	lane->to = fd[1];
}

static void packets_flush(struct lane *lane)
{
	struct vector *own = lane->priv;

	while (own->held) {
		int n = sendmmsg(lane->to, own->packets, own->held, 0);

		if (n < 0)
			err(1, "sendmmsg");
		lane->calls++;
		own->held -= n;
	}
}

static void packets_recv(struct lane *lane)
{
	struct vector *own = lane->priv;
	int n;

	if (vector_has(own))
		return;
	n = recvmmsg(lane->from, own->packets, VECTOR, MSG_WAITFORONE, NULL);
	if (n < 1)
		err(1, "recvmmsg");
	lane->calls++;
	own->left = n - 1;
}

const struct lane_kind lane_kipc_vector = {
	.make = mailbox_make, .send = vector_send, .flush = mailbox_flush,
	.recv = mailbox_recv, .remove = vector_remove,
};

const struct lane_kind lane_packets = {
	.make = packets_make, .send = vector_send, .flush = packets_flush,
	.recv = packets_recv, .remove = vector_remove,
};
