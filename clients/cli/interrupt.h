/* Ctrl-C and SIGTERM as a call on a thread of its own, where anything may be done. */
#ifndef CLIENTS_CLI_INTERRUPT_H
#define CLIENTS_CLI_INTERRUPT_H

#include <pthread.h>

struct interrupt {
    pthread_t thread;
    void (*on_interrupt)(void *context);
    void *context;
};

/* From now on, instead of ending the process, the first signal calls `on_interrupt` on another
 * thread. Before any other thread is started: they inherit the blocked signals. */
void interrupt_catch(struct interrupt *interrupt, void (*on_interrupt)(void *context),
                     void *context);

/* After it returns, `on_interrupt` will not be called (again). */
void interrupt_release(struct interrupt *interrupt);

#endif
