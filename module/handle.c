// SPDX-License-Identifier: GPL-2.0
#include <linux/anon_inodes.h>
#include <linux/ctype.h>
#include <linux/seq_file.h>
#include <linux/slab.h>

#include "compat.h"
#include "handle.h"
#include "object.h"

/**
 * kipc_handle_alloc - make a handle that has no file yet
 * @object: what it is for; the caller has a reference
 * @rights: KIPC_RIGHT_*
 * @size: of the kind's own struct, which begins with struct kipc_handle
 *
 * Context: may sleep.
 * Return: the handle, to be freed with kfree(), or -EIDRM, -ENOMEM.
 */
void *kipc_handle_alloc(struct kipc_object *object, u32 rights, size_t size)
{
	struct kipc_handle *handle;

	if (kipc_object_destroyed(object))
		return ERR_PTR(-EIDRM);
	handle = kzalloc(size, GFP_KERNEL_ACCOUNT);
	if (!handle)
		return ERR_PTR(-ENOMEM);
	handle->object = object;
	handle->rights = rights;
	return handle;
}

static struct file *kipc_handle_make_file(struct kipc_handle *handle,
					  const char *name,
					  const struct file_operations *fops,
					  int mode, u32 flags)
{
	struct file *file;

	if (flags & KIPC_NONBLOCK)
		mode |= O_NONBLOCK;
	file = anon_inode_getfile(name, fops, handle, mode);
	if (IS_ERR(file))
		return file;
	stream_open(file_inode(file), file);
	file->f_mode |= FMODE_NOWAIT;
	kipc_file_no_notify(file);
	atomic_inc(&handle->object->handles);
	refcount_inc(&handle->object->refs);
	return file;
}

/**
 * kipc_handle_file - make the file of a handle
 * @handle: from kipc_handle_alloc(); the file gets a reference of its object
 * @name: what /proc/PID/fd shows, "[kipc:KIND]"
 * @fops: the kind's; they free @handle in release
 * @flags: KIPC_NONBLOCK counts here
 *
 * Reads and writes say themselves whether they would sleep (RWF_NOWAIT), and
 * there is no file position.
 *
 * Context: may sleep.
 * Return: the file, or an error: then @handle is still the caller's.
 */
struct file *kipc_handle_file(struct kipc_handle *handle, const char *name,
			      const struct file_operations *fops, u32 flags)
{
	int mode;

	if (handle->rights == (KIPC_RIGHT_READ | KIPC_RIGHT_WRITE))
		mode = O_RDWR;
	else
		mode = handle->rights == KIPC_RIGHT_WRITE ? O_WRONLY : O_RDONLY;
	return kipc_handle_make_file(handle, name, fops, mode, flags);
}

/**
 * kipc_handle_file_rw - kipc_handle_file(), open for both whatever the rights are
 * @handle: as there
 * @name: as there
 * @fops: as there; they look at the rights themselves
 * @flags: as there
 *
 * For what is mapped: nothing can be mapped of a file that is not open for
 * reading, and nothing to be written of one that is not open for writing.
 *
 * Context: may sleep.
 * Return: as there.
 */
struct file *kipc_handle_file_rw(struct kipc_handle *handle, const char *name,
				 const struct file_operations *fops, u32 flags)
{
	return kipc_handle_make_file(handle, name, fops, O_RDWR, flags);
}

/**
 * kipc_handle_release - drop what a handle holds; the caller frees it
 * @handle: the handle
 *
 * Context: may sleep.
 */
void kipc_handle_release(struct kipc_handle *handle)
{
	atomic_dec(&handle->object->handles);
	kipc_object_put(handle->object);
}

/* Octal for all that could forge a line or upset a terminal. */
static void kipc_show_name(struct seq_file *seq, const struct kipc_name *name)
{
	u32 i;

	for (i = 0; i < name->len; i++) {
		unsigned char c = name->text[i];

		if (isascii(c) && isprint(c) && c != '\\')
			seq_putc(seq, c);
		else
			seq_printf(seq, "\\%03o", c);
	}
}

/**
 * kipc_handle_show - the part of fdinfo that all kinds have
 * @seq: where to print
 * @handle: the handle
 */
void kipc_handle_show(struct seq_file *seq, const struct kipc_handle *handle)
{
	const struct kipc_object *object = handle->object;

	seq_printf(seq, "kipc-kind:\t%s\n", object->kind->name);
	seq_printf(seq, "kipc-id:\t%llu\n", object->id);
	seq_puts(seq, "kipc-name:\t");
	if (READ_ONCE(object->linked))
		kipc_show_name(seq, object->name);
	seq_printf(seq, "\nkipc-rights:\t%s%s\n",
		   handle->rights & KIPC_RIGHT_READ ? "r" : "",
		   handle->rights & KIPC_RIGHT_WRITE ? "w" : "");
	seq_printf(seq, "kipc-state:\t%s\n", kipc_object_destroyed(object) ?
		   "destroyed" : "live");
}
