/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * kipc endpoints: direct messages to a process
 *
 * Include <linux/kipc.h>, which has the rules for all of this, and see
 * <linux/kipc/message.h> for messages and queues.
 *
 * An endpoint is the inbox of one process, its owner: the one that made it.  A
 * process has one at most.  It lives as long as the owner (the process, not a
 * thread) lives and has a descriptor of it that may read; then it has ended,
 * whoever else has one, a forked child for example: its messages and its name
 * are gone, and all who wait to send or for a reply get ECONNRESET.
 *
 * Addresses.  A process is addressed by its pid, in the sender's PID namespace,
 * through /dev/kipc; it must be the pid of the process, not of a thread.  A pid
 * may be used again for another process: with the @id of an endpoint the call
 * reaches that one or fails with ESRCH.  KIPC_ENDPOINT_FIND gives the id.  The
 * mode of the endpoint says who may send (write permission, at every call).
 *
 * The same calls on a handle: with pid 0 they send to its endpoint (that needs
 * KIPC_RIGHT_WRITE; so a named endpoint can be used without knowing any pid).
 * With a pid they send to that process as on /dev/kipc, through this endpoint,
 * which must be the caller's own: the receiver finds its id in the message, and
 * can answer without fear of a pid that was used again.
 *
 * Calls.  KIPC_ENDPOINT_CALL sends a request and sleeps until its reply is
 * there.  The receiver gets a token with the request, and gives it with the
 * reply.  A token counts once, for its endpoint and so for the owner alone, and
 * nobody can guess one.  When the caller gives up (a signal, its deadline,
 * death) a request that nobody has received is withdrawn; if it was received,
 * the reply will fail with ECANCELED.  KIPC_ENDPOINT_CANCELLED tells the owner
 * about these.  A request that was received and never answered holds up its
 * caller until his deadline.
 *
 * poll(2): readable (EPOLLIN) when there is a message, EPOLLPRI when a received
 * call has been cancelled that KIPC_ENDPOINT_CANCELLED has not told yet.
 * Writable as a mailbox.  EPOLLHUP when the endpoint has ended.
 */
#ifndef _UAPI_LINUX_KIPC_ENDPOINT_H
#define _UAPI_LINUX_KIPC_ENDPOINT_H

#include <linux/ioctl.h>
#include <linux/types.h>

#include <linux/kipc/message.h>

#define KIPC_ENDPOINT_CREATE	_IO(KIPC_IOC_TYPE, 0x40)
#define KIPC_ENDPOINT_SEND	_IO(KIPC_IOC_TYPE, 0x41)	/* kipc_msg_send */
#define KIPC_ENDPOINT_SENDV	_IO(KIPC_IOC_TYPE, 0x42)	/* kipc_msg_sendv */
#define KIPC_ENDPOINT_RECV	_IO(KIPC_IOC_TYPE, 0x43)	/* kipc_msg_recv */
#define KIPC_ENDPOINT_RECVV	_IO(KIPC_IOC_TYPE, 0x44)	/* kipc_msg_recvv */
#define KIPC_ENDPOINT_CALL	_IO(KIPC_IOC_TYPE, 0x45)
#define KIPC_ENDPOINT_REPLY	_IO(KIPC_IOC_TYPE, 0x46)
#define KIPC_ENDPOINT_REPLY_RECV _IO(KIPC_IOC_TYPE, 0x47)
#define KIPC_ENDPOINT_CANCELLED	_IO(KIPC_IOC_TYPE, 0x48)
#define KIPC_ENDPOINT_FIND	_IO(KIPC_IOC_TYPE, 0x49)
#define KIPC_ENDPOINT_STAT	_IO(KIPC_IOC_TYPE, 0x4a)

/*
 * SEND and SENDV, on /dev/kipc and on a handle, take the structs in message.h.
 * Errors beside those: ESRCH (no such process, or it has ended; the endpoint is
 * not the one with this @id), ENOTCONN (the process has no endpoint; not with
 * an
 * @id), EACCES (the mode), EPERM (a pid, on a handle of another process's
 * endpoint), ECONNRESET (the endpoint has ended), EINVAL (/dev/kipc: no pid).
 *
 * RECV and RECVV, on a handle, want KIPC_RIGHT_READ and are for the owner.
 * Errors beside those: EPERM (not the owner), ECONNRESET (the endpoint has
 * ended).
 */

