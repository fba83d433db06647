// SPDX-License-Identifier: GPL-2.0
/*
 * Each ioctl on a mapped set: what it does to the words, what it needs, and the
 * errors that the header promises.
 */
#include "kselftest_harness.h"
#include "mapped_semaphore_util.h"

#define BOTH_FLAVOURS	(KIPC_SEMAPHORE_MAPPED | KIPC_SEMAPHORE_MUTEX)
#define MAX		10
#define INITIAL		5

/* Four counters of at most MAX, and two mutexes. */
FIXTURE(api) {
	struct kipc_msem sem;
	struct kipc_mmutex mutex;
	int reader;
	int writer;
};

FIXTURE_SETUP(api)
{
	char name[64];
	struct kipc_semaphore_create arg = {
		.flags = KIPC_EXCL | KIPC_SEMAPHORE_MAPPED,
		.name = to_u64(name),
		.rights = SEM_RIGHTS,
		.mode = 0600,
		.count = 4,
		.max = MAX,
		.initial = INITIAL,
	};

	snprintf(name, sizeof(name), "mapped-%d", getpid());
	arg.name_len = strlen(name);
	ASSERT_LE(0, sem_create(&arg));
	ASSERT_EQ(0, kipc_msem_map(&self->sem, arg.fd));
	self->reader = sem_open_name(name, KIPC_RIGHT_READ, 0);
	ASSERT_LE(0, self->reader);
	self->writer = sem_open_name(name, KIPC_RIGHT_WRITE, 0);
	ASSERT_LE(0, self->writer);
	ASSERT_EQ(0, mapped_mutex(&self->mutex, 2));
}

FIXTURE_TEARDOWN(api)
{
}

static int create_with(struct kipc_semaphore_create arg)
{
	int fd;

	arg.rights = SEM_RIGHTS;
	fd = sem_create(&arg);
	if (fd >= 0)
		close(fd);
	return fd < 0 ? fd : 0;
}

#define CREATE(_flags, ...) \
	create_with((struct kipc_semaphore_create){ .flags = (_flags), \
						    __VA_ARGS__ })
#define COUNTERS(...)	CREATE(KIPC_SEMAPHORE_MAPPED, __VA_ARGS__)
#define MUTEXES(...)	CREATE(BOTH_FLAVOURS, __VA_ARGS__)

TEST(create)
{
	const uint32_t most = KIPC_SEM_VALUE_MAX;

	EXPECT_EQ(0, COUNTERS(.count = 1));
	EXPECT_EQ(0, COUNTERS(.count = KIPC_SEM_MAPPED_MAX));
	EXPECT_EQ(-ENOSPC, COUNTERS(.count = KIPC_SEM_MAPPED_MAX + 1));
	EXPECT_EQ(-EINVAL, COUNTERS(.count = 0));
	EXPECT_EQ(0, COUNTERS(.count = 1, .max = most, .initial = most));
	EXPECT_EQ(-EINVAL, COUNTERS(.count = 1, .max = most + 1));
	EXPECT_EQ(-EOVERFLOW, COUNTERS(.count = 1, .max = 1, .initial = 2));
	EXPECT_EQ(0, MUTEXES(.count = KIPC_SEM_MAPPED_MAX));
	EXPECT_EQ(-ENOSPC, MUTEXES(.count = KIPC_SEM_MAPPED_MAX + 1));
	EXPECT_EQ(-EINVAL, MUTEXES(.count = 1, .initial = 1));
	EXPECT_EQ(-EINVAL, MUTEXES(.count = 1, .max = 2));
}

TEST(initial_values)
{
	uint32_t values[3] = { 7, 0, 9 };
	struct kipc_semaphore_create arg = {
		.flags = KIPC_SEMAPHORE_MAPPED,
		.rights = SEM_RIGHTS,
		.count = 3,
		.values = to_u64(values),
	};
	struct kipc_msem sem;
	uint32_t i;

	ASSERT_LE(0, sem_create(&arg));
	ASSERT_EQ(0, kipc_msem_map(&sem, arg.fd));
	for (i = 0; i < 3; i++) {
		EXPECT_EQ(values[i], mapped_word(sem.words, i));
		EXPECT_EQ(values[i], sem_value(arg.fd, i));
	}
	for (; i < KIPC_SEM_MAPPED_MAX; i++)
		EXPECT_EQ(0, mapped_word(sem.words, i));
}

