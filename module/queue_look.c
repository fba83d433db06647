// SPDX-License-Identifier: GPL-2.0
/* The order of a queue, selections, and what there is to see of one. */
#include <linux/pid_namespace.h>
#include <linux/seq_file.h>

#include "queue.h"

/* Only the first of a ring is in the tree. */
static bool kipc_message_is_first(const struct kipc_message *message)
{
	return !RB_EMPTY_NODE(&message->level);
}

/* Puts a message into the ring that begins with @first, by its number. */
static void kipc_level_add(struct kipc_queue *queue, struct kipc_message *first,
			   struct kipc_message *message)
{
	struct kipc_message *pos = list_prev_entry(first, link);

	RB_CLEAR_NODE(&message->level);
	if (likely(pos->seq < message->seq)) {
		list_add(&message->link, &pos->link);
		return;
	}
	/* It was brought back, so it was near the beginning. */
	pos = first;
	while (pos->seq < message->seq)
		pos = list_next_entry(pos, link);
	list_add_tail(&message->link, &pos->link);
	if (pos == first) {
		rb_replace_node_cached(&first->level, &message->level,
				       &queue->levels);
		RB_CLEAR_NODE(&first->level);
	}
}

/**
 * kipc_queue_insert - put a message into its place
 * @queue: the queue
 * @message: with its number
 *
 * Context: queue->lock held.
 */
void kipc_queue_insert(struct kipc_queue *queue, struct kipc_message *message)
{
	struct rb_node **link = &queue->levels.rb_root.rb_node;
	struct rb_node *parent = NULL;
	bool highest = true;

	lockdep_assert_held(&queue->lock);

	message->queued = true;
	queue->messages++;
	queue->bytes += message->len;
	queue->peak_messages = max(queue->peak_messages, queue->messages);
	queue->peak_bytes = max(queue->peak_bytes, queue->bytes);

	while (*link) {
		struct kipc_message *first = rb_entry(*link, struct kipc_message, level);

		if (message->priority == first->priority) {
			kipc_level_add(queue, first, message);
			return;
		}
		parent = *link;
		if (message->priority > first->priority) {
			link = &parent->rb_left;
		} else {
			link = &parent->rb_right;
			highest = false;
		}
	}
	INIT_LIST_HEAD(&message->link);
	rb_link_node(&message->level, parent, link);
	rb_insert_color_cached(&message->level, &queue->levels, highest);
}

/**
 * kipc_queue_remove - take a message out
 * @queue: the queue
 * @message: in it
 *
 * Context: queue->lock held.
 */
void kipc_queue_remove(struct kipc_queue *queue, struct kipc_message *message)
{
	lockdep_assert_held(&queue->lock);

	if (queue->messages == 1) {
		queue->levels = RB_ROOT_CACHED;
	} else if (list_empty(&message->link)) {
		rb_erase_cached(&message->level, &queue->levels);
	} else {
		struct kipc_message *next = list_next_entry(message, link);

		if (kipc_message_is_first(message))
			rb_replace_node_cached(&message->level, &next->level,
					       &queue->levels);
		list_del(&message->link);
	}
	message->queued = false;
	queue->messages--;
	queue->bytes -= message->len;
}

static struct kipc_message *kipc_queue_next(struct kipc_message *message)
{
	struct kipc_message *next = list_next_entry(message, link);

	/* Around the ring: on to the next lower priority. */
	if (kipc_message_is_first(next))
		return rb_entry_safe(rb_next(&next->level),
				     struct kipc_message, level);
	return next;
}

/**
 * kipc_select_has - kipc_select_matches() for one who does not want any
 * @select: what the receiver wants
 * @message: the message
 */
bool kipc_select_has(const struct kipc_select *select,
		     const struct kipc_message *message)
{
	switch (select->how) {
	case KIPC_SELECT_TYPE:
		return message->type == select->type;
	case KIPC_SELECT_UP_TO:
		return message->type <= select->type;
	case KIPC_SELECT_NOT:
		return message->type != select->type;
	case KIPC_SELECT_SENDER:
		return message->sender == select->sender;
	default:
		return true;
	}
}

