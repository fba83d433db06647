// SPDX-License-Identifier: GPL-2.0
/*
 * Calls: what goes there and back, tokens and what they are good for, and what
 * fails at one end without harm to the call.  Callers that give up are in
 * endpoint_cancel_test.c.
 */
#include "kselftest_harness.h"

#include <sys/resource.h>

#include "endpoint_util.h"

#define MESSAGES	4
#define LONGEST		(1U << 20)

/* The process calls itself, from threads. */
FIXTURE(call) {
	int fd;
	uint32_t me;
	uint64_t token;		/* of the call that was received last */
	struct ep_caller caller;
	struct ep_got got;
};

FIXTURE_SETUP(call)
{
	self->fd = ep_make(MESSAGES, LONGEST);
	ASSERT_LE(0, self->fd);
	self->me = getpid();
	ep_caller_init(&self->caller, EP_DEVICE, self->me, "question");
}

FIXTURE_TEARDOWN(call)
{
	EXPECT_TRUE(ep_is_idle(self->fd));
	EXPECT_EQ(0, ep_untold(self->fd));
	close(self->fd);
}

#define CALL_DATA	FIXTURE_DATA(call)

/* Makes self->caller's call; the request is in self->got then. */
static void start_call(struct __test_metadata *_metadata, CALL_DATA *self)
{
	ASSERT_EQ(0, ep_caller_received(&self->caller, self->fd, &self->got));
	ASSERT_EQ(KIPC_MSG_CALL, self->got.msg.flags & ~KIPC_MSG_FDS_DROPPED);
	ASSERT_NE(0, self->got.msg.token);
	self->token = self->got.msg.token;
}

/* The call is unharmed: it is answered as if nothing had been. */
static void finish_call(struct __test_metadata *_metadata, CALL_DATA *self)
{
	EXPECT_FALSE(ep_task_ended(&self->caller.task));
	EXPECT_EQ(1, ep_calls(self->fd));
	EXPECT_EQ(0, ep_reply(self->fd, self->token, "answer"));
	ASSERT_EQ(0, ep_caller_wait(&self->caller));
	EXPECT_TRUE(msg_is(&self->caller.arg.reply, "answer"));
	EXPECT_EQ(0, ep_calls(self->fd));
}

TEST_F(call, answered)
{
	struct kipc_msg *reply = &self->caller.arg.reply;
	struct kipc_msg answer = msg_text("answer");
	uint64_t before = now_ns();

	self->caller.arg.request.type = 5;
	start_call(_metadata, self);
	EXPECT_TRUE(msg_is(&self->got.msg, "question"));
	EXPECT_EQ(5, self->got.msg.type);
	EXPECT_EQ(1, ep_calls(self->fd));
	EXPECT_EQ(0, ep_messages(self->fd));
	answer.type = 1ULL << 60;
	answer.priority = 7;
	answer.cookie = ~0ULL;
	ASSERT_EQ(0, ep_reply_msg(self->fd, self->token, &answer));
	ASSERT_EQ(0, ep_caller_wait(&self->caller));
	EXPECT_TRUE(msg_is(reply, "answer"));
	EXPECT_EQ(1ULL << 60, reply->type);
	EXPECT_EQ(7, reply->priority);
	EXPECT_EQ(~0ULL, reply->cookie);
	EXPECT_EQ(self->me, reply->pid);
	EXPECT_EQ(geteuid(), reply->uid);
	EXPECT_EQ(getegid(), reply->gid);
	EXPECT_EQ(0, reply->flags);
	EXPECT_EQ(0, reply->fd_count);
	EXPECT_EQ(0, reply->seq);
	EXPECT_EQ(0, reply->token);
	EXPECT_EQ(ep_id(self->fd), reply->endpoint);
	EXPECT_LE(before, reply->time_ns);
	EXPECT_GE(now_ns(), reply->time_ns);
	/* What the caller said stays as it was. */
	EXPECT_TRUE(msg_is(&self->caller.arg.request, "question"));
	EXPECT_EQ(0, self->caller.arg.request.token);
}

/* Each is kept and copied in a way of its own. */
static const uint32_t lengths[] = { 0, 1, 7, 8, 63, 64, 65, 1000, 1928, 1929,
				    4096, 4097, 70000, LONGEST };

