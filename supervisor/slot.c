/* slot.c: which changes of state there are. */
#include "supervisor/slot.h"

#include <stdio.h>

#include "base/fatal.h"
#include "base/log.h"

const char *const slot_state_names[SLOT_STATE_COUNT] = {
	"empty", "starting", "ready", "draining", "backoff", "failed"};

#define TO(state) (1u << (state))

/* Who may follow whom; EMPTY ends every life, since a stop may come at any time. */
static const unsigned followers[SLOT_STATE_COUNT] = {
	[SLOT_EMPTY] = TO(SLOT_STARTING),
	[SLOT_STARTING] = TO(SLOT_READY) | TO(SLOT_DRAINING) | TO(SLOT_BACKOFF) | TO(SLOT_FAILED) |
			  TO(SLOT_EMPTY),
	[SLOT_READY] = TO(SLOT_DRAINING) | TO(SLOT_BACKOFF) | TO(SLOT_FAILED) | TO(SLOT_EMPTY),
	[SLOT_DRAINING] = TO(SLOT_BACKOFF) | TO(SLOT_EMPTY),
	[SLOT_BACKOFF] = TO(SLOT_STARTING) | TO(SLOT_EMPTY),
	[SLOT_FAILED] = TO(SLOT_BACKOFF) | TO(SLOT_EMPTY),
};

bool slot_may_change(enum slot_state from, enum slot_state to)
{
	return (followers[from] & TO(to)) != 0;
}

void slot_set_state(struct slot *slot, enum slot_state state)
{
	if (!slot_may_change(slot->state, state))
		panic("%s: from %s to %s", slot_name(slot), slot_state_names[slot->state],
			slot_state_names[state]);
	log_debug(LOG_SUPERVISOR, "%s: %s -> %s", slot_name(slot), slot_state_names[slot->state],
		slot_state_names[state]);
	slot->state = state;
}

const char *slot_name(const struct slot *slot)
{
	static char names[2][48];
	static unsigned next;
	char *name = names[next++ % 2];

	snprintf(name, sizeof(names[0]), "%s[%u] g%u", role_names[slot->role], slot->number,
		slot->generation);
	return name;
}
