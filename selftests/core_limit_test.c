// SPDX-License-Identifier: GPL-2.0
/*
 * Ceilings: per user, per object, per process and per memory cgroup. A call that
 * is refused charges nothing, and what is freed is not charged any more.
 */
#include "kselftest_harness.h"

#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "core_kinds.h"

#define MIB		(1024 * 1024ULL)
#define RACERS		4

static const char * const limits[] = {
	"max_objects", "max_bytes", "pipe_max", "pipe_default",
	"turn_grace_ms", "message_max", "queue_messages_max",
	"queue_messages_default", "queue_bytes_max", "queue_bytes_default",
};

FIXTURE(limit) {
	long long saved[ARRAY_SIZE(limits)];
};

FIXTURE_SETUP(limit)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(limits); i++) {
		self->saved[i] = sysctl_get(limits[i]);
		ASSERT_LT(0, self->saved[i]);
	}
	ASSERT_EQ(0, objects_of(ALICE));
	ASSERT_EQ(0, bytes_of(ALICE));
}

FIXTURE_TEARDOWN(limit)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(limits); i++)
		EXPECT_EQ(0, sysctl_set(limits[i], self->saved[i]));
	EXPECT_EQ(0, objects_of(ALICE));
	EXPECT_EQ(0, bytes_of(ALICE));
	EXPECT_EQ(0, objects_of(BOB));
	EXPECT_EQ(0, bytes_of(BOB));
}

static void close_both(const int fd[2])
{
	close(fd[0]);
	close(fd[1]);
}

static struct kipc_info my_info(void)
{
	struct kipc_info info;

	CHECK_EQ(0, kipc_info(&info));
	return info;
}

static void use_up_objects(void *arg)
{
	struct kipc_pipe_create made;
	uint64_t bytes;
	int fd[10][2], i;

	(void)arg;
	CHECK_EQ(10, my_info().max_objects);
	for (i = 0; i < 10; i++) {
		CHECK_EQ(i, my_info().objects);
		CHECK_EQ(0, kipc_pipe(fd[i], 4096, 0));
	}
	bytes = my_info().bytes;
	for (i = 0; i < 3; i++) {
		CHECK_EQ(-EDQUOT, kipc_pipe(fd[0], 4096, 0));
		CHECK_EQ(-EDQUOT, make_pipe(&made, "one more", RIGHT_BOTH, 0,
					    0600));
		CHECK_EQ(-EDQUOT, make_persistent("one more", 0600));
	}
	CHECK_EQ(-ENOENT, kipc_unlink("one more"));
	CHECK_EQ(10, my_info().objects);
	CHECK_EQ(bytes, my_info().bytes);
	/* Half of a pipe is a pipe. */
	close(fd[9][0]);
	CHECK_EQ(-EDQUOT, make_persistent("one more", 0600));
	close(fd[9][1]);
	CHECK_EQ(9, my_info().objects);
	CHECK_EQ(0, make_persistent("one more", 0600));
	CHECK_EQ(-EDQUOT, kipc_pipe(fd[9], 4096, 0));
	CHECK_EQ(0, kipc_unlink("one more"));
	CHECK_EQ(0, kipc_pipe(fd[9], 4096, 0));
	CHECK_EQ(10, my_info().objects);
	CHECK_EQ(bytes, my_info().bytes);
}

TEST_F(limit, objects)
{
	ASSERT_EQ(0, sysctl_set("max_objects", 10));
	EXPECT_EQ(0, child_run_as(ALICE, use_up_objects, NULL));
	/* Not the one's fault that the other one has used his up. */
	EXPECT_EQ(0, child_run_as(BOB, use_up_objects, NULL));
}

