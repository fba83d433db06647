// SPDX-License-Identifier: GPL-2.0
/*
 * Each ioctl of a mailbox: what it does, what it needs, and the errors that the
 * header promises.  See mailbox_create_test.c for how one is made.
 */
#include "kselftest_harness.h"
#include "mailbox_util.h"

#define BAD	8		/* an address where nothing is */

/* Fresh for each test: at most four messages, of 100 bytes and 300 in all. */
FIXTURE(api) {
	int fd;
	int reader;
	int writer;
	char body[128];
	struct msg_got got;
};

FIXTURE_SETUP(api)
{
	char name[64];
	struct kipc_mailbox_create arg = {
		.flags = KIPC_EXCL,
		.name = to_u64(name),
		.rights = RIGHT_BOTH,
		.mode = 0600,
		.max_messages = 4,
		.max_bytes = 300,
		.message_max = 100,
	};

	snprintf(name, sizeof(name), "api-%d", getpid());
	arg.name_len = strlen(name);
	self->fd = box_create(&arg);
	ASSERT_LE(0, self->fd);
	self->reader = box_open(name, KIPC_RIGHT_READ, 0);
	ASSERT_LE(0, self->reader);
	self->writer = box_open(name, KIPC_RIGHT_WRITE, 0);
	ASSERT_LE(0, self->writer);
	pattern_fill(self->body, 0, sizeof(self->body));
}

FIXTURE_TEARDOWN(api)
{
	/* What is refused leaves nothing behind. */
	EXPECT_TRUE(box_is_idle(self->fd));
}

TEST_F(api, what_comes_with_a_message)
{
	struct kipc_msg msg = msg_bytes(self->body, 77);
	uint64_t before, after;

	msg.type = 0x123456789abcdef0;
	msg.priority = KIPC_MSG_PRIORITY_MAX;
	msg.cookie = 0xfedcba9876543210;
	/* What only comes out is ignored on the way in. */
	msg.pid = 1;
	msg.uid = 2;
	msg.gid = 3;
	msg.seq = 4;
	msg.time_ns = 5;
	msg.token = 6;
	msg.endpoint = 7;
	before = now_ns();
	ASSERT_EQ(0, box_try_send(self->fd, msg));
	after = now_ns();
	ASSERT_EQ(0, box_try_recv(self->fd, &self->got));
	msg = self->got.msg;
	EXPECT_EQ(0x123456789abcdef0, msg.type);
	EXPECT_EQ(KIPC_MSG_PRIORITY_MAX, msg.priority);
	EXPECT_EQ(0xfedcba9876543210, msg.cookie);
	EXPECT_EQ(0, msg.flags | msg.pad | msg.fd_count);
	EXPECT_EQ(to_u64(self->got.body), msg.buf);
	EXPECT_EQ(0, msg.fds);
	EXPECT_EQ(77, msg.len);
	EXPECT_TRUE(pattern_ok(self->got.body, 0, 77));
	EXPECT_EQ(getpid(), (pid_t)msg.pid);
	EXPECT_EQ(geteuid(), msg.uid);
	EXPECT_EQ(getegid(), msg.gid);
	EXPECT_EQ(1, msg.seq);
	EXPECT_LE(before, msg.time_ns);
	EXPECT_GE(after, msg.time_ns);
	EXPECT_EQ(0, msg.token | msg.endpoint);
}

static void send_as_alice(void *arg)
{
	int fd = *(int *)arg;

	/* The effective ids count, whatever the real ones are. */
	CHECK_EQ(0, setresgid(-1, BOB, -1));
	CHECK_EQ(0, setresuid(-1, ALICE, -1));
	CHECK_EQ(0, box_put(fd, 0, 0, "from alice"));
}

/* It is from the process that sent it, also when that is no more. */
TEST_F(api, who_sent_it)
{
	pid_t pid = child_start(send_as_alice, &self->fd);

	ASSERT_EQ(0, child_end(pid));
	ASSERT_EQ(0, box_try_recv(self->fd, &self->got));
	EXPECT_TRUE(msg_is(&self->got.msg, "from alice"));
	EXPECT_EQ(pid, (pid_t)self->got.msg.pid);
	EXPECT_EQ(ALICE, self->got.msg.uid);
	EXPECT_EQ(BOB, self->got.msg.gid);
}

