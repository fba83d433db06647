// SPDX-License-Identifier: GPL-2.0
/*
 * What mailboxes have in common with POSIX message queues and with System V
 * ones: one table of behaviours, each run on all three.  What is not the same
 * is in the table, too, with the reason; it is an error if that changes.
 */
#include <mqueue.h>
#include <sys/ipc.h>
#include <sys/msg.h>

#include "kselftest_harness.h"
#include "mailbox_util.h"

#define MESSAGES	4	/* that a queue holds */
#define LONGEST		16	/* bytes of one */
#define SYSV_LONGEST	8192	/* there it is the same for all queues */

enum peer { MAILBOX, POSIX, SYSV, PEERS };

static const char * const peer_names[PEERS] = {
	"mailbox", "POSIX mq", "System V msg"
};

/* How a call is made. */
struct how {
	bool nowait;
	bool truncate;
	uint64_t deadline_ns;
	uint32_t select;	/* KIPC_SELECT_* */
	long type;		/* of a message; 0 is as good as 1 */
	uint32_t priority;
	bool peek;
	uint32_t position;
};

/* A queue of one of the three sorts. */
struct queue {
	enum peer peer;
	int id;
};

/* What a peer does not have gives -ENOTSUP. */
#define HOW(...)	(&(const struct how){ __VA_ARGS__ })

static long type_of(const struct how *how)
{
	return how->type ? how->type : 1;
}

static int queue_make(struct queue *q, enum peer peer)
{
	struct kipc_mailbox_create box = { .rights = RIGHT_BOTH,
		.max_messages = MESSAGES, .message_max = LONGEST };
	struct mq_attr attr = { .mq_maxmsg = MESSAGES, .mq_msgsize = LONGEST };
	struct msqid_ds ds;
	char name[64];

	q->peer = peer;
	switch (peer) {
	case POSIX:
		snprintf(name, sizeof(name), "/kipc-peers-%d", getpid());
		q->id = KIPC_RET(mq_open(name, O_RDWR | O_CREAT | O_EXCL, 0600,
					 &attr));
		mq_unlink(name);
		return q->id;
	case SYSV:
		q->id = KIPC_RET(msgget(IPC_PRIVATE, 0600));
		if (q->id < 0 || msgctl(q->id, IPC_STAT, &ds))
			return q->id;
		/* As many bytes: it counts those, and messages by the same. */
		ds.msg_qbytes = MESSAGES;
		return KIPC_RET(msgctl(q->id, IPC_SET, &ds));
	default:
		q->id = box_create(&box);
		return q->id;
	}
}

static void queue_end(struct queue *q)
{
	if (q->peer == SYSV)
		msgctl(q->id, IPC_RMID, NULL);
	else
		close(q->id);
}

/* mq_timedsend(3) and its like have another clock. */
static struct timespec realtime(uint64_t deadline_ns)
{
	int64_t left = deadline_ns - now_ns();
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	left += ts.tv_sec * NSEC_PER_SEC + ts.tv_nsec;
	ts.tv_sec = left / (int64_t)NSEC_PER_SEC;
	ts.tv_nsec = left % (int64_t)NSEC_PER_SEC;
	return ts;
}

static void set_nonblock(int fd, bool on)
{
	struct mq_attr attr = { .mq_flags = on ? O_NONBLOCK : 0 };

	mq_setattr(fd, &attr, NULL);
}

static int posix_send(int id, const void *body, size_t len,
		      const struct how *how)
{
	struct timespec ts = realtime(how->deadline_ns ?: 1);
	int ret;

	if (type_of(how) != 1)
		return -ENOTSUP;
	set_nonblock(id, how->nowait);
	if (how->deadline_ns)
		ret = KIPC_RET(mq_timedsend(id, body, len, how->priority, &ts));
	else
		ret = KIPC_RET(mq_send(id, body, len, how->priority));
	return ret;
}

