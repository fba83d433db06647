// SPDX-License-Identifier: GPL-2.0
/*
 * Semaphores by name: who may open what, how long it lives, other users and PID
 * namespaces; what is charged for one; what /proc shows of a handle.
 */
#include "kselftest_harness.h"

#include "core_util.h"
#include "semaphore_util.h"

#define NAME	"semaphore-name"

static int open_flags(uint32_t flags)
{
	return sem_named(NAME, 2, 3, flags);
}

TEST(create_opens_what_is_there)
{
	struct kipc_semaphore_create arg = { .name = to_u64(NAME),
		.name_len = strlen(NAME), .rights = SEM_RIGHTS, .mode = 0600,
		.count = 7, .max = 9, .initial = 4,
		.flags = KIPC_SEMAPHORE_MUTEX };
	int one = open_flags(KIPC_EXCL), two;

	ASSERT_LE(0, one);
	EXPECT_EQ(-EEXIST, open_flags(KIPC_EXCL));
	/* What it says must be valid, and is replaced by what is there. */
	EXPECT_EQ(-EINVAL, sem_create(&arg));
	arg.flags = 0;
	two = sem_create(&arg);
	ASSERT_LE(0, two);
	EXPECT_EQ(KIPC_RESULT_OPENED, arg.result);
	EXPECT_EQ(2, arg.count);
	EXPECT_EQ(KIPC_SEM_VALUE_MAX, arg.max);
	EXPECT_EQ(3, sem_value(two, 0));
	EXPECT_EQ(0, sem_try(two, 1, -2));
	EXPECT_EQ(1, sem_value(one, 1));
	close(one);
	EXPECT_EQ(0, sem_try(two, 1, 2));
	close(two);
	EXPECT_EQ(-ENOENT, sem_open_name(NAME, SEM_RIGHTS, 0));
}

TEST(a_name_of_another_kind)
{
	struct kipc_pipe_create pipe;
	int fd = open_flags(KIPC_EXCL);

	ASSERT_LE(0, fd);
	EXPECT_EQ(-EPROTOTYPE, kipc_open_name(NAME, KIPC_RIGHT_READ, 0));
	EXPECT_EQ(-EPROTOTYPE, make_pipe(&pipe, NAME, RIGHT_BOTH, 0, 0600));
	close(fd);
	ASSERT_EQ(0, make_pipe(&pipe, NAME, RIGHT_BOTH, 0, 0600));
	EXPECT_EQ(-EPROTOTYPE, sem_open_name(NAME, SEM_RIGHTS, 0));
	EXPECT_EQ(-EPROTOTYPE, open_flags(0));
	close(pipe.read_fd);
	close(pipe.write_fd);
}

TEST(open_by_any_kind)
{
	struct kipc_open arg = { .size = sizeof(arg), .name = to_u64(NAME),
		.name_len = strlen(NAME), .rights = KIPC_RIGHT_WRITE };
	int fd = open_flags(KIPC_EXCL);

	ASSERT_LE(0, fd);
	EXPECT_EQ(0, kipc_device_ioctl(KIPC_OPEN, &arg));
	EXPECT_EQ(KIPC_KIND_SEMAPHORE, arg.kind);
	EXPECT_EQ(0, sem_try(arg.fd, 0, -1));
	/* A flag of pipes is not for semaphores. */
	arg.kind = KIPC_KIND_SEMAPHORE;
	arg.flags = KIPC_PIPE_NOSIGPIPE;
	EXPECT_EQ(-EINVAL, kipc_device_ioctl(KIPC_OPEN, &arg));
	arg.flags = 0;
	arg.rights = 0;
	EXPECT_EQ(-EINVAL, kipc_device_ioctl(KIPC_OPEN, &arg));
	fd = sem_open_name(NAME, SEM_RIGHTS, KIPC_NONBLOCK | KIPC_INHERIT);
	ASSERT_LE(0, fd);
	EXPECT_EQ(-EAGAIN, sem_op(fd, 0, -3, 0));
	EXPECT_EQ(0, fcntl(fd, F_GETFD) & FD_CLOEXEC);
}

