// SPDX-License-Identifier: GPL-2.0
/*
 * An array between processes: no update is lost, no vector is seen half done,
 * no record is torn.
 */
#include "kselftest_harness.h"
#include "array_util.h"

#define WORKERS		8
#define TEN		10
#define UPDATES		20000	/* of each worker, with FULL=1 */

/*
 * Waits for all workers; true if each did what it should.  They may be at work
 * for long where everything is emulated: the limit is the one of the test.
 */
static bool join_workers(const pid_t *pid, int count)
{
	int i, status;
	bool ok = true;

	for (i = 0; i < count; i++)
		ok &= waitpid(pid[i], &status, 0) == pid[i] && !status;
	return ok;
}

/* Processes that share an array by its name alone. */
TEST(an_array_of_ten_that_several_processes_share)
{
	struct kipc_array_create arg;
	unsigned long i, updates = scaled(UPDATES / TEN) * TEN;
	uint64_t slots[TEN], versions[TEN], changes;
	pid_t pid[WORKERS];
	int w, fd;

	ASSERT_EQ(0, array_create(&arg, "ten", BOTH, KIPC_EXCL, TEN, 8));
	for (w = 0; w < WORKERS; w++) {
		pid[w] = kipc_fork();
		ASSERT_LE(0, pid[w]);
		if (pid[w])
			continue;
		close(arg.fd);
		fd = array_open("ten", BOTH, 0);
		CHILD_CHECK(fd >= 0);
		for (i = 0; i < updates; i++)
			CHILD_CHECK(!array_add(fd, (i + w) % TEN, w + 1));
		_exit(0);
	}
	EXPECT_TRUE(join_workers(pid, WORKERS));
	ASSERT_EQ(0, array_read(arg.fd, 0, TEN, slots, versions, &changes));
	EXPECT_EQ(WORKERS * updates, changes);
	for (i = 0; i < TEN; i++) {
		EXPECT_EQ(updates / TEN * WORKERS * (WORKERS + 1) / 2,
			  slots[i]);
		EXPECT_EQ(updates / TEN * WORKERS, versions[i]);
	}
	/* The eleventh is not there. */
	EXPECT_EQ(-ERANGE, array_add(arg.fd, TEN, 1));
	close(arg.fd);
}

TEST(no_add_is_lost_between_8_processes)
{
	unsigned long i, updates = scaled(UPDATES);
	int fd = array_make(TEN, 4), w;
	pid_t pid[WORKERS];

	ASSERT_LE(0, fd);
	for (w = 0; w < WORKERS; w++) {
		pid[w] = kipc_fork();
		ASSERT_LE(0, pid[w]);
		if (pid[w])
			continue;
		for (i = 0; i < updates; i++)
			CHILD_CHECK(!array_add(fd, 3, 1));
		_exit(0);
	}
	EXPECT_TRUE(join_workers(pid, WORKERS));
	EXPECT_EQ(WORKERS * updates, array_load(fd, 3));
	EXPECT_EQ(WORKERS * updates, array_version(fd, 3));
	close(fd);
}

/* Adds 1 by compare-and-swap; gives the attempts, or -errno. */
static long cas_increment(int fd, uint32_t index)
{
	struct kipc_array_entry e = {
		.op = KIPC_ARRAY_CAS, .index = index, .value = 1,
	};
	long attempts = 1;
	int ret;

	for (; !(ret = array_op(fd, &e)) && e.result != e.expected;
	     attempts++) {
		e.expected = e.result;
		e.value = e.result + 1;
	}
	return ret ? ret : attempts;
}

TEST(no_compare_and_swap_is_lost_between_8_processes)
{
	unsigned long i, updates = scaled(UPDATES / 2);
	int fd = array_make(TEN, 8), w;
	pid_t pid[WORKERS];

	ASSERT_LE(0, fd);
	for (w = 0; w < WORKERS; w++) {
		pid[w] = kipc_fork();
		ASSERT_LE(0, pid[w]);
		if (pid[w])
			continue;
		for (i = 0; i < updates; i++)
			CHILD_CHECK(cas_increment(fd, 0) > 0);
		_exit(0);
	}
	EXPECT_TRUE(join_workers(pid, WORKERS));
	EXPECT_EQ(WORKERS * updates, array_load(fd, 0));
	/* An attempt that failed is no write. */
	EXPECT_EQ(WORKERS * updates, array_version(fd, 0));
	close(fd);
}

