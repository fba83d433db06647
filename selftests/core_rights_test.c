// SPDX-License-Identifier: GPL-2.0
/*
 * Who may do what: the rights of handles, which nothing widens, and the owner
 * and mode of objects, for users with and without privileges.
 */
#include "kselftest_harness.h"

#include <sys/stat.h>

#include "core_util.h"

#define TEAM	5001	/* a group */

/* A pipe named "guarded" of ALICE's with group TEAM is made by each test. */
struct guarded {
	uint32_t mode;
	mode_t umask;
};

static void make_guarded(void *arg)
{
	struct guarded *guarded = arg;
	struct kipc_pipe_create made;

	become(ALICE, TEAM, 0);
	umask(guarded->umask);
	CHECK_EQ(0, make_pipe(&made, "guarded", 0, KIPC_PERSIST | KIPC_EXCL,
			      guarded->mode));
}

FIXTURE(rights) {
};

/* What a test that was killed has left is not this one's fault. */
FIXTURE_SETUP(rights)
{
	kipc_destroy_name("guarded");
	ASSERT_EQ(0, objects_of(ALICE));
}

FIXTURE_TEARDOWN(rights)
{
	kipc_destroy_name("guarded");
	EXPECT_EQ(0, objects_of(ALICE));
	EXPECT_EQ(0, objects_of(BOB));
}

static int guard(uint32_t mode)
{
	struct guarded guarded = { .mode = mode };

	return child_run(make_guarded, &guarded);
}

TEST_F(rights, each_end_does_its_own)
{
	struct kipc_pipe_create made;
	struct kipc_stat stat;
	char buf[4] = "abc";

	ASSERT_EQ(0, make_pipe(&made, NULL, RIGHT_BOTH, 0, 0600));
	EXPECT_EQ(-EBADF, KIPC_RET(write(made.read_fd, buf, 3)));
	EXPECT_EQ(-EBADF, KIPC_RET(read(made.write_fd, buf, 3)));
	EXPECT_EQ(-EBADF, kipc_try_write(made.read_fd, buf, 3));
	EXPECT_EQ(-EBADF, kipc_try_read(made.write_fd, buf, 3));
	EXPECT_EQ(O_RDONLY, fcntl(made.read_fd, F_GETFL) & O_ACCMODE);
	EXPECT_EQ(O_WRONLY, fcntl(made.write_fd, F_GETFL) & O_ACCMODE);
	EXPECT_EQ(0, kipc_stat_fd(made.read_fd, &stat));
	EXPECT_EQ(KIPC_RIGHT_READ, stat.rights);
	EXPECT_EQ(0, kipc_stat_fd(made.write_fd, &stat));
	EXPECT_EQ(KIPC_RIGHT_WRITE, stat.rights);
	EXPECT_EQ(-ESPIPE, KIPC_RET(lseek(made.read_fd, 0, SEEK_SET)));
	EXPECT_EQ(-ESPIPE, KIPC_RET(pread(made.read_fd, buf, 1, 0)));
	EXPECT_EQ(-ESPIPE, KIPC_RET(pwrite(made.write_fd, buf, 1, 0)));
	EXPECT_EQ(MAP_FAILED, mmap(NULL, 4096, PROT_READ, MAP_SHARED,
				   made.read_fd, 0));
	close(made.read_fd);
	close(made.write_fd);
}

TEST_F(rights, flags_of_new_handles)
{
	struct kipc_pipe_create made;
	char byte;
	int fd;

	ASSERT_EQ(0, make_pipe(&made, "flags", RIGHT_BOTH, 0, 0600));
	EXPECT_EQ(FD_CLOEXEC, fcntl(made.read_fd, F_GETFD));
	EXPECT_EQ(FD_CLOEXEC, fcntl(made.write_fd, F_GETFD));
	EXPECT_EQ(0, fcntl(made.read_fd, F_GETFL) & O_NONBLOCK);
	fd = kipc_open_name("flags", KIPC_RIGHT_WRITE, 0);
	EXPECT_EQ(FD_CLOEXEC, fcntl(fd, F_GETFD));
	EXPECT_EQ(0, fcntl(fd, F_GETFL) & O_NONBLOCK);
	close(fd);
	fd = kipc_open_name("flags", KIPC_RIGHT_WRITE,
			    KIPC_INHERIT | KIPC_NONBLOCK);
	EXPECT_EQ(0, fcntl(fd, F_GETFD));
	EXPECT_EQ(O_NONBLOCK, fcntl(fd, F_GETFL) & O_NONBLOCK);
	close(fd);
	close(made.read_fd);
	close(made.write_fd);
	ASSERT_EQ(0, make_pipe(&made, NULL, RIGHT_BOTH,
			       KIPC_INHERIT | KIPC_NONBLOCK, 0600));
	EXPECT_EQ(0, fcntl(made.read_fd, F_GETFD));
	EXPECT_EQ(0, fcntl(made.write_fd, F_GETFD));
	EXPECT_EQ(-EAGAIN, KIPC_RET(read(made.read_fd, &byte, 1)));
	close(made.read_fd);
	close(made.write_fd);
}

