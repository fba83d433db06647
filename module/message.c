// SPDX-License-Identifier: GPL-2.0
#include <linux/cred.h>
#include <linux/ktime.h>
#include <linux/pid.h>
#include <linux/pid_namespace.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/uio.h>

#include "compat.h"
#include "message.h"
#include "words.h"

/* A large body may fail; it is not worth to wake the OOM killer for. */
#define KIPC_MESSAGE_GFP	(GFP_KERNEL_ACCOUNT | __GFP_NOWARN)
#define KIPC_BODY_GFP		(KIPC_MESSAGE_GFP | __GFP_RETRY_MAYFAIL)

static struct kmem_cache *kipc_message_cache;

static __always_inline struct kipc_message *
kipc_message_alloc_small(struct kipc_message *memory)
{
	if (unlikely(!memory))
		memory = kmem_cache_alloc(kipc_message_cache,
					  KIPC_MESSAGE_GFP);
	if (likely(memory))
		memory->flags = KIPC_MESSAGE_CACHED;
	return memory;
}

/* One that has its body apart. */
static struct kipc_message *kipc_message_alloc_apart(u32 len,
						     struct kipc_message *memory)
{
	bool page = len > KIPC_MESSAGE_ONE_PIECE && len <= PAGE_SIZE;
	struct kipc_message *message = kipc_message_alloc_small(memory);
	struct kipc_apart *apart;

	if (!message)
		return NULL;
	apart = kipc_message_apart(message);
	apart->files = NULL;
	apart->body = kvmalloc(page ? PAGE_SIZE : len, KIPC_BODY_GFP);
	if (!apart->body) {
		kmem_cache_free(kipc_message_cache, message);
		return NULL;
	}
	message->flags |= KIPC_MESSAGE_APART | (page ? KIPC_MESSAGE_PAGE : 0);
	return message;
}

static noinline struct kipc_message *
kipc_message_alloc_large(u32 len, bool files, struct kipc_message *memory)
{
	struct kipc_message *message;

	if (memory && memory->flags & KIPC_MESSAGE_PAGE) {
		memory->flags = KIPC_MESSAGE_CACHED | KIPC_MESSAGE_APART |
				KIPC_MESSAGE_PAGE;
		return memory;
	}
	if (files || len > KIPC_MESSAGE_ONE_PIECE)
		return kipc_message_alloc_apart(len, memory);
	message = kmalloc(sizeof(*message) + len, KIPC_MESSAGE_GFP);
	if (message)
		message->flags = 0;
	return message;
}

static __always_inline struct kipc_message *
kipc_message_alloc(u32 len, bool files, u64 now, struct kipc_message *memory)
{
	struct kipc_message *message;

	if (likely(len <= KIPC_MESSAGE_SMALL && !files))
		message = kipc_message_alloc_small(memory);
	else
		message = kipc_message_alloc_large(len, files, memory);
	if (unlikely(!message))
		return ERR_PTR(-ENOMEM);
	kipc_message_init(message, len, now);
	return message;
}

static void kipc_message_drop_apart(struct kipc_message *message)
{
	struct kipc_apart *apart = kipc_message_apart(message);

	if (apart->files)
		kipc_files_put(apart->files);
	kvfree(apart->body);
}

/**
 * kipc_message_free - the last reference is gone
 * @message: the message
 *
 * Context: may sleep.
 */
void kipc_message_free(struct kipc_message *message)
{
	if (unlikely(message->flags & KIPC_MESSAGE_APART))
		kipc_message_drop_apart(message);
	put_pid(message->sender);
	if (likely(message->flags & KIPC_MESSAGE_CACHED))
		kmem_cache_free(kipc_message_cache, message);
	else
		kfree(message);
}

/* Is the memory as small as any, or a page and a header, with nothing besides? */
static bool kipc_message_reusable(struct kipc_message *message)
{
	const u8 how = message->flags & (KIPC_MESSAGE_CACHED |
					 KIPC_MESSAGE_APART |
					 KIPC_MESSAGE_PAGE);

	return likely(how == KIPC_MESSAGE_CACHED) ||
	       (how & KIPC_MESSAGE_PAGE && !kipc_message_files(message));
}

/**
 * kipc_message_recycle - drop a reference, but keep the memory if it is worth it
 * @message: the message
 *
 * Context: may sleep.
 * Return: the memory, for another message, or NULL.  It has KIPC_MESSAGE_PAGE if
 * the message had.
 */
struct kipc_message *kipc_message_recycle(struct kipc_message *message)
{
	if (!refcount_dec_and_test(&message->refs))
		return NULL;
	if (unlikely(!kipc_message_reusable(message))) {
		kipc_message_free(message);
		return NULL;
	}
	put_pid(message->sender);
	return message;
}

/* Memory that is not a message. */
static void kipc_message_free_memory(struct kipc_message *memory)
{
	if (memory->flags & KIPC_MESSAGE_PAGE)
		kipc_message_drop_apart(memory);
	kmem_cache_free(kipc_message_cache, memory);
}

