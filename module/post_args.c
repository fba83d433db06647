// SPDX-License-Identifier: GPL-2.0
/*
 * Arguments with messages in them, as they are read from user space: without the
 * members that are (out), which are nearly half of each struct kipc_msg.  They
 * stay as they are, so the handlers of these calls must not write them back;
 * what user space is told they write themselves (kipc_message_describe()).
 */
#include <linux/uaccess.h>

#include "post.h"

/* Two members of 32 bits that lie in one word are read as one. */
#define KIPC_PAIR_IN(to, from, first, second, label) do {		\
	BUILD_BUG_ON(offsetof(typeof(*(to)), second) -			\
		     offsetof(typeof(*(to)), first) != sizeof(u32));	\
	unsafe_get_user(*(u64 *)&(to)->first,				\
			(const u64 __user *)&(from)->first, label);	\
} while (0)

/* Where a message is to be put.  The last member is read so that all is there. */
#define KIPC_PLACE_IN(to, from, label) do {				\
	unsafe_get_user((to)->endpoint, &(from)->endpoint, label);	\
	unsafe_get_user((to)->buf, &(from)->buf, label);		\
	KIPC_PAIR_IN(to, from, len, fd_count, label);			\
	unsafe_get_user((to)->fds, &(from)->fds, label);		\
	KIPC_PAIR_IN(to, from, gid, pad, label);			\
} while (0)

/* A message to be sent. */
#define KIPC_MSG_IN(to, from, label) do {				\
	unsafe_get_user((to)->type, &(from)->type, label);		\
	KIPC_PAIR_IN(to, from, priority, flags, label);			\
	unsafe_get_user((to)->cookie, &(from)->cookie, label);		\
	KIPC_PLACE_IN(to, from, label);					\
} while (0)

/** kipc_read_send - read a struct kipc_msg_send */
int kipc_read_send(void *arg, const void __user *uptr)
{
	const struct kipc_msg_send __user *from = uptr;
	struct kipc_msg_send *to = arg;

	if (!user_read_access_begin(from, sizeof(*from)))
		return -EFAULT;
	KIPC_PAIR_IN(to, from, size, flags, fault);
	KIPC_PAIR_IN(to, from, pid, pad, fault);
	unsafe_get_user(to->id, &from->id, fault);
	unsafe_get_user(to->deadline_ns, &from->deadline_ns, fault);
	KIPC_MSG_IN(&to->msg, &from->msg, fault);
	user_read_access_end();
	return 0;

fault:
	user_read_access_end();
	return -EFAULT;
}

/** kipc_read_recv - read a struct kipc_msg_recv */
int kipc_read_recv(void *arg, const void __user *uptr)
{
	const struct kipc_msg_recv __user *from = uptr;
	struct kipc_msg_recv *to = arg;

	if (!user_read_access_begin(from, sizeof(*from)))
		return -EFAULT;
	KIPC_PAIR_IN(to, from, size, flags, fault);
	KIPC_PAIR_IN(to, from, select, pid, fault);
	unsafe_get_user(to->type, &from->type, fault);
	KIPC_PAIR_IN(to, from, position, pad, fault);
	unsafe_get_user(to->deadline_ns, &from->deadline_ns, fault);
	KIPC_PLACE_IN(&to->msg, &from->msg, fault);
	user_read_access_end();
	return 0;

fault:
	user_read_access_end();
	return -EFAULT;
}

/** kipc_read_call - read a struct kipc_endpoint_call */
int kipc_read_call(void *arg, const void __user *uptr)
{
	const struct kipc_endpoint_call __user *from = uptr;
	struct kipc_endpoint_call *to = arg;

	if (!user_read_access_begin(from, sizeof(*from)))
		return -EFAULT;
	KIPC_PAIR_IN(to, from, size, flags, fault);
	KIPC_PAIR_IN(to, from, pid, pad, fault);
	unsafe_get_user(to->id, &from->id, fault);
	unsafe_get_user(to->deadline_ns, &from->deadline_ns, fault);
	KIPC_MSG_IN(&to->request, &from->request, fault);
	KIPC_PLACE_IN(&to->reply, &from->reply, fault);
	user_read_access_end();
	return 0;

fault:
	user_read_access_end();
	return -EFAULT;
}

/** kipc_read_reply_recv - read a struct kipc_endpoint_reply_recv */
int kipc_read_reply_recv(void *arg, const void __user *uptr)
{
	const struct kipc_endpoint_reply_recv __user *from = uptr;
	struct kipc_endpoint_reply_recv *to = arg;

	if (!user_read_access_begin(from, sizeof(*from)))
		return -EFAULT;
	KIPC_PAIR_IN(to, from, size, flags, fault);
	KIPC_PAIR_IN(to, from, select, pid, fault);
	unsafe_get_user(to->type, &from->type, fault);
	unsafe_get_user(to->token, &from->token, fault);
	unsafe_get_user(to->deadline_ns, &from->deadline_ns, fault);
	KIPC_MSG_IN(&to->reply, &from->reply, fault);
	KIPC_PLACE_IN(&to->request, &from->request, fault);
	user_read_access_end();
	return 0;

fault:
	user_read_access_end();
	return -EFAULT;
}
