// SPDX-License-Identifier: GPL-2.0
/*
 * What somebody writes into the pages of his end who should not: the other end gets
 * an error or garbage, and goes on; nothing else notices.
 */
#include "kselftest_harness.h"
#include "mapped_pipe_lib_util.h"

#define CAPACITY	4096
#define LONGEST		(CAPACITY - HEADER)

/* One end by hand, the other one by the library, in one process. */
FIXTURE(by_hand) {
	struct end wr;
	struct end rd;
	struct kipc_mapped_pipe lib_wr;
	struct kipc_mapped_pipe lib_rd;
};

FIXTURE_SETUP(by_hand)
{
	ASSERT_EQ(0, both_ends(&self->wr, &self->rd, CAPACITY));
	ASSERT_EQ(0, kipc_mapped_pipe_map(&self->lib_wr, self->wr.fd));
	ASSERT_EQ(0, kipc_mapped_pipe_map(&self->lib_rd, self->rd.fd));
}

FIXTURE_TEARDOWN(by_hand)
{
}

static int take_now(struct kipc_mapped_pipe *rd)
{
	int ret = peek_now(rd);

	return ret ? ret : kipc_mapped_pipe_release(rd, 0);
}

static void record_say(struct end *wr, uint32_t len, uint32_t pad)
{
	struct kipc_pipe_record *record = (struct kipc_pipe_record *)wr->data;

	record->len = len;
	record->pad = pad;
}

static const uint64_t bad_heads[] = {
	4, 8 + 1, CAPACITY + 8, UINT64_MAX, UINT64_MAX - 7, 1ULL << 63,
	UINT32_MAX + 1ULL,
};

TEST_F(by_hand, heads_that_cannot_be)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(bad_heads); i++) {
		struct kipc_mapped_pipe *rd = &self->lib_rd;

		record_say(&self->wr, 0, 0);
		end_move(&self->wr, bad_heads[i]);
		EXPECT_EQ(-EBADMSG, peek_now(rd))
			TH_LOG("%#llx", (unsigned long long)bad_heads[i]);
		/* For good, though it is in order again. */
		end_move(&self->wr, 8);
		EXPECT_EQ(-EBADMSG, peek_now(rd));
		EXPECT_EQ(-EINVAL, kipc_mapped_pipe_release(rd, 0));
		/* Not for who begins anew. */
		kipc_mapped_pipe_unmap(rd);
		ASSERT_EQ(0, kipc_mapped_pipe_map(rd, self->rd.fd));
		EXPECT_EQ(0, peek_now(rd));
		kipc_mapped_pipe_unmap(rd);
		end_move(&self->wr, 0);
		ASSERT_EQ(0, kipc_mapped_pipe_map(rd, self->rd.fd));
	}
	end_move(&self->wr, CAPACITY + 8);
	kipc_mapped_pipe_unmap(&self->lib_rd);
	EXPECT_EQ(-EBADMSG, kipc_mapped_pipe_map(&self->lib_rd, self->rd.fd));
	EXPECT_EQ(NULL, self->lib_rd.data);
}

TEST_F(by_hand, a_head_that_goes_back)
{
	record_say(&self->wr, 8, 0);
	end_move(&self->wr, 16);
	ASSERT_EQ(0, peek_now(&self->lib_rd));
	ASSERT_EQ(0, kipc_mapped_pipe_release(&self->lib_rd, 0));
	end_move(&self->wr, 8);
	EXPECT_EQ(-EBADMSG, peek_now(&self->lib_rd));
}

TEST_F(by_hand, records_that_cannot_be)
{
	static const struct {
		uint32_t len;
		uint32_t pad;
	} bad[] = {
		{ 57, 0 }, { 64, 0 }, { LONGEST, 0 }, { CAPACITY, 0 },
		{ UINT32_MAX, 0 }, { UINT32_MAX - 7, 0 }, { 1U << 31, 0 },
		{ 56, 1 }, { 0, 1U << 31 }, { UINT32_MAX, UINT32_MAX },
	};
	struct kipc_mapped_pipe *rd = &self->lib_rd;
	size_t i;

	end_move(&self->wr, 64);
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		record_say(&self->wr, bad[i].len, bad[i].pad);
		EXPECT_EQ(-EBADMSG, peek_now(rd))
			TH_LOG("length %u, pad %u", bad[i].len, bad[i].pad);
		record_say(&self->wr, 56, 0);
		EXPECT_EQ(-EBADMSG, peek_now(rd));
		kipc_mapped_pipe_unmap(rd);
		ASSERT_EQ(0, kipc_mapped_pipe_map(rd, self->rd.fd));
		EXPECT_EQ(0, peek_now(rd));
	}
}

