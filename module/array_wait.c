// SPDX-License-Identifier: GPL-2.0
/* Waiting until a slot has another version than the one that was seen. */
#include <linux/nospec.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "array.h"
#include "main.h"

/* So many slots need no allocation. */
#define KIPC_ARRAY_FEW		4

struct kipc_array_sleep;

/**
 * struct kipc_array_watch - one slot that somebody waits for
 * @link: in its bucket
 * @sleep: who waits
 * @index: the slot
 */
struct kipc_array_watch {
	struct list_head link;
	struct kipc_array_sleep *sleep;
	u32 index;
};

/**
 * struct kipc_array_sleep - a task that waits for slots; under array->lock
 * @waiter: what all waiters have; its link is not used
 * @slots: which, and the versions that were seen; then the ones that they have
 * @watches: one for each of @slots
 * @count: how many
 * @changed: the first of @slots whose version differs
 */
struct kipc_array_sleep {
	struct kipc_waiter waiter;
	struct kipc_array_slot *slots;
	struct kipc_array_watch *watches;
	u32 count;
	u32 changed;
};

static struct list_head *kipc_array_bucket(struct kipc_array *array, u32 index)
{
	return &array->buckets[index & array->bucket_mask];
}

/*
 * Has one of the slots changed?  If so, says which was the first and gives the
 * versions of all.
 */
static bool kipc_array_slots_changed(const struct kipc_array *array,
				     struct kipc_array_sleep *sleep)
{
	u32 i;

	lockdep_assert_held(&array->lock);

	for (i = 0; i < sleep->count; i++) {
		struct kipc_array_slot *slot = &sleep->slots[i];

		if (slot->version != array->versions[slot->index])
			break;
	}
	if (i == sleep->count)
		return false;
	sleep->changed = i;
	for (; i < sleep->count; i++) {
		struct kipc_array_slot *slot = &sleep->slots[i];

		slot->version = array->versions[slot->index];
	}
	return true;
}

static void kipc_array_queue(struct kipc_array *array,
			     struct kipc_array_sleep *sleep)
{
	u32 i;

	lockdep_assert_held(&array->lock);

	for (i = 0; i < sleep->count; i++) {
		struct kipc_array_watch *watch = &sleep->watches[i];

		watch->sleep = sleep;
		watch->index = sleep->slots[i].index;
		list_add_tail(&watch->link,
			      kipc_array_bucket(array, watch->index));
	}
	WRITE_ONCE(array->waiting, array->waiting + 1);
}

static void kipc_array_dequeue(struct kipc_array *array,
			       struct kipc_array_sleep *sleep)
{
	u32 i;

	lockdep_assert_held(&array->lock);

	for (i = 0; i < sleep->count; i++)
		list_del(&sleep->watches[i].link);
	WRITE_ONCE(array->waiting, array->waiting - 1);
}

/* Ends a sleep; its record may be gone when this returns. */
static void kipc_array_finish(struct kipc_array *array,
			      struct kipc_array_sleep *sleep, int result,
			      struct kipc_wake_batch *batch)
{
	kipc_array_dequeue(array, sleep);
	kipc_wake_batch_add(batch, &sleep->waiter, result);
}

/* Ends the sleep of all who wait for slot @index. */
static void kipc_array_wake_slot(struct kipc_array *array, u32 index,
				 struct kipc_wake_batch *batch)
{
	struct list_head *bucket = kipc_array_bucket(array, index);
	struct kipc_array_watch *watch, *next;

	lockdep_assert_held(&array->lock);

	list_for_each_entry_safe(watch, next, bucket, link) {
		struct kipc_array_sleep *sleep = watch->sleep;

		if (watch->index != index)
			continue;
		/* All watches of the sleeper go: hold on to one that stays. */
		while (&next->link != bucket && next->sleep == sleep)
			next = list_next_entry(next, link);
		kipc_array_slots_changed(array, sleep);
		kipc_array_finish(array, sleep, 0, batch);
	}
}

/**
 * kipc_array_unlock_wake - drop the lock after writes, wake who waits for them
 * @array: the array, locked
 * @entries: what was done
 * @count: how many
 *
 * Context: does not sleep.
 */
void kipc_array_unlock_wake(struct kipc_array *array,
			    const struct kipc_array_entry *entries, u32 count)
{
	struct kipc_wake_batch batch = { };
	u32 i;

	for (i = 0; i < count; i++) {
		if (entries[i].op != KIPC_ARRAY_LOAD)
			kipc_array_wake_slot(array, entries[i].index, &batch);
	}
	mutex_unlock(&array->lock);
	kipc_wake_batch_flush(&batch);
}

/**
 * kipc_array_fail - send everybody who waits away
 * @array: the array
 * @result: what they get, a negative errno
 *
 * Context: may sleep.
 */
