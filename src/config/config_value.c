/* config_value.c: one value of each kind: taking it as it was given, checking it against its row,
 * comparing it.
 *
 * Every way into a configuration (file, environment, command line, canonical text, defaults) ends
 * here, so a value is judged alike wherever it comes from. */
#include "config/config_build.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/fatal.h"
#include "base/log.h"
#include "base/text.h"

/* What was given, for a message: short and printable. Never called for secrets. */
static const char *given_text(const struct config_scalar *given, char out[96])
{
	size_t len;

	switch (given->type) {
	case SCALAR_BOOL: return given->boolean ? "true" : "false";
	case SCALAR_INT: snprintf(out, 96, "%" PRId64, given->integer); return out;
	case SCALAR_FLOAT: config_format_number(given->number, out, 96); return out;
	case SCALAR_TEXT: break;
	}
	out[0] = '"';
	len = text_escape(out + 1, 64, slice_of(given->text), TEXT_ESCAPE_LINE);
	snprintf(out + 1 + len, 96 - 1 - len, "\"");
	return out;
}

static bool wrong_type(
	struct config_build *build, const struct config_scalar *given, const char *wanted)
{
	char text[96];

	return config_problem_add(build, false, "%s is not %s", given_text(given, text), wanted);
}

static void bound_text(const struct config_key *key, double bound, char *out, size_t size)
{
	if (key->kind == KIND_BYTES)
		config_format_bytes((uint64_t)bound, out, size);
	else
		config_format_number(bound, out, size);
}

static bool check_bounds(struct config_build *build, const struct config_key *key, double value,
	const struct config_scalar *given)
{
	bool over = value > key->max;
	char text[96];
	char bound[64];
	const char *shown;

	if (key->max == 0 || (value >= key->min && !over))
		return true;
	bound_text(key, over ? key->max : key->min, bound, sizeof(bound));
	shown = given_text(given, text);
	if (given->type == SCALAR_TEXT) { /* without its quotes: 12GiB is over 1GiB */
		text[strlen(text) - 1] = '\0';
		shown = text + 1;
	}
	return config_problem_add(
		build, false, "%s is %s %s", shown, over ? "over" : "under", bound);
}

static const char *number_wanted(enum config_kind kind)
{
	switch (kind) {
	case KIND_SECONDS: return "a time (30, \"500ms\", \"2m\")";
	case KIND_BYTES: return "a size (8192, \"8KiB\", \"32MiB\")";
	case KIND_DOUBLE: return "a number";
	default: return "a whole number";
	}
}

/* A number of any kind, as a double: exact for all that the rows allow (below 2^53). */
static bool take_number(struct config_build *build, const struct config_key *key,
	const struct config_scalar *given, double *out)
{
	bool whole = key->kind == KIND_UINT || key->kind == KIND_BYTES;
	bool good = true;

	if (given->type == SCALAR_INT)
		*out = (double)given->integer;
	else if (given->type == SCALAR_FLOAT)
		*out = given->number;
	else if (given->type == SCALAR_BOOL)
		good = false;
	else if (key->kind == KIND_SECONDS)
		good = config_parse_seconds(given->text, out);
	else if (key->kind == KIND_BYTES)
		good = config_parse_bytes(given->text, out);
	else
		good = config_parse_number(given->text, out);
	if (!good || !isfinite(*out) || (whole && *out != floor(*out)))
		return wrong_type(build, given, number_wanted(key->kind));
	return check_bounds(build, key, *out, given);
}

static bool set_number(struct config_build *build, const struct config_key *key, void *value,
	const struct config_scalar *given)
{
	double number;

	if (!take_number(build, key, given, &number))
		return false;
	if (key->kind == KIND_UINT)
		*(config_UINT *)value = (config_UINT)number;
	else if (key->kind == KIND_BYTES)
		*(config_BYTES *)value = (config_BYTES)number;
	else
		*(double *)value = number;
	return true;
}

static bool take_bool(struct config_build *build, const struct config_scalar *given, bool *out)
{
	static const char *const words[] = {
		"false", "true", "no", "yes", "off", "on", "0", "1", NULL};

	if (given->type == SCALAR_BOOL) {
		*out = given->boolean;
		return true;
	}
	for (int i = 0; given->type == SCALAR_TEXT && words[i]; i++) {
		if (slice_is_nocase(slice_of(given->text), words[i])) {
			*out = i % 2 == 1;
			return true;
		}
	}
	return wrong_type(build, given, "true or false");
}

static int choice_index(const char *const *choices, const char *text)
{
	for (int i = 0; choices[i]; i++)
		if (strcmp(choices[i], text) == 0)
			return i;
	return -1;
}

/* The index of a choice; false, with the choices named, when it is none. */
static bool take_choice(struct config_build *build, const char *const *choices,
	const struct config_scalar *given, int *out)
{
	const char *nearest = NULL;
	char text[96];
	char all[256] = "";
	size_t used = 0;

	*out = given->type == SCALAR_TEXT ? choice_index(choices, given->text) : -1;
	if (*out >= 0)
		return true;
	for (int i = 0; choices[i] && used < sizeof(all) - 1; i++)
		used += (size_t)snprintf(
			all + used, sizeof(all) - used, "%s%s", i > 0 ? ", " : "", choices[i]);
	if (given->type == SCALAR_TEXT)
		nearest = text_nearest(given->text, choices);
	return config_problem_add(build, false, "%s is none of %s%s%s%s", given_text(given, text),
		all, nearest ? "; did you mean " : "", nearest ? nearest : "", nearest ? "?" : "");
}

