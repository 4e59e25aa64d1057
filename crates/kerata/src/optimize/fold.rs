//! Folds BatchNormalization into the convolution or dense layer before it, in config and weights: the same function of
//! the inputs, with one layer less. A model that is folded can be trained on, without the normalization.

use std::collections::HashMap;

use kerata_core::array::Array;
use kerata_core::{Artifact, Error, Result, ResultExt, Tree, Variable};
use kerata_formats::walk::{self, Walk};
use kerata_nn::{Model, Registry};

use super::Pass;
use super::layers::{config_of, is_own, name_of};

/// Layers whose results may be scaled through their kernel: class, position of the kernel that makes the last axis.
const FOLDABLE: &[(&str, usize)] = &[
    ("Conv1D", 0),
    ("Conv2D", 0),
    ("Conv3D", 0),
    ("Dense", 0),
    ("DepthwiseConv1D", 0),
    ("DepthwiseConv2D", 0),
    ("SeparableConv1D", 1),
    ("SeparableConv2D", 1),
];

pub(super) fn run(artifact: &mut Artifact, registry: &Registry, pass: &mut Pass) -> Result<()> {
    let Some(mut config) = artifact.config.clone() else {
        pass.note("the file has no Keras config; engines fold what is in a graph when they prepare it");
        return Ok(());
    };
    let before = walk::objects(&config);
    let pairs = fold_config(&mut config, "", &before);
    if pairs.is_empty() {
        return Ok(());
    }
    let mut folded = artifact.clone();
    for pair in &pairs {
        fold_weights(&mut folded, pair).at(|| format!("layer `{}`", pair.normalization))?;
    }
    rename(&mut folded, &before, &walk::objects(&config))?;
    folded.config = Some(config);
    folded.original_config = None;
    folded.traces = None;
    // What cannot be built was not understood: then nothing is changed.
    Model::from_artifact(&folded, registry)?;
    pass.changed = pairs.len() as u64;
    *artifact = folded;
    Ok(())
}

/// A layer and the normalization that goes into it.
struct Pair {
    normalization: String,
    /// Path of the layer.
    layer: String,
    /// Path of the normalization.
    path: String,
    kernel: usize,
    is_depthwise: bool,
    had_bias: bool,
    epsilon: f64,
    has_scale: bool,
    has_center: bool,
}

/// Folds the pairs of a model's config and of those inside it.
fn fold_config(model: &mut Tree, path: &str, walk: &Walk) -> Vec<Pair> {
    let mut pairs = Vec::new();
    let is_sequential = model.class_name() == Some("Sequential");
    let Some(config) = model.get_mut("config").and_then(Tree::as_object_mut) else { return pairs };
    let outputs = config.get("output_layers").cloned().unwrap_or_default();
    let is_graph = config.contains_key("output_layers");
    let Some(layers) = config.get_mut("layers").and_then(Tree::as_list_mut) else { return pairs };
    let prefix = if path.is_empty() { "layers/".to_owned() } else { format!("{path}/layers/") };
    let path_of = |name: &str| {
        let is_it = |object: &&walk::Saved| {
            object.name.as_deref() == Some(name)
                && object.path.strip_prefix(&prefix).is_some_and(|rest| !rest.contains('/'))
        };
        walk.objects().iter().find(is_it).map(|object| object.path.clone())
    };
    for layer in layers.iter_mut() {
        let inner = name_of(layer).and_then(path_of);
        if let Some(inner) = inner.filter(|_| layer.path(&["config", "layers"]).is_some()) {
            pairs.extend(fold_config(layer, &inner, walk));
        }
    }
    if !is_sequential && !is_graph {
        return pairs;
    }
    let mut position = 0;
    while position < layers.len() {
        let folded = layers.get(position).and_then(|normalization| {
            let before = match is_sequential {
                true => position.checked_sub(1)?,
                false => source_of(layers, normalization, &outputs)?,
            };
            let mut pair = pair_of(layers.get(before)?, normalization)?;
            pair.layer = path_of(name_of(layers.get(before)?)?)?;
            pair.path = path_of(&pair.normalization)?;
            Some((before, pair))
        });
        let Some((before, pair)) = folded else {
            position += 1;
            continue;
        };
        let kept = layers.get(before).and_then(name_of).unwrap_or_default().to_owned();
        layers.remove(position);
        if let Some(config) = layers.get_mut(before).and_then(|layer| config_of(layer).ok()) {
            config.insert("use_bias".to_owned(), Tree::from(true));
        }
        for layer in layers.iter_mut() {
            if let Some(nodes) = layer.get_mut("inbound_nodes") {
                redirect(nodes, &pair.normalization, &kept);
            }
        }
        pairs.push(pair);
    }
    pairs
}