static int posix_recv(int id, void *body, size_t room, const struct how *how)
{
	struct timespec ts = realtime(how->deadline_ns ?: 1);

	if (how->select || how->truncate || how->peek)
		return -ENOTSUP;
	set_nonblock(id, how->nowait);
	if (how->deadline_ns)
		return KIPC_RET(mq_timedreceive(id, body, room, NULL, &ts));
	return KIPC_RET(mq_receive(id, body, room, NULL));
}

struct sysv_msg {
	long type;
	char body[SYSV_LONGEST + 1];
};

static int sysv_send(int id, const void *body, size_t len,
		     const struct how *how)
{
	struct sysv_msg msg = { .type = type_of(how) };

	if (how->deadline_ns)
		return -ENOTSUP;
	if (body == (void *)8)
		return KIPC_RET(msgsnd(id, body, len, 0));
	memcpy(msg.body, body, len);
	return KIPC_RET(msgsnd(id, &msg, len, how->nowait ? IPC_NOWAIT : 0));
}

static int sysv_recv(int id, void *body, size_t room, const struct how *how)
{
	int flags = how->nowait ? IPC_NOWAIT : 0;
	long type = how->select ? type_of(how) : 0;
	struct sysv_msg msg;
	ssize_t len;

	if (how->deadline_ns)
		return -ENOTSUP;
	if (how->truncate)
		flags |= MSG_NOERROR;
	if (how->select == KIPC_SELECT_UP_TO)
		type = -type;
	if (how->select == KIPC_SELECT_NOT)
		flags |= MSG_EXCEPT;
	if (how->peek) {
		flags |= MSG_COPY | IPC_NOWAIT;
		type = how->position;
	}
	if (body == (void *)8)
		return KIPC_RET(msgrcv(id, body, room, type, flags));
	len = KIPC_RET(msgrcv(id, &msg, room, type, flags));
	if (len > 0)
		memcpy(body, msg.body, len);
	return len;
}

static int queue_send(const struct queue *q, const void *body, size_t len,
		      const struct how *how)
{
	struct kipc_msg msg = msg_bytes(body, len);

	if (q->peer == POSIX)
		return posix_send(q->id, body, len, how);
	if (q->peer == SYSV)
		return sysv_send(q->id, body, len, how);
	msg.type = type_of(how);
	msg.priority = how->priority;
	return BOX_SEND(q->id, .deadline_ns = how->deadline_ns, .msg = msg,
			.flags = how->nowait ? KIPC_MSG_NONBLOCK : 0);
}

/* The length of what is in @body then, or -errno. */
static int queue_recv(const struct queue *q, void *body, size_t room,
		      const struct how *how)
{
	struct msg_got got;
	uint32_t flags = how->nowait ? KIPC_MSG_NONBLOCK : 0;
	int ret;

	if (q->peer == POSIX)
		return posix_recv(q->id, body, room, how);
	if (q->peer == SYSV)
		return sysv_recv(q->id, body, room, how);
	flags |= how->truncate ? KIPC_MSG_TRUNCATE : 0;
	flags |= how->peek ? KIPC_MSG_PEEK : 0;
	ret = BOX_RECV(q->id, &got, .deadline_ns = how->deadline_ns,
		       .flags = flags, .select = how->select,
		       .type = how->select ? type_of(how) : 0,
		       .position = how->position, .msg = msg_room(body, room));
	if (ret)
		return ret;
	return got.msg.len < room ? got.msg.len : room;
}

/* ---- what happens, as text ---- */

struct seen {
	char text[128];
};

static void see(struct seen *seen, const char *what, int len)
{
	size_t at = strlen(seen->text);

	snprintf(seen->text + at, sizeof(seen->text) - at, "%s%.*s",
		 at ? " " : "", len, what);
}

