/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Where each member of the contract's structs lies, for 64-bit and for 32-bit
 * programs: it is one layout, and from the first release on it never changes.
 * Sizes are those of now, and grow with the structs; a struct that has grown has
 * its first size in KIPC_..._FIRST as well, which the module accepts for ever.
 */
#ifndef CORE_LAYOUT_H
#define CORE_LAYOUT_H

#include <stddef.h>

#include <linux/kipc.h>

/* An array of -1 elements, which does not compile, where it is not so. */
#define AT(type, member, offset) \
	extern char type##_##member##_at[offsetof(struct type, member) == \
					 (offset) ? 1 : -1]
#define SIZE(type, bytes) \
	extern char type##_size[sizeof(struct type) == (bytes) ? 1 : -1]

#define KIPC_INFO_FIRST		96
#define KIPC_STAT_FIRST		344

AT(kipc_info, size, 0);
AT(kipc_info, flags, 4);
AT(kipc_info, abi_version, 8);
AT(kipc_info, name_max, 12);
AT(kipc_info, kinds, 16);
AT(kipc_info, features, 24);
AT(kipc_info, max_objects, 32);
AT(kipc_info, max_bytes, 40);
AT(kipc_info, objects, 48);
AT(kipc_info, bytes, 56);
AT(kipc_info, pipe_min, 64);
AT(kipc_info, pipe_max, 72);
AT(kipc_info, pipe_default, 80);
AT(kipc_info, turn_grace_ns, 88);
AT(kipc_info, message_max, 96);
AT(kipc_info, queue_messages_max, 104);
AT(kipc_info, queue_messages_default, 112);
AT(kipc_info, queue_bytes_max, 120);
AT(kipc_info, queue_bytes_default, 128);
SIZE(kipc_info, 136);

AT(kipc_entry, id, 0);
AT(kipc_entry, kind, 8);
AT(kipc_entry, state, 12);
AT(kipc_entry, uid, 16);
AT(kipc_entry, gid, 20);
AT(kipc_entry, pid, 24);
AT(kipc_entry, mode, 28);
AT(kipc_entry, handles, 32);
AT(kipc_entry, name_len, 36);
AT(kipc_entry, bytes, 40);
AT(kipc_entry, created_ns, 48);
AT(kipc_entry, name, 56);
SIZE(kipc_entry, 312);

AT(kipc_list, size, 0);
AT(kipc_list, flags, 4);
AT(kipc_list, cursor, 8);
AT(kipc_list, entries, 16);
AT(kipc_list, entry_size, 24);
AT(kipc_list, count, 28);
AT(kipc_list, kind, 32);
AT(kipc_list, pad, 36);
SIZE(kipc_list, 40);

AT(kipc_stat, size, 0);
AT(kipc_stat, flags, 4);
AT(kipc_stat, name, 8);
AT(kipc_stat, name_len, 16);
AT(kipc_stat, rights, 20);
AT(kipc_stat, id, 24);
AT(kipc_stat, entry, 32);
AT(kipc_stat, spin_ns, 344);
AT(kipc_stat, pad, 348);
SIZE(kipc_stat, 352);

AT(kipc_open, size, 0);
AT(kipc_open, flags, 4);
AT(kipc_open, name, 8);
AT(kipc_open, name_len, 16);
AT(kipc_open, kind, 20);
AT(kipc_open, rights, 24);
AT(kipc_open, fd, 28);
AT(kipc_open, id, 32);
SIZE(kipc_open, 40);

AT(kipc_target, size, 0);
AT(kipc_target, flags, 4);
AT(kipc_target, name, 8);
AT(kipc_target, name_len, 16);
AT(kipc_target, pad, 20);
SIZE(kipc_target, 24);

AT(kipc_setattr, size, 0);
AT(kipc_setattr, flags, 4);
AT(kipc_setattr, mode, 8);
AT(kipc_setattr, uid, 12);
AT(kipc_setattr, gid, 16);
AT(kipc_setattr, spin_ns, 20);
SIZE(kipc_setattr, 24);

