/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the kipc selftests share: thin calls over the ioctls (0 or a new fd, or
 * -errno, so that a test can compare with one EXPECT_EQ), and waiting for a
 * state with a deadline in place of sleeping.
 */
#ifndef KIPC_UTIL_H
#define KIPC_UTIL_H

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <linux/kipc.h>

#define NSEC_PER_SEC	1000000000ULL
#define NSEC_PER_MSEC	1000000ULL

/* How long a test waits for something that must happen, slow VMs included. */
#define PATIENCE_NS	(20 * NSEC_PER_SEC)

static inline uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * NSEC_PER_SEC + ts.tv_nsec;
}

/* Is that set in the environment, and not to 0? */
static inline bool env_is_set(const char *name)
{
	const char *env = getenv(name);

	return env && *env && strcmp(env, "0");
}

/* Loops run @full times with FULL=1 in the environment, else @full / 10. */
static inline unsigned long scaled(unsigned long full)
{
	return env_is_set("FULL") ? full : (full + 9) / 10;
}

/* Is this kernel full of checks, and so ten times as slow? */
static inline bool kernel_is_checked(void)
{
	FILE *file = fopen("/proc/kallsyms", "r");
	bool found = false;
	char line[512];

	while (file && !found && fgets(line, sizeof(line), file))
		found = strstr(line, " kasan_quarantine_put");
	if (file)
		fclose(file);
	return found;
}

/* As scaled(), but all of them on a kernel that people run. */
static inline unsigned long scaled_if_slow(unsigned long full)
{
	return kernel_is_checked() ? scaled(full) : full;
}

/* Evaluate @cond until it is true or PATIENCE_NS is over; gives its value. */
#define wait_for(cond) ({					\
	uint64_t __end = now_ns() + PATIENCE_NS;		\
	bool __ok;						\
								\
	while (!(__ok = (cond)) && now_ns() < __end)		\
		usleep(500);					\
	__ok;							\
})

/* ioctl() that gives -errno. */
static inline int kipc_ioctl(int fd, unsigned long cmd, void *arg)
{
	int ret = ioctl(fd, cmd, arg);

	return ret < 0 ? -errno : ret;
}

static inline int kipc_device(void)
{
	int fd = open(KIPC_DEVICE, O_RDWR | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

/* Does one ioctl on a /dev/kipc opened just for it. */
static inline int kipc_device_ioctl(unsigned long cmd, void *arg)
{
	int dev = kipc_device(), ret;

	if (dev < 0)
		return dev;
	ret = kipc_ioctl(dev, cmd, arg);
	close(dev);
	return ret;
}

static inline uint64_t to_u64(const void *ptr)
{
	return (uintptr_t)ptr;
}

/* An anonymous pipe; @fd gets the read end and the write end. */
static inline int kipc_pipe(int fd[2], uint64_t capacity, uint32_t flags)
{
	struct kipc_pipe_create arg = {
		.size = sizeof(arg),
		.flags = flags,
		.rights = KIPC_RIGHT_READ | KIPC_RIGHT_WRITE,
		.mode = 0600,
		.capacity = capacity,
	};
	int ret = kipc_device_ioctl(KIPC_PIPE_CREATE, &arg);

	if (ret)
		return ret;
	fd[0] = arg.read_fd;
	fd[1] = arg.write_fd;
	return 0;
}

/* A named pipe; gives 0 or -errno, @arg has the rest. */
static inline int kipc_pipe_named(struct kipc_pipe_create *arg,
				  const char *name, uint32_t rights,
				  uint64_t capacity, uint32_t flags)
{
	*arg = (struct kipc_pipe_create){
		.size = sizeof(*arg),
		.flags = flags,
		.name = to_u64(name),
		.name_len = strlen(name),
		.mode = 0600,
		.rights = rights,
		.capacity = capacity,
	};
	return kipc_device_ioctl(KIPC_PIPE_CREATE, arg);
}

/* Opens @name; gives the new fd or -errno. */
static inline int kipc_open_name(const char *name, uint32_t rights,
				 uint32_t flags)
{
	struct kipc_open arg = {
		.size = sizeof(arg),
		.flags = flags,
		.name = to_u64(name),
		.name_len = strlen(name),
		.kind = KIPC_KIND_PIPE,
		.rights = rights,
	};
	int ret = kipc_device_ioctl(KIPC_OPEN, &arg);

	return ret ? ret : arg.fd;
}

/* KIPC_UNLINK or KIPC_DESTROY by name. */
static inline int kipc_by_name(unsigned long cmd, const char *name)
{
	struct kipc_target arg = {
		.size = sizeof(arg),
		.name = to_u64(name),
		.name_len = strlen(name),
	};

	return kipc_device_ioctl(cmd, &arg);
}

static inline int kipc_unlink(const char *name)
{
	return kipc_by_name(KIPC_UNLINK, name);
}

static inline int kipc_destroy(int fd)
{
	struct kipc_target arg = { .size = sizeof(arg) };

	return kipc_ioctl(fd, KIPC_DESTROY, &arg);
}

static inline int kipc_stat_fd(int fd, struct kipc_stat *st)
{
	*st = (struct kipc_stat){ .size = sizeof(*st) };
	return kipc_ioctl(fd, KIPC_STAT, st);
}

static inline int kipc_pipe_stat(int fd, struct kipc_pipe_stat *st)
{
	*st = (struct kipc_pipe_stat){ .size = sizeof(*st) };
	return kipc_ioctl(fd, KIPC_PIPE_STAT, st);
}

/* How many threads sleep on each side of the pipe behind @fd. */
static inline unsigned int kipc_readers_waiting(int fd)
{
	struct kipc_pipe_stat st;

	return kipc_pipe_stat(fd, &st) ? 0 : st.readers.waiting;
}

static inline unsigned int kipc_writers_waiting(int fd)
{
	struct kipc_pipe_stat st;

	return kipc_pipe_stat(fd, &st) ? 0 : st.writers.waiting;
}

/* KIPC_PIPE_READ or KIPC_PIPE_WRITE; gives the bytes moved or -errno. */
static inline int64_t kipc_pipe_io(int fd, unsigned long cmd, void *buf,
				   uint64_t len, uint64_t deadline_ns,
				   uint32_t flags)
{
	struct kipc_pipe_io arg = {
		.size = sizeof(arg),
		.flags = flags,
		.buf = to_u64(buf),
		.len = len,
		.deadline_ns = deadline_ns,
	};
	int ret = kipc_ioctl(fd, cmd, &arg);

	return ret ? ret : (int64_t)arg.done;
}

/* Gives what the system call gave, or -errno. */
#define KIPC_RET(call) ({					\
	long __ret = (call);					\
								\
	__ret < 0 ? (long)-errno : __ret;			\
})

