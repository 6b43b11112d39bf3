/* outbox.c: gathering a batch, having it settled, freeing it. */
#include "workers/budget/outbox.h"

struct batch {
	struct scoreboard_record *records[OUTBOX_BATCH];
	size_t count;
};

static void gather_column(struct outbox *outbox, uint32_t column, struct batch *batch)
{
	struct scoreboard_header *header = scoreboard_header(outbox->scoreboard, column);
	uint64_t number = atomic_load(&header->settled_to) + 1;

	while (batch->count < OUTBOX_BATCH) {
		struct scoreboard_record *record =
			scoreboard_outbox_next(outbox->scoreboard, column, number++);

		if (!record)
			return;
		batch->records[batch->count++] = record;
	}
}

static void gather(struct outbox *outbox, struct batch *batch)
{
	uint32_t columns = scoreboard_geometry(outbox->scoreboard)->columns;

	batch->count = 0;
	for (uint32_t i = 0; i < columns; i++)
		gather_column(outbox, (outbox->first_column + i) % columns, batch);
	outbox->first_column = (outbox->first_column + 1) % columns;
}

size_t outbox_turn(struct outbox *outbox, bool *failed, struct error *err)
{
	struct batch batch;

	*failed = false;
	gather(outbox, &batch);
	if (batch.count == 0)
		return 0;
	if (!settlement_apply(outbox->settlement, batch.records, batch.count, err)) {
		*failed = true;
		return 0;
	}
	for (size_t i = 0; i < batch.count; i++)
		scoreboard_settled(outbox->scoreboard, batch.records[i]);
	outbox->settled += batch.count;
	return batch.count;
}

static uint64_t waiting(struct outbox *outbox)
{
	uint32_t columns = scoreboard_geometry(outbox->scoreboard)->columns;
	uint64_t sum = 0;

	for (uint32_t column = 0; column < columns; column++) {
		struct scoreboard_header *header = scoreboard_header(outbox->scoreboard, column);
		uint64_t settled_to = atomic_load(&header->settled_to);

		sum += atomic_load(&header->ended) - settled_to;
	}
	return sum;
}

static void column_write(struct outbox *outbox, uint32_t column, struct json_writer *json)
{
	struct scoreboard_header *header = scoreboard_header(outbox->scoreboard, column);

	if (atomic_load(&header->ended) == 0)
		return;
	json_object_open(json);
	json_member_uint(json, "column", column);
	json_member_uint(json, "ended", atomic_load(&header->ended));
	json_member_uint(json, "settled_to", atomic_load(&header->settled_to));
	json_object_close(json);
}

void outbox_write(struct outbox *outbox, struct json_writer *json)
{
	uint32_t columns = scoreboard_geometry(outbox->scoreboard)->columns;

	json_object_open(json);
	json_member_uint(json, "settled", outbox->settled);
	json_member_uint(json, "waiting", waiting(outbox));
	json_key(json, "columns");
	json_array_open(json);
	for (uint32_t column = 0; column < columns; column++)
		column_write(outbox, column, json);
	json_array_close(json);
	json_object_close(json);
}
