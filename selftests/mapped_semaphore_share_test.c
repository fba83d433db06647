// SPDX-License-Identifier: GPL-2.0
/*
 * Who has the page and a token: after fork, exec, the end of a thread, and with
 * descriptors closed.
 */
#include "kselftest_harness.h"
#include "mapped_semaphore_util.h"

/* For the program that this one becomes by exec: the descriptor. */
#define AFTER_EXEC	"MAPPED_SEMAPHORE_FD"

FIXTURE(share) {
	struct kipc_msem sem;
	struct kipc_mmutex mutex;
	uint32_t *word;
};

FIXTURE_SETUP(share)
{
	ASSERT_EQ(0, mapped_sem(&self->sem, 1, 0, 0));
	ASSERT_EQ(0, mapped_mutex(&self->mutex, 2));
	self->word = kipc_shared(4096);
	ASSERT_NE(NULL, self->word);
}

FIXTURE_TEARDOWN(share)
{
}

static bool is_mapped(void *page)
{
	unsigned char vec;

	return !mincore(page, sysconf(_SC_PAGESIZE), &vec);
}

TEST_F(share, fork)
{
	pid_t pid = kipc_fork();

	if (!pid) {
		/* Counters are everybody's. */
		CHILD_EQ(0, kipc_msem_post(&self->sem, 0));
		/* With the parent's token it would act as the parent. */
		CHILD_CHECK(!is_mapped(self->mutex.words));
		CHILD_EQ(-EPERM, sem_op(self->mutex.fd, 0, 1, 0));
		CHILD_EQ(0, mapped_again(&self->mutex));
		CHILD_EQ(0, kipc_mmutex_lock(&self->mutex, 0));
		CHILD_EQ(-EDEADLK, kipc_mmutex_lock(&self->mutex, 0));
		CHILD_EQ(0, kipc_mmutex_unlock(&self->mutex, 0));
		_exit(0);
	}
	EXPECT_EQ(0, kipc_reap(pid));
	EXPECT_TRUE(is_mapped(self->mutex.words));
	EXPECT_EQ(1, kipc_msem_value(&self->sem, 0));
}

/* The child's end is not the parent's. */
TEST_F(share, child_of_an_owner)
{
	pid_t pid;

	ASSERT_EQ(0, kipc_mmutex_lock(&self->mutex, 0));
	pid = kipc_fork();
	if (!pid) {
		CHILD_EQ(0, mapped_again(&self->mutex));
		CHILD_EQ(-EAGAIN, kipc_mmutex_trylock(&self->mutex, 0));
		CHILD_EQ(-EPERM, kipc_mmutex_unlock(&self->mutex, 0));
		_exit(0);
	}
	EXPECT_EQ(0, kipc_reap(pid));
	EXPECT_EQ(self->mutex.token, mapped_word(self->mutex.words, 0));
	EXPECT_EQ(0, kipc_mmutex_unlock(&self->mutex, 0));
}

/* A child that lives on, with the handle, does not hide its parent's death. */
TEST_F(share, child_of_a_dead_owner)
{
	pid_t pid = kipc_fork();

	if (!pid) {
		CHILD_EQ(0, mapped_again(&self->mutex));
		CHILD_EQ(0, kipc_mmutex_lock(&self->mutex, 0));
		if (!fork()) {
			word_set(self->word, getpid());
			pause();
		}
		while (!word_get(self->word))
			usleep(100);
		raise(SIGKILL);
	}
	EXPECT_EQ(SIGKILL, kipc_reap(pid));
	EXPECT_EQ(-EOWNERDEAD, kipc_mmutex_trylock(&self->mutex, 0));
	kill(word_get(self->word), SIGKILL);
}

static void *lock_both(void *data)
{
	struct kipc_mmutex *mutex = data;

	CHILD_EQ(0, kipc_mmutex_lock(mutex, 0));
	CHILD_EQ(0, sem_op(mutex->fd, 1, -1, 0));
	return NULL;
}

/* The owner is the process. */
TEST_F(share, end_of_a_thread)
{
	pthread_t thread;

	ASSERT_EQ(0, pthread_create(&thread, NULL, lock_both, &self->mutex));
	ASSERT_EQ(0, pthread_join(thread, NULL));
	EXPECT_EQ(-EDEADLK, kipc_mmutex_lock(&self->mutex, 0));
	EXPECT_EQ(0, kipc_mmutex_unlock(&self->mutex, 0));
	EXPECT_EQ(0, kipc_mmutex_unlock(&self->mutex, 1));
}

