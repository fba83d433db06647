// SPDX-License-Identifier: GPL-2.0
/* What the pages of segments cost, and what happens when there are none. */
#include "kselftest_harness.h"

#include "segment_util.h"

#include <sys/resource.h>
#include <sys/time.h>

#define MIB		(1UL << 20)
#define HUGE_SIZE	(2 * MIB)

#define OVERCOMMIT	"/proc/sys/vm/overcommit_memory"
#define OVERCOMMIT_KB	"/proc/sys/vm/overcommit_kbytes"
#define OVERCOMMIT_RATIO "/proc/sys/vm/overcommit_ratio"

FIXTURE(memory)
{
	char overcommit[16], kb[32], ratio[32], huge[128];
	uint64_t bytes;
};

FIXTURE_SETUP(memory)
{
	self->bytes = bytes_of(0);
	ASSERT_LT(0, read_file(OVERCOMMIT, self->overcommit,
			       sizeof(self->overcommit)));
	ASSERT_LT(0, read_file(OVERCOMMIT_KB, self->kb, sizeof(self->kb)));
	ASSERT_LT(0, read_file(OVERCOMMIT_RATIO, self->ratio,
			       sizeof(self->ratio)));
	read_choice(SHMEM_HUGE, self->huge, sizeof(self->huge));
}

FIXTURE_TEARDOWN(memory)
{
	/* Each of the two sets the other one to 0, so the one that counted. */
	EXPECT_LT(0, write_file(OVERCOMMIT, self->overcommit));
	EXPECT_LT(0, atoi(self->kb) ? write_file(OVERCOMMIT_KB, self->kb) :
			write_file(OVERCOMMIT_RATIO, self->ratio));
	EXPECT_TRUE(!*self->huge || write_file(SHMEM_HUGE, self->huge) > 0);
	EXPECT_EQ(self->bytes, bytes_of(0));
}

/* From here on there are some 8 MiB that nobody has promised to anybody. */
static int make_memory_scarce(void)
{
	long long used = proc_number("/proc/meminfo", "Committed_AS:");
	char text[32];
	int ret;

	snprintf(text, sizeof(text), "%lld", used + 8 * 1024);
	ret = write_file(OVERCOMMIT_KB, text);
	if (ret > 0)
		ret = write_file(OVERCOMMIT, "2");
	return ret > 0 ? 0 : ret;
}

static long long shmem_kb(void)
{
	return proc_number("/proc/meminfo", "\nShmem:");
}

TEST_F(memory, comes_with_the_first_touch_and_goes_with_the_segment)
{
	long long before = shmem_kb();
	int fd = segment_make(16 * MIB, 0);
	char *mem = map_shared(fd, 16 * MIB, PROT_RW);

	ASSERT_NE(NULL, mem);
	EXPECT_EQ(0, segment_resident(fd));
	memset(mem, 1, 16 * MIB);
	EXPECT_EQ(16 * MIB, segment_resident(fd));
	/* Each processor adds its part to this number now and then. */
	EXPECT_LE(before + 15 * 1024, shmem_kb());
	ASSERT_EQ(0, segment_resize(fd, 4 * MIB, 0));
	EXPECT_EQ(4 * MIB, segment_resident(fd));
	close(fd);
	munmap(mem, 16 * MIB);
	EXPECT_TRUE(wait_for(shmem_kb() < before + 1024));
}

TEST_F(memory, reserved_is_there_at_once)
{
	int fd = segment_make(4 * MIB + 1, KIPC_SEGMENT_RESERVE);
	struct rusage first, last;
	char *mem;
	size_t i;

	ASSERT_LE(0, fd);
	EXPECT_EQ(4 * MIB + PAGE, segment_resident(fd));
	mem = map_shared(fd, 4 * MIB + 1, PROT_RW);
	ASSERT_NE(NULL, mem);
	/* Nothing that others take can take it away. */
	ASSERT_EQ(0, make_memory_scarce());
	getrusage(RUSAGE_SELF, &first);
	for (i = 0; i <= 4 * MIB; i += PAGE)
		ASSERT_EQ(0, touch_write(mem + i, 1));
	getrusage(RUSAGE_SELF, &last);
	EXPECT_EQ(first.ru_majflt, last.ru_majflt);
	EXPECT_EQ(4 * MIB + PAGE, segment_resident(fd));
	munmap(mem, 4 * MIB + 1);
	close(fd);
}

