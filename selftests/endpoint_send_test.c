// SPDX-License-Identifier: GPL-2.0
/*
 * Sending to a process: by its pid and through handles, with the guard and
 * without, in the order of arrival, and choosing one sender.
 */
#include "kselftest_harness.h"

#include "endpoint_util.h"

#define MESSAGES	2
#define BYTES		100

FIXTURE(send) {
	char name[32];
	int fd;
	int handle;
	uint64_t id;
	struct stage *stage;
};

FIXTURE_SETUP(send)
{
	struct kipc_endpoint_create arg = {
		.rights = RIGHT_BOTH,
		.mode = 0600,
		.max_messages = MESSAGES,
		.max_bytes = BYTES,
	};

	snprintf(self->name, sizeof(self->name), "send-%d", getpid());
	arg.name = to_u64(self->name);
	arg.name_len = strlen(self->name);
	self->fd = ep_create(&arg);
	ASSERT_LE(0, self->fd);
	self->id = arg.id;
	self->handle = ep_open(self->name, KIPC_RIGHT_WRITE);
	ASSERT_LE(0, self->handle);
	self->stage = kipc_shared(2 * sizeof(*self->stage));
	ASSERT_NE(NULL, self->stage);
}

FIXTURE_TEARDOWN(send)
{
	EXPECT_TRUE(ep_is_idle(self->fd));
}

struct address {
	pid_t pid;
	uint64_t id;
	uint64_t wrong_id;
	const char *name;
};

static void send_by_pid(void *data)
{
	struct address *to = data;

	CHECK_EQ(0, ep_send_text(to->pid, 0, "by pid"));
	CHECK_EQ(0, ep_send_text(to->pid, to->id, "guarded"));
}

static void send_by_name(void *data)
{
	struct address *to = data;
	int fd = ep_open(to->name, KIPC_RIGHT_WRITE);

	CHILD_CHECK(fd >= 0);
	CHECK_EQ(0, SEND(fd, .msg = msg_text("by name")));
	/* An id is for a pid: here it would say nothing. */
	CHECK_EQ(-EINVAL, SEND(fd, .id = to->id, .msg = msg_text("both")));
}

static void send_wrongly(void *data)
{
	struct address *to = data;

	CHECK_EQ(-ESRCH, ep_send_text(to->pid, to->wrong_id, "x"));
	CHECK_EQ(-ESRCH, ep_send_text(to->pid, UINT64_MAX, "x"));
	CHECK_EQ(-ESRCH, ep_send_text(to->pid, 1ULL << 40, "x"));
	CHECK_EQ(-ESRCH, ep_send_text(getpid(), to->id, "x"));
	CHECK_EQ(-ESRCH, ep_send_text(NO_PID, to->id, "x"));
	CHECK_EQ(-ENOTCONN, ep_send_text(getpid(), 0, "x"));
}

TEST_F(send, addresses)
{
	struct address to = { getpid(), self->id, 0, self->name };
	struct ep_owner *other = ep_owners(1);
	struct ep_got got;
	int pipe[2];
	size_t i;
	static const char * const said[] = { "by pid", "guarded", "by name" };

	ASSERT_EQ(0, ep_owner_start(other));
	to.wrong_id = other->id;
	EXPECT_EQ(0, child_run(send_wrongly, &to));
	EXPECT_EQ(0, child_run(send_by_pid, &to));
	for (i = 0; i < 3; i++) {
		if (i == 2)
			EXPECT_EQ(0, child_run(send_by_name, &to));
		ASSERT_EQ(0, ep_recv_now(self->fd, &got));
		EXPECT_TRUE(msg_is(&got.msg, said[i]));
		EXPECT_EQ(0, got.msg.endpoint);
	}
	/* The id of an object that is no endpoint. */
	ASSERT_EQ(0, kipc_pipe(pipe, 4096, 0));
	to.wrong_id = ep_id(pipe[0]);
	EXPECT_NE(0, to.wrong_id);
	EXPECT_EQ(0, child_run(send_wrongly, &to));
	/* The one that he had before. */
	to.wrong_id = self->id;
	close(self->fd);
	self->fd = ep_make(0, 0);
	ASSERT_LE(0, self->fd);
	to.id = ep_id(self->fd);
	EXPECT_NE(to.id, to.wrong_id);
	EXPECT_EQ(0, child_run(send_wrongly, &to));
	EXPECT_EQ(0, EP_STAT(self->fd, queue.sent));
	EXPECT_EQ(0, EP_STAT(other->handle, queue.sent));
	child_kill(other->pid);
}

