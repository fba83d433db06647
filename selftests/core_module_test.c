// SPDX-License-Identifier: GPL-2.0
/*
 * Loading and unloading: when it is refused, what it takes along, parameters,
 * and that nothing is left behind. Wants the module's file, which $KIPC_MODULE
 * or /lib/kipc/kipc.ko names, and leaves it loaded with default parameters.
 */
#include "kselftest_harness.h"

#include <sys/stat.h>

#include "core_util.h"

#define MIB		(1024 * 1024)
#define PIPES		4

static const char *module_path(void)
{
	const char *path = getenv("KIPC_MODULE");

	return path && *path ? path : "/lib/kipc/kipc.ko";
}

static void __attribute__((constructor)) need_module(void)
{
	if (!access(module_path(), R_OK))
		return;
	printf("TAP version 13\n1..0 # SKIP needs %s\n", module_path());
	exit(4);
}

static int load(const char *params)
{
	int fd = open(module_path(), O_RDONLY | O_CLOEXEC);
	int ret = syscall(SYS_finit_module, fd, params, 0) ? -errno : 0;

	close(fd);
	return ret;
}

static int unload(void)
{
	return syscall(SYS_delete_module, "kipc", O_NONBLOCK) ? -errno : 0;
}

/* Gone is what it put into /dev and /proc. */
static bool all_gone(void)
{
	return access(KIPC_DEVICE, F_OK) && access("/proc/sys/kipc", F_OK) &&
	       access("/sys/module/kipc", F_OK);
}

FIXTURE(module) {
	struct kipc_info defaults;
};

/* Begins and ends with a module that was loaded just now. */
FIXTURE_SETUP(module)
{
	int ret = unload();

	ASSERT_TRUE(!ret || ret == -ENOENT)
		TH_LOG("rmmod: %s", strerror(-ret));
	ASSERT_EQ(0, load(""));
	ASSERT_EQ(0, kipc_info(&self->defaults));
}

FIXTURE_TEARDOWN(module)
{
	struct kipc_info info;
	int ret = unload();

	EXPECT_TRUE(!ret || ret == -ENOENT)
		TH_LOG("rmmod: %s", strerror(-ret));
	EXPECT_EQ(0, load(""));
	EXPECT_EQ(0, kipc_info(&info));
	EXPECT_EQ(0, memcmp(&info, &self->defaults, sizeof(info)));
}

TEST_F(module, comes_and_goes)
{
	ASSERT_EQ(-EEXIST, load(""));
	ASSERT_EQ(0, unload());
	EXPECT_TRUE(all_gone());
	EXPECT_EQ(-ENOENT, unload());
	ASSERT_EQ(0, load(""));
	EXPECT_EQ(0, access(KIPC_DEVICE, R_OK | W_OK));
	EXPECT_EQ(0, access("/proc/sys/kipc", R_OK));
}

TEST_F(module, stays_while_the_device_is_open)
{
	struct kipc_info info = { .size = sizeof(info) };
	int dev = kipc_device();

	ASSERT_LE(0, dev);
	EXPECT_EQ(-EWOULDBLOCK, unload());
	EXPECT_EQ(0, kipc_ioctl(dev, KIPC_INFO, &info));
	close(dev);
	EXPECT_EQ(0, unload());
}

TEST_F(module, stays_while_a_handle_is_open)
{
	int fd[2], sock[2];
	char byte = 'x';

	ASSERT_EQ(0, kipc_pipe(fd, 0, 0));
	EXPECT_EQ(-EWOULDBLOCK, unload());
	close(fd[0]);
	EXPECT_EQ(-EWOULDBLOCK, unload());
	close(fd[1]);
	EXPECT_EQ(0, unload());
	/* Not even when all that is left of it is on its way in a socket. */
	ASSERT_EQ(0, load(""));
	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_SEQPACKET, 0, sock));
	ASSERT_EQ(0, kipc_pipe(fd, 0, 0));
	ASSERT_EQ(1, write(fd[1], &byte, 1));
	ASSERT_EQ(0, send_fd(sock[0], fd[0]));
	close(fd[0]);
	close(fd[1]);
	EXPECT_EQ(-EWOULDBLOCK, unload());
	fd[0] = recv_fd(sock[1]);
	ASSERT_LE(0, fd[0]);
	EXPECT_EQ(1, read(fd[0], &byte, 1));
	EXPECT_EQ('x', byte);
	close(fd[0]);
	EXPECT_EQ(0, unload());
}

