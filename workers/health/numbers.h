/* numbers.h: which numbers of the scoreboard (rows, states) are given out, and which may be given
 * out again.
 *
 * A number that is given back may still stand in a registry that some worker has pinned, so it
 * rests until every live worker has acknowledged a version without it. Pure; the owner says what is
 * acknowledged and what is still in use. */
#ifndef NEXUS_HEALTH_NUMBERS_H
#define NEXUS_HEALTH_NUMBERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NUMBER_NONE UINT32_MAX

struct resting_number {
	uint32_t number;
	uint64_t version; /* the first registry version without it */
};

struct numbers {
	uint32_t first;
	uint32_t end;  /* one past the last */
	uint8_t *used; /* one a number, from `first`: given out or resting */
	uint32_t hint; /* the lowest that may be free */
	struct resting_number *resting;
	size_t resting_count;
	size_t resting_size;
};

void numbers_init(struct numbers *numbers, uint32_t first, uint32_t end);
void numbers_free(struct numbers *numbers);
/* The lowest free number, or NUMBER_NONE. */
uint32_t numbers_take(struct numbers *numbers);
/* This one, known from an earlier life; false when it is out of range or already taken. */
bool numbers_claim(struct numbers *numbers, uint32_t number);
/* Given back: `version` will be the first registry without it. */
void numbers_rest(struct numbers *numbers, uint32_t number, uint64_t version);
/* Frees resting numbers whose version is at most `acknowledged` and for which `may_free` agrees
 * (and clears up). */
void numbers_wake(struct numbers *numbers, uint64_t acknowledged,
	bool (*may_free)(void *owner, uint32_t number), void *owner);

#endif
