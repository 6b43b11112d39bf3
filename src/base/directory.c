/* directory.c: mkdir, part by part. */
#include "base/directory.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static bool make(const char *path, mode_t mode, struct error *err)
{
	return mkdir(path, mode) == 0 || errno == EEXIST ||
	       error_set_errno(err, "cannot make the directory %s", path);
}

bool directory_make(const char *path, mode_t mode, struct error *err)
{
	char part[DIRECTORY_PATH_MAX];
	struct stat info;

	if ((size_t)snprintf(part, sizeof(part), "%s", path) >= sizeof(part))
		return error_set(err, "the path %.60s... is too long", path);
	for (char *at = part + 1; part[0] != '\0' && *at != '\0'; at++) {
		if (*at != '/')
			continue;
		*at = '\0';
		if (!make(part, 0755, err))
			return false;
		*at = '/';
	}
	if (!make(path, mode, err))
		return false;
	if (stat(path, &info) < 0 || !S_ISDIR(info.st_mode))
		return error_set(err, "%s is not a directory", path);
	return access(path, R_OK | W_OK | X_OK) == 0 ||
	       error_set_errno(err, "the directory %s cannot be used", path);
}
