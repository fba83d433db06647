// SPDX-License-Identifier: GPL-2.0
/*
 * The end of an endpoint: however its owner dies or closes it, those who wait
 * know at once, its name is free, and nothing of it is left.
 */
#include "kselftest_harness.h"

#include <sys/epoll.h>

#include "endpoint_util.h"

#define MESSAGES	3
#define CALLERS		2
#define SENDERS		2

/*
 * The owner is a child.  One call of his peers was received, others are still
 * in his queue, which is full, and more wait for room.
 */
FIXTURE(end) {
	struct ep_owner *owner;
	struct kipc_info before;
	int files[2];		/* a pipe whose read end is in the queue */
	int epoll;
	struct ep_caller caller[CALLERS];
	struct ep_sender sender[SENDERS];
};

FIXTURE_SETUP(end)
{
	ASSERT_EQ(0, kipc_info(&self->before));
	self->owner = ep_owners(1);
	ASSERT_NE(NULL, self->owner);
	self->owner->max_messages = MESSAGES;
}

/* What is freed may be so a moment later, by a work queue. */
FIXTURE_TEARDOWN(end)
{
	struct kipc_info after;

	EXPECT_TRUE(wait_for(!kipc_info(&after) &&
			     after.objects == self->before.objects &&
			     after.bytes == self->before.bytes));
}

#define END_DATA	FIXTURE_DATA(end)

/* In the owner: receives the first call, then does as the test wants. */
static void receive_one(struct ep_owner *owner)
{
	struct ep_got got;

	CHECK_EQ(0, ep_recv_patient(owner->fd, &got));
	CHECK_EQ(KIPC_MSG_CALL, got.msg.flags);
	child_at(&owner->stage, 2);
}

/* Starts the owner and brings the peers to where they wait. */
static void start_all(struct __test_metadata *_metadata, END_DATA *self,
		      void (*run)(struct ep_owner *owner))
{
	struct epoll_event event = { .events = EPOLLET | EPOLLIN | EPOLLOUT };
	struct kipc_msg with_file = msg_text("with a file");
	struct ep_owner *owner = self->owner;
	int i;

	owner->run = run;
	ASSERT_EQ(0, ep_owner_start(owner));
	/* Now, so that the child has none of them. */
	ASSERT_EQ(0, pipe2(self->files, O_CLOEXEC));
	self->epoll = epoll_create1(EPOLL_CLOEXEC);
	ASSERT_LE(0, self->epoll);
	for (i = 0; i < CALLERS; i++) {
		ASSERT_EQ(0, ep_caller_start(&self->caller[i], EP_DEVICE,
					     owner->pid, "call"));
		/* The first one is received at once. */
		ASSERT_TRUE(i ? wait_for(ep_messages(owner->handle) == 1) :
				child_is_at(&owner->stage, 2));
	}
	with_file.fds = to_u64(&self->files[0]);
	with_file.fd_count = 1;
	ASSERT_EQ(0, SEND(EP_DEVICE, .pid = owner->pid, .msg = with_file));
	close(self->files[0]);
	ASSERT_EQ(0, ep_send_text(owner->pid, 0, "x"));
	for (i = 0; i < SENDERS; i++) {
		ASSERT_EQ(0, ep_sender_start(&self->sender[i],
					     i ? owner->handle : EP_DEVICE,
					     i ? 0 : owner->pid,
					     msg_text("blocked")));
		ASSERT_TRUE(wait_for(ep_senders(owner->handle) == i + 1U));
	}
	ASSERT_EQ(0, epoll_ctl(self->epoll, EPOLL_CTL_ADD, owner->handle,
			       &event));
	/* There are messages; from here on it tells of what changes. */
	ASSERT_EQ(1, epoll_wait(self->epoll, &event, 1, 0));
	EXPECT_EQ(EPOLLIN, event.events);
	EXPECT_EQ(0, epoll_wait(self->epoll, &event, 1, 0));
}

