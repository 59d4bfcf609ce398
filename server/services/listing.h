/* One page of a list of names: what the requests that list have in common. A page's token is
 * the last name looked at. */
#ifndef SERVER_SERVICES_LISTING_H
#define SERVER_SERVICES_LISTING_H

#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/bytes.h"
#include "base/status.h"

struct listing {
    struct bytes prefix;
    struct bytes after;
    size_t max; /* names of the page */
};

/* Borrows. INVALID_ARGUMENT names the field. */
struct status listing_read(struct listing *listing, const char *prefix, uint32_t page_size,
                           const char *page_token, size_t name_bytes_max);

/* Names as texts in `arena`. */
struct status listing_texts(const struct bytes *names, size_t count, struct arena *arena,
                            char ***texts);

/* What a page costs is bounded by page_size. */
struct status listing_too_large(void);

#endif
