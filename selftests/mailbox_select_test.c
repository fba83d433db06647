// SPDX-License-Identifier: GPL-2.0
/*
 * Which message a receiver gets: each selection on a queue whose order is
 * known, by calls that take and by calls that only look.  See
 * mailbox_model_test.c for queues of any form.
 */
#include "kselftest_harness.h"
#include "mailbox_util.h"

/* Sent in this order.  The order of the queue: D F B E A C G. */
static const struct {
	uint64_t type;
	uint32_t priority;
	const char *text;
	bool other;		/* by another process */
} sent[] = {
	{ 5, 10, "A", false },
	{ 3, 20, "B", true },
	{ 5, 10, "C", true },
	{ 9, 32767, "D", false },
	{ 3, 20, "E", false },
	{ 0, 30, "F", true },
	{ UINT64_MAX, 0, "G", false },
};

#define SENT	ARRAY_SIZE(sent)

enum who { NOBODY, TEST_ITSELF, OTHER };

static const struct {
	uint32_t select;
	uint64_t type;
	enum who sender;
	const char *taken;	/* one after the other, until there is none */
} rows[] = {
	{ KIPC_SELECT_ANY, 0, NOBODY, "DFBEACG" },
	{ KIPC_SELECT_TYPE, 5, NOBODY, "AC" },
	{ KIPC_SELECT_TYPE, 3, NOBODY, "BE" },
	{ KIPC_SELECT_TYPE, 0, NOBODY, "F" },
	{ KIPC_SELECT_TYPE, 9, NOBODY, "D" },
	{ KIPC_SELECT_TYPE, UINT64_MAX, NOBODY, "G" },
	{ KIPC_SELECT_TYPE, 4, NOBODY, "" },
	{ KIPC_SELECT_UP_TO, 0, NOBODY, "F" },
	{ KIPC_SELECT_UP_TO, 2, NOBODY, "F" },
	{ KIPC_SELECT_UP_TO, 3, NOBODY, "FBE" },
	{ KIPC_SELECT_UP_TO, 5, NOBODY, "FBEAC" },
	{ KIPC_SELECT_UP_TO, 8, NOBODY, "FBEAC" },
	{ KIPC_SELECT_UP_TO, UINT64_MAX - 1, NOBODY, "FBEACD" },
	{ KIPC_SELECT_UP_TO, UINT64_MAX, NOBODY, "FBEACDG" },
	{ KIPC_SELECT_NOT, 3, NOBODY, "DFACG" },
	{ KIPC_SELECT_NOT, 5, NOBODY, "DFBEG" },
	{ KIPC_SELECT_NOT, 0, NOBODY, "DBEACG" },
	{ KIPC_SELECT_NOT, 4, NOBODY, "DFBEACG" },
	{ KIPC_SELECT_NOT, UINT64_MAX, NOBODY, "DFBEAC" },
	{ KIPC_SELECT_SENDER, 0, TEST_ITSELF, "DEAG" },
	{ KIPC_SELECT_SENDER, 0, OTHER, "FBC" },
};

#define ROWS	ARRAY_SIZE(rows)

/* Sends those that are not the test's own, one at a time. */
struct other {
	int fd;
	pid_t pid;
	uint32_t asked;		/* index of the message, plus one */
	uint32_t done;
};

FIXTURE(select) {
	int fd;
	struct other *other;
	struct msg_got got;
};

static void other_run(void *arg)
{
	struct other *other = arg;
	uint32_t i;

	for (;;) {
		i = word_get(&other->asked);
		if (i == word_get(&other->done)) {
			usleep(200);
			continue;
		}
		CHECK_EQ(0, box_put(other->fd, sent[i - 1].type,
				    sent[i - 1].priority, sent[i - 1].text));
		word_set(&other->done, i);
	}
}

FIXTURE_SETUP(select)
{
	self->fd = box_make(0, 0);
	ASSERT_LE(0, self->fd);
	self->other = kipc_shared(sizeof(*self->other));
	ASSERT_NE(NULL, self->other);
	self->other->fd = self->fd;
	self->other->pid = child_start(other_run, self->other);
}

FIXTURE_TEARDOWN(select)
{
	if (self->other->pid)
		EXPECT_EQ(128 + SIGKILL, child_kill(self->other->pid));
}

static bool fill(int fd, struct other *other)
{
	uint32_t i;

	for (i = 0; i < SENT; i++) {
		if (sent[i].other) {
			word_set(&other->asked, i + 1);
			if (!wait_for(word_get(&other->done) == i + 1))
				return false;
		} else if (box_put(fd, sent[i].type, sent[i].priority,
				   sent[i].text)) {
			return false;
		}
	}
	/* So that the same number can be asked again. */
	word_set(&other->done, 0);
	word_set(&other->asked, 0);
	return true;
}

