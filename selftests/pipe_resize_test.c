// SPDX-License-Identifier: GPL-2.0
/*
 * Changing the capacity of a pipe: the content stays, sleepers notice.
 */
#include "kselftest_harness.h"
#include "kipc_util.h"

#define PAGE	4096
#define HEADER	4	/* what a record takes beside its length */

/* Gives the new capacity or -errno. */
static int64_t resize(int fd, uint64_t capacity)
{
	struct kipc_pipe_resize arg = {
		.size = sizeof(arg),
		.capacity = capacity,
	};
	int ret = kipc_ioctl(fd, KIPC_PIPE_RESIZE, &arg);

	return ret ? ret : (int64_t)arg.capacity;
}

static uint64_t capacity_of(int fd)
{
	struct kipc_pipe_stat st;

	return kipc_pipe_stat(fd, &st) ? 0 : st.capacity;
}

TEST(bounds_and_rounding)
{
	struct kipc_info info = { .size = sizeof(info) };
	struct kipc_pipe_resize arg = { .size = sizeof(arg), .capacity = PAGE };
	int64_t min, max;
	int fd[2];

	ASSERT_EQ(0, kipc_device_ioctl(KIPC_INFO, &info));
	min = info.pipe_min;
	max = info.pipe_max;
	ASSERT_EQ(0, kipc_pipe(fd, 2 * PAGE, 0));
	/* Either end will do. */
	EXPECT_EQ(min, resize(fd[0], min));
	EXPECT_EQ((uint64_t)min, capacity_of(fd[1]));
	EXPECT_EQ(min + PAGE, resize(fd[1], min + 1));
	EXPECT_EQ((uint64_t)min + PAGE, capacity_of(fd[0]));
	EXPECT_EQ(max, resize(fd[1], max));
	EXPECT_EQ(3 * PAGE, resize(fd[1], 3 * PAGE));
	EXPECT_EQ(-EINVAL, resize(fd[1], min - 1));
	EXPECT_EQ(-EINVAL, resize(fd[1], 1));
	EXPECT_EQ(-EINVAL, resize(fd[1], 0));
	EXPECT_EQ(-ENOSPC, resize(fd[1], max + 1));
	EXPECT_EQ(-ENOSPC, resize(fd[1], UINT64_MAX));
	arg.flags = 1;
	EXPECT_EQ(-EINVAL, kipc_ioctl(fd[1], KIPC_PIPE_RESIZE, &arg));
	EXPECT_EQ(3U * PAGE, capacity_of(fd[0]));
}

static uint64_t used_of(int fd)
{
	struct kipc_pipe_stat st;

	return kipc_pipe_stat(fd, &st) ? 0 : st.used;
}

/*
 * Puts the content of @used bytes at position @at of the ring, so that it may
 * lie over its end, then resizes: the bytes stay, and what fits goes in.
 */
static int64_t content_kept(int from, int to, int at, int used)
{
	static char buf[20 * PAGE];
	int64_t got = -EBADMSG;
	int fd[2];

	if (kipc_pipe(fd, from, 0))
		return -EBADMSG;
	if (kipc_try_write(fd[1], buf, at) != at ||
	    (at && kipc_try_read(fd[0], buf, at) != at))
		goto out;
	pattern_fill(buf, 0, used);
	if (kipc_try_write(fd[1], buf, used) != used)
		goto out;
	got = resize(fd[1], to);
	if (got < 0) {
		to = from;
		if (capacity_of(fd[0]) != (uint64_t)from)
			got = -EBADMSG;
	}
	/* Filled up to the brim, it gives all of it in its order. */
	pattern_fill(buf, used, to - used);
	if (to > used && kipc_try_write(fd[1], buf, to - used) != to - used)
		got = -EBADMSG;
	if (kipc_try_write(fd[1], buf, 1) != -EAGAIN ||
	    kipc_try_read(fd[0], buf, sizeof(buf)) != to ||
	    !pattern_ok(buf, 0, to))
		got = -EBADMSG;
	/* And so it does the next time. */
	if (kipc_try_write(fd[1], buf, to) != to)
		got = -EBADMSG;
	memset(buf, 0, to);
	if (kipc_try_read(fd[0], buf, sizeof(buf)) != to ||
	    !pattern_ok(buf, 0, to))
		got = -EBADMSG;
out:
	close(fd[0]);
	close(fd[1]);
	return got;
}

