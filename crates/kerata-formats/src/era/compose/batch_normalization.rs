//! `BatchNormalization` of Keras 1 in mode 1 and 2, and of Keras 2 with `renorm`.

use kerata_core::Tree;

use super::net::{Net, layer, letters};
use super::{Composed, Found, Move, Old};
use crate::era::tf::Op;

const RENORM: &[&str] = &["renorm", "renorm_clipping", "renorm_momentum"];

pub(super) fn compose(old: &Old<'_>) -> Found {
    match old.config.get("mode").and_then(Tree::as_i64).unwrap_or(0) {
        0 if old.flag("renorm", false) => Ok(Some(without_renorm(old))),
        0 => Ok(None),
        1 => of_batch(old, true),
        2 => of_batch(old, false),
        mode => Err(format!("`mode` = {mode} is not known")),
    }
}

/// Outside of training `renorm` changes nothing; its moments have no place.
fn without_renorm(old: &Old<'_>) -> Composed {
    let mut config = old.config.clone();
    RENORM.iter().for_each(|key| drop(config.shift_remove(*key)));
    let name = config.get("name").and_then(Tree::as_str).unwrap_or_default().to_owned();
    let count = 2 + usize::from(old.flag("scale", true)) + usize::from(old.flag("center", true));
    let mut tree = old.tree.clone();
    if let Some(entries) = tree.as_object_mut() {
        entries.insert("config".into(), Tree::Object(config));
    }
    let moves = (0..count).map(|at| Move::same(at, name.clone(), at)).collect();
    let what =
        "`renorm` is dropped: results are the same, training goes on without the correction".to_owned();
    Composed { tree, moves, what }
}

/// The moments of what is given: of each sample (mode 1) or of each feature over the batch (mode 2).
fn of_batch(old: &Old<'_>, of_samples: bool) -> Found {
    old.without_masks()?;
    let input = old.input().ok_or("the rank of its input is not known")?;
    let rank = input.len();
    let axis = old.config.get("axis").and_then(Tree::as_i64).unwrap_or(-1);
    let axis = usize::try_from(if axis < 0 { axis + rank as i64 } else { axis }).unwrap_or(rank);
    let axes = letters(rank);
    let feature = match of_samples {
        true => axes.chars().last(),
        false => axes.chars().nth(axis),
    };
    let feature = feature.ok_or("its axis is not one of the input")?.to_string();
    let over = match of_samples {
        true => Tree::Int(-1),
        false => Tree::List((0..rank).filter(|other| *other != axis).map(Tree::from).collect()),
    };
    let epsilon = old.config.get("epsilon").and_then(Tree::as_f64).unwrap_or(1e-3);
    let mut net = Net::of(old.config);
    let x = net.input(&input);
    let moment =
        |class, x: &Tree| Op::numpy(class, vec![x.clone()]).with("axis", over.clone()).with("keepdims", true);
    let mean = net.add("mean", moment("Mean", &x));
    let variance = net.add("variance", moment("Var", &x));
    let centered = net.add("centered", Op::numpy("Subtract", vec![x, mean]));
    let safe = net.add("safe", Op::numpy("Add", vec![variance, epsilon.into()]));
    let mut deviation = net.add("deviation", Op::numpy("Sqrt", vec![safe]));
    if of_samples {
        // This mode adds it once more.
        deviation = net.add("safe_deviation", Op::numpy("Add", vec![deviation, epsilon.into()]));
    }
    let normed = net.add("normed", Op::numpy("TrueDivide", vec![centered, deviation]));
    let output = Tree::List(input.iter().skip(1).map(|size| Tree::from(*size)).collect());
    let scaled = layer("EinsumDense", vec![normed])
        .with("equation", format!("{axes},{feature}->{axes}"))
        .with("output_shape", output)
        .with("bias_axes", feature);
    let out = net.add("scaled", scaled);
    let inner = net.inner("scaled");
    // The bias of features that are not last has axes of size 1 behind it.
    let width = old.shape(1)?.first().copied().unwrap_or(0);
    let behind = if of_samples { 0 } else { rank.saturating_sub(axis + 1) };
    let bias = std::iter::once(width).chain(std::iter::repeat_n(1, behind)).collect();
    let moves = vec![
        Move::same(0, inner.clone(), 0),
        Move::Variable { from: 1, layer: inner, to: 1, turn: super::Turn::Shape(bias) },
    ];
    let what =
        format!("`mode` = {} is written as ops on the moments of the batch", if of_samples { 1 } else { 2 });
    Ok(Some(Composed { tree: net.finish(&[out]), moves, what }))
}
