// SPDX-License-Identifier: GPL-2.0
/*
 * Five philosophers, five forks.  Each takes the two next to him in one call, so
 * nobody ever holds one fork while he waits for the other: they cannot lock each
 * other up, and whoever waits longest for a fork gets it first.
 */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/kipc.h>

#define SEATS	5
#define MEALS	20

/* A set of counters, one for each fork: 1 is on the table, 0 is in use. */
static int lay_the_table(void)
{
	struct kipc_semaphore_create arg = {
		.size = sizeof(arg),
		.rights = KIPC_RIGHT_READ | KIPC_RIGHT_WRITE,
		.count = SEATS,
		.max = 1,
		.initial = 1,
	};
	int dev = open(KIPC_DEVICE, O_RDWR | O_CLOEXEC);

	if (dev < 0 || ioctl(dev, KIPC_SEMAPHORE_CREATE, &arg) < 0)
		err(1, "%s", KIPC_DEVICE);
	close(dev);
	return arg.fd;
}

/* Takes both forks (delta -1) or puts both back (1). */
static void forks(int table, unsigned int seat, int delta)
{
	struct kipc_sem_entry both[2] = {
		{ .index = seat, .delta = delta },
		{ .index = (seat + 1) % SEATS, .delta = delta },
	};
	struct kipc_semaphore_ops arg = {
		.size = sizeof(arg),
		.flags = KIPC_SEM_UNDO,	/* who dies drops his forks */
		.entries = (uintptr_t)both,
		.count = 2,
	};
	int ret;

	do {
		ret = ioctl(table, KIPC_SEMAPHORE_OPS, &arg);
	} while (ret < 0 && errno == EINTR);
	if (ret < 0)
		err(1, "KIPC_SEMAPHORE_OPS");
}

static int dine(int table, unsigned int seat)
{
	int meals;

	for (meals = 0; meals < MEALS; meals++) {
		forks(table, seat, -1);
		usleep(1000);	/* eats */
		forks(table, seat, 1);
	}
	printf("philosopher %u had %d meals\n", seat + 1, meals);
	return 0;
}

static unsigned int forks_on_the_table(int table)
{
	struct kipc_sem_counter counters[SEATS];
	struct kipc_semaphore_get arg = {
		.size = sizeof(arg),
		.counters = (uintptr_t)counters,
		.count = SEATS,
		.counter_size = sizeof(counters[0]),
	};
	unsigned int seat, forks = 0;

	if (ioctl(table, KIPC_SEMAPHORE_GET, &arg) < 0)
		err(1, "KIPC_SEMAPHORE_GET");
	for (seat = 0; seat < SEATS; seat++)
		forks += counters[seat].value;
	return forks;
}

int main(void)
{
	int table = lay_the_table(), status, failed = 0;
	unsigned int seat;
	pid_t child;

	for (seat = 0; seat < SEATS; seat++) {
		child = fork();
		if (child < 0)
			err(1, "fork");
		if (!child)
			return dine(table, seat);
	}
	while (wait(&status) > 0)
		failed |= status;
	printf("forks on the table: %u\n", forks_on_the_table(table));
	return failed != 0;
}