static void *sleep_until_told(void *data)
{
	struct stage *stage = data;

	word_set(&stage[1].child, syscall(SYS_gettid));
	while (!word_get(&stage[1].test))
		usleep(500);
	return NULL;
}

/* A thread has a number, and is not a process. */
TEST_F(send, a_thread_is_no_process)
{
	struct ep_got got;
	pthread_t thread;
	uint32_t tid;

	ASSERT_EQ(0, pthread_create(&thread, NULL, sleep_until_told,
				    self->stage));
	ASSERT_TRUE(wait_for(word_get(&self->stage[1].child)));
	tid = self->stage[1].child;
	EXPECT_EQ(-ESRCH, ep_send_text(tid, 0, "x"));
	EXPECT_EQ(-ESRCH, ep_send_text(tid, self->id, "x"));
	EXPECT_EQ(-ESRCH, ep_find(tid, NULL));
	EXPECT_EQ(-ESRCH, CALL(EP_DEVICE, &got, .pid = tid,
			       .request = msg_text("x")));
	EXPECT_EQ(-ESRCH, RECV(self->fd, &got, .select = KIPC_SELECT_SENDER,
			       .pid = tid));
	word_set(&self->stage[1].test, 1);
	pthread_join(thread, NULL);
}

static void end_at_once(struct ep_owner *owner)
{
	child_at(&owner->stage, 1);
}

/* Who is dead has no endpoint, also while his number is still taken. */
TEST_F(send, a_zombie)
{
	struct ep_owner *owner = ep_owners(1);
	siginfo_t info = {};
	struct ep_got got;
	uint64_t id;

	owner->run = end_at_once;
	ASSERT_EQ(0, ep_owner_start(owner));
	EXPECT_EQ(0, ep_send_text(owner->pid, owner->id, "while it lives"));
	child_go_on(&owner->stage, 1);
	ASSERT_EQ(0, waitid(P_PID, owner->pid, &info, WEXITED | WNOWAIT));
	EXPECT_EQ(CLD_EXITED, info.si_code);
	EXPECT_EQ(-ESRCH, ep_send_text(owner->pid, 0, "x"));
	EXPECT_EQ(-ESRCH, ep_send_text(owner->pid, owner->id, "x"));
	EXPECT_EQ(-ESRCH, ep_find(owner->pid, &id));
	EXPECT_EQ(-ESRCH, CALL(EP_DEVICE, &got, .pid = owner->pid,
			       .request = msg_text("x")));
	EXPECT_EQ(-ESRCH, RECV(self->fd, &got, .select = KIPC_SELECT_SENDER,
			       .pid = owner->pid));
	EXPECT_EQ(-ECONNRESET, SEND(owner->handle, .msg = msg_text("x")));
	EXPECT_EQ(0, child_end(owner->pid));
	EXPECT_EQ(-ESRCH, ep_send_text(owner->pid, 0, "x"));
	EXPECT_EQ(-ESRCH, ep_send_text(owner->pid, owner->id, "x"));
}

static void send_as_alice(void *data)
{
	pid_t *pids = data;

	CHECK_EQ(-EACCES, ep_send_text(pids[0], 0, "x"));
	CHECK_EQ(0, ep_send_text(pids[1], 0, "x"));
	CHECK_EQ(-ENOTCONN, ep_send_text(pids[2], 0, "x"));
	CHECK_EQ(-ESRCH, ep_send_text(NO_PID, 0, "x"));
}

