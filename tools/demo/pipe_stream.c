// SPDX-License-Identifier: GPL-2.0
#include <err.h>
#include <sys/mman.h>
#include <sys/uio.h>

#include "demo.h"

#define CAPACITY	(64 << 10)

/* What goes before the bytes of a file. */
struct heading {
	uint32_t item;
	uint32_t pad;
	uint64_t size;
};

/* A pipe for each reader. */
static int lane[READERS][2];

/* One call for heading and contents, be they as large as a hundred pipes. */
static void send_file(const struct stage *stage, size_t item)
{
	struct heading head = { .item = item, .size = stage->items[item].size };
	struct iovec parts[] = {
		{ .iov_base = &head, .iov_len = sizeof(head) },
		{ .iov_len = head.size },
	};
	int file = item_open(stage, item);
	ssize_t all = sizeof(head) + head.size;

	if (head.size) {
		parts[1].iov_base = mmap(NULL, head.size, PROT_READ,
					 MAP_PRIVATE, file, 0);
		if (parts[1].iov_base == MAP_FAILED)
			err(1, "mmap of %s", stage->items[item].path);
	}
	if (writev(lane[item % READERS][1], parts, 2) != all)
		err(1, "writev of %s", stage->items[item].path);
	if (head.size)
		munmap(parts[1].iov_base, head.size);
	close(file);
}

static int stream_writer(struct stage *stage, int index)
{
	size_t i;

	for (i = 0; i < READERS; i++)
		close(lane[i][0]);
	for (i = index; i < stage->item_count; i += WRITERS)
		send_file(stage, i);
	return 0;
}

/* False at the end of the stream. */
static bool read_heading(const struct stage *stage, int fd,
			 struct heading *head)
{
	size_t got = 0;

	while (got < sizeof(*head)) {
		ssize_t n = read(fd, (char *)head + got, sizeof(*head) - got);

		if (n < 0)
			err(1, "read");
		if (!n && got)
			errx(1, "the stream ends inside a heading");
		if (!n)
			return false;
		got += n;
	}
	/* Bytes of another file in between would hardly pass for a heading. */
	if (head->item >= stage->item_count || head->pad ||
	    head->size != stage->items[head->item].size)
		errx(1, "no heading where one is due: streams have mixed");
	return true;
}

static void receive_file(const struct stage *stage, int fd,
			 const struct heading *head)
{
	static char buf[CAPACITY];
	int copy = copy_open(stage, head->item);
	uint64_t left = head->size;

	while (left) {
		ssize_t n = read(fd, buf,
				 left < sizeof(buf) ? left : sizeof(buf));

		if (n < 0)
			err(1, "read");
		if (!n)
			errx(1, "the stream ends inside a file");
		if (write(copy, buf, n) != n)
			err(1, "cannot write a copy");
		left -= n;
	}
	close(copy);
}

static int stream_reader(struct stage *stage, int index)
{
	struct tally *tally = &stage->readers[index];
	struct heading head;
	int i;

	for (i = 0; i < READERS; i++) {
		close(lane[i][1]);
		if (i != index)
			close(lane[i][0]);
	}
	while (read_heading(stage, lane[index][0], &head)) {
		receive_file(stage, lane[index][0], &head);
		tally->units++;
		tally->bytes += head.size + sizeof(head);
	}
	return 0;
}

static bool open_lanes(void)
{
	int i, ret;

	for (i = 0; i < READERS; i++) {
		ret = kipc_pipe(lane[i], CAPACITY, 0);
		if (ret)
			return wrong("cannot create a pipe: %s",
				     strerror(-ret));
	}
	return true;
}

/* What came out is what went in, for the kernel and for the reader. */
static bool balance(struct stage *stage, int i, struct pipe_row *pipe,
		    struct reader_row *reader)
{
	static const char *const names[READERS] = {
		"for reader 1", "for reader 2", "for reader 3", "for reader 4",
	};
	const struct tally *own = &stage->readers[i];
	struct kipc_pipe_stat st;
	int ret = kipc_pipe_stat(lane[i][0], &st);

	if (ret)
		return wrong("PIPE_STAT: %s", strerror(-ret));
	*pipe = (struct pipe_row){ names[i], st.readers, st.writers };
	*reader = (struct reader_row){ .units = own->units,
				       .bytes = own->bytes };
	close(lane[i][0]);
	if (st.writers.bytes == own->bytes && st.readers.bytes == own->bytes)
		return true;
	return wrong("%llu bytes went in %s, %llu came out",
		     (unsigned long long)st.writers.bytes, names[i],
		     (unsigned long long)own->bytes);
}

static bool play(struct stage *stage)
{
	struct reader_row readers[READERS];
	struct pipe_row pipes[READERS];
	int i;

	if (!open_lanes())
		return false;
	for (i = 0; i < READERS; i++)
		player_start(stage, "reader", i, stream_reader);
	for (i = 0; i < WRITERS; i++)
		player_start(stage, "writer", i, stream_writer);
	for (i = 0; i < READERS; i++)
		close(lane[i][1]);
	if (!players_wait(stage))
		return false;
	for (i = 0; i < READERS; i++) {
		if (!balance(stage, i, &pipes[i], &readers[i]))
			return false;
	}
	table_readers("FILES", readers);
	table_pipes(pipes, READERS);
	return sums_agree(stage);
}

const struct act act_stream = {
	.name = "pipe-stream",
	.title = "Streams: a file in a single write",
	.text =
	"  Four pipes of 64 KiB in stream mode, each with a single reader; the three writers\n"
	"  share all of them. A writer hands over a whole file, and a heading before it, in\n"
	"  one writev(2). A large one sleeps in there again and again until there is room,\n"
	"  and yet no byte of another writer gets in between: there is no lock in the demo.\n",
	.play = play,
};
