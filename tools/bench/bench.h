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
#include <stdio.h>
#include <sys/types.h>

#define ARRAY_SIZE(array)	(sizeof(array) / sizeof((array)[0]))

#define SIDES_MAX	10
#define PARTS_MAX	6
#define SIZES_MAX	16

struct rig;

/**
 * struct work - what one or several sides do
 * @set_up: makes the objects and the other process
 * @before: gets ready for one run; not timed, may be missing
 * @run: does @ops operations
 * @after: puts away what @before made; not timed, may be missing
 * @close: undoes @set_up
 * @gauge: reads what goes up in @run; missing: the clock
 * @read: gives what the last run, of @ops operations, tells: a value for each of
 *	the metric's parts; the first is what @gauge counted for each operation,
 *	and may be put right.  Missing: that is all
 * @sample: does one operation, and gives how long what matters of it took;
 *	missing: @run of one, all of it
 */
struct work {
	void (*set_up)(struct rig *rig);
	void (*before)(struct rig *rig);
	void (*run)(struct rig *rig, unsigned long ops);
	void (*after)(struct rig *rig);
	void (*close)(struct rig *rig);
	uint64_t (*gauge)(void);
	void (*read)(struct rig *rig, unsigned long ops, double *values);
	uint64_t (*sample)(struct rig *rig);
};

/**
 * struct side - kipc or a peer, at one metric
 * @name: what it is called in the output
 * @work: what it does
 * @own: what makes it differ from others with the same work
 * @size_max: the largest size that it can do; 0: any
 */
struct side {
	const char *name;
	const struct work *work;
	const void *own;
	size_t size_max;
};

/* Where a part is told. */
#define PART_WALL	(1U << 0)	/* not in mode icount */
#define PART_ICOUNT	(1U << 1)	/* in mode icount alone */
#define PART_QUIET	(1U << 2)	/* in the JSON file, not in the table */
#define PART_FIRST	(1U << 3)	/* its name is in front of the long name */

/**
 * struct part - one of several figures that a run gives
 * @name: what is put behind the metric's name; "" for the metric itself
 * @unit: what is measured; NULL: what the clock counts
 * @flags: PART_*
 * @rank: of a sampled metric: which of the sorted samples, 0 to 1
 */
struct part {
	const char *name;
	const char *unit;
	unsigned int flags;
	double rank;
};

/**
 * struct metric - something to measure
 * @name: its name in the table and on the command line
 * @long_name: its name in the JSON file; NULL: the same
 * @unit: what is measured; NULL: what the clock counts
 * @parts: what a run gives, an entry without a name at the end; NULL: one figure
 * @kind: KIPC_KIND_* that it needs
 * @size: bytes in each operation, 0 if it has none
 * @sizes: in place of @size those of the command line
 * @size_list: what @size is in turn, 0 at the end; with @sizes: in mode wall, if
 *	the command line names none
 * @size_max: with @sizes, the largest that all sides can do; 0: any
 * @sampled: each operation is timed; the parts say which of the times to tell;
 *	needs @ops, how many in each run at most
 * @counted: in place of time the system calls are counted that the processes
 *	make in a run, and their context switches: that many parts
 * @grows: kipc is also compared with itself, at the first of the sizes
 * @wall_only: not measured by default in mode icount
 * @root: only root can
 * @ops: operations in each run; 0: so many that it takes a while
 * @runs: runs at most; 0: as many as the command line says
 * @own: the metric's own, for its work
 * @sides: kipc, the main peer, others; unused ones have no name
 */
struct metric {
	const char *name;
	const char *long_name;
	const char *unit;
	const struct part *parts;
	unsigned int kind;
	size_t size;
	bool sizes;
	const size_t *size_list;
	size_t size_max;
	bool sampled;
	bool counted;
	bool grows;
	bool wall_only;
	bool root;
	unsigned long ops;
	unsigned int runs;
	const void *own;
	struct side sides[SIDES_MAX];
};

