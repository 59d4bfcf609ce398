#define _GNU_SOURCE
#include "tests/support/server_process.h"

#include <assert.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"

extern char **environ;

void server_start(struct server_process *server, const char *binary, const char *const *options,
                  const char *log)
{
    const char *argv[SERVER_OPTIONS_MAX + 5] = {binary, "serve", "--listen", "127.0.0.1:0"};
    posix_spawn_file_actions_t actions;
    int ends[2];
    int count = 4;

    while (options && *options) {
        assert(count < SERVER_OPTIONS_MAX + 4);
        argv[count++] = *options++;
    }
    int error = pipe2(ends, O_CLOEXEC);
    assert(error == 0);
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
    posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, log, O_WRONLY | O_CREAT | O_APPEND,
                                     0600);
    /* Not fork(): gRPC's threads may be running. */
    error = posix_spawn(&server->pid, binary, &actions, NULL, (char *const *)argv, environ);
    assert(error == 0);
    (void)error;
    posix_spawn_file_actions_destroy(&actions);
    close(ends[1]);
    server->output = ends[0];
    server->address[0] = '\0';
}

bool server_wait_ready(struct server_process *server, int64_t timeout_ms)
{
    static const char ready[] = "listening on ";
    int64_t deadline_us = clock_monotonic_us(system_clock()) + timeout_ms * 1000;
    char text[4096];
    size_t size = 0;

    while (size < sizeof text - 1) {
        int64_t left_ms = (deadline_us - clock_monotonic_us(system_clock())) / 1000;
        struct pollfd output = {.fd = server->output, .events = POLLIN};
        if (left_ms <= 0 || poll(&output, 1, (int)left_ms) <= 0)
            return false;
        ssize_t got = read(server->output, text + size, sizeof text - 1 - size);
        if (got <= 0)
            return false;
        size += (size_t)got;
        text[size] = '\0';
        char *line = strstr(text, ready);
        char *end = line ? strchr(line, '\n') : NULL;
        if (end) {
            *end = '\0';
            snprintf(server->address, sizeof server->address, "%s", line + strlen(ready));
            return true;
        }
    }
    return false;
}

int server_wait(struct server_process *server)
{
    int status = 0;

    assert(server->pid > 0);
    while (waitpid(server->pid, &status, 0) < 0)
        ;
    close(server->output);
    server->pid = 0;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

void server_kill(struct server_process *server)
{
    kill(server->pid, SIGKILL);
    server_wait(server);
}

int server_stop(struct server_process *server)
{
    kill(server->pid, SIGTERM);
    return server_wait(server);
}