TEST(persistent_keeps_its_values)
{
	struct kipc_semaphore_create arg = { .name = to_u64(NAME),
		.name_len = strlen(NAME), .mode = 0600, .count = 2,
		.initial = 5, .flags = KIPC_PERSIST | KIPC_EXCL };
	int fd;

	EXPECT_EQ(-1, sem_create(&arg));
	EXPECT_EQ(KIPC_RESULT_CREATED, arg.result);
	fd = sem_open_name(NAME, SEM_RIGHTS, 0);
	ASSERT_LE(0, fd);
	EXPECT_EQ(0, sem_op(fd, 0, -2, 0));
	EXPECT_EQ(0, sem_op(fd, 1, -2, KIPC_SEM_UNDO));
	close(fd);
	/* Nobody has it open, and what was to be undone is undone. */
	fd = sem_open_name(NAME, SEM_RIGHTS, 0);
	ASSERT_LE(0, fd);
	EXPECT_EQ(3, sem_value(fd, 0));
	EXPECT_EQ(5, sem_value(fd, 1));
	EXPECT_EQ(0, sem_undos(fd));
	EXPECT_EQ(0, kipc_unlink(NAME));
	EXPECT_EQ(-ENOENT, sem_open_name(NAME, SEM_RIGHTS, 0));
	EXPECT_EQ(3, sem_value(fd, 0));
}

/* What somebody else can do with a semaphore of mode 0640 in his group. */
static void as_alice(void *arg)
{
	(void)arg;
	CHECK_EQ(-EACCES, sem_open_name(NAME, KIPC_RIGHT_WRITE, 0));
	CHECK_EQ(-EACCES, sem_open_name(NAME, SEM_RIGHTS, 0));
	CHECK_EQ(-EPERM, kipc_unlink(NAME));
	CHECK_EQ(-EPERM, kipc_destroy_name(NAME));
}

static void as_alice_who_reads(void *arg)
{
	int fd = sem_open_name(NAME, KIPC_RIGHT_READ, 0);

	as_alice(arg);
	CHECK_EQ(1, fd >= 0);
	CHECK_EQ(3, sem_value(fd, 0));
	CHECK_EQ(-EBADF, sem_try(fd, 0, -1));
	CHECK_EQ(-EBADF, sem_set(fd, 0, 1));
	CHECK_EQ(-EPERM, kipc_destroy(fd));
}

static void as_alice_who_writes(void *arg)
{
	int fd = sem_open_name(NAME, KIPC_RIGHT_WRITE, 0);
	struct kipc_sem_counter counter;

	(void)arg;
	CHECK_EQ(1, fd >= 0);
	CHECK_EQ(-EACCES, sem_open_name(NAME, KIPC_RIGHT_READ, 0));
	CHECK_EQ(0, sem_op(fd, 0, -1, KIPC_SEM_UNDO));
	CHECK_EQ(0, sem_op(fd, 1, -1, 0));
	CHECK_EQ(-EBADF, sem_get_all(fd, 0, &counter, 1));
	CHECK_EQ(-EBADF, sem_try(fd, 0, 0));
}

TEST(modes_and_other_users)
{
	struct kipc_setattr attr = { .size = sizeof(attr),
		.flags = KIPC_SET_MODE };
	int fd = open_flags(KIPC_EXCL);

	ASSERT_LE(0, fd);
	EXPECT_EQ(0, child_run_as(ALICE, as_alice, NULL));
	attr.mode = 0604;
	ASSERT_EQ(0, kipc_ioctl(fd, KIPC_SETATTR, &attr));
	EXPECT_EQ(0, child_run_as(ALICE, as_alice_who_reads, NULL));
	attr.mode = 0602;
	ASSERT_EQ(0, kipc_ioctl(fd, KIPC_SETATTR, &attr));
	EXPECT_EQ(0, child_run_as(ALICE, as_alice_who_writes, NULL));
	EXPECT_EQ(3, sem_value(fd, 0));
	EXPECT_EQ(2, sem_value(fd, 1));
}

/* No privileges are needed for anything. */
static void alone(void *arg)
{
	int fd = open_flags(KIPC_EXCL), mutex = sem_make_mutex(1);

	(void)arg;
	CHECK_EQ(1, fd >= 0 && mutex >= 0);
	CHECK_EQ(0, sem_op(fd, 0, -3, KIPC_SEM_UNDO));
	CHECK_EQ(-EAGAIN, sem_try(fd, 0, -1));
	CHECK_EQ(-ETIMEDOUT, sem_op_until(fd, 0, -1, 0, in_ms(5)));
	CHECK_EQ(0, sem_set(fd, 0, 8));
	CHECK_EQ(0, sem_op(mutex, 0, -1, 0));
	CHECK_EQ(getpid(), sem_counter(mutex, 0).pid);
	CHECK_EQ(1, times_listed(NAME));
	CHECK_EQ(0, kipc_destroy(fd));
	CHECK_EQ(-ENOENT, sem_open_name(NAME, SEM_RIGHTS, 0));
}

TEST(a_user_without_privileges)
{
	EXPECT_EQ(0, child_run_as(ALICE, alone, NULL));
	EXPECT_EQ(0, objects_of(ALICE));
	EXPECT_EQ(0, bytes_of(ALICE));
}

struct across {
	int fd;
	uint32_t child;
	uint32_t test;
};

