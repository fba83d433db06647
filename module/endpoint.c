// SPDX-License-Identifier: GPL-2.0
#include <linux/pid_namespace.h>
#include <linux/random.h>

#include "compat.h"
#include "create.h"
#include "endpoint.h"
#include "main.h"
#include "post.h"

KIPC_ASSERT_CREATE(kipc_endpoint_create);

static struct kipc_object *kipc_endpoint_make(struct kipc_call *call)
{
	struct kipc_endpoint_create *arg = call->arg;
	struct kipc_queue_bounds bounds = {
		.max_messages	= arg->max_messages,
		.message_max	= arg->message_max,
		.max_bytes	= arg->max_bytes,
	};
	struct kipc_endpoint *endpoint;
	struct kipc_object *object;
	int err;

	object = kipc_object_make(&kipc_endpoint_kind, arg->mode,
				  kipc_post_cost(&bounds));
	if (IS_ERR(object))
		return object;
	endpoint = kipc_to_endpoint(object);
	kipc_queue_init(&endpoint->queue, &endpoint->object, &bounds,
			&kipc_endpoint_queue_ops);
	hash_init(endpoint->records);
	get_random_bytes(&endpoint->token_key, sizeof(endpoint->token_key));
	get_random_bytes(&endpoint->token_state,
			 sizeof(endpoint->token_state));
	INIT_HLIST_HEAD(&endpoint->callers);
	INIT_LIST_HEAD(&endpoint->untold);
	err = kipc_endpoint_enter(endpoint);
	if (err) {
		kipc_object_put(object);
		return ERR_PTR(err);
	}
	return object;
}

static int kipc_endpoint_give(struct kipc_call *call,
			      struct kipc_object *object)
{
	const struct kipc_queue_bounds *bounds =
		&kipc_to_endpoint(object)->queue.bounds;
	struct kipc_endpoint_create *arg = call->arg;

	arg->max_messages = bounds->max_messages;
	arg->max_bytes = bounds->max_bytes;
	arg->message_max = bounds->message_max;
	return kipc_create_open(call, object, arg->rights, &arg->fd);
}

static void kipc_endpoint_destroyed(struct kipc_object *object)
{
	kipc_endpoint_end(kipc_to_endpoint(object), -EIDRM);
}

static void kipc_endpoint_free(struct kipc_object *object)
{
	struct kipc_endpoint *endpoint = kipc_to_endpoint(object);

	kipc_endpoint_end(endpoint, -ECONNRESET);
	kipc_queue_free(&endpoint->queue);
	kipc_watch_free(&endpoint->owner);
}

const struct kipc_kind kipc_endpoint_kind = {
	.type		= KIPC_KIND_ENDPOINT,
	.size		= sizeof(struct kipc_endpoint),
	.name		= "endpoint",
	.make		= kipc_endpoint_make,
	.give		= kipc_endpoint_give,
	.open		= kipc_endpoint_open,
	.destroyed	= kipc_endpoint_destroyed,
	.free		= kipc_endpoint_free,
};

/**
 * kipc_endpoint_create_call - KIPC_ENDPOINT_CREATE
 * @call: the call; struct kipc_endpoint_create
 *
 * Context: may sleep.
 * Return: 0 or a negative errno, see uapi/linux/kipc/endpoint.h.
 */
int kipc_endpoint_create_call(struct kipc_call *call)
{
	struct kipc_endpoint_create *arg = call->arg;
	int err;

	if (arg->pad || arg->flags & KIPC_PERSIST ||
	    !(arg->rights & KIPC_RIGHT_READ))
		return -EINVAL;
	err = kipc_post_bounds(&arg->max_messages, &arg->max_bytes,
			       &arg->message_max);
	return err ?: kipc_create(call, &kipc_endpoint_kind);
}

/**
 * kipc_endpoint_owner_post - for calls that are for the owner
 * @call: the call, on a handle
 * @flags: of the call
 * @post: to be filled in
 *
 * Return: 0, -EBADF or -EPERM.
 */
int kipc_endpoint_owner_post(struct kipc_call *call, u32 flags,
			     struct kipc_post *post)
{
	struct kipc_handle *handle = call->handle;
	struct kipc_endpoint *endpoint = kipc_to_endpoint(handle->object);

	if (!(handle->rights & KIPC_RIGHT_READ))
		return -EBADF;
	if (!kipc_endpoint_is_mine(endpoint))
		return -EPERM;
	post->queue = &endpoint->queue;
	post->handle = NULL;
	post->from = 0;
	post->nowait = kipc_post_nowait(call->file, flags);
	return 0;
}

/**
 * kipc_endpoint_send_call - KIPC_ENDPOINT_SEND, on the device or a handle
 * @call: the call; struct kipc_msg_send
 *
 * Context: may sleep.
 * Return: 0 or a negative errno, see uapi/linux/kipc/endpoint.h.
 */
