/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Differences between the kernels that kipc builds on, 5.10 and newer.
 *
 * All of them stand here, so that no other file asks for a version.  Where a
 * feature can be tested for, it is: distributions backport.
 */
#ifndef KIPC_COMPAT_H
#define KIPC_COMPAT_H

#include <linux/fdtable.h>
#include <linux/file.h>
#include <linux/fs.h>
/* 7.x moved current_umask() there, away from linux/fs.h. */
#include <linux/fs_struct.h>
#include <linux/limits.h>
#include <linux/mm.h>
#include <linux/pipe_fs_i.h>
#include <linux/shmem_fs.h>
#include <linux/splice.h>
#include <linux/string.h>
#include <linux/sysctl.h>
#include <linux/uio.h>
#include <linux/version.h>
/* struct folio_batch: 7.x moved it from pagevec.h, both come by this one. */
#include <linux/writeback.h>
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 12, 0)
#include <linux/pagevec.h>
#endif

#ifndef CONFIG_64BIT
#error "kipc needs a 64-bit kernel: its 64-bit indices are read in one access"
#endif

/*
 * For what is filled in before it is read, where it costs to have it zeroed
 * first (CONFIG_INIT_STACK_ALL_ZERO); in the kernel since 6.14.
 */
#ifndef __uninitialized
#if __has_attribute(uninitialized)
#define __uninitialized		__attribute__((uninitialized))
#else
#define __uninitialized
#endif
#endif

/* 6.2 gave the directions of an iov_iter names of their own. */
#ifndef ITER_DEST
#define ITER_DEST	READ
#define ITER_SOURCE	WRITE
#endif

/*
 * 6.3 brought import_ubuf(), 6.10 dropped import_single_range().  The iterator
 * of the older one points to @iov, which must live as long.
 */
static inline int kipc_import_ubuf(int dir, void __user *buf, size_t len,
				   struct iovec *iov, struct iov_iter *iter)
{
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 3, 0)
	return import_single_range(dir, buf, len, iov, iter);
#else
	return import_ubuf(dir, buf, len, iter);
#endif
}

/*
 * 6.11 forbade the empty entry at the end of a sysctl table (6.6 had made it
 * needless), 6.13 allowed to register a const one.
 */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 11, 0)
#define KIPC_CTL_END		{ }
#else
#define KIPC_CTL_END
#endif
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 13, 0)
#define KIPC_CTL_CONST
#else
#define KIPC_CTL_CONST		const
#endif

/*
 * 5.10 takes a negative number for a sysctl of unsigned ones without a word and
 * leaves the value as it was, 6.1 says EINVAL.  The text ends in a 0.
 */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 1, 0)
static inline int kipc_proc_ulong(struct ctl_table *ctl, int write,
				  void *buffer, size_t *len, loff_t *ppos)
{
	if (write && *len && *skip_spaces(buffer) == '-')
		return -EINVAL;
	return proc_doulongvec_minmax(ctl, write, buffer, len, ppos);
}
#else
#define kipc_proc_ulong		proc_doulongvec_minmax
#endif

/*
 * Handles are on the anonymous inode that all such files share: a watch there
 * says nothing about one object, so save each read and write the look.  6.14
 * made FMODE_NONOTIFY half of a field, of which an anonymous file has the other
 * half set: with both, events would be generated after all.
 */
static inline void kipc_file_no_notify(struct file *file)
{
#ifdef FMODE_FSNOTIFY_MASK
	file->f_mode &= ~FMODE_FSNOTIFY_MASK;
#endif
	file->f_mode |= FMODE_NONOTIFY;
}

/*
 * A descriptor for a file that came in a message, with the security module's
 * consent.  Before 5.15 there is no such function that a module may call.  6.8
 * put the place for the number second.
 */
static inline int kipc_receive_fd(struct file *file)
{
#if LINUX_VERSION_CODE < KERNEL_VERSION(5, 15, 0)
	int fd = get_unused_fd_flags(O_CLOEXEC);

	if (fd >= 0)
		fd_install(fd, get_file(file));
	return fd;
#elif LINUX_VERSION_CODE < KERNEL_VERSION(6, 8, 0)
	return receive_fd(file, O_CLOEXEC);
#else
	return receive_fd(file, NULL, O_CLOEXEC);
#endif
}

