// SPDX-License-Identifier: GPL-2.0
/*
 * A child process hands 64 MiB to its parent in a message of 16 bytes: the data
 * lie in a segment, and the message carries its descriptor.
 */
#include <err.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/kipc.h>

#define BYTES	(64UL << 20)
#define WORDS	(BYTES / sizeof(__u64))

struct parcel {
	__u64 words;
	__u64 sum;
};

static int create_mailbox(int dev)
{
	struct kipc_mailbox_create arg = {
		.size = sizeof(arg),
		.rights = KIPC_RIGHT_READ | KIPC_RIGHT_WRITE,
	};

	if (ioctl(dev, KIPC_MAILBOX_CREATE, &arg) < 0)
		err(1, "KIPC_MAILBOX_CREATE");
	return arg.fd;
}

static __u64 *map(int fd, int prot)
{
	void *mem = mmap(NULL, BYTES, prot, MAP_SHARED, fd, 0);

	if (mem == MAP_FAILED)
		err(1, "mmap");
	return mem;
}

/* A segment that is full and that nobody can change any more. */
static int make_segment(int dev, struct parcel *parcel)
{
	struct kipc_segment_create arg = {
		.size = sizeof(arg),
		.flags = KIPC_SEGMENT_SEALABLE,
		.rights = KIPC_RIGHT_READ | KIPC_RIGHT_WRITE,
		.bytes = BYTES,
	};
	struct kipc_segment_seal seal = {
		.size = sizeof(seal),
		.seals = KIPC_SEAL_WRITE | KIPC_SEAL_SHRINK,
	};
	__u64 *words, i;

	if (ioctl(dev, KIPC_SEGMENT_CREATE, &arg) < 0)
		err(1, "KIPC_SEGMENT_CREATE");
	words = map(arg.fd, PROT_READ | PROT_WRITE);
	for (i = 0; i < WORDS; i++) {
		words[i] = i * i;
		parcel->sum += words[i];
	}
	parcel->words = WORDS;
	munmap(words, BYTES);
	if (ioctl(arg.fd, KIPC_SEGMENT_SEAL, &seal) < 0)
		err(1, "KIPC_SEGMENT_SEAL");
	return arg.fd;
}

static void send_parcel(int dev, int mailbox)
{
	struct parcel parcel = { 0 };
	__s32 segment = make_segment(dev, &parcel);
	struct kipc_msg_send arg = {
		.size = sizeof(arg),
		.msg = {
			.buf = (uintptr_t)&parcel,
			.len = sizeof(parcel),
			.fds = (uintptr_t)&segment,
			.fd_count = 1,
		},
	};

	if (ioctl(mailbox, KIPC_MAILBOX_SEND, &arg) < 0)
		err(1, "KIPC_MAILBOX_SEND");
}

static void receive_parcel(int mailbox)
{
	struct parcel parcel;
	__s32 segment = -1;
	struct kipc_msg_recv arg = {
		.size = sizeof(arg),
		.msg = {
			.buf = (uintptr_t)&parcel,
			.len = sizeof(parcel),
			.fds = (uintptr_t)&segment,
			.fd_count = 1,	/* or it would come without it */
		},
	};
	__u64 *words, sum = 0, i;

	if (ioctl(mailbox, KIPC_MAILBOX_RECV, &arg) < 0)
		err(1, "KIPC_MAILBOX_RECV");
	if (arg.msg.fd_count != 1)
		errx(1, "there is no segment in it");
	printf("a message of %u bytes\n", arg.msg.len);
	words = map(segment, PROT_READ);
	for (i = 0; i < parcel.words; i++)
		sum += words[i];
	printf("and %lu MiB, which are %s\n", BYTES >> 20,
	       sum == parcel.sum ? "what was sent" : "something else");
}

int main(void)
{
	int dev = open(KIPC_DEVICE, O_RDWR | O_CLOEXEC), mailbox, status;
	pid_t child;

	if (dev < 0)
		err(1, "%s", KIPC_DEVICE);
	mailbox = create_mailbox(dev);
	child = fork();
	if (child < 0)
		err(1, "fork");
	if (!child) {
		send_parcel(dev, mailbox);
		return 0;
	}
	/* The sender may be gone by then: the message has the segment. */
	if (wait(&status) < 0 || status)
		errx(1, "the child failed");
	receive_parcel(mailbox);
	return 0;
}
