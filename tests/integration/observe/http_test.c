/* HTTP for operators. Goal: ready is what health says, and nobody keeps others out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "server/observe/health.h"
#include "server/observe/http.h"

enum { ANSWER_BYTES = 4096 };

static const char *const services[] = {NULL};
static struct health *health;
static struct http *http;

static void visit_one(void *room, metric_visit *visit, void *context)
{
    metric_gauge(visit, context, "rooms", "Rooms.", *(const double *)room);
}

static int start(void **state)
{
    static double rooms = 7;
    static const struct metric_source sources[] = {{visit_one, &rooms}, {NULL, NULL}};

    (void)state;
    health = health_create(services);
    return http_start(&(struct http_options){"127.0.0.1:0", sources, health}, &http).code;
}

static int stop(void **state)
{
    (void)state;
    http_stop(http);
    health_free(health);
    return 0;
}

static int connect_to_it(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)http_port(http)),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int connection = socket(AF_INET, SOCK_STREAM, 0);

    assert_int_equal(connect(connection, (struct sockaddr *)&address, sizeof address), 0);
    return connection;
}

static void ask(const char *request, char answer[ANSWER_BYTES])
{
    int connection = connect_to_it();
    size_t size = 0;

    assert_int_equal(write(connection, request, strlen(request)), strlen(request));
    for (ssize_t some = 1; some > 0; size += (size_t)some)
        some = read(connection, answer + size, ANSWER_BYTES - 1 - size);
    answer[size] = 0;
    close(connection);
}

static void answers(const char *request, const char *first_line, const char *end)
{
    char answer[ANSWER_BYTES];

    ask(request, answer);
    if (strncmp(answer, first_line, strlen(first_line)) != 0 ||
        strcmp(answer + strlen(answer) - strlen(end), end) != 0)
        fail_msg("not %s...%s: %s", first_line, end, answer);
}

#define GET(path) "GET " path " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"

static void ready_is_what_health_says(void **state)
{
    (void)state;
    answers(GET("/health/ready"), "HTTP/1.1 200 ", "ready\n");
    health_set_serving(health, false);
    answers(GET("/health/ready"), "HTTP/1.1 503 ", "not ready\n");
    answers(GET("/health/live"), "HTTP/1.1 200 ", "live\n");
    health_set_serving(health, true);
    answers(GET("/health/ready"), "HTTP/1.1 200 ", "ready\n");
}

static void metrics_are_those_of_the_sources(void **state)
{
    (void)state;
    answers(GET("/metrics"), "HTTP/1.1 200 ", "# TYPE rooms gauge\nrooms 7\n");
    answers("HEAD /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", "HTTP/1.1 200 ",
            "\r\n\r\n");
}

static void what_is_no_request_for_them_is_refused(void **state)
{
    (void)state;
    answers(GET("/"), "HTTP/1.1 404 ", "/health/ready\n");
    answers(GET("/metrics/x"), "HTTP/1.1 404 ", "/health/ready\n");
    answers("DELETE /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", "HTTP/1.1 405 ",
            "only GET and HEAD\n");
    answers("nonsense\r\n\r\n", "", "");
}

/* Some that say nothing keep nobody else out. */
static void silent_connections_do_no_harm(void **state)
{
    int silent[HTTP_CONNECTIONS_MAX / 2];

    (void)state;
    for (size_t i = 0; i < sizeof silent / sizeof *silent; i++)
        silent[i] = connect_to_it();
    answers(GET("/health/live"), "HTTP/1.1 200 ", "live\n");
    for (size_t i = 0; i < sizeof silent / sizeof *silent; i++)
        close(silent[i]);
}

static void an_address_that_is_none_or_taken_is_refused(void **state)
{
    struct http_options options = {.health = health};
    struct http *other;
    char taken[32];

    (void)state;
    options.listen = "2114";
    assert_int_equal(http_start(&options, &other).code, STATUS_INVALID_ARGUMENT);
    snprintf(taken, sizeof taken, "127.0.0.1:%d", http_port(http));
    options.listen = taken;
    struct status status = http_start(&options, &other);
    assert_int_equal(status.code, STATUS_UNAVAILABLE);
    assert_non_null(strstr(status.message, "Address already in use"));
}

#define behaves(test) cmocka_unit_test_setup_teardown(test, start, stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        behaves(ready_is_what_health_says),
        behaves(metrics_are_those_of_the_sources),
        behaves(what_is_no_request_for_them_is_refused),
        behaves(silent_connections_do_no_harm),
        behaves(an_address_that_is_none_or_taken_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
