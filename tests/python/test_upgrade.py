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
    answer = check.run(command, path, made, "--overwrite")
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


def has_state(folder):
    import h5py

    with h5py.File(folder / "model.h5") as file:
        return "optimizer_weights" in file


def state_of(path):
    """The weights of the layers in the order of the file, the arrays of the optimizer in theirs, and its class."""
    import h5py

    text = lambda name: name.decode() if isinstance(name, bytes) else name
    with h5py.File(path) as file:
        layers = [file["model_weights"][name] for name in file["model_weights"].attrs["layer_names"]]
        weights = [np.asarray(layer[name]) for layer in layers for name in layer.attrs["weight_names"]]
        group = file["optimizer_weights"]
        arrays = [(text(name), np.asarray(group[name])) for name in group.attrs["weight_names"]]
        kind = json.loads(file.attrs["training_config"])["optimizer_config"]["class_name"]
    return weights, arrays, kind.split(">")[-1]


STATES = [folder for folder in POSSIBLE if has_state(folder)]


@pytest.mark.parametrize("folder", STATES, ids=label)
def test_the_whole_state_of_the_optimizer_is_in_keras(folder, tmp_path):
    """Counter and slots: each number that h5py reads is held by Keras 3 as often, and nothing else but zeros."""
    optimizer = load(folder / "model.h5", tmp_path).optimizer
    _, arrays, _ = state_of(folder / "model.h5")
    counters = [value for name, value in arrays if value.shape == () and ("iter" in name or name == "Variable:0")]
    assert int(optimizer.iterations) == (int(counters[0]) if counters else 0)
    numbers = lambda values: np.sort(np.concatenate([np.ravel(value) for value in values if value.shape]))
    left, right = numbers([value for _, value in arrays]), numbers([np.asarray(v) for v in optimizer.variables])
    assert np.array_equal(left[left != 0], right[right != 0])
    assert np.count_nonzero(left)


# Slots of files whose names say nothing, as the sources of Keras 1 and 2 list them: each for all weights in turn.
UNNAMED = {
    "Adadelta": ("accumulated_grad", "accumulated_delta_var"), "Adam": ("momentum", "velocity"),
    "Nadam": ("momentum", "velocity"), "RMSprop": ("velocity",), "SGD": ("momentum",),
}
OLDEST = [folder for folder in STATES if folder.parent.name.startswith("keras-") and folder.parent.name != "keras-2.12"]


@pytest.mark.parametrize("folder", OLDEST, ids=label)
def test_slots_without_names_go_to_their_weights(folder, tmp_path):
    model = load(folder / "model.h5", tmp_path)
    weights, arrays, kind = state_of(folder / "model.h5")
    slots = [value for _, value in arrays if value.shape]
    state = {variable.path: np.asarray(variable) for variable in model.optimizer.variables}
    compared = 0
    for variable in model.trainable_variables:
        place = [at for at, weight in enumerate(weights) if np.array_equal(weight, np.asarray(variable))]
        assert len(place) == 1, variable.path
        for group, slot in enumerate(UNNAMED[kind]):
            tail = f"{variable.path.replace('/', '_')}_{slot}"
            found = [value for path, value in state.items() if path.split("/")[-1].endswith(tail)]
            assert len(found) == 1, (tail, sorted(state))
            np.testing.assert_array_equal(found[0], slots[group * len(weights) + place[0]])
            compared += 1
    assert compared == len(weights) * len(UNNAMED[kind])


TRAINED = [f for f in CASES + NEWER if label(f).startswith("tf-keras-2.21") and label(f) not in IMPOSSIBLE]
STEPPED = [f for f in dict.fromkeys(TRAINED) if "step" in json.loads((f / "expect.json").read_text()).get("training", {})]
# What Keras 3 computes otherwise in a step, and how that is known.
DROPOUT, PACE = "other random numbers of Dropout", "its momentum grows at another pace"
OTHER_STEPS = {"cnn": DROPOUT, "legacy_nadam": PACE}
STEPS = [(f, kind) for f in STEPPED for kind in ("model.h5", "model.keras") if (f / kind).is_file()]
# Keras 2 writes no state of its older optimizers into `.keras` files.
STATELESS = [folder for folder, kind in STEPS if kind == "model.keras" and folder.name.startswith("legacy_")]


def recorded(folder, prefix):
    record = np.load(folder / "io.npz")
    return [record[f"{prefix}{i}"] for i in range(len([n for n in record.files if n.startswith(prefix)]))]


