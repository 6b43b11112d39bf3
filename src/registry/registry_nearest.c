/* registry_nearest.c: which known model may have been meant.
 *
 * A wrong name comes from anyone, so the search is bounded: ids are sieved by length and by the
 * letters they have before any distance is computed. */
#include "registry/registry.h"

#include "base/text.h"

#define LOOKED_AT_MAX 8192u
#define COMPARED_MAX  256u
#define NEAREST_MAX   16u

struct nearest {
	const char *ids[NEAREST_MAX];
	unsigned distances[NEAREST_MAX];
	size_t count;
	size_t max;
};

/* One bit for each letter, digit or other sign that occurs. */
static uint64_t letters_of(struct slice text)
{
	uint64_t letters = 0;

	for (size_t i = 0; i < text.len; i++)
		letters |= 1ull << (text.data[i] & 31) << (text.data[i] & 0x40 ? 0 : 32);
	return letters;
}

static bool is_prefix(struct slice a, struct slice b)
{
	return a.len > 0 && a.len <= b.len && strncasecmp(a.data, b.data, a.len) == 0;
}

/* People leave the tag out. */
static struct slice without_latest(struct slice id)
{
	size_t tag_len = strlen(":latest");

	return slice_ends_with(id, ":latest") ? slice_make(id.data, id.len - tag_len) : id;
}

static bool may_be_near(struct slice a, uint64_t a_letters, struct slice b)
{
	size_t longer = a.len > b.len ? a.len : b.len;
	size_t shorter = a.len > b.len ? b.len : a.len;
	uint64_t differing;

	if ((longer - shorter) * 3 > longer)
		return false;
	/* One edit adds at most one letter and takes away one. */
	differing = (uint64_t)__builtin_popcountll(a_letters ^ letters_of(b));
	return differing * 3 <= longer * 2;
}

static void keep(struct nearest *nearest, const char *id, unsigned distance)
{
	size_t at = nearest->count;

	while (at > 0 && (nearest->distances[at - 1] > distance ||
				 (nearest->distances[at - 1] == distance &&
					 strcmp(nearest->ids[at - 1], id) > 0)))
		at--;
	if (at >= nearest->max)
		return;
	if (nearest->count < nearest->max)
		nearest->count++;
	for (size_t i = nearest->count - 1; i > at; i--) {
		nearest->ids[i] = nearest->ids[i - 1];
		nearest->distances[i] = nearest->distances[i - 1];
	}
	nearest->ids[at] = id;
	nearest->distances[at] = distance;
}

/* The id as a C string: that of the offer whose model is listed under just this name. */
static const char *id_text(struct slice id, const struct registry_offer *offers, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (slice_is(id, offers[i].model->id))
			return offers[i].model->id;
	return offers[0].model->id;
}

size_t registry_nearest_models(
	const struct registry *registry, struct slice wanted, const char **out, size_t max)
{
	struct nearest nearest = {.max = max < NEAREST_MAX ? max : NEAREST_MAX};
	uint64_t letters = letters_of(wanted);
	const struct registry_offer *offers;
	unsigned compared = 0;
	struct slice id;
	size_t count;
	size_t at = 0;

	for (unsigned i = 0;
		i < LOOKED_AT_MAX && registry_next_model(registry, &at, &id, &offers, &count);
		i++) {
		struct slice name = without_latest(id);
		unsigned distance = 1;

		if (!is_prefix(wanted, name) && !is_prefix(name, wanted)) {
			if (!may_be_near(wanted, letters, name) || ++compared > COMPARED_MAX)
				continue;
			distance = text_distance(wanted, name);
			if (distance * 3 > (wanted.len > name.len ? wanted.len : name.len))
				continue;
		}
		keep(&nearest, id_text(id, offers, count), distance);
	}
	memcpy(out, nearest.ids, nearest.count * sizeof(*out));
	return nearest.count;
}
