//! `Merge` of Keras 1 where no layer of Keras 3 is equal: cosines, and models inside it as first layer of a Sequential.

use kerata_core::{Object, Tree};

use super::Work;
use super::tf::{Call, Op};

/// Keras's fuzz factor.
const EPSILON: f64 = 1e-7;

/// Whether this is a `Merge` of cosines.
pub(super) fn is_cosine(layer: &Tree) -> bool {
    layer.class_name() == Some("Merge")
        && layer.path(&["config", "mode"]).and_then(Tree::as_str) == Some("cos")
}

/// Cosines: the products of the two by the root of those of each with itself.
pub(super) fn cosine(config: &Tree, call: &Call) -> Option<Vec<Op>> {
    let [first, second] = call.positional()?.as_list()? else { return None };
    let axes = config.get("dot_axes").cloned().unwrap_or(Tree::Int(-1));
    let dot = |a: &Tree, b: &Tree| {
        let pair = Tree::List(vec![a.clone(), b.clone()]);
        Op::new("keras.layers", "Dot", vec![pair]).with("axes", axes.clone()).with("normalize", false)
    };
    Some(vec![
        dot(first, first),
        dot(second, second),
        Op::numpy("Multiply", vec![Op::earlier(0), Op::earlier(1)]),
        // Keras 1 takes roots of negative numbers as zero.
        Op::numpy("Maximum", vec![Op::before(), 0.0.into()]),
        Op::numpy("Sqrt", vec![Op::before()]),
        Op::numpy("Maximum", vec![Op::before(), EPSILON.into()]),
        dot(first, second),
        Op::numpy("TrueDivide", vec![Op::before(), Op::earlier(5)]),
        Op::numpy("ExpandDims", vec![Op::before()]).with("axis", Tree::Int(1)),
    ])
}

/// A Sequential that starts with a `Merge` of models, as the graph that it is.
pub(super) fn as_graph(tree: &mut Tree, work: &mut Work) {
    let is_sequential = tree.class_name() == Some("Sequential");
    let Some(layers) = tree.path(&["config", "layers"]).and_then(Tree::as_list).filter(|_| is_sequential)
    else {
        return;
    };
    if !layers.first().is_some_and(is_merge_of_models) {
        return;
    }
    let mut graph = Graph::default();
    let Some(ends) = graph.row(layers, Vec::new()) else { return };
    let mut config = Object::new();
    config.extend(tree.path(&["config", "name"]).map(|name| ("name".to_owned(), name.clone())));
    config.insert("trainable".into(), true.into());
    config.insert("layers".into(), Tree::List(graph.layers));
    config.insert("input_layers".into(), Tree::List(graph.inputs));
    config.insert("output_layers".into(), Tree::List(ends));
    if let Some(entries) = tree.as_object_mut() {
        entries.insert("class_name".into(), "Model".into());
        entries.insert("config".into(), Tree::Object(config));
    }
    work.note("the models inside `Merge` are written as a graph");
}

fn is_merge_of_models(layer: &Tree) -> bool {
    let inner = layer.path(&["config", "layers"]).and_then(Tree::as_list);
    layer.class_name() == Some("Merge") && inner.is_some_and(|inner| !inner.is_empty())
}

/// A graph in the dialect of Keras 1.
#[derive(Default)]
struct Graph {
    layers: Vec<Tree>,
    inputs: Vec<Tree>,
    sequentials: usize,
}

impl Graph {
    /// Adds layers in a row behind tensors; gives the last tensor.
    fn row(&mut self, layers: &[Tree], mut ends: Vec<Tree>) -> Option<Vec<Tree>> {
        for layer in layers {
            if is_merge_of_models(layer) {
                let mut all = Vec::new();
                for model in layer.path(&["config", "layers"])?.as_list()? {
                    all.extend(self.branch(model)?);
                }
                ends = all;
            } else if ends.is_empty() {
                ends = vec![self.input(layer)?];
            }
            ends = vec![self.call(layer, ends)?];
        }
        (!ends.is_empty()).then_some(ends)
    }

