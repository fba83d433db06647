// SPDX-License-Identifier: GPL-2.0
/*
 * Readers that take turns: who is slow, who stays away, who dies or leaves, and
 * who does not want to wait.  pipe_rules_test has the plain case.
 */
#include "kselftest_harness.h"
#include "kipc_util.h"

#define PAGE	4096
#define SYSCTL	"/proc/sys/kipc/turn_grace_ms"

static long grace_get(void)
{
	FILE *file = fopen(SYSCTL, "r");
	long ms = -1;

	if (!file)
		return -1;
	if (fscanf(file, "%ld", &ms) != 1)
		ms = -1;
	fclose(file);
	return ms;
}

static bool grace_set(long ms)
{
	FILE *file = fopen(SYSCTL, "w");
	bool ok;

	if (!file)
		return false;
	ok = fprintf(file, "%ld\n", ms) > 0;
	return !fclose(file) && ok;
}

/* The grace is raised, so that waiting it out is seen as the failure it is. */
#define LONG_GRACE_MS	15000
#define FAR_BELOW_NS	(5 * NSEC_PER_SEC)

FIXTURE(turns) {
	long grace;
	int fd[2];
};

FIXTURE_SETUP(turns)
{
	self->grace = grace_get();
	if (self->grace < 0 || !grace_set(LONG_GRACE_MS))
		SKIP(return, "cannot set " SYSCTL ": not root?");
	ASSERT_EQ(0, kipc_pipe(self->fd, 4 * PAGE,
			       KIPC_PIPE_RECORD | KIPC_PIPE_TURNS));
}

FIXTURE_TEARDOWN(turns)
{
	if (self->grace >= 0)
		grace_set(self->grace);
}

static bool put(int fd, int count)
{
	while (count--)
		if (kipc_try_write(fd, "r", 1) != 1)
			return false;
	return true;
}

TEST_F(turns, grace_is_what_was_set)
{
	struct kipc_info info = { .size = sizeof(info) };

	if (_metadata->skip)
		return;
	ASSERT_EQ(0, kipc_device_ioctl(KIPC_INFO, &info));
	EXPECT_EQ(LONG_GRACE_MS * NSEC_PER_MSEC, info.turn_grace_ns);
	EXPECT_TRUE(grace_set(123));
	ASSERT_EQ(0, kipc_device_ioctl(KIPC_INFO, &info));
	EXPECT_EQ(123 * NSEC_PER_MSEC, info.turn_grace_ns);
}

#define READERS	4

/*
 * A thread that reads when it is told to; one record each time.  The tests keep
 * these in static memory: a thread may still use its own after the test's end.
 */
struct reader {
	int fd;
	int todo;		/* reads that it may still begin */
	int done;		/* reads that it has ended */
	int pause_us;		/* between two reads */
	int64_t last;		/* what the last one gave */
	pthread_t thread;
};

static int load(int *what)
{
	return __atomic_load_n(what, __ATOMIC_ACQUIRE);
}

static void *reader_run(void *data)
{
	struct reader *r = data;
	char got[8];

	for (;;) {
		while (load(&r->todo) == 0)
			usleep(200);
		if (load(&r->todo) < 0)
			return NULL;
		__atomic_sub_fetch(&r->todo, 1, __ATOMIC_ACQ_REL);
		r->last = KIPC_RET(read(r->fd, got, sizeof(got)));
		__atomic_add_fetch(&r->done, 1, __ATOMIC_ACQ_REL);
		if (r->last <= 0)
			return NULL;
		if (r->pause_us)
			usleep(r->pause_us);
	}
}

static int reader_start(struct reader *r, int fd)
{
	*r = (struct reader){ .fd = fd };
	return pthread_create(&r->thread, NULL, reader_run, r);
}

static void reader_tell(struct reader *r, int count)
{
	__atomic_store_n(&r->todo, count, __ATOMIC_RELEASE);
}

/* Lets @r take @count shares and waits until it has them. */
static bool reader_takes(struct reader *r, int count)
{
	int before = load(&r->done);

	reader_tell(r, count);
	return wait_for(load(&r->done) == before + count);
}

/* Two readers that have had a share each; the next turns are equal. */
static bool two_join(struct reader r[2], int fd[2])
{
	int i;

	for (i = 0; i < 2; i++)
		if (reader_start(&r[i], fd[0]))
			return false;
	for (i = 0; i < 2; i++)
		reader_tell(&r[i], 1);
	if (!wait_for(kipc_readers_waiting(fd[1]) == 2) || !put(fd[1], 2))
		return false;
	return wait_for(load(&r[0].done) == 1 && load(&r[1].done) == 1);
}

