/* A listening socket takes connections at once, and a refusal says why and what to do. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <netinet/in.h>
#include <arpa/inet.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/net_listen.h"

static void loopback_takes_connections(void **state)
{
	char text[NET_ADDRESS_TEXT_SIZE];
	struct error err;
	int fd = net_listen_loopback(text, &err);
	struct sockaddr_in address;
	socklen_t len = sizeof(address);
	int client = socket(AF_INET, SOCK_STREAM, 0);

	assert_true(fd >= 0);
	assert_int_equal(strncmp(text, "127.0.0.1:", 10), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &len), 0);
	assert_int_equal(strtol(text + 10, NULL, 10), ntohs(address.sin_port));
	assert_int_equal(connect(client, (struct sockaddr *)&address, len), 0);
	fd_close(&client);
	fd_close(&fd);
}

static void a_taken_port_is_named(void **state)
{
	char text[NET_ADDRESS_TEXT_SIZE];
	struct error err;
	int fd = net_listen_loopback(text, &err);
	struct sockaddr_in address;
	socklen_t len = sizeof(address);

	assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &len), 0);
	assert_int_equal(net_listen((struct sockaddr *)&address, len, &err), -1);
	assert_non_null(strstr(err.text, text));
	assert_non_null(strstr(err.text, "another program"));
	fd_close(&fd);
}

static void a_foreign_address_is_refused(void **state)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET, .sin_addr.s_addr = inet_addr("203.0.113.9")};
	struct error err;

	assert_int_equal(net_listen((struct sockaddr *)&address, sizeof(address), &err), -1);
	assert_non_null(strstr(err.text, "does not have that address"));
}

static void ipv6_is_only_ipv6(void **state)
{
	struct sockaddr_in6 six = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_ANY_INIT};
	struct sockaddr_in four = {.sin_family = AF_INET};
	socklen_t len = sizeof(six);
	struct error err;
	int fd6 = net_listen((struct sockaddr *)&six, sizeof(six), &err), fd4;

	if (fd6 < 0)
		skip(); /* no IPv6 here */
	assert_int_equal(getsockname(fd6, (struct sockaddr *)&six, &len), 0);
	four.sin_port = six.sin6_port;
	fd4 = net_listen((struct sockaddr *)&four, sizeof(four), &err);
	assert_true(fd4 >= 0);
	fd_close(&fd4);
	fd_close(&fd6);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(loopback_takes_connections),
		cmocka_unit_test(a_taken_port_is_named),
		cmocka_unit_test(a_foreign_address_is_refused),
		cmocka_unit_test(ipv6_is_only_ipv6),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
