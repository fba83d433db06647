// SPDX-License-Identifier: GPL-2.0
/*
 * Mapped pipes: a record of 64 bytes in and out again, in one process that has both
 * ends, against pipe(2) and a ring of the same form in a memfd.  Each copies it in
 * and out, and nobody sleeps.
 */
#include <err.h>

#include <kipc/mapped_pipe.h>

#include "kipc_util.h"
#include "bench.h"
#include "futex_ring.h"

#define CAPACITY	(64 << 10)
#define SIZE		64

/* What gives -errno and must not. */
static inline void must(int ret, const char *what)
{
	if (__builtin_expect(ret, 0))
		errx(1, "%s: %s", what, strerror(-ret));
}

struct mapped {
	struct kipc_mapped_pipe wr;
	struct kipc_mapped_pipe rd;
	char buf[SIZE];
};

static void mapped_set_up(struct rig *rig)
{
	struct mapped *own = rig_shared(sizeof(*own));
	int fd[2];

	must(kipc_pipe(fd, CAPACITY, KIPC_PIPE_MAPPED), "KIPC_PIPE_CREATE");
	must(kipc_mapped_pipe_map(&own->rd, fd[0]), "kipc_mapped_pipe_map");
	must(kipc_mapped_pipe_map(&own->wr, fd[1]), "kipc_mapped_pipe_map");
	rig->priv = own;
}

static void mapped_run(struct rig *rig, unsigned long ops)
{
	struct mapped *own = rig->priv;

	while (ops--) {
		must(kipc_mapped_pipe_write(&own->wr, own->buf, SIZE, 0, 0),
		     "kipc_mapped_pipe_write");
		if (kipc_mapped_pipe_read(&own->rd, own->buf, SIZE, 0, 0) !=
		    SIZE)
			errx(1, "kipc_mapped_pipe_read");
	}
}

static void mapped_close(struct rig *rig)
{
	struct mapped *own = rig->priv;
	int fd[] = { own->rd.fd, own->wr.fd };

	kipc_mapped_pipe_unmap(&own->rd);
	kipc_mapped_pipe_unmap(&own->wr);
	close(fd[0]);
	close(fd[1]);
	munmap(own, sizeof(*own));
}

struct plain {
	int fd[2];
	char buf[SIZE];
};

static void plain_set_up(struct rig *rig)
{
	struct plain *own = rig_shared(sizeof(*own));

	if (pipe2(own->fd, O_CLOEXEC))
		err(1, "pipe2");
	rig->priv = own;
}

static void plain_run(struct rig *rig, unsigned long ops)
{
	struct plain *own = rig->priv;

	while (ops--) {
		if (write(own->fd[1], own->buf, SIZE) != SIZE)
			err(1, "write");
		if (read(own->fd[0], own->buf, SIZE) != SIZE)
			err(1, "read");
	}
}

static void plain_close(struct rig *rig)
{
	struct plain *own = rig->priv;

	close(own->fd[0]);
	close(own->fd[1]);
	munmap(own, sizeof(*own));
}

/* Each end has a view of its own, as two processes would. */
struct ring {
	struct futex_ring wr;
	struct futex_ring rd;
	char buf[SIZE];
};

static void ring_set_up(struct rig *rig)
{
	struct ring *own = rig_shared(sizeof(*own));

	must(futex_ring_open(&own->wr, CAPACITY), "futex_ring_open");
	own->rd = own->wr;
	rig->priv = own;
}

static void ring_run(struct rig *rig, unsigned long ops)
{
	struct ring *own = rig->priv;
	size_t len;

	while (ops--) {
		memcpy(futex_ring_reserve(&own->wr, SIZE), own->buf, SIZE);
		futex_ring_commit(&own->wr);
		memcpy(own->buf, futex_ring_peek(&own->rd, &len), SIZE);
		futex_ring_release(&own->rd);
		if (len != SIZE)
			errx(1, "futex_ring_peek");
	}
}

static void ring_close(struct rig *rig)
{
	struct ring *own = rig->priv;

	futex_ring_close(&own->wr);
	munmap(own, sizeof(*own));
}

static const struct work mapped = {
	.set_up = mapped_set_up, .run = mapped_run, .close = mapped_close,
};

static const struct work plain = {
	.set_up = plain_set_up, .run = plain_run, .close = plain_close,
};

static const struct work ring = {
	.set_up = ring_set_up, .run = ring_run, .close = ring_close,
};

const struct metric mapped_pipe = {
	.name = "mapped_pipe",
	.long_name = "mapped pipe transfer",
	.kind = KIPC_KIND_PIPE,
	.size = SIZE,
	.sides = {
		{ "kipc", &mapped, NULL, 0 },
		{ "pipe(2)", &plain, NULL, 0 },
		{ "futex ring", &ring, NULL, 0 },
	},
};
