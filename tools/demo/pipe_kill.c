// SPDX-License-Identifier: GPL-2.0
#include <err.h>

#include "records.h"

#define VICTIM		2	/* the third of them */

/* What each reader has in its hands, in memory that outlives it. */
static struct record *hands;

static int kill_reader(struct stage *stage, int index)
{
	/* A third of what is to be its share. */
	uint64_t stop_at = records_count(stage) / (3 * READERS);

	return records_read(stage, index, &hands[index],
			    index == VICTIM ? stop_at : NEVER);
}

static uint64_t done_by_others(const struct stage *stage)
{
	uint64_t sum = 0;
	int i;

	for (i = 0; i < READERS; i++)
		sum += i == VICTIM ? 0 : units_done(stage, i);
	return sum;
}

static bool kill_on_stage(struct stage *stage)
{
	uint64_t meanwhile = records_count(stage) / 8;
	uint64_t stopped, killed, end;

	if (!player_stopped(stage, "reader", VICTIM))
		return false;
	stopped = done_by_others(stage);
	if (!wait_for(done_by_others(stage) >= stopped + meanwhile))
		return wrong("the others do not go on without reader %d",
			     VICTIM + 1);
	killed = done_by_others(stage);
	if (!player_kill(stage, "reader", VICTIM) || !players_wait(stage))
		return false;
	end = done_by_others(stage);
	printf("\n  The others had stored %llu records when reader %d stopped, %llu when\n"
	       "  it was killed, and %llu in the end: they went on without it.\n",
	       (unsigned long long)stopped, VICTIM + 1,
	       (unsigned long long)killed, (unsigned long long)end);
	return true;
}

/* The kernel knows what it gave to the dead reader's handle; what the reader
 * has not stored of that is what it still held.
 */
static bool rescue(struct stage *stage, struct reader_row *row)
{
	const struct tally *own = &stage->readers[VICTIM];
	const struct record *rec = &hands[VICTIM];

	printf("  The kernel gave reader %d %llu records, and it stored %llu.\n",
	       VICTIM + 1, (unsigned long long)row->units,
	       (unsigned long long)own->units);
	if (row->units == own->units)
		return wrong("it held none, and was to hold one");
	if (!record_restore(stage, rec, row->bytes - own->bytes))
		return false;
	printf("  The one that it held (%u bytes of %s, from byte %llu) is\n"
	       "  gone from the pipe: read is read. It is in the memory that the reader had read\n"
	       "  it to, which it shared with this process, and is put in its place from there.\n",
	       rec->len, stage->items[rec->item].path,
	       (unsigned long long)rec->offset);
	row->note = "killed with a record in its hands";
	return true;
}

static bool play(struct stage *stage)
{
	struct pipe_row row = { .name = "demo-kill" };
	struct reader_row rows[READERS] = { 0 };
	struct record_pipe pipe;

	hands = kipc_shared(READERS * sizeof(*hands));
	if (!hands)
		err(1, "mmap");
	if (!record_pipe_open(&pipe, row.name) ||
	    !records_start(stage, &pipe, kill_reader) ||
	    !kill_on_stage(stage) ||
	    !records_balance(stage, &pipe, VICTIM, &row, rows) ||
	    !rescue(stage, &rows[VICTIM]))
		return false;
	table_readers("RECORDS", rows);
	table_pipes(&row, 1);
	record_pipe_close(&pipe);
	return sums_agree(stage);
}

const struct act act_kill = {
	.name = "pipe-kill",
	.title = "A reader is killed on stage",
	.text =
	"  As in the first act, but the third reader stops in the worst moment, with a record\n"
	"  in its hands that it has not stored. After a while it is killed with SIGKILL.\n"
	"  The others neither hang nor get torn records, and the kernel's counts tell to the\n"
	"  byte what the dead one had taken.\n",
	.play = play,
};
