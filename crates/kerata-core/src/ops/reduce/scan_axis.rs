//! What sums and products accumulated along an axis share.

use half::{bf16, f16};

use crate::array::{Array, Elements};
use crate::{Error, Result};

/// How values are accumulated along an axis.
pub struct Along {
    /// Which axis.
    pub axis: usize,
    /// Whether each element is left out of its own value.
    pub exclusive: bool,
    /// Whether to begin at the end.
    pub reverse: bool,
}

/// Accumulates along an axis in the array's dtype; half types are rounded at the end only.
pub fn accumulate(
    x: &Array,
    along: &Along,
    (float_start, floats): (f64, impl Fn(f64, f64) -> f64),
    (integer_start, integers): (i128, impl Fn(i128, i128) -> i128),
) -> Result<Array> {
    let size = x.shape()[along.axis];
    let inner: usize = x.shape()[along.axis + 1..].iter().product();
    macro_rules! run {
        ($variant:ident, $v:expr, $start:expr, $step:expr, $wide:expr, $narrow:expr) => {{
            let mut out = $v.to_vec();
            if size > 0 {
                for block in out.chunks_exact_mut(size * inner) {
                    for lane in 0..inner {
                        let mut sum = $start;
                        for at in 0..size {
                            let at = if along.reverse { size - 1 - at } else { at };
                            let place = &mut block[at * inner + lane];
                            let next = $step(sum, $wide(*place));
                            *place = $narrow(if along.exclusive { sum } else { next });
                            sum = next;
                        }
                    }
                }
            }
            Elements::$variant(out.into())
        }};
    }
    macro_rules! whole {
        ($variant:ident, $v:expr, $type:ty) => {
            run!($variant, $v, integer_start, integers, |x: $type| i128::from(x), |x: i128| x as $type)
        };
    }
    let elements = match x.elements() {
        Elements::Float32(v) => run!(Float32, v, float_start, floats, f64::from, |x| x as f32),
        Elements::Float64(v) => run!(Float64, v, float_start, floats, |x: f64| x, |x| x),
        Elements::Float16(v) => run!(Float16, v, float_start, floats, f64::from, f16::from_f64),
        Elements::Bfloat16(v) => run!(Bfloat16, v, float_start, floats, f64::from, bf16::from_f64),
        Elements::Int8(v) => whole!(Int8, v, i8),
        Elements::Int16(v) => whole!(Int16, v, i16),
        Elements::Int32(v) => whole!(Int32, v, i32),
        Elements::Int64(v) => whole!(Int64, v, i64),
        Elements::Uint8(v) => whole!(Uint8, v, u8),
        Elements::Uint16(v) => whole!(Uint16, v, u16),
        Elements::Uint32(v) => whole!(Uint32, v, u32),
        Elements::Uint64(v) => whole!(Uint64, v, u64),
        other => return Err(Error::mismatch(format!("elements of {} are not accumulated", other.dtype()))),
    };
    Array::new(x.shape(), elements)
}
