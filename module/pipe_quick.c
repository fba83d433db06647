// SPDX-License-Identifier: GPL-2.0
/*
 * read(2) and write(2), with a short way for those that nothing is in the way of.
 *
 * Most calls are the same: one buffer, the gate free, data or room there and in one
 * piece.  For these there is a way without an iterator, which is a good part of
 * the cost of a few bytes.  Whatever is in any way out of the ordinary, or goes wrong, is
 * left to the general way (pipe_io.c), as if it had not been tried: so nothing
 * here returns an error.
 *
 * The kernel prefers these to read_iter and write_iter for read(2) and write(2)
 * alone; readv(2), io_uring and the like have iterators anyway.
 */
#include <linux/uaccess.h>

#include "compat.h"
#include "pipe_side.h"

/* The owner of the write side puts all in.  Return: @len, or 0: nothing done. */
static __always_inline size_t kipc_quick_put(struct kipc_pipe *pipe,
					     const char __user *buf, size_t len)
{
	struct kipc_side *wr = &pipe->wr;
	bool record = pipe->flags & KIPC_PIPE_RECORD;
	u64 whole = len + (record ? KIPC_RECORD_HEADER : 0);
	u32 header = len;
	u8 *to;

	if (unlikely(kipc_object_destroyed(&pipe->object)) ||
	    unlikely(READ_ONCE(pipe->rd.gone)) ||
	    unlikely(kipc_pipe_room(pipe, whole) < whole))
		return 0;
	to = kipc_ring_piece(&pipe->ring, wr->pos, whole);
	if (unlikely(!to))
		return 0;
	if (record) {
		memcpy(to, &header, sizeof(header));
		to += sizeof(header);
	}
	if (unlikely(copy_from_user(to, buf, len)))
		return 0;
	kipc_side_advance(pipe, wr, whole);
	return len;
}

/* One write the short way.  Return: @len, or 0: nothing done. */
static __always_inline size_t kipc_quick_write(struct kipc_pipe_end *end,
					       const char __user *buf,
					       size_t len)
{
	struct kipc_pipe *pipe = kipc_to_pipe(end->handle.object);
	size_t done;

	/* There are no empty records. */
	if (unlikely(!len) || unlikely(!kipc_gate_enter_free(&pipe->wr.gate)))
		return 0;
	done = kipc_quick_put(pipe, buf, len);
	if (likely(done)) {
		kipc_side_count(&pipe->wr, end, done);
		if (unlikely(end->want))
			WRITE_ONCE(end->want, 0);
	}
	kipc_pipe_leave_write(pipe, done);
	return done;
}

/* How long is the record that the owner of the read side finds?  0: unknown. */
static __always_inline u32 kipc_quick_record(struct kipc_pipe *pipe)
{
	void *at = kipc_ring_piece(&pipe->ring, pipe->rd.pos,
				   KIPC_RECORD_HEADER);
	u32 header = 0;

	if (likely(at))
		memcpy(&header, at, sizeof(header));
	return header;
}

/* The owner of the read side takes what is there.  Return: as for a write. */
static __always_inline size_t kipc_quick_take(struct kipc_pipe *pipe,
					      char __user *buf, size_t len)
{
	struct kipc_side *rd = &pipe->rd;
	u64 avail = kipc_pipe_available(pipe, len);
	u64 head = 0;
	u8 *from;

	if (unlikely(kipc_object_destroyed(&pipe->object)) || unlikely(!avail))
		return 0;
	if (pipe->flags & KIPC_PIPE_RECORD) {
		u32 record = kipc_quick_record(pipe);

		if (unlikely(record > len))
			return 0;
		head = KIPC_RECORD_HEADER;
		len = record;
	} else {
		len = min_t(u64, avail, len);
	}
	from = kipc_ring_piece(&pipe->ring, rd->pos, head + len);
	if (unlikely(!from) || unlikely(copy_to_user(buf, from + head, len)))
		return 0;
	kipc_side_advance(pipe, rd, head + len);
	return len;
}

/* One read the short way; who takes turns cannot.  Return: as for a write. */
static __always_inline size_t kipc_quick_read(struct kipc_pipe_end *end,
					      char __user *buf, size_t len)
{
	struct kipc_pipe *pipe = kipc_to_pipe(end->handle.object);
	size_t done;

	if (unlikely(!len) || unlikely(pipe->flags & KIPC_PIPE_TURNS) ||
	    unlikely(!kipc_gate_enter_free(&pipe->rd.gate)))
		return 0;
	done = kipc_quick_take(pipe, buf, len);
	if (likely(done))
		kipc_side_count(&pipe->rd, end, done);
	kipc_pipe_leave_read(pipe, done);
	return done;
}

static noinline ssize_t kipc_pipe_read_general(struct file *file,
					       char __user *buf, size_t len)
{
	struct iov_iter to;
	struct iovec iov;
	int err;

	err = kipc_import_ubuf(ITER_DEST, buf, len, &iov, &to);
	if (err)
		return err;
	return kipc_pipe_file_read(file, &to, file->f_flags & O_NONBLOCK);
}

static noinline ssize_t kipc_pipe_write_general(struct file *file,
						const char __user *buf,
						size_t len)
{
	struct iov_iter from;
	struct iovec iov;
	int err;

	err = kipc_import_ubuf(ITER_SOURCE, (void __user *)buf, len, &iov,
			       &from);
	if (err)
		return err;
	return kipc_pipe_file_write(file, &from, file->f_flags & O_NONBLOCK);
}

/**
 * kipc_pipe_read_plain - read(2)
 * @file: a read end
 * @buf: where to
 * @len: bytes at the most
 * @ppos: not used: there is no position
 *
 * Context: may sleep; no lock held.
 * Return: as kipc_pipe_read().
 */
ssize_t kipc_pipe_read_plain(struct file *file, char __user *buf, size_t len,
			     loff_t *ppos)
{
	size_t done = kipc_quick_read(kipc_file_end(file), buf, len);

	return likely(done) ? done : kipc_pipe_read_general(file, buf, len);
}

/**
 * kipc_pipe_write_plain - write(2)
 * @file: a write end
 * @buf: where from
 * @len: bytes
 * @ppos: not used: there is no position
 *
 * Context: may sleep; no lock held.
 * Return: as kipc_pipe_write(); with -EPIPE the caller got a SIGPIPE, too.
 */
ssize_t kipc_pipe_write_plain(struct file *file, const char __user *buf,
			      size_t len, loff_t *ppos)
{
	size_t done = kipc_quick_write(kipc_file_end(file), buf, len);

	return likely(done) ? done : kipc_pipe_write_general(file, buf, len);
}
