/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the tests of the core share: child processes that check for themselves,
 * other users, PID namespaces, what a user is charged for, listings, sysctls.
 */
#ifndef CORE_UTIL_H
#define CORE_UTIL_H

#include <dirent.h>
#include <grp.h>
#include <linux/capability.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "kipc_util.h"

/*
 * The harness's own, 30 s, is short for a kernel full of checks in an emulated
 * machine. What must happen at once has a deadline of its own: wait_for().
 */
#undef TEST_TIMEOUT_DEFAULT
#define TEST_TIMEOUT_DEFAULT	120

#define RIGHT_BOTH	(KIPC_RIGHT_READ | KIPC_RIGHT_WRITE)

/* Users that own nothing when a test begins. */
#define ALICE		4001
#define BOB		4002

/*
 * The harness's macros count in the process of the test alone. A child says
 * what was wrong, and its exit status tells the test.
 */
#define CHECK_EQ(expected, seen) do {					\
	long long __want = (expected), __got = (seen);			\
									\
	if (__want != __got) {						\
		fprintf(stderr,						\
			"# %s:%d: child: %s is %lld, not %s (%lld)\n",	\
			__FILE__, __LINE__, #seen, __got, #expected,	\
			__want);					\
		_exit(1);						\
	}								\
} while (0)

/* These tests become other users and change limits: root, or nothing. */
static void __attribute__((constructor)) need_root(void)
{
	if (!geteuid())
		return;
	printf("TAP version 13\n1..0 # SKIP needs root\n");
	exit(4);
}

/* A child dies with its parent; setuid and the like undo that. */
static inline void die_with_parent(void)
{
	if (prctl(PR_SET_PDEATHSIG, SIGKILL))
		_exit(1);
}

/* A child that runs @fn and ends with status 0 if that returns. */
static inline pid_t child_start(void (*fn)(void *), void *arg)
{
	pid_t parent = getpid(), pid = fork();

	if (pid)
		return pid;
	die_with_parent();
	/* getppid() is 0 for the first process of a PID namespace. */
	if (getppid() && getppid() != parent)
		_exit(1);
	fn(arg);
	_exit(0);
}

/* Exit status of a child, 128 + n if signal n killed it. */
static inline int child_end(pid_t pid)
{
	int status;

	if (waitpid(pid, &status, 0) != pid)
		return -errno;
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) :
				     WEXITSTATUS(status);
}

static inline int child_run(void (*fn)(void *), void *arg)
{
	return child_end(child_start(fn, arg));
}

static inline int child_kill(pid_t pid)
{
	kill(pid, SIGKILL);
	return child_end(pid);
}

/* To be somebody without privileges, in one supplementary group at most. */
static inline void become(uid_t uid, gid_t gid, gid_t extra_group)
{
	CHECK_EQ(0, setgroups(extra_group ? 1 : 0, &extra_group));
	CHECK_EQ(0, setresgid(gid, gid, gid));
	CHECK_EQ(0, setresuid(uid, uid, uid));
	/* Or else its own /proc/self would belong to root. */
	CHECK_EQ(0, prctl(PR_SET_DUMPABLE, 1));
	die_with_parent();
}

static inline void drop_capability(unsigned int cap)
{
	struct __user_cap_header_struct header = {
		.version = _LINUX_CAPABILITY_VERSION_3,
	};
	struct __user_cap_data_struct data[2];

	CHECK_EQ(0, syscall(SYS_capget, &header, data));
	data[cap / 32].effective &= ~(1U << (cap % 32));
	data[cap / 32].permitted &= ~(1U << (cap % 32));
	CHECK_EQ(0, syscall(SYS_capset, &header, data));
}

struct job {
	void (*fn)(void *arg);
	void *arg;
	uid_t uid;
};

static inline void run_as(void *arg)
{
	struct job *job = arg;

	become(job->uid, job->uid, 0);
	job->fn(job->arg);
}

/* Runs @fn in a child that is @uid, who is in no group but his own. */
static inline int child_run_as(uid_t uid, void (*fn)(void *), void *arg)
{
	struct job job = { fn, arg, uid };

	return child_run(run_as, &job);
}

static inline void run_in_namespace(void *arg)
{
	struct job *job = arg;

	CHECK_EQ(0, unshare(CLONE_NEWPID));
	CHECK_EQ(0, child_run(job->fn, job->arg));
}

/* Runs @fn as the first process of a new PID namespace. */
static inline int child_run_in_namespace(void (*fn)(void *), void *arg)
{
	struct job job = { .fn = fn, .arg = arg };

	return child_run(run_in_namespace, &job);
}

static inline int kipc_info(struct kipc_info *info)
{
	*info = (struct kipc_info){ .size = sizeof(*info) };
	return kipc_device_ioctl(KIPC_INFO, info);
}

static inline void get_info(void *arg)
{
	CHECK_EQ(0, kipc_info(arg));
}

/* What KIPC_INFO tells @uid; all ones if that fails. */
static inline struct kipc_info info_of(uid_t uid)
{
	struct kipc_info *shared = kipc_shared(sizeof(*shared)), info;

	memset(&info, 0xff, sizeof(info));
	if (!shared)
		return info;
	if (!child_run_as(uid, get_info, shared))
		info = *shared;
	munmap(shared, sizeof(*shared));
	return info;
}

static inline uint64_t objects_of(uid_t uid)
{
	return info_of(uid).objects;
}

static inline uint64_t bytes_of(uid_t uid)
{
	return info_of(uid).bytes;
}

