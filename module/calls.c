// SPDX-License-Identifier: GPL-2.0
/* What each of these takes, gives and fails with: see uapi/linux/kipc.h. */
#include <linux/cred.h>
#include <linux/pid_namespace.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/user_namespace.h>

#include "calls.h"
#include "domain.h"
#include "handle.h"
#include "limit.h"
#include "main.h"
#include "object.h"

/* The first version of struct kipc_entry that was published. */
#define KIPC_ENTRY_MIN	offsetofend(struct kipc_entry, name)

/* Finds by name for as long as the call lasts. */
static struct kipc_object *kipc_find_by_name(u64 uptr, u32 len)
{
	struct kipc_name *name = kipc_name_copy(uptr, len);
	struct kipc_object *object;

	if (IS_ERR(name))
		return ERR_CAST(name);
	object = kipc_object_find(name);
	kfree(name);
	return object ?: ERR_PTR(-ENOENT);
}

/** kipc_info_call - KIPC_INFO */
int kipc_info_call(struct kipc_call *call)
{
	struct kipc_info *arg = call->arg;
	struct kipc_user *user;

	if (arg->flags)
		return -EINVAL;
	user = kipc_user_get(current_fsuid());
	if (!user)
		return -ENOMEM;

	*arg = (struct kipc_info){
		.size		= arg->size,
		.abi_version	= KIPC_ABI_VERSION,
		.name_max	= KIPC_NAME_MAX,
		.kinds		= KIPC_KINDS,
		.max_objects	= READ_ONCE(kipc_limits.max_objects),
		.max_bytes	= READ_ONCE(kipc_limits.max_bytes),
		.objects	= atomic_long_read(&user->objects),
		.bytes		= atomic_long_read(&user->bytes),
		.pipe_min	= KIPC_PIPE_MIN,
		.pipe_max	= READ_ONCE(kipc_limits.pipe_max),
		.pipe_default	= READ_ONCE(kipc_limits.pipe_default),
		.turn_grace_ns	= READ_ONCE(kipc_limits.turn_grace_ms) *
				  NSEC_PER_MSEC,
		.message_max	= READ_ONCE(kipc_limits.message_max),
		.queue_messages_max =
			READ_ONCE(kipc_limits.queue_messages_max),
		.queue_messages_default =
			READ_ONCE(kipc_limits.queue_messages_default),
		.queue_bytes_max = READ_ONCE(kipc_limits.queue_bytes_max),
		.queue_bytes_default =
			READ_ONCE(kipc_limits.queue_bytes_default),
	};
	kipc_user_put(user);
	return 0;
}

/* Describes an object as the caller may see it; the entry is zeroed. */
static void kipc_describe(struct kipc_object *object, struct kipc_entry *entry)
{
	struct user_namespace *user_ns = current_user_ns();

	entry->id = object->id;
	entry->kind = object->kind->type;
	entry->pid = pid_nr_ns(object->creator, task_active_pid_ns(current));
	entry->handles = atomic_read(&object->handles);
	entry->bytes = atomic_long_read(&object->bytes);
	entry->created_ns = object->created_ns;

	spin_lock(&object->attr_lock);
	entry->uid = from_kuid_munged(user_ns, object->uid);
	entry->gid = from_kgid_munged(user_ns, object->gid);
	entry->mode = object->mode;
	spin_unlock(&object->attr_lock);

	if (READ_ONCE(object->persist))
		entry->state |= KIPC_STATE_PERSIST;
	if (kipc_object_destroyed(object))
		entry->state |= KIPC_STATE_DESTROYED;
	if (READ_ONCE(object->linked)) {
		entry->state |= KIPC_STATE_NAMED;
		entry->name_len = object->name->len;
		memcpy(entry->name, object->name->text, object->name->len);
	}
}

/* The next object from @id on that the caller may see, if it is of the kind. */
static struct kipc_object *kipc_list_next(struct kipc_domain *domain, u64 *id,
					  u32 kind)
{
	struct kipc_object *object;

	while ((object = kipc_object_next(domain, id))) {
		if ((!kind || object->kind->type == kind) &&
		    kipc_object_visible(object))
			return object;
		kipc_object_put(object);
		(*id)++;
		if (fatal_signal_pending(current))
			return ERR_PTR(-EINTR);
		cond_resched();
	}
	return NULL;
}

