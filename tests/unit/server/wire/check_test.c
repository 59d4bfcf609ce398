/* Hostile bytes. Goal: whatever arrives, check_request() decides it in bounded stack and
 * time, and what it lets through can be unpacked safely. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "google/protobuf/descriptor.pb-c.h"
#include "grpc/health/v1/health.pb-c.h"
#include "grpc/reflection/v1/reflection.pb-c.h"
#include "server/wire/check.h"

#define TEXT      (&grpc__health__v1__health_check_request__descriptor)
#define RECURSIVE (&google__protobuf__descriptor_proto__descriptor) /* nested_type = 3 */
#define RESPONSE  (&grpc__reflection__v1__server_reflection_response__descriptor)

#define BYTES(literal) bytes_of(literal, sizeof literal - 1)

static void assert_refused(const ProtobufCMessageDescriptor *type, struct bytes wire,
                           enum status_code code, const char *message)
{
    struct status status = check_request(type, wire);

    assert_int_equal(status.code, code);
    assert_string_equal(status.message, message);
}

static void assert_text(const char *text, bool is_text)
{
    uint8_t wire[32] = {0x0a, (uint8_t)strlen(text)};

    memcpy(wire + 2, text, strlen(text));
    struct status status = check_request(TEXT, bytes_of(wire, 2 + strlen(text)));
    if (status_ok(status) != is_text)
        fail_msg("\"%s\" %s", text, is_text ? status.message : "was let through");
}

static void utf8_passes(void **state)
{
    (void)state;
    assert_text("", true);
    assert_text("plain", true);
    assert_text("\x7f", true);
    assert_text("\xc2\x80", true);         /* the first of two bytes */
    assert_text("\xdf\xbf", true);         /* the last */
    assert_text("\xe0\xa0\x80", true);     /* the first of three */
    assert_text("\xed\x9f\xbf", true);     /* the last before the surrogates */
    assert_text("\xee\x80\x80", true);     /* the first after them */
    assert_text("\xf0\x90\x80\x80", true); /* the first of four */
    assert_text("\xf4\x8f\xbf\xbf", true); /* U+10FFFF */
    assert_text("\xf0\x9f\x8e\x89 and more", true);
}

static void what_is_not_utf8_is_refused(void **state)
{
    (void)state;
    assert_text("\x80", false);                 /* a follower alone */
    assert_text("a\xc3", false);                /* a lead alone */
    assert_text("\xc3(", false);                /* a lead without its follower */
    assert_text("\xe2\x82", false);             /* two of three */
    assert_text("\xf0\x9f\x8e", false);         /* three of four */
    assert_text("\xf8\x88\x80\x80\x80", false); /* five */
    assert_text("\xff", false);
}

static void overlong_forms_are_refused(void **state)
{
    (void)state;
    assert_text("\xc0\x80", false); /* NUL in disguise */
    assert_text("\xc0\xaf", false);
    assert_text("\xc1\xbf", false);
    assert_text("\xe0\x9f\xbf", false);
    assert_text("\xf0\x8f\xbf\xbf", false);
}

static void surrogates_and_beyond_are_refused(void **state)
{
    (void)state;
    assert_text("\xed\xa0\x80", false);
    assert_text("\xed\xbf\xbf", false);
    assert_text("\xf4\x90\x80\x80", false); /* U+110000 */
    assert_text("\xf5\x80\x80\x80", false);
}

static void nul_in_text_is_refused(void **state)
{
    (void)state;
    assert_refused(TEXT,
                   BYTES("\x0a\x03"
                         "a\0b"),
                   STATUS_INVALID_ARGUMENT, "service: not UTF-8 text without NUL");
    assert_refused(TEXT, BYTES("\x0a\x01\0"), STATUS_INVALID_ARGUMENT,
                   "service: not UTF-8 text without NUL");
}

static void errors_name_the_path_of_the_field(void **state)
{
    (void)state;
    assert_refused(RESPONSE, BYTES("\x12\x03\x0a\x01\xff"), STATUS_INVALID_ARGUMENT,
                   "original_request.host: not UTF-8 text without NUL");
    assert_refused(RESPONSE, BYTES("\x12\x02\x0a\x05"), STATUS_INVALID_ARGUMENT,
                   "original_request: malformed");
    assert_refused(RESPONSE,
                   BYTES("\x12\x06\x2a\x04\x0a\x02"
                         "a\xff"),
                   STATUS_INVALID_ARGUMENT,
                   "original_request.file_containing_extension.containing_type: "
                   "not UTF-8 text without NUL");
}

static void malformed_bytes_are_refused(void **state)
{
    static const struct bytes malformed[] = {
        {(const uint8_t *)"\x0a", 1}, /* tag alone */
        {(const uint8_t *)"\x0a\x05"
                          "abc",
         5},                                                                   /* too short */
        {(const uint8_t *)"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\x7f", 10},     /* far too short */
        {(const uint8_t *)"\x80", 1},                                          /* half a tag */
        {(const uint8_t *)"\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01", 11}, /* endless tag */
        {(const uint8_t *)"\x10\x80", 2},                                      /* half a varint */
        {(const uint8_t *)"\x11\x01\x02\x03", 4},                              /* half of 64 bits */
        {(const uint8_t *)"\x15\x01\x02", 3},                                  /* half of 32 bits */
        {(const uint8_t *)"\x0b\x0c", 2},                                      /* a group */
        {(const uint8_t *)"\x0e", 1},                                          /* wire type 6 */
        {(const uint8_t *)"\x0f", 1},                                          /* wire type 7 */
        {(const uint8_t *)"\x02\x00", 2},                                      /* field number 0 */
        {(const uint8_t *)"\x82\x80\x80\x80\x10\x00", 6},                      /* beyond 2^29 - 1 */
    };

    (void)state;
    for (unsigned i = 0; i < sizeof malformed / sizeof *malformed; i++)
        assert_refused(TEXT, malformed[i], STATUS_INVALID_ARGUMENT,
                       "HealthCheckRequest: malformed");
}

