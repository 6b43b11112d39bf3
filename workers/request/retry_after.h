/* retry_after.h: how long a server asks us to stay away. Pure. */
#ifndef NEXUS_REQUEST_RETRY_AFTER_H
#define NEXUS_REQUEST_RETRY_AFTER_H

#include <stdint.h>

#include "base/slice.h"

/* The longest time that is believed: a misread or hostile header must not lock a backend out for a
 * day. */
#define RETRY_AFTER_MAX_MS (15u * 60u * 1000u)

/* From `retry-after-ms` (milliseconds) if it is there, else `retry-after` (seconds, whole or with a
 * fraction, or an HTTP date, RFC 9110 section 10.2.3), in milliseconds from `wall_us`; 0 when
 * neither says anything usable. */
uint32_t retry_after_ms(struct slice milliseconds, struct slice retry_after, int64_t wall_us);

#endif
