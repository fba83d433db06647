// SPDX-License-Identifier: GPL-2.0
/*
 * Pipes.  Everything goes through read(2) and write(2) on both sides: only the
 * file behind the descriptor differs.  So it is with the peers of other kinds
 * that do the same.
 */
#include <err.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "kipc_util.h"
#include "bench.h"

/* Room for some operations of the larger sizes, so that a single process that
 * holds both ends never sleeps; the default of pipe(2) for the small ones.
 */
#define SMALL_CAPACITY	(64 << 10)
#define LARGE_CAPACITY	(1 << 20)
#define SIZE_MOST	(LARGE_CAPACITY / 2)

/* A kind of channel; @make opens one with room for @capacity bytes. */
struct channel {
	void (*make)(int fd[2], size_t capacity);
};

/* This process writes to @to[1] and reads from @from[0]; -1 where closed. */
struct pipe_rig {
	int to[2];
	int from[2];
	char *buf;
};

static void make_kipc(int fd[2], size_t capacity)
{
	int ret = kipc_pipe(fd, capacity, 0);

	if (ret)
		errx(1, "cannot create a kipc pipe: %s", strerror(-ret));
}

static void make_pipe(int fd[2], size_t capacity)
{
	if (pipe2(fd, O_CLOEXEC))
		err(1, "pipe2");
	if (fcntl(fd[1], F_SETPIPE_SZ, (int)capacity) < 0)
		err(1, "F_SETPIPE_SZ to %zu", capacity);
}

/* Its own buffer holds what is under way in a round trip. */
static void make_seqpacket(int fd[2], size_t capacity)
{
	(void)capacity;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fd))
		err(1, "socketpair");
}

static const struct channel channel_kipc = { .make = make_kipc };
const struct channel channel_pipe = { .make = make_pipe };
const struct channel channel_seqpacket = { .make = make_seqpacket };

static void make_channel(const struct rig *rig, int fd[2])
{
	const struct channel *channel = rig->side->own;

	channel->make(fd, rig->size < SMALL_CAPACITY ? SMALL_CAPACITY :
						       LARGE_CAPACITY);
}

static void close_end(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static void write_all(int fd, const char *buf, size_t len)
{
	while (len) {
		ssize_t n = write(fd, buf, len);

		if (n < 0)
			err(1, "write");
		buf += n;
		len -= n;
	}
}

/* False at the end of file, which may come only between two operations. */
static bool read_all(int fd, char *buf, size_t len)
{
	size_t got = 0;

	while (got < len) {
		ssize_t n = read(fd, buf + got, len - got);

		if (n < 0)
			err(1, "read");
		if (!n && got)
			errx(1, "end of file after %zu of %zu bytes", got, len);
		if (!n)
			return false;
		got += n;
	}
	return true;
}

static void must_read(int fd, char *buf, size_t len)
{
	if (!read_all(fd, buf, len))
		errx(1, "the process at the other end is gone");
}

static struct pipe_rig *pipe_set_up(struct rig *rig)
{
	struct pipe_rig *own = malloc(sizeof(*own));
	char *buf = malloc(rig->size);

	if (!own || !buf)
		err(1, "malloc");
	/* Touched, so that no page of it is missing when the clock runs. */
	memset(buf, 'k', rig->size);
	*own = (struct pipe_rig){ .from = { -1, -1 }, .buf = buf };
	make_channel(rig, own->to);
	rig->priv = own;
	return own;
}

/* End of file is what makes the other process leave. */
static void pipe_close(struct rig *rig)
{
	struct pipe_rig *own = rig->priv;

	close_end(&own->to[0]);
	close_end(&own->to[1]);
	close_end(&own->from[0]);
	close_end(&own->from[1]);
	free(own->buf);
	free(own);
}

static void transfer_set_up(struct rig *rig)
{
	struct pipe_rig *own = pipe_set_up(rig);

	/* The other end of the channel is this process's too. */
	own->from[0] = own->to[0];
	own->to[0] = -1;
}

/* No loops around the calls: with room for the whole there are no parts. */
static void transfer_run(struct rig *rig, unsigned long ops)
{
	const struct pipe_rig *own = rig->priv;
	ssize_t size = rig->size;

	while (ops--) {
		if (write(own->to[1], own->buf, size) != size)
			err(1, "write of %zd bytes", size);
		if (read(own->from[0], own->buf, size) != size)
			err(1, "read of %zd bytes", size);
	}
}

static void round_trip_set_up(struct rig *rig)
{
	struct pipe_rig *own = pipe_set_up(rig);

	make_channel(rig, own->from);
	if (rig_fork(rig)) {
		close_end(&own->to[1]);
		close_end(&own->from[0]);
		while (read_all(own->to[0], own->buf, rig->size))
			write_all(own->from[1], own->buf, rig->size);
		_exit(0);
	}
	close_end(&own->to[0]);
	close_end(&own->from[1]);
}

static void round_trip_run(struct rig *rig, unsigned long ops)
{
	const struct pipe_rig *own = rig->priv;

	while (ops--) {
		write_all(own->to[1], own->buf, rig->size);
		must_read(own->from[0], own->buf, rig->size);
	}
}

static const struct work transfer = {
	.set_up = transfer_set_up,
	.run = transfer_run,
	.close = pipe_close,
};

const struct work channel_round_trip = {
	.set_up = round_trip_set_up,
	.run = round_trip_run,
	.close = pipe_close,
};

const struct metric pipe_transfer = {
	.name = "transfer",
	.long_name = "pipe transfer",
	.kind = KIPC_KIND_PIPE,
	.sizes = true,
	.size_max = SIZE_MOST,
	.sides = {
		{ "kipc", &transfer, &channel_kipc },
		{ "pipe(2)", &transfer, &channel_pipe },
	},
};

const struct metric pipe_round_trip = {
	.name = "round-trip",
	.long_name = "pipe round-trip",
	.kind = KIPC_KIND_PIPE,
	.sizes = true,
	.size_max = SIZE_MOST,
	.sides = {
		{ "kipc", &channel_round_trip, &channel_kipc },
		{ "pipe(2)", &channel_round_trip, &channel_pipe },
	},
};
