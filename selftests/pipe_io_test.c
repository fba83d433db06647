// SPDX-License-Identifier: GPL-2.0
/*
 * Reading and writing a pipe: capacity, streams and records, sizes of every
 * kind, and what a call that fails leaves behind.
 */
#include <sys/uio.h>

#include "kselftest_harness.h"
#include "kipc_util.h"

#define PAGE	4096
#define HEADER	4	/* what a record takes beside its length */

static struct kipc_info pipe_info(void)
{
	struct kipc_info info = { .size = sizeof(info) };

	if (kipc_device_ioctl(KIPC_INFO, &info))
		abort();
	return info;
}

static uint64_t pipe_used(int fd)
{
	struct kipc_pipe_stat st;

	return kipc_pipe_stat(fd, &st) ? UINT64_MAX : st.used;
}

static int pending(int fd)
{
	int bytes;

	return ioctl(fd, FIONREAD, &bytes) ? -errno : bytes;
}

/* The capacity that a pipe asked for with @capacity gets, or -errno. */
static int64_t capacity_got(uint64_t capacity)
{
	struct kipc_pipe_create arg = {
		.size = sizeof(arg),
		.rights = KIPC_RIGHT_READ | KIPC_RIGHT_WRITE,
		.mode = 0600,
		.capacity = capacity,
	};
	struct kipc_pipe_stat st;
	int ret = kipc_device_ioctl(KIPC_PIPE_CREATE, &arg);

	if (ret)
		return ret;
	ret = kipc_pipe_stat(arg.read_fd, &st);
	close(arg.read_fd);
	close(arg.write_fd);
	return ret || st.capacity != arg.capacity ? -EBADMSG :
						    (int64_t)st.capacity;
}

TEST(capacity_is_rounded_up_within_bounds)
{
	struct kipc_info info = pipe_info();
	int64_t min = info.pipe_min, max = info.pipe_max;

	EXPECT_EQ(PAGE, min);
	EXPECT_LE(min, (int64_t)info.pipe_default);
	EXPECT_LE((int64_t)info.pipe_default, max);
	EXPECT_EQ((int64_t)info.pipe_default, capacity_got(0));
	EXPECT_EQ(min, capacity_got(min));
	EXPECT_EQ(min + PAGE, capacity_got(min + 1));
	EXPECT_EQ(10 * PAGE, capacity_got(10 * PAGE - 1));
	EXPECT_EQ(10 * PAGE, capacity_got(10 * PAGE));
	EXPECT_EQ(max, capacity_got(max));
	EXPECT_EQ(-EINVAL, capacity_got(1));
	EXPECT_EQ(-EINVAL, capacity_got(min - 1));
	EXPECT_EQ(-ENOSPC, capacity_got(max + 1));
	EXPECT_EQ(-ENOSPC, capacity_got(1ULL << 40));
	EXPECT_EQ(-ENOSPC, capacity_got(UINT64_MAX));
}

TEST(stream_takes_its_capacity_exactly)
{
	const int pages[] = { 1, 2, 3, 5, 16, 17 };
	char *data = calloc(1, 18 * PAGE);
	unsigned int i;
	int fd[2], cap;

	for (i = 0; i < ARRAY_SIZE(pages); i++) {
		cap = pages[i] * PAGE;
		ASSERT_EQ(0, kipc_pipe(fd, cap, 0));
		EXPECT_EQ(cap, kipc_try_write(fd[1], data, cap));
		EXPECT_EQ((uint64_t)cap, pipe_used(fd[1]));
		EXPECT_EQ(-EAGAIN, kipc_try_write(fd[1], data, 1));
		EXPECT_EQ(cap, kipc_try_read(fd[0], data, cap + PAGE));
		EXPECT_EQ(0U, pipe_used(fd[1]));
		close(fd[0]);
		close(fd[1]);
	}
	free(data);
}

/* A call that must fail with EMSGSIZE; gives the length it tells, or -1. */
static int64_t told_length(int fd, unsigned long cmd, void *buf, uint64_t len)
{
	struct kipc_pipe_io arg = {
		.size = sizeof(arg),
		.flags = KIPC_IO_NONBLOCK,
		.buf = to_u64(buf),
		.len = len,
	};

	return kipc_ioctl(fd, cmd, &arg) == -EMSGSIZE ? (int64_t)arg.done : -1;
}

