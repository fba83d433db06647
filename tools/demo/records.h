/* SPDX-License-Identifier: GPL-2.0 */
/* Files cut into records, each with a tag that says where its data belongs. */
#ifndef KIPC_DEMO_RECORDS_H
#define KIPC_DEMO_RECORDS_H

#include "demo.h"

#define RECORD_DATA	(16 << 10)

struct record {
	uint32_t item;
	uint32_t len;
	uint64_t offset;
	unsigned char data[RECORD_DATA];
};

#define RECORD_HEAD	offsetof(struct record, data)

/* One pipe in record mode that all share; each reader has its own handle. */
struct record_pipe {
	int writer;
	int reader[READERS];
};

#define NOBODY		(-1)
#define NEVER		UINT64_MAX

bool record_pipe_open(struct record_pipe *pipe, const char *name);
void record_pipe_close(struct record_pipe *pipe);
bool records_start(struct stage *stage, struct record_pipe *pipe,
		   part_fn reader);
int records_read(struct stage *stage, int index, struct record *hands,
		 uint64_t stop_at);
bool records_balance(struct stage *stage, struct record_pipe *pipe, int killed,
		     struct pipe_row *row, struct reader_row *rows);
uint64_t records_count(const struct stage *stage);
bool record_restore(const struct stage *stage, const struct record *rec,
		    uint64_t len);

#endif /* KIPC_DEMO_RECORDS_H */
