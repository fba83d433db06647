// SPDX-License-Identifier: GPL-2.0
/*
 * What the kernel keeps for a queue or a semaphore, and for a message in it.
 * In place of the clock the kernel's small objects are looked at, all of them,
 * of which the queues are the only ones that grow meanwhile: hence their large
 * number.  That many are more than a user may have by default.  In runs of their
 * own the process is in a control group, to see what is charged to it: in one the
 * kernel needs 8 bytes more for each object, to know whose it is.
 */
#include <err.h>
#include <mqueue.h>
#include <sys/eventfd.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include "kipc_util.h"
#include "bench.h"
#include "cgroup.h"

/* Half of them are made before the first look: they fill what is left from the
 * run before.
 */
#define QUEUES		3000
#define MESSAGES	16384
#define SIZE		64
#define RUNS		2
#define PAUSE_US	20000

/* Descriptor or System V identifier, and a second descriptor or -1. */
struct pair {
	int to;
	int from;
};

/* A kind of queue; @make makes one that holds @messages.  Or a semaphore. */
struct flavour {
	void (*make)(struct pair *queue, unsigned int messages);
	void (*remove)(const struct pair *queue);
	void (*put)(const struct pair *queue, const void *body);
};

/* A body, and what System V wants before it. */
static const struct {
	long type;
	char body[SIZE];
} message = { .type = 1 };

static void kipc_make(struct pair *queue, unsigned int messages)
{
	struct kipc_mailbox_create arg = {
		.size = sizeof(arg),
		.mode = 0600,
		.rights = KIPC_RIGHT_READ | KIPC_RIGHT_WRITE,
		.max_messages = messages,
		.max_bytes = messages * SIZE,
	};
	int ret = kipc_device_ioctl(KIPC_MAILBOX_CREATE, &arg);

	if (ret)
		errx(1, "cannot create a mailbox: %s", strerror(-ret));
	*queue = (struct pair){ arg.fd, -1 };
}

static void kipc_put(const struct pair *queue, const void *body)
{
	struct kipc_msg_send arg = {
		.size = sizeof(arg),
		.msg = { .buf = to_u64(body), .len = SIZE },
	};

	if (ioctl(queue->to, KIPC_MAILBOX_SEND, &arg))
		err(1, "KIPC_MAILBOX_SEND");
}

static void fd_remove(const struct pair *queue)
{
	close(queue->to);
	if (queue->from >= 0)
		close(queue->from);
}

static void mq_make(struct pair *queue, unsigned int messages)
{
	struct mq_attr attr = { .mq_maxmsg = messages, .mq_msgsize = SIZE };
	char name[32];

	snprintf(name, sizeof(name), "/kipc-bench.%d", getpid());
	*queue = (struct pair){
		mq_open(name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600,
			&attr), -1
	};
	if (queue->to < 0)
		err(1, "mq_open");
	mq_unlink(name);
}

static void mq_put(const struct pair *queue, const void *body)
{
	if (mq_send(queue->to, body, SIZE, 0))
		err(1, "mq_send");
}

static void msg_make(struct pair *queue, unsigned int messages)
{
	struct msqid_ds ds;

	*queue = (struct pair){ msgget(IPC_PRIVATE, 0600), -1 };
	if (queue->to < 0)
		err(1, "msgget");
	if (msgctl(queue->to, IPC_STAT, &ds))
		err(1, "msgctl");
	ds.msg_qbytes = messages * SIZE;
	if (msgctl(queue->to, IPC_SET, &ds))
		err(1, "msgctl");
}

static void msg_remove(const struct pair *queue)
{
	if (msgctl(queue->to, IPC_RMID, NULL))
		err(1, "msgctl");
}

static void msg_put(const struct pair *queue, const void *body)
{
	(void)body;
	if (msgsnd(queue->to, &message, SIZE, 0))
		err(1, "msgsnd");
}

static void socket_make(struct pair *queue, unsigned int messages)
{
	/* The buffer counts what the kernel keeps, and not what is sent. */
	int pair[2], bytes = messages * 1024;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair))
		err(1, "socketpair");
	if (setsockopt(pair[0], SOL_SOCKET, SO_SNDBUFFORCE, &bytes,
		       sizeof(bytes)))
		err(1, "SO_SNDBUFFORCE");
	*queue = (struct pair){ pair[0], pair[1] };
}

static void socket_put(const struct pair *queue, const void *body)
{
	if (send(queue->to, body, SIZE, MSG_DONTWAIT) != SIZE)
		err(1, "send");
}