/* Copies a text after checking it against the row's choices or form. */
static bool take_text(struct config_build *build, const struct config_key *key,
	const struct config_scalar *given, const char **out)
{
	struct error err;
	char text[96];
	int index;

	if (given->type != SCALAR_TEXT)
		return wrong_type(build, given, "a text; write it in quotes");
	if (*given->text == '\0' && (!key->default_text || key->kind == KIND_STRINGS))
		return config_problem_add(build, false, "is empty");
	if (key->choices && !take_choice(build, key->choices, given, &index))
		return false;
	if (key->form && *given->text && !key->form(given->text, &err))
		return config_problem_add(build, false, "%s %s",
			strstr(given->text, "://") && strchr(given->text, '@')
				? "the URL" /* a password? */
				: given_text(given, text),
			err.text);
	*out = arena_strdup(&build->config->arena, given->text);
	return true;
}

static bool take_secret(
	struct config_build *build, const struct config_scalar *given, const char **out)
{
	if (given->type != SCALAR_TEXT)
		return config_problem_add(build, false,
			"a secret is given as \"env:NAME\" or \"file:/path\", never in clear");
	if (build->canonical || *given->text == '\0')
		*out = arena_strdup(&build->config->arena, given->text);
	else
		*out = config_secret_resolve(build, given->text);
	return *out != NULL;
}

bool config_value_set(struct config_build *build, const struct config_key *key, void *base,
	const struct config_scalar *given)
{
	void *value = config_value_at(key, base);
	bool yes;

	switch (key->kind) {
	case KIND_BOOL: return take_bool(build, given, value);
	case KIND_UINT:
	case KIND_DOUBLE:
	case KIND_SECONDS:
	case KIND_BYTES: return set_number(build, key, value, given);
	case KIND_STRING: return take_text(build, key, given, value);
	case KIND_ENUM: return take_choice(build, key->choices, given, value);
	case KIND_SECRET: return take_secret(build, given, value);
	case KIND_TRISTATE:
		if (!take_bool(build, given, &yes))
			return false;
		*(config_TRISTATE *)value = yes ? TRISTATE_YES : TRISTATE_NO;
		return true;
	case KIND_STRINGS:
	case KIND_SECRETS: return config_value_set_list(build, key, base, given, 1);
	case KIND_LEVELS:
	case KIND_SCORES: return wrong_type(build, given, "a group of names");
	case KIND_LIST: return wrong_type(build, given, "a list of groups");
	}
	return false;
}

bool config_value_set_list(struct config_build *build, const struct config_key *key, void *base,
	const struct config_scalar *given, size_t count)
{
	struct config_strings *list = config_value_at(key, base);
	const char **items = arena_alloc(&build->config->arena, (count + 1) * sizeof(*items));
	bool good = true;

	for (size_t i = 0; i < count; i++) {
		if (key->kind == KIND_SECRETS)
			good &= take_secret(build, &given[i], &items[i]);
		else
			good &= take_text(build, key, &given[i], &items[i]);
	}
	if (!good)
		return false;
	list->items = items;
	list->count = count;
	return true;
}

static bool take_level(
	struct config_build *build, const char *name, const struct config_scalar *given, int *out)
{
	static const char *const levels[] = {"trace", "debug", "info", "warn", "error", NULL};
	enum log_component component;

	if (!log_component_parse(name, &component))
		return config_problem_add(build, false, "there is no component of this name");
	return take_choice(build, levels, given, out);
}

bool config_value_add_pair(struct config_build *build, const struct config_key *key, void *base,
	const char *name, const struct config_scalar *given, size_t room)
{
	static const struct config_key score = {.kind = KIND_UINT, .min = 0, .max = 10};
	struct config_pairs *pairs = config_value_at(key, base);
	double number = 0;
	int value = 0;

	if (key->kind == KIND_LEVELS) {
		if (!take_level(build, name, given, &value))
			return false;
	} else if (take_number(build, &score, given, &number)) {
		value = (int)number;
	} else {
		return false;
	}
	if (!pairs->items)
		pairs->items = arena_alloc(&build->config->arena, room * sizeof(*pairs->items));
	pairs->items[pairs->count].name = arena_strdup(&build->config->arena, name);
	pairs->items[pairs->count++].value = value;
	return true;
}

#define WORDS_MAX 64u

/* Splits "a, b" into its parts; the text is changed. */
static size_t split_words(char *text, struct config_scalar words[WORDS_MAX])
{
	size_t count = 0;

	while (text && count < WORDS_MAX) {
		char *word = strsep(&text, ",");

		word += strspn(word, " ");
		words[count++] = (struct config_scalar){.type = SCALAR_TEXT, .text = word};
	}
	return count;
}

