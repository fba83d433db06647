// SPDX-License-Identifier: GPL-2.0
/* Making and opening segments: sizes, names, rights, modes, users, errors. */
#include "kselftest_harness.h"

#include "segment_util.h"

#include <sys/resource.h>
#include <sys/stat.h>

#define NAME	"segment_create_test"

FIXTURE(segment)
{
	uint64_t bytes;		/* that root is charged for */
	long long ceiling;
};

FIXTURE_SETUP(segment)
{
	kipc_unlink(NAME);
	self->bytes = bytes_of(0);
	self->ceiling = sysctl_get("max_bytes");
}

/* Whatever a test did, nothing is left of it. */
FIXTURE_TEARDOWN(segment)
{
	kipc_unlink(NAME);
	EXPECT_EQ(0, sysctl_set("max_bytes", self->ceiling));
	EXPECT_EQ(-ENOENT, segment_open(NAME, KIPC_RIGHT_READ));
}

TEST_F(segment, is_zero_and_has_its_size_to_the_byte)
{
	struct kipc_segment_stat st;
	int fd = segment_make(3 * PAGE + 5, 0);
	char *mem;

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, segment_stat(fd, &st));
	EXPECT_EQ(3 * PAGE + 5, st.bytes);
	EXPECT_EQ(0, st.resident);
	EXPECT_EQ(0, st.swapped);
	EXPECT_EQ(0, st.segment_flags);
	EXPECT_EQ(KIPC_SEAL_SEAL, st.seals);
	mem = map_shared(fd, 5 * PAGE, PROT_RW);
	ASSERT_NE(NULL, mem);
	EXPECT_TRUE(all_bytes(mem, 4 * PAGE, 0));
	EXPECT_EQ(SIGBUS, touch_read(mem + 4 * PAGE));
	EXPECT_EQ(4 * PAGE, segment_resident(fd));
	munmap(mem, 5 * PAGE);
	close(fd);
}

TEST_F(segment, of_no_bytes_is_good_and_can_grow)
{
	int fd = segment_make(0, 0);
	char *mem;

	ASSERT_LE(0, fd);
	mem = map_shared(fd, PAGE, PROT_RW);
	ASSERT_NE(NULL, mem);
	EXPECT_EQ(SIGBUS, touch_read(mem));
	EXPECT_EQ(0, segment_resize(fd, 1, 0));
	EXPECT_EQ(0, touch_write(mem, 'x'));
	munmap(mem, PAGE);
	close(fd);
}

TEST_F(segment, is_charged_in_whole_pages_until_it_is_gone)
{
	int fd = segment_make(5 * PAGE + 1, 0);

	ASSERT_LE(0, fd);
	EXPECT_EQ(6 * PAGE, segment_charge(fd));
	EXPECT_EQ(self->bytes + 6 * PAGE, bytes_of(0));
	close(fd);
	EXPECT_EQ(self->bytes, bytes_of(0));
}

TEST_F(segment, create_says_what_it_did)
{
	struct kipc_segment_create arg = {
		.flags = KIPC_SEGMENT_SEALABLE,
		.name = to_u64(NAME),
		.name_len = strlen(NAME),
		.mode = 0600,
		.rights = RIGHT_BOTH,
		.seals = KIPC_SEAL_SHRINK,
		.bytes = 100,
	};
	uint64_t id;
	int fd = segment_create(&arg), again;

	ASSERT_LE(0, fd);
	EXPECT_EQ(KIPC_RESULT_CREATED, arg.result);
	EXPECT_EQ(KIPC_SEAL_SHRINK, arg.seals);
	EXPECT_EQ(100, arg.bytes);
	id = arg.id;
	/* The second one gets what is there, whatever it asked for. */
	arg.flags = 0;
	arg.seals = KIPC_SEAL_GROW;
	arg.bytes = 7777;
	again = segment_create(&arg);
	ASSERT_LE(0, again);
	EXPECT_EQ(KIPC_RESULT_OPENED, arg.result);
	EXPECT_EQ(id, arg.id);
	EXPECT_EQ(KIPC_SEAL_SHRINK, arg.seals);
	EXPECT_EQ(100, arg.bytes);
	arg.flags = KIPC_EXCL;
	EXPECT_EQ(-EEXIST, segment_create(&arg));
	close(fd);
	close(again);
}

