// SPDX-License-Identifier: GPL-2.0
/*
 * Who reaches whom: other users and the mode of an endpoint, pids of other PID
 * namespaces, and pids that are used again for somebody else.
 */
#include "kselftest_harness.h"

#include "endpoint_util.h"

#define NAME	"endpoint-name"

static int set_mode(int fd, uint32_t mode)
{
	struct kipc_setattr attr = {
		.size = sizeof(attr),
		.flags = KIPC_SET_MODE,
		.mode = mode,
	};

	return kipc_ioctl(fd, KIPC_SETATTR, &attr);
}

static int set_uid(int fd, uint32_t uid)
{
	struct kipc_setattr attr = {
		.size = sizeof(attr),
		.flags = KIPC_SET_UID,
		.uid = uid,
	};

	return kipc_ioctl(fd, KIPC_SETATTR, &attr);
}

/* ---- users and modes ---- */

/* Whom the others send to, and through which handle. */
struct reach {
	uint32_t pid;
	uint64_t id;
	int own;		/* an endpoint of the sender's */
	gid_t gid;
	int expected;		/* 0 or -EACCES */
};

/* Every call that sends to a pid, and one that only asks. */
static void reach_pid(const struct reach *reach)
{
	struct kipc_msg msg = msg_text("by pid");
	uint32_t pid = reach->pid;
	struct ep_got got;
	uint64_t id = 0;

	CHECK_EQ(reach->expected, ep_find(pid, &id));
	CHECK_EQ(reach->expected ? 0 : (long long)reach->id, (long long)id);
	CHECK_EQ(reach->expected, ep_send_text(pid, 0, "by pid"));
	CHECK_EQ(reach->expected, ep_send_text(pid, reach->id, "guarded"));
	CHECK_EQ(reach->expected ?: 1, ep_sendv(EP_DEVICE, pid, &msg, 1));
	/* Nobody answers, but it got that far. */
	CHECK_EQ(reach->expected ?: -ETIMEDOUT,
		 CALL(EP_DEVICE, &got, .pid = pid, .request = msg,
		      .deadline_ns = in_ms(2)));
	/* It is another endpoint that is meant: there is nothing to deny. */
	CHECK_EQ(-ESRCH, ep_send_text(pid, reach->id + 1, "guarded"));
	CHECK_EQ(reach->expected, SEND(reach->own, .pid = pid, .msg = msg));
}

static void reach_as_alice(void *arg)
{
	struct reach *reach = arg;
	int fd;

	become(ALICE, reach->gid, 0);
	reach->own = ep_make(0, 0);
	CHECK_EQ(true, reach->own >= 0);
	reach_pid(reach);
	fd = ep_open(NAME, KIPC_RIGHT_WRITE);
	if (reach->expected)
		CHECK_EQ(reach->expected, fd);
	else
		CHECK_EQ(0, SEND(fd, .msg = msg_text("by name")));
	CHECK_EQ(-EPERM, kipc_unlink(NAME));
	CHECK_EQ(-EPERM, kipc_destroy_name(NAME));
	if (fd >= 0) {
		CHECK_EQ(-EPERM, kipc_destroy(fd));
		CHECK_EQ(-EPERM, set_mode(fd, 0666));
	}
}

/* The mode of an endpoint of root's, and who may send to it. */
static const struct {
	uint32_t mode;
	bool other;
	bool group;
} modes[] = {
	{ 0600, false, false },
	{ 0644, false, false },
	{ 0602, true, false },
	{ 0620, false, true },
	{ 0622, true, true },
	{ 0002, true, false },
	{ 0666, true, true },
};

TEST(modes_and_other_users)
{
	struct reach reach = { .pid = getpid() };
	unsigned int i;
	int fd;

	for (i = 0; i < ARRAY_SIZE(modes); i++) {
		fd = ep_named(NAME, modes[i].mode, 0);
		ASSERT_LE(0, fd);
		reach.id = ep_id(fd);
		reach.gid = ALICE;
		reach.expected = modes[i].other ? 0 : -EACCES;
		EXPECT_EQ(0, child_run(reach_as_alice, &reach))
			TH_LOG("mode %o", modes[i].mode);
		/* Four by pid and one by name, and a call that is withdrawn. */
		EXPECT_EQ(modes[i].other ? 5 : 0, ep_messages(fd));
		reach.gid = 0;
		reach.expected = modes[i].group ? 0 : -EACCES;
		EXPECT_EQ(0, child_run(reach_as_alice, &reach))
			TH_LOG("mode %o, group", modes[i].mode);
		close(fd);
	}
}