TEST(longest_record_is_capacity_less_header)
{
	const int pages[] = { 1, 2, 3, 16 };
	char *data = calloc(1, 18 * PAGE);
	unsigned int i;
	int fd[2], len;

	for (i = 0; i < ARRAY_SIZE(pages); i++) {
		len = pages[i] * PAGE - HEADER;
		ASSERT_EQ(0, kipc_pipe(fd, pages[i] * PAGE, KIPC_PIPE_RECORD));
		/* One that never fits is refused at once, blocking or not. */
		EXPECT_EQ(len, told_length(fd[1], KIPC_PIPE_WRITE, data,
					   len + 1));
		EXPECT_EQ(-EMSGSIZE, KIPC_RET(write(fd[1], data, len + 1)));
		EXPECT_EQ(-EMSGSIZE, KIPC_RET(write(fd[1], data, 18 * PAGE)));
		EXPECT_EQ(0U, pipe_used(fd[1]));
		EXPECT_EQ(len, kipc_try_write(fd[1], data, len));
		EXPECT_EQ((uint64_t)len + HEADER, pipe_used(fd[1]));
		EXPECT_EQ(-EAGAIN, kipc_try_write(fd[1], data, 1));
		/* Too large stays too large when there is no room either. */
		EXPECT_EQ(-EMSGSIZE, KIPC_RET(write(fd[1], data, len + 1)));
		EXPECT_EQ(len, kipc_try_read(fd[0], data, 18 * PAGE));
		close(fd[0]);
		close(fd[1]);
	}
	free(data);
}

/* Reads until the pipe is empty, beginning with @len bytes, then more. */
static bool drains(int fd, uint64_t in, uint64_t *out, int len)
{
	static char buf[17 * PAGE];
	int64_t n, want;

	for (; *out < in; *out += n) {
		len = 2 * len + 1 < (int)sizeof(buf) ? 2 * len + 1 : len;
		want = in - *out < (uint64_t)len ? (int64_t)(in - *out) : len;
		n = kipc_try_read(fd, buf, len);
		if (n != want || !pattern_ok(buf, *out, n))
			return false;
	}
	return kipc_try_read(fd, buf, len) == -EAGAIN;
}

/*
 * Odd sizes over the end of the buffer, several times round; @pos is how many
 * bytes went through the pipe so far.
 */
static bool wraps(int fd[2], int cap, int wlen, int rlen, uint64_t *pos)
{
	static char buf[17 * PAGE];
	uint64_t in = *pos, out = *pos;
	int round, i, n, want;

	for (round = 0; round < 3; round++) {
		/* Comes to just before the end of the buffer at one go. */
		n = cap - in % cap;
		n -= n > 3 * wlen ? 3 * wlen : n;
		pattern_fill(buf, in, n);
		if (kipc_try_write(fd[1], buf, n) != n)
			return false;
		in += n;
		if (!drains(fd[0], in, &out, sizeof(buf)))
			return false;
		for (i = 0; i < 12; i++) {
			want = cap - (int)(in - out) < wlen ? -EAGAIN : wlen;
			pattern_fill(buf, in, wlen);
			if (kipc_try_write(fd[1], buf, wlen) != want)
				return false;
			in += want > 0 ? want : 0;
			want = (int)(in - out) < rlen ? (int)(in - out) : rlen;
			if (kipc_try_read(fd[0], buf, rlen) != want ||
			    !pattern_ok(buf, out, want))
				return false;
			out += want;
		}
		if (!drains(fd[0], in, &out, rlen))
			return false;
	}
	*pos = out;
	return true;
}

