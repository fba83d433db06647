/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the tests of segments share: thin calls over the ioctls (a descriptor, 0
 * or -errno), touching memory that may not be there, and processes that keep a
 * mapping.
 */
#ifndef SEGMENT_UTIL_H
#define SEGMENT_UTIL_H

#include <setjmp.h>

#include "core_util.h"

#define PAGE		((size_t)4096)

#define PROT_RW		(PROT_READ | PROT_WRITE)

#define KIPC_SEALS	(KIPC_SEAL_SEAL | KIPC_SEAL_SHRINK | KIPC_SEAL_GROW | \
			 KIPC_SEAL_WRITE | KIPC_SEAL_FUTURE_WRITE)

/* Makes or opens what @arg says; gives the handle (-1: none) or -errno. */
static inline int segment_create(struct kipc_segment_create *arg)
{
	int ret;

	arg->size = sizeof(*arg);
	ret = kipc_device_ioctl(KIPC_SEGMENT_CREATE, arg);
	return ret ? ret : arg->fd;
}

/* One without a name. */
static inline int segment_make(uint64_t bytes, uint32_t flags)
{
	struct kipc_segment_create arg = {
		.flags = flags,
		.mode = 0600,
		.rights = RIGHT_BOTH,
		.bytes = bytes,
	};

	return segment_create(&arg);
}

/* One with a name. */
static inline int segment_named(const char *name, uint32_t rights,
				uint32_t flags, uint32_t mode, uint64_t bytes)
{
	struct kipc_segment_create arg = {
		.flags = flags,
		.name = to_u64(name),
		.name_len = strlen(name),
		.mode = mode,
		.rights = rights,
		.bytes = bytes,
	};

	return segment_create(&arg);
}

static inline int segment_open(const char *name, uint32_t rights)
{
	struct kipc_open arg = {
		.size = sizeof(arg),
		.name = to_u64(name),
		.name_len = strlen(name),
		.kind = KIPC_KIND_SEGMENT,
		.rights = rights,
	};
	int ret = kipc_device_ioctl(KIPC_OPEN, &arg);

	return ret ? ret : arg.fd;
}

static inline int segment_resize(int fd, uint64_t bytes, uint32_t flags)
{
	struct kipc_segment_resize arg = {
		.size = sizeof(arg),
		.flags = flags,
		.bytes = bytes,
	};

	return kipc_ioctl(fd, KIPC_SEGMENT_RESIZE, &arg);
}

/* Gives the seals that there are then, or -errno. */
static inline int segment_seal(int fd, uint32_t seals)
{
	struct kipc_segment_seal arg = {
		.size = sizeof(arg),
		.seals = seals,
	};
	int ret = kipc_ioctl(fd, KIPC_SEGMENT_SEAL, &arg);

	return ret ? ret : (int)arg.seals;
}

static inline int segment_stat(int fd, struct kipc_segment_stat *st)
{
	*st = (struct kipc_segment_stat){ .size = sizeof(*st) };
	return kipc_ioctl(fd, KIPC_SEGMENT_STAT, st);
}

/* The size, or -errno. */
static inline int64_t segment_bytes(int fd)
{
	struct kipc_segment_stat st;
	int ret = segment_stat(fd, &st);

	return ret ? ret : (int64_t)st.bytes;
}

static inline int64_t segment_resident(int fd)
{
	struct kipc_segment_stat st;
	int ret = segment_stat(fd, &st);

	return ret ? ret : (int64_t)st.resident;
}

/* What the owner is charged for it, or -errno. */
static inline int64_t segment_charge(int fd)
{
	struct kipc_stat st;
	int ret = kipc_stat_fd(fd, &st);

	return ret ? ret : (int64_t)st.entry.bytes;
}

/* mmap(2); NULL with errno set if it failed. */
static inline char *map_at(int fd, size_t len, int prot, int flags, off_t offset)
{
	void *mem = mmap(NULL, len, prot, flags, fd, offset);

	return mem == MAP_FAILED ? NULL : mem;
}