TEST_F(send, errors_told_apart)
{
	struct ep_owner *other = ep_owners(1);
	pid_t pids[3] = { getpid(), 0, getppid() };

	ASSERT_EQ(0, ep_owner_start(other));
	pids[1] = other->pid;
	EXPECT_EQ(0, child_run_as(ALICE, send_as_alice, pids));
	EXPECT_EQ(-ENOTCONN, ep_send_text(getppid(), 0, "x"));
	EXPECT_EQ(-ENOTCONN, ep_send_text(1, 0, "x"));
	/* A thread of the kernel is a process as well. */
	EXPECT_EQ(-ENOTCONN, ep_send_text(2, 0, "x"));
	EXPECT_EQ(-ESRCH, ep_send_text(1, self->id, "x"));
	EXPECT_EQ(-ESRCH, ep_send_text(getppid(), other->id, "x"));
	child_kill(other->pid);
}

/* Sends through its own endpoint, and gets an answer there. */
static void send_with_return_address(struct ep_owner *owner)
{
	int reader = ep_open(owner->name, KIPC_RIGHT_READ);
	struct kipc_msg msg = msg_text("in a vector");
	pid_t to = getppid();
	struct ep_got got;

	CHECK_EQ(0, SEND(owner->fd, .pid = to, .msg = msg_text("hello")));
	CHECK_EQ(0, ep_recv_patient(owner->fd, &got));
	CHILD_CHECK(msg_is(&got.msg, "answer"));
	CHECK_EQ(to, got.msg.pid);
	/* To write to itself is not what this is about. */
	CHILD_CHECK(reader >= 0);
	CHECK_EQ(0, SEND(reader, .pid = to, .msg = msg_text("reader")));
	CHECK_EQ(-EBADF, SEND(reader, .msg = msg_text("x")));
	CHECK_EQ(1, ep_sendv(owner->fd, to, &msg, 1));
	child_at(&owner->stage, 2);
	CHECK_EQ(-ETIMEDOUT, CALL(owner->fd, &got, .pid = to,
				  .request = msg_text("call"),
				  .deadline_ns = in_ms(20)));
	CHECK_EQ(-ESRCH, SEND(owner->fd, .pid = to, .id = owner->id,
			      .msg = msg_text("x")));
	CHECK_EQ(-ENOTCONN, SEND(owner->fd, .pid = 1, .msg = msg_text("x")));
	CHECK_EQ(-ESRCH, SEND(owner->fd, .pid = NO_PID, .msg = msg_text("x")));
	/* To itself, by its own number. */
	CHECK_EQ(0, SEND(owner->fd, .pid = getpid(), .msg = msg_text("me")));
	CHECK_EQ(0, ep_recv_now(owner->fd, &got));
	CHECK_EQ(owner->id, got.msg.endpoint);
	child_at(&owner->stage, 3);
}

