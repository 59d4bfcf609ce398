#include "server/reducers/json_text.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "server/reducers/limits.h"

/* --- reading ------------------------------------------------------------------------- */

/* Before memory is taken for them: how deep, and about how many. What is not well-formed is
 * counted anyhow, and refused by the parser. */
static struct status check_bounds(struct bytes text)
{
    size_t depth = 0, values = 1;
    bool in_string = false;

    for (size_t i = 0; i < text.size; i++) {
        uint8_t byte = text.data[i];
        if (in_string && byte == '\\')
            i++;
        else if (byte == '"')
            in_string = !in_string;
        else if (in_string)
            continue;
        else if (byte == '[' || byte == '{')
            depth++, values++;
        else if ((byte == ']' || byte == '}') && depth > 0)
            depth--;
        else if (byte == ',')
            values++;
        if (depth > JSON_DEPTH_MAX)
            return status_make(STATUS_INVALID_ARGUMENT, "JSON of more than %d levels",
                               JSON_DEPTH_MAX);
        if (values > JSON_VALUES_MAX)
            return status_make(STATUS_INVALID_ARGUMENT, "JSON of more than %d values",
                               JSON_VALUES_MAX);
    }
    return OK;
}

struct status json_text_read(struct bytes text, json_t **json)
{
    json_error_t error;

    TRY(check_bounds(text));
    *json =
        json_loadb((const char *)text.data, text.size, JSON_DECODE_ANY | JSON_ALLOW_NUL, &error);
    if (*json)
        return OK;
    if (json_error_code(&error) == json_error_out_of_memory)
        return status_make(STATUS_RESOURCE_EXHAUSTED, "JSON: out of memory");
    return status_make(STATUS_INVALID_ARGUMENT, "not JSON: %s (byte %d)", error.text,
                       error.position);
}

/* --- writing ------------------------------------------------------------------------- */

struct writing {
    struct buffer *text;
    size_t values_left;
};

static struct status write_value(struct writing *self, const json_t *json, size_t depth_left);

static void write_string(struct writing *self, const char *data, size_t size)
{
    size_t plain = 0; /* where what needs no escape begins */

    buffer_put_byte(self->text, '"');
    for (size_t i = 0; i < size; i++) {
        uint8_t byte = (uint8_t)data[i];
        if (byte >= 0x20 && byte != '"' && byte != '\\')
            continue;
        buffer_put(self->text, bytes_of(data + plain, i - plain));
        plain = i + 1;
        if (byte < 0x20)
            buffer_print(self->text, "\\u%04x", byte);
        else
            buffer_print(self->text, "\\%c", byte);
    }
    buffer_put(self->text, bytes_of(data + plain, size - plain));
    buffer_put_byte(self->text, '"');
}

/* What looks like a whole number would come back as one. */
static void write_real(struct writing *self, double value)
{
    enum { DIGITS_LEAST = 15, DIGITS_ENOUGH = 17, TEXT_BYTES = 32 };
    char text[TEXT_BYTES];

    for (int digits = DIGITS_LEAST; digits <= DIGITS_ENOUGH; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, value);
        if (strtod(text, NULL) == value)
            break;
    }
    buffer_put_text(self->text, text);
    if (!strpbrk(text, ".e"))
        buffer_put_text(self->text, ".0");
}

static struct status write_array(struct writing *self, const json_t *json, size_t depth_left)
{
    buffer_put_byte(self->text, '[');
    for (size_t i = 0; i < json_array_size(json); i++) {
        if (i > 0)
            buffer_put_byte(self->text, ',');
        TRY(write_value(self, json_array_get(json, i), depth_left));
    }
    buffer_put_byte(self->text, ']');
    return OK;
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static struct status write_members(struct writing *self, const json_t *json, const char **names,
                                   size_t depth_left)
{
    const char *name;
    json_t *value;
    size_t count = 0;

    json_object_foreach((json_t *)json, name, value)
    {
        names[count++] = name;
    }
    qsort(names, count, sizeof *names, compare_names);
    buffer_put_byte(self->text, '{');
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            buffer_put_byte(self->text, ',');
        write_string(self, names[i], strlen(names[i]));
        buffer_put_byte(self->text, ':');
        TRY(write_value(self, json_object_get(json, names[i]), depth_left));
    }
    buffer_put_byte(self->text, '}');
    return OK;
}

static struct status write_object(struct writing *self, const json_t *json, size_t depth_left)
{
    const char **names = calloc(json_object_size(json) + 1, sizeof *names);
    struct status status;

    if (!names)
        return status_make(STATUS_RESOURCE_EXHAUSTED, "JSON: out of memory");
    status = write_members(self, json, names, depth_left);
    free(names);
    return status;
}

static struct status write_value(struct writing *self, const json_t *json, size_t depth_left)
{
    if (self->values_left-- == 0)
        return status_make(STATUS_INVALID_ARGUMENT, "JSON of more than %d values", JSON_VALUES_MAX);
    if (!buffer_ok(self->text))
        return status_make(STATUS_INVALID_ARGUMENT, "JSON of more than %zu bytes",
                           self->text->bytes_max);
    if ((json_is_array(json) || json_is_object(json)) && depth_left == 0)
        return status_make(STATUS_INVALID_ARGUMENT, "JSON of more than %d levels", JSON_DEPTH_MAX);
    switch (json_typeof(json)) {
    case JSON_OBJECT:
        return write_object(self, json, depth_left - 1);
    case JSON_ARRAY:
        return write_array(self, json, depth_left - 1);
    case JSON_STRING:
        write_string(self, json_string_value(json), json_string_length(json));
        return OK;
    case JSON_INTEGER:
        buffer_print(self->text, "%" JSON_INTEGER_FORMAT, json_integer_value(json));
        return OK;
    case JSON_REAL:
        write_real(self, json_real_value(json));
        return OK;
    case JSON_TRUE:
        buffer_put_text(self->text, "true");
        return OK;
    case JSON_FALSE:
        buffer_put_text(self->text, "false");
        return OK;
    case JSON_NULL:
        buffer_put_text(self->text, "null");
        return OK;
    }
    return status_make(STATUS_INTERNAL, "JSON: a value of no kind");
}

struct status json_text_write(const json_t *json, struct buffer *text)
{
    struct writing writing = {.text = text, .values_left = JSON_VALUES_MAX};

    TRY(write_value(&writing, json, JSON_DEPTH_MAX));
    if (!buffer_ok(text))
        return status_make(STATUS_INVALID_ARGUMENT, "JSON of more than %zu bytes", text->bytes_max);
    return OK;
}

/* --- changing -------------------------------------------------------------------------- */

/* The patch is an object, the target an object. */
static bool merge_members(json_t *target, const json_t *patch)
{
    const char *name;
    json_t *change;

    json_object_foreach((json_t *)patch, name, change)
    {
        if (json_is_null(change)) {
            json_object_del(target, name);
            continue;
        }
        json_t *merged = json_merge(json_incref(json_object_get(target, name)), change);
        if (!merged || json_object_set_new(target, name, merged) != 0)
            return false;
    }
    return true;
}

json_t *json_merge(json_t *target, const json_t *patch)
{
    if (!json_is_object(patch)) {
        json_decref(target);
        return json_deep_copy(patch);
    }
    if (!json_is_object(target)) {
        json_decref(target);
        target = json_object();
    }
    if (target && merge_members(target, patch))
        return target;
    json_decref(target);
    return NULL;
}
