// SPDX-License-Identifier: GPL-2.0
/*
 * Each ioctl of a semaphore: what it does, what it needs, and the errors that
 * the header promises.
 */
#include "kselftest_harness.h"
#include "semaphore_util.h"

/* Fresh for each test: four counters of at most 10, with 5 in each. */
FIXTURE(api) {
	int fd;
	int reader;
	int writer;
	int mutex;
};

FIXTURE_SETUP(api)
{
	char name[64];
	struct kipc_semaphore_create arg = {
		.flags = KIPC_EXCL,
		.name = to_u64(name),
		.rights = SEM_RIGHTS,
		.mode = 0600,
		.count = 4,
		.max = 10,
		.initial = 5,
	};

	snprintf(name, sizeof(name), "api-%d", getpid());
	arg.name_len = strlen(name);
	self->fd = sem_create(&arg);
	ASSERT_LE(0, self->fd);
	self->reader = sem_open_name(name, KIPC_RIGHT_READ, 0);
	ASSERT_LE(0, self->reader);
	self->writer = sem_open_name(name, KIPC_RIGHT_WRITE, 0);
	ASSERT_LE(0, self->writer);
	self->mutex = sem_make_mutex(2);
	ASSERT_LE(0, self->mutex);
}

FIXTURE_TEARDOWN(api)
{
	uint32_t i;

	/* What is refused changes nothing. */
	for (i = 0; i < 4; i++)
		EXPECT_EQ(5, sem_value(self->fd, i));
}

static int create_with(struct kipc_semaphore_create arg)
{
	int fd;

	if (!arg.rights)
		arg.rights = SEM_RIGHTS;
	fd = sem_create(&arg);
	if (fd >= 0)
		close(fd);
	return fd < 0 ? fd : 0;
}

#define CREATE(...) \
	create_with((struct kipc_semaphore_create){ __VA_ARGS__ })

TEST(create_errors)
{
	uint32_t values[3] = { 1, 2, 3 };
	struct kipc_semaphore_create arg = { .size = sizeof(arg),
		.rights = SEM_RIGHTS, .count = 1 };
	const uint32_t most = KIPC_SEM_VALUE_MAX;

	EXPECT_EQ(0, CREATE(.count = 1));
	EXPECT_EQ(0, CREATE(.count = KIPC_SEM_COUNT_MAX));
	EXPECT_EQ(-EINVAL, CREATE(.count = 0));
	EXPECT_EQ(-ENOSPC, CREATE(.count = KIPC_SEM_COUNT_MAX + 1));
	EXPECT_EQ(-ENOSPC, CREATE(.count = UINT32_MAX));
	EXPECT_EQ(0, CREATE(.count = 1, .max = most, .initial = most));
	EXPECT_EQ(-EINVAL, CREATE(.count = 1, .max = most + 1));
	EXPECT_EQ(-EINVAL, CREATE(.count = 1, .max = UINT32_MAX));
	EXPECT_EQ(0, CREATE(.count = 1, .max = 3, .initial = 3));
	EXPECT_EQ(-EOVERFLOW, CREATE(.count = 1, .max = 3, .initial = 4));
	EXPECT_EQ(-EOVERFLOW, CREATE(.count = 1, .initial = most + 1));
	EXPECT_EQ(0, CREATE(.count = 3, .max = 3, .values = to_u64(values)));
	EXPECT_EQ(-EOVERFLOW, CREATE(.count = 3, .max = 2,
				     .values = to_u64(values)));
	EXPECT_EQ(-EINVAL, CREATE(.count = 3, .initial = 1,
				  .values = to_u64(values)));
	EXPECT_EQ(-EFAULT, CREATE(.count = 3, .values = 8));
	EXPECT_EQ(-EINVAL, CREATE(.count = 1, .flags = 1U << 18));
	EXPECT_EQ(-EINVAL, CREATE(.count = 1, .flags = 1U << 4));
	EXPECT_EQ(-EINVAL, CREATE(.count = 1, .flags = KIPC_EXCL));
	EXPECT_EQ(-EINVAL, CREATE(.count = 1, .flags = KIPC_PERSIST));
	EXPECT_EQ(-EINVAL, CREATE(.count = 1, .rights = 4));
	EXPECT_EQ(-EINVAL, CREATE(.count = 1, .mode = 0700));
	EXPECT_EQ(-EINVAL, CREATE(.count = 1, .name_len = 3));
	EXPECT_EQ(-EFAULT, CREATE(.count = 1, .name = 8, .name_len = 3));

	/* One that nobody can ever use. */
	arg.rights = 0;
	EXPECT_EQ(-EINVAL, kipc_device_ioctl(KIPC_SEMAPHORE_CREATE, &arg));
	arg.rights = SEM_RIGHTS;
	arg.size = sizeof(arg) - 8;
	EXPECT_EQ(-EINVAL, kipc_device_ioctl(KIPC_SEMAPHORE_CREATE, &arg));
}