static void see_error(struct seen *seen, int err)
{
	const char *name = strerrorname_np(-err);

	if (err == -ENOTSUP)
		name = "NONE";
	see(seen, err ? name : "OK", 32);
}

static void see_send(struct seen *seen, const struct queue *q, const char *text,
		     const struct how *how)
{
	see_error(seen, queue_send(q, text, strlen(text), how));
}

/* The message, or the error, that a receiver gets. */
static void see_recv(struct seen *seen, const struct queue *q, size_t room,
		     const struct how *how)
{
	char body[LONGEST];
	int ret = queue_recv(q, body, room, how);

	if (ret < 0)
		see_error(seen, ret);
	else
		see(seen, ret ? body : "-", ret ? ret : 1);
}

/* Sends A, B, C, which must work. */
static void send_abc(const struct queue *q, const struct how *a,
		     const struct how *b, const struct how *c, struct seen *s)
{
	int ret = queue_send(q, "A", 1, a) ?: queue_send(q, "B", 1, b) ?:
		  queue_send(q, "C", 1, c);

	if (ret)
		see_error(s, ret);
}

static void see_all(struct seen *seen, const struct queue *q,
		    const struct how *how)
{
	int i;

	for (i = 0; i < 4; i++)
		see_recv(seen, q, LONGEST, how);
}

static void fill(const struct queue *q)
{
	while (!queue_send(q, "x", 1, HOW(.nowait = true)))
		;
}

/* ---- behaviours ---- */

static void fifo(const struct queue *q, struct seen *s)
{
	send_abc(q, HOW(), HOW(), HOW(), s);
	see_all(s, q, HOW(.nowait = true));
}

static void priority(const struct queue *q, struct seen *s)
{
	send_abc(q, HOW(.priority = 1), HOW(.priority = 5),
		 HOW(.priority = 3), s);
	see_all(s, q, HOW(.nowait = true));
}

static void fifo_within_priority(const struct queue *q, struct seen *s)
{
	send_abc(q, HOW(.priority = 1), HOW(.priority = 5),
		 HOW(.priority = 5), s);
	see_all(s, q, HOW(.nowait = true));
}

static void by_type(const struct queue *q, struct seen *s)
{
	send_abc(q, HOW(), HOW(.type = 2), HOW(), s);
	see_recv(s, q, LONGEST, HOW(.nowait = true, .type = 2,
				    .select = KIPC_SELECT_TYPE));
	see_recv(s, q, LONGEST, HOW(.nowait = true, .type = 1,
				    .select = KIPC_SELECT_TYPE));
}

static void up_to_type(const struct queue *q, struct seen *s)
{
	send_abc(q, HOW(.type = 3), HOW(.type = 1), HOW(.type = 2), s);
	see_all(s, q, HOW(.nowait = true, .select = KIPC_SELECT_UP_TO,
			  .type = 2));
}

static void not_type(const struct queue *q, struct seen *s)
{
	send_abc(q, HOW(.type = 3), HOW(.type = 1), HOW(.type = 2), s);
	see_all(s, q, HOW(.nowait = true, .select = KIPC_SELECT_NOT,
			  .type = 3));
}

static void type_is_not_there(const struct queue *q, struct seen *s)
{
	send_abc(q, HOW(), HOW(), HOW(), s);
	see_recv(s, q, LONGEST, HOW(.nowait = true, .type = 7,
				    .select = KIPC_SELECT_TYPE));
}

static void peek(const struct queue *q, struct seen *s)
{
	send_abc(q, HOW(), HOW(), HOW(), s);
	see_recv(s, q, LONGEST, HOW(.peek = true, .position = 1));
	see_recv(s, q, LONGEST, HOW(.nowait = true));
}

static void empty(const struct queue *q, struct seen *s)
{
	see_recv(s, q, LONGEST, HOW(.nowait = true));
}