/* Objects that nobody has open keep names, but not the module. */
TEST_F(module, persistent_objects_go_with_it)
{
	struct kipc_pipe_create made;
	struct kipc_info info;
	struct kipc_stat stat;

	ASSERT_EQ(0, make_persistent("empty", 0666));
	ASSERT_EQ(0, make_pipe(&made, "full", RIGHT_BOTH, KIPC_PERSIST, 0666));
	ASSERT_EQ(4, write(made.write_fd, "data", 4));
	close(made.read_fd);
	close(made.write_fd);
	EXPECT_EQ(0, kipc_stat_name("full", &stat));
	EXPECT_EQ(0, unload());
	ASSERT_EQ(0, load(""));
	EXPECT_EQ(-ENOENT, kipc_stat_name("empty", &stat));
	EXPECT_EQ(-ENOENT, kipc_stat_name("full", &stat));
	ASSERT_EQ(0, kipc_info(&info));
	EXPECT_EQ(0, info.objects);
	EXPECT_EQ(0, info.bytes);
}

static void leave_in_namespace(void *arg)
{
	CHECK_EQ(0, make_persistent("inside", 0600));
	CHECK_EQ(1, write(*(int *)arg, "", 1));
	pause();
}

/* A namespace with names outlives the module, and ends when it is not there. */
TEST_F(module, goes_before_a_namespace_does)
{
	int sock[2], i;
	struct job job = { .fn = leave_in_namespace, .arg = &sock[1] };
	char byte;
	pid_t pid;

	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_SEQPACKET, 0, sock));
	for (i = 0; i < 2; i++) {
		pid = child_start(run_in_namespace, &job);
		ASSERT_EQ(1, read(sock[0], &byte, 1));
		EXPECT_EQ(0, unload());
		if (i)
			ASSERT_EQ(0, load(""));
		EXPECT_EQ(128 + SIGKILL, child_kill(pid));
		if (!i)
			ASSERT_EQ(0, load(""));
	}
}

TEST_F(module, parameters)
{
	struct kipc_info info;
	struct stat device;

	ASSERT_EQ(0, unload());
	ASSERT_EQ(0, load("max_objects=7 max_bytes=1048576 turn_grace_ms=33"));
	ASSERT_EQ(0, kipc_info(&info));
	EXPECT_EQ(7, info.max_objects);
	EXPECT_EQ(1048576, info.max_bytes);
	EXPECT_EQ(33 * NSEC_PER_MSEC, info.turn_grace_ns);
	EXPECT_EQ(7, sysctl_get("max_objects"));
	EXPECT_EQ(1048576, sysctl_get("max_bytes"));
	EXPECT_EQ(33, sysctl_get("turn_grace_ms"));
	ASSERT_EQ(0, unload());
	ASSERT_EQ(0, load("pipe_max=131072 pipe_default=8192 mode=0600"));
	ASSERT_EQ(0, kipc_info(&info));
	EXPECT_EQ(131072, info.pipe_max);
	EXPECT_EQ(8192, info.pipe_default);
	EXPECT_EQ(131072, sysctl_get("pipe_max"));
	EXPECT_EQ(8192, sysctl_get("pipe_default"));
	ASSERT_EQ(0, stat(KIPC_DEVICE, &device));
	EXPECT_EQ(0600, device.st_mode & 07777);
	ASSERT_EQ(0, unload());
	ASSERT_EQ(0, load("message_max=512 queue_bytes_max=4096"));
	ASSERT_EQ(0, kipc_info(&info));
	EXPECT_EQ(512, info.message_max);
	EXPECT_EQ(4096, info.queue_bytes_max);
	ASSERT_EQ(0, unload());
	ASSERT_EQ(0, load("queue_messages_max=99 queue_messages_default=9"));
	ASSERT_EQ(0, kipc_info(&info));
	EXPECT_EQ(99, info.queue_messages_max);
	EXPECT_EQ(9, info.queue_messages_default);
	EXPECT_EQ(99, sysctl_get("queue_messages_max"));
	ASSERT_EQ(0, unload());
	ASSERT_EQ(0, load("queue_bytes_default=2048"));
	ASSERT_EQ(0, kipc_info(&info));
	EXPECT_EQ(2048, info.queue_bytes_default);
}