static void semaphore_make(struct pair *queue, unsigned int messages)
{
	struct kipc_semaphore_create arg = {
		.size = sizeof(arg),
		.mode = 0600,
		.rights = KIPC_RIGHT_READ | KIPC_RIGHT_WRITE,
		.count = 1,
	};
	int ret = kipc_device_ioctl(KIPC_SEMAPHORE_CREATE, &arg);

	(void)messages;
	if (ret)
		errx(1, "cannot create a semaphore: %s", strerror(-ret));
	*queue = (struct pair){ arg.fd, -1 };
}

static void semget_make(struct pair *queue, unsigned int messages)
{
	(void)messages;
	*queue = (struct pair){ semget(IPC_PRIVATE, 1, 0600), -1 };
	if (queue->to < 0)
		err(1, "semget");
}

static void semget_remove(const struct pair *queue)
{
	if (semctl(queue->to, 0, IPC_RMID))
		err(1, "semctl");
}

static void eventfd_make(struct pair *queue, unsigned int messages)
{
	(void)messages;
	*queue = (struct pair){ eventfd(0, EFD_CLOEXEC), -1 };
	if (queue->to < 0)
		err(1, "eventfd");
}

static const struct flavour flavour_semaphore = {
	.make = semaphore_make, .remove = fd_remove,
};

static const struct flavour flavour_semget = {
	.make = semget_make, .remove = semget_remove,
};

static const struct flavour flavour_eventfd = {
	.make = eventfd_make, .remove = fd_remove,
};

static const struct flavour flavour_kipc = {
	.make = kipc_make, .remove = fd_remove, .put = kipc_put,
};

static const struct flavour flavour_mq = {
	.make = mq_make, .remove = fd_remove, .put = mq_put,
};

static const struct flavour flavour_msg = {
	.make = msg_make, .remove = msg_remove, .put = msg_put,
};

static const struct flavour flavour_socket = {
	.make = socket_make, .remove = fd_remove, .put = socket_put,
};

/* Bytes of small objects that the kernel keeps. */
static uint64_t slab_bytes(void)
{
	FILE *file = fopen("/proc/meminfo", "r");
	unsigned long long kib = 0;
	char line[128];

	if (!file)
		err(1, "/proc/meminfo");
	while (fgets(line, sizeof(line), file)) {
		if (sscanf(line, "Slab: %llu kB", &kib) == 1)
			break;
	}
	fclose(file);
	if (!kib)
		errx(1, "/proc/meminfo does not say how much is in slabs");
	return kib << 10;
}

static void raise_limit(int resource, rlim_t value)
{
	const struct rlimit limit = { value, value };

	if (setrlimit(resource, &limit))
		err(1, "setrlimit");
}

/* What was removed goes a little later. */
static void settle(void)
{
	usleep(PAUSE_US);
}

/* So that the table of descriptors does not grow between two looks. */
static void grow_descriptors(void)
{
	int fd = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3 * QUEUES - 1);

	if (fd < 0)
		err(1, "F_DUPFD_CLOEXEC");
	close(fd);
	settle();
}

static void memory_set_up(struct rig *rig)
{
	raise_limit(RLIMIT_NOFILE, 3 * QUEUES);
	grow_descriptors();
	raise_limit(RLIMIT_MSGQUEUE, RLIM_INFINITY);
	rig->priv = calloc(QUEUES, sizeof(struct pair));
	if (!rig->priv)
		err(1, "calloc");
}

static void memory_close(struct rig *rig)
{
	free(rig->priv);
}

static void make_queues(const struct rig *rig, size_t from, size_t count)
{
	const struct flavour *flavour = rig->side->own;
	struct pair *queues = rig->priv;
	size_t i;

	for (i = from; i < from + count; i++)
		flavour->make(&queues[i], 8);
}

static void queues_before(struct rig *rig)
{
	make_queues(rig, 0, QUEUES / 2);
}

static void queues_run(struct rig *rig, unsigned long ops)
{
	make_queues(rig, QUEUES / 2, ops);
}

static void queues_after(struct rig *rig)
{
	const struct flavour *flavour = rig->side->own;
	struct pair *queues = rig->priv;
	size_t i;

	for (i = 0; i < QUEUES; i++)
		flavour->remove(&queues[i]);
	settle();
}

static void messages_run(struct rig *rig, unsigned long ops)
{
	const struct flavour *flavour = rig->side->own;

	while (ops--)
		flavour->put(rig->priv, message.body);
}

static void messages_before(struct rig *rig)
{
	const struct flavour *flavour = rig->side->own;

	flavour->make(rig->priv, MESSAGES);
	messages_run(rig, MESSAGES / 2);
}

