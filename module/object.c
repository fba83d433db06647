// SPDX-License-Identifier: GPL-2.0
#include <linux/capability.h>
#include <linux/jhash.h>
#include <linux/ktime.h>
#include <linux/pid_namespace.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "compat.h"
#include "domain.h"
#include "limit.h"
#include "object.h"

/* 64 bits do not wrap: at one a nanosecond they last for 584 years. */
static atomic64_t kipc_last_id = ATOMIC64_INIT(0);

static u32 kipc_name_hash(const void *data, u32 len, u32 seed)
{
	const struct kipc_name *name = data;

	return jhash(name->text, name->len, seed);
}

static u32 kipc_object_hash(const void *data, u32 len, u32 seed)
{
	const struct kipc_object *object = data;

	return kipc_name_hash(object->name, len, seed);
}

static int kipc_object_cmp(struct rhashtable_compare_arg *arg, const void *data)
{
	const struct kipc_name *key = arg->key;
	const struct kipc_object *object = data;

	if (object->name->len != key->len)
		return 1;
	return memcmp(object->name->text, key->text, key->len);
}

const struct rhashtable_params kipc_names_params = {
	.head_offset	= offsetof(struct kipc_object, node),
	.hashfn		= kipc_name_hash,
	.obj_hashfn	= kipc_object_hash,
	.obj_cmpfn	= kipc_object_cmp,
	.automatic_shrinking = true,
};

/**
 * kipc_name_copy - take a name from user space
 * @uptr: pointer to it
 * @len: its length
 *
 * Context: may sleep.
 * Return: the name, to be freed with kfree(), or -EINVAL (length, NUL inside),
 * -EFAULT, -ENOMEM.
 */
struct kipc_name *kipc_name_copy(u64 uptr, u32 len)
{
	struct kipc_name *name;

	if (!len || len > KIPC_NAME_MAX)
		return ERR_PTR(-EINVAL);
	name = kmalloc(struct_size(name, text, len), GFP_KERNEL_ACCOUNT);
	if (!name)
		return ERR_PTR(-ENOMEM);
	name->len = len;
	if (copy_from_user(name->text, u64_to_user_ptr(uptr), len)) {
		kfree(name);
		return ERR_PTR(-EFAULT);
	}
	if (memchr(name->text, 0, len)) {
		kfree(name);
		return ERR_PTR(-EINVAL);
	}
	return name;
}

/* Return: 0, or -EDQUOT or -ENOMEM: then nothing is held. */
static int kipc_object_init(struct kipc_object *object, umode_t mode,
			    unsigned long bytes)
{
	int err = -ENOMEM;

	refcount_set(&object->refs, 1);
	object->created_ns = ktime_get_ns();
	spin_lock_init(&object->attr_lock);
	current_fsuid_fsgid(&object->uid, &object->gid);
	object->mode = mode & ~current_umask();
	atomic_long_set(&object->bytes, bytes);

	object->domain = kipc_domain_get();
	if (!object->domain)
		return err;
	object->user = kipc_user_get(object->uid);
	if (!object->user)
		goto put_domain;
	err = kipc_charge(object->user, 1, bytes);
	if (err)
		goto put_user;
	object->creator = get_task_pid(current, PIDTYPE_TGID);
	return 0;

put_user:
	kipc_user_put(object->user);
put_domain:
	kipc_domain_put(object->domain);
	return err;
}

/**
 * kipc_object_make - a new object: its common part, charged for
 * @kind: its kind
 * @mode: permission bits, as the caller gave them
 * @bytes: what to charge
 *
 * The caller's file system ids become the owner and the umask takes bits out of
 * the mode, as for a file.  The object has one reference and is in no table; what
 * is the kind's own is zero.
 *
 * Context: may sleep.
 * Return: the object, or -EDQUOT or -ENOMEM.
 */
struct kipc_object *kipc_object_make(const struct kipc_kind *kind,
				     umode_t mode, unsigned long bytes)
{
	struct kipc_object *object = kipc_kind_alloc(kind);
	int err;

	if (!object)
		return ERR_PTR(-ENOMEM);
	object->kind = kind;
	err = kipc_object_init(object, mode, bytes);
	if (err) {
		kipc_kind_free(kind, object);
		return ERR_PTR(err);
	}
	return object;
}

static void kipc_object_free_rcu(struct rcu_head *rcu)
{
	struct kipc_object *object = container_of(rcu, struct kipc_object, rcu);

	kfree(object->name);
	kipc_kind_free(object->kind, object);
}

