// SPDX-License-Identifier: GPL-2.0
/*
 * PID namespaces: each has names of its own, which end with its first process,
 * and user namespaces: privileges in one are worth nothing outside of it.
 */
#include "kselftest_harness.h"

#include "core_util.h"

#define NESTED_UID	100000	/* root of a user namespace, as seen outside */
#define OVERFLOW_UID	65534

/* Root's objects before the test; a test must leave as many. */
FIXTURE(domain) {
	uint64_t objects;
	uint64_t bytes;
	int sock[2];	/* one end for the test, one for its children */
};

FIXTURE_SETUP(domain)
{
	/* A child that failed is not waited for until the harness ends it. */
	struct timeval patience = { .tv_sec = PATIENCE_NS / NSEC_PER_SEC };
	struct kipc_info info;

	ASSERT_EQ(0, kipc_info(&info));
	self->objects = info.objects;
	self->bytes = info.bytes;
	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_SEQPACKET, 0, self->sock));
	ASSERT_EQ(0, setsockopt(self->sock[0], SOL_SOCKET, SO_RCVTIMEO,
				&patience, sizeof(patience)));
}

static bool root_has_objects(uint64_t objects)
{
	struct kipc_info info;

	return !kipc_info(&info) && info.objects == objects;
}

static bool root_has(uint64_t objects, uint64_t bytes)
{
	struct kipc_info info;

	return !kipc_info(&info) && info.objects == objects &&
	       info.bytes == bytes;
}

/* A namespace is cleaned after its first process has gone, not before. */
FIXTURE_TEARDOWN(domain)
{
	EXPECT_TRUE(wait_for(root_has(self->objects, self->bytes)));
	EXPECT_EQ(0, list_each(NULL, NULL));
}

/* Tells the other side of a socket to go on, and waits for it to say so. */
static void signal_peer(int sock)
{
	CHECK_EQ(1, send(sock, "", 1, MSG_NOSIGNAL));
}

static void await_peer(int sock)
{
	char byte;

	CHECK_EQ(1, recv(sock, &byte, 1, 0));
}

struct outside {
	int sock;
	uint64_t id;	/* of the object outside that has the same name */
	int device;	/* opened outside */
};

static void same_name_inside(void *arg)
{
	struct outside *outside = arg;
	struct kipc_pipe_create made;
	struct kipc_stat stat;
	struct kipc_open open = {
		.size = sizeof(open),
		.name = to_u64("twin"),
		.name_len = 4,
		.rights = KIPC_RIGHT_WRITE,
	};

	CHECK_EQ(1, getpid());
	CHECK_EQ(0, list_each(NULL, NULL));
	CHECK_EQ(-ENOENT, kipc_open_name("twin", KIPC_RIGHT_WRITE, 0));
	CHECK_EQ(-ENOENT, kipc_unlink("twin"));
	CHECK_EQ(-ENOENT, kipc_destroy_name("twin"));
	CHECK_EQ(-ENOENT, kipc_stat_name("twin", &stat));
	CHECK_EQ(-ENOENT, kipc_stat_id(outside->id, &stat));
	/* It is the caller that counts, not who opened the device. */
	CHECK_EQ(-ENOENT, kipc_ioctl(outside->device, KIPC_OPEN, &open));
	CHECK_EQ(0, make_pipe(&made, "twin", RIGHT_BOTH, KIPC_EXCL, 0600));
	CHILD_CHECK(made.id != outside->id);
	CHECK_EQ(1, list_each(NULL, NULL));
	CHECK_EQ(6, write(made.write_fd, "inside", 6));
	CHECK_EQ(0, kipc_ioctl(outside->device, KIPC_OPEN, &open));
	CHECK_EQ(made.id, open.id);
	CHECK_EQ(0, kipc_stat_name("twin", &stat));
	CHECK_EQ(1, stat.entry.pid);
	signal_peer(outside->sock);
	await_peer(outside->sock);
	CHECK_EQ(0, kipc_unlink("twin"));
}