TEST(bytes_come_out_as_they_went_in)
{
	const int pages[] = { 1, 2, 3, 5, 8, 16 };
	const int len[] = { 1, 3, 7, 61, 509, 1021, 4093, 4096 };
	unsigned int i, mix, wlen, rlen;
	uint64_t pos;
	int fd[2];

	for (i = 0; i < ARRAY_SIZE(pages); i++) {
		pos = 0;
		ASSERT_EQ(0, kipc_pipe(fd, pages[i] * PAGE, 0));
		for (mix = 0; mix < ARRAY_SIZE(len) * ARRAY_SIZE(len); mix++) {
			wlen = len[mix / ARRAY_SIZE(len)];
			rlen = len[mix % ARRAY_SIZE(len)];
			ASSERT_TRUE(wraps(fd, pages[i] * PAGE, wlen, rlen,
					  &pos))
				TH_LOG("%d pages, write %u, read %u",
				       pages[i], wlen, rlen);
		}
		close(fd[0]);
		close(fd[1]);
	}
}

TEST(partial_reads_take_what_is_there)
{
	char data[3 * PAGE], got[3 * PAGE];
	uint64_t out = 0;
	int fd[2], n;

	pattern_fill(data, 0, sizeof(data));
	ASSERT_EQ(0, kipc_pipe(fd, 3 * PAGE, 0));
	EXPECT_EQ(1000, KIPC_RET(write(fd[1], data, 1000)));
	/* Fewer bytes than asked for do not make a reader wait for more. */
	EXPECT_EQ(1000, KIPC_RET(read(fd[0], got, sizeof(got))));
	EXPECT_TRUE(pattern_ok(got, 0, 1000));
	/* Pieces that are smaller than what was written leave the rest. */
	EXPECT_EQ(3 * PAGE, KIPC_RET(write(fd[1], data, sizeof(data))));
	for (; out < sizeof(data); out += n) {
		n = kipc_try_read(fd[0], got, 777);
		ASSERT_LT(0, n);
		EXPECT_TRUE(pattern_ok(got, out, n));
		EXPECT_EQ(sizeof(data) - out - n, pipe_used(fd[0]));
	}
	/* Two writes may come out in one read: a stream has no borders. */
	EXPECT_EQ(3, KIPC_RET(write(fd[1], "abc", 3)));
	EXPECT_EQ(3, KIPC_RET(write(fd[1], "def", 3)));
	EXPECT_EQ(6, KIPC_RET(read(fd[0], got, 10)));
	EXPECT_EQ(0, memcmp(got, "abcdef", 6));
}

/* Splits [@buf, @buf + @len) into a random vector of at most @max parts. */
static int split(struct iovec *iov, int max, char *buf, size_t len,
		 uint64_t *rnd)
{
	int i;

	for (i = 0; i < max - 1 && len; i++) {
		iov[i].iov_base = buf;
		iov[i].iov_len = kipc_rand(rnd) % (len + 1);
		buf += iov[i].iov_len;
		len -= iov[i].iov_len;
	}
	iov[i] = (struct iovec){ .iov_base = buf, .iov_len = len };
	return i + 1;
}

TEST(records_keep_their_borders)
{
	uint64_t rnd = kipc_seed(), in = 0, out = 0;
	int fd[2], used = 0, rounds = scaled(20000), len, want, n;
	uint64_t len_of[4096];
	static char buf[PAGE];
	struct iovec iov[5];

	ASSERT_EQ(0, kipc_pipe(fd, 3 * PAGE, KIPC_PIPE_RECORD | KIPC_NONBLOCK));
	while (rounds--) {
		if (kipc_rand(&rnd) % 16 < 8) {
			len = kipc_rand(&rnd) % (kipc_rand(&rnd) % 2000 + 1) + 1;
			want = used + HEADER + len > 3 * PAGE ? -EAGAIN : len;
			pattern_fill(buf, in * 7, len);
			n = split(iov, 5, buf, len, &rnd);
			ASSERT_EQ(want, KIPC_RET(writev(fd[1], iov, n)));
			if (want < 0)
				continue;
			len_of[in++ % ARRAY_SIZE(len_of)] = len;
			used += len + HEADER;
		} else {
			want = in == out ? -EAGAIN :
			       (int)len_of[out % ARRAY_SIZE(len_of)];
			EXPECT_EQ(want < 0 ? 0 : want, pending(fd[0]));
			n = split(iov, 5, buf, sizeof(buf), &rnd);
			ASSERT_EQ(want, KIPC_RET(readv(fd[0], iov, n)));
			if (want < 0)
				continue;
			ASSERT_TRUE(pattern_ok(buf, out++ * 7, want));
			used -= want + HEADER;
		}
		ASSERT_EQ((uint64_t)used, pipe_used(fd[1]));
	}
}

