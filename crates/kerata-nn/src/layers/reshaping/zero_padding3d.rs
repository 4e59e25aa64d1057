//! `ZeroPadding3D`: puts zeros around a volume.

use super::zero_pad::zero_pad;
use crate::layers::prelude::*;

zero_pad! {
    /// Puts zeros around a volume.
    ZeroPadding3D, 3
}
