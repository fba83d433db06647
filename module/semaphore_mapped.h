/* SPDX-License-Identifier: GPL-2.0 */
/*
 * DOC: mapped semaphores
 *
 * The counters of a mapped set are words in a page that its users have mapped.
 * While nobody is in the way a P or a V is one compare-and-exchange in user space;
 * everything else is KIPC_SEMAPHORE_OP, and this file's business.  It is a set
 * like others, with the same handles, queues of waiters, records of processes and
 * ioctls; only where the others read and write counter->value, state and owner,
 * here is a word.
 *
 * One word.  The value (or the owner) and the mark that says that the kernel has
 * to be asked, ASK, are in the same 32 bits.  So whoever is about to sleep sets
 * the mark in the same instruction that finds the value 0, and whoever adds in
 * user space finds the mark in the same instruction that adds: there is no moment
 * between the two, and no barrier is needed to tell them apart.  (glibc's sem_t
 * with the number of waiters beside the value does it in the same way; the scheme
 * with two words and a barrier on either side would be slower and easier to get
 * wrong.)
 *
 * ASK.  Set while there is somebody in the queue or on the wait queue of pollers,
 * and once the set is destroyed; under sem->lock, by whoever makes it so.  It is
 * cleared under the lock by the next change that finds nobody there.  While it is
 * set nobody who is honest changes the word but the kernel, under the lock: that
 * is why one who waits is handed the counter in order of arrival, and none who
 * comes later takes it before him.  To be handed a counter is to have one's V or
 * one's token in the word: the value never shows in between.
 *
 * What hostile words can do.  The kernel reads a word once for each decision,
 * masks it and compares it with tokens; it never is an index or a length.  It is
 * changed by compare-and-exchange, tried KIPC_MAPPED_TRIES times with the lock
 * held; then the lock is dropped, and the caller goes on for as long as it has no
 * signal and no deadline passes.  Where somebody is handed a counter and where a
 * mark is set or cleared the word is not asked for consent.  So the worst is that
 * the users of the set take what they have not, or sleep until their deadline, a
 * signal, or the end of the set; they can do that to each other anyway.
 *
 * Death.  What a process holds is known from the words alone: its token is in
 * them.  Records of processes (struct kipc_undo) give tokens, one for each process
 * and set; at the process's end, or with its last descriptor, its words are looked
 * for, and go to the next as from a dead owner.  A token without a record, or of a
 * process that is dead though its end was not dealt with yet, is a dead one's:
 * whoever finds it in his way takes over.  So nobody waits for an owner that is
 * not there, whatever he did to lose his record, and once wait(2) has told of a
 * death it counts.  Tokens are given in turn and not again while one is in use.
 *
 * The page belongs to the set and is freed with it.  A mapping holds the handle
 * that it was made with, and so the set; whoever has pinned the page (O_DIRECT and
 * the like) holds the page.  A child made by fork() would act with its parent's
 * token, so it does not get the mapping of a set of mutexes.
 *
 * Locks: as with other sets.  sem->lock guards all that is here but the words,
 * which nothing can guard.
 */
#ifndef KIPC_SEMAPHORE_MAPPED_H
#define KIPC_SEMAPHORE_MAPPED_H

#include <linux/hashtable.h>
#include <linux/poll.h>
#include <linux/types.h>

struct kipc_call;
struct kipc_sem_change;
struct kipc_sem_counter;
struct kipc_semaphore;
struct kipc_undo;
struct page;
struct pid_namespace;
struct vm_area_struct;

/**
 * struct kipc_mapped - what a mapped set has more than others
 * @page: with the words; a counted reference; invariant
 * @last_token: given last; under sem->lock
 * @tokens: records of processes, by token; under sem->lock
 */
struct kipc_mapped {
	struct page *page;
	u32 last_token;
	DECLARE_HASHTABLE(tokens, 4);
};

/* semaphore_mapped.c: the page, and who has a token */
int kipc_mapped_make(struct kipc_semaphore *sem);
void kipc_mapped_free(struct kipc_semaphore *sem);
int kipc_mapped_mmap(struct file *file, struct vm_area_struct *vma);
__poll_t kipc_mapped_poll(struct file *file, poll_table *wait);
void kipc_mapped_admit(struct kipc_semaphore *sem, struct kipc_undo *undo);
void kipc_mapped_dismiss(struct kipc_undo *undo);
struct kipc_undo *kipc_mapped_owner(struct kipc_semaphore *sem, u32 token);
int kipc_semaphore_attach_call(struct kipc_call *call);

/* semaphore_word.c: what the kernel does to the words */
int kipc_mapped_op(struct kipc_semaphore *sem, u32 index, s32 delta,
		   bool nowait, u64 deadline_ns);
void kipc_mapped_set(struct kipc_semaphore *sem, u32 index, u32 value);
int kipc_mapped_mark(struct kipc_semaphore *sem, struct kipc_sem_change *change,
		     u32 index, u32 mark);
void kipc_mapped_describe(struct kipc_semaphore *sem, u32 index,
			  struct pid_namespace *ns,
			  struct kipc_sem_counter *out);
bool kipc_mapped_readable(struct kipc_semaphore *sem, u32 index);
void kipc_mapped_give_up(struct kipc_semaphore *sem,
			 struct kipc_sem_change *change, u32 token);
void kipc_mapped_serve(struct kipc_semaphore *sem,
		       struct kipc_sem_change *change, u32 index);
void kipc_mapped_ask(struct kipc_semaphore *sem, u32 index);

#endif /* KIPC_SEMAPHORE_MAPPED_H */
