// SPDX-License-Identifier: GPL-2.0
/*
 * Who may do what with an object of any kind: the rights that handles can have,
 * modes, owners, PID namespaces. The same tests for each kind.
 */
#include "kselftest_harness.h"

#include <sys/stat.h>

#include "core_kinds.h"

FIXTURE(rights) {
	const struct kind *kind;
	struct kipc_info before;
	uint32_t strong;	/* most rights that one handle can have */
};

FIXTURE_VARIANT(rights) {
	int index;
};

FIXTURE_VARIANT_ADD(rights, segment) { .index = SEGMENT_KIND };
FIXTURE_VARIANT_ADD(rights, array) { .index = ARRAY_KIND };
FIXTURE_VARIANT_ADD(rights, semaphore) { .index = SEMAPHORE_KIND };
FIXTURE_VARIANT_ADD(rights, mailbox) { .index = MAILBOX_KIND };
FIXTURE_VARIANT_ADD(rights, pipe) { .index = PIPE_KIND };

FIXTURE_SETUP(rights)
{
	self->kind = &kinds[variant->index];
	self->strong = self->kind->two_ends ? KIPC_RIGHT_WRITE : RIGHT_BOTH;
	ASSERT_EQ(0, kipc_info(&self->before));
	ASSERT_EQ(0, objects_of(ALICE));
}

static bool all_gone(const struct kipc_info *before)
{
	struct kipc_info now;

	return !kipc_info(&now) && now.objects == before->objects &&
	       now.bytes == before->bytes;
}

/* What was made in a namespace goes after its first process has gone. */
FIXTURE_TEARDOWN(rights)
{
	EXPECT_TRUE(wait_for(all_gone(&self->before)));
	EXPECT_EQ(0, objects_of(ALICE));
	EXPECT_EQ(0, bytes_of(ALICE));
	EXPECT_EQ(0, objects_of(BOB));
}

TEST_F(rights, that_can_be_opened)
{
	static const uint32_t unknown[] = { 4, 5, 7, 8, 1U << 31 };
	const struct kind *kind = self->kind;
	uint32_t rights;
	int want, fd;
	size_t i;

	ASSERT_EQ(0, create_persistent(kind, "open", 0600));
	for (rights = 0; rights < 4; rights++) {
		want = kind->open_error[rights];
		fd = open_kind(KIPC_KIND_ANY, "open", rights, 0);
		EXPECT_EQ(want, fd < 0 ? fd : 0)
			TH_LOG("rights %u", rights);
		if (fd >= 0)
			close(fd);
	}
	for (i = 0; i < ARRAY_SIZE(unknown); i++)
		EXPECT_EQ(-EINVAL, open_kind(KIPC_KIND_ANY, "open", unknown[i],
					     0));
	EXPECT_EQ(0, kipc_unlink("open"));
}

/* Create gives a pipe's ends together; else it can do what open can. */
TEST_F(rights, that_can_be_created)
{
	static const uint32_t unknown[] = { 4, 5, 7, 8, 1U << 31 };
	const struct kind *kind = self->kind;
	struct made made;
	uint32_t rights;
	int want, ret;
	size_t i;

	for (rights = 1; rights < 4; rights++) {
		want = kind->two_ends ? 0 : kind->open_error[rights];
		ret = create_kind(kind, &made, "new", rights, 0, 0600);
		EXPECT_EQ(want, ret)
			TH_LOG("rights %u", rights);
		if (!ret)
			close_made(&made);
		/* The same when it only has to be opened. */
		ASSERT_EQ(0, create_persistent(kind, "new", 0600));
		ret = create_kind(kind, &made, "new", rights, 0, 0600);
		EXPECT_EQ(want, ret)
			TH_LOG("rights %u", rights);
		if (!ret)
			close_made(&made);
		EXPECT_EQ(0, kipc_unlink("new"));
	}
	for (i = 0; i < ARRAY_SIZE(unknown); i++)
		EXPECT_EQ(-EINVAL, create_kind(kind, &made, "new", unknown[i],
					       0, 0600));
	EXPECT_EQ(0, times_listed("new"));
}

