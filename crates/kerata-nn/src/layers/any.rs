//! `AnyLayer`: a layer of any class with what every layer has: name, trainable flag, dtype policy.

use std::fmt;
use std::sync::Arc;

use kerata_core::graph::Tensor;
use kerata_core::{Error, Object, Result, ResultExt, Tree, ops};

use super::{Layer, Masked, Opaque, Operation, Scope};
use crate::config::{DTypePolicy, FromConfig, Value, serialized, unexpected};
use crate::layers::Arguments;
use crate::models::Functional;
use crate::registry::Registry;
use crate::regularizers::Regularizer;

/// A layer of any class with what every layer has.
#[derive(Clone)]
pub struct AnyLayer {
    layer: Arc<dyn Layer>,
    name: String,
    trainable: bool,
    policy: DTypePolicy,
    activity_regularizer: Option<Regularizer>,
    registered_name: Option<String>,
    spelled: Option<Tree>,
}

impl AnyLayer {
    /// A layer under the default name of its class.
    pub fn new(layer: impl Layer) -> Self {
        let name = snake_case(layer.class_name());
        Self {
            layer: Arc::new(layer),
            name,
            trainable: true,
            policy: DTypePolicy::float32(),
            activity_regularizer: None,
            registered_name: None,
            spelled: None,
        }
    }

    /// With a name.
    #[must_use]
    pub fn named(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// Whether training may change it.
    #[must_use]
    pub fn with_trainable(mut self, trainable: bool) -> Self {
        self.trainable = trainable;
        self
    }

    /// With a dtype policy.
    #[must_use]
    pub fn with_dtype(mut self, policy: impl Into<DTypePolicy>) -> Self {
        self.policy = policy.into();
        self
    }

    /// Of a class that is registered under a package.
    #[must_use]
    pub fn of_package(mut self, package: &str) -> Self {
        self.registered_name = Some(format!("{package}>{}", self.layer.class_name()));
        self
    }

    /// The layer itself.
    pub fn layer(&self) -> &dyn Layer {
        &*self.layer
    }

    /// What Keras calls it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether training may change it.
    pub fn trainable(&self) -> bool {
        self.trainable
    }

    /// Its dtype policy.
    pub fn policy(&self) -> &DTypePolicy {
        &self.policy
    }

    /// Name of its class.
    pub fn class_name(&self) -> &str {
        self.layer.class_name()
    }

    /// Whether it is built in, so that every Keras can load it.
    pub fn is_built_in(&self) -> bool {
        self.registered_name.as_deref().is_none_or(|name| !name.contains('>'))
    }

    /// Whether it is a function of `keras.ops` and no layer.
    pub fn is_operation(&self) -> bool {
        self.layer.is_operation()
    }

    /// What an error says of where it happened.
    pub(crate) fn place_text(&self) -> String {
        format!("layer `{}` ({})", self.name, self.class_name())
    }

    /// Calls a layer that has no variables and stands outside of a model.
    pub fn call_alone(&self, scope: &Scope, inputs: &[Tensor]) -> Result<Vec<Tensor>> {
        scope.call(&self.name, self, inputs)
    }

    /// Calls the outermost layer; gives its results and what layers added to the loss.
    pub(crate) fn call_root(
        &self,
        scope: Scope,
        arguments: &Arguments,
    ) -> Result<(Vec<Masked>, Vec<Tensor>)> {
        let trace = scope.trace.clone();
        let scope = Scope {
            trainable: self.trainable,
            autocast: self.layer.autocast(),
            names: self.layer.arguments(),
            policy: self.policy.clone(),
            ..scope
        };
        let outputs = self.invoke(scope, arguments)?;
        Ok((outputs, trace.losses()))
    }

    /// Calls the layer as Keras does: casts the tensors, passes masks, finds the masks of the results.
    pub(super) fn invoke(&self, mut scope: Scope, arguments: &Arguments) -> Result<Vec<Masked>> {
        let compute = scope.policy.compute_dtype();
        let is_cast = scope.autocast && compute.is_float();
        scope.arguments = arguments.map(|value| {
            let tensor = if is_cast && value.tensor.dtype().is_float() && value.tensor.dtype() != compute {
                ops::cast(&value.tensor, compute)?
            } else {
                value.tensor.clone()
            };
            Ok(Masked { tensor, mask: value.mask.clone() })
        })?;
        if let Some(training) = scope.flag("training") {
            scope.training = training;
        }
        let first = scope.names.first().copied().unwrap_or("inputs");
        let firsts: Vec<Masked> = scope
            .arguments
            .get(first, 0)
            .map(|argument| argument.tensors().into_iter().cloned().collect())
            .unwrap_or_default();
        let explicit = scope.argument("mask").map(|argument| argument.tensors().into_iter().cloned());
        scope.masks = match explicit {
            Some(masks) => masks.map(|mask| Some(mask.tensor)).collect(),
            None => firsts.iter().map(|value| value.mask.clone()).collect(),
        };
        let inputs: Vec<Tensor> = firsts.into_iter().map(|value| value.tensor).collect();
        let outputs = {
            let _guard = scope.builder().scope(&self.name);
            self.layer.call(&scope, &inputs).at(|| self.place_text())?
        };
        if let Some(regularizer) = &self.activity_regularizer {
            for output in &outputs {
                self.add_activity_loss(&scope, regularizer, output)?;
            }
        }
        let own = scope.output_masks.take();
        let masks = if !own.is_empty() {
            own
        } else if self.layer.supports_masking() {
            self.layer.compute_mask(&scope, &inputs, &scope.masks)?
        } else {
            Vec::new()
        };
        let masks = masks.into_iter().chain(std::iter::repeat(None));
        Ok(outputs.into_iter().zip(masks).map(|(tensor, mask)| Masked { tensor, mask }).collect())
    }

    fn add_activity_loss(&self, scope: &Scope, regularizer: &Regularizer, output: &Tensor) -> Result<()> {
        let mut loss = regularizer.object()?.call(output)?;
        if output.rank() > 0 {
            let batch = ops::cast(&ops::index(&ops::shape_of(output)?, 0, 0)?, loss.dtype())?;
            loss = ops::divide(&loss, &batch)?;
        }
        scope.add_loss(loss);
        Ok(())
    }
}

impl<T: Layer> From<T> for AnyLayer {
    fn from(layer: T) -> Self {
        Self::new(layer)
    }
}

impl fmt::Debug for AnyLayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} `{}`", self.layer, self.name)
    }
}

