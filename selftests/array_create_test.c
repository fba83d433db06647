// SPDX-License-Identifier: GPL-2.0
/*
 * Making and opening arrays: geometry, names, rights, modes, other users, PID
 * namespaces, ceilings, and that all memory comes back.
 */
#include "kselftest_harness.h"

#include <sys/stat.h>

#include "core_util.h"
#include "array_util.h"

#define MIB	(1024 * 1024ULL)

/* Operation by operation: what a handle with only some rights may do. */
static void check_rights(struct __test_metadata *_metadata, int fd,
			 uint32_t rights)
{
	int rd = rights & KIPC_RIGHT_READ ? 0 : -EBADF;
	int wr = rights & KIPC_RIGHT_WRITE ? 0 : -EBADF;
	int rw = rights == BOTH ? 0 : -EBADF;
	struct kipc_array_slot slot = { .version = 1000 };
	struct kipc_array_entry e[2] = {
		{ .op = KIPC_ARRAY_LOAD }, { .op = KIPC_ARRAY_STORE },
	};
	struct kipc_array_stat st;
	uint64_t buf[10];

	EXPECT_EQ(rd, array_do(fd, KIPC_ARRAY_LOAD, 0, 0));
	EXPECT_EQ(wr, array_do(fd, KIPC_ARRAY_STORE, 0, 0));
	EXPECT_EQ(rw, array_do(fd, KIPC_ARRAY_SWAP, 0, 0));
	EXPECT_EQ(rw, array_do(fd, KIPC_ARRAY_CAS, 0, 0));
	EXPECT_EQ(rw, array_do(fd, KIPC_ARRAY_ADD, 0, 0));
	EXPECT_EQ(rd, array_ops(fd, e, 1, NULL));
	EXPECT_EQ(wr, array_ops(fd, e + 1, 1, NULL));
	EXPECT_EQ(rw, array_ops(fd, e, 2, NULL));
	EXPECT_EQ(rd, array_read(fd, 0, 10, buf, NULL, NULL));
	EXPECT_EQ(rd, array_look(fd));
	EXPECT_EQ(rd, array_wait(fd, &slot, 1, 0, 0));
	/* To describe it takes no right. */
	EXPECT_EQ(0, array_stat(fd, &st));
	EXPECT_EQ(10, st.count);
	EXPECT_EQ(8, st.element);
}

TEST(a_handle_does_what_its_rights_say)
{
	struct kipc_array_create arg;
	uint32_t rights;
	int fd;

	ASSERT_EQ(0, array_create(&arg, "rights", BOTH, KIPC_EXCL, 10, 8));
	for (rights = 1; rights <= BOTH; rights++) {
		fd = array_open("rights", rights, 0);
		ASSERT_LE(0, fd);
		check_rights(_metadata, fd, rights);
		close(fd);
		/* The same by way of the create call. */
		fd = arg.fd;
		ASSERT_EQ(0, array_create(&arg, "rights", rights, 0, 10, 8));
		EXPECT_EQ(KIPC_RESULT_OPENED, arg.result);
		check_rights(_metadata, arg.fd, rights);
		close(arg.fd);
		arg.fd = fd;
	}
	close(arg.fd);
}

TEST(geometry_has_bounds)
{
	static const struct {
		uint32_t count, element;
		int want;
	} tries[] = {
		{ 0, 8, -EINVAL }, { 1, 0, -EINVAL }, { 0, 0, -EINVAL },
		{ 1, 4097, -EINVAL }, { 1, ~0U, -EINVAL },
		{ (1 << 20) + 1, 1, -ENOSPC }, { ~0U, 8, -ENOSPC },
		{ 1, 1, 0 }, { 1, 4096, 0 }, { 1 << 20, 1, 0 },
		{ 10, 8, 0 }, { 1, 5, 0 }, { 257, 3, 0 },
	};
	struct kipc_array_create arg;
	struct kipc_array_stat st;
	struct kipc_stat stat;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(tries); i++) {
		EXPECT_EQ(tries[i].want,
			  array_create(&arg, NULL, BOTH, 0, tries[i].count,
				       tries[i].element)) {
			TH_LOG("%u times %u bytes", tries[i].count,
			       tries[i].element);
		}
		if (tries[i].want)
			continue;
		EXPECT_EQ(KIPC_RESULT_CREATED, arg.result);
		ASSERT_EQ(0, array_stat(arg.fd, &st));
		EXPECT_EQ(tries[i].count, st.count);
		EXPECT_EQ(tries[i].element, st.element);
		EXPECT_EQ(0, st.changes);
		EXPECT_EQ(0, st.waiting);
		EXPECT_EQ(0, st.sleeps);
		ASSERT_EQ(0, kipc_stat_fd(arg.fd, &stat));
		EXPECT_EQ(KIPC_KIND_ARRAY, stat.entry.kind);
		EXPECT_EQ(tries[i].count * (tries[i].element + 8ULL),
			  stat.entry.bytes);
		close(arg.fd);
	}
	arg = (struct kipc_array_create){
		.size = sizeof(arg), .rights = BOTH, .count = 1, .element = 1,
		.pad = 1,
	};
	EXPECT_EQ(-EINVAL, kipc_device_ioctl(KIPC_ARRAY_CREATE, &arg));
	EXPECT_EQ(-EINVAL, array_create(&arg, NULL, BOTH, 1 << 16, 1, 1));
	EXPECT_EQ(-EINVAL, array_create(&arg, NULL, 0, 0, 1, 1));
	EXPECT_EQ(-EINVAL, array_create(&arg, NULL, BOTH, KIPC_PERSIST, 1, 1));
}

