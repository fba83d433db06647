/* SPDX-License-Identifier: GPL-2.0 */
/*
 * DOC: create calls
 *
 * What the create ioctls of all kinds do alike: check the common part of the
 * argument, open the object that has the name already, or make a new one.  A new
 * object is made and its handles are opened before others can find it, so nobody
 * sees it if anything fails.
 *
 * A kind takes part through three functions of struct kipc_kind: make (allocate
 * it as the argument says), give (open the handles that the argument asks for
 * and say in it what the object is like) and open.
 */
#ifndef KIPC_CREATE_H
#define KIPC_CREATE_H

#include <linux/build_bug.h>
#include <linux/stddef.h>
#include <linux/types.h>
#include <linux/kipc.h>

struct kipc_call;
struct kipc_kind;
struct kipc_object;

/**
 * struct kipc_create - how the struct of each create call begins
 * @size: see uapi/linux/kipc.h
 * @flags: KIPC_*; from bit 16 on the kind's own
 * @name: user pointer
 * @name_len: in bytes
 * @mode: permission bits
 * @rights: KIPC_RIGHT_*
 * @result: (out) KIPC_RESULT_*
 * @id: (out) of the object
 */
struct kipc_create {
	__u32 size;
	__u32 flags;
	__aligned_u64 name;
	__u32 name_len;
	__u32 mode;
	__u32 rights;
	__u32 result;
	__aligned_u64 id;
};

/* For each struct that begins so. */
#define KIPC_ASSERT_CREATE(type)					\
	static_assert(offsetof(struct type, flags) ==			\
		      offsetof(struct kipc_create, flags) &&		\
		      offsetof(struct type, name) ==			\
		      offsetof(struct kipc_create, name) &&		\
		      offsetof(struct type, name_len) ==		\
		      offsetof(struct kipc_create, name_len) &&		\
		      offsetof(struct type, mode) ==			\
		      offsetof(struct kipc_create, mode) &&		\
		      offsetof(struct type, rights) ==			\
		      offsetof(struct kipc_create, rights) &&		\
		      offsetof(struct type, result) ==			\
		      offsetof(struct kipc_create, result) &&		\
		      offsetof(struct type, id) ==			\
		      offsetof(struct kipc_create, id))

int kipc_create(struct kipc_call *call, const struct kipc_kind *kind);
int kipc_create_open(struct kipc_call *call, struct kipc_object *object,
		     u32 rights, s32 *fd);

#endif /* KIPC_CREATE_H */
