"""Where Keras's saving walk puts each layer and variable of a model in `model.weights.h5`."""

import keras
from keras.src.saving import saving_lib


class Places:
    """Paths of layers (`layers/dense`) and variables (`layers/dense/vars/0`), and the variables by path."""

    def __init__(self, model):
        walk = _Walk()
        saving_lib._save_state(model, weights_store=walk.store, assets_store=None, inner_path="", visited_saveables=walk)
        self._layers = walk.paths
        self.variables = {}
        # States of random generators, which no file holds, by path.
        self.seeds = {}
        self._paths = {}
        for path, entry in walk.store.entries.items():
            if path.split("/")[0] == "optimizer":
                continue
            for key, value in entry.items():
                full = f"{path}/vars/{key}" if path else f"vars/{key}"
                self.variables[full] = value
                if isinstance(value, keras.Variable):
                    self._paths.setdefault(id(value), full)

    def layer(self, layer):
        """The path of a layer; None when it is no part of the model that was saved."""
        return self._layers.get(id(layer))

    def variable(self, variable):
        """The path of a variable; None when it is not saved."""
        return self._paths.get(id(variable))

    def seed(self, generator):
        """The path of a generator's state; it starts with what it is now."""
        for path, state in self.seeds.items():
            if state is generator.state:
                return path
        path = f"seed_generators/{len(self.seeds)}"
        self.seeds[path] = generator.state
        return path

    def bound(self):
        """Path, dtype and shape of each variable."""
        return [[path, keras.backend.standardize_dtype(value.dtype), [int(size) for size in value.shape]]
                for path, value in self.variables.items()]


class _Store(saving_lib.H5IOStore):
    """Takes what layers store, instead of a file."""

    def __init__(self, walk):
        self.walk = walk
        self.entries = {}

    def __bool__(self):
        return True

    def make(self, path, metadata=None):
        self.walk.pending = path
        return self.entries.setdefault(path, {})

    def close(self):
        pass


class _Walk(set):
    """The set of visited objects, which learns where each of them is."""

    def __init__(self):
        super().__init__()
        self.paths = {}
        self.pending = None
        self.store = _Store(self)

    def add(self, identity):
        super().add(identity)
        if self.pending is not None:
            self.paths[identity] = self.pending
            self.pending = None