TEST_F(send, through_its_own_endpoint)
{
	struct ep_owner *owner = ep_owners(1);
	struct ep_got got;
	uint64_t id;
	size_t i;
	static const char * const said[] = { "reader", "in a vector" };

	owner->run = send_with_return_address;
	ASSERT_EQ(0, ep_owner_start(owner));
	ASSERT_EQ(0, ep_recv_patient(self->fd, &got));
	EXPECT_TRUE(msg_is(&got.msg, "hello"));
	EXPECT_EQ(owner->pid, (pid_t)got.msg.pid);
	EXPECT_EQ(owner->id, got.msg.endpoint);
	EXPECT_EQ(-ESRCH, ep_send_text(got.msg.pid, self->id, "x"));
	EXPECT_EQ(0, ep_send_text(got.msg.pid, got.msg.endpoint, "answer"));
	for (i = 0; i < 2; i++) {
		ASSERT_EQ(0, ep_recv_patient(self->fd, &got));
		EXPECT_TRUE(msg_is(&got.msg, said[i]));
		EXPECT_EQ(owner->id, got.msg.endpoint);
	}
	child_go_on(&owner->stage, 2);
	ASSERT_EQ(0, ep_recv_patient(self->fd, &got));
	EXPECT_EQ(KIPC_MSG_CALL, got.msg.flags);
	EXPECT_EQ(owner->id, got.msg.endpoint);
	ASSERT_TRUE(child_is_at(&owner->stage, 3));
	EXPECT_EQ(1, ep_cancelled(self->fd, &id, 1));
	child_go_on(&owner->stage, 3);
	EXPECT_EQ(0, child_end(owner->pid));
	/* Nobody else gets what is meant for him. */
	EXPECT_EQ(-ESRCH, ep_send_text(got.msg.pid, got.msg.endpoint, "x"));
	EXPECT_EQ(-ECONNRESET, SEND(owner->handle, .msg = msg_text("x")));
}

/* Fills the queue with messages of type 0. */
static void fill(struct __test_metadata *_metadata, int fd)
{
	int i;

	for (i = 0; i < MESSAGES; i++)
		ASSERT_EQ(0, SEND(fd, .msg = msg_text("x")));
	ASSERT_EQ(-EAGAIN, ep_send_text(getpid(), 0, "x"));
}

TEST_F(send, blocked_senders_in_order)
{
	static const uint32_t priority[4] = { 0, 5, 9, 5 };
	/* One is let in for each that is taken; what is there is in order. */
	static const uint64_t taken[MESSAGES + 4] = { 0, 0, 2, 3, 4, 1 };
	static const uint64_t seq[MESSAGES + 4] = { 1, 2, 4, 5, 6, 3 };
	struct ep_sender sender[4];
	struct kipc_msg msg;
	struct ep_got got;
	int i;

	fill(_metadata, self->handle);
	for (i = 0; i < 4; i++) {
		msg = msg_typed(i + 1, "blocked");
		msg.priority = priority[i];
		ASSERT_EQ(0, ep_sender_start(&sender[i],
					     i & 1 ? EP_DEVICE : self->handle,
					     i & 1 ? getpid() : 0, msg));
		ASSERT_TRUE(wait_for(ep_senders(self->fd) == i + 1U));
	}
	for (i = 0; i < MESSAGES + 4; i++) {
		ASSERT_EQ(0, ep_recv_now(self->fd, &got));
		EXPECT_EQ(taken[i], got.msg.type) TH_LOG("message %d", i);
		EXPECT_EQ(seq[i], got.msg.seq) TH_LOG("message %d", i);
		if (i < 4)
			EXPECT_EQ(0, ep_task_wait(&sender[i].task));
		EXPECT_EQ(i < 4 ? 3U - i : 0, ep_senders(self->fd));
	}
}

/* A large one is not overtaken by small ones for which there is room. */
TEST_F(send, behind_a_large_one)
{
	static char large[BYTES];
	struct kipc_msg first = msg_bytes(large, 60);
	struct kipc_msg second = msg_bytes(large, 80);
	struct ep_sender blocked, behind;
	struct ep_got got;

	second.type = 1;
	EXPECT_EQ(0, SEND(self->handle, .msg = first));
	ASSERT_EQ(0, ep_sender_start(&blocked, self->handle, 0, second));
	ASSERT_TRUE(wait_for(ep_senders(self->fd) == 1));
	EXPECT_EQ(-EAGAIN, ep_send_text(getpid(), 0, "small"));
	ASSERT_EQ(0, ep_sender_start(&behind, EP_DEVICE, getpid(),
				     msg_typed(2, "small")));
	ASSERT_TRUE(wait_for(ep_senders(self->fd) == 2));
	EXPECT_EQ(0, ep_recv_now(self->fd, &got));
	EXPECT_EQ(0, ep_task_wait(&blocked.task));
	EXPECT_EQ(0, ep_task_wait(&behind.task));
	EXPECT_EQ(0, ep_recv_now(self->fd, &got));
	EXPECT_EQ(1, got.msg.type);
	EXPECT_EQ(0, ep_recv_now(self->fd, &got));
	EXPECT_EQ(2, got.msg.type);
}

