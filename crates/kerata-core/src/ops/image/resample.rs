//! From which pixels along one axis a resized image takes its own, and with which weights.

use crate::{Error, Result, named_attribute};

/// How pixels between pixels are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResizeMethod {
    /// The nearest one.
    Nearest,
    /// Linear between two.
    Bilinear,
    /// Cubic through four (Keys).
    Bicubic,
    /// A windowed sinc over six.
    Lanczos3,
    /// A windowed sinc over ten.
    Lanczos5,
    /// The mean over the area.
    Area,
}

named_attribute!(ResizeMethod {
    Nearest = "nearest",
    Bilinear = "bilinear",
    Bicubic = "bicubic",
    Lanczos3 = "lanczos3",
    Lanczos5 = "lanczos5",
    Area = "area",
});

/// Where pixels lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PixelCenters {
    /// In the middle of their squares, as Keras has them.
    Half,
    /// At whole coordinates, as TensorFlow 1 has them.
    Whole,
    /// At whole coordinates with the first and last pixels of both images in the same places.
    Corners,
}

named_attribute!(PixelCenters { Half = "half", Whole = "whole", Corners = "corners" });

/// For each new pixel, the places of old ones and their weights.
pub type Taps = Vec<Vec<(usize, f64)>>;

/// The taps of an axis that goes from one size to another.
pub fn taps(
    from: usize,
    to: usize,
    method: ResizeMethod,
    centers: PixelCenters,
    antialias: bool,
) -> Result<Taps> {
    if from == 0 {
        return Err(Error::mismatch("an image without pixels is not resized"));
    }
    let spreads = antialias && matches!(method, ResizeMethod::Bilinear | ResizeMethod::Bicubic);
    match method {
        ResizeMethod::Lanczos3 => Ok(spread(from, to, 3.0, antialias, |x| lanczos(x, 3.0))),
        ResizeMethod::Lanczos5 => Ok(spread(from, to, 5.0, antialias, |x| lanczos(x, 5.0))),
        ResizeMethod::Bilinear if spreads => Ok(spread(from, to, 1.0, true, |x| (1.0 - x).max(0.0))),
        ResizeMethod::Bicubic if spreads => Ok(spread(from, to, 2.0, true, |x| keys(x, -0.5))),
        ResizeMethod::Area => Ok((0..to).map(|at| area(at, from, to)).collect()),
        _ => Ok((0..to).map(|at| near(at, from, to, method, centers)).collect()),
    }
}

/// Taps of the methods without antialiasing. Positions are computed in float32, as TensorFlow computes them.
fn near(at: usize, from: usize, to: usize, method: ResizeMethod, centers: PixelCenters) -> Vec<(usize, f64)> {
    let scale = match centers {
        PixelCenters::Corners if to > 1 => (from - 1) as f32 / (to - 1) as f32,
        _ => from as f32 / to as f32,
    };
    let last = from as i64 - 1;
    let clamp = |place: i64| place.clamp(0, last) as usize;
    let is_half = centers == PixelCenters::Half;
    if method == ResizeMethod::Nearest {
        let place = if is_half { (at as f32 + 0.5) * scale } else { at as f32 * scale };
        let place = if centers == PixelCenters::Corners { place.round() } else { place.floor() };
        return vec![(clamp(place as i64), 1.0)];
    }
    let place = if is_half { (at as f32 + 0.5) * scale - 0.5 } else { at as f32 * scale };
    let floor = place.floor();
    let rest = f64::from(place - floor);
    let below = floor as i64;
    if method == ResizeMethod::Bilinear {
        return vec![(clamp(below), 1.0 - rest), (clamp(place.ceil() as i64), rest)];
    }
    // TensorFlow takes cubic weights from a table of 1024 steps.
    let rest = (rest * 1024.0).round_ties_even() / 1024.0;
    let sharpness = if is_half { -0.5 } else { -0.75 };
    let distances = [rest + 1.0, rest, 1.0 - rest, 2.0 - rest];
    let weights = distances.map(|distance| keys(distance, sharpness));
    let taps = weights.into_iter().enumerate().map(|(step, weight)| (below - 1 + step as i64, weight));
    if !is_half {
        return taps.map(|(place, weight)| (clamp(place), weight)).collect();
    }
    let inside: Vec<(usize, f64)> = taps
        .filter(|(place, _)| (0..=last).contains(place))
        .map(|(place, weight)| (clamp(place), weight))
        .collect();
    normalized(inside)
}

/// Taps of a kernel of a radius, stretched when the image shrinks and `antialias` is asked for.
fn spread(from: usize, to: usize, radius: f64, antialias: bool, kernel: impl Fn(f64) -> f64) -> Taps {
    let inverse = f64::from(1.0 / (to as f32 / from as f32));
    let stretch = if antialias { inverse.max(1.0) } else { 1.0 };
    let last = from as i64 - 1;
    (0..to)
        .map(|at| {
            let center = (at as f64 + 0.5) * inverse;
            let start = (center - radius * stretch - 0.5).ceil() as i64;
            let end = (center + radius * stretch - 0.5).floor() as i64;
            let taps = (start.clamp(0, last)..=end.clamp(0, last))
                .map(|place| (place as usize, kernel(((place as f64 + 0.5 - center) / stretch).abs())));
            normalized(taps.collect())
        })
        .collect()
}

/// The parts of old pixels that a new one covers.
fn area(at: usize, from: usize, to: usize) -> Vec<(usize, f64)> {
    let scale = from as f64 / to as f64;
    let (start, end) = (at as f64 * scale, (at + 1) as f64 * scale);
    let first = start.floor() as usize;
    let last = (end.ceil() as usize).min(from);
    let covered = |place: usize| (end.min(place as f64 + 1.0) - start.max(place as f64)).max(0.0);
    (first..last).map(|place| (place, covered(place) / scale)).collect()
}

fn normalized(mut taps: Vec<(usize, f64)>) -> Vec<(usize, f64)> {
    let sum: f64 = taps.iter().map(|tap| tap.1).sum();
    if sum.abs() >= 1000.0 * f64::from(f32::MIN_POSITIVE) {
        taps.iter_mut().for_each(|tap| tap.1 /= sum);
    }
    taps
}

/// The cubic kernel of Keys.
fn keys(x: f64, a: f64) -> f64 {
    if x >= 2.0 {
        0.0
    } else if x >= 1.0 {
        ((a * x - 5.0 * a) * x + 8.0 * a) * x - 4.0 * a
    } else {
        ((a + 2.0) * x - (a + 3.0)) * x * x + 1.0
    }
}

fn lanczos(x: f64, radius: f64) -> f64 {
    use std::f64::consts::PI;
    if x > radius {
        0.0
    } else if x <= 1e-3 {
        1.0
    } else {
        radius * (PI * x).sin() * (PI * x / radius).sin() / (PI * PI * x * x)
    }
}
