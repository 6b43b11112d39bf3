/* print_messages.c: prints docs/reference/messages.md from the rows of messages.def. Not installed.
 */
#include <stdio.h>

#include "ipc/channel.h"
#include "ipc/message.h"

static const char *const kind_names[] = {
	[FIELD_U8] = "unsigned, 8 bits",
	[FIELD_U16] = "unsigned, 16 bits",
	[FIELD_U32] = "unsigned, 32 bits",
	[FIELD_U64] = "unsigned, 64 bits",
	[FIELD_I64] = "signed, 64 bits",
	[FIELD_F64] = "floating point",
	[FIELD_BOOL] = "true or false",
	[FIELD_STR] = "text",
	[FIELD_LIST] = "list",
};

static void print_roles(unsigned roles)
{
	const char *between = "";

	if (roles == ROLES_WORKERS) {
		printf("every worker");
		return;
	}
	for (unsigned role = 0; role < ROLE_COUNT; role++) {
		if (!(roles & ROLE_BIT(role)))
			continue;
		printf("%s%s", between, role_names[role]);
		between = ", ";
	}
}

static void print_fields(const struct schema *schema)
{
	printf("\n| field | kind | at most |\n|---|---|---|\n");
	for (size_t i = 0; i < schema->field_count; i++) {
		const struct schema_field *field = &schema->fields[i];

		printf("| `%s` | %s", field->name, kind_names[field->kind]);
		if (field->kind == FIELD_LIST)
			printf(" of %s | %u entries |\n", field->item->name, field->max);
		else if (field->kind == FIELD_STR)
			printf(" | %u bytes |\n", field->max);
		else
			printf(" | |\n");
	}
	for (size_t i = 0; i < schema->field_count; i++) {
		if (schema->fields[i].kind != FIELD_LIST)
			continue;
		printf("\nA %s is:\n", schema->fields[i].item->name);
		print_fields(schema->fields[i].item);
	}
}

static void print_message(const struct message_row *row)
{
	printf("\n## %s (%u)\n\n%s\n\nFrom ", row->name, row->type, row->meaning);
	print_roles(row->from);
	printf(" to ");
	print_roles(row->to);
	printf("; %s.\n", row->delivery == DELIVERY_LATEST ? "a newer one replaces one still queued"
							   : "all arrive, in order");
	print_fields(row->schema);
}

int main(void)
{
	printf("# Messages between processes\n\n"
	       "Printed by `make reference` from `ipc/messages.def`; edit that.\n\n"
	       "Every worker has one channel, to the supervisor, which passes on what is meant for "
	       "others. A frame is a\n"
	       "header of %u bytes and a payload, together at most %u bytes. The header is "
	       "big-endian: length of what\n"
	       "follows it (32 bits), type (16), protocol (8; now %u), number of descriptors (8), "
	       "receiver and sender (role\n"
	       "and slot, 8 each), the sender's generation (32), request id (32), object (64), "
	       "version (64).\n\n"
	       "The payload is a msgpack array of the fields below in their order. A reader "
	       "ignores further fields and takes\n"
	       "missing ones as zero, empty text or empty list; a wrong kind, or more than is "
	       "allowed, ends the channel.\n"
	       "Numbers of messages and places of fields are never used again.\n",
		FRAME_HEADER_SIZE, FRAME_MAX, FRAME_PROTOCOL);
	for (unsigned type = 0; type < MSG_TYPE_MAX; type++)
		if (message_row(type))
			print_message(message_row(type));
	return 0;
}
