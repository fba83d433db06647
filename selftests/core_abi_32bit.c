// SPDX-License-Identifier: GPL-2.0
/*
 * A 32-bit program that makes an object of each kind and uses it, for
 * core_abi_test. It has no C library, since machines that build 64-bit programs
 * seldom have a 32-bit one. Its exit status is 0, or the number of the step that
 * went wrong.
 */
#include <asm/unistd.h>
#include <linux/errno.h>
#include <linux/fcntl.h>
#include <linux/mman.h>

#include "core_layout.h"

#define RIGHT_BOTH	(KIPC_RIGHT_READ | KIPC_RIGHT_WRITE)

static long system_call(long nr, long a, long b, long c)
{
	long ret;

	__asm__ volatile("int $0x80" : "=a" (ret)
			 : "a" (nr), "b" (a), "c" (b), "d" (c) : "memory");
	return ret;
}

static int ioctl(int fd, unsigned long cmd, void *arg)
{
	return system_call(__NR_ioctl, fd, cmd, (long)arg);
}

/* The compiler may call it for what is set to zero. */
void *memset(void *to, int value, __SIZE_TYPE__ len)
{
	void *at = to;

	__asm__ volatile("rep stosb" : "+D" (at), "+c" (len)
			 : "a" (value) : "memory");
	return to;
}

static __u64 to_u64(const void *ptr)
{
	return (__UINTPTR_TYPE__)ptr;
}

static int check_pipe(const struct kipc_pipe_create *made)
{
	char data[8] = "32 bits", back[8] = "";
	struct kipc_pipe_io put = {
		.size = sizeof(put),
		.buf = to_u64(data),
		.len = sizeof(data),
	};
	struct kipc_pipe_io get = {
		.size = sizeof(get),
		.buf = to_u64(back),
		.len = sizeof(back),
	};
	struct kipc_pipe_stat stat = { .size = sizeof(stat) };
	unsigned int i;

	if (ioctl(made->write_fd, KIPC_PIPE_WRITE, &put) ||
	    put.done != sizeof(data))
		return 4;
	if (ioctl(made->write_fd, KIPC_PIPE_STAT, &stat) ||
	    stat.used != sizeof(data) || stat.my_bytes != sizeof(data))
		return 5;
	if (ioctl(made->read_fd, KIPC_PIPE_READ, &get) ||
	    get.done != sizeof(data))
		return 6;
	for (i = 0; i < sizeof(data); i++)
		if (back[i] != data[i])
			return 7;
	return 0;
}

/* mmap() as i386 had it first: all arguments in one place. */
static void *map_at(int fd, unsigned long bytes, unsigned long prot,
		    unsigned long offset)
{
	unsigned long args[6] = { 0, bytes, prot, MAP_SHARED, fd, offset };

	return (void *)system_call(__NR_mmap, (long)args, 0, 0);
}

static void *map(int fd, unsigned long bytes)
{
	return map_at(fd, bytes, PROT_READ | PROT_WRITE, 0);
}

/* A page of a mapped pipe. */
static void *map_area(int fd, unsigned long page, unsigned long prot)
{
	return map_at(fd, 4096, prot, page * 4096);
}

static int check_segment(int dev)
{
	struct kipc_segment_create made = {
		.size = sizeof(made),
		.rights = RIGHT_BOTH,
		.flags = KIPC_SEGMENT_SEALABLE,
		.bytes = 5000,
	};
	struct kipc_segment_resize resize = {
		.size = sizeof(resize),
		.bytes = 3 * 4096,
	};
	struct kipc_segment_seal seal = {
		.size = sizeof(seal),
		.seals = KIPC_SEAL_GROW,
	};
	struct kipc_segment_stat stat = { .size = sizeof(stat) };
	char *one, *two;

	if (ioctl(dev, KIPC_SEGMENT_CREATE, &made) || made.fd < 0 ||
	    made.bytes != 5000)
		return 20;
	if (ioctl(made.fd, KIPC_SEGMENT_RESIZE, &resize) ||
	    ioctl(made.fd, KIPC_SEGMENT_SEAL, &seal))
		return 21;
	one = map(made.fd, 3 * 4096);
	two = map(made.fd, 3 * 4096);
	if ((unsigned long)one > -4096UL || (unsigned long)two > -4096UL)
		return 22;
	one[2 * 4096] = 'x';
	if (two[2 * 4096] != 'x')
		return 23;
	if (ioctl(made.fd, KIPC_SEGMENT_STAT, &stat) ||
	    stat.bytes != 3 * 4096 || stat.resident != 4096 ||
	    stat.seals != KIPC_SEAL_GROW)
		return 24;
	return 0;
}

