/* SPDX-License-Identifier: GPL-2.0 */
/*
 * DOC: message queues
 *
 * What an endpoint and a mailbox have inside: messages in order, those who wait
 * for room and those who wait for a message, under one spinlock.
 *
 * Order.  Messages of one priority are a ring in order of arrival (message->seq).
 * The first of each ring is a node of a tree by priority; so the first of all is
 * found at once, and the place of a new one in as many steps as the number of
 * different priorities has bits.
 *
 * Sending.  A message is accepted when nobody waits for room and it fits;
 * otherwise its sender waits at the end of @senders.  Whoever makes room lets in
 * from the head for as long as they fit, so a large message is not passed by
 * small ones.  An accepted message is offered to @receivers, in order of
 * arrival: the first whose selection matches gets it, and it never is in the
 * queue.  So there is nothing in the queue that a waiting receiver wants.
 *
 * Receiving.  What is taken from the queue belongs to the receiver, who copies it
 * to user space without the lock.  If that fails he brings it back: it has its
 * number still, and so its place.  It is offered first, as if it had just come.
 * A queue can be above its bounds by the messages that are brought back, no more
 * than there are receivers at work.
 *
 * Waiting.  A receiver is woken with its message, or because it has no room for
 * it (-EMSGSIZE), or by the end of the queue; a sender when its message was
 * accepted, or by the end.  Whom a signal or a deadline wakes takes the lock and
 * looks at the result again, which counts.  A sender that has none leaves, which
 * may let in those behind.  A receiver that is killed with a message at hand
 * brings it back, for its process will never see it.
 *
 * Who waits for a message of one process sleeps on the wait queue of its struct
 * pid as well (waiter.h), so that he learns of its death.
 *
 * End.  @closed is why there is no queue any more.  It is set with the lock held,
 * everybody who waits is woken with it, and messages are thrown away, also those
 * that are brought back later.
 *
 * Locks: queue->lock is innermost, but for the scheduler's.  Messages are made,
 * copied and freed, tasks and pollers woken without it.  An endpoint keeps its
 * calls under it, too, and is told of their messages by the functions in @ops,
 * which are called with it held.
 */
#ifndef KIPC_QUEUE_H
#define KIPC_QUEUE_H

#include <linux/pid.h>
#include <linux/poll.h>
#include <linux/rbtree.h>
#include <linux/spinlock.h>
#include <linux/wait.h>

#include "message.h"
#include "object.h"
#include "waiter.h"

/* Most that a queue keeps of the memory of small messages: a few KiB. */
#define KIPC_SPARES_MAX		32

/* And of pages: for a request and its reply. */
#define KIPC_SPARE_PAGES_MAX	2

struct kipc_queue;
struct seq_file;

/**
 * struct kipc_queue_bounds - how much a queue may hold
 * @max_messages: messages
 * @message_max: bytes of one body
 * @max_bytes: bytes of bodies
 */
struct kipc_queue_bounds {
	u32 max_messages;
	u32 message_max;
	u64 max_bytes;
};

/**
 * struct kipc_queue_ops - for messages that somebody waits for the reply of
 * @accepted: it is in the queue, or about to be handed over
 * @taken: a receiver has it
 * @returned: he brings it back; false: nobody wants it any more
 *
 * Context of all: queue->lock held.
 */
struct kipc_queue_ops {
	void (*accepted)(struct kipc_queue *queue, struct kipc_message *call);
	void (*taken)(struct kipc_queue *queue, struct kipc_message *call);
	bool (*returned)(struct kipc_queue *queue, struct kipc_message *call);
};

/**
 * struct kipc_queue - messages, and who waits for what
 * @lock: guards all below but the two kinds of stats
 * @closed: 0, or the errno for everybody
 * @polled: somebody has been on @poll; never cleared
 * @messages: in the queue
 * @bytes: of their bodies
 * @bounds: invariant
 * @levels: by priority, highest first
 * @senders: who wait for room, in order of arrival
 * @receivers: who wait for a message, in order of arrival
 * @nr_senders: length of @senders
 * @nr_receivers: length of @receivers
 * @peak_messages: most that were in it
 * @peak_bytes: likewise
 * @accepted: messages so far, and so the number of the last one
 * @taken: messages that went to receivers
 * @spare: memory for small messages, a chain or NULL; taken and put as a whole, by
 *	xchg(), without the lock
 * @spare_page: likewise, of messages that have a page apart
 * @object: whose queue it is; invariant
 * @ops: NULL for a mailbox
 * @poll: where pollers are; has a lock of its own
 * @send_stats: sleeps of senders; atomic
 * @receive_stats: sleeps of receivers; atomic
 */