AT(kipc_segment_create, size, 0);
AT(kipc_segment_create, flags, 4);
AT(kipc_segment_create, name, 8);
AT(kipc_segment_create, name_len, 16);
AT(kipc_segment_create, mode, 20);
AT(kipc_segment_create, rights, 24);
AT(kipc_segment_create, result, 28);
AT(kipc_segment_create, id, 32);
AT(kipc_segment_create, fd, 40);
AT(kipc_segment_create, seals, 44);
AT(kipc_segment_create, bytes, 48);
SIZE(kipc_segment_create, 56);

AT(kipc_segment_resize, size, 0);
AT(kipc_segment_resize, flags, 4);
AT(kipc_segment_resize, bytes, 8);
SIZE(kipc_segment_resize, 16);

AT(kipc_segment_seal, size, 0);
AT(kipc_segment_seal, flags, 4);
AT(kipc_segment_seal, seals, 8);
AT(kipc_segment_seal, pad, 12);
SIZE(kipc_segment_seal, 16);

AT(kipc_segment_stat, size, 0);
AT(kipc_segment_stat, flags, 4);
AT(kipc_segment_stat, segment_flags, 8);
AT(kipc_segment_stat, seals, 12);
AT(kipc_segment_stat, bytes, 16);
AT(kipc_segment_stat, resident, 24);
AT(kipc_segment_stat, swapped, 32);
SIZE(kipc_segment_stat, 40);

AT(kipc_array_create, size, 0);
AT(kipc_array_create, flags, 4);
AT(kipc_array_create, name, 8);
AT(kipc_array_create, name_len, 16);
AT(kipc_array_create, mode, 20);
AT(kipc_array_create, rights, 24);
AT(kipc_array_create, result, 28);
AT(kipc_array_create, id, 32);
AT(kipc_array_create, fd, 40);
AT(kipc_array_create, count, 44);
AT(kipc_array_create, element, 48);
AT(kipc_array_create, pad, 52);
SIZE(kipc_array_create, 56);

AT(kipc_array_entry, op, 0);
AT(kipc_array_entry, index, 4);
AT(kipc_array_entry, value, 8);
AT(kipc_array_entry, expected, 16);
AT(kipc_array_entry, result, 24);
AT(kipc_array_entry, version, 32);
SIZE(kipc_array_entry, 40);

AT(kipc_array_op, size, 0);
AT(kipc_array_op, flags, 4);
AT(kipc_array_op, entry, 8);
SIZE(kipc_array_op, 48);

AT(kipc_array_ops, size, 0);
AT(kipc_array_ops, flags, 4);
AT(kipc_array_ops, entries, 8);
AT(kipc_array_ops, count, 16);
AT(kipc_array_ops, mismatch, 20);
SIZE(kipc_array_ops, 24);

AT(kipc_array_read, size, 0);
AT(kipc_array_read, flags, 4);
AT(kipc_array_read, first, 8);
AT(kipc_array_read, count, 12);
AT(kipc_array_read, buf, 16);
AT(kipc_array_read, versions, 24);
AT(kipc_array_read, changes, 32);
SIZE(kipc_array_read, 40);

AT(kipc_array_slot, index, 0);
AT(kipc_array_slot, pad, 4);
AT(kipc_array_slot, version, 8);
SIZE(kipc_array_slot, 16);

AT(kipc_array_wait, size, 0);
AT(kipc_array_wait, flags, 4);
AT(kipc_array_wait, slots, 8);
AT(kipc_array_wait, count, 16);
AT(kipc_array_wait, changed, 20);
AT(kipc_array_wait, deadline_ns, 24);
SIZE(kipc_array_wait, 32);

AT(kipc_array_stat, size, 0);
AT(kipc_array_stat, flags, 4);
AT(kipc_array_stat, count, 8);
AT(kipc_array_stat, element, 12);
AT(kipc_array_stat, waiting, 16);
AT(kipc_array_stat, pad, 20);
AT(kipc_array_stat, changes, 24);
AT(kipc_array_stat, sleeps, 32);
AT(kipc_array_stat, blocked_ns, 40);
SIZE(kipc_array_stat, 48);

