// SPDX-License-Identifier: GPL-2.0
/*
 * What operations do: all of them on all sizes of element against a model,
 * operands and their sign, records of any size, vectors, versions, snapshots.
 */
#include "kselftest_harness.h"
#include "array_util.h"

#define SLOTS		10
#define MODEL_OPS	100000	/* on each size of element, with FULL=1 */

static uint64_t mask_of(uint32_t element)
{
	return ~0ULL >> (64 - 8 * element);
}

/* Fits an element: any number of its bits, or a negative one, extended. */
static uint64_t random_operand(uint64_t *rnd, uint32_t element)
{
	uint64_t value = (uint64_t)kipc_rand(rnd) << 32 | kipc_rand(rnd);
	uint64_t mask = mask_of(element);

	/* Small ones, so that a CAS has a chance to match. */
	if (kipc_rand(rnd) % 2)
		value %= 3;
	value &= mask;
	if (kipc_rand(rnd) % 2 && value > mask >> 1)
		value |= ~mask;
	return value;
}

/* What the array must hold. */
struct model {
	uint32_t element;
	uint64_t value[SLOTS];
	uint64_t version[SLOTS];
	uint64_t changes;
};

static struct kipc_array_entry random_entry(uint64_t *rnd, uint32_t element)
{
	struct kipc_array_entry entry = {
		.op = KIPC_ARRAY_LOAD + kipc_rand(rnd) % 5,
		.index = kipc_rand(rnd) % SLOTS,
		/* Outputs are ignored on the way in. */
		.result = kipc_rand(rnd),
		.version = kipc_rand(rnd),
	};

	if (entry.op != KIPC_ARRAY_LOAD)
		entry.value = random_operand(rnd, element);
	if (entry.op == KIPC_ARRAY_CAS)
		entry.expected = random_operand(rnd, element);
	return entry;
}

/* Fills in the result; false: it is a CAS that does not match. */
static bool model_value(struct model *m, struct kipc_array_entry *e)
{
	uint64_t mask = mask_of(m->element), old = m->value[e->index];

	e->result = e->op == KIPC_ARRAY_STORE ? 0 : old;
	switch (e->op) {
	case KIPC_ARRAY_STORE:
	case KIPC_ARRAY_SWAP:
		m->value[e->index] = e->value & mask;
		break;
	case KIPC_ARRAY_CAS:
		if (old != (e->expected & mask))
			return false;
		m->value[e->index] = e->value & mask;
		break;
	case KIPC_ARRAY_ADD:
		m->value[e->index] = (old + e->value) & mask;
	}
	return true;
}

/* All or nothing; gives the first that did not match, or @count. */
static uint32_t model_apply(struct model *m, struct kipc_array_entry *e,
			    uint32_t count)
{
	struct model before = *m;
	uint32_t i, done;

	for (done = 0; done < count && model_value(m, &e[done]); done++)
		;
	for (i = 0; i < count; i++) {
		if (done == count && e[i].op != KIPC_ARRAY_LOAD) {
			m->version[e[i].index]++;
			m->changes++;
		}
		if (i > done)
			e[i].result = 0;
	}
	if (done < count)
		*m = before;
	for (i = 0; i < count; i++)
		e[i].version = m->version[e[i].index];
	return done;
}

static bool model_holds(const struct model *m, int fd)
{
	unsigned char raw[SLOTS * 8];
	uint64_t versions[SLOTS], changes, value;
	int i;

	if (array_read(fd, 0, SLOTS, raw, versions, &changes) ||
	    changes != m->changes)
		return false;
	for (i = 0; i < SLOTS; i++) {
		value = 0;
		memcpy(&value, raw + i * m->element, m->element);
		if (value != m->value[i] || versions[i] != m->version[i])
			return false;
	}
	return true;
}

FIXTURE(word) {
	int fd;
	struct model model;
};

FIXTURE_VARIANT(word) {
	uint32_t element;
};

FIXTURE_VARIANT_ADD(word, u8) {
	.element = 1,
};

FIXTURE_VARIANT_ADD(word, u16) {
	.element = 2,
};

FIXTURE_VARIANT_ADD(word, u32) {
	.element = 4,
};

FIXTURE_VARIANT_ADD(word, u64) {
	.element = 8,
};

