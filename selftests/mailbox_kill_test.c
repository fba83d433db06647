// SPDX-License-Identifier: GPL-2.0
/*
 * Processes killed with SIGKILL at random points, asleep and at work, on both
 * sides of a mailbox.  What was acknowledged to a sender is received exactly
 * once, by somebody who lived to see it or had it in his memory; those who are
 * left go on, and the mailbox counts right.
 *
 * SEED in the environment makes a run happen again, as far as the scheduler
 * plays along.
 */
#include <sched.h>

#include "kselftest_harness.h"
#include "mailbox_util.h"

#define ROUNDS		1000	/* of all tests together */
#define VECTOR		20
#define ROUND_MOST	200	/* messages of a victim in one round */

/* A part of the rounds, in percent. */
static unsigned long part_of_rounds(unsigned int percent)
{
	return scaled_if_slow(ROUNDS) * percent / 100;
}

/* A moment up to @us microseconds long; often there is none. */
static void some_moment(uint64_t *rnd, uint32_t us)
{
	uint64_t end = now_ns() + kipc_rand(rnd) % (us * 1000);

	if (kipc_rand(rnd) % 4 == 0)
		return;
	while (now_ns() < end)
		sched_yield();
}

/* What a victim and the test both see.  It is all mapped from the start. */
struct scene {
	int fd;
	uint32_t select;	/* of the receivers */
	uint32_t acknowledged;	/* messages that the victim knows are sent */
	uint32_t numbers[VECTOR];
	struct kipc_msg msgs[VECTOR];
	uint32_t got;		/* rooms below that were used, at least */
	uint32_t body[ROUND_MOST];
	struct kipc_msg_recv recv[ROUND_MOST];
	struct kipc_msg rooms[ROUND_MOST];
};

FIXTURE(kill) {
	struct scene *s;
	uint64_t rnd;
};

FIXTURE_VARIANT(kill) {
	bool vector;
	uint32_t select;
};

FIXTURE_VARIANT_ADD(kill, one_by_one) {
	.vector = false,
	.select = KIPC_SELECT_ANY,
};

FIXTURE_VARIANT_ADD(kill, vectors) {
	.vector = true,
	.select = KIPC_SELECT_ANY,
};

FIXTURE_VARIANT_ADD(kill, selection) {
	.vector = false,
	.select = KIPC_SELECT_NOT,
};

FIXTURE_SETUP(kill)
{
	self->s = kipc_shared(sizeof(*self->s));
	ASSERT_NE(NULL, self->s);
	self->s->select = variant->select;
	self->s->fd = box_make(5, 0);
	ASSERT_LE(0, self->s->fd);
	self->rnd = kipc_seed();
}

FIXTURE_TEARDOWN(kill)
{
	EXPECT_TRUE(box_is_idle(self->s->fd));
}

/* Sends numbers, until it is killed. */
static void send_numbers(struct scene *s, bool vector)
{
	uint32_t next = 0, count = vector ? VECTOR : 1, i;
	int ret;

	for (;;) {
		for (i = 0; i < count; i++) {
			s->numbers[i] = next + i;
			s->msgs[i] = msg_bytes(&s->numbers[i], 4);
		}
		if (vector)
			ret = BOX_SENDV(s->fd, .count = count,
					.msgs = to_u64(s->msgs));
		else
			ret = BOX_SEND(s->fd, .msg = s->msgs[0]) ?: 1;
		CHECK_EQ(true, ret > 0);
		next += ret;
		word_set(&s->acknowledged, next);
	}
}

/* Takes what is next, which must be @want; 0 or -errno. */
static int take_number(const struct scene *s, uint32_t want,
		       uint64_t deadline_ns)
{
	uint32_t seen = UINT32_MAX;
	struct msg_got got;
	int ret;

	ret = BOX_RECV(s->fd, &got, .msg = msg_room(&seen, 4),
		       .select = s->select, .type = s->select ? 99 : 0,
		       .deadline_ns = deadline_ns);
	if (ret)
		return ret;
	return seen == want ? 0 : -EILSEQ;
}

