// SPDX-License-Identifier: GPL-2.0
/*
 * No endpoint keeps itself alive: files that could hold it do not travel in its
 * messages, by whatever call; and what does travel is gone when nobody receives
 * it, in each place where it may be by then.
 */
#include "kselftest_harness.h"

#include <linux/io_uring.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>

#include "endpoint_util.h"
#include "segment_util.h"

#define NAME		"endpoint-cycle"
#define MOST		((int)KIPC_MSG_FDS_MAX)
#define FILES		12

FIXTURE(cycle) {
	struct kipc_info before;
	struct ep_owner *other;
	int fd;
	uint64_t id;
	uint32_t me;
	int barred_count;
	int32_t barred[FILES];
	int travels_count;
	int32_t travels[FILES];
};

static int mailbox(void)
{
	struct kipc_mailbox_create arg = { .size = sizeof(arg),
		.rights = RIGHT_BOTH };
	int ret = kipc_device_ioctl(KIPC_MAILBOX_CREATE, &arg);

	return ret ? ret : arg.fd;
}

/* -1 where there is none. */
static int uring(void)
{
	struct io_uring_params params = {};

	return syscall(__NR_io_uring_setup, 4, &params);
}

/* Handles of endpoints and mailboxes, and what others can be put into. */
static int make_barred(int32_t *files, int own, int other)
{
	int count = 0, i;

	files[count++] = fcntl(own, F_DUPFD_CLOEXEC, 0);
	files[count++] = ep_open(NAME, KIPC_RIGHT_WRITE);
	files[count++] = fcntl(other, F_DUPFD_CLOEXEC, 0);
	files[count++] = mailbox();
	files[count++] = epoll_create1(EPOLL_CLOEXEC);
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, &files[count]))
		return -1;
	count += 2;
	files[count++] = socket(AF_UNIX, SOCK_DGRAM, 0);
	files[count++] = socket(AF_UNIX, SOCK_SEQPACKET, 0);
	for (i = 0; i < count; i++)
		if (files[i] < 0)
			return -1;
	files[count] = uring();
	return count + (files[count] >= 0);
}

static int make_travels(int32_t *files)
{
	int count = 0, i;

	files[count++] = segment_make(4096, 0);
	if (kipc_pipe(&files[count], 0, 0))
		return -1;
	count += 2;
	files[count++] = kipc_device();
	files[count++] = eventfd(0, EFD_CLOEXEC);
	files[count++] = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	files[count++] = memfd_create("travels", MFD_CLOEXEC);
	for (i = 0; i < count; i++)
		if (files[i] < 0)
			return -1;
	return count;
}

FIXTURE_SETUP(cycle)
{
	ASSERT_EQ(0, kipc_info(&self->before));
	self->other = ep_owners(1);
	ASSERT_NE(NULL, self->other);
	ASSERT_EQ(0, ep_owner_start(self->other));
	self->fd = ep_named(NAME, 0600, 0);
	ASSERT_LE(0, self->fd);
	self->id = ep_id(self->fd);
	self->me = getpid();
	self->barred_count = make_barred(self->barred, self->fd,
					 self->other->handle);
	ASSERT_LT(0, self->barred_count);
	self->travels_count = make_travels(self->travels);
	ASSERT_LT(0, self->travels_count);
}

static void close_all(const int32_t *fds, int count)
{
	while (count--)
		close(fds[count]);
}

FIXTURE_TEARDOWN(cycle)
{
	close_all(self->barred, self->barred_count);
	close_all(self->travels, self->travels_count);
	close(self->fd);
	EXPECT_EQ(128 + SIGKILL, child_kill(self->other->pid));
	close(self->other->handle);
	EXPECT_TRUE(wait_for(ep_is_charged(&self->before)));
}

static struct kipc_msg with_files(const int32_t *files, uint32_t count)
{
	struct kipc_msg msg = msg_text("files");

	msg.fds = to_u64(files);
	msg.fd_count = count;
	return msg;
}

/* Sends to this process, without sleeping. */
static int send_files(const int32_t *files, uint32_t count)
{
	return SEND(EP_DEVICE, .pid = getpid(), .flags = KIPC_MSG_NONBLOCK,
		    .msg = with_files(files, count));
}

/* A call that would not come back if it were sent, but for its deadline. */
static int call_with_files(int fd, uint32_t pid, const int32_t *files)
{
	struct ep_got got;

	return CALL(fd, &got, .pid = pid, .deadline_ns = in_ms(100),
		    .request = with_files(files, 1));
}