/* Of all that were accepted, whatever became of them. */
TEST_F(api, numbers_and_times_grow)
{
	uint64_t seq, time = 0;

	for (seq = 1; seq < 10; seq++) {
		ASSERT_EQ(0, box_put(self->fd, 0, seq % 3, "x"));
		EXPECT_EQ(-EMSGSIZE, box_try_send(self->fd,
						  msg_bytes(self->body, 101)));
		ASSERT_EQ(0, box_try_recv(self->fd, &self->got));
		EXPECT_EQ(seq, self->got.msg.seq);
		EXPECT_LE(time, self->got.msg.time_ns);
		time = self->got.msg.time_ns;
	}
	ASSERT_EQ(0, box_put(self->fd, 0, 0, "x"));
	ASSERT_EQ(0, box_empty(self->fd));
	ASSERT_EQ(0, box_put(self->fd, 0, 0, "x"));
	ASSERT_EQ(0, box_try_recv(self->fd, &self->got));
	EXPECT_EQ(seq + 1, self->got.msg.seq);
}

/* What came out can go in again as it is, once there is room again. */
TEST_F(api, one_struct_for_all_calls)
{
	struct kipc_msg_recv arg = { .size = sizeof(arg),
		.flags = KIPC_MSG_NONBLOCK };
	int i;

	arg.msg = msg_room(self->got.body, MSG_BODY);
	for (i = 0; i < 3; i++) {
		ASSERT_EQ(0, box_put(self->fd, 5, 7, "again"));
		arg.msg.len = MSG_BODY;
		ASSERT_EQ(0, kipc_ioctl(self->fd, KIPC_MAILBOX_RECV, &arg));
		EXPECT_TRUE(msg_is(&arg.msg, "again"));
		EXPECT_EQ(i + 1, arg.msg.seq);
	}
	ASSERT_EQ(0, box_try_send(self->fd, arg.msg));
	EXPECT_TRUE(box_next_is(self->fd, "again"));
}

TEST_F(api, lengths)
{
	static char large[1 << 20];
	uint32_t len;
	int fd;

	for (len = 0; len <= 100; len++) {
		memset(self->got.body, 0x5a, MSG_BODY);
		ASSERT_EQ(0, box_try_send(self->fd,
					  msg_bytes(self->body, len)));
		ASSERT_EQ(0, box_try_recv(self->fd, &self->got));
		ASSERT_EQ(len, self->got.msg.len);
		ASSERT_TRUE(pattern_ok(self->got.body, 0, len));
		/* And nothing behind it. */
		ASSERT_EQ(0x5a, self->got.body[len]);
	}
	/* All that is around the sizes of pages, up to the ceiling. */
	fd = box_make(4, sizeof(large));
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, fcntl(fd, F_SETFL, O_NONBLOCK));
	for (len = 1024; len <= sizeof(large); len *= 2) {
		int32_t more = -200;

		for (; more <= 40 && len + more <= sizeof(large); more += 8) {
			struct msg_got got = {};

			pattern_fill(large, len, len + more);
			ASSERT_EQ(0, box_try_send(fd, msg_bytes(large,
								len + more)));
			memset(large, 0, sizeof(large));
			ASSERT_EQ(0, BOX_RECV(fd, &got,
					      .msg = msg_room(large,
							sizeof(large))));
			ASSERT_EQ(len + more, got.msg.len);
			ASSERT_TRUE(pattern_ok(large, len, len + more));
		}
	}
}

/* What was in it before is not to be had. */
TEST(memory_that_is_used_again)
{
	static const uint32_t lens[] = {
		4096, 1929, 1928, 4095, 64, 3000, 65, 2000, 4097, 1, 4096, 2500,
	};
	static char body[5000], got[5000], untouched[5000];
	struct kipc_msg room = msg_room(got, sizeof(got));
	size_t round, i, waiting, len;
	struct msg_got head = {};
	int fd;

	fd = box_make(ARRAY_SIZE(lens), 1 << 16);
	ASSERT_LE(0, fd);
	memset(untouched, 0x5a, sizeof(untouched));
	/* More and more of them at a time: some memory is kept, not all. */
	for (waiting = 1; waiting <= ARRAY_SIZE(lens); waiting++) {
		for (round = 0; round < 3; round++) {
			for (i = 0; i < waiting; i++) {
				pattern_fill(body, i + round, lens[i]);
				head.msg = msg_bytes(body, lens[i]);
				ASSERT_EQ(0, box_try_send(fd, head.msg));
			}
			for (i = 0; i < waiting; i++) {
				memcpy(got, untouched, sizeof(got));
				ASSERT_EQ(0, BOX_RECV(fd, &head, .msg = room));
				len = lens[i];
				ASSERT_EQ(len, head.msg.len);
				ASSERT_TRUE(pattern_ok(got, i + round, len));
				ASSERT_EQ(0, memcmp(got + len, untouched,
						    sizeof(got) - len));
			}
		}
	}
}