/// Position of the layer whose only result goes into this normalization and nowhere else.
fn source_of(layers: &[Tree], normalization: &Tree, outputs: &Tree) -> Option<usize> {
    let [node] = normalization.get("inbound_nodes")?.as_list()? else { return None };
    let mut sources = Vec::new();
    histories(node, &mut sources);
    let [(source, 0, 0)] = &sources[..] else { return None };
    let mut all = Vec::new();
    for layer in layers {
        histories(layer.get("inbound_nodes")?, &mut all);
    }
    let uses = all.iter().filter(|(name, _, _)| name == source).count();
    // The name of a layer is the name of an output: neither of the two may be one.
    let is_output = |name: &str| mentions(outputs, name);
    if uses != 1 || is_output(source) || is_output(name_of(normalization)?) {
        return None;
    }
    let position = layers.iter().position(|layer| name_of(layer) == Some(source))?;
    let nodes = layers.get(position)?.get("inbound_nodes")?.as_list()?.len();
    (nodes == 1).then_some(position)
}

/// What is needed to fold, when the two layers allow it.
fn pair_of(layer: &Tree, normalization: &Tree) -> Option<Pair> {
    let is_normalization = normalization.class_name() == Some("BatchNormalization") && is_own(normalization);
    let (class, kernel) = FOLDABLE.iter().find(|(class, _)| layer.class_name() == Some(class))?;
    if !is_normalization || !is_own(layer) {
        return None;
    }
    let of_layer = |key: &str| layer.path(&["config", key]);
    let of_normalization = |key: &str| normalization.path(&["config", key]);
    let flag = |tree: Option<&Tree>, default: bool| tree.and_then(Tree::as_bool).unwrap_or(default);
    let is_linear = of_layer("activation").is_none_or(|activation| {
        activation.is_null()
            || activation.as_str() == Some("linear")
            || activation.path(&["config"]).and_then(Tree::as_str) == Some("linear")
    });
    let is_channels_last =
        of_layer("data_format").is_none_or(|format| format.as_str() == Some("channels_last"));
    let rank =
        normalization.path(&["build_config", "input_shape"]).and_then(Tree::as_list).map(<[Tree]>::len);
    let axis = of_normalization("axis").and_then(|axis| match axis {
        Tree::List(axes) => axes.first().filter(|_| axes.len() == 1)?.as_i64(),
        one => one.as_i64(),
    })?;
    let is_last_axis = axis == -1 || rank.is_some_and(|rank| axis + 1 == rank as i64);
    let is_plain = |key: &str| of_layer(key).is_none_or(Tree::is_null);
    let is_free = is_plain("lora_rank") && is_plain("kernel_constraint") && is_plain("bias_constraint");
    let same_dtype = policy_name(of_layer("dtype")) == Some("float32")
        && policy_name(of_normalization("dtype")) == Some("float32");
    if !(is_linear && is_channels_last && is_last_axis && is_free && same_dtype) {
        return None;
    }
    Some(Pair {
        normalization: name_of(normalization)?.to_owned(),
        layer: String::new(),
        path: String::new(),
        kernel: *kernel,
        is_depthwise: class.starts_with("Depthwise"),
        had_bias: flag(of_layer("use_bias"), true),
        epsilon: of_normalization("epsilon").and_then(Tree::as_f64).unwrap_or(1e-3),
        has_scale: flag(of_normalization("scale"), true),
        has_center: flag(of_normalization("center"), true),
    })
}

