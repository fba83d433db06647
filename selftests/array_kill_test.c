// SPDX-License-Identifier: GPL-2.0
/*
 * Processes that die or are stuck in the middle of a call: the array works on
 * for the others, nobody is waited for, and nothing stays behind.
 */
#include <linux/userfaultfd.h>
#include <sys/syscall.h>

#include "kselftest_harness.h"
#include "array_util.h"

#define SLOTS		64
#define VICTIMS		4
#define KILLS		1000	/* with FULL=1 */
#define TIME_LIMIT	600	/* seconds, for that with a debug kernel */

/* Adds a number to the even slots and takes it from the odd ones. */
static void write_for_ever(int fd, uint64_t rnd)
{
	struct kipc_array_entry e[SLOTS];
	int i, sign;

	for (;;) {
		memset(e, 0, sizeof(e));
		for (i = 0; i < SLOTS; i++) {
			sign = i % 2 ? -1 : 1;
			e[i].op = KIPC_ARRAY_ADD;
			e[i].index = i;
			e[i].value = sign * (int)(rnd % 1000);
		}
		CHILD_CHECK(!array_ops(fd, e, SLOTS, NULL));
		kipc_rand(&rnd);
	}
}

static void wait_for_ever(int fd, uint64_t rnd)
{
	struct kipc_array_slot slots[KIPC_ARRAY_WAIT_MAX] = {};
	uint32_t i, count = rnd % 3 ? 1 : KIPC_ARRAY_WAIT_MAX;

	for (i = 0; i < count; i++)
		slots[i].index = (rnd + i) % SLOTS;
	for (;;)
		CHILD_CHECK(array_wait(fd, slots, count, 0, 0) >= 0);
}

static pid_t victim(int fd, int kind, uint64_t rnd)
{
	pid_t pid = kipc_fork();

	if (!pid) {
		if (kind % 2)
			wait_for_ever(fd, rnd);
		write_for_ever(fd, rnd);
	}
	return pid;
}

static int64_t sum_of_all(int fd)
{
	int64_t value[SLOTS], sum = 0;
	int i;

	if (array_read(fd, 0, SLOTS, value, NULL, NULL))
		return -1;
	for (i = 0; i < SLOTS; i++)
		sum += value[i];
	return sum;
}

static bool killed(pid_t pid)
{
	int status;

	kill(pid, SIGKILL);
	return waitpid(pid, &status, 0) == pid && WIFSIGNALED(status);
}

FIXTURE(storm) {
	int fd;
};

FIXTURE_SETUP(storm)
{
	self->fd = array_make(SLOTS, 8);
	ASSERT_LE(0, self->fd);
}

FIXTURE_TEARDOWN(storm)
{
	close(self->fd);
}

TEST_F_TIMEOUT(storm, writers_and_waiters_are_killed_at_random_points,
	       TIME_LIMIT)
{
	unsigned long n, kills = scaled(KILLS);
	uint64_t rnd = kipc_seed(), changes;
	int fd = self->fd, i;
	pid_t pid[VICTIMS];

	for (i = 0; i < VICTIMS; i++) {
		pid[i] = victim(fd, i, kipc_rand(&rnd));
		ASSERT_LT(0, pid[i]);
	}
	for (n = 0; n < kills; n++) {
		usleep(kipc_rand(&rnd) % 2000);
		i = kipc_rand(&rnd) % VICTIMS;
		ASSERT_TRUE(killed(pid[i]));
		/* Each vector was done or not; its numbers cancel out. */
		ASSERT_EQ(0, sum_of_all(fd));
		pid[i] = victim(fd, i, kipc_rand(&rnd));
		ASSERT_LT(0, pid[i]);
	}
	for (i = 0; i < VICTIMS; i++)
		ASSERT_TRUE(killed(pid[i]));
	EXPECT_EQ(0, array_waiting(fd));
	EXPECT_EQ(0, sum_of_all(fd));
	changes = array_changes(fd);
	EXPECT_EQ(0, changes % SLOTS);
	ASSERT_EQ(0, array_add(fd, 5, 0));
	EXPECT_EQ(changes / SLOTS + 1, array_version(fd, 5));
}

