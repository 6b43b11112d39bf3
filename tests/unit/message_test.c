/* Every row of messages.def is whole: numbered, sent and received by someone, bounded. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ipc/channel.h"
#include "ipc/message.h"

static void unknown_types_have_no_row(void **state)
{
	assert_null(message_row(0));
	assert_null(message_row(MSG_TYPE_MAX));
	assert_null(message_row(UINT32_MAX));
}

static void check_schema(const struct schema *schema)
{
	assert_true(schema->size > 0 && schema->field_count > 0);
	for (size_t i = 0; i < schema->field_count; i++) {
		const struct schema_field *field = &schema->fields[i];

		assert_true(field->offset < schema->size);
		if (field->kind == FIELD_STR || field->kind == FIELD_LIST)
			assert_in_range(field->max, 1, FRAME_MAX);
		if (field->kind == FIELD_LIST)
			check_schema(field->item);
	}
}

static void every_row_is_whole(void **state)
{
	unsigned all = (1u << ROLE_COUNT) - 1;

	for (unsigned type = 1; type < MSG_TYPE_MAX; type++) {
		const struct message_row *row = message_row(type);

		if (!row)
			continue;
		assert_int_equal(row->type, type);
		assert_non_null(row->name);
		assert_true(strlen(row->meaning) > 0);
		assert_true(row->from != 0 && (row->from & ~all) == 0);
		assert_true(row->to != 0 && (row->to & ~all) == 0);
		check_schema(row->schema);
	}
}

static void rows_say_what_messages_def_says(void **state)
{
	const struct message_row *row = message_row(MSG_HEARTBEAT);

	assert_string_equal(row->name, "HEARTBEAT");
	assert_int_equal(row->delivery, DELIVERY_LATEST);
	assert_int_equal(row->from, ROLES_WORKERS);
	assert_int_equal(row->to, ROLE_BIT(ROLE_SUPERVISOR));
	assert_string_equal(row->schema->name, "heartbeat");
	assert_int_equal(row->schema->size, sizeof(struct msg_heartbeat));
	assert_string_equal(row->schema->fields[1].name, "connections");
	assert_int_equal(
		row->schema->fields[1].offset, offsetof(struct msg_heartbeat, connections));
}

static void every_role_has_a_name(void **state)
{
	for (unsigned role = 0; role < ROLE_COUNT; role++)
		assert_non_null(role_names[role]);
	assert_string_equal(role_names[ROLE_HEALTH], "health");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(unknown_types_have_no_row),
		cmocka_unit_test(every_row_is_whole),
		cmocka_unit_test(rows_say_what_messages_def_says),
		cmocka_unit_test(every_role_has_a_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
