//! Arguments of Keras 2 and tf.keras.

use kerata_core::{Object, Tree};

use super::{Action, Row, config};
use crate::era::Era;

pub(super) static ROWS: &[Row] = &[
    Row {
        until: Era::Keras2,
        classes: &["InputLayer"],
        field: "batch_input_shape",
        action: Action::Rename("batch_shape"),
        what: "`batch_input_shape` is called `batch_shape`",
        example: [
            r#"{"class_name": "InputLayer", "config": {"batch_input_shape": [null, 3]}}"#,
            r#"{"class_name": "InputLayer", "config": {"batch_shape": [null, 3]}}"#,
        ],
    },
    Row {
        until: Era::Keras2,
        classes: &["LeakyReLU"],
        field: "alpha",
        action: Action::Rename("negative_slope"),
        what: "`alpha` is called `negative_slope`",
        example: [
            r#"{"class_name": "LeakyReLU", "config": {"alpha": 0.3}}"#,
            r#"{"class_name": "LeakyReLU", "config": {"negative_slope": 0.3}}"#,
        ],
    },
    Row {
        until: Era::Keras2,
        classes: &[
            "LSTM",
            "GRU",
            "SimpleRNN",
            "RNN",
            "Bidirectional",
            "ConvLSTM1D",
            "ConvLSTM2D",
            "ConvLSTM3D",
        ],
        field: "time_major",
        action: Action::DropIf("false"),
        what: "`time_major` is dropped",
        example: [
            r#"{"class_name": "LSTM", "config": {"name": "x", "time_major": false}}"#,
            r#"{"class_name": "LSTM", "config": {"name": "x"}}"#,
        ],
    },
    Row {
        until: Era::Keras2,
        // Locally connected layers lay their kernels out by it.
        classes: &["LSTM", "LSTMCell", "GRU", "GRUCell", "SimpleRNN", "SimpleRNNCell", "RNN", "ConvLSTM2D"],
        field: "implementation",
        action: Action::Drop,
        what: "`implementation` is dropped",
        example: [
            r#"{"class_name": "LSTM", "config": {"name": "x", "implementation": 2}}"#,
            r#"{"class_name": "LSTM", "config": {"name": "x"}}"#,
        ],
    },
    Row {
        until: Era::Keras2,
        classes: &["GRU", "GRUCell"],
        field: "reset_after",
        action: Action::Default("false"),
        what: "`reset_after` is written out as false, its meaning when missing",
        example: [
            r#"{"class_name": "GRU", "config": {}}"#,
            r#"{"class_name": "GRU", "config": {"reset_after": false}}"#,
        ],
    },
    Row {
        until: Era::Keras2,
        classes: &["LSTM", "GRU", "LSTMCell", "GRUCell", "ConvLSTM1D", "ConvLSTM2D", "ConvLSTM3D"],
        field: "recurrent_activation",
        action: Action::Default("\"hard_sigmoid\""),
        what: "`recurrent_activation` is written out as `hard_sigmoid`, its meaning when missing",
        example: [
            r#"{"class_name": "LSTM", "config": {}}"#,
            r#"{"class_name": "LSTM", "config": {"recurrent_activation": "hard_sigmoid"}}"#,
        ],
    },
    Row {
        until: Era::Keras2,
        classes: &[
            "DepthwiseConv1D",
            "DepthwiseConv2D",
            "SeparableConv1D",
            "SeparableConv2D",
            "Conv1DTranspose",
            "Conv2DTranspose",
            "Conv3DTranspose",
        ],
        field: "groups",
        action: Action::DropIf("1"),
        what: "`groups` is dropped",
        example: [
            r#"{"class_name": "DepthwiseConv1D", "config": {"name": "x", "groups": 1}}"#,
            r#"{"class_name": "DepthwiseConv1D", "config": {"name": "x"}}"#,
        ],
    },
    Row {
        until: Era::Keras2,
        classes: &["SeparableConv1D", "SeparableConv2D", "DepthwiseConv1D", "DepthwiseConv2D"],
        field: "kernel_initializer",
        action: Action::Drop,
        what: "`kernel_initializer` is dropped",
        example: [
            r#"{"class_name": "SeparableConv1D", "config": {"name": "x", "kernel_initializer": null}}"#,
            r#"{"class_name": "SeparableConv1D", "config": {"name": "x"}}"#,
        ],
    },
    Row {
        until: Era::Keras2,
        classes: &["SeparableConv1D", "SeparableConv2D", "DepthwiseConv1D", "DepthwiseConv2D"],
        field: "kernel_regularizer",
        action: Action::Drop,
        what: "`kernel_regularizer` is dropped",
        example: [
            r#"{"class_name": "SeparableConv1D", "config": {"name": "x", "kernel_regularizer": null}}"#,
            r#"{"class_name": "SeparableConv1D", "config": {"name": "x"}}"#,
        ],
    },
    Row {
        until: Era::Keras2,
        classes: &["SeparableConv1D", "SeparableConv2D", "DepthwiseConv1D", "DepthwiseConv2D"],
        field: "kernel_constraint",
        action: Action::Drop,
        what: "`kernel_constraint` is dropped",
        example: [
            r#"{"class_name": "SeparableConv1D", "config": {"name": "x", "kernel_constraint": null}}"#,
            r#"{"class_name": "SeparableConv1D", "config": {"name": "x"}}"#,
        ],
    },
    Row {
        until: Era::Keras2,
        classes: &["BatchNormalization"],
        field: "axis",
        action: Action::Rewrite(single_axis),
        what: "`axis` is a number",
        example: [
            r#"{"class_name": "BatchNormalization", "config": {"axis": [3]}}"#,
            r#"{"class_name": "BatchNormalization", "config": {"axis": 3}}"#,
        ],
    },
    Row {
        until: Era::Keras2,
        classes: &["BatchNormalization"],
        field: "renorm",
        action: Action::DropIf("false"),
        what: "`renorm` is dropped",
        example: [
            r#"{"class_name": "BatchNormalization", "config": {"name": "x", "renorm": false}}"#,
            r#"{"class_name": "BatchNormalization", "config": {"name": "x"}}"#,
        ],
    },
    Row {
        until: Era::Keras2,
        classes: &["BatchNormalization"],
        field: "renorm_clipping",
        action: Action::Drop,
        what: "`renorm_clipping` is dropped",
        example: [
            r#"{"class_name": "BatchNormalization", "config": {"name": "x", "renorm_clipping": null}}"#,
            r#"{"class_name": "BatchNormalization", "config": {"name": "x"}}"#,
        ],
    },
    Row {
        until: Era::Keras2,
        classes: &["BatchNormalization"],
        field: "renorm_momentum",
        action: Action::Drop,
        what: "`renorm_momentum` is dropped",
        example: [
            r#"{"class_name": "BatchNormalization", "config": {"name": "x", "renorm_momentum": 0.99}}"#,
            r#"{"class_name": "BatchNormalization", "config": {"name": "x"}}"#,
        ],
    },
    Row {
        until: Era::Keras2,
        classes: &["BatchNormalization"],
        field: "virtual_batch_size",
        action: Action::Drop,
        what: "`virtual_batch_size` is dropped",
        example: [
            r#"{"class_name": "BatchNormalization", "config": {"name": "x", "virtual_batch_size": null}}"#,
            r#"{"class_name": "BatchNormalization", "config": {"name": "x"}}"#,
        ],
    },
    Row {
        until: Era::Keras2,
        classes: &["BatchNormalization"],
        field: "fused",
        action: Action::Drop,
        what: "`fused` is dropped",
        example: [
            r#"{"class_name": "BatchNormalization", "config": {"name": "x", "fused": true}}"#,
            r#"{"class_name": "BatchNormalization", "config": {"name": "x"}}"#,
        ],
    },
    Row {
        until: Era::Keras2,
        classes: &["InputLayer"],
        field: "sparse",
        action: Action::DropIf("false"),
        what: "`sparse` is dropped",
        example: [
            r#"{"class_name": "InputLayer", "config": {"name": "x", "sparse": false}}"#,
            r#"{"class_name": "InputLayer", "config": {"name": "x"}}"#,
        ],
    },
    Row {
        until: Era::Keras2,
        classes: &["InputLayer"],
        field: "ragged",
        action: Action::DropIf("false"),
        what: "`ragged` is dropped",
        example: [
            r#"{"class_name": "InputLayer", "config": {"name": "x", "ragged": false}}"#,
            r#"{"class_name": "InputLayer", "config": {"name": "x"}}"#,
        ],
    },
    Row {
        until: Era::Keras2,
        classes: &["InputLayer"],
        field: "optional",
        action: Action::DropIf("false"),
        what: "`optional` is dropped",
        example: [
            r#"{"class_name": "InputLayer", "config": {"name": "x", "optional": false}}"#,
            r#"{"class_name": "InputLayer", "config": {"name": "x"}}"#,
        ],
    },
    Row {
        until: Era::Keras2,
        classes: &["InputLayer"],
        field: "type_spec",
        action: Action::Drop,
        what: "`type_spec` is dropped",
        example: [
            r#"{"class_name": "InputLayer", "config": {"name": "x", "type_spec": null}}"#,
            r#"{"class_name": "InputLayer", "config": {"name": "x"}}"#,
        ],
    },
    Row {
        until: Era::Keras2,
        classes: &["Embedding"],
        field: "sparse",
        action: Action::Drop,
        what: "`sparse` is dropped",
        example: [
            r#"{"class_name": "Embedding", "config": {"name": "x", "sparse": false}}"#,
            r#"{"class_name": "Embedding", "config": {"name": "x"}}"#,
        ],
    },
    Row {
        until: Era::Keras2,
        classes: &[],
        field: "input_length",
        action: Action::Drop,
        what: "`input_length` is dropped",
        example: [
            r#"{"class_name": "Embedding", "config": {"name": "x", "input_length": null}}"#,
            r#"{"class_name": "Embedding", "config": {"name": "x"}}"#,
        ],
    },
    Row {
        until: Era::Keras2,
        classes: &["Dense", "LSTM", "GRU", "SimpleRNN", "Conv1D"],
        field: "input_dim",
        action: Action::Drop,
        what: "`input_dim` is dropped",
        example: [
            r#"{"class_name": "Dense", "config": {"name": "x", "input_dim": null}}"#,
            r#"{"class_name": "Dense", "config": {"name": "x"}}"#,
        ],
    },
    Row {
        until: Era::Keras2,
        classes: &[],
        field: "batch_input_shape",
        action: Action::Rewrite(input_shape),
        what: "`batch_input_shape` is told by the graph",
        example: [
            r#"{"class_name": "Dense", "config": {"name": "d", "batch_input_shape": [null, 3]}}"#,
            r#"{"class_name": "Dense", "config": {"name": "d"}}"#,
        ],
    },
    Row {
        until: Era::Keras2,
        classes: &[],
        field: "dynamic",
        action: Action::Drop,
        what: "`dynamic` is dropped",
        example: [
            r#"{"class_name": "Dense", "config": {"name": "x", "dynamic": false}}"#,
            r#"{"class_name": "Dense", "config": {"name": "x"}}"#,
        ],
    },
    Row {
        until: Era::Keras2,
        classes: &[],
        field: "rng_type",
        action: Action::Drop,
        what: "`rng_type` is dropped",
        example: [
            r#"{"class_name": "RandomFlip", "config": {"name": "x", "rng_type": "stateful"}}"#,
            r#"{"class_name": "RandomFlip", "config": {"name": "x"}}"#,
        ],
    },
    Row {
        until: Era::Keras2,
        classes: &["Attention", "AdditiveAttention"],
        field: "causal",
        action: Action::DropIf("false"),
        what: "`causal` is dropped",
        example: [
            r#"{"class_name": "Attention", "config": {"name": "x", "causal": false}}"#,
            r#"{"class_name": "Attention", "config": {"name": "x"}}"#,
        ],
    },
    Row {
        until: Era::Keras2,
        classes: &["MultiHeadAttention"],
        field: "query_shape",
        action: Action::Drop,
        what: "`query_shape` is dropped",
        example: [
            r#"{"class_name": "MultiHeadAttention", "config": {"name": "x", "query_shape": [null, 4, 8]}}"#,
            r#"{"class_name": "MultiHeadAttention", "config": {"name": "x"}}"#,
        ],
    },
    Row {
        until: Era::Keras2,
        classes: &["MultiHeadAttention"],
        field: "key_shape",
        action: Action::Drop,
        what: "`key_shape` is dropped",
        example: [
            r#"{"class_name": "MultiHeadAttention", "config": {"name": "x", "key_shape": [null, 4, 8]}}"#,
            r#"{"class_name": "MultiHeadAttention", "config": {"name": "x"}}"#,
        ],
    },
    Row {
        until: Era::Keras2,
        classes: &["MultiHeadAttention"],
        field: "value_shape",
        action: Action::Drop,
        what: "`value_shape` is dropped",
        example: [
            r#"{"class_name": "MultiHeadAttention", "config": {"name": "x", "value_shape": [null, 4, 8]}}"#,
            r#"{"class_name": "MultiHeadAttention", "config": {"name": "x"}}"#,
        ],
    },
    Row {
        until: Era::Keras2,
        classes: &["StackedRNNCells"],
        field: "reverse_state_order",
        action: Action::DropIf("false"),
        what: "`reverse_state_order` is dropped",
        example: [
            r#"{"class_name": "StackedRNNCells", "config": {"name": "x", "reverse_state_order": false}}"#,
            r#"{"class_name": "StackedRNNCells", "config": {"name": "x"}}"#,
        ],
    },
    Row {
        until: Era::Keras2,
        classes: &["RNN"],
        field: "num_constants",
        action: Action::DropIf("0"),
        what: "`num_constants` is dropped",
        example: [
            r#"{"class_name": "RNN", "config": {"name": "x", "num_constants": 0}}"#,
            r#"{"class_name": "RNN", "config": {"name": "x"}}"#,
        ],
    },
    Row {
        until: Era::Keras2,
        classes: &["StringLookup", "IntegerLookup", "TextVectorization"],
        field: "has_input_vocabulary",
        action: Action::Drop,
        what: "`has_input_vocabulary` is dropped",
        example: [
            r#"{"class_name": "StringLookup", "config": {"name": "x", "has_input_vocabulary": true}}"#,
            r#"{"class_name": "StringLookup", "config": {"name": "x"}}"#,
        ],
    },
    Row {
        until: Era::Keras2,
        classes: &["StringLookup", "IntegerLookup", "TextVectorization", "Discretization"],
        field: "vocabulary",
        action: Action::Rewrite(plain_lists),
        what: "lists are written as plain lists",
        example: [
            r#"{"class_name": "StringLookup", "config": {"vocabulary": {"class_name": "ListWrapper", "config": ["a"]}}}"#,
            r#"{"class_name": "StringLookup", "config": {"vocabulary": ["a"]}}"#,
        ],
    },
    Row {
        until: Era::Keras2,
        classes: &["Lambda"],
        field: "function_type",
        action: Action::Drop,
        what: "`function_type` is dropped",
        example: [
            r#"{"class_name": "Lambda", "config": {"name": "x", "function_type": null}}"#,
            r#"{"class_name": "Lambda", "config": {"name": "x"}}"#,
        ],
    },
    Row {
        until: Era::Keras2,
        classes: &["Lambda"],
        field: "module",
        action: Action::Drop,
        what: "`module` is dropped",
        example: [
            r#"{"class_name": "Lambda", "config": {"name": "x", "module": null}}"#,
            r#"{"class_name": "Lambda", "config": {"name": "x"}}"#,
        ],
    },
    Row {
        until: Era::Keras2,
        classes: &["Lambda"],
        field: "output_shape_type",
        action: Action::Drop,
        what: "`output_shape_type` is dropped",
        example: [
            r#"{"class_name": "Lambda", "config": {"name": "x", "output_shape_type": null}}"#,
            r#"{"class_name": "Lambda", "config": {"name": "x"}}"#,
        ],
    },
    Row {
        until: Era::Keras2,
        classes: &["Lambda"],
        field: "output_shape_module",
        action: Action::Drop,
        what: "`output_shape_module` is dropped",
        example: [
            r#"{"class_name": "Lambda", "config": {"name": "x", "output_shape_module": null}}"#,
            r#"{"class_name": "Lambda", "config": {"name": "x"}}"#,
        ],
    },
    Row {
        until: Era::Keras2,
        classes: &["Lambda"],
        field: "function",
        action: Action::Rewrite(lambda),
        what: "Python code is written as `__lambda__`; it is never executed",
        example: [
            r#"{"class_name": "Lambda", "config": {"function": ["4wE=", null, null]}}"#,
            r#"{"class_name": "Lambda", "config": {"function": {"class_name": "__lambda__", "config": {"code": "4wE=", "defaults": null, "closure": null}}}}"#,
        ],
    },
    Row {
        until: Era::Keras2,
        classes: &["Masking", "Flatten", "Dropout", "Activation"],
        field: "stateful",
        action: Action::Drop,
        what: "`stateful` is dropped",
        example: [
            r#"{"class_name": "Masking", "config": {"name": "x", "stateful": false}}"#,
            r#"{"class_name": "Masking", "config": {"name": "x"}}"#,
        ],
    },
    Row {
        until: Era::Keras2,
        classes: &["MultiHeadAttention"],
        field: "softmax_robust_masking",
        action: Action::DropIf("false"),
        what: "`softmax_robust_masking` is dropped",
        example: [
            r#"{"class_name": "MultiHeadAttention", "config": {"name": "x", "softmax_robust_masking": false}}"#,
            r#"{"class_name": "MultiHeadAttention", "config": {"name": "x"}}"#,
        ],
    },
    Row {
        until: Era::Keras2,
        classes: &[
            "SpatialDropout1D",
            "SpatialDropout2D",
            "SpatialDropout3D",
            "Discretization",
            "HashedCrossing",
        ],
        field: "trainable",
        action: Action::Drop,
        what: "`trainable` is dropped",
        example: [
            r#"{"class_name": "SpatialDropout1D", "config": {"name": "x", "trainable": true}}"#,
            r#"{"class_name": "SpatialDropout1D", "config": {"name": "x"}}"#,
        ],
    },
    Row {
        until: Era::Keras2,
        classes: &["SpatialDropout1D", "SpatialDropout2D", "SpatialDropout3D"],
        field: "noise_shape",
        action: Action::DropIf("null"),
        what: "`noise_shape` is dropped",
        example: [
            r#"{"class_name": "SpatialDropout1D", "config": {"name": "x", "noise_shape": null}}"#,
            r#"{"class_name": "SpatialDropout1D", "config": {"name": "x"}}"#,
        ],
    },
];

