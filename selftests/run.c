// SPDX-License-Identifier: GPL-2.0
/*
 * Runs kselftest programs and sums up what they say.
 *
 * A line for each test: verdict, time, program and test, and for a failed one
 * what it printed. A program fails, besides by its tests, when it dies, hangs,
 * gives fewer results than it planned, leaves a process that cannot be killed,
 * or when the kernel complained while it ran. A C program and not a script,
 * because the times of tests are to be had only from the moments at which TAP
 * lines arrive, and busybox has no clock that is fine enough.
 */
#include <ctype.h>
#include <dirent.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "kipc_util.h"

#define TEST_SUFFIX	"_test"
#define KILL_PATIENCE_NS	(10 * NSEC_PER_SEC)

enum verdict { PASS, FAIL, SKIP, VERDICTS };

static const char * const verdict_name[VERDICTS] = { "ok", "FAIL", "skip" };

/* What the kernel says when something is wrong. */
static const char * const complaints[] = {
	"WARNING:", "BUG:", "kernel BUG", "Oops", "general protection",
	"KASAN", "KCSAN", "KMSAN", "KFENCE", "UBSAN", "ODEBUG",
	"possible circular locking", "possible recursive locking",
	"possible irq lock inversion", "inconsistent lock state",
	"suspicious RCU usage", "bad unlock balance", "held lock freed",
	"lock held when returning to user space", "lockdep is turned off",
	"non-static key", "hung task", "blocked for more than", "rcu: INFO",
	"self-detected stall", "soft lockup", "hard LOCKUP",
	"workqueue lockup", "scheduling while atomic", "sleeping function",
	"refcount_t:", "list_add corruption", "list_del corruption",
	"Objects remaining", "suspected memory leak", "Bad page state",
	"Bad rss-counter", "kernel memory exposure",
	"kernel memory overwrite", "Call Trace:", "oom-killer",
};

static struct {
	unsigned int count[VERDICTS];
	FILE *failures;		/* a line for each */
	char *failures_text;
	size_t failures_size;
} totals;

/* A program under test. */
struct program {
	const char *path;
	const char *name;
	pid_t pid;
	int out;		/* its standard output and error */
	int log;		/* the kernel's log as of its start, or -1 */
	int plan;		/* results it announced, -1: none */
	unsigned int results;
	unsigned int failed;
	bool bailed_out;
	bool skipped;		/* as a whole */
	uint64_t test_ns;	/* when the current test began */
	char test[256];		/* its name, "" if not known */
	FILE *notes;		/* what was printed since */
	char *notes_text;
	size_t notes_size;
};

static bool verbose;

static void notes_reset(struct program *p)
{
	if (p->notes)
		fclose(p->notes);
	free(p->notes_text);
	p->notes_text = NULL;
	p->notes = open_memstream(&p->notes_text, &p->notes_size);
	if (!p->notes) {
		perror("open_memstream");
		exit(1);
	}
}

static void print_indented(const char *text)
{
	const char *end;

	for (; *text; text = end + (*end == '\n')) {
		end = strchrnul(text, '\n');
		printf("\t%.*s\n", (int)(end - text), text);
	}
}

/* One line of the report; @test is NULL for the program as a whole. */
static void report(struct program *p, enum verdict what, const char *test,
		   const char *fmt, ...)
{
	uint64_t ms = (now_ns() - p->test_ns) / NSEC_PER_MSEC;
	char reason[256];
	va_list args;

	va_start(args, fmt);
	vsnprintf(reason, sizeof(reason), fmt, args);
	va_end(args);
	printf("%-4s %7llu ms  %s%s%s%s%s\n", verdict_name[what],
	       (unsigned long long)ms, p->name, test ? ": " : "",
	       test ? test : "", *reason ? ": " : "", reason);
	totals.count[what]++;
	if (what == FAIL) {
		fflush(p->notes);
		print_indented(p->notes_text);
		fprintf(totals.failures, "%s%s%s%s%s\n", p->name,
			test ? ": " : "", test ? test : "",
			*reason ? ": " : "", reason);
		p->failed++;
	}
	fflush(stdout);
	notes_reset(p);
}

