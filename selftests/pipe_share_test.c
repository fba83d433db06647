// SPDX-License-Identifier: GPL-2.0
/*
 * Ends of a pipe that processes share: by fork(2), by dup(2), and by passing
 * them over an AF_UNIX socket, with data in flight.
 */
#include <sys/socket.h>

#include "kselftest_harness.h"
#include "kipc_util.h"

#define PAGE	4096

/* Sends @fd over @sock, and a byte with it; 0 or -errno. */
static int send_fd(int sock, int fd, char byte)
{
	char space[CMSG_SPACE(sizeof(int))] = {};
	struct iovec iov = { .iov_base = &byte, .iov_len = 1 };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = space,
		.msg_controllen = sizeof(space),
	};
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg);

	cmsg->cmsg_level = SOL_SOCKET;
	cmsg->cmsg_type = SCM_RIGHTS;
	cmsg->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(cmsg), &fd, sizeof(fd));
	return sendmsg(sock, &msg, 0) == 1 ? 0 : -errno;
}

static int receive_fd(int sock, char *byte)
{
	char space[CMSG_SPACE(sizeof(int))] = {};
	struct iovec iov = { .iov_base = byte, .iov_len = 1 };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = space,
		.msg_controllen = sizeof(space),
	};
	int fd;

	if (recvmsg(sock, &msg, 0) != 1 || !CMSG_FIRSTHDR(&msg))
		return -1;
	memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&msg)), sizeof(fd));
	return fd;
}

FIXTURE(share) {
	int fd[2];
	int sock[2];
	char page[PAGE];
};

FIXTURE_VARIANT(share) {
	uint32_t flags;
};

FIXTURE_VARIANT_ADD(share, stream) {
	.flags = 0,
};

FIXTURE_VARIANT_ADD(share, record) {
	.flags = KIPC_PIPE_RECORD,
};

FIXTURE_VARIANT_ADD(share, turns) {
	.flags = KIPC_PIPE_TURNS,
};

FIXTURE_SETUP(share)
{
	ASSERT_EQ(0, kipc_pipe(self->fd, PAGE, variant->flags));
	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM, 0, self->sock));
}

FIXTURE_TEARDOWN(share)
{
}

TEST_F(share, a_fork_holds_the_end)
{
	int go[2];
	char got[8];
	pid_t pid;

	ASSERT_EQ(0, pipe(go));
	pid = kipc_fork();
	if (!pid) {
		close(self->fd[0]);
		CHILD_CHECK(read(go[0], got, 1) == 1);
		CHILD_CHECK(write(self->fd[1], "abc", 3) == 3);
		CHILD_CHECK(read(go[0], got, 1) == 1);
		_exit(0);
	}
	close(self->fd[1]);
	EXPECT_EQ(-EAGAIN, kipc_try_read(self->fd[0], got, 8));
	ASSERT_EQ(1, KIPC_RET(write(go[1], "1", 1)));
	EXPECT_EQ(3, KIPC_RET(read(self->fd[0], got, 8)));
	EXPECT_EQ(-EAGAIN, kipc_try_read(self->fd[0], got, 8));
	ASSERT_EQ(1, KIPC_RET(write(go[1], "2", 1)));
	/* Its exit is the last close. */
	EXPECT_EQ(0, KIPC_RET(read(self->fd[0], got, 8)));
	EXPECT_EQ(0, kipc_reap(pid));
}

TEST_F(share, a_handle_in_flight_holds_the_end)
{
	int *sock = self->sock, writer, reader;
	struct kipc_call call;
	char got[8];

	signal(SIGPIPE, SIG_IGN);
	ASSERT_EQ(0, send_fd(sock[0], self->fd[1], 0));
	close(self->fd[1]);
	EXPECT_EQ(-EAGAIN, kipc_try_read(self->fd[0], got, 8));
	writer = receive_fd(sock[1], got);
	ASSERT_LE(0, writer);
	EXPECT_EQ(3, KIPC_RET(write(writer, "abc", 3)));
	EXPECT_EQ(3, KIPC_RET(read(self->fd[0], got, 8)));

	/* Dropped with the socket, before anybody received it. */
	ASSERT_EQ(0, send_fd(sock[0], writer, 0));
	close(writer);
	call = (struct kipc_call){ .fd = self->fd[0], .buf = got, .len = 8,
		.cmd = KIPC_CALL_READ };
	ASSERT_EQ(0, kipc_call_start(&call));
	ASSERT_TRUE(wait_for(kipc_readers_waiting(self->fd[0]) == 1));
	close(sock[0]);
	close(sock[1]);
	EXPECT_EQ(0, kipc_call_wait(&call));

	/* The same for a read end. */
	close(self->fd[0]);
	ASSERT_EQ(0, kipc_pipe(self->fd, PAGE, variant->flags));
	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM, 0, sock));
	ASSERT_EQ(0, send_fd(sock[0], self->fd[0], 0));
	close(self->fd[0]);
	EXPECT_EQ(3, kipc_try_write(self->fd[1], "abc", 3));
	reader = receive_fd(sock[1], got);
	ASSERT_LE(0, reader);
	EXPECT_EQ(3, kipc_try_read(reader, got, 8));
	ASSERT_EQ(0, send_fd(sock[0], reader, 0));
	close(reader);
	EXPECT_EQ(3, kipc_try_write(self->fd[1], "abc", 3));
	close(sock[0]);
	close(sock[1]);
	EXPECT_TRUE(wait_for(kipc_try_write(self->fd[1], "d", 1) == -EPIPE));
}

