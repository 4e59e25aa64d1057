//! `RandomCrop` of Keras 2: outside of training it gives the largest window of its shape, resized; Keras 3 gives its input.

use kerata_core::Tree;

use super::net::{Net, layer};
use super::separable::configured;
use super::{Composed, Found, Old};

pub(super) fn compose(old: &Old<'_>) -> Found {
    if !old.is_old {
        return Ok(None);
    }
    let shape = old.input().ok_or("the shape of its input is not known")?;
    let size = |key: &str| old.config.get(key).cloned().unwrap_or(Tree::Null);
    let mut net = Net::of(old.config);
    let x = net.input(&shape);
    let cropped = net.add("crop", configured("RandomCrop", old.config, vec![x]));
    let resized = layer("Resizing", vec![cropped])
        .with("height", size("height"))
        .with("width", size("width"))
        .with("crop_to_aspect_ratio", true)
        .with("data_format", "channels_last");
    let out = net.add("resize", resized);
    let what = "`Resizing` stands behind `RandomCrop`, for what it gives outside of training".to_owned();
    Ok(Some(Composed { tree: net.finish(&[out]), moves: Vec::new(), what }))
}
