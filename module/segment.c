// SPDX-License-Identifier: GPL-2.0
#include <linux/err.h>
#include <linux/file.h>
#include <linux/mm.h>
#include <linux/shmem_fs.h>
#include <uapi/linux/falloc.h>

#include "compat.h"
#include "create.h"
#include "handle.h"
#include "limit.h"
#include "main.h"
#include "segment.h"

KIPC_ASSERT_CREATE(kipc_segment_create);

#define KIPC_SEALS	(KIPC_SEAL_SEAL | KIPC_SEAL_SHRINK | KIPC_SEAL_GROW | \
			 KIPC_SEAL_WRITE | KIPC_SEAL_FUTURE_WRITE)

/* The gate has no operations; without any it would be taken for unset. */
static const struct address_space_operations kipc_gate_aops = { };

static u64 kipc_segment_size(const struct kipc_segment *segment)
{
	return i_size_read(file_inode(segment->shmem));
}

/* Sizes that no ceiling allows must not come near the sums there. */
static int kipc_segment_check_size(u64 bytes)
{
	if (bytes > MAX_LFS_FILESIZE)
		return -EINVAL;
	if (PAGE_ALIGN(bytes) > READ_ONCE(kipc_limits.max_bytes))
		return -EDQUOT;
	return 0;
}

/*
 * Takes the pages that are not there yet, behind the end as well: a size that
 * grows does so when it has its pages.  If it fails there are no more of them
 * than before.
 */
static int kipc_segment_reserve(struct kipc_segment *segment, u64 bytes)
{
	if (!bytes)
		return 0;
	return vfs_fallocate(segment->shmem, FALLOC_FL_KEEP_SIZE, 0, bytes);
}

/* What is new in the memory of an object that nobody knows yet. */
static int kipc_segment_fill(struct kipc_segment *segment,
			     const struct kipc_segment_create *arg)
{
	struct inode *inode = file_inode(segment->shmem);
	u32 seals = arg->seals;
	int err = 0;

	/* Here with the size first: some huge pages want to lie within it. */
	if (arg->bytes)
		err = vfs_truncate(&segment->shmem->f_path, arg->bytes);
	if (!err && (arg->flags & KIPC_SEGMENT_RESERVE))
		err = kipc_segment_reserve(segment, arg->bytes);
	if (err)
		return err;

	/* shmem's files begin with the seal against seals. */
	SHMEM_I(inode)->seals &= ~F_SEAL_SEAL;
	if (!(arg->flags & KIPC_SEGMENT_SEALABLE))
		seals |= KIPC_SEAL_SEAL;
	return seals ? kipc_segment_add_seals(segment, seals) : 0;
}

static struct kipc_object *kipc_segment_make(struct kipc_call *call)
{
	struct kipc_segment_create *arg = call->arg;
	struct kipc_segment *segment;
	struct kipc_object *object;
	struct file *shmem;
	int err;

	err = kipc_segment_check_size(arg->bytes);
	if (err)
		return ERR_PTR(err);
	object = kipc_object_make(&kipc_segment_kind, arg->mode,
				  PAGE_ALIGN(arg->bytes));
	if (IS_ERR(object))
		return object;
	segment = kipc_to_segment(object);
	segment->flags = arg->flags &
			 (KIPC_SEGMENT_SEALABLE | KIPC_SEGMENT_HUGE);
	mutex_init(&segment->lock);
	segment->charged = PAGE_ALIGN(arg->bytes);
	shmem = kipc_shmem_setup("kipc:segment");
	if (IS_ERR(shmem)) {
		err = PTR_ERR(shmem);
		goto put;
	}
	segment->shmem = shmem;
	address_space_init_once(&segment->gate);
	segment->gate.a_ops = &kipc_gate_aops;
	err = kipc_segment_fill(segment, arg);
	if (!err)
		return object;
put:
	kipc_object_put(object);
	return ERR_PTR(err);
}

static void kipc_segment_free(struct kipc_object *object)
{
	struct kipc_segment *segment = kipc_to_segment(object);

	if (segment->shmem)
		fput(segment->shmem);
}

/* Nobody waits for a segment, and who has mapped it keeps it. */
static void kipc_segment_destroyed(struct kipc_object *object)
{
}

static int kipc_segment_give(struct kipc_call *call, struct kipc_object *object)
{
	struct kipc_segment *segment = kipc_to_segment(object);
	struct kipc_segment_create *arg = call->arg;
	int err;

	err = kipc_create_open(call, object, arg->rights, &arg->fd);
	arg->seals = kipc_segment_seals(segment);
	arg->bytes = kipc_segment_size(segment);
	return err;
}

const struct kipc_kind kipc_segment_kind = {
	.type		= KIPC_KIND_SEGMENT,
	.size		= sizeof(struct kipc_segment),
	.name		= "segment",
	.flags		= KIPC_SEGMENT_SEALABLE | KIPC_SEGMENT_HUGE |
			  KIPC_SEGMENT_RESERVE,
	.make		= kipc_segment_make,
	.give		= kipc_segment_give,
	.open		= kipc_segment_open,
	.destroyed	= kipc_segment_destroyed,
	.free		= kipc_segment_free,
};

