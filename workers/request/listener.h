/* listener.h: accepting clients, fairly among workers.
 *
 * All workers watch the same sockets. One connection is accepted per readiness event; a worker that
 * has clearly more connections than the least loaded ready one stops watching for a moment, and one
 * at its cap until a client leaves, so that connections wait in the kernel's queue instead of
 * failing. A least loaded worker that lets connections wait (it hangs) is not waited for. */
#ifndef NEXUS_REQUEST_LISTENER_H
#define NEXUS_REQUEST_LISTENER_H

#include <stdbool.h>

struct request_worker;
struct listener;

struct listener *listener_new(struct request_worker *worker);
void listener_free(struct listener **listener);
/* The operator's word: accept or not. */
void listener_allow(struct listener *listener, bool allowed);
/* The drain's: never again. The sockets are closed: on an address that was given up nobody must
 * seem to listen. */
void listener_close(struct listener *listener);
/* One of our connections has closed: look again. */
void listener_relieve(struct listener *listener);

#endif
