// SPDX-License-Identifier: GPL-2.0
/*
 * Jobs of two types in one mailbox.  Each worker takes those of its type, what
 * is urgent first, and leaves the others alone.
 */
#include <err.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/kipc.h>

#define PRINT	1
#define SCAN	2

#define URGENT	10

static const char name[] = "example-jobs";

/* A handle; the first one to come makes the mailbox. */
static int open_jobs(unsigned int rights)
{
	struct kipc_mailbox_create arg = {
		.size = sizeof(arg),
		.name = (uintptr_t)name,
		.name_len = strlen(name),
		.mode = 0600,
		.rights = rights,
		.max_messages = 16,
	};
	int dev = open(KIPC_DEVICE, O_RDWR | O_CLOEXEC);

	if (dev < 0 || ioctl(dev, KIPC_MAILBOX_CREATE, &arg) < 0)
		err(1, "%s", KIPC_DEVICE);
	close(dev);
	return arg.fd;
}

static void send_job(int fd, int type, int priority, const char *what)
{
	struct kipc_msg_send arg = {
		.size = sizeof(arg),
		.msg = {
			.type = type,
			.priority = priority,
			.buf = (uintptr_t)what,
			.len = strlen(what),
		},
	};

	if (ioctl(fd, KIPC_MAILBOX_SEND, &arg) < 0)
		err(1, "KIPC_MAILBOX_SEND");
}

/* Works until there is a job that is nothing; prints what it has done. */
static int work(const char *who, int type)
{
	int fd = open_jobs(KIPC_RIGHT_READ);
	char what[32], done[256] = "";
	struct kipc_msg_recv arg;

	for (;;) {
		arg = (struct kipc_msg_recv){
			.size = sizeof(arg),
			.select = KIPC_SELECT_TYPE,
			.type = type,
			.msg = {
				.buf = (uintptr_t)what,
				.len = sizeof(what) - 1,
			},
		};
		if (ioctl(fd, KIPC_MAILBOX_RECV, &arg) < 0)
			err(1, "KIPC_MAILBOX_RECV");
		if (!arg.msg.len)
			break;
		what[arg.msg.len] = '\0';
		strcat(strcat(done, " "), what);
	}
	printf("%s:%s\n", who, done);
	return 0;
}

static void start(const char *who, int type)
{
	pid_t child = fork();

	if (child < 0)
		err(1, "fork");
	if (!child)
		exit(work(who, type));
}

int main(void)
{
	int fd = open_jobs(KIPC_RIGHT_WRITE), status, failed = 0;

	send_job(fd, PRINT, 0, "report");
	send_job(fd, SCAN, 0, "photo");
	send_job(fd, PRINT, 0, "letter");
	send_job(fd, PRINT, URGENT, "invoice");
	send_job(fd, SCAN, URGENT, "passport");
	/* Of the lowest priority and sent last, so it comes last. */
	send_job(fd, PRINT, 0, "");
	send_job(fd, SCAN, 0, "");

	start("printer", PRINT);
	start("scanner", SCAN);
	while (wait(&status) > 0)
		failed |= status;
	return failed != 0;
}
