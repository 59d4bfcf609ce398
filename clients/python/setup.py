"""Makes the stubs from the .proto files while the package is built."""

import pathlib
import shutil

from setuptools import setup
from setuptools.command.build_py import build_py
from setuptools.command.sdist import sdist

HERE = pathlib.Path(__file__).resolve().parent
CARRIED = HERE / "protos"  # in a source distribution
PROTOS = CARRIED if CARRIED.is_dir() else HERE.parent.parent / "protos"
NAMES = (
    "admin",
    "event_store",
    "participant",
    "reducers",
    "saga_definition",
    "sagas",
    "snapshots",
)
SOURCES = [f"sagabase/v1/{name}.proto" for name in NAMES]


def generate_stubs(target):
    from grpc_tools import protoc

    arguments = ["protoc", f"-I{PROTOS}", f"--python_out={target}", f"--pyi_out={target}"]
    if protoc.main(arguments + [f"--grpc_python_out={target}"] + SOURCES) != 0:
        raise SystemExit(f"protoc could not make the stubs from {PROTOS}")


class BuildWithStubs(build_py):
    def run(self):
        super().run()
        # An editable install reads the package where it stands, so the stubs go there.
        target = HERE if self.editable_mode else pathlib.Path(self.build_lib)
        generate_stubs(target)


class CarryProtos(sdist):
    def make_release_tree(self, base_dir, files):
        super().make_release_tree(base_dir, files)
        for source in SOURCES:
            target = pathlib.Path(base_dir) / "protos" / source
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(PROTOS / source, target)


setup(cmdclass={"build_py": BuildWithStubs, "sdist": CarryProtos})