/* Who may read, and so open it, receives nothing by that. */
static void read_as_alice(void *arg)
{
	uint64_t *tokens = arg;
	struct kipc_msg msg = msg_text("forged");
	struct ep_got got;
	int fd;

	become(ALICE, ALICE, 0);
	fd = ep_open(NAME, KIPC_RIGHT_READ);
	CHECK_EQ(true, fd >= 0);
	CHECK_EQ(-EPERM, ep_recv_now(fd, &got));
	CHECK_EQ(-EPERM, RECV(fd, &got, .flags = KIPC_MSG_PEEK));
	CHECK_EQ(-EPERM, ep_reply_msg(fd, tokens[0], &msg));
	CHECK_EQ(-EPERM, ep_cancelled(fd, tokens, 2));
	CHECK_EQ(-EBADF, SEND(fd, .msg = msg));
	CHECK_EQ(0, ep_poll(fd) & POLLHUP);
}

TEST(read_permission_is_not_enough)
{
	int fd = ep_named(NAME, 0664, 0);
	uint64_t tokens[2] = { 1, 2 };

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, ep_send_text(getpid(), 0, "private"));
	EXPECT_EQ(0, child_run(read_as_alice, tokens));
	EXPECT_EQ(1, ep_messages(fd));
}

/* The test changes the mode while she has the pid, a handle, an endpoint. */
struct change {
	struct stage stage;
	struct reach reach;
};

static void reach_while_it_changes(void *arg)
{
	struct change *change = arg;
	struct reach *reach = &change->reach;
	uint32_t step;
	int fd;

	become(ALICE, ALICE, 0);
	reach->own = ep_make(0, 0);
	CHECK_EQ(true, reach->own >= 0);
	fd = ep_open(NAME, KIPC_RIGHT_WRITE);
	CHECK_EQ(true, fd >= 0);
	for (step = 1; step <= 5; step++) {
		child_at(&change->stage, step);
		reach_pid(reach);
		/* Rights of a handle are those that it was opened with. */
		CHECK_EQ(0, SEND(fd, .msg = msg_text("by handle")));
	}
	child_at(&change->stage, step);
}

TEST(a_mode_that_changes)
{
	static const uint32_t steps[] = { 0666, 0664, 0602, 0600, 0622 };
	struct change *change = kipc_shared(sizeof(*change));
	int fd = ep_named(NAME, 0666, 0);
	uint32_t step;
	pid_t pid;

	ASSERT_NE(NULL, change);
	ASSERT_LE(0, fd);
	change->reach.pid = getpid();
	change->reach.id = ep_id(fd);
	pid = child_start(reach_while_it_changes, change);
	for (step = 1; step <= 5; step++) {
		ASSERT_TRUE(child_is_at(&change->stage, step));
		ASSERT_EQ(0, set_mode(fd, steps[step - 1]));
		change->reach.expected = steps[step - 1] & 0002 ? 0 : -EACCES;
		child_go_on(&change->stage, step);
	}
	ASSERT_TRUE(child_is_at(&change->stage, step));
	child_go_on(&change->stage, step);
	EXPECT_EQ(0, child_end(pid));
	EXPECT_EQ(3 * 4 + 5, ep_messages(fd));
}

static void send_to(void *arg)
{
	const struct reach *reach = arg;

	CHECK_EQ(reach->expected, ep_send_text(reach->pid, 0, "hello"));
}

/* She may not send to herself either, if the mode says so. */
static void own_mode(void *arg)
{
	int fd = ep_make(0, 0);

	CHECK_EQ(true, fd >= 0);
	CHECK_EQ(0, ep_send_text(getpid(), 0, "to herself"));
	CHECK_EQ(0, set_mode(fd, 0466));
	CHECK_EQ(-EACCES, ep_send_text(getpid(), 0, "to herself"));
	CHECK_EQ(0, SEND(fd, .msg = msg_text("by handle")));
	CHECK_EQ(2, ep_messages(fd));
	CHECK_EQ(-EPERM, set_uid(fd, BOB));
	(void)arg;
}

/* The mode is about who KIPC_SET_UID says, not about the user of the process. */

