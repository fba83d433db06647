// SPDX-License-Identifier: GPL-2.0
/* The table, the JSON file and the gate. */
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"

/* What the ratio to one of the peers may be at most; the work on speed lowers
 * these.
 */
static const struct limit {
	const struct metric *metric;
	unsigned int side;	/* the peer: its place among the metric's sides */
	size_t size;
	double ratio;
} limits[] = {
	{ &pipe_transfer, 1, 64, 0.80 },
	{ &pipe_transfer, 1, 4096, 0.85 },
	{ &pipe_transfer, 1, 65536, 0.45 },
	{ &pipe_round_trip, 1, 64, 0.92 },
	{ &sem_pv, 1, 0, 0.75 },
	{ &sem_pv_undo, 1, 0, 0.75 },
	{ &mapped_sem, 1, 0, 1.20 },
	{ &mapped_sem, 2, 0, 0.03 },
	{ &array_add, 1, 8, 0.80 },
	{ &segment_touch, 1, 4096, 1.02 },
	{ &mailbox_one, 1, 64, 0.80 },
	{ &mailbox_one, 2, 64, 0.80 },
	{ &mailbox_vector, 1, 64, 0.35 },
	{ &mailbox_vector, 2, 64, 0.35 },
	{ &endpoint_call, 1, 64, 0.75 },
};

/* What kipc may take at most itself, in bytes of the kernel's memory. */
static const struct ceiling {
	const struct metric *metric;
	double bytes;
} ceilings[] = {
	{ &mailbox_bytes, 1024 },
	{ &semaphore_bytes, 1024 },
	{ &message_bytes, 192 },
};

static double ratio_of(const struct result *res)
{
	return res->kipc.median / res->peer.median;
}

static const char *unit_of(const struct settings *set,
			   const struct result *res)
{
	if (res->part->unit)
		return res->part->unit;
	if (res->metric->unit)
		return res->metric->unit;
	return set->icount ? "instructions" : "ns";
}

static const char *mode_of(const struct settings *set)
{
	if (set->icount)
		return "icount";
	return set->unpinned ? "wall-unpinned" : "wall";
}

void report_begin(const struct settings *set)
{
	printf("Mode %s: %s per operation, if no unit is named\n",
	       mode_of(set), set->icount ? "instructions" : "nanoseconds");
	printf("Median of %u runs or fewer; +-: half the distance between the quartiles\n\n",
	       set->runs);
	printf("%-22s %7s %12s %6s  %-17s %12s %6s %7s\n", "METRIC", "SIZE",
	       "KIPC", "+-", "PEER", "PEER'S", "+-", "RATIO");
}

static void print_name(const char *name, const char *part, size_t size)
{
	char full[64];

	snprintf(full, sizeof(full), "%s%s%s", name, *part ? " " : "", part);
	printf("%-22s", full);
	if (size)
		printf(" %7zu", size);
	else
		printf(" %7s", "-");
}

static void print_figures(const struct figures *fig, bool fine)
{
	printf(" %12.*f %5.1f%%", fine ? 3 : 0, fig->median, fig->spread * 50);
}

void report_result(const struct settings *set, const struct result *res)
{
	/* Shares and the like: the others are whole numbers of something. */
	bool fine = res->part->unit && !strcmp(res->part->unit, "1");

	if (res->part->flags & PART_QUIET)
		return;
	print_name(res->metric->name, res->part->name, res->size);
	if (set->peer_only)
		printf(" %12s %6s", "-", "-");
	else
		print_figures(&res->kipc, fine);
	printf("  %-17s", res->peer_name);
	print_figures(&res->peer, fine);
	if (set->peer_only)
		printf(" %7s", "-");
	else
		printf(" %7.3f", ratio_of(res));
	if (res->part->unit)
		printf("  %s", fine ? "" : res->part->unit);
	putchar('\n');
	fflush(stdout);
}

void report_skipped(const struct metric *metric, const char *why)
{
	print_name(metric->name, "", metric->size);
	printf("  skipped: %s\n", why);
}

/* No ratio to nothing, which JSON could not express. */
static void json_ratio(FILE *file, const struct result *res)
{
	if (res->peer.median)
		fprintf(file, "\"ratio\": %.4f, ", ratio_of(res));
	else
		fputs("\"ratio\": null, ", file);
}

