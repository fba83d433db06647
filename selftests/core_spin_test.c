// SPDX-License-Identifier: GPL-2.0
/*
 * Spinning before a sleep: who waits for less than that does not give his
 * processor away, and everything else is as without.
 */
#include "kselftest_harness.h"

#include "core_spin.h"

#define SPIN_MAX	KIPC_SPIN_NS_MAX
#define ROUNDS		10
#define WAITS		20

FIXTURE(spin)
{
	struct game game;
	struct player players[2];
};

FIXTURE_VARIANT(spin)
{
	const struct way *way;
};

FIXTURE_VARIANT_ADD(spin, pipe_data) { .way = &ways[0] };
FIXTURE_VARIANT_ADD(spin, pipe_room) { .way = &ways[1] };
FIXTURE_VARIANT_ADD(spin, mailbox_message) { .way = &ways[2] };
FIXTURE_VARIANT_ADD(spin, mailbox_room) { .way = &ways[3] };
FIXTURE_VARIANT_ADD(spin, semaphore) { .way = &ways[4] };
FIXTURE_VARIANT_ADD(spin, mapped_semaphore) { .way = &ways[5] };
FIXTURE_VARIANT_ADD(spin, array) { .way = &ways[6] };
FIXTURE_VARIANT_ADD(spin, call) { .way = &ways[7] };

FIXTURE_SETUP(spin)
{
	ASSERT_EQ(0, game_make(&self->game, variant->way, SPIN_MAX));
}

FIXTURE_TEARDOWN(spin)
{
	game_end(&self->game);
}

static long long spin_of(int fd)
{
	struct kipc_stat st;
	int ret = kipc_stat_fd(fd, &st);

	return ret ? ret : (long long)st.spin_ns;
}

static void be_refused(void *arg)
{
	CHECK_EQ(-EPERM, spin_set(*(int *)arg, 1));
}

static void expect_attribute(struct __test_metadata *_metadata, int fd)
{
	struct kipc_setattr arg = {
		.size = sizeof(arg),
		.flags = KIPC_SET_MODE,
		.mode = 0640,
		.spin_ns = 1,
	};

	ASSERT_EQ(0, spin_set(fd, 1));
	EXPECT_EQ(1, spin_of(fd));
	ASSERT_EQ(0, spin_set(fd, SPIN_MAX));
	EXPECT_EQ(SPIN_MAX, spin_of(fd));
	EXPECT_EQ(-EINVAL, spin_set(fd, SPIN_MAX + 1));
	EXPECT_EQ(-EINVAL, spin_set(fd, ~0U));
	EXPECT_EQ(-EINVAL, kipc_ioctl(fd, KIPC_SETATTR, &arg));
	arg.spin_ns = 0;
	EXPECT_EQ(0, kipc_ioctl(fd, KIPC_SETATTR, &arg));
	EXPECT_EQ(0, child_run_as(ALICE, be_refused, &fd));
	EXPECT_EQ(SPIN_MAX, spin_of(fd));
	ASSERT_EQ(0, spin_set(fd, 0));
	EXPECT_EQ(0, spin_of(fd));
}

TEST_F(spin, attribute)
{
	struct game game;

	expect_attribute(_metadata, self->game.object[0]);
	game_end(&self->game);
	/* Off, unless somebody says otherwise. */
	game = (struct game){ .object = { -1, -1 }, .other = { -1, -1 } };
	ASSERT_EQ(0, variant->way->make(&game));
	EXPECT_EQ(0, spin_of(game.object[0]));
	self->game = game;
}

/* A segment has it as well, though nobody waits there. */
TEST(segment_attribute)
{
	struct kipc_segment_create arg = {
		.size = sizeof(arg),
		.rights = RIGHT_BOTH,
		.mode = 0600,
		.bytes = 4096,
	};

	ASSERT_EQ(0, kipc_device_ioctl(KIPC_SEGMENT_CREATE, &arg));
	EXPECT_EQ(0, spin_of(arg.fd));
	expect_attribute(_metadata, arg.fd);
	close(arg.fd);
}

/* How many switches it takes to wait for nothing, each time for @ns; or -1. */
static long vain_waits(struct game *game, int me, int times, uint64_t ns)
{
	long before = switches();

	while (times--)
		if (game->way->await(game, me, now_ns() + ns) != -ETIMEDOUT)
			return -1;
	return switches() - before;
}

/*
 * Whoever waits for less than the spin takes does not sleep; but an emulated
 * processor may stand still, or have other things to do.  So it is enough if it
 * is seen once that most of a number of waits do without.
 */