TEST_F(memory, that_is_not_there_is_an_error_when_reserved)
{
	int fd = segment_make(PAGE, KIPC_SEGMENT_SEALABLE);
	int memfd = memfd_create("memory", 0);
	char *mem = map_shared(fd, 64 * MIB, PROT_RW);
	uint64_t held = bytes_of(0);

	ASSERT_NE(NULL, mem);
	ASSERT_LE(0, memfd);
	EXPECT_EQ(0, touch_write(mem, 'm'));
	/* Not even with this does it get stuck half way. */
	ASSERT_EQ(KIPC_SEAL_SHRINK, segment_seal(fd, KIPC_SEAL_SHRINK));
	ASSERT_EQ(0, make_memory_scarce());
	EXPECT_EQ(-1, fallocate(memfd, 0, 0, 64 * MIB));
	EXPECT_EQ(ENOSPC, errno);

	EXPECT_EQ(-ENOSPC, segment_make(64 * MIB, KIPC_SEGMENT_RESERVE));
	EXPECT_EQ(-ENOSPC, segment_resize(fd, 64 * MIB, KIPC_SEGMENT_RESERVE));
	EXPECT_EQ(PAGE, segment_bytes(fd));
	EXPECT_EQ(PAGE, segment_resident(fd));
	EXPECT_EQ(PAGE, segment_charge(fd));
	EXPECT_EQ(held, bytes_of(0));
	EXPECT_EQ('m', *mem);
	EXPECT_EQ(SIGBUS, touch_read(mem + PAGE));
	/* What there is, one gets. */
	EXPECT_EQ(0, segment_resize(fd, 2 * MIB, KIPC_SEGMENT_RESERVE));
	EXPECT_EQ(2 * MIB, segment_resident(fd));
	/* A size alone costs nothing; here it can only just be seen. */
	EXPECT_EQ(0, segment_resize(fd, 64 * MIB, 0));
	EXPECT_EQ(-ENOSPC, segment_resize(fd, 64 * MIB, KIPC_SEGMENT_RESERVE));
	EXPECT_EQ(2 * MIB, segment_resident(fd));
	EXPECT_EQ(64 * MIB, segment_charge(fd));
	munmap(mem, 64 * MIB);
	close(fd);
	close(memfd);
}

TEST_F(memory, that_is_not_there_is_a_signal_when_touched)
{
	int fd = segment_make(64 * MIB, 0), got = 0;
	char *mem = map_shared(fd, 64 * MIB, PROT_RW);
	size_t i;

	ASSERT_NE(NULL, mem);
	ASSERT_EQ(0, make_memory_scarce());
	for (i = 0; i < 64 * MIB && !got; i += PAGE)
		got = touch_write(mem + i, 1);
	EXPECT_EQ(SIGBUS, got);
	EXPECT_EQ(i - PAGE, segment_resident(fd));
	munmap(mem, 64 * MIB);
	close(fd);
}

static void on_alarm(int sig)
{
	(void)sig;
}

TEST_F(memory, taking_it_ends_with_a_signal_as_a_memfds_does)
{
	struct sigaction act = { .sa_handler = on_alarm };
	struct itimerval every = { { 0, 1000 }, { 0, 1000 } }, never = { };
	int fd = segment_make(PAGE, 0), memfd = memfd_create("signals", 0);
	int of_memfd, of_resize, made;

	ASSERT_LE(0, fd);
	ASSERT_LE(0, memfd);
	ASSERT_EQ(0, sigaction(SIGALRM, &act, NULL));
	ASSERT_EQ(0, setitimer(ITIMER_REAL, &every, NULL));
	of_memfd = KIPC_RET(fallocate(memfd, 0, 0, 128 * MIB));
	close(memfd);
	of_resize = segment_resize(fd, 128 * MIB, KIPC_SEGMENT_RESERVE);
	made = segment_make(128 * MIB, KIPC_SEGMENT_RESERVE);
	ASSERT_EQ(0, setitimer(ITIMER_REAL, &never, NULL));
	EXPECT_EQ(of_memfd, of_resize);
	EXPECT_EQ(of_memfd, made < 0 ? made : 0);
	/* Newer kernels end it only for who is killed. */
	if (of_memfd) {
		EXPECT_EQ(-EINTR, of_memfd);
		EXPECT_EQ(PAGE, segment_bytes(fd));
		EXPECT_EQ(0, segment_resident(fd));
		EXPECT_EQ(PAGE, segment_charge(fd));
	}
	if (made >= 0)
		close(made);
	close(fd);
}

