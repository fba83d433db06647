/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * kipc messages: what endpoints and mailboxes have in common
 *
 * Include <linux/kipc.h>, which has the rules for all of this.
 *
 * A message is a header and a body of 0 bytes or more.  It is received whole,
 * by one receiver.  A queue is bounded by messages and by bytes of bodies; it
 * keeps them by priority, highest first, and among equals in the order in which
 * they were accepted.
 *
 * Sending.  A message that does not fit waits, and all that come later wait
 * behind it, whatever their size and priority: who came first is let in first.
 * It is accepted when it has its place in the queue or a receiver has it; until
 * then nothing of it is there.
 *
 * Receiving.  A message goes to the receiver that has waited longest among
 * those whose selection it matches.  A call that fails takes nothing: the
 * message is in its place in the order again when the call comes back.
 *
 * Vectors.  SENDV and RECVV move up to KIPC_MSG_VECTOR_MAX messages.  As with
 * sendmmsg(2), what went wrong with one of them is an error only if it was the
 * first; else the call succeeds with the number of those before it.
 *
 * Descriptors.  A message may carry open files.  The receiver gets new
 * descriptors for them, close-on-exec, if it gave room for all; otherwise the
 * message comes without them and with KIPC_MSG_FDS_DROPPED.  Files that could
 * hold a reference to the queue they travel in are refused (EINVAL): endpoints,
 * mailboxes, and AF_UNIX, io_uring and epoll files.
 */
#ifndef _UAPI_LINUX_KIPC_MESSAGE_H
#define _UAPI_LINUX_KIPC_MESSAGE_H

#include <linux/types.h>

#define KIPC_MSG_VECTOR_MAX	64U		/* messages of a vector */
#define KIPC_MSG_FDS_MAX	16U		/* descriptors of a message */
#define KIPC_MSG_PRIORITY_MAX	32767U

/* Flags of calls. */
#define KIPC_MSG_NONBLOCK	(1U << 0)	/* EAGAIN rather than sleep */
#define KIPC_MSG_PEEK		(1U << 1)	/* RECV: leave it, never sleep */
#define KIPC_MSG_TRUNCATE	(1U << 2)	/* RECV, CALL: cut what is too long */
#define KIPC_MSG_WAIT_ALL	(1U << 3)	/* RECVV: wait for all of them */

/* Flags of a message that was received. */
#define KIPC_MSG_TRUNCATED	(1U << 16)	/* the body was longer: see len */
#define KIPC_MSG_FDS_DROPPED	(1U << 17)	/* it came with descriptors */
#define KIPC_MSG_CALL		(1U << 18)	/* the sender waits for a reply */

/* Which message a receiver wants. */
#define KIPC_SELECT_ANY		0	/* the first */
#define KIPC_SELECT_TYPE	1	/* the first of this type */
#define KIPC_SELECT_UP_TO	2	/* the first of the lowest type up to this */
#define KIPC_SELECT_NOT		3	/* the first of another type */
#define KIPC_SELECT_SENDER	4	/* the first of one process */

/**
 * struct kipc_msg - a message
 * @type: what the sender says; for selections
 * @priority: 0..KIPC_MSG_PRIORITY_MAX, high ones first
 * @flags: send: must be 0.  Receive: (out) KIPC_MSG_TRUNCATED, _FDS_DROPPED,
 *	_CALL
 * @buf: pointer to the body
 * @len: send: length of the body in bytes.  Receive: (in/out) room at @buf,
 *	then length of the body; with EMSGSIZE, and with KIPC_MSG_TRUNCATED,
 *	the length that the whole body has
 * @fd_count: send: descriptors at @fds.  Receive: (in/out) room there, then how
 *	many the message has; none was written if it is KIPC_MSG_FDS_DROPPED
 * @fds: pointer to an array of __s32
 * @cookie: what the sender says; kipc gives it no meaning
 * @pid: (out) sender's process id, in the receiver's PID namespace; 0 if it
 *	cannot be seen from there
 * @uid: (out) sender's effective user id, as seen from the receiver's user
 *	namespace
 * @gid: (out) effective group id, likewise
 * @pad: must be 0
 * @seq: (out) counts the messages that this queue accepted, from 1; a reply: 0
 * @time_ns: (out) CLOCK_MONOTONIC, when it was sent
 * @token: (out) for the reply, if it is a call; else 0
 * @endpoint: (out) id of the endpoint that it was sent through (see
 *	<linux/kipc/endpoint.h>), with @pid the address of its sender; else 0
 *
 * Its size is fixed for ever: vectors are arrays of it.
 */
