#include "server/services/sagas/handout.h"

#include "server/services/sagas/elements.h"
#include "storage/log/read.h"

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

struct status handout_put(struct event_log *log, const struct lease *lease, uint32_t field,
                          struct buffer *packed)
{
    struct read read = {.from = lease->position, .events_max = 1, .bytes_max = 1};
    struct page page = {0};
    struct buffer command;
    struct event event;
    struct status status = event_log_read_all(log, &read, &page);
    struct bytes frames = buffer_bytes(&page.frames);

    buffer_init(&command, ELEMENTS_BYTES_MAX);
    if (status_ok(status) && (!event_next(&frames, &event) || event.position != lease->position))
        status = status_make(STATUS_DATA_LOSS, "command: no event at %llu",
                             (unsigned long long)lease->position);
    if (status_ok(status)) {
        buffer_put(&command, event.data);
        put_lease(lease, &command);
        elements_put_bytes(packed, field, buffer_bytes(&command));
        if (!buffer_ok(&command) || !buffer_ok(packed))
            status = status_make(STATUS_RESOURCE_EXHAUSTED, "command: out of memory");
    }
    buffer_destroy(&command);
    buffer_destroy(&page.frames);
    return status;
}
