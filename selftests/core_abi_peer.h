/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The other side of a call to an endpoint, as a thread, for core_abi_test: one
 * that answers, or one that asks and waits for the reply.
 */
#ifndef CORE_ABI_PEER_H
#define CORE_ABI_PEER_H

#include "core_abi_scene.h"

/* Answers calls until the endpoint ends. */
static inline void *peer_answer(void *data)
{
	struct scene *scene = data;
	char body[16];
	struct kipc_endpoint_reply_recv arg = {
		.size = sizeof(arg),
		.select = KIPC_SELECT_TYPE,
		.type = REQUEST,
		.reply = { .buf = to_u64(DATA), .len = DATA_LEN },
	};

	for (;;) {
		arg.request = (struct kipc_msg){
			.buf = to_u64(body),
			.len = sizeof(body),
		};
		if (kipc_ioctl(scene->fd[ENDPOINT], KIPC_ENDPOINT_REPLY_RECV,
			       &arg))
			return NULL;
		arg.token = arg.request.token;
	}
}

static inline void *peer_ask(void *data)
{
	struct scene *scene = data;
	char body[16];
	struct kipc_endpoint_call arg = {
		.size = sizeof(arg),
		.request = { .type = REQUEST },
		.reply = { .buf = to_u64(body), .len = sizeof(body) },
	};

	kipc_ioctl(scene->fd[ENDPOINT], KIPC_ENDPOINT_CALL, &arg);
	return NULL;
}

/* Once for a scene, though arguments are prepared many times. */
static inline bool peer_start(struct scene *scene, void *(*run)(void *data))
{
	if (scene->has_peer)
		return false;
	scene->has_peer = !pthread_create(&scene->peer, NULL, run, scene);
	return scene->has_peer;
}

/* Receives a call, so that there is something to answer. */
static inline void peer_asks(struct scene *scene)
{
	struct kipc_msg_recv arg = {
		.size = sizeof(arg),
		.select = KIPC_SELECT_TYPE,
		.type = REQUEST,
		.deadline_ns = in_ms(10000),
	};

	if (!peer_start(scene, peer_ask))
		return;
	if (kipc_ioctl(scene->fd[ENDPOINT], KIPC_ENDPOINT_RECV, &arg))
		return;
	scene->token = arg.msg.token;
	scene->endpoint.calls++;
	scene->endpoint.queue.sent++;
	scene->endpoint.queue.received++;
}

static inline void peer_interrupted(int signo)
{
	(void)signo;
}

/* The same, and the peer has given up. */
static inline void peer_gives_up(struct scene *scene)
{
	static const struct sigaction action = {
		.sa_handler = peer_interrupted,
	};

	peer_asks(scene);
	if (!scene->endpoint.calls)
		return;
	sigaction(SIGUSR1, &action, NULL);
	pthread_kill(scene->peer, SIGUSR1);
	pthread_join(scene->peer, NULL);
	scene->endpoint.calls--;
	scene->endpoint.cancelled++;
	scene->peer_ended = true;
}

#endif /* CORE_ABI_PEER_H */