FIXTURE_SETUP(word)
{
	self->model = (struct model){ .element = variant->element };
	self->fd = array_make(SLOTS, variant->element);
	ASSERT_LE(0, self->fd);
}

FIXTURE_TEARDOWN(word)
{
	close(self->fd);
}

/* As array_op(), by a program whose struct has grown; the new part is zero. */
static int array_op_longer(int fd, struct kipc_array_entry *entry)
{
	struct {
		struct kipc_array_op op;
		uint64_t tail[2];
	} arg = { .op = { .size = sizeof(arg), .entry = *entry } };
	int ret = kipc_ioctl(fd, KIPC_ARRAY_OP, &arg);

	*entry = arg.op.entry;
	return ret;
}

TEST_F(word, random_operations_do_what_a_model_does)
{
	unsigned long i, rounds = scaled(MODEL_OPS);
	struct kipc_array_entry got, want;
	uint64_t rnd = kipc_seed();

	for (i = 0; i < rounds; i++) {
		got = random_entry(&rnd, variant->element);
		want = got;
		ASSERT_EQ(0, i % 2 ? array_op(self->fd, &got) :
				     array_op_longer(self->fd, &got));
		model_apply(&self->model, &want, 1);
		ASSERT_EQ(0, memcmp(&want, &got, sizeof(got))) {
			TH_LOG("operation %lu: op %u of slot %u", i, got.op,
			       got.index);
		}
	}
	EXPECT_TRUE(model_holds(&self->model, self->fd));
}

TEST_F(word, random_vectors_do_what_a_model_does)
{
	struct kipc_array_entry got[KIPC_ARRAY_OPS_MAX];
	struct kipc_array_entry want[KIPC_ARRAY_OPS_MAX];
	unsigned long i, rounds = scaled(MODEL_OPS / 10), matched = 0;
	uint32_t n, count, mismatch;
	uint64_t rnd = kipc_seed();

	for (i = 0; i < rounds; i++) {
		/* Most are short, so that many of them match. */
		count = 1 + kipc_rand(&rnd) % (i % 8 ? 6 : KIPC_ARRAY_OPS_MAX);
		for (n = 0; n < count; n++)
			got[n] = random_entry(&rnd, variant->element);
		memcpy(want, got, sizeof(got));
		ASSERT_EQ(0, array_ops(self->fd, got, count, &mismatch));
		ASSERT_EQ(model_apply(&self->model, want, count), mismatch);
		ASSERT_EQ(0, memcmp(want, got, count * sizeof(*got))) {
			TH_LOG("vector %lu of %u", i, count);
		}
		matched += mismatch == count;
		ASSERT_TRUE(model_holds(&self->model, self->fd));
	}
	/* Both kinds were there. */
	EXPECT_LT(rounds / 20, matched);
	EXPECT_GT(rounds - rounds / 20, matched);
}

TEST_F(word, operands_fit_as_unsigned_or_as_negative)
{
	uint64_t mask = mask_of(variant->element);
	uint64_t lowest = ~(mask >> 1);		/* sign-extended */
	uint64_t good[] = { 0, 1, mask, lowest, ~0ULL };
	uint64_t bad[] = { mask + 1, lowest - 1, mask << 1, 1ULL << 63 };
	struct kipc_array_entry entry;
	uint32_t op;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(good); i++) {
		ASSERT_EQ(0, array_store(self->fd, 1, good[i]));
		EXPECT_EQ(good[i] & mask, array_load(self->fd, 1));
		entry = (struct kipc_array_entry){
			.op = KIPC_ARRAY_CAS,
			.index = 1,
			.expected = good[i],
			.value = good[i],
		};
		ASSERT_EQ(0, array_op(self->fd, &entry));
		EXPECT_EQ(good[i] & mask, entry.result);
		EXPECT_EQ(2 * i + 2, entry.version);
		/* What came in is not touched. */
		EXPECT_EQ(good[i], entry.expected);
		EXPECT_EQ(good[i], entry.value);
	}
	/* All numbers fit 8 bytes. */
	for (i = 0; variant->element < 8 && i < ARRAY_SIZE(bad); i++) {
		for (op = KIPC_ARRAY_STORE; op <= KIPC_ARRAY_ADD; op++)
			EXPECT_EQ(-EINVAL, array_do(self->fd, op, 1, bad[i]));
		entry = (struct kipc_array_entry){
			.op = KIPC_ARRAY_CAS, .index = 1, .expected = bad[i],
		};
		EXPECT_EQ(-EINVAL, array_op(self->fd, &entry));
	}
	EXPECT_EQ(2 * ARRAY_SIZE(good), array_version(self->fd, 1));
}

