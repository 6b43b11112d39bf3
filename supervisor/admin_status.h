/* admin_status.h: what we know of ourselves, as JSON. */
#ifndef NEXUS_SUPERVISOR_ADMIN_STATUS_H
#define NEXUS_SUPERVISOR_ADMIN_STATUS_H

#include "base/buffer.h"

struct supervisor;

/* {"version","pid","uptime_seconds","config":{...},"processes":[...],"columns":[...],"pending_upgrade_keys":[...],
 * "crashes":[{"line"}]}. False when it does not fit in `out`. */
bool admin_status_write(struct supervisor *supervisor, struct buffer *out);
/* {"processes":[...]} */
bool admin_processes_write(struct supervisor *supervisor, struct buffer *out);

#endif
