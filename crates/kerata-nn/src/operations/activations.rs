//! Activation functions.

use kerata_core::{Result, ops};

use super::Table;
use super::call::{Call, one};

pub(super) const TABLE: Table = &[
    ("Celu", |call| {
        let alpha = call.or("alpha", 1.0)?;
        call.unary(|x| ops::celu(x, alpha))
    }),
    ("Elu", |call| {
        let alpha = call.or("alpha", 1.0)?;
        call.unary(|x| ops::elu(x, alpha))
    }),
    ("Gelu", |call| {
        let approximate = call.or("approximate", true)?;
        call.unary(|x| ops::gelu(x, approximate))
    }),
    ("Glu", |call| {
        let axis = call.or("axis", -1)?;
        call.unary(|x| ops::glu(x, axis))
    }),
    ("HardShrink", |call| {
        let threshold = call.or("threshold", 0.5)?;
        call.unary(|x| ops::hard_shrink(x, threshold))
    }),
    ("HardSigmoid", |call| call.unary(ops::hard_sigmoid)),
    ("HardSilu", |call| call.unary(ops::hard_silu)),
    ("HardTanh", |call| call.unary(ops::hard_tanh)),
    ("LeakyRelu", |call| {
        let slope = call.or("negative_slope", 0.2)?;
        call.unary(|x| ops::leaky_relu(x, slope))
    }),
    ("LogSigmoid", |call| call.unary(ops::log_sigmoid)),
    ("LogSoftmax", |call| {
        let axes = softmax_axes(call)?;
        call.unary(|x| ops::log_softmax(x, &axes))
    }),
    ("Relu", |call| call.unary(ops::relu)),
    ("Relu6", |call| call.unary(ops::relu6)),
    ("Selu", |call| call.unary(ops::selu)),
    ("Sigmoid", |call| call.unary(ops::sigmoid)),
    ("Silu", |call| call.unary(ops::silu)),
    ("SoftShrink", |call| {
        let threshold = call.or("threshold", 0.5)?;
        call.unary(|x| ops::soft_shrink(x, threshold))
    }),
    ("Softmax", |call| {
        let axes = softmax_axes(call)?;
        call.unary(|x| ops::softmax(x, &axes))
    }),
    ("Softplus", |call| call.unary(ops::softplus)),
    ("Softsign", |call| call.unary(ops::softsign)),
    ("SparsePlus", |call| call.unary(ops::sparse_plus)),
    ("SparseSigmoid", |call| call.unary(ops::sparse_sigmoid)),
    ("Sparsemax", |call| {
        let axis = call.or("axis", -1)?;
        call.unary(|x| ops::sparsemax(x, axis))
    }),
    ("Squareplus", |call| {
        let b = call.or("b", 4.0)?;
        call.unary(|x| ops::squareplus(x, b))
    }),
    ("TanhShrink", |call| call.unary(ops::tanh_shrink)),
    ("Threshold", |call| {
        let (threshold, value) = (call.require("threshold")?, call.require("default_value")?);
        one(ops::threshold(&call.first()?, threshold, value))
    }),
];

/// `axis` of a softmax: the last one unless another is given, all when it is `null`.
fn softmax_axes(call: &Call<'_>) -> Result<Vec<i64>> {
    match call.config.contains_key("axis") {
        true => call.axes(),
        false => Ok(vec![-1]),
    }
}
