/* Answers become tables that fit the terminal; what servers call themselves cannot drive it; odd answers are refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "command/report.h"
#include "command/text_table.h"

#define ELLIPSIS "\xe2\x80\xa6"

static const char backends[] =
	"{\"backends\":[{\"name\":\"gpu\",\"url\":\"http://10.0.0.1:8000\",\"backend_type\":\"vllm\",\"status\":\"healthy\","
	"\"models\":[{\"id\":\"llama3:70b\"},{\"id\":\"m\\u001b[2J\"}]},"
	"{\"name\":\"b\",\"url\":\"http://x\",\"backend_type\":\"ollama\",\"status\":\"unhealthy\",\"models\":[],\"last_error\":null}]}";

typedef bool (*reporter)(struct slice answer, const struct report_style *style, struct buffer *out, struct error *err);

static void assert_report(reporter report, const char *answer, struct report_style style, const char *expected)
{
	struct buffer out;
	struct error err;

	buffer_init(&out, 1u << 20);
	if (!report(slice_of(answer), &style, &out, &err))
		fail_msg("%s", err.text);
	assert_string_equal(buffer_text(&out), expected);
	buffer_free(&out);
}

static void test_backends(void **state)
{
	assert_report(report_backends, backends, (struct report_style){.width = 0},
		"NAME  URL                   TYPE    STATUS     MODELS\n"
		"gpu   http://10.0.0.1:8000  vllm    healthy    llama3:70b, m\\x1b[2J\n"
		"b     http://x              ollama  unhealthy  -\n");
	assert_report(report_backends, backends, (struct report_style){.width = 52},
		"NAME  URL           TYPE    STATUS     MODELS\n"
		"gpu   http://10.0" ELLIPSIS "  vllm    healthy    llama3:70b, " ELLIPSIS "\n"
		"b     http://x      ollama  unhealthy  -\n");
	assert_report(report_backends, backends, (struct report_style){.filter = "unhealthy"},
		"NAME  URL       TYPE    STATUS     MODELS\n"
		"b     http://x  ollama  unhealthy  -\n");
	assert_report(report_backends, backends, (struct report_style){.filter = "draining"}, "No backends.\n");
	assert_report(report_backends, "{\"backends\":[]}", (struct report_style){.json = true}, "{\n  \"backends\": []\n}\n");
}

static void test_models(void **state)
{
	static const char models[] =
		"{\"models\":[{\"id\":\"a\",\"context_length\":8192,\"supports_vision\":true,\"supports_tools\":false,"
		"\"supports_json_mode\":null,\"supports_embeddings\":false,\"loaded\":true,\"backends\":[\"x\",\"y\"]},"
		"{\"id\":\"b\",\"context_length\":null,\"backends\":[\"y\"]}]}";

	assert_report(report_models, models, (struct report_style){.width = 0},
		"MODEL  CONTEXT  VISION  TOOLS  JSON  EMBEDDINGS  LOADED  BACKENDS\n"
		"a         8192  yes     no     ?     no          yes     x, y\n"
		"b            -  ?       ?      ?     ?           ?       y\n");
	assert_report(report_models, models, (struct report_style){.filter = "x"},
		"MODEL  CONTEXT  VISION  TOOLS  JSON  EMBEDDINGS  LOADED  BACKENDS\n"
		"a         8192  yes     no     ?     no          yes     x, y\n");
}

static void test_health(void **state)
{
	assert_report(report_health,
		"{\"status\":\"degraded\",\"version\":\"1\",\"uptime_seconds\":3725,"
		"\"backends\":{\"total\":3,\"healthy\":2,\"unhealthy\":1},\"models\":{\"total\":5}}",
		(struct report_style){.width = 0},
		"Status:    degraded\nUptime:    1h 2m\nBackends:  2/3 healthy\nModels:    5\n");
}

static void test_status(void **state)
{
	assert_report(report_status,
		"{\"version\":\"0.1.0\",\"pid\":12,\"uptime_seconds\":59,\"config\":{\"path\":\"\",\"version\":2},"
		"\"processes\":[{\"role\":\"request\",\"slot\":0,\"generation\":3,\"pid\":13,\"state\":\"ready\",\"uptime_seconds\":90000,"
		"\"restarts\":1,\"connections\":4,\"requests\":2,\"loop_lag_us\":7}],"
		"\"columns\":[{\"column\":0,\"pid\":13,\"ended\":5,\"settled_to\":3}],"
		"\"pending_upgrade_keys\":[\"server.port\"],\"crashes\":[{\"line\":\"worker died\"}]}",
		(struct report_style){.width = 0},
		"Nexus:     0.1.0, pid 12, up 59s\nConfig:    no file, defaults, version 2\n\n"
		"ROLE     SLOT  GEN  PID  STATE  UPTIME  RESTARTS  CONNS  REQS  LAG_US\n"
		"request     0    3   13  ready   1d 1h         1      4     2       7\n"
		"\n2 ended requests wait to be settled.\n"
		"\nChanged in the file, in force with the next start:\n           server.port\n"
		"\nDeaths:\n           worker died\n");
}

static void test_message(void **state)
{
	assert_report(report_message, "{\"message\":\"reloaded\"}", (struct report_style){.width = 0}, "reloaded\n");
}

static void test_odd_answers(void **state)
{
	static const char *const odd[] = {"", "[]", "{", "{\"backends\":3}", "{\"models\":[]}", "\xff"};
	struct report_style style = {.width = 80};
	struct buffer out;
	struct error err;

	buffer_init(&out, 65536);
	for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++)
		assert_false(report_backends(slice_of(odd[i]), &style, &out, &err));
	/* Members of the wrong kind are shown as missing. */
	assert_report(report_backends, "{\"backends\":[7,{\"name\":5,\"models\":{\"a\":1}}]}", style,
		"NAME  URL  TYPE  STATUS  MODELS\n-     -    -     -       -\n-     -    -     -       -\n");
	buffer_free(&out);
}

/* However narrow, no row is wider than the terminal while columns can give way, and none breaks a character. */
static void test_any_width(void **state)
{
	static const char *const titles[] = {"NAME", ">N", "TEXT", NULL};
	struct text_table table;
	struct buffer out;

	text_table_init(&table, titles);
	text_table_add(&table, "gr\xc3\xbc\xc3\x9f" "e-\xe6\xa8\xa1\xe5\x9e\x8b-long-name");
	text_table_add(&table, "12345");
	text_table_add(&table, "\xc3\xa4\xc3\xb6\xc3\xbc\xc3\xa4\xc3\xb6\xc3\xbc\xc3\xa4\xc3\xb6\xc3\xbc\xc3\xa4\xc3\xb6\xc3\xbc");
	for (size_t width = 21; width < 60; width++) {
		size_t column = 0;

		buffer_init(&out, 4096);
		assert_true(text_table_write(&table, width, &out));
		for (const char *at = buffer_text(&out); *at; at++) {
			column = *at == '\n' ? 0 : column + (((unsigned char)*at & 0xc0) != 0x80);
			assert_true(column <= width);
		}
		buffer_free(&out);
	}
	text_table_free(&table);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_backends),
		cmocka_unit_test(test_models),
		cmocka_unit_test(test_health),
		cmocka_unit_test(test_status),
		cmocka_unit_test(test_message),
		cmocka_unit_test(test_odd_answers),
		cmocka_unit_test(test_any_width),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
