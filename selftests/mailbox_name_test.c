// SPDX-License-Identifier: GPL-2.0
/*
 * Mailboxes by name: who may open one for what, other users, PID namespaces and
 * user namespaces; persistence.
 */
#include <sys/stat.h>

#include "kselftest_harness.h"
#include "mailbox_util.h"

#define NAME	"mailbox-name"

/* Exactly the mode, whatever the umask. */
static int make_named(uint32_t mode)
{
	mode_t mask = umask(0);
	int fd = box_named(NAME, mode, KIPC_EXCL);

	umask(mask);
	return fd;
}

/* What the mode of a mailbox of root's lets others do, by rights. */
static const struct {
	uint32_t mode;
	bool may[4];		/* index: KIPC_RIGHT_* */
} modes[] = {
	{ 0600, { false, false, false, false } },
	{ 0604, { false, true, false, false } },
	{ 0602, { false, false, true, false } },
	{ 0606, { false, true, true, true } },
	{ 0660, { false, false, false, false } },
	{ 0006, { false, true, true, true } },
};

#define MODES	ARRAY_SIZE(modes)

static void open_by_mode(void *arg)
{
	const bool *may = arg;
	struct msg_got got;
	uint32_t rights;
	int fd;

	for (rights = 1; rights < 4; rights++) {
		fd = box_open(NAME, rights, KIPC_NONBLOCK);
		if (!may[rights]) {
			CHECK_EQ(-EACCES, fd);
			continue;
		}
		CHECK_EQ(1, fd >= 0);
		CHECK_EQ(rights & KIPC_RIGHT_WRITE ? 0 : -EBADF,
			 box_put(fd, 0, 0, "mine"));
		CHECK_EQ(rights == RIGHT_BOTH ? 0 :
			 rights & KIPC_RIGHT_READ ? -EAGAIN : -EBADF,
			 box_try_recv(fd, &got));
		if (rights == KIPC_RIGHT_WRITE)
			CHECK_EQ(-EBADF, box_empty(fd));
		CHECK_EQ(-EPERM, kipc_destroy(fd));
		close(fd);
	}
	CHECK_EQ(-EPERM, kipc_unlink(NAME));
	CHECK_EQ(-EPERM, kipc_destroy_name(NAME));
}

TEST(modes_and_other_users)
{
	unsigned int i;
	int fd;

	for (i = 0; i < MODES; i++) {
		fd = make_named(modes[i].mode);
		ASSERT_LE(0, fd);
		EXPECT_EQ(0, child_run_as(ALICE, open_by_mode,
					  (void *)modes[i].may))
			TH_LOG("mode %o", modes[i].mode);
		/* He who could only send has left one. */
		EXPECT_EQ(modes[i].may[KIPC_RIGHT_WRITE], box_messages(fd))
			TH_LOG("mode %o", modes[i].mode);
		close(fd);
	}
}

/* Rights of a handle are fixed when it is opened. */
TEST(a_mode_that_changes)
{
	struct kipc_setattr attr = { .size = sizeof(attr),
		.flags = KIPC_SET_MODE, .mode = 0 };
	static const bool nothing[4];
	int fd = make_named(0600), other;

	ASSERT_LE(0, fd);
	other = box_open(NAME, RIGHT_BOTH, 0);
	ASSERT_LE(0, other);
	ASSERT_EQ(0, kipc_ioctl(fd, KIPC_SETATTR, &attr));
	EXPECT_EQ(0, child_run_as(ALICE, open_by_mode, (void *)nothing));
	EXPECT_EQ(0, box_put(other, 0, 0, "still"));
	EXPECT_TRUE(box_next_is(other, "still"));
}

/* One user receives what another one sends, and knows who it was. */
static void send_it(void *arg)
{
	int fd = box_open(NAME, KIPC_RIGHT_WRITE, 0);

	(void)arg;
	CHECK_EQ(1, fd >= 0);
	CHECK_EQ(0, box_put(fd, 1, 0, "hello"));
}

static void receive_from_bob(void *arg)
{
	int fd = box_open(NAME, KIPC_RIGHT_READ, 0);
	struct msg_got got;

	(void)arg;
	CHECK_EQ(1, fd >= 0);
	CHECK_EQ(0, box_patient_recv(fd, &got));
	CHECK_EQ(1, msg_is(&got.msg, "hello"));
	CHECK_EQ(BOB, got.msg.uid);
	CHECK_EQ(BOB, got.msg.gid);
}

TEST(from_one_user_to_another)
{
	int fd = make_named(0666);

	ASSERT_LE(0, fd);
	EXPECT_EQ(0, child_run_as(BOB, send_it, NULL));
	EXPECT_EQ(0, child_run_as(ALICE, receive_from_bob, NULL));
	EXPECT_TRUE(box_is_idle(fd));
}

