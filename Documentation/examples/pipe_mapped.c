// SPDX-License-Identifier: GPL-2.0
/* Measurements from a process that dies in the middle of one, without system calls. */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <kipc/mapped_pipe.h>

#define COUNT		1000
#define BATCH		10

struct sample {
	int number;
	int square;
};

static void check(int ret, const char *what)
{
	if (ret)
		errx(1, "%s: %s", what, strerror(-ret));
}

static void create(int *read_fd, int *write_fd)
{
	struct kipc_pipe_create arg = {
		.size = sizeof(arg),
		.flags = KIPC_PIPE_MAPPED,
		.rights = KIPC_RIGHT_READ | KIPC_RIGHT_WRITE,
	};
	int dev = open(KIPC_DEVICE, O_RDWR | O_CLOEXEC);

	if (dev < 0 || ioctl(dev, KIPC_PIPE_CREATE, &arg) < 0)
		err(1, "%s", KIPC_DEVICE);
	close(dev);
	*read_fd = arg.read_fd;
	*write_fd = arg.write_fd;
}

/* Each sample is written where the other process reads it. */
static void produce(int fd)
{
	struct kipc_mapped_pipe pipe;
	struct sample *sample;
	void *payload;
	int i;

	check(kipc_mapped_pipe_map(&pipe, fd), "map");
	for (i = 1; i <= COUNT + 1; i++) {
		check(kipc_mapped_pipe_reserve(&pipe, sizeof(*sample), &payload,
					       0, 0), "reserve");
		sample = payload;
		sample->number = i;
		if (i > COUNT)
			raise(SIGKILL);
		sample->square = i * i;
		/* The others of a batch are seen together with the last one. */
		check(kipc_mapped_pipe_commit(&pipe, sizeof(*sample),
					      i % BATCH ? KIPC_MAPPED_MORE : 0),
		      "commit");
	}
}

int main(void)
{
	int read_fd, write_fd, ret, count = 0;
	struct kipc_mapped_pipe pipe;
	const void *payload;
	long long sum = 0;
	size_t len;
	pid_t pid;

	create(&read_fd, &write_fd);
	pid = fork();
	if (pid < 0)
		err(1, "fork");
	if (!pid) {
		close(read_fd);
		produce(write_fd);
		_exit(0);
	}
	close(write_fd);	/* or there would be no end of file */
	check(kipc_mapped_pipe_map(&pipe, read_fd), "map");
	while (!(ret = kipc_mapped_pipe_peek(&pipe, &payload, &len, 0, 0))) {
		sum += ((const struct sample *)payload)->square;
		count++;
		check(kipc_mapped_pipe_release(&pipe, 0), "release");
	}
	if (ret != -EPIPE)
		errx(1, "peek: %s", strerror(-ret));
	printf("%d samples, %lld in all, and the end of file\n", count, sum);
	wait(NULL);
	return 0;
}
