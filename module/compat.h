/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Differences between the kernels that kipc builds on, 5.10 and newer.
 *
 * All of them stand here, so that no other file asks for a version.  Where a
 * feature can be tested for, it is: distributions backport.
 */
#ifndef KIPC_COMPAT_H
#define KIPC_COMPAT_H

#include <linux/fs.h>
/* 7.x moved current_umask() there, away from linux/fs.h. */
#include <linux/fs_struct.h>
#include <linux/limits.h>
#include <linux/pipe_fs_i.h>
#include <linux/splice.h>
#include <linux/string.h>
#include <linux/sysctl.h>
#include <linux/uio.h>
#include <linux/version.h>

#ifndef CONFIG_64BIT
#error "kipc needs a 64-bit kernel: its 64-bit indices are read in one access"
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

#endif /* KIPC_COMPAT_H */
