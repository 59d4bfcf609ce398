/* Rules and names: a filter is made or refused, gives up within its limits, and by prefixes
 * alone accepts exactly what the rules say. */
#include "server/subscriptions/filter.h"
#include "tests/fuzz/input.h"

enum { ARENA_BYTES_MAX = 32 << 20, PREFIXES_DRAWN_MAX = FILTER_PREFIXES_MAX + 2, NAMES = 3 };

static const struct bytes *draw_prefixes(struct fuzz_input *input, struct arena *arena,
                                         size_t *count)
{
    struct bytes *prefixes = arena_alloc(arena, PREFIXES_DRAWN_MAX * sizeof *prefixes);

    *count = fuzz_below(input, PREFIXES_DRAWN_MAX + 1);
    for (size_t i = 0; i < *count; i++)
        prefixes[i] = fuzz_bytes(input, arena);
    return prefixes;
}

static bool any_prefix(const struct bytes *prefixes, size_t count, struct bytes text)
{
    bool any = count == 0;

    for (size_t i = 0; i < count; i++)
        any |= prefixes[i].size <= text.size &&
               memcmp(prefixes[i].data, text.data, prefixes[i].size) == 0;
    return any;
}

static void ask(struct filter *filter, const struct filter_rules *rules, struct bytes stream,
                struct bytes type)
{
    bool had_failed = !status_ok(filter->failure);
    bool prefixes_accept = any_prefix(rules->stream_prefixes, rules->stream_prefix_count, stream) &&
                           any_prefix(rules->type_prefixes, rules->type_prefix_count, type);
    bool accepts = filter_accepts(filter, stream, type);

    FUZZ_REQUIRE(!accepts || prefixes_accept);
    FUZZ_REQUIRE(!accepts || !had_failed);
    FUZZ_REQUIRE(!had_failed || !status_ok(filter->failure));
    if (rules->stream_regex.size == 0 && rules->type_regex.size == 0)
        FUZZ_REQUIRE(accepts == prefixes_accept && status_ok(filter->failure));
    else if (!status_ok(filter->failure))
        FUZZ_REQUIRE(filter->failure.code == STATUS_INVALID_ARGUMENT ||
                     filter->failure.code == STATUS_RESOURCE_EXHAUSTED);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input input = {{data, size}};
    struct filter_rules rules = {0};
    struct filter filter;
    struct arena arena;

    arena_init(&arena, ARENA_BYTES_MAX);
    rules.stream_regex = fuzz_bytes(&input, &arena);
    rules.type_regex = fuzz_bytes(&input, &arena);
    rules.stream_prefixes = draw_prefixes(&input, &arena, &rules.stream_prefix_count);
    rules.type_prefixes = draw_prefixes(&input, &arena, &rules.type_prefix_count);
    struct status status = filter_init(&filter, &rules);
    if (!status_ok(status)) {
        FUZZ_REQUIRE(status.code == STATUS_INVALID_ARGUMENT);
    } else {
        for (unsigned i = 0; i < NAMES; i++) {
            struct bytes stream = fuzz_bytes(&input, &arena);
            ask(&filter, &rules, stream, fuzz_bytes(&input, &arena));
        }
        filter_destroy(&filter);
    }
    arena_destroy(&arena);
    return 0;
}
