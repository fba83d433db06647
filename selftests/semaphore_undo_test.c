// SPDX-License-Identifier: GPL-2.0
/*
 * KIPC_SEM_UNDO: what a process did is taken back when it dies or closes its
 * last descriptor, once, exactly, and at no other time.
 */
#include <sched.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include "kselftest_harness.h"
#include "semaphore_util.h"

#define ENTRY(i, d)	{ .index = (i), .delta = (d) }
#define UNDO		KIPC_SEM_UNDO
#define ENOUGH		1000

/* By these the test and its children tell each other how far they are. */
struct stage {
	uint32_t child;
	uint32_t test;
	uint32_t tid;
};

FIXTURE(undo) {
	int fd;
	struct stage *stage;
};

FIXTURE_SETUP(undo)
{
	self->fd = sem_make(3, ENOUGH, 2 * ENOUGH);
	ASSERT_LE(0, self->fd);
	self->stage = kipc_shared(sizeof(*self->stage));
	ASSERT_NE(NULL, self->stage);
}

FIXTURE_TEARDOWN(undo)
{
}

/* In a child: be at @n, and wait until the test lets it go on. */
static void child_at(struct stage *stage, uint32_t n)
{
	word_set(&stage->child, n);
	while (word_get(&stage->test) < n)
		usleep(500);
}

static bool child_is_at(struct stage *stage, uint32_t n)
{
	return wait_for(word_get(&stage->child) >= n);
}

static void child_go_on(struct stage *stage, uint32_t n)
{
	word_set(&stage->test, n);
}

/* How far the counters are from where they began. */
static void expect_values(struct __test_metadata *_metadata, int fd,
			  const int change[3])
{
	uint32_t i;

	for (i = 0; i < 3; i++)
		EXPECT_EQ(ENOUGH + change[i], (int)sem_value(fd, i));
}

#define EXPECT_VALUES(fd, change)	expect_values(_metadata, fd, change)

/* P, V, and a vector of which one entry alone is to be taken back. */
static void do_some(int fd)
{
	struct kipc_sem_entry ops[3] = { ENTRY(0, -1), ENTRY(1, 4),
					 ENTRY(2, -7) };

	ops[2].flags = UNDO;
	CHILD_EQ(0, sem_op(fd, 0, -10, UNDO));
	CHILD_EQ(0, sem_op(fd, 0, 3, UNDO));
	CHILD_EQ(0, sem_op(fd, 1, 20, UNDO));
	CHILD_EQ(0, sem_op(fd, 1, -5, 0));
	CHILD_EQ(0, sem_ops_until(fd, ops, 3, 0, 0, NULL));
	CHILD_EQ(0, sem_ops_until(fd, ops, 1, UNDO, 0, NULL));
}

/* Done: -7 -1 -1, 20 -5 +4, -7; of that to be taken back: -8, 20, -7. */
static const int some_done[3] = { -9, 19, -7 };
static const int some_left[3] = { -1, -1, 0 };
static const int nothing_done[3];

TEST_F(undo, at_exit)
{
	pid_t pid = kipc_fork();

	if (!pid) {
		do_some(self->fd);
		child_at(self->stage, 1);
		_exit(0);
	}
	ASSERT_TRUE(child_is_at(self->stage, 1));
	EXPECT_VALUES(self->fd, some_done);
	EXPECT_EQ(1, sem_undos(self->fd));
	child_go_on(self->stage, 1);
	EXPECT_EQ(0, kipc_reap(pid));
	EXPECT_VALUES(self->fd, some_left);
	EXPECT_EQ(0, sem_undos(self->fd));
}

TEST_F(undo, at_sigkill)
{
	pid_t pid = kipc_fork();

	if (!pid) {
		do_some(self->fd);
		child_at(self->stage, 1);
		_exit(0);
	}
	ASSERT_TRUE(child_is_at(self->stage, 1));
	EXPECT_VALUES(self->fd, some_done);
	EXPECT_TRUE(sem_kill(pid));
	EXPECT_VALUES(self->fd, some_left);
}