/* Nothing has come to its end so far. */
static void expect_alive(struct __test_metadata *_metadata, END_DATA *self)
{
	struct epoll_event event;
	int fd, i;

	EXPECT_EQ(0, EP_STAT(self->owner->handle, state));
	EXPECT_EQ(MESSAGES, ep_messages(self->owner->handle));
	EXPECT_EQ(1, ep_calls(self->owner->handle));
	for (i = 0; i < CALLERS; i++)
		EXPECT_FALSE(ep_task_ended(&self->caller[i].task));
	for (i = 0; i < SENDERS; i++)
		EXPECT_FALSE(ep_task_ended(&self->sender[i].task));
	EXPECT_EQ(0, epoll_wait(self->epoll, &event, 1, 0));
	EXPECT_EQ(0, ep_poll(self->owner->handle) & POLLHUP);
	fd = ep_open(self->owner->name, KIPC_RIGHT_WRITE);
	EXPECT_LE(0, fd);
	close(fd);
	EXPECT_EQ(0, ep_find(self->owner->pid, NULL));
}

/* @error is what those who waited get. */
static void expect_ended(struct __test_metadata *_metadata, END_DATA *self,
			 int error)
{
	int handle = self->owner->handle, i;
	struct epoll_event event = {};
	struct pollfd pipe = { .fd = self->files[1], .events = POLLOUT };
	struct kipc_endpoint_stat st;
	struct ep_got got;

	for (i = 0; i < CALLERS; i++) {
		EXPECT_EQ(error, ep_caller_wait(&self->caller[i]))
			TH_LOG("caller %d", i);
	}
	for (i = 0; i < SENDERS; i++) {
		EXPECT_EQ(error, ep_task_wait(&self->sender[i].task))
			TH_LOG("sender %d", i);
	}
	EXPECT_EQ(1, epoll_wait(self->epoll, &event, 1, 20000));
	EXPECT_NE(0, event.events & EPOLLHUP);
	EXPECT_NE(0, ep_poll(handle) & POLLHUP);
	EXPECT_EQ(-ENOENT, ep_open(self->owner->name, KIPC_RIGHT_WRITE));
	EXPECT_EQ(error, SEND(handle, .msg = msg_text("x")));
	EXPECT_EQ(error, CALL(handle, &got, .request = msg_text("x")));
	/* What was in the queue is gone, with the file in it. */
	EXPECT_TRUE(wait_for(poll(&pipe, 1, 0) == 1 &&
			     pipe.revents & POLLERR));
	if (error == -ECONNRESET) {
		EXPECT_EQ(0, ep_stat(handle, &st));
		EXPECT_EQ(KIPC_ENDPOINT_ENDED, st.state);
		EXPECT_EQ(0, st.queue.messages);
		EXPECT_EQ(0, st.queue.bytes);
		EXPECT_EQ(0, st.queue.senders);
		EXPECT_EQ(0, st.calls);
		EXPECT_EQ(0, st.cancelled);
	}
	close(handle);
}

static void end_by_exit(struct ep_owner *owner)
{
	receive_one(owner);
	_exit(7);
}

TEST_F(end, exit)
{
	start_all(_metadata, self, end_by_exit);
	expect_alive(_metadata, self);
	child_go_on(&self->owner->stage, 2);
	expect_ended(_metadata, self, -ECONNRESET);
	EXPECT_EQ(7, child_end(self->owner->pid));
	EXPECT_EQ(-ESRCH, ep_find(self->owner->pid, NULL));
}

TEST_F(end, sigkill)
{
	start_all(_metadata, self, receive_one);
	expect_alive(_metadata, self);
	EXPECT_EQ(0, kill(self->owner->pid, SIGKILL));
	expect_ended(_metadata, self, -ECONNRESET);
	EXPECT_EQ(128 + SIGKILL, child_end(self->owner->pid));
}

static void end_by_exec(struct ep_owner *owner)
{
	receive_one(owner);
	execl("/proc/self/exe", "endpoint_end_test", "wait", NULL);
	_exit(1);
}

/* The process goes on, as another program that has no endpoint. */
TEST_F(end, exec)
{
	start_all(_metadata, self, end_by_exec);
	child_go_on(&self->owner->stage, 2);
	expect_ended(_metadata, self, -ECONNRESET);
	EXPECT_EQ(-ENOTCONN, ep_send_text(self->owner->pid, 0, "x"));
	EXPECT_EQ(-ESRCH, ep_send_text(self->owner->pid, self->owner->id,
				       "x"));
	EXPECT_EQ(128 + SIGKILL, child_kill(self->owner->pid));
}