/* What is inherited over execve() is open there, the rest is not. */
TEST_F(rights, execve_closes_unless_told)
{
	char keep[64], drop[64], text[8] = "";
	int kept[2], dropped[2], out[2];
	pid_t pid;

	ASSERT_EQ(0, kipc_pipe(kept, 0, KIPC_INHERIT));
	ASSERT_EQ(0, kipc_pipe(dropped, 0, 0));
	ASSERT_EQ(0, pipe(out));
	snprintf(keep, sizeof(keep), "/proc/self/fd/%d", kept[0]);
	snprintf(drop, sizeof(drop), "/proc/self/fd/%d", dropped[0]);
	pid = fork();
	if (!pid) {
		dup2(out[1], STDOUT_FILENO);
		execlp("sh", "sh", "-c",
		       "[ -L $0 ] && echo 1; [ -L $1 ] && echo 2; :", keep,
		       drop, NULL);
		_exit(127);
	}
	EXPECT_EQ(0, child_end(pid));
	close(out[1]);
	EXPECT_EQ(2, read(out[0], text, sizeof(text) - 1));
	EXPECT_STREQ("1\n", text);
}

/* Opens a handle again with other rights, through its link in /proc. */
static int reopen(int fd, int flags)
{
	char path[64];
	int new;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	new = open(path, flags | O_CLOEXEC | O_NONBLOCK);
	if (new < 0)
		return -errno;
	close(new);
	return 0;
}

/* No file of an anonymous inode can be opened again: ENXIO, like a socket. */
TEST_F(rights, reopening_gives_no_rights)
{
	static const int flags[] = { O_RDONLY, O_WRONLY, O_RDWR };
	int fd[2];
	size_t i;

	ASSERT_EQ(0, kipc_pipe(fd, 0, 0));
	for (i = 0; i < ARRAY_SIZE(flags); i++) {
		EXPECT_EQ(-ENXIO, reopen(fd[0], flags[i]));
		EXPECT_EQ(-ENXIO, reopen(fd[1], flags[i]));
	}
	close(fd[0]);
	close(fd[1]);
}

/* BOB gets both ends of a pipe of root's that nobody else may open. */
static void use_passed(void *arg)
{
	int sock = *(int *)arg, reader, writer;
	struct kipc_target target = { .size = sizeof(target) };
	struct kipc_setattr setattr = {
		.size = sizeof(setattr),
		.flags = KIPC_SET_MODE,
		.mode = 0666,
	};
	struct kipc_stat stat;
	char buf[4] = "";

	reader = recv_fd(sock);
	writer = recv_fd(sock);
	CHILD_CHECK(reader >= 0 && writer >= 0);
	CHECK_EQ(-EACCES, kipc_open_name("passed", KIPC_RIGHT_WRITE, 0));
	CHECK_EQ(-EACCES, kipc_stat_name("passed", &stat));
	CHECK_EQ(-EBADF, KIPC_RET(write(reader, buf, 1)));
	CHECK_EQ(-EBADF, KIPC_RET(read(writer, buf, 1)));
	CHECK_EQ(3, write(writer, "bob", 3));
	CHECK_EQ(3, read(reader, buf, 3));
	CHECK_EQ(0, kipc_stat_fd(reader, &stat));
	CHECK_EQ(KIPC_RIGHT_READ, stat.rights);
	/* Holding the object is not owning it. */
	CHECK_EQ(-EPERM, kipc_ioctl(reader, KIPC_UNLINK, &target));
	CHECK_EQ(-EPERM, kipc_ioctl(writer, KIPC_DESTROY, &target));
	CHECK_EQ(-EPERM, kipc_ioctl(reader, KIPC_SETATTR, &setattr));
	CHILD_CHECK(reopen(reader, O_RDWR) < 0);
	CHILD_CHECK(reopen(writer, O_RDWR) < 0);
}