/* A page more than others, and it goes with the set. */
TEST(charge)
{
	struct kipc_stat st;
	uint64_t plain;
	int fd = sem_make(4, 0, 0), mapped = mapped_make(4, 0, 0);

	ASSERT_LE(0, fd);
	ASSERT_LE(0, mapped);
	ASSERT_EQ(0, kipc_stat_fd(fd, &st));
	plain = st.entry.bytes;
	ASSERT_EQ(0, kipc_stat_fd(mapped, &st));
	EXPECT_EQ(plain + sysconf(_SC_PAGESIZE), st.entry.bytes);
}

TEST_F(api, stat)
{
	struct kipc_semaphore_stat st;

	ASSERT_EQ(0, sem_stat(self->sem.fd, &st));
	EXPECT_EQ(KIPC_SEMAPHORE_MAPPED, st.semaphore_flags);
	EXPECT_EQ(4, st.count);
	EXPECT_EQ(MAX, st.max);
	EXPECT_EQ(0, st.undos);
	ASSERT_EQ(0, sem_stat(self->mutex.fd, &st));
	EXPECT_EQ(BOTH_FLAVOURS, st.semaphore_flags);
	EXPECT_EQ(1, st.max);
	/* That is us. */
	EXPECT_EQ(1, st.undos);
}

/* What user space does the kernel sees, and the other way round. */
TEST_F(api, one_counter_for_both)
{
	int fd = self->sem.fd;

	EXPECT_EQ(0, kipc_msem_wait(&self->sem, 1));
	EXPECT_EQ(INITIAL - 1, sem_value(fd, 1));
	EXPECT_EQ(0, sem_op(fd, 1, -1, 0));
	EXPECT_EQ(INITIAL - 2, mapped_word(self->sem.words, 1));
	EXPECT_EQ(0, sem_op(fd, 1, 1, 0));
	EXPECT_EQ(INITIAL - 1, mapped_word(self->sem.words, 1));
	EXPECT_EQ(0, kipc_msem_post(&self->sem, 1));
	EXPECT_EQ(INITIAL, kipc_msem_value(&self->sem, 1));
	EXPECT_EQ(INITIAL, sem_value(fd, 1));
	EXPECT_EQ(INITIAL, mapped_word(self->sem.words, 0));
	EXPECT_EQ(INITIAL, mapped_word(self->sem.words, 2));
}

TEST_F(api, op_errors)
{
	int fd = self->sem.fd;
	uint32_t i;

	EXPECT_EQ(-EBADF, sem_try(self->reader, 0, -1));
	EXPECT_EQ(-EBADF, sem_try(self->reader, 0, 1));
	EXPECT_EQ(0, sem_try(self->writer, 0, -1));
	EXPECT_EQ(0, sem_try(self->writer, 0, 1));
	EXPECT_EQ(-ERANGE, sem_try(fd, 4, -1));
	EXPECT_EQ(-ERANGE, sem_try(fd, UINT32_MAX, 1));
	EXPECT_EQ(-EINVAL, sem_try(fd, 0, 0));
	EXPECT_EQ(-EINVAL, sem_try(fd, 0, 2));
	EXPECT_EQ(-EINVAL, sem_try(fd, 0, -2));
	EXPECT_EQ(-EINVAL, sem_try(fd, 0, INT32_MIN));
	EXPECT_EQ(-EINVAL, sem_op(fd, 0, -1, KIPC_SEM_UNDO));
	EXPECT_EQ(-EINVAL, sem_op(fd, 0, 1, KIPC_SEM_UNDO));
	EXPECT_EQ(-EINVAL, sem_op(fd, 0, -1, 1 << 5));
	for (i = 0; i < INITIAL; i++)
		EXPECT_EQ(0, sem_try(fd, 0, -1));
	EXPECT_EQ(-EAGAIN, sem_try(fd, 0, -1));
	EXPECT_EQ(-ETIMEDOUT, sem_op_until(fd, 0, -1, 0, 1));
	EXPECT_EQ(-ETIMEDOUT, sem_op_until(fd, 0, -1, 0, in_ms(5)));
	for (i = 0; i < MAX; i++)
		EXPECT_EQ(0, sem_try(fd, 0, 1));
	EXPECT_EQ(-EOVERFLOW, sem_try(fd, 0, 1));
	EXPECT_EQ(-EOVERFLOW, kipc_msem_post(&self->sem, 0));
	EXPECT_EQ(MAX, mapped_word(self->sem.words, 0));
}