/* The first process of another namespace, with a handle from outside. */
static void in_namespace(void *arg)
{
	struct across *across = arg;

	/* Names are the namespace's own. */
	CHECK_EQ(-ENOENT, sem_open_name(NAME, SEM_RIGHTS, 0));
	CHECK_EQ(1, open_flags(KIPC_EXCL) >= 0);
	/* The handle works, and whom it cannot see has no number. */
	CHECK_EQ(0, sem_counter(across->fd, 0).value);
	CHECK_EQ(0, sem_counter(across->fd, 0).pid);
	CHECK_EQ(-EPERM, sem_op(across->fd, 0, 1, 0));
	CHECK_EQ(0, sem_op(across->fd, 1, -1, 0));
	CHECK_EQ(1, getpid());
	CHECK_EQ(1, sem_counter(across->fd, 1).pid);
	word_set(&across->child, 1);
	while (!word_get(&across->test))
		usleep(500);
	/* Dies as the owner of mutex 1. */
}

TEST(pid_namespaces)
{
	struct across *across = kipc_shared(sizeof(*across));
	struct job job = { .fn = in_namespace, .arg = across };
	uint32_t owner;
	pid_t pid;
	int fd;

	ASSERT_NE(NULL, across);
	across->fd = sem_make_mutex(2);
	ASSERT_LE(0, across->fd);
	fd = open_flags(KIPC_EXCL);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, sem_op(across->fd, 0, -1, 0));
	pid = child_start(run_in_namespace, &job);
	ASSERT_TRUE(wait_for(word_get(&across->child)));
	/* From here it has one: the child of the one that unshared. */
	owner = sem_counter(across->fd, 1).pid;
	EXPECT_LT(1, owner);
	EXPECT_NE((uint32_t)pid, owner);
	EXPECT_EQ(0, kill(owner, 0));
	word_set(&across->test, 1);
	EXPECT_EQ(0, child_end(pid));
	EXPECT_EQ(-EOWNERDEAD, sem_op(across->fd, 1, -1, 0));
	EXPECT_EQ(getpid(), (pid_t)sem_counter(across->fd, 0).pid);
}

/* Objects and bytes are charged to the maker and come back. */
TEST(the_charge)
{
	struct kipc_info before, with, after;
	struct kipc_stat small, large;
	int fd[2];

	ASSERT_EQ(0, kipc_info(&before));
	fd[0] = sem_make(1, 0, 0);
	fd[1] = sem_make(KIPC_SEM_COUNT_MAX, 0, 0);
	ASSERT_LE(0, fd[0]);
	ASSERT_LE(0, fd[1]);
	ASSERT_EQ(0, kipc_info(&with));
	EXPECT_EQ(before.objects + 2, with.objects);
	ASSERT_EQ(0, kipc_stat_fd(fd[0], &small));
	ASSERT_EQ(0, kipc_stat_fd(fd[1], &large));
	EXPECT_LT(0, small.entry.bytes);
	EXPECT_LE(KIPC_SEM_COUNT_MAX * small.entry.bytes, large.entry.bytes +
		  4096);
	EXPECT_EQ(before.bytes + small.entry.bytes + large.entry.bytes,
		  with.bytes);
	ASSERT_EQ(0, sem_op(fd[0], 0, 1, KIPC_SEM_UNDO));
	ASSERT_EQ(0, kipc_destroy(fd[1]));
	close(fd[0]);
	close(fd[1]);
	ASSERT_EQ(0, kipc_info(&after));
	EXPECT_EQ(before.objects, after.objects);
	EXPECT_EQ(before.bytes, after.bytes);
}

static void over_the_limit(void *arg)
{
	uint64_t limit = *(uint64_t *)arg;
	int fd = 0;

	/* Until it is refused, in time: each takes something. */
	for (; limit && fd >= 0; limit--)
		fd = sem_make(KIPC_SEM_COUNT_MAX, 0, 0);
	CHECK_EQ(-EDQUOT, fd);
	CHECK_EQ(-EDQUOT, sem_make(KIPC_SEM_COUNT_MAX, 0, 0));
}

TEST(edquot)
{
	long long max_objects = sysctl_get("max_objects");
	long long max_bytes = sysctl_get("max_bytes");
	uint64_t limit = 9;
	struct kipc_stat st;
	int fd = sem_make(KIPC_SEM_COUNT_MAX, 0, 0);

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, kipc_stat_fd(fd, &st));
	ASSERT_EQ(0, sysctl_set("max_objects", 8));
	EXPECT_EQ(0, child_run_as(BOB, over_the_limit, &limit));
	ASSERT_EQ(0, sysctl_set("max_objects", max_objects));
	ASSERT_EQ(0, sysctl_set("max_bytes", 8 * st.entry.bytes + 1));
	EXPECT_EQ(0, child_run_as(BOB, over_the_limit, &limit));
	ASSERT_EQ(0, sysctl_set("max_bytes", max_bytes));
	EXPECT_EQ(0, objects_of(BOB));
	EXPECT_EQ(0, bytes_of(BOB));
}