static void exec_with_descriptor(struct ep_owner *owner)
{
	receive_one(owner);
	CHECK_EQ(0, fcntl(owner->fd, F_SETFD, 0));
	word_set(&owner->stage.child, 3);
	execl("/proc/self/exe", "endpoint_end_test", "wait", NULL);
	_exit(1);
}

/* It is the process that counts, not the program. */
TEST_F(end, exec_that_keeps_it)
{
	char path[64], line[256] = "";

	start_all(_metadata, self, exec_with_descriptor);
	child_go_on(&self->owner->stage, 2);
	snprintf(path, sizeof(path), "/proc/%d/cmdline", self->owner->pid);
	ASSERT_TRUE(wait_for(read_file(path, line, sizeof(line)) > 0 &&
			     !strcmp(line, "endpoint_end_test") &&
			     !strcmp(line + strlen(line) + 1, "wait")));
	expect_alive(_metadata, self);
	EXPECT_EQ(128 + SIGKILL, child_kill(self->owner->pid));
	expect_ended(_metadata, self, -ECONNRESET);
}

/* dup(2), and a second handle: the last one that may read decides. */
static void end_by_last_close(struct ep_owner *owner)
{
	int other = ep_open(owner->name, KIPC_RIGHT_READ);
	int writer = ep_open(owner->name, KIPC_RIGHT_WRITE);
	int copy = fcntl(owner->fd, F_DUPFD_CLOEXEC, 100);

	CHILD_CHECK(other >= 0 && writer >= 0 && copy == 100);
	receive_one(owner);
	close(owner->fd);
	child_at(&owner->stage, 3);
	close(other);
	child_at(&owner->stage, 4);
	close(copy);
	CHECK_EQ(-ENOTCONN, ep_find(getpid(), NULL));
	CHECK_EQ(-ECONNRESET, SEND(writer, .msg = msg_text("x")));
	/* The next one is new, and can have the name. */
	owner->fd = ep_named(owner->name, 0666, 0);
	CHILD_CHECK(owner->fd >= 0);
	CHILD_CHECK(ep_id(owner->fd) != owner->id);
	CHECK_EQ(0, ep_messages(owner->fd));
	close(owner->fd);
	child_at(&owner->stage, 5);
}

TEST_F(end, last_close)
{
	start_all(_metadata, self, end_by_last_close);
	child_go_on(&self->owner->stage, 2);
	ASSERT_TRUE(child_is_at(&self->owner->stage, 3));
	expect_alive(_metadata, self);
	child_go_on(&self->owner->stage, 3);
	ASSERT_TRUE(child_is_at(&self->owner->stage, 4));
	expect_alive(_metadata, self);
	child_go_on(&self->owner->stage, 4);
	ASSERT_TRUE(child_is_at(&self->owner->stage, 5));
	expect_ended(_metadata, self, -ECONNRESET);
	child_go_on(&self->owner->stage, 5);
	EXPECT_EQ(0, child_end(self->owner->pid));
}

/* Putting another file in its place closes it as well. */
static void end_by_dup2(struct ep_owner *owner)
{
	receive_one(owner);
	CHECK_EQ(owner->fd, dup2(0, owner->fd));
	child_at(&owner->stage, 3);
}

TEST_F(end, dup2)
{
	start_all(_metadata, self, end_by_dup2);
	expect_alive(_metadata, self);
	child_go_on(&self->owner->stage, 2);
	expect_ended(_metadata, self, -ECONNRESET);
	child_go_on(&self->owner->stage, 3);
	EXPECT_EQ(0, child_end(self->owner->pid));
}

/* A grandchild that has all descriptors, and outlives the owner. */
static void with_a_child(struct ep_owner *owner)
{
	if (!fork()) {
		CHECK_EQ(-EPERM, RECV(owner->fd, &(struct ep_got){}));
		child_at(&owner->other, 1);
		_exit(0);
	}
	if (!child_is_at(&owner->other, 1))
		_exit(1);
	receive_one(owner);
}

static void forked_child_holds_it(struct ep_owner *owner)
{
	with_a_child(owner);
	_exit(0);
}

TEST_F(end, a_forked_child_holds_it)
{
	start_all(_metadata, self, forked_child_holds_it);
	expect_alive(_metadata, self);
	child_go_on(&self->owner->stage, 2);
	expect_ended(_metadata, self, -ECONNRESET);
	EXPECT_EQ(0, child_end(self->owner->pid));
	child_go_on(&self->owner->other, 1);
}