/* The one in front gives up: those behind it are let in, as far as they fit. */
TEST_F(send, the_first_gives_up)
{
	static char large[BYTES];
	struct kipc_msg msg = msg_bytes(large, 80);
	struct ep_sender blocked, behind, last;
	struct ep_got got;

	EXPECT_EQ(0, SEND(self->handle, .msg = msg_bytes(large, 60)));
	ASSERT_EQ(0, ep_catch(SIGUSR1, 0));
	ASSERT_EQ(0, ep_sender_start(&blocked, self->handle, 0, msg));
	ASSERT_TRUE(wait_for(ep_senders(self->fd) == 1));
	ASSERT_EQ(0, ep_sender_start(&behind, self->handle, 0,
				     msg_typed(2, "small")));
	ASSERT_TRUE(wait_for(ep_senders(self->fd) == 2));
	ASSERT_EQ(0, ep_sender_start(&last, self->handle, 0,
				     msg_typed(3, "small")));
	ASSERT_TRUE(wait_for(ep_senders(self->fd) == 3));
	pthread_kill(blocked.task.thread, SIGUSR1);
	EXPECT_EQ(-EINTR, ep_task_wait(&blocked.task));
	EXPECT_EQ(0, ep_task_wait(&behind.task));
	ASSERT_TRUE(wait_for(ep_messages(self->fd) == 2));
	EXPECT_EQ(1, ep_senders(self->fd));
	EXPECT_EQ(0, ep_recv_now(self->fd, &got));
	EXPECT_EQ(0, ep_task_wait(&last.task));
	EXPECT_EQ(0, ep_recv_now(self->fd, &got));
	EXPECT_EQ(2, got.msg.type);
	EXPECT_EQ(0, ep_recv_now(self->fd, &got));
	EXPECT_EQ(3, got.msg.type);
}

/* With SA_RESTART a signal does not end the wait for room. */
TEST_F(send, restarted)
{
	struct ep_sender sender;
	struct ep_got got;
	uint64_t sleeps;

	ASSERT_EQ(0, ep_catch(SIGUSR1, SA_RESTART));
	fill(_metadata, self->handle);
	ASSERT_EQ(0, ep_sender_start(&sender, self->handle, 0,
				     msg_typed(1, "later")));
	ASSERT_TRUE(wait_for(ep_senders(self->fd) == 1));
	sleeps = EP_STAT(self->fd, queue.send_sleeps);
	pthread_kill(sender.task.thread, SIGUSR1);
	ASSERT_TRUE(wait_for(EP_STAT(self->fd, queue.send_sleeps) > sleeps));
	EXPECT_FALSE(ep_task_ended(&sender.task));
	EXPECT_EQ(0, ep_recv_now(self->fd, &got));
	EXPECT_EQ(0, ep_task_wait(&sender.task));
	EXPECT_EQ(0, ep_recv_now(self->fd, &got));
	EXPECT_EQ(0, ep_recv_now(self->fd, &got));
	EXPECT_EQ(1, got.msg.type);
}

/* A child that sends @said and lives until it is killed. */
static pid_t start_sender(struct stage *stage, pid_t to, const char *said)
{
	pid_t pid;

	*stage = (struct stage){};
	pid = kipc_fork();
	if (pid)
		return pid;
	if (said)
		CHECK_EQ(0, ep_send_text(to, 0, said));
	child_at(stage, 1);
	_exit(0);
}

