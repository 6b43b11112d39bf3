/* message_values.c: walks schemas as the codec does, but knows nothing of it. */
#include "message_values.h"

#include <string.h>

static size_t choose(enum values how, size_t max, struct random *random)
{
	switch (how) {
	case VALUES_ZERO: return 0;
	case VALUES_LARGEST: return max;
	case VALUES_RANDOM: break;
	}
	/* Small ones, large ones and anything between, alike often. */
	switch (random_below(random, 3)) {
	case 0: return random_below(random, (max < 40 ? max : 40) + 1);
	case 1: return max - random_below(random, max < 3 ? 1 : 3);
	default: return max == SIZE_MAX ? random_next(random) : random_below(random, max + 1);
	}
}

static const char *make_text(
	enum values how, size_t max, struct random *random, struct arena *arena)
{
	size_t len = choose(how, max, random);
	char *text = arena_alloc(arena, len + 1);

	for (size_t i = 0; i < len; i++)
		text[i] = (char)(1 + random_below(random, 255));
	text[len] = '\0';
	return text;
}

static void fill(const struct schema *schema, void *record, enum values how, size_t list_max,
	struct random *random, struct arena *arena);

static void fill_list(const struct schema_field *field, char *record, enum values how,
	size_t list_max, struct random *random, struct arena *arena)
{
	size_t count = choose(how, field->max < list_max ? field->max : list_max, random);
	char *items = arena_zalloc(arena, count * field->item->size + 1);

	for (size_t i = 0; i < count; i++)
		fill(field->item, items + i * field->item->size, how, list_max, random, arena);
	memcpy(record + field->offset, &items, sizeof(items));
	memcpy(record + field->count_offset, &count, sizeof(count));
}

static void fill(const struct schema *schema, void *record, enum values how, size_t list_max,
	struct random *random, struct arena *arena)
{
	for (size_t i = 0; i < schema->field_count; i++) {
		const struct schema_field *field = &schema->fields[i];
		char *at = (char *)record + field->offset;
		uint64_t number = choose(how, SIZE_MAX, random);
		const char *text;

		switch (field->kind) {
		case FIELD_U8: *(uint8_t *)at = (uint8_t)number; break;
		case FIELD_U16: *(uint16_t *)(void *)at = (uint16_t)number; break;
		case FIELD_U32: *(uint32_t *)(void *)at = (uint32_t)number; break;
		case FIELD_U64: *(uint64_t *)(void *)at = number; break;
		case FIELD_I64: *(int64_t *)(void *)at = (int64_t)(number ^ (number << 63)); break;
		case FIELD_F64: *(double *)(void *)at = (double)(int64_t)number / 3.0; break;
		case FIELD_BOOL: *(bool *)at = number & 1; break;
		case FIELD_STR:
			text = make_text(how, field->max, random, arena);
			memcpy(at, &text, sizeof(text));
			break;
		case FIELD_LIST: fill_list(field, record, how, list_max, random, arena); break;
		}
	}
}

void *message_make(const struct schema *schema, enum values how, size_t list_max,
	struct random *random, struct arena *arena)
{
	void *message = arena_zalloc(arena, schema->size);

	fill(schema, message, how, list_max, random, arena);
	return message;
}

static size_t scalar_size(enum field_kind kind)
{
	switch (kind) {
	case FIELD_U8: return sizeof(uint8_t);
	case FIELD_U16: return sizeof(uint16_t);
	case FIELD_U32: return sizeof(uint32_t);
	case FIELD_BOOL: return sizeof(bool);
	default: return sizeof(uint64_t);
	}
}

static bool list_equal(const struct schema_field *field, const char *a, const char *b)
{
	size_t counts[2];
	const char *items[2];

	memcpy(&counts[0], a + field->count_offset, sizeof(size_t));
	memcpy(&counts[1], b + field->count_offset, sizeof(size_t));
	memcpy(&items[0], a + field->offset, sizeof(char *));
	memcpy(&items[1], b + field->offset, sizeof(char *));
	if (counts[0] != counts[1])
		return false;
	for (size_t i = 0; i < counts[0]; i++)
		if (!message_equal(field->item, items[0] + i * field->item->size,
			    items[1] + i * field->item->size))
			return false;
	return true;
}

static bool field_equal(const struct schema_field *field, const char *a, const char *b)
{
	const char *texts[2];

	if (field->kind == FIELD_LIST)
		return list_equal(field, a, b);
	if (field->kind != FIELD_STR)
		return memcmp(a + field->offset, b + field->offset, scalar_size(field->kind)) == 0;
	memcpy(&texts[0], a + field->offset, sizeof(char *));
	memcpy(&texts[1], b + field->offset, sizeof(char *));
	return strcmp(texts[0], texts[1]) == 0;
}

bool message_equal(const struct schema *schema, const void *a, const void *b)
{
	for (size_t i = 0; i < schema->field_count; i++)
		if (!field_equal(&schema->fields[i], a, b))
			return false;
	return true;
}