/* To 5.10 a new page of shmem is a major one. */
static long all_faults(const struct rusage *usage)
{
	return usage->ru_minflt + usage->ru_majflt;
}

/* Page faults of writing, then of reading by a second mapping. */
static int count_faults(int fd, size_t len, long faults[2])
{
	char *mem = map_shared(fd, len, PROT_RW);
	struct rusage first, middle, last;
	char sum = 0;
	size_t i;

	if (!mem)
		return -errno;
	getrusage(RUSAGE_SELF, &first);
	getrusage(RUSAGE_SELF, &first);
	for (i = 0; i < len; i += PAGE)
		__atomic_store_n(mem + i, 1, __ATOMIC_RELAXED);
	getrusage(RUSAGE_SELF, &middle);
	munmap(mem, len);
	mem = map_shared(fd, len, PROT_READ);
	if (!mem)
		return -errno;
	getrusage(RUSAGE_SELF, &middle);
	faults[0] = all_faults(&middle) - all_faults(&first);
	for (i = 0; i < len; i += PAGE)
		sum += __atomic_load_n(mem + i, __ATOMIC_RELAXED);
	getrusage(RUSAGE_SELF, &last);
	faults[1] = all_faults(&last) - all_faults(&middle);
	munmap(mem, len);
	return sum == (char)(len / PAGE) ? 0 : -EIO;
}

TEST_F(memory, takes_as_many_faults_as_a_memfd)
{
	long of_memfd[2], of_segment[2];
	int fd, memfd, i;

	/* The first time for the pages of this program itself. */
	for (i = 0; i < 2; i++) {
		fd = segment_make(16 * MIB, 0);
		memfd = memfd_create("faults", 0);
		ASSERT_LE(0, fd);
		ASSERT_EQ(0, ftruncate(memfd, 16 * MIB));
		ASSERT_EQ(0, count_faults(memfd, 16 * MIB, of_memfd));
		ASSERT_EQ(0, count_faults(fd, 16 * MIB, of_segment));
		close(fd);
		close(memfd);
	}
	EXPECT_EQ(of_memfd[0], of_segment[0]);
	EXPECT_EQ(of_memfd[1], of_segment[1]);
	/* One for each page, and then with its neighbours. */
	EXPECT_LE(of_segment[1], of_segment[0] / 8);
}

/* What /proc/self/smaps says of the mapping at @mem, in kB; -1 without it. */
static long smaps_kb(const char *mem, const char *key)
{
	FILE *smaps = fopen("/proc/self/smaps", "r");
	bool inside = false;
	char line[512];
	long kb = -1;

	while (smaps && fgets(line, sizeof(line), smaps)) {
		unsigned long from, to;

		if (sscanf(line, "%lx-%lx ", &from, &to) == 2)
			inside = from == (uintptr_t)mem;
		else if (inside && !strncmp(line, key, strlen(key)))
			kb = strtol(line + strlen(key), NULL, 0);
	}
	if (smaps)
		fclose(smaps);
	return kb;
}

static long huge_kb(int fd, bool advise, uintptr_t *aligned)
{
	char *mem = map_shared(fd, 4 * HUGE_SIZE, PROT_RW);
	long kb;

	if (!mem)
		return -errno;
	*aligned = (uintptr_t)mem % HUGE_SIZE;
	if (advise && madvise(mem, 4 * HUGE_SIZE, MADV_HUGEPAGE))
		return -errno;
	memset(mem, 1, 4 * HUGE_SIZE);
	kb = smaps_kb(mem, "ShmemPmdMapped:");
	munmap(mem, 4 * HUGE_SIZE);
	return kb;
}

