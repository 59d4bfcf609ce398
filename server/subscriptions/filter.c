#define PCRE2_CODE_UNIT_WIDTH 8
#include "server/subscriptions/filter.h"

#include <pcre2.h>

#include "base/clock.h"
#include "storage/log/limits.h"

/* The interpreter is used, not the JIT: only it counts every step, so that the limit means
 * the same for every expression. Memory and depth are bounded beside it. */
enum { MATCH_DEPTH_MAX = 10000, MATCH_HEAP_KIB_MAX = 4096 };

static struct status check_prefixes(const char *field, const struct bytes *prefixes, size_t count,
                                    size_t bytes_max)
{
    if (count > FILTER_PREFIXES_MAX)
        return status_make(STATUS_INVALID_ARGUMENT, "%s: at most %d", field, FILTER_PREFIXES_MAX);
    for (size_t i = 0; i < count; i++)
        if (prefixes[i].size == 0 || prefixes[i].size > bytes_max)
            return status_make(STATUS_INVALID_ARGUMENT, "%s[%zu]: 1 to %zu bytes", field, i,
                               bytes_max);
    return OK;
}

static struct status compile(const char *field, struct bytes text, void **regex)
{
    PCRE2_SIZE offset = 0;
    PCRE2_UCHAR reason[128];
    int error = 0;

    *regex = NULL;
    if (text.size == 0)
        return OK;
    if (text.size > FILTER_REGEX_BYTES_MAX)
        return status_make(STATUS_INVALID_ARGUMENT, "%s: at most %d bytes", field,
                           FILTER_REGEX_BYTES_MAX);
    *regex = pcre2_compile(text.data, text.size, PCRE2_UTF | PCRE2_NEVER_BACKSLASH_C, &error,
                           &offset, NULL);
    if (*regex)
        return OK;
    pcre2_get_error_message(error, reason, sizeof reason);
    return status_make(STATUS_INVALID_ARGUMENT, "%s: %s at offset %zu", field, (char *)reason,
                       (size_t)offset);
}

static pcre2_match_context *limits_create(void)
{
    pcre2_match_context *limits = pcre2_match_context_create(NULL);

    if (limits) {
        pcre2_set_match_limit(limits, FILTER_MATCH_STEPS_MAX);
        pcre2_set_depth_limit(limits, MATCH_DEPTH_MAX);
        pcre2_set_heap_limit(limits, MATCH_HEAP_KIB_MAX);
    }
    return limits;
}

static struct status filter_compile(struct filter *filter, const struct filter_rules *rules)
{
    TRY(check_prefixes("filter.stream_prefixes", rules->stream_prefixes, rules->stream_prefix_count,
                       STREAM_NAME_BYTES_MAX));
    TRY(check_prefixes("filter.type_prefixes", rules->type_prefixes, rules->type_prefix_count,
                       EVENT_TYPE_BYTES_MAX));
    TRY(compile(filter->stream.regex_field, rules->stream_regex, &filter->stream.regex));
    TRY(compile(filter->type.regex_field, rules->type_regex, &filter->type.regex));
    if (!filter->stream.regex && !filter->type.regex)
        return OK;
    filter->limits = limits_create();
    if (!filter->limits)
        return status_make(STATUS_RESOURCE_EXHAUSTED, "filter: out of memory");
    return OK;
}

struct status filter_init(struct filter *filter, const struct filter_rules *rules)
{
    struct status status;

    *filter = (struct filter){
        .stream = {"filter.stream_regex", rules->stream_prefixes, rules->stream_prefix_count, NULL},
        .type = {"filter.type_regex", rules->type_prefixes, rules->type_prefix_count, NULL},
    };
    status = filter_compile(filter, rules);
    if (!status_ok(status))
        filter_destroy(filter);
    return status;
}

void filter_destroy(struct filter *filter)
{
    filter_rest(filter);
    pcre2_match_context_free(filter->limits);
    pcre2_code_free(filter->stream.regex);
    pcre2_code_free(filter->type.regex);
    *filter = (struct filter){0};
}

void filter_rest(struct filter *filter)
{
    pcre2_match_data_free(filter->match);
    filter->match = NULL;
}

static bool matches_prefix(const struct filter_part *part, struct bytes text)
{
    if (part->prefix_count == 0)
        return true;
    for (size_t i = 0; i < part->prefix_count; i++)
        if (bytes_have_prefix(text, part->prefixes[i]))
            return true;
    return false;
}

/* Text that is not UTF-8 matches nothing. */
static bool is_not_utf8(int error)
{
    return error <= PCRE2_ERROR_UTF8_ERR1 && error >= PCRE2_ERROR_UTF8_ERR21;
}

/* Why matching gave up. All but the lack of memory is the expression's fault. */
static struct status explain(const char *field, int error)
{
    PCRE2_UCHAR reason[128];

    switch (error) {
    case PCRE2_ERROR_MATCHLIMIT:
    case PCRE2_ERROR_DEPTHLIMIT:
    case PCRE2_ERROR_HEAPLIMIT:
        return status_make(STATUS_INVALID_ARGUMENT,
                           "%s: matching one name may take at most %d steps", field,
                           FILTER_MATCH_STEPS_MAX);
    case PCRE2_ERROR_NOMEMORY:
        return status_make(STATUS_RESOURCE_EXHAUSTED, "filter: out of memory");
    default: /* it recurses without end, for example */
        pcre2_get_error_message(error, reason, sizeof reason);
        return status_make(STATUS_INVALID_ARGUMENT, "%s: %s", field, (char *)reason);
    }
}

static bool matches_regex(struct filter *filter, const struct filter_part *part, struct bytes text)
{
    int result;

    if (!part->regex)
        return true;
    if (!filter->match)
        filter->match = pcre2_match_data_create(1, NULL);
    if (!filter->match) {
        filter->failure = status_make(STATUS_RESOURCE_EXHAUSTED, "filter: out of memory");
        return false;
    }
    result = pcre2_match(part->regex, text.data, text.size, 0, 0, filter->match, filter->limits);
    filter->turn_is_over |= clock_monotonic_us(system_clock()) >= filter->turn_end_us;
    if (result >= 0)
        return true;
    if (result != PCRE2_ERROR_NOMATCH && !is_not_utf8(result))
        filter->failure = explain(part->regex_field, result);
    return false;
}

void filter_begin_turn(struct filter *filter)
{
    filter->turn_is_over = false;
    if (filter->limits) /* it has expressions */
        filter->turn_end_us = clock_monotonic_us(system_clock()) + FILTER_TURN_US;
}

bool filter_accepts(struct filter *filter, struct bytes stream, struct bytes type)
{
    return status_ok(filter->failure) && matches_prefix(&filter->stream, stream) &&
           matches_prefix(&filter->type, type) && matches_regex(filter, &filter->type, type) &&
           matches_regex(filter, &filter->stream, stream);
}
