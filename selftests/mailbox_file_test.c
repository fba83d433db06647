// SPDX-License-Identifier: GPL-2.0
/*
 * A mailbox as a file: read(2) and write(2), poll(2) and epoll(7), and what
 * /proc shows of a handle.
 */
#include <poll.h>
#include <sys/epoll.h>
#include <sys/uio.h>

#include "kselftest_harness.h"
#include "mailbox_util.h"

/* At most four messages, of 100 bytes and 300 in all. */
FIXTURE(file) {
	int fd;
	char body[128];
	char *nowhere;
	size_t huge;
	struct msg_got got;
};

FIXTURE_SETUP(file)
{
	struct kipc_mailbox_create arg = { .rights = RIGHT_BOTH,
		.mode = 0600, .flags = KIPC_NONBLOCK, .max_messages = 4,
		.max_bytes = 300, .message_max = 100 };

	self->fd = box_create(&arg);
	ASSERT_LE(0, self->fd);
	pattern_fill(self->body, 0, sizeof(self->body));
	self->nowhere = (char *)8;
	self->huge = 1 << 30;
}

FIXTURE_TEARDOWN(file)
{
}

static long write_text(int fd, const char *text)
{
	return KIPC_RET(write(fd, text, strlen(text)));
}

TEST_F(file, write_sends_one_message)
{
	EXPECT_EQ(5, write_text(self->fd, "hello"));
	ASSERT_EQ(0, box_try_recv(self->fd, &self->got));
	EXPECT_TRUE(msg_is(&self->got.msg, "hello"));
	EXPECT_EQ(0, self->got.msg.type | self->got.msg.priority |
		  self->got.msg.cookie | self->got.msg.fd_count);
	EXPECT_EQ(getpid(), (pid_t)self->got.msg.pid);
	EXPECT_EQ(1, self->got.msg.seq);
}

TEST_F(file, read_receives_one_message)
{
	ASSERT_EQ(0, box_put(self->fd, 7, 0, "second"));
	ASSERT_EQ(0, box_put(self->fd, 8, 9, "first"));
	EXPECT_EQ(5, KIPC_RET(read(self->fd, self->got.body, MSG_BODY)));
	EXPECT_EQ(0, memcmp(self->got.body, "first", 5));
	EXPECT_EQ(6, KIPC_RET(read(self->fd, self->got.body, 6)));
	EXPECT_EQ(0, memcmp(self->got.body, "second", 6));
	EXPECT_EQ(-EAGAIN, KIPC_RET(read(self->fd, self->got.body, 6)));
	EXPECT_EQ(2, box_stat(self->fd).received);
}

TEST_F(file, a_short_buffer)
{
	ASSERT_EQ(6, write_text(self->fd, "stays!"));
	EXPECT_EQ(-EMSGSIZE, KIPC_RET(read(self->fd, self->got.body, 5)));
	EXPECT_EQ(-EMSGSIZE, KIPC_RET(read(self->fd, self->got.body, 1)));
	EXPECT_EQ(-EFAULT, KIPC_RET(read(self->fd, self->nowhere, 6)));
	EXPECT_EQ(0, box_stat(self->fd).received);
	EXPECT_TRUE(box_next_is(self->fd, "stays!"));
}

TEST_F(file, lengths)
{
	/* Not on the stack: 1 GiB behind that may be no user space any more. */
	static char body[128];

	pattern_fill(body, 0, sizeof(body));
	EXPECT_EQ(0, KIPC_RET(write(self->fd, body, 0)));
	EXPECT_EQ(0, box_messages(self->fd));
	EXPECT_EQ(100, KIPC_RET(write(self->fd, body, 100)));
	EXPECT_EQ(-EMSGSIZE, KIPC_RET(write(self->fd, body, 101)));
	EXPECT_EQ(-EMSGSIZE, KIPC_RET(write(self->fd, body, self->huge)));
	EXPECT_EQ(-EFAULT, KIPC_RET(write(self->fd, self->nowhere, 100)));
	EXPECT_EQ(1, box_messages(self->fd));
	EXPECT_EQ(100, KIPC_RET(read(self->fd, self->got.body, MSG_BODY)));
	EXPECT_TRUE(pattern_ok(self->got.body, 0, 100));
	/* A message of no bytes is received like others. */
	ASSERT_EQ(0, box_put(self->fd, 0, 0, ""));
	EXPECT_EQ(0, KIPC_RET(read(self->fd, self->got.body, MSG_BODY)));
	EXPECT_EQ(0, box_messages(self->fd));
}