static void full(const struct queue *q, struct seen *s)
{
	int i;

	for (i = 0; i < MESSAGES + 1; i++)
		see_send(s, q, "x", HOW(.nowait = true));
	see_recv(s, q, LONGEST, HOW());
	see_send(s, q, "x", HOW(.nowait = true));
}

static void deadline_to_receive(const struct queue *q, struct seen *s)
{
	see_recv(s, q, LONGEST, HOW(.deadline_ns = in_ms(5)));
}

static void deadline_to_send(const struct queue *q, struct seen *s)
{
	fill(q);
	see_send(s, q, "x", HOW(.deadline_ns = in_ms(5)));
}

static void deadline_that_is_over(const struct queue *q, struct seen *s)
{
	see_send(s, q, "A", HOW(.deadline_ns = 1));
	see_recv(s, q, LONGEST, HOW(.deadline_ns = 1));
	see_recv(s, q, LONGEST, HOW(.deadline_ns = 1));
}

static void too_long(const struct queue *q, struct seen *s)
{
	static const char body[SYSV_LONGEST + 1];

	see_error(s, queue_send(q, body, q->peer == SYSV ? SYSV_LONGEST + 1 :
				LONGEST + 1, HOW(.nowait = true)));
	see_recv(s, q, LONGEST, HOW(.nowait = true));
}

static void short_buffer(const struct queue *q, struct seen *s)
{
	see_send(s, q, "ABC", HOW(.nowait = true));
	see_recv(s, q, 2, HOW(.nowait = true));
	see_recv(s, q, LONGEST, HOW(.nowait = true));
}

/* Long enough for the message, not for any that there could be. */
static void fitting_buffer(const struct queue *q, struct seen *s)
{
	see_send(s, q, "ABC", HOW(.nowait = true));
	see_recv(s, q, 3, HOW(.nowait = true));
}

static void truncation(const struct queue *q, struct seen *s)
{
	see_send(s, q, "ABC", HOW(.nowait = true));
	see_recv(s, q, 2, HOW(.nowait = true, .truncate = true));
	see_recv(s, q, LONGEST, HOW(.nowait = true));
}

static void no_bytes(const struct queue *q, struct seen *s)
{
	see_send(s, q, "", HOW(.nowait = true));
	see_recv(s, q, LONGEST, HOW(.nowait = true));
}

static void bad_buffer_to_send(const struct queue *q, struct seen *s)
{
	see_error(s, queue_send(q, (void *)8, 3, HOW(.nowait = true)));
	see_recv(s, q, LONGEST, HOW(.nowait = true));
}

static void bad_buffer_to_receive(const struct queue *q, struct seen *s)
{
	see_send(s, q, "ABC", HOW(.nowait = true));
	see_error(s, queue_recv(q, (void *)8, LONGEST, HOW(.nowait = true)));
	see_recv(s, q, LONGEST, HOW(.nowait = true));
}

/* ---- behaviours of those who sleep ---- */

struct sleeper {
	const struct queue *q;
	const struct how *how;
	const char *text;	/* to send; NULL: receives */
	struct seen seen;
	pid_t tid;
	int ended;
	pthread_t thread;
};

static void *sleeper_run(void *data)
{
	struct sleeper *sl = data;

	__atomic_store_n(&sl->tid, syscall(SYS_gettid), __ATOMIC_RELEASE);
	if (sl->text)
		see_send(&sl->seen, sl->q, sl->text, sl->how);
	else
		see_recv(&sl->seen, sl->q, LONGEST, sl->how);
	__atomic_store_n(&sl->ended, 1, __ATOMIC_RELEASE);
	return NULL;
}

/* What the kernel says of it: asleep, and in a call of its own. */
static bool is_asleep(const struct sleeper *sl)
{
	pid_t tid = __atomic_load_n(&sl->tid, __ATOMIC_ACQUIRE);
	char path[64], text[256], *at;

	if (!tid)
		return false;
	snprintf(path, sizeof(path), "/proc/self/task/%d/stat", tid);
	if (read_file(path, text, sizeof(text)) <= 0)
		return false;
	at = strrchr(text, ')');
	return at && at[2] == 'S';
}

