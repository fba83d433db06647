// SPDX-License-Identifier: GPL-2.0
/*
 * The errors that the headers promise for the ioctls of an endpoint: what is
 * refused changes nothing, and is not half done.
 */
#include "kselftest_harness.h"

#include "endpoint_util.h"

#define MESSAGES	4
#define BYTES		4096
#define LONGEST		1000

/* The endpoint of the test, idle before and after what is refused. */
FIXTURE(error) {
	char name[32];
	int fd;
	int writer;
	int reader;
	int other;	/* of another process's endpoint */
	int dev;
	struct ep_owner *owner;
};

FIXTURE_SETUP(error)
{
	struct kipc_endpoint_create arg = {
		.rights = RIGHT_BOTH,
		.mode = 0600,
		.max_messages = MESSAGES,
		.max_bytes = BYTES,
		.message_max = LONGEST,
	};

	self->owner = ep_owners(1);
	ASSERT_NE(NULL, self->owner);
	ASSERT_EQ(0, ep_owner_start(self->owner));
	self->other = self->owner->handle;

	snprintf(self->name, sizeof(self->name), "error-%d", getpid());
	arg.name = to_u64(self->name);
	arg.name_len = strlen(self->name);
	self->fd = ep_create(&arg);
	ASSERT_LE(0, self->fd);
	self->writer = ep_open(self->name, KIPC_RIGHT_WRITE);
	ASSERT_LE(0, self->writer);
	self->reader = ep_open(self->name, KIPC_RIGHT_READ);
	ASSERT_LE(0, self->reader);
	self->dev = kipc_device();
	ASSERT_LE(0, self->dev);
}

FIXTURE_TEARDOWN(error)
{
	EXPECT_TRUE(ep_is_idle(self->fd));
	EXPECT_EQ(0, ep_untold(self->fd));
	EXPECT_EQ(0, EP_STAT(self->other, queue.sent));
	EXPECT_EQ(128 + SIGKILL, child_kill(self->owner->pid));
}

/* What can be wrong with a message to send, whichever call it is for. */
struct wrong {
	struct kipc_msg msg;
	int error;
};

static int32_t closed_fd[KIPC_MSG_FDS_MAX + 1] = { -1 };
static char long_body[LONGEST + 1];

#define BODY	.buf = (uintptr_t)long_body, .len = 8

static const struct wrong wrong_messages[] = {
	{ { BODY, .flags = KIPC_MSG_CALL }, -EINVAL },
	{ { BODY, .flags = 1 }, -EINVAL },
	{ { BODY, .pad = 1 }, -EINVAL },
	{ { BODY, .priority = KIPC_MSG_PRIORITY_MAX + 1 }, -EINVAL },
	{ { BODY, .fds = (uintptr_t)closed_fd,
	    .fd_count = KIPC_MSG_FDS_MAX + 1 }, -EINVAL },
	{ { BODY, .fds = (uintptr_t)closed_fd, .fd_count = 1 }, -EBADF },
	{ { BODY, .fds = 8, .fd_count = 1 }, -EFAULT },
	{ { .buf = 8, .len = 1 }, -EFAULT },
	{ { .buf = 8, .len = 500 }, -EFAULT },
	{ { .buf = (uintptr_t)long_body, .len = LONGEST + 1 }, -EMSGSIZE },
	{ { .buf = (uintptr_t)long_body, .len = UINT32_MAX }, -EMSGSIZE },
};

