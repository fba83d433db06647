// SPDX-License-Identifier: GPL-2.0
/*
 * A segment does what a memfd does: the same steps on one of each, and after
 * each step the same result, size, seals, pages in memory, content, and signals
 * where there is nothing.
 */
#include "kselftest_harness.h"

#include "segment_util.h"

#include <sys/stat.h>

#define NAME	"segment_memfd_test"

/* Both are mapped for as much as they ever have. */
#define PAGES	12
#define LEN	(PAGES * PAGE)

enum { SEGMENT, MEMFD, TWINS };

struct twin {
	int fd;
	int reader;		/* of the same, read-only */
	char *mem;		/* mapped, or NULL */
};

FIXTURE(twins)
{
	struct twin twin[TWINS];
};

/* How many steps had different results in this test. */
static unsigned int differences;

static int twin_open(struct twin *twin, bool memfd, uint32_t flags)
{
	char path[64];

	memset(twin, 0, sizeof(*twin));
	if (!memfd) {
		twin->fd = segment_named(NAME, RIGHT_BOTH, flags | KIPC_EXCL,
					 0600, 0);
		twin->reader = segment_open(NAME, KIPC_RIGHT_READ);
		kipc_unlink(NAME);
	} else {
		twin->fd = memfd_create(NAME, flags & KIPC_SEGMENT_SEALABLE ?
					MFD_ALLOW_SEALING : 0);
		snprintf(path, sizeof(path), "/proc/self/fd/%d", twin->fd);
		twin->reader = open(path, O_RDONLY | O_CLOEXEC);
	}
	return twin->fd < 0 || twin->reader < 0 ? -1 : 0;
}

static void twin_close(struct twin *twin)
{
	if (twin->mem)
		munmap(twin->mem, LEN);
	close(twin->fd);
	close(twin->reader);
}

static void twins_open(struct __test_metadata *_metadata, struct twin *twin,
		       uint32_t flags)
{
	ASSERT_EQ(0, twin_open(&twin[SEGMENT], false, flags));
	ASSERT_EQ(0, twin_open(&twin[MEMFD], true, flags));
}

static void twins_close(struct twin *twin)
{
	twin_close(&twin[SEGMENT]);
	twin_close(&twin[MEMFD]);
}

FIXTURE_SETUP(twins)
{
	kipc_unlink(NAME);
	twins_open(_metadata, self->twin, KIPC_SEGMENT_SEALABLE);
}

FIXTURE_TEARDOWN(twins)
{
	twins_close(self->twin);
}

/* The steps: what each gives is compared. */
enum step {
	RESIZE,			/* to @a bytes */
	RESERVE,		/* the same, with all pages */
	SEAL,			/* with @a */
	MAP,			/* what stays mapped: prot @a, flags @b */
	UNMAP,
	TRY_MAP,		/* prot @a, flags @b, and mprotect to all */
	TRY_MAP_READER,		/* the same through the read-only one */
	PROTECT,		/* what is mapped, to @a */
	READ,			/* a byte of page @a */
	WRITE,			/* @b there */
	ADVISE,			/* @b for page @a and the next one */
	MOVE,			/* what is mapped: to another address */
	SYNC,
	STEPS
};

static const char * const step_name[STEPS] = {
	"resize", "reserve", "seal", "map", "unmap", "try to map",
	"try to map read-only", "protect", "read", "write", "advise", "move",
	"sync",
};

static int twin_resize(struct twin *twin, bool memfd, size_t bytes,
		       bool reserve)
{
	struct stat st;

	if (!memfd)
		return segment_resize(twin->fd, bytes,
				      reserve ? KIPC_SEGMENT_RESERVE : 0);
	if (fstat(twin->fd, &st))
		return -errno;
	/* First what may be refused; a file of no bytes has none to reserve. */
	if (ftruncate(twin->fd, bytes))
		return -errno;
	if (reserve && bytes && fallocate(twin->fd, 0, 0, bytes))
		return -errno;
	return 0;
}

/* Result of mmap; then, in higher digits, those of mprotect to all access. */
static int twin_try(int fd, int prot, int flags)
{
	static const int prots[] = { PROT_READ, PROT_WRITE, PROT_NONE, PROT_RW };
	char *mem = map_at(fd, PAGE, prot, flags, 0);
	int result = 0;
	size_t i;

	if (!mem)
		return -errno;
	for (i = 0; i < sizeof(prots) / sizeof(*prots); i++)
		result = 2 * result + !!mprotect(mem, PAGE, prots[i]);
	munmap(mem, PAGE);
	return result;
}