/* In a child: calls with bodies of all lengths, gets others of all lengths. */
static void call_with_bodies(struct ep_owner *owner)
{
	char *body = malloc(LONGEST), *room = malloc(LONGEST);
	const size_t n = ARRAY_SIZE(lengths);
	struct kipc_msg msg;
	struct ep_got got;
	size_t i, j;

	CHILD_CHECK(body && room);
	for (i = 0; i < n * n; i++) {
		j = i / n + i;
		pattern_fill(body, i, lengths[i % n]);
		msg = msg_bytes(body, lengths[i % n]);
		msg.type = i;
		CHECK_EQ(0, CALL(EP_DEVICE, &got, .pid = getppid(),
				 .request = msg,
				 .reply = msg_room(room, LONGEST)));
		CHECK_EQ(i, got.msg.type);
		CHECK_EQ(lengths[j % n], got.msg.len);
		CHILD_CHECK(pattern_ok(room, j, got.msg.len));
	}
	child_at(&owner->stage, 2);
}

TEST_F(call, bodies_both_ways)
{
	char *body = malloc(LONGEST), *room = malloc(LONGEST);
	struct ep_owner *owner = ep_owners(1);
	const size_t n = ARRAY_SIZE(lengths);
	struct kipc_msg answer;
	size_t i, j;

	ASSERT_TRUE(owner && body && room);
	owner->run = call_with_bodies;
	ASSERT_EQ(0, ep_owner_start(owner));
	for (i = 0; i < n * n; i++) {
		j = i / n + i;
		ASSERT_EQ(0, RECV(self->fd, &self->got,
				  .msg = msg_room(room, LONGEST),
				  .deadline_ns = now_ns() + PATIENCE_NS));
		ASSERT_EQ(i, self->got.msg.type);
		EXPECT_EQ(lengths[i % n], self->got.msg.len);
		EXPECT_TRUE(pattern_ok(room, i, self->got.msg.len));
		pattern_fill(body, j, lengths[j % n]);
		answer = msg_bytes(body, lengths[j % n]);
		answer.type = i;
		ASSERT_EQ(0, ep_reply_msg(self->fd, self->got.msg.token,
					  &answer));
	}
	EXPECT_TRUE(child_is_at(&owner->stage, 2));
	child_go_on(&owner->stage, 2);
	EXPECT_EQ(0, child_end(owner->pid));
}

TEST_F(call, token_counts_once)
{
	uint64_t other;

	start_call(_metadata, self);
	EXPECT_EQ(-EINVAL, ep_reply(self->fd, 0, "no"));
	finish_call(_metadata, self);
	EXPECT_EQ(-EINVAL, ep_reply(self->fd, self->token, "again"));
	other = self->token;
	start_call(_metadata, self);
	EXPECT_NE(other, self->token);
	EXPECT_EQ(-EINVAL, ep_reply(self->fd, other, "again"));
	EXPECT_EQ(-EINVAL, REPLY_RECV(self->fd, &other, "again", &self->got,
				      .flags = KIPC_MSG_NONBLOCK));
	finish_call(_metadata, self);
}

/* Knowing some of them does not help to find the next. */
TEST_F(call, token_cannot_be_guessed)
{
	uint64_t last[2];
	int i;

	for (i = 0; i < 2; i++) {
		start_call(_metadata, self);
		finish_call(_metadata, self);
		last[i] = self->token;
	}
	start_call(_metadata, self);
	for (i = 0; i < 64; i++)
		EXPECT_EQ(-EINVAL, ep_reply(self->fd,
					    self->token ^ 1ULL << i, "no"));
	EXPECT_NE(last[1] + 1, self->token);
	EXPECT_NE(last[1] - last[0], self->token - last[1]);
	finish_call(_metadata, self);
}

static void use_as_another(void *data)
{
	CALL_DATA *self = data;
	int own;

	CHECK_EQ(-EPERM, ep_reply(self->fd, self->token, "no"));
	CHECK_EQ(-EPERM, REPLY_RECV(self->fd, &self->token, "no", &self->got,
				    .flags = KIPC_MSG_NONBLOCK));
	own = ep_make(0, 0);
	CHILD_CHECK(own >= 0);
	CHECK_EQ(-EINVAL, ep_reply(own, self->token, "no"));
	CHECK_EQ(-EINVAL, REPLY_RECV(own, &self->token, "no", &self->got,
				     .flags = KIPC_MSG_NONBLOCK));
}

TEST_F(call, token_is_the_owners)
{
	start_call(_metadata, self);
	EXPECT_EQ(0, child_run(use_as_another, self));
	finish_call(_metadata, self);
}

