// SPDX-License-Identifier: GPL-2.0
#include <linux/file.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/nospec.h>
#include <linux/sched/signal.h>
#include <linux/uaccess.h>
#include <linux/kipc.h>

#include "array.h"
#include "calls.h"
#include "compat.h"
#include "domain.h"
#include "endpoint.h"
#include "handle.h"
#include "limit.h"
#include "mailbox.h"
#include "main.h"
#include "message.h"
#include "object.h"
#include "pipe.h"
#include "pipe_mapped.h"
#include "post.h"
#include "process.h"
#include "segment.h"
#include "semaphore.h"
#include "semaphore_mapped.h"
#include "words.h"

static unsigned int mode = 0666;
module_param(mode, uint, 0444);
MODULE_PARM_DESC(mode, "permission bits of /dev/kipc");

/* On what an ioctl may be called: bit 0 is the device, bit n a kind's handle. */
#define KIPC_ON_DEVICE		BIT(0)
#define KIPC_ON_SEGMENT		BIT(KIPC_KIND_SEGMENT)
#define KIPC_ON_ARRAY		BIT(KIPC_KIND_ARRAY)
#define KIPC_ON_SEMAPHORE	BIT(KIPC_KIND_SEMAPHORE)
#define KIPC_ON_ENDPOINT	BIT(KIPC_KIND_ENDPOINT)
#define KIPC_ON_MAILBOX		BIT(KIPC_KIND_MAILBOX)
#define KIPC_ON_PIPE		BIT(KIPC_KIND_PIPE)
#define KIPC_ON_HANDLE		KIPC_KINDS

/**
 * struct kipc_op - one ioctl
 * @cmd: its number
 * @where: KIPC_ON_*
 * @size: of the module's struct
 * @min_size: of the first version of it that was published
 * @destroyed: may be called on a destroyed object
 * @silent: has no output
 * @final: others notice what it does: see first that the output will find its
 *	place
 * @opens: finds an object by its name to open it
 * @read: reads what counts of the argument, if that is not all of it
 * @fn: what it does
 */
struct kipc_op {
	unsigned int cmd;
	u16 where;
	u16 size;
	u16 min_size;
	bool destroyed;
	bool silent;
	bool final;
	bool opens;
	int (*read)(void *arg, const void __user *uptr);
	int (*fn)(struct kipc_call *call);
};

#define KIPC_OP(_cmd, _where, _fn, _struct, _last, ...)		\
	[_IOC_NR(_cmd)] = {						\
		.cmd		= _cmd,					\
		.where		= _where,				\
		.size		= sizeof(struct _struct) +		\
			BUILD_BUG_ON_ZERO(sizeof(struct _struct) % 8),	\
		.min_size	= offsetofend(struct _struct, _last),	\
		.fn		= _fn,					\
		__VA_ARGS__						\
	}