AT(kipc_semaphore_create, size, 0);
AT(kipc_semaphore_create, flags, 4);
AT(kipc_semaphore_create, name, 8);
AT(kipc_semaphore_create, name_len, 16);
AT(kipc_semaphore_create, mode, 20);
AT(kipc_semaphore_create, rights, 24);
AT(kipc_semaphore_create, result, 28);
AT(kipc_semaphore_create, id, 32);
AT(kipc_semaphore_create, fd, 40);
AT(kipc_semaphore_create, count, 44);
AT(kipc_semaphore_create, max, 48);
AT(kipc_semaphore_create, initial, 52);
AT(kipc_semaphore_create, values, 56);
SIZE(kipc_semaphore_create, 64);

AT(kipc_semaphore_op, size, 0);
AT(kipc_semaphore_op, flags, 4);
AT(kipc_semaphore_op, index, 8);
AT(kipc_semaphore_op, delta, 12);
AT(kipc_semaphore_op, deadline_ns, 16);
SIZE(kipc_semaphore_op, 24);

AT(kipc_sem_entry, index, 0);
AT(kipc_sem_entry, delta, 4);
AT(kipc_sem_entry, flags, 8);
AT(kipc_sem_entry, pad, 12);
SIZE(kipc_sem_entry, 16);

AT(kipc_semaphore_ops, size, 0);
AT(kipc_semaphore_ops, flags, 4);
AT(kipc_semaphore_ops, entries, 8);
AT(kipc_semaphore_ops, count, 16);
AT(kipc_semaphore_ops, pad, 20);
AT(kipc_semaphore_ops, deadline_ns, 24);
AT(kipc_semaphore_ops, owner_dead, 32);
SIZE(kipc_semaphore_ops, 40);

AT(kipc_sem_counter, value, 0);
AT(kipc_sem_counter, waiting, 4);
AT(kipc_sem_counter, waiting_zero, 8);
AT(kipc_sem_counter, pid, 12);
AT(kipc_sem_counter, state, 16);
AT(kipc_sem_counter, pad, 20);
SIZE(kipc_sem_counter, 24);

AT(kipc_semaphore_get, size, 0);
AT(kipc_semaphore_get, flags, 4);
AT(kipc_semaphore_get, counters, 8);
AT(kipc_semaphore_get, first, 16);
AT(kipc_semaphore_get, count, 20);
AT(kipc_semaphore_get, counter_size, 24);
AT(kipc_semaphore_get, pad, 28);
SIZE(kipc_semaphore_get, 32);

AT(kipc_semaphore_set, size, 0);
AT(kipc_semaphore_set, flags, 4);
AT(kipc_semaphore_set, values, 8);
AT(kipc_semaphore_set, first, 16);
AT(kipc_semaphore_set, count, 20);
SIZE(kipc_semaphore_set, 24);

AT(kipc_semaphore_mark, size, 0);
AT(kipc_semaphore_mark, flags, 4);
AT(kipc_semaphore_mark, index, 8);
AT(kipc_semaphore_mark, mark, 12);
SIZE(kipc_semaphore_mark, 16);

AT(kipc_semaphore_watch, size, 0);
AT(kipc_semaphore_watch, flags, 4);
AT(kipc_semaphore_watch, index, 8);
AT(kipc_semaphore_watch, pad, 12);
SIZE(kipc_semaphore_watch, 16);

AT(kipc_semaphore_stat, size, 0);
AT(kipc_semaphore_stat, flags, 4);
AT(kipc_semaphore_stat, semaphore_flags, 8);
AT(kipc_semaphore_stat, count, 12);
AT(kipc_semaphore_stat, max, 16);
AT(kipc_semaphore_stat, waiting, 20);
AT(kipc_semaphore_stat, undos, 24);
AT(kipc_semaphore_stat, pad, 28);
AT(kipc_semaphore_stat, sleeps, 32);
AT(kipc_semaphore_stat, blocked_ns, 40);
AT(kipc_semaphore_stat, wakeups, 48);
SIZE(kipc_semaphore_stat, 56);