TEST_F(file, vectors)
{
	struct iovec iov[3] = { { self->body, 10 }, { self->body + 50, 0 },
				{ self->body + 10, 30 } };
	char seen[3][20];
	struct iovec to[3] = { { seen[0], 15 }, { seen[1], 20 },
			       { seen[2], 20 } };

	/* One message, whatever it is put together of. */
	EXPECT_EQ(40, KIPC_RET(writev(self->fd, iov, 3)));
	EXPECT_EQ(1, box_messages(self->fd));
	EXPECT_EQ(-EMSGSIZE, KIPC_RET(readv(self->fd, to, 2)));
	EXPECT_EQ(40, KIPC_RET(readv(self->fd, to, 3)));
	EXPECT_TRUE(pattern_ok(seen[0], 0, 15));
	EXPECT_TRUE(pattern_ok(seen[1], 15, 20));
	EXPECT_TRUE(pattern_ok(seen[2], 35, 5));
	iov[2].iov_len = 91;
	EXPECT_EQ(-EMSGSIZE, KIPC_RET(writev(self->fd, iov, 3)));
	iov[2] = (struct iovec){ (void *)8, 30 };
	EXPECT_EQ(-EFAULT, KIPC_RET(writev(self->fd, iov, 3)));
	ASSERT_EQ(0, box_put(self->fd, 0, 0, "abcdefghijklmnopqrstuvw"));
	to[1].iov_base = (void *)8;
	EXPECT_EQ(-EFAULT, KIPC_RET(readv(self->fd, to, 3)));
	EXPECT_TRUE(box_next_is(self->fd, "abcdefghijklmnopqrstuvw"));
}

TEST_F(file, full)
{
	int i;

	for (i = 0; i < 4; i++)
		EXPECT_EQ(1, write_text(self->fd, "x"));
	EXPECT_EQ(-EAGAIN, write_text(self->fd, "x"));
	/* To write nothing sends nothing, and so needs no room. */
	EXPECT_EQ(0, write_text(self->fd, ""));
	EXPECT_EQ(4, box_messages(self->fd));
}

TEST_F(file, sleeps)
{
	struct kipc_call call = { .fd = self->fd, .cmd = KIPC_CALL_READ,
		.buf = self->got.body, .len = MSG_BODY };
	int i;

	ASSERT_EQ(0, fcntl(self->fd, F_SETFL, 0));
	ASSERT_EQ(0, kipc_call_start(&call));
	ASSERT_TRUE(wait_for(box_receivers(self->fd) == 1));
	ASSERT_EQ(3, write_text(self->fd, "abc"));
	EXPECT_EQ(3, kipc_call_wait(&call));
	for (i = 0; i < 4; i++)
		ASSERT_EQ(1, write_text(self->fd, "x"));
	call = (struct kipc_call){ .fd = self->fd, .cmd = KIPC_CALL_WRITE,
		.buf = self->body, .len = 2 };
	ASSERT_EQ(0, kipc_call_start(&call));
	ASSERT_TRUE(wait_for(box_senders(self->fd) == 1));
	EXPECT_TRUE(box_next_is(self->fd, "x"));
	EXPECT_EQ(2, kipc_call_wait(&call));
	/* And they are interrupted, and told of the end. */
	ASSERT_EQ(0, box_catch(SIGUSR1, 0));
	ASSERT_EQ(0, kipc_call_start(&call));
	ASSERT_TRUE(wait_for(box_senders(self->fd) == 1));
	ASSERT_EQ(0, pthread_kill(call.thread, SIGUSR1));
	EXPECT_EQ(-EINTR, kipc_call_wait(&call));
	ASSERT_EQ(0, kipc_call_start(&call));
	ASSERT_TRUE(wait_for(box_senders(self->fd) == 1));
	ASSERT_EQ(0, kipc_destroy(self->fd));
	EXPECT_EQ(-EIDRM, kipc_call_wait(&call));
}

