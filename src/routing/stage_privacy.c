/* stage_privacy.c: who may see the request.
 *
 * A policy for its name keeps it in the restricted zone, whatever else fails. Without one, a model
 * that any restricted backend offers, healthy or not, is at home there, and routing.cross_zone says
 * whether a request for it may leave. Coming home is always allowed. */
#include "routing/routing_stages.h"

static bool is_offered_at_home(const struct routing_pass *pass)
{
	const struct routing_decision *decision = pass->decision;
	struct slice model = decision->alias_chain[decision->alias_depth];
	const struct registry_offer *offers;
	size_t count;

	offers = registry_offers(pass->view->registry, model, &count);
	for (size_t i = 0; i < count; i++)
		if (offers[i].backend->zone == ZONE_RESTRICTED)
			return true;
	return false;
}

/* A restricted backend that has not been asked yet what it has: for the moment until it has, nobody
 * knows where the model belongs, and what has left cannot be called back. */
static bool may_be_at_home(const struct routing_pass *pass)
{
	const struct routing_view *view = pass->view;

	for (size_t i = 0; i < view->registry->backend_count; i++) {
		const struct registry_backend *backend = view->registry->backends[i];

		if (backend->zone == ZONE_RESTRICTED && !backend->disabled &&
			view->load(view->context, backend, NULL).status == STATUS_UNKNOWN)
			return true;
	}
	return false;
}

static bool belongs_home(struct routing_pass *pass)
{
	if (pass->home == HOME_NOT_ASKED)
		pass->home = is_offered_at_home(pass) || may_be_at_home(pass) ? HOME_YES : HOME_NO;
	return pass->home == HOME_YES;
}

static bool may_leave_home(const struct routing_pass *pass)
{
	switch ((enum config_cross_zone)pass->view->config->routing.cross_zone) {
	case CROSS_ZONE_ALLOW: return true;
	case CROSS_ZONE_FRESH_ONLY: return !pass->facts->has_history;
	case CROSS_ZONE_BLOCK: break;
	}
	return false;
}

static enum zone_bar judge(struct routing_pass *pass)
{
	if (pass->need.restricted_by)
		return ZONE_BAR_POLICY;
	return !may_leave_home(pass) && belongs_home(pass) ? ZONE_BAR_CROSS_ZONE : ZONE_BAR_NONE;
}

static void bar_open_backends(struct routing_pass *pass, enum zone_bar bar)
{
	struct routing_decision *decision = pass->decision;

	decision->privacy_narrowed = true;
	if (decision->zone_bar == ZONE_BAR_NONE) {
		decision->zone_bar = bar;
		decision->policy = pass->need.restricted_by;
	}
	for (size_t i = 0; i < decision->candidate_count; i++) {
		struct routing_candidate *candidate = &decision->candidates[i];

		if (candidate->rejected == REJECTED_NOT &&
			candidate->backend->zone != ZONE_RESTRICTED)
			candidate_reject(pass, candidate,
				bar == ZONE_BAR_POLICY ? REJECTED_PRIVACY : REJECTED_CROSS_ZONE);
	}
}

void stage_privacy(struct routing_pass *pass)
{
	enum zone_bar bar;
	size_t i = 0;

	while (i < pass->decision->candidate_count &&
		(pass->decision->candidates[i].rejected != REJECTED_NOT ||
			pass->decision->candidates[i].backend->zone == ZONE_RESTRICTED))
		i++;
	if (i == pass->decision->candidate_count)
		return;
	bar = judge(pass);
	if (bar != ZONE_BAR_NONE)
		bar_open_backends(pass, bar);
}
