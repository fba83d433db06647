// SPDX-License-Identifier: GPL-2.0
/* A child process fills a table of squares that its parent then reads. */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/kipc.h>

#define ROWS	10

struct row {
	unsigned int number;
	unsigned int square;
};

static const char name[] = "example-table";

/* A handle; the first one to come makes the segment, with zeroes in it. */
static int open_table(unsigned int rights)
{
	struct kipc_segment_create arg = {
		.size = sizeof(arg),
		.name = (uintptr_t)name,
		.name_len = strlen(name),
		.mode = 0600,
		.rights = rights,
		.seals = KIPC_SEAL_SHRINK,	/* so nobody can take pages away */
		.bytes = ROWS * sizeof(struct row),
	};
	int dev = open(KIPC_DEVICE, O_RDWR | O_CLOEXEC);

	if (dev < 0 || ioctl(dev, KIPC_SEGMENT_CREATE, &arg) < 0)
		err(1, "%s", KIPC_DEVICE);
	close(dev);
	return arg.fd;
}

/* The mapping holds the segment: the descriptor is not needed any longer. */
static struct row *map_table(unsigned int rights, int prot)
{
	int fd = open_table(rights);
	void *mem = mmap(NULL, ROWS * sizeof(struct row), prot, MAP_SHARED, fd,
			 0);

	if (mem == MAP_FAILED)
		err(1, "mmap");
	close(fd);
	return mem;
}

static void fill_table(void)
{
	struct row *table = map_table(KIPC_RIGHT_READ | KIPC_RIGHT_WRITE,
				      PROT_READ | PROT_WRITE);
	unsigned int i;

	for (i = 0; i < ROWS; i++) {
		table[i].number = i;
		table[i].square = i * i;
	}
	printf("child: filled %d rows\n", ROWS);
}

int main(void)
{
	struct row *table = map_table(KIPC_RIGHT_READ, PROT_READ);
	int status;
	pid_t child = fork();

	if (child < 0)
		err(1, "fork");
	if (!child) {
		fill_table();
		return 0;
	}
	if (wait(&status) < 0 || status)
		errx(1, "the child failed");

	printf("parent: %u squared is %u\n", table[7].number, table[7].square);
	if (mprotect(table, ROWS * sizeof(struct row), PROT_WRITE) < 0)
		printf("parent: to write with a read-only handle: %s\n",
		       strerror(errno));
	return 0;
}
