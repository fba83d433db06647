// SPDX-License-Identifier: GPL-2.0
#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/nospec.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "array.h"
#include "compat.h"
#include "create.h"
#include "main.h"

KIPC_ASSERT_CREATE(kipc_array_create);

#define KIPC_ARRAY_BUCKETS_MAX	256U

static int kipc_array_alloc(struct kipc_array *array)
{
	u32 i, buckets;

	/* At most 4 GiB and a bit: no overflow. */
	array->data = kvzalloc((size_t)array->count * array->element,
			       KIPC_ARRAY_GFP);
	if (!array->data)
		return -ENOMEM;
	array->versions = kvcalloc(array->count, sizeof(*array->versions),
				   KIPC_ARRAY_GFP);
	if (!array->versions)
		return -ENOMEM;
	buckets = min(roundup_pow_of_two(array->count), KIPC_ARRAY_BUCKETS_MAX);
	array->buckets = kmalloc_array(buckets, sizeof(*array->buckets),
				       KIPC_ARRAY_GFP);
	if (!array->buckets)
		return -ENOMEM;
	array->bucket_mask = buckets - 1;
	for (i = 0; i < buckets; i++)
		INIT_LIST_HEAD(&array->buckets[i]);
	return 0;
}

static int kipc_array_give(struct kipc_call *call, struct kipc_object *object)
{
	struct kipc_array_create *arg = call->arg;
	struct kipc_array *array = kipc_to_array(object);

	arg->count = array->count;
	arg->element = array->element;
	return kipc_create_open(call, object, arg->rights, &arg->fd);
}

static int kipc_array_release(struct inode *inode, struct file *file)
{
	struct kipc_array_handle *handle = kipc_file_array(file);

	kipc_handle_release(&handle->handle);
	kfree(handle);
	return 0;
}

static __poll_t kipc_array_poll(struct file *file, poll_table *wait)
{
	struct kipc_array_handle *handle = kipc_file_array(file);
	struct kipc_array *array = kipc_to_array(handle->handle.object);
	__poll_t events = 0;

	poll_wait(file, &array->poll, wait);
	/* Pairs with the barrier of who has written: see array.h. */
	smp_mb();

	if (kipc_object_destroyed(&array->object))
		return EPOLLIN | EPOLLOUT | EPOLLRDNORM | EPOLLWRNORM |
		       EPOLLHUP | EPOLLERR;
	if ((handle->handle.rights & KIPC_RIGHT_READ) &&
	    READ_ONCE(handle->seen) != READ_ONCE(array->changes))
		events |= EPOLLIN | EPOLLRDNORM;
	if (handle->handle.rights & KIPC_RIGHT_WRITE)
		events |= EPOLLOUT | EPOLLWRNORM;
	return events;
}

static void kipc_array_show_fdinfo(struct seq_file *seq, struct file *file)
{
	struct kipc_array_handle *handle = kipc_file_array(file);
	struct kipc_array *array = kipc_to_array(handle->handle.object);

	kipc_handle_show(seq, &handle->handle);
	seq_printf(seq, "kipc-count:\t%u\n", array->count);
	seq_printf(seq, "kipc-element:\t%u\n", array->element);
	seq_printf(seq, "kipc-changes:\t%llu\n", READ_ONCE(array->changes));
}

static const struct file_operations kipc_array_fops = {
	.owner		= THIS_MODULE,
	.poll		= kipc_array_poll,
	.unlocked_ioctl	= kipc_array_ioctl,
	.compat_ioctl	= compat_ptr_ioctl,
	.release	= kipc_array_release,
	.show_fdinfo	= kipc_array_show_fdinfo,
};

static struct file *kipc_array_open(struct kipc_object *object, u32 rights,
				    u32 flags)
{
	struct kipc_array_handle *handle;
	struct file *file;

	handle = kipc_handle_alloc(object, rights, sizeof(*handle));
	if (IS_ERR(handle))
		return ERR_CAST(handle);
	handle->seen = READ_ONCE(kipc_to_array(object)->changes);

	file = kipc_handle_file(&handle->handle, "[kipc:array]",
				&kipc_array_fops, flags);
	if (IS_ERR(file))
		kfree(handle);
	return file;
}

static void kipc_array_destroyed(struct kipc_object *object)
{
	struct kipc_array *array = kipc_to_array(object);

	kipc_array_fail(array, -EIDRM);
	kipc_array_wake_pollers(array, EPOLLIN | EPOLLOUT | EPOLLHUP |
				       EPOLLERR);
}

static void kipc_array_free(struct kipc_object *object)
{
	struct kipc_array *array = kipc_to_array(object);

	kfree(array->buckets);
	kvfree(array->versions);
	kvfree(array->data);
}

static bool kipc_array_has_words(u32 element)
{
	return element <= sizeof(u64) && is_power_of_2(element);
}

static struct kipc_object *kipc_array_make(struct kipc_call *call)
{
	struct kipc_array_create *arg = call->arg;
	struct kipc_object *object;
	struct kipc_array *array;
	int err;

