// SPDX-License-Identifier: GPL-2.0
/* Lanes, and those of them that are read(2) and written. */
#include <err.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "kipc_util.h"
#include "lane.h"

#define LARGE		(1 << 20)

/* As much as every user may have: room for two of the longest packets. */
#define SOCKET_BYTES	(208 << 10)

/* There is room for the type that a System V message has in front of it.  All is
 * touched, so that no page is missing when the clock runs.
 */
void lane_open(struct lane *lane, const struct lane_kind *kind, size_t size)
{
	char *mem = malloc(sizeof(long) + size);

	if (!mem)
		err(1, "malloc");
	memset(mem + sizeof(long), 'k', size);
	*(long *)mem = 1;
	*lane = (struct lane){
		.kind = kind,
		.size = size,
		.body = mem + sizeof(long),
		.to = -1,
		.from = -1,
	};
	kind->make(lane);
}

void lane_close(struct lane *lane)
{
	if (lane->kind->remove) {
		lane->kind->remove(lane);
	} else {
		close(lane->to);
		if (lane->from != lane->to)
			close(lane->from);
	}
	free(lane->body - sizeof(long));
}

static void fd_send(struct lane *lane)
{
	const char *at = lane->body;
	size_t left = lane->size;

	while (left) {
		ssize_t n = write(lane->to, at, left);

		if (n < 0)
			err(1, "write");
		lane->calls++;
		at += n;
		left -= n;
	}
}

static void fd_recv(struct lane *lane)
{
	size_t left = lane->size;
	char *at = lane->body;

	while (left) {
		ssize_t n = read(lane->from, at, left);

		if (n < 0)
			err(1, "read");
		if (!n)
			errx(1, "end of file");
		lane->calls++;
		at += n;
		left -= n;
	}
}

static void kipc_pipe_open(struct lane *lane, uint32_t flags)
{
	int fd[2], ret = kipc_pipe(fd, lane->kind->capacity, flags);

	if (ret)
		errx(1, "cannot create a kipc pipe: %s", strerror(-ret));
	lane->from = fd[0];
	lane->to = fd[1];
}

static void kipc_pipe_make(struct lane *lane)
{
	kipc_pipe_open(lane, 0);
}

static void kipc_turns_make(struct lane *lane)
{
	kipc_pipe_open(lane, KIPC_PIPE_TURNS);
}

static void pipe_make(struct lane *lane)
{
	int fd[2], capacity = lane->kind->capacity;

	if (pipe2(fd, O_CLOEXEC))
		err(1, "pipe2");
	if (capacity && fcntl(fd[1], F_SETPIPE_SZ, capacity) < 0)
		err(1, "F_SETPIPE_SZ to %d", capacity);
	lane->from = fd[0];
	lane->to = fd[1];
}

/* To open the second end does not wait, since the first one is there. */
static void fifo_make(struct lane *lane)
{
	char path[64];

	snprintf(path, sizeof(path), "/tmp/kipc-bench.%d", getpid());
	if (mkfifo(path, 0600))
		err(1, "%s", path);
	lane->from = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	lane->to = open(path, O_WRONLY | O_CLOEXEC);
	if (lane->from < 0 || lane->to < 0)
		err(1, "%s", path);
	if (fcntl(lane->from, F_SETFL, 0))
		err(1, "F_SETFL");
	unlink(path);
}

static void socket_make(struct lane *lane, int type)
{
	int fd[2], bytes = SOCKET_BYTES;

	if (socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, fd))
		err(1, "socketpair");
	if (setsockopt(fd[1], SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes)))
		err(1, "SO_SNDBUF");
	lane->from = fd[0];
	lane->to = fd[1];
}

static void stream_make(struct lane *lane)
{
	socket_make(lane, SOCK_STREAM);
}

static void seqpacket_make(struct lane *lane)
{
	socket_make(lane, SOCK_SEQPACKET);
}

const struct lane_kind lane_kipc_pipe = {
	.make = kipc_pipe_make, .send = fd_send, .recv = fd_recv,
};

const struct lane_kind lane_kipc_pipe_large = {
	.capacity = LARGE,
	.make = kipc_pipe_make, .send = fd_send, .recv = fd_recv,
};

const struct lane_kind lane_kipc_pipe_turns = {
	.make = kipc_turns_make, .send = fd_send, .recv = fd_recv,
};

const struct lane_kind lane_pipe = {
	.make = pipe_make, .send = fd_send, .recv = fd_recv,
};

const struct lane_kind lane_pipe_large = {
	.capacity = LARGE,
	.make = pipe_make, .send = fd_send, .recv = fd_recv,
};

const struct lane_kind lane_fifo = {
	.make = fifo_make, .send = fd_send, .recv = fd_recv,
};

const struct lane_kind lane_stream = {
	.make = stream_make, .send = fd_send, .recv = fd_recv,
};

const struct lane_kind lane_seqpacket = {
	.make = seqpacket_make, .send = fd_send, .recv = fd_recv,
};
