// SPDX-License-Identifier: GPL-2.0
/* Calls and replies: see endpoint.h. */
#include <linux/uaccess.h>

#include "compat.h"
#include "endpoint.h"
#include "main.h"
#include "post.h"

/* So many are taken out under the lock at a time. */
#define KIPC_RECORDS_BATCH	16

static struct kipc_endpoint *kipc_queue_endpoint(struct kipc_queue *queue)
{
	return container_of(queue, struct kipc_endpoint, queue);
}

static void kipc_request_accepted(struct kipc_queue *queue,
				  struct kipc_message *request)
{
	struct kipc_endpoint *endpoint = kipc_queue_endpoint(queue);

	hlist_add_head(&request->call->node, &endpoint->callers);
}

/*
 * One that this endpoint has not given before, and that nobody finds from those that
 * it has: SplitMix64, which gives each number once, under a key.  More than that, as
 * SipHash, it need not be: a token is good for the owner alone, and he gets them all.
 */
static u64 kipc_new_token(struct kipc_endpoint *endpoint)
{
	u64 token = endpoint->token_state += 0x9e3779b97f4a7c15;

	token = (token ^ (token >> 30)) * 0xbf58476d1ce4e5b9;
	token = (token ^ (token >> 27)) * 0x94d049bb133111eb;
	return token ^ (token >> 31) ^ endpoint->token_key;
}

/* Makes the request its own record. */
static void kipc_request_taken(struct kipc_queue *queue,
			       struct kipc_message *request)
{
	struct kipc_endpoint *endpoint = kipc_queue_endpoint(queue);

	do {
		request->token = kipc_new_token(endpoint);
	} while (!request->token);
	INIT_LIST_HEAD(&request->untold);
	hash_add(endpoint->records, &request->record, request->token);
	refcount_inc(&request->refs);
	endpoint->nr_calls++;
}

/* Takes a record out; its reference is the caller's now. */
static void kipc_record_remove(struct kipc_endpoint *endpoint,
			       struct kipc_message *record)
{
	lockdep_assert_held(&endpoint->queue.lock);

	hash_del(&record->record);
	if (list_empty(&record->untold)) {
		endpoint->nr_calls--;
	} else {
		list_del_init(&record->untold);
		endpoint->nr_untold--;
	}
}

static bool kipc_request_returned(struct kipc_queue *queue,
				  struct kipc_message *request)
{
	if (hash_hashed(&request->record)) {
		kipc_record_remove(kipc_queue_endpoint(queue), request);
		/* Not the last one: the receiver has his. */
		refcount_dec(&request->refs);
	}
	return request->call;
}

const struct kipc_queue_ops kipc_endpoint_queue_ops = {
	.accepted	= kipc_request_accepted,
	.taken		= kipc_request_taken,
	.returned	= kipc_request_returned,
};

/* The exchange is over; it must not be touched any more when it was finished. */
static void kipc_exchange_detach(struct kipc_exchange *exchange)
{
	hlist_del(&exchange->node);
	exchange->request->call = NULL;
}

/**
 * kipc_endpoint_end_calls - nobody will be answered
 * @endpoint: the endpoint, which ends
 * @err: what everybody gets
 *
 * Context: does not sleep; takes queue->lock.
 */
void kipc_endpoint_end_calls(struct kipc_endpoint *endpoint, int err)
{
	struct kipc_wake_batch wake = { };
	struct kipc_exchange *exchange;
	struct hlist_node *next;

	spin_lock(&endpoint->queue.lock);
	err = kipc_queue_mark_closed(&endpoint->queue, err);
	hlist_for_each_entry_safe(exchange, next, &endpoint->callers, node) {
		kipc_exchange_detach(exchange);
		kipc_wake_batch_add(&wake, &exchange->waiter, err);
	}
	spin_unlock(&endpoint->queue.lock);
	kipc_wake_batch_flush(&wake);
}

/**
 * kipc_endpoint_drop_records - forget what was received
 * @endpoint: the endpoint, which has ended
 *
 * Context: may sleep; takes queue->lock.
 */
void kipc_endpoint_drop_records(struct kipc_endpoint *endpoint)
{
	struct kipc_message *batch[KIPC_RECORDS_BATCH];
	struct kipc_message *record;
	struct hlist_node *next;
	u32 count;
	int bucket;

	do {
		count = 0;
		spin_lock(&endpoint->queue.lock);
		hash_for_each_safe(endpoint->records, bucket, next, record,
				   record) {
			if (count == ARRAY_SIZE(batch))
				break;
			kipc_record_remove(endpoint, record);
			batch[count++] = record;
		}
		spin_unlock(&endpoint->queue.lock);
		while (count)
			kipc_message_put(batch[--count]);
		cond_resched();
	} while (!hash_empty(endpoint->records));
}

