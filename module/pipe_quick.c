// SPDX-License-Identifier: GPL-2.0
/*
 * read(2) and write(2), with a short way for those that nothing is in the way of.
 *
 * Most calls are the same: one buffer, the gate free, data or room there and in one
 * piece, copied in one step.  For these there is a way without an iterator, which is
 * a good part of the cost of a few bytes.  Whatever is in any way out of the
 * ordinary, or goes wrong, is left to the general way (pipe_io.c), as if it had not
 * been tried, but with the gate kept: who came first goes first.  A read that finds
 * no data waits, and then goes on here: where two processes talk to each other, that
 * is how every read begins.
 *
 * The kernel prefers these to read_iter and write_iter for read(2) and write(2)
 * alone; readv(2), io_uring and the like have iterators anyway.
 */
#include <linux/sched/signal.h>
#include <linux/uaccess.h>

#include "compat.h"
#include "pipe_side.h"
#include "words.h"

/*
 * Up to here a copy in words takes less than to call the one for any length, which
 * checks the kernel's side of it; that is kipc_ring_piece()'s to have done.
 */
#define KIPC_QUICK_WORDS	256

static __always_inline bool kipc_quick_in_words(const void *at, size_t len)
{
	return len <= KIPC_QUICK_WORDS && IS_ALIGNED((uintptr_t)at | len, 8);
}

static __always_inline bool kipc_quick_in(void *to, const char __user *from,
					  size_t len)
{
	if (likely(kipc_quick_in_words(to, len)))
		return !kipc_words_in(to, from, len);
	return !copy_from_user(to, from, len);
}

static __always_inline bool kipc_quick_out(char __user *to, const void *from,
					   size_t len)
{
	if (likely(kipc_quick_in_words(from, len)))
		return !kipc_words_out(to, from, len);
	return !copy_to_user(to, from, len);
}

/*
 * A long piece of a stream is put in step by step, as kipc_pipe_write_stream() does.
 * Return: bytes, fewer than @len after a fault.
 */
static noinline size_t kipc_quick_put_long(struct kipc_pipe_end *end, u8 *to,
					   const char __user *buf, size_t len)
{
	struct kipc_pipe *pipe = kipc_to_pipe(end->handle.object);
	size_t done = 0, step;

	for (;;) {
		step = min_t(size_t, len - done, KIPC_PIPE_STEP);
		if (copy_from_user(to + done, buf + done, step))
			break;
		kipc_side_advance(pipe, &pipe->wr, step);
		done += step;
		if (done == len)
			break;
		/* It goes on before it leaves. */
		smp_mb();
		kipc_pipe_wrote(pipe);
	}
	return done;
}

/* Likewise: out. */
static noinline size_t kipc_quick_take_long(struct kipc_pipe_end *end,
					    const u8 *from, char __user *buf,
					    size_t len)
{
	struct kipc_pipe *pipe = kipc_to_pipe(end->handle.object);
	size_t done = 0, step;

	for (;;) {
		step = min_t(size_t, len - done, KIPC_PIPE_STEP);
		if (copy_to_user(buf + done, from + done, step))
			break;
		kipc_side_advance(pipe, &pipe->rd, step);
		done += step;
		if (done == len)
			break;
		/* As above. */
		smp_mb();
		kipc_pipe_took(pipe);
	}
	return done;
}

/*
 * The owner of the write side puts all in, or of a long piece a part.  Return: how
 * much, or 0: nothing done.
 */