TEST_F(kill, senders)
{
	unsigned long rounds = part_of_rounds(10), i;
	struct scene *s = self->s;
	uint32_t next, reads, most;
	pid_t pid;
	int ret;

	for (i = 0; i < rounds; i++) {
		s->acknowledged = 0;
		pid = kipc_fork();
		if (!pid)
			send_numbers(s, variant->vector);
		/* It sleeps, or works, or has hardly begun. */
		if (kipc_rand(&self->rnd) % 3 == 0)
			ASSERT_TRUE(wait_for(box_senders(s->fd) == 1));
		reads = kipc_rand(&self->rnd) % 30;
		for (next = 0; next < reads; next++)
			ASSERT_EQ(0, take_number(s, next, now_ns() +
						 PATIENCE_NS));
		some_moment(&self->rnd, 300);
		ASSERT_EQ(0, kill(pid, SIGKILL));
		/* Some of the time there is room for it while it dies. */
		for (reads = kipc_rand(&self->rnd) % 3; reads; reads--)
			if (!take_number(s, next, 1))
				next++;
		ASSERT_EQ(128 + SIGKILL, child_end(pid));
		EXPECT_EQ(0, box_senders(s->fd));
		while (!(ret = take_number(s, next, 1)))
			next++;
		ASSERT_EQ(-ETIMEDOUT, ret)
			TH_LOG("round %lu: number %u", i, next);
		/* All that it knows of, and nothing that it did not begin. */
		most = word_get(&s->acknowledged) +
		       (variant->vector ? VECTOR : 1);
		EXPECT_LE(word_get(&s->acknowledged), next);
		EXPECT_GE(most, next);
		ASSERT_TRUE(box_is_idle(s->fd));
	}
}

/* Receives into memory that the test sees, until it is killed. */
static void receive_numbers(struct scene *s, bool vector)
{
	uint32_t at = 0;
	int ret;

	while (at < ROUND_MOST) {
		if (vector) {
			ret = BOX_RECVV(s->fd, .msgs = to_u64(&s->rooms[at]),
					.count = ROUND_MOST - at < 7 ?
						 ROUND_MOST - at : 7);
		} else {
			s->recv[at].select = s->select;
			s->recv[at].type = s->select ? 99 : 0;
			ret = kipc_ioctl(s->fd, KIPC_MAILBOX_RECV,
					 &s->recv[at]) ?: 1;
			s->rooms[at] = s->recv[at].msg;
		}
		CHECK_EQ(true, ret > 0);
		at += ret;
		word_set(&s->got, at);
	}
	for (;;)
		pause();
}

static void make_rooms(struct scene *s)
{
	uint32_t i;

	s->got = 0;
	for (i = 0; i < ROUND_MOST; i++) {
		s->body[i] = UINT32_MAX;
		s->rooms[i] = msg_room(&s->body[i], 4);
		s->recv[i] = (struct kipc_msg_recv){
			.size = sizeof(s->recv[i]), .msg = s->rooms[i] };
	}
}

/* How many the victim got: those numbers, in order, were in its memory. */
static int victims_share(const struct scene *s, bool vector, bool *seen)
{
	uint32_t i, number, before = 0;
	uint64_t seq;

	for (i = 0; i < ROUND_MOST; i++) {
		seq = vector ? s->rooms[i].seq : s->recv[i].msg.seq;
		number = s->body[i];
		if (!seq)
			break;
		if (number >= ROUND_MOST || seen[number] ||
		    (i && number < before))
			return -EILSEQ;
		seen[number] = true;
		before = number;
	}
	return i;
}

/* What is left for the test, also in order and none twice. */
static int rest_of_them(int fd, bool *seen)
{
	uint32_t number, before = 0;
	struct msg_got got;
	int count = 0, ret;

	while (!(ret = BOX_RECV(fd, &got, .flags = KIPC_MSG_NONBLOCK,
				.msg = msg_room(&number, 4)))) {
		if (number >= ROUND_MOST || seen[number] ||
		    (count && number < before))
			return -EILSEQ;
		seen[number] = true;
		before = number;
		count++;
	}
	return ret == -EAGAIN ? count : ret;
}