/* Slow is not absent: within the grace the others wait, and shares are even. */
TEST_F(turns, a_slow_reader_gets_its_share)
{
	const int total = 100;
	static struct reader r[READERS];
	int i, sum = 0, least = total, most = 0;

	if (_metadata->skip)
		return;
	for (i = 0; i < READERS; i++) {
		ASSERT_EQ(0, reader_start(&r[i], self->fd[0]));
		r[i].pause_us = i ? 0 : 3000;
		reader_tell(&r[i], total);
	}
	ASSERT_TRUE(wait_for(kipc_readers_waiting(self->fd[1]) == READERS));
	for (i = 0; i < total; i++)
		ASSERT_EQ(1, KIPC_RET(write(self->fd[1], "r", 1)));
	close(self->fd[1]);
	for (i = 0; i < READERS; i++) {
		pthread_join(r[i].thread, NULL);
		EXPECT_EQ(0, r[i].last);
		/* The last read of each was the end of file. */
		r[i].done--;
		sum += r[i].done;
		least = r[i].done < least ? r[i].done : least;
		most = r[i].done > most ? r[i].done : most;
	}
	EXPECT_EQ(total, sum);
	EXPECT_GE(1, most - least)
		TH_LOG("shares from %d to %d", least, most);
}

/* Nobody gets a second share while another has not had its first. */
TEST_F(turns, the_others_wait_for_one_who_is_away)
{
	static struct reader r[2];

	if (_metadata->skip)
		return;
	ASSERT_TRUE(two_join(r, self->fd));
	ASSERT_TRUE(put(self->fd[1], 4));
	/* One share for the first one, the next is the other one's. */
	ASSERT_TRUE(reader_takes(&r[0], 1));
	reader_tell(&r[0], 1);
	ASSERT_TRUE(wait_for(kipc_readers_waiting(self->fd[1]) == 1));
	EXPECT_EQ(2, load(&r[0].done));
	/* He comes, takes it, and the first one goes on. */
	ASSERT_TRUE(reader_takes(&r[1], 1));
	ASSERT_TRUE(wait_for(load(&r[0].done) == 3));
}

/* He who stays away for the grace loses his turn, once, and may come again. */
TEST_F(turns, an_absent_reader_is_left_out)
{
	const long grace = 300;
	uint64_t begin, took;
	static struct reader r[2];
	int i;

	if (_metadata->skip)
		return;
	ASSERT_TRUE(grace_set(grace));
	ASSERT_TRUE(two_join(r, self->fd));
	ASSERT_TRUE(put(self->fd[1], 21));
	ASSERT_TRUE(reader_takes(&r[0], 1));
	begin = now_ns();
	ASSERT_TRUE(reader_takes(&r[0], 1));
	took = now_ns() - begin;
	/* Half: the clock of the grace may have run before the read. */
	EXPECT_LE(grace / 2 * NSEC_PER_MSEC, took);
	EXPECT_GE(FAR_BELOW_NS, took);
	/* From then on nobody waits for him: far less than 19 graces. */
	begin = now_ns();
	ASSERT_TRUE(reader_takes(&r[0], 19));
	EXPECT_GE(3 * grace * NSEC_PER_MSEC, now_ns() - begin);

	/* He comes back and they take turns as before. */
	ASSERT_TRUE(grace_set(LONG_GRACE_MS));
	begin = now_ns();
	reader_tell(&r[1], 10);
	reader_tell(&r[0], 10);
	ASSERT_TRUE(wait_for(kipc_readers_waiting(self->fd[1]) == 2));
	/*
	 * He is due at once, in a round in which the other one had a share: so
	 * he may be one ahead, and never more.
	 */
	for (i = 1; i <= 10; i++) {
		ASSERT_TRUE(put(self->fd[1], 2));
		ASSERT_TRUE(wait_for(load(&r[0].done) + load(&r[1].done) ==
				     23 + 2 * i));
		EXPECT_LE(1 + i, load(&r[1].done));
		EXPECT_GE(2 + i, load(&r[1].done));
	}
	EXPECT_GE(FAR_BELOW_NS, now_ns() - begin);
}

/* How a reader whose turn it is can be gone for good. */
enum leaving {
	KILLED,			/* with a handle of its own */
	KILLED_SHARING,		/* with one that its parent has, too */
	EXITED,
	CLOSED,			/* and lives on */
	CLOSED_SHARING,
};

/* A child that takes one share and then stays away, until it is told. */
static pid_t start_leaver(const char *name, int fd, enum leaving how, int go)
{
	pid_t pid = kipc_fork();
	char got[8];

	if (pid)
		return pid;
	if (how != KILLED_SHARING && how != CLOSED_SHARING)
		fd = kipc_open_name(name, KIPC_RIGHT_READ, 0);
	CHILD_CHECK(fd >= 0);
	CHILD_CHECK(read(fd, got, 8) == 1);
	CHILD_CHECK(read(go, got, 1) == 1);
	if (how == EXITED)
		_exit(0);
	close(fd);
	pause();
	_exit(1);
}