TEST_F(undo, at_close)
{
	pid_t pid = kipc_fork();

	if (!pid) {
		do_some(self->fd);
		close(self->fd);
		child_at(self->stage, 1);
		_exit(0);
	}
	ASSERT_TRUE(child_is_at(self->stage, 1));
	EXPECT_VALUES(self->fd, some_left);
	EXPECT_EQ(0, sem_undos(self->fd));
	child_go_on(self->stage, 1);
	EXPECT_EQ(0, kipc_reap(pid));
	/* Once. */
	EXPECT_VALUES(self->fd, some_left);
}

/* After fork(2) the child has nothing to take back but what it does. */
TEST_F(undo, a_child_has_its_own)
{
	pid_t pid;

	do_some(self->fd);
	EXPECT_VALUES(self->fd, some_done);
	pid = kipc_fork();
	if (!pid)
		_exit(0);
	EXPECT_EQ(0, kipc_reap(pid));
	EXPECT_VALUES(self->fd, some_done);

	pid = kipc_fork();
	if (!pid) {
		CHILD_EQ(0, sem_op(self->fd, 0, -100, UNDO));
		child_at(self->stage, 1);
		_exit(0);
	}
	ASSERT_TRUE(child_is_at(self->stage, 1));
	EXPECT_EQ(2, sem_undos(self->fd));
	EXPECT_EQ(ENOUGH - 109, sem_value(self->fd, 0));
	child_go_on(self->stage, 1);
	EXPECT_EQ(0, kipc_reap(pid));
	EXPECT_VALUES(self->fd, some_done);
	EXPECT_EQ(1, sem_undos(self->fd));
}

/* The child holds the open file; the death of its parent counts all the same. */
TEST_F(undo, a_child_does_not_hide_the_death)
{
	pid_t pid = kipc_fork();

	if (!pid) {
		do_some(self->fd);
		if (!fork()) {
			child_at(self->stage, 1);
			/* Outlives its parent, but not the test. */
			_exit(0);
		}
		while (word_get(&self->stage->child) < 1)
			usleep(500);
		_exit(0);
	}
	EXPECT_EQ(0, kipc_reap(pid));
	EXPECT_VALUES(self->fd, some_left);
	child_go_on(self->stage, 1);
}

/* The same open file, held by two processes that both use it. */
TEST_F(undo, two_processes_with_one_open_file)
{
	struct stage *stage = kipc_shared(2 * sizeof(*stage));
	pid_t pid[2];
	int i;

	ASSERT_NE(NULL, stage);
	for (i = 0; i < 2; i++) {
		pid[i] = kipc_fork();
		if (pid[i])
			continue;
		CHILD_EQ(0, sem_op(self->fd, 0, i ? -200 : -50, UNDO));
		child_at(&stage[i], 1);
		/* The first one closes, the second one dies. */
		if (!i) {
			close(self->fd);
			child_at(&stage[i], 2);
		}
		pause();
	}
	ASSERT_TRUE(child_is_at(&stage[0], 1) && child_is_at(&stage[1], 1));
	EXPECT_EQ(ENOUGH - 250, sem_value(self->fd, 0));
	EXPECT_EQ(2, sem_undos(self->fd));
	child_go_on(&stage[0], 1);
	ASSERT_TRUE(child_is_at(&stage[0], 2));
	EXPECT_EQ(ENOUGH - 200, sem_value(self->fd, 0));
	EXPECT_TRUE(sem_kill(pid[1]));
	EXPECT_EQ(ENOUGH, sem_value(self->fd, 0));
	EXPECT_TRUE(sem_kill(pid[0]));
	EXPECT_EQ(ENOUGH, sem_value(self->fd, 0));
}

TEST_F(undo, dup_and_the_last_close)
{
	int other = dup(self->fd), third;
	pid_t pid = kipc_fork();

	if (!pid) {
		third = fcntl(other, F_DUPFD_CLOEXEC, 100);
		CHILD_EQ(0, sem_op(self->fd, 0, -10, UNDO));
		CHILD_EQ(0, sem_op(third, 0, -10, UNDO));
		close(third);
		close(self->fd);
		CHILD_EQ(ENOUGH - 20, sem_value(other, 0));
		/* Putting another file in its place closes it as well. */
		CHILD_EQ(100, dup2(other, 100));
		CHILD_EQ(other, dup2(0, other));
		CHILD_EQ(ENOUGH - 20, sem_value(100, 0));
		close(100);
		child_at(self->stage, 1);
		_exit(0);
	}
	ASSERT_TRUE(child_is_at(self->stage, 1));
	EXPECT_EQ(ENOUGH, sem_value(self->fd, 0));
	child_go_on(self->stage, 1);
	EXPECT_EQ(0, kipc_reap(pid));
}

