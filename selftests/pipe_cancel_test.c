// SPDX-License-Identifier: GPL-2.0
/*
 * Waiters that leave the queue, by a signal, by their deadline or by their
 * death, at any moment and again and again: whoever is left gets what is due to
 * him, nothing is lost and nobody sleeps on.
 */
#include "kselftest_harness.h"
#include "kipc_util.h"

#define PAGE	4096
#define QUEUE	10

/* Nothing to set up: it is here for the tests' time limits. */
FIXTURE(cancel) {
};

FIXTURE_SETUP(cancel)
{
}

FIXTURE_TEARDOWN(cancel)
{
}

static void nothing(int sig)
{
	(void)sig;
}

static void handle(int sig)
{
	struct sigaction act = { .sa_handler = nothing };

	sigaction(sig, &act, NULL);
}

/* A thread that reads or writes, with deadlines that are often too short. */
struct party {
	int fd;
	int id;
	uint32_t records;	/* writers: how many; readers: as they come */
	uint32_t *seen;		/* readers: times that each record was read */
	uint32_t total;
	uint64_t rnd;
	unsigned int cancelled;
	const char *wrong;
	int ended;
	pthread_t thread;
};

static uint64_t some_deadline(uint64_t *rnd)
{
	/* Passed, at once, soon, far, none. */
	switch (kipc_rand(rnd) % 5) {
	case 0:
		return 1;
	case 1:
		return now_ns() + kipc_rand(rnd) % 100000;
	case 2:
		return now_ns() + kipc_rand(rnd) % 5000000;
	case 3:
		return now_ns() + PATIENCE_NS;
	default:
		return 0;
	}
}

static void *party_end(struct party *p, const char *wrong)
{
	p->wrong = wrong;
	__atomic_store_n(&p->ended, 1, __ATOMIC_RELEASE);
	return NULL;
}

static bool cancelled(struct party *p, int64_t ret)
{
	if (ret != -EINTR && ret != -ETIMEDOUT)
		return false;
	p->cancelled++;
	return true;
}

static void *reader_run(void *data)
{
	struct party *p = data;
	uint32_t seq;
	int64_t ret;

	for (;;) {
		ret = kipc_pipe_io(p->fd, KIPC_PIPE_READ, &seq, sizeof(seq),
				   some_deadline(&p->rnd), 0);
		if (cancelled(p, ret))
			continue;
		if (!ret)
			return party_end(p, NULL);
		if (ret != sizeof(seq))
			return party_end(p, "read");
		if (seq >= p->total)
			return party_end(p, "content");
		__atomic_add_fetch(&p->seen[seq], 1, __ATOMIC_RELAXED);
		p->records++;
	}
}

TEST_F_TIMEOUT(cancel, readers_that_give_up, 120)
{
	uint32_t seq, sum = 0, total = scaled(20000);
	uint32_t *seen = calloc(total, sizeof(*seen));
	struct party party[QUEUE];
	uint64_t rnd = kipc_seed();
	unsigned int given_up = 0;
	int fd[2], i;

	handle(SIGUSR1);
	ASSERT_EQ(0, kipc_pipe(fd, PAGE, KIPC_PIPE_RECORD | KIPC_PIPE_TURNS));
	for (i = 0; i < QUEUE; i++) {
		party[i] = (struct party){ .fd = fd[0], .id = i, .seen = seen,
			.total = total, .rnd = rnd + 2 * i };
		ASSERT_EQ(0, pthread_create(&party[i].thread, NULL, reader_run,
					    &party[i]));
	}
	for (seq = 0; seq < total; seq++) {
		ASSERT_EQ((int64_t)sizeof(seq),
			  kipc_pipe_io(fd[1], KIPC_PIPE_WRITE, &seq,
				       sizeof(seq), now_ns() + PATIENCE_NS, 0))
			TH_LOG("record %u", seq);
		if (kipc_rand(&rnd) % 8 == 0)
			pthread_kill(party[kipc_rand(&rnd) % QUEUE].thread,
				     SIGUSR1);
		if (kipc_rand(&rnd) % 64 == 0)
			usleep(kipc_rand(&rnd) % 2000);
	}
	close(fd[1]);
	/* With nobody to disturb them any more, all come to the end. */
	for (i = 0; i < QUEUE; i++) {
		ASSERT_TRUE(wait_for(__atomic_load_n(&party[i].ended,
						     __ATOMIC_ACQUIRE)));
		pthread_join(party[i].thread, NULL);
		EXPECT_EQ(NULL, party[i].wrong)
			TH_LOG("reader %d: %s", i, party[i].wrong);
		sum += party[i].records;
		given_up += party[i].cancelled;
	}
	EXPECT_EQ(total, sum);
	for (seq = 0; seq < total; seq++)
		ASSERT_EQ(1U, seen[seq])
			TH_LOG("record %u", seq);
	EXPECT_LT(0U, given_up);
	free(seen);
}

