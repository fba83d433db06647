// SPDX-License-Identifier: GPL-2.0
/*
 * Bad memory and bad arguments: the call fails with its error, and the array is
 * as it was before.
 */
#include "kselftest_harness.h"
#include "array_util.h"

#define SLOTS	10

/* Pointers that no process can read from or write to. */
static void * const bad_pointers[] = {
	NULL, (void *)8, (void *)-PAGE, (void *)0xffff888000000000UL,
};

FIXTURE(fault) {
	int fd;
	unsigned char *before;
	unsigned char *after;
};

FIXTURE_VARIANT(fault) {
	uint32_t element;
};

FIXTURE_VARIANT_ADD(fault, words) {
	.element = 8,
};

FIXTURE_VARIANT_ADD(fault, records) {
	.element = 100,
};

FIXTURE_VARIANT_ADD(fault, large_records) {
	.element = 4000,
};

FIXTURE_SETUP(fault)
{
	uint32_t i, size = variant->element;

	self->fd = array_make(SLOTS, size);
	ASSERT_LE(0, self->fd);
	self->before = malloc(SLOTS * size);
	self->after = malloc(SLOTS * size);
	pattern_fill(self->before, 1, SLOTS * size);
	for (i = 0; i < SLOTS; i++) {
		uint64_t value = to_u64(self->before + i * size);

		if (size == 8)
			value = ((uint64_t *)self->before)[i];
		ASSERT_EQ(0, array_store(self->fd, i, value));
	}
}

/* Whatever was tried, nothing was done. */
FIXTURE_TEARDOWN(fault)
{
	uint64_t versions[SLOTS], changes;
	int i;

	EXPECT_EQ(0, array_read(self->fd, 0, SLOTS, self->after, versions,
				&changes));
	EXPECT_EQ(SLOTS, changes);
	EXPECT_EQ(0, memcmp(self->before, self->after,
			    SLOTS * variant->element));
	for (i = 0; i < SLOTS; i++)
		EXPECT_EQ(1, versions[i]);
	EXPECT_EQ(0, array_waiting(self->fd));
	free(self->before);
	free(self->after);
	close(self->fd);
}

/* A store that is fine but for what a test spoils. */
static struct kipc_array_entry good_store(uint32_t element, void *mem)
{
	return (struct kipc_array_entry){
		.op = KIPC_ARRAY_STORE,
		.index = 3,
		.value = element == 8 ? 77 : to_u64(mem),
	};
}

TEST_F(fault, bad_arguments_do_nothing)
{
	static const unsigned long cmd[] = {
		KIPC_ARRAY_OP, KIPC_ARRAY_OPS, KIPC_ARRAY_READ,
		KIPC_ARRAY_WAIT, KIPC_ARRAY_STAT,
	};
	size_t i, n;

	for (i = 0; i < ARRAY_SIZE(bad_pointers); i++) {
		for (n = 0; n < ARRAY_SIZE(cmd); n++)
			EXPECT_EQ(-EFAULT, kipc_ioctl(self->fd, cmd[n],
						      bad_pointers[i]));
	}
}

TEST_F(fault, an_argument_that_cannot_be_written_stores_nothing)
{
	char mem[4096] = "";
	struct kipc_array_entry e = good_store(variant->element, mem);
	struct kipc_array_op op = { .size = sizeof(op), .entry = e };
	struct kipc_array_ops ops = {
		.size = sizeof(ops), .entries = to_u64(&e), .count = 1,
	};

	EXPECT_EQ(-EFAULT, kipc_ioctl(self->fd, KIPC_ARRAY_OP,
				      read_only(&op, sizeof(op))));
	EXPECT_EQ(-EFAULT, kipc_ioctl(self->fd, KIPC_ARRAY_OPS,
				      read_only(&ops, sizeof(ops))));
}

TEST_F(fault, an_argument_across_the_end_of_memory_does_nothing)
{
	char mem[4096] = "", *edge = edge_of_memory(1);
	struct kipc_array_op op = {
		.size = sizeof(op),
		.entry = good_store(variant->element, mem),
	};
	size_t missing;

	for (missing = 8; missing < sizeof(op); missing += 8) {
		char *at = edge - sizeof(op) + missing;

		memcpy(at, &op, sizeof(op) - missing);
		EXPECT_EQ(-EFAULT, kipc_ioctl(self->fd, KIPC_ARRAY_OP, at));
	}
}