void kipc_array_fail(struct kipc_array *array, int result)
{
	struct kipc_wake_batch batch = { };
	u32 i;

	mutex_lock(&array->lock);
	for (i = 0; i <= array->bucket_mask; i++) {
		struct list_head *bucket = &array->buckets[i];

		while (!list_empty(bucket)) {
			struct kipc_array_watch *watch;

			watch = list_first_entry(bucket,
						 struct kipc_array_watch, link);
			kipc_array_finish(array, watch->sleep, result, &batch);
		}
	}
	mutex_unlock(&array->lock);
	kipc_wake_batch_flush(&batch);
}

/* A result counts more than the end of the array, that more than @err. */
static int kipc_array_give_up(struct kipc_array *array,
			      struct kipc_array_sleep *sleep, int err)
{
	mutex_lock(&array->lock);
	if (sleep->waiter.result != KIPC_WAITING) {
		err = sleep->waiter.result;
	} else {
		kipc_array_dequeue(array, sleep);
		if (kipc_object_destroyed(&array->object))
			err = -EIDRM;
	}
	mutex_unlock(&array->lock);
	return err;
}

static int kipc_array_sleep(struct kipc_array *array,
			    struct kipc_array_sleep *sleep, bool nowait,
			    u64 deadline_ns)
{
	int err;

	err = kipc_array_lock(array);
	if (err)
		return err;
	if (kipc_array_slots_changed(array, sleep)) {
		mutex_unlock(&array->lock);
		return 0;
	}
	if (nowait) {
		mutex_unlock(&array->lock);
		return -EAGAIN;
	}
	kipc_waiter_init_spin(&sleep->waiter,
			      kipc_object_spin_ns(&array->object));
	kipc_array_queue(array, sleep);
	mutex_unlock(&array->lock);

	err = kipc_waiter_sleep(&sleep->waiter, deadline_ns, &array->stats);
	if (err)
		return kipc_array_give_up(array, sleep, err);
	return sleep->waiter.result;
}

static int kipc_array_check_slots(const struct kipc_array *array,
				  struct kipc_array_slot *slots, u32 count)
{
	u32 i;

	for (i = 0; i < count; i++) {
		if (slots[i].pad)
			return -EINVAL;
		if (slots[i].index >= array->count)
			return -ERANGE;
		slots[i].index = array_index_nospec(slots[i].index,
						    array->count);
	}
	return 0;
}

/* With the slots copied in, and room for as many watches. */
static int kipc_array_wait(struct kipc_call *call,
			   struct kipc_array_slot *slots,
			   struct kipc_array_watch *watches)
{
	struct kipc_array *array = kipc_to_array(call->handle->object);
	struct kipc_array_wait *arg = call->arg;
	void __user *uptr = u64_to_user_ptr(arg->slots);
	size_t bytes = arg->count * sizeof(*slots);
	struct kipc_array_sleep sleep = {
		.slots = slots,
		.watches = watches,
		.count = arg->count,
	};
	bool nowait = (arg->flags & KIPC_ARRAY_NONBLOCK) ||
		      (call->file->f_flags & O_NONBLOCK);
	int err;

	if (copy_from_user(slots, uptr, bytes))
		return -EFAULT;
	err = kipc_array_check_slots(array, slots, arg->count);
	if (err)
		return err;
	/* Better now than after the sleep. */
	if (copy_to_user(uptr, slots, bytes))
		return -EFAULT;
	err = kipc_array_sleep(array, &sleep, nowait, arg->deadline_ns);
	if (err)
		return err;
	arg->changed = sleep.changed;
	return copy_to_user(uptr, slots, bytes) ? -EFAULT : 0;
}

static int kipc_array_wait_few(struct kipc_call *call)
{
	struct kipc_array_slot slots[KIPC_ARRAY_FEW];
	struct kipc_array_watch watches[KIPC_ARRAY_FEW];

	return kipc_array_wait(call, slots, watches);
}

static int kipc_array_wait_many(struct kipc_call *call, u32 count)
{
	struct kipc_array_slot *slots;
	struct kipc_array_watch *watches;
	int err = -ENOMEM;

	slots = kmalloc_array(count, sizeof(*slots), GFP_KERNEL_ACCOUNT);
	watches = kmalloc_array(count, sizeof(*watches), GFP_KERNEL_ACCOUNT);
	if (slots && watches)
		err = kipc_array_wait(call, slots, watches);
	kfree(watches);
	kfree(slots);
	return err;
}

/**
 * kipc_array_wait_call - KIPC_ARRAY_WAIT
 * @call: the call; struct kipc_array_wait
 *
 * Context: may sleep, that is what it is for.
 * Return: 0 or a negative errno, see uapi/linux/kipc/array.h.
 */
int kipc_array_wait_call(struct kipc_call *call)
{
	struct kipc_array_wait *arg = call->arg;

	if (arg->flags & ~KIPC_ARRAY_NONBLOCK || !arg->count)
		return -EINVAL;
	if (!(call->handle->rights & KIPC_RIGHT_READ))
		return -EBADF;
	if (arg->count > KIPC_ARRAY_WAIT_MAX)
		return -E2BIG;
	if (arg->count <= KIPC_ARRAY_FEW)
		return kipc_array_wait_few(call);
	return kipc_array_wait_many(call, arg->count);
}
