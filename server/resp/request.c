#include "server/resp/request.h"

#include <stdio.h>
#include <stdlib.h>

#include "server/resp/number.h"

void request_parser_init(struct request_parser *parser)
{
    *parser = (struct request_parser){.bulk_size = -1, .capacity = REQUEST_SPANS_KEPT};
    parser->spans = parser->kept;
}

void request_parser_destroy(struct request_parser *parser)
{
    if (parser->spans != parser->kept)
        free(parser->spans);
}

/* For the next request. What a long one needed is given back. */
static void begin(struct request_parser *parser)
{
    if (parser->spans != parser->kept) {
        free(parser->spans);
        parser->spans = parser->kept;
        parser->capacity = REQUEST_SPANS_KEPT;
    }
    parser->position = 0;
    parser->expected = 0;
    parser->count = 0;
    parser->bulk_size = -1;
}

static enum parsed broken(struct request_parser *parser, const char *rule)
{
    snprintf(parser->error, sizeof parser->error, "Protocol error: %s", rule);
    return PARSED_BROKEN;
}

/* Grows with what has come, not with what was announced. */
static bool add_argument(struct request_parser *parser, size_t offset, size_t size)
{
    if (parser->count == parser->capacity) {
        uint32_t capacity = parser->capacity * 2;
        bool kept = parser->spans == parser->kept;
        struct span *spans = realloc(kept ? NULL : parser->spans, capacity * sizeof *spans);
        if (!spans)
            return false;
        if (kept)
            memcpy(spans, parser->kept, sizeof parser->kept);
        parser->spans = spans;
        parser->capacity = capacity;
    }
    parser->spans[parser->count++] = (struct span){(uint32_t)offset, (uint32_t)size};
    return true;
}

/* --- inline commands --------------------------------------------------------------------- */

static bool is_space(uint8_t byte)
{
    return byte == ' ' || (byte >= '\t' && byte <= '\r');
}

static int hex_digit(uint8_t byte)
{
    if (byte >= '0' && byte <= '9')
        return byte - '0';
    byte |= 0x20;
    return byte >= 'a' && byte <= 'f' ? byte - 'a' + 10 : -1;
}

/* What stands for one byte inside of double quotes; how many bytes stand for it. */
static size_t unescape(const uint8_t *at, const uint8_t *end, uint8_t *byte)
{
    static const char letters[] = "nrtba", meant[] = "\n\r\t\b\a";

    if (*at != '\\' || at + 1 == end) {
        *byte = *at;
        return 1;
    }
    if (at[1] == 'x' && end - at >= 4 && hex_digit(at[2]) >= 0 && hex_digit(at[3]) >= 0) {
        *byte = (uint8_t)(hex_digit(at[2]) * 16 + hex_digit(at[3]));
        return 4;
    }
    const char *letter = memchr(letters, at[1], sizeof letters - 1);
    *byte = letter ? (uint8_t)meant[letter - letters] : at[1];
    return 2;
}

/* The part in quotes that begins at `at`, written to *target, which never gets ahead. What is
 * behind the closing quote; NULL if there is none, or no space behind it. */
static const uint8_t *unquote(const uint8_t *at, const uint8_t *end, uint8_t **target)
{
    uint8_t quote = *at++;

    while (at < end && *at != quote) {
        if (quote == '"') {
            at += unescape(at, end, (*target)++);
        } else {
            at += *at == '\\' && at + 1 < end && at[1] == '\'';
            *(*target)++ = *at++;
        }
    }
    if (at == end || (at + 1 < end && !is_space(at[1])))
        return NULL;
    return at + 1;
}

/* The word that begins at `at`: what is behind it, or NULL. A quote may also begin inside. */
static const uint8_t *read_word(const uint8_t *at, const uint8_t *end, uint8_t **target)
{
    while (at < end && !is_space(*at)) {
        if (*at == '"' || *at == '\'')
            return unquote(at, end, target);
        *(*target)++ = *at++;
    }
    return at;
}

static enum parsed parse_inline(struct request_parser *parser, uint8_t *data, size_t size,
                                size_t *taken)
{
    const uint8_t *newline =
        memchr(data + parser->position, '\n', size - parser->position); /* the rest was looked at */
    const uint8_t *at = data, *end = newline;

    if (!newline) {
        parser->position = (uint32_t)size;
        return size > REQUEST_LINE_BYTES_MAX ? broken(parser, "too big inline request")
                                             : PARSED_PART;
    }
    if (end > data && end[-1] == '\r')
        end--;
    for (;;) {
        while (at < end && is_space(*at))
            at++;
        if (at == end)
            break;
        uint8_t *word = data + (at - data), *target = word;
        at = read_word(at, end, &target);
        if (!at)
            return broken(parser, "unbalanced quotes in request");
        if (parser->count == REQUEST_ARGUMENTS_MAX ||
            !add_argument(parser, (size_t)(word - data), (size_t)(target - word)))
            return broken(parser, "too many words in request");
    }
    *taken = (size_t)(newline - data) + 1;
    return parser->count > 0 ? PARSED_REQUEST : PARSED_NOTHING;
}