/* 5.11 renamed it, and so did 5.10.220, which took much from newer ones. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(5, 10, 220)
#define kipc_close_fd(fd)	__close_fd(current->files, fd)
#else
#define kipc_close_fd		close_fd
#endif

/* 7.0 gave the flags of areas a type of their own. */
static inline struct file *kipc_shmem_setup(const char *name)
{
#ifdef mk_vma_flags
	return shmem_file_setup(name, 0, mk_vma_flags(VMA_NORESERVE_BIT));
#else
	return shmem_file_setup(name, 0, VM_NORESERVE);
#endif
}

/* 6.17 began to move files from mmap to mmap_prepare. */
static inline int kipc_vfs_mmap(struct file *file, struct vm_area_struct *vma)
{
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 17, 0)
	return file->f_op->mmap(file, vma);
#else
	return vfs_mmap(file, vma);
#endif
}

/* 5.11 brought vma_set_file(), 6.3 vm_flags_set() and vm_flags_clear(). */
static inline void kipc_vma_set_file(struct vm_area_struct *vma,
				     struct file *file)
{
#if LINUX_VERSION_CODE < KERNEL_VERSION(5, 11, 0)
	get_file(file);
	swap(vma->vm_file, file);
	fput(file);
#else
	vma_set_file(vma, file);
#endif
}

static inline void kipc_vm_flags_set(struct vm_area_struct *vma,
				     unsigned long flags)
{
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 3, 0)
	vma->vm_flags |= flags;
#else
	vm_flags_set(vma, flags);
#endif
}

static inline void kipc_vm_flags_clear(struct vm_area_struct *vma,
				       unsigned long flags)
{
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 3, 0)
	vma->vm_flags &= ~flags;
#else
	vm_flags_clear(vma, flags);
#endif
}

/*
 * mmap() counts a writable shared mapping in f_mapping before it calls the file,
 * but from 6.7 on until 6.12 after that.
 */
#define KIPC_MMAP_COUNTS_LATE						\
	(LINUX_VERSION_CODE >= KERNEL_VERSION(6, 7, 0) &&		\
	 LINUX_VERSION_CODE < KERNEL_VERSION(6, 12, 0))

/*
 * What the page cache holds: pages, folios since 5.17, always the first page of
 * a huge one.  6.10 counts the mappings of all its pages in one place; before,
 * page_mapcount() has those of the whole with those of each page.
 */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 10, 0)
static inline int kipc_cached_pages(struct page *page)
{
	return compound_nr(page);
}

static inline int kipc_cached_mapcount(struct page *page)
{
	int pages = compound_nr(page), count = 0, i;

	for (i = 0; i < pages; i++)
		count += page_mapcount(page + i);
	if (pages == 1)
		return count;
#if LINUX_VERSION_CODE < KERNEL_VERSION(5, 18, 0)
	return count - (pages - 1) * compound_mapcount(page);
#else
	return count - (pages - 1) * folio_entire_mapcount(page_folio(page));
#endif
}

#define kipc_cached_refs	page_ref_count
#else
#define kipc_cached_pages	folio_nr_pages
#define kipc_cached_mapcount	folio_mapcount
#define kipc_cached_refs	folio_ref_count
#endif

/*
 * Before 5.11 a page that is charged to a memory cgroup as the kernel's said so
 * where one that is mapped into a process counts its mappings; both would not do.
 */
#if LINUX_VERSION_CODE < KERNEL_VERSION(5, 11, 0)
#define KIPC_USER_PAGE_ACCOUNT	0
#else
#define KIPC_USER_PAGE_ACCOUNT	__GFP_ACCOUNT
#endif

/*
 * lru_add_drain() of this CPU, which is not exported.  The release of a batch
 * that was not drained begins with it, unless the batch is empty: so give it a
 * page that never goes.
 */
static inline void kipc_lru_add_drain(void)
{
	struct page *page = ZERO_PAGE(0);
#if LINUX_VERSION_CODE < KERNEL_VERSION(5, 17, 0)
	struct pagevec batch;

	pagevec_init(&batch);
	get_page(page);
	pagevec_add(&batch, page);
	pagevec_release(&batch);
#else
	struct folio_batch batch;

	folio_batch_init(&batch);
	get_page(page);
	folio_batch_add(&batch, page_folio(page));
	folio_batch_release(&batch);
#endif
}

#endif /* KIPC_COMPAT_H */
