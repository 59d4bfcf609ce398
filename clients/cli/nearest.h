/* "Did you mean ...?": the offered name that is nearest to a mistyped one. */
#ifndef CLIENTS_CLI_NEAREST_H
#define CLIENTS_CLI_NEAREST_H

#include <stddef.h>

struct nearest {
    const char *typed;
    size_t size;
    unsigned distance;
    const char *found; /* NULL while none is near enough to be meant */
};

struct nearest nearest_to(const char *typed, size_t size);

/* `name` must outlive `nearest`. Of two as near, the first stays. */
void nearest_offer(struct nearest *nearest, const char *name);

#endif