/**
 * kipc_queue_find - the message that a receiver is to have
 * @queue: the queue
 * @select: which he wants
 * @position: how many to pass over; 0 with KIPC_SELECT_UP_TO
 *
 * Context: queue->lock held.
 * Return: the message, still in the queue, or NULL.
 */
struct kipc_message *kipc_queue_find(const struct kipc_queue *queue,
				     const struct kipc_select *select,
				     u32 position)
{
	struct kipc_message *message, *best = NULL;

	lockdep_assert_held(&queue->lock);

	message = kipc_queue_first(queue);
	if (likely(select->how == KIPC_SELECT_ANY && !position))
		return message;
	for (; message; message = kipc_queue_next(message)) {
		if (!kipc_select_matches(select, message))
			continue;
		if (select->how == KIPC_SELECT_UP_TO) {
			if (!best || message->type < best->type)
				best = message;
		} else if (!position--) {
			return message;
		}
	}
	return best;
}

/* A process that is no more is known by the number it had, if it left some. */
static struct pid *kipc_queue_find_sender(struct kipc_queue *queue, u32 pid)
{
	const struct kipc_select any = { .how = KIPC_SELECT_ANY };
	struct pid_namespace *ns = task_active_pid_ns(current);
	struct kipc_message *message;
	struct pid *found = NULL;

	spin_lock(&queue->lock);
	message = kipc_queue_find(queue, &any, 0);
	for (; message && !found; message = kipc_queue_next(message))
		if (pid_nr_ns(message->sender, ns) == pid)
			found = get_pid(message->sender);
	spin_unlock(&queue->lock);
	return found;
}

/**
 * kipc_select_valid - does it say what it must, and nothing else?
 * @how: KIPC_SELECT_*
 * @type: must be 0 if it does not count
 * @pid: likewise
 */
bool kipc_select_valid(u32 how, u64 type, u32 pid)
{
	switch (how) {
	case KIPC_SELECT_ANY:
		return !type && !pid;
	case KIPC_SELECT_TYPE:
	case KIPC_SELECT_UP_TO:
	case KIPC_SELECT_NOT:
		return !pid;
	case KIPC_SELECT_SENDER:
		return !type && pid;
	default:
		return false;
	}
}

/**
 * kipc_select_some - kipc_select_init() for all but the usual
 * @select: see there, like the rest
 * @queue: the queue
 * @how: KIPC_SELECT_*
 * @type: for those by type
 * @pid: for KIPC_SELECT_SENDER
 *
 * Context: takes queue->lock.
 * Return: 0, -EINVAL or -ESRCH.
 */
int kipc_select_some(struct kipc_select *select, struct kipc_queue *queue,
		     u32 how, u64 type, u32 pid)
{
	struct pid *found;

	if (!kipc_select_valid(how, type, pid))
		return -EINVAL;
	select->how = how;
	select->type = type;
	select->sender = NULL;
	if (likely(!pid))
		return 0;

	rcu_read_lock();
	found = find_vpid(pid);
	if (found && pid_task(found, PIDTYPE_TGID))
		get_pid(found);
	else
		found = NULL;
	rcu_read_unlock();
	select->sender = found ?: kipc_queue_find_sender(queue, pid);
	return select->sender ? 0 : -ESRCH;
}

/**
 * kipc_queue_peek - look at a message
 * @queue: the queue
 * @select: which
 * @position: how many of these to pass over
 *
 * Context: takes queue->lock.
 * Return: a counted reference, -EAGAIN, or why the queue has ended.
 */
struct kipc_message *kipc_queue_peek(struct kipc_queue *queue,
				     const struct kipc_select *select,
				     u32 position)
{
	struct kipc_message *message;

	spin_lock(&queue->lock);
	if (queue->closed) {
		message = ERR_PTR(queue->closed);
	} else {
		message = kipc_queue_find(queue, select, position);
		if (message) {
			refcount_inc(&message->refs);
			message->peeked = true;
		} else {
			message = ERR_PTR(-EAGAIN);
		}
	}
	spin_unlock(&queue->lock);
	return message;
}

