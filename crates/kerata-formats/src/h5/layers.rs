//! The arrays of one layer group, put under the canonical paths of the walk.

use std::collections::{HashMap, VecDeque};

use kerata_core::{Error, Result, Role, Tree, Variable};

use super::arrays::Array;
use super::bfloat16;
use crate::era::Era;
use crate::walk::{Saved, Walk, Weight};

/// What decides about the layout of kernels.
#[derive(Clone, Copy, Debug)]
pub(super) struct Writer<'a> {
    pub era: Era,
    pub backend: Option<&'a str>,
}

/// One array of a layer group with its name in the group.
#[derive(Clone, Debug)]
pub(super) struct Named {
    pub name: String,
    pub array: Array,
}

/// A variable with its path.
pub(super) type Placed = (String, Variable);

/// Layers whose kernel is a convolution, with the number of spatial axes.
const CONVOLUTIONS: &[(&str, usize)] =
    &[("Conv1D", 1), ("Conv2D", 2), ("Conv3D", 3), ("Conv2DTranspose", 2), ("ConvLSTMCell", 2)];

/// Puts the arrays of a layer of the model under their paths; `None` when their number does not fit.
pub(super) fn placed(
    walk: &Walk,
    layer: &Saved,
    config: &Tree,
    arrays: &[Named],
    writer: Writer<'_>,
) -> Result<Option<Vec<Placed>>> {
    let expected = walk.legacy_weights_of(layer);
    let sorted = highway_sorted(layer, arrays, writer).or_else(|| by_name(&expected, arrays, writer));
    let arrays = sorted.as_deref().unwrap_or(arrays);
    let Some(shares) = shares(&expected, arrays.len()) else { return Ok(None) };
    let mut found = dealt(&expected, &shares, arrays)?;
    if writer.era < Era::Keras3 {
        cudnn_turned(&expected, &mut found)?;
    }
    let mut out = Vec::with_capacity(expected.len());
    for (weight, array) in expected.iter().zip(found) {
        let array = canonical(weight, array, config_of(config, layer, weight.owner), writer)?;
        let mut variable = Variable::new(bfloat16::told(array.dtype), array.shape, array.data)?;
        variable.name = Some(weight.variable.name.clone());
        variable.trainable = Some(weight.variable.trainable);
        variable.origin = Some(array.origin);
        match (&weight.variable.path, &weight.variable.same_as) {
            (Some(path), Some(again)) => {
                let copy = Variable { origin: None, ..variable.clone() };
                out.push((path.clone(), copy.with_role(Role::State)));
                out.push((again.clone(), variable));
            }
            (Some(path), None) => out.push((path.clone(), variable)),
            // LoRA factors: no format of Keras 3 has a place for them.
            (None, _) => {}
        }
    }
    Ok(Some(out))
}

