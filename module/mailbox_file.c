// SPDX-License-Identifier: GPL-2.0
/* Handles of a mailbox as files. */
#include <linux/module.h>
#include <linux/poll.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/uio.h>

#include "compat.h"
#include "mailbox.h"
#include "main.h"
#include "post.h"

static struct kipc_mailbox *kipc_file_mailbox(struct file *file)
{
	struct kipc_handle *handle = file->private_data;

	return kipc_to_mailbox(handle->object);
}

static int kipc_mailbox_release(struct inode *inode, struct file *file)
{
	struct kipc_queue_handle *handle = file->private_data;

	kipc_handle_release(&handle->handle);
	kfree(handle);
	return 0;
}

static bool kipc_iocb_nowait(const struct kiocb *iocb)
{
	return iocb->ki_flags & IOCB_NOWAIT ||
	       iocb->ki_filp->f_flags & O_NONBLOCK;
}

/* One body; descriptors that came with it are dropped. */
static ssize_t kipc_mailbox_read(struct kiocb *iocb, struct iov_iter *to)
{
	const struct kipc_select any = { .how = KIPC_SELECT_ANY };
	struct kipc_queue *queue = &kipc_file_mailbox(iocb->ki_filp)->queue;
	struct kipc_receiver receiver = {
		.select	= &any,
		.room	= min_t(size_t, iov_iter_count(to), U32_MAX),
	};
	struct kipc_message *message;
	ssize_t len;
	int err;

	err = kipc_queue_receive(queue, &receiver, kipc_iocb_nowait(iocb), 0);
	if (err)
		return err;
	message = receiver.message;
	len = message->len;
	if (copy_to_iter(kipc_message_body(message), len, to) != len) {
		kipc_queue_return(queue, message);
		return -EFAULT;
	}
	kipc_queue_recycle(queue, message);
	return len;
}

static ssize_t kipc_mailbox_write(struct kiocb *iocb, struct iov_iter *from)
{
	struct kipc_handle *handle = iocb->ki_filp->private_data;
	struct kipc_post post = {
		.queue	= &kipc_to_mailbox(handle->object)->queue,
		.handle	= kipc_to_queue_handle(handle),
		.nowait	= kipc_iocb_nowait(iocb),
	};
	size_t len = iov_iter_count(from);
	struct kipc_message *message;
	int err;

	if (kipc_object_destroyed(handle->object))
		return -EIDRM;
	if (!len)
		return 0;
	if (len > post.queue->bounds.message_max)
		return -EMSGSIZE;
	message = kipc_message_from_iter(from,
					 kipc_queue_spare(post.queue, len));
	err = kipc_post_send(&post, message, 0);
	return err ?: len;
}

static __poll_t kipc_mailbox_poll(struct file *file, poll_table *wait)
{
	struct kipc_queue_handle *handle = file->private_data;

	return kipc_queue_poll(&kipc_file_mailbox(file)->queue, file, wait,
			       READ_ONCE(handle->want));
}

static void kipc_mailbox_show_fdinfo(struct seq_file *seq, struct file *file)
{
	struct kipc_handle *handle = file->private_data;

	kipc_handle_show(seq, handle);
	kipc_queue_show(seq, &kipc_to_mailbox(handle->object)->queue);
}

/* The ordinary first, without all that others need (mailbox_quick.c). */
static long kipc_mailbox_ioctl(struct file *file, unsigned int cmd,
			       unsigned long uptr)
{
	if (cmd == KIPC_MAILBOX_SEND && kipc_mailbox_quick_send(file, uptr))
		return 0;
	if (cmd == KIPC_MAILBOX_RECV && kipc_mailbox_quick_recv(file, uptr))
		return 0;
	return kipc_handle_ioctl(file, cmd, uptr);
}

static const struct file_operations kipc_mailbox_fops = {
	.owner		= THIS_MODULE,
	.read_iter	= kipc_mailbox_read,
	.write_iter	= kipc_mailbox_write,
	.poll		= kipc_mailbox_poll,
	.unlocked_ioctl	= kipc_mailbox_ioctl,
	.compat_ioctl	= compat_ptr_ioctl,
	.release	= kipc_mailbox_release,
	.show_fdinfo	= kipc_mailbox_show_fdinfo,
};

/**
 * kipc_mailbox_open - make a handle
 * @object: the mailbox
 * @rights: KIPC_RIGHT_*
 * @flags: KIPC_NONBLOCK
 *
 * Context: may sleep.
 * Return: the file; or -EIDRM, -ENOMEM, -ENFILE.
 */
struct file *kipc_mailbox_open(struct kipc_object *object, u32 rights,
			       u32 flags)
{
	struct kipc_queue_handle *handle;
	struct file *file;

	handle = kipc_handle_alloc(object, rights, sizeof(*handle));
	if (IS_ERR(handle))
		return ERR_CAST(handle);
	file = kipc_handle_file(&handle->handle, "[kipc:mailbox]",
				&kipc_mailbox_fops, flags);
	if (IS_ERR(file))
		kfree(handle);
	return file;
}
