/* request_counters.h: what this worker counts, in its column of the scoreboard. Labels are names
 * from the configuration and the registry, so their number is bounded. */
#ifndef NEXUS_REQUEST_REQUEST_COUNTERS_H
#define NEXUS_REQUEST_REQUEST_COUNTERS_H

#include "http/http_error.h"

struct exchange;
struct request_worker;

/* An exchange that had a backend has ended, the client being told `exchange->told_status` (0: it
 * had left). */
void request_counters_ended(struct exchange *exchange);
/* One more of our own errors. */
void request_counters_error(struct request_worker *worker, enum http_error_id id);

#endif
