// SPDX-License-Identifier: GPL-2.0
/* Setting up a side, and its other process. */
#include <err.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "kipc_util.h"
#include "bench.h"

static void pin_to(const struct rig *rig, int cpu)
{
	cpu_set_t set;

	if (!rig->pin)
		return;
	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		err(1, "cannot run on CPU %d", cpu);
}

/* For a process that is to run wherever it likes. */
void rig_unpin(void)
{
	cpu_set_t set;
	int cpu;

	CPU_ZERO(&set);
	for (cpu = 0; cpu < CPU_SETSIZE; cpu++)
		CPU_SET(cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		err(1, "sched_setaffinity");
}

/* Or this process could wait for the other one for ever. */
static void child_ended(int sig)
{
	static const char text[] = "the process at the other end is gone\n";

	(void)sig;
	if (write(STDERR_FILENO, text, sizeof(text) - 1) < 0)
		_exit(2);
	_exit(1);
}

/* True in the new process, which dies with its parent. */
bool rig_fork(struct rig *rig)
{
	pid_t parent = getpid();

	fflush(NULL);
	signal(SIGCHLD, child_ended);
	rig->child = fork();
	if (rig->child < 0)
		err(1, "fork");
	if (rig->child)
		return false;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1);
	pin_to(rig, 1);
	return true;
}

/* Waits for the other process, which has been told to leave. */
void rig_reap(struct rig *rig)
{
	int status;

	if (!rig->child)
		return;
	if (waitpid(rig->child, &status, 0) < 0)
		err(1, "waitpid");
	if (status)
		errx(1, "the process at the other end failed: status %#x",
		     status);
	rig->child = 0;
}

/* Ends the other process, which has nothing to put away. */
void rig_kill(struct rig *rig)
{
	kill(rig->child, SIGKILL);
	if (waitpid(rig->child, NULL, 0) < 0)
		err(1, "waitpid");
	rig->child = 0;
}

/* Zeroed memory that the other process shares. */
void *rig_shared(size_t size)
{
	void *mem = kipc_shared(size);

	if (!mem)
		err(1, "mmap");
	return mem;
}

void rig_open(struct rig *rig)
{
	pin_to(rig, 0);
	rig->side->work->set_up(rig);
}

void rig_close(struct rig *rig)
{
	/* From here on it is to end. */
	signal(SIGCHLD, SIG_DFL);
	rig->side->work->close(rig);
	rig_reap(rig);
}

/* A mailbox without a name, to send to and to receive from. */
int rig_mailbox(void)
{
	struct kipc_mailbox_create arg = {
		.size = sizeof(arg),
		.mode = 0600,
		.rights = KIPC_RIGHT_READ | KIPC_RIGHT_WRITE,
	};
	int ret = kipc_device_ioctl(KIPC_MAILBOX_CREATE, &arg);

	if (ret)
		errx(1, "cannot create a mailbox: %s", strerror(-ret));
	return arg.fd;
}
