/* demo_tool.h: which of the offered functions the demonstration model calls. Pure; finds, never
 * writes. */
#ifndef NEXUS_WORKERS_DEMO_DEMO_TOOL_H
#define NEXUS_WORKERS_DEMO_DEMO_TOOL_H

#include "base/slice.h"

/* The name, in its quotes, of the function that the text speaks of: it holds the function's name or
 * one of the words (of four letters and more) the name is made of, in any case. `choice` is the
 * request's tool_choice: "none" calls nothing, "required" the first function if none is spoken of.
 * Empty when none is to be called. All are JSON. */
struct slice demo_tool_choose(struct slice tools, struct slice choice, struct slice text);

#endif
