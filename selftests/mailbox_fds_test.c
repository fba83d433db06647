// SPDX-License-Identifier: GPL-2.0
/*
 * Descriptors in messages: what arrives and how, what may not travel, and that
 * nothing is left of those that nobody receives.
 */
#include <linux/io_uring.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/timerfd.h>

#include "kselftest_harness.h"
#include "mailbox_util.h"
#include "segment_util.h"

#define MOST	((int)KIPC_MSG_FDS_MAX)
#define MIB	(1024 * 1024UL)

FIXTURE(fds) {
	int fd;
	int before;		/* descriptors that were open */
	int32_t files[MOST];	/* read ends of pipes */
	int32_t ends[MOST];	/* and their write ends */
	struct msg_got got;
};

FIXTURE_SETUP(fds)
{
	int i, two[2];

	self->fd = box_make(0, 0);
	ASSERT_LE(0, self->fd);
	/* Whatever is lost, nobody waits for it here. */
	ASSERT_EQ(0, fcntl(self->fd, F_SETFL, O_NONBLOCK));
	for (i = 0; i < MOST; i++) {
		ASSERT_EQ(0, pipe2(two, O_CLOEXEC | O_NONBLOCK));
		self->files[i] = two[0];
		self->ends[i] = two[1];
	}
	self->before = count_fds();
}

FIXTURE_TEARDOWN(fds)
{
	EXPECT_TRUE(box_is_idle(self->fd));
	EXPECT_EQ(self->before, count_fds());
}

static struct kipc_msg with_files(const int32_t *files, uint32_t count)
{
	struct kipc_msg msg = msg_text("files");

	msg.fds = to_u64(files);
	msg.fd_count = count;
	return msg;
}

static int send_files(int fd, const int32_t *files, uint32_t count)
{
	return box_try_send(fd, with_files(files, count));
}

static int recv_files(int fd, struct msg_got *got, uint32_t room)
{
	struct kipc_msg_recv arg = { .flags = KIPC_MSG_NONBLOCK,
		.msg = msg_got_room_fds(got) };

	arg.msg.fd_count = room;
	memset(got->fds, 0xff, sizeof(got->fds));
	return msg_recv(fd, KIPC_MAILBOX_RECV, got, &arg);
}

/* Is what is written to @end read from @file? */
static bool connected(int end, int file)
{
	static char last;
	char seen = 0;

	last++;
	return write(end, &last, 1) == 1 && read(file, &seen, 1) == 1 &&
	       seen == last;
}

static void close_all(const int32_t *fds, uint32_t count)
{
	while (count--)
		close(fds[count]);
}

TEST_F(fds, any_number_up_to_the_most)
{
	int count, i;

	for (count = 1; count <= MOST; count++) {
		ASSERT_EQ(0, send_files(self->fd, self->files, count));
		ASSERT_EQ(0, recv_files(self->fd, &self->got, MOST));
		EXPECT_TRUE(msg_is(&self->got.msg, "files"));
		EXPECT_EQ(count, self->got.msg.fd_count);
		EXPECT_EQ(to_u64(self->got.fds), self->got.msg.fds);
		EXPECT_EQ(0, self->got.msg.flags);
		ASSERT_EQ(self->before + count, count_fds());
		for (i = 0; i < count; i++) {
			EXPECT_NE(self->files[i], self->got.fds[i]);
			EXPECT_EQ(FD_CLOEXEC, fcntl(self->got.fds[i], F_GETFD));
			EXPECT_TRUE(connected(self->ends[i],
					      self->got.fds[i]));
		}
		for (; i < MOST; i++)
			EXPECT_EQ(-1, self->got.fds[i]);
		close_all(self->got.fds, count);
	}
}

/* Where a body lies depends on its length, and on whether there are files. */
TEST_F(fds, with_bodies_of_any_length)
{
	static const uint32_t lens[] = { 0, 1, 56, 64, 65, 4096, 65536 };
	static char body[65536], got[65536];
	size_t i;

	for (i = 0; i < ARRAY_SIZE(lens); i++) {
		struct kipc_msg msg = with_files(self->files, 2);
		struct kipc_msg room = msg_got_room_fds(&self->got);

		memset(body, 'a' + i, sizeof(body));
		msg.buf = to_u64(body);
		msg.len = lens[i];
		memset(got, 0, sizeof(got));
		room.buf = to_u64(got);
		room.len = sizeof(got);

		/* Its memory is there for the next one. */
		ASSERT_EQ(0, box_put(self->fd, 0, 0, "none"));
		EXPECT_TRUE(box_next_is(self->fd, "none"));
		ASSERT_EQ(0, box_try_send(self->fd, msg));
		ASSERT_EQ(0, BOX_RECV(self->fd, &self->got, .msg = room));
		EXPECT_EQ(lens[i], self->got.msg.len);
		EXPECT_EQ(0, memcmp(body, got, lens[i]));
		ASSERT_EQ(2, self->got.msg.fd_count);
		EXPECT_TRUE(connected(self->ends[1], self->got.fds[1]));
		close_all(self->got.fds, 2);
	}
}

