// SPDX-License-Identifier: GPL-2.0
/*
 * Seals against those who map at the same time, and against writers that have
 * no mapping.  What each seal forbids is in segment_memfd_test.
 */
#include "kselftest_harness.h"

#include "segment_util.h"

#include <linux/io_uring.h>

#define MAPPERS		2
#define READERS		2
#define NAME		"segment_seal_test"

/* What the mappers and the one who seals have in common. */
struct race {
	int fd;
	int reader;		/* of the same, read-only */
	int sealed;		/* the seal is there: nothing may be mapped */
	int stop;
	int mapped;		/* mapped though it was sealed */
	int odd;		/* mmap failed for another reason */
	uint64_t tries[MAPPERS];
	uint64_t done[MAPPERS];	/* mapped and written before the seal */
};

struct mapper {
	struct race *race;
	int me;
};

static void map_and_write(void *arg)
{
	struct mapper *mapper = arg;
	struct race *race = mapper->race;
	uint64_t rand = getpid() | 1;
	char *mem;
	bool late;

	while (!__atomic_load_n(&race->stop, __ATOMIC_ACQUIRE)) {
		late = __atomic_load_n(&race->sealed, __ATOMIC_ACQUIRE);
		mem = map_shared(race->fd, PAGE, PROT_RW);
		if (mem) {
			__atomic_fetch_add(mem + 64 * mapper->me, 1,
					   __ATOMIC_RELAXED);
			munmap(mem, PAGE);
			race->done[mapper->me]++;
			if (late)
				race->mapped++;
		} else if (errno != EPERM) {
			race->odd = errno;
		}
		__atomic_fetch_add(&race->tries[mapper->me], 1,
				   __ATOMIC_RELEASE);
		/* Now and then nobody has it mapped: then it can be sealed. */
		usleep(kipc_rand(&rand) % 100);
	}
}

/*
 * They are not in the way of a seal, but in that of mmap(): whoever is about to
 * have a writable mapping waits for them at the very last moment.
 */
static void map_and_read(void *arg)
{
	struct race *race = arg;
	char *mem;

	while (!__atomic_load_n(&race->stop, __ATOMIC_ACQUIRE)) {
		mem = map_shared(race->reader, PAGE, PROT_READ);
		CHECK_EQ(1, !!mem);
		munmap(mem, PAGE);
	}
}

/* Has each of them tried @times more since @from? */
static bool all_tried(struct race *race, const uint64_t *from, int times)
{
	int i;

	for (i = 0; i < MAPPERS; i++)
		if (__atomic_load_n(&race->tries[i], __ATOMIC_ACQUIRE) <
		    from[i] + times)
			return false;
	return true;
}

static void run_race(struct __test_metadata *_metadata, struct race *race)
{
	struct mapper mapper[MAPPERS];
	uint64_t from[MAPPERS] = { }, end;
	char before[PAGE], *mem;
	pid_t pid[MAPPERS + READERS];
	int i, ret;

	memset(race, 0, sizeof(*race));
	race->fd = segment_named(NAME, RIGHT_BOTH, KIPC_SEGMENT_SEALABLE, 0600,
				 PAGE);
	race->reader = segment_open(NAME, KIPC_RIGHT_READ);
	ASSERT_LE(0, race->reader);
	for (i = 0; i < MAPPERS; i++) {
		mapper[i] = (struct mapper){ race, i };
		pid[i] = child_start(map_and_write, &mapper[i]);
	}
	for (; i < MAPPERS + READERS; i++)
		pid[i] = child_start(map_and_read, race);
	EXPECT_TRUE(wait_for(all_tried(race, from, 2)));

	end = now_ns() + PATIENCE_NS;
	do {
		ret = segment_seal(race->fd, KIPC_SEAL_WRITE);
	} while (ret == -EBUSY && now_ns() < end);
	EXPECT_EQ(KIPC_SEAL_WRITE, ret);
	mem = map_shared(race->fd, PAGE, PROT_READ);
	ASSERT_NE(NULL, mem);
	memcpy(before, mem, PAGE);
	for (i = 0; i < MAPPERS; i++)
		from[i] = __atomic_load_n(&race->tries[i], __ATOMIC_ACQUIRE);
	__atomic_store_n(&race->sealed, 1, __ATOMIC_RELEASE);
	EXPECT_TRUE(wait_for(all_tried(race, from, 20)));
	__atomic_store_n(&race->stop, 1, __ATOMIC_RELEASE);
	for (i = 0; i < MAPPERS + READERS; i++)
		EXPECT_EQ(0, child_end(pid[i]));

	EXPECT_EQ(KIPC_SEAL_WRITE, segment_seal(race->fd, 0));
	EXPECT_EQ(0, race->mapped);
	EXPECT_EQ(0, race->odd);
	EXPECT_EQ(0, memcmp(before, mem, PAGE));
	EXPECT_EQ(-1, mprotect(mem, PAGE, PROT_RW));
	munmap(mem, PAGE);
	close(race->reader);
	close(race->fd);
}

