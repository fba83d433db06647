// SPDX-License-Identifier: GPL-2.0
/*
 * Runs of the sides are interleaved, A B C C B A, so that a machine that warms
 * up, slows down or is disturbed for a while does so to all alike.
 */
#include <err.h>
#include <stdlib.h>

#include "kipc_util.h"
#include "bench.h"
#include "effort.h"

/* Mode icount: operations follow from the size alone, so that every run is the
 * same; this many bytes, with the system calls of an operation counted as 2 KiB.
 */
#define BUDGET_BYTES	(2 << 20)
#define BUDGET_CALL	2048

/* Mode wall: how long a run shall take.  A side that is slower than the main peer
 * may take twice as long for the same, and then does less.
 */
#define BUDGET_NS	(30 * NSEC_PER_MSEC)
#define BUDGET_SLOW_NS	(2 * BUDGET_NS)

/* Of a metric that is sampled: as many samples as it asks for, but for no longer. */
#define BUDGET_SAMPLES_NS	(150 * NSEC_PER_MSEC)

/* Fewer if each takes as long as a run shall. */
#define OPS_MIN		16
#define OPS_LEAST	4
#define OPS_MAX		1000000

/* Of a metric that has no parts, and of one that is sampled. */
static const struct part whole[] = { { .name = "" }, { 0 } };

const struct part percentiles[] = {
	{ .name = "p50", .rank = 0.5 },
	{ .name = "p90", .rank = 0.9, .flags = PART_QUIET },
	{ .name = "p99", .rank = 0.99 },
	{ .name = "p99.9", .rank = 0.999 },
	{ .name = "max", .rank = 1 },
	{ 0 }
};

/**
 * struct track - a side of a metric while it is measured
 * @rig: the side
 * @ops: operations in a run
 * @values: of each run, PARTS_MAX of them
 * @samples: if the metric is sampled: @ops of each run
 */
struct track {
	struct rig rig;
	unsigned long ops;
	double *values;
	double *samples;
};

/**
 * struct field - all sides of a metric while it is measured
 * @metric: which
 * @parts: its parts
 * @runs: runs of each side
 * @count: entries of @tracks
 * @tracks: the sides, the last one of the metric first
 */
struct field {
	const struct metric *metric;
	const struct part *parts;
	unsigned int runs;
	size_t count;
	struct track tracks[SIDES_MAX];
};

static uint64_t whole_sample(struct rig *rig)
{
	uint64_t start = now_ns();

	rig->side->work->run(rig, 1);
	return now_ns() - start;
}

static void sampled_run(struct rig *rig, unsigned long ops, double *samples)
{
	const struct work *work = rig->side->work;
	uint64_t (*sample)(struct rig *rig) = work->sample ? work->sample :
							     whole_sample;
	unsigned long i;

	for (i = 0; i < ops; i++)
		samples[i] = sample(rig);
}

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

static void counted_run(struct track *track, double *values)
{
	struct rig *rig = &track->rig;
	uint64_t counts[EFFORT_KINDS];
	struct effort effort;
	unsigned int i;

	effort_open(&effort, rig->child);
	effort_start(&effort);
	rig->side->work->run(rig, track->ops);
	effort_stop(&effort, counts);
	effort_close(&effort);
	for (i = 0; i < EFFORT_KINDS; i++)
		values[i] = (double)counts[i] / track->ops;
}

static void field_step(struct field *field, struct track *track,
		       unsigned int run)
{
	const struct work *work = track->rig.side->work;
	double *values = track->values + run * PARTS_MAX;

	if (field->metric->sampled) {
		sampled_run(&track->rig, track->ops,
			    track->samples + run * track->ops);
		return;
	}
	if (field->metric->counted) {
		counted_run(track, values);
		return;
	}
	values[0] = gauged_run(&track->rig, track->ops);
	if (work->read)
		work->read(&track->rig, track->ops, values);
}

static unsigned long within(double ops, unsigned long min, unsigned long max)
{
	return ops < min ? min : ops > max ? max : ops;
}

