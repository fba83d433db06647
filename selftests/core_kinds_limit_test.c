// SPDX-License-Identifier: GPL-2.0
/*
 * What users are charged for objects of each kind, and the ceilings, which are
 * for all kinds together. A call that is refused charges nothing.
 */
#include "kselftest_harness.h"

#include <sys/resource.h>

#include "core_kinds.h"

#define MIB	(1024 * 1024ULL)
#define RACERS	KINDS

FIXTURE(limit) {
	const struct kind *kind;
	struct kipc_info before;
	long long max_objects;
	long long max_bytes;
};

FIXTURE_VARIANT(limit) {
	int index;
};

FIXTURE_VARIANT_ADD(limit, segment) { .index = SEGMENT_KIND };
FIXTURE_VARIANT_ADD(limit, array) { .index = ARRAY_KIND };
FIXTURE_VARIANT_ADD(limit, semaphore) { .index = SEMAPHORE_KIND };
FIXTURE_VARIANT_ADD(limit, mailbox) { .index = MAILBOX_KIND };
FIXTURE_VARIANT_ADD(limit, pipe) { .index = PIPE_KIND };

FIXTURE_SETUP(limit)
{
	self->kind = &kinds[variant->index];
	self->max_objects = sysctl_get("max_objects");
	self->max_bytes = sysctl_get("max_bytes");
	ASSERT_LT(0, self->max_objects);
	ASSERT_LT(0, self->max_bytes);
	ASSERT_EQ(0, kipc_info(&self->before));
	ASSERT_EQ(0, objects_of(ALICE));
	ASSERT_EQ(0, bytes_of(ALICE));
}

FIXTURE_TEARDOWN(limit)
{
	struct kipc_info after;

	EXPECT_EQ(0, sysctl_set("max_objects", self->max_objects));
	EXPECT_EQ(0, sysctl_set("max_bytes", self->max_bytes));
	EXPECT_EQ(0, kipc_info(&after));
	EXPECT_EQ(self->before.objects, after.objects);
	EXPECT_EQ(self->before.bytes, after.bytes);
	EXPECT_EQ(0, objects_of(ALICE));
	EXPECT_EQ(0, bytes_of(ALICE));
}

/* @a and @b mean what is the kind's own: a size, and what is counted in it. */
static void shape(const struct kind *kind, union create_arg *arg, uint64_t a,
		  uint64_t b)
{
	memset(arg, 0, sizeof(*arg));
	switch (kind->type) {
	case KIPC_KIND_SEGMENT:
		arg->segment.bytes = a;
		break;
	case KIPC_KIND_ARRAY:
		arg->array.count = a;
		arg->array.element = b;
		break;
	case KIPC_KIND_SEMAPHORE:
		arg->semaphore.count = a;
		break;
	case KIPC_KIND_MAILBOX:
		arg->mailbox.max_bytes = a;
		arg->mailbox.max_messages = b;
		break;
	case KIPC_KIND_PIPE:
		arg->pipe.capacity = a;
		break;
	}
}

static int make_shaped(const struct kind *kind, struct made *made,
		       const char *name, uint64_t a, uint64_t b)
{
	union create_arg arg;

	shape(kind, &arg, a, b);
	return create_shaped(kind, &arg, made, name, RIGHT_BOTH, 0, 0600);
}

/* One that takes some ten thousand bytes. */
static int make_large(const struct kind *kind, struct made *made)
{
	switch (kind->type) {
	case KIPC_KIND_ARRAY:
		return make_shaped(kind, made, NULL, 1000, 56);
	case KIPC_KIND_SEMAPHORE:
		return make_shaped(kind, made, NULL, 256, 0);
	default:
		return make_shaped(kind, made, NULL, 65536, 0);
	}
}

static struct kipc_info my_info(void)
{
	struct kipc_info info;

	CHECK_EQ(0, kipc_info(&info));
	return info;
}

/* Bytes that such an object is charged with; all ones if it cannot be made. */
static uint64_t charge_of(const struct kind *kind, uint64_t a, uint64_t b)
{
	struct kipc_info before = my_info(), with;
	struct kipc_stat stat;
	struct made made;

	if (make_shaped(kind, &made, NULL, a, b))
		return UINT64_MAX;
	with = my_info();
	CHECK_EQ(0, kipc_stat_fd(made.reader, &stat));
	CHECK_EQ(before.bytes + stat.entry.bytes, with.bytes);
	CHECK_EQ(before.objects + 1, with.objects);
	close_made(&made);
	CHECK_EQ(before.bytes, my_info().bytes);
	return stat.entry.bytes;
}