static int twin_move(struct twin *twin)
{
	char *to = mmap(NULL, LEN, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
			0);
	char *mem = mremap(twin->mem, LEN, LEN, MREMAP_MAYMOVE | MREMAP_FIXED,
			   to);

	if (mem == MAP_FAILED)
		return -errno;
	twin->mem = mem;
	return 0;
}

static int twin_map(struct twin *twin, int prot, int flags)
{
	if (twin->mem)
		munmap(twin->mem, LEN);
	twin->mem = map_at(twin->fd, LEN, prot, flags, 0);
	return twin->mem ? 0 : -errno;
}

static int twin_step(struct twin *twin, bool memfd, enum step step, size_t a,
		     int b)
{
	switch (step) {
	case RESIZE:
	case RESERVE:
		return twin_resize(twin, memfd, a, step == RESERVE);
	case SEAL:
		if (memfd)
			return KIPC_RET(fcntl(twin->fd, F_ADD_SEALS, a));
		a = segment_seal(twin->fd, a);
		return (int)a < 0 ? (int)a : 0;
	case MAP:
		return twin_map(twin, a, b);
	case TRY_MAP:
		return twin_try(twin->fd, a, b);
	case TRY_MAP_READER:
		return twin_try(twin->reader, a, b);
	default:
		break;
	}
	if (!twin->mem)
		return 0;
	switch (step) {
	case UNMAP:
		b = KIPC_RET(munmap(twin->mem, LEN));
		twin->mem = NULL;
		return b;
	case PROTECT:
		return KIPC_RET(mprotect(twin->mem, LEN, a));
	case READ:
		b = touch_read(twin->mem + a * PAGE);
		return b ?: 256 + twin->mem[a * PAGE];
	case WRITE:
		return touch_write(twin->mem + a * PAGE + b, b);
	case ADVISE:
		return KIPC_RET(madvise(twin->mem + a * PAGE, 2 * PAGE, b));
	case MOVE:
		return twin_move(twin);
	case SYNC:
		return KIPC_RET(msync(twin->mem, LEN, a));
	default:
		return -EOPNOTSUPP;
	}
}

/* What can be seen of one; the content page by page. */
struct view {
	uint64_t bytes, resident;
	uint32_t seals;
	int signal[PAGES];
	char page[PAGES][4096];
};

static int twin_view(struct twin *twin, bool memfd, struct view *view)
{
	char *mem = map_shared(twin->reader, LEN, PROT_READ);
	struct kipc_segment_stat st;
	struct stat file;
	size_t i;

	if (!mem)
		return -errno;
	memset(view, 0, sizeof(*view));
	for (i = 0; i < PAGES; i++) {
		view->signal[i] = touch_read(mem + i * PAGE);
		if (!view->signal[i])
			memcpy(view->page[i], mem + i * PAGE, PAGE);
	}
	munmap(mem, LEN);
	if (memfd) {
		if (fstat(twin->fd, &file))
			return -errno;
		view->bytes = file.st_size;
		view->resident = 512ULL * file.st_blocks;
		view->seals = fcntl(twin->fd, F_GET_SEALS);
		return 0;
	}
	if (segment_stat(twin->fd, &st))
		return -EIO;
	view->bytes = st.bytes;
	view->resident = st.resident + st.swapped;
	view->seals = st.seals;
	return 0;
}

static bool twins_alike(struct twin *twin)
{
	static struct view view[TWINS];
	int i;

	if (twin_view(&twin[SEGMENT], false, &view[SEGMENT]) ||
	    twin_view(&twin[MEMFD], true, &view[MEMFD]))
		return false;
	if (!memcmp(&view[SEGMENT], &view[MEMFD], sizeof(view[MEMFD])))
		return true;
	for (i = 0; i < TWINS; i++)
		fprintf(stderr, "# %s: %llu bytes, %llu resident, seals %#x\n",
			i == MEMFD ? "memfd" : "segment",
			(unsigned long long)view[i].bytes,
			(unsigned long long)view[i].resident, view[i].seals);
	for (i = 0; i < PAGES; i++)
		if (view[SEGMENT].signal[i] != view[MEMFD].signal[i] ||
		    memcmp(view[SEGMENT].page[i], view[MEMFD].page[i], PAGE))
			fprintf(stderr, "# page %d differs\n", i);
	return false;
}

