/* json_scan_kernel.h: the inner loop of the JSON scanner, in as many forms as there are CPUs.
 * Private to json_scan*.c. */
#ifndef NEXUS_BASE_JSON_SCAN_KERNEL_H
#define NEXUS_BASE_JSON_SCAN_KERNEL_H

#include <stdbool.h>
#include <stdint.h>

#define JSON_BLOCK 64u

/* What was found in a block; bit i is about byte i. */
struct json_found {
	/* Quotes, backslashes, bytes below 0x20 or above 0x7f: what a string may not simply pass
	 * over. */
	uint64_t specials;
	/* Where an escape of two bytes begins that is whole in the block. A string may pass over
	 * it: neither of its bytes is special. */
	uint64_t escapes;
	bool escapes_before; /* there was one in the blocks before this one */
};

/* Looks at the JSON_BLOCK bytes at `block` from place `from` on, where no escape is under way;
 * while nothing in them is special, at the next ones, if a whole block is left before `end`.
 * Returns the last block looked at, of which *found tells; bits before `from` mean nothing. Every
 * kernel gives the same answer. */
typedef const char *json_kernel_fn(
	const char *block, unsigned from, const char *end, struct json_found *found);

/* The bytes that may follow a backslash, but for u. */
extern const bool json_simple_escapes[256];

/* The kernel in use; the first call chooses it. */
extern json_kernel_fn *json_kernel;

#endif