/* It belongs to the process, not to the handle it was done through. */
TEST_F(undo, two_handles_of_one_semaphore)
{
	char name[64];
	int one, two, i;
	pid_t pid;

	snprintf(name, sizeof(name), "undo-%d", getpid());
	one = sem_named(name, 2, ENOUGH, KIPC_EXCL);
	ASSERT_LE(0, one);
	for (i = 0; i < 2; i++) {
		word_set(&self->stage->child, 0);
		word_set(&self->stage->test, 0);
		pid = kipc_fork();
		if (!pid) {
			two = sem_open_name(name, SEM_RIGHTS, 0);
			CHILD_CHECK(two >= 0);
			CHILD_EQ(0, sem_op(i ? one : two, 0, -10, UNDO));
			close(i ? one : two);
			child_at(self->stage, 1);
			close(i ? two : one);
			child_at(self->stage, 2);
			_exit(0);
		}
		ASSERT_TRUE(child_is_at(self->stage, 1));
		EXPECT_EQ(ENOUGH - 10, sem_value(one, 0));
		child_go_on(self->stage, 1);
		ASSERT_TRUE(child_is_at(self->stage, 2));
		EXPECT_EQ(ENOUGH, sem_value(one, 0));
		child_go_on(self->stage, 2);
		EXPECT_EQ(0, kipc_reap(pid));
		EXPECT_EQ(ENOUGH, sem_value(one, 0));
	}
}

static void *thread_takes(void *data)
{
	return (void *)(intptr_t)sem_op(*(int *)data, 0, -10, UNDO);
}

/* What a thread did is its process's, and stays when the thread ends. */
TEST_F(undo, the_end_of_one_thread)
{
	pthread_t thread;
	pid_t pid = kipc_fork();
	void *ret;

	if (!pid) {
		CHILD_EQ(0, pthread_create(&thread, NULL, thread_takes,
					   &self->fd));
		pthread_join(thread, &ret);
		CHILD_CHECK(!ret);
		child_at(self->stage, 1);
		/* Another thread can do the opposite. */
		CHILD_EQ(0, sem_op(self->fd, 0, 4, UNDO));
		child_at(self->stage, 2);
		_exit(0);
	}
	ASSERT_TRUE(child_is_at(self->stage, 1));
	EXPECT_EQ(ENOUGH - 10, sem_value(self->fd, 0));
	EXPECT_EQ(1, sem_undos(self->fd));
	child_go_on(self->stage, 1);
	ASSERT_TRUE(child_is_at(self->stage, 2));
	EXPECT_EQ(ENOUGH - 6, sem_value(self->fd, 0));
	child_go_on(self->stage, 2);
	EXPECT_EQ(0, kipc_reap(pid));
	EXPECT_EQ(ENOUGH, sem_value(self->fd, 0));
}

static void *thread_stays(void *data)
{
	struct stage *stage = data;

	child_at(stage, 1);
	return NULL;
}

static bool is_zombie(pid_t pid)
{
	char path[64], state = 0;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	file = fopen(path, "r");
	if (file && fscanf(file, "%*d (%*[^)]) %c", &state) != 1)
		state = 0;
	if (file)
		fclose(file);
	return state == 'Z';
}

/* The first thread is not the process: others go on without it. */
TEST_F(undo, the_end_of_the_first_thread)
{
	pthread_t thread;
	pid_t pid = kipc_fork();

	if (!pid) {
		CHILD_EQ(0, sem_op(self->fd, 0, -10, UNDO));
		CHILD_EQ(0, pthread_create(&thread, NULL, thread_stays,
					   self->stage));
		syscall(SYS_exit, 0);
	}
	ASSERT_TRUE(child_is_at(self->stage, 1));
	ASSERT_TRUE(wait_for(is_zombie(pid)));
	EXPECT_EQ(ENOUGH - 10, sem_value(self->fd, 0));
	child_go_on(self->stage, 1);
	EXPECT_EQ(0, kipc_reap(pid));
	EXPECT_EQ(ENOUGH, sem_value(self->fd, 0));
}

