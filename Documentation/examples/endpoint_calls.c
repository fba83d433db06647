// SPDX-License-Identifier: GPL-2.0
/* Three clients call a server, which squares numbers. */
#include <err.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/kipc.h>

#define CLIENTS	3
#define CALLS	100

/* Where the server is: its pid, and the id that makes it certain. */
struct address {
	pid_t pid;
	__u64 id;
};

static int open_device(void)
{
	int dev = open(KIPC_DEVICE, O_RDWR | O_CLOEXEC);

	if (dev < 0)
		err(1, "%s", KIPC_DEVICE);
	return dev;
}

/* One system call there and back. */
static __u64 square(int dev, const struct address *server, __u64 number)
{
	__u64 answer = 0;
	struct kipc_endpoint_call arg = {
		.size = sizeof(arg),
		.pid = server->pid,
		.id = server->id,
		.request = {
			.buf = (uintptr_t)&number,
			.len = sizeof(number),
		},
		.reply = {
			.buf = (uintptr_t)&answer,
			.len = sizeof(answer),
		},
	};

	if (ioctl(dev, KIPC_ENDPOINT_CALL, &arg) < 0)
		err(1, "KIPC_ENDPOINT_CALL");
	return answer;
}

static int run_client(int who, const struct address *server)
{
	int dev = open_device();
	__u64 i, sum = 0;

	for (i = 1; i <= CALLS; i++)
		sum += square(dev, server, i * who);
	printf("client %d: %llu\n", who, (unsigned long long)sum);
	return 0;
}

/* Answers the call before and waits for the next, in one system call. */
static void serve(int fd, int calls)
{
	__u64 number = 0, answer;
	struct kipc_endpoint_reply_recv arg = {
		.size = sizeof(arg),
		.reply = {
			.buf = (uintptr_t)&answer,
			.len = sizeof(answer),
		},
	};
	struct kipc_endpoint_reply last = { .size = sizeof(last) };

	while (calls--) {
		arg.request = (struct kipc_msg){
			.buf = (uintptr_t)&number,
			.len = sizeof(number),
		};
		if (ioctl(fd, KIPC_ENDPOINT_REPLY_RECV, &arg) < 0)
			err(1, "KIPC_ENDPOINT_REPLY_RECV");
		answer = number * number;
		arg.token = arg.request.token;	/* 0 at first: no call yet */
	}
	last.token = arg.token;
	last.msg = arg.reply;
	if (ioctl(fd, KIPC_ENDPOINT_REPLY, &last) < 0)
		err(1, "KIPC_ENDPOINT_REPLY");
}

int main(void)
{
	struct kipc_endpoint_create arg = {
		.size = sizeof(arg),
		.mode = 0600,	/* who may send: this user */
		.rights = KIPC_RIGHT_READ,
	};
	struct address self = { .pid = getpid() };
	int status, failed = 0, i;

	if (ioctl(open_device(), KIPC_ENDPOINT_CREATE, &arg) < 0)
		err(1, "KIPC_ENDPOINT_CREATE");
	self.id = arg.id;
	for (i = 1; i <= CLIENTS; i++) {
		pid_t child = fork();

		if (child < 0)
			err(1, "fork");
		if (!child)
			return run_client(i, &self);
	}
	serve(arg.fd, CLIENTS * CALLS);
	while (wait(&status) > 0)
		failed |= status;
	printf("server: answered %d calls\n", CLIENTS * CALLS);
	return failed != 0;
}
