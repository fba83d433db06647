// SPDX-License-Identifier: GPL-2.0
#include <err.h>

#include "words.h"

#define CLIENTS		4

/* Types of requests. */
#define ASK		1	/* for the words from this number on */
#define HOLD		2	/* never answered */

#define REPLY_WORDS	8	/* in a reply, at most */

static const char inbox_name[] = "demo-server";

/* A word, and how often it occurs. */
struct answer {
	char text[WORD_MAX + 1];
	uint32_t count;
};

/* What the clients share with the director. */
struct notes {
	struct client_row clients[CLIENTS];
	struct answer answers[WORDS_MAX + REPLY_WORDS];
};

static uint32_t *texts;
static uint32_t text_count;

static struct notes *notes;
static int device;

/* The address: a process, and the endpoint that it had when the play began. */
static uint32_t server_pid;
static uint64_t server_id;

static int make_inbox(void)
{
	struct kipc_endpoint_create arg = {
		.size = sizeof(arg),
		.flags = KIPC_EXCL,
		.name = to_u64(inbox_name),
		.name_len = strlen(inbox_name),
		.mode = 0600,
		.rights = KIPC_RIGHT_READ,
	};
	int ret = kipc_device_ioctl(KIPC_ENDPOINT_CREATE, &arg);

	if (ret)
		errx(1, "cannot create the endpoint '%s': %s", inbox_name,
		     strerror(-ret));
	return arg.fd;
}

/* Gives the length of the reply: it is empty when no words are left. */
static uint32_t find_answers(const struct words *words, uint32_t number,
			     struct answer *answer)
{
	uint32_t i;

	for (i = 0; i < REPLY_WORDS && number < words->used; i++, number++) {
		const struct word *word = &words->words[number];

		memcpy(answer[i].text, word->text, sizeof(answer[i].text));
		answer[i].count = word->count;
	}
	return i * sizeof(*answer);
}

/* Each system call takes the reply to one client and brings the next request. */
static int serve(struct stage *stage, int index)
{
	struct words *words = words_new();
	struct answer answers[REPLY_WORDS];
	uint32_t number, i;
	struct kipc_endpoint_reply_recv arg = {
		.size = sizeof(arg),
		.reply = { .buf = to_u64(answers) },
		.request = { .buf = to_u64(&number) },
	};
	int inbox, ret;

	(void)index;
	for (i = 0; i < text_count; i++)
		words_count_file(words, stage, texts[i]);
	inbox = make_inbox();
	for (;;) {
		arg.request.len = sizeof(number);
		ret = kipc_ioctl(inbox, KIPC_ENDPOINT_REPLY_RECV, &arg);
		if (ret || arg.request.len != sizeof(number))
			errx(1, "REPLY_RECV: %s, %u bytes", strerror(-ret),
			     arg.request.len);
		arg.token = 0;
		if (arg.request.type == HOLD)
			continue;
		arg.token = arg.request.token;
		arg.reply.len = find_answers(words, number, answers);
		arg.reply.cookie = arg.request.cookie;
	}
}

/* Gives the length of the reply, or -errno. */
static int call(uint64_t type, uint32_t number, struct answer *answers)
{
	struct kipc_endpoint_call arg = {
		.size = sizeof(arg),
		.pid = server_pid,
		.id = server_id,
		.request = {
			.type = type,
			.buf = to_u64(&number),
			.len = sizeof(number),
			.cookie = number,
		},
		.reply = {
			.buf = to_u64(answers),
			.len = REPLY_WORDS * sizeof(*answers),
		},
	};
	int ret = kipc_ioctl(device, KIPC_ENDPOINT_CALL, &arg);

	if (ret)
		return ret;
	if (arg.reply.cookie != number || arg.reply.pid != server_pid)
		errx(1, "request %u of the server has a reply to %llu, from process %u",
		     number, (unsigned long long)arg.reply.cookie,
		     arg.reply.pid);
	return arg.reply.len;
}

/* The clients take turns: the first has the first eight words, and so on.  Each
 * reply goes where the director sees it.
 */
static void ask_for_words(struct client_row *own, int index)
{
	uint32_t number = index * REPLY_WORDS;
	uint64_t start = now_ns();
	int len;

	do {
		len = call(ASK, number, &notes->answers[number]);
		if (len < 0)
			errx(1, "CALL: %s", strerror(-len));
		own->calls++;
		own->words += len / sizeof(struct answer);
		number += CLIENTS * REPLY_WORDS;
	} while (len && number < WORDS_MAX);
	__atomic_store_n(&own->ns, now_ns() - start, __ATOMIC_RELEASE);
}

static int client(struct stage *stage, int index)
{
	struct client_row *own = &notes->clients[index];
	struct answer answers[REPLY_WORDS];

	(void)stage;
	ask_for_words(own, index);
	own->killed = -call(HOLD, index, answers);
	own->afterwards = -call(ASK, index, answers);
	return 0;
}

/* Anyone whom its mode lets in may open a named endpoint to look at it and to
 * send to it; to receive is for its process alone.
 */