static void close_with_forked_child(struct ep_owner *owner)
{
	with_a_child(owner);
	close(owner->fd);
	child_at(&owner->stage, 3);
}

TEST_F(end, closed_while_a_forked_child_holds_it)
{
	start_all(_metadata, self, close_with_forked_child);
	expect_alive(_metadata, self);
	child_go_on(&self->owner->stage, 2);
	ASSERT_TRUE(child_is_at(&self->owner->stage, 3));
	expect_ended(_metadata, self, -ECONNRESET);
	child_go_on(&self->owner->other, 1);
	child_go_on(&self->owner->stage, 3);
	EXPECT_EQ(0, child_end(self->owner->pid));
}

/* What the child does with its copy is no matter. */
static void forked_child_closes(struct ep_owner *owner)
{
	pid_t pid;

	receive_one(owner);
	pid = kipc_fork();
	if (!pid) {
		close(owner->fd);
		_exit(0);
	}
	CHECK_EQ(0, child_end(pid));
	child_at(&owner->stage, 3);
}

TEST_F(end, a_forked_child_closes_it)
{
	start_all(_metadata, self, forked_child_closes);
	expect_alive(_metadata, self);
	child_go_on(&self->owner->stage, 2);
	ASSERT_TRUE(child_is_at(&self->owner->stage, 3));
	expect_alive(_metadata, self);
	EXPECT_EQ(128 + SIGKILL, child_kill(self->owner->pid));
	expect_ended(_metadata, self, -ECONNRESET);
}

static void *end_thread(void *data)
{
	struct ep_owner *owner = data;

	/* Stays when the first thread has gone. */
	while (word_get(&owner->stage.test) < 4)
		usleep(500);
	_exit(5);
}

static void *short_thread(void *data)
{
	struct ep_owner *owner = data;
	struct ep_got got;

	RECV(owner->fd, &got, .flags = KIPC_MSG_PEEK);
	return NULL;
}

/* The threads end one by one, the first of them before the last. */
static void end_by_threads(struct ep_owner *owner)
{
	pthread_t last, other;
	int i;

	CHECK_EQ(0, pthread_create(&last, NULL, end_thread, owner));
	for (i = 0; i < 4; i++) {
		CHECK_EQ(0, pthread_create(&other, NULL, short_thread, owner));
		CHECK_EQ(0, pthread_join(other, NULL));
	}
	receive_one(owner);
	word_set(&owner->stage.child, 3);
	syscall(SYS_exit, 0);
}

static bool is_zombie(pid_t pid)
{
	char path[64], text[512], *state;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	if (read_file(path, text, sizeof(text)) <= 0)
		return false;
	state = strrchr(text, ')');
	return state && state[2] == 'Z';
}

TEST_F(end, threads)
{
	start_all(_metadata, self, end_by_threads);
	expect_alive(_metadata, self);
	child_go_on(&self->owner->stage, 2);
	ASSERT_TRUE(child_is_at(&self->owner->stage, 3));
	/* Its first thread is gone, the process is not. */
	ASSERT_TRUE(wait_for(is_zombie(self->owner->pid)));
	expect_alive(_metadata, self);
	EXPECT_EQ(-EAGAIN, ep_send_text(self->owner->pid, self->owner->id,
					"x"));
	child_go_on(&self->owner->stage, 4);
	expect_ended(_metadata, self, -ECONNRESET);
	EXPECT_EQ(5, child_end(self->owner->pid));
}

/* A thread of the owner that is asleep in RECV does not hold it up. */
static void *receive_for_ever(void *data)
{
	struct ep_owner *owner = data;
	struct ep_got got;
	int i;

	for (i = 0; i < 2 + MESSAGES; i++)
		if (ep_recv_patient(owner->fd, &got))
			break;
	return NULL;
}

static void killed_while_receiving(struct ep_owner *owner)
{
	pthread_t thread;

	CHECK_EQ(0, pthread_create(&thread, NULL, receive_for_ever, owner));
	pause();
}