TEST(charge_of_segments)
{
	const struct kind *kind = &kinds[SEGMENT_KIND];

	EXPECT_EQ(0, charge_of(kind, 0, 0));
	EXPECT_EQ(4096, charge_of(kind, 1, 0));
	EXPECT_EQ(4096, charge_of(kind, 4096, 0));
	EXPECT_EQ(8192, charge_of(kind, 4097, 0));
	EXPECT_EQ(64 * MIB, charge_of(kind, 64 * MIB, 0));
}

TEST(charge_of_arrays)
{
	const struct kind *kind = &kinds[ARRAY_KIND];

	EXPECT_EQ(9, charge_of(kind, 1, 1));
	EXPECT_EQ(10 * (4 + 8), charge_of(kind, 10, 4));
	EXPECT_EQ(1000 * (8 + 8), charge_of(kind, 1000, 8));
	EXPECT_EQ(7 * (101 + 8), charge_of(kind, 7, 101));
	EXPECT_EQ(100 * (4096 + 8), charge_of(kind, 100, 4096));
	EXPECT_EQ(MIB * (1 + 8), charge_of(kind, MIB, 1));
}

TEST(charge_of_semaphores)
{
	const struct kind *kind = &kinds[SEMAPHORE_KIND];
	uint64_t one = charge_of(kind, 1, 0);

	/* At least its value, at most what a page holds sixteen of. */
	EXPECT_LE(sizeof(uint32_t), one);
	EXPECT_GE(256, one);
	EXPECT_EQ(2 * one, charge_of(kind, 2, 0));
	EXPECT_EQ(256 * one, charge_of(kind, 256, 0));
}

/* A mailbox is charged as if it was full. */
TEST(charge_of_mailboxes)
{
	const struct kind *kind = &kinds[MAILBOX_KIND];
	struct kipc_info info = my_info();

	EXPECT_EQ(1 + 128, charge_of(kind, 1, 1));
	EXPECT_EQ(4096 + 16 * 128, charge_of(kind, 4096, 16));
	EXPECT_EQ(MIB + 1000 * 128, charge_of(kind, MIB, 1000));
	EXPECT_EQ(info.queue_bytes_default + 7 * 128, charge_of(kind, 0, 7));
	EXPECT_EQ(4096 + info.queue_messages_default * 128,
		  charge_of(kind, 4096, 0));
}

TEST(charge_of_pipes)
{
	const struct kind *kind = &kinds[PIPE_KIND];

	EXPECT_EQ(4096, charge_of(kind, 4096, 0));
	EXPECT_EQ(8192, charge_of(kind, 4097, 0));
	EXPECT_EQ(MIB, charge_of(kind, MIB, 0));
}

static void use_up_objects(void *arg)
{
	const struct kind *kind = arg;
	struct made made[10], more;
	uint64_t bytes;
	int i;

	for (i = 0; i < 10; i++) {
		CHECK_EQ(i, my_info().objects);
		CHECK_EQ(0, create_kind(kind, &made[i], NULL, RIGHT_BOTH, 0,
					0600));
	}
	bytes = my_info().bytes;
	for (i = 0; i < KINDS; i++) {
		CHECK_EQ(-EDQUOT, create_kind(&kinds[i], &more, NULL,
					      RIGHT_BOTH, 0, 0600));
		CHECK_EQ(-EDQUOT, create_persistent(&kinds[i], "one more",
						    0600));
	}
	CHECK_EQ(-ENOENT, kipc_unlink("one more"));
	CHECK_EQ(10, my_info().objects);
	CHECK_EQ(bytes, my_info().bytes);
	/* There is room for one of any kind when one is gone. */
	close_made(&made[9]);
	for (i = 0; i < KINDS; i++) {
		CHECK_EQ(0, create_persistent(&kinds[i], "one more", 0600));
		CHECK_EQ(-EDQUOT, create_kind(kind, &more, NULL, RIGHT_BOTH, 0,
					      0600));
		CHECK_EQ(0, kipc_unlink("one more"));
	}
	CHECK_EQ(9, my_info().objects);
}

