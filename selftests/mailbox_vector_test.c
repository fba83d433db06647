// SPDX-License-Identifier: GPL-2.0
/*
 * Several messages in one call: how many were moved, whatever stops it and
 * wherever; waiting in the middle; order among others.
 */
#include "kselftest_harness.h"
#include "mailbox_util.h"

#define MOST	KIPC_MSG_VECTOR_MAX
#define BAD	8		/* an address where nothing is */
#define LARGE	300000

/* Up to MOST messages that say their number. */
FIXTURE(vector) {
	int fd;
	uint32_t numbers[MOST];
	uint32_t seen[MOST];
	struct kipc_msg send[MOST];
	struct kipc_msg recv[MOST];
};

FIXTURE_SETUP(vector)
{
	uint32_t i;

	self->fd = box_make(2 * MOST, 8 << 20);
	ASSERT_LE(0, self->fd);
	for (i = 0; i < MOST; i++) {
		self->numbers[i] = i;
		self->send[i] = msg_bytes(&self->numbers[i], sizeof(uint32_t));
		self->recv[i] = msg_room(&self->seen[i], sizeof(uint32_t));
	}
}

FIXTURE_TEARDOWN(vector)
{
	EXPECT_EQ(0, box_sleepers(self->fd));
}

/* Never sleep. */
static int try_sendv(int fd, const struct kipc_msg *msgs, uint32_t count)
{
	return BOX_SENDV(fd, .flags = KIPC_MSG_NONBLOCK, .count = count,
			 .msgs = to_u64(msgs));
}

static int try_recvv(int fd, struct kipc_msg *msgs, uint32_t count)
{
	return BOX_RECVV(fd, .flags = KIPC_MSG_NONBLOCK, .count = count,
			 .msgs = to_u64(msgs));
}

/* Are the next @count messages those from @first on, and no more? */
static bool numbers_are(int fd, uint32_t first, uint32_t count)
{
	struct msg_got got;
	uint32_t i, seen;

	for (i = 0; i < count; i++) {
		if (box_try_recv(fd, &got) || got.msg.len != sizeof(seen))
			return false;
		memcpy(&seen, got.body, sizeof(seen));
		if (seen != first + i)
			return false;
	}
	return box_messages(fd) == 0;
}

TEST_F(vector, all_counts)
{
	uint32_t count, i;

	for (count = 1; count <= MOST; count++) {
		memset(self->seen, 0xff, sizeof(self->seen));
		ASSERT_EQ(count, try_sendv(self->fd, self->send, count));
		ASSERT_EQ(count, box_messages(self->fd));
		ASSERT_EQ(count, try_recvv(self->fd, self->recv, MOST));
		for (i = 0; i < count; i++) {
			ASSERT_EQ(i, self->seen[i]);
			ASSERT_EQ(sizeof(uint32_t), self->recv[i].len);
			ASSERT_EQ(getpid(), (pid_t)self->recv[i].pid);
		}
		/* The rest is as it was. */
		for (; i < MOST; i++)
			ASSERT_EQ(UINT32_MAX, self->seen[i]);
	}
}

/* Fewer than there are, and then the rest. */
TEST_F(vector, in_parts)
{
	uint32_t i;

	ASSERT_EQ(MOST, try_sendv(self->fd, self->send, MOST));
	ASSERT_EQ(10, try_recvv(self->fd, self->recv, 10));
	ASSERT_EQ(17, try_recvv(self->fd, self->recv + 10, 17));
	ASSERT_EQ(MOST - 27, try_recvv(self->fd, self->recv + 27, MOST - 27));
	for (i = 0; i < MOST; i++) {
		EXPECT_EQ(i, self->seen[i]);
		EXPECT_EQ(i + 1, self->recv[i].seq);
	}
	EXPECT_EQ(-EAGAIN, try_recvv(self->fd, self->recv, MOST));
}

