// SPDX-License-Identifier: GPL-2.0
/*
 * A caller that gives up: the server is told, and the answer that comes too late
 * reaches nobody.
 */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <linux/kipc.h>

#define DEADLINE_MS	1000

static __u64 in_ms(unsigned int ms)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000000ULL + now.tv_nsec + ms * 1000000ULL;
}

static void ask(int dev, pid_t server, const char *question,
		__u64 deadline_ns)
{
	char answer[32];
	struct kipc_endpoint_call arg = {
		.size = sizeof(arg),
		.pid = server,
		.deadline_ns = deadline_ns,
		.request = {
			.buf = (uintptr_t)question,
			.len = strlen(question),
		},
		.reply = { .buf = (uintptr_t)answer, .len = sizeof(answer) },
	};

	if (ioctl(dev, KIPC_ENDPOINT_CALL, &arg) < 0)
		printf("client: %s: %s\n", question, strerror(errno));
	else
		printf("client: %s: %.*s\n", question, (int)arg.reply.len,
		       answer);
}

/* Receives a request; gives the token to answer it with. */
static __u64 receive(int fd)
{
	char question[32];
	struct kipc_msg_recv arg = {
		.size = sizeof(arg),
		.msg = { .buf = (uintptr_t)question, .len = sizeof(question) },
	};

	if (ioctl(fd, KIPC_ENDPOINT_RECV, &arg) < 0)
		err(1, "KIPC_ENDPOINT_RECV");
	return arg.msg.token;
}

static int answer(int fd, __u64 token, const char *text)
{
	struct kipc_endpoint_reply arg = {
		.size = sizeof(arg),
		.token = token,
		.msg = { .buf = (uintptr_t)text, .len = strlen(text) },
	};

	return ioctl(fd, KIPC_ENDPOINT_REPLY, &arg) < 0 ? errno : 0;
}

static void serve(int fd)
{
	struct pollfd polled = { .fd = fd, .events = POLLPRI };
	__u64 first = receive(fd), second;

	/* Works on it, and hears that nobody waits any more. */
	if (poll(&polled, 1, -1) != 1)
		err(1, "poll");
	second = receive(fd);
	printf("server: too late: %s\n", strerror(answer(fd, first, "late")));
	if (answer(fd, second, "here"))
		err(1, "KIPC_ENDPOINT_REPLY");
}

int main(void)
{
	struct kipc_endpoint_create arg = {
		.size = sizeof(arg),
		.mode = 0600,
		.rights = KIPC_RIGHT_READ,
	};
	int dev = open(KIPC_DEVICE, O_RDWR | O_CLOEXEC), status;
	pid_t child;

	setlinebuf(stdout);
	if (dev < 0 || ioctl(dev, KIPC_ENDPOINT_CREATE, &arg) < 0)
		err(1, "%s", KIPC_DEVICE);
	child = fork();
	if (child < 0)
		err(1, "fork");
	if (!child) {
		ask(dev, getppid(), "first", in_ms(DEADLINE_MS));
		ask(dev, getppid(), "second", 0);
		return 0;
	}
	serve(arg.fd);
	if (wait(&status) < 0 || status)
		errx(1, "the child failed");
	return 0;
}
