// SPDX-License-Identifier: GPL-2.0
#include <err.h>
#include <stddef.h>

#include "records.h"

#define CAPACITY	(256 << 10)

/* The director opens the handles of all readers, and keeps copies: the kernel
 * counts for each handle, and goes on to know the count of a dead one's.
 */
bool record_pipe_open(struct record_pipe *pipe, const char *name)
{
	struct kipc_pipe_create arg;
	int i, ret;

	ret = kipc_pipe_named(&arg, name, KIPC_RIGHT_READ | KIPC_RIGHT_WRITE,
			      CAPACITY, KIPC_EXCL | KIPC_PIPE_RECORD |
			      KIPC_PIPE_TURNS);
	if (ret)
		return wrong("cannot create the pipe '%s': %s", name,
			     strerror(-ret));
	pipe->writer = arg.write_fd;
	pipe->reader[0] = arg.read_fd;
	for (i = 1; i < READERS; i++) {
		pipe->reader[i] = kipc_open_name(name, KIPC_RIGHT_READ, 0);
		if (pipe->reader[i] < 0)
			return wrong("cannot open a read end of '%s': %s", name,
				     strerror(-pipe->reader[i]));
	}
	return true;
}

void record_pipe_close(struct record_pipe *pipe)
{
	int i;

	for (i = 0; i < READERS; i++)
		close(pipe->reader[i]);
	close(pipe->writer);
}

/* An empty file takes a record too, else nobody would make its copy. */
static uint64_t records_of(const struct item *item)
{
	return item->size ? (item->size + RECORD_DATA - 1) / RECORD_DATA : 1;
}

uint64_t records_count(const struct stage *stage)
{
	uint64_t count = 0;
	size_t i;

	for (i = 0; i < stage->item_count; i++)
		count += records_of(&stage->items[i]);
	return count;
}

static void record_send(const struct stage *stage, int file, int pipe,
			struct record *rec)
{
	const struct item *item = &stage->items[rec->item];
	uint64_t rest = item->size - rec->offset;
	ssize_t len;

	rec->len = rest < RECORD_DATA ? rest : RECORD_DATA;
	if (pread(file, rec->data, rec->len, rec->offset) != rec->len)
		err(1, "%s at %llu", item->path,
		    (unsigned long long)rec->offset);
	len = RECORD_HEAD + rec->len;
	if (write(pipe, rec, len) != len)
		err(1, "write of a record");
}

/* All records of all files are numbered through; each writer sends those that
 * are its own by turn, so a file of some size comes from all of them.
 */
static int records_write(struct stage *stage, int index)
{
	struct record_pipe *pipe = stage->props;
	static struct record rec;
	uint64_t number = 0, i;

	for (i = 0; i < READERS; i++)
		close(pipe->reader[i]);
	for (rec.item = 0; rec.item < stage->item_count; rec.item++) {
		uint64_t count = records_of(&stage->items[rec.item]);
		int file = item_open(stage, rec.item);

		for (i = 0; i < count; i++) {
			if (number++ % WRITERS != (unsigned int)index)
				continue;
			rec.offset = i * RECORD_DATA;
			record_send(stage, file, pipe->writer, &rec);
		}
		close(file);
	}
	return 0;
}

/* The writers begin when every reader waits, so that all have a fair start. */
bool records_start(struct stage *stage, struct record_pipe *pipe,
		   part_fn reader)
{
	int i;

	stage->props = pipe;
	for (i = 0; i < READERS; i++)
		player_start(stage, "reader", i, reader);
	if (!wait_for(kipc_readers_waiting(pipe->writer) == READERS))
		return wrong("only %u of %d readers wait for the first record",
			     kipc_readers_waiting(pipe->writer), READERS);
	for (i = 0; i < WRITERS; i++)
		player_start(stage, "writer", i, records_write);
	/* Or the readers would wait for more when all writers are done. */
	close(pipe->writer);
	pipe->writer = -1;
	return true;
}