static void open_device(void *arg)
{
	CHECK_EQ(*(int *)arg, kipc_device() < 0 ? -errno : 0);
}

TEST_F(module, mode_of_the_device)
{
	static const struct {
		const char *params;
		unsigned int mode;
		int alice;
	} cases[] = {
		{ "", 0666, 0 },
		{ "mode=0660", 0660, -EACCES },
		{ "mode=0400", 0400, -EACCES },
		{ "mode=0606", 0606, 0 },
	};
	struct stat device;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		ASSERT_EQ(0, unload());
		ASSERT_EQ(0, load(cases[i].params));
		ASSERT_EQ(0, stat(KIPC_DEVICE, &device));
		EXPECT_EQ(cases[i].mode, device.st_mode & 07777)
			TH_LOG("%s", cases[i].params);
		EXPECT_EQ(0, child_run_as(ALICE, open_device,
					  (void *)&cases[i].alice));
	}
}

TEST_F(module, bad_parameters)
{
	static const char * const bad[] = {
		"max_objects=0", "max_objects=-1", "max_objects=abc",
		"max_objects=18446744073709551615", "max_bytes=0",
		"max_bytes=", "max_bytes=18446744073709551615", "pipe_max=0",
		"pipe_max=4095", "pipe_max=18446744073709551615",
		"pipe_default=0", "pipe_default=4095", "pipe_default=x",
		"turn_grace_ms=0", "turn_grace_ms=18446744073709551615",
		"message_max=0", "message_max=1073741825",
		"queue_messages_max=0", "queue_messages_max=1048577",
		"queue_messages_default=0", "queue_messages_default=1048577",
		"queue_bytes_max=0", "queue_bytes_max=1073741825",
		"queue_bytes_default=0", "queue_bytes_default=1073741825",
		"mode=01666", "mode=0777", "mode=-1", "mode=rw",
	};
	size_t i;

	ASSERT_EQ(0, unload());
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		EXPECT_EQ(-EINVAL, load(bad[i]))
			TH_LOG("%s", bad[i]);
		EXPECT_TRUE(all_gone())
			TH_LOG("%s left something behind", bad[i]);
		/* So that the next case finds what it expects. */
		unload();
	}
}

/* Sum of the numbers in those lines of @path that begin with one of @keys. */
static long sum_of(const char *path, const char * const *keys)
{
	FILE *file = fopen(path, "re");
	char line[256], *text;
	size_t len, i;
	long sum = 0;

	while (file && fgets(line, sizeof(line), file)) {
		text = line + strspn(line, " ");
		for (i = 0; keys[i]; i++) {
			len = strlen(keys[i]);
			if (!strncmp(text, keys[i], len))
				sum += atol(text + len);
		}
	}
	if (file)
		fclose(file);
	return sum;
}

/* Kilobytes in /proc/meminfo. */
static long memory_kb(const char *key)
{
	return sum_of("/proc/meminfo", (const char *[]){ key, NULL });
}

/*
 * MemFree leaves out the free pages that each CPU keeps at hand: tens of MiB at
 * times, and their number wanders. Here they count; both numbers of a zone come
 * from one reading, as pages move from one to the other.
 */
static long free_kb(void)
{
	static const char * const keys[] = { "pages free ", "count: ", NULL };

	return sum_of("/proc/zoneinfo", keys) * (getpagesize() / 1024);
}

/* Gives back empty slabs, and what KASAN keeps to find accesses too late. */
static void shrink_slabs(void)
{
	DIR *dir = opendir("/sys/kernel/slab");
	struct dirent *entry;
	char path[512];

	while (dir && (entry = readdir(dir))) {
		snprintf(path, sizeof(path), "/sys/kernel/slab/%s/shrink",
			 entry->d_name);
		write_file(path, "1");
	}
	if (dir)
		closedir(dir);
}