static void sleeper_start(struct sleeper *sl, const struct queue *q,
			  const char *text, const struct how *how)
{
	*sl = (struct sleeper){ .q = q, .text = text, .how = how };
	pthread_create(&sl->thread, NULL, sleeper_run, sl);
	if (!wait_for(is_asleep(sl)))
		see(&sl->seen, "does not sleep", 32);
}

static void sleeper_end(struct sleeper *sl, struct seen *s)
{
	if (!wait_for(__atomic_load_n(&sl->ended, __ATOMIC_ACQUIRE))) {
		see(s, "hangs", 8);
		return;
	}
	pthread_join(sl->thread, NULL);
	see(s, sl->seen.text, sizeof(sl->seen.text));
}

static void receiver_sleeps(const struct queue *q, struct seen *s)
{
	struct sleeper sl;

	sleeper_start(&sl, q, NULL, HOW());
	see_send(s, q, "A", HOW());
	sleeper_end(&sl, s);
}

static void sender_sleeps(const struct queue *q, struct seen *s)
{
	struct sleeper sl;

	fill(q);
	sleeper_start(&sl, q, "A", HOW());
	see_recv(s, q, LONGEST, HOW());
	sleeper_end(&sl, s);
}

static void receivers_in_order(const struct queue *q, struct seen *s)
{
	struct sleeper one, two;

	sleeper_start(&one, q, NULL, HOW());
	sleeper_start(&two, q, NULL, HOW());
	see_send(s, q, "A", HOW());
	sleeper_end(&one, s);
	see_send(s, q, "B", HOW());
	sleeper_end(&two, s);
}

static void receiver_of_a_type(const struct queue *q, struct seen *s)
{
	struct sleeper sl;

	/* POSIX mq has no such receiver, who would sleep. */
	if (q->peer == POSIX) {
		see_error(s, -ENOTSUP);
		return;
	}
	sleeper_start(&sl, q, NULL, HOW(.select = KIPC_SELECT_TYPE,
					.type = 2));
	see_send(s, q, "A", HOW(.type = 1));
	see_send(s, q, "B", HOW(.type = 2));
	sleeper_end(&sl, s);
	see_recv(s, q, LONGEST, HOW(.nowait = true));
}

static void interrupted(const struct queue *q, struct seen *s)
{
	struct sleeper sl;

	box_catch(SIGUSR1, 0);
	sleeper_start(&sl, q, NULL, HOW());
	pthread_kill(sl.thread, SIGUSR1);
	sleeper_end(&sl, s);
	fill(q);
	sleeper_start(&sl, q, "A", HOW());
	pthread_kill(sl.thread, SIGUSR1);
	sleeper_end(&sl, s);
}

static int hits;

static void count_hit(int sig)
{
	(void)sig;
	__atomic_add_fetch(&hits, 1, __ATOMIC_RELEASE);
}

static void restarted(const struct queue *q, struct seen *s)
{
	struct sigaction act = { .sa_handler = count_hit,
		.sa_flags = SA_RESTART };
	struct sleeper sl;
	int before = hits;

	sigaction(SIGUSR1, &act, NULL);
	sleeper_start(&sl, q, NULL, HOW());
	pthread_kill(sl.thread, SIGUSR1);
	if (!wait_for(__atomic_load_n(&hits, __ATOMIC_ACQUIRE) > before))
		see(s, "no signal", 16);
	see_send(s, q, "A", HOW());
	sleeper_end(&sl, s);
}

static void destroyed(const struct queue *q, struct seen *s)
{
	struct sleeper sl;

	if (q->peer == POSIX) {
		see_error(s, -ENOTSUP);
		return;
	}
	sleeper_start(&sl, q, NULL, HOW());
	if (q->peer == SYSV)
		msgctl(q->id, IPC_RMID, NULL);
	else
		kipc_destroy(q->id);
	sleeper_end(&sl, s);
}