static void use_up_bytes(void *arg)
{
	struct kipc_stat stat;
	int fd[64][2], count, ret = 0, i;
	uint64_t sum = 0, each = 0;

	(void)arg;
	for (count = 0; count < 64; count++) {
		ret = kipc_pipe(fd[count], 65536, 0);
		if (ret)
			break;
		CHECK_EQ(0, kipc_stat_fd(fd[count][0], &stat));
		each = stat.entry.bytes;
		CHILD_CHECK(each >= 65536 && each < 2 * 65536);
		sum += each;
		CHECK_EQ(sum, my_info().bytes);
	}
	CHECK_EQ(-EDQUOT, ret);
	CHILD_CHECK(sum <= MIB && sum + each > MIB);
	CHECK_EQ(sum, my_info().bytes);
	CHECK_EQ(count, my_info().objects);
	for (i = 0; i < count; i++) {
		close_both(fd[i]);
		CHECK_EQ(sum - (i + 1) * each, my_info().bytes);
	}
	/* All at once, in one pipe that is too large */
	CHECK_EQ(-EDQUOT, kipc_pipe(fd[0], MIB + 4096, 0));
	CHECK_EQ(0, my_info().bytes);
	CHECK_EQ(0, my_info().objects);
}

TEST_F(limit, bytes)
{
	ASSERT_EQ(0, sysctl_set("max_bytes", MIB));
	EXPECT_EQ(0, child_run_as(ALICE, use_up_bytes, NULL));
}

static int resize(int fd, uint64_t capacity)
{
	struct kipc_pipe_resize arg = {
		.size = sizeof(arg),
		.capacity = capacity,
	};

	return kipc_ioctl(fd, KIPC_PIPE_RESIZE, &arg);
}

static uint64_t capacity_of(int fd)
{
	struct kipc_pipe_stat stat;

	return kipc_pipe_stat(fd, &stat) ? 0 : stat.capacity;
}

static void use_up_by_resize(void *arg)
{
	uint64_t bytes;
	int fd[2];

	(void)arg;
	CHECK_EQ(0, kipc_pipe(fd, 4096, 0));
	bytes = my_info().bytes;
	CHECK_EQ(0, resize(fd[0], 512 * 1024));
	CHECK_EQ(bytes + 512 * 1024 - 4096, my_info().bytes);
	CHECK_EQ(-EDQUOT, resize(fd[1], 2 * MIB));
	CHECK_EQ(512 * 1024, capacity_of(fd[0]));
	CHECK_EQ(bytes + 512 * 1024 - 4096, my_info().bytes);
	CHECK_EQ(0, resize(fd[0], 4096));
	CHECK_EQ(bytes, my_info().bytes);
	close_both(fd);
	CHECK_EQ(0, my_info().bytes);
}

TEST_F(limit, bytes_by_resize)
{
	ASSERT_EQ(0, sysctl_set("max_bytes", MIB));
	EXPECT_EQ(0, child_run_as(ALICE, use_up_by_resize, NULL));
}

/* A ceiling that is lowered below what is held leaves that alone. */
static void hold_over_the_ceiling(void *arg)
{
	int sock = *(int *)arg, fd[2], other[2];
	char byte;

	CHECK_EQ(0, kipc_pipe(fd, MIB, 0));
	CHECK_EQ(1, write(sock, "", 1));
	CHECK_EQ(1, read(sock, &byte, 1));
	CHECK_EQ(-EDQUOT, kipc_pipe(other, 4096, 0));
	CHECK_EQ(-EDQUOT, resize(fd[0], 2 * MIB));
	CHECK_EQ(3, write(fd[1], "abc", 3));
	/* Less is always possible. */
	CHECK_EQ(0, resize(fd[0], 256 * 1024));
	CHECK_EQ(0, kipc_pipe(other, 4096, 0));
}

TEST_F(limit, lowered_ceiling)
{
	int sock[2];
	char byte;
	struct job job = { hold_over_the_ceiling, &sock[1], ALICE };
	pid_t pid;

	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_SEQPACKET, 0, sock));
	pid = child_start(run_as, &job);
	ASSERT_EQ(1, read(sock[0], &byte, 1));
	EXPECT_EQ(0, sysctl_set("max_bytes", 512 * 1024));
	EXPECT_EQ(1, write(sock[0], "", 1));
	EXPECT_EQ(0, child_end(pid));
}

struct race {
	int go;
	unsigned int made;	/* by all */
	int stopped;
	int end[2];		/* the test closes it at the end */
};

static void race_for_objects(void *arg)
{
	struct race *race = arg;
	int fd[2], ret;
	char byte;

	close(race->end[1]);
	CHILD_CHECK(wait_for(__atomic_load_n(&race->go, __ATOMIC_ACQUIRE)));
	while (!(ret = kipc_pipe(fd, 4096, 0)))
		__atomic_add_fetch(&race->made, 1, __ATOMIC_SEQ_CST);
	CHECK_EQ(-EDQUOT, ret);
	__atomic_add_fetch(&race->stopped, 1, __ATOMIC_SEQ_CST);
	CHECK_EQ(0, read(race->end[0], &byte, 1));
}

