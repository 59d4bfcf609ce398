/* Events on stdout: a table for people, or one JSON object per line. */
#ifndef CLIENTS_CLI_EVENT_PRINTER_H
#define CLIENTS_CLI_EVENT_PRINTER_H

#include <stdbool.h>
#include <stdio.h>

#include "base/buffer.h"
#include "clients/c/sagabase.h"

struct event_printer {
    FILE *out;
    bool json;
    bool with_streams; /* of several streams: the table tells which */
    bool begun;        /* the table's head is printed */
    int stream_columns, type_columns;
    struct buffer line;
};

void event_printer_init(struct event_printer *printer, FILE *out, bool json, bool with_streams);
void event_printer_destroy(struct event_printer *printer);

/* Prints and flushes. */
void event_printer_print(struct event_printer *printer, Sagabase__V1__RecordedEvent *const *events,
                         size_t count);

/* One event as JSON, without a line end: data as it stands when its content type is JSON and it is
 * JSON, decoded when the server wrote it about a saga, as a string when it is UTF-8 without NUL,
 * else "data_base64". */
void event_put_json(struct buffer *out, const Sagabase__V1__RecordedEvent *event);

/* What follows another member of an object: data of this type as one more, in the same way. */
void event_put_json_data(struct buffer *out, const char *content_type, struct bytes data);

/* As event_put_json, but data that this would not give back byte by byte to proposal_read_json are
 * "data_base64", too. */
void event_put_exact_json(struct buffer *out, const Sagabase__V1__RecordedEvent *event);

#endif
