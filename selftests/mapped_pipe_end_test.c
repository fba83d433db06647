// SPDX-License-Identifier: GPL-2.0
/*
 * The end of an end of a mapped pipe, however it comes, and what the other one
 * gets to know of it: what was put in, and then that nobody is there.
 */
#include <sys/uio.h>

#include "kselftest_harness.h"
#include "mapped_pipe_util.h"

#define NAME		"mapped_pipe_end_test"
#define CAPACITY	(2 * page_size())

/* A pipe of which this process has one end, mapped, and others the other one. */
FIXTURE(end) {
	uint64_t bytes;		/* that root is charged for */
	uint64_t objects;
	struct end mine;
	int other;		/* the descriptor of the other end */
	struct wait_call call;	/* what there is to sleep for: any move */
};

FIXTURE_VARIANT(end) {
	bool writer;		/* it is the write end that comes to its end */
};

FIXTURE_VARIANT_ADD(end, of_the_writer) { .writer = true };
FIXTURE_VARIANT_ADD(end, of_the_reader) { .writer = false };

FIXTURE_SETUP(end)
{
	struct kipc_pipe_create arg;

	kipc_unlink(NAME);
	self->bytes = bytes_of(0);
	self->objects = objects_of(0);
	ASSERT_EQ(0, kipc_pipe_named(&arg, NAME, RIGHT_BOTH, CAPACITY,
				     KIPC_EXCL | KIPC_PIPE_MAPPED));
	ASSERT_EQ(0, end_map(&self->mine, variant->writer ? arg.read_fd :
							    arg.write_fd,
			     !variant->writer));
	self->other = variant->writer ? arg.write_fd : arg.read_fd;
	self->call = (struct wait_call){ .fd = self->mine.fd, .until = 8 };
}

/* Nothing is left of it: no object, no page, no name. */
FIXTURE_TEARDOWN(end)
{
	end_unmap(&self->mine);
	close(self->mine.fd);
	EXPECT_TRUE(wait_for(bytes_of(0) == self->bytes));
	EXPECT_EQ(self->objects, objects_of(0));
	EXPECT_EQ(-ENOENT, kipc_unlink(NAME));
}

static bool asleep(struct end *mine, struct wait_call *call)
{
	return wait_call_asleep(call, mine->news == &mine->state->to_producer ?
				kipc_writers_waiting : kipc_readers_waiting);
}

#define SLEEP()	ASSERT_TRUE(asleep(&self->mine, &self->call))

/* The other end is gone, and everybody here knows. */
#define EXPECT_GONE() do {						\
	EXPECT_EQ(0, wait_call_end(&self->call));			\
	EXPECT_EQ(KIPC_PIPE_GONE, end_flags(&self->mine));		\
	EXPECT_EQ(0, pipe_wait(self->mine.fd, 1 << 20, 0, 0));		\
	EXPECT_EQ(0, pipe_try(self->mine.fd, 1 << 20));			\
	EXPECT_EQ(variant->writer ? POLLHUP : POLLOUT | POLLERR,	\
		  poll_now(self->mine.fd));				\
} while (0)

TEST_F(end, close)
{
	SLEEP();
	EXPECT_EQ(0, end_flags(&self->mine));
	close(self->other);
	EXPECT_GONE();
}

TEST_F(end, last_mapping)
{
	struct end other;

	ASSERT_EQ(0, end_map(&other, self->other, variant->writer));
	SLEEP();
	close(self->other);
	munmap(other.data, 2 * CAPACITY);
	munmap(other.mine, page_size());
	munmap(other.other, page_size());
	EXPECT_EQ(0, end_flags(&self->mine));
	EXPECT_EQ(-EBUSY, kipc_open_name(NAME, variant->writer ?
					 KIPC_RIGHT_WRITE : KIPC_RIGHT_READ, 0));
	EXPECT_FALSE(wait_call_ended(&self->call));
	munmap(other.state, page_size());
	EXPECT_GONE();
}

/* Asleep, or where it was when the signal hit. */
static pid_t start_sleeper(int fd, bool writer)
{
	pid_t pid = kipc_fork();
	struct end end;

	if (pid)
		return pid;
	CHECK_EQ(0, end_map(&end, fd, writer));
	pipe_wait(fd, 1 << 20, 0, 0);
	_exit(1);
}

TEST_F(end, killed_asleep)
{
	pid_t pid = start_sleeper(self->other, variant->writer);

	close(self->other);
	ASSERT_TRUE(wait_for(end_flags(&self->mine) == KIPC_PIPE_ASK));
	SLEEP();
	EXPECT_EQ(128 + SIGKILL, child_kill(pid));
	EXPECT_GONE();
	EXPECT_EQ(0, kipc_readers_waiting(self->mine.fd));
	EXPECT_EQ(0, kipc_writers_waiting(self->mine.fd));
}