TEST(create_errors_of_mutexes)
{
	const uint32_t mutex = KIPC_SEMAPHORE_MUTEX;
	uint32_t value = 1;

	EXPECT_EQ(0, CREATE(.count = 2, .flags = mutex));
	EXPECT_EQ(0, CREATE(.count = 2, .flags = mutex, .max = 1));
	EXPECT_EQ(-EINVAL, CREATE(.count = 2, .flags = mutex, .max = 2));
	EXPECT_EQ(-EINVAL, CREATE(.count = 2, .flags = mutex, .initial = 1));
	EXPECT_EQ(-EINVAL, CREATE(.count = 1, .flags = mutex,
				  .values = to_u64(&value)));
	EXPECT_EQ(-EINVAL, CREATE(.count = 0, .flags = mutex));
}

TEST(create_says_what_it_made)
{
	uint32_t values[3] = { 4, 0, 9 }, i;
	struct kipc_semaphore_create arg = { .rights = SEM_RIGHTS,
		.count = 3, .max = 9, .values = to_u64(values) };
	struct kipc_semaphore_stat st;
	struct kipc_stat obj;
	int fd = sem_create(&arg);

	ASSERT_LE(0, fd);
	EXPECT_EQ(KIPC_RESULT_CREATED, arg.result);
	EXPECT_EQ(3, arg.count);
	EXPECT_EQ(9, arg.max);
	EXPECT_NE(0, fcntl(fd, F_GETFD) & FD_CLOEXEC);
	EXPECT_EQ(0, fcntl(fd, F_GETFL) & O_NONBLOCK);
	for (i = 0; i < 3; i++)
		EXPECT_EQ(values[i], sem_value(fd, i));
	ASSERT_EQ(0, sem_stat(fd, &st));
	EXPECT_EQ(0, st.semaphore_flags);
	EXPECT_EQ(3, st.count);
	EXPECT_EQ(9, st.max);
	EXPECT_EQ(0, st.waiting + st.undos + st.pad);
	EXPECT_EQ(0, st.sleeps + st.blocked_ns + st.wakeups);
	ASSERT_EQ(0, kipc_stat_fd(fd, &obj));
	EXPECT_EQ(arg.id, obj.entry.id);
	EXPECT_EQ(KIPC_KIND_SEMAPHORE, obj.entry.kind);
	EXPECT_EQ(1, obj.entry.handles);
	EXPECT_EQ(SEM_RIGHTS, obj.rights);
	close(fd);

	arg = (struct kipc_semaphore_create){ .rights = SEM_RIGHTS,
		.count = 1, .flags = KIPC_SEMAPHORE_MUTEX | KIPC_NONBLOCK |
				     KIPC_INHERIT };
	fd = sem_create(&arg);
	ASSERT_LE(0, fd);
	EXPECT_EQ(1, arg.max);
	EXPECT_EQ(0, fcntl(fd, F_GETFD) & FD_CLOEXEC);
	EXPECT_NE(0, fcntl(fd, F_GETFL) & O_NONBLOCK);
	ASSERT_EQ(0, sem_stat(fd, &st));
	EXPECT_EQ(KIPC_SEMAPHORE_MUTEX, st.semaphore_flags);
	EXPECT_EQ(1, st.max);
	EXPECT_EQ(1, sem_value(fd, 0));

	arg = (struct kipc_semaphore_create){ .rights = SEM_RIGHTS,
		.count = 1 };
	fd = sem_create(&arg);
	ASSERT_LE(0, fd);
	EXPECT_EQ(KIPC_SEM_VALUE_MAX, arg.max);
	EXPECT_EQ(0, sem_value(fd, 0));
}

