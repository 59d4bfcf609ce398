/* Any bytes as requests of RESP: cut in whatever pieces, they are the same requests, whose
 * arguments lie within what was taken, in order; and no limit is passed. */
#include <stdlib.h>

#include "base/hash.h"
#include "server/resp/request.h"
#include "tests/fuzz/input.h"

struct outcome {
    uint64_t hash; /* of all arguments, in order */
    uint64_t requests;
    bool broken;
};

static void look_at(const struct request *request, size_t taken, struct outcome *outcome)
{
    size_t end = 0;

    FUZZ_REQUIRE(request->count >= 1 && request->count <= REQUEST_ARGUMENTS_MAX);
    for (uint32_t i = 0; i < request->count; i++) {
        struct bytes argument = request_argument(request, i);
        size_t offset = (size_t)(argument.data - request->base);
        FUZZ_REQUIRE(offset >= end && argument.size <= taken - offset);
        FUZZ_REQUIRE(argument.size <= REQUEST_BULK_BYTES_MAX);
        end = offset + argument.size;
        outcome->hash = outcome->hash * 31 + checksum_bytes(argument);
    }
    FUZZ_REQUIRE(end < taken);
    outcome->requests++;
}

/* One after another, from bytes that grow by `step`; 0: all at once. */
static struct outcome parse(struct bytes bytes, size_t step, bool stranger)
{
    struct request_parser parser;
    struct outcome outcome = {0};
    size_t begin = 0, end = step ? 0 : bytes.size;
    uint8_t *copy = malloc(bytes.size + 1); /* inline commands are changed in place */

    FUZZ_REQUIRE(copy);
    if (bytes.size)
        memcpy(copy, bytes.data, bytes.size);
    request_parser_init(&parser);
    parser.stranger = stranger;
    do {
        enum parsed parsed = PARSED_REQUEST;
        end = step && bytes.size - end > step ? end + step : bytes.size;
        while (parsed != PARSED_PART && !outcome.broken) {
            size_t taken;
            parsed = request_parse(&parser, copy + begin, end - begin, &taken);
            outcome.broken = parsed == PARSED_BROKEN;
            FUZZ_REQUIRE(taken <= end - begin);
            FUZZ_REQUIRE((taken > 0) == (parsed == PARSED_REQUEST || parsed == PARSED_NOTHING));
            if (parsed == PARSED_REQUEST) {
                struct request request = request_parsed(&parser, copy + begin);
                look_at(&request, taken, &outcome);
            }
            begin += taken;
        }
    } while (end < bytes.size && !outcome.broken);
    request_parser_destroy(&parser);
    free(copy);
    return outcome;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input input = {{data, size}};
    bool stranger = fuzz_below(&input, 2);
    size_t step = 1 + fuzz_below(&input, 64);
    struct outcome whole = parse(input.left, 0, stranger);
    struct outcome parts = parse(input.left, step, stranger);

    FUZZ_REQUIRE(whole.requests == parts.requests && whole.hash == parts.hash);
    FUZZ_REQUIRE(whole.broken == parts.broken);
    return 0;
}
