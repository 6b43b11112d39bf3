/* outbox.h: carries ended records from all columns to the settlement, in batches.
 *
 * A batch holds records of any columns, those of one column in end order; they are freed when all
 * of it is settled. A settlement that fails keeps them where they are, to be tried again. */
#ifndef NEXUS_WORKERS_BUDGET_OUTBOX_H
#define NEXUS_WORKERS_BUDGET_OUTBOX_H

#include "base/json_write.h"
#include "ipc/scoreboard.h"
#include "workers/budget/settlement.h"

#define OUTBOX_BATCH 1024u

struct outbox {
	struct scoreboard *scoreboard;
	struct settlement *settlement;
	uint32_t first_column; /* where the next batch begins, so that a busy column starves none */
	uint64_t settled;      /* by this process */
};

/* Settles one batch. Returns how many records; 0 when there were none, or with *failed and `err`
 * when the settlement refused them. OUTBOX_BATCH of them: there may be more. */
size_t outbox_turn(struct outbox *outbox, bool *failed, struct error *err);
/* {"settled":N,"waiting":N,"columns":[{"column":N,"ended":N,"settled_to":N},...]}: columns that
 * have ended any. */
void outbox_write(struct outbox *outbox, struct json_writer *json);

#endif
