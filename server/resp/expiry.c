#include "server/resp/expiry.h"

#include "base/clock.h"
#include "server/resp/commands.h"
#include "server/resp/number.h"

int64_t expiry_ms(int64_t expires_us)
{
    return expires_us / 1000 + (expires_us % 1000 > 0);
}

/* Redis counts in milliseconds, so its latest times are beyond ours: they become our latest. */
static int64_t to_us(int64_t expires_ms)
{
    if (expires_ms > (VALUE_NO_EXPIRY - 1) / 1000)
        return VALUE_NO_EXPIRY - 1;
    return expires_ms < INT64_MIN / 1000 ? INT64_MIN : expires_ms * 1000;
}

bool expiry_read(struct bytes text, struct expiry_form form, bool positive, const char *command,
                 int64_t *expires_us, struct reply *reply)
{
    int64_t now_ms = clock_wall_us(system_clock()) / 1000;
    int64_t time;

    if (!number_read(text, &time)) {
        reply_not_an_integer(reply);
        return false;
    }
    if ((positive && time <= 0) || (form.seconds && __builtin_mul_overflow(time, 1000, &time)) ||
        (!form.absolute && time > INT64_MAX - now_ms)) {
        reply_error(reply, "ERR invalid expire time in '%s' command", command);
        return false;
    }
    *expires_us = to_us(form.absolute ? time : time + now_ms);
    return true;
}

bool expiry_is_option(const struct request *request, uint32_t *index, struct expiry_form *form)
{
    static const struct {
        const char *name;
        struct expiry_form form;
    } options[] = {
        {"ex", {.seconds = true}},
        {"px", {.seconds = false}},
        {"exat", {.seconds = true, .absolute = true}},
        {"pxat", {.absolute = true}},
    };

    if (*index + 1 >= request->count)
        return false;
    for (size_t i = 0; i < sizeof options / sizeof *options; i++)
        if (argument_is(request, *index, options[i].name)) {
            *form = options[i].form;
            (*index)++;
            return true;
        }
    return false;
}