static struct kipc_msg_recv row_recv(const struct other *other, unsigned int i,
				     uint32_t flags)
{
	const uint32_t pids[] = { 0, getpid(), other->pid };

	return (struct kipc_msg_recv){
		.flags = flags,
		.select = rows[i].select,
		.type = rows[i].type,
		.pid = pids[rows[i].sender],
	};
}

TEST_F(select, takes)
{
	struct kipc_msg_recv arg;
	char seen[SENT + 2];
	unsigned int i, n;
	int ret = 0;

	for (i = 0; i < ROWS; i++) {
		ASSERT_TRUE(fill(self->fd, self->other));
		arg = row_recv(self->other, i, KIPC_MSG_NONBLOCK);
		for (n = 0; n <= SENT; n++) {
			ret = msg_recv(self->fd, KIPC_MAILBOX_RECV, &self->got,
				       &arg);
			if (ret)
				break;
			seen[n] = *self->got.body;
		}
		seen[n] = '\0';
		EXPECT_EQ(-EAGAIN, ret);
		EXPECT_STREQ(rows[i].taken, seen)
			TH_LOG("row %u", i);
		EXPECT_EQ(SENT - n, box_messages(self->fd));
		ASSERT_EQ(0, box_empty(self->fd));
	}
}

TEST_F(select, takes_in_a_vector)
{
	struct kipc_msg msgs[SENT + 1];
	char seen[SENT + 2], want;
	struct kipc_msg_recv arg;
	unsigned int i, k;
	int n;

	for (i = 0; i < ROWS; i++) {
		ASSERT_TRUE(fill(self->fd, self->other));
		for (k = 0; k <= SENT; k++)
			msgs[k] = msg_room(&seen[k], 1);
		arg = row_recv(self->other, i, 0);
		n = BOX_RECVV(self->fd, .flags = KIPC_MSG_NONBLOCK,
			      .select = arg.select, .type = arg.type,
			      .pid = arg.pid, .count = SENT + 1,
			      .msgs = to_u64(msgs));
		want = strlen(rows[i].taken);
		EXPECT_EQ(want ? want : -EAGAIN, n)
			TH_LOG("row %u", i);
		seen[n < 0 ? 0 : n] = '\0';
		EXPECT_STREQ(rows[i].taken, seen)
			TH_LOG("row %u", i);
		ASSERT_EQ(0, box_empty(self->fd));
	}
}

TEST_F(select, peeks)
{
	struct kipc_msg_recv arg;
	char seen[SENT + 2];
	unsigned int i, n;
	int ret = 0;

	ASSERT_TRUE(fill(self->fd, self->other));
	for (i = 0; i < ROWS; i++) {
		arg = row_recv(self->other, i, KIPC_MSG_PEEK);
		for (n = 0; n <= SENT; n++) {
			arg.position = n;
			ret = msg_recv(self->fd, KIPC_MAILBOX_RECV, &self->got,
				       &arg);
			if (ret)
				break;
			seen[n] = *self->got.body;
			if (arg.select == KIPC_SELECT_UP_TO) {
				/* That has no second one. */
				arg.position = 1;
				EXPECT_EQ(-EINVAL,
					  msg_recv(self->fd, KIPC_MAILBOX_RECV,
						   &self->got, &arg));
				n = 1;
				ret = -EAGAIN;
				break;
			}
		}
		EXPECT_EQ(-EAGAIN, ret);
		if (arg.select != KIPC_SELECT_UP_TO)
			EXPECT_EQ(strlen(rows[i].taken), n);
		EXPECT_EQ(0, strncmp(rows[i].taken, seen, n))
			TH_LOG("row %u", i);
	}
	arg = row_recv(self->other, 0, KIPC_MSG_PEEK);
	arg.position = UINT32_MAX;
	EXPECT_EQ(-EAGAIN, msg_recv(self->fd, KIPC_MAILBOX_RECV, &self->got,
				    &arg));
	/* All of it has changed nothing. */
	EXPECT_EQ(SENT, box_messages(self->fd));
	EXPECT_EQ(0, box_stat(self->fd).received);
	ASSERT_EQ(0, box_try_recv(self->fd, &self->got));
	EXPECT_EQ('D', *self->got.body);
}

/* It gives the same as the call that takes. */
TEST_F(select, a_peek_tells_all)
{
	struct kipc_msg first;

	ASSERT_TRUE(fill(self->fd, self->other));
	ASSERT_EQ(0, BOX_RECV(self->fd, &self->got, .flags = KIPC_MSG_PEEK,
			      .select = KIPC_SELECT_SENDER,
			      .pid = self->other->pid));
	first = self->got.msg;
	memset(&self->got, 0, sizeof(self->got));
	ASSERT_EQ(0, BOX_RECV(self->fd, &self->got,
			      .flags = KIPC_MSG_NONBLOCK,
			      .select = KIPC_SELECT_SENDER,
			      .pid = self->other->pid));
	EXPECT_EQ(0, memcmp(&first, &self->got.msg, sizeof(first)));
	EXPECT_EQ('F', *self->got.body);
}

