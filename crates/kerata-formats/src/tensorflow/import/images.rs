//! Pictures: resizing.

use kerata_core::ops::{self, PixelCenters, Resize, ResizeMethod};
use kerata_core::{DType, Error};

use super::call::{Call, Outputs};
use super::table::Lowering;

pub const OPS: &[(&str, Lowering)] = &[
    ("ResizeBicubic", |c| resize(c, ResizeMethod::Bicubic)),
    ("ResizeBilinear", |c| resize(c, ResizeMethod::Bilinear)),
    ("ResizeNearestNeighbor", |c| resize(c, ResizeMethod::Nearest)),
];

fn resize(c: &Call<'_>, method: ResizeMethod) -> Outputs {
    let sizes: Option<Vec<usize>> =
        c.numbers(1)?.into_iter().map(|size| usize::try_from(size).ok()).collect();
    let sizes =
        sizes.filter(|sizes| sizes.len() == 2).ok_or_else(|| Error::corrupt("a picture of no size"))?;
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
