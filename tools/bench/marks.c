// SPDX-License-Identifier: GPL-2.0
/*
 * How fast kipc is meant to be: its marks, and the gates that it may not fall
 * behind, which are wider where a mark is not met yet.
 */
#include <stdio.h>
#include <string.h>

#include "bench.h"

/* What a row of the table below is about, and which way is better. */
enum bound {
	RATIO_MOST,		/* the ratio, at most */
	RATIO_LEAST,		/* the ratio, at least: of rates */
	KIPC_MOST,		/* kipc's own figure, at most */
};

/**
 * struct mark - what is asked of one result
 * @metric: its metric
 * @part: which of the metric's figures
 * @size: its size
 * @peer: its peer: the place among the metric's sides; 0: kipc itself, at the
 *	first of its sizes
 * @bound: what is asked of it
 * @mark: what kipc is meant to reach; 0: nothing
 * @gate: what fails a check, in mode icount; 0: nothing
 */
struct mark {
	const struct metric *metric;
	const char *part;
	size_t size;
	unsigned int peer;
	enum bound bound;
	double mark;
	double gate;
};

static const struct mark marks[] = {
	{ &pipe_transfer, "", 64, 1, RATIO_MOST, 0.80, 0.80 },
	{ &pipe_transfer, "", 4096, 1, RATIO_MOST, 0.85, 0.85 },
	{ &pipe_transfer, "", 65536, 1, RATIO_MOST, 0.45, 0.45 },
	{ &pipe_round_trip, "", 64, 1, RATIO_MOST, 0.92, 0.92 },
	{ &throughput, "rate", 64, 1, RATIO_LEAST, 1.50, 0 },
	{ &throughput, "rate", 65536, 1, RATIO_LEAST, 1.50, 0 },
	{ &sem_pv, "", 0, 1, RATIO_MOST, 0, 0.75 },
	{ &sem_pv_undo, "", 0, 1, RATIO_MOST, 0, 0.75 },
	{ &mapped_sem, "", 0, 1, RATIO_MOST, 1.20, 1.20 },
	{ &mapped_sem, "", 0, 2, RATIO_MOST, 0.03, 0.03 },
	{ &mapped_pipe, "", 64, 1, RATIO_MOST, 0.05, 0.05 },
	{ &mapped_pipe, "", 64, 2, RATIO_MOST, 1.00, 1.00 },
	{ &throughput_mapped, "rate", 64, 1, RATIO_LEAST, 20, 0 },
	{ &throughput_mapped, "rate", 64, 2, RATIO_LEAST, 1.00, 0 },
	{ &throughput_mapped, "calls", 64, 1, KIPC_MOST, 0.01, 0 },
	{ &throughput_mapped_vector, "rate", 64, 1, RATIO_LEAST, 20, 0 },
	{ &throughput_mapped_vector, "rate", 64, 2, RATIO_LEAST, 1.00, 0 },
	{ &array_add, "", 8, 1, RATIO_MOST, 0.80, 0.80 },
	{ &segment_touch, "", 4096, 1, RATIO_MOST, 0, 1.02 },
	{ &mailbox_one, "", 64, 1, RATIO_MOST, 0.80, 0.80 },
	{ &mailbox_one, "", 64, 2, RATIO_MOST, 0.80, 0.80 },
	{ &mailbox_vector, "", 64, 1, RATIO_MOST, 0.35, 0.35 },
	{ &mailbox_vector, "", 64, 2, RATIO_MOST, 0.35, 0.35 },
	{ &endpoint_call, "", 64, 1, RATIO_MOST, 0.60, 0.75 },
	{ &endpoint_call, "", 64, 2, RATIO_MOST, 0.80, 0 },
	{ &objects, "", 100000, 0, RATIO_MOST, 1.25, 0 },
	{ &waiters_sem, "", 1000, 0, RATIO_MOST, 1.50, 0 },
	{ &waiters_mailbox, "", 1000, 0, RATIO_MOST, 1.50, 0 },
	{ &mailbox_bytes, "", 0, 1, KIPC_MOST, 1024, 1024 },
	{ &semaphore_bytes, "", 0, 1, KIPC_MOST, 1024, 1024 },
	{ &message_bytes, "", 64, 1, KIPC_MOST, 192, 192 },
};

