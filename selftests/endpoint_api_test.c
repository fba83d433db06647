// SPDX-License-Identifier: GPL-2.0
/*
 * Each ioctl of an endpoint: what it does, what it needs, and the errors that
 * the headers promise.
 */
#include "kselftest_harness.h"

#include <sys/resource.h>

#include "endpoint_util.h"

#define MESSAGES	4
#define BYTES		4096
#define LONGEST		1000

static const char * const limits[] = { "max_objects", "max_bytes" };

/* The endpoint of the test, empty before and after what is refused. */
FIXTURE(api) {
	char name[32];
	int fd;
	int writer;
	int reader;
	int other;	/* of another process's endpoint */
	int dev;
	struct ep_owner *owner;
	struct kipc_info before;
	long long saved[ARRAY_SIZE(limits)];
};

FIXTURE_SETUP(api)
{
	struct kipc_endpoint_create arg = {
		.rights = RIGHT_BOTH,
		.mode = 0600,
		.max_messages = MESSAGES,
		.max_bytes = BYTES,
		.message_max = LONGEST,
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(limits); i++)
		self->saved[i] = sysctl_get(limits[i]);
	ASSERT_EQ(0, kipc_info(&self->before));
	self->owner = ep_owners(1);
	ASSERT_NE(NULL, self->owner);
	ASSERT_EQ(0, ep_owner_start(self->owner));
	self->other = self->owner->handle;

	snprintf(self->name, sizeof(self->name), "api-%d", getpid());
	arg.name = to_u64(self->name);
	arg.name_len = strlen(self->name);
	self->fd = ep_create(&arg);
	ASSERT_LE(0, self->fd);
	self->writer = ep_open(self->name, KIPC_RIGHT_WRITE);
	ASSERT_LE(0, self->writer);
	self->reader = ep_open(self->name, KIPC_RIGHT_READ);
	ASSERT_LE(0, self->reader);
	self->dev = kipc_device();
	ASSERT_LE(0, self->dev);
}

FIXTURE_TEARDOWN(api)
{
	struct kipc_info after;
	size_t i;

	EXPECT_TRUE(ep_is_idle(self->fd));
	EXPECT_EQ(0, ep_untold(self->fd));
	for (i = 0; i < ARRAY_SIZE(limits); i++)
		EXPECT_EQ(0, sysctl_set(limits[i], self->saved[i]));
	close(self->fd);
	close(self->writer);
	close(self->reader);
	close(self->other);
	EXPECT_EQ(128 + SIGKILL, child_kill(self->owner->pid));
	EXPECT_TRUE(wait_for(!kipc_info(&after) &&
			     after.objects == self->before.objects &&
			     after.bytes == self->before.bytes));
}

/* In a process that has no endpoint. */
static void create_default(void *data)
{
	struct kipc_endpoint_create arg = { .rights = KIPC_RIGHT_READ,
					    .mode = 0640 };
	struct kipc_info info;
	struct kipc_stat st;
	int fd;

	(void)data;
	umask(0020);
	fd = ep_create(&arg);
	CHILD_CHECK(fd >= 0);
	CHECK_EQ(0, kipc_info(&info));
	CHECK_EQ(KIPC_RESULT_CREATED, arg.result);
	CHECK_EQ(info.queue_messages_default, arg.max_messages);
	CHECK_EQ(info.queue_bytes_default, arg.max_bytes);
	CHECK_EQ(info.message_max < arg.max_bytes ? info.message_max :
		 arg.max_bytes, arg.message_max);
	CHECK_EQ(FD_CLOEXEC, fcntl(fd, F_GETFD));
	CHECK_EQ(0, fcntl(fd, F_GETFL) & O_NONBLOCK);
	CHECK_EQ(0, kipc_stat_fd(fd, &st));
	CHECK_EQ(KIPC_KIND_ENDPOINT, st.entry.kind);
	CHECK_EQ(arg.id, st.entry.id);
	CHECK_EQ(getpid(), st.entry.pid);
	CHECK_EQ(0, st.entry.state);
	CHECK_EQ(0640, st.entry.mode);
	CHECK_EQ(KIPC_RIGHT_READ, st.rights);
	CHECK_EQ(1, st.entry.handles);
	CHILD_CHECK(st.entry.bytes >= arg.max_bytes + 128 * arg.max_messages);
	close(fd);

	/* The flags of its handle. */
	arg = (struct kipc_endpoint_create){
		.flags = KIPC_NONBLOCK | KIPC_INHERIT,
		.rights = RIGHT_BOTH, .max_messages = 7, .message_max = 77 };
	fd = ep_create(&arg);
	CHILD_CHECK(fd >= 0);
	CHECK_EQ(0, fcntl(fd, F_GETFD));
	CHECK_EQ(O_NONBLOCK, fcntl(fd, F_GETFL) & O_NONBLOCK);
	CHECK_EQ(7, arg.max_messages);
	CHECK_EQ(77, arg.message_max);
	CHECK_EQ(info.queue_bytes_default, arg.max_bytes);
}

