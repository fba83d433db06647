// SPDX-License-Identifier: GPL-2.0
/* Seals: what nobody can do to a segment any more.  See segment.h. */
#include <linux/cpu.h>
#include <linux/mm.h>
#include <linux/pagemap.h>
#include <linux/sched/signal.h>
#include <linux/shmem_fs.h>
#include <linux/workqueue.h>
#include <linux/xarray.h>
#include <uapi/linux/fcntl.h>

#include "compat.h"
#include "segment.h"

static_assert(((KIPC_SEAL_SEAL ^ F_SEAL_SEAL) |
	       (KIPC_SEAL_SHRINK ^ F_SEAL_SHRINK) |
	       (KIPC_SEAL_GROW ^ F_SEAL_GROW) |
	       (KIPC_SEAL_WRITE ^ F_SEAL_WRITE) |
	       (KIPC_SEAL_FUTURE_WRITE ^ F_SEAL_FUTURE_WRITE)) == 0);

/*
 * How often to look whether pages are held, after the first time: that takes
 * 155 ms in all.
 */
#define KIPC_HELD_LOOKS		6

/* shmem has no use for this mark, but in the same way for a memfd. */
#define KIPC_HELD_MARK		PAGECACHE_TAG_TOWRITE

/**
 * kipc_segment_seals - the seals that a segment has
 * @segment: the segment
 */
u32 kipc_segment_seals(const struct kipc_segment *segment)
{
	return READ_ONCE(SHMEM_I(file_inode(segment->shmem))->seals);
}

/*
 * Does anyone hold a page who has not mapped it?  The page cache has a reference
 * for each page, so has each mapping; any other one may be there to write.
 */
static bool kipc_page_held(void *entry)
{
	return kipc_cached_refs(entry) - kipc_cached_mapcount(entry) !=
	       kipc_cached_pages(entry);
}

/*
 * Marks the pages that are held; @again looks at those that were.  No others
 * can become a target of writing, as nobody has a writable mapping: what readers
 * do to them meanwhile (for a moment a fault has a reference only) is no matter.
 */
static bool kipc_segment_held(struct address_space *pages, bool again)
{
	XA_STATE(xas, &pages->i_pages, 0);
	unsigned int looked = 0, nr;
	bool held = false;
	void *entry;

	xas_lock_irq(&xas);
	for (;;) {
		entry = again ? xas_find_marked(&xas, ULONG_MAX, KIPC_HELD_MARK)
			      : xas_find(&xas, ULONG_MAX);
		if (!entry)
			break;
		nr = xa_is_value(entry) ? 1 : kipc_cached_pages(entry);
		if (!xa_is_value(entry) && kipc_page_held(entry)) {
			xas_set_mark(&xas, KIPC_HELD_MARK);
			held = true;
		} else {
			xas_clear_mark(&xas, KIPC_HELD_MARK);
		}
		/* Before 5.17 a huge page has as many entries. */
		if (nr > 1)
			xas_set(&xas, round_down(xas.xa_index, nr) + nr);
		looked += nr;
		if (looked < XA_CHECK_SCHED)
			continue;
		looked = 0;
		xas_pause(&xas);
		xas_unlock_irq(&xas);
		cond_resched();
		xas_lock_irq(&xas);
	}
	xas_unlock_irq(&xas);
	return held;
}

static long kipc_lru_drain_work(void *unused)
{
	kipc_lru_add_drain();
	return 0;
}

/*
 * Each CPU keeps some pages, with a reference, until it has enough of them to
 * move to or on the LRU lists: that may be never.  lru_add_drain_all() is not
 * exported.
 */
static void kipc_lru_drain_all(void)
{
	int cpu;

	cpus_read_lock();
	for_each_online_cpu(cpu)
		work_on_cpu(cpu, kipc_lru_drain_work, NULL);
	cpus_read_unlock();
}

/*
 * Input that is under way (direct, or by a ring or a pipe that has the page)
 * writes without any mapping.  Give it a moment to end.
 */
static int kipc_segment_wait_held(struct address_space *pages)
{
	int look;

	for (look = 0; kipc_segment_held(pages, look); look++) {
		if (look == KIPC_HELD_LOOKS)
			return -EBUSY;
		if (look)
			schedule_timeout_interruptible((HZ << look) / 400 + 1);
		/* The timeout may come back early for no reason at all. */
		if (signal_pending(current))
			return -ERESTARTSYS;
		kipc_lru_drain_all();
	}
	return 0;
}

/* With the inode locked.  If it succeeds, the gate is shut. */
static int kipc_segment_deny_write(struct kipc_segment *segment)
{
	struct address_space *pages = segment->shmem->f_mapping;
	int err;

	err = mapping_deny_writable(&segment->gate);
	if (err)
		return err;
	err = mapping_deny_writable(pages);
	if (err)
		goto open_gate;
	err = kipc_segment_wait_held(pages);
	if (!err)
		return 0;
	mapping_allow_writable(pages);
open_gate:
	mapping_allow_writable(&segment->gate);
	return err;
}

/*
 * An mmap() that passes the gate from here on sees the seal, if it looks after
 * it has passed.
 */
static void kipc_segment_open_gate(struct kipc_segment *segment)
{
	if (KIPC_MMAP_COUNTS_LATE)
		return;
	/* Pairs with the full barrier of mapping_map_writable(). */
	smp_mb__before_atomic();
	mapping_allow_writable(&segment->gate);
}

/**
 * kipc_segment_add_seals - add seals
 * @segment: the segment
 * @seals: KIPC_SEAL_*, checked; more than none
 *
 * Context: may sleep; takes the lock of the shmem inode.
 * Return: 0, or -EPERM (no seals can be added), -EBUSY, -ERESTARTSYS: then none
 * was added.
 */
int kipc_segment_add_seals(struct kipc_segment *segment, u32 seals)
{
	struct inode *inode = file_inode(segment->shmem);
	unsigned int *has = &SHMEM_I(inode)->seals;
	bool deny;
	int err = 0;

	inode_lock(inode);
	if (*has & KIPC_SEAL_SEAL) {
		err = -EPERM;
		goto unlock;
	}
	deny = seals & ~*has & KIPC_SEAL_WRITE;
	if (deny)
		err = kipc_segment_deny_write(segment);
	if (err)
		goto unlock;
	WRITE_ONCE(*has, *has | seals);
	if (deny)
		kipc_segment_open_gate(segment);
unlock:
	inode_unlock(inode);
	return err;
}

/**
 * kipc_segment_check_mmap - may this be mapped, as far as seals go?
 * @segment: the segment
 * @vma: the area, not linked yet; may lose VM_MAYWRITE
 *
 * Return: 0 or -EPERM.
 */
int kipc_segment_check_mmap(const struct kipc_segment *segment,
			    struct vm_area_struct *vma)
{
	if (!(vma->vm_flags & VM_SHARED))
		return 0;
	if (!(kipc_segment_seals(segment) &
	      (KIPC_SEAL_WRITE | KIPC_SEAL_FUTURE_WRITE)))
		return 0;
	if (vma->vm_flags & VM_WRITE)
		return -EPERM;
	/* mprotect() would not ask again. */
	kipc_vm_flags_clear(vma, VM_MAYWRITE);
	return 0;
}
