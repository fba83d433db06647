/* SPDX-License-Identifier: GPL-2.0 */
/* What the tests of arrays share: thin calls that give 0, a fd, or -errno. */
#ifndef ARRAY_UTIL_H
#define ARRAY_UTIL_H

#include <sys/syscall.h>

#include "kipc_util.h"

/*
 * The harness's own, 30 s, is short for long loops (FULL=1) on a kernel full of
 * checks in an emulated machine.  What must happen at once has a deadline of its
 * own: wait_for().
 */
#undef TEST_TIMEOUT_DEFAULT
#define TEST_TIMEOUT_DEFAULT	900

#define PAGE		4096
#define BOTH		(KIPC_RIGHT_READ | KIPC_RIGHT_WRITE)

static inline int array_create(struct kipc_array_create *arg, const char *name,
			       uint32_t rights, uint32_t flags, uint32_t count,
			       uint32_t element)
{
	*arg = (struct kipc_array_create){
		.size = sizeof(*arg),
		.flags = flags,
		.name = to_u64(name),
		.name_len = name ? strlen(name) : 0,
		.mode = 0600,
		.rights = rights,
		.count = count,
		.element = element,
	};
	return kipc_device_ioctl(KIPC_ARRAY_CREATE, arg);
}

/* An array without a name; gives its fd. */
static inline int array_make(uint32_t count, uint32_t element)
{
	struct kipc_array_create arg;
	int ret = array_create(&arg, NULL, BOTH, 0, count, element);

	return ret ? ret : arg.fd;
}

static inline int array_open(const char *name, uint32_t rights, uint32_t flags)
{
	struct kipc_open arg = {
		.size = sizeof(arg),
		.flags = flags,
		.name = to_u64(name),
		.name_len = strlen(name),
		.kind = KIPC_KIND_ARRAY,
		.rights = rights,
	};
	int ret = kipc_device_ioctl(KIPC_OPEN, &arg);

	return ret ? ret : arg.fd;
}

/* One operation; @entry gets the results. */
static inline int array_op(int fd, struct kipc_array_entry *entry)
{
	struct kipc_array_op arg = { .size = sizeof(arg), .entry = *entry };
	int ret = kipc_ioctl(fd, KIPC_ARRAY_OP, &arg);

	*entry = arg.entry;
	return ret;
}

static inline int array_do(int fd, uint32_t op, uint32_t index, uint64_t value)
{
	struct kipc_array_entry entry = {
		.op = op, .index = index, .value = value,
	};

	return array_op(fd, &entry);
}

static inline int array_store(int fd, uint32_t index, uint64_t value)
{
	return array_do(fd, KIPC_ARRAY_STORE, index, value);
}

static inline int array_add(int fd, uint32_t index, uint64_t value)
{
	return array_do(fd, KIPC_ARRAY_ADD, index, value);
}

/* What is in a slot; all ones if that cannot be told. */
static inline uint64_t array_load(int fd, uint32_t index)
{
	struct kipc_array_entry entry = {
		.op = KIPC_ARRAY_LOAD, .index = index,
	};

	return array_op(fd, &entry) ? ~0ULL : entry.result;
}

static inline uint64_t array_version(int fd, uint32_t index)
{
	uint64_t version = ~0ULL;
	struct kipc_array_read arg = {
		.size = sizeof(arg),
		.first = index,
		.count = 1,
		.versions = to_u64(&version),
	};
	char element[KIPC_ARRAY_ELEMENT_MAX];

	arg.buf = to_u64(element);
	return kipc_ioctl(fd, KIPC_ARRAY_READ, &arg) ? ~0ULL : version;
}

/* @mismatch may be NULL. */
static inline int array_ops(int fd, struct kipc_array_entry *entries,
			    uint32_t count, uint32_t *mismatch)
{
	struct kipc_array_ops arg = {
		.size = sizeof(arg),
		.entries = to_u64(entries),
		.count = count,
	};
	int ret = kipc_ioctl(fd, KIPC_ARRAY_OPS, &arg);

	if (mismatch)
		*mismatch = arg.mismatch;
	return ret;
}

