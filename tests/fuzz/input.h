/* What libFuzzer hands over, carved into values: the same bytes always make the same
 * ones, and when there are none left everything is zero and empty. */
#ifndef TESTS_FUZZ_INPUT_H
#define TESTS_FUZZ_INPUT_H

#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/bytes.h"

/* As bytes are carved off, `left` shrinks. */
struct fuzz_input {
    struct bytes left;
};

uint8_t fuzz_byte(struct fuzz_input *input);
uint64_t fuzz_number(struct fuzz_input *input);

/* 0..bound-1 */
uint32_t fuzz_below(struct fuzz_input *input, uint32_t bound);

/* A length of one byte, and so many bytes; now and then that many times over, so that
 * limits of some thousand bytes are reached. In the arena, which must have room. */
struct bytes fuzz_bytes(struct fuzz_input *input, struct arena *arena);

/* Fails the run unless `holds`; what libFuzzer counts as a crash. */
#define FUZZ_REQUIRE(holds) ((holds) ? (void)0 : fuzz_broken(#holds, __FILE__, __LINE__))
void fuzz_broken(const char *what, const char *file, int line) __attribute__((noreturn));

/* The target. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif
