/* message.h: the structs, names and schemas that messages.def stands for. Nothing here is written
 * by hand twice. */
#ifndef NEXUS_IPC_MESSAGE_H
#define NEXUS_IPC_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ipc/role.h"

#include "ipc/messages.def"

/* --- structs: one member a field; a LIST is a pointer and a count --- */
#define MEMBER_U8(name, item)   uint8_t name;
#define MEMBER_U16(name, item)  uint16_t name;
#define MEMBER_U32(name, item)  uint32_t name;
#define MEMBER_U64(name, item)  uint64_t name;
#define MEMBER_I64(name, item)  int64_t name;
#define MEMBER_F64(name, item)  double name;
#define MEMBER_BOOL(name, item) bool name;
#define MEMBER_STR(name, item)  const char *name;
#define MEMBER_LIST(name, item)                                                                    \
	const struct msg_##item *name;                                                             \
	size_t name##_count;
#define MEMBER(S, kind, member, item, max) MEMBER_##kind(member, item)
#define RECORD_STRUCT(name, FIELDS)                                                                \
	struct msg_##name {                                                                        \
		FIELDS(MEMBER, name)                                                               \
	};
RECORDS(RECORD_STRUCT)
#define MESSAGE_STRUCT(number, ID, name, FIELDS, delivery, from, to, meaning)                      \
	RECORD_STRUCT(name, FIELDS)
MESSAGES(MESSAGE_STRUCT)
#undef MEMBER
#undef MEMBER_LIST
#undef RECORD_STRUCT
#undef MESSAGE_STRUCT

enum message_type {
#define MESSAGE_ENUM(number, ID, name, FIELDS, delivery, from, to, meaning) MSG_##ID = number,
	MESSAGES(MESSAGE_ENUM)
#undef MESSAGE_ENUM
	MSG_TYPE_MAX
};

enum delivery { DELIVERY_LATEST, DELIVERY_ORDERED };

/* What a request worker saw of a backend (OBSERVED.what). */
enum observed {
	OBSERVED_CONNECT_FAILED = 1,
	OBSERVED_CONNECTION_LOST,
	OBSERVED_SERVER_ERROR,
	OBSERVED_TIMEOUT,
	OBSERVED_BAD_ANSWER,
	OBSERVED_RATE_LIMITED,
	OBSERVED_KEY_REFUSED,
	OBSERVED_COUNT
};

/* --- schemas, walked by codec.c --- */
enum field_kind {
	FIELD_U8,
	FIELD_U16,
	FIELD_U32,
	FIELD_U64,
	FIELD_I64,
	FIELD_F64,
	FIELD_BOOL,
	FIELD_STR,
	FIELD_LIST
};

struct schema;
struct schema_field {
	const char *name;
	enum field_kind kind;
	size_t offset;
	size_t count_offset;       /* LIST: where its count stands */
	const struct schema *item; /* LIST */
	uint32_t max;              /* STR: bytes without NUL; LIST: entries */
};
struct schema {
	const char *name;
	size_t size;
	const struct schema_field *fields;
	size_t field_count;
};

struct message_row {
	enum message_type type;
	const char *name; /* "BACKEND_PUT" */
	const struct schema *schema;
	enum delivery delivery;
	unsigned from; /* sets of ROLE_BIT */
	unsigned to;
	const char *meaning;
};
/* The row of a type, or NULL. */
const struct message_row *message_row(unsigned type);

#endif
