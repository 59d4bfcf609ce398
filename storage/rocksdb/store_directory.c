#include "storage/rocksdb/store_directory.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

enum { OPENING_BYTES = 8 << 20 }; /* what opening a store may write */

struct status store_directory_refused(const char *path)
{
    enum status_code code =
        errno == ENOSPC || errno == EDQUOT ? STATUS_RESOURCE_EXHAUSTED : STATUS_UNAVAILABLE;
    return status_make(code, "%s: %s", path, strerror(errno));
}

/* The name of a new directory survives a power cut only once its parent is on disk. */
static struct status sync_parent(const char *path)
{
    char copy[PATH_MAX];

    strncpy(copy, path, sizeof copy - 1);
    copy[sizeof copy - 1] = 0;
    const char *parent = dirname(copy);
    int descriptor = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (descriptor < 0)
        return store_directory_refused(parent);
    struct status status = fsync(descriptor) == 0 ? OK : store_directory_refused(parent);
    close(descriptor);
    return status;
}

static struct status create_one(const char *path)
{
    if (mkdir(path, 0700) == 0)
        return sync_parent(path);
    return errno == EEXIST ? OK : store_directory_refused(path);
}

struct status store_directory_create(const char *directory)
{
    char path[PATH_MAX];

    if (strlen(directory) >= sizeof path)
        return status_make(STATUS_INVALID_ARGUMENT, "directory: 1 to %zu bytes", sizeof path - 1);
    memcpy(path, directory, strlen(directory) + 1);
    for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = 0;
        TRY(create_one(path));
        *slash = '/';
    }
    return create_one(path);
}

struct contents {
    bool current; /* the file that names the manifest */
    bool data;    /* tables or write-ahead logs */
};

static bool has_suffix(const char *name, const char *suffix)
{
    size_t name_size = strlen(name);
    size_t suffix_size = strlen(suffix);
    return name_size > suffix_size && strcmp(name + name_size - suffix_size, suffix) == 0;
}

/* A missing directory is an empty one. */
static struct status look_inside(const char *directory, struct contents *contents)
{
    DIR *entries = opendir(directory);

    *contents = (struct contents){0};
    if (!entries)
        return errno == ENOENT ? OK : store_directory_refused(directory);
    errno = 0;
    for (struct dirent *entry = readdir(entries); entry; entry = readdir(entries)) {
        contents->current |= strcmp(entry->d_name, "CURRENT") == 0;
        contents->data |= has_suffix(entry->d_name, ".sst") || has_suffix(entry->d_name, ".log");
    }
    struct status status = errno == 0 ? OK : store_directory_refused(directory);
    closedir(entries);
    return status;
}

struct status store_directory_check_room(const char *directory, size_t bytes)
{
    struct statvfs facts;

    if (statvfs(directory, &facts) != 0)
        return store_directory_refused(directory);
    if (facts.f_blocks == 0) /* a file system that does not count */
        return OK;
    unsigned long long free_bytes = (unsigned long long)facts.f_bavail * facts.f_frsize;
    if (free_bytes < bytes)
        return status_make(STATUS_RESOURCE_EXHAUSTED,
                           "%s: disk full: %llu MiB are free, %zu must be", directory,
                           free_bytes >> 20, bytes >> 20);
    return OK;
}

struct status store_directory_prepare(const char *directory, bool create_if_missing)
{
    struct contents contents;

    if (directory[0] == 0)
        return status_make(STATUS_INVALID_ARGUMENT, "directory: 1 to %d bytes", PATH_MAX - 1);
    TRY(look_inside(directory, &contents));
    if (contents.current)
        return store_directory_check_room(directory, OPENING_BYTES);
    if (contents.data)
        return status_make(STATUS_DATA_LOSS, "%s: data files without the file CURRENT", directory);
    if (!create_if_missing)
        return status_make(STATUS_NOT_FOUND, "%s: no store here", directory);
    TRY(store_directory_create(directory));
    return store_directory_check_room(directory, OPENING_BYTES);
}
