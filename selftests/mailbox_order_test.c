// SPDX-License-Identifier: GPL-2.0
/*
 * Who is served when: senders in order of arrival, whatever their size; each
 * message to the receiver that has waited longest for one like it; and nobody
 * held up by another who cannot be served.
 */
#include <sys/resource.h>

#include "kselftest_harness.h"
#include "mailbox_util.h"

#define QUEUE	10

/* A receiver of any message, or of one type, who sleeps then. */
static int any_asleep(struct box_task *task, int fd)
{
	return box_recv_asleep(task, fd, KIPC_SELECT_ANY, 0);
}

static int type_asleep(struct box_task *task, int fd, uint64_t type)
{
	return box_recv_asleep(task, fd, KIPC_SELECT_TYPE, type);
}

TEST(senders_in_order_of_arrival)
{
	struct box_task task[QUEUE];
	char text[QUEUE][2];
	struct kipc_msg msg;
	int fd = box_make(1, 0), i, k;

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, box_put(fd, 0, 0, "x"));
	for (i = 0; i < QUEUE; i++) {
		snprintf(text[i], 2, "%d", i);
		msg = msg_text(text[i]);
		/* Being urgent does not help out here. */
		msg.priority = i * 100;
		ASSERT_EQ(0, box_send_asleep(&task[i], fd, msg));
	}
	EXPECT_TRUE(box_next_is(fd, "x"));
	for (i = 0; i < QUEUE; i++) {
		ASSERT_EQ(0, box_task_wait(&task[i]));
		EXPECT_EQ(QUEUE - 1U - i, box_senders(fd));
		for (k = i + 1; k < QUEUE; k++)
			EXPECT_FALSE(box_task_ended(&task[k]));
		EXPECT_TRUE(box_next_is(fd, text[i]));
	}
	EXPECT_TRUE(box_is_idle(fd));
}

TEST(a_large_message_is_not_starved)
{
	static char body[1000];
	struct box_task large, small[QUEUE];
	int fd = box_make(100, 1000), i;
	struct msg_got got;

	ASSERT_LE(0, fd);
	for (i = 0; i < 10; i++)
		ASSERT_EQ(0, box_try_send(fd, msg_bytes(body, 100)));
	ASSERT_EQ(0, box_send_asleep(&large, fd, msg_bytes(body, 900)));
	ASSERT_EQ(0, box_try_recv(fd, &got));
	/* There is room for these, but he came first. */
	EXPECT_EQ(-EAGAIN, box_put(fd, 0, 32767, ""));
	EXPECT_EQ(-EAGAIN, box_put(fd, 0, 0, "x"));
	EXPECT_EQ(-ETIMEDOUT, BOX_SEND(fd, .deadline_ns = in_ms(20),
				       .msg = msg_text("x")));
	for (i = 0; i < QUEUE; i++)
		ASSERT_EQ(0, box_send_asleep(&small[i], fd, msg_text("s")));
	for (i = 0; i < 7; i++) {
		ASSERT_EQ(0, box_try_recv(fd, &got));
		EXPECT_EQ(QUEUE + 1, box_senders(fd));
	}
	EXPECT_FALSE(box_task_ended(&large));
	ASSERT_EQ(0, box_try_recv(fd, &got));
	/* 100 are left: now he fits, and nobody else does. */
	EXPECT_EQ(0, box_task_wait(&large));
	EXPECT_EQ(1000, box_stat(fd).bytes);
	EXPECT_EQ(QUEUE, box_senders(fd));
	ASSERT_EQ(0, box_try_recv(fd, &got));
	for (i = 0; i < QUEUE; i++)
		EXPECT_EQ(0, box_task_wait(&small[i]));
}

/* When the one at the head gives up, those behind are let in at once. */
TEST(a_sender_that_leaves_lets_others_in)
{
	static char body[1000];
	struct box_task large, small[3], last;
	int fd = box_make(100, 1000), i;

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, box_try_send(fd, msg_bytes(body, 900)));
	box_send_init(&large, fd, msg_bytes(body, 500));
	large.arg.send.deadline_ns = in_ms(600);
	ASSERT_EQ(0, box_task_asleep(&large));
	for (i = 0; i < 3; i++)
		ASSERT_EQ(0, box_send_asleep(&small[i], fd, msg_text("s")));
	ASSERT_EQ(0, box_send_asleep(&last, fd, msg_bytes(body, 99)));
	EXPECT_EQ(-ETIMEDOUT, box_task_wait(&large));
	for (i = 0; i < 3; i++)
		EXPECT_EQ(0, box_task_wait(&small[i]));
	/* As many as fit, and no more. */
	EXPECT_EQ(4, box_messages(fd));
	EXPECT_EQ(1, box_senders(fd));
	EXPECT_FALSE(box_task_ended(&last));
	ASSERT_EQ(0, box_empty(fd));
	EXPECT_EQ(0, box_task_wait(&last));
}