struct kipc_msg {
	__aligned_u64 type;
	__u32 priority;
	__u32 flags;
	__aligned_u64 buf;
	__u32 len;
	__u32 fd_count;
	__aligned_u64 fds;
	__aligned_u64 cookie;
	__u32 pid;
	__u32 uid;
	__u32 gid;
	__u32 pad;
	__aligned_u64 seq;
	__aligned_u64 time_ns;
	__aligned_u64 token;
	__aligned_u64 endpoint;
};

/**
 * struct kipc_msg_send - send a message (KIPC_MAILBOX_SEND, KIPC_ENDPOINT_SEND)
 * @size: sizeof(struct kipc_msg_send)
 * @flags: KIPC_MSG_NONBLOCK
 * @pid: endpoints: whom to send to, see there; mailboxes: must be 0
 * @pad: must be 0
 * @id: endpoints: the endpoint that is meant, 0: whatever @pid has; mailboxes:
 *	must be 0
 * @deadline_ns: when to give up, 0: never
 * @msg: the message
 *
 * Mailboxes want KIPC_RIGHT_WRITE.
 *
 * Errors: EBADF (rights; a descriptor that is not open), EMSGSIZE (longer than
 * message_max), EINVAL (priority; too many descriptors, or one that must not
 * travel), EAGAIN, ETIMEDOUT, EINTR, EIDRM, ENOMEM; endpoints: see there.
 */
struct kipc_msg_send {
	__u32 size;
	__u32 flags;
	__u32 pid;
	__u32 pad;
	__aligned_u64 id;
	__aligned_u64 deadline_ns;
	struct kipc_msg msg;
};

/**
 * struct kipc_msg_sendv - send messages (KIPC_MAILBOX_SENDV,
 *	KIPC_ENDPOINT_SENDV)
 * @size: sizeof(struct kipc_msg_sendv)
 * @flags: KIPC_MSG_NONBLOCK
 * @pid: as in struct kipc_msg_send
 * @count: (in/out) messages, 1..KIPC_MSG_VECTOR_MAX; then how many were
 *	accepted
 * @id: as in struct kipc_msg_send
 * @deadline_ns: when to give up, 0: never
 * @msgs: pointer to an array of struct kipc_msg
 *
 * Sends them in this order, with others' in between if it has to wait.
 *
 * Errors: as for struct kipc_msg_send, about the first message; EINVAL (count).
 */
struct kipc_msg_sendv {
	__u32 size;
	__u32 flags;
	__u32 pid;
	__u32 count;
	__aligned_u64 id;
	__aligned_u64 deadline_ns;
	__aligned_u64 msgs;
};

