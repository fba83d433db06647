// SPDX-License-Identifier: GPL-2.0
/*
 * Bad memory and bad arguments: the call fails with its error, and the pipe is
 * as it was before.
 */
#include "kselftest_harness.h"
#include "kipc_util.h"

#define PAGE	4096

/* Pointers that no process can read from or write to. */
static void *const bad_pointers[] = {
	NULL, (void *)8, (void *)-PAGE, (void *)0xffff888000000000UL,
};

/* Gives the first byte that is not mapped; @pages before it are. */
static char *edge_of_memory(int pages)
{
	char *mem = mmap(NULL, (pages + 1) * PAGE, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (mem == MAP_FAILED || munmap(mem + pages * PAGE, PAGE))
		abort();
	return mem + pages * PAGE;
}

/* Memory that can be read and not written, with @len bytes of @data. */
static void *read_only(const void *data, size_t len)
{
	void *mem = mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (mem == MAP_FAILED)
		abort();
	memcpy(mem, data, len);
	if (mprotect(mem, PAGE, PROT_READ))
		abort();
	return mem;
}

FIXTURE(fault) {
	int fd[2];
	struct kipc_pipe_stat before;
};

FIXTURE_VARIANT(fault) {
	uint32_t flags;
};

FIXTURE_VARIANT_ADD(fault, stream) {
	.flags = 0,
};

FIXTURE_VARIANT_ADD(fault, record) {
	.flags = KIPC_PIPE_RECORD,
};

FIXTURE_VARIANT_ADD(fault, record_turns) {
	.flags = KIPC_PIPE_RECORD | KIPC_PIPE_TURNS,
};

/* The pipe holds 1000 bytes of the pattern. */
FIXTURE_SETUP(fault)
{
	char data[1000];

	pattern_fill(data, 0, sizeof(data));
	ASSERT_EQ(0, kipc_pipe(self->fd, 4 * PAGE, variant->flags));
	ASSERT_EQ(1000, KIPC_RET(write(self->fd[1], data, sizeof(data))));
	ASSERT_EQ(0, kipc_pipe_stat(self->fd[0], &self->before));
}

FIXTURE_TEARDOWN(fault)
{
}

/* Nothing went in or out since the fixture was set up. */
#define EXPECT_UNCHANGED() do {						\
	struct kipc_pipe_stat __st;					\
									\
	EXPECT_EQ(0, kipc_pipe_stat(self->fd[0], &__st));		\
	EXPECT_EQ(self->before.used, __st.used);			\
	EXPECT_EQ(self->before.readers.bytes, __st.readers.bytes);	\
	EXPECT_EQ(self->before.readers.calls, __st.readers.calls);	\
	EXPECT_EQ(self->before.writers.bytes, __st.writers.bytes);	\
	EXPECT_EQ(self->before.writers.calls, __st.writers.calls);	\
} while (0)

/* The 1000 bytes can still be read, and then there is nothing. */
#define EXPECT_CONTENT() do {						\
	char __got[PAGE];						\
									\
	EXPECT_EQ(1000, kipc_try_read(self->fd[0], __got, PAGE));	\
	EXPECT_TRUE(pattern_ok(__got, 0, 1000));			\
	EXPECT_EQ(-EAGAIN, kipc_try_read(self->fd[0], __got, PAGE));	\
} while (0)