TEST_F(api, send_errors)
{
	const uint32_t no = KIPC_MSG_NONBLOCK;
	struct kipc_msg msg = msg_text("never there");
	struct kipc_msg_send arg = { .size = sizeof(arg), .msg = msg };
	struct {
		struct kipc_msg_send arg;
		uint64_t tail;
	} future = { .arg = { .size = sizeof(future), .msg = msg }, .tail = 1 };

	EXPECT_EQ(-EINVAL, BOX_SEND(self->fd, .flags = 2, .msg = msg));
	EXPECT_EQ(-EINVAL, BOX_SEND(self->fd, .flags = 4 | no, .msg = msg));
	EXPECT_EQ(-EINVAL, BOX_SEND(self->fd, .flags = 8, .msg = msg));
	EXPECT_EQ(-EINVAL, BOX_SEND(self->fd, .flags = 1U << 31, .msg = msg));
	EXPECT_EQ(-EINVAL, BOX_SEND(self->fd, .pid = getpid(), .msg = msg));
	EXPECT_EQ(-EINVAL, BOX_SEND(self->fd, .pad = 1, .msg = msg));
	EXPECT_EQ(-EINVAL, BOX_SEND(self->fd, .id = 1, .msg = msg));
	arg.size = sizeof(arg) - 8;
	EXPECT_EQ(-EINVAL, kipc_ioctl(self->fd, KIPC_MAILBOX_SEND, &arg));
	EXPECT_EQ(-EFAULT, kipc_ioctl(self->fd, KIPC_MAILBOX_SEND,
				      (void *)BAD));
	EXPECT_EQ(-E2BIG, kipc_ioctl(self->fd, KIPC_MAILBOX_SEND, &future));
	future.tail = 0;
	EXPECT_EQ(0, kipc_ioctl(self->fd, KIPC_MAILBOX_SEND, &future));
	EXPECT_TRUE(box_next_is(self->fd, "never there"));
}

/* The message itself. */
TEST_F(api, message_errors)
{
	int32_t fds[KIPC_MSG_FDS_MAX + 1] = {};
	struct kipc_msg msg = msg_text("never there"), good = msg;

	msg.flags = 1;
	EXPECT_EQ(-EINVAL, box_try_send(self->fd, msg));
	msg.flags = KIPC_MSG_CALL;
	EXPECT_EQ(-EINVAL, box_try_send(self->fd, msg));
	msg = good;
	msg.pad = 1;
	EXPECT_EQ(-EINVAL, box_try_send(self->fd, msg));
	msg = good;
	msg.priority = KIPC_MSG_PRIORITY_MAX + 1;
	EXPECT_EQ(-EINVAL, box_try_send(self->fd, msg));
	msg.priority = UINT32_MAX;
	EXPECT_EQ(-EINVAL, box_try_send(self->fd, msg));
	msg = good;
	msg.len = 101;
	EXPECT_EQ(-EMSGSIZE, box_try_send(self->fd, msg));
	msg.len = UINT32_MAX;
	EXPECT_EQ(-EMSGSIZE, box_try_send(self->fd, msg));
	EXPECT_EQ(-EFAULT, box_try_send(self->fd, msg_bytes((void *)BAD, 1)));
	EXPECT_EQ(-EFAULT, box_try_send(self->fd, msg_bytes((void *)BAD, 64)));
	EXPECT_EQ(-EFAULT, box_try_send(self->fd, msg_bytes((void *)BAD, 99)));
	EXPECT_EQ(-EFAULT, box_try_send(self->fd, msg_bytes((void *)-64, 64)));
	msg = good;
	msg.fds = to_u64(fds);
	msg.fd_count = KIPC_MSG_FDS_MAX + 1;
	EXPECT_EQ(-EINVAL, box_try_send(self->fd, msg));
	msg.fd_count = UINT32_MAX;
	EXPECT_EQ(-EINVAL, box_try_send(self->fd, msg));
	msg.fd_count = 3;
	fds[2] = -1;
	EXPECT_EQ(-EBADF, box_try_send(self->fd, msg));
	fds[2] = 1 << 20;
	EXPECT_EQ(-EBADF, box_try_send(self->fd, msg));
	msg.fds = BAD;
	EXPECT_EQ(-EFAULT, box_try_send(self->fd, msg));
	EXPECT_EQ(0, box_stat(self->fd).sent);
}