#define RELAYS	6
#define PIECE	30000

static void write_piece(int fd, uint64_t at)
{
	static char buf[PIECE];

	pattern_fill(buf, at, PIECE);
	CHILD_CHECK(write(fd, buf, PIECE) == PIECE);
}

/* Reads @len bytes, or up to the end of file; gives how many it were. */
static uint64_t read_piece(int fd, uint64_t at, uint64_t len)
{
	static char buf[PAGE];
	uint64_t done, part;
	int64_t n;

	for (done = 0; done < len; done += n) {
		part = len - done < sizeof(buf) ? len - done : sizeof(buf);
		n = kipc_pipe_io(fd, KIPC_PIPE_READ, buf, part,
				 now_ns() + PATIENCE_NS, 0);
		CHILD_CHECK(n >= 0);
		CHILD_CHECK(pattern_ok(buf, at + done, n));
		if (!n)
			break;
	}
	return done;
}

/* Waits for the end to come by, does its piece, and hands it on. */
static void relay(const int sock[2], bool write, uint64_t *total)
{
	const uint64_t piece = PIECE + 7777;
	char index;
	int fd = receive_fd(sock[1], &index);

	CHILD_CHECK(fd >= 0);
	if (write)
		write_piece(fd, (uint64_t)index * PIECE);
	else
		*total += read_piece(fd, index * piece, piece);
	if (index + 1 < RELAYS)
		CHILD_CHECK(!send_fd(sock[0], fd, index + 1));
	_exit(0);
}

/*
 * Both ends go from process to process while data flows: each writer puts a
 * piece of the stream and hands the end on to the next one, and so do the
 * readers, with pieces of another size.  What comes out is one stream.
 */
TEST(ends_are_handed_on)
{
	uint64_t *total = kipc_shared(sizeof(*total));
	int fd[2], sock[2][2], i;
	pid_t pid[2 * RELAYS];

	ASSERT_EQ(0, kipc_pipe(fd, 2 * PAGE, 0));
	for (i = 0; i < 2; i++)
		ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_DGRAM, 0, sock[i]));
	for (i = 0; i < 2 * RELAYS; i++) {
		pid[i] = kipc_fork();
		if (pid[i])
			continue;
		close(fd[0]);
		close(fd[1]);
		relay(sock[i & 1], i & 1, total);
	}
	for (i = 0; i < 2; i++) {
		ASSERT_EQ(0, send_fd(sock[i][0], fd[i], 0));
		close(fd[i]);
	}
	for (i = 0; i < 2 * RELAYS; i++)
		EXPECT_EQ(0, kipc_reap(pid[i]));
	EXPECT_EQ((uint64_t)RELAYS * PIECE, *total);
}

#define SHARERS	3

/* What goes through the pipe, and who has got how much of it. */
struct shared_record {
	uint32_t writer;
	uint32_t seq;
};

/*
 * Processes that were forked share both ends, and dup(2) makes no difference:
 * each record comes to exactly one of the readers.
 */
TEST(forked_processes_share_both_ends)
{
	uint32_t count = scaled(3000), i, total = SHARERS * count;
	uint32_t *seen = kipc_shared(total * sizeof(*seen));
	struct shared_record rec;
	pid_t pid[2 * SHARERS];
	int fd[2];
	ssize_t n;

	ASSERT_EQ(0, kipc_pipe(fd, PAGE, KIPC_PIPE_RECORD | KIPC_PIPE_TURNS));
	for (i = 0; i < 2 * SHARERS; i++) {
		pid[i] = kipc_fork();
		if (pid[i])
			continue;
		if (i < SHARERS) {
			fd[1] = dup(fd[1]);
			rec = (struct shared_record){ .writer = i };
			for (; rec.seq < count; rec.seq++)
				CHILD_CHECK(write(fd[1], &rec, sizeof(rec)) ==
					    sizeof(rec));
			_exit(0);
		}
		close(fd[1]);
		fd[0] = dup(fd[0]);
		while ((n = read(fd[0], &rec, sizeof(rec))) == sizeof(rec)) {
			CHILD_CHECK(rec.writer < SHARERS && rec.seq < count);
			__atomic_add_fetch(&seen[rec.writer * count + rec.seq],
					   1, __ATOMIC_RELAXED);
		}
		CHILD_CHECK(!n);
		_exit(0);
	}
	close(fd[0]);
	close(fd[1]);
	for (i = 0; i < 2 * SHARERS; i++)
		EXPECT_EQ(0, kipc_reap(pid[i]));
	for (i = 0; i < total; i++)
		ASSERT_EQ(1U, seen[i])
			TH_LOG("writer %u record %u", i / count, i % count);
}

TEST_HARNESS_MAIN