/* No privileges are needed for anything. */
static void alone(void *arg)
{
	int fd = box_named(NAME, 0600, KIPC_EXCL);
	struct msg_got got;

	(void)arg;
	CHECK_EQ(1, fd >= 0);
	CHECK_EQ(0, box_put(fd, 1, 2, "own"));
	CHECK_EQ(0, box_try_recv(fd, &got));
	CHECK_EQ(ALICE, got.msg.uid);
	CHECK_EQ(-ETIMEDOUT, BOX_RECV(fd, &got, .deadline_ns = in_ms(5)));
	CHECK_EQ(1, times_listed(NAME));
	CHECK_EQ(0, kipc_destroy(fd));
	CHECK_EQ(-ENOENT, box_open(NAME, RIGHT_BOTH, 0));
}

TEST(a_user_without_privileges)
{
	EXPECT_EQ(0, child_run_as(ALICE, alone, NULL));
	EXPECT_EQ(0, objects_of(ALICE));
	EXPECT_EQ(0, bytes_of(ALICE));
}

/* A test and the first process of a PID namespace. */
struct across {
	int fd;
	uint32_t outer;		/* pid of the test */
	uint32_t child;
	uint32_t test;
};

static void in_namespace(void *arg)
{
	struct across *across = arg;
	struct msg_got got;

	CHECK_EQ(1, getpid());
	/* Names are the namespace's own. */
	CHECK_EQ(-ENOENT, box_open(NAME, RIGHT_BOTH, 0));
	CHECK_EQ(1, box_named(NAME, 0600, KIPC_EXCL) >= 0);
	/* The handle works; whom it cannot see has no number. */
	CHECK_EQ(0, box_try_recv(across->fd, &got));
	CHECK_EQ(1, msg_is(&got.msg, "from outside"));
	CHECK_EQ(0, got.msg.pid);
	/* And cannot be selected by the number that it has elsewhere. */
	CHECK_EQ(0, box_put(across->fd, 0, 0, "from inside"));
	CHECK_EQ(0, BOX_RECV(across->fd, &got, .flags = KIPC_MSG_PEEK,
			     .select = KIPC_SELECT_SENDER, .pid = 1));
	CHECK_EQ(1, msg_is(&got.msg, "from inside"));
	CHECK_EQ(1, got.msg.pid);
	CHECK_EQ(-ESRCH, BOX_RECV(across->fd, &got, .flags = KIPC_MSG_PEEK,
				  .select = KIPC_SELECT_SENDER,
				  .pid = across->outer));
	word_set(&across->child, 1);
	while (!word_get(&across->test))
		usleep(500);
}

TEST(pid_namespaces)
{
	struct across *across = kipc_shared(sizeof(*across));
	struct job job = { .fn = in_namespace, .arg = across };
	struct msg_got got;
	pid_t pid;
	int fd = make_named(0600);

	ASSERT_NE(NULL, across);
	ASSERT_LE(0, fd);
	across->fd = fd;
	across->outer = getpid();
	ASSERT_EQ(0, box_put(fd, 0, 0, "from outside"));
	pid = child_start(run_in_namespace, &job);
	ASSERT_TRUE(wait_for(word_get(&across->child)));
	/* From here it has a number: the child of the one that unshared. */
	ASSERT_EQ(0, box_try_recv(fd, &got));
	EXPECT_TRUE(msg_is(&got.msg, "from inside"));
	EXPECT_LT(1, got.msg.pid);
	EXPECT_NE((uint32_t)pid, got.msg.pid);
	EXPECT_EQ(0, kill(got.msg.pid, 0));
	EXPECT_EQ(-EAGAIN, BOX_RECV(fd, &got, .flags = KIPC_MSG_NONBLOCK,
				    .select = KIPC_SELECT_SENDER,
				    .pid = got.msg.pid));
	word_set(&across->test, 1);
	EXPECT_EQ(0, child_end(pid));
}

/* Who waits for a process of another namespace learns of its death. */
static void send_and_stay(void *arg)
{
	struct across *across = arg;

	CHECK_EQ(0, box_put(across->fd, 0, 0, "from inside"));
	word_set(&across->child, 1);
	while (!word_get(&across->test))
		usleep(500);
}

TEST(death_in_another_namespace)
{
	struct across *across = kipc_shared(sizeof(*across));
	struct job job = { .fn = send_and_stay, .arg = across };
	struct box_task task;
	struct msg_got got;
	pid_t pid;

	ASSERT_NE(NULL, across);
	across->fd = box_make(0, 0);
	ASSERT_LE(0, across->fd);
	pid = child_start(run_in_namespace, &job);
	ASSERT_TRUE(wait_for(word_get(&across->child)));
	ASSERT_EQ(0, box_try_recv(across->fd, &got));
	box_recv_init(&task, across->fd, KIPC_SELECT_SENDER, 0);
	task.arg.recv.pid = got.msg.pid;
	ASSERT_EQ(0, box_task_asleep(&task));
	word_set(&across->test, 1);
	EXPECT_EQ(-ESRCH, box_task_wait(&task));
	EXPECT_EQ(0, child_end(pid));
}