static int access_mode(uint32_t rights)
{
	if (rights == RIGHT_BOTH)
		return O_RDWR;
	return rights == KIPC_RIGHT_WRITE ? O_WRONLY : O_RDONLY;
}

/* What a handle lacks it cannot do, and what it has it can. */
TEST_F(rights, of_a_handle)
{
	const struct kind *kind = self->kind;
	struct kipc_stat stat;
	uint32_t rights;
	int fd, got;

	ASSERT_EQ(0, create_persistent(kind, "narrow", 0600));
	/* Writers first: a pipe that has had a reader wants one. */
	for (rights = RIGHT_BOTH; rights; rights--) {
		if (kind->open_error[rights])
			continue;
		fd = open_kind(kind->type, "narrow", rights, 0);
		ASSERT_LE(0, fd);
		EXPECT_EQ(0, kipc_stat_fd(fd, &stat));
		EXPECT_EQ(rights, stat.rights);
		EXPECT_EQ(access_mode(rights),
			  fcntl(fd, F_GETFL) & O_ACCMODE);
		EXPECT_EQ(rights & KIPC_RIGHT_WRITE ? 0 : kind->put_error,
			  kind->put(fd, 5));
		got = kind->get(fd);
		EXPECT_EQ(rights & KIPC_RIGHT_READ ? 0 : -EBADF,
			  got < 0 ? got : 0);
		EXPECT_EQ(0, stat_kind(kind, fd));
		close(fd);
	}
	EXPECT_EQ(0, kipc_unlink("narrow"));
}

TEST_F(rights, flags_of_new_handles)
{
	const struct kind *kind = self->kind;
	struct made made;
	int fd;

	ASSERT_EQ(0, create_kind(kind, &made, "flags", self->strong, 0, 0600));
	EXPECT_EQ(FD_CLOEXEC, fcntl(made.writer, F_GETFD));
	EXPECT_EQ(0, fcntl(made.writer, F_GETFL) & O_NONBLOCK);
	fd = open_kind(kind->type, "flags", self->strong,
		       KIPC_INHERIT | KIPC_NONBLOCK);
	EXPECT_EQ(0, fcntl(fd, F_GETFD));
	EXPECT_EQ(O_NONBLOCK, fcntl(fd, F_GETFL) & O_NONBLOCK);
	close(fd);
	fd = open_kind(kind->type, "flags", self->strong, 0);
	EXPECT_EQ(FD_CLOEXEC, fcntl(fd, F_GETFD));
	EXPECT_EQ(0, fcntl(fd, F_GETFL) & O_NONBLOCK);
	close(fd);
	close_made(&made);
	ASSERT_EQ(0, create_kind(kind, &made, NULL, RIGHT_BOTH,
				 KIPC_INHERIT | KIPC_NONBLOCK, 0600));
	EXPECT_EQ(0, fcntl(made.reader, F_GETFD));
	EXPECT_EQ(O_NONBLOCK, fcntl(made.reader, F_GETFL) & O_NONBLOCK);
	close_made(&made);
}

/* A flag of pipes is for nobody else. */
TEST_F(rights, flags_of_other_kinds)
{
	const struct kind *kind = self->kind;
	bool pipe = kind->type == KIPC_KIND_PIPE;
	int fd;

	ASSERT_EQ(0, create_persistent(kind, "signal", 0600));
	fd = open_kind(kind->type, "signal", self->strong,
		       KIPC_PIPE_NOSIGPIPE);
	EXPECT_EQ(pipe ? 0 : -EINVAL, fd < 0 ? fd : 0);
	if (fd >= 0)
		close(fd);
	EXPECT_EQ(pipe ? 0 : -EPROTOTYPE,
		  try_open_kind(KIPC_KIND_PIPE, "signal", KIPC_RIGHT_WRITE));
	EXPECT_EQ(0, kipc_unlink("signal"));
}

/* No file of an anonymous inode can be opened again: ENXIO, like a socket. */
TEST_F(rights, reopening_gives_none)
{
	static const int flags[] = { O_RDONLY, O_WRONLY, O_RDWR };
	struct made made;
	char path[64];
	size_t i;

	ASSERT_EQ(0, create_kind(self->kind, &made, NULL, RIGHT_BOTH, 0, 0666));
	snprintf(path, sizeof(path), "/proc/self/fd/%d", made.reader);
	for (i = 0; i < ARRAY_SIZE(flags); i++)
		EXPECT_EQ(-ENXIO, KIPC_RET(open(path, flags[i] | O_CLOEXEC)));
	close_made(&made);
}

