/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Where core_abi_test issues its calls: an object of each kind with something in
 * it, and a look whether anything has changed.  A scene serves one call, and more
 * than once as long as that fails and leaves everything as it was.
 */
#ifndef CORE_ABI_SCENE_H
#define CORE_ABI_SCENE_H

#include "core_kinds.h"

#define PAGE		4096
#define NAME		"abi"
#define NEW_NAME	"abi-new"
#define DATA		"12345"
#define DATA_LEN	5
#define SLOTS		4	/* of the array */
#define COUNTERS	2	/* of the semaphore */
#define VALUE		7	/* in what holds numbers */
#define LETTER		1	/* type of the message in a queue */
#define REQUEST		2	/* type of calls */
#define OBJECTS		10

/*
 * The files that there are. Both ends of a pipe know the same calls. In the plain
 * mailbox are messages that the module may move on a way of their own: a few
 * words, and nothing that travels with them.
 */
enum file { DEVICE, READ_END, WRITE_END, MAPPED_READ_END, MAPPED_WRITE_END,
	    SEGMENT, ARRAY, SEMAPHORE, MUTEX,
	    MAPPED, ENDPOINT, MAILBOX, PLAIN_MAILBOX, FILES };

struct scene {
	const void *call;	/* that it was made for; NULL: there is none */
	int fd[FILES];
	uint64_t id;		/* of the pipe */
	unsigned char *args;	/* two pages, and one that is not mapped */
	struct kipc_entry entries[2];
	struct kipc_array_entry array_ops[2];
	struct kipc_array_slot slots[2];
	struct kipc_sem_entry sem_ops[2];
	struct kipc_sem_counter counters[COUNTERS];
	uint64_t elements[SLOTS];
	uint64_t versions[SLOTS];
	uint32_t values[COUNTERS];
	struct kipc_msg msgs[2];
	int32_t got_fds[2];	/* that came with a message; -1: none */
	pthread_t peer;		/* on the other side of a call, see */
	bool has_peer;		/* core_abi_peer.h */
	bool peer_ended;
	uint64_t token;		/* of the call that was received */
	uint64_t tokens[2];
	uint64_t words[2];	/* body of a plain message */
	struct kipc_endpoint_stat endpoint;	/* what it is to say */
	char buf[16];
	int fds;		/* open before */
	uint64_t objects;	/* charged to root before */
};

/* The kind that a file belongs to; KIPC_KIND_ANY for the device. */
static inline uint32_t kind_of(enum file file)
{
	static const uint32_t kind[FILES] = {
		[READ_END] = KIPC_KIND_PIPE,
		[WRITE_END] = KIPC_KIND_PIPE,
		[MAPPED_READ_END] = KIPC_KIND_PIPE,
		[MAPPED_WRITE_END] = KIPC_KIND_PIPE,
		[SEGMENT] = KIPC_KIND_SEGMENT,
		[ARRAY] = KIPC_KIND_ARRAY,
		[SEMAPHORE] = KIPC_KIND_SEMAPHORE,
		[MUTEX] = KIPC_KIND_SEMAPHORE,
		[MAPPED] = KIPC_KIND_SEMAPHORE,
		[ENDPOINT] = KIPC_KIND_ENDPOINT,
		[MAILBOX] = KIPC_KIND_MAILBOX,
		[PLAIN_MAILBOX] = KIPC_KIND_MAILBOX,
	};

	return kind[file];
}

static inline int scene_pipe(struct scene *scene)
{
	struct made made;
	int ret = create_kind(&kinds[PIPE_KIND], &made, NAME, RIGHT_BOTH,
			      KIPC_EXCL, 0600);

	if (ret)
		return ret;
	scene->id = made.id;
	scene->fd[READ_END] = made.reader;
	scene->fd[WRITE_END] = made.writer;
	return write(made.writer, DATA, DATA_LEN) == DATA_LEN ? 0 : -EIO;
}

