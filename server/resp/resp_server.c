#define _GNU_SOURCE
#include "server/resp/resp_server.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/busy_poll.h"
#include "base/clock.h"
#include "base/listen.h"
#include "base/log.h"
#include "server/resp/face.h"
#include "server/resp/session.h"
#include "server/resp/wake.h"

enum {
    EVENTS_MAX = 256, /* taken from epoll at once */
    ACCEPTS_MAX = 64, /* at one turn */
    PASSWORD_BYTES_MAX = 512,
    FILES_RESERVED = 1536, /* of the store, of gRPC's connections */
    CLIENTS_MIN = 16,
    SILENCE_S = 300, /* then TCP asks whether the client is still there, as Redis does */
};

struct resp_server {
    struct face face;
    struct workbench workbench;
    char password[PASSWORD_BYTES_MAX];
    int epoll;
    int listener; /* -1: closed */
    int spare;    /* given up for a moment to refuse a connection when files are short */
    pthread_t thread;
    bool has_thread;

    struct session *turns; /* have something to do, in order */
    struct session **behind_turns;

    struct busy_poll poll;
    _Atomic int64_t grace_us; /* set by resp_server_stop; 0: serving */
    int64_t stop_us;          /* when the grace ends; 0: serving */
};

/* --- turns --------------------------------------------------------------------------------- */

static void take_turn(struct resp_server *server, struct session *session)
{
    if (session->in_turn)
        return;
    session->in_turn = true;
    session->next = NULL;
    *server->behind_turns = session;
    server->behind_turns = &session->next;
}

/* Those that want more come again after all others. */
static void work_turns(struct resp_server *server)
{
    struct session *session = server->turns;

    server->turns = NULL;
    server->behind_turns = &server->turns;
    while (session) {
        struct session *next = session->next;

        session->in_turn = false;
        bool more = session_work(session, &server->workbench);
        if (session_is_over(session))
            session_free(session);
        else if (more)
            take_turn(server, session);
        session = next;
    }
}

static void break_off(struct resp_server *server, struct client *client)
{
    struct session *session = container_of(client, struct session, client);

    session->broken = true;
    take_turn(server, session);
}

/* --- accepting ----------------------------------------------------------------------------- */

static void refuse(struct resp_server *server, int socket)
{
    static const char text[] = "-ERR max number of clients reached\r\n";
    ssize_t sent = send(socket, text, sizeof text - 1, MSG_NOSIGNAL | MSG_DONTWAIT);

    (void)sent; /* who does not take it finds a closed connection */
    counter_add_alone(&server->face.counts.refused, 1);
    close(socket);
}