TEST_F(fault, entries_in_bad_memory_do_nothing)
{
	char mem[4096] = "", *edge = edge_of_memory(1);
	struct kipc_array_entry e[KIPC_ARRAY_OPS_MAX], *at;
	uint32_t count[] = { 1, 2, 9, KIPC_ARRAY_OPS_MAX };
	size_t i, n, bytes;

	for (i = 0; i < KIPC_ARRAY_OPS_MAX; i++)
		e[i] = good_store(variant->element, mem);
	for (i = 0; i < ARRAY_SIZE(count); i++) {
		bytes = count[i] * sizeof(*e);
		for (n = 0; n < ARRAY_SIZE(bad_pointers); n++)
			EXPECT_EQ(-EFAULT, array_ops(self->fd, bad_pointers[n],
						     count[i], NULL));
		/* The last byte is missing. */
		at = (void *)(edge - bytes + 1);
		memcpy(at, e, bytes - 1);
		EXPECT_EQ(-EFAULT, array_ops(self->fd, at, count[i], NULL));
		/* It can be read, and has no place for results. */
		at = read_only(e, bytes);
		EXPECT_EQ(-EFAULT, array_ops(self->fd, at, count[i], NULL));
	}
}

TEST_F(fault, records_in_bad_memory_do_nothing)
{
	char mem[4096] = "", *edge = edge_of_memory(2);
	uint32_t size = variant->element;
	struct kipc_array_entry e[2];
	size_t i;

	/* The value of a word is no pointer, and a load has none. */
	for (i = 1; size == 8 && i < ARRAY_SIZE(bad_pointers); i++)
		EXPECT_EQ(-EINVAL, array_do(self->fd, KIPC_ARRAY_LOAD, 1,
					    to_u64(bad_pointers[i])));
	if (size == 8)
		return;
	for (i = 0; i <= ARRAY_SIZE(bad_pointers); i++) {
		void *bad = i < ARRAY_SIZE(bad_pointers) ? bad_pointers[i] :
							   edge - size + 1;

		EXPECT_EQ(-EFAULT, array_store(self->fd, 1, to_u64(bad)));
		EXPECT_EQ(-EFAULT, array_do(self->fd, KIPC_ARRAY_LOAD, 1,
					    to_u64(bad)));
		/* The second one is bad: the first is not done either. */
		e[0] = good_store(size, mem);
		e[1] = good_store(size, bad);
		EXPECT_EQ(-EFAULT, array_ops(self->fd, e, 2, NULL));
		e[1].op = KIPC_ARRAY_LOAD;
		EXPECT_EQ(-EFAULT, array_ops(self->fd, e, 2, NULL));
	}
	/* A place that can be read is none to load to. */
	e[0] = good_store(size, mem);
	e[1] = good_store(size, read_only(mem, size));
	e[1].op = KIPC_ARRAY_LOAD;
	EXPECT_EQ(-EFAULT, array_ops(self->fd, e, 2, NULL));
}

TEST_F(fault, a_vector_that_fails_leaves_memory_as_it_was)
{
	char mem[4096] = "", place[4096];
	struct kipc_array_entry e[3] = {
		good_store(variant->element, mem),
		{ .op = KIPC_ARRAY_LOAD, .index = 1,
		  .value = variant->element == 8 ? 0 : to_u64(place) },
		{ .op = KIPC_ARRAY_LOAD, .index = SLOTS },
	};
	struct kipc_array_entry copy[3];
	size_t i;

	memset(place, 0x77, sizeof(place));
	e[0].result = 123;
	memcpy(copy, e, sizeof(e));
	EXPECT_EQ(-ERANGE, array_ops(self->fd, e, 3, NULL));
	if (variant->element != 8) {
		/* Tried for writing, and then refused. */
		e[2] = good_store(variant->element, NULL);
		copy[2] = e[2];
		EXPECT_EQ(-EFAULT, array_ops(self->fd, e, 3, NULL));
	}
	EXPECT_EQ(0, memcmp(copy, e, sizeof(e)));
	for (i = 0; i < sizeof(place); i++)
		ASSERT_EQ(0x77, place[i]);
}

