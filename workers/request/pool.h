/* pool.h: for each backend what is needed to reach it, and its idle connections, last used first.
 *
 * A target is made when a backend is first used and kept while it is in use or has idle
 * connections; a changed configuration or registry renews its key and certificates for connections
 * to come. */
#ifndef NEXUS_REQUEST_POOL_H
#define NEXUS_REQUEST_POOL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/hash_table.h"
#include "base/list.h"
#include "config/config.h"
#include "registry/registry.h"

struct request_worker;

struct pool_target {
	struct pool *pool;
	uint64_t id;             /* the backend's */
	uint64_t config_version; /* what the strings below were made from */
	uint64_t backend_version;
	char *origin; /* scheme://host:port */
	char *head;   /* "Host: ...\r\n" and, with a key, "Authorization: ...\r\n"; wiped when freed
		       */
	char *answer_head; /* what an answer says of the backend: X-Nexus-Backend and its like */
	char *path_prefix; /* path of the URL and the API prefix: "/v1" */
	char *ca_file;
	bool has_key; /* of the operator's */
	bool is_tls;
	bool is_restricted;      /* its zone, as it was chosen last */
	bool pass_authorization; /* the client's own is wanted, and there is no key */
	struct list idle;        /* struct upstream.node */
	struct list waiting; /* struct upstream.node: to be opened when fewer are being opened */
	unsigned opening_count;
	unsigned idle_count;
	unsigned in_use;
};

struct pool {
	struct request_worker *worker;
	struct hash_table targets; /* by the eight bytes of the id */
	unsigned idle_count;
};

struct pool *pool_new(struct request_worker *worker);
/* Closes all idle connections; none may be in use. */
void pool_free(struct pool **pool);
struct pool_target *pool_target(
	struct pool *pool, const struct config *config, const struct registry_backend *backend);
/* Drops connections idle for longer than their time, and the targets of removed backends. Called
 * now and then. */
void pool_sweep(struct pool *pool, double now);

/* For upstream.c. */
struct upstream;
struct upstream *pool_take_idle(struct pool_target *target);
void pool_put_idle(struct upstream *upstream);

#endif
