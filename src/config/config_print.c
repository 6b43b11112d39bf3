/* config_print.c: a configuration as text: canonical for other processes, masked for people,
 * commented for newcomers. */
#include "config/config_build.h"

bool config_to_text(const struct config *config, struct buffer *out)
{
	(void)config;
	(void)out;
	return false;
}