TEST_F(spin, before_the_sleep)
{
	struct game *game = &self->game;
	const uint64_t ns = SPIN_MAX * 9 / 10;
	long seen;
	int me;

	if (sysconf(_SC_NPROCESSORS_ONLN) < 2)
		SKIP(return, "needs two processors");
	for (me = 0; me < 2; me++) {
		ASSERT_EQ(0, game_spin(game, SPIN_MAX));
		EXPECT_TRUE(wait_for((seen = vain_waits(game, me, WAITS, ns))
				     <= WAITS / 4))
			TH_LOG("player %d: %ld", me, seen);
		EXPECT_LE(0, seen);
		/* But then he sleeps. */
		EXPECT_TRUE(wait_for(vain_waits(game, me, 1, 9 * ns) == 1));
		ASSERT_EQ(0, game_spin(game, 0));
		EXPECT_TRUE(wait_for((seen = vain_waits(game, me, WAITS, ns))
				     >= WAITS * 3 / 4))
			TH_LOG("player %d: %ld without", me, seen);
	}
}

/*
 * Nor does he if the answer comes in time.  That takes both processors at once,
 * which emulated ones need not be: so a few rounds must do.  Without spinning a
 * wait has no switch only if its end comes in the moment before the sleep.
 */
TEST_F(spin, until_the_answer)
{
	struct player *players = self->players;
	struct game *game = &self->game;
	long waits;
	int ret;

	if (sysconf(_SC_NPROCESSORS_ONLN) < 2)
		SKIP(return, "needs two processors");
	players[1].cpu = 1;
	EXPECT_TRUE(wait_for(({
		waits = -variant->way->waits(game);
		ret = game_play(game, players, ROUNDS / 2);
		waits += variant->way->waits(game);
		ret || (waits >= ROUNDS / 2 - 1 && players[1].switches <= 1);
	}))) TH_LOG("%ld waits, %ld switches", waits, players[1].switches);
	EXPECT_EQ(0, ret);
}

/* Whoever spun on while the other wants to run there would take a millisecond. */
TEST_F(spin, gives_way)
{
	uint64_t took, best = ~0ULL;
	int ret;

	if (kernel_is_checked())
		SKIP(return, "too slow to tell");
	EXPECT_TRUE(wait_for(({
		took = now_ns();
		ret = game_play(&self->game, self->players, 4 * ROUNDS);
		took = now_ns() - took;
		best = took < best ? took : best;
		ret || best < 4 * ROUNDS * SPIN_MAX / 2;
	}))) TH_LOG("%llu ns", best + 0ULL);
	EXPECT_EQ(0, ret);
}

/* Spins of all lengths: what ends one meets it as it goes to sleep, too. */
TEST_F(spin, loses_nothing)
{
	unsigned long batch, batches = scaled_if_slow(40);
	struct player *players = self->players;
	uint64_t state = kipc_seed();

	for (batch = 0; batch < batches; batch++) {
		players[0].cpu = batch % 2 ? 0 : -1;
		players[1].cpu = batch % 4 > 1 ? 0 : -1;
		ASSERT_EQ(0, game_spin(&self->game, kipc_rand(&state) %
				       (1U << kipc_rand(&state) % 17)));
		ASSERT_EQ(0, game_play(&self->game, players, 5 * ROUNDS))
			TH_LOG("spin %u", self->game.spin_ns);
	}
	EXPECT_EQ(0, variant->way->waiting(&self->game));
}

/* Comes in the spin, or just then, or after it. */
TEST_F(spin, deadline)
{
	static const uint32_t waits[] = { 1, SPIN_MAX, 3 * SPIN_MAX };
	uint64_t start, end;
	unsigned int i, me;
	int ret;

	for (me = 0; me < 2; me++) {
		for (i = 0; i < ARRAY_SIZE(waits); i++) {
			end = now_ns() + waits[i];
			EXPECT_EQ(-ETIMEDOUT, variant->way->await(&self->game,
								  me, end));
			EXPECT_LE(end, now_ns());
		}
		/* It ends the spin: once at least it must be seen to. */
		EXPECT_TRUE(wait_for(({
			start = now_ns();
			ret = variant->way->await(&self->game, me, start + 1);
			end = now_ns();
			ret != -ETIMEDOUT || end - start < SPIN_MAX;
		})));
		EXPECT_EQ(-ETIMEDOUT, ret);
	}
	EXPECT_EQ(0, variant->way->waiting(&self->game));
	EXPECT_EQ(0, game_round(&self->game));
}

