/* A closed loop of reads: the same read again as soon as its last page is there. */
#ifndef TESTS_BENCH_PAGES_H
#define TESTS_BENCH_PAGES_H

#include "tests/bench/measure.h"

/* The whole of each read is one call, its events are counted in the pages; a read of other than
 * load->total events ends the process. If not one read ends in time, the time is that of the
 * first. */
void pages_run(const struct load *load, const char *path, const ProtobufCMessage *request,
               struct measured *measured);

#endif
