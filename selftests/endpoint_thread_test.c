// SPDX-License-Identifier: GPL-2.0
/*
 * Several threads of the owner at work at the same time, and many peers: each
 * caller has his own answer, each message comes once, whole and in its order.
 */
#include "kselftest_harness.h"

#include "endpoint_util.h"

#define SERVERS		4
#define CALLERS		6
#define CALLS		20000	/* of all callers */
#define SENDERS		4
#define RECEIVERS	3
#define VECTOR		8
#define LONGEST		6000U
#define TOTAL		10000000U	/* bytes of all senders */

/* Bodies begin with this, and go on with the pattern from @number on. */
struct head {
	uint32_t peer;
	uint32_t number;
};

static uint32_t body_fill(void *body, uint32_t peer, uint32_t number,
			  uint32_t len)
{
	struct head head = { peer, number };

	memcpy(body, &head, sizeof(head));
	pattern_fill((char *)body + sizeof(head), peer + number,
		     len - sizeof(head));
	return len;
}

static bool body_ok(const void *body, struct head *head, uint32_t len)
{
	if (len < sizeof(*head))
		return false;
	memcpy(head, body, sizeof(*head));
	return pattern_ok((const char *)body + sizeof(*head),
			  head->peer + head->number, len - sizeof(*head));
}

/* Short enough that one more head has room. */
static uint32_t body_len(uint64_t *random)
{
	return sizeof(struct head) +
	       kipc_rand(random) % (LONGEST - 2 * sizeof(struct head));
}

/* What went wrong in threads, where the harness does not count. */
static void complain(uint32_t *wrong, const char *what, long long value)
{
	fprintf(stderr, "# %s: %lld\n", what, value);
	word_add(wrong, 1);
}

/* A small queue, so that both sides have to wait for each other. */
FIXTURE(thread) {
	int fd;
	uint32_t me;
	uint64_t seed;
	uint32_t wrong;
	uint32_t *served;	/* how often, by caller and number */
};

FIXTURE_SETUP(thread)
{
	self->fd = ep_make(8, 4 * LONGEST);
	ASSERT_LE(0, self->fd);
	self->me = getpid();
	self->seed = kipc_seed();
}

FIXTURE_TEARDOWN(thread)
{
	EXPECT_EQ(0, word_get(&self->wrong));
	EXPECT_TRUE(ep_is_idle(self->fd));
	EXPECT_EQ(0, ep_untold(self->fd));
}

#define THREAD_DATA	FIXTURE_DATA(thread)

/* Each caller makes as many. */
static uint32_t calls_of_each(void)
{
	return scaled(CALLS) / CALLERS;
}

/* A thread of the owner or a peer. */
struct party {
	THREAD_DATA *self;
	uint32_t index;
	uint64_t random;
	int ret;
	pid_t child;
	pthread_t thread;
};

static void party_init(struct party *party, THREAD_DATA *self, uint32_t index)
{
	*party = (struct party){
		.self = self,
		.index = index,
		.random = self->seed + 2 * index,
	};
}

/* The first message that is no call ends a server. */
static void stop(struct __test_metadata *_metadata, THREAD_DATA *self,
		 unsigned int count)
{
	while (count--)
		ASSERT_EQ(0, SEND(self->fd, .msg = msg_text("stop"),
				  .deadline_ns = now_ns() + PATIENCE_NS));
}

/*
 * The answer has the same head and a length of its own, which is in the
 * request's cookie.  Gives its length, 0 if the request is no good.
 */
static uint32_t make_answer(THREAD_DATA *self, const struct kipc_msg *request,
			    char *body)
{
	struct head head;

	if (!body_ok((void *)(uintptr_t)request->buf, &head, request->len) ||
	    head.peer >= CALLERS || head.number >= calls_of_each() ||
	    request->type != head.number) {
		complain(&self->wrong, "a bad request", request->seq);
		return 0;
	}
	word_add(&self->served[head.peer * calls_of_each() + head.number], 1);
	return body_fill(body, head.peer, head.number, request->cookie);
}