/* Fills what is left: others' failed attempts must not count. */
static void fill_the_rest(void *arg)
{
	struct race *race = arg;
	uint64_t before = my_info().objects;
	unsigned int i;
	int fd[2];

	CHECK_EQ(race->made, before);
	for (i = before; i < 40; i++)
		CHECK_EQ(0, kipc_pipe(fd, 4096, 0));
	CHECK_EQ(-EDQUOT, kipc_pipe(fd, 4096, 0));
	CHECK_EQ(40, my_info().objects);
}

TEST_F_TIMEOUT(limit, objects_with_many_at_a_time, 300)
{
	unsigned int rounds = scaled(100), i, j;
	struct race *race = kipc_shared(sizeof(*race));
	struct job job = { race_for_objects, race, ALICE };
	pid_t pid[RACERS];

	ASSERT_NE(NULL, race);
	ASSERT_EQ(0, sysctl_set("max_objects", 40));
	for (i = 0; i < rounds; i++) {
		memset(race, 0, sizeof(*race));
		ASSERT_EQ(0, pipe(race->end));
		for (j = 0; j < RACERS; j++)
			pid[j] = child_start(run_as, &job);
		__atomic_store_n(&race->go, 1, __ATOMIC_RELEASE);
		EXPECT_TRUE(wait_for(__atomic_load_n(&race->stopped,
						     __ATOMIC_ACQUIRE) ==
				     RACERS));
		EXPECT_GE(40, race->made);
		EXPECT_LT(40 - RACERS, race->made);
		EXPECT_EQ(0, child_run_as(ALICE, fill_the_rest, race));
		close_both(race->end);
		for (j = 0; j < RACERS; j++)
			ASSERT_EQ(0, child_end(pid[j]));
	}
}

TEST_F(limit, charge_stays_with_the_creator)
{
	struct kipc_setattr arg = {
		.size = sizeof(arg),
		.flags = KIPC_SET_UID,
		.uid = BOB,
	};
	struct kipc_pipe_create made;
	struct kipc_info mine, now;

	ASSERT_EQ(0, kipc_info(&mine));
	ASSERT_EQ(0, make_pipe(&made, "sold", RIGHT_BOTH, 0, 0600));
	EXPECT_EQ(0, kipc_ioctl(made.read_fd, KIPC_SETATTR, &arg));
	EXPECT_EQ(0, objects_of(BOB));
	EXPECT_EQ(0, bytes_of(BOB));
	ASSERT_EQ(0, kipc_info(&now));
	EXPECT_EQ(mine.objects + 1, now.objects);
	EXPECT_LT(mine.bytes, now.bytes);
	EXPECT_EQ(0, resize(made.read_fd, 65536));
	EXPECT_EQ(0, bytes_of(BOB));
	close(made.read_fd);
	close(made.write_fd);
	ASSERT_EQ(0, kipc_info(&now));
	EXPECT_EQ(mine.objects, now.objects);
	EXPECT_EQ(mine.bytes, now.bytes);
	EXPECT_EQ(0, objects_of(BOB));
}