/* The same for one that a signal gets, and one that is killed. */
TEST(a_sender_that_is_interrupted_or_killed)
{
	static char body[1000];
	struct box_task large, small;
	int fd = box_make(100, 1000);
	pid_t pid;

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, box_catch(SIGUSR1, 0));
	ASSERT_EQ(0, box_try_send(fd, msg_bytes(body, 900)));
	ASSERT_EQ(0, box_send_asleep(&large, fd, msg_bytes(body, 500)));
	ASSERT_EQ(0, box_send_asleep(&small, fd, msg_text("s")));
	ASSERT_EQ(0, pthread_kill(large.thread, SIGUSR1));
	EXPECT_EQ(-EINTR, box_task_wait(&large));
	EXPECT_EQ(0, box_task_wait(&small));

	pid = kipc_fork();
	if (!pid) {
		BOX_SEND(fd, .msg = msg_bytes(body, 500));
		_exit(1);
	}
	ASSERT_TRUE(wait_for(box_senders(fd) == 1));
	ASSERT_EQ(0, box_send_asleep(&small, fd, msg_text("s")));
	EXPECT_EQ(128 + SIGKILL, child_kill(pid));
	EXPECT_EQ(0, box_task_wait(&small));
	EXPECT_EQ(902, box_stat(fd).bytes);
}

TEST(receivers_in_order_of_arrival)
{
	struct box_task task[QUEUE];
	int fd = box_make(0, 0), i, k;
	char text[2];

	ASSERT_LE(0, fd);
	for (i = 0; i < QUEUE; i++)
		ASSERT_EQ(0, any_asleep(&task[i], fd));
	for (i = 0; i < QUEUE; i++) {
		snprintf(text, 2, "%d", i);
		ASSERT_EQ(0, box_put(fd, 0, 0, text));
		ASSERT_EQ(0, box_task_wait(&task[i]));
		EXPECT_TRUE(msg_is(&task[i].got.msg, text));
		EXPECT_EQ(QUEUE - 1U - i, box_receivers(fd));
		for (k = i + 1; k < QUEUE; k++)
			EXPECT_FALSE(box_task_ended(&task[k]));
	}
	/* None of them ever was in the queue. */
	EXPECT_EQ(0, box_stat(fd).peak_messages);
	EXPECT_EQ(QUEUE, box_stat(fd).received);
}

/* Each to the first that wants it, past those who want another. */
TEST(receivers_that_select)
{
	struct box_task never, two, not_two, up_to, any;
	int fd = box_make(0, 0);

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, type_asleep(&never, fd, 99));
	ASSERT_EQ(0, type_asleep(&two, fd, 2));
	ASSERT_EQ(0, box_recv_asleep(&not_two, fd, KIPC_SELECT_NOT, 2));
	ASSERT_EQ(0, box_recv_asleep(&up_to, fd, KIPC_SELECT_UP_TO, 5));
	ASSERT_EQ(0, any_asleep(&any, fd));
	ASSERT_EQ(0, box_put(fd, 7, 0, "for not_two"));
	EXPECT_EQ(0, box_task_wait(&not_two));
	EXPECT_TRUE(msg_is(&not_two.got.msg, "for not_two"));
	ASSERT_EQ(0, box_put(fd, 7, 0, "for any"));
	EXPECT_EQ(0, box_task_wait(&any));
	EXPECT_TRUE(msg_is(&any.got.msg, "for any"));
	ASSERT_EQ(0, box_put(fd, 5, 0, "for up_to"));
	EXPECT_EQ(0, box_task_wait(&up_to));
	EXPECT_TRUE(msg_is(&up_to.got.msg, "for up_to"));
	ASSERT_EQ(0, box_put(fd, 2, 0, "for two"));
	EXPECT_EQ(0, box_task_wait(&two));
	EXPECT_TRUE(msg_is(&two.got.msg, "for two"));
	EXPECT_EQ(1, box_receivers(fd));
	EXPECT_FALSE(box_task_ended(&never));
	/* What nobody wants stays, and newcomers get it. */
	ASSERT_EQ(0, box_put(fd, 2, 0, "for a newcomer"));
	EXPECT_EQ(1, box_messages(fd));
	EXPECT_TRUE(box_next_is(fd, "for a newcomer"));
	ASSERT_EQ(0, box_put(fd, 99, 0, "at last"));
	EXPECT_EQ(0, box_task_wait(&never));
	EXPECT_TRUE(box_is_idle(fd));
}