/* Half of the servers receive and reply, the others do both at once. */
static void *serve(void *data)
{
	struct party *party = data;
	THREAD_DATA *self = party->self;
	char *room = malloc(LONGEST), *body = malloc(LONGEST);
	struct kipc_endpoint_reply_recv both = { .size = sizeof(both) };
	struct ep_got got;
	int ret = 0;

	for (;;) {
		both.request = msg_room(room, LONGEST);
		if (party->index % 2) {
			both.deadline_ns = now_ns() + PATIENCE_NS;
			ret = kipc_ioctl(self->fd, KIPC_ENDPOINT_REPLY_RECV,
					 &both);
		} else {
			if (both.token)
				ret = ep_reply_msg(self->fd, both.token,
						   &both.reply);
			if (!ret)
				ret = RECV(self->fd, &got, .msg = both.request,
					   .deadline_ns = now_ns() +
							  PATIENCE_NS);
			both.request = got.msg;
		}
		if (ret || !both.request.token)
			break;
		both.token = both.request.token;
		both.reply = msg_bytes(body, make_answer(self, &both.request,
							 body));
		both.reply.type = both.request.type;
	}
	if (ret)
		complain(&self->wrong, "a server", ret);
	free(room);
	free(body);
	return NULL;
}

/* Gives 0, or what was wrong. */
static int call_all(struct party *party)
{
	char *room = malloc(LONGEST), *body = malloc(LONGEST);
	uint32_t i, len, index = party->index;
	THREAD_DATA *self = party->self;
	struct kipc_msg request;
	struct head head;
	struct ep_got got;
	int ret = 0;

	for (i = 0; i < calls_of_each() && !ret; i++) {
		len = body_fill(body, index, i, body_len(&party->random));
		request = msg_bytes(body, len);
		request.type = i;
		request.cookie = body_len(&party->random);
		ret = CALL(EP_DEVICE, &got, .pid = self->me,
			   .request = request,
			   .reply = msg_room(room, LONGEST),
			   .deadline_ns = now_ns() + PATIENCE_NS);
		if (!ret && (got.msg.len != request.cookie ||
			     !body_ok(room, &head, got.msg.len) ||
			     head.peer != index || head.number != i ||
			     got.msg.type != i))
			ret = -EBADMSG;
	}
	free(room);
	free(body);
	return ret;
}

static void *call_in_thread(void *data)
{
	struct party *party = data;

	party->ret = call_all(party);
	return NULL;
}

/* Half of the callers are threads of the owner, the others have processes. */
static void start_callers(struct __test_metadata *_metadata, THREAD_DATA *self,
			  struct party *callers)
{
	uint32_t i;

	for (i = 0; i < CALLERS; i++) {
		party_init(&callers[i], self, i);
		if (i % 2) {
			ASSERT_EQ(0, pthread_create(&callers[i].thread, NULL,
						    call_in_thread,
						    &callers[i]));
			continue;
		}
		callers[i].child = kipc_fork();
		ASSERT_LE(0, callers[i].child);
		if (!callers[i].child) {
			CHECK_EQ(0, call_all(&callers[i]));
			_exit(0);
		}
	}
}

static void end_callers(struct __test_metadata *_metadata, THREAD_DATA *self,
			struct party *callers)
{
	uint32_t i;

	for (i = 0; i < CALLERS; i++) {
		if (callers[i].child)
			callers[i].ret = child_end(callers[i].child);
		else
			pthread_join(callers[i].thread, NULL);
		EXPECT_EQ(0, callers[i].ret)
			TH_LOG("caller %u", i);
	}
	for (i = 0; i < CALLERS * calls_of_each(); i++) {
		ASSERT_EQ(1, self->served[i])
			TH_LOG("call %u", i);
	}
}