bool config_value_set_text(
	struct config_build *build, const struct config_key *key, void *base, const char *text)
{
	struct config_scalar given = {.type = SCALAR_TEXT, .text = text};
	struct config_scalar words[WORDS_MAX];
	size_t count = 0;

	if (key->kind != KIND_STRINGS && key->kind != KIND_SECRETS)
		return config_value_set(build, key, base, &given);
	if (*text)
		count = split_words(arena_strdup(&build->config->arena, text), words);
	return config_value_set_list(build, key, base, words, count);
}

void config_value_set_default(struct config_build *build, const struct config_key *key, void *base)
{
	void *value = config_value_at(key, base);
	const char *text = key->default_text;

	if (text && *text) {
		config_value_set_text(build, key, base, text);
		return;
	}
	switch (key->kind) {
	case KIND_UINT: *(config_UINT *)value = CONFIG_ABSENT_UINT; break;
	case KIND_ENUM: *(config_ENUM *)value = CONFIG_ABSENT_ENUM; break;
	case KIND_DOUBLE: *(config_DOUBLE *)value = CONFIG_ABSENT_DOUBLE; break;
	case KIND_STRING:
	case KIND_SECRET: *(const char **)value = ""; break;
	default: break; /* zeroes: no entries, not set */
	}
}

static void copy_strings(
	struct arena *arena, struct config_strings *to, const struct config_strings *from)
{
	to->items = arena_alloc(arena, (from->count + 1) * sizeof(*to->items));
	to->count = from->count;
	for (size_t i = 0; i < from->count; i++)
		to->items[i] = arena_strdup(arena, from->items[i]);
}

void config_value_copy(
	struct arena *arena, const struct config_key *key, void *to, const void *from)
{
	const void *source = config_value_at(key, from);
	void *target = config_value_at(key, to);

	switch (key->kind) {
	case KIND_BOOL: *(bool *)target = *(const bool *)source; break;
	case KIND_UINT: *(config_UINT *)target = *(const config_UINT *)source; break;
	case KIND_BYTES: *(config_BYTES *)target = *(const config_BYTES *)source; break;
	case KIND_DOUBLE:
	case KIND_SECONDS: *(double *)target = *(const double *)source; break;
	case KIND_ENUM:
	case KIND_TRISTATE: *(int *)target = *(const int *)source; break;
	case KIND_STRING:
	case KIND_SECRET:
		*(const char **)target = arena_strdup(arena, *(const char *const *)source);
		break;
	case KIND_STRINGS:
	case KIND_SECRETS: copy_strings(arena, target, source); break;
	case KIND_LEVELS:
	case KIND_SCORES:
	case KIND_LIST: panic("%s cannot be copied", key->path);
	}
}

static bool strings_equal(const struct config_strings *a, const struct config_strings *b)
{
	if (a->count != b->count)
		return false;
	for (size_t i = 0; i < a->count; i++)
		if (strcmp(a->items[i], b->items[i]) != 0)
			return false;
	return true;
}

static bool pairs_equal(const struct config_pairs *a, const struct config_pairs *b)
{
	if (a->count != b->count)
		return false;
	for (size_t i = 0; i < a->count; i++)
		if (strcmp(a->items[i].name, b->items[i].name) != 0 ||
			a->items[i].value != b->items[i].value)
			return false;
	return true;
}

static bool lists_equal(const struct config_key *key, const void *a, const void *b)
{
	const struct config_item *item = key->item;
	size_t count = *(const size_t *)(const void *)((const char *)a + key->count_offset);
	const char *entry_a = *(char *const *)config_value_at(key, a);
	const char *entry_b = *(char *const *)config_value_at(key, b);

	if (count != *(const size_t *)(const void *)((const char *)b + key->count_offset))
		return false;
	for (size_t i = 0; i < count; i++, entry_a += item->size, entry_b += item->size)
		for (size_t j = 0; j < item->key_count; j++)
			if (!config_value_equal(&item->keys[j], entry_a, entry_b))
				return false;
	return true;
}

bool config_value_equal(const struct config_key *key, const void *base_a, const void *base_b)
{
	const void *a = config_value_at(key, base_a);
	const void *b = config_value_at(key, base_b);

	switch (key->kind) {
	case KIND_BOOL: return *(const bool *)a == *(const bool *)b;
	case KIND_UINT: return *(const config_UINT *)a == *(const config_UINT *)b;
	case KIND_BYTES: return *(const config_BYTES *)a == *(const config_BYTES *)b;
	case KIND_DOUBLE:
	case KIND_SECONDS: return *(const double *)a == *(const double *)b;
	case KIND_STRING:
	case KIND_SECRET: return strcmp(*(const char *const *)a, *(const char *const *)b) == 0;
	case KIND_ENUM:
	case KIND_TRISTATE: return *(const int *)a == *(const int *)b;
	case KIND_STRINGS:
	case KIND_SECRETS: return strings_equal(a, b);
	case KIND_LEVELS:
	case KIND_SCORES: return pairs_equal(a, b);
	case KIND_LIST: return lists_equal(key, base_a, base_b);
	}
	return false;
}