/* What is wrong with a message to send, and the errno for that. */
static int spoil(struct kipc_msg *msg, unsigned int how)
{
	static int32_t no_fd = -1;

	switch (how) {
	case 0:
		msg->priority = KIPC_MSG_PRIORITY_MAX + 1;
		return -EINVAL;
	case 1:
		msg->flags = 1;
		return -EINVAL;
	case 2:
		msg->pad = 1;
		return -EINVAL;
	case 3:
		msg->len = UINT32_MAX;
		return -EMSGSIZE;
	case 4:
		msg->buf = BAD;
		return -EFAULT;
	case 5:
		msg->fds = to_u64(&no_fd);
		msg->fd_count = 1;
		return -EBADF;
	default:
		msg->fd_count = KIPC_MSG_FDS_MAX + 1;
		return -EINVAL;
	}
}

#define SPOILS	7

TEST_F(vector, a_bad_message_at_each_position)
{
	struct kipc_msg good;
	unsigned int how;
	uint32_t at;
	int err;

	for (how = 0; how < SPOILS; how++) {
		for (at = 0; at < MOST; at++) {
			good = self->send[at];
			err = spoil(&self->send[at], how);
			ASSERT_EQ(at ? (int)at : err,
				  try_sendv(self->fd, self->send, MOST))
				TH_LOG("how %u, at %u", how, at);
			self->send[at] = good;
			ASSERT_TRUE(numbers_are(self->fd, 0, at));
		}
	}
}

TEST_F(vector, room_for_so_many)
{
	uint32_t room;
	int fd;

	for (room = 1; room < MOST; room++) {
		fd = box_make(room, 0);
		ASSERT_LE(0, fd);
		ASSERT_EQ(room, try_sendv(fd, self->send, MOST));
		ASSERT_EQ(-EAGAIN, try_sendv(fd, self->send + room, 1));
		ASSERT_TRUE(numbers_are(fd, 0, room));
		close(fd);
	}
}