static inline int scene_mapped_pipe(struct scene *scene)
{
	struct made made;
	int ret = create_kind(&kinds[PIPE_KIND], &made, NAME "-mapped-pipe",
			      RIGHT_BOTH, KIPC_EXCL | KIPC_PIPE_MAPPED, 0600);

	if (ret)
		return ret;
	scene->fd[MAPPED_READ_END] = made.reader;
	scene->fd[MAPPED_WRITE_END] = made.writer;
	return 0;
}

static inline int scene_segment(struct scene *scene)
{
	union create_arg arg = { .segment.bytes = PAGE };
	const struct kind *kind = &kinds[SEGMENT_KIND];
	struct made made;
	int ret = create_shaped(kind, &arg, &made, NAME "-segment", RIGHT_BOTH,
				KIPC_EXCL | KIPC_SEGMENT_SEALABLE, 0600);

	if (ret)
		return ret;
	scene->fd[SEGMENT] = made.reader;
	return kind->put(made.reader, VALUE);
}

static inline int scene_array(struct scene *scene)
{
	union create_arg arg = {
		.array = { .count = SLOTS, .element = 8 },
	};
	const struct kind *kind = &kinds[ARRAY_KIND];
	struct made made;
	int ret = create_shaped(kind, &arg, &made, NAME "-array", RIGHT_BOTH,
				KIPC_EXCL, 0600);

	if (ret)
		return ret;
	scene->fd[ARRAY] = made.reader;
	return kind->put(made.reader, VALUE);
}

static inline int sem_op(int fd, uint32_t index, int delta)
{
	struct kipc_semaphore_op arg = {
		.size = sizeof(arg),
		.flags = KIPC_SEM_NONBLOCK,
		.index = index,
		.delta = delta,
	};

	return kipc_ioctl(fd, KIPC_SEMAPHORE_OP, &arg);
}

/* A set of counters, and mutexes: one that the caller has, and a mapped one. */
static inline int scene_semaphores(struct scene *scene)
{
	union create_arg arg = { .semaphore.count = COUNTERS };
	const struct kind *kind = &kinds[SEMAPHORE_KIND];
	struct made made;
	int ret = create_shaped(kind, &arg, &made, NAME "-semaphore",
				RIGHT_BOTH, KIPC_EXCL, 0600);

	if (ret)
		return ret;
	scene->fd[SEMAPHORE] = made.reader;
	ret = sem_op(made.reader, 0, VALUE);
	if (ret)
		return ret;
	memset(&arg, 0, sizeof(arg));
	arg.semaphore.count = 1;
	ret = create_shaped(kind, &arg, &made, NAME "-mutex", RIGHT_BOTH,
			    KIPC_EXCL | KIPC_SEMAPHORE_MUTEX, 0600);
	if (ret)
		return ret;
	scene->fd[MUTEX] = made.reader;
	ret = sem_op(made.reader, 0, -1);
	if (ret)
		return ret;
	ret = create_shaped(kind, &arg, &made, NAME "-mapped", RIGHT_BOTH,
			    KIPC_EXCL | KIPC_SEMAPHORE_MUTEX |
			    KIPC_SEMAPHORE_MAPPED, 0600);
	if (ret)
		return ret;
	scene->fd[MAPPED] = made.reader;
	return 0;
}

/* One message, with a descriptor. */
static inline int scene_letter(struct scene *scene, enum file file,
			       unsigned long cmd)
{
	int32_t fd = scene->fd[SEGMENT];
	struct kipc_msg_send arg = {
		.size = sizeof(arg),
		.flags = KIPC_MSG_NONBLOCK,
		.msg = {
			.type = LETTER,
			.buf = to_u64(DATA),
			.len = DATA_LEN,
			.fds = to_u64(&fd),
			.fd_count = 1,
		},
	};

	return kipc_ioctl(scene->fd[file], cmd, &arg);
}

static inline int scene_mailbox(struct scene *scene)
{
	struct made made;
	int ret = create_kind(&kinds[MAILBOX_KIND], &made, NAME "-mailbox",
			      RIGHT_BOTH, KIPC_EXCL, 0600);

	if (ret)
		return ret;
	scene->fd[MAILBOX] = made.reader;
	return scene_letter(scene, MAILBOX, KIPC_MAILBOX_SEND);
}