TEST(no_writable_mapping_slips_past_the_seal)
{
	struct race *race = kipc_shared(sizeof(*race));
	unsigned long rounds = scaled(100), i;
	uint64_t done = 0;
	int j;

	ASSERT_NE(NULL, race);
	for (i = 0; i < rounds; i++) {
		run_race(_metadata, race);
		for (j = 0; j < MAPPERS; j++)
			done += race->done[j];
	}
	/* Or else there was no race. */
	EXPECT_LT(rounds, done);
	munmap(race, sizeof(*race));
}

/* Seals at the same time: each is there once, none is lost. */
static void seal_one(void *arg)
{
	struct mapper *mapper = arg;
	uint32_t seal = 1U << (1 + mapper->me);

	while (!__atomic_load_n(&mapper->race->stop, __ATOMIC_ACQUIRE))
		;
	CHECK_EQ(seal, seal & segment_seal(mapper->race->fd, seal));
}

TEST(seals_that_are_added_at_once_are_all_there)
{
	struct race *race = kipc_shared(sizeof(*race));
	unsigned long rounds = scaled(50), i;
	struct mapper mapper[4];
	pid_t pid[4];
	int j;

	ASSERT_NE(NULL, race);
	for (i = 0; i < rounds; i++) {
		race->stop = 0;
		race->fd = segment_make(PAGE, KIPC_SEGMENT_SEALABLE);
		ASSERT_LE(0, race->fd);
		for (j = 0; j < 4; j++) {
			mapper[j] = (struct mapper){ race, j };
			pid[j] = child_start(seal_one, &mapper[j]);
		}
		__atomic_store_n(&race->stop, 1, __ATOMIC_RELEASE);
		for (j = 0; j < 4; j++)
			EXPECT_EQ(0, child_end(pid[j]));
		EXPECT_EQ(KIPC_SEALS & ~KIPC_SEAL_SEAL,
			  segment_seal(race->fd, 0));
		close(race->fd);
	}
	munmap(race, sizeof(*race));
}

/* A ring that has the memory registered: the kernel may write it at any time. */
static int pin(void *mem, size_t len)
{
	struct io_uring_params params = { };
	struct iovec iov = { mem, len };
	int ring = syscall(SYS_io_uring_setup, 1, &params);

	if (ring < 0)
		return -EOPNOTSUPP;
	if (!syscall(SYS_io_uring_register, ring, IORING_REGISTER_BUFFERS, &iov,
		     1))
		return ring;
	close(ring);
	return -EIO;
}

