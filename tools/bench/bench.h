/* SPDX-License-Identifier: GPL-2.0 */
/*
 * kipc-bench: kipc and its peer, side by side, by the same code.
 *
 * A metric is something that both can do (write and read back, a round trip
 * between two processes, ...).  A rig is one metric set up for one of the two
 * at one size, ready to do any number of operations.
 */
#ifndef KIPC_BENCH_H
#define KIPC_BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define ARRAY_SIZE(array)	(sizeof(array) / sizeof((array)[0]))

/**
 * struct kind - a kind of channel
 * @name: what it is called in the output
 * @make: opens a channel with room for @capacity bytes; exits on failure
 */
struct kind {
	const char *name;
	void (*make)(int fd[2], size_t capacity);
};

extern const struct kind kind_kipc;
extern const struct kind kind_pipe;

/**
 * struct rig - one metric, set up
 * @kind: what carries the data
 * @size: bytes in each operation
 * @to: this process writes to @to[1]; -1 where closed
 * @from: this process reads from @from[0]
 * @child: the process at the other end, 0 if there is none
 * @pin: keep each process on a CPU of its own
 * @buf: @size bytes
 */
struct rig {
	const struct kind *kind;
	size_t size;
	int to[2];
	int from[2];
	pid_t child;
	bool pin;
	char *buf;
};

/**
 * struct metric - something to measure
 * @name: its name in the output
 * @text: what one operation is
 * @set_up: makes the channels and the other process
 * @run: does @ops operations
 */
struct metric {
	const char *name;
	const char *text;
	void (*set_up)(struct rig *rig);
	void (*run)(struct rig *rig, unsigned long ops);
};

extern const struct metric metrics[];
extern const size_t metric_count;

/**
 * struct figures - one side's result
 * @median: per operation
 * @spread: distance between the quartiles, as a share of the median
 */
struct figures {
	double median;
	double spread;
};

/**
 * struct result - a metric at one size
 * @metric: which
 * @size: bytes in an operation
 * @ops: operations in each run
 * @runs: runs of each side
 * @kipc: ours; zero when the peer alone is measured
 * @peer: pipe(2)
 */
struct result {
	const struct metric *metric;
	size_t size;
	unsigned long ops;
	unsigned int runs;
	struct figures kipc;
	struct figures peer;
};

/**
 * struct settings - from the command line
 * @icount: the clock counts instructions
 * @peer_only: leave kipc out
 * @gate: judge the result
 * @runs: runs of each side, an even number
 * @json: file to write, NULL for none
 * @sizes: bytes per operation
 * @size_count: entries of @sizes
 * @wanted: which of @metrics to measure, a bit for each
 */
struct settings {
	bool icount;
	bool peer_only;
	bool gate;
	unsigned int runs;
	const char *json;
	size_t sizes[16];
	size_t size_count;
	unsigned int wanted;
};

void rig_open(struct rig *rig, const struct metric *metric,
	      const struct kind *kind, size_t size, bool pin);
void rig_close(struct rig *rig);

struct result measure(const struct settings *set, const struct metric *metric,
		      size_t size);

void report_begin(const struct settings *set);
void report_result(const struct settings *set, const struct result *res);
void report_json(const struct settings *set, const struct result *res,
		 size_t count);
bool report_gate(const struct result *res, size_t count);

double ratio_of(const struct result *res);
const char *unit_of(const struct settings *set);

#endif /* KIPC_BENCH_H */
