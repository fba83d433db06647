// SPDX-License-Identifier: GPL-2.0
/*
 * Many objects of all kinds, and many who create, open and remove the same ones
 * at a time.
 */
#include "kselftest_harness.h"

#include "core_kinds.h"

#define OBJECTS		10000
#define CHURNERS	4	/* not more than there are kinds */

/* Raised so that they are not what is tested; put back afterwards. */
FIXTURE(many) {
	long long max_objects;
	long long max_bytes;
	uint64_t objects;
};

FIXTURE_SETUP(many)
{
	struct kipc_info info;

	ASSERT_EQ(0, kipc_info(&info));
	self->objects = info.objects;
	self->max_objects = sysctl_get("max_objects");
	self->max_bytes = sysctl_get("max_bytes");
	ASSERT_EQ(0, sysctl_set("max_objects", 4 * OBJECTS));
	ASSERT_EQ(0, sysctl_set("max_bytes", 1LL << 30));
}

FIXTURE_TEARDOWN(many)
{
	struct kipc_info info;

	EXPECT_EQ(0, sysctl_set("max_objects", self->max_objects));
	EXPECT_EQ(0, sysctl_set("max_bytes", self->max_bytes));
	EXPECT_EQ(0, kipc_info(&info));
	EXPECT_EQ(self->objects, info.objects);
}

static const char *name_of(unsigned int i)
{
	static char name[32];

	snprintf(name, sizeof(name), "many-%u", i);
	return name;
}

/* One of each kind in turn. */
static int make_many(unsigned int i)
{
	return create_persistent(&kinds[i % KINDS], name_of(i), 0600);
}

/*
 * How many look-ups of a name that is there and of one that is not fit into a
 * window of time, at best: some machines have a clock that is too coarse for
 * one of them.
 */
static unsigned long look_up_rate(unsigned int count)
{
	unsigned long best = 0, done;
	struct kipc_stat stat;
	uint64_t end;
	int window;

	for (window = 0; window < 3; window++) {
		end = now_ns() + 50 * NSEC_PER_MSEC;
		for (done = 0; now_ns() < end; done++)
			if (kipc_stat_name(name_of(done * 7919 % count),
					   &stat) ||
			    kipc_stat_name("not there", &stat) != -ENOENT)
				return 0;
		if (done > best)
			best = done;
	}
	return best;
}

struct seen {
	unsigned int count;
	unsigned char *times;	/* for each of @count */
	uint64_t last_id;
	bool disordered;
	unsigned int others;
};

static void note_seen(const struct kipc_entry *entry, void *arg)
{
	struct seen *seen = arg;
	unsigned int i;

	seen->disordered |= entry->id <= seen->last_id;
	seen->last_id = entry->id;
	if (sscanf((const char *)entry->name, "many-%u", &i) == 1 &&
	    i < seen->count)
		seen->times[i]++;
	else
		seen->others++;
}

/* Makes and removes other objects, before, behind and beside the cursor. */
static void churn_beside(void *arg)
{
	struct made made;
	char name[32];
	unsigned int i;

	(void)arg;
	for (i = 0;; i++) {
		snprintf(name, sizeof(name), "beside-%u", i % 64);
		CHECK_EQ(0, create_kind(&kinds[i % KINDS], &made, name,
					RIGHT_BOTH, 0, 0600));
		close_made(&made);
	}
}

static void check_listing(struct __test_metadata *_metadata,
			  unsigned int count)
{
	struct seen seen = { .count = count, .times = calloc(count, 1) };
	unsigned int i, round, wrong = 0;
	pid_t pid;

	ASSERT_NE(NULL, seen.times);
	pid = child_start(churn_beside, NULL);
	for (round = 1; round <= 3; round++) {
		seen.last_id = 0;
		EXPECT_LE(count, list_each(note_seen, &seen));
	}
	EXPECT_EQ(128 + SIGKILL, child_kill(pid));
	EXPECT_FALSE(seen.disordered);
	for (i = 0; i < count; i++)
		wrong += seen.times[i] != 3;
	EXPECT_EQ(0, wrong)
		TH_LOG("objects that three listings did not show thrice");
	free(seen.times);
}

