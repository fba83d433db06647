// SPDX-License-Identifier: GPL-2.0
/* Operations on elements, one at a time or several at once. */
#include <linux/mm.h>
#include <linux/nospec.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/uaccess.h>

#include "array.h"
#include "main.h"

/* What a handle needs for an operation; 0: there is none of that number. */
static const u8 kipc_array_needs[] = {
	[KIPC_ARRAY_LOAD]	= KIPC_RIGHT_READ,
	[KIPC_ARRAY_STORE]	= KIPC_RIGHT_WRITE,
	[KIPC_ARRAY_SWAP]	= KIPC_RIGHT_READ | KIPC_RIGHT_WRITE,
	[KIPC_ARRAY_CAS]	= KIPC_RIGHT_READ | KIPC_RIGHT_WRITE,
	[KIPC_ARRAY_ADD]	= KIPC_RIGHT_READ | KIPC_RIGHT_WRITE,
};

/* Does @value fit a word, as unsigned or as a negative number? */
static bool kipc_array_fits(const struct kipc_array *array, u64 value)
{
	return !(value & ~array->mask) ||
	       (value | array->mask >> 1) == U64_MAX;
}

static bool kipc_array_operands_ok(const struct kipc_array *array,
				   const struct kipc_array_entry *entry)
{
	if (!array->mask)
		return entry->op <= KIPC_ARRAY_STORE && !entry->expected;
	if (entry->op == KIPC_ARRAY_LOAD && entry->value)
		return false;
	if (entry->op == KIPC_ARRAY_CAS)
		return kipc_array_fits(array, entry->value) &&
		       kipc_array_fits(array, entry->expected);
	return kipc_array_fits(array, entry->value) && !entry->expected;
}

/* All that can be wrong with an operation, but for bad memory. */
static int kipc_array_check(const struct kipc_array *array, u32 rights,
			    struct kipc_array_entry *entry)
{
	u32 needs = 0;

	if (entry->op < ARRAY_SIZE(kipc_array_needs))
		needs = kipc_array_needs[array_index_nospec(entry->op,
					 ARRAY_SIZE(kipc_array_needs))];
	if (!needs)
		return -EINVAL;
	if (needs & ~rights)
		return -EBADF;
	if (entry->index >= array->count)
		return -ERANGE;
	entry->index = array_index_nospec(entry->index, array->count);
	return kipc_array_operands_ok(array, entry) ? 0 : -EINVAL;
}

static void *kipc_array_at(const struct kipc_array *array, u32 index)
{
	return array->data + (size_t)index * array->element;
}

static __always_inline u64 kipc_array_get(const struct kipc_array *array,
					  const void *at)
{
	if (likely(array->element == sizeof(u64)))
		return *(const u64 *)at;
	if (array->element == sizeof(u32))
		return *(const u32 *)at;
	if (array->element == sizeof(u16))
		return *(const u16 *)at;
	return *(const u8 *)at;
}

static __always_inline void kipc_array_set(const struct kipc_array *array,
					   void *at, u64 value)
{
	if (likely(array->element == sizeof(u64)))
		*(u64 *)at = value;
	else if (array->element == sizeof(u32))
		*(u32 *)at = value;
	else if (array->element == sizeof(u16))
		*(u16 *)at = value;
	else
		*(u8 *)at = value;
}

/*
 * Does an operation on a word and gives in @old what was in the slot before.
 * Return: false if nothing took place: a CAS that found something else.
 */
static __always_inline bool kipc_array_apply(struct kipc_array *array,
					     struct kipc_array_entry *entry,
					     u64 *old)
{
	void *at = kipc_array_at(array, entry->index);
	u64 value = entry->value;

	lockdep_assert_held(&array->lock);

	*old = kipc_array_get(array, at);
	entry->result = entry->op == KIPC_ARRAY_STORE ? 0 : *old;
	if (entry->op == KIPC_ARRAY_LOAD)
		return true;
	if (entry->op == KIPC_ARRAY_ADD)
		value += *old;
	else if (entry->op == KIPC_ARRAY_CAS &&
		 *old != (entry->expected & array->mask))
		return false;
	kipc_array_set(array, at, value);
	return true;
}

/* A write has taken place.  Return: the slot's new version. */
static u64 kipc_array_count(struct kipc_array *array, u32 index)
{
	lockdep_assert_held(&array->lock);

	/* poll() and others read it without the lock. */
	WRITE_ONCE(array->changes, array->changes + 1);
	return ++array->versions[index];
}

