#include "server/resp/client.h"

#include <stdlib.h>

void client_reset(struct client *client)
{
    for (size_t i = 0; i < CLIENT_TEXT_COUNT; i++) {
        free(client->texts[i]);
        client->texts[i] = NULL;
    }
    client->protocol = 2;
    client->replies = REPLIES_ON;
}

bool client_set_text(struct client *client, enum client_text kind, struct bytes text)
{
    char *copy = text.size ? malloc(text.size + 1) : NULL;

    if (text.size && !copy)
        return false;
    if (copy) {
        memcpy(copy, text.data, text.size);
        copy[text.size] = '\0';
    }
    free(client->texts[kind]);
    client->texts[kind] = copy;
    return true;
}
