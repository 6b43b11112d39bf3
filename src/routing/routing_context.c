/* routing_context.c: a decision's record of reasons as JSON. */
#include "routing/routing.h"

#include "base/json_write.h"

static void write_available(struct json_writer *json, const struct routing_decision *decision)
{
	size_t count = decision->chosen_count;

	json_key(json, "available_backends");
	json_array_open(json);
	for (size_t i = 0; i < count && i < ROUTING_LISTED_MAX; i++)
		json_text(json, decision->candidates[i].backend->name);
	json_array_close(json);
}

static void write_requirements(struct json_writer *json, const struct routing_decision *decision)
{
	if (decision->required_tier > 0)
		json_member_uint(json, "required_tier", decision->required_tier);
	if (decision->zone_bar != ZONE_BAR_NONE)
		json_member_text(json, "required_zone", zone_names[ZONE_RESTRICTED]);
}

static void write_rejected(struct json_writer *json, const struct routing_decision *decision)
{
	size_t count = decision->candidate_count - decision->chosen_count;

	json_key(json, "rejected");
	json_array_open(json);
	for (size_t i = 0; i < count && i < ROUTING_LISTED_MAX; i++) {
		const struct routing_candidate *candidate =
			&decision->candidates[decision->chosen_count + i];

		json_object_open(json);
		json_member_text(json, "backend", candidate->backend->name);
		if (candidate->is_substitute)
			json_member_text(json, "model", candidate->model->id);
		json_member_text(json, "reason", rejection_names[candidate->rejected]);
		json_object_close(json);
	}
	json_array_close(json);
	if (count > ROUTING_LISTED_MAX)
		json_member_uint(json, "rejected_more", count - ROUTING_LISTED_MAX);
}

bool routing_context_json(const struct routing_decision *decision, struct buffer *out)
{
	size_t before = buffer_len(out);
	struct json_writer json;

	json_write_init(&json, out);
	json_object_open(&json);
	write_requirements(&json, decision);
	write_available(&json, decision);
	write_rejected(&json, decision);
	json_object_close(&json);
	if (json.overflow)
		out->end = out->start + before;
	return !json.overflow;
}