TEST_F(api, op_errors)
{
	const uint32_t no = KIPC_SEM_NONBLOCK;

	EXPECT_EQ(-ERANGE, sem_try(self->fd, 4, 1));
	EXPECT_EQ(-ERANGE, sem_try(self->fd, UINT32_MAX, -1));
	EXPECT_EQ(-ERANGE, sem_try(self->fd, 256, 0));
	EXPECT_EQ(-EINVAL, sem_op(self->fd, 0, 1, 1U << 2));
	EXPECT_EQ(-EINVAL, sem_op(self->fd, 0, 1, 1U << 31 | no));
	EXPECT_EQ(-EINVAL, sem_try(self->fd, 0, -11));
	EXPECT_EQ(-EINVAL, sem_try(self->fd, 0, INT32_MIN));
	EXPECT_EQ(-EINVAL, sem_try(self->fd, 0, INT32_MIN + 1));
	EXPECT_EQ(-EAGAIN, sem_try(self->fd, 0, -10));
	EXPECT_EQ(-EAGAIN, sem_try(self->fd, 0, -6));
	EXPECT_EQ(-EAGAIN, sem_try(self->fd, 0, 0));
	EXPECT_EQ(-EOVERFLOW, sem_try(self->fd, 0, 6));
	EXPECT_EQ(-EOVERFLOW, sem_try(self->fd, 0, INT32_MAX));
	EXPECT_EQ(-EOVERFLOW, sem_op(self->fd, 0, 6, KIPC_SEM_UNDO));
	EXPECT_EQ(0, sem_undos(self->fd));
	EXPECT_EQ(0, sem_try(self->fd, 0, 5));
	EXPECT_EQ(0, sem_try(self->fd, 0, -10));
	EXPECT_EQ(0, sem_try(self->fd, 0, 0));
	EXPECT_EQ(0, sem_try(self->fd, 0, 5));
}

TEST_F(api, op_errors_of_mutexes)
{
	EXPECT_EQ(-EINVAL, sem_try(self->mutex, 0, 0));
	EXPECT_EQ(-EINVAL, sem_try(self->mutex, 0, -2));
	EXPECT_EQ(-EINVAL, sem_try(self->mutex, 0, 2));
	EXPECT_EQ(-ERANGE, sem_try(self->mutex, 2, -1));
	EXPECT_EQ(-EPERM, sem_try(self->mutex, 0, 1));
	EXPECT_EQ(0, sem_try(self->mutex, 0, -1));
	EXPECT_EQ(-EDEADLK, sem_try(self->mutex, 0, -1));
	EXPECT_EQ(-EDEADLK, sem_op(self->mutex, 0, -1, 0));
	EXPECT_EQ(0, sem_try(self->mutex, 0, 1));
	EXPECT_EQ(-EPERM, sem_try(self->mutex, 0, 1));
	EXPECT_EQ(1, sem_value(self->mutex, 0));
}