/**
 * kipc_message_free_spares - free memory that was kept
 * @first: of the chain
 */
void kipc_message_free_spares(struct kipc_message *first)
{
	while (first) {
		struct kipc_message *next = first->next_spare;

		kipc_message_free_memory(first);
		first = next;
	}
}

/**
 * kipc_message_strip - a call was received: only its record is needed still
 * @message: the message, out of the queue; the caller has a reference besides
 *	the record's
 *
 * Who has peeked at it may still be copying it, with a reference of his own: then
 * it stays as it is.  So does a page: the next message will want it.
 *
 * Context: may sleep.
 */
void kipc_message_strip(struct kipc_message *message)
{
	if (message->peeked)
		return;
	if (message->flags & KIPC_MESSAGE_APART &&
	    !kipc_message_reusable(message)) {
		kipc_message_drop_apart(message);
		message->flags &= ~(KIPC_MESSAGE_APART | KIPC_MESSAGE_PAGE);
	}
	message->len = 0;
}

static int kipc_body_in(void *body, const void __user *from, u32 len)
{
	if (likely(len <= KIPC_MESSAGE_SMALL && !(len % sizeof(u64))))
		return kipc_words_in(body, from, len);
	return copy_from_user(body, from, len) ? -EFAULT : 0;
}

static int kipc_body_out(void __user *to, const void *body, u32 len)
{
	if (likely(len <= KIPC_MESSAGE_SMALL && !(len % sizeof(u64))))
		return kipc_words_out(to, body, len);
	return copy_to_user(to, body, len) ? -EFAULT : 0;
}

/**
 * kipc_message_make - make a message as user space says
 * @msg: a copy of the struct
 * @max: longest body
 * @now: CLOCK_MONOTONIC
 * @memory: from kipc_message_recycle(), if it is right for that length (see
 *	kipc_queue_spare()), or NULL; used up
 *
 * Context: may sleep.
 * Return: the message, to be dropped with kipc_message_put(); -EINVAL,
 * -EMSGSIZE, -EFAULT, -EBADF, -ENOMEM.
 */
struct kipc_message *kipc_message_make(const struct kipc_msg *msg, u32 max,
				       u64 now, struct kipc_message *memory)
{
	struct kipc_message *message;
	int err;

	if (msg->flags || msg->pad || msg->priority > KIPC_MSG_PRIORITY_MAX ||
	    msg->fd_count > KIPC_MSG_FDS_MAX)
		err = -EINVAL;
	else
		err = msg->len > max ? -EMSGSIZE : 0;
	if (unlikely(err))
		goto refuse;
	message = kipc_message_alloc(msg->len, msg->fd_count, now, memory);
	if (IS_ERR(message))
		return message;
	message->type = msg->type;
	message->cookie = msg->cookie;
	message->priority = msg->priority;

	err = kipc_body_in(kipc_message_body(message),
			   u64_to_user_ptr(msg->buf), msg->len);
	if (err)
		goto put;
	if (unlikely(msg->fd_count)) {
		struct kipc_files *files = kipc_files_get(msg->fds,
							  msg->fd_count);

		err = PTR_ERR_OR_ZERO(files);
		if (err)
			goto put;
		kipc_message_apart(message)->files = files;
	}
	return message;

put:
	kipc_message_put(message);
	return ERR_PTR(err);

refuse:
	if (memory)
		kipc_message_free_memory(memory);
	return ERR_PTR(err);
}

/**
 * kipc_message_from_iter - make a message of what is written
 * @from: the body, no longer than it may be
 * @memory: as for kipc_message_make()
 *
 * Context: may sleep.
 * Return: the message, to be dropped with kipc_message_put(); -EFAULT, -ENOMEM.
 */
struct kipc_message *kipc_message_from_iter(struct iov_iter *from,
					    struct kipc_message *memory)
{
	size_t len = iov_iter_count(from);
	struct kipc_message *message;

	message = kipc_message_alloc(len, false, ktime_get_ns(), memory);
	if (IS_ERR(message))
		return message;
	message->type = 0;
	message->cookie = 0;
	message->priority = 0;
	if (copy_from_iter_full(kipc_message_body(message), len, from))
		return message;
	kipc_message_put(message);
	return ERR_PTR(-EFAULT);
}

/* The first namespace shows all ids as they are. */
static u32 kipc_show_uid(struct user_namespace *user_ns, kuid_t uid)
{
	return likely(user_ns == &init_user_ns) ? __kuid_val(uid) :
						  from_kuid_munged(user_ns, uid);
}

static u32 kipc_show_gid(struct user_namespace *user_ns, kgid_t gid)
{
	return likely(user_ns == &init_user_ns) ? __kgid_val(gid) :
						  from_kgid_munged(user_ns, gid);
}

