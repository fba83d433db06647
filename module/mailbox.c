// SPDX-License-Identifier: GPL-2.0
#include "create.h"
#include "mailbox.h"
#include "main.h"
#include "post.h"

KIPC_ASSERT_CREATE(kipc_mailbox_create);

static struct kipc_object *kipc_mailbox_make(struct kipc_call *call)
{
	struct kipc_mailbox_create *arg = call->arg;
	struct kipc_queue_bounds bounds = {
		.max_messages	= arg->max_messages,
		.message_max	= arg->message_max,
		.max_bytes	= arg->max_bytes,
	};
	struct kipc_mailbox *mailbox;
	struct kipc_object *object;

	object = kipc_object_make(&kipc_mailbox_kind, arg->mode,
				  kipc_post_cost(&bounds));
	if (IS_ERR(object))
		return object;
	mailbox = kipc_to_mailbox(object);
	kipc_queue_init(&mailbox->queue, &mailbox->object, &bounds, NULL);
	return object;
}

static int kipc_mailbox_give(struct kipc_call *call,
			     struct kipc_object *object)
{
	const struct kipc_queue_bounds *bounds =
		&kipc_to_mailbox(object)->queue.bounds;
	struct kipc_mailbox_create *arg = call->arg;

	arg->max_messages = bounds->max_messages;
	arg->max_bytes = bounds->max_bytes;
	arg->message_max = bounds->message_max;
	return kipc_create_open(call, object, arg->rights, &arg->fd);
}

static void kipc_mailbox_destroyed(struct kipc_object *object)
{
	kipc_queue_close(&kipc_to_mailbox(object)->queue, -EIDRM);
}

static void kipc_mailbox_free(struct kipc_object *object)
{
	kipc_queue_free(&kipc_to_mailbox(object)->queue);
}

const struct kipc_kind kipc_mailbox_kind = {
	.type		= KIPC_KIND_MAILBOX,
	.size		= sizeof(struct kipc_mailbox),
	.name		= "mailbox",
	.make		= kipc_mailbox_make,
	.give		= kipc_mailbox_give,
	.open		= kipc_mailbox_open,
	.destroyed	= kipc_mailbox_destroyed,
	.free		= kipc_mailbox_free,
};

/**
 * kipc_mailbox_create_call - KIPC_MAILBOX_CREATE
 * @call: the call; struct kipc_mailbox_create
 *
 * Context: may sleep.
 * Return: 0 or a negative errno, see uapi/linux/kipc/mailbox.h.
 */
int kipc_mailbox_create_call(struct kipc_call *call)
{
	struct kipc_mailbox_create *arg = call->arg;
	int err;

	if (arg->pad)
		return -EINVAL;
	err = kipc_post_bounds(&arg->max_messages, &arg->max_bytes,
			       &arg->message_max);
	return err ?: kipc_create(call, &kipc_mailbox_kind);
}

/* Return: 0, or -EBADF if the handle does not give the right. */
static int kipc_mailbox_post(struct kipc_call *call, u32 right, u32 flags,
			     struct kipc_post *post)
{
	struct kipc_handle *handle = call->handle;

	if (!(handle->rights & right))
		return -EBADF;
	post->queue = &kipc_to_mailbox(handle->object)->queue;
	post->handle = kipc_to_queue_handle(handle);
	post->from = 0;
	post->nowait = kipc_post_nowait(call->file, flags);
	return 0;
}

/**
 * kipc_mailbox_send_call - KIPC_MAILBOX_SEND
 * @call: the call; struct kipc_msg_send
 *
 * Context: may sleep.
 * Return: 0 or a negative errno, see uapi/linux/kipc/message.h.
 */
int kipc_mailbox_send_call(struct kipc_call *call)
{
	const struct kipc_msg_send *arg = call->arg;
	struct kipc_post post;
	int err;

	if (arg->flags & ~KIPC_MSG_NONBLOCK || arg->pid || arg->pad || arg->id)
		return -EINVAL;
	err = kipc_mailbox_post(call, KIPC_RIGHT_WRITE, arg->flags, &post);
	if (err)
		return err;
	return kipc_post_send(&post, kipc_post_make(&post, &arg->msg),
			      arg->deadline_ns);
}

/**
 * kipc_mailbox_recv_call - KIPC_MAILBOX_RECV
 * @call: the call; struct kipc_msg_recv
 *
 * Context: may sleep.
 * Return: 0 or a negative errno, see uapi/linux/kipc/message.h.
 */
int kipc_mailbox_recv_call(struct kipc_call *call)
{
	const struct kipc_msg_recv *arg = call->arg;
	struct kipc_post post;
	int err;

	err = kipc_mailbox_post(call, KIPC_RIGHT_READ, arg->flags, &post);
	return err ?: kipc_post_recv(&post, arg, call->uptr);
}

/**
 * kipc_mailbox_sendv_call - KIPC_MAILBOX_SENDV
 * @call: the call; struct kipc_msg_sendv
 *
 * Context: may sleep.
 * Return: 0 or a negative errno, see uapi/linux/kipc/message.h.
 */
int kipc_mailbox_sendv_call(struct kipc_call *call)
{
	struct kipc_msg_sendv *arg = call->arg;
	struct kipc_post post;
	int err;

	if (arg->flags & ~KIPC_MSG_NONBLOCK || arg->pid || arg->id)
		return -EINVAL;
	err = kipc_mailbox_post(call, KIPC_RIGHT_WRITE, arg->flags, &post);
	return err ?: kipc_post_sendv(&post, arg);
}

/**
 * kipc_mailbox_recvv_call - KIPC_MAILBOX_RECVV
 * @call: the call; struct kipc_msg_recvv
 *
 * Context: may sleep.
 * Return: 0 or a negative errno, see uapi/linux/kipc/message.h.
 */
int kipc_mailbox_recvv_call(struct kipc_call *call)
{
	struct kipc_msg_recvv *arg = call->arg;
	struct kipc_post post;
	int err;

	err = kipc_mailbox_post(call, KIPC_RIGHT_READ, arg->flags, &post);
	return err ?: kipc_post_recvv(&post, arg);
}

/**
 * kipc_mailbox_drain_call - KIPC_MAILBOX_DRAIN
 * @call: the call; struct kipc_mailbox_drain
 *
 * Context: may sleep.
 * Return: 0 or a negative errno, see uapi/linux/kipc/mailbox.h.
 */
int kipc_mailbox_drain_call(struct kipc_call *call)
{
	struct kipc_mailbox *mailbox = kipc_to_mailbox(call->handle->object);
	struct kipc_mailbox_drain *arg = call->arg;

	if (arg->flags || arg->pad)
		return -EINVAL;
	if (!(call->handle->rights & KIPC_RIGHT_READ))
		return -EBADF;
	kipc_queue_drain(&mailbox->queue, &arg->messages, &arg->bytes);
	return 0;
}

/**
 * kipc_mailbox_stat_call - KIPC_MAILBOX_STAT
 * @call: the call; struct kipc_mailbox_stat
 *
 * Context: does not sleep.
 * Return: 0 or a negative errno, see uapi/linux/kipc/mailbox.h.
 */
int kipc_mailbox_stat_call(struct kipc_call *call)
{
	struct kipc_mailbox *mailbox = kipc_to_mailbox(call->handle->object);
	struct kipc_mailbox_stat *arg = call->arg;

	if (arg->flags)
		return -EINVAL;
	kipc_queue_stat(&mailbox->queue, &arg->queue);
	return 0;
}
