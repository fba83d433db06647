// SPDX-License-Identifier: GPL-2.0
/*
 * Making, opening and mapping mapped pipes, the calls that such a pipe knows, and
 * the errors that the header promises.
 */
#include <sys/sendfile.h>
#include <sys/uio.h>

#include <asm/ioctls.h>

#include "kselftest_harness.h"
#include "mapped_pipe_util.h"

#define NAME		"mapped_pipe_api_test"
#define CAPACITY	(4 * page_size())

FIXTURE(api) {
	uint64_t bytes;		/* that root is charged for */
	struct end wr;
	struct end rd;
};

FIXTURE_SETUP(api)
{
	self->bytes = bytes_of(0);
	ASSERT_EQ(0, both_ends(&self->wr, &self->rd, CAPACITY));
}

FIXTURE_TEARDOWN(api)
{
	end_unmap(&self->wr);
	end_unmap(&self->rd);
	close(self->wr.fd);
	close(self->rd.fd);
	EXPECT_EQ(self->bytes, bytes_of(0));
}

/* The capacity that a pipe gets, or -errno. */
static int64_t capacity_of(uint64_t asked, uint32_t flags)
{
	struct kipc_pipe_create arg = {
		.size = sizeof(arg),
		.flags = flags,
		.rights = RIGHT_BOTH,
		.capacity = asked,
	};
	int ret = kipc_device_ioctl(KIPC_PIPE_CREATE, &arg);

	if (ret)
		return ret;
	close(arg.read_fd);
	close(arg.write_fd);
	return arg.capacity;
}

TEST(capacity)
{
	const int64_t page = page_size();
	long long max = sysctl_get("pipe_max"), usual = sysctl_get("pipe_default");

	EXPECT_EQ(usual, capacity_of(0, KIPC_PIPE_MAPPED));
	EXPECT_EQ(-EINVAL, capacity_of(1, KIPC_PIPE_MAPPED));
	EXPECT_EQ(page, capacity_of(page, KIPC_PIPE_MAPPED));
	EXPECT_EQ(2 * page, capacity_of(page + 1, KIPC_PIPE_MAPPED));
	EXPECT_EQ(4 * page, capacity_of(2 * page + 1, KIPC_PIPE_MAPPED));
	EXPECT_EQ(4 * page, capacity_of(4 * page, KIPC_PIPE_MAPPED));
	EXPECT_EQ(8 * page, capacity_of(5 * page, KIPC_PIPE_MAPPED));
	EXPECT_EQ(max, capacity_of(max, KIPC_PIPE_MAPPED));
	EXPECT_EQ(-ENOSPC, capacity_of(max + 1, KIPC_PIPE_MAPPED));
	EXPECT_EQ(-ENOSPC, capacity_of(UINT64_MAX, KIPC_PIPE_MAPPED));

	/* What is rounded up must not be above the ceiling either. */
	ASSERT_EQ(0, sysctl_set("pipe_max", 6 * page));
	EXPECT_EQ(4 * page, capacity_of(3 * page, KIPC_PIPE_MAPPED));
	EXPECT_EQ(-ENOSPC, capacity_of(5 * page, KIPC_PIPE_MAPPED));
	EXPECT_EQ(4 * page, capacity_of(0, KIPC_PIPE_MAPPED));
	EXPECT_EQ(5 * page, capacity_of(5 * page, 0));
	EXPECT_EQ(0, sysctl_set("pipe_default", 3 * page));
	EXPECT_EQ(4 * page, capacity_of(0, KIPC_PIPE_MAPPED));
	EXPECT_EQ(0, sysctl_set("pipe_default", usual));
	EXPECT_EQ(0, sysctl_set("pipe_max", max));
}

TEST(flags)
{
	const uint64_t page = page_size();

	EXPECT_EQ(page, capacity_of(page, KIPC_PIPE_MAPPED | KIPC_PIPE_RECORD));
	EXPECT_EQ(page, capacity_of(page, KIPC_PIPE_MAPPED |
					  KIPC_PIPE_NOSIGPIPE));
	EXPECT_EQ(-EINVAL, capacity_of(page, KIPC_PIPE_MAPPED |
					     KIPC_PIPE_TURNS));
	EXPECT_EQ(-EINVAL, capacity_of(page, KIPC_PIPE_MAPPED | 1U << 20));
}