TEST_F(thread, each_has_its_own_answer)
{
	struct party servers[SERVERS], callers[CALLERS];
	struct kipc_endpoint_stat st;
	uint32_t i;

	self->served = calloc(CALLERS * calls_of_each(), sizeof(uint32_t));
	ASSERT_NE(NULL, self->served);
	for (i = 0; i < SERVERS; i++) {
		party_init(&servers[i], self, i);
		ASSERT_EQ(0, pthread_create(&servers[i].thread, NULL, serve,
					    &servers[i]));
	}
	start_callers(_metadata, self, callers);
	end_callers(_metadata, self, callers);
	stop(_metadata, self, SERVERS);
	for (i = 0; i < SERVERS; i++)
		pthread_join(servers[i].thread, NULL);
	ASSERT_EQ(0, ep_stat(self->fd, &st));
	EXPECT_EQ(CALLERS * calls_of_each() + SERVERS, st.queue.sent);
	EXPECT_EQ(st.queue.sent, st.queue.received);
}

/* Requests that were received and wait for the thread that answers. */
struct desk {
	THREAD_DATA *self;
	pthread_mutex_t lock;
	pthread_cond_t more;
	bool closed;
	uint32_t count;
	struct {
		uint64_t token;
		uint32_t len;
		char body[LONGEST];
	} answers[CALLERS];
	uint64_t random;
};

/* Takes any of those that are there, when there are several if possible. */
static void *answer_any(void *data)
{
	struct desk *desk = data;
	THREAD_DATA *self = desk->self;
	char *body = malloc(LONGEST);
	struct kipc_msg answer;
	struct head head;
	uint64_t token;
	uint32_t i;
	int ret;

	pthread_mutex_lock(&desk->lock);
	for (;;) {
		while (!desk->count && !desk->closed)
			pthread_cond_wait(&desk->more, &desk->lock);
		if (!desk->count)
			break;
		i = kipc_rand(&desk->random) % desk->count;
		token = desk->answers[i].token;
		answer = msg_bytes(body, desk->answers[i].len);
		memcpy(body, desk->answers[i].body, answer.len);
		desk->answers[i] = desk->answers[--desk->count];
		pthread_mutex_unlock(&desk->lock);

		memcpy(&head, body, sizeof(head));
		answer.type = head.number;
		ret = ep_reply_msg(self->fd, token, &answer);
		if (ret)
			complain(&self->wrong, "a reply", ret);
		pthread_mutex_lock(&desk->lock);
	}
	pthread_mutex_unlock(&desk->lock);
	free(body);
	return NULL;
}

/* Receives until all are answered; others have to answer. */
static void *receive_for_others(void *data)
{
	struct desk *desk = data;
	THREAD_DATA *self = desk->self;
	char *room = malloc(LONGEST);
	struct ep_got got;
	int ret;

	for (;;) {
		ret = RECV(self->fd, &got, .msg = msg_room(room, LONGEST),
			   .deadline_ns = now_ns() + PATIENCE_NS);
		if (ret || !got.msg.token)
			break;
		pthread_mutex_lock(&desk->lock);
		/* No caller has two calls, so there is room. */
		desk->answers[desk->count].token = got.msg.token;
		desk->answers[desk->count].len =
			make_answer(self, &got.msg,
				    desk->answers[desk->count].body);
		desk->count++;
		pthread_cond_signal(&desk->more);
		pthread_mutex_unlock(&desk->lock);
	}
	if (ret)
		complain(&self->wrong, "a receiver", ret);
	free(room);
	return NULL;
}

/* Who answers is another thread, in any order. */
TEST_F(thread, answered_by_another_thread)
{
	pthread_t receiver[2], answerer[2];
	struct party callers[CALLERS];
	static struct desk desk = {
		.lock = PTHREAD_MUTEX_INITIALIZER,
		.more = PTHREAD_COND_INITIALIZER,
	};
	int i;

	desk.self = self;
	desk.random = self->seed;
	self->served = calloc(CALLERS * calls_of_each(), sizeof(uint32_t));
	ASSERT_NE(NULL, self->served);
	for (i = 0; i < 2; i++) {
		ASSERT_EQ(0, pthread_create(&receiver[i], NULL,
					    receive_for_others, &desk));
		ASSERT_EQ(0, pthread_create(&answerer[i], NULL, answer_any,
					    &desk));
	}
	start_callers(_metadata, self, callers);
	end_callers(_metadata, self, callers);
	stop(_metadata, self, 2);
	for (i = 0; i < 2; i++)
		pthread_join(receiver[i], NULL);
	pthread_mutex_lock(&desk.lock);
	desk.closed = true;
	pthread_cond_broadcast(&desk.more);
	pthread_mutex_unlock(&desk.lock);
	for (i = 0; i < 2; i++)
		pthread_join(answerer[i], NULL);
	EXPECT_EQ(0, desk.count);
}