static u32 kipc_show_pid(struct pid *pid)
{
	struct pid_namespace *ns = ns_of_pid(task_pid(current));

	return likely(ns == &init_pid_ns) ? pid_nr(pid) : pid_nr_ns(pid, ns);
}

static __always_inline int
kipc_describe(const struct kipc_message *message,
	      const struct kipc_place *place, u32 flags, u32 fd_count)
{
	struct user_namespace *user_ns = current_user_ns();
	u32 uid = kipc_show_uid(user_ns, message->uid);
	u32 gid = kipc_show_gid(user_ns, message->gid);
	u32 pid = kipc_show_pid(message->sender);
	struct kipc_msg __user *out = place->msg;
	u64 token = 0;

	if (unlikely(message->flags & KIPC_MESSAGE_CALL)) {
		flags |= KIPC_MSG_CALL;
		if (!place->peek)
			token = message->token;
	}
	if (message->len > place->room)
		flags |= KIPC_MSG_TRUNCATED;

	if (!user_write_access_begin(out, sizeof(*out)))
		return -EFAULT;
	unsafe_put_user(message->type, &out->type, fault);
	unsafe_put_user(message->priority, &out->priority, fault);
	unsafe_put_user(flags, &out->flags, fault);
	unsafe_put_user(message->len, &out->len, fault);
	unsafe_put_user(fd_count, &out->fd_count, fault);
	unsafe_put_user(message->cookie, &out->cookie, fault);
	unsafe_put_user(pid, &out->pid, fault);
	unsafe_put_user(uid, &out->uid, fault);
	unsafe_put_user(gid, &out->gid, fault);
	unsafe_put_user(0, &out->pad, fault);
	unsafe_put_user(message->seq, &out->seq, fault);
	unsafe_put_user(message->time_ns, &out->time_ns, fault);
	unsafe_put_user(token, &out->token, fault);
	unsafe_put_user(message->from, &out->endpoint, fault);
	user_write_access_end();
	return 0;

fault:
	user_write_access_end();
	return -EFAULT;
}

/**
 * kipc_message_describe - tell the caller about a message
 * @message: the message
 * @place: where; what he said there about buffers stays as it is
 * @flags: KIPC_MSG_* that are not the message's own
 * @fd_count: descriptors
 *
 * Context: may sleep.
 * Return: 0 or -EFAULT.
 */
int kipc_message_describe(const struct kipc_message *message,
			  const struct kipc_place *place, u32 flags,
			  u32 fd_count)
{
	return kipc_describe(message, place, flags, fd_count);
}

/**
 * kipc_message_deliver - give a message to the caller
 * @message: the message; the caller has a reference
 * @place: where he wants it; whether the body has room was checked, one that is
 *	longer is cut
 *
 * If it fails nothing of the message is gone, though some of it may have been
 * written.  Descriptors come last, so that nobody finds any which will be closed
 * again, unless the limit of open files or a security module is in the way.
 *
 * Context: may sleep.
 * Return: 0, -EFAULT, -EMFILE, or what a security module says.
 */
int kipc_message_deliver(struct kipc_message *message,
			 const struct kipc_place *place)
{
	s32 __user *fds = u64_to_user_ptr(place->fds);
	struct kipc_files *files = kipc_message_files(message);
	u32 flags = 0, fd_count = 0;
	int err;

	if (unlikely(files)) {
		fd_count = kipc_files_count(files);
		if (place->peek) {
			files = NULL;
		} else if (fd_count > place->fd_room) {
			flags = KIPC_MSG_FDS_DROPPED;
			files = NULL;
		} else if (kipc_files_probe(files, fds)) {
			return -EFAULT;
		}
	}
	err = kipc_body_out(u64_to_user_ptr(place->buf),
			    kipc_message_body(message),
			    min(message->len, place->room));
	if (err)
		return err;
	err = kipc_describe(message, place, flags, fd_count);
	if (err || likely(!files))
		return err;
	return kipc_files_receive(files, fds);
}

/** kipc_message_cache_init - make the cache of small messages */
int __init kipc_message_cache_init(void)
{
	BUILD_BUG_ON(sizeof(struct kipc_message) > KIPC_MESSAGE_OVERHEAD);
	BUILD_BUG_ON(sizeof(struct kipc_apart) > KIPC_MESSAGE_SMALL);
	kipc_message_cache =
		kmem_cache_create_usercopy("kipc_message",
					   sizeof(struct kipc_message) +
					   KIPC_MESSAGE_SMALL, 0,
					   SLAB_ACCOUNT,
					   sizeof(struct kipc_message),
					   KIPC_MESSAGE_SMALL, NULL);
	return kipc_message_cache ? 0 : -ENOMEM;
}

/** kipc_message_cache_exit - undo kipc_message_cache_init(); no message is left */
void kipc_message_cache_exit(void)
{
	kmem_cache_destroy(kipc_message_cache);
}