#define ACCOUNTS	16
#define RICHES		1000	/* in each */

/* Moves amounts between accounts until told to stop. */
static void move_money(int fd, int *stop, uint64_t rnd)
{
	struct kipc_array_entry e[2];
	uint32_t amount;

	while (!__atomic_load_n(stop, __ATOMIC_ACQUIRE)) {
		amount = kipc_rand(&rnd) % 500;
		e[0] = (struct kipc_array_entry){
			.op = KIPC_ARRAY_ADD,
			.index = kipc_rand(&rnd) % ACCOUNTS,
			.value = -(uint64_t)amount,
		};
		e[1] = (struct kipc_array_entry){
			.op = KIPC_ARRAY_ADD,
			.index = kipc_rand(&rnd) % ACCOUNTS,
			.value = amount,
		};
		CHILD_CHECK(!array_ops(fd, e, 2, NULL));
	}
}

/* Writes and then finds a mismatch: nobody may see what was undone. */
static void move_and_undo(int fd, int *stop, uint64_t rnd)
{
	struct kipc_array_entry e[3];
	uint32_t mismatch;

	while (!__atomic_load_n(stop, __ATOMIC_ACQUIRE)) {
		memset(e, 0, sizeof(e));
		e[0].op = KIPC_ARRAY_ADD;
		e[0].index = kipc_rand(&rnd) % ACCOUNTS;
		e[0].value = 7;
		e[1].op = KIPC_ARRAY_STORE;
		e[1].index = kipc_rand(&rnd) % ACCOUNTS;
		e[1].value = 1000000;
		/* One more slot, which holds 0 and never changes. */
		e[2].op = KIPC_ARRAY_CAS;
		e[2].index = ACCOUNTS;
		e[2].expected = 1;
		CHILD_CHECK(!array_ops(fd, e, 3, &mismatch) && mismatch == 2);
	}
}

static int64_t sum_by_read(int fd)
{
	int64_t value[ACCOUNTS], sum = 0;
	int i;

	if (array_read(fd, 0, ACCOUNTS, value, NULL, NULL))
		return -1;
	for (i = 0; i < ACCOUNTS; i++)
		sum += value[i];
	return sum;
}

static int64_t sum_by_loads(int fd)
{
	struct kipc_array_entry e[ACCOUNTS] = {};
	int64_t sum = 0;
	int i;

	for (i = 0; i < ACCOUNTS; i++) {
		e[i].op = KIPC_ARRAY_LOAD;
		e[i].index = i;
	}
	if (array_ops(fd, e, ACCOUNTS, NULL))
		return -1;
	for (i = 0; i < ACCOUNTS; i++)
		sum += e[i].result;
	return sum;
}

TEST(a_vector_is_never_seen_half_done)
{
	unsigned long n, looks = scaled(50000);
	int fd = array_make(ACCOUNTS + 1, 8), i;
	int *stop = kipc_shared(sizeof(*stop));
	uint64_t rnd = kipc_seed(), changes;
	pid_t pid[4];

	ASSERT_LE(0, fd);
	ASSERT_NE(NULL, stop);
	for (i = 0; i < ACCOUNTS; i++)
		ASSERT_EQ(0, array_store(fd, i, RICHES));
	changes = array_changes(fd);
	for (i = 0; i < 4; i++) {
		pid[i] = kipc_fork();
		ASSERT_LE(0, pid[i]);
		if (pid[i])
			continue;
		if (i < 2)
			move_money(fd, stop, rnd + 2 * i);
		else
			move_and_undo(fd, stop, rnd + 2 * i);
		_exit(0);
	}
	for (n = 0; n < looks; n++) {
		ASSERT_EQ(ACCOUNTS * RICHES, sum_by_read(fd));
		ASSERT_EQ(ACCOUNTS * RICHES, sum_by_loads(fd));
	}
	/* They did something meanwhile. */
	EXPECT_TRUE(wait_for(array_changes(fd) > changes));
	__atomic_store_n(stop, 1, __ATOMIC_RELEASE);
	EXPECT_TRUE(join_workers(pid, 4));
	EXPECT_EQ(ACCOUNTS * RICHES, sum_by_read(fd));
	EXPECT_EQ(0, array_changes(fd) % 2);
	munmap(stop, sizeof(*stop));
	close(fd);
}

