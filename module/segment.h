/* SPDX-License-Identifier: GPL-2.0 */
/*
 * DOC: segments
 *
 * A segment is an unlinked shmem inode, as a memfd is, and three kinds of file:
 *
 *   shmem	as shmem made it, with shmem's own operations; one, the segment's
 *   handle	what users have: "[kipc:segment]", on the anonymous inode
 *   mapping	what areas of memory (VMAs) refer to: on the shmem inode, one for
 *		each handle; it holds a reference of the object, and the module
 *
 * mmap() of a handle is shmem's mmap, and then the area gets the mapping file in
 * place of the handle.  So all that comes later (faults, mremap, madvise) is
 * between the kernel and shmem and costs what it costs a memfd; a mapping does
 * not keep a handle open, but the object alive.  The mapping file has no more
 * rights than its handle, should anything map the file of an area once more.
 *
 * Seals are where shmem itself looks for them, changed under the inode's lock.
 * To seal against writing, nobody may have a writable shared mapping: the count
 * of those is i_mmap_writable of the shmem mapping.  One that is under way is
 * not in it yet: until the area is linked, mmap() counts in i_mmap_writable of
 * the f_mapping of the file that it was called with.  For that, and for nothing
 * else, handles have an f_mapping of their segment, the gate.  It has no pages
 * and no operations, and its host is without writeback, so whoever else asks
 * f_mapping (fadvise, readahead, sync_file_range, cachestat, wb_err) finds
 * nothing to do, as with any anonymous file.  The shmem mapping itself could not
 * be put there: fcntl(2) would take the handle for a memfd, with its seals.
 *
 * Order: segment->lock, then the lock of the shmem inode.  mmap() takes neither.
 */
#ifndef KIPC_SEGMENT_H
#define KIPC_SEGMENT_H

#include <linux/fs.h>
#include <linux/mutex.h>
#include <linux/types.h>

#include "object.h"

struct kipc_call;

/**
 * struct kipc_segment - a segment
 * @object: the common part
 * @flags: KIPC_SEGMENT_SEALABLE, KIPC_SEGMENT_HUGE; invariant
 * @shmem: the pages; invariant
 * @lock: one resize or seal at a time; guards @charged
 * @charged: bytes that the owner is charged for
 * @gate: f_mapping of all handles, see above
 */
struct kipc_segment {
	struct kipc_object object;
	u32 flags;
	struct file *shmem;
	struct mutex lock;
	unsigned long charged;
	struct address_space gate;
};

extern const struct kipc_kind kipc_segment_kind;

static inline struct kipc_segment *kipc_to_segment(struct kipc_object *object)
{
	return container_of(object, struct kipc_segment, object);
}

int kipc_segment_create_call(struct kipc_call *call);
int kipc_segment_resize_call(struct kipc_call *call);
int kipc_segment_seal_call(struct kipc_call *call);
int kipc_segment_stat_call(struct kipc_call *call);

/* segment_seal.c */
u32 kipc_segment_seals(const struct kipc_segment *segment);
int kipc_segment_add_seals(struct kipc_segment *segment, u32 seals);
int kipc_segment_check_mmap(const struct kipc_segment *segment,
			    struct vm_area_struct *vma);

/* segment_file.c */
struct file *kipc_segment_open(struct kipc_object *object, u32 rights,
			       u32 flags);
u64 kipc_segment_resident(const struct kipc_segment *segment);

#endif /* KIPC_SEGMENT_H */
