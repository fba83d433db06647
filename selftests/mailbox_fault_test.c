// SPDX-License-Identifier: GPL-2.0
/*
 * Calls that fail at the receiver's end leave the message where it was, in its
 * place in the order; those that fail at the sender's end leave nothing.
 */
#include <stddef.h>

#include "kselftest_harness.h"
#include "mailbox_util.h"

#define PAGE	4096
#define LENGTHS	7

/* Each is kept and copied in a way of its own. */
static const uint32_t lengths[LENGTHS] = { 1, 8, 64, 65, 3000, 5000, 70000 };

/*
 * Three messages of a length that is not always the same, with two of lower and
 * one of higher priority around the one that matters, "b".
 */
FIXTURE(fault) {
	int fd;
	char *body;
	char *seen;
	struct msg_got got;
	char *bad[3];		/* a hole, read-only, no access; page by page */
};

FIXTURE_SETUP(fault)
{
	char *mem = mmap(NULL, 8 * PAGE, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	ASSERT_NE(MAP_FAILED, mem);
	self->fd = box_make(0, 0);
	ASSERT_LE(0, self->fd);
	/* Whatever is lost, nobody waits for it here. */
	ASSERT_EQ(0, fcntl(self->fd, F_SETFL, O_NONBLOCK));
	self->body = calloc(1, 1 << 20);
	self->seen = calloc(1, 1 << 20);
	ASSERT_TRUE(self->body && self->seen);
	self->bad[0] = mem + PAGE;
	self->bad[1] = mem + 3 * PAGE;
	self->bad[2] = mem + 5 * PAGE;
	memset(mem, 0, 8 * PAGE);
	ASSERT_EQ(0, munmap(self->bad[0], PAGE));
	ASSERT_EQ(0, mprotect(self->bad[1], PAGE, PROT_READ));
	ASSERT_EQ(0, mprotect(self->bad[2], PAGE, PROT_NONE));
}

FIXTURE_TEARDOWN(fault)
{
	EXPECT_TRUE(box_is_idle(self->fd));
}

static int put_three(int fd, char *body, uint32_t len)
{
	struct kipc_msg msg = msg_bytes(body, len);
	int ret;

	msg.type = 1;
	ret = box_try_send(fd, msg);
	msg.type = 2;
	msg.priority = 3;
	if (!ret)
		ret = box_try_send(fd, msg);
	msg.type = 3;
	return ret ? ret : box_try_send(fd, msg);
}

/* Types in the order of the queue, which is empty then. */
static bool types_are(int fd, char *seen, uint64_t a, uint64_t b, uint64_t c)
{
	const uint64_t want[3] = { a, b, c };
	struct msg_got got;
	int i, ret;

	for (i = 0; i < 3; i++) {
		ret = BOX_RECV(fd, &got, .flags = KIPC_MSG_NONBLOCK,
			       .msg = msg_room(seen, 1 << 20));
		if (ret || got.msg.type != want[i])
			return false;
	}
	return !box_messages(fd);
}

TEST_F(fault, too_little_room)
{
	char mark = 0x5a;
	uint32_t i, len;

	for (i = 0; i < LENGTHS; i++) {
		len = lengths[i];
		ASSERT_EQ(0, put_three(self->fd, self->body, len));
		memset(self->seen, mark, len);
		EXPECT_EQ(-EMSGSIZE, BOX_RECV(self->fd, &self->got,
					      .msg = msg_room(self->seen,
							      len - 1)));
		/* It says how much it takes, and nothing else. */
		EXPECT_EQ(len, self->got.msg.len);
		EXPECT_EQ(0, self->got.msg.type | self->got.msg.seq);
		EXPECT_EQ(mark, self->seen[0]);
		EXPECT_EQ(-EMSGSIZE, BOX_RECV(self->fd, &self->got,
					      .select = KIPC_SELECT_TYPE,
					      .type = 1,
					      .msg = msg_room(self->seen, 0)));
		EXPECT_EQ(len, self->got.msg.len);
		EXPECT_EQ(3, box_messages(self->fd));
		EXPECT_EQ(3 * len, box_stat(self->fd).bytes);
		ASSERT_TRUE(types_are(self->fd, self->seen, 2, 3, 1));
	}
}

/* The end of the buffer is what is bad, byte by byte. */
TEST_F(fault, body)
{
	unsigned int kind;
	uint32_t i, len, into;

	for (kind = 0; kind < 3; kind++) {
		for (i = 0; i < LENGTHS; i++) {
			len = lengths[i];
			into = len < PAGE ? len - 1 : PAGE - 1;
			ASSERT_EQ(0, put_three(self->fd, self->body, len));
			EXPECT_EQ(-EFAULT,
				  BOX_RECV(self->fd, &self->got,
					   .msg = msg_room(self->bad[kind] -
							   into, len)));
			EXPECT_EQ(-EFAULT,
				  BOX_RECV(self->fd, &self->got,
					   .msg = msg_room(self->bad[kind],
							   len)));
			EXPECT_EQ(-EFAULT,
				  BOX_RECV(self->fd, &self->got,
					   .select = KIPC_SELECT_TYPE,
					   .type = 3,
					   .msg = msg_room((void *)-4096UL,
							   len)));
			EXPECT_EQ(3, box_messages(self->fd));
			EXPECT_EQ(3 * len, box_stat(self->fd).bytes);
			ASSERT_TRUE(types_are(self->fd, self->seen, 2, 3, 1))
				TH_LOG("kind %u, length %u", kind, len);
		}
	}
}

/* The struct itself: it can be read, but not written. */
TEST_F(fault, header)
{
	struct kipc_msg_recv arg = { .size = sizeof(arg) }, *at;
	struct kipc_msg *msgs = (void *)self->bad[1];

	arg.msg = msg_room(self->seen, PAGE);
	ASSERT_EQ(0, mprotect(self->bad[1], PAGE, PROT_READ | PROT_WRITE));
	at = (void *)self->bad[1];
	*at = arg;
	ASSERT_EQ(0, mprotect(self->bad[1], PAGE, PROT_READ));
	ASSERT_EQ(0, put_three(self->fd, self->body, 10));
	EXPECT_EQ(-EFAULT, kipc_ioctl(self->fd, KIPC_MAILBOX_RECV, at));
	EXPECT_EQ(3, box_messages(self->fd));

	/* Just the end of it. */
	at = (void *)(self->bad[0] - sizeof(arg) + 8);
	memcpy(at, &arg, sizeof(arg) - 8);
	EXPECT_EQ(-EFAULT, kipc_ioctl(self->fd, KIPC_MAILBOX_RECV, at));
	/* It starts in a page that can be written and ends in one that not. */
	at = (void *)(self->bad[1] - sizeof(arg) + 40);
	ASSERT_EQ(0, mprotect(self->bad[1], PAGE, PROT_READ | PROT_WRITE));
	*at = arg;
	ASSERT_EQ(0, mprotect(self->bad[1], PAGE, PROT_READ));
	EXPECT_EQ(-EFAULT, kipc_ioctl(self->fd, KIPC_MAILBOX_RECV, at));
	EXPECT_EQ(3, box_messages(self->fd));

	/* The same for an array of them. */
	ASSERT_EQ(0, mprotect(self->bad[1], PAGE, PROT_READ | PROT_WRITE));
	msgs[0] = arg.msg;
	ASSERT_EQ(0, mprotect(self->bad[1], PAGE, PROT_READ));
	EXPECT_EQ(-EFAULT, BOX_RECVV(self->fd, .count = 1,
				     .msgs = to_u64(msgs)));
	EXPECT_TRUE(types_are(self->fd, self->seen, 2, 3, 1));
}

/* Where the length should go with EMSGSIZE. */
TEST_F(fault, nowhere_to_say_the_length)
{
	struct kipc_msg_recv *at = (void *)self->bad[1];

	ASSERT_EQ(0, mprotect(at, PAGE, PROT_READ | PROT_WRITE));
	*at = (struct kipc_msg_recv){ .size = sizeof(*at),
		.msg = msg_room(self->seen, 3) };
	ASSERT_EQ(0, mprotect(at, PAGE, PROT_READ));
	ASSERT_EQ(0, put_three(self->fd, self->body, 10));
	EXPECT_EQ(-EFAULT, kipc_ioctl(self->fd, KIPC_MAILBOX_RECV, at));
	EXPECT_TRUE(types_are(self->fd, self->seen, 2, 3, 1));
}

static int put_files(int fd, uint32_t count)
{
	int32_t fds[KIPC_MSG_FDS_MAX] = {};
	struct kipc_msg msg = msg_text("files");

	msg.fds = to_u64(fds);
	msg.fd_count = count;
	msg.type = 2;
	msg.priority = 3;
	return box_try_send(fd, msg);
}

TEST_F(fault, descriptors)
{
	int before = count_fds();
	struct kipc_msg room = msg_got_room(&self->got);
	unsigned int kind, into;

	for (kind = 0; kind < 3; kind++) {
		for (into = 0; into < 3; into++) {
			ASSERT_EQ(0, box_put(self->fd, 1, 0, "a"));
			ASSERT_EQ(0, put_files(self->fd, 3));
			ASSERT_EQ(0, box_put(self->fd, 3, 3, "c"));
			room.fds = to_u64(self->bad[kind] - 4 * into);
			room.fd_count = 3;
			EXPECT_EQ(-EFAULT, BOX_RECV(self->fd, &self->got,
						    .msg = room));
			room.buf = to_u64(self->bad[kind]);
			room.fds = to_u64(self->got.fds);
			EXPECT_EQ(-EFAULT, BOX_RECV(self->fd, &self->got,
						    .msg = room));
			room.buf = to_u64(self->got.body);
			/* None was made, none is left open. */
			EXPECT_EQ(before, count_fds());
			ASSERT_TRUE(types_are(self->fd, self->seen, 2, 3, 1));
		}
	}
}

/* Who failed is not passed over, nor is he in the way of others. */
TEST_F(fault, the_place_among_many)
{
	uint32_t i, k;

	for (i = 0; i < 30; i++) {
		struct kipc_msg msg = msg_text("x");

		msg.type = i;
		msg.priority = i % 3;
		ASSERT_EQ(0, box_try_send(self->fd, msg));
	}
	for (i = 0; i < 30; i++)
		ASSERT_EQ(-EFAULT, BOX_RECV(self->fd, &self->got,
					    .select = KIPC_SELECT_TYPE,
					    .type = i * 7 % 30,
					    .msg = msg_room((void *)8, 9)));
	for (i = 0; i < 3; i++) {
		for (k = 0; k < 10; k++) {
			ASSERT_EQ(0, box_try_recv(self->fd, &self->got));
			EXPECT_EQ(3 * k + 2 - i, self->got.msg.type);
		}
	}
}

TEST_F(fault, truncated)
{
	uint32_t i, room, len;

	for (i = 0; i < LENGTHS; i++) {
		len = lengths[i];
		pattern_fill(self->body, 0, len);
		for (room = 0; room <= len; room += len / 5 + 1) {
			ASSERT_EQ(0, box_try_send(self->fd,
						  msg_bytes(self->body, len)));
			memset(self->seen, 0x5a, len + 1);
			ASSERT_EQ(0, BOX_RECV(self->fd, &self->got,
					      .flags = KIPC_MSG_TRUNCATE,
					      .msg = msg_room(self->seen,
							      room)));
			EXPECT_EQ(len, self->got.msg.len);
			EXPECT_EQ(room < len ? KIPC_MSG_TRUNCATED : 0,
				  self->got.msg.flags);
			EXPECT_TRUE(pattern_ok(self->seen, 0, room));
			EXPECT_EQ(0x5a, self->seen[room]);
		}
	}
}

/* A body of no bytes needs no buffer. */
TEST_F(fault, nothing_to_copy)
{
	ASSERT_EQ(0, box_try_send(self->fd, msg_bytes((void *)8, 0)));
	EXPECT_EQ(0, BOX_RECV(self->fd, &self->got,
			      .msg = msg_room((void *)8, 100)));
	EXPECT_EQ(0, self->got.msg.len);
	ASSERT_EQ(0, box_put(self->fd, 0, 0, "x"));
	EXPECT_EQ(0, BOX_RECV(self->fd, &self->got,
			      .flags = KIPC_MSG_TRUNCATE,
			      .msg = msg_room((void *)8, 0)));
	EXPECT_EQ(1, self->got.msg.len);
}

/* What is to be sent cannot be read to its end: nothing is there. */
TEST_F(fault, sender)
{
	struct kipc_msg_send *at;
	unsigned int kind;
	uint32_t i, len;

	for (i = 0; i < LENGTHS; i++) {
		len = lengths[i];
		for (kind = 0; kind < 3; kind += 2)
			EXPECT_EQ(-EFAULT,
				  box_try_send(self->fd,
					       msg_bytes(self->bad[kind] -
							 (len < PAGE ? len - 1 :
							  100), len)));
	}
	/* The struct ends before all that the sender says in it. */
	len = offsetof(struct kipc_msg_send, msg.cookie);
	at = (void *)(self->bad[0] - len);
	memset(at, 0, len);
	at->size = sizeof(*at);
	EXPECT_EQ(-EFAULT, kipc_ioctl(self->fd, KIPC_MAILBOX_SEND, at));
	/* It is only read: that it cannot be written does not matter. */
	at = (void *)self->bad[1];
	ASSERT_EQ(0, mprotect(at, PAGE, PROT_READ | PROT_WRITE));
	*at = (struct kipc_msg_send){ .size = sizeof(*at),
		.msg = msg_text("fine") };
	ASSERT_EQ(0, mprotect(at, PAGE, PROT_READ));
	EXPECT_EQ(0, box_stat(self->fd).sent);
	EXPECT_EQ(0, kipc_ioctl(self->fd, KIPC_MAILBOX_SEND, at));
	EXPECT_EQ(1, box_stat(self->fd).sent);
	EXPECT_TRUE(box_next_is(self->fd, "fine"));
}

/* How many were moved cannot be said: that is seen before one is. */
TEST_F(fault, nowhere_to_say_the_count)
{
	struct kipc_msg_sendv *sendv = (void *)self->bad[1];
	struct kipc_msg_recvv *recvv = (void *)self->bad[1];
	struct kipc_msg msg = msg_text("x");

	ASSERT_EQ(0, mprotect(sendv, PAGE, PROT_READ | PROT_WRITE));
	*sendv = (struct kipc_msg_sendv){ .size = sizeof(*sendv), .count = 1,
		.msgs = to_u64(&msg) };
	ASSERT_EQ(0, mprotect(sendv, PAGE, PROT_READ));
	EXPECT_EQ(-EFAULT, kipc_ioctl(self->fd, KIPC_MAILBOX_SENDV, sendv));
	EXPECT_EQ(0, box_stat(self->fd).sent);
	ASSERT_EQ(0, box_put(self->fd, 0, 0, "x"));
	ASSERT_EQ(0, mprotect(recvv, PAGE, PROT_READ | PROT_WRITE));
	*recvv = (struct kipc_msg_recvv){ .size = sizeof(*recvv), .count = 1,
		.msgs = to_u64(&msg) };
	ASSERT_EQ(0, mprotect(recvv, PAGE, PROT_READ));
	EXPECT_EQ(-EFAULT, kipc_ioctl(self->fd, KIPC_MAILBOX_RECVV, recvv));
	EXPECT_EQ(0, box_stat(self->fd).received);
	EXPECT_TRUE(box_next_is(self->fd, "x"));
}

TEST_HARNESS_MAIN
