//! Images of another size, stretched, or cut or padded to keep their proportions.

use kerata_core::graph::Tensor;
use kerata_core::ops::ResizeMethod;
use kerata_core::{Error, Result, ops};

/// What is done to an image whose proportions differ from those asked for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Fit {
    /// It is stretched.
    Stretch,
    /// Its longer side is cut, the same on both ends.
    Crop,
    /// Its shorter side is padded with a value.
    Pad(f64),
}

impl Fit {
    /// The fit that Keras's two flags ask for.
    pub fn new(crop_to_aspect_ratio: bool, pad_to_aspect_ratio: bool, fill_value: f64) -> Result<Self> {
        match (crop_to_aspect_ratio, pad_to_aspect_ratio) {
            (true, true) => Err(Error::corrupt("images are cut and padded")),
            (true, false) => Ok(Self::Crop),
            (false, true) => Ok(Self::Pad(fill_value)),
            (false, false) => Ok(Self::Stretch),
        }
    }
}

/// Images `(batch, height, width, channels)` of another height and width.
pub(crate) fn resize(
    x: &Tensor,
    sizes: [usize; 2],
    method: &str,
    antialias: bool,
    fit: Fit,
) -> Result<Tensor> {
    let method = match method {
        "nearest" => ResizeMethod::Nearest,
        "bilinear" => ResizeMethod::Bilinear,
        "bicubic" => ResizeMethod::Bicubic,
        "lanczos3" => ResizeMethod::Lanczos3,
        "lanczos5" => ResizeMethod::Lanczos5,
        "area" => ResizeMethod::Area,
        other => return Err(Error::unsupported(format!("interpolation `{other}`"))),
    };
    let x = match fit {
        Fit::Stretch => x.clone(),
        Fit::Crop => {
            let [height, width] =
                proportioned(x, sizes)?.map(|(own, fitting)| (own, fitting.min(own).max(1)));
            let range = |(own, kept): (usize, usize)| {
                let start = (own - kept) / 2;
                ops::Range::new(start as i64, (start + kept) as i64)
            };
            ops::slice(x, &[ops::Range::ALL, range(height), range(width), ops::Range::ALL])?
        }
        Fit::Pad(value) => {
            // The same on both ends, so that an odd pixel is missing.
            let [height, width] = proportioned(x, sizes)?
                .map(|(own, fitting)| fitting.max(own) - own)
                .map(|gap| (gap / 2, gap / 2));
            ops::pad(x, &[(0, 0), height, width, (0, 0)], ops::PadMode::Constant, value)?
        }
    };
    ops::resize(&x, sizes, method, antialias)
}

/// For each side its size and the one that would go with the other side.
fn proportioned(x: &Tensor, [target_height, target_width]: [usize; 2]) -> Result<[(usize, usize); 2]> {
    let (height, width) = (x.spec().known_axis(1)?, x.spec().known_axis(2)?);
    let other = |size: usize, to: usize, from: usize| ((size * to) as f32 / from as f32) as usize;
    let fitting_height = other(width, target_height, target_width);
    let fitting_width = other(height, target_width, target_height);
    Ok([(height, fitting_height), (width, fitting_width)])
}