TEST_F(api, recv_errors)
{
	const uint32_t no = KIPC_MSG_NONBLOCK, peek = KIPC_MSG_PEEK;
	struct msg_got *got = &self->got;
	struct kipc_msg_recv arg = { .size = sizeof(arg) - 8, .flags = no,
		.msg = msg_got_room(got) };

	ASSERT_EQ(0, box_put(self->fd, 3, 0, "stays"));
	EXPECT_EQ(-EINVAL, BOX_RECV(self->fd, got, .flags = 8 | no));
	EXPECT_EQ(-EINVAL, BOX_RECV(self->fd, got, .flags = 16 | no));
	EXPECT_EQ(-EINVAL, BOX_RECV(self->fd, got, .flags = 1U << 16));
	EXPECT_EQ(-EINVAL, BOX_RECV(self->fd, got, .flags = no, .pad = 1));
	EXPECT_EQ(-EINVAL, BOX_RECV(self->fd, got, .flags = no, .select = 5));
	EXPECT_EQ(-EINVAL, BOX_RECV(self->fd, got, .flags = no, .type = 3));
	EXPECT_EQ(-EINVAL, BOX_RECV(self->fd, got, .flags = no,
				    .pid = getpid()));
	EXPECT_EQ(-EINVAL, BOX_RECV(self->fd, got, .flags = no, .pid = 1,
				    .select = KIPC_SELECT_TYPE, .type = 3));
	EXPECT_EQ(-EINVAL, BOX_RECV(self->fd, got, .flags = no,
				    .select = KIPC_SELECT_SENDER));
	EXPECT_EQ(-EINVAL, BOX_RECV(self->fd, got, .flags = no, .type = 3,
				    .select = KIPC_SELECT_SENDER,
				    .pid = getpid()));
	EXPECT_EQ(-EINVAL, BOX_RECV(self->fd, got, .flags = no, .position = 1));
	EXPECT_EQ(-EINVAL, BOX_RECV(self->fd, got, .flags = peek,
				    .position = 1, .type = 9,
				    .select = KIPC_SELECT_UP_TO));
	EXPECT_EQ(-ESRCH, BOX_RECV(self->fd, got, .flags = no, .pid = NO_PID,
				   .select = KIPC_SELECT_SENDER));
	EXPECT_EQ(-ESRCH, BOX_RECV(self->fd, got, .flags = no,
				   .pid = UINT32_MAX,
				   .select = KIPC_SELECT_SENDER));
	EXPECT_EQ(-EINVAL, kipc_ioctl(self->fd, KIPC_MAILBOX_RECV, &arg));
	EXPECT_EQ(-EFAULT, kipc_ioctl(self->fd, KIPC_MAILBOX_RECV,
				      (void *)BAD));
	arg.size = sizeof(arg);
	arg.msg.pad = 1;
	EXPECT_EQ(-EINVAL, kipc_ioctl(self->fd, KIPC_MAILBOX_RECV, &arg));
	EXPECT_EQ(1, box_messages(self->fd));
	EXPECT_TRUE(box_next_is(self->fd, "stays"));

	EXPECT_EQ(-EAGAIN, BOX_RECV(self->fd, got, .flags = no));
	EXPECT_EQ(-EAGAIN, BOX_RECV(self->fd, got, .flags = peek));
	EXPECT_EQ(-EAGAIN, BOX_RECV(self->fd, got, .flags = no,
				    .deadline_ns = 1));
	EXPECT_EQ(-ETIMEDOUT, BOX_RECV(self->fd, got, .deadline_ns = 1));
	EXPECT_EQ(-EAGAIN, BOX_RECV(self->fd, got, .flags = no, .pid = getpid(),
				    .select = KIPC_SELECT_SENDER));
}

