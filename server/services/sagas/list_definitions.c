/* SagaDefinitions.ListDefinitions: one page at once. Definitions may be large, so a page is packed
 * one by one, and ends early when it has grown. A page's token is the last one's
 * "version type". */
#include <inttypes.h>
#include <stdio.h>

#include "base/buffer.h"
#include "sagabase/v1/saga_definition.pb-c.h"
#include "server/sagas/gateway.h"
#include "server/services/sagas/elements.h"
#include "server/services/sagas/fields.h"
#include "server/services/sagas/methods.h"
#include "server/services/sagas/stored_definition.h"
#include "server/services/services.h"

enum {
    DEFINITIONS_PER_PAGE_MAX = 1000,
    DEFINITIONS_PER_PAGE_DEFAULT = 100,
    TOKEN_BYTES_MAX = 12 + SAGA_TYPE_BYTES_MAX,
};

struct definitions_page {
    struct bytes type; /* only these; empty: all */
    struct buffer packed;
    size_t count, max;
    bool more;
    char token[TOKEN_BYTES_MAX]; /* of the last one */
};

/* Where to go on: behind (*type, *version). */
static struct status read_token(const char *token, struct bytes *type, uint32_t *version)
{
    int size = 0;

    if (*token == '\0')
        return OK;
    if (sscanf(token, "%10" SCNu32 " %n", version, &size) != 1 || size == 0 ||
        strlen(token) >= TOKEN_BYTES_MAX)
        return status_make(STATUS_INVALID_ARGUMENT, "page_token: not from a page before");
    *type = bytes_of_text(token + size);
    return OK;
}

static bool visit(void *context, const struct definition *definition, bool is_default)
{
    struct definitions_page *page = context;
    Sagabase__V1__StoredDefinition stored;
    int order = page->type.size == 0
                    ? 0
                    : bytes_compare(bytes_of_text(definition->source->type), page->type);

    if (order != 0)
        return order < 0;
    if (page->count == page->max || page->packed.size >= ELEMENTS_BYTES_ENOUGH) {
        page->more = true;
        return false;
    }
    stored_definition_answer(definition, is_default, &stored);
    elements_put(&page->packed, 1, &stored.base);
    snprintf(page->token, sizeof page->token, "%" PRIu32 " %s", definition->version,
             definition->source->type);
    page->count++;
    return true;
}

static struct status list(const Sagabase__V1__ListDefinitionsRequest *request,
                          struct gateway *gateway, struct definitions_page *page)
{
    struct bytes after = {0};
    uint32_t version = 0;

    TRY(field_text("type", request->type, 0, SAGA_TYPE_BYTES_MAX));
    if (request->page_size > DEFINITIONS_PER_PAGE_MAX)
        return status_make(STATUS_INVALID_ARGUMENT, "page_size: 1 to %d, or 0 for %d",
                           DEFINITIONS_PER_PAGE_MAX, DEFINITIONS_PER_PAGE_DEFAULT);
    TRY(read_token(request->page_token, &after, &version));
    page->type = bytes_of_text(request->type);
    page->max = request->page_size > 0 ? request->page_size : DEFINITIONS_PER_PAGE_DEFAULT;
    if (after.size == 0 && page->type.size > 0)
        after = page->type; /* no version is 0 */
    TRY(gateway_list_definitions(gateway, after, version, visit, page));
    if (page->more)
        elements_put_text(&page->packed, 2, page->token);
    return OK;
}

void list_definitions(struct call *call, const ProtobufCMessage *message)
{
    const struct services *services = call_context(call);
    struct definitions_page page = {0};

    buffer_init(&page.packed, ELEMENTS_BYTES_MAX);
    struct status status = list((const void *)message, services->gateway, &page);
    elements_reply(call, status, &page.packed);
}
