/* A page in the making: what the ways of reading share. Only for files of this
 * folder. */
#ifndef STORAGE_LOG_PAGE_H
#define STORAGE_LOG_PAGE_H

#include "storage/log/limits.h"
#include "storage/log/read.h"
#include "storage/log/record.h"

enum { SCANNED_MAX = PAGE_EVENTS_MAX * 10 }; /* of read.scanned_max */

struct reading {
    struct event_log *log;
    const struct read *read;
    struct page *page;
    uint64_t end; /* committed events when the read began */
    bool full;
    bool stale; /* a place led to what a scavenge has changed meanwhile */
    struct status status;

    bool looking; /* events have to be looked at, each */
    bool hiding;  /* some events may be hidden by retention; then: */
    int64_t now_us;
    uint64_t stream_number;                 /* of the events that are being taken */
    uint8_t erased[ERASED_FRAME_BYTES_MAX]; /* the frame of an event that is being erased */
};

/* Empties the page. */
void reading_init(struct reading *reading, struct event_log *log, const struct read *read,
                  struct page *page);

/* The page has as much as the read asked for. */
bool reading_is_full(const struct reading *reading);

/* It is neither full nor has anything gone wrong. */
bool reading_goes_on(const struct reading *reading);

/* While its stream is being erased, an event is to be seen without its payload, until the next
 * one is taken. */
void reading_strip(struct reading *reading, struct event *event);

/* Adds an event that was looked at, unless the read does not accept it. */
void reading_take(struct reading *reading, const struct event *event);

/* Adds what the page wants of consecutive events of one record; `index` is the revision or position
 * of the first. */
void reading_take_frames(struct reading *reading, struct bytes frames, uint64_t index,
                         uint32_t count);

/* The same for a span of the record, which may be scavenged. */
void reading_take_span(struct reading *reading, const struct record *record, uint32_t number,
                       uint64_t index);

#endif
