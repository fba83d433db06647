/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The members of the arguments of all ioctls, as tables: which must be zero, are
 * written, or point somewhere.
 */
#ifndef CORE_ABI_MEMBERS_H
#define CORE_ABI_MEMBERS_H

#include <stddef.h>

#include "core_abi_calls.h"

/* A member of the argument of one or more calls. */
struct member {
	const char *name;
	unsigned long cmd;
	bool device;
	size_t offset;
	size_t size;
	bool files;	/* is about descriptors that travel */
};

#define MEMBER(cmd, device, type, member, bytes, files) \
	{ #type "." #member, cmd, device, offsetof(struct type, member), \
	  bytes, files }
#define ON_DEVICE(cmd, type, member, bytes) \
	MEMBER(cmd, true, type, member, bytes, false)
#define ON_HANDLE(cmd, type, member, bytes) \
	MEMBER(cmd, false, type, member, bytes, false)
#define FILES_OF(cmd, type, member) \
	MEMBER(cmd, false, type, member, 8, true)

static const struct member must_be_zero[] = {
	ON_DEVICE(KIPC_LIST, kipc_list, pad, 4),
	ON_DEVICE(KIPC_STAT, kipc_stat, id, 8),	/* there is a name */
	ON_HANDLE(KIPC_STAT, kipc_stat, name, 8),
	ON_HANDLE(KIPC_STAT, kipc_stat, name_len, 4),
	ON_HANDLE(KIPC_STAT, kipc_stat, id, 8),
	ON_DEVICE(KIPC_UNLINK, kipc_target, pad, 4),
	ON_HANDLE(KIPC_UNLINK, kipc_target, pad, 4),
	ON_HANDLE(KIPC_UNLINK, kipc_target, name, 8),
	ON_HANDLE(KIPC_UNLINK, kipc_target, name_len, 4),
	ON_DEVICE(KIPC_DESTROY, kipc_target, pad, 4),
	ON_HANDLE(KIPC_DESTROY, kipc_target, pad, 4),
	ON_HANDLE(KIPC_DESTROY, kipc_target, name, 8),
	ON_HANDLE(KIPC_DESTROY, kipc_target, name_len, 4),
	ON_HANDLE(KIPC_SETATTR, kipc_setattr, uid, 4),
	ON_HANDLE(KIPC_SETATTR, kipc_setattr, gid, 4),
	ON_HANDLE(KIPC_SETATTR, kipc_setattr, pad, 4),
	ON_HANDLE(KIPC_SEGMENT_SEAL, kipc_segment_seal, pad, 4),
	ON_DEVICE(KIPC_ARRAY_CREATE, kipc_array_create, pad, 4),
	ON_HANDLE(KIPC_ARRAY_OP, kipc_array_op, entry.expected, 8), /* no CAS */
	ON_HANDLE(KIPC_ARRAY_STAT, kipc_array_stat, pad, 4),
	ON_HANDLE(KIPC_SEMAPHORE_OPS, kipc_semaphore_ops, pad, 4),
	ON_HANDLE(KIPC_SEMAPHORE_GET, kipc_semaphore_get, pad, 4),
	ON_HANDLE(KIPC_SEMAPHORE_WATCH, kipc_semaphore_watch, pad, 4),
	ON_HANDLE(KIPC_SEMAPHORE_STAT, kipc_semaphore_stat, pad, 4),
	ON_DEVICE(KIPC_ENDPOINT_CREATE, kipc_endpoint_create, pad, 4),
	ON_DEVICE(KIPC_ENDPOINT_SEND, kipc_msg_send, pad, 4),
	ON_DEVICE(KIPC_ENDPOINT_SEND, kipc_msg_send, msg.flags, 4),
	ON_DEVICE(KIPC_ENDPOINT_SEND, kipc_msg_send, msg.pad, 4),
	ON_HANDLE(KIPC_ENDPOINT_SEND, kipc_msg_send, pad, 4),
	ON_HANDLE(KIPC_ENDPOINT_SEND, kipc_msg_send, msg.flags, 4),
	ON_HANDLE(KIPC_ENDPOINT_SEND, kipc_msg_send, msg.pad, 4),
	/* A handle with pid 0 is the address. */
	ON_HANDLE(KIPC_ENDPOINT_SEND, kipc_msg_send, id, 8),
	ON_HANDLE(KIPC_ENDPOINT_SENDV, kipc_msg_sendv, id, 8),
	ON_HANDLE(KIPC_ENDPOINT_CALL, kipc_endpoint_call, id, 8),
	ON_HANDLE(KIPC_ENDPOINT_RECV, kipc_msg_recv, pid, 4),
	ON_HANDLE(KIPC_ENDPOINT_RECV, kipc_msg_recv, type, 8),
	ON_HANDLE(KIPC_ENDPOINT_RECV, kipc_msg_recv, position, 4),
	ON_HANDLE(KIPC_ENDPOINT_RECV, kipc_msg_recv, pad, 4),
	ON_HANDLE(KIPC_ENDPOINT_RECV, kipc_msg_recv, msg.pad, 4),
	ON_HANDLE(KIPC_ENDPOINT_RECVV, kipc_msg_recvv, pid, 4),
	ON_HANDLE(KIPC_ENDPOINT_RECVV, kipc_msg_recvv, type, 8),
	ON_HANDLE(KIPC_ENDPOINT_RECVV, kipc_msg_recvv, pad, 4),
	ON_DEVICE(KIPC_ENDPOINT_CALL, kipc_endpoint_call, pad, 4),
	ON_DEVICE(KIPC_ENDPOINT_CALL, kipc_endpoint_call, request.flags, 4),
	ON_DEVICE(KIPC_ENDPOINT_CALL, kipc_endpoint_call, request.pad, 4),
	ON_DEVICE(KIPC_ENDPOINT_CALL, kipc_endpoint_call, reply.pad, 4),
	ON_HANDLE(KIPC_ENDPOINT_CALL, kipc_endpoint_call, pad, 4),
	ON_HANDLE(KIPC_ENDPOINT_CALL, kipc_endpoint_call, request.flags, 4),
	ON_HANDLE(KIPC_ENDPOINT_CALL, kipc_endpoint_call, request.pad, 4),
	ON_HANDLE(KIPC_ENDPOINT_CALL, kipc_endpoint_call, reply.pad, 4),
	ON_HANDLE(KIPC_ENDPOINT_REPLY, kipc_endpoint_reply, msg.flags, 4),
	ON_HANDLE(KIPC_ENDPOINT_REPLY, kipc_endpoint_reply, msg.pad, 4),
	ON_HANDLE(KIPC_ENDPOINT_REPLY_RECV, kipc_endpoint_reply_recv, pid, 4),
	ON_HANDLE(KIPC_ENDPOINT_REPLY_RECV, kipc_endpoint_reply_recv, type, 8),
	ON_HANDLE(KIPC_ENDPOINT_REPLY_RECV, kipc_endpoint_reply_recv, reply.flags,
		  4),
	ON_HANDLE(KIPC_ENDPOINT_REPLY_RECV, kipc_endpoint_reply_recv, reply.pad,
		  4),
	ON_HANDLE(KIPC_ENDPOINT_REPLY_RECV, kipc_endpoint_reply_recv,
		  request.pad, 4),
	ON_HANDLE(KIPC_ENDPOINT_CANCELLED, kipc_endpoint_cancelled, pad, 4),
	ON_DEVICE(KIPC_ENDPOINT_FIND, kipc_endpoint_find, pad, 4),
	ON_DEVICE(KIPC_MAILBOX_CREATE, kipc_mailbox_create, pad, 4),
	ON_HANDLE(KIPC_MAILBOX_SEND, kipc_msg_send, pid, 4),
	ON_HANDLE(KIPC_MAILBOX_SEND, kipc_msg_send, pad, 4),
	ON_HANDLE(KIPC_MAILBOX_SEND, kipc_msg_send, id, 8),
	ON_HANDLE(KIPC_MAILBOX_SEND, kipc_msg_send, msg.flags, 4),
	ON_HANDLE(KIPC_MAILBOX_SEND, kipc_msg_send, msg.pad, 4),
	ON_HANDLE(KIPC_MAILBOX_SENDV, kipc_msg_sendv, pid, 4),
	ON_HANDLE(KIPC_MAILBOX_SENDV, kipc_msg_sendv, id, 8),
	ON_HANDLE(KIPC_MAILBOX_RECV, kipc_msg_recv, pid, 4),
	ON_HANDLE(KIPC_MAILBOX_RECV, kipc_msg_recv, type, 8),
	ON_HANDLE(KIPC_MAILBOX_RECV, kipc_msg_recv, position, 4),
	ON_HANDLE(KIPC_MAILBOX_RECV, kipc_msg_recv, pad, 4),
	ON_HANDLE(KIPC_MAILBOX_RECV, kipc_msg_recv, msg.pad, 4),
	ON_HANDLE(KIPC_MAILBOX_RECVV, kipc_msg_recvv, pid, 4),
	ON_HANDLE(KIPC_MAILBOX_RECVV, kipc_msg_recvv, type, 8),
	ON_HANDLE(KIPC_MAILBOX_RECVV, kipc_msg_recvv, pad, 4),
	ON_HANDLE(KIPC_MAILBOX_DRAIN, kipc_mailbox_drain, pad, 4),
	ON_HANDLE(KIPC_PIPE_STAT, kipc_pipe_stat, pad, 4),
};