/* Drops the lock after writes and tells those who want to know. */
static void kipc_array_unlock_written(struct kipc_array *array,
				      const struct kipc_array_entry *entries,
				      u32 count)
{
	if (unlikely(array->waiting))
		kipc_array_unlock_wake(array, entries, count);
	else
		mutex_unlock(&array->lock);
	kipc_array_wake_pollers(array, EPOLLIN | EPOLLRDNORM);
}

static int kipc_array_word_op(struct kipc_array *array,
			      struct kipc_array_entry *entry)
{
	bool done;
	u64 old;
	int err;

	err = kipc_array_lock(array);
	if (err)
		return err;
	done = kipc_array_apply(array, entry, &old);
	if (entry->op == KIPC_ARRAY_LOAD || !done) {
		entry->version = array->versions[entry->index];
		mutex_unlock(&array->lock);
		return 0;
	}
	entry->version = kipc_array_count(array, entry->index);
	kipc_array_unlock_written(array, entry, 1);
	return 0;
}

/* By way of @buf, which has room for an element. */
static int kipc_array_copy_record(struct kipc_array *array,
				  struct kipc_array_entry *entry, void *buf)
{
	void __user *uptr = u64_to_user_ptr(entry->value);
	bool store = entry->op == KIPC_ARRAY_STORE;
	int err;

	if (store && copy_from_user(buf, uptr, array->element))
		return -EFAULT;
	err = kipc_array_lock(array);
	if (err)
		return err;
	entry->result = 0;
	if (store) {
		memcpy(kipc_array_at(array, entry->index), buf, array->element);
		entry->version = kipc_array_count(array, entry->index);
		kipc_array_unlock_written(array, entry, 1);
		return 0;
	}
	memcpy(buf, kipc_array_at(array, entry->index), array->element);
	entry->version = array->versions[entry->index];
	mutex_unlock(&array->lock);
	return copy_to_user(uptr, buf, array->element) ? -EFAULT : 0;
}

static noinline int kipc_array_record_op(struct kipc_array *array,
					 struct kipc_array_entry *entry)
{
	u8 small[KIPC_ARRAY_SMALL];
	void *buf = small;
	int err;

	if (array->element > sizeof(small))
		buf = kmalloc(array->element, GFP_KERNEL_ACCOUNT);
	if (!buf)
		return -ENOMEM;
	err = kipc_array_copy_record(array, entry, buf);
	if (buf != small)
		kfree(buf);
	return err;
}

/**
 * kipc_array_op_call - KIPC_ARRAY_OP
 * @call: the call; struct kipc_array_op
 *
 * Context: may sleep.
 * Return: 0 or a negative errno, see uapi/linux/kipc/array.h.
 */
int kipc_array_op_call(struct kipc_call *call)
{
	struct kipc_array *array = kipc_to_array(call->handle->object);
	struct kipc_array_op *arg = call->arg;
	int err;

	if (arg->flags)
		return -EINVAL;
	err = kipc_array_check(array, call->handle->rights, &arg->entry);
	if (err)
		return err;
	if (array->mask)
		return kipc_array_word_op(array, &arg->entry);
	return kipc_array_record_op(array, &arg->entry);
}

/*
 * KIPC_ARRAY_OP on a word, for a caller whose struct is as long as ours.  It
 * reads the argument and tries the place of the results in one access, and
 * writes nothing but these: less than three quarters of the instructions of the
 * general path, and of a semop(2).
 *
 * Return: as the ioctl; or -ENOIOCTLCMD, with nothing done, if something is
 * unusual or wrong: the general path says what.
 */
static long kipc_array_quick_op(struct kipc_handle *handle,
				struct kipc_array_op __user *uptr)
{
	struct kipc_array *array = kipc_to_array(handle->object);
	struct kipc_array_entry __user *out = &uptr->entry;
	struct kipc_array_op arg;
	int err;

