/* What is known of a stream, in the words of the API. */
#ifndef SERVER_SERVICES_STREAM_INFO_H
#define SERVER_SERVICES_STREAM_INFO_H

#include "base/arena.h"
#include "base/status.h"
#include "sagabase/v1/event_store.pb-c.h"
#include "storage/log/read.h"

/* *answer lives in `arena`. RESOURCE_EXHAUSTED: it is full. */
struct status stream_info_answer(const struct stream_info *info, struct arena *arena,
                                 Sagabase__V1__StreamInfo **answer);

#endif