/* In a child process: complain and end, the parent looks at the status. */
#define CHILD_CHECK(cond) do {					\
	if (!(cond)) {						\
		fprintf(stderr, "# %s:%d: child: %s (errno %d)\n",	\
			__FILE__, __LINE__, #cond, errno);	\
		_exit(1);					\
	}							\
} while (0)

static inline uint64_t in_ms(uint64_t ms)
{
	return now_ns() + ms * NSEC_PER_MSEC;
}

/* Reads and writes that never sleep and never raise SIGPIPE. */
static inline int64_t kipc_try_read(int fd, void *buf, uint64_t len)
{
	return kipc_pipe_io(fd, KIPC_PIPE_READ, buf, len, 0, KIPC_IO_NONBLOCK);
}

static inline int64_t kipc_try_write(int fd, const void *buf, uint64_t len)
{
	return kipc_pipe_io(fd, KIPC_PIPE_WRITE, (void *)buf, len, 0,
			    KIPC_IO_NONBLOCK | KIPC_IO_NOSIGPIPE);
}

/* fork(); the child dies with its parent. */
static inline pid_t kipc_fork(void)
{
	pid_t parent = getpid(), pid = fork();

	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() != parent)
			_exit(127);
	}
	return pid;
}

/* The wait status of child @pid; -1 if it did not end and had to be killed. */
static inline int kipc_reap(pid_t pid)
{
	int status = 0;

	if (wait_for(waitpid(pid, &status, WNOHANG) == pid))
		return status;
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	return -1;
}

/* Zeroed memory that children share with their parent. */
static inline void *kipc_shared(size_t size)
{
	void *mem = mmap(NULL, size, PROT_READ | PROT_WRITE,
			 MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);

	return mem == MAP_FAILED ? NULL : mem;
}

/* Words in shared memory. */
static inline void word_set(uint32_t *word, uint32_t value)
{
	__atomic_store_n(word, value, __ATOMIC_RELEASE);
}

static inline uint32_t word_get(const uint32_t *word)
{
	return __atomic_load_n(word, __ATOMIC_ACQUIRE);
}

static inline uint32_t word_add(uint32_t *word, uint32_t value)
{
	return __atomic_add_fetch(word, value, __ATOMIC_ACQ_REL);
}

/* Puts a task (0: the caller) on one processor. */
static inline int on_cpu(pid_t pid, int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	return sched_setaffinity(pid, sizeof(set), &set);
}

static inline int on_first_cpu(pid_t pid)
{
	return on_cpu(pid, 0);
}

/* The caller goes before all who are not realtime. */
static inline int be_realtime(bool on)
{
	struct sched_param param = { .sched_priority = on ? 50 : 0 };

	return sched_setscheduler(0, on ? SCHED_FIFO : SCHED_OTHER, &param);
}

