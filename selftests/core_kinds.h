/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The kinds of object, as a table: how to make one of each and to leave a
 * number in it. What the core promises for all kinds is tested over the table,
 * so a new kind gets these tests with its row. Endpoints are none of them: a
 * process has one at most, which lives as long as it does.
 */
#ifndef CORE_KINDS_H
#define CORE_KINDS_H

#include <poll.h>

#include "core_util.h"

/* What the argument of every create call begins with. */
struct create_head {
	__u32 size;
	__u32 flags;
	__aligned_u64 name;
	__u32 name_len;
	__u32 mode;
	__u32 rights;
	__u32 result;
	__aligned_u64 id;
};

union create_arg {
	struct create_head head;
	struct kipc_segment_create segment;
	struct kipc_array_create array;
	struct kipc_semaphore_create semaphore;
	struct kipc_mailbox_create mailbox;
	struct kipc_pipe_create pipe;
};

/* An object that was made or opened; -1 for handles that are not there. */
struct made {
	uint64_t id;
	uint32_t result;
	int reader;
	int writer;	/* the same as @reader but for pipes */
};

/**
 * struct kind - a row of the table
 * @name: as fdinfo and /proc/PID/fd show it
 * @type: KIPC_KIND_*
 * @create: ioctl that makes one
 * @create_size: of its argument
 * @stat: ioctl that describes one
 * @stat_size: of its argument
 * @two_ends: a handle for each right, as pipes have
 * @open_error: what rights 0..3 give when they are asked for by name
 * @put_error: what a handle without KIPC_RIGHT_WRITE gives for put
 * @polls: has a poll(2) of its own
 * @shape: fill in what is the kind's own, for something small
 * @put: leave a number from 1 to 100 in it; 0 or -errno
 * @get: the number that was left last, or -errno; empties a mailbox or a pipe
 */
struct kind {
	const char *name;
	uint32_t type;
	unsigned long create;
	size_t create_size;
	unsigned long stat;
	size_t stat_size;
	bool two_ends;
	int open_error[4];
	int put_error;
	bool polls;
	void (*shape)(union create_arg *arg);
	int (*put)(int fd, int number);
	int (*get)(int fd);
};

static inline void segment_shape(union create_arg *arg)
{
	arg->segment.bytes = 4096;
}

/* One byte of the segment, by a mapping that lasts as long as the call. */
static inline int segment_byte(int fd, int prot, int number)
{
	unsigned char *byte = mmap(NULL, 4096, prot, MAP_SHARED, fd, 0);

	if (byte == MAP_FAILED)
		return -errno;
	if (prot & PROT_WRITE)
		*byte = number;
	number = *byte;
	munmap(byte, 4096);
	return number;
}

static inline int segment_put(int fd, int number)
{
	int ret = segment_byte(fd, PROT_READ | PROT_WRITE, number);

	return ret < 0 ? ret : 0;
}

static inline int segment_get(int fd)
{
	return segment_byte(fd, PROT_READ, 0);
}

static inline void array_shape(union create_arg *arg)
{
	arg->array.count = 10;
	arg->array.element = 4;
}

static inline int array_op(int fd, uint32_t op, uint64_t value)
{
	struct kipc_array_op arg = {
		.size = sizeof(arg),
		.entry = { .op = op, .value = value },
	};
	int ret = kipc_ioctl(fd, KIPC_ARRAY_OP, &arg);

	return ret ? ret : (int)arg.entry.result;
}

static inline int array_put(int fd, int number)
{
	return array_op(fd, KIPC_ARRAY_STORE, number);
}

static inline int array_get(int fd)
{
	return array_op(fd, KIPC_ARRAY_LOAD, 0);
}

static inline void semaphore_shape(union create_arg *arg)
{
	arg->semaphore.count = 2;
	arg->semaphore.max = 100;
}

static inline int semaphore_put(int fd, int number)
{
	uint32_t value = number;
	struct kipc_semaphore_set arg = {
		.size = sizeof(arg),
		.values = to_u64(&value),
		.count = 1,
	};

	return kipc_ioctl(fd, KIPC_SEMAPHORE_SET, &arg);
}

static inline int semaphore_get(int fd)
{
	struct kipc_sem_counter counter;
	struct kipc_semaphore_get arg = {
		.size = sizeof(arg),
		.counters = to_u64(&counter),
		.count = 1,
		.counter_size = sizeof(counter),
	};
	int ret = kipc_ioctl(fd, KIPC_SEMAPHORE_GET, &arg);

	return ret ? ret : (int)counter.value;
}

static inline void mailbox_shape(union create_arg *arg)
{
	arg->mailbox.max_messages = 8;
	arg->mailbox.max_bytes = 1024;
}

static inline int mailbox_put(int fd, int number)
{
	unsigned char byte = number;
	struct kipc_msg_send arg = {
		.size = sizeof(arg),
		.flags = KIPC_MSG_NONBLOCK,
		.msg = { .buf = to_u64(&byte), .len = 1 },
	};

	return kipc_ioctl(fd, KIPC_MAILBOX_SEND, &arg);
}

/* Message by message until it is empty. */
static inline int mailbox_get(int fd)
{
	unsigned char byte = 0;
	struct kipc_msg_recv arg;
	int ret;

	do {
		arg = (struct kipc_msg_recv){
			.size = sizeof(arg),
			.flags = KIPC_MSG_NONBLOCK,
			.msg = { .buf = to_u64(&byte), .len = 1 },
		};
		ret = kipc_ioctl(fd, KIPC_MAILBOX_RECV, &arg);
	} while (!ret);
	return ret == -EAGAIN ? byte : ret;
}

static inline void pipe_shape(union create_arg *arg)
{
	arg->pipe.capacity = 4096;
}