/**
 * kipc_queue_poll - poll(2) on a queue
 * @queue: the queue
 * @file: the handle
 * @wait: as the file operation has it
 * @want: length of the message that the handle wants to send, if that is known
 *
 * Whoever polls is on the wait queue before he takes the lock, and from then on
 * the queue counts as polled: a change comes either before that, and he sees it
 * here, or after, and wakes him.
 *
 * Context: takes queue->lock.
 * Return: the events.
 */
__poll_t kipc_queue_poll(struct kipc_queue *queue, struct file *file,
			 poll_table *wait, u32 want)
{
	__poll_t events = 0;

	poll_wait(file, &queue->poll, wait);

	spin_lock(&queue->lock);
	queue->polled = true;
	if (queue->closed) {
		events = EPOLLIN | EPOLLRDNORM | EPOLLOUT | EPOLLWRNORM |
			 EPOLLHUP | EPOLLERR;
	} else {
		if (queue->messages)
			events |= EPOLLIN | EPOLLRDNORM;
		if (!queue->nr_senders &&
		    kipc_queue_fits(queue, max(want, 1U)))
			events |= EPOLLOUT | EPOLLWRNORM;
	}
	spin_unlock(&queue->lock);
	return events;
}

/**
 * kipc_queue_describe - fill in a queue's stat
 * @queue: the queue
 * @stat: to be filled in
 *
 * Context: queue->lock held.
 */
void kipc_queue_describe(struct kipc_queue *queue, struct kipc_queue_stat *stat)
{
	lockdep_assert_held(&queue->lock);

	stat->messages = queue->messages;
	stat->max_messages = queue->bounds.max_messages;
	stat->bytes = queue->bytes;
	stat->max_bytes = queue->bounds.max_bytes;
	stat->message_max = queue->bounds.message_max;
	stat->peak_messages = queue->peak_messages;
	stat->peak_bytes = queue->peak_bytes;
	stat->senders = queue->nr_senders;
	stat->receivers = queue->nr_receivers;
	stat->sent = queue->accepted;
	stat->received = queue->taken;
	stat->send_sleeps = atomic64_read(&queue->send_stats.sleeps);
	stat->send_blocked_ns = atomic64_read(&queue->send_stats.blocked_ns);
	stat->recv_sleeps = atomic64_read(&queue->receive_stats.sleeps);
	stat->recv_blocked_ns = atomic64_read(&queue->receive_stats.blocked_ns);
}

/**
 * kipc_queue_stat - the state of a queue at one moment
 * @queue: the queue
 * @stat: to be filled in
 *
 * Context: takes queue->lock.
 */
void kipc_queue_stat(struct kipc_queue *queue, struct kipc_queue_stat *stat)
{
	spin_lock(&queue->lock);
	kipc_queue_describe(queue, stat);
	spin_unlock(&queue->lock);
}

/**
 * kipc_queue_show - the part of fdinfo that is about a queue
 * @seq: where to print
 * @queue: the queue
 *
 * Context: takes queue->lock.
 */
void kipc_queue_show(struct seq_file *seq, struct kipc_queue *queue)
{
	struct kipc_queue_stat stat;

	kipc_queue_stat(queue, &stat);
	seq_printf(seq, "kipc-messages:\t%u\n", stat.messages);
	seq_printf(seq, "kipc-max-messages:\t%u\n", stat.max_messages);
	seq_printf(seq, "kipc-bytes:\t%llu\n", stat.bytes);
	seq_printf(seq, "kipc-max-bytes:\t%llu\n", stat.max_bytes);
	seq_printf(seq, "kipc-message-max:\t%u\n", stat.message_max);
	seq_printf(seq, "kipc-senders:\t%u\n", stat.senders);
	seq_printf(seq, "kipc-receivers:\t%u\n", stat.receivers);
}
