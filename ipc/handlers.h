/* handlers.h: from frames to typed handlers. A worker's accept list is a designated initialiser of
 * message_handlers; a message without a handler, or from or to a role that its row does not allow,
 * is a protocol violation. */
#ifndef NEXUS_IPC_HANDLERS_H
#define NEXUS_IPC_HANDLERS_H

#include "base/error.h"
#include "ipc/channel.h"
#include "ipc/message.h"

struct message_handlers {
#define MESSAGE_HANDLER(number, ID, name, FIELDS, delivery, from, to, meaning)                     \
	void (*name)(void *owner, const struct msg_##name *message, const struct frame *frame);
	MESSAGES(MESSAGE_HANDLER)
#undef MESSAGE_HANDLER
};

/* Checks direction, decodes, calls. False with the reason on a violation. `me` is the receiving
 * role. */
bool message_dispatch(const struct message_handlers *handlers, void *owner, enum role me,
	const struct frame *frame, struct error *err);

#endif
