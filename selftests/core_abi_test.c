// SPDX-License-Identifier: GPL-2.0
/*
 * The rules that hold for every ioctl: versions of structs, flags, padding,
 * bad pointers, numbers that are not there, and that a call which fails has
 * done nothing. Every case has a scene: an object of each kind.
 */
#include "kselftest_harness.h"

#include "core_abi_32bit.h"
#include "core_abi_calls.h"
#include "core_abi_members.h"

FIXTURE(abi) {
	struct scene scene;
	int listed;
};

FIXTURE_SETUP(abi)
{
	unsigned char *args = mmap(NULL, 3 * PAGE, PROT_READ | PROT_WRITE,
				   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct kipc_info info;

	ASSERT_NE(MAP_FAILED, args);
	ASSERT_EQ(0, munmap(args + 2 * PAGE, PAGE));
	self->scene.args = args;
	ASSERT_EQ(0, kipc_info(&info));
	self->scene.objects = info.objects;
	self->scene.fds = count_fds();
	self->listed = list_each(NULL, NULL);
}

FIXTURE_TEARDOWN(abi)
{
	struct kipc_info info;

	scene_end(&self->scene);
	EXPECT_EQ(0, kipc_info(&info));
	EXPECT_EQ(self->scene.objects, info.objects);
	EXPECT_EQ(self->scene.fds, count_fds());
	EXPECT_EQ(self->listed, list_each(NULL, NULL));
	EXPECT_EQ(0, times_listed(NEW_NAME));
}

/* How a case changes the valid arguments. */
struct change {
	uint32_t size;		/* to tell; 0: leave it */
	bool no_size;		/* tell 0 */
	size_t offset;		/* where to write 0xff bytes */
	size_t len;		/* how many */
};

/* Makes a scene, issues a changed call, and says what it gave. */
static int try_change(struct scene *scene, const struct call *call,
		      const struct change *change, bool *intact)
{
	uint32_t *header = (uint32_t *)scene->args;
	int ret;

	memset(scene->args, 0, 2 * PAGE);
	ret = scene_make(scene, call);
	if (ret)
		return ret;
	prepare(scene, call, scene->args);
	if (change->size || change->no_size)
		header[0] = change->size;
	memset(scene->args + change->offset, 0xff, change->len);
	ret = issue(scene, call, scene->args);
	if (ret) {
		*intact = scene_intact(scene);
	} else {
		close_new(scene, call, scene->args);
		scene_end(scene);
	}
	return ret;
}

/* Expects @want of a changed call, and no effect if that is an error. */
static void expect(struct __test_metadata *_metadata, struct scene *scene,
		   const struct call *call, int want, struct change change)
{
	bool intact = true;

	EXPECT_EQ(want, try_change(scene, call, &change, &intact))
		TH_LOG("%s, size %u, 0xff at %zu", call->name, change.size,
		       change.offset);
	EXPECT_TRUE(intact)
		TH_LOG("%s failed and did something", call->name);
}

#define EXPECT_CHANGED(want, call, ...) \
	expect(_metadata, &self->scene, call, want, \
	       (struct change){ __VA_ARGS__ })

TEST_F(abi, valid)
{
	const struct call *call;

	for (call = calls; call->name; call++)
		EXPECT_CHANGED(0, call, .size = 0);
}

TEST_F(abi, info)
{
	struct kipc_info before, after;
	int fd[2];

	ASSERT_EQ(0, kipc_info(&before));
	EXPECT_EQ(KIPC_ABI_VERSION, before.abi_version);
	EXPECT_EQ(KIPC_NAME_MAX, before.name_max);
	EXPECT_EQ(1 << KIPC_KIND_SEGMENT | 1 << KIPC_KIND_ARRAY |
		  1 << KIPC_KIND_SEMAPHORE | 1 << KIPC_KIND_ENDPOINT |
		  1 << KIPC_KIND_MAILBOX | 1 << KIPC_KIND_PIPE, before.kinds);
	EXPECT_EQ(0, before.features);
	EXPECT_LT(0, before.max_objects);
	EXPECT_EQ(4096, before.pipe_min);
	EXPECT_LE(before.pipe_min, before.pipe_default);
	EXPECT_LE(before.pipe_default, before.pipe_max);
	EXPECT_LT(0, before.turn_grace_ns);
	EXPECT_LT(0, before.queue_messages_default);
	EXPECT_LE(before.queue_messages_default, before.queue_messages_max);
	EXPECT_LT(0, before.queue_bytes_default);
	EXPECT_LE(before.queue_bytes_default, before.queue_bytes_max);
	EXPECT_LT(0, before.message_max);
	ASSERT_EQ(0, kipc_pipe(fd, 8192, 0));
	ASSERT_EQ(0, kipc_info(&after));
	EXPECT_EQ(before.objects + 1, after.objects);
	EXPECT_LE(before.bytes + 8192, after.bytes);
	close(fd[0]);
	close(fd[1]);
	ASSERT_EQ(0, kipc_info(&after));
	EXPECT_EQ(before.objects, after.objects);
	EXPECT_EQ(before.bytes, after.bytes);
}

TEST_F(abi, struct_too_small)
{
	const struct call *call;

	for (call = calls; call->name; call++) {
		EXPECT_CHANGED(-EINVAL, call, .size = 1);
		EXPECT_CHANGED(-EINVAL, call, .size = 4);
		EXPECT_CHANGED(-EINVAL, call, .size = call->first - 1);
		/* There is one that has no more than a size and flags. */
		if (call->first > 8) {
			EXPECT_CHANGED(-EINVAL, call, .size = 8);
			EXPECT_CHANGED(-EINVAL, call, .size = call->first - 8);
		}
		EXPECT_CHANGED(-EINVAL, call, .no_size = true);
	}
}

/* What it does not know of it does not get. */
TEST_F(abi, struct_of_an_old_program)
{
	struct scene *scene = &self->scene;
	const struct call *call;
	unsigned char *end;
	size_t size;

	for (call = calls; call->name; call++) {
		for (size = call->first; size < call->size; size++) {
			ASSERT_EQ(0, scene_make(scene, call));
			prepare(scene, call, scene->args);
			*(uint32_t *)scene->args = size;
			end = scene->args + size;
			memset(end, 0xa5, 64);
			EXPECT_EQ(0, issue(scene, call, scene->args))
				TH_LOG("%s, size %zu", call->name, size);
			EXPECT_EQ(0xa5, *end)
				TH_LOG("%s, size %zu", call->name, size);
			EXPECT_EQ(0, memcmp(end, end + 1, 63))
				TH_LOG("%s, size %zu", call->name, size);
			close_new(scene, call, scene->args);
			scene_end(scene);
		}
	}
}

TEST_F(abi, struct_larger)
{
	const struct call *call;

	for (call = calls; call->name; call++) {
		EXPECT_CHANGED(0, call, .size = call->size + 1);
		EXPECT_CHANGED(0, call, .size = call->size + 8);
		EXPECT_CHANGED(0, call, .size = PAGE);
	}
}

TEST_F(abi, struct_tail_not_understood)
{
	const struct call *call;
	size_t size;

	for (call = calls; call->name; call++) {
		size = call->size;
		EXPECT_CHANGED(-E2BIG, call, .size = size + 1, .offset = size,
			       .len = 1);
		EXPECT_CHANGED(-E2BIG, call, .size = size + 16,
			       .offset = size + 15, .len = 1);
		EXPECT_CHANGED(-E2BIG, call, .size = PAGE, .offset = PAGE - 1,
			       .len = 1);
	}
}

TEST_F(abi, struct_beyond_a_page)
{
	const struct call *call;

	for (call = calls; call->name; call++) {
		EXPECT_CHANGED(-E2BIG, call, .size = PAGE + 1);
		EXPECT_CHANGED(-E2BIG, call, .size = 2 * PAGE);
		EXPECT_CHANGED(-E2BIG, call, .size = 0x80000000);
		EXPECT_CHANGED(-E2BIG, call, .size = 0xffffffff);
	}
}

TEST_F(abi, unknown_flags)
{
	struct scene *scene = &self->scene;
	uint32_t *header = (uint32_t *)scene->args;
	const struct call *call;
	int bit;

	for (call = calls; call->name; call++) {
		ASSERT_EQ(0, scene_make(scene, call));
		for (bit = 0; bit < 32; bit++) {
			if (call->flags & 1U << bit)
				continue;
			prepare(scene, call, scene->args);
			header[1] |= 1U << bit;
			EXPECT_EQ(-EINVAL, issue(scene, call, scene->args))
				TH_LOG("%s, bit %d", call->name, bit);
		}
		EXPECT_TRUE(scene_intact(scene))
			TH_LOG("%s failed and did something", call->name);
	}
}

TEST_F(abi, padding)
{
	const struct member *member;
	const struct call *call;
	size_t i;

	for (call = calls; call->name; call++) {
		for (i = 0; i < ARRAY_SIZE(must_be_zero); i++) {
			member = &must_be_zero[i];
			if (!concerns(member, call))
				continue;
			EXPECT_CHANGED(-EINVAL, call, .offset = member->offset,
				       .len = 1);
			EXPECT_CHANGED(-EINVAL, call, .offset =
				       member->offset + member->size - 1,
				       .len = 1);
		}
	}
}

static bool all_ones(const unsigned char *bytes, size_t len)
{
	while (len--)
		if (*bytes++ != 0xff)
			return false;
	return true;
}

/* They are ignored on the way in, and there is something in them after it. */
TEST_F(abi, outputs)
{
	struct scene *scene = &self->scene;
	const struct member *member;
	const struct call *call;
	unsigned char *at;
	size_t i;

	for (call = calls; call->name; call++) {
		for (i = 0; i < ARRAY_SIZE(outputs); i++) {
			member = &outputs[i];
			if (!concerns(member, call))
				continue;
			ASSERT_EQ(0, scene_make(scene, call));
			prepare(scene, call, scene->args);
			at = scene->args + member->offset;
			memset(at, 0xff, member->size);
			EXPECT_EQ(0, issue(scene, call, scene->args))
				TH_LOG("%s, %s", call->name, member->name);
			EXPECT_FALSE(all_ones(at, member->size))
				TH_LOG("%s, %s", call->name, member->name);
			close_new(scene, call, scene->args);
			scene_end(scene);
		}
	}
}

/* The caller told how long his struct is. */
TEST_F(abi, nothing_behind_the_struct_is_written)
{
	struct scene *scene = &self->scene;
	const struct call *call;
	unsigned char *end;

	for (call = calls; call->name; call++) {
		ASSERT_EQ(0, scene_make(scene, call));
		prepare(scene, call, scene->args);
		end = scene->args + call->size;
		memset(end, 0xa5, 64);
		EXPECT_EQ(0, issue(scene, call, scene->args));
		EXPECT_EQ(0xa5, *end)
			TH_LOG("%s", call->name);
		EXPECT_EQ(0, memcmp(end, end + 1, 63))
			TH_LOG("%s", call->name);
		close_new(scene, call, scene->args);
		scene_end(scene);
	}
}

TEST_F(abi, destroyed_object)
{
	struct scene *scene = &self->scene;
	const struct call *call;

	for (call = calls; call->name; call++) {
		if (call->file == DEVICE)
			continue;
		ASSERT_EQ(0, scene_make(scene, call));
		prepare(scene, call, scene->args);
		ASSERT_EQ(0, kipc_destroy(scene->fd[call->file]));
		EXPECT_EQ(call->cmd == KIPC_STAT ? 0 : -EIDRM,
			  issue(scene, call, scene->args))
			TH_LOG("%s", call->name);
		scene_end(scene);
	}
}

/* Issues @call with arguments that lie, or end, at a bad place. */
static void issue_fault(struct __test_metadata *_metadata,
			struct scene *scene, const struct call *call,
			void *args, const char *what)
{
	EXPECT_EQ(-EFAULT, issue(scene, call, args))
		TH_LOG("%s: %s", call->name, what);
	EXPECT_TRUE(scene_intact(scene))
		TH_LOG("%s: %s: failed and did something", call->name, what);
}

static void expect_fault(struct __test_metadata *_metadata,
			 struct scene *scene, const struct call *call,
			 void *args, const char *what)
{
	ASSERT_EQ(0, scene_make(scene, call));
	issue_fault(_metadata, scene, call, args, what);
}

TEST_F(abi, argument_not_mapped)
{
	unsigned char *end = self->scene.args + 2 * PAGE;
	struct scene *scene = &self->scene;
	const struct call *call;
	uint32_t size;

	for (call = calls; call->name; call++) {
		expect_fault(_metadata, scene, call, NULL, "null");
		expect_fault(_metadata, scene, call, end, "not mapped");
		expect_fault(_metadata, scene, call, (void *)-4096L, "kernel");
		expect_fault(_metadata, scene, call, (void *)(1UL << 62),
			     "not canonical");
		/* The size can be read, and the end of the struct cannot. */
		size = call->size;
		memset(end - size, 0, size);
		memcpy(end - 8, &size, sizeof(size));
		if (size > 8)
			expect_fault(_metadata, scene, call, end - 8,
				     "cut to 8 bytes");
		memcpy(end - size + 1, &size, sizeof(size));
		expect_fault(_metadata, scene, call, end - size + 1,
			     "cut by a byte");
	}
}

TEST_F(abi, argument_read_only)
{
	struct scene *scene = &self->scene;
	const struct call *call;

	for (call = calls; call->name; call++) {
		if (!call->output)
			continue;
		ASSERT_EQ(0, scene_make(scene, call));
		prepare(scene, call, scene->args);
		ASSERT_EQ(0, mprotect(scene->args, PAGE, PROT_READ));
		issue_fault(_metadata, scene, call, scene->args, "read-only");
		ASSERT_EQ(0, mprotect(scene->args, PAGE,
				      PROT_READ | PROT_WRITE));
	}
}

/* Arguments of which @cut bytes lie in one page; @page can only be read. */
static void expect_half_fault(struct __test_metadata *_metadata,
			      struct scene *scene, const struct call *call,
			      size_t cut, unsigned char *page)
{
	unsigned char *args = scene->args + PAGE - cut;

	ASSERT_EQ(0, scene_make(scene, call));
	prepare(scene, call, args);
	ASSERT_EQ(0, mprotect(page, PAGE, PROT_READ));
	issue_fault(_metadata, scene, call, args,
		    page == scene->args ? "begin read-only" : "end read-only");
	ASSERT_EQ(0, mprotect(page, PAGE, PROT_READ | PROT_WRITE));
}

/* What will not find its place is not begun. */
TEST_F(abi, argument_half_read_only)
{
	struct scene *scene = &self->scene;
	size_t reply = offsetof(struct kipc_endpoint_call, reply);
	const struct call *call;
	size_t cut;

	for (call = calls; call->name; call++) {
		/* Its reply is given, whatever comes of the rest. */
		if (!call->output || call->cmd == KIPC_ENDPOINT_REPLY_RECV)
			continue;
		cut = call->size - 8;
		expect_half_fault(_metadata, scene, call, cut, scene->args);
		expect_half_fault(_metadata, scene, call, cut,
				  scene->args + PAGE);
		/* The reply of a call is all that is written. */
		if (call->cmd == KIPC_ENDPOINT_CALL)
			expect_half_fault(_metadata, scene, call, reply + 8,
					  scene->args);
	}
}

TEST_F(abi, inner_pointers)
{
	struct scene *scene = &self->scene;
	const uint64_t bad[] = {
		8, to_u64(scene->args + 2 * PAGE),
		-4096ULL, 1ULL << 62,
	};
	const struct call *call;
	size_t i, j;

	for (call = calls; call->name; call++) {
		for (i = 0; i < ARRAY_SIZE(pointers) * ARRAY_SIZE(bad); i++) {
			j = i / ARRAY_SIZE(bad);
			if (!concerns(&pointers[j], call))
				continue;
			ASSERT_EQ(0, scene_make(scene, call));
			prepare(scene, call, scene->args);
			*(uint64_t *)(scene->args + pointers[j].offset) =
				bad[i % ARRAY_SIZE(bad)];
			EXPECT_EQ(-EFAULT, issue(scene, call, scene->args))
				TH_LOG("%s, %s = %#llx", call->name,
				       pointers[j].name,
				       bad[i % ARRAY_SIZE(bad)] + 0ULL);
			EXPECT_TRUE(scene_intact(scene));
		}
	}
}

/* Copies what the call reads there, and has it write to where it cannot. */
TEST_F(abi, output_buffers_read_only)
{
	struct scene *scene = &self->scene;
	unsigned char *page = scene->args + PAGE;
	const struct call *call;
	uint64_t *pointer;
	size_t i;

	for (call = calls; call->name; call++) {
		for (i = 0; i < ARRAY_SIZE(targets); i++) {
			if (!concerns(&targets[i], call))
				continue;
			ASSERT_EQ(0, scene_make(scene, call));
			prepare(scene, call, scene->args);
			pointer = (uint64_t *)(scene->args + targets[i].offset);
			if (call->cmd == KIPC_ARRAY_OPS)
				memcpy(page, scene->array_ops,
				       sizeof(scene->array_ops));
			if (call->cmd == KIPC_ARRAY_WAIT)
				memcpy(page, scene->slots,
				       sizeof(scene->slots));
			if (call->cmd == KIPC_ENDPOINT_RECVV ||
			    call->cmd == KIPC_MAILBOX_RECVV)
				memcpy(page, scene->msgs,
				       sizeof(scene->msgs));
			*pointer = to_u64(page);
			ASSERT_EQ(0, mprotect(page, PAGE, PROT_READ));
			EXPECT_EQ(-EFAULT, issue(scene, call, scene->args))
				TH_LOG("%s, %s", call->name, targets[i].name);
			EXPECT_TRUE(scene_intact(scene))
				TH_LOG("%s failed and did something",
				       call->name);
			ASSERT_EQ(0, mprotect(page, PAGE,
					      PROT_READ | PROT_WRITE));
		}
	}
}

static bool known(unsigned long cmd, enum file file)
{
	const struct call *call;

	for (call = calls; call->name; call++)
		if (call->cmd == cmd && kind_of(call->file) == kind_of(file))
			return true;
	return false;
}

TEST_F(abi, unknown_numbers)
{
	struct scene *scene = &self->scene;
	unsigned long cmd;
	int file, nr;

	ASSERT_EQ(0, scene_make(scene, scene));
	memset(scene->args, 0, PAGE);
	for (file = 0; file < FILES; file++) {
		for (nr = 0; nr < 256; nr++) {
			cmd = _IO(KIPC_IOC_TYPE, nr);
			if (!known(cmd, file))
				EXPECT_EQ(-ENOTTY, kipc_ioctl(scene->fd[file],
							      cmd, scene->args))
					TH_LOG("file %d, number %#x", file, nr);
			/* Size and direction are part of the number. */
			cmd = _IOWR(KIPC_IOC_TYPE, nr, struct kipc_info);
			EXPECT_EQ(-ENOTTY, kipc_ioctl(scene->fd[file], cmd,
						      scene->args));
		}
		EXPECT_EQ(-ENOTTY, kipc_ioctl(scene->fd[file], TCGETS,
					      scene->args));
		EXPECT_EQ(-ENOTTY, kipc_ioctl(scene->fd[file], 0, NULL));
	}
	EXPECT_EQ(-ENOTTY, kipc_ioctl(scene->fd[DEVICE], FIONREAD,
				      scene->args));
	EXPECT_TRUE(scene_intact(scene));
	scene_end(scene);
}

TEST_F(abi, device_is_no_pipe)
{
	char byte;
	int dev = kipc_device();

	ASSERT_LE(0, dev);
	EXPECT_GT(0, read(dev, &byte, 1));
	EXPECT_GT(0, write(dev, &byte, 1));
	EXPECT_EQ(MAP_FAILED, mmap(NULL, PAGE, PROT_READ, MAP_SHARED, dev, 0));
	close(dev);
}

TEST_F(abi, kind_of_open)
{
	struct kipc_open arg;
	const struct call call = { .size = sizeof(arg), .fill = fill_open };
	uint32_t kind;

	ASSERT_EQ(0, scene_make(&self->scene, &self->scene));
	prepare(&self->scene, &call, &arg);
	arg.kind = KIPC_KIND_ANY;
	EXPECT_EQ(0, kipc_device_ioctl(KIPC_OPEN, &arg));
	EXPECT_EQ(KIPC_KIND_PIPE, arg.kind);
	EXPECT_EQ(self->scene.id, arg.id);
	close(arg.fd);
	prepare(&self->scene, &call, &arg);
	arg.kind = KIPC_KIND_ANY;
	arg.flags = KIPC_PIPE_NOSIGPIPE;
	EXPECT_EQ(-EINVAL, kipc_device_ioctl(KIPC_OPEN, &arg));
	for (kind = KIPC_KIND_PIPE + 1; kind; kind <<= 1) {
		prepare(&self->scene, &call, &arg);
		arg.kind = kind;
		EXPECT_EQ(-EINVAL, kipc_device_ioctl(KIPC_OPEN, &arg));
	}
	EXPECT_TRUE(scene_intact(&self->scene));
	scene_end(&self->scene);
}

TEST_F(abi, list_arguments)
{
	static const struct kipc_list bad[] = {
		{ .entry_size = sizeof(struct kipc_entry), .count = 0 },
		{ .entry_size = 0, .count = 1 },
		{ .entry_size = sizeof(struct kipc_entry) - 1, .count = 1 },
		{ .entry_size = sizeof(struct kipc_entry), .count = 1,
		  .kind = KIPC_KIND_PIPE + 1 },
		{ .entry_size = sizeof(struct kipc_entry), .count = 1,
		  .kind = 0xffffffff },
	};
	struct kipc_list arg;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		arg = bad[i];
		arg.size = sizeof(arg);
		arg.entries = to_u64(self->scene.args);
		EXPECT_EQ(-EINVAL, kipc_device_ioctl(KIPC_LIST, &arg))
			TH_LOG("case %zu", i);
	}
}

