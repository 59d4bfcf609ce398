"""fuzz_test: a libFuzzer target that is also a test of the inputs kept for it."""

load("//bazel:copts.bzl", "HOUSE_COPTS")

def fuzz_test(name, srcs, deps):
    """Makes a test and, under --config=fuzz, a libFuzzer of LLVMFuzzerTestOneInput in srcs.

    As a test it runs once over each file of corpus/<name without "_fuzz">/, with any
    compiler and sanitizer. tests/fuzz/run tries new inputs.

    Args:
      name: ends in "_fuzz".
      srcs: the target.
      deps: what is fuzzed.
    """
    corpus = native.glob(["corpus/" + name[:-len("_fuzz")] + "/*"], allow_empty = False)
    native.cc_test(
        name = name,
        size = "small",
        srcs = srcs + select({
            "//bazel:fuzzing": [],
            "//conditions:default": ["replay.c"],
        }),
        args = ["$(rootpath %s)" % file for file in corpus],
        copts = HOUSE_COPTS,
        data = corpus,
        linkopts = select({
            "//bazel:fuzzing": ["-fsanitize=fuzzer"],
            "//conditions:default": [],
        }),
        tags = ["fuzz"],
        deps = deps + [":input"],
    )
