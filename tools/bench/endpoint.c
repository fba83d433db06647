// SPDX-License-Identifier: GPL-2.0
/*
 * Endpoints: a call there and its reply back, between two processes, one system
 * call each.  The peers need two: they write and read, over two pipes or two
 * pairs of sockets.
 */
#include <err.h>

#include "kipc_util.h"
#include "bench.h"

/* Type of the message that makes the server leave. */
#define STOP	1

struct caller {
	int dev;
	struct kipc_endpoint_call call;
	char *buf;
};

static int make_endpoint(void)
{
	struct kipc_endpoint_create arg = {
		.size = sizeof(arg),
		.mode = 0600,
		.rights = KIPC_RIGHT_READ,
	};
	int ret = kipc_device_ioctl(KIPC_ENDPOINT_CREATE, &arg);

	if (ret)
		errx(1, "cannot create an endpoint: %s", strerror(-ret));
	return arg.fd;
}

/* Gives back what it gets. */
static void serve(char *buf, size_t size)
{
	struct kipc_endpoint_reply_recv arg = {
		.size = sizeof(arg),
		.reply = { .buf = to_u64(buf), .len = size },
		.request = { .buf = to_u64(buf) },
	};
	int fd = make_endpoint();

	for (;;) {
		arg.request.len = size;
		if (ioctl(fd, KIPC_ENDPOINT_REPLY_RECV, &arg))
			err(1, "KIPC_ENDPOINT_REPLY_RECV");
		if (arg.request.type == STOP)
			_exit(0);
		arg.token = arg.request.token;
		arg.reply.len = arg.request.len;
	}
}

static bool find_endpoint(pid_t pid, __u64 *id)
{
	struct kipc_endpoint_find arg = { .size = sizeof(arg), .pid = pid };
	int ret = kipc_device_ioctl(KIPC_ENDPOINT_FIND, &arg);

	if (ret && ret != -ENOTCONN)
		errx(1, "KIPC_ENDPOINT_FIND: %s", strerror(-ret));
	*id = arg.id;
	return !ret;
}

static void call_set_up(struct rig *rig)
{
	struct caller *own = calloc(1, sizeof(*own));

	if (!own)
		err(1, "calloc");
	own->buf = malloc(rig->size);
	if (!own->buf)
		err(1, "malloc");
	/* Touched, so that no page of it is missing when the clock runs. */
	memset(own->buf, 'k', rig->size);
	if (rig_fork(rig))
		serve(own->buf, rig->size);
	own->dev = kipc_device();
	if (own->dev < 0)
		errx(1, "%s: %s", KIPC_DEVICE, strerror(-own->dev));
	own->call = (struct kipc_endpoint_call){
		.size = sizeof(own->call),
		.pid = rig->child,
		.request = { .buf = to_u64(own->buf), .len = rig->size },
		.reply = { .buf = to_u64(own->buf) },
	};
	if (!wait_for(find_endpoint(rig->child, &own->call.id)))
		errx(1, "the server has made no endpoint");
	rig->priv = own;
}

static void call_run(struct rig *rig, unsigned long ops)
{
	struct caller *own = rig->priv;

	while (ops--) {
		own->call.reply.len = rig->size;
		if (ioctl(own->dev, KIPC_ENDPOINT_CALL, &own->call))
			err(1, "KIPC_ENDPOINT_CALL");
		if (own->call.reply.len != rig->size)
			errx(1, "a reply of %u bytes", own->call.reply.len);
	}
}

static void call_close(struct rig *rig)
{
	struct caller *own = rig->priv;
	struct kipc_msg_send stop = {
		.size = sizeof(stop),
		.pid = own->call.pid,
		.id = own->call.id,
		.msg = { .type = STOP },
	};

	if (ioctl(own->dev, KIPC_ENDPOINT_SEND, &stop))
		err(1, "KIPC_ENDPOINT_SEND");
	close(own->dev);
	free(own->buf);
	free(own);
}

const struct work endpoint_round_trip = {
	.set_up = call_set_up,
	.run = call_run,
	.close = call_close,
};

const struct metric endpoint_call = {
	.name = "endpoint_call",
	.kind = KIPC_KIND_ENDPOINT,
	.sizes = true,
	.size_max = 64 << 10,
	.sides = {
		{ "kipc", &endpoint_round_trip, NULL },
		{ "seqpacket", &channel_round_trip, &channel_seqpacket },
		{ "pipe(2)", &channel_round_trip, &channel_pipe },
	},
};
