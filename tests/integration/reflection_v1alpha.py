"""Asks for services and for a file by a symbol over reflection v1alpha, as older tools do.

usage: reflection_v1alpha.py PROTO_FOLDER HOST:PORT
"""

import sys
import tempfile

import grpc
from google.protobuf import descriptor_pb2
from grpc_tools import protoc


def main():
    proto_folder, address = sys.argv[1:]
    target = tempfile.mkdtemp(prefix="sagabase-stubs.")
    protoc.main(
        ["protoc", "-I" + proto_folder, "--python_out=" + target, "--grpc_python_out=" + target]
        + ["grpc/reflection/v1alpha/reflection.proto"]
    )
    grpc.__path__.append(target + "/grpc")  # the generated module lies below grpc/
    from grpc.reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

    stub = reflection_pb2_grpc.ServerReflectionStub(grpc.insecure_channel(address))
    requests = [
        reflection_pb2.ServerReflectionRequest(list_services=""),
        reflection_pb2.ServerReflectionRequest(file_containing_symbol="sagabase.v1.EventStore"),
        reflection_pb2.ServerReflectionRequest(file_containing_symbol="no.such.Symbol"),
    ]
    services, file, error = stub.ServerReflectionInfo(iter(requests), timeout=30)

    names = [service.name for service in services.list_services_response.service]
    listed = "sagabase.v1.EventStore" in names
    print(f"{'ok' if listed else 'not ok'} - reflection v1alpha lists the services"
          + ("" if listed else f": {names}"))
    files = [
        descriptor_pb2.FileDescriptorProto.FromString(one).name
        for one in file.file_descriptor_response.file_descriptor_proto
    ]
    found = "sagabase/v1/event_store.proto" in files
    print(f"{'ok' if found else 'not ok'} - reflection v1alpha finds a symbol's file"
          + ("" if found else f": {files}"))
    refused = error.error_response.error_code == grpc.StatusCode.NOT_FOUND.value[0]
    print(f"{'ok' if refused else 'not ok'} - reflection v1alpha does not find what is not there"
          + ("" if refused else f": {error}"))
    return 0 if listed and found and refused else 1


if __name__ == "__main__":
    sys.exit(main())
