/* Whoever starts the service hears its state as one datagram, and nobody else does. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/service_notify.h"

static int listen_at(const char *name, socklen_t len)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);

	memcpy(address.sun_path, name, len);
	assert_int_equal(bind(fd, (struct sockaddr *)&address,
				 (socklen_t)offsetof(struct sockaddr_un, sun_path) + len),
		0);
	return fd;
}

static void assert_heard(int fd, const char *start)
{
	char text[128] = "";

	assert_true(recv(fd, text, sizeof(text) - 1, 0) > 0);
	assert_int_equal(strncmp(text, start, strlen(start)), 0);
}

static void the_state_arrives(void **state)
{
	char dir[] = "/tmp/nexus-notify-XXXXXX", path[64];
	int fd;

	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/socket", dir);
	fd = listen_at(path, (socklen_t)strlen(path));
	setenv("NOTIFY_SOCKET", path, 1);
	service_notify("READY=1\nSTATUS=serving");
	assert_heard(fd, "READY=1\nSTATUS=serving");
	service_notify_reloading();
	assert_heard(fd, "RELOADING=1\nMONOTONIC_USEC=");
	close(fd);
	/* Gone: nothing happens. */
	service_notify("READY=1");
	unlink(path);
	rmdir(dir);
}

static void an_abstract_name_is_understood(void **state)
{
	char name[32], with_nul[32];
	int fd;

	snprintf(name, sizeof(name), "@nexus-notify-%d", (int)getpid());
	memcpy(with_nul, name, sizeof(name));
	with_nul[0] = '\0';
	fd = listen_at(with_nul, (socklen_t)strlen(name));
	setenv("NOTIFY_SOCKET", name, 1);
	service_notify("STOPPING=1");
	assert_heard(fd, "STOPPING=1");
	close(fd);
}

static void the_watchdog_is_ours_only_if_it_names_us(void **state)
{
	char pid[16];

	unsetenv("WATCHDOG_USEC");
	assert_int_equal(service_watchdog_ms(), 0);
	setenv("WATCHDOG_USEC", "30000000", 1);
	assert_int_equal(service_watchdog_ms(), 15000);
	setenv("WATCHDOG_PID", "1", 1);
	assert_int_equal(service_watchdog_ms(), 0);
	snprintf(pid, sizeof(pid), "%d", (int)getpid());
	setenv("WATCHDOG_PID", pid, 1);
	assert_int_equal(service_watchdog_ms(), 15000);
	setenv("WATCHDOG_USEC", "soon", 1);
	assert_int_equal(service_watchdog_ms(), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_state_arrives),
		cmocka_unit_test(an_abstract_name_is_understood),
		cmocka_unit_test(the_watchdog_is_ours_only_if_it_names_us),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
