// SPDX-License-Identifier: GPL-2.0
/*
 * Processes killed with SIGKILL at random points, asleep and at work: senders,
 * callers, and the owner of an endpoint.  Nobody hangs, no request is served
 * twice, who calls has the answer to his own request or a clear error, and
 * nothing stays behind.
 *
 * SEED in the environment makes a run happen again, as far as the scheduler
 * plays along.
 */
#include "kselftest_harness.h"

#include "endpoint_util.h"
#include "segment_util.h"

#define ROUNDS		1000	/* of all tests together */
#define VECTOR		20

/* A part of the rounds, in percent. */
static unsigned long part_of_rounds(unsigned int percent)
{
	return scaled_if_slow(ROUNDS) * percent / 100;
}

/* A moment up to @us microseconds long; often there is none. */
static void some_moment(uint64_t *rnd, uint32_t us)
{
	uint64_t end = now_ns() + kipc_rand(rnd) % (us * 1000);

	if (kipc_rand(rnd) % 4 == 0)
		return;
	while (now_ns() < end)
		sched_yield();
}

/* ---- those who only send ---- */

struct numbers {
	uint32_t acknowledged;	/* messages that the victim knows are sent */
	uint32_t body[VECTOR];
	struct kipc_msg msgs[VECTOR];
};

FIXTURE(senders) {
	struct numbers *numbers;
	uint64_t rnd;
	uint64_t id;
	int fd;
};

FIXTURE_VARIANT(senders) {
	uint32_t count;
};

FIXTURE_VARIANT_ADD(senders, one_by_one) {
	.count = 1,
};

FIXTURE_VARIANT_ADD(senders, vectors) {
	.count = VECTOR,
};

FIXTURE_SETUP(senders)
{
	self->numbers = kipc_shared(sizeof(*self->numbers));
	ASSERT_NE(NULL, self->numbers);
	self->fd = ep_make(5, 0);
	ASSERT_LE(0, self->fd);
	self->id = ep_id(self->fd);
	self->rnd = kipc_seed();
}

FIXTURE_TEARDOWN(senders)
{
	EXPECT_TRUE(ep_is_idle(self->fd));
}

/* Sends numbers to @pid, until it is killed. */
static void send_numbers(struct numbers *numbers, uint32_t count, pid_t pid,
			 uint64_t id)
{
	uint32_t next = 0, i;
	int ret;

	for (;;) {
		for (i = 0; i < count; i++) {
			numbers->body[i] = next + i;
			numbers->msgs[i] = msg_bytes(&numbers->body[i], 4);
		}
		if (count == 1)
			ret = SEND(EP_DEVICE, .pid = pid, .id = id,
				   .msg = numbers->msgs[0]) ?: 1;
		else
			ret = SENDV(EP_DEVICE, .pid = pid, .id = id,
				    .count = count,
				    .msgs = to_u64(numbers->msgs));
		CHECK_EQ(true, ret > 0);
		next += ret;
		word_set(&numbers->acknowledged, next);
	}
}

/* Takes what is next, which must be @want of @pid's; 0 or -errno. */
static int take_number(int fd, uint32_t want, pid_t pid, uint64_t deadline_ns)
{
	uint32_t seen = UINT32_MAX;
	struct ep_got got;
	int ret;

	ret = RECV(fd, &got, .msg = msg_room(&seen, 4),
		   .deadline_ns = deadline_ns);
	if (ret)
		return ret;
	return seen == want && got.msg.pid == (uint32_t)pid ? 0 : -EILSEQ;
}

TEST_F(senders, killed)
{
	unsigned long rounds = part_of_rounds(5), i;
	struct numbers *numbers = self->numbers;
	uint32_t next, reads;
	pid_t me = getpid(), pid;
	int ret;

	for (i = 0; i < rounds; i++) {
		numbers->acknowledged = 0;
		pid = kipc_fork();
		if (!pid)
			send_numbers(numbers, variant->count, me, self->id);
		/* It sleeps, or works, or has hardly begun. */
		if (kipc_rand(&self->rnd) % 3 == 0)
			ASSERT_TRUE(wait_for(ep_senders(self->fd) == 1));
		reads = kipc_rand(&self->rnd) % 30;
		for (next = 0; next < reads; next++)
			ASSERT_EQ(0, take_number(self->fd, next, pid,
						 now_ns() + PATIENCE_NS));
		some_moment(&self->rnd, 300);
		ASSERT_EQ(0, kill(pid, SIGKILL));
		/* Some of the time there is room for it while it dies. */
		for (reads = kipc_rand(&self->rnd) % 3; reads; reads--)
			if (!take_number(self->fd, next, pid, 1))
				next++;
		ASSERT_EQ(128 + SIGKILL, child_end(pid));
		EXPECT_EQ(0, ep_senders(self->fd));
		while (!(ret = take_number(self->fd, next, pid, 1)))
			next++;
		ASSERT_EQ(-ETIMEDOUT, ret)
			TH_LOG("round %lu: number %u", i, next);
		/* All that it knows of, and nothing that it did not begin. */
		EXPECT_LE(word_get(&numbers->acknowledged), next);
		EXPECT_GE(word_get(&numbers->acknowledged) + variant->count,
			  next);
		ASSERT_TRUE(ep_is_idle(self->fd));
	}
}

