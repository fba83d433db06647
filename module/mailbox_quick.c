// SPDX-License-Identifier: GPL-2.0
/*
 * One message in or out with nothing in the way.
 *
 * Most calls are the same: a short message, no descriptors, nobody who waits or
 * polls, memory left from the message before.  For these there is the shortest way
 * from user space to the queue and back, in one piece each.  Whatever is in any
 * way out of the ordinary, or goes wrong, is left to the general way (mailbox.c,
 * post.c), as if it had not been tried: so nothing here returns an error.
 */
#include <linux/ktime.h>

#include "compat.h"
#include "mailbox.h"
#include "post.h"
#include "words.h"

/* A look without the lock, which does not have to be right. */
static bool kipc_queue_seems_calm(const struct kipc_queue *queue)
{
	return !(READ_ONCE(queue->closed) | READ_ONCE(queue->polled) |
		 READ_ONCE(queue->nr_senders) | READ_ONCE(queue->nr_receivers));
}

/* Reads what counts of the argument.  Return: is it ordinary? */
static __always_inline bool
kipc_quick_send_in(const struct kipc_msg_send __user *arg, struct kipc_msg *msg)
{
	u32 size, flags, pid, pad, msg_flags, fd_count, msg_pad;
	u64 id;

	if (!user_read_access_begin(arg, sizeof(*arg)))
		return false;
	unsafe_get_user(size, &arg->size, fault);
	unsafe_get_user(flags, &arg->flags, fault);
	unsafe_get_user(pid, &arg->pid, fault);
	unsafe_get_user(pad, &arg->pad, fault);
	unsafe_get_user(id, &arg->id, fault);
	unsafe_get_user(msg->type, &arg->msg.type, fault);
	unsafe_get_user(msg->priority, &arg->msg.priority, fault);
	unsafe_get_user(msg_flags, &arg->msg.flags, fault);
	unsafe_get_user(msg->buf, &arg->msg.buf, fault);
	unsafe_get_user(msg->len, &arg->msg.len, fault);
	unsafe_get_user(fd_count, &arg->msg.fd_count, fault);
	unsafe_get_user(msg->cookie, &arg->msg.cookie, fault);
	unsafe_get_user(msg_pad, &arg->msg.pad, fault);
	/* What is told there does not count, but it has to be there. */
	unsafe_get_user(msg->endpoint, &arg->msg.endpoint, fault);
	user_read_access_end();

	return size == sizeof(*arg) && !(flags & ~KIPC_MSG_NONBLOCK) &&
	       !(pid | pad | id | msg_flags | fd_count | msg_pad) &&
	       msg->priority <= KIPC_MSG_PRIORITY_MAX &&
	       msg->len <= KIPC_MESSAGE_SMALL && !(msg->len % sizeof(u64));

fault:
	user_read_access_end();
	return false;
}

/**
 * kipc_mailbox_quick_send - KIPC_MAILBOX_SEND, if it is ordinary
 * @file: the handle
 * @uptr: the argument
 *
 * Context: may sleep (page faults); takes queue->lock.
 * Return: true if it was done.
 */
bool kipc_mailbox_quick_send(struct file *file, unsigned long uptr)
{
	struct kipc_queue_handle *handle = file->private_data;
	struct kipc_queue *queue =
		&kipc_to_mailbox(handle->handle.object)->queue;
	struct kipc_msg msg __uninitialized;
	struct kipc_message *message;

	if (!(handle->handle.rights & KIPC_RIGHT_WRITE) ||
	    READ_ONCE(handle->want) || !kipc_queue_seems_calm(queue) ||
	    !kipc_quick_send_in((void __user *)uptr, &msg) ||
	    msg.len > queue->bounds.message_max)
		return false;
	message = kipc_queue_spare(queue, msg.len);
	if (!message)
		return false;
	kipc_message_init(message, msg.len, ktime_get_ns());
	message->flags = KIPC_MESSAGE_CACHED;
	message->type = msg.type;
	message->cookie = msg.cookie;
	message->priority = msg.priority;
	if (kipc_words_in(message->data, u64_to_user_ptr(msg.buf), msg.len))
		goto undo;

	spin_lock(&queue->lock);
	if (likely(kipc_queue_is_calm(queue) &&
		   kipc_queue_fits(queue, msg.len))) {
		message->seq = ++queue->accepted;
		kipc_queue_insert(queue, message);
		spin_unlock(&queue->lock);
		return true;
	}
	spin_unlock(&queue->lock);
undo:
	kipc_queue_recycle(queue, message);
	return false;
}