static int kipc_list_fill(struct kipc_domain *domain, struct kipc_list *arg,
			  struct kipc_entry *entry)
{
	u32 size = min_t(u32, arg->entry_size, sizeof(*entry));
	u64 id = arg->cursor + 1;
	u32 filled = 0;

	while (filled < arg->count) {
		u64 where = arg->entries + (u64)filled * arg->entry_size;
		struct kipc_object *object;

		object = kipc_list_next(domain, &id, arg->kind);
		if (IS_ERR(object))
			return PTR_ERR(object);
		if (!object)
			break;
		memset(entry, 0, sizeof(*entry));
		kipc_describe(object, entry);
		kipc_object_put(object);
		if (copy_to_user(u64_to_user_ptr(where), entry, size) ||
		    clear_user(u64_to_user_ptr(where + size),
			       arg->entry_size - size))
			return -EFAULT;
		arg->cursor = id++;
		filled++;
	}
	arg->count = filled;
	return 0;
}

/** kipc_list_call - KIPC_LIST */
int kipc_list_call(struct kipc_call *call)
{
	struct kipc_list *arg = call->arg;
	struct kipc_domain *domain;
	struct kipc_entry *entry;
	int err;

	if (arg->flags || arg->pad || !arg->count ||
	    arg->kind > KIPC_KIND_PIPE ||
	    arg->entry_size < KIPC_ENTRY_MIN ||
	    arg->entry_size > PAGE_SIZE)
		return -EINVAL;
	domain = kipc_domain_find();
	if (!domain || arg->cursor == U64_MAX) {
		if (domain)
			kipc_domain_put(domain);
		arg->count = 0;
		return 0;
	}
	entry = kmalloc(sizeof(*entry), GFP_KERNEL_ACCOUNT);
	err = entry ? kipc_list_fill(domain, arg, entry) : -ENOMEM;
	kfree(entry);
	kipc_domain_put(domain);
	return err;
}

static void kipc_stat_fill(struct kipc_stat *arg, struct kipc_object *object,
			   u32 rights)
{
	arg->rights = rights;
	memset(&arg->entry, 0, sizeof(arg->entry));
	kipc_describe(object, &arg->entry);
	arg->spin_ns = READ_ONCE(object->spin_ns);
	arg->pad = 0;
}

/** kipc_stat_call - KIPC_STAT, on the device or a handle */
int kipc_stat_call(struct kipc_call *call)
{
	struct kipc_stat *arg = call->arg;
	struct kipc_object *object;

	if (arg->flags || (arg->name ? arg->id : arg->name_len))
		return -EINVAL;
	if (call->handle) {
		if (arg->name || arg->id)
			return -EINVAL;
		object = call->handle->object;
		kipc_stat_fill(arg, object, call->handle->rights);
		return 0;
	}

	if (arg->name)
		object = kipc_find_by_name(arg->name, arg->name_len);
	else
		object = kipc_object_find_id(arg->id) ?: ERR_PTR(-ENOENT);
	if (IS_ERR(object))
		return PTR_ERR(object);
	if (!kipc_object_visible(object)) {
		kipc_object_put(object);
		return -EACCES;
	}
	kipc_stat_fill(arg, object, 0);
	kipc_object_put(object);
	return 0;
}

static int kipc_check_open(const struct kipc_open *arg)
{
	const u32 known = KIPC_NONBLOCK | KIPC_INHERIT | KIPC_PIPE_NOSIGPIPE;
	const u32 rights = KIPC_RIGHT_READ | KIPC_RIGHT_WRITE;

	if (arg->flags & ~known || arg->kind > KIPC_KIND_PIPE)
		return -EINVAL;
	if (!arg->rights || arg->rights & ~rights)
		return -EINVAL;
	if (arg->flags & KIPC_PIPE_NOSIGPIPE && arg->kind != KIPC_KIND_PIPE)
		return -EINVAL;
	return 0;
}

static int kipc_open_object(struct kipc_call *call, struct kipc_object *object)
{
	struct kipc_open *arg = call->arg;
	struct file *file;
	int ret;

	if (arg->kind && arg->kind != object->kind->type)
		return -EPROTOTYPE;
	if (!kipc_object_allows(object, arg->rights))
		return -EACCES;
	file = object->kind->open(object, arg->rights, arg->flags);
	if (IS_ERR(file))
		return PTR_ERR(file);
	ret = kipc_call_add_file(call, file, arg->flags);
	if (ret < 0)
		return ret;
	arg->fd = ret;
	arg->id = object->id;
	arg->kind = object->kind->type;
	return 0;
}

