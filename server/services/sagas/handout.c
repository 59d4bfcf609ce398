#include "server/services/sagas/handout.h"

#include "server/services/sagas/elements.h"

/* Fields of sagabase.v1.Command. */
enum {
    DELIVERY_FIELD = 30,
    LEASE_TOKEN_FIELD = 31,
    DEADLINE_FIELD = 32,
    DETAILS_FIELD = 33,
};

static void put_lease(const struct lease *lease, struct buffer *command)
{
    elements_put_number(command, DELIVERY_FIELD, lease->delivery);
    elements_put_fixed64(command, LEASE_TOKEN_FIELD, lease->token);
    if (lease->deadline_us > 0)
        elements_put_number(command, DEADLINE_FIELD, (uint64_t)lease->deadline_us);
    if (lease->details.size > 0)
        elements_put_bytes(command, DETAILS_FIELD, lease->details);
}

struct status handout_put(struct gateway *gateway, const struct lease *lease, uint32_t field,
                          struct buffer *packed)
{
    struct buffer command;

    buffer_init(&command, ELEMENTS_BYTES_MAX);
    struct status status = gateway_read_command(gateway, lease, &command);
    if (status_ok(status)) {
        put_lease(lease, &command);
        elements_put_bytes(packed, field, buffer_bytes(&command));
        if (!buffer_ok(&command) || !buffer_ok(packed))
            status = status_make(STATUS_RESOURCE_EXHAUSTED, "command: out of memory");
    }
    buffer_destroy(&command);
    return status.code == STATUS_NOT_FOUND ? OK : status;
}
