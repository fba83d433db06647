/* SPDX-License-Identifier: GPL-2.0 */
/*
 * DOC: objects
 *
 * What all six kinds have in common: identity, owner, name, references.
 *
 * References.  Each handle (open file) holds one, and so does whoever looked
 * the object up, for as long as the call lasts.  A persistent name holds one
 * more; a name that is not persistent holds none and goes with the object.  The
 * last reference is dropped with the domain's lock held, so that under this
 * lock every object in the tables is alive.  Look-ups without the lock use RCU
 * and refcount_inc_not_zero().
 *
 * Order: domain->lock, then a kind's own locks (see there), then the spinlocks
 * of limit.c and domain.c, which are innermost.
 */
#ifndef KIPC_OBJECT_H
#define KIPC_OBJECT_H

#include <linux/cpumask.h>
#include <linux/cred.h>
#include <linux/refcount.h>
#include <linux/rhashtable.h>
#include <linux/types.h>
#include <linux/kipc.h>

struct kipc_call;
struct kipc_domain;
struct kipc_handle;
struct kipc_object;
struct kipc_user;
struct seq_file;

/**
 * struct kipc_name - a name as user space gave it
 * @len: 1..KIPC_NAME_MAX
 * @text: no terminating NUL
 */
struct kipc_name {
	u32 len;
	u8 text[];
};

/**
 * struct kipc_kind - what a kind of object does
 * @type: KIPC_KIND_*
 * @size: of an object, which begins with its common part
 * @name: for people
 * @flags: of its create call, from bit 16 on
 * @make: allocate an object as a create call says; it has one reference and
 *	nobody else knows it
 * @give: open the handles that a create call asks for, and say in its argument
 *	what the object is like
 * @open: make a handle with the rights given; the caller has checked them
 *	against the mode
 * @opened: the caller of an ioctl has got the handle: from here on it counts as
 *	one that was there; may be NULL
 * @destroyed: wake everybody who waits; object->destroyed is set already
 * @free: the last reference is gone; give back what the kind holds
 */
struct kipc_kind {
	u32 type;
	u32 size;
	const char *name;
	u32 flags;
	struct kipc_object *(*make)(struct kipc_call *call);
	int (*give)(struct kipc_call *call, struct kipc_object *object);
	struct file *(*open)(struct kipc_object *object, u32 rights, u32 flags);
	void (*opened)(struct kipc_handle *handle);
	void (*destroyed)(struct kipc_object *object);
	void (*free)(struct kipc_object *object);
};

/**
 * struct kipc_object - the common part of every kind, first in its struct
 * @refs: see above
 * @destroyed: set once, never cleared; read without a lock
 * @kind: invariant
 * @id: never used twice; invariant
 * @created_ns: CLOCK_MONOTONIC; invariant
 * @domain: where it was made; a counted reference; invariant
 * @user: whom it is charged to; a counted reference; invariant
 * @creator: who made it; a counted reference; invariant
 * @bytes: charged to @user; changed by kipc_object_recharge()
 * @handles: open handles
 * @attr_lock: guards @uid, @gid, @mode, @spin_ns; innermost
 * @uid: owner
 * @gid: group
 * @mode: permission bits
 * @name: NULL if it never had one; invariant once the object is in the tables
 * @linked: the name is in the table; under domain->lock
 * @persist: the name holds a reference; under domain->lock
 * @spin_ns: how long its waiters spin before they sleep; read without a lock
 * @node: in domain->names
 * @rcu: frees it, and @name, after the last look-up that might see it
 */
struct kipc_object {
	refcount_t refs;
	bool destroyed;
	const struct kipc_kind *kind;
	u64 id;
	u64 created_ns;
	struct kipc_domain *domain;
	struct kipc_user *user;
	struct pid *creator;
	atomic_long_t bytes;
	atomic_t handles;
	spinlock_t attr_lock;
	kuid_t uid;
	kgid_t gid;
	umode_t mode;
	struct kipc_name *name;
	bool linked;
	bool persist;
	u32 spin_ns;
	struct rhash_head node;
	struct rcu_head rcu;
};

extern const struct rhashtable_params kipc_names_params;

struct kipc_object *kipc_object_make(const struct kipc_kind *kind,
				     umode_t mode, unsigned long bytes);
struct kipc_object *kipc_object_enter(struct kipc_object *object,
				      struct kipc_name *name, u32 flags);
void kipc_object_put(struct kipc_object *object);

struct kipc_object *kipc_object_find(const struct kipc_name *name);
struct kipc_object *kipc_object_find_id(u64 id);
struct kipc_object *kipc_object_next(struct kipc_domain *domain, u64 *id);

bool kipc_object_owned(const struct kipc_object *object);
bool kipc_object_allows(struct kipc_object *object, u32 rights);
bool kipc_object_visible(struct kipc_object *object);
int kipc_object_recharge(struct kipc_object *object, unsigned long from,
			 unsigned long to);

int kipc_object_unlink(struct kipc_object *object);
void kipc_object_unlink_all(struct kipc_domain *domain);
void kipc_object_destroy(struct kipc_object *object);

struct kipc_name *kipc_name_copy(u64 uptr, u32 len);

static inline bool kipc_object_destroyed(const struct kipc_object *object)
{
	return READ_ONCE(object->destroyed);
}

/* How long to spin before a sleep.  Alone, nobody could make it worth while. */
static inline u32 kipc_object_spin_ns(const struct kipc_object *object)
{
	u32 spin_ns = READ_ONCE(object->spin_ns);

	return unlikely(spin_ns) && num_online_cpus() > 1 ? spin_ns : 0;
}

/* kind.c: memory for objects */
struct kipc_object *kipc_kind_alloc(const struct kipc_kind *kind);
void kipc_kind_free(const struct kipc_kind *kind, struct kipc_object *object);
int kipc_kind_init(void);
void kipc_kind_exit(void);

#endif /* KIPC_OBJECT_H */