/**
 * struct kipc_endpoint_create - make the caller's inbox (KIPC_ENDPOINT_CREATE)
 * @size: sizeof(struct kipc_endpoint_create)
 * @flags: KIPC_EXCL (needs a name), KIPC_NONBLOCK, KIPC_INHERIT
 * @name: pointer to the name; 0: none
 * @name_len: its length in bytes
 * @mode: permission bits within 0666, less the caller's umask; who may write
 *	may send
 * @rights: KIPC_RIGHT_READ, and KIPC_RIGHT_WRITE if it is to send to itself
 * @result: (out) KIPC_RESULT_*
 * @id: (out) id of the object: the guard of its address
 * @fd: (out) the handle
 * @max_messages: (in/out) as in struct kipc_mailbox_create, like the next two
 * @max_bytes: (in/out)
 * @message_max: (in/out)
 * @pad: must be 0
 *
 * Errors: as for all create calls, and EINVAL (KIPC_PERSIST: an endpoint ends
 * with its process; rights without KIPC_RIGHT_READ; message_max above
 * max_bytes), EEXIST (the process has one), ENOSPC (a limit above its ceiling).
 */
struct kipc_endpoint_create {
	__u32 size;
	__u32 flags;
	__aligned_u64 name;
	__u32 name_len;
	__u32 mode;
	__u32 rights;
	__u32 result;
	__aligned_u64 id;
	__s32 fd;
	__u32 max_messages;
	__aligned_u64 max_bytes;
	__u32 message_max;
	__u32 pad;
};

/**
 * struct kipc_endpoint_call - send a request, wait for the reply
 *	(KIPC_ENDPOINT_CALL)
 * @size: sizeof(struct kipc_endpoint_call)
 * @flags: KIPC_MSG_NONBLOCK (EAGAIN if the request would have to wait for room;
 *	it waits for the reply all the same), KIPC_MSG_TRUNCATE (a reply that is
 *	too long for @reply is cut)
 * @pid: whom to call, see above
 * @pad: must be 0
 * @id: the endpoint that is meant, 0: whatever @pid has
 * @deadline_ns: when to give up, 0: never
 * @request: as for KIPC_ENDPOINT_SEND
 * @reply: (in/out) as for KIPC_ENDPOINT_RECV
 *
 * On /dev/kipc or on a handle, like KIPC_ENDPOINT_SEND.  A signal that comes
 * while the request waits for room interrupts as usual; after that the call
 * fails with EINTR and is not restarted, for the request may have had its
 * effect.  A reply whose descriptors the caller cannot receive (he may open no
 * more, or a security module says so) comes with KIPC_MSG_FDS_DROPPED.
 *
 * Errors: as for KIPC_ENDPOINT_SEND; ECONNRESET also if the owner died, or
 * closed the endpoint, with the request unanswered.
 */
struct kipc_endpoint_call {
	__u32 size;
	__u32 flags;
	__u32 pid;
	__u32 pad;
	__aligned_u64 id;
	__aligned_u64 deadline_ns;
	struct kipc_msg request;
	struct kipc_msg reply;
};

/**
 * struct kipc_endpoint_reply - answer a call (KIPC_ENDPOINT_REPLY)
 * @size: sizeof(struct kipc_endpoint_reply)
 * @flags: must be 0
 * @token: from the request
 * @msg: (in/out) as for KIPC_ENDPOINT_SEND
 *
 * Wants KIPC_RIGHT_READ and is for the owner.  Never sleeps for room.
 *
 * Errors: EBADF (rights), EPERM (not the owner), EINVAL (token unknown or
 * used), ECANCELED (the caller has given up; the token is used now), EMSGSIZE
 * (the caller has less room, and did not ask for KIPC_MSG_TRUNCATE: @msg.len
 * says how much, and the token stays good; or above message_max), ECONNRESET,
 * ENOMEM.
 */
