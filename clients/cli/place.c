#include "clients/cli/place.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "clients/cli/iso_time.h"

bool place_parse(const char *text, struct place *place)
{
    char *end;

    *place = (struct place){.kind = PLACE_UNTOLD};
    if (!text)
        return true;
    if (strcmp(text, "start") == 0 || strcmp(text, "end") == 0) {
        place->kind = PLACE_EDGE;
        place->edge = *text == 's' ? SAGABASE__V1__EDGE__EDGE_START : SAGABASE__V1__EDGE__EDGE_END;
        return true;
    }
    errno = 0;
    place->kind = PLACE_NUMBER;
    place->number = strtoull(text, &end, 10);
    return *text >= '0' && *text <= '9' && *end == 0 && errno == 0;
}

struct status place_read(const char *from, const char *since, struct place *place)
{
    if (from && since)
        return status_make(STATUS_INVALID_ARGUMENT, "either --from or --since, not both");
    if (!place_parse(from, place))
        return status_make(STATUS_INVALID_ARGUMENT, "--from: a number, start or end, not \"%s\"",
                           from);
    if (!since)
        return OK;
    place->kind = PLACE_TIME;
    if (!iso_time_parse(bytes_of_text(since), &place->time_us) || place->time_us < 0)
        return status_make(STATUS_INVALID_ARGUMENT,
                           "--since: a time like 2026-11-21T01:02:03+01:00, not \"%s\"", since);
    return OK;
}
