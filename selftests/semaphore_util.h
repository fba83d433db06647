/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the tests of semaphores share: thin calls over the ioctls (0 or -errno),
 * calls that may sleep in a thread of their own, and words in shared memory by
 * which processes tell each other how far they are.
 */
#ifndef SEMAPHORE_UTIL_H
#define SEMAPHORE_UTIL_H

#include "kipc_util.h"

/*
 * The harness's own, 30 s, is short for a kernel full of checks in an emulated
 * machine. What must happen at once has a deadline of its own: wait_for().
 */
#undef TEST_TIMEOUT_DEFAULT
#define TEST_TIMEOUT_DEFAULT	400

#define SEM_RIGHTS	(KIPC_RIGHT_READ | KIPC_RIGHT_WRITE)

/* Makes what @arg says; gives the handle or -errno. */
static inline int sem_create(struct kipc_semaphore_create *arg)
{
	int ret;

	arg->size = sizeof(*arg);
	ret = kipc_device_ioctl(KIPC_SEMAPHORE_CREATE, arg);
	return ret ? ret : arg->fd;
}

/* A set without a name; gives the handle or -errno. */
static inline int sem_make(uint32_t count, uint32_t initial, uint32_t max)
{
	struct kipc_semaphore_create arg = {
		.rights = SEM_RIGHTS,
		.mode = 0600,
		.count = count,
		.initial = initial,
		.max = max,
	};

	return sem_create(&arg);
}

static inline int sem_make_mutex(uint32_t count)
{
	struct kipc_semaphore_create arg = {
		.flags = KIPC_SEMAPHORE_MUTEX,
		.rights = SEM_RIGHTS,
		.mode = 0600,
		.count = count,
	};

	return sem_create(&arg);
}

/* A set with a name; opens the one that has it, if there is one. */
static inline int sem_named(const char *name, uint32_t count, uint32_t initial,
			    uint32_t flags)
{
	struct kipc_semaphore_create arg = {
		.flags = flags,
		.name = to_u64(name),
		.name_len = strlen(name),
		.rights = SEM_RIGHTS,
		.mode = 0600,
		.count = count,
		.initial = initial,
	};

	return sem_create(&arg);
}

/* KIPC_OPEN; gives the handle or -errno. */
static inline int sem_open_name(const char *name, uint32_t rights,
				uint32_t flags)
{
	struct kipc_open arg = {
		.size = sizeof(arg),
		.flags = flags,
		.name = to_u64(name),
		.name_len = strlen(name),
		.kind = KIPC_KIND_SEMAPHORE,
		.rights = rights,
	};
	int ret = kipc_device_ioctl(KIPC_OPEN, &arg);

	return ret ? ret : arg.fd;
}

static inline int sem_op_until(int fd, uint32_t index, int32_t delta,
			       uint32_t flags, uint64_t deadline_ns)
{
	struct kipc_semaphore_op arg = {
		.size = sizeof(arg),
		.flags = flags,
		.index = index,
		.delta = delta,
		.deadline_ns = deadline_ns,
	};

	return kipc_ioctl(fd, KIPC_SEMAPHORE_OP, &arg);
}

static inline int sem_op(int fd, uint32_t index, int32_t delta, uint32_t flags)
{
	return sem_op_until(fd, index, delta, flags, 0);
}

/* Never sleeps. */
static inline int sem_try(int fd, uint32_t index, int32_t delta)
{
	return sem_op(fd, index, delta, KIPC_SEM_NONBLOCK);
}

/* Sleeps, but not for ever. */
static inline int sem_patient(int fd, uint32_t index, int32_t delta)
{
	return sem_op_until(fd, index, delta, 0, now_ns() + PATIENCE_NS);
}

static inline int sem_ops_until(int fd, const struct kipc_sem_entry *entries,
				uint32_t count, uint32_t flags,
				uint64_t deadline_ns, uint64_t *owner_dead)
{
	struct kipc_semaphore_ops arg = {
		.size = sizeof(arg),
		.flags = flags,
		.entries = to_u64(entries),
		.count = count,
		.deadline_ns = deadline_ns,
	};
	int ret = kipc_ioctl(fd, KIPC_SEMAPHORE_OPS, &arg);

	if (owner_dead)
		*owner_dead = arg.owner_dead;
	return ret;
}

static inline int sem_ops_try(int fd, const struct kipc_sem_entry *entries,
			      uint32_t count)
{
	return sem_ops_until(fd, entries, count, KIPC_SEM_NONBLOCK, 0, NULL);
}

static inline int sem_get_all(int fd, uint32_t first,
			      struct kipc_sem_counter *counters, uint32_t count)
{
	struct kipc_semaphore_get arg = {
		.size = sizeof(arg),
		.counters = to_u64(counters),
		.first = first,
		.count = count,
		.counter_size = sizeof(*counters),
	};

	return kipc_ioctl(fd, KIPC_SEMAPHORE_GET, &arg);
}

/* One counter; all ones if that fails. */
static inline struct kipc_sem_counter sem_counter(int fd, uint32_t index)
{
	struct kipc_sem_counter counter;

	if (sem_get_all(fd, index, &counter, 1))
		memset(&counter, 0xff, sizeof(counter));
	return counter;
}