TEST_F_TIMEOUT(many, named_objects, 600)
{
	unsigned int count = scaled(OBJECTS), i;
	unsigned long few, all;
	uint64_t start = now_ns();
	struct kipc_stat stat;
	struct kipc_info info;

	for (i = 0; i < count / 100; i++)
		ASSERT_EQ(0, make_many(i));
	few = look_up_rate(count / 100);
	for (; i < count; i++)
		ASSERT_EQ(0, make_many(i));
	all = look_up_rate(count);
	TH_LOG("%u made in %llu ms; look-ups: %lu, among %u: %lu", count,
	       (now_ns() - start) / 1000000ULL, all, count / 100, few);
	ASSERT_EQ(0, kipc_info(&info));
	EXPECT_EQ(self->objects + count, info.objects);
	for (i = 0; i < count; i++)
		ASSERT_EQ(0, kipc_stat_name(name_of(i), &stat));
	check_listing(_metadata, count);
	/* Every other one, so that removing is not making, backwards. */
	for (i = 0; i < count; i += 2)
		ASSERT_EQ(0, kipc_unlink(name_of(i)));
	for (i = 0; i < count; i++)
		ASSERT_EQ(i % 2 ? 0 : -ENOENT,
			  kipc_stat_name(name_of(i), &stat));
	for (i = 1; i < count; i += 2)
		ASSERT_EQ(0, kipc_destroy_name(name_of(i)));
	/* 100 times the objects: a search through all would show. */
	EXPECT_NE(0, all);
	EXPECT_LT(few, 10 * all);
	/* Generous: a kernel full of checks in an emulated machine. */
	EXPECT_LT(now_ns() - start, count * 50 * NSEC_PER_MSEC);
}

/* The cursor after a page stays good, whatever the size of the pages. */
TEST_F(many, pages)
{
	static const unsigned int sizes[] = { 1, 2, 3, 7, 50, 200 };
	struct kipc_entry *page = calloc(200, sizeof(*page));
	unsigned int i, j, total;
	int dev = kipc_device(), got;
	uint64_t cursor, last;

	ASSERT_NE(NULL, page);
	for (i = 0; i < 50; i++)
		ASSERT_EQ(0, make_many(i));
	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		cursor = 0;
		total = 0;
		last = 0;
		while ((got = list_page(dev, &cursor, page, sizes[i])) > 0) {
			EXPECT_LE(got, sizes[i]);
			for (j = 0; j < (unsigned int)got; j++) {
				EXPECT_LT(last, page[j].id);
				last = page[j].id;
				total += !strncmp((char *)page[j].name,
						  "many-", 5);
			}
		}
		EXPECT_EQ(0, got);
		EXPECT_EQ(50, total);
		/* Behind the end there is still nothing. */
		EXPECT_EQ(0, list_page(dev, &cursor, page, sizes[i]));
	}
	cursor = UINT64_MAX;
	EXPECT_EQ(0, list_page(dev, &cursor, page, 200));
	for (i = 0; i < 50; i++)
		EXPECT_EQ(0, kipc_unlink(name_of(i)));
	close(dev);
	free(page);
}

struct churn {
	unsigned int rounds;
	unsigned int seed;
	unsigned int *done;	/* operations that worked, shared */
};

static void expect_one_of(long got, const int *allowed, const char *what)
{
	for (; *allowed; allowed++)
		if (got == *allowed)
			return;
	if (got >= 0)
		return;
	fprintf(stderr, "# in a storm: %s gave %ld\n", what, got);
	_exit(1);
}

static void churn_create(uint64_t *seed, const char *name)
{
	static const int make[] = { -EEXIST, -EBUSY, -EPROTOTYPE, 0 };
	static const int use[] = { -EAGAIN, -EPIPE, -EIDRM, 0 };
	static const uint32_t flags[] = { 0, KIPC_EXCL, KIPC_PERSIST };
	const struct kind *kind = &kinds[kipc_rand(seed) % KINDS];
	struct made made;
	int ret = create_kind(kind, &made, name, RIGHT_BOTH,
			      flags[kipc_rand(seed) % 3], 0600);

	expect_one_of(ret, make, "create");
	if (ret)
		return;
	expect_one_of(kind->put(made.writer, 1), use, "put");
	expect_one_of(kind->get(made.reader), use, "get");
	close_made(&made);
}

/* Something with a name that others use in the same moment. */
static void churn_once(uint64_t *seed, const char *name)
{
	static const int open[] = { -ENOENT, -EBUSY, -EPROTOTYPE, 0 };
	static const int gone[] = { -ENOENT, 0 };
	const struct kind *kind = &kinds[kipc_rand(seed) % KINDS];

	switch (kipc_rand(seed) % 7) {
	case 0:
	case 1:
		churn_create(seed, name);
		break;
	case 2:
		expect_one_of(try_open_kind(KIPC_KIND_ANY, name,
					    KIPC_RIGHT_READ), open, "open");
		break;
	case 3:
	case 4:
		expect_one_of(try_open_kind(kind->type, name, kind->two_ends ?
					    KIPC_RIGHT_WRITE : RIGHT_BOTH),
			      open, "open of a kind");
		break;
	case 5:
		expect_one_of(kipc_unlink(name), gone, "unlink");
		break;
	case 6:
		expect_one_of(kipc_destroy_name(name), gone, "destroy");
		break;
	}
}

static void churn(void *arg)
{
	static const char * const names[] = { "storm-a", "storm-b", "storm-c" };
	struct churn *job = arg;
	uint64_t seed = job->seed;
	unsigned int i;

	for (i = 0; i < job->rounds; i++) {
		churn_once(&seed, names[kipc_rand(&seed) % 3]);
		__atomic_add_fetch(job->done, 1, __ATOMIC_RELAXED);
	}
}