TEST_F(api, create)
{
	EXPECT_EQ(0, child_run(create_default, NULL));
}

static int create_with(struct kipc_endpoint_create arg)
{
	int fd;

	if (!arg.rights)
		arg.rights = RIGHT_BOTH;
	fd = ep_create(&arg);
	if (fd >= 0)
		close(fd);
	return fd < 0 ? fd : 0;
}

#define CREATE(...) \
	create_with((struct kipc_endpoint_create){ __VA_ARGS__ })

static void create_errors(void *data)
{
	const char *taken = data;
	struct kipc_endpoint_create arg = { .size = sizeof(arg) };
	struct kipc_info info;

	CHECK_EQ(0, kipc_info(&info));
	CHECK_EQ(0, CREATE(.max_messages = info.queue_messages_max));
	CHECK_EQ(-ENOSPC, CREATE(.max_messages = info.queue_messages_max + 1));
	CHECK_EQ(-ENOSPC, CREATE(.max_messages = UINT32_MAX));
	CHECK_EQ(0, CREATE(.max_bytes = info.queue_bytes_max));
	CHECK_EQ(-ENOSPC, CREATE(.max_bytes = info.queue_bytes_max + 1));
	CHECK_EQ(-ENOSPC, CREATE(.max_bytes = UINT64_MAX));
	CHECK_EQ(0, CREATE(.message_max = info.message_max));
	CHECK_EQ(-ENOSPC, CREATE(.message_max = info.message_max + 1,
				 .max_bytes = info.queue_bytes_max));
	CHECK_EQ(-EINVAL, CREATE(.message_max = 101, .max_bytes = 100));
	CHECK_EQ(-EINVAL, CREATE(.rights = KIPC_RIGHT_WRITE));
	CHECK_EQ(-EINVAL, CREATE(.rights = KIPC_RIGHT_READ | 4));
	CHECK_EQ(-EINVAL, CREATE(.mode = 0700));
	CHECK_EQ(-EINVAL, CREATE(.flags = KIPC_EXCL));
	CHECK_EQ(-EINVAL, CREATE(.flags = KIPC_PERSIST));
	CHECK_EQ(-EINVAL, CREATE(.flags = KIPC_PERSIST, .name = to_u64("p"),
				 .name_len = 1));
	CHECK_EQ(-EINVAL, CREATE(.flags = 1U << 4));
	CHECK_EQ(-EINVAL, CREATE(.flags = 1U << 16));
	CHECK_EQ(-EINVAL, CREATE(.pad = 1));
	CHECK_EQ(-EINVAL, CREATE(.name_len = 1));
	CHECK_EQ(-EFAULT, CREATE(.name = 8, .name_len = 1));
	CHECK_EQ(-EEXIST, CREATE(.flags = KIPC_EXCL, .name = to_u64(taken),
				 .name_len = strlen(taken)));
	CHECK_EQ(-EPROTOTYPE, CREATE(.name = to_u64("a pipe"), .name_len = 6));
	/* Without rights there would be no handle, and no endpoint. */
	CHECK_EQ(-EINVAL, kipc_device_ioctl(KIPC_ENDPOINT_CREATE, &arg));
	/* Nothing of all that is left. */
	CHECK_EQ(-ENOTCONN, ep_find(getpid(), NULL));
	CHECK_EQ(0, CREATE(.max_messages = 1, .max_bytes = 1));
}

TEST_F(api, create_errors)
{
	struct kipc_pipe_create pipe;

	ASSERT_EQ(0, make_pipe(&pipe, "a pipe", RIGHT_BOTH, KIPC_EXCL, 0666));
	EXPECT_EQ(0, child_run(create_errors, self->name));
	EXPECT_EQ(0, kipc_unlink("a pipe"));
	close(pipe.read_fd);
	close(pipe.write_fd);
}