/* What was looked at is what is released, whatever is said now. */
TEST_F(by_hand, a_length_that_changes)
{
	record_say(&self->wr, 8, 0);
	end_move(&self->wr, 64);
	ASSERT_EQ(0, peek_now(&self->lib_rd));
	record_say(&self->wr, LONGEST, 7);
	ASSERT_EQ(0, kipc_mapped_pipe_release(&self->lib_rd, 0));
	EXPECT_EQ(16, index_get(self->rd.mine));
}

TEST_F(by_hand, tails_that_cannot_be)
{
	static const uint64_t bad[] = { 1, 72, CAPACITY, UINT64_MAX - 7,
					1ULL << 63 };
	struct kipc_mapped_pipe *wr = &self->lib_wr;
	size_t i;

	/* No room for another, as far as is known. */
	ASSERT_EQ(0, reserve_now(wr, LONGEST - 64));
	ASSERT_EQ(0, kipc_mapped_pipe_commit(wr, 56, 0));
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		end_move(&self->rd, bad[i]);
		EXPECT_EQ(-EBADMSG, reserve_now(wr, LONGEST))
			TH_LOG("%#llx", (unsigned long long)bad[i]);
		end_move(&self->rd, 64);
		EXPECT_EQ(-EBADMSG, reserve_now(wr, 0));
		EXPECT_EQ(-EINVAL, kipc_mapped_pipe_commit(wr, 0, 0));
		kipc_mapped_pipe_unmap(wr);
		ASSERT_EQ(0, kipc_mapped_pipe_map(wr, self->wr.fd));
		EXPECT_EQ(0, reserve_now(wr, LONGEST));
		kipc_mapped_pipe_unmap(wr);
		end_move(&self->rd, 0);
		ASSERT_EQ(0, kipc_mapped_pipe_map(wr, self->wr.fd));
	}
}

/* There for the kernel, not there for who looks after that. */
static void *come_and_go(void *data)
{
	struct end *wr = data;

	while (!__atomic_load_n(&wr->capacity, __ATOMIC_RELAXED)) {
		end_move(wr, 8);
		end_move(wr, 0);
	}
	return NULL;
}

/* Now it is a record, now it is a deadline; but it comes back. */
TEST_F(by_hand, a_head_that_comes_and_goes)
{
	struct kipc_mapped_pipe *rd = &self->lib_rd;
	uint64_t end = in_ms(500);
	const void *payload;
	pthread_t thread;
	size_t len;
	int ret;

	self->wr.capacity = 0;
	record_say(&self->wr, 0, 0);
	ASSERT_EQ(0, pthread_create(&thread, NULL, come_and_go, &self->wr));
	do {
		ret = kipc_mapped_pipe_peek(rd, &payload, &len, 0, in_ms(5));
		EXPECT_TRUE(!ret || ret == -ETIMEDOUT)
			TH_LOG("%d", ret);
		kipc_mapped_pipe_unmap(rd);
		ASSERT_EQ(0, kipc_mapped_pipe_map(rd, self->rd.fd));
		rd->spins = 0;
	} while (now_ns() < end);
	__atomic_store_n(&self->wr.capacity, CAPACITY, __ATOMIC_RELAXED);
	pthread_join(thread, NULL);
}

/*
 * Somebody writes all the time, and calls the kernel for his end; a victim at the
 * other one, and two others with a pipe of their own, go about their business.
 */
struct scene {
	uint32_t calls;		/* of the victim, that came back */
	uint32_t good;		/* of these, the ones that gave a record or room */
	uint32_t others;	/* records between the others */
};

FIXTURE(storm) {
	struct scene *s;
	int fd[2];
	pid_t writer;
	pid_t victim;
	pid_t other[2];
};

FIXTURE_VARIANT(storm) {
	int hostile;		/* the write end, or not */
};

FIXTURE_VARIANT_ADD(storm, hostile_consumer) { .hostile = 0 };
FIXTURE_VARIANT_ADD(storm, hostile_producer) { .hostile = 1 };

/* Forward, and no further than an honest one may go; from wherever it is. */
static uint64_t good_index(const struct end *end, bool writer, uint64_t *rnd)
{
	uint64_t low = index_get(end->other) - (writer ? 0 : CAPACITY);
	uint64_t done = index_get(end->mine) - low;

	if (done > CAPACITY || done % 8)
		done = 0;
	return low + done + kipc_rand(rnd) % ((CAPACITY - done) / 8 + 1) * 8;
}

/* Few that are wrong, or nobody would get far. */
static uint64_t nasty_index(const struct end *end, bool writer, uint64_t *rnd)
{
	uint64_t other = index_get(end->other);

	switch (kipc_rand(rnd) % 64) {
	case 0: return kipc_rand(rnd);
	case 1: return (uint64_t)kipc_rand(rnd) << 32 | kipc_rand(rnd);
	case 2: return 0;
	case 3: return other + kipc_rand(rnd) % 16;
	case 4: return other + CAPACITY + 8;
	case 5: return other - 8;
	case 6: return other - CAPACITY;
	}
	return good_index(end, writer, rnd);
}

