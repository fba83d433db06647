// SPDX-License-Identifier: GPL-2.0
/*
 * Callers that give up: by a signal, by their deadline, by death.  A request
 * that nobody has received is gone; of one that was received the owner is told,
 * once, and the late reply reaches nobody.
 */
#include "kselftest_harness.h"

#include <linux/userfaultfd.h>
#include <sys/epoll.h>

#include "endpoint_util.h"

#define MESSAGES	4
#define ROUNDS		20000

enum way { SIGNAL, RESTARTING_SIGNAL, DEADLINE, PAST_DEADLINE, DEATH };

FIXTURE(cancel) {
	int fd;
	uint32_t me;
	uint64_t token;			/* of the request that was received */
	uint64_t sent;			/* messages, before the call */
	pid_t child;			/* the caller, if he dies */
	struct ep_caller caller;	/* if not */
	struct ep_receiver receiver;
};

/* How the caller of the test gives up; he is a thread or a child process. */
FIXTURE_VARIANT(cancel) {
	enum way way;
	int error;
};

FIXTURE_VARIANT_ADD(cancel, signal) {
	.way = SIGNAL,
	.error = -EINTR,
};

FIXTURE_VARIANT_ADD(cancel, restarting_signal) {
	.way = RESTARTING_SIGNAL,
	.error = -EINTR,
};

FIXTURE_VARIANT_ADD(cancel, deadline) {
	.way = DEADLINE,
	.error = -ETIMEDOUT,
};

/* It counts only when there is something to wait for. */
FIXTURE_VARIANT_ADD(cancel, past_deadline) {
	.way = PAST_DEADLINE,
	.error = -ETIMEDOUT,
};

FIXTURE_VARIANT_ADD(cancel, death) {
	.way = DEATH,
	.error = 128 + SIGKILL,
};

FIXTURE_SETUP(cancel)
{
	int flags = variant->way == RESTARTING_SIGNAL ? SA_RESTART : 0;

	self->fd = ep_make(MESSAGES, 0);
	ASSERT_LE(0, self->fd);
	self->me = getpid();
	ASSERT_EQ(0, ep_catch(SIGUSR1, flags));
	ep_caller_init(&self->caller, EP_DEVICE, self->me, "question");
}

FIXTURE_TEARDOWN(cancel)
{
	EXPECT_TRUE(ep_is_idle(self->fd));
	EXPECT_EQ(0, ep_untold(self->fd));
	EXPECT_EQ(0, ep_poll(self->fd) & (POLLIN | POLLPRI));
}

#define CANCEL_DATA	FIXTURE_DATA(cancel)
#define CANCEL_VARIANT	FIXTURE_VARIANT(cancel)

static void start_caller(struct __test_metadata *_metadata, CANCEL_DATA *self,
			 const CANCEL_VARIANT *variant)
{
	struct ep_got got;

	self->sent = EP_STAT(self->fd, queue.sent);
	self->caller.arg.deadline_ns = 0;
	if (variant->way == DEADLINE)
		self->caller.arg.deadline_ns = in_ms(20);
	if (variant->way == PAST_DEADLINE)
		self->caller.arg.deadline_ns = 1;
	if (variant->way != DEATH) {
		ASSERT_EQ(0, ep_task_start(&self->caller.task));
		return;
	}
	self->child = kipc_fork();
	ASSERT_LE(0, self->child);
	if (!self->child) {
		CALL(EP_DEVICE, &got, .pid = self->me,
		     .request = self->caller.arg.request);
		_exit(0);
	}
}

/* Is he there until the test wants him to go? */
static bool caller_stays(const CANCEL_VARIANT *variant)
{
	return variant->way != DEADLINE && variant->way != PAST_DEADLINE;
}

static int give_up(CANCEL_DATA *self, const CANCEL_VARIANT *variant)
{
	if (variant->way == DEATH)
		return child_kill(self->child);
	if (variant->error == -EINTR)
		pthread_kill(self->caller.task.thread, SIGUSR1);
	return ep_caller_wait(&self->caller);
}

/*
 * The receiver is there before the caller: so the request is handed over at
 * once, however early the deadline is.
 */