/* Becomes user 5 of a new user namespace, which knows nobody else. */
static void as_user_5(void *arg)
{
	int fd = *(int *)arg;
	struct msg_got got;

	CHECK_EQ(0, unshare(CLONE_NEWUSER));
	CHECK_EQ(4, write_file("/proc/self/setgroups", "deny"));
	CHECK_EQ(5, write_file("/proc/self/uid_map", "5 0 1"));
	CHECK_EQ(5, write_file("/proc/self/gid_map", "6 0 1"));
	CHECK_EQ(5, geteuid());
	CHECK_EQ(0, box_try_recv(fd, &got));
	CHECK_EQ(5, got.msg.uid);
	CHECK_EQ(6, got.msg.gid);
	CHECK_EQ(0, box_try_recv(fd, &got));
	/* As getsockopt(2) says it of a peer that has no number here. */
	CHECK_EQ(65534, got.msg.uid);
	CHECK_EQ(65534, got.msg.gid);
	CHECK_EQ(0, box_put(fd, 0, 0, "from user 5"));
}

TEST(user_namespaces)
{
	int fd = make_named(0666);
	struct msg_got got;

	if (access("/proc/self/ns/user", F_OK))
		SKIP(return, "no user namespaces");
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, box_put(fd, 0, 0, "from root"));
	ASSERT_EQ(0, child_run_as(ALICE, send_it, NULL));
	EXPECT_EQ(0, child_run(as_user_5, &fd));
	ASSERT_EQ(0, box_try_recv(fd, &got));
	EXPECT_TRUE(msg_is(&got.msg, "from user 5"));
	EXPECT_EQ(0, got.msg.uid + got.msg.gid);
}

TEST(persistent_keeps_its_messages)
{
	struct kipc_mailbox_create arg = { .name = to_u64(NAME),
		.name_len = strlen(NAME), .mode = 0600, .max_messages = 5,
		.flags = KIPC_PERSIST | KIPC_EXCL };
	struct kipc_info before, after;
	int fd;

	ASSERT_EQ(0, kipc_info(&before));
	EXPECT_EQ(-1, box_create(&arg));
	EXPECT_EQ(KIPC_RESULT_CREATED, arg.result);
	fd = box_open(NAME, KIPC_RIGHT_WRITE, 0);
	ASSERT_LE(0, fd);
	EXPECT_EQ(0, box_put(fd, 7, 0, "first"));
	EXPECT_EQ(0, box_put(fd, 7, 0, "second"));
	close(fd);
	/* Nobody has it open. */
	fd = box_open(NAME, KIPC_RIGHT_READ, 0);
	ASSERT_LE(0, fd);
	EXPECT_EQ(5, box_stat(fd).max_messages);
	EXPECT_TRUE(box_next_is(fd, "first"));
	close(fd);
	EXPECT_EQ(0, kipc_unlink(NAME));
	EXPECT_EQ(-ENOENT, box_open(NAME, RIGHT_BOTH, 0));
	/* With its name the last of it is gone, and the message too. */
	ASSERT_EQ(0, kipc_info(&after));
	EXPECT_EQ(before.objects, after.objects);
	EXPECT_EQ(before.bytes, after.bytes);
}

/* Without that it lasts as long as somebody has it. */
TEST(gone_with_the_last_handle)
{
	int fd = make_named(0600), other;

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, box_put(fd, 0, 0, "lost"));
	other = box_open(NAME, KIPC_RIGHT_WRITE, 0);
	ASSERT_LE(0, other);
	close(fd);
	fd = box_open(NAME, KIPC_RIGHT_READ, 0);
	ASSERT_LE(0, fd);
	EXPECT_EQ(1, box_messages(fd));
	close(fd);
	close(other);
	EXPECT_EQ(-ENOENT, box_open(NAME, KIPC_RIGHT_READ, 0));
	fd = make_named(0600);
	ASSERT_LE(0, fd);
	EXPECT_EQ(0, box_messages(fd));
}

/* Unlinked, it goes on for those who have it. */
TEST(unlinked)
{
	int fd = make_named(0600), other;

	ASSERT_LE(0, fd);
	other = box_open(NAME, KIPC_RIGHT_READ, 0);
	ASSERT_LE(0, other);
	ASSERT_EQ(0, kipc_unlink(NAME));
	EXPECT_EQ(-ENOENT, box_open(NAME, RIGHT_BOTH, 0));
	EXPECT_EQ(0, box_put(fd, 0, 0, "still"));
	EXPECT_TRUE(box_next_is(other, "still"));
	/* The name is free for another one. */
	EXPECT_LE(0, make_named(0600));
}

TEST_HARNESS_MAIN
