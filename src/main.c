/* main.c: argv to the command table, or to a worker's life (`nexus worker ROLE`, as the supervisor
 * starts it); nothing else. */
#include <string.h>

#include "command/command.h"
#include "ipc/role.h"
#include "supervisor/supervisor.h"
#include "workers/worker.h"

static const struct worker_ops *const workers[] = {
	&budget_worker_ops, &health_worker_ops, &request_worker_ops, &demo_worker_ops};

int main(int argc, char **argv)
{
	static const struct command_program program = {.serve = supervisor_serve};

	for (size_t i = 0; i < sizeof(workers) / sizeof(workers[0]); i++)
		if (argc == 3 && strcmp(argv[1], "worker") == 0 &&
			strcmp(argv[2], role_names[workers[i]->role]) == 0)
			worker_run(workers[i]);
	return command_main(argc, argv, &program);
}
