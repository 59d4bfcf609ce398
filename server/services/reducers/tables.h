/* The API of reducers and upcasters: a table of methods, working on struct services. */
#ifndef SERVER_SERVICES_REDUCERS_TABLES_H
#define SERVER_SERVICES_REDUCERS_TABLES_H

#include "server/rpc/call.h"

extern const struct method reducers_methods[]; /* sagabase.v1.Reducers */

#endif