/**
 * kipc_segment_create_call - KIPC_SEGMENT_CREATE
 * @call: the call; struct kipc_segment_create
 *
 * Context: may sleep.
 * Return: 0 or a negative errno, see uapi/linux/kipc/segment.h.
 */
int kipc_segment_create_call(struct kipc_call *call)
{
	struct kipc_segment_create *arg = call->arg;

	if (arg->seals & ~KIPC_SEALS || arg->rights == KIPC_RIGHT_WRITE ||
	    arg->bytes > MAX_LFS_FILESIZE)
		return -EINVAL;
	return kipc_create(call, &kipc_segment_kind);
}

static int kipc_segment_set_size(struct kipc_segment *segment, u64 bytes,
				 bool reserve)
{
	struct inode *inode = file_inode(segment->shmem);
	u64 before = kipc_segment_size(segment);
	int err = 0;

	if (reserve)
		err = kipc_segment_reserve(segment, bytes);
	if (err)
		return err;
	err = vfs_truncate(&segment->shmem->f_path, bytes);
	if (err && reserve && bytes > before) {
		inode_lock(inode);
		shmem_truncate_range(inode, PAGE_ALIGN(before), -1);
		inode_unlock(inode);
	}
	return err;
}

/* The ceiling counts what the segment is going to have, and is asked first. */
static int kipc_segment_resize(struct kipc_segment *segment, u64 bytes,
			       bool reserve)
{
	u64 size = kipc_segment_size(segment);
	u32 seals = kipc_segment_seals(segment);
	unsigned long before = segment->charged, after = PAGE_ALIGN(bytes);
	int err = 0;

	lockdep_assert_held(&segment->lock);

	if ((bytes < size && (seals & KIPC_SEAL_SHRINK)) ||
	    (bytes > size && (seals & KIPC_SEAL_GROW)))
		return -EPERM;
	if (after > before)
		err = kipc_object_recharge(&segment->object, before, after);
	if (err)
		return err;
	err = kipc_segment_set_size(segment, bytes, reserve);
	if (!err)
		segment->charged = after;
	if (err && after > before)
		kipc_object_recharge(&segment->object, after, before);
	if (!err && after < before)
		kipc_object_recharge(&segment->object, before, after);
	return err;
}

/**
 * kipc_segment_resize_call - KIPC_SEGMENT_RESIZE
 * @call: the call; struct kipc_segment_resize
 *
 * Context: may sleep.
 * Return: 0 or a negative errno, see uapi/linux/kipc/segment.h.
 */
int kipc_segment_resize_call(struct kipc_call *call)
{
	struct kipc_segment *segment = kipc_to_segment(call->handle->object);
	struct kipc_segment_resize *arg = call->arg;
	int err;

	if (arg->flags & ~KIPC_SEGMENT_RESERVE)
		return -EINVAL;
	if (!(call->handle->rights & KIPC_RIGHT_WRITE))
		return -EBADF;
	err = kipc_segment_check_size(arg->bytes);
	if (err)
		return err;
	if (mutex_lock_interruptible(&segment->lock))
		return -ERESTARTSYS;
	err = kipc_segment_resize(segment, arg->bytes, arg->flags);
	mutex_unlock(&segment->lock);
	return err;
}

/**
 * kipc_segment_seal_call - KIPC_SEGMENT_SEAL
 * @call: the call; struct kipc_segment_seal
 *
 * Context: may sleep.
 * Return: 0 or a negative errno, see uapi/linux/kipc/segment.h.
 */
int kipc_segment_seal_call(struct kipc_call *call)
{
	struct kipc_segment *segment = kipc_to_segment(call->handle->object);
	struct kipc_segment_seal *arg = call->arg;
	int err = 0;

	if (arg->flags || arg->pad || arg->seals & ~KIPC_SEALS)
		return -EINVAL;
	if (!(call->handle->rights & KIPC_RIGHT_WRITE))
		return -EBADF;
	if (mutex_lock_interruptible(&segment->lock))
		return -ERESTARTSYS;
	if (arg->seals)
		err = kipc_segment_add_seals(segment, arg->seals);
	arg->seals = kipc_segment_seals(segment);
	mutex_unlock(&segment->lock);
	return err;
}

/**
 * kipc_segment_stat_call - KIPC_SEGMENT_STAT
 * @call: the call; struct kipc_segment_stat
 *
 * Every figure is true by itself; between two of them others may go on.
 *
 * Context: does not sleep.
 * Return: 0 or a negative errno, see uapi/linux/kipc/segment.h.
 */
int kipc_segment_stat_call(struct kipc_call *call)
{
	struct kipc_segment *segment = kipc_to_segment(call->handle->object);
	struct kipc_segment_stat *arg = call->arg;
	struct inode *inode = file_inode(segment->shmem);

	if (arg->flags)
		return -EINVAL;
	arg->segment_flags = segment->flags;
	arg->seals = kipc_segment_seals(segment);
	arg->bytes = kipc_segment_size(segment);
	arg->resident = kipc_segment_resident(segment);
	arg->swapped = (u64)READ_ONCE(SHMEM_I(inode)->swapped) << PAGE_SHIFT;
	return 0;
}
