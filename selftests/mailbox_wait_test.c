// SPDX-License-Identifier: GPL-2.0
/*
 * Waiting to send and to receive: deadlines, signals, calls that must not
 * sleep, and the end of the mailbox.  See mailbox_order_test.c for who is
 * served when.
 */
#include "kselftest_harness.h"
#include "mailbox_util.h"

#define MESSAGES	2	/* that the mailbox of a sender holds */

/*
 * Each variant is a call that sleeps at first: a sender on a mailbox that is
 * full, a receiver on one that has nothing for him.
 */
FIXTURE(wait) {
	int fd;
	struct kipc_msg msgs[2];
	struct msg_got got[2];
	struct box_task task;
};

FIXTURE_VARIANT(wait) {
	unsigned long cmd;
	uint32_t select;
	uint64_t type;
	uint32_t flags;
};

FIXTURE_VARIANT_ADD(wait, send) {
	.cmd = KIPC_MAILBOX_SEND,
};

FIXTURE_VARIANT_ADD(wait, send_vector) {
	.cmd = KIPC_MAILBOX_SENDV,
};

FIXTURE_VARIANT_ADD(wait, receive) {
	.cmd = KIPC_MAILBOX_RECV,
};

FIXTURE_VARIANT_ADD(wait, receive_type) {
	.cmd = KIPC_MAILBOX_RECV,
	.select = KIPC_SELECT_TYPE,
	.type = 7,
};

FIXTURE_VARIANT_ADD(wait, receive_up_to) {
	.cmd = KIPC_MAILBOX_RECV,
	.select = KIPC_SELECT_UP_TO,
	.type = 7,
};

FIXTURE_VARIANT_ADD(wait, receive_not) {
	.cmd = KIPC_MAILBOX_RECV,
	.select = KIPC_SELECT_NOT,
	.type = 9,
};

FIXTURE_VARIANT_ADD(wait, receive_vector) {
	.cmd = KIPC_MAILBOX_RECVV,
};

FIXTURE_VARIANT_ADD(wait, receive_all_of_vector) {
	.cmd = KIPC_MAILBOX_RECVV,
	.flags = KIPC_MSG_WAIT_ALL,
};

FIXTURE_VARIANT_ADD(wait, receive_sender) {
	.cmd = KIPC_MAILBOX_RECV,
	.select = KIPC_SELECT_SENDER,
};

static bool sends(unsigned long cmd)
{
	return cmd == KIPC_MAILBOX_SEND || cmd == KIPC_MAILBOX_SENDV;
}

static void fill_task(struct box_task *task, unsigned long cmd,
		      struct kipc_msg *msgs)
{
	task->cmd = cmd;
	switch (cmd) {
	case KIPC_MAILBOX_SEND:
		task->arg.send = (struct kipc_msg_send){
			.size = sizeof(task->arg.send), .msg = msgs[0] };
		break;
	case KIPC_MAILBOX_RECV:
		task->arg.recv = (struct kipc_msg_recv){
			.size = sizeof(task->arg.recv), .msg = msgs[0] };
		break;
	case KIPC_MAILBOX_SENDV:
		task->arg.sendv = (struct kipc_msg_sendv){
			.size = sizeof(task->arg.sendv), .count = 2,
			.msgs = to_u64(msgs) };
		break;
	default:
		task->arg.recvv = (struct kipc_msg_recvv){
			.size = sizeof(task->arg.recvv), .count = 2,
			.msgs = to_u64(msgs) };
	}
}

FIXTURE_SETUP(wait)
{
	int i;

	self->fd = box_make(sends(variant->cmd) ? MESSAGES : 0, 0);
	ASSERT_LE(0, self->fd);
	for (i = 0; i < MESSAGES && sends(variant->cmd); i++)
		ASSERT_EQ(0, box_put(self->fd, 9, 0, "first"));
	/* There is one, but not what he wants. */
	if (variant->type)
		ASSERT_EQ(0, box_put(self->fd, 9, 0, "first"));
	for (i = 0; i < 2; i++)
		self->msgs[i] = sends(variant->cmd) ? msg_text("mine") :
				msg_got_room(&self->got[i]);
	self->task.fd = self->fd;
	fill_task(&self->task, variant->cmd, self->msgs);
	if (variant->cmd == KIPC_MAILBOX_RECV) {
		self->task.arg.recv.select = variant->select;
		self->task.arg.recv.type = variant->type;
		if (variant->select == KIPC_SELECT_SENDER)
			self->task.arg.recv.pid = getpid();
	} else if (variant->cmd == KIPC_MAILBOX_RECVV) {
		self->task.arg.recvv.flags = variant->flags;
	}
}

FIXTURE_TEARDOWN(wait)
{
	/* Nobody is left, and nothing is counted twice. */
	EXPECT_EQ(0, box_sleepers(self->fd));
}

