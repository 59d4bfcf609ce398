#define _GNU_SOURCE /* memmem */
#include "server/observe/otlp_options.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/log.h"

enum {
    TIMEOUT_MS = 10000,
    SCHEDULE_DELAY_MS = 5000,
    EXPORT_TIMEOUT_MS = 30000,
    QUEUE = 2048,
    BATCH = 512,
    MS_MAX = 3600000,
};

/* Without the value: it may be a secret. */
static void ignore(const char *setting, const char *rule)
{
    log_line(LOG_WARN, "traces", "ignored", "setting=%s rule=\"%s\"", setting, rule);
}

static int64_t read_number(const char *setting, const char *text, int64_t min, int64_t max,
                           int64_t fallback)
{
    char *end;

    if (!text)
        return fallback;
    errno = 0;
    long long number = strtoll(text, &end, 10);
    if (errno == 0 && end != text && *end == 0 && number >= min && number <= max)
        return number;
    log_line(LOG_WARN, "traces", "ignored", "setting=%s rule=\"a number from %lld to %lld\"",
             setting, (long long)min, (long long)max);
    return fallback;
}

static double read_ratio(const char *text)
{
    char *end;

    if (!text)
        return 1;
    double ratio = strtod(text, &end);
    if (end != text && *end == 0 && ratio >= 0 && ratio <= 1)
        return ratio;
    ignore("OTEL_TRACES_SAMPLER_ARG", "a number from 0 to 1");
    return 1;
}

static struct sampler read_sampler(const struct otlp_texts *texts)
{
    static const struct {
        const char *name;
        enum sampler_kind kind;
        bool parent_based;
    } samplers[] = {
        {"parentbased_always_on", SAMPLE_ALL, true},
        {"parentbased_always_off", SAMPLE_NONE, true},
        {"parentbased_traceidratio", SAMPLE_RATIO, true},
        {"always_on", SAMPLE_ALL, false},
        {"always_off", SAMPLE_NONE, false},
        {"traceidratio", SAMPLE_RATIO, false},
    };

    for (size_t i = 0; texts->sampler && i < sizeof samplers / sizeof *samplers; i++)
        if (strcmp(texts->sampler, samplers[i].name) == 0)
            return (struct sampler){
                samplers[i].kind,
                samplers[i].kind == SAMPLE_RATIO ? read_ratio(texts->sampler_arg) : 1,
                samplers[i].parent_based};
    if (texts->sampler)
        ignore("OTEL_TRACES_SAMPLER", "always_on, always_off, traceidratio, or parentbased_ and "
                                      "one of these");
    return (struct sampler){SAMPLE_ALL, 1, true};
}

/* --- lists: key=value,key=value, values percent-encoded (W3C Baggage) ---------------------------
 */

static int digit_value(char digit)
{
    if (digit >= '0' && digit <= '9')
        return digit - '0';
    digit |= 0x20;
    return digit >= 'a' && digit <= 'f' ? digit - 'a' + 10 : -1;
}

/* In place. */
static void percent_decode(char *text)
{
    char *to = text;

    for (const char *from = text; *from; from++) {
        int high = *from == '%' ? digit_value(from[1]) : -1;
        int low = high >= 0 ? digit_value(from[2]) : -1;
        if (low >= 0 && (high | low) != 0) {
            *to++ = (char)(high << 4 | low);
            from += 2;
        } else {
            *to++ = *from;
        }
    }
    *to = 0;
}

static char *trim(char *text)
{
    text += strspn(text, " \t");
    for (size_t size = strlen(text); size > 0 && strchr(" \t", text[size - 1]); size--)
        text[size - 1] = 0;
    return text;
}

static void read_pairs(const char *setting, const char *list, struct arena *arena,
                       struct otlp_pair pairs[OTLP_PAIRS_MAX], size_t *count)
{
    char *text = list ? (char *)arena_copy(arena, bytes_of_text(list)).data : NULL;
    char *rest = text;

    for (char *pair; text && (pair = strsep(&rest, ",")) != NULL;) {
        char *value = strchr(pair, '=');
        if (*trim(pair) == 0)
            continue;
        if (!value || *count == OTLP_PAIRS_MAX) {
            ignore(setting, value ? "too many pairs" : "key=value,key=value");
            return;
        }
        *value++ = 0;
        percent_decode(value);
        pairs[(*count)++] = (struct otlp_pair){trim(pair), trim(value)};
    }
}

/* What gRPC can send; it would end the process at anything else. In place: HTTP/2 has lower case
 * only. */
static bool is_header(const struct otlp_pair *pair)
{
    char *at = (char *)pair->key;

    for (; *at; at++) {
        if (*at >= 'A' && *at <= 'Z')
            *at |= 0x20;
        if (!strchr("0123456789abcdefghijklmnopqrstuvwxyz-_.", *at))
            return false;
    }
    for (const char *byte = pair->value; *byte; byte++)
        if (*byte < ' ' || *byte > '~')
            return false;
    return at > pair->key;
}

static void read_headers(const struct otlp_texts *texts, struct arena *arena,
                         struct otlp_options *options)
{
    size_t count = 0;

    read_pairs("OTEL_EXPORTER_OTLP_HEADERS", texts->headers, arena, options->headers, &count);
    for (size_t i = 0; i < count; i++)
        if (is_header(&options->headers[i]))
            options->headers[options->header_count++] = options->headers[i];
        else
            ignore("OTEL_EXPORTER_OTLP_HEADERS",
                   "keys of letters, digits and -_. and values of printable ASCII");
}

