// SPDX-License-Identifier: GPL-2.0
/*
 * Processes killed with SIGKILL at random points, asleep and while they copy,
 * on both sides of a pipe, with data in flight.  Those who are left come to an
 * end in bounded time; every byte that went in came out once or is still in the
 * pipe; a record is never torn, a small write neither, and of a large one that
 * was cut short the front part is there.
 *
 * SEED in the environment makes a run happen again, as far as the scheduler
 * plays along.
 */
#include <sched.h>
#include <stddef.h>

#include "kselftest_harness.h"
#include "kipc_util.h"

#define PAGE		4096
#define HEADER		4	/* what a record takes beside its length */
#define ROUNDS		2000	/* of each kind of test, with FULL=1 */
#define TIME_LIMIT	1800	/* seconds, for that with a debug kernel */

#define FRAME_MAX	20000
#define STREAM_MAX	(2 << 20)
#define FRAMES		30	/* of one writer in one round, at most */

/* A frame is what one write call puts in; all of it follows from its head. */
struct frame {
	uint32_t writer;
	uint32_t seq;
	uint32_t len;
	uint32_t magic;
	unsigned char data[FRAME_MAX];
};

/* The frames of one round. */
struct plan {
	uint32_t round;
	uint32_t longest;	/* bytes, up to FRAME_MAX */
};

static uint32_t frame_build(struct frame *frame, const struct plan *plan,
			    uint32_t writer, uint32_t seq)
{
	uint64_t rnd = ((uint64_t)plan->round << 32 | writer << 24 | seq) + 1;
	uint32_t least = offsetof(struct frame, data);

	kipc_rand(&rnd);
	kipc_rand(&rnd);
	frame->writer = writer;
	frame->seq = seq;
	frame->magic = 0x4b495043 ^ plan->round * 2654435761U;
	frame->len = least + kipc_rand(&rnd) % (plan->longest - least + 1);
	pattern_fill(frame->data, rnd % 1000000, frame->len - least);
	return frame->len;
}

/* Writes @count frames; 0: until it is killed. */
static void write_frames(int fd, const struct plan *plan, uint32_t writer,
			 uint32_t count)
{
	static struct frame frame;
	uint32_t seq, len;
	int64_t n;

	for (seq = 0; !count || seq < count; seq++) {
		len = frame_build(&frame, plan, writer, seq);
		n = kipc_pipe_io(fd, KIPC_PIPE_WRITE, &frame, len,
				 now_ns() + PATIENCE_NS, 0);
		CHILD_CHECK(n == len);
	}
	_exit(0);
}

static pid_t start_writer(int fd[2], const struct plan *plan, uint32_t writer,
			  uint32_t count)
{
	pid_t pid = kipc_fork();

	if (pid)
		return pid;
	close(fd[0]);
	write_frames(fd[1], plan, writer, count);
	return -1;
}

#define VICTIM		0
#define SURVIVOR	1

static uint32_t common(const void *one, const void *two, uint32_t len)
{
	const char *a = one, *b = two;
	uint32_t n = 0;

	while (n < len && a[n] == b[n])
		n++;
	return n;
}

/*
 * How much of the victim's frame is at @data, if it was cut: what comes after
 * it is a frame of the survivor, or nothing.  0 if it does not look like that.
 */
static uint32_t cut_length(const char *data, uint32_t left,
			   const struct plan *plan, const uint32_t next[2])
{
	static struct frame frame, after;
	uint32_t n, len;

	len = frame_build(&frame, plan, VICTIM, next[VICTIM]);
	n = common(data, &frame, len < left ? len : left);
	len = frame_build(&after, plan, SURVIVOR, next[SURVIVOR]);
	for (; n; n--) {
		if (n == left)
			break;
		if (len <= left - n && !memcmp(data + n, &after, len))
			break;
	}
	return n;
}

/*
 * Takes the stream apart.  @next counts the whole frames of the two writers.
 * Gives NULL or what is wrong.
 */
static const char *check_stream(const char *data, uint32_t total,
				const struct plan *plan, uint32_t next[2])
{
	static struct frame frame;
	uint32_t at = 0, len, who, cut;
	bool was_cut = false;

	while (at < total) {
		for (who = was_cut ? SURVIVOR : VICTIM; who < 2; who++) {
			len = frame_build(&frame, plan, who, next[who]);
			if (len <= total - at &&
			    !memcmp(data + at, &frame, len))
				break;
		}
		if (who < 2) {
			next[who]++;
			at += len;
			continue;
		}
		if (was_cut)
			return "more than one frame is torn";
		if (plan->longest <= PAGE)
			return "a small write is torn";
		cut = cut_length(data + at, total - at, plan, next);
		if (!cut)
			return "bytes that nobody wrote";
		was_cut = true;
		at += cut;
	}
	return NULL;
}

/* What the rounds of one test have in common. */
struct storm {
	int fd[2];
	uint32_t flags;
	struct plan plan;
	uint64_t rnd;
	char *stream;		/* what the test itself wrote or read */
	uint32_t total;		/* bytes of it */
	char *log[2];		/* what the children read; shared with them */
};

FIXTURE(kill) {
	struct storm storm;
};

FIXTURE_VARIANT(kill) {
	uint32_t flags;
	uint32_t longest;
};

FIXTURE_VARIANT_ADD(kill, stream_of_small_writes) {
	.flags = 0,
	.longest = PAGE,
};

/* Larger than the pipe: a write sleeps with a part in it. */
FIXTURE_VARIANT_ADD(kill, stream_of_large_writes) {
	.flags = 0,
	.longest = FRAME_MAX,
};

FIXTURE_VARIANT_ADD(kill, records) {
	.flags = KIPC_PIPE_RECORD,
	.longest = PAGE - HEADER,
};

FIXTURE_VARIANT_ADD(kill, records_in_turns) {
	.flags = KIPC_PIPE_RECORD | KIPC_PIPE_TURNS,
	.longest = PAGE - HEADER,
};

FIXTURE_VARIANT_ADD(kill, stream_in_turns) {
	.flags = KIPC_PIPE_TURNS,
	.longest = FRAME_MAX,
};

FIXTURE_SETUP(kill)
{
	struct storm *storm = &self->storm;
	int i;

	pattern_table();
	storm->flags = variant->flags;
	storm->plan.longest = variant->longest;
	storm->rnd = kipc_seed();
	storm->stream = malloc(STREAM_MAX);
	ASSERT_NE(NULL, storm->stream);
	for (i = 0; i < 2; i++) {
		storm->log[i] = kipc_shared(STREAM_MAX);
		ASSERT_NE(NULL, storm->log[i]);
	}
}

FIXTURE_TEARDOWN(kill)
{
}

/* Three tests with five variants each share the rounds. */
static int rounds(void)
{
	return scaled(ROUNDS) / 15 + 1;
}

static uint32_t some(struct storm *storm, uint32_t below)
{
	return kipc_rand(&storm->rnd) % below;
}

/* A new pipe, of one to four pages. */
static int next_round(struct storm *storm)
{
	storm->plan.round++;
	storm->total = 0;
	return kipc_pipe(storm->fd, (some(storm, 4) + 1) * PAGE, storm->flags);
}

/* A moment up to @us microseconds long; often there is none. */
static void some_moment(struct storm *storm, uint32_t us)
{
	uint64_t end = now_ns() + some(storm, us * 1000);

	if (some(storm, 4) == 0)
		return;
	while (now_ns() < end)
		sched_yield();
}

/* Reads once, behind what was read before; bytes, 0 at the end, or -errno. */
static int64_t read_on(struct storm *storm)
{
	uint32_t len = PAGE;
	int64_t n;

	if (!(storm->flags & KIPC_PIPE_RECORD))
		len = some(storm, 2 * PAGE) + 1;
	if (len > STREAM_MAX - storm->total)
		return -ENOBUFS;
	n = kipc_pipe_io(storm->fd[0], KIPC_PIPE_READ,
			 storm->stream + storm->total, len,
			 now_ns() + PATIENCE_NS, 0);
	if (n > 0)
		storm->total += n;
	return n;
}

static uint64_t bytes_read(int fd)
{
	struct kipc_pipe_stat st;

	return kipc_pipe_stat(fd, &st) ? 0 : st.readers.bytes;
}

/* At the end of a round: what went in came out or is still there. */
#define EXPECT_BALANCE(fd, in, out) do {				\
	struct kipc_pipe_stat __st;					\
	uint64_t __headers;						\
									\
	EXPECT_EQ(0, kipc_pipe_stat(fd, &__st));			\
	__headers = __st.pipe_flags & KIPC_PIPE_RECORD ?		\
		    (__st.writers.calls - __st.readers.calls) * HEADER : 0; \
	EXPECT_EQ((uint64_t)(in), __st.writers.bytes);			\
	EXPECT_EQ((uint64_t)(out), __st.readers.bytes);			\
	EXPECT_EQ(__st.used, __st.writers.bytes - __st.readers.bytes +	\
			     __headers);				\
	EXPECT_EQ(0U, __st.readers.waiting + __st.writers.waiting);	\
} while (0)

/* Lets the writers come to some point or other. */
static bool writers_at_some_point(struct storm *storm)
{
	uint32_t reads;

	switch (some(storm, 3)) {
	case 0:
		return wait_for(kipc_writers_waiting(storm->fd[0]) >= 1);
	case 1:
		some_moment(storm, 3000);
		return true;
	default:
		for (reads = some(storm, 20); reads; reads--)
			if (read_on(storm) <= 0)
				return false;
		return true;
	}
}

/*
 * One of two writers, or the only one, is killed: before it came to write,
 * asleep because nobody reads, or somewhere in between.
 */
TEST_F_TIMEOUT(kill, writers, TIME_LIMIT)
{
	struct storm *storm = &self->storm;
	pid_t victim, survivor;
	uint32_t frames, next[2];
	int left = rounds();
	const char *wrong;
	int64_t n;

	while (left-- && _metadata->passed) {
		ASSERT_EQ(0, next_round(storm));
		frames = some(storm, FRAMES + 1);
		survivor = 0;
		if (frames & 1)
			survivor = start_writer(storm->fd, &storm->plan,
						SURVIVOR, frames);
		victim = start_writer(storm->fd, &storm->plan, VICTIM, 0);
		if (frames && !survivor)
			survivor = start_writer(storm->fd, &storm->plan,
						SURVIVOR, frames);
		close(storm->fd[1]);
		ASSERT_TRUE(writers_at_some_point(storm));
		ASSERT_EQ(0, kill(victim, SIGKILL));
		while ((n = read_on(storm)) > 0)
			;
		ASSERT_EQ(0, n);
		EXPECT_EQ(SIGKILL, kipc_reap(victim));
		if (survivor)
			EXPECT_EQ(0, kipc_reap(survivor));

		next[VICTIM] = 0;
		next[SURVIVOR] = 0;
		wrong = check_stream(storm->stream, storm->total, &storm->plan,
				     next);
		EXPECT_EQ(NULL, wrong)
			TH_LOG("round %u: %s", storm->plan.round, wrong);
		EXPECT_EQ(frames, next[SURVIVOR]);
		EXPECT_BALANCE(storm->fd[0], storm->total, storm->total);
		close(storm->fd[0]);
	}
}

/*
 * A child that reads until the end and leaves all of it in its log, also what
 * it had no time to look at.  @total: bytes that will come at most.
 */
static pid_t start_reader(struct storm *storm, int index, uint32_t total)
{
	uint64_t rnd = storm->rnd + index;
	char *log = storm->log[index];
	uint32_t len = PAGE, at = 0, i;
	pid_t pid;
	int64_t n;

	memset(log, 0, total + sizeof(struct frame));
	pid = kipc_fork();
	if (pid)
		return pid;
	close(storm->fd[1]);
	do {
		if (!(storm->flags & KIPC_PIPE_RECORD))
			len = kipc_rand(&rnd) % (2 * PAGE) + 1;
		CHILD_CHECK(at + len <= STREAM_MAX);
		/* There must be no page fault in the kernel to be killed in. */
		for (i = 0; i < len; i += PAGE)
			__atomic_store_n(log + at + i, 0, __ATOMIC_RELAXED);
		__atomic_store_n(log + at + len - 1, 0, __ATOMIC_RELAXED);
		n = kipc_pipe_io(storm->fd[0], KIPC_PIPE_READ, log + at, len,
				 now_ns() + PATIENCE_NS, 0);
		CHILD_CHECK(n >= 0);
		at += n;
	} while (n);
	_exit(0);
}

