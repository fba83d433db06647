// SPDX-License-Identifier: GPL-2.0
/*
 * Unloading the module with objects of each kind around: what keeps it, and what
 * goes with it. Wants the module's file, as core_module_test does, and leaves it
 * loaded with default parameters.
 */
#include "kselftest_harness.h"

#include "core_kinds.h"

static const char *module_path(void)
{
	const char *path = getenv("KIPC_MODULE");

	return path && *path ? path : "/lib/kipc/kipc.ko";
}

static void __attribute__((constructor)) need_module(void)
{
	if (!access(module_path(), R_OK))
		return;
	printf("TAP version 13\n1..0 # SKIP needs %s\n", module_path());
	exit(4);
}

static int load(void)
{
	int fd = open(module_path(), O_RDONLY | O_CLOEXEC);
	int ret = syscall(SYS_finit_module, fd, "", 0) ? -errno : 0;

	close(fd);
	return ret;
}

static int unload(void)
{
	return syscall(SYS_delete_module, "kipc", O_NONBLOCK) ? -errno : 0;
}

FIXTURE(module) {
	const struct kind *kind;
};

FIXTURE_VARIANT(module) {
	int index;
};

FIXTURE_VARIANT_ADD(module, segment) { .index = SEGMENT_KIND };
FIXTURE_VARIANT_ADD(module, array) { .index = ARRAY_KIND };
FIXTURE_VARIANT_ADD(module, semaphore) { .index = SEMAPHORE_KIND };
FIXTURE_VARIANT_ADD(module, mailbox) { .index = MAILBOX_KIND };
FIXTURE_VARIANT_ADD(module, pipe) { .index = PIPE_KIND };

/* Begins and ends with a module that was loaded just now. */
FIXTURE_SETUP(module)
{
	int ret = unload();

	self->kind = &kinds[variant->index];
	ASSERT_TRUE(!ret || ret == -ENOENT)
		TH_LOG("rmmod: %s", strerror(-ret));
	ASSERT_EQ(0, load());
}

FIXTURE_TEARDOWN(module)
{
	int ret = unload();

	EXPECT_TRUE(!ret || ret == -ENOENT)
		TH_LOG("rmmod: %s", strerror(-ret));
	EXPECT_EQ(0, load());
}

TEST_F(module, stays_while_a_handle_is_open)
{
	struct made made;

	ASSERT_EQ(0, create_kind(self->kind, &made, NULL, RIGHT_BOTH, 0,
				 0600));
	EXPECT_EQ(-EWOULDBLOCK, unload());
	EXPECT_EQ(0, self->kind->put(made.writer, 8));
	EXPECT_EQ(8, self->kind->get(made.reader));
	close_made(&made);
	EXPECT_EQ(0, unload());
}

/* Not even when all that is left of it is on its way in a socket. */
TEST_F(module, stays_while_a_handle_travels)
{
	struct made made;
	int sock[2], fd;

	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_SEQPACKET, 0, sock));
	ASSERT_EQ(0, create_kind(self->kind, &made, NULL, RIGHT_BOTH, 0,
				 0600));
	ASSERT_EQ(0, self->kind->put(made.writer, 21));
	ASSERT_EQ(0, send_fd(sock[0], made.reader));
	close_made(&made);
	EXPECT_EQ(-EWOULDBLOCK, unload());
	fd = recv_fd(sock[1]);
	ASSERT_LE(0, fd);
	EXPECT_EQ(21, self->kind->get(fd));
	close(fd);
	EXPECT_EQ(0, unload());
	close(sock[0]);
	close(sock[1]);
}

/* Takes something with undo and is killed; then nobody has it open. */
static void use_and_be_killed(void *arg)
{
	const struct kind *kind = arg;
	struct kipc_semaphore_op op = {
		.size = sizeof(op),
		.flags = KIPC_SEM_UNDO,
		.delta = -1,
	};
	struct made made;

	CHECK_EQ(0, create_kind(kind, &made, "full", RIGHT_BOTH, KIPC_PERSIST,
				0666));
	CHECK_EQ(0, kind->put(made.writer, 5));
	if (kind->type == KIPC_KIND_SEMAPHORE)
		CHECK_EQ(0, kipc_ioctl(made.writer, KIPC_SEMAPHORE_OP, &op));
	raise(SIGKILL);
}