	if (!array->mask || kipc_object_destroyed(&array->object) ||
	    !user_access_begin(uptr, sizeof(*uptr)))
		return -ENOIOCTLCMD;
	unsafe_get_user(arg.size, &uptr->size, unusual);
	unsafe_get_user(arg.flags, &uptr->flags, unusual);
	if (arg.size != sizeof(arg) || arg.flags)
		goto unusual;
	unsafe_get_user(arg.entry.op, &uptr->entry.op, unusual);
	unsafe_get_user(arg.entry.index, &uptr->entry.index, unusual);
	unsafe_get_user(arg.entry.value, &uptr->entry.value, unusual);
	unsafe_get_user(arg.entry.expected, &uptr->entry.expected, unusual);
	unsafe_get_user(arg.entry.result, &out->result, unusual);
	unsafe_get_user(arg.entry.version, &out->version, unusual);
	unsafe_put_user(arg.entry.result, &out->result, unusual);
	unsafe_put_user(arg.entry.version, &out->version, unusual);
	user_access_end();

	err = kipc_array_check(array, handle->rights, &arg.entry);
	if (!err)
		err = kipc_array_word_op(array, &arg.entry);
	if (err)
		return err;

	if (!user_write_access_begin(uptr, sizeof(*uptr)))
		return -EFAULT;
	unsafe_put_user(arg.entry.result, &out->result, fault);
	unsafe_put_user(arg.entry.version, &out->version, fault);
	user_write_access_end();
	return 0;

unusual:
	user_access_end();
	return -ENOIOCTLCMD;
fault:
	user_write_access_end();
	return -EFAULT;
}

/**
 * kipc_array_ioctl - an ioctl on a handle of an array
 * @file: its file
 * @cmd: KIPC_*
 * @uptr: pointer to the argument
 *
 * Context: may sleep.
 * Return: 0 or a negative errno, see uapi/linux/kipc/array.h.
 */
long kipc_array_ioctl(struct file *file, unsigned int cmd, unsigned long uptr)
{
	struct kipc_array_op __user *op = (void __user *)uptr;
	long ret = -ENOIOCTLCMD;

	if (cmd == KIPC_ARRAY_OP)
		ret = kipc_array_quick_op(file->private_data, op);
	if (ret == -ENOIOCTLCMD)
		ret = kipc_handle_ioctl(file, cmd, uptr);
	return ret;
}

/**
 * struct kipc_array_vector - a vector of operations
 * @entries: the operations
 * @count: how many
 * @writes: there is one that writes
 * @old: words: what was in the slots before each operation
 * @records: records: an element for each operation, to be stored or as loaded
 */
struct kipc_array_vector {
	struct kipc_array_entry *entries;
	u32 count;
	bool writes;
	union {
		u64 *old;
		u8 *records;
	};
};

/* Can an element be written to user memory?  What is there stays. */
static bool kipc_array_writable(u64 uptr, size_t bytes)
{
	u8 __user *first = u64_to_user_ptr(uptr), *last = first + bytes - 1;
	u8 byte;

	/* It lies in two pages at most. */
	BUILD_BUG_ON(KIPC_ARRAY_ELEMENT_MAX > PAGE_SIZE);
	return !get_user(byte, first) && !put_user(byte, first) &&
	       !get_user(byte, last) && !put_user(byte, last);
}

/* Copies in records to be stored, and sees that loaded ones have a place. */
static int kipc_array_import(const struct kipc_array *array,
			     struct kipc_array_vector *vector)
{
	size_t size = array->element;
	u32 i;

	for (i = 0; i < vector->count; i++) {
		struct kipc_array_entry *entry = &vector->entries[i];

		if (entry->op == KIPC_ARRAY_STORE) {
			if (copy_from_user(vector->records + i * size,
					   u64_to_user_ptr(entry->value), size))
				return -EFAULT;
		} else if (vector->writes &&
			   !kipc_array_writable(entry->value, size)) {
			return -EFAULT;
		}
	}
	return 0;
}

static int kipc_array_export(const struct kipc_array *array,
			     const struct kipc_array_vector *vector)
{
	size_t size = array->element;
	u32 i;

	for (i = 0; i < vector->count; i++) {
		struct kipc_array_entry *entry = &vector->entries[i];

		if (entry->op == KIPC_ARRAY_LOAD &&
		    copy_to_user(u64_to_user_ptr(entry->value),
				 vector->records + i * size, size))
			return -EFAULT;
	}
	return 0;
}

/* Return: how many were done; all, or up to the first that did not match. */
static u32 kipc_array_apply_words(struct kipc_array *array,
				  struct kipc_array_vector *vector)
{
	struct kipc_array_entry *entries = vector->entries;
	u32 i, done = 0;

