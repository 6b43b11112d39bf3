/* health_json.h: the catalogue as JSON, for operators: `nexus backends`, `nexus models`, `nexus
 * health`. */
#ifndef NEXUS_HEALTH_HEALTH_JSON_H
#define NEXUS_HEALTH_HEALTH_JSON_H

#include "base/buffer.h"
#include "workers/health/catalogue.h"

/* Each appends one JSON object; false when `out` has no room for it. */
bool health_json_backends(const struct catalogue *catalogue, struct buffer *out);
bool health_json_models(const struct catalogue *catalogue, struct buffer *out);
bool health_json_health(const struct catalogue *catalogue, int64_t started_wall_us,
	int64_t now_wall_us, struct buffer *out);

#endif
