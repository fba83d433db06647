// SPDX-License-Identifier: GPL-2.0
/* Handles of segments and what is mapped through them.  See segment.h. */
#include <linux/file.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/seq_file.h>
#include <linux/shmem_fs.h>
#include <linux/slab.h>

#include "compat.h"
#include "handle.h"
#include "main.h"
#include "segment.h"

/**
 * struct kipc_segment_handle - a handle
 * @handle: the common part
 * @mapping: the file that areas mapped through this handle refer to; invariant
 */
struct kipc_segment_handle {
	struct kipc_handle handle;
	struct file *mapping;
};

static struct kipc_segment *kipc_handle_segment(struct file *file)
{
	struct kipc_segment_handle *own = file->private_data;

	return kipc_to_segment(own->handle.object);
}

/*
 * The operations of mapping files, on behalf of areas.  shmem's own expect its
 * own files.
 */
static struct file *kipc_mapping_shmem(struct file *file)
{
	struct kipc_segment *segment = file->private_data;

	return segment->shmem;
}

/* remap_file_pages(2) */
static int kipc_mapping_mmap(struct file *file, struct vm_area_struct *vma)
{
	int err = kipc_segment_check_mmap(file->private_data, vma);

	return err ?: kipc_vfs_mmap(kipc_mapping_shmem(file), vma);
}

/* mremap(2) */
static unsigned long kipc_mapping_area(struct file *file, unsigned long addr,
				       unsigned long len, unsigned long pgoff,
				       unsigned long flags)
{
	struct file *shmem = kipc_mapping_shmem(file);

	return shmem->f_op->get_unmapped_area(shmem, addr, len, pgoff, flags);
}

/* madvise(2) with MADV_REMOVE */
static long kipc_mapping_fallocate(struct file *file, int mode, loff_t offset,
				   loff_t len)
{
	struct file *shmem = kipc_mapping_shmem(file);

	if (!shmem->f_op->fallocate)
		return -EOPNOTSUPP;
	return shmem->f_op->fallocate(shmem, mode, offset, len);
}

static int kipc_mapping_release(struct inode *inode, struct file *file)
{
	struct kipc_segment *segment = file->private_data;

	kipc_object_put(&segment->object);
	return 0;
}

static const struct file_operations kipc_mapping_fops = {
	.owner		= THIS_MODULE,
	.mmap		= kipc_mapping_mmap,
	.get_unmapped_area = kipc_mapping_area,
	.fallocate	= kipc_mapping_fallocate,
	.fsync		= noop_fsync,	/* msync(2) */
	.release	= kipc_mapping_release,
};

static struct file *kipc_mapping_file(struct kipc_segment *segment, u32 rights)
{
	struct inode *inode = file_inode(segment->shmem);
	struct file *file;

	ihold(inode);
	file = alloc_file_pseudo(inode, segment->shmem->f_path.mnt,
				 "kipc:segment", rights & KIPC_RIGHT_WRITE ?
				 O_RDWR : O_RDONLY, &kipc_mapping_fops);
	if (IS_ERR(file)) {
		iput(inode);
		return file;
	}
	/* The file drops both. */
	__module_get(THIS_MODULE);
	refcount_inc(&segment->object.refs);
	file->private_data = segment;
	return file;
}

static int kipc_segment_mmap(struct file *file, struct vm_area_struct *vma)
{
	struct kipc_segment_handle *own = file->private_data;
	struct kipc_segment *segment = kipc_handle_segment(file);
	u64 last = MAX_LFS_FILESIZE - (vma->vm_end - vma->vm_start);
	int err;

	if (kipc_object_destroyed(&segment->object))
		return -EIDRM;
	/* The kernel looks after this for regular files alone. */
	if (vma->vm_pgoff > last >> PAGE_SHIFT)
		return -EOVERFLOW;
	err = kipc_segment_check_mmap(segment, vma);
	if (err)
		return err;
	if (IS_ENABLED(CONFIG_TRANSPARENT_HUGEPAGE) &&
	    (segment->flags & KIPC_SEGMENT_HUGE))
		kipc_vm_flags_set(vma, VM_HUGEPAGE);
	kipc_vma_set_file(vma, own->mapping);
	err = kipc_vfs_mmap(segment->shmem, vma);
	/* 5.10 drops the file that mmap() was called with. */
	if (err)
		kipc_vma_set_file(vma, file);
	return err;
}

