/* SPDX-License-Identifier: GPL-2.0 */
/*
 * How often the two processes of a rig enter the kernel and are taken off their
 * CPUs, as the kernel itself counts it: what the C library does unasked is in
 * there.
 */
#ifndef KIPC_BENCH_EFFORT_H
#define KIPC_BENCH_EFFORT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* What is counted, each of both processes. */
enum effort_kind {
	EFFORT_SYSCALLS,
	EFFORT_SWITCHES,
	EFFORT_KINDS,
};

/**
 * struct effort - while it is counted
 * @fd: counters of this process, then of the other one; -1 if there is none
 */
struct effort {
	int fd[2][EFFORT_KINDS];
};

/* False where perf_event_open(2) does not count, or not for this user.  Else all
 * system calls of the machine are slower from here on, to the end of the program.
 */
bool effort_is_counted(void);

/* @other: the other process, 0 if there is none. */
void effort_open(struct effort *effort, pid_t other);
void effort_start(const struct effort *effort);
/* Gives the counts since effort_start(). */
void effort_stop(const struct effort *effort, uint64_t counts[EFFORT_KINDS]);
void effort_close(const struct effort *effort);

#endif /* KIPC_BENCH_EFFORT_H */