TEST_F(error, send_errors)
{
	const struct kipc_msg msg = msg_text("refused");
	uint32_t me = getpid(), bit;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(wrong_messages); i++) {
		const struct wrong *wrong = &wrong_messages[i];

		EXPECT_EQ(wrong->error, SEND(self->writer, .msg = wrong->msg))
			TH_LOG("message %zu", i);
		EXPECT_EQ(wrong->error, SEND(self->dev, .pid = me,
					     .msg = wrong->msg))
			TH_LOG("message %zu", i);
	}
	for (bit = 0; bit < 32; bit++)
		if (1U << bit != KIPC_MSG_NONBLOCK)
			EXPECT_EQ(-EINVAL, SEND(self->writer, .msg = msg,
						.flags = 1U << bit));
	EXPECT_EQ(-EINVAL, SEND(self->writer, .msg = msg, .pad = 1));
	EXPECT_EQ(-EBADF, SEND(self->reader, .msg = msg));
	EXPECT_EQ(-EINVAL, SEND(self->dev, .msg = msg));
	EXPECT_EQ(-EINVAL, SEND(self->dev, .msg = msg, .id = ep_id(self->fd)));
	EXPECT_EQ(-ESRCH, SEND(self->dev, .msg = msg, .pid = NO_PID));
	EXPECT_EQ(-ESRCH, SEND(self->dev, .msg = msg, .pid = UINT32_MAX));
	EXPECT_EQ(-EPERM, SEND(self->other, .msg = msg, .pid = me));
	EXPECT_EQ(-EPERM, SEND(self->other, .msg = msg,
			       .pid = self->owner->pid));
}

TEST_F(error, full)
{
	const struct kipc_msg msg = msg_text("x");
	const uint64_t past = 1;
	struct ep_got got;
	int i;

	for (i = 0; i < MESSAGES; i++)
		EXPECT_EQ(0, SEND(self->writer, .msg = msg,
				  .flags = KIPC_MSG_NONBLOCK));
	EXPECT_EQ(-EAGAIN, SEND(self->writer, .msg = msg,
				.flags = KIPC_MSG_NONBLOCK));
	EXPECT_EQ(-ETIMEDOUT, SEND(self->writer, .msg = msg,
				   .deadline_ns = past));
	EXPECT_EQ(-ETIMEDOUT, SEND(self->writer, .msg = msg,
				   .deadline_ns = in_ms(5)));
	EXPECT_EQ(-EAGAIN, CALL(self->writer, &got, .request = msg,
				.flags = KIPC_MSG_NONBLOCK));
	EXPECT_EQ(-ETIMEDOUT, CALL(self->writer, &got, .request = msg,
				   .deadline_ns = past));
	EXPECT_EQ(0, fcntl(self->writer, F_SETFL, O_NONBLOCK));
	EXPECT_EQ(-EAGAIN, SEND(self->writer, .msg = msg));
	for (i = 0; i < MESSAGES; i++)
		EXPECT_EQ(0, ep_recv_now(self->fd, &got));
	EXPECT_EQ(-EAGAIN, ep_recv_now(self->fd, &got));
	/* A deadline in the past does not matter where nobody has to sleep. */
	EXPECT_EQ(0, SEND(self->writer, .msg = msg, .deadline_ns = past));
	EXPECT_EQ(0, RECV(self->fd, &got, .deadline_ns = past));
	EXPECT_EQ(-ETIMEDOUT, RECV(self->fd, &got, .deadline_ns = past));
}

