// SPDX-License-Identifier: GPL-2.0
/*
 * The rules of a pipe as they are taught, one test for each:
 *
 *  1. data goes in one direction only
 *  2. access is exclusive
 *  3. a full pipe makes the writer sleep until a reader takes data
 *  4. an empty pipe makes the reader sleep until a writer puts data
 *  5. what has been read is gone
 *  6. of several readers, either a second one is refused (a), or they take
 *     turns and get even shares (b)
 *  7. a reader may go on while the pipe is not empty, a writer while it is not
 *     full
 */
#include <poll.h>

#include "kselftest_harness.h"
#include "kipc_util.h"

#define PAGE	4096

static void rules_name(char *name, size_t size, const char *what)
{
	snprintf(name, size, "rules-%s-%d", what, getpid());
}

TEST(one_direction_only)
{
	char name[64], got[4], one[4] = "one";
	struct kipc_pipe_create arg;
	struct pollfd ends[2];
	int fd[2];

	ASSERT_EQ(0, kipc_pipe(fd, 0, 0));
	EXPECT_EQ(-EBADF, KIPC_RET(write(fd[0], one, 4)));
	EXPECT_EQ(-EBADF, KIPC_RET(read(fd[1], got, 4)));
	EXPECT_EQ(-EBADF, kipc_try_write(fd[0], one, 4));
	EXPECT_EQ(-EBADF, kipc_try_read(fd[1], got, 4));

	/* A read end is never ready to be written to, nor the other way. */
	EXPECT_EQ(4, KIPC_RET(write(fd[1], one, 4)));
	ends[0] = (struct pollfd){ .fd = fd[0], .events = POLLIN | POLLOUT };
	ends[1] = (struct pollfd){ .fd = fd[1], .events = POLLIN | POLLOUT };
	EXPECT_EQ(2, poll(ends, 2, 0));
	EXPECT_EQ(POLLIN, ends[0].revents);
	EXPECT_EQ(POLLOUT, ends[1].revents);
	EXPECT_EQ(4, KIPC_RET(read(fd[0], got, 4)));
	EXPECT_STREQ("one", got);

	/* No handle has both directions. */
	rules_name(name, sizeof(name), "direction");
	ASSERT_EQ(0, kipc_pipe_named(&arg, name, KIPC_RIGHT_READ |
				     KIPC_RIGHT_WRITE, 0, KIPC_PIPE_TURNS));
	EXPECT_NE(arg.read_fd, arg.write_fd);
	EXPECT_EQ(-EBADF, kipc_try_write(arg.read_fd, one, 4));
	EXPECT_EQ(-EBADF, kipc_try_read(arg.write_fd, got, 4));
	EXPECT_EQ(-EINVAL, kipc_open_name(name, KIPC_RIGHT_READ |
					  KIPC_RIGHT_WRITE, 0));
}

#define BLOCK		(64 * 1024)
#define WRITERS		3

static pid_t start_block_writer(int fd, int id, int blocks)
{
	pid_t pid = kipc_fork();
	char *block;

	if (pid)
		return pid;
	block = malloc(BLOCK);
	CHILD_CHECK(block);
	memset(block, 'a' + id, BLOCK);
	while (blocks--)
		CHILD_CHECK(write(fd, block, BLOCK) == BLOCK);
	_exit(0);
}

/* Each block of the stream must be of one writer; counts them in @count. */
static bool blocks_are_whole(int fd, size_t total, int count[WRITERS])
{
	char *block = malloc(BLOCK), owner = 0;
	size_t at;
	ssize_t n, i;

	for (at = 0; at < total; at += n) {
		n = read(fd, block, BLOCK - at % BLOCK);
		if (n <= 0)
			return false;
		if (at % BLOCK == 0) {
			owner = block[0];
			if (owner < 'a' || owner >= 'a' + WRITERS)
				return false;
			count[owner - 'a']++;
		}
		for (i = 0; i < n; i++)
			if (block[i] != owner)
				return false;
	}
	free(block);
	return true;
}

