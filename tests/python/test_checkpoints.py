"""Checkpoint folders of `kerata train`: interrupted, damaged, full of other models; and what `kerata checkpoints` says of them."""

import os
import shutil
import signal
import subprocess
import time

import keras
import numpy as np
import pytest

from conftest import binary, kerata
from test_train import dense, noisy, tensors


def make_case(folder, make=noisy, count=400):
    keras.utils.set_random_seed(7)
    random = np.random.default_rng(3)
    model = make()
    model.compile("adam", loss="sparse_categorical_crossentropy")
    model.save(folder / "model.keras")
    np.save(folder / "x.npy", random.normal(size=(count, 6)).astype("float32"))
    np.save(folder / "y.npy", random.integers(0, 3, count))


def arguments(folder, *more, epochs=8):
    return ["train", folder / "model.keras", "--x", folder / "x.npy", "--y", folder / "y.npy", "--epochs", epochs,
            "--batch-size", "8", "--save", folder / "out.keras", *more]


def checkpointing(folder, every=20, *more):
    return ["--checkpoint-dir", folder / "ckpt", "--checkpoint-every", str(every), *more]


def interrupted(command, seconds):
    """Runs until Ctrl-C after some time; gives exit status and what was said, or None when it was done before."""
    process = subprocess.Popen([str(part) for part in [binary(), *command]], stdout=subprocess.DEVNULL,
                               stderr=subprocess.PIPE, text=True)
    time.sleep(seconds)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=120)
    return (process.returncode, said)


@pytest.mark.parametrize("has_folder", [True, False])
def test_ctrl_c_saves_says_how_to_go_on_and_loses_nothing(tmp_path, has_folder):
    make_case(tmp_path)
    base = arguments(tmp_path, epochs=120)
    start = time.monotonic()
    kerata(*base)
    whole = time.monotonic() - start
    expected = tensors(tmp_path / "out.keras")
    os.remove(tmp_path / "out.keras")
    command = base + (checkpointing(tmp_path, 100_000) if has_folder else [])
    status, said = interrupted(command, whole / 2)
    assert status == 17 and not (tmp_path / "out.keras").exists(), said
    assert "interrupted after step" in said and "--resume" in said
    folder = tmp_path / ("ckpt" if has_folder else "out-checkpoints")
    found = kerata("checkpoints", folder)
    assert [step["whole"] for step in found["steps"]] == [True]
    assert f"after step {found['latest']}" in said
    keras.models.load_model(folder / found["steps"][0]["file"])
    kerata(*base, "--checkpoint-dir", folder, "--checkpoint-every", "100000", "--resume")
    assert tensors(tmp_path / "out.keras") == expected


def test_damaged_checkpoints_are_listed_and_passed_over(tmp_path):
    make_case(tmp_path)
    whole = kerata(*arguments(tmp_path, *checkpointing(tmp_path, 60, "--keep", "3", "--keep-best", "1")))
    expected = tensors(tmp_path / "out.keras")
    listed = kerata("checkpoints", tmp_path / "ckpt")
    numbers = [step["step"] for step in listed["steps"]]
    assert numbers[-3:] == [240, 300, 360]
    assert listed["latest"] == numbers[-1] and listed["monitor"] == "loss"
    losses = {step["step"]: step["metrics"]["loss"] for step in listed["steps"]}
    assert losses[listed["best"]] == min(losses.values())
    newest = tmp_path / "ckpt" / listed["steps"][-1]["file"]
    content = bytearray(newest.read_bytes())
    content[len(content) // 2] ^= 4
    newest.write_bytes(content)
    again = kerata("checkpoints", tmp_path / "ckpt")
    assert [step["whole"] for step in again["steps"]] == [True] * (len(numbers) - 1) + [False]
    assert again["steps"][-1]["damage"] and again["latest"] == numbers[-2]
    assert all(step["damage"] is None for step in kerata("checkpoints", tmp_path / "ckpt", "--quick")["steps"])
    text = subprocess.run([binary(), "checkpoints", tmp_path / "ckpt"], capture_output=True, text=True, check=True).stdout
    assert "damaged: " in text and "latest" in text
    os.remove(tmp_path / "out.keras")
    resumed = kerata(*arguments(tmp_path, *checkpointing(tmp_path, 60, "--resume")))
    assert f"step {numbers[-1]} is passed over" in resumed["notes"][0]
    assert resumed["history"] == whole["history"] and tensors(tmp_path / "out.keras") == expected


def test_a_checkpoint_of_another_architecture_is_refused(tmp_path):
    make_case(tmp_path)
    kerata(*arguments(tmp_path, *checkpointing(tmp_path)))

    def other():
        return keras.Sequential([keras.layers.Input((6,)), keras.layers.Dense(9), keras.layers.Dense(3, "softmax")])

    make_case(tmp_path, other)
    command = [str(part) for part in [binary(), *arguments(tmp_path, *checkpointing(tmp_path, 20, "--resume"))]]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 15 and "checkpoint" in done.stderr, done.stderr


def test_a_folder_that_cannot_be_made_is_said_before_training(tmp_path):
    make_case(tmp_path)
    (tmp_path / "ckpt").write_text("a file")
    command = [str(part) for part in [binary(), *arguments(tmp_path, *checkpointing(tmp_path))]]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode in (16, 17) and str(tmp_path / "ckpt") in done.stderr, done.stderr


@pytest.mark.parametrize("go_on", [True, False])
def test_training_survives_failed_saves_when_asked_to(tmp_path, go_on):
    make_case(tmp_path, dense)
    base = arguments(tmp_path, epochs=100)
    command = base + checkpointing(tmp_path, 50, "--on-failed-save", "go-on" if go_on else "stop", "--json")
    process = subprocess.Popen([str(part) for part in [binary(), *command]], stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 60
    while not (tmp_path / "ckpt" / "checkpoints.json").exists():
        assert time.monotonic() < deadline
        time.sleep(0.005)
    # The folder goes away under it.
    os.rename(tmp_path / "ckpt", tmp_path / "gone")
    out, said = process.communicate(timeout=300)
    if go_on:
        assert process.returncode == 0 and '"failed_saves"' in out and (tmp_path / "out.keras").exists(), said
    else:
        assert process.returncode in (10, 17) and "checkpoint of step" in said, said
    for step in kerata("checkpoints", tmp_path / "gone")["steps"]:
        assert step["whole"], step
    shutil.rmtree(tmp_path / "gone")
