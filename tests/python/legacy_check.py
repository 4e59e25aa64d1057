"""Loads what kerata upgraded in real Keras 3 and compares outputs and optimizer state with the golden record."""

import json
import os
import pathlib
import subprocess

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")

import numpy as np

ROOT = pathlib.Path(__file__).resolve().parents[2]
GOLDEN = ROOT / "fixtures" / "golden"


def binary():
    given = os.environ.get("KERATA_BIN")
    choices = [given] if given else [ROOT / "target/release/kerata", ROOT / "target/debug/kerata"]
    for choice in choices:
        if choice and pathlib.Path(choice).is_file():
            return str(choice)
    return None


def cases(*eras, file):
    found = []
    for era in eras:
        for folder in sorted(GOLDEN.glob(f"{era}/*")):
            if (folder / file).is_file() and (folder / "io.npz").is_file():
                found.append(folder)
    return found


def run(*arguments):
    return subprocess.run([binary(), *map(str, arguments)], capture_output=True, text=True, timeout=120)


def inputs_and_outputs(folder):
    """Arrays of the record: `in_0`, ... and `out_0`, ... in flattened order."""
    record = np.load(folder / "io.npz", allow_pickle=False)
    pick = lambda prefix: [record[name] for name in sorted((n for n in record.files if n.startswith(prefix)), key=lambda n: int(n.split("_")[1]))]
    return pick("in_"), pick("out_")


def call(model, inputs):
    import keras

    tensors = []
    for value in inputs:
        tensors.append(value.astype(object) if value.dtype.kind in "US" else value)
    flat = keras.tree.flatten(model._inputs_struct) if hasattr(model, "_inputs_struct") else [None]
    packed = keras.tree.pack_sequence_as(model._inputs_struct, tensors) if len(flat) == len(tensors) and len(flat) > 1 else tensors[0]
    return [np.asarray(keras.ops.convert_to_numpy(out)) for out in keras.tree.flatten(model(packed, training=False))]


def differences(found, expected):
    """Texts that say what differs beyond 1e-5 + 1e-4 |b|."""
    if len(found) != len(expected):
        return [f"{len(found)} outputs, expected {len(expected)}"]
    out = []
    for index, (a, b) in enumerate(zip(found, expected)):
        if a.shape != b.shape:
            out.append(f"output {index}: shape {a.shape}, expected {b.shape}")
        elif b.dtype.kind not in "fc":
            if not np.array_equal(a, b):
                out.append(f"output {index}: differs")
        elif not np.allclose(a.astype("float64"), b.astype("float64"), rtol=1e-4, atol=1e-5, equal_nan=True):
            out.append(f"output {index}: off by {np.max(np.abs(a.astype('float64') - b.astype('float64')))}")
    return out
