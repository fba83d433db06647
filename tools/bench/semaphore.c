// SPDX-License-Identifier: GPL-2.0
/*
 * Semaphores: against System V's, which live in the kernel too, and against
 * POSIX's, which live in shared memory and enter the kernel only to sleep and
 * to wake.
 */
#include <err.h>
#include <semaphore.h>
#include <sys/ipc.h>
#include <sys/sem.h>

#include "kipc_util.h"
#include "bench.h"

#define COUNTERS	2

/* Some counters of one side, in memory that two processes share. */
struct counters {
	int id;			/* descriptor or System V identifier */
	unsigned int undo;
	bool stop;		/* the other process is to leave */
	sem_t posix[COUNTERS];
};

/* A kind of counters; @make has them all hold @initial. */
struct flavour {
	unsigned int undo;
	void (*make)(struct counters *set, unsigned int initial);
	void (*remove)(struct counters *set);
	void (*p)(struct counters *set, unsigned int index);
	void (*v)(struct counters *set, unsigned int index);
};

static void kipc_make(struct counters *set, unsigned int initial)
{
	struct kipc_semaphore_create arg = {
		.size = sizeof(arg),
		.mode = 0600,
		.rights = KIPC_RIGHT_READ | KIPC_RIGHT_WRITE,
		.count = COUNTERS,
		.initial = initial,
	};
	int ret = kipc_device_ioctl(KIPC_SEMAPHORE_CREATE, &arg);

	if (ret)
		errx(1, "cannot create a kipc semaphore: %s", strerror(-ret));
	set->id = arg.fd;
}

static void kipc_remove(struct counters *set)
{
	close(set->id);
}

static inline void kipc_op(struct counters *set, unsigned int index, int delta)
{
	struct kipc_semaphore_op arg = {
		.size = sizeof(arg),
		.flags = set->undo,
		.index = index,
		.delta = delta,
	};

	if (ioctl(set->id, KIPC_SEMAPHORE_OP, &arg))
		err(1, "KIPC_SEMAPHORE_OP");
}

static void kipc_p(struct counters *set, unsigned int index)
{
	kipc_op(set, index, -1);
}

static void kipc_v(struct counters *set, unsigned int index)
{
	kipc_op(set, index, 1);
}

static void sysv_make(struct counters *set, unsigned int initial)
{
	unsigned short values[COUNTERS];
	size_t i;

	for (i = 0; i < COUNTERS; i++)
		values[i] = initial;
	set->id = semget(IPC_PRIVATE, COUNTERS, 0600);
	if (set->id < 0)
		err(1, "semget");
	if (semctl(set->id, 0, SETALL, values))
		err(1, "semctl");
}

static void sysv_remove(struct counters *set)
{
	if (semctl(set->id, 0, IPC_RMID))
		err(1, "semctl");
}

static inline void sysv_op(struct counters *set, unsigned int index, int delta)
{
	struct sembuf op = {
		.sem_num = index,
		.sem_op = delta,
		.sem_flg = set->undo,
	};

	if (semop(set->id, &op, 1))
		err(1, "semop");
}

static void sysv_p(struct counters *set, unsigned int index)
{
	sysv_op(set, index, -1);
}

static void sysv_v(struct counters *set, unsigned int index)
{
	sysv_op(set, index, 1);
}

static void posix_make(struct counters *set, unsigned int initial)
{
	size_t i;

	for (i = 0; i < COUNTERS; i++) {
		if (sem_init(&set->posix[i], 1, initial))
			err(1, "sem_init");
	}
}

static void posix_remove(struct counters *set)
{
	size_t i;

	for (i = 0; i < COUNTERS; i++)
		sem_destroy(&set->posix[i]);
}

static void posix_p(struct counters *set, unsigned int index)
{
	if (sem_wait(&set->posix[index]))
		err(1, "sem_wait");
}

static void posix_v(struct counters *set, unsigned int index)
{
	if (sem_post(&set->posix[index]))
		err(1, "sem_post");
}

static const struct flavour flavour_kipc = {
	.make = kipc_make, .remove = kipc_remove, .p = kipc_p, .v = kipc_v,
};

static const struct flavour flavour_kipc_undo = {
	.undo = KIPC_SEM_UNDO,
	.make = kipc_make, .remove = kipc_remove, .p = kipc_p, .v = kipc_v,
};