TEST_F(word, add_wraps_around_and_subtracts_negative_numbers)
{
	uint64_t mask = mask_of(variant->element);

	ASSERT_EQ(0, array_store(self->fd, 4, mask));
	ASSERT_EQ(0, array_add(self->fd, 4, 1));
	EXPECT_EQ(0, array_load(self->fd, 4));
	ASSERT_EQ(0, array_add(self->fd, 4, -1));
	EXPECT_EQ(mask, array_load(self->fd, 4));
	ASSERT_EQ(0, array_add(self->fd, 4, -2));
	EXPECT_EQ(mask - 2, array_load(self->fd, 4));
	/* The neighbours keep out of it. */
	EXPECT_EQ(0, array_load(self->fd, 3));
	EXPECT_EQ(0, array_load(self->fd, 5));
}

TEST_F(word, a_vector_sees_its_own_writes_in_order)
{
	struct kipc_array_entry e[] = {
		{ .op = KIPC_ARRAY_STORE, .index = 2, .value = 5 },
		{ .op = KIPC_ARRAY_LOAD, .index = 2 },
		{ .op = KIPC_ARRAY_ADD, .index = 2, .value = 2 },
		{ .op = KIPC_ARRAY_SWAP, .index = 2, .value = 9 },
		{ .op = KIPC_ARRAY_CAS, .index = 2, .value = 1, .expected = 9 },
		{ .op = KIPC_ARRAY_LOAD, .index = 2 },
	};
	uint64_t results[] = { 0, 5, 5, 7, 9, 1 };
	uint32_t mismatch;
	size_t i;

	ASSERT_EQ(0, array_ops(self->fd, e, ARRAY_SIZE(e), &mismatch));
	EXPECT_EQ(ARRAY_SIZE(e), mismatch);
	for (i = 0; i < ARRAY_SIZE(e); i++) {
		EXPECT_EQ(results[i], e[i].result);
		EXPECT_EQ(4, e[i].version);
	}
	EXPECT_EQ(4, array_changes(self->fd));
}

TEST_F(word, a_mismatch_undoes_all_that_came_before_it)
{
	struct kipc_array_entry e[] = {
		{ .op = KIPC_ARRAY_ADD, .index = 1, .value = 5 },
		{ .op = KIPC_ARRAY_STORE, .index = 1, .value = 7 },
		{ .op = KIPC_ARRAY_SWAP, .index = 9, .value = 3 },
		{ .op = KIPC_ARRAY_CAS, .index = 1, .value = 8, .expected = 6 },
		{ .op = KIPC_ARRAY_ADD, .index = 1, .value = 1, .result = 77 },
	};
	uint32_t mismatch;

	ASSERT_EQ(0, array_store(self->fd, 1, 2));
	ASSERT_EQ(0, array_ops(self->fd, e, ARRAY_SIZE(e), &mismatch));
	EXPECT_EQ(3, mismatch);
	/* What they would have seen, and nothing for those never reached. */
	EXPECT_EQ(2, e[0].result);
	EXPECT_EQ(0, e[2].result);
	EXPECT_EQ(7, e[3].result);
	EXPECT_EQ(0, e[4].result);
	EXPECT_EQ(1, e[0].version);
	EXPECT_EQ(0, e[2].version);
	EXPECT_EQ(1, e[4].version);
	EXPECT_EQ(2, array_load(self->fd, 1));
	EXPECT_EQ(0, array_load(self->fd, 9));
	EXPECT_EQ(1, array_changes(self->fd));
}

FIXTURE(record) {
	int fd;
};

FIXTURE_VARIANT(record) {
	uint32_t element;
};

FIXTURE_VARIANT_ADD(record, of_3) {
	.element = 3,
};

FIXTURE_VARIANT_ADD(record, of_16) {
	.element = 16,
};