TEST_F(send, select_one_sender)
{
	struct ep_receiver receiver;
	struct ep_got got;
	pid_t pid[2];

	pid[0] = start_sender(&self->stage[0], getpid(), "first");
	ASSERT_TRUE(child_is_at(&self->stage[0], 1));
	pid[1] = start_sender(&self->stage[1], getpid(), "second");
	ASSERT_TRUE(child_is_at(&self->stage[1], 1));

	EXPECT_EQ(0, RECV(self->fd, &got, .select = KIPC_SELECT_SENDER,
			  .pid = pid[1], .flags = KIPC_MSG_PEEK));
	EXPECT_TRUE(msg_is(&got.msg, "second"));
	EXPECT_EQ(0, RECV(self->fd, &got, .select = KIPC_SELECT_SENDER,
			  .pid = pid[1]));
	EXPECT_TRUE(msg_is(&got.msg, "second"));
	EXPECT_EQ(pid[1], (pid_t)got.msg.pid);
	EXPECT_EQ(-EAGAIN, RECV(self->fd, &got, .select = KIPC_SELECT_SENDER,
				.pid = pid[1], .flags = KIPC_MSG_NONBLOCK));
	EXPECT_EQ(-ETIMEDOUT, RECV(self->fd, &got, .pid = pid[1],
				   .select = KIPC_SELECT_SENDER,
				   .deadline_ns = in_ms(5)));
	/* Who waits for the one is not given the other one's. */
	ep_receiver_init(&receiver, self->fd);
	receiver.arg.select = KIPC_SELECT_SENDER;
	receiver.arg.pid = pid[1];
	ASSERT_EQ(0, ep_task_start(&receiver.task));
	ASSERT_TRUE(wait_for(ep_receivers(self->fd) == 1));
	EXPECT_EQ(0, ep_send_text(getpid(), 0, "mine"));
	EXPECT_EQ(2, ep_messages(self->fd));
	EXPECT_EQ(1, ep_receivers(self->fd));

	/* His death ends the wait, before anybody has collected him. */
	kill(pid[1], SIGKILL);
	EXPECT_EQ(-ESRCH, ep_task_wait(&receiver.task));
	EXPECT_EQ(128 + SIGKILL, child_end(pid[1]));
	/* What a dead one said before can still be had. */
	EXPECT_EQ(128 + SIGKILL, child_kill(pid[0]));
	EXPECT_EQ(0, RECV(self->fd, &got, .select = KIPC_SELECT_SENDER,
			  .pid = pid[0]));
	EXPECT_TRUE(msg_is(&got.msg, "first"));
	EXPECT_EQ(-ESRCH, RECV(self->fd, &got, .select = KIPC_SELECT_SENDER,
			       .pid = pid[0]));
	EXPECT_EQ(0, RECV(self->fd, &got, .select = KIPC_SELECT_SENDER,
			  .pid = getpid()));
	EXPECT_TRUE(msg_is(&got.msg, "mine"));
}

/* The other calls that receive end in the same way. */
TEST_F(send, select_a_sender_that_dies)
{
	struct kipc_endpoint_reply_recv reply = { .size = sizeof(reply),
		.select = KIPC_SELECT_SENDER };
	struct kipc_msg_recvv vector = { .size = sizeof(vector), .count = 2,
		.select = KIPC_SELECT_SENDER, .flags = KIPC_MSG_WAIT_ALL };
	struct ep_task task = { .fd = self->fd };
	char body[2][16];
	struct kipc_msg msgs[2];
	struct ep_got got;
	int i;

	reply.request = ep_got_room(&got);
	vector.msgs = to_u64(msgs);
	for (i = 0; i < 3; i++) {
		msgs[0] = msg_room(body[0], 16);
		msgs[1] = msg_room(body[1], 16);
		reply.pid = start_sender(self->stage, getpid(),
					 i == 2 ? "one of two" : NULL);
		ASSERT_TRUE(child_is_at(self->stage, 1));
		vector.pid = reply.pid;
		task.cmd = i ? KIPC_ENDPOINT_RECVV : KIPC_ENDPOINT_REPLY_RECV;
		task.arg = i ? (void *)&vector : (void *)&reply;
		ASSERT_EQ(0, ep_task_start(&task));
		ASSERT_TRUE(wait_for(ep_receivers(self->fd) == 1));
		EXPECT_EQ(128 + SIGKILL, child_kill(reply.pid));
		EXPECT_EQ(i == 2 ? 0 : -ESRCH, ep_task_wait(&task));
		EXPECT_EQ(i == 2 ? 1 : 2, (int)vector.count);
	}
	EXPECT_TRUE(msg_is(&msgs[0], "one of two"));
}