TEST_F(segment, create_refuses_what_is_malformed)
{
	const struct kipc_segment_create good = {
		.mode = 0600, .rights = RIGHT_BOTH, .bytes = PAGE,
	};
	struct kipc_segment_create arg;
	uint64_t objects = objects_of(0);

#define REFUSED(errno_, member, value) do {				\
	arg = good;							\
	arg.member = value;						\
	EXPECT_EQ(-(errno_), segment_create(&arg)) {			\
		TH_LOG("%s = %s", #member, #value);			\
	}								\
} while (0)
	REFUSED(EINVAL, flags, 1U << 31);
	REFUSED(EINVAL, flags, 1U << 19);
	REFUSED(EINVAL, flags, KIPC_EXCL);
	REFUSED(EINVAL, flags, KIPC_PERSIST);
	REFUSED(EINVAL, mode, 0700);
	REFUSED(EINVAL, rights, KIPC_RIGHT_WRITE);
	REFUSED(EINVAL, rights, 4 | KIPC_RIGHT_READ);
	REFUSED(EINVAL, rights, 0);
	REFUSED(EINVAL, seals, 1U << 5);
	REFUSED(EINVAL, seals, 1U << 31);
	REFUSED(EINVAL, name_len, 3);
	REFUSED(EINVAL, bytes, 1ULL << 63);
	REFUSED(EINVAL, bytes, -1ULL);
	REFUSED(EDQUOT, bytes, INT64_MAX);
	REFUSED(EDQUOT, bytes, 1ULL << 50);
	REFUSED(EINVAL, name, to_u64(NAME));
#undef REFUSED
	arg = good;
	arg.name = 1;
	arg.name_len = 1;
	EXPECT_EQ(-EFAULT, segment_create(&arg));
	EXPECT_EQ(objects, objects_of(0));
	EXPECT_EQ(self->bytes, bytes_of(0));
}

TEST_F(segment, cannot_be_opened_for_writing_alone)
{
	int fd = segment_named(NAME, RIGHT_BOTH, 0, 0666, PAGE);

	ASSERT_LE(0, fd);
	EXPECT_EQ(-EINVAL, segment_open(NAME, KIPC_RIGHT_WRITE));
	EXPECT_EQ(-EINVAL, segment_named(NAME, KIPC_RIGHT_WRITE, 0, 0666, 1));
	EXPECT_EQ(-EINVAL, segment_open(NAME, 0));
	close(fd);
}

TEST_F(segment, is_told_from_other_kinds_by_its_name)
{
	struct kipc_pipe_create arg;
	int fd = segment_named(NAME, RIGHT_BOTH, 0, 0600, PAGE);

	ASSERT_LE(0, fd);
	EXPECT_EQ(-EPROTOTYPE, make_pipe(&arg, NAME, RIGHT_BOTH, 0, 0600));
	close(fd);
	ASSERT_EQ(0, make_pipe(&arg, NAME, RIGHT_BOTH, 0, 0600));
	EXPECT_EQ(-EPROTOTYPE, segment_open(NAME, KIPC_RIGHT_READ));
	EXPECT_EQ(-EPROTOTYPE, segment_named(NAME, RIGHT_BOTH, 0, 0600, 1));
	close(arg.read_fd);
	close(arg.write_fd);
}

TEST_F(segment, persistent_keeps_its_content_without_any_handle)
{
	char *mem;
	int fd;

	ASSERT_EQ(-1, segment_named(NAME, 0, KIPC_PERSIST | KIPC_EXCL, 0600,
				    2 * PAGE));
	fd = segment_open(NAME, RIGHT_BOTH);
	ASSERT_LE(0, fd);
	mem = map_shared(fd, 2 * PAGE, PROT_RW);
	ASSERT_NE(NULL, mem);
	memset(mem, 'p', 2 * PAGE);
	munmap(mem, 2 * PAGE);
	close(fd);
	fd = segment_open(NAME, KIPC_RIGHT_READ);
	ASSERT_LE(0, fd);
	mem = map_shared(fd, 2 * PAGE, PROT_READ);
	ASSERT_NE(NULL, mem);
	EXPECT_TRUE(all_bytes(mem, 2 * PAGE, 'p'));
	munmap(mem, 2 * PAGE);
	close(fd);
	EXPECT_EQ(self->bytes + 2 * PAGE, bytes_of(0));
	EXPECT_EQ(0, kipc_unlink(NAME));
	EXPECT_EQ(self->bytes, bytes_of(0));
}

TEST_F(segment, handle_is_closed_by_exec_unless_told_otherwise)
{
	int plain = segment_make(PAGE, 0);
	int inherited = segment_make(PAGE, KIPC_INHERIT | KIPC_NONBLOCK);

	EXPECT_EQ(FD_CLOEXEC, fcntl(plain, F_GETFD));
	EXPECT_EQ(0, fcntl(inherited, F_GETFD));
	EXPECT_EQ(O_NONBLOCK, fcntl(inherited, F_GETFL) & O_NONBLOCK);
	close(plain);
	close(inherited);
}