static inline uint32_t sem_value(int fd, uint32_t index)
{
	return sem_counter(fd, index).value;
}

static inline uint32_t sem_waiting(int fd, uint32_t index)
{
	return sem_counter(fd, index).waiting;
}

static inline uint32_t sem_waiting_zero(int fd, uint32_t index)
{
	return sem_counter(fd, index).waiting_zero;
}

static inline int sem_set_all(int fd, uint32_t first, const uint32_t *values,
			      uint32_t count)
{
	struct kipc_semaphore_set arg = {
		.size = sizeof(arg),
		.values = to_u64(values),
		.first = first,
		.count = count,
	};

	return kipc_ioctl(fd, KIPC_SEMAPHORE_SET, &arg);
}

static inline int sem_set(int fd, uint32_t index, uint32_t value)
{
	return sem_set_all(fd, index, &value, 1);
}

static inline int sem_mark(int fd, uint32_t index, uint32_t mark)
{
	struct kipc_semaphore_mark arg = {
		.size = sizeof(arg),
		.index = index,
		.mark = mark,
	};

	return kipc_ioctl(fd, KIPC_SEMAPHORE_MARK, &arg);
}

static inline int sem_watch(int fd, uint32_t index)
{
	struct kipc_semaphore_watch arg = {
		.size = sizeof(arg),
		.index = index,
	};

	return kipc_ioctl(fd, KIPC_SEMAPHORE_WATCH, &arg);
}

static inline int sem_stat(int fd, struct kipc_semaphore_stat *st)
{
	*st = (struct kipc_semaphore_stat){ .size = sizeof(*st) };
	return kipc_ioctl(fd, KIPC_SEMAPHORE_STAT, st);
}

/* Threads that sleep in any call on the set; all ones if that fails. */
static inline uint32_t sem_sleepers(int fd)
{
	struct kipc_semaphore_stat st;

	return sem_stat(fd, &st) ? UINT32_MAX : st.waiting;
}

/* Processes that have something to take back. */
static inline uint32_t sem_undos(int fd)
{
	struct kipc_semaphore_stat st;

	return sem_stat(fd, &st) ? UINT32_MAX : st.undos;
}

/* A call that may sleep, made by a thread of its own. */
#define SEM_CALL_ENTRIES	8

struct sem_call {
	int fd;
	uint32_t index;		/* one operation, if @count is 0 */
	int32_t delta;
	uint32_t flags;
	uint64_t deadline_ns;
	uint32_t count;		/* of @entries */
	struct kipc_sem_entry entries[SEM_CALL_ENTRIES];
	int ended;		/* set last, by the thread */
	int ret;
	uint64_t owner_dead;
	pthread_t thread;
};

static inline void *sem_call_run(void *data)
{
	struct sem_call *call = data;

	if (call->count)
		call->ret = sem_ops_until(call->fd, call->entries, call->count,
					  call->flags, call->deadline_ns,
					  &call->owner_dead);
	else
		call->ret = sem_op_until(call->fd, call->index, call->delta,
					 call->flags, call->deadline_ns);
	__atomic_store_n(&call->ended, 1, __ATOMIC_RELEASE);
	return NULL;
}

static inline int sem_call_start(struct sem_call *call)
{
	pthread_attr_t attr;
	int ret;

	call->ended = 0;
	/* There may be many, and they need little. */
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, 65536);
	ret = pthread_create(&call->thread, &attr, sem_call_run, call);
	pthread_attr_destroy(&attr);
	return -ret;
}

static inline bool sem_call_ended(struct sem_call *call)
{
	return __atomic_load_n(&call->ended, __ATOMIC_ACQUIRE);
}

/* What the call gave: 0, -errno, or KIPC_HUNG. */
static inline int sem_call_wait(struct sem_call *call)
{
	if (!wait_for(sem_call_ended(call)))
		return KIPC_HUNG;
	pthread_join(call->thread, NULL);
	return call->ret;
}

/* Starts @call and comes back when it sleeps; 0 or -errno. */
static inline int sem_call_asleep(struct sem_call *call)
{
	uint32_t before = sem_sleepers(call->fd);
	int ret = sem_call_start(call);

	if (ret)
		return ret;
	return wait_for(sem_sleepers(call->fd) == before + 1) ? 0 : -ETIME;
}

/* In a child: complain unless the two are equal. */
#define CHILD_EQ(expected, seen) do {					\
	long long __want = (expected), __got = (seen);			\
									\
	if (__want != __got) {						\
		fprintf(stderr,						\
			"# %s:%d: child: %s is %lld, not %s (%lld)\n",	\
			__FILE__, __LINE__, #seen, __got, #expected,	\
			__want);					\
		_exit(1);						\
	}								\
} while (0)

/* The wait status of a child whose work may take longer than PATIENCE_NS. */
static inline int sem_child_end(pid_t pid)
{
	int status;

	return waitpid(pid, &status, 0) == pid ? status : -1;
}

/* Ends @pid by SIGKILL; true if that is what ended it. */
static inline bool sem_kill(pid_t pid)
{
	int status;

	kill(pid, SIGKILL);
	return waitpid(pid, &status, 0) == pid && WIFSIGNALED(status) &&
	       WTERMSIG(status) == SIGKILL;
}

#endif /* SEMAPHORE_UTIL_H */
