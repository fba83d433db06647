// SPDX-License-Identifier: GPL-2.0
/* Handles of an endpoint as files. */
#include <linux/module.h>
#include <linux/pid_namespace.h>
#include <linux/poll.h>
#include <linux/seq_file.h>
#include <linux/slab.h>

#include "compat.h"
#include "endpoint.h"
#include "main.h"
#include "post.h"

static const struct file_operations kipc_endpoint_fops;

static struct kipc_endpoint *kipc_file_endpoint(struct file *file)
{
	struct kipc_handle *handle = file->private_data;

	return kipc_to_endpoint(handle->object);
}

static int kipc_endpoint_release(struct inode *inode, struct file *file)
{
	struct kipc_queue_handle *handle = file->private_data;

	kipc_handle_release(&handle->handle);
	kfree(handle);
	return 0;
}

/* A descriptor that keeps the endpoint @data, if the owner has it? */
static int kipc_endpoint_kept(const void *data, struct file *file,
			      unsigned int fd)
{
	const struct kipc_handle *handle = file->private_data;

	return file->f_op == &kipc_endpoint_fops && handle->object == data &&
	       handle->rights & KIPC_RIGHT_READ;
}

/* A process closes a descriptor, perhaps because it dies. */
static int kipc_endpoint_flush(struct file *file, fl_owner_t id)
{
	struct kipc_endpoint *endpoint = kipc_file_endpoint(file);

	if (kipc_endpoint_is_mine(endpoint) &&
	    !kipc_process_still_open(kipc_endpoint_kept, &endpoint->object))
		kipc_endpoint_end(endpoint, -ECONNRESET);
	return 0;
}

static __poll_t kipc_endpoint_poll(struct file *file, poll_table *wait)
{
	struct kipc_endpoint *endpoint = kipc_file_endpoint(file);
	struct kipc_queue_handle *handle = file->private_data;
	__poll_t events;

	events = kipc_queue_poll(&endpoint->queue, file, wait,
				 READ_ONCE(handle->want));
	/* It counts as polled by now: one that comes later wakes. */
	spin_lock(&endpoint->queue.lock);
	if (endpoint->nr_untold)
		events |= EPOLLPRI;
	spin_unlock(&endpoint->queue.lock);
	return events;
}

static void kipc_endpoint_show_fdinfo(struct seq_file *seq, struct file *file)
{
	struct kipc_endpoint *endpoint = kipc_file_endpoint(file);
	u32 calls, untold;

	spin_lock(&endpoint->queue.lock);
	calls = endpoint->nr_calls;
	untold = endpoint->nr_untold;
	spin_unlock(&endpoint->queue.lock);

	kipc_handle_show(seq, file->private_data);
	seq_printf(seq, "kipc-owner:\t%d\n",
		   pid_nr_ns(endpoint->owner.tgid,
			     task_active_pid_ns(current)));
	kipc_queue_show(seq, &endpoint->queue);
	seq_printf(seq, "kipc-calls:\t%u\n", calls);
	seq_printf(seq, "kipc-cancelled:\t%u\n", untold);
}

static const struct file_operations kipc_endpoint_fops = {
	.owner		= THIS_MODULE,
	.poll		= kipc_endpoint_poll,
	.unlocked_ioctl	= kipc_handle_ioctl,
	.compat_ioctl	= compat_ptr_ioctl,
	.flush		= kipc_endpoint_flush,
	.release	= kipc_endpoint_release,
	.show_fdinfo	= kipc_endpoint_show_fdinfo,
};

/**
 * kipc_endpoint_open - make a handle
 * @object: the endpoint
 * @rights: KIPC_RIGHT_*
 * @flags: KIPC_NONBLOCK
 *
 * Context: may sleep.
 * Return: the file; or -EIDRM, -ENOMEM, -ENFILE.
 */
struct file *kipc_endpoint_open(struct kipc_object *object, u32 rights,
				u32 flags)
{
	struct kipc_queue_handle *handle;
	struct file *file;

	handle = kipc_handle_alloc(object, rights, sizeof(*handle));
	if (IS_ERR(handle))
		return ERR_CAST(handle);
	file = kipc_handle_file(&handle->handle, "[kipc:endpoint]",
				&kipc_endpoint_fops, flags);
	if (IS_ERR(file))
		kfree(handle);
	return file;
}
