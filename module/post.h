/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the calls that send and receive do alike, for endpoints and mailboxes:
 * between the structs of user space and a queue.  The kind has found the queue
 * and checked who may do what.
 */
#ifndef KIPC_POST_H
#define KIPC_POST_H

#include <linux/fs.h>

#include "handle.h"
#include "main.h"
#include "queue.h"

/**
 * struct kipc_post - a queue, and on whose behalf it is used
 * @queue: the queue
 * @handle: what poll is told about, or NULL
 * @from: id of the endpoint that messages are sent through, or 0
 * @nowait: -EAGAIN rather than sleep
 */
struct kipc_post {
	struct kipc_queue *queue;
	struct kipc_queue_handle *handle;
	u64 from;
	bool nowait;
};

/**
 * struct kipc_queue_handle - an open handle of an endpoint or a mailbox
 * @handle: what all handles have
 * @want: length of the last message that found no room, for poll
 */
struct kipc_queue_handle {
	struct kipc_handle handle;
	u32 want;
};

static inline struct kipc_queue_handle *
kipc_to_queue_handle(struct kipc_handle *handle)
{
	return container_of(handle, struct kipc_queue_handle, handle);
}

static inline bool kipc_post_nowait(const struct file *file, u32 flags)
{
	return (flags & KIPC_MSG_NONBLOCK) || (file->f_flags & O_NONBLOCK);
}

/**
 * kipc_post_make - make one message
 * @post: where it is going to be sent
 * @msg: a copy of the caller's struct
 *
 * Context: may sleep.
 * Return: as kipc_message_make().
 */
static inline struct kipc_message *
kipc_post_make(const struct kipc_post *post, const struct kipc_msg *msg)
{
	return kipc_message_make(msg, post->queue->bounds.message_max,
				 ktime_get_ns(),
				 kipc_queue_spare(post->queue, msg->len));
}

/* post.c */
int kipc_post_bounds(u32 *max_messages, u64 *max_bytes, u32 *message_max);
unsigned long kipc_post_cost(const struct kipc_queue_bounds *bounds);

int kipc_post_send(const struct kipc_post *post, struct kipc_message *message,
		   u64 deadline_ns);
int kipc_post_sendv(const struct kipc_post *post, struct kipc_msg_sendv *arg);
int kipc_post_take(const struct kipc_post *post, struct kipc_receiver *receiver,
		   const struct kipc_place *place, u64 deadline_ns);
int kipc_post_recv(const struct kipc_post *post,
		   const struct kipc_msg_recv *arg, u64 uptr);
int kipc_post_recvv(const struct kipc_post *post, struct kipc_msg_recvv *arg);

/* post_args.c */
int kipc_read_send(void *arg, const void __user *uptr);
int kipc_read_recv(void *arg, const void __user *uptr);
int kipc_read_call(void *arg, const void __user *uptr);
int kipc_read_reply_recv(void *arg, const void __user *uptr);

#endif /* KIPC_POST_H */
