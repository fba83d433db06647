/* SPDX-License-Identifier: GPL-2.0 */
/* All ioctls, as a table: how to issue each one so that it succeeds. */
#ifndef CORE_ABI_CALLS_H
#define CORE_ABI_CALLS_H

#include "core_abi_peer.h"
#include "core_abi_scene.h"
#include "core_layout.h"

/**
 * struct call - an ioctl on a file that knows it
 * @name: for people
 * @cmd: its number
 * @file: what it is issued on
 * @size: of its argument
 * @first: the size that this had in the first published version
 * @flags: that are known
 * @output: has members that it must write
 * @fill: the members that it needs; @args is zero but for its size
 */
struct call {
	const char *name;
	unsigned long cmd;
	enum file file;
	size_t size;
	size_t first;
	uint32_t flags;
	bool output;
	void (*fill)(struct scene *scene, void *args);
};

static void fill_nothing(struct scene *scene, void *args)
{
	(void)scene;
	(void)args;
}

static void fill_list(struct scene *scene, void *args)
{
	struct kipc_list *list = args;

	list->entries = to_u64(scene->entries);
	list->entry_size = sizeof(*scene->entries);
	list->count = 2;
}

static void fill_stat(struct scene *scene, void *args)
{
	struct kipc_stat *stat = args;

	(void)scene;
	stat->name = to_u64(NAME);
	stat->name_len = strlen(NAME);
}

static void fill_open(struct scene *scene, void *args)
{
	struct kipc_open *open = args;

	(void)scene;
	open->name = to_u64(NAME);
	open->name_len = strlen(NAME);
	open->kind = KIPC_KIND_PIPE;
	open->rights = KIPC_RIGHT_WRITE;
}

static void fill_target(struct scene *scene, void *args)
{
	struct kipc_target *target = args;

	(void)scene;
	target->name = to_u64(NAME);
	target->name_len = strlen(NAME);
}

static void fill_setattr(struct scene *scene, void *args)
{
	struct kipc_setattr *setattr = args;

	(void)scene;
	setattr->flags = KIPC_SET_MODE;
	setattr->mode = 0600;
}

static void fill_create(const struct kind *kind, union create_arg *create)
{
	create->head.name = to_u64(NEW_NAME);
	create->head.name_len = strlen(NEW_NAME);
	create->head.mode = 0600;
	create->head.rights = RIGHT_BOTH;
	kind->shape(create);
}

static void fill_segment_create(struct scene *scene, void *args)
{
	(void)scene;
	fill_create(&kinds[SEGMENT_KIND], args);
}

static void fill_segment_resize(struct scene *scene, void *args)
{
	struct kipc_segment_resize *resize = args;

	(void)scene;
	resize->bytes = 3 * PAGE;
}

static void fill_segment_seal(struct scene *scene, void *args)
{
	struct kipc_segment_seal *seal = args;

	(void)scene;
	seal->seals = KIPC_SEAL_SHRINK;
}

static void fill_array_create(struct scene *scene, void *args)
{
	(void)scene;
	fill_create(&kinds[ARRAY_KIND], args);
}

static void fill_array_op(struct scene *scene, void *args)
{
	struct kipc_array_op *op = args;

	(void)scene;
	op->entry = (struct kipc_array_entry){
		.op = KIPC_ARRAY_SWAP,
		.index = 1,
		.value = 5,
	};
}

static void fill_array_ops(struct scene *scene, void *args)
{
	struct kipc_array_ops *ops = args;

	scene->array_ops[0] = (struct kipc_array_entry){
		.op = KIPC_ARRAY_ADD,
		.value = 1,
	};
	scene->array_ops[1] = (struct kipc_array_entry){
		.op = KIPC_ARRAY_CAS,
		.index = 2,
		.value = 1,
	};
	ops->entries = to_u64(scene->array_ops);
	ops->count = 2;
}

