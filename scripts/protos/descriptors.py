"""Writes the serialized FileDescriptorSet of the TensorFlow messages that kerata reads and writes.

Usage: python descriptors.py OUT.fds   (needs tensorflow and tf-keras; run by generate.sh)
"""

import importlib
import sys

from google.protobuf import descriptor_pb2

FRAMEWORK = """attr_value full_type function graph graph_debug_info node_def op_def resource_handle tensor
tensor_shape tensor_slice types variable versions"""
PROTOBUF = """fingerprint meta_graph saved_model saved_object_graph saver struct tensor_bundle
trackable_object_graph"""

modules = ["google.protobuf.any_pb2", "google.protobuf.wrappers_pb2"]
modules += [f"tensorflow.core.framework.{name}_pb2" for name in FRAMEWORK.split()]
modules += [f"tensorflow.core.protobuf.{name}_pb2" for name in PROTOBUF.split()]
modules += ["tf_keras.protobuf.versions_pb2", "tf_keras.protobuf.saved_metadata_pb2"]

files, seen = descriptor_pb2.FileDescriptorSet(), set()


def add(descriptor):
    """Adds a file after those that it imports."""
    if descriptor.name in seen:
        return
    seen.add(descriptor.name)
    for dependency in descriptor.dependencies:
        add(dependency)
    descriptor.CopyToProto(files.file.add())


for module in modules:
    add(importlib.import_module(module).DESCRIPTOR)

with open(sys.argv[1], "wb") as out:
    out.write(files.SerializeToString(deterministic=True))
print(len(files.file), "files")
