// SPDX-License-Identifier: GPL-2.0
/* kipc-bench: the command line. */
#include <argp.h>
#include <assert.h>
#include <err.h>
#include <fnmatch.h>

#include "kipc_util.h"
#include "bench.h"
#include "effort.h"

#define RUNS_MAX	1000
#define SECONDS_MAX	1000000
#define SIZE_LIMIT	(1 << 20)

const char *argp_program_bug_address;

static const struct metric *const metrics[] = {
	&pipe_transfer,
	&pipe_round_trip,
	&throughput,
	&throughput_large,
	&throughput_mailbox,
	&throughput_vector,
	&sem_pv,
	&sem_pv_undo,
	&sem_handover,
	&mapped_sem,
	&mapped_mutex,
	&mapped_pipe,
	&throughput_mapped,
	&throughput_mapped_vector,
	&array_add,
	&segment_touch,
	&mailbox_one,
	&mailbox_vector,
	&endpoint_call,
	&latency_pipe,
	&latency_mailbox,
	&latency_call,
	&latency_sem,
	&wake_pipe,
	&wake_mailbox,
	&wake_sem,
	&effort_pipe,
	&effort_mailbox,
	&effort_vector,
	&effort_call,
	&effort_sem,
	&many_pipe_1x1,
	&many_pipe_1x5,
	&many_pipe_1x10,
	&many_pipe_2x1,
	&many_pipe_2x5,
	&many_pipe_2x10,
	&many_pipe_5x1,
	&many_pipe_5x5,
	&many_pipe_5x10,
	&many_mailbox_1x1,
	&many_mailbox_1x5,
	&many_mailbox_1x10,
	&many_mailbox_2x1,
	&many_mailbox_2x5,
	&many_mailbox_2x10,
	&many_mailbox_5x1,
	&many_mailbox_5x5,
	&many_mailbox_5x10,
	&objects,
	&waiters_sem,
	&waiters_mailbox,
	&mailbox_bytes,
	&semaphore_bytes,
	&message_bytes,
	&mailbox_charge,
	&semaphore_charge,
	&message_charge,
};

/* Each has a bit in struct settings. */
static_assert(ARRAY_SIZE(metrics) <= 64, "too many metrics for a bit each");

static const char doc[] =
	"Measure kipc against its peers: the same operations, in the same run.\vMetrics:\n"
	"  transfer       a pipe: write and read back in one process\n"
	"  round-trip     there and back between two processes, two pipes\n"
	"  throughput     one process writes what another reads meanwhile, through\n"
	"                 what holds as much as it does by default; in mode wall\n"
	"                 with sizes from 1 byte to 1 MiB\n"
	"  throughput_1m  the same through what holds 1 MiB\n"
	"  throughput_mb  the same through a mailbox\n"
	"  throughput_mb32\n"
	"                 the same, up to 32 messages with a call\n"
	"  sem_pv         P and V that nobody else does\n"
	"  sem_pv_undo    the same, to be undone should the process end\n"
	"  sem_handover   two processes wake each other, there and back\n"
	"  mapped_sem     P and V that nobody else does, on a mapped counter\n"
	"  mapped_mutex   lock and unlock a mapped mutex, likewise\n"
	"  mapped_pipe    a record through a mapped pipe, in and out, in one process\n"
	"  mapped_pipe_2  from one process to another, and system calls per record\n"
	"  mapped_pipe_32 the same, 32 records shown to the other end together\n"
	"  array_add      add to an element\n"
	"  segment_touch  first write to a page, of 64 MiB\n"
	"  mailbox        send and receive a message in one process\n"
	"  mailbox_32     the same, 32 messages in a call; for each message\n"
	"  endpoint_call  call another process, which replies; there and back\n"
	"  latency_*      each round trip timed: pipe, mailbox, call, sem\n"
	"  wake_*         from the call that wakes a process to its return from\n"
	"                 sleep: pipe, mailbox, sem\n"
	"  effort_*       system calls and context switches per message: pipe,\n"
	"                 mailbox, mailbox_32; per round trip: call, sem (needs root);\n"
	"                 measured only if named\n"
	"  pipe_NxM       N processes write, M read; and how evenly they share\n"
	"  mailbox_NxM    the same with a mailbox\n"
	"  objects        create, open and unlink a named object; SIZE others are\n"
	"                 there (needs root); also against kipc at the first SIZE\n"
	"  waiters_*      wake one of SIZE who wait, who answers: sem, mailbox;\n"
	"                 likewise\n"
	"  mailbox_bytes  kernel memory of an empty mailbox, in bytes (needs root)\n"
	"  sem_bytes      the same of a semaphore\n"
	"  message_bytes  the same of a message that waits there\n"
	"  mailbox_charge, sem_charge, message_charge\n"
	"                 what of that is charged to the process's control group\n"
	"\n"
	"Mode icount is for a virtual machine whose clock counts instructions\n"
	"(kipc-vm --icount): the figures are the same in every run.  Mode wall is\n"
	"for any other machine; processes are kept on CPUs of their own.\n"
	"\n"
	"Exit status: 0; 1 if something failed or, with --gate, kipc is slower\n"
	"than it may be; 64 if the command line is wrong.";