static void fill_array_read(struct scene *scene, void *args)
{
	struct kipc_array_read *read = args;

	read->count = SLOTS;
	read->buf = to_u64(scene->elements);
	read->versions = to_u64(scene->versions);
}

/* Slot 0 has the version 1, and slot 1 none yet. */
static void fill_array_wait(struct scene *scene, void *args)
{
	struct kipc_array_wait *wait = args;

	memset(scene->slots, 0, sizeof(scene->slots));
	scene->slots[0].index = 1;
	wait->slots = to_u64(scene->slots);
	wait->count = 2;
	wait->deadline_ns = in_ms(10000);
}

static void fill_semaphore_create(struct scene *scene, void *args)
{
	(void)scene;
	fill_create(&kinds[SEMAPHORE_KIND], args);
}

static void fill_semaphore_op(struct scene *scene, void *args)
{
	struct kipc_semaphore_op *op = args;

	(void)scene;
	op->delta = -1;
	op->deadline_ns = in_ms(10000);
}

static void fill_semaphore_ops(struct scene *scene, void *args)
{
	struct kipc_semaphore_ops *ops = args;

	scene->sem_ops[0] = (struct kipc_sem_entry){ .delta = -1 };
	scene->sem_ops[1] = (struct kipc_sem_entry){ .index = 1, .delta = 1 };
	ops->entries = to_u64(scene->sem_ops);
	ops->count = 2;
	ops->deadline_ns = in_ms(10000);
}

static void fill_semaphore_get(struct scene *scene, void *args)
{
	struct kipc_semaphore_get *get = args;

	get->counters = to_u64(scene->counters);
	get->count = COUNTERS;
	get->counter_size = sizeof(*scene->counters);
}

static void fill_semaphore_set(struct scene *scene, void *args)
{
	struct kipc_semaphore_set *set = args;

	scene->values[0] = 1;
	scene->values[1] = 2;
	set->values = to_u64(scene->values);
	set->count = COUNTERS;
}

static void fill_semaphore_mark(struct scene *scene, void *args)
{
	struct kipc_semaphore_mark *mark = args;

	(void)scene;
	mark->mark = KIPC_MUTEX_UNRECOVERABLE;
}

static void fill_semaphore_watch(struct scene *scene, void *args)
{
	struct kipc_semaphore_watch *watch = args;

	(void)scene;
	watch->index = 1;
}

/* The process has one: it is opened. */
static void fill_endpoint_create(struct scene *scene, void *args)
{
	struct kipc_endpoint_create *create = args;

	(void)scene;
	create->name = to_u64(NAME "-endpoint");
	create->name_len = strlen(NAME "-endpoint");
	create->mode = 0600;
	create->rights = RIGHT_BOTH;
}

static struct kipc_msg letter(struct scene *scene)
{
	return (struct kipc_msg){
		.type = LETTER,
		.buf = to_u64(DATA),
		.len = DATA_LEN,
		.fds = to_u64(&scene->fd[SEGMENT]),
		.fd_count = 1,
	};
}

static struct kipc_msg room_for_letter(struct scene *scene)
{
	return (struct kipc_msg){
		.buf = to_u64(scene->buf),
		.len = sizeof(scene->buf),
		.fds = to_u64(scene->got_fds),
		.fd_count = ARRAY_SIZE(scene->got_fds),
	};
}

static void fill_send(struct scene *scene, void *args)
{
	struct kipc_msg_send *send = args;

	send->deadline_ns = in_ms(10000);
	send->msg = letter(scene);
}

static void fill_send_to_pid(struct scene *scene, void *args)
{
	struct kipc_msg_send *send = args;

	fill_send(scene, args);
	send->pid = getpid();
}

static void fill_sendv(struct scene *scene, void *args)
{
	struct kipc_msg_sendv *sendv = args;

	scene->msgs[0] = letter(scene);
	scene->msgs[1] = letter(scene);
	sendv->deadline_ns = in_ms(10000);
	sendv->msgs = to_u64(scene->msgs);
	sendv->count = 2;
}

