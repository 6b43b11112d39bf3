/* numbers.c: a map of what is used and a list of what rests. */
#include "workers/health/numbers.h"

#include "base/fatal.h"
#include "base/memory.h"

void numbers_init(struct numbers *numbers, uint32_t first, uint32_t end)
{
	invariant(first <= end);
	*numbers = (struct numbers){.first = first, .end = end, .hint = first};
	numbers->used = memory_array(end - first + 1, 1);
}

void numbers_free(struct numbers *numbers)
{
	memory_free_at(&numbers->used);
	memory_free_at(&numbers->resting);
	*numbers = (struct numbers){0};
}

uint32_t numbers_take(struct numbers *numbers)
{
	while (numbers->hint < numbers->end && numbers->used[numbers->hint - numbers->first])
		numbers->hint++;
	if (numbers->hint == numbers->end)
		return NUMBER_NONE;
	numbers->used[numbers->hint - numbers->first] = 1;
	return numbers->hint++;
}

bool numbers_claim(struct numbers *numbers, uint32_t number)
{
	if (number < numbers->first || number >= numbers->end ||
		numbers->used[number - numbers->first])
		return false;
	numbers->used[number - numbers->first] = 1;
	return true;
}

void numbers_rest(struct numbers *numbers, uint32_t number, uint64_t version)
{
	invariant(number >= numbers->first && number < numbers->end);
	invariant(numbers->used[number - numbers->first]);
	if (numbers->resting_count == numbers->resting_size) {
		numbers->resting_size = numbers->resting_size ? numbers->resting_size * 2 : 64;
		numbers->resting = memory_realloc(
			numbers->resting, numbers->resting_size * sizeof(*numbers->resting));
	}
	numbers->resting[numbers->resting_count++] = (struct resting_number){number, version};
}

void numbers_wake(struct numbers *numbers, uint64_t acknowledged,
	bool (*may_free)(void *owner, uint32_t number), void *owner)
{
	size_t kept = 0;

	for (size_t i = 0; i < numbers->resting_count; i++) {
		struct resting_number resting = numbers->resting[i];

		if (resting.version > acknowledged || !may_free(owner, resting.number)) {
			numbers->resting[kept++] = resting;
			continue;
		}
		numbers->used[resting.number - numbers->first] = 0;
		if (resting.number < numbers->hint)
			numbers->hint = resting.number;
	}
	numbers->resting_count = kept;
}