/* Nobody is asked for any more, though somebody has the end open. */
TEST_F(end, killed_asleep_and_not_alone)
{
	pid_t pid = start_sleeper(self->other, variant->writer);

	ASSERT_TRUE(wait_for(end_flags(&self->mine) == KIPC_PIPE_ASK));
	EXPECT_EQ(128 + SIGKILL, child_kill(pid));
	EXPECT_EQ(0, end_flags(&self->mine));
	/* And another one may sleep in its place. */
	EXPECT_EQ(-EAGAIN, pipe_try(self->other, 8));
	SLEEP();
	close(self->other);
	EXPECT_GONE();
}

/* What a child does that is about to move its index. */
struct mover {
	int fd;
	bool writer;
	bool exits;
	pid_t heir;	/* (out) who has the descriptor as well */
};

/*
 * Moves its index, and comes to its end before it can say so.  Somebody else has
 * the descriptor, so it is not the end of the end.
 */
static void move_and_end(void *arg)
{
	struct mover *mover = arg;
	struct end end;
	pid_t heir;

	CHECK_EQ(0, end_map(&end, mover->fd, mover->writer));
	heir = fork();
	if (!heir) {
		pause();
		_exit(0);
	}
	mover->heir = heir;
	end_move(&end, 8);
	CHECK_EQ(true, end_asked(&end));
	if (mover->exits)
		_exit(0);
	raise(SIGKILL);
}

static void move_unsaid(struct __test_metadata *_metadata, struct end *mine,
			struct wait_call *call, int other, bool writer,
			bool exits)
{
	struct mover *mover = kipc_shared(sizeof(*mover));

	*mover = (struct mover){ other, writer, exits, 0 };
	ASSERT_TRUE(asleep(mine, call));
	EXPECT_EQ(exits ? 0 : 128 + SIGKILL, child_run(move_and_end, mover));
	EXPECT_EQ(0, wait_call_end(call));
	EXPECT_EQ(8, index_get(mine->other));
	EXPECT_EQ(0, end_flags(mine));
	/* Not gone: it is still there, in the heir. */
	close(other);
	EXPECT_EQ(0, end_flags(mine));
	call->until = 16;
	ASSERT_TRUE(asleep(mine, call));
	kill(mover->heir, SIGKILL);
	EXPECT_EQ(0, wait_call_end(call));
	EXPECT_EQ(KIPC_PIPE_GONE, end_flags(mine));
}

TEST_F(end, killed_before_it_could_say_so)
{
	move_unsaid(_metadata, &self->mine, &self->call, self->other,
		    variant->writer, false);
}

TEST_F(end, exited_before_it_could_say_so)
{
	move_unsaid(_metadata, &self->mine, &self->call, self->other,
		    variant->writer, true);
}

/* Each of the two ways in which a process ends is enough. */
TEST_F(end, unmapped_before_it_could_say_so)
{
	struct end other;

	ASSERT_EQ(0, end_map(&other, self->other, variant->writer));
	SLEEP();
	end_move(&other, 8);
	EXPECT_FALSE(wait_call_ended(&self->call));
	munmap(other.mine, page_size());
	EXPECT_EQ(0, wait_call_end(&self->call));
	EXPECT_EQ(0, end_flags(&self->mine));
	munmap(other.state, page_size());
	munmap(other.other, page_size());
	munmap(other.data, 2 * CAPACITY);
	close(self->other);
}

TEST_F(end, closed_before_it_could_say_so)
{
	struct end other;

	ASSERT_EQ(0, end_map(&other, self->other, variant->writer));
	SLEEP();
	end_move(&other, 8);
	close(dup(self->other));
	EXPECT_EQ(0, wait_call_end(&self->call));
	EXPECT_EQ(0, end_flags(&self->mine));
	end_unmap(&other);
	close(self->other);
}

/* A poller is told as well, in the same ways. */
TEST_F(end, moved_unsaid_with_somebody_polling)
{
	struct pollfd polled = {
		.fd = self->mine.fd,
		.events = variant->writer ? POLLIN : POLLOUT,
	};
	struct end other;
	pid_t pid;

	ASSERT_EQ(0, end_map(&other, self->other, variant->writer));
	if (!variant->writer)
		end_move(&self->mine, CAPACITY);
	pid = kipc_fork();
	if (!pid) {
		CHECK_EQ(1, poll(&polled, 1, PATIENCE_NS / NSEC_PER_MSEC));
		_exit(0);
	}
	ASSERT_TRUE(wait_for(end_flags(&other) == KIPC_PIPE_ASK));
	end_move(&other, 8);
	munmap(other.mine, page_size());
	EXPECT_EQ(0, kipc_reap(pid));
	munmap(other.state, page_size());
	munmap(other.other, page_size());
	munmap(other.data, 2 * CAPACITY);
	close(self->other);
}