fn policy_name(dtype: Option<&Tree>) -> Option<&str> {
    match dtype {
        None | Some(Tree::Null) => Some("float32"),
        Some(tree) => tree.as_str().or_else(|| tree.path(&["config", "name"])?.as_str()),
    }
}

/// `keras_history` of every tensor in a serialized node.
fn histories(tree: &Tree, out: &mut Vec<(String, u64, u64)>) {
    match tree {
        Tree::List(items) => items.iter().for_each(|item| histories(item, out)),
        Tree::Object(entries) => match tree.path(&["config", "keras_history"]).and_then(Tree::as_list) {
            Some([name, node, tensor]) => {
                let number = |tree: &Tree| tree.as_u64().unwrap_or(u64::MAX);
                out.push((name.as_str().unwrap_or_default().to_owned(), number(node), number(tensor)));
            }
            _ => entries.values().for_each(|value| histories(value, out)),
        },
        _ => {}
    }
}

/// Lets tensors of one layer come from another.
fn redirect(tree: &mut Tree, from: &str, to: &str) {
    match tree {
        Tree::List(items) => items.iter_mut().for_each(|item| redirect(item, from, to)),
        Tree::Object(entries) => {
            let history = entries.get_mut("keras_history").and_then(Tree::as_list_mut);
            if let Some(name) = history.and_then(|history| history.first_mut())
                && name.as_str() == Some(from)
            {
                *name = Tree::from(to);
            }
            entries.values_mut().for_each(|value| redirect(value, from, to));
        }
        _ => {}
    }
}

/// Whether a structure of `[name, node, tensor]` has this name.
fn mentions(tree: &Tree, name: &str) -> bool {
    match tree {
        Tree::List(items) => items.iter().any(|item| mentions(item, name)),
        Tree::Object(entries) => entries.values().any(|value| mentions(value, name)),
        other => other.as_str() == Some(name),
    }
}

/// Scales the kernel, moves the bias, and leaves the variables of the normalization out.
fn fold_weights(artifact: &mut Artifact, pair: &Pair) -> Result<()> {
    let read = |path: String| -> Result<Vec<f64>> {
        let variable =
            artifact.variables.get(&path).ok_or_else(|| Error::not_found(format!("no variable `{path}`")))?;
        Array::from_variable(variable)?.to_f64s()
    };
    let mut next = 0;
    let mut of_normalization = |is_there: bool, otherwise: f64, count: usize| -> Result<Vec<f64>> {
        if !is_there {
            return Ok(vec![otherwise; count]);
        }
        next += 1;
        read(format!("{}/vars/{}", pair.path, next - 1))
    };
    // Both are there or neither, so the means tell the number of channels.
    let kernel_path = format!("{}/vars/{}", pair.layer, pair.kernel);
    let bias_path = format!("{}/vars/{}", pair.layer, pair.kernel + 1);
    let kernel = artifact
        .variables
        .get(&kernel_path)
        .ok_or_else(|| Error::not_found(format!("no `{kernel_path}`")))?;
    let kernel = Array::from_variable(kernel)?;
    let last_axes = if pair.is_depthwise { 2 } else { 1 };
    let channels: usize = kernel.shape().iter().rev().take(last_axes).product();
    let gamma = of_normalization(pair.has_scale, 1.0, channels)?;
    let beta = of_normalization(pair.has_center, 0.0, channels)?;
    let mean = of_normalization(true, 0.0, channels)?;
    let variance = of_normalization(true, 1.0, channels)?;
    if [&gamma, &beta, &mean, &variance].iter().any(|values| values.len() != channels) {
        return Err(Error::mismatch(format!("expected {channels} channels")));
    }
    let factors: Vec<f64> = gamma
        .iter()
        .zip(&variance)
        .map(|(gamma, variance)| gamma / (variance + pair.epsilon).sqrt())
        .collect();
    let weights = kernel.to_f64s()?;
    let scaled = weights.chunks_exact(channels.max(1)).flat_map(|row| {
        row.iter().zip(&factors).map(|(weight, factor)| (weight * factor) as f32).collect::<Vec<_>>()
    });
    let scaled = Array::from_f32(kernel.shape(), scaled.collect())?;
    let bias = if pair.had_bias { read(bias_path.clone())? } else { vec![0.0; channels] };
    let moved = bias.iter().zip(&mean).zip(factors.iter().zip(&beta));
    let moved = moved.map(|((bias, mean), (factor, beta))| ((bias - mean) * factor + beta) as f32);
    let bias = Array::from_f32([channels], moved.collect())?;

    let normalization = format!("{}/vars/", pair.path);
    let mut variables = kerata_core::Variables::new();
    let as_before = |value: &Array, old: &Variable, name: &str| -> Result<Variable> {
        let mut new = value.to_variable()?;
        (new.name, new.trainable) = (Some(name.to_owned()), old.trainable);
        Ok(new)
    };
    for (path, variable) in std::mem::take(&mut artifact.variables) {
        if path.starts_with(&normalization) || (path == bias_path && pair.had_bias) {
            continue;
        }
        if path == kernel_path {
            let name = variable.name.clone().unwrap_or_else(|| "kernel".to_owned());
            variables.insert(path, as_before(&scaled, &variable, &name)?)?;
            variables.insert(bias_path.clone(), as_before(&bias, &variable, "bias")?)?;
        } else {
            variables.insert(path, variable)?;
        }
    }
    artifact.variables = variables;
    artifact.objects.retain(|path, _| *path != pair.path);
    Ok(())
}

