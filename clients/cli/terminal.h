/* What the terminal can do. Colours only on a terminal, and never with NO_COLOR
 * (https://no-color.org). */
#ifndef CLIENTS_CLI_TERMINAL_H
#define CLIENTS_CLI_TERMINAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

bool terminal_is(FILE *out);

/* Columns of the terminal; 0 if `out` is none. */
size_t terminal_columns(FILE *out);

/* Reads a line from stdin: whether it says y or yes. The end of input says no. */
bool terminal_agrees(void);

/* Escape sequences, or "". Static memory. */
const char *terminal_red(FILE *out);
const char *terminal_green(FILE *out);
const char *terminal_yellow(FILE *out);
const char *terminal_dim(FILE *out);
const char *terminal_bold(FILE *out);
const char *terminal_plain(FILE *out);

#endif