TEST_F(limit, objects)
{
	ASSERT_EQ(0, sysctl_set("max_objects", 10));
	EXPECT_EQ(0, child_run_as(ALICE, use_up_objects, (void *)self->kind));
	/* Not the one's fault that the other one has used his up. */
	EXPECT_EQ(0, child_run_as(BOB, use_up_objects, (void *)self->kind));
}

static void use_up_bytes(void *arg)
{
	const struct kind *kind = arg;
	struct made made[600], more;
	uint64_t sum = 0, each = 0;
	struct kipc_stat stat;
	int count, ret = 0, i;

	for (count = 0; count < 600; count++) {
		ret = make_large(kind, &made[count]);
		if (ret)
			break;
		CHECK_EQ(0, kipc_stat_fd(made[count].reader, &stat));
		each = stat.entry.bytes;
		sum += each;
		CHECK_EQ(sum, my_info().bytes);
	}
	CHECK_EQ(-EDQUOT, ret);
	CHILD_CHECK(sum <= MIB && sum + each > MIB);
	CHECK_EQ(count, my_info().objects);
	CHECK_EQ(sum, my_info().bytes);
	/* The ceiling is one for all kinds; a semaphore might still fit. */
	for (i = 0; i < KINDS; i++)
		if (i != SEMAPHORE_KIND)
			CHECK_EQ(-EDQUOT, make_shaped(&kinds[i], &more, NULL,
						      131072, 8));
	CHECK_EQ(sum, my_info().bytes);
	for (i = 0; i < count; i++) {
		close_made(&made[i]);
		CHECK_EQ(sum - (i + 1) * each, my_info().bytes);
	}
	CHECK_EQ(0, my_info().objects);
}

TEST_F(limit, bytes)
{
	ASSERT_EQ(0, sysctl_set("max_bytes", MIB));
	EXPECT_EQ(0, child_run_as(ALICE, use_up_bytes, (void *)self->kind));
}

/* To one object that is too large by itself nothing is left behind. */
static void too_large(void *arg)
{
	const struct kind *kind = arg;
	struct made made;

	CHECK_EQ(-EDQUOT, make_shaped(kind, &made, "large", kind->type ==
				      KIPC_KIND_SEMAPHORE ? 2 : 65536, 8));
	CHECK_EQ(0, times_listed("large"));
	CHECK_EQ(0, my_info().bytes);
	CHECK_EQ(0, my_info().objects);
}

TEST_F(limit, bytes_of_one)
{
	uint64_t one = charge_of(&kinds[SEMAPHORE_KIND], 1, 0);

	ASSERT_EQ(0, sysctl_set("max_bytes", self->kind->type ==
				KIPC_KIND_SEMAPHORE ? 2 * one - 1 : 65535));
	EXPECT_EQ(0, child_run_as(ALICE, too_large, (void *)self->kind));
}

/* What is there is open to all, whatever its maker may hold by now. */
TEST_F(limit, opening_is_not_charged)
{
	const struct kind *kind = self->kind;
	struct made made, again;
	uint32_t rights = kind->two_ends ? KIPC_RIGHT_WRITE : RIGHT_BOTH;

	ASSERT_EQ(0, create_kind(kind, &made, "full", rights, 0, 0600));
	ASSERT_EQ(0, sysctl_set("max_bytes", 1));
	ASSERT_EQ(0, sysctl_set("max_objects", 1));
	EXPECT_EQ(-EDQUOT, create_kind(kind, &again, "more", rights, 0, 0600));
	EXPECT_EQ(0, try_open_kind(kind->type, "full", rights));
	ASSERT_EQ(0, create_kind(kind, &again, "full", rights, 0, 0600));
	EXPECT_EQ(KIPC_RESULT_OPENED, again.result);
	EXPECT_EQ(made.id, again.id);
	close_made(&again);
	close_made(&made);
}

