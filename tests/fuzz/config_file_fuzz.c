/* Any bytes as a configuration file: lines with names and values, or a message that says what is
 * wrong. */
#define _GNU_SOURCE /* memfd_create */
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "server/config/config.h"
#include "tests/fuzz/input.h"

static char *no_environment(const char *name)
{
    (void)name;
    return NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char path[32];
    char *argv[] = {(char *)"serve", (char *)"--config", path, NULL};
    struct config config;
    int file = memfd_create("config", MFD_CLOEXEC);

    FUZZ_REQUIRE(file >= 0 && write(file, data, size) == (ssize_t)size);
    snprintf(path, sizeof path, "/proc/self/fd/%d", file);
    struct status status = config_read(3, argv, no_environment, &config);
    close(file);
    if (status_ok(status)) {
        FUZZ_REQUIRE(config.data && config.listen && config.rpc_threads >= 1);
        config_destroy(&config);
    } else {
        FUZZ_REQUIRE(status.code == STATUS_INVALID_ARGUMENT && status.message[0] != 0);
    }
    return 0;
}