static const struct kipc_op kipc_ops[] = {
	KIPC_OP(KIPC_INFO, KIPC_ON_DEVICE, kipc_info_call,
		kipc_info, turn_grace_ns),
	KIPC_OP(KIPC_LIST, KIPC_ON_DEVICE, kipc_list_call, kipc_list, pad),
	KIPC_OP(KIPC_STAT, KIPC_ON_DEVICE | KIPC_ON_HANDLE, kipc_stat_call,
		kipc_stat, entry, .destroyed = true),
	KIPC_OP(KIPC_OPEN, KIPC_ON_DEVICE, kipc_open_call, kipc_open, id,
		.final = true, .opens = true),
	KIPC_OP(KIPC_UNLINK, KIPC_ON_DEVICE | KIPC_ON_HANDLE, kipc_unlink_call,
		kipc_target, pad, .silent = true),
	KIPC_OP(KIPC_DESTROY, KIPC_ON_DEVICE | KIPC_ON_HANDLE,
		kipc_destroy_call, kipc_target, pad, .silent = true),
	KIPC_OP(KIPC_SETATTR, KIPC_ON_HANDLE, kipc_setattr_call,
		kipc_setattr, spin_ns, .silent = true),
	KIPC_OP(KIPC_SEGMENT_CREATE, KIPC_ON_DEVICE, kipc_segment_create_call,
		kipc_segment_create, bytes, .final = true,
		.opens = true),
	KIPC_OP(KIPC_SEGMENT_RESIZE, KIPC_ON_SEGMENT, kipc_segment_resize_call,
		kipc_segment_resize, bytes, .silent = true),
	KIPC_OP(KIPC_SEGMENT_SEAL, KIPC_ON_SEGMENT, kipc_segment_seal_call,
		kipc_segment_seal, pad, .final = true),
	KIPC_OP(KIPC_SEGMENT_STAT, KIPC_ON_SEGMENT, kipc_segment_stat_call,
		kipc_segment_stat, swapped),
	KIPC_OP(KIPC_ARRAY_CREATE, KIPC_ON_DEVICE, kipc_array_create_call,
		kipc_array_create, pad, .final = true,
		.opens = true),
	KIPC_OP(KIPC_ARRAY_OP, KIPC_ON_ARRAY, kipc_array_op_call,
		kipc_array_op, entry, .final = true),
	KIPC_OP(KIPC_ARRAY_OPS, KIPC_ON_ARRAY, kipc_array_ops_call,
		kipc_array_ops, mismatch, .final = true),
	KIPC_OP(KIPC_ARRAY_READ, KIPC_ON_ARRAY, kipc_array_read_call,
		kipc_array_read, changes, .final = true),
	KIPC_OP(KIPC_ARRAY_WAIT, KIPC_ON_ARRAY, kipc_array_wait_call,
		kipc_array_wait, deadline_ns, .final = true),
	KIPC_OP(KIPC_ARRAY_STAT, KIPC_ON_ARRAY, kipc_array_stat_call,
		kipc_array_stat, blocked_ns),
	KIPC_OP(KIPC_SEMAPHORE_CREATE, KIPC_ON_DEVICE,
		kipc_semaphore_create_call, kipc_semaphore_create, values,
		.final = true, .opens = true),
	KIPC_OP(KIPC_SEMAPHORE_OP, KIPC_ON_SEMAPHORE, kipc_semaphore_op_call,
		kipc_semaphore_op, deadline_ns, .silent = true),
	KIPC_OP(KIPC_SEMAPHORE_OPS, KIPC_ON_SEMAPHORE, kipc_semaphore_ops_call,
		kipc_semaphore_ops, owner_dead, .final = true),
	KIPC_OP(KIPC_SEMAPHORE_GET, KIPC_ON_SEMAPHORE, kipc_semaphore_get_call,
		kipc_semaphore_get, pad, .silent = true),
	KIPC_OP(KIPC_SEMAPHORE_SET, KIPC_ON_SEMAPHORE, kipc_semaphore_set_call,
		kipc_semaphore_set, count, .silent = true),
	KIPC_OP(KIPC_SEMAPHORE_MARK, KIPC_ON_SEMAPHORE,
		kipc_semaphore_mark_call, kipc_semaphore_mark, mark,
		.silent = true),
	KIPC_OP(KIPC_SEMAPHORE_WATCH, KIPC_ON_SEMAPHORE,
		kipc_semaphore_watch_call, kipc_semaphore_watch, pad,
		.silent = true),
	KIPC_OP(KIPC_SEMAPHORE_STAT, KIPC_ON_SEMAPHORE,
		kipc_semaphore_stat_call, kipc_semaphore_stat, wakeups),
	KIPC_OP(KIPC_SEMAPHORE_ATTACH, KIPC_ON_SEMAPHORE,
		kipc_semaphore_attach_call, kipc_semaphore_attach, pad,
		.final = true),
	KIPC_OP(KIPC_ENDPOINT_CREATE, KIPC_ON_DEVICE,
		kipc_endpoint_create_call, kipc_endpoint_create, pad,
		.final = true, .opens = true),
	KIPC_OP(KIPC_ENDPOINT_SEND, KIPC_ON_DEVICE | KIPC_ON_ENDPOINT,
		kipc_endpoint_send_call, kipc_msg_send, msg, .silent = true,
		.read = kipc_read_send),
	KIPC_OP(KIPC_ENDPOINT_SENDV, KIPC_ON_DEVICE | KIPC_ON_ENDPOINT,
		kipc_endpoint_sendv_call, kipc_msg_sendv, msgs, .final = true),
	KIPC_OP(KIPC_ENDPOINT_RECV, KIPC_ON_ENDPOINT, kipc_endpoint_recv_call,
		kipc_msg_recv, msg, .silent = true, .read = kipc_read_recv),
	KIPC_OP(KIPC_ENDPOINT_RECVV, KIPC_ON_ENDPOINT,
		kipc_endpoint_recvv_call, kipc_msg_recvv, msgs, .final = true),
	KIPC_OP(KIPC_ENDPOINT_CALL, KIPC_ON_DEVICE | KIPC_ON_ENDPOINT,
		kipc_endpoint_call_call, kipc_endpoint_call, reply,
		.silent = true, .read = kipc_read_call),
	KIPC_OP(KIPC_ENDPOINT_REPLY, KIPC_ON_ENDPOINT,
		kipc_endpoint_reply_call, kipc_endpoint_reply, msg,
		.silent = true),
	KIPC_OP(KIPC_ENDPOINT_REPLY_RECV, KIPC_ON_ENDPOINT,
		kipc_endpoint_reply_recv_call, kipc_endpoint_reply_recv,
		request, .silent = true, .read = kipc_read_reply_recv),
	KIPC_OP(KIPC_ENDPOINT_CANCELLED, KIPC_ON_ENDPOINT,
		kipc_endpoint_cancelled_call, kipc_endpoint_cancelled, pad,
		.final = true),
	KIPC_OP(KIPC_ENDPOINT_FIND, KIPC_ON_DEVICE, kipc_endpoint_find_call,
		kipc_endpoint_find, id),
	KIPC_OP(KIPC_ENDPOINT_STAT, KIPC_ON_ENDPOINT, kipc_endpoint_stat_call,
		kipc_endpoint_stat, queue),
	KIPC_OP(KIPC_MAILBOX_CREATE, KIPC_ON_DEVICE, kipc_mailbox_create_call,
		kipc_mailbox_create, pad, .final = true,
		.opens = true),
	KIPC_OP(KIPC_MAILBOX_SEND, KIPC_ON_MAILBOX, kipc_mailbox_send_call,
		kipc_msg_send, msg, .silent = true, .read = kipc_read_send),
	KIPC_OP(KIPC_MAILBOX_SENDV, KIPC_ON_MAILBOX, kipc_mailbox_sendv_call,
		kipc_msg_sendv, msgs, .final = true),
	KIPC_OP(KIPC_MAILBOX_RECV, KIPC_ON_MAILBOX, kipc_mailbox_recv_call,
		kipc_msg_recv, msg, .silent = true, .read = kipc_read_recv),
	KIPC_OP(KIPC_MAILBOX_RECVV, KIPC_ON_MAILBOX, kipc_mailbox_recvv_call,
		kipc_msg_recvv, msgs, .final = true),
	KIPC_OP(KIPC_MAILBOX_DRAIN, KIPC_ON_MAILBOX, kipc_mailbox_drain_call,
		kipc_mailbox_drain, bytes, .final = true),
	KIPC_OP(KIPC_MAILBOX_STAT, KIPC_ON_MAILBOX, kipc_mailbox_stat_call,
		kipc_mailbox_stat, queue),
	KIPC_OP(KIPC_PIPE_CREATE, KIPC_ON_DEVICE, kipc_pipe_create_call,
		kipc_pipe_create, write_fd, .final = true,
		.opens = true),
	KIPC_OP(KIPC_PIPE_READ, KIPC_ON_PIPE, kipc_pipe_read_call,
		kipc_pipe_io, done, .final = true),
	KIPC_OP(KIPC_PIPE_WRITE, KIPC_ON_PIPE, kipc_pipe_write_call,
		kipc_pipe_io, done, .final = true),
	KIPC_OP(KIPC_PIPE_RESIZE, KIPC_ON_PIPE, kipc_pipe_resize_call,
		kipc_pipe_resize, capacity, .final = true),
	KIPC_OP(KIPC_PIPE_STAT, KIPC_ON_PIPE, kipc_pipe_stat_call,
		kipc_pipe_stat, my_calls),
	KIPC_OP(KIPC_PIPE_WAIT, KIPC_ON_PIPE, kipc_pipe_wait_call,
		kipc_pipe_wait, deadline_ns, .silent = true),
	KIPC_OP(KIPC_PIPE_WAKE, KIPC_ON_PIPE, kipc_pipe_wake_call,
		kipc_pipe_wake, flags, .silent = true),
};

