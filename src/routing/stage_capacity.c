/* stage_capacity.c: who has room. A hint that may be a moment old: the slot itself is taken in the
 * scoreboard. */
#include "routing/routing_stages.h"

void stage_capacity(struct routing_pass *pass)
{
	for (size_t i = 0; i < pass->decision->candidate_count; i++) {
		struct routing_candidate *candidate = &pass->decision->candidates[i];
		uint32_t limit = candidate->backend->max_concurrency;

		if (candidate->rejected == REJECTED_NOT && limit > 0 &&
			candidate->load.in_flight >= limit)
			candidate_reject(pass, candidate, REJECTED_BUSY);
	}
}