static void unknown_fields_pass(void **state)
{
    (void)state;
    assert_true(status_ok(check_request(TEXT, BYTES("\x50\x01\x5a\x02\xff\x00"))));
    assert_true(status_ok(check_request(TEXT, BYTES(""))));
}

/* `levels` messages within each other; the size of what was written to the end of `wire`. */
static size_t nest(uint8_t *wire, size_t capacity, unsigned levels)
{
    size_t size = 0;

    for (unsigned level = 1; level < levels; level++) {
        uint8_t prefix[6] = {0x1a};
        size_t prefix_size = 1;
        for (size_t rest = size; prefix_size == 1 || rest; rest >>= 7)
            prefix[prefix_size++] = (uint8_t)((rest & 0x7f) | (rest > 0x7f ? 0x80 : 0));
        size += prefix_size;
        assert_true(size <= capacity);
        memcpy(wire + capacity - size, prefix, prefix_size);
    }
    return size;
}

static void depth_is_limited(void **state)
{
    enum { CAPACITY = 1 << 20 };
    uint8_t *wire = malloc(CAPACITY);
    size_t size = nest(wire, CAPACITY, CHECK_DEPTH_MAX);

    (void)state;
    assert_true(status_ok(check_request(RECURSIVE, bytes_of(wire + CAPACITY - size, size))));
    static const unsigned deeper[] = {CHECK_DEPTH_MAX + 1, 20000, 100000};
    for (unsigned i = 0; i < 3; i++) {
        size = nest(wire, CAPACITY, deeper[i]);
        struct status status = check_request(RECURSIVE, bytes_of(wire + CAPACITY - size, size));
        assert_int_equal(status.code, STATUS_INVALID_ARGUMENT);
        assert_non_null(strstr(status.message, "nested too deeply"));
    }
    free(wire);
}

static void number_of_fields_is_limited(void **state)
{
    size_t size = 2 * (size_t)CHECK_FIELDS_MAX;
    uint8_t *wire = malloc(size + 2);

    (void)state;
    for (size_t i = 0; i < size + 2; i += 2) { /* empty nested types */
        wire[i] = 0x1a;
        wire[i + 1] = 0;
    }
    assert_true(status_ok(check_request(RECURSIVE, bytes_of(wire, size))));
    assert_refused(RECURSIVE, bytes_of(wire, size + 2), STATUS_RESOURCE_EXHAUSTED,
                   "DescriptorProto: too many fields in one request");
    free(wire);
}

/* Fields within messages count, too: the limit is the request's. */
static void fields_of_all_messages_are_counted(void **state)
{
    enum { INNER = 1000, INNER_BYTES = 2 * INNER, OUTER = CHECK_FIELDS_MAX / INNER + 1 };
    size_t size = (size_t)OUTER * (3 + INNER_BYTES);
    uint8_t *wire = malloc(size), *at = wire;

    (void)state;
    for (unsigned i = 0; i < OUTER; i++) {
        *at++ = 0x1a;
        *at++ = (INNER_BYTES & 0x7f) | 0x80;
        *at++ = INNER_BYTES >> 7;
        for (unsigned field = 0; field < INNER; field++) {
            *at++ = 0x50; /* unknown, a varint */
            *at++ = 0x01;
        }
    }
    struct status status = check_request(RECURSIVE, bytes_of(wire, size));
    assert_int_equal(status.code, STATUS_RESOURCE_EXHAUSTED);
    free(wire);
}

static uint32_t next_random(uint32_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 17;
    *state ^= *state << 5;
    return *state;
}

/* Random bytes, biased to those that mean something, so that many get far. What passes
 * is unpacked: the sanitizers watch. */
static void random_bytes_are_decided(void **state)
{
    static const uint8_t likely[] = {0x0a, 0x12, 0x1a, 0x22, 0x2a, 0, 1, 2, 3, 4, 8, 'a', 0x80};
    uint32_t random = 20261121;
    unsigned passed = 0, refused = 0;

    (void)state;
    for (unsigned round = 0; round < 100000; round++) {
        uint8_t wire[48];
        size_t size = next_random(&random) % sizeof wire;
        for (size_t i = 0; i < size; i++) {
            uint32_t value = next_random(&random);
            wire[i] = value & 0x300 ? likely[value % sizeof likely] : (uint8_t)value;
        }
        if (!status_ok(check_request(RECURSIVE, bytes_of(wire, size)))) {
            refused++;
            continue;
        }
        passed++;
        ProtobufCMessage *message = protobuf_c_message_unpack(RECURSIVE, NULL, size, wire);
        if (message)
            protobuf_c_message_free_unpacked(message, NULL);
    }
    assert_true(passed > 1000);
    assert_true(refused > 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(utf8_passes),
        cmocka_unit_test(what_is_not_utf8_is_refused),
        cmocka_unit_test(overlong_forms_are_refused),
        cmocka_unit_test(surrogates_and_beyond_are_refused),
        cmocka_unit_test(nul_in_text_is_refused),
        cmocka_unit_test(errors_name_the_path_of_the_field),
        cmocka_unit_test(malformed_bytes_are_refused),
        cmocka_unit_test(unknown_fields_pass),
        cmocka_unit_test(depth_is_limited),
        cmocka_unit_test(number_of_fields_is_limited),
        cmocka_unit_test(fields_of_all_messages_are_counted),
        cmocka_unit_test(random_bytes_are_decided),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
