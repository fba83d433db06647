// SPDX-License-Identifier: GPL-2.0
/*
 * Corners where two rules of the pipe meet, and where a short cut in the module
 * would go wrong without any of the plain tests noticing.
 */
#include <dirent.h>
#include <poll.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/resource.h>

#include "kselftest_harness.h"
#include "kipc_util.h"

#define PAGE	4096
#define POLLERS	4

/* A splice that waits for data must not lock its target for the others. */
static void target_stays_usable(struct __test_metadata *_metadata,
				uint32_t flags)
{
	struct kipc_call call = { .cmd = KIPC_CALL_SPLICE, .len = 100 };
	int fd[2], target[2];
	char got[8] = "";

	ASSERT_EQ(0, kipc_pipe(fd, 0, flags));
	ASSERT_EQ(0, pipe(target));
	ASSERT_EQ(4, KIPC_RET(write(target[1], "old", 4)));
	call.fd = fd[0];
	call.out = target[1];
	ASSERT_EQ(0, kipc_call_start(&call));
	ASSERT_TRUE(wait_for(kipc_readers_waiting(fd[1]) == 1));

	EXPECT_EQ(4, KIPC_RET(read(target[0], got, sizeof(got))));
	EXPECT_STREQ("old", got);
	EXPECT_EQ(4, KIPC_RET(write(fd[1], "new", 4)));
	EXPECT_EQ(4, kipc_call_wait(&call));
	EXPECT_EQ(4, KIPC_RET(read(target[0], got, sizeof(got))));
	EXPECT_STREQ("new", got);
}

TEST(sleeping_splice_leaves_the_target_alone)
{
	target_stays_usable(_metadata, 0);
}

TEST(sleeping_splice_leaves_the_target_alone_in_turns)
{
	target_stays_usable(_metadata, KIPC_PIPE_TURNS);
}

/* Not its turn yet: a splice waits for it as a read does, and takes it. */
TEST(splice_takes_its_turn)
{
	struct kipc_call reader = { .cmd = KIPC_CALL_READ, .len = 10 };
	struct kipc_call splicer = { .cmd = KIPC_CALL_SPLICE, .len = 100 };
	char first[10] = "", got[10] = "";
	int fd[2], target[2];

	ASSERT_EQ(0, kipc_pipe(fd, 0, KIPC_PIPE_TURNS | KIPC_PIPE_RECORD));
	ASSERT_EQ(0, pipe(target));
	reader.fd = fd[0];
	reader.buf = first;
	ASSERT_EQ(0, kipc_call_start(&reader));
	ASSERT_TRUE(wait_for(kipc_readers_waiting(fd[1]) == 1));
	splicer.fd = fd[0];
	splicer.out = target[1];
	ASSERT_EQ(0, kipc_call_start(&splicer));
	ASSERT_TRUE(wait_for(kipc_readers_waiting(fd[1]) == 2));

	EXPECT_EQ(4, KIPC_RET(write(fd[1], "one", 4)));
	EXPECT_EQ(4, kipc_call_wait(&reader));
	EXPECT_STREQ("one", first);
	EXPECT_EQ(4, KIPC_RET(write(fd[1], "two", 4)));
	EXPECT_EQ(4, kipc_call_wait(&splicer));
	EXPECT_EQ(4, KIPC_RET(read(target[0], got, sizeof(got))));
	EXPECT_STREQ("two", got);
}

/* The target is filled up while a splice to it sleeps: it waits for room. */
TEST(splice_waits_for_a_target_that_others_filled)
{
	struct kipc_call call = { .cmd = KIPC_CALL_SPLICE, .len = PAGE };
	char got[PAGE], filling[PAGE];
	int fd[2], target[2], full = 0;

	memset(filling, 'f', sizeof(filling));
	ASSERT_EQ(0, kipc_pipe(fd, 0, 0));
	ASSERT_EQ(0, pipe(target));
	call.fd = fd[0];
	call.out = target[1];
	ASSERT_EQ(0, kipc_call_start(&call));
	ASSERT_TRUE(wait_for(kipc_readers_waiting(fd[1]) == 1));
	ASSERT_EQ(0, fcntl(target[1], F_SETFL, O_NONBLOCK));
	while (KIPC_RET(write(target[1], filling, PAGE)) == PAGE)
		full++;
	ASSERT_LT(0, full);

	/* It has taken the data, and cannot place it yet. */
	EXPECT_EQ(5, KIPC_RET(write(fd[1], "data", 5)));
	ASSERT_TRUE(wait_for(kipc_readers_waiting(fd[1]) == 0));
	EXPECT_FALSE(kipc_call_ended(&call));
	while (full--)
		ASSERT_EQ(PAGE, KIPC_RET(read(target[0], got, PAGE)));
	EXPECT_EQ(5, kipc_call_wait(&call));
	EXPECT_EQ(5, KIPC_RET(read(target[0], got, PAGE)));
	EXPECT_STREQ("data", got);
}