/* The owner has another endpoint by now: it is not the same token either. */
TEST_F(call, token_goes_with_the_endpoint)
{
	start_call(_metadata, self);
	close(self->fd);
	EXPECT_EQ(-ECONNRESET, ep_caller_wait(&self->caller));
	self->fd = ep_make(MESSAGES, LONGEST);
	ASSERT_LE(0, self->fd);
	EXPECT_EQ(-EINVAL, ep_reply(self->fd, self->token, "late"));
}

TEST_F(call, reply_is_too_long)
{
	char body[EP_BODY + 8] = "long", room[EP_BODY + 8] = "";
	struct kipc_msg msg = msg_bytes(body, sizeof(body));
	int i;

	start_call(_metadata, self);
	for (i = 0; i < 2; i++) {
		msg.len = EP_BODY + 1 + i;
		EXPECT_EQ(-EMSGSIZE, ep_reply_msg(self->fd, self->token,
						  &msg));
		EXPECT_EQ(EP_BODY, msg.len);
		EXPECT_FALSE(ep_task_ended(&self->caller.task));
	}
	EXPECT_EQ(0, ep_reply_msg(self->fd, self->token, &msg));
	EXPECT_EQ(0, ep_caller_wait(&self->caller));
	EXPECT_EQ(EP_BODY, self->caller.arg.reply.len);

	self->caller.arg.reply = msg_room(room, 5);
	self->caller.arg.flags = KIPC_MSG_TRUNCATE;
	start_call(_metadata, self);
	msg.len = sizeof(body);
	EXPECT_EQ(0, ep_reply_msg(self->fd, self->token, &msg));
	EXPECT_EQ(0, ep_caller_wait(&self->caller));
	EXPECT_EQ(KIPC_MSG_TRUNCATED, self->caller.arg.reply.flags);
	EXPECT_EQ(sizeof(body), self->caller.arg.reply.len);
	EXPECT_EQ(0, memcmp("long", room, 5));

	/* Who wants none may leave out the buffer. */
	self->caller.arg.reply = msg_room(NULL, 0);
	self->caller.arg.flags = 0;
	start_call(_metadata, self);
	msg.len = 1;
	EXPECT_EQ(-EMSGSIZE, ep_reply_msg(self->fd, self->token, &msg));
	EXPECT_EQ(0, msg.len);
	EXPECT_EQ(0, ep_reply_msg(self->fd, self->token, &msg));
	EXPECT_EQ(0, ep_caller_wait(&self->caller));
	EXPECT_EQ(0, self->caller.arg.reply.len);
}

/* The longest that the endpoint takes is the longest that it gives. */
TEST_F(call, reply_above_the_limit)
{
	char *body = calloc(1, LONGEST + 1);
	struct kipc_msg msg = msg_bytes(body, LONGEST + 1);

	ASSERT_NE(NULL, body);
	self->caller.arg.flags = KIPC_MSG_TRUNCATE;
	start_call(_metadata, self);
	EXPECT_EQ(-EMSGSIZE, ep_reply_msg(self->fd, self->token, &msg));
	finish_call(_metadata, self);
}

/* A place where no reply can go: nobody learns of the call. */
TEST_F(call, bad_place_sends_nothing)
{
	const size_t page = sysconf(_SC_PAGESIZE);
	char *mem = mmap(NULL, 3 * page, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct kipc_msg bad[] = {
		msg_room((void *)8, 8),
		msg_room(mem + page, 8),		/* only to be read */
		msg_room(mem + page - 1, 2),
		msg_room(mem, page + 1),
		msg_room(mem + 2 * page, 1),		/* not even that */
		msg_room((void *)UINTPTR_MAX, 2),
	};
	size_t i;

	ASSERT_NE(MAP_FAILED, mem);
	ASSERT_EQ(0, mprotect(mem + page, page, PROT_READ));
	ASSERT_EQ(0, mprotect(mem + 2 * page, page, PROT_NONE));
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		EXPECT_EQ(-EFAULT, CALL(EP_DEVICE, &self->got,
					.pid = self->me, .reply = bad[i],
					.request = msg_text("never"),
					.deadline_ns = in_ms(20)))
			TH_LOG("place %zu", i);
	}
	EXPECT_EQ(0, EP_STAT(self->fd, queue.sent));

	/* To look does no harm: the request may lie there. */
	strcpy(mem + page - 8, "the one");
	self->caller.arg.request = msg_bytes(mem + page - 8, 8);
	self->caller.arg.reply = msg_room(mem, page);
	start_call(_metadata, self);
	EXPECT_EQ(0, memcmp("the one", self->got.body, 8));
	finish_call(_metadata, self);
}