TEST_F(api, vector_errors)
{
	struct kipc_msg msgs[KIPC_MSG_VECTOR_MAX + 1] = {};
	const uint64_t at = to_u64(msgs);
	const uint32_t no = KIPC_MSG_NONBLOCK;

	EXPECT_EQ(-EINVAL, BOX_SENDV(self->fd, .count = 0, .msgs = at));
	EXPECT_EQ(-EINVAL, BOX_SENDV(self->fd, .count = 65, .msgs = at));
	EXPECT_EQ(-EINVAL, BOX_SENDV(self->fd, .count = UINT32_MAX,
				     .msgs = at));
	EXPECT_EQ(-EINVAL, BOX_SENDV(self->fd, .count = 1, .msgs = at,
				     .flags = KIPC_MSG_WAIT_ALL));
	EXPECT_EQ(-EINVAL, BOX_SENDV(self->fd, .count = 1, .msgs = at,
				     .pid = 1));
	EXPECT_EQ(-EINVAL, BOX_SENDV(self->fd, .count = 1, .msgs = at,
				     .id = 1));
	EXPECT_EQ(-EFAULT, BOX_SENDV(self->fd, .count = 1, .msgs = BAD));
	EXPECT_EQ(-EFAULT, BOX_SENDV(self->fd, .count = 1,
				     .msgs = 1ULL << 63));
	EXPECT_EQ(-EINVAL, BOX_RECVV(self->fd, .count = 0, .msgs = at));
	EXPECT_EQ(-EINVAL, BOX_RECVV(self->fd, .count = 65, .msgs = at));
	EXPECT_EQ(-EINVAL, BOX_RECVV(self->fd, .count = 1, .msgs = at,
				     .flags = KIPC_MSG_PEEK));
	EXPECT_EQ(-EINVAL, BOX_RECVV(self->fd, .count = 1, .msgs = at,
				     .flags = 16));
	EXPECT_EQ(-EINVAL, BOX_RECVV(self->fd, .count = 1, .msgs = at,
				     .pad = 1));
	EXPECT_EQ(-EINVAL, BOX_RECVV(self->fd, .count = 1, .msgs = at,
				     .select = 5));
	EXPECT_EQ(-ESRCH, BOX_RECVV(self->fd, .count = 1, .msgs = at,
				    .pid = NO_PID,
				    .select = KIPC_SELECT_SENDER));
	EXPECT_EQ(-EFAULT, BOX_RECVV(self->fd, .count = 1, .msgs = BAD,
				     .flags = no));
	EXPECT_EQ(-EAGAIN, BOX_RECVV(self->fd, .count = 1, .msgs = at,
				     .flags = no));
	EXPECT_EQ(-EAGAIN, BOX_RECVV(self->fd, .count = 2, .msgs = at,
				     .flags = no | KIPC_MSG_WAIT_ALL));
	EXPECT_EQ(-ETIMEDOUT, BOX_RECVV(self->fd, .count = 2, .msgs = at,
					.deadline_ns = 1));
	EXPECT_EQ(0, box_stat(self->fd).sent);
}

TEST_F(api, drain_and_stat_errors)
{
	struct kipc_mailbox_drain drain = { .size = sizeof(drain), .flags = 1 };
	struct kipc_mailbox_stat st = { .size = sizeof(st), .flags = 1 };

	EXPECT_EQ(-EINVAL, kipc_ioctl(self->fd, KIPC_MAILBOX_DRAIN, &drain));
	drain.flags = 0;
	drain.pad = 1;
	EXPECT_EQ(-EINVAL, kipc_ioctl(self->fd, KIPC_MAILBOX_DRAIN, &drain));
	EXPECT_EQ(-EFAULT, kipc_ioctl(self->fd, KIPC_MAILBOX_DRAIN,
				      (void *)BAD));
	EXPECT_EQ(-EINVAL, kipc_ioctl(self->fd, KIPC_MAILBOX_STAT, &st));
	st.flags = 0;
	st.size = 8;
	EXPECT_EQ(-EINVAL, kipc_ioctl(self->fd, KIPC_MAILBOX_STAT, &st));
	EXPECT_EQ(-EFAULT, kipc_ioctl(self->fd, KIPC_MAILBOX_STAT,
				      (void *)BAD));
}

