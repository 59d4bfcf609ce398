#include "server/services/reducers/registered.h"

bool registered_acquire(struct registered *all, struct registry *registry, struct call *call)
{
    struct arena *arena = call_arena(call);

    all->entries = arena_alloc(arena, REGISTRY_ENTRIES_MAX * sizeof(void *));
    all->infos = arena_alloc(arena, REGISTRY_ENTRIES_MAX * sizeof(void *));
    if (!all->entries || !all->infos) {
        call_fail(call, status_make(STATUS_RESOURCE_EXHAUSTED, "request: too large"));
        return false;
    }
    all->count = registry_list(registry, all->entries);
    for (size_t i = 0; i < all->count; i++)
        all->infos[i] = all->entries[i]->info;
    return true;
}

void registered_release(struct registered *all)
{
    for (size_t i = 0; i < all->count; i++)
        registration_release(all->entries[i]);
}