static const struct flavour flavour_sysv = {
	.make = sysv_make, .remove = sysv_remove, .p = sysv_p, .v = sysv_v,
};

static const struct flavour flavour_sysv_undo = {
	.undo = SEM_UNDO,
	.make = sysv_make, .remove = sysv_remove, .p = sysv_p, .v = sysv_v,
};

static const struct flavour flavour_posix = {
	.make = posix_make, .remove = posix_remove, .p = posix_p, .v = posix_v,
};

static void counters_make(struct rig *rig, unsigned int initial)
{
	const struct flavour *flavour = rig->side->own;
	struct counters *set = rig_shared(sizeof(*set));

	set->undo = flavour->undo;
	flavour->make(set, initial);
	rig->priv = set;
}

static void counters_remove(struct rig *rig)
{
	const struct flavour *flavour = rig->side->own;

	flavour->remove(rig->priv);
	munmap(rig->priv, sizeof(struct counters));
}

static void pv_set_up(struct rig *rig)
{
	counters_make(rig, 1);
}

/* The calls stand here without a way round, as in a program that uses them: a
 * P and V in shared memory are no more than forty instructions.
 */
static void pv_kipc_run(struct rig *rig, unsigned long ops)
{
	while (ops--) {
		kipc_op(rig->priv, 0, -1);
		kipc_op(rig->priv, 0, 1);
	}
}

static void pv_sysv_run(struct rig *rig, unsigned long ops)
{
	while (ops--) {
		sysv_op(rig->priv, 0, -1);
		sysv_op(rig->priv, 0, 1);
	}
}

static void pv_posix_run(struct rig *rig, unsigned long ops)
{
	while (ops--) {
		posix_p(rig->priv, 0);
		posix_v(rig->priv, 0);
	}
}

/* What the other process does: it takes the token and gives it back. */
static void hand_back(struct counters *set, const struct flavour *flavour)
{
	for (;;) {
		flavour->p(set, 0);
		if (set->stop)
			_exit(0);
		flavour->v(set, 1);
	}
}

static void handover_set_up(struct rig *rig)
{
	counters_make(rig, 0);
	if (rig_fork(rig))
		hand_back(rig->priv, rig->side->own);
}

static void handover_run(struct rig *rig, unsigned long ops)
{
	const struct flavour *flavour = rig->side->own;
	struct counters *set = rig->priv;

	while (ops--) {
		flavour->v(set, 0);
		flavour->p(set, 1);
	}
}

static void handover_close(struct rig *rig)
{
	const struct flavour *flavour = rig->side->own;
	struct counters *set = rig->priv;

	set->stop = true;
	flavour->v(set, 0);
	rig_reap(rig);
	counters_remove(rig);
}

static const struct work pv_kipc = {
	.set_up = pv_set_up, .run = pv_kipc_run, .close = counters_remove,
};

static const struct work pv_sysv = {
	.set_up = pv_set_up, .run = pv_sysv_run, .close = counters_remove,
};

static const struct work pv_posix = {
	.set_up = pv_set_up, .run = pv_posix_run, .close = counters_remove,
};

static const struct work handover = {
	.set_up = handover_set_up,
	.run = handover_run,
	.close = handover_close,
};

const struct metric sem_pv = {
	.name = "sem_pv",
	.kind = KIPC_KIND_SEMAPHORE,
	.sides = {
		{ "kipc", &pv_kipc, &flavour_kipc },
		{ "semop(2)", &pv_sysv, &flavour_sysv },
		{ "sem_wait(3)", &pv_posix, &flavour_posix },
	},
};

const struct metric sem_pv_undo = {
	.name = "sem_pv_undo",
	.kind = KIPC_KIND_SEMAPHORE,
	.sides = {
		{ "kipc", &pv_kipc, &flavour_kipc_undo },
		{ "semop(2)", &pv_sysv, &flavour_sysv_undo },
	},
};

const struct metric sem_handover = {
	.name = "sem_handover",
	.kind = KIPC_KIND_SEMAPHORE,
	.sides = {
		{ "kipc", &handover, &flavour_kipc },
		{ "semop(2)", &handover, &flavour_sysv },
		{ "sem_wait(3)", &handover, &flavour_posix },
	},
};