/* Sends the messages of one peer, TOTAL / SENDERS bytes, one by one or many. */
static void send_all(struct party *party, uint32_t each)
{
	char *body = malloc(VECTOR * LONGEST);
	uint32_t i, sent, len, left = TOTAL / SENDERS, number = 0;
	struct kipc_msg msgs[VECTOR];
	int ret;

	while (left) {
		for (i = 0; i < each && left; i++, left -= len) {
			len = body_len(&party->random);
			/* No rest that is too short for a head. */
			if (left < len + sizeof(struct head))
				len = left;
			body_fill(body + i * LONGEST, party->index, number++,
				  len);
			msgs[i] = msg_bytes(body + i * LONGEST, len);
		}
		for (sent = 0; sent < i; sent += ret) {
			ret = SENDV(EP_DEVICE, .pid = party->self->me,
				    .msgs = to_u64(msgs + sent),
				    .count = i - sent,
				    .deadline_ns = now_ns() + PATIENCE_NS);
			CHILD_CHECK(ret > 0);
		}
	}
	free(body);
}

static void start_senders(struct __test_metadata *_metadata, THREAD_DATA *self,
			  struct party *senders)
{
	uint32_t i;

	for (i = 0; i < SENDERS; i++) {
		party_init(&senders[i], self, i);
		senders[i].child = kipc_fork();
		ASSERT_LE(0, senders[i].child);
		if (!senders[i].child) {
			send_all(&senders[i], i % 2 ? VECTOR : 1);
			_exit(0);
		}
	}
}

/* What receivers have got; of each sender they know how far he is. */
struct tally {
	THREAD_DATA *self;
	uint32_t each;			/* messages asked for at a time */
	uint32_t next[SENDERS];		/* at least this number */
	uint32_t messages;
	uint64_t bytes;
	uint64_t last_seq;
	pid_t pid[SENDERS];
	pthread_t thread;
};

/* In order, if not without gaps: other threads receive as well. */
static bool tally_add(struct tally *tally, const struct kipc_msg *msg)
{
	struct head head;

	if (!body_ok((void *)(uintptr_t)msg->buf, &head, msg->len) ||
	    head.peer >= SENDERS || head.number < tally->next[head.peer] ||
	    msg->pid != (uint32_t)tally->pid[head.peer] ||
	    msg->seq <= tally->last_seq)
		return false;
	tally->last_seq = msg->seq;
	tally->next[head.peer] = head.number + 1;
	tally->messages++;
	tally->bytes += msg->len;
	return true;
}

/* Until there is a message of type 1. */
static void *receive_all(void *data)
{
	struct tally *tally = data;
	THREAD_DATA *self = tally->self;
	char *room = malloc(VECTOR * LONGEST);
	struct kipc_msg msgs[VECTOR];
	bool last = false;
	int ret = 0, i;

	while (!last) {
		for (i = 0; i < VECTOR; i++)
			msgs[i] = msg_room(room + i * LONGEST, LONGEST);
		ret = RECVV(self->fd, .msgs = to_u64(msgs),
			    .count = tally->each,
			    .deadline_ns = now_ns() + PATIENCE_NS);
		if (ret <= 0)
			break;
		for (i = 0; i < ret && !last; i++) {
			last = msgs[i].type == 1;
			if (!last && !tally_add(tally, &msgs[i])) {
				complain(&self->wrong, "a message",
					 msgs[i].seq);
				last = true;
			}
		}
	}
	if (ret <= 0)
		complain(&self->wrong, "a receiver", ret);
	free(room);
	return NULL;
}

