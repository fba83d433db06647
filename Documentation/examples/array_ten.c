// SPDX-License-Identifier: GPL-2.0
/*
 * The textbook's array of ten, shared by several processes: four of them count
 * with which digit the powers of two begin, each a part of the powers.  Slots 1
 * to 9 are the counts; slot 0 is how many have finished.
 */
#include <err.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/kipc.h>

#define SLOTS		10
#define WORKERS		4
#define POWERS		1000

static const char name[] = "example-ten";

static int open_device(void)
{
	int dev = open(KIPC_DEVICE, O_RDWR | O_CLOEXEC);

	if (dev < 0)
		err(1, "%s", KIPC_DEVICE);
	return dev;
}

static int make_array(void)
{
	struct kipc_array_create arg = {
		.size = sizeof(arg),
		.flags = KIPC_EXCL,
		.name = (uintptr_t)name,
		.name_len = strlen(name),
		.mode = 0600,
		.rights = KIPC_RIGHT_READ | KIPC_RIGHT_WRITE,
		.count = SLOTS,
		.element = sizeof(uint64_t),
	};
	int dev = open_device();

	if (ioctl(dev, KIPC_ARRAY_CREATE, &arg) < 0)
		err(1, "cannot create the array '%s'", name);
	close(dev);
	return arg.fd;
}

static int open_array(void)
{
	struct kipc_open arg = {
		.size = sizeof(arg),
		.name = (uintptr_t)name,
		.name_len = strlen(name),
		.kind = KIPC_KIND_ARRAY,
		.rights = KIPC_RIGHT_READ | KIPC_RIGHT_WRITE,
	};
	int dev = open_device();

	if (ioctl(dev, KIPC_OPEN, &arg) < 0)
		err(1, "cannot open the array '%s'", name);
	close(dev);
	return arg.fd;
}

/* One call, and nobody can come in between: no count is ever lost. */
static void add_one(int fd, int slot)
{
	struct kipc_array_op arg = {
		.size = sizeof(arg),
		.entry = { .op = KIPC_ARRAY_ADD, .index = slot, .value = 1 },
	};

	if (ioctl(fd, KIPC_ARRAY_OP, &arg) < 0)
		err(1, "KIPC_ARRAY_OP");
}

static int count_digits(int worker)
{
	int n, fd = open_array();
	double power = 1;

	for (n = 0; n < POWERS; n++) {
		if (n % WORKERS == worker)
			add_one(fd, (int)power);
		power *= 2;
		if (power >= 10)
			power /= 10;
	}
	add_one(fd, 0);
	return 0;
}

/* A version counts the writes to its slot; here it is the value as well. */
static void wait_for_workers(int fd)
{
	struct kipc_array_slot slot = { .index = 0, .version = 0 };
	struct kipc_array_wait arg = {
		.size = sizeof(arg),
		.slots = (uintptr_t)&slot,
		.count = 1,
	};

	/* Sleeps until the version is another one, and gives that. */
	while (slot.version < WORKERS) {
		if (ioctl(fd, KIPC_ARRAY_WAIT, &arg) < 0)
			err(1, "KIPC_ARRAY_WAIT");
	}
}

int main(void)
{
	__u64 count[SLOTS];
	struct kipc_array_read arg = {
		.size = sizeof(arg),
		.count = SLOTS,
		.buf = (uintptr_t)count,
	};
	int i, fd = make_array();
	pid_t child;

	for (i = 0; i < WORKERS; i++) {
		child = fork();
		if (child < 0)
			err(1, "fork");
		if (!child)
			return count_digits(i);
	}
	wait_for_workers(fd);

	/* All ten slots as they were at one moment. */
	if (ioctl(fd, KIPC_ARRAY_READ, &arg) < 0)
		err(1, "KIPC_ARRAY_READ");
	for (i = 1; i < SLOTS; i++)
		printf("%llu begin with %d\n", (unsigned long long)count[i], i);
	printf("%llu writes by %d processes\n",
	       (unsigned long long)arg.changes, WORKERS);
	while (wait(NULL) > 0)
		;
	return 0;
}
