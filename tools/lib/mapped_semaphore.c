// SPDX-License-Identifier: LGPL-2.1-or-later
/* Mapped semaphores and mutexes: what is not done in user space. */
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <kipc/mapped_semaphore.h>

/* ioctl() that gives -errno, and leaves errno alone. */
static int ask(int fd, unsigned long cmd, void *arg)
{
	int before = errno, ret = ioctl(fd, cmd, arg);

	if (ret < 0) {
		ret = -errno;
		errno = before;
	}
	return ret;
}

/* Maps a set of the flavour that is wanted, and tells what it is like. */
static int map(int fd, uint32_t flags, struct kipc_semaphore_stat *stat,
	       struct kipc_sem_word **words)
{
	int before = errno, ret;
	void *page;

	*stat = (struct kipc_semaphore_stat){ .size = sizeof(*stat) };
	ret = ask(fd, KIPC_SEMAPHORE_STAT, stat);
	if (ret)
		return ret;
	if (stat->semaphore_flags != flags)
		return -EINVAL;
	page = mmap(NULL, sysconf(_SC_PAGESIZE), PROT_READ | PROT_WRITE,
		    MAP_SHARED, fd, 0);
	if (page == MAP_FAILED) {
		ret = -errno;
		errno = before;
		return ret;
	}
	*words = page;
	return 0;
}

static void unmap(struct kipc_sem_word *words)
{
	munmap(words, sysconf(_SC_PAGESIZE));
}

/**
 * kipc_mapped_ask() - KIPC_SEMAPHORE_OP
 * @fd: the handle
 * @index: the counter
 * @delta: -1 or 1
 * @flags: KIPC_SEM_NONBLOCK
 * @deadline_ns: when to give up; 0: never
 *
 * Return: 0 or a negative errno, see <linux/kipc/semaphore.h>.
 */
int kipc_mapped_ask(int fd, uint32_t index, int32_t delta, uint32_t flags,
		    uint64_t deadline_ns)
{
	struct kipc_semaphore_op arg = {
		.size = sizeof(arg),
		.flags = flags,
		.index = index,
		.delta = delta,
		.deadline_ns = deadline_ns,
	};

	return ask(fd, KIPC_SEMAPHORE_OP, &arg);
}

/**
 * kipc_msem_map() - use a mapped set of counters
 * @sem: to be filled in
 * @fd: handle of a set made with KIPC_SEMAPHORE_MAPPED, with both rights; it has
 *	to stay open
 *
 * Return: 0; -EINVAL (another sort of set), -EACCES (a right is missing), or what
 * mmap(2) and KIPC_SEMAPHORE_STAT say.
 */
int kipc_msem_map(struct kipc_msem *sem, int fd)
{
	struct kipc_semaphore_stat stat;
	int ret = map(fd, KIPC_SEMAPHORE_MAPPED, &stat, &sem->words);

	if (ret)
		return ret;
	sem->count = stat.count;
	sem->max = stat.max;
	sem->fd = fd;
	return 0;
}

/** kipc_msem_unmap() - undo kipc_msem_map() */
void kipc_msem_unmap(struct kipc_msem *sem)
{
	unmap(sem->words);
	sem->words = NULL;
	sem->count = 0;
}

/**
 * kipc_mmutex_map() - use a mapped set of mutexes
 * @mutex: to be filled in
 * @fd: handle of a set made with KIPC_SEMAPHORE_MAPPED and KIPC_SEMAPHORE_MUTEX,
 *	with both rights; it has to stay open
 *
 * Return: as kipc_msem_map(), and -ENOMEM.
 */
int kipc_mmutex_map(struct kipc_mmutex *mutex, int fd)
{
	struct kipc_semaphore_attach attach = { .size = sizeof(attach) };
	struct kipc_semaphore_stat stat;
	int ret = map(fd, KIPC_SEMAPHORE_MAPPED | KIPC_SEMAPHORE_MUTEX, &stat,
		      &mutex->words);

	if (ret)
		return ret;
	ret = ask(fd, KIPC_SEMAPHORE_ATTACH, &attach);
	if (ret) {
		unmap(mutex->words);
		return ret;
	}
	mutex->count = stat.count;
	mutex->token = attach.token;
	mutex->fd = fd;
	return 0;
}

/** kipc_mmutex_unmap() - undo kipc_mmutex_map(); what is locked stays locked */
void kipc_mmutex_unmap(struct kipc_mmutex *mutex)
{
	unmap(mutex->words);
	mutex->words = NULL;
	mutex->count = 0;
}

static int mark(int fd, uint32_t index, uint32_t how)
{
	struct kipc_semaphore_mark arg = {
		.size = sizeof(arg),
		.index = index,
		.mark = how,
	};

	return ask(fd, KIPC_SEMAPHORE_MARK, &arg);
}

/**
 * kipc_mmutex_consistent() - what the mutex guards is in order again
 * @mutex: the set
 * @index: the mutex, which the caller got with -EOWNERDEAD and still has
 *
 * Return: 0; -EPERM (not the caller's), -EINVAL (no owner had died), -ERANGE.
 */
int kipc_mmutex_consistent(struct kipc_mmutex *mutex, uint32_t index)
{
	return mark(mutex->fd, index, KIPC_MUTEX_CONSISTENT);
}

/**
 * kipc_mmutex_unrecoverable() - what the mutex guards never will be in order
 * @mutex: the set
 * @index: the mutex, which the caller has; he gives it up
 *
 * All who wait for it or come later get -ENOTRECOVERABLE.
 *
 * Return: 0; -EPERM (not the caller's), -ERANGE.
 */
int kipc_mmutex_unrecoverable(struct kipc_mmutex *mutex, uint32_t index)
{
	return mark(mutex->fd, index, KIPC_MUTEX_UNRECOVERABLE);
}
