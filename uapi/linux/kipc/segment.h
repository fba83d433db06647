/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * kipc segments: memory that processes map
 *
 * Include <linux/kipc.h>, which has the rules for all of this.
 *
 * A segment is made of the same pages as a memfd(2) and behaves like one where
 * nothing else is said.  It is used through mmap(2) on the handle: MAP_SHARED,
 * readable by a handle with KIPC_RIGHT_READ, writable by one with
 * KIPC_RIGHT_WRITE too.  What a read-only handle maps stays read-only whatever
 * is done with it: mprotect(2), mremap(2), fork(2), /proc/PID/fd, passing it on.
 * (MAP_PRIVATE, with a copy of what one writes, works with either.)
 *
 * A mapping holds the segment: it outlives the descriptor, and while it is there
 * so is the segment, with its name.  After KIPC_DESTROY mappings go on to work,
 * new ones fail with EIDRM.
 *
 * mmap(2) errors: EIDRM; EACCES (writable MAP_SHARED by a read-only handle);
 * EPERM (a seal forbids it); EOVERFLOW (beyond what a file can have).
 */
#ifndef _UAPI_LINUX_KIPC_SEGMENT_H
#define _UAPI_LINUX_KIPC_SEGMENT_H

#include <linux/ioctl.h>
#include <linux/types.h>

#define KIPC_SEGMENT_CREATE	_IO(KIPC_IOC_TYPE, 0x10)
#define KIPC_SEGMENT_RESIZE	_IO(KIPC_IOC_TYPE, 0x11)
#define KIPC_SEGMENT_SEAL	_IO(KIPC_IOC_TYPE, 0x12)
#define KIPC_SEGMENT_STAT	_IO(KIPC_IOC_TYPE, 0x13)

/* Flags of segments. */
#define KIPC_SEGMENT_SEALABLE	(1U << 16)	/* create: seals can be added later */
#define KIPC_SEGMENT_HUGE	(1U << 17)	/* create: huge pages, as MADV_HUGEPAGE */
#define KIPC_SEGMENT_RESERVE	(1U << 18)	/* create, resize: take all pages now */

/* Seals; a seal is never removed.  The values are those of F_SEAL_*. */
#define KIPC_SEAL_SEAL		(1U << 0)	/* no more seals */
#define KIPC_SEAL_SHRINK	(1U << 1)	/* the size does not fall */
#define KIPC_SEAL_GROW		(1U << 2)	/* the size does not rise */
#define KIPC_SEAL_WRITE		(1U << 3)	/* nobody can write */
#define KIPC_SEAL_FUTURE_WRITE	(1U << 4)	/* no new writable mappings */

/**
 * struct kipc_segment_create - make a segment, or open it (KIPC_SEGMENT_CREATE)
 * @size: sizeof(struct kipc_segment_create)
 * @flags: KIPC_EXCL, KIPC_PERSIST (both need a name), KIPC_NONBLOCK (without
 *	effect), KIPC_INHERIT, KIPC_SEGMENT_SEALABLE, KIPC_SEGMENT_HUGE,
 *	KIPC_SEGMENT_RESERVE
 * @name: pointer to the name; 0: none
 * @name_len: its length in bytes
 * @mode: permission bits within 0666, less the caller's umask
 * @rights: KIPC_RIGHT_READ or KIPC_RIGHT_READ | KIPC_RIGHT_WRITE: what can be
 *	written can be read; 0: no handle, only with KIPC_PERSIST
 * @result: (out) KIPC_RESULT_*
 * @id: (out) id of the object
 * @fd: (out) the handle, -1 if none was asked for
 * @seals: KIPC_SEAL_*: (in) seals that it begins with, (out) those that it has
 * @bytes: (in/out) the size, to the byte; 0 is good, as for a file
 *
 * The bytes are zero.  Pages are taken when they are first touched; if there is
 * no memory then, SIGBUS.  With KIPC_SEGMENT_RESERVE they are all taken here,
 * or the call fails with ENOSPC or ENOMEM (or EINTR).  The owner is charged for
 * the size in whole pages either way.
 *
 * Errors: as for all create calls, and EINVAL (seals unknown, size beyond what a
 * file can have; rights WRITE alone), EFBIG (RLIMIT_FSIZE; SIGXFSZ too), ENOSPC,
 * EINTR.
 */
struct kipc_segment_create {
	__u32 size;
	__u32 flags;
	__aligned_u64 name;
	__u32 name_len;
	__u32 mode;
	__u32 rights;
	__u32 result;
	__aligned_u64 id;
	__s32 fd;
	__u32 seals;
	__aligned_u64 bytes;
};

/**
 * struct kipc_segment_resize - change the size (KIPC_SEGMENT_RESIZE)
 * @size: sizeof(struct kipc_segment_resize)
 * @flags: KIPC_SEGMENT_RESERVE: take all pages of the new size now
 * @bytes: the new size, to the byte
 *
 * Wants KIPC_RIGHT_WRITE.  As ftruncate(2) on a memfd: what is beyond the new
 * end is gone, also out of mappings (SIGBUS there), and zero when the segment
 * grows again.  If pages cannot be reserved the size stays what it was.
 *
 * Errors: EBADF (read-only handle), EPERM (a seal forbids it), EINVAL (beyond
 * what a file can have), EDQUOT, EFBIG, ENOSPC, ENOMEM, EINTR.
 */
struct kipc_segment_resize {
	__u32 size;
	__u32 flags;
	__aligned_u64 bytes;
};

/**
 * struct kipc_segment_seal - add seals (KIPC_SEGMENT_SEAL)
 * @size: sizeof(struct kipc_segment_seal)
 * @flags: must be 0
 * @seals: (in/out) KIPC_SEAL_* to add; then all that the segment has
 * @pad: must be 0
 *
 * Wants KIPC_RIGHT_WRITE.  As fcntl(2) F_ADD_SEALS on a memfd.  To add none is
 * no error: it shows the ones there are.
 *
 * Errors: EBADF (read-only handle), EPERM (not made with KIPC_SEGMENT_SEALABLE,
 * or KIPC_SEAL_SEAL is there already), EBUSY (KIPC_SEAL_WRITE while a writable
 * shared mapping is there, or the kernel writes to a page), EINVAL, EINTR.
 */
struct kipc_segment_seal {
	__u32 size;
	__u32 flags;
	__u32 seals;
	__u32 pad;
};

/**
 * struct kipc_segment_stat - describe a segment (KIPC_SEGMENT_STAT)
 * @size: sizeof(struct kipc_segment_stat)
 * @flags: must be 0
 * @segment_flags: (out) KIPC_SEGMENT_SEALABLE, KIPC_SEGMENT_HUGE
 * @seals: (out) KIPC_SEAL_*
 * @bytes: (out) the size
 * @resident: (out) bytes of it that are in memory
 * @swapped: (out) bytes of it that are in swap
 *
 * On a handle of any rights.  Who made it, handles, and more: KIPC_STAT.
 */
struct kipc_segment_stat {
	__u32 size;
	__u32 flags;
	__u32 segment_flags;
	__u32 seals;
	__aligned_u64 bytes;
	__aligned_u64 resident;
	__aligned_u64 swapped;
};

#endif /* _UAPI_LINUX_KIPC_SEGMENT_H */