/// Names of Keras 3 tell each variable: layers of float8 list them in two orders.
fn by_name(expected: &[Weight<'_>], arrays: &[Named], writer: Writer<'_>) -> Option<Vec<Named>> {
    if writer.era < Era::Keras3 || expected.len() != arrays.len() {
        return None;
    }
    let only = |path: String| {
        let mut found = arrays.iter().filter(|named| named.name == path);
        found.next().filter(|_| found.next().is_none()).cloned()
    };
    expected.iter().map(|weight| only(weight.keras_path())).collect()
}

/// Keras 1.0 lists kernel, bias, then those of the carry of a `Highway`; 1.1 and 1.2 the two kernels first.
fn highway_sorted(layer: &Saved, arrays: &[Named], writer: Writer<'_>) -> Option<Vec<Named>> {
    if layer.class_name != "Highway" || writer.era != Era::Keras1 {
        return None;
    }
    let is_bias = |named: &&Named| named.array.shape.len() == 1;
    let kernels = arrays.iter().filter(|named| !is_bias(named));
    Some(kernels.chain(arrays.iter().filter(is_bias)).cloned().collect())
}

/// The array of each expected variable: in order, or joined from the gates of its owner.
fn dealt(expected: &[Weight<'_>], shares: &[(&Saved, usize)], arrays: &[Named]) -> Result<Vec<Array>> {
    let short = || Error::internal("fewer arrays than were counted");
    let mut rest = arrays.iter();
    let mut joined: Vec<(&str, VecDeque<Array>)> = Vec::new();
    let mut out = Vec::with_capacity(expected.len());
    for weight in expected {
        let path = weight.owner.path.as_str();
        let Some((owner, count)) = shares.iter().find(|(owner, _)| owner.path == path) else {
            out.push(rest.next().ok_or_else(short)?.array.clone());
            continue;
        };
        if !joined.iter().any(|(known, _)| *known == path) {
            let mine: Vec<&Named> = rest.by_ref().take(*count).collect();
            joined.push((path, gates_joined(owner, &mine)?.into()));
        }
        let next = joined.iter_mut().find(|(known, _)| *known == path);
        out.push(next.and_then(|(_, arrays)| arrays.pop_front()).ok_or_else(short)?);
    }
    Ok(out)
}

/// Turns the variables of each cell that cuDNN wrote.
fn cudnn_turned(expected: &[Weight<'_>], arrays: &mut [Array]) -> Result<()> {
    let gates = |class: &str| match class {
        "LSTMCell" => Some(4),
        "GRUCell" => Some(3),
        _ => None,
    };
    for (at, weight) in expected.iter().enumerate() {
        let Some(gates) = gates(&weight.owner.class_name).filter(|_| weight.variable.name == "bias") else {
            continue;
        };
        let place = |name: &str| {
            let is_it =
                |other: &Weight<'_>| other.owner.path == weight.owner.path && other.variable.name == name;
            expected.iter().position(is_it)
        };
        let (Some(kernel), Some(recurrent)) = (place("kernel"), place("recurrent_kernel")) else { continue };
        let columns = arrays.get(kernel).and_then(|array| array.shape.last()).copied().unwrap_or(0);
        if arrays.get(at).is_none_or(|bias| bias.shape != [2 * columns]) {
            continue;
        }
        if let Some(array) = arrays.get_mut(kernel) {
            *array = array.gates_from_cudnn(gates, false)?;
        }
        if let Some(array) = arrays.get_mut(recurrent) {
            *array = array.gates_from_cudnn(gates, true)?;
        }
        if let Some(bias) = arrays.get_mut(at) {
            *bias =
                if gates == 4 { bias.halves_added()? } else { bias.clone().reshaped(vec![2, columns])? };
        }
    }
    Ok(())
}

/// Owners that keep each gate in arrays of its own (Keras 1), with their number of arrays.
fn shares<'a>(expected: &[Weight<'a>], count: usize) -> Option<Vec<(&'a Saved, usize)>> {
    if expected.len() == count {
        return Some(Vec::new());
    }
    let mut owners: Vec<(&Saved, usize)> = Vec::new();
    for weight in expected {
        let arrays = match weight.owner.class_name.as_str() {
            "LSTMCell" | "ConvLSTMCell" => 12,
            "GRUCell" => 9,
            _ => continue,
        };
        if !owners.iter().any(|(owner, _)| std::ptr::eq(*owner, weight.owner)) {
            owners.push((weight.owner, arrays));
        }
    }
    let apart: usize = owners
        .iter()
        .map(|(owner, arrays)| {
            arrays - expected.iter().filter(|weight| std::ptr::eq(weight.owner, *owner)).count()
        })
        .sum();
    (expected.len() + apart == count).then_some(owners)
}

/// Kernel, recurrent kernel and bias from the arrays of the gates. Keras 1 orders those of LSTM i, c, f, o.
fn gates_joined(owner: &Saved, arrays: &[&Named]) -> Result<Vec<Array>> {
    let order: &[usize] = if arrays.len() == 12 { &[0, 2, 1, 3] } else { &[0, 1, 2] };
    if arrays.len() != 3 * order.len() {
        return Err(Error::mismatch(format!("{} arrays for the gates of `{}`", arrays.len(), owner.path)));
    }
    (0..3)
        .map(|kind| {
            let parts = order.iter().map(|gate| arrays.get(gate * 3 + kind).map(|named| &named.array));
            let parts: Vec<&Array> = parts.flatten().collect();
            Array::joined(&parts)
        })
        .collect()
}

/// The array in the layout of Keras 3.
fn canonical(weight: &Weight<'_>, array: Array, config: Option<&Tree>, writer: Writer<'_>) -> Result<Array> {
    let class = weight.owner.class_name.as_str();
    let variable = weight.variable.name.as_str();
    if writer.era == Era::Keras3 {
        return Ok(array);
    }
    if let Some((_, axes)) = CONVOLUTIONS.iter().find(|(name, _)| *name == class)
        && matches!(variable, "kernel" | "recurrent_kernel")
    {
        return kernel(class, *axes, array, config, writer);
    }
    Ok(array)
}

fn kernel(
    class: &str,
    axes: usize,
    array: Array,
    config: Option<&Tree>,
    writer: Writer<'_>,
) -> Result<Array> {
    let mut array = array;
    let channels_first =
        config.and_then(|config| config.get("data_format")).and_then(Tree::as_str) == Some("channels_first");
    if writer.era == Era::Keras1 {
        array = match (class, channels_first) {
            ("Conv1D", _) if array.shape.len() == 4 => {
                // (filters, channels, width, 1) or (width, 1, channels, filters).
                let filters = config.and_then(|config| config.get("filters")).and_then(Tree::as_u64);
                let is_theano = array.shape.first().copied() == filters && array.shape.last() == Some(&1);
                let turned = if is_theano { array.transposed(&[2, 3, 1, 0])? } else { array };
                let shape = turned.shape.iter().enumerate().filter(|(axis, _)| *axis != 1);
                let shape = shape.map(|(_, size)| *size).collect();
                turned.reshaped(shape)?
            }
            ("Conv2D" | "ConvLSTMCell", true) => array.transposed(&[2, 3, 1, 0])?,
            ("Conv2DTranspose", true) => array.transposed(&[2, 3, 0, 1])?,
            ("Conv2DTranspose", false) => array.transposed(&[0, 1, 3, 2])?,
            ("Conv3D", true) => array.transposed(&[2, 3, 4, 1, 0])?,
            _ => array,
        };
    }
    if writer.backend == Some("theano") { array.flipped(axes) } else { Ok(array) }
}

/// The config of an owner: the layer itself, or an object inside it, reached along the walk's path.
fn config_of<'a>(layer_config: &'a Tree, layer: &Saved, owner: &Saved) -> Option<&'a Tree> {
    let inside = owner.path.strip_prefix(layer.path.as_str())?.trim_start_matches('/');
    let mut object = layer_config;
    let mut parts = inside.split('/').filter(|part| !part.is_empty()).peekable();
    while let Some(part) = parts.next() {
        let config = object.get("config")?;
        object = match part {
            "layers" | "cells" => {
                let key = parts.next()?;
                let items = config.get(part).or_else(|| config.get("cell"))?.as_list()?;
                let mut used = HashMap::new();
                items.iter().filter(|item| !skipped(part, item, config)).find(|item| {
                    let class = item.class_name().unwrap_or_default();
                    crate::walk::container_key(class, &mut used) == key
                })?
            }
            "forward_layer" => config.get("layer")?,
            "backward_layer" => {
                config.get("backward_layer").filter(|l| !l.is_null()).or_else(|| config.get("layer"))?
            }
            // Cells that their layer makes share its config.
            "cell" if config.get("cell").is_none_or(|cell| cell.class_name().is_none()) => object,
            other => config.get(other)?,
        };
    }
    object.get("config")
}

/// Sequential models do not count their input layer, graphs do not count ops.
fn skipped(list: &str, item: &Tree, model: &Tree) -> bool {
    let is_graph = model.get("input_layers").is_some();
    let is_op = item.get("module").and_then(Tree::as_str).is_some_and(|module| module.contains(".ops"));
    list == "layers" && (is_op || !is_graph && item.class_name() == Some("InputLayer"))
}
