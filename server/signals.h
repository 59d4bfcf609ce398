/* The signals of a serving process: SIGINT and SIGTERM end it, SIGHUP asks it to read its
 * configuration again. They are blocked everywhere and waited for. */
#ifndef SERVER_SIGNALS_H
#define SERVER_SIGNALS_H

/* In the main thread, before any other one exists. */
void signals_block(void);

/* Until the process is to end; which signal says so. Calls `hung_up` for each SIGHUP meanwhile. */
int signals_wait(void (*hung_up)(void *context), void *context);

/* From now on a second signal to end, or `limit_s` seconds, end the process at once: the operator
 * asks again, or the shutdown hangs. What was acknowledged is on disk. */
void signals_limit_end(int limit_s);

#endif
