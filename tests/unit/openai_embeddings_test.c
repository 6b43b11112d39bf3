/* Numbers become base64 of little-endian float32, and no other byte of the answer changes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/memory.h"
#include "dialect/openai_embeddings.h"

#include <stdlib.h>

/* The expected texts are from Python: base64.b64encode(struct.pack("<2f", ...)). */
static const struct {
	const char *answer;
	const char *converted; /* NULL: refused */
} cases[] = {
	{"{\"data\":[{\"embedding\":[0.5,-1.25]}]}", "{\"data\":[{\"embedding\":\"AAAAPwAAoL8=\"}]}"},
	{"{\"data\":[{\"embedding\":[ 1 , 2e0\n, 3 ] , \"index\":0}], \"model\" : \"m\"} ",
		"{\"data\":[{\"embedding\":\"AACAPwAAAEAAAEBA\" , \"index\":0}], \"model\" : \"m\"} "},
	{"{\"data\":[{\"embedding\":[0.1]},{\"embedding\":[-0]}]}", "{\"data\":[{\"embedding\":\"zczMPQ==\"},{\"embedding\":\"AAAAgA==\"}]}"},
	{"{\"data\":[{\"embedding\":[]}]}", "{\"data\":[{\"embedding\":\"\"}]}"},
	{"{\"data\":[{\"embedding\":\"AAAAPw==\"}]}", "{\"data\":[{\"embedding\":\"AAAAPw==\"}]}"},
	{"{\"embedding\":[1],\"data\":{\"embedding\":[1]}}", "{\"embedding\":[1],\"data\":{\"embedding\":[1]}}"},
	{"{\"data\":[1,[2],{\"x\":[3]}],\"usage\":{\"prompt_tokens\":7}}", "{\"data\":[1,[2],{\"x\":[3]}],\"usage\":{\"prompt_tokens\":7}}"},
	{"{\"error\":{\"message\":\"x\"}}", "{\"error\":{\"message\":\"x\"}}"},
	{"{\"data\":[{\"embedding\":[1e-60]}]}", "{\"data\":[{\"embedding\":\"AAAAAA==\"}]}"},
	{"{\"data\":[{\"embedding\":[1e60]}]}", NULL},
	{"{\"data\":[{\"embedding\":[\"a\"]}]}", NULL},
	{"{\"data\":[{\"embedding\":[[1]]}]}", NULL},
	{"{\"data\":[{\"embedding\":[1,]}]}", NULL},
	{"{\"data\":[{\"embedding\":[1]}]", NULL},
	{"{\"data\":[{\"embedding\":[1]}]}x", NULL},
	{"[]", NULL},
	{"", NULL},
};

static void test_conversion(void **state)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		size_t len = strlen(cases[i].answer);
		char *answer = memory_alloc(len);
		struct error err = {{0}};
		struct buffer out;
		bool fine;

		memcpy(answer, cases[i].answer, len);
		buffer_init(&out, 10000);
		buffer_append_text(&out, ">");
		fine = openai_embeddings_to_base64(slice_make(answer, len), &out, &err);
		assert_int_equal(fine, cases[i].converted != NULL);
		assert_int_equal(fine, err.text[0] == '\0');
		buffer_consume(&out, 1);
		assert_string_equal(buffer_text(&out), fine ? cases[i].converted : "");
		buffer_free(&out);
		free(answer);
	}
}

static void test_too_small_a_buffer_is_left_as_it_was(void **state)
{
	static const char answer[] = "{\"data\":[{\"embedding\":[0.5,-1.25]}]}";
	size_t needed = strlen("{\"data\":[{\"embedding\":\"AAAAPwAAoL8=\"}]}");

	for (size_t max = 0; max <= needed; max++) {
		struct error err;
		struct buffer out;

		buffer_init(&out, max);
		assert_int_equal(openai_embeddings_to_base64(SLICE_LITERAL(answer), &out, &err), max == needed);
		assert_int_equal(buffer_len(&out), max == needed ? needed : 0);
		buffer_free(&out);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_conversion),
		cmocka_unit_test(test_too_small_a_buffer_is_left_as_it_was),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