TEST_F(error, recv_errors)
{
	struct kipc_msg bad = msg_room((void *)8, 8);
	uint32_t bit;
	struct ep_got got;

	for (bit = 0; bit < 32; bit++)
		if (!(1U << bit & (KIPC_MSG_NONBLOCK | KIPC_MSG_PEEK |
				   KIPC_MSG_TRUNCATE)))
			EXPECT_EQ(-EINVAL, RECV(self->fd, &got,
						.flags = 1U << bit));
	EXPECT_EQ(-EAGAIN, RECV(self->fd, &got, .flags = KIPC_MSG_PEEK));
	EXPECT_EQ(-EAGAIN, RECV(self->fd, &got, .flags = KIPC_MSG_NONBLOCK));
	EXPECT_EQ(-ETIMEDOUT, RECV(self->fd, &got, .deadline_ns = in_ms(5)));
	EXPECT_EQ(-EBADF, RECV(self->writer, &got));
	EXPECT_EQ(-EINVAL, RECV(self->fd, &got, .select = 5));
	EXPECT_EQ(-EINVAL, RECV(self->fd, &got, .pid = 1));
	EXPECT_EQ(-EINVAL, RECV(self->fd, &got, .type = 1));
	EXPECT_EQ(-EINVAL, RECV(self->fd, &got, .position = 1));
	EXPECT_EQ(-EINVAL, RECV(self->fd, &got, .pad = 1));
	EXPECT_EQ(-EINVAL, RECV(self->fd, &got, .pid = getpid(),
				.select = KIPC_SELECT_TYPE));
	EXPECT_EQ(-EINVAL, RECV(self->fd, &got, .type = 1, .pid = getpid(),
				.select = KIPC_SELECT_SENDER));
	EXPECT_EQ(-EINVAL, RECV(self->fd, &got, .position = 1, .type = 1,
				.select = KIPC_SELECT_UP_TO,
				.flags = KIPC_MSG_PEEK));
	EXPECT_EQ(-ESRCH, RECV(self->fd, &got, .pid = NO_PID,
			       .select = KIPC_SELECT_SENDER));

	/* What is there stays there. */
	EXPECT_EQ(0, ep_send_text(getpid(), 0, "kept"));
	EXPECT_EQ(-EFAULT, RECV(self->fd, &got, .msg = bad));
	got.msg = msg_room(got.body, 3);
	EXPECT_EQ(-EMSGSIZE, RECV(self->fd, &got, .msg = got.msg));
	EXPECT_EQ(4, got.msg.len);
	EXPECT_EQ(1, ep_messages(self->fd));
	got.msg = msg_room(got.body, 3);
	EXPECT_EQ(0, RECV(self->fd, &got, .msg = got.msg,
			  .flags = KIPC_MSG_TRUNCATE));
	EXPECT_EQ(KIPC_MSG_TRUNCATED, got.msg.flags);
	EXPECT_EQ(4, got.msg.len);
	EXPECT_EQ(0, memcmp(got.body, "kep", 3));
}

TEST_F(error, vectors)
{
	struct kipc_msg in[MESSAGES + 1], out[MESSAGES + 1];
	const uint32_t most = KIPC_MSG_VECTOR_MAX;
	char body[MESSAGES + 1][16];
	int i;

	for (i = 0; i < MESSAGES + 1; i++) {
		out[i] = msg_typed(i, "in a vector");
		in[i] = msg_room(body[i], 16);
	}
	EXPECT_EQ(-EINVAL, ep_sendv(self->writer, 0, out, 0));
	EXPECT_EQ(-EINVAL, ep_sendv(self->writer, 0, out, most + 1));
	EXPECT_EQ(-EFAULT, ep_sendv(self->writer, 0, (void *)8, 1));
	EXPECT_EQ(-EBADF, ep_sendv(self->reader, 0, out, 1));
	EXPECT_EQ(-EINVAL, ep_sendv(self->dev, 0, out, 1));
	EXPECT_EQ(-ESRCH, ep_sendv(self->dev, NO_PID, out, 1));
	EXPECT_EQ(-EPERM, ep_sendv(self->other, getpid(), out, 1));
	EXPECT_EQ(-EINVAL, ep_recvv(self->fd, 0, in, 0));
	EXPECT_EQ(-EINVAL, ep_recvv(self->fd, 0, in, most + 1));
	EXPECT_EQ(-EINVAL, ep_recvv(self->fd, KIPC_MSG_PEEK, in, 1));
	EXPECT_EQ(-EBADF, ep_recvv(self->writer, KIPC_MSG_NONBLOCK, in, 1));
	EXPECT_EQ(-EAGAIN, ep_recvv(self->fd, KIPC_MSG_NONBLOCK, in, 1));

	/* As many as there is room for, then as many as there are. */
	EXPECT_EQ(MESSAGES, ep_sendv(self->writer, 0, out, MESSAGES + 1));
	EXPECT_EQ(-EAGAIN, ep_sendv(self->writer, 0, out, 1));
	EXPECT_EQ(-EFAULT, ep_recvv(self->fd, KIPC_MSG_NONBLOCK, (void *)8, 1));
	EXPECT_EQ(MESSAGES, ep_recvv(self->fd, 0, in, MESSAGES + 1));
	for (i = 0; i < MESSAGES; i++) {
		EXPECT_EQ(i, (int)in[i].type);
		EXPECT_EQ(i + 1, (int)in[i].seq);
		EXPECT_TRUE(msg_is(&in[i], "in a vector"));
	}
	/* The first one alone decides on an error. */
	out[1].pad = 1;
	EXPECT_EQ(1, ep_sendv(self->dev, getpid(), out, 2));
	EXPECT_EQ(-EINVAL, ep_sendv(self->dev, getpid(), out + 1, 2));
	in[0] = msg_room(body[0], 16);
	EXPECT_EQ(1, ep_recvv(self->fd, KIPC_MSG_NONBLOCK | KIPC_MSG_WAIT_ALL,
			      in, 2));
}