TEST_F(limit, capacity)
{
	static const uint64_t too_large[] = {
		65536 + 1, 1ULL << 20, 1ULL << 32, 1ULL << 63, UINT64_MAX,
		UINT64_MAX - 4094, INT64_MAX,
	};
	struct kipc_info info;
	int fd[2];
	size_t i;

	ASSERT_EQ(0, sysctl_set("pipe_default", 8192));
	ASSERT_EQ(0, sysctl_set("pipe_max", 65536));
	ASSERT_EQ(0, kipc_info(&info));
	EXPECT_EQ(65536, info.pipe_max);
	EXPECT_EQ(8192, info.pipe_default);
	ASSERT_EQ(0, kipc_pipe(fd, 0, 0));
	EXPECT_EQ(8192, capacity_of(fd[0]));
	for (i = 0; i < ARRAY_SIZE(too_large); i++) {
		int other[2];

		EXPECT_EQ(-ENOSPC, kipc_pipe(other, too_large[i], 0))
			TH_LOG("capacity %#llx", too_large[i] + 0ULL);
		EXPECT_EQ(-ENOSPC, resize(fd[0], too_large[i]))
			TH_LOG("capacity %#llx", too_large[i] + 0ULL);
	}
	EXPECT_EQ(8192, capacity_of(fd[0]));
	EXPECT_EQ(-EINVAL, resize(fd[0], 1));
	EXPECT_EQ(-EINVAL, resize(fd[0], info.pipe_min - 1));
	EXPECT_EQ(0, resize(fd[0], 65536));
	EXPECT_EQ(65536, capacity_of(fd[0]));
	EXPECT_EQ(0, resize(fd[0], 4097));
	EXPECT_EQ(8192, capacity_of(fd[0]));
	close_both(fd);
	EXPECT_EQ(-EINVAL, kipc_pipe(fd, 1, 0));
	EXPECT_EQ(-EINVAL, kipc_pipe(fd, info.pipe_min - 1, 0));
	ASSERT_EQ(0, kipc_pipe(fd, 65535, 0));
	EXPECT_EQ(65536, capacity_of(fd[1]));
	close_both(fd);
}

static int make_mailbox(uint32_t messages, uint64_t bytes, uint32_t longest,
			struct kipc_mailbox_create *arg)
{
	int ret;

	*arg = (struct kipc_mailbox_create){
		.size = sizeof(*arg),
		.rights = RIGHT_BOTH,
		.max_messages = messages,
		.max_bytes = bytes,
		.message_max = longest,
	};
	ret = kipc_device_ioctl(KIPC_MAILBOX_CREATE, arg);
	if (!ret)
		close(arg->fd);
	return ret;
}

static int make_endpoint(uint32_t messages, uint64_t bytes, uint32_t longest,
			 struct kipc_endpoint_create *arg)
{
	int ret;

	*arg = (struct kipc_endpoint_create){
		.size = sizeof(*arg),
		.rights = RIGHT_BOTH,
		.max_messages = messages,
		.max_bytes = bytes,
		.message_max = longest,
	};
	ret = kipc_device_ioctl(KIPC_ENDPOINT_CREATE, arg);
	if (!ret)
		close(arg->fd);
	return ret;
}

/* Both kinds of queue give @want with these bounds. */
static void expect_queues(struct __test_metadata *_metadata, int want,
			  uint32_t messages, uint64_t bytes, uint32_t longest)
{
	struct kipc_mailbox_create mailbox;
	struct kipc_endpoint_create endpoint;

	EXPECT_EQ(want, make_mailbox(messages, bytes, longest, &mailbox))
		TH_LOG("%u, %llu, %u", messages, bytes + 0ULL, longest);
	EXPECT_EQ(want, make_endpoint(messages, bytes, longest, &endpoint))
		TH_LOG("%u, %llu, %u", messages, bytes + 0ULL, longest);
}

/* What a queue has that asks for nothing. */
static void expect_default_queues(struct __test_metadata *_metadata,
				  uint32_t messages, uint64_t bytes,
				  uint32_t longest)
{
	struct kipc_mailbox_create mailbox;
	struct kipc_endpoint_create endpoint;

	ASSERT_EQ(0, make_mailbox(0, 0, 0, &mailbox));
	EXPECT_EQ(messages, mailbox.max_messages);
	EXPECT_EQ(bytes, mailbox.max_bytes);
	EXPECT_EQ(longest, mailbox.message_max);
	ASSERT_EQ(0, make_endpoint(0, 0, 0, &endpoint));
	EXPECT_EQ(messages, endpoint.max_messages);
	EXPECT_EQ(bytes, endpoint.max_bytes);
	EXPECT_EQ(longest, endpoint.message_max);
}

