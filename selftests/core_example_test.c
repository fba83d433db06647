// SPDX-License-Identifier: GPL-2.0
/*
 * The programs of Documentation/examples do what the documentation says.  They
 * are run as example_NAME from the folder that this program is in.
 */
#include <dirent.h>
#include <poll.h>

#include "kselftest_harness.h"

#include "kipc_util.h"

#define READERS		4
#define RECORDS		40
#define PHILOSOPHERS	5

/* What pipe_deadline waits for, in ms. */
#define DEADLINE_MS	50

/* An example that has run. */
struct example {
	int status;		/* wait status, -1 if it hung */
	char out[4096];		/* standard output and error */
};

static bool example_path(const char *name, char *path, size_t size)
{
	char dir[400] = "";

	if (readlink("/proc/self/exe", dir, sizeof(dir) - 1) < 0)
		return false;
	*strrchr(dir, '/') = '\0';
	snprintf(path, size, "%s/example_%s", dir, name);
	return !access(path, X_OK);
}

/* Takes the output until all who write it have ended, or for PATIENCE_NS. */
static bool collect(int fd, char *out, size_t size)
{
	struct pollfd polled = { .fd = fd, .events = POLLIN };
	uint64_t end = now_ns() + PATIENCE_NS;
	size_t used = 0;
	ssize_t got = 1;

	while (got > 0 && used < size - 1 && now_ns() < end) {
		if (poll(&polled, 1, 100) <= 0)
			continue;
		got = read(fd, out + used, size - 1 - used);
		used += got > 0 ? got : 0;
	}
	out[used] = '\0';
	return !got;
}

static void run(struct __test_metadata *_metadata, const char *name,
		struct example *ex)
{
	char path[512];
	int out[2];
	pid_t pid;

	if (!example_path(name, path, sizeof(path)))
		SKIP(return, "%s is not there", path);
	ASSERT_EQ(0, pipe2(out, O_CLOEXEC));
	pid = kipc_fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		/* A group of its own, so that all of it can be ended. */
		setpgid(0, 0);
		dup2(out[1], STDOUT_FILENO);
		dup2(out[1], STDERR_FILENO);
		execl(path, path, NULL);
		_exit(127);
	}
	close(out[1]);
	EXPECT_TRUE(collect(out[0], ex->out, sizeof(ex->out))) {
		kill(-pid, SIGKILL);
	}
	close(out[0]);
	ex->status = kipc_reap(pid);
	EXPECT_EQ(0, ex->status) {
		TH_LOG("%s printed:\n%s", path, ex->out);
	}
}

TEST(pipe_hello)
{
	struct example ex;

	run(_metadata, "pipe_hello", &ex);
	if (_metadata->skip)
		return;
	EXPECT_STREQ("Hello from a child!\n", ex.out);
}

/* Which records are in @line, as bits; 0 if it is not what a reader prints. */
static uint64_t records_of(const char *line, int *reader)
{
	int count, used, number, last = 0;
	uint64_t records = 0;

	if (sscanf(line, "reader %d got %d records:%n", reader, &count,
		   &used) != 2)
		return 0;
	for (line += used; sscanf(line, "%d%n", &number, &used) == 1;
	     line += used) {
		/* They come in order, and none twice. */
		if (number <= last || number > RECORDS)
			return 0;
		records |= 1ULL << number;
		last = number;
		count--;
	}
	return count || *line ? 0 : records;
}

TEST(pipe_turns)
{
	uint64_t records, all = 0;
	char *line, *rest = NULL;
	int reader, readers = 0;
	struct example ex;

	run(_metadata, "pipe_turns", &ex);
	if (_metadata->skip)
		return;
	for (line = strtok_r(ex.out, "\n", &rest); line;
	     line = strtok_r(NULL, "\n", &rest)) {
		records = records_of(line, &reader);
		ASSERT_NE(0, records) {
			TH_LOG("'%s'", line);
		}
		EXPECT_EQ(0, all & records);
		EXPECT_TRUE(reader >= 1 && reader <= READERS);
		EXPECT_EQ(0, readers & 1 << reader);
		all |= records;
		readers |= 1 << reader;
	}
	EXPECT_EQ(((1ULL << RECORDS) - 1) << 1, all);
	EXPECT_EQ(((1 << READERS) - 1) << 1, readers);
	/* The name went with the last handle. */
	EXPECT_TRUE(wait_for(kipc_open_name("example-turns", KIPC_RIGHT_READ,
					    0) == -ENOENT));
}