/* The array itself ends where nothing is mapped. */
TEST_F(vector, the_array_ends_early)
{
	const size_t page = 4096, size = sizeof(struct kipc_msg);
	char *mem = mmap(NULL, 4 * page, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct kipc_msg *msgs;
	uint32_t i, n;

	ASSERT_NE(MAP_FAILED, mem);
	ASSERT_EQ(0, munmap(mem + 3 * page, page));
	for (n = 0; n < 40; n++) {
		/* And half of one more. */
		msgs = (void *)(mem + 3 * page - n * size - size / 2);
		for (i = 0; i < n; i++)
			msgs[i] = self->send[i];
		ASSERT_EQ(n ? (int)n : -EFAULT,
			  try_sendv(self->fd, msgs, MOST));
		for (i = 0; i < n; i++)
			msgs[i] = self->recv[i];
		ASSERT_EQ(n ? (int)n : -EFAULT,
			  try_recvv(self->fd, msgs, n ? MOST : 1));
	}
	ASSERT_EQ(5, try_sendv(self->fd, self->send, 5));
	msgs = (void *)(mem + 3 * page - 3 * size);
	for (i = 0; i < 3; i++)
		msgs[i] = self->recv[i];
	ASSERT_EQ(3, try_recvv(self->fd, msgs, 5));
	EXPECT_TRUE(numbers_are(self->fd, 3, 2));
}

TEST_F(vector, no_room_at_each_position)
{
	uint32_t at, i;

	for (at = 0; at < MOST; at++) {
		ASSERT_EQ(MOST, try_sendv(self->fd, self->send, MOST));
		for (i = 0; i < MOST; i++)
			self->recv[i].len = sizeof(uint32_t);
		self->recv[at].len = 3;
		ASSERT_EQ(at ? (int)at : -EMSGSIZE,
			  try_recvv(self->fd, self->recv, MOST));
		/* Only the first is an error, and is told its length. */
		EXPECT_EQ(at ? 3 : 4, self->recv[at].len);
		ASSERT_TRUE(numbers_are(self->fd, at, MOST - at));
	}
	EXPECT_EQ(box_stat(self->fd).sent, box_stat(self->fd).received);
}

TEST_F(vector, bad_buffer_at_each_position)
{
	uint32_t at;

	for (at = 0; at < MOST; at++) {
		ASSERT_EQ(MOST, try_sendv(self->fd, self->send, MOST));
		self->recv[at].buf = BAD;
		ASSERT_EQ(at ? (int)at : -EFAULT,
			  try_recvv(self->fd, self->recv, MOST));
		self->recv[at].buf = to_u64(&self->seen[at]);
		/* All of them are in their places again. */
		ASSERT_TRUE(numbers_are(self->fd, at, MOST - at));
	}
	EXPECT_EQ(box_stat(self->fd).sent, box_stat(self->fd).received);
}

TEST_F(vector, truncated)
{
	uint32_t i;

	ASSERT_EQ(MOST, try_sendv(self->fd, self->send, MOST));
	for (i = 0; i < MOST; i++)
		self->recv[i].len = i % 2 ? 4 : 1;
	ASSERT_EQ(MOST, BOX_RECVV(self->fd, .count = MOST,
				  .flags = KIPC_MSG_TRUNCATE | KIPC_MSG_NONBLOCK,
				  .msgs = to_u64(self->recv)));
	for (i = 0; i < MOST; i++) {
		EXPECT_EQ(i % 2 ? 0 : KIPC_MSG_TRUNCATED, self->recv[i].flags);
		EXPECT_EQ(4, self->recv[i].len);
		EXPECT_EQ(i, self->seen[i]);
	}
}

/* Each has its priority: a vector is not a unit. */
TEST_F(vector, priorities)
{
	uint32_t i, want[6] = { 2, 5, 1, 4, 0, 3 };

	for (i = 0; i < 6; i++)
		self->send[i].priority = i % 3;
	ASSERT_EQ(6, try_sendv(self->fd, self->send, 6));
	ASSERT_EQ(6, try_recvv(self->fd, self->recv, MOST));
	for (i = 0; i < 6; i++)
		EXPECT_EQ(want[i], self->seen[i]);
}

/* Large and small, which the module keeps in different ways. */
TEST_F(vector, mixed_sizes)
{
	static const uint32_t sizes[] = {
		0, 1, 64, 65, 1928, 1929, 4096, 4097, 65536, LARGE,
	};
	static char bodies[MOST][LARGE], seen[MOST][LARGE];
	uint32_t i, len, bytes = 0;

	for (i = 0; i < MOST; i++) {
		len = sizes[i * 7 % 10];
		pattern_fill(bodies[i], i * 1000, len);
		self->send[i] = msg_bytes(bodies[i], len);
		self->recv[i] = msg_room(seen[i], LARGE);
		bytes += len;
	}
	ASSERT_EQ(MOST, try_sendv(self->fd, self->send, MOST));
	EXPECT_EQ(bytes, box_stat(self->fd).bytes);
	ASSERT_EQ(MOST, try_recvv(self->fd, self->recv, MOST));
	for (i = 0; i < MOST; i++) {
		EXPECT_EQ(sizes[i * 7 % 10], self->recv[i].len);
		EXPECT_TRUE(pattern_ok(seen[i], i * 1000, self->recv[i].len));
	}
}

static void sendv_init(struct box_task *task, int fd, struct kipc_msg *msgs,
		       uint32_t count, uint64_t deadline_ns)
{
	*task = (struct box_task){ .fd = fd, .cmd = KIPC_MAILBOX_SENDV };
	task->arg.sendv = (struct kipc_msg_sendv){
		.size = sizeof(task->arg.sendv), .count = count,
		.deadline_ns = deadline_ns, .msgs = to_u64(msgs) };
}

static void recvv_init(struct box_task *task, int fd, struct kipc_msg *msgs,
		       uint32_t count, uint32_t flags)
{
	*task = (struct box_task){ .fd = fd, .cmd = KIPC_MAILBOX_RECVV };
	task->arg.recvv = (struct kipc_msg_recvv){
		.size = sizeof(task->arg.recvv), .count = count,
		.flags = flags, .msgs = to_u64(msgs) };
}

/* Blocked in the middle, it goes on when there is room: all of it. */
TEST_F(vector, send_waits_in_the_middle)
{
	struct box_task task;
	int fd = box_make(5, 0);
	struct msg_got got;
	uint32_t i, seen;

	ASSERT_LE(0, fd);
	sendv_init(&task, fd, self->send, 40, 0);
	ASSERT_EQ(0, box_task_start(&task));
	for (i = 0; i < 40; i++) {
		if (i < 35)
			ASSERT_TRUE(wait_for(box_senders(fd) == 1));
		ASSERT_EQ(0, box_try_recv(fd, &got));
		memcpy(&seen, got.body, sizeof(seen));
		EXPECT_EQ(i, seen);
	}
	EXPECT_EQ(0, box_task_wait(&task));
	EXPECT_EQ(40, task.arg.sendv.count);
	EXPECT_TRUE(box_is_idle(fd));
}

/* And others come in between then. */
TEST_F(vector, others_in_between)
{
	struct box_task task, other;
	int fd = box_make(2, 0);
	uint32_t want[4] = { 0, 1, 2, 40 }, i;
	struct msg_got got;

	ASSERT_LE(0, fd);
	sendv_init(&task, fd, self->send, 4, 0);
	ASSERT_EQ(0, box_task_asleep(&task));
	ASSERT_EQ(0, box_send_asleep(&other, fd, self->send[40]));
	for (i = 0; i < 4; i++) {
		ASSERT_EQ(0, box_try_recv(fd, &got));
		EXPECT_EQ(0, memcmp(got.body, &want[i], 4));
		/* The third is let in, and he comes for the fourth again. */
		if (!i)
			ASSERT_TRUE(wait_for(box_senders(fd) == 2));
	}
	EXPECT_EQ(0, box_task_wait(&other));
	EXPECT_EQ(0, box_task_wait(&task));
	EXPECT_TRUE(numbers_are(fd, 3, 1));
}

/* What it has done counts, whatever ends its wait. */
TEST_F(vector, send_stopped_in_the_middle)
{
	struct box_task task;
	int fd = box_make(5, 0);

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, box_catch(SIGUSR1, 0));
	EXPECT_EQ(5, BOX_SENDV(fd, .count = 40, .deadline_ns = in_ms(20),
			       .msgs = to_u64(self->send)));
	EXPECT_EQ(-ETIMEDOUT, BOX_SENDV(fd, .count = 40, .deadline_ns = 1,
					.msgs = to_u64(self->send)));
	EXPECT_TRUE(numbers_are(fd, 0, 5));
	sendv_init(&task, fd, self->send, 40, 0);
	ASSERT_EQ(0, box_task_asleep(&task));
	ASSERT_EQ(0, pthread_kill(task.thread, SIGUSR1));
	EXPECT_EQ(0, box_task_wait(&task));
	EXPECT_EQ(5, task.arg.sendv.count);
	EXPECT_TRUE(numbers_are(fd, 0, 5));
	sendv_init(&task, fd, self->send, 40, 0);
	ASSERT_EQ(0, box_task_asleep(&task));
	ASSERT_EQ(0, kipc_destroy(fd));
	EXPECT_EQ(0, box_task_wait(&task));
	EXPECT_EQ(5, task.arg.sendv.count);
	EXPECT_EQ(-EIDRM, try_sendv(fd, self->send, 40));
}