/* They are open in the message, whatever the sender does with his. */
TEST_F(fds, the_sender_closes_his)
{
	int32_t file = fcntl(self->files[0], F_DUPFD, 0);

	ASSERT_EQ(0, send_files(self->fd, &file, 1));
	close(file);
	ASSERT_EQ(0, recv_files(self->fd, &self->got, 1));
	EXPECT_TRUE(connected(self->ends[0], self->got.fds[0]));
	close(self->got.fds[0]);
}

/* One file several times is several descriptors. */
TEST_F(fds, the_same_twice)
{
	int32_t files[2] = { self->files[3], self->files[3] };

	ASSERT_EQ(0, send_files(self->fd, files, 2));
	ASSERT_EQ(0, recv_files(self->fd, &self->got, 2));
	EXPECT_NE(self->got.fds[0], self->got.fds[1]);
	EXPECT_TRUE(connected(self->ends[3], self->got.fds[0]));
	EXPECT_TRUE(connected(self->ends[3], self->got.fds[1]));
	close_all(self->got.fds, 2);
}

/* Without room for all of them none comes, and that is said. */
TEST_F(fds, too_little_room)
{
	uint32_t room;

	for (room = 0; room < 5; room++) {
		ASSERT_EQ(0, send_files(self->fd, self->files, 5));
		ASSERT_EQ(0, recv_files(self->fd, &self->got, room));
		EXPECT_TRUE(msg_is(&self->got.msg, "files"));
		EXPECT_EQ(KIPC_MSG_FDS_DROPPED, self->got.msg.flags);
		EXPECT_EQ(5, self->got.msg.fd_count);
		EXPECT_EQ(-1, self->got.fds[0]);
		EXPECT_EQ(self->before, count_fds());
	}
	ASSERT_EQ(0, send_files(self->fd, self->files, 5));
	ASSERT_EQ(5, KIPC_RET(read(self->fd, self->got.body, MSG_BODY)));
	EXPECT_EQ(0, memcmp(self->got.body, "files", 5));
	/* More room than can ever be filled is as good. */
	ASSERT_EQ(0, send_files(self->fd, self->files, 5));
	ASSERT_EQ(0, recv_files(self->fd, &self->got, UINT32_MAX));
	EXPECT_EQ(5, self->got.msg.fd_count);
	close_all(self->got.fds, 5);
}

TEST_F(fds, peek_gives_none)
{
	struct kipc_msg_recv arg = { .flags = KIPC_MSG_PEEK,
		.msg = msg_got_room_fds(&self->got) };

	memset(self->got.fds, 0xff, sizeof(self->got.fds));
	ASSERT_EQ(0, send_files(self->fd, self->files, 5));
	ASSERT_EQ(0, msg_recv(self->fd, KIPC_MAILBOX_RECV, &self->got, &arg));
	EXPECT_EQ(5, self->got.msg.fd_count);
	EXPECT_EQ(-1, self->got.fds[0]);
	EXPECT_EQ(self->before, count_fds());
	ASSERT_EQ(0, recv_files(self->fd, &self->got, 5));
	EXPECT_EQ(0, self->got.msg.flags);
	EXPECT_TRUE(connected(self->ends[4], self->got.fds[4]));
	close_all(self->got.fds, 5);
}

TEST_F(fds, truncated_body)
{
	struct kipc_msg_recv arg = { .flags = KIPC_MSG_TRUNCATE,
		.msg = msg_got_room_fds(&self->got) };

	ASSERT_EQ(0, send_files(self->fd, self->files, 2));
	arg.msg.len = 2;
	ASSERT_EQ(0, msg_recv(self->fd, KIPC_MAILBOX_RECV, &self->got, &arg));
	EXPECT_EQ(KIPC_MSG_TRUNCATED, self->got.msg.flags);
	EXPECT_EQ(2, self->got.msg.fd_count);
	EXPECT_TRUE(connected(self->ends[1], self->got.fds[1]));
	close_all(self->got.fds, 2);
}

