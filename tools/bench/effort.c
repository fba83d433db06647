// SPDX-License-Identifier: GPL-2.0
/* System calls and context switches, counted by perf_event_open(2). */
#include <err.h>
#include <errno.h>
#include <linux/perf_event.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "bench.h"
#include "effort.h"

/* Where the kernel says which number its tracepoint has. */
static const char *const id_files[] = {
	"/sys/kernel/tracing/events/raw_syscalls/sys_enter/id",
	"/sys/kernel/debug/tracing/events/raw_syscalls/sys_enter/id",
};

/* 0 if there is none. */
static uint64_t syscall_id(void)
{
	unsigned long long id = 0;
	size_t i;

	for (i = 0; !id && i < ARRAY_SIZE(id_files); i++) {
		FILE *file = fopen(id_files[i], "r");

		if (!file)
			continue;
		if (fscanf(file, "%llu", &id) != 1)
			id = 0;
		fclose(file);
	}
	return id;
}

/* A counter that does not count yet; @pid 0: of this process. */
static int open_counter(enum effort_kind kind, pid_t pid)
{
	struct perf_event_attr attr = {
		.size = sizeof(attr),
		.type = PERF_TYPE_SOFTWARE,
		.config = PERF_COUNT_SW_CONTEXT_SWITCHES,
		.disabled = 1,
	};

	if (kind == EFFORT_SYSCALLS) {
		attr.type = PERF_TYPE_TRACEPOINT;
		attr.config = syscall_id();
		if (!attr.config) {
			errno = ENOENT;
			return -1;
		}
	}
	return syscall(SYS_perf_event_open, &attr, pid, -1, -1,
		       PERF_FLAG_FD_CLOEXEC);
}

/* The first counter of system calls has the kernel's code changed, and the last
 * one changes it back.  An emulated machine with two processors may hang there: so
 * one counter of each kind stays open to the end of the program.
 */
bool effort_is_counted(void)
{
	static int fd[EFFORT_KINDS] = { -1, -1 };
	enum effort_kind kind;

	for (kind = 0; kind < EFFORT_KINDS; kind++) {
		if (fd[kind] < 0)
			fd[kind] = open_counter(kind, 0);
		if (fd[kind] < 0)
			return false;
	}
	return true;
}

void effort_open(struct effort *effort, pid_t other)
{
	enum effort_kind kind;

	for (kind = 0; kind < EFFORT_KINDS; kind++) {
		effort->fd[0][kind] = open_counter(kind, 0);
		effort->fd[1][kind] = other ? open_counter(kind, other) : -1;
		if (effort->fd[0][kind] < 0 ||
		    (other && effort->fd[1][kind] < 0))
			err(1, "perf_event_open");
	}
}

static void control(int fd, unsigned long request)
{
	if (fd >= 0 && ioctl(fd, request, 0))
		err(1, "a counter");
}

static uint64_t value(int fd)
{
	uint64_t count = 0;

	if (fd >= 0 && read(fd, &count, sizeof(count)) != sizeof(count))
		err(1, "a counter");
	return count;
}

/* This process's system calls last, and first in effort_stop(): so one call of
 * the counting itself is counted.
 */
void effort_start(const struct effort *effort)
{
	enum effort_kind kind;
	int who;

	for (who = 1; who >= 0; who--) {
		for (kind = EFFORT_KINDS; kind-- > 0;) {
			control(effort->fd[who][kind], PERF_EVENT_IOC_RESET);
			control(effort->fd[who][kind], PERF_EVENT_IOC_ENABLE);
		}
	}
}

void effort_stop(const struct effort *effort, uint64_t counts[EFFORT_KINDS])
{
	enum effort_kind kind;
	int who;

	for (who = 0; who < 2; who++) {
		for (kind = 0; kind < EFFORT_KINDS; kind++)
			control(effort->fd[who][kind], PERF_EVENT_IOC_DISABLE);
	}
	for (kind = 0; kind < EFFORT_KINDS; kind++)
		counts[kind] = value(effort->fd[0][kind]) +
			       value(effort->fd[1][kind]);
	counts[EFFORT_SYSCALLS]--;
}

void effort_close(const struct effort *effort)
{
	enum effort_kind kind;
	int who;

	for (who = 0; who < 2; who++) {
		for (kind = 0; kind < EFFORT_KINDS; kind++) {
			if (effort->fd[who][kind] >= 0)
				close(effort->fd[who][kind]);
		}
	}
}
