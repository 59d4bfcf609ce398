"""embed: a file's bytes as a C array."""

def embed(name, src, symbol, **kwargs):
    """A cc_library whose header <name>.h declares `symbol` and `symbol_size`.

    Args:
      name: of the cc_library and its header.
      src: the file whose bytes are embedded.
      symbol: the array's C name.
      **kwargs: for the cc_library.
    """
    native.genrule(
        name = name + "_c",
        srcs = [src],
        outs = [name + ".h", name + ".c"],
        cmd = """
            header=$(location {name}.h); source=$(location {name}.c)
            printf '#include <stddef.h>\\n#include <stdint.h>\\nextern const uint8_t {symbol}[];\\nextern const size_t {symbol}_size;\\n' > $$header
            {{
                printf '#include "{package}/{name}.h"\\nconst uint8_t {symbol}[] = {{\\n'
                od -An -v -tu1 $(SRCS) | sed 's/ *\\([0-9]\\{{1,\\}}\\)/\\1,/g'
                printf '}};\\nconst size_t {symbol}_size = sizeof {symbol};\\n'
            }} > $$source
        """.format(name = name, symbol = symbol, package = native.package_name()),
    )
    native.cc_library(
        name = name,
        srcs = [name + ".c"],
        hdrs = [name + ".h"],
        **kwargs
    )