impl Value for AnyLayer {
    /// Reads a serialized layer; a class that is not known becomes a layer that can be kept and not called.
    fn read(tree: &Tree, registry: &Registry) -> Result<Self> {
        let class = tree.class_name().ok_or_else(|| unexpected("a layer", tree))?;
        let empty = Object::new();
        let config = match tree.get("config") {
            Some(Tree::Object(config)) => config,
            // Old Sequential models keep a bare list of layers.
            _ => &empty,
        };
        let name = [config.get("name"), tree.get("name")].into_iter().flatten().find_map(Tree::as_str);
        let name = name.map_or_else(|| snake_case(class), str::to_owned);
        let place = || format!("layer `{name}` ({class})");
        let layer: Arc<dyn Layer> = match registry.layer_constructor(tree) {
            _ if Operation::is_operation(tree) => Arc::new(Operation::read(tree).at(place)?),
            Some(constructor) => {
                let config = tree.get("config");
                match config.and_then(Tree::as_object) {
                    Some(object) => constructor(object, registry).at(place)?,
                    None => {
                        let layers = config.cloned().unwrap_or_default();
                        constructor(&Object::from_iter([("layers".to_owned(), layers)]), registry)
                            .at(place)?
                    }
                }
            }
            // A class derived from `Functional` that keeps its graph.
            None if config.contains_key("input_layers") && config.contains_key("output_layers") => {
                Arc::new(Functional::from_config(config, registry).at(place)?)
            }
            // Legacy HDF5 files do not tell functions of `keras.ops` from layers.
            None if is_of_keras(tree) && Operation::is_known(class) => {
                Arc::new(Operation::read(tree).at(place)?)
            }
            None => Arc::new(Opaque::new(class)),
        };
        let policy = match config.get("dtype") {
            Some(dtype) => DTypePolicy::read(dtype, registry).at(|| "dtype").at(place)?,
            None => DTypePolicy::float32(),
        };
        let trainable = config.get("trainable").and_then(Tree::as_bool).unwrap_or(true);
        let activity_regularizer = match config.get("activity_regularizer") {
            Some(tree) => Option::read(tree, registry).at(place)?,
            None => None,
        };
        let registered = tree.get("registered_name").and_then(Tree::as_str).map(str::to_owned);
        Ok(Self {
            name,
            trainable,
            policy,
            activity_regularizer,
            registered_name: registered,
            spelled: Some(spelled(tree, &*layer)),
            layer,
        })
    }