/// Gives variables the paths that they have without the layers that are gone: Keras numbers paths by class.
fn rename(artifact: &mut Artifact, before: &Walk, after: &Walk) -> Result<()> {
    let mut renamed: HashMap<&str, String> = HashMap::from([("", String::new())]);
    for object in before.objects() {
        let Some((parent, key)) = object.path.rsplit_once('/') else {
            renamed.insert(&object.path, object.path.clone());
            continue;
        };
        let (parent, is_member) = match parent.strip_suffix("layers") {
            Some(model) => (model.trim_end_matches('/'), true),
            None => (parent, false),
        };
        let Some(new_parent) = renamed.get(parent).cloned() else { continue };
        let join =
            |name: &str| if new_parent.is_empty() { name.to_owned() } else { format!("{new_parent}/{name}") };
        if !is_member {
            renamed.insert(&object.path, join(key));
            continue;
        }
        let prefix = join("layers/");
        let is_it = |other: &&walk::Saved| {
            other.name == object.name
                && other.path.strip_prefix(&prefix).is_some_and(|rest| !rest.contains('/'))
        };
        if let Some(found) = after.objects().iter().find(is_it) {
            renamed.insert(&object.path, found.path.clone());
        }
    }
    let new_path = |path: &str| {
        let (owner, rest) = match path.rfind("vars/") {
            Some(at) => {
                (path.get(..at).unwrap_or_default().trim_end_matches('/'), path.get(at..).unwrap_or_default())
            }
            None => (path, ""),
        };
        match (renamed.get(owner), rest) {
            (Some(new), "") => new.clone(),
            (Some(new), rest) if new.is_empty() => rest.to_owned(),
            (Some(new), rest) => format!("{new}/{rest}"),
            (None, _) => path.to_owned(),
        }
    };
    let mut variables = kerata_core::Variables::new();
    for (path, mut variable) in std::mem::take(&mut artifact.variables) {
        variable.origin = None;
        variables.insert(new_path(&path), variable)?;
    }
    artifact.variables = variables;
    artifact.objects = std::mem::take(&mut artifact.objects)
        .into_iter()
        .map(|(path, name)| (new_path(&path), name))
        .collect();
    Ok(())
}