TEST(exclusive_access)
{
	int blocks = scaled(100), count[WRITERS] = {}, fd[2], i;
	struct kipc_call first, second;
	char got[2][8] = {};
	pid_t pid[WRITERS];

	/* No write is ever mixed with another, however large. */
	ASSERT_EQ(0, kipc_pipe(fd, 2 * PAGE, 0));
	for (i = 0; i < WRITERS; i++)
		pid[i] = start_block_writer(fd[1], i, blocks);
	ASSERT_TRUE(wait_for(kipc_writers_waiting(fd[0]) == WRITERS));
	ASSERT_TRUE(blocks_are_whole(fd[0], (size_t)WRITERS * blocks * BLOCK,
				     count));
	for (i = 0; i < WRITERS; i++) {
		EXPECT_EQ(blocks, count[i]);
		EXPECT_EQ(0, kipc_reap(pid[i]));
	}
	EXPECT_EQ(-EAGAIN, kipc_try_read(fd[0], got[0], 1));
	close(fd[0]);
	close(fd[1]);

	/* What one reader is given, no other gets a part of. */
	ASSERT_EQ(0, kipc_pipe(fd, 0, KIPC_PIPE_TURNS));
	first = (struct kipc_call){ .fd = fd[0], .cmd = KIPC_CALL_READ,
		.buf = got[0], .len = 8 };
	second = (struct kipc_call){ .fd = fd[0], .cmd = KIPC_CALL_READ,
		.buf = got[1], .len = 8 };
	ASSERT_EQ(0, kipc_call_start(&first));
	ASSERT_TRUE(wait_for(kipc_readers_waiting(fd[1]) == 1));
	ASSERT_EQ(0, kipc_call_start(&second));
	ASSERT_TRUE(wait_for(kipc_readers_waiting(fd[1]) == 2));
	EXPECT_EQ(4, KIPC_RET(write(fd[1], "abc", 4)));
	EXPECT_EQ(4, kipc_call_wait(&first));
	EXPECT_STREQ("abc", got[0]);
	EXPECT_FALSE(kipc_call_ended(&second));
	EXPECT_EQ(3, KIPC_RET(write(fd[1], "de", 3)));
	EXPECT_EQ(3, kipc_call_wait(&second));
	EXPECT_STREQ("de", got[1]);
}

/* A writer process that finds the pipe full, then one byte more. */
TEST(full_blocks_writer_until_read)
{
	const uint32_t flags[] = { 0, KIPC_PIPE_RECORD };
	struct kipc_call *call = kipc_shared(sizeof(*call));
	char page[PAGE] = {}, got[PAGE];
	unsigned int mode;
	int fd[2], room;
	pid_t pid;

	for (mode = 0; mode < 2; mode++) {
		room = mode ? PAGE - 4 : PAGE;
		ASSERT_EQ(0, kipc_pipe(fd, PAGE, flags[mode]));
		ASSERT_EQ(room, kipc_try_write(fd[1], page, room));
		EXPECT_EQ(-EAGAIN, kipc_try_write(fd[1], "x", 1));
		*call = (struct kipc_call){ .fd = fd[1], .buf = "x", .len = 1,
			.cmd = KIPC_CALL_WRITE };
		pid = kipc_fork();
		if (!pid) {
			kipc_call_run(call);
			_exit(call->ret == 1 ? 0 : 1);
		}
		ASSERT_TRUE(wait_for(kipc_writers_waiting(fd[0]) == 1));
		EXPECT_FALSE(kipc_call_ended(call));
		EXPECT_EQ(0, waitpid(pid, NULL, WNOHANG));
		EXPECT_EQ(room, KIPC_RET(read(fd[0], got, room)));
		EXPECT_EQ(0, kipc_reap(pid));
		EXPECT_EQ(1, call->ret);
		EXPECT_EQ(1, KIPC_RET(read(fd[0], got, PAGE)));
		EXPECT_EQ('x', got[0]);
		close(fd[0]);
		close(fd[1]);
	}
}

TEST(empty_blocks_reader_until_written)
{
	const uint32_t flags[] = { 0, KIPC_PIPE_RECORD };
	struct kipc_call *call = kipc_shared(sizeof(*call));
	char *got = kipc_shared(PAGE);
	unsigned int mode;
	int fd[2];
	pid_t pid;

	for (mode = 0; mode < 2; mode++) {
		ASSERT_EQ(0, kipc_pipe(fd, PAGE, flags[mode]));
		EXPECT_EQ(-EAGAIN, kipc_try_read(fd[0], got, 1));
		*call = (struct kipc_call){ .fd = fd[0], .buf = got, .len = 100,
			.cmd = KIPC_CALL_READ };
		pid = kipc_fork();
		if (!pid) {
			kipc_call_run(call);
			_exit(call->ret == 6 ? 0 : 1);
		}
		ASSERT_TRUE(wait_for(kipc_readers_waiting(fd[1]) == 1));
		EXPECT_FALSE(kipc_call_ended(call));
		EXPECT_EQ(0, waitpid(pid, NULL, WNOHANG));
		EXPECT_EQ(6, KIPC_RET(write(fd[1], "bytes", 6)));
		EXPECT_EQ(0, kipc_reap(pid));
		EXPECT_EQ(6, call->ret);
		EXPECT_STREQ("bytes", got);
		memset(got, 0, PAGE);
		close(fd[0]);
		close(fd[1]);
	}
}

