/* The API of snapshots: a table of methods, working on struct services. */
#ifndef SERVER_SERVICES_SNAPSHOTS_TABLES_H
#define SERVER_SERVICES_SNAPSHOTS_TABLES_H

#include "server/rpc/call.h"

extern const struct method snapshots_methods[]; /* sagabase.v1.Snapshots */

#endif
