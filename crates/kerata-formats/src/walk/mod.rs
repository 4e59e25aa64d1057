//! The Keras walk: from a model's config alone, every object that Keras saves, under which path, with which variables.
//!
//! A table of class facts (`classes/`) says what each class owns; custom classes have unknown variables, never an error.
//! See `docs/formats/keras.md` for the rules of the paths.

#[cfg(test)]
mod cases;
mod classes;
mod facts;
mod misfits;
mod names;
mod slots;

pub use misfits::check_variables;
pub use names::{container_key, snake_case};
pub use slots::{Slot, SlotTarget, slots};

use std::collections::HashSet;

use kerata_core::{Object, Tree};

use facts::{Child, Facts, Own, Part, Stored};

/// What Keras saves for a model, in the order in which it visits objects.
#[derive(Clone, Debug, Default)]
pub struct Walk {
    objects: Vec<Saved>,
}

/// One saved object: a layer, a model, an optimizer.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Saved {
    /// Path without a leading slash: `layers/dense`; empty for the root.
    pub path: String,
    /// Name of its Python class.
    pub class_name: String,
    /// The name that Keras notes beside its variables.
    pub name: Option<String>,
    /// Whether it and everything around it is trainable.
    pub trainable: bool,
    /// Its own variables in index order; `None` when the config does not say (custom classes).
    pub variables: Option<Vec<SavedVariable>>,
    /// Rank of the LoRA factors that Keras merges into the kernel when it saves.
    pub lora_rank: Option<u64>,
    /// Positions of its children in the order of their creation.
    children: Vec<usize>,
    /// Names of the objects around it since the last model, and its own: `bidirectional/forward_lstm/lstm_cell`.
    scope: String,
}

/// One variable of a saved object.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct SavedVariable {
    /// Keras's name inside its owner: `kernel`.
    pub name: String,
    /// Path of its dataset: `layers/dense/vars/0`; `None` for variables that Keras keeps and does not save (LoRA factors).
    pub path: Option<String>,
    /// Whether training changes it.
    pub trainable: bool,
    /// Path under which the same variable is saved a second time.
    pub same_as: Option<String>,
    /// Keras lists trainable variables of an object first, also when they are frozen later.
    leads: bool,
    /// Whether it is in `weights`: arrays saved under a key of their own are not.
    listed: bool,
}

/// A variable of [`Walk::weights`] with its owner.
#[derive(Clone, Copy, Debug)]
pub struct Weight<'a> {
    /// The object that owns it.
    pub owner: &'a Saved,
    /// The variable.
    pub variable: &'a SavedVariable,
}

impl Weight<'_> {
    /// The path that Keras gives the variable: `bidirectional/forward_lstm/lstm_cell/kernel`.
    pub fn keras_path(&self) -> String {
        match self.owner.scope.as_str() {
            "" => self.variable.name.clone(),
            scope => format!("{scope}/{}", self.variable.name),
        }
    }

    /// Path of its dataset; empty for variables that Keras does not save.
    pub fn path(&self) -> &str {
        self.variable.path.as_deref().unwrap_or_default()
    }
}

/// Walks a model's config (Keras 3 dialect).
pub fn objects(config: &Tree) -> Walk {
    let mut walk = Walk::default();
    let root = Part::of(config);
    let around = Around { path: "", scope: "", trainable: true, is_root: true };
    walk.visit(&root, &around, 0);
    walk
}

/// Nesting of objects that the walk follows; the JSON depth limit of readers is below it.
const MAX_DEPTH: usize = 256;

struct Around<'a> {
    path: &'a str,
    scope: &'a str,
    trainable: bool,
    is_root: bool,
}

impl Walk {
    /// All objects in the order in which Keras visits them.
    pub fn objects(&self) -> &[Saved] {
        &self.objects
    }

    /// The object under a path.
    pub fn object(&self, path: &str) -> Option<&Saved> {
        self.objects.iter().find(|object| object.path == path)
    }

    /// The variable of the layer of this name (the first so named, outermost first) at this index.
    pub fn variable(&self, layer: &str, index: usize) -> Option<&SavedVariable> {
        let object = self.objects.iter().find(|object| object.name.as_deref() == Some(layer))?;
        object.variables.as_ref()?.get(index)
    }

