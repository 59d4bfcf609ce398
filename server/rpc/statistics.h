/* What the runtime counts: how long calls took, by method and code. Of a loop, on its thread. */
#ifndef SERVER_RPC_STATISTICS_H
#define SERVER_RPC_STATISTICS_H

#include "base/metric.h"

enum { CODE_COUNT = 17 }; /* gRPC's: 0..16 */

/* Of one method. */
struct method_counts {
    struct counter begun;
    struct distribution ended_us[CODE_COUNT];
};

struct loop_counts {
    struct method_counts *methods; /* by row; the last: of methods that nobody has registered */
    struct counter requests_too_large;
    struct counter stalled; /* streams whose client took nothing */
};

struct call;

void loop_counts_init(struct loop_counts *counts, size_t method_count);
void loop_counts_destroy(struct loop_counts *counts);

void count_begun(struct call *call);
void count_ended(struct call *call);

#endif