TEST_F(cycle, not_in_messages)
{
	int32_t mixed[MOST], *file;
	struct kipc_msg msgs[3];
	int i, at, k;

	for (i = 0; i < self->barred_count; i++) {
		file = &self->barred[i];
		EXPECT_EQ(-EINVAL, send_files(file, 1))
			TH_LOG("file %d", i);
		/* To another one's endpoint, and through one's own, likewise. */
		EXPECT_EQ(-EINVAL, SEND(self->other->handle,
					.msg = with_files(file, 1)));
		EXPECT_EQ(-EINVAL, SEND(self->fd, .pid = self->other->pid,
					.id = self->other->id,
					.msg = with_files(file, 1)));
		/* Among others, anywhere. */
		for (at = 0; at < MOST; at += 5) {
			for (k = 0; k < MOST; k++)
				mixed[k] = self->travels[0];
			mixed[at] = *file;
			EXPECT_EQ(-EINVAL, send_files(mixed, MOST));
		}
		/* In a vector those before it are sent. */
		msgs[0] = with_files(file, 1);
		msgs[1] = msg_text("before");
		msgs[2] = with_files(file, 1);
		EXPECT_EQ(-EINVAL, ep_sendv(EP_DEVICE, self->me, msgs, 3));
		EXPECT_EQ(1, ep_sendv(EP_DEVICE, self->me, &msgs[1], 2));
	}
	EXPECT_EQ(self->barred_count, (int)ep_messages(self->fd));
	EXPECT_EQ(0, EP_STAT(self->other->handle, queue.sent));
}

TEST_F(cycle, not_in_requests)
{
	int32_t *file;
	int i;

	for (i = 0; i < self->barred_count; i++) {
		file = &self->barred[i];
		EXPECT_EQ(-EINVAL, call_with_files(EP_DEVICE, self->me, file))
			TH_LOG("file %d", i);
		EXPECT_EQ(-EINVAL, call_with_files(self->other->handle, 0,
						   file));
		EXPECT_EQ(-EINVAL, call_with_files(self->fd, self->other->pid,
						   file));
	}
	EXPECT_EQ(0, EP_STAT(self->fd, queue.sent));
	EXPECT_EQ(0, EP_STAT(self->other->handle, queue.sent));
}

/* The token stays good, and nothing is received. */
TEST_F(cycle, not_in_replies)
{
	struct kipc_endpoint_reply_recv arg = { .size = sizeof(arg),
		.flags = KIPC_MSG_NONBLOCK };
	struct ep_caller caller;
	struct kipc_msg answer;
	struct ep_got got;
	uint64_t token;
	int i;

	ASSERT_EQ(0, ep_caller_start(&caller, EP_DEVICE, self->me, "give"));
	ASSERT_EQ(0, ep_recv_patient(self->fd, &got));
	token = got.msg.token;
	ASSERT_EQ(0, ep_send_text(self->me, 0, "stays"));
	for (i = 0; i < self->barred_count; i++) {
		answer = with_files(&self->barred[i], 1);
		EXPECT_EQ(-EINVAL, ep_reply_msg(self->fd, token, &answer))
			TH_LOG("file %d", i);
		arg.token = token;
		arg.reply = with_files(&self->barred[i], 1);
		arg.request = ep_got_room(&got);
		EXPECT_EQ(-EINVAL, kipc_ioctl(self->fd,
					      KIPC_ENDPOINT_REPLY_RECV, &arg));
		EXPECT_EQ(token, arg.token);
	}
	EXPECT_FALSE(ep_task_ended(&caller.task));
	EXPECT_EQ(1, ep_messages(self->fd));
	answer = with_files(self->travels, self->travels_count);
	EXPECT_EQ(0, ep_reply_msg(self->fd, token, &answer));
	ASSERT_EQ(0, ep_caller_wait(&caller));
	ASSERT_EQ(self->travels_count, (int)caller.arg.reply.fd_count);
	close_all(caller.reply.fds, self->travels_count);
}

/* The others go by every call: it is not that all are refused. */
TEST_F(cycle, those_that_travel)
{
	struct ep_caller caller;
	struct kipc_msg answer;
	struct ep_got got;
	int i;

	for (i = 0; i < self->travels_count; i++) {
		ASSERT_EQ(0, send_files(&self->travels[i], 1));
		ASSERT_EQ(0, ep_recv_now(self->fd, &got));
		ASSERT_EQ(1, got.msg.fd_count);
		close(got.fds[0]);

		ep_caller_init(&caller, EP_DEVICE, self->me, "");
		caller.arg.request = with_files(&self->travels[i], 1);
		ASSERT_EQ(0, ep_caller_received(&caller, self->fd, &got));
		ASSERT_EQ(1, got.msg.fd_count);
		answer = with_files(got.fds, 1);
		EXPECT_EQ(0, ep_reply_msg(self->fd, got.msg.token, &answer));
		close(got.fds[0]);
		ASSERT_EQ(0, ep_caller_wait(&caller));
		ASSERT_EQ(1, caller.arg.reply.fd_count);
		close(caller.reply.fds[0]);
	}
}

