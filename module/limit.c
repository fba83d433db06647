// SPDX-License-Identifier: GPL-2.0
#include <linux/hashtable.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/sysctl.h>

#include "compat.h"
#include "limit.h"

struct kipc_limits kipc_limits = {
	.max_objects	= 32768,
	.max_bytes	= 256UL << 20,
	.pipe_max	= 16UL << 20,
	.pipe_default	= 64UL << 10,
	.turn_grace_ms	= 100,
	.message_max	= 1UL << 20,
	.queue_messages_max = 65536,
	.queue_messages_default = 256,
	.queue_bytes_max = 16UL << 20,
	.queue_bytes_default = 1UL << 20,
};

/* Bounds that keep every sum of two charges far from an overflow. */
static unsigned long kipc_one = 1;
static unsigned long kipc_objects_ceiling = 1UL << 31;
static unsigned long kipc_bytes_ceiling = 1UL << 50;
static unsigned long kipc_pipe_floor = KIPC_PIPE_MIN;
static unsigned long kipc_pipe_ceiling = 1UL << 30;
static unsigned long kipc_grace_ceiling = 60 * 1000;
static unsigned long kipc_messages_ceiling = 1UL << 20;
static unsigned long kipc_queue_bytes_ceiling = 1UL << 30;

#define KIPC_LIMIT_PARAM(name, text)					\
	module_param_named(name, kipc_limits.name, ulong, 0444);	\
	MODULE_PARM_DESC(name, text)

KIPC_LIMIT_PARAM(max_objects, "objects that each user may hold");
KIPC_LIMIT_PARAM(max_bytes, "bytes that each user may hold");
KIPC_LIMIT_PARAM(pipe_max, "largest capacity of a pipe, in bytes");
KIPC_LIMIT_PARAM(pipe_default, "capacity of a pipe that does not ask for one");
KIPC_LIMIT_PARAM(turn_grace_ms, "how long an absent reader keeps its turn");
KIPC_LIMIT_PARAM(message_max, "longest message, in bytes");
KIPC_LIMIT_PARAM(queue_messages_max,
		 "most messages that an endpoint or a mailbox may hold");
KIPC_LIMIT_PARAM(queue_messages_default,
		 "how many messages one holds that does not ask");
KIPC_LIMIT_PARAM(queue_bytes_max,
		 "most bytes that an endpoint or a mailbox may hold");
KIPC_LIMIT_PARAM(queue_bytes_default,
		 "how many bytes one holds that does not ask");

#define KIPC_LIMIT_CTL(name, low, high) {		\
	.procname	= #name,			\
	.data		= &kipc_limits.name,		\
	.maxlen		= sizeof(unsigned long),	\
	.mode		= 0644,				\
	.proc_handler	= kipc_proc_ulong,		\
	.extra1		= &(low),			\
	.extra2		= &(high),			\
}

static KIPC_CTL_CONST struct ctl_table kipc_ctl_table[] = {
	KIPC_LIMIT_CTL(max_objects, kipc_one, kipc_objects_ceiling),
	KIPC_LIMIT_CTL(max_bytes, kipc_one, kipc_bytes_ceiling),
	KIPC_LIMIT_CTL(pipe_max, kipc_pipe_floor, kipc_pipe_ceiling),
	KIPC_LIMIT_CTL(pipe_default, kipc_pipe_floor, kipc_pipe_ceiling),
	KIPC_LIMIT_CTL(turn_grace_ms, kipc_one, kipc_grace_ceiling),
	KIPC_LIMIT_CTL(message_max, kipc_one, kipc_queue_bytes_ceiling),
	KIPC_LIMIT_CTL(queue_messages_max, kipc_one, kipc_messages_ceiling),
	KIPC_LIMIT_CTL(queue_messages_default, kipc_one,
		       kipc_messages_ceiling),
	KIPC_LIMIT_CTL(queue_bytes_max, kipc_one, kipc_queue_bytes_ceiling),
	KIPC_LIMIT_CTL(queue_bytes_default, kipc_one,
		       kipc_queue_bytes_ceiling),
	KIPC_CTL_END
};

static struct ctl_table_header *kipc_ctl_header;

/* Guards kipc_users; innermost. */
static DEFINE_SPINLOCK(kipc_users_lock);
static DEFINE_HASHTABLE(kipc_users, 7);

static struct kipc_user *kipc_user_find(kuid_t uid)
{
	struct kipc_user *user;

