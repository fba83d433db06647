/* SPDX-License-Identifier: GPL-2.0 */
/*
 * DOC: calls
 *
 * Every ioctl, on the device and on handles, goes through one table (main.c):
 * number, size, on what it may be called, handler.  main.c copies the argument
 * in, dispatches, copies it out; a handler sees kernel memory alone, and the
 * user pointers that the argument contains.
 *
 * A handler that makes file descriptors gives them to kipc_call_add_file().
 * They are installed when the argument has been copied out, or closed if that
 * failed, so that an error never leaves anything behind.
 *
 * The code goes one way: main -> a kind (segment, array, semaphore, endpoint,
 * mailbox, pipe) -> what kinds share (create, handle, object, domain, limit;
 * waiter, process; post, queue, message; gate, turns, ring).  A kind never calls
 * another one.  Locks, from the outside:
 *
 *	gate or turn of a pipe		held while asleep and while copying
 *	  domain->lock (mutex)		names and ids of a domain
 *	    pipe->lock			who has the ends open; of a mapped pipe
 *					also who waits for what
 *	      wait queue heads
 *	gate->borrow (mutex)		both gates of a pipe, only tried for the
 *					second one
 *	segment->lock (mutex)		size and seals; around shmem's own locks
 *	array->lock			elements, versions and who waits for them
 *	sem->lock			counters, who waits for them, and records
 *					of what processes give back
 *	queue->lock			messages, who waits in the queue, and
 *					an endpoint's calls
 *	gate->lock, turns->lock, object->attr_lock, and the ones in limit.c
 *	and domain.c: innermost, none is taken inside another
 *
 * Wait queue heads are woken with none of array->lock, sem->lock and queue->lock
 * held.
 */
#ifndef KIPC_MAIN_H
#define KIPC_MAIN_H

#include <linux/bits.h>
#include <linux/fs.h>
#include <linux/types.h>
#include <linux/kipc.h>

struct kipc_handle;
struct kipc_object;

#define KIPC_CALL_FILES		2

/* The kinds that there are, as a bit mask. */
#define KIPC_KINDS	(BIT(KIPC_KIND_SEGMENT) | BIT(KIPC_KIND_ARRAY) | \
			 BIT(KIPC_KIND_SEMAPHORE) | BIT(KIPC_KIND_ENDPOINT) | \
			 BIT(KIPC_KIND_MAILBOX) | BIT(KIPC_KIND_PIPE))

/**
 * struct kipc_call - one ioctl that is under way
 * @arg: the argument, as long as the module's struct; what was beyond the
 *	caller's struct is zero
 * @handle: what it was called on; NULL for the device
 * @file: what it was called on, as a file
 * @uptr: where the argument lies, for handlers that write their output
 *	themselves
 * @fds: descriptors to be installed
 * @files: their files
 * @nr_files: how many
 * @created: an object whose name goes again if the call fails after all; a
 *	counted reference
 */
struct kipc_call {
	void *arg;
	struct kipc_handle *handle;
	struct file *file;
	u64 uptr;
	int fds[KIPC_CALL_FILES];
	struct file *files[KIPC_CALL_FILES];
	unsigned int nr_files;
	struct kipc_object *created;
};

int kipc_call_add_file(struct kipc_call *call, struct file *file, u32 flags);
void kipc_call_drop_files(struct kipc_call *call);

long kipc_handle_ioctl(struct file *file, unsigned int cmd, unsigned long uptr);

#endif /* KIPC_MAIN_H */
