/* config.h: the configuration in force, as one immutable, refcounted struct.
 *
 * Every key stands once, in config_keys.def (and config_lists.def for the members of list entries); the members below
 * are generated from it and are named exactly as the keys: config->server.keepalive_timeout_seconds.
 * A loaded configuration is never changed; a reload makes a new one. Strings live in its arena. */
#ifndef NEXUS_CONFIG_CONFIG_H
#define NEXUS_CONFIG_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/slice.h"

struct config_strings {
	const char **items;
	size_t count;
};

/* C types of the key kinds of config_keys.def:
 *   BOOL bool | UINT uint32_t | DOUBLE double | SECONDS double (seconds; "500ms", "30s", "2m" or a plain number)
 *   BYTES uint64_t ("8MiB" or a plain number) | STRING const char * (never NULL, "" when empty)
 *   STRINGS struct config_strings (a single string counts as a list of one) | ENUM int (an enum of this header)
 *   SECRET const char * (env:NAME or file:/path, resolved at load; "" when absent; never printed) */

enum config_strategy { STRATEGY_SMART, STRATEGY_ROUND_ROBIN, STRATEGY_PRIORITY_ONLY, STRATEGY_RANDOM, STRATEGY_LEAST_LOADED };
enum config_transparent { TRANSPARENT_FULL, TRANSPARENT_MINIMAL, TRANSPARENT_OFF };
enum config_explain { EXPLAIN_OFF, EXPLAIN_LOOPBACK, EXPLAIN_ALL };
enum config_cross_zone { CROSS_ZONE_BLOCK, CROSS_ZONE_FRESH_ONLY, CROSS_ZONE_ALLOW };
enum config_unknown_capability { UNKNOWN_LAST_RESORT, UNKNOWN_REFUSE };
enum config_hard_limit_action { HARD_LOCAL_ONLY, HARD_QUEUE, HARD_REJECT };
enum config_unknown_price { UNKNOWN_PRICE_REFUSE, UNKNOWN_PRICE_DEFAULT };
enum config_ledger_failure { LEDGER_CLOSED, LEDGER_OPEN };
enum config_period { PERIOD_DAILY, PERIOD_WEEKLY, PERIOD_MONTHLY, PERIOD_YEARLY, PERIOD_TOTAL };
enum config_privacy { PRIVACY_NONE, PRIVACY_RESTRICTED, PRIVACY_OPEN };
/* config_tristate: a capability given in the file, or not. The values equal enum knowledge of registry.h. */
enum config_tristate { TRISTATE_UNSET, TRISTATE_NO, TRISTATE_YES };

#include "config/config_structs.h"

/* Where values come from, strongest first: overrides (command line), environment, file, defaults. */
struct config_sources {
	const char *path;             /* the file; NULL = search (find_config_file); "" = none */
	const char *const *overrides; /* "server.port=9000" ..., ends with NULL; may be NULL */
	bool read_environment;
};

struct config *config_load(const struct config_sources *sources, struct config_errors *errors);
/* The canonical text of a configuration, complete and with secrets in clear: what supervisor and workers exchange in a
 * sealed memfd. Reading it back gives an equal configuration. */
bool config_to_text(const struct config *config, struct buffer *out);
struct config *config_from_text(struct slice text, uint64_t version, struct config_errors *errors);
struct config *config_ref(struct config *config);
void config_unref(struct config **config);

#endif
