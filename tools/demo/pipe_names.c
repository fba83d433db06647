// SPDX-License-Identifier: GPL-2.0
#include <err.h>
#include <sys/sendfile.h>

#include "demo.h"

#define CAPACITY	(64 << 10)

struct name {
	char text[KIPC_NAME_MAX + 1];
};

static struct name name_of(const struct stage *stage, size_t item)
{
	struct name name;

	if (snprintf(name.text, sizeof(name.text), "demo:%s",
		     stage->items[item].path) >= (int)sizeof(name.text))
		errx(1, "the path is too long for a name: %s",
		     stage->items[item].path);
	return name;
}

/* Whoever comes first makes the pipe.  The name keeps it alive: a writer may be
 * done and gone before the reader comes.
 */
static int open_by_path(const struct stage *stage, size_t item, uint32_t right)
{
	struct name name = name_of(stage, item);
	struct kipc_pipe_create arg;
	int ret;

	ret = kipc_pipe_named(&arg, name.text, right, CAPACITY, KIPC_PERSIST);
	if (ret)
		errx(1, "cannot open the pipe '%s': %s", name.text,
		     strerror(-ret));
	return right == KIPC_RIGHT_READ ? arg.read_fd : arg.write_fd;
}

static int names_writer(struct stage *stage, int index)
{
	size_t i;

	for (i = index; i < stage->item_count; i += WRITERS) {
		int pipe = open_by_path(stage, i, KIPC_RIGHT_WRITE);
		uint64_t left = stage->items[i].size;
		int file = item_open(stage, i);

		while (left) {
			ssize_t n = sendfile(pipe, file, NULL, left);

			if (n <= 0)
				err(1, "sendfile of %s", stage->items[i].path);
			left -= n;
		}
		close(file);
		close(pipe);
	}
	return 0;
}

static void add_side(struct kipc_pipe_side *sum,
		     const struct kipc_pipe_side *side)
{
	sum->bytes += side->bytes;
	sum->calls += side->calls;
	sum->sleeps += side->sleeps;
	sum->wakeups += side->wakeups;
	sum->blocked_ns += side->blocked_ns;
}

/* Adds the counts up, because the pipe ends here. */
static void end_pipe(struct tally *tally, int fd)
{
	struct kipc_target target = { .size = sizeof(target) };
	struct kipc_pipe_stat st;

	if (kipc_pipe_stat(fd, &st))
		errx(1, "PIPE_STAT failed");
	add_side(&tally->readers, &st.readers);
	add_side(&tally->writers, &st.writers);
	if (kipc_ioctl(fd, KIPC_UNLINK, &target))
		errx(1, "UNLINK failed");
	close(fd);
}

/* splice(2) wants a pipe(2) on one side: the bytes change hands there, and
 * never come to user space.
 */
static void splice_file(struct stage *stage, int fd, size_t item,
			const int via[2], struct tally *tally)
{
	int copy = copy_open(stage, item);
	ssize_t n, done;

	while ((n = splice(fd, NULL, via[1], NULL, CAPACITY, 0)) > 0) {
		tally->bytes += n;
		while (n) {
			done = splice(via[0], NULL, copy, NULL, n, 0);
			if (done <= 0)
				err(1, "splice to a copy");
			n -= done;
		}
	}
	if (n < 0)
		err(1, "splice from the pipe of %s", stage->items[item].path);
	close(copy);
}

static int names_reader(struct stage *stage, int index)
{
	struct tally *tally = &stage->readers[index];
	int via[2];
	size_t i;

	if (pipe2(via, O_CLOEXEC))
		err(1, "pipe2");
	for (i = index; i < stage->item_count; i += READERS) {
		int fd = open_by_path(stage, i, KIPC_RIGHT_READ);

		splice_file(stage, fd, i, via, tally);
		end_pipe(tally, fd);
		tally->units++;
	}
	return 0;
}

/* After a failure: names would outlive the demo. */
static bool remove_names(struct stage *stage)
{
	size_t i;

	players_kill(stage);
	for (i = 0; i < stage->item_count; i++)
		kipc_unlink(name_of(stage, i).text);
	return false;
}

static bool play(struct stage *stage)
{
	struct pipe_row row = { .name = "all of them" };
	struct reader_row rows[READERS] = { 0 };
	int i;

	for (i = 0; i < WRITERS; i++)
		player_start(stage, "writer", i, names_writer);
	for (i = 0; i < READERS; i++)
		player_start(stage, "reader", i, names_reader);
	if (!players_wait(stage))
		return remove_names(stage);
	for (i = 0; i < READERS; i++) {
		const struct tally *own = &stage->readers[i];

		add_side(&row.readers, &own->readers);
		add_side(&row.writers, &own->writers);
		rows[i].units = own->units;
		rows[i].bytes = own->bytes;
		if (own->readers.bytes != own->bytes ||
		    own->writers.bytes != own->bytes)
			return wrong("reader %d: %llu bytes went in, %llu came out",
				     i + 1,
				     (unsigned long long)own->writers.bytes,
				     (unsigned long long)own->bytes);
	}
	table_readers("FILES", rows);
	table_pipes(&row, 1);
	return sums_agree(stage);
}

const struct act act_names = {
	.name = "pipe-names",
	.title = "A pipe for each file, found by its name, and no copy in user space",
	.text =
	"  Every file gets a pipe that is called after it. Writers and readers find each other\n"
	"  by the name alone, whoever comes first makes the pipe, and it stays until the reader\n"
	"  removes the name. sendfile(2) moves the bytes in, splice(2) moves them out; the\n"
	"  last byte is followed by end of file, because the only writer has closed.\n",
	.play = play,
};
