/* Settled records add up per scope, model and backend; strangers' names cannot grow that. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include "workers/budget/settlement.h"

static struct scoreboard_record record_of(
	const char *scope, const char *model, const char *backend, uint64_t tokens)
{
	struct scoreboard_record record = {
		.tokens_prompt = tokens, .tokens_completion = 2 * tokens};

	scoreboard_name_copy(record.scope, sizeof(record.scope), slice_of(scope));
	scoreboard_name_copy(record.model, sizeof(record.model), slice_of(model));
	scoreboard_name_copy(record.backend, sizeof(record.backend), slice_of(backend));
	return record;
}

static void assert_written(const struct settlement *settlement, const char *expected)
{
	struct buffer text;
	struct json_writer json;

	buffer_init(&text, 1u << 20);
	json_write_init(&json, &text);
	settlement_write(settlement, &json);
	assert_string_equal(buffer_text(&text), expected);
	buffer_free(&text);
}

static void test_totals_add_up(void **state)
{
	struct settlement *settlement = settlement_new();
	struct scoreboard_record records[] = {
		record_of("a", "m", "x", 10),
		record_of("a", "m", "y", 1),
		record_of("a", "m", "x", 5),
	};
	struct scoreboard_record *batch[] = {&records[0], &records[1], &records[2]};

	assert_written(settlement, "[]");
	records[2].flags = RECORD_ESTIMATED;
	assert_true(settlement_apply(settlement, batch, 3, NULL));
	assert_written(settlement,
		"[{\"scope\":\"a\",\"model\":\"m\",\"backend\":\"x\",\"requests\":2,"
		"\"estimated\":1,\"tokens_prompt\":15,\"tokens_completion\":30},"
		"{\"scope\":\"a\",\"model\":\"m\",\"backend\":\"y\",\"requests\":1,"
		"\"estimated\":0,\"tokens_prompt\":1,\"tokens_completion\":2}]");
	settlement_free(&settlement);
	settlement_free(&settlement);
}

/* "ab" and "c" are not "a" and "bc". */
static void test_names_do_not_run_together(void **state)
{
	struct settlement *settlement = settlement_new();
	struct scoreboard_record first = record_of("ab", "c", "", 1);
	struct scoreboard_record second = record_of("a", "bc", "", 1);
	struct scoreboard_record *batch[] = {&first, &second};

	settlement_apply(settlement, batch, 2, NULL);
	assert_written(settlement,
		"[{\"scope\":\"ab\",\"model\":\"c\",\"backend\":\"\",\"requests\":1,"
		"\"estimated\":0,\"tokens_prompt\":1,\"tokens_completion\":2},"
		"{\"scope\":\"a\",\"model\":\"bc\",\"backend\":\"\",\"requests\":1,"
		"\"estimated\":0,\"tokens_prompt\":1,\"tokens_completion\":2}]");
	settlement_free(&settlement);
}

static void test_totals_are_bounded(void **state)
{
	struct settlement *settlement = settlement_new();
	struct buffer text;
	struct json_writer json;

	for (unsigned i = 0; i < SETTLEMENT_TOTALS_MAX + 100; i++) {
		char model[32];
		struct scoreboard_record record;
		struct scoreboard_record *batch[] = {&record};

		snprintf(model, sizeof(model), "model %u", i);
		record = record_of("s", model, "b", 1);
		settlement_apply(settlement, batch, 1, NULL);
	}
	buffer_init(&text, 16u << 20);
	json_write_init(&json, &text);
	settlement_write(settlement, &json);
	assert_non_null(strstr(buffer_text(&text),
		"\"scope\":\"other\",\"model\":\"other\",\"backend\":\"other\",\"requests\":100,"));
	buffer_free(&text);
	settlement_free(&settlement);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_totals_add_up),
		cmocka_unit_test(test_names_do_not_run_together),
		cmocka_unit_test(test_totals_are_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