static void start_received(struct __test_metadata *_metadata,
			   CANCEL_DATA *self, const CANCEL_VARIANT *variant)
{
	ASSERT_EQ(0, ep_receiver_start(&self->receiver, self->fd));
	ASSERT_TRUE(wait_for(ep_receivers(self->fd) == 1));
	start_caller(_metadata, self, variant);
	ASSERT_EQ(0, ep_task_wait(&self->receiver.task));
	EXPECT_EQ(KIPC_MSG_CALL, self->receiver.arg.msg.flags);
	self->token = self->receiver.arg.msg.token;
	ASSERT_NE(0, self->token);
}

/* A call that was received, and whose caller is gone. */
static void start_cancelled(struct __test_metadata *_metadata,
			    CANCEL_DATA *self, const CANCEL_VARIANT *variant)
{
	start_received(_metadata, self, variant);
	ASSERT_EQ(variant->error, give_up(self, variant));
	EXPECT_EQ(0, ep_calls(self->fd));
	EXPECT_EQ(1, ep_untold(self->fd));
	/* It was sent once and no more. */
	EXPECT_EQ(self->sent + 1, EP_STAT(self->fd, queue.sent));
	EXPECT_EQ(0, ep_messages(self->fd));
}

TEST_F(cancel, not_received)
{
	struct ep_got got;

	start_caller(_metadata, self, variant);
	ASSERT_TRUE(wait_for(EP_STAT(self->fd, queue.sent) == 1));
	EXPECT_EQ(variant->error, give_up(self, variant));
	EXPECT_EQ(0, ep_messages(self->fd));
	EXPECT_EQ(0, EP_STAT(self->fd, queue.bytes));
	EXPECT_EQ(0, EP_STAT(self->fd, queue.received));
	EXPECT_EQ(0, ep_calls(self->fd));
	EXPECT_EQ(0, ep_untold(self->fd));
	EXPECT_EQ(POLLOUT, ep_poll(self->fd));
	EXPECT_EQ(-EAGAIN, ep_recv_now(self->fd, &got));
}

/* Those around it stay, and its place is the next one's. */
TEST_F(cancel, not_received_in_a_full_queue)
{
	static const uint64_t left[] = { 0, 1, 2, 4 };
	struct ep_sender blocked;
	struct ep_got got;
	size_t i;

	for (i = 0; i < MESSAGES - 1; i++)
		ASSERT_EQ(0, SEND(self->fd, .msg = msg_typed(i, "x")));
	start_caller(_metadata, self, variant);
	ASSERT_TRUE(wait_for(EP_STAT(self->fd, queue.sent) == MESSAGES));
	ASSERT_EQ(0, ep_sender_start(&blocked, self->fd, 0,
				     msg_typed(4, "blocked")));
	if (caller_stays(variant))
		ASSERT_TRUE(wait_for(ep_senders(self->fd) == 1));
	EXPECT_EQ(variant->error, give_up(self, variant));
	EXPECT_EQ(0, ep_task_wait(&blocked.task));
	for (i = 0; i < MESSAGES; i++) {
		ASSERT_EQ(0, ep_recv_now(self->fd, &got));
		EXPECT_EQ(left[i], got.msg.type);
		EXPECT_EQ(0, got.msg.flags);
	}
}

/* Until it is in, nothing of it is there, and a signal may restart it. */
TEST_F(cancel, waiting_for_room)
{
	struct ep_got got;
	int i;

	for (i = 0; i < MESSAGES; i++)
		ASSERT_EQ(0, ep_send_text(self->me, 0, "x"));
	start_caller(_metadata, self, variant);
	if (caller_stays(variant))
		ASSERT_TRUE(wait_for(ep_senders(self->fd) == 1));
	if (variant->way == RESTARTING_SIGNAL) {
		ASSERT_TRUE(ep_interrupt(self->caller.task.thread, SIGUSR1));
		ASSERT_TRUE(wait_for(ep_senders(self->fd) == 1));
		ASSERT_EQ(0, ep_recv_now(self->fd, &got));
		ASSERT_TRUE(wait_for(ep_messages(self->fd) == MESSAGES));
		EXPECT_FALSE(ep_task_ended(&self->caller.task));
		self->sent++;
	}
	EXPECT_EQ(variant->error, give_up(self, variant));
	EXPECT_EQ(0, ep_senders(self->fd));
	EXPECT_EQ(self->sent, EP_STAT(self->fd, queue.sent));
	while (!ep_recv_now(self->fd, &got))
		EXPECT_EQ(0, got.msg.flags);
	EXPECT_EQ(MESSAGES, EP_STAT(self->fd, queue.received));
}

