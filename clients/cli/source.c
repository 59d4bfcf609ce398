#include "clients/cli/source.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

enum { STEP_BYTES = 64 << 10 };

static ssize_t read_all(int descriptor, struct buffer *bytes)
{
    ssize_t count;

    do {
        uint8_t *target = buffer_reserve(bytes, STEP_BYTES);
        if (!target)
            return 0;
        count = read(descriptor, target, STEP_BYTES);
        bytes->size += count > 0 ? (size_t)count : 0;
    } while (count > 0);
    return count;
}

struct status source_read_file(const char *what, const char *name, size_t bytes_max,
                               struct buffer *bytes)
{
    int descriptor = strcmp(name, "-") == 0 ? dup(STDIN_FILENO) : open(name, O_RDONLY | O_CLOEXEC);

    if (descriptor < 0)
        return status_make(STATUS_INVALID_ARGUMENT, "%s: %s: %s", what, name, strerror(errno));
    bytes->bytes_max = bytes_max + 2 * STEP_BYTES;
    ssize_t count = read_all(descriptor, bytes);
    int error = errno;
    close(descriptor);
    if (!buffer_ok(bytes) || bytes->size > bytes_max)
        return status_make(STATUS_INVALID_ARGUMENT, "%s: at most %zu bytes", what, bytes_max);
    if (count < 0)
        return status_make(STATUS_INVALID_ARGUMENT, "%s: %s: %s", what, name, strerror(error));
    return OK;
}

struct status source_read_option(const char *what, const char *value, size_t bytes_max,
                                 struct buffer *file, struct bytes *bytes)
{
    buffer_init(file, bytes_max);
    *bytes = bytes_of_text(value);
    if (value[0] == '@' || strcmp(value, "-") == 0) {
        TRY(source_read_file(what, value[0] == '@' ? value + 1 : value, bytes_max, file));
        *bytes = buffer_bytes(file);
    }
    return OK;
}
