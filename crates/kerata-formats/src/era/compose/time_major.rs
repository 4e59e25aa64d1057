//! Recurrent layers of Keras 2 whose first axis is time: axes are exchanged around them.

use kerata_core::{Object, Tree};

use super::net::Net;
use super::separable::configured;
use super::{Composed, Found, Move, Old};
use crate::era::tf::{Op, result};

/// Classes with the number of their states.
const STATES: &[(&str, usize)] = &[("GRU", 1), ("LSTM", 2), ("SimpleRNN", 1)];

pub(super) fn compose(old: &Old<'_>) -> Found {
    let is_set = |config: &Object| config.get("time_major").and_then(Tree::as_bool) == Some(true);
    let around = old.config.get("layer").and_then(|layer| layer.get("config")).and_then(Tree::as_object);
    if !is_set(old.config) && !around.is_some_and(is_set) {
        return Ok(None);
    }
    old.without_masks()?;
    let calls = old.tree.get("inbound_nodes").and_then(Tree::as_list).unwrap_or_default();
    if calls.iter().any(|call| call.path(&["kwargs", "initial_state"]).is_some()) {
        return Err("`time_major` with states that are given".to_owned());
    }
    let inner = around.unwrap_or(old.config);
    let flag = |key: &str| inner.get(key).and_then(Tree::as_bool) == Some(true);
    let class = old.config.get("layer").and_then(Tree::class_name).unwrap_or(old.class);
    let class = STATES.iter().find(|(name, _)| *name == class);
    let directions = if around.is_some() { 2 } else { 1 };
    let results =
        if around.is_some() && old.config.get("merge_mode").is_some_and(Tree::is_null) { 2 } else { 1 };
    let states = match (flag("return_state"), class) {
        (false, _) => 0,
        (true, Some((_, states))) => states * directions,
        (true, None) => return Err("`time_major` of cells with an unknown number of states".to_owned()),
    };
    let shape = match old.input() {
        Some(shape) => shape,
        None => {
            let kernel =
                ["cell/vars/0", "forward_layer/cell/vars/0"].iter().find_map(|path| old.shape_of(path).ok());
            vec![None, None, kernel.and_then(|shape| shape.first().copied())]
        }
    };
    let mut config = old.config.clone();
    config.shift_remove("time_major");
    for key in ["layer", "backward_layer"] {
        if let Some(inner) =
            config.get_mut(key).and_then(|layer| layer.get_mut("config")).and_then(Tree::as_object_mut)
        {
            inner.shift_remove("time_major");
        }
    }
    let exchanged = |x: Tree| Op::numpy("Transpose", vec![x]).with("axes", vec![1i64, 0, 2]);
    let mut net = Net::of(old.config);
    let x = net.input(&shape);
    let x = net.add("batch_first", exchanged(x));
    let name = match old.class {
        "Bidirectional" => "Bidirectional",
        "GRU" => "GRU",
        "LSTM" => "LSTM",
        "RNN" => "RNN",
        _ => "SimpleRNN",
    };
    let first = net.add("recurrent", configured(name, &config, vec![x]));
    let mut outputs: Vec<Tree> = (0..results + states).map(|at| result(&first, at)).collect();
    if flag("return_sequences") {
        for (at, output) in outputs.iter_mut().enumerate().take(results) {
            *output = net.add(&format!("time_first{at}"), exchanged(output.clone()));
        }
    }
    let moves = vec![Move::All { layer: net.inner("recurrent") }];
    let what = "`time_major` is written as exchanges of the first two axes".to_owned();
    Ok(Some(Composed { tree: net.finish(&outputs), moves, what }))
}