TEST_F(end, on_its_way_in_a_socket)
{
	int sock[2], fd;

	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_SEQPACKET, 0, sock));
	ASSERT_EQ(0, send_fd(sock[0], self->other));
	close(self->other);
	SLEEP();
	EXPECT_EQ(0, end_flags(&self->mine));
	fd = recv_fd(sock[1]);
	ASSERT_LE(0, fd);
	EXPECT_EQ(0, pipe_wake(fd));
	EXPECT_FALSE(wait_call_ended(&self->call));
	/* Sent once more, and lost with the socket. */
	ASSERT_EQ(0, send_fd(sock[0], fd));
	close(fd);
	EXPECT_FALSE(wait_call_ended(&self->call));
	close(sock[0]);
	close(sock[1]);
	EXPECT_GONE();
}

/* Who comes after goes on where the one before him was. */
TEST_F(end, another_one_by_name)
{
	uint32_t right = variant->writer ? KIPC_RIGHT_WRITE : KIPC_RIGHT_READ;
	struct end other;
	int fd;

	ASSERT_EQ(0, end_map(&other, self->other, variant->writer));
	end_move(&other, 24);
	strcpy(variant->writer ? other.data : self->mine.data, "kept");
	end_unmap(&other);
	close(self->other);
	EXPECT_EQ(KIPC_PIPE_GONE, end_flags(&self->mine));

	fd = kipc_open_name(NAME, right, 0);
	ASSERT_LE(0, fd);
	EXPECT_EQ(0, end_flags(&self->mine));
	EXPECT_EQ(-EBUSY, kipc_open_name(NAME, right, 0));
	EXPECT_EQ(-EAGAIN, pipe_try(self->mine.fd, 32));
	ASSERT_EQ(0, end_map(&other, fd, variant->writer));
	EXPECT_EQ(24, index_get(other.mine));
	EXPECT_STREQ("kept", other.data + CAPACITY);
	self->call.until = 32;
	SLEEP();
	EXPECT_TRUE(end_advance(&other, 8));
	EXPECT_EQ(0, wait_call_end(&self->call));
	end_unmap(&other);
	close(fd);
	EXPECT_EQ(KIPC_PIPE_GONE, end_flags(&self->mine));
}

/* A create call that fails in the end was no end that could be gone. */
TEST_F(end, one_that_nobody_got)
{
	struct kipc_pipe_create *arg;
	char *page;

	close(self->other);
	EXPECT_EQ(KIPC_PIPE_GONE, end_flags(&self->mine));
	page = mmap(NULL, 2 * page_size(), PROT_RW, MAP_PRIVATE | MAP_ANONYMOUS,
		    -1, 0);
	ASSERT_TRUE(mapped(page));
	arg = (void *)page;
	*arg = (struct kipc_pipe_create){
		.size = sizeof(*arg),
		.name = to_u64(NAME),
		.name_len = strlen(NAME),
		.rights = variant->writer ? KIPC_RIGHT_WRITE : KIPC_RIGHT_READ,
	};
	ASSERT_EQ(0, mprotect(page, page_size(), PROT_READ));
	EXPECT_EQ(-EFAULT, kipc_device_ioctl(KIPC_PIPE_CREATE, arg));
	EXPECT_EQ(KIPC_PIPE_GONE, end_flags(&self->mine));
	munmap(page, 2 * page_size());
}

/* The pages last as long as a mapping of them, whatever becomes of the pipe. */
TEST_F(end, destroyed_under_a_mapping)
{
	struct kipc_stat st;
	struct end other;

	ASSERT_EQ(0, end_map(&other, self->other, variant->writer));
	ASSERT_EQ(0, kipc_stat_fd(self->other, &st));
	ASSERT_EQ(0, kipc_destroy(self->other));
	close(self->other);
	close(self->mine.fd);
	EXPECT_EQ(self->bytes + CAPACITY + 3 * page_size(), bytes_of(0));
	strcpy(variant->writer ? other.data : self->mine.data, "still");
	EXPECT_STREQ("still", variant->writer ? self->mine.data : other.data);
	EXPECT_EQ(KIPC_PIPE_DESTROYED, end_flags(&self->mine));
	end_unmap(&other);
	EXPECT_EQ(KIPC_PIPE_DESTROYED | KIPC_PIPE_GONE,
		  end_flags(&self->mine));
	self->mine.fd = -1;
}

