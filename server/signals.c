#include "server/signals.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"

/* Those that end the process. */
static sigset_t ending_signals(void)
{
    sigset_t signals;

    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    return signals;
}

static sigset_t all_signals(void)
{
    sigset_t signals = ending_signals();

    sigaddset(&signals, SIGHUP);
    return signals;
}

void signals_block(void)
{
    sigset_t signals = all_signals();

    pthread_sigmask(SIG_BLOCK, &signals, NULL);
    signal(SIGPIPE, SIG_IGN);
}

int signals_wait(void (*hung_up)(void *context), void *context)
{
    sigset_t signals = all_signals();
    int received = 0;

    for (;;) {
        sigwait(&signals, &received);
        if (received != SIGHUP)
            return received;
        hung_up(context);
    }
}

static void *force_end(void *limit_s)
{
    struct timespec limit = {.tv_sec = (time_t)(intptr_t)limit_s};
    sigset_t signals = ending_signals();
    int received;

    do
        received = sigtimedwait(&signals, NULL, &limit);
    while (received < 0 && errno == EINTR); /* someone looks at the process, say */
    log_line(LOG_WARN, "server", "killed", "cause=\"%s\"",
             received > 0 ? "second signal" : "shutdown took too long");
    _exit(1);
}

void signals_limit_end(int limit_s)
{
    pthread_t forced;

    if (pthread_create(&forced, NULL, force_end, (void *)(intptr_t)limit_s) == 0)
        pthread_detach(forced);
}
