/* service_notify.h: what systemd wants to be told (sd_notify's protocol), without its library. */
#ifndef NEXUS_BASE_SERVICE_NOTIFY_H
#define NEXUS_BASE_SERVICE_NOTIFY_H

#include <stdint.h>

/* One datagram to $NOTIFY_SOCKET, e.g. "READY=1\nSTATUS=serving"; nothing when nobody asked. Never
 * blocks. */
void service_notify(const char *state);
/* RELOADING=1 with the time systemd wants beside it. */
void service_notify_reloading(void);
/* How often WATCHDOG=1 must be said, in milliseconds: half of what systemd gave us; 0 when it does
 * not watch. */
uint64_t service_watchdog_ms(void);

#endif
