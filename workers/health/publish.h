/* publish.h: telling the others what changed in the catalogue, as a new version of the registry. */
#ifndef NEXUS_HEALTH_PUBLISH_H
#define NEXUS_HEALTH_PUBLISH_H

#include "workers/health/catalogue.h"

/* How messages leave: false when there is no room for one now. */
typedef bool publish_send(void *owner, enum message_type type, const void *message, uint64_t object,
	uint64_t version);

/* Sends what is to be told, up to `max` backends, and the END that makes it version + 1. True when
 * nothing is left to tell; false: call again later. `epoch` is the health worker's generation. */
bool catalogue_publish(
	struct catalogue *catalogue, uint64_t epoch, unsigned max, publish_send *send, void *owner);

#endif