TEST_F(limit, queues)
{
	struct kipc_info info;

	ASSERT_EQ(0, sysctl_set("message_max", 1000));
	ASSERT_EQ(0, sysctl_set("queue_messages_max", 20));
	ASSERT_EQ(0, sysctl_set("queue_messages_default", 10));
	ASSERT_EQ(0, sysctl_set("queue_bytes_max", 8000));
	ASSERT_EQ(0, sysctl_set("queue_bytes_default", 4000));
	info = my_info();
	EXPECT_EQ(1000, info.message_max);
	EXPECT_EQ(20, info.queue_messages_max);
	EXPECT_EQ(10, info.queue_messages_default);
	EXPECT_EQ(8000, info.queue_bytes_max);
	EXPECT_EQ(4000, info.queue_bytes_default);
	expect_queues(_metadata, 0, 20, 8000, 1000);
	expect_queues(_metadata, -ENOSPC, 21, 0, 0);
	expect_queues(_metadata, -ENOSPC, UINT32_MAX, 0, 0);
	expect_queues(_metadata, -ENOSPC, 0, 8001, 0);
	expect_queues(_metadata, -ENOSPC, 0, UINT64_MAX, 0);
	expect_queues(_metadata, -ENOSPC, 0, 0, 1001);
	expect_queues(_metadata, -ENOSPC, 0, 0, UINT32_MAX);
	expect_queues(_metadata, -EINVAL, 0, 500, 501);
	expect_default_queues(_metadata, 10, 4000, 1000);
	/* A ceiling that is below the default cuts it. */
	ASSERT_EQ(0, sysctl_set("queue_messages_max", 5));
	ASSERT_EQ(0, sysctl_set("queue_bytes_max", 600));
	expect_default_queues(_metadata, 5, 600, 600);
}

/* What exists keeps its bounds. */
TEST_F(limit, queues_that_are_there)
{
	char body[500] = "";
	struct kipc_mailbox_create arg = {
		.size = sizeof(arg),
		.rights = RIGHT_BOTH,
		.max_messages = 10,
		.max_bytes = 1000,
	};
	struct kipc_msg_send send = {
		.size = sizeof(send),
		.flags = KIPC_MSG_NONBLOCK,
		.msg = { .buf = to_u64(body), .len = sizeof(body) },
	};

	ASSERT_EQ(0, kipc_device_ioctl(KIPC_MAILBOX_CREATE, &arg));
	ASSERT_EQ(0, sysctl_set("message_max", 100));
	ASSERT_EQ(0, sysctl_set("queue_messages_max", 1));
	ASSERT_EQ(0, sysctl_set("queue_bytes_max", 100));
	EXPECT_EQ(0, kipc_ioctl(arg.fd, KIPC_MAILBOX_SEND, &send));
	EXPECT_EQ(0, kipc_ioctl(arg.fd, KIPC_MAILBOX_SEND, &send));
	EXPECT_EQ(-EAGAIN, kipc_ioctl(arg.fd, KIPC_MAILBOX_SEND, &send));
	close(arg.fd);
}

static void without_descriptors(void *arg)
{
	struct rlimit limit = { 0, 0 };
	int dev = kipc_device(), left, last;
	struct kipc_pipe_create made = {
		.size = sizeof(made),
		.name = to_u64("no fd"),
		.name_len = 5,
		.rights = RIGHT_BOTH,
	};
	struct kipc_stat stat = {
		.size = sizeof(stat),
		.name = made.name,
		.name_len = made.name_len,
	};
	struct kipc_open open = {
		.size = sizeof(open),
		.name = to_u64("there"),
		.name_len = 5,
		.rights = KIPC_RIGHT_WRITE,
	};

	(void)arg;
	/* None left, then one where two are wanted, then enough. */
	for (left = 0; left < 3; left++) {
		limit.rlim_cur = dev + 1 + left;
		limit.rlim_max = 1024;
		CHECK_EQ(0, setrlimit(RLIMIT_NOFILE, &limit));
		if (left < 1)
			CHECK_EQ(-EMFILE, kipc_ioctl(dev, KIPC_OPEN, &open));
		if (left == 2)
			break;
		CHECK_EQ(-EMFILE, kipc_ioctl(dev, KIPC_PIPE_CREATE, &made));
		CHECK_EQ(-ENOENT, kipc_ioctl(dev, KIPC_STAT, &stat));
		/* The one that was free is free again. */
		last = dup(dev);
		CHECK_EQ(left ? dev + 1 : -1, last);
		close(last);
	}
	CHECK_EQ(0, kipc_ioctl(dev, KIPC_PIPE_CREATE, &made));
}

