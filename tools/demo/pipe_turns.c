// SPDX-License-Identifier: GPL-2.0
#include "records.h"

static int turns_reader(struct stage *stage, int index)
{
	static struct record hands;

	return records_read(stage, index, &hands, NEVER);
}

static void tell_shares(const struct reader_row *rows)
{
	uint64_t least = rows[0].units, most = rows[0].units;
	int i;

	for (i = 1; i < READERS; i++) {
		if (rows[i].units < least)
			least = rows[i].units;
		if (rows[i].units > most)
			most = rows[i].units;
	}
	printf("\n  Between the smallest and the largest share: %llu record(s).\n",
	       (unsigned long long)(most - least));
}

static bool play(struct stage *stage)
{
	struct pipe_row row = { .name = "demo-turns" };
	struct reader_row rows[READERS] = { 0 };
	struct record_pipe pipe;

	if (!record_pipe_open(&pipe, row.name) ||
	    !records_start(stage, &pipe, turns_reader) ||
	    !players_wait(stage) ||
	    !records_balance(stage, &pipe, NOBODY, &row, rows))
		return false;
	table_readers("RECORDS", rows);
	table_pipes(&row, 1);
	tell_shares(rows);
	record_pipe_close(&pipe);
	return sums_agree(stage);
}

const struct act act_turns = {
	.name = "pipe-turns",
	.title = "One pipe for all, and its readers take turns",
	.text =
	"  Three writers cut the files into records of up to 16 KiB, each with a tag that\n"
	"  says where it belongs, and write them into one pipe (record mode). Four readers\n"
	"  take turns: nobody gets a second record before everybody had a first. Each puts\n"
	"  its records where the tags say; together they hold the files again.\n",
	.play = play,
};