/* What is told of a message beside its body. */
#define RECEIVED(on, cmd, arg, message) \
	on(cmd, arg, message.type, 8), \
	on(cmd, arg, message.priority, 4), \
	on(cmd, arg, message.flags, 4), \
	on(cmd, arg, message.cookie, 8), \
	on(cmd, arg, message.pid, 4), \
	on(cmd, arg, message.uid, 4), \
	on(cmd, arg, message.gid, 4), \
	on(cmd, arg, message.seq, 8), \
	on(cmd, arg, message.time_ns, 8), \
	on(cmd, arg, message.token, 8), \
	on(cmd, arg, message.endpoint, 8)

/* What is all ones on the way in must not be so when the call succeeded. */
static const struct member outputs[] = {
	ON_DEVICE(KIPC_INFO, kipc_info, abi_version, 4),
	ON_DEVICE(KIPC_INFO, kipc_info, kinds, 8),
	ON_DEVICE(KIPC_INFO, kipc_info, features, 8),
	ON_DEVICE(KIPC_INFO, kipc_info, turn_grace_ns, 8),
	ON_DEVICE(KIPC_INFO, kipc_info, message_max, 8),
	ON_DEVICE(KIPC_INFO, kipc_info, queue_messages_max, 8),
	ON_DEVICE(KIPC_INFO, kipc_info, queue_messages_default, 8),
	ON_DEVICE(KIPC_INFO, kipc_info, queue_bytes_max, 8),
	ON_DEVICE(KIPC_INFO, kipc_info, queue_bytes_default, 8),
	ON_DEVICE(KIPC_STAT, kipc_stat, rights, 4),
	ON_DEVICE(KIPC_STAT, kipc_stat, entry, sizeof(struct kipc_entry)),
	ON_HANDLE(KIPC_STAT, kipc_stat, rights, 4),
	ON_HANDLE(KIPC_STAT, kipc_stat, entry, sizeof(struct kipc_entry)),
	ON_DEVICE(KIPC_OPEN, kipc_open, fd, 4),
	ON_DEVICE(KIPC_OPEN, kipc_open, id, 8),
	ON_DEVICE(KIPC_SEGMENT_CREATE, kipc_segment_create, result, 4),
	ON_DEVICE(KIPC_SEGMENT_CREATE, kipc_segment_create, id, 8),
	ON_DEVICE(KIPC_SEGMENT_CREATE, kipc_segment_create, fd, 4),
	ON_HANDLE(KIPC_SEGMENT_STAT, kipc_segment_stat, segment_flags, 4),
	ON_HANDLE(KIPC_SEGMENT_STAT, kipc_segment_stat, seals, 4),
	ON_HANDLE(KIPC_SEGMENT_STAT, kipc_segment_stat, bytes, 8),
	ON_HANDLE(KIPC_SEGMENT_STAT, kipc_segment_stat, resident, 8),
	ON_HANDLE(KIPC_SEGMENT_STAT, kipc_segment_stat, swapped, 8),
	ON_DEVICE(KIPC_ARRAY_CREATE, kipc_array_create, result, 4),
	ON_DEVICE(KIPC_ARRAY_CREATE, kipc_array_create, id, 8),
	ON_DEVICE(KIPC_ARRAY_CREATE, kipc_array_create, fd, 4),
	ON_HANDLE(KIPC_ARRAY_OP, kipc_array_op, entry.result, 8),
	ON_HANDLE(KIPC_ARRAY_OP, kipc_array_op, entry.version, 8),
	ON_HANDLE(KIPC_ARRAY_OPS, kipc_array_ops, mismatch, 4),
	ON_HANDLE(KIPC_ARRAY_READ, kipc_array_read, changes, 8),
	ON_HANDLE(KIPC_ARRAY_WAIT, kipc_array_wait, changed, 4),
	ON_HANDLE(KIPC_ARRAY_STAT, kipc_array_stat, count, 4),
	ON_HANDLE(KIPC_ARRAY_STAT, kipc_array_stat, element, 4),
	ON_HANDLE(KIPC_ARRAY_STAT, kipc_array_stat, waiting, 4),
	ON_HANDLE(KIPC_ARRAY_STAT, kipc_array_stat, changes, 8),
	ON_HANDLE(KIPC_ARRAY_STAT, kipc_array_stat, sleeps, 8),
	ON_HANDLE(KIPC_ARRAY_STAT, kipc_array_stat, blocked_ns, 8),
	ON_DEVICE(KIPC_SEMAPHORE_CREATE, kipc_semaphore_create, result, 4),
	ON_DEVICE(KIPC_SEMAPHORE_CREATE, kipc_semaphore_create, id, 8),
	ON_DEVICE(KIPC_SEMAPHORE_CREATE, kipc_semaphore_create, fd, 4),
	ON_HANDLE(KIPC_SEMAPHORE_OPS, kipc_semaphore_ops, owner_dead, 8),
	ON_HANDLE(KIPC_SEMAPHORE_STAT, kipc_semaphore_stat, semaphore_flags, 4),
	ON_HANDLE(KIPC_SEMAPHORE_STAT, kipc_semaphore_stat, count, 4),
	ON_HANDLE(KIPC_SEMAPHORE_STAT, kipc_semaphore_stat, max, 4),
	ON_HANDLE(KIPC_SEMAPHORE_STAT, kipc_semaphore_stat, waiting, 4),
	ON_HANDLE(KIPC_SEMAPHORE_STAT, kipc_semaphore_stat, undos, 4),
	ON_HANDLE(KIPC_SEMAPHORE_STAT, kipc_semaphore_stat, sleeps, 8),
	ON_HANDLE(KIPC_SEMAPHORE_STAT, kipc_semaphore_stat, blocked_ns, 8),
	ON_HANDLE(KIPC_SEMAPHORE_STAT, kipc_semaphore_stat, wakeups, 8),
	ON_DEVICE(KIPC_ENDPOINT_CREATE, kipc_endpoint_create, result, 4),
	ON_DEVICE(KIPC_ENDPOINT_CREATE, kipc_endpoint_create, id, 8),
	ON_DEVICE(KIPC_ENDPOINT_CREATE, kipc_endpoint_create, fd, 4),
	RECEIVED(ON_HANDLE, KIPC_ENDPOINT_RECV, kipc_msg_recv, msg),
	RECEIVED(ON_DEVICE, KIPC_ENDPOINT_CALL, kipc_endpoint_call, reply),
	RECEIVED(ON_HANDLE, KIPC_ENDPOINT_CALL, kipc_endpoint_call, reply),
	RECEIVED(ON_HANDLE, KIPC_ENDPOINT_REPLY_RECV, kipc_endpoint_reply_recv,
		 request),
	ON_DEVICE(KIPC_ENDPOINT_FIND, kipc_endpoint_find, id, 8),
	ON_HANDLE(KIPC_ENDPOINT_STAT, kipc_endpoint_stat, pid, 4),
	ON_HANDLE(KIPC_ENDPOINT_STAT, kipc_endpoint_stat, state, 4),
	ON_HANDLE(KIPC_ENDPOINT_STAT, kipc_endpoint_stat, calls, 4),
	ON_HANDLE(KIPC_ENDPOINT_STAT, kipc_endpoint_stat, cancelled, 4),
	ON_HANDLE(KIPC_ENDPOINT_STAT, kipc_endpoint_stat, queue,
		  sizeof(struct kipc_queue_stat)),
	ON_DEVICE(KIPC_MAILBOX_CREATE, kipc_mailbox_create, result, 4),
	ON_DEVICE(KIPC_MAILBOX_CREATE, kipc_mailbox_create, id, 8),
	ON_DEVICE(KIPC_MAILBOX_CREATE, kipc_mailbox_create, fd, 4),
	RECEIVED(ON_HANDLE, KIPC_MAILBOX_RECV, kipc_msg_recv, msg),
	ON_HANDLE(KIPC_MAILBOX_DRAIN, kipc_mailbox_drain, messages, 4),
	ON_HANDLE(KIPC_MAILBOX_DRAIN, kipc_mailbox_drain, bytes, 8),
	ON_HANDLE(KIPC_MAILBOX_STAT, kipc_mailbox_stat, queue,
		  sizeof(struct kipc_queue_stat)),
	ON_DEVICE(KIPC_PIPE_CREATE, kipc_pipe_create, result, 4),
	ON_DEVICE(KIPC_PIPE_CREATE, kipc_pipe_create, id, 8),
	ON_DEVICE(KIPC_PIPE_CREATE, kipc_pipe_create, read_fd, 4),
	ON_DEVICE(KIPC_PIPE_CREATE, kipc_pipe_create, write_fd, 4),
	ON_HANDLE(KIPC_PIPE_READ, kipc_pipe_io, done, 8),
	ON_HANDLE(KIPC_PIPE_WRITE, kipc_pipe_io, done, 8),
	ON_HANDLE(KIPC_PIPE_STAT, kipc_pipe_stat, pipe_flags, 4),
	ON_HANDLE(KIPC_PIPE_STAT, kipc_pipe_stat, capacity, 8),
	ON_HANDLE(KIPC_PIPE_STAT, kipc_pipe_stat, readers,
		  sizeof(struct kipc_pipe_side)),
	ON_HANDLE(KIPC_PIPE_STAT, kipc_pipe_stat, my_calls, 8),
};