struct kipc_endpoint_reply {
	__u32 size;
	__u32 flags;
	__aligned_u64 token;
	struct kipc_msg msg;
};

/**
 * struct kipc_endpoint_reply_recv - answer, and wait for the next
 *	(KIPC_ENDPOINT_REPLY_RECV)
 * @size: sizeof(struct kipc_endpoint_reply_recv)
 * @flags: as for KIPC_ENDPOINT_RECV, without KIPC_MSG_PEEK
 * @select: as in struct kipc_msg_recv, like the next two
 * @pid: the process
 * @type: the type
 * @token: (in/out) as in struct kipc_endpoint_reply; 0: there is nothing to
 *	answer, only receive
 * @deadline_ns: when to give up to receive, 0: never
 * @reply: as in struct kipc_endpoint_reply
 * @request: (in/out) as @msg in struct kipc_msg_recv
 *
 * As KIPC_ENDPOINT_REPLY and then KIPC_ENDPOINT_RECV.  When the reply is given,
 * or its caller has given up (which is no error here), @token becomes 0 in the
 * caller's memory, whatever comes of the rest: so the call can be repeated as
 * it is.
 *
 * Errors: as for the two.  If the reply fails nothing is received, and @token
 * is as it was.
 */
struct kipc_endpoint_reply_recv {
	__u32 size;
	__u32 flags;
	__u32 select;
	__u32 pid;
	__aligned_u64 type;
	__aligned_u64 token;
	__aligned_u64 deadline_ns;
	struct kipc_msg reply;
	struct kipc_msg request;
};

/**
 * struct kipc_endpoint_cancelled - which callers gave up
 *	(KIPC_ENDPOINT_CANCELLED)
 * @size: sizeof(struct kipc_endpoint_cancelled)
 * @flags: must be 0
 * @tokens: pointer to an array of __u64
 * @count: (in/out) room there, at least 1; then tokens given, 0 if there are
 *	none
 * @pad: must be 0
 *
 * Wants KIPC_RIGHT_READ and is for the owner.  Tells of each call that was
 * received and then cancelled, oldest first, and only once; its token is used
 * then.  If more than max_messages of them are untold, the oldest are
 * forgotten.
 *
 * Errors: EBADF (rights), EPERM (not the owner), EINVAL (count 0), ECONNRESET.
 */
struct kipc_endpoint_cancelled {
	__u32 size;
	__u32 flags;
	__aligned_u64 tokens;
	__u32 count;
	__u32 pad;
};

/**
 * struct kipc_endpoint_find - which endpoint a process has (KIPC_ENDPOINT_FIND,
 *	on /dev/kipc)
 * @size: sizeof(struct kipc_endpoint_find)
 * @flags: must be 0
 * @pid: the process, in the caller's PID namespace
 * @pad: must be 0
 * @id: (out) id of its endpoint
 *
 * Errors: ESRCH (no such process), ENOTCONN (it has no endpoint), EACCES (the
 * caller may not send to it).
 */
struct kipc_endpoint_find {
	__u32 size;
	__u32 flags;
	__u32 pid;
	__u32 pad;
	__aligned_u64 id;
};

/* State of an endpoint. */
#define KIPC_ENDPOINT_ENDED	(1U << 0)	/* the owner died or closed it */

/**
 * struct kipc_endpoint_stat - describe an endpoint (KIPC_ENDPOINT_STAT)
 * @size: sizeof(struct kipc_endpoint_stat)
 * @flags: must be 0
 * @pid: (out) the owner, in the caller's PID namespace; 0 if it cannot be seen
 * @state: (out) KIPC_ENDPOINT_ENDED
 * @calls: (out) calls that were received and wait for their reply
 * @cancelled: (out) calls that KIPC_ENDPOINT_CANCELLED has to tell of
 * @queue: (out) as it was at one moment, with the two above
 */
struct kipc_endpoint_stat {
	__u32 size;
	__u32 flags;
	__u32 pid;
	__u32 state;
	__u32 calls;
	__u32 cancelled;
	struct kipc_queue_stat queue;
};

#endif /* _UAPI_LINUX_KIPC_ENDPOINT_H */
