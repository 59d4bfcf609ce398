#include "clients/cli/interrupt.h"

#include <assert.h>
#include <signal.h>

static sigset_t signals(void)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    return set;
}

static void *wait_for_signal(void *argument)
{
    struct interrupt *interrupt = argument;
    sigset_t set = signals();
    int number;

    sigwait(&set, &number); /* a cancellation point */
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL);
    interrupt->on_interrupt(interrupt->context);
    return NULL;
}

void interrupt_catch(struct interrupt *interrupt, void (*on_interrupt)(void *context),
                     void *context)
{
    sigset_t set = signals();

    *interrupt = (struct interrupt){.on_interrupt = on_interrupt, .context = context};
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    int error = pthread_create(&interrupt->thread, NULL, wait_for_signal, interrupt);
    assert(error == 0);
    (void)error;
}

void interrupt_release(struct interrupt *interrupt)
{
    pthread_cancel(interrupt->thread);
    pthread_join(interrupt->thread, NULL);
}
