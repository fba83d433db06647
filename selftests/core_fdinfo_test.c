// SPDX-License-Identifier: GPL-2.0
/*
 * What /proc shows of a handle.
 */
#include "kselftest_harness.h"

#include "core_util.h"

/* The value of @key in the fdinfo of @fd, or "" if it is not there once. */
static const char *shown_by(int fd, const char *key)
{
	static char value[2048];
	char path[64], text[8192], *line, *next;
	int found = 0;

	*value = '\0';
	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	if (read_file(path, text, sizeof(text)) < 0)
		return value;
	for (line = text; *line; line = next) {
		next = line + strcspn(line, "\n");
		if (*next)
			*next++ = '\0';
		if (strncmp(line, key, strlen(key)))
			continue;
		line += strlen(key);
		snprintf(value, sizeof(value), "%s", line + strspn(line, "\t"));
		found++;
	}
	if (found != 1)
		*value = '\0';
	return value;
}

static void expect_link(struct __test_metadata *_metadata, int fd)
{
	char path[64], text[128] = "";

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	EXPECT_LT(0, readlink(path, text, sizeof(text) - 1));
	EXPECT_STREQ("anon_inode:[kipc:pipe]", text);
}

TEST(named_pipe)
{
	struct kipc_pipe_create made;
	char id[32];

	ASSERT_EQ(0, make_pipe(&made, "fdinfo", RIGHT_BOTH, 0, 0600));
	snprintf(id, sizeof(id), "%llu", made.id + 0ULL);
	expect_link(_metadata, made.read_fd);
	expect_link(_metadata, made.write_fd);
	EXPECT_STREQ("pipe", shown_by(made.read_fd, "kipc-kind:"));
	EXPECT_STREQ(id, shown_by(made.read_fd, "kipc-id:"));
	EXPECT_STREQ("fdinfo", shown_by(made.read_fd, "kipc-name:"));
	EXPECT_STREQ("r", shown_by(made.read_fd, "kipc-rights:"));
	EXPECT_STREQ("pipe", shown_by(made.write_fd, "kipc-kind:"));
	EXPECT_STREQ(id, shown_by(made.write_fd, "kipc-id:"));
	EXPECT_STREQ("fdinfo", shown_by(made.write_fd, "kipc-name:"));
	EXPECT_STREQ("w", shown_by(made.write_fd, "kipc-rights:"));
	close(made.read_fd);
	close(made.write_fd);
}

TEST(without_a_name)
{
	struct kipc_pipe_create made;

	ASSERT_EQ(0, make_pipe(&made, "gone", RIGHT_BOTH, 0, 0600));
	ASSERT_EQ(0, kipc_unlink("gone"));
	EXPECT_STREQ("", shown_by(made.read_fd, "kipc-name:"));
	EXPECT_STREQ("pipe", shown_by(made.read_fd, "kipc-kind:"));
	ASSERT_EQ(0, kipc_destroy(made.read_fd));
	EXPECT_STREQ("pipe", shown_by(made.read_fd, "kipc-kind:"));
	EXPECT_STREQ("r", shown_by(made.read_fd, "kipc-rights:"));
	close(made.read_fd);
	close(made.write_fd);
	ASSERT_EQ(0, make_pipe(&made, NULL, RIGHT_BOTH, 0, 0600));
	EXPECT_STREQ("", shown_by(made.read_fd, "kipc-name:"));
	close(made.read_fd);
	close(made.write_fd);
}

/* Undoes the escapes of @text in place; false if it is not all ASCII. */
static bool unescape(char *text)
{
	unsigned int byte;
	char *to = text;

	for (; *text; text++) {
		if (*text < ' ' || *text > '~')
			return false;
		if (*text != '\\') {
			*to++ = *text;
		} else if (sscanf(text + 1, "%3o", &byte) == 1) {
			*to++ = byte;
			text += 3;
		} else {
			return false;
		}
	}
	*to = '\0';
	return true;
}

/* A name cannot forge a line of its own, nor upset a terminal. */
TEST(name_is_escaped)
{
	char name[256], shown[2048];
	struct kipc_pipe_create made;
	int i;

	for (i = 0; i < 255; i++)
		name[i] = i + 1;
	name[255] = '\0';
	ASSERT_EQ(0, make_pipe(&made, name, RIGHT_BOTH, 0, 0600));
	strcpy(shown, shown_by(made.read_fd, "kipc-name:"));
	EXPECT_TRUE(unescape(shown));
	EXPECT_EQ(0, strcmp(name, shown));
	close(made.read_fd);
	close(made.write_fd);
	ASSERT_EQ(0, make_pipe(&made, "a\nkipc-id:\t1\nb", RIGHT_BOTH, 0,
			       0600));
	EXPECT_LT(1, atoll(shown_by(made.read_fd, "kipc-id:")));
	strcpy(shown, shown_by(made.read_fd, "kipc-name:"));
	EXPECT_TRUE(unescape(shown));
	EXPECT_STREQ("a\nkipc-id:\t1\nb", shown);
	close(made.read_fd);
	close(made.write_fd);
}

