// SPDX-License-Identifier: GPL-2.0
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "compat.h"
#include "limit.h"
#include "post.h"

/* So much of a vector is under way at a time. */
#define KIPC_VECTOR_CHUNK	16
#define KIPC_VECTOR_BYTES	(256 * 1024)

/**
 * struct kipc_vector - a part of a vector that is under way
 * @spares: memory of small messages
 * @msgs: copies of the caller's structs
 * @receivers: receive
 * @places: receive
 * @messages: send
 */
struct kipc_vector {
	struct kipc_message *spares;
	struct kipc_msg msgs[KIPC_VECTOR_CHUNK];
	union {
		struct {
			struct kipc_receiver receivers[KIPC_VECTOR_CHUNK];
			struct kipc_place places[KIPC_VECTOR_CHUNK];
		};
		struct kipc_message *messages[KIPC_VECTOR_CHUNK];
	};
};

/**
 * kipc_post_bounds - check the bounds that a create call asks for
 * @max_messages: (in/out) 0 for the default
 * @max_bytes: (in/out) likewise
 * @message_max: (in/out) likewise
 *
 * Return: 0, -EINVAL or -ENOSPC.
 */
int kipc_post_bounds(u32 *max_messages, u64 *max_bytes, u32 *message_max)
{
	u64 ceiling = READ_ONCE(kipc_limits.message_max);
	u64 most_bytes = READ_ONCE(kipc_limits.queue_bytes_max);
	u64 most = READ_ONCE(kipc_limits.queue_messages_max);

	if (*max_messages > most || *max_bytes > most_bytes ||
	    *message_max > ceiling)
		return -ENOSPC;
	/* Defaults never exceed a ceiling that was lowered. */
	if (!*max_messages)
		*max_messages =
			min_t(u64, most,
			      READ_ONCE(kipc_limits.queue_messages_default));
	if (!*max_bytes)
		*max_bytes =
			max_t(u64, *message_max,
			      min_t(u64, most_bytes,
				    READ_ONCE(kipc_limits.queue_bytes_default)));
	if (!*message_max)
		*message_max = min_t(u64, *max_bytes, ceiling);
	return *message_max > *max_bytes ? -EINVAL : 0;
}

/**
 * kipc_post_cost - what a full queue holds, in bytes
 * @bounds: its bounds
 */
unsigned long kipc_post_cost(const struct kipc_queue_bounds *bounds)
{
	return bounds->max_bytes +
	       (unsigned long)bounds->max_messages * KIPC_MESSAGE_OVERHEAD;
}

/* Poll is to say when the message that found no room would find it. */
static void kipc_post_note(const struct kipc_post *post, int err, u32 len)
{
	struct kipc_queue_handle *handle = post->handle;

	if (!handle)
		return;
	if (err == -EAGAIN)
		WRITE_ONCE(handle->want, len);
	else if (unlikely(!err && READ_ONCE(handle->want)))
		WRITE_ONCE(handle->want, 0);
}

/**
 * kipc_post_send - send one message
 * @post: where to
 * @message: the message, or the error that making it gave; used up here
 * @deadline_ns: CLOCK_MONOTONIC, 0 for none
 *
 * Context: may sleep.
 * Return: 0 or a negative errno, see uapi/linux/kipc/message.h.
 */
int kipc_post_send(const struct kipc_post *post, struct kipc_message *message,
		   u64 deadline_ns)
{
	u32 len;
	int err;

	if (IS_ERR(message))
		return PTR_ERR(message);
	message->from = post->from;
	len = message->len;
	err = kipc_queue_send(post->queue, message, post->nowait, deadline_ns);
	kipc_post_note(post, err, len);
	if (unlikely(err))
		kipc_message_put(message);
	return err;
}

/* Copies the next part of a vector.  Return: how many, or -EFAULT if none. */
static int kipc_vector_in(struct kipc_vector *vector, u64 msgs, u32 first,
			  u32 count)
{
	const struct kipc_msg __user *from = u64_to_user_ptr(msgs);
	unsigned long left;

	count = min_t(u32, count - first, KIPC_VECTOR_CHUNK);
	left = copy_from_user(vector->msgs, from + first,
			      count * sizeof(*vector->msgs));
	count -= DIV_ROUND_UP(left, sizeof(*vector->msgs));
	return count ?: -EFAULT;
}

/*
 * Makes messages of the first @count structs, or of fewer if that would be much
 * memory at a time.  Return: how many; @err is why no more.
 */
static u32 kipc_vector_make(struct kipc_vector *vector, u32 count,
			    const struct kipc_post *post, int *err)
{
	u32 max = post->queue->bounds.message_max;
	u64 bytes = 0, now = ktime_get_ns();
	u32 i;

	for (i = 0; i < count && bytes < KIPC_VECTOR_BYTES; i++) {
		u32 len = vector->msgs[i].len;
		struct kipc_message *message, *memory;

		if (len <= KIPC_MESSAGE_SMALL)
			memory = kipc_spares_pop(&vector->spares);
		else
			memory = kipc_queue_spare(post->queue, len);
		message = kipc_message_make(&vector->msgs[i], max, now,
					    memory);
		if (IS_ERR(message)) {
			*err = PTR_ERR(message);
			break;
		}
		message->from = post->from;
		bytes += message->len;
		vector->messages[i] = message;
	}
	return i;
}