/* All that the survivor writes in a round; its length. */
static uint32_t whole_stream(char *stream, const struct plan *plan,
			     uint32_t frames)
{
	static struct frame frame;
	uint32_t seq, at = 0;

	for (seq = 0; seq < frames; seq++) {
		frame_build(&frame, plan, SURVIVOR, seq);
		memcpy(stream + at, &frame, frame.len);
		at += frame.len;
	}
	return at;
}

/* Marks the frames in @log; false if one is torn or was there before. */
static bool mark_frames(const char *log, const struct plan *plan, char *seen,
			uint32_t frames)
{
	static struct frame frame;
	struct frame head;
	uint32_t at = 0;

	for (;;) {
		memcpy(&head, log + at, offsetof(struct frame, data));
		if (!head.magic)
			return true;
		if (head.seq >= frames || seen[head.seq]++)
			return false;
		frame_build(&frame, plan, SURVIVOR, head.seq);
		if (memcmp(log + at, &frame, frame.len))
			return false;
		at += frame.len;
	}
}

/*
 * Lets @readers come to some point or other, with @total bytes to come.
 * Gives the writer, 0 if it was not started, -1 if the readers do not sleep.
 */
static pid_t readers_at_some_point(struct storm *storm, uint32_t readers,
				   uint32_t frames, uint32_t total)
{
	uint32_t kind = some(storm, 4), enough = some(storm, total);
	uint64_t end = now_ns() + PATIENCE_NS;
	pid_t writer;

	/* All of them asleep, before there is anything to read. */
	if (kind < 2 &&
	    !wait_for(kipc_readers_waiting(storm->fd[0]) == readers))
		return -1;
	if (!kind)
		return 0;
	writer = start_writer(storm->fd, &storm->plan, SURVIVOR, frames);
	if (kind == 2)
		some_moment(storm, 3000);
	while (kind == 3 && bytes_read(storm->fd[0]) < enough &&
	       now_ns() < end)
		sched_yield();
	return writer;
}

/*
 * What the readers got, together: every frame once (records that two readers
 * shared), or the stream without a gap at @first, where the killed one stopped.
 */
static const char *check_readers(struct storm *storm, const char *want,
				 uint32_t total, uint32_t frames,
				 uint32_t first)
{
	bool turns = storm->flags & KIPC_PIPE_TURNS;
	char seen[FRAMES] = {};

	if (turns && storm->flags & KIPC_PIPE_RECORD) {
		memset(storm->stream + storm->total, 0, sizeof(struct frame));
		if (!mark_frames(storm->log[0], &storm->plan, seen, frames))
			return "what the killed reader got";
		if (!mark_frames(storm->log[1], &storm->plan, seen, frames))
			return "what the other reader got";
		if (!mark_frames(storm->stream, &storm->plan, seen, frames))
			return "what the test got";
		return memchr(seen, 0, frames) ? "a record is missing" : NULL;
	}
	if (!turns && memcmp(storm->log[0], want, first))
		return "what the killed reader got";
	if (storm->total != total - first)
		return "length of the rest";
	return memcmp(storm->stream, want + first, total - first) ?
	       "the rest" : NULL;
}

/*
 * Of two readers that take turns with records one is killed and the other one
 * goes on; otherwise all of them are killed.  The test itself reads the rest.
 */
