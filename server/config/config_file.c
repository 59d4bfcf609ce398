#include "server/config/config_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <yaml.h>

enum { CONFIG_FILE_BYTES_MAX = 64 << 10, CONFIG_ENTRIES_MAX = 256, PATH_SHOWN_BYTES = 100 };

struct reading {
    const char *path;
    struct arena *arena;
    struct config_entry *entries;
    size_t count;
    const char *name; /* of the entry whose value comes next; NULL: a name comes */
    unsigned line;    /* of that name */
    bool is_open;     /* within the mapping, or behind it */
};

const char *config_file_shown(const char *path)
{
    size_t size = strlen(path);

    return size > PATH_SHOWN_BYTES ? path + size - PATH_SHOWN_BYTES : path;
}

static struct status refuse(const struct reading *self, unsigned line, const char *rule)
{
    return status_make(STATUS_INVALID_ARGUMENT, "%s:%u: %s", config_file_shown(self->path), line,
                       rule);
}

/* --- bytes ------------------------------------------------------------------------ */

static struct status unreadable(const char *path, const char *cause)
{
    return status_make(STATUS_NOT_FOUND, "%s: %s", config_file_shown(path), cause);
}

/* Regular files only: reading anything else might wait for ever. */
static struct status read_descriptor(const char *path, int file, struct arena *arena,
                                     struct bytes *text)
{
    uint8_t *bytes = arena_alloc_raw(arena, CONFIG_FILE_BYTES_MAX + 1);
    struct stat facts;
    size_t size = 0;
    ssize_t some = 1;

    if (!bytes)
        return status_make(STATUS_RESOURCE_EXHAUSTED, "configuration: out of memory");
    if (fstat(file, &facts) != 0 || !S_ISREG(facts.st_mode))
        return unreadable(path, "not a regular file");
    while (some > 0 && size <= CONFIG_FILE_BYTES_MAX) {
        some = read(file, bytes + size, CONFIG_FILE_BYTES_MAX + 1 - size);
        if (some < 0)
            return unreadable(path, strerror(errno));
        size += (size_t)some;
    }
    if (size > CONFIG_FILE_BYTES_MAX)
        return status_make(STATUS_INVALID_ARGUMENT, "%s: at most %d bytes", config_file_shown(path),
                           CONFIG_FILE_BYTES_MAX);
    *text = bytes_of(bytes, size);
    return OK;
}

static struct status read_bytes(const char *path, struct arena *arena, struct bytes *text)
{
    int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

    if (file < 0)
        return unreadable(path, strerror(errno));
    struct status status = read_descriptor(path, file, arena, text);
    close(file);
    return status;
}

/* --- YAML ------------------------------------------------------------------------- */

static struct status take_name(struct reading *self, const char *name, unsigned line)
{
    for (size_t i = 0; i < self->count; i++)
        if (strcmp(self->entries[i].name, name) == 0)
            return status_make(STATUS_INVALID_ARGUMENT,
                               "%s:%u: %.64s: is there twice, in line %u, too",
                               config_file_shown(self->path), line, name, self->entries[i].line);
    if (self->count == CONFIG_ENTRIES_MAX)
        return refuse(self, line, "too many options");
    self->name = name;
    self->line = line;
    return OK;
}

static struct status take_scalar(struct reading *self, const yaml_event_t *event, unsigned line)
{
    struct bytes bytes = bytes_of(event->data.scalar.value, event->data.scalar.length);
    const char *text = (const char *)arena_copy(self->arena, bytes).data;

    if (!self->is_open)
        return refuse(self, line, "must be lines of the form \"option: value\"");
    if (!text)
        return status_make(STATUS_RESOURCE_EXHAUSTED, "configuration: out of memory");
    if (memchr(bytes.data, 0, bytes.size))
        return refuse(self, line, "a value holds a NUL character");
    if (!self->name)
        return take_name(self, text, line);
    self->entries[self->count++] = (struct config_entry){self->name, text, self->line};
    self->name = NULL;
    return OK;
}

static struct status take_event(struct reading *self, const yaml_event_t *event, bool *done)
{
    unsigned line = (unsigned)event->start_mark.line + 1;

    switch (event->type) {
    case YAML_SCALAR_EVENT:
        return take_scalar(self, event, line);
    case YAML_MAPPING_START_EVENT:
        if (self->is_open)
            return refuse(self, line, "an option has a single value, not a mapping");
        self->is_open = true;
        return OK;
    case YAML_SEQUENCE_START_EVENT:
        return refuse(self, line, "an option has a single value, not a list");
    case YAML_ALIAS_EVENT:
        return refuse(self, line, "aliases are not supported");
    case YAML_DOCUMENT_START_EVENT:
        return self->is_open ? refuse(self, line, "a second document; there is one") : OK;
    case YAML_STREAM_END_EVENT:
        *done = true;
        return OK;
    default:
        return OK;
    }
}

static struct status parse(struct reading *self, yaml_parser_t *parser)
{
    bool done = false;

    while (!done) {
        yaml_event_t event;

        if (!yaml_parser_parse(parser, &event))
            return refuse(self, (unsigned)parser->problem_mark.line + 1,
                          parser->problem ? parser->problem : "not YAML");
        struct status status = take_event(self, &event, &done);
        yaml_event_delete(&event);
        TRY(status);
    }
    return OK;
}

struct status config_file_read(const char *path, struct arena *arena, struct config_entry **entries,
                               size_t *count)
{
    struct reading reading = {.path = path, .arena = arena};
    yaml_parser_t parser;
    struct bytes text = {0};

    TRY(read_bytes(path, arena, &text));
    reading.entries = arena_alloc(arena, CONFIG_ENTRIES_MAX * sizeof *reading.entries);
    if (!reading.entries || !yaml_parser_initialize(&parser))
        return status_make(STATUS_RESOURCE_EXHAUSTED, "configuration: out of memory");
    yaml_parser_set_input_string(&parser, text.data, text.size);
    struct status status = parse(&reading, &parser);
    yaml_parser_delete(&parser);
    TRY(status);
    *entries = reading.entries;
    *count = reading.count;
    return OK;
}
