// SPDX-License-Identifier: GPL-2.0
/*
 * Descriptors that travel in messages.
 *
 * A queue that held a file which holds the queue would keep itself alive for
 * ever.  A file can hold a queue in its turn if it is a handle of one, or if
 * other files can be put into it: sockets of AF_UNIX and io_uring have a collector
 * of their own for such cycles, which knows nothing of kipc, and an epoll file
 * can be watched by another.  These may not travel.  Handles of segments,
 * arrays, semaphores and pipes hold nothing but memory.
 */
#include <linux/file.h>
#include <linux/net.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/uaccess.h>
#include <net/sock.h>

#include "compat.h"
#include "message.h"

/**
 * struct kipc_files - the files of one message
 * @count: how many
 * @files: each a counted reference
 */
struct kipc_files {
	u32 count;
	struct file *files[];
};

/*
 * Modules cannot ask whether a file is an io_uring or an epoll one.  But they,
 * and handles, are on the file system of anonymous inodes, where the kernel alone
 * gives names.
 */
static const char * const kipc_barred[] = {
	"[kipc:endpoint]", "[kipc:mailbox]", "[io_uring]", "[eventpoll]",
};

static bool kipc_file_may_travel(const struct file *file)
{
	struct inode *inode = file_inode(file);
	const char *name = file->f_path.dentry->d_name.name;

	if (S_ISSOCK(inode->i_mode))
		return READ_ONCE(SOCKET_I(inode)->ops)->family != PF_UNIX;
	if (strcmp(inode->i_sb->s_type->name, "anon_inodefs"))
		return true;
	return match_string(kipc_barred, ARRAY_SIZE(kipc_barred), name) < 0;
}

/**
 * kipc_files_get - take the files that a message is to carry
 * @fds: user pointer to the descriptors
 * @count: how many, KIPC_MSG_FDS_MAX at most
 *
 * Context: may sleep.
 * Return: the files, to be dropped with kipc_files_put(); -EFAULT, -EBADF,
 * -EINVAL (one may not travel), -ENOMEM.
 */
struct kipc_files *kipc_files_get(u64 fds, u32 count)
{
	s32 numbers[KIPC_MSG_FDS_MAX];
	struct kipc_files *files;
	int err = 0;

	if (copy_from_user(numbers, u64_to_user_ptr(fds),
			   count * sizeof(*numbers)))
		return ERR_PTR(-EFAULT);
	files = kmalloc(struct_size(files, files, count), GFP_KERNEL_ACCOUNT);
	if (!files)
		return ERR_PTR(-ENOMEM);
	for (files->count = 0; files->count < count && !err;) {
		struct file *file = fget(numbers[files->count]);

		if (!file) {
			err = -EBADF;
			break;
		}
		files->files[files->count++] = file;
		if (!kipc_file_may_travel(file))
			err = -EINVAL;
	}
	if (!err)
		return files;
	kipc_files_put(files);
	return ERR_PTR(err);
}

/**
 * kipc_files_put - drop files
 * @files: the files
 *
 * Context: may sleep.
 */
void kipc_files_put(struct kipc_files *files)
{
	while (files->count)
		fput(files->files[--files->count]);
	kfree(files);
}

/**
 * kipc_files_count - how many are there?
 * @files: the files
 */
u32 kipc_files_count(const struct kipc_files *files)
{
	return files->count;
}

/**
 * kipc_files_probe - can the numbers be written?
 * @files: the files
 * @fds: where to
 *
 * Context: may sleep.
 * Return: 0 or -EFAULT.
 */
int kipc_files_probe(const struct kipc_files *files, s32 __user *fds)
{
	u32 i;

	for (i = 0; i < files->count; i++)
		if (put_user(-1, &fds[i]))
			return -EFAULT;
	return 0;
}

/**
 * kipc_files_receive - give the caller descriptors, all or none
 * @files: the files
 * @fds: where the numbers go
 *
 * Context: may sleep.
 * Return: 0; -EMFILE, -EFAULT, or what a security module says.
 */
int kipc_files_receive(struct kipc_files *files, s32 __user *fds)
{
	s32 numbers[KIPC_MSG_FDS_MAX];
	u32 i;
	int fd;

	for (i = 0; i < files->count; i++) {
		fd = kipc_receive_fd(files->files[i]);
		if (fd < 0)
			goto close;
		numbers[i] = fd;
		if (put_user(fd, &fds[i])) {
			i++;
			fd = -EFAULT;
			goto close;
		}
	}
	return 0;

close:
	while (i--)
		kipc_close_fd(numbers[i]);
	return fd;
}
