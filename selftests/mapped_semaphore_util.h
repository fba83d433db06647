/* SPDX-License-Identifier: GPL-2.0 */
/* What the tests of mapped semaphores share, beside what all of semaphores do. */
#ifndef MAPPED_SEMAPHORE_UTIL_H
#define MAPPED_SEMAPHORE_UTIL_H

#include <kipc/mapped_semaphore.h>

#include "semaphore_util.h"

#define ASK		KIPC_SEM_WORD_ASK
#define OWNER_DEAD	KIPC_SEM_WORD_OWNER_DEAD

/* A mapped set without a name; gives the handle or -errno. */
static inline int mapped_make(uint32_t count, uint32_t initial, uint32_t max)
{
	struct kipc_semaphore_create arg = {
		.flags = KIPC_SEMAPHORE_MAPPED,
		.rights = SEM_RIGHTS,
		.mode = 0600,
		.count = count,
		.initial = initial,
		.max = max,
	};

	return sem_create(&arg);
}

static inline int mapped_make_mutex(uint32_t count)
{
	struct kipc_semaphore_create arg = {
		.flags = KIPC_SEMAPHORE_MAPPED | KIPC_SEMAPHORE_MUTEX,
		.rights = SEM_RIGHTS,
		.mode = 0600,
		.count = count,
	};

	return sem_create(&arg);
}

/* A new set, mapped; 0 or -errno. */
static inline int mapped_sem(struct kipc_msem *sem, uint32_t count,
			     uint32_t initial, uint32_t max)
{
	int fd = mapped_make(count, initial, max);

	return fd < 0 ? fd : kipc_msem_map(sem, fd);
}

static inline int mapped_mutex(struct kipc_mmutex *mutex, uint32_t count)
{
	int fd = mapped_make_mutex(count);

	return fd < 0 ? fd : kipc_mmutex_map(mutex, fd);
}

/* In a child: the set that its parent has mapped. */
static inline int mapped_again(struct kipc_mmutex *mutex)
{
	return kipc_mmutex_map(mutex, mutex->fd);
}

/* KIPC_SEMAPHORE_ATTACH; gives the token or -errno. */
static inline int mapped_attach(int fd)
{
	struct kipc_semaphore_attach arg = { .size = sizeof(arg) };
	int ret = kipc_ioctl(fd, KIPC_SEMAPHORE_ATTACH, &arg);

	return ret ? ret : (int)arg.token;
}

static inline uint32_t mapped_word(const struct kipc_sem_word *words,
				   uint32_t index)
{
	return __atomic_load_n(&words[index].value, __ATOMIC_RELAXED);
}

static inline void mapped_scribble(struct kipc_sem_word *words, uint32_t index,
				   uint32_t value)
{
	__atomic_store_n(&words[index].value, value, __ATOMIC_RELAXED);
}

/* As scaled(), and fewer on such a kernel, where each takes long. */
static inline unsigned long scaled_rounds(unsigned long full)
{
	return scaled(kernel_is_checked() ? full / 4 : full);
}

#endif /* MAPPED_SEMAPHORE_UTIL_H */