TEST_F(api, one_for_each_process)
{
	int fd;

	EXPECT_EQ(-EEXIST, ep_make(0, 0));
	EXPECT_EQ(-EEXIST, ep_named("a second one", 0600, 0));
	EXPECT_EQ(-ENOENT, ep_open("a second one", KIPC_RIGHT_WRITE));
	close(self->reader);
	close(self->fd);
	fd = ep_make(0, 0);
	EXPECT_LE(0, fd);
	EXPECT_EQ(-EEXIST, ep_make(0, 0));
	close(fd);
	/* As it was, for the end of the test. */
	self->fd = ep_named(self->name, 0600, MESSAGES);
	ASSERT_LE(0, self->fd);
}

static void create_too_much(void *data)
{
	(void)data;
	CHECK_EQ(-EDQUOT, ep_make(256, 65536));
	CHECK_EQ(-ENOTCONN, ep_find(getpid(), NULL));
	CHILD_CHECK(ep_make(1, 64) >= 0);
}

static void create_one_object(void *data)
{
	int pipe[2];

	(void)data;
	CHECK_EQ(0, kipc_pipe(pipe, 4096, 0));
	CHECK_EQ(-EDQUOT, ep_make(1, 64));
	close(pipe[0]);
	close(pipe[1]);
	CHILD_CHECK(ep_make(1, 64) >= 0);
}

TEST_F(api, quotas)
{
	ASSERT_EQ(0, sysctl_set("max_bytes", 65536));
	EXPECT_EQ(0, child_run_as(ALICE, create_too_much, NULL));
	ASSERT_EQ(0, sysctl_set("max_bytes", self->saved[1]));
	ASSERT_EQ(0, sysctl_set("max_objects", 1));
	EXPECT_EQ(0, child_run_as(ALICE, create_one_object, NULL));
	ASSERT_EQ(0, sysctl_set("max_objects", self->saved[0]));
	EXPECT_TRUE(wait_for(!objects_of(ALICE)));
	EXPECT_EQ(0, bytes_of(ALICE));
}

static void create_without_descriptors(void *data)
{
	int dev = kipc_device();
	struct kipc_endpoint_create arg = { .size = sizeof(arg),
		.rights = RIGHT_BOTH, .mode = 0600 };
	struct rlimit few = { 0, 1024 }, many = { 1024, 1024 };

	(void)data;
	CHECK_EQ(0, setrlimit(RLIMIT_NOFILE, &few));
	CHECK_EQ(-EMFILE, kipc_ioctl(dev, KIPC_ENDPOINT_CREATE, &arg));
	CHECK_EQ(0, setrlimit(RLIMIT_NOFILE, &many));
	CHECK_EQ(-ENOTCONN, ep_find(getpid(), NULL));
	CHECK_EQ(0, kipc_ioctl(dev, KIPC_ENDPOINT_CREATE, &arg));
}

TEST_F(api, create_without_descriptors)
{
	EXPECT_EQ(0, child_run(create_without_descriptors, NULL));
}

/* What a child that is somebody else sends. */
static void send_as_alice(void *data)
{
	struct kipc_msg msg = msg_typed(7, "from alice");

	msg.priority = 3;
	msg.cookie = 0x0123456789abcdef;
	CHECK_EQ(0, SEND(*(int *)data, .msg = msg));
}

static void expect_plain(struct __test_metadata *_metadata,
			 const struct kipc_msg *msg)
{
	EXPECT_EQ(0, msg->flags);
	EXPECT_EQ(0, msg->pad);
	EXPECT_EQ(0, msg->token);
	EXPECT_EQ(0, msg->endpoint);
	EXPECT_EQ(0, msg->fd_count);
}