static double cost(struct rig *rig, unsigned long ops)
{
	const struct work *work = rig->side->work;
	double values[PARTS_MAX] = { gauged_run(rig, ops) };

	if (work->read)
		work->read(rig, ops, values);
	return values[0];
}

/* So many that a run takes @budget ns, and at most @max.  What seems slow is tried
 * again: it may have been disturbed.
 */
static unsigned long choose_ops(const struct settings *set, struct rig *rig,
				uint64_t budget, unsigned long max)
{
	unsigned long ops = OPS_LEAST;
	double each, again;

	if (set->icount)
		return within(BUDGET_BYTES / (rig->size + BUDGET_CALL),
			      OPS_MIN, max);
	for (;;) {
		each = cost(rig, ops);
		if (each * ops >= budget / 4) {
			again = cost(rig, ops);
			each = again < each ? again : each;
		}
		if (ops < OPS_MIN && each >= budget)
			return ops;
		if (ops >= max || (ops >= OPS_MIN && each * ops >= budget / 4))
			break;
		ops *= 2;
	}
	return within(budget / each, OPS_MIN, max);
}

static unsigned long choose_samples(const struct settings *set, struct rig *rig,
				    unsigned long max)
{
	double samples[OPS_MIN];
	uint64_t start = now_ns();

	if (set->icount)
		return max;
	sampled_run(rig, ARRAY_SIZE(samples), samples);
	return within((double)BUDGET_SAMPLES_NS * ARRAY_SIZE(samples) /
		      (now_ns() - start), OPS_MIN, max);
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

/* Sorts @values. */
static struct figures summarise(double *values, size_t count)
{
	struct figures fig;
	double range;

	qsort(values, count, sizeof(*values), compare_doubles);
	fig.median = at_rank(values, (count - 1) / 2.0);
	range = at_rank(values, (count - 1) * 0.75) -
		at_rank(values, (count - 1) * 0.25);
	/* What is 0 in most runs has no spread to speak of. */
	fig.spread = fig.median ? range / fig.median : 0;
	return fig;
}

static double *make_doubles(size_t count)
{
	double *mem = calloc(count, sizeof(*mem));

	if (!mem)
		err(1, "calloc");
	return mem;
}

/* The figure is of the samples of all runs, the spread between the runs. */
static struct figures sampled_figures(const struct field *field,
				      struct track *track, double rank)
{
	double *each = make_doubles(field->runs);
	size_t ops = track->ops, all = field->runs * ops;
	struct figures fig;
	unsigned int run;

	for (run = 0; run < field->runs; run++) {
		double *samples = track->samples + run * ops;
		double *sorted = make_doubles(ops);

		memcpy(sorted, samples, ops * sizeof(*sorted));
		qsort(sorted, ops, sizeof(*sorted), compare_doubles);
		each[run] = at_rank(sorted, (ops - 1) * rank);
		free(sorted);
	}
	fig = summarise(each, field->runs);
	free(each);
	each = make_doubles(all);
	memcpy(each, track->samples, all * sizeof(*each));
	qsort(each, all, sizeof(*each), compare_doubles);
	fig.median = at_rank(each, (all - 1) * rank);
	free(each);
	return fig;
}

static struct figures part_figures(const struct field *field,
				   struct track *track, size_t part)
{
	double *each;
	struct figures fig;
	unsigned int run;

	if (field->metric->sampled)
		return sampled_figures(field, track, field->parts[part].rank);
	each = make_doubles(field->runs);
	for (run = 0; run < field->runs; run++)
		each[run] = track->values[run * PARTS_MAX + part];
	fig = summarise(each, field->runs);
	free(each);
	return fig;
}

static bool can_do(const struct side *side, size_t size)
{
	return side->name && (!side->size_max || size <= side->size_max);
}

/* The peers first, so that their processes have no copies of kipc's handles. */
static void field_open(struct field *field, const struct settings *set,
		       size_t size)
{
	const struct metric *metric = field->metric;
	bool pin = !set->icount && !set->unpinned &&
		   sysconf(_SC_NPROCESSORS_ONLN) > 1;
	size_t i;

	for (i = SIDES_MAX; i--;) {
		const struct side *side = &metric->sides[i];
		struct track *track = &field->tracks[field->count];

		if (!can_do(side, size) || (!i && set->peer_only))
			continue;
		track->values = make_doubles(field->runs * PARTS_MAX);
		track->rig = (struct rig){
			.metric = metric, .side = side, .size = size,
			.pin = pin,
		};
		rig_open(&track->rig);
		field->count++;
	}
}

/* First the youngest: its process holds copies of what the others have. */
static void field_close(struct field *field)
{
	size_t i;

	for (i = field->count; i--;) {
		rig_close(&field->tracks[i].rig);
		free(field->tracks[i].values);
		free(field->tracks[i].samples);
	}
}

/* As many as the main peer does, unless that takes too long. */
static void field_choose_ops(struct field *field, const struct settings *set)
{
	const struct side *main_peer = &field->metric->sides[1];
	struct track *track, *end = field->tracks + field->count;
	unsigned long most = OPS_MAX;

	for (track = field->tracks; track < end; track++) {
		if (track->rig.side == main_peer)
			most = choose_ops(set, &track->rig, BUDGET_NS, OPS_MAX);
	}
	for (track = field->tracks; track < end; track++) {
		if (track->rig.side == main_peer)
			track->ops = most;
		else
			track->ops = choose_ops(set, &track->rig,
						BUDGET_SLOW_NS, most);
	}
}

static void field_prepare(struct field *field, const struct settings *set)
{
	unsigned long ops = field->metric->ops;
	struct track *track, *end = field->tracks + field->count;

	if (!ops)
		field_choose_ops(field, set);
	for (track = field->tracks; track < end; track++) {
		if (ops)
			track->ops = ops;
		if (!field->metric->sampled)
			continue;
		track->ops = choose_samples(set, &track->rig, track->ops);
		track->samples = make_doubles(field->runs * track->ops);
	}
}

static void field_run(struct field *field)
{
	unsigned int run;
	size_t i;

	/* One that does not count. */
	for (i = 0; i < field->count; i++)
		field_step(field, &field->tracks[i], 0);
	for (run = 0; run < field->runs; run += 2) {
		for (i = field->count; i--;)
			field_step(field, &field->tracks[i], run);
		for (i = 0; i < field->count; i++)
			field_step(field, &field->tracks[i], run + 1);
	}
}

static size_t field_results(struct field *field, size_t part, size_t size,
			    struct result *res)
{
	struct figures kipc = { 0 };
	size_t count = 0, i;

	for (i = field->count; i--;) {
		struct track *track = &field->tracks[i];
		const struct side *side = track->rig.side;
		struct figures fig = part_figures(field, track, part);

		if (side == &field->metric->sides[0])
			kipc = fig;
		else
			res[count++] = (struct result){
				.metric = field->metric,
				.part = &field->parts[part],
				.peer_name = side->name,
				.peer_number = side - field->metric->sides,
				.size = size,
				.runs = field->runs,
				.kipc = kipc,
				.peer = fig,
			};
	}
	return count;
}

/* Gives the number of results, one for each peer and part. */
size_t measure(const struct settings *set, const struct metric *metric,
	       size_t size, struct result *res)
{
	unsigned int unwanted = set->icount ? PART_WALL : PART_ICOUNT;
	struct field field = {
		.metric = metric,
		.parts = metric->parts ? metric->parts : whole,
		.runs = set->runs,
	};
	size_t count = 0, part;

	if (metric->runs && metric->runs < field.runs)
		field.runs = metric->runs;
	field_open(&field, set, size);
	field_prepare(&field, set);
	field_run(&field);
	for (part = 0; field.parts[part].name; part++) {
		if (!(field.parts[part].flags & unwanted))
			count += field_results(&field, part, size, &res[count]);
	}
	field_close(&field);
	return count;
}
