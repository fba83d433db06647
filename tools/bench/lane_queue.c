// SPDX-License-Identifier: GPL-2.0
/* Lanes that keep messages apart: mailboxes and their peers. */
#include <err.h>
#include <mqueue.h>
#include <sys/ipc.h>
#include <sys/msg.h>

#include "kipc_util.h"
#include "bench.h"
#include "lane.h"

/* What every user's queue of POSIX's may hold. */
#define MQ_MESSAGES	10

static void mailbox_make(struct lane *lane)
{
	lane->to = rig_mailbox();
	lane->from = lane->to;
}

static void mailbox_send(struct lane *lane)
{
	struct kipc_msg_send arg = {
		.size = sizeof(arg),
		.msg = { .buf = to_u64(lane->body), .len = lane->size },
	};

	if (ioctl(lane->to, KIPC_MAILBOX_SEND, &arg))
		err(1, "KIPC_MAILBOX_SEND");
	lane->calls++;
}

static void mailbox_recv(struct lane *lane)
{
	struct kipc_msg_recv arg = {
		.size = sizeof(arg),
		.msg = { .buf = to_u64(lane->body), .len = lane->size },
	};

	if (ioctl(lane->from, KIPC_MAILBOX_RECV, &arg))
		err(1, "KIPC_MAILBOX_RECV");
	lane->calls++;
}

static void mq_make(struct lane *lane)
{
	struct mq_attr attr = {
		.mq_maxmsg = MQ_MESSAGES,
		.mq_msgsize = lane->size,
	};
	char name[32];

	snprintf(name, sizeof(name), "/kipc-bench.%d", getpid());
	lane->to = mq_open(name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600,
			   &attr);
	if (lane->to < 0)
		err(1, "mq_open");
	mq_unlink(name);
	lane->from = lane->to;
}

static void mq_put(struct lane *lane)
{
	if (mq_send(lane->to, lane->body, lane->size, 0))
		err(1, "mq_send");
	lane->calls++;
}

static void mq_get(struct lane *lane)
{
	if (mq_receive(lane->from, lane->body, lane->size, NULL) < 0)
		err(1, "mq_receive");
	lane->calls++;
}

static void msg_make(struct lane *lane)
{
	lane->to = msgget(IPC_PRIVATE, 0600);
	if (lane->to < 0)
		err(1, "msgget");
	lane->from = lane->to;
}

static void msg_put(struct lane *lane)
{
	if (msgsnd(lane->to, lane->body - sizeof(long), lane->size, 0))
		err(1, "msgsnd");
	lane->calls++;
}

static void msg_get(struct lane *lane)
{
	if (msgrcv(lane->from, lane->body - sizeof(long), lane->size, 0, 0) < 0)
		err(1, "msgrcv");
	lane->calls++;
}

static void msg_remove(struct lane *lane)
{
	if (msgctl(lane->to, IPC_RMID, NULL))
		err(1, "msgctl");
}

const struct lane_kind lane_kipc_mailbox = {
	.make = mailbox_make, .send = mailbox_send, .recv = mailbox_recv,
};

const struct lane_kind lane_mq = {
	.make = mq_make, .send = mq_put, .recv = mq_get,
};

const struct lane_kind lane_msg = {
	.make = msg_make, .send = msg_put, .recv = msg_get,
	.remove = msg_remove,
};
