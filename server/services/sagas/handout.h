/* A command on its way to a participant: the event that says what is asked, and behind its bytes
 * the fields that are only known when it is handed out. Parts of a packed message put behind
 * each other are the message that has all of them, so nothing is unpacked. */
#ifndef SERVER_SERVICES_SAGAS_HANDOUT_H
#define SERVER_SERVICES_SAGAS_HANDOUT_H

#include "base/buffer.h"
#include "base/status.h"
#include "server/sagas/dispatch.h"

struct event_log;

/* Puts the packed Command as `field`. DATA_LOSS: the event is not there, or damaged. */
struct status handout_put(struct event_log *log, const struct lease *lease, uint32_t field,
                          struct buffer *packed);

#endif