static int check_array(int dev)
{
	struct kipc_array_create made = {
		.size = sizeof(made),
		.rights = RIGHT_BOTH,
		.count = 10,
		.element = 8,
	};
	struct kipc_array_op store = {
		.size = sizeof(store),
		.entry = {
			.op = KIPC_ARRAY_STORE,
			.index = 3,
			.value = 1ULL << 40,
		},
	};
	struct kipc_array_entry entry[2] = {
		{ .op = KIPC_ARRAY_ADD, .index = 3, .value = 1 },
		{ .op = KIPC_ARRAY_LOAD, .index = 3 },
	};
	struct kipc_array_ops ops = {
		.size = sizeof(ops),
		.entries = to_u64(entry),
		.count = 2,
	};
	__u64 elements[2], versions[2];
	struct kipc_array_read read = {
		.size = sizeof(read),
		.first = 3,
		.count = 2,
		.buf = to_u64(elements),
		.versions = to_u64(versions),
	};
	struct kipc_array_slot slot = { .index = 3, .version = 1 };
	struct kipc_array_wait wait = {
		.size = sizeof(wait),
		.slots = to_u64(&slot),
		.count = 1,
	};
	struct kipc_array_stat stat = { .size = sizeof(stat) };

	if (ioctl(dev, KIPC_ARRAY_CREATE, &made) || made.fd < 0)
		return 30;
	if (ioctl(made.fd, KIPC_ARRAY_OP, &store) || store.entry.version != 1)
		return 31;
	if (ioctl(made.fd, KIPC_ARRAY_OPS, &ops) || ops.mismatch != 2 ||
	    entry[0].result != 1ULL << 40 ||
	    entry[1].result != (1ULL << 40) + 1 || entry[1].version != 2)
		return 32;
	if (ioctl(made.fd, KIPC_ARRAY_READ, &read) || read.changes != 2 ||
	    elements[0] != (1ULL << 40) + 1 || elements[1] ||
	    versions[0] != 2 || versions[1])
		return 33;
	if (ioctl(made.fd, KIPC_ARRAY_WAIT, &wait) || wait.changed ||
	    slot.version != 2)
		return 34;
	if (ioctl(made.fd, KIPC_ARRAY_STAT, &stat) || stat.count != 10 ||
	    stat.element != 8 || stat.changes != 2)
		return 35;
	return 0;
}

/* Mutex number 1 of a set, held and then given up. */
static int check_mutex(int dev)
{
	struct kipc_semaphore_create made = {
		.size = sizeof(made),
		.rights = RIGHT_BOTH,
		.flags = KIPC_SEMAPHORE_MUTEX,
		.count = 2,
	};
	struct kipc_semaphore_op take = {
		.size = sizeof(take),
		.index = 1,
		.delta = -1,
	};
	struct kipc_semaphore_mark mark = {
		.size = sizeof(mark),
		.index = 1,
		.mark = KIPC_MUTEX_UNRECOVERABLE,
	};
	struct kipc_sem_counter counter[2];
	struct kipc_semaphore_get get = {
		.size = sizeof(get),
		.counters = to_u64(counter),
		.count = 2,
		.counter_size = sizeof(*counter),
	};

	if (ioctl(dev, KIPC_SEMAPHORE_CREATE, &made) || made.fd < 0)
		return 50;
	if (ioctl(made.fd, KIPC_SEMAPHORE_OP, &take) ||
	    ioctl(made.fd, KIPC_SEMAPHORE_GET, &get) || counter[0].pid ||
	    counter[0].value != 1 || counter[1].value ||
	    counter[1].pid != (__u32)system_call(__NR_getpid, 0, 0, 0))
		return 51;
	if (ioctl(made.fd, KIPC_SEMAPHORE_MARK, &mark) ||
	    ioctl(made.fd, KIPC_SEMAPHORE_GET, &get) ||
	    counter[1].state != KIPC_MUTEX_DEAD)
		return 52;
	return 0;
}

