/* The newest event ids: which events were appended lately, so that a repeated
 * append is recognised where no exact revision tells. Holds the last `ids_max`
 * events of the store. @thread writer, all of it. */
#ifndef STORAGE_LOG_IDS_H
#define STORAGE_LOG_IDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/uuid.h"

struct ids;

struct ids *ids_create(size_t ids_max);
void ids_free(struct ids *ids);

/* An event id counts within its stream. Seeded as hash_bytes() is: never stored. */
uint64_t id_fingerprint(const struct uuid *id, uint64_t stream_hash);

/* Where the event is. A hit is a suspicion: the reader of the record confirms it. */
bool ids_find(const struct ids *ids, uint64_t fingerprint, uint64_t *position);

/* Adds the next event, forgetting the oldest when full. If memory is short the
 * event is not remembered. */
void ids_add(struct ids *ids, uint64_t fingerprint, uint64_t position);

#endif