TEST(read_data_is_gone)
{
	struct kipc_pipe_create arg;
	struct kipc_pipe_stat st;
	char name[64], got[8];
	int second, pending;

	rules_name(name, sizeof(name), "gone");
	ASSERT_EQ(0, kipc_pipe_named(&arg, name, KIPC_RIGHT_READ |
				     KIPC_RIGHT_WRITE, 0, KIPC_PIPE_TURNS));
	second = kipc_open_name(name, KIPC_RIGHT_READ, 0);
	ASSERT_LE(0, second);
	ASSERT_EQ(6, KIPC_RET(write(arg.write_fd, "abcdef", 6)));

	/* Once read it is out of reach for everybody, he who read it too. */
	EXPECT_EQ(2, kipc_try_read(arg.read_fd, got, 2));
	EXPECT_EQ(0, memcmp(got, "ab", 2));
	EXPECT_EQ(2, kipc_try_read(second, got, 2));
	EXPECT_EQ(0, memcmp(got, "cd", 2));
	EXPECT_EQ(-ESPIPE, KIPC_RET(pread(second, got, 2, 0)));
	EXPECT_EQ(2, kipc_try_read(arg.read_fd, got, sizeof(got)));
	EXPECT_EQ(0, memcmp(got, "ef", 2));
	EXPECT_EQ(-EAGAIN, kipc_try_read(arg.read_fd, got, 1));
	EXPECT_EQ(-EAGAIN, kipc_try_read(second, got, 1));
	EXPECT_EQ(0, ioctl(second, FIONREAD, &pending));
	EXPECT_EQ(0, pending);
	ASSERT_EQ(0, kipc_pipe_stat(second, &st));
	EXPECT_EQ(0U, st.used);
	EXPECT_EQ(6U, st.readers.bytes);

	/* Nor is it there for one who opens the pipe now. */
	close(second);
	second = kipc_open_name(name, KIPC_RIGHT_READ, KIPC_NONBLOCK);
	ASSERT_LE(0, second);
	EXPECT_EQ(-EAGAIN, KIPC_RET(read(second, got, 1)));
}

/* A child that opens @name (or uses @fd) and reads; it tells what it got. */
static pid_t start_reader(const char *name, int fd, int64_t *ret)
{
	pid_t pid = kipc_fork();
	char got[16];

	if (pid)
		return pid;
	if (name)
		fd = kipc_open_name(name, KIPC_RIGHT_READ, 0);
	CHILD_CHECK(fd >= 0);
	*ret = KIPC_RET(read(fd, got, sizeof(got)));
	_exit(0);
}

TEST(single_refuses_second_reader)
{
	int64_t *ret = kipc_shared(sizeof(*ret));
	struct kipc_pipe_create arg, again;
	char name[64], got[16];
	int second;
	pid_t pid;

	rules_name(name, sizeof(name), "single");
	ASSERT_EQ(0, kipc_pipe_named(&arg, name, KIPC_RIGHT_READ |
				     KIPC_RIGHT_WRITE, 0, 0));
	EXPECT_EQ(-EBUSY, kipc_open_name(name, KIPC_RIGHT_READ, 0));
	EXPECT_EQ(-EBUSY, kipc_pipe_named(&again, name, KIPC_RIGHT_READ, 0, 0));
	EXPECT_EQ(-EBUSY, kipc_pipe_named(&again, name, KIPC_RIGHT_READ |
					  KIPC_RIGHT_WRITE, 0, 0));

	/* Closed by the first, it is free for a second. */
	close(arg.read_fd);
	second = kipc_open_name(name, KIPC_RIGHT_READ, 0);
	ASSERT_LE(0, second);
	EXPECT_EQ(-EBUSY, kipc_open_name(name, KIPC_RIGHT_READ, 0));

	/* A handle that two processes share: one reads at a time. */
	pid = start_reader(NULL, second, ret);
	ASSERT_TRUE(wait_for(kipc_readers_waiting(arg.write_fd) == 1));
	EXPECT_EQ(-EBUSY, KIPC_RET(read(second, got, 1)));
	EXPECT_EQ(-EBUSY, kipc_try_read(second, got, 1));
	EXPECT_EQ(-EBUSY, kipc_pipe_io(second, KIPC_PIPE_READ, got, 1, 1, 0));
	EXPECT_EQ(3, KIPC_RET(write(arg.write_fd, "abc", 3)));
	EXPECT_EQ(0, kipc_reap(pid));
	EXPECT_EQ(3, *ret);
	EXPECT_EQ(-EAGAIN, kipc_try_read(second, got, 1));

	/* The first is killed while it reads: the next one may. */
	pid = start_reader(NULL, second, ret);
	ASSERT_TRUE(wait_for(kipc_readers_waiting(arg.write_fd) == 1));
	EXPECT_EQ(-EBUSY, kipc_try_read(second, got, 1));
	EXPECT_EQ(0, kill(pid, SIGKILL));
	EXPECT_EQ(SIGKILL, kipc_reap(pid));
	EXPECT_EQ(-EAGAIN, kipc_try_read(second, got, 1));
	EXPECT_EQ(2, KIPC_RET(write(arg.write_fd, "de", 2)));
	EXPECT_EQ(2, KIPC_RET(read(second, got, sizeof(got))));
	close(second);

	/* The holder of the only read end is killed: it can be opened. */
	pid = start_reader(name, -1, ret);
	ASSERT_TRUE(wait_for(kipc_readers_waiting(arg.write_fd) == 1));
	EXPECT_EQ(-EBUSY, kipc_open_name(name, KIPC_RIGHT_READ, 0));
	EXPECT_EQ(0, kill(pid, SIGKILL));
	EXPECT_EQ(SIGKILL, kipc_reap(pid));
	second = kipc_open_name(name, KIPC_RIGHT_READ, 0);
	ASSERT_LE(0, second);
	EXPECT_EQ(2, KIPC_RET(write(arg.write_fd, "fg", 2)));
	EXPECT_EQ(2, KIPC_RET(read(second, got, sizeof(got))));
}