/* Locked in the page, and unlocked by a call. */
static int check_mapped(int dev)
{
	struct kipc_semaphore_create made = {
		.size = sizeof(made),
		.rights = RIGHT_BOTH,
		.flags = KIPC_SEMAPHORE_MUTEX | KIPC_SEMAPHORE_MAPPED,
		.count = 2,
	};
	struct kipc_semaphore_attach attach = { .size = sizeof(attach) };
	struct kipc_semaphore_op give = {
		.size = sizeof(give),
		.index = 1,
		.delta = 1,
	};
	struct kipc_sem_word *word;

	if (ioctl(dev, KIPC_SEMAPHORE_CREATE, &made) || made.fd < 0)
		return 80;
	word = map(made.fd, 4096);
	if ((unsigned long)word > -4096UL)
		return 81;
	if (ioctl(made.fd, KIPC_SEMAPHORE_ATTACH, &attach) || !attach.token)
		return 82;
	__atomic_store_n(&word[1].value, attach.token, __ATOMIC_RELAXED);
	if (ioctl(made.fd, KIPC_SEMAPHORE_OP, &give) ||
	    __atomic_load_n(&word[1].value, __ATOMIC_RELAXED))
		return 83;
	return 0;
}

/* One sleeps for what the other one has moved by then, and is told of its end. */
static int check_mapped_pipe(int dev)
{
	struct kipc_pipe_create made = {
		.size = sizeof(made),
		.rights = RIGHT_BOTH,
		.flags = KIPC_PIPE_MAPPED,
		.capacity = 4096,
	};
	struct kipc_pipe_wait wait = {
		.size = sizeof(wait),
		.until = 0x100000008ULL,
		.deadline_ns = 1,
	};
	struct kipc_pipe_wake wake = { .size = sizeof(wake) };
	struct kipc_pipe_state *state;
	struct kipc_pipe_index *head;

	if (ioctl(dev, KIPC_PIPE_CREATE, &made) || made.capacity != 4096)
		return 84;
	state = map_area(made.read_fd, KIPC_PIPE_PAGE_STATE, PROT_READ);
	head = map_area(made.write_fd, KIPC_PIPE_PAGE_PRODUCER,
			PROT_READ | PROT_WRITE);
	if ((unsigned long)state > -4096UL || (unsigned long)head > -4096UL ||
	    state->capacity != 4096)
		return 85;
	if (ioctl(made.read_fd, KIPC_PIPE_WAIT, &wait) != -ETIMEDOUT)
		return 86;
	head->total = wait.until;
	if (ioctl(made.write_fd, KIPC_PIPE_WAKE, &wake) ||
	    ioctl(made.read_fd, KIPC_PIPE_WAIT, &wait) ||
	    state->to_consumer.flags)
		return 87;
	return 0;
}

