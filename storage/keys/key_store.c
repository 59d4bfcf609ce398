#include "storage/keys/key_store.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <pthread.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

_Static_assert(KEY_BYTES == crypto_aead_xchacha20poly1305_ietf_KEYBYTES, "key");
_Static_assert(SEAL_BYTES == crypto_aead_xchacha20poly1305_ietf_NPUBBYTES +
                                 crypto_aead_xchacha20poly1305_ietf_ABYTES,
               "seal");

enum {
    NAME_BYTES = 16, /* of the hash that names a file */
    NAME_TEXT_BYTES = 2 * NAME_BYTES + 1,
    NONCE_BYTES = crypto_aead_xchacha20poly1305_ietf_NPUBBYTES,
    FILE_BYTES_MAX = KEY_BYTES + SEAL_BYTES,
    MASTER_FILE_BYTES_MAX = 128,
};

/* Which says how the keys here are kept: a key like the others, of no stream. */
#define CHECK_NAME "master"

struct kept_key {
    uint8_t name[NAME_BYTES]; /* all 0: none */
    struct key key;
};

struct key_store {
    char *directory;
    bool has_master;
    struct key master;
    bool is_made;         /* the directory is there, and was checked */
    pthread_mutex_t lock; /* of all that follows, and of the files */
    struct kept_key kept[KEYS_IN_MEMORY];
};

/* --- sealing -------------------------------------------------------------------------------- */

void key_seal(const struct key *key, struct bytes about, struct bytes plain, uint8_t *sealed)
{
    randombytes_buf(sealed, NONCE_BYTES);
    crypto_aead_xchacha20poly1305_ietf_encrypt(sealed + NONCE_BYTES, NULL, plain.data, plain.size,
                                               about.data, about.size, NULL, sealed, key->bytes);
}

bool key_open(const struct key *key, struct bytes about, struct bytes sealed, uint8_t *plain)
{
    return sealed.size >= SEAL_BYTES &&
           crypto_aead_xchacha20poly1305_ietf_decrypt(plain, NULL, NULL, sealed.data + NONCE_BYTES,
                                                      sealed.size - NONCE_BYTES, about.data,
                                                      about.size, sealed.data, key->bytes) == 0;
}

/* --- files ---------------------------------------------------------------------------------- */

static struct status refused(const char *path)
{
    return status_make(STATUS_UNAVAILABLE, "keys: %.80s: %s", path, strerror(errno));
}

static struct status make_path(const struct key_store *store, const char *name, const char *ending,
                               char path[PATH_MAX])
{
    if (snprintf(path, PATH_MAX, "%s/%s%s", store->directory, name, ending) >= PATH_MAX)
        return status_make(STATUS_INVALID_ARGUMENT, "keys: a directory of at most %d bytes",
                           PATH_MAX - NAME_TEXT_BYTES - 8);
    return OK;
}

static struct status sync_directory(const char *path)
{
    int directory = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (directory < 0 || fsync(directory) != 0) {
        struct status status = refused(path);
        if (directory >= 0)
            close(directory);
        return status;
    }
    close(directory);
    return OK;
}

/* `size` is 0 if there is no such file. */
static struct status read_file(const char *path, uint8_t *bytes, size_t bytes_max, size_t *size)
{
    int file = open(path, O_RDONLY | O_CLOEXEC);

    *size = 0;
    if (file < 0)
        return errno == ENOENT ? OK : refused(path);
    ssize_t got = read(file, bytes, bytes_max);
    struct status status = got < 0 ? refused(path) : OK;
    close(file);
    if (got > 0)
        *size = (size_t)got;
    return status;
}

static struct status write_and_sync(const char *path, int flags, struct bytes bytes)
{
    int file = open(path, O_WRONLY | O_CLOEXEC | flags, 0600);

    if (file < 0)
        return refused(path);
    ssize_t written = write(file, bytes.data, bytes.size);
    struct status status = written == (ssize_t)bytes.size && fsync(file) == 0 ? OK : refused(path);
    close(file);
    return status;
}

/* Appears whole, or not at all. */
static struct status write_file(const struct key_store *store, const char *name, struct bytes bytes)
{
    char partial[PATH_MAX], path[PATH_MAX];

