/* Requests of RESP, the protocol of Redis, cut out of received bytes without copying them:
 * arrays of bulk strings, and inline commands (a line of words, for people with a terminal).
 * Half a request is no error: more bytes are waited for and nothing is looked at twice.
 *
 * What is accepted, refused and said is what Redis 7.0 does (networking.c, sds.c); where its
 * limits are options, ours are below. */
#ifndef SERVER_RESP_REQUEST_H
#define SERVER_RESP_REQUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"

enum {
    REQUEST_ARGUMENTS_MAX = 65536,     /* of one request */
    REQUEST_BYTES_MAX = 32 << 20,      /* of one request, framing included */
    REQUEST_BULK_BYTES_MAX = 1 << 20,  /* of one argument: a state, a value */
    REQUEST_LINE_BYTES_MAX = 64 << 10, /* of an inline command, or of a length with its sign */
    REQUEST_STRANGER_ARGUMENTS_MAX = 10,
    REQUEST_STRANGER_BULK_BYTES_MAX = 16384, /* of who has not authenticated yet */
    REQUEST_ERROR_BYTES = 64,
    REQUEST_SPANS_KEPT = 8, /* so many arguments cost no allocation */
};

struct span {
    uint32_t offset; /* from the request's first byte */
    uint32_t size;
};

/* One whole request, borrowed from its bytes and its parser. */
struct request {
    const uint8_t *base;
    const struct span *spans;
    uint32_t count; /* 1 or more; argument 0 is the command's name */
};

static inline struct bytes request_argument(const struct request *request, uint32_t index)
{
    struct span span = request->spans[index];
    return bytes_of(request->base + span.offset, span.size);
}

enum parsed {
    PARSED_REQUEST,
    PARSED_NOTHING, /* an empty line or array, which Redis passes over, too */
    PARSED_PART,    /* more bytes are needed */
    PARSED_BROKEN,  /* tell `error` and close: where the next request begins is unknown */
};

/* What is known of the request that is coming in. Not thread-safe. */
struct request_parser {
    bool stranger;     /* nobody has authenticated yet: less is accepted */
    uint32_t position; /* so many bytes of it are understood */
    uint32_t expected; /* arguments; 0: its first line is not complete */
    uint32_t count;    /* arguments that are complete */
    int64_t bulk_size; /* of the argument that is coming in; -1: not known */
    uint32_t capacity; /* of spans */
    struct span *spans;
    struct span kept[REQUEST_SPANS_KEPT];
    char error[REQUEST_ERROR_BYTES]; /* "Protocol error: ...", after PARSED_BROKEN */
};

/* The parser may not be moved. */
void request_parser_init(struct request_parser *parser);
void request_parser_destroy(struct request_parser *parser);

/* `data` begins with the first byte of a request: the same bytes as last time, wherever they
 * lie now, and those that came since. Quotes of an inline command are resolved in place. Sets
 * *taken to the bytes of the request, which is 0 for a part. */
enum parsed request_parse(struct request_parser *parser, uint8_t *data, size_t size, size_t *taken);

/* After PARSED_REQUEST, and until the parser is called again: the request, whose bytes lie at
 * `data` now. */
static inline struct request request_parsed(const struct request_parser *parser,
                                            const uint8_t *data)
{
    return (struct request){data, parser->spans, parser->count};
}

/* After PARSED_PART: how long the request is at least, as far as it tells. */
size_t request_bytes_min(const struct request_parser *parser);

#endif