/* The caller gives up on a call that is not answered yet. */
static void kipc_exchange_cancel(struct kipc_endpoint *endpoint,
				 struct kipc_exchange *exchange)
	__releases(&endpoint->queue.lock)
{
	struct kipc_message *request = exchange->request;
	struct kipc_queue *queue = &endpoint->queue;
	struct kipc_message *forgotten = NULL;
	bool polled = queue->polled;

	kipc_exchange_detach(exchange);
	if (request->queued) {
		kipc_queue_withdraw(queue, request);
		return;
	}
	endpoint->nr_calls--;
	list_add_tail(&request->untold, &endpoint->untold);
	if (++endpoint->nr_untold > queue->bounds.max_messages) {
		forgotten = list_first_entry(&endpoint->untold,
					     struct kipc_message, untold);
		kipc_record_remove(endpoint, forgotten);
	}
	spin_unlock(&queue->lock);
	if (polled)
		wake_up_poll(&queue->poll, EPOLLPRI);
	if (forgotten)
		kipc_message_put(forgotten);
}

/* Return: 0: exchange->reply is there, or a negative errno. */
static int kipc_exchange_wait(struct kipc_endpoint *endpoint,
			      struct kipc_exchange *exchange, u64 deadline_ns)
{
	int err = kipc_waiter_sleep(&exchange->waiter, deadline_ns, NULL);

	if (!err)
		return exchange->waiter.result;
	spin_lock(&endpoint->queue.lock);
	if (exchange->waiter.result != KIPC_WAITING) {
		spin_unlock(&endpoint->queue.lock);
		return exchange->waiter.result;
	}
	kipc_exchange_cancel(endpoint, exchange);
	/* The owner may have acted on it: it must not be sent again. */
	return err == -ERESTARTSYS ? -EINTR : err;
}

/* Writes each page of it with what it holds. */
static int kipc_region_probe(u64 at, u64 bytes)
{
	u64 end = at + bytes;
	u8 byte;

	if (end < at || !user_access_begin(u64_to_user_ptr(at), bytes))
		return -EFAULT;
	for (; at < end; at = (at | ~PAGE_MASK) + 1) {
		u8 __user *uptr = u64_to_user_ptr(at);

		unsafe_get_user(byte, uptr, fault);
		unsafe_put_user(byte, uptr, fault);
	}
	user_access_end();
	return 0;

fault:
	user_access_end();
	return -EFAULT;
}

/*
 * A reply that finds no place would be lost, so see before that there is one.
 * What is there stays, for the request may lie there.
 */
static int kipc_place_probe(const struct kipc_place *place)
{
	u32 fds = min(place->fd_room, KIPC_MSG_FDS_MAX);

	if (kipc_region_probe((unsigned long)place->msg, sizeof(*place->msg)))
		return -EFAULT;
	if (fds && kipc_region_probe(place->fds, fds * sizeof(s32)))
		return -EFAULT;
	return place->room ? kipc_region_probe(place->buf, place->room) : 0;
}

/* Sends the request, with the reply's place checked.  Return: 0 or -errno. */
static int kipc_exchange_send(const struct kipc_post *post,
			      struct kipc_exchange *exchange,
			      const struct kipc_place *place,
			      const struct kipc_endpoint_call *arg)
{
	struct kipc_message *request;

	request = kipc_post_make(post, &arg->request);
	if (IS_ERR(request))
		return PTR_ERR(request);
	if (kipc_place_probe(place)) {
		kipc_message_put(request);
		return -EFAULT;
	}
	kipc_waiter_init_spin(&exchange->waiter,
			      kipc_object_spin_ns(post->queue->object));
	exchange->request = request;
	exchange->room = place->room;
	exchange->truncate = arg->flags & KIPC_MSG_TRUNCATE;
	request->flags |= KIPC_MESSAGE_CALL;
	request->call = exchange;
	return kipc_post_send(post, request, arg->deadline_ns);
}

/* There is no way back for a reply: it comes without what cannot be received. */
static int kipc_reply_deliver(struct kipc_message *reply,
			      struct kipc_place *place)
{
	int err = kipc_message_deliver(reply, place);

	if (likely(!err) || err == -EFAULT || !kipc_message_files(reply))
		return err;
	place->fd_room = 0;
	return kipc_message_deliver(reply, place);
}