TEST_F(api, stat_and_charge)
{
	struct kipc_pipe_stat st;
	struct kipc_stat object;
	uint64_t whole = CAPACITY + 3 * page_size();

	ASSERT_EQ(0, kipc_pipe_stat(self->rd.fd, &st));
	EXPECT_EQ(KIPC_PIPE_MAPPED | KIPC_PIPE_RECORD, st.pipe_flags);
	EXPECT_EQ(CAPACITY, st.capacity);
	EXPECT_EQ(CAPACITY, self->wr.state->capacity);
	EXPECT_EQ(0, st.used);
	EXPECT_EQ(1, st.readers.handles);
	EXPECT_EQ(1, st.writers.handles);
	ASSERT_EQ(0, kipc_stat_fd(self->wr.fd, &object));
	EXPECT_EQ(whole, object.entry.bytes);
	EXPECT_EQ(KIPC_KIND_PIPE, object.entry.kind);
	EXPECT_EQ(KIPC_RIGHT_WRITE, object.rights);
	EXPECT_EQ(self->bytes + whole, bytes_of(0));
}

/* A ceiling is a ceiling: nothing is left behind. */
TEST_F(api, no_more_than_the_user_may_have)
{
	long long max = sysctl_get("max_bytes");
	int fd[2] = { -1, -1 };

	ASSERT_EQ(0, sysctl_set("max_bytes", self->bytes + 2 * CAPACITY +
					     5 * page_size()));
	EXPECT_EQ(-EDQUOT, mapped_pipe(fd, CAPACITY));
	EXPECT_EQ(0, mapped_pipe(fd, 2 * page_size()));
	close(fd[0]);
	close(fd[1]);
	EXPECT_EQ(0, sysctl_set("max_bytes", max));
}

TEST_F(api, what_is_in_use)
{
	struct kipc_pipe_stat st;
	int bytes = -1;

	end_move(&self->wr, 24);
	EXPECT_EQ(0, ioctl(self->rd.fd, FIONREAD, &bytes));
	EXPECT_EQ(24, bytes);
	end_move(&self->rd, 8);
	EXPECT_EQ(0, ioctl(self->wr.fd, FIONREAD, &bytes));
	EXPECT_EQ(16, bytes);
	ASSERT_EQ(0, kipc_pipe_stat(self->wr.fd, &st));
	EXPECT_EQ(16, st.used);
	EXPECT_EQ(24, st.writers.bytes);
	EXPECT_EQ(8, st.readers.bytes);
	EXPECT_EQ(0, st.my_bytes + st.my_calls + st.readers.calls);

	/* What cannot be is not passed on. */
	end_move(&self->rd, 32);
	EXPECT_EQ(0, ioctl(self->wr.fd, FIONREAD, &bytes));
	EXPECT_EQ(CAPACITY, bytes);
	end_move(&self->wr, UINT64_MAX);
	ASSERT_EQ(0, kipc_pipe_stat(self->rd.fd, &st));
	EXPECT_EQ(CAPACITY, st.used);
	EXPECT_EQ(-EFAULT, KIPC_RET(ioctl(self->rd.fd, FIONREAD, NULL)));
}

TEST_F(api, fdinfo)
{
	char path[64], text[1024];

	end_move(&self->wr, 40);
	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", self->rd.fd);
	ASSERT_LT(0, read_file(path, text, sizeof(text)));
	EXPECT_NE(NULL, strstr(text, "kipc-kind:\tpipe\n"));
	EXPECT_NE(NULL, strstr(text, "kipc-rights:\tr\n"));
	EXPECT_NE(NULL, strstr(text, "kipc-used:\t40\n"));
}

static int64_t pipe_resize(int fd, uint64_t capacity)
{
	struct kipc_pipe_resize arg = {
		.size = sizeof(arg),
		.capacity = capacity,
	};
	int ret = kipc_ioctl(fd, KIPC_PIPE_RESIZE, &arg);

	return ret ? ret : (int64_t)arg.capacity;
}

