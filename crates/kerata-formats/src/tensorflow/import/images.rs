//! Pictures: resizing.

use kerata_core::ops::{self, PixelCenters, Resize, ResizeMethod};
use kerata_core::{Array, DType, Error, Result};

use super::call::{Call, Outputs};
use super::table::Lowering;

pub const OPS: &[(&str, Lowering)] = &[
    ("ResizeBicubic", |c| resize(c, ResizeMethod::Bicubic)),
    ("ResizeBilinear", |c| resize(c, ResizeMethod::Bilinear)),
    ("ResizeNearestNeighbor", |c| resize(c, ResizeMethod::Nearest)),
    ("ScaleAndTranslate", scale_and_translate),
];

fn resize(c: &Call<'_>, method: ResizeMethod) -> Outputs {
    let sizes = sizes(c)?;
    let centers = match (c.flag("align_corners", false), c.flag("half_pixel_centers", false)) {
        (true, _) => PixelCenters::Corners,
        (false, true) => PixelCenters::Half,
        (false, false) => PixelCenters::Whole,
    };
    let x = c.tensor(0)?;
    let op = Resize { sizes, method, centers, antialias: false };
    // All but the nearest give float32 whatever comes in.
    let wide = if method == ResizeMethod::Nearest { x.clone() } else { ops::cast(x, DType::Float32)? };
    c.one(wide.apply(op)?)
}

/// New height and width.
fn sizes(c: &Call<'_>) -> Result<Vec<usize>> {
    let sizes: Option<Vec<usize>> =
        c.numbers(1)?.into_iter().map(|size| usize::try_from(size).ok()).collect();
    sizes.filter(|sizes| sizes.len() == 2).ok_or_else(|| Error::corrupt("a picture of no size"))
}

/// `images, size, scale, translation`: each axis is mixed by a matrix of weights of its own.
fn scale_and_translate(c: &Call<'_>) -> Outputs {
    let x = ops::cast(c.tensor(0)?, DType::Float32)?;
    let sizes = sizes(c)?;
    let kernel = Kernel::of(c.text("kernel_type", "lanczos3"))?;
    let antialias = c.flag("antialias", true);
    let mut mixed = x.clone();
    for (axis, to) in sizes.into_iter().enumerate() {
        let from = x.spec().known_axis(axis as i64 + 1)?;
        let (scale, shift) = (entry(c, 2, axis)?, entry(c, 3, axis)?);
        if from == to && scale == 1.0 && shift == 0.0 {
            continue;
        }
        if from.saturating_mul(to) as u64 > c.reader.limits.max_config_bytes {
            return Err(Error::limit(format!("resizing {from} pixels to {to}")));
        }
        let weights = weights(from, to, scale, shift, &kernel, antialias);
        let weights = c.builder.constant(Array::from_f32([to, from], weights)?);
        let equation = if axis == 0 { "oh,bhwc->bowc" } else { "ow,bhwc->bhoc" };
        mixed = ops::einsum(equation, &[&weights, &mixed])?;
    }
    c.one(mixed)
}

/// An entry of an input of two numbers that must be known.
fn entry(c: &Call<'_>, position: usize, axis: usize) -> Result<f32> {
    let numbers = c.array(position)?.to_f64s()?;
    let number = numbers.get(axis).filter(|_| numbers.len() == 2);
    number.map(|number| *number as f32).ok_or_else(|| Error::corrupt("a scale of other than two numbers"))
}

/// How pixels are weighed by their distance.
struct Kernel {
    radius: f32,
    weight: fn(f32) -> f32,
}

impl Kernel {
    fn of(name: &str) -> Result<Self> {
        let (radius, weight): (f32, fn(f32) -> f32) = match name {
            "lanczos1" => (1.0, |x| lanczos(x, 1.0)),
            "lanczos3" => (3.0, |x| lanczos(x, 3.0)),
            "lanczos5" => (5.0, |x| lanczos(x, 5.0)),
            "gaussian" => (1.5, |x| if x >= 1.5 { 0.0 } else { (-x * x * 2.0).exp() }),
            "box" => (1.0, |x| {
                if x < 0.5 {
                    1.0
                } else if x == 0.5 {
                    0.5
                } else {
                    0.0
                }
            }),
            "triangle" => (1.0, |x| (1.0 - x).max(0.0)),
            "keyscubic" => (2.0, keys_cubic),
            "mitchellcubic" => (2.0, mitchell_cubic),
            other => return Err(Error::unsupported(format!("resizing by the kernel `{other}`"))),
        };
        Ok(Self { radius, weight })
    }
}

fn lanczos(x: f32, radius: f32) -> f32 {
    if x > radius {
        return 0.0;
    }
    if x <= 1e-3 {
        return 1.0;
    }
    let pi = std::f32::consts::PI;
    radius * (pi * x).sin() * (pi * x / radius).sin() / (pi * pi * x * x)
}

fn keys_cubic(x: f32) -> f32 {
    if x >= 2.0 {
        0.0
    } else if x >= 1.0 {
        ((-0.5 * x + 2.5) * x - 4.0) * x + 2.0
    } else {
        (1.5 * x - 2.5) * x * x + 1.0
    }
}

fn mitchell_cubic(x: f32) -> f32 {
    if x >= 2.0 {
        0.0
    } else if x >= 1.0 {
        (((-7.0 / 18.0) * x + 2.0) * x - 10.0 / 3.0) * x + 16.0 / 9.0
    } else {
        ((7.0 / 6.0) * x - 2.0) * x * x + 8.0 / 9.0
    }
}

/// The weights of the old pixels in each new one, row by row; a row sums to one, or is empty outside of the picture.
fn weights(from: usize, to: usize, scale: f32, shift: f32, kernel: &Kernel, antialias: bool) -> Vec<f32> {
    let inverse = 1.0 / scale;
    let stretch = if antialias { inverse.max(1.0) } else { 1.0 };
    let mut all = vec![0.0_f32; from * to];
    for (at, row) in all.chunks_exact_mut(from.max(1)).enumerate() {
        let center = (at as f32 + 0.5) * inverse - inverse * shift;
        if !(0.0..=from as f32).contains(&center) {
            continue;
        }
        let reach = kernel.radius * stretch;
        let last = from as i64 - 1;
        let start = ((center - reach - 0.5).ceil() as i64).clamp(0, last);
        let end = ((center + reach - 0.5).floor() as i64).clamp(0, last);
        let places = usize::try_from(start).unwrap_or(0)..=usize::try_from(end).unwrap_or(0);
        let Some(taps) = row.get_mut(places.clone()) else { continue };
        for (tap, place) in taps.iter_mut().zip(places) {
            *tap = (kernel.weight)(((place as f32 + 0.5 - center) / stretch).abs());
        }
        let sum: f32 = taps.iter().sum();
        if sum.abs() >= 1000.0 * f32::MIN_POSITIVE {
            taps.iter_mut().for_each(|tap| *tap /= sum);
        }
    }
    all
}
