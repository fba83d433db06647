/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the tests of mailboxes share: thin calls over the ioctls (0 or -errno),
 * calls that may sleep in a thread of their own, and words in shared memory by
 * which processes tell each other how far they are.
 */
#ifndef MAILBOX_UTIL_H
#define MAILBOX_UTIL_H

#include "message_util.h"

#define HOUR		3600000		/* ms */

/* Makes what @arg says; gives the handle or -errno. */
static inline int box_create(struct kipc_mailbox_create *arg)
{
	int ret;

	arg->size = sizeof(*arg);
	ret = kipc_device_ioctl(KIPC_MAILBOX_CREATE, arg);
	return ret ? ret : arg->fd;
}

/* One without a name; 0: the default. */
static inline int box_make(uint32_t max_messages, uint64_t max_bytes)
{
	struct kipc_mailbox_create arg = {
		.rights = RIGHT_BOTH,
		.mode = 0600,
		.max_messages = max_messages,
		.max_bytes = max_bytes,
	};

	return box_create(&arg);
}

/* With a name; opens the one that has it, if there is one. */
static inline int box_named(const char *name, uint32_t mode, uint32_t flags)
{
	struct kipc_mailbox_create arg = {
		.flags = flags,
		.name = to_u64(name),
		.name_len = strlen(name),
		.rights = RIGHT_BOTH,
		.mode = mode,
	};

	return box_create(&arg);
}

/* KIPC_OPEN; gives the handle or -errno. */
static inline int box_open(const char *name, uint32_t rights, uint32_t flags)
{
	struct kipc_open arg = {
		.size = sizeof(arg),
		.flags = flags,
		.name = to_u64(name),
		.name_len = strlen(name),
		.kind = KIPC_KIND_MAILBOX,
		.rights = rights,
	};
	int ret = kipc_device_ioctl(KIPC_OPEN, &arg);

	return ret ? ret : arg.fd;
}

#define BOX_SEND(fd, ...)						\
	msg_send(fd, KIPC_MAILBOX_SEND,					\
		 &(const struct kipc_msg_send){ __VA_ARGS__ })

#define BOX_RECV(fd, got, ...)						\
	msg_recv(fd, KIPC_MAILBOX_RECV, got,				\
		 &(const struct kipc_msg_recv){ __VA_ARGS__ })

/* These give how many messages moved. */
#define BOX_SENDV(fd, ...)						\
	msg_sendv(fd, KIPC_MAILBOX_SENDV,				\
		  &(const struct kipc_msg_sendv){ __VA_ARGS__ })

#define BOX_RECVV(fd, ...)						\
	msg_recvv(fd, KIPC_MAILBOX_RECVV,				\
		  &(const struct kipc_msg_recvv){ __VA_ARGS__ })

/* Never sleeps. */
static inline int box_try_send(int fd, struct kipc_msg msg)
{
	return BOX_SEND(fd, .flags = KIPC_MSG_NONBLOCK, .msg = msg);
}

static inline int box_put(int fd, uint64_t type, uint32_t priority,
			  const char *text)
{
	struct kipc_msg msg = msg_typed(type, text);

	msg.priority = priority;
	return box_try_send(fd, msg);
}

static inline int box_try_recv(int fd, struct msg_got *got)
{
	return BOX_RECV(fd, got, .flags = KIPC_MSG_NONBLOCK);
}

/* Sleeps, but not for ever. */
static inline int box_patient_recv(int fd, struct msg_got *got)
{
	return BOX_RECV(fd, got, .deadline_ns = now_ns() + PATIENCE_NS);
}

/* Does the next message, which is taken, have this body? */
static inline bool box_next_is(int fd, const char *text)
{
	struct msg_got got;
	int ret = box_try_recv(fd, &got);

	if (!ret && msg_is(&got.msg, text))
		return true;
	fprintf(stderr, "# next: %d \"%.*s\", not \"%s\"\n", ret,
		ret ? 0 : (int)got.msg.len, got.body, text);
	return false;
}

static inline int box_drain(int fd, struct kipc_mailbox_drain *arg)
{
	*arg = (struct kipc_mailbox_drain){ .size = sizeof(*arg) };
	return kipc_ioctl(fd, KIPC_MAILBOX_DRAIN, arg);
}

static inline int box_empty(int fd)
{
	struct kipc_mailbox_drain arg;

	return box_drain(fd, &arg);
}

