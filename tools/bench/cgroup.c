// SPDX-License-Identifier: GPL-2.0
/* A control group of one's own, as root: see cgroup.h. */
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cgroup.h"

#define ROOT		"/sys/fs/cgroup"
#define GROUP		ROOT "/kipc-bench"
#define PATH_BYTES	512

/* Where this process was before. */
static char home[PATH_BYTES];
static bool entered;

static bool put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	bool ok;

	if (fd < 0)
		return false;
	ok = write(fd, text, strlen(text)) == (ssize_t)strlen(text);
	close(fd);
	return ok;
}

/* False if the process is in no group of version 2. */
static bool find_home(void)
{
	FILE *file = fopen("/proc/self/cgroup", "r");
	char line[PATH_BYTES / 2];
	bool found = false;

	if (!file)
		return false;
	while (!found && fgets(line, sizeof(line), file)) {
		line[strcspn(line, "\n")] = 0;
		found = !strncmp(line, "0::/", 4);
		if (found)
			snprintf(home, sizeof(home), ROOT "%s/cgroup.procs",
				 line + 3);
	}
	fclose(file);
	return found;
}

void cgroup_enter(void)
{
	if (!find_home())
		return;
	put(ROOT "/cgroup.subtree_control", "+memory");
	mkdir(GROUP, 0755);
	/* 0: the process that writes. */
	entered = put(GROUP "/cgroup.procs", "0");
}

void cgroup_leave(void)
{
	if (entered)
		put(home, "0");
	entered = false;
	rmdir(GROUP);
}

/* Before 5.18 the objects alone are told, without pages. */
uint64_t cgroup_kernel_bytes(void)
{
	unsigned long long bytes = 0, value;
	char line[128], name[64];
	FILE *file;

	file = entered ? fopen(GROUP "/memory.stat", "r") : NULL;
	if (!file)
		return 0;
	while (fgets(line, sizeof(line), file)) {
		if (sscanf(line, "%63s %llu", name, &value) != 2)
			continue;
		if (!strcmp(name, "kernel") || (!strcmp(name, "slab") && !bytes))
			bytes = value;
	}
	fclose(file);
	return bytes;
}