TEST_F(limit, descriptors)
{
	struct kipc_info before, after;

	ASSERT_EQ(0, make_persistent("there", 0600));
	ASSERT_EQ(0, kipc_info(&before));
	EXPECT_EQ(0, child_run(without_descriptors, NULL));
	ASSERT_EQ(0, kipc_info(&after));
	EXPECT_EQ(before.objects, after.objects);
	EXPECT_EQ(before.bytes, after.bytes);
	EXPECT_EQ(0, kipc_unlink("there"));
}

static void expect_refused(struct __test_metadata *_metadata,
			   const char *name, const char *value)
{
	EXPECT_EQ(-EINVAL, sysctl_write(name, value))
		TH_LOG("%s = %s", name, value);
}

TEST_F(limit, values_out_of_range)
{
	static const char * const bad[] = {
		"-1", "abc", "18446744073709551616", "-9223372036854775808",
		"99999999999999999999999999", "9223372036854775807",
	};
	size_t i, j;

	for (i = 0; i < ARRAY_SIZE(limits); i++) {
		for (j = 0; j < ARRAY_SIZE(bad); j++)
			expect_refused(_metadata, limits[i], bad[j]);
		EXPECT_EQ(self->saved[i], sysctl_get(limits[i]));
	}
	expect_refused(_metadata, "pipe_max", "4095");
	expect_refused(_metadata, "pipe_default", "4095");
	expect_refused(_metadata, "message_max", "0");
	expect_refused(_metadata, "message_max", "1073741825");
	expect_refused(_metadata, "queue_messages_max", "0");
	expect_refused(_metadata, "queue_messages_max", "1048577");
	expect_refused(_metadata, "queue_messages_default", "0");
	expect_refused(_metadata, "queue_messages_default", "1048577");
	expect_refused(_metadata, "queue_bytes_max", "0");
	expect_refused(_metadata, "queue_bytes_max", "1073741825");
	expect_refused(_metadata, "queue_bytes_default", "0");
	expect_refused(_metadata, "queue_bytes_default", "1073741825");
	EXPECT_EQ(0, sysctl_set("message_max", 1 << 30));
	EXPECT_EQ(0, sysctl_set("queue_messages_max", 1 << 20));
	EXPECT_EQ(0, sysctl_set("queue_bytes_max", 1));
	EXPECT_EQ(0, sysctl_set("turn_grace_ms", 7));
	EXPECT_EQ(7 * NSEC_PER_MSEC, my_info().turn_grace_ns);
}

static void change_limits(void *arg)
{
	size_t i;

	(void)arg;
	for (i = 0; i < ARRAY_SIZE(limits); i++) {
		CHILD_CHECK(sysctl_get(limits[i]) > 0);
		CHECK_EQ(-EACCES, sysctl_set(limits[i], 65536));
	}
}

TEST_F(limit, only_root_changes_limits)
{
	EXPECT_EQ(0, child_run_as(ALICE, change_limits, NULL));
}

#define GROUP	"/sys/fs/cgroup/kipc-limit"

static long long group_get(const char *file, const char *key)
{
	char path[128], text[8192], *found = text;

	snprintf(path, sizeof(path), GROUP "/%s", file);
	if (read_file(path, text, sizeof(text)) < 0)
		return -1;
	if (*key)
		found = strstr(text, key);
	return found ? atoll(found + strlen(key)) : -1;
}

static int group_set(const char *file, const char *text)
{
	char path[128];
	int ret;

	snprintf(path, sizeof(path), GROUP "/%s", file);
	ret = write_file(path, text);
	return ret < 0 ? ret : 0;
}

static bool group_make(void)
{
	if (access("/sys/fs/cgroup/cgroup.controllers", F_OK))
		mount("cgroup2", "/sys/fs/cgroup", "cgroup2", 0, NULL);
	return write_file("/sys/fs/cgroup/cgroup.subtree_control",
			  "+memory") > 0 &&
	       (!mkdir(GROUP, 0755) || errno == EEXIST) &&
	       !group_set("memory.max", "8388608");
}

/* Pages are charged in batches, for each CPU ahead of what is used. */
#define BATCHES		(1 * MIB)

static int make_large(const char *name, uint64_t capacity)
{
	struct kipc_pipe_create arg;

	return kipc_pipe_named(&arg, name, RIGHT_BOTH, capacity, 0);
}