TEST_F(kill, receivers)
{
	unsigned long rounds = part_of_rounds(10), i, shares = 0;
	struct scene *s = self->s;
	bool seen[ROUND_MOST];
	uint32_t sent, burst;
	int share, rest;
	pid_t pid;

	for (i = 0; i < rounds; i++) {
		make_rooms(s);
		memset(seen, 0, sizeof(seen));
		pid = kipc_fork();
		if (!pid)
			receive_numbers(s, variant->vector);
		if (kipc_rand(&self->rnd) % 2)
			ASSERT_TRUE(wait_for(box_receivers(s->fd) == 1));
		burst = kipc_rand(&self->rnd) % 30;
		for (sent = 0; sent < burst; sent++)
			ASSERT_EQ(0, BOX_SEND(s->fd, .deadline_ns = now_ns() +
					      PATIENCE_NS,
					      .msg = msg_bytes(&sent, 4)));
		some_moment(&self->rnd, 200);
		if (kipc_rand(&self->rnd) % 2)
			ASSERT_EQ(0, kill(pid, SIGKILL));
		/* While it dies, and before. */
		for (burst = kipc_rand(&self->rnd) % 4; burst; burst--)
			if (!box_try_send(s->fd, msg_bytes(&sent, 4)))
				sent++;
		ASSERT_EQ(128 + SIGKILL, child_kill(pid));
		EXPECT_EQ(0, box_receivers(s->fd));
		share = victims_share(s, variant->vector, seen);
		rest = rest_of_them(s->fd, seen);
		ASSERT_LE(0, share);
		ASSERT_LE(0, rest);
		ASSERT_EQ(sent, (uint32_t)(share + rest))
			TH_LOG("round %lu: %u sent, %d + %d received", i, sent,
			       share, rest);
		ASSERT_LE(word_get(&s->got), (uint32_t)share);
		ASSERT_TRUE(box_is_idle(s->fd));
		ASSERT_EQ(box_stat(s->fd).sent, box_stat(s->fd).received);
		shares += share;
	}
	EXPECT_LT(rounds, shares);
}

/* ---- a crowd on both sides ---- */

#define ACTORS		3	/* on each side */
#define NUMBERS		20000	/* of each sender */
#define LOG		(ACTORS * NUMBERS)

/* A sender goes on where the one before it was killed. */
struct sends {
	uint32_t begun;
	uint8_t acknowledged[NUMBERS];
};

struct note {
	struct kipc_msg_recv arg;
	uint32_t sender;
	uint32_t number;
};

struct crowd {
	int fd;
	uint64_t seed;
	struct sends sends[ACTORS];
	struct note notes[ACTORS][LOG / 2];
	uint8_t times[ACTORS][NUMBERS];	/* that each was received */
};

static void crowd_send(struct crowd *c, uint32_t me, uint64_t rnd)
{
	struct sends *sends = &c->sends[me];
	struct kipc_msg msg;
	uint32_t body[2];
	int ret;

	while (sends->begun < NUMBERS) {
		body[0] = me;
		body[1] = sends->begun;
		word_set(&sends->begun, body[1] + 1);
		msg = msg_bytes(body, sizeof(body));
		msg.type = me;
		msg.priority = kipc_rand(&rnd) % 2;
		ret = BOX_SEND(c->fd, .msg = msg, .deadline_ns =
			       kipc_rand(&rnd) % 4 ? 0 : in_ms(1));
		if (ret == -ETIMEDOUT)
			continue;
		CHECK_EQ(0, ret);
		__atomic_store_n(&sends->acknowledged[body[1]], 1,
				 __ATOMIC_RELEASE);
	}
	for (;;)
		pause();
}

/* Now and then with a bad buffer, with a deadline, or choosy. */
static void crowd_receive(struct crowd *c, uint32_t me, uint64_t rnd)
{
	struct note *note = c->notes[me];
	int ret;

	while (note->arg.msg.seq)
		note++;
	while (note < c->notes[me] + LOG / 2) {
		note->arg = (struct kipc_msg_recv){ .size = sizeof(note->arg),
			.msg = msg_room(&note->sender, 8) };
		if (kipc_rand(&rnd) % 2) {
			note->arg.select = KIPC_SELECT_NOT;
			note->arg.type = kipc_rand(&rnd) % ACTORS;
			note->arg.deadline_ns = in_ms(1);
		}
		if (kipc_rand(&rnd) % 8 == 0)
			note->arg.msg.buf = 8;
		ret = kipc_ioctl(c->fd, KIPC_MAILBOX_RECV, &note->arg);
		if (ret == -ETIMEDOUT || ret == -EFAULT)
			continue;
		CHECK_EQ(0, ret);
		note++;
	}
	for (;;)
		pause();
}

