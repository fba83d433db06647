/* SPDX-License-Identifier: GPL-2.0 */
/*
 * DOC: messages
 *
 * A message is made from what user space gave before any lock is taken, and
 * copied to its receiver when all locks were dropped.  In between it is in one
 * place: a queue, or with the sender or the receiver.
 *
 * Memory.  Bodies of up to KIPC_MESSAGE_SMALL bytes lie behind the header, in an
 * object of the cache; up to what fills half a page with the header, in one
 * kmalloc(); longer ones, and all that come with files, have memory of their own
 * (struct kipc_apart), up to a page that of a page.  The cache's objects are 184
 * bytes, of which 22 fit into a page: 8 more, and it would be 21 of 192.  So what
 * few messages have, like files, is not in the header.  All of it is accounted to
 * the memory cgroup of the sender.  A queue keeps the memory of a few messages for
 * the next ones, small ones and pages (queue->spare, queue->spare_page): an
 * accounted allocation, of memory that is cleared if the kernel is told to, takes
 * longer than all else that is done for one.
 *
 * References.  One is passed on, with the message, from the sender to the queue
 * and to the receiver.  Who peeks has one more, and so has the record of a call
 * that was received (endpoint.h).  All but @queued, the place in the queue and
 * what belongs to a call is invariant once the message was sent, so it is read
 * without a lock.
 *
 * The sender is kept as the kernel knows it (struct pid, kuid, kgid) and
 * translated for each receiver.  Descriptors are kept as struct file and
 * get their numbers in the receiver; see message_files.c for what may travel.
 */
#ifndef KIPC_MESSAGE_H
#define KIPC_MESSAGE_H

#include <linux/cred.h>
#include <linux/list.h>
#include <linux/pid.h>
#include <linux/rbtree.h>
#include <linux/refcount.h>
#include <linux/sched/signal.h>
#include <linux/types.h>
#include <linux/uidgid.h>
#include <linux/kipc.h>

struct iov_iter;
struct kipc_exchange;
struct kipc_files;

/* A message this long has header and body in one object of the cache. */
#define KIPC_MESSAGE_SMALL	64U

/* Up to here header and body are in one piece. */
#define KIPC_MESSAGE_ONE_PIECE	(PAGE_SIZE / 2 - sizeof(struct kipc_message))

/* What a queue's owner is charged for each message, body apart. */
#define KIPC_MESSAGE_OVERHEAD	128U

/* Flags of struct kipc_message. */
#define KIPC_MESSAGE_CACHED	BIT(0)		/* of the cache */
#define KIPC_MESSAGE_APART	BIT(1)		/* @data is a struct kipc_apart */
#define KIPC_MESSAGE_CALL	BIT(2)		/* somebody waits for a reply */
#define KIPC_MESSAGE_PAGE	BIT(3)		/* the memory apart is a page */

/**
 * struct kipc_message - a message
 * @level: in the queue: node of its priority, if it is the first of that one
 * @link: in the queue: the ring of its priority
 * @record: a received call: in endpoint->records
 * @untold: a received call that was cancelled: in endpoint->untold
 * @token: a received call: what it is answered with
 * @next_spare: memory that is kept: the next of the chain
 * @nr_spares: likewise: length of the chain from here on; what is apart stays
 *	there
 * @seq: number in its queue; a reply: 0
 * @time_ns: when it was sent
 * @cookie: of user space
 * @type: likewise
 * @len: of the body
 * @refs: see above
 * @priority: as sent
 * @flags: KIPC_MESSAGE_*
 * @queued: in the queue; under its lock
 * @peeked: somebody has looked at it there; under its lock, invariant after
 * @uid: of the sender
 * @gid: of the sender
 * @sender: the process; a counted reference
 * @call: who waits for the reply, NULL if nobody does (any more); under the
 *	queue's lock
 * @from: id of the endpoint it was sent through, or 0
 * @data: the body, or a struct kipc_apart
 */
