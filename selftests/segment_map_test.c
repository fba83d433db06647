// SPDX-License-Identifier: GPL-2.0
/* How long a mapping lives, and what it keeps alive. */
#include "kselftest_harness.h"

#include "segment_util.h"

#define NAME	"segment_map_test"

FIXTURE(map)
{
	uint64_t bytes, objects;	/* that root is charged for */
	int fd;				/* named NAME, three pages */
	uint64_t id;
};

FIXTURE_SETUP(map)
{
	struct kipc_segment_create arg = {
		.flags = KIPC_EXCL,
		.name = to_u64(NAME),
		.name_len = strlen(NAME),
		.mode = 0600,
		.rights = RIGHT_BOTH,
		.bytes = 3 * PAGE,
	};

	kipc_unlink(NAME);
	self->bytes = bytes_of(0);
	self->objects = objects_of(0);
	self->fd = segment_create(&arg);
	ASSERT_LE(0, self->fd);
	self->id = arg.id;
}

/* In the end the segment is gone, with its name and charge. */
FIXTURE_TEARDOWN(map)
{
	EXPECT_EQ(-ENOENT, segment_open(NAME, KIPC_RIGHT_READ));
	EXPECT_EQ(self->bytes, bytes_of(0));
	EXPECT_EQ(self->objects, objects_of(0));
}

TEST_F(map, outlives_the_descriptor_and_the_name)
{
	char *mem = map_shared(self->fd, 3 * PAGE, PROT_RW);
	struct kipc_stat st;

	ASSERT_NE(NULL, mem);
	ASSERT_EQ(0, kipc_unlink(NAME));
	close(self->fd);
	EXPECT_EQ(0, touch_write(mem + 2 * PAGE, 'm'));
	EXPECT_EQ('m', mem[2 * PAGE]);
	EXPECT_EQ(self->bytes + 3 * PAGE, bytes_of(0));
	EXPECT_EQ(self->objects + 1, objects_of(0));
	EXPECT_EQ(0, kipc_stat_id(self->id, &st));
	munmap(mem, 3 * PAGE);
	EXPECT_EQ(-ENOENT, kipc_stat_id(self->id, &st));
}

TEST_F(map, keeps_the_name_and_the_content)
{
	char *mem = map_shared(self->fd, 3 * PAGE, PROT_RW), *again;
	struct kipc_stat st;
	int fd;

	ASSERT_NE(NULL, mem);
	close(self->fd);
	memset(mem, 'k', 3 * PAGE);
	EXPECT_EQ(1, times_listed(NAME));
	ASSERT_EQ(0, kipc_stat_name(NAME, &st));
	EXPECT_EQ(0, st.entry.handles);
	EXPECT_EQ(3 * PAGE, st.entry.bytes);

	fd = segment_open(NAME, KIPC_RIGHT_READ);
	ASSERT_LE(0, fd);
	again = map_shared(fd, 3 * PAGE, PROT_READ);
	ASSERT_NE(NULL, again);
	EXPECT_TRUE(all_bytes(again, 3 * PAGE, 'k'));
	mem[PAGE] = 'l';
	EXPECT_EQ('l', again[PAGE]);
	munmap(again, 3 * PAGE);
	close(fd);
	munmap(mem, 3 * PAGE);
	EXPECT_EQ(0, times_listed(NAME));
}

TEST_F(map, private_one_keeps_it_too)
{
	char *mem = map_at(self->fd, 3 * PAGE, PROT_RW, MAP_PRIVATE, 0);

	ASSERT_NE(NULL, mem);
	close(self->fd);
	memset(mem, 'p', PAGE);
	EXPECT_EQ(1, times_listed(NAME));
	EXPECT_EQ(0, mem[PAGE]);
	munmap(mem, 3 * PAGE);
}

TEST_F(map, does_not_count_as_a_handle)
{
	char *mem = map_shared(self->fd, PAGE, PROT_RW);
	struct kipc_stat st;

	ASSERT_NE(NULL, mem);
	ASSERT_EQ(0, kipc_stat_fd(self->fd, &st));
	EXPECT_EQ(1, st.entry.handles);
	close(self->fd);
	ASSERT_EQ(0, kipc_stat_id(self->id, &st));
	EXPECT_EQ(0, st.entry.handles);
	munmap(mem, PAGE);
}

TEST_F(map, any_piece_of_it_keeps_the_whole)
{
	char *mem = map_shared(self->fd, 3 * PAGE, PROT_RW);
	char *far = map_at(self->fd, PAGE, PROT_READ, MAP_SHARED, 2 * PAGE);
	int fd;

	ASSERT_NE(NULL, mem);
	ASSERT_NE(NULL, far);
	close(self->fd);
	mem[2 * PAGE] = 'f';
	munmap(mem, PAGE);
	munmap(mem + 2 * PAGE, PAGE);
	EXPECT_EQ(1, times_listed(NAME));
	munmap(mem + PAGE, PAGE);
	EXPECT_EQ('f', *far);
	fd = segment_open(NAME, RIGHT_BOTH);
	ASSERT_LE(0, fd);
	EXPECT_EQ(3 * PAGE, segment_resident(fd) + PAGE * 2);
	EXPECT_EQ(3 * PAGE, segment_bytes(fd));
	close(fd);
	munmap(far, PAGE);
}

