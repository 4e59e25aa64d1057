//! `Summary`: the table of layers that Keras's `summary()` prints, as data.

use kerata_core::graph::TensorSpec;
use kerata_core::{DType, Role};

use crate::layers::{AnyLayer, Place, Slot};

/// One line of the table.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Row {
    /// How deep inside inner models.
    pub depth: usize,
    /// Name of the layer.
    pub name: String,
    /// Its class.
    pub class_name: String,
    /// Its result's shape as Keras prints it: `(None, 10)`, a list of them, or `?`.
    pub output_shape: String,
    /// Number of its parameters.
    pub parameters: u64,
    /// Bytes of its parameters.
    pub bytes: u64,
    /// Whether it is a function of `keras.ops` and no layer.
    pub is_operation: bool,
    /// Where its inputs come from: `dense[0][0]`.
    pub connected_to: Vec<String>,
}

/// The table and its totals.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Summary {
    /// Name of the model.
    pub name: String,
    /// One row a layer.
    pub rows: Vec<Row>,
    /// Parameters that training changes.
    pub trainable: u64,
    /// Parameters that training does not change.
    pub non_trainable: u64,
    /// Bytes of the former.
    pub trainable_bytes: u64,
    /// Bytes of the latter.
    pub non_trainable_bytes: u64,
}

impl Summary {
    /// The table of a model.
    pub(super) fn of(root: &AnyLayer, place: &Place, expand_nested: bool) -> Self {
        let mut rows = Vec::new();
        add_rows(root, Some(place), 0, expand_nested, &mut rows);
        let mut summary = Self {
            name: root.name().to_owned(),
            rows,
            trainable: 0,
            non_trainable: 0,
            trainable_bytes: 0,
            non_trainable_bytes: 0,
        };
        for (_, slot, trainable) in place.variables() {
            if slot.role == Role::Weight && slot.same_as.is_none() {
                let count = slot.spec.shape.elements().unwrap_or(0);
                let (number, bytes) = match trainable {
                    true => (&mut summary.trainable, &mut summary.trainable_bytes),
                    false => (&mut summary.non_trainable, &mut summary.non_trainable_bytes),
                };
                *number += count;
                *bytes += count * size_of(slot.spec.dtype);
            }
        }
        summary
    }
}

fn add_rows(layer: &AnyLayer, place: Option<&Place>, depth: usize, expand_nested: bool, rows: &mut Vec<Row>) {
    let Some(network) = layer.layer().as_model() else {
        for (attribute, member) in layer.layer().listed() {
            add_row((&attribute, member), Vec::new(), place, depth, expand_nested, rows);
        }
        return;
    };
    let connections = network.connections();
    for ((member, attribute), connected_to) in
        network.members().into_iter().zip(network.attributes()).zip(connections)
    {
        let attribute = attribute.unwrap_or_else(|| member.name().to_owned());
        add_row((&attribute, member), connected_to, place, depth, expand_nested, rows);
    }
}

fn add_row(
    (attribute, member): (&str, &AnyLayer),
    connected_to: Vec<String>,
    place: Option<&Place>,
    depth: usize,
    expand_nested: bool,
    rows: &mut Vec<Row>,
) {
    let inner = place.and_then(|place| place.children.get(attribute)).map(|place| &**place);
    let (parameters, bytes) = inner.map_or((0, 0), count);
    let input = (member.class_name() == "InputLayer")
        .then(|| super::model::config_of(member).get("batch_shape").map(shape_text))
        .flatten();
    let output_shape = match inner.map(|place| place.outputs.as_slice()) {
        _ if input.is_some() => input.unwrap_or_default(),
        None | Some([]) => "?".to_owned(),
        Some(outputs) => specs_text(&member.layer().shown(outputs.to_vec())),
    };
    rows.push(Row {
        depth,
        name: member.name().to_owned(),
        class_name: python_name(member.class_name()).to_owned(),
        output_shape,
        parameters,
        bytes,
        is_operation: member.is_operation(),
        connected_to,
    });
    if expand_nested {
        add_rows(member, inner, depth + 1, expand_nested, rows);
    }
}

/// The Python name of a class that is written under another one.
fn python_name(class: &str) -> &str {
    if class == "GroupQueryAttention" { "GroupedQueryAttention" } else { class }
}

/// Parameters of a layer and of those inside it, and their bytes; one that another layer of the model has too counts here
/// as well, one that this layer has twice does not.
fn count(place: &Place) -> (u64, u64) {
    let below = format!("{}/", place.path);
    let is_again = |slot: &Slot| slot.same_as.as_ref().is_some_and(|path| path.starts_with(&below));
    let weights = place.variables().into_iter();
    weights
        .filter(|(_, slot, _)| slot.role == Role::Weight && !is_again(slot))
        .map(|(_, slot, _)| {
            let count = slot.spec.shape.elements().unwrap_or(0);
            (count, count * size_of(slot.spec.dtype))
        })
        .fold((0, 0), |(count, bytes), (more, more_bytes)| (count + more, bytes + more_bytes))
}

fn specs_text(specs: &[TensorSpec]) -> String {
    match specs {
        [one] => one.shape.to_string(),
        all => format!("[{}]", all.iter().map(|spec| spec.shape.to_string()).collect::<Vec<_>>().join(", ")),
    }
}

fn shape_text(tree: &kerata_core::Tree) -> String {
    use crate::config::Value;
    kerata_core::Shape::read(tree, crate::Registry::built_in())
        .map_or_else(|_| "?".to_owned(), |s| s.to_string())
}

fn size_of(dtype: DType) -> u64 {
    dtype.size().unwrap_or(0) as u64
}
