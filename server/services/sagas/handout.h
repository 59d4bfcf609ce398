/* A command on its way to a participant: the event that says what is asked, and behind its bytes
 * the fields that are only known when it is handed out. Parts of a packed message put behind
 * each other are the message that has all of them, so nothing is unpacked. */
#ifndef SERVER_SERVICES_SAGAS_HANDOUT_H
#define SERVER_SERVICES_SAGAS_HANDOUT_H

#include "base/buffer.h"
#include "base/status.h"
#include "server/sagas/gateway.h"

/* Puts the packed Command as `field`; nothing, if it is over by now. */
struct status handout_put(struct gateway *gateway, const struct lease *lease, uint32_t field,
                          struct buffer *packed);

#endif