TEST(short_buffer_keeps_the_record)
{
	char data[1000], got[1000];
	int fd[2], at;

	pattern_fill(data, 0, sizeof(data));
	ASSERT_EQ(0, kipc_pipe(fd, PAGE, KIPC_PIPE_RECORD));
	/* At every place of the buffer, over its end too. */
	for (at = 0; at < 20; at++) {
		ASSERT_EQ(1000, KIPC_RET(write(fd[1], data, 1000)));
		ASSERT_EQ(3, KIPC_RET(write(fd[1], "abc", 3)));
		EXPECT_EQ(-EMSGSIZE, KIPC_RET(read(fd[0], got, 999)));
		EXPECT_EQ(1000, told_length(fd[0], KIPC_PIPE_READ, got, 999));
		EXPECT_EQ(1000, told_length(fd[0], KIPC_PIPE_READ, got, 1));
		EXPECT_EQ(1000, pending(fd[0]));
		EXPECT_EQ(1000U + 3 + 2 * HEADER, pipe_used(fd[0]));
		ASSERT_EQ(1000, KIPC_RET(read(fd[0], got, 1000)));
		EXPECT_TRUE(pattern_ok(got, 0, 1000));
		EXPECT_EQ(3, pending(fd[0]));
		EXPECT_EQ(3, told_length(fd[0], KIPC_PIPE_READ, got, 2));
		ASSERT_EQ(3, KIPC_RET(read(fd[0], got, 1000)));
		EXPECT_EQ(0, pending(fd[0]));
	}
}

TEST(fionread_counts_bytes_of_a_stream)
{
	char got[8];
	int fd[2];

	ASSERT_EQ(0, kipc_pipe(fd, PAGE, 0));
	EXPECT_EQ(0, pending(fd[0]));
	EXPECT_EQ(3, KIPC_RET(write(fd[1], "abc", 3)));
	EXPECT_EQ(3, pending(fd[0]));
	EXPECT_EQ(4, KIPC_RET(write(fd[1], "defg", 4)));
	EXPECT_EQ(7, pending(fd[0]));
	EXPECT_EQ(7, pending(fd[1]));
	EXPECT_EQ(5, KIPC_RET(read(fd[0], got, 5)));
	EXPECT_EQ(2, pending(fd[0]));
	EXPECT_EQ(-1, ioctl(fd[0], FIONREAD, NULL));
	EXPECT_EQ(EFAULT, errno);
}

TEST(zero_bytes)
{
	struct kipc_pipe_stat st;
	char got[8], page[PAGE] = {};
	int fd[2], mode;

	for (mode = 0; mode < 2; mode++) {
		ASSERT_EQ(0, kipc_pipe(fd, PAGE, mode ? KIPC_PIPE_RECORD : 0));
		/* A write of nothing does nothing: no empty record either. */
		EXPECT_EQ(0, KIPC_RET(write(fd[1], got, 0)));
		EXPECT_EQ(0, kipc_pipe_io(fd[1], KIPC_PIPE_WRITE, NULL, 0, 0,
					  0));
		EXPECT_EQ(0U, pipe_used(fd[0]));
		EXPECT_EQ(-EAGAIN, kipc_try_read(fd[0], got, 8));
		/* Reading nothing from an empty pipe does not sleep. */
		EXPECT_EQ(0, KIPC_RET(read(fd[0], got, 0)));
		EXPECT_EQ(3, KIPC_RET(write(fd[1], "abc", 3)));
		/* Nor does it take anything. */
		EXPECT_GE(0, kipc_try_read(fd[0], got, 0));
		EXPECT_EQ(3, kipc_try_read(fd[0], got, 8));
		/* Writing nothing to a full pipe does not sleep. */
		EXPECT_EQ(PAGE - mode * HEADER,
			  KIPC_RET(write(fd[1], page, PAGE - mode * HEADER)));
		EXPECT_EQ(0, KIPC_RET(write(fd[1], got, 0)));
		ASSERT_EQ(0, kipc_pipe_stat(fd[1], &st));
		EXPECT_EQ(2U, st.writers.calls);
		/* Nor is there a need for a reader. */
		close(fd[0]);
		EXPECT_EQ(0, KIPC_RET(write(fd[1], got, 0)));
		close(fd[1]);
	}
}