/* The first half of the crowd sends, the other half receives. */
static pid_t crowd_start(struct crowd *c, uint32_t who)
{
	pid_t pid;

	c->seed += 2;
	pid = kipc_fork();
	if (pid)
		return pid;
	if (who < ACTORS)
		crowd_send(c, who, c->seed);
	else
		crowd_receive(c, who - ACTORS, c->seed);
	return -1;
}

static bool crowd_count(struct crowd *c, uint32_t sender, uint32_t number)
{
	return sender < ACTORS && number < c->sends[sender].begun &&
	       ++c->times[sender][number] == 1;
}

/* False if one was received that nobody sent, or twice. */
static bool crowd_count_notes(struct crowd *c, uint32_t receiver)
{
	struct note *note = c->notes[receiver];

	for (; note < c->notes[receiver] + LOG / 2; note++) {
		if (!note->arg.msg.seq)
			return true;
		if (!crowd_count(c, note->sender, note->number))
			return false;
	}
	return true;
}

TEST(anybody_in_a_crowd)
{
	struct crowd *c = kipc_shared(sizeof(*c));
	unsigned long rounds = part_of_rounds(20), i, lost = 0, sent = 0;
	uint64_t rnd = kipc_seed();
	pid_t pid[2 * ACTORS];
	struct msg_got got;
	uint32_t who, k, body[2];

	ASSERT_NE(NULL, c);
	c->fd = box_make(4, 0);
	c->seed = rnd;
	ASSERT_LE(0, c->fd);
	for (who = 0; who < 2 * ACTORS; who++)
		pid[who] = crowd_start(c, who);
	for (i = 0; i < rounds; i++) {
		who = kipc_rand(&rnd) % (2 * ACTORS);
		usleep(kipc_rand(&rnd) % 2000);
		ASSERT_EQ(128 + SIGKILL, child_kill(pid[who]));
		pid[who] = crowd_start(c, who);
	}
	for (who = 0; who < 2 * ACTORS; who++)
		ASSERT_EQ(128 + SIGKILL, child_kill(pid[who]));
	for (k = 0; k < ACTORS; k++)
		EXPECT_TRUE(crowd_count_notes(c, k));
	while (!BOX_RECV(c->fd, &got, .flags = KIPC_MSG_NONBLOCK,
			 .msg = msg_room(body, sizeof(body))))
		EXPECT_TRUE(crowd_count(c, body[0], body[1]));
	for (who = 0; who < ACTORS; who++) {
		for (k = 0; k < c->sends[who].begun; k++) {
			sent += c->sends[who].acknowledged[k];
			lost += c->sends[who].acknowledged[k] &&
				!c->times[who][k];
		}
	}
	EXPECT_EQ(0, lost);
	EXPECT_LT(rounds, sent);
	EXPECT_TRUE(box_is_idle(c->fd));
	EXPECT_EQ(box_stat(c->fd).sent, box_stat(c->fd).received);
}

/* ---- between being served and running ---- */

/*
 * A message was handed to him, but he has not run since: he cannot, the test
 * has the processor.  Killed now, he leaves it in its place, or to the next
 * one.
 */
