/* A progress bar on stderr, if that is a terminal. */
#ifndef CLIENTS_CLI_PROGRESS_H
#define CLIENTS_CLI_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

struct progress {
    bool shown;
    int64_t started_us, drawn_us; /* monotonic */
};

void progress_start(struct progress *progress);

/* Draws at most ten times a second. `done` of `total` bytes are read; total 0: not known. */
void progress_update(struct progress *progress, uint64_t rows, uint64_t done, uint64_t total);

/* Wipes the bar; the seconds since the start. */
double progress_end(struct progress *progress);

#endif