    TRY(make_path(store, name, ".new", partial));
    TRY(make_path(store, name, "", path));
    TRY(write_and_sync(partial, O_CREAT | O_TRUNC, bytes));
    if (rename(partial, path) != 0)
        return refused(path);
    return sync_directory(store->directory);
}

/* --- files of keys -------------------------------------------------------------------------- */

static struct status read_key(const struct key_store *store, const char *name, struct key *key,
                              bool *found)
{
    uint8_t bytes[FILE_BYTES_MAX + 1];
    char path[PATH_MAX];
    size_t size;
    bool good;

    TRY(make_path(store, name, "", path));
    TRY(read_file(path, bytes, sizeof bytes, &size));
    *found = size > 0 && size <= FILE_BYTES_MAX;
    if (!*found)
        return OK;
    if (store->has_master) {
        good = size == FILE_BYTES_MAX &&
               key_open(&store->master, bytes_of_text(name), bytes_of(bytes, size), key->bytes);
    } else {
        good = size == KEY_BYTES;
        memcpy(key->bytes, bytes, KEY_BYTES);
    }
    sodium_memzero(bytes, sizeof bytes);
    return good ? OK : status_make(STATUS_DATA_LOSS, "keys: %.80s: damaged", path);
}

static struct status create_key(const struct key_store *store, const char *name, struct key *key)
{
    uint8_t bytes[FILE_BYTES_MAX];
    size_t size = store->has_master ? FILE_BYTES_MAX : KEY_BYTES;

    randombytes_buf(key->bytes, KEY_BYTES);
    if (store->has_master)
        key_seal(&store->master, bytes_of_text(name), bytes_of(key->bytes, KEY_BYTES), bytes);
    else
        memcpy(bytes, key->bytes, KEY_BYTES);
    struct status status = write_file(store, name, bytes_of(bytes, size));
    sodium_memzero(bytes, sizeof bytes);
    return status;
}

/* --- the master key --------------------------------------------------------------------------- */

static struct status read_master(const char *path, struct key *key)
{
    uint8_t bytes[MASTER_FILE_BYTES_MAX];
    size_t size, read_bytes = 0;

    TRY(read_file(path, bytes, sizeof bytes, &size));
    if (size == 0)
        return status_make(STATUS_INVALID_ARGUMENT,
                           "--master-key-file: %.80s: no such file, or "
                           "an empty one",
                           path);
    bool good = size == KEY_BYTES;
    if (good) {
        memcpy(key->bytes, bytes, KEY_BYTES);
    } else {
        good = sodium_hex2bin(key->bytes, KEY_BYTES, (const char *)bytes, size, "\r\n", &read_bytes,
                              NULL) == 0 &&
               read_bytes == KEY_BYTES;
    }
    sodium_memzero(bytes, sizeof bytes);
    return good ? OK
                : status_make(STATUS_INVALID_ARGUMENT,
                              "--master-key-file: %.80s: 32 bytes, or 64 hexadecimal digits", path);
}

/* The first opening decides how the keys here are kept. */
static struct status check_master(struct key_store *store)
{
    uint8_t bytes[FILE_BYTES_MAX + 1];
    char path[PATH_MAX];
    struct key key;
    size_t size;
    bool found;

    TRY(make_path(store, CHECK_NAME, "", path));
    TRY(read_file(path, bytes, sizeof bytes, &size));
    if (size == 0)
        return create_key(store, CHECK_NAME, &key);
    if (size == FILE_BYTES_MAX && !store->has_master)
        return status_make(STATUS_FAILED_PRECONDITION,
                           "keys in %.60s are sealed with a master key: --master-key-file is "
                           "missing",
                           store->directory);
    if (size == KEY_BYTES && store->has_master)
        return status_make(STATUS_FAILED_PRECONDITION,
                           "keys in %.60s are not sealed: they began without --master-key-file",
                           store->directory);
    struct status status = read_key(store, CHECK_NAME, &key, &found);
    if (status.code == STATUS_DATA_LOSS)
        return status_make(STATUS_FAILED_PRECONDITION,
                           "--master-key-file: not the key that those in %.60s are sealed with",
                           store->directory);
    return status;
}

/* Before the first key. The directory itself has to be on disk, too. */
static struct status make_directory(struct key_store *store)
{
    char path[PATH_MAX];

