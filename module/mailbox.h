/* SPDX-License-Identifier: GPL-2.0 */
/*
 * DOC: mailboxes
 *
 * A mailbox is a queue (queue.h) with a name, and handles that may send or
 * receive.  Each handle holds the object; who sleeps in the queue sleeps inside a
 * call on a handle.  A message holds neither the mailbox nor its sender's process,
 * so nothing keeps a mailbox but handles and a persistent name.
 */
#ifndef KIPC_MAILBOX_H
#define KIPC_MAILBOX_H

#include "object.h"
#include "queue.h"

struct kipc_call;

/**
 * struct kipc_mailbox - a mailbox
 * @object: what all kinds have
 * @queue: its messages
 */
struct kipc_mailbox {
	struct kipc_object object;
	struct kipc_queue queue;
};

static inline struct kipc_mailbox *kipc_to_mailbox(struct kipc_object *object)
{
	return container_of(object, struct kipc_mailbox, object);
}

/* mailbox_file.c: handles as files */
struct file *kipc_mailbox_open(struct kipc_object *object, u32 rights,
			       u32 flags);

/* mailbox_quick.c: what most calls are */
bool kipc_mailbox_quick_send(struct file *file, unsigned long uptr);
bool kipc_mailbox_quick_recv(struct file *file, unsigned long uptr);

/* mailbox.c: ioctls and lifetime */
extern const struct kipc_kind kipc_mailbox_kind;
int kipc_mailbox_create_call(struct kipc_call *call);
int kipc_mailbox_send_call(struct kipc_call *call);
int kipc_mailbox_sendv_call(struct kipc_call *call);
int kipc_mailbox_recv_call(struct kipc_call *call);
int kipc_mailbox_recvv_call(struct kipc_call *call);
int kipc_mailbox_drain_call(struct kipc_call *call);
int kipc_mailbox_stat_call(struct kipc_call *call);

#endif /* KIPC_MAILBOX_H */