static bool is_about(const struct mark *mark, const struct result *res)
{
	return mark->metric == res->metric && mark->size == res->size &&
	       mark->peer == res->peer_number &&
	       !strcmp(mark->part, res->part->name);
}

static double value_of(const struct mark *mark, const struct result *res)
{
	return mark->bound == KIPC_MOST ? res->kipc.median : ratio_of(res);
}

static bool is_kept(const struct mark *mark, const struct result *res,
		    double limit)
{
	double value = value_of(mark, res);

	return mark->bound == RATIO_LEAST ? value >= limit : value <= limit;
}

/* Marks are about instructions where these can be counted, else about time with
 * each process on a CPU of its own.
 */
static bool is_of_mode(const struct settings *set, const struct result *res)
{
	bool wall = res->metric->wall_only || (res->part->flags & PART_WALL);

	return !set->unpinned && set->icount != wall;
}

/* The mark that @res has to meet; NULL if it has none. */
const struct mark *mark_find(const struct settings *set,
			     const struct result *res)
{
	size_t i;

	if (set->peer_only || !is_of_mode(set, res))
		return NULL;
	for (i = 0; i < ARRAY_SIZE(marks); i++) {
		if (marks[i].mark && is_about(&marks[i], res))
			return &marks[i];
	}
	return NULL;
}

/* Ratios and the like are small, bytes are not. */
static int digits(double limit)
{
	return limit < 100 ? 2 : 0;
}

/* For the table: what the bound is, and whether it is kept. */
void mark_print(const struct mark *mark, const struct result *res)
{
	printf("%s%s %.*f %s", mark->bound == KIPC_MOST ? "kipc " : "",
	       mark->bound == RATIO_LEAST ? ">=" : "<=", digits(mark->mark),
	       mark->mark,
	       is_kept(mark, res, mark->mark) ? "met" : "MISSED");
}

void mark_json(FILE *file, const struct mark *mark, const struct result *res)
{
	fprintf(file, ", \"mark\": %g, \"mark_of\": \"%s\", ", mark->mark,
		mark->bound == KIPC_MOST ? "kipc" : "ratio");
	fprintf(file, "\"mark_bound\": \"%s\", \"met\": %s",
		mark->bound == RATIO_LEAST ? "least" : "most",
		is_kept(mark, res, mark->mark) ? "true" : "false");
}

bool gate_is_of(const struct metric *metric)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(marks); i++) {
		if (marks[i].metric == metric && marks[i].gate)
			return true;
	}
	return false;
}

static const struct result *find_result(const struct mark *mark,
					const struct result *res, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++) {
		if (is_about(mark, &res[i]))
			return &res[i];
	}
	return NULL;
}

/* A gate that was not measured is not kept. */
static bool judge(const struct mark *mark, const struct result *found)
{
	bool kept = found && is_kept(mark, found, mark->gate);

	printf("gate: %s", mark->metric->name);
	if (mark->size)
		printf(" of %zu bytes", mark->size);
	if (mark->bound != KIPC_MOST)
		printf(" against %s", mark->metric->sides[mark->peer].name);
	if (found)
		printf(": %.*f", digits(mark->gate) + 1,
		       value_of(mark, found));
	else
		printf(": not measured");
	printf(", at %s %.*f: %s\n",
	       mark->bound == RATIO_LEAST ? "least" : "most",
	       digits(mark->gate), mark->gate, kept ? "kept" : "MISSED");
	return kept;
}

bool gate_check(const struct result *res, size_t count)
{
	bool kept = true;
	size_t i;

	putchar('\n');
	for (i = 0; i < ARRAY_SIZE(marks); i++) {
		if (marks[i].gate)
			kept &= judge(&marks[i],
				      find_result(&marks[i], res, count));
	}
	return kept;
}
