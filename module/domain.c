// SPDX-License-Identifier: GPL-2.0
#include <linux/hashtable.h>
#include <linux/pid.h>
#include <linux/slab.h>

#include "domain.h"
#include "object.h"

/* Guards changes of kipc_domains; innermost.  Readers use RCU. */
static DEFINE_SPINLOCK(kipc_domains_lock);
static DEFINE_HASHTABLE(kipc_domains, 6);

static unsigned long kipc_domain_key(struct pid_namespace *ns)
{
	return (unsigned long)ns;
}

static struct kipc_domain *kipc_domain_lookup(struct pid_namespace *ns)
{
	struct kipc_domain *domain;

	hash_for_each_possible_rcu(kipc_domains, domain, node,
				   kipc_domain_key(ns)) {
		if (domain->ns == ns && refcount_inc_not_zero(&domain->refs))
			return domain;
	}
	return NULL;
}

/**
 * kipc_domain_find - the caller's domain, if there is one yet
 *
 * Return: a counted reference, or NULL: then nothing has a name there.
 */
struct kipc_domain *kipc_domain_find(void)
{
	struct kipc_domain *domain;

	rcu_read_lock();
	domain = kipc_domain_lookup(task_active_pid_ns(current));
	rcu_read_unlock();
	return domain;
}

static bool kipc_domain_hold(struct kipc_watch *watch)
{
	struct kipc_domain *domain;

	domain = container_of(watch, struct kipc_domain, init);
	return refcount_inc_not_zero(&domain->refs);
}

static void kipc_domain_retire(struct kipc_domain *domain)
{
	if (atomic_xchg(&domain->retired, 1))
		return;

	spin_lock(&kipc_domains_lock);
	hash_del_rcu(&domain->node);
	spin_unlock(&kipc_domains_lock);

	kipc_watch_stop(&domain->init);
	kipc_object_unlink_all(domain);
	kipc_domain_put(domain);
}

static void kipc_domain_work(struct work_struct *work)
{
	struct kipc_domain *domain;

	domain = container_of(work, struct kipc_domain, init.work);
	kipc_domain_retire(domain);
	kipc_domain_put(domain);
}

static struct kipc_domain *kipc_domain_alloc(struct pid_namespace *ns)
{
	struct kipc_domain *domain;

	domain = kzalloc(sizeof(*domain), GFP_KERNEL_ACCOUNT);
	if (!domain)
		return NULL;
	if (rhashtable_init(&domain->names, &kipc_names_params)) {
		kfree(domain);
		return NULL;
	}
	refcount_set(&domain->refs, 1);
	mutex_init(&domain->lock);
	xa_init_flags(&domain->ids, XA_FLAGS_ACCOUNT);
	get_pid_ns(ns);
	domain->ns = ns;
	rcu_read_lock();
	kipc_watch_init(&domain->init, find_pid_ns(1, ns), kipc_domain_hold,
			kipc_domain_work);
	rcu_read_unlock();
	return domain;
}

static void kipc_domain_free(struct kipc_domain *domain)
{
	rhashtable_destroy(&domain->names);
	xa_destroy(&domain->ids);
	kipc_watch_free(&domain->init);
	put_pid_ns(domain->ns);
	kfree_rcu(domain, rcu);
}

/**
 * kipc_domain_get - the caller's domain, made if need be
 *
 * Context: may sleep.
 * Return: a counted reference, or NULL if there is no memory.
 */
struct kipc_domain *kipc_domain_get(void)
{
	struct pid_namespace *ns = task_active_pid_ns(current);
	struct kipc_domain *domain, *new;

	domain = kipc_domain_find();
	if (domain)
		return domain;

	new = kipc_domain_alloc(ns);
	if (!new)
		return NULL;

	spin_lock(&kipc_domains_lock);
	domain = kipc_domain_lookup(ns);
	if (!domain) {
		/* One for the table, one for the caller. */
		refcount_inc(&new->refs);
		hash_add_rcu(kipc_domains, &new->node, kipc_domain_key(ns));
		/*
		 * The caller is alive in the namespace, so its init has not
		 * been through exit yet and the notice will still come.
		 */
		kipc_watch_start(&new->init);
	}
	spin_unlock(&kipc_domains_lock);
	if (!domain)
		return new;

	kipc_domain_free(new);
	return domain;
}

/**
 * kipc_domain_put - drop a reference
 * @domain: the domain
 *
 * Context: may sleep.
 */
void kipc_domain_put(struct kipc_domain *domain)
{
	if (refcount_dec_and_test(&domain->refs))
		kipc_domain_free(domain);
}

/* Any domain that is in the table, with a reference. */
static struct kipc_domain *kipc_domain_first(void)
{
	struct kipc_domain *domain, *found = NULL;
	int bucket;

	spin_lock(&kipc_domains_lock);
	hash_for_each(kipc_domains, bucket, domain, node) {
		if (refcount_inc_not_zero(&domain->refs)) {
			found = domain;
			break;
		}
	}
	spin_unlock(&kipc_domains_lock);
	return found;
}

/**
 * kipc_domain_exit - retire every domain, and with it all persistent objects
 *
 * Nobody else is left to use a domain: the device is gone and every handle
 * would have kept the module in use.
 */
void kipc_domain_exit(void)
{
	struct kipc_domain *domain;

	while ((domain = kipc_domain_first())) {
		kipc_domain_retire(domain);
		kipc_domain_put(domain);
		cond_resched();
	}
}