TEST(owner_of_the_mode)
{
	int fd = ep_named(NAME, 0600, 0);
	struct reach reach = { .pid = getpid() };

	ASSERT_LE(0, fd);
	reach.expected = -EACCES;
	EXPECT_EQ(0, child_run_as(ALICE, send_to, &reach));
	ASSERT_EQ(0, set_uid(fd, ALICE));
	EXPECT_EQ(0, child_run_as(BOB, send_to, &reach));
	reach.expected = 0;
	EXPECT_EQ(0, child_run_as(ALICE, send_to, &reach));
	EXPECT_EQ(1, ep_messages(fd));
	EXPECT_EQ(0, child_run_as(ALICE, own_mode, NULL));
}

/* Root, with CAP_IPC_OWNER and without. */
static void send_without_capability(void *arg)
{
	drop_capability(CAP_IPC_OWNER);
	send_to(arg);
}

static void private_endpoint(void *arg)
{
	struct change *change = arg;
	struct ep_got got;
	int fd;

	become(ALICE, ALICE, 0);
	fd = ep_named(NAME, 0600, 0);
	CHECK_EQ(true, fd >= 0);
	child_at(&change->stage, 1);
	CHECK_EQ(0, ep_recv_now(fd, &got));
	CHECK_EQ(true, msg_is(&got.msg, "hello"));
	CHECK_EQ(0, got.msg.uid);
	CHECK_EQ(0, got.msg.gid);
	CHECK_EQ(-EAGAIN, ep_recv_now(fd, &got));
}

TEST(capability)
{
	struct change *change = kipc_shared(sizeof(*change));
	struct reach *reach;
	pid_t pid;

	ASSERT_NE(NULL, change);
	reach = &change->reach;
	pid = child_start(private_endpoint, change);
	reach->pid = pid;
	ASSERT_TRUE(child_is_at(&change->stage, 1));
	EXPECT_EQ(0, child_run(send_to, reach));
	reach->expected = -EACCES;
	EXPECT_EQ(0, child_run(send_without_capability, reach));
	EXPECT_EQ(0, child_run_as(BOB, send_to, reach));
	child_go_on(&change->stage, 1);
	EXPECT_EQ(0, child_end(pid));
}

/* A call from one user to another: both know who the other one is. */
static void call_as_bob(void *arg)
{
	const struct reach *reach = arg;
	struct ep_got got;

	become(BOB, BOB, 0);
	CHECK_EQ(0, CALL(EP_DEVICE, &got, .pid = reach->pid, .id = reach->id,
			 .request = msg_text("who?")));
	CHECK_EQ(true, msg_is(&got.msg, "alice"));
	CHECK_EQ(reach->pid, got.msg.pid);
	CHECK_EQ(ALICE, got.msg.uid);
	CHECK_EQ(ALICE, got.msg.gid);
}

static void serve_as_alice(void *arg)
{
	struct change *change = arg;
	struct ep_got got;
	int fd;

	become(ALICE, ALICE, 0);
	fd = ep_named(NAME, 0622, 0);
	CHECK_EQ(true, fd >= 0);
	change->reach.id = ep_id(fd);
	child_at(&change->stage, 1);
	CHECK_EQ(0, ep_recv_patient(fd, &got));
	CHECK_EQ(BOB, got.msg.uid);
	CHECK_EQ(BOB, got.msg.gid);
	CHECK_EQ(0, ep_reply(fd, got.msg.token, "alice"));
}

TEST(from_one_user_to_another)
{
	struct change *change = kipc_shared(sizeof(*change));
	pid_t pid;

	ASSERT_NE(NULL, change);
	pid = child_start(serve_as_alice, change);
	change->reach.pid = pid;
	ASSERT_TRUE(child_is_at(&change->stage, 1));
	child_go_on(&change->stage, 1);
	EXPECT_EQ(0, child_run(call_as_bob, &change->reach));
	EXPECT_EQ(0, child_end(pid));
	EXPECT_EQ(0, objects_of(ALICE));
}

/* ---- PID namespaces ---- */

/* The test, outside, and the first process of a PID namespace. */
struct across {
	struct stage stage;
	int sock[2];
	int up;			/* a handle of the test's endpoint, to send */
	int device;		/* opened outside */
	uint32_t outer;		/* pid of the test */
	uint64_t outer_id;
	uint64_t inner_id;
};

