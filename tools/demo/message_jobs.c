// SPDX-License-Identifier: GPL-2.0
#include <err.h>
#include <signal.h>

#include "words.h"

#define VICTIM		2	/* the third of them */

/* Jobs of a producer that may be under way.  All of them together have no place
 * among the jobs, and more than enough among the results: producers sleep, but
 * no worker does that a producer waits for.
 */
#define WINDOW		6
#define JOBS_MAX	8

/* How long a producer waits for a result before it looks around. */
#define PATIENCE_MS	100

static const char jobs_name[] = "demo-jobs";
static const char results_name[] = "demo-results";

/* The words of one text, to be counted. */
struct job {
	uint32_t text;
	uint32_t producer;
};

struct result {
	uint32_t text;
	uint32_t worker;
	uint32_t words;
	uint32_t different;
};

/* What came of a text: how many results, and the last of them. */
struct entry {
	uint32_t results;
	struct result result;
};

/* What the processes share.  Each part of it is written by one of them. */
struct shop {
	uint32_t workers;		/* that live; the director's */
	uint32_t reissued[WRITERS];	/* the producers' */
	uint32_t hands[READERS];	/* text and 1; the workers' */
	struct worker_row rows[READERS];
	struct entry book[];		/* of each text; its producer's */
};

static uint32_t *texts;
static uint32_t text_count;

static struct shop *shop;
static int jobs, results;

static int make_mailbox(const char *name, uint32_t messages)
{
	struct kipc_mailbox_create arg = {
		.size = sizeof(arg),
		.flags = KIPC_EXCL,
		.name = to_u64(name),
		.name_len = strlen(name),
		.mode = 0600,
		.rights = KIPC_RIGHT_READ | KIPC_RIGHT_WRITE,
		.max_messages = messages,
	};
	int ret = kipc_device_ioctl(KIPC_MAILBOX_CREATE, &arg);

	if (ret)
		errx(1, "cannot create the mailbox '%s': %s", name,
		     strerror(-ret));
	return arg.fd;
}

/* Players have the rights that their part needs, and no more. */
static void find_mailboxes(uint32_t rights_jobs, uint32_t rights_results)
{
	close(jobs);
	close(results);
	jobs = object_open(KIPC_KIND_MAILBOX, jobs_name, rights_jobs);
	results = object_open(KIPC_KIND_MAILBOX, results_name, rights_results);
}

static void put(int mailbox, uint64_t type, uint32_t priority, const void *body,
		uint32_t len)
{
	struct kipc_msg_send arg = {
		.size = sizeof(arg),
		.msg = {
			.type = type,
			.priority = priority,
			.buf = to_u64(body),
			.len = len,
		},
	};
	int ret = kipc_ioctl(mailbox, KIPC_MAILBOX_SEND, &arg);

	if (ret)
		errx(1, "MAILBOX_SEND: %s", strerror(-ret));
}

static int get(int mailbox, struct kipc_msg_recv *arg, void *body, uint32_t len)
{
	int ret;

	arg->size = sizeof(*arg);
	arg->msg = (struct kipc_msg){ .buf = to_u64(body), .len = len };
	ret = kipc_ioctl(mailbox, KIPC_MAILBOX_RECV, arg);
	if (!ret && arg->msg.len != len)
		errx(1, "a message of %u bytes, not %u", arg->msg.len, len);
	return ret;
}

static bool look_at(int mailbox, struct kipc_queue_stat *queue)
{
	struct kipc_mailbox_stat arg = { .size = sizeof(arg) };
	int ret = kipc_ioctl(mailbox, KIPC_MAILBOX_STAT, &arg);

	*queue = arg.queue;
	return !ret || wrong("MAILBOX_STAT: %s", strerror(-ret));
}

/* Where the victim stops; others never do. */
static bool stops_at(int me, uint64_t jobs_had)
{
	/* An eighth of what is to be its share. */
	return me == VICTIM && jobs_had == text_count / (8 * READERS) + 1;
}

