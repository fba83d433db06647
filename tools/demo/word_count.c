// SPDX-License-Identifier: GPL-2.0
#include <err.h>
#include <signal.h>

#include "words.h"

#define VICTIM		2	/* the third of them */
#define SHOWN		8	/* words in the table */

static const char table_name[] = "demo-words";
static const char mutex_name[] = "demo-mutex";

/* The files that are text: their numbers among the items. */
static uint32_t *texts;
static uint32_t text_count;

static struct board *board;
static size_t board_size;
static int mutex;

static bool make_board(void)
{
	struct kipc_segment_create segment = {
		.size = sizeof(segment),
		.flags = KIPC_EXCL,
		.name = to_u64(table_name),
		.name_len = strlen(table_name),
		.mode = 0600,
		.rights = KIPC_RIGHT_READ | KIPC_RIGHT_WRITE,
	};
	struct kipc_semaphore_create semaphore = {
		.size = sizeof(semaphore),
		.flags = KIPC_EXCL | KIPC_SEMAPHORE_MUTEX,
		.name = to_u64(mutex_name),
		.name_len = strlen(mutex_name),
		.mode = 0600,
		.rights = KIPC_RIGHT_READ | KIPC_RIGHT_WRITE,
		.count = 1,
	};
	int ret;

	board_size = sizeof(*board) + text_count;
	segment.bytes = board_size;
	ret = kipc_device_ioctl(KIPC_SEGMENT_CREATE, &segment);
	if (ret)
		return wrong("cannot create the segment '%s': %s", table_name,
			     strerror(-ret));
	ret = kipc_device_ioctl(KIPC_SEMAPHORE_CREATE, &semaphore);
	if (ret)
		return wrong("cannot create the mutex '%s': %s", mutex_name,
			     strerror(-ret));
	mutex = semaphore.fd;
	board = mmap(NULL, board_size, PROT_READ | PROT_WRITE, MAP_SHARED,
		     segment.fd, 0);
	if (board == MAP_FAILED)
		err(1, "mmap of the segment");
	close(segment.fd);
	board_init(board);
	return true;
}

/* A worker finds both by their names, as one that was started by itself. */
static void find_board(void)
{
	uint32_t rights = KIPC_RIGHT_READ | KIPC_RIGHT_WRITE;
	int fd = object_open(KIPC_KIND_SEGMENT, table_name, rights);

	munmap(board, board_size);
	board = mmap(NULL, board_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
		     0);
	if (board == MAP_FAILED)
		err(1, "mmap of the segment");
	close(fd);
	close(mutex);
	mutex = object_open(KIPC_KIND_SEMAPHORE, mutex_name, rights);
}

static int mutex_op(int delta)
{
	struct kipc_semaphore_op arg = { .size = sizeof(arg), .delta = delta };

	return kipc_ioctl(mutex, KIPC_SEMAPHORE_OP, &arg);
}

static void mark_consistent(void)
{
	struct kipc_semaphore_mark arg = {
		.size = sizeof(arg),
		.mark = KIPC_MUTEX_CONSISTENT,
	};
	int ret = kipc_ioctl(mutex, KIPC_SEMAPHORE_MARK, &arg);

	if (ret)
		errx(1, "cannot mark the mutex: %s", strerror(-ret));
}

/* The owner of the mutex has died: put back what it left half changed, and do
 * the rest of its work.
 */
static void put_in_order(const struct stage *stage, uint32_t me, int said)
{
	struct repair *repair = &board->repair;
	struct words *found;
	struct hand *hand;

	board->hands[me].owner_dead++;
	*repair = (struct repair){ .worker = me, .said = -said,
				   .item = NOTHING, .entry = NOTHING };
	/* It was not yet in here, or not any more. */
	if (board->inside == NOTHING)
		return;
	hand = &board->hands[board->inside];
	repair->count_found =
		board->words.words[board->change.entry].count;
	if (board_restore(board, hand)) {
		repair->entry = board->change.entry;
		repair->count_restored = board->change.count;
	}
	if (hand->item == NOTHING)
		return;
	/* It may have died before it could tell that it had taken a text. */
	if (hand->item == board->next)
		board->next++;
	found = words_new();
	words_of_file(found, stage, texts[hand->item]);
	repair->item = hand->item;
	repair->stored = hand->stored;
	repair->rest = found->used - hand->stored;
	board_store(board, hand, me, found, NOTHING);
	free(found);
}

