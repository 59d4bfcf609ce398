#define _GNU_SOURCE /* memmem */
#include "tests/support/inspect.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "storage/log/maintenance.h"

enum { TOLD_BYTES = 1 << 12, TOLD_MAX = 20, PATH_BYTES = 1 << 10 };

static void tell(void *context, const char *line)
{
    char *told = context;
    size_t used = strlen(told);

    snprintf(told + used, TOLD_BYTES - used, "%s\n", line);
}

void inspect_whole(struct engine *engine)
{
    char told[TOLD_BYTES] = "";
    struct maintenance maintenance = {
        .engine = engine, .tell = tell, .told_max = TOLD_MAX, .context = told};
    struct store_facts facts;
    struct status status = store_verify(&maintenance, &facts);

    assert_string_equal(status.message, "");
    assert_string_equal(told, "");
    assert_int_equal(facts.disagreements, 0);
}

static bool visit_entry(void *context, struct bytes key, struct bytes value)
{
    struct inspected *inspected = context;

    inspected->count++;
    inspected->bytes += key.size + value.size;
    return true;
}

struct inspected inspect_family(struct engine *engine, enum family family)
{
    struct inspected inspected = {0};
    struct status status =
        engine_scan(engine, &(struct scan){.family = family}, visit_entry, &inspected);

    assert_string_equal(status.message, "");
    return inspected;
}

typedef void visit_file(void *context, const char *path, size_t size);

static void visit_files(const char *directory, visit_file *visit, void *context)
{
    DIR *entries = opendir(directory);
    char path[PATH_BYTES];
    struct stat found;

    assert_non_null(entries);
    for (struct dirent *entry; (entry = readdir(entries));) {
        snprintf(path, sizeof path, "%s/%s", directory, entry->d_name);
        if (stat(path, &found) == 0 && S_ISREG(found.st_mode))
            visit(context, path, (size_t)found.st_size);
    }
    closedir(entries);
}

static void add_size(void *context, const char *path, size_t size)
{
    (void)path;
    *(uint64_t *)context += size;
}

uint64_t inspect_directory_bytes(const char *directory)
{
    uint64_t bytes = 0;

    visit_files(directory, add_size, &bytes);
    return bytes;
}

struct search {
    struct bytes wanted;
    int count;
};

static void search_file(void *context, const char *path, size_t size)
{
    struct search *search = context;
    uint8_t *bytes = malloc(size + 1);
    FILE *file = fopen(path, "rb");

    assert_non_null(bytes);
    assert_non_null(file);
    size = fread(bytes, 1, size, file);
    fclose(file);
    search->count += memmem(bytes, size, search->wanted.data, search->wanted.size) != NULL;
    free(bytes);
}

int inspect_files_with(const char *directory, struct bytes wanted)
{
    struct search search = {wanted, 0};

    visit_files(directory, search_file, &search);
    return search.count;
}