static inline int array_read(int fd, uint32_t first, uint32_t count, void *buf,
			     uint64_t *versions, uint64_t *changes)
{
	struct kipc_array_read arg = {
		.size = sizeof(arg),
		.first = first,
		.count = count,
		.buf = to_u64(buf),
		.versions = to_u64(versions),
	};
	int ret = kipc_ioctl(fd, KIPC_ARRAY_READ, &arg);

	if (changes)
		*changes = arg.changes;
	return ret;
}

/* To look, as poll means it; gives 0 or -errno. */
static inline int array_look(int fd)
{
	return array_read(fd, 0, 0, NULL, NULL, NULL);
}

/* Gives the index of the slot that changed, or -errno. */
static inline int array_wait(int fd, struct kipc_array_slot *slots,
			     uint32_t count, uint64_t deadline_ns,
			     uint32_t flags)
{
	struct kipc_array_wait arg = {
		.size = sizeof(arg),
		.flags = flags,
		.slots = to_u64(slots),
		.count = count,
		.deadline_ns = deadline_ns,
	};
	int ret = kipc_ioctl(fd, KIPC_ARRAY_WAIT, &arg);

	return ret ? ret : (int)arg.changed;
}

static inline int array_stat(int fd, struct kipc_array_stat *st)
{
	*st = (struct kipc_array_stat){ .size = sizeof(*st) };
	return kipc_ioctl(fd, KIPC_ARRAY_STAT, st);
}

/* How many threads sleep until a slot changes. */
static inline unsigned int array_waiting(int fd)
{
	struct kipc_array_stat st;

	return array_stat(fd, &st) ? ~0U : st.waiting;
}

static inline uint64_t array_changes(int fd)
{
	struct kipc_array_stat st;

	return array_stat(fd, &st) ? ~0ULL : st.changes;
}

/* KIPC_ARRAY_WAIT in a thread of its own. */
struct array_waiter {
	int fd;
	uint32_t count;
	uint32_t flags;
	uint64_t deadline_ns;
	struct kipc_array_slot slots[KIPC_ARRAY_WAIT_MAX];
	pthread_t thread;
	int ret;		/* as array_wait() */
	int ended;		/* set last, by the thread */
};

static inline void *array_waiter_run(void *data)
{
	struct array_waiter *w = data;

	w->ret = array_wait(w->fd, w->slots, w->count, w->deadline_ns,
			    w->flags);
	__atomic_store_n(&w->ended, 1, __ATOMIC_RELEASE);
	return NULL;
}

static inline int array_waiter_start(struct array_waiter *w)
{
	w->ended = 0;
	return -pthread_create(&w->thread, NULL, array_waiter_run, w);
}

static inline bool array_waiter_ended(struct array_waiter *w)
{
	return __atomic_load_n(&w->ended, __ATOMIC_ACQUIRE);
}

/* What array_wait() gave, or KIPC_HUNG. */
static inline int array_waiter_end(struct array_waiter *w)
{
	if (!wait_for(array_waiter_ended(w)))
		return KIPC_HUNG;
	pthread_join(w->thread, NULL);
	return w->ret;
}

/* Gives the first byte that is not mapped; @pages before it are. */
static inline char *edge_of_memory(int pages)
{
	char *mem = mmap(NULL, (pages + 1) * PAGE, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (mem == MAP_FAILED || munmap(mem + pages * PAGE, PAGE))
		abort();
	return mem + pages * PAGE;
}

/* A page that can be read and not written, with @len bytes of @data. */
static inline void *read_only(const void *data, size_t len)
{
	void *mem = mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (mem == MAP_FAILED)
		abort();
	memcpy(mem, data, len);
	if (mprotect(mem, PAGE, PROT_READ))
		abort();
	return mem;
}

#endif /* ARRAY_UTIL_H */