/* ---- those who call, and the owner ---- */

#define CLIENTS		3
#define SERVERS		2	/* threads of the owner */
#define REQUESTS	20000	/* of each client in a test */

/* The body of a request, and of the reply to it. */
struct said {
	uint32_t client;
	uint32_t number;
};

/* A client goes on where the one before it was killed. */
struct client {
	uint32_t begun;
	uint32_t answered;	/* requests */
	uint8_t served[REQUESTS];	/* times that each was received */
	uint8_t heard[REQUESTS];	/* the caller has his answer */
};

struct scene {
	struct ep_owner *owner;
	pid_t pid;		/* of the owner; @id is set after it */
	uint64_t id;
	uint64_t seed;
	uint32_t late;		/* replies to callers who were gone */
	struct client clients[CLIENTS];
};

/* Gives the answer @said to @token, and takes what is next. */
static void serve_next(struct scene *s, uint64_t *token, struct said *said,
		       uint64_t *rnd)
{
	struct kipc_endpoint_reply_recv arg = {
		.size = sizeof(arg),
		.token = *token,
		.reply = msg_bytes(said, sizeof(*said)),
		.request = msg_room(said, sizeof(*said)),
	};
	int ret;

	/* In two calls, which tell if the caller was gone, or in one. */
	if (*token && kipc_rand(rnd) % 2) {
		ret = ep_reply_msg(s->owner->fd, *token, &arg.reply);
		if (ret == -ECANCELED)
			word_add(&s->late, 1);
		else
			CHECK_EQ(0, ret);
		arg.token = 0;
	}
	CHECK_EQ(0, kipc_ioctl(s->owner->fd, KIPC_ENDPOINT_REPLY_RECV, &arg));
	CHECK_EQ(0, arg.token);
	CHECK_EQ(sizeof(*said), arg.request.len);
	*token = arg.request.token;
}

static void *serve(void *data)
{
	struct scene *s = data;
	uint64_t rnd = s->seed + syscall(SYS_gettid) * 2;
	struct said said = {};
	uint64_t token = 0;
	struct client *client;

	for (;;) {
		serve_next(s, &token, &said, &rnd);
		CHECK_EQ(true, said.client < CLIENTS);
		client = &s->clients[said.client];
		CHECK_EQ(true, said.number < word_get(&client->begun));
		CHECK_EQ(1, __atomic_add_fetch(&client->served[said.number], 1,
					       __ATOMIC_ACQ_REL));
		some_moment(&rnd, 300);
	}
	return NULL;
}

static void run_servers(struct ep_owner *owner)
{
	struct scene *s = owner->arg;
	pthread_t thread;
	int i;

	word_set((uint32_t *)&s->pid, getpid());
	__atomic_store_n(&s->id, owner->id, __ATOMIC_RELEASE);
	for (i = 1; i < SERVERS; i++)
		CHECK_EQ(0, -pthread_create(&thread, NULL, serve, s));
	serve(s);
}

