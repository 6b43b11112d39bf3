/* config.h: the configuration in force, as one immutable, refcounted struct.
 *
 * Every key stands once, in config_keys.def (and config_lists.def for the members of list entries);
 * the members below are generated from it and are named exactly as the keys:
 * config->server.keepalive_timeout_seconds. A loaded configuration is never changed; a reload makes
 * a new one. Strings live in its arena. */
#ifndef NEXUS_CONFIG_CONFIG_H
#define NEXUS_CONFIG_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buffer.h"
#include "base/error.h"
#include "base/slice.h"

/* C types of the key kinds of config_keys.def:
 *   BOOL bool | UINT uint32_t | DOUBLE double | SECONDS double (seconds; "500ms", "30s", "2m" or a
 * plain number) BYTES uint64_t ("8MiB" or a plain number) | STRING const char * (never NULL, ""
 * when empty) STRINGS struct config_strings (a single string counts as a list of one) | ENUM int
 * (an enum of this header) SECRET const char * (env:NAME or file:/path, resolved at load; "" when
 * absent; never printed) SECRETS struct config_strings of the same | TRISTATE int (enum
 * config_tristate) LEVELS, SCORES struct config_pairs (names to enum log_level, to 0..10) Absent
 * numbers (default "") are 0, or -1 for DOUBLE. Lists are an array and a count: backends,
 * backend_count. */

/* The keys config_structs.h is made from are declared once in config_keys.def and config_lists.def.
 */

enum config_strategy {
	STRATEGY_SMART,
	STRATEGY_ROUND_ROBIN,
	STRATEGY_PRIORITY_ONLY,
	STRATEGY_RANDOM,
	STRATEGY_LEAST_LOADED
};
enum config_transparent { TRANSPARENT_FULL, TRANSPARENT_MINIMAL, TRANSPARENT_OFF };
enum config_explain { EXPLAIN_OFF, EXPLAIN_LOOPBACK, EXPLAIN_ALL };
enum config_cross_zone { CROSS_ZONE_BLOCK, CROSS_ZONE_FRESH_ONLY, CROSS_ZONE_ALLOW };
enum config_unknown_capability { UNKNOWN_LAST_RESORT, UNKNOWN_REFUSE };
enum config_hard_limit_action { HARD_LOCAL_ONLY, HARD_QUEUE, HARD_REJECT };
enum config_unknown_price { UNKNOWN_PRICE_REFUSE, UNKNOWN_PRICE_DEFAULT };
enum config_ledger_failure { LEDGER_CLOSED, LEDGER_OPEN };
enum config_period { PERIOD_DAILY, PERIOD_WEEKLY, PERIOD_MONTHLY, PERIOD_YEARLY, PERIOD_TOTAL };
enum config_privacy { PRIVACY_NONE, PRIVACY_RESTRICTED };
/* The values equal enum backend_zone of registry.h. */
enum config_zone { CONFIG_ZONE_RESTRICTED, CONFIG_ZONE_OPEN };
enum config_scope { SCOPE_ORGANIZATION, SCOPE_TEAM, SCOPE_USER, SCOPE_GLOBAL };
enum config_unit { UNIT_USD, UNIT_TOKENS };
/* config_tristate: a capability given in the file, or not. The values equal enum knowledge of
 * registry.h. */
enum config_tristate { TRISTATE_UNSET, TRISTATE_NO, TRISTATE_YES };

#include "config/config_structs.h"

/* Where values come from, strongest first: overrides (command line), environment, file, defaults.
 */
struct config_sources {
	const char *path;             /* the file; NULL = search (config_find_file); "" = none */
	const char *const *overrides; /* "server.port=9000" ..., ends with NULL; may be NULL */
	bool read_environment;
};

void config_errors_init(struct config_errors *errors);
void config_errors_free(struct config_errors *errors);

/* The configuration, or NULL when `errors` (initialised by the caller) holds errors; warnings alone
 * do not refuse it. The caller owns one reference. */
struct config *config_load(const struct config_sources *sources, struct config_errors *errors);
/* NEXUS_CONFIG, ./nexus.conf, $(sysconfdir)/nexus/nexus.conf: the first that is there (the first is
 * taken in any case when it is set), "" when none is. Copied to `out`. */
void config_find_file(char *out, size_t size);

/* The canonical text of a configuration, complete and with secrets in clear: what supervisor and
 * workers exchange in a sealed memfd. Reading it back gives an equal configuration. False when
 * `out` is too small. */
bool config_to_text(const struct config *config, struct buffer *out);
/* Reads canonical text only: no @include, no environment, secrets as they stand. */
struct config *config_from_text(struct slice text, uint64_t version, struct config_errors *errors);

struct config *config_ref(struct config *config);
void config_unref(struct config **config);
bool config_equal(const struct config *a, const struct config *b);

/* --- what follows from it --- */
/* server.state_dir; else $(localstatedir)/lib/nexus for root; else $XDG_STATE_HOME/nexus or
 * ~/.local/state/nexus. To be asked before privileges change; workers get it in BOOT. False when
 * there is no home or it is too long. */
bool config_state_dir(const struct config *config, char *out, size_t size, struct error *err);
/* admin.socket; else admin.sock in server.state_dir when that is set; else
 * $(runstatedir)/nexus/admin.sock for root; else admin.sock in the user's state directory. */
bool config_admin_socket(const struct config *config, char *out, size_t size, struct error *err);
/* Where root's daemon has its socket unless told otherwise: $(runstatedir)/nexus/admin.sock. */
extern const char config_system_socket[];
/* Whether a backend of the restricted zone may be at an address: loopback, link-local, private or
 * unique-local, or in routing.trusted_networks. */
struct sockaddr;
bool config_address_is_ours(const struct config *config, const struct sockaddr *address);
/* Types whose servers belong to somebody else: openai, anthropic, google. */
bool config_type_is_cloud(const char *type);

/* --- two configurations --- */
enum config_reload { CONFIG_LIVE, CONFIG_RESPAWN, CONFIG_UPGRADE };
extern const char *const config_reload_names[3];

struct config_change {
	const char *key; /* "server.port"; a list is one key */
	enum config_reload reload;
};

#define CONFIG_CHANGES_MAX 256u
/* The keys that differ, in the order of the file; returns how many. */
size_t config_diff(const struct config *old, const struct config *new,
	struct config_change changes[CONFIG_CHANGES_MAX]);

/* Gives a key of `config`, which nobody else holds yet, the value it has in `old`: a reload keeps
 * so what only the next start can change. Not for lists. */
void config_keep(struct config *config, const struct config *old, const char *key);

/* Adds a backend with the defaults of its type to `config`, which nobody else holds yet. A name
 * that is taken gets a number behind it. All three must be valid: they are ours, not the file's. */
void config_add_backend(struct config *config, const char *name, const char *type, const char *url);

/* --- for people --- */
enum config_show { CONFIG_SHOW_ALL, CONFIG_SHOW_CHANGED };
/* As a file would say it, secrets as env:NAME or file:/path, never in clear. CHANGED: only what is
 * not default. */
bool config_show(const struct config *config, enum config_show what, struct buffer *out);
/* A commented file with every key at its default, which config_load accepts. */
bool config_init_text(struct buffer *out);
/* The given keys that nothing in this release acts on yet (but not what is switched off); returns
 * how many. */
size_t config_not_in_effect(const struct config *config, const char *names[CONFIG_CHANGES_MAX]);

#endif
