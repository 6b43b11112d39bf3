/* opener.h: opening connections without ever blocking: names, happy eyeballs, proxies, TLS and
 * certificates by libcurl.
 *
 * An opening is started and reports once, never from within the start, unless it is cancelled
 * first. A plain connection is handed over as a descriptor of its own and libcurl forgets it; a TLS
 * one keeps its libcurl handle, through which it is read and written. Handles are spread over many
 * small multis, because libcurl's cost grows with the handles of one. This file and probe.c are all
 * that know libcurl. */
#ifndef NEXUS_REQUEST_OPENER_H
#define NEXUS_REQUEST_OPENER_H

#include <ev.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/error.h"

struct config;
struct opener;
struct opening;
struct tls_stream; /* an open TLS connection, owned by whoever it was reported to */

struct opener_target {
	const char *url;     /* scheme://host:port, for libcurl */
	const char *ca_file; /* "" = the system's */
	double timeout_seconds;
	/* Not NULL: a backend of the restricted zone, to be at an address that this configuration
	 * counts as ours. */
	struct config *restricted_by;
};

struct opened {
	int fd; /* for the event loop; owned by the receiver when tls is NULL, else by tls; -1:
		   failed */
	struct tls_stream *tls; /* NULL: plain */
	bool timed_out;         /* failed: by time */
	struct error error;     /* failed: DNS, refused, TLS ... in words */
};

typedef void opener_callback(void *owner, const struct opened *opened);

struct opener *opener_new(struct ev_loop *loop);
/* All openings must have ended and all TLS streams be closed. */
void opener_free(struct opener **opener);

struct opening *opener_start(struct opener *opener, const struct opener_target *target,
	opener_callback *callback, void *owner);
/* No report will come. */
void opening_cancel(struct opening **opening);

/* Like send and recv on a non-blocking socket: -1 with errno EAGAIN when it would block; 0 at the
 * peer's end. */
ssize_t tls_stream_send(struct tls_stream *tls, const void *data, size_t len);
ssize_t tls_stream_recv(struct tls_stream *tls, void *data, size_t size);
void tls_stream_close(struct tls_stream **tls);

#endif
