//! `SeparableConv1D` with causal padding, which Keras 3 has for `Conv1D` alone.

use kerata_core::{Object, Tree};

use super::net::{Net, layer};
use super::{Composed, Found, Move, Old};
use crate::era::tf::Op;

pub(super) fn compose(old: &Old<'_>) -> Found {
    if old.text("padding") != Some("causal") {
        return Ok(None);
    }
    let &[window, channels, _] = old.shape(0)? else { return Err("its kernel has no three axes".to_owned()) };
    let dilation = match old.config.get("dilation_rate") {
        Some(Tree::List(rates)) => rates.first().and_then(Tree::as_u64),
        rate => rate.and_then(Tree::as_u64),
    };
    let before = window.saturating_sub(1).saturating_mul(dilation.unwrap_or(1));
    let is_first = old.text("data_format") == Some("channels_first");
    let shape = if is_first { [None, Some(channels), None] } else { [None, None, Some(channels)] };
    let mut net = Net::of(old.config);
    let x = net.input(&shape);
    let padding = layer("ZeroPadding1D", vec![x])
        .with("padding", vec![before, 0])
        .with("data_format", if is_first { "channels_first" } else { "channels_last" });
    let padded = net.add("padding", padding);
    let mut config = old.config.clone();
    config.insert("padding".into(), "valid".into());
    let out = net.add("convolution", configured("SeparableConv1D", &config, vec![padded]));
    let moves = vec![Move::All { layer: net.inner("convolution") }];
    let what = "causal padding is written as `ZeroPadding1D`".to_owned();
    Ok(Some(Composed { tree: net.finish(&[out]), moves, what }))
}

/// A layer with a whole config but for its name.
pub(super) fn configured(class: &'static str, config: &Object, inputs: Vec<Tree>) -> Op {
    let mut config = config.clone();
    config.shift_remove("name");
    layer(class, inputs).config(config)
}