struct kipc_message {
	union {
		struct {
			struct rb_node level;
			struct list_head link;
		};
		struct {
			struct hlist_node record;
			struct list_head untold;
			u64 token;
		};
		struct {
			struct kipc_message *next_spare;
			u32 nr_spares;
		};
	};
	u64 seq;
	u64 time_ns;
	u64 cookie;
	u64 type;
	u32 len;
	refcount_t refs;
	u16 priority;
	u8 flags;
	bool queued;
	bool peeked;
	kuid_t uid;
	kgid_t gid;
	struct pid *sender;
	struct kipc_exchange *call;
	u64 from;
	u8 data[] __aligned(8);
};

/**
 * struct kipc_apart - what a message has in place of its body
 * @body: the body: it is long, or there are files
 * @files: what the message carries, or NULL
 */
struct kipc_apart {
	void *body;
	struct kipc_files *files;
};

/**
 * struct kipc_place - where a receiver wants a message
 * @msg: his struct, to be filled in
 * @buf: what he wrote there
 * @fds: likewise
 * @room: bytes at @buf
 * @fd_room: descriptors at @fds
 * @peek: he only looks
 */
struct kipc_place {
	struct kipc_msg __user *msg;
	u64 buf;
	u64 fds;
	u32 room;
	u32 fd_room;
	bool peek;
};

/* What all new messages have: one reference, and the caller as their sender. */
static __always_inline void kipc_message_init(struct kipc_message *message,
					      u32 len, u64 now)
{
	const struct cred *cred = current_cred();

	message->seq = 0;
	message->time_ns = now;
	message->len = len;
	refcount_set(&message->refs, 1);
	message->queued = false;
	message->peeked = false;
	message->uid = cred->euid;
	message->gid = cred->egid;
	message->sender = get_pid(task_tgid(current));
	message->call = NULL;
	message->from = 0;
}

/* If KIPC_MESSAGE_APART says that there is one. */
static inline struct kipc_apart *kipc_message_apart(struct kipc_message *message)
{
	return (struct kipc_apart *)message->data;
}

static inline void *kipc_message_body(struct kipc_message *message)
{
	if (message->flags & KIPC_MESSAGE_APART)
		return kipc_message_apart(message)->body;
	return message->data;
}

/* What it carries, or NULL. */
static inline struct kipc_files *
kipc_message_files(struct kipc_message *message)
{
	if (likely(!(message->flags & KIPC_MESSAGE_APART)))
		return NULL;
	return kipc_message_apart(message)->files;
}

/* Where a receiver wants it, as he says in @msg, which lies at @uptr. */
static inline void kipc_message_place(struct kipc_place *place,
				      const struct kipc_msg *msg, u64 uptr)
{
	place->msg = u64_to_user_ptr(uptr);
	place->buf = msg->buf;
	place->fds = msg->fds;
	place->room = msg->len;
	place->fd_room = msg->fd_count;
	place->peek = false;
}

/* message.c */
struct kipc_message *kipc_message_make(const struct kipc_msg *msg, u32 max,
				       u64 now, struct kipc_message *memory);
struct kipc_message *kipc_message_from_iter(struct iov_iter *from,
					    struct kipc_message *memory);
void kipc_message_free(struct kipc_message *message);
struct kipc_message *kipc_message_recycle(struct kipc_message *message);
void kipc_message_free_spares(struct kipc_message *first);
void kipc_message_strip(struct kipc_message *message);
int kipc_message_describe(const struct kipc_message *message,
			  const struct kipc_place *place, u32 flags,
			  u32 fd_count);
int kipc_message_deliver(struct kipc_message *message,
			 const struct kipc_place *place);
int kipc_message_cache_init(void);
void kipc_message_cache_exit(void);

static inline void kipc_message_put(struct kipc_message *message)
{
	if (refcount_dec_and_test(&message->refs))
		kipc_message_free(message);
}

/* message_files.c */
struct kipc_files *kipc_files_get(u64 fds, u32 count);
void kipc_files_put(struct kipc_files *files);
u32 kipc_files_count(const struct kipc_files *files);
int kipc_files_probe(const struct kipc_files *files, s32 __user *fds);
int kipc_files_receive(struct kipc_files *files, s32 __user *fds);

#endif /* KIPC_MESSAGE_H */