	/* First the ceiling, then the memory. */
	object = kipc_object_make(&kipc_array_kind, arg->mode,
				  (size_t)arg->count *
				  (arg->element + sizeof(u64)));
	if (IS_ERR(object))
		return object;
	array = kipc_to_array(object);
	array->count = arg->count;
	array->element = arg->element;
	if (kipc_array_has_words(arg->element))
		array->mask = U64_MAX >> (64 - 8 * arg->element);
	mutex_init(&array->lock);
	init_waitqueue_head(&array->poll);
	atomic64_set(&array->stats.sleeps, 0);
	atomic64_set(&array->stats.blocked_ns, 0);

	err = kipc_array_alloc(array);
	if (err) {
		kipc_object_put(object);
		return ERR_PTR(err);
	}
	return object;
}

const struct kipc_kind kipc_array_kind = {
	.type		= KIPC_KIND_ARRAY,
	.size		= sizeof(struct kipc_array),
	.name		= "array",
	.make		= kipc_array_make,
	.give		= kipc_array_give,
	.open		= kipc_array_open,
	.destroyed	= kipc_array_destroyed,
	.free		= kipc_array_free,
};

/**
 * kipc_array_create_call - KIPC_ARRAY_CREATE
 * @call: the call; struct kipc_array_create
 *
 * Context: may sleep.
 * Return: 0 or a negative errno, see uapi/linux/kipc/array.h.
 */
int kipc_array_create_call(struct kipc_call *call)
{
	struct kipc_array_create *arg = call->arg;

	if (arg->pad || !arg->count || !arg->element ||
	    arg->element > KIPC_ARRAY_ELEMENT_MAX)
		return -EINVAL;
	if (arg->count > KIPC_ARRAY_COUNT_MAX)
		return -ENOSPC;
	return kipc_create(call, &kipc_array_kind);
}

/* The handle has looked; two looks at a time may end in either order. */
static void kipc_array_looked(struct kipc_array *array,
			      struct kipc_array_handle *handle, u64 changes)
{
	mutex_lock(&array->lock);
	if (changes > handle->seen)
		WRITE_ONCE(handle->seen, changes);
	mutex_unlock(&array->lock);
}

/*
 * Copies a range and its versions by way of @buf, which has room for both.  The
 * versions come first, they are aligned.
 */
static int kipc_array_snapshot(struct kipc_array *array,
			       struct kipc_array_read *arg, void *buf)
{
	size_t versions = arg->versions ? arg->count * sizeof(u64) : 0;
	size_t bytes = (size_t)arg->count * array->element;
	u32 first = array_index_nospec(arg->first, array->count);
	u8 *elements = buf + versions;
	int err;

	err = kipc_array_lock(array);
	if (err)
		return err;
	memcpy(elements, array->data + (size_t)first * array->element, bytes);
	if (versions)
		memcpy(buf, array->versions + first, versions);
	arg->changes = array->changes;
	mutex_unlock(&array->lock);

	if (copy_to_user(u64_to_user_ptr(arg->buf), elements, bytes) ||
	    copy_to_user(u64_to_user_ptr(arg->versions), buf, versions))
		return -EFAULT;
	return 0;
}

/**
 * kipc_array_read_call - KIPC_ARRAY_READ
 * @call: the call; struct kipc_array_read
 *
 * Context: may sleep.
 * Return: 0 or a negative errno, see uapi/linux/kipc/array.h.
 */
int kipc_array_read_call(struct kipc_call *call)
{
	struct kipc_array *array = kipc_to_array(call->handle->object);
	struct kipc_array_read *arg = call->arg;
	u64 small[KIPC_ARRAY_SMALL / sizeof(u64)];
	void *buf = small;
	size_t bytes;
	int err = 0;

	if (arg->flags)
		return -EINVAL;
	if (!(call->handle->rights & KIPC_RIGHT_READ))
		return -EBADF;
	if (arg->first > array->count ||
	    arg->count > array->count - arg->first)
		return -ERANGE;
	bytes = (size_t)arg->count * array->element;
	if (bytes > KIPC_ARRAY_READ_MAX)
		return -EMSGSIZE;
	if (arg->versions)
		bytes += arg->count * sizeof(u64);

	if (bytes > sizeof(small))
		buf = kvmalloc(bytes, KIPC_ARRAY_GFP);
	if (!buf)
		return -ENOMEM;
	if (arg->count)
		err = kipc_array_snapshot(array, arg, buf);
	else
		arg->changes = READ_ONCE(array->changes);
	if (!err)
		kipc_array_looked(array, kipc_file_array(call->file),
				  arg->changes);
	if (buf != small)
		kvfree(buf);
	return err;
}

/**
 * kipc_array_stat_call - KIPC_ARRAY_STAT
 * @call: the call; struct kipc_array_stat
 *
 * Every figure is true by itself; between two of them others may go on.
 *
 * Context: does not sleep.
 * Return: 0 or a negative errno, see uapi/linux/kipc/array.h.
 */
int kipc_array_stat_call(struct kipc_call *call)
{
	struct kipc_array *array = kipc_to_array(call->handle->object);
	struct kipc_array_stat *arg = call->arg;

	if (arg->flags || arg->pad)
		return -EINVAL;
	arg->count = array->count;
	arg->element = array->element;
	arg->waiting = READ_ONCE(array->waiting);
	arg->changes = READ_ONCE(array->changes);
	arg->sleeps = atomic64_read(&array->stats.sleeps);
	arg->blocked_ns = atomic64_read(&array->stats.blocked_ns);
	return 0;
}