	while (done < vector->count &&
	       kipc_array_apply(array, &entries[done], &vector->old[done]))
		done++;
	if (done == vector->count)
		return done;
	/* Backwards: a slot may have been written more than once. */
	for (i = done; i-- > 0;) {
		if (entries[i].op != KIPC_ARRAY_LOAD)
			kipc_array_set(array,
				       kipc_array_at(array, entries[i].index),
				       vector->old[i]);
	}
	for (i = done + 1; i < vector->count; i++)
		entries[i].result = 0;
	return done;
}

static u32 kipc_array_apply_records(struct kipc_array *array,
				    struct kipc_array_vector *vector)
{
	size_t size = array->element;
	u32 i;

	for (i = 0; i < vector->count; i++) {
		struct kipc_array_entry *entry = &vector->entries[i];
		void *record = vector->records + i * size;
		void *at = kipc_array_at(array, entry->index);

		entry->result = 0;
		if (entry->op == KIPC_ARRAY_STORE)
			memcpy(at, record, size);
		else
			memcpy(record, at, size);
	}
	return vector->count;
}

static int kipc_array_apply_vector(struct kipc_array *array,
				   struct kipc_array_vector *vector, u32 *done)
{
	struct kipc_array_entry *entries = vector->entries;
	bool written;
	int err;
	u32 i;

	err = kipc_array_lock(array);
	if (err)
		return err;
	if (array->mask)
		*done = kipc_array_apply_words(array, vector);
	else
		*done = kipc_array_apply_records(array, vector);
	written = vector->writes && *done == vector->count;
	for (i = 0; written && i < vector->count; i++) {
		if (entries[i].op != KIPC_ARRAY_LOAD)
			kipc_array_count(array, entries[i].index);
	}
	for (i = 0; i < vector->count; i++)
		entries[i].version = array->versions[entries[i].index];
	if (written)
		kipc_array_unlock_written(array, entries, vector->count);
	else
		mutex_unlock(&array->lock);
	return 0;
}

static int kipc_array_do_vector(struct kipc_call *call,
				struct kipc_array_vector *vector)
{
	struct kipc_array *array = kipc_to_array(call->handle->object);
	struct kipc_array_ops *arg = call->arg;
	void __user *uptr = u64_to_user_ptr(arg->entries);
	size_t bytes = vector->count * sizeof(*vector->entries);
	int err;
	u32 i;

	if (copy_from_user(vector->entries, uptr, bytes))
		return -EFAULT;
	for (i = 0; i < vector->count; i++) {
		err = kipc_array_check(array, call->handle->rights,
				       &vector->entries[i]);
		if (err)
			return err;
		if (vector->entries[i].op != KIPC_ARRAY_LOAD)
			vector->writes = true;
	}
	/* What is bad memory must show before something is written. */
	if (vector->writes && copy_to_user(uptr, vector->entries, bytes))
		return -EFAULT;
	err = array->mask ? 0 : kipc_array_import(array, vector);
	if (!err)
		err = kipc_array_apply_vector(array, vector, &arg->mismatch);
	if (!err && !array->mask)
		err = kipc_array_export(array, vector);
	if (!err && copy_to_user(uptr, vector->entries, bytes))
		err = -EFAULT;
	return err;
}

/**
 * kipc_array_ops_call - KIPC_ARRAY_OPS
 * @call: the call; struct kipc_array_ops
 *
 * Context: may sleep.
 * Return: 0 or a negative errno, see uapi/linux/kipc/array.h.
 */
int kipc_array_ops_call(struct kipc_call *call)
{
	struct kipc_array *array = kipc_to_array(call->handle->object);
	struct kipc_array_ops *arg = call->arg;
	struct kipc_array_vector vector = { .count = arg->count };
	u64 small[2 * KIPC_ARRAY_SMALL / sizeof(u64)];
	void *buf = small;
	size_t bytes;
	int err;

	if (arg->flags || !arg->count)
		return -EINVAL;
	if (arg->count > KIPC_ARRAY_OPS_MAX)
		return -E2BIG;
	bytes = sizeof(*vector.entries) +
		max_t(size_t, array->element, sizeof(u64));
	bytes *= vector.count;
	if (bytes > sizeof(small))
		buf = kvmalloc(bytes, KIPC_ARRAY_GFP);
	if (!buf)
		return -ENOMEM;
	vector.entries = buf;
	/* The same place, by another name. */
	vector.records = (u8 *)(vector.entries + vector.count);
	err = kipc_array_do_vector(call, &vector);
	if (buf != small)
		kvfree(buf);
	return err;
}