/*
 * The pointers inside the structs, but for those that matter only when the call
 * has done something: where REPLY_RECV receives, after it has replied.
 */
static const struct member pointers[] = {
	ON_DEVICE(KIPC_LIST, kipc_list, entries, 8),
	ON_DEVICE(KIPC_STAT, kipc_stat, name, 8),
	ON_DEVICE(KIPC_OPEN, kipc_open, name, 8),
	ON_DEVICE(KIPC_UNLINK, kipc_target, name, 8),
	ON_DEVICE(KIPC_DESTROY, kipc_target, name, 8),
	ON_DEVICE(KIPC_SEGMENT_CREATE, kipc_segment_create, name, 8),
	ON_DEVICE(KIPC_ARRAY_CREATE, kipc_array_create, name, 8),
	ON_HANDLE(KIPC_ARRAY_OPS, kipc_array_ops, entries, 8),
	ON_HANDLE(KIPC_ARRAY_READ, kipc_array_read, buf, 8),
	ON_HANDLE(KIPC_ARRAY_READ, kipc_array_read, versions, 8),
	ON_HANDLE(KIPC_ARRAY_WAIT, kipc_array_wait, slots, 8),
	ON_DEVICE(KIPC_SEMAPHORE_CREATE, kipc_semaphore_create, name, 8),
	ON_DEVICE(KIPC_SEMAPHORE_CREATE, kipc_semaphore_create, values, 8),
	ON_HANDLE(KIPC_SEMAPHORE_OPS, kipc_semaphore_ops, entries, 8),
	ON_HANDLE(KIPC_SEMAPHORE_GET, kipc_semaphore_get, counters, 8),
	ON_HANDLE(KIPC_SEMAPHORE_SET, kipc_semaphore_set, values, 8),
	ON_DEVICE(KIPC_ENDPOINT_CREATE, kipc_endpoint_create, name, 8),
	ON_DEVICE(KIPC_ENDPOINT_SEND, kipc_msg_send, msg.buf, 8),
	ON_DEVICE(KIPC_ENDPOINT_SEND, kipc_msg_send, msg.fds, 8),
	ON_DEVICE(KIPC_ENDPOINT_SENDV, kipc_msg_sendv, msgs, 8),
	ON_DEVICE(KIPC_ENDPOINT_CALL, kipc_endpoint_call, request.buf, 8),
	ON_DEVICE(KIPC_ENDPOINT_CALL, kipc_endpoint_call, request.fds, 8),
	ON_DEVICE(KIPC_ENDPOINT_CALL, kipc_endpoint_call, reply.buf, 8),
	ON_HANDLE(KIPC_ENDPOINT_SEND, kipc_msg_send, msg.buf, 8),
	ON_HANDLE(KIPC_ENDPOINT_SEND, kipc_msg_send, msg.fds, 8),
	ON_HANDLE(KIPC_ENDPOINT_SENDV, kipc_msg_sendv, msgs, 8),
	ON_HANDLE(KIPC_ENDPOINT_CALL, kipc_endpoint_call, request.buf, 8),
	ON_HANDLE(KIPC_ENDPOINT_CALL, kipc_endpoint_call, request.fds, 8),
	ON_HANDLE(KIPC_ENDPOINT_CALL, kipc_endpoint_call, reply.buf, 8),
	ON_HANDLE(KIPC_ENDPOINT_RECV, kipc_msg_recv, msg.buf, 8),
	ON_HANDLE(KIPC_ENDPOINT_RECV, kipc_msg_recv, msg.fds, 8),
	ON_HANDLE(KIPC_ENDPOINT_RECVV, kipc_msg_recvv, msgs, 8),
	ON_HANDLE(KIPC_ENDPOINT_REPLY, kipc_endpoint_reply, msg.buf, 8),
	ON_HANDLE(KIPC_ENDPOINT_REPLY, kipc_endpoint_reply, msg.fds, 8),
	ON_HANDLE(KIPC_ENDPOINT_REPLY_RECV, kipc_endpoint_reply_recv, reply.buf,
		  8),
	ON_HANDLE(KIPC_ENDPOINT_REPLY_RECV, kipc_endpoint_reply_recv, reply.fds,
		  8),
	ON_HANDLE(KIPC_ENDPOINT_CANCELLED, kipc_endpoint_cancelled, tokens, 8),
	ON_DEVICE(KIPC_MAILBOX_CREATE, kipc_mailbox_create, name, 8),
	ON_HANDLE(KIPC_MAILBOX_SEND, kipc_msg_send, msg.buf, 8),
	FILES_OF(KIPC_MAILBOX_SEND, kipc_msg_send, msg.fds),
	ON_HANDLE(KIPC_MAILBOX_SENDV, kipc_msg_sendv, msgs, 8),
	ON_HANDLE(KIPC_MAILBOX_RECV, kipc_msg_recv, msg.buf, 8),
	FILES_OF(KIPC_MAILBOX_RECV, kipc_msg_recv, msg.fds),
	ON_HANDLE(KIPC_MAILBOX_RECVV, kipc_msg_recvv, msgs, 8),
	ON_DEVICE(KIPC_PIPE_CREATE, kipc_pipe_create, name, 8),
	ON_HANDLE(KIPC_PIPE_READ, kipc_pipe_io, buf, 8),
	ON_HANDLE(KIPC_PIPE_WRITE, kipc_pipe_io, buf, 8),
};

