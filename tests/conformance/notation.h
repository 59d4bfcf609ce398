/* The script's notation: long values, variables, and how an answer is compared. README.md
 * tells what it means. */
#ifndef TESTS_CONFORMANCE_NOTATION_H
#define TESTS_CONFORMANCE_NOTATION_H

#include <jansson.h>
#include <stdbool.h>

enum { WHY_BYTES = 512 };

/* Writes out $repeat and $list. The caller owns the result. */
json_t *notation_expand(const json_t *value);

/* Replaces variables, which is an object of strings, by their values. The caller owns the
 * result. */
json_t *notation_substitute(const json_t *value, const json_t *variables);

/* False: they differ, and why. Variables that are met for the first time are set. */
bool notation_compare(const json_t *expected, const json_t *actual, json_t *variables,
                      const char *where, char why[WHY_BYTES]);

#endif
