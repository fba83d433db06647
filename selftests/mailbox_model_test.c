// SPDX-License-Identifier: GPL-2.0
/*
 * A small model of a mailbox and a real one are given the same random calls,
 * all of which come back at once: they must agree on every result, on what is
 * in the queue all the time, and on the order at the end.
 *
 * SEED in the environment makes a run happen again.
 */
#include <poll.h>
#include <sched.h>

#include "kselftest_harness.h"
#include "mailbox_util.h"

#define ROUNDS		100000
#define SENDERS		3	/* the test itself and two children */
#define MODEL_MESSAGES	24
#define MODEL_BYTES	1100	/* about as soon reached as the number */
#define MODEL_LONGEST	120
#define DRAIN_EACH	500
#define VECTOR		20	/* more than the module does at a time */
#define BAD		8	/* an address where nothing is */

/* What the model knows of a message; the body follows from its cookie. */
struct model_message {
	struct kipc_msg msg;
	int sender;
};

struct model {
	struct model_message messages[MODEL_MESSAGES];	/* in order */
	uint32_t count;
	uint32_t bytes;
	uint64_t sent;
	uint64_t received;
	unsigned long many;	/* times that there were too many for one more */
	unsigned long large;	/* ... that they were too large */
};

/* A child that sends what the test says. */
struct clerk {
	int sock[2];
	struct kipc_msg_sendv arg;
	struct kipc_msg msgs[VECTOR];
	char bodies[VECTOR][MODEL_LONGEST + 8];
};

enum operation { DRAIN, PEEK, RECVV, RECV, SEND, OPERATIONS };

/* One random walk. */
struct run {
	int fd;
	uint64_t rnd;
	uint64_t cookie;
	unsigned long calls;
	struct model model;
	struct clerk *clerks;
	uint32_t pids[SENDERS + 1];	/* and one that is no process */
	unsigned long done[OPERATIONS];
};

FIXTURE(model) {
	struct run run;
};

FIXTURE_VARIANT(model) {
	unsigned long rounds;
	bool polled;
};

FIXTURE_VARIANT_ADD(model, plain) {
	.rounds = ROUNDS,
	.polled = false,
};

/* The module takes no short cuts with a queue that somebody has polled. */
FIXTURE_VARIANT_ADD(model, polled) {
	.rounds = ROUNDS / 4,
	.polled = true,
};

static void clerk_run(int fd, struct clerk *clerk)
{
	int ret;
	char c;

	while (read(clerk->sock[1], &c, 1) == 1) {
		ret = msg_sendv(fd, KIPC_MAILBOX_SENDV, &clerk->arg);
		CHECK_EQ(sizeof(ret), write(clerk->sock[1], &ret,
					    sizeof(ret)));
	}
	_exit(0);
}

FIXTURE_SETUP(model)
{
	struct kipc_mailbox_create arg = { .rights = RIGHT_BOTH,
		.max_messages = MODEL_MESSAGES, .max_bytes = MODEL_BYTES,
		.message_max = MODEL_LONGEST };
	struct run *run = &self->run;
	struct pollfd pfd;
	cpu_set_t set;
	int i;

	/* They take turns: to wake another processor each time is slow. */
	CPU_ZERO(&set);
	CPU_SET(sched_getcpu(), &set);
	ASSERT_EQ(0, sched_setaffinity(0, sizeof(set), &set));
	pattern_table();
	run->fd = box_create(&arg);
	ASSERT_LE(0, run->fd);
	pfd = (struct pollfd){ .fd = run->fd, .events = POLLOUT };
	if (variant->polled)
		ASSERT_EQ(1, poll(&pfd, 1, 0));
	run->clerks = kipc_shared(SENDERS * sizeof(*run->clerks));
	ASSERT_NE(NULL, run->clerks);
	run->pids[0] = getpid();
	for (i = 1; i < SENDERS; i++) {
		struct clerk *clerk = &run->clerks[i];

		ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM, 0, clerk->sock));
		run->pids[i] = kipc_fork();
		if (!run->pids[i])
			clerk_run(run->fd, clerk);
	}
	run->pids[SENDERS] = NO_PID;
	run->rnd = kipc_seed();
}

FIXTURE_TEARDOWN(model)
{
	int i;

	for (i = 1; i < SENDERS; i++)
		EXPECT_EQ(128 + SIGKILL, child_kill(self->run.pids[i]));
}

static uint32_t some(struct run *run, uint32_t below)
{
	return kipc_rand(&run->rnd) % below;
}