TEST_F(api, drain)
{
	struct kipc_mailbox_drain arg;

	ASSERT_EQ(0, box_drain(self->fd, &arg));
	EXPECT_EQ(0, arg.messages + arg.bytes);
	ASSERT_EQ(0, box_put(self->fd, 1, 5, "one"));
	ASSERT_EQ(0, box_put(self->fd, 2, 0, "three"));
	ASSERT_EQ(0, box_put(self->fd, 3, 5, ""));
	ASSERT_EQ(0, box_drain(self->fd, &arg));
	EXPECT_EQ(3, arg.messages);
	EXPECT_EQ(8, arg.bytes);
	EXPECT_EQ(-EAGAIN, box_try_recv(self->fd, &self->got));
	ASSERT_EQ(0, box_drain(self->fd, &arg));
	EXPECT_EQ(0, arg.messages + arg.bytes);
	/* Nobody received them. */
	EXPECT_EQ(3, box_stat(self->fd).sent);
	EXPECT_EQ(0, box_stat(self->fd).received);
}

TEST_F(api, drain_lets_senders_in)
{
	struct kipc_mailbox_drain arg;
	struct box_task task[6];
	char text[6][2];
	int i;

	for (i = 0; i < 4; i++)
		ASSERT_EQ(0, box_put(self->fd, 0, 0, "x"));
	for (i = 0; i < 6; i++) {
		snprintf(text[i], 2, "%d", i);
		ASSERT_EQ(0, box_send_asleep(&task[i], self->fd,
					     msg_text(text[i])));
	}
	ASSERT_EQ(0, box_drain(self->fd, &arg));
	EXPECT_EQ(4, arg.messages);
	EXPECT_EQ(4, box_messages(self->fd));
	EXPECT_EQ(2, box_senders(self->fd));
	for (i = 0; i < 4; i++)
		EXPECT_EQ(0, box_task_wait(&task[i]));
	for (i = 0; i < 6; i++)
		EXPECT_TRUE(box_next_is(self->fd, text[i]));
	for (i = 4; i < 6; i++)
		EXPECT_EQ(0, box_task_wait(&task[i]));
}

TEST_F(api, stat)
{
	struct kipc_queue_stat st = box_stat(self->fd);
	struct box_task task;

	EXPECT_EQ(4, st.max_messages);
	EXPECT_EQ(300, st.max_bytes);
	EXPECT_EQ(100, st.message_max);
	EXPECT_EQ(0, st.messages + st.bytes + st.peak_messages + st.peak_bytes);
	EXPECT_EQ(0, st.senders + st.receivers + st.sent + st.received);
	EXPECT_EQ(0, st.send_sleeps + st.send_blocked_ns + st.recv_sleeps +
		  st.recv_blocked_ns);
	ASSERT_EQ(0, box_try_send(self->fd, msg_bytes(self->body, 100)));
	ASSERT_EQ(0, box_try_send(self->fd, msg_bytes(self->body, 100)));
	ASSERT_EQ(0, box_try_recv(self->fd, &self->got));
	ASSERT_EQ(0, box_put(self->fd, 0, 0, ""));
	st = box_stat(self->fd);
	EXPECT_EQ(2, st.messages);
	EXPECT_EQ(100, st.bytes);
	EXPECT_EQ(2, st.peak_messages);
	EXPECT_EQ(200, st.peak_bytes);
	EXPECT_EQ(3, st.sent);
	EXPECT_EQ(1, st.received);

	/* 100 more fit, 201 do not. */
	ASSERT_EQ(0, box_try_send(self->fd, msg_bytes(self->body, 100)));
	ASSERT_EQ(0, box_try_send(self->fd, msg_bytes(self->body, 99)));
	ASSERT_EQ(0, box_send_asleep(&task, self->fd, msg_text("waits")));
	st = box_stat(self->fd);
	EXPECT_EQ(1, st.senders);
	EXPECT_EQ(0, st.receivers);
	EXPECT_EQ(5, st.sent);
	EXPECT_EQ(4, st.peak_messages);
	EXPECT_EQ(299, st.peak_bytes);
	ASSERT_EQ(0, box_try_recv(self->fd, &self->got));
	EXPECT_EQ(0, box_task_wait(&task));
	st = box_stat(self->fd);
	EXPECT_EQ(0, st.senders);
	EXPECT_EQ(6, st.sent);
	EXPECT_EQ(1, st.send_sleeps);
	EXPECT_LT(0, st.send_blocked_ns);
	EXPECT_EQ(299, st.peak_bytes);
	ASSERT_EQ(0, box_empty(self->fd));

	ASSERT_EQ(0, box_recv_asleep(&task, self->fd, KIPC_SELECT_ANY, 0));
	EXPECT_EQ(1, box_receivers(self->fd));
	ASSERT_EQ(0, box_put(self->fd, 0, 0, "to him"));
	EXPECT_EQ(0, box_task_wait(&task));
	st = box_stat(self->fd);
	EXPECT_EQ(0, st.receivers);
	EXPECT_EQ(7, st.sent);
	EXPECT_EQ(3, st.received);
	EXPECT_EQ(1, st.recv_sleeps);
	EXPECT_LT(0, st.recv_blocked_ns);
}

