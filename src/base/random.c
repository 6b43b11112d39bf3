/* random.c: getrandom and xoroshiro128+. */
#include "base/random.h"

#include <errno.h>
#include <sys/random.h>

#include "base/fatal.h"

void random_fill(void *memory, size_t size)
{
	char *at = memory;

	while (size > 0) {
		ssize_t got = getrandom(at, size, 0);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			panic("getrandom failed (errno %d)", errno);
		at += got;
		size -= (size_t)got;
	}
}

uint64_t random_u64(void)
{
	uint64_t value;

	random_fill(&value, sizeof(value));
	return value;
}

/* splitmix64 spreads a seed over the state, as the generator's authors advise. */
static uint64_t splitmix(uint64_t *seed)
{
	uint64_t z = (*seed += 0x9e3779b97f4a7c15u);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

void random_seed(struct random *random, uint64_t seed)
{
	random->state[0] = splitmix(&seed);
	random->state[1] = splitmix(&seed);
}

static uint64_t rotate_left(uint64_t value, int bits)
{
	return (value << bits) | (value >> (64 - bits));
}

uint64_t random_next(struct random *random)
{
	uint64_t a = random->state[0];
	uint64_t b = random->state[1];

	b ^= a;
	random->state[0] = rotate_left(a, 24) ^ b ^ (b << 16);
	random->state[1] = rotate_left(b, 37);
	return a + (b ^ a);
}

uint64_t random_below(struct random *random, uint64_t bound)
{
	return (uint64_t)(((unsigned __int128)random_next(random) * bound) >> 64);
}