static bool matches(const struct run *run, const struct model_message *message,
		    const struct kipc_msg_recv *arg)
{
	switch (arg->select) {
	case KIPC_SELECT_TYPE:
		return message->msg.type == arg->type;
	case KIPC_SELECT_UP_TO:
		return message->msg.type <= arg->type;
	case KIPC_SELECT_NOT:
		return message->msg.type != arg->type;
	case KIPC_SELECT_SENDER:
		return run->pids[message->sender] == arg->pid;
	default:
		return true;
	}
}

/* Index of the message that a call takes or looks at, -1: none. */
static int model_find(const struct run *run, const struct kipc_msg_recv *arg)
{
	const struct model_message *m = run->model.messages;
	uint32_t i, position = arg->position;
	int best = -1;

	for (i = 0; i < run->model.count; i++) {
		if (!matches(run, &m[i], arg))
			continue;
		if (arg->select == KIPC_SELECT_UP_TO) {
			if (best < 0 || m[i].msg.type < m[best].msg.type)
				best = i;
		} else if (!position--) {
			return i;
		}
	}
	return best;
}

/* Behind all that are as urgent, before all others; its place. */
static struct model_message *model_insert(struct model *model,
					  uint32_t priority)
{
	uint32_t i = 0;

	while (i < model->count && model->messages[i].msg.priority >= priority)
		i++;
	memmove(&model->messages[i + 1], &model->messages[i],
		(model->count - i) * sizeof(model->messages[0]));
	model->count++;
	return &model->messages[i];
}

static void model_remove(struct model *model, uint32_t i)
{
	model->bytes -= model->messages[i].msg.len;
	model->count--;
	memmove(&model->messages[i], &model->messages[i + 1],
		(model->count - i) * sizeof(model->messages[0]));
}

/* What sending @msg gives: 0 or -errno. */
static int model_send(struct model *model, const struct kipc_msg *msg,
		      int sender)
{
	struct model_message *message;

	if (msg->flags || msg->pad || msg->priority > KIPC_MSG_PRIORITY_MAX)
		return -EINVAL;
	if (msg->len > MODEL_LONGEST)
		return -EMSGSIZE;
	if (msg->buf == BAD && msg->len)
		return -EFAULT;
	if (model->count == MODEL_MESSAGES) {
		model->many++;
		return -EAGAIN;
	}
	if (model->bytes + msg->len > MODEL_BYTES) {
		model->large++;
		return -EAGAIN;
	}
	message = model_insert(model, msg->priority);
	message->msg = *msg;
	message->msg.seq = ++model->sent;
	message->sender = sender;
	model->bytes += msg->len;
	return 0;
}

/* A message, mostly a good one, whose body is at @body. */
static struct kipc_msg some_message(struct run *run, char *body)
{
	static const uint32_t priorities[] = { 0, 1, 7, KIPC_MSG_PRIORITY_MAX };
	struct kipc_msg msg = {
		.type = some(run, 6),
		.priority = priorities[some(run, 4)],
		.buf = to_u64(body),
		.len = some(run, MODEL_LONGEST + 1),
		.cookie = ++run->cookie,
	};

	if (some(run, 4) == 0)
		msg.len %= 10;
	if (some(run, 8) == 0)
		msg.type = UINT64_MAX - some(run, 2);
	pattern_fill(body, msg.cookie, MODEL_LONGEST);
	switch (some(run, 40)) {
	case 0:
		msg.len = MODEL_LONGEST + 1;
		break;
	case 1:
		msg.buf = BAD;
		break;
	case 2:
		msg.priority = KIPC_MSG_PRIORITY_MAX + 1;
		break;
	case 3:
		msg.flags = KIPC_MSG_TRUNCATED;
		break;
	}
	return msg;
}

static int clerk_send(struct run *run, struct clerk *clerk)
{
	int ret;

	if (clerk == run->clerks)
		return msg_sendv(run->fd, KIPC_MAILBOX_SENDV, &clerk->arg);
	if (write(clerk->sock[0], "", 1) != 1 ||
	    read(clerk->sock[0], &ret, sizeof(ret)) != sizeof(ret))
		return -EPIPE;
	return ret;
}