TEST_F(api, no_vectors)
{
	struct kipc_sem_entry entry = { .delta = -1 };

	EXPECT_EQ(-EINVAL, sem_ops_try(self->sem.fd, &entry, 1));
	EXPECT_EQ(-EINVAL, sem_ops_try(self->mutex.fd, &entry, 1));
	EXPECT_EQ(INITIAL, mapped_word(self->sem.words, 0));
	EXPECT_EQ(0, mapped_word(self->mutex.words, 0));
}

TEST_F(api, library_errors)
{
	struct kipc_mmutex mutex;
	struct kipc_msem sem;
	int fd = sem_make(1, 0, 0);
	uint32_t i;

	ASSERT_LE(0, fd);
	errno = 0;
	EXPECT_EQ(-EINVAL, kipc_msem_map(&sem, fd));
	EXPECT_EQ(-EINVAL, kipc_msem_map(&sem, self->mutex.fd));
	EXPECT_EQ(-EINVAL, kipc_mmutex_map(&mutex, self->sem.fd));
	EXPECT_EQ(-EACCES, kipc_msem_map(&sem, self->reader));
	EXPECT_EQ(-EACCES, kipc_msem_map(&sem, self->writer));
	EXPECT_EQ(-EBADF, kipc_msem_map(&sem, -1));
	EXPECT_EQ(-ERANGE, kipc_msem_wait(&self->sem, 4));
	EXPECT_EQ(-ERANGE, kipc_msem_trywait(&self->sem, 4));
	EXPECT_EQ(-ERANGE, kipc_msem_post(&self->sem, UINT32_MAX));
	EXPECT_EQ(-ERANGE, kipc_mmutex_lock(&self->mutex, 2));
	EXPECT_EQ(-ERANGE, kipc_mmutex_trylock(&self->mutex, 2));
	EXPECT_EQ(-ERANGE, kipc_mmutex_unlock(&self->mutex, 2));
	EXPECT_EQ(-ERANGE, kipc_mmutex_consistent(&self->mutex, 2));
	for (i = 0; i < INITIAL; i++)
		EXPECT_EQ(0, kipc_msem_trywait(&self->sem, 3));
	EXPECT_EQ(-EAGAIN, kipc_msem_trywait(&self->sem, 3));
	EXPECT_EQ(-ETIMEDOUT, kipc_msem_timedwait(&self->sem, 3, in_ms(5)));
	EXPECT_EQ(0, mapped_word(self->sem.words, 3));
	EXPECT_EQ(0, errno);
}

TEST_F(api, attach)
{
	struct kipc_semaphore_attach arg = { .size = sizeof(arg), .flags = 1 };
	int plain = sem_make_mutex(1), fd = self->mutex.fd;
	pid_t pid;

	ASSERT_LE(0, plain);
	EXPECT_EQ(-EINVAL, kipc_ioctl(fd, KIPC_SEMAPHORE_ATTACH, &arg));
	EXPECT_EQ(-EINVAL, mapped_attach(self->sem.fd));
	EXPECT_EQ(-EINVAL, mapped_attach(plain));
	EXPECT_NE(0, self->mutex.token);
	EXPECT_EQ((int)self->mutex.token, mapped_attach(fd));
	pid = kipc_fork();
	if (!pid) {
		int token = mapped_attach(fd);

		CHILD_CHECK(token > 0 && token != (int)self->mutex.token);
		CHILD_EQ(2, sem_undos(fd));
		_exit(0);
	}
	EXPECT_EQ(0, kipc_reap(pid));
	EXPECT_EQ(1, sem_undos(fd));
}