    /// Adds a model inside a `Merge`.
    fn branch(&mut self, model: &Tree) -> Option<Vec<Tree>> {
        let config = model.get("config")?;
        if let Some(layers) =
            config.as_list().or_else(|| config.get("layers")?.as_list().filter(|_| !has_graph(config)))
        {
            return self.row(layers, Vec::new());
        }
        if !has_graph(config) {
            let input = self.input(model)?;
            return Some(vec![self.call(model, vec![input])?]);
        }
        for layer in config.get("layers")?.as_list()? {
            let name = layer.get("name");
            if !self.layers.iter().any(|known| known.get("name") == name) {
                self.layers.push(layer.clone());
            }
        }
        let inputs = config.get("input_layers")?.as_list()?;
        self.inputs
            .extend(inputs.iter().filter(|input| !self.inputs.contains(input)).cloned().collect::<Vec<_>>());
        config.get("output_layers")?.as_list().map(<[Tree]>::to_vec)
    }

    /// The input that a first layer asks for.
    fn input(&mut self, first: &Tree) -> Option<Tree> {
        let shape = first_shape(first)?;
        let config = first.get("config")?;
        let name = format!("{}_input", config.get("name").and_then(Tree::as_str).unwrap_or("sequential"));
        let mut own = Object::new();
        own.insert("batch_input_shape".into(), shape);
        own.insert("name".into(), name.as_str().into());
        own.extend(config.get("input_dtype").map(|dtype| ("input_dtype".to_owned(), dtype.clone())));
        let tensor = tensor(&name);
        if !self.inputs.contains(&tensor) {
            self.inputs.push(tensor.clone());
            self.layers.push(Tree::from([
                ("name", Tree::from(name)),
                ("class_name", Tree::from("InputLayer")),
                ("config", Tree::Object(own)),
                ("inbound_nodes", Tree::List(Vec::new())),
            ]));
        }
        Some(tensor)
    }

    /// A layer called on tensors.
    fn call(&mut self, layer: &Tree, on: Vec<Tree>) -> Option<Tree> {
        let name = match layer.path(&["config", "name"]).and_then(Tree::as_str) {
            Some(name) => name.to_owned(),
            None => {
                self.sequentials += 1;
                format!("sequential_{}", self.sequentials)
            }
        };
        let mut entries = layer.as_object()?.clone();
        if let Some(config) =
            entries.get_mut("config").and_then(Tree::as_object_mut).filter(|_| is_merge_of_models(layer))
        {
            config.shift_remove("layers");
        }
        entries.insert("name".into(), name.as_str().into());
        entries.insert("inbound_nodes".into(), Tree::List(vec![Tree::List(on)]));
        let entry = Tree::Object(entries);
        let known =
            self.layers.iter_mut().find(|known| known.get("name").and_then(Tree::as_str) == Some(&name));
        match known {
            // The same model twice in a `Merge`.
            Some(known) if *known == entry => {}
            Some(_) => return None,
            None => self.layers.push(entry),
        }
        Some(tensor(&name))
    }
}

fn has_graph(config: &Tree) -> bool {
    config.get("input_layers").is_some()
}

/// The input shape that a layer, or the first layer of a model, notes.
pub(super) fn first_shape(layer: &Tree) -> Option<Tree> {
    let config = layer.get("config")?;
    if let Some(layers) = config.as_list() {
        return first_shape(layers.first()?);
    }
    if let Some(shape) = config.get("batch_input_shape").filter(|shape| !shape.is_null()) {
        return Some(shape.clone());
    }
    let width = config.get("input_dim").filter(|_| layer.class_name() == Some("Dense"))?;
    Some(Tree::List(vec![Tree::Null, width.clone()]))
}

fn tensor(name: &str) -> Tree {
    Tree::List(vec![name.into(), Tree::Int(0), Tree::Int(0)])
}