/* Return: how many were sent; @err is why no more. */
static u32 kipc_vector_send(struct kipc_vector *vector, u32 count,
			    const struct kipc_post *post, u64 deadline_ns,
			    int *err)
{
	struct kipc_message **messages = vector->messages;
	u32 sent, i;

	sent = kipc_queue_send_some(post->queue, messages, count);
	while (sent < count) {
		u32 len = messages[sent]->len;
		int ret;

		ret = kipc_queue_send(post->queue, messages[sent],
				      post->nowait, deadline_ns);
		kipc_post_note(post, ret, len);
		if (ret) {
			*err = ret;
			break;
		}
		sent++;
		sent += kipc_queue_send_some(post->queue, &messages[sent],
					     count - sent);
	}
	for (i = sent; i < count; i++)
		kipc_message_put(messages[i]);
	return sent;
}

/**
 * kipc_post_sendv - send messages
 * @post: where to
 * @arg: as user space gave it; count is how many were sent in the end
 *
 * Context: may sleep.
 * Return: 0 if at least one was sent, or a negative errno, see
 * uapi/linux/kipc/message.h.
 */
int kipc_post_sendv(const struct kipc_post *post, struct kipc_msg_sendv *arg)
{
	struct kipc_vector *vector;
	u32 done = 0, made, sent;
	int err = 0, count;

	if (!arg->count || arg->count > KIPC_MSG_VECTOR_MAX)
		return -EINVAL;
	vector = kmalloc(sizeof(*vector), GFP_KERNEL_ACCOUNT);
	if (!vector)
		return -ENOMEM;
	vector->spares = kipc_spares_take(&post->queue->spare);
	do {
		count = kipc_vector_in(vector, arg->msgs, done, arg->count);
		if (count < 0) {
			err = count;
			break;
		}
		made = kipc_vector_make(vector, count, post, &err);
		sent = kipc_vector_send(vector, made, post, arg->deadline_ns,
					&err);
		done += sent;
	} while (!err && done < arg->count);
	kipc_spares_keep(&post->queue->spare, vector->spares);
	kfree(vector);
	if (!done)
		return err;
	arg->count = done;
	return 0;
}

/* Says how long the message is that had no room. */
static int kipc_post_too_long(const struct kipc_place *place, u32 needed)
{
	return put_user(needed, &place->msg->len) ? -EFAULT : -EMSGSIZE;
}

/**
 * kipc_post_take - receive one message
 * @post: where from
 * @receiver: select, room and truncate are filled in
 * @place: where to put it
 * @deadline_ns: CLOCK_MONOTONIC, 0 for none
 *
 * Context: may sleep.
 * Return: 0 or a negative errno, see uapi/linux/kipc/message.h.
 */
int kipc_post_take(const struct kipc_post *post, struct kipc_receiver *receiver,
		   const struct kipc_place *place, u64 deadline_ns)
{
	struct kipc_message *message;
	int err;

	err = kipc_queue_receive(post->queue, receiver, post->nowait,
				 deadline_ns);
	if (unlikely(err == -EMSGSIZE))
		return kipc_post_too_long(place, receiver->needed);
	if (err)
		return err;
	message = receiver->message;
	err = kipc_message_deliver(message, place);
	if (unlikely(err)) {
		kipc_queue_return(post->queue, message);
	} else if (message->flags & KIPC_MESSAGE_CALL) {
		kipc_message_strip(message);
		kipc_message_put(message);
	} else {
		kipc_queue_recycle(post->queue, message);
	}
	return err;
}

static int kipc_post_peek(const struct kipc_post *post,
			  const struct kipc_select *select, u32 position,
			  bool truncate, struct kipc_place *place)
{
	struct kipc_message *message;
	int err;

	message = kipc_queue_peek(post->queue, select, position);
	if (IS_ERR(message))
		return PTR_ERR(message);
	place->peek = true;
	if (message->len > place->room && !truncate)
		err = kipc_post_too_long(place, message->len);
	else
		err = kipc_message_deliver(message, place);
	kipc_message_put(message);
	return err;
}

/**
 * kipc_post_recv - receive, or look at, one message
 * @post: where from
 * @arg: a copy of what user space gave
 * @uptr: where it lies
 *
 * Context: may sleep.
 * Return: 0 or a negative errno, see uapi/linux/kipc/message.h.
 */
