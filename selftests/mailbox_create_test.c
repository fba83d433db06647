// SPDX-License-Identifier: GPL-2.0
/*
 * Making a mailbox: its limits and their ceilings, what the owner is charged
 * for it, and what create calls do with a name.
 */
#include "kselftest_harness.h"
#include "mailbox_util.h"

#define NAME		"mailbox-create"
#define OVERHEAD	128U		/* charged for each of max_messages */

/* The ceilings and defaults, which tests change. */
static const char * const settings[] = {
	"message_max", "queue_messages_max", "queue_messages_default",
	"queue_bytes_max", "queue_bytes_default",
};

#define SETTINGS	ARRAY_SIZE(settings)

FIXTURE(create) {
	struct kipc_info info;
	long long before[SETTINGS];
};

FIXTURE_SETUP(create)
{
	unsigned int i;

	ASSERT_EQ(0, kipc_info(&self->info));
	for (i = 0; i < SETTINGS; i++) {
		self->before[i] = sysctl_get(settings[i]);
		ASSERT_LT(0, self->before[i]);
	}
}

FIXTURE_TEARDOWN(create)
{
	struct kipc_info after;
	unsigned int i;

	for (i = 0; i < SETTINGS; i++)
		EXPECT_EQ(0, sysctl_set(settings[i], self->before[i]));
	ASSERT_EQ(0, kipc_info(&after));
	EXPECT_EQ(self->info.objects, after.objects);
	EXPECT_EQ(self->info.bytes, after.bytes);
}

static int create_with(struct kipc_mailbox_create arg)
{
	int fd;

	if (!arg.rights)
		arg.rights = RIGHT_BOTH;
	fd = box_create(&arg);
	if (fd >= 0)
		close(fd);
	return fd < 0 ? fd : 0;
}

#define CREATE(...) \
	create_with((struct kipc_mailbox_create){ __VA_ARGS__ })

TEST_F(create, errors)
{
	struct kipc_mailbox_create arg = { .size = sizeof(arg) };

	EXPECT_EQ(0, CREATE(.mode = 0666));
	EXPECT_EQ(-EINVAL, CREATE(.pad = 1));
	EXPECT_EQ(-EINVAL, CREATE(.flags = KIPC_EXCL));
	EXPECT_EQ(-EINVAL, CREATE(.flags = KIPC_PERSIST));
	EXPECT_EQ(-EINVAL, CREATE(.flags = 1U << 4));
	EXPECT_EQ(-EINVAL, CREATE(.flags = 1U << 16));
	EXPECT_EQ(-EINVAL, CREATE(.rights = 4));
	EXPECT_EQ(-EINVAL, CREATE(.mode = 0700));
	EXPECT_EQ(-EINVAL, CREATE(.name_len = 3));
	EXPECT_EQ(-EFAULT, CREATE(.name = 8, .name_len = 3));
	EXPECT_EQ(-EINVAL, CREATE(.max_bytes = 100, .message_max = 101));
	EXPECT_EQ(0, CREATE(.max_bytes = 100, .message_max = 100));
	/* One that nobody can ever use. */
	EXPECT_EQ(-EINVAL, kipc_device_ioctl(KIPC_MAILBOX_CREATE, &arg));
	arg.rights = RIGHT_BOTH;
	arg.size = sizeof(arg) - 8;
	EXPECT_EQ(-EINVAL, kipc_device_ioctl(KIPC_MAILBOX_CREATE, &arg));
}

TEST_F(create, says_what_it_made)
{
	struct kipc_mailbox_create arg = { .rights = RIGHT_BOTH };
	struct kipc_queue_stat st;
	struct kipc_stat obj;
	int fd = box_create(&arg);

	ASSERT_LE(0, fd);
	EXPECT_EQ(KIPC_RESULT_CREATED, arg.result);
	EXPECT_EQ(self->info.queue_messages_default, arg.max_messages);
	EXPECT_EQ(self->info.queue_bytes_default, arg.max_bytes);
	EXPECT_EQ(arg.max_bytes < self->info.message_max ? arg.max_bytes :
		  self->info.message_max, arg.message_max);
	EXPECT_NE(0, fcntl(fd, F_GETFD) & FD_CLOEXEC);
	EXPECT_EQ(0, fcntl(fd, F_GETFL) & O_NONBLOCK);
	st = box_stat(fd);
	EXPECT_EQ(arg.max_messages, st.max_messages);
	EXPECT_EQ(arg.max_bytes, st.max_bytes);
	EXPECT_EQ(arg.message_max, st.message_max);
	ASSERT_EQ(0, kipc_stat_fd(fd, &obj));
	EXPECT_EQ(arg.id, obj.entry.id);
	EXPECT_EQ(KIPC_KIND_MAILBOX, obj.entry.kind);
	EXPECT_EQ(1, obj.entry.handles);
	EXPECT_EQ(RIGHT_BOTH, obj.rights);
	close(fd);

	arg = (struct kipc_mailbox_create){ .rights = KIPC_RIGHT_READ,
		.flags = KIPC_NONBLOCK | KIPC_INHERIT, .max_messages = 7,
		.max_bytes = 12345 };
	fd = box_create(&arg);
	ASSERT_LE(0, fd);
	EXPECT_EQ(7, arg.max_messages);
	EXPECT_EQ(12345, arg.max_bytes);
	EXPECT_EQ(12345, arg.message_max);
	EXPECT_EQ(0, fcntl(fd, F_GETFD) & FD_CLOEXEC);
	EXPECT_NE(0, fcntl(fd, F_GETFL) & O_NONBLOCK);
	close(fd);
}

