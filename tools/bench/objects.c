// SPDX-License-Identifier: GPL-2.0
/*
 * The cost of many objects: one more is created, opened by its name and removed,
 * while so many others are there.
 */
#include <err.h>
#include <mqueue.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/resource.h>

#include "kipc_util.h"
#include "bench.h"

#define OPS		200

/* Every System V queue has a key, and there are at most 32000 of them. */
#define KEY		0x6b697063
#define MSG_MAX		1000

#define OBJECTS_LIMIT	"/proc/sys/kipc/max_objects"
#define BYTES_LIMIT	"/proc/sys/kipc/max_bytes"

/* A kind of named object: number @n is made without a descriptor that stays. */
struct flavour {
	void (*set_up)(void);
	void (*clean_up)(void);
	void (*make)(unsigned long n);
	void (*open)(unsigned long n);
	void (*remove)(unsigned long n);
};

/* The device, and the limits as they were found. */
static int dev;
static unsigned long old_objects, old_bytes;

static unsigned long exchange_limit(const char *path, unsigned long value)
{
	FILE *file = fopen(path, "r+");
	unsigned long was;

	if (!file)
		err(1, "%s", path);
	if (fscanf(file, "%lu", &was) != 1)
		errx(1, "%s does not hold a number", path);
	rewind(file);
	fprintf(file, "%lu\n", value);
	if (fclose(file))
		err(1, "%s", path);
	return was;
}

static uint32_t make_name(char name[32], unsigned long n)
{
	return snprintf(name, 32, "/kipc-bench.%lu", n);
}

static void kipc_set_up(void)
{
	dev = kipc_device();
	if (dev < 0)
		errx(1, "%s: %s", KIPC_DEVICE, strerror(-dev));
	old_objects = exchange_limit(OBJECTS_LIMIT, 1UL << 20);
	old_bytes = exchange_limit(BYTES_LIMIT, 1UL << 40);
}

static void kipc_clean_up(void)
{
	exchange_limit(OBJECTS_LIMIT, old_objects);
	exchange_limit(BYTES_LIMIT, old_bytes);
	close(dev);
}

static void kipc_make(unsigned long n)
{
	char name[32];
	struct kipc_mailbox_create arg = {
		.size = sizeof(arg),
		.flags = KIPC_EXCL | KIPC_PERSIST,
		.name = to_u64(name),
		.name_len = make_name(name, n),
		.mode = 0600,
		.max_messages = 8,
		.max_bytes = 512,
	};

	if (ioctl(dev, KIPC_MAILBOX_CREATE, &arg))
		err(1, "KIPC_MAILBOX_CREATE");
}

static void kipc_open(unsigned long n)
{
	char name[32];
	struct kipc_open arg = {
		.size = sizeof(arg),
		.name = to_u64(name),
		.name_len = make_name(name, n),
		.kind = KIPC_KIND_MAILBOX,
		.rights = KIPC_RIGHT_READ,
	};

	if (ioctl(dev, KIPC_OPEN, &arg))
		err(1, "KIPC_OPEN");
	close(arg.fd);
}

static void kipc_remove(unsigned long n)
{
	char name[32];
	struct kipc_target arg = {
		.size = sizeof(arg),
		.name = to_u64(name),
		.name_len = make_name(name, n),
	};

	if (ioctl(dev, KIPC_UNLINK, &arg))
		err(1, "KIPC_UNLINK");
}

static void mq_set_up(void)
{
	const struct rlimit limit = { RLIM_INFINITY, RLIM_INFINITY };

	if (setrlimit(RLIMIT_MSGQUEUE, &limit))
		err(1, "setrlimit");
}

static void mq_make(unsigned long n)
{
	struct mq_attr attr = { .mq_maxmsg = 8, .mq_msgsize = 64 };
	char name[32];
	mqd_t fd;

	make_name(name, n);
	fd = mq_open(name, O_RDONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600,
		     &attr);
	if (fd < 0)
		err(1, "mq_open");
	close(fd);
}

static void mq_look(unsigned long n)
{
	char name[32];
	mqd_t fd;

	make_name(name, n);
	fd = mq_open(name, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		err(1, "mq_open");
	close(fd);
}

static void mq_remove(unsigned long n)
{
	char name[32];

	make_name(name, n);
	if (mq_unlink(name))
		err(1, "mq_unlink");
}

static void nothing(void)
{
}

static void msg_make(unsigned long n)
{
	if (msgget(KEY + n, IPC_CREAT | IPC_EXCL | 0600) < 0)
		err(1, "msgget");
}

static void msg_look(unsigned long n)
{
	if (msgget(KEY + n, 0) < 0)
		err(1, "msgget");
}

static void msg_remove(unsigned long n)
{
	if (msgctl(msgget(KEY + n, 0), IPC_RMID, NULL))
		err(1, "msgctl");
}

static const struct flavour flavour_kipc = {
	.set_up = kipc_set_up, .clean_up = kipc_clean_up,
	.make = kipc_make, .open = kipc_open, .remove = kipc_remove,
};

static const struct flavour flavour_mq = {
	.set_up = mq_set_up, .clean_up = nothing,
	.make = mq_make, .open = mq_look, .remove = mq_remove,
};

static const struct flavour flavour_msg = {
	.set_up = nothing, .clean_up = nothing,
	.make = msg_make, .open = msg_look, .remove = msg_remove,
};

static void names_set_up(struct rig *rig)
{
	const struct flavour *flavour = rig->side->own;
	unsigned long n;

	flavour->set_up();
	for (n = 1; n <= rig->size; n++)
		flavour->make(n);
}

static void names_run(struct rig *rig, unsigned long ops)
{
	const struct flavour *flavour = rig->side->own;

	while (ops--) {
		flavour->make(0);
		flavour->open(0);
		flavour->remove(0);
	}
}

static void names_close(struct rig *rig)
{
	const struct flavour *flavour = rig->side->own;
	unsigned long n;

	for (n = 1; n <= rig->size; n++)
		flavour->remove(n);
	flavour->clean_up();
}

static const struct work names = {
	.set_up = names_set_up,
	.run = names_run,
	.close = names_close,
};

static const size_t counts[] = { 10, 1000, 100000, 0 };

const struct metric objects = {
	.name = "objects",
	.kind = KIPC_KIND_MAILBOX,
	.size_list = counts,
	.grows = true,
	.root = true,
	.ops = OPS,
	.sides = {
		{ "kipc", &names, &flavour_kipc, 0 },
		{ "mq_open(3)", &names, &flavour_mq, 0 },
		{ "msgget(2)", &names, &flavour_msg, MSG_MAX },
	},
};