static int check_semaphore(int dev)
{
	__u32 values[3] = { 1, 2, 3 };
	struct kipc_semaphore_create made = {
		.size = sizeof(made),
		.rights = RIGHT_BOTH,
		.count = 3,
		.max = 9,
		.values = to_u64(values),
	};
	struct kipc_semaphore_op take = {
		.size = sizeof(take),
		.index = 2,
		.delta = -2,
	};
	struct kipc_sem_entry entry[2] = {
		{ .index = 0, .delta = -1 },
		{ .index = 1, .delta = 7 },
	};
	struct kipc_semaphore_ops ops = {
		.size = sizeof(ops),
		.entries = to_u64(entry),
		.count = 2,
	};
	struct kipc_sem_counter counter[3];
	struct kipc_semaphore_get get = {
		.size = sizeof(get),
		.counters = to_u64(counter),
		.count = 3,
		.counter_size = sizeof(*counter),
	};
	struct kipc_semaphore_set set = {
		.size = sizeof(set),
		.values = to_u64(values),
		.count = 3,
	};
	struct kipc_semaphore_watch watch = {
		.size = sizeof(watch),
		.index = 1,
	};
	struct kipc_semaphore_stat stat = { .size = sizeof(stat) };

	if (ioctl(dev, KIPC_SEMAPHORE_CREATE, &made) || made.fd < 0)
		return 40;
	if (ioctl(made.fd, KIPC_SEMAPHORE_OP, &take) ||
	    ioctl(made.fd, KIPC_SEMAPHORE_OPS, &ops) || ops.owner_dead)
		return 41;
	if (ioctl(made.fd, KIPC_SEMAPHORE_GET, &get) || counter[0].value ||
	    counter[1].value != 9 || counter[2].value != 1)
		return 42;
	if (ioctl(made.fd, KIPC_SEMAPHORE_SET, &set) ||
	    ioctl(made.fd, KIPC_SEMAPHORE_GET, &get) || counter[1].value != 2)
		return 43;
	if (ioctl(made.fd, KIPC_SEMAPHORE_WATCH, &watch) ||
	    ioctl(made.fd, KIPC_SEMAPHORE_STAT, &stat) || stat.count != 3 ||
	    stat.max != 9)
		return 44;
	return check_mutex(dev);
}

static int check_mailbox(int dev)
{
	struct kipc_mailbox_create made = {
		.size = sizeof(made),
		.rights = RIGHT_BOTH,
		.max_messages = 4,
		.max_bytes = 100,
	};
	char body[2][8] = { "", "" };
	struct kipc_msg_send send = {
		.size = sizeof(send),
		.msg = {
			.type = 1ULL << 40,
			.priority = 5,
			.buf = to_u64("letter"),
			.len = 6,
			.cookie = 1ULL << 50,
		},
	};
	struct kipc_msg got[2] = {
		{ .buf = to_u64(body[0]), .len = 8 },
		{ .buf = to_u64(body[1]), .len = 8 },
	};
	struct kipc_msg_recvv recvv = {
		.size = sizeof(recvv),
		.msgs = to_u64(got),
		.count = 2,
	};
	struct kipc_mailbox_drain drain = { .size = sizeof(drain) };
	struct kipc_mailbox_stat stat = { .size = sizeof(stat) };

	if (ioctl(dev, KIPC_MAILBOX_CREATE, &made) || made.fd < 0 ||
	    made.message_max != 100)
		return 60;
	if (ioctl(made.fd, KIPC_MAILBOX_SEND, &send) ||
	    ioctl(made.fd, KIPC_MAILBOX_SEND, &send))
		return 61;
	if (ioctl(made.fd, KIPC_MAILBOX_STAT, &stat) ||
	    stat.queue.messages != 2 || stat.queue.bytes != 12)
		return 62;
	if (ioctl(made.fd, KIPC_MAILBOX_RECVV, &recvv) || recvv.count != 2 ||
	    got[1].type != 1ULL << 40 || got[1].cookie != 1ULL << 50 ||
	    got[1].priority != 5 || got[1].seq != 2 || got[1].len != 6 ||
	    body[1][5] != 'r')
		return 63;
	if (ioctl(made.fd, KIPC_MAILBOX_SEND, &send) ||
	    ioctl(made.fd, KIPC_MAILBOX_DRAIN, &drain) || drain.bytes != 6)
		return 64;
	return 0;
}

/* In a child: calls its parent, and ends with 0 if the answer is right. */
static int call_parent(int dev)
{
	char answer[8] = "";
	struct kipc_endpoint_call call = {
		.size = sizeof(call),
		.pid = system_call(__NR_getppid, 0, 0, 0),
		.request = { .buf = to_u64("ask"), .len = 3 },
		.reply = { .buf = to_u64(answer), .len = sizeof(answer) },
	};

	return ioctl(dev, KIPC_ENDPOINT_CALL, &call) || call.reply.len != 6 ||
	       answer[5] != 'r';
}