fn single_axis(object: &mut Object) -> bool {
    let Some(axis) = config(object).and_then(|config| config.get_mut("axis")) else { return false };
    let only = match axis.as_list() {
        Some([only]) => only.clone(),
        _ => return false,
    };
    *axis = only;
    true
}

/// The shape of a first layer became an input layer before this row is reached.
fn input_shape(object: &mut Object) -> bool {
    let is_input = object.get("class_name").and_then(Tree::as_str) == Some("InputLayer");
    !is_input && config(object).is_some_and(|config| config.shift_remove("batch_input_shape").is_some())
}

fn plain_lists(object: &mut Object) -> bool {
    let Some(config) = config(object) else { return false };
    let mut any = false;
    for value in config.values_mut().filter(|value| value.class_name() == Some("ListWrapper")) {
        if let Some(list) = value.get("config").cloned() {
            *value = list;
            any = true;
        }
    }
    any
}

fn lambda(object: &mut Object) -> bool {
    let Some(function) = config(object).and_then(|config| config.get_mut("function")) else { return false };
    let parts = match function.as_list() {
        Some([code, defaults, closure]) => [code.clone(), defaults.clone(), closure.clone()],
        _ => return false,
    };
    let [code, defaults, closure] = parts;
    let config = Tree::from([("code", code), ("defaults", defaults), ("closure", closure)]);
    *function = Tree::from([("class_name", Tree::from("__lambda__")), ("config", config)]);
    true
}