/* All ones if that fails. */
static inline struct kipc_queue_stat box_stat(int fd)
{
	struct kipc_mailbox_stat arg = { .size = sizeof(arg) };

	if (kipc_ioctl(fd, KIPC_MAILBOX_STAT, &arg))
		memset(&arg.queue, 0xff, sizeof(arg.queue));
	return arg.queue;
}

static inline uint32_t box_messages(int fd)
{
	return box_stat(fd).messages;
}

static inline uint32_t box_senders(int fd)
{
	return box_stat(fd).senders;
}

static inline uint32_t box_receivers(int fd)
{
	return box_stat(fd).receivers;
}

/* Threads that sleep in any call on it. */
static inline uint32_t box_sleepers(int fd)
{
	struct kipc_queue_stat st = box_stat(fd);

	return st.senders + st.receivers;
}

static inline bool box_is_idle(int fd)
{
	struct kipc_queue_stat st = box_stat(fd);

	return msg_queue_idle(&st);
}

/* A call that may sleep, made by a thread of its own. */
struct box_task {
	int fd;
	unsigned long cmd;
	union {
		uint32_t size;
		struct kipc_msg_send send;
		struct kipc_msg_sendv sendv;
		struct kipc_msg_recv recv;
		struct kipc_msg_recvv recvv;
	} arg;
	struct msg_got got;
	int ended;		/* set last, by the thread */
	int ret;
	pthread_t thread;
};

static inline void *box_task_run(void *data)
{
	struct box_task *task = data;

	task->ret = kipc_ioctl(task->fd, task->cmd, &task->arg);
	if (task->cmd == KIPC_MAILBOX_RECV)
		task->got.msg = task->arg.recv.msg;
	__atomic_store_n(&task->ended, 1, __ATOMIC_RELEASE);
	return NULL;
}

static inline int box_task_start(struct box_task *task)
{
	pthread_attr_t attr;
	int ret;

	task->ended = 0;
	/* There may be many, and they need little. */
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, 65536);
	ret = pthread_create(&task->thread, &attr, box_task_run, task);
	pthread_attr_destroy(&attr);
	return -ret;
}

static inline bool box_task_ended(struct box_task *task)
{
	return __atomic_load_n(&task->ended, __ATOMIC_ACQUIRE);
}

/* What the call gave: 0, -errno, or KIPC_HUNG. */
static inline int box_task_wait(struct box_task *task)
{
	if (!wait_for(box_task_ended(task)))
		return KIPC_HUNG;
	pthread_join(task->thread, NULL);
	return task->ret;
}

/* Starts @task and comes back when it sleeps; 0 or -errno. */
static inline int box_task_asleep(struct box_task *task)
{
	uint32_t before = box_sleepers(task->fd);
	int ret = box_task_start(task);
	bool asleep = false;

	if (ret)
		return ret;
	/* One that has ended is not going to. */
	wait_for((asleep = box_sleepers(task->fd) == before + 1) ||
		 box_task_ended(task));
	return asleep ? 0 : -ETIME;
}

static inline void box_send_init(struct box_task *task, int fd,
				 struct kipc_msg msg)
{
	*task = (struct box_task){
		.fd = fd,
		.cmd = KIPC_MAILBOX_SEND,
		.arg.send = { .size = sizeof(task->arg.send), .msg = msg },
	};
}

static inline void box_recv_init(struct box_task *task, int fd, uint32_t select,
				 uint64_t type)
{
	*task = (struct box_task){
		.fd = fd,
		.cmd = KIPC_MAILBOX_RECV,
		.arg.recv = {
			.size = sizeof(task->arg.recv),
			.select = select,
			.type = type,
			.msg = msg_got_room(&task->got),
		},
	};
}

/* A sender, or a receiver, that sleeps when these come back. */
static inline int box_send_asleep(struct box_task *task, int fd,
				  struct kipc_msg msg)
{
	box_send_init(task, fd, msg);
	return box_task_asleep(task);
}

static inline int box_recv_asleep(struct box_task *task, int fd,
				  uint32_t select, uint64_t type)
{
	box_recv_init(task, fd, select, type);
	return box_task_asleep(task);
}

/* Signals that only interrupt. */
static uint32_t box_signals __attribute__((unused));	/* handled so far */

static inline void box_on_signal(int signal)
{
	(void)signal;
	word_add(&box_signals, 1);
}

static inline int box_catch(int signal, int flags)
{
	struct sigaction action = {
		.sa_handler = box_on_signal,
		.sa_flags = flags,
	};

	return sigaction(signal, &action, NULL);
}

#endif /* MAILBOX_UTIL_H */