TEST(content_is_kept)
{
	const int part[] = { 0, 1, 100, PAGE - 1, PAGE };
	const int from = 4 * PAGE;
	unsigned int i, j;
	int at, used, to;

	for (i = 0; i < ARRAY_SIZE(part); i++) {
		for (j = 0; j < ARRAY_SIZE(part); j++) {
			at = from - part[i];
			used = 2 * PAGE - part[j];
			for (to = PAGE; to <= 6 * PAGE; to += PAGE)
				EXPECT_EQ(to < used ? -EBUSY : to,
					  content_kept(from, to, at, used))
					TH_LOG("to %d, %d at %d", to, used, at);
		}
	}
	/* Full to the brim: it can stay as it is, or grow. */
	EXPECT_EQ(from, content_kept(from, from, 5, from));
	EXPECT_EQ(from + PAGE, content_kept(from, from + PAGE, 5, from));
	EXPECT_EQ(-EBUSY, content_kept(from, from - PAGE, 5, from));
}

TEST(records_are_kept)
{
	char data[1500], got[1500];
	int fd[2], i, round;

	pattern_fill(data, 0, sizeof(data));
	ASSERT_EQ(0, kipc_pipe(fd, 2 * PAGE, KIPC_PIPE_RECORD));
	for (round = 0; round < 20; round++) {
		for (i = 0; i < 3; i++)
			ASSERT_EQ(1200 + i, kipc_try_write(fd[1], data + i,
							   1200 + i));
		EXPECT_EQ(PAGE, resize(fd[0], PAGE));
		EXPECT_EQ(-EAGAIN, kipc_try_write(fd[1], data, 500));
		ASSERT_EQ(1200, kipc_try_read(fd[0], got, sizeof(got)));
		EXPECT_TRUE(pattern_ok(got, 0, 1200));
		EXPECT_EQ(3 * PAGE, resize(fd[0], 3 * PAGE));
		for (i = 1; i < 3; i++) {
			ASSERT_EQ(1200 + i, kipc_try_read(fd[0], got,
							  sizeof(got)));
			EXPECT_TRUE(pattern_ok(got, i, 1200 + i));
		}
	}
	/* The longest record goes with the capacity. */
	EXPECT_EQ(PAGE, resize(fd[0], PAGE));
	EXPECT_EQ(-EMSGSIZE, kipc_try_write(fd[1], got, PAGE));
	EXPECT_EQ(2 * PAGE, resize(fd[0], 2 * PAGE));
	EXPECT_EQ(1500, kipc_try_write(fd[1], data, 1500));
}

TEST(only_the_owner_may)
{
	int fd[2], status;
	pid_t pid;

	if (getuid())
		SKIP(return, "needs root to become somebody else");
	ASSERT_EQ(0, kipc_pipe(fd, 2 * PAGE, 0));
	pid = kipc_fork();
	if (!pid) {
		CHILD_CHECK(!setgid(65534) && !setuid(65534));
		CHILD_CHECK(resize(fd[0], PAGE) == -EPERM);
		CHILD_CHECK(resize(fd[1], 3 * PAGE) == -EPERM);
		/* His own he may. */
		CHILD_CHECK(kipc_pipe(fd, 2 * PAGE, 0) == 0);
		CHILD_CHECK(resize(fd[0], 3 * PAGE) == 3 * PAGE);
		_exit(0);
	}
	status = kipc_reap(pid);
	EXPECT_EQ(0, status);
	EXPECT_EQ(2U * PAGE, capacity_of(fd[0]));
	EXPECT_EQ(PAGE, resize(fd[0], PAGE));
}

