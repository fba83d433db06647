// SPDX-License-Identifier: GPL-2.0
/* What several acts do with objects, and with the errors that these give. */
#include <err.h>

#include "demo.h"

/* Gives a handle on what another process has made. */
int object_open(uint32_t kind, const char *name, uint32_t rights)
{
	struct kipc_open arg = {
		.size = sizeof(arg),
		.name = to_u64(name),
		.name_len = strlen(name),
		.kind = kind,
		.rights = rights,
	};
	int ret = kipc_device_ioctl(KIPC_OPEN, &arg);

	if (ret)
		errx(1, "cannot open '%s': %s", name, strerror(-ret));
	return arg.fd;
}

/* The short names of those that a play is about. */
const char *error_name(int error)
{
	switch (error) {
	case ECONNRESET:
		return "ECONNRESET";
	case EIDRM:
		return "EIDRM";
	case EOWNERDEAD:
		return "EOWNERDEAD";
	case ESRCH:
		return "ESRCH";
	default:
		return strerror(error);
	}
}