TEST(what_is_opened_keeps_its_own_geometry)
{
	struct kipc_array_create first, second;

	ASSERT_EQ(0, array_create(&first, "geometry", BOTH, 0, 10, 8));
	ASSERT_EQ(0, array_create(&second, "geometry", BOTH, 0, 500, 3));
	EXPECT_EQ(KIPC_RESULT_OPENED, second.result);
	EXPECT_EQ(10, second.count);
	EXPECT_EQ(8, second.element);
	EXPECT_EQ(first.id, second.id);
	ASSERT_EQ(0, array_store(first.fd, 9, 1234));
	EXPECT_EQ(1234, array_load(second.fd, 9));
	close(second.fd);
	EXPECT_EQ(-EEXIST, array_create(&second, "geometry", BOTH, KIPC_EXCL,
					10, 8));
	/* Bad geometry is bad, though it would not count. */
	EXPECT_EQ(-EINVAL, array_create(&second, "geometry", BOTH, 0, 0, 8));
	close(first.fd);
	EXPECT_EQ(-ENOENT, array_open("geometry", BOTH, 0));
}

TEST(a_persistent_array_keeps_its_content)
{
	struct kipc_array_create arg;
	struct kipc_array_slot slot = { .index = 4 };
	int fd;

	ASSERT_EQ(0, array_create(&arg, "keeps", 0, KIPC_EXCL | KIPC_PERSIST,
				  10, 2));
	EXPECT_EQ(-1, arg.fd);
	fd = array_open("keeps", KIPC_RIGHT_WRITE, 0);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, array_store(fd, 4, 4711));
	close(fd);
	fd = array_open("keeps", BOTH, KIPC_NONBLOCK);
	ASSERT_LE(0, fd);
	EXPECT_EQ(4711, array_load(fd, 4));
	EXPECT_EQ(0, array_wait(fd, &slot, 1, 0, 0));
	EXPECT_EQ(1, slot.version);
	EXPECT_EQ(-EAGAIN, array_wait(fd, &slot, 1, 0, 0));
	EXPECT_EQ(0, kipc_unlink("keeps"));
	EXPECT_EQ(4711, array_load(fd, 4));
	close(fd);
	EXPECT_EQ(-ENOENT, array_open("keeps", BOTH, 0));
}

/* Each check ends the child if it fails. */
static void alice_opens(void *arg)
{
	int fd;

	(void)arg;
	/* Mode 0604: others may read. */
	CHECK_EQ(-EACCES, array_open("mode", KIPC_RIGHT_WRITE, 0));
	CHECK_EQ(-EACCES, array_open("mode", BOTH, 0));
	fd = array_open("mode", KIPC_RIGHT_READ, 0);
	CHECK_EQ(1, fd >= 0);
	CHECK_EQ(99, array_load(fd, 1));
	CHECK_EQ(-EBADF, array_store(fd, 1, 1));
	CHECK_EQ(-EPERM, kipc_destroy(fd));
	/* And one of her own. */
	fd = array_make(10, 4);
	CHECK_EQ(1, fd >= 0);
	CHECK_EQ(0, array_add(fd, 9, 3));
	CHECK_EQ(3, array_load(fd, 9));
	CHECK_EQ(0, kipc_destroy(fd));
	CHECK_EQ(-EIDRM, array_add(fd, 9, 3));
}