TEST_F(domain, one_name_two_objects)
{
	struct outside *outside = kipc_shared(sizeof(*outside));
	struct job job = { .fn = same_name_inside, .arg = outside };
	struct kipc_pipe_create made;
	struct kipc_stat stat;
	char byte, back[16];
	pid_t pid;

	ASSERT_NE(NULL, outside);
	ASSERT_EQ(0, make_pipe(&made, "twin", RIGHT_BOTH, KIPC_EXCL, 0600));
	ASSERT_EQ(7, write(made.write_fd, "outside", 7));
	outside->sock = self->sock[1];
	outside->id = made.id;
	outside->device = kipc_device();
	pid = child_start(run_in_namespace, &job);
	close(self->sock[1]);
	ASSERT_EQ(1, recv(self->sock[0], &byte, 1, 0));
	/* The other one is not seen here, although it is in a child. */
	EXPECT_EQ(1, list_each(NULL, NULL));
	EXPECT_EQ(-ENOENT, kipc_stat_id(made.id + 1, &stat));
	EXPECT_EQ(7, read(made.read_fd, back, sizeof(back)));
	EXPECT_EQ(0, kipc_stat_name("twin", &stat));
	EXPECT_EQ(made.id, stat.entry.id);
	EXPECT_EQ(1, send(self->sock[0], "", 1, 0));
	EXPECT_EQ(0, child_end(pid));
	EXPECT_EQ(0, kipc_unlink("twin"));
	close(made.read_fd);
	close(made.write_fd);
	close(outside->device);
}

static void unshared_only(void *arg)
{
	struct kipc_stat stat;

	(void)arg;
	CHECK_EQ(0, unshare(CLONE_NEWPID));
	CHECK_EQ(0, kipc_stat_name("still", &stat));
}

/* unshare() moves children alone: the caller stays where he is. */
TEST_F(domain, unshare_does_not_move_the_caller)
{
	struct kipc_pipe_create made;

	ASSERT_EQ(0, make_pipe(&made, "still", RIGHT_BOTH, 0, 0600));
	EXPECT_EQ(0, child_run(unshared_only, NULL));
	close(made.read_fd);
	close(made.write_fd);
}

/* Makes a pipe inside, passes both ends out, and takes one from outside. */
static void exchange(void *arg)
{
	struct kipc_pipe_create made;
	int sock = *(int *)arg, fd;
	struct kipc_stat stat;

	CHECK_EQ(0, make_pipe(&made, "given", RIGHT_BOTH, KIPC_PERSIST, 0600));
	CHECK_EQ(0, send_fd(sock, made.read_fd));
	CHECK_EQ(0, send_fd(sock, made.write_fd));
	fd = recv_fd(sock);
	CHILD_CHECK(fd >= 0);
	/* Whoever made that cannot be seen from here. */
	CHECK_EQ(0, kipc_stat_fd(fd, &stat));
	CHECK_EQ(0, stat.entry.pid);
	CHECK_EQ(2, write(fd, "up", 2));
	await_peer(sock);
}