static void test_begins(struct program *p, const char *name)
{
	size_t len = strcspn(name, " ");

	if (!strncmp(name, "global.", 7)) {
		name += 7;
		len -= 7;
	}
	snprintf(p->test, sizeof(p->test), "%.*s", (int)len, name);
	p->test_ns = now_ns();
	notes_reset(p);
}

/* @directive: "# SKIP reason" */
static const char *skip_reason(const char *directive)
{
	directive += strlen("# SKIP");
	return directive + strspn(directive, " ");
}

/* @rest follows "ok" or "not ok": " 12 name # SKIP reason". */
static void test_ends(struct program *p, bool ok, const char *rest)
{
	const char *directive = strcasestr(rest, "# SKIP");

	p->results++;
	rest += strspn(rest, " 0123456789");
	if (!*p->test) {
		rest += strspn(rest, "- ");
		snprintf(p->test, sizeof(p->test), "%.*s",
			 (int)strcspn(rest, "#"), rest);
	}
	if (!ok)
		report(p, FAIL, p->test, "");
	else if (directive)
		report(p, SKIP, p->test, "%s", skip_reason(directive));
	else
		report(p, PASS, p->test, "");
	*p->test = '\0';
	p->test_ns = now_ns();
}

static void take_line(struct program *p, const char *line)
{
	static const char run[] = "#  RUN ", verdict[] = "#          ";
	const char *reason;

	if (verbose)
		printf("\t%s\n", line);
	if (!strncmp(line, run, sizeof(run) - 1)) {
		line += sizeof(run) - 1;
		test_begins(p, line + strspn(line, " "));
	} else if (!strncmp(line, "ok ", 3)) {
		test_ends(p, true, line + 2);
	} else if (!strncmp(line, "not ok ", 7)) {
		test_ends(p, false, line + 6);
	} else if (!strncmp(line, "1..", 3)) {
		p->plan = atoi(line + 3);
		reason = strcasestr(line, "# SKIP");
		p->skipped = !p->plan && reason;
		if (p->skipped)
			report(p, SKIP, NULL, "%s", skip_reason(reason));
	} else if (strncmp(line, verdict, sizeof(verdict) - 1)) {
		p->bailed_out |= !strncmp(line, "Bail out!", 9);
		if (!verbose)
			fprintf(p->notes, "%s\n", line);
	}
}

/* Takes the lines that are there; false at the end of the output. */
static bool take_output(struct program *p, char *buf, size_t size, size_t *used)
{
	ssize_t got = read(p->out, buf + *used, size - 1 - *used);
	char *line = buf, *end;

	if (got <= 0)
		return got < 0 && (errno == EAGAIN || errno == EINTR);
	*used += got;
	buf[*used] = '\0';
	while ((end = memchr(line, '\n', buf + *used - line))) {
		*end = '\0';
		take_line(p, line);
		line = end + 1;
	}
	*used -= line - buf;
	memmove(buf, line, *used);
	if (*used == size - 1) {	/* no line is that long: cut it */
		take_line(p, buf);
		*used = 0;
	}
	return true;
}

/* Until the program ends, whoever else may still hold its output open. */
static bool follow(struct program *p, unsigned int limit_s)
{
	uint64_t end = now_ns() + limit_s * NSEC_PER_SEC;
	int pidfd = syscall(SYS_pidfd_open, p->pid, 0);
	struct pollfd polled[] = {
		{ .fd = pidfd, .events = POLLIN },
		{ .fd = p->out, .events = POLLIN },
	};
	static char buf[8192];
	size_t used = 0;
	int64_t left;

	while ((left = end - now_ns()) > 0) {
		poll(polled, 2, left / NSEC_PER_MSEC + 1);
		if (polled[1].revents &&
		    !take_output(p, buf, sizeof(buf), &used))
			polled[1].fd = -1;
		else if (!polled[1].revents && polled[0].revents)
			break;
	}
	if (used) {
		buf[used] = '\0';
		take_line(p, buf);
	}
	close(pidfd);
	return left > 0;
}