TEST(nonblocking)
{
	char page[PAGE] = {};
	int fd[2], end;

	/* By the flag of the call that makes the handles. */
	ASSERT_EQ(0, kipc_pipe(fd, PAGE, KIPC_NONBLOCK));
	for (end = 0; end < 2; end++)
		EXPECT_EQ(O_NONBLOCK, fcntl(fd[end], F_GETFL) & O_NONBLOCK);
	EXPECT_EQ(-EAGAIN, KIPC_RET(read(fd[0], page, 1)));
	EXPECT_EQ(-EAGAIN, kipc_pipe_io(fd[0], KIPC_PIPE_READ, page, 1, 0, 0));
	EXPECT_EQ(PAGE, KIPC_RET(write(fd[1], page, PAGE)));
	EXPECT_EQ(-EAGAIN, KIPC_RET(write(fd[1], page, 1)));
	EXPECT_EQ(-EAGAIN, kipc_pipe_io(fd[1], KIPC_PIPE_WRITE, page, 1, 0, 0));
	/* A deadline that is far off does not turn it into sleeping. */
	EXPECT_EQ(-EAGAIN, kipc_pipe_io(fd[1], KIPC_PIPE_WRITE, page, 1,
					in_ms(60000), 0));
	close(fd[0]);
	close(fd[1]);

	/* By fcntl(2), on and off. */
	ASSERT_EQ(0, kipc_pipe(fd, PAGE, 0));
	EXPECT_EQ(0, fcntl(fd[0], F_GETFL) & O_NONBLOCK);
	EXPECT_EQ(0, fcntl(fd[0], F_SETFL, O_NONBLOCK));
	EXPECT_EQ(-EAGAIN, KIPC_RET(read(fd[0], page, 1)));
	EXPECT_EQ(0, fcntl(fd[0], F_SETFL, 0));
	EXPECT_EQ(-ETIMEDOUT, kipc_pipe_io(fd[0], KIPC_PIPE_READ, page, 1,
					   in_ms(1), 0));
	/* By the flag of one call, on a handle that blocks. */
	EXPECT_EQ(-EAGAIN, kipc_pipe_io(fd[0], KIPC_PIPE_READ, page, 1, 0,
					KIPC_IO_NONBLOCK));
}

TEST(small_stream_writes_are_whole_or_not_at_all)
{
	char data[3 * PAGE], got[3 * PAGE];
	const int room[] = { 1, 100, 4095 };
	unsigned int i;
	int fd[2], n;

	pattern_fill(data, 0, sizeof(data));
	for (i = 0; i < ARRAY_SIZE(room); i++) {
		ASSERT_EQ(0, kipc_pipe(fd, 2 * PAGE, 0));
		n = 2 * PAGE - room[i];
		ASSERT_EQ(n, kipc_try_write(fd[1], data, n));
		EXPECT_EQ(-EAGAIN, kipc_try_write(fd[1], data + n, PAGE));
		EXPECT_EQ(-EAGAIN, kipc_try_write(fd[1], data + n,
						  room[i] + 1));
		EXPECT_EQ((uint64_t)n, pipe_used(fd[1]));
		/* A larger one may be cut, and is cut at the front only. */
		n = kipc_try_write(fd[1], data + n, PAGE + 1);
		EXPECT_LE(1, n);
		EXPECT_GE(room[i], n);
		n += 2 * PAGE - room[i];
		EXPECT_EQ(n, kipc_try_read(fd[0], got, sizeof(got)));
		EXPECT_TRUE(pattern_ok(got, 0, n));
		close(fd[0]);
		close(fd[1]);
	}
}

