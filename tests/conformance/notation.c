#include "tests/conformance/notation.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NO_INDEX = -1, WHERE_BYTES = 256, NAME_BYTES = 32 };

/* --- expanding --------------------------------------------------------------- */

static json_t *expand(const json_t *value, int index);

static json_t *repeat(const json_t *piece, json_int_t times)
{
    size_t size = json_string_length(piece);
    char *text = malloc(size * (size_t)times + 1);

    assert(text);
    for (json_int_t i = 0; i < times; i++)
        memcpy(text + size * (size_t)i, json_string_value(piece), size);
    json_t *json = json_stringn(text, size * (size_t)times);
    free(text);
    return json;
}

static json_t *fill_places(const char *text, int index)
{
    char filled[1024];
    size_t size = 0;

    while (*text) {
        size_t width = strspn(text, "#");
        assert(size + width + 16 < sizeof filled);
        if (width == 0)
            filled[size++] = *text++;
        else
            size +=
                (size_t)snprintf(filled + size, sizeof filled - size, "%0*d", (int)width, index);
        text += width;
    }
    return json_stringn(filled, size);
}

static json_t *expand_object(const json_t *value, int index)
{
    json_t *piece = json_object_get(value, "$repeat");
    json_t *count = json_object_get(value, "$list");
    const char *key;
    json_t *item;

    if (piece)
        return repeat(piece, json_integer_value(json_object_get(value, "times")));
    json_t *expanded = count ? json_array() : json_object();
    for (json_int_t i = 0; count && i < json_integer_value(count); i++)
        json_array_append_new(expanded, expand(json_object_get(value, "of"), (int)i));
    if (!count)
        json_object_foreach((json_t *)value, key, item)
            json_object_set_new(expanded, key, expand(item, index));
    return expanded;
}

static json_t *expand(const json_t *value, int index)
{
    if (json_is_object(value))
        return expand_object(value, index);
    if (json_is_array(value)) {
        json_t *expanded = json_array();
        for (size_t i = 0; i < json_array_size(value); i++)
            json_array_append_new(expanded, expand(json_array_get(value, i), index));
        return expanded;
    }
    if (json_is_string(value) && index != NO_INDEX)
        return fill_places(json_string_value(value), index);
    return json_deep_copy(value);
}

json_t *notation_expand(const json_t *value)
{
    return expand(value, NO_INDEX);
}

/* --- variables ------------------------------------------------------------------ */

struct variable {
    char name[NAME_BYTES];
    int64_t offset;
};

static bool parse_variable(const json_t *value, struct variable *variable)
{
    const char *text = json_string_value(value);

    variable->offset = 0;
    if (!text || text[0] != '$' || text[1] != '{' || text[strlen(text) - 1] != '}')
        return false;
    size_t size = strcspn(text + 2, "+-}");
    assert(size < NAME_BYTES);
    memcpy(variable->name, text + 2, size);
    variable->name[size] = '\0';
    if (text[2 + size] != '}')
        variable->offset = strtoll(text + 2 + size, NULL, 10);
    return true;
}

static json_t *shifted(const json_t *value, int64_t offset)
{
    char text[32];

    if (offset == 0)
        return json_deep_copy(value);
    uint64_t number = strtoull(json_string_value(value), NULL, 10) + (uint64_t)offset;
    snprintf(text, sizeof text, "%" PRIu64, number);
    return json_string(text);
}

json_t *notation_substitute(const json_t *value, const json_t *variables)
{
    struct variable variable;
    const char *key;
    json_t *item;

    if (json_is_object(value)) {
        json_t *object = json_object();
        json_object_foreach((json_t *)value, key, item)
            json_object_set_new(object, key, notation_substitute(item, variables));
        return object;
    }
    if (json_is_array(value)) {
        json_t *array = json_array();
        for (size_t i = 0; i < json_array_size(value); i++)
            json_array_append_new(array, notation_substitute(json_array_get(value, i), variables));
        return array;
    }
    if (parse_variable(value, &variable)) {
        json_t *known = json_object_get(variables, variable.name);
        assert(known);
        return shifted(known, variable.offset);
    }
    return json_deep_copy(value);
}

/* --- comparing ----------------------------------------------------------------------- */

static bool differ(const json_t *expected, const json_t *actual, const char *where,
                   char why[WHY_BYTES])
{
    char *is = json_dumps(actual, JSON_ENCODE_ANY);
    char *should = json_dumps(expected, JSON_ENCODE_ANY);

    snprintf(why, WHY_BYTES, "%s: %.150s instead of %.150s", where, is ? is : "nothing",
             should ? should : "nothing");
    free(is);
    free(should);
    return false;
}

static bool compare_object(const json_t *expected, const json_t *actual, json_t *variables,
                           const char *where, char why[WHY_BYTES])
{
    char deeper[WHERE_BYTES];
    const char *key;
    json_t *item;

    json_object_foreach((json_t *)expected, key, item)
    {
        snprintf(deeper, sizeof deeper, "%.150s.%s", where, key);
        if (!notation_compare(item, json_object_get(actual, key), variables, deeper, why))
            return false;
    }
    return true;
}

static bool compare_array(const json_t *expected, const json_t *actual, json_t *variables,
                          const char *where, char why[WHY_BYTES])
{
    char deeper[WHERE_BYTES];

    if (json_array_size(expected) != json_array_size(actual)) {
        snprintf(why, WHY_BYTES, "%s: %zu instead of %zu", where, json_array_size(actual),
                 json_array_size(expected));
        return false;
    }
    for (size_t i = 0; i < json_array_size(expected); i++) {
        snprintf(deeper, sizeof deeper, "%.150s[%zu]", where, i);
        if (!notation_compare(json_array_get(expected, i), json_array_get(actual, i), variables,
                              deeper, why))
            return false;
    }
    return true;
}

bool notation_compare(const json_t *expected, const json_t *actual, json_t *variables,
                      const char *where, char why[WHY_BYTES])
{
    struct variable variable;
    json_t *wanted;

    if (json_is_object(expected))
        return compare_object(expected, actual, variables, where, why);
    if (json_is_array(expected))
        return compare_array(expected, actual, variables, where, why);
    if (!actual)
        return differ(expected, actual, where, why);
    if (!parse_variable(expected, &variable)) {
        wanted = json_incref((json_t *)expected);
    } else if (strcmp(variable.name, "*") == 0) {
        return true;
    } else {
        if (!json_object_get(variables, variable.name))
            json_object_set_new(variables, variable.name, shifted(actual, -variable.offset));
        wanted = shifted(json_object_get(variables, variable.name), variable.offset);
    }
    bool same = json_equal(wanted, actual) || differ(wanted, actual, where, why);
    json_decref(wanted);
    return same;
}
