// SPDX-License-Identifier: GPL-2.0
/*
 * What holds for an object of any kind: names, what keeps it alive, destroying
 * it, what STAT and fdinfo say of it. The same tests for each of them.
 */
#include "kselftest_harness.h"

#include <sys/epoll.h>

#include "core_kinds.h"

/* Root's objects before the test; a test must leave as many. */
FIXTURE(kinds) {
	const struct kind *kind;
	struct kipc_info before;
};

FIXTURE_VARIANT(kinds) {
	int index;
};

FIXTURE_VARIANT_ADD(kinds, segment) { .index = SEGMENT_KIND };
FIXTURE_VARIANT_ADD(kinds, array) { .index = ARRAY_KIND };
FIXTURE_VARIANT_ADD(kinds, semaphore) { .index = SEMAPHORE_KIND };
FIXTURE_VARIANT_ADD(kinds, mailbox) { .index = MAILBOX_KIND };
FIXTURE_VARIANT_ADD(kinds, pipe) { .index = PIPE_KIND };

FIXTURE_SETUP(kinds)
{
	self->kind = &kinds[variant->index];
	ASSERT_EQ(0, kipc_info(&self->before));
}

FIXTURE_TEARDOWN(kinds)
{
	struct kipc_info after;

	EXPECT_EQ(0, kipc_info(&after));
	EXPECT_EQ(self->before.objects, after.objects);
	EXPECT_EQ(self->before.bytes, after.bytes);
}

static uint64_t my_objects(void)
{
	struct kipc_info info;

	return kipc_info(&info) ? UINT64_MAX : info.objects;
}

/* All kinds can be opened for reading; a second reader of a pipe cannot. */
static int try_name(const struct kind *kind, const char *name)
{
	return try_open_kind(kind->type, name, kind->two_ends ?
			     KIPC_RIGHT_WRITE : KIPC_RIGHT_READ);
}

TEST_F(kinds, is_in_info)
{
	EXPECT_EQ(1, self->before.kinds >> self->kind->type & 1);
}

TEST_F(kinds, create_then_open)
{
	const struct kind *kind = self->kind;
	struct made made, again;
	int fd;

	ASSERT_EQ(0, create_kind(kind, &made, "first", RIGHT_BOTH, 0, 0600));
	EXPECT_EQ(KIPC_RESULT_CREATED, made.result);
	EXPECT_LE(0, made.reader);
	EXPECT_EQ(0, kind->put(made.writer, 7));
	EXPECT_EQ(-EEXIST, create_kind(kind, &again, "first", RIGHT_BOTH,
				       KIPC_EXCL, 0600));
	fd = open_kind(KIPC_KIND_ANY, "first", kind->two_ends ?
		       KIPC_RIGHT_WRITE : RIGHT_BOTH, 0);
	ASSERT_LE(0, fd);
	EXPECT_EQ(self->before.objects + 1, my_objects());
	if (kind->two_ends)
		EXPECT_EQ(0, kind->put(fd, 7));
	EXPECT_EQ(7, kind->get(kind->two_ends ? made.reader : fd));
	close(fd);
	/* A pipe has one reader, which has to go first. */
	if (kind->two_ends) {
		close(made.reader);
		made.reader = -1;
	}
	ASSERT_EQ(0, create_kind(kind, &again, "first", RIGHT_BOTH, 0, 0600));
	EXPECT_EQ(KIPC_RESULT_OPENED, again.result);
	EXPECT_EQ(made.id, again.id);
	EXPECT_EQ(0, kind->put(made.writer, 9));
	EXPECT_EQ(9, kind->get(again.reader));
	EXPECT_EQ(self->before.objects + 1, my_objects());
	close_made(&made);
	EXPECT_EQ(0, try_name(kind, "first"));
	close_made(&again);
	EXPECT_EQ(-ENOENT, try_name(kind, "first"));
}