    /// The layer as it was read, or as Keras 3 writes a new one.
    fn write(&self) -> Tree {
        if let Some(spelled) = &self.spelled {
            let mut tree = spelled.clone();
            if let Some(config @ Tree::Null) = tree.get_mut("config").filter(|_| keeps_config(&*self.layer)) {
                *config = Tree::Object(self.layer.config());
            }
            return tree;
        }
        let mut config = Object::new();
        for key in self.layer.base_keys() {
            let value = match *key {
                "name" => Tree::from(self.name.as_str()),
                "trainable" => Tree::from(self.trainable),
                _ => self.policy.write(),
            };
            config.insert((*key).to_owned(), value);
        }
        config.extend(self.layer.config());
        let module = match &self.registered_name {
            Some(_) => "",
            None => self.layer.module(),
        };
        // A class that Keras does not export is registered under its own name.
        let own = (self.class_name() == "Functional").then_some("Functional");
        serialized(module, self.class_name(), Tree::Object(config), self.registered_name.as_deref().or(own))
    }
}

/// Whether a layer keeps the config that it was read from, which is large.
fn keeps_config(layer: &dyn Layer) -> bool {
    layer.class_name() == Functional::CLASS && layer.is_model()
}

/// A serialized layer to be written back, without the config where the layer keeps it.
fn spelled(tree: &Tree, layer: &dyn Layer) -> Tree {
    match tree {
        Tree::Object(entries) if keeps_config(layer) => {
            let without_config = |(key, value): (&String, &Tree)| {
                (key.clone(), if key == "config" { Tree::Null } else { value.clone() })
            };
            Tree::Object(entries.iter().map(without_config).collect())
        }
        _ => tree.clone(),
    }
}

/// A class name as Keras spells it in paths and default names: `Conv2D` is `conv2d`, `LSTMCell` is `lstm_cell`.
pub fn snake_case(name: &str) -> String {
    let name: Vec<char> = name.chars().filter(|c| c.is_alphanumeric() || *c == '_').collect();
    // A word starts at a capital before a small letter, then also at a capital after a small letter.
    let mut first = Vec::with_capacity(name.len() + 8);
    let mut position = 0;
    while position < name.len() {
        let next_is_small = name.get(position + 1).is_some_and(char::is_ascii_lowercase);
        if position > 0 && name[position].is_ascii_uppercase() && next_is_small {
            first.push('_');
        }
        first.push(name[position]);
        position += 1;
    }
    let mut out = String::with_capacity(first.len() + 4);
    for (index, c) in first.iter().enumerate() {
        if c.is_ascii_uppercase() && index > 0 && first[index - 1].is_ascii_lowercase() {
            out.push('_');
        }
        out.extend(c.to_lowercase());
    }
    out
}

/// The error of a layer whose code is not there.
pub(crate) fn missing_class(class: &str) -> Error {
    Error::unsupported(format!("the code of class `{class}` is not there")).hint(format!(
        "register it in the `Registry`, replace it (`--map '{class}=Identity'`), or save the model with traces"
    ))
}

/// Whether a serialized object is Keras's own, or does not say whose it is.
fn is_of_keras(tree: &Tree) -> bool {
    let module = tree.get("module").and_then(Tree::as_str).unwrap_or_default();
    let is_registered =
        tree.get("registered_name").and_then(Tree::as_str).is_some_and(|name| name.contains('>'));
    !is_registered && (module.is_empty() || module.split('.').next() == Some("keras"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// From `keras.src.utils.naming.to_snake_case`.
    #[test]
    fn class_names_are_spelled_as_in_keras() {
        for (class, name) in [
            ("Conv2D", "conv2d"),
            ("Conv1DTranspose", "conv1d_transpose"),
            ("LSTMCell", "lstm_cell"),
            ("PReLU", "p_re_lu"),
            ("ReLU", "re_lu"),
            ("GRU", "gru"),
            ("UpSampling2D", "up_sampling2d"),
            ("TFSMLayer", "tfsm_layer"),
            ("MyDense", "my_dense"),
            ("BatchNormalization", "batch_normalization"),
            ("SimpleRNN", "simple_rnn"),
        ] {
            assert_eq!(snake_case(class), name);
        }
    }
}