static pid_t parent_of(pid_t pid)
{
	char path[64], stat[512];
	int ppid = 0;
	char *end;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	file = fopen(path, "r");
	if (!file)
		return 0;
	if (fgets(stat, sizeof(stat), file)) {
		end = strrchr(stat, ')');
		if (!end || sscanf(end, ") %*c %d", &ppid) != 1)
			ppid = 0;
	}
	fclose(file);
	return ppid;
}

static void kill_children(void)
{
	DIR *dir = opendir("/proc");
	struct dirent *entry;
	pid_t pid;

	while (dir && (entry = readdir(dir))) {
		pid = isdigit(*entry->d_name) ? atoi(entry->d_name) : 0;
		if (pid && parent_of(pid) == getpid())
			kill(pid, SIGKILL);
	}
	if (dir)
		closedir(dir);
}

/* Orphans become our children. False if one is stuck in the kernel. */
static bool end_orphans(void)
{
	uint64_t end = now_ns() + KILL_PATIENCE_NS;
	pid_t pid;

	while ((pid = waitpid(-1, NULL, WNOHANG)) >= 0) {
		if (pid)
			continue;
		if (now_ns() >= end)
			return false;
		kill_children();
		usleep(1000);
	}
	return true;
}

static int log_open(void)
{
	int fd = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);

	if (fd >= 0 && lseek(fd, 0, SEEK_END) < 0) {
		close(fd);
		fd = -1;
	}
	return fd;
}

static bool complains(const char *text)
{
	size_t i;

	for (i = 0; i < sizeof(complaints) / sizeof(*complaints); i++)
		if (strstr(text, complaints[i]))
			return true;
	return false;
}

/*
 * Adds what the kernel said since the program's start to the notes, if there
 * is a complaint in it. A record reads "level,number,microseconds,-;text\n".
 */
static bool log_complains(struct program *p)
{
	unsigned long long us;
	char record[8192], *text;
	bool found = false;
	ssize_t len;

	if (p->log < 0)
		return false;
	while ((len = read(p->log, record, sizeof(record) - 1)) >= 0 ||
	       errno == EPIPE || errno == EINTR) {
		if (len <= 0)
			continue;
		record[len] = '\0';
		text = strchr(record, ';');
		if (!text || sscanf(record, "%*u,%*u,%llu", &us) != 1)
			continue;
		text[strcspn(text, "\n")] = '\0';
		found |= complains(text);
		fprintf(p->notes, "[%5llu.%06llu] %s\n", us / 1000000,
			us % 1000000, text + 1);
	}
	close(p->log);
	return found;
}

static bool start(struct program *p)
{
	int out[2];

	if (pipe2(out, O_CLOEXEC) < 0)
		return false;
	fflush(stdout);
	p->log = log_open();
	p->test_ns = now_ns();
	p->pid = fork();
	if (!p->pid) {
		dup2(out[1], STDOUT_FILENO);
		dup2(out[1], STDERR_FILENO);
		execl(p->path, p->path, NULL);
		fprintf(stderr, "cannot run %s: %m\n", p->path);
		_exit(127);
	}
	close(out[1]);
	p->out = out[0];
	fcntl(p->out, F_SETFL, O_NONBLOCK);
	return p->pid > 0;
}

/* What is wrong with the program beyond its tests. */
static void judge(struct program *p, int status)
{
	if (WIFSIGNALED(status))
		report(p, FAIL, *p->test ? p->test : NULL,
		       "program killed by signal %d (%s)", WTERMSIG(status),
		       strsignal(WTERMSIG(status)));
	else if (p->bailed_out)
		report(p, FAIL, NULL, "bailed out");
	else if (WEXITSTATUS(status) && !p->failed && !p->skipped)
		report(p, FAIL, NULL, "exit status %d, but no test failed",
		       WEXITSTATUS(status));
	else if (p->plan < 0 || (!p->plan && !p->skipped))
		report(p, FAIL, NULL, "no plan, %u results", p->results);
	else if (p->results != (unsigned int)p->plan)
		report(p, FAIL, NULL, "%u results, %d planned", p->results,
		       p->plan);
}

