/* What sagas are bounded by, beside what the comments of protos/sagabase/v1 say of each field.
 * The tables of docs/limits.md and ARCHITECTURE.md tell the same. */
#ifndef SERVER_SAGAS_LIMITS_H
#define SERVER_SAGAS_LIMITS_H

#include <stdint.h>

enum {
    SAGA_TYPE_BYTES_MAX = 100,
    SAGA_ID_BYTES_MAX = 200,
    SAGA_PAYLOAD_BYTES_MAX = 64 << 10, /* input, and the output of a step */
    SAGA_PAYLOADS_BYTES_MAX = 1 << 20, /* outputs and signals of one saga, all together */
    SAGA_STEP_INPUTS_MAX = 12,         /* so that a command fits into one event */
    SAGA_ATTRIBUTES_MAX = 64,
    SAGA_START_ATTRIBUTES_MAX = 32,
    SAGA_ADDED_ATTRIBUTES_MAX = 16, /* with one reply or signal */
    SAGA_START_SIGNALS_MAX = 16,
    SAGA_LATE_REPLIES_MAX = 10, /* of one activity that leave a note */
    SAGA_ACTIVITIES_MAX = 2000, /* nodes reached, each time a loop reaches them */
    SAGA_SIGNALS_MAX = 64,      /* kept for waits that were not reached yet */
    SAGA_SIGNAL_IDS_MAX = 1000, /* signals of one saga, all together */
    SAGA_ERROR_MESSAGE_BYTES_MAX = 1024,
    DEFINITION_NODES_MAX = 500,
    DEFINITION_BYTES_MAX = 1 << 20,
    HEARTBEAT_DETAILS_BYTES_MAX = 4096,
    CREDIT_MAX = 10000,
    ATTENTION_ATTEMPTS = 5, /* an AttentionNeeded after so many, and after each doubling */
};

#define SAGA_TIME_US_MAX (INT64_C(10) * 366 * 86400 * 1000000)

#endif
