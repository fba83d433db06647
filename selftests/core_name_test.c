// SPDX-License-Identifier: GPL-2.0
/*
 * Names: creating, opening and removing by name, what keeps an object alive,
 * and destroying it under those who hold it.
 */
#include "kselftest_harness.h"

#include <poll.h>

#include "core_util.h"

/* Root's objects before the test; a test must leave as many. */
FIXTURE(name) {
	uint64_t objects;
	uint64_t bytes;
};

FIXTURE_SETUP(name)
{
	struct kipc_info info;

	ASSERT_EQ(0, kipc_info(&info));
	self->objects = info.objects;
	self->bytes = info.bytes;
}

FIXTURE_TEARDOWN(name)
{
	struct kipc_info info;

	EXPECT_EQ(0, kipc_info(&info));
	EXPECT_EQ(self->objects, info.objects);
	EXPECT_EQ(self->bytes, info.bytes);
}

static uint64_t my_objects(void)
{
	struct kipc_info info;

	return kipc_info(&info) ? UINT64_MAX : info.objects;
}

static int open_write(const char *name)
{
	return kipc_open_name(name, KIPC_RIGHT_WRITE, 0);
}

/* Closes it if it is there; 0 or -errno. */
static int try_open(const char *name)
{
	int fd = open_write(name);

	if (fd < 0)
		return fd;
	close(fd);
	return 0;
}

static void close_both(const struct kipc_pipe_create *arg)
{
	close(arg->read_fd);
	close(arg->write_fd);
}

TEST_F(name, create_then_open)
{
	struct kipc_pipe_create made, second;
	struct kipc_open arg = {
		.size = sizeof(arg),
		.name = to_u64("first"),
		.name_len = 5,
		.rights = KIPC_RIGHT_WRITE,
	};
	char back[3];

	ASSERT_EQ(0, kipc_pipe_named(&made, "first", KIPC_RIGHT_READ, 8192, 0));
	EXPECT_EQ(KIPC_RESULT_CREATED, made.result);
	EXPECT_LE(0, made.read_fd);
	EXPECT_EQ(-1, made.write_fd);
	EXPECT_EQ(8192, made.capacity);
	EXPECT_EQ(-EEXIST, kipc_pipe_named(&second, "first", KIPC_RIGHT_WRITE,
					   8192, KIPC_EXCL));
	/* By its own capacity and flavour, whatever is asked for. */
	ASSERT_EQ(0, kipc_pipe_named(&second, "first", KIPC_RIGHT_WRITE, 65536,
				     KIPC_PIPE_RECORD));
	EXPECT_EQ(KIPC_RESULT_OPENED, second.result);
	EXPECT_EQ(made.id, second.id);
	EXPECT_EQ(8192, second.capacity);
	EXPECT_EQ(-1, second.read_fd);
	ASSERT_EQ(0, kipc_device_ioctl(KIPC_OPEN, &arg));
	EXPECT_EQ(KIPC_KIND_PIPE, arg.kind);
	EXPECT_EQ(made.id, arg.id);
	EXPECT_EQ(self->objects + 1, my_objects());
	EXPECT_EQ(1, write(second.write_fd, "a", 1));
	EXPECT_EQ(1, write(arg.fd, "b", 1));
	EXPECT_EQ(2, read(made.read_fd, back, sizeof(back)));
	EXPECT_EQ(0, memcmp(back, "ab", 2));
	close(arg.fd);
	close(second.write_fd);
	close(made.read_fd);
}

TEST_F(name, unknown)
{
	struct kipc_stat stat;

	EXPECT_EQ(-ENOENT, open_write("nobody"));
	EXPECT_EQ(-ENOENT, kipc_unlink("nobody"));
	EXPECT_EQ(-ENOENT, kipc_destroy_name("nobody"));
	EXPECT_EQ(-ENOENT, kipc_stat_name("nobody", &stat));
	EXPECT_EQ(-ENOENT, kipc_stat_id(UINT64_MAX, &stat));
	EXPECT_EQ(-ENOENT, kipc_stat_id(1ULL << 40, &stat));
}