enum {
	OPT_GATE = 256,
	OPT_JSON,
	OPT_METRICS,
	OPT_MODE,
	OPT_PEER_ONLY,
	OPT_RUNS,
	OPT_SECONDS,
	OPT_SIZES,
	OPT_UNPINNED,
};

static const struct argp_option options[] = {
	{ "mode", OPT_MODE, "icount|wall", 0,
	  "what the clock counts (default: wall)", 0 },
	{ "unpinned", OPT_UNPINNED, NULL, 0,
	  "mode wall: do not keep processes on CPUs of their own", 0 },
	{ "sizes", OPT_SIZES, "N[,N...]", 0,
	  "bytes per message (default: 64,4096,65536; throughput: see below)", 0 },
	{ "metrics", OPT_METRICS, "NAME[,NAME...]", 0,
	  "what to measure; * stands for any text (default: what fits the mode)", 0 },
	{ "runs", OPT_RUNS, "N", 0,
	  "runs of each side, an even number (default: 10)", 0 },
	{ "seconds", OPT_SECONDS, "N", 0,
	  "begin nothing after so many seconds of the clock", 0 },
	{ "json", OPT_JSON, "FILE", 0,
	  "also write the results to FILE, an array of objects", 0 },
	{ "gate", OPT_GATE, NULL, 0,
	  "mode icount: fail unless kipc is as fast and as small as it has to be", 0 },
	{ "peer-only", OPT_PEER_ONLY, NULL, 0,
	  "measure the peers alone: needs no kipc", 0 },
	{ 0 }
};

static unsigned long parse_number(struct argp_state *state, const char *what,
				  const char *text, unsigned long max)
{
	unsigned long value;
	char *end;

	errno = 0;
	value = strtoul(text, &end, 10);
	if (*text < '0' || *text > '9' || *end || errno || !value ||
	    value > max)
		argp_error(state, "%s: '%s' is no number from 1 to %lu", what,
			   text, max);
	return value;
}

static void parse_sizes(struct argp_state *state, struct settings *set,
			char *list)
{
	size_t max = ARRAY_SIZE(set->sizes);
	char *word;

	set->size_count = 0;
	while ((word = strsep(&list, ","))) {
		if (set->size_count == max)
			argp_error(state, "--sizes takes at most %zu", max);
		set->sizes[set->size_count++] =
			parse_number(state, "--sizes", word, SIZE_LIMIT);
	}
}

static uint64_t metric_bits(struct argp_state *state, const char *pattern)
{
	uint64_t bits = 0;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(metrics); i++) {
		if (!fnmatch(pattern, metrics[i]->name, 0))
			bits |= 1ULL << i;
	}
	if (!bits)
		argp_error(state, "--metrics: there is no '%s'", pattern);
	return bits;
}

static void parse_metrics(struct argp_state *state, struct settings *set,
			  char *list)
{
	char *word;

	set->wanted = 0;
	while ((word = strsep(&list, ",")))
		set->wanted |= metric_bits(state, word);
}

static void parse_mode(struct argp_state *state, struct settings *set,
		       const char *mode)
{
	set->icount = !strcmp(mode, "icount");
	if (!set->icount && strcmp(mode, "wall"))
		argp_error(state, "--mode takes icount or wall, not '%s'",
			   mode);
}