/*
 * Half of the processes run to their end, the others are killed somewhere on
 * the way: what they held has to go with them.
 */
TEST_F_TIMEOUT(many, storm, 300)
{
	unsigned int rounds = scaled(10000), i, *done;
	struct churn job[CHURNERS];
	uint64_t seed = kipc_seed();
	pid_t pid[CHURNERS];

	done = kipc_shared(sizeof(*done));
	ASSERT_NE(NULL, done);
	for (i = 0; i < CHURNERS; i++) {
		job[i] = (struct churn){ rounds, kipc_rand(&seed) | 1, done };
		pid[i] = child_start(churn, &job[i]);
		ASSERT_LT(0, pid[i]);
	}
	EXPECT_TRUE(wait_for(__atomic_load_n(done, __ATOMIC_RELAXED) > rounds));
	for (i = 0; i < CHURNERS / 2; i++)
		child_kill(pid[i]);
	for (; i < CHURNERS; i++)
		EXPECT_EQ(0, child_end(pid[i]));
	/* What has PERSIST has stayed, and only that. */
	kipc_unlink("storm-a");
	kipc_unlink("storm-b");
	kipc_unlink("storm-c");
	EXPECT_EQ(0, times_listed("storm-a"));
	EXPECT_EQ(0, times_listed("storm-b"));
	EXPECT_EQ(0, times_listed("storm-c"));
}

/* One object comes out of it when all create the same name at a time. */
struct rush {
	unsigned int kind;	/* of the first racer */
	bool mixed;		/* each has a kind of his own */
	int go;
	unsigned int next;	/* racer */
	int created;
	int opened;
	int refused;
	int over;
	int fd[2];		/* nobody ends before the other end is closed */
};

static void rush(void *arg)
{
	struct rush *rush = arg;
	unsigned int me = __atomic_fetch_add(&rush->next, 1, __ATOMIC_SEQ_CST);
	const struct kind *kind;
	struct made made;
	int ret, *count;
	char byte;

	kind = &kinds[(rush->kind + (rush->mixed ? me : 0)) % KINDS];
	CHILD_CHECK(wait_for(__atomic_load_n(&rush->go, __ATOMIC_ACQUIRE)));
	ret = create_kind(kind, &made, "rush", kind->two_ends ?
			  KIPC_RIGHT_WRITE : KIPC_RIGHT_READ, 0, 0600);
	CHECK_EQ(ret && rush->mixed ? -EPROTOTYPE : 0, ret);
	if (ret)
		count = &rush->refused;
	else
		count = made.result == KIPC_RESULT_CREATED ? &rush->created :
							     &rush->opened;
	__atomic_add_fetch(count, 1, __ATOMIC_SEQ_CST);
	__atomic_add_fetch(&rush->over, 1, __ATOMIC_SEQ_CST);
	close(rush->fd[1]);
	CHECK_EQ(0, read(rush->fd[0], &byte, 1));
}

static void rush_once(struct __test_metadata *_metadata, struct rush *shared)
{
	pid_t pid[CHURNERS];
	int i;

	ASSERT_EQ(0, pipe2(shared->fd, O_CLOEXEC));
	for (i = 0; i < CHURNERS; i++)
		pid[i] = child_start(rush, shared);
	__atomic_store_n(&shared->go, 1, __ATOMIC_RELEASE);
	EXPECT_TRUE(wait_for(__atomic_load_n(&shared->over,
					     __ATOMIC_ACQUIRE) == CHURNERS));
	close(shared->fd[0]);
	close(shared->fd[1]);
	for (i = 0; i < CHURNERS; i++)
		ASSERT_EQ(0, child_end(pid[i]));
	ASSERT_EQ(1, shared->created);
	ASSERT_EQ(shared->mixed ? 0 : CHURNERS - 1, shared->opened);
	ASSERT_EQ(shared->mixed ? CHURNERS - 1 : 0, shared->refused);
}

TEST_F_TIMEOUT(many, all_create_one_name, 300)
{
	unsigned int round, rounds = scaled(300);
	struct rush *shared = kipc_shared(sizeof(*shared));

	ASSERT_NE(NULL, shared);
	for (round = 0; round < rounds; round++) {
		*shared = (struct rush){ .kind = round % KINDS };
		rush_once(_metadata, shared);
	}
}

TEST_F_TIMEOUT(many, all_kinds_create_one_name, 300)
{
	unsigned int round, rounds = scaled(300);
	struct rush *shared = kipc_shared(sizeof(*shared));

	ASSERT_NE(NULL, shared);
	for (round = 0; round < rounds; round++) {
		*shared = (struct rush){ .kind = round % KINDS, .mixed = true };
		rush_once(_metadata, shared);
	}
}

TEST_HARNESS_MAIN
