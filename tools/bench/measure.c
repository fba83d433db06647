// SPDX-License-Identifier: GPL-2.0
/*
 * Runs of the sides are interleaved, A B C C B A, so that a machine that warms
 * up, slows down or is disturbed for a while does so to all alike.
 */
#include <err.h>
#include <stdlib.h>

#include "kipc_util.h"
#include "bench.h"

/* Mode icount: operations follow from the size alone, so that every run is the
 * same; this many bytes, with the system calls of an operation counted as 2 KiB.
 */
#define BUDGET_BYTES	(2 << 20)
#define BUDGET_CALL	2048

/* Mode wall: how long a run of the main peer shall take. */
#define BUDGET_NS	(50 * NSEC_PER_MSEC)

#define OPS_MIN		16
#define OPS_MAX		1000000

/* The sides of a metric while it is measured. */
struct field {
	size_t count;
	struct rig rigs[SIDES_MAX];
	double *values[SIDES_MAX];	/* of each run */
};

static double gauged_run(struct rig *rig, unsigned long ops)
{
	const struct work *work = rig->side->work;
	uint64_t (*gauge)(void) = work->gauge ? work->gauge : now_ns;
	uint64_t start, end;

	if (work->before)
		work->before(rig);
	start = gauge();
	work->run(rig, ops);
	end = gauge();
	if (work->after)
		work->after(rig);
	return (double)(end - start) / ops;
}

static unsigned long choose_ops(const struct settings *set, struct rig *rig)
{
	unsigned long ops = OPS_MIN;
	double each;

	if (set->icount) {
		ops = BUDGET_BYTES / (rig->size + BUDGET_CALL);
		return ops < OPS_MIN ? OPS_MIN : ops;
	}
	for (;;) {
		each = gauged_run(rig, ops);
		if (each * ops >= BUDGET_NS / 4 || ops >= OPS_MAX)
			break;
		ops *= 2;
	}
	ops = BUDGET_NS / each;
	return ops < OPS_MIN ? OPS_MIN : ops > OPS_MAX ? OPS_MAX : ops;
}

static int compare_doubles(const void *left, const void *right)
{
	double l = *(const double *)left, r = *(const double *)right;

	return (l > r) - (l < r);
}

/* Between the two nearest where @at is not whole. */
static double at_rank(const double *sorted, double at)
{
	size_t low = at;
	double rest = at - low;

	if (!rest)
		return sorted[low];
	return sorted[low] * (1 - rest) + sorted[low + 1] * rest;
}

static struct figures summarise(double *values, size_t count)
{
	struct figures fig;

	qsort(values, count, sizeof(*values), compare_doubles);
	fig.median = at_rank(values, (count - 1) / 2.0);
	fig.spread = (at_rank(values, (count - 1) * 0.75) -
		      at_rank(values, (count - 1) * 0.25)) / fig.median;
	return fig;
}

/* The peers first, so that their processes have no copies of kipc's handles. */
static void field_open(struct field *field, const struct settings *set,
		       const struct metric *metric, size_t size)
{
	bool pin = !set->icount && sysconf(_SC_NPROCESSORS_ONLN) > 1;
	size_t i;

	field->count = 0;
	for (i = SIDES_MAX; i--;) {
		if (!metric->sides[i].name || (!i && set->peer_only))
			continue;
		field->values[field->count] =
			calloc(set->runs, sizeof(*field->values[0]));
		if (!field->values[field->count])
			err(1, "calloc");
		rig_open(&field->rigs[field->count++], &metric->sides[i], size,
			 pin);
	}
}

/* First the youngest: its process holds copies of what the others have. */
static void field_close(struct field *field)
{
	size_t i;

	for (i = field->count; i--;) {
		rig_close(&field->rigs[i]);
		free(field->values[i]);
	}
}

static struct rig *field_main_peer(struct field *field,
				   const struct metric *metric)
{
	size_t i;

	for (i = 0; i < field->count; i++) {
		if (field->rigs[i].side == &metric->sides[1])
			return &field->rigs[i];
	}
	return NULL;
}

static void field_run(struct field *field, unsigned int runs, unsigned long ops)
{
	unsigned int run;
	size_t i;

	for (i = 0; i < field->count; i++)
		gauged_run(&field->rigs[i], ops);
	for (run = 0; run < runs; run += 2) {
		for (i = field->count; i--;)
			field->values[i][run] = gauged_run(&field->rigs[i], ops);
		for (i = 0; i < field->count; i++)
			field->values[i][run + 1] =
				gauged_run(&field->rigs[i], ops);
	}
}

/* Gives the number of results, one for each peer. */
size_t measure(const struct settings *set, const struct metric *metric,
	       size_t size, struct result *res)
{
	unsigned int runs = set->runs;
	struct figures kipc = { 0 };
	struct field field;
	unsigned long ops;
	size_t count = 0, i;

	if (set->icount && metric->runs && metric->runs < runs)
		runs = metric->runs;
	field_open(&field, set, metric, size);
	ops = metric->ops;
	if (!ops)
		ops = choose_ops(set, field_main_peer(&field, metric));
	field_run(&field, runs, ops);
	for (i = field.count; i--;) {
		const struct side *side = field.rigs[i].side;
		struct figures fig = summarise(field.values[i], runs);

		if (side == &metric->sides[0])
			kipc = fig;
		else
			res[count++] = (struct result){
				.metric = metric,
				.peer_name = side->name,
				.size = size,
				.runs = runs,
				.kipc = kipc,
				.peer = fig,
			};
	}
	field_close(&field);
	return count;
}
