// SPDX-License-Identifier: GPL-2.0
/* The originals, the copies, and sha256sum, which compares the two. */
#include <err.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "demo.h"

#define SUM_DIGITS	64

/* A line of sha256sum's: 64 digits, a space, a space or an asterisk, a path. */
static char *parse_line(char *line)
{
	size_t len = strcspn(line, "\n");

	line[len] = '\0';
	if (strspn(line, "0123456789abcdef") != SUM_DIGITS ||
	    len < SUM_DIGITS + 3 || line[SUM_DIGITS] != ' ')
		errx(1, "not a line of sha256sum's: '%s'", line);
	line += SUM_DIGITS + 2;
	if (*line == '/' || strstr(line, ".."))
		errx(1, "'%s' is no path below the originals' directory", line);
	return line;
}

struct item *items_load(int from, const char *sums, size_t *count)
{
	FILE *file = fopen(sums, "r");
	struct item *items = NULL;
	char *line = NULL;
	size_t room = 0;
	struct stat st;

	if (!file)
		err(1, "%s", sums);
	*count = 0;
	while (getline(&line, &room, file) > 0) {
		char *path = parse_line(line);

		items = reallocarray(items, *count + 1, sizeof(*items));
		if (!items)
			err(1, "reallocarray");
		if (fstatat(from, path, &st, 0) || !S_ISREG(st.st_mode))
			errx(1, "no original of '%s', or it is no file", path);
		items[*count].path = strdup(path);
		items[*count].size = st.st_size;
		if (!items[(*count)++].path)
			err(1, "strdup");
	}
	if (ferror(file) || !*count)
		errx(1, "%s: cannot be read, or is empty", sums);
	free(line);
	fclose(file);
	return items;
}

static void make_parents(int dir, const char *path)
{
	char *copy = strdup(path), *slash;

	if (!copy)
		err(1, "strdup");
	for (slash = strchr(copy, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		if (mkdirat(dir, copy, 0755) && errno != EEXIST)
			err(1, "cannot make the directory %s", copy);
		*slash = '/';
	}
	free(copy);
}

/* It must be new: what is left from another run could hide a loss. */
int stage_directory(const char *to, const char *name, const struct item *items,
		    size_t count)
{
	char *path;
	size_t i;
	int dir;

	if (asprintf(&path, "%s/%s", to, name) < 0)
		err(1, "asprintf");
	if (mkdir(to, 0755) && errno != EEXIST)
		err(1, "cannot make %s", to);
	if (mkdir(path, 0755))
		err(1, "cannot make %s", path);
	dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		err(1, "%s", path);
	for (i = 0; i < count; i++)
		make_parents(dir, items[i].path);
	free(path);
	return dir;
}

int item_open(const struct stage *stage, size_t item)
{
	int fd = openat(stage->from, stage->items[item].path,
			O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		err(1, "%s", stage->items[item].path);
	return fd;
}

/* Players may come to the same copy from several sides: nobody truncates. */
int copy_open(const struct stage *stage, size_t item)
{
	int fd = openat(stage->to, stage->items[item].path,
			O_WRONLY | O_CREAT | O_CLOEXEC, 0644);

	if (fd < 0)
		err(1, "the copy of %s", stage->items[item].path);
	return fd;
}

static void run_sha256sum(struct stage *stage, int output)
{
	if (fchdir(stage->to) || dup2(output, STDOUT_FILENO) < 0 ||
	    dup2(output, STDERR_FILENO) < 0)
		err(1, "cannot prepare sha256sum");
	execlp("sha256sum", "sha256sum", "-c", stage->sums, NULL);
	err(1, "sha256sum");
}

/* Counts the files that agree, and shows the first of the other lines. */
static size_t count_good(FILE *output)
{
	static const char good[] = ": OK\n";
	size_t count = 0, bad = 0, room = 0;
	char *line = NULL;
	ssize_t len;

	while ((len = getline(&line, &room, output)) > 0) {
		if (len > (ssize_t)strlen(good) &&
		    !strcmp(line + len - strlen(good), good))
			count++;
		else if (bad++ < 10)
			wrong("sha256sum: %.*s", (int)strcspn(line, "\n"),
			      line);
	}
	free(line);
	return count;
}

/* sha256sum judges, a program that knows nothing of kipc. */
bool sums_agree(struct stage *stage)
{
	FILE *output = tmpfile();
	int status;
	size_t good;
	pid_t pid;

	if (!output)
		err(1, "tmpfile");
	fflush(NULL);
	pid = kipc_fork();
	if (pid < 0)
		err(1, "fork");
	if (!pid)
		run_sha256sum(stage, fileno(output));
	if (waitpid(pid, &status, 0) != pid)
		err(1, "waitpid");
	rewind(output);
	good = count_good(output);
	fclose(output);
	printf("\n  sha256sum: %zu of %zu copies agree with the checksums of the originals.\n",
	       good, stage->item_count);
	if (status || good != stage->item_count)
		return wrong("the copies differ from the originals");
	return true;
}

/* Good until the next but seven. */
const char *human(uint64_t bytes)
{
	static char text[8][24];
	static unsigned int next;
	char *to = text[next++ % ARRAY_SIZE(text)];

	if (bytes < 10000)
		snprintf(to, sizeof(text[0]), "%u B", (unsigned int)bytes);
	else if (bytes < 1000000)
		snprintf(to, sizeof(text[0]), "%.1f kB", bytes / 1e3);
	else
		snprintf(to, sizeof(text[0]), "%.1f MB", bytes / 1e6);
	return to;
}