TEST_F(fds, in_vectors)
{
	struct kipc_msg msgs[20];
	struct msg_got got[20];
	uint32_t i;

	for (i = 0; i < 20; i++)
		msgs[i] = with_files(self->files + i % 8, i % 3);
	ASSERT_EQ(20, BOX_SENDV(self->fd, .count = 20, .msgs = to_u64(msgs)));
	for (i = 0; i < 20; i++)
		msgs[i] = msg_got_room_fds(&got[i]);
	msgs[5].fd_count = 1;
	ASSERT_EQ(20, BOX_RECVV(self->fd, .count = 20, .msgs = to_u64(msgs)));
	for (i = 0; i < 20; i++) {
		EXPECT_EQ(i % 3, msgs[i].fd_count);
		EXPECT_EQ(i == 5 ? KIPC_MSG_FDS_DROPPED : 0, msgs[i].flags);
		if (i == 5)
			continue;
		if (i % 3)
			EXPECT_TRUE(connected(self->ends[i % 8],
					      got[i].fds[0]));
		close_all(got[i].fds, i % 3);
	}
}

/* So many that there are @left for more; gives what was before. */
static rlim_t leave_descriptors(int left)
{
	struct rlimit limit;
	rlim_t before;
	int next = fcntl(0, F_DUPFD, 0);

	/* The numbers below are all in use: next is the lowest that is not. */
	close(next);
	getrlimit(RLIMIT_NOFILE, &limit);
	before = limit.rlim_cur;
	limit.rlim_cur = next + left;
	setrlimit(RLIMIT_NOFILE, &limit);
	return before;
}

static void set_descriptors(rlim_t count)
{
	struct rlimit limit;

	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = count;
	setrlimit(RLIMIT_NOFILE, &limit);
}

TEST_F(fds, emfile_leaves_the_message)
{
	struct kipc_msg msgs[3];
	struct msg_got got[3];
	rlim_t before;
	int left, i;

	for (left = 0; left < 5; left++) {
		ASSERT_EQ(0, box_put(self->fd, 0, 1, "before"));
		ASSERT_EQ(0, send_files(self->fd, self->files, 5));
		ASSERT_EQ(0, box_put(self->fd, 0, 0, "after"));
		before = leave_descriptors(left);
		EXPECT_TRUE(box_next_is(self->fd, "before"));
		EXPECT_EQ(-EMFILE, recv_files(self->fd, &self->got, 5));
		EXPECT_EQ(-EMFILE, recv_files(self->fd, &self->got, 5));
		set_descriptors(before);
		EXPECT_EQ(self->before, count_fds());
		EXPECT_EQ(2, box_messages(self->fd));
		EXPECT_EQ(0, recv_files(self->fd, &self->got, 5));
		EXPECT_EQ(2, self->got.msg.seq % 3);
		EXPECT_TRUE(connected(self->ends[4], self->got.fds[4]));
		close_all(self->got.fds, 5);
		EXPECT_TRUE(box_next_is(self->fd, "after"));
	}
	/* In the middle of a vector. */
	for (i = 0; i < 3; i++) {
		ASSERT_EQ(0, send_files(self->fd, self->files, i));
		msgs[i] = msg_got_room_fds(&got[i]);
	}
	before = leave_descriptors(2);
	EXPECT_EQ(2, BOX_RECVV(self->fd, .count = 3, .msgs = to_u64(msgs)));
	EXPECT_EQ(-EMFILE, BOX_RECVV(self->fd, .count = 1,
				     .msgs = to_u64(&msgs[2])));
	set_descriptors(before);
	EXPECT_EQ(1, BOX_RECVV(self->fd, .count = 1,
			       .msgs = to_u64(&msgs[2])));
	close(got[1].fds[0]);
	close_all(got[2].fds, 2);
}