/**
 * kipc_endpoint_call_call - KIPC_ENDPOINT_CALL
 * @call: the call; struct kipc_endpoint_call
 *
 * Context: may sleep.
 * Return: 0 or a negative errno, see uapi/linux/kipc/endpoint.h.
 */
int kipc_endpoint_call_call(struct kipc_call *call)
{
	const struct kipc_endpoint_call *arg = call->arg;
	struct kipc_exchange exchange __uninitialized;
	struct kipc_post post __uninitialized;
	struct kipc_place place __uninitialized;
	struct kipc_endpoint *endpoint;
	int err;

	if (arg->flags & ~(KIPC_MSG_NONBLOCK | KIPC_MSG_TRUNCATE) ||
	    arg->pad || arg->reply.pad)
		return -EINVAL;
	endpoint = kipc_endpoint_target(call, arg->pid, arg->id, arg->flags,
					&post);
	if (IS_ERR(endpoint))
		return PTR_ERR(endpoint);
	kipc_message_place(&place, &arg->reply, call->uptr +
			   offsetof(struct kipc_endpoint_call, reply));
	err = kipc_exchange_send(&post, &exchange, &place, arg);
	if (!err)
		err = kipc_exchange_wait(endpoint, &exchange, arg->deadline_ns);
	if (!err) {
		err = kipc_reply_deliver(exchange.reply, &place);
		kipc_queue_recycle(post.queue, exchange.reply);
	}
	kipc_object_put(&endpoint->object);
	return err;
}

static struct kipc_message *kipc_record_find(struct kipc_endpoint *endpoint,
					     u64 token)
{
	struct kipc_message *record;

	hash_for_each_possible(endpoint->records, record, record, token)
		if (record->token == token)
			return record;
	return NULL;
}

/*
 * Gives a reply to the caller that waits for it; @room is how much he has, if
 * that is not enough.  Return: 0 or a negative errno; only with 0 and -ECANCELED
 * the token was used, and only with 0 the reply.
 */
static int kipc_reply_give(struct kipc_endpoint *endpoint, u64 token,
			   struct kipc_message *reply, u32 *room)
{
	struct kipc_queue *queue = &endpoint->queue;
	struct task_struct *task = NULL;
	struct kipc_exchange *exchange;
	struct kipc_message *record;
	int err;

	spin_lock(&queue->lock);
	record = kipc_record_find(endpoint, token);
	err = queue->closed ?: record ? 0 : -EINVAL;
	if (err)
		goto unlock;
	exchange = record->call;
	if (!exchange) {
		err = -ECANCELED;
	} else if (reply->len > exchange->room && !exchange->truncate) {
		*room = exchange->room;
		err = -EMSGSIZE;
		goto unlock;
	} else {
		kipc_exchange_detach(exchange);
		exchange->reply = reply;
		task = kipc_waiter_finish(&exchange->waiter, 0);
	}
	kipc_record_remove(endpoint, record);
	spin_unlock(&queue->lock);

	kipc_waiter_wake(task);
	kipc_queue_recycle(queue, record);
	return err;

unlock:
	spin_unlock(&queue->lock);
	return err;
}

/* Answers; @uptr is where @msg lies. */
static int kipc_reply(const struct kipc_post *post, u64 token,
		      const struct kipc_msg *msg, u64 uptr)
{
	struct kipc_endpoint *endpoint = kipc_queue_endpoint(post->queue);
	struct kipc_msg __user *out = u64_to_user_ptr(uptr);
	struct kipc_message *reply;
	u32 room = 0;
	int err;

	reply = kipc_post_make(post, msg);
	if (IS_ERR(reply))
		return PTR_ERR(reply);
	reply->from = endpoint->object.id;
	err = kipc_reply_give(endpoint, token, reply, &room);
	if (!err)
		return 0;
	kipc_message_put(reply);
	if (err == -EMSGSIZE && put_user(room, &out->len))
		err = -EFAULT;
	return err;
}

/**
 * kipc_endpoint_reply_call - KIPC_ENDPOINT_REPLY
 * @call: the call; struct kipc_endpoint_reply
 *
 * Context: may sleep.
 * Return: 0 or a negative errno, see uapi/linux/kipc/endpoint.h.
 */
int kipc_endpoint_reply_call(struct kipc_call *call)
{
	const struct kipc_endpoint_reply *arg = call->arg;
	struct kipc_post post __uninitialized;
	int err;

	if (arg->flags)
		return -EINVAL;
	err = kipc_endpoint_owner_post(call, 0, &post);
	if (err)
		return err;
	return kipc_reply(&post, arg->token, &arg->msg, call->uptr +
			  offsetof(struct kipc_endpoint_reply, msg));
}