/* A record of 4 KiB that follows from its first word. */
struct page_record {
	uint64_t seed;
	uint64_t body[510];
	uint64_t sum;
};

static void record_fill(struct page_record *rec, uint64_t seed)
{
	uint64_t rnd = seed * 2 + 1;
	int i;

	rec->seed = seed;
	rec->sum = seed;
	for (i = 0; i < 510; i++) {
		rec->body[i] = rnd += 0x9e3779b97f4a7c15ULL;
		rec->sum += rec->body[i];
	}
}

static bool record_ok(const struct page_record *rec)
{
	uint64_t sum = rec->seed;
	int i;

	for (i = 0; i < 510; i++)
		sum += rec->body[i];
	return sum == rec->sum;
}

static void write_records(int fd, int *stop, uint64_t seed)
{
	struct page_record rec[2];
	struct kipc_array_entry e[2] = {
		{ .op = KIPC_ARRAY_STORE, .value = to_u64(&rec[0]) },
		{ .op = KIPC_ARRAY_STORE, .index = 1,
		  .value = to_u64(&rec[1]) },
	};

	for (; !__atomic_load_n(stop, __ATOMIC_ACQUIRE); seed += 2) {
		record_fill(&rec[0], seed);
		record_fill(&rec[1], seed);
		CHILD_CHECK(!array_ops(fd, e, 2, NULL));
		/* And a single one, with the same in both halves of time. */
		CHILD_CHECK(!array_store(fd, 2, to_u64(&rec[0])));
	}
}

static void read_records(int fd, unsigned long rounds)
{
	struct page_record rec[3];
	struct kipc_array_entry e[2] = {
		{ .op = KIPC_ARRAY_LOAD, .value = to_u64(&rec[0]) },
		{ .op = KIPC_ARRAY_LOAD, .index = 1,
		  .value = to_u64(&rec[1]) },
	};
	unsigned long i;

	for (i = 0; i < rounds; i++) {
		CHILD_CHECK(!array_read(fd, 0, 3, rec, NULL, NULL));
		CHILD_CHECK(record_ok(&rec[0]) && record_ok(&rec[2]));
		CHILD_CHECK(!memcmp(&rec[0], &rec[1], sizeof(rec[0])));
		CHILD_CHECK(!array_ops(fd, e, 2, NULL));
		CHILD_CHECK(record_ok(&rec[0]));
		CHILD_CHECK(!memcmp(&rec[0], &rec[1], sizeof(rec[0])));
		CHILD_CHECK(!array_do(fd, KIPC_ARRAY_LOAD, 2, to_u64(rec)));
		CHILD_CHECK(record_ok(&rec[0]));
	}
}

TEST(a_record_of_4_kib_is_never_torn)
{
	int fd = array_make(3, sizeof(struct page_record)), i;
	unsigned long rounds = scaled(10000);
	int *stop = kipc_shared(sizeof(*stop));
	uint64_t seed = kipc_seed(), changes;
	pid_t writer[3], reader[3];

	ASSERT_EQ(PAGE, sizeof(struct page_record));
	ASSERT_LE(0, fd);
	ASSERT_NE(NULL, stop);
	for (i = 0; i < 3; i++) {
		writer[i] = kipc_fork();
		ASSERT_LE(0, writer[i]);
		if (!writer[i]) {
			write_records(fd, stop, seed * (i + 1));
			_exit(0);
		}
	}
	ASSERT_TRUE(wait_for(array_version(fd, 2)));
	changes = array_changes(fd);
	for (i = 0; i < 3; i++) {
		reader[i] = kipc_fork();
		ASSERT_LE(0, reader[i]);
		if (!reader[i]) {
			read_records(fd, rounds);
			_exit(0);
		}
	}
	EXPECT_TRUE(join_workers(reader, 3));
	EXPECT_LT(changes, array_changes(fd));
	__atomic_store_n(stop, 1, __ATOMIC_RELEASE);
	EXPECT_TRUE(join_workers(writer, 3));
	munmap(stop, sizeof(*stop));
	close(fd);
}

TEST_HARNESS_MAIN
