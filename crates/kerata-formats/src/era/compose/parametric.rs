//! `SReLU` and `ParametricSoftplus` of Keras 1: activations with learned parameters for each place.
//!
//! A parameter is the kernel of an `EinsumDense` that multiplies: its input, or ones where the parameter itself is needed.

use kerata_core::Tree;

use super::net::{Net, factors, layer, letters};
use super::turn::Turn;
use super::{Composed, Found, Move, Old};
use crate::era::tf::Op;

const NN: &str = "keras.src.ops.nn";

pub(super) fn compose(old: &Old<'_>) -> Found {
    old.without_masks()?;
    let shape = old.shape(0)?.to_vec();
    let shared: Vec<i64> = old
        .config
        .get("shared_axes")
        .and_then(Tree::as_list)
        .unwrap_or_default()
        .iter()
        .filter_map(Tree::as_i64)
        .collect();
    let is_shared = |axis: usize| shared.contains(&(axis as i64 + 1));
    let mut input: Vec<Option<u64>> = vec![None];
    input.extend(shape.iter().enumerate().map(|(axis, size)| (!is_shared(axis)).then_some(*size)));
    let axes = letters(input.len());
    let own: String = axes
        .chars()
        .skip(1)
        .enumerate()
        .filter(|(axis, _)| !is_shared(*axis))
        .map(|(_, letter)| letter)
        .collect();
    if own.is_empty() {
        return Err("parameters that are shared along all axes".to_owned());
    }
    let sizes: Vec<u64> =
        shape.iter().enumerate().filter(|(axis, _)| !is_shared(*axis)).map(|(_, size)| *size).collect();
    let parts: &[&str] =
        if old.class == "SReLU" { &["t_left", "a_left", "t_right", "a_right"] } else { &["alpha", "beta"] };
    let mut net = Net::of(old.config);
    let x = net.input(&input);
    let learned = |x: Tree| factors(&axes, &own, &input, x);
    let out = if old.class == "SReLU" {
        let ones = net.add("ones", Op::numpy("OnesLike", vec![x.clone()]).with("dtype", Tree::Null));
        let left = net.add("t_left", learned(ones.clone()));
        let right = net.add("t_right", learned(ones));
        let span = net.add("span", Op::numpy("Absolute", vec![right]));
        let from_left = net.add("from_left", Op::numpy("Subtract", vec![x, left.clone()]));
        let positive = net.add("positive", Op::new(NN, "Relu", vec![from_left.clone()]));
        let center = net.add("center", Op::numpy("Minimum", vec![positive, span.clone()]));
        let below = net.add("below", Op::numpy("Negative", vec![from_left.clone()]));
        let below = net.add("below_left", Op::new(NN, "Relu", vec![below]));
        let below = net.add("a_left", learned(below));
        let above = net.add("above", Op::numpy("Subtract", vec![from_left, span]));
        let above = net.add("above_right", Op::new(NN, "Relu", vec![above]));
        let above = net.add("a_right", learned(above));
        let middle = net.add("middle", Op::numpy("Subtract", vec![center, below]));
        let sum = net.add("sum", Op::numpy("Add", vec![left, middle]));
        net.add("result", Op::numpy("Add", vec![sum, above]))
    } else {
        let inner = net.add("beta", learned(x));
        let softplus = net.add("softplus", layer("Activation", vec![inner]).with("activation", "softplus"));
        net.add("alpha", learned(softplus))
    };
    let moves = parts.iter().enumerate().map(|(from, part)| Move::Variable {
        from,
        layer: net.inner(part),
        to: 0,
        turn: Turn::Shape(sizes.clone()),
    });
    let moves = moves.collect();
    let what = format!("`{}` is written as products with its parameters", old.class);
    Ok(Some(Composed { tree: net.finish(&[out]), moves, what }))
}
