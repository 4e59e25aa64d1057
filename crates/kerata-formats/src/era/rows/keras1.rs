//! Arguments of Keras 1.

use kerata_core::{Object, Tree};

use super::{Action, Row, config};
use crate::era::Era;

pub(super) static ROWS: &[Row] = &[
    Row {
        until: Era::Keras1,
        classes: &["Dense", "MaxoutDense", "LSTM", "GRU", "SimpleRNN"],
        field: "output_dim",
        action: Action::Rename("units"),
        what: "`output_dim` is called `units`",
        example: [
            r#"{"class_name": "Dense", "config": {"output_dim": 4}}"#,
            r#"{"class_name": "Dense", "config": {"units": 4}}"#,
        ],
    },
    Row {
        until: Era::Keras1,
        classes: &["Embedding"],
        field: "init",
        action: Action::Rename("embeddings_initializer"),
        what: "`init` is called `embeddings_initializer`",
        example: [
            r#"{"class_name": "Embedding", "config": {"init": "uniform"}}"#,
            r#"{"class_name": "Embedding", "config": {"embeddings_initializer": "uniform"}}"#,
        ],
    },
    Row {
        until: Era::Keras1,
        classes: &["PReLU"],
        field: "init",
        action: Action::Rename("alpha_initializer"),
        what: "`init` is called `alpha_initializer`",
        example: [
            r#"{"class_name": "PReLU", "config": {"init": "zero"}}"#,
            r#"{"class_name": "PReLU", "config": {"alpha_initializer": "zero"}}"#,
        ],
    },
    Row {
        until: Era::Keras1,
        classes: &["SeparableConv2D"],
        field: "init",
        action: Action::Rename("depthwise_initializer"),
        what: "`init` is called `depthwise_initializer`",
        example: [
            r#"{"class_name": "SeparableConv2D", "config": {"init": "uniform"}}"#,
            r#"{"class_name": "SeparableConv2D", "config": {"depthwise_initializer": "uniform"}}"#,
        ],
    },
    Row {
        until: Era::Keras1,
        classes: &[],
        field: "init",
        action: Action::Rename("kernel_initializer"),
        what: "`init` is called `kernel_initializer`",
        example: [
            r#"{"class_name": "Dense", "config": {"init": "glorot_uniform"}}"#,
            r#"{"class_name": "Dense", "config": {"kernel_initializer": "glorot_uniform"}}"#,
        ],
    },
    Row {
        until: Era::Keras1,
        classes: &[],
        field: "inner_init",
        action: Action::Rename("recurrent_initializer"),
        what: "`inner_init` is called `recurrent_initializer`",
        example: [
            r#"{"class_name": "LSTM", "config": {"inner_init": "orthogonal"}}"#,
            r#"{"class_name": "LSTM", "config": {"recurrent_initializer": "orthogonal"}}"#,
        ],
    },
    Row {
        until: Era::Keras1,
        classes: &[],
        field: "forget_bias_init",
        action: Action::Rewrite(forget_bias),
        what: "`forget_bias_init` is called `unit_forget_bias`",
        example: [
            r#"{"class_name": "LSTM", "config": {"forget_bias_init": "one"}}"#,
            r#"{"class_name": "LSTM", "config": {"unit_forget_bias": true}}"#,
        ],
    },
    Row {
        until: Era::Keras1,
        classes: &[],
        field: "inner_activation",
        action: Action::Rename("recurrent_activation"),
        what: "`inner_activation` is called `recurrent_activation`",
        example: [
            r#"{"class_name": "LSTM", "config": {"inner_activation": "hard_sigmoid"}}"#,
            r#"{"class_name": "LSTM", "config": {"recurrent_activation": "hard_sigmoid"}}"#,
        ],
    },
    Row {
        until: Era::Keras1,
        classes: &["Embedding"],
        field: "W_regularizer",
        action: Action::Rename("embeddings_regularizer"),
        what: "`W_regularizer` is called `embeddings_regularizer`",
        example: [
            r#"{"class_name": "Embedding", "config": {"W_regularizer": null}}"#,
            r#"{"class_name": "Embedding", "config": {"embeddings_regularizer": null}}"#,
        ],
    },
    Row {
        until: Era::Keras1,
        classes: &["Embedding"],
        field: "W_constraint",
        action: Action::Rename("embeddings_constraint"),
        what: "`W_constraint` is called `embeddings_constraint`",
        example: [
            r#"{"class_name": "Embedding", "config": {"W_constraint": null}}"#,
            r#"{"class_name": "Embedding", "config": {"embeddings_constraint": null}}"#,
        ],
    },
    Row {
        until: Era::Keras1,
        classes: &[],
        field: "W_regularizer",
        action: Action::Rename("kernel_regularizer"),
        what: "`W_regularizer` is called `kernel_regularizer`",
        example: [
            r#"{"class_name": "LSTM", "config": {"W_regularizer": null}}"#,
            r#"{"class_name": "LSTM", "config": {"kernel_regularizer": null}}"#,
        ],
    },
    Row {
        until: Era::Keras1,
        classes: &[],
        field: "b_regularizer",
        action: Action::Rename("bias_regularizer"),
        what: "`b_regularizer` is called `bias_regularizer`",
        example: [
            r#"{"class_name": "LSTM", "config": {"b_regularizer": null}}"#,
            r#"{"class_name": "LSTM", "config": {"bias_regularizer": null}}"#,
        ],
    },
    Row {
        until: Era::Keras1,
        classes: &[],
        field: "U_regularizer",
        action: Action::Rename("recurrent_regularizer"),
        what: "`U_regularizer` is called `recurrent_regularizer`",
        example: [
            r#"{"class_name": "LSTM", "config": {"U_regularizer": null}}"#,
            r#"{"class_name": "LSTM", "config": {"recurrent_regularizer": null}}"#,
        ],
    },
    Row {
        until: Era::Keras1,
        classes: &[],
        field: "W_constraint",
        action: Action::Rename("kernel_constraint"),
        what: "`W_constraint` is called `kernel_constraint`",
        example: [
            r#"{"class_name": "LSTM", "config": {"W_constraint": null}}"#,
            r#"{"class_name": "LSTM", "config": {"kernel_constraint": null}}"#,
        ],
    },
    Row {
        until: Era::Keras1,
        classes: &[],
        field: "b_constraint",
        action: Action::Rename("bias_constraint"),
        what: "`b_constraint` is called `bias_constraint`",
        example: [
            r#"{"class_name": "LSTM", "config": {"b_constraint": null}}"#,
            r#"{"class_name": "LSTM", "config": {"bias_constraint": null}}"#,
        ],
    },
    Row {
        until: Era::Keras1,
        classes: &[],
        field: "U_constraint",
        action: Action::Rename("recurrent_constraint"),
        what: "`U_constraint` is called `recurrent_constraint`",
        example: [
            r#"{"class_name": "LSTM", "config": {"U_constraint": null}}"#,
            r#"{"class_name": "LSTM", "config": {"recurrent_constraint": null}}"#,
        ],
    },
    Row {
        until: Era::Keras1,
        classes: &[],
        field: "bias",
        action: Action::Rename("use_bias"),
        what: "`bias` is called `use_bias`",
        example: [
            r#"{"class_name": "Dense", "config": {"bias": true}}"#,
            r#"{"class_name": "Dense", "config": {"use_bias": true}}"#,
        ],
    },
    Row {
        until: Era::Keras1,
        classes: &["Embedding"],
        field: "dropout",
        action: Action::Drop,
        what: "`dropout` is dropped",
        example: [
            r#"{"class_name": "Embedding", "config": {"name": "x", "dropout": 0.0}}"#,
            r#"{"class_name": "Embedding", "config": {"name": "x"}}"#,
        ],
    },
    Row {
        until: Era::Keras1,
        classes: &[],
        field: "dropout_W",
        action: Action::Rename("dropout"),
        what: "`dropout_W` is called `dropout`",
        example: [
            r#"{"class_name": "LSTM", "config": {"dropout_W": 0.5}}"#,
            r#"{"class_name": "LSTM", "config": {"dropout": 0.5}}"#,
        ],
    },
    Row {
        until: Era::Keras1,
        classes: &[],
        field: "dropout_U",
        action: Action::Rename("recurrent_dropout"),
        what: "`dropout_U` is called `recurrent_dropout`",
        example: [
            r#"{"class_name": "LSTM", "config": {"dropout_U": 0.5}}"#,
            r#"{"class_name": "LSTM", "config": {"recurrent_dropout": 0.5}}"#,
        ],
    },
    Row {
        until: Era::Keras1,
        classes: &[],
        field: "consume_less",
        action: Action::Drop,
        what: "`consume_less` is dropped",
        example: [
            r#"{"class_name": "LSTM", "config": {"name": "x", "consume_less": "cpu"}}"#,
            r#"{"class_name": "LSTM", "config": {"name": "x"}}"#,
        ],
    },
    Row {
        until: Era::Keras1,
        classes: &["Dropout", "SpatialDropout1D", "SpatialDropout2D", "SpatialDropout3D", "GaussianDropout"],
        field: "p",
        action: Action::Rename("rate"),
        what: "`p` is called `rate`",
        example: [
            r#"{"class_name": "Dropout", "config": {"p": 0.5}}"#,
            r#"{"class_name": "Dropout", "config": {"rate": 0.5}}"#,
        ],
    },
    Row {
        until: Era::Keras1,
        classes: &["GaussianNoise"],
        field: "sigma",
        action: Action::Rename("stddev"),
        what: "`sigma` is called `stddev`",
        example: [
            r#"{"class_name": "GaussianNoise", "config": {"sigma": 0.5}}"#,
            r#"{"class_name": "GaussianNoise", "config": {"stddev": 0.5}}"#,
        ],
    },
    Row {
        until: Era::Keras1,
        classes: &[],
        field: "nb_filter",
        action: Action::Rename("filters"),
        what: "`nb_filter` is called `filters`",
        example: [
            r#"{"class_name": "Conv2D", "config": {"nb_filter": 8}}"#,
            r#"{"class_name": "Conv2D", "config": {"filters": 8}}"#,
        ],
    },
    Row {
        until: Era::Keras1,
        classes: &[],
        field: "nb_row",
        action: Action::Rewrite(kernel_size_2d),
        what: "`nb_row` and `nb_col` are `kernel_size`",
        example: [
            r#"{"class_name": "Conv2D", "config": {"nb_row": 3, "nb_col": 2}}"#,
            r#"{"class_name": "Conv2D", "config": {"kernel_size": [3, 2]}}"#,
        ],
    },
    Row {
        until: Era::Keras1,
        classes: &[],
        field: "kernel_dim1",
        action: Action::Rewrite(kernel_size_3d),
        what: "`kernel_dim1` to `kernel_dim3` are `kernel_size`",
        example: [
            r#"{"class_name": "Conv3D", "config": {"kernel_dim1": 3, "kernel_dim2": 2, "kernel_dim3": 1}}"#,
            r#"{"class_name": "Conv3D", "config": {"kernel_size": [3, 2, 1]}}"#,
        ],
    },
    Row {
        until: Era::Keras1,
        classes: &[],
        field: "filter_length",
        action: Action::Rename("kernel_size"),
        what: "`filter_length` is called `kernel_size`",
        example: [
            r#"{"class_name": "Conv1D", "config": {"filter_length": 3}}"#,
            r#"{"class_name": "Conv1D", "config": {"kernel_size": 3}}"#,
        ],
    },
    Row {
        until: Era::Keras1,
        classes: &[],
        field: "subsample",
        action: Action::Rename("strides"),
        what: "`subsample` is called `strides`",
        example: [
            r#"{"class_name": "Conv2D", "config": {"subsample": [1, 1]}}"#,
            r#"{"class_name": "Conv2D", "config": {"strides": [1, 1]}}"#,
        ],
    },
    Row {
        until: Era::Keras1,
        classes: &[],
        field: "subsample_length",
        action: Action::Rename("strides"),
        what: "`subsample_length` is called `strides`",
        example: [
            r#"{"class_name": "Conv1D", "config": {"subsample_length": 1}}"#,
            r#"{"class_name": "Conv1D", "config": {"strides": 1}}"#,
        ],
    },
    Row {
        until: Era::Keras1,
        classes: &[],
        field: "border_mode",
        action: Action::Rename("padding"),
        what: "`border_mode` is called `padding`",
        example: [
            r#"{"class_name": "Conv2D", "config": {"border_mode": "same"}}"#,
            r#"{"class_name": "Conv2D", "config": {"padding": "same"}}"#,
        ],
    },
    Row {
        until: Era::Keras1,
        classes: &[],
        field: "atrous_rate",
        action: Action::Rename("dilation_rate"),
        what: "`atrous_rate` is called `dilation_rate`",
        example: [
            r#"{"class_name": "Conv2D", "config": {"atrous_rate": [2, 2]}}"#,
            r#"{"class_name": "Conv2D", "config": {"dilation_rate": [2, 2]}}"#,
        ],
    },
    Row {
        until: Era::Keras1,
        classes: &[],
        field: "dim_ordering",
        action: Action::Rename("data_format"),
        what: "`dim_ordering` is called `data_format`",
        example: [
            r#"{"class_name": "Conv2D", "config": {"dim_ordering": "tf"}}"#,
            r#"{"class_name": "Conv2D", "config": {"data_format": "tf"}}"#,
        ],
    },
    Row {
        until: Era::Keras1,
        classes: &[],
        field: "data_format",
        action: Action::Values(&[("tf", "channels_last"), ("th", "channels_first")]),
        what: "values of `data_format` have other names",
        example: [
            r#"{"class_name": "Conv2D", "config": {"data_format": "tf"}}"#,
            r#"{"class_name": "Conv2D", "config": {"data_format": "channels_last"}}"#,
        ],
    },
    Row {
        until: Era::Keras1,
        classes: &["Conv2DTranspose"],
        field: "output_shape",
        action: Action::Drop,
        what: "`output_shape` is dropped",
        example: [
            r#"{"class_name": "Conv2DTranspose", "config": {"name": "x", "output_shape": [null, 8, 8, 3]}}"#,
            r#"{"class_name": "Conv2DTranspose", "config": {"name": "x"}}"#,
        ],
    },
    Row {
        until: Era::Keras1,
        classes: &["MaxPooling1D", "AveragePooling1D"],
        field: "pool_length",
        action: Action::Rename("pool_size"),
        what: "`pool_length` is called `pool_size`",
        example: [
            r#"{"class_name": "MaxPooling1D", "config": {"pool_length": 2}}"#,
            r#"{"class_name": "MaxPooling1D", "config": {"pool_size": 2}}"#,
        ],
    },
    Row {
        until: Era::Keras1,
        classes: &["MaxPooling1D", "AveragePooling1D"],
        field: "stride",
        action: Action::Rename("strides"),
        what: "`stride` is called `strides`",
        example: [
            r#"{"class_name": "MaxPooling1D", "config": {"stride": 2}}"#,
            r#"{"class_name": "MaxPooling1D", "config": {"strides": 2}}"#,
        ],
    },
    Row {
        until: Era::Keras1,
        classes: &["UpSampling1D"],
        field: "length",
        action: Action::Rename("size"),
        what: "`length` is called `size`",
        example: [
            r#"{"class_name": "UpSampling1D", "config": {"length": 2}}"#,
            r#"{"class_name": "UpSampling1D", "config": {"size": 2}}"#,
        ],
    },
    Row {
        until: Era::Keras1,
        classes: &["BatchNormalization"],
        field: "mode",
        action: Action::DropIf("0"),
        what: "`mode` is dropped",
        example: [
            r#"{"class_name": "BatchNormalization", "config": {"name": "x", "mode": 0}}"#,
            r#"{"class_name": "BatchNormalization", "config": {"name": "x"}}"#,
        ],
    },
    Row {
        until: Era::Keras1,
        classes: &["InputLayer"],
        field: "input_dtype",
        action: Action::Rename("dtype"),
        what: "`input_dtype` is called `dtype`",
        example: [
            r#"{"class_name": "InputLayer", "config": {"input_dtype": "int32"}}"#,
            r#"{"class_name": "InputLayer", "config": {"dtype": "int32"}}"#,
        ],
    },
    Row {
        until: Era::Keras1,
        classes: &[],
        field: "input_dtype",
        action: Action::Drop,
        what: "`input_dtype` is dropped",
        example: [
            r#"{"class_name": "Dense", "config": {"name": "x", "input_dtype": "float32"}}"#,
            r#"{"class_name": "Dense", "config": {"name": "x"}}"#,
        ],
    },
];

fn forget_bias(object: &mut Object) -> bool {
    let Some(config) = config(object) else { return false };
    let Some((at, _, value)) = config.shift_remove_full("forget_bias_init") else { return false };
    let is_one = matches!(value.as_str(), Some("one" | "ones"));
    config.shift_insert(at, "unit_forget_bias".into(), is_one.into());
    true
}

fn kernel_size_2d(object: &mut Object) -> bool {
    joined(object, &["nb_row", "nb_col"])
}

fn kernel_size_3d(object: &mut Object) -> bool {
    joined(object, &["kernel_dim1", "kernel_dim2", "kernel_dim3"])
}

/// Joins several fields to the list `kernel_size`.
fn joined(object: &mut Object, fields: &[&str]) -> bool {
    let Some(config) = config(object) else { return false };
    let Some(at) = fields.first().and_then(|first| config.get_index_of(*first)) else { return false };
    let sizes: Vec<Tree> = fields.iter().filter_map(|field| config.shift_remove(*field)).collect();
    config.shift_insert(at.min(config.len()), "kernel_size".into(), Tree::List(sizes));
    true
}