TEST_F(segment, handle_is_no_file_to_read_or_write)
{
	int fd = segment_make(PAGE, 0);
	char byte = 0;

	ASSERT_LE(0, fd);
	EXPECT_EQ(-1, read(fd, &byte, 1));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(-1, write(fd, &byte, 1));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(-1, lseek(fd, 0, SEEK_END));
	EXPECT_EQ(ESPIPE, errno);
	/* No way round the seals, and the charge. */
	EXPECT_EQ(-1, ftruncate(fd, 2 * PAGE));
	EXPECT_EQ(-1, fallocate(fd, 0, 0, 2 * PAGE));
	EXPECT_EQ(-1, fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(-1, fcntl(fd, F_GET_SEALS));
	EXPECT_EQ(-1, fsync(fd));
	/* These are no use, and no harm. */
	posix_fadvise(fd, 0, PAGE, POSIX_FADV_WILLNEED);
	posix_fadvise(fd, 0, PAGE, POSIX_FADV_DONTNEED);
	readahead(fd, 0, PAGE);
	sync_file_range(fd, 0, PAGE, SYNC_FILE_RANGE_WRITE);
	syncfs(fd);
	EXPECT_EQ(PAGE, segment_bytes(fd));
	EXPECT_EQ(0, segment_resident(fd));
	close(fd);
}

TEST_F(segment, ioctls_refuse_what_is_malformed)
{
	struct kipc_segment_resize resize = { .size = sizeof(resize) };
	struct kipc_segment_seal seal = { .size = sizeof(seal) };
	struct kipc_segment_stat st = { .size = sizeof(st) };
	int fd = segment_make(PAGE, KIPC_SEGMENT_SEALABLE);

	ASSERT_LE(0, fd);
	resize.flags = KIPC_SEGMENT_HUGE;
	EXPECT_EQ(-EINVAL, kipc_ioctl(fd, KIPC_SEGMENT_RESIZE, &resize));
	EXPECT_EQ(-EINVAL, segment_resize(fd, 1ULL << 63, 0));
	EXPECT_EQ(-EDQUOT, segment_resize(fd, INT64_MAX, 0));
	seal.flags = 1;
	EXPECT_EQ(-EINVAL, kipc_ioctl(fd, KIPC_SEGMENT_SEAL, &seal));
	seal.flags = 0;
	seal.pad = 1;
	EXPECT_EQ(-EINVAL, kipc_ioctl(fd, KIPC_SEGMENT_SEAL, &seal));
	EXPECT_EQ(-EINVAL, segment_seal(fd, KIPC_SEALS + 1));
	EXPECT_EQ(-EINVAL, segment_seal(fd, 1U << 31));
	st.flags = 1;
	EXPECT_EQ(-EINVAL, kipc_ioctl(fd, KIPC_SEGMENT_STAT, &st));
	EXPECT_EQ(-EFAULT, kipc_ioctl(fd, KIPC_SEGMENT_STAT, NULL));
	EXPECT_EQ(-ENOTTY, kipc_ioctl(fd, KIPC_PIPE_STAT, &st));
	EXPECT_EQ(-ENOTTY, kipc_ioctl(fd, KIPC_SEGMENT_CREATE, &st));
	EXPECT_EQ(0, segment_seal(fd, 0));
	EXPECT_EQ(PAGE, segment_bytes(fd));
	close(fd);
}

TEST_F(segment, only_those_who_may_write_change_it)
{
	struct kipc_segment_stat st;
	int fd = segment_named(NAME, RIGHT_BOTH, KIPC_SEGMENT_SEALABLE, 0600,
			       PAGE);
	int reader = segment_open(NAME, KIPC_RIGHT_READ);

	ASSERT_LE(0, fd);
	ASSERT_LE(0, reader);
	EXPECT_EQ(-EBADF, segment_resize(reader, 2 * PAGE, 0));
	EXPECT_EQ(-EBADF, segment_seal(reader, KIPC_SEAL_GROW));
	EXPECT_EQ(-EBADF, segment_seal(reader, 0));
	EXPECT_EQ(0, segment_stat(reader, &st));
	EXPECT_EQ(0, st.seals);
	EXPECT_EQ(PAGE, st.bytes);
	close(reader);
	close(fd);
}

TEST_F(segment, destroyed_is_refused_to_all)
{
	struct kipc_segment_stat st;
	int fd = segment_named(NAME, RIGHT_BOTH, KIPC_SEGMENT_SEALABLE, 0600,
			       PAGE);
	char *mem = map_shared(fd, 2 * PAGE, PROT_RW);

	ASSERT_NE(NULL, mem);
	ASSERT_EQ(0, kipc_destroy(fd));
	EXPECT_EQ(-EIDRM, segment_resize(fd, 2 * PAGE, 0));
	EXPECT_EQ(-EIDRM, segment_seal(fd, KIPC_SEAL_GROW));
	EXPECT_EQ(-EIDRM, segment_stat(fd, &st));
	EXPECT_EQ(-EIDRM, try_map(fd, PAGE, PROT_READ, MAP_SHARED));
	EXPECT_EQ(-EIDRM, try_map(fd, PAGE, PROT_RW, MAP_PRIVATE));
	EXPECT_EQ(-ENOENT, segment_open(NAME, RIGHT_BOTH));
	/* What is mapped works on. */
	EXPECT_EQ(0, touch_write(mem, 'd'));
	EXPECT_EQ('d', *mem);
	EXPECT_EQ(SIGBUS, touch_read(mem + PAGE));
	EXPECT_EQ(0, mprotect(mem, PAGE, PROT_READ));
	munmap(mem, 2 * PAGE);
	close(fd);
	EXPECT_EQ(self->bytes, bytes_of(0));
}

TEST_F(segment, file_size_limit_holds_at_create_and_resize)
{
	struct rlimit old, limit = { 4 * PAGE, RLIM_INFINITY };
	int fd = segment_make(PAGE, 0);

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, getrlimit(RLIMIT_FSIZE, &old));
	signal(SIGXFSZ, SIG_IGN);
	ASSERT_EQ(0, setrlimit(RLIMIT_FSIZE, &limit));
	EXPECT_EQ(-EFBIG, segment_make(4 * PAGE + 1, 0));
	EXPECT_EQ(-EFBIG, segment_resize(fd, 4 * PAGE + 1, 0));
	EXPECT_EQ(-EFBIG, segment_resize(fd, 4 * PAGE + 1,
					 KIPC_SEGMENT_RESERVE));
	EXPECT_EQ(0, segment_resize(fd, 4 * PAGE, 0));
	ASSERT_EQ(0, setrlimit(RLIMIT_FSIZE, &old));
	EXPECT_EQ(4 * PAGE, segment_charge(fd));
	close(fd);
	EXPECT_EQ(self->bytes, bytes_of(0));
}