/* KIPC_OPEN says which kind and which object it has opened. */
TEST_F(kinds, open_says_what_it_is)
{
	struct kipc_open arg = {
		.size = sizeof(arg),
		.name = to_u64("what"),
		.name_len = 4,
		.rights = self->kind->two_ends ? KIPC_RIGHT_WRITE :
						 KIPC_RIGHT_READ,
	};
	struct made made;

	ASSERT_EQ(0, create_kind(self->kind, &made, "what", RIGHT_BOTH, 0,
				 0600));
	ASSERT_EQ(0, kipc_device_ioctl(KIPC_OPEN, &arg));
	EXPECT_EQ(self->kind->type, arg.kind);
	EXPECT_EQ(made.id, arg.id);
	close(arg.fd);
	close_made(&made);
}

/* One name, one object, whatever the kind. */
TEST_F(kinds, name_is_taken_for_all_kinds)
{
	const struct kind *other;
	struct made made, wrong;
	int i;

	ASSERT_EQ(0, create_kind(self->kind, &made, "taken", RIGHT_BOTH, 0,
				 0600));
	for (i = 0; i < KINDS; i++) {
		other = &kinds[i];
		if (other == self->kind)
			continue;
		EXPECT_EQ(-EPROTOTYPE, create_kind(other, &wrong, "taken",
						   RIGHT_BOTH, 0, 0600));
		EXPECT_EQ(-EPROTOTYPE, create_kind(other, &wrong, "taken", 0,
						   KIPC_PERSIST, 0600));
		EXPECT_EQ(-EEXIST, create_kind(other, &wrong, "taken",
					       RIGHT_BOTH, KIPC_EXCL, 0600));
		EXPECT_EQ(-EPROTOTYPE, try_name(other, "taken"));
	}
	EXPECT_EQ(self->before.objects + 1, my_objects());
	EXPECT_EQ(0, try_name(self->kind, "taken"));
	/* Free again, it is anybody's. */
	EXPECT_EQ(0, kipc_unlink("taken"));
	for (i = 0; i < KINDS; i++) {
		ASSERT_EQ(0, create_kind(&kinds[i], &wrong, "taken", RIGHT_BOTH,
					 KIPC_EXCL, 0600));
		EXPECT_EQ(0, try_name(&kinds[i], "taken"));
		close_made(&wrong);
	}
	close_made(&made);
}

/* What the call says of the shape must be valid, and does not count. */
TEST_F(kinds, opened_with_its_own_shape)
{
	const struct kind *kind = self->kind;
	union create_arg arg, own;
	struct made made, again;

	memset(&own, 0, sizeof(own));
	kind->shape(&own);
	ASSERT_EQ(0, create_shaped(kind, &own, &made, "shape",
				   KIPC_RIGHT_READ, 0, 0600));
	arg = own;
	switch (kind->type) {
	case KIPC_KIND_SEGMENT:
		arg.segment.bytes = 12345;
		break;
	case KIPC_KIND_ARRAY:
		arg.array.count = 3;
		arg.array.element = 100;
		break;
	case KIPC_KIND_SEMAPHORE:
		arg.semaphore.count = 5;
		arg.semaphore.max = 3;
		break;
	case KIPC_KIND_MAILBOX:
		arg.mailbox.max_messages = 3;
		arg.mailbox.max_bytes = 100;
		arg.mailbox.message_max = 50;
		break;
	case KIPC_KIND_PIPE:
		arg.pipe.capacity = 16384;
		break;
	}
	ASSERT_EQ(0, create_shaped(kind, &arg, &again, "shape", kind->two_ends ?
				   KIPC_RIGHT_WRITE : KIPC_RIGHT_READ, 0,
				   0600));
	EXPECT_EQ(KIPC_RESULT_OPENED, again.result);
	switch (kind->type) {
	case KIPC_KIND_SEGMENT:
		EXPECT_EQ(own.segment.bytes, arg.segment.bytes);
		break;
	case KIPC_KIND_ARRAY:
		EXPECT_EQ(own.array.count, arg.array.count);
		EXPECT_EQ(own.array.element, arg.array.element);
		break;
	case KIPC_KIND_SEMAPHORE:
		EXPECT_EQ(own.semaphore.count, arg.semaphore.count);
		EXPECT_EQ(own.semaphore.max, arg.semaphore.max);
		break;
	case KIPC_KIND_MAILBOX:
		EXPECT_EQ(own.mailbox.max_messages, arg.mailbox.max_messages);
		EXPECT_EQ(own.mailbox.max_bytes, arg.mailbox.max_bytes);
		EXPECT_EQ(own.mailbox.message_max, arg.mailbox.message_max);
		break;
	case KIPC_KIND_PIPE:
		EXPECT_EQ(own.pipe.capacity, arg.pipe.capacity);
		break;
	}
	close_made(&again);
	close_made(&made);
}

