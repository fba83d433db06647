/* SPDX-License-Identifier: GPL-2.0 */
/*
 * All ioctls, as tables: how to issue each one so that it succeeds, and which
 * members of its argument must be zero, are written, or point somewhere.
 */
#ifndef CORE_ABI_CALLS_H
#define CORE_ABI_CALLS_H

#include <stddef.h>

#include "core_abi_scene.h"

/**
 * struct call - an ioctl on a file that knows it
 * @name: for people
 * @cmd: its number
 * @file: what it is issued on
 * @size: of its argument
 * @flags: that are known
 * @output: has members that it must write
 * @fill: the members that it needs; @args is zero but for its size
 */
struct call {
	const char *name;
	unsigned long cmd;
	enum file file;
	size_t size;
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

#define CREATE_FLAGS (KIPC_EXCL | KIPC_PERSIST | KIPC_NONBLOCK | KIPC_INHERIT)
#define SEGMENT_FLAGS (CREATE_FLAGS | KIPC_SEGMENT_SEALABLE |		\
		       KIPC_SEGMENT_HUGE | KIPC_SEGMENT_RESERVE)
#define SEMAPHORE_FLAGS (CREATE_FLAGS | KIPC_SEMAPHORE_MUTEX)
#define PIPE_FLAGS (CREATE_FLAGS | KIPC_PIPE_RECORD | KIPC_PIPE_TURNS |	\
		    KIPC_PIPE_NOSIGPIPE)
#define OPEN_FLAGS (KIPC_NONBLOCK | KIPC_INHERIT | KIPC_PIPE_NOSIGPIPE)
#define OP_FLAGS (KIPC_SEM_NONBLOCK | KIPC_SEM_UNDO)
#define IO_FLAGS (KIPC_IO_NONBLOCK | KIPC_IO_NOSIGPIPE)
#define SET_FLAGS (KIPC_SET_MODE | KIPC_SET_UID | KIPC_SET_GID)

#define CALL(cmd, file, type, flags, output, fill) \
	{ #cmd " on " #file, cmd, file, sizeof(struct type), flags, output, \
	  fill }

static const struct call calls[] = {
	CALL(KIPC_INFO, DEVICE, kipc_info, 0, true, fill_nothing),
	CALL(KIPC_LIST, DEVICE, kipc_list, 0, true, fill_list),
	CALL(KIPC_STAT, DEVICE, kipc_stat, 0, true, fill_stat),
	CALL(KIPC_OPEN, DEVICE, kipc_open, OPEN_FLAGS, true, fill_open),
	CALL(KIPC_UNLINK, DEVICE, kipc_target, 0, false, fill_target),
	CALL(KIPC_DESTROY, DEVICE, kipc_target, 0, false, fill_target),
	CALL(KIPC_STAT, READ_END, kipc_stat, 0, true, fill_nothing),
	CALL(KIPC_UNLINK, READ_END, kipc_target, 0, false, fill_nothing),
	CALL(KIPC_DESTROY, READ_END, kipc_target, 0, false, fill_nothing),
	CALL(KIPC_SETATTR, READ_END, kipc_setattr, SET_FLAGS, false,
	     fill_setattr),
	CALL(KIPC_STAT, WRITE_END, kipc_stat, 0, true, fill_nothing),
	CALL(KIPC_UNLINK, WRITE_END, kipc_target, 0, false, fill_nothing),
	CALL(KIPC_DESTROY, WRITE_END, kipc_target, 0, false, fill_nothing),
	CALL(KIPC_SETATTR, WRITE_END, kipc_setattr, SET_FLAGS, false,
	     fill_setattr),
	CALL(KIPC_STAT, SEGMENT, kipc_stat, 0, true, fill_nothing),
	CALL(KIPC_UNLINK, SEGMENT, kipc_target, 0, false, fill_nothing),
	CALL(KIPC_DESTROY, SEGMENT, kipc_target, 0, false, fill_nothing),
	CALL(KIPC_SETATTR, SEGMENT, kipc_setattr, SET_FLAGS, false,
	     fill_setattr),
	CALL(KIPC_STAT, ARRAY, kipc_stat, 0, true, fill_nothing),
	CALL(KIPC_UNLINK, ARRAY, kipc_target, 0, false, fill_nothing),
	CALL(KIPC_DESTROY, ARRAY, kipc_target, 0, false, fill_nothing),
	CALL(KIPC_SETATTR, ARRAY, kipc_setattr, SET_FLAGS, false,
	     fill_setattr),
	CALL(KIPC_STAT, SEMAPHORE, kipc_stat, 0, true, fill_nothing),
	CALL(KIPC_UNLINK, SEMAPHORE, kipc_target, 0, false, fill_nothing),
	CALL(KIPC_DESTROY, SEMAPHORE, kipc_target, 0, false, fill_nothing),
	CALL(KIPC_SETATTR, SEMAPHORE, kipc_setattr, SET_FLAGS, false,
	     fill_setattr),
	CALL(KIPC_STAT, MUTEX, kipc_stat, 0, true, fill_nothing),
	CALL(KIPC_UNLINK, MUTEX, kipc_target, 0, false, fill_nothing),
	CALL(KIPC_DESTROY, MUTEX, kipc_target, 0, false, fill_nothing),
	CALL(KIPC_SETATTR, MUTEX, kipc_setattr, SET_FLAGS, false,
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
	{ }
};

/* A member of the argument of one or more calls. */
struct member {
	const char *name;
	unsigned long cmd;
	bool device;
	size_t offset;
	size_t size;
};

#define MEMBER(cmd, device, type, member, bytes) \
	{ #type "." #member, cmd, device, offsetof(struct type, member), \
	  bytes }
#define ON_DEVICE(cmd, type, member, bytes) \
	MEMBER(cmd, true, type, member, bytes)
#define ON_HANDLE(cmd, type, member, bytes) \
	MEMBER(cmd, false, type, member, bytes)

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
	ON_HANDLE(KIPC_PIPE_STAT, kipc_pipe_stat, pad, 4),
};

/* What is all ones on the way in must not be so when the call succeeded. */
static const struct member outputs[] = {
	ON_DEVICE(KIPC_INFO, kipc_info, abi_version, 4),
	ON_DEVICE(KIPC_INFO, kipc_info, kinds, 8),
	ON_DEVICE(KIPC_INFO, kipc_info, features, 8),
	ON_DEVICE(KIPC_INFO, kipc_info, turn_grace_ns, 8),
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

/* The pointers inside the structs */
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
	ON_HANDLE(KIPC_PIPE_READ, kipc_pipe_io, buf, 8),
};

static inline bool concerns(const struct member *member,
			    const struct call *call)
{
	return member->cmd == call->cmd &&
	       member->device == (call->file == DEVICE);
}

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
static inline void close_new(const struct call *call, void *args)
{
	struct kipc_open *open = args;
	struct made made;
	int i;

	if (call->cmd == KIPC_OPEN)
		close(open->fd);
	for (i = 0; i < KINDS; i++) {
		if (call->cmd == kinds[i].create) {
			take_handles(&kinds[i], args, &made);
			close_made(&made);
		}
	}
}

#endif /* CORE_ABI_CALLS_H */