/* KASAN keeps what was freed for a while, up to a 32nd of the memory. */
static bool kernel_has_quarantine(void)
{
	FILE *file = fopen("/proc/kallsyms", "r");
	char line[512];
	bool found = false;

	while (file && !found && fgets(line, sizeof(line), file))
		found = strstr(line, " kasan_quarantine_put");
	if (file)
		fclose(file);
	return found;
}

/* What there is to be had, in kB. */
static long memory_free(void)
{
	char text[4096], *at;

	if (read_file("/proc/meminfo", text, sizeof(text)) < 0)
		return -1;
	at = strstr(text, "MemAvailable:");
	return at ? atol(at + strlen("MemAvailable:")) : -1;
}

static void some_thousands(unsigned int rounds)
{
	int fd;

	while (rounds--) {
		fd = sem_make(KIPC_SEM_COUNT_MAX, 1, 0);
		CHECK_EQ(1, fd >= 0);
		CHECK_EQ(0, sem_op(fd, 0, -1, KIPC_SEM_UNDO));
		CHECK_EQ(0, sem_op(fd, 9, 5, KIPC_SEM_UNDO));
		if (rounds & 1)
			CHECK_EQ(0, kipc_destroy(fd));
		close(fd);
	}
}

/* Each takes 25 KiB and more: of what a leak would cost, a tenth is noise. */
TEST(memory_comes_back)
{
	unsigned int rounds = scaled(20000);
	long before;

	if (kernel_has_quarantine())
		SKIP(return, "KASAN hides it; kmemleak is for such kernels");
	some_thousands(200);
	before = memory_free();
	ASSERT_LT(0, before);
	some_thousands(rounds);
	EXPECT_TRUE(wait_for(memory_free() > before - (long)rounds * 2))
		TH_LOG("%ld kB available before, %ld after", before,
		       memory_free());
}

/* The value of @key in the fdinfo of @fd, or "" if it is not there once. */
static const char *shown_by(int fd, const char *key)
{
	static char value[256];
	char path[64], text[4096], *line, *next;
	int found = 0;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	*value = '\0';
	if (read_file(path, text, sizeof(text)) < 0)
		return value;
	for (line = text; *line; line = next) {
		next = line + strcspn(line, "\n");
		if (*next)
			*next++ = '\0';
		if (strncmp(line, key, strlen(key)))
			continue;
		line += strlen(key);
		snprintf(value, sizeof(value), "%s", line + strspn(line, "\t"));
		found++;
	}
	if (found != 1)
		*value = '\0';
	return value;
}

TEST(fdinfo)
{
	int fd = open_flags(KIPC_EXCL), watch;
	char path[64], text[64] = "";
	struct sem_call call;

	ASSERT_LE(0, fd);
	watch = sem_open_name(NAME, KIPC_RIGHT_READ, 0);
	ASSERT_LE(0, watch);
	ASSERT_EQ(0, sem_watch(watch, 1));
	ASSERT_EQ(0, sem_try(fd, 1, 39));
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	ASSERT_LT(0, readlink(path, text, sizeof(text) - 1));
	EXPECT_STREQ("anon_inode:[kipc:semaphore]", text);
	EXPECT_STREQ("semaphore", shown_by(fd, "kipc-kind:"));
	EXPECT_STREQ(NAME, shown_by(fd, "kipc-name:"));
	EXPECT_STREQ("rw", shown_by(fd, "kipc-rights:"));
	EXPECT_STREQ("r", shown_by(watch, "kipc-rights:"));
	EXPECT_STREQ("live", shown_by(fd, "kipc-state:"));
	EXPECT_STREQ("2", shown_by(fd, "kipc-count:"));
	EXPECT_STREQ("2147483647", shown_by(fd, "kipc-max:"));
	EXPECT_STREQ("3", shown_by(fd, "kipc-value:"));
	EXPECT_STREQ("42", shown_by(watch, "kipc-value:"));
	EXPECT_STREQ("0", shown_by(fd, "kipc-waiting:"));
	call = (struct sem_call){ .fd = fd, .delta = -4 };
	ASSERT_EQ(0, sem_call_asleep(&call));
	EXPECT_STREQ("1", shown_by(fd, "kipc-waiting:"));
	ASSERT_EQ(0, kipc_destroy(fd));
	EXPECT_EQ(-EIDRM, sem_call_wait(&call));
	EXPECT_STREQ("destroyed", shown_by(fd, "kipc-state:"));
	EXPECT_STREQ("", shown_by(fd, "kipc-name:"));
}

TEST_HARNESS_MAIN