static bool record_sound(const struct stage *stage, const struct record *rec,
			 ssize_t len)
{
	return len >= (ssize_t)RECORD_HEAD &&
	       len == (ssize_t)(RECORD_HEAD + rec->len) &&
	       rec->item < stage->item_count &&
	       rec->offset + rec->len <= stage->items[rec->item].size;
}

/* Doing it twice does no harm. */
static void record_store(const struct stage *stage, const struct record *rec)
{
	int copy = copy_open(stage, rec->item);

	if (pwrite(copy, rec->data, rec->len, rec->offset) != rec->len)
		err(1, "cannot write a copy");
	close(copy);
}

/* What a reader does.  @hands: where it reads to; @stop_at: stop, as if by a
 * SIGSTOP from outside, with a record in the hands after so many stored ones.
 */
int records_read(struct stage *stage, int index, struct record *hands,
		 uint64_t stop_at)
{
	struct record_pipe *pipe = stage->props;
	struct tally *tally = &stage->readers[index];
	ssize_t len;
	int i;

	close(pipe->writer);
	for (i = 0; i < READERS; i++) {
		if (i != index)
			close(pipe->reader[i]);
	}
	while ((len = read(pipe->reader[index], hands, sizeof(*hands))) > 0) {
		if (tally->units == stop_at)
			raise(SIGSTOP);
		if (!record_sound(stage, hands, len))
			errx(1, "a torn record of %zd bytes", len);
		record_store(stage, hands);
		tally->bytes += len;
		__atomic_store_n(&tally->units, tally->units + 1,
				 __ATOMIC_RELEASE);
	}
	if (len < 0)
		err(1, "read of a record");
	return 0;
}

/* Stores what a dead reader held, if @len is what the kernel gave it. */
bool record_restore(const struct stage *stage, const struct record *rec,
		    uint64_t len)
{
	if (!record_sound(stage, rec, len))
		return wrong("what the dead reader held is not the record that it took");
	record_store(stage, rec);
	return true;
}

/* The kernel's count for one reader's handle must be the reader's own.  One
 * that was killed may have taken a record more than it has stored.
 */
static bool reader_balance(const struct stage *stage, int fd, int index,
			   int killed, struct reader_row *row)
{
	const struct tally *own = &stage->readers[index];
	struct kipc_pipe_stat st;
	int ret = kipc_pipe_stat(fd, &st);

	if (ret)
		return wrong("PIPE_STAT: %s", strerror(-ret));
	row->units = st.my_calls;
	row->bytes = st.my_bytes;
	if (st.my_calls == own->units && st.my_bytes == own->bytes)
		return true;
	if (index == killed && st.my_calls == own->units + 1)
		return true;
	return wrong("reader %d stored %llu records, the kernel gave it %llu",
		     index + 1, (unsigned long long)own->units,
		     (unsigned long long)st.my_calls);
}

/* All that went in came out, and somebody has it. */
bool records_balance(struct stage *stage, struct record_pipe *pipe, int killed,
		     struct pipe_row *row, struct reader_row *rows)
{
	uint64_t expected = records_count(stage);
	struct kipc_pipe_stat st;
	int i, ret;

	for (i = 0; i < READERS; i++) {
		if (!reader_balance(stage, pipe->reader[i], i, killed,
				    &rows[i]))
			return false;
	}
	ret = kipc_pipe_stat(pipe->reader[0], &st);
	if (ret)
		return wrong("PIPE_STAT: %s", strerror(-ret));
	row->readers = st.readers;
	row->writers = st.writers;
	if (st.writers.calls == expected && st.readers.calls == expected &&
	    st.writers.bytes == st.readers.bytes && !st.used)
		return true;
	return wrong("of %llu records %llu went in and %llu came out; %llu bytes are in the pipe",
		     (unsigned long long)expected,
		     (unsigned long long)st.writers.calls,
		     (unsigned long long)st.readers.calls,
		     (unsigned long long)st.used);
}
