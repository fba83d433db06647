// SPDX-License-Identifier: GPL-2.0
/*
 * What semaphores are for: processes that exclude each other, dine together,
 * and hand on goods through a ring, all in a segment of shared memory.
 */
#include <sched.h>

#include "kselftest_harness.h"
#include "semaphore_util.h"

#define ENTRY(i, d)	{ .index = (i), .delta = (d) }
#define UNDO		KIPC_SEM_UNDO

/* A segment, mapped; children inherit the mapping.  NULL if there is none. */
static void *map_segment(size_t bytes)
{
	struct kipc_segment_create arg = { .size = sizeof(arg),
		.rights = SEM_RIGHTS, .mode = 0600, .bytes = bytes };
	void *mem;

	if (kipc_device_ioctl(KIPC_SEGMENT_CREATE, &arg))
		return NULL;
	mem = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, arg.fd, 0);
	close(arg.fd);
	return mem == MAP_FAILED ? NULL : mem;
}

/* All begin at the same time. */
static void at_the_gate(uint32_t *gate)
{
	while (!word_get(gate))
		sched_yield();
}

#define RACERS		8
#define SECTIONS	200000	/* in all */

struct race {
	uint32_t gate;
	int racy;	/* a plain int that only one may touch at a time */
	int inside;
};

FIXTURE(exclusion) {
	struct race *race;
	int fd;
};

FIXTURE_VARIANT(exclusion) {
	bool mutex;
	uint32_t flags;
	uint32_t vector;	/* entries; 0: KIPC_SEMAPHORE_OP */
	unsigned long sections;
};

FIXTURE_VARIANT_ADD(exclusion, counter) {
	.sections = SECTIONS,
};

FIXTURE_VARIANT_ADD(exclusion, counter_with_undo) {
	.flags = UNDO,
	.sections = SECTIONS / 4,
};

FIXTURE_VARIANT_ADD(exclusion, mutex) {
	.mutex = true,
	.sections = SECTIONS / 4,
};

FIXTURE_VARIANT_ADD(exclusion, vector) {
	.vector = 2,
	.sections = SECTIONS / 8,
};

FIXTURE_VARIANT_ADD(exclusion, vector_of_mutexes) {
	.mutex = true,
	.vector = 2,
	.sections = SECTIONS / 8,
};

FIXTURE_SETUP(exclusion)
{
	self->race = map_segment(4096);
	ASSERT_NE(NULL, self->race);
	self->fd = variant->mutex ? sem_make_mutex(2) : sem_make(2, 1, 1);
	ASSERT_LE(0, self->fd);
}

FIXTURE_TEARDOWN(exclusion)
{
}

static int one_step(int fd, int32_t delta, uint32_t flags, uint32_t vector)
{
	const struct kipc_sem_entry ops[2] = { ENTRY(0, delta),
					       ENTRY(1, delta) };

	return vector ? sem_ops_until(fd, ops, vector, flags, 0, NULL) :
			sem_op(fd, 0, delta, flags);
}

/* Read, linger, write: without exclusion much of it gets lost. */
static void touch(struct race *race, uint32_t linger)
{
	int seen = __atomic_load_n(&race->racy, __ATOMIC_RELAXED);

	CHILD_EQ(1, __atomic_add_fetch(&race->inside, 1, __ATOMIC_RELAXED));
	if (linger == 0)
		sched_yield();
	while (linger--)
		__asm__ volatile("" ::: "memory");
	__atomic_sub_fetch(&race->inside, 1, __ATOMIC_RELAXED);
	__atomic_store_n(&race->racy, seen + 1, __ATOMIC_RELAXED);
}

