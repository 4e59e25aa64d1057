//! What sums and products accumulated along an axis share.

use crate::Result;
use crate::array::Array;

/// How values are accumulated along an axis.
pub struct Along {
    /// Which axis.
    pub axis: usize,
    /// Whether each element is left out of its own value.
    pub exclusive: bool,
    /// Whether to begin at the end.
    pub reverse: bool,
}

/// Accumulates along an axis; floats in float64, rounded at the end, whole numbers wrap around.
pub fn accumulate(
    x: &Array,
    along: &Along,
    (float_start, floats): (f64, fn(f64, f64) -> f64),
    (integer_start, integers): (i64, fn(i64, i64) -> i64),
) -> Result<Array> {
    let shape = x.shape();
    if x.dtype().is_integer() {
        let values = run(x.to_i64s()?, shape, along, integer_start, integers);
        return Array::from_vec(shape, values)?.cast(x.dtype());
    }
    Array::from_vec(shape, run(x.to_f64s()?, shape, along, float_start, floats))?.cast(x.dtype())
}

fn run<T: Copy>(mut values: Vec<T>, shape: &[usize], along: &Along, start: T, step: fn(T, T) -> T) -> Vec<T> {
    let size = shape[along.axis];
    let inner: usize = shape[along.axis + 1..].iter().product();
    if size == 0 || inner == 0 {
        return values;
    }
    for block in values.chunks_exact_mut(size * inner) {
        for lane in 0..inner {
            let mut sum = start;
            for at in 0..size {
                let at = if along.reverse { size - 1 - at } else { at };
                let place = &mut block[at * inner + lane];
                let next = step(sum, *place);
                *place = if along.exclusive { sum } else { next };
                sum = next;
            }
        }
    }
    values
}