/* Whoever has pinned a page keeps it, and nothing else. */
TEST(a_page_that_travels)
{
	struct iovec iov = { .iov_len = 8 };
	uint64_t bytes = bytes_of(0);
	struct end wr, rd;
	char text[8] = "";
	int fd[2];

	ASSERT_EQ(0, pipe(fd));
	ASSERT_EQ(0, both_ends(&wr, &rd, CAPACITY));
	strcpy(wr.data, "pinned");
	iov.iov_base = rd.data + CAPACITY;
	ASSERT_EQ(8, vmsplice(fd[1], &iov, 1, 0));
	end_unmap(&wr);
	end_unmap(&rd);
	close(wr.fd);
	close(rd.fd);
	EXPECT_EQ(bytes, bytes_of(0));
	EXPECT_EQ(8, read(fd[0], text, sizeof(text)));
	EXPECT_STREQ("pinned", text);
}

/* There has to have been one. */
TEST(never_there)
{
	struct kipc_pipe_create arg;
	struct wait_call call = { .until = 8 };
	struct end rd;
	int wr;

	ASSERT_EQ(0, kipc_pipe_named(&arg, NAME, KIPC_RIGHT_READ, 0,
				     KIPC_EXCL | KIPC_PIPE_MAPPED));
	ASSERT_EQ(0, end_map(&rd, arg.read_fd, false));
	EXPECT_EQ(0, end_flags(&rd));
	EXPECT_EQ(-EAGAIN, pipe_try(rd.fd, 8));
	call.fd = rd.fd;
	ASSERT_TRUE(wait_call_asleep(&call, kipc_readers_waiting));
	wr = kipc_open_name(NAME, KIPC_RIGHT_WRITE, 0);
	ASSERT_LE(0, wr);
	EXPECT_EQ(0, end_flags(&rd));
	EXPECT_FALSE(wait_call_ended(&call));
	close(wr);
	EXPECT_EQ(0, wait_call_end(&call));
	EXPECT_EQ(KIPC_PIPE_GONE, end_flags(&rd));
}

/* With PERSIST what is in it waits for the next ones, without anybody there. */
TEST(persistent)
{
	struct kipc_pipe_create arg;
	struct end end;

	kipc_unlink(NAME);
	ASSERT_EQ(0, kipc_pipe_named(&arg, NAME, KIPC_RIGHT_WRITE, 0,
				     KIPC_EXCL | KIPC_PERSIST |
				     KIPC_PIPE_MAPPED));
	ASSERT_EQ(0, end_map(&end, arg.write_fd, true));
	record_put(&end, "letter", 7);
	end_move(&end, record_size(7));
	end_unmap(&end);
	close(arg.write_fd);

	ASSERT_EQ(0, kipc_pipe_named(&arg, NAME, KIPC_RIGHT_READ, 0, 0));
	ASSERT_EQ(0, end_map(&end, arg.read_fd, false));
	EXPECT_EQ(KIPC_PIPE_GONE, end_flags(&end));
	EXPECT_EQ(record_size(7), index_get(end.other));
	EXPECT_STREQ("letter", end.data + HEADER);
	end_unmap(&end);
	close(arg.read_fd);
	EXPECT_EQ(0, kipc_unlink(NAME));
}

/* Writes @count records, one by one, and is gone without a word. */
static void write_and_be_killed(void *arg)
{
	const int *fd = arg;
	struct end wr;
	uint32_t i;

	CHECK_EQ(0, end_map(&wr, *fd, true));
	for (i = 0; i < 64; i++) {
		record_put(&wr, &i, sizeof(i));
		end_move(&wr, wr.mine->total + record_size(sizeof(i)));
	}
	/* Never to be seen. */
	record_put(&wr, "half", 4);
	raise(SIGKILL);
}

/* Whoever finds nobody there finds all that was put in before that. */
TEST(end_of_file_comes_last)
{
	unsigned long rounds = scaled_rounds(1000), i;
	struct end rd;
	pid_t pid;
	int fd[2];

	for (i = 0; i < rounds; i++) {
		ASSERT_EQ(0, mapped_pipe(fd, page_size()));
		ASSERT_EQ(0, end_map(&rd, fd[0], false));
		pid = child_start(write_and_be_killed, &fd[1]);
		close(fd[1]);
		while (!(end_flags(&rd) & KIPC_PIPE_GONE))
			;
		ASSERT_EQ(64 * record_size(4), index_get(rd.other));
		EXPECT_EQ(128 + SIGKILL, child_end(pid));
		end_unmap(&rd);
		close(fd[0]);
	}
}

TEST_HARNESS_MAIN