/* Calls with @len bytes of @name: create, open, stat, unlink. */
static void expect_name(struct __test_metadata *_metadata, const void *name,
			uint32_t len, int want)
{
	struct kipc_pipe_create made = {
		.size = sizeof(made),
		.flags = KIPC_EXCL,
		.name = to_u64(name),
		.name_len = len,
		.mode = 0600,
		.rights = KIPC_RIGHT_READ,
	};
	struct kipc_open open = {
		.size = sizeof(open),
		.name = to_u64(name),
		.name_len = len,
		.rights = KIPC_RIGHT_WRITE,
	};
	struct kipc_stat stat = {
		.size = sizeof(stat),
		.name = to_u64(name),
		.name_len = len,
	};
	struct kipc_target target = {
		.size = sizeof(target),
		.name = to_u64(name),
		.name_len = len,
	};

	EXPECT_EQ(want, kipc_device_ioctl(KIPC_PIPE_CREATE, &made));
	EXPECT_EQ(want, kipc_device_ioctl(KIPC_OPEN, &open));
	EXPECT_EQ(want, kipc_device_ioctl(KIPC_STAT, &stat));
	if (!want) {
		EXPECT_EQ(len, stat.entry.name_len);
		EXPECT_EQ(0, memcmp(stat.entry.name, name, len));
		EXPECT_EQ(0, stat.entry.name[len]);
	}
	EXPECT_EQ(want, kipc_device_ioctl(KIPC_UNLINK, &target));
	EXPECT_EQ(want ? want : -ENOENT,
		  kipc_device_ioctl(KIPC_DESTROY, &target));
	if (!want) {
		close(open.fd);
		close(made.read_fd);
	}
}

