// SPDX-License-Identifier: GPL-2.0
/* Which process has which endpoint, and how an endpoint ends: see endpoint.h. */
#include <linux/hash.h>
#include <linux/rhashtable.h>

#include "endpoint.h"
#include "main.h"
#include "post.h"

static u32 kipc_owner_hash(const void *owner, u32 len, u32 seed)
{
	return hash_ptr(*(struct pid * const *)owner, 32) ^ seed;
}

static int kipc_owner_cmp(struct rhashtable_compare_arg *arg,
			  const void *endpoint)
{
	struct pid * const *owner = arg->key;

	return ((const struct kipc_endpoint *)endpoint)->owner.tgid != *owner;
}

/* By owner; changes take the bucket's lock, look-ups use RCU. */
static struct rhashtable kipc_endpoints;

static const struct rhashtable_params kipc_endpoints_params = {
	.head_offset	= offsetof(struct kipc_endpoint, node),
	.key_offset	= offsetof(struct kipc_endpoint, owner.tgid),
	.key_len	= sizeof(struct pid *),
	.hashfn		= kipc_owner_hash,
	.obj_cmpfn	= kipc_owner_cmp,
	.automatic_shrinking = true,
};

static bool kipc_endpoint_hold(struct kipc_watch *watch)
{
	struct kipc_endpoint *endpoint;

	endpoint = container_of(watch, struct kipc_endpoint, owner);
	return refcount_inc_not_zero(&endpoint->object.refs);
}

static void kipc_endpoint_work(struct work_struct *work)
{
	struct kipc_endpoint *endpoint;

	endpoint = container_of(work, struct kipc_endpoint, owner.work);
	kipc_endpoint_end(endpoint, -ECONNRESET);
	kipc_object_put(&endpoint->object);
}

/**
 * kipc_endpoint_enter - make a new endpoint the caller's process's
 * @endpoint: ready for use but for its id; others may find it from here on
 *
 * Context: may sleep.
 * Return: 0, -EEXIST or -ENOMEM: then kipc_endpoint_end() does nothing.
 */
int kipc_endpoint_enter(struct kipc_endpoint *endpoint)
{
	int err;

	kipc_watch_init(&endpoint->owner, task_tgid(current),
			kipc_endpoint_hold, kipc_endpoint_work);
	err = rhashtable_lookup_insert_fast(&kipc_endpoints, &endpoint->node,
					    kipc_endpoints_params);
	if (err) {
		atomic_set(&endpoint->ended, 1);
		return err == -EEXIST ? err : -ENOMEM;
	}
	kipc_watch_start(&endpoint->owner);
	return 0;
}

/**
 * kipc_endpoint_end - the end of an endpoint; the first one counts
 * @endpoint: the endpoint
 * @err: what everybody gets who waits or comes
 *
 * Context: may sleep; takes domain->lock and queue->lock.
 */
void kipc_endpoint_end(struct kipc_endpoint *endpoint, int err)
{
	if (atomic_xchg(&endpoint->ended, 1))
		return;
	rhashtable_remove_fast(&kipc_endpoints, &endpoint->node,
			       kipc_endpoints_params);
	kipc_watch_stop(&endpoint->owner);
	kipc_object_unlink(&endpoint->object);
	kipc_endpoint_end_calls(endpoint, err);
	kipc_queue_close(&endpoint->queue, err);
	kipc_endpoint_drop_records(endpoint);
}

/**
 * kipc_endpoint_find - the endpoint of a process, for one who wants to send
 * @nr: the process, in the caller's PID namespace
 * @id: the endpoint that is meant; 0: whatever the process has
 *
 * One that is being created has no id yet, and is not there.
 *
 * Context: does not sleep.
 * Return: a counted reference; -ESRCH, -ENOTCONN or -EACCES.
 */
struct kipc_endpoint *kipc_endpoint_find(u32 nr, u64 id)
{
	struct kipc_endpoint *endpoint = NULL;
	struct pid *pid;

	rcu_read_lock();
	/* As find_vpid(), but without a call for the namespace. */
	pid = find_pid_ns(nr, ns_of_pid(task_pid(current)));
	if (!pid || kipc_process_dead(pid)) {
		rcu_read_unlock();
		return ERR_PTR(-ESRCH);
	}
	endpoint = rhashtable_lookup(&kipc_endpoints, &pid,
				     kipc_endpoints_params);
	if (endpoint && !refcount_inc_not_zero(&endpoint->object.refs))
		endpoint = NULL;
	rcu_read_unlock();

	if (endpoint && READ_ONCE(endpoint->object.id) &&
	    (!id || endpoint->object.id == id)) {
		if (kipc_object_allows(&endpoint->object, KIPC_RIGHT_WRITE))
			return endpoint;
		kipc_object_put(&endpoint->object);
		return ERR_PTR(-EACCES);
	}
	if (endpoint)
		kipc_object_put(&endpoint->object);
	return ERR_PTR(id ? -ESRCH : -ENOTCONN);
}

/**
 * kipc_endpoint_target - whom a call that sends means
 * @call: the call, on the device or on a handle
 * @pid: as the caller gave it
 * @id: likewise
 * @flags: likewise
 * @post: to be filled in
 *
 * Context: does not sleep.
 * Return: a counted reference; -EINVAL, -EBADF, -EPERM, or as
 * kipc_endpoint_find().
 */
struct kipc_endpoint *kipc_endpoint_target(struct kipc_call *call, u32 pid,
					   u64 id, u32 flags,
					   struct kipc_post *post)
{
	struct kipc_endpoint *endpoint = NULL;

	if (call->handle)
		endpoint = kipc_to_endpoint(call->handle->object);
	post->handle = NULL;
	post->from = 0;
	post->nowait = kipc_post_nowait(call->file, flags);
	if (pid) {
		if (endpoint && !kipc_endpoint_is_mine(endpoint))
			return ERR_PTR(-EPERM);
		if (endpoint)
			post->from = endpoint->object.id;
		endpoint = kipc_endpoint_find(pid, id);
	} else {
		if (!endpoint || id)
			return ERR_PTR(-EINVAL);
		if (!(call->handle->rights & KIPC_RIGHT_WRITE))
			return ERR_PTR(-EBADF);
		refcount_inc(&endpoint->object.refs);
		post->handle = kipc_to_queue_handle(call->handle);
	}
	if (!IS_ERR(endpoint))
		post->queue = &endpoint->queue;
	return endpoint;
}

/** kipc_endpoint_init - make the table of endpoints */
int __init kipc_endpoint_init(void)
{
	return rhashtable_init(&kipc_endpoints, &kipc_endpoints_params);
}

/** kipc_endpoint_exit - undo kipc_endpoint_init(); no endpoint is left */
void kipc_endpoint_exit(void)
{
	rhashtable_destroy(&kipc_endpoints);
}
