#include "storage/rocksdb/store_copy.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include "storage/rocksdb/store_directory.h"

enum { COPY_BYTES = 1 << 30 }; /* asked of the kernel at once */

/* Called for each regular file; a directory inside is left alone. */
typedef struct status visit_file(void *context, int directory, const char *name);

static struct status each_file(const char *path, visit_file *visit, void *context)
{
    DIR *entries = opendir(path);
    struct status status = OK;

    if (!entries)
        return store_directory_refused(path);
    for (struct dirent *entry = readdir(entries); entry && status_ok(status);
         entry = readdir(entries)) {
        struct stat facts;
        if (fstatat(dirfd(entries), entry->d_name, &facts, AT_SYMLINK_NOFOLLOW) == 0 &&
            S_ISREG(facts.st_mode))
            status = visit(context, dirfd(entries), entry->d_name);
    }
    closedir(entries);
    return status;
}

static struct status remove_file(void *context, int directory, const char *name)
{
    (void)context;
    return unlinkat(directory, name, 0) == 0 ? OK : store_directory_refused(name);
}

static struct status remove_all(const char *path)
{
    if (access(path, F_OK) != 0)
        return OK;
    TRY(each_file(path, remove_file, NULL));
    return rmdir(path) == 0 ? OK : store_directory_refused(path);
}

void store_copy_abandon(const struct store_copy *copy)
{
    (void)remove_all(copy->partial); /* the next copy tries again */
}

/* They fit; name_paths() looked. */
static void join(char path[PATH_MAX], const char *parent, const char *before, const char *name,
                 const char *behind)
{
    const char *parts[] = {parent, before, name, behind};
    size_t used = 0;

    for (size_t i = 0; i < 4; i++) {
        size_t size = strlen(parts[i]);
        assert(used + size < PATH_MAX);
        memcpy(path + used, parts[i], size + 1);
        used += size;
    }
}

static struct status name_paths(const char *directory, struct store_copy *copy)
{
    char above[PATH_MAX], below[PATH_MAX], parent[PATH_MAX];

    if (*directory == 0 || strlen(directory) >= sizeof above)
        return status_make(STATUS_INVALID_ARGUMENT, "directory: 1 to %d bytes", PATH_MAX - 1);
    snprintf(above, sizeof above, "%s", directory);
    snprintf(below, sizeof below, "%s", directory);
    const char *name = basename(below);
    const char *given = dirname(above);
    TRY(store_directory_create(given));
    if (!realpath(given, parent))
        return store_directory_refused(given);
    if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0 || strcmp(name, "/") == 0)
        return status_make(STATUS_INVALID_ARGUMENT, "directory: a name of its own, not \"%s\"",
                           name);
    /* RocksDB adds ".tmp" to it. */
    if (strlen(parent) + strlen(name) + strlen("/..partial.tmp") >= PATH_MAX)
        return status_make(STATUS_INVALID_ARGUMENT, "directory: 1 to %d bytes", PATH_MAX - 1);
    join(copy->directory, parent, "/", name, "");
    join(copy->partial, parent, "/.", name, ".partial");
    return OK;
}

struct status store_copy_begin(const char *directory, struct store_copy *copy)
{
    TRY(name_paths(directory, copy));
    /* An empty directory may be replaced; rename() would do so too, but say it early. */
    if (rmdir(copy->directory) != 0 && errno != ENOENT)
        return errno == ENOTEMPTY || errno == EEXIST || errno == ENOTDIR
                   ? status_make(STATUS_FAILED_PRECONDITION,
                                 "directory exists and is not empty: %s", copy->directory)
                   : store_directory_refused(copy->directory);
    return remove_all(copy->partial);
}

/* --- files ------------------------------------------------------------------------------ */

static struct status copy_bytes(int from, int to, const char *name)
{
    for (;;) {
        ssize_t count = sendfile(to, from, NULL, COPY_BYTES);
        if (count == 0)
            return OK;
        if (count < 0 && errno != EINTR)
            return store_directory_refused(name);
    }
}

static struct status copy_file(void *context, int directory, const char *name)
{
    int target = *(int *)context;

    if (strcmp(name, "LOCK") == 0)
        return OK;
    int from = openat(directory, name, O_RDONLY | O_CLOEXEC);
    int to = openat(target, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    struct status status =
        from < 0 || to < 0 ? store_directory_refused(name) : copy_bytes(from, to, name);
    if (from >= 0)
        close(from);
    if (to >= 0)
        close(to);
    return status;
}

struct status store_copy_files(const struct store_copy *copy, const char *from)
{
    TRY(store_directory_prepare(from, false));
    if (mkdir(copy->partial, 0700) != 0)
        return store_directory_refused(copy->partial);
    int target = open(copy->partial, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (target < 0)
        return store_directory_refused(copy->partial);
    struct status status = each_file(from, copy_file, &target);
    close(target);
    return status;
}

/* --- to disk -------------------------------------------------------------------------------- */

static struct status sync_file(void *context, int directory, const char *name)
{
    int descriptor = openat(directory, name, O_RDONLY | O_CLOEXEC);

    (void)context;
    if (descriptor < 0)
        return store_directory_refused(name);
    struct status status = fsync(descriptor) == 0 ? OK : store_directory_refused(name);
    close(descriptor);
    return status;
}

static struct status sync_directory(const char *path)
{
    return sync_file(NULL, AT_FDCWD, path);
}

struct status store_copy_finish(const struct store_copy *copy)
{
    char parent[PATH_MAX];

    TRY(each_file(copy->partial, sync_file, NULL));
    TRY(sync_directory(copy->partial));
    if (rename(copy->partial, copy->directory) != 0)
        return store_directory_refused(copy->directory);
    snprintf(parent, sizeof parent, "%s", copy->directory);
    return sync_directory(dirname(parent));
}