TEST_F(api, ops_errors)
{
	struct kipc_sem_entry many[KIPC_SEM_OPS_MAX + 1] = {};
	struct kipc_sem_entry one = { .index = 0, .delta = -1 };
	struct kipc_semaphore_ops arg = { .size = sizeof(arg), .count = 1,
		.entries = to_u64(&one), .flags = KIPC_SEM_NONBLOCK };
	unsigned int i;

	EXPECT_EQ(-EINVAL, sem_ops_try(self->fd, &one, 0));
	EXPECT_EQ(-E2BIG, sem_ops_try(self->fd, many, KIPC_SEM_OPS_MAX + 1));
	EXPECT_EQ(-E2BIG, sem_ops_try(self->fd, many, UINT32_MAX));
	for (i = 0; i <= KIPC_SEM_OPS_MAX; i++) {
		many[i].index = i % 4;
		many[i].delta = i % 8 < 4 ? -1 : 1;
	}
	EXPECT_EQ(0, sem_ops_try(self->fd, many, KIPC_SEM_OPS_MAX));
	EXPECT_EQ(-EFAULT, sem_ops_try(self->fd, (void *)8, 1));
	EXPECT_EQ(-EINVAL, sem_ops_until(self->fd, &one, 1, 1U << 2, 0, NULL));
	arg.pad = 1;
	EXPECT_EQ(-EINVAL, kipc_ioctl(self->fd, KIPC_SEMAPHORE_OPS, &arg));
	one.pad = 1;
	EXPECT_EQ(-EINVAL, sem_ops_try(self->fd, &one, 1));
	one.pad = 0;
	one.flags = KIPC_SEM_NONBLOCK;
	EXPECT_EQ(-EINVAL, sem_ops_try(self->fd, &one, 1));
	one.flags = 0;
	one.index = 4;
	EXPECT_EQ(-ERANGE, sem_ops_try(self->fd, &one, 1));
	one.index = 0;
	one.delta = -11;
	EXPECT_EQ(-EINVAL, sem_ops_try(self->fd, &one, 1));
	one.delta = -6;
	EXPECT_EQ(-EAGAIN, sem_ops_try(self->fd, &one, 1));
	one.delta = 6;
	EXPECT_EQ(-EOVERFLOW, sem_ops_try(self->fd, &one, 1));
}

/* The last entry alone is wrong: those before it have not been done. */
TEST_F(api, a_bad_last_entry)
{
	struct kipc_sem_entry two[2] = { { .index = 1, .delta = -1 } };

	two[1] = (struct kipc_sem_entry){ .index = 4, .delta = 1 };
	EXPECT_EQ(-ERANGE, sem_ops_try(self->fd, two, 2));
	two[1] = (struct kipc_sem_entry){ .index = 2, .delta = -11 };
	EXPECT_EQ(-EINVAL, sem_ops_try(self->fd, two, 2));
	two[1] = (struct kipc_sem_entry){ .index = 2, .delta = 6 };
	EXPECT_EQ(-EOVERFLOW, sem_ops_try(self->fd, two, 2));
	two[1] = (struct kipc_sem_entry){ .index = 2, .delta = 0 };
	EXPECT_EQ(-EAGAIN, sem_ops_try(self->fd, two, 2));
	EXPECT_EQ(-ETIMEDOUT, sem_ops_until(self->fd, two, 2, 0, 1, NULL));
	two[1] = (struct kipc_sem_entry){ .index = 2, .flags = 1U << 5 };
	EXPECT_EQ(-EINVAL, sem_ops_try(self->fd, two, 2));
}

