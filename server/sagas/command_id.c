#include "server/sagas/command_id.h"

#include <assert.h>

#include "base/bytes.h"
#include "base/hash.h"
#include "server/sagas/limits.h"

enum {
    SAGA_BYTES = 6,
    VERSION = 0x80, /* of 8, in byte 6 */
    VARIANT = 0x80, /* of RFC 9562, in byte 8 */
    HASH_AT = 8,
    NAME_BYTES = 18, /* what is hashed: what for, saga, activity, number */
};

/* What a hash is for, so that no id can be taken for another kind's. */
enum {
    FOR_COMMAND = 1,
    FOR_COMMAND_EVENT = 2,
    FOR_SAGA_EVENT = 3,
    FOR_SAGA_SPAN = 4,
    FOR_ATTEMPT_SPAN = 5,
};

_Static_assert(SAGA_ACTIVITIES_MAX <= 1 << 11, "an activity has 11 bits in the id");

static uint64_t keyed_hash(const struct command_secret *secret, uint8_t use, uint64_t saga,
                           uint8_t which, uint64_t number)
{
    uint8_t text[COMMAND_SECRET_BYTES + NAME_BYTES];

    memcpy(text, secret->bytes, COMMAND_SECRET_BYTES);
    text[COMMAND_SECRET_BYTES] = use;
    text[COMMAND_SECRET_BYTES + 1] = which;
    put_u64_little_endian(text + COMMAND_SECRET_BYTES + 2, saga);
    put_u64_little_endian(text + COMMAND_SECRET_BYTES + 10, number);
    return checksum_bytes(bytes_of(text, sizeof text));
}

/* 48 bits, 12 bits and 62 bits, and between them what RFC 9562 asks for. */
static struct uuid assemble(uint64_t first, uint32_t second, uint64_t hash)
{
    struct uuid id;

    for (unsigned i = 0; i < SAGA_BYTES; i++)
        id.bytes[i] = (uint8_t)(first >> (8 * (SAGA_BYTES - 1 - i)));
    id.bytes[6] = (uint8_t)(VERSION | second >> 8);
    id.bytes[7] = (uint8_t)second;
    put_u64_big_endian(id.bytes + HASH_AT, hash);
    id.bytes[HASH_AT] = (uint8_t)(VARIANT | (id.bytes[HASH_AT] & 0x3f));
    return id;
}

struct uuid command_id(const struct command_secret *secret, struct command_name name)
{
    uint32_t second = name.activity << 1 | name.compensation;

    assert(name.saga > 0 && name.saga >> 48 == 0 && name.activity < SAGA_ACTIVITIES_MAX);
    return assemble(name.saga, second, keyed_hash(secret, FOR_COMMAND, name.saga, 0, second));
}

bool command_id_read(const struct command_secret *secret, const struct uuid *id,
                     struct command_name *name)
{
    struct command_name read = {0};

    for (unsigned i = 0; i < SAGA_BYTES; i++)
        read.saga = read.saga << 8 | id->bytes[i];
    read.activity = (uint32_t)(id->bytes[6] & 0x0f) << 7 | id->bytes[7] >> 1;
    read.compensation = id->bytes[7] & 1;
    if (read.saga == 0 || read.activity >= SAGA_ACTIVITIES_MAX)
        return false;
    struct uuid made = command_id(secret, read);
    if (memcmp(made.bytes, id->bytes, UUID_BYTES) != 0)
        return false;
    *name = read;
    return true;
}

/* An id of which all but version and variant is hash. */
static struct uuid hashed_id(const struct command_secret *secret, uint8_t use, uint64_t saga,
                             uint64_t number)
{
    uint64_t first = keyed_hash(secret, use, saga, 0, number);

    return assemble(first >> 16, first & 0xfff, keyed_hash(secret, use, saga, 1, number));
}

struct uuid saga_event_id(const struct command_secret *secret, uint64_t saga, uint64_t revision)
{
    return hashed_id(secret, FOR_SAGA_EVENT, saga, revision);
}

static uint64_t attempt_number(struct command_name name, uint32_t attempt)
{
    return (uint64_t)(name.activity << 1 | name.compensation) << 32 | attempt;
}

struct uuid command_event_id(const struct command_secret *secret, struct command_name name,
                             uint32_t attempt)
{
    uint64_t number = attempt_number(name, attempt);

    return attempt == 1 ? command_id(secret, name)
                        : hashed_id(secret, FOR_COMMAND_EVENT, name.saga, number);
}

/* All zero would be no id. */
static void span_id(const struct command_secret *secret, uint8_t use, uint64_t saga,
                    uint64_t number, uint8_t id[SPAN_ID_BYTES])
{
    uint64_t hash = keyed_hash(secret, use, saga, 0, number);

    put_u64_big_endian(id, hash ? hash : 1);
}

void saga_span_id(const struct command_secret *secret, uint64_t saga, uint8_t id[SPAN_ID_BYTES])
{
    span_id(secret, FOR_SAGA_SPAN, saga, 0, id);
}

void attempt_span_id(const struct command_secret *secret, struct command_name name,
                     uint32_t attempt, uint8_t id[SPAN_ID_BYTES])
{
    span_id(secret, FOR_ATTEMPT_SPAN, name.saga, attempt_number(name, attempt), id);
}