/* One step on both. Gives the result that both had; fails if it was not one. */
static int both(struct __test_metadata *_metadata, struct twin *twin,
		enum step step, size_t a, int b)
{
	int segment = twin_step(&twin[SEGMENT], false, step, a, b);
	int memfd = twin_step(&twin[MEMFD], true, step, a, b);
	bool alike = twins_alike(twin);

	EXPECT_EQ(memfd, segment) {
		TH_LOG("%s, %#lx, %#x", step_name[step], a, b);
	}
	EXPECT_TRUE(alike) {
		TH_LOG("after: %s, %#lx, %#x", step_name[step], a, b);
	}
	differences += segment != memfd || !alike;
	return segment;
}

#define BOTH(step, a, b)	both(_metadata, self->twin, step, a, b)

TEST_F(twins, are_alike_from_the_beginning)
{
	EXPECT_TRUE(twins_alike(self->twin));
}

TEST_F(twins, shrink_and_grow_under_a_mapping)
{
	static const size_t sizes[] = {
		4 * PAGE, 1, 4 * PAGE, PAGE, 3 * PAGE + 7, 3 * PAGE + 6,
		PAGE - 1, PAGE + 1, 0, LEN, LEN - 1, LEN / 2 + 100, LEN / 2,
		2 * PAGE, 2 * PAGE, 2 * PAGE + 1, 0, 5,
	};
	size_t i, page;

	EXPECT_EQ(0, BOTH(MAP, PROT_RW, MAP_SHARED));
	for (i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		EXPECT_EQ(0, BOTH(RESIZE, sizes[i], 0));
		for (page = 0; page < PAGES; page++) {
			int gone = page * PAGE >= sizes[i] ? SIGBUS : 0;

			EXPECT_EQ(gone, BOTH(WRITE, page, 1 + i));
		}
		/* Less far than before: what was behind is zero again. */
		EXPECT_EQ(0, BOTH(RESIZE, sizes[i] / 3, 0));
		EXPECT_EQ(0, BOTH(RESIZE, sizes[i], 0));
	}
}

TEST_F(twins, what_was_cut_off_is_zero_when_it_comes_back)
{
	EXPECT_EQ(0, BOTH(RESIZE, 2 * PAGE, 0));
	EXPECT_EQ(0, BOTH(MAP, PROT_RW, MAP_SHARED));
	EXPECT_EQ(0, BOTH(WRITE, 0, 100));
	EXPECT_EQ(0, BOTH(WRITE, 1, 100));
	EXPECT_EQ(0, BOTH(RESIZE, 50, 0));
	EXPECT_EQ(SIGBUS, BOTH(READ, 1, 0));
	EXPECT_EQ(0, BOTH(RESIZE, 2 * PAGE, 0));
	EXPECT_EQ(0, self->twin[SEGMENT].mem[100]);
	EXPECT_EQ(0, self->twin[SEGMENT].mem[PAGE + 100]);
}

TEST_F(twins, cut_a_private_copy_off_too)
{
	EXPECT_EQ(0, BOTH(RESIZE, 3 * PAGE, 0));
	EXPECT_EQ(0, BOTH(MAP, PROT_RW, MAP_PRIVATE));
	EXPECT_EQ(0, BOTH(WRITE, 2, 9));
	EXPECT_EQ(0, BOTH(RESIZE, PAGE, 0));
	EXPECT_EQ(SIGBUS, BOTH(READ, 2, 0));
	EXPECT_EQ(0, BOTH(RESIZE, 3 * PAGE, 0));
	EXPECT_EQ(256, BOTH(READ, 2, 0));
}

