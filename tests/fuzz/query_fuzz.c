/* Queries and the stored events they are asked about: a query is in order or refused, and one
 * whose item sets one type alone matches exactly the events of that type. */
#include "storage/log/event.h"
#include "storage/log/limits.h"
#include "storage/log/query.h"
#include "tests/fuzz/input.h"

enum { ARENA_BYTES_MAX = 64 << 20, ITEMS_DRAWN_MAX = 4, TEXTS_DRAWN_MAX = 20 };

static const struct bytes *draw_texts(struct fuzz_input *input, struct arena *arena, size_t *count)
{
    struct bytes *texts = arena_alloc(arena, TEXTS_DRAWN_MAX * sizeof *texts);

    *count = fuzz_below(input, TEXTS_DRAWN_MAX);
    for (size_t i = 0; i < *count; i++)
        texts[i] = fuzz_bytes(input, arena);
    return texts;
}

static struct query draw_query(struct fuzz_input *input, struct arena *arena)
{
    struct query_item *items = arena_alloc(arena, ITEMS_DRAWN_MAX * sizeof *items);
    struct query query = {items, fuzz_below(input, ITEMS_DRAWN_MAX)};

    for (size_t i = 0; i < query.item_count; i++) {
        items[i].types = draw_texts(input, arena, &items[i].type_count);
        items[i].tags = draw_texts(input, arena, &items[i].tag_count);
        items[i].category = fuzz_bytes(input, arena);
        items[i].correlation_id = fuzz_bytes(input, arena);
    }
    return query;
}

static bool sets_one_type_alone(const struct query *query)
{
    const struct query_item *item = query->items;

    return query->item_count == 1 && item->type_count == 1 && item->tag_count == 0 &&
           item->category.size == 0 && item->correlation_id.size == 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input input = {{data, size}};
    struct event event;
    struct arena arena;

    arena_init(&arena, ARENA_BYTES_MAX);
    struct query query = draw_query(&input, &arena);
    struct status status = query_check(&query, "query");
    if (!status_ok(status))
        FUZZ_REQUIRE(status.code == STATUS_INVALID_ARGUMENT && status.message[0] != 0);
    while (status_ok(status) && event_next(&input.left, &event)) {
        bool matches = query_matches(&query, &event);
        if (sets_one_type_alone(&query))
            FUZZ_REQUIRE(matches == bytes_equal(event.type, query.items[0].types[0]));
    }
    arena_destroy(&arena);
    return 0;
}