TEST_F(rights, passed_handles_keep_their_rights)
{
	struct kipc_pipe_create made;
	struct kipc_stat stat;
	int sock[2];

	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_SEQPACKET, 0, sock));
	ASSERT_EQ(0, make_pipe(&made, "passed", RIGHT_BOTH, 0, 0600));
	ASSERT_EQ(0, send_fd(sock[0], made.read_fd));
	ASSERT_EQ(0, send_fd(sock[0], made.write_fd));
	EXPECT_EQ(0, child_run_as(BOB, use_passed, &sock[1]));
	EXPECT_EQ(0, kipc_stat_name("passed", &stat));
	EXPECT_EQ(0600, stat.entry.mode);
	close(made.read_fd);
	close(made.write_fd);
	EXPECT_EQ(-ENOENT, kipc_stat_name("passed", &stat));
}

/* Somebody who tries the guarded object. */
struct visitor {
	const char *name;
	uid_t uid;
	gid_t gid;
	gid_t extra_group;
	bool without_cap;
	int class;		/* shift of his bits in the mode; -1: all */
};

static const struct visitor visitors[] = {
	{ "owner", ALICE, 9000, 0, false, 6 },
	{ "owner in the group", ALICE, TEAM, 0, false, 6 },
	{ "group", BOB, TEAM, 0, false, 3 },
	{ "supplementary group", BOB, 9000, TEAM, false, 3 },
	{ "other", BOB, 9000, 0, false, 0 },
	{ "root", 0, 0, 0, false, -1 },
	{ "root without CAP_IPC_OWNER", 0, 0, 0, true, 0 },
};

static void be(const struct visitor *visitor)
{
	if (visitor->uid)
		become(visitor->uid, visitor->gid, visitor->extra_group);
	if (visitor->without_cap)
		drop_capability(CAP_IPC_OWNER);
}

struct visit {
	const struct visitor *visitor;
	uint32_t mode;
};

static bool owns(const struct visitor *visitor)
{
	return visitor->class == 6 || visitor->class == -1;
}

/* What the visitor may do with the guarded object, by its mode. */
static void visit(void *arg)
{
	struct visit *visit = arg;
	const struct visitor *visitor = visit->visitor;
	struct kipc_pipe_create made;
	uint32_t bits = visitor->class < 0 ? 6 : visit->mode >> visitor->class;
	int may_read = bits & 4 ? 0 : -EACCES, fd;
	int may_write = bits & 2 ? 0 : -EACCES;
	bool visible = owns(visitor) || (bits & 4);
	struct kipc_stat stat;

	be(visitor);
	fd = kipc_open_name("guarded", KIPC_RIGHT_READ, 0);
	CHECK_EQ(may_read, fd < 0 ? fd : 0);
	if (fd >= 0)
		close(fd);
	fd = kipc_open_name("guarded", KIPC_RIGHT_WRITE, 0);
	CHECK_EQ(may_write, fd < 0 ? fd : 0);
	if (fd >= 0)
		close(fd);
	/* A create call that finds the name is an open call. */
	CHECK_EQ(may_read, make_pipe(&made, "guarded", KIPC_RIGHT_READ, 0,
				     0666));
	if (!may_read)
		close(made.read_fd);
	CHECK_EQ(may_read ? may_read : may_write,
		 make_pipe(&made, "guarded", RIGHT_BOTH, 0, 0666));
	CHECK_EQ(visible ? 0 : -EACCES, kipc_stat_name("guarded", &stat));
	if (visible) {
		CHECK_EQ(visit->mode, stat.entry.mode);
		CHECK_EQ(ALICE, stat.entry.uid);
		CHECK_EQ(TEAM, stat.entry.gid);
		CHECK_EQ(0, stat.rights);
		CHECK_EQ(0, kipc_stat_id(stat.entry.id, &stat));
	}
	CHECK_EQ(visible, times_listed("guarded"));
}

TEST_F(rights, mode)
{
	static const uint32_t modes[] = {
		0, 0666, 0600, 0400, 0200, 0060, 0040, 0020, 0006, 0004, 0002,
		0066, 0606, 0660, 0640, 0622,
	};
	struct visit arg;
	size_t i, j;

	for (i = 0; i < ARRAY_SIZE(modes); i++) {
		ASSERT_EQ(0, guard(modes[i]));
		for (j = 0; j < ARRAY_SIZE(visitors); j++) {
			arg = (struct visit){ &visitors[j], modes[i] };
			EXPECT_EQ(0, child_run(visit, &arg))
				TH_LOG("mode %#o, %s", modes[i],
				       visitors[j].name);
		}
		ASSERT_EQ(0, kipc_destroy_name("guarded"));
	}
}

