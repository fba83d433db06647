// SPDX-License-Identifier: GPL-2.0
/*
 * How a change survives the death of who makes it: first the board says which
 * entry is to change and what is in it, then the entry changes, then one store
 * tells that the word is done.  That store makes what the board says about the
 * change void, too.  The order of the stores is all that counts.
 */
#include <ctype.h>
#include <err.h>
#include <signal.h>

#include "words.h"

#define SLOTS	ARRAY_SIZE(((struct words *)0)->slots)

/* A store that others see after all that were made before. */
#define then(place, value) \
	__atomic_store_n(&(place), value, __ATOMIC_RELEASE)

/* The files that are text: their numbers among the items. */
uint32_t *texts_find(const struct stage *stage, uint32_t *count)
{
	uint32_t *texts = calloc(stage->item_count, sizeof(*texts));
	char begin[4096];
	size_t i;

	if (!texts)
		err(1, "calloc");
	*count = 0;
	for (i = 0; i < stage->item_count; i++) {
		int file = item_open(stage, i);
		ssize_t len = read(file, begin, sizeof(begin));

		if (len < 0)
			err(1, "%s", stage->items[i].path);
		close(file);
		if (len && !memchr(begin, 0, len))
			texts[(*count)++] = i;
	}
	return texts;
}

struct words *words_new(void)
{
	struct words *words = calloc(1, sizeof(*words));

	if (!words)
		err(1, "calloc");
	return words;
}

static uint32_t hash(const char *text)
{
	uint32_t sum = 2166136261U;

	while (*text)
		sum = (sum ^ (unsigned char)*text++) * 16777619U;
	return sum;
}

/* The entry of @text, which is made if it is not there.  Whoever dies on the way
 * leaves an entry that nobody finds, with a count of 0.
 */
struct word *words_enter(struct words *words, const char *text)
{
	uint32_t slot = hash(text) % SLOTS;
	struct word *word;

	for (; words->slots[slot]; slot = (slot + 1) % SLOTS) {
		word = &words->words[words->slots[slot] - 1];
		if (!strcmp(word->text, text))
			return word;
	}
	if (words->used == WORDS_MAX)
		errx(1, "more than %d different words", WORDS_MAX);
	word = &words->words[words->used];
	*word = (struct word){ 0 };
	strcpy(word->text, text);
	then(words->used, words->used + 1);
	then(words->slots[slot], words->used);
	return word;
}

static uint64_t count_text(struct words *words, const char *at, size_t len)
{
	char text[WORD_MAX + 1];
	size_t letters = 0;
	uint64_t all = 0;

	for (; ; at++, len--) {
		if (len && isalpha((unsigned char)*at)) {
			if (letters < WORD_MAX)
				text[letters++] = tolower((unsigned char)*at);
			continue;
		}
		text[letters] = '\0';
		if (letters >= WORD_MIN) {
			words_enter(words, text)->count++;
			all++;
		}
		letters = 0;
		if (!len)
			return all;
	}
}

/* Adds the words of one file; gives how many that are. */
uint64_t words_count_file(struct words *words, const struct stage *stage,
			  uint32_t item)
{
	size_t size = stage->items[item].size;
	int file = item_open(stage, item);
	uint64_t all;
	char *text = mmap(NULL, size, PROT_READ, MAP_PRIVATE, file, 0);

	if (text == MAP_FAILED)
		err(1, "mmap of %s", stage->items[item].path);
	close(file);
	all = count_text(words, text, size);
	munmap(text, size);
	return all;
}

/* The same, after all that was there is forgotten. */
uint64_t words_of_file(struct words *words, const struct stage *stage,
		       uint32_t item)
{
	words->used = 0;
	memset(words->slots, 0, sizeof(words->slots));
	return words_count_file(words, stage, item);
}

/* Whether both have the same words, each as often. */
bool words_agree(struct words *got, struct words *alone)
{
	uint32_t i, bad = 0;

	for (i = 0; i < alone->used; i++) {
		const struct word *word = &alone->words[i];
		uint32_t count = words_enter(got, word->text)->count;

		if (count != word->count && bad++ < 10)
			wrong("'%s' occurs %u times, not %u", word->text,
			      word->count, count);
	}
	/* Words that do not occur would have been entered before. */
	for (i = 0; i < got->used; i++) {
		const struct word *word = &got->words[i];

		if (word->count && !words_enter(alone, word->text)->count &&
		    bad++ < 10)
			wrong("'%s' does not occur", word->text);
	}
	return !bad;
}

void board_init(struct board *board)
{
	uint32_t i;

	board->inside = NOTHING;
	board->change.number = NOTHING;
	board->repair.worker = NOTHING;
	for (i = 0; i < WORKERS; i++)
		board->hands[i].item = NOTHING;
}

/* Puts the next text into the worker's hand; false when there is none. */
bool board_take(struct board *board, uint32_t worker, uint32_t texts)
{
	struct hand *hand = &board->hands[worker];

	if (board->next == texts)
		return false;
	then(board->change.number, NOTHING);
	then(hand->stored, 0);
	then(hand->item, board->next);
	then(board->next, board->next + 1);
	return true;
}

static void store_word(struct board *board, struct hand *hand, uint32_t worker,
		       const struct word *found, bool stop)
{
	struct word *word = words_enter(&board->words, found->text);
	struct change *change = &board->change;

	change->worker = worker;
	change->entry = word - board->words.words;
	change->count = word->count;
	change->by = word->by[worker];
	then(change->number, hand->stored);
	then(word->count, word->count + found->count);
	if (stop)
		raise(SIGSTOP);
	then(word->by[worker], word->by[worker] + found->count);
	then(hand->stored, hand->stored + 1);
}

/* Stores what was found in the file that @hand has.  @stop_at: the number of the
 * word at which to stop, as if by a SIGSTOP from outside, between the two halves
 * of its change.
 */
void board_store(struct board *board, struct hand *hand, uint32_t worker,
		 const struct words *found, uint32_t stop_at)
{
	while (hand->stored < found->used)
		store_word(board, hand, worker, &found->words[hand->stored],
			   hand->stored == stop_at);
	then(board->done_by[hand->item], worker + 1);
	then(hand->item, NOTHING);
}

/* Puts the entry back that a dead worker left half changed.  False if there is
 * none.
 */
bool board_restore(struct board *board, const struct hand *hand)
{
	struct change *change = &board->change;
	struct word *word = &board->words.words[change->entry];

	/* It died between two words. */
	if (change->number != hand->stored)
		return false;
	then(word->count, change->count);
	then(word->by[change->worker], change->by);
	then(change->number, NOTHING);
	return true;
}
