// SPDX-License-Identifier: GPL-2.0
/* Segments: the first touch of each page of a new one, against a new memfd. */
#include <err.h>

#include "kipc_util.h"
#include "bench.h"

#define BYTES		(64UL << 20)
#define PAGE		4096
#define PAUSE_US	20000

/* A kind of memory; @make gives the descriptor of @BYTES of it. */
struct memory {
	int (*make)(void);
};

static int make_kipc(void)
{
	struct kipc_segment_create arg = {
		.size = sizeof(arg),
		.mode = 0600,
		.rights = KIPC_RIGHT_READ | KIPC_RIGHT_WRITE,
		.bytes = BYTES,
	};
	int ret = kipc_device_ioctl(KIPC_SEGMENT_CREATE, &arg);

	if (ret)
		errx(1, "cannot create a kipc segment: %s", strerror(-ret));
	return arg.fd;
}

static int make_memfd(void)
{
	int fd = memfd_create("kipc-bench", MFD_CLOEXEC);

	if (fd < 0)
		err(1, "memfd_create");
	if (ftruncate(fd, BYTES))
		err(1, "ftruncate");
	return fd;
}

static const struct memory memory_kipc = { .make = make_kipc };
static const struct memory memory_memfd = { .make = make_memfd };

static void nothing(struct rig *rig)
{
	(void)rig;
}

static void touch_before(struct rig *rig)
{
	const struct memory *memory = rig->side->own;
	int fd = memory->make();

	rig->priv = mmap(NULL, BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
			 0);
	if (rig->priv == MAP_FAILED)
		err(1, "mmap");
	close(fd);
}

static void touch_run(struct rig *rig, unsigned long ops)
{
	char *at = rig->priv;

	for (; ops--; at += PAGE)
		__atomic_store_n(at, 1, __ATOMIC_RELAXED);
}

/* The pause is for the kernel to sort the free pages.  Without it some runs find
 * them in the CPU's own lists and others do not, whichever side they are of, and
 * their figures are 3 % apart.
 */
static void touch_after(struct rig *rig)
{
	munmap(rig->priv, BYTES);
	usleep(PAUSE_US);
}

static const struct work touch = {
	.set_up = nothing,
	.before = touch_before,
	.run = touch_run,
	.after = touch_after,
	.close = nothing,
};

const struct metric segment_touch = {
	.name = "segment_touch",
	.kind = KIPC_KIND_SEGMENT,
	.size = PAGE,
	.ops = BYTES / PAGE,
	.runs = 4,
	.sides = {
		{ "kipc", &touch, &memory_kipc },
		{ "memfd", &touch, &memory_memfd },
	},
};