static unsigned long kipc_segment_area(struct file *file, unsigned long addr,
				       unsigned long len, unsigned long pgoff,
				       unsigned long flags)
{
	struct file *shmem = kipc_handle_segment(file)->shmem;

	return shmem->f_op->get_unmapped_area(shmem, addr, len, pgoff, flags);
}

/**
 * kipc_segment_resident - how much of a segment is in memory
 * @segment: the segment
 *
 * Return: bytes.
 */
u64 kipc_segment_resident(const struct kipc_segment *segment)
{
	return (u64)READ_ONCE(segment->shmem->f_mapping->nrpages) << PAGE_SHIFT;
}

static void kipc_segment_show_fdinfo(struct seq_file *seq, struct file *file)
{
	struct kipc_segment *segment = kipc_handle_segment(file);

	kipc_handle_show(seq, file->private_data);
	seq_printf(seq, "kipc-bytes:\t%llu\n",
		   (u64)i_size_read(file_inode(segment->shmem)));
	seq_printf(seq, "kipc-resident:\t%llu\n",
		   kipc_segment_resident(segment));
	seq_printf(seq, "kipc-seals:\t%#x\n", kipc_segment_seals(segment));
}

static int kipc_segment_release(struct inode *inode, struct file *file)
{
	struct kipc_segment_handle *own = file->private_data;

	fput(own->mapping);
	kipc_handle_release(&own->handle);
	kfree(own);
	return 0;
}

static const struct file_operations kipc_segment_fops = {
	.owner		= THIS_MODULE,
	.mmap		= kipc_segment_mmap,
	.get_unmapped_area = kipc_segment_area,
	.unlocked_ioctl	= kipc_handle_ioctl,
	.compat_ioctl	= compat_ptr_ioctl,
	.release	= kipc_segment_release,
	.show_fdinfo	= kipc_segment_show_fdinfo,
};

/**
 * kipc_segment_open - make a handle
 * @object: the segment
 * @rights: KIPC_RIGHT_READ, with or without KIPC_RIGHT_WRITE
 * @flags: KIPC_NONBLOCK
 *
 * Context: may sleep.
 * Return: the file; or -EINVAL (to write alone), -EIDRM, -ENOMEM, -ENFILE.
 */
struct file *kipc_segment_open(struct kipc_object *object, u32 rights,
			       u32 flags)
{
	struct kipc_segment *segment = kipc_to_segment(object);
	struct kipc_segment_handle *own;
	struct file *file;

	if (!(rights & KIPC_RIGHT_READ))
		return ERR_PTR(-EINVAL);
	own = kipc_handle_alloc(object, rights, sizeof(*own));
	if (IS_ERR(own))
		return ERR_CAST(own);
	own->mapping = kipc_mapping_file(segment, rights);
	if (IS_ERR(own->mapping)) {
		file = own->mapping;
		goto free;
	}

	file = kipc_handle_file(&own->handle, "[kipc:segment]",
				&kipc_segment_fops, flags);
	if (IS_ERR(file)) {
		fput(own->mapping);
		goto free;
	}
	/*
	 * The anonymous inode, which all such files share.  Not shmem's: it
	 * would let loop devices take the handle for a file of bytes.
	 */
	WRITE_ONCE(segment->gate.host, file_inode(file));
	file->f_mapping = &segment->gate;
	return file;

free:
	kfree(own);
	return file;
}