AT(kipc_sem_word, value, 0);
AT(kipc_sem_word, reserved, 4);
SIZE(kipc_sem_word, 64);

AT(kipc_semaphore_attach, size, 0);
AT(kipc_semaphore_attach, flags, 4);
AT(kipc_semaphore_attach, token, 8);
AT(kipc_semaphore_attach, pad, 12);
SIZE(kipc_semaphore_attach, 16);

AT(kipc_msg, type, 0);
AT(kipc_msg, priority, 8);
AT(kipc_msg, flags, 12);
AT(kipc_msg, buf, 16);
AT(kipc_msg, len, 24);
AT(kipc_msg, fd_count, 28);
AT(kipc_msg, fds, 32);
AT(kipc_msg, cookie, 40);
AT(kipc_msg, pid, 48);
AT(kipc_msg, uid, 52);
AT(kipc_msg, gid, 56);
AT(kipc_msg, pad, 60);
AT(kipc_msg, seq, 64);
AT(kipc_msg, time_ns, 72);
AT(kipc_msg, token, 80);
AT(kipc_msg, endpoint, 88);
SIZE(kipc_msg, 96);

AT(kipc_msg_send, size, 0);
AT(kipc_msg_send, flags, 4);
AT(kipc_msg_send, pid, 8);
AT(kipc_msg_send, pad, 12);
AT(kipc_msg_send, id, 16);
AT(kipc_msg_send, deadline_ns, 24);
AT(kipc_msg_send, msg, 32);
SIZE(kipc_msg_send, 128);

AT(kipc_msg_sendv, size, 0);
AT(kipc_msg_sendv, flags, 4);
AT(kipc_msg_sendv, pid, 8);
AT(kipc_msg_sendv, count, 12);
AT(kipc_msg_sendv, id, 16);
AT(kipc_msg_sendv, deadline_ns, 24);
AT(kipc_msg_sendv, msgs, 32);
SIZE(kipc_msg_sendv, 40);

AT(kipc_msg_recv, size, 0);
AT(kipc_msg_recv, flags, 4);
AT(kipc_msg_recv, select, 8);
AT(kipc_msg_recv, pid, 12);
AT(kipc_msg_recv, type, 16);
AT(kipc_msg_recv, position, 24);
AT(kipc_msg_recv, pad, 28);
AT(kipc_msg_recv, deadline_ns, 32);
AT(kipc_msg_recv, msg, 40);
SIZE(kipc_msg_recv, 136);

AT(kipc_msg_recvv, size, 0);
AT(kipc_msg_recvv, flags, 4);
AT(kipc_msg_recvv, select, 8);
AT(kipc_msg_recvv, pid, 12);
AT(kipc_msg_recvv, type, 16);
AT(kipc_msg_recvv, count, 24);
AT(kipc_msg_recvv, pad, 28);
AT(kipc_msg_recvv, deadline_ns, 32);
AT(kipc_msg_recvv, msgs, 40);
SIZE(kipc_msg_recvv, 48);

AT(kipc_queue_stat, messages, 0);
AT(kipc_queue_stat, max_messages, 4);
AT(kipc_queue_stat, bytes, 8);
AT(kipc_queue_stat, max_bytes, 16);
AT(kipc_queue_stat, message_max, 24);
AT(kipc_queue_stat, peak_messages, 28);
AT(kipc_queue_stat, peak_bytes, 32);
AT(kipc_queue_stat, senders, 40);
AT(kipc_queue_stat, receivers, 44);
AT(kipc_queue_stat, sent, 48);
AT(kipc_queue_stat, received, 56);
AT(kipc_queue_stat, send_sleeps, 64);
AT(kipc_queue_stat, send_blocked_ns, 72);
AT(kipc_queue_stat, recv_sleeps, 80);
AT(kipc_queue_stat, recv_blocked_ns, 88);
SIZE(kipc_queue_stat, 96);

