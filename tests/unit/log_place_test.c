/* A log goes where its name says, and a place that cannot be opened is named. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log_place.h"

static void a_path_is_made_and_appended_to(void **state)
{
	char path[] = "/tmp/nexus-log-XXXXXX";
	struct error err;
	struct stat info;
	int fd = mkstemp(path);

	assert_int_equal(write(fd, "one\n", 4), 4);
	fd_close(&fd);
	fd = log_place_open(path, &err);
	assert_int_equal(write(fd, "two\n", 4), 4);
	assert_int_equal(fstat(fd, &info), 0);
	assert_int_equal(info.st_size, 8);
	fd_close(&fd);
	unlink(path);
	fd = log_place_open(path, &err);
	assert_true(fd >= 0);
	fd_close(&fd);
	unlink(path);
}

static void no_name_is_standard_error(void **state)
{
	struct stat ours, theirs;
	struct error err;
	int fd = log_place_open("", &err);

	assert_true(fd > STDERR_FILENO);
	assert_int_equal(fstat(fd, &ours), 0);
	assert_int_equal(fstat(STDERR_FILENO, &theirs), 0);
	assert_true(ours.st_ino == theirs.st_ino && ours.st_dev == theirs.st_dev);
	fd_close(&fd);
}

static void what_cannot_be_opened_is_named(void **state)
{
	struct error err;

	assert_int_equal(log_place_open("/nowhere/at/all", &err), -1);
	assert_non_null(strstr(err.text, "/nowhere/at/all"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_path_is_made_and_appended_to),
		cmocka_unit_test(no_name_is_standard_error),
		cmocka_unit_test(what_cannot_be_opened_is_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