static void expect_queue(struct __test_metadata *_metadata, int fd)
{
	EXPECT_STREQ("2", shown_by(fd, "kipc-messages:"));
	EXPECT_STREQ("5", shown_by(fd, "kipc-max-messages:"));
	EXPECT_STREQ("7", shown_by(fd, "kipc-bytes:"));
	EXPECT_STREQ("100", shown_by(fd, "kipc-max-bytes:"));
	EXPECT_STREQ("50", shown_by(fd, "kipc-message-max:"));
	EXPECT_STREQ("0", shown_by(fd, "kipc-senders:"));
	EXPECT_STREQ("0", shown_by(fd, "kipc-receivers:"));
}

static int send_text(int fd, unsigned long cmd, const char *text)
{
	struct kipc_msg_send arg = {
		.size = sizeof(arg),
		.flags = KIPC_MSG_NONBLOCK,
		.msg = { .buf = to_u64(text), .len = strlen(text) },
	};

	return kipc_ioctl(fd, cmd, &arg);
}

TEST(mailbox)
{
	struct kipc_mailbox_create arg = {
		.size = sizeof(arg),
		.rights = RIGHT_BOTH,
		.max_messages = 5,
		.max_bytes = 100,
		.message_max = 50,
	};

	ASSERT_EQ(0, kipc_device_ioctl(KIPC_MAILBOX_CREATE, &arg));
	EXPECT_EQ(0, send_text(arg.fd, KIPC_MAILBOX_SEND, "abc"));
	EXPECT_EQ(0, send_text(arg.fd, KIPC_MAILBOX_SEND, "defg"));
	EXPECT_STREQ("mailbox", shown_by(arg.fd, "kipc-kind:"));
	EXPECT_STREQ("rw", shown_by(arg.fd, "kipc-rights:"));
	expect_queue(_metadata, arg.fd);
	close(arg.fd);
}

TEST(endpoint)
{
	struct kipc_endpoint_create arg = {
		.size = sizeof(arg),
		.rights = RIGHT_BOTH,
		.max_messages = 5,
		.max_bytes = 100,
		.message_max = 50,
	};
	char pid[16];

	snprintf(pid, sizeof(pid), "%d", getpid());
	ASSERT_EQ(0, kipc_device_ioctl(KIPC_ENDPOINT_CREATE, &arg));
	EXPECT_EQ(0, send_text(arg.fd, KIPC_ENDPOINT_SEND, "abc"));
	EXPECT_EQ(0, send_text(arg.fd, KIPC_ENDPOINT_SEND, "defg"));
	EXPECT_STREQ("endpoint", shown_by(arg.fd, "kipc-kind:"));
	EXPECT_STREQ("rw", shown_by(arg.fd, "kipc-rights:"));
	EXPECT_STREQ(pid, shown_by(arg.fd, "kipc-owner:"));
	expect_queue(_metadata, arg.fd);
	EXPECT_STREQ("0", shown_by(arg.fd, "kipc-calls:"));
	EXPECT_STREQ("0", shown_by(arg.fd, "kipc-cancelled:"));
	close(arg.fd);
}

/* It can be read while others use, unlink and destroy the object. */
static void destroy_and_make(void *arg)
{
	struct kipc_pipe_create made;

	(void)arg;
	for (;;) {
		CHECK_EQ(0, make_pipe(&made, "race", RIGHT_BOTH, KIPC_EXCL,
				      0600));
		kipc_unlink("race");
		kipc_destroy(made.read_fd);
		close(made.read_fd);
		close(made.write_fd);
	}
}

TEST(while_names_come_and_go)
{
	unsigned long rounds = scaled(5000), i, caught = 0;
	pid_t pid = child_start(destroy_and_make, NULL);
	const char *name;
	int fd;

	for (i = 0; i < rounds; i++) {
		fd = kipc_open_name("race", KIPC_RIGHT_WRITE, 0);
		if (fd < 0) {
			ASSERT_EQ(-ENOENT, fd);
			continue;
		}
		caught++;
		name = shown_by(fd, "kipc-name:");
		if (*name)
			EXPECT_STREQ("race", name);
		EXPECT_STREQ("w", shown_by(fd, "kipc-rights:"));
		close(fd);
	}
	TH_LOG("caught it %lu times of %lu", caught, rounds);
	EXPECT_EQ(128 + SIGKILL, child_kill(pid));
}

TEST_HARNESS_MAIN