static void nasty_record(struct end *wr, uint64_t *rnd)
{
	uint64_t at = kipc_rand(rnd) % (2 * CAPACITY / 8);
	struct kipc_pipe_record record = { .len = kipc_rand(rnd) % 64 };

	switch (kipc_rand(rnd) % 16) {
	case 0:
		record.len = kipc_rand(rnd);
		break;
	case 1:
		record.len = LONGEST + kipc_rand(rnd) % 16;
		break;
	case 2:
		record.pad = kipc_rand(rnd);
		break;
	case 3:
		record.len = UINT32_MAX - kipc_rand(rnd) % 16;
		break;
	}
	memcpy(wr->data + at * 8, &record, sizeof(record));
}

/* All of the page, of which only the first word means anything. */
static void nasty_page(struct end *end, uint64_t *rnd)
{
	uint32_t *words = (uint32_t *)end->mine;

	words[kipc_rand(rnd) % (page_size() / 4)] = kipc_rand(rnd);
}

static void nasty_call(struct end *end, bool writer, uint64_t *rnd)
{
	uint64_t until = nasty_index(end, writer, rnd);

	switch (kipc_rand(rnd) % 4) {
	case 0:
		pipe_wake(end->fd);
		break;
	case 1:
		pipe_wait(end->fd, until, 0, now_ns() + 20000);
		break;
	case 2:
		pipe_try(end->fd, until);
		break;
	case 3:
		poll_now(end->fd);
		break;
	}
}

static pid_t start_writer(const int fd[2], int hostile, uint64_t rnd)
{
	struct end end;
	pid_t pid = kipc_fork();

	if (pid)
		return pid;
	close(fd[!hostile]);
	CHECK_EQ(0, end_map(&end, fd[hostile], hostile));
	for (;;) {
		end_move(&end, nasty_index(&end, hostile, &rnd));
		if (hostile)
			nasty_record(&end, &rnd);
		if (kipc_rand(&rnd) % 8 == 0)
			nasty_page(&end, &rnd);
		if (kipc_rand(&rnd) % 8 == 0)
			nasty_call(&end, hostile, &rnd);
		if (kipc_rand(&rnd) % 64 == 0)
			sched_yield();
	}
}

/* Touches all of a record. */
static int victim_read(struct kipc_mapped_pipe *rd, uint64_t *rnd)
{
	uint32_t flags = kipc_rand(rnd) & (MORE | NONBLOCK);
	uint64_t soon = now_ns() + 200000;
	char buf[2 * CAPACITY];
	const void *payload;
	size_t len;
	int ret;

	if (kipc_rand(rnd) % 2)
		return kipc_mapped_pipe_read(rd, buf,
					     kipc_rand(rnd) % sizeof(buf),
					     flags, soon);
	ret = kipc_mapped_pipe_peek(rd, &payload, &len, flags, soon);
	if (ret)
		return ret;
	CHECK_EQ(true, in_buffer(rd, payload, len));
	memcpy(buf, payload, len);
	return kipc_mapped_pipe_release(rd, flags);
}

static int victim_write(struct kipc_mapped_pipe *wr, uint64_t *rnd)
{
	uint32_t flags = kipc_rand(rnd) & (MORE | NONBLOCK);
	size_t len = kipc_rand(rnd) % (kipc_rand(rnd) % 4 ? 64 : LONGEST);
	uint64_t soon = now_ns() + 200000;
	void *payload;
	int ret = kipc_mapped_pipe_reserve(wr, len, &payload, flags, soon);

	if (ret)
		return ret;
	CHECK_EQ(true, in_buffer(wr, payload, len));
	memset(payload, 'v', len);
	return kipc_mapped_pipe_commit(wr, len, flags);
}

/* What tells about the pipe, beside what goes through it. */
static int victim_ask(struct kipc_mapped_pipe *pipe, uint64_t *rnd)
{
	struct kipc_pipe_stat stat;
	int used;

	switch (kipc_rand(rnd) % 4) {
	case 0:
		CHECK_EQ(0, kipc_pipe_stat(pipe->fd, &stat));
		CHECK_EQ(true, stat.used <= CAPACITY);
		return 0;
	case 1:
		CHECK_EQ(0, ioctl(pipe->fd, FIONREAD, &used));
		CHECK_EQ(true, used >= 0 && used <= CAPACITY);
		return 0;
	case 2:
		return pipe_wait(pipe->fd, kipc_rand(rnd), 0, now_ns() + 20000);
	}
	CHECK_EQ(true, poll_now(pipe->fd) >= 0);
	return 0;
}