TEST_F(api, get_errors)
{
	struct kipc_sem_counter counters[4];
	struct kipc_semaphore_get arg = { .size = sizeof(arg),
		.counters = to_u64(counters), .count = 1,
		.counter_size = sizeof(counters[0]) };

	EXPECT_EQ(0, sem_get_all(self->fd, 0, counters, 4));
	EXPECT_EQ(0, sem_get_all(self->fd, 3, counters, 1));
	EXPECT_EQ(-EINVAL, sem_get_all(self->fd, 0, counters, 0));
	EXPECT_EQ(-ERANGE, sem_get_all(self->fd, 4, counters, 1));
	EXPECT_EQ(-ERANGE, sem_get_all(self->fd, 1, counters, 4));
	EXPECT_EQ(-ERANGE, sem_get_all(self->fd, 1, counters, UINT32_MAX));
	EXPECT_EQ(-ERANGE, sem_get_all(self->fd, UINT32_MAX, counters, 2));
	EXPECT_EQ(-EFAULT, sem_get_all(self->fd, 0, (void *)8, 4));
	arg.flags = 1;
	EXPECT_EQ(-EINVAL, kipc_ioctl(self->fd, KIPC_SEMAPHORE_GET, &arg));
	arg.flags = 0;
	arg.pad = 1;
	EXPECT_EQ(-EINVAL, kipc_ioctl(self->fd, KIPC_SEMAPHORE_GET, &arg));
	arg.pad = 0;
	arg.counter_size = sizeof(counters[0]) - 1;
	EXPECT_EQ(-EINVAL, kipc_ioctl(self->fd, KIPC_SEMAPHORE_GET, &arg));
	arg.counter_size = 65537;
	EXPECT_EQ(-EINVAL, kipc_ioctl(self->fd, KIPC_SEMAPHORE_GET, &arg));
}

/* A caller from the future has more in each, and gets zeros there. */
TEST_F(api, get_with_a_larger_struct)
{
	struct {
		struct kipc_sem_counter known;
		uint64_t future[3];
	} wide[4];
	struct kipc_semaphore_get arg = { .size = sizeof(arg),
		.counters = to_u64(wide), .count = 3, .first = 1,
		.counter_size = sizeof(wide[0]) };
	int i;

	memset(wide, 0x5a, sizeof(wide));
	ASSERT_EQ(0, sem_try(self->fd, 2, -3));
	ASSERT_EQ(0, kipc_ioctl(self->fd, KIPC_SEMAPHORE_GET, &arg));
	ASSERT_EQ(0, sem_try(self->fd, 2, 3));
	for (i = 0; i < 3; i++) {
		EXPECT_EQ(i == 1 ? 2 : 5, wide[i].known.value);
		EXPECT_EQ(0, wide[i].known.waiting + wide[i].known.pad +
			  wide[i].known.waiting_zero + wide[i].known.pid +
			  wide[i].known.state);
		EXPECT_EQ(0, wide[i].future[0] | wide[i].future[1] |
			  wide[i].future[2]);
	}
	EXPECT_EQ(0x5a5a5a5a, wide[3].known.value);
}

TEST_F(api, set_errors)
{
	uint32_t values[4] = { 5, 5, 5, 11 };
	struct kipc_semaphore_set arg = { .size = sizeof(arg),
		.values = to_u64(values), .count = 1, .flags = 1 };

	EXPECT_EQ(-EINVAL, kipc_ioctl(self->fd, KIPC_SEMAPHORE_SET, &arg));
	EXPECT_EQ(-EINVAL, sem_set_all(self->fd, 0, values, 0));
	EXPECT_EQ(-ERANGE, sem_set_all(self->fd, 4, values, 1));
	EXPECT_EQ(-ERANGE, sem_set_all(self->fd, 2, values, 3));
	EXPECT_EQ(-ERANGE, sem_set_all(self->fd, 2, values, UINT32_MAX));
	EXPECT_EQ(-ERANGE, sem_set_all(self->fd, UINT32_MAX, values, 2));
	EXPECT_EQ(-EFAULT, sem_set_all(self->fd, 0, (void *)8, 4));
	values[0] = 7;
	EXPECT_EQ(-EOVERFLOW, sem_set_all(self->fd, 0, values, 4));
	EXPECT_EQ(-EOVERFLOW, sem_set(self->fd, 0, UINT32_MAX));
	EXPECT_EQ(0, sem_set_all(self->fd, 1, values, 2));
	EXPECT_EQ(7, sem_value(self->fd, 1));
	EXPECT_EQ(0, sem_set(self->fd, 1, 5));
	EXPECT_EQ(-EINVAL, sem_set(self->mutex, 0, 0));
	EXPECT_EQ(-EINVAL, sem_set(self->mutex, 0, 2));
	EXPECT_EQ(0, sem_set(self->mutex, 0, 1));
}