TEST(pinned_pages_are_in_the_way_of_the_seal)
{
	int fd = segment_make(4 * PAGE, KIPC_SEGMENT_SEALABLE);
	int memfd = memfd_create("seal", MFD_ALLOW_SEALING), ring, other;
	char *mem = map_shared(fd, 4 * PAGE, PROT_RW), *its;

	ASSERT_NE(NULL, mem);
	ASSERT_EQ(0, ftruncate(memfd, 4 * PAGE));
	its = map_shared(memfd, 4 * PAGE, PROT_RW);
	ASSERT_NE(NULL, its);
	ring = pin(mem + PAGE, PAGE);
	other = pin(its + PAGE, PAGE);
	munmap(mem, 4 * PAGE);
	munmap(its, 4 * PAGE);
	if (ring == -EOPNOTSUPP) {
		close(fd);
		close(memfd);
		SKIP(return, "no io_uring");
	}
	ASSERT_LE(0, ring);
	ASSERT_LE(0, other);
	EXPECT_EQ(-1, fcntl(memfd, F_ADD_SEALS, F_SEAL_WRITE));
	EXPECT_EQ(EBUSY, errno);
	EXPECT_EQ(-EBUSY, segment_seal(fd, KIPC_SEAL_WRITE));
	EXPECT_EQ(0, segment_seal(fd, 0));
	/* It failed without a trace. */
	EXPECT_EQ(0, try_map(fd, PAGE, PROT_RW, MAP_SHARED));
	EXPECT_EQ(0, syscall(SYS_io_uring_register, ring,
			     IORING_UNREGISTER_BUFFERS, NULL, 0));
	EXPECT_TRUE(wait_for(segment_seal(fd, KIPC_SEAL_WRITE) ==
			     KIPC_SEAL_WRITE));
	close(ring);
	close(other);
	close(fd);
	close(memfd);
}

static int seal_segment(int fd)
{
	int ret = segment_seal(fd, KIPC_SEAL_WRITE);

	return ret < 0 ? ret : 0;
}

static int seal_memfd(int fd)
{
	return fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE) ? -errno : 0;
}

TEST(pages_in_a_pipe_are_in_the_way_of_the_seal)
{
	const struct {
		const char *name;
		int fd;
		int (*seal)(int fd);
	} memories[] = {
		{ "segment", segment_make(4 * PAGE, KIPC_SEGMENT_SEALABLE),
		  seal_segment },
		{ "memfd", memfd_create("seal", MFD_ALLOW_SEALING),
		  seal_memfd },
	};
	struct iovec iov = { .iov_len = 1 };
	char *mem, byte;
	int pipe[2];
	size_t i;

	ASSERT_EQ(0, pipe2(pipe, O_CLOEXEC));
	ASSERT_EQ(0, ftruncate(memories[1].fd, 4 * PAGE));
	for (i = 0; i < ARRAY_SIZE(memories); i++) {
		TH_LOG("%s", memories[i].name);
		mem = map_shared(memories[i].fd, 4 * PAGE, PROT_RW);
		ASSERT_NE(NULL, mem);
		memset(mem, 'x', 4 * PAGE);
		iov.iov_base = mem + 2 * PAGE;
		ASSERT_EQ(1, vmsplice(pipe[1], &iov, 1, 0));
		munmap(mem, 4 * PAGE);
		EXPECT_EQ(-EBUSY, memories[i].seal(memories[i].fd));
		/* Again: what was found out is not what stays. */
		EXPECT_EQ(-EBUSY, memories[i].seal(memories[i].fd));
		EXPECT_EQ(0, try_map(memories[i].fd, PAGE, PROT_RW,
				     MAP_SHARED));
		ASSERT_EQ(1, read(pipe[0], &byte, 1));
		EXPECT_EQ('x', byte);
		EXPECT_EQ(0, memories[i].seal(memories[i].fd));
		EXPECT_EQ(-EPERM, try_map(memories[i].fd, PAGE, PROT_RW,
					  MAP_SHARED));
		close(memories[i].fd);
	}
	close(pipe[0]);
	close(pipe[1]);
}

static void touch_every_page(int fd, size_t bytes)
{
	char *mem = map_shared(fd, bytes, PROT_RW);
	size_t at;

	CHECK_EQ(1, !!mem);
	for (at = 0; at < bytes; at += PAGE)
		__atomic_fetch_add(mem + at, 1, __ATOMIC_RELAXED);
	munmap(mem, bytes);
}

struct touch {
	int fd;
	size_t bytes;
};

static void touch_every_page_once(void *arg)
{
	struct touch *touch = arg;

	touch_every_page(touch->fd, touch->bytes);
}