static void tune(int socket)
{
    int on = 1, silence_s = SILENCE_S;

    setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    setsockopt(socket, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
    setsockopt(socket, IPPROTO_TCP, TCP_KEEPIDLE, &silence_s, sizeof silence_s);
}

/* Edge-triggered, once for all: the connection remembers what it has not read yet. */
static bool watch(struct resp_server *server, int socket, uint32_t events, void *pointer)
{
    struct epoll_event event = {.events = events, .data.ptr = pointer};

    return epoll_ctl(server->epoll, EPOLL_CTL_ADD, socket, &event) == 0;
}

static void admit(struct resp_server *server, int socket)
{
    struct session *session = NULL;

    if (server->face.client_count < server->face.clients_max)
        session = session_open(&server->face, socket);
    if (!session) {
        refuse(server, socket);
        return;
    }
    tune(socket);
    if (!watch(server, socket, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, session))
        break_off(server, &session->client);
}

/* There is no file left for one more connection: the spare one tells it so. */
static void refuse_without_files(struct resp_server *server)
{
    close(server->spare);
    int socket = accept4(server->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (socket >= 0)
        refuse(server, socket);
    server->spare = open("/dev/null", O_RDONLY | O_CLOEXEC);
}

static void accept_some(struct resp_server *server)
{
    for (int i = 0; i < ACCEPTS_MAX; i++) {
        int socket = accept4(server->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (socket >= 0) {
            admit(server, socket);
            continue;
        }
        if (errno == EMFILE || errno == ENFILE)
            refuse_without_files(server);
        else if (errno != EINTR && errno != ECONNABORTED)
            return; /* there is none, or the network has an error that concerns one of them */
    }
}

/* --- the thread ---------------------------------------------------------------------------- */

static void take_back(struct resp_server *server)
{
    struct inbox_link *link = wake_take(&server->face.wake);

    while (link) {
        struct errand *errand = container_of(link, struct errand, link);
        struct session *session = container_of(errand->client, struct session, client);
        link = link->next;
        session_finish(errand);
        take_turn(server, session);
    }
}

static void take_event(struct resp_server *server, const struct epoll_event *event)
{
    struct session *session = event->data.ptr;

    if (event->data.ptr == &server->listener) {
        if (server->listener >= 0)
            accept_some(server);
    } else if (event->data.ptr == &server->face.wake) {
        take_back(server);
    } else {
        session->hung_up |= (event->events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0;
        session->readable |= session->hung_up || (event->events & EPOLLIN) != 0;
        take_turn(server, session);
    }
}

/* The quietest is the last of the list. One whose change is not on disk yet is not idle. */
static void close_idle(struct resp_server *server)
{
    struct face *face = &server->face;
    struct client *client = face->quietest;

    if (face->idle_us_max == 0)
        return;
    while (client && face->now_us - client->active_us >= face->idle_us_max) {
        if (client->errands == 0) {
            counter_add_alone(&face->counts.closed_idle, 1);
            break_off(server, client);
        }
        client = client->previous;
    }
}

static void begin_stop(struct resp_server *server)
{
    int64_t grace_us = atomic_load(&server->grace_us);

    if (grace_us == 0)
        return;
    if (server->stop_us == 0) {
        server->stop_us = server->face.now_us + grace_us;
        close(server->listener);
        server->listener = -1;
        for (struct client *client = server->face.clients; client; client = client->next) {
            client->closing = true;
            take_turn(server, container_of(client, struct session, client));
        }
    }
    if (server->face.now_us >= server->stop_us)
        for (struct client *client = server->face.clients; client; client = client->next)
            break_off(server, client);
}

/* How long to sleep if nothing happens: -1 for ever. */
static int sleep_ms(const struct resp_server *server)
{
    const struct face *face = &server->face;
    int64_t until_us = INT64_MAX;

    if (server->turns)
        return 0;
    if (server->stop_us)
        until_us = server->stop_us;
    else if (face->idle_us_max && face->quietest)
        until_us = face->quietest->active_us + face->idle_us_max;
    if (until_us == INT64_MAX)
        return -1;
    int64_t left_us = until_us - clock_monotonic_us(system_clock());
    return left_us <= 0 ? 1 : (int)(left_us / 1000 + 1 < 60000 ? left_us / 1000 + 1 : 60000);
}

static int await_events(struct resp_server *server, struct epoll_event *events)
{
    int64_t now_us = clock_monotonic_us(system_clock());
    int timeout_ms = sleep_ms(server), count = 0;

    busy_poll_begin(&server->poll, now_us);
    while (count == 0 && timeout_ms != 0 && busy_poll_again(&server->poll, now_us)) {
        count = epoll_wait(server->epoll, events, EVENTS_MAX, 0);
        now_us = clock_monotonic_us(system_clock());
    }
    if (count == 0) {
        count = epoll_wait(server->epoll, events, EVENTS_MAX, timeout_ms);
        now_us = clock_monotonic_us(system_clock());
    }
    busy_poll_end(&server->poll, now_us);
    server->face.now_us = now_us;
    return count;
}

static void *run(void *argument)
{
    struct resp_server *server = argument;
    struct epoll_event events[EVENTS_MAX];

    while (server->stop_us == 0 || server->face.client_count > 0) {
        int count = await_events(server, events);
        for (int i = 0; i < count; i++)
            take_event(server, &events[i]);
        close_idle(server);
        begin_stop(server);
        work_turns(server);
    }
    return NULL;
}

/* --- starting and stopping ----------------------------------------------------------------- */

static struct status read_password(struct resp_server *server, const char *path)
{
    FILE *file = fopen(path, "re");
    bool read = file && fgets(server->password, sizeof server->password, file);

    if (!file)
        return status_make(STATUS_INVALID_ARGUMENT, "resp-password-file %.150s: %s", path,
                           strerror(errno));
    fclose(file);
    server->password[read ? strcspn(server->password, "\r\n") : 0] = '\0';
    size_t size = strlen(server->password);
    if (size == 0 || size == PASSWORD_BYTES_MAX - 1)
        return status_make(STATUS_INVALID_ARGUMENT,
                           "resp-password-file %.150s: its first line is the password, 1 to %d "
                           "bytes",
                           path, PASSWORD_BYTES_MAX - 2);
    server->face.password = server->password;
    return OK;
}

/* Each connection is an open file, and the system's default allows 1,024. */
static void fit_to_files(struct face *face)
{
    struct rlimit limit;
    rlim_t needed = face->clients_max + FILES_RESERVED;

    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= needed)
        return;
    limit.rlim_cur = limit.rlim_max < needed ? limit.rlim_max : needed;
    setrlimit(RLIMIT_NOFILE, &limit);
    if (limit.rlim_cur >= needed)
        return;
    face->clients_max = limit.rlim_cur > FILES_RESERVED + CLIENTS_MIN
                            ? (size_t)limit.rlim_cur - FILES_RESERVED
                            : CLIENTS_MIN;
    log_line(LOG_WARN, "resp", "limited", "clients=%zu cause=\"%llu open files are allowed\"",
             face->clients_max, (unsigned long long)limit.rlim_cur);
}

static struct status open_files(struct resp_server *server, const struct resp_options *options)
{
    TRY(wake_open(&server->face.wake));
    server->epoll = epoll_create1(EPOLL_CLOEXEC);
    server->spare = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (server->epoll < 0 || server->spare < 0)
        return status_make(STATUS_RESOURCE_EXHAUSTED, "resp: %s", strerror(errno));
    TRY(listen_on("resp-listen", options->listen, &server->listener));
    server->face.port = listen_port(server->listener);
    if (!server->face.password && !listen_is_local(server->listener))
        log_line(LOG_WARN, "resp", "unprotected",
                 "cause=\"other machines can reach it, and there is no --resp-password-file\"");
    if (!watch(server, server->listener, EPOLLIN, &server->listener) ||
        !watch(server, server->face.wake.event, EPOLLIN, &server->face.wake))
        return status_make(STATUS_RESOURCE_EXHAUSTED, "epoll: %s", strerror(errno));
    return OK;
}

static struct status start(struct resp_server *server, const struct resp_options *options)
{
    struct face *face = &server->face;

    face->clients_max = options->clients_max;
    face->idle_us_max = options->idle_s_max * 1000000;
    face->always_saved = options->always_saved;
    face->values = options->values;
    face->snapshots = options->snapshots;
    face->cache = options->cache;
    face->started_us = face->now_us = clock_monotonic_us(system_clock());
    if (options->password_file)
        TRY(read_password(server, options->password_file));
    busy_poll_init(&server->poll, options->busy_poll_us);
    fit_to_files(face);
    TRY(open_files(server, options));
    server->has_thread = pthread_create(&server->thread, NULL, run, server) == 0;
    if (!server->has_thread)
        return status_make(STATUS_RESOURCE_EXHAUSTED, "resp: cannot start its thread");
    return OK;
}

struct status resp_server_start(const struct resp_options *options, struct resp_server **result)
{
    struct resp_server *server = calloc(1, sizeof *server);

    if (!server)
        return status_make(STATUS_RESOURCE_EXHAUSTED, "resp: out of memory");
    server->epoll = server->listener = server->spare = server->face.wake.event = -1;
    server->behind_turns = &server->turns;
    buffer_init(&server->workbench.output, OUTPUT_BYTES_MAX);
    struct status status = start(server, options);
    if (!status_ok(status)) {
        resp_server_free(server);
        return status;
    }
    *result = server;
    return OK;
}

void resp_server_statistics(const struct resp_server *server, metric_visit *visit, void *context)
{
    face_statistics(&server->face, visit, context);
}

void resp_server_limits(const struct resp_server *server, metric_visit *visit, void *context)
{
    face_limits(&server->face, visit, context);
}

int resp_server_port(const struct resp_server *server)
{
    return server->face.port;
}

void resp_server_stop(struct resp_server *server, int64_t grace_ms)
{
    assert(server->has_thread);
    atomic_store(&server->grace_us, grace_ms > 0 ? grace_ms * 1000 : 1);
    wake_send(&server->face.wake, NULL);
    pthread_join(server->thread, NULL);
    server->has_thread = false;
}

static void close_file(int file)
{
    if (file >= 0)
        close(file);
}

void resp_server_free(struct resp_server *server)
{
    assert(!server->has_thread && server->face.client_count == 0);
    if (server->face.wake.event >= 0)
        wake_close(&server->face.wake);
    close_file(server->listener);
    close_file(server->spare);
    close_file(server->epoll);
    buffer_destroy(&server->workbench.output);
    explicit_bzero(server->password, sizeof server->password);
    free(server);
}