/* Nobody reads the target: nothing may be taken for it. */
TEST(splice_to_nobody_takes_nothing)
{
	int fd[2], target[2];
	char got[8] = "";

	signal(SIGPIPE, SIG_IGN);
	ASSERT_EQ(0, kipc_pipe(fd, 0, 0));
	ASSERT_EQ(0, pipe(target));
	close(target[0]);
	ASSERT_EQ(5, KIPC_RET(write(fd[1], "data", 5)));
	EXPECT_EQ(-EPIPE, KIPC_RET(splice(fd[0], NULL, target[1], NULL, 5,
					  0)));
	EXPECT_EQ(5, kipc_try_read(fd[0], got, sizeof(got)));
	EXPECT_STREQ("data", got);
}

struct exclusive {
	int ep;
	uint32_t events;
	pthread_t thread;
	int ended;
};

static void *exclusive_run(void *data)
{
	struct exclusive *e = data;
	struct epoll_event event;

	if (epoll_wait(e->ep, &event, 1, 20000) == 1)
		e->events = event.events;
	__atomic_store_n(&e->ended, 1, __ATOMIC_RELEASE);
	return NULL;
}

/* How many threads of this process sleep, as the kernel says. */
static unsigned int threads_asleep(void)
{
	DIR *dir = opendir("/proc/self/task");
	unsigned int n = 0;
	struct dirent *task;

	while (dir && (task = readdir(dir))) {
		char path[300], stat[128] = "", *state;
		int fd;

		snprintf(path, sizeof(path), "/proc/self/task/%s/stat",
			 task->d_name);
		fd = open(path, O_RDONLY | O_CLOEXEC);
		if (fd < 0)
			continue;
		if (read(fd, stat, sizeof(stat) - 1) > 0) {
			state = strrchr(stat, ')');
			n += state && state[2] == 'S';
		}
		close(fd);
	}
	if (dir)
		closedir(dir);
	return n;
}

/* The end is news for everybody, EPOLLEXCLUSIVE or not. */
static void end_wakes_all(struct __test_metadata *_metadata, int watched,
			  uint32_t events, int closed)
{
	static struct exclusive e[POLLERS];
	struct epoll_event event;
	int i;

	for (i = 0; i < POLLERS; i++) {
		e[i] = (struct exclusive){ .ep = epoll_create1(0) };
		ASSERT_LE(0, e[i].ep);
		event.events = events | EPOLLEXCLUSIVE;
		ASSERT_EQ(0, epoll_ctl(e[i].ep, EPOLL_CTL_ADD, watched,
				       &event));
		ASSERT_EQ(0, pthread_create(&e[i].thread, NULL, exclusive_run,
					    &e[i]));
	}
	ASSERT_TRUE(wait_for(threads_asleep() == POLLERS));
	close(closed);
	for (i = 0; i < POLLERS; i++) {
		EXPECT_TRUE(wait_for(__atomic_load_n(&e[i].ended,
						     __ATOMIC_ACQUIRE)));
		pthread_join(e[i].thread, NULL);
		EXPECT_NE(0U, e[i].events);
		close(e[i].ep);
	}
}

TEST(hang_up_wakes_all_exclusive_pollers)
{
	int fd[2];

	ASSERT_EQ(0, kipc_pipe(fd, 0, 0));
	end_wakes_all(_metadata, fd[0], EPOLLIN, fd[1]);
}

TEST(no_reader_wakes_all_exclusive_pollers)
{
	char data[PAGE];
	int fd[2];

	memset(data, 1, sizeof(data));
	ASSERT_EQ(0, kipc_pipe(fd, PAGE, 0));
	ASSERT_EQ(PAGE, kipc_try_write(fd[1], data, PAGE));
	end_wakes_all(_metadata, fd[1], EPOLLOUT, fd[0]);
}

/* Opens @right of "corner" with no descriptor left for it. */
static int open_without_descriptors(uint32_t right)
{
	struct rlimit old, none;
	int dev = kipc_device(), ret;
	struct kipc_open arg = {
		.size = sizeof(arg),
		.name = to_u64("corner"),
		.name_len = 6,
		.rights = right,
	};

	getrlimit(RLIMIT_NOFILE, &old);
	none = old;
	none.rlim_cur = 0;
	setrlimit(RLIMIT_NOFILE, &none);
	ret = kipc_ioctl(dev, KIPC_OPEN, &arg);
	setrlimit(RLIMIT_NOFILE, &old);
	close(dev);
	return ret;
}