/* What one receiver cannot take is a call all the same for the next. */
TEST_F(call, survives_a_bad_receive)
{
	struct kipc_msg bad = msg_room((void *)8, 8);
	struct kipc_msg small = msg_room(self->got.body, 1), vector;
	uint64_t none = 0;

	ASSERT_EQ(0, ep_task_start(&self->caller.task));
	ASSERT_TRUE(wait_for(ep_messages(self->fd) == 1));
	EXPECT_EQ(-EFAULT, RECV(self->fd, &self->got, .msg = bad));
	EXPECT_EQ(-EMSGSIZE, RECV(self->fd, &self->got, .msg = small));
	bad.len = 8;
	EXPECT_EQ(8, self->got.msg.len);
	EXPECT_EQ(-EFAULT, REPLY_RECV(self->fd, &none, "", &self->got,
				      .request = bad));
	EXPECT_EQ(-EMSGSIZE, REPLY_RECV(self->fd, &none, "", &self->got,
					.request = small));
	EXPECT_EQ(8, self->got.msg.len);
	vector = bad;
	EXPECT_EQ(-EFAULT, ep_recvv(self->fd, 0, &vector, 1));
	vector = small;
	EXPECT_EQ(-EMSGSIZE, ep_recvv(self->fd, 0, &vector, 1));
	EXPECT_EQ(0, ep_calls(self->fd));
	EXPECT_EQ(1, ep_messages(self->fd));
	EXPECT_EQ(8, EP_STAT(self->fd, queue.bytes));

	ASSERT_EQ(0, ep_recv_now(self->fd, &self->got));
	self->token = self->got.msg.token;
	finish_call(_metadata, self);
}

/* The same for those that waited: the call goes on to the one behind. */
TEST_F(call, survives_bad_receivers)
{
	struct ep_receiver bad, small, good;

	ep_receiver_init(&bad, self->fd);
	bad.arg.msg.buf = 8;
	ep_receiver_init(&small, self->fd);
	small.arg.msg.len = 1;
	ASSERT_EQ(0, ep_task_start(&bad.task));
	ASSERT_TRUE(wait_for(ep_receivers(self->fd) == 1));
	ASSERT_EQ(0, ep_task_start(&small.task));
	ASSERT_TRUE(wait_for(ep_receivers(self->fd) == 2));
	ASSERT_EQ(0, ep_receiver_start(&good, self->fd));
	ASSERT_TRUE(wait_for(ep_receivers(self->fd) == 3));
	ASSERT_EQ(0, ep_task_start(&self->caller.task));
	EXPECT_EQ(-EFAULT, ep_task_wait(&bad.task));
	EXPECT_EQ(-EMSGSIZE, ep_task_wait(&small.task));
	EXPECT_EQ(8, small.arg.msg.len);
	ASSERT_EQ(0, ep_task_wait(&good.task));
	EXPECT_TRUE(msg_is(&good.arg.msg, "question"));
	EXPECT_EQ(1, good.arg.msg.seq);
	self->token = good.arg.msg.token;
	finish_call(_metadata, self);
}

/* Who only looks is told that it is a call, and cannot answer it. */
TEST_F(call, peek)
{
	ASSERT_EQ(0, ep_task_start(&self->caller.task));
	ASSERT_TRUE(wait_for(ep_messages(self->fd) == 1));
	EXPECT_EQ(0, RECV(self->fd, &self->got, .flags = KIPC_MSG_PEEK));
	EXPECT_EQ(KIPC_MSG_CALL, self->got.msg.flags);
	EXPECT_EQ(0, self->got.msg.token);
	EXPECT_EQ(0, ep_calls(self->fd));
	ASSERT_EQ(0, ep_recv_now(self->fd, &self->got));
	self->token = self->got.msg.token;
	finish_call(_metadata, self);
}