/* What poll says now; -1 if that is nothing good. */
static int events(int fd)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN | POLLOUT | POLLPRI };
	int n = poll(&pfd, 1, 0);

	return n < 0 ? -1 : pfd.revents;
}

TEST_F(file, level)
{
	int i;

	EXPECT_EQ(POLLOUT, events(self->fd));
	for (i = 0; i < 3; i++) {
		ASSERT_EQ(1, write_text(self->fd, "x"));
		EXPECT_EQ(POLLIN | POLLOUT, events(self->fd));
	}
	ASSERT_EQ(0, box_put(self->fd, 0, 0, ""));
	EXPECT_EQ(POLLIN, events(self->fd));
	EXPECT_EQ(POLLIN, events(self->fd));
	EXPECT_TRUE(box_next_is(self->fd, "x"));
	EXPECT_EQ(POLLIN | POLLOUT, events(self->fd));
	ASSERT_EQ(0, box_empty(self->fd));
	EXPECT_EQ(POLLOUT, events(self->fd));
	/* Full by bytes: there is room for none. */
	for (i = 0; i < 3; i++)
		ASSERT_EQ(100, KIPC_RET(write(self->fd, self->body, 100)));
	EXPECT_EQ(POLLIN, events(self->fd));
	ASSERT_EQ(0, kipc_destroy(self->fd));
	EXPECT_EQ(POLLERR | POLLHUP | POLLIN | POLLOUT, events(self->fd));
}

/* After EAGAIN it is about a message as long as that one. */
TEST_F(file, room_for_the_last_one)
{
	int other = fcntl(self->fd, F_DUPFD_CLOEXEC, 0);

	ASSERT_LE(0, other);
	ASSERT_EQ(100, KIPC_RET(write(self->fd, self->body, 100)));
	ASSERT_EQ(100, KIPC_RET(write(self->fd, self->body, 100)));
	ASSERT_EQ(50, KIPC_RET(write(self->fd, self->body, 50)));
	EXPECT_EQ(POLLIN | POLLOUT, events(self->fd));
	EXPECT_EQ(-EAGAIN, KIPC_RET(write(self->fd, self->body, 100)));
	EXPECT_EQ(POLLIN, events(self->fd));
	/* A duplicate is the same open file. */
	EXPECT_EQ(POLLIN, events(other));
	/* 50 are left: that is one too few for this one as well. */
	EXPECT_EQ(-EAGAIN, KIPC_RET(write(self->fd, self->body, 51)));
	EXPECT_EQ(POLLIN, events(self->fd));
	EXPECT_EQ(50, KIPC_RET(write(self->fd, self->body, 50)));
	EXPECT_EQ(POLLIN, events(self->fd));
	ASSERT_EQ(0, box_try_recv(self->fd, &self->got));
	EXPECT_EQ(POLLIN | POLLOUT, events(self->fd));
	/* By the ioctl as by write(2); one that was sent ends it. */
	ASSERT_EQ(0, box_try_send(self->fd, msg_bytes(self->body, 60)));
	EXPECT_EQ(-EAGAIN, box_try_send(self->fd, msg_bytes(self->body, 99)));
	EXPECT_EQ(POLLIN, events(self->fd));
	ASSERT_EQ(0, box_empty(self->fd));
	ASSERT_EQ(0, box_try_send(self->fd, msg_bytes(self->body, 99)));
	ASSERT_EQ(0, box_try_send(self->fd, msg_bytes(self->body, 100)));
	ASSERT_EQ(0, box_try_send(self->fd, msg_bytes(self->body, 100)));
	EXPECT_EQ(POLLIN | POLLOUT, events(self->fd));
	ASSERT_EQ(0, box_empty(self->fd));
	close(other);
}

