/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * kipc mailboxes: indirect messages, from any sender to any receiver
 *
 * Include <linux/kipc.h>, which has the rules for all of this, and see
 * <linux/kipc/message.h> for messages and queues.
 *
 * Any number of senders and receivers may use a mailbox; each message goes to
 * one receiver.  It has no connection and no end of file: messages stay when
 * their sender is gone, receivers wait when no sender is there.
 *
 * read(2) receives any message and gives its body alone; descriptors that came
 * with it are dropped.  A buffer that is too short is EMSGSIZE, and the message
 * stays.  write(2) sends one message of type 0 and priority 0 with this body;
 * to write nothing sends nothing.
 *
 * poll(2): readable (EPOLLIN) when there is a message.  Writable (EPOLLOUT)
 * when nobody waits to send and there is room: for one byte, or if the last
 * message of this open file found none (EAGAIN), for one as long as that.
 */
#ifndef _UAPI_LINUX_KIPC_MAILBOX_H
#define _UAPI_LINUX_KIPC_MAILBOX_H

#include <linux/ioctl.h>
#include <linux/types.h>

#include <linux/kipc/message.h>

#define KIPC_MAILBOX_CREATE	_IO(KIPC_IOC_TYPE, 0x50)
#define KIPC_MAILBOX_SEND	_IO(KIPC_IOC_TYPE, 0x51)	/* kipc_msg_send */
#define KIPC_MAILBOX_SENDV	_IO(KIPC_IOC_TYPE, 0x52)	/* kipc_msg_sendv */
#define KIPC_MAILBOX_RECV	_IO(KIPC_IOC_TYPE, 0x53)	/* kipc_msg_recv */
#define KIPC_MAILBOX_RECVV	_IO(KIPC_IOC_TYPE, 0x54)	/* kipc_msg_recvv */
#define KIPC_MAILBOX_DRAIN	_IO(KIPC_IOC_TYPE, 0x55)
#define KIPC_MAILBOX_STAT	_IO(KIPC_IOC_TYPE, 0x56)

/**
 * struct kipc_mailbox_create - make a mailbox (KIPC_MAILBOX_CREATE)
 * @size: sizeof(struct kipc_mailbox_create)
 * @flags: KIPC_EXCL, KIPC_PERSIST (both need a name), KIPC_NONBLOCK,
 *	KIPC_INHERIT
 * @name: pointer to the name; 0: none
 * @name_len: its length in bytes
 * @mode: permission bits within 0666, less the caller's umask; read is to
 *	receive, write is to send
 * @rights: KIPC_RIGHT_*, either or both; 0: no handle, only with KIPC_PERSIST
 * @result: (out) KIPC_RESULT_*
 * @id: (out) id of the object
 * @fd: (out) the handle, -1 if none was asked for
 * @max_messages: (in/out) messages that it holds, 0 for the default
 * @max_bytes: (in/out) bytes of bodies that it holds, 0 for the default, or for
 *	@message_max if that is more
 * @message_max: (in/out) longest body, 0 for as much as fits
 * @pad: must be 0
 *
 * The owner is charged for a full mailbox from the start: @max_bytes, and 128
 * bytes for each of @max_messages.
 *
 * Errors: as for all create calls, and EINVAL (message_max above max_bytes),
 * ENOSPC (a limit above its ceiling, see struct kipc_info).
 */
struct kipc_mailbox_create {
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
 * struct kipc_mailbox_drain - throw all messages away (KIPC_MAILBOX_DRAIN)
 * @size: sizeof(struct kipc_mailbox_drain)
 * @flags: must be 0
 * @messages: (out) how many there were
 * @pad: must be 0
 * @bytes: (out) bytes of their bodies
 *
 * Wants KIPC_RIGHT_READ.  Senders that wait are let in after that.
 *
 * Errors: EBADF (rights).
 */
struct kipc_mailbox_drain {
	__u32 size;
	__u32 flags;
	__u32 messages;
	__u32 pad;
	__aligned_u64 bytes;
};

/**
 * struct kipc_mailbox_stat - describe a mailbox (KIPC_MAILBOX_STAT)
 * @size: sizeof(struct kipc_mailbox_stat)
 * @flags: must be 0
 * @queue: (out) as it was at one moment
 */
struct kipc_mailbox_stat {
	__u32 size;
	__u32 flags;
	struct kipc_queue_stat queue;
};

#endif /* _UAPI_LINUX_KIPC_MAILBOX_H */