TEST_F(call, in_a_vector)
{
	struct ep_caller callers[3];
	struct kipc_msg msgs[4];
	char body[4][16];
	int i;
	static const char * const said[3] = { "one", "two", "three" };

	for (i = 0; i < 3; i++) {
		ep_caller_init(&callers[i], EP_DEVICE, self->me, said[i]);
		callers[i].arg.request.priority = i;
		ASSERT_EQ(0, ep_task_start(&callers[i].task));
		ASSERT_TRUE(wait_for(ep_messages(self->fd) == i + 1U));
	}
	ASSERT_EQ(0, ep_send_text(self->me, 0, "no call"));
	for (i = 0; i < 4; i++)
		msgs[i] = msg_room(body[i], 16);
	ASSERT_EQ(4, ep_recvv(self->fd, 0, msgs, 4));
	EXPECT_EQ(3, ep_calls(self->fd));
	EXPECT_EQ(0, msgs[3].flags | msgs[3].token);
	/* Highest first, and answered so: the last caller is the first. */
	for (i = 2; i >= 0; i--) {
		EXPECT_EQ(KIPC_MSG_CALL, msgs[2 - i].flags);
		EXPECT_TRUE(msg_is(&msgs[2 - i], said[i]));
		EXPECT_EQ(0, ep_reply(self->fd, msgs[2 - i].token, said[i]));
		EXPECT_EQ(0, ep_caller_wait(&callers[i]));
		EXPECT_TRUE(msg_is(&callers[i].arg.reply, said[i]));
	}
}

/* A full queue is nothing to a reply, nor to a caller who is in already. */
TEST_F(call, full_queue)
{
	int i;

	start_call(_metadata, self);
	for (i = 0; i < MESSAGES; i++)
		ASSERT_EQ(0, ep_send_text(self->me, 0, "x"));
	EXPECT_EQ(-EAGAIN, CALL(EP_DEVICE, &self->got, .pid = self->me,
				.flags = KIPC_MSG_NONBLOCK,
				.request = msg_text("x")));
	finish_call(_metadata, self);
	for (i = 0; i < MESSAGES; i++)
		ASSERT_EQ(0, ep_recv_now(self->fd, &self->got));
}

/* It is only about room: the reply is waited for. */
TEST_F(call, nonblock)
{
	int dev = open(KIPC_DEVICE, O_RDWR | O_CLOEXEC | O_NONBLOCK);
	int i;

	ASSERT_LE(0, dev);
	for (i = 0; i < 2; i++) {
		ep_caller_init(&self->caller, i ? dev : EP_DEVICE, self->me,
			       "question");
		self->caller.arg.flags = i ? 0 : KIPC_MSG_NONBLOCK;
		start_call(_metadata, self);
		ASSERT_TRUE(wait_for(ep_asleep_in(self->caller.task.tid,
						  SYS_ioctl)));
		finish_call(_metadata, self);
	}
}

TEST_F(call, descriptors_both_ways)
{
	struct kipc_msg answer = msg_text("answer");
	int count = count_fds();
	int32_t fds[2];

	ASSERT_EQ(0, pipe2(fds, 0));
	self->caller.arg.request.fds = to_u64(&fds[0]);
	self->caller.arg.request.fd_count = 1;
	start_call(_metadata, self);
	ASSERT_EQ(1, self->got.msg.fd_count);
	answer.fds = to_u64(&fds[1]);
	answer.fd_count = 1;
	EXPECT_EQ(0, ep_reply_msg(self->fd, self->token, &answer));
	ASSERT_EQ(0, ep_caller_wait(&self->caller));
	ASSERT_EQ(1, self->caller.arg.reply.fd_count);
	EXPECT_EQ(FD_CLOEXEC, fcntl(self->got.fds[0], F_GETFD));
	EXPECT_EQ(FD_CLOEXEC, fcntl(self->caller.reply.fds[0], F_GETFD));
	close(fds[0]);
	close(fds[1]);
	EXPECT_EQ(1, write(self->caller.reply.fds[0], "x", 1));
	EXPECT_EQ(1, read(self->got.fds[0], fds, 1));
	/* There is no other write end. */
	close(self->caller.reply.fds[0]);
	EXPECT_EQ(0, read(self->got.fds[0], fds, 1));
	close(self->got.fds[0]);
	EXPECT_EQ(count, count_fds());
}

