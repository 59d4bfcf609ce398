/* Stands in for libFuzzer's main(): runs the target over the files it is given. */
#include <stdio.h>
#include <stdlib.h>

#include "tests/fuzz/input.h"

enum { FILE_BYTES_MAX = 1 << 20 };

static int replay(const char *path)
{
    uint8_t *bytes = malloc(FILE_BYTES_MAX);
    FILE *file = fopen(path, "rb");

    FUZZ_REQUIRE(bytes);
    if (!file) {
        perror(path);
        free(bytes);
        return 1;
    }
    size_t size = fread(bytes, 1, FILE_BYTES_MAX, file);
    fclose(file);
    /* Its own block, so that a sanitizer sees the byte behind it. */
    uint8_t *exact = malloc(size ? size : 1);
    FUZZ_REQUIRE(exact);
    for (size_t i = 0; i < size; i++)
        exact[i] = bytes[i];
    free(bytes);
    fprintf(stderr, "%s\n", path); /* the last one named is the culprit */
    LLVMFuzzerTestOneInput(exact, size);
    free(exact);
    return 0;
}

int main(int argc, char **argv)
{
    int failed = argc < 2;

    for (int i = 1; i < argc; i++)
        failed |= replay(argv[i]);
    printf("%d inputs\n", argc - 1);
    return failed;
}
