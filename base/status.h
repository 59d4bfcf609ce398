/* One status for every layer. Codes are gRPC's (grpc/status.h), so nothing is
 * lost in translation; the message lives inside the value, so nobody frees it.
 *
 * Messages name field and rule ("events: 1 to 10000") or work and cause
 * ("commit: IO error: ..."). */
#ifndef BASE_STATUS_H
#define BASE_STATUS_H

#include <stdbool.h>

enum status_code {
    STATUS_OK = 0,
    STATUS_CANCELLED = 1,
    STATUS_UNKNOWN = 2,
    STATUS_INVALID_ARGUMENT = 3, /* wrong whatever the state of the store */
    STATUS_DEADLINE_EXCEEDED = 4,
    STATUS_NOT_FOUND = 5,
    STATUS_ALREADY_EXISTS = 6,
    STATUS_PERMISSION_DENIED = 7,
    STATUS_RESOURCE_EXHAUSTED = 8,  /* a limit; the message names it */
    STATUS_FAILED_PRECONDITION = 9, /* mend the state first */
    STATUS_ABORTED = 10,            /* lost a race: read again, decide again */
    STATUS_OUT_OF_RANGE = 11,
    STATUS_UNIMPLEMENTED = 12,
    STATUS_INTERNAL = 13,    /* our bug */
    STATUS_UNAVAILABLE = 14, /* try just this again */
    STATUS_DATA_LOSS = 15,   /* stored bytes are damaged */
    STATUS_UNAUTHENTICATED = 16,
};

struct status {
    enum status_code code;
    char message[252]; /* NUL-terminated; truncated, never overflowed */
};

/* Leaves the rest of the message alone: most statuses are OK, and clearing 252
 * bytes for each would be the costliest part of many functions. */
static inline struct status status_success(void)
{
    struct status status;

    status.code = STATUS_OK;
    status.message[0] = 0;
    return status;
}

#define OK status_success()

struct status status_make(enum status_code code, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* "ABORTED" for STATUS_ABORTED; "UNKNOWN" outside the enum. Static memory. */
const char *status_code_name(enum status_code code);

static inline bool status_ok(struct status status)
{
    return status.code == STATUS_OK;
}

/* Returns from the calling function unless the expression is OK.
 * The only control-flow macro in the code base. */
#define TRY(expression)                                                                            \
    do {                                                                                           \
        struct status try_status = (expression);                                                   \
        if (!status_ok(try_status))                                                                \
            return try_status;                                                                     \
    } while (0)

#endif