/* Who has no room for them gets the rest. */
TEST_F(call, descriptors_dropped)
{
	struct kipc_msg room = msg_room(self->got.body, EP_BODY);
	struct kipc_msg answer = msg_text("answer");
	int count = count_fds();
	int32_t fds[2] = { 0, 1 };

	self->caller.arg.request.fds = to_u64(fds);
	self->caller.arg.request.fd_count = 2;
	self->caller.arg.reply.fd_count = 1;
	ASSERT_EQ(0, ep_task_start(&self->caller.task));
	ASSERT_EQ(0, RECV(self->fd, &self->got, .msg = room));
	EXPECT_EQ(KIPC_MSG_CALL | KIPC_MSG_FDS_DROPPED, self->got.msg.flags);
	EXPECT_EQ(2, self->got.msg.fd_count);
	answer.fds = to_u64(fds);
	answer.fd_count = 2;
	EXPECT_EQ(0, ep_reply_msg(self->fd, self->got.msg.token, &answer));
	ASSERT_EQ(0, ep_caller_wait(&self->caller));
	EXPECT_EQ(KIPC_MSG_FDS_DROPPED, self->caller.arg.reply.flags);
	EXPECT_EQ(2, self->caller.arg.reply.fd_count);
	EXPECT_TRUE(msg_is(&self->caller.arg.reply, "answer"));
	EXPECT_EQ(count, count_fds());
}

/* No descriptor is free: the call stays until there is one. */
TEST_F(call, descriptors_and_the_limit)
{
	struct rlimit old, low;
	int32_t fds[2] = { 0, 1 };

	ASSERT_EQ(0, getrlimit(RLIMIT_NOFILE, &old));
	low = old;
	/* Room for one, not for two; the threads have all they need. */
	low.rlim_cur = dup(0) + 1;
	close(low.rlim_cur - 1);
	ep_caller_init(&self->caller, self->fd, 0, "question");
	self->caller.arg.request.fds = to_u64(fds);
	self->caller.arg.request.fd_count = 2;
	ASSERT_EQ(0, ep_task_start(&self->caller.task));
	ASSERT_TRUE(wait_for(ep_messages(self->fd) == 1));
	ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &low));
	EXPECT_EQ(-EMFILE, ep_recv_now(self->fd, &self->got));
	EXPECT_EQ(low.rlim_cur - 1, (rlim_t)dup(0));
	close(low.rlim_cur - 1);
	EXPECT_EQ(0, ep_calls(self->fd));
	EXPECT_EQ(1, ep_messages(self->fd));
	ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &old));
	ASSERT_EQ(0, ep_recv_now(self->fd, &self->got));
	EXPECT_EQ(2, self->got.msg.fd_count);
	close(self->got.fds[0]);
	close(self->got.fds[1]);
	self->token = self->got.msg.token;
	finish_call(_metadata, self);
}

/* A reply cannot go back: it comes without its descriptors. */
TEST_F(call, reply_and_the_limit)
{
	struct kipc_msg answer = msg_text("answer");
	struct rlimit old, low;
	int32_t fds[2] = { 0, 1 };

	ASSERT_EQ(0, getrlimit(RLIMIT_NOFILE, &old));
	low = old;
	low.rlim_cur = dup(0) + 1;
	close(low.rlim_cur - 1);
	ep_caller_init(&self->caller, self->fd, 0, "question");
	ASSERT_EQ(0, ep_task_start(&self->caller.task));
	ASSERT_EQ(0, ep_recv_patient(self->fd, &self->got));
	answer.fds = to_u64(fds);
	answer.fd_count = 2;
	ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &low));
	EXPECT_EQ(0, ep_reply_msg(self->fd, self->got.msg.token, &answer));
	EXPECT_EQ(0, ep_caller_wait(&self->caller));
	ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &old));
	EXPECT_EQ(KIPC_MSG_FDS_DROPPED, self->caller.arg.reply.flags);
	EXPECT_EQ(2, self->caller.arg.reply.fd_count);
	EXPECT_TRUE(msg_is(&self->caller.arg.reply, "answer"));
	EXPECT_EQ(low.rlim_cur - 1, (rlim_t)dup(0));
	close(low.rlim_cur - 1);
}

/* Serves its caller, and has to ask him for it. */
static void ask_back(struct ep_owner *owner)
{
	struct ep_got question, got;
	char text[EP_BODY];

	CHECK_EQ(0, ep_recv_patient(owner->fd, &question));
	CHECK_EQ(KIPC_MSG_CALL, question.msg.flags);
	CHECK_EQ(0, CALL(owner->fd, &got, .pid = question.msg.pid,
			 .request = msg_text("which?")));
	snprintf(text, sizeof(text), "%.*s: %.*s", (int)question.msg.len,
		 question.body, (int)got.msg.len, got.body);
	CHECK_EQ(0, ep_reply(owner->fd, question.msg.token, text));
	child_at(&owner->stage, 2);
}

