/* random.h: unpredictable numbers from the kernel, and a fast generator seeded from it for jitter
 * and load spreading. */
#ifndef NEXUS_BASE_RANDOM_H
#define NEXUS_BASE_RANDOM_H

#include <stddef.h>
#include <stdint.h>

/* Fills from getrandom(2); a kernel that cannot is a panic. */
void random_fill(void *memory, size_t size);
uint64_t random_u64(void);

/* xoroshiro128+ by Blackman and Vigna (public domain algorithm); not for secrets. Pure: the state
 * is the caller's. */
struct random {
	uint64_t state[2];
};
void random_seed(struct random *random, uint64_t seed);
uint64_t random_next(struct random *random);
/* Uniform in [0, bound); bound > 0. */
uint64_t random_below(struct random *random, uint64_t bound);

#endif
