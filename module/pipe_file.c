// SPDX-License-Identifier: GPL-2.0
/* The ends of a pipe as files: open and close, read(2) and its kin, poll(2). */
#include <linux/module.h>
#include <linux/poll.h>
#include <linux/sched/signal.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <asm/ioctls.h>

#include "compat.h"
#include "main.h"
#include "pipe.h"
#include "pipe_mapped.h"

static struct kipc_side *kipc_end_side(struct kipc_pipe_end *end)
{
	struct kipc_pipe *pipe = kipc_to_pipe(end->handle.object);

	return end->handle.rights & KIPC_RIGHT_READ ? &pipe->rd : &pipe->wr;
}

/* Counts one more handle of a side.  Return: 0, or -EBUSY. */
static int kipc_side_attach(struct kipc_pipe *pipe, struct kipc_side *side)
{
	bool alone = pipe->mapped || (side == &pipe->rd &&
				      !(pipe->flags & KIPC_PIPE_TURNS));
	int err = 0;

	spin_lock(&pipe->lock);
	if (alone && side->handles) {
		err = -EBUSY;
	} else {
		side->handles++;
		WRITE_ONCE(side->gone, false);
		if (pipe->mapped)
			kipc_mapped_pipe_tell(pipe);
	}
	spin_unlock(&pipe->lock);
	return err;
}

/**
 * kipc_pipe_opened - an end is with its user now
 * @handle: the end
 */
void kipc_pipe_opened(struct kipc_handle *handle)
{
	struct kipc_pipe *pipe = kipc_to_pipe(handle->object);

	spin_lock(&pipe->lock);
	kipc_end_side(kipc_to_end(handle))->opened = true;
	spin_unlock(&pipe->lock);
}

/*
 * One handle of a side less; the last one ends what the other side waits for.
 * One that nobody ever got was never there, and so cannot be gone.
 */
static void kipc_side_detach(struct kipc_pipe *pipe, struct kipc_side *side)
{
	bool gone;

	spin_lock(&pipe->lock);
	gone = !--side->handles && side->opened;
	WRITE_ONCE(side->gone, gone);
	if (pipe->mapped)
		kipc_mapped_pipe_tell(pipe);
	spin_unlock(&pipe->lock);
	if (!gone)
		return;

	if (pipe->mapped)
		kipc_mapped_pipe_end_wait(pipe, side == &pipe->rd ? &pipe->wr :
								    &pipe->rd,
					  0);
	if (side == &pipe->rd) {
		kipc_pipe_wake_writers(pipe, EPOLLOUT | EPOLLERR);
		return;
	}
	kipc_pipe_wake_readers(pipe, EPOLLIN | EPOLLHUP);
	/* At the end of file nobody has to wait for a reader who is away. */
	if ((pipe->flags & KIPC_PIPE_TURNS) && !kipc_pipe_used(pipe))
		kipc_turns_over(&pipe->turns);
}

static int kipc_pipe_release(struct inode *inode, struct file *file)
{
	struct kipc_pipe_end *end = kipc_file_end(file);

	kipc_side_detach(kipc_file_pipe(file), kipc_end_side(end));
	kipc_handle_release(&end->handle);
	kfree(end);
	return 0;
}

/*
 * A process closes a descriptor, perhaps because it dies.  Another one may hold
 * the same file, so that release is not called; the turns of this one end here.
 */
static int kipc_pipe_flush(struct file *file, fl_owner_t id)
{
	struct kipc_pipe *pipe = kipc_file_pipe(file);

	if ((pipe->flags & KIPC_PIPE_TURNS) && (file->f_mode & FMODE_READ))
		kipc_turns_forget(&pipe->turns, task_tgid(current));
	return 0;
}

static bool kipc_iocb_nowait(struct kiocb *iocb)
{
	return (iocb->ki_flags & IOCB_NOWAIT) ||
	       (iocb->ki_filp->f_flags & O_NONBLOCK);
}

/**
 * kipc_pipe_file_read - read(2) and its kin, in general
 * @file: a read end
 * @to: where to
 * @nowait: rather -EAGAIN than sleep
 *
 * Context: may sleep; no lock held.
 * Return: as kipc_pipe_read().
 */
