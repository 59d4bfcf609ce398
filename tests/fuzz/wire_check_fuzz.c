/* Request bytes: whatever they are, check_request() decides, and what it accepts unpacks
 * into a bounded arena or is refused there. A message that was unpacked and is packed again
 * must pass, too: were it refused, the check and the library would read bytes differently. */
#include <stdlib.h>

#include "google/protobuf/descriptor.pb-c.h"
#include "grpc/health/v1/health.pb-c.h"
#include "grpc/reflection/v1/reflection.pb-c.h"
#include "sagabase/v1/admin.pb-c.h"
#include "sagabase/v1/event_store.pb-c.h"
#include "server/wire/check.h"
#include "server/wire/unpack.h"
#include "tests/fuzz/input.h"

enum { ARENA_BYTES_MAX = 4 << 20 };

static const ProtobufCMessageDescriptor *const types[] = {
    &sagabase__v1__append_to_stream_request__descriptor,
    &sagabase__v1__append_request__descriptor,
    &sagabase__v1__append_session_request__descriptor,
    &sagabase__v1__read_stream_request__descriptor,
    &sagabase__v1__read_all_request__descriptor,
    &sagabase__v1__subscribe_request__descriptor,
    &sagabase__v1__get_stream_request__descriptor,
    &sagabase__v1__list_streams_request__descriptor,
    &sagabase__v1__get_info_request__descriptor,
    &grpc__health__v1__health_check_request__descriptor,
    &grpc__reflection__v1__server_reflection_request__descriptor,
    /* No request, but the two that hold themselves, and every kind of field. */
    &google__protobuf__descriptor_proto__descriptor,
    &google__protobuf__file_descriptor_set__descriptor,
};

static void pack_again(const ProtobufCMessageDescriptor *type, const ProtobufCMessage *message)
{
    size_t size = protobuf_c_message_get_packed_size(message);
    uint8_t *packed = malloc(size ? size : 1);

    FUZZ_REQUIRE(packed && protobuf_c_message_check(message));
    FUZZ_REQUIRE(protobuf_c_message_pack(message, packed) == size);
    FUZZ_REQUIRE(status_ok(check_request(type, bytes_of(packed, size))));
    free(packed);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input input = {{data, size}};
    const ProtobufCMessageDescriptor *type =
        types[fuzz_below(&input, sizeof types / sizeof *types)];
    struct arena arena;
    struct status status = check_request(type, input.left);

    if (!status_ok(status)) {
        FUZZ_REQUIRE(status.code == STATUS_INVALID_ARGUMENT ||
                     status.code == STATUS_RESOURCE_EXHAUSTED);
        FUZZ_REQUIRE(status.message[0] != 0);
        return 0;
    }
    arena_init(&arena, ARENA_BYTES_MAX);
    ProtobufCMessage *message = unpack_within(type, input.left, &arena, NULL);
    if (message)
        pack_again(type, message);
    arena_destroy(&arena);
    return 0;
}