TEST_F(kinds, anonymous)
{
	const struct kind *kind = self->kind;
	struct kipc_stat stat;
	struct made made;

	ASSERT_EQ(0, create_kind(kind, &made, NULL, RIGHT_BOTH, 0, 0600));
	EXPECT_EQ(KIPC_RESULT_CREATED, made.result);
	EXPECT_EQ(0, kind->put(made.writer, 3));
	EXPECT_EQ(3, kind->get(made.reader));
	EXPECT_EQ(0, kipc_stat_id(made.id, &stat));
	EXPECT_EQ(0, stat.entry.state);
	EXPECT_EQ(0, stat.entry.name_len);
	close_made(&made);
	EXPECT_EQ(-ENOENT, kipc_stat_id(made.id, &stat));
}

TEST_F(kinds, what_needs_a_name)
{
	const struct kind *kind = self->kind;
	struct made made;

	EXPECT_EQ(-EINVAL, create_kind(kind, &made, NULL, RIGHT_BOTH,
				       KIPC_EXCL, 0600));
	EXPECT_EQ(-EINVAL, create_kind(kind, &made, NULL, RIGHT_BOTH,
				       KIPC_PERSIST, 0600));
	EXPECT_EQ(-EINVAL, create_kind(kind, &made, NULL, 0, KIPC_PERSIST,
				       0600));
	EXPECT_EQ(-EINVAL, create_kind(kind, &made, NULL, 0, 0, 0600));
	EXPECT_EQ(-EINVAL, create_kind(kind, &made, "nameless", 0, 0, 0600));
	EXPECT_EQ(-EINVAL, create_kind(kind, &made, "", RIGHT_BOTH, 0, 0600));
	EXPECT_EQ(-ENOENT, try_name(kind, "nameless"));
}

TEST_F(kinds, modes_that_are_none)
{
	static const uint32_t modes[] = { 0700, 01600, 04600, 1U << 31, 0607 };
	struct made made;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(modes); i++)
		EXPECT_EQ(-EINVAL, create_kind(self->kind, &made, "mode",
					       RIGHT_BOTH, 0, modes[i]))
			TH_LOG("%#o", modes[i]);
	EXPECT_EQ(-ENOENT, try_name(self->kind, "mode"));
}

TEST_F(kinds, unlink_leaves_the_object)
{
	const struct kind *kind = self->kind;
	struct kipc_target handle = { .size = sizeof(handle) };
	struct made old, new;
	struct kipc_stat stat;

	ASSERT_EQ(0, create_kind(kind, &old, "left", RIGHT_BOTH, 0, 0600));
	EXPECT_EQ(0, kipc_unlink("left"));
	EXPECT_EQ(-ENOENT, try_name(kind, "left"));
	EXPECT_EQ(-ENOENT, kipc_ioctl(old.reader, KIPC_UNLINK, &handle));
	EXPECT_EQ(0, kipc_stat_fd(old.reader, &stat));
	EXPECT_EQ(0, stat.entry.state);
	EXPECT_EQ(self->before.objects + 1, my_objects());
	/* The name is free, and what gets it is another object. */
	ASSERT_EQ(0, create_kind(kind, &new, "left", RIGHT_BOTH, KIPC_EXCL,
				 0600));
	EXPECT_LT(old.id, new.id);
	EXPECT_EQ(0, kind->put(new.writer, 2));
	EXPECT_EQ(0, kind->put(old.writer, 1));
	EXPECT_EQ(1, kind->get(old.reader));
	EXPECT_EQ(2, kind->get(new.reader));
	/* The end of the old one does not touch the name of the new one. */
	close_made(&old);
	EXPECT_EQ(0, try_name(kind, "left"));
	EXPECT_EQ(0, kipc_ioctl(new.writer, KIPC_UNLINK, &handle));
	EXPECT_EQ(-ENOENT, try_name(kind, "left"));
	close_made(&new);
}