TEST_F(create, ceilings)
{
	const struct kipc_info *info = &self->info;

	EXPECT_EQ(-ENOSPC, CREATE(.max_messages = info->queue_messages_max +
						  1));
	EXPECT_EQ(-ENOSPC, CREATE(.max_messages = UINT32_MAX));
	EXPECT_EQ(-ENOSPC, CREATE(.max_bytes = info->queue_bytes_max + 1));
	EXPECT_EQ(-ENOSPC, CREATE(.max_bytes = UINT64_MAX));
	EXPECT_EQ(-ENOSPC, CREATE(.max_bytes = info->queue_bytes_max,
				  .message_max = info->message_max + 1));
	EXPECT_EQ(-ENOSPC, CREATE(.message_max = UINT32_MAX));
	EXPECT_EQ(0, CREATE(.max_messages = info->queue_messages_max));
	EXPECT_EQ(0, CREATE(.max_bytes = info->queue_bytes_max,
			    .message_max = info->message_max));
	/* They can be moved. */
	ASSERT_EQ(0, sysctl_set("queue_messages_max", 10));
	ASSERT_EQ(0, sysctl_set("queue_bytes_max", 5000));
	ASSERT_EQ(0, sysctl_set("message_max", 3000));
	EXPECT_EQ(-ENOSPC, CREATE(.max_messages = 11));
	EXPECT_EQ(-ENOSPC, CREATE(.max_bytes = 5001));
	EXPECT_EQ(-ENOSPC, CREATE(.message_max = 3001));
	EXPECT_EQ(0, CREATE(.max_messages = 10, .max_bytes = 5000,
			    .message_max = 3000));
}

TEST_F(create, defaults)
{
	struct kipc_mailbox_create arg = { .rights = RIGHT_BOTH };

	ASSERT_EQ(0, sysctl_set("queue_messages_default", 20));
	ASSERT_EQ(0, sysctl_set("queue_bytes_default", 2000));
	close(box_create(&arg));
	EXPECT_EQ(20, arg.max_messages);
	EXPECT_EQ(2000, arg.max_bytes);
	EXPECT_EQ(2000, arg.message_max);
	/* Enough for one of the longest. */
	arg = (struct kipc_mailbox_create){ .rights = RIGHT_BOTH,
		.message_max = 3000 };
	close(box_create(&arg));
	EXPECT_EQ(3000, arg.max_bytes);
	EXPECT_EQ(3000, arg.message_max);
	arg = (struct kipc_mailbox_create){ .rights = RIGHT_BOTH,
		.max_bytes = 1000000, };
	ASSERT_EQ(0, sysctl_set("message_max", 4000));
	close(box_create(&arg));
	EXPECT_EQ(4000, arg.message_max);
	/* A default is never above its ceiling. */
	arg = (struct kipc_mailbox_create){ .rights = RIGHT_BOTH };
	ASSERT_EQ(0, sysctl_set("queue_messages_max", 10));
	ASSERT_EQ(0, sysctl_set("queue_bytes_max", 1000));
	close(box_create(&arg));
	EXPECT_EQ(10, arg.max_messages);
	EXPECT_EQ(1000, arg.max_bytes);
	EXPECT_EQ(1000, arg.message_max);
}

/* One that is there keeps what it has. */
TEST_F(create, moved_ceilings_change_no_mailbox)
{
	static char body[5000];
	int fd = box_make(20, 10000);
	struct msg_got got;

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, sysctl_set("message_max", 100));
	ASSERT_EQ(0, sysctl_set("queue_bytes_max", 100));
	ASSERT_EQ(0, sysctl_set("queue_messages_max", 1));
	EXPECT_EQ(0, box_try_send(fd, msg_bytes(body, 5000)));
	EXPECT_EQ(0, box_try_send(fd, msg_bytes(body, 5000)));
	EXPECT_EQ(0, BOX_RECV(fd, &got, .msg = msg_room(body, 5000)));
	close(fd);
}