/* How often is the seal refused, though the two who had it mapped are done? */
static int refusals(unsigned long rounds, size_t bytes, uint32_t flags)
{
	unsigned long i;
	int refused = 0;

	for (i = 0; i < rounds; i++) {
		struct touch touch = {
			segment_make(bytes, KIPC_SEGMENT_SEALABLE | flags),
			bytes,
		};
		pid_t pid = child_start(touch_every_page_once, &touch);

		touch_every_page(touch.fd, bytes);
		CHECK_EQ(0, child_end(pid));
		if (segment_seal(touch.fd, KIPC_SEAL_WRITE) != KIPC_SEAL_WRITE)
			refused++;
		close(touch.fd);
	}
	return refused;
}

/* The kernel keeps pages that were touched in lists of each CPU for a while. */
TEST(pages_that_nobody_holds_are_not_in_the_way)
{
	EXPECT_EQ(0, refusals(scaled(1000), PAGE, 0));
	EXPECT_EQ(0, refusals(scaled(1000), 7 * PAGE, 0));
	EXPECT_EQ(0, refusals(scaled(200), 40 * PAGE, KIPC_SEGMENT_RESERVE));
}

#define HUGE		((size_t)2 << 20)

FIXTURE(huge) {
	char before[32];
};

FIXTURE_SETUP(huge)
{
	read_choice(SHMEM_HUGE, self->before, sizeof(self->before));
	if (*self->before && write_file(SHMEM_HUGE, "advise") <= 0)
		*self->before = '\0';
}

FIXTURE_TEARDOWN(huge)
{
	EXPECT_TRUE(!*self->before ||
		    write_file(SHMEM_HUGE, self->before) > 0);
}

TEST_F(huge, pages_that_nobody_holds_are_not_in_the_way)
{
	char byte;
	struct iovec iov = { .iov_len = 1 };
	int fd, reader, pipe[2];
	char *mem, *small;

	if (!*self->before)
		SKIP(return, "no huge pages, or not root");
	EXPECT_EQ(0, refusals(scaled(50), 2 * HUGE, KIPC_SEGMENT_HUGE));

	ASSERT_EQ(0, pipe2(pipe, O_CLOEXEC));
	fd = segment_named(NAME, RIGHT_BOTH,
			   KIPC_SEGMENT_SEALABLE | KIPC_SEGMENT_HUGE, 0600,
			   2 * HUGE);
	reader = segment_open(NAME, KIPC_RIGHT_READ);
	ASSERT_LE(0, reader);
	mem = map_shared(fd, 2 * HUGE, PROT_RW);
	ASSERT_NE(NULL, mem);
	memset(mem, 'x', 2 * HUGE);
	iov.iov_base = mem + HUGE + 5 * PAGE;
	ASSERT_EQ(1, vmsplice(pipe[1], &iov, 1, 0));
	munmap(mem, 2 * HUGE);
	/* Readers, of all of one huge page and of a part of the other. */
	mem = map_shared(reader, HUGE, PROT_READ);
	small = map_at(reader, 3 * PAGE, PROT_READ, MAP_SHARED, HUGE);
	ASSERT_NE(NULL, mem);
	ASSERT_NE(NULL, small);
	EXPECT_EQ(0, touch_read(mem));
	EXPECT_EQ(0, touch_read(small));
	EXPECT_EQ(-EBUSY, segment_seal(fd, KIPC_SEAL_WRITE));
	ASSERT_EQ(1, read(pipe[0], &byte, 1));
	EXPECT_EQ(KIPC_SEAL_WRITE, segment_seal(fd, KIPC_SEAL_WRITE));
	munmap(mem, HUGE);
	munmap(small, 3 * PAGE);
	close(reader);
	close(fd);
	close(pipe[0]);
	close(pipe[1]);
}

