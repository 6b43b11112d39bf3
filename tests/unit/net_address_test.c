/* Promise: an address is known for what it is however it is written, so that no name can lead us to
 * a metadata service. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/un.h>

#include "base/net_address.h"

struct address_case {
	const char *text;
	enum net_address_kind kind;
};

static const struct address_case cases[] = {
	{"8.8.8.8", NET_ADDRESS_PUBLIC},
	{"172.32.0.1", NET_ADDRESS_PUBLIC},
	{"172.31.255.255", NET_ADDRESS_PRIVATE},
	{"10.0.0.1", NET_ADDRESS_PRIVATE},
	{"192.168.1.100", NET_ADDRESS_PRIVATE},
	{"100.64.0.1", NET_ADDRESS_PRIVATE},
	{"127.0.0.1", NET_ADDRESS_LOOPBACK},
	{"127.255.1.2", NET_ADDRESS_LOOPBACK},
	{"169.254.169.254", NET_ADDRESS_METADATA},
	{"100.100.100.200", NET_ADDRESS_METADATA},
	{"169.254.170.2", NET_ADDRESS_LINK_LOCAL},
	{"0.0.0.0", NET_ADDRESS_UNSPECIFIED},
	{"0.1.2.3", NET_ADDRESS_UNSPECIFIED},
	{"224.0.0.251", NET_ADDRESS_MULTICAST},
	{"255.255.255.255", NET_ADDRESS_MULTICAST},
	{"250.1.1.1", NET_ADDRESS_OTHER},
	{"::1", NET_ADDRESS_LOOPBACK},
	{"::", NET_ADDRESS_UNSPECIFIED},
	{"fe80::1", NET_ADDRESS_LINK_LOCAL},
	{"febf::1", NET_ADDRESS_LINK_LOCAL},
	{"ff02::fb", NET_ADDRESS_MULTICAST},
	{"fd00:ec2::254", NET_ADDRESS_METADATA},
	{"fd00:ec2::253", NET_ADDRESS_PRIVATE},
	{"fc00::1", NET_ADDRESS_PRIVATE},
	{"2606:4700::1", NET_ADDRESS_PUBLIC},
	{"::ffff:169.254.169.254", NET_ADDRESS_METADATA},
	{"::ffff:127.0.0.1", NET_ADDRESS_LOOPBACK},
	{"64:ff9b::169.254.169.254", NET_ADDRESS_METADATA},
};

static void parse(const char *text, struct sockaddr_storage *out)
{
	struct sockaddr_in *v4 = (void *)out;
	struct sockaddr_in6 *v6 = (void *)out;

	memset(out, 0, sizeof(*out));
	out->ss_family = strchr(text, ':') ? AF_INET6 : AF_INET;
	if (out->ss_family == AF_INET) {
		v4->sin_port = htons(80);
		assert_int_equal(inet_pton(AF_INET, text, &v4->sin_addr), 1);
	} else {
		v6->sin6_port = htons(80);
		assert_int_equal(inet_pton(AF_INET6, text, &v6->sin6_addr), 1);
	}
}

static void test_kinds(void **state)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct sockaddr_storage address;
		enum net_address_kind kind;

		parse(cases[i].text, &address);
		kind = net_address_kind((struct sockaddr *)&address);
		if (kind != cases[i].kind)
			fail_msg("%s is %s", cases[i].text, net_address_kind_names[kind]);
	}
}

static void test_other_families(void **state)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	assert_int_equal(net_address_kind((struct sockaddr *)&address), NET_ADDRESS_OTHER);
}

static void test_networks(void **state)
{
	static const struct {
		const char *address;
		const char *network;
		bool inside;
	} rows[] = {
		{"10.1.2.3", "10.0.0.0/8", true},
		{"11.1.2.3", "10.0.0.0/8", false},
		{"10.1.2.3", "0.0.0.0/0", true},
		{"10.1.2.3", "10.1.2.3", true},
		{"10.1.2.4", "10.1.2.3", false},
		{"10.1.2.3", "10.1.2.2/31", true},
		{"10.1.2.4", "10.1.2.2/31", false},
		{"::ffff:10.1.2.3", "10.0.0.0/8", true},
		{"::ffff:10.1.2.3", "::/0", false},
		{"2001:db8::1", "2001:db8::/32", true},
		{"2001:db9::1", "2001:db8::/32", false},
		{"2001:db8:8000::1", "2001:db8::/33", false},
		{"2001:db8::1", "10.0.0.0/8", false},
		{"10.1.2.3", "10.0.0.0/33", false},
		{"10.1.2.3", "10.0.0.0/", false},
		{"10.1.2.3", "", false},
		{"10.1.2.3", "a name that is longer than any address can possibly be/8", false},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct sockaddr_storage address;

		parse(rows[i].address, &address);
		if (net_address_is_in((struct sockaddr *)&address, rows[i].network) !=
			rows[i].inside)
			fail_msg("%s, %s", rows[i].address, rows[i].network);
	}
}

static void test_format(void **state)
{
	struct sockaddr_storage address;
	char text[NET_ADDRESS_TEXT_SIZE];

	parse("127.0.0.1", &address);
	net_address_format((struct sockaddr *)&address, text);
	assert_string_equal(text, "127.0.0.1:80");
	parse("::1", &address);
	net_address_format((struct sockaddr *)&address, text);
	assert_string_equal(text, "[::1]:80");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_kinds),
		cmocka_unit_test(test_other_families),
		cmocka_unit_test(test_networks),
		cmocka_unit_test(test_format),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