static void *thread_closes_its_copy(void *data)
{
	/* From here on it has a table of descriptors of its own. */
	if (unshare(CLONE_FILES))
		return (void *)(intptr_t)errno;
	return (void *)(intptr_t)close(*(int *)data);
}

/* Threads need not share their descriptors: another one may have it open. */
TEST_F(undo, a_thread_with_its_own_descriptors)
{
	int mutex = sem_make_mutex(1), i;
	pthread_t thread;
	void *wrong;

	ASSERT_LE(0, mutex);
	ASSERT_EQ(0, sem_op(self->fd, 0, -10, UNDO));
	ASSERT_EQ(0, sem_op(mutex, 0, -1, 0));
	for (i = 0; i < 2; i++) {
		ASSERT_EQ(0, pthread_create(&thread, NULL,
					    thread_closes_its_copy,
					    i ? &mutex : &self->fd));
		pthread_join(thread, &wrong);
		ASSERT_EQ(NULL, wrong);
		EXPECT_EQ(ENOUGH - 10, sem_value(self->fd, 0));
		EXPECT_EQ(1, sem_undos(self->fd));
		EXPECT_EQ(getpid(), (pid_t)sem_counter(mutex, 0).pid);
	}
	EXPECT_EQ(0, sem_op(mutex, 0, 1, 0));
	/* The last one that there is. */
	i = dup(mutex);
	EXPECT_EQ(0, sem_op(mutex, 0, -1, 0));
	close(mutex);
	EXPECT_EQ(-EDEADLK, sem_try(i, 0, -1));
}

struct opener {
	const char *name;
	uint32_t stop;
	int wrong;
};

static void *thread_opens_and_closes(void *data)
{
	struct opener *opener = data;
	int fd;

	while (!word_get(&opener->stop)) {
		fd = sem_open_name(opener->name, SEM_RIGHTS, 0);
		if (fd < 0)
			opener->wrong = fd;
		else
			close(fd);
	}
	return NULL;
}

/* One thread closes what is the last descriptor while another opens one. */
TEST(closed_by_one_thread_opened_by_another)
{
	unsigned long rounds = scaled(20000), i;
	struct opener opener = { .name = "undo-opener" };
	pthread_t thread[2];
	int fd, k;

	fd = sem_named(opener.name, 1, 0, KIPC_EXCL | KIPC_PERSIST |
		       KIPC_SEMAPHORE_MUTEX);
	ASSERT_LE(0, fd);
	close(fd);
	for (k = 0; k < 2; k++)
		ASSERT_EQ(0, pthread_create(&thread[k], NULL,
					    thread_opens_and_closes, &opener));
	for (i = 0; i < rounds; i++) {
		fd = sem_open_name(opener.name, SEM_RIGHTS, 0);
		ASSERT_LE(0, fd);
		/* As long as this one is open nothing is taken back. */
		EXPECT_EQ(0, sem_op(fd, 0, -1, 0))
			TH_LOG("round %lu", i);
		EXPECT_EQ(getpid(), (pid_t)sem_counter(fd, 0).pid);
		ASSERT_EQ(0, sem_op(fd, 0, 1, 0))
			TH_LOG("round %lu", i);
		close(fd);
	}
	word_set(&opener.stop, 1);
	for (k = 0; k < 2; k++)
		pthread_join(thread[k], NULL);
	EXPECT_EQ(0, opener.wrong);
	EXPECT_EQ(0, kipc_unlink(opener.name));
}

static void *thread_is_busy(void *data)
{
	int fd = *(int *)data;

	for (;;) {
		sem_op(fd, 1, -1, UNDO);
		sem_op(fd, 1, 1, UNDO);
	}
	return NULL;
}

TEST_F(undo, sigkill_of_a_process_with_many_threads)
{
	unsigned long rounds = scaled(300), i;
	pthread_t thread;
	pid_t pid;
	int k;

	for (i = 0; i < rounds; i++) {
		word_set(&self->stage->child, 0);
		pid = kipc_fork();
		if (!pid) {
			do_some(self->fd);
			for (k = 0; k < 4; k++)
				pthread_create(&thread, NULL, thread_is_busy,
					       &self->fd);
			child_at(self->stage, 1);
			pause();
		}
		ASSERT_TRUE(child_is_at(self->stage, 1));
		ASSERT_TRUE(sem_kill(pid));
		ASSERT_EQ(0, sem_undos(self->fd));
		EXPECT_VALUES(self->fd, some_left);
		ASSERT_EQ(0, sem_try(self->fd, 0, 1));
		ASSERT_EQ(0, sem_try(self->fd, 1, 1));
	}
}