/* Room on the stack for the argument of any of them. */
union kipc_arg {
	struct kipc_info info;
	struct kipc_list list;
	struct kipc_stat stat;
	struct kipc_open open;
	struct kipc_target target;
	struct kipc_setattr setattr;
	struct kipc_segment_create segment_create;
	struct kipc_segment_resize segment_resize;
	struct kipc_segment_seal segment_seal;
	struct kipc_segment_stat segment_stat;
	struct kipc_array_create array_create;
	struct kipc_array_op array_op;
	struct kipc_array_ops array_ops;
	struct kipc_array_read array_read;
	struct kipc_array_wait array_wait;
	struct kipc_array_stat array_stat;
	struct kipc_semaphore_create semaphore_create;
	struct kipc_semaphore_op semaphore_op;
	struct kipc_semaphore_ops semaphore_ops;
	struct kipc_semaphore_get semaphore_get;
	struct kipc_semaphore_set semaphore_set;
	struct kipc_semaphore_mark semaphore_mark;
	struct kipc_semaphore_watch semaphore_watch;
	struct kipc_semaphore_stat semaphore_stat;
	struct kipc_semaphore_attach semaphore_attach;
	struct kipc_msg_send msg_send;
	struct kipc_msg_sendv msg_sendv;
	struct kipc_msg_recv msg_recv;
	struct kipc_msg_recvv msg_recvv;
	struct kipc_endpoint_create endpoint_create;
	struct kipc_endpoint_call endpoint_call;
	struct kipc_endpoint_reply endpoint_reply;
	struct kipc_endpoint_reply_recv endpoint_reply_recv;
	struct kipc_endpoint_cancelled endpoint_cancelled;
	struct kipc_endpoint_find endpoint_find;
	struct kipc_endpoint_stat endpoint_stat;
	struct kipc_mailbox_create mailbox_create;
	struct kipc_mailbox_drain mailbox_drain;
	struct kipc_mailbox_stat mailbox_stat;
	struct kipc_pipe_create pipe_create;
	struct kipc_pipe_io pipe_io;
	struct kipc_pipe_resize pipe_resize;
	struct kipc_pipe_stat pipe_stat;
	struct kipc_pipe_wait pipe_wait;
	struct kipc_pipe_wake pipe_wake;
};