static inline int pipe_put(int fd, int number)
{
	unsigned char byte = number;
	int64_t ret = kipc_try_write(fd, &byte, 1);

	return ret < 0 ? ret : 0;
}

/* Number by number until it is empty. */
static inline int pipe_get(int fd)
{
	unsigned char byte = 0;
	int64_t ret;

	while ((ret = kipc_try_read(fd, &byte, 1)) > 0)
		;
	return ret && ret != -EAGAIN ? ret : byte;
}

#define KIND(_name, _type) \
	.name = #_name, \
	.type = KIPC_KIND_##_type, \
	.create = KIPC_##_type##_CREATE, \
	.create_size = sizeof(struct kipc_##_name##_create), \
	.stat = KIPC_##_type##_STAT, \
	.stat_size = sizeof(struct kipc_##_name##_stat), \
	.shape = _name##_shape, \
	.put = _name##_put, \
	.get = _name##_get

enum {
	SEGMENT_KIND, ARRAY_KIND, SEMAPHORE_KIND, MAILBOX_KIND, PIPE_KIND, KINDS
};

static const struct kind kinds[KINDS] = {
	[SEGMENT_KIND] = {
		KIND(segment, SEGMENT),
		.open_error = { -EINVAL, 0, -EINVAL, 0 },
		.put_error = -EACCES,
	},
	[ARRAY_KIND] = {
		KIND(array, ARRAY),
		.open_error = { -EINVAL, 0, 0, 0 },
		.put_error = -EBADF,
		.polls = true,
	},
	[SEMAPHORE_KIND] = {
		KIND(semaphore, SEMAPHORE),
		.open_error = { -EINVAL, 0, 0, 0 },
		.put_error = -EBADF,
		.polls = true,
	},
	[MAILBOX_KIND] = {
		KIND(mailbox, MAILBOX),
		.open_error = { -EINVAL, 0, 0, 0 },
		.put_error = -EBADF,
		.polls = true,
	},
	[PIPE_KIND] = {
		KIND(pipe, PIPE),
		.two_ends = true,
		.open_error = { -EINVAL, 0, 0, -EINVAL },
		.put_error = -EBADF,
		.polls = true,
	},
};

static inline void close_made(const struct made *made)
{
	if (made->reader >= 0)
		close(made->reader);
	if (made->writer >= 0 && made->writer != made->reader)
		close(made->writer);
}

/* Which handle, or handles, a create call has given. */
static inline void take_handles(const struct kind *kind,
				const union create_arg *arg, struct made *made)
{
	made->reader = -1;
	made->writer = -1;
	switch (kind->type) {
	case KIPC_KIND_SEGMENT:
		made->reader = arg->segment.fd;
		break;
	case KIPC_KIND_ARRAY:
		made->reader = arg->array.fd;
		break;
	case KIPC_KIND_SEMAPHORE:
		made->reader = arg->semaphore.fd;
		break;
	case KIPC_KIND_MAILBOX:
		made->reader = arg->mailbox.fd;
		break;
	case KIPC_KIND_PIPE:
		made->reader = arg->pipe.read_fd;
		made->writer = arg->pipe.write_fd;
		return;
	}
	made->writer = made->reader;
}

/* A create call whose own part is in @arg already. */
static inline int create_shaped(const struct kind *kind, union create_arg *arg,
				struct made *made, const char *name,
				uint32_t rights, uint32_t flags, uint32_t mode)
{
	int ret;

	arg->head.size = kind->create_size;
	arg->head.flags = flags;
	arg->head.name = to_u64(name);
	arg->head.name_len = name ? strlen(name) : 0;
	arg->head.mode = mode;
	arg->head.rights = rights;
	ret = kipc_device_ioctl(kind->create, arg);
	if (ret)
		return ret;
	made->id = arg->head.id;
	made->result = arg->head.result;
	take_handles(kind, arg, made);
	return 0;
}

/* Makes or opens a small one of that kind; @name may be NULL. */
static inline int create_kind(const struct kind *kind, struct made *made,
			      const char *name, uint32_t rights,
			      uint32_t flags, uint32_t mode)
{
	union create_arg arg;

	memset(&arg, 0, sizeof(arg));
	kind->shape(&arg);
	return create_shaped(kind, &arg, made, name, rights, flags, mode);
}

/* One that a name alone keeps. */
static inline int create_persistent(const struct kind *kind, const char *name,
				    uint32_t mode)
{
	struct made made;

	return create_kind(kind, &made, name, 0, KIPC_EXCL | KIPC_PERSIST,
			   mode);
}

/* KIPC_OPEN as one wants it; gives the new fd or -errno. */
static inline int open_kind(uint32_t type, const char *name, uint32_t rights,
			    uint32_t flags)
{
	struct kipc_open arg = {
		.size = sizeof(arg),
		.flags = flags,
		.name = to_u64(name),
		.name_len = strlen(name),
		.kind = type,
		.rights = rights,
	};
	int ret = kipc_device_ioctl(KIPC_OPEN, &arg);

	return ret ? ret : arg.fd;
}

/* Closes it if it can be opened; 0 or -errno. */
static inline int try_open_kind(uint32_t type, const char *name,
				uint32_t rights)
{
	int fd = open_kind(type, name, rights, 0);

	if (fd < 0)
		return fd;
	close(fd);
	return 0;
}

/* The ioctl that describes an object of that kind. */
static inline int stat_kind(const struct kind *kind, int fd)
{
	unsigned char arg[256] = "";

	*(uint32_t *)arg = kind->stat_size;
	return kipc_ioctl(fd, kind->stat, arg);
}

#endif /* CORE_KINDS_H */