/* Runs this program again, as the child that execve(2) made. */
static void exec_again(const char *what, int fd)
{
	char number[16];

	snprintf(number, sizeof(number), "%d", fd);
	execl("/proc/self/exe", "after-exec", what, number, NULL);
	_exit(126);
}

static void __attribute__((constructor)) after_exec(int argc, char **argv)
{
	int fd;

	if (argc != 3 || strcmp(argv[0], "after-exec"))
		return;
	fd = atoi(argv[2]);
	if (!strcmp(argv[1], "gone"))
		_exit(sem_try(fd, 0, 1) == -EBADF && errno == EBADF ? 0 : 1);
	/* Kept: still this process's, and it can be used up or added to. */
	CHILD_EQ(ENOUGH - 10, sem_value(fd, 0));
	CHILD_EQ(0, sem_op(fd, 0, -5, UNDO));
	if (!strcmp(argv[1], "close")) {
		close(fd);
		CHILD_CHECK(write(STDIN_FILENO, "c", 1) == 1);
		pause();
	}
	_exit(0);
}

/* Close-on-exec: execve(2) closed the last descriptor. */
TEST_F(undo, exec_that_closes)
{
	pid_t pid = kipc_fork();

	if (!pid) {
		CHILD_EQ(0, sem_op(self->fd, 0, -10, UNDO));
		exec_again("gone", self->fd);
	}
	EXPECT_EQ(0, kipc_reap(pid));
	EXPECT_EQ(ENOUGH, sem_value(self->fd, 0));
	EXPECT_EQ(0, sem_undos(self->fd));
}

TEST_F(undo, exec_that_keeps)
{
	struct kipc_semaphore_create arg = { .rights = SEM_RIGHTS,
		.flags = KIPC_INHERIT, .count = 1, .initial = ENOUGH };
	int fd = sem_create(&arg), closed[2], i;
	pid_t pid;
	char c;

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, pipe2(closed, O_CLOEXEC));
	for (i = 0; i < 2; i++) {
		pid = kipc_fork();
		if (!pid) {
			dup2(closed[1], STDIN_FILENO);
			CHILD_EQ(0, sem_op(fd, 0, -10, UNDO));
			exec_again(i ? "close" : "exit", fd);
		}
		if (i) {
			ASSERT_EQ(1, read(closed[0], &c, 1));
			EXPECT_EQ(ENOUGH, sem_value(fd, 0));
			EXPECT_TRUE(sem_kill(pid));
		} else {
			EXPECT_EQ(0, kipc_reap(pid));
		}
		EXPECT_EQ(ENOUGH, sem_value(fd, 0));
		EXPECT_EQ(0, sem_undos(fd));
	}
}

static int clone_files_child(void *data)
{
	int fd = *(int *)data;

	/* A process of its own, though the descriptors are shared. */
	return sem_op(fd, 0, -100, UNDO) ? 1 : 0;
}

/* Two processes with one table of descriptors (CLONE_FILES). */
TEST_F(undo, processes_that_share_descriptors)
{
	static char stack[65536] __attribute__((aligned(16)));
	pid_t pid;

	ASSERT_EQ(0, sem_op(self->fd, 0, -10, UNDO));
	pid = clone(clone_files_child, stack + sizeof(stack),
		    CLONE_FILES | SIGCHLD, &self->fd);
	ASSERT_LT(0, pid);
	EXPECT_EQ(0, kipc_reap(pid));
	/* Its exit is not a close: the table lives on.  It is a death. */
	EXPECT_TRUE(wait_for(sem_value(self->fd, 0) == ENOUGH - 10));
	EXPECT_EQ(1, sem_undos(self->fd));
}

static int send_fd(int sock, int fd)
{
	char data = 0, control[CMSG_SPACE(sizeof(fd))] = "";
	struct iovec iov = { &data, 1 };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = control, .msg_controllen = sizeof(control) };
	struct cmsghdr *header = CMSG_FIRSTHDR(&msg);

	header->cmsg_level = SOL_SOCKET;
	header->cmsg_type = SCM_RIGHTS;
	header->cmsg_len = CMSG_LEN(sizeof(fd));
	memcpy(CMSG_DATA(header), &fd, sizeof(fd));
	return sendmsg(sock, &msg, 0) == 1 ? 0 : -errno;
}