static inline char *map_shared(int fd, size_t len, int prot)
{
	return map_at(fd, len, prot, MAP_SHARED, 0);
}

/* 0 or -errno of an mmap(2), which is undone. */
static inline int try_map(int fd, size_t len, int prot, int flags)
{
	void *mem = mmap(NULL, len, prot, flags, fd, 0);

	if (mem == MAP_FAILED)
		return -errno;
	munmap(mem, len);
	return 0;
}

static sigjmp_buf segment_fault;

static inline void segment_on_fault(int sig)
{
	siglongjmp(segment_fault, sig);
}

/*
 * Reads, or writes if @write, one byte; gives the signal that this raised, or 0.
 * For one thread at a time.
 */
static inline int touch(char *at, bool write, char value)
{
	struct sigaction act = { .sa_handler = segment_on_fault }, bus, segv;
	int sig;

	sigaction(SIGBUS, &act, &bus);
	sigaction(SIGSEGV, &act, &segv);
	sig = sigsetjmp(segment_fault, 1);
	if (!sig) {
		if (write)
			__atomic_store_n(at, value, __ATOMIC_RELAXED);
		else
			(void)__atomic_load_n(at, __ATOMIC_RELAXED);
	}
	sigaction(SIGBUS, &bus, NULL);
	sigaction(SIGSEGV, &segv, NULL);
	return sig;
}

static inline int touch_read(char *at)
{
	return touch(at, false, 0);
}

static inline int touch_write(char *at, char value)
{
	return touch(at, true, value);
}

/* Is all of it @value? */
static inline bool all_bytes(const char *mem, size_t len, char value)
{
	return !len || (*mem == value && !memcmp(mem, mem + 1, len - 1));
}

/* A process that has the segment mapped, and no descriptor of it. */
struct keeper {
	int fd;			/* what it maps, and then closes */
	int prot;
	size_t len;
	int *ready;		/* shared: it has mapped it */
};

static inline void keeper_run(void *arg)
{
	struct keeper *keeper = arg;
	char *mem = map_shared(keeper->fd, keeper->len, keeper->prot);
	int fd;

	CHECK_EQ(1, !!mem);
	for (fd = 3; fd < 256; fd++)
		close(fd);
	__atomic_store_n(keeper->ready, 1, __ATOMIC_RELEASE);
	for (;;)
		pause();
}

/* Comes back when the mapping is there; gives the pid, or -1. */
static inline pid_t keeper_start(int fd, size_t len, int prot)
{
	struct keeper keeper = { fd, prot, len, kipc_shared(PAGE) };
	pid_t pid = -1;

	if (!keeper.ready)
		return -1;
	pid = child_start(keeper_run, &keeper);
	if (pid > 0 &&
	    !wait_for(__atomic_load_n(keeper.ready, __ATOMIC_ACQUIRE))) {
		child_kill(pid);
		pid = -1;
	}
	munmap(keeper.ready, PAGE);
	return pid;
}

/* A number out of /proc/meminfo or the like, in the unit it has there. */
static inline long long proc_number(const char *path, const char *key)
{
	char *text = malloc(1 << 20), *at;
	long long value = -1;

	if (text && read_file(path, text, 1 << 20) > 0) {
		at = strstr(text, key);
		if (at)
			value = strtoll(at + strlen(key), NULL, 0);
	}
	free(text);
	return value;
}

#define SHMEM_HUGE	"/sys/kernel/mm/transparent_hugepage/shmem_enabled"

/* The word in brackets is what holds. */
static inline void read_choice(const char *path, char *text, size_t size)
{
	char line[128] = "", *from, *to;

	*text = '\0';
	if (read_file(path, line, sizeof(line)) <= 0)
		return;
	from = strchr(line, '[');
	to = strchr(line, ']');
	if (from && to) {
		*to = '\0';
		snprintf(text, size, "%s", from + 1);
	}
}

#endif /* SEGMENT_UTIL_H */