TEST_F_TIMEOUT(exclusion, of_eight_processes, 400)
{
	unsigned long each = scaled(variant->sections) / RACERS, i;
	uint64_t rnd = kipc_seed();
	pid_t pid[RACERS];
	int k;

	for (k = 0; k < RACERS; k++) {
		pid[k] = kipc_fork();
		if (pid[k])
			continue;
		rnd += 2 * k;
		at_the_gate(&self->race->gate);
		for (i = 0; i < each; i++) {
			CHILD_EQ(0, one_step(self->fd, -1, variant->flags,
					     variant->vector));
			touch(self->race, kipc_rand(&rnd) % 64);
			CHILD_EQ(0, one_step(self->fd, 1, variant->flags,
					     variant->vector));
		}
		_exit(0);
	}
	word_set(&self->race->gate, 1);
	for (k = 0; k < RACERS; k++)
		EXPECT_EQ(0, sem_child_end(pid[k]));
	EXPECT_EQ(RACERS * each, (unsigned long)self->race->racy);
	EXPECT_EQ(1, sem_value(self->fd, 0));
	EXPECT_EQ(1, sem_value(self->fd, 1));
	EXPECT_EQ(0, sem_undos(self->fd));
}

#define SEATS	5
#define MEALS	10000

struct table {
	uint32_t seated;
	uint32_t gate;
	uint32_t total;
	uint32_t wrong;
	uint32_t meals[SEATS];
	uint32_t fork_of[SEATS];	/* who has it, seat + 1; 0: nobody */
};

static void dine(struct table *table, int fd, uint32_t seat, uint32_t total,
		 bool left_first)
{
	uint32_t forks[2] = { seat, (seat + 1) % SEATS }, i;
	uint64_t rnd = seat * 2 + 1;
	struct kipc_sem_entry ops[2];

	word_add(&table->seated, 1);
	at_the_gate(&table->gate);
	while (word_get(&table->total) < total) {
		for (i = 0; i < 2; i++)
			ops[i] = (struct kipc_sem_entry)
				ENTRY(forks[left_first ? i : !i], -1);
		CHILD_EQ(0, sem_ops_until(fd, ops, 2, 0, 0, NULL));
		for (i = 0; i < 2; i++)
			if (__atomic_exchange_n(&table->fork_of[forks[i]],
						seat + 1, __ATOMIC_ACQ_REL))
				word_add(&table->wrong, 1);
		/* It takes a while, so the others are hungry and not late. */
		usleep(kipc_rand(&rnd) % 100);
		word_add(&table->total, 1);
		table->meals[seat]++;
		for (i = 0; i < 2; i++) {
			word_set(&table->fork_of[forks[i]], 0);
			ops[i].delta = 1;
		}
		CHILD_EQ(0, sem_ops_until(fd, ops, 2, 0, 0, NULL));
	}
}

/* Both forks in one call: nobody can hold one and wait for the other. */
TEST(dining_philosophers)
{
	uint32_t total = scaled(MEALS), seat, least, most, how;
	struct table *table;
	pid_t pid[SEATS];
	int fd;

	for (how = 0; how < 2; how++) {
		table = map_segment(4096);
		ASSERT_NE(NULL, table);
		fd = sem_make(SEATS, 1, 1);
		ASSERT_LE(0, fd);
		for (seat = 0; seat < SEATS; seat++) {
			pid[seat] = kipc_fork();
			if (!pid[seat]) {
				dine(table, fd, seat, total, how || seat & 1);
				_exit(0);
			}
		}
		ASSERT_TRUE(wait_for(word_get(&table->seated) == SEATS));
		word_set(&table->gate, 1);
		/* A deadlock would show at once. */
		ASSERT_TRUE(wait_for(word_get(&table->total) >= total / 100));
		least = ~0U;
		most = 0;
		for (seat = 0; seat < SEATS; seat++) {
			EXPECT_EQ(0, sem_child_end(pid[seat]));
			if (table->meals[seat] < least)
				least = table->meals[seat];
			if (table->meals[seat] > most)
				most = table->meals[seat];
		}
		EXPECT_EQ(0, table->wrong);
		EXPECT_LE(total, table->total);
		EXPECT_GT(3 * least, 2 * most)
			TH_LOG("meals: %u to %u", least, most);
		for (seat = 0; seat < SEATS; seat++)
			EXPECT_EQ(1, sem_value(fd, seat));
	}
}