TEST_F(cancel, late_reply)
{
	start_cancelled(_metadata, self, variant);
	EXPECT_EQ(POLLPRI, ep_poll(self->fd) & POLLPRI);
	EXPECT_EQ(-ECANCELED, ep_reply(self->fd, self->token, "late"));
	EXPECT_EQ(0, ep_untold(self->fd));
	EXPECT_EQ(-EINVAL, ep_reply(self->fd, self->token, "late"));
	/* The reply told of it. */
	EXPECT_EQ(0, ep_poll(self->fd) & POLLPRI);
	EXPECT_EQ(0, ep_cancelled(self->fd, &self->token, 1));
}

TEST_F(cancel, told)
{
	uint64_t tokens[2] = { 0, 1 };

	start_cancelled(_metadata, self, variant);
	EXPECT_EQ(-EFAULT, ep_cancelled(self->fd, (void *)8, 1));
	EXPECT_EQ(1, ep_untold(self->fd));
	ASSERT_EQ(1, ep_cancelled(self->fd, tokens, 2));
	EXPECT_EQ(self->token, tokens[0]);
	EXPECT_EQ(1, tokens[1]);
	EXPECT_EQ(0, ep_cancelled(self->fd, tokens, 2));
	EXPECT_EQ(0, ep_untold(self->fd));
	EXPECT_EQ(0, ep_poll(self->fd) & POLLPRI);
	EXPECT_EQ(-EINVAL, ep_reply(self->fd, self->token, "late"));
}

/* What would be an error alone is none here: it is the next that matters. */
TEST_F(cancel, late_reply_recv)
{
	struct ep_got got;

	start_cancelled(_metadata, self, variant);
	EXPECT_EQ(-EAGAIN, REPLY_RECV(self->fd, &self->token, "late", &got,
				      .flags = KIPC_MSG_NONBLOCK));
	EXPECT_EQ(0, self->token);
	EXPECT_EQ(0, ep_untold(self->fd));

	start_cancelled(_metadata, self, variant);
	ASSERT_EQ(0, ep_send_text(self->me, 0, "next"));
	EXPECT_EQ(0, REPLY_RECV(self->fd, &self->token, "late", &got));
	EXPECT_EQ(0, self->token);
	EXPECT_TRUE(msg_is(&got.msg, "next"));
}

/* A call has its own reply, whatever comes late for those before. */
TEST_F(cancel, late_reply_and_the_next_call)
{
	uint64_t late[3], token;
	struct ep_got got;
	int i;

	for (i = 0; i < 3; i++) {
		start_received(_metadata, self, variant);
		EXPECT_EQ(variant->error, give_up(self, variant));
		late[i] = self->token;
	}
	self->caller.arg.deadline_ns = 0;
	ASSERT_EQ(0, ep_caller_received(&self->caller, self->fd, &got));
	token = got.msg.token;
	EXPECT_EQ(-ECANCELED, ep_reply(self->fd, late[1], "late"));
	EXPECT_EQ(-EAGAIN, REPLY_RECV(self->fd, &late[2], "late", &got,
				      .flags = KIPC_MSG_NONBLOCK));
	EXPECT_EQ(1, ep_cancelled(self->fd, &late[2], 1));
	EXPECT_EQ(late[0], late[2]);
	EXPECT_EQ(1, ep_calls(self->fd));
	EXPECT_FALSE(ep_task_ended(&self->caller.task));
	EXPECT_EQ(0, ep_reply(self->fd, token, "right"));
	ASSERT_EQ(0, ep_caller_wait(&self->caller));
	EXPECT_TRUE(msg_is(&self->caller.arg.reply, "right"));
}

