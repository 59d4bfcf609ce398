/* Lengths of time as people write them: 90s, 15m, 12h, 30d. */
#ifndef CLIENTS_CLI_DURATION_H
#define CLIENTS_CLI_DURATION_H

#include <stdbool.h>
#include <stdint.h>

/* A whole number, at least 1, and one of s, m, h, d; at most 2^63 - 1 microseconds. */
bool duration_parse(const char *text, int64_t *duration_us);

/* In the largest unit that divides it: "30d"; seconds with a fraction if none
 * does. At least 1.
 */
enum { DURATION_TEXT_BYTES = 32 };
const char *duration_format(int64_t duration_us, char text[DURATION_TEXT_BYTES]);

/* How long something took, for people: "120 ms", "2.1 s", "3 m 5 s", "2 h 7 m", "4 d 3 h". */
const char *duration_round(int64_t duration_us, char text[DURATION_TEXT_BYTES]);

#endif