/* Somebody who comes to an object of ALICE's. */
struct visit {
	const struct kind *kind;
	uid_t uid;
	bool without_cap;
	uint32_t mode;
	unsigned int class;	/* shift of his bits in the mode */
};

static int may(const struct visit *visit, uint32_t rights)
{
	uint32_t bits = visit->mode >> visit->class;

	if (!visit->uid && !visit->without_cap)
		return 0;
	if (rights & KIPC_RIGHT_READ && !(bits & 4))
		return -EACCES;
	if (rights & KIPC_RIGHT_WRITE && !(bits & 2))
		return -EACCES;
	return 0;
}

static void make_guarded(void *arg)
{
	struct visit *visit = arg;

	umask(0);
	CHECK_EQ(0, create_persistent(visit->kind, "guarded", visit->mode));
}

static void visit_guarded(void *arg)
{
	struct visit *visit = arg;
	const struct kind *kind = visit->kind;
	bool visible = visit->uid == ALICE || !may(visit, KIPC_RIGHT_READ);
	struct kipc_stat stat;
	struct made made;
	uint32_t rights;
	int ret;

	if (visit->without_cap)
		drop_capability(CAP_IPC_OWNER);
	for (rights = 1; rights < 4; rights++) {
		if (kind->open_error[rights])
			continue;
		CHECK_EQ(may(visit, rights), try_open_kind(KIPC_KIND_ANY,
							   "guarded", rights));
		ret = create_kind(kind, &made, "guarded", rights, 0, 0666);
		CHECK_EQ(may(visit, rights), ret);
		if (!ret)
			close_made(&made);
	}
	/* To make sure that it is there takes seeing it. */
	CHECK_EQ(visible ? 0 : -EACCES,
		 create_kind(kind, &made, "guarded", 0, KIPC_PERSIST, 0666));
	CHECK_EQ(visible ? 0 : -EACCES, kipc_stat_name("guarded", &stat));
	CHECK_EQ(visible, times_listed("guarded"));
	if (visible)
		CHECK_EQ(visit->mode, stat.entry.mode);
	if (visit->uid != BOB && !visit->without_cap)
		return;
	CHECK_EQ(-EPERM, kipc_unlink("guarded"));
	CHECK_EQ(-EPERM, kipc_destroy_name("guarded"));
}

TEST_F(rights, mode)
{
	static const uint32_t modes[] = {
		0, 0666, 0600, 0400, 0200, 0006, 0004, 0002, 0644, 0622,
	};
	struct visit visits[] = {
		{ .uid = ALICE, .class = 6 },
		{ .uid = BOB, .class = 0 },
		{ .uid = 0, .class = 0 },
		{ .uid = 0, .class = 0, .without_cap = true },
	};
	struct visit *visit;
	size_t i, j;

	for (i = 0; i < ARRAY_SIZE(modes); i++) {
		for (j = 0; j < ARRAY_SIZE(visits); j++) {
			visit = &visits[j];
			visit->kind = self->kind;
			visit->mode = modes[i];
			if (!j)
				ASSERT_EQ(0, child_run_as(ALICE, make_guarded,
							  visit));
			EXPECT_EQ(0, visit->uid ?
				  child_run_as(visit->uid, visit_guarded,
					       visit) :
				  child_run(visit_guarded, visit))
				TH_LOG("mode %#o, visitor %zu", modes[i], j);
		}
		ASSERT_EQ(0, kipc_destroy_name("guarded"));
	}
}

TEST_F(rights, mode_less_umask)
{
	struct kipc_stat stat;
	struct made made;
	mode_t old = umask(027);
	int ret = create_kind(self->kind, &made, "umask", RIGHT_BOTH, 0, 0666);

	umask(old);
	ASSERT_EQ(0, ret);
	EXPECT_EQ(0, kipc_stat_name("umask", &stat));
	EXPECT_EQ(0640, stat.entry.mode);
	close_made(&made);
}

