/* SPDX-License-Identifier: GPL-2.0 */
/* The least of io_uring that reads, writes and polls: one request at a time. */
#ifndef URING_UTIL_H
#define URING_UTIL_H

#include <linux/io_uring.h>
#include <sys/syscall.h>

#include "kipc_util.h"

struct ring {
	int fd;
	unsigned int *sq_tail;
	unsigned int *sq_array;
	unsigned int *cq_head;
	unsigned int *cq_tail;
	unsigned int sq_mask;
	unsigned int cq_mask;
	struct io_uring_sqe *sqes;
	struct io_uring_cqe *cqes;
};

static inline void *ring_map(int fd, size_t len, off_t what)
{
	return mmap(NULL, len, PROT_READ | PROT_WRITE,
		    MAP_SHARED | MAP_POPULATE, fd, what);
}

/* Where there is no io_uring, @fd is the reason, a negative errno. */
static inline int ring_open(struct ring *ring)
{
	struct io_uring_params p = {};
	char *sq, *cq;

	ring->fd = KIPC_RET(syscall(__NR_io_uring_setup, 4, &p));
	if (ring->fd < 0)
		return 0;
	sq = ring_map(ring->fd, p.sq_off.array + p.sq_entries *
		      sizeof(unsigned int), IORING_OFF_SQ_RING);
	cq = ring_map(ring->fd, p.cq_off.cqes + p.cq_entries *
		      sizeof(struct io_uring_cqe), IORING_OFF_CQ_RING);
	ring->sqes = ring_map(ring->fd, p.sq_entries *
			      sizeof(struct io_uring_sqe), IORING_OFF_SQES);
	if (sq == MAP_FAILED || cq == MAP_FAILED || ring->sqes == MAP_FAILED)
		return -errno;
	ring->sq_tail = (void *)(sq + p.sq_off.tail);
	ring->sq_array = (void *)(sq + p.sq_off.array);
	ring->sq_mask = *(unsigned int *)(sq + p.sq_off.ring_mask);
	ring->cq_head = (void *)(cq + p.cq_off.head);
	ring->cq_tail = (void *)(cq + p.cq_off.tail);
	ring->cq_mask = *(unsigned int *)(cq + p.cq_off.ring_mask);
	ring->cqes = (void *)(cq + p.cq_off.cqes);
	return 0;
}

static inline int ring_submit_sqe(struct ring *ring,
				  const struct io_uring_sqe *sqe)
{
	unsigned int tail = *ring->sq_tail, at = tail & ring->sq_mask;

	ring->sqes[at] = *sqe;
	ring->sq_array[at] = at;
	__atomic_store_n(ring->sq_tail, tail + 1, __ATOMIC_RELEASE);
	return KIPC_RET(syscall(__NR_io_uring_enter, ring->fd, 1, 0, 0, NULL,
				0));
}

/* A read or a write. */
static inline int ring_submit(struct ring *ring, int op, int fd, void *buf,
			      int len)
{
	const struct io_uring_sqe sqe = {
		.opcode = op,
		.fd = fd,
		.off = -1,
		.addr = to_u64(buf),
		.len = len,
	};

	return ring_submit_sqe(ring, &sqe);
}

/* A poll that goes on: each event is a result. */
static inline int ring_submit_poll(struct ring *ring, int fd, uint32_t events)
{
	const struct io_uring_sqe sqe = {
		.opcode = IORING_OP_POLL_ADD,
		.fd = fd,
		.poll32_events = events,
		.len = IORING_POLL_ADD_MULTI,
	};

	return ring_submit_sqe(ring, &sqe);
}

/* Has a request ended?  Entering lets the kernel run what is due. */
static inline bool ring_ended(struct ring *ring)
{
	syscall(__NR_io_uring_enter, ring->fd, 0, 0, IORING_ENTER_GETEVENTS,
		NULL, 0);
	return __atomic_load_n(ring->cq_tail, __ATOMIC_ACQUIRE) !=
	       *ring->cq_head;
}

static inline int ring_result(struct ring *ring)
{
	unsigned int head = *ring->cq_head;
	int res = ring->cqes[head & ring->cq_mask].res;

	__atomic_store_n(ring->cq_head, head + 1, __ATOMIC_RELEASE);
	return res;
}

#endif /* URING_UTIL_H */