    /// Whether the config says everything: no custom class is inside.
    pub fn is_complete(&self) -> bool {
        self.objects.iter().all(|object| object.variables.is_some())
    }

    /// The layers of the outermost model in Keras's order (the root itself when it is no model).
    pub fn layers(&self) -> Vec<&Saved> {
        let layers = self
            .objects
            .iter()
            .filter(|object| object.path.strip_prefix("layers/").is_some_and(|rest| !rest.contains('/')));
        layers.collect()
    }

    /// Variables in the order of `model.weights`, each once.
    pub fn weights(&self) -> Vec<Weight<'_>> {
        self.objects.first().map(|root| self.weights_of(root)).unwrap_or_default()
    }

    /// Variables of an object and all below it in the order of its `weights`.
    pub fn weights_of<'a>(&'a self, object: &'a Saved) -> Vec<Weight<'a>> {
        let mut weights = Vec::new();
        let mut seen = HashSet::new();
        self.collect(object, &mut seen, &mut weights);
        weights
    }

    /// Variables of an object in the order of legacy HDF5 files: trainable, then the others.
    pub fn legacy_weights_of<'a>(&'a self, object: &'a Saved) -> Vec<Weight<'a>> {
        let (mut first, second): (Vec<_>, Vec<_>) =
            self.weights_of(object).into_iter().partition(|weight| weight.variable.trainable);
        first.extend(second);
        first
    }

    /// Variables of an object in the order in which a model that is loaded makes them: a layer of float8 makes its scales
    /// before its kernel, and behind it only where it is turned to float8 later.
    pub(crate) fn loading_order_of<'a>(&'a self, object: &'a Saved) -> Vec<Weight<'a>> {
        let mut weights = self.weights_of(object);
        for own in weights.chunk_by_mut(|a, b| std::ptr::eq(a.owner, b.owner)) {
            if own.iter().any(|weight| weight.variable.name == "outputs_grad_scale") {
                own.sort_by_key(|weight| matches!(weight.variable.name.as_str(), "kernel" | "bias"));
            }
        }
        weights
    }

    /// The variables of another object of the same class and name, with as many variables, that this holds for: a layer that
    /// two models share is saved where Keras meets it first.
    pub(crate) fn twin<'a>(
        &'a self,
        object: &Saved,
        is_it: &dyn Fn(&[SavedVariable]) -> bool,
    ) -> Option<&'a [SavedVariable]> {
        let count = object.variables.as_ref()?.len();
        let is_same = |other: &&Saved| {
            other.path != object.path && other.class_name == object.class_name && other.name == object.name
        };
        let others = self.objects.iter().filter(is_same).filter_map(|other| other.variables.as_deref());
        others.filter(|own| own.len() == count).find(|own| is_it(own))
    }

    /// An object and all below it, in the order of their creation.
    pub(crate) fn owners_of<'a>(&'a self, object: &'a Saved) -> Vec<&'a Saved> {
        let children = object.children.iter().filter_map(|child| self.objects.get(*child));
        std::iter::once(object).chain(children.flat_map(|child| self.owners_of(child))).collect()
    }

    /// Variables that training changes, in the order in which an optimizer is built on them.
    pub fn trainable_weights(&self) -> Vec<Weight<'_>> {
        self.weights().into_iter().filter(|weight| weight.variable.trainable).collect()
    }

    fn collect<'a>(&'a self, object: &'a Saved, seen: &mut HashSet<String>, out: &mut Vec<Weight<'a>>) {
        let own = object.variables.as_deref().unwrap_or_default();
        let listed = own.iter().filter(|own| own.listed);
        let ordered = listed.clone().filter(|own| own.leads).chain(listed.filter(|own| !own.leads));
        for variable in ordered {
            let unsaved = || format!("{}/{}", object.path, variable.name);
            let path = variable.path.clone().unwrap_or_else(unsaved);
            let identity = variable.same_as.clone().unwrap_or(path);
            if seen.insert(identity) {
                out.push(Weight { owner: object, variable });
            }
        }
        for child in object.children.iter().filter_map(|child| self.objects.get(*child)) {
            self.collect(child, seen, out);
        }
    }

    /// Adds an object and all below it; gives its position.
    fn visit(&mut self, part: &Part<'_>, around: &Around<'_>, depth: usize) -> usize {
        let facts = Facts::of(part);
        let class = classes::find(&part.class_name);
        let trainable = around.trainable && facts.flag("trainable", true);
        let is_model = classes::is_model(part);
        let own_name = if is_model { "" } else { part.name.as_deref().unwrap_or_default() };
        let base = if is_model { "" } else { around.scope };
        let scope = if base.is_empty() { own_name.to_owned() } else { format!("{base}/{own_name}") };
        let position = self.objects.len();
        self.objects.push(Saved {
            path: around.path.to_owned(),
            class_name: part.python_name().to_owned(),
            name: part.name.clone(),
            trainable,
            variables: class.map(|class| placed((class.variables)(&facts), around.path, trainable)),
            lora_rank: part.config.and_then(|config| config.get("lora_rank")?.as_u64()),
            children: Vec::new(),
            scope: if around.is_root && is_model { String::new() } else { scope.clone() },
        });
        if depth >= MAX_DEPTH {
            return position;
        }
        let created = match class {
            Some(class) => (class.children)(&facts),
            None => classes::children_of_unknown(&facts),
        };
        let mut order: Vec<(usize, Child<'_>)> = created.into_iter().enumerate().collect();
        order.sort_by_key(|(_, child)| child.visit_key());
        let mut placed_at: Vec<(usize, usize)> = Vec::new();
        for (created_at, child) in order {
            for (name, part) in child.parts() {
                let path = join(around.path, &name);
                let inside = Around { path: &path, scope: &scope, trainable, is_root: false };
                placed_at.push((created_at, self.visit(part, &inside, depth + 1)));
            }
        }
        placed_at.sort_by_key(|(created_at, _)| *created_at);
        let children: Vec<usize> = placed_at.into_iter().map(|(_, position)| position).collect();
        self.name_shared(position, &children);
        if let Some(object) = self.objects.get_mut(position) {
            object.children = children;
        }
        position
    }

    /// Gives variables that are another object's variable their name (`kernel` of the wrapped layer).
    fn name_shared(&mut self, position: usize, children: &[usize]) {
        let Some(object) = self.objects.get(position) else { return };
        let shared = object.variables.iter().flatten().position(|own| own.same_as.is_some());
        let Some(index) = shared else { return };
        let target = children.iter().filter_map(|child| self.objects.get(*child)).find_map(|child| {
            let first = child.variables.as_ref()?.first()?;
            Some((first.name.clone(), first.trainable))
        });
        let own = self.objects.get_mut(position).and_then(|object| object.variables.as_mut()?.get_mut(index));
        if let (Some((name, trainable)), Some(own)) = (target, own) {
            own.name = name;
            own.trainable = trainable;
        }
    }
}