TEST_F(kinds, goes_with_the_last_handle)
{
	const struct kind *kind = self->kind;
	struct made made;
	int copy;

	ASSERT_EQ(0, create_kind(kind, &made, "last", RIGHT_BOTH, 0, 0600));
	copy = dup(made.reader);
	close_made(&made);
	EXPECT_EQ(0, try_name(kind, "last"));
	EXPECT_EQ(1, times_listed("last"));
	close(copy);
	EXPECT_EQ(-ENOENT, try_name(kind, "last"));
	EXPECT_EQ(0, times_listed("last"));
}

struct holder {
	const struct kind *kind;
	int tell;
};

static void hold(void *arg)
{
	struct holder *holder = arg;
	struct made made;

	CHECK_EQ(0, create_kind(holder->kind, &made, "held", RIGHT_BOTH,
				KIPC_EXCL, 0600));
	CHECK_EQ(0, holder->kind->put(made.writer, 1));
	CHECK_EQ(1, write(holder->tell, "", 1));
	pause();
}

TEST_F(kinds, goes_when_the_holder_is_killed)
{
	struct holder holder = { .kind = self->kind };
	int told[2];
	char byte;
	pid_t pid;

	ASSERT_EQ(0, pipe2(told, O_CLOEXEC));
	holder.tell = told[1];
	pid = child_start(hold, &holder);
	close(told[1]);
	ASSERT_EQ(1, read(told[0], &byte, 1));
	EXPECT_EQ(0, try_name(self->kind, "held"));
	EXPECT_EQ(128 + SIGKILL, child_kill(pid));
	EXPECT_EQ(-ENOENT, try_name(self->kind, "held"));
	close(told[0]);
}

static void put_in_persistent(void *arg)
{
	const struct kind *kind = arg;
	int fd = open_kind(kind->type, "persistent", kind->two_ends ?
			   KIPC_RIGHT_WRITE : RIGHT_BOTH, 0);

	CHILD_CHECK(fd >= 0);
	CHECK_EQ(0, kind->put(fd, 42));
}

TEST_F(kinds, persists)
{
	const struct kind *kind = self->kind;
	struct kipc_stat stat;
	struct made made;
	int fd;

	ASSERT_EQ(0, create_kind(kind, &made, "persistent", 0, KIPC_PERSIST,
				 0600));
	EXPECT_EQ(-1, made.reader);
	EXPECT_EQ(-1, made.writer);
	EXPECT_EQ(0, kipc_stat_name("persistent", &stat));
	EXPECT_EQ(KIPC_STATE_NAMED | KIPC_STATE_PERSIST, stat.entry.state);
	EXPECT_EQ(0, stat.entry.handles);
	EXPECT_EQ(made.id, stat.entry.id);
	/* What is in it outlives whoever put it there. */
	EXPECT_EQ(0, child_run(put_in_persistent, (void *)kind));
	fd = open_kind(kind->type, "persistent", KIPC_RIGHT_READ, 0);
	ASSERT_LE(0, fd);
	EXPECT_EQ(42, kind->get(fd));
	close(fd);
	EXPECT_EQ(0, try_name(kind, "persistent"));
	EXPECT_EQ(0, kipc_unlink("persistent"));
	EXPECT_EQ(-ENOENT, try_name(kind, "persistent"));
	EXPECT_EQ(self->before.objects, my_objects());
}

TEST_F(kinds, persistent_until_destroyed)
{
	const struct kind *kind = self->kind;
	struct made made;

	ASSERT_EQ(0, create_persistent(kind, "by-name", 0600));
	EXPECT_EQ(0, kipc_destroy_name("by-name"));
	EXPECT_EQ(self->before.objects, my_objects());
	ASSERT_EQ(0, create_kind(kind, &made, "by-handle", RIGHT_BOTH,
				 KIPC_PERSIST, 0600));
	EXPECT_EQ(0, kipc_destroy(made.reader));
	EXPECT_EQ(-ENOENT, try_name(kind, "by-handle"));
	close_made(&made);
	EXPECT_EQ(self->before.objects, my_objects());
}