/* One request to @id, by the owner's pid or by @handle; sometimes a message. */
static int ask(struct scene *s, int handle, uint64_t id, uint32_t me,
	       uint64_t *rnd)
{
	struct client *client = &s->clients[me];
	struct said said = { me, client->begun }, answer = {};
	bool by_pid = handle < 0 || kipc_rand(rnd) % 2;
	int fd = by_pid ? EP_DEVICE : handle, ret;
	pid_t pid = by_pid ? s->pid : 0;
	struct ep_got got;

	CHECK_EQ(true, said.number < REQUESTS);
	word_set(&client->begun, said.number + 1);
	if (kipc_rand(rnd) % 4 == 0)
		return SEND(fd, .pid = pid, .id = pid ? id : 0,
			    .msg = msg_bytes(&said, sizeof(said)));
	ret = CALL(fd, &got, .pid = pid, .id = pid ? id : 0,
		   .deadline_ns = kipc_rand(rnd) % 4 ? 0 : in_ms(1),
		   .request = msg_bytes(&said, sizeof(said)),
		   .reply = msg_room(&answer, sizeof(answer)));
	if (ret)
		return ret;
	/* His own answer, and from the endpoint that he asked. */
	CHECK_EQ(sizeof(answer), got.msg.len);
	CHECK_EQ(said.client, answer.client);
	CHECK_EQ(said.number, answer.number);
	CHECK_EQ(true, got.msg.endpoint == id);
	client->heard[said.number] = 1;
	word_add(&client->answered, 1);
	return 0;
}

/* Asks @id until it has ended. */
static void ask_until_the_end(struct scene *s, uint64_t id, uint32_t me,
			      uint64_t *rnd)
{
	int handle = ep_open(s->owner->name, KIPC_RIGHT_WRITE), ret;

	/* The next one may have the name by now. */
	if (handle >= 0 && ep_id(handle) != id) {
		close(handle);
		handle = -1;
	}
	do {
		ret = ask(s, handle, id, me, rnd);
	} while (!ret || ret == -ETIMEDOUT);
	/* Nothing else can happen to a caller. */
	CHECK_EQ(true, ret == -ECONNRESET || ret == -ESRCH);
	close(handle);
}

/* Asks one owner after the other, @owners of them, until it is killed. */
static void run_client(struct scene *s, uint32_t me, unsigned int owners)
{
	uint64_t rnd = s->seed + getpid() * 2, id, last = 0;

	while (owners) {
		id = __atomic_load_n(&s->id, __ATOMIC_ACQUIRE);
		if (id == last) {
			usleep(100);
			continue;
		}
		ask_until_the_end(s, id, me, &rnd);
		last = id;
		owners--;
	}
	_exit(0);
}

static pid_t start_client(struct scene *s, uint32_t me, unsigned int owners)
{
	pid_t pid = kipc_fork();

	if (!pid)
		run_client(s, me, owners);
	return pid;
}

static uint32_t answered(const struct scene *s)
{
	uint32_t sum = 0, i;

	for (i = 0; i < CLIENTS; i++)
		sum += word_get(&s->clients[i].answered);
	return sum;
}

/* Has everybody who has an answer been served, and nobody twice? */
static bool all_served_once(const struct scene *s)
{
	const struct client *client;
	uint32_t i;

	for (client = s->clients; client < s->clients + CLIENTS; client++)
		for (i = 0; i < REQUESTS; i++)
			if (client->served[i] > 1 ||
			    client->heard[i] > client->served[i])
				return false;
	return true;
}

FIXTURE(kill) {
	struct scene *s;
	struct ep_owner *owner;
	struct kipc_info before;
	uint64_t rnd;
};

FIXTURE_SETUP(kill)
{
	ASSERT_EQ(0, kipc_info(&self->before));
	self->s = kipc_shared(sizeof(*self->s));
	ASSERT_NE(NULL, self->s);
	self->owner = ep_owners(1);
	ASSERT_NE(NULL, self->owner);
	self->owner->run = run_servers;
	self->owner->arg = self->s;
	self->owner->max_messages = 2;
	self->s->owner = self->owner;
	self->rnd = kipc_seed();
	self->s->seed = self->rnd;
}

FIXTURE_TEARDOWN(kill)
{
	EXPECT_TRUE(wait_for(ep_is_charged(&self->before)));
}

/* It has ended, and nothing is left in it. */
static bool has_ended(int handle)
{
	return ep_is_idle(handle) && !ep_untold(handle) &&
	       EP_STAT(handle, state) == KIPC_ENDPOINT_ENDED;
}

