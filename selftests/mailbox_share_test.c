// SPDX-License-Identifier: GPL-2.0
/*
 * Many senders and many receivers, in processes of their own and each with
 * calls of its own: every message is received once, whole, and in order as far
 * as its sender and its priority are the same.
 */
#include <poll.h>

#include "kselftest_harness.h"
#include "mailbox_util.h"

#define SENDERS		4
#define RECEIVERS	4
#define PRIORITIES	3
#define TOTAL		10000000	/* bytes */
#define LONGEST		20000
#define VECTOR		24

/* What a body begins with; the rest is a pattern that follows from it. */
struct head {
	uint32_t sender;
	uint32_t priority;
	uint32_t number;	/* among those of both */
	uint32_t len;
};

/* Messages that there can be of one sender and priority. */
#define NUMBERS		10000

struct row {
	uint32_t sent;
	uint64_t seq[NUMBERS];	/* 0: has not come */
};

struct table {
	int fd;
	uint64_t seed;
	uint64_t bytes_each;	/* for each sender */
	uint64_t sent_bytes;
	uint32_t received;
	uint64_t received_bytes;
	uint32_t doubled;
	uint32_t torn;
	uint32_t out_of_order;
	struct row rows[SENDERS][PRIORITIES];
};

static uint64_t pattern_of(const struct head *head)
{
	return head->sender * 7919 + head->priority * 104729 +
	       head->number * 31;
}

/* A message to send, into @body; its sizes differ widely. */
static struct kipc_msg build(struct table *t, uint32_t sender, char *body,
			     uint64_t *rnd)
{
	static const uint32_t ranges[] = { 48, 48, 200, 200, 1000, 1000, 4200,
					   LONGEST };
	struct head head = { .sender = sender };
	struct kipc_msg msg;

	head.priority = kipc_rand(rnd) % PRIORITIES;
	head.number = t->rows[sender][head.priority].sent++;
	head.len = sizeof(head) + kipc_rand(rnd) % (ranges[kipc_rand(rnd) % 8] -
						    sizeof(head));
	memcpy(body, &head, sizeof(head));
	pattern_fill(body + sizeof(head), pattern_of(&head),
		     head.len - sizeof(head));
	msg = msg_bytes(body, head.len);
	msg.type = sender;
	msg.priority = head.priority * 1000;
	msg.cookie = head.number;
	return msg;
}

/* Sends without sleeping, and sleeps in poll(2). */
static int send_by_poll(int fd, struct kipc_msg msg)
{
	struct pollfd pfd = { .fd = fd, .events = POLLOUT };
	int ret;

	while ((ret = box_try_send(fd, msg)) == -EAGAIN)
		if (poll(&pfd, 1, PATIENCE_NS / NSEC_PER_MSEC) != 1)
			return -ETIME;
	return ret;
}

/* All @count of them, in as many calls as it takes. */
static int send_all(int fd, struct kipc_msg *msgs, uint32_t count)
{
	int ret;

	while (count) {
		ret = BOX_SENDV(fd, .count = count, .msgs = to_u64(msgs),
				.deadline_ns = now_ns() + PATIENCE_NS);
		if (ret < 0)
			return ret;
		msgs += ret;
		count -= ret;
	}
	return 0;
}

static void sender_run(struct table *t, uint32_t me)
{
	static char bodies[VECTOR][LONGEST];
	struct kipc_msg msgs[VECTOR];
	uint64_t rnd = t->seed + 2 * me, bytes = 0;
	uint32_t count, i;

	while (bytes < t->bytes_each) {
		count = me % 2 ? kipc_rand(&rnd) % VECTOR + 1 : 1;
		for (i = 0; i < count; i++) {
			msgs[i] = build(t, me, bodies[i], &rnd);
			bytes += msgs[i].len;
		}
		if (count > 1)
			CHECK_EQ(0, send_all(t->fd, msgs, count));
		else if (me == 2)
			CHECK_EQ(0, send_by_poll(t->fd, msgs[0]));
		else
			CHECK_EQ(0, BOX_SEND(t->fd, .msg = msgs[0],
					     .deadline_ns = now_ns() +
					     PATIENCE_NS));
	}
	__atomic_add_fetch(&t->sent_bytes, bytes, __ATOMIC_RELAXED);
}

/* @last: number that came last to this receiver, plus one, for each row. */
static void note(struct table *t, const struct kipc_msg *msg,
		 uint32_t last[SENDERS][PRIORITIES])
{
	const char *body = (const char *)(uintptr_t)msg->buf;
	struct head head;
	struct row *row;

	memcpy(&head, body, sizeof(head));
	if (head.len != msg->len || head.sender >= SENDERS ||
	    head.priority >= PRIORITIES || head.number >= NUMBERS ||
	    msg->type != head.sender || msg->cookie != head.number ||
	    msg->priority != head.priority * 1000 || msg->flags ||
	    !pattern_ok(body + sizeof(head), pattern_of(&head),
			head.len - sizeof(head))) {
		word_add(&t->torn, 1);
		return;
	}
	if (head.number < last[head.sender][head.priority])
		word_add(&t->out_of_order, 1);
	last[head.sender][head.priority] = head.number + 1;
	row = &t->rows[head.sender][head.priority];
	if (__atomic_exchange_n(&row->seq[head.number], msg->seq,
				__ATOMIC_RELAXED))
		word_add(&t->doubled, 1);
	word_add(&t->received, 1);
	__atomic_add_fetch(&t->received_bytes, msg->len, __ATOMIC_RELEASE);
}