int kipc_endpoint_send_call(struct kipc_call *call)
{
	const struct kipc_msg_send *arg = call->arg;
	struct kipc_endpoint *endpoint;
	struct kipc_post post __uninitialized;
	int err;

	if (arg->flags & ~KIPC_MSG_NONBLOCK || arg->pad)
		return -EINVAL;
	endpoint = kipc_endpoint_target(call, arg->pid, arg->id, arg->flags,
					&post);
	if (IS_ERR(endpoint))
		return PTR_ERR(endpoint);
	err = kipc_post_send(&post, kipc_post_make(&post, &arg->msg),
			     arg->deadline_ns);
	kipc_object_put(&endpoint->object);
	return err;
}

/**
 * kipc_endpoint_sendv_call - KIPC_ENDPOINT_SENDV, on the device or a handle
 * @call: the call; struct kipc_msg_sendv
 *
 * Context: may sleep.
 * Return: 0 or a negative errno, see uapi/linux/kipc/endpoint.h.
 */
int kipc_endpoint_sendv_call(struct kipc_call *call)
{
	struct kipc_msg_sendv *arg = call->arg;
	struct kipc_endpoint *endpoint;
	struct kipc_post post;
	int err;

	if (arg->flags & ~KIPC_MSG_NONBLOCK)
		return -EINVAL;
	endpoint = kipc_endpoint_target(call, arg->pid, arg->id, arg->flags,
					&post);
	if (IS_ERR(endpoint))
		return PTR_ERR(endpoint);
	err = kipc_post_sendv(&post, arg);
	kipc_object_put(&endpoint->object);
	return err;
}

/**
 * kipc_endpoint_recv_call - KIPC_ENDPOINT_RECV
 * @call: the call; struct kipc_msg_recv
 *
 * Context: may sleep.
 * Return: 0 or a negative errno, see uapi/linux/kipc/endpoint.h.
 */
int kipc_endpoint_recv_call(struct kipc_call *call)
{
	const struct kipc_msg_recv *arg = call->arg;
	struct kipc_post post __uninitialized;
	int err;

	err = kipc_endpoint_owner_post(call, arg->flags, &post);
	return err ?: kipc_post_recv(&post, arg, call->uptr);
}

/**
 * kipc_endpoint_recvv_call - KIPC_ENDPOINT_RECVV
 * @call: the call; struct kipc_msg_recvv
 *
 * Context: may sleep.
 * Return: 0 or a negative errno, see uapi/linux/kipc/endpoint.h.
 */
int kipc_endpoint_recvv_call(struct kipc_call *call)
{
	struct kipc_msg_recvv *arg = call->arg;
	struct kipc_post post;
	int err;

	err = kipc_endpoint_owner_post(call, arg->flags, &post);
	return err ?: kipc_post_recvv(&post, arg);
}

/**
 * kipc_endpoint_find_call - KIPC_ENDPOINT_FIND
 * @call: the call; struct kipc_endpoint_find
 *
 * Context: may sleep.
 * Return: 0 or a negative errno, see uapi/linux/kipc/endpoint.h.
 */
int kipc_endpoint_find_call(struct kipc_call *call)
{
	struct kipc_endpoint_find *arg = call->arg;
	struct kipc_endpoint *endpoint;

	if (arg->flags || arg->pad)
		return -EINVAL;
	endpoint = kipc_endpoint_find(arg->pid, 0);
	if (IS_ERR(endpoint))
		return PTR_ERR(endpoint);
	arg->id = endpoint->object.id;
	kipc_object_put(&endpoint->object);
	return 0;
}

/**
 * kipc_endpoint_stat_call - KIPC_ENDPOINT_STAT
 * @call: the call; struct kipc_endpoint_stat
 *
 * Context: does not sleep.
 * Return: 0 or a negative errno, see uapi/linux/kipc/endpoint.h.
 */
int kipc_endpoint_stat_call(struct kipc_call *call)
{
	struct kipc_endpoint *endpoint =
		kipc_to_endpoint(call->handle->object);
	struct kipc_endpoint_stat *arg = call->arg;

	if (arg->flags)
		return -EINVAL;
	arg->pid = pid_nr_ns(endpoint->owner.tgid, task_active_pid_ns(current));
	spin_lock(&endpoint->queue.lock);
	arg->state = endpoint->queue.closed ? KIPC_ENDPOINT_ENDED : 0;
	arg->calls = endpoint->nr_calls;
	arg->cancelled = endpoint->nr_untold;
	kipc_queue_describe(&endpoint->queue, &arg->queue);
	spin_unlock(&endpoint->queue.lock);
	return 0;
}
