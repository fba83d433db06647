// SPDX-License-Identifier: GPL-2.0
/*
 * Arrays: an addition, against a change of a System V semaphore (the kernel adds
 * to a number there, too) and against an atomic instruction on shared memory.
 */
#include <err.h>
#include <sys/ipc.h>
#include <sys/sem.h>

#include "kipc_util.h"
#include "bench.h"

/* As many elements as the array of the textbooks has. */
#define COUNT		10

struct numbers {
	int id;			/* descriptor or System V identifier */
	uint64_t *memory;
};

static void kipc_set_up(struct rig *rig)
{
	struct kipc_array_create arg = {
		.size = sizeof(arg),
		.mode = 0600,
		.rights = KIPC_RIGHT_READ | KIPC_RIGHT_WRITE,
		.count = COUNT,
		.element = sizeof(uint64_t),
	};
	struct numbers *own = rig_shared(sizeof(*own));
	int ret = kipc_device_ioctl(KIPC_ARRAY_CREATE, &arg);

	if (ret)
		errx(1, "cannot create a kipc array: %s", strerror(-ret));
	own->id = arg.fd;
	rig->priv = own;
}

static void kipc_run(struct rig *rig, unsigned long ops)
{
	const struct numbers *own = rig->priv;

	while (ops--) {
		struct kipc_array_op arg = {
			.size = sizeof(arg),
			.entry = {
				.op = KIPC_ARRAY_ADD,
				.index = COUNT / 2,
				.value = 1,
			},
		};

		if (ioctl(own->id, KIPC_ARRAY_OP, &arg))
			err(1, "KIPC_ARRAY_OP");
	}
}

static void kipc_close(struct rig *rig)
{
	struct numbers *own = rig->priv;

	close(own->id);
	munmap(own, sizeof(*own));
}

static void sysv_set_up(struct rig *rig)
{
	struct numbers *own = rig_shared(sizeof(*own));

	own->id = semget(IPC_PRIVATE, COUNT, 0600);
	if (own->id < 0)
		err(1, "semget");
	rig->priv = own;
}

/* Up and down in turns, for it holds 32767 at most; an odd number of operations
 * leaves it one higher.  The number before, which KIPC_ARRAY_OP gives, it does
 * not tell.
 */
static void sysv_run(struct rig *rig, unsigned long ops)
{
	const struct numbers *own = rig->priv;
	struct sembuf op = { .sem_num = COUNT / 2, .sem_op = -1 };

	while (ops--) {
		op.sem_op = -op.sem_op;
		if (semop(own->id, &op, 1))
			err(1, "semop");
	}
}

static void sysv_close(struct rig *rig)
{
	struct numbers *own = rig->priv;

	if (semctl(own->id, 0, IPC_RMID))
		err(1, "semctl");
	munmap(own, sizeof(*own));
}

static void memory_set_up(struct rig *rig)
{
	struct numbers *own = rig_shared(sizeof(*own));

	own->memory = rig_shared(COUNT * sizeof(*own->memory));
	rig->priv = own;
}

static void memory_run(struct rig *rig, unsigned long ops)
{
	const struct numbers *own = rig->priv;
	uint64_t last = 0;

	while (ops--)
		last = __atomic_fetch_add(&own->memory[COUNT / 2], 1,
					  __ATOMIC_SEQ_CST);
	/* The number before is wanted here as well. */
	own->memory[0] = last;
}

static void memory_close(struct rig *rig)
{
	struct numbers *own = rig->priv;

	munmap(own->memory, COUNT * sizeof(*own->memory));
	munmap(own, sizeof(*own));
}

static const struct work add_kipc = {
	.set_up = kipc_set_up, .run = kipc_run, .close = kipc_close,
};

static const struct work add_sysv = {
	.set_up = sysv_set_up, .run = sysv_run, .close = sysv_close,
};

static const struct work add_memory = {
	.set_up = memory_set_up, .run = memory_run, .close = memory_close,
};

const struct metric array_add = {
	.name = "array_add",
	.kind = KIPC_KIND_ARRAY,
	.size = sizeof(uint64_t),
	.sides = {
		{ "kipc", &add_kipc, NULL },
		{ "semop(2)", &add_sysv, NULL },
		{ "shared memory", &add_memory, NULL },
	},
};