#define SLOTS		16
#define PRODUCERS	3
#define CONSUMERS	2
#define GOODS		30000

/* The counters of the ring. */
enum { FREE, FILLED, PUT_LOCK, TAKE_LOCK, RING_COUNTERS };

struct item {
	uint32_t producer;
	uint32_t number;
	uint32_t check[6];
};

struct ring {
	uint32_t head;		/* plain ints, guarded by the locks */
	uint32_t tail;
	struct item slots[SLOTS];
	uint32_t stop;
	uint32_t taken;
	uint8_t seen[PRODUCERS][GOODS / PRODUCERS];
};

static void item_fill(struct item *item, uint32_t producer, uint32_t number)
{
	uint32_t i;

	item->producer = producer;
	item->number = number;
	for (i = 0; i < 6; i++)
		item->check[i] = (number + 1) * 2654435761U ^ (producer + i);
}

static void produce(struct ring *ring, int fd, uint32_t producer,
		    uint32_t count)
{
	const struct kipc_sem_entry enter[2] = { ENTRY(FREE, -1),
						 ENTRY(PUT_LOCK, -1) };
	const struct kipc_sem_entry leave[2] = { ENTRY(PUT_LOCK, 1),
						 ENTRY(FILLED, 1) };
	uint32_t i;

	for (i = 0; i < count; i++) {
		CHILD_EQ(0, sem_ops_until(fd, enter, 2, 0, 0, NULL));
		item_fill(&ring->slots[ring->head++ % SLOTS], producer, i);
		CHILD_EQ(0, sem_ops_until(fd, leave, 2, 0, 0, NULL));
	}
}

static void consume(struct ring *ring, int fd, uint32_t count)
{
	const struct kipc_sem_entry enter[2] = { ENTRY(FILLED, -1),
						 ENTRY(TAKE_LOCK, -1) };
	const struct kipc_sem_entry leave[2] = { ENTRY(TAKE_LOCK, 1),
						 ENTRY(FREE, 1) };
	struct item item, want;
	int ret;

	while (!(ret = sem_ops_until(fd, enter, 2, 0, 0, NULL))) {
		item = ring->slots[ring->tail++ % SLOTS];
		memset(&ring->slots[(ring->tail - 1) % SLOTS], 0xee,
		       sizeof(item));
		ret = sem_ops_until(fd, leave, 2, 0, 0, NULL);
		CHILD_CHECK(item.producer < PRODUCERS && item.number < count);
		item_fill(&want, item.producer, item.number);
		CHILD_CHECK(!memcmp(&item, &want, sizeof(item)));
		__atomic_add_fetch(&ring->seen[item.producer][item.number], 1,
				   __ATOMIC_RELAXED);
		word_add(&ring->taken, 1);
		if (ret)
			break;
	}
	CHILD_EQ(-EIDRM, ret);
}

/* Several of both; the counters hold back who is too fast. */
TEST(producers_and_consumers)
{
	uint32_t count = scaled(GOODS) / PRODUCERS, i, k;
	const uint32_t values[RING_COUNTERS] = { SLOTS, 0, 1, 1 };
	struct ring *ring = map_segment(sizeof(*ring));
	struct kipc_semaphore_create arg = { .rights = SEM_RIGHTS,
		.count = RING_COUNTERS, .max = SLOTS,
		.values = to_u64(values) };
	pid_t pid[PRODUCERS + CONSUMERS];
	int fd = sem_create(&arg);

	ASSERT_LE(0, fd);
	ASSERT_NE(NULL, ring);
	for (i = 0; i < PRODUCERS + CONSUMERS; i++) {
		pid[i] = kipc_fork();
		if (pid[i])
			continue;
		if (i < PRODUCERS)
			produce(ring, fd, i, count);
		else
			consume(ring, fd, count);
		_exit(0);
	}
	for (i = 0; i < PRODUCERS; i++)
		EXPECT_EQ(0, sem_child_end(pid[i]));
	ASSERT_TRUE(wait_for(word_get(&ring->taken) == PRODUCERS * count));
	ASSERT_TRUE(wait_for(sem_waiting(fd, FILLED) == CONSUMERS));
	EXPECT_EQ(SLOTS, sem_value(fd, FREE));
	EXPECT_EQ(0, sem_value(fd, FILLED));
	ASSERT_EQ(0, kipc_destroy(fd));
	for (; i < PRODUCERS + CONSUMERS; i++)
		EXPECT_EQ(0, sem_child_end(pid[i]));
	for (i = 0; i < PRODUCERS; i++)
		for (k = 0; k < count; k++)
			ASSERT_EQ(1, ring->seen[i][k])
				TH_LOG("producer %u number %u", i, k);
}