/* Who sleeps in poll(2) is woken, and once only if he wants the edge. */
TEST_F(cancel, pollers)
{
	struct epoll_event event = { .events = EPOLLPRI }, seen[3];
	int epoll[3], i;

	for (i = 0; i < 3; i++) {
		epoll[i] = epoll_create1(EPOLL_CLOEXEC);
		ASSERT_LE(0, epoll[i]);
	}
	/* The level, the edge, and one who wants something else. */
	ASSERT_EQ(0, epoll_ctl(epoll[0], EPOLL_CTL_ADD, self->fd, &event));
	event.events = EPOLLPRI | EPOLLET;
	ASSERT_EQ(0, epoll_ctl(epoll[1], EPOLL_CTL_ADD, self->fd, &event));
	event.events = EPOLLIN | EPOLLET;
	ASSERT_EQ(0, epoll_ctl(epoll[2], EPOLL_CTL_ADD, self->fd, &event));
	start_received(_metadata, self, variant);
	if (caller_stays(variant))
		for (i = 0; i < 3; i++)
			EXPECT_EQ(0, epoll_wait(epoll[i], &seen[i], 1, 0));
	EXPECT_EQ(variant->error, give_up(self, variant));
	for (i = 0; i < 2; i++) {
		ASSERT_EQ(1, epoll_wait(epoll[i], &seen[i], 1, 20000));
		EXPECT_EQ(EPOLLPRI, seen[i].events);
	}
	EXPECT_EQ(1, epoll_wait(epoll[0], &seen[0], 1, 0));
	EXPECT_EQ(0, epoll_wait(epoll[1], &seen[1], 1, 0));
	EXPECT_EQ(0, epoll_wait(epoll[2], &seen[2], 1, 0));
	EXPECT_EQ(1, ep_cancelled(self->fd, &self->token, 1));
	EXPECT_EQ(0, epoll_wait(epoll[0], &seen[0], 1, 0));
	for (i = 0; i < 3; i++)
		close(epoll[i]);
}

struct poller {
	struct pollfd polled;
	int ret;
	int ended;
	pid_t tid;
};

static void *poll_for_cancelled(void *data)
{
	struct poller *poller = data;

	__atomic_store_n(&poller->tid, syscall(SYS_gettid), __ATOMIC_RELEASE);
	poller->ret = poll(&poller->polled, 1, -1);
	__atomic_store_n(&poller->ended, 1, __ATOMIC_RELEASE);
	return NULL;
}

TEST_F(cancel, asleep_in_poll)
{
	struct poller poller = {
		.polled = { .fd = self->fd, .events = POLLPRI },
	};
	pthread_t thread;

	ASSERT_EQ(0, pthread_create(&thread, NULL, poll_for_cancelled,
				    &poller));
	ASSERT_TRUE(wait_for(ep_asleep_in(__atomic_load_n(&poller.tid,
							  __ATOMIC_ACQUIRE),
					  SYS_poll)));
	start_cancelled(_metadata, self, variant);
	ASSERT_TRUE(wait_for(__atomic_load_n(&poller.ended,
					     __ATOMIC_ACQUIRE)));
	pthread_join(thread, NULL);
	EXPECT_EQ(1, poller.ret);
	EXPECT_EQ(POLLPRI, poller.polled.revents);
	EXPECT_EQ(-ECANCELED, ep_reply(self->fd, self->token, "late"));
}

/* A file that was sent along is released with the request that has it. */
TEST_F(cancel, files)
{
	struct kipc_msg answer = msg_text("late");
	int request[2], reply[2];
	struct pollfd polled;
	char byte;

	ASSERT_EQ(0, pipe2(request, O_CLOEXEC));
	self->caller.arg.request.fds = to_u64(&request[0]);
	self->caller.arg.request.fd_count = 1;
	start_caller(_metadata, self, variant);
	ASSERT_TRUE(wait_for(EP_STAT(self->fd, queue.sent) == 1));
	EXPECT_EQ(variant->error, give_up(self, variant));
	close(request[0]);
	polled = (struct pollfd){ .fd = request[1], .events = POLLOUT };
	EXPECT_TRUE(wait_for(poll(&polled, 1, 0) == 1 &&
			     polled.revents & POLLERR));

	/* Received, it is the owner's; and nobody gets those of the reply. */
	ASSERT_EQ(0, pipe2(request, O_CLOEXEC));
	ASSERT_EQ(0, pipe2(reply, O_CLOEXEC));
	start_cancelled(_metadata, self, variant);
	close(request[0]);
	ASSERT_EQ(1, self->receiver.arg.msg.fd_count);
	EXPECT_EQ(1, write(request[1], "x", 1));
	EXPECT_EQ(1, read(self->receiver.got.fds[0], &byte, 1));
	close(self->receiver.got.fds[0]);
	answer.fds = to_u64(&reply[0]);
	answer.fd_count = 1;
	EXPECT_EQ(-ECANCELED, ep_reply_msg(self->fd, self->token, &answer));
	close(reply[0]);
	polled = (struct pollfd){ .fd = reply[1], .events = POLLOUT };
	EXPECT_TRUE(wait_for(poll(&polled, 1, 0) == 1 &&
			     polled.revents & POLLERR));
}

