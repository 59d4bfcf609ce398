/* `sagabase serve`: the composition root. */
#ifndef SERVER_SERVE_H
#define SERVER_SERVE_H

#include <stddef.h>

/* Opens the store and serves until SIGINT or SIGTERM; argv[0] is "serve". Returns
 * the exit code of the process: 0 after an orderly end, 1 when it could not start (one line
 * on stderr says why) or the store failed, 2 for a wrong option. Call it in the
 * main thread, before any other thread exists. */
int serve_main(int argc, char **argv);

/* The names of its flags, one by one; NULL behind the last. */
const char *serve_flag(size_t index);

#endif
