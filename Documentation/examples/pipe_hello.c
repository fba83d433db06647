// SPDX-License-Identifier: GPL-2.0
/* A child process sends its parent a line through a kipc pipe. */
#include <err.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <linux/kipc.h>

int main(void)
{
	struct kipc_pipe_create arg = {
		.size = sizeof(arg),
		.rights = KIPC_RIGHT_READ | KIPC_RIGHT_WRITE,
	};
	int dev = open(KIPC_DEVICE, O_RDWR | O_CLOEXEC);
	char line[64];
	ssize_t len;
	pid_t child;

	if (dev < 0 || ioctl(dev, KIPC_PIPE_CREATE, &arg) < 0)
		err(1, "%s", KIPC_DEVICE);
	child = fork();
	if (child < 0)
		err(1, "fork");
	if (!child)
		return dprintf(arg.write_fd, "Hello from a child!\n") < 0;

	close(arg.write_fd);	/* or the loop would not see the end of file */
	while ((len = read(arg.read_fd, line, sizeof(line))) > 0)
		printf("%.*s", (int)len, line);
	return len < 0;
}
