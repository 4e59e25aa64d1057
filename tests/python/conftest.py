"""What all tests share: the kerata binary, the golden folders, and real Keras."""

import importlib
import json
import os
import pathlib
import pkgutil
import subprocess
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")

import numpy as np
import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
GOLDEN = ROOT / "fixtures" / "golden"
sys.path.insert(0, str(ROOT / "fixtures"))

ATOL, RTOL = 1e-5, 1e-4


def binary():
    """The kerata under test: KERATA_BIN, or the newest build."""
    named = os.environ.get("KERATA_BIN")
    if named:
        return named
    builds = [ROOT / "target" / profile / "kerata" for profile in ("release", "debug")]
    builds = [path for path in builds if path.exists()]
    if not builds:
        pytest.exit("no kerata binary: cargo build --release -p kerata-cli, or set KERATA_BIN")
    return str(max(builds, key=lambda path: path.stat().st_mtime))


def kerata(*arguments, status=0):
    """Runs kerata with --json and gives the object it answers."""
    command = [binary(), "--json", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == status, f"{' '.join(command)}: exit {done.returncode}\n{done.stderr}"
    return json.loads(done.stdout)


def golden(*eras):
    """Folders of golden models of these eras, as `pytest.param`s named ERA/NAME."""
    folders = sorted(folder for era in eras for folder in (GOLDEN / era).glob("*") if (folder / "expect.json").exists())
    return [pytest.param(folder, id=f"{folder.parent.name}/{folder.name}") for folder in folders]


def expect(folder):
    return json.loads((folder / "expect.json").read_text())


def arrays(folder, prefix):
    """`in_0`, `in_1`, ... or `out_0`, ... of io.npz, in order."""
    stored = np.load(folder / "io.npz")
    found = []
    while f"{prefix}_{len(found)}" in stored:
        found.append(stored[f"{prefix}_{len(found)}"])
    return found


def assert_close(expected, found, what=""):
    """Equal within 1e-5 + 1e-4 |b|; whole numbers and text exactly; NaN in the same places."""
    expected, found = np.asarray(expected), np.asarray(found)
    assert expected.shape == found.shape, f"{what}: shape {found.shape}, expected {expected.shape}"
    if expected.dtype.kind in "fc" or str(expected.dtype) in ("bfloat16", "float16"):
        a, b = found.astype(np.float64), expected.astype(np.float64)
        np.testing.assert_allclose(a, b, rtol=RTOL, atol=ATOL, equal_nan=True, err_msg=what)
    else:
        np.testing.assert_array_equal(found, expected, err_msg=what)


def keras_custom_objects(name):
    """The custom classes that the case of this name was made with."""
    import models.keras3
    from cases import CASES

    # Each module registers its cases and its custom classes when it is imported.
    for module in pkgutil.iter_modules(models.keras3.__path__):
        importlib.import_module(f"models.keras3.{module.name}")

    case = CASES.get(name)
    return dict(case.objects) if case else {}