/* Waits for one, and takes what else is there. */
TEST_F(vector, receive_waits_for_the_first)
{
	struct box_task task;

	recvv_init(&task, self->fd, self->recv, MOST, 0);
	ASSERT_EQ(0, box_task_asleep(&task));
	ASSERT_EQ(1, try_sendv(self->fd, self->send, 1));
	EXPECT_EQ(0, box_task_wait(&task));
	EXPECT_EQ(1, task.arg.recvv.count);
	ASSERT_EQ(3, try_sendv(self->fd, self->send, 3));
	EXPECT_EQ(3, BOX_RECVV(self->fd, .count = MOST,
			       .msgs = to_u64(self->recv)));
}

TEST_F(vector, wait_all)
{
	struct box_task task;
	uint32_t i;

	recvv_init(&task, self->fd, self->recv, 40, KIPC_MSG_WAIT_ALL);
	for (i = 0; i < 39; i++) {
		if (!i)
			ASSERT_EQ(0, box_task_asleep(&task));
		ASSERT_EQ(1, try_sendv(self->fd, self->send + i, 1));
		ASSERT_TRUE(wait_for(!box_messages(self->fd) &&
				     box_receivers(self->fd) == 1));
		EXPECT_FALSE(box_task_ended(&task));
	}
	ASSERT_EQ(2, try_sendv(self->fd, self->send + 39, 2));
	EXPECT_EQ(0, box_task_wait(&task));
	EXPECT_EQ(40, task.arg.recvv.count);
	for (i = 0; i < 40; i++)
		EXPECT_EQ(i, self->seen[i]);
	EXPECT_TRUE(numbers_are(self->fd, 40, 1));
}

