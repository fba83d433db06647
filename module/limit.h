/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Ceilings: how many objects and bytes each user may hold, and the settings
 * that an administrator can change (module parameters and /proc/sys/kipc/).
 *
 * The kernel's own per-user accounting (ucounts) is closed to modules, so there
 * is a small table keyed by kuid.  An object remembers the user that it was
 * charged to and gives back exactly what it took, whoever owns it by then.
 */
#ifndef KIPC_LIMIT_H
#define KIPC_LIMIT_H

#include <linux/atomic.h>
#include <linux/refcount.h>
#include <linux/types.h>
#include <linux/uidgid.h>

/**
 * struct kipc_user - what one user holds
 * @node: in the table of users; protected by the table's lock
 * @uid: whom this is about; invariant
 * @refs: objects that were charged to this user, and callers
 * @objects: objects held
 * @bytes: bytes held
 */
struct kipc_user {
	struct hlist_node node;
	kuid_t uid;
	refcount_t refs;
	atomic_long_t objects;
	atomic_long_t bytes;
};

/**
 * struct kipc_limits - settings, all writable at run time
 * @max_objects: objects for each user
 * @max_bytes: bytes for each user
 * @pipe_max: largest capacity of a pipe, in bytes
 * @pipe_default: capacity of a pipe that does not ask for one
 * @turn_grace_ms: how long an absent reader keeps its turn
 * @message_max: longest message, in bytes
 * @queue_messages_max: most messages that an endpoint or a mailbox may hold
 * @queue_messages_default: how many, if it does not ask for more or less
 * @queue_bytes_max: most bytes that one may hold
 * @queue_bytes_default: how many, if it does not ask for more or less
 *
 * Each is read once (READ_ONCE) where it is used.
 */
struct kipc_limits {
	unsigned long max_objects;
	unsigned long max_bytes;
	unsigned long pipe_max;
	unsigned long pipe_default;
	unsigned long turn_grace_ms;
	unsigned long message_max;
	unsigned long queue_messages_max;
	unsigned long queue_messages_default;
	unsigned long queue_bytes_max;
	unsigned long queue_bytes_default;
};

extern struct kipc_limits kipc_limits;

#define KIPC_PIPE_MIN		4096UL

struct kipc_user *kipc_user_get(kuid_t uid);
void kipc_user_put(struct kipc_user *user);

int kipc_charge(struct kipc_user *user, unsigned long objects,
		unsigned long bytes);
void kipc_uncharge(struct kipc_user *user, unsigned long objects,
		   unsigned long bytes);

int kipc_limit_init(void);
void kipc_limit_exit(void);

#endif /* KIPC_LIMIT_H */
