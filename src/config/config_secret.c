/* config_secret.c: keys and tokens, from the environment or a file, never from the configuration
 * itself.
 *
 * Promises that no text of a problem holds a secret, nor what was written where a reference should
 * be. */
#include "config/config_build.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"

#define SECRET_MAX 4096u

const char *config_secret_reference(const struct config *config, const char *value)
{
	for (const struct config_secret *secret = config->secrets; secret; secret = secret->next)
		if (secret->value == value)
			return secret->reference;
	return NULL;
}

static const char *secret_remember(
	struct config_build *build, const char *value, const char *reference)
{
	struct arena *arena = &build->config->arena;
	struct config_secret *secret = arena_zalloc(arena, sizeof(*secret));

	secret->value = arena_strdup(arena, value);
	secret->reference = arena_strdup(arena, reference);
	secret->next = build->config->secrets;
	build->config->secrets = secret;
	return secret->value;
}

/* A key travels in a header: one line of visible ASCII. */
static bool secret_is_sane(const char *value)
{
	for (; *value; value++)
		if ((unsigned char)*value <= 0x20 || (unsigned char)*value >= 0x7f)
			return false;
	return true;
}

/* The file's content without the white space at its end; false with errno when it cannot be read.
 */
static bool read_secret_file(const char *path, char out[SECRET_MAX + 1])
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat st;
	size_t used = 0;
	ssize_t got = 1;

	if (fd < 0)
		return false;
	if (fstat(fd, &st) == 0 && !S_ISREG(st.st_mode)) {
		errno = EINVAL;
		got = -1;
	}
	while (got > 0 && used < SECRET_MAX) {
		got = read(fd, out + used, SECRET_MAX - used);
		used += got > 0 ? (size_t)got : 0;
	}
	int saved = errno;

	fd_close(&fd);
	errno = saved;
	while (used > 0 && strchr(" \t\r\n", out[used - 1]))
		used--;
	out[used] = '\0';
	return got >= 0;
}

static const char *resolve_env(struct config_build *build, const char *name, const char *reference)
{
	const char *value = getenv(name);

	if (!value || !*value) {
		config_problem_add(build, true, "the environment has no %s; nothing is sent", name);
		value = "";
	}
	return secret_remember(build, value, reference);
}

static const char *resolve_file(struct config_build *build, const char *path, const char *reference)
{
	char value[SECRET_MAX + 1];

	if (!read_secret_file(path, value)) {
		config_problem_add(
			build, true, "cannot read %s: %s; nothing is sent", path, strerror(errno));
		value[0] = '\0';
	} else if (value[0] == '\0') {
		config_problem_add(build, true, "%s is empty; nothing is sent", path);
	}
	return secret_remember(build, value, reference);
}

const char *config_secret_resolve(struct config_build *build, const char *reference)
{
	const char *value = NULL;
	struct error err;

	if (strncmp(reference, "env:", 4) == 0 && config_form_variable(reference + 4, &err))
		value = resolve_env(build, reference + 4, reference);
	else if (strncmp(reference, "file:/", 6) == 0)
		value = resolve_file(build, reference + 5, reference);
	if (!value) {
		config_problem_add(build, false,
			"a secret is given as \"env:NAME\" or \"file:/path\", never in clear");
		return NULL;
	}
	if (!secret_is_sane(value)) {
		config_problem_add(build, false,
			"what %s holds is not one line of visible characters", reference);
		return NULL;
	}
	return value;
}
