// SPDX-License-Identifier: GPL-2.0
/* The table, the JSON file and the gate. */
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"

/* What a ratio may be at most: the first mark, at the smallest and the largest
 * size; the work on speed lowers them.
 */
static const struct limit {
	const char *metric;
	size_t size;
	double ratio;
} limits[] = {
	{ "transfer", 64, 1.00 },
	{ "transfer", 65536, 0.70 },
};

double ratio_of(const struct result *res)
{
	return res->kipc.median / res->peer.median;
}

const char *unit_of(const struct settings *set)
{
	return set->icount ? "instructions" : "ns";
}

void report_begin(const struct settings *set)
{
	printf("%s per operation: median of %u runs",
	       set->icount ? "Instructions" : "Nanoseconds", set->runs);
	printf("; +-: half the distance between the quartiles\n\n");
	printf("%-10s %7s %12s %7s %12s %7s %7s\n", "METRIC", "BYTES", "KIPC",
	       "+-", kind_pipe.name, "+-", "RATIO");
}

static void print_figures(const struct figures *fig)
{
	if (fig->median)
		printf(" %12.0f %6.1f%%", fig->median, fig->spread * 50);
	else
		printf(" %12s %7s", "-", "-");
}

void report_result(const struct settings *set, const struct result *res)
{
	printf("%-10s %7zu", res->metric->name, res->size);
	print_figures(&res->kipc);
	print_figures(&res->peer);
	if (set->peer_only)
		printf(" %7s\n", "-");
	else
		printf(" %7.3f\n", ratio_of(res));
	fflush(stdout);
}

static void json_result(FILE *file, const struct settings *set,
			const struct result *res)
{
	fprintf(file, "  {\"metric\": \"pipe %s\", \"size\": %zu, \"mode\": \"%s\", ",
		res->metric->name, res->size, set->icount ? "icount" : "wall");
	fprintf(file, "\"unit\": \"%s\", ", unit_of(set));
	if (set->peer_only)
		fputs("\"kipc\": null, ", file);
	else
		fprintf(file, "\"kipc\": %.1f, ", res->kipc.median);
	fprintf(file, "\"peer\": %.1f, \"peer_name\": \"%s\", ",
		res->peer.median, kind_pipe.name);
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

static const struct result *find_result(const struct result *res, size_t count,
					const struct limit *limit)
{
	size_t i;

	for (i = 0; i < count; i++) {
		if (res[i].size == limit->size &&
		    !strcmp(res[i].metric->name, limit->metric))
			return &res[i];
	}
	return NULL;
}

/* A limit that was not measured is not kept. */
bool report_gate(const struct result *res, size_t count)
{
	bool kept = true;
	size_t i;

	putchar('\n');
	for (i = 0; i < ARRAY_SIZE(limits); i++) {
		const struct limit *limit = &limits[i];
		const struct result *found = find_result(res, count, limit);
		bool ok = found && ratio_of(found) <= limit->ratio;

		printf("gate: %s of %zu bytes: ", limit->metric, limit->size);
		if (found)
			printf("ratio %.3f", ratio_of(found));
		else
			printf("not measured");
		printf(", at most %.2f: %s\n", limit->ratio,
		       ok ? "kept" : "MISSED");
		kept &= ok;
	}
	return kept;
}