TEST(attach_wants_to_write)
{
	char name[64];
	struct kipc_semaphore_create arg = {
		.flags = KIPC_EXCL | BOTH_FLAVOURS,
		.name = to_u64(name),
		.rights = KIPC_RIGHT_WRITE,
		.mode = 0600,
		.count = 1,
	};
	int reader;

	snprintf(name, sizeof(name), "mapped-attach-%d", getpid());
	arg.name_len = strlen(name);
	ASSERT_LE(0, sem_create(&arg));
	reader = sem_open_name(name, KIPC_RIGHT_READ, 0);
	ASSERT_LE(0, reader);
	EXPECT_EQ(-EBADF, mapped_attach(reader));
	EXPECT_EQ(0, sem_undos(reader));
	EXPECT_LT(0, mapped_attach(arg.fd));
}

/* The states of a mutex, as the word and as GET tell them. */
TEST_F(api, mutex)
{
	struct kipc_mmutex *m = &self->mutex;
	struct kipc_sem_counter counter = sem_counter(m->fd, 1);

	EXPECT_EQ(1, counter.value);
	EXPECT_EQ(0, counter.pid);
	EXPECT_EQ(0, kipc_mmutex_lock(m, 1));
	EXPECT_EQ(m->token, mapped_word(m->words, 1));
	counter = sem_counter(m->fd, 1);
	EXPECT_EQ(0, counter.value);
	EXPECT_EQ((uint32_t)getpid(), counter.pid);
	EXPECT_EQ(0, counter.state);
	EXPECT_EQ(-EDEADLK, kipc_mmutex_lock(m, 1));
	EXPECT_EQ(-EDEADLK, kipc_mmutex_trylock(m, 1));
	EXPECT_EQ(-EPERM, kipc_mmutex_unlock(m, 0));
	EXPECT_EQ(-EINVAL, kipc_mmutex_consistent(m, 1));
	EXPECT_EQ(-EPERM, kipc_mmutex_consistent(m, 0));
	EXPECT_EQ(-EPERM, kipc_mmutex_unrecoverable(m, 0));
	EXPECT_EQ(0, kipc_mmutex_unlock(m, 1));
	EXPECT_EQ(0, mapped_word(m->words, 1));
	/* By calls alone, UNDO or not. */
	EXPECT_EQ(0, sem_op(m->fd, 1, -1, KIPC_SEM_UNDO));
	EXPECT_EQ(m->token, mapped_word(m->words, 1));
	EXPECT_EQ(0, sem_op(m->fd, 1, 1, 0));
	EXPECT_EQ(-EPERM, sem_op(m->fd, 1, 1, 0));
}

static void die_with_mutex(struct __test_metadata *_metadata,
			   struct kipc_mmutex *m, uint32_t index)
{
	pid_t pid = kipc_fork();

	if (!pid) {
		CHILD_EQ(0, mapped_again(m));
		CHILD_EQ(0, kipc_mmutex_lock(m, index));
		raise(SIGKILL);
	}
	ASSERT_EQ(SIGKILL, kipc_reap(pid));
}