TEST_F(api, header)
{
	uint64_t before = now_ns(), after;
	struct job job = { send_as_alice, &self->writer, ALICE };
	struct ep_got got;
	pid_t pid;

	pid = child_start(run_as, &job);
	EXPECT_EQ(0, child_end(pid));
	after = now_ns();
	EXPECT_EQ(0, ep_send_text(getpid(), 0, "from me"));

	ASSERT_EQ(0, ep_recv_now(self->fd, &got));
	EXPECT_TRUE(msg_is(&got.msg, "from alice"));
	EXPECT_EQ(7, got.msg.type);
	EXPECT_EQ(3, got.msg.priority);
	EXPECT_EQ(0x0123456789abcdef, got.msg.cookie);
	/* He is no more, and still this was his number. */
	EXPECT_EQ(ALICE, got.msg.uid);
	EXPECT_EQ(ALICE, got.msg.gid);
	EXPECT_EQ(1, got.msg.seq);
	EXPECT_LE(before, got.msg.time_ns);
	EXPECT_GE(after, got.msg.time_ns);
	expect_plain(_metadata, &got.msg);

	ASSERT_EQ(0, ep_recv_now(self->fd, &got));
	EXPECT_TRUE(msg_is(&got.msg, "from me"));
	EXPECT_EQ(0, got.msg.type);
	EXPECT_EQ(0, got.msg.priority);
	EXPECT_EQ(0, got.msg.cookie);
	EXPECT_EQ(getpid(), (pid_t)got.msg.pid);
	EXPECT_EQ(0, got.msg.uid);
	EXPECT_EQ(0, got.msg.gid);
	EXPECT_EQ(2, got.msg.seq);
	EXPECT_LE(after, got.msg.time_ns);
	expect_plain(_metadata, &got.msg);
}

TEST_F(api, header_of_a_call)
{
	uint64_t before = now_ns();
	struct ep_caller caller;
	struct ep_got got;
	struct kipc_msg reply = msg_typed(12, "an answer");

	ASSERT_EQ(0, ep_caller_start(&caller, EP_DEVICE, getpid(), "a call"));
	ASSERT_EQ(0, ep_recv_patient(self->fd, &got));
	EXPECT_TRUE(msg_is(&got.msg, "a call"));
	EXPECT_EQ(KIPC_MSG_CALL, got.msg.flags);
	EXPECT_NE(0, got.msg.token);
	EXPECT_EQ(getpid(), (pid_t)got.msg.pid);
	EXPECT_EQ(1, got.msg.seq);
	EXPECT_EQ(1, ep_calls(self->fd));
	reply.cookie = 99;
	reply.priority = 5;
	EXPECT_EQ(0, ep_reply_msg(self->fd, got.msg.token, &reply));
	ASSERT_EQ(0, ep_caller_wait(&caller));
	EXPECT_TRUE(msg_is(&caller.arg.reply, "an answer"));
	EXPECT_EQ(12, caller.arg.reply.type);
	EXPECT_EQ(99, caller.arg.reply.cookie);
	EXPECT_EQ(5, caller.arg.reply.priority);
	EXPECT_EQ(getpid(), (pid_t)caller.arg.reply.pid);
	EXPECT_EQ(0, caller.arg.reply.uid);
	EXPECT_EQ(0, caller.arg.reply.seq);
	EXPECT_EQ(0, caller.arg.reply.token);
	EXPECT_EQ(0, caller.arg.reply.flags);
	EXPECT_LE(before, caller.arg.reply.time_ns);
	EXPECT_GE(now_ns(), caller.arg.reply.time_ns);
}

static void find_as_alice(void *data)
{
	pid_t *pid = data;
	uint64_t id;

	CHECK_EQ(-EACCES, ep_find(pid[0], &id));
	CHECK_EQ(0, ep_find(pid[1], &id));
	CHECK_EQ(-ENOTCONN, ep_find(getpid(), &id));
}

TEST_F(api, find)
{
	struct kipc_endpoint_find arg = { .size = sizeof(arg),
		.pid = getpid() };
	pid_t pids[2] = { getpid(), self->owner->pid };
	uint64_t id = 0;

	EXPECT_EQ(0, ep_find(getpid(), &id));
	EXPECT_EQ(ep_id(self->fd), id);
	EXPECT_EQ(0, ep_find(self->owner->pid, &id));
	EXPECT_EQ(self->owner->id, id);
	EXPECT_EQ(-ENOTCONN, ep_find(getppid(), &id));
	EXPECT_EQ(-ESRCH, ep_find(NO_PID, &id));
	EXPECT_EQ(-ESRCH, ep_find(UINT32_MAX, &id));
	EXPECT_EQ(0, child_run_as(ALICE, find_as_alice, pids));
	arg.flags = 1;
	EXPECT_EQ(-EINVAL, kipc_ioctl(self->dev, KIPC_ENDPOINT_FIND, &arg));
	arg.flags = 0;
	arg.pad = 1;
	EXPECT_EQ(-EINVAL, kipc_ioctl(self->dev, KIPC_ENDPOINT_FIND, &arg));
}

