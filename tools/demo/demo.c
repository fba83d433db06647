// SPDX-License-Identifier: GPL-2.0
/* kipc-demo: the command line, and the order of the acts. */
#include <argp.h>
#include <err.h>
#include <signal.h>

#include "demo.h"

/* An act that takes longer hangs. */
#define ACT_NS	(60 * NSEC_PER_SEC)

static const struct act *const acts[] = {
	&act_turns,
	&act_stream,
	&act_names,
	&act_kill,
	&act_words,
	&act_calls,
	&act_jobs,
};

struct settings {
	const char *from;
	const char *sums;
	const char *to;
	unsigned int wanted;	/* bits of @acts; 0: all */
};

const char *argp_program_bug_address;

static const char doc[] =
	"Send files through kipc objects and compare what comes out; count their words\n"
	"together.\vActs:\n"
	"  pipe-turns   records through one pipe, readers take turns\n"
	"  pipe-stream  whole files in single writes\n"
	"  pipe-names   a pipe for each file, found by name; sendfile and splice\n"
	"  pipe-kill    as pipe-turns, and a reader is killed\n"
	"  word-count   a table in a segment that all fill; one is killed meanwhile\n"
	"  calls        clients ask a server for words; it is killed while they wait\n"
	"  jobs         jobs and results through mailboxes; a worker is killed\n"
	"Default: all of them.\n"
	"\n"
	"Exit status: 0 if every copy agrees with its original and every word was\n"
	"counted, 1 otherwise, 64 if the command line is wrong.";

static const struct argp_option options[] = {
	{ "from", 'f', "DIR", 0, "directory of the originals", 0 },
	{ "sums", 's', "FILE", 0,
	  "what sha256sum says about the originals, paths relative to DIR", 0 },
	{ "to", 't', "DIR", 0,
	  "where to put the copies; must have no directory of an act's name",
	  0 },
	{ 0 }
};

static void parse_act(struct argp_state *state, struct settings *set,
		      const char *name)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(acts); i++) {
		if (!strcmp(acts[i]->name, name)) {
			set->wanted |= 1U << i;
			return;
		}
	}
	argp_error(state, "there is no act '%s'", name);
}

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
	struct settings *set = state->input;

	switch (key) {
	case 'f':
		set->from = arg;
		break;
	case 's':
		set->sums = arg;
		break;
	case 't':
		set->to = arg;
		break;
	case ARGP_KEY_ARG:
		parse_act(state, set, arg);
		break;
	case ARGP_KEY_END:
		if (!set->from || !set->sums || !set->to)
			argp_error(state, "--from, --sums and --to are needed");
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

static const struct argp argp = {
	.options = options,
	.parser = parse_option,
	.args_doc = "[ACT...]",
	.doc = doc,
};

bool wrong(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	fputs("  WRONG: ", stdout);
	vprintf(fmt, args);
	putchar('\n');
	va_end(args);
	return false;
}

/* How many objects the caller's user holds. */
static uint64_t objects_now(void)
{
	struct kipc_info info = { .size = sizeof(info) };
	int ret = kipc_device_ioctl(KIPC_INFO, &info);

	if (ret)
		errx(1, "%s: %s: is the module loaded?", KIPC_DEVICE,
		     strerror(-ret));
	return info.objects;
}

/* Whatever happened in the act, nothing may stay behind. */
static bool stage_is_empty(uint64_t before)
{
	if (wait_for(objects_now() == before))
		return true;
	return wrong("%llu objects before, %llu after: something stayed behind",
		     (unsigned long long)before,
		     (unsigned long long)objects_now());
}

static bool play(struct stage *stage, const struct act *act, const char *to,
		 unsigned int number)
{
	uint64_t before = objects_now(), start = now_ns();
	bool ok;

	printf("\nAct %u: %s\n%s", number, act->title, act->text);
	stage->to = stage_directory(to, act->name, stage->items,
				    act->no_copies ? 0 : stage->item_count);
	stage->readers = kipc_shared(READERS * sizeof(*stage->readers));
	if (!stage->readers)
		err(1, "mmap");
	stage->player_count = 0;
	stage->deadline_ns = now_ns() + ACT_NS;
	ok = act->play(stage);
	players_kill(stage);
	munmap(stage->readers, READERS * sizeof(*stage->readers));
	close(stage->to);
	/* An act that failed has not closed its handles. */
	ok = ok && stage_is_empty(before);
	printf("  %s in %.1f s\n", ok ? "Done" : "FAILED",
	       (double)(now_ns() - start) / NSEC_PER_SEC);
	return ok;
}

static void open_stage(struct stage *stage, const struct settings *set)
{
	uint64_t bytes = 0;
	sigset_t mask;
	size_t i;

	sigemptyset(&mask);
	sigaddset(&mask, SIGCHLD);
	sigprocmask(SIG_BLOCK, &mask, NULL);
	stage->from = open(set->from, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (stage->from < 0)
		err(1, "%s", set->from);
	/* sha256sum is run in another directory. */
	stage->sums = realpath(set->sums, NULL);
	if (!stage->sums)
		err(1, "%s", set->sums);
	stage->items = items_load(stage->from, stage->sums, &stage->item_count);
	for (i = 0; i < stage->item_count; i++)
		bytes += stage->items[i].size;
	printf("There are %zu files, %s in all. In the acts with pipes %d writer processes send\n"
	       "them to %d reader processes.\n",
	       stage->item_count, human(bytes), WRITERS, READERS);
	printf("In the tables of pipes: sleeps are times that somebody could not go on, a writer\n"
	       "because the pipe was full or another one was writing, a reader because it was\n"
	       "empty or others were due first; wake-ups are those that the other side sent;\n"
	       "blocked is the time slept, of all processes of that side together.\n");
	printf("In the tables of queues, of messages: a sender sleeps when it is full, a receiver\n"
	       "when there is no message that it wants.\n");
}

int main(int argc, char **argv)
{
	struct settings set = { 0 };
	struct stage stage = { 0 };
	unsigned int number = 0, failed = 0;
	size_t i;

	argp_parse(&argp, argc, argv, 0, NULL, &set);
	open_stage(&stage, &set);
	for (i = 0; i < ARRAY_SIZE(acts); i++) {
		if (set.wanted && !(set.wanted & (1U << i)))
			continue;
		if (!play(&stage, acts[i], set.to, ++number))
			failed++;
	}
	if (failed)
		printf("\n%u of %u acts FAILED.\n", failed, number);
	else
		printf("\nAll %u acts: nothing was lost.\n", number);
	return failed != 0;
}
