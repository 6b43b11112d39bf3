/* handlers.c: from a frame to the one handler its type has. */
#include "ipc/handlers.h"

#include "ipc/codec.h"

#define SCRATCH_SIZE 4096u

static bool is_in(unsigned roles, unsigned role)
{
	return role < ROLE_COUNT && (roles & ROLE_BIT(role)) != 0;
}

static const char *name_of(unsigned role)
{
	return role < ROLE_COUNT ? role_names[role] : "nobody";
}

static bool has_handler(const struct message_handlers *handlers, enum message_type type)
{
	switch (type) {
#define HAS_HANDLER(number, ID, name, FIELDS, delivery, from, to, meaning)                         \
	case MSG_##ID: return handlers->name != NULL;
		MESSAGES(HAS_HANDLER)
	case MSG_TYPE_MAX: break;
	}
	return false;
}

static void call_handler(const struct message_handlers *handlers, void *owner, const void *message,
	const struct frame *frame)
{
	switch ((enum message_type)frame->header.type) {
#define CALL_HANDLER(number, ID, name, FIELDS, delivery, from, to, meaning)                        \
	case MSG_##ID: handlers->name(owner, message, frame); break;
		MESSAGES(CALL_HANDLER)
	case MSG_TYPE_MAX: break;
	}
}

bool message_dispatch(const struct message_handlers *handlers, void *owner, enum role me,
	const struct frame *frame, struct error *err)
{
	const struct message_row *row = message_row(frame->header.type);
	_Alignas(16) char memory[SCRATCH_SIZE];
	struct arena arena;
	void *message;
	bool decoded;

	if (!row)
		return error_set(err, "message type %u is not known", frame->header.type);
	if (!is_in(row->from, frame->header.from.role) || !is_in(row->to, me))
		return error_set(err, "%s may not go from %s to %s", row->name,
			name_of(frame->header.from.role), name_of(me));
	if (!has_handler(handlers, row->type))
		return error_set(err, "%s is not accepted here", row->name);
	arena_init_in(&arena, SCRATCH_SIZE, memory, sizeof(memory));
	message = arena_alloc(&arena, row->schema->size);
	decoded = codec_decode(frame->payload, row->schema, message, &arena, err);
	if (decoded)
		call_handler(handlers, owner, message, frame);
	arena_free(&arena);
	return decoded;
}
