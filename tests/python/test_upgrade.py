"""Files of Keras 1 and 2: real Keras 3 loads what kerata makes of them, and computes the recorded numbers."""


import json

import numpy as np
import pytest

import legacy_check as check

ERAS = ["keras-1.*", "keras-2.*", "tf-keras-*"]

# What Keras 3 cannot express without code that is not in the file (Python code, the inputs of `einsum`, which Keras 2 leaves
# out); kerata says so by the name of the layer.
IMPOSSIBLE = {
    "keras-2.1/lambda_layer", "tf-keras-2.21/custom_layer", "tf-keras-2.21/lambda_layer", "tf-keras-2.21/tf_products",
}

pytestmark = pytest.mark.skipif(check.binary() is None, reason="the kerata binary is not built")


def label(folder):
    return f"{folder.parent.name}/{folder.name}"


CASES = check.cases(*ERAS, file="model.h5")
POSSIBLE = [folder for folder in CASES if label(folder) not in IMPOSSIBLE]
NEWER = check.cases(*ERAS, file="model.keras")


def load(path, tmp_path, command="upgrade"):
    """Loaded compiled, with safe mode, without custom objects."""
    import keras

    keras.backend.clear_session()
    made = tmp_path / "new.keras"
    answer = check.run(command, path, made)
    assert answer.returncode == 0, answer.stderr
    return keras.saving.load_model(made)


def assert_numbers(model, folder):
    inputs, outputs = check.inputs_and_outputs(folder)
    assert not check.differences(check.call(model, inputs), outputs)


@pytest.mark.parametrize("folder", POSSIBLE, ids=label)
def test_outputs_are_those_of_the_old_keras(folder, tmp_path):
    assert_numbers(load(folder / "model.h5", tmp_path), folder)


@pytest.mark.parametrize("folder", NEWER, ids=label)
def test_keras_files_of_keras_2_are_upgraded(folder, tmp_path):
    assert_numbers(load(folder / "model.keras", tmp_path), folder)


@pytest.mark.parametrize("path", [f / n for n in ("model.h5", "model.keras") for f in POSSIBLE if (f / n).is_file()], ids=str)
def test_kerata_runs_old_files_with_the_old_numbers(path, tmp_path):
    answer = check.run("run", path, "--inputs", path.parent / "io.npz", "--outputs", tmp_path / "out.npz")
    assert answer.returncode == 0, answer.stderr
    found = np.load(tmp_path / "out.npz")
    _, outputs = check.inputs_and_outputs(path.parent)
    assert not check.differences([found[f"out_{i}"] for i in range(len(outputs))], outputs)


@pytest.mark.parametrize("folder", POSSIBLE[::7], ids=label)
def test_converting_upgrades_too(folder, tmp_path):
    assert_numbers(load(folder / "model.h5", tmp_path, "convert"), folder)


@pytest.mark.parametrize("folder", [folder for folder in CASES if label(folder) in IMPOSSIBLE], ids=label)
def test_the_impossible_is_refused_by_name_and_still_converts(folder, tmp_path):
    answer = check.run("upgrade", folder / "model.h5", tmp_path / "new.keras")
    assert answer.returncode == 12 and "layer `" in answer.stderr
    assert not (tmp_path / "new.keras").exists()
    answer = check.run("convert", folder / "model.h5", tmp_path / "new.keras", "--json")
    assert answer.returncode == 0 and json.loads(answer.stdout)["not_loadable"]


# Older names of slots, by class of the optimizer, then for all.
SLOTS = {
    "Adadelta": {"accum_grad": "accumulated_grad", "accum_var": "accumulated_delta_var"},
    "Adamax": {"m": "momentum", "v": "norm"},
    "RMSprop": {"rms": "velocity", "mg": "average_gradient", "momentum": "momentum"},
    "": {"m": "momentum", "v": "velocity", "vhat": "velocity_hat", "accumulator": "accumulator", "linear": "linear",
         "momentum": "momentum", "average": "average"},
}
OPTIMIZERS = [f for f in POSSIBLE if f.name.startswith(("optimizer_", "legacy_")) and f.parent.name.startswith("tf-keras")]


@pytest.mark.parametrize("folder", OPTIMIZERS, ids=label)
def test_optimizer_slots_are_those_of_the_file(folder, tmp_path):
    import h5py

    model = load(folder / "model.h5", tmp_path)
    kind = type(model.optimizer).__name__
    names = {**SLOTS[""], **SLOTS.get(kind, {})}
    state = {v.path.split("/", 1)[-1]: np.asarray(v) for v in model.optimizer.variables}
    compared = 0
    with h5py.File(folder / "model.h5") as file:
        group = file["optimizer_weights"]
        for name in group.attrs["weight_names"]:
            parts = (name.decode() if isinstance(name, bytes) else name).split(":")[0].split("/")
            slot = next((p for p in (parts[-1], *parts[:-1]) if p in names), None)
            if slot is None:
                continue
            path = [p for p in parts if p != slot]
            path = "_".join(path[-2:])
            key = f"{path}_{names[slot]}"
            # Keras may put the name of the model before that of the layer.
            found = [value for path, value in state.items() if path == key or path.endswith(f"_{key}")]
            assert len(found) == 1, (name, sorted(state))
            np.testing.assert_array_equal(found[0], np.asarray(group[name]))
            compared += 1
    assert compared


TRAINED = [f for f in CASES + NEWER if label(f).startswith("tf-keras-2.21") and label(f) not in IMPOSSIBLE]
STEPPED = [f for f in dict.fromkeys(TRAINED) if "step" in json.loads((f / "expect.json").read_text()).get("training", {})]
# What Keras 3 computes otherwise in a step.
OTHER_STEPS = {
    "legacy_nadam": "another schedule of momentum", "legacy_ftrl": "another formula",
    "cnn": "other random numbers of Dropout",
    "optimizer_nadam": "its product of momenta is not in the file",
}


@pytest.mark.parametrize("kind", ["model.h5", "model.keras"])
@pytest.mark.parametrize("folder", STEPPED, ids=label)
def test_one_more_step_gives_the_weights_of_the_old_keras(folder, kind, tmp_path):
    """Each weight is one of the record's: layers become several and arrays change their axes, so the order is free."""
    if not (folder / kind).exists() or folder.name in OTHER_STEPS:
        pytest.skip(OTHER_STEPS.get(folder.name, "not written in this form"))
    if kind == "model.keras" and folder.name.startswith("legacy_"):
        pytest.skip("Keras 2 writes no state of these optimizers")
    model = load(folder / kind, tmp_path)
    record = np.load(folder / "io.npz")
    named = lambda prefix: [record[f"{prefix}{i}"] for i in range(len([n for n in record.files if n.startswith(prefix)]))]
    x, y = named("train_in_"), named("train_target_")
    model.train_on_batch(x if len(x) > 1 else x[0], y if len(y) > 1 else y[0])
    flat = lambda arrays: np.concatenate([np.ravel(np.asarray(a, "float32")) for a in arrays])
    # Places of padding are zeros that the old layouts leave out.
    known = np.append(flat(named("step_weight_")), 0)
    for found in flat(model.weights):
        assert np.min(np.abs(known - found)) <= 1e-5 + 1e-4 * abs(found)