TEST_F(map, moved_and_grown_keeps_it)
{
	char *mem = map_shared(self->fd, PAGE, PROT_RW), *new;

	ASSERT_NE(NULL, mem);
	close(self->fd);
	*mem = 'a';
	new = mremap(mem, PAGE, 4 * PAGE, MREMAP_MAYMOVE);
	ASSERT_NE(MAP_FAILED, new);
	EXPECT_EQ('a', *new);
	EXPECT_EQ(0, touch_write(new + 2 * PAGE, 'b'));
	EXPECT_EQ(SIGBUS, touch_read(new + 3 * PAGE));
	/* Of a shared mapping, none at all is copied: a second one. */
	mem = mremap(new, 0, 3 * PAGE, MREMAP_MAYMOVE);
	ASSERT_NE(MAP_FAILED, mem);
	munmap(new, 4 * PAGE);
	EXPECT_EQ('b', mem[2 * PAGE]);
	EXPECT_EQ(1, times_listed(NAME));
	munmap(mem, 3 * PAGE);
}

TEST_F(map, goes_when_something_else_is_mapped_over_it)
{
	char *mem = map_shared(self->fd, PAGE, PROT_RW);

	ASSERT_NE(NULL, mem);
	close(self->fd);
	ASSERT_EQ(mem, mmap(mem, PAGE, PROT_RW, MAP_FIXED | MAP_PRIVATE |
			    MAP_ANONYMOUS, -1, 0));
	EXPECT_EQ(0, times_listed(NAME));
	munmap(mem, PAGE);
}

TEST_F(map, of_a_killed_process_is_gone)
{
	pid_t pid = keeper_start(self->fd, 3 * PAGE, PROT_RW);

	ASSERT_LT(0, pid);
	close(self->fd);
	EXPECT_EQ(1, times_listed(NAME));
	EXPECT_EQ(self->bytes + 3 * PAGE, bytes_of(0));
	EXPECT_EQ(128 + SIGKILL, child_kill(pid));
	EXPECT_EQ(0, times_listed(NAME));
}

TEST_F(map, of_a_forked_child_is_its_own)
{
	char *mem = map_shared(self->fd, PAGE, PROT_RW);
	pid_t pid;

	ASSERT_NE(NULL, mem);
	close(self->fd);
	pid = kipc_fork();
	if (!pid) {
		/* Without a descriptor, and after its parent's has gone. */
		CHILD_CHECK(wait_for(__atomic_load_n(mem, __ATOMIC_ACQUIRE)));
		CHILD_CHECK(wait_for(times_listed(NAME) == 1));
		mem[1] = 'c';
		__atomic_store_n(mem, 2, __ATOMIC_RELEASE);
		for (;;)
			pause();
	}
	__atomic_store_n(mem, 1, __ATOMIC_RELEASE);
	EXPECT_TRUE(wait_for(__atomic_load_n(mem, __ATOMIC_ACQUIRE) == 2));
	EXPECT_EQ('c', mem[1]);
	munmap(mem, PAGE);
	EXPECT_EQ(1, times_listed(NAME));
	child_kill(pid);
}

static void make_and_pass(void *arg)
{
	int *sock = arg, fd = segment_make(PAGE, 0);
	char *mem = map_shared(fd, PAGE, PROT_RW);

	CHECK_EQ(1, !!mem);
	strcpy(mem, "from the dead");
	CHECK_EQ(0, send_fd(sock[1], fd));
	for (;;)
		pause();
}

TEST_F(map, outlives_who_made_it)
{
	int sock[2], fd;
	uint64_t before;
	char *mem;
	pid_t pid;

	close(self->fd);
	before = bytes_of(0);
	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_SEQPACKET, 0, sock));
	pid = child_start(make_and_pass, sock);
	fd = recv_fd(sock[0]);
	ASSERT_LE(0, fd);
	mem = map_shared(fd, PAGE, PROT_RW);
	ASSERT_NE(NULL, mem);
	close(fd);
	EXPECT_EQ(128 + SIGKILL, child_kill(pid));
	EXPECT_STREQ("from the dead", mem);
	EXPECT_EQ(0, touch_write(mem, 'F'));
	EXPECT_EQ(before + PAGE, bytes_of(0));
	munmap(mem, PAGE);
	close(sock[0]);
	close(sock[1]);
}