FIXTURE_VARIANT_ADD(record, of_257) {
	.element = 257,
};

FIXTURE_VARIANT_ADD(record, of_4095) {
	.element = 4095,
};

FIXTURE_VARIANT_ADD(record, of_4096) {
	.element = 4096,
};

FIXTURE_SETUP(record)
{
	self->fd = array_make(SLOTS, variant->element);
	ASSERT_LE(0, self->fd);
}

FIXTURE_TEARDOWN(record)
{
	close(self->fd);
}

TEST_F(record, each_slot_holds_what_was_stored_last)
{
	unsigned char out[4096 + 1], in[4096 + 1];
	uint64_t at[SLOTS] = {}, versions[SLOTS] = {}, rnd = kipc_seed();
	uint32_t len = variant->element;
	unsigned long i, rounds = scaled(5000);
	struct kipc_array_entry e;

	memset(in, 0, sizeof(in));
	for (i = 0; i < rounds; i++) {
		e = (struct kipc_array_entry){
			.op = KIPC_ARRAY_LOAD + kipc_rand(&rnd) % 2,
			.index = kipc_rand(&rnd) % SLOTS,
			.result = 1,
		};
		if (e.op == KIPC_ARRAY_STORE) {
			at[e.index] = 1 + kipc_rand(&rnd) % 100000;
			versions[e.index]++;
			pattern_fill(in, at[e.index], len);
			e.value = to_u64(in);
			ASSERT_EQ(0, array_op(self->fd, &e));
		} else {
			memset(out, 0xa5, sizeof(out));
			e.value = to_u64(out);
			ASSERT_EQ(0, array_op(self->fd, &e));
			if (!at[e.index])
				memset(in, 0, len);
			else
				pattern_fill(in, at[e.index], len);
			ASSERT_EQ(0, memcmp(in, out, len));
			/* Not a byte more. */
			ASSERT_EQ(0xa5, out[len]);
		}
		ASSERT_EQ(0, e.result);
		ASSERT_EQ(versions[e.index], e.version);
	}
}

TEST_F(record, a_vector_stores_and_loads_in_order)
{
	uint32_t len = variant->element, i, mismatch;
	struct kipc_array_entry e[KIPC_ARRAY_OPS_MAX];
	unsigned char *mem = malloc(KIPC_ARRAY_OPS_MAX * len);

	ASSERT_NE(NULL, mem);
	/* Store, load, store, load, ...: each load sees the store before. */
	for (i = 0; i < KIPC_ARRAY_OPS_MAX; i++) {
		pattern_fill(mem + i * len, i * 1000, len);
		e[i] = (struct kipc_array_entry){
			.op = i % 2 ? KIPC_ARRAY_LOAD : KIPC_ARRAY_STORE,
			.index = i / 2 % SLOTS,
			.value = to_u64(mem + i * len),
			.result = 5,
		};
	}
	ASSERT_EQ(0, array_ops(self->fd, e, KIPC_ARRAY_OPS_MAX, &mismatch));
	EXPECT_EQ(KIPC_ARRAY_OPS_MAX, mismatch);
	for (i = 0; i < KIPC_ARRAY_OPS_MAX; i++) {
		EXPECT_TRUE(pattern_ok(mem + i * len, (i & ~1) * 1000, len));
		EXPECT_EQ(0, e[i].result);
		/* 32 stores to ten slots. */
		EXPECT_EQ(e[i].index < 2 ? 4 : 3, e[i].version);
	}
	EXPECT_EQ(KIPC_ARRAY_OPS_MAX / 2, array_changes(self->fd));
	free(mem);
}

TEST_F(record, records_have_no_arithmetic)
{
	unsigned char mem[4096] = "";
	struct kipc_array_entry e;
	uint32_t op;

	for (op = KIPC_ARRAY_SWAP; op <= KIPC_ARRAY_ADD; op++)
		EXPECT_EQ(-EINVAL, array_do(self->fd, op, 0, to_u64(mem)));
	e = (struct kipc_array_entry){
		.op = KIPC_ARRAY_STORE, .value = to_u64(mem), .expected = 1,
	};
	EXPECT_EQ(-EINVAL, array_op(self->fd, &e));
	EXPECT_EQ(0, array_changes(self->fd));
}