/* By messages and by bytes; an empty one takes a place as well. */
TEST_F(api, bounds)
{
	int i;

	for (i = 0; i < 4; i++)
		EXPECT_EQ(0, box_put(self->fd, 0, 0, ""));
	EXPECT_EQ(-EAGAIN, box_put(self->fd, 0, 0, ""));
	EXPECT_EQ(-EAGAIN, box_put(self->fd, 0, 32767, "x"));
	EXPECT_EQ(-ETIMEDOUT, BOX_SEND(self->fd, .deadline_ns = 1,
				       .msg = msg_text("x")));
	ASSERT_EQ(0, box_empty(self->fd));
	for (i = 0; i < 3; i++)
		EXPECT_EQ(0, box_try_send(self->fd,
					  msg_bytes(self->body, 100)));
	EXPECT_EQ(-EAGAIN, box_put(self->fd, 0, 0, "x"));
	EXPECT_EQ(0, box_put(self->fd, 0, 0, ""));
	ASSERT_EQ(0, box_empty(self->fd));
}

TEST_F(api, a_handle_that_may_only_send)
{
	struct kipc_msg msgs[1] = { msg_text("sent") };
	struct kipc_mailbox_drain drain;
	char c;

	EXPECT_EQ(-EBADF, box_try_recv(self->writer, &self->got));
	EXPECT_EQ(-EBADF, BOX_RECV(self->writer, &self->got,
				   .flags = KIPC_MSG_PEEK));
	EXPECT_EQ(-EBADF, BOX_RECVV(self->writer, .count = 1,
				    .msgs = to_u64(msgs)));
	EXPECT_EQ(-EBADF, box_drain(self->writer, &drain));
	EXPECT_EQ(-EBADF, KIPC_RET(read(self->writer, &c, 1)));
	EXPECT_EQ(1, BOX_SENDV(self->writer, .count = 1,
			       .msgs = to_u64(msgs)));
	EXPECT_EQ(0, box_try_send(self->writer, msgs[0]));
	EXPECT_EQ(4, KIPC_RET(write(self->writer, "sent", 4)));
	EXPECT_EQ(3, box_stat(self->writer).messages);
	ASSERT_EQ(0, box_empty(self->reader));
}

TEST_F(api, a_handle_that_may_only_receive)
{
	struct kipc_msg msgs[1] = { msg_text("sent") };
	char c;

	EXPECT_EQ(-EBADF, box_try_send(self->reader, msgs[0]));
	EXPECT_EQ(-EBADF, BOX_SENDV(self->reader, .count = 1,
				    .msgs = to_u64(msgs)));
	EXPECT_EQ(-EBADF, KIPC_RET(write(self->reader, "sent", 4)));
	EXPECT_EQ(0, box_messages(self->reader));
	ASSERT_EQ(0, box_put(self->writer, 0, 0, "1"));
	ASSERT_EQ(0, box_put(self->writer, 0, 0, "2"));
	ASSERT_EQ(0, box_put(self->writer, 0, 0, "3"));
	EXPECT_TRUE(box_next_is(self->reader, "1"));
	msgs[0] = msg_got_room(&self->got);
	EXPECT_EQ(1, BOX_RECVV(self->reader, .count = 1,
			       .msgs = to_u64(msgs)));
	EXPECT_TRUE(msg_is(&msgs[0], "2"));
	EXPECT_EQ(1, KIPC_RET(read(self->reader, &c, 1)));
	EXPECT_EQ('3', c);
	EXPECT_EQ(0, box_empty(self->reader));
}