/* Memory that a thread waits for until the test lets it go on. */
struct stuck {
	void *mem;
	int uffd;
};

static bool stuck_init(struct stuck *stuck)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register reg = { .mode = UFFDIO_REGISTER_MODE_MISSING };

	stuck->mem = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	stuck->uffd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
	if (stuck->mem == MAP_FAILED || stuck->uffd < 0 ||
	    ioctl(stuck->uffd, UFFDIO_API, &api))
		return false;
	reg.range.start = to_u64(stuck->mem);
	reg.range.len = 4096;
	return !ioctl(stuck->uffd, UFFDIO_REGISTER, &reg);
}

static bool somebody_is_stuck(struct stuck *stuck)
{
	struct uffd_msg msg;

	return read(stuck->uffd, &msg, sizeof(msg)) == sizeof(msg) &&
	       msg.event == UFFD_EVENT_PAGEFAULT;
}

/* Brings the memory, or takes it away for good. */
static void stuck_go_on(struct stuck *stuck, bool good)
{
	struct uffdio_zeropage zero = {
		.range = { .start = to_u64(stuck->mem), .len = 4096 },
	};

	if (good) {
		ioctl(stuck->uffd, UFFDIO_ZEROPAGE, &zero);
	} else {
		munmap(stuck->mem, 4096);
		close(stuck->uffd);
	}
}

/* The caller goes while his request is on its way into memory. */
static void go_while_received(struct __test_metadata *_metadata,
			      CANCEL_DATA *self, const CANCEL_VARIANT *variant,
			      struct stuck *stuck)
{
	ep_receiver_init(&self->receiver, self->fd);
	self->receiver.arg.msg.buf = to_u64(stuck->mem);
	ASSERT_EQ(0, ep_task_start(&self->receiver.task));
	ASSERT_TRUE(wait_for(ep_receivers(self->fd) == 1));
	start_caller(_metadata, self, variant);
	ASSERT_TRUE(wait_for(somebody_is_stuck(stuck)));
	EXPECT_EQ(variant->error, give_up(self, variant));
	EXPECT_EQ(1, ep_untold(self->fd));
	EXPECT_EQ(0, ep_calls(self->fd));
	EXPECT_FALSE(ep_task_ended(&self->receiver.task));
}

/* The owner has it, with a token that was told of before he knew it. */
TEST_F(cancel, while_it_is_received)
{
	struct stuck stuck;
	uint64_t token;

	if (!stuck_init(&stuck))
		SKIP(return, "no userfaultfd");
	go_while_received(_metadata, self, variant, &stuck);
	ASSERT_EQ(1, ep_cancelled(self->fd, &token, 1));
	stuck_go_on(&stuck, true);
	ASSERT_EQ(0, ep_task_wait(&self->receiver.task));
	EXPECT_EQ(0, memcmp(stuck.mem, "question", 8));
	EXPECT_EQ(token, self->receiver.arg.msg.token);
	EXPECT_EQ(-EINVAL, ep_reply(self->fd, token, "late"));
}

/* He does not have it, and nobody wants it any more. */
TEST_F(cancel, while_it_fails_to_be_received)
{
	struct stuck stuck;
	struct ep_got got;
	uint64_t token;

	if (!stuck_init(&stuck))
		SKIP(return, "no userfaultfd");
	go_while_received(_metadata, self, variant, &stuck);
	stuck_go_on(&stuck, false);
	EXPECT_EQ(-EFAULT, ep_task_wait(&self->receiver.task));
	EXPECT_EQ(0, ep_messages(self->fd));
	EXPECT_EQ(-EAGAIN, ep_recv_now(self->fd, &got));
	EXPECT_EQ(0, ep_cancelled(self->fd, &token, 1));
	EXPECT_EQ(0, EP_STAT(self->fd, queue.received));
}

/* It ends with them: the next endpoint knows nothing of it. */
TEST_F(cancel, end_of_the_endpoint)
{
	uint64_t token;

	start_cancelled(_metadata, self, variant);
	close(self->fd);
	self->fd = ep_make(MESSAGES, 0);
	ASSERT_LE(0, self->fd);
	EXPECT_EQ(0, ep_cancelled(self->fd, &token, 1));
	EXPECT_EQ(-EINVAL, ep_reply(self->fd, self->token, "late"));
}

FIXTURE(untold) {
	int fd;
	struct ep_receiver receiver;
};