static int set_attributes(int fd, uint32_t flags, uint32_t mode, uint32_t uid)
{
	struct kipc_setattr arg = {
		.size = sizeof(arg),
		.flags = flags,
		.mode = mode,
		.uid = uid,
	};

	return kipc_ioctl(fd, KIPC_SETATTR, &arg);
}

static void owned_by_alice(void *arg)
{
	const struct kind *kind = arg;
	struct kipc_stat stat;
	struct made made;

	CHECK_EQ(0, create_kind(kind, &made, "mine", RIGHT_BOTH, 0, 0600));
	CHECK_EQ(0, set_attributes(made.reader, KIPC_SET_MODE, 0440, 0));
	CHECK_EQ(-EPERM, set_attributes(made.reader, KIPC_SET_UID, 0, BOB));
	CHECK_EQ(-EPERM, set_attributes(made.reader,
					KIPC_SET_MODE | KIPC_SET_UID, 0666,
					BOB));
	CHECK_EQ(-EINVAL, set_attributes(made.reader, KIPC_SET_MODE, 0700, 0));
	CHECK_EQ(0, kipc_stat_fd(made.reader, &stat));
	CHECK_EQ(0440, stat.entry.mode);
	CHECK_EQ(ALICE, stat.entry.uid);
	/* The mode is for those who come later. */
	CHECK_EQ(0, kind->put(made.writer, 1));
	CHECK_EQ(-EACCES, try_open_kind(KIPC_KIND_ANY, "mine", kind->two_ends ?
					KIPC_RIGHT_WRITE : RIGHT_BOTH));
	close_made(&made);
}

TEST_F(rights, attributes_by_the_owner)
{
	EXPECT_EQ(0, child_run_as(ALICE, owned_by_alice, (void *)self->kind));
}

static void bought_by_bob(void *arg)
{
	const struct kind *kind = arg;

	CHECK_EQ(0, try_open_kind(kind->type, "sold", kind->two_ends ?
				  KIPC_RIGHT_WRITE : RIGHT_BOTH));
	CHECK_EQ(0, kipc_unlink("sold"));
}

/* The new owner does not pay for it. */
TEST_F(rights, given_away)
{
	struct kipc_info now;
	struct made made;

	ASSERT_EQ(0, create_kind(self->kind, &made, "sold", RIGHT_BOTH, 0,
				 0600));
	EXPECT_EQ(0, set_attributes(made.reader, KIPC_SET_UID, 0, BOB));
	EXPECT_EQ(0, objects_of(BOB));
	EXPECT_EQ(0, bytes_of(BOB));
	ASSERT_EQ(0, kipc_info(&now));
	EXPECT_EQ(self->before.objects + 1, now.objects);
	EXPECT_EQ(0, child_run_as(BOB, bought_by_bob, (void *)self->kind));
	EXPECT_EQ(0, self->kind->put(made.writer, 1));
	close_made(&made);
}

struct passed {
	const struct kind *kind;
	int sock;
};

/* BOB gets a handle of an object of root's that he may not open. */
static void use_passed(void *arg)
{
	struct passed *passed = arg;
	const struct kind *kind = passed->kind;
	struct kipc_target target = { .size = sizeof(target) };
	struct kipc_stat stat;
	int fd = recv_fd(passed->sock);

	CHILD_CHECK(fd >= 0);
	CHECK_EQ(-EACCES, try_open_kind(kind->type, "passed",
					KIPC_RIGHT_READ));
	CHECK_EQ(0, kipc_stat_fd(fd, &stat));
	CHECK_EQ(KIPC_RIGHT_READ, stat.rights);
	CHECK_EQ(33, kind->get(fd));
	CHECK_EQ(kind->put_error, kind->put(fd, 1));
	/* Holding the object is not owning it. */
	CHECK_EQ(-EPERM, kipc_ioctl(fd, KIPC_UNLINK, &target));
	CHECK_EQ(-EPERM, kipc_ioctl(fd, KIPC_DESTROY, &target));
	CHECK_EQ(-EPERM, set_attributes(fd, KIPC_SET_MODE, 0666, 0));
}