TEST_F(send, vectors)
{
	struct kipc_msg out[KIPC_MSG_VECTOR_MAX], in[KIPC_MSG_VECTOR_MAX];
	char body[KIPC_MSG_VECTOR_MAX][8];
	struct kipc_msg_sendv arg = {
		.size = sizeof(arg),
		.pid = getpid(),
		.id = self->id,
		.count = KIPC_MSG_VECTOR_MAX,
		.msgs = to_u64(out),
	};
	struct ep_task task = { .cmd = KIPC_ENDPOINT_SENDV, .arg = &arg,
		.fd = EP_DEVICE };
	uint32_t i;

	for (i = 0; i < KIPC_MSG_VECTOR_MAX; i++) {
		out[i] = msg_bytes(&out[i].type, 8);
		out[i].type = i;
		in[i] = msg_room(body[i], 8);
	}
	EXPECT_EQ(-ESRCH, SENDV(EP_DEVICE, .pid = getpid(), .count = 1,
				.id = self->id + 1, .msgs = to_u64(out)));
	/* Both sides have to wait for each other again and again. */
	ASSERT_EQ(0, ep_task_start(&task));
	ASSERT_EQ(KIPC_MSG_VECTOR_MAX, RECVV(self->fd, .msgs = to_u64(in),
					     .count = KIPC_MSG_VECTOR_MAX,
					     .flags = KIPC_MSG_WAIT_ALL,
					     .deadline_ns = now_ns() +
							    PATIENCE_NS));
	EXPECT_EQ(0, ep_task_wait(&task));
	EXPECT_EQ(KIPC_MSG_VECTOR_MAX, arg.count);
	for (i = 0; i < KIPC_MSG_VECTOR_MAX; i++) {
		EXPECT_EQ(i, in[i].type);
		EXPECT_EQ(i + 1, in[i].seq);
		EXPECT_EQ(0, memcmp(body[i], &out[i].type, 8));
	}
}

/* It ends in the middle of a vector: what was accepted is what counts. */
TEST_F(send, a_vector_and_the_end)
{
	struct ep_owner *owner = ep_owners(1);
	struct kipc_msg out[5];
	struct kipc_msg_sendv arg = {
		.size = sizeof(arg),
		.count = 5,
		.msgs = to_u64(out),
	};
	struct ep_task task = { .cmd = KIPC_ENDPOINT_SENDV, .arg = &arg };
	int i;

	for (i = 0; i < 5; i++)
		out[i] = msg_typed(i, "in a vector");
	owner->max_messages = 3;
	for (i = 0; i < 2; i++) {
		ASSERT_EQ(0, ep_owner_start(owner));
		task.fd = i ? EP_DEVICE : owner->handle;
		arg.pid = i ? owner->pid : 0;
		arg.count = 5;
		ASSERT_EQ(0, ep_task_start(&task));
		ASSERT_TRUE(wait_for(ep_senders(owner->handle) == 1));
		EXPECT_EQ(128 + SIGKILL, child_kill(owner->pid));
		EXPECT_EQ(0, ep_task_wait(&task));
		EXPECT_EQ(3, arg.count);
		close(owner->handle);
	}
}

TEST_HARNESS_MAIN