/*
 * An endpoint may be in a socket, and it in itself: that is for the collector
 * of the sockets.  Its owner has no descriptor of it, and so it has ended.
 */
TEST_F(cycle, in_a_socket)
{
	struct kipc_info before;
	int sock[2], fd;

	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_SEQPACKET, 0, sock));
	ASSERT_EQ(0, send_fd(sock[0], self->fd));
	close_all(self->barred, 2);
	close(self->fd);
	EXPECT_EQ(-ENOTCONN, ep_find(self->me, NULL));
	fd = recv_fd(sock[1]);
	ASSERT_LE(0, fd);
	EXPECT_EQ(KIPC_ENDPOINT_ENDED, EP_STAT(fd, state));
	close(fd);

	ASSERT_EQ(0, kipc_info(&before));
	self->fd = ep_make(0, 0);
	ASSERT_LE(0, self->fd);
	ASSERT_EQ(0, send_fd(sock[0], self->fd));
	ASSERT_EQ(0, send_fd(sock[0], sock[0]));
	ASSERT_EQ(0, send_fd(sock[0], sock[1]));
	close(self->fd);
	close(sock[0]);
	close(sock[1]);
	EXPECT_FALSE(ep_is_charged(&before));
	/* The collector runs when a socket of that family is closed. */
	EXPECT_TRUE(wait_for(!close(socket(AF_UNIX, SOCK_DGRAM, 0)) &&
			     ep_is_charged(&before)));
	/* For the teardown. */
	self->fd = ep_named(NAME, 0600, 0);
	self->barred[0] = dup(self->fd);
	self->barred[1] = dup(self->fd);
}

/* ---- what is left ---- */

#define MESSAGES	100
#define CALLERS		6

FIXTURE(left) {
	struct kipc_info before;
	struct ep_owner *owner;
	struct ep_caller caller[CALLERS];
	int32_t file[CALLERS];
};

FIXTURE_SETUP(left)
{
	ASSERT_EQ(0, kipc_info(&self->before));
	self->owner = ep_owners(1);
	ASSERT_NE(NULL, self->owner);
}

FIXTURE_TEARDOWN(left)
{
	EXPECT_TRUE(ep_is_charged(&self->before));
}

/* Sends messages that carry the only reference to a segment each. */
static int fill_with_segments(uint32_t pid, int count)
{
	int32_t file;
	int ret = 0;

	while (count-- && !ret) {
		file = segment_make(4096, 0);
		ret = SEND(EP_DEVICE, .pid = pid, .flags = KIPC_MSG_NONBLOCK,
			   .msg = with_files(&file, 1));
		close(file);
	}
	return ret;
}

/* How the messages go. */
static int by_close(int fd)
{
	return close(fd);
}

static int by_destroy(int fd)
{
	int ret = kipc_destroy(fd);

	close(fd);
	return ret;
}

static int by_receiving(int fd)
{
	struct ep_got got;
	int i, ret = 0;

	/* The first half without the files. */
	for (i = 0; i < MESSAGES && !ret; i++) {
		if (i < MESSAGES / 2) {
			ret = RECV(fd, &got, .flags = KIPC_MSG_NONBLOCK,
				   .msg = msg_room(got.body, EP_BODY));
			continue;
		}
		ret = ep_recv_now(fd, &got);
		if (!ret)
			ret = close(got.fds[0]);
	}
	close(fd);
	return ret;
}

TEST_F(left, messages)
{
	static int (* const ways[])(int fd) = {
		by_close, by_destroy, by_receiving,
	};
	struct kipc_info with;
	unsigned int i;
	int fd;

	for (i = 0; i < 3; i++) {
		fd = ep_make(MESSAGES, 0);
		ASSERT_LE(0, fd);
		ASSERT_EQ(0, fill_with_segments(getpid(), MESSAGES));
		ASSERT_EQ(0, kipc_info(&with));
		ASSERT_EQ(self->before.objects + MESSAGES + 1, with.objects);
		EXPECT_EQ(0, ways[i](fd));
		EXPECT_TRUE(wait_for(ep_is_charged(&self->before)))
			TH_LOG("way %u", i);
	}
}

TEST_F(left, messages_of_a_dead_owner)
{
	struct kipc_info with;
	int i;

	self->owner->max_messages = MESSAGES;
	/* Whether somebody else has it open or not. */
	for (i = 0; i < 2; i++) {
		ASSERT_EQ(0, ep_owner_start(self->owner));
		ASSERT_EQ(0, fill_with_segments(self->owner->pid, MESSAGES));
		ASSERT_EQ(0, kipc_info(&with));
		ASSERT_EQ(self->before.objects + MESSAGES + 1, with.objects);
		if (i)
			close(self->owner->handle);
		EXPECT_EQ(128 + SIGKILL, child_kill(self->owner->pid));
		if (i)
			continue;
		EXPECT_TRUE(wait_for(!kipc_info(&with) && with.objects ==
				     self->before.objects + 1));
		close(self->owner->handle);
	}
	EXPECT_TRUE(wait_for(ep_is_charged(&self->before)));
}

