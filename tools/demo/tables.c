// SPDX-License-Identifier: GPL-2.0
/* The counts, as a person reads them. */
#include <assert.h>
#include <err.h>
#include <libsmartcols.h>

#include "words.h"

static struct libscols_table *new_table(const char *const *names, size_t count)
{
	struct libscols_table *table = scols_new_table();
	size_t i;

	if (!table)
		err(1, "scols_new_table");
	/* Whole lines, whatever the terminal says about itself. */
	scols_table_set_termforce(table, SCOLS_TERMFORCE_NEVER);
	for (i = 0; i < count; i++) {
		/* What is text stands on the left, numbers on the right. */
		int flags = names[i][0] == '<' ? 0 : SCOLS_FL_RIGHT;

		if (!scols_table_new_column(table, names[i] + !flags, 0, flags))
			err(1, "scols_table_new_column");
	}
	return table;
}

static struct libscols_line *new_line(struct libscols_table *table)
{
	struct libscols_line *line = scols_table_new_line(table, NULL);

	if (!line)
		err(1, "scols_table_new_line");
	return line;
}

__attribute__((format(printf, 3, 4)))
static void put(struct libscols_line *line, size_t column, const char *fmt, ...)
{
	char text[128];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	if (scols_line_set_data(line, column, text))
		err(1, "scols_line_set_data");
}

static void print_table(struct libscols_table *table)
{
	putchar('\n');
	scols_print_table(table);
	scols_unref_table(table);
}

/* One that is empty in every row would only leave blanks at the lines' ends. */
static bool any_note(const struct reader_row *rows)
{
	int i;

	for (i = 0; i < READERS; i++) {
		if (rows[i].note)
			return true;
	}
	return false;
}

void table_readers(const char *unit, const struct reader_row *rows)
{
	const char *const names[] = { "<  READER", unit, "BYTES", "SHARE",
				      "<NOTE" };
	bool notes = any_note(rows);
	struct libscols_table *table = new_table(names, ARRAY_SIZE(names) -
						 !notes);
	uint64_t all = 0;
	int i;

	for (i = 0; i < READERS; i++)
		all += rows[i].units;
	for (i = 0; i < READERS; i++) {
		struct libscols_line *line = new_line(table);

		put(line, 0, "  reader %d", i + 1);
		put(line, 1, "%llu", (unsigned long long)rows[i].units);
		put(line, 2, "%llu", (unsigned long long)rows[i].bytes);
		put(line, 3, "%.1f %%",
		    all ? 100.0 * rows[i].units / all : 0.0);
		if (notes)
			put(line, 4, "%s", rows[i].note ? rows[i].note : "");
	}
	print_table(table);
}

static void put_side(struct libscols_table *table, const char *name,
		     const char *side, const struct kipc_pipe_side *count)
{
	struct libscols_line *line = new_line(table);

	put(line, 0, "  %s", name);
	put(line, 1, "%s", side);
	put(line, 2, "%llu", (unsigned long long)count->bytes);
	put(line, 3, "%llu", (unsigned long long)count->calls);
	put(line, 4, "%llu", (unsigned long long)count->sleeps);
	put(line, 5, "%llu", (unsigned long long)count->wakeups);
	put(line, 6, "%.1f ms", count->blocked_ns / 1e6);
}

void table_pipes(const struct pipe_row *rows, size_t count)
{
	static const char *const names[] = {
		"<  PIPE", "<SIDE", "BYTES", "CALLS", "SLEEPS", "WAKE-UPS",
		"BLOCKED",
	};
	struct libscols_table *table = new_table(names, ARRAY_SIZE(names));
	size_t i;

	for (i = 0; i < count; i++) {
		put_side(table, rows[i].name, "writers", &rows[i].writers);
		put_side(table, "", "readers", &rows[i].readers);
	}
	print_table(table);
}

/* A row for each, and who found how many. */
void table_words(const struct word *rows, size_t count)
{
	static const char *const names[] = {
		"<  WORD", "COUNT", "WORKER 1", "WORKER 2", "WORKER 3",
		"WORKER 4", "WORKER 5",
	};
	struct libscols_table *table = new_table(names, ARRAY_SIZE(names));
	size_t i, j;

	static_assert(ARRAY_SIZE(names) == 2 + WORKERS, "a column for each");
	for (i = 0; i < count; i++) {
		struct libscols_line *line = new_line(table);

		put(line, 0, "  %s", rows[i].text);
		put(line, 1, "%u", rows[i].count);
		for (j = 0; j < WORKERS; j++)
			put(line, 2 + j, "%u", rows[i].by[j]);
	}
	print_table(table);
}

static void put_queue_side(struct libscols_line *line, const char *side,
			   uint64_t messages, uint64_t sleeps, uint64_t ns)
{
	put(line, 1, "%s", side);
	put(line, 2, "%llu", (unsigned long long)messages);
	put(line, 3, "%llu", (unsigned long long)sleeps);
	put(line, 4, "%.1f ms", ns / 1e6);
}

void table_queues(const struct queue_row *rows, size_t count)
{
	static const char *const names[] = {
		"<  QUEUE", "<SIDE", "MESSAGES", "SLEEPS", "BLOCKED",
		"MOST AT ONCE",
	};
	struct libscols_table *table = new_table(names, ARRAY_SIZE(names));
	size_t i;

	for (i = 0; i < count; i++) {
		const struct kipc_queue_stat *queue = &rows[i].queue;
		struct libscols_line *line = new_line(table);

		put(line, 0, "  %s", rows[i].name);
		put_queue_side(line, "senders", queue->sent, queue->send_sleeps,
			       queue->send_blocked_ns);
		put(line, 5, "%u", queue->peak_messages);
		line = new_line(table);
		put_queue_side(line, "receivers", queue->received,
			       queue->recv_sleeps, queue->recv_blocked_ns);
	}
	print_table(table);
}

void table_clients(const struct client_row *rows, size_t count)
{
	static const char *const names[] = {
		"<  CLIENT", "CALLS", "WORDS", "EACH", "<SERVER KILLED",
		"<NEXT CALL",
	};
	struct libscols_table *table = new_table(names, ARRAY_SIZE(names));
	size_t i;

	for (i = 0; i < count; i++) {
		struct libscols_line *line = new_line(table);

		put(line, 0, "  client %zu", i + 1);
		put(line, 1, "%llu", (unsigned long long)rows[i].calls);
		put(line, 2, "%llu", (unsigned long long)rows[i].words);
		put(line, 3, "%.0f us", rows[i].ns / 1e3 / rows[i].calls);
		put(line, 4, "%s", error_name(rows[i].killed));
		put(line, 5, "%s", error_name(rows[i].afterwards));
	}
	print_table(table);
}

void table_workers(const struct worker_row *rows, size_t count)
{
	static const char *const names[] = {
		"<  WORKER", "JOBS", "RESULTS", "WORDS", "<NOTE",
	};
	struct libscols_table *table = new_table(names, ARRAY_SIZE(names));
	size_t i;

	for (i = 0; i < count; i++) {
		struct libscols_line *line = new_line(table);

		put(line, 0, "  worker %zu", i + 1);
		put(line, 1, "%llu", (unsigned long long)rows[i].jobs);
		put(line, 2, "%llu", (unsigned long long)rows[i].results);
		put(line, 3, "%llu", (unsigned long long)rows[i].words);
		put(line, 4, "%s", rows[i].note ? rows[i].note : "");
	}
	print_table(table);
}
