// SPDX-License-Identifier: GPL-2.0
/* A child process puts three words into a mailbox, and its parent takes them. */
#include <err.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <linux/kipc.h>

#define WORDS	3

int main(void)
{
	struct kipc_mailbox_create arg = {
		.size = sizeof(arg),
		.rights = KIPC_RIGHT_READ | KIPC_RIGHT_WRITE,
	};
	int dev = open(KIPC_DEVICE, O_RDWR | O_CLOEXEC), i;
	char word[64];
	ssize_t len;
	pid_t child;

	if (dev < 0 || ioctl(dev, KIPC_MAILBOX_CREATE, &arg) < 0)
		err(1, "%s", KIPC_DEVICE);
	child = fork();
	if (child < 0)
		err(1, "fork");
	if (!child)	/* each write is a message of its own */
		return dprintf(arg.fd, "one") < 0 ||
		       dprintf(arg.fd, "two") < 0 ||
		       dprintf(arg.fd, "three") < 0;

	for (i = 0; i < WORDS; i++) {	/* a mailbox has no end of file */
		len = read(arg.fd, word, sizeof(word));
		if (len < 0)
			err(1, "read");
		printf("%.*s\n", (int)len, word);
	}
	return 0;
}