FIXTURE_SETUP(untold)
{
}

FIXTURE_TEARDOWN(untold)
{
	EXPECT_TRUE(ep_is_idle(self->fd));
	EXPECT_EQ(0, ep_untold(self->fd));
}

#define UNTOLD_DATA	FIXTURE_DATA(untold)

/* Leaves @count cancelled calls, with these tokens. */
static void cancel_some(struct __test_metadata *_metadata, UNTOLD_DATA *self,
			uint64_t *tokens, unsigned int count)
{
	struct ep_got got;
	unsigned int i;

	for (i = 0; i < count; i++) {
		ASSERT_EQ(0, ep_receiver_start(&self->receiver, self->fd));
		ASSERT_TRUE(wait_for(ep_receivers(self->fd) == 1));
		ASSERT_EQ(-ETIMEDOUT, CALL(self->fd, &got, .deadline_ns = 1,
					   .request = msg_text("?")));
		ASSERT_EQ(0, ep_task_wait(&self->receiver.task));
		tokens[i] = self->receiver.arg.msg.token;
	}
}

/* Oldest first, as many as there is room for. */
TEST_F(untold, in_order)
{
	uint64_t tokens[100], told[100];
	int done, i;
	static const int steps[] = { 1, 15, 16, 17, 51 };

	self->fd = ep_make(100, 0);
	ASSERT_LE(0, self->fd);
	cancel_some(_metadata, self, tokens, 100);
	EXPECT_EQ(100, ep_untold(self->fd));
	for (done = 0, i = 0; done < 100; done += steps[i++]) {
		memset(told, 0xff, sizeof(told));
		ASSERT_EQ(steps[i], ep_cancelled(self->fd, told, steps[i]));
		EXPECT_EQ(0, memcmp(told, &tokens[done],
				    sizeof(*told) * steps[i]));
		if (steps[i] < 100)
			EXPECT_EQ(~0ULL, told[steps[i]]);
		EXPECT_EQ(100 - done - steps[i], (int)ep_untold(self->fd));
	}
	EXPECT_EQ(0, ep_cancelled(self->fd, told, 100));
	for (i = 0; i < 100; i++)
		EXPECT_EQ(-EINVAL, ep_reply(self->fd, tokens[i], "late"));
}

/* Replies take theirs out, wherever they are. */
TEST_F(untold, answered_in_between)
{
	uint64_t tokens[8], told[8];
	int i;

	self->fd = ep_make(8, 0);
	ASSERT_LE(0, self->fd);
	cancel_some(_metadata, self, tokens, 8);
	for (i = 0; i < 8; i += 2)
		EXPECT_EQ(-ECANCELED, ep_reply(self->fd, tokens[i], "late"));
	EXPECT_EQ(4, ep_untold(self->fd));
	ASSERT_EQ(4, ep_cancelled(self->fd, told, 8));
	for (i = 0; i < 4; i++)
		EXPECT_EQ(tokens[2 * i + 1], told[i]);
}

/* No more are remembered than the queue could hold; the oldest go. */
TEST_F(untold, bounded)
{
	uint64_t tokens[20], told[20];
	int i;

	self->fd = ep_make(MESSAGES, 0);
	ASSERT_LE(0, self->fd);
	cancel_some(_metadata, self, tokens, 20);
	EXPECT_EQ(MESSAGES, ep_untold(self->fd));
	for (i = 0; i < 20 - MESSAGES; i++)
		EXPECT_EQ(-EINVAL, ep_reply(self->fd, tokens[i], "forgotten"));
	ASSERT_EQ(MESSAGES, ep_cancelled(self->fd, told, 20));
	EXPECT_EQ(0, memcmp(told, &tokens[20 - MESSAGES],
			    sizeof(*told) * MESSAGES));
}

/* What came of a call, as one of the two sees it. */
enum outcome { NOT_SEEN, ANSWERED, GONE, NONSENSE };

/* No number of a call, but the first message that is none. */
#define LAST		UINT64_MAX

FIXTURE(race) {
	int fd;
	int over;
	unsigned long rounds;
	uint8_t *called;	/* enum outcome, by the number of the call */
	uint8_t *served;
	uint64_t pace;
	uint64_t random;
	pthread_t caller;
};

FIXTURE_VARIANT(race) {
	bool signals;
};

FIXTURE_VARIANT_ADD(race, deadlines) {
	.signals = false,
};