TEST_F(api, mark_errors)
{
	struct kipc_semaphore_mark arg = { .size = sizeof(arg),
		.mark = KIPC_MUTEX_UNRECOVERABLE, .flags = 1 };

	ASSERT_EQ(0, sem_try(self->mutex, 0, -1));
	EXPECT_EQ(-EINVAL, kipc_ioctl(self->mutex, KIPC_SEMAPHORE_MARK, &arg));
	EXPECT_EQ(-EINVAL, sem_mark(self->fd, 0, KIPC_MUTEX_CONSISTENT));
	EXPECT_EQ(-EINVAL, sem_mark(self->mutex, 0, 0));
	EXPECT_EQ(-EINVAL, sem_mark(self->mutex, 0, 3));
	EXPECT_EQ(-EINVAL, sem_mark(self->mutex, 0, KIPC_MUTEX_CONSISTENT));
	EXPECT_EQ(-ERANGE, sem_mark(self->mutex, 2, KIPC_MUTEX_CONSISTENT));
	EXPECT_EQ(-EPERM, sem_mark(self->mutex, 1, KIPC_MUTEX_CONSISTENT));
	EXPECT_EQ(-EPERM, sem_mark(self->mutex, 1, KIPC_MUTEX_UNRECOVERABLE));
	EXPECT_EQ(0, sem_try(self->mutex, 0, 1));
}

TEST_F(api, watch_and_stat_errors)
{
	struct kipc_semaphore_watch watch = { .size = sizeof(watch) };
	struct kipc_semaphore_stat st = { .size = sizeof(st), .flags = 1 };

	EXPECT_EQ(-EINVAL, kipc_ioctl(self->fd, KIPC_SEMAPHORE_STAT, &st));
	st = (struct kipc_semaphore_stat){ .size = sizeof(st), .pad = 1 };
	EXPECT_EQ(-EINVAL, kipc_ioctl(self->fd, KIPC_SEMAPHORE_STAT, &st));
	watch.flags = 1;
	EXPECT_EQ(-EINVAL, kipc_ioctl(self->fd, KIPC_SEMAPHORE_WATCH, &watch));
	watch.flags = 0;
	watch.pad = 1;
	EXPECT_EQ(-EINVAL, kipc_ioctl(self->fd, KIPC_SEMAPHORE_WATCH, &watch));
	EXPECT_EQ(-ERANGE, sem_watch(self->fd, 4));
	EXPECT_EQ(-ERANGE, sem_watch(self->fd, UINT32_MAX));
	/* None of these was a choice. */
	EXPECT_EQ(0, sem_watch(self->fd, 3));
	EXPECT_EQ(-EBUSY, sem_watch(self->fd, 3));
}

TEST_F(api, a_read_only_handle)
{
	struct kipc_sem_entry zero = { .index = 0 };
	struct kipc_sem_entry take = { .index = 0, .delta = -1 };
	struct kipc_semaphore_stat st;

	EXPECT_EQ(-EBADF, sem_try(self->reader, 0, -1));
	EXPECT_EQ(-EBADF, sem_try(self->reader, 0, 1));
	EXPECT_EQ(-EBADF, sem_ops_try(self->reader, &take, 1));
	EXPECT_EQ(-EBADF, sem_set(self->reader, 0, 5));
	EXPECT_EQ(5, sem_value(self->reader, 0));
	EXPECT_EQ(-EAGAIN, sem_try(self->reader, 0, 0));
	EXPECT_EQ(-EAGAIN, sem_ops_try(self->reader, &zero, 1));
	ASSERT_EQ(0, sem_set(self->fd, 0, 0));
	EXPECT_EQ(0, sem_try(self->reader, 0, 0));
	EXPECT_EQ(0, sem_ops_try(self->reader, &zero, 1));
	ASSERT_EQ(0, sem_set(self->fd, 0, 5));
	EXPECT_EQ(0, sem_stat(self->reader, &st));
}