/* What struct kipc_call does beside KIPC_PIPE_READ and KIPC_PIPE_WRITE. */
#define KIPC_CALL_READ	1	/* read(2) */
#define KIPC_CALL_WRITE	2	/* write(2) */
#define KIPC_CALL_SPLICE 3	/* splice(2) to @out */

/* Given for a call that does not come back. */
#define KIPC_HUNG	(-4095)

/* A call that may sleep, made by a thread of its own. */
struct kipc_call {
	int fd;
	int out;
	unsigned long cmd;
	void *buf;
	uint64_t len;
	uint64_t deadline_ns;
	uint32_t flags;
	int ended;		/* set last, by the thread */
	int64_t ret;		/* bytes or -errno */
	uint64_t done;		/* what a failed ioctl left in @done */
	pthread_t thread;
};

static inline void *kipc_call_run(void *data)
{
	struct kipc_call *call = data;
	struct kipc_pipe_io arg = {
		.size = sizeof(arg),
		.flags = call->flags,
		.buf = to_u64(call->buf),
		.len = call->len,
		.deadline_ns = call->deadline_ns,
	};

	if (call->cmd == KIPC_CALL_READ) {
		call->ret = KIPC_RET(read(call->fd, call->buf, call->len));
	} else if (call->cmd == KIPC_CALL_WRITE) {
		call->ret = KIPC_RET(write(call->fd, call->buf, call->len));
	} else if (call->cmd == KIPC_CALL_SPLICE) {
		call->ret = KIPC_RET(splice(call->fd, NULL, call->out, NULL,
					    call->len, 0));
	} else {
		call->ret = kipc_ioctl(call->fd, call->cmd, &arg);
		call->done = arg.done;
		if (!call->ret)
			call->ret = arg.done;
	}
	__atomic_store_n(&call->ended, 1, __ATOMIC_RELEASE);
	return NULL;
}

static inline int kipc_call_start(struct kipc_call *call)
{
	call->ended = 0;
	return -pthread_create(&call->thread, NULL, kipc_call_run, call);
}

static inline bool kipc_call_ended(struct kipc_call *call)
{
	return __atomic_load_n(&call->ended, __ATOMIC_ACQUIRE);
}

/* What the call gave: bytes, -errno, or KIPC_HUNG. */
static inline int64_t kipc_call_wait(struct kipc_call *call)
{
	if (!wait_for(kipc_call_ended(call)))
		return KIPC_HUNG;
	pthread_join(call->thread, NULL);
	return call->ret;
}

/* Pseudo random numbers; SEED in the environment makes a run happen again. */
static inline uint64_t kipc_seed(void)
{
	const char *env = getenv("SEED");
	uint64_t seed = env && *env ? strtoull(env, NULL, 0) : now_ns();

	fprintf(stderr, "# SEED=%llu\n", (unsigned long long)seed);
	return seed * 2 + 1;
}

static inline uint32_t kipc_rand(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state >> 32;
}

/*
 * A long byte pattern that no page size divides, so that what is lost, doubled
 * or out of its place shows: byte n of it is pattern_table()[n % PERIOD].
 */
#define PATTERN_PERIOD	65521

static inline const unsigned char *pattern_table(void)
{
	static unsigned char table[2 * PATTERN_PERIOD];
	static int ready;
	uint64_t state = 88172645463325252ULL;
	size_t i;

	/* Threads that come here together write the same bytes. */
	if (!__atomic_load_n(&ready, __ATOMIC_ACQUIRE)) {
		for (i = 0; i < PATTERN_PERIOD; i++) {
			table[i] = kipc_rand(&state);
			table[i + PATTERN_PERIOD] = table[i];
		}
		__atomic_store_n(&ready, 1, __ATOMIC_RELEASE);
	}
	return table;
}

static inline void pattern_fill(void *buf, uint64_t offset, size_t len)
{
	size_t at = 0, n;

	for (; at < len; at += n) {
		n = len - at < PATTERN_PERIOD ? len - at : PATTERN_PERIOD;
		memcpy((char *)buf + at,
		       pattern_table() + (offset + at) % PATTERN_PERIOD, n);
	}
}

static inline bool pattern_ok(const void *buf, uint64_t offset, size_t len)
{
	size_t at = 0, n;

	for (; at < len; at += n) {
		n = len - at < PATTERN_PERIOD ? len - at : PATTERN_PERIOD;
		if (memcmp((const char *)buf + at,
			   pattern_table() + (offset + at) % PATTERN_PERIOD, n))
			return false;
	}
	return true;
}

static inline void signal_caught(int sig)
{
	(void)sig;
}

/* From now on @sig does nothing but interrupt; @flags: SA_RESTART, or 0. */
static inline void catch_signal(int sig, int flags)
{
	struct sigaction act = {
		.sa_handler = signal_caught,
		.sa_flags = flags,
	};

	sigaction(sig, &act, NULL);
}

#endif /* KIPC_UTIL_H */
