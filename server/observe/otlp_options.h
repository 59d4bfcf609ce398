/* OpenTelemetry's settings as it specifies them
 * (https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/,
 * https://opentelemetry.io/docs/specs/otel/protocol/exporter/): what is not recognised gives a
 * warning in the log and is as if it were not set. */
#ifndef SERVER_OBSERVE_OTLP_OPTIONS_H
#define SERVER_OBSERVE_OTLP_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/trace.h"

/* As they were written; NULL: not set. */
struct otlp_texts {
    const char *endpoint, *headers, *timeout;
    const char *certificate_file, *client_certificate_file, *client_key_file;
    const char *service_name, *resource_attributes;
    const char *exporter, *sampler, *sampler_arg, *disabled;
    const char *schedule_delay, *export_timeout, *queue_max, *batch_max;
};

struct otlp_pair {
    const char *key;
    const char *value;
};

enum {
    OTLP_PAIRS_MAX = 64,
    OTLP_QUEUE_MAX = 65536,
    OTLP_BATCH_MAX = 8192,
    OTLP_PEM_BYTES_MAX = 256 << 10, /* of each file */
};

struct otlp_options {
    const char *target; /* "host:port" */
    bool is_secure;     /* by TLS */
    const char *roots;  /* PEM texts, as of outbound_tls */
    const char *certificate, *key;
    struct otlp_pair headers[OTLP_PAIRS_MAX];
    size_t header_count;
    struct otlp_pair attributes[OTLP_PAIRS_MAX]; /* of the resource; service.name is the first */
    size_t attribute_count;
    struct sampler sampler;
    size_t queue_max, batch_max;
    int64_t timeout_us, schedule_delay_us, export_timeout_us;
};

/* Texts of the result live in `arena` or are borrowed. False: no traces are wanted. */
bool otlp_options_read(const struct otlp_texts *texts, struct arena *arena,
                       struct otlp_options *options);

#endif