/* From below there is no number for those above. */
static int look_up_from_inside(struct across *across)
{
	struct kipc_endpoint_find find = { .size = sizeof(find),
		.pid = across->outer };
	struct ep_got got;
	int fd;

	CHECK_EQ(1, getpid());
	CHECK_EQ(-ENOENT, ep_open(NAME, KIPC_RIGHT_WRITE));
	CHECK_EQ(-ESRCH, ep_send_text(across->outer, 0, "x"));
	CHECK_EQ(-ESRCH, ep_send_text(across->outer, across->outer_id, "x"));
	CHECK_EQ(-ESRCH, CALL(EP_DEVICE, &got, .pid = across->outer));
	CHECK_EQ(-ESRCH, ep_find(across->outer, NULL));
	/* It is the caller that counts, not who opened the device. */
	CHECK_EQ(-ESRCH, kipc_ioctl(across->device, KIPC_ENDPOINT_FIND, &find));
	find.pid = 1;
	CHECK_EQ(-ENOTCONN, kipc_ioctl(across->device, KIPC_ENDPOINT_FIND,
				       &find));
	CHECK_EQ(0, EP_STAT(across->up, pid));
	/* The name is free in here. */
	fd = ep_named(NAME, 0600, 0);
	CHECK_EQ(true, fd >= 0);
	CHECK_EQ(0, ep_find(1, &across->inner_id));
	CHECK_EQ(true, across->inner_id != across->outer_id);
	CHECK_EQ(1, EP_STAT(fd, pid));
	return fd;
}

static void talk_from_inside(void *arg)
{
	struct across *across = arg;
	int fd = look_up_from_inside(across);
	struct ep_got got;

	CHECK_EQ(0, send_fd(across->sock[1], fd));
	/* Up, by a handle; who calls learns nothing of who answers. */
	CHECK_EQ(0, SEND(across->up, .msg = msg_text("up")));
	child_at(&across->stage, 1);
	CHECK_EQ(0, CALL(across->up, &got, .request = msg_text("call up")));
	CHECK_EQ(true, msg_is(&got.msg, "answer down"));
	CHECK_EQ(0, got.msg.pid);
	/* Down: messages and a call from one who has no number in here. */
	CHECK_EQ(0, ep_recv_patient(fd, &got));
	CHECK_EQ(true, msg_is(&got.msg, "down by pid"));
	CHECK_EQ(0, got.msg.pid);
	CHECK_EQ(0, ep_recv_patient(fd, &got));
	CHECK_EQ(true, msg_is(&got.msg, "down by endpoint"));
	CHECK_EQ(0, got.msg.pid);
	CHECK_EQ(true, got.msg.endpoint == across->outer_id);
	CHECK_EQ(0, ep_recv_patient(fd, &got));
	CHECK_EQ(true, msg_is(&got.msg, "call down"));
	CHECK_EQ(0, got.msg.pid);
	CHECK_EQ(0, ep_reply(fd, got.msg.token, "answer up"));
	child_at(&across->stage, 2);
}

/* What the one outside sees; @inner is the number that it has for the other. */
static void talk_from_outside(struct __test_metadata *_metadata,
			      struct across *across, int fd, uint32_t inner)
{
	struct ep_got got;
	uint64_t id;

	EXPECT_EQ(0, ep_find(inner, &id));
	EXPECT_EQ(across->inner_id, id);
	ASSERT_EQ(0, ep_recv_patient(fd, &got));
	EXPECT_TRUE(msg_is(&got.msg, "call up"));
	EXPECT_EQ(inner, got.msg.pid);
	ASSERT_EQ(0, ep_reply(fd, got.msg.token, "answer down"));
	ASSERT_EQ(0, ep_send_text(inner, 0, "down by pid"));
	ASSERT_EQ(0, SEND(fd, .pid = inner, .id = id,
			  .msg = msg_text("down by endpoint")));
	ASSERT_EQ(0, CALL(EP_DEVICE, &got, .pid = inner, .id = id,
			  .request = msg_text("call down")));
	EXPECT_TRUE(msg_is(&got.msg, "answer up"));
	EXPECT_EQ(inner, got.msg.pid);
	/* Number 1 is somebody else out here. */
	EXPECT_EQ(-ESRCH, ep_send_text(1, id, "x"));
}