TEST_F(rights, passed_on_as_they_are)
{
	const struct kind *kind = self->kind;
	struct passed passed = { .kind = kind };
	struct made made, reader;
	int sock[2];

	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_SEQPACKET, 0, sock));
	passed.sock = sock[1];
	ASSERT_EQ(0, create_kind(kind, &made, "passed", self->strong, 0,
				 0600));
	ASSERT_EQ(0, create_kind(kind, &reader, "passed", KIPC_RIGHT_READ, 0,
				 0600));
	EXPECT_EQ(0, kind->put(made.writer, 33));
	ASSERT_EQ(0, send_fd(sock[0], reader.reader));
	close_made(&reader);
	EXPECT_EQ(0, child_run_as(BOB, use_passed, &passed));
	close_made(&made);
	EXPECT_EQ(0, times_listed("passed"));
	close(sock[0]);
	close(sock[1]);
}

/* Inside a PID namespace: the same name, another object. */
static void same_name_inside(void *arg)
{
	struct passed *passed = arg;
	const struct kind *kind = passed->kind;
	uint32_t rights = kind->two_ends ? KIPC_RIGHT_WRITE : RIGHT_BOTH;
	struct kipc_stat stat;
	struct made made;
	int fd;

	CHECK_EQ(1, getpid());
	CHECK_EQ(0, list_each(NULL, NULL));
	CHECK_EQ(-ENOENT, try_open_kind(KIPC_KIND_ANY, "twin", rights));
	CHECK_EQ(-ENOENT, kipc_destroy_name("twin"));
	CHECK_EQ(0, create_kind(kind, &made, "twin", RIGHT_BOTH,
				KIPC_EXCL | KIPC_PERSIST, 0600));
	CHECK_EQ(0, kipc_stat_fd(made.reader, &stat));
	CHECK_EQ(1, stat.entry.pid);
	CHECK_EQ(1, list_each(NULL, NULL));
	CHECK_EQ(0, send_fd(passed->sock, made.reader));
	CHECK_EQ(0, kind->put(made.writer, 2));
	/* One that was passed in works, and nobody here knows who made it. */
	fd = recv_fd(passed->sock);
	CHILD_CHECK(fd >= 0);
	CHECK_EQ(0, kipc_stat_fd(fd, &stat));
	CHECK_EQ(0, stat.entry.pid);
	CHECK_EQ(0, kind->put(fd, 11));
}

TEST_F(rights, names_of_a_pid_namespace)
{
	const struct kind *kind = self->kind;
	struct passed passed = { .kind = kind };
	struct job job = { .fn = same_name_inside, .arg = &passed };
	struct made made;
	struct kipc_stat stat;
	int sock[2], fd;
	pid_t pid;

	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_SEQPACKET, 0, sock));
	passed.sock = sock[1];
	ASSERT_EQ(0, create_kind(kind, &made, "twin", RIGHT_BOTH, 0, 0600));
	pid = child_start(run_in_namespace, &job);
	close(sock[1]);
	fd = recv_fd(sock[0]);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, send_fd(sock[0], made.writer));
	EXPECT_EQ(0, child_end(pid));
	EXPECT_EQ(11, kind->get(made.reader));
	/* The namespace has ended, its name too, and the object is alive. */
	EXPECT_TRUE(wait_for(!kipc_stat_fd(fd, &stat) && !stat.entry.state));
	EXPECT_NE(made.id, stat.entry.id);
	EXPECT_EQ(2, kind->get(fd));
	EXPECT_EQ(0, kipc_stat_name("twin", &stat));
	EXPECT_EQ(made.id, stat.entry.id);
	close(fd);
	close(sock[0]);
	close_made(&made);
}

static void leave_behind(void *arg)
{
	become(ALICE, ALICE, 0);
	CHECK_EQ(0, create_persistent(arg, "left-1", 0600));
	CHECK_EQ(0, create_persistent(arg, "left-2", 0666));
}

TEST_F(rights, names_end_with_the_namespace)
{
	EXPECT_EQ(0, child_run_in_namespace(leave_behind,
					    (void *)self->kind));
	EXPECT_TRUE(wait_for(!objects_of(ALICE)));
	EXPECT_EQ(0, bytes_of(ALICE));
}

TEST_HARNESS_MAIN