static void enter(const struct stage *stage, uint32_t me)
{
	int ret = mutex_op(-1);

	if (ret == -EOWNERDEAD) {
		put_in_order(stage, me, ret);
		mark_consistent();
	} else if (ret) {
		errx(1, "P: %s", strerror(-ret));
	}
	board->inside = me;
}

static void leave(void)
{
	int ret;

	board->inside = NOTHING;
	ret = mutex_op(1);
	if (ret)
		errx(1, "V: %s", strerror(-ret));
}

/* Where in a file the victim stops; others never do. */
static uint32_t stop_at(uint32_t me, uint32_t files, const struct words *found)
{
	/* A quarter of what is to be its share. */
	if (me != VICTIM || files < text_count / (4 * WORKERS))
		return NOTHING;
	return found->used / 2;
}

static int count_words(struct stage *stage, int index)
{
	struct words *found = words_new();
	uint32_t me = index, files = 0;
	struct hand *hand;
	bool more;

	find_board();
	hand = &board->hands[me];
	hand->pid = getpid();
	do {
		enter(stage, me);
		if (hand->item != NOTHING)
			board_store(board, hand, me, found,
				    stop_at(me, files++, found));
		more = board_take(board, me, text_count);
		leave();
		if (more)
			words_of_file(found, stage, texts[hand->item]);
	} while (more);
	free(found);
	return 0;
}

static bool look_at_mutex(struct kipc_sem_counter *counter)
{
	struct kipc_semaphore_get arg = {
		.size = sizeof(arg),
		.counters = to_u64(counter),
		.count = 1,
		.counter_size = sizeof(*counter),
	};
	int ret = kipc_ioctl(mutex, KIPC_SEMAPHORE_GET, &arg);

	return !ret || wrong("SEMAPHORE_GET: %s", strerror(-ret));
}

/* Kills the victim when it is inside and all others wait for the mutex. */
static bool kill_on_stage(struct stage *stage)
{
	const struct hand *hand = &board->hands[VICTIM];
	const struct change *change = &board->change;
	struct kipc_sem_counter counter = { 0 };
	const struct word *word;

	if (!player_stopped(stage, "worker", VICTIM))
		return false;
	word = &board->words.words[change->entry];
	if (board->inside != VICTIM || change->number != hand->stored)
		return wrong("worker %d stopped, but not inside a change",
			     VICTIM + 1);
	if (!wait_for(!look_at_mutex(&counter) ||
		      counter.waiting == WORKERS - 1))
		return wrong("%u workers wait for the mutex, not %d",
			     counter.waiting, WORKERS - 1);
	if (counter.pid != (uint32_t)hand->pid)
		return wrong("the mutex belongs to process %u, not to worker %d (%d)",
			     counter.pid, VICTIM + 1, hand->pid);
	printf("\n  Worker %d (process %d) is inside, %u others sleep in P. It stops at\n"
	       "  word %u of %s: the count of '%s' is %u already,\n"
	       "  not %u any more, and whose that is does not yet stand there. SIGKILL.\n",
	       VICTIM + 1, hand->pid, counter.waiting, hand->stored + 1,
	       stage->items[texts[hand->item]].path, word->text, word->count,
	       change->count);
	return player_kill(stage, "worker", VICTIM);
}

static bool tell_repair(void)
{
	const struct repair *repair = &board->repair;
	uint32_t told = 0, i;

	for (i = 0; i < WORKERS; i++)
		told += board->hands[i].owner_dead;
	if (told != 1)
		return wrong("%u takers of the mutex were told of a death, not 1",
			     told);
	if (repair->entry == NOTHING || repair->item == NOTHING)
		return wrong("worker %u found nothing to put in order",
			     repair->worker + 1);
	printf("  The next to get the mutex is worker %u, and P says %s. It puts '%s'\n"
	       "  back from %u to %u, counts the file again, stores the %u words that are missing\n"
	       "  after the %u that are there, and marks the mutex consistent.\n",
	       repair->worker + 1, error_name(repair->said),
	       board->words.words[repair->entry].text, repair->count_found,
	       repair->count_restored, repair->rest, repair->stored);
	return true;
}

