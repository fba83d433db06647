/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the tests of mailboxes and endpoints share: messages to be sent and room
 * for those to be received, and thin calls over the ioctls of both kinds (0 or
 * a count, or -errno), whose number the caller gives.
 */
#ifndef MESSAGE_UTIL_H
#define MESSAGE_UTIL_H

#include "core_util.h"

#undef TEST_TIMEOUT_DEFAULT
#define TEST_TIMEOUT_DEFAULT	400

/* A pid that no process has: above PID_MAX_LIMIT of all machines. */
#define NO_PID		(1U << 24)

/* A message to send, or room for one to receive. */
static inline struct kipc_msg msg_bytes(const void *buf, uint32_t len)
{
	return (struct kipc_msg){ .buf = to_u64(buf), .len = len };
}

static inline struct kipc_msg msg_text(const char *text)
{
	return msg_bytes(text, strlen(text));
}

static inline struct kipc_msg msg_typed(uint64_t type, const char *text)
{
	struct kipc_msg msg = msg_text(text);

	msg.type = type;
	return msg;
}

static inline struct kipc_msg msg_room(void *buf, uint32_t len)
{
	return msg_bytes(buf, len);
}

static inline bool msg_is(const struct kipc_msg *msg, const char *text)
{
	return msg->len == strlen(text) &&
	       !memcmp((const void *)(uintptr_t)msg->buf, text, msg->len);
}

/* A message that came, with its body and its descriptors. */
#define MSG_BODY	256

struct msg_got {
	struct kipc_msg msg;
	char body[MSG_BODY];
	int32_t fds[KIPC_MSG_FDS_MAX];
};

/* Room for a body and for no descriptors. */
static inline struct kipc_msg msg_got_room(struct msg_got *got)
{
	return msg_room(got->body, sizeof(got->body));
}

static inline struct kipc_msg msg_got_room_fds(struct msg_got *got)
{
	struct kipc_msg room = msg_got_room(got);

	room.fds = to_u64(got->fds);
	room.fd_count = KIPC_MSG_FDS_MAX;
	return room;
}

static inline int msg_send(int fd, unsigned long cmd,
			   const struct kipc_msg_send *said)
{
	struct kipc_msg_send arg = *said;

	arg.size = sizeof(arg);
	return kipc_ioctl(fd, cmd, &arg);
}

/* Without a buffer in @said there is room in @got. */
static inline int msg_recv(int fd, unsigned long cmd, struct msg_got *got,
			   const struct kipc_msg_recv *said)
{
	struct kipc_msg_recv arg = *said;
	int ret;

	arg.size = sizeof(arg);
	if (!arg.msg.buf && !arg.msg.len)
		arg.msg = msg_got_room(got);
	ret = kipc_ioctl(fd, cmd, &arg);
	got->msg = arg.msg;
	return ret;
}

static inline int msg_sendv(int fd, unsigned long cmd,
			    const struct kipc_msg_sendv *said)
{
	struct kipc_msg_sendv arg = *said;
	int ret;

	arg.size = sizeof(arg);
	ret = kipc_ioctl(fd, cmd, &arg);
	return ret ? ret : (int)arg.count;
}

static inline int msg_recvv(int fd, unsigned long cmd,
			    const struct kipc_msg_recvv *said)
{
	struct kipc_msg_recvv arg = *said;
	int ret;

	arg.size = sizeof(arg);
	ret = kipc_ioctl(fd, cmd, &arg);
	return ret ? ret : (int)arg.count;
}

/* Nothing is in it, and nobody waits for anything. */
static inline bool msg_queue_idle(const struct kipc_queue_stat *queue)
{
	return !queue->messages && !queue->bytes && !queue->senders &&
	       !queue->receivers && queue->sent >= queue->received;
}

#endif /* MESSAGE_UTIL_H */
