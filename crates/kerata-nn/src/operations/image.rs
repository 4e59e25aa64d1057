//! Images.

use kerata_core::graph::Tensor;
use kerata_core::{Error, Result, ops};

use super::Table;
use super::call::{Call, one};
use super::resize::{Fit, resize};
use crate::config::{DataFormat, Padding, Sizes};
use crate::layers::convolutional::convolve;

pub(super) const TABLE: Table = &[
    ("CropImages", |call| images(call, crop)),
    ("DepthToSpace", |call| {
        let block: usize = call.require("block_size")?;
        images(call, |_, x| depth_to_space(x, block))
    }),
    ("ExtractPatches", |call| images(call, extract_patches)),
    ("HSVToRGB", |call| images(call, |_, x| hsv_to_rgb(x))),
    ("PadImages", |call| images(call, pad)),
    ("RGBToGrayscale", |call| images(call, |_, x| rgb_to_grayscale(x))),
    ("RGBToHSV", |call| images(call, |_, x| rgb_to_hsv(x))),
    ("Resize", |call| {
        let sizes: Vec<usize> = call.require("size")?;
        let &[height, width] = &sizes[..] else { return Err(Error::corrupt("`size` is height and width")) };
        let (crop, pad) = (call.or("crop_to_aspect_ratio", false)?, call.or("pad_to_aspect_ratio", false)?);
        let fit = Fit::new(crop, pad, call.or("fill_value", 0.0)?)?;
        let method = call.or("interpolation", "bilinear".to_owned())?;
        let antialias = call.or("antialias", false)?;
        images(call, |_, x| resize(x, [height, width], &method, antialias, fit))
    }),
    ("SpaceToDepth", |call| {
        let block: usize = call.require("block_size")?;
        images(call, |_, x| space_to_depth(x, block))
    }),
];

