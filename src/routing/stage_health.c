/* stage_health.c: who can serve now. The only stage that asks for a candidate's load, once. */
#include "routing/routing_stages.h"

bool was_tried(const struct routing_pass *pass, const struct registry_backend *backend,
	const struct registry_model *model)
{
	for (size_t i = 0; i < pass->ask->tried_count; i++) {
		const struct routing_tried *tried = &pass->ask->tried[i];

		if (tried->backend == backend->id &&
			(tried->model.len == 0 || !model || slice_is(tried->model, model->id)))
			return true;
	}
	return false;
}

static enum rejection judge_status(const struct routing_candidate *candidate, uint64_t now_ms)
{
	const struct backend_load *load = &candidate->load;

	if (candidate->backend->disabled)
		return REJECTED_DISABLED;
	if (load->rate_limited_until_ms > now_ms)
		return REJECTED_RATE_LIMITED;
	switch (load->status) {
	case STATUS_HEALTHY:
	case STATUS_BUSY: return REJECTED_NOT;
	case STATUS_UNHEALTHY: return REJECTED_UNHEALTHY;
	case STATUS_DRAINING: return REJECTED_DRAINING;
	case STATUS_WARMING: return REJECTED_WARMING;
	case STATUS_DISABLED: return REJECTED_DISABLED;
	/* A time that has passed frees it; without a time it stays so. */
	case STATUS_RATE_LIMITED:
		return load->rate_limited_until_ms > 0 ? REJECTED_NOT : REJECTED_RATE_LIMITED;
	case STATUS_UNKNOWN:
	case STATUS_COUNT: break;
	}
	return REJECTED_UNKNOWN;
}

void stage_health(struct routing_pass *pass)
{
	const struct routing_view *view = pass->view;

	for (size_t i = 0; i < pass->decision->candidate_count; i++) {
		struct routing_candidate *candidate = &pass->decision->candidates[i];
		enum rejection why;

		candidate->load = view->load(view->context, candidate->backend, candidate->model);
		why = was_tried(pass, candidate->backend, candidate->model)
			      ? REJECTED_TRIED
			      : judge_status(candidate, view->now_ms);
		/* Its state is ahead of what is known of its models. */
		if (why == REJECTED_NOT && !candidate->model)
			why = REJECTED_UNKNOWN;
		if (why != REJECTED_NOT)
			candidate_reject(pass, candidate, why);
	}
}