/* The last handle that may receive is gone: no reason for anything. */
TEST_F(api, nobody_there)
{
	int fd = box_make(2, 0);

	ASSERT_LE(0, fd);
	close(self->reader);
	EXPECT_EQ(0, box_put(self->writer, 0, 0, "for later"));
	close(self->writer);
	EXPECT_TRUE(box_next_is(self->fd, "for later"));
	EXPECT_EQ(-EAGAIN, box_try_recv(self->fd, &self->got));
}

/* What belongs to other kinds, or to the device, or to nobody. */
TEST_F(api, calls_of_others)
{
	struct kipc_pipe_stat pipe_stat = { .size = sizeof(pipe_stat) };
	struct kipc_info info = { .size = sizeof(info) };
	struct kipc_mailbox_create make = { .size = sizeof(make),
		.rights = RIGHT_BOTH };
	struct kipc_endpoint_stat st = { .size = sizeof(st) };
	int fd[2];

	EXPECT_EQ(-ENOTTY, kipc_ioctl(self->fd, KIPC_PIPE_STAT, &pipe_stat));
	EXPECT_EQ(-ENOTTY, kipc_ioctl(self->fd, KIPC_INFO, &info));
	EXPECT_EQ(-ENOTTY, kipc_ioctl(self->fd, KIPC_MAILBOX_CREATE, &make));
	EXPECT_EQ(-ENOTTY, kipc_ioctl(self->fd, KIPC_ENDPOINT_STAT, &st));
	EXPECT_EQ(-ENOTTY, msg_send(self->fd, KIPC_ENDPOINT_SEND,
				    &(struct kipc_msg_send){}));
	EXPECT_EQ(-ENOTTY, kipc_ioctl(self->fd, _IO(KIPC_IOC_TYPE, 0x57),
				      &info));
	ASSERT_EQ(0, kipc_pipe(fd, 0, 0));
	EXPECT_EQ(-ENOTTY, box_put(fd[1], 0, 0, "x"));
	EXPECT_EQ(-ENOTTY, box_put(kipc_device(), 0, 0, "x"));
	EXPECT_EQ(-ESPIPE, KIPC_RET(lseek(self->fd, 0, SEEK_CUR)));
	EXPECT_EQ(MAP_FAILED, mmap(NULL, 4096, PROT_READ, MAP_SHARED, self->fd,
				   0));
}

TEST(all_calls_on_a_destroyed_one)
{
	struct kipc_msg msgs[1] = { msg_text("x") };
	struct kipc_mailbox_stat st = { .size = sizeof(st) };
	struct kipc_mailbox_drain drain;
	int fd = box_make(0, 0);
	struct kipc_stat stat;
	struct msg_got got;
	char c = 0;

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, box_put(fd, 0, 0, "lost"));
	ASSERT_EQ(0, kipc_destroy(fd));
	EXPECT_EQ(-EIDRM, box_try_send(fd, msgs[0]));
	EXPECT_EQ(-EIDRM, BOX_SENDV(fd, .count = 1, .msgs = to_u64(msgs)));
	EXPECT_EQ(-EIDRM, box_try_recv(fd, &got));
	EXPECT_EQ(-EIDRM, BOX_RECV(fd, &got, .flags = KIPC_MSG_PEEK));
	EXPECT_EQ(-EIDRM, BOX_RECVV(fd, .count = 1, .msgs = to_u64(msgs)));
	EXPECT_EQ(-EIDRM, box_drain(fd, &drain));
	EXPECT_EQ(-EIDRM, kipc_ioctl(fd, KIPC_MAILBOX_STAT, &st));
	EXPECT_EQ(-EIDRM, KIPC_RET(read(fd, &c, 1)));
	EXPECT_EQ(-EIDRM, KIPC_RET(write(fd, &c, 1)));
	ASSERT_EQ(0, kipc_stat_fd(fd, &stat));
	EXPECT_EQ(KIPC_STATE_DESTROYED, stat.entry.state);
}

TEST_HARNESS_MAIN