struct kipc_queue {
	spinlock_t lock;
	int closed;
	bool polled;
	u32 messages;
	u64 bytes;
	struct kipc_queue_bounds bounds;
	struct rb_root_cached levels;
	struct list_head senders;
	struct list_head receivers;
	u32 nr_senders;
	u32 nr_receivers;
	u32 peak_messages;
	u64 peak_bytes;
	u64 accepted;
	u64 taken;
	struct kipc_message *spare;
	struct kipc_message *spare_page;
	const struct kipc_object *object;
	const struct kipc_queue_ops *ops;
	wait_queue_head_t poll;
	struct kipc_wait_stats send_stats;
	struct kipc_wait_stats receive_stats;
};

/**
 * struct kipc_select - which message a receiver wants
 * @how: KIPC_SELECT_*
 * @type: for those by type
 * @sender: for KIPC_SELECT_SENDER: a counted reference; else NULL
 */
struct kipc_select {
	u32 how;
	u64 type;
	struct pid *sender;
};

/**
 * struct kipc_receiver - one who wants a message; lives as long as the call
 * @waiter: for sleeping
 * @select: which one
 * @room: for the body
 * @truncate: or any length
 * @message: (out) the message, with its reference
 * @needed: (out) with -EMSGSIZE: the length that it has
 */
struct kipc_receiver {
	struct kipc_waiter waiter;
	const struct kipc_select *select;
	u32 room;
	bool truncate;
	struct kipc_message *message;
	u32 needed;
};

/* queue.c: sending, receiving, waiting */
void kipc_queue_init(struct kipc_queue *queue,
		     const struct kipc_object *object,
		     const struct kipc_queue_bounds *bounds,
		     const struct kipc_queue_ops *ops);
int kipc_queue_send(struct kipc_queue *queue, struct kipc_message *message,
		    bool nowait, u64 deadline_ns);
u32 kipc_queue_send_some(struct kipc_queue *queue,
			 struct kipc_message **messages, u32 count);
int kipc_queue_receive(struct kipc_queue *queue,
		       struct kipc_receiver *receiver, bool nowait,
		       u64 deadline_ns);
u32 kipc_queue_receive_some(struct kipc_queue *queue,
			    struct kipc_receiver *receivers, u32 count);
void kipc_queue_return(struct kipc_queue *queue, struct kipc_message *message);
void kipc_queue_withdraw(struct kipc_queue *queue,
			 struct kipc_message *message)
	__releases(&queue->lock);
void kipc_queue_drain(struct kipc_queue *queue, u32 *messages, u64 *bytes);
int kipc_queue_mark_closed(struct kipc_queue *queue, int err);
void kipc_queue_close(struct kipc_queue *queue, int err);
void kipc_queue_free(struct kipc_queue *queue);

/* queue_look.c: order, selection, and what there is to see */
void kipc_queue_insert(struct kipc_queue *queue, struct kipc_message *message);
void kipc_queue_remove(struct kipc_queue *queue, struct kipc_message *message);
struct kipc_message *kipc_queue_find(const struct kipc_queue *queue,
				     const struct kipc_select *select,
				     u32 position);
bool kipc_select_has(const struct kipc_select *select,
		     const struct kipc_message *message);
bool kipc_select_valid(u32 how, u64 type, u32 pid);
int kipc_select_some(struct kipc_select *select, struct kipc_queue *queue,
		     u32 how, u64 type, u32 pid);
struct kipc_message *kipc_queue_peek(struct kipc_queue *queue,
				     const struct kipc_select *select,
				     u32 position);
__poll_t kipc_queue_poll(struct kipc_queue *queue, struct file *file,
			 poll_table *wait, u32 want);
void kipc_queue_stat(struct kipc_queue *queue, struct kipc_queue_stat *stat);
void kipc_queue_describe(struct kipc_queue *queue,
			 struct kipc_queue_stat *stat);
void kipc_queue_show(struct seq_file *seq, struct kipc_queue *queue);

