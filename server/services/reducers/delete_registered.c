#include "server/services/reducers/delete_registered.h"

void delete_registered(struct call *call, struct registry *registry, const char *name,
                       void (*reply)(struct call *call, const struct registry_change *change))
{
    static const struct registry_change nothing;
    struct registration *found = registry_find(registry, bytes_of_text(name));

    if (!found)
        return reply(call, &nothing);
    registration_release(found);
    struct registry_call *self = registry_call_begin(call, reply);
    if (self)
        registry_call_submitted(
            self, registry_delete(registry, bytes_of_text(name), &self->change, call_arena(call)));
}
