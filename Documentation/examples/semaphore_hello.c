// SPDX-License-Identifier: GPL-2.0
/* Four processes add to one number, and a semaphore keeps them apart. */
#include <err.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#include <linux/kipc.h>

#define PROCESSES	4
#define TIMES		1000

/* P is -1, V is 1.  With UNDO nobody is locked out if a process dies inside. */
static void change(int semaphore, int delta)
{
	struct kipc_semaphore_op arg = {
		.size = sizeof(arg),
		.flags = KIPC_SEM_UNDO,
		.delta = delta,
	};

	if (ioctl(semaphore, KIPC_SEMAPHORE_OP, &arg) < 0)
		err(1, "KIPC_SEMAPHORE_OP");
}

int main(void)
{
	struct kipc_semaphore_create arg = {
		.size = sizeof(arg),
		.rights = KIPC_RIGHT_READ | KIPC_RIGHT_WRITE,
		.count = 1,
		.initial = 1,	/* one may be inside */
	};
	int dev = open(KIPC_DEVICE, O_RDWR | O_CLOEXEC), i, status, failed = 0;
	int *number = mmap(NULL, sizeof(*number), PROT_READ | PROT_WRITE,
			   MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (number == MAP_FAILED)
		err(1, "mmap");
	if (dev < 0 || ioctl(dev, KIPC_SEMAPHORE_CREATE, &arg) < 0)
		err(1, "%s", KIPC_DEVICE);
	for (i = 0; i < PROCESSES; i++) {
		pid_t child = fork();

		if (child < 0)
			err(1, "fork");
		if (child)
			continue;
		for (i = 0; i < TIMES; i++) {
			change(arg.fd, -1);
			*number = *number + 1;
			change(arg.fd, 1);
		}
		return 0;
	}
	while (wait(&status) > 0)
		failed |= status;
	printf("%d processes added %d each: %d\n", PROCESSES, TIMES, *number);
	return failed != 0;
}