extern const struct metric pipe_transfer;
extern const struct metric pipe_round_trip;
extern const struct metric throughput;
extern const struct metric throughput_large;
extern const struct metric throughput_mailbox;
extern const struct metric throughput_vector;
extern const struct metric throughput_mapped;
extern const struct metric throughput_mapped_vector;
extern const struct metric sem_pv;
extern const struct metric sem_pv_undo;
extern const struct metric sem_handover;
extern const struct metric mapped_sem;
extern const struct metric mapped_mutex;
extern const struct metric mapped_pipe;
extern const struct metric array_add;
extern const struct metric segment_touch;
extern const struct metric mailbox_one;
extern const struct metric mailbox_vector;
extern const struct metric endpoint_call;
extern const struct metric latency_pipe;
extern const struct metric latency_mailbox;
extern const struct metric latency_call;
extern const struct metric latency_sem;
extern const struct metric wake_pipe;
extern const struct metric wake_mailbox;
extern const struct metric wake_sem;
extern const struct metric effort_pipe;
extern const struct metric effort_mailbox;
extern const struct metric effort_vector;
extern const struct metric effort_call;
extern const struct metric effort_sem;
extern const struct metric many_pipe_1x1;
extern const struct metric many_pipe_1x5;
extern const struct metric many_pipe_1x10;
extern const struct metric many_pipe_2x1;
extern const struct metric many_pipe_2x5;
extern const struct metric many_pipe_2x10;
extern const struct metric many_pipe_5x1;
extern const struct metric many_pipe_5x5;
extern const struct metric many_pipe_5x10;
extern const struct metric many_mailbox_1x1;
extern const struct metric many_mailbox_1x5;
extern const struct metric many_mailbox_1x10;
extern const struct metric many_mailbox_2x1;
extern const struct metric many_mailbox_2x5;
extern const struct metric many_mailbox_2x10;
extern const struct metric many_mailbox_5x1;
extern const struct metric many_mailbox_5x5;
extern const struct metric many_mailbox_5x10;
extern const struct metric objects;
extern const struct metric waiters_sem;
extern const struct metric waiters_mailbox;
extern const struct metric mailbox_bytes;
extern const struct metric semaphore_bytes;
extern const struct metric message_bytes;
extern const struct metric mailbox_charge;
extern const struct metric semaphore_charge;
extern const struct metric message_charge;

/* pipe.c: there and back over two channels, for all that is read and written */
struct channel;

extern const struct work channel_round_trip;
extern const struct channel channel_pipe;
extern const struct channel channel_seqpacket;

/* endpoint.c */
extern const struct work endpoint_round_trip;

/* throughput.c, latency.c: one way, and there and back, over lanes of any kind */
extern const struct work traffic;
extern const struct work lane_round_trip;

/**
 * struct rig - one side, set up
 * @metric: what for
 * @side: which
 * @size: bytes in each operation
 * @child: the process at the other end, 0 if there is none
 * @pin: keep each process on a CPU of its own
 * @priv: the work's own
 */
struct rig {
	const struct metric *metric;
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
 * @part: which of its figures
 * @peer_name: what the peer is called
 * @peer_number: its place among the metric's sides
 * @size: bytes in an operation
 * @runs: runs of each side
 * @kipc: ours; zero when the peers alone are measured
 * @peer: the peer's
 */
struct result {
	const struct metric *metric;
	const struct part *part;
	const char *peer_name;
	unsigned int peer_number;
	size_t size;
	unsigned int runs;
	struct figures kipc;
	struct figures peer;
};

/**
 * struct settings - from the command line
 * @icount: the clock counts instructions
 * @unpinned: leave it to the kernel which process runs on which CPU
 * @peer_only: leave kipc out
 * @gate: judge the result
 * @runs: runs of each side, an even number
 * @end_ns: nothing is begun after that; 0: there is time for all
 * @json: file to write, NULL for none
 * @sizes: bytes per operation
 * @size_count: entries of @sizes; 0: the command line names none
 * @wanted: which metrics to measure; none: the default ones
 */
struct settings {
	bool icount;
	bool unpinned;
	bool peer_only;
	bool gate;
	unsigned int runs;
	uint64_t end_ns;
	const char *json;
	size_t sizes[SIZES_MAX];
	size_t size_count;
	uint64_t wanted;
};

/* rig.c */
void rig_open(struct rig *rig);
void rig_close(struct rig *rig);
bool rig_fork(struct rig *rig);
void rig_unpin(void);
void rig_reap(struct rig *rig);
void rig_kill(struct rig *rig);
void *rig_shared(size_t size);
int rig_mailbox(void);

/* measure.c */
extern const struct part percentiles[];
size_t measure(const struct settings *set, const struct metric *metric,
	       size_t size, struct result *res);

/* report.c */
void report_begin(const struct settings *set);
void report_result(const struct settings *set, const struct result *res);
void report_skipped(const struct metric *metric, const char *why);
void report_json(const struct settings *set, const struct result *res,
		 size_t count);
double ratio_of(const struct result *res);

/* marks.c */
struct mark;

const struct mark *mark_find(const struct settings *set,
			     const struct result *res);
void mark_print(const struct mark *mark, const struct result *res);
void mark_json(FILE *file, const struct mark *mark, const struct result *res);
bool gate_is_of(const struct metric *metric);
bool gate_check(const struct result *res, size_t count);

#endif /* KIPC_BENCH_H */