/* An array that takes more than the group may have. */
static int make_large_array(struct made *made)
{
	union create_arg arg = {
		.array = { .count = MIB, .element = 8 },
	};

	return create_shaped(&kinds[ARRAY_KIND], &arg, made, "too large",
			     RIGHT_BOTH, 0, 0600);
}

static void use_up_group(void *arg)
{
	long long before, killed = group_get("memory.events", "oom_kill ");
	uint64_t objects = my_info().objects;
	int fd[2][2], other[2];
	struct made made;

	(void)arg;
	CHECK_EQ(0, group_set("cgroup.procs", "0"));
	before = group_get("memory.current", "");
	CHECK_EQ(0, kipc_pipe(fd[0], 2 * MIB, 0));
	CHILD_CHECK(group_get("memory.current", "") - before >
		    (long long)(2 * MIB - BATCHES));
	CHECK_EQ(0, kipc_pipe(fd[1], 4 * MIB, 0));
	/* 6 of 8 are gone: no more than 2 are left. */
	CHECK_EQ(-ENOMEM, kipc_pipe(other, 4 * MIB, 0));
	CHECK_EQ(-ENOMEM, make_large("too large", 4 * MIB));
	CHECK_EQ(-ENOMEM, make_large_array(&made));
	CHECK_EQ(-ENOENT, kipc_unlink("too large"));
	CHECK_EQ(-ENOMEM, resize(fd[0][0], 4 * MIB));
	CHECK_EQ(2 * MIB, capacity_of(fd[0][0]));
	CHECK_EQ(objects + 2, my_info().objects);
	CHECK_EQ(killed, group_get("memory.events", "oom_kill "));
	close_both(fd[1]);
	CHILD_CHECK(wait_for(group_get("memory.current", "") - before <
			     (long long)(2 * MIB + BATCHES)));
	CHECK_EQ(0, kipc_pipe(fd[1], 4 * MIB, 0));
}

static int send_large(int fd, uint32_t len)
{
	static char body[MIB];
	struct kipc_msg_send arg = {
		.size = sizeof(arg),
		.flags = KIPC_MSG_NONBLOCK,
		.msg = { .buf = to_u64(body), .len = len },
	};

	return kipc_ioctl(fd, KIPC_MAILBOX_SEND, &arg);
}

/* Messages are charged to the group of their sender, as they are sent. */
static void fill_mailbox(void *arg)
{
	long long before, killed = group_get("memory.events", "oom_kill ");
	struct kipc_mailbox_create made = {
		.size = sizeof(made),
		.rights = RIGHT_BOTH,
		.max_bytes = 16 * MIB,
	};
	struct kipc_mailbox_drain drain = { .size = sizeof(drain) };
	unsigned int sent;
	int ret;

	(void)arg;
	CHECK_EQ(0, group_set("cgroup.procs", "0"));
	CHECK_EQ(0, kipc_device_ioctl(KIPC_MAILBOX_CREATE, &made));
	before = group_get("memory.current", "");
	for (sent = 0; sent < 16; sent++) {
		ret = send_large(made.fd, MIB);
		if (ret)
			break;
	}
	CHECK_EQ(-ENOMEM, ret);
	/* 8 are the limit, and the process itself takes some. */
	CHILD_CHECK(sent >= 4 && sent < 8);
	CHILD_CHECK(group_get("memory.current", "") - before >
		    (long long)(sent * MIB - BATCHES));
	CHECK_EQ(killed, group_get("memory.events", "oom_kill "));
	CHECK_EQ(0, kipc_ioctl(made.fd, KIPC_MAILBOX_DRAIN, &drain));
	CHECK_EQ(sent, drain.messages);
	CHECK_EQ(sent * MIB, drain.bytes);
	CHILD_CHECK(wait_for(group_get("memory.current", "") - before <
			     (long long)BATCHES));
	CHECK_EQ(0, send_large(made.fd, MIB));
}

TEST_F(limit, memory_cgroup)
{
	bool made = group_make();

	if (!made) {
		rmdir(GROUP);
		SKIP(return, "no memory controller at /sys/fs/cgroup");
	}
	EXPECT_EQ(0, child_run(use_up_group, NULL));
	EXPECT_EQ(0, child_run(fill_mailbox, NULL));
	EXPECT_TRUE(wait_for(!rmdir(GROUP)));
}

TEST_HARNESS_MAIN
