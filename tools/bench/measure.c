// SPDX-License-Identifier: GPL-2.0
/*
 * Runs of the two sides are interleaved A B B A, so that a machine that warms
 * up, slows down or is disturbed for a while does so to both alike.
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

/* Mode wall: how long a run of the peer shall take. */
#define BUDGET_NS	(50 * NSEC_PER_MSEC)

#define OPS_MIN		16
#define OPS_MAX		1000000

static double timed_run(const struct metric *metric, struct rig *rig,
			unsigned long ops)
{
	uint64_t start = now_ns();

	metric->run(rig, ops);
	return (double)(now_ns() - start) / ops;
}

/* Warms the peer up as well. */
static unsigned long choose_ops(const struct settings *set,
				const struct metric *metric, struct rig *rig)
{
	unsigned long ops = OPS_MIN;
	double each;

	if (set->icount) {
		ops = BUDGET_BYTES / (rig->size + BUDGET_CALL);
		if (ops < OPS_MIN)
			ops = OPS_MIN;
		metric->run(rig, ops);
		return ops;
	}
	for (;;) {
		each = timed_run(metric, rig, ops);
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

struct result measure(const struct settings *set, const struct metric *metric,
		      size_t size)
{
	bool pin = !set->icount && sysconf(_SC_NPROCESSORS_ONLN) > 1;
	struct result res = {
		.metric = metric,
		.size = size,
		.runs = set->runs,
	};
	double *kipc = calloc(set->runs, sizeof(*kipc));
	double *peer = calloc(set->runs, sizeof(*peer));
	struct rig a, b;
	unsigned int i;

	if (!kipc || !peer)
		err(1, "calloc");
	rig_open(&b, metric, &kind_pipe, size, pin);
	res.ops = choose_ops(set, metric, &b);
	if (set->peer_only) {
		for (i = 0; i < set->runs; i++)
			peer[i] = timed_run(metric, &b, res.ops);
	} else {
		rig_open(&a, metric, &kind_kipc, size, pin);
		metric->run(&a, res.ops);
		for (i = 0; i < set->runs; i += 2) {
			kipc[i] = timed_run(metric, &a, res.ops);
			peer[i] = timed_run(metric, &b, res.ops);
			peer[i + 1] = timed_run(metric, &b, res.ops);
			kipc[i + 1] = timed_run(metric, &a, res.ops);
		}
		/* First the younger: its process holds copies of the other's. */
		rig_close(&a);
		res.kipc = summarise(kipc, set->runs);
	}
	rig_close(&b);
	res.peer = summarise(peer, set->runs);
	free(kipc);
	free(peer);
	return res;
}
