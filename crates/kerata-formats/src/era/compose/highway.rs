//! `Highway` of Keras 1: a dense layer and its input, mixed by a second dense layer.

use kerata_core::Tree;

use super::net::{Net, layer};
use super::{Composed, Found, Move, Old};
use crate::era::tf::Op;

/// Arguments of the dense layer that are those of the old layer.
const DENSE: &[&str] = &[
    "activation",
    "kernel_initializer",
    "kernel_regularizer",
    "bias_regularizer",
    "activity_regularizer",
    "kernel_constraint",
    "bias_constraint",
];

pub(super) fn compose(old: &Old<'_>) -> Found {
    old.without_masks()?;
    let Some(&width) = old.shape(0)?.first() else { return Err("its kernel has no axes".to_owned()) };
    let has_bias = old.flag("use_bias", true);
    let mut net = Net::of(old.config);
    let x = net.input(&[None, Some(width)]);
    let dense = || layer("Dense", vec![x.clone()]).with("units", width).with("use_bias", has_bias);
    let share = net.add("carry", dense().with("activation", "sigmoid"));
    let made = net.add("transform", dense().taking(old.config, DENSE));
    let changed = net.add("changed", layer("Multiply", vec![Tree::List(vec![made, share.clone()])]));
    let rest = layer("Rescaling", vec![share]).with("scale", -1.0).with("offset", 1.0);
    let rest = net.add("rest", rest);
    let carried = net.add("carried", layer("Multiply", vec![Tree::List(vec![rest, x.clone()])]));
    let sum: Op = layer("Add", vec![Tree::List(vec![changed, carried])]);
    let out = net.add("sum", sum);
    let (carry, transform) = (net.inner("carry"), net.inner("transform"));
    let mut moves = vec![Move::same(0, transform.clone(), 0), Move::same(1, carry.clone(), 0)];
    if has_bias {
        moves.extend([Move::same(2, transform, 1), Move::same(3, carry, 1)]);
    }
    let what = "`Highway` is written as two dense layers and the mixing of their results".to_owned();
    Ok(Some(Composed { tree: net.finish(&[out]), moves, what }))
}