/* Many that never get anything: the others go on as if they were not there. */
TEST(selections_that_never_match)
{
	unsigned long rounds = scaled(20000), i;
	struct box_task never[QUEUE];
	int fd = box_make(0, 0), k;
	uint64_t sleeps;

	ASSERT_LE(0, fd);
	for (k = 0; k < QUEUE; k++)
		ASSERT_EQ(0, type_asleep(&never[k], fd, 99 + k));
	sleeps = box_stat(fd).recv_sleeps;
	for (i = 0; i < rounds; i++) {
		ASSERT_EQ(0, box_put(fd, i % 7, i % 3, "x"));
		ASSERT_TRUE(box_next_is(fd, "x"));
	}
	EXPECT_EQ(QUEUE, box_receivers(fd));
	EXPECT_EQ(sleeps, box_stat(fd).recv_sleeps);
	ASSERT_EQ(0, kipc_destroy(fd));
	for (k = 0; k < QUEUE; k++)
		EXPECT_EQ(-EIDRM, box_task_wait(&never[k]));
}

/* One with too little room is told so, and the message goes to the next. */
TEST(a_receiver_without_room_does_not_keep_it)
{
	struct box_task small, cuts, large;
	int fd = box_make(0, 0);

	ASSERT_LE(0, fd);
	box_recv_init(&small, fd, KIPC_SELECT_ANY, 0);
	small.arg.recv.msg.len = 3;
	ASSERT_EQ(0, box_task_asleep(&small));
	ASSERT_EQ(0, any_asleep(&large, fd));
	box_recv_init(&cuts, fd, KIPC_SELECT_ANY, 0);
	cuts.arg.recv.msg.len = 3;
	cuts.arg.recv.flags = KIPC_MSG_TRUNCATE;
	ASSERT_EQ(0, box_task_asleep(&cuts));
	ASSERT_EQ(0, box_put(fd, 0, 0, "long"));
	EXPECT_EQ(-EMSGSIZE, box_task_wait(&small));
	EXPECT_EQ(4, small.got.msg.len);
	EXPECT_EQ(0, box_task_wait(&large));
	EXPECT_TRUE(msg_is(&large.got.msg, "long"));
	EXPECT_FALSE(box_task_ended(&cuts));
	ASSERT_EQ(0, box_put(fd, 0, 0, "long"));
	EXPECT_EQ(0, box_task_wait(&cuts));
	EXPECT_EQ(KIPC_MSG_TRUNCATED, cuts.got.msg.flags);
	EXPECT_EQ(0, memcmp(cuts.got.body, "lon", 3));
	/* With nobody behind him it stays. */
	box_recv_init(&small, fd, KIPC_SELECT_ANY, 0);
	small.arg.recv.msg.len = 3;
	ASSERT_EQ(0, box_task_asleep(&small));
	ASSERT_EQ(0, box_put(fd, 0, 0, "stays"));
	EXPECT_EQ(-EMSGSIZE, box_task_wait(&small));
	EXPECT_EQ(5, small.got.msg.len);
	EXPECT_TRUE(box_next_is(fd, "stays"));
}

/* Nor one with a bad buffer: it goes on to the next, from its own place. */
TEST(a_receiver_with_a_bad_buffer_does_not_keep_it)
{
	struct box_task bad, good;
	int fd = box_make(0, 0);

	ASSERT_LE(0, fd);
	box_recv_init(&bad, fd, KIPC_SELECT_ANY, 0);
	bad.arg.recv.msg.buf = 8;
	ASSERT_EQ(0, box_task_asleep(&bad));
	ASSERT_EQ(0, any_asleep(&good, fd));
	ASSERT_EQ(0, box_put(fd, 0, 0, "first"));
	EXPECT_EQ(-EFAULT, box_task_wait(&bad));
	EXPECT_EQ(0, box_task_wait(&good));
	EXPECT_TRUE(msg_is(&good.got.msg, "first"));
	EXPECT_EQ(1, good.got.msg.seq);
	EXPECT_EQ(1, box_stat(fd).received);

	box_recv_init(&bad, fd, KIPC_SELECT_ANY, 0);
	bad.arg.recv.msg.buf = 8;
	ASSERT_EQ(0, box_task_asleep(&bad));
	ASSERT_EQ(0, box_put(fd, 0, 0, "second"));
	ASSERT_EQ(0, box_put(fd, 0, 0, "third"));
	EXPECT_EQ(-EFAULT, box_task_wait(&bad));
	EXPECT_TRUE(box_next_is(fd, "second"));
	EXPECT_TRUE(box_next_is(fd, "third"));
}