/* A reader who never got his handle has not come and gone. */
TEST(failed_open_is_no_reader)
{
	struct kipc_pipe_create arg;
	struct pollfd polled;

	signal(SIGPIPE, SIG_IGN);
	ASSERT_EQ(0, kipc_pipe_named(&arg, "corner", KIPC_RIGHT_WRITE, 0,
				     KIPC_EXCL));
	EXPECT_EQ(-EMFILE, open_without_descriptors(KIPC_RIGHT_READ));
	EXPECT_EQ(3, kipc_try_write(arg.write_fd, "abc", 3));
	polled = (struct pollfd){ .fd = arg.write_fd, .events = POLLOUT };
	EXPECT_EQ(1, poll(&polled, 1, 0));
	EXPECT_EQ(POLLOUT, polled.revents);
}

/* Nor is a writer: there is no end of file for the reader. */
TEST(failed_open_is_no_writer)
{
	struct kipc_pipe_create arg;
	char got[8];

	ASSERT_EQ(0, kipc_pipe_named(&arg, "corner", KIPC_RIGHT_READ, 0,
				     KIPC_EXCL));
	EXPECT_EQ(-EMFILE, open_without_descriptors(KIPC_RIGHT_WRITE));
	EXPECT_EQ(-EAGAIN, kipc_try_read(arg.read_fd, got, sizeof(got)));
}

/* A long stream write can go on with any room: poll must not wait for more. */
TEST(long_write_is_told_of_little_room)
{
	struct pollfd polled;
	char *data = calloc(1, 64 * PAGE);
	int fd[2];

	ASSERT_NE(NULL, data);
	ASSERT_EQ(0, kipc_pipe(fd, 16 * PAGE, 0));
	ASSERT_EQ(16 * PAGE, kipc_try_write(fd[1], data, 64 * PAGE));
	ASSERT_EQ(-EAGAIN, kipc_try_write(fd[1], data, 64 * PAGE));
	polled = (struct pollfd){ .fd = fd[1], .events = POLLOUT };
	EXPECT_EQ(0, poll(&polled, 1, 0));
	ASSERT_EQ(PAGE, kipc_try_read(fd[0], data, PAGE));
	EXPECT_EQ(1, poll(&polled, 1, 0));
	EXPECT_EQ(PAGE, kipc_try_write(fd[1], data, 64 * PAGE));
	free(data);
}

/* A long write hopes for much room, but at the deadline takes what there is. */
TEST(deadline_takes_what_room_there_is)
{
	struct kipc_call call = { .cmd = KIPC_PIPE_WRITE, .len = 32 * PAGE };
	char *data = calloc(1, 64 * PAGE);
	int fd[2];

	ASSERT_NE(NULL, data);
	ASSERT_EQ(0, kipc_pipe(fd, 16 * PAGE, 0));
	ASSERT_EQ(16 * PAGE, kipc_try_write(fd[1], data, 16 * PAGE));
	call.fd = fd[1];
	call.buf = data;
	call.deadline_ns = in_ms(2000);
	ASSERT_EQ(0, kipc_call_start(&call));
	ASSERT_TRUE(wait_for(kipc_writers_waiting(fd[0]) == 1));
	ASSERT_EQ(PAGE, kipc_try_read(fd[0], data + 32 * PAGE, PAGE));
	EXPECT_EQ(PAGE, kipc_call_wait(&call));
	EXPECT_LE(call.deadline_ns, now_ns());
	free(data);
}

/* Creates, and loses: the name of whoever was faster stays as it is. */
TEST(refused_creator_leaves_the_name)
{
	struct kipc_pipe_create arg;
	char got[8];
	int reader;

	ASSERT_EQ(0, kipc_pipe_named(&arg, "corner", KIPC_RIGHT_READ, 0, 0));
	reader = arg.read_fd;
	EXPECT_EQ(-EBUSY, kipc_pipe_named(&arg, "corner", KIPC_RIGHT_READ |
					  KIPC_RIGHT_WRITE, 0, 0));
	EXPECT_EQ(-EEXIST, kipc_pipe_named(&arg, "corner", KIPC_RIGHT_WRITE, 0,
					   KIPC_EXCL));
	ASSERT_EQ(0, kipc_pipe_named(&arg, "corner", KIPC_RIGHT_WRITE, 0, 0));
	EXPECT_EQ(KIPC_RESULT_OPENED, (int)arg.result);
	EXPECT_EQ(3, kipc_try_write(arg.write_fd, "abc", 3));
	EXPECT_EQ(3, kipc_try_read(reader, got, sizeof(got)));
}

TEST_HARNESS_MAIN