#define READERS		8

/* What the readers have to show, in memory that they share. */
struct shares {
	uint32_t total;
	uint32_t count[READERS];
	uint32_t seen[];	/* by record: how often it was read */
};

static pid_t start_turn_reader(struct shares *sh, int me, const char *name,
			       const struct kipc_pipe_create *pipe)
{
	pid_t pid = kipc_fork();
	int fd = pipe->read_fd;
	uint32_t seq;
	ssize_t n;

	if (pid)
		return pid;
	if (fd < 0)
		fd = kipc_open_name(name, KIPC_RIGHT_READ, 0);
	CHILD_CHECK(fd >= 0);
	close(pipe->write_fd);
	while ((n = read(fd, &seq, sizeof(seq))) == sizeof(seq)) {
		CHILD_CHECK(seq < sh->total);
		__atomic_add_fetch(&sh->seen[seq], 1, __ATOMIC_RELAXED);
		sh->count[me]++;
	}
	CHILD_CHECK(n == 0);
	_exit(0);
}

FIXTURE(turns) {
	struct shares *sh;
	char name[64];
};

FIXTURE_VARIANT(turns) {
	uint32_t rights;
};

/* Every reader opens a read end of his own. */
FIXTURE_VARIANT_ADD(turns, own_handles) {
	.rights = KIPC_RIGHT_WRITE,
};

/* The readers are forked and share the one read end of their parent. */
FIXTURE_VARIANT_ADD(turns, one_shared_handle) {
	.rights = KIPC_RIGHT_READ | KIPC_RIGHT_WRITE,
};

FIXTURE_SETUP(turns)
{
	uint32_t total = scaled(10000);

	rules_name(self->name, sizeof(self->name), "turns");
	self->sh = kipc_shared(sizeof(*self->sh) + total * sizeof(uint32_t));
	ASSERT_NE(NULL, self->sh);
	self->sh->total = total;
}

FIXTURE_TEARDOWN(turns)
{
}

TEST_F_TIMEOUT(turns, turns_share_out_evenly, 120)
{
	uint32_t seq, sum = 0, least = UINT32_MAX, most = 0;
	struct shares *sh = self->sh;
	struct kipc_pipe_create pipe;
	pid_t pid[READERS];
	int i;

	ASSERT_EQ(0, kipc_pipe_named(&pipe, self->name, variant->rights, 0,
				     KIPC_PIPE_TURNS | KIPC_PIPE_RECORD));
	for (i = 0; i < READERS; i++)
		pid[i] = start_turn_reader(sh, i, self->name, &pipe);
	ASSERT_TRUE(wait_for(kipc_readers_waiting(pipe.write_fd) == READERS));
	if (pipe.read_fd >= 0)
		close(pipe.read_fd);

	for (seq = 0; seq < sh->total; seq++)
		ASSERT_EQ((long)sizeof(seq),
			  KIPC_RET(write(pipe.write_fd, &seq, sizeof(seq))));
	close(pipe.write_fd);
	for (i = 0; i < READERS; i++) {
		EXPECT_EQ(0, kipc_reap(pid[i]));
		sum += sh->count[i];
		if (sh->count[i] < least)
			least = sh->count[i];
		if (sh->count[i] > most)
			most = sh->count[i];
	}
	EXPECT_EQ(sh->total, sum);
	for (seq = 0; seq < sh->total; seq++)
		EXPECT_EQ(1U, sh->seen[seq])
			TH_LOG("record %u", seq);
	EXPECT_LE(most - least, 1U)
		TH_LOG("shares from %u to %u", least, most);
}

