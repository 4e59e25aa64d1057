//! Classes that have another name, or became another class.

use kerata_core::{Object, Tree};

use super::{Action, Row, config, json, rename};
use crate::era::Era;

const fn class(
    until: Era,
    old: &'static [&'static str],
    new: &'static str,
    what: &'static str,
    example: [&'static str; 2],
) -> Row {
    Row { until, classes: old, field: "", action: Action::Class(new), what, example }
}

const fn rewrite(
    until: Era,
    classes: &'static [&'static str],
    action: fn(&mut Object) -> bool,
    what: &'static str,
    example: [&'static str; 2],
) -> Row {
    Row { until, classes, field: "", action: Action::Rewrite(action), what, example }
}

pub(super) static ROWS: &[Row] = &[
    class(
        Era::Keras2,
        &["Convolution1D", "AtrousConvolution1D"],
        "Conv1D",
        "the class is called `Conv1D`",
        [r#"{"class_name": "Convolution1D", "config": {}}"#, r#"{"class_name": "Conv1D", "config": {}}"#],
    ),
    class(
        Era::Keras2,
        &["Convolution2D", "AtrousConvolution2D"],
        "Conv2D",
        "the class is called `Conv2D`",
        [
            r#"{"class_name": "AtrousConvolution2D", "config": {}}"#,
            r#"{"class_name": "Conv2D", "config": {}}"#,
        ],
    ),
    class(
        Era::Keras2,
        &["Convolution3D"],
        "Conv3D",
        "the class is called `Conv3D`",
        [r#"{"class_name": "Convolution3D", "config": {}}"#, r#"{"class_name": "Conv3D", "config": {}}"#],
    ),
    class(
        Era::Keras2,
        &["Deconvolution2D", "Convolution2DTranspose"],
        "Conv2DTranspose",
        "the class is called `Conv2DTranspose`",
        [
            r#"{"class_name": "Deconvolution2D", "config": {}}"#,
            r#"{"class_name": "Conv2DTranspose", "config": {}}"#,
        ],
    ),
    class(
        Era::Keras2,
        &["Deconvolution3D", "Convolution3DTranspose"],
        "Conv3DTranspose",
        "the class is called `Conv3DTranspose`",
        [
            r#"{"class_name": "Deconvolution3D", "config": {}}"#,
            r#"{"class_name": "Conv3DTranspose", "config": {}}"#,
        ],
    ),
    class(
        Era::Keras2,
        &["SeparableConvolution2D"],
        "SeparableConv2D",
        "the class is called `SeparableConv2D`",
        [
            r#"{"class_name": "SeparableConvolution2D", "config": {}}"#,
            r#"{"class_name": "SeparableConv2D", "config": {}}"#,
        ],
    ),
    class(
        Era::Keras2,
        &["BatchNormalizationV1", "BatchNormalizationV2"],
        "BatchNormalization",
        "the class is called `BatchNormalization`",
        [
            r#"{"class_name": "BatchNormalizationV1", "config": {}}"#,
            r#"{"class_name": "BatchNormalization", "config": {}}"#,
        ],
    ),
    rewrite(
        Era::Keras2,
        &["SyncBatchNormalization"],
        |object| {
            object.insert("class_name".into(), "BatchNormalization".into());
            config(object).map(|config| config.insert("synchronized".into(), true.into())).is_some()
        },
        "the class is `BatchNormalization` with `synchronized`",
        [
            r#"{"class_name": "SyncBatchNormalization", "config": {}}"#,
            r#"{"class_name": "BatchNormalization", "config": {"synchronized": true}}"#,
        ],
    ),
    rewrite(
        Era::Keras2,
        &["CuDNNLSTM"],
        |object| cudnn(object, "LSTM", &[]),
        "the class is `LSTM` with the activations of cuDNN",
        [
            r#"{"class_name": "CuDNNLSTM", "config": {"units": 2}}"#,
            r#"{"class_name": "LSTM", "config": {"units": 2, "activation": "tanh", "recurrent_activation": "sigmoid", "use_bias": true}}"#,
        ],
    ),
    rewrite(
        Era::Keras2,
        &["CuDNNGRU"],
        |object| cudnn(object, "GRU", &["reset_after"]),
        "the class is `GRU` with `reset_after` and the activations of cuDNN",
        [
            r#"{"class_name": "CuDNNGRU", "config": {"units": 2}}"#,
            r#"{"class_name": "GRU", "config": {"units": 2, "activation": "tanh", "recurrent_activation": "sigmoid", "use_bias": true, "reset_after": true}}"#,
        ],
    ),
    rewrite(
        Era::Keras2,
        &["ConvRNN2D"],
        |object| conv_rnn(object).is_some(),
        "the class is `ConvLSTM2D` with the arguments of the cell",
        [
            r#"{"class_name": "ConvRNN2D", "config": {"name": "r", "return_sequences": true, "cell": {"class_name": "ConvLSTM2DCell", "config": {"name": "c", "filters": 2}}}}"#,
            r#"{"class_name": "ConvLSTM2D", "config": {"name": "r", "return_sequences": true, "filters": 2}}"#,
        ],
    ),
    rewrite(
        Era::Keras2,
        &["ThresholdedReLU"],
        |object| {
            object.insert("class_name".into(), "ReLU".into());
            config(object).is_some_and(|config| {
                if !config.contains_key("theta") {
                    config.insert("theta".into(), 1.0.into());
                }
                rename(config, "theta", "threshold")
            })
        },
        "the class is `ReLU` with a `threshold`",
        [
            r#"{"class_name": "ThresholdedReLU", "config": {"theta": 0.5}}"#,
            r#"{"class_name": "ReLU", "config": {"threshold": 0.5}}"#,
        ],
    ),
    rewrite(
        Era::Keras1,
        &["TimeDistributedDense"],
        |object| {
            let mut dense = object.clone();
            dense.insert("class_name".into(), "Dense".into());
            dense.shift_remove("inbound_nodes");
            dense.shift_remove("name");
            let name =
                object.get("config").and_then(|config| config.get("name")).cloned().unwrap_or_default();
            let shape = object.get("config").and_then(|config| config.get("batch_input_shape")).cloned();
            let mut config = Object::new();
            config.insert("name".into(), name);
            config.insert("layer".into(), Tree::Object(dense));
            config.extend(shape.map(|shape| ("batch_input_shape".to_owned(), shape)));
            object.insert("class_name".into(), "TimeDistributed".into());
            object.insert("config".into(), Tree::Object(config));
            true
        },
        "the class is `Dense` inside `TimeDistributed`",
        [
            r#"{"class_name": "TimeDistributedDense", "config": {"name": "d", "output_dim": 2}}"#,
            r#"{"class_name": "TimeDistributed", "config": {"name": "d", "layer": {"class_name": "Dense", "config": {"name": "d", "output_dim": 2}}}}"#,
        ],
    ),
    rewrite(
        Era::Keras1,
        &["Merge"],
        merge,
        "`mode` of `Merge` names the class",
        [
            r#"{"class_name": "Merge", "config": {"name": "m", "mode": "concat", "concat_axis": 1, "dot_axes": -1}}"#,
            r#"{"class_name": "Concatenate", "config": {"name": "m", "axis": 1}}"#,
        ],
    ),
];

fn cudnn(object: &mut Object, class: &str, flags: &[&str]) -> bool {
    object.insert("class_name".into(), class.into());
    let Some(config) = config(object) else { return false };
    config.insert("activation".into(), "tanh".into());
    config.insert("recurrent_activation".into(), "sigmoid".into());
    config.insert("use_bias".into(), true.into());
    for flag in flags {
        config.insert((*flag).into(), json("true"));
    }
    true
}

/// `ConvRNN2D` around the only cell that Keras had for it; around another one it stays as it is.
fn conv_rnn(object: &mut Object) -> Option<()> {
    let outer = config(object)?;
    let cell = outer.get("cell").filter(|cell| cell.class_name() == Some("ConvLSTM2DCell"))?;
    let inner = cell.get("config")?.as_object()?.clone();
    outer.shift_remove("cell");
    for (key, value) in inner {
        outer.entry(key).or_insert(value);
    }
    object.insert("class_name".into(), "ConvLSTM2D".into());
    Some(())
}

/// Modes whose meaning is that of a class; `cos` and functions stay as they are.
fn merge(object: &mut Object) -> bool {
    let mode = object.get("config").and_then(|config| config.get("mode")).and_then(Tree::as_str);
    let class = match mode {
        Some("sum") => "Add",
        Some("mul") => "Multiply",
        Some("ave") => "Average",
        Some("max") => "Maximum",
        Some("concat") => "Concatenate",
        Some("dot") => "Dot",
        _ => return false,
    };
    object.insert("class_name".into(), class.into());
    let Some(old) = config(object) else { return false };
    let kept = |key: &str| old.get(key).cloned();
    let mut new = Object::new();
    new.extend(kept("name").map(|name| ("name".to_owned(), name)));
    new.extend(kept("trainable").map(|flag| ("trainable".to_owned(), flag)));
    match class {
        "Concatenate" => new.extend([("axis".to_owned(), kept("concat_axis").unwrap_or(Tree::Int(-1)))]),
        "Dot" => new.extend([("axes".to_owned(), kept("dot_axes").unwrap_or(Tree::Int(-1)))]),
        _ => {}
    }
    *old = new;
    true
}