def stepped(folder, kind, tmp_path):
    """The upgraded model after one more step on the record's data."""
    model = load(folder / kind, tmp_path)
    x, y = recorded(folder, "train_in_"), recorded(folder, "train_target_")
    model.train_on_batch(x if len(x) > 1 else x[0], y if len(y) > 1 else y[0])
    return model


@pytest.mark.parametrize(
    ("folder", "kind"),
    [(f, kind) for f, kind in STEPS if f.name not in OTHER_STEPS and not (kind == "model.keras" and f in STATELESS)],
    ids=str,
)
def test_one_more_step_gives_the_weights_of_the_old_keras(folder, kind, tmp_path):
    """Each weight is one of the record's: layers become several and arrays change their axes, so the order is free."""
    model = stepped(folder, kind, tmp_path)
    flat = lambda arrays: np.concatenate([np.ravel(np.asarray(a, "float32")) for a in arrays])
    # Places of padding are zeros that the old layouts leave out.
    known = np.append(flat(recorded(folder, "step_weight_")), 0)
    for found in flat(model.weights):
        assert np.min(np.abs(known - found)) <= 1e-5 + 1e-4 * abs(found)


@pytest.mark.parametrize("folder", STATELESS, ids=label)
def test_keras_files_hold_no_state_of_older_optimizers(folder):
    import io
    import zipfile

    import h5py

    with zipfile.ZipFile(folder / "model.keras") as file, h5py.File(io.BytesIO(file.read("model.weights.h5"))) as weights:
        assert "optimizer" not in weights or not len(weights["optimizer"].get("vars", ()))


@pytest.mark.parametrize("folder", [f for f in STEPPED if OTHER_STEPS.get(f.name) == DROPOUT], ids=label)
def test_random_numbers_are_why_a_step_differs(folder, tmp_path):
    import keras

    model = stepped(folder, "model.h5", tmp_path)
    layers = [layer for layer in model._flatten_layers() if isinstance(layer, keras.layers.Dropout) and layer.rate > 0]
    assert layers
    pairs = zip(model.weights, recorded(folder, "step_weight_"))
    assert any(not np.allclose(np.asarray(a), b, rtol=1e-4, atol=1e-5) for a, b in pairs)


def nadam(weight, slots, gradient, config, step, product, pace):
    """One step of Nadam (Dozat 2015, as both Keras compute it) whose schedule of momentum has this pace."""
    m, v = slots
    beta_1, beta_2 = config["beta_1"], config["beta_2"]
    u, after = (beta_1 * (1 - 0.5 * 0.96 ** (pace * at)) for at in (step, step + 1))
    m = beta_1 * m + (1 - beta_1) * gradient
    v = beta_2 * v + (1 - beta_2) * gradient**2
    m_hat = after * m / (1 - product * u * after) + (1 - u) * gradient / (1 - product * u)
    return weight - config["learning_rate"] * m_hat / (np.sqrt(v / (1 - beta_2**step)) + config["epsilon"])


@pytest.mark.parametrize("folder", [f for f in STEPPED if OTHER_STEPS.get(f.name) == PACE], ids=label)
def test_the_pace_is_why_a_step_of_nadam_differs(folder, tmp_path):
    """With the pace of the file the formula gives the weights of tf-keras, with the pace of Keras 3 those of Keras 3."""
    import h5py

    before = load(folder / "model.h5", tmp_path).get_weights()
    with h5py.File(folder / "model.h5") as file:
        config = json.loads(file.attrs["training_config"])["optimizer_config"]["config"]
        group = file["optimizer_weights"]
        stored = [np.asarray(group[name]) for name in group.attrs["weight_names"]]
    steps, product, count = int(stored[0]), float(stored[1]), len(before)
    slots = list(zip(stored[2 : 2 + count], stored[2 + count :]))
    # The first slot of the record is a moving mean of gradients: it tells the gradient of the step.
    means = recorded(folder, "step_optimizer_")[2 : 2 + count]
    beta = config["beta_1"]
    gradients = [(mean - beta * m) / (1 - beta) for mean, (m, _) in zip(means, slots)]
    old, new = recorded(folder, "step_weight_"), stepped(folder, "model.h5", tmp_path).get_weights()
    for weights, pace in ((old, config["decay"]), (new, 1.0)):
        for found, *arguments in zip(weights, before, slots, gradients):
            made = nadam(*arguments, config, steps + 1, product, pace)
            np.testing.assert_allclose(made, found, rtol=1e-4, atol=1e-5)
    assert any(np.max(np.abs(a - b)) > 1e-4 for a, b in zip(old, new))