TEST(another_user_gets_what_the_mode_gives)
{
	mode_t mask = umask(0);
	struct kipc_array_create arg = {
		.size = sizeof(arg),
		.flags = KIPC_EXCL,
		.name = to_u64("mode"),
		.name_len = 4,
		.mode = 0604,
		.rights = BOTH,
		.count = 2,
		.element = 1,
	};

	ASSERT_EQ(0, kipc_device_ioctl(KIPC_ARRAY_CREATE, &arg));
	umask(mask);
	ASSERT_EQ(0, array_store(arg.fd, 1, 99));
	EXPECT_EQ(0, child_run_as(ALICE, alice_opens, NULL));
	close(arg.fd);
}

static void inside_namespace(void *arg)
{
	struct kipc_array_create create;
	struct kipc_stat st;
	int fd = *(int *)arg;

	/* The name is another domain's, the handle works. */
	CHECK_EQ(-ENOENT, array_open("domain", BOTH, 0));
	CHECK_EQ(0, array_add(fd, 0, 5));
	CHECK_EQ(0, kipc_stat_fd(fd, &st));
	CHECK_EQ(0, st.entry.pid);
	CHECK_EQ(0, array_create(&create, "domain", BOTH, KIPC_EXCL, 3, 8));
	CHECK_EQ(0, array_store(create.fd, 0, 1));
}

TEST(names_end_at_the_pid_namespace_and_handles_do_not)
{
	struct kipc_array_create arg;

	ASSERT_EQ(0, array_create(&arg, "domain", BOTH, KIPC_EXCL, 10, 8));
	EXPECT_EQ(0, child_run_in_namespace(inside_namespace, &arg.fd));
	EXPECT_EQ(5, array_load(arg.fd, 0));
	EXPECT_EQ(1, array_changes(arg.fd));
	close(arg.fd);
}

TEST(fdinfo_describes_the_array)
{
	char path[64], text[1024];
	struct kipc_array_create arg;

	ASSERT_EQ(0, array_create(&arg, "info", KIPC_RIGHT_READ |
				  KIPC_RIGHT_WRITE, 0, 12, 16));
	ASSERT_EQ(0, array_store(arg.fd, 1, to_u64(text)));
	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", arg.fd);
	ASSERT_LT(0, read_file(path, text, sizeof(text)));
	EXPECT_NE(NULL, strstr(text, "kipc-kind:\tarray\n"));
	EXPECT_NE(NULL, strstr(text, "kipc-name:\tinfo\n"));
	EXPECT_NE(NULL, strstr(text, "kipc-rights:\trw\n"));
	EXPECT_NE(NULL, strstr(text, "kipc-count:\t12\n"));
	EXPECT_NE(NULL, strstr(text, "kipc-element:\t16\n"));
	EXPECT_NE(NULL, strstr(text, "kipc-changes:\t1\n"));
	close(arg.fd);
}

TEST(an_array_is_not_a_file_to_read_or_map)
{
	char byte = 0;
	int fd = array_make(4096, 1);

	ASSERT_LE(0, fd);
	EXPECT_EQ(-EINVAL, KIPC_RET(read(fd, &byte, 1)));
	EXPECT_EQ(-EINVAL, KIPC_RET(write(fd, &byte, 1)));
	EXPECT_EQ(-ESPIPE, KIPC_RET(lseek(fd, 0, SEEK_SET)));
	EXPECT_EQ(MAP_FAILED, mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0));
	EXPECT_EQ(ENODEV, errno);
	/* Other kinds' calls. */
	EXPECT_EQ(-ENOTTY, kipc_ioctl(fd, KIPC_PIPE_STAT, &byte));
	EXPECT_EQ(-ENOTTY, kipc_ioctl(fd, KIPC_ARRAY_CREATE, &byte));
	EXPECT_EQ(-ENOTTY, kipc_device_ioctl(KIPC_ARRAY_OP, &byte));
	close(fd);
}