/* Each open file has its own. */
TEST(room_is_of_each_open_file)
{
	struct kipc_mailbox_create arg = { .name = to_u64("file-room"),
		.name_len = 9, .rights = RIGHT_BOTH, .mode = 0600,
		.max_bytes = 100 };
	int one = box_create(&arg), two = box_open("file-room", RIGHT_BOTH, 0);
	static char body[100];

	ASSERT_LE(0, one);
	ASSERT_LE(0, two);
	ASSERT_EQ(0, box_try_send(one, msg_bytes(body, 50)));
	EXPECT_EQ(-EAGAIN, box_try_send(one, msg_bytes(body, 51)));
	EXPECT_EQ(POLLIN, events(one));
	EXPECT_EQ(POLLIN | POLLOUT, events(two));
}

/* Behind those who wait there is no room for a newcomer. */
TEST_F(file, not_writable_behind_senders)
{
	struct box_task task;

	ASSERT_EQ(0, fcntl(self->fd, F_SETFL, 0));
	ASSERT_EQ(0, box_try_send(self->fd, msg_bytes(self->body, 100)));
	ASSERT_EQ(0, box_try_send(self->fd, msg_bytes(self->body, 100)));
	ASSERT_EQ(0, box_try_send(self->fd, msg_bytes(self->body, 50)));
	ASSERT_EQ(0, box_send_asleep(&task, self->fd,
				     msg_bytes(self->body, 100)));
	EXPECT_EQ(POLLIN, events(self->fd));
	ASSERT_EQ(0, box_try_recv(self->fd, &self->got));
	EXPECT_EQ(0, box_task_wait(&task));
	EXPECT_EQ(POLLIN | POLLOUT, events(self->fd));
}

/* A child that sleeps in poll(2), or is about to, and must see @want. */
static pid_t poller(int fd, short want)
{
	struct pollfd pfd = { .fd = fd, .events = want & (POLLIN | POLLOUT) };
	pid_t pid = kipc_fork();

	if (!pid) {
		CHECK_EQ(1, poll(&pfd, 1, PATIENCE_NS / NSEC_PER_MSEC));
		CHECK_EQ(want, pfd.revents & want);
		_exit(0);
	}
	/* Whether it polls already or not, it must come to know. */
	usleep(kipc_rand(&(uint64_t){ now_ns() | 1 }) % 3000);
	return pid;
}

TEST_F(file, pollers_are_woken)
{
	unsigned long rounds = scaled(200), i;
	pid_t pid;
	int k;

	for (i = 0; i < rounds; i++) {
		pid = poller(self->fd, POLLIN);
		ASSERT_EQ(1, write_text(self->fd, "x"));
		ASSERT_EQ(0, kipc_reap(pid));
		for (k = 0; k < 3; k++)
			ASSERT_EQ(1, write_text(self->fd, "x"));
		ASSERT_EQ(POLLIN, events(self->fd));
		pid = poller(self->fd, POLLOUT);
		ASSERT_EQ(0, i & 1 ? box_try_recv(self->fd, &self->got) :
				     box_empty(self->fd));
		ASSERT_EQ(0, kipc_reap(pid));
		ASSERT_EQ(0, box_empty(self->fd));
	}
	pid = poller(self->fd, POLLIN | POLLHUP);
	ASSERT_EQ(0, kipc_destroy(self->fd));
	EXPECT_EQ(0, kipc_reap(pid));
}