    if (store->is_made)
        return OK;
    if (mkdir(store->directory, 0700) != 0 && errno != EEXIST)
        return refused(store->directory);
    if (snprintf(path, sizeof path, "%s", store->directory) >= PATH_MAX)
        return status_make(STATUS_INVALID_ARGUMENT, "keys: a shorter path");
    TRY(sync_directory(dirname(path)));
    TRY(check_master(store));
    store->is_made = true;
    return OK;
}

/* --- keys of streams ------------------------------------------------------------------------ */

static struct kept_key *slot_of(struct key_store *store, const uint8_t name[NAME_BYTES])
{
    uint16_t index;

    memcpy(&index, name, sizeof index);
    return &store->kept[index % KEYS_IN_MEMORY];
}

static void name_of(struct bytes stream, uint8_t name[NAME_BYTES], char text[NAME_TEXT_BYTES])
{
    crypto_generichash(name, NAME_BYTES, stream.data, stream.size, NULL, 0);
    sodium_bin2hex(text, NAME_TEXT_BYTES, name, NAME_BYTES);
}

struct status key_store_get(struct key_store *store, struct bytes stream, bool create,
                            struct key *key, bool *found)
{
    struct status status = OK;
    uint8_t name[NAME_BYTES];
    char text[NAME_TEXT_BYTES];

    name_of(stream, name, text);
    pthread_mutex_lock(&store->lock);
    struct kept_key *kept = slot_of(store, name);
    *found = memcmp(kept->name, name, NAME_BYTES) == 0;
    if (*found) {
        *key = kept->key;
    } else {
        status = read_key(store, text, key, found);
        if (status_ok(status) && !*found && create) {
            status = make_directory(store);
            if (status_ok(status))
                status = create_key(store, text, key);
            *found = status_ok(status);
        }
        if (status_ok(status) && *found) {
            memcpy(kept->name, name, NAME_BYTES);
            kept->key = *key;
        }
    }
    pthread_mutex_unlock(&store->lock);
    return status;
}

/* Longer than any key, so that half destroyed is destroyed. */
static struct status destroy_file(const struct key_store *store, const char *path)
{
    uint8_t noise[FILE_BYTES_MAX + 1];

    if (access(path, F_OK) != 0)
        return errno == ENOENT ? OK : refused(path);
    randombytes_buf(noise, sizeof noise);
    TRY(write_and_sync(path, 0, bytes_of(noise, sizeof noise)));
    if (unlink(path) != 0)
        return refused(path);
    return sync_directory(store->directory);
}

struct status key_store_destroy(struct key_store *store, struct bytes stream)
{
    uint8_t name[NAME_BYTES];
    char text[NAME_TEXT_BYTES], path[PATH_MAX];

    name_of(stream, name, text);
    TRY(make_path(store, text, "", path));
    pthread_mutex_lock(&store->lock);
    struct kept_key *kept = slot_of(store, name);
    if (memcmp(kept->name, name, NAME_BYTES) == 0)
        sodium_memzero(kept, sizeof *kept);
    struct status status = destroy_file(store, path);
    pthread_mutex_unlock(&store->lock);
    return status;
}

/* --- opening and closing -------------------------------------------------------------------- */

static struct status open_store(struct key_store *store, const struct key_store_options *options)
{
    if (sodium_init() < 0)
        return status_make(STATUS_INTERNAL, "keys: libsodium does not start");
    if (options->master_key_file) {
        TRY(read_master(options->master_key_file, &store->master));
        store->has_master = true;
    }
    return access(store->directory, F_OK) == 0 ? make_directory(store) : OK;
}

struct status key_store_open(const struct key_store_options *options, struct key_store **opened)
{
    struct key_store *store = calloc(1, sizeof *store);
    char *directory = strdup(options->directory);

    if (!store || !directory) {
        free(store);
        free(directory);
        return status_make(STATUS_RESOURCE_EXHAUSTED, "keys: out of memory");
    }
    store->directory = directory;
    pthread_mutex_init(&store->lock, NULL);
    struct status status = open_store(store, options);
    if (status_ok(status))
        *opened = store;
    else
        key_store_close(store);
    return status;
}

void key_store_close(struct key_store *store)
{
    pthread_mutex_destroy(&store->lock);
    free(store->directory);
    sodium_memzero(store, sizeof *store);
    free(store);
}