/* Sealed while it is made: nobody ever could. */
TEST(begins_with_the_seals_asked_for)
{
	struct kipc_segment_create arg = {
		.mode = 0600,
		.rights = RIGHT_BOTH,
		.seals = KIPC_SEAL_WRITE | KIPC_SEAL_GROW,
		.bytes = PAGE,
	};
	int fd = segment_create(&arg);

	ASSERT_LE(0, fd);
	/* Without SEALABLE these are all. */
	EXPECT_EQ(KIPC_SEAL_SEAL | KIPC_SEAL_WRITE | KIPC_SEAL_GROW, arg.seals);
	EXPECT_EQ(-EPERM, segment_seal(fd, KIPC_SEAL_SHRINK));
	EXPECT_EQ(-EPERM, try_map(fd, PAGE, PROT_RW, MAP_SHARED));
	EXPECT_EQ(0, try_map(fd, PAGE, PROT_READ, MAP_SHARED));
	EXPECT_EQ(0, try_map(fd, PAGE, PROT_RW, MAP_PRIVATE));
	EXPECT_EQ(-EPERM, segment_resize(fd, PAGE + 1, 0));
	EXPECT_EQ(0, segment_resize(fd, 1, 0));
	close(fd);
	arg.flags = KIPC_SEGMENT_SEALABLE;
	arg.seals = KIPC_SEALS;
	fd = segment_create(&arg);
	ASSERT_LE(0, fd);
	EXPECT_EQ(KIPC_SEALS, arg.seals);
	EXPECT_EQ(-EPERM, segment_resize(fd, 0, 0));
	close(fd);
	arg.seals = 0;
	arg.bytes = 0;
	fd = segment_create(&arg);
	ASSERT_LE(0, fd);
	EXPECT_EQ(0, arg.seals);
	EXPECT_EQ(KIPC_SEAL_SEAL, segment_seal(fd, KIPC_SEAL_SEAL));
	EXPECT_EQ(-EPERM, segment_seal(fd, KIPC_SEAL_SEAL));
	EXPECT_EQ(KIPC_SEAL_SEAL, segment_seal(fd, 0));
	close(fd);
}

/* By name, with other rights, later: a seal is the segment's. */
TEST(seals_hold_for_every_handle)
{
	int fd = segment_named(NAME, RIGHT_BOTH, KIPC_SEGMENT_SEALABLE, 0600,
			       PAGE);
	int other = segment_open(NAME, RIGHT_BOTH), later;

	ASSERT_LE(0, fd);
	ASSERT_LE(0, other);
	ASSERT_EQ(KIPC_SEAL_WRITE | KIPC_SEAL_SHRINK,
		  segment_seal(fd, KIPC_SEAL_WRITE | KIPC_SEAL_SHRINK));
	later = segment_open(NAME, RIGHT_BOTH);
	ASSERT_LE(0, later);
	EXPECT_EQ(-EPERM, try_map(other, PAGE, PROT_RW, MAP_SHARED));
	EXPECT_EQ(-EPERM, try_map(later, PAGE, PROT_RW, MAP_SHARED));
	EXPECT_EQ(-EPERM, segment_resize(later, 0, 0));
	EXPECT_EQ(KIPC_SEAL_WRITE | KIPC_SEAL_SHRINK, segment_seal(later, 0));
	close(fd);
	close(other);
	close(later);
}

/* A mapping that a process holds counts, wherever it is. */
TEST(writable_mapping_of_another_process_is_in_the_way)
{
	int fd = segment_make(PAGE, KIPC_SEGMENT_SEALABLE);
	pid_t pid = keeper_start(fd, PAGE, PROT_RW);

	ASSERT_LT(0, pid);
	EXPECT_EQ(-EBUSY, segment_seal(fd, KIPC_SEAL_WRITE));
	EXPECT_EQ(128 + SIGKILL, child_kill(pid));
	EXPECT_EQ(KIPC_SEAL_WRITE, segment_seal(fd, KIPC_SEAL_WRITE));
	close(fd);
}

TEST(readers_are_not_in_the_way)
{
	int fd = segment_named(NAME, RIGHT_BOTH, KIPC_SEGMENT_SEALABLE, 0600,
			       PAGE);
	int reader = segment_open(NAME, KIPC_RIGHT_READ);
	char *mem = map_shared(reader, PAGE, PROT_READ);

	ASSERT_NE(NULL, mem);
	EXPECT_EQ(0, touch_read(mem));
	EXPECT_EQ(KIPC_SEAL_WRITE, segment_seal(fd, KIPC_SEAL_WRITE));
	EXPECT_EQ(0, touch_read(mem));
	EXPECT_EQ(-1, mprotect(mem, PAGE, PROT_RW));
	munmap(mem, PAGE);
	close(reader);
	close(fd);
}

TEST_HARNESS_MAIN