TEST_F(api, owner_died)
{
	struct kipc_mmutex *m = &self->mutex;
	struct kipc_sem_counter counter;

	die_with_mutex(_metadata, m, 0);
	counter = sem_counter(m->fd, 0);
	EXPECT_EQ(1, counter.value);
	EXPECT_EQ(0, counter.pid);
	EXPECT_EQ(KIPC_MUTEX_OWNER_DEAD, counter.state);
	EXPECT_EQ(OWNER_DEAD, mapped_word(m->words, 0));
	EXPECT_EQ(-EOWNERDEAD, kipc_mmutex_trylock(m, 0));
	EXPECT_EQ(OWNER_DEAD | m->token, mapped_word(m->words, 0));
	counter = sem_counter(m->fd, 0);
	EXPECT_EQ(0, counter.value);
	EXPECT_EQ((uint32_t)getpid(), counter.pid);
	EXPECT_EQ(KIPC_MUTEX_OWNER_DEAD, counter.state);
	EXPECT_EQ(-EDEADLK, kipc_mmutex_trylock(m, 0));
	EXPECT_EQ(0, kipc_mmutex_consistent(m, 0));
	EXPECT_EQ(0, kipc_mmutex_unlock(m, 0));
	EXPECT_EQ(0, kipc_mmutex_lock(m, 0));
	EXPECT_EQ(0, kipc_mmutex_unlock(m, 0));
}

TEST_F(api, not_recoverable)
{
	struct kipc_mmutex *m = &self->mutex;
	uint32_t i;

	die_with_mutex(_metadata, m, 0);
	EXPECT_EQ(-EOWNERDEAD, kipc_mmutex_lock(m, 0));
	EXPECT_EQ(0, kipc_mmutex_unlock(m, 0));
	EXPECT_EQ(0, kipc_mmutex_lock(m, 1));
	EXPECT_EQ(0, kipc_mmutex_unrecoverable(m, 1));
	for (i = 0; i < 2; i++) {
		EXPECT_EQ(-ENOTRECOVERABLE, kipc_mmutex_lock(m, i));
		EXPECT_EQ(-ENOTRECOVERABLE, kipc_mmutex_trylock(m, i));
		EXPECT_EQ(-EPERM, kipc_mmutex_unlock(m, i));
		EXPECT_EQ(KIPC_MUTEX_DEAD, sem_counter(m->fd, i).state);
		EXPECT_EQ(0, sem_value(m->fd, i));
		EXPECT_EQ(0, sem_set(m->fd, i, 1));
		EXPECT_EQ(0, kipc_mmutex_lock(m, i));
		EXPECT_EQ(0, kipc_mmutex_unlock(m, i));
	}
}

TEST_F(api, set)
{
	uint32_t values[4] = { 1, 0, 10, 3 }, i;

	EXPECT_EQ(0, sem_set_all(self->sem.fd, 0, values, 4));
	for (i = 0; i < 4; i++)
		EXPECT_EQ(values[i], mapped_word(self->sem.words, i));
	EXPECT_EQ(-EOVERFLOW, sem_set(self->sem.fd, 0, MAX + 1));
	EXPECT_EQ(-EBADF, sem_set(self->reader, 0, 1));
	EXPECT_EQ(-ERANGE, sem_set(self->sem.fd, 4, 1));
	EXPECT_EQ(-EINVAL, sem_set(self->mutex.fd, 0, 0));
	EXPECT_EQ(1, mapped_word(self->sem.words, 0));
	EXPECT_EQ(0, kipc_mmutex_lock(&self->mutex, 0));
	EXPECT_EQ(0, sem_set(self->mutex.fd, 0, 1));
	EXPECT_EQ(-EPERM, kipc_mmutex_unlock(&self->mutex, 0));
}

TEST_F(api, fdinfo_shows_the_word)
{
	char path[64], line[128], want[64];
	bool found = false;
	FILE *file;

	EXPECT_EQ(0, sem_watch(self->sem.fd, 2));
	EXPECT_EQ(0, kipc_msem_wait(&self->sem, 2));
	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", self->sem.fd);
	snprintf(want, sizeof(want), "kipc-value:\t%d\n", INITIAL - 1);
	file = fopen(path, "r");
	ASSERT_NE(NULL, file);
	while (fgets(line, sizeof(line), file))
		found |= !strcmp(line, want);
	fclose(file);
	EXPECT_TRUE(found);
}

static long map_ret(int fd, size_t bytes, int prot, int flags, off_t offset)
{
	void *at = mmap(NULL, bytes, prot, flags, fd, offset);

	if (at == MAP_FAILED)
		return -errno;
	munmap(at, bytes);
	return 0;
}