/// A function of a batch of images with their channels last.
pub(super) fn images(
    call: &Call<'_>,
    function: impl FnOnce(&Call<'_>, &Tensor) -> Result<Tensor>,
) -> Result<Vec<Tensor>> {
    let x = call.first()?;
    let is_one = x.rank() == 3;
    let batch = if is_one { ops::expand_dims(&x, 0)? } else { x };
    let is_first = call.or("data_format", DataFormat::ChannelsLast)? == DataFormat::ChannelsFirst;
    let batch = if is_first { ops::moveaxis(&batch, &[1], &[-1])? } else { batch };
    let result = function(call, &batch)?;
    let result = if is_first { ops::moveaxis(&result, &[-1], &[1])? } else { result };
    if is_one { one(ops::squeeze(&result, &[0])) } else { Ok(vec![result]) }
}

/// What lies before and behind a part of an axis: two of before, behind and size are given.
fn margins(
    call: &Call<'_>,
    before: &str,
    behind: &str,
    target: &str,
    rest: impl Fn(usize) -> Result<usize>,
) -> Result<(usize, usize)> {
    let (first, last): (Option<usize>, Option<usize>) = (call.get(before)?, call.get(behind)?);
    let free = |taken: usize| -> Result<usize> {
        let size: usize = call.require(target)?;
        rest(size)?
            .checked_sub(taken)
            .ok_or_else(|| Error::mismatch(format!("`{target}` {size} does not fit")))
    };
    match (first, last) {
        (Some(first), Some(last)) => Ok((first, last)),
        (Some(first), None) => Ok((first, free(first)?)),
        (None, Some(last)) => Ok((free(last)?, last)),
        (None, None) => Err(Error::mismatch(format!("neither `{before}` nor `{behind}` is given"))),
    }
}

fn crop(call: &Call<'_>, x: &Tensor) -> Result<Tensor> {
    let left_over = |axis: i64| {
        move |size: usize| {
            let own = x.spec().known_axis(axis)?;
            own.checked_sub(size).ok_or_else(|| Error::mismatch(format!("{size} of an axis of {own}")))
        }
    };
    let rows = margins(call, "top_cropping", "bottom_cropping", "target_height", left_over(1))?;
    let columns = margins(call, "left_cropping", "right_cropping", "target_width", left_over(2))?;
    let range = |(before, behind): (usize, usize)| ops::Range {
        start: Some(before as i64),
        stop: (behind > 0).then_some(-(behind as i64)),
        step: 1,
    };
    ops::slice(x, &[ops::Range::ALL, range(rows), range(columns), ops::Range::ALL])
}

fn pad(call: &Call<'_>, x: &Tensor) -> Result<Tensor> {
    let missing = |axis: i64| {
        move |size: usize| {
            let own = x.spec().known_axis(axis)?;
            size.checked_sub(own).ok_or_else(|| Error::mismatch(format!("an axis of {own} padded to {size}")))
        }
    };
    let rows = margins(call, "top_padding", "bottom_padding", "target_height", missing(1))?;
    let columns = margins(call, "left_padding", "right_padding", "target_width", missing(2))?;
    ops::pad(x, &[(0, 0), rows, columns, (0, 0)], ops::PadMode::Constant, 0.0)
}

fn extract_patches(call: &Call<'_>, x: &Tensor) -> Result<Tensor> {
    let size = call.require::<Sizes>("size")?.of_rank(2)?;
    let strides = match call.get::<Sizes>("strides")? {
        Some(strides) => strides.of_rank(2)?,
        None => size.clone(),
    };
    let dilation = call.or("dilation_rate", Sizes::from(1))?.of_rank(2)?;
    let channels = x.spec().known_axis(-1)?;
    let width = size[0] * size[1] * channels;
    let eye = ops::eye(x.builder(), width, width, 0, x.dtype())?;
    let kernel = ops::reshape(&eye, [size[0], size[1], channels, width])?;
    convolve(x, &kernel, &strides, call.or("padding", Padding::Valid)?, &dilation)
}

/// Brightness as television weighs the colours.
pub(crate) fn rgb_to_grayscale(x: &Tensor) -> Result<Tensor> {
    if x.spec().known_axis(-1)? == 1 {
        return Ok(x.clone());
    }
    let float = ops::to_float(x)?;
    let weights = kerata_core::array::Array::vector(vec![0.2989f32, 0.5870, 0.1140]).cast(float.dtype())?;
    let gray = ops::sum(&ops::multiply(&float, &x.builder().constant(weights))?, &[-1], true)?;
    ops::cast(&gray, x.dtype())
}

/// Hue, saturation and value, each from 0 to 1.
pub(crate) fn rgb_to_hsv(x: &Tensor) -> Result<Tensor> {
    let (red, green, blue) = channels(x)?;
    let most = ops::max(x, &[-1], false)?;
    let range = ops::subtract(&most, &ops::min(x, &[-1], false)?)?;
    let zero = ops::zeros_like(&most)?;
    let saturation = ops::select(&ops::greater(&most, &zero)?, &ops::divide_no_nan(&range, &most)?, &zero)?;
    let sixth = ops::divide_no_nan(&ops::full_like(&range, 1.0)?, &ops::times(&range, 6.0)?)?;
    let part =
        |a: &Tensor, b: &Tensor, shift: f64| ops::plus(&ops::multiply(&sixth, &ops::subtract(a, b)?)?, shift);
    let of_red = part(&green, &blue, 0.0)?;
    let of_green = part(&blue, &red, 2.0 / 6.0)?;
    let of_blue = part(&red, &green, 4.0 / 6.0)?;
    let hue = ops::select(&ops::equal(&green, &most)?, &of_green, &of_blue)?;
    let hue = ops::select(&ops::equal(&red, &most)?, &of_red, &hue)?;
    let hue = ops::select(&ops::greater(&range, &zero)?, &hue, &zero)?;
    let hue = ops::select(&ops::less(&hue, &zero)?, &ops::plus(&hue, 1.0)?, &hue)?;
    ops::stack(&[hue, saturation, most], -1)
}

/// The way back from hue, saturation and value.
pub(crate) fn hsv_to_rgb(x: &Tensor) -> Result<Tensor> {
    let (hue, saturation, value) = channels(x)?;
    let sixths = ops::times(&hue, 6.0)?;
    let part = |inner: Tensor| ops::clip(&inner, 0.0, 1.0);
    let distance = |shift: f64| ops::absolute(&ops::plus(&sixths, -shift)?);
    let red = part(ops::plus(&distance(3.0)?, -1.0)?)?;
    let green = part(ops::subtract(&ops::scalar(&sixths, 2.0)?, &distance(2.0)?)?)?;
    let blue = part(ops::subtract(&ops::scalar(&sixths, 2.0)?, &distance(4.0)?)?)?;
    let rest = ops::one_minus(&saturation)?;
    let mix =
        |colour: &Tensor| ops::multiply(&ops::add(&rest, &ops::multiply(&saturation, colour)?)?, &value);
    ops::stack(&[mix(&red)?, mix(&green)?, mix(&blue)?], -1)
}

fn channels(x: &Tensor) -> Result<(Tensor, Tensor, Tensor)> {
    match &ops::unstack(x, -1)?[..] {
        [a, b, c] => Ok((a.clone(), b.clone(), c.clone())),
        other => Err(Error::mismatch(format!("expected 3 channels, found {}", other.len()))),
    }
}

fn depth_to_space(x: &Tensor, block: usize) -> Result<Tensor> {
    let (height, width) = (x.spec().known_axis(1)?, x.spec().known_axis(2)?);
    let depth = x.spec().known_axis(3)?.checked_div(block * block).unwrap_or(0);
    let sizes = |sizes: &[usize]| -> Vec<ops::Size> {
        std::iter::once(x.size(0)).chain(sizes.iter().map(|&size| ops::Size::from(size))).collect()
    };
    let parts = ops::reshape(x, sizes(&[height, width, block, block, depth]))?;
    let moved = ops::transpose(&parts, &[0, 1, 3, 2, 4, 5])?;
    ops::reshape(&moved, sizes(&[height * block, width * block, depth]))
}

fn space_to_depth(x: &Tensor, block: usize) -> Result<Tensor> {
    let size = |axis| Ok::<_, Error>(x.spec().known_axis(axis)?.checked_div(block).unwrap_or(0));
    let (height, width, depth) = (size(1)?, size(2)?, x.spec().known_axis(3)?);
    let sizes = |sizes: &[usize]| -> Vec<ops::Size> {
        std::iter::once(x.size(0)).chain(sizes.iter().map(|&size| ops::Size::from(size))).collect()
    };
    let parts = ops::reshape(x, sizes(&[height, block, width, block, depth]))?;
    let moved = ops::transpose(&parts, &[0, 1, 3, 2, 4, 5])?;
    ops::reshape(&moved, sizes(&[height, width, block * block * depth]))
}