TEST_F(twins, reserve_pages)
{
	EXPECT_EQ(0, BOTH(RESERVE, 3 * PAGE + 1, 0));
	EXPECT_EQ(4 * PAGE, segment_resident(self->twin[SEGMENT].fd));
	EXPECT_EQ(0, BOTH(MAP, PROT_RW, MAP_SHARED));
	EXPECT_EQ(0, BOTH(WRITE, 3, 0));
	EXPECT_EQ(0, BOTH(RESERVE, 6 * PAGE, 0));
	EXPECT_EQ(0, BOTH(RESERVE, 6 * PAGE, 0));
	EXPECT_EQ(0, BOTH(RESERVE, PAGE, 0));
	EXPECT_EQ(PAGE, segment_resident(self->twin[SEGMENT].fd));
	EXPECT_EQ(0, BOTH(RESERVE, 0, 0));
	EXPECT_EQ(0, BOTH(RESIZE, LEN, 0));
	EXPECT_EQ(0, BOTH(WRITE, 5, 5));
	EXPECT_EQ(0, BOTH(RESERVE, LEN, 0));
	EXPECT_EQ(LEN, segment_resident(self->twin[SEGMENT].fd));
	EXPECT_EQ(256 + 0, BOTH(READ, 5, 0));
}

TEST_F(twins, seal_against_shrinking_and_growing)
{
	EXPECT_EQ(0, BOTH(RESIZE, 3 * PAGE, 0));
	EXPECT_EQ(0, BOTH(SEAL, F_SEAL_SHRINK, 0));
	EXPECT_EQ(-EPERM, BOTH(RESIZE, 3 * PAGE - 1, 0));
	EXPECT_EQ(-EPERM, BOTH(RESERVE, PAGE, 0));
	EXPECT_EQ(0, BOTH(RESIZE, 3 * PAGE, 0));
	EXPECT_EQ(0, BOTH(RESIZE, 4 * PAGE, 0));
	EXPECT_EQ(0, BOTH(SEAL, F_SEAL_GROW, 0));
	EXPECT_EQ(-EPERM, BOTH(RESIZE, 4 * PAGE + 1, 0));
	EXPECT_EQ(-EPERM, BOTH(RESIZE, 0, 0));
	EXPECT_EQ(0, BOTH(RESERVE, 4 * PAGE, 0));
	/* What was there already does not matter. */
	EXPECT_EQ(0, BOTH(SEAL, F_SEAL_GROW | F_SEAL_SEAL, 0));
	EXPECT_EQ(-EPERM, BOTH(SEAL, F_SEAL_GROW, 0));
	EXPECT_EQ(-EPERM, BOTH(SEAL, F_SEAL_WRITE, 0));
	EXPECT_EQ(4 * PAGE, segment_charge(self->twin[SEGMENT].fd));
}

TEST_F(twins, seal_against_writing_only_when_nobody_can)
{
	EXPECT_EQ(0, BOTH(RESIZE, 3 * PAGE, 0));
	EXPECT_EQ(0, BOTH(MAP, PROT_RW, MAP_SHARED));
	EXPECT_EQ(0, BOTH(WRITE, 1, 17));
	EXPECT_EQ(-EBUSY, BOTH(SEAL, F_SEAL_WRITE, 0));
	EXPECT_EQ(-EBUSY, BOTH(SEAL, F_SEAL_WRITE | F_SEAL_SEAL, 0));
	/* It could be made writable again. */
	EXPECT_EQ(0, BOTH(PROTECT, PROT_READ, 0));
	EXPECT_EQ(-EBUSY, BOTH(SEAL, F_SEAL_WRITE, 0));
	EXPECT_EQ(0, BOTH(PROTECT, PROT_RW, 0));
	EXPECT_EQ(0, BOTH(WRITE, 2, 18));
	EXPECT_EQ(0, BOTH(MAP, PROT_RW, MAP_PRIVATE));
	EXPECT_EQ(0, BOTH(SEAL, F_SEAL_WRITE, 0));
	EXPECT_EQ(0, BOTH(SEAL, F_SEAL_WRITE, 0));
	EXPECT_EQ(0, BOTH(WRITE, 1, 33));
	EXPECT_EQ(0, BOTH(UNMAP, 0, 0));
	EXPECT_EQ(-EPERM, BOTH(TRY_MAP, PROT_RW, MAP_SHARED));
	EXPECT_EQ(0, BOTH(RESIZE, PAGE, 0));
	EXPECT_EQ(0, BOTH(RESIZE, 4 * PAGE, 0));
	EXPECT_EQ(0, BOTH(RESERVE, 5 * PAGE, 0));
}