/* By bytes: one waits for more room than there is, and then comes another. */
static void large_is_not_starved(const struct queue *q, struct seen *s)
{
	struct queue bytes = { .peer = q->peer };
	static const char body[9] = "LLLLLLLL";
	struct msqid_ds ds;
	struct sleeper large;

	if (q->peer == POSIX) {
		see_error(s, -ENOTSUP);
		return;
	}
	if (q->peer == MAILBOX) {
		bytes.id = box_make(100, 10);
	} else {
		bytes.id = msgget(IPC_PRIVATE, 0600);
		msgctl(bytes.id, IPC_STAT, &ds);
		ds.msg_qbytes = 10;
		msgctl(bytes.id, IPC_SET, &ds);
	}
	see_send(s, &bytes, "xxxxx", HOW());
	sleeper_start(&large, &bytes, body, HOW());
	see_send(s, &bytes, "s", HOW(.nowait = true));
	see_recv(s, &bytes, LONGEST, HOW(.nowait = true));
	sleeper_end(&large, s);
	queue_end(&bytes);
}

/* ---- the table ---- */

static const char no_types[] = "POSIX mq has no types";
static const char no_deadlines[] = "System V has no deadlines";
static const char no_message[] = "System V has an errno for an empty queue";
static const char no_priority[] =
	"System V has types that a receiver may take for priorities";

