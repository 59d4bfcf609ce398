#include "clients/cli/expected.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    const char *text;
    Sagabase__V1__StreamState state;
} states[] = {
    {"any", SAGABASE__V1__STREAM_STATE__STREAM_STATE_ANY},
    {"exists", SAGABASE__V1__STREAM_STATE__STREAM_STATE_STREAM_EXISTS},
    {"none", SAGABASE__V1__STREAM_STATE__STREAM_STATE_NO_STREAM},
};

static struct status read_revision(const char *text, enum expected_choice choice,
                                   struct sagabase_stream_state *expected)
{
    char *end;

    errno = 0;
    uint64_t revision = strtoull(text, &end, 10);
    if (*text < '0' || *text > '9' || *end || errno != 0)
        return status_make(STATUS_INVALID_ARGUMENT,
                           "--expect: any, %sexists or a revision, not \"%s\"",
                           choice == EXPECTED_ANYTHING ? "none, " : "", text);
    *expected = (struct sagabase_stream_state){
        .state = SAGABASE__V1__STREAM_STATE__STREAM_STATE_UNSPECIFIED, .revision = revision};
    return OK;
}

struct status expected_read(const char *text, enum expected_choice choice,
                            struct sagabase_stream_state *expected)
{
    if (!text)
        return status_make(STATUS_INVALID_ARGUMENT, "--expect: is required");
    for (size_t i = 0; i < sizeof states / sizeof *states; i++)
        if (strcmp(text, states[i].text) == 0 &&
            (choice == EXPECTED_ANYTHING ||
             states[i].state != SAGABASE__V1__STREAM_STATE__STREAM_STATE_NO_STREAM)) {
            *expected = (struct sagabase_stream_state){.state = states[i].state};
            return OK;
        }
    return read_revision(text, choice, expected);
}
