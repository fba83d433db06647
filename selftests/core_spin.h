/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The ways to wait for something that happens to an object, as a table, and two
 * players who make each other wait: what is promised of spinning is tested over
 * the table.
 */
#ifndef CORE_SPIN_H
#define CORE_SPIN_H

#include <sys/resource.h>

#include "array_util.h"
#include "endpoint_util.h"
#include "semaphore_util.h"

#undef TEST_TIMEOUT_DEFAULT
#define TEST_TIMEOUT_DEFAULT	400

#define BLOCK		4096	/* fills the smallest pipe */

struct way;

/**
 * struct game - what two players wait for
 * @way: how
 * @object: a handle of what each player waits on; the same object with calls
 * @other: pipes: their other ends; else -1
 * @slot: arrays: what each player has seen
 * @token: endpoints: of the call that was received last
 * @spin_ns: of the objects
 */
struct game {
	const struct way *way;
	int object[2];
	int other[2];
	struct kipc_array_slot slot[2];
	uint64_t token;
	uint32_t spin_ns;
};

/**
 * struct way - a row of the table
 * @name: for people
 * @make: fill in the game; 0 or -errno
 * @await: wait for the other player; 0 or -errno
 * @give: make what player @to waits for happen; 0 or -errno, never sleeps
 * @waiting: how many are seen to wait
 * @waits: how often player 1 had to wait so far
 */
struct way {
	const char *name;
	int (*make)(struct game *game);
	int (*await)(struct game *game, int me, uint64_t deadline_ns);
	int (*give)(struct game *game, int to);
	unsigned int (*waiting)(struct game *game);
	uint64_t (*waits)(struct game *game);
};

/* Bytes that should have been moved, as 0 or -errno. */
static inline int spin_moved(int64_t ret, int64_t want)
{
	return ret < 0 ? ret : ret == want ? 0 : -EIO;
}

static inline int readers_make(struct game *game)
{
	int i, fd[2], ret;

	for (i = 0; i < 2; i++) {
		ret = kipc_pipe(fd, BLOCK, 0);
		if (ret)
			return ret;
		game->object[i] = fd[0];
		game->other[i] = fd[1];
	}
	return 0;
}

static inline int readers_await(struct game *game, int me, uint64_t deadline_ns)
{
	char byte;

	return spin_moved(kipc_pipe_io(game->object[me], KIPC_PIPE_READ, &byte,
				       1, deadline_ns, 0), 1);
}

static inline int readers_give(struct game *game, int to)
{
	return spin_moved(kipc_try_write(game->other[to], "", 1), 1);
}

static inline unsigned int pipes_waiting(struct game *game)
{
	unsigned int i, waiting = 0;

	for (i = 0; i < 2; i++)
		waiting += kipc_readers_waiting(game->object[i]) +
			   kipc_writers_waiting(game->object[i]);
	return waiting;
}

static inline uint64_t pipes_waits(struct game *game)
{
	struct kipc_pipe_stat st;

	return kipc_pipe_stat(game->object[1], &st) ? 0 :
	       st.readers.sleeps + st.writers.sleeps;
}

static inline int writers_give(struct game *game, int to)
{
	char block[BLOCK];

	return spin_moved(kipc_try_read(game->other[to], block, BLOCK), BLOCK);
}

static inline int writers_await(struct game *game, int me, uint64_t deadline_ns)
{
	char block[BLOCK] = {};

	return spin_moved(kipc_pipe_io(game->object[me], KIPC_PIPE_WRITE, block,
				       BLOCK, deadline_ns, KIPC_IO_NOSIGPIPE),
			  BLOCK);
}

/* Full pipes. */
static inline int writers_make(struct game *game)
{
	int i, fd, ret = readers_make(game);

	for (i = 0; !ret && i < 2; i++) {
		fd = game->object[i];
		game->object[i] = game->other[i];
		game->other[i] = fd;
		ret = writers_await(game, i, 0);
	}
	return ret;
}

static inline int receivers_make(struct game *game)
{
	struct kipc_mailbox_create arg = {
		.size = sizeof(arg),
		.rights = RIGHT_BOTH,
		.mode = 0600,
		.max_messages = 1,
	};
	int i, ret;

	for (i = 0; i < 2; i++) {
		ret = kipc_device_ioctl(KIPC_MAILBOX_CREATE, &arg);
		if (ret)
			return ret;
		game->object[i] = arg.fd;
	}
	return 0;
}

static inline int box_send(int fd, uint64_t deadline_ns, uint32_t flags)
{
	struct kipc_msg_send arg = {
		.size = sizeof(arg),
		.flags = flags,
		.deadline_ns = deadline_ns,
		.msg = msg_text("x"),
	};

	return kipc_ioctl(fd, KIPC_MAILBOX_SEND, &arg);
}