static int recv_fd(int sock)
{
	char data, control[CMSG_SPACE(sizeof(int))];
	struct iovec iov = { &data, 1 };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = control, .msg_controllen = sizeof(control) };
	int fd;

	if (recvmsg(sock, &msg, 0) != 1 || !CMSG_FIRSTHDR(&msg))
		return -1;
	memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&msg)), sizeof(fd));
	return fd;
}

/* The descriptor goes on; what was done with it is not handed over. */
TEST_F(undo, a_descriptor_that_is_passed_on)
{
	int sock[2], fd;
	pid_t pid;

	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM, 0, sock));
	pid = kipc_fork();
	if (!pid) {
		close(self->fd);
		fd = recv_fd(sock[1]);
		CHILD_CHECK(fd >= 0);
		CHILD_EQ(0, sem_op(fd, 0, -10, UNDO));
		CHILD_EQ(0, send_fd(sock[1], fd));
		/* It travels, and this process has it no more. */
		close(fd);
		child_at(self->stage, 1);
		_exit(0);
	}
	ASSERT_EQ(0, send_fd(sock[0], self->fd));
	ASSERT_TRUE(child_is_at(self->stage, 1));
	EXPECT_EQ(ENOUGH, sem_value(self->fd, 0));
	fd = recv_fd(sock[0]);
	ASSERT_LE(0, fd);
	EXPECT_EQ(0, sem_op(fd, 0, -1, UNDO));
	child_go_on(self->stage, 1);
	EXPECT_EQ(0, kipc_reap(pid));
	EXPECT_EQ(ENOUGH - 1, sem_value(self->fd, 0));
	close(fd);
	EXPECT_EQ(ENOUGH - 1, sem_value(self->fd, 0));
}

/* Never below 0 and never above max, whatever others did meanwhile. */
TEST_F(undo, stays_within_the_range)
{
	pid_t pid = kipc_fork();

	if (!pid) {
		CHILD_EQ(0, sem_op(self->fd, 0, 500, UNDO));
		CHILD_EQ(0, sem_op(self->fd, 1, -500, UNDO));
		CHILD_EQ(0, sem_op(self->fd, 2, -500, UNDO));
		child_at(self->stage, 1);
		_exit(0);
	}
	ASSERT_TRUE(child_is_at(self->stage, 1));
	ASSERT_EQ(0, sem_try(self->fd, 0, -1400));
	ASSERT_EQ(0, sem_try(self->fd, 1, 1400));
	ASSERT_EQ(0, sem_try(self->fd, 2, 1000));
	child_go_on(self->stage, 1);
	EXPECT_EQ(0, kipc_reap(pid));
	EXPECT_EQ(0, sem_value(self->fd, 0));
	EXPECT_EQ(2 * ENOUGH, sem_value(self->fd, 1));
	EXPECT_EQ(2 * ENOUGH, sem_value(self->fd, 2));
}

TEST(a_total_that_is_too_large)
{
	const int32_t most = INT32_MAX;
	int fd = sem_make(2, KIPC_SEM_VALUE_MAX, 0);
	struct kipc_sem_entry ops[2] = { ENTRY(1, -1), ENTRY(0, -1) };

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, sem_op(fd, 0, -most, UNDO));
	ASSERT_EQ(0, sem_op(fd, 0, most, 0));
	EXPECT_EQ(-EOVERFLOW, sem_op(fd, 0, -1, UNDO));
	EXPECT_EQ(-EOVERFLOW, sem_ops_until(fd, ops, 2, UNDO, 0, NULL));
	EXPECT_EQ(most, sem_value(fd, 0));
	EXPECT_EQ(most, sem_value(fd, 1));
	/* Without UNDO, and back, it can be done. */
	EXPECT_EQ(0, sem_op(fd, 0, -2, 0));
	EXPECT_EQ(0, sem_op(fd, 0, 1, UNDO));
	EXPECT_EQ(0, sem_op(fd, 0, -1, UNDO));
	EXPECT_EQ(-EOVERFLOW, sem_op(fd, 0, -1, UNDO));

	/* The other way round. */
	ASSERT_EQ(0, sem_set(fd, 1, 0));
	ASSERT_EQ(0, sem_op(fd, 1, most, UNDO));
	ASSERT_EQ(0, sem_op(fd, 1, -most, 0));
	EXPECT_EQ(-EOVERFLOW, sem_op(fd, 1, 2, UNDO));
	EXPECT_EQ(0, sem_value(fd, 1));
}