/* Kilobytes in use, each counted once. */
struct memory {
	long slab;	/* a kmalloc() of any size */
	long vmalloc;
	long pages;	/* all others, whatever they are for */
};

static struct memory memory_now(void)
{
	struct memory now;

	write_file("/proc/sys/vm/drop_caches", "3");
	shrink_slabs();
	/* What each CPU has counted for itself until now. */
	write_file("/proc/sys/vm/stat_refresh", "1");
	now.slab = memory_kb("SUnreclaim:");
	now.vmalloc = memory_kb("VmallocUsed:");
	now.pages = memory_kb("MemTotal:") - free_kb() - memory_kb("Slab:") -
		    now.vmalloc;
	return now;
}

/*
 * How full the slabs are is chance: they wander by up to 200 KiB, all else by
 * up to 100. A buffer of 64 KiB lost in each round is more than the slack after
 * 10 rounds; after 100 a page is, and 20 bytes with each of 200 objects.
 */
#define SLACK_SLAB_KB	384
#define SLACK_KB	256

static bool memory_is_back(const struct memory *before)
{
	struct memory now = memory_now();

	return now.slab - before->slab < SLACK_SLAB_KB &&
	       now.vmalloc - before->vmalloc < SLACK_KB &&
	       now.pages - before->pages < SLACK_KB;
}

/* The same twice: nothing that was freed is still on its way. */
#define SETTLED_KB	32

static bool memory_settles(struct memory *now)
{
	struct memory last = *now;

	*now = memory_now();
	return labs(now->slab - last.slab) < SETTLED_KB &&
	       labs(now->vmalloc - last.vmalloc) < SETTLED_KB &&
	       labs(now->pages - last.pages) < SETTLED_KB;
}

/* On a kernel full of checks a look takes seconds: there are few in one patience. */
static bool memory_has_settled(struct memory *now)
{
	int i;

	for (i = 0; i < 3; i++) {
		if (wait_for(memory_settles(now)))
			return true;
	}
	return false;
}

struct ends {
	int fd[2];
	int share;	/* bytes to move; 0: till one is killed */
};

static void pour(void *arg)
{
	struct ends *ends = arg;
	static char block[65536];
	int left = ends->share;
	ssize_t put;

	close(ends->fd[0]);
	signal(SIGPIPE, SIG_IGN);
	while (!ends->share || left > 0) {
		put = KIPC_RET(write(ends->fd[1], block, sizeof(block)));
		/* The reader was killed, maybe in the middle of a write. */
		if (!ends->share && put < (ssize_t)sizeof(block))
			break;
		CHECK_EQ(sizeof(block), put);
		left -= put;
	}
	if (!ends->share)
		CHECK_EQ(-EPIPE, KIPC_RET(write(ends->fd[1], block, 1)));
}

static void drain(void *arg)
{
	struct ends *ends = arg;
	static char block[65536];
	int total = 0;
	ssize_t got;

	close(ends->fd[1]);
	while ((got = KIPC_RET(read(ends->fd[0], block, sizeof(block)))) > 0)
		total += got;
	CHECK_EQ(0, got);
	if (ends->share)
		CHECK_EQ(ends->share, total);
}

static void send_bytes(int fd, unsigned long cmd, uint32_t len, int file)
{
	static char body[65536];
	struct kipc_msg_send arg = {
		.size = sizeof(arg),
		.flags = KIPC_MSG_NONBLOCK,
		.msg = {
			.buf = to_u64(body),
			.len = len,
			.fds = to_u64(&file),
			.fd_count = 1,
		},
	};

	CHECK_EQ(0, kipc_ioctl(fd, cmd, &arg));
}