/* Those that are let in reach the receivers that wait. */
TEST(a_sender_let_in_reaches_a_receiver)
{
	struct box_task sender, receiver;
	int fd = box_make(1, 0);

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, box_put(fd, 1, 0, "in the way"));
	ASSERT_EQ(0, type_asleep(&receiver, fd, 2));
	/* He is wanted, but there is no room: strictly one after the other. */
	ASSERT_EQ(0, box_send_asleep(&sender, fd, msg_typed(2, "wanted")));
	EXPECT_EQ(1, box_receivers(fd));
	EXPECT_TRUE(box_next_is(fd, "in the way"));
	EXPECT_EQ(0, box_task_wait(&sender));
	EXPECT_EQ(0, box_task_wait(&receiver));
	EXPECT_TRUE(msg_is(&receiver.got.msg, "wanted"));
	EXPECT_TRUE(box_is_idle(fd));
}

static long switches_of_threads(void)
{
	struct rusage usage;

	return getrusage(RUSAGE_SELF, &usage) ? -1 : usage.ru_nvcsw;
}

#define CROWD	200

/* A message wakes the one who gets it: all others do not even run. */
TEST(one_message_wakes_one_receiver)
{
	struct box_task *crowd = calloc(CROWD, sizeof(*crowd));
	int fd = box_make(0, 0), i, done = 0;
	struct kipc_queue_stat before;
	long switches;

	ASSERT_LE(0, fd);
	ASSERT_NE(NULL, crowd);
	for (i = 0; i < CROWD; i++) {
		box_recv_init(&crowd[i], fd, KIPC_SELECT_ANY, 0);
		ASSERT_EQ(0, box_task_start(&crowd[i]));
	}
	ASSERT_TRUE(wait_for(box_receivers(fd) == CROWD));
	before = box_stat(fd);
	switches = switches_of_threads();
	for (i = 0; i < 10; i++) {
		ASSERT_EQ(0, box_put(fd, 0, 0, "x"));
		ASSERT_EQ(CROWD - 1U - i, box_receivers(fd));
	}
	/* Waking all of them each time would be two thousand. */
	EXPECT_GT(CROWD, switches_of_threads() - switches);
	ASSERT_TRUE(wait_for(({
		for (i = 0, done = 0; i < CROWD; i++)
			done += box_task_ended(&crowd[i]);
		done == 10;
	})));
	EXPECT_EQ(before.recv_sleeps + 10, box_stat(fd).recv_sleeps);
	ASSERT_EQ(0, kipc_destroy(fd));
	for (i = 0, done = 0; i < CROWD; i++)
		done += !box_task_wait(&crowd[i]);
	EXPECT_EQ(10, done);
}

/* Sends at the highest priority until it is told to stop. */
struct flood {
	int fd;
	int stop;
	uint64_t sent;
	pthread_t thread;
};

static void *flood_run(void *data)
{
	struct flood *flood = data;
	struct kipc_msg msg = msg_typed(1, "urgent");

	msg.priority = KIPC_MSG_PRIORITY_MAX;
	while (!__atomic_load_n(&flood->stop, __ATOMIC_RELAXED) &&
	       !BOX_SEND(flood->fd, .deadline_ns = in_ms(20000), .msg = msg))
		flood->sent++;
	return NULL;
}

static void *drink_run(void *data)
{
	struct flood *flood = data;
	struct msg_got got;

	while (!BOX_RECV(flood->fd, &got, .select = KIPC_SELECT_TYPE,
			 .type = 1, .deadline_ns = in_ms(20000)))
		flood->sent++;
	return NULL;
}