TEST_F(twins, seal_against_new_writable_mappings)
{
	EXPECT_EQ(0, BOTH(RESIZE, 3 * PAGE, 0));
	EXPECT_EQ(0, BOTH(MAP, PROT_RW, MAP_SHARED));
	EXPECT_EQ(0, BOTH(SEAL, F_SEAL_FUTURE_WRITE, 0));
	EXPECT_EQ(0, BOTH(WRITE, 1, 17));
	EXPECT_EQ(-EPERM, BOTH(TRY_MAP, PROT_RW, MAP_SHARED));
	/* What is there may still be changed and moved, but not punched. */
	EXPECT_EQ(-EPERM, BOTH(ADVISE, 0, MADV_REMOVE));
	EXPECT_EQ(0, BOTH(PROTECT, PROT_READ, 0));
	EXPECT_EQ(0, BOTH(PROTECT, PROT_RW, 0));
	EXPECT_EQ(0, BOTH(MOVE, 0, 0));
	EXPECT_EQ(0, BOTH(WRITE, 2, 18));
	EXPECT_EQ(-EBUSY, BOTH(SEAL, F_SEAL_WRITE, 0));
	EXPECT_EQ(0, BOTH(MAP, PROT_READ, MAP_SHARED));
	EXPECT_EQ(-EACCES, BOTH(PROTECT, PROT_RW, 0));
	EXPECT_EQ(SIGSEGV, BOTH(WRITE, 0, 1));
	EXPECT_EQ(0, BOTH(SEAL, F_SEAL_WRITE, 0));
}

TEST_F(twins, do_not_take_seals_unless_made_for_it)
{
	twins_close(self->twin);
	twins_open(_metadata, self->twin, 0);
	EXPECT_EQ(-EPERM, BOTH(SEAL, F_SEAL_WRITE, 0));
	EXPECT_EQ(-EPERM, BOTH(SEAL, F_SEAL_SEAL, 0));
	EXPECT_EQ(-EINVAL, BOTH(SEAL, 1U << 31, 0));
	EXPECT_EQ(0, BOTH(RESIZE, PAGE, 0));
}

TEST_F(twins, map_in_every_way_under_every_seal)
{
	static const int seals[] = {
		0, F_SEAL_SHRINK, F_SEAL_GROW, F_SEAL_FUTURE_WRITE,
		F_SEAL_WRITE, F_SEAL_WRITE | F_SEAL_FUTURE_WRITE, F_SEAL_SEAL,
	};
	static const int flags[] = {
		MAP_SHARED, MAP_PRIVATE, MAP_SHARED_VALIDATE,
		MAP_SHARED | MAP_POPULATE, MAP_PRIVATE | MAP_POPULATE,
		MAP_SHARED | MAP_NORESERVE, MAP_PRIVATE | MAP_NORESERVE,
		MAP_SHARED | MAP_LOCKED, MAP_SHARED_VALIDATE | MAP_SYNC,
		MAP_SHARED | MAP_GROWSDOWN, MAP_SHARED | MAP_HUGETLB, 0,
	};
	size_t seal, flag;
	int prot;

	for (seal = 0; seal < sizeof(seals) / sizeof(*seals); seal++) {
		twins_close(self->twin);
		twins_open(_metadata, self->twin, KIPC_SEGMENT_SEALABLE);
		EXPECT_EQ(0, BOTH(RESIZE, 2 * PAGE, 0));
		if (seals[seal])
			EXPECT_EQ(0, BOTH(SEAL, seals[seal], 0));
		for (flag = 0; flag < sizeof(flags) / sizeof(*flags); flag++) {
			for (prot = 0; prot <= PROT_RW; prot++) {
				BOTH(TRY_MAP, prot, flags[flag]);
				BOTH(TRY_MAP_READER, prot, flags[flag]);
			}
		}
	}
}

TEST_F(twins, take_the_same_advice)
{
	static const int advice[] = {
		MADV_NORMAL, MADV_RANDOM, MADV_SEQUENTIAL, MADV_WILLNEED,
		MADV_DONTNEED, MADV_REMOVE, MADV_DONTFORK, MADV_DOFORK,
		MADV_HUGEPAGE, MADV_NOHUGEPAGE, MADV_DONTDUMP, MADV_DODUMP,
		MADV_MERGEABLE, MADV_UNMERGEABLE, MADV_FREE, MADV_COLD,
		MADV_PAGEOUT, MADV_WIPEONFORK, MADV_POPULATE_READ,
		MADV_POPULATE_WRITE,
	};
	size_t i, page;

	EXPECT_EQ(0, BOTH(RESIZE, 4 * PAGE, 0));
	for (i = 0; i < 2 * sizeof(advice) / sizeof(*advice); i++) {
		EXPECT_EQ(0, BOTH(MAP, i % 2 ? PROT_READ : PROT_RW,
				  MAP_SHARED));
		for (page = 0; page < 4; page++)
			BOTH(WRITE, page, 1 + i);
		BOTH(ADVISE, 1, advice[i / 2]);
		BOTH(ADVISE, 3, advice[i / 2]);
		BOTH(READ, 1, 0);
	}
}

