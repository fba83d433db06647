/* SPDX-License-Identifier: GPL-2.0 */
/*
 * DOC: pipes
 *
 * A ring of bytes with two sides.  The write side owns @head, the read side
 * @tail; both are totals that only grow, so that head - tail is what the ring
 * holds.  A side's owner is whoever is inside its gate, and he alone writes the
 * side's members.  One reader and one writer copy at the same time: they share
 * no lock and meet only in the two totals.
 *
 *	writer: copy in,  store-release head		reader: load-acquire head, copy out
 *	reader: copy out, store-release tail		writer: load-acquire tail, copy in
 *
 * Sleeping.  At most one task of each side waits for the other side: its owner.
 * It parks the gate, says in @need how many bytes it waits for, queues itself on
 * @sleep and looks again.  Who moved a total looks at the other side's @sleep
 * after a full barrier.  So one of the two sees the other:
 *
 *	sleeper: store @need; queue on @sleep; barrier (set_current_state);
 *		 read total
 *	waker:   store total; barrier (kipc_gate_leave); look at @sleep and @need
 *
 * The same holds of @need by itself: a waker who sees the sleeper with what an
 * earlier one needed has stored his total in time for this one to see it.
 *
 * The barrier is the one by which the waker leaves his own gate, so he does not
 * own his side any more when he wakes, and writes nothing of it.  How much there
 * is he looks up anew (kipc_pipe_used()): others may have moved more since, and
 * then they look after him.  The total of the side that sleeps stands still, so
 * the last of them finds the true amount, or more after a resize, which wakes
 * both sides itself.  Who goes on with the rest of a long write or read has not
 * left, and has a barrier of his own (smp_mb).
 *
 * The same pair covers pollers (@poll; smp_mb in kipc_pipe_poll()), the last
 * close (@gone) and destroy (both: smp_mb in kipc_side_wake_all()).
 * An owner that is killed while it sleeps or after it was woken leaves the gate
 * on its way out; the next owner looks at the totals himself, so a wake-up that
 * hit a dying task is not lost.
 *
 * The order of readers is a matter of turns.h (TURNS) or there is none (SINGLE:
 * the gate refuses a second one).
 *
 * References: each end is a handle and holds the object.
 *
 * A pipe that is mapped into both ends is another matter: see pipe_mapped.h.
 */
#ifndef KIPC_PIPE_H
#define KIPC_PIPE_H

#include <linux/cache.h>
#include <linux/spinlock.h>
#include <linux/wait.h>

#include "gate.h"
#include "handle.h"
#include "object.h"
#include "ring.h"
#include "turns.h"

struct kipc_call;
struct kipc_mapped_pipe;
struct pipe_inode_info;

/* In record mode each record has its length before it. */
#define KIPC_RECORD_HEADER	sizeof(u32)

/* What pollers are told of. */
#define KIPC_POLL_READ		(EPOLLIN | EPOLLRDNORM)
#define KIPC_POLL_WRITE		(EPOLLOUT | EPOLLWRNORM)

/* A stream write up to this size is never split, as with PIPE_BUF. */
#define KIPC_PIPE_ATOMIC	4096

/*
 * A stream is copied in steps of at most this size, and each is shown to the other
 * side at once: so it copies out, on another processor, while this one copies in.
 */
#define KIPC_PIPE_STEP		16384U

/**
 * struct kipc_side - one side of a pipe
 *
 * By cache lines: first what the owner uses for each call, with the state of the
 * gate, and of which the other side reads @total alone, when it has used up what
 * it saw; then what the other side reads for each call, which changes only when
 * somebody sleeps, polls, opens or closes.
 *
 * @total: bytes ever put in (head) or taken out (tail), headers included;
 *	written by the owner, read by anybody
 * @pos: where in the ring the next byte goes or comes from
 * @seen: the other side's @total when the owner last looked
 * @bytes: payload that went through
 * @calls: calls that moved some
 * @gate: who is inside owns the members above, and @need
 * @sleep: where the owner sleeps
 * @poll: where pollers are
 * @need: bytes, or bytes of room, that the sleeping owner waits for; written
 *	by him, read by the other side's owner
 * @gone: there were handles and there are none now; under pipe->lock, read
 *	without
 * @opened: there was a handle at some time; under pipe->lock
 * @handles: open handles; under pipe->lock
 * @wakeups: times that the other side woke this one
 */
struct kipc_side {
	u64 total;
	u64 pos;
	u64 seen;
	u64 bytes;
	u64 calls;
	struct kipc_gate gate;