fn placed(own: Vec<Own>, path: &str, trainable: bool) -> Vec<SavedVariable> {
    let mut index = 0;
    let mut placed = Vec::with_capacity(own.len());
    for own in own {
        let mut same_as = None;
        let key = match own.stored {
            Stored::Index => Some(index.to_string()),
            Stored::AlsoAs(elsewhere) => {
                same_as = Some(join(path, elsewhere));
                Some(index.to_string())
            }
            Stored::Key(key) => Some(key.to_owned()),
            Stored::Nowhere => None,
        };
        index += usize::from(matches!(own.stored, Stored::Index | Stored::AlsoAs(_)));
        placed.push(SavedVariable {
            name: own.name.to_owned(),
            path: key.map(|key| join(path, &format!("vars/{key}"))),
            trainable: own.trainable && trainable,
            same_as,
            leads: own.leads,
            listed: !matches!(own.stored, Stored::Key(_)),
        });
    }
    placed
}

fn join(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}/{name}") }
}

/// The entries of a serialized object's `config`.
pub(crate) fn config_of(object: &Tree) -> Option<&Object> {
    object.get("config").and_then(Tree::as_object)
}

/// Whether this is the name of a built-in layer, model or metric.
pub(crate) fn is_known(class_name: &str) -> bool {
    classes::find(class_name).is_some()
}

/// The name of a class in Python, which paths are made of, where it differs from that in configs.
pub(crate) fn python_name(class_name: &str) -> &str {
    classes::find(class_name).map_or(class_name, |class| class.python)
}
