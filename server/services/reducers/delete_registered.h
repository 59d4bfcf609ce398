/* What DeleteReducer and DeleteUpcaster have in common: nothing is written where there is
 * nothing. */
#ifndef SERVER_SERVICES_REDUCERS_DELETE_REGISTERED_H
#define SERVER_SERVICES_REDUCERS_DELETE_REGISTERED_H

#include "server/services/reducers/registry_call.h"

/* The name was checked. `reply` is also called with a change that found nothing. */
void delete_registered(struct call *call, struct registry *registry, const char *name,
                       void (*reply)(struct call *call, const struct registry_change *change));

#endif
