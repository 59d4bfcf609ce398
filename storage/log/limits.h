/* What one append may hold. Each row is also in a table of docs/limits.md or ARCHITECTURE.md. */
#ifndef STORAGE_LOG_LIMITS_H
#define STORAGE_LOG_LIMITS_H

enum {
    STREAM_NAME_BYTES_MAX = 1024,
    EVENT_TYPE_BYTES_MAX = 256,
    CONTENT_TYPE_BYTES_MAX = 128,
    EVENT_DATA_BYTES_MAX = 1 << 20,
    METADATA_ENTRIES_MAX = 64,
    METADATA_KEY_BYTES_MAX = 128,
    METADATA_VALUE_BYTES_MAX = 4096,
    EVENT_TAGS_MAX = 32,
    TAG_BYTES_MAX = 256,
    EVENTS_PER_APPEND_MAX = 10000,
    APPEND_BYTES_MAX = 3 << 20, /* of all events in their stored form */
    STREAMS_PER_APPEND_MAX = 100,
    CHECKS_PER_APPEND_MAX = 100,
    QUERY_ITEMS_MAX = 32,
    QUERY_TYPES_MAX = 64,      /* of an item */
    QUERY_TAGS_MAX = 16,       /* of an item */
    EVENT_TYPES_MAX = 1000000, /* different ones in a store */
    PAGE_EVENTS_MAX = 1000,
    PAGE_BYTES_MAX = 1 << 20, /* a page may pass it by its last record */
};

#endif