/* One of each, with two counters and nothing else between them. */
TEST(one_producer_and_one_consumer)
{
	uint32_t count = scaled(GOODS), i;
	struct ring *ring = map_segment(sizeof(*ring));
	struct item want;
	int fd = sem_make(2, 0, SLOTS);
	pid_t pid;

	ASSERT_LE(0, fd);
	ASSERT_NE(NULL, ring);
	ASSERT_EQ(0, sem_set(fd, FREE, SLOTS));
	pid = kipc_fork();
	if (!pid) {
		for (i = 0; i < count; i++) {
			CHILD_EQ(0, sem_op(fd, FREE, -1, 0));
			item_fill(&ring->slots[i % SLOTS], 7, i);
			CHILD_EQ(0, sem_op(fd, FILLED, 1, 0));
		}
		_exit(0);
	}
	for (i = 0; i < count; i++) {
		ASSERT_EQ(0, sem_patient(fd, FILLED, -1));
		item_fill(&want, 7, i);
		ASSERT_EQ(0, memcmp(&want, &ring->slots[i % SLOTS],
				    sizeof(want)));
		memset(&ring->slots[i % SLOTS], 0xee, sizeof(want));
		ASSERT_EQ(0, sem_try(fd, FREE, 1));
	}
	EXPECT_EQ(0, sem_child_end(pid));
	EXPECT_EQ(SLOTS, sem_value(fd, FREE));
	EXPECT_EQ(0, sem_value(fd, FILLED));
}

#define PARTIES	6

/*
 * A barrier that can be used again: three counters in turn.  Who arrives takes one
 * from this phase's counter, gives one to the next phase's, and waits until this
 * one is 0.  Nobody begins a phase before all have ended the one before.
 */
TEST(a_barrier_by_waiting_for_zero)
{
	uint32_t phases = scaled(5000), phase, k;
	uint32_t *done = map_segment(4096);
	pid_t pid[PARTIES];
	int fd = sem_make(3, 0, PARTIES);

	ASSERT_LE(0, fd);
	ASSERT_NE(NULL, done);
	ASSERT_EQ(0, sem_set(fd, 0, PARTIES));
	for (k = 0; k < PARTIES; k++) {
		pid[k] = kipc_fork();
		if (pid[k])
			continue;
		for (phase = 0; phase < phases; phase++) {
			const struct kipc_sem_entry arrive[2] = {
				ENTRY(phase % 3, -1), ENTRY((phase + 1) % 3, 1)
			};

			word_add(done, 1);
			CHILD_EQ(0, sem_ops_until(fd, arrive, 2, 0, 0, NULL));
			CHILD_EQ(0, sem_op(fd, phase % 3, 0, 0));
			/* All did this phase, and none is two ahead. */
			CHILD_CHECK(word_get(done) >= (phase + 1) * PARTIES);
			CHILD_CHECK(word_get(done) < (phase + 2) * PARTIES);
		}
		_exit(0);
	}
	for (k = 0; k < PARTIES; k++)
		EXPECT_EQ(0, sem_child_end(pid[k]));
	EXPECT_EQ(phases * PARTIES, word_get(done));
}

TEST_HARNESS_MAIN