/** kipc_open_call - KIPC_OPEN */
int kipc_open_call(struct kipc_call *call)
{
	struct kipc_open *arg = call->arg;
	struct kipc_object *object;
	int err;

	err = kipc_check_open(arg);
	if (err)
		return err;
	object = kipc_find_by_name(arg->name, arg->name_len);
	if (IS_ERR(object))
		return PTR_ERR(object);
	err = kipc_open_object(call, object);
	kipc_object_put(object);
	return err;
}

/* Whom an UNLINK or a DESTROY means; a counted reference. */
static struct kipc_object *kipc_find_target(struct kipc_call *call)
{
	struct kipc_target *arg = call->arg;
	struct kipc_object *object;

	if (arg->flags || arg->pad)
		return ERR_PTR(-EINVAL);
	if (call->handle) {
		if (arg->name || arg->name_len)
			return ERR_PTR(-EINVAL);
		object = call->handle->object;
		refcount_inc(&object->refs);
	} else {
		object = kipc_find_by_name(arg->name, arg->name_len);
		if (IS_ERR(object))
			return object;
	}
	if (kipc_object_owned(object))
		return object;
	kipc_object_put(object);
	return ERR_PTR(-EPERM);
}

/** kipc_unlink_call - KIPC_UNLINK, on the device or a handle */
int kipc_unlink_call(struct kipc_call *call)
{
	struct kipc_object *object = kipc_find_target(call);
	int err;

	if (IS_ERR(object))
		return PTR_ERR(object);
	err = kipc_object_unlink(object);
	kipc_object_put(object);
	return err;
}

/** kipc_destroy_call - KIPC_DESTROY, on the device or a handle */
int kipc_destroy_call(struct kipc_call *call)
{
	struct kipc_object *object = kipc_find_target(call);

	if (IS_ERR(object))
		return PTR_ERR(object);
	kipc_object_destroy(object);
	kipc_object_put(object);
	return 0;
}

static int kipc_check_setattr(const struct kipc_setattr *arg, kuid_t uid,
			      kgid_t gid)
{
	const u32 known = KIPC_SET_MODE | KIPC_SET_UID | KIPC_SET_GID |
			  KIPC_SET_SPIN;

	if (!arg->flags || arg->flags & ~known)
		return -EINVAL;
	if (arg->flags & KIPC_SET_MODE ? arg->mode & ~0666 : arg->mode)
		return -EINVAL;
	if (arg->flags & KIPC_SET_UID ? !uid_valid(uid) : arg->uid)
		return -EINVAL;
	if (arg->flags & KIPC_SET_GID ? !gid_valid(gid) : arg->gid)
		return -EINVAL;
	if (arg->flags & KIPC_SET_SPIN ? arg->spin_ns > KIPC_SPIN_NS_MAX :
					 arg->spin_ns)
		return -EINVAL;
	return 0;
}

/** kipc_setattr_call - KIPC_SETATTR, on a handle */
int kipc_setattr_call(struct kipc_call *call)
{
	struct kipc_object *object = call->handle->object;
	struct kipc_setattr *arg = call->arg;
	kuid_t uid = make_kuid(current_user_ns(), arg->uid);
	kgid_t gid = make_kgid(current_user_ns(), arg->gid);
	bool capable;
	int err;

	err = kipc_check_setattr(arg, uid, gid);
	if (err)
		return err;

	capable = ns_capable(object->domain->ns->user_ns, CAP_IPC_OWNER);
	spin_lock(&object->attr_lock);
	err = -EPERM;
	if (!capable && !uid_eq(current_fsuid(), object->uid))
		goto unlock;
	if (!capable && arg->flags & KIPC_SET_UID && !uid_eq(uid, object->uid))
		goto unlock;
	if (!capable && arg->flags & KIPC_SET_GID && !in_group_p(gid))
		goto unlock;
	err = 0;
	if (arg->flags & KIPC_SET_MODE)
		object->mode = arg->mode;
	if (arg->flags & KIPC_SET_UID)
		object->uid = uid;
	if (arg->flags & KIPC_SET_GID)
		object->gid = gid;
	if (arg->flags & KIPC_SET_SPIN)
		WRITE_ONCE(object->spin_ns, arg->spin_ns);
unlock:
	spin_unlock(&object->attr_lock);
	return err;
}
