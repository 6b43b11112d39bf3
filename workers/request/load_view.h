/* load_view.h: what routing sees of the scoreboard: live counts and states, read without locks. */
#ifndef NEXUS_REQUEST_LOAD_VIEW_H
#define NEXUS_REQUEST_LOAD_VIEW_H

#include "routing/routing.h"

struct request_worker;

void load_view_init(struct routing_view *view, struct request_worker *worker, struct config *config,
	struct registry *registry);

#endif