TEST_F(map, sees_what_all_others_write)
{
	int reader = segment_open(NAME, KIPC_RIGHT_READ);
	char *a = map_shared(self->fd, 3 * PAGE, PROT_RW);
	char *b = map_at(self->fd, 2 * PAGE, PROT_RW, MAP_SHARED, PAGE);
	char *c = map_shared(reader, 3 * PAGE, PROT_READ);
	char *own = map_at(reader, 3 * PAGE, PROT_RW, MAP_PRIVATE, 0);

	ASSERT_TRUE(a && b && c && own);
	a[PAGE] = 1;
	EXPECT_EQ(1, b[0]);
	b[PAGE] = 2;
	EXPECT_EQ(2, a[2 * PAGE]);
	EXPECT_EQ(2, c[2 * PAGE]);
	own[0] = 9;
	EXPECT_EQ(0, a[0]);
	a[0] = 3;
	EXPECT_EQ(3, c[0]);
	EXPECT_EQ(9, own[0]);
	munmap(a, 3 * PAGE);
	munmap(b, 2 * PAGE);
	munmap(c, 3 * PAGE);
	munmap(own, 3 * PAGE);
	close(reader);
	close(self->fd);
}

TEST_F(map, of_a_destroyed_segment_works_on)
{
	char *mem = map_shared(self->fd, 3 * PAGE, PROT_RW), *new;

	ASSERT_NE(NULL, mem);
	ASSERT_EQ(0, kipc_destroy(self->fd));
	close(self->fd);
	EXPECT_EQ(0, touch_write(mem + PAGE, 1));
	new = mremap(mem, 3 * PAGE, 4 * PAGE, MREMAP_MAYMOVE);
	ASSERT_NE(MAP_FAILED, new);
	EXPECT_EQ(1, new[PAGE]);
	EXPECT_EQ(self->bytes + 3 * PAGE, bytes_of(0));
	munmap(new, 4 * PAGE);
}

TEST_F(map, offset_beyond_any_file_is_an_overflow)
{
	off_t last = INT64_MAX & -PAGE;
	void *mem;

	/* What a memfd says, too; the mapping itself may lie beyond the end. */
	mem = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, self->fd, last - PAGE);
	EXPECT_NE(MAP_FAILED, mem);
	EXPECT_EQ(SIGBUS, touch_read(mem));
	munmap(mem, PAGE);
	EXPECT_EQ(MAP_FAILED, mmap(NULL, PAGE, PROT_READ, MAP_SHARED, self->fd,
				   last));
	EXPECT_EQ(EOVERFLOW, errno);
	EXPECT_EQ(MAP_FAILED, mmap(NULL, PAGE, PROT_READ, MAP_SHARED, self->fd,
				   -PAGE));
	EXPECT_EQ(EOVERFLOW, errno);
	EXPECT_EQ(-EINVAL, try_map(self->fd, 0, PROT_READ, MAP_SHARED));
	close(self->fd);
}

TEST_F(map, holds_the_module)
{
	const char *path = "/sys/module/kipc/refcnt";
	long long before = proc_number(path, "");
	pid_t pid;

	if (before < 0) {
		close(self->fd);
		SKIP(return, "no %s", path);
	}
	pid = keeper_start(self->fd, PAGE, PROT_READ);
	ASSERT_LT(0, pid);
	close(self->fd);
	EXPECT_LT(0, proc_number(path, ""));
	EXPECT_EQ(-1, syscall(SYS_delete_module, "kipc", O_NONBLOCK));
	EXPECT_EQ(EAGAIN, errno);
	EXPECT_EQ(128 + SIGKILL, child_kill(pid));
	/* One file less than in the beginning: the handle is closed. */
	EXPECT_GT(before, proc_number(path, ""));
}

TEST_F(map, shows_as_a_segment)
{
	char *mem = map_shared(self->fd, PAGE, PROT_RW), line[512];
	FILE *maps = fopen("/proc/self/maps", "r");
	bool found = false;

	ASSERT_NE(NULL, mem);
	ASSERT_NE(NULL, maps);
	while (fgets(line, sizeof(line), maps))
		found |= strtoul(line, NULL, 16) == (uintptr_t)mem &&
			 strstr(line, "rw-s") && strstr(line, "kipc:segment");
	fclose(maps);
	EXPECT_TRUE(found);
	munmap(mem, PAGE);
	close(self->fd);
}

TEST_F(map, survives_that_of_others_who_are_killed)
{
	unsigned long rounds = scaled(300), i;

	/* Files of mappings come and go; the segment stays. */
	for (i = 0; i < rounds; i++) {
		pid_t pid = keeper_start(self->fd, PAGE, PROT_RW);
		char *mem = map_shared(self->fd, PAGE, PROT_RW);

		ASSERT_LT(0, pid);
		ASSERT_NE(NULL, mem);
		EXPECT_EQ(0, touch_write(mem, i));
		munmap(mem, PAGE);
		ASSERT_EQ(128 + SIGKILL, child_kill(pid));
	}
	close(self->fd);
}

TEST_HARNESS_MAIN