TEST_F(api, mmap_rules)
{
	const int rw = PROT_READ | PROT_WRITE;
	size_t page = sysconf(_SC_PAGESIZE);
	int fd = self->sem.fd, plain = sem_make(1, 0, 0);

	ASSERT_LE(0, plain);
	EXPECT_EQ(0, map_ret(fd, page, rw, MAP_SHARED, 0));
	EXPECT_EQ(0, map_ret(fd, page, PROT_READ, MAP_SHARED, 0));
	EXPECT_EQ(-EINVAL, map_ret(fd, page, rw, MAP_PRIVATE, 0));
	EXPECT_EQ(-EINVAL, map_ret(fd, 2 * page, rw, MAP_SHARED, 0));
	EXPECT_EQ(-EINVAL, map_ret(fd, page, rw, MAP_SHARED, page));
	EXPECT_EQ(-EACCES, map_ret(self->reader, page, rw, MAP_SHARED, 0));
	EXPECT_EQ(-EACCES, map_ret(self->reader, page, PROT_READ, MAP_SHARED,
				   0));
	EXPECT_EQ(-EACCES, map_ret(self->reader, page, PROT_READ, MAP_PRIVATE,
				   0));
	EXPECT_EQ(-EACCES, map_ret(self->writer, page, PROT_WRITE, MAP_SHARED,
				   0));
	EXPECT_EQ(-ENODEV, map_ret(plain, page, rw, MAP_SHARED, 0));
	EXPECT_EQ(0, kipc_destroy(fd));
	EXPECT_EQ(-EIDRM, map_ret(fd, page, rw, MAP_SHARED, 0));
}

/* It is one page for ever, and none that can be lost. */
TEST_F(api, mapping_keeps)
{
	size_t page = sysconf(_SC_PAGESIZE);
	struct kipc_sem_word *words = self->sem.words;

	EXPECT_EQ(0, kipc_msem_wait(&self->sem, 0));
	EXPECT_EQ(0, madvise(words, page, MADV_DONTNEED));
	EXPECT_EQ(INITIAL - 1, mapped_word(words, 0));
	EXPECT_EQ(MAP_FAILED, mremap(words, page, 2 * page, MREMAP_MAYMOVE));
	words = mremap(words, page, page, MREMAP_MAYMOVE | MREMAP_FIXED,
		       mmap(NULL, page, PROT_NONE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
	ASSERT_NE(MAP_FAILED, words);
	EXPECT_EQ(INITIAL - 1, mapped_word(words, 0));
	/* Behind the object's back. */
	close(self->sem.fd);
	mapped_scribble(words, 0, 3);
	EXPECT_EQ(3, sem_value(self->reader, 0));
	close(self->reader);
	close(self->writer);
	EXPECT_EQ(3, mapped_word(words, 0));
	EXPECT_EQ(0, munmap(words, page));
}

/* Whoever goes on without the kernel is sent there. */
TEST_F(api, destroyed)
{
	struct kipc_sem_counter counter;
	uint32_t i;

	EXPECT_EQ(0, kipc_mmutex_lock(&self->mutex, 0));
	EXPECT_EQ(0, kipc_destroy(self->sem.fd));
	EXPECT_EQ(0, kipc_destroy(self->mutex.fd));
	for (i = 0; i < 4; i++) {
		EXPECT_EQ(-EIDRM, kipc_msem_wait(&self->sem, i));
		EXPECT_EQ(-EIDRM, kipc_msem_trywait(&self->sem, i));
		EXPECT_EQ(-EIDRM, kipc_msem_post(&self->sem, i));
	}
	for (i = 0; i < 2; i++) {
		EXPECT_EQ(-EIDRM, kipc_mmutex_lock(&self->mutex, i));
		EXPECT_EQ(-EIDRM, kipc_mmutex_unlock(&self->mutex, i));
	}
	EXPECT_EQ(-EIDRM, mapped_attach(self->mutex.fd));
	EXPECT_EQ(-EIDRM, sem_get_all(self->sem.fd, 0, &counter, 1));
}

TEST_HARNESS_MAIN
