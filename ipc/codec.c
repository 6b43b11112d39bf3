/* codec.c: one encoder and one decoder that walk a schema. msgpack-c is known here only.
 *
 * msgpack-c allocates what an array's head claims to hold before it has seen one item of it, so a
 * few bytes could ask for gigabytes. Hence every payload is first walked without allocating: each
 * claim must fit in the bytes that follow. */
#include "ipc/codec.h"

#include <msgpack.h>

#include "base/fatal.h"

/* A record's member as its type; the second reads only. */
#define MEMBER_AT(record, offset, type) ((type *)(void *)((char *)(record) + (offset)))
#define MEMBER_OF(record, offset, type)                                                            \
	(*(type const *)(const void *)((const char *)(record) + (offset)))

/* --- encoding --- */

static int write_to_buffer(void *out, const char *data, size_t len)
{
	return buffer_append(out, data, len) ? 0 : -1;
}

static bool pack_record(msgpack_packer *pack, const struct schema *schema, const void *record);

static bool pack_text(msgpack_packer *pack, const struct schema_field *field, const char *text)
{
	size_t len = text ? strlen(text) : 0;

	if (len > field->max)
		panic("message field %s has %zu bytes, its row allows %u", field->name, len,
			field->max);
	return msgpack_pack_str(pack, len) == 0 &&
	       msgpack_pack_str_body(pack, text ? text : "", len) == 0;
}

static bool pack_list(msgpack_packer *pack, const struct schema_field *field, const void *record)
{
	const char *items = MEMBER_OF(record, field->offset, const char *);
	size_t count = MEMBER_OF(record, field->count_offset, size_t);

	if (count > field->max)
		panic("message field %s has %zu entries, its row allows %u", field->name, count,
			field->max);
	if (msgpack_pack_array(pack, count) != 0)
		return false;
	for (size_t i = 0; i < count; i++)
		if (!pack_record(pack, field->item, items + i * field->item->size))
			return false;
	return true;
}

static bool pack_field(msgpack_packer *pack, const struct schema_field *field, const void *record)
{
	switch (field->kind) {
	case FIELD_U8:
		return msgpack_pack_uint8(pack, MEMBER_OF(record, field->offset, uint8_t)) == 0;
	case FIELD_U16:
		return msgpack_pack_uint16(pack, MEMBER_OF(record, field->offset, uint16_t)) == 0;
	case FIELD_U32:
		return msgpack_pack_uint32(pack, MEMBER_OF(record, field->offset, uint32_t)) == 0;
	case FIELD_U64:
		return msgpack_pack_uint64(pack, MEMBER_OF(record, field->offset, uint64_t)) == 0;
	case FIELD_I64:
		return msgpack_pack_int64(pack, MEMBER_OF(record, field->offset, int64_t)) == 0;
	case FIELD_F64:
		return msgpack_pack_double(pack, MEMBER_OF(record, field->offset, double)) == 0;
	case FIELD_BOOL:
		return (MEMBER_OF(record, field->offset, bool) ? msgpack_pack_true(pack)
							       : msgpack_pack_false(pack)) == 0;
	case FIELD_STR:
		return pack_text(pack, field, MEMBER_OF(record, field->offset, const char *));
	case FIELD_LIST: return pack_list(pack, field, record);
	}
	panic("message field %s has kind %d", field->name, (int)field->kind);
}

static bool pack_record(msgpack_packer *pack, const struct schema *schema, const void *record)
{
	if (msgpack_pack_array(pack, schema->field_count) != 0)
		return false;
	for (size_t i = 0; i < schema->field_count; i++)
		if (!pack_field(pack, &schema->fields[i], record))
			return false;
	return true;
}

bool codec_encode(struct buffer *out, const struct schema *schema, const void *message)
{
	msgpack_packer pack;

	msgpack_packer_init(&pack, out, write_to_buffer);
	return pack_record(&pack, schema, message);
}

/* --- what a payload claims --- */

/* What follows each head byte from 0xc0 to 0xdf: how many bytes of length, what the length counts,
 * and fixed bytes. */