TEST_F(call, nested)
{
	struct ep_owner *owner = ep_owners(1);

	ASSERT_NE(NULL, owner);
	owner->run = ask_back;
	ASSERT_EQ(0, ep_owner_start(owner));
	ASSERT_EQ(0, ep_caller_start(&self->caller, owner->handle, 0, "this"));
	ASSERT_EQ(0, ep_recv_patient(self->fd, &self->got));
	EXPECT_TRUE(msg_is(&self->got.msg, "which?"));
	EXPECT_EQ(owner->pid, (pid_t)self->got.msg.pid);
	EXPECT_EQ(owner->id, self->got.msg.endpoint);
	EXPECT_EQ(0, ep_reply(self->fd, self->got.msg.token, "one"));
	EXPECT_EQ(0, ep_caller_wait(&self->caller));
	EXPECT_TRUE(msg_is(&self->caller.arg.reply, "this: one"));
	EXPECT_EQ(owner->pid, (pid_t)self->caller.arg.reply.pid);
	EXPECT_EQ(owner->id, self->caller.arg.reply.endpoint);
	child_go_on(&owner->stage, 2);
	EXPECT_EQ(0, child_end(owner->pid));
	EXPECT_EQ(0, EP_STAT(owner->handle, calls));
	close(owner->handle);
}

/* A KIPC_ENDPOINT_REPLY_RECV in a thread. */
struct server {
	struct ep_task task;
	struct kipc_endpoint_reply_recv arg;
	struct ep_got got;
};

static void server_init(struct server *server, int fd, uint64_t token)
{
	server->arg = (struct kipc_endpoint_reply_recv){
		.size = sizeof(server->arg),
		.token = token,
		.reply = msg_text("answer"),
		.request = ep_got_room(&server->got),
	};
	server->task = (struct ep_task){
		.fd = fd,
		.cmd = KIPC_ENDPOINT_REPLY_RECV,
		.arg = &server->arg,
	};
}

TEST_F(call, reply_recv)
{
	struct server server;

	start_call(_metadata, self);
	server_init(&server, self->fd, self->token);
	ASSERT_EQ(0, ep_catch(SIGUSR1, SA_RESTART));
	ASSERT_EQ(0, ep_task_start(&server.task));
	/* The caller does not wait for the next request. */
	ASSERT_EQ(0, ep_caller_wait(&self->caller));
	EXPECT_TRUE(msg_is(&self->caller.arg.reply, "answer"));
	ASSERT_TRUE(wait_for(ep_receivers(self->fd) == 1));
	EXPECT_EQ(0, __atomic_load_n(&server.arg.token, __ATOMIC_ACQUIRE));

	/* Made again after a signal, it only receives. */
	ASSERT_TRUE(ep_interrupt(server.task.thread, SIGUSR1));
	ASSERT_TRUE(wait_for(ep_receivers(self->fd) == 1));
	EXPECT_FALSE(ep_task_ended(&server.task));
	ASSERT_EQ(0, ep_catch(SIGUSR1, 0));
	ASSERT_EQ(0, pthread_kill(server.task.thread, SIGUSR1));
	ASSERT_EQ(-EINTR, ep_task_wait(&server.task));
	EXPECT_EQ(0, server.arg.token);
	ASSERT_EQ(0, ep_task_start(&server.task));
	ASSERT_TRUE(wait_for(ep_receivers(self->fd) == 1));
	ASSERT_EQ(0, ep_task_start(&self->caller.task));
	ASSERT_EQ(0, ep_task_wait(&server.task));
	EXPECT_TRUE(msg_is(&server.arg.request, "question"));
	EXPECT_EQ(KIPC_MSG_CALL, server.arg.request.flags);
	EXPECT_EQ(0, server.arg.token);
	self->token = server.arg.request.token;
	finish_call(_metadata, self);
}