/**
 * kipc_select_init - check what a receiver says he wants
 * @select: to be filled in; kipc_select_done() has to follow, if this succeeds
 * @queue: the queue
 * @how: KIPC_SELECT_*
 * @type: must be 0 if it does not count
 * @pid: likewise; in the caller's PID namespace
 *
 * Context: takes queue->lock.
 * Return: 0, -EINVAL or -ESRCH.
 */
static inline int kipc_select_init(struct kipc_select *select,
				   struct kipc_queue *queue, u32 how, u64 type,
				   u32 pid)
{
	if (unlikely(how != KIPC_SELECT_ANY || type || pid))
		return kipc_select_some(select, queue, how, type, pid);
	select->how = KIPC_SELECT_ANY;
	select->sender = NULL;
	return 0;
}

/* Is it one that the receiver wants? */
static inline bool kipc_select_matches(const struct kipc_select *select,
				       const struct kipc_message *message)
{
	return likely(select->how == KIPC_SELECT_ANY) ||
	       kipc_select_has(select, message);
}

static inline void kipc_select_done(struct kipc_select *select)
{
	if (unlikely(select->sender))
		put_pid(select->sender);
}

/* Nobody has to be told of a change.  Under queue->lock. */
static inline bool kipc_queue_is_calm(const struct kipc_queue *queue)
{
	return !queue->closed && !queue->polled && !queue->nr_senders &&
	       !queue->nr_receivers;
}

/* Memory for new messages; what is left of it goes to kipc_spares_keep(). */
static inline struct kipc_message *
kipc_spares_take(struct kipc_message **shelf)
{
	return READ_ONCE(*shelf) ? xchg(shelf, NULL) : NULL;
}

static inline void kipc_spares_keep(struct kipc_message **shelf,
				    struct kipc_message *spares)
{
	if (spares)
		spares = xchg(shelf, spares);
	/* Somebody else has kept some in the meantime. */
	if (unlikely(spares))
		kipc_message_free_spares(spares);
}

static inline struct kipc_message *
kipc_spares_pop(struct kipc_message **spares)
{
	struct kipc_message *memory = *spares;

	if (memory)
		*spares = memory->next_spare;
	return memory;
}

/* Drops a message, but keeps its memory, unless there are @max of it. */
static inline void kipc_spares_push(struct kipc_message **spares,
				    struct kipc_message *message, u32 max)
{
	u32 nr_spares = *spares ? (*spares)->nr_spares : 0;

	if (unlikely(nr_spares == max)) {
		kipc_message_put(message);
		return;
	}
	message = kipc_message_recycle(message);
	if (unlikely(!message))
		return;
	message->next_spare = *spares;
	message->nr_spares = nr_spares + 1;
	*spares = message;
}

/* Memory for one message of this length, or NULL. */
static inline struct kipc_message *kipc_queue_spare(struct kipc_queue *queue,
						    u32 len)
{
	struct kipc_message **shelf = &queue->spare;
	struct kipc_message *spares, *memory;

	if (len > KIPC_MESSAGE_SMALL) {
		if (len <= KIPC_MESSAGE_ONE_PIECE || len > PAGE_SIZE)
			return NULL;
		shelf = &queue->spare_page;
	}
	spares = kipc_spares_take(shelf);
	memory = kipc_spares_pop(&spares);
	kipc_spares_keep(shelf, spares);
	return memory;
}

/* Drops a message that was in the queue, and keeps its memory.  May sleep. */
static inline void kipc_queue_recycle(struct kipc_queue *queue,
				      struct kipc_message *message)
{
	struct kipc_message **shelf = &queue->spare, *spares;
	u32 max = KIPC_SPARES_MAX;

	if (message->flags & KIPC_MESSAGE_PAGE) {
		shelf = &queue->spare_page;
		max = KIPC_SPARE_PAGES_MAX;
	}
	spares = kipc_spares_take(shelf);
	kipc_spares_push(&spares, message, max);
	kipc_spares_keep(shelf, spares);
}

/* The message that comes first, or NULL.  Under queue->lock. */
static inline struct kipc_message *
kipc_queue_first(const struct kipc_queue *queue)
{
	return rb_entry_safe(rb_first_cached(&queue->levels),
			     struct kipc_message, level);
}

/* Is there room, if nobody was before?  Under queue->lock. */
static inline bool kipc_queue_fits(const struct kipc_queue *queue, u32 len)
{
	return queue->messages < queue->bounds.max_messages &&
	       queue->bytes + len <= queue->bounds.max_bytes;
}

#endif /* KIPC_QUEUE_H */