TEST_F(domain, handles_cross)
{
	struct job job = { .fn = exchange, .arg = &self->sock[1] };
	struct kipc_pipe_create made;
	struct kipc_stat stat;
	int reader, writer;
	char back[16];
	pid_t pid;

	ASSERT_EQ(0, make_pipe(&made, NULL, RIGHT_BOTH, 0, 0600));
	pid = child_start(run_in_namespace, &job);
	reader = recv_fd(self->sock[0]);
	writer = recv_fd(self->sock[0]);
	ASSERT_LE(0, reader);
	ASSERT_LE(0, writer);
	EXPECT_EQ(0, kipc_stat_fd(reader, &stat));
	/* Its maker is process 1 in there, and another number here. */
	EXPECT_NE(1, stat.entry.pid);
	EXPECT_LT(0, stat.entry.pid);
	EXPECT_EQ(0, kill(stat.entry.pid, 0));
	EXPECT_EQ(-ENOENT, kipc_open_name("given", KIPC_RIGHT_WRITE, 0));
	EXPECT_EQ(0, send_fd(self->sock[0], made.write_fd));
	EXPECT_EQ(2, read(made.read_fd, back, sizeof(back)));
	EXPECT_EQ(1, send(self->sock[0], "", 1, 0));
	EXPECT_EQ(0, child_end(pid));
	/* The namespace is gone, its name too, and the object is alive. */
	EXPECT_EQ(5, write(writer, "after", 5));
	EXPECT_EQ(5, read(reader, back, sizeof(back)));
	EXPECT_EQ(0, memcmp(back, "after", 5));
	EXPECT_TRUE(wait_for(!kipc_stat_fd(reader, &stat) &&
			     !(stat.entry.state & KIPC_STATE_NAMED)));
	EXPECT_EQ(0, stat.entry.state & KIPC_STATE_DESTROYED);
	EXPECT_EQ(6, write(writer, "really", 6));
	EXPECT_EQ(6, read(reader, back, sizeof(back)));
	close(reader);
	close(writer);
	close(made.read_fd);
	close(made.write_fd);
}

/* Leaves persistent objects of ALICE's behind. */
static void leave_behind(void *arg)
{
	become(ALICE, ALICE, 0);
	CHECK_EQ(0, make_persistent("left-1", 0600));
	CHECK_EQ(0, make_persistent("left-2", 0666));
	CHECK_EQ(2, list_each(NULL, NULL));
	if (arg) {
		signal_peer(*(int *)arg);
		pause();
	}
}

TEST_F(domain, names_end_with_the_namespace)
{
	ASSERT_EQ(0, objects_of(ALICE));
	EXPECT_EQ(0, child_run_in_namespace(leave_behind, NULL));
	EXPECT_TRUE(wait_for(!objects_of(ALICE)));
	EXPECT_EQ(0, bytes_of(ALICE));
}

/* In a PID namespace the first process can be killed only from outside. */
TEST_F(domain, names_end_when_the_first_process_is_killed)
{
	struct job job = { .fn = leave_behind, .arg = &self->sock[1] };
	pid_t pid = child_start(run_in_namespace, &job);
	char byte;

	ASSERT_EQ(1, recv(self->sock[0], &byte, 1, 0));
	EXPECT_EQ(2, objects_of(ALICE));
	EXPECT_LT(0, bytes_of(ALICE));
	EXPECT_EQ(128 + SIGKILL, child_kill(pid));
	EXPECT_TRUE(wait_for(!objects_of(ALICE)));
	EXPECT_EQ(0, bytes_of(ALICE));
}

/* A file that refers to a namespace keeps it, and must not keep its names. */
TEST_F(domain, names_end_while_the_namespace_is_pinned)
{
	struct job job = { .fn = leave_behind, .arg = &self->sock[1] };
	pid_t pid = child_start(run_in_namespace, &job);
	char path[64], byte;
	int pin;

	ASSERT_EQ(1, recv(self->sock[0], &byte, 1, 0));
	snprintf(path, sizeof(path), "/proc/%d/ns/pid_for_children", pid);
	pin = open(path, O_RDONLY | O_CLOEXEC);
	ASSERT_LE(0, pin);
	EXPECT_EQ(2, objects_of(ALICE));
	EXPECT_EQ(128 + SIGKILL, child_kill(pid));
	EXPECT_TRUE(wait_for(!objects_of(ALICE)));
	close(pin);
}

TEST_F_TIMEOUT(domain, many_namespaces, 300)
{
	unsigned long rounds = scaled(500), i;

	for (i = 0; i < rounds; i++)
		ASSERT_EQ(0, child_run_in_namespace(leave_behind, NULL));
	EXPECT_TRUE(wait_for(!objects_of(ALICE)));
	EXPECT_EQ(0, bytes_of(ALICE));
}