TEST_F(api, stat)
{
	struct kipc_endpoint_stat st = { .size = sizeof(st), .flags = 1 };
	struct ep_receiver receiver;
	struct ep_caller caller;
	struct ep_got got;

	EXPECT_EQ(-EINVAL, kipc_ioctl(self->fd, KIPC_ENDPOINT_STAT, &st));
	ASSERT_EQ(0, ep_stat(self->writer, &st));
	EXPECT_EQ(getpid(), (pid_t)st.pid);
	EXPECT_EQ(0, st.state);
	EXPECT_EQ(MESSAGES, st.queue.max_messages);
	EXPECT_EQ(BYTES, st.queue.max_bytes);
	EXPECT_EQ(LONGEST, st.queue.message_max);
	EXPECT_EQ(0, st.queue.peak_messages);
	EXPECT_EQ(0, st.queue.sent);

	EXPECT_EQ(0, ep_send_text(getpid(), 0, "abc"));
	EXPECT_EQ(0, ep_send_text(getpid(), 0, "de"));
	ASSERT_EQ(0, ep_stat(self->fd, &st));
	EXPECT_EQ(2, st.queue.messages);
	EXPECT_EQ(5, st.queue.bytes);
	EXPECT_EQ(2, st.queue.sent);
	EXPECT_EQ(0, st.queue.received);
	EXPECT_EQ(0, st.calls);
	EXPECT_EQ(0, ep_recv_now(self->fd, &got));
	EXPECT_EQ(0, ep_recv_now(self->fd, &got));

	ASSERT_EQ(0, ep_receiver_start(&receiver, self->fd));
	ASSERT_TRUE(wait_for(ep_receivers(self->fd) == 1));
	ASSERT_EQ(0, ep_caller_start(&caller, EP_DEVICE, getpid(), "f"));
	ASSERT_EQ(0, ep_task_wait(&receiver.task));
	ASSERT_EQ(0, ep_stat(self->fd, &st));
	EXPECT_EQ(0, st.queue.messages);
	EXPECT_EQ(0, st.queue.bytes);
	EXPECT_EQ(2, st.queue.peak_messages);
	EXPECT_EQ(5, st.queue.peak_bytes);
	EXPECT_EQ(3, st.queue.sent);
	EXPECT_EQ(3, st.queue.received);
	EXPECT_EQ(1, st.queue.recv_sleeps);
	EXPECT_LT(0, st.queue.recv_blocked_ns);
	EXPECT_EQ(0, st.queue.send_sleeps);
	EXPECT_EQ(0, st.queue.send_blocked_ns);
	EXPECT_EQ(0, st.queue.receivers);
	EXPECT_EQ(1, st.calls);
	EXPECT_EQ(0, st.cancelled);
	EXPECT_EQ(0, ep_reply(self->fd, receiver.arg.msg.token, ""));
	EXPECT_EQ(0, ep_caller_wait(&caller));
	EXPECT_EQ(0, ep_calls(self->fd));
}

/* Where each ioctl belongs: on the device, a handle, or both. */
static const struct {
	unsigned long cmd;
	const char *name;
	uint32_t size;
	bool device;
	bool handle;
} ioctls[] = {
	{ KIPC_ENDPOINT_CREATE, "CREATE", sizeof(struct kipc_endpoint_create),
	  true, false },
	{ KIPC_ENDPOINT_FIND, "FIND", sizeof(struct kipc_endpoint_find),
	  true, false },
	{ KIPC_ENDPOINT_SEND, "SEND", sizeof(struct kipc_msg_send),
	  true, true },
	{ KIPC_ENDPOINT_SENDV, "SENDV", sizeof(struct kipc_msg_sendv),
	  true, true },
	{ KIPC_ENDPOINT_CALL, "CALL", sizeof(struct kipc_endpoint_call),
	  true, true },
	{ KIPC_ENDPOINT_RECV, "RECV", sizeof(struct kipc_msg_recv),
	  false, true },
	{ KIPC_ENDPOINT_RECVV, "RECVV", sizeof(struct kipc_msg_recvv),
	  false, true },
	{ KIPC_ENDPOINT_REPLY, "REPLY", sizeof(struct kipc_endpoint_reply),
	  false, true },
	{ KIPC_ENDPOINT_REPLY_RECV, "REPLY_RECV",
	  sizeof(struct kipc_endpoint_reply_recv), false, true },
	{ KIPC_ENDPOINT_CANCELLED, "CANCELLED",
	  sizeof(struct kipc_endpoint_cancelled), false, true },
	{ KIPC_ENDPOINT_STAT, "STAT", sizeof(struct kipc_endpoint_stat),
	  false, true },
};