/* One or several, by anybody. */
static bool do_send(struct run *run)
{
	/* Mostly the test itself: that is faster. */
	int sender = some(run, 3) ? 0 : some(run, SENDERS), want = 0, ret = 0;
	struct clerk *clerk = &run->clerks[sender];
	uint32_t count = 1, i;

	if (some(run, 4) == 0)
		count = some(run, VECTOR) + 1;
	for (i = 0; i < count; i++) {
		clerk->msgs[i] = some_message(run, clerk->bodies[i]);
		if (!ret)
			ret = model_send(&run->model, &clerk->msgs[i], sender);
		if (!ret)
			want++;
	}
	if (!want)
		want = ret;
	clerk->arg = (struct kipc_msg_sendv){ .flags = KIPC_MSG_NONBLOCK,
		.count = count, .msgs = to_u64(clerk->msgs) };
	if (!sender && count == 1)
		ret = box_try_send(run->fd, clerk->msgs[0]) ?: 1;
	else
		ret = clerk_send(run, clerk);
	if (ret == want)
		return true;
	fprintf(stderr, "# send of %u: %d, model: %d\n", count, ret, want);
	return false;
}

/* A selection, of which half the time something is there. */
static struct kipc_msg_recv some_selection(struct run *run)
{
	struct kipc_msg_recv arg = { .select = some(run, 5) };

	if (arg.select == KIPC_SELECT_SENDER)
		arg.pid = run->pids[some(run, SENDERS + 1)];
	else if (arg.select)
		arg.type = some(run, 16) ? some(run, 7) :
			   UINT64_MAX - some(run, 2);
	return arg;
}

/* Room, mostly for any message. */
static struct kipc_msg some_room(struct run *run, char *body)
{
	struct kipc_msg room = msg_room(body, MODEL_LONGEST);

	memset(body, 0x5a, MODEL_LONGEST + 1);
	if (some(run, 4) == 0)
		room.len = some(run, MODEL_LONGEST);
	if (some(run, 30) == 0)
		room.buf = BAD;
	return room;
}

/*
 * What the model gives for one that fits @arg, into @room: an index, or -errno.
 */
static int model_recv(const struct run *run, const struct kipc_msg_recv *arg,
		      const struct kipc_msg *room, uint32_t flags)
{
	int i = model_find(run, arg);
	uint32_t len;

	if (i < 0)
		return arg->pid == NO_PID ? -ESRCH : -EAGAIN;
	len = run->model.messages[i].msg.len;
	if (len > room->len && !(flags & KIPC_MSG_TRUNCATE))
		return -EMSGSIZE;
	if (room->buf == BAD && len && room->len)
		return -EFAULT;
	return i;
}

/* Is @got, in a room of @room bytes, the message that the model has? */
static bool same(const struct run *run, const struct model_message *message,
		 const struct kipc_msg *got, uint32_t room)
{
	const struct kipc_msg *msg = &message->msg;
	uint32_t len = msg->len < room ? msg->len : room;
	const char *body = (const char *)(uintptr_t)got->buf;

	return got->type == msg->type && got->priority == msg->priority &&
	       got->flags == (msg->len > room ? KIPC_MSG_TRUNCATED : 0) &&
	       got->len == msg->len && got->cookie == msg->cookie &&
	       got->seq == msg->seq && got->pid == run->pids[message->sender] &&
	       !got->fd_count && (!len || pattern_ok(body, msg->cookie, len)) &&
	       (got->buf == BAD || body[len] == 0x5a);
}

static bool do_recv(struct run *run, bool peek)
{
	struct kipc_msg_recv arg = some_selection(run);
	char body[MODEL_LONGEST + 1];
	struct msg_got got;
	int want, ret, i;

	arg.flags = peek ? KIPC_MSG_PEEK : KIPC_MSG_NONBLOCK;
	if (some(run, 4) == 0)
		arg.flags |= KIPC_MSG_TRUNCATE;
	if (peek && arg.select != KIPC_SELECT_UP_TO && some(run, 2))
		arg.position = some(run, MODEL_MESSAGES);
	arg.msg = some_room(run, body);
	i = model_recv(run, &arg, &arg.msg, arg.flags);
	want = i < 0 ? i : 0;
	ret = msg_recv(run->fd, KIPC_MAILBOX_RECV, &got, &arg);
	if (ret != want) {
		fprintf(stderr, "# receive: %d, model: %d\n", ret, want);
		return false;
	}
	if (ret == -EMSGSIZE) {
		i = model_find(run, &arg);
		return got.msg.len == run->model.messages[i].msg.len &&
		       body[0] == 0x5a;
	}
	if (ret)
		return true;
	if (!same(run, &run->model.messages[i], &got.msg, arg.msg.len))
		return false;
	if (!peek) {
		model_remove(&run->model, i);
		run->model.received++;
	}
	return true;
}