/* One byte at a time: every single one goes in until full, out until empty. */
static bool goes_on_by_bytes(int fd[2], int capacity)
{
	char c = 'x';
	int i;

	for (i = 0; i < capacity; i++)
		if (kipc_try_write(fd[1], &c, 1) != 1)
			return false;
	if (kipc_try_write(fd[1], &c, 1) != -EAGAIN)
		return false;
	if (kipc_try_read(fd[0], &c, 1) != 1 ||
	    kipc_try_write(fd[1], &c, 1) != 1)
		return false;
	for (i = 0; i < capacity; i++)
		if (kipc_try_read(fd[0], &c, 1) != 1)
			return false;
	return kipc_try_read(fd[0], &c, 1) == -EAGAIN;
}

TEST(reads_go_on_while_not_empty_writes_while_not_full)
{
	char *data = malloc(3 * PAGE), got[PAGE];
	int fd[2], used = 0, n, want, i;
	struct kipc_pipe_stat st;
	struct kipc_call call;
	uint64_t rnd = kipc_seed();

	memset(data, 'd', 3 * PAGE);
	ASSERT_EQ(0, kipc_pipe(fd, 2 * PAGE, 0));
	EXPECT_TRUE(goes_on_by_bytes(fd, 2 * PAGE));

	/* Anything that fits goes in whole, any read takes what is there. */
	for (i = 0; i < 2000; i++) {
		n = kipc_rand(&rnd) % PAGE + 1;
		want = 2 * PAGE - used < n ? -EAGAIN : n;
		if (kipc_rand(&rnd) & 1) {
			ASSERT_EQ(want, kipc_try_write(fd[1], data, n));
			used += want > 0 ? want : 0;
		} else {
			want = used < n ? used : n;
			ASSERT_EQ(want ? want : -EAGAIN,
				  kipc_try_read(fd[0], got, n));
			used -= want;
		}
	}
	for (; used; used -= n) {
		n = kipc_try_read(fd[0], got, PAGE);
		ASSERT_LT(0, n);
	}
	ASSERT_EQ(0, kipc_pipe_stat(fd[0], &st));
	EXPECT_EQ(0U, st.readers.sleeps);
	EXPECT_EQ(0U, st.writers.sleeps);

	/* A writer that sleeps half-way does not keep the reader. */
	call = (struct kipc_call){ .fd = fd[1], .cmd = KIPC_CALL_WRITE,
		.buf = data, .len = 3 * PAGE };
	ASSERT_EQ(0, kipc_call_start(&call));
	ASSERT_TRUE(wait_for(kipc_writers_waiting(fd[0]) == 1));
	for (i = 0; i < 2 * PAGE; i++)
		ASSERT_EQ(1, kipc_try_read(fd[0], got, 1));
	EXPECT_EQ(3 * PAGE, kipc_call_wait(&call));
	EXPECT_EQ(PAGE, kipc_try_read(fd[0], got, PAGE));
	EXPECT_EQ(-EAGAIN, kipc_try_read(fd[0], got, 1));

	/* A reader that sleeps does not keep the writer. */
	call = (struct kipc_call){ .fd = fd[0], .cmd = KIPC_CALL_READ,
		.buf = got, .len = PAGE };
	ASSERT_EQ(0, kipc_call_start(&call));
	ASSERT_TRUE(wait_for(kipc_readers_waiting(fd[1]) == 1));
	EXPECT_EQ(1, kipc_try_write(fd[1], data, 1));
	EXPECT_EQ(1, kipc_call_wait(&call));
	EXPECT_EQ(PAGE, kipc_try_write(fd[1], data, PAGE));
	EXPECT_EQ(PAGE, kipc_try_write(fd[1], data, PAGE));
	EXPECT_EQ(-EAGAIN, kipc_try_write(fd[1], data, 1));
	free(data);
}

TEST_HARNESS_MAIN
