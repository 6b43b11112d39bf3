/* net_address.h: what kind of network address this is, for rules about whom we talk to. */
#ifndef NEXUS_BASE_NET_ADDRESS_H
#define NEXUS_BASE_NET_ADDRESS_H

#include <stdbool.h>
#include <sys/socket.h>

enum net_address_kind {
	NET_ADDRESS_PUBLIC,
	NET_ADDRESS_LOOPBACK,
	NET_ADDRESS_PRIVATE,    /* RFC 1918, shared (100.64/10), unique local (fc00::/7) */
	NET_ADDRESS_LINK_LOCAL, /* 169.254/16, fe80::/10 */
	NET_ADDRESS_METADATA,  /* a cloud's instance metadata: hands out credentials to whoever asks
				*/
	NET_ADDRESS_MULTICAST, /* and broadcast */
	NET_ADDRESS_UNSPECIFIED, /* 0.0.0.0/8 and :: */
	NET_ADDRESS_OTHER,       /* not IP, or reserved */
	NET_ADDRESS_KIND_COUNT
};
/* "a link-local address": as a sentence says it. */
extern const char *const net_address_kind_names[NET_ADDRESS_KIND_COUNT];

/* An IPv4 address within IPv6 (mapped, or behind NAT64's well-known prefix) counts as the IPv4 one.
 */
enum net_address_kind net_address_kind(const struct sockaddr *address);

/* Kinds that nothing of ours is ever sent to, whatever a name resolved to: a backend there is a mistake or an attack. */
bool net_address_is_forbidden(enum net_address_kind kind);

/* Whether an address lies in a network: "10.0.0.0/8", "fd00::/8", or a single address. An IPv4 address mapped into IPv6
 * counts as the IPv4 one. A text that is no network holds nothing. */
bool net_address_is_in(const struct sockaddr *address, const char *network);

#define NET_ADDRESS_TEXT_SIZE 56
/* "127.0.0.1:80", "[::1]:80"; "?" when it is not IP. */
void net_address_format(const struct sockaddr *address, char text[NET_ADDRESS_TEXT_SIZE]);

#endif