TEST(pid_namespaces)
{
	struct across *across = kipc_shared(sizeof(*across));
	struct job job = { .fn = talk_from_inside, .arg = across };
	int fd = ep_named(NAME, 0600, 0), down;
	struct ep_got got;
	uint32_t inner;
	pid_t pid;

	ASSERT_NE(NULL, across);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_SEQPACKET, 0, across->sock));
	across->up = ep_open(NAME, KIPC_RIGHT_WRITE);
	ASSERT_LE(0, across->up);
	across->device = kipc_device();
	across->outer = getpid();
	across->outer_id = ep_id(fd);
	pid = child_start(run_in_namespace, &job);
	down = recv_fd(across->sock[0]);
	ASSERT_LE(0, down);
	ASSERT_TRUE(child_is_at(&across->stage, 1));
	/* It has a number out here: the child of the one that unshared. */
	inner = EP_STAT(down, pid);
	EXPECT_LT(1, inner);
	EXPECT_NE((uint32_t)pid, inner);
	ASSERT_EQ(0, ep_recv_now(fd, &got));
	EXPECT_TRUE(msg_is(&got.msg, "up"));
	EXPECT_EQ(inner, got.msg.pid);
	EXPECT_EQ(0, got.msg.endpoint);
	/* To receive from it alone. */
	EXPECT_EQ(-EAGAIN, RECV(fd, &got, .select = KIPC_SELECT_SENDER,
				.pid = inner, .flags = KIPC_MSG_NONBLOCK));
	child_go_on(&across->stage, 1);
	talk_from_outside(_metadata, across, fd, inner);
	ASSERT_TRUE(child_is_at(&across->stage, 2));
	child_go_on(&across->stage, 2);
	EXPECT_EQ(0, child_end(pid));
	EXPECT_EQ(-ESRCH, ep_send_text(inner, 0, "x"));
	EXPECT_EQ(-ECONNRESET, SEND(down, .flags = KIPC_MSG_NONBLOCK));
}

/* A namespace that is killed, with a caller inside and one outside. */
static void serve_inside(void *arg)
{
	struct across *across = arg;
	struct ep_got got;
	pid_t second;
	int fd;

	fd = ep_make(0, 0);
	CHECK_EQ(true, fd >= 0);
	second = kipc_fork();
	if (!second) {
		/* Among themselves they have numbers. */
		CHECK_EQ(0, ep_send_text(1, 0, "within"));
		CALL(across->up, &got, .request = msg_text("never answered"));
		_exit(1);
	}
	CHECK_EQ(0, ep_recv_patient(fd, &got));
	CHECK_EQ(second, got.msg.pid);
	CHECK_EQ(0, send_fd(across->sock[1], fd));
	CHECK_EQ(0, ep_recv_patient(fd, &got));
	for (;;)
		pause();
}

static void run_until_killed(void *arg)
{
	CHECK_EQ(0, unshare(CLONE_NEWPID));
	CHECK_EQ(128 + SIGKILL, child_run(serve_inside, arg));
}

TEST(a_namespace_that_dies)
{
	struct across *across = kipc_shared(sizeof(*across));
	int fd = ep_named(NAME, 0600, 0), down;
	struct ep_caller caller;
	struct ep_got got;
	uint64_t token;
	pid_t pid;

	ASSERT_NE(NULL, across);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_SEQPACKET, 0, across->sock));
	across->up = ep_open(NAME, KIPC_RIGHT_WRITE);
	ASSERT_LE(0, across->up);
	pid = child_start(run_until_killed, across);
	down = recv_fd(across->sock[0]);
	ASSERT_LE(0, down);
	ASSERT_EQ(0, ep_recv_patient(fd, &got));
	EXPECT_TRUE(msg_is(&got.msg, "never answered"));
	EXPECT_LT(1, got.msg.pid);
	ASSERT_EQ(0, ep_caller_start(&caller, EP_DEVICE, EP_STAT(down, pid),
				     "never answered"));
	ASSERT_TRUE(wait_for(ep_calls(down) == 1));
	/* The first process takes all with it. */
	ASSERT_EQ(0, kill(EP_STAT(down, pid), SIGKILL));
	EXPECT_EQ(-ECONNRESET, ep_caller_wait(&caller));
	EXPECT_TRUE(wait_for(ep_untold(fd) == 1));
	EXPECT_EQ(1, ep_cancelled(fd, &token, 1));
	EXPECT_EQ(got.msg.token, token);
	EXPECT_EQ(0, child_end(pid));
}

/* ---- numbers that are used again ---- */

#define NUMBER		300
#define LAST_PID	"/proc/sys/kernel/ns_last_pid"

