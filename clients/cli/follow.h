/* What follows the server over its restarts until it is interrupted: the call that is underway is
 * cancelled by the interrupt, and so is a pause between two calls. */
#ifndef CLIENTS_CLI_FOLLOW_H
#define CLIENTS_CLI_FOLLOW_H

#include <pthread.h>
#include <stdbool.h>

#include "clients/c/sagabase.h"
#include "clients/cli/interrupt.h"

struct follow {
    struct interrupt interrupt;
    void (*cancel)(void *call);

    pthread_mutex_t lock; /* over what the signal's thread touches */
    pthread_cond_t woken;
    void *call; /* NULL: none is underway */
    bool interrupted;
};

/* As interrupt_catch: before any other thread is started. */
void follow_start(struct follow *follow, void (*cancel)(void *call));
void follow_stop(struct follow *follow);

/* This call is underway now; NULL: none, and the one before may be closed. */
void follow_call(struct follow *follow, void *call);

bool follow_is_interrupted(struct follow *follow);

/* Tells on stderr that the server was lost and what for, "", or " from behind revision 7"; then
 * waits for a moment, should the server end each call at once. False: interrupted. */
bool follow_again(struct follow *follow, const char *command, const char *server,
                  const struct sagabase_status *why, const char *from);

#endif
