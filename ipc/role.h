/* role.h: who can speak on the wire. A peer is a role and a slot; a slot outlives the processes
 * that fill it. */
#ifndef NEXUS_IPC_ROLE_H
#define NEXUS_IPC_ROLE_H

#include <stdint.h>

enum role { ROLE_SUPERVISOR, ROLE_BUDGET, ROLE_HEALTH, ROLE_REQUEST, ROLE_DEMO, ROLE_COUNT };

/* Sets of roles, for the direction checks of messages.def. */
#define ROLE_BIT(role) (1u << (role))
#define ROLES_WORKERS                                                                              \
	(ROLE_BIT(ROLE_BUDGET) | ROLE_BIT(ROLE_HEALTH) | ROLE_BIT(ROLE_REQUEST) |                  \
		ROLE_BIT(ROLE_DEMO))

/* An address on the wire. Slot PEER_EVERY means every ready worker of the role. */
#define PEER_EVERY 0xffu
struct peer {
	uint8_t role;
	uint8_t slot;
};

extern const char *const role_names[ROLE_COUNT];

#endif