/* As kipc_quick_send_in(). */
static __always_inline bool
kipc_quick_recv_in(const struct kipc_msg_recv __user *arg,
		   struct kipc_place *place)
{
	u32 size, flags, select, pid, position, pad, msg_pad;
	u64 type;

	if (!user_read_access_begin(arg, sizeof(*arg)))
		return false;
	unsafe_get_user(size, &arg->size, fault);
	unsafe_get_user(flags, &arg->flags, fault);
	unsafe_get_user(select, &arg->select, fault);
	unsafe_get_user(pid, &arg->pid, fault);
	unsafe_get_user(type, &arg->type, fault);
	unsafe_get_user(position, &arg->position, fault);
	unsafe_get_user(pad, &arg->pad, fault);
	unsafe_get_user(place->buf, &arg->msg.buf, fault);
	unsafe_get_user(place->room, &arg->msg.len, fault);
	unsafe_get_user(msg_pad, &arg->msg.pad, fault);
	user_read_access_end();

	return size == sizeof(*arg) && !(flags & ~KIPC_MSG_NONBLOCK) &&
	       !(select | pid | type | position | pad | msg_pad);

fault:
	user_read_access_end();
	return false;
}

/* Takes the first message, if the caller can have it as it is. */
static __always_inline struct kipc_message *
kipc_quick_take(struct kipc_queue *queue, u32 room)
{
	struct kipc_message *message;

	spin_lock(&queue->lock);
	message = kipc_queue_first(queue);
	if (likely(message && kipc_queue_is_calm(queue) &&
		   !(message->flags & KIPC_MESSAGE_APART) &&
		   message->len <= room &&
		   message->len <= KIPC_MESSAGE_SMALL &&
		   !(message->len % sizeof(u64)))) {
		kipc_queue_remove(queue, message);
		queue->taken++;
	} else {
		message = NULL;
	}
	spin_unlock(&queue->lock);
	return message;
}

/**
 * kipc_mailbox_quick_recv - KIPC_MAILBOX_RECV, if it is ordinary
 * @file: the handle
 * @uptr: the argument
 *
 * Context: may sleep (page faults); takes queue->lock.
 * Return: true if it was done.
 */
bool kipc_mailbox_quick_recv(struct file *file, unsigned long uptr)
{
	struct kipc_msg_recv __user *arg = (void __user *)uptr;
	struct kipc_handle *handle = file->private_data;
	struct kipc_queue *queue = &kipc_to_mailbox(handle->object)->queue;
	struct kipc_place place __uninitialized;
	struct kipc_message *message;

	if (!(handle->rights & KIPC_RIGHT_READ) ||
	    !kipc_queue_seems_calm(queue) || !kipc_quick_recv_in(arg, &place))
		return false;
	message = kipc_quick_take(queue, place.room);
	if (!message)
		return false;
	place.msg = &arg->msg;
	place.peek = false;
	if (kipc_words_out(u64_to_user_ptr(place.buf),
			   kipc_message_body(message), message->len) ||
	    kipc_message_describe(message, &place, 0, 0)) {
		kipc_queue_return(queue, message);
		return false;
	}
	kipc_queue_recycle(queue, message);
	return true;
}
