// SPDX-License-Identifier: GPL-2.0
/* What a read-only handle has mapped cannot be written, whatever one tries. */
#include "kselftest_harness.h"

#include "segment_util.h"

#include <linux/userfaultfd.h>
#include <sys/stat.h>
#include <sys/uio.h>

#define NAME	"segment_readonly_test"

FIXTURE(readonly)
{
	int fd;			/* may write */
	int reader;		/* may not */
	char *truth;		/* the content, through @fd */
	char *mem;		/* through @reader: four pages */
};

FIXTURE_SETUP(readonly)
{
	mode_t mask = umask(0);

	kipc_unlink(NAME);
	self->fd = segment_named(NAME, RIGHT_BOTH, KIPC_EXCL, 0644, 4 * PAGE);
	umask(mask);
	self->reader = segment_open(NAME, KIPC_RIGHT_READ);
	ASSERT_LE(0, self->fd);
	ASSERT_LE(0, self->reader);
	self->truth = map_shared(self->fd, 4 * PAGE, PROT_RW);
	self->mem = map_shared(self->reader, 4 * PAGE, PROT_READ);
	ASSERT_NE(NULL, self->truth);
	ASSERT_NE(NULL, self->mem);
	memset(self->truth, 't', 4 * PAGE);
}

FIXTURE_TEARDOWN(readonly)
{
	EXPECT_TRUE(all_bytes(self->truth, 4 * PAGE, 't'));
	munmap(self->truth, 4 * PAGE);
	munmap(self->mem, 4 * PAGE);
	close(self->fd);
	close(self->reader);
}

/* Neither can it be written, nor made so that it can; 0 or what failed. */
static int writable(char *mem, size_t len)
{
	static const int prots[] = { PROT_WRITE, PROT_RW, PROT_RW | PROT_EXEC };
	size_t i;

	if (touch_write(mem, 'W') != SIGSEGV)
		return 1;
	for (i = 0; i < sizeof(prots) / sizeof(*prots); i++)
		if (!mprotect(mem, len, prots[i]) || errno != EACCES)
			return 2 + i;
	return touch_write(mem, 'W') == SIGSEGV ? 0 : 5;
}

TEST_F(readonly, mmap_refuses_to_map_it_writable)
{
	EXPECT_EQ(-EACCES, try_map(self->reader, PAGE, PROT_RW, MAP_SHARED));
	EXPECT_EQ(-EACCES, try_map(self->reader, PAGE, PROT_WRITE, MAP_SHARED));
	EXPECT_EQ(-EACCES, try_map(self->reader, PAGE, PROT_RW,
				   MAP_SHARED_VALIDATE));
	EXPECT_EQ(0, try_map(self->reader, PAGE, PROT_READ, MAP_SHARED));
	EXPECT_EQ(0, try_map(self->reader, PAGE, PROT_NONE, MAP_SHARED));
}

TEST_F(readonly, mprotect_does_not_make_it_writable)
{
	char *none = map_shared(self->reader, PAGE, PROT_NONE);

	EXPECT_EQ(0, writable(self->mem, 4 * PAGE));
	ASSERT_NE(NULL, none);
	EXPECT_EQ(0, writable(none, PAGE));
	EXPECT_EQ(0, mprotect(none, PAGE, PROT_READ));
	EXPECT_EQ('t', *none);
	munmap(none, PAGE);
}

TEST_F(readonly, mremap_does_not_make_it_writable)
{
	char *copy = mremap(self->mem, 0, 4 * PAGE, MREMAP_MAYMOVE);

	ASSERT_NE(MAP_FAILED, copy);
	EXPECT_EQ(0, writable(copy, 4 * PAGE));
	copy = mremap(copy, 4 * PAGE, 9 * PAGE, MREMAP_MAYMOVE);
	ASSERT_NE(MAP_FAILED, copy);
	EXPECT_EQ(0, writable(copy, 9 * PAGE));
	copy = mremap(copy, 9 * PAGE, PAGE, 0);
	ASSERT_NE(MAP_FAILED, copy);
	EXPECT_EQ(0, writable(copy, PAGE));
	munmap(copy, PAGE);
}

/* The kernel maps the file that the area has, once more. */
TEST_F(readonly, remap_file_pages_does_not_make_it_writable)
{
	if (syscall(SYS_remap_file_pages, self->mem, PAGE, 0, 2, 0))
		EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(0, writable(self->mem, PAGE));
	EXPECT_EQ(0, writable(self->mem, 4 * PAGE));
}

TEST_F(readonly, proc_fd_does_not_open_it_for_writing)
{
	char path[64];
	int flags[] = { O_RDWR, O_WRONLY, O_RDONLY }, i, fd;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", self->reader);
	for (i = 0; i < 3; i++) {
		fd = open(path, flags[i]);
		EXPECT_EQ(-1, fd);
	}
	EXPECT_EQ(-1, truncate(path, 0));
	EXPECT_EQ(4 * PAGE, segment_bytes(self->reader));
}