TEST_F(fault, bad_pointers_move_nothing)
{
	unsigned int i;
	void *bad;

	for (i = 0; i < ARRAY_SIZE(bad_pointers); i++) {
		bad = bad_pointers[i];
		EXPECT_EQ(-EFAULT, KIPC_RET(read(self->fd[0], bad, 2000)));
		EXPECT_EQ(-EFAULT, kipc_try_read(self->fd[0], bad, 2000));
		EXPECT_EQ(-EFAULT, KIPC_RET(write(self->fd[1], bad, 2000)));
		EXPECT_EQ(-EFAULT, kipc_try_write(self->fd[1], bad, 2000));
		EXPECT_EQ(-EFAULT, kipc_try_write(self->fd[1], bad, 2 * PAGE));
		EXPECT_EQ(-EFAULT, kipc_ioctl(self->fd[0], KIPC_PIPE_READ,
					      bad));
		EXPECT_EQ(-EFAULT, kipc_ioctl(self->fd[1], KIPC_PIPE_WRITE,
					      bad));
		EXPECT_EQ(-EFAULT, kipc_ioctl(self->fd[1], KIPC_PIPE_RESIZE,
					      bad));
		EXPECT_EQ(-EFAULT, kipc_ioctl(self->fd[1], KIPC_PIPE_STAT,
					      bad));
	}
	EXPECT_UNCHANGED();
	EXPECT_CONTENT();
}

/* A length beyond all memory, with a pointer that is good at first. */
TEST_F(fault, monstrous_lengths)
{
	const uint64_t len[] = { UINT64_MAX, 1ULL << 62, 1ULL << 32 };
	/* Not on the stack: 2 GiB behind that may be no user space any more. */
	static char got[PAGE];
	char *edge = edge_of_memory(1);
	unsigned int i;
	int64_t n;

	for (i = 0; i < ARRAY_SIZE(len); i++) {
		n = kipc_try_write(self->fd[1], edge - 500, len[i]);
		if (n > 0 && !(variant->flags & KIPC_PIPE_RECORD)) {
			/* A stream may take what memory there is. */
			EXPECT_GE(500, n);
			ASSERT_EQ(1000, kipc_try_read(self->fd[0], got, 1000));
			EXPECT_TRUE(pattern_ok(got, 0, 1000));
			EXPECT_EQ(n, kipc_try_read(self->fd[0], got, PAGE));
			return;
		}
		EXPECT_GT(0, n);
		EXPECT_UNCHANGED();
	}
	EXPECT_CONTENT();
	/* A reader may well say that he has room for everything. */
	ASSERT_EQ(10, kipc_try_write(self->fd[1], got, 10));
	EXPECT_EQ(10, kipc_try_read(self->fd[0], got, 1ULL << 31));
}

/* Half of the reader's buffer is not mapped. */
TEST_F(fault, read_into_half_a_buffer)
{
	char *edge = edge_of_memory(1), got[PAGE];
	int n = KIPC_RET(read(self->fd[0], edge - 400, 2000)), rest;

	if (variant->flags & KIPC_PIPE_RECORD) {
		EXPECT_EQ(-EFAULT, n);
		EXPECT_EQ(-EFAULT, kipc_try_read(self->fd[0], edge - 999,
						 1000));
		EXPECT_UNCHANGED();
		EXPECT_CONTENT();
		return;
	}
	/* What was given is gone, what was not given is still there. */
	if (n < 0) {
		EXPECT_EQ(-EFAULT, n);
		EXPECT_UNCHANGED();
		n = 0;
	}
	EXPECT_GE(400, n);
	EXPECT_TRUE(pattern_ok(edge - 400, 0, n));
	rest = kipc_try_read(self->fd[0], got, PAGE);
	EXPECT_EQ(1000 - n, rest);
	EXPECT_TRUE(pattern_ok(got, n, rest));
	EXPECT_EQ(-EAGAIN, kipc_try_read(self->fd[0], got, PAGE));
}

/* Only as much as the record needs must be there of the reader's buffer. */
TEST_F(fault, read_up_to_the_edge)
{
	char *edge = edge_of_memory(1);

	EXPECT_EQ(1000, KIPC_RET(read(self->fd[0], edge - 1000, 1000)));
	EXPECT_TRUE(pattern_ok(edge - 1000, 0, 1000));
}