/* For a full one from the start, whatever is in it. */
TEST_F(create, the_charge)
{
	const struct kipc_info *before = &self->info;
	struct kipc_info with;
	struct kipc_stat obj;
	int fd = box_make(10, 5000);

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, kipc_info(&with));
	EXPECT_EQ(before->objects + 1, with.objects);
	EXPECT_EQ(before->bytes + 5000 + 10 * OVERHEAD, with.bytes);
	ASSERT_EQ(0, kipc_stat_fd(fd, &obj));
	EXPECT_EQ(5000 + 10 * OVERHEAD, obj.entry.bytes);
	ASSERT_EQ(0, box_put(fd, 0, 0, "costs nothing more"));
	ASSERT_EQ(0, kipc_info(&with));
	EXPECT_EQ(before->bytes + 5000 + 10 * OVERHEAD, with.bytes);
	close(fd);
	ASSERT_EQ(0, kipc_info(&with));
	EXPECT_EQ(before->bytes, with.bytes);
	EXPECT_EQ(before->objects, with.objects);
}

/* One byte below what the second of two would take. */
static void two_of_them(void *arg)
{
	int fd = box_make(10, 5000);

	(void)arg;
	CHECK_EQ(1, fd >= 0);
	CHECK_EQ(-EDQUOT, box_make(10, 5000));
	CHECK_EQ(-EDQUOT, box_make(1, 5000 + 9 * OVERHEAD));
	CHECK_EQ(1, box_make(9, 5000) >= 0);
	close(fd);
	CHECK_EQ(1, box_make(10, 5000) >= 0);
}

TEST_F(create, edquot)
{
	long long max_bytes = sysctl_get("max_bytes");

	ASSERT_EQ(0, sysctl_set("max_bytes",
				2 * (5000 + 10 * OVERHEAD) - 1));
	EXPECT_EQ(0, child_run_as(BOB, two_of_them, NULL));
	ASSERT_EQ(0, sysctl_set("max_bytes", max_bytes));
	EXPECT_EQ(0, objects_of(BOB));
	EXPECT_EQ(0, bytes_of(BOB));
}

TEST_F(create, opens_what_is_there)
{
	struct kipc_mailbox_create arg = { .name = to_u64(NAME),
		.name_len = strlen(NAME), .rights = RIGHT_BOTH, .mode = 0600,
		.max_messages = 5, .max_bytes = 600, .message_max = 70 };
	int one = box_create(&arg), two;

	ASSERT_LE(0, one);
	EXPECT_EQ(KIPC_RESULT_CREATED, arg.result);
	EXPECT_EQ(-EEXIST, box_named(NAME, 0600, KIPC_EXCL));
	arg.max_messages = 9;
	arg.max_bytes = 0;
	arg.message_max = 0;
	two = box_create(&arg);
	ASSERT_LE(0, two);
	EXPECT_EQ(KIPC_RESULT_OPENED, arg.result);
	EXPECT_EQ(5, arg.max_messages);
	EXPECT_EQ(600, arg.max_bytes);
	EXPECT_EQ(70, arg.message_max);
	/* What it says must be valid all the same. */
	arg.message_max = 601;
	EXPECT_EQ(-EINVAL, box_create(&arg));
	arg.message_max = UINT32_MAX;
	EXPECT_EQ(-ENOSPC, box_create(&arg));
	ASSERT_EQ(0, box_put(one, 0, 0, "through the other"));
	EXPECT_TRUE(box_next_is(two, "through the other"));
	close(one);
	close(two);
	EXPECT_EQ(-ENOENT, box_open(NAME, RIGHT_BOTH, 0));
}

TEST_F(create, a_name_of_another_kind)
{
	struct kipc_pipe_create pipe;
	int fd = box_named(NAME, 0600, KIPC_EXCL);

	ASSERT_LE(0, fd);
	EXPECT_EQ(-EPROTOTYPE, kipc_open_name(NAME, KIPC_RIGHT_READ, 0));
	EXPECT_EQ(-EPROTOTYPE, make_pipe(&pipe, NAME, RIGHT_BOTH, 0, 0600));
	close(fd);
	ASSERT_EQ(0, make_pipe(&pipe, NAME, RIGHT_BOTH, 0, 0600));
	EXPECT_EQ(-EPROTOTYPE, box_open(NAME, RIGHT_BOTH, 0));
	EXPECT_EQ(-EPROTOTYPE, box_named(NAME, 0600, 0));
	close(pipe.read_fd);
	close(pipe.write_fd);
}

TEST_HARNESS_MAIN