/* The data does not go through the kernel, in no way that there is. */
TEST_F(api, no_copies)
{
	int rd = self->rd.fd, wr = self->wr.fd, fd[2];
	struct iovec iov = { .iov_len = 5 };
	char buf[8] = "12345";
	off_t from = 0;

	end_move(&self->wr, 16);
	iov.iov_base = buf;
	ASSERT_EQ(0, pipe(fd));
	EXPECT_EQ(-EINVAL, KIPC_RET(read(rd, buf, sizeof(buf))));
	EXPECT_EQ(-EINVAL, KIPC_RET(readv(rd, &iov, 1)));
	EXPECT_EQ(-EINVAL, KIPC_RET(write(wr, buf, 5)));
	EXPECT_EQ(-EINVAL, KIPC_RET(writev(wr, &iov, 1)));
	EXPECT_EQ(-EINVAL, kipc_try_read(rd, buf, sizeof(buf)));
	EXPECT_EQ(-EINVAL, kipc_try_write(wr, buf, 5));
	EXPECT_EQ(-EINVAL, KIPC_RET(splice(rd, NULL, fd[1], NULL, 8, 0)));
	ASSERT_EQ(5, write(fd[1], buf, 5));
	EXPECT_EQ(-EINVAL, KIPC_RET(splice(fd[0], NULL, wr, NULL, 5, 0)));
	EXPECT_GT(0, sendfile(wr, open("/proc/self/exe", O_RDONLY), &from, 8));
	EXPECT_EQ(-EINVAL, pipe_resize(rd, 8 * page_size()));
	EXPECT_EQ(-EINVAL, pipe_resize(wr, 8 * page_size()));
	EXPECT_EQ(16, index_get(self->wr.mine));
	EXPECT_EQ(0, index_get(self->rd.mine));
}

TEST_F(api, calls_that_others_do_not_know)
{
	struct kipc_pipe_wake wake = { .size = sizeof(wake), .flags = 1 };
	int fd[2], dev = kipc_device();

	EXPECT_EQ(-EINVAL, pipe_wait(self->rd.fd, 8, 1U << 1, 0));
	EXPECT_EQ(-EINVAL, kipc_ioctl(self->rd.fd, KIPC_PIPE_WAKE, &wake));
	ASSERT_EQ(0, kipc_pipe(fd, page_size(), KIPC_PIPE_RECORD));
	EXPECT_EQ(-EINVAL, pipe_try(fd[0], 8));
	EXPECT_EQ(-EINVAL, pipe_try(fd[1], 8));
	EXPECT_EQ(-EINVAL, pipe_wake(fd[0]));
	EXPECT_EQ(-EINVAL, pipe_wake(fd[1]));
	EXPECT_FALSE(mapped(map_area(fd[0], 0, page_size(), PROT_READ)));
	EXPECT_EQ(ENODEV, errno);
	EXPECT_EQ(-ENOTTY, pipe_try(dev, 8));
	EXPECT_EQ(-ENOTTY, pipe_wake(dev));
	close(fd[0]);
	close(fd[1]);
}

/* One end of each side, whoever asks for another one. */
TEST(second_ends)
{
	struct kipc_pipe_create arg;
	int rd, wr;

	ASSERT_EQ(0, kipc_pipe_named(&arg, NAME, KIPC_RIGHT_READ, 0,
				     KIPC_PIPE_MAPPED));
	rd = arg.read_fd;
	EXPECT_EQ(-EBUSY, kipc_pipe_named(&arg, NAME, KIPC_RIGHT_READ, 0, 0));
	EXPECT_EQ(-EBUSY, kipc_pipe_named(&arg, NAME, RIGHT_BOTH, 0, 0));
	EXPECT_EQ(-EBUSY, kipc_open_name(NAME, KIPC_RIGHT_READ, 0));
	/* Asking for both has left no write end behind. */
	wr = kipc_open_name(NAME, KIPC_RIGHT_WRITE, 0);
	ASSERT_LE(0, wr);
	EXPECT_EQ(-EBUSY, kipc_open_name(NAME, KIPC_RIGHT_WRITE, 0));
	EXPECT_EQ(-EINVAL, kipc_open_name(NAME, RIGHT_BOTH, 0));
	close(rd);
	/* It is the pipe that counts, not what the call says of it. */
	ASSERT_EQ(0, kipc_pipe_named(&arg, NAME, KIPC_RIGHT_READ, 4096, 0));
	EXPECT_EQ(KIPC_RESULT_OPENED, arg.result);
	EXPECT_EQ(sysctl_get("pipe_default"), arg.capacity);
	EXPECT_EQ(0, pipe_wake(arg.read_fd));
	close(wr);
	close(arg.read_fd);
	EXPECT_EQ(-ENOENT, kipc_unlink(NAME));
}

struct area {
	unsigned int page;
	uint32_t writer;	/* right that it takes to write there */
	bool data;
};

static const struct area areas[] = {
	{ KIPC_PIPE_PAGE_STATE, 0, false },
	{ KIPC_PIPE_PAGE_PRODUCER, KIPC_RIGHT_WRITE, false },
	{ KIPC_PIPE_PAGE_CONSUMER, KIPC_RIGHT_READ, false },
	{ KIPC_PIPE_PAGE_DATA, KIPC_RIGHT_WRITE, true },
};