/* Calls @fd from threads, with requests that carry a segment each. */
static int start_callers(struct ep_caller *caller, int32_t *file)
{
	int i, ret = 0;

	for (i = 0; i < CALLERS && !ret; i++) {
		ep_caller_init(&caller[i], EP_DEVICE, getpid(), "");
		file[i] = segment_make(4096, 0);
		caller[i].arg.request = with_files(&file[i], 1);
		ret = ep_task_start(&caller[i].task);
	}
	return ret;
}

/*
 * Calls of which some were received, some are in the queue and some wait for
 * room, when the endpoint goes.
 */
TEST_F(left, requests)
{
	static int (* const ways[])(int fd) = { by_close, by_destroy };
	struct kipc_info with;
	struct ep_got got;
	unsigned int k;
	int fd, i;

	for (k = 0; k < 2; k++) {
		fd = ep_make(2, 0);
		ASSERT_LE(0, fd);
		ASSERT_EQ(0, start_callers(self->caller, self->file));
		for (i = 0; i < 2; i++) {
			ASSERT_EQ(0, ep_recv_patient(fd, &got));
			close(got.fds[0]);
		}
		ASSERT_TRUE(wait_for(ep_senders(fd) == 2));
		EXPECT_EQ(2, ep_messages(fd));
		close_all(self->file, CALLERS);
		/* Those that were received are gone, in spite of the call. */
		EXPECT_TRUE(wait_for(!kipc_info(&with) && with.objects ==
				     self->before.objects + 5));
		EXPECT_EQ(0, ways[k](fd));
		for (i = 0; i < CALLERS; i++)
			EXPECT_EQ(k ? -EIDRM : -ECONNRESET,
				  ep_caller_wait(&self->caller[i]));
		EXPECT_TRUE(wait_for(ep_is_charged(&self->before)));
	}
}

/* Their callers give up, and nobody asks who that was. */
TEST_F(left, untold)
{
	struct kipc_info with;
	int fd = ep_make(CALLERS, 0), i;
	struct ep_got got;

	ASSERT_LE(0, fd);
	for (i = 0; i < CALLERS; i++) {
		self->file[0] = segment_make(4096, 0);
		ep_caller_init(&self->caller[0], EP_DEVICE, getpid(), "");
		self->caller[0].arg.request = with_files(self->file, 1);
		self->caller[0].arg.deadline_ns = in_ms(20);
		ASSERT_EQ(0, ep_task_start(&self->caller[0].task));
		/* One half comes without its file. */
		ASSERT_EQ(0, RECV(fd, &got, .msg = i & 1 ?
				  msg_room(got.body, EP_BODY) :
				  ep_got_room(&got)));
		if (!(i & 1))
			close(got.fds[0]);
		close(self->file[0]);
		EXPECT_EQ(-ETIMEDOUT, ep_caller_wait(&self->caller[0]));
	}
	EXPECT_EQ(CALLERS, ep_untold(fd));
	EXPECT_TRUE(wait_for(!kipc_info(&with) &&
			     with.objects == self->before.objects + 1));
	close(fd);
	EXPECT_TRUE(wait_for(ep_is_charged(&self->before)));
}

/* The same over and over: what is lost once in a while adds up. */
TEST_F(left, many_rounds)
{
	unsigned long rounds = scaled(1000), i;
	uint64_t rnd = kipc_seed();
	int fd, k, count;
	struct ep_got got;

	for (i = 0; i < rounds; i++) {
		fd = ep_make(2, 0);
		ASSERT_LE(0, fd);
		ASSERT_EQ(0, start_callers(self->caller, self->file));
		for (count = kipc_rand(&rnd) % (CALLERS + 1); count; count--) {
			ASSERT_EQ(0, ep_recv_patient(fd, &got));
			/* Some are answered with what they brought. */
			if (kipc_rand(&rnd) % 2) {
				struct kipc_msg back = with_files(got.fds, 1);

				ASSERT_EQ(0, ep_reply_msg(fd, got.msg.token,
							  &back));
			}
			close(got.fds[0]);
		}
		ASSERT_EQ(0, kipc_rand(&rnd) % 2 ? by_close(fd) :
			     by_destroy(fd));
		close_all(self->file, CALLERS);
		for (k = 0; k < CALLERS; k++)
			if (!ep_caller_wait(&self->caller[k]))
				close(self->caller[k].reply.fds[0]);
		ASSERT_TRUE(wait_for(ep_is_charged(&self->before)));
	}
}

TEST_HARNESS_MAIN
