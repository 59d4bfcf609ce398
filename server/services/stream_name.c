#include "server/services/stream_name.h"

#include "storage/log/limits.h"

enum { NAME_BYTES_SHOWN = 100 };

struct status stream_name_read(const char *text, struct bytes *name)
{
    struct bytes bytes = bytes_of_text(text);

    if (bytes.size == 0 || bytes.size > STREAM_NAME_BYTES_MAX)
        return status_make(STATUS_INVALID_ARGUMENT, "stream: 1 to %d bytes", STREAM_NAME_BYTES_MAX);
    *name = bytes;
    return OK;
}

struct status stream_name_check_owner(const char *path, const char *name)
{
    if (*name == '$')
        return status_make(STATUS_INVALID_ARGUMENT,
                           "%sstream: names that start with $ are the server's own", path);
    return OK;
}

/* Cut where a character begins, so that the message stays UTF-8. */
struct status stream_name_not_found(struct bytes name)
{
    size_t shown = name.size;

    if (shown > NAME_BYTES_SHOWN) {
        shown = NAME_BYTES_SHOWN;
        while (shown > 0 && (name.data[shown] & 0xc0) == 0x80)
            shown--;
    }
    return status_make(STATUS_NOT_FOUND, "stream: \"%.*s%s\" has no events", (int)shown,
                       (const char *)name.data, shown < name.size ? "..." : "");
}