AT(kipc_endpoint_create, size, 0);
AT(kipc_endpoint_create, flags, 4);
AT(kipc_endpoint_create, name, 8);
AT(kipc_endpoint_create, name_len, 16);
AT(kipc_endpoint_create, mode, 20);
AT(kipc_endpoint_create, rights, 24);
AT(kipc_endpoint_create, result, 28);
AT(kipc_endpoint_create, id, 32);
AT(kipc_endpoint_create, fd, 40);
AT(kipc_endpoint_create, max_messages, 44);
AT(kipc_endpoint_create, max_bytes, 48);
AT(kipc_endpoint_create, message_max, 56);
AT(kipc_endpoint_create, pad, 60);
SIZE(kipc_endpoint_create, 64);

AT(kipc_endpoint_call, size, 0);
AT(kipc_endpoint_call, flags, 4);
AT(kipc_endpoint_call, pid, 8);
AT(kipc_endpoint_call, pad, 12);
AT(kipc_endpoint_call, id, 16);
AT(kipc_endpoint_call, deadline_ns, 24);
AT(kipc_endpoint_call, request, 32);
AT(kipc_endpoint_call, reply, 128);
SIZE(kipc_endpoint_call, 224);

AT(kipc_endpoint_reply, size, 0);
AT(kipc_endpoint_reply, flags, 4);
AT(kipc_endpoint_reply, token, 8);
AT(kipc_endpoint_reply, msg, 16);
SIZE(kipc_endpoint_reply, 112);

AT(kipc_endpoint_reply_recv, size, 0);
AT(kipc_endpoint_reply_recv, flags, 4);
AT(kipc_endpoint_reply_recv, select, 8);
AT(kipc_endpoint_reply_recv, pid, 12);
AT(kipc_endpoint_reply_recv, type, 16);
AT(kipc_endpoint_reply_recv, token, 24);
AT(kipc_endpoint_reply_recv, deadline_ns, 32);
AT(kipc_endpoint_reply_recv, reply, 40);
AT(kipc_endpoint_reply_recv, request, 136);
SIZE(kipc_endpoint_reply_recv, 232);

AT(kipc_endpoint_cancelled, size, 0);
AT(kipc_endpoint_cancelled, flags, 4);
AT(kipc_endpoint_cancelled, tokens, 8);
AT(kipc_endpoint_cancelled, count, 16);
AT(kipc_endpoint_cancelled, pad, 20);
SIZE(kipc_endpoint_cancelled, 24);

AT(kipc_endpoint_find, size, 0);
AT(kipc_endpoint_find, flags, 4);
AT(kipc_endpoint_find, pid, 8);
AT(kipc_endpoint_find, pad, 12);
AT(kipc_endpoint_find, id, 16);
SIZE(kipc_endpoint_find, 24);

AT(kipc_endpoint_stat, size, 0);
AT(kipc_endpoint_stat, flags, 4);
AT(kipc_endpoint_stat, pid, 8);
AT(kipc_endpoint_stat, state, 12);
AT(kipc_endpoint_stat, calls, 16);
AT(kipc_endpoint_stat, cancelled, 20);
AT(kipc_endpoint_stat, queue, 24);
SIZE(kipc_endpoint_stat, 120);

AT(kipc_mailbox_create, size, 0);
AT(kipc_mailbox_create, flags, 4);
AT(kipc_mailbox_create, name, 8);
AT(kipc_mailbox_create, name_len, 16);
AT(kipc_mailbox_create, mode, 20);
AT(kipc_mailbox_create, rights, 24);
AT(kipc_mailbox_create, result, 28);
AT(kipc_mailbox_create, id, 32);
AT(kipc_mailbox_create, fd, 40);
AT(kipc_mailbox_create, max_messages, 44);
AT(kipc_mailbox_create, max_bytes, 48);
AT(kipc_mailbox_create, message_max, 56);
AT(kipc_mailbox_create, pad, 60);
SIZE(kipc_mailbox_create, 64);