/* Half of a writer's buffer is not mapped: none of a small write goes in. */
TEST_F(fault, small_write_from_half_a_buffer)
{
	char *edge = edge_of_memory(1);
	int len;

	for (len = 2; len <= PAGE; len += len < 10 ? 1 : 511) {
		EXPECT_EQ(-EFAULT, KIPC_RET(write(self->fd[1], edge - len / 2,
						  len)));
		EXPECT_EQ(-EFAULT, kipc_try_write(self->fd[1], edge - len + 1,
						  len));
		EXPECT_EQ(-EFAULT, kipc_try_write(self->fd[1], edge - 1, len));
	}
	EXPECT_UNCHANGED();
	EXPECT_CONTENT();
}

/* A large stream write may go in as far as its memory goes, and says so. */
TEST_F(fault, large_write_from_half_a_buffer)
{
	char *edge = edge_of_memory(2), got[4 * PAGE];
	int n, rest;

	pattern_fill(edge - 5000, 1000, 5000);
	n = KIPC_RET(write(self->fd[1], edge - 5000, 7000));
	if (variant->flags & KIPC_PIPE_RECORD || n < 0) {
		EXPECT_EQ(-EFAULT, n);
		EXPECT_UNCHANGED();
		EXPECT_CONTENT();
		return;
	}
	EXPECT_LT(0, n);
	EXPECT_GE(5000, n);
	rest = kipc_try_read(self->fd[0], got, sizeof(got));
	EXPECT_EQ(1000 + n, rest);
	EXPECT_TRUE(pattern_ok(got, 0, rest));
	EXPECT_EQ(-EAGAIN, kipc_try_read(self->fd[0], got, 1));
}

/*
 * Long ones go in and out step by step: what has moved when a step fails counts,
 * and what has not is there still.
 */
TEST(a_long_piece_up_to_the_edge)
{
	static char data[16 * PAGE], got[32 * PAGE];
	char *edge = edge_of_memory(10), *part = edge - 10 * PAGE;
	ssize_t n, rest;
	int fd[2], i;

	ASSERT_EQ(0, kipc_pipe(fd, 32 * PAGE, 0));
	pattern_fill(data, 0, sizeof(data));
	for (i = 0; i < 6; i++) {
		/* From another place in the ring each time. */
		memcpy(part, data, 10 * PAGE);
		n = i % 2 ? kipc_try_write(fd[1], part, 16 * PAGE) :
			    write(fd[1], part, 16 * PAGE);
		EXPECT_LE(8 * PAGE, n);
		EXPECT_GE(10 * PAGE, n);
		ASSERT_EQ(n, read(fd[0], got, sizeof(got)));
		EXPECT_TRUE(pattern_ok(got, 0, n));

		ASSERT_EQ(16 * PAGE, write(fd[1], data, 16 * PAGE));
		memset(part, 0, 10 * PAGE);
		n = i % 2 ? kipc_try_read(fd[0], part, 16 * PAGE) :
			    read(fd[0], part, 16 * PAGE);
		ASSERT_LE(8 * PAGE, n);
		ASSERT_GE(10 * PAGE, n);
		EXPECT_TRUE(pattern_ok(part, 0, n));
		rest = kipc_try_read(fd[0], got, sizeof(got));
		ASSERT_EQ(16 * PAGE - n, rest);
		EXPECT_TRUE(pattern_ok(got, n, rest));
		EXPECT_EQ(-EAGAIN, kipc_try_read(fd[0], got, PAGE));
	}
}

/* The buffer is good and the argument struct can not be written back. */
TEST_F(fault, argument_struct_is_read_only)
{
	char got[PAGE];
	struct kipc_pipe_io *arg, in = {
		.size = sizeof(in),
		.flags = KIPC_IO_NONBLOCK,
		.buf = to_u64(got),
		.len = 1000,
	};

	arg = read_only(&in, sizeof(in));
	EXPECT_EQ(-EFAULT, kipc_ioctl(self->fd[0], KIPC_PIPE_READ, arg));
	EXPECT_EQ(-EFAULT, kipc_ioctl(self->fd[1], KIPC_PIPE_WRITE, arg));
	EXPECT_UNCHANGED();
	EXPECT_CONTENT();
}

