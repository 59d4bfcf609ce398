#include "server/services/listing.h"

enum { NAMES_PER_PAGE_MAX = 1000, NAMES_PER_PAGE_DEFAULT = 100 };

struct status listing_read(struct listing *listing, const char *prefix, uint32_t page_size,
                           const char *page_token, size_t name_bytes_max)
{
    listing->prefix = bytes_of_text(prefix);
    if (listing->prefix.size > name_bytes_max)
        return status_make(STATUS_INVALID_ARGUMENT, "prefix: at most %zu bytes", name_bytes_max);
    if (page_size > NAMES_PER_PAGE_MAX)
        return status_make(STATUS_INVALID_ARGUMENT, "page_size: 1 to %d, or 0 for %d",
                           NAMES_PER_PAGE_MAX, NAMES_PER_PAGE_DEFAULT);
    listing->max = page_size > 0 ? page_size : NAMES_PER_PAGE_DEFAULT;
    listing->after = bytes_of_text(page_token);
    if (listing->after.size > name_bytes_max)
        return status_make(STATUS_INVALID_ARGUMENT, "page_token: at most %zu bytes",
                           name_bytes_max);
    if (listing->after.size > 0 && !bytes_have_prefix(listing->after, listing->prefix))
        return status_make(STATUS_INVALID_ARGUMENT,
                           "page_token: belongs to a list with another prefix");
    return OK;
}

struct status listing_texts(const struct bytes *names, size_t count, struct arena *arena,
                            char ***texts)
{
    *texts = arena_alloc(arena, count * sizeof **texts);
    if (count > 0 && !*texts)
        return listing_too_large();
    for (size_t i = 0; i < count; i++) {
        (*texts)[i] = (char *)arena_copy(arena, names[i]).data; /* ended by a NUL */
        if (!(*texts)[i])
            return listing_too_large();
    }
    return OK;
}

struct status listing_too_large(void)
{
    return status_make(STATUS_RESOURCE_EXHAUSTED,
                       "page_size: takes more memory than one call may use");
}