TEST(a_flood_does_not_stop_a_deadline)
{
	struct flood flood[2], drink[2];
	int fd = box_make(8, 0), i;
	struct msg_got got;
	uint64_t end;

	ASSERT_LE(0, fd);
	for (i = 0; i < 2; i++) {
		flood[i] = (struct flood){ .fd = fd };
		drink[i] = (struct flood){ .fd = fd };
		ASSERT_EQ(0, pthread_create(&flood[i].thread, NULL, flood_run,
					    &flood[i]));
		ASSERT_EQ(0, pthread_create(&drink[i].thread, NULL, drink_run,
					    &drink[i]));
	}
	for (i = 0; i < 5; i++) {
		end = in_ms(100);
		EXPECT_EQ(-ETIMEDOUT, BOX_RECV(fd, &got, .deadline_ns = end,
					       .select = KIPC_SELECT_TYPE,
					       .type = 2));
		EXPECT_LE(end, now_ns());
		EXPECT_GT(end + PATIENCE_NS, now_ns());
	}
	/* One of low priority gets its place too, and his receiver it. */
	EXPECT_EQ(0, BOX_SEND(fd, .deadline_ns = in_ms(20000),
			      .msg = msg_typed(2, "patient")));
	EXPECT_EQ(0, BOX_RECV(fd, &got, .deadline_ns = in_ms(20000),
			      .select = KIPC_SELECT_TYPE, .type = 2));
	EXPECT_TRUE(msg_is(&got.msg, "patient"));
	for (i = 0; i < 2; i++)
		__atomic_store_n(&flood[i].stop, 1, __ATOMIC_RELAXED);
	for (i = 0; i < 2; i++)
		pthread_join(flood[i].thread, NULL);
	ASSERT_TRUE(wait_for(!box_messages(fd)));
	ASSERT_EQ(0, kipc_destroy(fd));
	for (i = 0; i < 2; i++)
		pthread_join(drink[i].thread, NULL);
	EXPECT_LT(100, flood[0].sent + flood[1].sent);
	EXPECT_EQ(flood[0].sent + flood[1].sent, drink[0].sent + drink[1].sent);
}

static void sleep_for_ever(void *arg)
{
	(void)arg;
	for (;;)
		pause();
}

/* Who waits for one process learns of its death; others do not. */
TEST(the_death_of_the_selected_sender)
{
	struct box_task of_it, of_another, any;
	int fd = box_make(0, 0);
	pid_t pid = child_start(sleep_for_ever, NULL);

	ASSERT_LE(0, fd);
	box_recv_init(&of_it, fd, KIPC_SELECT_SENDER, 0);
	of_it.arg.recv.pid = pid;
	ASSERT_EQ(0, box_task_asleep(&of_it));
	box_recv_init(&of_another, fd, KIPC_SELECT_SENDER, 0);
	of_another.arg.recv.pid = getpid();
	ASSERT_EQ(0, box_task_asleep(&of_another));
	ASSERT_EQ(0, type_asleep(&any, fd, 5));
	ASSERT_EQ(0, kill(pid, SIGKILL));
	/* He is a zombie still: nobody has waited for him. */
	EXPECT_EQ(-ESRCH, box_task_wait(&of_it));
	EXPECT_EQ(-ESRCH, BOX_RECV(fd, &of_it.got, .pid = pid,
				   .select = KIPC_SELECT_SENDER));
	EXPECT_EQ(128 + SIGKILL, child_end(pid));
	EXPECT_EQ(2, box_receivers(fd));
	ASSERT_EQ(0, box_put(fd, 5, 0, "first"));
	EXPECT_EQ(0, box_task_wait(&of_another));
	ASSERT_EQ(0, box_put(fd, 5, 0, "second"));
	EXPECT_EQ(0, box_task_wait(&any));
	EXPECT_TRUE(msg_is(&any.got.msg, "second"));
}

/* What he sent before he died is received, and only then there is none. */
TEST(the_last_words_of_the_selected_sender)
{
	unsigned long rounds = scaled(300), i, heard = 0;
	int fd = box_make(0, 0), ret;
	uint64_t rnd = kipc_seed();
	struct box_task task;
	pid_t pid;

	ASSERT_LE(0, fd);
	for (i = 0; i < rounds; i++) {
		int sock[2];
		char c;

		ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM, 0, sock));
		pid = kipc_fork();
		if (!pid) {
			close(sock[0]);
			if (read(sock[1], &c, 1) == 1)
				box_put(fd, 0, 0, "last words");
			kill(getpid(), SIGKILL);
		}
		close(sock[1]);
		box_recv_init(&task, fd, KIPC_SELECT_SENDER, 0);
		task.arg.recv.pid = pid;
		ASSERT_EQ(0, box_task_asleep(&task));
		if (kipc_rand(&rnd) & 1)
			ASSERT_EQ(1, write(sock[0], "", 1));
		if (kipc_rand(&rnd) & 1)
			usleep(kipc_rand(&rnd) % 500);
		close(sock[0]);
		ret = box_task_wait(&task);
		EXPECT_EQ(128 + SIGKILL, child_end(pid));
		if (!ret)
			heard++;
		else
			ASSERT_EQ(-ESRCH, ret);
		/* Never both: an error, and something from him left here. */
		ASSERT_EQ(0, box_messages(fd));
	}
	EXPECT_EQ(heard, box_stat(fd).sent);
	EXPECT_LT(0, heard);
	EXPECT_GT(rounds, heard);
}

TEST_HARNESS_MAIN
