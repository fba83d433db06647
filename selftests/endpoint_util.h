/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the tests of endpoints share: thin calls over the ioctls (0 or -errno),
 * calls that may sleep in a thread of their own, processes with an endpoint.
 */
#ifndef ENDPOINT_UTIL_H
#define ENDPOINT_UTIL_H

#include <poll.h>
#include <sys/stat.h>

#include "core_util.h"

#undef TEST_TIMEOUT_DEFAULT
#define TEST_TIMEOUT_DEFAULT	400

/* In place of a handle: /dev/kipc, opened for one call. */
#define EP_DEVICE	(-1000)

/* A pid that no process has: above PID_MAX_LIMIT of all machines. */
#define NO_PID		(1U << 24)

static inline int ep_ioctl(int fd, unsigned long cmd, void *arg)
{
	return fd == EP_DEVICE ? kipc_device_ioctl(cmd, arg) :
				 kipc_ioctl(fd, cmd, arg);
}

/* Makes what @arg says; gives the handle or -errno. */
static inline int ep_create(struct kipc_endpoint_create *arg)
{
	int ret;

	arg->size = sizeof(*arg);
	ret = kipc_device_ioctl(KIPC_ENDPOINT_CREATE, arg);
	return ret ? ret : arg->fd;
}

/* Without a name, everybody may send; 0: the default. */
static inline int ep_make(uint32_t max_messages, uint64_t max_bytes)
{
	struct kipc_endpoint_create arg = {
		.rights = RIGHT_BOTH,
		.mode = 0666,
		.max_messages = max_messages,
		.max_bytes = max_bytes,
	};
	mode_t mask = umask(0);
	int fd = ep_create(&arg);

	umask(mask);
	return fd;
}

static inline int ep_named(const char *name, uint32_t mode,
			   uint32_t max_messages)
{
	struct kipc_endpoint_create arg = {
		.flags = KIPC_EXCL,
		.name = to_u64(name),
		.name_len = strlen(name),
		.rights = RIGHT_BOTH,
		.mode = mode,
		.max_messages = max_messages,
	};
	mode_t mask = umask(0);
	int fd = ep_create(&arg);

	umask(mask);
	return fd;
}

/* KIPC_OPEN; gives the handle or -errno. */
static inline int ep_open(const char *name, uint32_t rights)
{
	struct kipc_open arg = {
		.size = sizeof(arg),
		.name = to_u64(name),
		.name_len = strlen(name),
		.kind = KIPC_KIND_ENDPOINT,
		.rights = rights,
	};
	int ret = kipc_device_ioctl(KIPC_OPEN, &arg);

	return ret ? ret : arg.fd;
}

/* 0 if that fails: no object has it. */
static inline uint64_t ep_id(int fd)
{
	struct kipc_stat st;

	return kipc_stat_fd(fd, &st) ? 0 : st.entry.id;
}

static inline int ep_find(uint32_t pid, uint64_t *id)
{
	struct kipc_endpoint_find arg = { .size = sizeof(arg), .pid = pid };
	int ret = kipc_device_ioctl(KIPC_ENDPOINT_FIND, &arg);

	if (id)
		*id = arg.id;
	return ret;
}

static inline int ep_stat(int fd, struct kipc_endpoint_stat *st)
{
	*st = (struct kipc_endpoint_stat){ .size = sizeof(*st) };
	return kipc_ioctl(fd, KIPC_ENDPOINT_STAT, st);
}

/* One number of the statistics; all ones if there are none. */
#define EP_STAT(fd, member) ({						\
	struct kipc_endpoint_stat __st;					\
									\
	ep_stat(fd, &__st) ? UINT32_MAX : (uint32_t)__st.member;	\
})

static inline uint32_t ep_messages(int fd)
{
	return EP_STAT(fd, queue.messages);
}

static inline uint32_t ep_senders(int fd)
{
	return EP_STAT(fd, queue.senders);
}

static inline uint32_t ep_receivers(int fd)
{
	return EP_STAT(fd, queue.receivers);
}