/* Files of all sorts, kipc's own among them. */
TEST_F(fds, that_may_travel)
{
	struct kipc_semaphore_create semaphore = { .size = sizeof(semaphore),
		.rights = RIGHT_BOTH, .count = 1 };
	struct kipc_array_create array = { .size = sizeof(array),
		.rights = RIGHT_BOTH, .count = 1, .element = 8 };
	int32_t files[12];
	int two[2], n = 0, i;

	ASSERT_EQ(0, kipc_device_ioctl(KIPC_SEMAPHORE_CREATE, &semaphore));
	ASSERT_EQ(0, kipc_device_ioctl(KIPC_ARRAY_CREATE, &array));
	files[n++] = semaphore.fd;
	files[n++] = array.fd;
	files[n++] = segment_make(4096, 0);
	ASSERT_EQ(0, kipc_pipe(two, 0, 0));
	files[n++] = two[0];
	files[n++] = two[1];
	files[n++] = kipc_device();
	files[n++] = open("/", O_RDONLY | O_DIRECTORY);
	files[n++] = eventfd(0, 0);
	files[n++] = timerfd_create(CLOCK_MONOTONIC, 0);
	files[n++] = memfd_create("travels", 0);
	files[n] = socket(AF_INET, SOCK_STREAM, 0);
	n += files[n] >= 0;
	for (i = 0; i < n; i++) {
		ASSERT_LE(0, files[i]);
		EXPECT_EQ(0, send_files(self->fd, &files[i], 1))
			TH_LOG("file %d", i);
		ASSERT_EQ(0, recv_files(self->fd, &self->got, 1));
		close(self->got.fds[0]);
	}
	close_all(files, n);
}

/* Epoll and io_uring files, and whoever watches one of these. */
static int uring(void)
{
	struct io_uring_params params = {};

	return syscall(__NR_io_uring_setup, 4, &params);
}

TEST_F(fds, that_may_not_travel)
{
	struct kipc_endpoint_create endpoint = { .size = sizeof(endpoint),
		.rights = RIGHT_BOTH };
	int32_t files[12], mixed[MOST];
	int two[2], n = 0, i, at;

	ASSERT_EQ(0, kipc_device_ioctl(KIPC_ENDPOINT_CREATE, &endpoint));
	files[n++] = endpoint.fd;
	files[n++] = box_make(0, 0);
	files[n++] = fcntl(self->fd, F_DUPFD, 0);
	files[n++] = epoll_create1(0);
	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM, 0, two));
	files[n++] = two[0];
	files[n++] = two[1];
	files[n++] = socket(AF_UNIX, SOCK_DGRAM, 0);
	files[n++] = socket(AF_UNIX, SOCK_SEQPACKET, 0);
	files[n] = uring();
	n += files[n] >= 0;
	for (i = 0; i < n; i++) {
		ASSERT_LE(0, files[i]);
		EXPECT_EQ(-EINVAL, send_files(self->fd, &files[i], 1))
			TH_LOG("file %d", i);
		/* Among others, anywhere: all of them are refused. */
		for (at = 0; at < MOST; at += 5) {
			memcpy(mixed, self->files, sizeof(mixed));
			mixed[at] = files[i];
			EXPECT_EQ(-EINVAL, send_files(self->fd, mixed, MOST));
		}
	}
	EXPECT_EQ(0, box_stat(self->fd).sent);
	close_all(files, n);
}

/* What a name in /proc leads to is the same file, and so refused. */
TEST_F(fds, a_mailbox_by_another_way)
{
	char path[64];
	int32_t file;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", self->fd);
	file = open(path, O_RDWR);
	if (file >= 0) {
		EXPECT_EQ(-EINVAL, send_files(self->fd, &file, 1));
		close(file);
	}
	EXPECT_EQ(-EINVAL, send_files(self->fd, &self->fd, 1));
}

/* Files that the machine has open. */
static long files_open(void)
{
	char text[128];

	return read_file("/proc/sys/fs/file-nr", text, sizeof(text)) > 0 ?
	       atol(text) : -1;
}

static uint64_t objects(void)
{
	struct kipc_info info;

	return kipc_info(&info) ? UINT64_MAX : info.objects;
}

/* Messages that carry the only reference to a segment each. */
static int fill_with_segments(int fd, uint32_t count)
{
	int32_t file;
	int ret = 0;

	while (count-- && !ret) {
		file = segment_make(4096, 0);
		ret = send_files(fd, &file, 1);
		close(file);
	}
	return ret;
}

/* How the messages go; the mailbox is @fd. */
static int by_close(int fd)
{
	return close(fd);
}

static int by_destroy(int fd)
{
	int ret = kipc_destroy(fd);

	close(fd);
	return ret;
}

static int by_drain(int fd)
{
	int ret = box_empty(fd);

	close(fd);
	return ret;
}

static int by_read(int fd)
{
	char body[16];
	int i;

	for (i = 0; i < 100; i++)
		if (read(fd, body, sizeof(body)) != 5)
			return -EIO;
	return close(fd);
}

