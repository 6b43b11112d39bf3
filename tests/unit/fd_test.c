/* Descriptors are closed once, flagged as asked and written whole; times are printed as RFC 3339. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <fcntl.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"

static void test_close_once(void **state)
{
	int fd = dup(STDERR_FILENO);
	int was = fd;

	fd_close(&fd);
	assert_int_equal(fd, -1);
	assert_int_equal(fcntl(was, F_GETFD), -1);
	fd_close(&fd);
	assert_int_equal(fd, -1);
}

static void test_flags(void **state)
{
	struct error err;
	int fds[2];

	assert_int_equal(pipe(fds), 0);
	assert_true(fd_set_nonblocking(fds[0], &err));
	assert_true(fcntl(fds[0], F_GETFL) & O_NONBLOCK);
	assert_true(fd_set_cloexec(fds[0], true, &err));
	assert_true(fcntl(fds[0], F_GETFD) & FD_CLOEXEC);
	assert_true(fd_set_cloexec(fds[0], false, &err));
	assert_false(fcntl(fds[0], F_GETFD) & FD_CLOEXEC);
	assert_false(fd_set_nonblocking(-1, &err));
	assert_string_equal(err.text, "fcntl on descriptor -1: Bad file descriptor");
	close(fds[0]);
	close(fds[1]);
}

static void test_write_all(void **state)
{
	struct error err;
	char got[8] = "";
	int fds[2];

	assert_int_equal(pipe(fds), 0);
	assert_true(fd_write_all(fds[1], "hello", 5, &err));
	assert_int_equal(read(fds[0], got, sizeof(got)), 5);
	assert_string_equal(got, "hello");
	assert_true(fd_write_all(fds[1], NULL, 0, &err));
	assert_false(fd_write_all(-1, "x", 1, &err));
	close(fds[0]);
	close(fds[1]);
}

static void test_limit(void **state)
{
	assert_true(fd_raise_limit() > 0);
}

static void test_time(void **state)
{
	char text[CLOCK_TEXT_SIZE];
	uint64_t before = clock_monotonic_ns();

	clock_format(0, text);
	assert_string_equal(text, "1970-01-01T00:00:00.000000Z");
	clock_format(1700000000123456, text);
	assert_string_equal(text, "2023-11-14T22:13:20.123456Z");
	assert_true(clock_monotonic_ns() >= before);
	assert_true(clock_monotonic_ms() >= before / 1000000);
	assert_true(clock_wall_us() > 1700000000000000);
}

static void test_sealed_memory(void **state)
{
	struct error err;
	char content[8] = "";
	int fd = fd_sealed_memory("test", slice_of("for ever"), &err);

	assert_true(fd >= 0);
	assert_int_equal(pread(fd, content, sizeof(content), 0), 8);
	assert_memory_equal(content, "for ever", 8);
	assert_int_equal(pwrite(fd, "x", 1, 0), -1);
	assert_int_equal(ftruncate(fd, 3), -1);
	assert_int_equal(ftruncate(fd, 300), -1);
	fd_close(&fd);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_close_once),
		cmocka_unit_test(test_flags),
		cmocka_unit_test(test_write_all),
		cmocka_unit_test(test_limit),
		cmocka_unit_test(test_time),
		cmocka_unit_test(test_sealed_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