static const struct kipc_op *kipc_find_op(unsigned int cmd, u16 where)
{
	unsigned int nr = _IOC_NR(cmd);
	const struct kipc_op *op;

	if (nr >= ARRAY_SIZE(kipc_ops))
		return NULL;
	op = &kipc_ops[array_index_nospec(nr, ARRAY_SIZE(kipc_ops))];
	return op->fn && op->cmd == cmd && (op->where & where) ? op : NULL;
}

/**
 * kipc_call_add_file - have a file installed when the call has succeeded
 * @call: the call
 * @file: the file; released here if this fails
 * @flags: KIPC_INHERIT counts here
 *
 * Context: may sleep.
 * Return: the descriptor that it will have, or a negative errno.
 */
int kipc_call_add_file(struct kipc_call *call, struct file *file, u32 flags)
{
	int fd = get_unused_fd_flags(flags & KIPC_INHERIT ? 0 : O_CLOEXEC);

	if (fd < 0) {
		fput(file);
		return fd;
	}
	call->fds[call->nr_files] = fd;
	call->files[call->nr_files] = file;
	call->nr_files++;
	return fd;
}

/* The argument is with the caller: nothing can fail any more. */
static void kipc_call_finish(struct kipc_call *call)
{
	unsigned int i;

	for (i = 0; i < call->nr_files; i++) {
		struct kipc_handle *handle = call->files[i]->private_data;

		if (handle->object->kind->opened)
			handle->object->kind->opened(handle);
		fd_install(call->fds[i], call->files[i]);
	}
	if (call->created)
		kipc_object_put(call->created);
}

/**
 * kipc_call_drop_files - take back what kipc_call_add_file() was given
 * @call: the call
 */
void kipc_call_drop_files(struct kipc_call *call)
{
	while (call->nr_files) {
		call->nr_files--;
		put_unused_fd(call->fds[call->nr_files]);
		fput(call->files[call->nr_files]);
	}
}

/* Leaves nothing behind of what the handler made. */
static void kipc_call_abort(struct kipc_call *call)
{
	kipc_call_drop_files(call);
	if (call->created) {
		kipc_object_unlink(call->created);
		kipc_object_put(call->created);
	}
}

/*
 * With EMSGSIZE the argument says how much room it takes, with EOWNERDEAD which
 * mutexes the caller has now.
 */
static bool kipc_op_has_output(const struct kipc_op *op, int ret)
{
	return !op->silent &&
	       (!ret || ret == -EMSGSIZE || ret == -EOWNERDEAD);
}

static int kipc_copy_out(void __user *uptr, const union kipc_arg *arg, u32 size)
{
	if (likely(!(size % sizeof(u64))))
		return kipc_words_out(uptr, arg, size);
	return copy_to_user(uptr, arg, size) ? -EFAULT : 0;
}

static int kipc_arg_in(union kipc_arg *arg, const struct kipc_op *op,
		       const void __user *uptr, u32 *size)
{
	if (get_user(*size, (u32 __user *)uptr))
		return -EFAULT;
	if (likely(*size == op->size)) {
		int err = op->read ? op->read(arg, uptr) :
				     kipc_words_in(arg, uptr, op->size);

		/* It may have been changed since it was looked at. */
		arg->info.size = op->size;
		return err;
	}
	if (*size < op->min_size)
		return -EINVAL;
	if (*size > PAGE_SIZE)
		return -E2BIG;
	return copy_struct_from_user(arg, op->size, uptr, *size);
}

