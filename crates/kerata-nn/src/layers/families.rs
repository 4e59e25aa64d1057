//! The families of built-in layers, sorted, one line each.

use super::{
    Layer, activations, applications, attention, convolutional, core, embeddings, image, legacy, merging,
    normalization, pooling, preprocessing, recurrent, regularization, reshaping, wrappers,
};
use crate::config::Constructor;
use crate::models;

/// The built-in classes by name, family by family.
pub(crate) const BUILT_IN: &[&[(&str, Constructor<dyn Layer>)]] = &[
    activations::BUILT_IN,
    applications::BUILT_IN,
    attention::BUILT_IN,
    convolutional::BUILT_IN,
    core::BUILT_IN,
    embeddings::BUILT_IN,
    image::BUILT_IN,
    legacy::BUILT_IN,
    merging::BUILT_IN,
    normalization::BUILT_IN,
    pooling::BUILT_IN,
    preprocessing::BUILT_IN,
    recurrent::BUILT_IN,
    regularization::BUILT_IN,
    reshaping::BUILT_IN,
    wrappers::BUILT_IN,
    models::BUILT_IN,
];

/// Names that a class had in other versions of Keras.
pub(crate) const ALIASES: &[(&str, &str)] = &[
    ("Convolution1D", "Conv1D"),
    ("Convolution1DTranspose", "Conv1DTranspose"),
    ("Convolution2D", "Conv2D"),
    ("Convolution2DTranspose", "Conv2DTranspose"),
    ("Convolution3D", "Conv3D"),
    ("Convolution3DTranspose", "Conv3DTranspose"),
    ("AvgPool1D", "AveragePooling1D"),
    ("AvgPool2D", "AveragePooling2D"),
    ("AvgPool3D", "AveragePooling3D"),
    ("GlobalAvgPool1D", "GlobalAveragePooling1D"),
    ("GlobalAvgPool2D", "GlobalAveragePooling2D"),
    ("GlobalAvgPool3D", "GlobalAveragePooling3D"),
    ("GlobalMaxPool1D", "GlobalMaxPooling1D"),
    ("GlobalMaxPool2D", "GlobalMaxPooling2D"),
    ("GlobalMaxPool3D", "GlobalMaxPooling3D"),
    ("MaxPool1D", "MaxPooling1D"),
    ("MaxPool2D", "MaxPooling2D"),
    ("MaxPool3D", "MaxPooling3D"),
    ("SeparableConvolution1D", "SeparableConv1D"),
    ("SeparableConvolution2D", "SeparableConv2D"),
    ("BatchNormalizationV1", "BatchNormalization"),
    ("BatchNormalizationV2", "BatchNormalization"),
    ("SyncBatchNormalization", "BatchNormalization"),
    ("GRUV1", "GRU"),
    ("GRUV2", "GRU"),
    ("LSTMV1", "LSTM"),
    ("LSTMV2", "LSTM"),
    ("GroupedQueryAttention", "GroupQueryAttention"),
    ("Model", "Functional"),
];
