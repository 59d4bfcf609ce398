#include "clients/cli/place.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

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