static __always_inline size_t kipc_quick_put(struct kipc_pipe_end *end,
					     const char __user *buf, size_t len)
{
	struct kipc_pipe *pipe = kipc_to_pipe(end->handle.object);
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
	if (unlikely(len > KIPC_PIPE_STEP && !record)) {
		len = kipc_quick_put_long(end, to, buf, len);
		if (!len)
			return 0;
	} else {
		if (unlikely(!kipc_quick_in(to, buf, len)))
			return 0;
		kipc_side_advance(pipe, wr, whole);
	}
	kipc_side_count(wr, end, len);
	if (unlikely(end->want))
		WRITE_ONCE(end->want, 0);
	return len;
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
static __always_inline size_t kipc_quick_take(struct kipc_pipe_end *end,
					      char __user *buf, size_t len)
{
	struct kipc_pipe *pipe = kipc_to_pipe(end->handle.object);
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
	if (unlikely(!from))
		return 0;
	if (unlikely(len > KIPC_PIPE_STEP && !head)) {
		len = kipc_quick_take_long(end, from, buf, len);
		if (!len)
			return 0;
	} else {
		if (unlikely(!kipc_quick_out(buf, from + head, len)))
			return 0;
		kipc_side_advance(pipe, rd, head + len);
	}
	kipc_side_count(rd, end, len);
	return len;
}

/*
 * The owner of the read side, who could not take anything, waits until he can;
 * what cannot be taken the short way then is the general way's, errors included.
 */
static noinline ssize_t kipc_quick_await(struct kipc_pipe_end *end, bool nowait,
					 char __user *buf, size_t len)
{
	struct kipc_pipe *pipe = kipc_to_pipe(end->handle.object);
	struct iov_iter to __uninitialized;
	struct iovec iov;
	s64 avail;
	u64 needed;
	size_t done;
	int err;

	avail = kipc_pipe_await_data(pipe, len, nowait, 0);
	if (avail <= 0)
		return avail;
	done = kipc_quick_take(end, buf, len);
	if (likely(done))
		return done;
	err = kipc_import_ubuf(ITER_DEST, buf, len, &iov, &to);
	if (err)
		return err;
	return kipc_pipe_read_owned(end, &to, nowait, 0, &needed);
}

/*
 * The owner of the write side, who could not put anything in, goes on in the general
 * way: he came first, so he keeps the gate.
 */
static noinline ssize_t kipc_quick_go_on(struct kipc_pipe_end *end, bool nowait,
					 const char __user *buf, size_t len)
{
	struct iov_iter from __uninitialized;
	struct iovec iov;
	u64 longest;
	ssize_t ret;

	ret = kipc_import_ubuf(ITER_SOURCE, (void __user *)buf, len, &iov,
			       &from);
	if (ret)
		return ret;
	ret = kipc_pipe_write_owned(end, &from, nowait, 0, &longest);
	if (ret == -EPIPE && !end->nosigpipe)
		send_sig(SIGPIPE, current, 0);
	return ret;
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
	struct kipc_pipe_end *end = kipc_file_end(file);
	struct kipc_pipe *pipe = kipc_to_pipe(end->handle.object);
	ssize_t ret;

	/* Who takes turns has to get one first. */
	if (unlikely(!len) || unlikely(pipe->flags & KIPC_PIPE_TURNS) ||
	    unlikely(!kipc_gate_enter_free(&pipe->rd.gate)))
		return kipc_pipe_read_general(file, buf, len);
	ret = kipc_quick_take(end, buf, len);
	if (unlikely(!ret))
		ret = kipc_quick_await(end, file->f_flags & O_NONBLOCK, buf,
				       len);
	kipc_pipe_leave_read(pipe, ret > 0);
	return ret;
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
	struct kipc_pipe_end *end = kipc_file_end(file);
	struct kipc_pipe *pipe = kipc_to_pipe(end->handle.object);
	ssize_t ret;

	/* There are no empty records. */
	if (unlikely(!len) || unlikely(!kipc_gate_enter_free(&pipe->wr.gate)))
		return kipc_pipe_write_general(file, buf, len);
	ret = kipc_quick_put(end, buf, len);
	if (unlikely(!ret))
		ret = kipc_quick_go_on(end, file->f_flags & O_NONBLOCK, buf,
				       len);
	kipc_pipe_leave_write(pipe, ret > 0);
	return ret;
}
