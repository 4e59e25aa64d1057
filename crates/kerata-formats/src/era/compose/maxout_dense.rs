//! `MaxoutDense` of Keras 1: the largest of several dense layers.

use kerata_core::Tree;

use super::net::{Net, layer};
use super::{Composed, Found, Move, Old};

const DENSE: &[&str] =
    &["kernel_initializer", "kernel_regularizer", "bias_regularizer", "kernel_constraint", "bias_constraint"];

pub(super) fn compose(old: &Old<'_>) -> Found {
    old.without_masks()?;
    let &[features, width, units] = old.shape(0)? else {
        return Err("its kernel has no three axes".to_owned());
    };
    let has_bias = old.flag("use_bias", true);
    let mut net = Net::of(old.config);
    let x = net.input(&[None, Some(width)]);
    let dense = layer("EinsumDense", vec![x])
        .with("equation", "ab,cbd->acd")
        .with("output_shape", vec![features, units])
        .with("bias_axes", has_bias.then_some("cd"))
        .taking(old.config, DENSE);
    let all = net.add("dense", dense);
    let largest = layer("GlobalMaxPooling1D", vec![all]).with("data_format", "channels_last");
    let largest =
        net.add("largest", largest.taking(old.config, &["activity_regularizer"]).with("keepdims", false));
    let moves = (0..1 + usize::from(has_bias)).map(|at| Move::same(at, net.inner("dense"), at)).collect();
    let what = "`MaxoutDense` is written as `EinsumDense` and `GlobalMaxPooling1D`".to_owned();
    let tree: Tree = net.finish(&[largest]);
    Ok(Some(Composed { tree, moves, what }))
}