static inline int plain_send(int fd, uint64_t type)
{
	const uint64_t words[2] = { VALUE, VALUE };
	struct kipc_msg_send arg = {
		.size = sizeof(arg),
		.flags = KIPC_MSG_NONBLOCK,
		.msg = {
			.type = type,
			.buf = to_u64(words),
			.len = sizeof(words),
		},
	};

	return kipc_ioctl(fd, KIPC_MAILBOX_SEND, &arg);
}

/* One message, and the memory of one that was received before. */
static inline int scene_plain_mailbox(struct scene *scene)
{
	struct kipc_msg_recv arg = {
		.size = sizeof(arg),
		.msg = {
			.buf = to_u64(scene->words),
			.len = sizeof(scene->words),
		},
	};
	struct made made;
	int ret = create_kind(&kinds[MAILBOX_KIND], &made, NAME "-plain",
			      RIGHT_BOTH, KIPC_EXCL, 0600);

	if (ret)
		return ret;
	scene->fd[PLAIN_MAILBOX] = made.reader;
	ret = plain_send(made.reader, 0);
	if (!ret)
		ret = kipc_ioctl(made.reader, KIPC_MAILBOX_RECV, &arg);
	return ret ? ret : plain_send(made.reader, LETTER);
}

/* The one that this process has. */
static inline int scene_endpoint(struct scene *scene)
{
	struct kipc_endpoint_create arg = {
		.size = sizeof(arg),
		.flags = KIPC_EXCL,
		.name = to_u64(NAME "-endpoint"),
		.name_len = strlen(NAME "-endpoint"),
		.mode = 0600,
		.rights = RIGHT_BOTH,
		.max_messages = 8,
		.max_bytes = 1024,
	};
	int ret = kipc_device_ioctl(KIPC_ENDPOINT_CREATE, &arg);

	if (ret)
		return ret;
	scene->fd[ENDPOINT] = arg.fd;
	scene->has_peer = false;
	scene->peer_ended = false;
	scene->endpoint = (struct kipc_endpoint_stat){
		.pid = getpid(),
		.queue = { .messages = 1, .sent = 1 },
	};
	return scene_letter(scene, ENDPOINT, KIPC_ENDPOINT_SEND);
}

static inline int scene_make_all(struct scene *scene)
{
	int ret = scene_pipe(scene);

	if (!ret)
		ret = scene_mapped_pipe(scene);
	if (!ret)
		ret = scene_segment(scene);
	if (!ret)
		ret = scene_array(scene);
	if (!ret)
		ret = scene_semaphores(scene);
	if (!ret)
		ret = scene_mailbox(scene);
	if (!ret)
		ret = scene_plain_mailbox(scene);
	if (!ret)
		ret = scene_endpoint(scene);
	memset(scene->got_fds, 0xff, sizeof(scene->got_fds));
	scene->fd[DEVICE] = kipc_device();
	return ret;
}

static inline void scene_end(struct scene *scene)
{
	int i;

	if (!scene->call)
		return;
	scene->call = NULL;
	for (i = 0; i < FILES; i++)
		close(scene->fd[i]);
	/* That was the end of the endpoint, and so of every call. */
	if (scene->has_peer && !scene->peer_ended)
		pthread_join(scene->peer, NULL);
}

static inline bool pipe_intact(struct scene *scene)
{
	struct kipc_pipe_stat pipe;
	struct kipc_stat stat;

	return !kipc_stat_name(NAME, &stat) && stat.entry.id == scene->id &&
	       stat.entry.handles == 2 && stat.entry.mode == 0600 &&
	       !stat.entry.uid &&
	       !kipc_pipe_stat(scene->fd[READ_END], &pipe) &&
	       pipe.used == DATA_LEN && pipe.capacity == PAGE;
}

