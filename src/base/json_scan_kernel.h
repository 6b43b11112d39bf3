/* json_scan_kernel.h: the inner loop of the JSON scanner, in as many forms as there are CPUs.
 * Private to json_scan*.c. */
#ifndef NEXUS_BASE_JSON_SCAN_KERNEL_H
#define NEXUS_BASE_JSON_SCAN_KERNEL_H

#include <stdbool.h>
#include <stdint.h>

#define JSON_BLOCK 64u

/* Looks at JSON_BLOCK bytes from place `from` on, where no escape is under way. Bit i is set when
 * byte i is a quote, a backslash, below 0x20 or above 0x7f: the bytes that a string may not simply
 * pass over. It may pass over escapes of two bytes that are whole in the block: neither of their
 * bytes is set, and *escapes says where they begin. Bits before `from` mean nothing. Every kernel
 * gives the same answer. */
typedef uint64_t json_block_fn(const char *block, unsigned from, uint64_t *escapes);

/* The bytes that may follow a backslash, but for u. */
extern const bool json_simple_escapes[256];

/* The kernel in use; the first call chooses it. */
extern json_block_fn *json_block_specials;

#endif