TEST(pipe_deadline)
{
	unsigned int read_ms = 0, write_ms = 0, blocked_ms = 0;
	struct example ex;
	int found, end = -1;

	run(_metadata, "pipe_deadline", &ex);
	if (_metadata->skip)
		return;
	found = sscanf(ex.out,
		       "read: gave up after %u ms\n"
		       "write: 65536 bytes\n"
		       "write: gave up after %u ms\n"
		       "resize: 262144 bytes\n"
		       "write: 65536 bytes\n"
		       "resize to 65536 bytes: Device or resource busy\n"
		       "131072 of 262144 bytes in use, 131072 written, 0 read\n"
		       "sleeps of writers: 1, %u ms in all%n",
		       &read_ms, &write_ms, &blocked_ms, &end);
	EXPECT_EQ(3, found);
	ASSERT_LT(0, end) {
		TH_LOG("it printed:\n%s", ex.out);
	}
	EXPECT_STREQ("\n", ex.out + end);
	EXPECT_LE(DEADLINE_MS, read_ms);
	EXPECT_LE(DEADLINE_MS, write_ms);
	/* The ends of the sleep lie between those of the call. */
	EXPECT_LT(0, blocked_ms);
	EXPECT_GE(write_ms, blocked_ms);
}

TEST(pipe_mapped)
{
	struct example ex;

	run(_metadata, "pipe_mapped", &ex);
	if (_metadata->skip)
		return;
	/* n * (n + 1) * (2 * n + 1) / 6 for 1000 */
	EXPECT_STREQ("1000 samples, 333833500 in all, and the end of file\n",
		     ex.out);
}

TEST(segment_hello)
{
	static const char wanted[] =
		"child: filled 10 rows\n"
		"parent: 7 squared is 49\n"
		"parent: to write with a read-only handle: Permission denied\n";
	struct example ex;

	run(_metadata, "segment_hello", &ex);
	if (_metadata->skip)
		return;
	EXPECT_STREQ(wanted, ex.out);
	/* The name went with the last mapping. */
	EXPECT_EQ(-ENOENT, kipc_unlink("example-table"));
}

TEST(array_ten)
{
	/* With which digit the first 1000 powers of two begin */
	static const char wanted[] =
		"301 begin with 1\n"
		"176 begin with 2\n"
		"125 begin with 3\n"
		"97 begin with 4\n"
		"79 begin with 5\n"
		"69 begin with 6\n"
		"56 begin with 7\n"
		"52 begin with 8\n"
		"45 begin with 9\n"
		"1004 writes by 4 processes\n";
	struct example ex;

	run(_metadata, "array_ten", &ex);
	if (_metadata->skip)
		return;
	EXPECT_STREQ(wanted, ex.out);
	EXPECT_EQ(-ENOENT, kipc_unlink("example-ten"));
}

TEST(semaphore_hello)
{
	struct example ex;

	run(_metadata, "semaphore_hello", &ex);
	if (_metadata->skip)
		return;
	EXPECT_STREQ("4 processes added 1000 each: 4000\n", ex.out);
}

TEST(semaphore_mapped)
{
	struct example ex;

	run(_metadata, "semaphore_mapped", &ex);
	if (_metadata->skip)
		return;
	EXPECT_STREQ("4000 moved, 100 in all\n"
		     "one died half way: 99 in all\n"
		     "4001 moved, 100 in all\n", ex.out);
}