/* Is killed with messages in its inbox, and a call that waits for a reply. */
static void be_called(void *arg)
{
	struct kipc_endpoint_create made = {
		.size = sizeof(made),
		.mode = 0600,
		.rights = RIGHT_BOTH,
	};
	struct kipc_msg_recv recv = { .size = sizeof(recv) };
	int told = *(int *)arg, i;

	CHECK_EQ(0, kipc_device_ioctl(KIPC_ENDPOINT_CREATE, &made));
	CHECK_EQ(1, write(told, "", 1));
	CHECK_EQ(0, kipc_ioctl(made.fd, KIPC_ENDPOINT_RECV, &recv));
	for (i = 0; i < 10; i++)
		send_bytes(made.fd, KIPC_ENDPOINT_SEND, i * 7000, told);
	raise(SIGKILL);
}

/* Messages that nobody receives, of all lengths, and with files in them. */
static void messages(void)
{
	struct kipc_mailbox_create made = {
		.size = sizeof(made),
		.rights = RIGHT_BOTH,
	};
	struct kipc_endpoint_call call = { .size = sizeof(call) };
	int told[2], i;
	char byte;

	CHECK_EQ(0, pipe(told));
	call.pid = child_start(be_called, &told[1]);
	CHECK_EQ(1, read(told[0], &byte, 1));
	CHECK_EQ(-ECONNRESET, kipc_device_ioctl(KIPC_ENDPOINT_CALL, &call));
	CHECK_EQ(128 + SIGKILL, child_end(call.pid));
	CHECK_EQ(0, kipc_device_ioctl(KIPC_MAILBOX_CREATE, &made));
	for (i = 0; i < 10; i++)
		send_bytes(made.fd, KIPC_MAILBOX_SEND, i * 7000, told[0]);
	close(made.fd);
	close(told[0]);
	close(told[1]);
}

/* Two pairs of processes that end, and two of which one is killed. */
static void traffic(void)
{
	pid_t reader[PIPES], writer[PIPES];
	struct kipc_pipe_create made;
	struct ends ends;
	int i;

	for (i = 0; i < PIPES; i++) {
		ends.share = i < PIPES / 2 ? MIB : 0;
		CHECK_EQ(0, kipc_pipe(ends.fd, MIB, 0));
		writer[i] = child_start(pour, &ends);
		reader[i] = child_start(drain, &ends);
		close(ends.fd[0]);
		close(ends.fd[1]);
	}
	CHECK_EQ(128 + SIGKILL, child_kill(reader[PIPES - 1]));
	CHECK_EQ(0, child_end(writer[PIPES - 1]));
	CHECK_EQ(128 + SIGKILL, child_kill(writer[PIPES - 2]));
	CHECK_EQ(0, child_end(reader[PIPES - 2]));
	for (i = 0; i < PIPES - 2; i++) {
		CHECK_EQ(0, child_end(writer[i]));
		CHECK_EQ(0, child_end(reader[i]));
	}
	for (i = 0; i < 200; i++) {
		CHECK_EQ(0, make_pipe(&made, i & 1 ? "short" : NULL,
				      RIGHT_BOTH, 0, 0600));
		close(made.read_fd);
		close(made.write_fd);
	}
	for (i = 0; i < 20; i++)
		messages();
	CHECK_EQ(0, make_persistent("left", 0600));
}

/* In a child, whose end frees what a process grows by. */
static void one_round(void *arg)
{
	(void)arg;
	CHECK_EQ(0, load(""));
	traffic();
	CHECK_EQ(0, unload());
}

TEST_F_TIMEOUT(module, rounds_with_traffic, 900)
{
	struct memory before = { 0 }, after;
	unsigned long rounds = scaled(100), i;

	ASSERT_EQ(0, unload());
	for (i = 0; i < 3; i++)
		ASSERT_EQ(0, child_run(one_round, NULL));
	ASSERT_TRUE(memory_has_settled(&before));
	ASSERT_LT(0, before.slab);
	ASSERT_LT(0, before.vmalloc);
	ASSERT_LT(0, before.pages);
	for (i = 0; i < rounds; i++)
		ASSERT_EQ(0, child_run(one_round, NULL));
	EXPECT_TRUE(wait_for(memory_is_back(&before)));
	after = memory_now();
	TH_LOG("after %lu rounds: slab %+ld KiB, vmalloc %+ld, pages %+ld",
	       rounds, after.slab - before.slab, after.vmalloc - before.vmalloc,
	       after.pages - before.pages);
}

TEST_HARNESS_MAIN