static void fill_sendv_to_pid(struct scene *scene, void *args)
{
	struct kipc_msg_sendv *sendv = args;

	fill_sendv(scene, args);
	sendv->pid = getpid();
}

static void fill_recv(struct scene *scene, void *args)
{
	struct kipc_msg_recv *recv = args;

	recv->deadline_ns = in_ms(10000);
	recv->msg = room_for_letter(scene);
}

static void fill_recvv(struct scene *scene, void *args)
{
	struct kipc_msg_recvv *recvv = args;

	scene->msgs[0] = room_for_letter(scene);
	scene->msgs[1] = room_for_letter(scene);
	recvv->deadline_ns = in_ms(10000);
	recvv->msgs = to_u64(scene->msgs);
	recvv->count = 2;
}

static void fill_plain_send(struct scene *scene, void *args)
{
	struct kipc_msg_send *send = args;

	send->msg.type = LETTER;
	send->msg.buf = to_u64(scene->words);
	send->msg.len = sizeof(scene->words);
}

static void fill_plain_recv(struct scene *scene, void *args)
{
	struct kipc_msg_recv *recv = args;

	recv->msg.buf = to_u64(scene->words);
	recv->msg.len = sizeof(scene->words);
}

static void fill_call(struct scene *scene, void *args)
{
	struct kipc_endpoint_call *call = args;

	peer_start(scene, peer_answer);
	call->deadline_ns = in_ms(10000);
	call->request = letter(scene);
	call->request.type = REQUEST;
	call->reply = room_for_letter(scene);
}

static void fill_call_to_pid(struct scene *scene, void *args)
{
	struct kipc_endpoint_call *call = args;

	fill_call(scene, args);
	call->pid = getpid();
}

static void fill_reply(struct scene *scene, void *args)
{
	struct kipc_endpoint_reply *reply = args;

	peer_asks(scene);
	reply->token = scene->token;
	reply->msg = letter(scene);
}

static void fill_reply_recv(struct scene *scene, void *args)
{
	struct kipc_endpoint_reply_recv *both = args;

	peer_asks(scene);
	both->token = scene->token;
	both->deadline_ns = in_ms(10000);
	both->reply = letter(scene);
	both->request = room_for_letter(scene);
}

static void fill_cancelled(struct scene *scene, void *args)
{
	struct kipc_endpoint_cancelled *cancelled = args;

	peer_gives_up(scene);
	cancelled->tokens = to_u64(scene->tokens);
	cancelled->count = ARRAY_SIZE(scene->tokens);
}

static void fill_find(struct scene *scene, void *args)
{
	struct kipc_endpoint_find *find = args;

	(void)scene;
	find->pid = getpid();
}

static void fill_mailbox_create(struct scene *scene, void *args)
{
	(void)scene;
	fill_create(&kinds[MAILBOX_KIND], args);
}

static void fill_pipe_create(struct scene *scene, void *args)
{
	(void)scene;
	fill_create(&kinds[PIPE_KIND], args);
}

static void fill_io(struct scene *scene, void *args)
{
	struct kipc_pipe_io *io = args;

	io->flags = KIPC_IO_NONBLOCK;
	io->buf = to_u64(scene->buf);
	io->len = DATA_LEN;
}

static void fill_resize(struct scene *scene, void *args)
{
	struct kipc_pipe_resize *resize = args;

	(void)scene;
	resize->capacity = 4 * PAGE;
}

static void fill_pipe_wait(struct scene *scene, void *args)
{
	struct kipc_pipe_wait *wait = args;

	(void)scene;
	wait->flags = KIPC_IO_NONBLOCK;
	wait->until = 0;
}

