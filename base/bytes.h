/* Borrowed bytes, valid as long as their owner says, and the two byte orders
 * in use: big-endian in keys (byte order is numeric order), little-endian in
 * values. */
#ifndef BASE_BYTES_H
#define BASE_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define container_of(pointer, type, member) ((type *)((char *)(pointer)-offsetof(type, member)))

struct bytes {
    const uint8_t *data; /* may be NULL when size is 0 */
    size_t size;
};

static inline struct bytes bytes_of(const void *data, size_t size)
{
    return (struct bytes){(const uint8_t *)data, size};
}

static inline struct bytes bytes_of_text(const char *text)
{
    return bytes_of(text, strlen(text));
}

static inline bool bytes_equal(struct bytes a, struct bytes b)
{
    return a.size == b.size && (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

/* Order of unsigned bytes, a prefix before what it is a prefix of. */
static inline int bytes_compare(struct bytes a, struct bytes b)
{
    size_t shared = a.size < b.size ? a.size : b.size;
    int order = shared ? memcmp(a.data, b.data, shared) : 0;
    if (order != 0)
        return order;
    return a.size < b.size ? -1 : a.size > b.size;
}

static inline bool bytes_have_prefix(struct bytes bytes, struct bytes prefix)
{
    return bytes.size >= prefix.size &&
           (prefix.size == 0 || memcmp(bytes.data, prefix.data, prefix.size) == 0);
}

static inline void put_u64_big_endian(uint8_t target[8], uint64_t value)
{
    value = __builtin_bswap64(value);
    memcpy(target, &value, 8);
}

static inline uint64_t get_u64_big_endian(const uint8_t source[8])
{
    uint64_t value;
    memcpy(&value, source, 8);
    return __builtin_bswap64(value);
}

static inline void put_u64_little_endian(uint8_t target[8], uint64_t value)
{
    memcpy(target, &value, 8);
}

static inline uint64_t get_u64_little_endian(const uint8_t source[8])
{
    uint64_t value;
    memcpy(&value, source, 8);
    return value;
}

static inline void put_u32_little_endian(uint8_t target[4], uint32_t value)
{
    memcpy(target, &value, 4);
}

static inline uint32_t get_u32_little_endian(const uint8_t source[4])
{
    uint32_t value;
    memcpy(&value, source, 4);
    return value;
}

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the byte-order functions assume it");

#endif
