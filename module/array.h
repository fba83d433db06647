/* SPDX-License-Identifier: GPL-2.0 */
/*
 * DOC: arrays
 *
 * Elements and versions lie in kernel memory; each call takes the array's lock,
 * does all that it has to do, and drops the lock.  That is what makes a call
 * atomic.
 *
 * The lock is a mutex, because a vector of records may copy 256 KiB.  Whoever
 * holds it touches no user memory, allocates nothing and waits for nothing:
 * operands are copied in before, results are copied out after.  So it is held
 * for a bounded time, whatever user space does with its memory, and to wait for
 * it need not be interruptible.
 *
 * Sleeping.  A task that waits for slots has a watch for each of them, in a
 * bucket that the slot's number selects, so that a write looks only at those
 * who may be waiting for it.  Versions are compared and watches queued under
 * one hold of the lock, and every write is under the lock: none can come in
 * between.  Who writes fills in what the sleeper is to get, takes all its
 * watches off and finishes it (see waiter.h), so the sleeper needs no lock to
 * return.
 *
 * Polling.  Each handle remembers @changes of the array at its last look.  Who
 * has written looks at @poll after a full barrier, poll() looks at @changes
 * after one; so one of the two sees the other:
 *
 *	poll:   queue on @poll; barrier (smp_mb); read @changes
 *	writer: store @changes; barrier (wq_has_sleeper); look at @poll
 */
#ifndef KIPC_ARRAY_H
#define KIPC_ARRAY_H

#include <linux/mutex.h>
#include <linux/poll.h>
#include <linux/wait.h>

#include "handle.h"
#include "object.h"
#include "waiter.h"

struct kipc_call;

/* Memory is charged to the caller's cgroup; see ring.h. */
#define KIPC_ARRAY_GFP		(GFP_KERNEL_ACCOUNT | __GFP_RETRY_MAYFAIL | \
				 __GFP_NOWARN)

/* What takes no more bytes is copied by way of the stack. */
#define KIPC_ARRAY_SMALL	256

/**
 * struct kipc_array - an array
 * @object: what all kinds have
 * @count: elements; invariant
 * @element: bytes of an element; invariant
 * @mask: the bits that an element has; 0: it is not a word; invariant
 * @data: the elements; under @lock
 * @versions: of the elements; under @lock
 * @lock: see above
 * @changes: writes so far; under @lock, read without
 * @waiting: tasks that wait for slots; under @lock, read without
 * @bucket_mask: number of buckets less one; they are a power of two; invariant
 * @buckets: watches, by slot; under @lock
 * @poll: where pollers are
 * @stats: sleeps of those who wait for slots
 */
struct kipc_array {
	struct kipc_object object;
	u32 count;
	u32 element;
	u64 mask;
	u8 *data;
	u64 *versions;
	struct mutex lock;
	u64 changes;
	u32 waiting;
	u32 bucket_mask;
	struct list_head *buckets;
	wait_queue_head_t poll;
	struct kipc_wait_stats stats;
};

/**
 * struct kipc_array_handle - a handle of an array
 * @handle: what all handles have
 * @seen: array->changes at the last look; written under array->lock
 */
struct kipc_array_handle {
	struct kipc_handle handle;
	u64 seen;
};

static inline struct kipc_array *kipc_to_array(struct kipc_object *object)
{
	return container_of(object, struct kipc_array, object);
}

static inline struct kipc_array_handle *kipc_file_array(struct file *file)
{
	return file->private_data;
}

/* Return: 0 with the lock held, or -EIDRM. */
static inline int kipc_array_lock(struct kipc_array *array)
{
	mutex_lock(&array->lock);
	if (likely(!kipc_object_destroyed(&array->object)))
		return 0;
	mutex_unlock(&array->lock);
	return -EIDRM;
}

/*
 * Handles share one queue and each has its own look, so everybody is woken,
 * also who waits exclusively (EPOLLEXCLUSIVE).
 */
static inline void kipc_array_wake_pollers(struct kipc_array *array,
					   __poll_t events)
{
	/* The barrier in it pairs with the one of poll(). */
	if (wq_has_sleeper(&array->poll))
		__wake_up(&array->poll, TASK_INTERRUPTIBLE, 0,
			  poll_to_key(events));
}

/* array_wait.c: waiting for slots */
void kipc_array_unlock_wake(struct kipc_array *array,
			    const struct kipc_array_entry *entries, u32 count);
void kipc_array_fail(struct kipc_array *array, int result);
int kipc_array_wait_call(struct kipc_call *call);

/* array_op.c: operations */
long kipc_array_ioctl(struct file *file, unsigned int cmd, unsigned long uptr);
int kipc_array_op_call(struct kipc_call *call);
int kipc_array_ops_call(struct kipc_call *call);

/* array.c: everything else */
extern const struct kipc_kind kipc_array_kind;
int kipc_array_create_call(struct kipc_call *call);
int kipc_array_read_call(struct kipc_call *call);
int kipc_array_stat_call(struct kipc_call *call);

#endif /* KIPC_ARRAY_H */
