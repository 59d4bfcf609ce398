"""How our own C is compiled, in one place."""

HOUSE_COPTS = [
    "-std=gnu17",
    "-Wall",
    "-Wextra",
    "-Werror",
    "-Wshadow",
    "-Wstrict-prototypes",
    "-Wmissing-prototypes",
    "-Wvla",
    # What it finds changes with the optimisation level, and snprintf is bounded anyway.
    "-Wno-format-truncation",
]