TEST_F(fds, nothing_is_left)
{
	static int (* const ways[])(int fd) = {
		by_close, by_destroy, by_drain, by_read,
	};
	uint64_t before = objects();
	unsigned int i;
	int fd;

	for (i = 0; i < 4; i++) {
		fd = box_make(0, 0);
		ASSERT_LE(0, fd);
		ASSERT_EQ(0, fill_with_segments(fd, 100));
		ASSERT_EQ(before + 101, objects());
		EXPECT_EQ(0, ways[i](fd));
		EXPECT_TRUE(wait_for(objects() == before))
			TH_LOG("way %u: %llu objects", i,
			       (unsigned long long)(objects() - before));
	}
}

static void send_and_die(void *arg)
{
	int fd = *(int *)arg;

	CHECK_EQ(0, fill_with_segments(fd, 50));
	kill(getpid(), SIGKILL);
}

/* Their sender is dead: they are there, and then they are not. */
TEST_F(fds, of_a_sender_that_died)
{
	uint64_t before = objects();
	int fd = box_make(0, 0);

	ASSERT_LE(0, fd);
	EXPECT_EQ(128 + SIGKILL, child_run(send_and_die, &fd));
	EXPECT_EQ(before + 51, objects());
	ASSERT_EQ(0, recv_files(fd, &self->got, 1));
	EXPECT_EQ(4096, segment_bytes(self->got.fds[0]));
	close(self->got.fds[0]);
	close(fd);
	EXPECT_TRUE(wait_for(objects() == before));
}

TEST_F(fds, many_rounds)
{
	unsigned long rounds = scaled(5000), i;
	long before = files_open();

	for (i = 0; i < rounds; i++) {
		ASSERT_EQ(0, send_files(self->fd, self->files, i % (MOST + 1)));
		ASSERT_EQ(0, recv_files(self->fd, &self->got, i % 3 ? MOST :
					3));
		if (!(self->got.msg.flags & KIPC_MSG_FDS_DROPPED))
			close_all(self->got.fds, self->got.msg.fd_count);
	}
	EXPECT_EQ(self->before, count_fds());
	/* Others may have some open, but not as many as there were here. */
	EXPECT_TRUE(wait_for(files_open() < before + 200));
}

/* What the receiver of 64 MiB has to look at, and what he says. */
struct mover {
	int fd;
	uint64_t bytes;
	uint32_t seen;
};

static void receive_memory(void *arg)
{
	struct mover *mover = arg;
	struct msg_got got;
	char *mem;

	CHECK_EQ(0, BOX_RECV(mover->fd, &got,
			     .deadline_ns = now_ns() + PATIENCE_NS,
			     .msg = msg_got_room_fds(&got)));
	CHECK_EQ(1, got.msg.fd_count);
	CHECK_EQ(mover->bytes, segment_bytes(got.fds[0]));
	mem = mmap(NULL, mover->bytes, PROT_RW, MAP_SHARED, got.fds[0], 0);
	CHECK_EQ(1, mem != MAP_FAILED);
	CHECK_EQ(1, pattern_ok(mem, 7, mover->bytes));
	/* It is the same memory, not one like it. */
	strcpy(mem, "seen");
	word_set(&mover->seen, 1);
}

TEST_F(fds, a_segment_of_64_mib)
{
	struct mover *mover = kipc_shared(sizeof(*mover));
	struct kipc_info before, with;
	int32_t file;
	char *mem;
	pid_t pid;

	ASSERT_NE(NULL, mover);
	ASSERT_EQ(0, fcntl(self->fd, F_SETFL, 0));
	mover->fd = self->fd;
	mover->bytes = 64 * MIB;
	pid = child_start(receive_memory, mover);
	file = segment_make(mover->bytes, 0);
	ASSERT_LE(0, file);
	mem = mmap(NULL, mover->bytes, PROT_RW, MAP_SHARED, file, 0);
	ASSERT_NE(MAP_FAILED, mem);
	pattern_fill(mem, 7, mover->bytes);
	ASSERT_EQ(0, kipc_info(&before));
	ASSERT_EQ(0, send_files(self->fd, &file, 1));
	EXPECT_EQ(0, child_end(pid));
	EXPECT_EQ(1, word_get(&mover->seen));
	EXPECT_STREQ("seen", mem);
	/* There never was a second one. */
	ASSERT_EQ(0, kipc_info(&with));
	EXPECT_EQ(before.objects, with.objects);
	EXPECT_EQ(before.bytes, with.bytes);
	EXPECT_EQ(mover->bytes, segment_resident(file));
	EXPECT_GT(1000, box_stat(self->fd).peak_bytes);
	munmap(mem, mover->bytes);
	close(file);
}

TEST_HARNESS_MAIN
