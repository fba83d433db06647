// SPDX-License-Identifier: GPL-2.0
/*
 * Mapped semaphores and mutexes that nobody else uses: against those of the C
 * library, which lie in shared memory too, and against System V's.
 */
#include <err.h>
#include <semaphore.h>
#include <sys/ipc.h>
#include <sys/sem.h>

#include <kipc/mapped_semaphore.h>

#include "kipc_util.h"
#include "bench.h"

static int make(uint32_t flags, uint32_t initial)
{
	struct kipc_semaphore_create arg = {
		.size = sizeof(arg),
		.flags = KIPC_SEMAPHORE_MAPPED | flags,
		.mode = 0600,
		.rights = KIPC_RIGHT_READ | KIPC_RIGHT_WRITE,
		.count = 1,
		.initial = initial,
	};
	int ret = kipc_device_ioctl(KIPC_SEMAPHORE_CREATE, &arg);

	if (ret)
		errx(1, "cannot create a mapped set: %s", strerror(-ret));
	return arg.fd;
}

/* What gives -errno and must not. */
static inline void must(int ret, const char *what)
{
	if (__builtin_expect(ret, 0))
		errx(1, "%s: %s", what, strerror(-ret));
}

static void msem_set_up(struct rig *rig)
{
	struct kipc_msem *sem = rig_shared(sizeof(*sem));

	must(kipc_msem_map(sem, make(0, 1)), "kipc_msem_map");
	rig->priv = sem;
}

static void msem_run(struct rig *rig, unsigned long ops)
{
	while (ops--) {
		must(kipc_msem_wait(rig->priv, 0), "kipc_msem_wait");
		must(kipc_msem_post(rig->priv, 0), "kipc_msem_post");
	}
}

static void msem_close(struct rig *rig)
{
	struct kipc_msem *sem = rig->priv;
	int fd = sem->fd;

	kipc_msem_unmap(sem);
	close(fd);
	munmap(sem, sizeof(*sem));
}

static void posix_set_up(struct rig *rig)
{
	sem_t *sem = rig_shared(sizeof(*sem));

	if (sem_init(sem, 1, 1))
		err(1, "sem_init");
	rig->priv = sem;
}

static void posix_run(struct rig *rig, unsigned long ops)
{
	while (ops--) {
		if (sem_wait(rig->priv))
			err(1, "sem_wait");
		if (sem_post(rig->priv))
			err(1, "sem_post");
	}
}

static void posix_close(struct rig *rig)
{
	sem_destroy(rig->priv);
	munmap(rig->priv, sizeof(sem_t));
}

static void sysv_set_up(struct rig *rig)
{
	int *id = rig_shared(sizeof(*id));

	*id = semget(IPC_PRIVATE, 1, 0600);
	if (*id < 0)
		err(1, "semget");
	if (semctl(*id, 0, SETVAL, 1))
		err(1, "semctl");
	rig->priv = id;
}

static inline void sysv_op(const int *id, int delta)
{
	struct sembuf op = { .sem_op = delta };

	if (semop(*id, &op, 1))
		err(1, "semop");
}

static void sysv_run(struct rig *rig, unsigned long ops)
{
	while (ops--) {
		sysv_op(rig->priv, -1);
		sysv_op(rig->priv, 1);
	}
}

static void sysv_close(struct rig *rig)
{
	if (semctl(*(int *)rig->priv, 0, IPC_RMID))
		err(1, "semctl");
	munmap(rig->priv, sizeof(int));
}

static void mmutex_set_up(struct rig *rig)
{
	struct kipc_mmutex *mutex = rig_shared(sizeof(*mutex));

	must(kipc_mmutex_map(mutex, make(KIPC_SEMAPHORE_MUTEX, 0)),
	     "kipc_mmutex_map");
	rig->priv = mutex;
}

static void mmutex_run(struct rig *rig, unsigned long ops)
{
	while (ops--) {
		must(kipc_mmutex_lock(rig->priv, 0), "kipc_mmutex_lock");
		must(kipc_mmutex_unlock(rig->priv, 0), "kipc_mmutex_unlock");
	}
}

static void mmutex_close(struct rig *rig)
{
	struct kipc_mmutex *mutex = rig->priv;
	int fd = mutex->fd;

	kipc_mmutex_unmap(mutex);
	close(fd);
	munmap(mutex, sizeof(*mutex));
}

/* The one that can do the same: between processes, and knows of a death. */
static void robust_set_up(struct rig *rig)
{
	pthread_mutex_t *mutex = rig_shared(sizeof(*mutex));
	pthread_mutexattr_t attr;

	pthread_mutexattr_init(&attr);
	pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
	pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST);
	pthread_mutexattr_settype(&attr, PTHREAD_MUTEX_ERRORCHECK);
	must(-pthread_mutex_init(mutex, &attr), "pthread_mutex_init");
	rig->priv = mutex;
}

static void robust_run(struct rig *rig, unsigned long ops)
{
	while (ops--) {
		must(-pthread_mutex_lock(rig->priv), "pthread_mutex_lock");
		must(-pthread_mutex_unlock(rig->priv), "pthread_mutex_unlock");
	}
}

static void robust_close(struct rig *rig)
{
	pthread_mutex_destroy(rig->priv);
	munmap(rig->priv, sizeof(pthread_mutex_t));
}

static const struct work msem = {
	.set_up = msem_set_up, .run = msem_run, .close = msem_close,
};

static const struct work posix = {
	.set_up = posix_set_up, .run = posix_run, .close = posix_close,
};

static const struct work sysv = {
	.set_up = sysv_set_up, .run = sysv_run, .close = sysv_close,
};

static const struct work mmutex = {
	.set_up = mmutex_set_up, .run = mmutex_run, .close = mmutex_close,
};

static const struct work robust = {
	.set_up = robust_set_up, .run = robust_run, .close = robust_close,
};

const struct metric mapped_sem = {
	.name = "mapped_sem",
	.kind = KIPC_KIND_SEMAPHORE,
	.sides = {
		{ "kipc", &msem, NULL },
		{ "sem_wait(3)", &posix, NULL },
		{ "semop(2)", &sysv, NULL },
	},
};

const struct metric mapped_mutex = {
	.name = "mapped_mutex",
	.kind = KIPC_KIND_SEMAPHORE,
	.sides = {
		{ "kipc", &mmutex, NULL },
		{ "robust mutex", &robust, NULL },
	},
};