static inline int box_recv(int fd, uint64_t deadline_ns, uint32_t flags)
{
	char byte;
	struct kipc_msg_recv arg = {
		.size = sizeof(arg),
		.flags = flags,
		.deadline_ns = deadline_ns,
		.msg = msg_room(&byte, 1),
	};

	return kipc_ioctl(fd, KIPC_MAILBOX_RECV, &arg);
}

static inline int receivers_await(struct game *game, int me,
				  uint64_t deadline_ns)
{
	return box_recv(game->object[me], deadline_ns, 0);
}

static inline int receivers_give(struct game *game, int to)
{
	return box_send(game->object[to], 0, KIPC_MSG_NONBLOCK);
}

static inline struct kipc_queue_stat box_stat(int fd)
{
	struct kipc_mailbox_stat st = { .size = sizeof(st) };

	if (kipc_ioctl(fd, KIPC_MAILBOX_STAT, &st))
		st.queue.senders = ~0U;
	return st.queue;
}

static inline unsigned int boxes_waiting(struct game *game)
{
	unsigned int i, waiting = 0;

	for (i = 0; i < 2; i++)
		waiting += box_stat(game->object[i]).senders +
			   box_stat(game->object[i]).receivers;
	return waiting;
}

static inline uint64_t boxes_waits(struct game *game)
{
	struct kipc_queue_stat st = box_stat(game->object[1]);

	return st.recv_sleeps + st.send_sleeps;
}

/* Full mailboxes. */
static inline int senders_make(struct game *game)
{
	return receivers_make(game) ?: receivers_give(game, 0) ?:
	       receivers_give(game, 1);
}

static inline int senders_await(struct game *game, int me, uint64_t deadline_ns)
{
	return box_send(game->object[me], deadline_ns, 0);
}

static inline int senders_give(struct game *game, int to)
{
	return box_recv(game->object[to], 0, KIPC_MSG_NONBLOCK);
}

static inline int sets_make(struct game *game, uint32_t flags)
{
	struct kipc_semaphore_create arg = {
		.flags = flags,
		.rights = SEM_RIGHTS,
		.mode = 0600,
		.count = 1,
		.max = 1,
	};
	int i;

	for (i = 0; i < 2; i++) {
		game->object[i] = sem_create(&arg);
		if (game->object[i] < 0)
			return game->object[i];
	}
	return 0;
}

static inline int takers_make(struct game *game)
{
	return sets_make(game, 0);
}

static inline int takers_await(struct game *game, int me, uint64_t deadline_ns)
{
	return sem_op_until(game->object[me], 0, -1, 0, deadline_ns);
}

static inline int takers_give(struct game *game, int to)
{
	return sem_try(game->object[to], 0, 1);
}

static inline int mapped_make(struct game *game)
{
	return sets_make(game, KIPC_SEMAPHORE_MAPPED);
}

#define mapped_await	takers_await
#define mapped_give	takers_give

static inline unsigned int takers_waiting(struct game *game)
{
	return sem_sleepers(game->object[0]) + sem_sleepers(game->object[1]);
}

static inline uint64_t takers_waits(struct game *game)
{
	struct kipc_semaphore_stat st;

	return sem_stat(game->object[1], &st) ? 0 : st.sleeps;
}

static inline int slots_make(struct game *game)
{
	int i;

	for (i = 0; i < 2; i++) {
		game->object[i] = array_make(1, 4);
		if (game->object[i] < 0)
			return game->object[i];
	}
	return 0;
}

static inline int slots_await(struct game *game, int me, uint64_t deadline_ns)
{
	return array_wait(game->object[me], &game->slot[me], 1, deadline_ns, 0);
}

static inline int slots_give(struct game *game, int to)
{
	return array_add(game->object[to], 0, 1);
}

static inline unsigned int slots_waiting(struct game *game)
{
	return array_waiting(game->object[0]) + array_waiting(game->object[1]);
}

static inline uint64_t slots_waits(struct game *game)
{
	struct kipc_array_stat st;

	return array_stat(game->object[1], &st) ? 0 : st.sleeps;
}

static inline int calls_make(struct game *game)
{
	game->object[0] = ep_make(0, 0);
	if (game->object[0] < 0)
		return game->object[0];
	game->object[1] = dup(game->object[0]);
	return game->object[1] < 0 ? -errno : 0;
}

/* Player 0 calls, player 1 is called: each waits in a way of his own. */
static inline int calls_await(struct game *game, int me, uint64_t deadline_ns)
{
	struct ep_got got;
	int ret;

	if (!me)
		return CALL(game->object[0], &got, .deadline_ns = deadline_ns,
			    .request = msg_text("?"));
	ret = RECV(game->object[0], &got, .deadline_ns = deadline_ns);
	game->token = got.msg.token;
	return ret;
}