/* One process after the other has NUMBER, in a namespace of their own. */
struct recycled {
	struct stage stage;	/* of the one that has it now */
	uint64_t id;		/* of its endpoint; 0: none yet */
	uint64_t first;
	int fd;			/* an endpoint of the first process */
	uint32_t reached;	/* messages that came to their endpoint */
	uint32_t refused;	/* messages whose endpoint was no more */
	uint32_t over;
};

/* fork() until the child has NUMBER: at once where the kernel can be told. */
static pid_t fork_recycled(void)
{
	uint64_t end = now_ns() + 10 * PATIENCE_NS;
	char text[16];
	pid_t pid;

	snprintf(text, sizeof(text), "%d", NUMBER - 1);
	while (now_ns() < end) {
		if (!access(LAST_PID, W_OK))
			CHECK_EQ(true, write_file(LAST_PID, text) > 0);
		pid = kipc_fork();
		if (!pid && getpid() == NUMBER)
			return 0;
		if (!pid)
			pause();
		if (pid == NUMBER)
			return pid;
		child_kill(pid);
	}
	CHECK_EQ(NUMBER, -1);
	return -1;
}

/* Sends a word to the first process, and has what the others send to it. */
static void have_number(struct recycled *r, const char *text)
{
	struct ep_got got;
	int fd;

	CHECK_EQ(NUMBER, getpid());
	child_at(&r->stage, 1);
	CHECK_EQ(0, ep_send_text(1, 0, text));
	fd = ep_make(0, 0);
	CHECK_EQ(true, fd >= 0);
	r->id = ep_id(fd);
	child_at(&r->stage, 2);
	/* Exactly one got here: the one that did not care whose number it is. */
	CHECK_EQ(0, ep_recv_now(fd, &got));
	CHECK_EQ(true, msg_is(&got.msg, "whoever"));
	CHECK_EQ(-EAGAIN, ep_recv_now(fd, &got));
	CHECK_EQ(1, EP_STAT(fd, queue.sent));
	child_at(&r->stage, 3);
}

static pid_t start_recycled(struct recycled *r, const char *text)
{
	pid_t pid;

	r->stage = (struct stage){};
	pid = fork_recycled();
	if (!pid) {
		have_number(r, text);
		_exit(0);
	}
	CHECK_EQ(true, child_is_at(&r->stage, 1));
	return pid;
}

/* All calls with the guard of endpoint @id say so. */
static void refused(struct recycled *r, uint64_t id)
{
	struct kipc_msg msg = msg_text("guarded");
	struct ep_got got;

	CHECK_EQ(-ESRCH, ep_send_text(NUMBER, id, "guarded"));
	CHECK_EQ(-ESRCH, SENDV(EP_DEVICE, .pid = NUMBER, .id = id, .count = 1,
			       .msgs = to_u64(&msg)));
	CHECK_EQ(-ESRCH, CALL(EP_DEVICE, &got, .pid = NUMBER, .id = id,
			      .request = msg));
	CHECK_EQ(-ESRCH, SEND(r->fd, .pid = NUMBER, .id = id, .msg = msg));
	CHECK_EQ(-ESRCH, CALL(r->fd, &got, .pid = NUMBER, .id = id,
			      .request = msg));
}

static int take_from_number(struct recycled *r, struct ep_got *got)
{
	return RECV(r->fd, got, .select = KIPC_SELECT_SENDER, .pid = NUMBER,
		    .flags = KIPC_MSG_NONBLOCK);
}

