#include "clients/cli/proposal.h"

#include <stdlib.h>
#include <string.h>

#include "base/uuid.h"
#include "clients/cli/json.h"
#include "clients/cli/text.h"

enum {
    TAGS_MAX = 32,
    METADATA_MAX = 64,
    METADATA_VALUE_BYTES_MAX = 4096,
    METADATA_KEY_BYTES_MAX = 128
};

static const struct status arena_full = {STATUS_RESOURCE_EXHAUSTED, "too large for one append"};

struct status proposal_check_text(const char *name, struct bytes text, size_t bytes_max)
{
    if (text.size == 0 || text.size > bytes_max)
        return status_make(STATUS_INVALID_ARGUMENT, "%s: 1 to %zu bytes", name, bytes_max);
    if (memchr(text.data, 0, text.size) || !text_is_utf8(text))
        return status_make(STATUS_INVALID_ARGUMENT, "%s: UTF-8 without NUL", name);
    return OK;
}

Sagabase__V1__ProposedEvent *proposal_create(struct arena *arena)
{
    Sagabase__V1__ProposedEvent *event = arena_alloc(arena, sizeof *event);
    char *id = arena_alloc(arena, SAGABASE_UUID_BYTES);

    if (!event || !id)
        return NULL;
    sagabase__v1__proposed_event__init(event);
    sagabase_uuid(id);
    event->id = id;
    return event;
}

bool proposal_add_metadata(Sagabase__V1__ProposedEvent *event, struct arena *arena,
                           struct bytes key, struct bytes value)
{
    Sagabase__V1__ProposedEvent__MetadataEntry *entry = arena_alloc(arena, sizeof *entry);

    if (!event->metadata)
        event->metadata = arena_alloc(arena, METADATA_MAX * sizeof(void *));
    if (!entry || !event->metadata || event->n_metadata == METADATA_MAX)
        return false;
    sagabase__v1__proposed_event__metadata_entry__init(entry);
    entry->key = (char *)arena_copy(arena, key).data;
    entry->value = (char *)arena_copy(arena, value).data;
    if (!entry->key || !entry->value)
        return false;
    event->metadata[event->n_metadata++] = entry;
    return true;
}

bool proposal_add_tag(Sagabase__V1__ProposedEvent *event, struct arena *arena, struct bytes tag)
{
    if (!event->tags)
        event->tags = arena_alloc(arena, TAGS_MAX * sizeof(char *));
    if (!event->tags || event->n_tags == TAGS_MAX)
        return false;
    event->tags[event->n_tags] = (char *)arena_copy(arena, tag).data;
    return event->tags[event->n_tags++] != NULL;
}

const char *proposal_content_type(struct bytes data)
{
    if (!text_is_utf8(data))
        return "application/octet-stream";
    return json_is_value(data) ? "application/json" : "text/plain; charset=utf-8";
}

/* A string member, checked; leaves *text alone if there is none. */
static struct status read_member(struct bytes line, const char *key, size_t bytes_max,
                                 struct arena *arena, char **text)
{
    struct bytes json = json_find(line, key), read;

    if (!json.data)
        return OK;
    if (!json_read_text(json, arena, &read))
        return status_make(STATUS_INVALID_ARGUMENT, "%s: a string without NUL", key);
    if (read.size > bytes_max)
        return status_make(STATUS_INVALID_ARGUMENT, "%s: at most %zu bytes", key, bytes_max);
    *text = (char *)read.data;
    return OK;
}

