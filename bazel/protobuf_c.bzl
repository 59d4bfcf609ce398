"""protobuf_c_library: protobuf-c code, generated, as an ordinary cc_library."""

def _generate_impl(ctx):
    outputs = []
    root = ctx.attr.proto_root
    for proto in ctx.files.srcs:
        # proto_root/a/b.proto is generated as a/b.pb-c.h, which is how it is included.
        stem = proto.short_path[len(ctx.label.package) + 1:-len(".proto")]
        header = ctx.actions.declare_file(stem + ".pb-c.h")
        source = ctx.actions.declare_file(stem + ".pb-c.c")
        ctx.actions.run_shell(
            inputs = ctx.files.srcs + ctx.files.imports,
            outputs = [header, source],
            command = "protoc --proto_path={root} --proto_path=/usr/include --c_out={out}/{root} {proto}".format(
                root = root,
                out = ctx.bin_dir.path,
                proto = proto.path,
            ),
            use_default_shell_env = True,
            mnemonic = "ProtobufC",
            progress_message = "Generating " + header.short_path,
        )
        outputs += [header, source]
    return [
        DefaultInfo(files = depset(outputs)),
        OutputGroupInfo(
            headers = depset([f for f in outputs if f.extension == "h"]),
            sources = depset([f for f in outputs if f.extension == "c"]),
        ),
    ]

_generate = rule(
    implementation = _generate_impl,
    attrs = {
        "srcs": attr.label_list(allow_files = [".proto"], mandatory = True),
        "imports": attr.label_list(allow_files = [".proto"]),
        "proto_root": attr.string(mandatory = True),
    },
)

def protobuf_c_library(name, srcs, proto_root, imports = [], deps = [], **kwargs):
    """Generates x.pb-c.{h,c} for each x.proto in srcs.

    Args:
      name: of the cc_library.
      srcs: .proto files of this package.
      proto_root: the folder that imports are relative to, from the workspace's root.
      imports: further .proto files that srcs import.
      deps: protobuf_c_libraries of those imports.
      **kwargs: for the cc_library.
    """
    _generate(name = name + "_gen", srcs = srcs, imports = imports, proto_root = proto_root)
    native.filegroup(name = name + "_hdrs", srcs = [name + "_gen"], output_group = "headers")
    native.filegroup(name = name + "_srcs", srcs = [name + "_gen"], output_group = "sources")
    native.cc_library(
        name = name,
        srcs = [name + "_srcs"],
        hdrs = [name + "_hdrs"],
        copts = ["-w"],
        includes = ["."],
        deps = deps + ["//bazel:protobuf_c"],
        **kwargs
    )
