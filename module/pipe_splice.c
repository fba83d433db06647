// SPDX-License-Identifier: GPL-2.0
/*
 * splice(2) and sendfile(2) out of a pipe.
 *
 * The kernel's helper for files without a page cache reads with the target pipe
 * locked.  While such a read sleeps until there is data, all who use the target
 * wait for its mutex and cannot even be killed.  So this reads into pages of its
 * own first, as a reader like any other and with the target unlocked, and gives
 * the pages to the target afterwards.
 */
#include <linux/bvec.h>
#include <linux/jiffies.h>
#include <linux/mm.h>
#include <linux/pipe_fs_i.h>
#include <linux/sched/signal.h>
#include <linux/splice.h>

#include "compat.h"
#include "pipe.h"

#define KIPC_SPLICE_PAGES	16

/**
 * struct kipc_splice - one splice that is under way
 * @target: where to
 * @shared: others can use @target: it is locked except while this sleeps
 * @pages: what was read; the first @nr are there
 * @bvec: the same, for the iterator
 * @partial: how much of each page is used
 * @nr: how many
 */
struct kipc_splice {
	struct pipe_inode_info *target;
	bool shared;
	struct page *pages[KIPC_SPLICE_PAGES];
	struct bio_vec bvec[KIPC_SPLICE_PAGES];
	struct partial_page partial[KIPC_SPLICE_PAGES];
	unsigned int nr;
};

/* sendfile(2) has a pipe of its own, which is not locked. */
static void kipc_splice_unlock(struct kipc_splice *splice)
{
	if (splice->shared)
		pipe_unlock(splice->target);
}

static void kipc_splice_lock(struct kipc_splice *splice)
{
	if (splice->shared)
		pipe_lock(splice->target);
}

static unsigned int kipc_splice_room(struct kipc_splice *splice)
{
	struct pipe_inode_info *target = splice->target;
	unsigned int used = pipe_occupancy(target->head, target->tail);

	return used < target->max_usage ? target->max_usage - used : 0;
}

/* Gives back the pages from @first on. */
static void kipc_splice_free(struct kipc_splice *splice, unsigned int first)
{
	while (first < splice->nr)
		put_page(splice->pages[first++]);
}

static int kipc_splice_alloc(struct kipc_splice *splice, size_t len)
{
	unsigned int want = min_t(size_t, DIV_ROUND_UP(len, PAGE_SIZE),
				  min_t(size_t, kipc_splice_room(splice),
					KIPC_SPLICE_PAGES));

	for (splice->nr = 0; splice->nr < want; splice->nr++) {
		struct page *page = alloc_page(GFP_KERNEL_ACCOUNT);

		if (!page)
			break;
		splice->pages[splice->nr] = page;
		splice->bvec[splice->nr] = (struct bio_vec){
			.bv_page = page,
			.bv_len = PAGE_SIZE,
		};
	}
	return splice->nr ? 0 : -ENOMEM;
}

/* splice_to_pipe() could not place it: the target has no reader any more. */
static void kipc_splice_release(struct splice_pipe_desc *spd, unsigned int i)
{
	put_page(spd->pages[i]);
}

/*
 * Gives others time to make room in the target; only a kill ends it early.  It
 * looks again and again, as the wake-ups of a pipe(2) are for those who can be
 * interrupted, and this cannot: it has data that it could not put back.
 */
static int kipc_splice_pause(struct kipc_splice *splice)
{
	kipc_splice_unlock(splice);
	schedule_timeout_killable(msecs_to_jiffies(10));
	kipc_splice_lock(splice);
	return fatal_signal_pending(current) ? -EINTR : 0;
}

/*
 * Gives the target @len bytes.  There was room for them when the pages were
 * allocated; if another one has used it since, this waits, and a signal does
 * not end the wait: the data is out of our pipe already.
 */
static ssize_t kipc_splice_push(struct kipc_splice *splice, size_t len)
{
	unsigned int used = DIV_ROUND_UP(len, PAGE_SIZE), i;
	ssize_t done = 0, ret = 0;

	for (i = 0; i < used; i++) {
		splice->partial[i] = (struct partial_page){
			.len = min_t(size_t, PAGE_SIZE, len - i * PAGE_SIZE),
		};
	}

	for (i = 0; i < used && ret >= 0; ) {
		unsigned int nr = min(kipc_splice_room(splice), used - i);
		struct splice_pipe_desc spd = {
			.pages		= splice->pages + i,
			.partial	= splice->partial + i,
			.nr_pages_max	= KIPC_SPLICE_PAGES,
			.ops		= &nosteal_pipe_buf_ops,
			.spd_release	= kipc_splice_release,
		};

		if (!nr && splice->target->readers) {
			ret = kipc_splice_pause(splice);
			continue;
		}
		spd.nr_pages = nr ?: used - i;
		i += spd.nr_pages;
		/* Takes or releases all that it is given. */
		ret = splice_to_pipe(splice->target, &spd);
		if (ret > 0)
			done += ret;
	}
	kipc_splice_free(splice, i);
	return done ?: ret;
}

/**
 * kipc_pipe_splice_read - move data from a pipe of ours to a pipe(2)
 * @file: a read end
 * @ppos: not used: there is no position
 * @target: where to
 * @len: bytes at the most
 * @flags: SPLICE_F_NONBLOCK counts here
 *
 * Context: may sleep; @target is locked, unless it is the task's own.
 * Return: bytes, 0 at end of file, or a negative errno as for a read.
 */
ssize_t kipc_pipe_splice_read(struct file *file, loff_t *ppos,
			      struct pipe_inode_info *target, size_t len,
			      unsigned int flags)
{
	struct kipc_splice splice = {
		.target = target,
		.shared = target != current->splice_pipe,
	};
	bool nowait = (flags & SPLICE_F_NONBLOCK) ||
		      (file->f_flags & O_NONBLOCK);
	struct iov_iter to;
	u64 needed;
	ssize_t ret;

	if (!target->readers) {
		send_sig(SIGPIPE, current, 0);
		return -EPIPE;
	}
	ret = kipc_splice_alloc(&splice, len);
	if (ret)
		return ret;
	len = min_t(size_t, len, splice.nr * PAGE_SIZE);
	iov_iter_bvec(&to, ITER_DEST, splice.bvec, splice.nr, len);

	if (!nowait)
		kipc_splice_unlock(&splice);
	ret = kipc_pipe_read(kipc_file_end(file), &to, nowait, 0, &needed);
	if (!nowait)
		kipc_splice_lock(&splice);
	if (ret > 0)
		return kipc_splice_push(&splice, ret);
	kipc_splice_free(&splice, 0);
	return ret;
}