TEST_F_TIMEOUT(kill, readers, TIME_LIMIT)
{
	bool turns = variant->flags & KIPC_PIPE_TURNS;
	bool spare = turns && variant->flags & KIPC_PIPE_RECORD;
	struct storm *storm = &self->storm;
	uint32_t frames, total, first;
	static char want[STREAM_MAX];
	pid_t reader[2], writer;
	int left = rounds(), i;
	const char *wrong;
	int64_t n;

	while (left-- && _metadata->passed) {
		ASSERT_EQ(0, next_round(storm));
		frames = some(storm, FRAMES) + 1;
		total = whole_stream(want, &storm->plan, frames);
		for (i = 0; i <= turns; i++)
			reader[i] = start_reader(storm, i, total);
		writer = readers_at_some_point(storm, 1 + turns, frames, total);
		ASSERT_LE(0, writer);
		for (i = 0; i <= turns - spare; i++) {
			ASSERT_EQ(0, kill(reader[i], SIGKILL));
			EXPECT_EQ(SIGKILL, kipc_reap(reader[i]));
		}
		first = bytes_read(storm->fd[0]);
		if (!writer)
			writer = start_writer(storm->fd, &storm->plan, SURVIVOR,
					      frames);
		close(storm->fd[1]);
		while ((n = read_on(storm)) > 0)
			;
		ASSERT_EQ(0, n);
		EXPECT_EQ(0, kipc_reap(writer));
		if (spare)
			EXPECT_EQ(0, kipc_reap(reader[1]));
		wrong = check_readers(storm, want, total, frames, first);
		EXPECT_EQ(NULL, wrong)
			TH_LOG("round %u: %s", storm->plan.round, wrong);
		EXPECT_BALANCE(storm->fd[0], total, total);
		close(storm->fd[0]);
	}
}

/* Kills a reader when the writer sleeps. */
struct killer {
	int fd;
	pid_t victim;
	bool asleep;
	pthread_t thread;
};

static void *killer_run(void *data)
{
	struct killer *killer = data;

	killer->asleep = wait_for(kipc_writers_waiting(killer->fd) == 1);
	kill(killer->victim, SIGKILL);
	return NULL;
}

/* Writes until there is no reader left; gives what the last write gave. */
static int64_t write_on(struct storm *storm, pid_t reader, uint32_t enough)
{
	static struct frame frame;
	uint32_t seq, len;
	int64_t n;

	for (seq = 0;; seq++) {
		len = frame_build(&frame, &storm->plan, SURVIVOR, seq);
		if (storm->total >= enough)
			kill(reader, SIGKILL);
		if (len > STREAM_MAX - storm->total)
			return -ENOBUFS;
		n = kipc_pipe_io(storm->fd[1], KIPC_PIPE_WRITE, &frame, len,
				 now_ns() + PATIENCE_NS, KIPC_IO_NOSIGPIPE);
		if (n < 0)
			return n;
		memcpy(storm->stream + storm->total, &frame, n);
		storm->total += n;
	}
}

/*
 * The only reader is killed while the writer sleeps, or after some bytes: the
 * writer gets EPIPE, and what the reader took is the front of what was written.
 */
TEST_F_TIMEOUT(kill, last_reader, TIME_LIMIT)
{
	struct storm *storm = &self->storm;
	struct killer killer;
	int left = rounds();
	uint32_t got;
	pid_t reader;
	bool pause;

	while (left-- && _metadata->passed) {
		ASSERT_EQ(0, next_round(storm));
		pause = some(storm, 3) == 0;
		reader = start_reader(storm, 0, STREAM_MAX / 2);
		close(storm->fd[0]);
		if (pause) {
			kill(reader, SIGSTOP);
			killer = (struct killer){ .fd = storm->fd[1],
				.victim = reader };
			ASSERT_EQ(0, pthread_create(&killer.thread, NULL,
						    killer_run, &killer));
		}
		EXPECT_EQ(-EPIPE, write_on(storm, reader, pause ? STREAM_MAX :
					   some(storm, STREAM_MAX / 16)));
		EXPECT_EQ(SIGKILL, kipc_reap(reader));
		if (pause) {
			pthread_join(killer.thread, NULL);
			EXPECT_TRUE(killer.asleep);
		}
		got = bytes_read(storm->fd[1]);
		EXPECT_GE(storm->total, got);
		EXPECT_EQ(0, memcmp(storm->stream, storm->log[0], got));
		EXPECT_BALANCE(storm->fd[1], storm->total, got);
		close(storm->fd[1]);
	}
}

TEST_HARNESS_MAIN
