// SPDX-License-Identifier: GPL-2.0
/* Two accounts, a mapped mutex to guard them, and somebody who dies half way. */
#include <err.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <kipc/mapped_semaphore.h>

#define PROCESSES	4
#define TIMES		1000
#define TOTAL		100

static int *account;	/* two of them */

static void check(int ret, const char *what)
{
	if (ret)
		errx(1, "%s: %s", what, strerror(-ret));
}

/* There is TOTAL in all, whenever nobody has the mutex. */
static void move(struct kipc_mmutex *mutex, bool die)
{
	check(kipc_mmutex_lock(mutex, 0), "lock");
	account[0]--;
	if (die)
		raise(SIGKILL);
	account[1]++;
	check(kipc_mmutex_unlock(mutex, 0), "unlock");
}

static int create(void)
{
	struct kipc_semaphore_create arg = {
		.size = sizeof(arg),
		.flags = KIPC_SEMAPHORE_MAPPED | KIPC_SEMAPHORE_MUTEX,
		.rights = KIPC_RIGHT_READ | KIPC_RIGHT_WRITE,
		.count = 1,
	};
	int dev = open(KIPC_DEVICE, O_RDWR | O_CLOEXEC);

	if (dev < 0 || ioctl(dev, KIPC_SEMAPHORE_CREATE, &arg) < 0)
		err(1, "%s", KIPC_DEVICE);
	return arg.fd;
}

/* Each process maps the set for itself: then it is known as an owner. */
static void child(int fd, int times, bool die)
{
	struct kipc_mmutex mutex;
	pid_t pid = fork();

	if (pid < 0)
		err(1, "fork");
	if (pid)
		return;
	check(kipc_mmutex_map(&mutex, fd), "map");
	while (times--)
		move(&mutex, die);
	_exit(0);
}

int main(void)
{
	struct kipc_mmutex mutex;
	int fd = create(), i, ret;

	account = mmap(NULL, 2 * sizeof(int), PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (account == MAP_FAILED)
		err(1, "mmap");
	account[0] = TOTAL;
	for (i = 0; i < PROCESSES; i++)
		child(fd, TIMES, false);
	while (wait(NULL) > 0)
		;
	printf("%d moved, %d in all\n", account[1], account[0] + account[1]);

	child(fd, 1, true);
	wait(NULL);
	check(kipc_mmutex_map(&mutex, fd), "map");
	ret = kipc_mmutex_lock(&mutex, 0);
	if (ret != -EOWNERDEAD)
		errx(1, "lock: %s", strerror(-ret));
	printf("one died half way: %d in all\n", account[0] + account[1]);
	account[1] = TOTAL - account[0];
	check(kipc_mmutex_consistent(&mutex, 0), "consistent");
	check(kipc_mmutex_unlock(&mutex, 0), "unlock");
	printf("%d moved, %d in all\n", account[1], account[0] + account[1]);
	return 0;
}
