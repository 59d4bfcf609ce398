/* Lines of an input, for JSON lines. */
#ifndef CLIENTS_CLI_LINES_H
#define CLIENTS_CLI_LINES_H

#include "base/buffer.h"
#include "clients/cli/csv.h"
#include "clients/cli/input.h"

enum { LINE_BYTES_MAX = 8 << 20 }; /* an event of 1 MiB, escaped */

struct lines {
    struct input *input;
    uint64_t line; /* the one read last, from 1 */
    struct buffer text;
};

void lines_init(struct lines *lines, struct input *input);
void lines_destroy(struct lines *lines);

/* The next line that holds a JSON object, without its line end, borrowed until the next call;
 * empty lines are skipped. ROW_BAD: it is too long, or no JSON object. */
enum row_result lines_next_object(struct lines *lines, struct bytes *object, struct status *why);

#endif