static void json_result(FILE *file, const struct settings *set,
			const struct result *res)
{
	const struct metric *metric = res->metric;
	const char *part = res->part->name;

	fprintf(file, "  {\"metric\": \"%s%s%s\", \"size\": %zu, ",
		metric->long_name ? metric->long_name : metric->name,
		*part ? " " : "", part, res->size);
	fprintf(file, "\"mode\": \"%s\", \"unit\": \"%s\", ", mode_of(set),
		unit_of(set, res));
	if (set->peer_only)
		fputs("\"kipc\": null, \"kipc_spread\": null, ", file);
	else
		fprintf(file, "\"kipc\": %.10g, \"kipc_spread\": %.4f, ",
			res->kipc.median, res->kipc.spread);
	fprintf(file, "\"peer\": %.10g, \"peer_spread\": %.4f, ",
		res->peer.median, res->peer.spread);
	fprintf(file, "\"peer_name\": \"%s\", ", res->peer_name);
	if (set->peer_only)
		fputs("\"ratio\": null, ", file);
	else
		json_ratio(file, res);
	fprintf(file, "\"runs\": %u}", res->runs);
}

void report_json(const struct settings *set, const struct result *res,
		 size_t count)
{
	FILE *file = fopen(set->json, "w");
	size_t i;

	if (!file)
		err(1, "%s", set->json);
	fputs("[\n", file);
	for (i = 0; i < count; i++) {
		json_result(file, set, &res[i]);
		fputs(i + 1 < count ? ",\n" : "\n", file);
	}
	fputs("]\n", file);
	if (ferror(file) | fclose(file))
		err(1, "%s", set->json);
}

static const char *peer_of(const struct limit *limit)
{
	return limit->metric->sides[limit->side].name;
}

static const struct result *find_result(const struct result *res, size_t count,
					const struct limit *limit)
{
	size_t i;

	for (i = 0; i < count; i++) {
		if (res[i].metric == limit->metric &&
		    res[i].size == limit->size &&
		    !strcmp(res[i].peer_name, peer_of(limit)))
			return &res[i];
	}
	return NULL;
}

bool report_is_limited(const struct metric *metric)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(limits); i++) {
		if (limits[i].metric == metric)
			return true;
	}
	for (i = 0; i < ARRAY_SIZE(ceilings); i++) {
		if (ceilings[i].metric == metric)
			return true;
	}
	return false;
}

/* A limit that was not measured is not kept. */
static bool judge(const struct result *res, size_t count,
		  const struct limit *limit)
{
	const struct result *found = find_result(res, count, limit);
	bool ok = found && ratio_of(found) <= limit->ratio;

	printf("gate: %s", limit->metric->name);
	if (limit->size)
		printf(" of %zu bytes", limit->size);
	printf(" against %s: ", peer_of(limit));
	if (found)
		printf("ratio %.3f", ratio_of(found));
	else
		printf("not measured");
	printf(", at most %.2f: %s\n", limit->ratio,
	       ok ? "kept" : "MISSED");
	return ok;
}

/* The same beside each peer: any result of the metric will do. */
static bool judge_bytes(const struct result *res, size_t count,
			const struct ceiling *ceiling)
{
	size_t i = 0;
	bool ok;

	while (i < count && res[i].metric != ceiling->metric)
		i++;
	ok = i < count && res[i].kipc.median <= ceiling->bytes;

	printf("gate: %s: ", ceiling->metric->name);
	if (i < count)
		printf("%.0f bytes", res[i].kipc.median);
	else
		printf("not measured");
	printf(", at most %.0f: %s\n", ceiling->bytes, ok ? "kept" : "MISSED");
	return ok;
}

bool report_gate(const struct result *res, size_t count)
{
	bool kept = true;
	size_t i;

	putchar('\n');
	for (i = 0; i < ARRAY_SIZE(limits); i++)
		kept &= judge(res, count, &limits[i]);
	for (i = 0; i < ARRAY_SIZE(ceilings); i++)
		kept &= judge_bytes(res, count, &ceilings[i]);
	return kept;
}
