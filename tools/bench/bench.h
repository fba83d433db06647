/* SPDX-License-Identifier: GPL-2.0 */
/*
 * kipc-bench: kipc and its peers, side by side, in one run.
 *
 * A metric is something that kipc and its peers can all do (write and read back,
 * P and V, ...); a side is one of those who do it, and its work says how.  A rig
 * is one side set up for one metric, ready to do any number of operations.
 * Where calls are alike (read(2) and write(2)) the sides share their work, and
 * differ in what is behind the descriptor alone.
 */
#ifndef KIPC_BENCH_H
#define KIPC_BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define ARRAY_SIZE(array)	(sizeof(array) / sizeof((array)[0]))

#define SIDES_MAX	4

struct rig;

/**
 * struct work - what one or several sides do
 * @set_up: makes the objects and the other process
 * @before: gets ready for one run; not timed, may be missing
 * @run: does @ops operations
 * @after: puts away what @before made; not timed, may be missing
 * @close: undoes @set_up
 * @gauge: reads what goes up in @run; missing: the clock
 */
struct work {
	void (*set_up)(struct rig *rig);
	void (*before)(struct rig *rig);
	void (*run)(struct rig *rig, unsigned long ops);
	void (*after)(struct rig *rig);
	void (*close)(struct rig *rig);
	uint64_t (*gauge)(void);
};

/**
 * struct side - kipc or a peer, at one metric
 * @name: what it is called in the output
 * @work: what it does
 * @own: what makes it differ from others with the same work
 */
struct side {
	const char *name;
	const struct work *work;
	const void *own;
};

/**
 * struct metric - something to measure
 * @name: its name in the table and on the command line
 * @long_name: its name in the JSON file; NULL: the same
 * @unit: what is measured; NULL: what the clock counts
 * @kind: KIPC_KIND_* that it needs
 * @size: bytes in each operation, 0 if it has none
 * @sizes: in place of @size those of the command line
 * @size_max: with @sizes, the largest that all sides can do; 0: any
 * @wall_only: not measured by default in mode icount
 * @root: only root can
 * @ops: operations in each run; 0: so many that it takes a while
 * @runs: runs at most in mode icount; 0: as many as the command line says
 * @sides: kipc, the main peer, others; unused ones have no name
 */
struct metric {
	const char *name;
	const char *long_name;
	const char *unit;
	unsigned int kind;
	size_t size;
	bool sizes;
	size_t size_max;
	bool wall_only;
	bool root;
	unsigned long ops;
	unsigned int runs;
	struct side sides[SIDES_MAX];
};

extern const struct metric pipe_transfer;
extern const struct metric pipe_round_trip;
extern const struct metric pipe_throughput;
extern const struct metric sem_pv;
extern const struct metric sem_pv_undo;
extern const struct metric sem_handover;
extern const struct metric mapped_sem;
extern const struct metric mapped_mutex;
extern const struct metric array_add;
extern const struct metric segment_touch;
extern const struct metric mailbox_one;
extern const struct metric mailbox_vector;
extern const struct metric endpoint_call;
extern const struct metric mailbox_bytes;
extern const struct metric message_bytes;

/* pipe.c: there and back over two channels, for all that is read and written */
struct channel;

extern const struct work channel_round_trip;
extern const struct channel channel_pipe;
extern const struct channel channel_seqpacket;

/**
 * struct rig - one side, set up
 * @side: which
 * @size: bytes in each operation
 * @child: the process at the other end, 0 if there is none
 * @pin: keep each process on a CPU of its own
 * @priv: the work's own
 */
struct rig {
	const struct side *side;
	size_t size;
	pid_t child;
	bool pin;
	void *priv;
};

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
 * struct result - kipc and one peer, at a metric and a size
 * @metric: which
 * @peer_name: which of its sides the peer is
 * @size: bytes in an operation
 * @runs: runs of each side
 * @kipc: ours; zero when the peers alone are measured
 * @peer: the peer's
 */
struct result {
	const struct metric *metric;
	const char *peer_name;
	size_t size;
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
 * @wanted: which metrics to measure, a bit for each; 0: the default ones
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

/* rig.c */
void rig_open(struct rig *rig, const struct side *side, size_t size, bool pin);
void rig_close(struct rig *rig);
bool rig_fork(struct rig *rig);
void rig_reap(struct rig *rig);
void *rig_shared(size_t size);

/* measure.c */
size_t measure(const struct settings *set, const struct metric *metric,
	       size_t size, struct result *res);

/* report.c */
void report_begin(const struct settings *set);
void report_result(const struct settings *set, const struct result *res);
void report_skipped(const struct metric *metric, const char *why);
void report_json(const struct settings *set, const struct result *res,
		 size_t count);
bool report_gate(const struct result *res, size_t count);

#endif /* KIPC_BENCH_H */
