// SPDX-License-Identifier: GPL-2.0
/* Sending, receiving and waiting: see queue.h. */
#include <linux/sched/signal.h>

#include "process.h"
#include "queue.h"

/**
 * struct kipc_sender - one who waits for room; lives as long as the call
 * @waiter: for sleeping
 * @message: accepted when the waiter's result is 0
 */
struct kipc_sender {
	struct kipc_waiter waiter;
	struct kipc_message *message;
};

/**
 * struct kipc_queue_change - what has to be done about a change; on the stack
 * @wake: to be woken
 * @rose: there is a message that was not there before
 * @fell: there is room
 */
struct kipc_queue_change {
	struct kipc_wake_batch wake;
	bool rose;
	bool fell;
};

static void kipc_queue_begin(struct kipc_queue *queue,
			     struct kipc_queue_change *change)
	__acquires(&queue->lock)
{
	change->wake.count = 0;
	change->rose = false;
	change->fell = false;
	spin_lock(&queue->lock);
}

/* Drops the lock and wakes whom the change concerns. */
static void kipc_queue_settle(struct kipc_queue *queue,
			      struct kipc_queue_change *change)
	__releases(&queue->lock)
{
	__poll_t events = 0;

	if (unlikely(queue->polled)) {
		if (change->rose)
			events |= EPOLLIN | EPOLLRDNORM;
		if (change->fell && !queue->nr_senders)
			events |= EPOLLOUT | EPOLLWRNORM;
	}
	spin_unlock(&queue->lock);

	kipc_wake_batch_flush(&change->wake);
	if (unlikely(events))
		wake_up_poll(&queue->poll, events);
}

/**
 * kipc_queue_init - a new queue, empty
 * @queue: zeroed memory
 * @object: whose queue it is
 * @bounds: what it may hold
 * @ops: for calls, or NULL
 */
void kipc_queue_init(struct kipc_queue *queue,
		     const struct kipc_object *object,
		     const struct kipc_queue_bounds *bounds,
		     const struct kipc_queue_ops *ops)
{
	spin_lock_init(&queue->lock);
	queue->bounds = *bounds;
	queue->levels = RB_ROOT_CACHED;
	INIT_LIST_HEAD(&queue->senders);
	INIT_LIST_HEAD(&queue->receivers);
	init_waitqueue_head(&queue->poll);
	queue->object = object;
	queue->ops = ops;
}

/* The message is a receiver's from here on. */
static void kipc_queue_give(struct kipc_queue *queue,
			    struct kipc_receiver *receiver,
			    struct kipc_message *message)
{
	receiver->message = message;
	queue->taken++;
	if (message->flags & KIPC_MESSAGE_CALL)
		queue->ops->taken(queue, message);
}

/* Hands a message to whoever has waited longest for one like it. */
static bool kipc_queue_offer(struct kipc_queue *queue,
			     struct kipc_queue_change *change,
			     struct kipc_message *message)
{
	struct kipc_receiver *receiver, *next;

	list_for_each_entry_safe(receiver, next, &queue->receivers,
				 waiter.link) {
		if (!kipc_select_matches(receiver->select, message))
			continue;
		list_del(&receiver->waiter.link);
		queue->nr_receivers--;
		if (message->len > receiver->room && !receiver->truncate) {
			receiver->needed = message->len;
			kipc_wake_batch_add(&change->wake, &receiver->waiter,
					    -EMSGSIZE);
			continue;
		}
		kipc_queue_give(queue, receiver, message);
		kipc_wake_batch_add(&change->wake, &receiver->waiter, 0);
		return true;
	}
	return false;
}

static void kipc_queue_place(struct kipc_queue *queue,
			     struct kipc_queue_change *change,
			     struct kipc_message *message)
{
	if (queue->nr_receivers && kipc_queue_offer(queue, change, message))
		return;
	kipc_queue_insert(queue, message);
	change->rose = true;
}

static void kipc_queue_accept(struct kipc_queue *queue,
			      struct kipc_queue_change *change,
			      struct kipc_message *message)
{
	message->seq = ++queue->accepted;
	if (message->flags & KIPC_MESSAGE_CALL)
		queue->ops->accepted(queue, message);
	kipc_queue_place(queue, change, message);
}

/* There may be room: lets in who waits, from the head. */
static void kipc_queue_admit(struct kipc_queue *queue,
			     struct kipc_queue_change *change)
{
	change->fell = true;
	while (queue->nr_senders && !queue->closed) {
		struct kipc_sender *sender;

		sender = list_first_entry(&queue->senders, struct kipc_sender,
					  waiter.link);
		if (!kipc_queue_fits(queue, sender->message->len))
			break;
		list_del(&sender->waiter.link);
		queue->nr_senders--;
		kipc_queue_accept(queue, change, sender->message);
		kipc_wake_batch_add(&change->wake, &sender->waiter, 0);
	}
}