TEST_F(undo, set_makes_it_forgotten)
{
	pid_t pid = kipc_fork();

	if (!pid) {
		CHILD_EQ(0, sem_op(self->fd, 0, -10, UNDO));
		CHILD_EQ(0, sem_op(self->fd, 1, -20, UNDO));
		child_at(self->stage, 1);
		CHILD_EQ(0, sem_op(self->fd, 0, -3, UNDO));
		child_at(self->stage, 2);
		_exit(0);
	}
	ASSERT_TRUE(child_is_at(self->stage, 1));
	ASSERT_EQ(0, sem_set(self->fd, 0, 77));
	child_go_on(self->stage, 1);
	ASSERT_TRUE(child_is_at(self->stage, 2));
	EXPECT_EQ(74, sem_value(self->fd, 0));
	EXPECT_EQ(ENOUGH - 20, sem_value(self->fd, 1));
	child_go_on(self->stage, 2);
	EXPECT_EQ(0, kipc_reap(pid));
	EXPECT_EQ(77, sem_value(self->fd, 0));
	EXPECT_EQ(ENOUGH, sem_value(self->fd, 1));
}

/* P and V of the same amount leave nothing to take back. */
TEST_F(undo, a_balance_of_zero_is_nothing)
{
	int i;

	for (i = 0; i < 100; i++) {
		ASSERT_EQ(0, sem_op(self->fd, i % 3, -7, UNDO));
		ASSERT_EQ(0, sem_op(self->fd, i % 3, 3, UNDO));
		ASSERT_EQ(0, sem_op(self->fd, i % 3, 4, UNDO));
	}
	EXPECT_EQ(0, sem_undos(self->fd));
	close(dup(self->fd));
	EXPECT_VALUES(self->fd, nothing_done);
}

/* What is taken back wakes those who wait for it, in their order. */
TEST_F(undo, gives_it_to_those_who_wait)
{
	struct sem_call take, zero;
	pid_t pid;

	ASSERT_EQ(0, sem_set(self->fd, 1, 0));
	pid = kipc_fork();
	if (!pid) {
		CHILD_EQ(0, sem_op(self->fd, 0, -ENOUGH, UNDO));
		CHILD_EQ(0, sem_op(self->fd, 1, 9, UNDO));
		child_at(self->stage, 1);
		_exit(0);
	}
	ASSERT_TRUE(child_is_at(self->stage, 1));
	take = (struct sem_call){ .fd = self->fd, .delta = -ENOUGH };
	ASSERT_EQ(0, sem_call_asleep(&take));
	zero = (struct sem_call){ .fd = self->fd, .index = 1 };
	ASSERT_EQ(0, sem_call_asleep(&zero));
	EXPECT_TRUE(sem_kill(pid));
	EXPECT_EQ(0, sem_call_wait(&take));
	EXPECT_EQ(0, sem_call_wait(&zero));
	EXPECT_EQ(0, sem_value(self->fd, 0));
}

/* Granted while asleep is done by the one who slept. */
TEST_F(undo, of_one_who_slept)
{
	pid_t pid;

	ASSERT_EQ(0, sem_set(self->fd, 0, 0));
	pid = kipc_fork();
	if (!pid) {
		CHILD_EQ(0, sem_op(self->fd, 0, -10, UNDO));
		child_at(self->stage, 1);
		_exit(0);
	}
	ASSERT_TRUE(wait_for(sem_waiting(self->fd, 0) == 1));
	ASSERT_EQ(0, sem_op(self->fd, 0, 12, 0));
	ASSERT_TRUE(child_is_at(self->stage, 1));
	EXPECT_EQ(2, sem_value(self->fd, 0));
	EXPECT_TRUE(sem_kill(pid));
	EXPECT_EQ(12, sem_value(self->fd, 0));
}

TEST_HARNESS_MAIN