TEST_F(end, killed_while_receiving)
{
	struct ep_owner *owner = self->owner;
	struct ep_caller caller;

	owner->run = killed_while_receiving;
	ASSERT_EQ(0, ep_owner_start(owner));
	ASSERT_TRUE(wait_for(ep_receivers(owner->handle) == 1));
	ASSERT_EQ(0, ep_caller_start(&caller, EP_DEVICE, owner->pid, "call"));
	ASSERT_TRUE(wait_for(ep_calls(owner->handle) == 1 &&
			     ep_receivers(owner->handle) == 1));
	EXPECT_EQ(128 + SIGKILL, child_kill(owner->pid));
	EXPECT_EQ(-ECONNRESET, ep_caller_wait(&caller));
	EXPECT_EQ(0, ep_receivers(owner->handle));
	close(owner->handle);
}

static void destroy_it(struct ep_owner *owner)
{
	receive_one(owner);
	CHECK_EQ(0, kipc_destroy(owner->fd));
	CHECK_EQ(-EIDRM, RECV(owner->fd, &(struct ep_got){}));
	child_at(&owner->stage, 3);
}

TEST_F(end, destroyed)
{
	start_all(_metadata, self, destroy_it);
	expect_alive(_metadata, self);
	child_go_on(&self->owner->stage, 2);
	expect_ended(_metadata, self, -EIDRM);
	EXPECT_TRUE(child_is_at(&self->owner->stage, 3));
	child_go_on(&self->owner->stage, 3);
	EXPECT_EQ(0, child_end(self->owner->pid));
}

/* By somebody else, while a thread of the owner receives. */
static void receive_until_destroyed(struct ep_owner *owner)
{
	struct ep_got got;

	CHECK_EQ(-EIDRM, ep_recv_patient(owner->fd, &got));
	/* So it has none any more, and can make another one. */
	CHILD_CHECK(ep_make(0, 0) >= 0);
}

TEST_F(end, destroyed_while_receiving)
{
	struct ep_owner *owner = self->owner;

	owner->run = receive_until_destroyed;
	ASSERT_EQ(0, ep_owner_start(owner));
	ASSERT_TRUE(wait_for(ep_receivers(owner->handle) == 1));
	EXPECT_EQ(0, kipc_destroy_name(owner->name));
	EXPECT_EQ(0, child_end(owner->pid));
	close(owner->handle);
}

/* The name alone can be removed; the endpoint stays with its pid. */
TEST_F(end, unlinked)
{
	struct ep_owner *owner = self->owner;

	ASSERT_EQ(0, ep_owner_start(owner));
	EXPECT_EQ(0, kipc_unlink(owner->name));
	EXPECT_EQ(-ENOENT, ep_open(owner->name, KIPC_RIGHT_WRITE));
	EXPECT_EQ(0, ep_send_text(owner->pid, owner->id, "x"));
	EXPECT_EQ(0, SEND(owner->handle, .msg = msg_text("x")));
	EXPECT_EQ(0, EP_STAT(owner->handle, state));
	EXPECT_EQ(128 + SIGKILL, child_kill(owner->pid));
	close(owner->handle);
}

struct poller {
	struct pollfd polled;
	pid_t tid;
};

static void *poll_it(void *data)
{
	struct poller *poller = data;

	__atomic_store_n(&poller->tid, syscall(SYS_gettid), __ATOMIC_RELEASE);
	ppoll(&poller->polled, 1, NULL, NULL);
	return NULL;
}

/* Who asks for nothing else is told of the end all the same. */
TEST_F(end, asleep_in_poll)
{
	struct poller poller = { .polled.events = POLLPRI };
	struct ep_owner *owner = self->owner;
	pthread_t thread;

	ASSERT_EQ(0, ep_owner_start(owner));
	poller.polled.fd = owner->handle;
	ASSERT_EQ(0, pthread_create(&thread, NULL, poll_it, &poller));
	ASSERT_TRUE(wait_for(__atomic_load_n(&poller.tid, __ATOMIC_ACQUIRE)));
	ASSERT_TRUE(wait_for(ep_asleep_in(poller.tid, SYS_ppoll)));
	EXPECT_EQ(128 + SIGKILL, child_kill(owner->pid));
	EXPECT_EQ(0, pthread_join(thread, NULL));
	EXPECT_NE(0, poller.polled.revents & POLLHUP);
	close(owner->handle);
}

/* As the program that an owner has become: see exec. */
static void __attribute__((constructor)) only_wait(int argc, char **argv)
{
	if (argc != 2 || strcmp(argv[1], "wait"))
		return;
	die_with_parent();
	for (;;)
		pause();
}

TEST_HARNESS_MAIN