static inline uint32_t ep_calls(int fd)
{
	return EP_STAT(fd, calls);
}

static inline uint32_t ep_untold(int fd)
{
	return EP_STAT(fd, cancelled);
}

/* Nothing is in it, and nobody waits for anything. */
static inline bool ep_is_idle(int fd)
{
	struct kipc_endpoint_stat st;

	return !ep_stat(fd, &st) && !st.calls && !st.queue.messages &&
	       !st.queue.bytes && !st.queue.senders && !st.queue.receivers;
}

/* Is thread @tid of the caller's process asleep in this system call? */
static inline bool ep_asleep_in(pid_t tid, long call)
{
	char path[64], text[128];

	snprintf(path, sizeof(path), "/proc/self/task/%d/syscall", tid);
	return read_file(path, text, sizeof(text)) > 0 &&
	       strncmp(text, "running", 7) && atol(text) == call;
}

/* A message to send, and room for one to receive. */
static inline struct kipc_msg msg_bytes(const void *buf, uint32_t len)
{
	return (struct kipc_msg){ .buf = to_u64(buf), .len = len };
}

static inline struct kipc_msg msg_text(const char *text)
{
	return msg_bytes(text, strlen(text));
}

static inline struct kipc_msg msg_typed(uint64_t type, const char *text)
{
	struct kipc_msg msg = msg_text(text);

	msg.type = type;
	return msg;
}

static inline struct kipc_msg msg_room(void *buf, uint32_t len)
{
	return msg_bytes(buf, len);
}

static inline bool msg_is(const struct kipc_msg *msg, const char *text)
{
	return msg->len == strlen(text) &&
	       !memcmp((const void *)(uintptr_t)msg->buf, text, msg->len);
}

static inline int ep_send(int fd, const struct kipc_msg_send *said)
{
	struct kipc_msg_send arg = *said;

	arg.size = sizeof(arg);
	return ep_ioctl(fd, KIPC_ENDPOINT_SEND, &arg);
}

#define SEND(fd, ...) \
	ep_send(fd, &(const struct kipc_msg_send){ __VA_ARGS__ })

/* By the device, without sleeping. */
static inline int ep_send_text(uint32_t pid, uint64_t id, const char *text)
{
	return SEND(EP_DEVICE, .pid = pid, .id = id, .msg = msg_text(text),
		    .flags = KIPC_MSG_NONBLOCK);
}

/* A message that came, with its body and its descriptors. */
#define EP_BODY		256

struct ep_got {
	struct kipc_msg msg;
	char body[EP_BODY];
	int32_t fds[KIPC_MSG_FDS_MAX];
};

static inline struct kipc_msg ep_got_room(struct ep_got *got)
{
	struct kipc_msg room = msg_room(got->body, EP_BODY);

	room.fds = to_u64(got->fds);
	room.fd_count = KIPC_MSG_FDS_MAX;
	return room;
}

static inline int ep_recv(int fd, struct ep_got *got,
			  const struct kipc_msg_recv *said)
{
	struct kipc_msg_recv arg = *said;
	int ret;

	arg.size = sizeof(arg);
	if (!arg.msg.buf && !arg.msg.len)
		arg.msg = ep_got_room(got);
	ret = ep_ioctl(fd, KIPC_ENDPOINT_RECV, &arg);
	got->msg = arg.msg;
	return ret;
}

#define RECV(fd, got, ...) \
	ep_recv(fd, got, &(const struct kipc_msg_recv){ __VA_ARGS__ })

static inline int ep_recv_now(int fd, struct ep_got *got)
{
	return RECV(fd, got, .flags = KIPC_MSG_NONBLOCK);
}

/* Sleeps, but not for ever. */
static inline int ep_recv_patient(int fd, struct ep_got *got)
{
	return RECV(fd, got, .deadline_ns = now_ns() + PATIENCE_NS);
}