TEST_F(name, length)
{
	char *page = mmap(NULL, 8192, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	ASSERT_NE(MAP_FAILED, page);
	ASSERT_EQ(0, munmap(page + 4096, 4096));
	memset(page, 'x', 4096);
	expect_name(_metadata, page, 1, 0);
	expect_name(_metadata, page, 254, 0);
	expect_name(_metadata, page, 255, 0);
	expect_name(_metadata, page, 0, -EINVAL);
	expect_name(_metadata, page, 256, -EINVAL);
	expect_name(_metadata, page, 4096, -EINVAL);
	expect_name(_metadata, page, 0xffffffff, -EINVAL);
	/* A name needs no byte behind it. */
	expect_name(_metadata, page + 4096 - 255, 255, 0);
	expect_name(_metadata, page + 4096 - 1, 1, 0);
}

TEST_F(name, any_byte_but_nul)
{
	char name[256];
	int i;

	for (i = 0; i < 255; i++)
		name[i] = i + 1;
	expect_name(_metadata, name, 255, 0);
	for (i = 0; i < 255; i += 23)
		expect_name(_metadata, name + i, 1, 0);
	expect_name(_metadata, "\n", 1, 0);
	expect_name(_metadata, "/", 1, 0);
	expect_name(_metadata, "\xff", 1, 0);
	expect_name(_metadata, "", 1, -EINVAL);
	expect_name(_metadata, "a\0b", 3, -EINVAL);
	expect_name(_metadata, "ab", 3, -EINVAL);
	expect_name(_metadata, "..", 2, 0);
	expect_name(_metadata, "/a/b", 4, 0);
}

/* Neither a prefix nor letter case is taken for the name itself. */
TEST_F(name, exact)
{
	struct kipc_pipe_create made;

	ASSERT_EQ(0, make_pipe(&made, "exact", RIGHT_BOTH, 0, 0600));
	EXPECT_EQ(-ENOENT, try_open("exac"));
	EXPECT_EQ(-ENOENT, try_open("exact "));
	EXPECT_EQ(-ENOENT, try_open("EXACT"));
	EXPECT_EQ(0, try_open("exact"));
	close_both(&made);
}

TEST_F(name, missing)
{
	struct kipc_pipe_create made;

	EXPECT_EQ(-EINVAL, make_pipe(&made, NULL, RIGHT_BOTH, KIPC_EXCL, 0600));
	EXPECT_EQ(-EINVAL, make_pipe(&made, NULL, RIGHT_BOTH, KIPC_PERSIST,
				     0600));
	EXPECT_EQ(-EINVAL, make_pipe(&made, NULL, KIPC_RIGHT_READ, 0, 0600));
	EXPECT_EQ(-EINVAL, make_pipe(&made, NULL, KIPC_RIGHT_WRITE, 0, 0600));
	EXPECT_EQ(-EINVAL, make_pipe(&made, NULL, 0, 0, 0600));
	made = (struct kipc_pipe_create){
		.size = sizeof(made),
		.name_len = 1,
		.rights = RIGHT_BOTH,
	};
	EXPECT_EQ(-EINVAL, kipc_device_ioctl(KIPC_PIPE_CREATE, &made));
}

TEST_F(name, rights_and_modes)
{
	struct kipc_pipe_create made;

	EXPECT_EQ(-EINVAL, make_pipe(&made, "bad", 0, 0, 0600));
	EXPECT_EQ(-EINVAL, make_pipe(&made, "bad", 4, 0, 0600));
	EXPECT_EQ(-EINVAL, make_pipe(&made, "bad", RIGHT_BOTH | 8, 0, 0600));
	EXPECT_EQ(-EINVAL, make_pipe(&made, "bad", RIGHT_BOTH, 0, 0700));
	EXPECT_EQ(-EINVAL, make_pipe(&made, "bad", RIGHT_BOTH, 0, 01600));
	EXPECT_EQ(-EINVAL, make_pipe(&made, "bad", RIGHT_BOTH, 0, 1U << 31));
	EXPECT_EQ(-ENOENT, try_open("bad"));
	ASSERT_EQ(0, make_pipe(&made, "good", RIGHT_BOTH, 0, 0600));
	EXPECT_EQ(-EINVAL, kipc_open_name("good", 0, 0));
	EXPECT_EQ(-EINVAL, kipc_open_name("good", 4, 0));
	EXPECT_EQ(-EINVAL, kipc_open_name("good", RIGHT_BOTH, 0));
	close_both(&made);
}

TEST_F(name, unlink_leaves_the_object)
{
	struct kipc_pipe_create old, new;
	struct kipc_target handle = { .size = sizeof(handle) };
	struct kipc_stat stat;
	char back[8];

	ASSERT_EQ(0, make_pipe(&old, "taken", RIGHT_BOTH, 0, 0600));
	ASSERT_EQ(3, write(old.write_fd, "old", 3));
	EXPECT_EQ(0, kipc_unlink("taken"));
	EXPECT_EQ(-ENOENT, try_open("taken"));
	EXPECT_EQ(-ENOENT, kipc_unlink("taken"));
	EXPECT_EQ(-ENOENT, kipc_ioctl(old.read_fd, KIPC_UNLINK, &handle));
	EXPECT_EQ(0, kipc_stat_fd(old.read_fd, &stat));
	EXPECT_EQ(0, stat.entry.state);
	EXPECT_EQ(0, stat.entry.name_len);
	EXPECT_EQ(self->objects + 1, my_objects());
	/* The name is free, and what gets it is another object. */
	ASSERT_EQ(0, make_pipe(&new, "taken", RIGHT_BOTH, KIPC_EXCL, 0600));
	EXPECT_NE(old.id, new.id);
	EXPECT_EQ(3, write(new.write_fd, "new", 3));
	EXPECT_EQ(3, read(old.read_fd, back, sizeof(back)));
	EXPECT_EQ(0, memcmp(back, "old", 3));
	EXPECT_EQ(3, read(new.read_fd, back, sizeof(back)));
	EXPECT_EQ(0, memcmp(back, "new", 3));
	/* The end of the old one does not touch the name of the new one. */
	close_both(&old);
	EXPECT_EQ(0, try_open("taken"));
	EXPECT_EQ(0, kipc_ioctl(new.write_fd, KIPC_UNLINK, &handle));
	EXPECT_EQ(-ENOENT, try_open("taken"));
	close_both(&new);
}

TEST_F(name, goes_with_the_last_handle)
{
	struct kipc_pipe_create made;
	int copy;

	ASSERT_EQ(0, make_pipe(&made, "last", RIGHT_BOTH, 0, 0600));
	copy = dup(made.read_fd);
	close(made.read_fd);
	close(made.write_fd);
	EXPECT_EQ(0, try_open("last"));
	EXPECT_EQ(1, times_listed("last"));
	close(copy);
	EXPECT_EQ(-ENOENT, try_open("last"));
	EXPECT_EQ(0, times_listed("last"));
}

/* Tells through @arg, a pipe's write end, that it is there. */
static void hold(void *arg)
{
	struct kipc_pipe_create made;
	int tell = *(int *)arg;

	CHECK_EQ(0, make_pipe(&made, "held", RIGHT_BOTH, KIPC_EXCL, 0600));
	CHECK_EQ(1, write(tell, "", 1));
	pause();
}

TEST_F(name, goes_when_the_holder_is_killed)
{
	int told[2];
	char byte;
	pid_t pid;

	ASSERT_EQ(0, pipe2(told, O_CLOEXEC));
	pid = child_start(hold, &told[1]);
	ASSERT_EQ(1, read(told[0], &byte, 1));
	EXPECT_EQ(0, try_open("held"));
	EXPECT_EQ(128 + SIGKILL, child_kill(pid));
	EXPECT_EQ(-ENOENT, try_open("held"));
	close(told[0]);
	close(told[1]);
}

static void wait_to_be_killed(void *arg)
{
	(void)arg;
	pause();
}

TEST_F(name, held_by_a_forked_child_alone)
{
	struct kipc_pipe_create made;
	pid_t pid;

	ASSERT_EQ(0, make_pipe(&made, "forked", RIGHT_BOTH, 0, 0600));
	pid = child_start(wait_to_be_killed, NULL);
	close_both(&made);
	EXPECT_EQ(0, try_open("forked"));
	EXPECT_EQ(self->objects + 1, my_objects());
	EXPECT_EQ(128 + SIGKILL, child_kill(pid));
	EXPECT_EQ(-ENOENT, try_open("forked"));
}

static void fill_and_end(void *arg)
{
	int fd = open_write(arg);

	CHECK_EQ(4, write(fd, "kept", 4));
}

TEST_F(name, persists)
{
	struct kipc_pipe_create made;
	struct kipc_stat stat;
	char back[8];
	int fd;

	ASSERT_EQ(0, make_pipe(&made, "persistent", 0, KIPC_PERSIST, 0600));
	EXPECT_EQ(-1, made.read_fd);
	EXPECT_EQ(-1, made.write_fd);
	EXPECT_EQ(0, kipc_stat_name("persistent", &stat));
	EXPECT_EQ(KIPC_STATE_NAMED | KIPC_STATE_PERSIST, stat.entry.state);
	EXPECT_EQ(0, stat.entry.handles);
	EXPECT_EQ(getpid(), stat.entry.pid);
	EXPECT_EQ(made.id, stat.entry.id);
	/* What is in it outlives whoever wrote it. */
	EXPECT_EQ(0, child_run(fill_and_end, "persistent"));
	fd = kipc_open_name("persistent", KIPC_RIGHT_READ, KIPC_NONBLOCK);
	ASSERT_LE(0, fd);
	EXPECT_EQ(4, read(fd, back, sizeof(back)));
	close(fd);
	EXPECT_EQ(0, try_open("persistent"));
	EXPECT_EQ(0, kipc_unlink("persistent"));
	EXPECT_EQ(-ENOENT, try_open("persistent"));
	EXPECT_EQ(self->objects, my_objects());
}

TEST_F(name, persistent_until_destroyed)
{
	struct kipc_pipe_create made;

	ASSERT_EQ(0, make_persistent("by-name", 0600));
	EXPECT_EQ(0, kipc_destroy_name("by-name"));
	EXPECT_EQ(self->objects, my_objects());
	ASSERT_EQ(0, make_pipe(&made, "by-handle", RIGHT_BOTH, KIPC_PERSIST,
			       0600));
	EXPECT_EQ(0, kipc_destroy(made.read_fd));
	EXPECT_EQ(-ENOENT, try_open("by-handle"));
	close_both(&made);
	EXPECT_EQ(self->objects, my_objects());
	/* Unlinked while it is open: an object without a name, as any. */
	ASSERT_EQ(0, make_pipe(&made, "unlinked", RIGHT_BOTH, KIPC_PERSIST,
			       0600));
	EXPECT_EQ(0, kipc_unlink("unlinked"));
	EXPECT_EQ(self->objects + 1, my_objects());
	close_both(&made);
	EXPECT_EQ(self->objects, my_objects());
}

/* Everything that can be asked of a handle, on a destroyed object. */
static void check_destroyed(int fd, bool reader)
{
	struct kipc_target target = { .size = sizeof(target) };
	struct kipc_setattr setattr = {
		.size = sizeof(setattr),
		.flags = KIPC_SET_MODE,
		.mode = 0600,
	};
	struct kipc_pipe_resize resize = {
		.size = sizeof(resize),
		.capacity = 8192,
	};
	struct pollfd polled = { .fd = fd, .events = POLLIN | POLLOUT };
	struct kipc_pipe_stat pipe;
	struct kipc_stat stat;
	char buf[4] = "";
	int count;

	if (reader) {
		CHECK_EQ(-EIDRM, KIPC_RET(read(fd, buf, 4)));
		CHECK_EQ(-EIDRM, kipc_try_read(fd, buf, 4));
	} else {
		CHECK_EQ(-EIDRM, KIPC_RET(write(fd, buf, 4)));
		CHECK_EQ(-EIDRM, kipc_try_write(fd, buf, 4));
	}
	CHECK_EQ(1, poll(&polled, 1, 0));
	CHILD_CHECK(polled.revents & (POLLERR | POLLHUP));
	CHECK_EQ(-EIDRM, kipc_ioctl(fd, KIPC_UNLINK, &target));
	CHECK_EQ(-EIDRM, kipc_ioctl(fd, KIPC_DESTROY, &target));
	CHECK_EQ(-EIDRM, kipc_ioctl(fd, KIPC_SETATTR, &setattr));
	CHECK_EQ(-EIDRM, kipc_ioctl(fd, KIPC_PIPE_RESIZE, &resize));
	CHECK_EQ(-EIDRM, kipc_pipe_stat(fd, &pipe));
	CHECK_EQ(-EIDRM, KIPC_RET(ioctl(fd, FIONREAD, &count)));
	CHECK_EQ(0, kipc_stat_fd(fd, &stat));
	CHILD_CHECK(stat.entry.state & KIPC_STATE_DESTROYED);
	CHILD_CHECK(!(stat.entry.state & KIPC_STATE_NAMED));
}

struct sleeper {
	int fd;
	bool reader;
};

/* Sleeps on the pipe until it is destroyed, then tries everything. */
static void sleep_then_check(void *arg)
{
	struct sleeper *sleeper = arg;
	char buf[2 * 4096] = "";
	ssize_t ret;

	if (sleeper->reader)
		ret = KIPC_RET(read(sleeper->fd, buf, sizeof(buf)));
	else
		ret = KIPC_RET(write(sleeper->fd, buf, sizeof(buf)));
	CHECK_EQ(-EIDRM, ret);
	check_destroyed(sleeper->fd, sleeper->reader);
}

static void destroy_asleep(struct __test_metadata *_metadata, bool reader,
			   bool by_name)
{
	struct kipc_pipe_create made;
	struct sleeper sleeper = { .reader = reader };
	pid_t pid;

	ASSERT_EQ(0, make_pipe(&made, "doomed", RIGHT_BOTH, 0, 0600));
	sleeper.fd = reader ? made.read_fd : made.write_fd;
	if (!reader) {
		/* Nothing of what is to be written may fit. */
		char full[4096] = "";

		ASSERT_EQ(4096, write(made.write_fd, full, 4096));
	}
	pid = child_start(sleep_then_check, &sleeper);
	EXPECT_TRUE(wait_for(reader ? kipc_readers_waiting(sleeper.fd) :
				      kipc_writers_waiting(sleeper.fd)));
	EXPECT_EQ(0, by_name ? kipc_destroy_name("doomed") :
			       kipc_destroy(made.write_fd));
	EXPECT_EQ(0, child_end(pid));
	EXPECT_EQ(-ENOENT, try_open("doomed"));
	EXPECT_EQ(0, times_listed("doomed"));
	close_both(&made);
}

TEST_F(name, destroyed_under_a_reader)
{
	destroy_asleep(_metadata, true, true);
	destroy_asleep(_metadata, true, false);
}

TEST_F(name, destroyed_under_a_writer)
{
	destroy_asleep(_metadata, false, true);
	destroy_asleep(_metadata, false, false);
}

TEST_F(name, destroyed_gives_the_name_back)
{
	struct kipc_pipe_create old, new;
	char back;

	ASSERT_EQ(0, make_pipe(&old, "again", RIGHT_BOTH, 0, 0600));
	EXPECT_EQ(0, kipc_destroy_name("again"));
	ASSERT_EQ(0, make_pipe(&new, "again", RIGHT_BOTH, KIPC_EXCL, 0600));
	EXPECT_LT(old.id, new.id);
	EXPECT_EQ(1, write(new.write_fd, "", 1));
	EXPECT_EQ(1, read(new.read_fd, &back, 1));
	close_both(&old);
	EXPECT_EQ(0, try_open("again"));
	close_both(&new);
}

static int compare_ids(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

TEST_F_TIMEOUT(name, ids_are_never_used_twice, 300)
{
	size_t count = scaled(5000), i;
	uint64_t *ids = calloc(count, sizeof(*ids));
	struct kipc_pipe_create made;
	struct kipc_stat stat;

	ASSERT_NE(NULL, ids);
	for (i = 0; i < count; i++) {
		/* Some with a name that comes back, some without. */
		ASSERT_EQ(0, make_pipe(&made, i & 1 ? "id" : NULL, RIGHT_BOTH,
				       0, 0600));
		ids[i] = made.id;
		ASSERT_NE(0, made.id);
		close_both(&made);
	}
	EXPECT_EQ(-ENOENT, kipc_stat_id(ids[0], &stat));
	qsort(ids, count, sizeof(*ids), compare_ids);
	for (i = 1; i < count; i++)
		ASSERT_NE(ids[i - 1], ids[i]);
	free(ids);
}

TEST_HARNESS_MAIN