enum counts { NOTHING, BYTES, VALUES, PAIRS, INVALID };
static const struct {
	uint8_t length_bytes;
	uint8_t counts;
	uint8_t fixed;
} heads[32] = {
	/* clang-format off */
	{0, NOTHING, 0}, {0, INVALID, 0}, {0, NOTHING, 0}, {0, NOTHING, 0}, /* nil, unused, false, true */
	{1, BYTES, 0},   {2, BYTES, 0},   {4, BYTES, 0},                    /* bin */
	{1, BYTES, 1},   {2, BYTES, 1},   {4, BYTES, 1},                    /* ext */
	{0, NOTHING, 4}, {0, NOTHING, 8},                                   /* float */
	{0, NOTHING, 1}, {0, NOTHING, 2}, {0, NOTHING, 4}, {0, NOTHING, 8}, /* uint */
	{0, NOTHING, 1}, {0, NOTHING, 2}, {0, NOTHING, 4}, {0, NOTHING, 8}, /* int */
	{0, NOTHING, 2}, {0, NOTHING, 3}, {0, NOTHING, 5}, {0, NOTHING, 9}, {0, NOTHING, 17}, /* fixext */
	{1, BYTES, 0},   {2, BYTES, 0},   {4, BYTES, 0},                    /* str */
	{2, VALUES, 0},  {4, VALUES, 0},                                    /* array */
	{2, PAIRS, 0},   {4, PAIRS, 0},                                     /* map */
	/* clang-format on */
};

struct claim {
	uint64_t bytes;  /* to pass over */
	uint64_t values; /* that follow in addition */
};

/* Reads one value's head and length, moving *at behind them. */
static bool read_claim(const unsigned char **at, const unsigned char *end, struct claim *claim)
{
	unsigned head = *(*at)++;
	uint64_t length = 0;

	*claim = (struct claim){0, 0};
	if (head >= 0xa0 && head <= 0xbf) {
		claim->bytes = head & 0x1f;
	} else if (head >= 0x80 && head <= 0x9f) {
		claim->values = (uint64_t)(head & 0x0f) * (head < 0x90 ? 2 : 1);
	} else if (head >= 0xc0 && head <= 0xdf) {
		head -= 0xc0;
		if (heads[head].counts == INVALID || end - *at < heads[head].length_bytes)
			return false;
		for (unsigned i = 0; i < heads[head].length_bytes; i++)
			length = length << 8 | *(*at)++;
		claim->bytes = heads[head].fixed + (heads[head].counts == BYTES ? length : 0);
		claim->values = heads[head].counts == VALUES ? length : 0;
		claim->values += heads[head].counts == PAIRS ? 2 * length : 0;
	}
	return true;
}

/* Whether the payload is exactly one whole value and no head in it claims more than there is. */
static bool claims_fit(struct slice payload)
{
	const unsigned char *at = (const unsigned char *)payload.data;
	const unsigned char *end = at + payload.len;
	uint64_t wanted = 1;
	struct claim claim;

	while (wanted > 0) {
		if (at == end || !read_claim(&at, end, &claim) ||
			claim.bytes > (uint64_t)(end - at))
			return false;
		at += claim.bytes;
		wanted += claim.values - 1;
	}
	return at == end;
}

/* --- decoding --- */

struct decoding {
	struct arena *arena;
	struct error *err;
};

static bool read_record(const struct decoding *in, const struct schema *schema,
	const msgpack_object *from, void *record);

static bool read_unsigned(
	const struct decoding *in, const msgpack_object *from, uint64_t max, uint64_t *out)
{
	if (from->type != MSGPACK_OBJECT_POSITIVE_INTEGER)
		return error_set(in->err, "not an unsigned number");
	if (from->via.u64 > max)
		return error_set(in->err, "%llu is over %llu", (unsigned long long)from->via.u64,
			(unsigned long long)max);
	*out = from->via.u64;
	return true;
}

static bool read_signed(const struct decoding *in, const msgpack_object *from, int64_t *out)
{
	if (from->type == MSGPACK_OBJECT_POSITIVE_INTEGER && from->via.u64 <= INT64_MAX)
		*out = (int64_t)from->via.u64;
	else if (from->type == MSGPACK_OBJECT_NEGATIVE_INTEGER)
		*out = from->via.i64;
	else
		return error_set(in->err, "not a signed number of 64 bits");
	return true;
}

static bool read_double(const struct decoding *in, const msgpack_object *from, double *out)
{
	if (from->type != MSGPACK_OBJECT_FLOAT32 && from->type != MSGPACK_OBJECT_FLOAT64)
		return error_set(in->err, "not a floating point number");
	*out = from->via.f64;
	return true;
}

static bool read_bool(const struct decoding *in, const msgpack_object *from, bool *out)
{
	if (from->type != MSGPACK_OBJECT_BOOLEAN)
		return error_set(in->err, "not a truth value");
	*out = from->via.boolean;
	return true;
}