/* @msg, if it is not NULL, gets back what the call left in it. */
static inline int ep_reply_msg(int fd, uint64_t token, struct kipc_msg *msg)
{
	struct kipc_endpoint_reply arg = {
		.size = sizeof(arg),
		.token = token,
		.msg = *msg,
	};
	int ret = kipc_ioctl(fd, KIPC_ENDPOINT_REPLY, &arg);

	*msg = arg.msg;
	return ret;
}

static inline int ep_reply(int fd, uint64_t token, const char *text)
{
	struct kipc_msg msg = msg_text(text);

	return ep_reply_msg(fd, token, &msg);
}

/* Says @text to *@token, if that is not 0, and receives. */
static inline int ep_reply_recv(int fd, uint64_t *token, const char *text,
				struct ep_got *got,
				const struct kipc_endpoint_reply_recv *said)
{
	struct kipc_endpoint_reply_recv arg = *said;
	int ret;

	arg.size = sizeof(arg);
	arg.token = *token;
	if (*token)
		arg.reply = msg_text(text);
	if (!arg.request.buf && !arg.request.len)
		arg.request = ep_got_room(got);
	ret = kipc_ioctl(fd, KIPC_ENDPOINT_REPLY_RECV, &arg);
	*token = arg.token;
	got->msg = arg.request;
	return ret;
}

#define REPLY_RECV(fd, token, text, got, ...)				\
	ep_reply_recv(fd, token, text, got,				\
		      &(const struct kipc_endpoint_reply_recv){ __VA_ARGS__ })

/* How many tokens it gives, or -errno. */
static inline int ep_cancelled(int fd, uint64_t *tokens, uint32_t count)
{
	struct kipc_endpoint_cancelled arg = {
		.size = sizeof(arg),
		.tokens = to_u64(tokens),
		.count = count,
	};
	int ret = kipc_ioctl(fd, KIPC_ENDPOINT_CANCELLED, &arg);

	return ret ? ret : (int)arg.count;
}

/* What poll(2) says at once, or -errno. */
static inline int ep_poll(int fd)
{
	struct pollfd polled = {
		.fd = fd,
		.events = POLLIN | POLLOUT | POLLPRI,
	};

	return poll(&polled, 1, 0) < 0 ? -errno : polled.revents;
}

/* An ioctl that may sleep, made by a thread of its own. */
struct ep_task {
	int fd;
	unsigned long cmd;
	void *arg;
	int ended;		/* set last, by the thread */
	int ret;
	pid_t tid;		/* 0 until it runs */
	pthread_t thread;
};

static inline void *ep_task_run(void *data)
{
	struct ep_task *task = data;

	__atomic_store_n(&task->tid, syscall(SYS_gettid), __ATOMIC_RELEASE);
	task->ret = ep_ioctl(task->fd, task->cmd, task->arg);
	__atomic_store_n(&task->ended, 1, __ATOMIC_RELEASE);
	return NULL;
}

static inline int ep_task_start(struct ep_task *task)
{
	task->ended = 0;
	task->tid = 0;
	return -pthread_create(&task->thread, NULL, ep_task_run, task);
}

static inline bool ep_task_ended(struct ep_task *task)
{
	return __atomic_load_n(&task->ended, __ATOMIC_ACQUIRE);
}

/* What the call gave: 0, -errno, or KIPC_HUNG. */
static inline int ep_task_wait(struct ep_task *task)
{
	if (!wait_for(ep_task_ended(task)))
		return KIPC_HUNG;
	pthread_join(task->thread, NULL);
	return task->ret;
}

/* A KIPC_ENDPOINT_CALL in a thread. */
struct ep_caller {
	struct ep_task task;
	struct kipc_endpoint_call arg;
	struct ep_got reply;
};

static inline void ep_caller_init(struct ep_caller *caller, int fd,
				  uint32_t pid, const char *text)
{
	caller->arg = (struct kipc_endpoint_call){
		.size = sizeof(caller->arg),
		.pid = pid,
		.request = msg_text(text),
		.reply = ep_got_room(&caller->reply),
	};
	caller->task = (struct ep_task){
		.fd = fd,
		.cmd = KIPC_ENDPOINT_CALL,
		.arg = &caller->arg,
	};
}