static void stat_id_denied(void *arg)
{
	struct kipc_stat stat;

	CHECK_EQ(-EACCES, kipc_stat_id(*(uint64_t *)arg, &stat));
}

TEST_F(rights, stat_by_id_of_what_is_not_readable)
{
	struct kipc_stat stat;

	ASSERT_EQ(0, guard(0600));
	ASSERT_EQ(0, kipc_stat_name("guarded", &stat));
	EXPECT_EQ(0, child_run_as(BOB, stat_id_denied, &stat.entry.id));
	ASSERT_EQ(0, kipc_destroy_name("guarded"));
}

TEST_F(rights, mode_less_umask)
{
	struct guarded guarded = { .mode = 0666, .umask = 027 };
	struct kipc_stat stat;

	ASSERT_EQ(0, child_run(make_guarded, &guarded));
	EXPECT_EQ(0, kipc_stat_name("guarded", &stat));
	EXPECT_EQ(0640, stat.entry.mode);
	ASSERT_EQ(0, kipc_destroy_name("guarded"));
}

/* As with open(2), the mode is for those who come later. */
static void create_closed(void *arg)
{
	struct kipc_pipe_create made;

	(void)arg;
	CHECK_EQ(0, make_pipe(&made, "closed", RIGHT_BOTH, 0, 0));
	CHECK_EQ(1, write(made.write_fd, "", 1));
	CHECK_EQ(-EACCES, kipc_open_name("closed", KIPC_RIGHT_WRITE, 0));
}

TEST_F(rights, creator_gets_what_he_asks_for)
{
	EXPECT_EQ(0, child_run_as(ALICE, create_closed, NULL));
}

static void remove_guarded(void *arg)
{
	const struct visitor *visitor = arg;
	int want = owns(visitor) ? 0 : -EPERM;

	be(visitor);
	CHECK_EQ(want, kipc_unlink("guarded"));
}

static void destroy_guarded(void *arg)
{
	const struct visitor *visitor = arg;
	int want = owns(visitor) ? 0 : -EPERM;

	be(visitor);
	CHECK_EQ(want, kipc_destroy_name("guarded"));
}

/* Whatever the mode allows, only the owner removes. */
TEST_F(rights, removing)
{
	static const uint32_t modes[] = { 0, 0666 };
	size_t i, j;

	for (i = 0; i < ARRAY_SIZE(modes); i++) {
		for (j = 0; j < ARRAY_SIZE(visitors); j++) {
			struct visitor *visitor = (void *)&visitors[j];
			bool gone = owns(visitor);
			int left = gone ? -ENOENT : 0;

			ASSERT_EQ(0, guard(modes[i]));
			EXPECT_EQ(0, child_run(remove_guarded, visitor))
				TH_LOG("unlink by %s", visitor->name);
			if (gone)
				ASSERT_EQ(0, guard(modes[i]));
			EXPECT_EQ(0, child_run(destroy_guarded, visitor))
				TH_LOG("destroy by %s", visitor->name);
			EXPECT_EQ(left, kipc_destroy_name("guarded"));
		}
	}
}

static int set_attributes(int fd, uint32_t flags, uint32_t mode, uint32_t uid,
			  uint32_t gid)
{
	struct kipc_setattr arg = {
		.size = sizeof(arg),
		.flags = flags,
		.mode = mode,
		.uid = uid,
		.gid = gid,
	};

	return kipc_ioctl(fd, KIPC_SETATTR, &arg);
}