struct level {
	int depth;
	int sock;
};

/* Each level makes the same names and starts the next one inside itself. */
static void nest(void *arg)
{
	struct level level = *(struct level *)arg;
	struct kipc_pipe_create made;

	CHECK_EQ(0, list_each(NULL, NULL));
	CHECK_EQ(0, make_pipe(&made, "nested", RIGHT_BOTH,
			      KIPC_EXCL | KIPC_PERSIST, 0600));
	CHECK_EQ(0, make_persistent("nested too", 0600));
	CHECK_EQ(0, send_fd(level.sock, made.read_fd));
	if (level.depth--) {
		CHECK_EQ(0, unshare(CLONE_NEWPID));
		child_start(nest, &level);
	} else {
		signal_peer(level.sock);
	}
	pause();
}

TEST_F(domain, nested)
{
	struct level level = { .depth = 2, .sock = self->sock[1] };
	struct job job = { .fn = nest, .arg = &level };
	pid_t pid = child_start(run_in_namespace, &job);
	struct kipc_stat stat;
	uint32_t pids[3];
	char byte;
	int i, fd;

	for (i = 0; i < 3; i++) {
		fd = recv_fd(self->sock[0]);
		ASSERT_LE(0, fd);
		EXPECT_EQ(0, kipc_stat_fd(fd, &stat));
		pids[i] = stat.entry.pid;
		EXPECT_LT(1, pids[i]);
		close(fd);
	}
	EXPECT_NE(pids[0], pids[1]);
	EXPECT_NE(pids[1], pids[2]);
	ASSERT_EQ(1, recv(self->sock[0], &byte, 1, 0));
	EXPECT_TRUE(root_has_objects(self->objects + 6));
	/* The middle one takes the innermost with it. */
	EXPECT_EQ(0, kill(pids[1], SIGKILL));
	EXPECT_TRUE(wait_for(root_has_objects(self->objects + 2)));
	EXPECT_EQ(128 + SIGKILL, child_kill(pid));
}

/* Root of a user namespace of ALICE's, in the PID namespace of all. */
static void alice_as_root(void *arg)
{
	struct kipc_setattr setattr = {
		.size = sizeof(setattr),
		.flags = KIPC_SET_UID,
		.uid = 1,
	};
	struct kipc_stat stat;
	char map[64];
	int fd;

	(void)arg;
	CHECK_EQ(0, unshare(CLONE_NEWUSER));
	snprintf(map, sizeof(map), "0 %d 1", ALICE);
	CHILD_CHECK(write_file("/proc/self/setgroups", "deny") > 0);
	CHILD_CHECK(write_file("/proc/self/uid_map", map) > 0);
	CHILD_CHECK(write_file("/proc/self/gid_map", map) > 0);
	CHECK_EQ(0, getuid());
	/* Her own things are root's in here, those of root nobody's. */
	CHECK_EQ(0, kipc_stat_name("of alice", &stat));
	CHECK_EQ(0, stat.entry.uid);
	CHECK_EQ(0, stat.entry.gid);
	CHECK_EQ(0, kipc_stat_name("of root", &stat));
	CHECK_EQ(OVERFLOW_UID, stat.entry.uid);
	CHECK_EQ(OVERFLOW_UID, stat.entry.gid);
	/* CAP_IPC_OWNER is there, and counts for nothing out there. */
	CHECK_EQ(-EACCES, kipc_open_name("of root", KIPC_RIGHT_WRITE, 0));
	CHECK_EQ(-EACCES, kipc_stat_name("of root, hidden", &stat));
	CHECK_EQ(0, times_listed("of root, hidden"));
	CHECK_EQ(-EPERM, kipc_unlink("of root"));
	CHECK_EQ(-EPERM, kipc_destroy_name("of root"));
	fd = kipc_open_name("of alice", KIPC_RIGHT_WRITE, 0);
	CHILD_CHECK(fd >= 0);
	CHECK_EQ(-EINVAL, kipc_ioctl(fd, KIPC_SETATTR, &setattr));
	setattr.uid = OVERFLOW_UID;
	CHECK_EQ(-EINVAL, kipc_ioctl(fd, KIPC_SETATTR, &setattr));
	CHECK_EQ(0, kipc_unlink("of alice"));
}