TEST(semaphore_philosophers)
{
	int who, meals, end, count = 0, seen = 0;
	struct example ex;
	char *text = ex.out;

	run(_metadata, "semaphore_philosophers", &ex);
	if (_metadata->skip)
		return;
	while (sscanf(text, "philosopher %d had %d meals\n%n", &who, &meals,
		      &end) == 2) {
		EXPECT_TRUE(who >= 1 && who <= PHILOSOPHERS);
		EXPECT_EQ(20, meals);
		seen |= 1 << who;
		count++;
		text += end;
	}
	EXPECT_EQ(PHILOSOPHERS, count);
	EXPECT_EQ(((1 << PHILOSOPHERS) - 1) << 1, seen);
	EXPECT_STREQ("forks on the table: 5\n", text);
}

TEST(mailbox_hello)
{
	struct example ex;

	run(_metadata, "mailbox_hello", &ex);
	if (_metadata->skip)
		return;
	EXPECT_STREQ("one\ntwo\nthree\n", ex.out);
}

TEST(mailbox_jobs)
{
	static const char printer[] = "printer: invoice report letter\n";
	static const char scanner[] = "scanner: passport photo\n";
	struct example ex;

	run(_metadata, "mailbox_jobs", &ex);
	if (_metadata->skip)
		return;
	/* The one or the other is done first. */
	EXPECT_EQ(strlen(printer) + strlen(scanner), strlen(ex.out));
	EXPECT_NE(NULL, strstr(ex.out, printer));
	EXPECT_NE(NULL, strstr(ex.out, scanner));
	EXPECT_EQ(-ENOENT, kipc_unlink("example-jobs"));
}

TEST(message_segment)
{
	struct example ex;

	run(_metadata, "message_segment", &ex);
	if (_metadata->skip)
		return;
	EXPECT_STREQ("a message of 16 bytes\n"
		     "and 64 MiB, which are what was sent\n", ex.out);
}

TEST(endpoint_calls)
{
	static const char server[] = "server: answered 300 calls\n";
	/* i * i, (2 * i) * (2 * i), (3 * i) * (3 * i) from 1 to 100 */
	static const char * const clients[] = {
		"client 1: 338350\n", "client 2: 1353400\n",
		"client 3: 3045150\n",
	};
	size_t len = strlen(server), i;
	struct example ex;

	run(_metadata, "endpoint_calls", &ex);
	if (_metadata->skip)
		return;
	for (i = 0; i < 3; i++) {
		len += strlen(clients[i]);
		EXPECT_NE(NULL, strstr(ex.out, clients[i]));
	}
	ASSERT_EQ(len, strlen(ex.out)) {
		TH_LOG("it printed:\n%s", ex.out);
	}
	EXPECT_STREQ(server, ex.out + len - strlen(server));
}

TEST(endpoint_deadline)
{
	static const char wanted[] =
		"client: first: Connection timed out\n"
		"server: too late: Operation canceled\n"
		"client: second: here\n";
	struct example ex;

	run(_metadata, "endpoint_deadline", &ex);
	if (_metadata->skip)
		return;
	EXPECT_STREQ(wanted, ex.out);
}

/* An example that nobody runs is not known to work. */
TEST(all_examples_are_here)
{
	static const char * const known[] = {
		"array_ten", "endpoint_calls", "endpoint_deadline",
		"mailbox_hello", "mailbox_jobs", "message_segment",
		"pipe_deadline", "pipe_hello", "pipe_mapped", "pipe_turns",
		"segment_hello",
		"semaphore_hello", "semaphore_mapped",
		"semaphore_philosophers",
	};
	struct dirent *entry;
	char path[512];
	size_t i;
	DIR *dir;

	example_path("", path, sizeof(path));
	*strrchr(path, '/') = '\0';
	dir = opendir(path);
	ASSERT_NE(NULL, dir);
	while ((entry = readdir(dir))) {
		if (strncmp(entry->d_name, "example_", 8))
			continue;
		for (i = 0; i < ARRAY_SIZE(known); i++)
			if (!strcmp(known[i], entry->d_name + 8))
				break;
		EXPECT_NE(ARRAY_SIZE(known), i)
			TH_LOG("%s has no test", entry->d_name);
	}
	closedir(dir);
}

TEST_HARNESS_MAIN