TEST_F(kill, owner)
{
	unsigned long rounds = part_of_rounds(30), i;
	struct scene *s = self->s;
	pid_t client[CLIENTS];
	uint32_t goal, k;

	for (i = 0; i < rounds; i++) {
		s->seed += 1000;
		s->id = 0;
		ASSERT_EQ(0, ep_owner_start(self->owner));
		ASSERT_TRUE(wait_for(__atomic_load_n(&s->id,
						     __ATOMIC_ACQUIRE)));
		for (k = 0; k < CLIENTS; k++)
			client[k] = start_client(s, k, 1);
		goal = answered(s) + kipc_rand(&self->rnd) % 20;
		ASSERT_TRUE(wait_for(answered(s) >= goal));
		some_moment(&self->rnd, 1000);
		kill(self->owner->pid, SIGKILL);
		for (k = 0; k < CLIENTS; k++)
			ASSERT_EQ(0, kipc_reap(client[k]));
		ASSERT_EQ(128 + SIGKILL, child_end(self->owner->pid));
		EXPECT_TRUE(has_ended(self->owner->handle));
		close(self->owner->handle);
		ASSERT_TRUE(ep_is_charged(&self->before));
	}
	EXPECT_TRUE(all_served_once(s));
}

/* All its threads wait for requests, and there is nothing else. */
static bool is_at_rest(int handle)
{
	struct kipc_endpoint_stat st;

	return !ep_stat(handle, &st) && !st.calls && !st.cancelled &&
	       !st.queue.messages && !st.queue.bytes && !st.queue.senders &&
	       st.queue.receivers == SERVERS;
}

/* One after the other is killed, and somebody else goes on in his place. */
TEST_F(kill, anybody)
{
	unsigned long rounds = part_of_rounds(30), i;
	struct scene *s = self->s;
	pid_t client[CLIENTS];
	uint32_t who, before;

	ASSERT_EQ(0, ep_owner_start(self->owner));
	for (who = 0; who < CLIENTS; who++)
		client[who] = start_client(s, who, UINT32_MAX);
	for (i = 0; i < rounds; i++) {
		s->seed += 1000;
		usleep(kipc_rand(&self->rnd) % 2000);
		who = kipc_rand(&self->rnd) % (CLIENTS + 1);
		if (who < CLIENTS) {
			ASSERT_EQ(128 + SIGKILL, child_kill(client[who]));
			client[who] = start_client(s, who, UINT32_MAX);
			continue;
		}
		ASSERT_EQ(128 + SIGKILL, child_kill(self->owner->pid));
		EXPECT_TRUE(has_ended(self->owner->handle));
		close(self->owner->handle);
		ASSERT_EQ(0, ep_owner_start(self->owner));
	}
	/* Those who are left go on. */
	before = answered(s);
	EXPECT_TRUE(wait_for(answered(s) >= before + 10));
	for (who = 0; who < CLIENTS; who++)
		ASSERT_EQ(128 + SIGKILL, child_kill(client[who]));
	EXPECT_TRUE(wait_for(is_at_rest(self->owner->handle)));
	EXPECT_TRUE(all_served_once(s));
	EXPECT_LT(0, word_get(&s->late));
	ASSERT_EQ(128 + SIGKILL, child_kill(self->owner->pid));
	close(self->owner->handle);
}

/* ---- between being served and running ---- */

/* As wait_for(), for what others do who are realtime as well. */
#define yield_for(cond) ({						\
	uint64_t __end = now_ns() + PATIENCE_NS;			\
	bool __ok;							\
									\
	while (!(__ok = (cond)) && now_ns() < __end)			\
		sched_yield();						\
	__ok;								\
})

static void receive_one(struct ep_owner *owner)
{
	struct ep_got got;

	CHECK_EQ(0, RECV(owner->fd, &got, .flags = 0));
	word_set(&owner->stage.child, 2);
	for (;;)
		pause();
}

/*
 * The request was handed to him, but he has not run since: he cannot, the test
 * and the caller have the processor.
 */
TEST_F(kill, owner_before_he_runs)
{
	unsigned long rounds = part_of_rounds(10), i;
	struct ep_owner *owner = self->owner;
	struct ep_caller caller;

	owner->run = receive_one;
	ASSERT_EQ(0, on_first_cpu(0));
	for (i = 0; i < rounds; i++) {
		ASSERT_EQ(0, ep_owner_start(owner));
		ASSERT_TRUE(wait_for(ep_receivers(owner->handle) == 1));
		ep_caller_init(&caller, i & 1 ? EP_DEVICE : owner->handle,
			       i & 1 ? owner->pid : 0, "unheard");
		ASSERT_EQ(0, be_realtime(true));
		EXPECT_EQ(0, ep_task_start(&caller.task));
		EXPECT_TRUE(yield_for(ep_calls(owner->handle) == 1));
		/* He has it, on paper. */
		EXPECT_EQ(0, ep_messages(owner->handle));
		EXPECT_EQ(0, ep_receivers(owner->handle));
		EXPECT_EQ(1, word_get(&owner->stage.child));
		kill(owner->pid, SIGKILL);
		ASSERT_EQ(0, be_realtime(false));
		ASSERT_EQ(-ECONNRESET, ep_caller_wait(&caller));
		ASSERT_EQ(128 + SIGKILL, child_end(owner->pid));
		EXPECT_EQ(1, word_get(&owner->stage.child));
		EXPECT_TRUE(has_ended(owner->handle));
		close(owner->handle);
		ASSERT_TRUE(ep_is_charged(&self->before));
	}
}