/* What can be asked of any handle, and what this kind can do. */
static void expect_destroyed(struct __test_metadata *_metadata,
			     const struct kind *kind, const struct made *made)
{
	struct kipc_target target = { .size = sizeof(target) };
	struct kipc_setattr setattr = {
		.size = sizeof(setattr),
		.flags = KIPC_SET_MODE,
		.mode = 0600,
	};
	struct pollfd polled = { .fd = made->reader, .events = POLLIN };
	struct kipc_stat stat;

	EXPECT_EQ(-EIDRM, kind->put(made->writer, 1));
	EXPECT_EQ(-EIDRM, kind->get(made->reader));
	EXPECT_EQ(-EIDRM, stat_kind(kind, made->reader));
	EXPECT_EQ(-EIDRM, kipc_ioctl(made->reader, KIPC_UNLINK, &target));
	EXPECT_EQ(-EIDRM, kipc_ioctl(made->reader, KIPC_DESTROY, &target));
	EXPECT_EQ(-EIDRM, kipc_ioctl(made->reader, KIPC_SETATTR, &setattr));
	if (kind->polls) {
		EXPECT_EQ(1, poll(&polled, 1, 0));
		EXPECT_NE(0, polled.revents & (POLLERR | POLLHUP));
	}
	EXPECT_EQ(0, kipc_stat_fd(made->reader, &stat));
	EXPECT_EQ(KIPC_STATE_DESTROYED, stat.entry.state);
	EXPECT_EQ(made->id, stat.entry.id);
	EXPECT_EQ(0, stat.entry.name_len);
}

TEST_F(kinds, destroyed)
{
	const struct kind *kind = self->kind;
	struct made made;
	int by_name;

	for (by_name = 0; by_name < 2; by_name++) {
		ASSERT_EQ(0, create_kind(kind, &made, "doomed", RIGHT_BOTH,
					 KIPC_EXCL, 0600));
		EXPECT_EQ(0, stat_kind(kind, made.reader));
		EXPECT_EQ(0, by_name ? kipc_destroy_name("doomed") :
				       kipc_destroy(made.writer));
		expect_destroyed(_metadata, kind, &made);
		EXPECT_EQ(-ENOENT, try_name(kind, "doomed"));
		EXPECT_EQ(0, times_listed("doomed"));
		close_made(&made);
	}
}

TEST_F(kinds, destroyed_gives_the_name_back)
{
	const struct kind *kind = self->kind;
	struct made old, new;

	ASSERT_EQ(0, create_kind(kind, &old, "again", RIGHT_BOTH, 0, 0600));
	EXPECT_EQ(0, kipc_destroy_name("again"));
	ASSERT_EQ(0, create_kind(kind, &new, "again", RIGHT_BOTH, KIPC_EXCL,
				 0600));
	EXPECT_LT(old.id, new.id);
	EXPECT_EQ(0, kind->put(new.writer, 5));
	EXPECT_EQ(5, kind->get(new.reader));
	close_made(&old);
	EXPECT_EQ(0, try_name(kind, "again"));
	close_made(&new);
}

