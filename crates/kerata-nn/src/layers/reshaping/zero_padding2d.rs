//! `ZeroPadding2D`: puts zeros around a image.

use super::zero_pad::zero_pad;
use crate::layers::prelude::*;

zero_pad! {
    /// Puts zeros around a image.
    ZeroPadding2D, 2
}
