#include "clients/cli/nearest.h"

#include <string.h>

enum { NAME_BYTES_MAX = 64 };

static unsigned least(unsigned a, unsigned b, unsigned c)
{
    unsigned ab = a < b ? a : b;
    return ab < c ? ab : c;
}

/* How many characters to insert, delete or replace (Levenshtein), one row at a time. */
static unsigned distance(const char *a, size_t a_size, const char *b, size_t b_size)
{
    unsigned row[NAME_BYTES_MAX + 1];

    for (size_t j = 0; j <= b_size; j++)
        row[j] = (unsigned)j;
    for (size_t i = 1; i <= a_size; i++) {
        unsigned diagonal = row[0];
        row[0] = (unsigned)i;
        for (size_t j = 1; j <= b_size; j++) {
            unsigned replaced = diagonal + (a[i - 1] != b[j - 1]);
            diagonal = row[j];
            row[j] = least(replaced, row[j] + 1, row[j - 1] + 1);
        }
    }
    return row[b_size];
}

struct nearest nearest_to(const char *typed, size_t size)
{
    /* A third of the name may be wrong, rounded up; then it is a guess no more. */
    return (struct nearest){.typed = typed, .size = size, .distance = (unsigned)(size + 2) / 3 + 1};
}

void nearest_offer(struct nearest *nearest, const char *name)
{
    size_t size = strlen(name);

    if (nearest->size > NAME_BYTES_MAX || size > NAME_BYTES_MAX)
        return;
    unsigned near = distance(nearest->typed, nearest->size, name, size);
    if (near < nearest->distance) {
        nearest->distance = near;
        nearest->found = name;
    }
}
