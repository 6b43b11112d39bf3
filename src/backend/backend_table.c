/* backend_table.c: the kinds of servers Nexus knows. A new one is a file and a line here. */
#include "backend/backend_types.h"

#include <string.h>

const struct backend_ops *const backend_table[] = {
	&backend_ollama,
	&backend_vllm,
	&backend_llamacpp,
	&backend_lmstudio,
	&backend_exo,
	&backend_openai,
	&backend_generic,
	&backend_demo,
	NULL,
};

const struct backend_ops *backend_ops_by_name(const char *name)
{
	for (const struct backend_ops *const *ops = backend_table; *ops; ops++)
		if (strcmp((*ops)->name, name) == 0)
			return *ops;
	return NULL;
}
