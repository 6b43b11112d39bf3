/* clock.h: the two clocks. Durations and deadlines use the monotonic one; only what a person or a
 * ledger reads uses wall time. Pure cores take the time as a parameter and never call these. */
#ifndef NEXUS_BASE_CLOCK_H
#define NEXUS_BASE_CLOCK_H

#include <stdint.h>

/* CLOCK_MONOTONIC, nanoseconds. */
uint64_t clock_monotonic_ns(void);
/* CLOCK_MONOTONIC, milliseconds. */
uint64_t clock_monotonic_ms(void);
/* CLOCK_REALTIME, microseconds since 1970. */
int64_t clock_wall_us(void);

#define CLOCK_TEXT_SIZE 32
/* RFC 3339 with microseconds, UTC: 2026-11-21T10:38:20.000001Z. */
void clock_format(int64_t wall_us, char text[CLOCK_TEXT_SIZE]);

#endif
