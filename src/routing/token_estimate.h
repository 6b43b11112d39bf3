/* token_estimate.h: how many tokens a text may be when nobody knows its tokenizer.
 *
 * An upper estimate by character classes, the one estimate of the product. It was fitted to four
 * public vocabularies (cl100k, o200k, Llama 3, Llama 2) and is not below any of them on the test
 * texts of some sixty languages, code, numbers, emoji and random bytes; English prose comes out at
 * about twice what the newest vocabularies need. Never above the number of bytes. Pure. */
#ifndef NEXUS_ROUTING_TOKEN_ESTIMATE_H
#define NEXUS_ROUTING_TOKEN_ESTIMATE_H

#include <stdint.h>

#include "base/json_scan.h"

/* For the text of a JSON string that has been validated, or, with `escaped` set, any piece of
 * validated JSON. */
uint64_t token_estimate(struct json_string text);

#endif