static void set_as_owner(void *arg)
{
	struct kipc_pipe_create made;
	struct kipc_stat stat;
	int fd;

	(void)arg;
	become(ALICE, 9000, TEAM);
	CHECK_EQ(0, make_pipe(&made, "mine", RIGHT_BOTH, 0, 0600));
	fd = made.read_fd;
	CHECK_EQ(0, set_attributes(fd, KIPC_SET_MODE, 0640, 0, 0));
	CHECK_EQ(0, set_attributes(fd, KIPC_SET_GID, 0, 0, TEAM));
	CHECK_EQ(0, kipc_stat_fd(fd, &stat));
	CHECK_EQ(0640, stat.entry.mode);
	CHECK_EQ(TEAM, stat.entry.gid);
	CHECK_EQ(ALICE, stat.entry.uid);
	CHECK_EQ(0, set_attributes(fd, KIPC_SET_MODE | KIPC_SET_GID, 0600, 0,
				   9000));
	/* Groups that he is not in, and other owners */
	CHECK_EQ(-EPERM, set_attributes(fd, KIPC_SET_GID, 0, 0, 0));
	CHECK_EQ(-EPERM, set_attributes(fd, KIPC_SET_GID, 0, 0, 9001));
	CHECK_EQ(-EPERM, set_attributes(fd, KIPC_SET_UID, 0, BOB, 0));
	CHECK_EQ(-EPERM, set_attributes(fd, KIPC_SET_UID, 0, 0, 0));
	/* All or nothing */
	CHECK_EQ(-EPERM, set_attributes(fd, KIPC_SET_MODE | KIPC_SET_UID, 0666,
					BOB, 0));
	CHECK_EQ(-EPERM, set_attributes(fd, KIPC_SET_MODE | KIPC_SET_GID, 0666,
					0, 9001));
	CHECK_EQ(-EINVAL, set_attributes(fd, KIPC_SET_MODE, 0700, 0, 0));
	CHECK_EQ(-EINVAL, set_attributes(fd, KIPC_SET_MODE, 04600, 0, 0));
	CHECK_EQ(-EINVAL, set_attributes(fd, 0, 0600, 0, 0));
	CHECK_EQ(0, kipc_stat_fd(fd, &stat));
	CHECK_EQ(0600, stat.entry.mode);
	CHECK_EQ(9000, stat.entry.gid);
	CHECK_EQ(ALICE, stat.entry.uid);
}

TEST_F(rights, attributes_by_the_owner)
{
	EXPECT_EQ(0, child_run(set_as_owner, NULL));
}

static void no_longer_mine(void *arg)
{
	(void)arg;
	CHECK_EQ(-EACCES, kipc_open_name("sold", KIPC_RIGHT_WRITE, 0));
	CHECK_EQ(-EPERM, kipc_unlink("sold"));
}

static void bought(void *arg)
{
	int fd = kipc_open_name("sold", KIPC_RIGHT_WRITE, 0);

	(void)arg;
	CHILD_CHECK(fd >= 0);
	CHECK_EQ(0, set_attributes(fd, KIPC_SET_MODE, 0400, 0, 0));
	CHECK_EQ(1, write(fd, "", 1));
	CHECK_EQ(-EACCES, kipc_open_name("sold", KIPC_RIGHT_WRITE, 0));
	CHECK_EQ(0, kipc_unlink("sold"));
}

TEST_F(rights, attributes_by_root)
{
	struct kipc_pipe_create made;
	char byte;

	ASSERT_EQ(0, make_pipe(&made, "sold", RIGHT_BOTH, 0, 0600));
	EXPECT_EQ(0, set_attributes(made.read_fd, KIPC_SET_UID | KIPC_SET_GID,
				    0, BOB, 9001));
	EXPECT_EQ(-EINVAL, set_attributes(made.read_fd, KIPC_SET_UID, 0, -1,
					  0));
	EXPECT_EQ(-EINVAL, set_attributes(made.read_fd, KIPC_SET_GID, 0, 0,
					  -1));
	EXPECT_EQ(0, child_run_as(ALICE, no_longer_mine, NULL));
	EXPECT_EQ(0, child_run_as(BOB, bought, NULL));
	/* Handles that were open keep their rights. */
	EXPECT_EQ(1, read(made.read_fd, &byte, 1));
	EXPECT_EQ(1, write(made.write_fd, "", 1));
	close(made.read_fd);
	close(made.write_fd);
}

static void set_without_cap(void *arg)
{
	int fd = *(int *)arg;

	drop_capability(CAP_IPC_OWNER);
	CHECK_EQ(-EPERM, set_attributes(fd, KIPC_SET_MODE, 0666, 0, 0));
	CHECK_EQ(-EPERM, set_attributes(fd, KIPC_SET_UID, 0, 0, 0));
}

TEST_F(rights, attributes_by_root_without_privilege)
{
	int fd;

	ASSERT_EQ(0, guard(0600));
	fd = kipc_open_name("guarded", KIPC_RIGHT_WRITE, 0);
	ASSERT_LE(0, fd);
	EXPECT_EQ(0, child_run(set_without_cap, &fd));
	close(fd);
	EXPECT_EQ(0, kipc_destroy_name("guarded"));
}

TEST_HARNESS_MAIN
