// SPDX-License-Identifier: GPL-2.0
/* Lanes whose messages are tokens: to send is V, to receive is P. */
#include <err.h>
#include <semaphore.h>
#include <sys/eventfd.h>
#include <sys/ipc.h>
#include <sys/sem.h>

#include "kipc_util.h"
#include "lane.h"

static void kipc_make(struct lane *lane)
{
	struct kipc_semaphore_create arg = {
		.size = sizeof(arg),
		.mode = 0600,
		.rights = KIPC_RIGHT_READ | KIPC_RIGHT_WRITE,
		.count = 1,
	};
	int ret = kipc_device_ioctl(KIPC_SEMAPHORE_CREATE, &arg);

	if (ret)
		errx(1, "cannot create a kipc semaphore: %s", strerror(-ret));
	lane->to = arg.fd;
	lane->from = arg.fd;
}

static void kipc_op(struct lane *lane, int delta)
{
	struct kipc_semaphore_op arg = {
		.size = sizeof(arg),
		.delta = delta,
	};

	if (ioctl(lane->to, KIPC_SEMAPHORE_OP, &arg))
		err(1, "KIPC_SEMAPHORE_OP");
	lane->calls++;
}

static void kipc_v(struct lane *lane)
{
	kipc_op(lane, 1);
}

static void kipc_p(struct lane *lane)
{
	kipc_op(lane, -1);
}

static void sysv_make(struct lane *lane)
{
	lane->to = semget(IPC_PRIVATE, 1, 0600);
	if (lane->to < 0)
		err(1, "semget");
}

static void sysv_op(struct lane *lane, int delta)
{
	struct sembuf op = { .sem_op = delta };

	if (semop(lane->to, &op, 1))
		err(1, "semop");
	lane->calls++;
}

static void sysv_v(struct lane *lane)
{
	sysv_op(lane, 1);
}

static void sysv_p(struct lane *lane)
{
	sysv_op(lane, -1);
}

static void sysv_remove(struct lane *lane)
{
	if (semctl(lane->to, 0, IPC_RMID))
		err(1, "semctl");
}

static void posix_make(struct lane *lane)
{
	lane->priv = kipc_shared(sizeof(sem_t));
	if (!lane->priv)
		err(1, "mmap");
	if (sem_init(lane->priv, 1, 0))
		err(1, "sem_init");
}

static void posix_v(struct lane *lane)
{
	if (sem_post(lane->priv))
		err(1, "sem_post");
}

static void posix_p(struct lane *lane)
{
	if (sem_wait(lane->priv))
		err(1, "sem_wait");
}

static void posix_remove(struct lane *lane)
{
	sem_destroy(lane->priv);
	munmap(lane->priv, sizeof(sem_t));
}

static void eventfd_make(struct lane *lane)
{
	lane->to = eventfd(0, EFD_SEMAPHORE | EFD_CLOEXEC);
	if (lane->to < 0)
		err(1, "eventfd");
	lane->from = lane->to;
}

static void eventfd_v(struct lane *lane)
{
	uint64_t one = 1;

	if (write(lane->to, &one, sizeof(one)) != sizeof(one))
		err(1, "write");
	lane->calls++;
}

static void eventfd_p(struct lane *lane)
{
	uint64_t one;

	if (read(lane->from, &one, sizeof(one)) != sizeof(one))
		err(1, "read");
	lane->calls++;
}

const struct lane_kind lane_kipc_semaphore = {
	.make = kipc_make, .send = kipc_v, .recv = kipc_p,
};

const struct lane_kind lane_semop = {
	.make = sysv_make, .send = sysv_v, .recv = sysv_p,
	.remove = sysv_remove,
};

const struct lane_kind lane_sem = {
	.make = posix_make, .send = posix_v, .recv = posix_p,
	.remove = posix_remove,
};

const struct lane_kind lane_eventfd = {
	.make = eventfd_make, .send = eventfd_v, .recv = eventfd_p,
};