static void run_program(const char *path, unsigned int limit_s)
{
	const char *slash = strrchr(path, '/');
	struct program p = {
		.path = path,
		.name = slash ? slash + 1 : path,
		.plan = -1,
	};
	bool stuck;
	int status;

	notes_reset(&p);
	if (!start(&p)) {
		report(&p, FAIL, NULL, "cannot start it: %m");
		return;
	}
	if (follow(&p, limit_s)) {
		waitpid(p.pid, &status, 0);
		judge(&p, status);
	} else {
		kill(p.pid, SIGKILL);
		report(&p, FAIL, *p.test ? p.test : NULL,
		       "program reached its time limit of %u s", limit_s);
	}
	close(p.out);
	p.test_ns = now_ns();
	stuck = !end_orphans();
	if (stuck)
		report(&p, FAIL, NULL, "a process cannot be killed");
	notes_reset(&p);
	if (log_complains(&p))
		report(&p, FAIL, NULL, "the kernel complained");
	fclose(p.notes);
	free(p.notes_text);
}

static int is_test(const struct dirent *entry)
{
	size_t len = strlen(entry->d_name), suffix = strlen(TEST_SUFFIX);

	return len > suffix &&
	       !strcmp(entry->d_name + len - suffix, TEST_SUFFIX);
}

/* All the tests in the folder that this program is in. */
static void run_folder(unsigned int limit_s)
{
	char dir[PATH_MAX] = "", path[PATH_MAX + 256];
	struct dirent **entries;
	int i, count;

	if (readlink("/proc/self/exe", dir, sizeof(dir) - 1) < 0) {
		perror("/proc/self/exe");
		return;
	}
	*strrchr(dir, '/') = '\0';
	count = scandir(dir, &entries, is_test, alphasort);
	for (i = 0; i < count; i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, entries[i]->d_name);
		run_program(path, limit_s);
		free(entries[i]);
	}
	if (count >= 0)
		free(entries);
}

static int sum_up(void)
{
	unsigned int *count = totals.count;

	fclose(totals.failures);
	if (*totals.failures_text)
		printf("\nFailed:\n");
	print_indented(totals.failures_text);
	free(totals.failures_text);
	if (count[PASS] + count[FAIL] == 0)
		printf("# nothing ran\n");
	printf("%u passed, %u failed", count[PASS], count[FAIL]);
	if (count[SKIP])
		printf(", %u skipped", count[SKIP]);
	printf("\n");
	return count[FAIL] || !count[PASS];
}

static void usage(FILE *out)
{
	fprintf(out,
		"Usage: run [-v] [-t SECONDS] [PROGRAM]...\n"
		"\n"
		"Runs kselftest programs, all the *%s beside it if none is\n"
		"given, and sums up. Ends with 1 if anything failed or nothing ran.\n"
		"\n"
		"  -t SECONDS  time limit for each program (default: 300, FULL: 1800)\n"
		"  -v          show all that they print\n"
		"\n"
		"FULL=1 in the environment lets long loops run in full.\n",
		TEST_SUFFIX);
}

int main(int argc, char **argv)
{
	bool full = env_is_set("FULL");
	unsigned int limit_s = full ? 1800 : 300;
	int opt, log;

	while ((opt = getopt(argc, argv, "hvt:")) != -1) {
		if (opt == 'v')
			verbose = true;
		else if (opt == 't' && atoi(optarg) > 0)
			limit_s = atoi(optarg);
		else
			return usage(opt == 'h' ? stdout : stderr), opt != 'h';
	}
	totals.failures = open_memstream(&totals.failures_text,
					 &totals.failures_size);
	if (!totals.failures || prctl(PR_SET_CHILD_SUBREAPER, 1)) {
		perror("run");
		return 1;
	}
	printf("# scale: %s\n", full ? "all loops in full (FULL=1)" :
	       "loops at 1/10, FULL=1 for all");
	log = log_open();
	if (log < 0)
		printf("# the kernel's log cannot be read: not checked\n");
	else
		close(log);
	if (optind == argc)
		run_folder(limit_s);
	for (; optind < argc; optind++)
		run_program(argv[optind], limit_s);
	return sum_up();
}