	lockdep_assert_held(&kipc_users_lock);

	hash_for_each_possible(kipc_users, user, node, __kuid_val(uid)) {
		if (uid_eq(user->uid, uid)) {
			refcount_inc(&user->refs);
			return user;
		}
	}
	return NULL;
}

/**
 * kipc_user_get - find or make the account of a user
 * @uid: the user
 *
 * Context: may sleep.
 * Return: a counted reference, or NULL if there is no memory.
 */
struct kipc_user *kipc_user_get(kuid_t uid)
{
	struct kipc_user *user, *new;

	spin_lock(&kipc_users_lock);
	user = kipc_user_find(uid);
	spin_unlock(&kipc_users_lock);
	if (user)
		return user;

	new = kzalloc(sizeof(*new), GFP_KERNEL_ACCOUNT);
	if (!new)
		return NULL;
	new->uid = uid;
	refcount_set(&new->refs, 1);

	spin_lock(&kipc_users_lock);
	user = kipc_user_find(uid);
	if (!user)
		hash_add(kipc_users, &new->node, __kuid_val(uid));
	spin_unlock(&kipc_users_lock);
	if (!user)
		return new;

	kfree(new);
	return user;
}

/**
 * kipc_user_put - drop a reference
 * @user: the account
 *
 * Context: any that may take a spinlock; does not sleep.
 */
void kipc_user_put(struct kipc_user *user)
{
	bool last;

	spin_lock(&kipc_users_lock);
	last = refcount_dec_and_test(&user->refs);
	if (last)
		hash_del(&user->node);
	spin_unlock(&kipc_users_lock);
	if (!last)
		return;
	WARN_ON_ONCE(atomic_long_read(&user->objects) ||
		     atomic_long_read(&user->bytes));
	kfree(user);
}

/**
 * kipc_charge - let a user hold more
 * @user: the account
 * @objects: how many objects more
 * @bytes: how many bytes more
 *
 * Adds first and takes back if that was too much, so that two callers can
 * never both fit into the last place.
 *
 * Context: does not sleep.
 * Return: 0 or -EDQUOT.
 */
int kipc_charge(struct kipc_user *user, unsigned long objects,
		unsigned long bytes)
{
	unsigned long held_objects, held_bytes;

	held_objects = atomic_long_add_return(objects, &user->objects);
	held_bytes = atomic_long_add_return(bytes, &user->bytes);
	if ((objects && held_objects > READ_ONCE(kipc_limits.max_objects)) ||
	    (bytes && held_bytes > READ_ONCE(kipc_limits.max_bytes))) {
		kipc_uncharge(user, objects, bytes);
		return -EDQUOT;
	}
	return 0;
}

/**
 * kipc_uncharge - a user holds less again
 * @user: the account
 * @objects: how many objects
 * @bytes: how many bytes
 *
 * Context: does not sleep.
 */
void kipc_uncharge(struct kipc_user *user, unsigned long objects,
		   unsigned long bytes)
{
	atomic_long_sub(objects, &user->objects);
	atomic_long_sub(bytes, &user->bytes);
}

static bool __init kipc_limit_valid(void)
{
	const struct ctl_table *ctl = kipc_ctl_table;
	bool valid = true;
	int i;

	for (i = 0; i < ARRAY_SIZE(kipc_ctl_table) && ctl[i].data; i++) {
		unsigned long value = *(unsigned long *)ctl[i].data;
		unsigned long low = *(unsigned long *)ctl[i].extra1;
		unsigned long high = *(unsigned long *)ctl[i].extra2;

		if (value >= low && value <= high)
			continue;
		pr_err("parameter %s=%lu is outside %lu..%lu\n",
		       ctl[i].procname, value, low, high);
		valid = false;
	}
	return valid;
}

/**
 * kipc_limit_init - check the parameters and show them in /proc/sys/kipc/
 *
 * Return: 0, -EINVAL (a parameter is out of bounds) or -ENOMEM.
 */
int __init kipc_limit_init(void)
{
	if (!kipc_limit_valid())
		return -EINVAL;
	kipc_ctl_header = register_sysctl("kipc", kipc_ctl_table);
	return kipc_ctl_header ? 0 : -ENOMEM;
}

/** kipc_limit_exit - undo kipc_limit_init() */
void kipc_limit_exit(void)
{
	unregister_sysctl_table(kipc_ctl_header);
	WARN_ON(!hash_empty(kipc_users));
}