TEST(receiver_killed_before_he_runs)
{
	unsigned long rounds = part_of_rounds(10), i;
	int fd = box_make(0, 0);
	struct kipc_queue_stat st;
	struct box_task next;
	pid_t pid;

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, on_first_cpu(0));
	for (i = 0; i < rounds; i++) {
		pid = kipc_fork();
		if (!pid) {
			struct msg_got got;

			box_patient_recv(fd, &got);
			_exit(1);
		}
		ASSERT_TRUE(wait_for(box_receivers(fd) == 1));
		if (i & 1)
			ASSERT_EQ(0, box_recv_asleep(&next, fd,
						     KIPC_SELECT_ANY, 0));
		st = box_stat(fd);
		ASSERT_EQ(0, be_realtime(true));
		EXPECT_EQ(0, box_put(fd, i, 0, "first"));
		/* He has it, on paper. */
		EXPECT_EQ(st.received + 1, box_stat(fd).received);
		EXPECT_EQ(0, box_messages(fd));
		if (!(i & 1))
			EXPECT_EQ(0, box_put(fd, i, 0, "second"));
		kill(pid, SIGKILL);
		ASSERT_EQ(0, be_realtime(false));
		ASSERT_EQ(128 + SIGKILL, child_end(pid));
		if (i & 1) {
			ASSERT_EQ(0, box_task_wait(&next));
			EXPECT_TRUE(msg_is(&next.got.msg, "first"));
			EXPECT_EQ(st.sent + 1, next.got.msg.seq);
		} else {
			EXPECT_TRUE(box_next_is(fd, "first"));
			EXPECT_TRUE(box_next_is(fd, "second"));
		}
		ASSERT_TRUE(box_is_idle(fd));
		ASSERT_EQ(box_stat(fd).sent, box_stat(fd).received);
	}
}

/* His message was let in, and that cannot be taken back: it is there once. */
TEST(sender_killed_before_he_runs)
{
	unsigned long rounds = part_of_rounds(10), i;
	int fd = box_make(1, 0);
	pid_t pid;

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, on_first_cpu(0));
	for (i = 0; i < rounds; i++) {
		ASSERT_EQ(0, box_put(fd, 0, 0, "in the way"));
		pid = kipc_fork();
		if (!pid) {
			BOX_SEND(fd, .msg = msg_text("his"));
			_exit(1);
		}
		ASSERT_TRUE(wait_for(box_senders(fd) == 1));
		ASSERT_EQ(0, be_realtime(true));
		EXPECT_TRUE(box_next_is(fd, "in the way"));
		EXPECT_EQ(0, box_senders(fd));
		EXPECT_EQ(1, box_messages(fd));
		kill(pid, SIGKILL);
		ASSERT_EQ(0, be_realtime(false));
		ASSERT_EQ(128 + SIGKILL, child_end(pid));
		EXPECT_TRUE(box_next_is(fd, "his"));
		ASSERT_TRUE(box_is_idle(fd));
	}
}

/* A process that dies with many threads asleep, on both sides. */
TEST(many_sleeping_threads)
{
	unsigned long rounds = scaled(100), i;
	int full = box_make(1, 0), empty = box_make(0, 0), k;
	static struct box_task task[16];
	pid_t pid;

	ASSERT_LE(0, full);
	ASSERT_LE(0, empty);
	for (i = 0; i < rounds; i++) {
		ASSERT_EQ(0, box_put(full, 0, 0, "x"));
		pid = kipc_fork();
		if (!pid) {
			for (k = 0; k < 16; k++) {
				if (k % 2)
					box_recv_init(&task[k], empty,
						      KIPC_SELECT_UP_TO, k);
				else
					box_send_init(&task[k], full,
						      msg_text("y"));
				CHECK_EQ(0, box_task_start(&task[k]));
			}
			for (;;)
				pause();
		}
		ASSERT_TRUE(wait_for(box_senders(full) == 8 &&
				     box_receivers(empty) == 8));
		kill(pid, SIGKILL);
		/* Some of them are served while they die. */
		for (k = 0; k < 3; k++) {
			ASSERT_EQ(0, box_put(empty, 0, 0, "z"));
			ASSERT_EQ(0, box_empty(full));
		}
		ASSERT_EQ(128 + SIGKILL, child_end(pid));
		EXPECT_EQ(0, box_sleepers(full) + box_sleepers(empty));
		EXPECT_EQ(box_stat(empty).sent, box_stat(empty).received +
			  box_messages(empty));
		ASSERT_EQ(0, box_empty(full));
		/* Drained ones would not be counted as received. */
		while (box_messages(empty))
			EXPECT_TRUE(box_next_is(empty, "z"));
	}
}

TEST_HARNESS_MAIN