/* A record of one of several writers. */
struct record {
	uint32_t id;
	uint32_t seq;
	char rest[192];
};

static void *writer_run(void *data)
{
	struct party *p = data;
	struct record rec = { .id = p->id };
	int64_t ret;

	while (rec.seq < p->records) {
		ret = kipc_pipe_io(p->fd, KIPC_PIPE_WRITE, &rec, sizeof(rec),
				   some_deadline(&p->rnd), 0);
		if (cancelled(p, ret))
			continue;
		if (ret != sizeof(rec))
			return party_end(p, "write");
		rec.seq++;
	}
	return party_end(p, NULL);
}

TEST_F_TIMEOUT(cancel, writers_that_give_up, 120)
{
	uint32_t next[QUEUE] = {}, each = scaled(2000), got = 0;
	struct party party[QUEUE];
	uint64_t rnd = kipc_seed();
	unsigned int given_up = 0;
	struct record rec;
	int fd[2], i;

	handle(SIGUSR1);
	ASSERT_EQ(0, kipc_pipe(fd, PAGE, KIPC_PIPE_RECORD));
	for (i = 0; i < QUEUE; i++) {
		party[i] = (struct party){ .fd = fd[1], .id = i,
			.records = each, .rnd = rnd + 2 * i };
		ASSERT_EQ(0, pthread_create(&party[i].thread, NULL, writer_run,
					    &party[i]));
	}
	while (got < each * QUEUE) {
		ASSERT_EQ((int64_t)sizeof(rec),
			  kipc_pipe_io(fd[0], KIPC_PIPE_READ, &rec,
				       sizeof(rec), now_ns() + PATIENCE_NS, 0))
			TH_LOG("record %u", got);
		ASSERT_GT((uint32_t)QUEUE, rec.id);
		ASSERT_EQ(next[rec.id], rec.seq);
		next[rec.id]++;
		got++;
		i = kipc_rand(&rnd) % QUEUE;
		if (kipc_rand(&rnd) % 8 == 0 &&
		    !__atomic_load_n(&party[i].ended, __ATOMIC_ACQUIRE))
			pthread_kill(party[i].thread, SIGUSR1);
		if (kipc_rand(&rnd) % 64 == 0)
			usleep(kipc_rand(&rnd) % 2000);
	}
	for (i = 0; i < QUEUE; i++) {
		ASSERT_TRUE(wait_for(__atomic_load_n(&party[i].ended,
						     __ATOMIC_ACQUIRE)));
		pthread_join(party[i].thread, NULL);
		EXPECT_EQ(NULL, party[i].wrong)
			TH_LOG("writer %d: %s", i, party[i].wrong);
		given_up += party[i].cancelled;
	}
	EXPECT_LT(0U, given_up);
	EXPECT_EQ(-EAGAIN, kipc_try_read(fd[0], &rec, sizeof(rec)));
}

/* Data comes at the moment when one of those who wait for it leaves. */
TEST_F_TIMEOUT(cancel, a_wake_up_is_passed_on, 120)
{
	int rounds = scaled(2000), fd[2], i, who;
	uint64_t rnd = kipc_seed();
	struct kipc_call call[3];
	char got[3][8];
	bool first;

	handle(SIGUSR1);
	ASSERT_EQ(0, kipc_pipe(fd, PAGE, KIPC_PIPE_RECORD | KIPC_PIPE_TURNS));
	while (rounds--) {
		for (i = 0; i < 3; i++) {
			call[i] = (struct kipc_call){ .fd = fd[0],
				.buf = got[i], .len = 8,
				.cmd = KIPC_CALL_READ };
			ASSERT_EQ(0, kipc_call_start(&call[i]));
			ASSERT_TRUE(wait_for(kipc_readers_waiting(fd[1]) ==
					     (unsigned int)i + 1));
		}
		who = kipc_rand(&rnd) % 3;
		first = kipc_rand(&rnd) & 1;
		if (first)
			pthread_kill(call[who].thread, SIGUSR1);
		ASSERT_EQ(1, kipc_try_write(fd[1], "a", 1));
		if (!first)
			pthread_kill(call[who].thread, SIGUSR1);
		ASSERT_EQ(1, kipc_try_write(fd[1], "b", 1));

		/* He may have had his share or not: the others get theirs. */
		kipc_call_wait(&call[who]);
		ASSERT_TRUE(call[who].ret == -EINTR || call[who].ret == 1);
		i = call[who].ret == 1;
		ASSERT_EQ(i, kipc_try_write(fd[1], "c", i));
		for (i = 0; i < 3; i++)
			ASSERT_EQ(1, i == who ? 1 : kipc_call_wait(&call[i]));
		ASSERT_EQ(-EAGAIN, kipc_try_read(fd[0], got[0], 8));
	}
}

TEST_HARNESS_MAIN