static const struct {
	const char *name;
	void (*run)(const struct queue *q, struct seen *seen);
	const char *expected;
	struct {
		const char *expected;	/* NULL: the same */
		const char *why;
	} but[PEERS];
} rows[] = {
#define ROW(f, gives, ...) \
	{ .name = #f, .run = f, .expected = gives, __VA_ARGS__ }
	ROW(fifo, "A B C EAGAIN",
	    .but[SYSV] = { "A B C ENOMSG", no_message }),
	ROW(priority, "B C A EAGAIN",
	    .but[SYSV] = { "A B C ENOMSG", no_priority }),
	ROW(fifo_within_priority, "B C A EAGAIN",
	    .but[SYSV] = { "A B C ENOMSG", no_priority }),
	ROW(by_type, "B A",
	    .but[POSIX] = { "NONE NONE NONE", no_types }),
	ROW(up_to_type, "B C EAGAIN EAGAIN",
	    .but[POSIX] = { "NONE NONE NONE NONE NONE", no_types },
	    .but[SYSV] = { "B C ENOMSG ENOMSG", no_message }),
	ROW(not_type, "B C EAGAIN EAGAIN",
	    .but[POSIX] = { "NONE NONE NONE NONE NONE", no_types },
	    .but[SYSV] = { "B C ENOMSG ENOMSG", no_message }),
	ROW(type_is_not_there, "EAGAIN",
	    .but[POSIX] = { "NONE", no_types },
	    .but[SYSV] = { "ENOMSG", no_message }),
	ROW(peek, "B A",
	    .but[POSIX] = { "NONE A", "POSIX mq cannot peek" }),
	ROW(empty, "EAGAIN",
	    .but[SYSV] = { "ENOMSG", no_message }),
	ROW(full, "OK OK OK OK EAGAIN x OK"),
	ROW(deadline_to_receive, "ETIMEDOUT",
	    .but[SYSV] = { "NONE", no_deadlines }),
	ROW(deadline_to_send, "ETIMEDOUT",
	    .but[SYSV] = { "NONE", no_deadlines }),
	ROW(deadline_that_is_over, "OK A ETIMEDOUT",
	    .but[SYSV] = { "NONE NONE NONE", no_deadlines }),
	ROW(too_long, "EMSGSIZE EAGAIN",
	    .but[SYSV] = { "EINVAL ENOMSG",
			   "System V calls any bad length EINVAL" }),
	ROW(short_buffer, "OK EMSGSIZE ABC",
	    .but[SYSV] = { "OK E2BIG ABC", "System V has no EMSGSIZE" }),
	ROW(fitting_buffer, "OK ABC",
	    .but[POSIX] = { "OK EMSGSIZE",
			    "POSIX mq wants room for the longest message" }),
	ROW(truncation, "OK AB EAGAIN",
	    .but[POSIX] = { "OK NONE ABC", "POSIX mq cannot truncate" },
	    .but[SYSV] = { "OK AB ENOMSG", no_message }),
	ROW(no_bytes, "OK -"),
	ROW(bad_buffer_to_send, "EFAULT EAGAIN",
	    .but[SYSV] = { "EFAULT ENOMSG", no_message }),
	ROW(bad_buffer_to_receive, "OK EFAULT ABC",
	    .but[POSIX] = { "OK EFAULT EAGAIN", "POSIX mq loses the message" },
	    .but[SYSV] = { "OK EFAULT ENOMSG",
			   "System V loses the message" }),
	ROW(receiver_sleeps, "OK A"),
	ROW(sender_sleeps, "x OK"),
	ROW(receivers_in_order, "OK A OK B"),
	ROW(receiver_of_a_type, "OK OK B A",
	    .but[POSIX] = { "NONE", no_types }),
	ROW(interrupted, "EINTR EINTR"),
	ROW(restarted, "OK A",
	    .but[SYSV] = { "OK EINTR", "System V calls are not restarted" }),
	ROW(destroyed, "EIDRM",
	    .but[POSIX] = { "NONE",
			    "POSIX mq is unlinked at most, and stays" }),
	ROW(large_is_not_starved, "OK EAGAIN xxxxx OK",
	    .but[POSIX] = { "NONE",
			    "POSIX mq has room for messages of any length" },
	    .but[SYSV] = { "OK OK xxxxx OK",
			   "System V lets in whoever fits" }),
};

#define ROWS	ARRAY_SIZE(rows)

/* Both peers can be left out of a kernel. */
static bool kernel_has_it(int ret)
{
	return ret >= 0 || strcmp(strerrorname_np(-ret), "ENOSYS");
}

FIXTURE(peers) {
	struct queue q;
};

FIXTURE_VARIANT(peers) {
	enum peer peer;
};

FIXTURE_VARIANT_ADD(peers, mailbox) { .peer = MAILBOX };
FIXTURE_VARIANT_ADD(peers, posix) { .peer = POSIX };
FIXTURE_VARIANT_ADD(peers, system_v) { .peer = SYSV };

FIXTURE_SETUP(peers)
{
}

FIXTURE_TEARDOWN(peers)
{
}

TEST_F(peers, behave)
{
	const char *expected, *but;
	struct queue *q = &self->q;
	unsigned int i;
	int ret;

	for (i = 0; i < ROWS; i++) {
		struct seen seen = {};

		ret = queue_make(q, variant->peer);
		if (!kernel_has_it(ret))
			SKIP(return, "this kernel has no %s",
			     peer_names[variant->peer]);
		ASSERT_LE(0, ret);
		rows[i].run(q, &seen);
		queue_end(q);
		/* Without CONFIG_CHECKPOINT_RESTORE. */
		if (rows[i].run == peek && strstr(seen.text, "ENOSYS"))
			continue;
		but = rows[i].but[variant->peer].expected;
		expected = but ? but : rows[i].expected;
		EXPECT_STREQ(expected, seen.text)
			TH_LOG("%s: %s%s%s", peer_names[variant->peer],
			       rows[i].name, but ? ", because " : "",
			       but ? rows[i].but[variant->peer].why : "");
		/* What is said to differ has to. */
		if (but)
			EXPECT_STRNE(rows[i].expected, but);
	}
}

TEST_HARNESS_MAIN
