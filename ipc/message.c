/* message.c: the tables that messages.def stands for. A row here is never written by hand. */
#include "ipc/message.h"

const char *const role_names[ROLE_COUNT] = {
	[ROLE_SUPERVISOR] = "supervisor",
	[ROLE_BUDGET] = "budget",
	[ROLE_HEALTH] = "health",
	[ROLE_REQUEST] = "request",
	[ROLE_DEMO] = "demo",
};

/* A field's kind decides which of its columns mean something. */
#define PLAIN(S, KIND, member)                                                                     \
	{.name = #member, .kind = FIELD_##KIND, .offset = offsetof(struct msg_##S, member)},
#define SCHEMA_U8(S, member, item, max)   PLAIN(S, U8, member)
#define SCHEMA_U16(S, member, item, max)  PLAIN(S, U16, member)
#define SCHEMA_U32(S, member, item, max)  PLAIN(S, U32, member)
#define SCHEMA_U64(S, member, item, max)  PLAIN(S, U64, member)
#define SCHEMA_I64(S, member, item, max)  PLAIN(S, I64, member)
#define SCHEMA_F64(S, member, item, max)  PLAIN(S, F64, member)
#define SCHEMA_BOOL(S, member, item, max) PLAIN(S, BOOL, member)
#define SCHEMA_STR(S, member, item, bound)                                                         \
	{.name = #member,                                                                          \
		.kind = FIELD_STR,                                                                 \
		.offset = offsetof(struct msg_##S, member),                                        \
		.max = (bound)},
#define SCHEMA_LIST(S, member, record, bound)                                                      \
	{.name = #member,                                                                          \
		.kind = FIELD_LIST,                                                                \
		.offset = offsetof(struct msg_##S, member),                                        \
		.count_offset = offsetof(struct msg_##S, member##_count),                          \
		.item = &schema_##record,                                                          \
		.max = (bound)},
#define SCHEMA_FIELD(S, KIND, member, item, max) SCHEMA_##KIND(S, member, item, max)

#define SCHEMA(record, FIELDS)                                                                     \
	static const struct schema_field fields_##record[] = {FIELDS(SCHEMA_FIELD, record)};       \
	static const struct schema schema_##record = {                                             \
		.name = #record,                                                                   \
		.size = sizeof(struct msg_##record),                                               \
		.fields = fields_##record,                                                         \
		.field_count = sizeof(fields_##record) / sizeof(fields_##record[0]),               \
	};
#define MESSAGE_SCHEMA(number, ID, record, FIELDS, delivery, from, to, meaning)                    \
	SCHEMA(record, FIELDS)

RECORDS(SCHEMA)
MESSAGES(MESSAGE_SCHEMA)

#define MESSAGE_ROW(number, ID, record, FIELDS, kind, from_roles, to_roles, what)                  \
	[number] = {                                                                               \
		.type = MSG_##ID,                                                                  \
		.name = #ID,                                                                       \
		.schema = &schema_##record,                                                        \
		.delivery = DELIVERY_##kind,                                                       \
		.from = (from_roles),                                                              \
		.to = (to_roles),                                                                  \
		.meaning = (what),                                                                 \
	},

static const struct message_row rows[MSG_TYPE_MAX] = {MESSAGES(MESSAGE_ROW)};

const struct message_row *message_row(unsigned type)
{
	if (type >= MSG_TYPE_MAX || !rows[type].name)
		return NULL;
	return &rows[type];
}