	wait_queue_head_t sleep ____cacheline_aligned_in_smp;
	wait_queue_head_t poll;
	u64 need;
	bool gone;
	bool opened;
	u32 handles;
	atomic64_t wakeups;
} ____cacheline_aligned_in_smp;

/**
 * struct kipc_pipe - a pipe
 * @object: what all kinds have
 * @flags: KIPC_PIPE_RECORD, KIPC_PIPE_TURNS, KIPC_PIPE_MAPPED; invariant
 * @ring: the memory; replaced under @resize with both gates borrowed
 * @mapped: what a mapped pipe has more, see pipe_mapped.h; or NULL; invariant
 * @lock: guards @gone, @opened and @handles of both sides, and what is in @mapped
 * @resize: one resize at a time; taken before the gates are borrowed
 * @turns: the readers, if they take turns
 * @rd: the read side
 * @wr: the write side
 */
struct kipc_pipe {
	struct kipc_object object;
	u32 flags;
	struct kipc_ring ring;
	struct kipc_mapped_pipe *mapped;
	spinlock_t lock;
	struct mutex resize;
	struct kipc_turns turns;
	struct kipc_side rd;
	struct kipc_side wr;
};

/**
 * struct kipc_pipe_end - a handle of a pipe
 * @handle: what all handles have
 * @nosigpipe: EPIPE comes without SIGPIPE; invariant
 * @want: room that the last write which got EAGAIN was after; poll waits for it
 * @bytes: payload that went through this handle; owner of the side
 * @calls: calls that moved some; owner of the side
 */
struct kipc_pipe_end {
	struct kipc_handle handle;
	bool nosigpipe;
	u64 want;
	u64 bytes;
	u64 calls;
};

static inline struct kipc_pipe *kipc_to_pipe(struct kipc_object *object)
{
	return container_of(object, struct kipc_pipe, object);
}

static inline struct kipc_pipe_end *kipc_to_end(struct kipc_handle *handle)
{
	return container_of(handle, struct kipc_pipe_end, handle);
}

static inline struct kipc_pipe_end *kipc_file_end(struct file *file)
{
	return file->private_data;
}

static inline struct kipc_pipe *kipc_file_pipe(struct file *file)
{
	return kipc_to_pipe(kipc_file_end(file)->handle.object);
}

/* pipe_io.c: moving data */
ssize_t kipc_pipe_read(struct kipc_pipe_end *end, struct iov_iter *to,
		       bool nowait, u64 deadline_ns, u64 *needed);
ssize_t kipc_pipe_write(struct kipc_pipe_end *end, struct iov_iter *from,
			bool nowait, u64 deadline_ns, u64 *longest);
u64 kipc_pipe_used(struct kipc_pipe *pipe);
void kipc_pipe_wake_readers(struct kipc_pipe *pipe, __poll_t events);
void kipc_pipe_wake_writers(struct kipc_pipe *pipe, __poll_t events);

/* pipe_quick.c: read(2) and write(2) */
ssize_t kipc_pipe_read_plain(struct file *file, char __user *buf, size_t len,
			     loff_t *ppos);
ssize_t kipc_pipe_write_plain(struct file *file, const char __user *buf,
			      size_t len, loff_t *ppos);

/* pipe_splice.c: splice(2) and sendfile(2) out of a pipe */
ssize_t kipc_pipe_splice_read(struct file *file, loff_t *ppos,
			      struct pipe_inode_info *target, size_t len,
			      unsigned int flags);

/* pipe_file.c: file operations of the ends */
extern const struct file_operations kipc_pipe_fops;
ssize_t kipc_pipe_file_read(struct file *file, struct iov_iter *to,
			    bool nowait);
ssize_t kipc_pipe_file_write(struct file *file, struct iov_iter *from,
			     bool nowait);
struct file *kipc_pipe_open(struct kipc_object *object, u32 rights, u32 flags);
void kipc_pipe_opened(struct kipc_handle *handle);

/* pipe.c: ioctls and lifetime */
extern const struct kipc_kind kipc_pipe_kind;
int kipc_pipe_create_call(struct kipc_call *call);
int kipc_pipe_read_call(struct kipc_call *call);
int kipc_pipe_write_call(struct kipc_call *call);
int kipc_pipe_resize_call(struct kipc_call *call);
int kipc_pipe_stat_call(struct kipc_call *call);
int kipc_pipe_next_record(struct kipc_pipe *pipe, u64 *len);

#endif /* KIPC_PIPE_H */
