/* SPDX-License-Identifier: GPL-2.0 */
/*
 * DOC: mapped pipes
 *
 * The buffer of a mapped pipe, and the two indices that say what is in it, lie in
 * pages that both ends have mapped.  While neither has to sleep nothing of this
 * file runs; the kernel is asked to sleep (KIPC_PIPE_WAIT), to wake
 * (KIPC_PIPE_WAKE), to poll, and it tells each end when the other one is gone.
 * It is a pipe like others, with the same handles, counts of them, and wait queues
 * of pollers; of a side's gate only the figures are used, and the ring has no
 * memory of its own.  Its files have operations of their own, so that the others
 * never ask which flavour a pipe is.
 *
 * Pages.  Each end may write the page with its own index, and the producer the
 * data; the state page is the kernel's alone.  mmap() lets nobody write more than
 * that, and takes VM_MAYWRITE away, so that neither mprotect(2) nor a debugger
 * can.  mmap(2) itself wants a file that is open for both: the files of both ends
 * are, and it is the rights of the handle that count.
 *
 * Lock.  pipe->lock guards all that is here but the indices, which nothing can
 * guard: who sleeps and polls for what, and the state page.  Whoever waits, wakes,
 * opens or closes holds it for a few words.  No wait queue is woken and nothing is
 * allocated with it held.
 *
 * Sleeping.  At most one task of each end sleeps, and any number polls; each for
 * a value that the other end's index has to reach.  The earliest of these is
 * published for the other end, with ASK.  Everybody who waits publishes first and
 * looks at the index after that; everybody who moves an index looks whether he is
 * asked after that.  With a full barrier in between on both sides one of the two
 * sees the other:
 *
 *	sleeper (kipc_mapped_begin, kipc_mapped_arm)	mover, in user space
 *	(A) store until					(D) store-release index
 *	(B) store-release flags, with ASK		    full fence
 *	    smp_mb					(E) load-acquire flags
 *	(C) load index					(F) load until
 *
 *	B pairs with E: who finds ASK finds the value that it is about, or one that
 *	was stored after that.  The two fences pair: if E or F does not see what B
 *	or A wrote, then C sees D.  A value that is stale and too early makes a call
 *	for nothing; one that is too late was missed by F, and so C sees D.  D pairs
 *	with the acquire of an end that reads the index in user space; C needs none,
 *	it only decides who sleeps.  An earlier value gives way to a later one only
 *	when who wanted it has been woken or has left.
 *
 * Waking.  KIPC_PIPE_WAKE takes the lock and compares the index with what is
 * waited for.  Who queued himself before that is seen there; who comes after
 * that takes the lock after it, and so sees the index.  A sleeper is woken by what
 * he waits for; by the end of the other end (kipc_side_detach), and by destroy,
 * which both come with the lock and whether he is asked for or not; by his
 * deadline and by signals.  ASK stays for as long as somebody has not been woken
 * yet, and goes with the last one who leaves.
 *
 * Pollers are woken all at once, exclusive ones too, and are no longer asked for:
 * who polls again asks again.  epoll does, when it gives out an event; so it costs
 * at most one KIPC_PIPE_WAKE for each, and one that is edge-triggered hears of all
 * that came after it looked, for which reason a poller who finds enough asks for
 * the next move.  What is asked for is the earliest of what pollers wanted since
 * the last wake-up: one who waits for more may be woken early, and looks again.
 *
 * Death.  An index may have been moved by somebody who then was killed before his
 * KIPC_PIPE_WAKE.  So whenever a process closes a descriptor of an end (flush,
 * with or without others who hold the file) or has an area of it unmapped, as
 * every process has and does at its end, somebody looks in its place.  What was
 * put in is announced before the end of file: the file is released after all of
 * that, and GONE is stored with release, so who finds it and then loads the head
 * sees the last record.  A sleeper who is killed takes himself off under the lock;
 * he was given nothing but the advice to look, so nothing is lost with him.
 *
 * Hostile values.  The kernel reads an index once for each decision and does
 * nothing with it but compare; the data it never touches.  What it publishes it
 * keeps elsewhere and never reads back.  So the worst is that the ends of that
 * pipe are woken too early, or sleep until their deadline, a signal, the end of
 * the other end or of the pipe.
 *
 * References.  The pages belong to the pipe and are freed with it; who has pinned
 * one (O_DIRECT and the like) holds the page, and may write there when his end is
 * another's: then that one has what he did to it.  A mapping holds the file of the
 * end that it was made with, so an end is there until its last descriptor and its
 * last mapping are gone.  A child made by fork() would act as the same end, so it
 * does not get the mappings, unless its parent asks for that (MADV_DOFORK).
 */
