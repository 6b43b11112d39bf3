/* Promise: a backend of the restricted zone is connected to only at an address that is ours, whatever its name leads to;
 * for one that is not ours no socket is even made. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "config/config.h"
#include "workers/request/opener.h"

struct outcome {
	struct ev_loop *loop;
	bool done;
	int fd;
	char text[ERROR_TEXT_MAX];
};

static void on_opened(void *owner, const struct opened *opened)
{
	struct outcome *outcome = owner;

	outcome->done = true;
	outcome->fd = opened->fd;
	snprintf(outcome->text, sizeof(outcome->text), "%s", opened->error.text);
	ev_break(outcome->loop, EVBREAK_ALL);
}

static struct config *load(const char *text)
{
	struct config_errors errors;
	struct config *config;

	config_errors_init(&errors);
	config = config_from_text(slice_of(text), 1, &errors);
	assert_non_null(config);
	config_errors_free(&errors);
	return config;
}

static struct outcome open_one(const char *url, struct config *restricted_by)
{
	struct outcome outcome = {.loop = ev_loop_new(0), .fd = -1};
	struct opener *opener = opener_new(outcome.loop);
	struct opener_target target = {
		.url = url, .ca_file = "", .timeout_seconds = 5, .restricted_by = restricted_by};

	opener_start(opener, &target, on_opened, &outcome);
	ev_run(outcome.loop, 0);
	assert_true(outcome.done);
	opener_free(&opener);
	ev_loop_destroy(outcome.loop);
	return outcome;
}

static void test_not_ours(void **state)
{
	struct config *config = load("");
	static const char *const urls[] = {
		"http://203.0.113.9:9", "http://[2001:db8::9]:9", "http://[::ffff:203.0.113.9]:9", "http://198.51.100.1:9"};

	for (size_t i = 0; i < sizeof(urls) / sizeof(*urls); i++) {
		struct outcome outcome = open_one(urls[i], config);

		assert_int_equal(outcome.fd, -1);
		if (!strstr(outcome.text, "outside the restricted zone"))
			fail_msg("%s: %s", urls[i], outcome.text);
		assert_non_null(strstr(outcome.text, "routing.trusted_networks"));
	}
	/* Never, for no zone. */
	assert_non_null(strstr(open_one("http://169.254.169.254:9", config).text, "no backend may be"));
	assert_non_null(strstr(open_one("http://169.254.1.1:9", config).text, "no backend may be"));
	config_unref(&config);
}

static void test_ours(void **state)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(address);
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct config *config = load("");
	char url[64];

	assert_int_equal(bind(listener, (struct sockaddr *)&address, len), 0);
	assert_int_equal(listen(listener, 8), 0);
	assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &len), 0);
	for (int restricted = 0; restricted < 2; restricted++) {
		struct outcome outcome;

		snprintf(url, sizeof(url), "http://localhost:%u", ntohs(address.sin_port));
		outcome = open_one(url, restricted ? config : NULL);
		assert_true(outcome.fd >= 0);
		close(outcome.fd);
	}
	close(listener);
	config_unref(&config);
}

/* What counts as ours, without connecting anywhere. */
static void test_the_zone(void **state)
{
	struct config *config =
		load("routing = { trusted_networks = [\"203.0.113.0/28\", \"2001:db8::/33\", \"198.51.100.7\"]; };");
	static const struct {
		const char *address;
		bool ours;
	} rows[] = {
		{"127.0.0.1", true},
		{"127.9.9.9", true},
		{"10.1.2.3", true},
		{"172.31.0.1", true},
		{"172.32.0.1", false},
		{"192.168.7.7", true},
		{"100.64.0.1", true},
		{"169.254.3.4", true},
		{"8.8.8.8", false},
		{"203.0.113.15", true},
		{"203.0.113.16", false},
		{"198.51.100.7", true},
		{"198.51.100.8", false},
		{"::1", true},
		{"fd12::1", true},
		{"fe80::1", true},
		{"2001:db8::1", true},
		{"2001:db8:8000::1", false},
		{"2600::1", false},
		{"::ffff:8.8.8.8", false},
		{"::ffff:10.0.0.1", true},
		{"::ffff:203.0.113.1", true},
		{"169.254.169.254", false},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct sockaddr_in v4 = {.sin_family = AF_INET};
		struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
		bool is_v6 = inet_pton(AF_INET6, rows[i].address, &v6.sin6_addr) == 1;

		assert_true(is_v6 || inet_pton(AF_INET, rows[i].address, &v4.sin_addr) == 1);
		if (config_address_is_ours(config, is_v6 ? (struct sockaddr *)&v6 : (struct sockaddr *)&v4) != rows[i].ours)
			fail_msg("%s", rows[i].address);
	}
	config_unref(&config);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_not_ours),
		cmocka_unit_test(test_ours),
		cmocka_unit_test(test_the_zone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
