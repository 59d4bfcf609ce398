#include "server/services/stream_info.h"

#include "storage/log/query.h"

struct status stream_info_answer(const struct stream_info *info, struct arena *arena,
                                 Sagabase__V1__StreamInfo **answer)
{
    Sagabase__V1__StreamInfo *stream = arena_alloc(arena, sizeof *stream);
    struct bytes name = arena_copy(arena, info->name);
    struct bytes category = arena_copy(arena, category_of(info->name));

    if (!stream || !name.data || !category.data)
        return status_make(STATUS_RESOURCE_EXHAUSTED,
                           "response: takes more memory than one call may use");
    sagabase__v1__stream_info__init(stream);
    stream->name = (char *)name.data;
    stream->category = (char *)category.data;
    stream->first_revision = info->first_revision;
    stream->last_revision = info->last_revision;
    stream->last_position = info->last_position;
    stream->created_us = info->created_us;
    stream->appended_us = info->appended_us;
    *answer = stream;
    return OK;
}
