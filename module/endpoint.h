/* SPDX-License-Identifier: GPL-2.0 */
/*
 * DOC: endpoints
 *
 * An endpoint is a queue (queue.h) that belongs to a process, its owner, and the
 * calls that are under way.
 *
 * Addresses.  Endpoints are in one table for all, by the owner's struct pid, which
 * is pinned, so that its address means this process for as long as the endpoint
 * is there.  A pid is a number in the sender's namespace and means what it does
 * at that moment; the id of the object, never used twice, makes it certain.
 *
 * End.  An endpoint ends once (@ended), in one of four ways: the owner closes his
 * last descriptor (flush), he dies (flush too, for a descriptor that he shares;
 * and the watch, if he has none left in a table of his own), it is destroyed, or
 * the last handle goes.  Then it leaves the table, loses its name, and everybody
 * who waits is told.  The object lives on for those who have a handle.
 *
 * Calls.  The caller's record (struct kipc_exchange) is on his stack.  It is in
 * endpoint->callers from when the request is accepted until he has his result,
 * and the request points to it: so it is reached through the request and only
 * with the lock held.  A request is queued, or with a receiver who may bring it
 * back, or was received.  From when a receiver has it, it has a token and is its
 * own record in endpoint->records, which holds a reference.
 *
 *  - A reply takes the record out and gives the caller his result; message and
 *    result are stored before the waiter is finished, after that nobody touches
 *    the exchange.
 *  - A caller who gives up leaves endpoint->callers and clears request->call.  A
 *    queued request goes with him.  A received one stays as a record without a
 *    caller, so that the reply to it fails, and is in endpoint->untold until the
 *    owner has been told.
 *  - A request that is brought back loses its record; without a caller it goes.
 *  - The end gives every caller his result, then drops queue and records.
 *
 * A caller that is killed between the reply and running frees the reply as if he
 * had received it: nobody else could have any use for it.
 *
 * References: each handle holds the object; who sends to a pid holds it for the
 * call, asleep or not; so does the watch's work.
 *
 * Locks: all of this is under queue->lock.
 */
#ifndef KIPC_ENDPOINT_H
#define KIPC_ENDPOINT_H

#include <linux/hashtable.h>
#include <linux/rhashtable.h>

#include "object.h"
#include "process.h"
#include "queue.h"

struct kipc_call;
struct kipc_post;

/**
 * struct kipc_endpoint - the inbox of a process
 * @object: what all kinds have
 * @queue: its messages; the lock guards all below, too
 * @owner: the process, and what to do when it is dead
 * @node: in the table of endpoints
 * @ended: set once
 * @records: calls that were received, by token
 * @token_key: hides from who has seen tokens what they are made of; invariant
 * @token_state: what the last token was made of; random at first
 * @callers: exchanges of all whose requests were accepted and not answered
 * @untold: records of calls that were cancelled, oldest first
 * @nr_calls: records with a caller
 * @nr_untold: length of @untold
 */
struct kipc_endpoint {
	struct kipc_object object;
	struct kipc_queue queue;
	struct kipc_watch owner;
	struct rhash_head node;
	atomic_t ended;
	DECLARE_HASHTABLE(records, 5);
	u64 token_key;
	u64 token_state;
	struct hlist_head callers;
	struct list_head untold;
	u32 nr_calls;
	u32 nr_untold;
};

/**
 * struct kipc_exchange - one who waits for a reply; lives as long as the call
 * @waiter: for sleeping
 * @node: in endpoint->callers
 * @request: valid while @node is in there
 * @room: for the body of the reply
 * @truncate: or any length
 * @reply: (out) the reply, with its reference
 */
struct kipc_exchange {
	struct kipc_waiter waiter;
	struct hlist_node node;
	struct kipc_message *request;
	u32 room;
	bool truncate;
	struct kipc_message *reply;
};

static inline struct kipc_endpoint *kipc_to_endpoint(struct kipc_object *object)
{
	return container_of(object, struct kipc_endpoint, object);
}

static inline bool kipc_endpoint_is_mine(const struct kipc_endpoint *endpoint)
{
	return endpoint->owner.tgid == task_tgid(current);
}

/* endpoint_address.c: which process has which endpoint, and its end */
int kipc_endpoint_enter(struct kipc_endpoint *endpoint);
void kipc_endpoint_end(struct kipc_endpoint *endpoint, int err);
struct kipc_endpoint *kipc_endpoint_find(u32 pid, u64 id);
struct kipc_endpoint *kipc_endpoint_target(struct kipc_call *call, u32 pid,
					   u64 id, u32 flags,
					   struct kipc_post *post);
int kipc_endpoint_init(void);
void kipc_endpoint_exit(void);

/* endpoint_call.c: calls and replies */
extern const struct kipc_queue_ops kipc_endpoint_queue_ops;
void kipc_endpoint_end_calls(struct kipc_endpoint *endpoint, int err);
void kipc_endpoint_drop_records(struct kipc_endpoint *endpoint);
int kipc_endpoint_call_call(struct kipc_call *call);
int kipc_endpoint_reply_call(struct kipc_call *call);
int kipc_endpoint_reply_recv_call(struct kipc_call *call);
int kipc_endpoint_cancelled_call(struct kipc_call *call);

/* endpoint_file.c: handles as files */
struct file *kipc_endpoint_open(struct kipc_object *object, u32 rights,
				u32 flags);

/* endpoint.c: the other ioctls, and lifetime */
extern const struct kipc_kind kipc_endpoint_kind;
int kipc_endpoint_owner_post(struct kipc_call *call, u32 flags,
			     struct kipc_post *post);
int kipc_endpoint_create_call(struct kipc_call *call);
int kipc_endpoint_send_call(struct kipc_call *call);
int kipc_endpoint_sendv_call(struct kipc_call *call);
int kipc_endpoint_recv_call(struct kipc_call *call);
int kipc_endpoint_recvv_call(struct kipc_call *call);
int kipc_endpoint_find_call(struct kipc_call *call);
int kipc_endpoint_stat_call(struct kipc_call *call);

#endif /* KIPC_ENDPOINT_H */
