// SPDX-License-Identifier: GPL-2.0
/* The page of a mapped set, and who has a token: see semaphore_mapped.h. */
#include <linux/mm.h>
#include <linux/poll.h>
#include <linux/slab.h>

#include "compat.h"
#include "main.h"
#include "semaphore.h"
#include "semaphore_mapped.h"

/**
 * kipc_mapped_make - give a new set a page, with what its counters hold
 * @sem: the set, which nobody knows yet; kipc_mapped_free() has to follow
 *
 * Context: may sleep.
 * Return: 0 or -ENOMEM.
 */
int kipc_mapped_make(struct kipc_semaphore *sem)
{
	struct kipc_mapped *mapped;
	struct kipc_sem_word *words;
	u32 i;

	mapped = kzalloc(sizeof(*mapped), GFP_KERNEL_ACCOUNT);
	if (!mapped)
		return -ENOMEM;
	mapped->page = alloc_page(GFP_KERNEL | __GFP_ZERO |
				  KIPC_USER_PAGE_ACCOUNT);
	if (!mapped->page) {
		kfree(mapped);
		return -ENOMEM;
	}
	hash_init(mapped->tokens);
	words = page_address(mapped->page);
	for (i = 0; i < sem->count && !sem->mutex; i++)
		words[i].value = sem->counters[i].value;
	sem->mapped = mapped;
	return 0;
}

/**
 * kipc_mapped_free - undo kipc_mapped_make()
 * @sem: the set, whose last reference is gone
 *
 * Context: does not sleep.
 */
void kipc_mapped_free(struct kipc_semaphore *sem)
{
	if (!sem->mapped)
		return;
	put_page(sem->mapped->page);
	kfree(sem->mapped);
}

/* Not all there at mmap(): MADV_DONTNEED takes it away again. */
static vm_fault_t kipc_mapped_fault(struct vm_fault *vmf)
{
	struct kipc_handle *handle = vmf->vma->vm_file->private_data;
	struct kipc_semaphore *sem = kipc_to_sem(handle->object);

	if (vmf->pgoff)
		return VM_FAULT_SIGBUS;
	vmf->page = sem->mapped->page;
	get_page(vmf->page);
	return 0;
}

static const struct vm_operations_struct kipc_mapped_vm_ops = {
	.fault	= kipc_mapped_fault,
};

/**
 * kipc_mapped_mmap - mmap(2) of a handle of a mapped set
 * @file: the handle
 * @vma: the area
 *
 * A P writes, and a V too, so there is nothing that half of the rights are good
 * for.
 *
 * Return: 0, -EIDRM, -EACCES (a right is missing), -EINVAL (not all of the page
 * and nothing else, not shared).
 */
int kipc_mapped_mmap(struct file *file, struct vm_area_struct *vma)
{
	struct kipc_handle *handle = file->private_data;
	struct kipc_semaphore *sem = kipc_to_sem(handle->object);
	unsigned long flags = VM_DONTEXPAND;

	if (kipc_object_destroyed(&sem->object))
		return -EIDRM;
	if (handle->rights != (KIPC_RIGHT_READ | KIPC_RIGHT_WRITE))
		return -EACCES;
	if (!(vma->vm_flags & VM_SHARED) || vma->vm_pgoff ||
	    vma->vm_end - vma->vm_start != PAGE_SIZE)
		return -EINVAL;
	if (sem->mutex)
		flags |= VM_DONTCOPY;
	kipc_vm_flags_set(vma, flags);
	vma->vm_ops = &kipc_mapped_vm_ops;
	return 0;
}

/**
 * kipc_mapped_poll - poll(2) of a handle of a mapped set
 * @file: the handle
 * @wait: for whoever waits
 *
 * For as long as somebody is on the wait queue the kernel is asked about every
 * change of the word, so that edge-triggered epoll sees each.
 *
 * Context: may sleep; takes sem->lock.
 * Return: EPOLL*.
 */