/* Each receiver asks in a way of its own. */
static int receive(struct table *t, uint32_t me, struct kipc_msg *msgs,
		   uint64_t *rnd)
{
	struct msg_got got;
	int ret;

	if (me == 1)
		return BOX_RECVV(t->fd, .count = VECTOR, .msgs = to_u64(msgs));
	if (me == 2)
		ret = BOX_RECV(t->fd, &got, .msg = msgs[0],
			       .select = KIPC_SELECT_UP_TO,
			       .type = SENDERS - 1);
	else if (me == 3)
		ret = BOX_RECV(t->fd, &got, .msg = msgs[0],
			       .select = KIPC_SELECT_NOT,
			       .type = SENDERS + kipc_rand(rnd) % 2);
	else
		ret = BOX_RECV(t->fd, &got, .msg = msgs[0]);
	msgs[0] = got.msg;
	return ret ? ret : 1;
}

static void receiver_run(struct table *t, uint32_t me)
{
	static uint32_t last[SENDERS][PRIORITIES];
	static char bodies[VECTOR][LONGEST];
	struct kipc_msg msgs[VECTOR];
	uint64_t rnd = t->seed + 2 * me;
	int n, i;

	for (;;) {
		for (i = 0; i < VECTOR; i++)
			msgs[i] = msg_room(bodies[i], LONGEST);
		n = receive(t, me, msgs, &rnd);
		if (n == -EIDRM)
			return;
		CHECK_EQ(1, n > 0);
		for (i = 0; i < n; i++)
			note(t, &msgs[i], last);
	}
}

FIXTURE(share) {
	struct table *t;
	pid_t senders[SENDERS];
	pid_t receivers[RECEIVERS];
};

FIXTURE_VARIANT(share) {
	uint32_t max_messages;
	uint64_t max_bytes;
	uint32_t senders;
	uint32_t receivers;
	uint64_t total;
};

FIXTURE_VARIANT_ADD(share, one_to_many) {
	.max_messages = 20,
	.senders = 1,
	.receivers = RECEIVERS,
	.total = TOTAL / 4,
};

FIXTURE_VARIANT_ADD(share, many_to_one) {
	.max_messages = 20,
	.senders = SENDERS,
	.receivers = 1,
	.total = TOTAL / 4,
};

FIXTURE_VARIANT_ADD(share, many_to_many) {
	.max_messages = 200,
	.senders = SENDERS,
	.receivers = RECEIVERS,
	.total = TOTAL,
};

/* Most of the time somebody waits for room. */
FIXTURE_VARIANT_ADD(share, narrow) {
	.max_messages = 3,
	.max_bytes = LONGEST,
	.senders = SENDERS,
	.receivers = RECEIVERS,
	.total = TOTAL / 4,
};

FIXTURE_SETUP(share)
{
	pattern_table();
	self->t = kipc_shared(sizeof(*self->t));
	ASSERT_NE(NULL, self->t);
	self->t->fd = box_make(variant->max_messages, variant->max_bytes);
	ASSERT_LE(0, self->t->fd);
	self->t->seed = kipc_seed();
	self->t->bytes_each = scaled_if_slow(variant->total) /
			      variant->senders + 1;
}

FIXTURE_TEARDOWN(share)
{
}

static bool all_received(struct table *t)
{
	return __atomic_load_n(&t->received_bytes, __ATOMIC_ACQUIRE) ==
	       t->sent_bytes;
}

/* In the order of their numbers, without a gap. */
static bool row_is_whole(const struct row *row)
{
	uint64_t before = 0;
	uint32_t i;

	for (i = 0; i < row->sent; i++) {
		if (row->seq[i] <= before)
			return false;
		before = row->seq[i];
	}
	return true;
}

TEST_F(share, all)
{
	struct table *t = self->t;
	uint32_t i, k, sent = 0;

	for (i = 0; i < variant->receivers; i++) {
		self->receivers[i] = kipc_fork();
		if (!self->receivers[i]) {
			receiver_run(t, i);
			_exit(0);
		}
	}
	for (i = 0; i < variant->senders; i++) {
		self->senders[i] = kipc_fork();
		if (!self->senders[i]) {
			sender_run(t, i);
			_exit(0);
		}
	}
	for (i = 0; i < variant->senders; i++)
		EXPECT_EQ(0, child_end(self->senders[i]));
	EXPECT_TRUE(wait_for(all_received(t)));
	EXPECT_EQ(0, box_messages(t->fd) + box_senders(t->fd));
	EXPECT_EQ(t->received, box_stat(t->fd).received);
	ASSERT_EQ(0, kipc_destroy(t->fd));
	for (i = 0; i < variant->receivers; i++)
		EXPECT_EQ(0, child_end(self->receivers[i]));
	for (i = 0; i < variant->senders; i++) {
		for (k = 0; k < PRIORITIES; k++) {
			sent += t->rows[i][k].sent;
			EXPECT_TRUE(row_is_whole(&t->rows[i][k]));
		}
	}
	EXPECT_EQ(sent, t->received);
	EXPECT_LE(scaled_if_slow(variant->total), t->received_bytes);
	EXPECT_EQ(0, t->torn);
	EXPECT_EQ(0, t->doubled);
	EXPECT_EQ(0, t->out_of_order);
}

TEST_HARNESS_MAIN
