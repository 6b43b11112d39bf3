/* A directory is made with all above it, kept when it is there, and refused in words when it cannot
 * be. */
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

#include "base/directory.h"

static void it_is_made_with_its_mode(void **state)
{
	char top[] = "/tmp/nexus-dir-XXXXXX";
	char path[64], file[96];
	struct error err;
	struct stat info;

	assert_non_null(mkdtemp(top));
	snprintf(path, sizeof(path), "%s/a/b", top);
	for (int times = 0; times < 2; times++) {
		assert_true(directory_make(path, 0700, &err));
		assert_int_equal(stat(path, &info), 0);
		assert_int_equal(info.st_mode & 07777, 0700);
	}
	snprintf(file, sizeof(file), "%s/file", path);
	fclose(fopen(file, "w"));
	assert_false(directory_make(file, 0700, &err));
	assert_non_null(strstr(err.text, "not a directory"));
	snprintf(file, sizeof(file), "%s/file/below", path);
	assert_false(directory_make(file, 0700, &err));
	snprintf(file, sizeof(file), "%s/file", path);
	unlink(file);
	rmdir(path);
	snprintf(path, sizeof(path), "%s/a", top);
	rmdir(path);
	rmdir(top);
}

static void too_long_a_path_is_refused(void **state)
{
	static char path[DIRECTORY_PATH_MAX + 10];
	struct error err;

	memset(path, 'x', sizeof(path) - 1);
	assert_false(directory_make(path, 0700, &err));
	assert_false(directory_make("", 0700, &err));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_is_made_with_its_mode),
		cmocka_unit_test(too_long_a_path_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