/* What player 1 waits for comes with the call. */
static inline int calls_give(struct game *game, int to)
{
	return to ? 0 : ep_reply(game->object[0], game->token, "!");
}

static inline unsigned int calls_waiting(struct game *game)
{
	return ep_calls(game->object[0]) + ep_receivers(game->object[0]) +
	       ep_messages(game->object[0]);
}

static inline uint64_t calls_waits(struct game *game)
{
	struct kipc_endpoint_stat st;

	return ep_stat(game->object[1], &st) ? 0 : st.queue.recv_sleeps;
}

#define WAY(name, kind, family)						\
	{ name, kind##_make, kind##_await, kind##_give,			\
	  family##_waiting, family##_waits }

static const struct way ways[] = {
	WAY("pipe, for data", readers, pipes),
	WAY("pipe, for room", writers, pipes),
	WAY("mailbox, for a message", receivers, boxes),
	WAY("mailbox, for room", senders, boxes),
	WAY("semaphore", takers, takers),
	WAY("mapped semaphore", mapped, takers),
	WAY("array", slots, slots),
	WAY("call", calls, calls),
};

static inline int spin_set(int fd, uint32_t spin_ns)
{
	struct kipc_setattr arg = {
		.size = sizeof(arg),
		.flags = KIPC_SET_SPIN,
		.spin_ns = spin_ns,
	};

	return kipc_ioctl(fd, KIPC_SETATTR, &arg);
}

static inline int game_spin(struct game *game, uint32_t spin_ns)
{
	game->spin_ns = spin_ns;
	return spin_set(game->object[0], spin_ns) ?:
	       spin_set(game->object[1], spin_ns);
}

static inline int game_make(struct game *game, const struct way *way,
			    uint32_t spin_ns)
{
	*game = (struct game){
		.way = way,
		.object = { -1, -1 },
		.other = { -1, -1 },
	};
	return way->make(game) ?: game_spin(game, spin_ns);
}

static inline void game_end(struct game *game)
{
	int i;

	for (i = 0; i < 2; i++) {
		close(game->object[i]);
		if (game->other[i] >= 0)
			close(game->other[i]);
	}
}

static inline int game_await(struct game *game, int me)
{
	return game->way->await(game, me, now_ns() + PATIENCE_NS);
}

/**
 * struct player - one of the two who play rounds of a game
 * @game: the game
 * @me: 0 begins each round, 1 answers
 * @cpu: where he plays, -1 for anywhere
 * @rounds: how many
 * @start: where the two wait for each other
 * @ret: (out) 0 or -errno
 * @switches: (out) how often he gave his processor away
 */
struct player {
	struct game *game;
	int me;
	int cpu;
	unsigned long rounds;
	pthread_barrier_t *start;
	int ret;
	long switches;
};

/* Of the calling thread. */
static inline long switches(void)
{
	struct rusage usage;

	return getrusage(RUSAGE_THREAD, &usage) ? -1 : usage.ru_nvcsw;
}

static inline void *player_run(void *data)
{
	struct player *player = data;
	struct game *game = player->game;
	unsigned long round;
	int me = player->me;

	player->ret = 0;
	if (player->cpu >= 0 && on_cpu(0, player->cpu))
		player->ret = -errno;
	pthread_barrier_wait(player->start);
	player->switches = -switches();
	for (round = 0; !player->ret && round < player->rounds; round++) {
		if (!me)
			player->ret = game->way->give(game, 1) ?:
				      game_await(game, 0);
		else
			player->ret = game_await(game, 1) ?:
				      game->way->give(game, 0);
	}
	player->switches += switches();
	return NULL;
}

/* Plays as @players say, whose @cpu is filled in; 0 or -errno. */
static inline int game_play(struct game *game, struct player players[2],
			    unsigned long rounds)
{
	pthread_barrier_t start;
	pthread_t thread[2];
	int i;

	if (pthread_barrier_init(&start, NULL, 2))
		return -ENOMEM;
	for (i = 0; i < 2; i++) {
		players[i].game = game;
		players[i].me = i;
		players[i].rounds = rounds;
		players[i].start = &start;
		/* One alone would wait for ever. */
		if (pthread_create(&thread[i], NULL, player_run, &players[i]))
			abort();
	}
	for (i = 0; i < 2; i++)
		pthread_join(thread[i], NULL);
	pthread_barrier_destroy(&start);
	return players[0].ret ?: players[1].ret;
}

/* A round, by whoever has nothing else to do. */
static inline int game_round(struct game *game)
{
	struct player players[2] = { { .cpu = -1 }, { .cpu = -1 } };

	return game_play(game, players, 1);
}

#endif /* CORE_SPIN_H */
