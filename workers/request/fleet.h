/* fleet.h: counting what the registry and the states say together: which backends can serve now. */
#ifndef NEXUS_REQUEST_FLEET_H
#define NEXUS_REQUEST_FLEET_H

#include <stdbool.h>

#include "registry/registry.h"

struct request_worker;

struct fleet {
	unsigned enabled;
	unsigned healthy;
	unsigned models; /* distinct, of healthy backends */
};

struct fleet fleet_count(struct request_worker *worker);
/* Can this backend be sent requests now? */
bool fleet_serves(struct request_worker *worker, const struct registry_backend *backend);

#endif