static void raise_file_size_signal(void *arg)
{
	struct rlimit limit = { PAGE, PAGE };

	CHECK_EQ(0, setrlimit(RLIMIT_FSIZE, &limit));
	segment_resize(*(int *)arg, 2 * PAGE, 0);
}

TEST_F(segment, file_size_limit_raises_its_signal)
{
	int fd = segment_make(PAGE, 0);

	ASSERT_LE(0, fd);
	EXPECT_EQ(128 + SIGXFSZ, child_run(raise_file_size_signal, &fd));
	EXPECT_EQ(PAGE, segment_bytes(fd));
	close(fd);
}

/* What another user gets, by mode. */
struct visit {
	uint32_t rights;
	int result;
};

static void visit(void *arg)
{
	struct visit *visit = arg;
	int fd = segment_open(NAME, visit->rights);

	CHECK_EQ(visit->result, fd < 0 ? fd : 0);
	if (fd >= 0)
		CHECK_EQ(0, try_map(fd, PAGE, visit->rights == RIGHT_BOTH ?
				    PROT_RW : PROT_READ, MAP_SHARED));
}

TEST_F(segment, mode_and_umask_say_who_may_open_it)
{
	struct visit read = { KIPC_RIGHT_READ, 0 };
	struct visit write = { RIGHT_BOTH, -EACCES };
	mode_t mask = umask(0022);
	int fd = segment_named(NAME, RIGHT_BOTH, 0, 0666, PAGE);
	struct kipc_stat st;

	umask(mask);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, kipc_stat_fd(fd, &st));
	EXPECT_EQ(0644, st.entry.mode);
	EXPECT_EQ(0, child_run_as(ALICE, visit, &read));
	EXPECT_EQ(0, child_run_as(ALICE, visit, &write));
	close(fd);

	umask(0);
	fd = segment_named(NAME, RIGHT_BOTH, 0, 0600, PAGE);
	umask(mask);
	read.result = -EACCES;
	EXPECT_EQ(0, child_run_as(ALICE, visit, &read));
	EXPECT_EQ(0, child_run_as(ALICE, visit, &write));
	close(fd);

	/* Whoever may write it may not always read it, and then gets nothing. */
	umask(0);
	fd = segment_named(NAME, RIGHT_BOTH, 0, 0662, PAGE);
	umask(mask);
	EXPECT_EQ(0, child_run_as(ALICE, visit, &read));
	EXPECT_EQ(0, child_run_as(ALICE, visit, &write));
	close(fd);
}