TEST_F(error, call_errors)
{
	const struct kipc_msg msg = msg_text("refused");
	uint32_t me = getpid(), bit;
	struct ep_got got;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(wrong_messages); i++) {
		EXPECT_EQ(wrong_messages[i].error,
			  CALL(self->dev, &got, .pid = me,
			       .request = wrong_messages[i].msg))
			TH_LOG("message %zu", i);
	}
	for (bit = 0; bit < 32; bit++)
		if (!(1U << bit & (KIPC_MSG_NONBLOCK | KIPC_MSG_TRUNCATE)))
			EXPECT_EQ(-EINVAL, CALL(self->dev, &got, .pid = me,
						.request = msg,
						.flags = 1U << bit));
	EXPECT_EQ(-EINVAL, CALL(self->dev, &got, .pid = me, .request = msg,
				.pad = 1));
	EXPECT_EQ(-EBADF, CALL(self->reader, &got, .request = msg));
	EXPECT_EQ(-EINVAL, CALL(self->dev, &got, .request = msg));
	EXPECT_EQ(-ESRCH, CALL(self->dev, &got, .pid = NO_PID,
			       .request = msg));
	EXPECT_EQ(-ESRCH, CALL(self->dev, &got, .pid = me, .request = msg,
			       .id = ep_id(self->other)));
	EXPECT_EQ(-ENOTCONN, CALL(self->dev, &got, .pid = getppid(),
				  .request = msg));
	EXPECT_EQ(-EPERM, CALL(self->other, &got, .pid = me, .request = msg));
	/* It was there, and it is gone. */
	EXPECT_EQ(-ETIMEDOUT, CALL(self->dev, &got, .pid = me, .request = msg,
				   .deadline_ns = in_ms(5)));
}

TEST_F(error, reply_errors)
{
	struct kipc_endpoint_reply arg = { .size = sizeof(arg), .flags = 1 };
	struct ep_caller caller;
	struct kipc_msg msg;
	struct ep_got got;
	uint64_t token;
	size_t i;

	EXPECT_EQ(-EINVAL, ep_reply(self->fd, 0, "x"));
	EXPECT_EQ(-EINVAL, ep_reply(self->fd, 1, "x"));
	EXPECT_EQ(-EBADF, ep_reply(self->writer, 1, "x"));

	ASSERT_EQ(0, ep_caller_start(&caller, EP_DEVICE, getpid(), "?"));
	ASSERT_EQ(0, ep_recv_patient(self->fd, &got));
	token = got.msg.token;
	for (i = 0; i < ARRAY_SIZE(wrong_messages); i++) {
		msg = wrong_messages[i].msg;
		EXPECT_EQ(wrong_messages[i].error,
			  ep_reply_msg(self->fd, token, &msg))
			TH_LOG("message %zu", i);
	}
	arg.token = token;
	EXPECT_EQ(-EINVAL, kipc_ioctl(self->fd, KIPC_ENDPOINT_REPLY, &arg));
	EXPECT_EQ(-EBADF, ep_reply(self->writer, token, "x"));
	EXPECT_EQ(-EINVAL, ep_reply(self->fd, token + 1, "x"));
	EXPECT_FALSE(ep_task_ended(&caller.task));
	/* The handle that may read is as good as the first one. */
	EXPECT_EQ(0, ep_reply(self->reader, token, "at last"));
	EXPECT_EQ(0, ep_caller_wait(&caller));
	EXPECT_TRUE(msg_is(&caller.arg.reply, "at last"));
	EXPECT_EQ(-EINVAL, ep_reply(self->fd, token, "once more"));
}