TEST_F(readonly, status_flags_do_not_change_its_rights)
{
	int fd = dup(self->reader);

	EXPECT_EQ(0, fcntl(fd, F_SETFL, O_RDWR));
	EXPECT_EQ(O_RDONLY, fcntl(fd, F_GETFL) & O_ACCMODE);
	EXPECT_EQ(-EACCES, try_map(fd, PAGE, PROT_RW, MAP_SHARED));
	close(fd);
}

static void try_both(int fd, char *mem)
{
	CHECK_EQ(0, writable(mem, 4 * PAGE));
	CHECK_EQ(-EACCES, try_map(fd, PAGE, PROT_RW, MAP_SHARED));
	mem = map_shared(fd, 4 * PAGE, PROT_READ);
	CHECK_EQ(1, !!mem);
	CHECK_EQ(0, writable(mem, 4 * PAGE));
}

TEST_F(readonly, fork_does_not_make_it_writable)
{
	pid_t pid = kipc_fork();

	if (!pid) {
		try_both(self->reader, self->mem);
		_exit(0);
	}
	EXPECT_EQ(0, child_end(pid));
}

static void receive_and_try(void *arg)
{
	int fd = recv_fd(*(int *)arg);
	char *mem = map_shared(fd, 4 * PAGE, PROT_READ);

	CHECK_EQ(1, !!mem);
	try_both(fd, mem);
}

TEST_F(readonly, passing_it_on_does_not_make_it_writable)
{
	int sock[2];

	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_SEQPACKET, 0, sock));
	ASSERT_EQ(0, send_fd(sock[0], self->reader));
	EXPECT_EQ(0, child_run(receive_and_try, &sock[1]));
	ASSERT_EQ(0, send_fd(sock[0], self->reader));
	EXPECT_EQ(0, child_run_as(ALICE, receive_and_try, &sock[1]));
	close(sock[0]);
	close(sock[1]);
}

TEST_F(readonly, kernel_does_not_write_to_it_for_anybody)
{
	struct iovec from = { "WWWW", 4 }, to = { self->mem, 4 };
	int fds[2], fd;

	/* read(2) */
	ASSERT_EQ(0, pipe(fds));
	ASSERT_EQ(4, write(fds[1], "WWWW", 4));
	EXPECT_EQ(-1, read(fds[0], self->mem, 4));
	EXPECT_EQ(EFAULT, errno);
	close(fds[0]);
	close(fds[1]);
	/* What a debugger does. */
	EXPECT_EQ(-1, process_vm_writev(getpid(), &from, 1, &to, 1, 0));
	fd = open("/proc/self/mem", O_RDWR);
	ASSERT_LE(0, fd);
	EXPECT_EQ(-1, pwrite(fd, "WWWW", 4, (uintptr_t)self->mem));
	close(fd);
	EXPECT_EQ(-1, madvise(self->mem, PAGE, MADV_REMOVE));
	EXPECT_EQ(EACCES, errno);
	EXPECT_EQ(0, madvise(self->mem, PAGE, MADV_DONTNEED));
	EXPECT_EQ('t', *self->mem);
}

TEST_F(readonly, userfaultfd_does_not_fill_it)
{
	int fd = syscall(SYS_userfaultfd, O_CLOEXEC | 1 /* user mode only */);
	struct uffdio_register reg = {
		.range = { (uintptr_t)self->mem, 4 * PAGE },
		.mode = UFFDIO_REGISTER_MODE_MISSING,
	};
	struct uffdio_api api = { .api = UFFD_API };

	if (fd < 0)
		SKIP(return, "no userfaultfd");
	ASSERT_EQ(0, ioctl(fd, UFFDIO_API, &api));
	EXPECT_EQ(-1, ioctl(fd, UFFDIO_REGISTER, &reg));
	EXPECT_EQ(EPERM, errno);
	close(fd);
}

TEST_F(readonly, private_copy_can_be_written_and_is_ones_own)
{
	char *mem = map_at(self->reader, 4 * PAGE, PROT_RW, MAP_PRIVATE, 0);

	ASSERT_NE(NULL, mem);
	memset(mem, 'x', 4 * PAGE);
	EXPECT_TRUE(all_bytes(self->mem, 4 * PAGE, 't'));
	munmap(mem, 4 * PAGE);
	/* Nor does write access to a private one help with a shared one. */
	EXPECT_EQ(0, writable(self->mem, 4 * PAGE));
}

/* /proc/self/map_files: for root, who may do as much to any memory. */
static void open_map_file(void *arg)
{
	int fd = segment_open(NAME, KIPC_RIGHT_READ);
	char *mem = map_shared(fd, 4 * PAGE, PROT_READ), path[96];

	(void)arg;
	CHECK_EQ(1, !!mem);
	snprintf(path, sizeof(path), "/proc/self/map_files/%lx-%lx",
		 (unsigned long)mem, (unsigned long)mem + 4 * PAGE);
	CHECK_EQ(-1, open(path, O_RDWR));
	CHECK_EQ(-1, open(path, O_WRONLY));
	CHECK_EQ(-1, open(path, O_RDONLY));
	CHECK_EQ(-1, truncate(path, 0));
}

TEST_F(readonly, map_files_do_not_open_for_an_unprivileged_user)
{
	EXPECT_EQ(0, child_run_as(ALICE, open_map_file, NULL));
}

TEST_HARNESS_MAIN