static size_t area_len(const struct area *area)
{
	return area->data ? 2 * CAPACITY : page_size();
}

/* 0 or -errno of an mmap(2), which is undone. */
static int try_area(int fd, unsigned int page, size_t len, int prot, int flags)
{
	void *mem = mmap(NULL, len, prot, flags, fd, (off_t)page * page_size());

	if (!mapped(mem))
		return -errno;
	munmap(mem, len);
	return 0;
}

/* Writes by the file that debuggers use, which would pass mere protection. */
static int force(void *at)
{
	int fd = open("/proc/self/mem", O_RDWR | O_CLOEXEC);
	uint64_t word = 0x6b697063;
	ssize_t ret = KIPC_RET(pwrite(fd, &word, 8, (uintptr_t)at));

	close(fd);
	return ret == 8 ? 0 : ret;
}

TEST_F(api, rights_to_areas)
{
	size_t i, k;

	for (i = 0; i < ARRAY_SIZE(areas); i++) {
		const struct area *area = &areas[i];

		for (k = 0; k < 2; k++) {
			uint32_t right = k ? KIPC_RIGHT_WRITE : KIPC_RIGHT_READ;
			bool may = area->writer == right;
			int fd = k ? self->wr.fd : self->rd.fd;
			size_t len = area_len(area);
			void *mem;

			EXPECT_EQ(may ? 0 : -EACCES,
				  try_area(fd, area->page, len, PROT_RW,
					   MAP_SHARED));
			EXPECT_EQ(may ? 0 : -EACCES,
				  try_area(fd, area->page, len, PROT_WRITE,
					   MAP_SHARED));
			mem = map_area(fd, area->page, len, PROT_READ);
			ASSERT_TRUE(mapped(mem));
			if (!may)
				EXPECT_EQ(-EIO, force(mem)) {
					TH_LOG("area %zu, end %zu", i, k);
				}
			EXPECT_EQ(may ? 0 : -EACCES,
				  KIPC_RET(mprotect(mem, len, PROT_RW)));
			munmap(mem, len);
		}
	}
	EXPECT_EQ(CAPACITY, self->rd.state->capacity);
	EXPECT_EQ(0, index_get(self->wr.mine));
}

TEST_F(api, areas_are_mapped_whole_and_shared)
{
	size_t page = page_size(), i;
	int fd = self->rd.fd;

	for (i = 0; i < ARRAY_SIZE(areas); i++) {
		const struct area *area = &areas[i];
		size_t len = area_len(area);

		EXPECT_EQ(0, try_area(fd, area->page, len, PROT_READ,
				      MAP_SHARED));
		EXPECT_EQ(0, try_area(fd, area->page, len, PROT_NONE,
				      MAP_SHARED));
		EXPECT_EQ(-EINVAL, try_area(fd, area->page, len, PROT_READ,
					    MAP_PRIVATE));
		EXPECT_EQ(-EINVAL, try_area(fd, area->page, len + page,
					    PROT_READ, MAP_SHARED));
		EXPECT_EQ(-EINVAL, try_area(fd, area->page + 9, len, PROT_READ,
					    MAP_SHARED));
	}
	/* Half of the data, all at once, its end alone. */
	EXPECT_EQ(-EINVAL, try_area(fd, KIPC_PIPE_PAGE_DATA, CAPACITY,
				    PROT_READ, MAP_SHARED));
	EXPECT_EQ(-EINVAL, try_area(fd, 0, 2 * CAPACITY + 3 * page, PROT_READ,
				    MAP_SHARED));
	EXPECT_EQ(-EINVAL, try_area(fd, 0, 2 * page, PROT_READ, MAP_SHARED));
	EXPECT_EQ(-EINVAL, try_area(fd, KIPC_PIPE_PAGE_DATA + 4, CAPACITY,
				    PROT_READ, MAP_SHARED));
	EXPECT_EQ(-EINVAL, try_area(fd, KIPC_PIPE_PAGE_DATA + 7, page,
				    PROT_READ, MAP_SHARED));
}

/* One memory for both ends, and the second half of it is the first one. */
TEST_F(api, data_is_there_twice)
{
	char *wr = self->wr.data, *rd = self->rd.data;
	static const char text[] = "across the end";
	char *cross = wr + CAPACITY - 4;

	strcpy(cross, text);
	EXPECT_STREQ(text, rd + CAPACITY - 4);
	EXPECT_STREQ(text + 4, rd);
	EXPECT_STREQ(text + 4, wr);
	strcpy(wr + 2 * page_size(), "x");
	EXPECT_STREQ("x", rd + CAPACITY + 2 * page_size());
	EXPECT_EQ('\0', rd[3 * page_size()]);
}