TEST_F(share, last_descriptor_closed)
{
	struct kipc_mmutex mine = self->mutex;
	uint32_t *word = self->word;
	pid_t pid = kipc_fork();
	int again;

	if (!pid) {
		CHILD_EQ(0, mapped_again(&mine));
		CHILD_EQ(0, kipc_mmutex_lock(&mine, 0));
		again = dup(mine.fd);
		close(mine.fd);
		word_set(word, 1);
		CHILD_CHECK(wait_for(word_get(word) == 2));
		close(again);
		/* Nobody knows this token any more, so it is a dead one's. */
		CHILD_EQ(true, kipc_word_change(&mine.words[1], 0, mine.token,
						__ATOMIC_ACQUIRE));
		word_set(word, 3);
		pause();
	}
	ASSERT_TRUE(wait_for(word_get(word) == 1));
	EXPECT_EQ(-EAGAIN, kipc_mmutex_trylock(&self->mutex, 0));
	word_set(word, 2);
	ASSERT_TRUE(wait_for(word_get(word) == 3));
	EXPECT_EQ(-EOWNERDEAD, kipc_mmutex_trylock(&self->mutex, 0));
	EXPECT_EQ(-EOWNERDEAD, kipc_mmutex_lock(&self->mutex, 1));
	EXPECT_TRUE(sem_kill(pid));
	EXPECT_EQ(0, kipc_mmutex_consistent(&self->mutex, 1));
}

/* The program after exec: it is the same process, and has nothing mapped. */
__attribute__((constructor)) static void after_exec(void)
{
	struct kipc_mmutex mutex;
	const char *fd = getenv(AFTER_EXEC);

	if (!fd)
		return;
	if (atoi(fd) < 0)
		pause();
	CHILD_EQ(0, kipc_mmutex_map(&mutex, atoi(fd)));
	CHILD_EQ(-EDEADLK, kipc_mmutex_trylock(&mutex, 0));
	CHILD_EQ(0, kipc_mmutex_unlock(&mutex, 0));
	CHILD_EQ(0, kipc_mmutex_lock(&mutex, 1));
	_exit(0);
}

static void become(int fd)
{
	char text[16];

	snprintf(text, sizeof(text), "%d", fd);
	setenv(AFTER_EXEC, text, 1);
	execl("/proc/self/exe", "mapped_semaphore_share_test", NULL);
	_exit(127);
}

TEST_F(share, exec_with_the_handle)
{
	pid_t pid = kipc_fork();

	if (!pid) {
		CHILD_EQ(0, mapped_again(&self->mutex));
		CHILD_EQ(0, kipc_mmutex_lock(&self->mutex, 0));
		CHILD_EQ(0, fcntl(self->mutex.fd, F_SETFD, 0));
		become(self->mutex.fd);
	}
	EXPECT_EQ(0, kipc_reap(pid));
	EXPECT_EQ(0, kipc_mmutex_trylock(&self->mutex, 0));
	EXPECT_EQ(-EOWNERDEAD, kipc_mmutex_trylock(&self->mutex, 1));
}

/* It lives, and what it had is given up all the same: it can never unlock. */
TEST_F(share, exec_without_the_handle)
{
	pid_t pid = kipc_fork();

	if (!pid) {
		CHILD_EQ(0, mapped_again(&self->mutex));
		CHILD_EQ(0, kipc_mmutex_lock(&self->mutex, 0));
		become(-1);
	}
	ASSERT_TRUE(wait_for(mapped_word(self->mutex.words, 0)));
	EXPECT_EQ(-EOWNERDEAD, kipc_mmutex_timedlock(&self->mutex, 0,
						     now_ns() + PATIENCE_NS));
	EXPECT_TRUE(sem_kill(pid));
}

/* As with all that a create call says of an object that is there already. */
TEST_F(share, a_name_that_another_flavour_has)
{
	char name[64];
	struct kipc_semaphore_create arg = {
		.flags = KIPC_SEMAPHORE_MAPPED,
		.name = to_u64(name),
		.rights = SEM_RIGHTS,
		.mode = 0600,
		.count = 3,
	};
	struct kipc_msem one, two;

	snprintf(name, sizeof(name), "mapped-share-%d", getpid());
	arg.name_len = strlen(name);
	ASSERT_LE(0, sem_named(name, 2, 0, 0));
	ASSERT_LE(0, sem_create(&arg));
	EXPECT_EQ(2, arg.count);
	EXPECT_EQ(-EINVAL, kipc_msem_map(&one, arg.fd));
	ASSERT_EQ(0, kipc_unlink(name));
	arg.count = 3;
	ASSERT_LE(0, sem_create(&arg));
	ASSERT_EQ(0, kipc_msem_map(&one, arg.fd));
	EXPECT_EQ(3, one.count);
	ASSERT_EQ(0, kipc_msem_map(&two, sem_open_name(name, SEM_RIGHTS, 0)));
	EXPECT_EQ(0, kipc_msem_post(&one, 2));
	EXPECT_EQ(0, kipc_msem_trywait(&two, 2));
	kipc_msem_unmap(&one);
	EXPECT_EQ(-EAGAIN, kipc_msem_trywait(&two, 2));
}

TEST_HARNESS_MAIN
