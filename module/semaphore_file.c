// SPDX-License-Identifier: GPL-2.0
/* Handles of a semaphore as files. */
#include <linux/module.h>
#include <linux/pid_namespace.h>
#include <linux/poll.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "compat.h"
#include "main.h"
#include "semaphore.h"
#include "semaphore_mapped.h"

static struct kipc_semaphore *kipc_file_sem(struct file *file)
{
	struct kipc_handle *handle = file->private_data;

	return kipc_to_sem(handle->object);
}

static int kipc_semaphore_release(struct inode *inode, struct file *file)
{
	struct kipc_semaphore_handle *handle = file->private_data;

	kipc_handle_release(&handle->handle);
	kfree(handle);
	return 0;
}

/*
 * Whoever polls is on the wait queue before he takes the lock, and from then on
 * the counter counts as polled: a change comes either before that, and he sees
 * it here, or after, and wakes him.
 */
static __poll_t kipc_semaphore_poll(struct file *file, poll_table *wait)
{
	struct kipc_semaphore_handle *handle = file->private_data;
	struct kipc_semaphore *sem = kipc_file_sem(file);
	struct kipc_counter *counter;
	__poll_t events = 0;

	spin_lock(&sem->lock);
	handle->fixed = true;
	counter = &sem->counters[handle->watch];
	spin_unlock(&sem->lock);

	poll_wait(file, &counter->poll, wait);

	spin_lock(&sem->lock);
	sem->nr_polled += !counter->polled;
	counter->polled = true;
	if (kipc_object_destroyed(&sem->object))
		events = EPOLLIN | EPOLLRDNORM | EPOLLOUT | EPOLLWRNORM |
			 EPOLLHUP | EPOLLERR;
	else if (kipc_sem_readable(counter))
		events = EPOLLIN | EPOLLRDNORM;
	if (counter->value < sem->max)
		events |= EPOLLOUT | EPOLLWRNORM;
	spin_unlock(&sem->lock);
	return events;
}

/**
 * kipc_semaphore_wake_all_pollers - the set was destroyed
 * @sem: the set
 *
 * Context: does not sleep.
 */
void kipc_semaphore_wake_all_pollers(struct kipc_semaphore *sem)
{
	__poll_t events = EPOLLIN | EPOLLOUT | EPOLLHUP | EPOLLERR;
	u32 i;

	/* All of them, exclusive ones too. */
	for (i = 0; i < sem->count; i++)
		__wake_up(&sem->counters[i].poll, TASK_NORMAL, 0,
			  poll_to_key(events));
}

static void kipc_semaphore_show_fdinfo(struct seq_file *seq, struct file *file)
{
	struct kipc_semaphore_handle *handle = file->private_data;
	struct kipc_semaphore *sem = kipc_file_sem(file);
	struct kipc_sem_counter counter;
	u32 watch, value, waiting;

	spin_lock(&sem->lock);
	watch = handle->watch;
	value = sem->counters[watch].value;
	if (sem->mapped) {
		kipc_mapped_describe(sem, watch, &init_pid_ns, &counter);
		value = counter.value;
	}
	waiting = sem->nr_waiting;
	spin_unlock(&sem->lock);

	kipc_handle_show(seq, &handle->handle);
	seq_printf(seq, "kipc-count:\t%u\n", sem->count);
	seq_printf(seq, "kipc-max:\t%u\n", sem->max);
	seq_printf(seq, "kipc-watch:\t%u\n", watch);
	seq_printf(seq, "kipc-value:\t%u\n", value);
	seq_printf(seq, "kipc-waiting:\t%u\n", waiting);
}

/*
 * P and V first, with as little around them as can be: a call that is in any way
 * out of the ordinary goes the way of all others.
 */
static long kipc_semaphore_ioctl(struct file *file, unsigned int cmd,
				 unsigned long uptr)
{
	struct kipc_semaphore_op arg __uninitialized;

	if (cmd == KIPC_SEMAPHORE_OP &&
	    !copy_from_user(&arg, (void __user *)uptr, sizeof(arg)) &&
	    kipc_sem_quick(file->private_data, &arg))
		return 0;
	return kipc_handle_ioctl(file, cmd, uptr);
}

const struct file_operations kipc_semaphore_fops = {
	.owner		= THIS_MODULE,
	.poll		= kipc_semaphore_poll,
	.unlocked_ioctl	= kipc_semaphore_ioctl,
	.compat_ioctl	= compat_ptr_ioctl,
	.flush		= kipc_semaphore_flush,
	.release	= kipc_semaphore_release,
	.show_fdinfo	= kipc_semaphore_show_fdinfo,
};

const struct file_operations kipc_mapped_fops = {
	.owner		= THIS_MODULE,
	.poll		= kipc_mapped_poll,
	.mmap		= kipc_mapped_mmap,
	.unlocked_ioctl	= kipc_handle_ioctl,
	.compat_ioctl	= compat_ptr_ioctl,
	.flush		= kipc_semaphore_flush,
	.release	= kipc_semaphore_release,
	.show_fdinfo	= kipc_semaphore_show_fdinfo,
};

/**
 * kipc_semaphore_open - make a handle
 * @object: the set
 * @rights: KIPC_RIGHT_*
 * @flags: KIPC_NONBLOCK
 *
 * Context: may sleep.
 * Return: the file; or -EIDRM, -ENOMEM, -ENFILE.
 */
struct file *kipc_semaphore_open(struct kipc_object *object, u32 rights,
				 u32 flags)
{
	struct kipc_semaphore_handle *handle;
	struct file *file;

	handle = kipc_handle_alloc(object, rights, sizeof(*handle));
	if (IS_ERR(handle))
		return ERR_CAST(handle);
	file = kipc_handle_file(&handle->handle, "[kipc:semaphore]",
				kipc_to_sem(object)->mapped ?
				&kipc_mapped_fops : &kipc_semaphore_fops,
				flags);
	if (IS_ERR(file))
		kfree(handle);
	return file;
}