FIXTURE_VARIANT_ADD(race, signals) {
	.signals = true,
};

FIXTURE_SETUP(race)
{
	self->fd = ep_make(MESSAGES, 0);
	ASSERT_LE(0, self->fd);
	self->rounds = scaled(ROUNDS);
	self->called = calloc(2, self->rounds);
	ASSERT_NE(NULL, self->called);
	self->served = self->called + self->rounds;
	self->random = kipc_seed();
	self->caller = pthread_self();
	ASSERT_EQ(0, ep_catch(SIGUSR1, SA_RESTART));
}

FIXTURE_TEARDOWN(race)
{
	EXPECT_TRUE(ep_is_idle(self->fd));
}

#define RACE_DATA	FIXTURE_DATA(race)

/* Answers each call with its number, until a message comes that is none. */
static void *race_serve(void *data)
{
	RACE_DATA *self = data;
	struct kipc_msg answer;
	struct ep_got got;
	uint8_t *outcome;
	int ret;

	while (!ep_recv_patient(self->fd, &got) && got.msg.token) {
		answer = msg_bytes(&got.msg.type, 8);
		ret = ep_reply_msg(self->fd, got.msg.token, &answer);
		if (got.msg.type == LAST)
			continue;
		outcome = &self->served[got.msg.type];
		if (*outcome != NOT_SEEN)
			*outcome = NONSENSE;
		else if (ret)
			*outcome = ret == -ECANCELED ? GONE : NONSENSE;
		else
			*outcome = ANSWERED;
	}
	return NULL;
}

/* A moment within twice the time that a call takes if nobody disturbs it. */
static uint64_t race_moment(RACE_DATA *self, uint64_t *random)
{
	return now_ns() + kipc_rand(random) % (2 * self->pace);
}

static void *race_disturb(void *data)
{
	RACE_DATA *self = data;
	uint64_t random = self->random ^ 1ULL << 40, until;

	while (!__atomic_load_n(&self->over, __ATOMIC_ACQUIRE)) {
		until = race_moment(self, &random);
		while (now_ns() < until)
			;
		pthread_kill(self->caller, SIGUSR1);
	}
	return NULL;
}

static uint64_t race_pace(struct __test_metadata *_metadata, RACE_DATA *self)
{
	uint64_t start = now_ns();
	struct ep_got got;
	int i;

	for (i = 0; i < 100; i++)
		ASSERT_EQ(0, CALL(self->fd, &got, .request = { .type = LAST }));
	return (now_ns() - start) / 100;
}

/*
 * The caller gives up at any moment: what he knows of his call and what the
 * server knows is the same, for each of them.
 */
TEST_F(race, both_know_the_same)
{
	unsigned long seen[NONSENSE + 1] = {}, n;
	pthread_t server, disturber;
	int ret, error = variant->signals ? -EINTR : -ETIMEDOUT;
	struct ep_got got;

	ASSERT_EQ(0, pthread_create(&server, NULL, race_serve, self));
	self->pace = race_pace(_metadata, self);
	if (variant->signals)
		ASSERT_EQ(0, pthread_create(&disturber, NULL, race_disturb,
					    self));
	for (n = 0; n < self->rounds; n++) {
		ret = CALL(self->fd, &got, .request = { .type = n },
			   .deadline_ns = variant->signals ? 0 :
				race_moment(self, &self->random));
		if (!ret && memcmp(&n, got.body, 8))
			ret = -EBADMSG;
		ASSERT_TRUE(!ret || ret == error);
		self->called[n] = ret ? GONE : ANSWERED;
	}
	__atomic_store_n(&self->over, 1, __ATOMIC_RELEASE);
	if (variant->signals)
		pthread_join(disturber, NULL);
	ASSERT_EQ(0, ep_send_text(getpid(), 0, "no call"));
	pthread_join(server, NULL);

	for (n = 0; n < self->rounds; n++) {
		seen[self->served[n]]++;
		ASSERT_EQ(self->called[n], self->served[n] ?: GONE);
	}
	TH_LOG("%lu answered, %lu gone, %lu withdrawn", seen[ANSWERED],
	       seen[GONE], seen[NOT_SEEN]);
	EXPECT_LT(0, seen[ANSWERED]);
	EXPECT_LT(0, seen[GONE]);
	EXPECT_EQ(0, seen[NONSENSE]);
	EXPECT_EQ(0, ep_untold(self->fd));
}

TEST_HARNESS_MAIN