TEST_F(error, reply_recv_errors)
{
	const uint32_t known = KIPC_MSG_NONBLOCK | KIPC_MSG_TRUNCATE;
	uint64_t none = 0, unknown = 12345;
	struct ep_got got;
	uint32_t bit;

	for (bit = 0; bit < 32; bit++)
		if (!(1U << bit & known))
			EXPECT_EQ(-EINVAL, REPLY_RECV(self->fd, &none, "", &got,
						      .flags = 1U << bit));
	EXPECT_EQ(-EAGAIN, REPLY_RECV(self->fd, &none, "", &got,
				      .flags = KIPC_MSG_NONBLOCK));
	EXPECT_EQ(-ETIMEDOUT, REPLY_RECV(self->fd, &none, "", &got,
					 .deadline_ns = in_ms(5)));
	EXPECT_EQ(-EBADF, REPLY_RECV(self->writer, &none, "", &got,
				     .flags = KIPC_MSG_NONBLOCK));
	EXPECT_EQ(-EINVAL, REPLY_RECV(self->fd, &none, "", &got, .select = 5));
	EXPECT_EQ(-EINVAL, REPLY_RECV(self->fd, &none, "", &got, .type = 1));
	EXPECT_EQ(-EINVAL, REPLY_RECV(self->fd, &none, "", &got, .pid = 1));
	EXPECT_EQ(-ESRCH, REPLY_RECV(self->fd, &none, "", &got, .pid = NO_PID,
				     .select = KIPC_SELECT_SENDER));

	/* A reply that fails: what came is not received. */
	EXPECT_EQ(0, ep_send_text(getpid(), 0, "kept"));
	EXPECT_EQ(-EINVAL, REPLY_RECV(self->fd, &unknown, "x", &got));
	EXPECT_EQ(12345, unknown);
	EXPECT_EQ(1, ep_messages(self->fd));
	EXPECT_EQ(0, REPLY_RECV(self->fd, &none, "", &got));
	EXPECT_TRUE(msg_is(&got.msg, "kept"));
}

TEST_F(error, cancelled_errors)
{
	struct kipc_endpoint_cancelled arg = { .size = sizeof(arg) };
	struct ep_caller caller;
	struct ep_got got;
	uint64_t token;

	EXPECT_EQ(0, ep_cancelled(self->fd, &token, 1));
	EXPECT_EQ(-EINVAL, ep_cancelled(self->fd, &token, 0));
	EXPECT_EQ(-EBADF, ep_cancelled(self->writer, &token, 1));
	arg.tokens = to_u64(&token);
	arg.count = 1;
	arg.flags = 1;
	EXPECT_EQ(-EINVAL, kipc_ioctl(self->fd, KIPC_ENDPOINT_CANCELLED, &arg));
	arg.flags = 0;
	arg.pad = 1;
	EXPECT_EQ(-EINVAL, kipc_ioctl(self->fd, KIPC_ENDPOINT_CANCELLED, &arg));

	ep_caller_init(&caller, EP_DEVICE, getpid(), "?");
	caller.arg.deadline_ns = in_ms(200);
	ASSERT_EQ(0, ep_task_start(&caller.task));
	ASSERT_EQ(0, ep_recv_patient(self->fd, &got));
	EXPECT_EQ(-ETIMEDOUT, ep_caller_wait(&caller));
	/* Told to nobody, so it is still to be told. */
	EXPECT_EQ(-EFAULT, ep_cancelled(self->fd, (void *)8, 1));
	EXPECT_EQ(1, ep_untold(self->fd));
	EXPECT_EQ(1, ep_cancelled(self->fd, &token, 1));
	EXPECT_EQ(got.msg.token, token);
}

struct child_args {
	int fd;
	uint64_t token;
};