/* Still named, with both ends, and nobody sleeps, for he would not be woken. */
static inline bool mapped_pipe_intact(struct scene *scene)
{
	struct kipc_pipe_stat pipe;
	struct kipc_stat stat;

	return !kipc_stat_name(NAME "-mapped-pipe", &stat) &&
	       stat.entry.handles == 2 &&
	       !kipc_pipe_stat(scene->fd[MAPPED_READ_END], &pipe) &&
	       !pipe.used && pipe.capacity == PAGE && !pipe.readers.sleeps &&
	       !pipe.writers.sleeps && !pipe.readers.wakeups &&
	       !pipe.writers.wakeups;
}

/* What all handles have in common: still named, one handle, same mode. */
static inline bool object_intact(struct scene *scene, enum file file)
{
	struct kipc_stat stat;

	return !kipc_stat_fd(scene->fd[file], &stat) &&
	       stat.entry.state == KIPC_STATE_NAMED &&
	       stat.entry.handles == 1 && stat.entry.mode == 0600 &&
	       !stat.entry.uid;
}

static inline bool segment_intact(struct scene *scene)
{
	struct kipc_segment_stat stat = { .size = sizeof(stat) };
	int fd = scene->fd[SEGMENT];

	return object_intact(scene, SEGMENT) &&
	       !kipc_ioctl(fd, KIPC_SEGMENT_STAT, &stat) &&
	       stat.bytes == PAGE && !stat.seals && segment_get(fd) == VALUE;
}

static inline bool array_intact(struct scene *scene)
{
	uint64_t elements[SLOTS], versions[SLOTS];
	struct kipc_array_read arg = {
		.size = sizeof(arg),
		.count = SLOTS,
		.buf = to_u64(elements),
		.versions = to_u64(versions),
	};
	int i;

	if (!object_intact(scene, ARRAY) ||
	    kipc_ioctl(scene->fd[ARRAY], KIPC_ARRAY_READ, &arg) ||
	    arg.changes != 1 || elements[0] != VALUE || versions[0] != 1)
		return false;
	for (i = 1; i < SLOTS; i++)
		if (elements[i] || versions[i])
			return false;
	return true;
}

/* Nobody is attached. */
static inline bool mapped_intact(struct scene *scene)
{
	struct kipc_semaphore_stat stat = { .size = sizeof(stat) };

	return object_intact(scene, MAPPED) &&
	       !kipc_ioctl(scene->fd[MAPPED], KIPC_SEMAPHORE_STAT, &stat) &&
	       !stat.undos && !stat.waiting;
}

/* By poll, for what no call tells: that it looks at counter 0. */
static inline bool semaphores_intact(struct scene *scene)
{
	struct kipc_sem_counter counter[COUNTERS];
	struct kipc_semaphore_get arg = {
		.size = sizeof(arg),
		.counters = to_u64(counter),
		.count = COUNTERS,
		.counter_size = sizeof(*counter),
	};
	struct kipc_semaphore_stat stat = { .size = sizeof(stat) };
	struct pollfd polled = {
		.fd = scene->fd[SEMAPHORE],
		.events = POLLIN,
	};

	if (!object_intact(scene, SEMAPHORE) || !object_intact(scene, MUTEX) ||
	    kipc_ioctl(scene->fd[SEMAPHORE], KIPC_SEMAPHORE_GET, &arg) ||
	    counter[0].value != VALUE || counter[1].value ||
	    kipc_ioctl(scene->fd[SEMAPHORE], KIPC_SEMAPHORE_STAT, &stat) ||
	    stat.undos || stat.waiting || poll(&polled, 1, 0) != 1)
		return false;
	arg.count = 1;
	return !kipc_ioctl(scene->fd[MUTEX], KIPC_SEMAPHORE_GET, &arg) &&
	       !counter[0].value && !counter[0].state &&
	       counter[0].pid == (uint32_t)getpid();
}