/* --- arrays of bulk strings ---------------------------------------------------------------- */

/* The line at parser->position, without its end, and passes over it. PARSED_REQUEST: it is whole.
 */
static enum parsed read_line(struct request_parser *parser, const uint8_t *data, size_t size,
                             const char *too_long, struct bytes *line)
{
    const uint8_t *begin_of_line = data + parser->position;
    size_t left = size - parser->position;
    const uint8_t *end = left ? memchr(begin_of_line, '\r', left) : NULL;

    if (!end || end + 1 == data + size)
        return left > REQUEST_LINE_BYTES_MAX ? broken(parser, too_long) : PARSED_PART;
    *line = bytes_of(begin_of_line, (size_t)(end - begin_of_line));
    parser->position += (uint32_t)line->size + 2;
    return PARSED_REQUEST;
}

/* "*3" */
static enum parsed read_count(struct request_parser *parser, const uint8_t *data, size_t size,
                              size_t *taken)
{
    struct bytes line;
    int64_t count;
    enum parsed parsed = read_line(parser, data, size, "too big mbulk count string", &line);

    if (parsed != PARSED_REQUEST)
        return parsed;
    if (!number_read(bytes_of(line.data + 1, line.size - 1), &count) ||
        count > REQUEST_ARGUMENTS_MAX)
        return broken(parser, "invalid multibulk length");
    if (parser->stranger && count > REQUEST_STRANGER_ARGUMENTS_MAX)
        return broken(parser, "unauthenticated multibulk length");
    if (count <= 0) {
        *taken = parser->position;
        return PARSED_NOTHING;
    }
    parser->expected = (uint32_t)count;
    return PARSED_REQUEST;
}

/* "$12" */
static enum parsed read_bulk_size(struct request_parser *parser, const uint8_t *data, size_t size)
{
    struct bytes line;
    int64_t bulk_size;
    char rule[REQUEST_ERROR_BYTES];
    enum parsed parsed = read_line(parser, data, size, "too big bulk count string", &line);

    if (parsed != PARSED_REQUEST)
        return parsed;
    if (line.size == 0 || line.data[0] != '$') {
        snprintf(rule, sizeof rule, "expected '$', got '%c'", line.size ? line.data[0] : '\r');
        return broken(parser, rule);
    }
    if (!number_read(bytes_of(line.data + 1, line.size - 1), &bulk_size) || bulk_size < 0 ||
        bulk_size > REQUEST_BULK_BYTES_MAX)
        return broken(parser, "invalid bulk length");
    if (parser->stranger && bulk_size > REQUEST_STRANGER_BULK_BYTES_MAX)
        return broken(parser, "unauthenticated bulk length");
    if (parser->position + (uint64_t)bulk_size + 2 > REQUEST_BYTES_MAX)
        return broken(parser, "too big request");
    parser->bulk_size = bulk_size;
    return PARSED_REQUEST;
}

static enum parsed parse_array(struct request_parser *parser, const uint8_t *data, size_t size,
                               size_t *taken)
{
    enum parsed parsed = PARSED_REQUEST;

    if (parser->expected == 0)
        parsed = read_count(parser, data, size, taken);
    while (parsed == PARSED_REQUEST && parser->count < parser->expected) {
        if (parser->bulk_size < 0) {
            parsed = read_bulk_size(parser, data, size);
            continue;
        }
        size_t needed = (size_t)parser->bulk_size + 2;
        if (size - parser->position < needed)
            return PARSED_PART;
        if (!add_argument(parser, parser->position, (size_t)parser->bulk_size))
            return broken(parser, "out of memory");
        parser->position += (uint32_t)needed; /* Redis does not look at the line end either */
        parser->bulk_size = -1;
    }
    if (parsed == PARSED_REQUEST)
        *taken = parser->position;
    return parsed;
}

enum parsed request_parse(struct request_parser *parser, uint8_t *data, size_t size, size_t *taken)
{
    enum parsed parsed;

    *taken = 0;
    if (parser->position == 0)
        begin(parser);
    if (size == 0)
        return PARSED_PART;
    if (data[0] == '*')
        parsed = parse_array(parser, data, size, taken);
    else
        parsed = parse_inline(parser, data, size, taken);
    if (parsed == PARSED_REQUEST || parsed == PARSED_NOTHING)
        parser->position = 0;
    return parsed;
}

size_t request_bytes_min(const struct request_parser *parser)
{
    return parser->position + (parser->bulk_size >= 0 ? (size_t)parser->bulk_size + 2 : 1);
}