static void messages_after(struct rig *rig)
{
	const struct flavour *flavour = rig->side->own;

	flavour->remove(rig->priv);
	settle();
}

static void charged_queues_before(struct rig *rig)
{
	cgroup_enter();
	queues_before(rig);
}

static void charged_queues_after(struct rig *rig)
{
	queues_after(rig);
	cgroup_leave();
}

static void charged_messages_before(struct rig *rig)
{
	cgroup_enter();
	messages_before(rig);
}

static void charged_messages_after(struct rig *rig)
{
	messages_after(rig);
	cgroup_leave();
}

static const struct work queues = {
	.set_up = memory_set_up,
	.before = queues_before,
	.run = queues_run,
	.after = queues_after,
	.close = memory_close,
	.gauge = slab_bytes,
};

static const struct work messages = {
	.set_up = memory_set_up,
	.before = messages_before,
	.run = messages_run,
	.after = messages_after,
	.close = memory_close,
	.gauge = slab_bytes,
};

static const struct work charged_queues = {
	.set_up = memory_set_up,
	.before = charged_queues_before,
	.run = queues_run,
	.after = charged_queues_after,
	.close = memory_close,
	.gauge = cgroup_kernel_bytes,
};

static const struct work charged_messages = {
	.set_up = memory_set_up,
	.before = charged_messages_before,
	.run = messages_run,
	.after = charged_messages_after,
	.close = memory_close,
	.gauge = cgroup_kernel_bytes,
};

const struct metric mailbox_bytes = {
	.name = "mailbox_bytes",
	.unit = "bytes",
	.kind = KIPC_KIND_MAILBOX,
	.root = true,
	.ops = QUEUES / 2,
	.runs = RUNS,
	.sides = {
		{ "kipc", &queues, &flavour_kipc },
		{ "mq_open(3)", &queues, &flavour_mq },
		{ "msgget(2)", &queues, &flavour_msg },
		{ "seqpacket", &queues, &flavour_socket },
	},
};

const struct metric semaphore_bytes = {
	.name = "sem_bytes",
	.unit = "bytes",
	.kind = KIPC_KIND_SEMAPHORE,
	.root = true,
	.ops = QUEUES / 2,
	.runs = RUNS,
	.sides = {
		{ "kipc", &queues, &flavour_semaphore, 0 },
		{ "semget(2)", &queues, &flavour_semget, 0 },
		{ "eventfd", &queues, &flavour_eventfd, 0 },
	},
};

const struct metric message_bytes = {
	.name = "message_bytes",
	.unit = "bytes",
	.kind = KIPC_KIND_MAILBOX,
	.size = SIZE,
	.root = true,
	.ops = MESSAGES / 2,
	.runs = RUNS,
	.sides = {
		{ "kipc", &messages, &flavour_kipc },
		{ "mq_send(3)", &messages, &flavour_mq },
		{ "msgsnd(2)", &messages, &flavour_msg },
		{ "seqpacket", &messages, &flavour_socket },
	},
};

const struct metric mailbox_charge = {
	.name = "mailbox_charge",
	.unit = "bytes",
	.kind = KIPC_KIND_MAILBOX,
	.root = true,
	.ops = QUEUES / 2,
	.runs = RUNS,
	.sides = {
		{ "kipc", &charged_queues, &flavour_kipc, 0 },
		{ "mq_open(3)", &charged_queues, &flavour_mq, 0 },
		{ "msgget(2)", &charged_queues, &flavour_msg, 0 },
		{ "seqpacket", &charged_queues, &flavour_socket, 0 },
	},
};

const struct metric semaphore_charge = {
	.name = "sem_charge",
	.unit = "bytes",
	.kind = KIPC_KIND_SEMAPHORE,
	.root = true,
	.ops = QUEUES / 2,
	.runs = RUNS,
	.sides = {
		{ "kipc", &charged_queues, &flavour_semaphore, 0 },
		{ "semget(2)", &charged_queues, &flavour_semget, 0 },
		{ "eventfd", &charged_queues, &flavour_eventfd, 0 },
	},
};

const struct metric message_charge = {
	.name = "message_charge",
	.unit = "bytes",
	.kind = KIPC_KIND_MAILBOX,
	.size = SIZE,
	.root = true,
	.ops = MESSAGES / 2,
	.runs = RUNS,
	.sides = {
		{ "kipc", &charged_messages, &flavour_kipc, 0 },
		{ "mq_send(3)", &charged_messages, &flavour_mq, 0 },
		{ "msgsnd(2)", &charged_messages, &flavour_msg, 0 },
		{ "seqpacket", &charged_messages, &flavour_socket, 0 },
	},
};