static void kipc_object_free(struct kipc_object *object)
{
	struct kipc_user *user = object->user;
	struct kipc_domain *domain = object->domain;

	object->kind->free(object);
	kipc_uncharge(user, 1, atomic_long_read(&object->bytes));
	kipc_user_put(user);
	put_pid(object->creator);
	/* RCU readers of the name table still compare names. */
	call_rcu(&object->rcu, kipc_object_free_rcu);
	kipc_domain_put(domain);
}

/*
 * Whoever looks up without the lock may find the object from the first store
 * into a table on: all that can fail comes before it, and so does all that they
 * look at.
 */
static int kipc_object_publish(struct kipc_object *object,
			       struct kipc_name *name, u32 flags)
{
	struct kipc_domain *domain = object->domain;
	int err;

	lockdep_assert_held(&domain->lock);

	err = xa_reserve(&domain->ids, object->id, GFP_KERNEL);
	if (err || !name)
		goto store;

	object->name = name;
	object->linked = true;
	object->persist = flags & KIPC_PERSIST;
	if (object->persist)
		refcount_inc(&object->refs);
	err = rhashtable_insert_fast(&domain->names, &object->node,
				     kipc_names_params);
	if (err) {
		if (object->persist)
			refcount_dec(&object->refs);
		object->name = NULL;
		object->linked = false;
		object->persist = false;
		xa_release(&domain->ids, object->id);
	}
store:
	if (!err)
		xa_store(&domain->ids, object->id, object, GFP_KERNEL);
	return err;
}

/**
 * kipc_object_enter - make a new object known, or find the one with its name
 * @object: of kipc_object_make(), ready for use
 * @name: its name, or NULL; belongs to @object if that is what is returned
 * @flags: KIPC_PERSIST, if the name is to hold a reference
 *
 * From here on others can find the object.
 *
 * Context: may sleep; takes domain->lock.
 * Return: @object, or another object that has the name already (with a
 * reference for the caller), or -ENOMEM.
 */
struct kipc_object *kipc_object_enter(struct kipc_object *object,
				      struct kipc_name *name, u32 flags)
{
	struct kipc_domain *domain = object->domain;
	struct kipc_object *result = object;
	int err;

	mutex_lock(&domain->lock);
	if (name) {
		result = rhashtable_lookup_fast(&domain->names, name,
						kipc_names_params);
		if (result) {
			refcount_inc(&result->refs);
			goto unlock;
		}
		result = object;
	}

	object->id = atomic64_inc_return(&kipc_last_id);
	err = kipc_object_publish(object, name, flags);
	if (err)
		result = ERR_PTR(err);
unlock:
	mutex_unlock(&domain->lock);
	return result;
}

/* Takes the name out of the table; true if a reference went with it. */
static bool kipc_object_unlink_locked(struct kipc_object *object)
{
	bool persist = object->persist;

	lockdep_assert_held(&object->domain->lock);

	rhashtable_remove_fast(&object->domain->names, &object->node,
			       kipc_names_params);
	object->linked = false;
	object->persist = false;
	return persist;
}

/**
 * kipc_object_put - drop a reference
 * @object: the object
 *
 * Good for an object that never was in a table, too: it has the id 0, which the
 * table of ids never holds.
 *
 * Context: may sleep; takes domain->lock if this is the last one.
 */
void kipc_object_put(struct kipc_object *object)
{
	struct kipc_domain *domain = object->domain;

	if (!refcount_dec_and_mutex_lock(&object->refs, &domain->lock))
		return;
	if (object->linked)
		kipc_object_unlink_locked(object);
	xa_erase(&domain->ids, object->id);
	mutex_unlock(&domain->lock);
	kipc_object_free(object);
}

/**
 * kipc_object_find - look a name up in the caller's domain
 * @name: the name
 *
 * Return: a counted reference, or NULL.
 */
struct kipc_object *kipc_object_find(const struct kipc_name *name)
{
	struct kipc_domain *domain = kipc_domain_find();
	struct kipc_object *object;

	if (!domain)
		return NULL;
	rcu_read_lock();
	object = rhashtable_lookup(&domain->names, name, kipc_names_params);
	if (object && !refcount_inc_not_zero(&object->refs))
		object = NULL;
	rcu_read_unlock();
	kipc_domain_put(domain);
	return object;
}

/**
 * kipc_object_next - the next object of a domain, by id
 * @domain: the domain
 * @id: where to begin; set to the id of the object found
 *
 * Return: a counted reference, or NULL if there is none from @id on.
 */
struct kipc_object *kipc_object_next(struct kipc_domain *domain, u64 *id)
{
	struct kipc_object *object;
	unsigned long index = *id;

	rcu_read_lock();
	do {
		object = xa_find(&domain->ids, &index, ULONG_MAX, XA_PRESENT);
		if (!object || refcount_inc_not_zero(&object->refs))
			break;
	} while (++index);
	rcu_read_unlock();
	*id = index;
	return object;
}