TEST_F(fault, a_snapshot_into_bad_memory_fails)
{
	char *edge = edge_of_memory(10), *mem = malloc(SLOTS * 4096);
	uint32_t bytes = SLOTS * variant->element;
	uint64_t versions[SLOTS];
	size_t i;

	for (i = 0; i < ARRAY_SIZE(bad_pointers); i++) {
		EXPECT_EQ(-EFAULT, array_read(self->fd, 0, SLOTS,
					      bad_pointers[i], versions, NULL));
		/* No pointer means: no versions. */
		EXPECT_EQ(bad_pointers[i] ? -EFAULT : 0,
			  array_read(self->fd, 0, SLOTS, mem, bad_pointers[i],
				     NULL));
	}
	EXPECT_EQ(-EFAULT, array_read(self->fd, 0, SLOTS, edge - bytes + 1,
				      versions, NULL));
	EXPECT_EQ(0, array_read(self->fd, 0, SLOTS, edge - bytes, versions,
				NULL));
	EXPECT_EQ(-EFAULT, array_read(self->fd, 0, 2, mem,
				      (void *)(edge - 15), NULL));
	free(mem);
}

TEST_F(fault, bad_slots_are_found_before_the_sleep)
{
	uint32_t count[] = { 1, 5, KIPC_ARRAY_WAIT_MAX };
	struct kipc_array_slot slots[KIPC_ARRAY_WAIT_MAX], *at;
	char *edge = edge_of_memory(1);
	size_t i, n, bytes;

	for (i = 0; i < KIPC_ARRAY_WAIT_MAX; i++)
		slots[i] = (struct kipc_array_slot){ .version = 1 };
	for (i = 0; i < ARRAY_SIZE(count); i++) {
		bytes = count[i] * sizeof(*slots);
		for (n = 0; n < ARRAY_SIZE(bad_pointers); n++)
			EXPECT_EQ(-EFAULT, array_wait(self->fd, bad_pointers[n],
						      count[i], 0, 0));
		at = (void *)(edge - bytes + 1);
		memcpy(at, slots, bytes - 1);
		EXPECT_EQ(-EFAULT, array_wait(self->fd, at, count[i], 0, 0));
		EXPECT_EQ(-EFAULT, array_wait(self->fd, read_only(slots, bytes),
					      count[i], 0, 0));
	}
}

/* What is wrong with an operation is found by OP and by OPS, in any place. */
static void expect_refused(struct __test_metadata *_metadata, int fd,
			   uint32_t element, struct kipc_array_entry bad,
			   int error)
{
	static const uint32_t counts[] = { 1, 5, KIPC_ARRAY_OPS_MAX };
	struct kipc_array_entry e[KIPC_ARRAY_OPS_MAX], one = bad;
	static char mem[4096];
	uint32_t i, n;

	EXPECT_EQ(error, array_op(fd, &one));
	for (i = 0; i < ARRAY_SIZE(counts); i++) {
		for (n = 0; n < KIPC_ARRAY_OPS_MAX; n++)
			e[n] = good_store(element, mem);
		e[counts[i] - 1] = bad;
		EXPECT_EQ(error, array_ops(fd, e, counts[i], NULL));
	}
}

TEST_F(fault, malformed_operations_do_nothing)
{
	static const uint32_t no_op[] = { 0, 6, 7, 0x80000000, ~0U };
	static const uint32_t no_slot[] = { SLOTS, SLOTS + 1, 1U << 31, ~0U };
	char mem[4096] = "";
	struct kipc_array_entry good = good_store(variant->element, mem), bad;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(no_op); i++) {
		bad = good;
		bad.op = no_op[i];
		expect_refused(_metadata, self->fd, variant->element, bad,
			       -EINVAL);
	}
	for (i = 0; i < ARRAY_SIZE(no_slot); i++) {
		bad = good;
		bad.index = no_slot[i];
		expect_refused(_metadata, self->fd, variant->element, bad,
			       -ERANGE);
	}
	bad = good;
	bad.expected = 1;
	expect_refused(_metadata, self->fd, variant->element, bad, -EINVAL);
	if (variant->element != 8)
		return;
	bad = (struct kipc_array_entry){ .op = KIPC_ARRAY_LOAD, .value = 1 };
	expect_refused(_metadata, self->fd, variant->element, bad, -EINVAL);
}