#ifndef KIPC_PIPE_MAPPED_H
#define KIPC_PIPE_MAPPED_H

#include <linux/poll.h>
#include <linux/types.h>

#include "pipe.h"

struct kipc_call;
struct kipc_waiter;
struct page;
struct vm_area_struct;

/**
 * struct kipc_mapped_side - one end of a mapped pipe, as one who waits
 * @side: what it has as all pipes have it; invariant
 * @other: the other end; invariant
 * @index: how far this end is; written by whoever has the end, at any time
 * @news: what the other end is told about this one; under pipe->lock
 * @ahead: how far this end may be ahead of the other one: the producer the
 *	capacity, the consumer 0; invariant
 * @waiter: who sleeps, or NULL; under pipe->lock
 * @until: what he sleeps for; under pipe->lock
 * @polled: pollers are to be woken; under pipe->lock
 * @poll_until: at what; under pipe->lock
 * @refused: the last KIPC_PIPE_WAIT would have slept; under pipe->lock
 * @want: what that was for, and what poll waits for; under pipe->lock
 */
struct kipc_mapped_side {
	struct kipc_side *side;
	struct kipc_mapped_side *other;
	struct kipc_pipe_index *index;
	struct kipc_pipe_news *news;
	u64 ahead;
	struct kipc_waiter *waiter;
	u64 until;
	bool polled;
	u64 poll_until;
	bool refused;
	u64 want;
};

/**
 * struct kipc_mapped_pipe - what a mapped pipe has more than others
 * @producer: the write end
 * @consumer: the read end
 * @nr_data: pages of data; a power of two; invariant
 * @pages: from KIPC_PIPE_PAGE_STATE on to the last one of the data, which are in
 *	it once; counted references; invariant
 */
struct kipc_mapped_pipe {
	struct kipc_mapped_side producer;
	struct kipc_mapped_side consumer;
	unsigned long nr_data;
	struct page *pages[];
};

int kipc_mapped_pipe_make(struct kipc_pipe *pipe, u64 capacity);
void kipc_mapped_pipe_free(struct kipc_pipe *pipe);
void kipc_mapped_pipe_tell(struct kipc_pipe *pipe);
void kipc_mapped_pipe_end_wait(struct kipc_pipe *pipe,
			       const struct kipc_side *whose, int result);
u64 kipc_mapped_pipe_used(struct kipc_pipe *pipe);
void kipc_mapped_pipe_describe(struct kipc_pipe *pipe,
			       struct kipc_pipe_stat *stat);

int kipc_mapped_pipe_mmap(struct file *file, struct vm_area_struct *vma);
__poll_t kipc_mapped_pipe_poll(struct file *file, poll_table *wait);
int kipc_mapped_pipe_flush(struct file *file, fl_owner_t id);
long kipc_mapped_pipe_ioctl(struct file *file, unsigned int cmd,
			    unsigned long arg);

int kipc_pipe_wait_call(struct kipc_call *call);
int kipc_pipe_wake_call(struct kipc_call *call);

#endif /* KIPC_PIPE_MAPPED_H */