static inline int ep_caller_start(struct ep_caller *caller, int fd,
				  uint32_t pid, const char *text)
{
	ep_caller_init(caller, fd, pid, text);
	return ep_task_start(&caller->task);
}

static inline int ep_caller_wait(struct ep_caller *caller)
{
	return ep_task_wait(&caller->task);
}

/* Starts it, and receives its request as the owner.  0 or -errno. */
static inline int ep_caller_received(struct ep_caller *caller, int fd,
				     struct ep_got *got)
{
	int ret = ep_task_start(&caller->task);

	return ret ? ret : ep_recv_patient(fd, got);
}

/* A call without a thread; the reply goes to @got. */
static inline int ep_call(int fd, struct ep_got *got,
			  const struct kipc_endpoint_call *said)
{
	struct kipc_endpoint_call arg = *said;
	int ret;

	arg.size = sizeof(arg);
	if (!arg.reply.buf && !arg.reply.len)
		arg.reply = ep_got_room(got);
	ret = ep_ioctl(fd, KIPC_ENDPOINT_CALL, &arg);
	got->msg = arg.reply;
	return ret;
}

#define CALL(fd, got, ...) \
	ep_call(fd, got, &(const struct kipc_endpoint_call){ __VA_ARGS__ })

/* A KIPC_ENDPOINT_SEND in a thread. */
struct ep_sender {
	struct ep_task task;
	struct kipc_msg_send arg;
};

static inline int ep_sender_start(struct ep_sender *sender, int fd,
				  uint32_t pid, struct kipc_msg msg)
{
	sender->arg = (struct kipc_msg_send){
		.size = sizeof(sender->arg),
		.pid = pid,
		.msg = msg,
	};
	sender->task = (struct ep_task){
		.fd = fd,
		.cmd = KIPC_ENDPOINT_SEND,
		.arg = &sender->arg,
	};
	return ep_task_start(&sender->task);
}

/* A KIPC_ENDPOINT_RECV in a thread. */
struct ep_receiver {
	struct ep_task task;
	struct kipc_msg_recv arg;
	struct ep_got got;
};

static inline void ep_receiver_init(struct ep_receiver *receiver, int fd)
{
	receiver->arg = (struct kipc_msg_recv){
		.size = sizeof(receiver->arg),
		.msg = ep_got_room(&receiver->got),
	};
	receiver->task = (struct ep_task){
		.fd = fd,
		.cmd = KIPC_ENDPOINT_RECV,
		.arg = &receiver->arg,
	};
}

static inline int ep_receiver_start(struct ep_receiver *receiver, int fd)
{
	ep_receiver_init(receiver, fd);
	return ep_task_start(&receiver->task);
}

/* Vectors; they give how many messages moved, or -errno. */
static inline int ep_sendv_said(int fd,
				const struct kipc_msg_sendv *said)
{
	struct kipc_msg_sendv arg = *said;
	int ret;

	arg.size = sizeof(arg);
	ret = ep_ioctl(fd, KIPC_ENDPOINT_SENDV, &arg);
	return ret ? ret : (int)arg.count;
}

#define SENDV(fd, ...) \
	ep_sendv_said(fd, &(const struct kipc_msg_sendv){ __VA_ARGS__ })

static inline int ep_recvv_said(int fd,
				const struct kipc_msg_recvv *said)
{
	struct kipc_msg_recvv arg = *said;
	int ret;

	arg.size = sizeof(arg);
	ret = kipc_ioctl(fd, KIPC_ENDPOINT_RECVV, &arg);
	return ret ? ret : (int)arg.count;
}

#define RECVV(fd, ...) \
	ep_recvv_said(fd, &(const struct kipc_msg_recvv){ __VA_ARGS__ })

