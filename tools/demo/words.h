/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Words and how often they occur: in a table that one process has for itself,
 * or in one that several fill together and that survives a death at any of its
 * changes.
 */
#ifndef KIPC_DEMO_WORDS_H
#define KIPC_DEMO_WORDS_H

#include "demo.h"

/* A word is two letters or more in a row, small and capital ones alike; of very
 * long ones the beginning counts.
 */
#define WORD_MIN	2
#define WORD_MAX	31
#define WORDS_MAX	32768		/* different ones */

#define NOTHING		UINT32_MAX

struct word {
	char text[WORD_MAX + 1];
	uint32_t count;
	uint32_t by[WORKERS];	/* who found how many of them */
};

/* In the order in which they were first seen; @slots: by hash, the place in
 * @words and 1, or 0.
 */
struct words {
	uint32_t used;
	uint16_t slots[2 * WORDS_MAX];
	struct word words[WORDS_MAX];
};

/* The change of an entry that is under way, and what was there before it. */
struct change {
	uint32_t number;	/* of the word in its file */
	uint32_t worker;
	uint32_t entry;
	uint32_t count;
	uint32_t by;
};

/* What a worker has to do; the file that it counts, and how many of its
 * different words are stored in the table.
 */
struct hand {
	uint32_t item;
	uint32_t stored;
	pid_t pid;
	uint32_t owner_dead;	/* times that the mutex told it of a death */
};

/* What the one told who came after the dead one. */
struct repair {
	uint32_t worker;
	uint32_t said;		/* errno from the mutex */
	uint32_t item;
	uint32_t stored;	/* by the dead one */
	uint32_t rest;		/* stored by this one */
	uint32_t entry;		/* put back; NOTHING: none was half changed */
	uint32_t count_found;
	uint32_t count_restored;
};

/* What the workers share.  All of it is guarded by the mutex. */
struct board {
	uint32_t next;		/* first text that nobody has taken */
	uint32_t inside;	/* NOTHING, or which worker is in here */
	struct change change;
	struct hand hands[WORKERS];
	struct repair repair;
	struct words words;
	uint8_t done_by[];	/* of each text: worker and 1 */
};

uint32_t *texts_find(const struct stage *stage, uint32_t *count);

struct words *words_new(void);
struct word *words_enter(struct words *words, const char *text);
uint64_t words_count_file(struct words *words, const struct stage *stage,
			  uint32_t item);
uint64_t words_of_file(struct words *words, const struct stage *stage,
		       uint32_t item);
bool words_agree(struct words *got, struct words *alone);

void board_init(struct board *board);
bool board_take(struct board *board, uint32_t worker, uint32_t texts);
void board_store(struct board *board, struct hand *hand, uint32_t worker,
		 const struct words *found, uint32_t stop_at);
bool board_restore(struct board *board, const struct hand *hand);

#endif /* KIPC_DEMO_WORDS_H */
