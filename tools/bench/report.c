// SPDX-License-Identifier: GPL-2.0
/* The table and the JSON file. */
#include <err.h>
#include <stdio.h>
#include <string.h>

#include "bench.h"

#define NAME_BYTES	64

double ratio_of(const struct result *res)
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
	printf("%-22s %7s %12s %6s  %-17s %12s %6s %9s  %-12s  %s\n", "METRIC",
	       "SIZE", "KIPC", "+-", "PEER", "PEER'S", "+-", "RATIO", "UNIT",
	       "MARK");
}

/* @name: the metric's, the short or the long one */
static void join_names(char full[NAME_BYTES], const char *name,
		       const struct result *res)
{
	const char *part = res->part->name;

	if (res->part->flags & PART_FIRST)
		snprintf(full, NAME_BYTES, "%s_%s", part, res->metric->long_name);
	else
		snprintf(full, NAME_BYTES, "%s%s%s", name, *part ? " " : "",
			 part);
}

static void print_name(const char *name, size_t size)
{
	printf("%-22s", name);
	if (size)
		printf(" %7zu", size);
	else
		printf(" %7s", "-");
}

static void print_figures(const struct figures *fig, bool fine)
{
	printf(" %12.*f %5.1f%%", fine ? 3 : 0, fig->median, fig->spread * 50);
}

/* Shares and the like: the others are whole numbers of something. */
static bool is_fine(const char *unit)
{
	return unit && (!strcmp(unit, "1") || !strncmp(unit, "per ", 4));
}

void report_result(const struct settings *set, const struct result *res)
{
	bool fine = is_fine(res->part->unit);
	const struct mark *mark = mark_find(set, res);
	char name[NAME_BYTES];
	const char *unit;

	if (res->part->flags & PART_QUIET)
		return;
	join_names(name, res->metric->name, res);
	print_name(name, res->size);
	if (set->peer_only)
		printf(" %12s %6s", "-", "-");
	else
		print_figures(&res->kipc, fine);
	printf("  %-17s", res->peer_name);
	print_figures(&res->peer, fine);
	if (set->peer_only || !res->peer.median)
		printf(" %9s", "-");
	else
		printf(" %9.3f", ratio_of(res));
	unit = unit_of(set, res);
	if (mark) {
		printf("  %-12s  ", unit);
		mark_print(mark, res);
	} else {
		printf("  %s", unit);
	}
	putchar('\n');
	fflush(stdout);
}

void report_skipped(const struct metric *metric, const char *why)
{
	print_name(metric->name, metric->size);
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
	const struct mark *mark = mark_find(set, res);
	const struct metric *metric = res->metric;
	char name[NAME_BYTES];

	join_names(name, metric->long_name ? metric->long_name : metric->name,
		   res);
	fprintf(file, "  {\"metric\": \"%s\", \"size\": %zu, ", name,
		res->size);
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
	fprintf(file, "\"runs\": %u", res->runs);
	if (mark)
		mark_json(file, mark, res);
	putc('}', file);
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