/* Never waits for one who sleeps, and does not disturb him either. */
TEST(while_a_reader_sleeps)
{
	struct kipc_call call;
	char got[8] = {};
	int fd[2];

	ASSERT_EQ(0, kipc_pipe(fd, 2 * PAGE, 0));
	call = (struct kipc_call){ .fd = fd[0], .cmd = KIPC_CALL_READ,
		.buf = got, .len = 8 };
	ASSERT_EQ(0, kipc_call_start(&call));
	ASSERT_TRUE(wait_for(kipc_readers_waiting(fd[1]) == 1));
	EXPECT_EQ(PAGE, resize(fd[1], PAGE));
	EXPECT_EQ(5 * PAGE, resize(fd[1], 5 * PAGE));
	ASSERT_TRUE(wait_for(kipc_readers_waiting(fd[1]) == 1));
	EXPECT_FALSE(kipc_call_ended(&call));
	EXPECT_EQ(4, KIPC_RET(write(fd[1], "abc", 4)));
	EXPECT_EQ(4, kipc_call_wait(&call));
	EXPECT_STREQ("abc", got);
}

TEST(growing_lets_a_sleeping_writer_go_on)
{
	const uint32_t flags[] = { 0, KIPC_PIPE_RECORD };
	char data[3 * PAGE], got[3 * PAGE];
	struct kipc_call call;
	int fd[2], mode, full;

	for (mode = 0; mode < 2; mode++) {
		pattern_fill(data, 0, sizeof(data));
		full = PAGE - mode * HEADER;
		ASSERT_EQ(0, kipc_pipe(fd, PAGE, flags[mode]));
		ASSERT_EQ(full, kipc_try_write(fd[1], data, full));
		call = (struct kipc_call){ .fd = fd[1], .len = 1000,
			.cmd = KIPC_CALL_WRITE, .buf = data + full };
		ASSERT_EQ(0, kipc_call_start(&call));
		ASSERT_TRUE(wait_for(kipc_writers_waiting(fd[0]) == 1));
		EXPECT_EQ(2 * PAGE, resize(fd[0], 2 * PAGE));
		EXPECT_EQ(1000, kipc_call_wait(&call));
		EXPECT_EQ(full, kipc_try_read(fd[0], got, full));
		EXPECT_TRUE(pattern_ok(got, 0, full));
		EXPECT_EQ(1000, kipc_try_read(fd[0], got, sizeof(got)));
		EXPECT_TRUE(pattern_ok(got, full, 1000));
		close(fd[0]);
		close(fd[1]);
	}
}

/* In the middle of a write that is larger than the pipe ever is. */
TEST(while_a_large_write_sleeps)
{
	const size_t len = 10 * PAGE;
	char data[10 * PAGE], got[10 * PAGE];
	struct kipc_call call;
	size_t out = 0;
	int fd[2], i;
	int64_t n;

	pattern_fill(data, 0, len);
	ASSERT_EQ(0, kipc_pipe(fd, PAGE, 0));
	call = (struct kipc_call){ .fd = fd[1], .cmd = KIPC_CALL_WRITE,
		.buf = data, .len = len };
	ASSERT_EQ(0, kipc_call_start(&call));
	/* At every size it fills what there is and sleeps again. */
	for (i = 1; i <= 4; i++) {
		ASSERT_EQ(i * PAGE, resize(fd[0], i * PAGE));
		ASSERT_TRUE(wait_for(used_of(fd[0]) == (uint64_t)i * PAGE &&
				     kipc_writers_waiting(fd[0]) == 1));
	}
	EXPECT_EQ(-EBUSY, resize(fd[0], 3 * PAGE));
	EXPECT_FALSE(kipc_call_ended(&call));
	for (; out < len; out += n) {
		n = kipc_pipe_io(fd[0], KIPC_PIPE_READ, got, len, in_ms(20000),
				 0);
		ASSERT_LT(0, n);
		EXPECT_TRUE(pattern_ok(got, out, n));
	}
	EXPECT_EQ((int64_t)len, kipc_call_wait(&call));
}

TEST(sleeping_record_that_no_longer_fits)
{
	char data[2 * PAGE], got[2 * PAGE];
	struct kipc_call call;
	int fd[2];

	pattern_fill(data, 0, sizeof(data));
	ASSERT_EQ(0, kipc_pipe(fd, 2 * PAGE, KIPC_PIPE_RECORD));
	ASSERT_EQ(4000, kipc_try_write(fd[1], data, 4000));
	call = (struct kipc_call){ .fd = fd[1], .cmd = KIPC_PIPE_WRITE,
		.buf = data, .len = 6000 };
	ASSERT_EQ(0, kipc_call_start(&call));
	ASSERT_TRUE(wait_for(kipc_writers_waiting(fd[0]) == 1));
	EXPECT_EQ(PAGE, resize(fd[0], PAGE));
	EXPECT_EQ(-EMSGSIZE, kipc_call_wait(&call));
	EXPECT_EQ(PAGE - HEADER, (int64_t)call.done);
	EXPECT_EQ(4000, kipc_try_read(fd[0], got, sizeof(got)));
	EXPECT_TRUE(pattern_ok(got, 0, 4000));
	EXPECT_EQ(-EAGAIN, kipc_try_read(fd[0], got, sizeof(got)));
}