/*
 * The turn of one who dies or closes passes on at once.  The grace is so long
 * that to wait for it cannot be mistaken for that.
 */
static void leaver_passes_on(struct __test_metadata *_metadata,
			     enum leaving how)
{
	bool kills = how == KILLED || how == KILLED_SHARING;
	struct kipc_pipe_create pipe;
	static struct reader r;
	char name[64];
	uint64_t begin;
	int go[2];
	pid_t pid;

	snprintf(name, sizeof(name), "turns-%d-%d", getpid(), how);
	ASSERT_EQ(0, kipc_pipe_named(&pipe, name, KIPC_RIGHT_READ |
				     KIPC_RIGHT_WRITE, PAGE,
				     KIPC_PIPE_RECORD | KIPC_PIPE_TURNS));
	ASSERT_EQ(0, pipe2(go, O_CLOEXEC));
	pid = start_leaver(name, pipe.read_fd, how, go[0]);
	ASSERT_TRUE(wait_for(kipc_readers_waiting(pipe.write_fd) == 1));
	ASSERT_TRUE(put(pipe.write_fd, 4));
	/* It had one; this reader may have two, and must wait for a third. */
	ASSERT_TRUE(wait_for(kipc_readers_waiting(pipe.write_fd) == 0));
	ASSERT_EQ(0, reader_start(&r, pipe.read_fd));
	ASSERT_TRUE(reader_takes(&r, 2));
	reader_tell(&r, 1);
	ASSERT_TRUE(wait_for(kipc_readers_waiting(pipe.write_fd) == 1));

	begin = now_ns();
	ASSERT_EQ(0, kills ? kill(pid, SIGKILL) : write(go[1], "g", 1) - 1);
	EXPECT_TRUE(wait_for(load(&r.done) == 3));
	EXPECT_GE(FAR_BELOW_NS, now_ns() - begin);
	kill(pid, SIGKILL);
	EXPECT_LE(0, kipc_reap(pid));
	reader_tell(&r, -1);
	pthread_join(r.thread, NULL);
	close(pipe.read_fd);
	close(pipe.write_fd);
}

TEST_F(turns, a_killed_reader_passes_on)
{
	if (_metadata->skip)
		return;
	leaver_passes_on(_metadata, KILLED);
	leaver_passes_on(_metadata, KILLED_SHARING);
}

TEST_F(turns, a_reader_that_exits_passes_on)
{
	if (_metadata->skip)
		return;
	leaver_passes_on(_metadata, EXITED);
}

TEST_F(turns, a_reader_that_closes_passes_on)
{
	if (_metadata->skip)
		return;
	leaver_passes_on(_metadata, CLOSED);
	leaver_passes_on(_metadata, CLOSED_SHARING);
}

/* A reader is a thread: the process of one that is gone may live on. */
TEST_F(turns, a_thread_that_ends_passes_on)
{
	static struct reader r[2];
	uint64_t begin;

	if (_metadata->skip)
		return;
	ASSERT_TRUE(two_join(r, self->fd));
	ASSERT_TRUE(put(self->fd[1], 3));
	reader_tell(&r[1], -1);
	pthread_join(r[1].thread, NULL);
	begin = now_ns();
	EXPECT_TRUE(reader_takes(&r[0], 3));
	EXPECT_GE(FAR_BELOW_NS, now_ns() - begin);
}

/* Killed while it waits in the middle of the queue. */
TEST_F(turns, killed_in_the_queue)
{
	uint64_t begin;
	pid_t pid[3];
	char got[8];
	int i;

	if (_metadata->skip)
		return;
	for (i = 0; i < 3; i++) {
		pid[i] = kipc_fork();
		if (!pid[i]) {
			CHILD_CHECK(read(self->fd[0], got, 8) == 1);
			_exit(0);
		}
		ASSERT_TRUE(wait_for(kipc_readers_waiting(self->fd[1]) ==
				     (unsigned int)i + 1));
	}
	begin = now_ns();
	ASSERT_EQ(0, kill(pid[1], SIGKILL));
	ASSERT_TRUE(put(self->fd[1], 2));
	for (i = 0; i < 3; i++)
		EXPECT_EQ(i == 1 ? SIGKILL : 0, kipc_reap(pid[i]));
	EXPECT_GE(FAR_BELOW_NS, now_ns() - begin);
}

