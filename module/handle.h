/* SPDX-License-Identifier: GPL-2.0 */
/*
 * DOC: handles
 *
 * A handle is an open file on an anonymous inode: file->private_data is a
 * struct kipc_handle, which holds one reference of its object and the rights
 * that were granted when it was made.  It is freed with the file, so every file
 * operation may use it without a lock.
 */
#ifndef KIPC_HANDLE_H
#define KIPC_HANDLE_H

#include <linux/fs.h>
#include <linux/types.h>

struct kipc_object;
struct seq_file;

/**
 * struct kipc_handle - one open handle, first in the kind's own struct
 * @object: a counted reference; invariant
 * @rights: KIPC_RIGHT_*; invariant
 */
struct kipc_handle {
	struct kipc_object *object;
	u32 rights;
};

void *kipc_handle_alloc(struct kipc_object *object, u32 rights, size_t size);
struct file *kipc_handle_file(struct kipc_handle *handle, const char *name,
			      const struct file_operations *fops, u32 flags);
struct file *kipc_handle_file_rw(struct kipc_handle *handle, const char *name,
				 const struct file_operations *fops,
				 u32 flags);
void kipc_handle_release(struct kipc_handle *handle);
void kipc_handle_show(struct seq_file *seq, const struct kipc_handle *handle);

#endif /* KIPC_HANDLE_H */
