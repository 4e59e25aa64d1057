//! `Net`: a small model of Keras 3 layers and ops that stands for one layer of an older era.

use kerata_core::{Object, Tree};

use crate::era::order;
use crate::era::tf::{Op, tensor};

/// A model under construction. Names of its layers start with the name of the layer that it stands for.
pub(super) struct Net {
    name: String,
    dtype: Option<Tree>,
    trainable: Tree,
    layers: Vec<Tree>,
    inputs: Vec<Tree>,
}

impl Net {
    /// A model in the place of a layer of this config.
    pub(super) fn of(config: &Object) -> Self {
        let name = config.get("name").and_then(Tree::as_str).unwrap_or("layer").to_owned();
        let trainable = config.get("trainable").cloned().unwrap_or(Tree::Bool(true));
        Self { name, dtype: config.get("dtype").cloned(), trainable, layers: Vec::new(), inputs: Vec::new() }
    }

    /// The name of a layer inside.
    pub(super) fn inner(&self, part: &str) -> String {
        format!("{}_{part}", self.name)
    }

    /// An input; sizes that are not known are `None`.
    pub(super) fn input(&mut self, shape: &[Option<u64>]) -> Tree {
        let name = self.inner(&format!("input{}", self.inputs.len()));
        let shape = Tree::List(shape.iter().map(|size| Tree::from(*size)).collect());
        let config = Tree::from([
            ("batch_shape", shape),
            ("dtype", Tree::from("float32")),
            ("name", Tree::from(name.as_str())),
        ]);
        self.layers.push(Tree::from([
            ("module", Tree::from("keras.layers")),
            ("class_name", Tree::from("InputLayer")),
            ("config", config),
            ("registered_name", Tree::Null),
            ("name", Tree::from(name.as_str())),
            ("inbound_nodes", Tree::List(Vec::new())),
        ]));
        self.inputs.push(Tree::List(vec![name.as_str().into(), Tree::Int(0), Tree::Int(0)]));
        tensor(&name)
    }

    /// A layer or op on tensors of the model; gives its result.
    pub(super) fn add(&mut self, part: &str, op: Op) -> Tree {
        let name = self.inner(part);
        let mut entry = op.entry(&name, &[]);
        let is_layer = entry.get("registered_name").is_some_and(Tree::is_null);
        if is_layer && let Some(config) = entry.get_mut("config").and_then(Tree::as_object_mut) {
            config.entry("trainable".to_owned()).or_insert_with(|| self.trainable.clone());
            if let Some(dtype) = &self.dtype {
                config.entry("dtype".to_owned()).or_insert_with(|| dtype.clone());
            }
        }
        self.layers.push(entry);
        tensor(&name)
    }

    /// The serialized model.
    pub(super) fn finish(self, outputs: &[Tree]) -> Tree {
        let ends = |mut items: Vec<Tree>| match items.len() {
            1 => items.remove(0),
            _ => Tree::List(items),
        };
        let output = |tensor: &Tree| tensor.path(&["config", "keras_history"]).cloned().unwrap_or_default();
        let mut config = Object::new();
        config.insert("name".into(), self.name.into());
        config.insert("trainable".into(), self.trainable);
        config.insert("layers".into(), Tree::List(self.layers));
        config.insert("input_layers".into(), ends(self.inputs));
        config.insert("output_layers".into(), ends(outputs.iter().map(output).collect()));
        order::by_depth(&mut config);
        Tree::from([
            ("module", Tree::from("keras.src.models.functional")),
            ("class_name", Tree::from("Functional")),
            ("config", Tree::Object(config)),
            ("registered_name", Tree::from("Functional")),
        ])
    }
}

/// A layer of Keras 3 on tensors.
pub(super) fn layer(class: &'static str, inputs: Vec<Tree>) -> Op {
    Op::new("keras.layers", class, inputs)
}

/// A learned factor for each place that `letters` names, from the axes of the input (`bhwc`).
pub(super) fn factors(axes: &str, letters: &str, shape: &[Option<u64>], x: Tree) -> Op {
    let output = Tree::List(shape.iter().skip(1).map(|size| Tree::from(*size)).collect());
    layer("EinsumDense", vec![x])
        .with("equation", format!("{axes},{letters}->{axes}"))
        .with("output_shape", output)
}

/// A letter for each axis of a tensor: the batch, then the others.
pub(super) fn letters(rank: usize) -> String {
    ('a'..='z').take(rank).collect()
}
