// SPDX-License-Identifier: GPL-2.0
/*
 * Four processes open one pipe by its name and take turns: each of them gets
 * one record before any of them gets its next.
 */
#include <err.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/kipc.h>

#define READERS		4
#define RECORDS		40
#define PATIENCE_MS	10000

static const char name[] = "example-turns";

static int open_device(void)
{
	int dev = open(KIPC_DEVICE, O_RDWR | O_CLOEXEC);

	if (dev < 0)
		err(1, "%s", KIPC_DEVICE);
	return dev;
}

static int make_write_end(void)
{
	struct kipc_pipe_create arg = {
		.size = sizeof(arg),
		.flags = KIPC_EXCL | KIPC_PIPE_TURNS | KIPC_PIPE_RECORD,
		.name = (uintptr_t)name,
		.name_len = strlen(name),
		.mode = 0600,
		.rights = KIPC_RIGHT_WRITE,
	};
	int dev = open_device();

	if (ioctl(dev, KIPC_PIPE_CREATE, &arg) < 0)
		err(1, "cannot create the pipe '%s'", name);
	close(dev);
	return arg.write_fd;
}

static int open_read_end(void)
{
	struct kipc_open arg = {
		.size = sizeof(arg),
		.name = (uintptr_t)name,
		.name_len = strlen(name),
		.kind = KIPC_KIND_PIPE,
		.rights = KIPC_RIGHT_READ,
	};
	int dev = open_device();

	if (ioctl(dev, KIPC_OPEN, &arg) < 0)
		err(1, "cannot open the pipe '%s'", name);
	close(dev);
	return arg.fd;
}

/* Prints the numbers of the records that this process got. */
static int read_all(int number)
{
	int fd = open_read_end(), count = 0;
	char record[16], list[16 * RECORDS] = "";
	ssize_t len;

	while ((len = read(fd, record, sizeof(record) - 1)) > 0) {
		record[len] = '\0';
		strcat(strcat(list, " "), record);
		count++;
	}
	if (len < 0)
		err(1, "read");
	printf("reader %d got %d records:%s\n", number, count, list);
	return 0;
}

/*
 * A reader is one of those who take turns from its first read on.  Whoever is
 * late gets its shares from then on; here nobody shall be late.
 */
static void wait_for_readers(int fd)
{
	struct kipc_pipe_stat stat = { .size = sizeof(stat) };
	int ms;

	for (ms = 0; ms < PATIENCE_MS; ms++) {
		if (ioctl(fd, KIPC_PIPE_STAT, &stat) < 0)
			err(1, "KIPC_PIPE_STAT");
		if (stat.readers.waiting == READERS)
			return;
		usleep(1000);
	}
	errx(1, "%u of %d readers came", stat.readers.waiting, READERS);
}

int main(void)
{
	int i, status, failed = 0, fd = make_write_end();
	pid_t child;

	for (i = 1; i <= READERS; i++) {
		child = fork();
		if (child < 0)
			err(1, "fork");
		if (child)
			continue;
		/* A reader that holds a write end never sees end of file. */
		close(fd);
		return read_all(i);
	}

	wait_for_readers(fd);
	for (i = 1; i <= RECORDS; i++) {
		if (dprintf(fd, "%d", i) < 0)	/* one write, one record */
			err(1, "write");
	}
	close(fd);
	while (wait(&status) > 0)
		failed |= status;
	return failed != 0;
}