/* Never sleeps. */
static inline int ep_sendv(int fd, uint32_t pid, const struct kipc_msg *msgs,
			   uint32_t count)
{
	return SENDV(fd, .flags = KIPC_MSG_NONBLOCK, .pid = pid,
		     .count = count, .msgs = to_u64(msgs));
}

static inline int ep_recvv(int fd, uint32_t flags, struct kipc_msg *msgs,
			   uint32_t count)
{
	return RECVV(fd, .flags = flags, .count = count, .msgs = to_u64(msgs));
}

/* Signals that only interrupt; how many were handled. */
static uint32_t ep_signals;

static inline void ep_on_signal(int signal)
{
	(void)signal;
	__atomic_add_fetch(&ep_signals, 1, __ATOMIC_ACQ_REL);
}

static inline int ep_catch(int signal, int flags)
{
	struct sigaction action = {
		.sa_handler = ep_on_signal,
		.sa_flags = flags,
	};

	return sigaction(signal, &action, NULL);
}

/* A signal to a thread, which has handled it when this is true. */
static inline bool ep_interrupt(pthread_t thread, int signal)
{
	uint32_t before = word_get(&ep_signals);

	return !pthread_kill(thread, signal) &&
	       wait_for(word_get(&ep_signals) != before);
}

/* By these a test and a child tell each other how far they are. */
struct stage {
	uint32_t child;
	uint32_t test;
};

/* In a child: be at @n, and wait until the test lets it go on. */
static inline void child_at(struct stage *stage, uint32_t n)
{
	word_set(&stage->child, n);
	while (word_get(&stage->test) < n)
		usleep(500);
}

static inline bool child_is_at(struct stage *stage, uint32_t n)
{
	return wait_for(word_get(&stage->child) >= n);
}

static inline void child_go_on(struct stage *stage, uint32_t n)
{
	word_set(&stage->test, n);
}

/* A child process with a named endpoint, as its parent sees it. */
struct ep_owner {
	char name[32];
	uint32_t max_messages;
	pid_t pid;
	uint64_t id;
	int fd;			/* the child's own */
	int handle;		/* the parent's, to send */
	struct stage stage;
	struct stage other;	/* for a child of the child */
	void (*run)(struct ep_owner *owner);
	void *arg;		/* for @run */
};

/* Memory for @count owners, to be filled in and started. */
static inline struct ep_owner *ep_owners(unsigned int count)
{
	struct ep_owner *owners = kipc_shared(count * sizeof(*owners));
	unsigned int i;

	for (i = 0; owners && i < count; i++)
		snprintf(owners[i].name, sizeof(owners[i].name), "owner-%d-%u",
			 getpid(), i);
	return owners;
}

/*
 * Starts a child that makes the endpoint and calls @owner->run; without that it
 * sleeps until it is killed.  0 or -errno.
 */
static inline int ep_owner_start(struct ep_owner *owner)
{
	pid_t pid;

	owner->stage = (struct stage){};
	owner->other = (struct stage){};
	/* The memory is shared: the child's 0 must not get there. */
	pid = kipc_fork();
	if (!pid) {
		owner->fd = ep_named(owner->name, 0666, owner->max_messages);
		CHILD_CHECK(owner->fd >= 0);
		owner->id = ep_id(owner->fd);
		word_set(&owner->stage.child, 1);
		if (owner->run)
			owner->run(owner);
		else
			for (;;)
				pause();
		_exit(0);
	}
	owner->pid = pid;
	if (!child_is_at(&owner->stage, 1))
		return -ETIME;
	owner->handle = ep_open(owner->name, KIPC_RIGHT_WRITE);
	return owner->handle < 0 ? owner->handle : 0;
}

/* What there is of objects, and what the user is charged for, is as it was. */
static inline bool ep_is_charged(const struct kipc_info *before)
{
	struct kipc_info now;

	return !kipc_info(&now) && now.objects == before->objects &&
	       now.bytes == before->bytes;
}

#endif /* ENDPOINT_UTIL_H */
