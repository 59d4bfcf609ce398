/* Statuses of sagas, as words on the command line. */
#ifndef CLIENTS_CLI_SAGA_STATUS_H
#define CLIENTS_CLI_SAGA_STATUS_H

#include "base/status.h"
#include "clients/c/sagabase.h"
#include "clients/cli/option.h"

enum { SAGA_STATUSES_MAX = 10 };

#define SAGA_STATUS_HELP                                                                           \
    "Only sagas in this status: running, compensating,\nparked, completed, compensated or "        \
    "terminated. May\nbe repeated."

struct saga_statuses {
    Sagabase__V1__SagaStatus at[SAGA_STATUSES_MAX];
    size_t count;
};

/* INVALID_ARGUMENT: "--status: ...". */
struct status saga_statuses_read(const struct texts *texts, struct saga_statuses *statuses);

#endif