TEST(sleeping_small_write_is_whole_too)
{
	char data[PAGE], got[PAGE];
	struct kipc_call call;
	int fd[2], i;

	ASSERT_EQ(0, kipc_pipe(fd, PAGE, 0));
	pattern_fill(data, 0, PAGE);
	ASSERT_EQ(100, kipc_try_write(fd[1], data, 100));
	call = (struct kipc_call){ .fd = fd[1], .cmd = KIPC_CALL_WRITE,
		.buf = data, .len = PAGE };
	ASSERT_EQ(0, kipc_call_start(&call));
	ASSERT_TRUE(wait_for(kipc_writers_waiting(fd[0]) == 1));
	for (i = 0; i < 99; i++) {
		ASSERT_EQ(1, kipc_try_read(fd[0], got, 1));
		EXPECT_EQ(99U - i, pipe_used(fd[0]));
	}
	EXPECT_FALSE(kipc_call_ended(&call));
	ASSERT_EQ(1, kipc_try_read(fd[0], got, 1));
	EXPECT_EQ(PAGE, kipc_call_wait(&call));
	EXPECT_EQ(PAGE, kipc_try_read(fd[0], got, PAGE));
	EXPECT_TRUE(pattern_ok(got, 0, PAGE));
}

/* 16 MiB in the full run. */
TEST(one_large_write_through_the_smallest_pipe)
{
	const size_t total = scaled(16 << 20);
	char *data = malloc(total), got[PAGE];
	struct kipc_pipe_stat st;
	struct kipc_call call;
	size_t out = 0;
	int fd[2];
	ssize_t n;

	ASSERT_NE(NULL, data);
	pattern_fill(data, 0, total);
	ASSERT_EQ(0, kipc_pipe(fd, PAGE, 0));
	call = (struct kipc_call){ .fd = fd[1], .cmd = KIPC_CALL_WRITE,
		.buf = data, .len = total };
	ASSERT_EQ(0, kipc_call_start(&call));
	for (; out < total; out += n) {
		n = read(fd[0], got, sizeof(got));
		ASSERT_LT(0, n);
		ASSERT_TRUE(pattern_ok(got, out, n));
	}
	EXPECT_EQ((int64_t)total, kipc_call_wait(&call));
	EXPECT_EQ(-EAGAIN, kipc_try_read(fd[0], got, 1));
	ASSERT_EQ(0, kipc_pipe_stat(fd[0], &st));
	EXPECT_EQ(total, st.writers.bytes);
	EXPECT_EQ(1U, st.writers.calls);
	EXPECT_EQ(total, st.readers.bytes);
	free(data);
}

TEST(vectors)
{
	uint64_t rnd = kipc_seed();
	static char data[6 * PAGE], got[6 * PAGE];
	struct iovec iov[7], gap[3] = {};
	int fd[2], i, n, len;

	ASSERT_EQ(0, kipc_pipe(fd, 6 * PAGE, 0));
	for (i = 0; i < 100; i++) {
		len = kipc_rand(&rnd) % sizeof(data) + 1;
		pattern_fill(data, i, len);
		memset(got, 0, sizeof(got));
		n = split(iov, 7, data, len, &rnd);
		ASSERT_EQ(len, KIPC_RET(writev(fd[1], iov, n)));
		n = split(iov, 7, got, sizeof(got), &rnd);
		ASSERT_EQ(len, KIPC_RET(readv(fd[0], iov, n)));
		ASSERT_TRUE(pattern_ok(got, i, len));
	}
	/* Empty parts count for nothing. */
	gap[1] = (struct iovec){ .iov_base = data, .iov_len = 10 };
	EXPECT_EQ(10, KIPC_RET(writev(fd[1], gap, 3)));
	EXPECT_EQ(10, KIPC_RET(readv(fd[0], gap, 3)));
	EXPECT_EQ(0, KIPC_RET(writev(fd[1], gap, 1)));
}