/*
 * The reply was given and cannot be taken back, the caller dies without it.
 * What it carried is gone with him, and the next one is not given it.
 */
TEST_F(kill, caller_before_he_runs)
{
	unsigned long rounds = part_of_rounds(10), i;
	int fd = ep_make(0, 0);
	pid_t me = getpid(), pid;
	struct kipc_info before;
	struct kipc_msg reply;
	struct ep_got got;
	int32_t file;

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, kipc_info(&before));
	ASSERT_EQ(0, on_first_cpu(0));
	for (i = 0; i < rounds; i++) {
		pid = kipc_fork();
		if (!pid) {
			CALL(EP_DEVICE, &got, .pid = me,
			     .request = msg_text("last words"));
			_exit(1);
		}
		ASSERT_EQ(0, ep_recv_patient(fd, &got));
		EXPECT_EQ(pid, (pid_t)got.msg.pid);
		file = segment_make(4096, 0);
		ASSERT_LE(0, file);
		reply = msg_text("an answer");
		reply.fds = to_u64(&file);
		reply.fd_count = 1;
		ASSERT_EQ(0, be_realtime(true));
		if (i & 1)
			kill(pid, SIGKILL);
		EXPECT_EQ(0, ep_reply_msg(fd, got.msg.token, &reply));
		kill(pid, SIGKILL);
		ASSERT_EQ(0, be_realtime(false));
		ASSERT_EQ(128 + SIGKILL, child_end(pid));
		close(file);
		EXPECT_EQ(0, ep_untold(fd));
		EXPECT_TRUE(ep_is_idle(fd));
		ASSERT_TRUE(wait_for(ep_is_charged(&before)));
	}
	close(fd);
}

/* ---- many at once ---- */

#define THREADS		16
#define PLACES		4

/* Calls from all its threads, and waits to be killed. */
static void call_from_threads(pid_t pid)
{
	static struct ep_caller caller[THREADS];
	int i;

	for (i = 0; i < THREADS; i++)
		CHECK_EQ(0, ep_caller_start(&caller[i], EP_DEVICE, pid, "x"));
	for (;;)
		pause();
}

/*
 * A process dies whose threads wait for room, have a request in the queue, or
 * one that was received: the first are gone, the second withdrawn, and the owner
 * is told of the third.
 */
TEST_F(kill, many_sleeping_threads)
{
	unsigned long rounds = part_of_rounds(10), i;
	uint64_t received[PLACES], told[PLACES + 1];
	int fd = ep_make(PLACES, 0), count, k, n;
	pid_t me = getpid(), pid;
	struct ep_got got;

	ASSERT_LE(0, fd);
	for (i = 0; i < rounds; i++) {
		pid = kipc_fork();
		if (!pid)
			call_from_threads(me);
		for (count = 0; count < 2; count++) {
			ASSERT_EQ(0, ep_recv_patient(fd, &got));
			received[count] = got.msg.token;
		}
		ASSERT_TRUE(wait_for(ep_senders(fd) == THREADS - PLACES - 2));
		EXPECT_EQ(PLACES, ep_messages(fd));
		EXPECT_EQ(2, ep_calls(fd));
		kill(pid, SIGKILL);
		/* Some are received while they die. */
		while (count < PLACES && !ep_recv_now(fd, &got))
			received[count++] = got.msg.token;
		ASSERT_EQ(128 + SIGKILL, child_end(pid));
		EXPECT_TRUE(ep_is_idle(fd));
		ASSERT_EQ(count, ep_cancelled(fd, told, PLACES + 1));
		for (k = 0; k < count; k++) {
			for (n = 0; n < count && told[n] != received[k];)
				n++;
			EXPECT_LT(n, count);
		}
		ASSERT_EQ(0, ep_untold(fd));
	}
	close(fd);
}

TEST_HARNESS_MAIN