/* The first message is the one that was there first. */
static inline bool letter_intact(struct scene *scene, enum file file,
				 unsigned long cmd)
{
	char body[16] = "";
	struct kipc_msg_recv arg = {
		.size = sizeof(arg),
		.flags = KIPC_MSG_PEEK,
		.msg = { .buf = to_u64(body), .len = sizeof(body) },
	};

	return !kipc_ioctl(scene->fd[file], cmd, &arg) &&
	       arg.msg.type == LETTER && arg.msg.seq == 1 &&
	       arg.msg.fd_count == 1 && arg.msg.len == DATA_LEN &&
	       !strcmp(body, DATA);
}

static inline bool mailbox_intact(struct scene *scene)
{
	struct kipc_mailbox_stat stat = { .size = sizeof(stat) };

	return object_intact(scene, MAILBOX) &&
	       letter_intact(scene, MAILBOX, KIPC_MAILBOX_RECV) &&
	       !kipc_ioctl(scene->fd[MAILBOX], KIPC_MAILBOX_STAT, &stat) &&
	       stat.queue.messages == 1 && stat.queue.bytes == DATA_LEN &&
	       stat.queue.sent == 1 && !stat.queue.received &&
	       !stat.queue.senders && !stat.queue.receivers;
}

static inline bool plain_mailbox_intact(struct scene *scene)
{
	struct kipc_mailbox_stat stat = { .size = sizeof(stat) };
	int fd = scene->fd[PLAIN_MAILBOX];
	uint64_t words[2] = { 0 };
	struct kipc_msg_recv arg = {
		.size = sizeof(arg),
		.flags = KIPC_MSG_PEEK,
		.msg = { .buf = to_u64(words), .len = sizeof(words) },
	};

	return object_intact(scene, PLAIN_MAILBOX) &&
	       !kipc_ioctl(fd, KIPC_MAILBOX_RECV, &arg) &&
	       arg.msg.type == LETTER && arg.msg.seq == 2 &&
	       words[0] == VALUE && words[1] == VALUE &&
	       !kipc_ioctl(fd, KIPC_MAILBOX_STAT, &stat) &&
	       stat.queue.messages == 1 && stat.queue.bytes == sizeof(words) &&
	       stat.queue.sent == 2 && stat.queue.received == 1;
}

/* A peer that waits for calls may be there or on its way. */
static inline bool endpoint_intact(struct scene *scene)
{
	struct kipc_endpoint_stat stat = { .size = sizeof(stat) };
	const struct kipc_endpoint_stat *want = &scene->endpoint;

	return object_intact(scene, ENDPOINT) &&
	       letter_intact(scene, ENDPOINT, KIPC_ENDPOINT_RECV) &&
	       !kipc_ioctl(scene->fd[ENDPOINT], KIPC_ENDPOINT_STAT, &stat) &&
	       stat.pid == want->pid && !stat.state &&
	       stat.calls == want->calls && stat.cancelled == want->cancelled &&
	       stat.queue.messages == want->queue.messages &&
	       stat.queue.sent == want->queue.sent &&
	       stat.queue.received == want->queue.received &&
	       !stat.queue.senders;
}

/* A scene for a call: the one that is there, if it was made for the same one. */
static inline int scene_make(struct scene *scene, const void *call)
{
	int ret = 0;

	if (scene->call != call) {
		scene_end(scene);
		ret = scene_make_all(scene);
		scene->call = call;
	}
	return ret;
}

/*
 * Nothing was created, opened, removed, read, written, sent or changed.  If it
 * was, the scene cannot be used again.
 */
static inline bool scene_intact(struct scene *scene)
{
	struct kipc_info info;
	bool intact;

	intact = !kipc_info(&info) && info.objects == scene->objects + OBJECTS &&
	       count_fds() == scene->fds + FILES && pipe_intact(scene) &&
	       mapped_pipe_intact(scene) &&
	       segment_intact(scene) && array_intact(scene) &&
	       semaphores_intact(scene) && mapped_intact(scene) &&
	       mailbox_intact(scene) &&
	       plain_mailbox_intact(scene) && endpoint_intact(scene);
	if (!intact)
		scene_end(scene);
	return intact;
}

#endif /* CORE_ABI_SCENE_H */