TEST_F(api, both_see_the_indices)
{
	end_move(&self->wr, 4711);
	EXPECT_EQ(4711, index_get(self->rd.other));
	EXPECT_EQ(0, index_get(self->wr.other));
	end_move(&self->rd, 4712);
	EXPECT_EQ(4712, index_get(self->wr.other));
	EXPECT_EQ(4711, index_get(self->wr.mine));
}

/* What was there is there again: it is the pipe's, not the mapping's. */
TEST_F(api, memory_that_was_given_back)
{
	size_t len = 2 * CAPACITY;

	end_move(&self->wr, 8);
	strcpy(self->wr.data, "kept");
	ASSERT_EQ(0, madvise(self->wr.data, len, MADV_DONTNEED));
	ASSERT_EQ(0, madvise(self->wr.mine, page_size(), MADV_DONTNEED));
	ASSERT_EQ(0, madvise(self->rd.state, page_size(), MADV_DONTNEED));
	EXPECT_STREQ("kept", self->wr.data + CAPACITY);
	EXPECT_STREQ("kept", self->rd.data);
	EXPECT_EQ(8, index_get(self->wr.mine));
	EXPECT_EQ(CAPACITY, self->rd.state->capacity);
	/* Not to be given back for good. */
	EXPECT_GT(0, madvise(self->wr.data, len, MADV_REMOVE));
	EXPECT_STREQ("kept", self->rd.data);
}

TEST_F(api, mappings_do_not_grow)
{
	size_t page = page_size();
	char *half;

	EXPECT_EQ(MAP_FAILED, mremap(self->rd.mine, page, 2 * page,
				     MREMAP_MAYMOVE));
	EXPECT_EQ(MAP_FAILED, mremap(self->rd.state, 0, 4 * page,
				     MREMAP_MAYMOVE));
	/* But they move, and what is cut off stays what it was. */
	strcpy(self->wr.data + page, "second page");
	half = mremap(self->rd.data + CAPACITY, CAPACITY, CAPACITY,
		      MREMAP_MAYMOVE | MREMAP_FIXED,
		      map_area(self->rd.fd, KIPC_PIPE_PAGE_DATA, 2 * CAPACITY,
			       PROT_READ));
	ASSERT_TRUE(mapped(half));
	EXPECT_STREQ("second page", half + page);
	EXPECT_EQ(-EACCES, KIPC_RET(mprotect(half, CAPACITY, PROT_RW)));
	munmap(half, 2 * CAPACITY);
}

static void use_as_child(void *arg)
{
	const struct end *end = arg;
	unsigned char there;

	CHECK_EQ(-ENOMEM, KIPC_RET(mincore(end->state, 1, &there)));
	CHECK_EQ(-ENOMEM, KIPC_RET(mincore(end->mine, 1, &there)));
	CHECK_EQ(-ENOMEM, KIPC_RET(mincore(end->other, 1, &there)));
	CHECK_EQ(-ENOMEM, KIPC_RET(mincore(end->data, 1, &there)));
	CHECK_EQ(0, pipe_wake(end->fd));
}

/* It has the descriptor, which it may map again if it means to. */
TEST_F(api, fork_does_not_inherit)
{
	EXPECT_EQ(0, child_run(use_as_child, &self->wr));
	EXPECT_EQ(0, child_run(use_as_child, &self->rd));
}

TEST_F(api, destroyed)
{
	int rd = self->rd.fd;

	ASSERT_EQ(0, kipc_destroy(rd));
	EXPECT_EQ(-EIDRM, pipe_try(rd, 0));
	EXPECT_EQ(-EIDRM, pipe_wake(rd));
	EXPECT_EQ(-EIDRM, try_area(rd, 0, page_size(), PROT_READ, MAP_SHARED));
	EXPECT_EQ(-EIDRM, KIPC_RET(ioctl(rd, FIONREAD, NULL)));
	EXPECT_TRUE(end_flags(&self->rd) & KIPC_PIPE_DESTROYED);
	EXPECT_TRUE(end_flags(&self->wr) & KIPC_PIPE_DESTROYED);
	/* Whoever has it mapped can still look. */
	end_move(&self->wr, 8);
	EXPECT_EQ(8, index_get(self->rd.other));
}

TEST_HARNESS_MAIN
