//! `ZeroPadding1D`: puts zeros around a sequence.

use super::zero_pad::zero_pad;
use crate::layers::prelude::*;

zero_pad! {
    /// Puts zeros around a sequence.
    ZeroPadding1D, 1
}
