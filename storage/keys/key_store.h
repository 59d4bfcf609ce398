/* Keys that payloads are sealed with: one for each stream, apart from the data, so that destroying
 * a key makes every copy of what it sealed unreadable, backups too.
 *
 * A directory of its own, with one small file for each key, named by a hash of the stream's name.
 * With a master key, which is never stored here, each file is sealed in turn. libsodium's
 * XChaCha20-Poly1305 seals, its BLAKE2b names.
 *
 * Any thread. */
#ifndef STORAGE_KEYS_KEY_STORE_H
#define STORAGE_KEYS_KEY_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/status.h"

enum {
    KEY_BYTES = 32,
    SEAL_BYTES = 24 + 16,     /* what sealing adds: a nonce before, a tag behind */
    KEYS_IN_MEMORY = 1 << 12, /* the others are read when they are needed */
};

struct key {
    uint8_t bytes[KEY_BYTES];
};

struct key_store;

struct key_store_options {
    const char *directory;       /* made with the first key; borrowed for the call */
    const char *master_key_file; /* 32 bytes, or 64 hexadecimal digits; NULL: keys lie open */
};

/* FAILED_PRECONDITION: not the master key that the keys here are sealed with, or none is given,
 * or one is given and they are not. INVALID_ARGUMENT: the file holds no key. UNAVAILABLE: the
 * file system refused. */
struct status key_store_open(const struct key_store_options *options, struct key_store **store);

/* Forgets all keys in memory. */
void key_store_close(struct key_store *store);

/* The key of a stream. `found` is false if there is none, or none any more; with `create`, one is
 * made, and is on disk when this returns OK. */
struct status key_store_get(struct key_store *store, struct bytes stream, bool create,
                            struct key *key, bool *found);

/* For good: overwritten, removed, and on disk when it returns OK. OK also if there is none. */
struct status key_store_destroy(struct key_store *store, struct bytes stream);

/* `sealed` has room for plain.size + SEAL_BYTES. `about` is not stored: it must be the same when
 * it is opened. */
void key_seal(const struct key *key, struct bytes about, struct bytes plain, uint8_t *sealed);

/* `plain` has room for sealed.size - SEAL_BYTES. False: another key, or damaged. */
bool key_open(const struct key *key, struct bytes about, struct bytes sealed, uint8_t *plain);

#endif
