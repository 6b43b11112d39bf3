/* An error says what, where and why, cut but never overrun, and errno as it was when it went wrong. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <errno.h>

#include "base/error.h"

static void test_set(void **state)
{
	struct error err;

	assert_false(error_set(&err, "cannot open %s", "x"));
	assert_string_equal(err.text, "cannot open x");
	errno = ENOENT;
	assert_false(error_set_errno(&err, "cannot open %s", "x"));
	assert_string_equal(err.text, "cannot open x: No such file or directory");
	assert_false(error_prefix(&err, "line %d: ", 7));
	assert_string_equal(err.text, "line 7: cannot open x: No such file or directory");
}

static void test_nobody_listens(void **state)
{
	assert_false(error_set(NULL, "x"));
	assert_false(error_set_errno(NULL, "x"));
	assert_false(error_prefix(NULL, "x"));
}

static void test_too_long_is_cut(void **state)
{
	char text[2 * ERROR_TEXT_MAX];
	struct error err;

	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	error_set(&err, "%s", text);
	assert_int_equal(strlen(err.text), ERROR_TEXT_MAX - 1);
	error_set_errno(&err, "%s", text);
	assert_int_equal(strlen(err.text), ERROR_TEXT_MAX - 1);
	error_prefix(&err, "at %d: ", 1);
	assert_int_equal(strlen(err.text), ERROR_TEXT_MAX - 1);
	assert_memory_equal(err.text, "at 1: xxx", 9);
	error_prefix(&err, "%s", text);
	assert_int_equal(strlen(err.text), ERROR_TEXT_MAX - 1);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_set),
		cmocka_unit_test(test_nobody_listens),
		cmocka_unit_test(test_too_long_is_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