/* Both by name and with a mode; gives 0 or -errno. */
static inline int make_pipe(struct kipc_pipe_create *arg, const char *name,
			    uint32_t rights, uint32_t flags, uint32_t mode)
{
	*arg = (struct kipc_pipe_create){
		.size = sizeof(*arg),
		.flags = flags,
		.name = to_u64(name),
		.name_len = name ? strlen(name) : 0,
		.mode = mode,
		.rights = rights,
		.capacity = 4096,
	};
	return kipc_device_ioctl(KIPC_PIPE_CREATE, arg);
}

/* A persistent pipe that nobody has open. */
static inline int make_persistent(const char *name, uint32_t mode)
{
	struct kipc_pipe_create arg;

	return make_pipe(&arg, name, 0, KIPC_EXCL | KIPC_PERSIST, mode);
}

static inline int kipc_destroy_name(const char *name)
{
	return kipc_by_name(KIPC_DESTROY, name);
}

static inline int kipc_stat_name(const char *name, struct kipc_stat *st)
{
	*st = (struct kipc_stat){
		.size = sizeof(*st),
		.name = to_u64(name),
		.name_len = strlen(name),
	};
	return kipc_device_ioctl(KIPC_STAT, st);
}

static inline int kipc_stat_id(uint64_t id, struct kipc_stat *st)
{
	*st = (struct kipc_stat){ .size = sizeof(*st), .id = id };
	return kipc_device_ioctl(KIPC_STAT, st);
}

/* One page of a listing; gives the number of entries or -errno. */
static inline int list_page(int dev, uint64_t *cursor,
			    struct kipc_entry *entries, uint32_t count)
{
	struct kipc_list arg = {
		.size = sizeof(arg),
		.cursor = *cursor,
		.entries = to_u64(entries),
		.entry_size = sizeof(*entries),
		.count = count,
	};
	int ret = kipc_ioctl(dev, KIPC_LIST, &arg);

	*cursor = arg.cursor;
	return ret ? ret : (int)arg.count;
}

/* Calls @fn, if any, for each object; gives their number or -errno. */
static inline int list_each(void (*fn)(const struct kipc_entry *, void *),
			    void *arg)
{
	struct kipc_entry page[32];
	int dev = kipc_device(), total = 0, got, i;
	uint64_t cursor = 0;

	if (dev < 0)
		return dev;
	while ((got = list_page(dev, &cursor, page, 32)) > 0) {
		for (i = 0; fn && i < got; i++)
			fn(&page[i], arg);
		total += got;
	}
	close(dev);
	return got < 0 ? got : total;
}

struct sought {
	const char *name;
	unsigned int times;
};

static inline void compare_name(const struct kipc_entry *entry, void *arg)
{
	struct sought *sought = arg;

	if (entry->name_len == strlen(sought->name) &&
	    !memcmp(entry->name, sought->name, entry->name_len))
		sought->times++;
}

/* How many times a listing shows @name, or -errno. */
static inline int times_listed(const char *name)
{
	struct sought sought = { name, 0 };
	int ret = list_each(compare_name, &sought);

	return ret < 0 ? ret : (int)sought.times;
}

static inline int count_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	int count = -3;		/* "." and ".." and this one */

	while (dir && readdir(dir))
		count++;
	if (dir)
		closedir(dir);
	return count;
}

static inline int send_fd(int sock, int fd)
{
	char data = 0, control[CMSG_SPACE(sizeof(fd))] = "";
	struct iovec iov = { &data, 1 };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};
	struct cmsghdr *header = CMSG_FIRSTHDR(&msg);

	header->cmsg_level = SOL_SOCKET;
	header->cmsg_type = SCM_RIGHTS;
	header->cmsg_len = CMSG_LEN(sizeof(fd));
	memcpy(CMSG_DATA(header), &fd, sizeof(fd));
	return sendmsg(sock, &msg, 0) == 1 ? 0 : -errno;
}

static inline int recv_fd(int sock)
{
	char data, control[CMSG_SPACE(sizeof(int))];
	struct iovec iov = { &data, 1 };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};
	struct cmsghdr *header;
	int fd;

	if (recvmsg(sock, &msg, MSG_CMSG_CLOEXEC) != 1)
		return -EIO;
	header = CMSG_FIRSTHDR(&msg);
	if (!header || header->cmsg_len != CMSG_LEN(sizeof(fd)))
		return -EIO;
	memcpy(&fd, CMSG_DATA(header), sizeof(fd));
	return fd;
}

/* Reads or writes a small file in one call; gives the length or -errno. */
static inline int read_file(const char *path, char *text, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t len;

	if (fd < 0)
		return -errno;
	len = read(fd, text, size - 1);
	if (len < 0)
		len = -errno;
	else
		text[len] = '\0';
	close(fd);
	return len;
}

static inline int write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	ssize_t len;

	if (fd < 0)
		return -errno;
	len = write(fd, text, strlen(text));
	if (len < 0)
		len = -errno;
	close(fd);
	return len;
}

/* The module's limits, under /proc/sys/kipc; -1 if it cannot be read. */
static inline long long sysctl_get(const char *name)
{
	char path[64], text[64];

	snprintf(path, sizeof(path), "/proc/sys/kipc/%s", name);
	return read_file(path, text, sizeof(text)) > 0 ? atoll(text) : -1;
}

static inline int sysctl_write(const char *name, const char *text)
{
	char path[64];
	int ret;

	snprintf(path, sizeof(path), "/proc/sys/kipc/%s", name);
	ret = write_file(path, text);
	return ret < 0 ? ret : 0;
}

static inline int sysctl_set(const char *name, long long value)
{
	char text[32];

	snprintf(text, sizeof(text), "%lld", value);
	return sysctl_write(name, text);
}

#endif /* CORE_UTIL_H */