/* Gives how much of the memfd is in huge pages, in kB. */
static long compare_huge(struct __test_metadata *_metadata, uint32_t flags)
{
	int fd = segment_make(4 * HUGE_SIZE, flags);
	int memfd = memfd_create("huge", 0);
	uintptr_t at[2] = { 1, 2 };
	long kb;

	EXPECT_LE(0, fd);
	EXPECT_EQ(0, ftruncate(memfd, 4 * HUGE_SIZE));
	kb = huge_kb(memfd, flags & KIPC_SEGMENT_HUGE, &at[0]);
	EXPECT_LE(0, kb);
	EXPECT_EQ(kb, huge_kb(fd, false, &at[1]));
	EXPECT_EQ(at[0], at[1]);
	close(fd);
	close(memfd);
	return kb;
}

TEST_F(memory, is_in_huge_pages_where_a_memfds_is)
{
	static const char * const modes[] = {
		"never", "advise", "always", "within_size",
	};
	long kb = 0;
	size_t i;

	if (!*self->huge)
		SKIP(return, "no transparent huge pages in shared memory");
	for (i = 0; i < sizeof(modes) / sizeof(*modes); i++) {
		ASSERT_LT(0, write_file(SHMEM_HUGE, modes[i]));
		kb += compare_huge(_metadata, 0);
		kb += compare_huge(_metadata, KIPC_SEGMENT_HUGE);
		kb += compare_huge(_metadata, KIPC_SEGMENT_RESERVE);
	}
	if (!kb)
		SKIP(return, "a memfd has no huge pages either");
}

TEST_F(memory, in_huge_pages_can_be_cut_to_the_byte)
{
	struct kipc_segment_stat st;
	uintptr_t at;
	int fd;

	if (!*self->huge)
		SKIP(return, "no transparent huge pages in shared memory");
	ASSERT_LT(0, write_file(SHMEM_HUGE, "advise"));
	fd = segment_make(4 * HUGE_SIZE, KIPC_SEGMENT_HUGE);
	ASSERT_EQ(0, segment_stat(fd, &st));
	EXPECT_EQ(KIPC_SEGMENT_HUGE, st.segment_flags);
	EXPECT_LE(0, huge_kb(fd, false, &at));
	EXPECT_EQ(4 * HUGE_SIZE, segment_resident(fd));
	EXPECT_EQ(0, segment_resize(fd, HUGE_SIZE + PAGE + 1, 0));
	EXPECT_EQ(HUGE_SIZE + PAGE + 1, segment_bytes(fd));
	EXPECT_EQ(HUGE_SIZE + 2 * PAGE, segment_charge(fd));
	EXPECT_EQ(0, segment_resize(fd, 0, 0));
	EXPECT_EQ(0, segment_resident(fd));
	close(fd);
}

TEST_F(memory, advice_for_huge_pages_is_taken_anyway)
{
	int plain = segment_make(HUGE_SIZE, 0);
	int huge = segment_make(HUGE_SIZE, KIPC_SEGMENT_HUGE);
	char *mem = map_shared(plain, HUGE_SIZE, PROT_RW);
	char *big = map_shared(huge, HUGE_SIZE, PROT_RW);

	ASSERT_NE(NULL, mem);
	ASSERT_NE(NULL, big);
	if (madvise(mem, HUGE_SIZE, MADV_HUGEPAGE) && errno == EINVAL)
		SKIP(return, "no transparent huge pages");
	EXPECT_EQ(0, madvise(mem, HUGE_SIZE, MADV_NOHUGEPAGE));
	EXPECT_EQ(0, madvise(big, HUGE_SIZE, MADV_NOHUGEPAGE));
	EXPECT_EQ(0, madvise(big, HUGE_SIZE, MADV_HUGEPAGE));
	munmap(mem, HUGE_SIZE);
	munmap(big, HUGE_SIZE);
	close(plain);
	close(huge);
}

TEST_HARNESS_MAIN
