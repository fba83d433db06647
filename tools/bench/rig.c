// SPDX-License-Identifier: GPL-2.0
/*
 * The channels, and what is done with them.  Everything goes through read(2)
 * and write(2) for both kinds: only the file behind the descriptor differs.
 */
#include <err.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "kipc_util.h"
#include "bench.h"

/* Room for some operations of the larger sizes, so that a single process that
 * holds both ends never sleeps; the default of pipe(2) for the small ones.
 */
#define SMALL_CAPACITY	(64 << 10)
#define LARGE_CAPACITY	(1 << 20)

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

const struct kind kind_kipc = { .name = "kipc", .make = make_kipc };
const struct kind kind_pipe = { .name = "pipe(2)", .make = make_pipe };

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

static void pin_to(const struct rig *rig, int cpu)
{
	cpu_set_t set;

	if (!rig->pin)
		return;
	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		err(1, "cannot run on CPU %d", cpu);
}

/* True in the new process, which dies with its parent. */
static bool fork_child(struct rig *rig)
{
	pid_t parent = getpid();

	rig->child = fork();
	if (rig->child < 0)
		err(1, "fork");
	if (rig->child) {
		pin_to(rig, 0);
		return false;
	}
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1);
	pin_to(rig, 1);
	return true;
}

static void transfer_set_up(struct rig *rig)
{
	/* The other end of the channel is this process's too. */
	pin_to(rig, 0);
	rig->from[0] = rig->to[0];
	rig->to[0] = -1;
}

/* No loops around the calls: with room for the whole there are no parts. */
static void transfer_run(struct rig *rig, unsigned long ops)
{
	ssize_t size = rig->size;

	while (ops--) {
		if (write(rig->to[1], rig->buf, size) != size)
			err(1, "write of %zd bytes", size);
		if (read(rig->from[0], rig->buf, size) != size)
			err(1, "read of %zd bytes", size);
	}
}

static void round_trip_set_up(struct rig *rig)
{
	rig->kind->make(rig->from, rig->size < SMALL_CAPACITY ?
			SMALL_CAPACITY : LARGE_CAPACITY);
	if (fork_child(rig)) {
		close_end(&rig->to[1]);
		close_end(&rig->from[0]);
		while (read_all(rig->to[0], rig->buf, rig->size))
			write_all(rig->from[1], rig->buf, rig->size);
		_exit(0);
	}
	close_end(&rig->to[0]);
	close_end(&rig->from[1]);
}

static void round_trip_run(struct rig *rig, unsigned long ops)
{
	while (ops--) {
		write_all(rig->to[1], rig->buf, rig->size);
		must_read(rig->from[0], rig->buf, rig->size);
	}
}

/* Tells how many operations the reader is to take before it answers. */
struct order {
	unsigned long ops;
};

static void sink(struct rig *rig)
{
	struct order order = { 0 };

	while (read_all(rig->from[0], (char *)&order, sizeof(order))) {
		while (order.ops--)
			must_read(rig->to[0], rig->buf, rig->size);
		write_all(rig->from[0], "", 1);
	}
	_exit(0);
}

/* The order and the answer go over a socket pair: the same for both kinds. */
static void throughput_set_up(struct rig *rig)
{
	int sock[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sock))
		err(1, "socketpair");
	if (fork_child(rig)) {
		close_end(&rig->to[1]);
		close(sock[0]);
		rig->from[0] = sock[1];
		sink(rig);
	}
	close_end(&rig->to[0]);
	close(sock[1]);
	rig->from[0] = sock[0];
}

static void throughput_run(struct rig *rig, unsigned long ops)
{
	struct order order = { .ops = ops };
	char answer;

	write_all(rig->from[0], (char *)&order, sizeof(order));
	while (ops--)
		write_all(rig->to[1], rig->buf, rig->size);
	must_read(rig->from[0], &answer, 1);
}

const struct metric metrics[] = {
	{ .name = "transfer",
	  .text = "write and read back, one process",
	  .set_up = transfer_set_up, .run = transfer_run },
	{ .name = "round-trip",
	  .text = "there and back, two processes, two channels",
	  .set_up = round_trip_set_up, .run = round_trip_run },
	{ .name = "throughput",
	  .text = "one write, read by another process meanwhile",
	  .set_up = throughput_set_up, .run = throughput_run },
};

const size_t metric_count = ARRAY_SIZE(metrics);

void rig_open(struct rig *rig, const struct metric *metric,
	      const struct kind *kind, size_t size, bool pin)
{
	*rig = (struct rig){
		.kind = kind,
		.size = size,
		.to = { -1, -1 },
		.from = { -1, -1 },
		.pin = pin,
	};
	/* Touched, so that no page of it is missing when the clock runs. */
	rig->buf = malloc(size);
	if (!rig->buf)
		err(1, "malloc");
	memset(rig->buf, 'k', size);
	kind->make(rig->to, size < SMALL_CAPACITY ?
		   SMALL_CAPACITY : LARGE_CAPACITY);
	metric->set_up(rig);
}

void rig_close(struct rig *rig)
{
	int status;

	/* End of file is what makes the other process leave. */
	close_end(&rig->to[0]);
	close_end(&rig->to[1]);
	close_end(&rig->from[0]);
	close_end(&rig->from[1]);
	free(rig->buf);
	if (!rig->child)
		return;
	if (waitpid(rig->child, &status, 0) < 0)
		err(1, "waitpid");
	if (status)
		errx(1, "the process at the other end failed: status %#x",
		     status);
}