/* With the reply given, what comes of the rest does not matter. */
TEST_F(call, reply_recv_that_does_not_receive)
{
	static const struct {
		uint32_t flags;
		uint64_t deadline_ns;
		struct kipc_msg request;
		uint32_t select;
		uint32_t pid;
		bool queued;
		int error;
	} given[] = {
		{ .flags = KIPC_MSG_NONBLOCK, .error = -EAGAIN },
		{ .deadline_ns = 1, .error = -ETIMEDOUT },
		{ .select = KIPC_SELECT_SENDER, .pid = NO_PID,
		  .error = -ESRCH },
		{ .request = { .buf = 8, .len = 8 }, .queued = true,
		  .error = -EFAULT },
		{ .request = { .buf = 8, .len = 2 }, .queued = true,
		  .error = -EMSGSIZE },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(given); i++) {
		start_call(_metadata, self);
		if (given[i].queued)
			ASSERT_EQ(0, ep_send_text(self->me, 0, "next"));
		EXPECT_EQ(given[i].error,
			  REPLY_RECV(self->fd, &self->token, "answer",
				     &self->got, .flags = given[i].flags,
				     .deadline_ns = given[i].deadline_ns,
				     .select = given[i].select,
				     .pid = given[i].pid,
				     .request = given[i].request))
			TH_LOG("way %zu", i);
		EXPECT_EQ(0, self->token) TH_LOG("way %zu", i);
		ASSERT_EQ(0, ep_caller_wait(&self->caller));
		EXPECT_TRUE(msg_is(&self->caller.arg.reply, "answer"));
		EXPECT_EQ(given[i].queued, ep_messages(self->fd));
		/* As it is, it can be made once more. */
		EXPECT_EQ(given[i].queued ? 0 : -EAGAIN,
			  REPLY_RECV(self->fd, &self->token, "answer",
				     &self->got, .flags = KIPC_MSG_NONBLOCK));
	}
}

/* If the reply fails nothing is received, and the token is as it was. */
TEST_F(call, reply_recv_that_does_not_reply)
{
	struct server server;
	char body[EP_BODY + 1];
	uint32_t bit;

	start_call(_metadata, self);
	ASSERT_EQ(0, ep_send_text(self->me, 0, "next"));
	server_init(&server, self->fd, self->token);
	server.arg.reply = msg_bytes(body, sizeof(body));
	EXPECT_EQ(-EMSGSIZE, kipc_ioctl(self->fd, KIPC_ENDPOINT_REPLY_RECV,
					&server.arg));
	EXPECT_EQ(EP_BODY, server.arg.reply.len);
	EXPECT_EQ(EP_BODY, server.arg.request.len);
	EXPECT_EQ(self->token, server.arg.token);
	server.arg.reply = msg_bytes((void *)8, 1);
	EXPECT_EQ(-EFAULT, kipc_ioctl(self->fd, KIPC_ENDPOINT_REPLY_RECV,
				      &server.arg));
	server.arg.reply = msg_text("answer");
	for (bit = 0; bit < 32; bit++) {
		if (1U << bit & (KIPC_MSG_NONBLOCK | KIPC_MSG_TRUNCATE))
			continue;
		server.arg.flags = 1U << bit;
		EXPECT_EQ(-EINVAL, kipc_ioctl(self->fd,
					      KIPC_ENDPOINT_REPLY_RECV,
					      &server.arg));
	}
	server.arg.flags = 0;
	server.arg.token = ~self->token;
	EXPECT_EQ(-EINVAL, kipc_ioctl(self->fd, KIPC_ENDPOINT_REPLY_RECV,
				      &server.arg));
	EXPECT_EQ(~self->token, server.arg.token);
	EXPECT_EQ(1, ep_messages(self->fd));
	finish_call(_metadata, self);
	EXPECT_EQ(0, ep_recv_now(self->fd, &self->got));
	EXPECT_TRUE(msg_is(&self->got.msg, "next"));
}

/* A token that could not be taken back is not used. */
TEST_F(call, reply_recv_in_memory_to_be_read)
{
	const size_t page = sysconf(_SC_PAGESIZE);
	struct server *server = mmap(NULL, page, PROT_READ | PROT_WRITE,
				     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	ASSERT_NE(MAP_FAILED, server);
	ASSERT_LE(sizeof(*server), page);
	start_call(_metadata, self);
	server_init(server, self->fd, self->token);
	server->arg.request = ep_got_room(&self->got);
	server->arg.flags = KIPC_MSG_NONBLOCK;
	ASSERT_EQ(0, mprotect(server, page, PROT_READ));
	EXPECT_EQ(-EFAULT, kipc_ioctl(self->fd, KIPC_ENDPOINT_REPLY_RECV,
				      &server->arg));
	finish_call(_metadata, self);
}

TEST_HARNESS_MAIN
