/* SPDX-License-Identifier: GPL-2.0 */
/* The ioctls that do not belong to one kind of object. */
#ifndef KIPC_CALLS_H
#define KIPC_CALLS_H

struct kipc_call;

int kipc_info_call(struct kipc_call *call);
int kipc_list_call(struct kipc_call *call);
int kipc_stat_call(struct kipc_call *call);
int kipc_open_call(struct kipc_call *call);
int kipc_unlink_call(struct kipc_call *call);
int kipc_destroy_call(struct kipc_call *call);
int kipc_setattr_call(struct kipc_call *call);

#endif /* KIPC_CALLS_H */