#define CREATE_FLAGS (KIPC_EXCL | KIPC_PERSIST | KIPC_NONBLOCK | KIPC_INHERIT)
#define SEGMENT_FLAGS (CREATE_FLAGS | KIPC_SEGMENT_SEALABLE |		\
		       KIPC_SEGMENT_HUGE | KIPC_SEGMENT_RESERVE)
#define SEMAPHORE_FLAGS (CREATE_FLAGS | KIPC_SEMAPHORE_MUTEX |		\
			 KIPC_SEMAPHORE_MAPPED)
#define PIPE_FLAGS (CREATE_FLAGS | KIPC_PIPE_RECORD | KIPC_PIPE_TURNS |	\
		    KIPC_PIPE_NOSIGPIPE | KIPC_PIPE_MAPPED)
#define OPEN_FLAGS (KIPC_NONBLOCK | KIPC_INHERIT | KIPC_PIPE_NOSIGPIPE)
#define ENDPOINT_FLAGS (KIPC_EXCL | KIPC_NONBLOCK | KIPC_INHERIT)
#define RECV_FLAGS (KIPC_MSG_NONBLOCK | KIPC_MSG_PEEK | KIPC_MSG_TRUNCATE)
#define RECVV_FLAGS (KIPC_MSG_NONBLOCK | KIPC_MSG_TRUNCATE | KIPC_MSG_WAIT_ALL)
#define CALL_FLAGS (KIPC_MSG_NONBLOCK | KIPC_MSG_TRUNCATE)
#define OP_FLAGS (KIPC_SEM_NONBLOCK | KIPC_SEM_UNDO)
#define IO_FLAGS (KIPC_IO_NONBLOCK | KIPC_IO_NOSIGPIPE)
#define SET_FLAGS (KIPC_SET_MODE | KIPC_SET_UID | KIPC_SET_GID | KIPC_SET_SPIN)

#define GROWN_CALL(cmd, file, type, first, flags, output, fill) \
	{ #cmd " on " #file, cmd, file, sizeof(struct type), first, flags, \
	  output, fill }
#define CALL(cmd, file, type, flags, output, fill) \
	GROWN_CALL(cmd, file, type, sizeof(struct type), flags, output, fill)
#define STAT_CALL(file, fill) \
	GROWN_CALL(KIPC_STAT, file, kipc_stat, KIPC_STAT_FIRST, 0, true, fill)