static bool read_text(const struct decoding *in, const struct schema_field *field,
	const msgpack_object *from, const char **out)
{
	if (from->type != MSGPACK_OBJECT_STR)
		return error_set(in->err, "not a string");
	if (from->via.str.size > field->max)
		return error_set(
			in->err, "%u bytes, at most %u allowed", from->via.str.size, field->max);
	if (from->via.str.size > 0 && memchr(from->via.str.ptr, '\0', from->via.str.size))
		return error_set(in->err, "a NUL byte in a string");
	*out = arena_dup_slice(in->arena, slice_make(from->via.str.ptr, from->via.str.size));
	return true;
}

static bool read_list(const struct decoding *in, const struct schema_field *field,
	const msgpack_object *from, void *record)
{
	size_t count;
	char *items;

	if (from->type != MSGPACK_OBJECT_ARRAY)
		return error_set(in->err, "not a list");
	count = from->via.array.size;
	if (count > field->max)
		return error_set(in->err, "%zu entries, at most %u allowed", count, field->max);
	items = arena_alloc(in->arena, count * field->item->size);
	for (size_t i = 0; i < count; i++)
		if (!read_record(in, field->item, &from->via.array.ptr[i],
			    items + i * field->item->size))
			return error_prefix(in->err, "entry %zu: ", i);
	*MEMBER_AT(record, field->offset, const void *) = items;
	*MEMBER_AT(record, field->count_offset, size_t) = count;
	return true;
}

static bool read_field(const struct decoding *in, const struct schema_field *field,
	const msgpack_object *from, void *record)
{
	uint64_t number = 0;

	switch (field->kind) {
	case FIELD_U8:
		if (!read_unsigned(in, from, UINT8_MAX, &number))
			return false;
		*MEMBER_AT(record, field->offset, uint8_t) = (uint8_t)number;
		return true;
	case FIELD_U16:
		if (!read_unsigned(in, from, UINT16_MAX, &number))
			return false;
		*MEMBER_AT(record, field->offset, uint16_t) = (uint16_t)number;
		return true;
	case FIELD_U32:
		if (!read_unsigned(in, from, UINT32_MAX, &number))
			return false;
		*MEMBER_AT(record, field->offset, uint32_t) = (uint32_t)number;
		return true;
	case FIELD_U64:
		return read_unsigned(
			in, from, UINT64_MAX, MEMBER_AT(record, field->offset, uint64_t));
	case FIELD_I64: return read_signed(in, from, MEMBER_AT(record, field->offset, int64_t));
	case FIELD_F64: return read_double(in, from, MEMBER_AT(record, field->offset, double));
	case FIELD_BOOL: return read_bool(in, from, MEMBER_AT(record, field->offset, bool));
	case FIELD_STR:
		return read_text(in, field, from, MEMBER_AT(record, field->offset, const char *));
	case FIELD_LIST: return read_list(in, field, from, record);
	}
	panic("message field %s has kind %d", field->name, (int)field->kind);
}

/* What a field is when its sender does not know it yet. */
static void set_absent(const struct schema *schema, void *record)
{
	memset(record, 0, schema->size);
	for (size_t i = 0; i < schema->field_count; i++)
		if (schema->fields[i].kind == FIELD_STR)
			*MEMBER_AT(record, schema->fields[i].offset, const char *) = "";
}

static bool read_record(const struct decoding *in, const struct schema *schema,
	const msgpack_object *from, void *record)
{
	set_absent(schema, record);
	if (from->type != MSGPACK_OBJECT_ARRAY)
		return error_set(in->err, "not a record");
	for (size_t i = 0; i < schema->field_count && i < from->via.array.size; i++)
		if (!read_field(in, &schema->fields[i], &from->via.array.ptr[i], record))
			return error_prefix(in->err, "%s: ", schema->fields[i].name);
	return true;
}

bool codec_decode(struct slice payload, const struct schema *schema, void *message,
	struct arena *arena, struct error *err)
{
	struct decoding in = {arena, err};
	msgpack_unpacked unpacked;
	size_t offset = 0;
	bool done;

	if (payload.len == 0 || !claims_fit(payload))
		return error_set(err, "%s: its %zu bytes are not one whole msgpack value",
			schema->name, payload.len);
	msgpack_unpacked_init(&unpacked);
	done = msgpack_unpack_next(&unpacked, payload.data, payload.len, &offset) ==
	       MSGPACK_UNPACK_SUCCESS;
	if (!done)
		error_set(err, "nested too deeply");
	done = done && read_record(&in, schema, &unpacked.data, message);
	msgpack_unpacked_destroy(&unpacked);
	return done || error_prefix(err, "%s: ", schema->name);
}
