/* config_issue.c: text to memfd. */
#include "supervisor/config_issue.h"

#include "base/buffer.h"
#include "base/fd.h"

/* Longer than any configuration a person or a program writes. */
#define CONFIG_TEXT_MAX (32u << 20)

static bool write_text(struct config_issue *issue, struct error *err)
{
	struct buffer text;

	buffer_init(&text, CONFIG_TEXT_MAX);
	if (config_to_text(issue->config, &text)) {
		issue->size = buffer_len(&text);
		issue->text_fd = fd_sealed_memory("nexus-config", buffer_slice(&text), err);
	} else {
		error_set(err, "the configuration is over %u MiB as text", CONFIG_TEXT_MAX >> 20);
	}
	buffer_free(&text);
	return issue->text_fd >= 0;
}

bool config_issue_make(struct config_issue *issue, struct config *config, uint64_t version,
	const struct config_issue *before, struct error *err)
{
	*issue = (struct config_issue){.config = config, .text_fd = -1};
	config->version = version;
	if (write_text(issue, err) && listen_sockets_open(&issue->listeners, config,
					      before ? &before->listeners : NULL, err))
		return true;
	config_issue_drop(issue);
	return false;
}

void config_issue_drop(struct config_issue *issue)
{
	if (!issue->config)
		return;
	listen_sockets_close(&issue->listeners);
	fd_close(&issue->text_fd);
	config_unref(&issue->config);
}