/* Objects that nobody has open keep names, but not the module. */
TEST_F(module, persistent_objects_go_with_it)
{
	struct kipc_info info;
	struct kipc_stat stat;

	ASSERT_EQ(0, create_persistent(self->kind, "empty", 0666));
	EXPECT_EQ(128 + SIGKILL, child_run(use_and_be_killed,
					   (void *)self->kind));
	EXPECT_EQ(0, kipc_stat_name("full", &stat));
	EXPECT_EQ(0, stat.entry.handles);
	EXPECT_TRUE(wait_for(!unload()));
	ASSERT_EQ(0, load());
	EXPECT_EQ(-ENOENT, kipc_stat_name("empty", &stat));
	EXPECT_EQ(-ENOENT, kipc_stat_name("full", &stat));
	ASSERT_EQ(0, kipc_info(&info));
	EXPECT_EQ(0, info.objects);
	EXPECT_EQ(0, info.bytes);
}

TEST_F(module, goes_at_once_after_the_last_user)
{
	unsigned long rounds = scaled(100), i;

	for (i = 0; i < rounds; i++) {
		EXPECT_EQ(128 + SIGKILL, child_run(use_and_be_killed,
						   (void *)self->kind));
		ASSERT_EQ(0, unload());
		ASSERT_EQ(0, load());
	}
}

/* A mapping is a user of the module, without any handle. */
TEST(stays_while_a_segment_is_mapped)
{
	union create_arg arg = { .segment.bytes = 2 * 4096 };
	struct made made;
	char *mapped;

	ASSERT_EQ(0, create_shaped(&kinds[SEGMENT_KIND], &arg, &made, NULL,
				   RIGHT_BOTH, 0, 0600));
	mapped = mmap(NULL, 2 * 4096, PROT_READ | PROT_WRITE, MAP_SHARED,
		      made.reader, 0);
	ASSERT_NE(MAP_FAILED, mapped);
	close_made(&made);
	EXPECT_EQ(-EWOULDBLOCK, unload());
	/* Cut in two, either half will do. */
	EXPECT_EQ(0, munmap(mapped, 4096));
	EXPECT_EQ(-EWOULDBLOCK, unload());
	mapped[4096] = 'x';
	EXPECT_EQ(0, munmap(mapped + 4096, 4096));
	EXPECT_EQ(0, unload());
	EXPECT_EQ(0, load());
}

static void lock_mapped_and_be_killed(void *arg)
{
	const int *fd = arg;
	struct kipc_semaphore_op op = { .size = sizeof(op), .delta = -1 };

	CHECK_EQ(0, kipc_ioctl(*fd, KIPC_SEMAPHORE_OP, &op));
	raise(SIGKILL);
}

/* So is one of the words of a semaphore, but not a process that had some. */
TEST(stays_while_a_semaphore_is_mapped)
{
	union create_arg arg = { .semaphore.count = 1 };
	struct made made;
	void *mapped;

	ASSERT_EQ(0, create_shaped(&kinds[SEMAPHORE_KIND], &arg, &made, NULL,
				   RIGHT_BOTH, KIPC_SEMAPHORE_MUTEX |
				   KIPC_SEMAPHORE_MAPPED, 0600));
	mapped = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED,
		      made.reader, 0);
	ASSERT_NE(MAP_FAILED, mapped);
	EXPECT_EQ(128 + SIGKILL, child_run(lock_mapped_and_be_killed,
					   &made.reader));
	close_made(&made);
	EXPECT_EQ(-EWOULDBLOCK, unload());
	EXPECT_EQ(KIPC_SEM_WORD_OWNER_DEAD, *(uint32_t *)mapped);
	EXPECT_EQ(0, munmap(mapped, 4096));
	EXPECT_EQ(0, unload());
	EXPECT_EQ(0, load());
}

/* And any area of either end of a pipe, each by itself. */
TEST(stays_while_a_pipe_is_mapped)
{
	const off_t areas[] = { KIPC_PIPE_PAGE_STATE, KIPC_PIPE_PAGE_PRODUCER,
				KIPC_PIPE_PAGE_CONSUMER, KIPC_PIPE_PAGE_DATA };
	struct made made;
	size_t i, len;
	char *mapped;

	for (i = 0; i < 2 * ARRAY_SIZE(areas); i++) {
		off_t area = areas[i / 2];

		ASSERT_EQ(0, create_kind(&kinds[PIPE_KIND], &made, NULL,
					 RIGHT_BOTH, KIPC_PIPE_MAPPED, 0600));
		len = area == KIPC_PIPE_PAGE_DATA ? 2 * 4096 : 4096;
		mapped = mmap(NULL, len, PROT_READ, MAP_SHARED,
			      i % 2 ? made.reader : made.writer, area * 4096);
		ASSERT_NE(MAP_FAILED, mapped);
		close_made(&made);
		EXPECT_EQ(-EWOULDBLOCK, unload());
		/* There is still a fault handler, too. */
		EXPECT_EQ(0, mapped[1024]);
		EXPECT_EQ(0, munmap(mapped, len));
		EXPECT_EQ(0, unload());
		EXPECT_EQ(0, load());
	}
}

TEST_HARNESS_MAIN
