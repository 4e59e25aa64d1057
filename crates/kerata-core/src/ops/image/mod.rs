//! Images.

mod resample;

use crate::ops::room;

room! {
    resize => Resize { resize };
}

pub use resample::{PixelCenters, ResizeMethod};
