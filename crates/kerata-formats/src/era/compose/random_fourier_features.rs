//! `RandomFourierFeatures` of Keras 2: cosines of a dense layer whose input is divided by one learned number.

use kerata_core::{Object, Tree};

use super::net::{Net, layer};
use super::turn::Turn;
use super::{Composed, Found, Move, Old};
use crate::era::tf::Op;

pub(super) fn compose(old: &Old<'_>) -> Found {
    old.without_masks()?;
    let &[width, units] = old.shape(1)? else { return Err("its kernel has no two axes".to_owned()) };
    let trainable = old.flag("trainable", true);
    let mut net = Net::of(old.config);
    let x = net.input(&[None, Some(width)]);
    // The number is the kernel of a layer that sees nothing but ones.
    let key = Tree::List(vec![slice(Tree::Null), slice(Tree::Int(1))]);
    let ones = net.add("first", Op::numpy("GetItem", vec![x.clone(), key]));
    let ones = net.add("ones", Op::numpy("OnesLike", vec![ones]).with("dtype", Tree::Null));
    let scale = layer("Dense", vec![ones]).with("units", Tree::Int(1)).with("use_bias", false);
    let scale = scale.with("kernel_constraint", non_negative()).with("trainable", trainable);
    let scale = net.add("kernel_scale", scale);
    let scaled = net.add("scaled", Op::numpy("TrueDivide", vec![x, scale]));
    let projected = layer("Dense", vec![scaled]).with("units", units).with("trainable", false);
    let projected = net.add("projected", projected);
    let features = net.add("features", Op::numpy("Cos", vec![projected]));
    let (scale, projected) = (net.inner("kernel_scale"), net.inner("projected"));
    let moves = vec![
        Move::Variable { from: 0, layer: scale, to: 0, turn: Turn::Shape(vec![1, 1]) },
        Move::same(1, projected.clone(), 0),
        Move::same(2, projected, 1),
    ];
    let what = "`RandomFourierFeatures` is written as a division, a dense layer and cosines".to_owned();
    Ok(Some(Composed { tree: net.finish(&[features]), moves, what }))
}

/// `:stop`.
fn slice(stop: Tree) -> Tree {
    let config = Tree::from([("start", Tree::Null), ("stop", stop), ("step", Tree::Null)]);
    Tree::from([("class_name", Tree::from("__slice__")), ("config", config)])
}

fn non_negative() -> Tree {
    Tree::from([
        ("module", Tree::from("keras.constraints")),
        ("class_name", Tree::from("NonNeg")),
        ("config", Tree::Object(Object::new())),
        ("registered_name", Tree::Null),
    ])
}
