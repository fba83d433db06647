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
	{ &pipe_transfer, 1, 64, 1.00 },
	{ &pipe_transfer, 1, 65536, 0.70 },
	{ &sem_pv, 1, 0, 0.75 },
	{ &sem_pv_undo, 1, 0, 0.75 },
	{ &mapped_sem, 1, 0, 1.20 },
	{ &mapped_sem, 2, 0, 0.03 },
	{ &array_add, 1, 8, 0.80 },
	{ &segment_touch, 1, 4096, 1.02 },
	{ &mailbox_one, 1, 64, 0.90 },
	{ &mailbox_one, 2, 64, 0.90 },
	{ &mailbox_vector, 1, 64, 0.50 },
	{ &mailbox_vector, 2, 64, 0.50 },
	{ &endpoint_call, 1, 64, 0.80 },
};

static double ratio_of(const struct result *res)
{
	return res->kipc.median / res->peer.median;
}

static const char *unit_of(const struct settings *set,
			   const struct metric *metric)
{
	if (metric->unit)
		return metric->unit;
	return set->icount ? "instructions" : "ns";
}

void report_begin(const struct settings *set)
{
	printf("%s per operation: median of %u runs",
	       set->icount ? "Instructions" : "Nanoseconds", set->runs);
	printf("; +-: half the distance between the quartiles\n\n");
	printf("%-13s %6s %12s %6s  %-12s %9s %6s %7s\n", "METRIC", "BYTES",
	       "KIPC", "+-", "PEER", "PEER'S", "+-", "RATIO");
}

static void print_name(const char *name, size_t size)
{
	printf("%-13s", name);
	if (size)
		printf(" %6zu", size);
	else
		printf(" %6s", "-");
}

void report_result(const struct settings *set, const struct result *res)
{
	print_name(res->metric->name, res->size);
	if (set->peer_only)
		printf(" %12s %6s", "-", "-");
	else
		printf(" %12.0f %5.1f%%", res->kipc.median,
		       res->kipc.spread * 50);
	printf("  %-12s %9.0f %5.1f%%", res->peer_name, res->peer.median,
	       res->peer.spread * 50);
	if (set->peer_only)
		printf(" %7s\n", "-");
	else
		printf(" %7.3f\n", ratio_of(res));
	fflush(stdout);
}

void report_skipped(const struct metric *metric, const char *why)
{
	print_name(metric->name, metric->size);
	printf("  skipped: %s\n", why);
}

static void json_result(FILE *file, const struct settings *set,
			const struct result *res)
{
	const struct metric *metric = res->metric;

	fprintf(file, "  {\"metric\": \"%s\", \"size\": %zu, \"mode\": \"%s\", ",
		metric->long_name ? metric->long_name : metric->name, res->size,
		set->icount ? "icount" : "wall");
	fprintf(file, "\"unit\": \"%s\", ", unit_of(set, metric));
	if (set->peer_only)
		fputs("\"kipc\": null, ", file);
	else
		fprintf(file, "\"kipc\": %.1f, ", res->kipc.median);
	fprintf(file, "\"peer\": %.1f, \"peer_name\": \"%s\", ",
		res->peer.median, res->peer_name);
	if (set->peer_only)
		fputs("\"ratio\": null, ", file);
	else
		fprintf(file, "\"ratio\": %.4f, ", ratio_of(res));
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

bool report_gate(const struct result *res, size_t count)
{
	bool kept = true;
	size_t i;

	putchar('\n');
	for (i = 0; i < ARRAY_SIZE(limits); i++)
		kept &= judge(res, count, &limits[i]);
	return kept;
}