static int worker(struct stage *stage, int index)
{
	struct worker_row *row = &shop->rows[index];
	struct words *found = words_new();
	struct job job;
	int ret;

	find_mailboxes(KIPC_RIGHT_READ, KIPC_RIGHT_WRITE);
	for (;;) {
		struct kipc_msg_recv arg = { 0 };
		struct result result = { .worker = index };

		ret = get(jobs, &arg, &job, sizeof(job));
		if (ret)
			break;
		row->jobs++;
		shop->hands[index] = job.text + 1;
		if (stops_at(index, row->jobs))
			raise(SIGSTOP);
		result.text = job.text;
		result.words = words_of_file(found, stage, texts[job.text]);
		result.different = found->used;
		/* Its type says whose result it is. */
		put(results, job.producer, 0, &result, sizeof(result));
		shop->hands[index] = 0;
		row->words += result.words;
		__atomic_fetch_add(&stage->readers[index].units, 1,
				   __ATOMIC_RELAXED);
	}
	/* That is how the director says that there is nothing more to do. */
	if (ret != -EIDRM)
		errx(1, "MAILBOX_RECV: %s", strerror(-ret));
	free(found);
	return 0;
}

static void issue(uint32_t me, uint32_t text, uint32_t priority)
{
	struct job job = { .text = text, .producer = me };

	put(jobs, 0, priority, &job, sizeof(job));
}

/* Takes a result of the producer's own and enters it into the book. */
static int collect(uint32_t me, uint32_t flags)
{
	struct kipc_msg_recv arg = {
		.flags = flags,
		.select = KIPC_SELECT_TYPE,
		.type = me,
		.deadline_ns = in_ms(PATIENCE_MS),
	};
	struct result result;
	int ret = get(results, &arg, &result, sizeof(result));

	if (ret && ret != -ETIMEDOUT && ret != -EAGAIN)
		errx(1, "MAILBOX_RECV: %s", strerror(-ret));
	if (ret)
		return ret;
	if (result.text >= text_count || result.text % WRITERS != me)
		errx(1, "a result for somebody else");
	shop->book[result.text].results++;
	shop->book[result.text].result = result;
	return 0;
}

/* No job is left, and each worker that lives sleeps: what has no result by now
 * gets none.
 */
static bool all_idle(void)
{
	struct kipc_queue_stat queue;

	if (!look_at(jobs, &queue))
		exit(1);
	return !queue.messages &&
	       queue.receivers == __atomic_load_n(&shop->workers,
						  __ATOMIC_ACQUIRE);
}

/* The jobs before @next that have no result; what is late goes first. */
static void issue_again(uint32_t me, uint32_t next)
{
	uint32_t text;

	for (text = me; text < next; text += WRITERS) {
		if (shop->book[text].results)
			continue;
		shop->reissued[me]++;
		issue(me, text, 1);
	}
}

static int producer(struct stage *stage, int index)
{
	uint32_t me = index, next = me, under_way = 0;

	(void)stage;
	find_mailboxes(KIPC_RIGHT_WRITE, KIPC_RIGHT_READ);
	while (next < text_count || under_way) {
		if (next < text_count && under_way < WINDOW) {
			issue(me, next, 0);
			next += WRITERS;
			under_way++;
		} else if (!collect(me, 0)) {
			under_way--;
		} else if (all_idle()) {
			/* There may be one that was late for the deadline. */
			if (!collect(me, KIPC_MSG_NONBLOCK))
				under_way--;
			else
				issue_again(me, next);
		}
	}
	return 0;
}

static uint64_t done_by_others(const struct stage *stage)
{
	uint64_t sum = 0;
	int i;

	for (i = 0; i < READERS; i++)
		sum += i == VICTIM ? 0 : units_done(stage, i);
	return sum;
}

static bool kill_on_stage(struct stage *stage)
{
	uint64_t stopped, killed;

	if (!player_stopped(stage, "worker", VICTIM))
		return false;
	stopped = done_by_others(stage);
	if (!wait_for(done_by_others(stage) >= stopped + text_count / 8))
		return wrong("the others do not go on without worker %d",
			     VICTIM + 1);
	killed = done_by_others(stage);
	if (!player_kill(stage, "worker", VICTIM))
		return false;
	__atomic_store_n(&shop->workers, READERS - 1, __ATOMIC_RELEASE);
	if (!players_wait_for(stage, "producer"))
		return false;
	printf("\n  The others had done %llu jobs when worker %d stopped, %llu when it was\n"
	       "  killed, and %llu in the end: they went on without it.\n",
	       (unsigned long long)stopped, VICTIM + 1,
	       (unsigned long long)killed,
	       (unsigned long long)done_by_others(stage));
	return true;
}