ssize_t kipc_pipe_file_read(struct file *file, struct iov_iter *to, bool nowait)
{
	u64 needed;

	return kipc_pipe_read(kipc_file_end(file), to, nowait, 0, &needed);
}

/**
 * kipc_pipe_file_write - write(2) and its kin, in general
 * @file: a write end
 * @from: where from
 * @nowait: rather -EAGAIN than sleep
 *
 * Context: may sleep; no lock held.
 * Return: as kipc_pipe_write(); with -EPIPE the caller got a SIGPIPE, too.
 */
ssize_t kipc_pipe_file_write(struct file *file, struct iov_iter *from,
			     bool nowait)
{
	struct kipc_pipe_end *end = kipc_file_end(file);
	u64 longest;
	ssize_t ret;

	ret = kipc_pipe_write(end, from, nowait, 0, &longest);
	if (ret == -EPIPE && !end->nosigpipe)
		send_sig(SIGPIPE, current, 0);
	return ret;
}

static ssize_t kipc_pipe_read_iter(struct kiocb *iocb, struct iov_iter *to)
{
	return kipc_pipe_file_read(iocb->ki_filp, to, kipc_iocb_nowait(iocb));
}

static ssize_t kipc_pipe_write_iter(struct kiocb *iocb, struct iov_iter *from)
{
	return kipc_pipe_file_write(iocb->ki_filp, from,
				    kipc_iocb_nowait(iocb));
}

static __poll_t kipc_pipe_poll_read(struct kipc_pipe *pipe)
{
	__poll_t events = 0;

	if (READ_ONCE(pipe->wr.gone))
		events |= EPOLLHUP;
	/* After the hang-up: what the last writer wrote must not be missed. */
	smp_rmb();
	if (!kipc_pipe_used(pipe))
		return events;
	if ((pipe->flags & KIPC_PIPE_TURNS) && kipc_turns_busy(&pipe->turns))
		return events;
	return events | KIPC_POLL_READ;
}

static __poll_t kipc_pipe_poll_write(struct kipc_pipe *pipe,
				     struct kipc_pipe_end *end)
{
	u64 size = READ_ONCE(pipe->ring.size);
	u64 need = max_t(u64, KIPC_PIPE_ATOMIC, READ_ONCE(end->want));

	if (READ_ONCE(pipe->rd.gone))
		return KIPC_POLL_WRITE | EPOLLERR;
	if (kipc_gate_busy(&pipe->wr.gate))
		return 0;
	if (size - kipc_pipe_used(pipe) < min(need, size))
		return 0;
	return KIPC_POLL_WRITE;
}

static __poll_t kipc_pipe_poll(struct file *file, poll_table *wait)
{
	struct kipc_pipe_end *end = kipc_file_end(file);
	struct kipc_pipe *pipe = kipc_file_pipe(file);

	poll_wait(file, &kipc_end_side(end)->poll, wait);
	/* Pairs with the barrier of who moves data: see pipe.h. */
	smp_mb();

	if (kipc_object_destroyed(&pipe->object))
		return EPOLLIN | EPOLLOUT | EPOLLRDNORM | EPOLLWRNORM |
		       EPOLLHUP | EPOLLERR;
	if (file->f_mode & FMODE_READ)
		return kipc_pipe_poll_read(pipe);
	return kipc_pipe_poll_write(pipe, end);
}

static long kipc_pipe_ioctl(struct file *file, unsigned int cmd,
			    unsigned long arg)
{
	struct kipc_pipe *pipe = kipc_file_pipe(file);
	u64 len;
	int err;

	if (cmd != FIONREAD)
		return kipc_handle_ioctl(file, cmd, arg);

	if (kipc_object_destroyed(&pipe->object))
		return -EIDRM;
	if (pipe->flags & KIPC_PIPE_RECORD) {
		err = kipc_pipe_next_record(pipe, &len);
		if (err)
			return err;
	} else {
		len = kipc_pipe_used(pipe);
	}
	return put_user((int)min_t(u64, len, INT_MAX), (int __user *)arg);
}

