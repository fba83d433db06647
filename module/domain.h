/* SPDX-License-Identifier: GPL-2.0 */
/*
 * DOC: domains
 *
 * A domain is where names and listings live: one for each PID namespace in
 * which kipc was used.  It pins the namespace's struct, so that its address,
 * the key, is not used again while the domain is there.
 *
 * Lifetime: the table of domains holds one reference and every object another.
 * The table's goes when the namespace's init dies, or at module exit; then the
 * domain is retired: all names are removed, and with them the objects that only
 * a name kept.  What is still held through a handle lives on and keeps the
 * retired domain's memory, nothing else.
 *
 * The death of a namespace is seen in the death of its init (process.h); by then
 * the kernel has reaped every other process of the namespace
 * (zap_pid_ns_processes), so nobody is left who could use the domain.
 */
#ifndef KIPC_DOMAIN_H
#define KIPC_DOMAIN_H

#include <linux/mutex.h>
#include <linux/pid_namespace.h>
#include <linux/refcount.h>
#include <linux/rhashtable.h>
#include <linux/xarray.h>

#include "process.h"

/**
 * struct kipc_domain - names and objects of one PID namespace
 * @refs: see above
 * @node: in the table of domains; under its lock, readers use RCU
 * @ns: the namespace, pinned; invariant
 * @lock: guards @names, @ids and the name state of every object in them
 *	(struct kipc_object); outermost of kipc's locks
 * @names: objects that have a name, by name; lookups use RCU
 * @ids: all objects, by id; lookups use RCU
 * @init: for the namespace's first process: retires the domain after its death
 * @retired: set once, by whoever retires the domain
 * @rcu: frees the domain after the last lookup that might see it
 */
struct kipc_domain {
	refcount_t refs;
	struct hlist_node node;
	struct pid_namespace *ns;
	struct mutex lock;
	struct rhashtable names;
	struct xarray ids;
	struct kipc_watch init;
	atomic_t retired;
	struct rcu_head rcu;
};

struct kipc_domain *kipc_domain_find(void);
struct kipc_domain *kipc_domain_get(void);
void kipc_domain_put(struct kipc_domain *domain);

void kipc_domain_exit(void);

#endif /* KIPC_DOMAIN_H */