#define SLEEPERS	50

TEST(killed_waiters_leave_no_trace)
{
	int fd = array_make(1000, 1), i;
	struct kipc_stat st;
	pid_t pid[SLEEPERS];

	ASSERT_LE(0, fd);
	for (i = 0; i < SLEEPERS; i++) {
		pid[i] = kipc_fork();
		ASSERT_LE(0, pid[i]);
		if (!pid[i])
			wait_for_ever(fd, i);
	}
	ASSERT_TRUE(wait_for(array_waiting(fd) == SLEEPERS));
	for (i = 0; i < SLEEPERS; i += 2)
		EXPECT_TRUE(killed(pid[i]));
	EXPECT_EQ(SLEEPERS / 2, array_waiting(fd));
	for (i = 1; i < SLEEPERS; i += 2)
		EXPECT_TRUE(killed(pid[i]));
	EXPECT_EQ(0, array_waiting(fd));
	EXPECT_EQ(0, array_add(fd, 0, 1));
	/* The handles of the dead were copies of this one. */
	ASSERT_EQ(0, kipc_stat_fd(fd, &st));
	EXPECT_EQ(1, st.entry.handles);
	close(fd);
}

/* What the user of this process is charged for. */
static uint64_t bytes_held(void)
{
	struct kipc_info info = { .size = sizeof(info) };

	return kipc_device_ioctl(KIPC_INFO, &info) ? ~0ULL : info.bytes;
}

TEST(an_array_goes_with_the_last_process_that_dies)
{
	struct kipc_array_create arg;
	uint64_t before = bytes_held();
	pid_t pid[2];
	int i;

	ASSERT_EQ(0, array_create(&arg, "orphan", BOTH, KIPC_EXCL, 1000, 100));
	EXPECT_EQ(before + 1000 * 108, bytes_held());
	for (i = 0; i < 2; i++) {
		pid[i] = victim(arg.fd, 1, i);
		ASSERT_LT(0, pid[i]);
	}
	ASSERT_TRUE(wait_for(array_waiting(arg.fd) == 2));
	close(arg.fd);
	EXPECT_TRUE(killed(pid[0]));
	EXPECT_EQ(before + 1000 * 108, bytes_held());
	EXPECT_TRUE(killed(pid[1]));
	EXPECT_TRUE(wait_for(bytes_held() == before));
	EXPECT_EQ(-ENOENT, array_open("orphan", BOTH, 0));
}

/* Memory whose page faults nobody serves; NULL if that cannot be had. */
static void *memory_that_never_comes(int *uffd)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register reg = { .mode = UFFDIO_REGISTER_MODE_MISSING };
	void *mem = mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	*uffd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
	if (*uffd < 0 || mem == MAP_FAILED || ioctl(*uffd, UFFDIO_API, &api))
		return NULL;
	reg.range.start = to_u64(mem);
	reg.range.len = PAGE;
	return ioctl(*uffd, UFFDIO_REGISTER, &reg) ? NULL : mem;
}

/* A fault that waits for an answer. */
static bool somebody_is_stuck(int uffd)
{
	struct uffd_msg msg;

	return read(uffd, &msg, sizeof(msg)) == sizeof(msg) &&
	       msg.event == UFFD_EVENT_PAGEFAULT;
}

/* One of the calls, with @mem where it reads or writes; does not come back. */
static void call_with(int fd, int which, void *mem)
{
	struct kipc_array_entry e = {
		.op = which == 1 ? KIPC_ARRAY_LOAD : KIPC_ARRAY_STORE,
		.value = to_u64(mem),
	};
	char element[KIPC_ARRAY_ELEMENT_MAX];

	switch (which) {
	case 0:		/* to be stored */
	case 1:		/* to load to */
		array_op(fd, &e);
		break;
	case 2:		/* the entries */
		array_ops(fd, mem, 1, NULL);
		break;
	case 3:		/* the snapshot */
		array_read(fd, 0, 4, mem, NULL, NULL);
		break;
	case 4:		/* its versions */
		array_read(fd, 0, 1, element, mem, NULL);
		break;
	case 5:		/* the slots to wait for */
		array_wait(fd, mem, 1, 0, 0);
		break;
	case 6:		/* the argument itself */
		ioctl(fd, KIPC_ARRAY_OP, mem);
	}
	_exit(1);
}