/* The last sender that waits leaves room, and that is told too. */
TEST_F(file, pollers_behind_a_sender_that_leaves)
{
	struct box_task task;
	pid_t pid;

	ASSERT_EQ(0, fcntl(self->fd, F_SETFL, 0));
	ASSERT_EQ(0, box_try_send(self->fd, msg_bytes(self->body, 100)));
	ASSERT_EQ(0, box_try_send(self->fd, msg_bytes(self->body, 100)));
	ASSERT_EQ(0, box_try_send(self->fd, msg_bytes(self->body, 50)));
	box_send_init(&task, self->fd, msg_bytes(self->body, 100));
	task.arg.send.deadline_ns = in_ms(300);
	ASSERT_EQ(0, box_task_asleep(&task));
	pid = poller(self->fd, POLLOUT);
	EXPECT_EQ(-ETIMEDOUT, box_task_wait(&task));
	EXPECT_EQ(0, kipc_reap(pid));
}

/* What edge-triggered epoll has to tell; 0: nothing. */
static uint32_t edge(int epfd)
{
	struct epoll_event event;
	int n = epoll_wait(epfd, &event, 1, 0);

	return n == 1 ? event.events : 0;
}

TEST_F(file, edge_in)
{
	struct epoll_event event = { .events = EPOLLIN | EPOLLET };
	int epfd = epoll_create1(EPOLL_CLOEXEC), i;

	ASSERT_EQ(0, epoll_ctl(epfd, EPOLL_CTL_ADD, self->fd, &event));
	EXPECT_EQ(0, edge(epfd));
	for (i = 0; i < 3; i++) {
		/* Each message is news. */
		ASSERT_EQ(1, write_text(self->fd, "x"));
		EXPECT_EQ(EPOLLIN, edge(epfd));
		EXPECT_EQ(0, edge(epfd));
	}
	EXPECT_TRUE(box_next_is(self->fd, "x"));
	EXPECT_EQ(0, edge(epfd));
	/* One that comes back is, too. */
	ASSERT_EQ(0, box_empty(self->fd));
	ASSERT_EQ(1, write_text(self->fd, "x"));
	EXPECT_EQ(EPOLLIN, edge(epfd));
	EXPECT_EQ(-EFAULT, KIPC_RET(read(self->fd, self->nowhere, 1)));
	EXPECT_EQ(EPOLLIN, edge(epfd));
	close(epfd);
}

TEST_F(file, edge_out)
{
	struct epoll_event event = { .events = EPOLLOUT | EPOLLET };
	int epfd = epoll_create1(EPOLL_CLOEXEC), i;

	ASSERT_EQ(0, epoll_ctl(epfd, EPOLL_CTL_ADD, self->fd, &event));
	EXPECT_EQ(EPOLLOUT, edge(epfd));
	EXPECT_EQ(0, edge(epfd));
	for (i = 0; i < 4; i++)
		ASSERT_EQ(1, write_text(self->fd, "x"));
	EXPECT_EQ(-EAGAIN, write_text(self->fd, "x"));
	edge(epfd);
	EXPECT_EQ(0, edge(epfd));
	EXPECT_TRUE(box_next_is(self->fd, "x"));
	EXPECT_EQ(EPOLLOUT, edge(epfd));
	EXPECT_EQ(0, edge(epfd));
	ASSERT_EQ(1, write_text(self->fd, "x"));
	ASSERT_EQ(0, box_empty(self->fd));
	EXPECT_EQ(EPOLLOUT, edge(epfd));
	close(epfd);
}

/*
 * Who waits for room for a long message by edges: told when there is room for
 * it, at the latest, however small the steps are in which it comes.
 */