TEST_F(kinds, stat)
{
	const struct kind *kind = self->kind;
	uint64_t start = now_ns();
	struct kipc_stat handle, name;
	struct kipc_info info;
	struct made made;

	ASSERT_EQ(0, create_kind(kind, &made, "stat", RIGHT_BOTH,
				 KIPC_PERSIST, 0640));
	ASSERT_EQ(0, kipc_info(&info));
	ASSERT_EQ(0, kipc_stat_fd(made.reader, &handle));
	EXPECT_EQ(kind->two_ends ? KIPC_RIGHT_READ : RIGHT_BOTH,
		  handle.rights);
	EXPECT_EQ(made.id, handle.entry.id);
	EXPECT_EQ(kind->type, handle.entry.kind);
	EXPECT_EQ(KIPC_STATE_NAMED | KIPC_STATE_PERSIST, handle.entry.state);
	EXPECT_EQ(0, handle.entry.uid);
	EXPECT_EQ(0, handle.entry.gid);
	EXPECT_EQ(getpid(), handle.entry.pid);
	EXPECT_EQ(0640, handle.entry.mode);
	EXPECT_EQ(kind->two_ends ? 2 : 1, handle.entry.handles);
	EXPECT_STREQ("stat", (char *)handle.entry.name);
	EXPECT_LE(start, handle.entry.created_ns);
	EXPECT_GE(now_ns(), handle.entry.created_ns);
	/* What the user is charged for it. */
	EXPECT_LT(0, handle.entry.bytes);
	EXPECT_EQ(self->before.bytes + handle.entry.bytes, info.bytes);
	EXPECT_EQ(self->before.objects + 1, info.objects);
	/* By name it is the same, but that there is no handle. */
	ASSERT_EQ(0, kipc_stat_name("stat", &name));
	EXPECT_EQ(0, name.rights);
	EXPECT_EQ(0, memcmp(&name.entry, &handle.entry, sizeof(name.entry)));
	ASSERT_EQ(0, kipc_stat_id(made.id, &name));
	EXPECT_EQ(0, memcmp(&name.entry, &handle.entry, sizeof(name.entry)));
	close_made(&made);
	ASSERT_EQ(0, kipc_stat_name("stat", &name));
	EXPECT_EQ(0, name.entry.handles);
	EXPECT_EQ(0, kipc_unlink("stat"));
}

/* Like a file on disk, a segment has nothing to wait for. */
TEST_F(kinds, polling)
{
	const struct kind *kind = self->kind;
	struct epoll_event event = { .events = EPOLLIN };
	struct made made;
	struct pollfd polled = { .events = POLLIN };
	int ep = epoll_create1(EPOLL_CLOEXEC);

	ASSERT_LE(0, ep);
	ASSERT_EQ(0, create_kind(kind, &made, NULL, RIGHT_BOTH, 0, 0600));
	polled.fd = made.reader;
	EXPECT_EQ(kind->polls ? 0 : -EPERM,
		  KIPC_RET(epoll_ctl(ep, EPOLL_CTL_ADD, made.reader, &event)));
	EXPECT_EQ(!kind->polls, poll(&polled, 1, 0));
	EXPECT_EQ(0, epoll_wait(ep, &event, 1, 0));
	EXPECT_EQ(0, kind->put(made.writer, 1));
	EXPECT_EQ(1, poll(&polled, 1, 0));
	EXPECT_EQ(POLLIN, polled.revents);
	EXPECT_EQ(kind->polls, epoll_wait(ep, &event, 1, 0));
	EXPECT_EQ(1, kind->get(made.reader));
	close_made(&made);
	close(ep);
}

static void expect_line(struct __test_metadata *_metadata, int fd,
			const char *key, const char *value)
{
	char path[64], text[4096] = "\n", line[512];

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	snprintf(line, sizeof(line), "\n%s:\t%s\n", key, value);
	ASSERT_LT(0, read_file(path, text + 1, sizeof(text) - 1));
	EXPECT_NE(NULL, strstr(text, line))
		TH_LOG("no '%s: %s' in%s", key, value, text);
}

TEST_F(kinds, proc)
{
	const struct kind *kind = self->kind;
	char path[64], wanted[64], text[128] = "", id[32];
	struct made made;

	ASSERT_EQ(0, create_kind(kind, &made, "in proc", RIGHT_BOTH, 0, 0600));
	snprintf(path, sizeof(path), "/proc/self/fd/%d", made.reader);
	snprintf(wanted, sizeof(wanted), "anon_inode:[kipc:%s]", kind->name);
	EXPECT_LT(0, readlink(path, text, sizeof(text) - 1));
	EXPECT_STREQ(wanted, text);
	snprintf(id, sizeof(id), "%llu", made.id + 0ULL);
	expect_line(_metadata, made.reader, "kipc-kind", kind->name);
	expect_line(_metadata, made.reader, "kipc-id", id);
	expect_line(_metadata, made.reader, "kipc-name", "in proc");
	expect_line(_metadata, made.reader, "kipc-rights",
		    kind->two_ends ? "r" : "rw");
	expect_line(_metadata, made.reader, "kipc-state", "live");
	EXPECT_EQ(0, kipc_destroy(made.reader));
	expect_line(_metadata, made.reader, "kipc-name", "");
	expect_line(_metadata, made.reader, "kipc-state", "destroyed");
	close_made(&made);
}