/* Waits for room.  Return: 0 if the message was accepted, or an errno. */
static int kipc_queue_send_sleep(struct kipc_queue *queue,
				 struct kipc_message *message, u64 deadline_ns)
	__releases(&queue->lock)
{
	struct kipc_sender sender = { .message = message };
	struct kipc_queue_change change;
	int err, result;

	kipc_waiter_init_spin(&sender.waiter,
			      kipc_object_spin_ns(queue->object));
	list_add_tail(&sender.waiter.link, &queue->senders);
	queue->nr_senders++;
	spin_unlock(&queue->lock);

	err = kipc_waiter_sleep(&sender.waiter, deadline_ns,
				&queue->send_stats);
	if (!err)
		return sender.waiter.result;

	kipc_queue_begin(queue, &change);
	result = sender.waiter.result;
	if (result == KIPC_WAITING) {
		list_del(&sender.waiter.link);
		queue->nr_senders--;
		result = err;
		/* Who was behind may need less. */
		kipc_queue_admit(queue, &change);
	}
	kipc_queue_settle(queue, &change);
	return result;
}

/**
 * kipc_queue_send - send a message
 * @queue: the queue
 * @message: with a reference, which is the queue's if this succeeds
 * @nowait: -EAGAIN rather than sleep
 * @deadline_ns: CLOCK_MONOTONIC, 0 for none
 *
 * Context: may sleep; takes queue->lock.
 * Return: 0; -EAGAIN, -ETIMEDOUT, -ERESTARTSYS, or why the queue has ended.
 */
int kipc_queue_send(struct kipc_queue *queue, struct kipc_message *message,
		    bool nowait, u64 deadline_ns)
{
	struct kipc_queue_change change __uninitialized;
	int ret;

	kipc_queue_begin(queue, &change);
	if (likely(kipc_queue_is_calm(queue) &&
		   !(message->flags & KIPC_MESSAGE_CALL) &&
		   kipc_queue_fits(queue, message->len))) {
		message->seq = ++queue->accepted;
		kipc_queue_insert(queue, message);
		spin_unlock(&queue->lock);
		return 0;
	}
	ret = queue->closed;
	if (!ret) {
		if (likely(!queue->nr_senders &&
			   kipc_queue_fits(queue, message->len)))
			kipc_queue_accept(queue, &change, message);
		else if (!nowait)
			return kipc_queue_send_sleep(queue, message,
						     deadline_ns);
		else
			ret = -EAGAIN;
	}
	kipc_queue_settle(queue, &change);
	return ret;
}

/**
 * kipc_queue_send_some - send what finds room
 * @queue: the queue
 * @messages: as for kipc_queue_send()
 * @count: how many
 *
 * Context: does not sleep; takes queue->lock.
 * Return: how many of them, from the first on, were accepted.
 */
u32 kipc_queue_send_some(struct kipc_queue *queue,
			 struct kipc_message **messages, u32 count)
{
	struct kipc_queue_change change;
	u32 i;

	kipc_queue_begin(queue, &change);
	for (i = 0; i < count; i++) {
		if (likely(kipc_queue_is_calm(queue) &&
			   kipc_queue_fits(queue, messages[i]->len))) {
			messages[i]->seq = ++queue->accepted;
			kipc_queue_insert(queue, messages[i]);
			continue;
		}
		if (queue->closed || queue->nr_senders ||
		    !kipc_queue_fits(queue, messages[i]->len))
			break;
		kipc_queue_accept(queue, &change, messages[i]);
	}
	kipc_queue_settle(queue, &change);
	return i;
}

/* Puts a message that a receiver has not used where it was. */
static bool kipc_queue_put_back(struct kipc_queue *queue,
				struct kipc_queue_change *change,
				struct kipc_message *message)
{
	lockdep_assert_held(&queue->lock);

	queue->taken--;
	if (message->flags & KIPC_MESSAGE_CALL &&
	    !queue->ops->returned(queue, message))
		return false;
	if (queue->closed)
		return false;
	kipc_queue_place(queue, change, message);
	return true;
}

/**
 * kipc_queue_return - bring back a message that could not be delivered
 * @queue: the queue
 * @message: from kipc_queue_receive(), with its reference
 *
 * Context: may sleep; takes queue->lock.
 */
void kipc_queue_return(struct kipc_queue *queue, struct kipc_message *message)
{
	struct kipc_queue_change change;
	bool kept;

	kipc_queue_begin(queue, &change);
	kept = kipc_queue_put_back(queue, &change, message);
	kipc_queue_settle(queue, &change);
	if (!kept)
		kipc_message_put(message);
}

