//! The order of elements along a row, as sorting ops use it.

use std::cmp::Ordering;

use crate::array::{Array, Elements};

/// Compares two elements of an array by their positions; NaN comes last, as in numpy. Strings compare by bytes.
pub fn comparison(x: &Array) -> Box<dyn Fn(usize, usize) -> Ordering + '_> {
    macro_rules! compare {
        ($($float:ident)*; $($whole:ident)*) => {
            match x.elements() {
                $(Elements::$float(v) => Box::new(|a, b| {
                    v[a].partial_cmp(&v[b]).unwrap_or_else(|| v[a].is_nan().cmp(&v[b].is_nan()))
                }),)*
                $(Elements::$whole(v) => Box::new(|a, b| v[a].cmp(&v[b])),)*
                Elements::Complex64(v) => {
                    Box::new(|a, b| v[a].re.total_cmp(&v[b].re).then(v[a].im.total_cmp(&v[b].im)))
                }
                Elements::Complex128(v) => {
                    Box::new(|a, b| v[a].re.total_cmp(&v[b].re).then(v[a].im.total_cmp(&v[b].im)))
                }
            }
        };
    }
    compare!(Float16 Bfloat16 Float32 Float64;
        Bool Int8 Int16 Int32 Int64 Uint8 Uint16 Uint32 Uint64 Int4 Uint4 Float8E4m3fn Float8E5m2 Strings)
}