static uint64_t *deadline_of(struct box_task *task)
{
	switch (task->cmd) {
	case KIPC_MAILBOX_SEND:
		return (uint64_t *)&task->arg.send.deadline_ns;
	case KIPC_MAILBOX_RECV:
		return (uint64_t *)&task->arg.recv.deadline_ns;
	case KIPC_MAILBOX_SENDV:
		return (uint64_t *)&task->arg.sendv.deadline_ns;
	default:
		return (uint64_t *)&task->arg.recvv.deadline_ns;
	}
}

static int call_now(const struct box_task *task, uint32_t flags,
		    uint64_t deadline_ns)
{
	struct box_task copy = *task;

	/* Flags are second in all of them. */
	copy.arg.send.flags |= flags;
	*deadline_of(&copy) = deadline_ns;
	return kipc_ioctl(copy.fd, copy.cmd, &copy.arg);
}

/* Brings about what the call waits for. */
static int let_it_go(const struct box_task *task)
{
	struct msg_got got;
	int ret = 0, i;

	for (i = 0; i < 2 && !ret; i++)
		ret = sends(task->cmd) ? box_try_recv(task->fd, &got) :
					 box_put(task->fd, 7, 0, "his");
	return ret;
}

static void expect_unchanged(struct __test_metadata *_metadata, int fd,
			     uint32_t messages)
{
	EXPECT_EQ(messages, box_messages(fd));
	EXPECT_EQ(messages, box_stat(fd).sent);
	EXPECT_EQ(0, box_stat(fd).received);
	EXPECT_EQ(0, box_sleepers(fd));
}

static uint32_t messages_at_first(unsigned long cmd, uint64_t type)
{
	return sends(cmd) ? MESSAGES : !!type;
}

#define AT_FIRST	messages_at_first(variant->cmd, variant->type)

TEST_F(wait, not_with_the_flag)
{
	EXPECT_EQ(-EAGAIN, call_now(&self->task, KIPC_MSG_NONBLOCK, 0));
	EXPECT_EQ(-EAGAIN, call_now(&self->task, KIPC_MSG_NONBLOCK,
				    in_ms(HOUR)));
	EXPECT_EQ(-EAGAIN, call_now(&self->task, KIPC_MSG_NONBLOCK, 1));
	expect_unchanged(_metadata, self->fd, AT_FIRST);
	EXPECT_EQ(0, box_stat(self->fd).send_sleeps +
		  box_stat(self->fd).recv_sleeps);
}

TEST_F(wait, not_with_o_nonblock)
{
	int flags = fcntl(self->fd, F_GETFL);

	ASSERT_EQ(0, fcntl(self->fd, F_SETFL, flags | O_NONBLOCK));
	EXPECT_EQ(-EAGAIN, call_now(&self->task, 0, 0));
	EXPECT_EQ(-EAGAIN, call_now(&self->task, 0, in_ms(HOUR)));
	expect_unchanged(_metadata, self->fd, AT_FIRST);
	/* And again when it is off. */
	ASSERT_EQ(0, fcntl(self->fd, F_SETFL, flags));
	ASSERT_EQ(0, box_task_asleep(&self->task));
	ASSERT_EQ(0, let_it_go(&self->task));
	EXPECT_EQ(0, box_task_wait(&self->task));
}

TEST_F(wait, until_it_can)
{
	ASSERT_EQ(0, box_task_asleep(&self->task));
	EXPECT_EQ(sends(variant->cmd), box_senders(self->fd));
	EXPECT_EQ(!sends(variant->cmd), box_receivers(self->fd));
	ASSERT_EQ(0, let_it_go(&self->task));
	EXPECT_EQ(0, box_task_wait(&self->task));
	EXPECT_EQ(sends(variant->cmd), !!box_stat(self->fd).send_sleeps);
	EXPECT_EQ(!sends(variant->cmd), !!box_stat(self->fd).recv_sleeps);
}

TEST_F(wait, until_the_deadline)
{
	uint64_t start = now_ns(), end = start + 30 * NSEC_PER_MSEC, blocked;

	EXPECT_EQ(-ETIMEDOUT, call_now(&self->task, 0, end));
	EXPECT_LE(end, now_ns());
	expect_unchanged(_metadata, self->fd, AT_FIRST);
	/* Not all of it: to get that far took a while. */
	blocked = box_stat(self->fd).send_blocked_ns +
		  box_stat(self->fd).recv_blocked_ns;
	EXPECT_LT(NSEC_PER_MSEC, blocked);
	EXPECT_GT(now_ns() - start, blocked);
}

/* One that is over counts only for who would have to sleep. */
TEST_F(wait, a_deadline_that_is_over)
{
	EXPECT_EQ(-ETIMEDOUT, call_now(&self->task, 0, 1));
	EXPECT_EQ(-ETIMEDOUT, call_now(&self->task, 0, now_ns()));
	expect_unchanged(_metadata, self->fd, AT_FIRST);
	ASSERT_EQ(0, let_it_go(&self->task));
	EXPECT_EQ(0, call_now(&self->task, 0, 1));
}