/* Never sleeps, and wants room for the body as others do. */
TEST_F(select, peek_without_room)
{
	struct msg_got *got = &self->got;
	char body[3] = "...";

	EXPECT_EQ(-EAGAIN, BOX_RECV(self->fd, got, .flags = KIPC_MSG_PEEK));
	EXPECT_EQ(-EAGAIN, BOX_RECV(self->fd, got, .flags = KIPC_MSG_PEEK,
				    .deadline_ns = in_ms(HOUR)));
	ASSERT_EQ(0, box_put(self->fd, 0, 0, "abcd"));
	EXPECT_EQ(-EMSGSIZE, BOX_RECV(self->fd, got, .flags = KIPC_MSG_PEEK,
				      .msg = msg_room(body, 3)));
	EXPECT_EQ(4, got->msg.len);
	EXPECT_EQ(0, memcmp(body, "...", 3));
	EXPECT_EQ(0, BOX_RECV(self->fd, got, .msg = msg_room(body, 3),
			      .flags = KIPC_MSG_PEEK | KIPC_MSG_TRUNCATE));
	EXPECT_EQ(KIPC_MSG_TRUNCATED, got->msg.flags);
	EXPECT_EQ(4, got->msg.len);
	EXPECT_EQ(0, memcmp(body, "abc", 3));
	EXPECT_EQ(-EFAULT, BOX_RECV(self->fd, got, .flags = KIPC_MSG_PEEK,
				    .msg = msg_room((void *)8, 4)));
	EXPECT_TRUE(box_next_is(self->fd, "abcd"));
}

/* Those of a process that has died are still there, under the pid it had. */
TEST_F(select, a_sender_that_is_no_more)
{
	const uint32_t no = KIPC_MSG_NONBLOCK;
	pid_t pid = self->other->pid;
	struct msg_got *got = &self->got;

	ASSERT_TRUE(fill(self->fd, self->other));
	ASSERT_EQ(128 + SIGKILL, child_kill(pid));
	self->other->pid = 0;
	ASSERT_EQ(-ESRCH, KIPC_RET(kill(pid, 0)));
	EXPECT_EQ(0, BOX_RECV(self->fd, got, .flags = no, .pid = pid,
			      .select = KIPC_SELECT_SENDER));
	EXPECT_EQ('F', *got->body);
	EXPECT_EQ(pid, (pid_t)got->msg.pid);
	EXPECT_EQ(0, BOX_RECV(self->fd, got, .flags = KIPC_MSG_PEEK,
			      .pid = pid, .position = 1,
			      .select = KIPC_SELECT_SENDER));
	EXPECT_EQ('C', *got->body);
	EXPECT_EQ(0, BOX_RECV(self->fd, got, .pid = pid,
			      .select = KIPC_SELECT_SENDER));
	EXPECT_EQ('B', *got->body);
	EXPECT_EQ(0, BOX_RECV(self->fd, got, .pid = pid,
			      .select = KIPC_SELECT_SENDER));
	/* And then none will ever come. */
	EXPECT_EQ(-ESRCH, BOX_RECV(self->fd, got, .pid = pid,
				   .select = KIPC_SELECT_SENDER));
	EXPECT_EQ(-ESRCH, BOX_RECV(self->fd, got, .flags = no, .pid = pid,
				   .select = KIPC_SELECT_SENDER));
	EXPECT_EQ(4, box_messages(self->fd));
}

static void *sleep_on(void *arg)
{
	(void)arg;
	for (;;)
		pause();
	return NULL;
}

static void *say_tid(void *arg)
{
	word_set(arg, syscall(SYS_gettid));
	return sleep_on(NULL);
}

/* It is the process that counts; a thread has no number here. */
TEST_F(select, threads_of_a_sender)
{
	pthread_t thread;
	uint32_t tid = 0;

	ASSERT_EQ(0, pthread_create(&thread, NULL, say_tid, &tid));
	ASSERT_TRUE(wait_for(word_get(&tid)));
	EXPECT_EQ(-ESRCH, BOX_RECV(self->fd, &self->got, .pid = tid,
				   .flags = KIPC_MSG_NONBLOCK,
				   .select = KIPC_SELECT_SENDER));
	EXPECT_EQ(-EAGAIN, BOX_RECV(self->fd, &self->got, .pid = getpid(),
				    .flags = KIPC_MSG_NONBLOCK,
				    .select = KIPC_SELECT_SENDER));
}

TEST_HARNESS_MAIN
