/* Any bytes as a row of the family `snapshots`: a policy with its key, a history, or a state with a
 * checksum that fits. It is damaged, or written again it is the same. The first byte tells which.
 */
#include <string.h>

#include "base/hash.h"
#include "storage/snapshots/snapshot_rows.h"
#include "tests/fuzz/input.h"

enum { ARENA_BYTES_MAX = 1 << 20, INPUT_BYTES_MAX = 4096 };

static void look_at_policy(struct bytes row)
{
    uint8_t again[POLICY_ROW_BYTES];
    struct snapshot_policy policy;

    if (policy_row_decode(row, &policy))
        FUZZ_REQUIRE(bytes_equal(policy_row_encode(again, &policy), row));
}

static void look_at_policy_key(struct bytes key)
{
    uint8_t again[POLICY_KEY_HEAD + STREAM_NAME_BYTES_MAX];
    bool is_category;
    struct bytes name;

    if (key.size == 0 || key.data[0] != POLICY_ROWS) /* others are not asked for */
        return;
    if (policy_key_decode(key, &is_category, &name))
        FUZZ_REQUIRE(bytes_equal(policy_key_encode(again, is_category, name), key));
}

static void look_at_history(struct bytes row)
{
    struct history history;
    struct bytes stream;
    struct arena arena;

    if (!history_decode(row, &history, &stream))
        return;
    arena_init(&arena, ARENA_BYTES_MAX);
    FUZZ_REQUIRE(bytes_equal(history_encode(&history, stream, &arena), row));
    arena_destroy(&arena);
}

static void look_at_state(struct bytes row)
{
    uint8_t fitting[INPUT_BYTES_MAX], again[STATE_HEAD_BYTES];
    struct bytes content_type, state;

    if (row.size < STATE_HEAD_BYTES || row.size > sizeof fitting)
        return;
    struct bytes rest = {fitting + STATE_HEAD_BYTES, row.size - STATE_HEAD_BYTES};
    memcpy(fitting, row.data, row.size);
    put_u64_little_endian(fitting + 2, checksum_bytes(rest));
    if (!state_decode(bytes_of(fitting, row.size), &content_type, &state))
        return;
    FUZZ_REQUIRE(content_type.size + state.size == rest.size);
    state_encode_head(again, content_type, rest);
    FUZZ_REQUIRE(memcmp(again, fitting, sizeof again) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    struct bytes rest = {data + 1, size - 1};
    switch (data[0]) {
    case 'p':
        look_at_policy(rest);
        break;
    case 'k':
        look_at_policy_key(rest);
        break;
    case 'h':
        look_at_history(rest);
        break;
    case 's':
        look_at_state(rest);
        break;
    }
    return 0;
}
