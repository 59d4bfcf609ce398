/* grpc.health.v1.Health: whether this server takes work. */
#ifndef SERVER_OBSERVE_HEALTH_H
#define SERVER_OBSERVE_HEALTH_H

#include <stdbool.h>

#include "server/rpc/call.h"

struct health;

/* Starts as SERVING for "" and for each name in `services` (ended by NULL, static). */
struct health *health_create(const char *const *services);
void health_free(struct health *health);

/* Any thread. Those who watch are told. */
void health_set_serving(struct health *health, bool serving);

/* Any thread. */
bool health_is_serving(struct health *health);

/* Its methods find the struct health through this function of call_context(). */
extern const struct method health_methods[];

#endif