TEST_F(api, a_write_only_handle)
{
	struct kipc_sem_entry both[2] = { { .delta = -5 }, { .delta = 0 } };
	struct kipc_sem_counter counter;
	struct kipc_semaphore_stat st;

	EXPECT_EQ(-EBADF, sem_try(self->writer, 0, 0));
	EXPECT_EQ(-EBADF, sem_ops_try(self->writer, both, 2));
	EXPECT_EQ(-EBADF, sem_get_all(self->writer, 0, &counter, 1));
	EXPECT_EQ(0, sem_try(self->writer, 0, -5));
	EXPECT_EQ(0, sem_ops_try(self->writer, &(struct kipc_sem_entry){
				 .delta = 4 }, 1));
	EXPECT_EQ(4, sem_value(self->fd, 0));
	EXPECT_EQ(0, sem_set(self->writer, 0, 5));
	EXPECT_EQ(0, sem_stat(self->writer, &st));
}

TEST(a_read_only_handle_of_a_mutex)
{
	struct kipc_semaphore_create arg = { .flags = KIPC_SEMAPHORE_MUTEX,
		.name = to_u64("api-mutex"), .name_len = 9, .count = 1,
		.rights = KIPC_RIGHT_READ, .mode = 0600 };
	int reader = sem_create(&arg), writer;

	ASSERT_LE(0, reader);
	writer = sem_open_name("api-mutex", KIPC_RIGHT_WRITE, 0);
	ASSERT_LE(0, writer);
	ASSERT_EQ(0, sem_try(writer, 0, -1));
	EXPECT_EQ(-EBADF, sem_try(reader, 0, -1));
	EXPECT_EQ(-EBADF, sem_try(reader, 0, 1));
	EXPECT_EQ(-EBADF, sem_set(reader, 0, 1));
	EXPECT_EQ(-EBADF, sem_mark(reader, 0, KIPC_MUTEX_UNRECOVERABLE));
	EXPECT_EQ(getpid(), sem_counter(reader, 0).pid);
	EXPECT_EQ(0, sem_try(writer, 0, 1));
}

/* What belongs to other kinds, or to the device, or to nobody. */
TEST_F(api, calls_of_others)
{
	struct kipc_pipe_stat pipe_stat = { .size = sizeof(pipe_stat) };
	struct kipc_info info = { .size = sizeof(info) };
	struct kipc_semaphore_create make = { .size = sizeof(make),
		.rights = SEM_RIGHTS, .count = 1 };
	int fd[2];
	char c;

	EXPECT_EQ(-ENOTTY, kipc_ioctl(self->fd, KIPC_PIPE_STAT, &pipe_stat));
	EXPECT_EQ(-ENOTTY, kipc_ioctl(self->fd, KIPC_INFO, &info));
	EXPECT_EQ(-ENOTTY, kipc_ioctl(self->fd, KIPC_SEMAPHORE_CREATE, &make));
	EXPECT_EQ(-ENOTTY, kipc_ioctl(self->fd, _IO(KIPC_IOC_TYPE, 0x39),
				      &info));
	ASSERT_EQ(0, kipc_pipe(fd, 0, 0));
	EXPECT_EQ(-ENOTTY, sem_try(fd[0], 0, 1));
	EXPECT_EQ(-EINVAL, KIPC_RET(read(self->fd, &c, 1)));
	EXPECT_EQ(-EINVAL, KIPC_RET(write(self->fd, &c, 1)));
	EXPECT_EQ(-ESPIPE, KIPC_RET(lseek(self->fd, 0, SEEK_CUR)));
	EXPECT_EQ(MAP_FAILED, mmap(NULL, 4096, PROT_READ, MAP_SHARED, self->fd,
				   0));
}

TEST_HARNESS_MAIN
