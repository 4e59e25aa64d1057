//! The arithmetic of quantization, operation by operation in the order and precision of Keras's NumPy code.

use kerata_core::DType;

use super::policy::EPSILON;

/// Quantized numbers with what turns them back, all in row-major order.
pub(super) struct Grouped {
    /// One number a weight.
    pub values: Vec<i8>,
    /// For each group of rows and each column.
    pub scales: Vec<f32>,
    /// The number that stands for zero, alike.
    pub zeros: Vec<i8>,
}

/// `abs_max_quantize` over the rows of a matrix: numbers and a scale a column, so that `number / scale` is the weight.
pub(super) fn by_column(
    weights: &[f32],
    columns: usize,
    (low, high): (f32, f32),
    dtype: DType,
) -> (Vec<i8>, Vec<f32>) {
    let round = rounding(dtype);
    let mut largest = vec![0f32; columns];
    for row in weights.chunks_exact(columns.max(1)) {
        for (largest, weight) in largest.iter_mut().zip(row) {
            *largest = maximum(*largest, weight.abs());
        }
    }
    let scales: Vec<f32> =
        largest.into_iter().map(|largest| round(high / round(largest + round(EPSILON)))).collect();
    let mut values = Vec::with_capacity(weights.len());
    for row in weights.chunks_exact(columns.max(1)) {
        for (weight, scale) in row.iter().zip(&scales) {
            values.push(integer(round(weight * scale).round_ties_even().clamp(low, high)));
        }
    }
    (values, scales)
}

/// `abs_max_quantize_grouped_with_zero_point`: blocks of rows share a scale and a zero point in each column, so that
/// `(number - zero) * scale` is the weight. Rows that fill the last block up are zeros, which count for its range.
pub(super) fn by_block(weights: &[f32], columns: usize, block: usize, dtype: DType) -> Grouped {
    const LOW: f32 = -8.0;
    const HIGH: f32 = 7.0;
    let round = rounding(dtype);
    let columns = columns.max(1);
    let mut grouped =
        Grouped { values: Vec::with_capacity(weights.len()), scales: Vec::new(), zeros: Vec::new() };
    for rows in weights.chunks(block * columns) {
        let is_filled_up = rows.len() < block * columns;
        let start = if is_filled_up { 0.0 } else { f32::NAN };
        let (mut least, mut most) = (vec![start; columns], vec![start; columns]);
        for row in rows.chunks_exact(columns) {
            for ((least, most), weight) in least.iter_mut().zip(&mut most).zip(row) {
                *least = least.min(*weight);
                *most = most.max(*weight);
            }
        }
        let of_column = |(least, most): (f32, f32)| {
            let scale = round(round(round(most - least) + round(EPSILON)) / (HIGH - LOW));
            let zero = round(round(-least / scale).round_ties_even() + LOW).clamp(LOW, HIGH);
            (scale, zero)
        };
        let pairs: Vec<(f32, f32)> = least.into_iter().zip(most).map(of_column).collect();
        for row in rows.chunks_exact(columns) {
            for (weight, (scale, zero)) in row.iter().zip(&pairs) {
                let number = round(round(weight / scale).round_ties_even() + zero);
                grouped.values.push(integer(number.clamp(LOW, HIGH)));
            }
        }
        grouped.scales.extend(pairs.iter().map(|pair| pair.0));
        grouped.zeros.extend(pairs.iter().map(|pair| integer(pair.1)));
    }
    grouped
}

/// Two numbers a byte along rows of this length, the first in the low half; the last byte of an odd row is filled up.
pub(super) fn packed(values: &[i8], columns: usize) -> Vec<i8> {
    let pair = |pair: &[i8]| {
        let low = pair.first().copied().unwrap_or(0) & 0xf;
        let high = pair.get(1).copied().unwrap_or(0) << 4;
        low | high
    };
    values.chunks(columns.max(1)).flat_map(|row| row.chunks(2).map(pair)).collect()
}

/// NumPy's `maximum`, which keeps NaN.
fn maximum(a: f32, b: f32) -> f32 {
    if a.is_nan() || b.is_nan() { f32::NAN } else { a.max(b) }
}

/// A number that was clamped to 8 bits; NaN becomes zero, as NumPy has it on this kind of processor.
fn integer(number: f32) -> i8 {
    number as i8
}

/// How a result of float32 arithmetic is rounded to a dtype: once, as NumPy does.
fn rounding(dtype: DType) -> fn(f32) -> f32 {
    match dtype {
        DType::Float16 => |number| half::f16::from_f32(number).to_f32(),
        DType::Bfloat16 => |number| half::bf16::from_f32(number).to_f32(),
        _ => |number| number,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nibbles_are_packed_as_keras_documents_it() {
        // `[-8, -7, -6, -5]` is `0x98, 0xba`; an odd row is filled up with zero.
        assert_eq!(packed(&[-8, -7, -6, -5], 4), [0x98u8 as i8, 0xbau8 as i8]);
        assert_eq!(packed(&[2, -8, 1], 3), [0x82u8 as i8, 1]);
    }

    #[test]
    fn the_largest_weight_of_a_column_is_127() {
        let (values, scales) = by_column(&[1.0, -2.0, 0.5, 4.0], 2, (-127.0, 127.0), DType::Float32);
        // 1 + 1e-7 is a hair more than 1, so 0.5 becomes a hair less than 63.5; 4 + 1e-7 is 4 in float32, so -2 becomes
        // -63.5, which is rounded to the even number.
        assert_eq!(values, [127, -64, 63, 127]);
        assert_eq!(scales, [127.0 / (1.0 + 1e-7), 31.75]);
    }

    #[test]
    fn a_short_last_block_counts_zeros() {
        // One row of 3 in a block of 2: the range is 0 to 3, so the scale is 3 / 15 and zero stands at -8.
        let grouped = by_block(&[3.0], 1, 2, DType::Float32);
        assert_eq!(grouped.zeros, [-8]);
        assert!((grouped.scales[0] - 0.2).abs() < 1e-6);
        assert_eq!(grouped.values, [7]);
    }
}