/* The module cannot be removed under a handle. */
TEST_F(kinds, handle_holds_the_module)
{
	struct made made;
	char count[16];

	if (access("/sys/module/kipc/refcnt", R_OK))
		SKIP(return, "kipc is not a module here");
	ASSERT_EQ(0, create_kind(self->kind, &made, NULL, RIGHT_BOTH, 0,
				 0600));
	EXPECT_EQ(-EWOULDBLOCK,
		  KIPC_RET(syscall(SYS_delete_module, "kipc", O_NONBLOCK)));
	EXPECT_EQ(0, self->kind->put(made.writer, 1));
	close_made(&made);
	ASSERT_LT(0, read_file("/sys/module/kipc/refcnt", count,
			       sizeof(count)));
	EXPECT_STREQ("0\n", count);
}

static void expect_others(struct __test_metadata *_metadata, int fd,
			  const struct kind *kind)
{
	unsigned char arg[512] = "";
	const struct kind *other;
	int i;

	for (i = 0; i < KINDS; i++) {
		other = &kinds[i];
		*(uint32_t *)arg = other->stat_size;
		if (other != kind)
			EXPECT_EQ(-ENOTTY, kipc_ioctl(fd, other->stat, arg));
		*(uint32_t *)arg = other->create_size;
		EXPECT_EQ(-ENOTTY, kipc_ioctl(fd, other->create, arg));
	}
}

TEST_F(kinds, calls_of_other_kinds)
{
	struct made made;

	ASSERT_EQ(0, create_kind(self->kind, &made, NULL, RIGHT_BOTH, 0,
				 0600));
	expect_others(_metadata, made.reader, self->kind);
	expect_others(_metadata, made.writer, self->kind);
	close_made(&made);
}

struct filtered {
	uint32_t kind;
	uint64_t id[2 * KINDS];
	int count;
};

static int list_filtered(struct filtered *seen)
{
	struct kipc_entry page[3];
	struct kipc_list arg = {
		.size = sizeof(arg),
		.entries = to_u64(page),
		.entry_size = sizeof(*page),
		.kind = seen->kind,
	};
	unsigned int i;
	int ret;

	seen->count = 0;
	do {
		arg.count = ARRAY_SIZE(page);
		ret = kipc_device_ioctl(KIPC_LIST, &arg);
		if (ret)
			return ret;
		for (i = 0; i < arg.count; i++) {
			if (seen->kind && page[i].kind != seen->kind)
				return -EPROTOTYPE;
			if (seen->count == 2 * KINDS)
				return -E2BIG;
			seen->id[seen->count++] = page[i].id;
		}
	} while (arg.count);
	return 0;
}

TEST(listing_by_kind)
{
	struct filtered seen = { };
	struct made made[2 * KINDS];
	int i;

	ASSERT_EQ(0, list_each(NULL, NULL));
	for (i = 0; i < 2 * KINDS; i++)
		ASSERT_EQ(0, create_kind(&kinds[i % KINDS], &made[i],
					 i < KINDS ? kinds[i].name : NULL,
					 RIGHT_BOTH, 0, 0600));
	/* In the order in which they were made */
	ASSERT_EQ(0, list_filtered(&seen));
	ASSERT_EQ(2 * KINDS, seen.count);
	for (i = 0; i < 2 * KINDS; i++)
		EXPECT_EQ(made[i].id, seen.id[i]);
	for (i = 0; i < KINDS; i++) {
		seen.kind = kinds[i].type;
		ASSERT_EQ(0, list_filtered(&seen));
		ASSERT_EQ(2, seen.count);
		EXPECT_EQ(made[i].id, seen.id[0]);
		EXPECT_EQ(made[i + KINDS].id, seen.id[1]);
	}
	/* A kind of which there is none */
	seen.kind = KIPC_KIND_ENDPOINT;
	EXPECT_EQ(0, list_filtered(&seen));
	EXPECT_EQ(0, seen.count);
	for (i = 0; i < 2 * KINDS; i++)
		close_made(&made[i]);
}

TEST_HARNESS_MAIN