TEST_F(twins, punch_holes_until_sealed)
{
	EXPECT_EQ(0, BOTH(RESIZE, 6 * PAGE, 0));
	EXPECT_EQ(0, BOTH(MAP, PROT_RW, MAP_SHARED));
	EXPECT_EQ(0, BOTH(WRITE, 2, 5));
	EXPECT_EQ(0, BOTH(WRITE, 3, 5));
	EXPECT_EQ(0, BOTH(ADVISE, 2, MADV_REMOVE));
	EXPECT_EQ(256, BOTH(READ, 2, 0));
	EXPECT_EQ(0, self->twin[SEGMENT].mem[3 * PAGE + 5]);
}

TEST_F(twins, sync_and_move)
{
	EXPECT_EQ(0, BOTH(RESIZE, 2 * PAGE, 0));
	EXPECT_EQ(0, BOTH(MAP, PROT_RW, MAP_SHARED));
	EXPECT_EQ(0, BOTH(WRITE, 1, 5));
	EXPECT_EQ(0, BOTH(SYNC, MS_SYNC, 0));
	EXPECT_EQ(0, BOTH(SYNC, MS_ASYNC, 0));
	EXPECT_EQ(0, BOTH(SYNC, MS_SYNC | MS_INVALIDATE, 0));
	EXPECT_EQ(0, BOTH(MOVE, 0, 0));
	EXPECT_EQ(0, BOTH(WRITE, 0, 6));
}

/* A random step; most of them harmless, or there would be little to do soon. */
static void random_step(uint64_t *rand, enum step *step, size_t *a, int *b)
{
	static const int maps[] = { MAP_SHARED, MAP_SHARED, MAP_PRIVATE };
	static const int advice[] = {
		MADV_REMOVE, MADV_DONTNEED, MADV_HUGEPAGE, MADV_WILLNEED,
	};

	*step = kipc_rand(rand) % STEPS;
	*b = 0;
	switch (*step) {
	case RESIZE:
	case RESERVE:
		*a = kipc_rand(rand) % (LEN + 1);
		if (kipc_rand(rand) % 2)
			*a &= -PAGE;
		break;
	case SEAL:
		/* Rather none than one. */
		if (kipc_rand(rand) % 3)
			*step = READ;
		*a = 1 << kipc_rand(rand) % 5;
		if (*a == F_SEAL_SEAL && kipc_rand(rand) % 4)
			*a = F_SEAL_FUTURE_WRITE;
		if (*step == READ)
			*a = kipc_rand(rand) % PAGES;
		break;
	case MAP:
	case TRY_MAP:
	case TRY_MAP_READER:
		*a = kipc_rand(rand) % (PROT_RW + 1);
		*b = maps[kipc_rand(rand) % 3];
		break;
	case PROTECT:
		*a = kipc_rand(rand) % (PROT_RW + 1);
		break;
	case WRITE:
	case READ:
		*a = kipc_rand(rand) % PAGES;
		*b = kipc_rand(rand) % 127;
		break;
	case ADVISE:
		*a = kipc_rand(rand) % (PAGES - 1);
		*b = advice[kipc_rand(rand) % 4];
		break;
	default:
		*a = MS_SYNC;
	}
}

TEST_F_TIMEOUT(twins, do_the_same_in_any_sequence, 400)
{
	unsigned long rounds = scaled(120), i;
	uint64_t rand = kipc_seed();
	enum step step;
	size_t a;
	int j, b;

	for (i = 0; i < rounds && !differences; i++) {
		twins_close(self->twin);
		twins_open(_metadata, self->twin, KIPC_SEGMENT_SEALABLE);
		for (j = 0; j < 60 && !differences; j++) {
			random_step(&rand, &step, &a, &b);
			BOTH(step, a, b);
		}
	}
}

TEST_HARNESS_MAIN