/* A fault in the middle does not leave the side locked for the next one. */
TEST_F(fault, others_go_on_after_a_fault)
{
	struct kipc_call call = { .fd = self->fd[0], .cmd = KIPC_CALL_READ,
		.buf = (void *)8, .len = 1000 };
	char got[PAGE];

	/* Asleep with a bad buffer when the data comes. */
	ASSERT_EQ(1000, kipc_try_read(self->fd[0], got, PAGE));
	ASSERT_EQ(0, kipc_call_start(&call));
	ASSERT_TRUE(wait_for(kipc_readers_waiting(self->fd[1]) == 1));
	ASSERT_EQ(1000, kipc_try_write(self->fd[1], got, 1000));
	EXPECT_EQ(-EFAULT, kipc_call_wait(&call));
	EXPECT_CONTENT();
}

TEST_F(fault, arguments)
{
	struct {
		struct kipc_pipe_io io;
		uint64_t tail;
	} arg;
	char got[PAGE];
	struct kipc_pipe_io good = {
		.size = sizeof(good),
		.flags = KIPC_IO_NONBLOCK,
		.buf = to_u64(got),
		.len = 1000,
	};
	unsigned long cmd[] = { KIPC_PIPE_READ, KIPC_PIPE_WRITE };
	int end, bit;

	for (end = 0; end < 2; end++) {
		arg.io = good;
		arg.io.size = sizeof(good) - 1;
		EXPECT_EQ(-EINVAL, kipc_ioctl(self->fd[end], cmd[end], &arg));
		arg.io.size = 0;
		EXPECT_EQ(-EINVAL, kipc_ioctl(self->fd[end], cmd[end], &arg));
		arg.io.size = sizeof(arg);
		arg.tail = 1;
		EXPECT_EQ(-E2BIG, kipc_ioctl(self->fd[end], cmd[end], &arg));
		for (bit = 2; bit < 32; bit++) {
			arg.io = good;
			arg.io.flags |= 1U << bit;
			EXPECT_EQ(-EINVAL, kipc_ioctl(self->fd[end], cmd[end],
						      &arg));
		}
		/* The wrong end. */
		EXPECT_EQ(-EBADF, kipc_ioctl(self->fd[!end], cmd[end], &good));
	}
	/* NOSIGPIPE is for writes. */
	arg.io = good;
	arg.io.flags |= KIPC_IO_NOSIGPIPE;
	EXPECT_EQ(-EINVAL, kipc_ioctl(self->fd[0], KIPC_PIPE_READ, &arg));
	EXPECT_UNCHANGED();

	/* A larger struct of a later day works while its tail is zero. */
	arg.io = good;
	arg.io.size = sizeof(arg);
	arg.tail = 0;
	EXPECT_EQ(0, kipc_ioctl(self->fd[0], KIPC_PIPE_READ, &arg));
	EXPECT_EQ(1000U, arg.io.done);
}

TEST_F(fault, ioctls_of_other_files)
{
	struct kipc_info info = { .size = sizeof(info) };
	struct kipc_pipe_stat st = { .size = sizeof(st) };

	EXPECT_EQ(-ENOTTY, kipc_ioctl(self->fd[0], KIPC_INFO, &info));
	EXPECT_EQ(-ENOTTY, kipc_ioctl(self->fd[0], KIPC_PIPE_CREATE, &info));
	EXPECT_EQ(-ENOTTY, kipc_device_ioctl(KIPC_PIPE_STAT, &st));
	EXPECT_EQ(-ENOTTY, kipc_ioctl(self->fd[0], _IO(KIPC_IOC_TYPE, 0xff),
				      &info));
	EXPECT_EQ(-ENOTTY, kipc_ioctl(self->fd[0], _IO('k', 0x62), &info));
	EXPECT_UNCHANGED();
}

TEST_HARNESS_MAIN