TEST(a_new_array_is_all_zero)
{
	uint32_t sizes[] = { 1, 2, 3, 4, 8, 100, 4096 }, i, n;
	unsigned char mem[16 * 4096];
	uint64_t versions[16], changes;
	int fd;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		fd = array_make(16, sizes[i]);
		ASSERT_LE(0, fd);
		memset(mem, 0xff, sizeof(mem));
		memset(versions, 0xff, sizeof(versions));
		ASSERT_EQ(0, array_read(fd, 0, 16, mem, versions, &changes));
		EXPECT_EQ(0, changes);
		for (n = 0; n < 16 * sizes[i]; n++)
			ASSERT_EQ(0, mem[n]);
		for (n = 0; n < 16; n++)
			ASSERT_EQ(0, versions[n]);
		close(fd);
	}
}

TEST(a_snapshot_is_the_range_that_was_asked_for)
{
	uint32_t value[100], got[102];
	uint64_t versions[101], changes;
	int fd = array_make(100, 4), first, count, i;

	ASSERT_LE(0, fd);
	for (i = 0; i < 100; i++) {
		value[i] = i * 2654435761U;
		ASSERT_EQ(0, array_store(fd, i, value[i]));
	}
	for (i = 0; i < 50; i++)
		ASSERT_EQ(0, array_store(fd, i, value[i]));
	for (first = 0; first < 100; first += 7) {
		for (count = 0; count <= 100 - first; count += 3) {
			memset(got, 0xa5, sizeof(got));
			memset(versions, 0xa5, sizeof(versions));
			ASSERT_EQ(0, array_read(fd, first, count, got,
						versions, &changes));
			EXPECT_EQ(150, changes);
			EXPECT_EQ(0, memcmp(value + first, got, count * 4));
			for (i = 0; i < count; i++)
				ASSERT_EQ(first + i < 50 ? 2 : 1, versions[i]);
			/* Nothing beyond it. */
			EXPECT_EQ(0xa5a5a5a5, got[count]);
			EXPECT_EQ(0xa5a5a5a5a5a5a5a5, versions[count]);
		}
	}
	/* Without versions. */
	ASSERT_EQ(0, array_read(fd, 3, 1, got, NULL, NULL));
	EXPECT_EQ(value[3], got[0]);
	close(fd);
}

TEST(the_longest_snapshot_has_65536_bytes)
{
	uint64_t *versions = malloc(65536 * 8);
	unsigned char *mem = malloc(65536);
	int fd = array_make(70000, 1);

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, array_store(fd, 65535 + 4000, 200));
	ASSERT_EQ(0, array_read(fd, 4000, 65536, mem, versions, NULL));
	EXPECT_EQ(0, mem[65534]);
	EXPECT_EQ(200, mem[65535]);
	EXPECT_EQ(1, versions[65535]);
	EXPECT_EQ(-EMSGSIZE, array_read(fd, 0, 65537, mem, versions, NULL));
	close(fd);
	free(mem);
	free(versions);
}

TEST(versions_count_writes_and_nothing_else)
{
	int fd = array_make(3, 8);
	struct kipc_array_entry e = { .op = KIPC_ARRAY_CAS, .index = 1 };

	ASSERT_LE(0, fd);
	/* A load and a CAS that does not match are no writes. */
	e.expected = 1;
	ASSERT_EQ(0, array_op(fd, &e));
	EXPECT_EQ(0, e.version);
	EXPECT_EQ(0, array_load(fd, 1));
	EXPECT_EQ(0, array_changes(fd));
	/* What writes the value that is there already is one. */
	ASSERT_EQ(0, array_store(fd, 1, 0));
	ASSERT_EQ(0, array_add(fd, 1, 0));
	ASSERT_EQ(0, array_do(fd, KIPC_ARRAY_SWAP, 1, 0));
	e.expected = 0;
	ASSERT_EQ(0, array_op(fd, &e));
	EXPECT_EQ(4, e.version);
	EXPECT_EQ(4, array_changes(fd));
	EXPECT_EQ(0, array_version(fd, 0));
	EXPECT_EQ(0, array_version(fd, 2));
	close(fd);
}

TEST_HARNESS_MAIN