static void without_descriptors(void *arg)
{
	const struct kind *kind = arg;
	int dev = kipc_device(), wanted = kind->two_ends ? 2 : 1, left, ret;
	struct rlimit limit = { 0, 1024 };
	struct kipc_open open = {
		.size = sizeof(open),
		.name = to_u64("there"),
		.name_len = 5,
		.rights = KIPC_RIGHT_READ,
	};
	union create_arg create;
	struct kipc_info info = { .size = sizeof(info) };
	struct made made;

	for (left = 0; left <= wanted; left++) {
		limit.rlim_cur = dev + 1 + left;
		CHECK_EQ(0, setrlimit(RLIMIT_NOFILE, &limit));
		if (!left)
			CHECK_EQ(-EMFILE, kipc_ioctl(dev, KIPC_OPEN, &open));
		shape(kind, &create, 8, 8);
		if (kind->type == KIPC_KIND_PIPE)
			create.pipe.capacity = 4096;
		create.head.size = kind->create_size;
		create.head.name = to_u64("no fd");
		create.head.name_len = 5;
		create.head.rights = RIGHT_BOTH;
		ret = kipc_ioctl(dev, kind->create, &create);
		CHECK_EQ(left == wanted ? 0 : -EMFILE, ret);
		CHECK_EQ(0, kipc_ioctl(dev, KIPC_INFO, &info));
		CHECK_EQ(left == wanted ? 2 : 1, info.objects);
	}
	take_handles(kind, &create, &made);
	close_made(&made);
	CHECK_EQ(0, kipc_unlink("there"));
}

static void make_there(void *arg)
{
	CHECK_EQ(0, create_persistent(arg, "there", 0600));
	without_descriptors(arg);
}

TEST_F(limit, descriptors)
{
	EXPECT_EQ(0, child_run_as(ALICE, make_there, (void *)self->kind));
}

/* Others race for the last places, each with a kind of his own. */
struct race {
	int go;
	unsigned int made;	/* by all */
	int stopped;
	unsigned int next;	/* racer */
	int end[2];		/* the test closes it at the end */
};

static void race_for_objects(void *arg)
{
	struct race *race = arg;
	unsigned int me = __atomic_fetch_add(&race->next, 1, __ATOMIC_SEQ_CST);
	struct made made;
	int ret;
	char byte;

	close(race->end[1]);
	CHILD_CHECK(wait_for(__atomic_load_n(&race->go, __ATOMIC_ACQUIRE)));
	while (!(ret = create_kind(&kinds[me % KINDS], &made, NULL, RIGHT_BOTH,
				   0, 0600)))
		__atomic_add_fetch(&race->made, 1, __ATOMIC_SEQ_CST);
	CHECK_EQ(-EDQUOT, ret);
	__atomic_add_fetch(&race->stopped, 1, __ATOMIC_SEQ_CST);
	CHECK_EQ(0, read(race->end[0], &byte, 1));
}

/* Fills what is left: others' failed attempts must not count. */
static void fill_the_rest(void *arg)
{
	struct race *race = arg;
	uint64_t before = my_info().objects;
	struct made made;
	unsigned int i;

	CHECK_EQ(race->made, before);
	for (i = before; i < 40; i++)
		CHECK_EQ(0, create_kind(&kinds[i % KINDS], &made, NULL,
					RIGHT_BOTH, 0, 0600));
	CHECK_EQ(-EDQUOT, create_kind(&kinds[i % KINDS], &made, NULL,
				      RIGHT_BOTH, 0, 0600));
	CHECK_EQ(40, my_info().objects);
}

TEST(objects_of_all_kinds_at_a_time)
{
	unsigned int rounds = scaled(100), i, j;
	long long max_objects = sysctl_get("max_objects");
	struct race *race = kipc_shared(sizeof(*race));
	struct job job = { race_for_objects, race, ALICE };
	pid_t pid[RACERS];

	ASSERT_NE(NULL, race);
	ASSERT_EQ(0, objects_of(ALICE));
	ASSERT_EQ(0, sysctl_set("max_objects", 40));
	for (i = 0; i < rounds; i++) {
		memset(race, 0, sizeof(*race));
		ASSERT_EQ(0, pipe(race->end));
		for (j = 0; j < RACERS; j++)
			pid[j] = child_start(run_as, &job);
		__atomic_store_n(&race->go, 1, __ATOMIC_RELEASE);
		EXPECT_TRUE(wait_for(__atomic_load_n(&race->stopped,
						     __ATOMIC_ACQUIRE) ==
				     RACERS));
		EXPECT_GE(40, race->made);
		EXPECT_LT(40 - RACERS, race->made);
		EXPECT_EQ(0, child_run_as(ALICE, fill_the_rest, race));
		close(race->end[0]);
		close(race->end[1]);
		for (j = 0; j < RACERS; j++)
			EXPECT_EQ(0, child_end(pid[j]));
	}
	EXPECT_EQ(0, sysctl_set("max_objects", max_objects));
	EXPECT_EQ(0, objects_of(ALICE));
}

TEST_HARNESS_MAIN