/* Shared by the threads of the storm. */
struct storm {
	int fd[2];
	uint64_t total;
	bool records;
	int stop;
	uint64_t seed;
};

static void *storm_write(void *data)
{
	struct storm *storm = data;
	uint64_t rnd = storm->seed * 3 + 1, at, n;
	static char buf[3 * PAGE];
	int64_t ret;

	for (at = 0; at < storm->total; at += n) {
		n = kipc_rand(&rnd) % (storm->records ? 3000 : 3 * PAGE) + 1;
		if (n > storm->total - at)
			n = storm->total - at;
		pattern_fill(buf, at, n);
		ret = write(storm->fd[1], buf, n);
		if (ret != (int64_t)n)
			return "write";
	}
	return NULL;
}

static void *storm_read(void *data)
{
	static char buf[4 * PAGE];
	struct storm *storm = data;
	void *ret = NULL;
	uint64_t at;
	int64_t n;

	for (at = 0; at < storm->total && !ret; at += n) {
		n = kipc_pipe_io(storm->fd[0], KIPC_PIPE_READ, buf, sizeof(buf),
				 now_ns() + PATIENCE_NS, 0);
		if (n <= 0)
			ret = "read";
		else if (!pattern_ok(buf, at, n))
			ret = "content";
	}
	__atomic_store_n(&storm->stop, 1, __ATOMIC_RELEASE);
	return ret;
}

static void resize_storm(struct __test_metadata *_metadata, bool records)
{
	struct storm storm = {
		.total = scaled((records ? 100 : 300) << 20),
		.records = records,
		.seed = kipc_seed(),
	};
	unsigned int fitted = 0, refused = 0;
	uint64_t rnd = storm.seed;
	pthread_t writer, reader;
	void *wrong[2];
	int64_t want;

	ASSERT_EQ(0, kipc_pipe(storm.fd, PAGE,
			       records ? KIPC_PIPE_RECORD : 0));
	ASSERT_EQ(0, pthread_create(&writer, NULL, storm_write, &storm));
	ASSERT_EQ(0, pthread_create(&reader, NULL, storm_read, &storm));
	while (!__atomic_load_n(&storm.stop, __ATOMIC_ACQUIRE)) {
		want = (kipc_rand(&rnd) % 8 + 1) * PAGE;
		want = resize(storm.fd[kipc_rand(&rnd) & 1], want);
		if (want == -EBUSY)
			refused++;
		else if (want > 0)
			fitted++;
		else
			EXPECT_EQ(0, want);
		/* Lets the data flow at this size for a while. */
		usleep(kipc_rand(&rnd) % 200);
	}
	pthread_join(writer, &wrong[0]);
	pthread_join(reader, &wrong[1]);
	EXPECT_EQ(NULL, wrong[0])
		TH_LOG("writer: %s", (char *)wrong[0]);
	EXPECT_EQ(NULL, wrong[1])
		TH_LOG("reader: %s", (char *)wrong[1]);
	EXPECT_LT(0U, fitted);
	TH_LOG("%u resizes, %u refused", fitted, refused);
}

FIXTURE(storm) {
};

FIXTURE_VARIANT(storm) {
	bool records;
};

FIXTURE_VARIANT_ADD(storm, stream) {
	.records = false,
};

FIXTURE_VARIANT_ADD(storm, record) {
	.records = true,
};

FIXTURE_SETUP(storm)
{
}

FIXTURE_TEARDOWN(storm)
{
}

TEST_F_TIMEOUT(storm, data_stays_whole_under_resizes, 300)
{
	resize_storm(_metadata, variant->records);
}

TEST_HARNESS_MAIN