/*
 * The answer first, if there is one.  The token is written before, as it is, so
 * that it is certain that it can be taken back.
 */
static int kipc_reply_first(struct kipc_call *call,
			    const struct kipc_post *post)
{
	const struct kipc_endpoint_reply_recv *arg = call->arg;
	struct kipc_endpoint_reply_recv __user *out;
	int err;

	out = u64_to_user_ptr(call->uptr);
	if (put_user(arg->token, &out->token))
		return -EFAULT;
	err = kipc_reply(post, arg->token, &arg->reply, call->uptr +
			 offsetof(struct kipc_endpoint_reply_recv, reply));
	if (err && err != -ECANCELED)
		return err;
	return put_user(0, &out->token) ? -EFAULT : 0;
}

/**
 * kipc_endpoint_reply_recv_call - KIPC_ENDPOINT_REPLY_RECV
 * @call: the call; struct kipc_endpoint_reply_recv
 *
 * Context: may sleep.
 * Return: 0 or a negative errno, see uapi/linux/kipc/endpoint.h.
 */
int kipc_endpoint_reply_recv_call(struct kipc_call *call)
{
	const struct kipc_endpoint_reply_recv *arg = call->arg;
	struct kipc_receiver receiver __uninitialized;
	struct kipc_select select __uninitialized;
	struct kipc_place place __uninitialized;
	struct kipc_post post __uninitialized;
	int err;

	if (arg->flags & ~(KIPC_MSG_NONBLOCK | KIPC_MSG_TRUNCATE) ||
	    arg->request.pad ||
	    !kipc_select_valid(arg->select, arg->type, arg->pid))
		return -EINVAL;
	err = kipc_endpoint_owner_post(call, arg->flags, &post);
	if (!err && arg->token)
		err = kipc_reply_first(call, &post);
	if (!err)
		err = kipc_select_init(&select, post.queue, arg->select,
				       arg->type, arg->pid);
	if (err)
		return err;
	kipc_message_place(&place, &arg->request, call->uptr +
			   offsetof(struct kipc_endpoint_reply_recv, request));
	receiver.select = &select;
	receiver.room = place.room;
	receiver.truncate = arg->flags & KIPC_MSG_TRUNCATE;
	err = kipc_post_take(&post, &receiver, &place, arg->deadline_ns);
	kipc_select_done(&select);
	return err;
}

/* Takes out as many of the oldest as fit.  Return: how many. */
static u32 kipc_untold_take(struct kipc_endpoint *endpoint,
			    struct kipc_message **batch, u32 count)
{
	u32 i;

	spin_lock(&endpoint->queue.lock);
	for (i = 0; i < count && endpoint->nr_untold; i++) {
		batch[i] = list_first_entry(&endpoint->untold,
					    struct kipc_message, untold);
		kipc_record_remove(endpoint, batch[i]);
	}
	spin_unlock(&endpoint->queue.lock);
	return i;
}

/**
 * kipc_endpoint_cancelled_call - KIPC_ENDPOINT_CANCELLED
 * @call: the call; struct kipc_endpoint_cancelled
 *
 * Context: may sleep.
 * Return: 0 or a negative errno, see uapi/linux/kipc/endpoint.h.
 */
int kipc_endpoint_cancelled_call(struct kipc_call *call)
{
	struct kipc_endpoint *endpoint =
		kipc_to_endpoint(call->handle->object);
	struct kipc_endpoint_cancelled *arg = call->arg;
	u64 __user *tokens = u64_to_user_ptr(arg->tokens);
	struct kipc_message *batch[KIPC_RECORDS_BATCH];
	struct kipc_post post;
	u32 room, got, i, done = 0;
	int err;

	if (arg->flags || arg->pad || !arg->count)
		return -EINVAL;
	err = kipc_endpoint_owner_post(call, 0, &post);
	if (err)
		return err;
	room = min(arg->count, READ_ONCE(endpoint->nr_untold));
	/* What is told is gone: see before that it can be. */
	if (clear_user(tokens, room * sizeof(*tokens)))
		return -EFAULT;
	while (done < room && !err) {
		got = kipc_untold_take(endpoint, batch,
				       min_t(u32, room - done,
					     ARRAY_SIZE(batch)));
		for (i = 0; i < got; i++) {
			if (put_user(batch[i]->token, &tokens[done + i]))
				err = -EFAULT;
			kipc_message_put(batch[i]);
		}
		done += got;
		if (!got)
			break;
	}
	arg->count = done;
	return err;
}