TEST_F(vector, wait_all_stopped_in_the_middle)
{
	const uint32_t all = KIPC_MSG_WAIT_ALL;
	struct box_task task;

	ASSERT_EQ(0, box_catch(SIGUSR1, 0));
	ASSERT_EQ(5, try_sendv(self->fd, self->send, 5));
	EXPECT_EQ(5, BOX_RECVV(self->fd, .flags = all, .count = 10,
			       .deadline_ns = in_ms(20),
			       .msgs = to_u64(self->recv)));
	EXPECT_EQ(-ETIMEDOUT, BOX_RECVV(self->fd, .flags = all, .count = 10,
					.deadline_ns = in_ms(20),
					.msgs = to_u64(self->recv)));
	ASSERT_EQ(5, try_sendv(self->fd, self->send, 5));
	EXPECT_EQ(5, BOX_RECVV(self->fd, .count = 10,
			       .flags = all | KIPC_MSG_NONBLOCK,
			       .msgs = to_u64(self->recv)));
	ASSERT_EQ(5, try_sendv(self->fd, self->send, 5));
	recvv_init(&task, self->fd, self->recv, 10, all);
	ASSERT_EQ(0, box_task_asleep(&task));
	ASSERT_EQ(0, pthread_kill(task.thread, SIGUSR1));
	EXPECT_EQ(0, box_task_wait(&task));
	EXPECT_EQ(5, task.arg.recvv.count);
	/* The first of all: then it is an error. */
	recvv_init(&task, self->fd, self->recv, 10, all);
	ASSERT_EQ(0, box_task_asleep(&task));
	ASSERT_EQ(0, pthread_kill(task.thread, SIGUSR1));
	EXPECT_EQ(-EINTR, box_task_wait(&task));
	/* One that does not fit, when there are some already. */
	self->recv[6].len = 3;
	ASSERT_EQ(5, try_sendv(self->fd, self->send, 5));
	recvv_init(&task, self->fd, self->recv, 10, all);
	ASSERT_EQ(0, box_task_asleep(&task));
	ASSERT_EQ(2, try_sendv(self->fd, self->send + 5, 2));
	EXPECT_EQ(0, box_task_wait(&task));
	EXPECT_EQ(6, task.arg.recvv.count);
	EXPECT_TRUE(numbers_are(self->fd, 6, 1));
}

/* Selections hold for each of a vector. */
TEST_F(vector, selection)
{
	uint32_t i;

	ASSERT_EQ(0, fcntl(self->fd, F_SETFL, O_NONBLOCK));
	for (i = 0; i < MOST; i++)
		self->send[i].type = i % 3;
	ASSERT_EQ(MOST, try_sendv(self->fd, self->send, MOST));
	ASSERT_EQ(21, BOX_RECVV(self->fd, .select = KIPC_SELECT_TYPE,
				.type = 2, .count = MOST,
				.msgs = to_u64(self->recv)));
	for (i = 0; i < 21; i++)
		EXPECT_EQ(3 * i + 2, self->seen[i]);
	/* The lowest type first, among equals in order. */
	ASSERT_EQ(43, BOX_RECVV(self->fd, .select = KIPC_SELECT_UP_TO,
				.type = 1, .count = MOST,
				.msgs = to_u64(self->recv)));
	for (i = 0; i < 22; i++)
		EXPECT_EQ(3 * i, self->seen[i]);
	for (; i < 43; i++)
		EXPECT_EQ(3 * (i - 22) + 1, self->seen[i]);
}

TEST_HARNESS_MAIN