__poll_t kipc_mapped_poll(struct file *file, poll_table *wait)
{
	struct kipc_semaphore_handle *handle = file->private_data;
	struct kipc_semaphore *sem = kipc_to_sem(handle->handle.object);
	struct kipc_counter *counter;
	__poll_t events = 0;
	u32 watch;

	spin_lock(&sem->lock);
	handle->fixed = true;
	watch = handle->watch;
	counter = &sem->counters[watch];
	spin_unlock(&sem->lock);

	poll_wait(file, &counter->poll, wait);

	spin_lock(&sem->lock);
	sem->nr_polled += !counter->polled;
	counter->polled = true;
	/* If nobody is there, nothing has to be told to anybody later. */
	if (waitqueue_active(&counter->poll))
		kipc_mapped_ask(sem, watch);
	if (kipc_object_destroyed(&sem->object))
		events = EPOLLIN | EPOLLRDNORM | EPOLLOUT | EPOLLWRNORM |
			 EPOLLHUP | EPOLLERR;
	else if (kipc_mapped_readable(sem, watch))
		events = EPOLLIN | EPOLLRDNORM;
	spin_unlock(&sem->lock);
	return events;
}

/**
 * kipc_mapped_owner - whose token is that?
 * @sem: the set
 * @token: the token, or anything else
 *
 * Context: sem->lock held; good until it is dropped.
 * Return: the record, or NULL.
 */
struct kipc_undo *kipc_mapped_owner(struct kipc_semaphore *sem, u32 token)
{
	struct kipc_undo *undo;

	lockdep_assert_held(&sem->lock);

	hash_for_each_possible(sem->mapped->tokens, undo, token_node, token)
		if (undo->token == token)
			return undo;
	return NULL;
}

/**
 * kipc_mapped_admit - give a process a token
 * @sem: the set
 * @undo: the process's record, new in the table
 *
 * Processes are fewer than tokens by far, so there is a free one.
 *
 * Context: sem->lock held.
 */
void kipc_mapped_admit(struct kipc_semaphore *sem, struct kipc_undo *undo)
{
	struct kipc_mapped *mapped = sem->mapped;

	do {
		mapped->last_token++;
		if (mapped->last_token >= KIPC_SEM_WORD_DEAD)
			mapped->last_token = 1;
	} while (kipc_mapped_owner(sem, mapped->last_token));
	undo->token = mapped->last_token;
	hash_add(mapped->tokens, &undo->token_node, undo->token);
}

/**
 * kipc_mapped_dismiss - the token is in no use any more
 * @undo: the record that leaves the table
 *
 * Context: the lock of the set held, or nobody else knows it.
 */
void kipc_mapped_dismiss(struct kipc_undo *undo)
{
	hash_del(&undo->token_node);
}

/**
 * kipc_semaphore_attach_call - KIPC_SEMAPHORE_ATTACH
 * @call: the call; struct kipc_semaphore_attach
 *
 * Context: may sleep.
 * Return: 0 or a negative errno, see uapi/linux/kipc/semaphore.h.
 */
int kipc_semaphore_attach_call(struct kipc_call *call)
{
	struct kipc_semaphore *sem = kipc_to_sem(call->handle->object);
	struct kipc_semaphore_attach *arg = call->arg;
	struct kipc_sem_op op = { .needs_undo = true };
	int err;

	if (arg->flags || arg->pad || !sem->mapped || !sem->mutex)
		return -EINVAL;
	if (!(call->handle->rights & KIPC_RIGHT_WRITE))
		return -EBADF;
	err = kipc_sem_begin(sem, &op);
	if (!err) {
		/* For flush: the process has a descriptor that it uses. */
		op.undo->last_op = ++sem->nr_recorded;
		arg->token = op.undo->token;
	}
	spin_unlock(&sem->lock);
	return err;
}