static void live_with_recycled(void *arg)
{
	struct recycled *r = arg;
	struct ep_got got;
	uint64_t id;

	r->fd = ep_make(0, 0);
	CHECK_EQ(true, r->fd >= 0);
	start_recycled(r, "from the first");
	child_go_on(&r->stage, 1);
	CHECK_EQ(true, child_is_at(&r->stage, 2));
	CHECK_EQ(0, ep_find(NUMBER, &r->first));
	CHECK_EQ(true, r->first == r->id);
	CHECK_EQ(0, ep_send_text(NUMBER, r->first, "guarded"));
	CHECK_EQ(128 + SIGKILL, child_kill(NUMBER));
	refused(r, r->first);
	CHECK_EQ(-ESRCH, ep_send_text(NUMBER, 0, "whoever"));

	/* The number is there again, at first without an endpoint. */
	start_recycled(r, "from the second");
	refused(r, r->first);
	CHECK_EQ(-ENOTCONN, ep_send_text(NUMBER, 0, "whoever"));
	child_go_on(&r->stage, 1);
	CHECK_EQ(true, child_is_at(&r->stage, 2));
	refused(r, r->first);
	CHECK_EQ(0, ep_find(NUMBER, &id));
	CHECK_EQ(true, id == r->id && id != r->first);
	CHECK_EQ(0, ep_send_text(NUMBER, 0, "whoever"));
	child_go_on(&r->stage, 2);
	CHECK_EQ(true, child_is_at(&r->stage, 3));

	/* Its messages are not those of the first, who is no process. */
	CHECK_EQ(0, take_from_number(r, &got));
	CHECK_EQ(true, msg_is(&got.msg, "from the second"));
	CHECK_EQ(-EAGAIN, take_from_number(r, &got));
	child_go_on(&r->stage, 3);
	CHECK_EQ(0, child_end(NUMBER));
	CHECK_EQ(0, take_from_number(r, &got));
	CHECK_EQ(true, msg_is(&got.msg, "from the first"));
	CHECK_EQ(-ESRCH, take_from_number(r, &got));
}

TEST(a_pid_that_is_used_again)
{
	struct recycled *r = kipc_shared(sizeof(*r));

	ASSERT_NE(NULL, r);
	EXPECT_EQ(0, child_run_in_namespace(live_with_recycled, r));
}

/* Sends and calls by the guard, as fast as it can, whoever has the number. */
static void send_guarded(struct recycled *r)
{
	struct ep_got got;
	uint64_t id, n;
	int ret;

	for (n = 0; !word_get(&r->over); n++) {
		id = __atomic_load_n(&r->id, __ATOMIC_ACQUIRE);
		if (!id)
			continue;
		if (n & 1)
			ret = SEND(EP_DEVICE, .pid = NUMBER, .id = id,
				   .msg = msg_bytes(&id, sizeof(id)));
		else
			ret = CALL(EP_DEVICE, &got, .pid = NUMBER, .id = id,
				   .request = msg_bytes(&id, sizeof(id)));
		if (ret) {
			CHECK_EQ(true, ret == -ESRCH || ret == -ECONNRESET);
			word_add(&r->refused, 1);
			continue;
		}
		word_add(&r->reached, 1);
		/* And it was this one that answered. */
		CHECK_EQ(true, n & 1 || got.msg.endpoint == id);
	}
}

/* Nothing but what is meant for it; ends after some of that, or is killed. */
static void have_number_for_a_while(struct recycled *r, uint32_t count)
{
	int fd = ep_make(4, 0);
	uint64_t id = ep_id(fd), meant;
	struct ep_got got;

	CHECK_EQ(NUMBER, getpid());
	CHECK_EQ(true, id != 0);
	__atomic_store_n(&r->id, id, __ATOMIC_RELEASE);
	while (count--) {
		CHECK_EQ(0, RECV(fd, &got, .msg = msg_room(&meant, 8),
				 .deadline_ns = now_ns() + PATIENCE_NS));
		CHECK_EQ(true, meant == id);
		if (got.msg.token)
			CHECK_EQ(0, ep_reply(fd, got.msg.token, "here"));
	}
	_exit(0);
}

static void many_with_one_number(void *arg)
{
	unsigned long rounds = scaled(500), i;
	struct recycled *r = arg;
	pid_t sender[2];
	int k;

	for (k = 0; k < 2; k++) {
		sender[k] = kipc_fork();
		if (!sender[k]) {
			send_guarded(r);
			_exit(0);
		}
	}
	for (i = 0; i < rounds; i++) {
		if (!fork_recycled())
			have_number_for_a_while(r, 1 + i % 7);
		CHECK_EQ(0, child_end(NUMBER));
	}
	word_set(&r->over, 1);
	for (k = 0; k < 2; k++)
		CHECK_EQ(0, child_end(sender[k]));
}

/* However close one follows the other, none is given what was for another. */
TEST(a_pid_that_is_used_all_the_time)
{
	struct recycled *r = kipc_shared(sizeof(*r));

	ASSERT_NE(NULL, r);
	EXPECT_EQ(0, child_run_in_namespace(many_with_one_number, r));
	EXPECT_LT(scaled(500), r->reached);
	EXPECT_LT(scaled(500), r->refused);
}

TEST_HARNESS_MAIN