static void kipc_pipe_show_fdinfo(struct seq_file *seq, struct file *file)
{
	struct kipc_pipe_end *end = kipc_file_end(file);
	struct kipc_pipe *pipe = kipc_file_pipe(file);

	kipc_handle_show(seq, &end->handle);
	seq_printf(seq, "kipc-capacity:\t%llu\n", READ_ONCE(pipe->ring.size));
	seq_printf(seq, "kipc-used:\t%llu\n", pipe->mapped ?
		   kipc_mapped_pipe_used(pipe) : kipc_pipe_used(pipe));
	seq_printf(seq, "kipc-bytes:\t%llu\n", READ_ONCE(end->bytes));
	seq_printf(seq, "kipc-calls:\t%llu\n", READ_ONCE(end->calls));
}

const struct file_operations kipc_pipe_fops = {
	.owner		= THIS_MODULE,
	.read		= kipc_pipe_read_plain,
	.write		= kipc_pipe_write_plain,
	.read_iter	= kipc_pipe_read_iter,
	.write_iter	= kipc_pipe_write_iter,
	.splice_read	= kipc_pipe_splice_read,
	.splice_write	= iter_file_splice_write,
	.poll		= kipc_pipe_poll,
	.unlocked_ioctl	= kipc_pipe_ioctl,
	.compat_ioctl	= compat_ptr_ioctl,
	.flush		= kipc_pipe_flush,
	.release	= kipc_pipe_release,
	.show_fdinfo	= kipc_pipe_show_fdinfo,
};

static const struct file_operations kipc_mapped_pipe_fops = {
	.owner		= THIS_MODULE,
	.mmap		= kipc_mapped_pipe_mmap,
	.poll		= kipc_mapped_pipe_poll,
	.unlocked_ioctl	= kipc_mapped_pipe_ioctl,
	.compat_ioctl	= compat_ptr_ioctl,
	.flush		= kipc_mapped_pipe_flush,
	.release	= kipc_pipe_release,
	.show_fdinfo	= kipc_pipe_show_fdinfo,
};

static struct file *kipc_pipe_file(struct kipc_pipe *pipe,
				   struct kipc_pipe_end *end, u32 flags)
{
	if (pipe->mapped)
		return kipc_handle_file_rw(&end->handle, "[kipc:pipe]",
					   &kipc_mapped_pipe_fops, flags);
	return kipc_handle_file(&end->handle, "[kipc:pipe]", &kipc_pipe_fops,
				flags);
}

/**
 * kipc_pipe_open - make a handle for one end
 * @object: the pipe
 * @rights: KIPC_RIGHT_READ or KIPC_RIGHT_WRITE
 * @flags: KIPC_NONBLOCK, KIPC_PIPE_NOSIGPIPE
 *
 * Context: may sleep.
 * Return: the file; or -EINVAL (both ends: a pipe is half duplex), -EBUSY,
 * -EIDRM, -ENOMEM, -ENFILE.
 */
struct file *kipc_pipe_open(struct kipc_object *object, u32 rights, u32 flags)
{
	struct kipc_pipe *pipe = kipc_to_pipe(object);
	struct kipc_pipe_end *end;
	struct file *file;
	int err;

	if (rights != KIPC_RIGHT_READ && rights != KIPC_RIGHT_WRITE)
		return ERR_PTR(-EINVAL);
	end = kipc_handle_alloc(object, rights, sizeof(*end));
	if (IS_ERR(end))
		return ERR_CAST(end);
	end->nosigpipe = flags & KIPC_PIPE_NOSIGPIPE;

	err = kipc_side_attach(pipe, kipc_end_side(end));
	if (err)
		goto free;
	file = kipc_pipe_file(pipe, end, flags);
	if (IS_ERR(file)) {
		err = PTR_ERR(file);
		goto detach;
	}
	return file;

detach:
	kipc_side_detach(pipe, kipc_end_side(end));
free:
	kfree(end);
	return ERR_PTR(err);
}