TEST_F(fault, malformed_calls_do_nothing)
{
	char mem[4096] = "";
	struct kipc_array_entry e[KIPC_ARRAY_OPS_MAX + 1] = {
		good_store(variant->element, mem),
	};
	struct kipc_array_op op = {
		.size = sizeof(op), .flags = 1, .entry = e[0],
	};
	struct kipc_array_ops ops = {
		.size = sizeof(ops), .flags = 1, .entries = to_u64(e),
		.count = 1,
	};
	struct kipc_array_read rd = { .size = sizeof(rd), .flags = 1 };
	struct kipc_array_slot slot = { .pad = 1 };
	struct kipc_array_stat st = { .size = sizeof(st), .flags = 1 };

	EXPECT_EQ(-EINVAL, kipc_ioctl(self->fd, KIPC_ARRAY_OP, &op));
	EXPECT_EQ(-EINVAL, kipc_ioctl(self->fd, KIPC_ARRAY_OPS, &ops));
	EXPECT_EQ(-EINVAL, array_ops(self->fd, e, 0, NULL));
	EXPECT_EQ(-E2BIG, array_ops(self->fd, e, KIPC_ARRAY_OPS_MAX + 1, NULL));
	EXPECT_EQ(-E2BIG, array_ops(self->fd, e, ~0U, NULL));
	EXPECT_EQ(-EINVAL, kipc_ioctl(self->fd, KIPC_ARRAY_READ, &rd));
	EXPECT_EQ(-EINVAL, kipc_ioctl(self->fd, KIPC_ARRAY_STAT, &st));
	st.flags = 0;
	st.pad = 1;
	EXPECT_EQ(-EINVAL, kipc_ioctl(self->fd, KIPC_ARRAY_STAT, &st));

	EXPECT_EQ(-EINVAL, array_wait(self->fd, &slot, 1, 0, 0));
	slot.pad = 0;
	EXPECT_EQ(-EINVAL, array_wait(self->fd, &slot, 1, 0, 2));
	EXPECT_EQ(-EINVAL, array_wait(self->fd, &slot, 0, 0, 0));
	EXPECT_EQ(-E2BIG, array_wait(self->fd, &slot, KIPC_ARRAY_WAIT_MAX + 1,
				     0, 0));
	slot.index = SLOTS;
	EXPECT_EQ(-ERANGE, array_wait(self->fd, &slot, 1, 0, 0));
	slot.index = ~0U;
	EXPECT_EQ(-ERANGE, array_wait(self->fd, &slot, 1, 0, 0));

	EXPECT_EQ(-ERANGE, array_read(self->fd, 0, SLOTS + 1, mem, NULL, NULL));
	EXPECT_EQ(-ERANGE, array_read(self->fd, SLOTS, 1, mem, NULL, NULL));
	EXPECT_EQ(-ERANGE, array_read(self->fd, SLOTS + 1, 0, mem, NULL, NULL));
	EXPECT_EQ(-ERANGE, array_read(self->fd, 1, ~0U, mem, NULL, NULL));
	EXPECT_EQ(-ERANGE, array_read(self->fd, ~0U, 1, mem, NULL, NULL));
	EXPECT_EQ(0, array_read(self->fd, SLOTS, 0, NULL, NULL, NULL));
}

TEST(snapshots_of_more_than_64_kib_are_refused)
{
	char *mem = malloc(65536 + 4096);
	int fd = array_make(20, 4096);

	ASSERT_LE(0, fd);
	EXPECT_EQ(0, array_read(fd, 0, 16, mem, NULL, NULL));
	EXPECT_EQ(-EMSGSIZE, array_read(fd, 0, 17, mem, NULL, NULL));
	close(fd);
	free(mem);
}

TEST_HARNESS_MAIN