static const struct call calls[] = {
	GROWN_CALL(KIPC_INFO, DEVICE, kipc_info, KIPC_INFO_FIRST, 0, true,
		   fill_nothing),
	CALL(KIPC_LIST, DEVICE, kipc_list, 0, true, fill_list),
	STAT_CALL(DEVICE, fill_stat),
	CALL(KIPC_OPEN, DEVICE, kipc_open, OPEN_FLAGS, true, fill_open),
	CALL(KIPC_UNLINK, DEVICE, kipc_target, 0, false, fill_target),
	CALL(KIPC_DESTROY, DEVICE, kipc_target, 0, false, fill_target),
	STAT_CALL(READ_END, fill_nothing),
	CALL(KIPC_UNLINK, READ_END, kipc_target, 0, false, fill_nothing),
	CALL(KIPC_DESTROY, READ_END, kipc_target, 0, false, fill_nothing),
	CALL(KIPC_SETATTR, READ_END, kipc_setattr, SET_FLAGS, false,
	     fill_setattr),
	STAT_CALL(WRITE_END, fill_nothing),
	CALL(KIPC_UNLINK, WRITE_END, kipc_target, 0, false, fill_nothing),
	CALL(KIPC_DESTROY, WRITE_END, kipc_target, 0, false, fill_nothing),
	CALL(KIPC_SETATTR, WRITE_END, kipc_setattr, SET_FLAGS, false,
	     fill_setattr),
	STAT_CALL(SEGMENT, fill_nothing),
	CALL(KIPC_UNLINK, SEGMENT, kipc_target, 0, false, fill_nothing),
	CALL(KIPC_DESTROY, SEGMENT, kipc_target, 0, false, fill_nothing),
	CALL(KIPC_SETATTR, SEGMENT, kipc_setattr, SET_FLAGS, false,
	     fill_setattr),
	STAT_CALL(ARRAY, fill_nothing),
	CALL(KIPC_UNLINK, ARRAY, kipc_target, 0, false, fill_nothing),
	CALL(KIPC_DESTROY, ARRAY, kipc_target, 0, false, fill_nothing),
	CALL(KIPC_SETATTR, ARRAY, kipc_setattr, SET_FLAGS, false,
	     fill_setattr),
	STAT_CALL(SEMAPHORE, fill_nothing),
	CALL(KIPC_UNLINK, SEMAPHORE, kipc_target, 0, false, fill_nothing),
	CALL(KIPC_DESTROY, SEMAPHORE, kipc_target, 0, false, fill_nothing),
	CALL(KIPC_SETATTR, SEMAPHORE, kipc_setattr, SET_FLAGS, false,
	     fill_setattr),
	STAT_CALL(MUTEX, fill_nothing),
	CALL(KIPC_UNLINK, MUTEX, kipc_target, 0, false, fill_nothing),
	CALL(KIPC_DESTROY, MUTEX, kipc_target, 0, false, fill_nothing),
	CALL(KIPC_SETATTR, MUTEX, kipc_setattr, SET_FLAGS, false,
	     fill_setattr),
	STAT_CALL(ENDPOINT, fill_nothing),
	CALL(KIPC_UNLINK, ENDPOINT, kipc_target, 0, false, fill_nothing),
	CALL(KIPC_DESTROY, ENDPOINT, kipc_target, 0, false, fill_nothing),
	CALL(KIPC_SETATTR, ENDPOINT, kipc_setattr, SET_FLAGS, false,
	     fill_setattr),
	STAT_CALL(MAILBOX, fill_nothing),
	CALL(KIPC_UNLINK, MAILBOX, kipc_target, 0, false, fill_nothing),
	CALL(KIPC_DESTROY, MAILBOX, kipc_target, 0, false, fill_nothing),
	CALL(KIPC_SETATTR, MAILBOX, kipc_setattr, SET_FLAGS, false,
	     fill_setattr),
	CALL(KIPC_SEGMENT_CREATE, DEVICE, kipc_segment_create, SEGMENT_FLAGS,
	     true, fill_segment_create),
	CALL(KIPC_SEGMENT_RESIZE, SEGMENT, kipc_segment_resize,
	     KIPC_SEGMENT_RESERVE, false, fill_segment_resize),
	CALL(KIPC_SEGMENT_SEAL, SEGMENT, kipc_segment_seal, 0, true,
	     fill_segment_seal),
	CALL(KIPC_SEGMENT_STAT, SEGMENT, kipc_segment_stat, 0, true,
	     fill_nothing),
	CALL(KIPC_ARRAY_CREATE, DEVICE, kipc_array_create, CREATE_FLAGS, true,
	     fill_array_create),
	CALL(KIPC_ARRAY_OP, ARRAY, kipc_array_op, 0, true, fill_array_op),
	CALL(KIPC_ARRAY_OPS, ARRAY, kipc_array_ops, 0, true, fill_array_ops),
	CALL(KIPC_ARRAY_READ, ARRAY, kipc_array_read, 0, true,
	     fill_array_read),
	CALL(KIPC_ARRAY_WAIT, ARRAY, kipc_array_wait, KIPC_ARRAY_NONBLOCK,
	     true, fill_array_wait),
	CALL(KIPC_ARRAY_STAT, ARRAY, kipc_array_stat, 0, true, fill_nothing),
	CALL(KIPC_SEMAPHORE_CREATE, DEVICE, kipc_semaphore_create,
	     SEMAPHORE_FLAGS, true, fill_semaphore_create),
	CALL(KIPC_SEMAPHORE_OP, SEMAPHORE, kipc_semaphore_op, OP_FLAGS, false,
	     fill_semaphore_op),
	CALL(KIPC_SEMAPHORE_OPS, SEMAPHORE, kipc_semaphore_ops, OP_FLAGS, true,
	     fill_semaphore_ops),
	CALL(KIPC_SEMAPHORE_GET, SEMAPHORE, kipc_semaphore_get, 0, false,
	     fill_semaphore_get),
	CALL(KIPC_SEMAPHORE_SET, SEMAPHORE, kipc_semaphore_set, 0, false,
	     fill_semaphore_set),
	CALL(KIPC_SEMAPHORE_MARK, MUTEX, kipc_semaphore_mark, 0, false,
	     fill_semaphore_mark),
	CALL(KIPC_SEMAPHORE_WATCH, SEMAPHORE, kipc_semaphore_watch, 0, false,
	     fill_semaphore_watch),
	CALL(KIPC_SEMAPHORE_STAT, SEMAPHORE, kipc_semaphore_stat, 0, true,
	     fill_nothing),
	CALL(KIPC_SEMAPHORE_ATTACH, MAPPED, kipc_semaphore_attach, 0, true,
	     fill_nothing),
	CALL(KIPC_ENDPOINT_CREATE, DEVICE, kipc_endpoint_create,
	     ENDPOINT_FLAGS, true, fill_endpoint_create),
	CALL(KIPC_ENDPOINT_SEND, DEVICE, kipc_msg_send, KIPC_MSG_NONBLOCK,
	     false, fill_send_to_pid),
	CALL(KIPC_ENDPOINT_SEND, ENDPOINT, kipc_msg_send, KIPC_MSG_NONBLOCK,
	     false, fill_send),
	CALL(KIPC_ENDPOINT_SENDV, DEVICE, kipc_msg_sendv, KIPC_MSG_NONBLOCK,
	     true, fill_sendv_to_pid),
	CALL(KIPC_ENDPOINT_SENDV, ENDPOINT, kipc_msg_sendv, KIPC_MSG_NONBLOCK,
	     true, fill_sendv),
	CALL(KIPC_ENDPOINT_RECV, ENDPOINT, kipc_msg_recv, RECV_FLAGS, true,
	     fill_recv),
	CALL(KIPC_ENDPOINT_RECVV, ENDPOINT, kipc_msg_recvv, RECVV_FLAGS, true,
	     fill_recvv),
	CALL(KIPC_ENDPOINT_CALL, DEVICE, kipc_endpoint_call, CALL_FLAGS, true,
	     fill_call_to_pid),
	CALL(KIPC_ENDPOINT_CALL, ENDPOINT, kipc_endpoint_call, CALL_FLAGS,
	     true, fill_call),
	CALL(KIPC_ENDPOINT_REPLY, ENDPOINT, kipc_endpoint_reply, 0, false,
	     fill_reply),
	CALL(KIPC_ENDPOINT_REPLY_RECV, ENDPOINT, kipc_endpoint_reply_recv,
	     CALL_FLAGS, true, fill_reply_recv),
	CALL(KIPC_ENDPOINT_CANCELLED, ENDPOINT, kipc_endpoint_cancelled, 0,
	     true, fill_cancelled),
	CALL(KIPC_ENDPOINT_FIND, DEVICE, kipc_endpoint_find, 0, true,
	     fill_find),
	CALL(KIPC_ENDPOINT_STAT, ENDPOINT, kipc_endpoint_stat, 0, true,
	     fill_nothing),
	CALL(KIPC_MAILBOX_CREATE, DEVICE, kipc_mailbox_create, CREATE_FLAGS,
	     true, fill_mailbox_create),
	CALL(KIPC_MAILBOX_SEND, MAILBOX, kipc_msg_send, KIPC_MSG_NONBLOCK,
	     false, fill_send),
	CALL(KIPC_MAILBOX_SEND, PLAIN_MAILBOX, kipc_msg_send,
	     KIPC_MSG_NONBLOCK, false, fill_plain_send),
	CALL(KIPC_MAILBOX_SENDV, MAILBOX, kipc_msg_sendv, KIPC_MSG_NONBLOCK,
	     true, fill_sendv),
	CALL(KIPC_MAILBOX_RECV, MAILBOX, kipc_msg_recv, RECV_FLAGS, true,
	     fill_recv),
	CALL(KIPC_MAILBOX_RECV, PLAIN_MAILBOX, kipc_msg_recv, RECV_FLAGS, true,
	     fill_plain_recv),
	CALL(KIPC_MAILBOX_RECVV, MAILBOX, kipc_msg_recvv, RECVV_FLAGS, true,
	     fill_recvv),
	CALL(KIPC_MAILBOX_DRAIN, MAILBOX, kipc_mailbox_drain, 0, true,
	     fill_nothing),
	CALL(KIPC_MAILBOX_STAT, MAILBOX, kipc_mailbox_stat, 0, true,
	     fill_nothing),
	CALL(KIPC_PIPE_CREATE, DEVICE, kipc_pipe_create, PIPE_FLAGS, true,
	     fill_pipe_create),
	CALL(KIPC_PIPE_READ, READ_END, kipc_pipe_io, IO_FLAGS, true, fill_io),
	CALL(KIPC_PIPE_WRITE, WRITE_END, kipc_pipe_io, IO_FLAGS, true, fill_io),
	CALL(KIPC_PIPE_RESIZE, READ_END, kipc_pipe_resize, 0, true,
	     fill_resize),
	CALL(KIPC_PIPE_RESIZE, WRITE_END, kipc_pipe_resize, 0, true,
	     fill_resize),
	CALL(KIPC_PIPE_STAT, READ_END, kipc_pipe_stat, 0, true, fill_nothing),
	CALL(KIPC_PIPE_STAT, WRITE_END, kipc_pipe_stat, 0, true, fill_nothing),
	CALL(KIPC_PIPE_WAIT, MAPPED_READ_END, kipc_pipe_wait, KIPC_IO_NONBLOCK,
	     false, fill_pipe_wait),
	CALL(KIPC_PIPE_WAIT, MAPPED_WRITE_END, kipc_pipe_wait,
	     KIPC_IO_NONBLOCK, false, fill_pipe_wait),
	CALL(KIPC_PIPE_WAKE, MAPPED_READ_END, kipc_pipe_wake, 0, false,
	     fill_nothing),
	CALL(KIPC_PIPE_WAKE, MAPPED_WRITE_END, kipc_pipe_wake, 0, false,
	     fill_nothing),
	{ }
};

/* Valid arguments for @call at @args. */
static inline void prepare(struct scene *scene, const struct call *call,
			   void *args)
{
	memset(args, 0, call->size);
	*(uint32_t *)args = call->size;
	call->fill(scene, args);
}

static inline int issue(struct scene *scene, const struct call *call,
			void *args)
{
	return kipc_ioctl(scene->fd[call->file], call->cmd, args);
}

/* Closes what a call that succeeded opened. */
static inline void close_new(struct scene *scene, const struct call *call,
			     void *args)
{
	struct kipc_endpoint_create *endpoint = args;
	struct kipc_open *open = args;
	struct made made;
	size_t i;

	if (call->cmd == KIPC_OPEN)
		close(open->fd);
	if (call->cmd == KIPC_ENDPOINT_CREATE)
		close(endpoint->fd);
	for (i = 0; i < ARRAY_SIZE(scene->got_fds); i++)
		if (scene->got_fds[i] >= 0)
			close(scene->got_fds[i]);
	for (i = 0; i < KINDS; i++) {
		if (call->cmd == kinds[i].create) {
			take_handles(&kinds[i], args, &made);
			close_made(&made);
		}
	}
}

#endif /* CORE_ABI_CALLS_H */