/* As soon as the indices are such that it can. */
static void map_when_let(struct kipc_mapped_pipe *pipe, int fd)
{
	int ret;

	do {
		ret = kipc_mapped_pipe_map(pipe, fd);
	} while (ret == -EBADMSG);
	CHECK_EQ(0, ret);
}

static pid_t start_victim(struct scene *s, const int fd[2], int which,
			  uint64_t rnd)
{
	struct kipc_mapped_pipe pipe;
	pid_t pid = kipc_fork();
	int ret;

	if (pid)
		return pid;
	close(fd[!which]);
	map_when_let(&pipe, fd[which]);
	for (;;) {
		if (kipc_rand(&rnd) % 16 == 0)
			ret = victim_ask(&pipe, &rnd);
		else
			ret = which ? victim_write(&pipe, &rnd) :
				      victim_read(&pipe, &rnd);
		word_add(&s->calls, 1);
		if (ret >= 0) {
			word_add(&s->good, 1);
		} else if (ret == -EBADMSG) {
			kipc_mapped_pipe_unmap(&pipe);
			map_when_let(&pipe, fd[which]);
		} else {
			CHECK_EQ(true, ret == -EAGAIN || ret == -ETIMEDOUT ||
				 ret == -EMSGSIZE);
		}
	}
}

/* Two who behave, with a pipe of their own; the one that writes sees the end of the
 * other.
 */
static void start_others(struct scene *s, pid_t other[2])
{
	struct kipc_mapped_pipe pipe;
	uint64_t number;
	char buf[256];
	int fd[2], which, ret;
	ssize_t len;

	CHECK_EQ(0, mapped_pipe(fd, CAPACITY));
	for (which = 0; which < 2; which++) {
		other[which] = kipc_fork();
		if (other[which])
			continue;
		lib_be_end(&pipe, fd, which);
		for (number = 0;; number++) {
			len = numbered_len(number, sizeof(buf));
			if (which) {
				numbered_fill(buf, number, len);
				ret = kipc_mapped_pipe_write(&pipe, buf, len, 0,
							     0);
				if (ret == -EPIPE)
					_exit(0);
				CHECK_EQ(0, ret);
				continue;
			}
			len = kipc_mapped_pipe_read(&pipe, buf, sizeof(buf), 0,
						    0);
			CHECK_EQ(true, numbered_ok(buf, number, len,
						   sizeof(buf)));
			word_add(&s->others, 1);
		}
	}
	close(fd[0]);
	close(fd[1]);
}

FIXTURE_SETUP(storm)
{
	uint64_t rnd = kipc_seed();

	self->s = kipc_shared(sizeof(*self->s));
	ASSERT_NE(NULL, self->s);
	start_others(self->s, self->other);
	ASSERT_EQ(0, mapped_pipe(self->fd, CAPACITY));
	self->victim = start_victim(self->s, self->fd, !variant->hostile, rnd);
	self->writer = start_writer(self->fd, variant->hostile, rnd + 2);
}

FIXTURE_TEARDOWN(storm)
{
}

static bool killed(pid_t pid)
{
	int status;

	kill(pid, SIGKILL);
	status = kipc_reap(pid);
	return WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
}

TEST_F_TIMEOUT(storm, the_other_end_goes_on, 300)
{
	uint32_t calls = scaled_rounds(50000), before;
	struct scene *s = self->s;
	int fd = self->fd[!variant->hostile], ret;
	struct kipc_mapped_pipe pipe;

	while (word_get(&s->calls) < calls) {
		before = word_get(&s->calls);
		ASSERT_TRUE(wait_for(word_get(&s->calls) > before));
		ASSERT_EQ(0, waitpid(self->victim, NULL, WNOHANG));
	}
	EXPECT_LT(0, word_get(&s->good));
	EXPECT_TRUE(killed(self->victim));
	before = word_get(&s->others);
	EXPECT_TRUE(wait_for(word_get(&s->others) > before));
	EXPECT_TRUE(killed(self->other[0]));
	EXPECT_EQ(0, kipc_reap(self->other[1]));

	/* Who is left hears that he is alone, or what was written instead. */
	close(self->fd[variant->hostile]);
	EXPECT_TRUE(killed(self->writer));
	EXPECT_NE(0, poll_now(fd) & (POLLHUP | POLLERR));
	ret = kipc_mapped_pipe_map(&pipe, fd);
	while (!ret)
		ret = pipe.producer ? reserve_now(&pipe, 0) : take_now(&pipe);
	EXPECT_TRUE(ret == -EPIPE || ret == -EBADMSG)
		TH_LOG("%d", ret);
}

TEST_HARNESS_MAIN
