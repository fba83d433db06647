/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Copies between user space and the kernel in words of eight bytes: half the
 * instructions of a copy whose length the compiler does not know, and none of the
 * checks of its bounds.  For a P, an addition to an array or a short message that
 * is a tenth of the whole call.
 */
#ifndef KIPC_WORDS_H
#define KIPC_WORDS_H

#include <linux/types.h>
#include <linux/uaccess.h>

/* @size is a multiple of 8.  Return: 0 or -EFAULT. */
static __always_inline int kipc_words_in(void *to, const void __user *from,
					 u32 size)
{
	const u64 __user *src = from;
	u64 *dst = to, *end = to + size;

	if (!user_read_access_begin(from, size))
		return -EFAULT;
	for (; end - dst >= 8; dst += 8, src += 8) {
		unsafe_get_user(dst[0], &src[0], fault);
		unsafe_get_user(dst[1], &src[1], fault);
		unsafe_get_user(dst[2], &src[2], fault);
		unsafe_get_user(dst[3], &src[3], fault);
		unsafe_get_user(dst[4], &src[4], fault);
		unsafe_get_user(dst[5], &src[5], fault);
		unsafe_get_user(dst[6], &src[6], fault);
		unsafe_get_user(dst[7], &src[7], fault);
	}
	for (; dst < end; dst++, src++)
		unsafe_get_user(*dst, src, fault);
	user_read_access_end();
	return 0;

fault:
	user_read_access_end();
	return -EFAULT;
}

static __always_inline int kipc_words_out(void __user *to, const void *from,
					  u32 size)
{
	const u64 *src = from, *end = from + size;
	u64 __user *dst = to;

	if (!user_write_access_begin(to, size))
		return -EFAULT;
	for (; end - src >= 8; dst += 8, src += 8) {
		unsafe_put_user(src[0], &dst[0], fault);
		unsafe_put_user(src[1], &dst[1], fault);
		unsafe_put_user(src[2], &dst[2], fault);
		unsafe_put_user(src[3], &dst[3], fault);
		unsafe_put_user(src[4], &dst[4], fault);
		unsafe_put_user(src[5], &dst[5], fault);
		unsafe_put_user(src[6], &dst[6], fault);
		unsafe_put_user(src[7], &dst[7], fault);
	}
	for (; src < end; dst++, src++)
		unsafe_put_user(*src, dst, fault);
	user_write_access_end();
	return 0;

fault:
	user_write_access_end();
	return -EFAULT;
}

#endif /* KIPC_WORDS_H */
