/* net_address.c: classification by prefix. */
#include "base/net_address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

const char *const net_address_kind_names[NET_ADDRESS_KIND_COUNT] = {
	[NET_ADDRESS_PUBLIC] = "a public address",
	[NET_ADDRESS_LOOPBACK] = "a loopback address",
	[NET_ADDRESS_PRIVATE] = "a private address",
	[NET_ADDRESS_LINK_LOCAL] = "a link-local address",
	[NET_ADDRESS_METADATA] = "a cloud's metadata address",
	[NET_ADDRESS_MULTICAST] = "a multicast address",
	[NET_ADDRESS_UNSPECIFIED] = "no host's address",
	[NET_ADDRESS_OTHER] = "a reserved address",
};

struct prefix4 {
	uint32_t network;
	unsigned bits;
	enum net_address_kind kind;
};

/* The first that matches. */
static const struct prefix4 prefixes4[] = {
	{0xa9fea9feu, 32, NET_ADDRESS_METADATA}, /* 169.254.169.254: AWS, Azure, Google and more */
	{0x646464c8u, 32, NET_ADDRESS_METADATA}, /* 100.100.100.200: Alibaba */
	{0x00000000u, 8, NET_ADDRESS_UNSPECIFIED},
	{0x7f000000u, 8, NET_ADDRESS_LOOPBACK},
	{0x0a000000u, 8, NET_ADDRESS_PRIVATE},
	{0xac100000u, 12, NET_ADDRESS_PRIVATE},
	{0xc0a80000u, 16, NET_ADDRESS_PRIVATE},
	{0x64400000u, 10, NET_ADDRESS_PRIVATE},
	{0xa9fe0000u, 16, NET_ADDRESS_LINK_LOCAL},
	{0xe0000000u, 4, NET_ADDRESS_MULTICAST},
	{0xffffffffu, 32, NET_ADDRESS_MULTICAST},
	{0xf0000000u, 4, NET_ADDRESS_OTHER},
};

static enum net_address_kind kind4(uint32_t address)
{
	for (size_t i = 0; i < sizeof(prefixes4) / sizeof(prefixes4[0]); i++) {
		uint32_t mask = UINT32_MAX << (32 - prefixes4[i].bits);

		if ((address & mask) == prefixes4[i].network)
			return prefixes4[i].kind;
	}
	return NET_ADDRESS_PUBLIC;
}

static uint32_t last_four(const uint8_t address[16])
{
	uint32_t value;

	memcpy(&value, address + 12, sizeof(value));
	return ntohl(value);
}

static enum net_address_kind kind6(const uint8_t address[16])
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
	static const uint8_t nat64[12] = {0x00, 0x64, 0xff, 0x9b};
	static const uint8_t zeroes[12];
	/* fd00:ec2::254: AWS */
	static const uint8_t metadata[16] = {0xfd, 0x00, 0x0e, 0xc2, [14] = 0x02, [15] = 0x54};

	if (memcmp(address, mapped, 12) == 0 || memcmp(address, nat64, 12) == 0)
		return kind4(last_four(address));
	if (memcmp(address, zeroes, 12) == 0)
		return last_four(address) == 1 ? NET_ADDRESS_LOOPBACK : NET_ADDRESS_UNSPECIFIED;
	if (memcmp(address, metadata, 16) == 0)
		return NET_ADDRESS_METADATA;
	if (address[0] == 0xff)
		return NET_ADDRESS_MULTICAST;
	if (address[0] == 0xfe && (address[1] & 0xc0) == 0x80)
		return NET_ADDRESS_LINK_LOCAL;
	if ((address[0] & 0xfe) == 0xfc)
		return NET_ADDRESS_PRIVATE;
	return NET_ADDRESS_PUBLIC;
}

enum net_address_kind net_address_kind(const struct sockaddr *address)
{
	const struct sockaddr_in *v4 = (const void *)address;
	const struct sockaddr_in6 *v6 = (const void *)address;

	if (address->sa_family == AF_INET)
		return kind4(ntohl(v4->sin_addr.s_addr));
	if (address->sa_family == AF_INET6)
		return kind6(v6->sin6_addr.s6_addr);
	return NET_ADDRESS_OTHER;
}

void net_address_format(const struct sockaddr *address, char text[NET_ADDRESS_TEXT_SIZE])
{
	const struct sockaddr_in *v4 = (const void *)address;
	const struct sockaddr_in6 *v6 = (const void *)address;
	char host[INET6_ADDRSTRLEN] = "?";

	if (address->sa_family == AF_INET) {
		inet_ntop(AF_INET, &v4->sin_addr, host, sizeof(host));
		snprintf(text, NET_ADDRESS_TEXT_SIZE, "%s:%u", host, ntohs(v4->sin_port));
	} else if (address->sa_family == AF_INET6) {
		inet_ntop(AF_INET6, &v6->sin6_addr, host, sizeof(host));
		snprintf(text, NET_ADDRESS_TEXT_SIZE, "[%s]:%u", host, ntohs(v6->sin6_port));
	} else {
		snprintf(text, NET_ADDRESS_TEXT_SIZE, "?");
	}
}

bool net_address_is_forbidden(enum net_address_kind kind)
{
	return kind == NET_ADDRESS_METADATA || kind == NET_ADDRESS_LINK_LOCAL ||
	       kind == NET_ADDRESS_MULTICAST || kind == NET_ADDRESS_UNSPECIFIED ||
	       kind == NET_ADDRESS_OTHER;
}

/* Whether `bits` leading bits of the two are the same. */
static bool same_prefix(const uint8_t *a, const uint8_t *b, unsigned bits)
{
	uint8_t mask = (uint8_t)(0xff00u >> (bits % 8));

	return memcmp(a, b, bits / 8) == 0 &&
	       (bits % 8 == 0 || ((a[bits / 8] ^ b[bits / 8]) & mask) == 0);
}

/* The bytes of an IP address, of a mapped one those of its IPv4; the family, or AF_UNSPEC. */
static int address_bytes(const struct sockaddr *address, uint8_t bytes[16])
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
	const struct sockaddr_in *v4 = (const void *)address;
	const struct sockaddr_in6 *v6 = (const void *)address;

	if (address->sa_family == AF_INET) {
		memcpy(bytes, &v4->sin_addr, 4);
		return AF_INET;
	}
	if (address->sa_family != AF_INET6)
		return AF_UNSPEC;
	memcpy(bytes, &v6->sin6_addr, 16);
	if (memcmp(bytes, mapped, sizeof(mapped)) != 0)
		return AF_INET6;
	memmove(bytes, bytes + 12, 4);
	return AF_INET;
}

bool net_address_is_in(const struct sockaddr *address, const char *network)
{
	const char *slash = strchrnul(network, '/');
	char text[INET6_ADDRSTRLEN];
	uint8_t bytes[16];
	uint8_t base[16];
	int family = address_bytes(address, bytes);
	unsigned longest = family == AF_INET ? 32 : 128;
	unsigned bits = longest;

	if (family == AF_UNSPEC || (size_t)(slash - network) >= sizeof(text))
		return false;
	snprintf(text, sizeof(text), "%.*s", (int)(slash - network), network);
	if (inet_pton(family, text, base) != 1)
		return false;
	if (*slash && (sscanf(slash + 1, "%3u", &bits) != 1 || bits > longest))
		return false;
	return same_prefix(bytes, base, bits);
}
