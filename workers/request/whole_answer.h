/* whole_answer.h: answers that come as one piece: held until complete and valid, then passed on,
 * converted or judged. */
#ifndef NEXUS_REQUEST_WHOLE_ANSWER_H
#define NEXUS_REQUEST_WHOLE_ANSWER_H

struct exchange;
struct openai_event_facts;

#define UPSTREAM_MESSAGE_MAX 256u
/* A backend's own error message, for ours: decoded, or said to be too long; "" when there is none.
 */
const char *upstream_message(
	const struct openai_event_facts *facts, char out[UPSTREAM_MESSAGE_MAX]);

#define WHOLE_ANSWER_MAX (32u << 20)

/* exchange->held is the whole body, exchange->status its status; the upstream's headers can still
 * be read. */
void whole_answer_complete(struct exchange *exchange);
/* Gives the client the held body with its status, as they came, and ends the exchange. */
void whole_answer_pass(struct exchange *exchange);

#endif