/* Who has the descriptor is not the owner for that. */
static void not_the_owner(void *data)
{
	struct child_args *args = data;
	uint64_t none = 0, token = args->token, tokens[4];
	struct kipc_msg msg;
	struct ep_got got;
	int fd = args->fd;

	msg = msg_room(got.body, EP_BODY);
	CHECK_EQ(-EPERM, RECV(fd, &got));
	CHECK_EQ(-EPERM, RECV(fd, &got, .flags = KIPC_MSG_PEEK));
	CHECK_EQ(-EPERM, RECV(fd, &got, .flags = KIPC_MSG_NONBLOCK));
	CHECK_EQ(-EPERM, ep_recvv(fd, 0, &msg, 1));
	CHECK_EQ(-EPERM, ep_reply(fd, token, "forged"));
	CHECK_EQ(-EPERM, ep_reply(fd, 1, "forged"));
	CHECK_EQ(-EPERM, REPLY_RECV(fd, &token, "forged", &got));
	CHECK_EQ(-EPERM, REPLY_RECV(fd, &none, "", &got));
	CHECK_EQ(-EPERM, ep_cancelled(fd, tokens, 4));
	/* As its own address it is none either. */
	CHECK_EQ(-EPERM, SEND(fd, .pid = getppid(), .msg = msg_text("x")));
	CHECK_EQ(0, SEND(fd, .msg = msg_text("from a child")));
}

TEST_F(error, not_the_owner)
{
	struct child_args args = { .fd = self->fd };
	struct ep_caller caller;
	struct ep_got got;

	ASSERT_EQ(0, ep_caller_start(&caller, EP_DEVICE, getpid(), "?"));
	ASSERT_EQ(0, ep_recv_patient(self->fd, &got));
	args.token = got.msg.token;
	EXPECT_EQ(0, child_run(not_the_owner, &args));
	EXPECT_FALSE(ep_task_ended(&caller.task));
	EXPECT_EQ(0, ep_reply(self->fd, args.token, "genuine"));
	EXPECT_EQ(0, ep_caller_wait(&caller));
	EXPECT_TRUE(msg_is(&caller.arg.reply, "genuine"));
	EXPECT_EQ(0, ep_recv_now(self->fd, &got));
	EXPECT_TRUE(msg_is(&got.msg, "from a child"));
}

/* Everything that can be asked of a handle, by an owner. */
TEST_F(error, destroyed)
{
	uint64_t none = 0, unknown = 1, tokens[4];
	struct kipc_endpoint_stat st;
	struct kipc_stat object;
	struct kipc_msg msg;
	struct ep_got got;

	msg = msg_room(got.body, EP_BODY);
	ASSERT_EQ(0, kipc_destroy(self->fd));
	EXPECT_EQ(-EIDRM, SEND(self->fd, .msg = msg_text("x")));
	EXPECT_EQ(-EIDRM, ep_sendv(self->fd, 0, &msg, 1));
	EXPECT_EQ(-EIDRM, CALL(self->fd, &got, .request = msg_text("x")));
	EXPECT_EQ(-EIDRM, RECV(self->fd, &got));
	EXPECT_EQ(-EIDRM, ep_recvv(self->fd, 0, &msg, 1));
	EXPECT_EQ(-EIDRM, ep_reply(self->fd, 1, "x"));
	EXPECT_EQ(-EIDRM, REPLY_RECV(self->fd, &none, "", &got));
	EXPECT_EQ(-EIDRM, REPLY_RECV(self->fd, &unknown, "", &got));
	EXPECT_EQ(-EIDRM, ep_cancelled(self->fd, tokens, 4));
	EXPECT_EQ(-EIDRM, ep_stat(self->fd, &st));
	EXPECT_EQ(0, kipc_stat_fd(self->fd, &object));
	EXPECT_EQ(KIPC_STATE_DESTROYED, object.entry.state);
	EXPECT_EQ(-ENOENT, ep_open(self->name, KIPC_RIGHT_WRITE));
	close(self->fd);
	close(self->writer);
	close(self->reader);
	self->fd = ep_named(self->name, 0600, 0);
	ASSERT_LE(0, self->fd);
}

TEST_HARNESS_MAIN