static void make_hers(void *arg)
{
	(void)arg;
	CHECK_EQ(0, make_persistent("of alice", 0600));
}

TEST_F(domain, user_namespace_has_no_power_outside)
{
	if (access("/proc/self/ns/user", F_OK))
		SKIP(return, "the kernel has no user namespaces");
	ASSERT_EQ(0, make_persistent("of root", 0644));
	ASSERT_EQ(0, make_persistent("of root, hidden", 0600));
	ASSERT_EQ(0, child_run_as(ALICE, make_hers, NULL));
	EXPECT_EQ(0, child_run_as(ALICE, alice_as_root, NULL));
	EXPECT_EQ(0, kipc_unlink("of root"));
	EXPECT_EQ(0, kipc_unlink("of root, hidden"));
	EXPECT_EQ(-ENOENT, kipc_unlink("of alice"));
}

static void make_as_one(void *arg)
{
	(void)arg;
	CHECK_EQ(0, setresuid(1, 1, 1));
	CHECK_EQ(0, make_persistent("of one", 0600));
}

static void root_of_container(void *arg)
{
	struct kipc_stat stat;
	int fd;

	(void)arg;
	CHECK_EQ(1, getpid());
	CHECK_EQ(0, child_run(make_as_one, NULL));
	CHECK_EQ(0, kipc_stat_name("of one", &stat));
	CHECK_EQ(1, stat.entry.uid);
	CHECK_EQ(1, times_listed("of one"));
	fd = kipc_open_name("of one", KIPC_RIGHT_WRITE, 0);
	CHILD_CHECK(fd >= 0);
	close(fd);
	drop_capability(CAP_IPC_OWNER);
	CHECK_EQ(-EACCES, kipc_open_name("of one", KIPC_RIGHT_WRITE, 0));
	CHECK_EQ(-EPERM, kipc_unlink("of one"));
}

/* Like a container: the PID namespace belongs to the user namespace. */
static void container(void *arg)
{
	int sock = *(int *)arg;

	CHECK_EQ(0, unshare(CLONE_NEWUSER));
	signal_peer(sock);
	await_peer(sock);
	CHECK_EQ(0, setresgid(0, 0, 0));
	CHECK_EQ(0, setresuid(0, 0, 0));
	CHECK_EQ(0, unshare(CLONE_NEWPID));
	CHECK_EQ(0, child_run(root_of_container, NULL));
}

TEST_F(domain, user_namespace_has_power_inside)
{
	char path[64], map[64], byte;
	pid_t pid;

	if (access("/proc/self/ns/user", F_OK))
		SKIP(return, "the kernel has no user namespaces");
	pid = child_start(container, &self->sock[1]);
	ASSERT_EQ(1, recv(self->sock[0], &byte, 1, 0));
	snprintf(map, sizeof(map), "0 %d 10", NESTED_UID);
	snprintf(path, sizeof(path), "/proc/%d/uid_map", pid);
	ASSERT_LT(0, write_file(path, map));
	snprintf(path, sizeof(path), "/proc/%d/gid_map", pid);
	ASSERT_LT(0, write_file(path, map));
	ASSERT_EQ(1, send(self->sock[0], "", 1, 0));
	EXPECT_EQ(0, child_end(pid));
	EXPECT_TRUE(wait_for(!objects_of(NESTED_UID + 1)));
}

TEST_HARNESS_MAIN