static void finish_settings(struct argp_state *state, struct settings *set)
{
	if (set->gate && set->peer_only)
		argp_error(state, "--gate and --peer-only exclude each other");
	if (set->gate && !set->icount)
		argp_error(state, "--gate is for mode icount");
	if (set->icount && set->unpinned)
		argp_error(state, "--unpinned is for mode wall");
}

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
	struct settings *set = state->input;

	switch (key) {
	case OPT_MODE:
		parse_mode(state, set, arg);
		break;
	case OPT_SIZES:
		parse_sizes(state, set, arg);
		break;
	case OPT_METRICS:
		parse_metrics(state, set, arg);
		break;
	case OPT_RUNS:
		set->runs = parse_number(state, "--runs", arg, RUNS_MAX);
		set->runs += set->runs % 2;
		break;
	case OPT_SECONDS:
		set->end_ns = now_ns() + NSEC_PER_SEC *
			parse_number(state, "--seconds", arg, SECONDS_MAX);
		break;
	case OPT_JSON:
		set->json = arg;
		break;
	case OPT_GATE:
		set->gate = true;
		break;
	case OPT_UNPINNED:
		set->unpinned = true;
		break;
	case OPT_PEER_ONLY:
		set->peer_only = true;
		break;
	case ARGP_KEY_END:
		finish_settings(state, set);
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

static const struct argp argp = {
	.options = options,
	.parser = parse_option,
	.doc = doc,
};

/* A bit for each KIPC_KIND_* that can be had. */
static uint64_t kinds_there(const struct settings *set)
{
	struct kipc_info info = { .size = sizeof(info) };
	int ret;

	if (set->peer_only)
		return ~0ULL;
	ret = kipc_device_ioctl(KIPC_INFO, &info);
	if (ret)
		errx(1, "%s: %s: is the module loaded?", KIPC_DEVICE,
		     strerror(-ret));
	return info.kinds;
}

static bool is_time_up(const struct settings *set)
{
	return set->end_ns && now_ns() > set->end_ns;
}

static bool is_wanted(const struct settings *set, size_t i)
{
	if (set->wanted)
		return set->wanted & (1ULL << i);
	if (set->gate)
		return gate_is_of(metrics[i]);
	/* It would make those that come after it slower. */
	if (metrics[i]->counted)
		return false;
	/* With one CPU, as in mode icount, it would not say much. */
	return !(set->icount && metrics[i]->wall_only);
}

/* Gives how many there are in @sizes. */
static size_t choose_sizes(const struct settings *set,
			   const struct metric *metric,
			   size_t sizes[SIZES_MAX])
{
	static const size_t usual[] = { 64, 4096, 65536 };
	size_t count = 0;

	if (metric->sizes && set->size_count) {
		count = set->size_count;
		memcpy(sizes, set->sizes, sizeof(set->sizes));
	} else if (metric->size_list && !(metric->sizes && set->icount)) {
		for (; metric->size_list[count]; count++)
			sizes[count] = metric->size_list[count];
	} else if (metric->sizes) {
		count = ARRAY_SIZE(usual);
		memcpy(sizes, usual, sizeof(usual));
	} else {
		sizes[count++] = metric->size;
	}
	return count;
}

/* Results of kipc against what it was at the first size: of all that is in @first,
 * which has several peers, one for each part.
 */
static size_t compare_growth(const struct result *first, size_t count,
			     const struct result *last, struct result *res)
{
	size_t found = 0, i;
	char *name;

	for (i = 0; i < count; i++) {
		if (last[i].peer_number != 1)
			continue;
		if (asprintf(&name, "kipc at %zu", first[i].size) < 0)
			err(1, "asprintf");
		res[found] = last[i];
		res[found].peer_name = name;
		res[found].peer_number = 0;
		res[found++].peer = first[i].kipc;
	}
	return found;
}

static size_t measure_sizes(const struct settings *set,
			    const struct metric *metric, struct result *res)
{
	size_t sizes[SIZES_MAX], size_count, count = 0, i;

	size_count = choose_sizes(set, metric, sizes);
	for (i = 0; i < size_count && !is_time_up(set); i++) {
		size_t from = count;

		if (metric->size_max && sizes[i] > metric->size_max)
			continue;
		count += measure(set, metric, sizes[i], &res[count]);
		if (metric->grows && from && !set->peer_only)
			count += compare_growth(res, count - from, &res[from],
						&res[count]);
		while (from < count)
			report_result(set, &res[from++]);
	}
	return count;
}

/* Why @metric cannot be measured here and now; NULL if it can. */
static const char *find_obstacle(const struct settings *set, uint64_t kinds,
				 const struct metric *metric)
{
	if (!(kinds & (1ULL << metric->kind)))
		return "this module has no such kind of object";
	if (metric->root && geteuid())
		return "only root can";
	if (metric->counted && !effort_is_counted())
		return "perf_event_open(2) does not count system calls here";
	if (is_time_up(set))
		return "no time left";
	return NULL;
}

static size_t measure_all(const struct settings *set, struct result *res)
{
	uint64_t kinds = kinds_there(set);
	size_t count = 0, i;

	for (i = 0; i < ARRAY_SIZE(metrics); i++) {
		const struct metric *metric = metrics[i];
		const char *why;

		if (!is_wanted(set, i))
			continue;
		why = find_obstacle(set, kinds, metric);
		if (why)
			report_skipped(metric, why);
		else
			count += measure_sizes(set, metric, &res[count]);
	}
	return count;
}

int main(int argc, char **argv)
{
	struct settings set = { .runs = 10 };
	struct result *res;
	size_t count;

	argp_parse(&argp, argc, argv, ARGP_NO_ARGS, NULL, &set);
	signal(SIGPIPE, SIG_IGN);
	res = calloc(ARRAY_SIZE(metrics) * SIZES_MAX * SIDES_MAX * PARTS_MAX,
		     sizeof(*res));
	if (!res)
		err(1, "calloc");
	report_begin(&set);
	count = measure_all(&set, res);
	if (set.json)
		report_json(&set, res, count);
	if (set.gate && !gate_check(res, count))
		return 1;
	return 0;
}
