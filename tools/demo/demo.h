/* SPDX-License-Identifier: GPL-2.0 */
/*
 * kipc-demo: real files go from writer processes to reader processes through
 * kipc objects, and sha256sum compares what came out with what went in; or
 * processes work on them together, in shared memory or by messages.
 *
 * An act is one way of doing that, and has a file of its own.  Its parent
 * process is the director: it sets up the objects, starts the players and keeps
 * handles on the objects, so that it can ask the kernel for its counts.
 */
#ifndef KIPC_DEMO_H
#define KIPC_DEMO_H

#include <stdarg.h>

#include "kipc_util.h"

#define ARRAY_SIZE(array)	(sizeof(array) / sizeof((array)[0]))

#define WRITERS		3
#define READERS		4
#define WORKERS		5	/* in acts that have neither */

/* A file that goes through. */
struct item {
	char *path;		/* below the directory of the originals */
	uint64_t size;
};

/* Memory that a player shares with the director. */
struct tally {
	uint64_t units;		/* records or files, whichever the act counts */
	uint64_t bytes;
	struct kipc_pipe_side readers;	/* of pipes that are gone by now */
	struct kipc_pipe_side writers;
};

struct stage;

/* What a player does; gives its exit status. */
typedef int (*part_fn)(struct stage *stage, int index);

struct player {
	const char *role;
	int index;
	pid_t pid;		/* 0 once it has ended */
	bool doomed;		/* the director kills it */
};

struct stage {
	const struct item *items;
	size_t item_count;
	int from;		/* directory of the originals */
	int to;			/* directory of this act */
	const char *sums;	/* checksums of the originals */
	void *props;		/* the act's own */
	struct player players[WRITERS + READERS];
	size_t player_count;
	struct tally *readers;	/* shared, READERS of them */
	uint64_t deadline_ns;
};

/**
 * struct act - one way to use kipc
 * @name: for the command line
 * @title: heading
 * @text: what it shows, in lines
 * @no_copies: it makes no copies of the files
 * @play: runs it; false when something went wrong, which it has told
 */
struct act {
	const char *name;
	const char *title;
	const char *text;
	bool no_copies;
	bool (*play)(struct stage *stage);
};

extern const struct act act_turns;
extern const struct act act_stream;
extern const struct act act_names;
extern const struct act act_kill;
extern const struct act act_words;
extern const struct act act_calls;
extern const struct act act_jobs;

/* players.c */
void player_start(struct stage *stage, const char *role, int index,
		  part_fn part);
bool player_stopped(struct stage *stage, const char *role, int index);
bool player_kill(struct stage *stage, const char *role, int index);
uint64_t units_done(const struct stage *stage, int reader);
bool players_wait_for(struct stage *stage, const char *role);
bool players_wait(struct stage *stage);
void players_kill(struct stage *stage);

/* files.c */
struct item *items_load(int from, const char *sums, size_t *count);
int stage_directory(const char *to, const char *name, const struct item *items,
		    size_t count);
int item_open(const struct stage *stage, size_t item);
int copy_open(const struct stage *stage, size_t item);
bool sums_agree(struct stage *stage);
const char *human(uint64_t bytes);

/* tables.c */
struct word;

struct pipe_row {
	const char *name;
	struct kipc_pipe_side readers;
	struct kipc_pipe_side writers;
};

struct reader_row {
	uint64_t units;
	uint64_t bytes;
	const char *note;	/* NULL: none */
};

struct queue_row {
	const char *name;
	struct kipc_queue_stat queue;
};

struct client_row {
	uint64_t calls;
	uint64_t words;
	uint64_t ns;		/* of all calls together */
	int killed;		/* errno when the server was killed */
	int afterwards;		/* and of the next call */
};

struct worker_row {
	uint64_t jobs;		/* received */
	uint64_t results;	/* sent */
	uint64_t words;
	const char *note;	/* NULL: none */
};

void table_readers(const char *unit, const struct reader_row *rows);
void table_pipes(const struct pipe_row *rows, size_t count);
void table_words(const struct word *rows, size_t count);
void table_queues(const struct queue_row *rows, size_t count);
void table_clients(const struct client_row *rows, size_t count);
void table_workers(const struct worker_row *rows, size_t count);

/* objects.c */
int object_open(uint32_t kind, const char *name, uint32_t rights);
const char *error_name(int error);

/* demo.c: a line on what went wrong; gives false */
bool wrong(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif /* KIPC_DEMO_H */
