// SPDX-License-Identifier: GPL-2.0
/*
 * A 32-bit program that makes a pipe and uses it, for core_abi_test. It has no
 * C library, since machines that build 64-bit programs seldom have a 32-bit
 * one. Its exit status is 0, or the number of the step that went wrong.
 */
#include <asm/unistd.h>
#include <linux/fcntl.h>

#include "core_layout.h"

#define RIGHT_BOTH	(KIPC_RIGHT_READ | KIPC_RIGHT_WRITE)

static long system_call(long nr, long a, long b, long c)
{
	long ret;

	__asm__ volatile("int $0x80" : "=a" (ret)
			 : "a" (nr), "b" (a), "c" (b), "d" (c) : "memory");
	return ret;
}

static int ioctl(int fd, unsigned long cmd, void *arg)
{
	return system_call(__NR_ioctl, fd, cmd, (long)arg);
}

/* The compiler may call it for what is set to zero. */
void *memset(void *to, int value, __SIZE_TYPE__ len)
{
	void *at = to;

	__asm__ volatile("rep stosb" : "+D" (at), "+c" (len)
			 : "a" (value) : "memory");
	return to;
}

static __u64 to_u64(const void *ptr)
{
	return (__UINTPTR_TYPE__)ptr;
}

static int check_pipe(const struct kipc_pipe_create *made)
{
	char data[8] = "32 bits", back[8] = "";
	struct kipc_pipe_io put = {
		.size = sizeof(put),
		.buf = to_u64(data),
		.len = sizeof(data),
	};
	struct kipc_pipe_io get = {
		.size = sizeof(get),
		.buf = to_u64(back),
		.len = sizeof(back),
	};
	struct kipc_pipe_stat stat = { .size = sizeof(stat) };
	unsigned int i;

	if (ioctl(made->write_fd, KIPC_PIPE_WRITE, &put) ||
	    put.done != sizeof(data))
		return 4;
	if (ioctl(made->write_fd, KIPC_PIPE_STAT, &stat) ||
	    stat.used != sizeof(data) || stat.my_bytes != sizeof(data))
		return 5;
	if (ioctl(made->read_fd, KIPC_PIPE_READ, &get) ||
	    get.done != sizeof(data))
		return 6;
	for (i = 0; i < sizeof(data); i++)
		if (back[i] != data[i])
			return 7;
	return 0;
}

static int check_names(int dev, const struct kipc_pipe_create *made)
{
	struct kipc_entry entry;
	struct kipc_list list = {
		.size = sizeof(list),
		.entries = to_u64(&entry),
		.entry_size = sizeof(entry),
		.count = 1,
	};
	struct kipc_stat stat = {
		.size = sizeof(stat),
		.name = made->name,
		.name_len = made->name_len,
	};
	struct kipc_target target = {
		.size = sizeof(target),
		.name = made->name,
		.name_len = made->name_len,
	};

	if (ioctl(dev, KIPC_STAT, &stat) || stat.entry.id != made->id ||
	    stat.entry.name_len != made->name_len ||
	    stat.entry.kind != KIPC_KIND_PIPE)
		return 8;
	if (ioctl(dev, KIPC_LIST, &list) || list.count != 1 || !entry.id)
		return 9;
	if (ioctl(dev, KIPC_UNLINK, &target))
		return 10;
	return 0;
}

static int run(void)
{
	struct kipc_info info = { .size = sizeof(info) };
	struct kipc_pipe_create made = {
		.size = sizeof(made),
		.name = to_u64("abi-32bit"),
		.name_len = 9,
		.mode = 0600,
		.rights = RIGHT_BOTH,
		.flags = KIPC_EXCL,
	};
	int dev = system_call(__NR_open, (long)KIPC_DEVICE, O_RDWR, 0), ret;

	if (dev < 0)
		return 1;
	if (ioctl(dev, KIPC_INFO, &info) ||
	    info.abi_version != KIPC_ABI_VERSION || !info.pipe_default)
		return 2;
	if (ioctl(dev, KIPC_PIPE_CREATE, &made) || made.read_fd < 0 ||
	    made.write_fd < 0 || made.capacity != info.pipe_default)
		return 3;
	ret = check_pipe(&made);
	return ret ? ret : check_names(dev, &made);
}

/* The stack is as the kernel leaves it: compilers want it aligned. */
__attribute__((force_align_arg_pointer)) void _start(void)
{
	system_call(__NR_exit, run(), 0, 0);
	__builtin_unreachable();
}