static long kipc_dispatch(struct kipc_call *call, const struct kipc_op *op,
			  void __user *uptr)
{
	union kipc_arg arg __uninitialized;
	u32 size, out;
	int ret;

	ret = kipc_arg_in(&arg, op, uptr, &size);
	if (ret)
		return ret;
	if (call->handle && !op->destroyed &&
	    kipc_object_destroyed(call->handle->object))
		return -EIDRM;

	out = min_t(u32, size, op->size);
	if (op->final && kipc_copy_out(uptr, &arg, out))
		return -EFAULT;

	call->arg = &arg;
	call->uptr = (unsigned long)uptr;
	ret = op->fn(call);
	if (kipc_op_has_output(op, ret) && kipc_copy_out(uptr, &arg, out))
		ret = -EFAULT;
	if (unlikely(call->nr_files || call->created)) {
		if (ret)
			kipc_call_abort(call);
		else
			kipc_call_finish(call);
	}
	return ret;
}

/**
 * kipc_handle_ioctl - an ioctl on a handle
 * @file: its file
 * @cmd: KIPC_*
 * @uptr: pointer to the argument
 *
 * Context: may sleep.
 * Return: 0 or a negative errno, see uapi/linux/kipc.h.
 */
long kipc_handle_ioctl(struct file *file, unsigned int cmd, unsigned long uptr)
{
	struct kipc_handle *handle = file->private_data;
	struct kipc_call call __uninitialized;
	const struct kipc_op *op;

	call.handle = handle;
	call.file = file;
	call.nr_files = 0;
	call.created = NULL;
	op = kipc_find_op(cmd, BIT(handle->object->kind->type));
	if (!op)
		return -ENOTTY;
	return kipc_dispatch(&call, op, (void __user *)uptr);
}

static long kipc_device_ioctl(struct file *file, unsigned int cmd,
			      unsigned long uptr)
{
	const struct kipc_op *op = kipc_find_op(cmd, KIPC_ON_DEVICE);
	long ret;

	if (!op)
		return -ENOTTY;
	/*
	 * An object that was found by its name may be destroyed before it is
	 * opened.  By then the name is unknown, or another object's: look again.
	 */
	do {
		struct kipc_call call __uninitialized;

		call.handle = NULL;
		call.file = file;
		call.nr_files = 0;
		call.created = NULL;
		ret = kipc_dispatch(&call, op, (void __user *)uptr);
	} while (ret == -EIDRM && op->opens && !fatal_signal_pending(current));
	return ret;
}

static const struct file_operations kipc_device_fops = {
	.owner		= THIS_MODULE,
	.open		= nonseekable_open,
	.unlocked_ioctl	= kipc_device_ioctl,
	.compat_ioctl	= compat_ptr_ioctl,
};

static struct miscdevice kipc_device = {
	.minor	= MISC_DYNAMIC_MINOR,
	.name	= "kipc",
	.fops	= &kipc_device_fops,
};

static int __init kipc_init(void)
{
	int err;

	/* To the device layer 0 would mean its own default. */
	if (!mode || mode & ~0666) {
		pr_err("parameter mode=%#o is not within 0001..0666\n", mode);
		return -EINVAL;
	}
	err = kipc_limit_init();
	if (err)
		return err;
	err = kipc_process_init();
	if (err)
		goto exit_limit;
	err = kipc_kind_init();
	if (err)
		goto exit_process;
	err = kipc_message_cache_init();
	if (err)
		goto exit_kind;
	err = kipc_endpoint_init();
	if (err)
		goto exit_message;
	kipc_device.mode = mode;
	err = misc_register(&kipc_device);
	if (err)
		goto exit_endpoint;
	return 0;

exit_endpoint:
	kipc_endpoint_exit();
exit_message:
	kipc_message_cache_exit();
exit_kind:
	kipc_kind_exit();
exit_process:
	kipc_process_exit();
exit_limit:
	kipc_limit_exit();
	return err;
}

static void __exit kipc_exit(void)
{
	misc_deregister(&kipc_device);
	kipc_domain_exit();
	kipc_process_exit();
	kipc_endpoint_exit();
	kipc_message_cache_exit();
	kipc_kind_exit();
	kipc_limit_exit();
}

module_init(kipc_init);
module_exit(kipc_exit);

MODULE_DESCRIPTION("Inter-process communication objects behind /dev/kipc");
MODULE_LICENSE("GPL");
MODULE_VERSION("0.1.0");