/* Sizes, tails and pointers of all structs; the page behind is not there. */
static void expect_struct(struct __test_metadata *_metadata, int fd, size_t i,
			  char *page)
{
	uint32_t *arg = (uint32_t *)page;
	unsigned long cmd = ioctls[i].cmd;

	memset(page, 0, 4096);
	arg[0] = ioctls[i].size - 8;
	EXPECT_EQ(-EINVAL, kipc_ioctl(fd, cmd, page))
		TH_LOG("%s", ioctls[i].name);
	arg[0] = ioctls[i].size + 8;
	page[ioctls[i].size] = 1;
	EXPECT_EQ(-E2BIG, kipc_ioctl(fd, cmd, page))
		TH_LOG("%s", ioctls[i].name);
	arg[0] = 4096 + 8;
	EXPECT_EQ(-E2BIG, kipc_ioctl(fd, cmd, page))
		TH_LOG("%s", ioctls[i].name);
	EXPECT_EQ(-EFAULT, kipc_ioctl(fd, cmd, (void *)8))
		TH_LOG("%s", ioctls[i].name);
	/* Its size can be read, the rest cannot. */
	arg = (uint32_t *)(page + 4096 - 8);
	arg[0] = ioctls[i].size;
	arg[1] = 0;
	EXPECT_EQ(-EFAULT, kipc_ioctl(fd, cmd, arg))
		TH_LOG("%s", ioctls[i].name);
}

TEST_F(api, structs_and_files)
{
	struct kipc_mailbox_stat mailbox = { .size = sizeof(mailbox) };
	struct kipc_pipe_stat pipe = { .size = sizeof(pipe) };
	char *page = mmap(NULL, 8192, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int fd[2];
	size_t i;

	ASSERT_NE(MAP_FAILED, page);
	ASSERT_EQ(0, munmap(page + 4096, 4096));
	ASSERT_EQ(0, kipc_pipe(fd, 4096, 0));
	for (i = 0; i < ARRAY_SIZE(ioctls); i++) {
		memset(page, 0, 4096);
		*(uint32_t *)page = ioctls[i].size;
		EXPECT_EQ(-ENOTTY, kipc_ioctl(fd[0], ioctls[i].cmd, page))
			TH_LOG("%s", ioctls[i].name);
		if (!ioctls[i].device)
			EXPECT_EQ(-ENOTTY, kipc_ioctl(self->dev, ioctls[i].cmd,
						      page))
				TH_LOG("%s", ioctls[i].name);
		if (!ioctls[i].handle)
			EXPECT_EQ(-ENOTTY, kipc_ioctl(self->fd, ioctls[i].cmd,
						      page))
				TH_LOG("%s", ioctls[i].name);
		if (ioctls[i].device)
			expect_struct(_metadata, self->dev, i, page);
		if (ioctls[i].handle)
			expect_struct(_metadata, self->fd, i, page);
	}
	EXPECT_EQ(-ENOTTY, kipc_ioctl(self->fd, KIPC_MAILBOX_STAT, &mailbox));
	EXPECT_EQ(-ENOTTY, kipc_ioctl(self->fd, KIPC_PIPE_STAT, &pipe));
	close(fd[0]);
	close(fd[1]);
}

TEST_F(api, file_calls)
{
	char buf[8];

	EXPECT_EQ(-EINVAL, KIPC_RET(read(self->fd, buf, 8)));
	EXPECT_EQ(-EINVAL, KIPC_RET(write(self->fd, buf, 8)));
	EXPECT_EQ(-ESPIPE, KIPC_RET(lseek(self->fd, 0, SEEK_SET)));
	EXPECT_EQ(-ENODEV, KIPC_RET((long)mmap(NULL, 4096, PROT_READ,
					       MAP_SHARED, self->fd, 0)));
	EXPECT_EQ(POLLOUT, ep_poll(self->writer) & (POLLIN | POLLOUT));
	EXPECT_EQ(0, ep_send_text(getpid(), 0, "x"));
	EXPECT_EQ(POLLIN, ep_poll(self->fd) & (POLLIN | POLLPRI | POLLHUP));
	EXPECT_EQ(0, RECV(self->fd, &(struct ep_got){}));
	EXPECT_EQ(0, ep_poll(self->fd) & (POLLIN | POLLPRI | POLLHUP));
}

TEST_HARNESS_MAIN