/* One job was accepted twice, the one that the dead worker held. */
static bool balance(const struct stage *stage, const struct kipc_queue_stat *in,
		    const struct kipc_queue_stat *out)
{
	uint32_t again = 0, held = shop->hands[VICTIM];
	uint64_t had = 0;
	int i;

	for (i = 0; i < WRITERS; i++)
		again += shop->reissued[i];
	for (i = 0; i < READERS; i++)
		had += shop->rows[i].jobs;
	if (in->sent != text_count + again || in->received != in->sent ||
	    had != in->sent)
		return wrong("%llu jobs accepted, %llu received, %llu by somebody",
			     (unsigned long long)in->sent,
			     (unsigned long long)in->received,
			     (unsigned long long)had);
	if (out->sent != text_count || out->received != text_count)
		return wrong("%u texts, %llu results accepted, %llu received",
			     text_count, (unsigned long long)out->sent,
			     (unsigned long long)out->received);
	if (!held || again != 1)
		return wrong("%u jobs were issued again, not the one that was lost",
			     again);
	printf("  %llu jobs were received, and %llu results came back. Worker %d held the one\n"
	       "  that is missing, %s. Received is\n"
	       "  received: the mailbox has it no more. Its producer missed the result when the\n"
	       "  others had nothing left to do, and put the job in again; worker %u did it.\n",
	       (unsigned long long)in->received, (unsigned long long)out->sent,
	       VICTIM + 1, stage->items[texts[held - 1]].path,
	       shop->book[held - 1].result.worker + 1);
	return true;
}

/* One process, which has no help, counts the same files. */
static bool results_agree(const struct stage *stage)
{
	struct words *alone = words_new();
	uint64_t all = 0;
	uint32_t i, bad = 0;

	for (i = 0; i < text_count; i++) {
		const struct entry *entry = &shop->book[i];
		uint64_t words = words_of_file(alone, stage, texts[i]);

		all += words;
		if ((entry->results != 1 || entry->result.words != words ||
		     entry->result.different != alone->used) && bad++ < 10)
			wrong("%s: %llu words, %u different; %u results, the last: %u, %u",
			      stage->items[texts[i]].path,
			      (unsigned long long)words, alone->used,
			      entry->results, entry->result.words,
			      entry->result.different);
	}
	free(alone);
	if (bad)
		return false;
	printf("  A process that works alone counts %llu words in %u texts: each text has one\n"
	       "  result, and the same.\n",
	       (unsigned long long)all, text_count);
	return true;
}

static void open_shop(struct stage *stage, size_t size)
{
	int i;

	shop = kipc_shared(size);
	if (!shop)
		err(1, "mmap");
	shop->workers = READERS;
	jobs = make_mailbox(jobs_name, JOBS_MAX);
	results = make_mailbox(results_name, 0);
	for (i = 0; i < READERS; i++)
		player_start(stage, "worker", i, worker);
	for (i = 0; i < WRITERS; i++)
		player_start(stage, "producer", i, producer);
}

static bool play(struct stage *stage)
{
	struct queue_row rows[] = {
		{ .name = jobs_name }, { .name = results_name },
	};
	size_t size;
	bool ok;
	int i;

	texts = texts_find(stage, &text_count);
	size = sizeof(*shop) + text_count * sizeof(shop->book[0]);
	open_shop(stage, size);
	if (!kill_on_stage(stage) || !look_at(jobs, &rows[0].queue) ||
	    !look_at(results, &rows[1].queue))
		return false;
	/* Who waits for a job is told that there will be none. */
	if (kipc_destroy(jobs))
		return wrong("cannot destroy '%s'", jobs_name);
	if (!players_wait(stage) ||
	    !balance(stage, &rows[0].queue, &rows[1].queue))
		return false;
	for (i = 0; i < READERS; i++)
		shop->rows[i].results = units_done(stage, i);
	shop->rows[VICTIM].note = "killed with a job in its hands";
	table_workers(shop->rows, READERS);
	table_queues(rows, ARRAY_SIZE(rows));
	ok = results_agree(stage);
	close(jobs);
	close(results);
	munmap(shop, size);
	free(texts);
	return ok;
}

const struct act act_jobs = {
	.name = "jobs",
	.title = "Jobs for whoever is free, and a worker is killed",
	.text =
	"  Three producers put jobs into a mailbox, a text each whose words are to be counted.\n"
	"  It holds eight. Four workers take them out, and put the results into a second one,\n"
	"  from which each producer receives those of its own type. The third worker stops\n"
	"  with a job in its hands, and is killed. What it held is found out by counting.\n",
	.no_copies = true,
	.play = play,
};