static bool do_recvv(struct run *run)
{
	struct kipc_msg_recv arg = some_selection(run);
	uint32_t count = some(run, VECTOR) + 1, flags = KIPC_MSG_NONBLOCK, i;
	static char bodies[VECTOR][MODEL_LONGEST + 1];
	struct kipc_msg msgs[VECTOR], rooms[VECTOR];
	int ret, at = 0;

	if (some(run, 4) == 0)
		flags |= KIPC_MSG_TRUNCATE;
	if (some(run, 4) == 0)
		flags |= KIPC_MSG_WAIT_ALL;
	for (i = 0; i < count; i++)
		rooms[i] = some_room(run, bodies[i]);
	memcpy(msgs, rooms, sizeof(msgs));
	ret = BOX_RECVV(run->fd, .flags = flags, .select = arg.select,
			.type = arg.type, .pid = arg.pid, .count = count,
			.msgs = to_u64(msgs));
	for (i = 0; i < count; i++) {
		at = model_recv(run, &arg, &rooms[i], flags);
		if (at < 0)
			break;
		if (ret <= (int)i || !same(run, &run->model.messages[at],
					   &msgs[i], rooms[i].len)) {
			fprintf(stderr, "# vector: %d, no. %u is wrong\n", ret,
				i);
			return false;
		}
		model_remove(&run->model, at);
		run->model.received++;
	}
	if (ret != (i ? (int)i : at)) {
		fprintf(stderr, "# vector: %d, model: %u or %d\n", ret, i, at);
		return false;
	}
	/* Only the first is an error, and tells its length. */
	i = at == -EMSGSIZE ? model_find(run, &arg) : 0;
	return ret != -EMSGSIZE || msgs[0].len == run->model.messages[i].msg.len;
}

static bool do_drain(struct run *run)
{
	struct kipc_mailbox_drain arg;

	if (box_drain(run->fd, &arg) || arg.messages != run->model.count ||
	    arg.bytes != run->model.bytes)
		return false;
	run->model.count = 0;
	run->model.bytes = 0;
	return true;
}

static bool do_something(struct run *run)
{
	uint32_t what = some(run, 64);
	/* Times of filling up and of emptying take turns. */
	uint32_t receive = run->cookie / 500 % 2 ? 36 : 50;
	enum operation op = SEND;

	/* Seldom, or there would never be much; but not by chance, or never. */
	if (++run->calls % DRAIN_EACH == 0)
		op = DRAIN;
	else if (what < 12)
		op = PEEK;
	else if (what < 20)
		op = RECVV;
	else if (what < receive)
		op = RECV;
	run->done[op]++;
	switch (op) {
	case DRAIN:
		return do_drain(run);
	case PEEK:
	case RECV:
		return do_recv(run, op == PEEK);
	case RECVV:
		return do_recvv(run);
	default:
		return do_send(run);
	}
}

static bool agree(const struct run *run)
{
	struct kipc_queue_stat st = box_stat(run->fd);

	return st.messages == run->model.count &&
	       st.bytes == run->model.bytes && st.sent == run->model.sent &&
	       st.received == run->model.received;
}

TEST_F(model, random_calls)
{
	unsigned long rounds = scaled_if_slow(variant->rounds), i;
	const struct kipc_msg_recv any = { .select = KIPC_SELECT_ANY };
	struct run *run = &self->run;
	char body[MODEL_LONGEST + 1];
	struct msg_got got;
	int at;

	for (i = 0; i < rounds; i++) {
		ASSERT_TRUE(do_something(run))
			TH_LOG("operation %lu", i);
		ASSERT_TRUE(agree(run))
			TH_LOG("operation %lu", i);
	}
	/* What is left, in order. */
	while ((at = model_find(run, &any)) >= 0) {
		memset(body, 0x5a, sizeof(body));
		ASSERT_EQ(0, BOX_RECV(run->fd, &got,
				      .flags = KIPC_MSG_NONBLOCK,
				      .msg = msg_room(body, MODEL_LONGEST)));
		ASSERT_TRUE(same(run, &run->model.messages[at], &got.msg,
				 MODEL_LONGEST));
		model_remove(&run->model, at);
	}
	EXPECT_TRUE(box_is_idle(run->fd));
	/* All of it has happened, and often. */
	EXPECT_EQ(rounds / DRAIN_EACH, run->done[DRAIN]);
	for (i = PEEK; i < OPERATIONS; i++)
		EXPECT_LT(rounds / 20, run->done[i]);
	EXPECT_LT(0, run->model.many);
	EXPECT_LT(0, run->model.large);
}

TEST_HARNESS_MAIN
