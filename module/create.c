// SPDX-License-Identifier: GPL-2.0
#include <linux/err.h>
#include <linux/slab.h>

#include "create.h"
#include "main.h"
#include "object.h"

static int kipc_create_check(const struct kipc_create *arg, u32 own_flags)
{
	const u32 rights = KIPC_RIGHT_READ | KIPC_RIGHT_WRITE;
	const u32 need_name = KIPC_EXCL | KIPC_PERSIST;
	const u32 known = need_name | KIPC_NONBLOCK | KIPC_INHERIT | own_flags;

	if (arg->flags & ~known)
		return -EINVAL;
	if (arg->mode & ~0666 || arg->rights & ~rights)
		return -EINVAL;
	/* Without a handle and without a name it would be gone at once. */
	if (!arg->rights && !(arg->flags & KIPC_PERSIST))
		return -EINVAL;
	if (!arg->name && (arg->name_len || arg->flags & need_name))
		return -EINVAL;
	return 0;
}

/**
 * kipc_create_open - open one handle for the caller of a create call
 * @call: the call
 * @object: the object
 * @rights: of the handle; 0: none is wanted
 * @fd: (out) its descriptor, or -1
 *
 * Context: may sleep.
 * Return: 0 or a negative errno.
 */
int kipc_create_open(struct kipc_call *call, struct kipc_object *object,
		     u32 rights, s32 *fd)
{
	struct kipc_create *arg = call->arg;
	struct file *file;
	int ret;

	*fd = -1;
	if (!rights)
		return 0;
	file = object->kind->open(object, rights, arg->flags);
	if (IS_ERR(file))
		return PTR_ERR(file);
	ret = kipc_call_add_file(call, file, arg->flags);
	if (ret < 0)
		return ret;
	*fd = ret;
	return 0;
}

/* The name is there already: open what has it. */
static int kipc_create_existing(struct kipc_call *call,
				const struct kipc_kind *kind,
				struct kipc_object *object)
{
	struct kipc_create *arg = call->arg;

	if (arg->flags & KIPC_EXCL)
		return -EEXIST;
	if (object->kind != kind)
		return -EPROTOTYPE;
	if (!kipc_object_allows(object, arg->rights) ||
	    !(arg->rights || kipc_object_visible(object)))
		return -EACCES;
	arg->result = KIPC_RESULT_OPENED;
	arg->id = object->id;
	return kind->give(call, object);
}

/*
 * If somebody else has made one with that name in the meantime, that one is
 * opened instead.
 */
static int kipc_create_new(struct kipc_call *call, const struct kipc_kind *kind,
			   struct kipc_name **name)
{
	struct kipc_create *arg = call->arg;
	struct kipc_object *object, *entered;
	int err;

	object = kind->make(call);
	if (IS_ERR(object))
		return PTR_ERR(object);
	err = kind->give(call, object);
	if (err)
		goto put;

	entered = kipc_object_enter(object, *name, arg->flags);
	if (entered == object) {
		*name = NULL;
		call->created = object;
		arg->result = KIPC_RESULT_CREATED;
		arg->id = object->id;
		return 0;
	}
	kipc_call_drop_files(call);
	if (IS_ERR(entered)) {
		err = PTR_ERR(entered);
	} else {
		err = kipc_create_existing(call, kind, entered);
		kipc_object_put(entered);
	}
put:
	kipc_object_put(object);
	return err;
}

/**
 * kipc_create - a create call
 * @call: the call; its argument begins with struct kipc_create
 * @kind: what to make
 *
 * The caller has checked what is the kind's own in the argument, so that bad
 * input is refused whether the name is there or not.
 *
 * Context: may sleep.
 * Return: 0 or a negative errno, see uapi/linux/kipc.h.
 */
int kipc_create(struct kipc_call *call, const struct kipc_kind *kind)
{
	struct kipc_create *arg = call->arg;
	struct kipc_object *object;
	struct kipc_name *name = NULL;
	int err;

	err = kipc_create_check(arg, kind->flags);
	if (err)
		return err;
	if (arg->name) {
		name = kipc_name_copy(arg->name, arg->name_len);
		if (IS_ERR(name))
			return PTR_ERR(name);
	}

	/* Most opens find it; then nothing is made. */
	object = name ? kipc_object_find(name) : NULL;
	if (object) {
		err = kipc_create_existing(call, kind, object);
		kipc_object_put(object);
	} else {
		err = kipc_create_new(call, kind, &name);
	}
	kfree(name);
	return err;
}