FIXTURE(stuck) {
	int fd;
};

FIXTURE_VARIANT(stuck) {
	int which;
};

FIXTURE_VARIANT_ADD(stuck, store) {
	.which = 0,
};

FIXTURE_VARIANT_ADD(stuck, load) {
	.which = 1,
};

FIXTURE_VARIANT_ADD(stuck, entries) {
	.which = 2,
};

FIXTURE_VARIANT_ADD(stuck, snapshot) {
	.which = 3,
};

FIXTURE_VARIANT_ADD(stuck, versions) {
	.which = 4,
};

FIXTURE_VARIANT_ADD(stuck, slots) {
	.which = 5,
};

FIXTURE_VARIANT_ADD(stuck, argument) {
	.which = 6,
};

FIXTURE_SETUP(stuck)
{
	self->fd = array_make(4, 100);
	ASSERT_LE(0, self->fd);
}

FIXTURE_TEARDOWN(stuck)
{
	close(self->fd);
}

/* Who is going to be stuck. */
struct victim_thread {
	int fd;
	int which;
	void *mem;
};

static void *be_stuck(void *data)
{
	struct victim_thread *v = data;

	call_with(v->fd, v->which, v->mem);
	return NULL;
}

/*
 * In a process of its own, which is killed with its thread stuck.  @ready is
 * set when the thread is in the page fault.
 */
static void stuck_process(int fd, int which, int *ready)
{
	struct victim_thread v = { fd, which, NULL };
	pthread_t thread;
	int uffd;

	v.mem = memory_that_never_comes(&uffd);
	if (!v.mem)
		_exit(4);
	CHILD_CHECK(!pthread_create(&thread, NULL, be_stuck, &v));
	CHILD_CHECK(wait_for(somebody_is_stuck(uffd)));
	__atomic_store_n(ready, 1, __ATOMIC_RELEASE);
	for (;;)
		pause();
}

TEST_F(stuck, in_a_page_fault_holds_up_nobody)
{
	int *ready = kipc_shared(sizeof(*ready)), status;
	struct kipc_array_slot slot = {};
	char mem[400] = "x", got[400];
	pid_t pid;

	ASSERT_NE(NULL, ready);
	pid = kipc_fork();
	ASSERT_LE(0, pid);
	if (!pid)
		stuck_process(self->fd, variant->which, ready);
	while (!__atomic_load_n(ready, __ATOMIC_ACQUIRE)) {
		if (waitpid(pid, &status, WNOHANG) != pid) {
			usleep(500);
			continue;
		}
		ASSERT_EQ(4, WEXITSTATUS(status));
		SKIP(return, "no userfaultfd");
	}
	/* All calls of others come back, or the test runs out of time. */
	EXPECT_EQ(0, array_store(self->fd, 1, to_u64(mem)));
	EXPECT_EQ(0, array_read(self->fd, 0, 4, got, NULL, NULL));
	EXPECT_EQ(0, memcmp(mem, got + 100, 100));
	EXPECT_EQ(0, array_store(self->fd, 0, to_u64(mem)));
	EXPECT_EQ(0, array_wait(self->fd, &slot, 1, 0, 0));
	EXPECT_EQ(0, array_waiting(self->fd));
	/* What is stuck has not been done, and can be killed. */
	EXPECT_EQ(2, array_changes(self->fd));
	EXPECT_TRUE(killed(pid));
	EXPECT_EQ(0, kipc_destroy(self->fd));
}

TEST_HARNESS_MAIN