static bool open_inbox(int *inbox)
{
	struct kipc_open arg = {
		.size = sizeof(arg),
		.name = to_u64(inbox_name),
		.name_len = strlen(inbox_name),
		.kind = KIPC_KIND_ENDPOINT,
		.rights = KIPC_RIGHT_WRITE,
	};
	int ret = kipc_device_ioctl(KIPC_OPEN, &arg);

	server_id = arg.id;
	*inbox = ret ? ret : arg.fd;
	return !ret;
}

static bool look_at_inbox(int inbox, struct kipc_endpoint_stat *st)
{
	int ret;

	*st = (struct kipc_endpoint_stat){ .size = sizeof(*st) };
	ret = kipc_ioctl(inbox, KIPC_ENDPOINT_STAT, st);
	return !ret || wrong("ENDPOINT_STAT: %s", strerror(-ret));
}

/* Then the server has no request left that it is going to answer. */
static bool all_told(void)
{
	int i;

	for (i = 0; i < CLIENTS; i++) {
		if (!__atomic_load_n(&notes->clients[i].ns, __ATOMIC_ACQUIRE))
			return false;
	}
	return true;
}

/* Kills the server when it has a request of each client and answers none. */
static bool kill_on_stage(struct stage *stage, int inbox,
			  struct kipc_endpoint_stat *before)
{
	struct kipc_endpoint_stat after;
	int i;

	if (!wait_for(all_told()))
		return wrong("the clients have not been told all words");
	if (!wait_for(!look_at_inbox(inbox, before) ||
		      before->calls == CLIENTS))
		return wrong("%u calls wait for their reply, not %d",
			     before->calls, CLIENTS);
	printf("\n  All words are told. Now %u requests are with the server, which does not\n"
	       "  answer; each client sleeps in its call. SIGKILL.\n",
	       before->calls);
	if (!player_kill(stage, "server", 0) || !players_wait(stage) ||
	    !look_at_inbox(inbox, &after))
		return false;
	for (i = 0; i < CLIENTS; i++) {
		const struct client_row *row = &notes->clients[i];

		if (row->killed != ECONNRESET || row->afterwards != ESRCH)
			return wrong("client %d was told %s, then %s", i + 1,
				     error_name(row->killed),
				     error_name(row->afterwards));
	}
	if (!(after.state & KIPC_ENDPOINT_ENDED) || after.calls)
		return wrong("the endpoint has not ended: state %#x, %u calls",
			     after.state, after.calls);
	return true;
}

/* What was sent is what was received, for the kernel and for the clients. */
static bool balance(const struct kipc_queue_stat *queue)
{
	uint64_t calls = CLIENTS;
	int i;

	for (i = 0; i < CLIENTS; i++)
		calls += notes->clients[i].calls;
	if (queue->sent == calls && queue->received == calls)
		return true;
	return wrong("%llu calls, %llu requests accepted, %llu received",
		     (unsigned long long)calls,
		     (unsigned long long)queue->sent,
		     (unsigned long long)queue->received);
}

/* One process, which asks nobody, counts the same files. */
static bool answers_agree(const struct stage *stage)
{
	struct words *told = words_new(), *alone = words_new();
	uint64_t all = 0;
	uint32_t i, used;
	bool ok;

	for (i = 0; i < WORDS_MAX; i++) {
		if (!notes->answers[i].count)
			continue;
		words_enter(told, notes->answers[i].text)->count +=
			notes->answers[i].count;
	}
	for (i = 0; i < text_count; i++)
		all += words_count_file(alone, stage, texts[i]);
	used = alone->used;
	ok = words_agree(told, alone);
	printf("  A process that counts alone finds %u different words, %llu in all: %s\n",
	       used, (unsigned long long)all, ok ?
	       "the clients\n  were told of each of them once, and the right number." :
	       "it differs.");
	free(told);
	free(alone);
	return ok;
}

static bool play(struct stage *stage)
{
	struct kipc_endpoint_stat st;
	struct queue_row row = { .name = inbox_name };
	int inbox, i;
	bool ok;

	texts = texts_find(stage, &text_count);
	notes = kipc_shared(sizeof(*notes));
	device = kipc_device();
	if (!notes || device < 0)
		err(1, "cannot set up the stage");
	player_start(stage, "server", 0, serve);
	server_pid = stage->players[0].pid;
	if (!wait_for(open_inbox(&inbox)))
		return wrong("the server has made no endpoint: %s",
			     strerror(-inbox));
	for (i = 0; i < CLIENTS; i++)
		player_start(stage, "client", i, client);
	if (!kill_on_stage(stage, inbox, &st) || !balance(&st.queue))
		return false;
	row.queue = st.queue;
	table_clients(notes->clients, CLIENTS);
	table_queues(&row, 1);
	ok = answers_agree(stage);
	munmap(notes, sizeof(*notes));
	close(inbox);
	close(device);
	free(texts);
	return ok;
}

const struct act act_calls = {
	.name = "calls",
	.title = "Clients call a server, which is killed while they wait",
	.text =
	"  A server counts the words of the source text. Four clients ask it for them, eight at\n"
	"  a time: a call goes to the process, by its pid, and sleeps until the reply is there.\n"
	"  In the end each makes one more call, which the server receives and does not answer;\n"
	"  then it is killed. Nobody hangs, and whoever comes later is told that it is gone.\n",
	.no_copies = true,
	.play = play,
};