/* Where a call writes that must not be read-only. */
static const struct member targets[] = {
	ON_DEVICE(KIPC_LIST, kipc_list, entries, 8),
	ON_HANDLE(KIPC_ARRAY_OPS, kipc_array_ops, entries, 8),
	ON_HANDLE(KIPC_ARRAY_READ, kipc_array_read, buf, 8),
	ON_HANDLE(KIPC_ARRAY_READ, kipc_array_read, versions, 8),
	ON_HANDLE(KIPC_ARRAY_WAIT, kipc_array_wait, slots, 8),
	ON_HANDLE(KIPC_SEMAPHORE_GET, kipc_semaphore_get, counters, 8),
	ON_DEVICE(KIPC_ENDPOINT_CALL, kipc_endpoint_call, reply.buf, 8),
	ON_HANDLE(KIPC_ENDPOINT_CALL, kipc_endpoint_call, reply.buf, 8),
	ON_HANDLE(KIPC_ENDPOINT_RECV, kipc_msg_recv, msg.buf, 8),
	ON_HANDLE(KIPC_ENDPOINT_RECV, kipc_msg_recv, msg.fds, 8),
	ON_HANDLE(KIPC_ENDPOINT_RECVV, kipc_msg_recvv, msgs, 8),
	ON_HANDLE(KIPC_ENDPOINT_CANCELLED, kipc_endpoint_cancelled, tokens, 8),
	ON_HANDLE(KIPC_MAILBOX_RECV, kipc_msg_recv, msg.buf, 8),
	FILES_OF(KIPC_MAILBOX_RECV, kipc_msg_recv, msg.fds),
	ON_HANDLE(KIPC_MAILBOX_RECVV, kipc_msg_recvv, msgs, 8),
	ON_HANDLE(KIPC_PIPE_READ, kipc_pipe_io, buf, 8),
};

static inline bool concerns(const struct member *member,
			    const struct call *call)
{
	return member->cmd == call->cmd &&
	       member->device == (call->file == DEVICE) &&
	       !(member->files && call->file == PLAIN_MAILBOX);
}

#endif /* CORE_ABI_MEMBERS_H */
