/* stage_model.c: who offers the model of this pass.
 *
 * A name may only be called unknown when all who might offer it have said what they have: while a
 * backend has not been probed, or nothing is known of any, the backends that did not say stand as
 * rejected candidates without a model. */
#include "routing/routing_stages.h"

/* `x` may be the short name of `x:latest`: a policy for that one holds as well. */
static void add_full_name(struct routing_pass *pass)
{
	for (size_t i = 0; i < pass->decision->candidate_count; i++) {
		struct slice id = slice_of(pass->decision->candidates[i].model->id);

		if (id.len != pass->model.len) {
			need_add(&pass->need, pass->view->config, id);
			return;
		}
	}
}

static void add_offers(struct routing_pass *pass, const struct registry_offer *offers, size_t count)
{
	struct routing_candidate *candidates =
		arena_alloc(pass->arena, count * sizeof(*candidates));

	for (size_t i = 0; i < count; i++)
		candidates[i] = (struct routing_candidate){.backend = offers[i].backend,
			.model = offers[i].model,
			.is_substitute = pass->step > 0};
	pass->decision->candidates = candidates;
	pass->decision->candidate_count = count;
	pass->left = count;
	if (pass->view->config->routing.policy_count > 0)
		add_full_name(pass);
}

/* Backends that have not said what they have. One that is usable and lists nothing has said so. */
static void add_silent(struct routing_pass *pass)
{
	const struct routing_view *view = pass->view;
	const struct registry *registry = view->registry;
	struct routing_candidate *candidates =
		arena_alloc(pass->arena, registry->backend_count * sizeof(*candidates));
	bool any_unprobed = false;
	bool any_usable = false;
	size_t count = 0;

	for (size_t i = 0; i < registry->backend_count; i++) {
		const struct registry_backend *backend = registry->backends[i];
		enum backend_status status;

		if (backend->model_count > 0)
			continue;
		status = view->load(view->context, backend, NULL).status;
		if (!backend->disabled && (status == STATUS_HEALTHY || status == STATUS_BUSY)) {
			any_usable = true;
			continue;
		}
		any_unprobed |= !backend->disabled && status == STATUS_UNKNOWN;
		candidates[count++] = (struct routing_candidate){.backend = backend};
	}
	if (!any_unprobed && (registry->model_count > 0 || any_usable))
		return;
	pass->decision->candidates = candidates;
	pass->decision->candidate_count = count;
	pass->left = count;
}

void stage_model(struct routing_pass *pass)
{
	const struct routing_decision *decision = pass->decision;
	const struct registry *registry = pass->view->registry;
	struct slice asked = decision->alias_chain[decision->alias_depth];
	const struct registry_offer *offers;
	size_t count;

	if (pass->model.len == 0 && pass->step > 0) {
		substitute_add_same_tier(pass);
		return;
	}
	/* By an alias a chain can come back to the model asked for, which was given up. */
	if (pass->step > 0 && slice_equal(pass->model, asked))
		return;
	offers = registry_offers(registry, pass->model, &count);
	if (count > 0)
		add_offers(pass, offers, count);
	else if (registry->backend_count > 0 && pass->step == 0)
		add_silent(pass);
}
