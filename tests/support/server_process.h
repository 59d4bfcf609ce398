/* The server as its users have it: a process with a data directory and a port. */
#ifndef TESTS_SUPPORT_SERVER_PROCESS_H
#define TESTS_SUPPORT_SERVER_PROCESS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum { SERVER_OPTIONS_MAX = 16 };

struct server_process {
    pid_t pid;         /* 0: none */
    int output;        /* its stdout */
    char address[128]; /* "host:port", once ready */
};

/* Starts `binary serve --listen 127.0.0.1:0 OPTIONS...` (ended by NULL); its stderr is
 * appended to the file `log`. Asserts that there is such a binary. */
void server_start(struct server_process *server, const char *binary, const char *const *options,
                  const char *log);

/* Waits until it says where it listens; false: it ended, or not within `timeout_ms`. */
bool server_wait_ready(struct server_process *server, int64_t timeout_ms);

/* kill -9, and waits until it is gone. */
void server_kill(struct server_process *server);

/* SIGTERM, and waits until it is gone. Returns its exit status, or 128 + its signal. */
int server_stop(struct server_process *server);

/* Waits until it is gone by itself. As server_stop. */
int server_wait(struct server_process *server);

#endif
