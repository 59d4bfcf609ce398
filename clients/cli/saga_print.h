/* A saga's summary on stdout. */
#ifndef CLIENTS_CLI_SAGA_PRINT_H
#define CLIENTS_CLI_SAGA_PRINT_H

#include "clients/c/sagabase.h"

/* "running", "compensating, paused" ... */
enum { SAGA_STATUS_BYTES = 80 };
const char *saga_status_words(const Sagabase__V1__SagaSummary *saga, char text[SAGA_STATUS_BYTES]);
const char *saga_status_colour(Sagabase__V1__SagaStatus status);

/* A table's head, and one of its rows. */
void saga_print_head(void);
void saga_print_row(const Sagabase__V1__SagaSummary *saga);

/* The name that TYPE and ID on the command line give. */
Sagabase__V1__SagaName saga_name(char **arguments);

#endif