static void use_it_all(void *arg)
{
	struct kipc_segment_create spec = {
		.flags = KIPC_SEGMENT_SEALABLE | KIPC_SEGMENT_RESERVE,
		.name = to_u64(NAME),
		.name_len = strlen(NAME),
		.mode = 0600,
		.rights = RIGHT_BOTH,
		.bytes = 3 * PAGE,
	};
	int fd = segment_create(&spec);
	char *mem;

	(void)arg;
	CHECK_EQ(1, fd >= 0);
	mem = map_shared(fd, 8 * PAGE, PROT_RW);
	CHECK_EQ(1, !!mem);
	CHECK_EQ(0, touch_write(mem, 1));
	CHECK_EQ(0, segment_resize(fd, 8 * PAGE, KIPC_SEGMENT_RESERVE));
	CHECK_EQ(0, touch_write(mem + 7 * PAGE, 1));
	CHECK_EQ(0, segment_resize(fd, PAGE, 0));
	munmap(mem, 8 * PAGE);
	CHECK_EQ(KIPC_SEALS, segment_seal(fd, KIPC_SEALS));
	CHECK_EQ(0, kipc_destroy(fd));
}

TEST_F(segment, needs_no_privilege)
{
	EXPECT_EQ(0, child_run_as(ALICE, use_it_all, NULL));
	EXPECT_EQ(0, bytes_of(ALICE));
	EXPECT_EQ(0, objects_of(ALICE));
}

static void look_for_it(void *arg)
{
	CHECK_EQ(*(int *)arg, segment_open(NAME, KIPC_RIGHT_READ) < 0);
	use_it_all(NULL);
}

TEST_F(segment, name_belongs_to_the_pid_namespace)
{
	int fd = segment_named(NAME, RIGHT_BOTH, 0, 0666, PAGE), hidden = 1;

	ASSERT_LE(0, fd);
	EXPECT_EQ(0, child_run_in_namespace(look_for_it, &hidden));
	EXPECT_EQ(PAGE, segment_bytes(fd));
	close(fd);
}

TEST_F(segment, ceiling_of_the_user_is_an_error_at_the_call)
{
	int fd = segment_make(PAGE, 0);

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, sysctl_set("max_bytes", bytes_of(0) + 4 * PAGE));
	EXPECT_EQ(-EDQUOT, segment_make(4 * PAGE + 1, 0));
	EXPECT_EQ(-EDQUOT, segment_resize(fd, 5 * PAGE + 1, 0));
	EXPECT_EQ(PAGE, segment_bytes(fd));
	EXPECT_EQ(PAGE, segment_charge(fd));
	EXPECT_EQ(0, segment_resize(fd, 5 * PAGE, 0));
	EXPECT_EQ(5 * PAGE, segment_charge(fd));
	EXPECT_EQ(-EDQUOT, segment_make(1, 0));
	EXPECT_EQ(0, segment_resize(fd, 0, 0));
	EXPECT_EQ(0, segment_charge(fd));
	close(fd);
	EXPECT_EQ(self->bytes, bytes_of(0));
}

TEST_F(segment, fdinfo_describes_it)
{
	int fd = segment_named(NAME, RIGHT_BOTH, KIPC_SEGMENT_SEALABLE |
			       KIPC_SEGMENT_RESERVE, 0600, 2 * PAGE + 1);
	char path[64], text[1024], link[64] = "";

	ASSERT_LE(0, fd);
	ASSERT_EQ(KIPC_SEAL_GROW, segment_seal(fd, KIPC_SEAL_GROW));
	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	ASSERT_LT(0, read_file(path, text, sizeof(text)));
	EXPECT_NE(NULL, strstr(text, "kipc-kind:\tsegment\n"));
	EXPECT_NE(NULL, strstr(text, "kipc-name:\t" NAME "\n"));
	EXPECT_NE(NULL, strstr(text, "kipc-rights:\trw\n"));
	EXPECT_NE(NULL, strstr(text, "kipc-bytes:\t8193\n"));
	EXPECT_NE(NULL, strstr(text, "kipc-resident:\t12288\n"));
	EXPECT_NE(NULL, strstr(text, "kipc-seals:\t0x4\n"));
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	ASSERT_LT(0, readlink(path, link, sizeof(link) - 1));
	EXPECT_STREQ("anon_inode:[kipc:segment]", link);
	close(fd);
}

TEST_HARNESS_MAIN