/*
 * Takes what the receiver wants, if it is there.
 * Return: 0, -EMSGSIZE, or -EAGAIN: there is none.
 */
static int kipc_queue_take(struct kipc_queue *queue,
			   struct kipc_queue_change *change,
			   struct kipc_receiver *receiver)
{
	struct kipc_message *message;

	if (!queue->messages)
		return -EAGAIN;
	message = kipc_queue_find(queue, receiver->select, 0);
	if (!message)
		return -EAGAIN;
	if (message->len > receiver->room && !receiver->truncate) {
		receiver->needed = message->len;
		return -EMSGSIZE;
	}
	kipc_queue_remove(queue, message);
	kipc_queue_give(queue, receiver, message);
	kipc_queue_admit(queue, change);
	return 0;
}

/* The usual case of kipc_queue_take(), without what only matters to others. */
static __always_inline bool kipc_queue_take_quick(struct kipc_queue *queue,
						  struct kipc_receiver *receiver)
{
	struct kipc_message *message = kipc_queue_first(queue);

	if (unlikely(!message || !kipc_queue_is_calm(queue) ||
		     receiver->select->how != KIPC_SELECT_ANY ||
		     message->len > receiver->room ||
		     message->flags & KIPC_MESSAGE_CALL))
		return false;
	kipc_queue_remove(queue, message);
	queue->taken++;
	receiver->message = message;
	return true;
}

/* Waits for a message.  Return: 0 if there is one, or an errno. */
static int kipc_queue_receive_sleep(struct kipc_queue *queue,
				    struct kipc_receiver *receiver,
				    u64 deadline_ns)
	__releases(&queue->lock)
{
	struct pid *sender = receiver->select->sender;
	struct kipc_queue_change change __uninitialized;
	struct kipc_message *unused = NULL;
	int err, result;

	kipc_waiter_init_spin(&receiver->waiter,
			      kipc_object_spin_ns(queue->object));
	list_add_tail(&receiver->waiter.link, &queue->receivers);
	queue->nr_receivers++;
	spin_unlock(&queue->lock);

	if (likely(!sender))
		err = kipc_waiter_sleep(&receiver->waiter, deadline_ns,
					&queue->receive_stats);
	else
		err = kipc_waiter_sleep_for(&receiver->waiter, deadline_ns,
					    &queue->receive_stats, sender);
	if (!err && !fatal_signal_pending(current))
		return receiver->waiter.result;

	kipc_queue_begin(queue, &change);
	result = receiver->waiter.result;
	if (result == KIPC_WAITING) {
		list_del(&receiver->waiter.link);
		queue->nr_receivers--;
		result = err;
	} else if (!result && fatal_signal_pending(current)) {
		if (!kipc_queue_put_back(queue, &change, receiver->message))
			unused = receiver->message;
		result = -EINTR;
	}
	kipc_queue_settle(queue, &change);
	if (unused)
		kipc_message_put(unused);
	return result;
}

/**
 * kipc_queue_receive - take a message, or wait for one
 * @queue: the queue
 * @receiver: select, room and truncate are filled in
 * @nowait: -EAGAIN rather than sleep
 * @deadline_ns: CLOCK_MONOTONIC, 0 for none
 *
 * Context: may sleep; takes queue->lock.
 * Return: 0: receiver->message is the caller's, who frees it or brings it back;
 * -EMSGSIZE: see receiver->needed; -ESRCH, -EAGAIN, -ETIMEDOUT, -ERESTARTSYS,
 * -EINTR, or why the queue has ended.
 */
int kipc_queue_receive(struct kipc_queue *queue,
		       struct kipc_receiver *receiver, bool nowait,
		       u64 deadline_ns)
{
	struct pid *sender = receiver->select->sender;
	struct kipc_queue_change change __uninitialized;
	int ret;

	kipc_queue_begin(queue, &change);
	if (likely(kipc_queue_take_quick(queue, receiver))) {
		spin_unlock(&queue->lock);
		return 0;
	}
	ret = queue->closed;
	if (!ret)
		ret = kipc_queue_take(queue, &change, receiver);
	if (ret == -EAGAIN) {
		if (unlikely(sender) && kipc_process_dead(sender))
			ret = -ESRCH;
		else if (!nowait)
			return kipc_queue_receive_sleep(queue, receiver,
							deadline_ns);
	}
	kipc_queue_settle(queue, &change);
	return ret;
}

/**
 * kipc_queue_receive_some - take what is there
 * @queue: the queue
 * @receivers: as for kipc_queue_receive()
 * @count: how many
 *
 * Context: does not sleep; takes queue->lock.
 * Return: how many of them, from the first on, have got a message.
 */
u32 kipc_queue_receive_some(struct kipc_queue *queue,
			    struct kipc_receiver *receivers, u32 count)
{
	struct kipc_queue_change change;
	u32 i;

