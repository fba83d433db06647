// SPDX-License-Identifier: GPL-2.0
#include <linux/hashtable.h>
#include <linux/pid.h>
#include <linux/slab.h>

#include "domain.h"
#include "object.h"
#include "process.h"

/* Guards changes of kipc_domains; innermost.  Readers use RCU. */
static DEFINE_SPINLOCK(kipc_domains_lock);
static DEFINE_HASHTABLE(kipc_domains, 6);

static struct workqueue_struct *kipc_domain_wq;

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

/*
 * Called for every wake-up of the init's wait queue, some of which mean
 * something else (a thread's exit, since 6.9).  @dying makes sure that the work
 * is queued once, so that the reference it gets here is dropped there alone:
 * the last one must not be dropped in this context.
 */
static int kipc_domain_notify(wait_queue_entry_t *watch, unsigned int mode,
			      int sync, void *key)
{
	struct kipc_domain *domain;

	domain = container_of(watch, struct kipc_domain, watch);
	if (!kipc_process_dead(domain->init))
		return 0;
	if (atomic_xchg(&domain->dying, 1))
		return 0;
	if (refcount_inc_not_zero(&domain->refs))
		queue_work(kipc_domain_wq, &domain->work);
	return 0;
}

static void kipc_domain_retire(struct kipc_domain *domain)
{
	if (atomic_xchg(&domain->retired, 1))
		return;

	spin_lock(&kipc_domains_lock);
	hash_del_rcu(&domain->node);
	spin_unlock(&kipc_domains_lock);

	remove_wait_queue(&domain->init->wait_pidfd, &domain->watch);
	kipc_object_unlink_all(domain);
	kipc_domain_put(domain);
}

static void kipc_domain_work(struct work_struct *work)
{
	struct kipc_domain *domain;

	domain = container_of(work, struct kipc_domain, work);
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
	INIT_WORK(&domain->work, kipc_domain_work);
	init_waitqueue_func_entry(&domain->watch, kipc_domain_notify);
	get_pid_ns(ns);
	domain->ns = ns;
	rcu_read_lock();
	domain->init = get_pid(find_pid_ns(1, ns));
	rcu_read_unlock();
	return domain;
}

static void kipc_domain_free(struct kipc_domain *domain)
{
	rhashtable_destroy(&domain->names);
	xa_destroy(&domain->ids);
	put_pid(domain->init);
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
		add_wait_queue(&new->init->wait_pidfd, &new->watch);
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

/** kipc_domain_init - prepare the table of domains */
int __init kipc_domain_init(void)
{
	kipc_domain_wq = alloc_workqueue("kipc_domain", WQ_UNBOUND, 0);
	return kipc_domain_wq ? 0 : -ENOMEM;
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
	destroy_workqueue(kipc_domain_wq);
}