/* OTEL_SERVICE_NAME wins over service.name of the list. */
static void read_resource(const struct otlp_texts *texts, struct arena *arena,
                          struct otlp_options *options)
{
    struct otlp_pair *name = &options->attributes[options->attribute_count++];
    size_t kept = 1;

    *name = (struct otlp_pair){"service.name", "sagabase"};
    read_pairs("OTEL_RESOURCE_ATTRIBUTES", texts->resource_attributes, arena, options->attributes,
               &options->attribute_count);
    for (size_t i = 1; i < options->attribute_count; i++)
        if (strcmp(options->attributes[i].key, "service.name") == 0)
            name->value = options->attributes[i].value;
        else
            options->attributes[kept++] = options->attributes[i];
    options->attribute_count = kept;
    if (texts->service_name)
        name->value = texts->service_name;
}

/* --- the endpoint -------------------------------------------------------------------------------
 */

static bool has_scheme(const char *endpoint, const char *scheme)
{
    return strncmp(endpoint, scheme, strlen(scheme)) == 0;
}

/* Of "http://host:port/" what gRPC takes. NULL: it cannot be used. */
static const char *read_endpoint(const char *endpoint, struct arena *arena)
{
    const char *scheme = strstr(endpoint, "://");

    if (scheme && !has_scheme(endpoint, "http://") && !has_scheme(endpoint, "https://")) {
        ignore("OTEL_EXPORTER_OTLP_ENDPOINT", "http://HOST:PORT or https://HOST:PORT");
        return NULL;
    }
    const char *host = scheme ? scheme + 3 : endpoint;
    size_t size = strcspn(host, "/");
    if (size == 0) {
        ignore("OTEL_EXPORTER_OTLP_ENDPOINT", "http://HOST:PORT");
        return NULL;
    }
    return (const char *)arena_copy(arena, bytes_of(host, size)).data;
}

/* A PEM file as text. NULL: none was named, or it cannot be used. */
static const char *read_pem(const char *setting, const char *path, struct arena *arena)
{
    FILE *file = path ? fopen(path, "re") : NULL;
    uint8_t *text = file ? malloc(OTLP_PEM_BYTES_MAX + 1) : NULL;
    size_t size = text ? fread(text, 1, OTLP_PEM_BYTES_MAX + 1, file) : 0;
    const char *pem = NULL;

    if (size > 0 && size <= OTLP_PEM_BYTES_MAX && memmem(text, size, "-----BEGIN ", 11))
        pem = (const char *)arena_copy(arena, bytes_of(text, size)).data;
    else if (path)
        ignore(setting, "a PEM file that can be read, of at most 256 KiB");
    free(text);
    if (file)
        fclose(file);
    return pem;
}

static void read_tls(const struct otlp_texts *texts, struct arena *arena,
                     struct otlp_options *options)
{
    options->is_secure = has_scheme(texts->endpoint, "https://");
    if (!options->is_secure)
        return;
    options->roots = read_pem("OTEL_EXPORTER_OTLP_CERTIFICATE", texts->certificate_file, arena);
    options->certificate =
        read_pem("OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE", texts->client_certificate_file, arena);
    options->key = read_pem("OTEL_EXPORTER_OTLP_CLIENT_KEY", texts->client_key_file, arena);
    if (!options->certificate != !options->key) {
        ignore("OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE",
               "together with OTEL_EXPORTER_OTLP_CLIENT_KEY");
        options->certificate = options->key = NULL;
    }
}

static bool is_wanted(const struct otlp_texts *texts)
{
    if (!texts->endpoint || (texts->disabled && strcasecmp(texts->disabled, "true") == 0))
        return false;
    if (texts->disabled && strcasecmp(texts->disabled, "false") != 0)
        ignore("OTEL_SDK_DISABLED", "true or false");
    if (!texts->exporter || strcmp(texts->exporter, "otlp") == 0)
        return true;
    if (strcmp(texts->exporter, "none") != 0)
        ignore("OTEL_TRACES_EXPORTER", "otlp or none");
    return strcmp(texts->exporter, "none") != 0;
}

bool otlp_options_read(const struct otlp_texts *texts, struct arena *arena,
                       struct otlp_options *options)
{
    const char *target = is_wanted(texts) ? read_endpoint(texts->endpoint, arena) : NULL;

    if (!target)
        return false;
    *options = (struct otlp_options){.target = target, .sampler = read_sampler(texts)};
    read_tls(texts, arena, options);
    read_headers(texts, arena, options);
    read_resource(texts, arena, options);
    options->queue_max =
        (size_t)read_number("OTEL_BSP_MAX_QUEUE_SIZE", texts->queue_max, 1, OTLP_QUEUE_MAX, QUEUE);
    options->batch_max = (size_t)read_number("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", texts->batch_max, 1,
                                             OTLP_BATCH_MAX, BATCH);
    if (options->batch_max > options->queue_max)
        options->batch_max = options->queue_max;
    options->timeout_us =
        1000 * read_number("OTEL_EXPORTER_OTLP_TIMEOUT", texts->timeout, 1, MS_MAX, TIMEOUT_MS);
    options->schedule_delay_us =
        1000 *
        read_number("OTEL_BSP_SCHEDULE_DELAY", texts->schedule_delay, 1, MS_MAX, SCHEDULE_DELAY_MS);
    options->export_timeout_us =
        1000 *
        read_number("OTEL_BSP_EXPORT_TIMEOUT", texts->export_timeout, 1, MS_MAX, EXPORT_TIMEOUT_MS);
    return true;
}
