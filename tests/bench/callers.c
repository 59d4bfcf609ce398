#include "tests/bench/callers.h"

#include <assert.h>

static void send_next(struct caller *caller);

static void on_answer(void *context, struct status status, struct bytes response)
{
    struct caller *caller = context;

    (void)response;
    must(status);
    run_count(&caller->callers->run, caller->sent_us, caller->callers->events);
    if (!run_is_over(&caller->callers->run))
        send_next(caller);
}

static void send_next(struct caller *caller)
{
    if (caller->callers->calls_left == 0)
        return;
    caller->callers->calls_left--;
    caller->sent_us = now_us();
    caller->callers->send(caller, on_answer);
}

static void start_all(struct callers *callers, const struct load *load)
{
    assert(load->outstanding > 0 && load->outstanding <= OUTSTANDING_MAX);
    for (unsigned i = 0; i < load->outstanding; i++) {
        callers->all[i] = (struct caller){.callers = callers, .connection = i};
        send_next(&callers->all[i]);
    }
}

void callers_run(struct callers *callers, const struct load *load, struct measured *measured)
{
    callers->calls_left = UINT64_MAX;
    run_start(&callers->run, load, measured);
    start_all(callers, load);
    run_until_over(&callers->run);
}

void callers_run_calls(struct callers *callers, const struct load *load, uint64_t calls,
                       struct measured *measured)
{
    int64_t began_us = now_us();

    callers->calls_left = calls;
    run_start(&callers->run, load, measured);
    callers->run.from_us = began_us;
    callers->run.to_us = INT64_MAX;
    start_all(callers, load);
    run_end(&callers->run);
    measured->seconds = (double)(now_us() - began_us) / 1e6;
}