TEST(there_is_no_position)
{
	char got[4];
	int fd[2], end;

	ASSERT_EQ(0, kipc_pipe(fd, PAGE, 0));
	ASSERT_EQ(4, KIPC_RET(write(fd[1], "abcd", 4)));
	for (end = 0; end < 2; end++) {
		EXPECT_EQ(-ESPIPE, KIPC_RET(lseek(fd[end], 0, SEEK_SET)));
		EXPECT_EQ(-ESPIPE, KIPC_RET(lseek(fd[end], 0, SEEK_CUR)));
		EXPECT_EQ(-ESPIPE, KIPC_RET(lseek(fd[end], 0, SEEK_END)));
		EXPECT_EQ(MAP_FAILED, mmap(NULL, PAGE, PROT_READ, MAP_SHARED,
					   fd[end], 0));
	}
	EXPECT_EQ(-ESPIPE, KIPC_RET(pread(fd[0], got, 1, 0)));
	EXPECT_EQ(-ESPIPE, KIPC_RET(pwrite(fd[1], got, 1, 0)));
	EXPECT_EQ(4, kipc_try_read(fd[0], got, 4));
}

TEST(stat_counts)
{
	const int mode[] = { 0, KIPC_PIPE_RECORD | KIPC_PIPE_TURNS };
	struct kipc_pipe_stat r, w;
	struct kipc_call call;
	char got[100];
	int fd[2], i;

	for (i = 0; i < 2; i++) {
		ASSERT_EQ(0, kipc_pipe(fd, 2 * PAGE, mode[i]));
		EXPECT_EQ(10, KIPC_RET(write(fd[1], "0123456789", 10)));
		EXPECT_EQ(5, KIPC_RET(write(fd[1], "abcde", 5)));
		EXPECT_EQ(10, KIPC_RET(read(fd[0], got, i ? 100 : 10)));
		/* What fails counts for nothing. */
		EXPECT_EQ(-EFAULT, kipc_try_write(fd[1], NULL, 10));
		ASSERT_EQ(0, kipc_pipe_stat(fd[0], &r));
		ASSERT_EQ(0, kipc_pipe_stat(fd[1], &w));
		EXPECT_EQ((uint32_t)mode[i], r.pipe_flags);
		EXPECT_EQ(2U * PAGE, r.capacity);
		EXPECT_EQ(5U + i * HEADER, r.used);
		EXPECT_EQ(1U, r.readers.handles);
		EXPECT_EQ(1U, r.writers.handles);
		EXPECT_EQ(10U, r.readers.bytes);
		EXPECT_EQ(1U, r.readers.calls);
		EXPECT_EQ(15U, r.writers.bytes);
		EXPECT_EQ(2U, r.writers.calls);
		EXPECT_EQ(10U, r.my_bytes);
		EXPECT_EQ(1U, r.my_calls);
		EXPECT_EQ(15U, w.my_bytes);
		EXPECT_EQ(2U, w.my_calls);
		EXPECT_EQ(0U, r.readers.sleeps + r.writers.sleeps);
		EXPECT_EQ(0U, r.readers.blocked_ns + r.writers.blocked_ns);

		/* A reader that slept a while and was woken by a write. */
		EXPECT_EQ(5, KIPC_RET(read(fd[0], got, 100)));
		call = (struct kipc_call){ .fd = fd[0], .cmd = KIPC_CALL_READ,
			.buf = got, .len = 10 };
		ASSERT_EQ(0, kipc_call_start(&call));
		ASSERT_TRUE(wait_for(kipc_readers_waiting(fd[1]) == 1));
		EXPECT_EQ(1, KIPC_RET(write(fd[1], "x", 1)));
		EXPECT_EQ(1, kipc_call_wait(&call));
		ASSERT_EQ(0, kipc_pipe_stat(fd[0], &r));
		EXPECT_LE(1U, r.readers.sleeps);
		EXPECT_LE(1U, r.readers.wakeups);
		EXPECT_LT(0U, r.readers.blocked_ns);
		EXPECT_EQ(0U, r.readers.waiting);
		EXPECT_EQ(0U, r.writers.sleeps);
		close(fd[0]);
		close(fd[1]);
	}
}

TEST_HARNESS_MAIN
