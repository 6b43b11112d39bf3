/* settlement.h: what ended records amount to.
 *
 * The one place where a record becomes a number that lasts. Until there is a ledger it lasts as
 * long as the process: totals per (scope, model, backend), in memory. The ledger takes the place of
 * settlement_apply: one transaction a call, a line a record, its key UNIQUE, so that a record shown
 * twice counts once. */
#ifndef NEXUS_WORKERS_BUDGET_SETTLEMENT_H
#define NEXUS_WORKERS_BUDGET_SETTLEMENT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "base/json_write.h"
#include "ipc/scoreboard.h"

#define SETTLEMENT_TOTALS_MAX 16384u /* more (scope, model, backend) are added up as "other" */

struct settlement;

struct settlement *settlement_new(void);
void settlement_free(struct settlement **settlement);
/* Takes all of them or none; false leaves them to be given again. The records stay the scoreboard's
 * and are freed only after this has returned true. */
bool settlement_apply(struct settlement *settlement, struct scoreboard_record *const *records,
	size_t count, struct error *err);
/* An array of the totals. */
void settlement_write(const struct settlement *settlement, struct json_writer *json);

#endif
