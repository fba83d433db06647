// SPDX-License-Identifier: GPL-2.0
/* SIGKILL in the middle of anything leaves nothing behind. */
#include "kselftest_harness.h"

#include "segment_util.h"

#define VICTIMS		3
#define NAMES		4

/* Objects, bytes and names of a user who has nothing else. */
#define VICTIM		ALICE

static void name_of(uint32_t number, char *name, size_t size)
{
	snprintf(name, size, "segment_kill_test.%u", number % NAMES);
}

/* One random thing to do with a segment that others use as well. */
static void one_thing(int fd, uint64_t *rand)
{
	static const uint32_t seals[] = {
		KIPC_SEAL_WRITE, KIPC_SEAL_FUTURE_WRITE, KIPC_SEAL_GROW,
	};
	size_t bytes = kipc_rand(rand) % (256 * PAGE);
	char *mem;

	switch (kipc_rand(rand) % 8) {
	case 0:
		segment_resize(fd, bytes, 0);
		return;
	case 1:
		segment_resize(fd, bytes, KIPC_SEGMENT_RESERVE);
		return;
	case 2:
		if (!(kipc_rand(rand) % 4))
			segment_seal(fd, seals[kipc_rand(rand) % 3]);
		return;
	case 3:
		if (!(kipc_rand(rand) % 4))
			kipc_destroy(fd);
		return;
	default:
		mem = map_shared(fd, bytes + 1, kipc_rand(rand) % 2 ? PROT_RW :
				 PROT_READ);
		if (!mem)
			return;
		for (; bytes > 8 * PAGE; bytes -= 8 * PAGE)
			if (touch_write(mem + bytes, 1) == SIGSEGV)
				touch_read(mem + bytes);
		/* Most of them are left to the end of the process. */
	}
}

static void use_segments(void *arg)
{
	uint64_t rand = (getpid() + now_ns()) | 1;
	char name[64];
	int fd, i;

	(void)arg;
	become(VICTIM, VICTIM, 0);
	for (;;) {
		name_of(kipc_rand(&rand), name, sizeof(name));
		fd = segment_named(kipc_rand(&rand) % 4 ? name : "", RIGHT_BOTH,
				   KIPC_SEGMENT_SEALABLE | (kipc_rand(&rand) % 2
				   ? KIPC_SEGMENT_RESERVE : 0), 0600,
				   kipc_rand(&rand) % (64 * PAGE));
		if (fd < 0)
			fd = segment_make(PAGE, KIPC_SEGMENT_SEALABLE);
		for (i = 0; fd >= 0 && i < 6; i++)
			one_thing(fd, &rand);
		close(fd);
	}
}

/* Is nothing left of what the user had? */
static bool all_gone(void)
{
	struct kipc_info info = info_of(VICTIM);
	char name[64];
	int i;

	for (i = 0; i < NAMES; i++) {
		name_of(i, name, sizeof(name));
		if (times_listed(name))
			return false;
	}
	return !info.objects && !info.bytes;
}

TEST(killed_anywhere_leaves_nothing)
{
	long long before = proc_number("/proc/meminfo", "\nShmem:");
	unsigned long rounds = scaled(200), i;
	uint64_t rand = kipc_seed();
	pid_t pid[VICTIMS];
	bool used = false;
	int j;

	for (j = 0; j < VICTIMS; j++)
		pid[j] = child_start(use_segments, NULL);
	for (i = 0; i < rounds; i++) {
		/* At a random moment of what it does; the rest go on. */
		usleep(kipc_rand(&rand) % 20000);
		j = kipc_rand(&rand) % VICTIMS;
		ASSERT_EQ(128 + SIGKILL, child_kill(pid[j]));
		used |= bytes_of(VICTIM) > 0;
		pid[j] = child_start(use_segments, NULL);
		ASSERT_LT(0, pid[j]);
	}
	EXPECT_TRUE(wait_for(bytes_of(VICTIM)));
	for (j = 0; j < VICTIMS; j++)
		ASSERT_EQ(128 + SIGKILL, child_kill(pid[j]));
	EXPECT_TRUE(wait_for(all_gone()));
	EXPECT_TRUE(wait_for(proc_number("/proc/meminfo", "\nShmem:") <=
			     before + 512));
	EXPECT_TRUE(used);
}

/* The one call that takes long, killed in the middle of it. */
static void reserve_for_ever(void *arg)
{
	int *begun = arg;
	int fd = segment_make(PAGE, 0);

	for (;;) {
		__atomic_store_n(begun, 1, __ATOMIC_RELEASE);
		CHECK_EQ(0, segment_resize(fd, 32 << 20, KIPC_SEGMENT_RESERVE));
		CHECK_EQ(0, segment_resize(fd, PAGE, 0));
	}
}

TEST(killed_while_it_takes_pages_gives_them_all_back)
{
	long long before = proc_number("/proc/meminfo", "\nShmem:");
	unsigned long rounds = scaled(100), i;
	uint64_t bytes = bytes_of(0), rand = kipc_seed();
	int *begun = kipc_shared(PAGE);

	ASSERT_NE(NULL, begun);
	for (i = 0; i < rounds; i++) {
		pid_t pid;

		*begun = 0;
		pid = child_start(reserve_for_ever, begun);
		EXPECT_TRUE(wait_for(__atomic_load_n(begun, __ATOMIC_ACQUIRE)));
		usleep(kipc_rand(&rand) % 20000);
		ASSERT_EQ(128 + SIGKILL, child_kill(pid));
	}
	EXPECT_EQ(bytes, bytes_of(0));
	EXPECT_TRUE(wait_for(proc_number("/proc/meminfo", "\nShmem:") <=
			     before + 512));
	munmap(begun, PAGE);
}

TEST_HARNESS_MAIN