static int check_endpoint(int dev)
{
	struct kipc_endpoint_create made = {
		.size = sizeof(made),
		.mode = 0600,
		.rights = RIGHT_BOTH,
	};
	char body[8] = "";
	struct kipc_msg_recv recv = {
		.size = sizeof(recv),
		.msg = { .buf = to_u64(body), .len = sizeof(body) },
	};
	struct kipc_endpoint_reply reply = {
		.size = sizeof(reply),
		.msg = { .buf = to_u64("answer"), .len = 6 },
	};
	struct kipc_endpoint_find find = {
		.size = sizeof(find),
		.pid = system_call(__NR_getpid, 0, 0, 0),
	};
	int status = -1;
	long child;

	if (ioctl(dev, KIPC_ENDPOINT_CREATE, &made) || made.fd < 0)
		return 70;
	if (ioctl(dev, KIPC_ENDPOINT_FIND, &find) || find.id != made.id)
		return 71;
	child = system_call(__NR_fork, 0, 0, 0);
	if (!child)
		system_call(__NR_exit, call_parent(dev), 0, 0);
	if (ioctl(made.fd, KIPC_ENDPOINT_RECV, &recv) ||
	    recv.msg.pid != (__u32)child || recv.msg.len != 3 ||
	    body[2] != 'k' || !recv.msg.token)
		return 72;
	reply.token = recv.msg.token;
	if (ioctl(made.fd, KIPC_ENDPOINT_REPLY, &reply))
		return 73;
	if (system_call(__NR_waitpid, child, (long)&status, 0) != child ||
	    status)
		return 74;
	return 0;
}

static int check_names(int dev, const struct kipc_pipe_create *made)
{
	struct kipc_entry entry;
	struct kipc_list list = {
		.size = sizeof(list),
		.entries = to_u64(&entry),
		.entry_size = sizeof(entry),
		.count = 1,
	};
	struct kipc_stat stat = {
		.size = sizeof(stat),
		.name = made->name,
		.name_len = made->name_len,
	};
	struct kipc_target target = {
		.size = sizeof(target),
		.name = made->name,
		.name_len = made->name_len,
	};
	struct kipc_setattr setattr = {
		.size = sizeof(setattr),
		.flags = KIPC_SET_SPIN,
		.spin_ns = 1000,
	};

	if (ioctl(dev, KIPC_STAT, &stat) || stat.entry.id != made->id ||
	    stat.entry.name_len != made->name_len ||
	    stat.entry.kind != KIPC_KIND_PIPE)
		return 8;
	if (ioctl(made->read_fd, KIPC_SETATTR, &setattr) ||
	    ioctl(dev, KIPC_STAT, &stat) || stat.spin_ns != 1000)
		return 11;
	if (ioctl(dev, KIPC_LIST, &list) || list.count != 1 || !entry.id)
		return 9;
	if (ioctl(dev, KIPC_UNLINK, &target))
		return 10;
	return 0;
}

static int run(void)
{
	struct kipc_info info = { .size = sizeof(info) };
	struct kipc_pipe_create made = {
		.size = sizeof(made),
		.name = to_u64("abi-32bit"),
		.name_len = 9,
		.mode = 0600,
		.rights = RIGHT_BOTH,
		.flags = KIPC_EXCL,
	};
	int dev = system_call(__NR_open, (long)KIPC_DEVICE, O_RDWR, 0), ret;

	if (dev < 0)
		return 1;
	if (ioctl(dev, KIPC_INFO, &info) ||
	    info.abi_version != KIPC_ABI_VERSION || !info.pipe_default)
		return 2;
	if (ioctl(dev, KIPC_PIPE_CREATE, &made) || made.read_fd < 0 ||
	    made.write_fd < 0 || made.capacity != info.pipe_default)
		return 3;
	ret = check_pipe(&made);
	if (!ret)
		ret = check_names(dev, &made);
	if (!ret)
		ret = check_segment(dev);
	if (!ret)
		ret = check_array(dev);
	if (!ret)
		ret = check_semaphore(dev);
	if (!ret)
		ret = check_mapped(dev);
	if (!ret)
		ret = check_mapped_pipe(dev);
	if (!ret)
		ret = check_mailbox(dev);
	if (!ret)
		ret = check_endpoint(dev);
	return ret;
}

/* The stack is as the kernel leaves it: compilers want it aligned. */
__attribute__((force_align_arg_pointer)) void _start(void)
{
	system_call(__NR_exit, run(), 0, 0);
	__builtin_unreachable();
}