/* Entries of a later version, larger, are zero beyond what is known. */
TEST_F(abi, list_larger_entries)
{
	size_t size = sizeof(struct kipc_entry) + 8;
	struct kipc_list arg = {
		.size = sizeof(arg),
		.entries = to_u64(self->scene.args),
		.entry_size = size,
		.count = 1,
		.kind = KIPC_KIND_PIPE,
	};
	struct kipc_entry entry;
	size_t i;

	ASSERT_EQ(0, scene_make(&self->scene, &self->scene));
	memset(self->scene.args, 0xff, 4 * size);
	EXPECT_EQ(0, kipc_device_ioctl(KIPC_LIST, &arg));
	ASSERT_EQ(1, arg.count);
	memcpy(&entry, self->scene.args, sizeof(entry));
	EXPECT_EQ(self->scene.id, entry.id);
	EXPECT_STREQ(NAME, (char *)entry.name);
	for (i = sizeof(entry); i < size; i++)
		EXPECT_EQ(0, self->scene.args[i]);
	for (i = size; i < 4 * size; i++)
		EXPECT_EQ(0xff, self->scene.args[i]);
	scene_end(&self->scene);
}

#ifdef ABI_32BIT_PROGRAM
TEST_F(abi, program_of_32_bits)
{
	size_t size = program_32bit_end - program_32bit;
	int fd = memfd_create("program", MFD_CLOEXEC), status;
	pid_t pid;

	ASSERT_EQ(size, write(fd, program_32bit, size));
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		syscall(SYS_execveat, fd, "", (char *[]){ "32bit", NULL },
			NULL, AT_EMPTY_PATH);
		_exit(errno == ENOEXEC ? 126 : 127);
	}
	status = child_end(pid);
	close(fd);
	if (status == 126)
		SKIP(return, "this kernel runs no 32-bit programs");
	EXPECT_EQ(0, status);
}
#else
TEST_F(abi, program_of_32_bits)
{
	SKIP(return, "the compiler made no 32-bit programs");
}
#endif

TEST_HARNESS_MAIN
