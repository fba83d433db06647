/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the kernel charges to this process for memory of its own: that of a
 * control group that the process is alone in.  Without control groups of
 * version 2 that know memory, nothing is charged.
 */
#ifndef KIPC_BENCH_CGROUP_H
#define KIPC_BENCH_CGROUP_H

#include <stdint.h>

/* Into a new group, and back again. */
void cgroup_enter(void);
void cgroup_leave(void);

/* Bytes charged to the group for memory of the kernel's; 0 if that is not known. */
uint64_t cgroup_kernel_bytes(void);

#endif /* KIPC_BENCH_CGROUP_H */
