// SPDX-License-Identifier: GPL-2.0
/*
 * Memory for objects: each kind has a cache of its own, since the sizes that
 * kmalloc() knows would leave a third of a mailbox unused and half of a pipe.
 */
#include <linux/kernel.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>

#include "array.h"
#include "endpoint.h"
#include "mailbox.h"
#include "pipe.h"
#include "segment.h"
#include "semaphore.h"

static const struct kipc_kind *const kipc_kinds[] = {
	&kipc_segment_kind,
	&kipc_array_kind,
	&kipc_semaphore_kind,
	&kipc_endpoint_kind,
	&kipc_mailbox_kind,
	&kipc_pipe_kind,
};

/* By type, of which the first is 1; written when the module is loaded. */
static struct kmem_cache *kipc_caches[ARRAY_SIZE(kipc_kinds) + 1];

/**
 * kipc_kind_alloc - memory for a new object
 * @kind: its kind
 *
 * Context: may sleep.
 * Return: zeroes, to be given to kipc_kind_free(); NULL: no memory.
 */
struct kipc_object *kipc_kind_alloc(const struct kipc_kind *kind)
{
	return kmem_cache_zalloc(kipc_caches[kind->type], GFP_KERNEL);
}

/**
 * kipc_kind_free - undo kipc_kind_alloc()
 * @kind: its kind
 * @object: the object
 *
 * Context: any.
 */
void kipc_kind_free(const struct kipc_kind *kind, struct kipc_object *object)
{
	kmem_cache_free(kipc_caches[kind->type], object);
}

/** kipc_kind_init - make the caches */
int __init kipc_kind_init(void)
{
	const struct kipc_kind *kind;
	struct kmem_cache *cache;
	char name[32];
	size_t i;

	for (i = 0; i < ARRAY_SIZE(kipc_kinds); i++) {
		kind = kipc_kinds[i];
		snprintf(name, sizeof(name), "kipc_%s", kind->name);
		cache = kmem_cache_create(name, kind->size, 0,
					  SLAB_HWCACHE_ALIGN | SLAB_ACCOUNT,
					  NULL);
		if (!cache) {
			kipc_kind_exit();
			return -ENOMEM;
		}
		kipc_caches[kind->type] = cache;
	}
	return 0;
}

/** kipc_kind_exit - undo kipc_kind_init(); every object was put */
void kipc_kind_exit(void)
{
	size_t i;

	/* Objects are freed when nobody looks at them any more. */
	rcu_barrier();
	for (i = 0; i < ARRAY_SIZE(kipc_caches); i++)
		kmem_cache_destroy(kipc_caches[i]);
}