/**
 * struct kipc_msg_recv - receive (KIPC_MAILBOX_RECV, KIPC_ENDPOINT_RECV)
 * @size: sizeof(struct kipc_msg_recv)
 * @flags: KIPC_MSG_NONBLOCK, KIPC_MSG_PEEK, KIPC_MSG_TRUNCATE
 * @select: KIPC_SELECT_*
 * @pid: KIPC_SELECT_SENDER: the process, in the caller's PID namespace; else 0
 * @type: KIPC_SELECT_TYPE, _UP_TO, _NOT: the type; else 0
 * @position: KIPC_MSG_PEEK: how many of the messages that match to pass over,
 *	in the order of the queue (not with KIPC_SELECT_UP_TO); else 0
 * @pad: must be 0
 * @deadline_ns: when to give up, 0: never
 * @msg: (in/out) buf, len, fds and fd_count say where to put it
 *
 * Wants KIPC_RIGHT_READ.  With KIPC_MSG_PEEK the message stays as it is, its
 * descriptors are only counted, and EAGAIN says that there is none.
 *
 * Errors: EBADF (rights), EMSGSIZE (the body is longer than @msg.len, which
 * then says how long), EINVAL (select; a member that it does not use is not 0),
 * ESRCH (KIPC_SELECT_SENDER: there is no message from it, and it is no more),
 * EMFILE, ENFILE, EAGAIN, ETIMEDOUT, EINTR, EIDRM, ENOMEM; endpoints: see
 * there.
 */
struct kipc_msg_recv {
	__u32 size;
	__u32 flags;
	__u32 select;
	__u32 pid;
	__aligned_u64 type;
	__u32 position;
	__u32 pad;
	__aligned_u64 deadline_ns;
	struct kipc_msg msg;
};

/**
 * struct kipc_msg_recvv - receive several (KIPC_MAILBOX_RECVV, _ENDPOINT_RECVV)
 * @size: sizeof(struct kipc_msg_recvv)
 * @flags: KIPC_MSG_NONBLOCK, KIPC_MSG_TRUNCATE, KIPC_MSG_WAIT_ALL
 * @select: as in struct kipc_msg_recv, like the next two
 * @pid: the process
 * @type: the type
 * @count: (in/out) room in @msgs, 1..KIPC_MSG_VECTOR_MAX; then how many came
 * @pad: must be 0
 * @deadline_ns: when to give up, 0: never
 * @msgs: (in/out) pointer to an array of struct kipc_msg
 *
 * Waits for the first message and takes what else is there; with
 * KIPC_MSG_WAIT_ALL waits for @count of them.  EMSGSIZE about the first one
 * leaves the length in its len.
 *
 * Errors: as for struct kipc_msg_recv, about the first message; EINVAL (count).
 */
struct kipc_msg_recvv {
	__u32 size;
	__u32 flags;
	__u32 select;
	__u32 pid;
	__aligned_u64 type;
	__u32 count;
	__u32 pad;
	__aligned_u64 deadline_ns;
	__aligned_u64 msgs;
};

/**
 * struct kipc_queue_stat - the queue of an endpoint or a mailbox; all (out)
 * @messages: in it now
 * @max_messages: at most
 * @bytes: of bodies in it now
 * @max_bytes: at most
 * @message_max: longest body
 * @peak_messages: most that there ever were
 * @peak_bytes: likewise
 * @senders: threads that wait for room
 * @receivers: threads that wait for a message
 * @sent: messages accepted so far
 * @received: messages taken so far
 * @send_sleeps: times that a sender had to wait
 * @send_blocked_ns: time that senders slept, in all
 * @recv_sleeps: times that a receiver had to wait
 * @recv_blocked_ns: time that receivers slept, in all
 *
 * A message that a receiver could not take after all (EFAULT, EMFILE, death)
 * comes back into its place, which may be one above the limit for as long.
 */
struct kipc_queue_stat {
	__u32 messages;
	__u32 max_messages;
	__aligned_u64 bytes;
	__aligned_u64 max_bytes;
	__u32 message_max;
	__u32 peak_messages;
	__aligned_u64 peak_bytes;
	__u32 senders;
	__u32 receivers;
	__aligned_u64 sent;
	__aligned_u64 received;
	__aligned_u64 send_sleeps;
	__aligned_u64 send_blocked_ns;
	__aligned_u64 recv_sleeps;
	__aligned_u64 recv_blocked_ns;
};

#endif /* _UAPI_LINUX_KIPC_MESSAGE_H */