/* Somebody who waits in a thread until he is interrupted. */
struct waiter {
	struct game *game;
	int me;
	uint32_t at_it;
	uint32_t ended;
	int ret;
	pthread_t thread;
};

static void *waiter_run(void *data)
{
	struct waiter *waiter = data;

	word_set(&waiter->at_it, 1);
	waiter->ret = game_await(waiter->game, waiter->me);
	word_set(&waiter->ended, 1);
	return NULL;
}

/* He is at it, since at most a little more than a spin takes. */
static bool waiter_start(struct waiter *waiter, uint64_t *state)
{
	uint64_t end;

	if (pthread_create(&waiter->thread, NULL, waiter_run, waiter) ||
	    !wait_for(word_get(&waiter->at_it)))
		return false;
	end = now_ns() + kipc_rand(state) % (SPIN_MAX * 3 / 2);
	while (now_ns() < end)
		;
	return true;
}

static int waiter_end(struct waiter *waiter)
{
	pthread_join(waiter->thread, NULL);
	return waiter->ret;
}

TEST_F(spin, signal)
{
	unsigned long i, times = scaled(300);
	uint64_t state = kipc_seed();

	ASSERT_EQ(0, ep_catch(SIGUSR1, 0));
	for (i = 0; i < times; i++) {
		struct waiter waiter = { .game = &self->game, .me = i % 2 };

		ASSERT_TRUE(waiter_start(&waiter, &state));
		/* Not once: he may have been on his way into the call. */
		EXPECT_TRUE(wait_for(pthread_kill(waiter.thread, SIGUSR1) ||
				     word_get(&waiter.ended)));
		EXPECT_EQ(-EINTR, waiter_end(&waiter));
		EXPECT_EQ(0, variant->way->waiting(&self->game));
	}
	EXPECT_EQ(0, game_round(&self->game));
}

TEST_F(spin, destroy)
{
	unsigned long i, times = scaled(300);
	uint64_t state = kipc_seed();

	for (i = 0; i < times; i++) {
		struct waiter waiter = { .game = &self->game, .me = i % 2 };

		ASSERT_TRUE(waiter_start(&waiter, &state));
		EXPECT_EQ(0, kipc_destroy(self->game.object[waiter.me]));
		EXPECT_EQ(-EIDRM, waiter_end(&waiter));
		game_end(&self->game);
		ASSERT_EQ(0, game_make(&self->game, variant->way, SPIN_MAX));
	}
}

/* Nobody waits any more, and what comes is there for the next. */
TEST_F(spin, kill)
{
	unsigned long i, times = scaled(300);
	uint32_t *at_it = kipc_shared(sizeof(*at_it));
	uint64_t end, state = kipc_seed();
	struct game *game = &self->game;

	ASSERT_NE(NULL, at_it);
	for (i = 0; i < times; i++) {
		pid_t pid;

		word_set(at_it, 0);
		pid = kipc_fork();
		if (!pid) {
			word_set(at_it, 1);
			game_await(game, 0);
			_exit(1);
		}
		ASSERT_LT(0, pid);
		ASSERT_TRUE(wait_for(word_get(at_it)));
		end = now_ns() + kipc_rand(&state) % (SPIN_MAX * 3 / 2);
		while (now_ns() < end)
			;
		EXPECT_EQ(SIGKILL, child_kill(pid) - 128);
		EXPECT_EQ(0, variant->way->waiting(game));
		EXPECT_EQ(0, game_round(game));
	}
	munmap(at_it, sizeof(*at_it));
}

/* It has to wait for the end of the spin, no longer. */
TEST(resize_of_a_pipe)
{
	unsigned long i, times = scaled(300);
	uint64_t state = kipc_seed();
	struct game game;

	for (i = 0; i < times; i++) {
		struct waiter waiter = { .game = &game };
		struct kipc_pipe_resize resize = {
			.size = sizeof(resize),
			.capacity = 2 * BLOCK,
		};

		ASSERT_EQ(0, game_make(&game, &ways[i % 2], SPIN_MAX));
		ASSERT_TRUE(waiter_start(&waiter, &state));
		EXPECT_EQ(0, kipc_ioctl(game.object[0], KIPC_PIPE_RESIZE,
					&resize));
		/* Writers have room now. */
		if (!(i % 2))
			EXPECT_EQ(0, game.way->give(&game, 0));
		EXPECT_EQ(0, waiter_end(&waiter));
		game_end(&game);
	}
}

TEST_HARNESS_MAIN