AT(kipc_mailbox_drain, size, 0);
AT(kipc_mailbox_drain, flags, 4);
AT(kipc_mailbox_drain, messages, 8);
AT(kipc_mailbox_drain, pad, 12);
AT(kipc_mailbox_drain, bytes, 16);
SIZE(kipc_mailbox_drain, 24);

AT(kipc_mailbox_stat, size, 0);
AT(kipc_mailbox_stat, flags, 4);
AT(kipc_mailbox_stat, queue, 8);
SIZE(kipc_mailbox_stat, 104);

AT(kipc_pipe_create, size, 0);
AT(kipc_pipe_create, flags, 4);
AT(kipc_pipe_create, name, 8);
AT(kipc_pipe_create, name_len, 16);
AT(kipc_pipe_create, mode, 20);
AT(kipc_pipe_create, rights, 24);
AT(kipc_pipe_create, result, 28);
AT(kipc_pipe_create, id, 32);
AT(kipc_pipe_create, capacity, 40);
AT(kipc_pipe_create, read_fd, 48);
AT(kipc_pipe_create, write_fd, 52);
SIZE(kipc_pipe_create, 56);

AT(kipc_pipe_io, size, 0);
AT(kipc_pipe_io, flags, 4);
AT(kipc_pipe_io, buf, 8);
AT(kipc_pipe_io, len, 16);
AT(kipc_pipe_io, deadline_ns, 24);
AT(kipc_pipe_io, done, 32);
SIZE(kipc_pipe_io, 40);

AT(kipc_pipe_resize, size, 0);
AT(kipc_pipe_resize, flags, 4);
AT(kipc_pipe_resize, capacity, 8);
SIZE(kipc_pipe_resize, 16);

AT(kipc_pipe_side, handles, 0);
AT(kipc_pipe_side, waiting, 4);
AT(kipc_pipe_side, bytes, 8);
AT(kipc_pipe_side, calls, 16);
AT(kipc_pipe_side, sleeps, 24);
AT(kipc_pipe_side, blocked_ns, 32);
AT(kipc_pipe_side, wakeups, 40);
SIZE(kipc_pipe_side, 48);

AT(kipc_pipe_stat, size, 0);
AT(kipc_pipe_stat, flags, 4);
AT(kipc_pipe_stat, pipe_flags, 8);
AT(kipc_pipe_stat, pad, 12);
AT(kipc_pipe_stat, capacity, 16);
AT(kipc_pipe_stat, used, 24);
AT(kipc_pipe_stat, readers, 32);
AT(kipc_pipe_stat, writers, 80);
AT(kipc_pipe_stat, my_bytes, 128);
AT(kipc_pipe_stat, my_calls, 136);
SIZE(kipc_pipe_stat, 144);

AT(kipc_pipe_news, flags, 0);
AT(kipc_pipe_news, pad, 4);
AT(kipc_pipe_news, until, 8);
AT(kipc_pipe_news, reserved, 16);
SIZE(kipc_pipe_news, 64);

AT(kipc_pipe_state, capacity, 0);
AT(kipc_pipe_state, reserved, 8);
AT(kipc_pipe_state, to_producer, 64);
AT(kipc_pipe_state, to_consumer, 128);
SIZE(kipc_pipe_state, 192);

AT(kipc_pipe_index, total, 0);
SIZE(kipc_pipe_index, 8);

AT(kipc_pipe_record, len, 0);
AT(kipc_pipe_record, pad, 4);
SIZE(kipc_pipe_record, 8);

AT(kipc_pipe_wait, size, 0);
AT(kipc_pipe_wait, flags, 4);
AT(kipc_pipe_wait, until, 8);
AT(kipc_pipe_wait, deadline_ns, 16);
SIZE(kipc_pipe_wait, 24);

AT(kipc_pipe_wake, size, 0);
AT(kipc_pipe_wake, flags, 4);
SIZE(kipc_pipe_wake, 8);

#undef AT
#undef SIZE

#endif /* CORE_LAYOUT_H */