/* One who reads without blocking waits for nobody, and nobody for him. */
TEST_F(turns, nonblocking_readers_are_guests)
{
	static struct reader r[2];
	uint64_t begin;
	char got[8];

	if (_metadata->skip)
		return;
	ASSERT_TRUE(two_join(r, self->fd));
	ASSERT_TRUE(put(self->fd[1], 8));
	/* It is somebody's turn, but nobody waits: he takes what is there. */
	EXPECT_EQ(1, kipc_try_read(self->fd[0], got, 8));
	EXPECT_EQ(1, kipc_try_read(self->fd[0], got, 8));
	EXPECT_EQ(1, kipc_try_read(self->fd[0], got, 8));
	/* Now one waits for the other's turn: that one comes first. */
	ASSERT_TRUE(reader_takes(&r[0], 1));
	reader_tell(&r[0], 1);
	ASSERT_TRUE(wait_for(kipc_readers_waiting(self->fd[1]) == 1));
	EXPECT_EQ(-EAGAIN, kipc_try_read(self->fd[0], got, 8));
	begin = now_ns();
	ASSERT_TRUE(reader_takes(&r[1], 1));
	ASSERT_TRUE(wait_for(load(&r[0].done) == 3));
	/* Those two go on without the guest. */
	ASSERT_TRUE(reader_takes(&r[1], 1));
	ASSERT_TRUE(reader_takes(&r[0], 1));
	EXPECT_GE(FAR_BELOW_NS, now_ns() - begin);
	EXPECT_EQ(-EAGAIN, kipc_try_read(self->fd[0], got, 8));
}

/* With nothing left to share, nobody waits for one who is away. */
TEST_F(turns, the_end_comes_at_once)
{
	static struct reader r[2];
	uint64_t begin;
	int how, fd[2];

	if (_metadata->skip)
		return;
	for (how = 0; how < 2; how++) {
		ASSERT_EQ(0, kipc_pipe(fd, PAGE, KIPC_PIPE_RECORD |
				       KIPC_PIPE_TURNS));
		ASSERT_TRUE(two_join(r, fd));
		ASSERT_TRUE(put(fd[1], 1));
		ASSERT_TRUE(reader_takes(&r[0], 1));
		reader_tell(&r[0], 1);
		ASSERT_TRUE(wait_for(kipc_readers_waiting(fd[1]) == 1));
		begin = now_ns();
		EXPECT_EQ(0, how ? kipc_destroy(fd[0]) : close(fd[1]));
		EXPECT_TRUE(wait_for(load(&r[0].done) == 3));
		EXPECT_EQ(how ? -EIDRM : 0, r[0].last);
		EXPECT_GE(FAR_BELOW_NS, now_ns() - begin);
		reader_tell(&r[1], -1);
		pthread_join(r[0].thread, NULL);
		pthread_join(r[1].thread, NULL);
	}
}

/* A deadline holds while one waits for the turn of somebody else, too. */
TEST_F(turns, a_deadline_comes_before_the_turn)
{
	char got[8];
	uint64_t deadline;
	static struct reader r;

	if (_metadata->skip)
		return;
	ASSERT_EQ(0, reader_start(&r, self->fd[0]));
	ASSERT_TRUE(put(self->fd[1], 4));
	ASSERT_TRUE(reader_takes(&r, 1));
	/* This thread may have two shares now. */
	ASSERT_EQ(1, KIPC_RET(read(self->fd[0], got, 8)));
	ASSERT_EQ(1, KIPC_RET(read(self->fd[0], got, 8)));
	deadline = in_ms(50);
	EXPECT_EQ(-ETIMEDOUT, kipc_pipe_io(self->fd[0], KIPC_PIPE_READ, got, 8,
					   deadline, 0));
	EXPECT_LE(deadline, now_ns());
	EXPECT_GE(deadline + FAR_BELOW_NS, now_ns());
	EXPECT_EQ(-ETIMEDOUT, kipc_pipe_io(self->fd[0], KIPC_PIPE_READ, got, 8,
					   1, 0));
	/* He lost nothing by it. */
	ASSERT_TRUE(reader_takes(&r, 1));
	EXPECT_EQ(4, kipc_try_write(self->fd[1], "last", 4));
	EXPECT_EQ(4, KIPC_RET(read(self->fd[0], got, 8)));
}

/* Threads that share a handle: even at every moment, not only at the end. */
TEST_F(turns, threads_share_evenly)
{
	const int rounds = scaled(1000);
	static struct reader r[READERS];
	int i, round;

	if (_metadata->skip)
		return;
	for (i = 0; i < READERS; i++) {
		ASSERT_EQ(0, reader_start(&r[i], self->fd[0]));
		reader_tell(&r[i], rounds);
	}
	ASSERT_TRUE(wait_for(kipc_readers_waiting(self->fd[1]) == READERS));
	for (round = 1; round <= rounds; round++) {
		ASSERT_TRUE(put(self->fd[1], READERS));
		for (i = 0; i < READERS; i++)
			ASSERT_TRUE(wait_for(load(&r[i].done) == round));
	}
}

TEST_HARNESS_MAIN