int kipc_post_recv(const struct kipc_post *post,
		   const struct kipc_msg_recv *arg, u64 uptr)
{
	const u32 known = KIPC_MSG_NONBLOCK | KIPC_MSG_PEEK |
			  KIPC_MSG_TRUNCATE;
	bool peek = arg->flags & KIPC_MSG_PEEK;
	struct kipc_receiver receiver __uninitialized;
	struct kipc_select select __uninitialized;
	struct kipc_place place __uninitialized;
	int err;

	if (arg->flags & ~known || arg->pad || arg->msg.pad)
		return -EINVAL;
	if (arg->position && (!peek || arg->select == KIPC_SELECT_UP_TO))
		return -EINVAL;
	err = kipc_select_init(&select, post->queue, arg->select, arg->type,
			       arg->pid);
	if (err)
		return err;
	kipc_message_place(&place, &arg->msg,
			   uptr + offsetof(struct kipc_msg_recv, msg));
	receiver.select = &select;
	receiver.room = arg->msg.len;
	receiver.truncate = arg->flags & KIPC_MSG_TRUNCATE;
	if (unlikely(peek))
		err = kipc_post_peek(post, &select, arg->position,
				     receiver.truncate, &place);
	else
		err = kipc_post_take(post, &receiver, &place,
				     arg->deadline_ns);
	kipc_select_done(&select);
	return err;
}

/* Prepares to receive the next part of a vector.  Return: as vector_in(). */
static int kipc_vector_places(struct kipc_vector *vector,
			      const struct kipc_msg_recvv *arg, u32 first,
			      const struct kipc_select *select)
{
	int count = kipc_vector_in(vector, arg->msgs, first, arg->count);
	int i;

	for (i = 0; i < count; i++) {
		struct kipc_receiver *receiver = &vector->receivers[i];

		if (vector->msgs[i].pad)
			return i ?: -EINVAL;
		kipc_message_place(&vector->places[i], &vector->msgs[i],
				   arg->msgs + (first + i) *
				   sizeof(struct kipc_msg));
		receiver->select = select;
		receiver->room = vector->msgs[i].len;
		receiver->truncate = arg->flags & KIPC_MSG_TRUNCATE;
	}
	return count;
}

/* Return: how many were delivered; @err is why no more, the rest is back. */
static u32 kipc_vector_deliver(struct kipc_vector *vector, u32 count,
			       struct kipc_queue *queue, int *err)
{
	u32 i, done;

	for (done = 0; done < count; done++) {
		struct kipc_message *message = vector->receivers[done].message;

		*err = kipc_message_deliver(message, &vector->places[done]);
		if (*err)
			break;
		if (unlikely(message->flags & KIPC_MESSAGE_CALL))
			kipc_message_strip(message);
		if (likely(!(message->flags & KIPC_MESSAGE_PAGE)))
			kipc_spares_push(&vector->spares, message,
					 KIPC_SPARES_MAX);
		else
			kipc_queue_recycle(queue, message);
	}
	for (i = done; i < count; i++)
		kipc_queue_return(queue, vector->receivers[i].message);
	return done;
}

/*
 * Receives the next part.  Return: how many; @err is why no more, -EAGAIN also
 * if there is none and the caller has some already.
 */
static u32 kipc_vector_receive(struct kipc_vector *vector, u32 first,
			       const struct kipc_post *post,
			       const struct kipc_msg_recvv *arg,
			       const struct kipc_select *select, int *err)
{
	bool wait = !first || arg->flags & KIPC_MSG_WAIT_ALL;
	int count = kipc_vector_places(vector, arg, first, select);
	u32 got;

	if (count < 0) {
		*err = count;
		return 0;
	}
	got = kipc_queue_receive_some(post->queue, vector->receivers, count);
	if (got)
		return kipc_vector_deliver(vector, got, post->queue, err);
	*err = -EAGAIN;
	if (!wait)
		return 0;
	*err = kipc_post_take(post, &vector->receivers[0], &vector->places[0],
			      arg->deadline_ns);
	return !*err;
}

/**
 * kipc_post_recvv - receive several messages
 * @post: where from
 * @arg: as user space gave it; count is how many came in the end
 *
 * Context: may sleep.
 * Return: 0 if at least one came, or a negative errno, see
 * uapi/linux/kipc/message.h.
 */
int kipc_post_recvv(const struct kipc_post *post, struct kipc_msg_recvv *arg)
{
	const u32 known = KIPC_MSG_NONBLOCK | KIPC_MSG_TRUNCATE |
			  KIPC_MSG_WAIT_ALL;
	struct kipc_vector *vector;
	struct kipc_select select;
	u32 done = 0;
	int err;

	if (arg->flags & ~known || arg->pad || !arg->count ||
	    arg->count > KIPC_MSG_VECTOR_MAX)
		return -EINVAL;
	err = kipc_select_init(&select, post->queue, arg->select, arg->type,
			       arg->pid);
	if (err)
		return err;
	vector = kmalloc(sizeof(*vector), GFP_KERNEL_ACCOUNT);
	if (vector) {
		vector->spares = kipc_spares_take(&post->queue->spare);
		do {
			done += kipc_vector_receive(vector, done, post, arg,
						    &select, &err);
		} while (!err && done < arg->count);
		kipc_spares_keep(&post->queue->spare, vector->spares);
		kfree(vector);
	} else {
		err = -ENOMEM;
	}
	kipc_select_done(&select);
	if (!done)
		return err;
	arg->count = done;
	return 0;
}
