//! Filters of images, and how alike two images are.

use kerata_core::graph::Tensor;
use kerata_core::ops::{PadMode, Padding};
use kerata_core::{Array, Error, Result, ops};

use super::Table;
use super::call::{Call, one};
use super::image::images;
use crate::config::DataFormat;

pub(super) const TABLE: Table = &[
    ("GaussianBlur", |call| {
        let (sizes, widths): (Vec<usize>, Vec<f64>) =
            (call.or("kernel_size", vec![3, 3])?, call.or("sigma", vec![1.0, 1.0])?);
        let (&[rows, columns], &[first, second]) = (&sizes[..], &widths[..]) else {
            return Err(Error::corrupt("`kernel_size` and `sigma` are pairs"));
        };
        images(call, |_, x| blur(x, [rows, columns], [first, second]))
    }),
    ("SSIM", |call| one(similarity(call))),
    ("SobelEdges", |call| one(sobel_edges(call))),
];

/// Images blurred by a bell of a size and width along each axis.
pub(super) fn blur(x: &Tensor, sizes: [usize; 2], widths: [f64; 2]) -> Result<Tensor> {
    let (rows, columns) = (bell(sizes[0], widths[0]), bell(sizes[1], widths[1]));
    // Keras computes the bell column by column and reads it row by row.
    let values = columns.iter().flat_map(|column| rows.iter().map(move |row| column * row)).collect();
    let kernel = Array::from_vec::<f64>([sizes[0], sizes[1], 1, 1], values)?;
    depthwise(x, &kernel, Padding::Same)
}

/// A bell around the middle whose values add up to one.
fn bell(size: usize, width: f64) -> Vec<f64> {
    let middle = (size as f64 - 1.0) / 2.0;
    let values: Vec<f64> =
        (0..size).map(|at| (-0.5 * ((at as f64 - middle) / width).powi(2)).exp()).collect();
    let sum: f64 = values.iter().sum();
    values.into_iter().map(|value| value / sum).collect()
}

/// The same filter `(height, width, 1, 1)` over every channel.
fn depthwise(x: &Tensor, kernel: &Array, padding: Padding) -> Result<Tensor> {
    let channels = x.spec().known_axis(-1)?;
    let kernel = x.builder().constant(kernel.cast(x.dtype())?);
    let kernel = ops::repeat(&kernel, channels, 2)?;
    ops::depthwise_conv(x, &kernel, &[1, 1], padding, &[1, 1])
}

/// How steep images are from row to row and from column to column.
fn sobel_edges(call: &Call<'_>) -> Result<Tensor> {
    let x = call.first()?;
    let is_first = call.or("data_format", DataFormat::ChannelsLast)? == DataFormat::ChannelsFirst;
    let x = if is_first { ops::moveaxis(&x, &[1], &[-1])? } else { x };
    let padded = ops::pad(&x, &[(0, 0), (1, 1), (1, 1), (0, 0)], PadMode::Reflect, 0.0)?;
    let rows = vec![-1.0f64, -2.0, -1.0, 0.0, 0.0, 0.0, 1.0, 2.0, 1.0];
    let columns = vec![-1.0f64, 0.0, 1.0, -2.0, 0.0, 2.0, -1.0, 0.0, 1.0];
    let edges = |values| depthwise(&padded, &Array::from_vec([3, 3, 1, 1], values)?, Padding::Valid);
    let edges = ops::stack(&[edges(rows)?, edges(columns)?], -1)?;
    if is_first { ops::transpose(&edges, &[0, 3, 1, 2, 4]) } else { Ok(edges) }
}

/// The structural similarity of two images: means, variances and covariance under a bell, over all places.
fn similarity(call: &Call<'_>) -> Result<Tensor> {
    let (a, b) = call.pair()?;
    let dtype = a.dtype();
    let (size, width): (usize, f64) = (call.or("filter_size", 11)?, call.or("filter_sigma", 1.5)?);
    let largest: f64 = call.or("max_val", 1.0)?;
    let [first, second] =
        [call.or("k1", 0.01)?, call.or("k2", 0.03)?].map(|k: f64| (k * largest) * (k * largest));
    let is_one = a.rank() == 3;
    let is_first = call.or("data_format", DataFormat::ChannelsLast)? == DataFormat::ChannelsFirst;
    let batch = |x: &Tensor| {
        let x = ops::to_float(x)?;
        let x = if is_one { ops::expand_dims(&x, 0)? } else { x };
        if is_first { ops::moveaxis(&x, &[1], &[-1]) } else { Ok(x) }
    };
    let (a, b) = (batch(&a)?, batch(&b)?);
    let row = bell(size, width);
    let values = row.iter().flat_map(|y| row.iter().map(move |x| x * y)).collect();
    let kernel = Array::from_vec::<f64>([size, size, 1, 1], values)?;
    let mean = |x: &Tensor, y: &Tensor| depthwise(&ops::multiply(x, y)?, &kernel, Padding::Valid);
    let (mean_a, mean_b) = (depthwise(&a, &kernel, Padding::Valid)?, depthwise(&b, &kernel, Padding::Valid)?);
    let (square_a, square_b) = (ops::square(&mean_a)?, ops::square(&mean_b)?);
    let both = ops::multiply(&mean_a, &mean_b)?;
    let variance_a = ops::subtract(&mean(&a, &a)?, &square_a)?;
    let variance_b = ops::subtract(&mean(&b, &b)?, &square_b)?;
    let covariance = ops::subtract(&mean(&a, &b)?, &both)?;
    let above = ops::multiply(
        &ops::plus(&ops::times(&both, 2.0)?, first)?,
        &ops::plus(&ops::times(&covariance, 2.0)?, second)?,
    )?;
    let below = ops::multiply(
        &ops::plus(&ops::add(&square_a, &square_b)?, first)?,
        &ops::plus(&ops::add(&variance_a, &variance_b)?, second)?,
    )?;
    let result = ops::mean(&ops::divide(&above, &below)?, &[1, 2, 3], false)?;
    let result = if is_one { ops::squeeze(&result, &[0])? } else { result };
    ops::cast(&result, dtype)
}