/**
 * kipc_object_find_id - look an id up in the caller's domain
 * @id: the id
 *
 * Return: a counted reference, or NULL.
 */
struct kipc_object *kipc_object_find_id(u64 id)
{
	struct kipc_domain *domain = kipc_domain_find();
	struct kipc_object *object;

	if (!domain)
		return NULL;
	rcu_read_lock();
	object = xa_load(&domain->ids, id);
	if (object && !refcount_inc_not_zero(&object->refs))
		object = NULL;
	rcu_read_unlock();
	kipc_domain_put(domain);
	return object;
}

static bool kipc_object_capable(const struct kipc_object *object)
{
	return ns_capable(object->domain->ns->user_ns, CAP_IPC_OWNER);
}

/**
 * kipc_object_owned - may the caller do what is for the owner to do?
 * @object: the object
 */
bool kipc_object_owned(const struct kipc_object *object)
{
	return uid_eq(current_fsuid(), READ_ONCE(object->uid)) ||
	       kipc_object_capable(object);
}

/* Does the mode give the caller these rights? */
static bool kipc_object_mode_allows(struct kipc_object *object, u32 rights)
{
	umode_t granted, wanted = 0;

	if (rights & KIPC_RIGHT_READ)
		wanted |= 0004;
	if (rights & KIPC_RIGHT_WRITE)
		wanted |= 0002;

	spin_lock(&object->attr_lock);
	granted = object->mode;
	if (uid_eq(current_fsuid(), object->uid))
		granted >>= 6;
	else if (in_group_p(object->gid))
		granted >>= 3;
	spin_unlock(&object->attr_lock);

	return !(wanted & ~granted);
}

/**
 * kipc_object_allows - may the caller have a handle with these rights?
 * @object: the object
 * @rights: KIPC_RIGHT_*
 */
bool kipc_object_allows(struct kipc_object *object, u32 rights)
{
	return kipc_object_mode_allows(object, rights) ||
	       kipc_object_capable(object);
}

/**
 * kipc_object_visible - may the caller see that the object is there?
 * @object: the object
 *
 * The owner may, whoever may read it, and CAP_IPC_OWNER.
 */
bool kipc_object_visible(struct kipc_object *object)
{
	return uid_eq(current_fsuid(), READ_ONCE(object->uid)) ||
	       kipc_object_mode_allows(object, KIPC_RIGHT_READ) ||
	       ns_capable_noaudit(object->domain->ns->user_ns, CAP_IPC_OWNER);
}

/**
 * kipc_object_recharge - change what an object is charged for
 * @object: the object
 * @from: bytes charged so far for what changes
 * @to: bytes from now on
 *
 * Context: does not sleep.
 * Return: 0 or -EDQUOT.  Never fails when @to is not above @from.
 */
int kipc_object_recharge(struct kipc_object *object, unsigned long from,
			 unsigned long to)
{
	if (to > from) {
		int err = kipc_charge(object->user, 0, to - from);

		if (err)
			return err;
	} else {
		kipc_uncharge(object->user, 0, from - to);
	}
	atomic_long_add(to - from, &object->bytes);
	return 0;
}

/**
 * kipc_object_unlink - take an object's name away
 * @object: the object; the caller holds a reference of his own
 *
 * Context: may sleep; takes domain->lock.
 * Return: 0, or -ENOENT if it has no name (any more).
 */
int kipc_object_unlink(struct kipc_object *object)
{
	bool linked, persist = false;

	mutex_lock(&object->domain->lock);
	linked = object->linked;
	if (linked)
		persist = kipc_object_unlink_locked(object);
	mutex_unlock(&object->domain->lock);

	if (persist)
		kipc_object_put(object);
	return linked ? 0 : -ENOENT;
}

/**
 * kipc_object_unlink_all - take all names of a domain away
 * @domain: the domain, which nobody can make objects in any more
 *
 * Context: may sleep; takes domain->lock.
 */
void kipc_object_unlink_all(struct kipc_domain *domain)
{
	struct kipc_object *object;
	u64 id = 0;

	while ((object = kipc_object_next(domain, &id))) {
		kipc_object_unlink(object);
		kipc_object_put(object);
		id++;
		cond_resched();
	}
}

/**
 * kipc_object_destroy - end an object under its users
 * @object: the object; the caller holds a reference of his own
 *
 * Context: may sleep; takes domain->lock.
 */
void kipc_object_destroy(struct kipc_object *object)
{
	kipc_object_unlink(object);
	WRITE_ONCE(object->destroyed, true);
	/* Pairs with the barrier between going to sleep and looking at it. */
	smp_mb();
	object->kind->destroyed(object);
}