TEST(every_call_on_a_destroyed_array_gives_EIDRM)
{
	struct kipc_array_slot slot = { .version = 1 };
	int fd = array_make(10, 8), other = dup(fd);
	struct kipc_array_entry e = { .op = KIPC_ARRAY_LOAD };
	struct kipc_array_stat st;
	uint64_t value;

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, kipc_destroy(fd));
	EXPECT_EQ(-EIDRM, array_op(other, &e));
	EXPECT_EQ(-EIDRM, array_ops(other, &e, 1, NULL));
	EXPECT_EQ(-EIDRM, array_read(other, 0, 1, &value, NULL, NULL));
	EXPECT_EQ(-EIDRM, array_wait(other, &slot, 1, 0, 0));
	EXPECT_EQ(-EIDRM, array_stat(other, &st));
	close(fd);
	close(other);
}

/* The largest number of elements: all are there, and the last is the last. */
TEST(an_array_of_a_million_elements)
{
	struct kipc_array_slot slot = { .index = (1 << 20) - 1 };
	int fd = array_make(1 << 20, 8);
	uint64_t pair[2];

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, array_add(fd, (1 << 20) - 1, 7));
	EXPECT_EQ(-ERANGE, array_add(fd, 1 << 20, 7));
	ASSERT_EQ(0, array_read(fd, (1 << 20) - 2, 2, pair, NULL, NULL));
	EXPECT_EQ(0, pair[0]);
	EXPECT_EQ(7, pair[1]);
	EXPECT_EQ(0, array_wait(fd, &slot, 1, 0, 0));
	EXPECT_EQ(1, slot.version);
	close(fd);
}

struct ceiling {
	uint64_t bytes;
};

static void fill_up(void *arg)
{
	struct ceiling *c = arg;
	uint64_t one = 1024 * (1016 + 8);
	struct kipc_info info;
	int fds[64], n = 0;

	while (n < 64 && (fds[n] = array_make(1024, 1016)) >= 0)
		n++;
	CHECK_EQ(c->bytes / one, n);
	CHECK_EQ(-EDQUOT, fds[n]);
	CHECK_EQ(0, kipc_info(&info));
	CHECK_EQ(n * one, info.bytes);
	CHECK_EQ(n, info.objects);
	/* A refusal costs nothing, and what is closed can be had again. */
	close(fds[--n]);
	fds[n] = array_make(1024, 1016);
	CHECK_EQ(1, fds[n] >= 0);
	while (n >= 0)
		close(fds[n--]);
	CHECK_EQ(0, kipc_info(&info));
	CHECK_EQ(0, info.bytes);
	CHECK_EQ(0, info.objects);
	/* One that can never be had. */
	CHECK_EQ(-EDQUOT, array_make(1 << 20, 4096));
	CHECK_EQ(0, kipc_info(&info));
	CHECK_EQ(0, info.bytes);
}

TEST(the_ceiling_of_bytes_counts_elements_and_versions)
{
	struct ceiling c = { 10 * MIB };
	long long saved = sysctl_get("max_bytes");

	ASSERT_LT(0, saved);
	ASSERT_EQ(0, sysctl_set("max_bytes", c.bytes));
	EXPECT_EQ(0, child_run_as(ALICE, fill_up, &c));
	EXPECT_EQ(0, sysctl_set("max_bytes", saved));
	EXPECT_EQ(0, bytes_of(ALICE));
	EXPECT_EQ(0, objects_of(ALICE));
}

/* KiB of @key in /proc/meminfo. */
static long memory_kb(const char *key)
{
	char text[8192], *at;

	if (read_file("/proc/meminfo", text, sizeof(text)) <= 0)
		return -1;
	at = strstr(text, key);
	return at ? atol(at + strlen(key)) : -1;
}

#define LARGE_KB	((1 << 20) * 24L / 1024)

/*
 * The kernel keeps some pages for itself per CPU and as page tables, so what is
 * free is compared with all that went through: a tenth of it lost is too much.
 */
TEST(the_memory_of_large_arrays_comes_back)
{
	long i, rounds = scaled(200), mapped = memory_kb("VmallocUsed:");
	long before = memory_kb("MemFree:");
	int fd;

	ASSERT_LT(0, mapped);
	ASSERT_LT(0, before);
	for (i = 0; i < rounds; i++) {
		fd = array_make(1 << 20, 16);
		ASSERT_LE(0, fd);
		/* Less what others have given back since, as stacks. */
		EXPECT_LE(mapped + LARGE_KB - 1024,
			  memory_kb("VmallocUsed:"));
		close(fd);
	}
	EXPECT_TRUE(wait_for(memory_kb("VmallocUsed:") < mapped + 1024));
	EXPECT_TRUE(wait_for(before - memory_kb("MemFree:") <
			     rounds * LARGE_KB / 10));
}

TEST_HARNESS_MAIN