static void receive_from_all(struct __test_metadata *_metadata,
			     THREAD_DATA *self, struct tally *tallies,
			     uint32_t receivers)
{
	struct kipc_msg last = msg_typed(1, "last");
	struct party senders[SENDERS];
	uint32_t i, j;

	start_senders(_metadata, self, senders);
	ASSERT_TRUE(wait_for(ep_senders(self->fd) == SENDERS));
	for (i = 0; i < receivers; i++) {
		tallies[i] = (struct tally){ .self = self };
		/* One more at a time could be another's last one. */
		tallies[i].each = receivers == 1 ? VECTOR : 1;
		for (j = 0; j < SENDERS; j++)
			tallies[i].pid[j] = senders[j].child;
		ASSERT_EQ(0, pthread_create(&tallies[i].thread, NULL,
					    receive_all, &tallies[i]));
	}
	for (i = 0; i < SENDERS; i++)
		EXPECT_EQ(0, child_end(senders[i].child));
	for (i = 0; i < receivers; i++)
		ASSERT_EQ(0, SEND(self->fd, .msg = last,
				  .deadline_ns = now_ns() + PATIENCE_NS));
	for (i = 0; i < receivers; i++)
		pthread_join(tallies[i].thread, NULL);
}

/* One receiver sees all, without a gap. */
TEST_F(thread, ten_million_bytes)
{
	struct kipc_endpoint_stat st;
	uint32_t i, messages = 0;
	struct tally tally;

	receive_from_all(_metadata, self, &tally, 1);
	EXPECT_EQ(TOTAL, tally.bytes);
	for (i = 0; i < SENDERS; i++)
		messages += tally.next[i];
	EXPECT_EQ(messages, tally.messages);
	ASSERT_EQ(0, ep_stat(self->fd, &st));
	EXPECT_EQ(messages + 1, st.queue.sent);
	EXPECT_LE(st.queue.peak_messages, 8);
	EXPECT_LE(st.queue.peak_bytes, 4 * LONGEST);
	EXPECT_LE(SENDERS, st.queue.send_sleeps);
}

/* Several receivers: each sees a part in order, and together all of it. */
TEST_F(thread, ten_million_bytes_to_several)
{
	struct tally tallies[RECEIVERS];
	uint32_t i, j, messages = 0, sent = 0, next[SENDERS] = {};
	uint64_t bytes = 0;

	receive_from_all(_metadata, self, tallies, RECEIVERS);
	for (i = 0; i < RECEIVERS; i++) {
		bytes += tallies[i].bytes;
		messages += tallies[i].messages;
		for (j = 0; j < SENDERS; j++)
			if (next[j] < tallies[i].next[j])
				next[j] = tallies[i].next[j];
	}
	for (j = 0; j < SENDERS; j++)
		sent += next[j];
	EXPECT_EQ(TOTAL, bytes);
	/* As many as there are numbers, and each seen by one: none is lost. */
	EXPECT_EQ(sent, messages);
	EXPECT_EQ(sent + RECEIVERS, EP_STAT(self->fd, queue.sent));
}

/* Threads that wait get messages in the order in which they came. */
TEST_F(thread, receivers_in_order)
{
	struct ep_receiver receivers[RECEIVERS], typed;
	uint32_t i;

	ep_receiver_init(&typed, self->fd);
	typed.arg.select = KIPC_SELECT_TYPE;
	typed.arg.type = 100;
	ASSERT_EQ(0, ep_task_start(&typed.task));
	ASSERT_TRUE(wait_for(ep_receivers(self->fd) == 1));
	for (i = 0; i < RECEIVERS; i++) {
		ASSERT_EQ(0, ep_receiver_start(&receivers[i], self->fd));
		ASSERT_TRUE(wait_for(ep_receivers(self->fd) == i + 2));
	}
	for (i = 0; i < RECEIVERS; i++) {
		ASSERT_EQ(0, SEND(self->fd, .msg = msg_typed(i, "x")));
		ASSERT_EQ(0, ep_task_wait(&receivers[i].task));
		EXPECT_EQ(i, receivers[i].arg.msg.type);
	}
	EXPECT_FALSE(ep_task_ended(&typed.task));
	ASSERT_EQ(0, SEND(self->fd, .msg = msg_typed(100, "x")));
	ASSERT_EQ(0, ep_task_wait(&typed.task));
	EXPECT_EQ(RECEIVERS + 1, typed.arg.msg.seq);
}

TEST_HARNESS_MAIN