TEST_F(file, edge_out_for_a_long_one)
{
	struct epoll_event event = { .events = EPOLLOUT | EPOLLET };
	int epfd = epoll_create1(EPOLL_CLOEXEC);

	ASSERT_EQ(0, epoll_ctl(epfd, EPOLL_CTL_ADD, self->fd, &event));
	ASSERT_EQ(0, box_try_send(self->fd, msg_bytes(self->body, 100)));
	ASSERT_EQ(0, box_try_send(self->fd, msg_bytes(self->body, 60)));
	ASSERT_EQ(0, box_try_send(self->fd, msg_bytes(self->body, 60)));
	EXPECT_EQ(-EAGAIN, KIPC_RET(write(self->fd, self->body, 100)));
	edge(epfd);
	EXPECT_EQ(0, edge(epfd));
	ASSERT_EQ(0, box_try_recv(self->fd, &self->got));
	EXPECT_EQ(EPOLLOUT, edge(epfd));
	EXPECT_EQ(100, KIPC_RET(write(self->fd, self->body, 100)));
	close(epfd);
}

static const char *shown_by(int fd, const char *key)
{
	static char value[256];
	char path[64], text[4096], *line, *next;
	int found = 0;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	*value = '\0';
	if (read_file(path, text, sizeof(text)) < 0)
		return value;
	for (line = text; *line; line = next) {
		next = line + strcspn(line, "\n");
		if (*next)
			*next++ = '\0';
		if (strncmp(line, key, strlen(key)))
			continue;
		line += strlen(key);
		snprintf(value, sizeof(value), "%s", line + strspn(line, "\t"));
		found++;
	}
	if (found != 1)
		*value = '\0';
	return value;
}

TEST_F(file, fdinfo)
{
	char path[64], text[64] = "";
	struct box_task task;
	int fd = self->fd;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	ASSERT_LT(0, readlink(path, text, sizeof(text) - 1));
	EXPECT_STREQ("anon_inode:[kipc:mailbox]", text);
	EXPECT_STREQ("mailbox", shown_by(fd, "kipc-kind:"));
	EXPECT_STREQ("rw", shown_by(fd, "kipc-rights:"));
	EXPECT_STREQ("live", shown_by(fd, "kipc-state:"));
	EXPECT_STREQ("0", shown_by(fd, "kipc-messages:"));
	EXPECT_STREQ("4", shown_by(fd, "kipc-max-messages:"));
	EXPECT_STREQ("0", shown_by(fd, "kipc-bytes:"));
	EXPECT_STREQ("300", shown_by(fd, "kipc-max-bytes:"));
	EXPECT_STREQ("100", shown_by(fd, "kipc-message-max:"));
	ASSERT_EQ(0, fcntl(fd, F_SETFL, 0));
	ASSERT_EQ(0, box_recv_asleep(&task, fd, KIPC_SELECT_TYPE, 5));
	EXPECT_STREQ("1", shown_by(fd, "kipc-receivers:"));
	EXPECT_STREQ("0", shown_by(fd, "kipc-senders:"));
	ASSERT_EQ(5, write_text(self->fd, "hello"));
	ASSERT_EQ(2, write_text(self->fd, "hi"));
	EXPECT_STREQ("2", shown_by(fd, "kipc-messages:"));
	EXPECT_STREQ("7", shown_by(fd, "kipc-bytes:"));
	ASSERT_EQ(0, box_put(fd, 5, 0, "his"));
	EXPECT_EQ(0, box_task_wait(&task));
	EXPECT_STREQ("0", shown_by(fd, "kipc-receivers:"));
	ASSERT_EQ(2, write_text(self->fd, "hi"));
	ASSERT_EQ(2, write_text(self->fd, "hi"));
	ASSERT_EQ(0, box_send_asleep(&task, fd, msg_text("waits")));
	EXPECT_STREQ("1", shown_by(fd, "kipc-senders:"));
	ASSERT_EQ(0, kipc_destroy(fd));
	EXPECT_EQ(-EIDRM, box_task_wait(&task));
	EXPECT_STREQ("destroyed", shown_by(fd, "kipc-state:"));
	EXPECT_STREQ("0", shown_by(fd, "kipc-messages:"));
	EXPECT_STREQ("0", shown_by(fd, "kipc-senders:"));
}

TEST_HARNESS_MAIN