static bool tell_mutex(void)
{
	struct kipc_semaphore_stat st = { .size = sizeof(st) };
	int ret = kipc_ioctl(mutex, KIPC_SEMAPHORE_STAT, &st);

	if (ret)
		return wrong("SEMAPHORE_STAT: %s", strerror(-ret));
	printf("\n  The mutex: %llu sleeps in P, %llu wake-ups, %.1f ms slept by all together.\n",
	       (unsigned long long)st.sleeps, (unsigned long long)st.wakeups,
	       st.blocked_ns / 1e6);
	if (st.waiting || st.undos)
		return wrong("%u still wait, %u have something to take back",
			     st.waiting, st.undos);
	return true;
}

static int compare_counts(const void *left, const void *right)
{
	const struct word *l = left, *r = right;

	if (l->count != r->count)
		return l->count < r->count ? 1 : -1;
	return strcmp(l->text, r->text);
}

static void add_word(struct word *sum, const struct word *word)
{
	int i;

	sum->count += word->count;
	for (i = 0; i < WORKERS; i++)
		sum->by[i] += word->by[i];
}

static void show_table(void)
{
	struct word *sorted = calloc(board->words.used, sizeof(*sorted));
	struct word rows[SHOWN + 3] = { 0 };
	uint32_t i;

	if (!sorted)
		err(1, "calloc");
	memcpy(sorted, board->words.words, board->words.used * sizeof(*sorted));
	qsort(sorted, board->words.used, sizeof(*sorted), compare_counts);
	strcpy(rows[SHOWN].text, "(others)");
	strcpy(rows[SHOWN + 1].text, "(all words)");
	strcpy(rows[SHOWN + 2].text, "(files)");
	for (i = 0; i < board->words.used; i++) {
		add_word(&rows[i < SHOWN ? i : SHOWN], &sorted[i]);
		if (i < SHOWN)
			strcpy(rows[i].text, sorted[i].text);
		add_word(&rows[SHOWN + 1], &sorted[i]);
	}
	for (i = 0; i < text_count; i++) {
		rows[SHOWN + 2].count++;
		rows[SHOWN + 2].by[board->done_by[i] - 1]++;
	}
	table_words(rows, ARRAY_SIZE(rows));
	free(sorted);
}

/* What must be so whatever the files say. */
static bool board_sound(const struct stage *stage)
{
	uint32_t i, j;

	for (i = 0; i < text_count; i++) {
		if (!board->done_by[i] || board->done_by[i] > WORKERS)
			return wrong("nobody has counted %s",
				     stage->items[texts[i]].path);
	}
	for (i = 0; i < board->words.used; i++) {
		const struct word *word = &board->words.words[i];
		uint32_t sum = 0;

		for (j = 0; j < WORKERS; j++)
			sum += word->by[j];
		if (sum != word->count)
			return wrong("'%s' was counted %u times, and %u times by somebody",
				     word->text, word->count, sum);
	}
	return true;
}

/* One process, which shares nothing, counts the same files. */
static bool counts_agree(const struct stage *stage)
{
	struct words *alone = words_new();
	uint64_t all = 0;
	uint32_t i, used;
	bool ok;

	for (i = 0; i < text_count; i++)
		all += words_count_file(alone, stage, texts[i]);
	used = alone->used;
	ok = words_agree(&board->words, alone);
	printf("  A process that counts alone finds %u different words, %llu in all: %s\n",
	       used, (unsigned long long)all,
	       ok ? "the table\n  has each of them as often." : "it differs.");
	free(alone);
	return ok;
}

static bool play(struct stage *stage)
{
	bool ok;
	int i;

	texts = texts_find(stage, &text_count);
	if (!make_board())
		return false;
	for (i = 0; i < WORKERS; i++)
		player_start(stage, "worker", i, count_words);
	if (!kill_on_stage(stage) || !players_wait(stage) ||
	    !tell_repair() || !board_sound(stage))
		return false;
	show_table();
	ok = tell_mutex() && counts_agree(stage);
	munmap(board, board_size);
	close(mutex);
	free(texts);
	return ok;
}

const struct act act_words = {
	.name = "word-count",
	.title = "A table that all fill, and one of them is killed inside",
	.text =
	"  Five workers count the words of the source text, each file by itself, and add what\n"
	"  they find to one table. It lies in a segment; a kipc mutex lets in one at a time.\n"
	"  The third worker stops in there, with an entry half changed, and is killed.\n",
	.no_copies = true,
	.play = play,
};