TEST_F(wait, a_deadline_at_the_end_of_time)
{
	*deadline_of(&self->task) = UINT64_MAX;
	ASSERT_EQ(0, box_task_asleep(&self->task));
	ASSERT_EQ(0, let_it_go(&self->task));
	EXPECT_EQ(0, box_task_wait(&self->task));
}

TEST_F(wait, interrupted)
{
	ASSERT_EQ(0, box_catch(SIGUSR1, 0));
	ASSERT_EQ(0, box_task_asleep(&self->task));
	ASSERT_EQ(0, pthread_kill(self->task.thread, SIGUSR1));
	EXPECT_EQ(-EINTR, box_task_wait(&self->task));
	expect_unchanged(_metadata, self->fd, AT_FIRST);
}

static uint64_t sleeps(int fd)
{
	struct kipc_queue_stat st = box_stat(fd);

	return st.send_sleeps + st.recv_sleeps;
}

/* Each signal is handled before the next, which would be the same one else. */
TEST_F(wait, restarted)
{
	uint32_t i;

	ASSERT_EQ(0, box_catch(SIGUSR1, SA_RESTART));
	ASSERT_EQ(0, box_task_asleep(&self->task));
	for (i = 1; i < 5; i++) {
		ASSERT_EQ(0, pthread_kill(self->task.thread, SIGUSR1));
		ASSERT_TRUE(wait_for(word_get(&box_signals) == i));
		ASSERT_TRUE(wait_for(box_sleepers(self->fd) == 1));
		EXPECT_FALSE(box_task_ended(&self->task));
		EXPECT_EQ(i, sleeps(self->fd));
	}
	ASSERT_EQ(0, let_it_go(&self->task));
	EXPECT_EQ(0, box_task_wait(&self->task));
}

/* The deadline is a moment and not a time span: no signal moves it. */
TEST_F(wait, restarted_until_the_deadline)
{
	uint64_t end = in_ms(200);

	ASSERT_EQ(0, box_catch(SIGUSR1, SA_RESTART));
	*deadline_of(&self->task) = end;
	ASSERT_EQ(0, box_task_start(&self->task));
	while (!box_task_ended(&self->task) &&
	       now_ns() < end + PATIENCE_NS) {
		pthread_kill(self->task.thread, SIGUSR1);
		usleep(2000);
	}
	EXPECT_EQ(-ETIMEDOUT, box_task_wait(&self->task));
	EXPECT_LE(end, now_ns());
	expect_unchanged(_metadata, self->fd, AT_FIRST);
}

TEST_F(wait, destroyed)
{
	struct box_task more[4];
	int i;

	ASSERT_EQ(0, box_task_asleep(&self->task));
	for (i = 0; i < 4; i++) {
		more[i] = self->task;
		ASSERT_EQ(0, box_task_asleep(&more[i]));
	}
	ASSERT_EQ(0, kipc_destroy(self->fd));
	EXPECT_EQ(-EIDRM, box_task_wait(&self->task));
	for (i = 0; i < 4; i++)
		EXPECT_EQ(-EIDRM, box_task_wait(&more[i]));
	EXPECT_EQ(-EIDRM, call_now(&self->task, 0, 0));
	/* For the teardown, which looks at it. */
	self->fd = box_make(0, 0);
}

/* Who is in a call keeps it alive; closing the descriptor ends nothing. */
TEST_F(wait, closed_meanwhile)
{
	int other = fcntl(self->fd, F_DUPFD_CLOEXEC, 0);

	ASSERT_LE(0, other);
	ASSERT_EQ(0, box_task_asleep(&self->task));
	close(self->fd);
	self->fd = other;
	self->task.fd = other;
	EXPECT_FALSE(box_task_ended(&self->task));
	ASSERT_EQ(0, let_it_go(&self->task));
	EXPECT_EQ(0, box_task_wait(&self->task));
}

/* Signals and wake-ups at the same time: one of the two, and all of it. */
TEST_F(wait, races_with_signals)
{
	unsigned long rounds = scaled(1000), i, done = 0, interrupted = 0;
	uint64_t rnd = kipc_seed();
	struct box_task task;
	int ret;

	ASSERT_EQ(0, box_catch(SIGUSR1, 0));
	for (i = 0; i < rounds; i++) {
		task = self->task;
		ASSERT_EQ(0, box_task_asleep(&task));
		if (kipc_rand(&rnd) & 1) {
			pthread_kill(task.thread, SIGUSR1);
			ASSERT_EQ(0, let_it_go(&task));
		} else {
			ASSERT_EQ(0, let_it_go(&task));
			pthread_kill(task.thread, SIGUSR1);
		}
		ret = box_task_wait(&task);
		ASSERT_TRUE(!ret || ret == -EINTR);
		done += !ret;
		interrupted += !!ret;
		/* As it was at first. */
		ASSERT_EQ(0, box_empty(self->fd));
		while (box_messages(self->fd) < AT_FIRST)
			ASSERT_EQ(0, box_put(self->fd, 9, 0, "first"));
	}
	EXPECT_EQ(rounds, done + interrupted);
}

TEST_HARNESS_MAIN
