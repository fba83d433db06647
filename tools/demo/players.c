// SPDX-License-Identifier: GPL-2.0
/*
 * The processes of an act.  The director learns of their ends through SIGCHLD,
 * which it keeps blocked, and waits for no longer than the act may last:
 * nobody may hang, whoever dies.
 */
#include <err.h>
#include <signal.h>
#include <sys/wait.h>

#include "demo.h"

void player_start(struct stage *stage, const char *role, int index,
		  part_fn part)
{
	struct player *player = &stage->players[stage->player_count++];

	fflush(NULL);
	*player = (struct player){ .role = role, .index = index };
	player->pid = kipc_fork();
	if (player->pid < 0)
		err(1, "fork");
	if (!player->pid)
		_exit(part(stage, index));
}

static struct player *find_player(struct stage *stage, const char *role,
				  int index)
{
	size_t i;

	for (i = 0; i < stage->player_count; i++) {
		struct player *player = &stage->players[i];

		if (player->index == index && !strcmp(player->role, role))
			return player;
	}
	errx(1, "no %s %d in this act", role, index + 1);
}

/* Sleeps until some player stops or ends; false when the act's time is over. */
static bool wait_event(const struct stage *stage)
{
	uint64_t now = now_ns();
	uint64_t left = stage->deadline_ns - now;
	struct timespec ts = {
		.tv_sec = left / NSEC_PER_SEC,
		.tv_nsec = left % NSEC_PER_SEC,
	};
	sigset_t set;

	if (now >= stage->deadline_ns)
		return false;
	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	return sigtimedwait(&set, NULL, &ts) == SIGCHLD || errno == EINTR;
}

/* Waits until the player has stopped itself. */
bool player_stopped(struct stage *stage, const char *role, int index)
{
	struct player *player = find_player(stage, role, index);
	int status;

	player->doomed = true;
	for (;;) {
		pid_t pid = waitpid(player->pid, &status, WUNTRACED | WNOHANG);

		if (pid < 0)
			err(1, "waitpid");
		if (pid && WIFSTOPPED(status))
			return true;
		if (pid) {
			player->pid = 0;
			return wrong("%s %d ended before it could be stopped",
				     role, index + 1);
		}
		if (!wait_event(stage))
			return wrong("%s %d did not stop", role, index + 1);
	}
}

/* The player is gone when this returns. */
bool player_kill(struct stage *stage, const char *role, int index)
{
	struct player *player = find_player(stage, role, index);
	int status;

	if (kill(player->pid, SIGKILL) ||
	    waitpid(player->pid, &status, 0) != player->pid)
		err(1, "cannot kill %s %d", role, index + 1);
	player->pid = 0;
	if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL)
		return wrong("%s %d ended with status %#x, not by SIGKILL",
			     role, index + 1, status);
	return true;
}

/* How far a reader is that runs meanwhile. */
uint64_t units_done(const struct stage *stage, int reader)
{
	return __atomic_load_n(&stage->readers[reader].units, __ATOMIC_RELAXED);
}

/* Looks once at all; counts those in @role, NULL: in any, that are still there. */
static bool reap(struct stage *stage, const char *role, size_t *left)
{
	bool ok = true;
	size_t i;

	*left = 0;
	for (i = 0; i < stage->player_count; i++) {
		struct player *player = &stage->players[i];
		int status;

		if (!player->pid)
			continue;
		if (waitpid(player->pid, &status, WNOHANG) != player->pid) {
			*left += !role || !strcmp(player->role, role);
			continue;
		}
		player->pid = 0;
		if (status)
			ok = wrong("%s %d failed: wait status %#x",
				   player->role, player->index + 1, status);
	}
	return ok;
}

void players_kill(struct stage *stage)
{
	size_t i;

	for (i = 0; i < stage->player_count; i++) {
		struct player *player = &stage->players[i];

		if (!player->pid)
			continue;
		kill(player->pid, SIGKILL);
		waitpid(player->pid, NULL, 0);
		player->pid = 0;
	}
}

/* Waits for the ends of those in @role, NULL: of all. */
bool players_wait_for(struct stage *stage, const char *role)
{
	size_t left, i;

	while (reap(stage, role, &left)) {
		if (!left)
			return true;
		if (wait_event(stage))
			continue;
		for (i = 0; i < stage->player_count; i++) {
			if (stage->players[i].pid)
				wrong("%s %d hangs", stage->players[i].role,
				      stage->players[i].index + 1);
		}
		break;
	}
	players_kill(stage);
	return false;
}

bool players_wait(struct stage *stage)
{
	return players_wait_for(stage, NULL);
}
