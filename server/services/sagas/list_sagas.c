/* Sagas.ListSagas: one page at once, newest first. A page's token is the number below which
 * to go on. */
#include <inttypes.h>
#include <stdio.h>

#include "sagabase/v1/sagas.pb-c.h"
#include "server/sagas/gateway.h"
#include "server/services/sagas/elements.h"
#include "server/services/sagas/fields.h"
#include "server/services/sagas/methods.h"
#include "server/services/services.h"

enum {
    SAGAS_PER_PAGE_MAX = 1000,
    SAGAS_PER_PAGE_DEFAULT = 100,
    STATUSES_MAX = 10,
    ATTRIBUTES_ASKED_MAX = 8,
    ERROR_TYPE_BYTES_MAX = 128,
    QUEUE_BYTES_MAX = 100,
};

struct sagas_page {
    struct arena *arena;
    struct buffer packed;
    size_t count, max;
    uint64_t next; /* to go on with, when the page is full; 0: it is not */
    struct status status;
};

static struct status check(const Sagabase__V1__ListSagasRequest *request)
{
    TRY(field_text("type", request->type, 0, SAGA_TYPE_BYTES_MAX));
    TRY(field_text("queue", request->queue, 0, QUEUE_BYTES_MAX));
    TRY(field_text("error_type", request->error_type, 0, ERROR_TYPE_BYTES_MAX));
    if (request->n_statuses > STATUSES_MAX)
        return status_make(STATUS_INVALID_ARGUMENT, "statuses: at most %d", STATUSES_MAX);
    if (request->n_attributes > ATTRIBUTES_ASKED_MAX)
        return status_make(STATUS_INVALID_ARGUMENT, "attributes: at most %d", ATTRIBUTES_ASKED_MAX);
    if (request->started_from_us < 0 || request->started_before_us < 0)
        return status_make(STATUS_INVALID_ARGUMENT,
                           "started_from_us, started_before_us: not negative");
    if (request->page_size > SAGAS_PER_PAGE_MAX)
        return status_make(STATUS_INVALID_ARGUMENT, "page_size: 1 to %d, or 0 for %d",
                           SAGAS_PER_PAGE_MAX, SAGAS_PER_PAGE_DEFAULT);
    return OK;
}

static struct status read_token(const char *token, uint64_t *before)
{
    int size = 0;

    if (*token == '\0')
        return OK;
    if (sscanf(token, "%20" SCNu64 "%n", before, &size) != 1 || token[size] != '\0' || *before == 0)
        return status_make(STATUS_INVALID_ARGUMENT, "page_token: not from a page before");
    return OK;
}

static bool visit(void *context, const struct saga *saga)
{
    struct sagas_page *page = context;
    Sagabase__V1__SagaSummary summary = SAGABASE__V1__SAGA_SUMMARY__INIT;

    if (page->count == page->max || page->packed.size >= ELEMENTS_BYTES_ENOUGH) {
        page->next = saga->number + 1; /* this one comes first then */
        return false;
    }
    page->status = saga_summarize(saga, page->arena, &summary);
    if (!status_ok(page->status))
        return false;
    elements_put(&page->packed, 1, &summary.base);
    page->count++;
    return true;
}

static struct status list(const Sagabase__V1__ListSagasRequest *request, struct gateway *gateway,
                          struct sagas_page *page)
{
    uint64_t before = 0, next = 0;

    TRY(check(request));
    TRY(read_token(request->page_token, &before));
    page->max = request->page_size > 0 ? request->page_size : SAGAS_PER_PAGE_DEFAULT;
    TRY(gateway_list_sagas(gateway, request, before, visit, page, &next));
    TRY(page->status);
    if (page->next == 0)
        page->next = next;
    if (page->next > 0) {
        char token[24];
        snprintf(token, sizeof token, "%" PRIu64, page->next);
        elements_put_text(&page->packed, 2, token);
    }
    return OK;
}

void list_sagas(struct call *call, const ProtobufCMessage *message)
{
    const struct services *services = call_context(call);
    struct sagas_page page = {.arena = call_arena(call), .status = OK};

    buffer_init(&page.packed, ELEMENTS_BYTES_MAX);
    struct status status = list((const void *)message, services->gateway, &page);
    elements_reply(call, status, &page.packed);
}
