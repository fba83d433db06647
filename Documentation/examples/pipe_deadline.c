// SPDX-License-Identifier: GPL-2.0
/*
 * A read and a write that give up at a deadline, and what helps the writer: a
 * larger pipe.
 */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include <linux/kipc.h>

#define CAPACITY	65536
#define PATIENCE_NS	(50 * 1000 * 1000)

/* As deadlines want it: nanoseconds of CLOCK_MONOTONIC. */
static unsigned long long now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ULL + ts.tv_nsec;
}

static void make_pipe(int *read_fd, int *write_fd)
{
	struct kipc_pipe_create arg = {
		.size = sizeof(arg),
		.rights = KIPC_RIGHT_READ | KIPC_RIGHT_WRITE,
		.capacity = CAPACITY,
	};
	int dev = open(KIPC_DEVICE, O_RDWR | O_CLOEXEC);

	if (dev < 0 || ioctl(dev, KIPC_PIPE_CREATE, &arg) < 0)
		err(1, "%s", KIPC_DEVICE);
	close(dev);
	*read_fd = arg.read_fd;
	*write_fd = arg.write_fd;
}

/* One read or write; gives the bytes moved, or -1 after the deadline. */
static long long move(int fd, unsigned long how, void *buf, size_t len)
{
	unsigned long long start = now_ns();
	struct kipc_pipe_io arg = {
		.size = sizeof(arg),
		.buf = (uintptr_t)buf,
		.len = len,
		.deadline_ns = start + PATIENCE_NS,
	};
	const char *what = how == KIPC_PIPE_READ ? "read" : "write";

	if (!ioctl(fd, how, &arg)) {
		printf("%s: %llu bytes\n", what, arg.done + 0ULL);
		return arg.done;
	}
	if (errno != ETIMEDOUT)
		err(1, "%s", what);
	printf("%s: gave up after %llu ms\n", what,
	       (now_ns() - start) / 1000000);
	return -1;
}

static int set_capacity(int fd, size_t bytes)
{
	struct kipc_pipe_resize arg = { .size = sizeof(arg), .capacity = bytes };

	if (!ioctl(fd, KIPC_PIPE_RESIZE, &arg)) {
		printf("resize: %llu bytes\n", arg.capacity + 0ULL);
		return 0;
	}
	printf("resize to %zu bytes: %m\n", bytes);
	return -errno;
}

static void show(int fd)
{
	struct kipc_pipe_stat stat = { .size = sizeof(stat) };

	if (ioctl(fd, KIPC_PIPE_STAT, &stat) < 0)
		err(1, "KIPC_PIPE_STAT");
	printf("%llu of %llu bytes in use, %llu written, %llu read\n",
	       stat.used + 0ULL, stat.capacity + 0ULL,
	       stat.writers.bytes + 0ULL, stat.readers.bytes + 0ULL);
	printf("sleeps of writers: %llu, %llu ms in all\n",
	       stat.writers.sleeps + 0ULL,
	       stat.writers.blocked_ns / 1000000ULL);
}

int main(void)
{
	static char data[CAPACITY];
	int rd, wr;

	make_pipe(&rd, &wr);
	/* The pipe is empty, and nobody writes. */
	if (move(rd, KIPC_PIPE_READ, data, sizeof(data)) != -1)
		errx(1, "read from an empty pipe");
	/* The second write finds it full, and nobody reads. */
	if (move(wr, KIPC_PIPE_WRITE, data, sizeof(data)) != sizeof(data))
		errx(1, "short write");
	if (move(wr, KIPC_PIPE_WRITE, data, sizeof(data)) != -1)
		errx(1, "wrote to a full pipe");
	if (set_capacity(wr, 4 * CAPACITY))
		errx(1, "cannot resize");
	if (move(wr, KIPC_PIPE_WRITE, data, sizeof(data)) != sizeof(data))
		errx(1, "short write");
	/* What is in the pipe stays in it: it does not shrink below that. */
	if (set_capacity(wr, CAPACITY) != -EBUSY)
		errx(1, "the content was lost");
	show(rd);
	return 0;
}