	kipc_queue_begin(queue, &change);
	for (i = 0; i < count; i++) {
		if (likely(kipc_queue_take_quick(queue, &receivers[i])))
			continue;
		if (queue->closed ||
		    kipc_queue_take(queue, &change, &receivers[i]))
			break;
	}
	kipc_queue_settle(queue, &change);
	return i;
}

/**
 * kipc_queue_withdraw - take out a message whose sender has changed his mind
 * @queue: the queue
 * @message: in it
 *
 * Context: may sleep; queue->lock held, and released here.
 */
void kipc_queue_withdraw(struct kipc_queue *queue,
			 struct kipc_message *message)
	__releases(&queue->lock)
{
	struct kipc_queue_change change = { };

	kipc_queue_remove(queue, message);
	kipc_queue_admit(queue, &change);
	kipc_queue_settle(queue, &change);
	kipc_message_put(message);
}

/* Takes all messages out at once. */
static struct rb_root_cached kipc_queue_take_all(struct kipc_queue *queue)
{
	struct rb_root_cached levels = queue->levels;

	lockdep_assert_held(&queue->lock);

	queue->levels = RB_ROOT_CACHED;
	queue->messages = 0;
	queue->bytes = 0;
	return levels;
}

static void kipc_queue_free_all(struct rb_root_cached *levels)
{
	struct kipc_message *first, *next_level, *message, *next;

	rbtree_postorder_for_each_entry_safe(first, next_level,
					     &levels->rb_root, level) {
		list_for_each_entry_safe(message, next, &first->link, link)
			kipc_message_put(message);
		kipc_message_put(first);
		cond_resched();
	}
}

/**
 * kipc_queue_drain - throw all messages away; none of them is a call
 * @queue: the queue
 * @messages: (out) how many there were
 * @bytes: (out) of their bodies
 *
 * Context: may sleep; takes queue->lock.
 */
void kipc_queue_drain(struct kipc_queue *queue, u32 *messages, u64 *bytes)
{
	struct kipc_queue_change change;
	struct rb_root_cached levels;

	kipc_queue_begin(queue, &change);
	*messages = queue->messages;
	*bytes = queue->bytes;
	levels = kipc_queue_take_all(queue);
	kipc_queue_admit(queue, &change);
	kipc_queue_settle(queue, &change);
	kipc_queue_free_all(&levels);
}

/**
 * kipc_queue_mark_closed - nothing is accepted or taken any more
 * @queue: the queue; kipc_queue_close() is going to follow
 * @err: what everybody gets from now on
 *
 * Context: queue->lock held.
 * Return: what everybody gets: the first end counts.
 */
int kipc_queue_mark_closed(struct kipc_queue *queue, int err)
{
	lockdep_assert_held(&queue->lock);

	if (!queue->closed)
		queue->closed = err;
	return queue->closed;
}

/**
 * kipc_queue_close - the end of a queue
 * @queue: the queue
 * @err: what everybody gets from now on
 *
 * Nobody waits for the reply to a message in it: who did was told before.
 *
 * Context: may sleep; takes queue->lock.
 */
void kipc_queue_close(struct kipc_queue *queue, int err)
{
	struct kipc_receiver *receiver, *next_receiver;
	struct kipc_sender *sender, *next_sender;
	struct kipc_queue_change change;
	struct rb_root_cached levels;

	kipc_queue_begin(queue, &change);
	err = kipc_queue_mark_closed(queue, err);
	levels = kipc_queue_take_all(queue);
	list_for_each_entry_safe(receiver, next_receiver, &queue->receivers,
				 waiter.link) {
		list_del(&receiver->waiter.link);
		kipc_wake_batch_add(&change.wake, &receiver->waiter, err);
	}
	list_for_each_entry_safe(sender, next_sender, &queue->senders,
				 waiter.link) {
		list_del(&sender->waiter.link);
		kipc_wake_batch_add(&change.wake, &sender->waiter, err);
	}
	queue->nr_receivers = 0;
	queue->nr_senders = 0;
	kipc_queue_settle(queue, &change);

	/* All of them, exclusive ones too. */
	__wake_up(&queue->poll, TASK_NORMAL, 0,
		  poll_to_key(EPOLLIN | EPOLLOUT | EPOLLHUP | EPOLLERR));
	kipc_queue_free_all(&levels);
}

/**
 * kipc_queue_free - drop what a queue holds, with its object
 * @queue: the queue, which nobody has any more
 *
 * Context: may sleep.
 */
void kipc_queue_free(struct kipc_queue *queue)
{
	kipc_queue_close(queue, -EIDRM);
	kipc_message_free_spares(queue->spare);
	kipc_message_free_spares(queue->spare_page);
}
