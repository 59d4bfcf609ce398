#include "clients/cli/input.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <zlib.h>

struct status input_open(struct input *input, int descriptor)
{
    struct stat stat;

    *input = (struct input){0};
    if (fstat(descriptor, &stat) == 0 && S_ISREG(stat.st_mode))
        input->size = (uint64_t)stat.st_size;
    if (S_ISDIR(stat.st_mode))
        return status_make(STATUS_INVALID_ARGUMENT, "is a directory");
    input->file = gzdopen(descriptor, "rb");
    if (!input->file)
        return status_make(STATUS_RESOURCE_EXHAUSTED, "out of memory");
    return OK;
}

void input_close(struct input *input)
{
    if (input->file)
        gzclose(input->file);
    input->file = NULL;
}

uint64_t input_offset(const struct input *input)
{
    z_off_t offset = gzoffset(input->file);
    return offset > 0 ? (uint64_t)offset : 0;
}

int input_refill(struct input *input)
{
    if (!status_ok(input->status))
        return 0;
    int count = gzread(input->file, input->buffer, sizeof input->buffer);
    if (count > 0) {
        input->at = 0;
        input->end = (size_t)count;
        return 1;
    }
    int code;
    const char *message = gzerror(input->file, &code);
    if (code == Z_BUF_ERROR)
        input->status = status_make(STATUS_DATA_LOSS, "the gzip data ends too early");
    else if (code == Z_ERRNO)
        input->status = status_make(STATUS_UNKNOWN, "read: %s", strerror(errno));
    else if (code != Z_OK && code != Z_STREAM_END)
        input->status = status_make(STATUS_DATA_LOSS, "damaged gzip data: %s", message);
    return 0;
}