static struct status read_data(struct bytes line, struct arena *arena,
                               Sagabase__V1__ProposedEvent *event)
{
    struct bytes json = json_find(line, "data"), base64 = json_find(line, "data_base64");
    struct bytes data = json;
    bool told = json_find(line, "content_type").data != NULL;

    if (base64.data) {
        if (!json_read_text(base64, arena, &base64) || !json_read_base64(base64, arena, &data))
            return status_make(STATUS_INVALID_ARGUMENT, "data_base64: a string of base64");
        if (!told)
            event->content_type = (char *)"application/octet-stream";
    } else if (json.size && json.data[0] == '"' && !strstr(event->content_type, "json")) {
        if (!json_read_text(json, arena, &data))
            return status_make(STATUS_INVALID_ARGUMENT, "data: a string without NUL");
        if (!told)
            event->content_type = (char *)"text/plain; charset=utf-8";
    } else if (json.data && !told) {
        event->content_type = (char *)"application/json";
    }
    if (data.size > PROPOSAL_DATA_BYTES_MAX)
        return status_make(STATUS_INVALID_ARGUMENT, "data: at most %d bytes",
                           PROPOSAL_DATA_BYTES_MAX);
    data = arena_copy(arena, data);
    if (!data.data)
        return arena_full;
    event->data = (ProtobufCBinaryData){data.size, (uint8_t *)data.data};
    return OK;
}

static struct status read_metadata(struct bytes line, struct arena *arena,
                                   Sagabase__V1__ProposedEvent *event)
{
    struct bytes json = json_find(line, "metadata"), key, value;
    struct json_member member;

    if (!json.data)
        return OK;
    if (json.data[0] != '{')
        return status_make(STATUS_INVALID_ARGUMENT, "metadata: an object of strings");
    struct json_members members = json_members(json);
    while (json_next_member(&members, &member)) {
        if (!json_read_text(member.key, arena, &key) ||
            !json_read_text(member.value, arena, &value))
            return status_make(STATUS_INVALID_ARGUMENT, "metadata: an object of strings");
        TRY(proposal_check_text("metadata key", key, METADATA_KEY_BYTES_MAX));
        if (value.size > METADATA_VALUE_BYTES_MAX || event->n_metadata == METADATA_MAX)
            return status_make(STATUS_INVALID_ARGUMENT,
                               "metadata: at most %d entries of at most %d bytes", METADATA_MAX,
                               METADATA_VALUE_BYTES_MAX);
        if (!proposal_add_metadata(event, arena, key, value))
            return arena_full;
    }
    return OK;
}

static struct status read_tags(struct bytes line, struct arena *arena,
                               Sagabase__V1__ProposedEvent *event)
{
    struct bytes json = json_find(line, "tags"), value, tag;

    if (!json.data)
        return OK;
    if (json.data[0] != '[')
        return status_make(STATUS_INVALID_ARGUMENT, "tags: a list of strings");
    struct json_members elements = json_elements(json);
    while (json_next_element(&elements, &value)) {
        if (!json_read_text(value, arena, &tag))
            return status_make(STATUS_INVALID_ARGUMENT, "tags: a list of strings");
        TRY(proposal_check_text("tag", tag, PROPOSAL_TAG_BYTES_MAX));
        if (event->n_tags == TAGS_MAX)
            return status_make(STATUS_INVALID_ARGUMENT, "tags: at most %d", TAGS_MAX);
        if (!proposal_add_tag(event, arena, tag))
            return arena_full;
    }
    return OK;
}

struct status proposal_read_json(struct bytes line, struct arena *arena,
                                 Sagabase__V1__ProposedEvent **event)
{
    enum { CONTENT_TYPE_BYTES_MAX = 128 };
    Sagabase__V1__ProposedEvent *read = proposal_create(arena);
    struct uuid id;

    if (!read)
        return arena_full;
    TRY(read_member(line, "type", PROPOSAL_TYPE_BYTES_MAX, arena, &read->type));
    TRY(proposal_check_text("type", bytes_of_text(read->type), PROPOSAL_TYPE_BYTES_MAX));
    TRY(read_member(line, "content_type", CONTENT_TYPE_BYTES_MAX, arena, &read->content_type));
    TRY(read_member(line, "id", UUID_TEXT_BYTES, arena, &read->id));
    if (!uuid_parse(bytes_of_text(read->id), &id))
        return status_make(STATUS_INVALID_ARGUMENT, "id: a UUID");
    TRY(read_data(line, arena, read));
    TRY(read_metadata(line, arena, read));
    TRY(read_tags(line, arena, read));
    *event = read;
    return OK;
}
