//! Products of 8-bit numbers: rows of floats are rounded to bytes, multiplied by packed bytes in whole numbers, and
//! scaled back. Whole numbers add up to the same sum in every order, so all instruction sets agree.
//!
//! Bytes of a row are stored with 128 added, as the processor multiplies unsigned by signed bytes; what that adds to a
//! sum, 128 times the sum of the column, is taken off at its start.

use super::isa::{Isa, Level, by_isa};

/// Columns of a panel: two vectors of 16 sums.
const PANEL: usize = 32;
/// Numbers of a column that lie together: one step of the processor's dot product.
const STEP: usize = 4;
/// Rows that are multiplied together.
const ROWS: usize = 8;
/// What is added to the bytes of rows.
const OFFSET: i32 = 128;

/// The bytes of one step of a panel, one or two cache lines.
#[derive(Clone, Copy)]
#[repr(C, align(64))]
struct Block([i8; PANEL * STEP]);

/// A matrix of bytes, packed: panels of columns, each in steps along the rows.
pub struct Packed {
    blocks: Vec<Block>,
    steps: usize,
    columns: usize,
    /// For each column, what is taken off its sums.
    starts: Vec<i32>,
}

/// Rows of bytes with their scales.
#[derive(Default)]
pub struct Bytes {
    bytes: Vec<u8>,
    scales: Vec<f32>,
    /// One over the scales.
    inverses: Vec<f32>,
    width: usize,
}

impl Packed {
    /// Packs a matrix of rows and columns.
    pub fn new(weights: &[i8], depth: usize, columns: usize) -> Packed {
        let steps = depth.div_ceil(STEP);
        let panels = columns.div_ceil(PANEL);
        let mut blocks = vec![Block([0; PANEL * STEP]); panels * steps];
        let mut starts = vec![0i32; panels * PANEL];
        for (row, weights) in weights.chunks_exact(columns.max(1)).take(depth).enumerate() {
            for (column, &weight) in weights.iter().enumerate() {
                let block = &mut blocks[(column / PANEL) * steps + row / STEP];
                block.0[(column % PANEL) * STEP + row % STEP] = weight;
                starts[column] -= OFFSET * i32::from(weight);
            }
        }
        Packed { blocks, steps, columns, starts }
    }

    /// Number of columns.
    pub fn columns(&self) -> usize {
        self.columns
    }

    fn panel(&self, panel: usize) -> &[Block] {
        &self.blocks[panel * self.steps..(panel + 1) * self.steps]
    }
}

impl Bytes {
    /// Rounds so many rows of `depth` floats, each by its largest absolute value.
    pub fn quantize(&mut self, isa: Isa, floats: &[f32], depth: usize, rows: usize) {
        self.width = depth.next_multiple_of(STEP);
        self.bytes.resize(rows * self.width, OFFSET as u8);
        // A row of nothing has a scale too.
        self.scales.resize(rows, 1.0);
        self.inverses.resize(rows, 1.0);
        if depth > 0 {
            let (scales, inverses) = (&mut self.scales, &mut self.inverses);
            quantize_rows(isa, floats, depth, self.width, &mut self.bytes, scales, inverses);
        }
    }

    fn rows(&self) -> usize {
        self.scales.len()
    }
}

by_isa! {
    /// Rounds each row to bytes, and notes its scale and one over it.
    fn quantize_rows(
        floats: &[f32],
        depth: usize,
        width: usize,
        bytes: &mut [u8],
        scales: &mut [f32],
        inverses: &mut [f32],
    ) {
        /// Added to a float below 2^22, its low bits are the nearest whole number, halves to even.
        const MAGIC: f32 = 12_582_912.0;
        let rows = floats.chunks_exact(depth).zip(bytes.chunks_exact_mut(width));
        for ((row, bytes), (scale, inverse)) in rows.zip(scales.iter_mut().zip(inverses)) {
            // The bits of positive floats are in the order of the floats, with NaN above all.
            let mut largest = [0u32; 16];
            let chunks = row.chunks_exact(16);
            for (largest, x) in largest.iter_mut().zip(chunks.remainder()) {
                *largest = x.abs().to_bits();
            }
            for chunk in chunks {
                for (largest, x) in largest.iter_mut().zip(chunk) {
                    *largest = x.abs().to_bits().max(*largest);
                }
            }
            let largest = f32::from_bits(largest.into_iter().fold(0, u32::max));
            let (row_scale, row_inverse) = (127.0 / (largest + 1e-7), (largest + 1e-7) / 127.0);
            (*scale, *inverse) = (row_scale, row_inverse);
            for (byte, &x) in bytes.iter_mut().zip(row) {
                let clamped = (x * row_scale).clamp(-127.0, 127.0);
                let whole = (clamped + MAGIC).to_bits().wrapping_sub(MAGIC.to_bits());
                *byte = whole.wrapping_add(OFFSET as u32) as u8;
            }
        }
    }
}

/// What is done to numbers when they are scaled back.
#[derive(Clone, Copy)]
pub struct Scaling<'a> {
    /// The scale of each column.
    pub scales: &'a [f32],
    /// One over the scale of each column.
    pub inverses: &'a [f32],
    /// Added to each row.
    pub bias: Option<&'a [f32]>,
    /// Lower and upper clamp, after the bias.
    pub clamp: (f32, f32),
}

/// Multiplies rows by columns `from..to` (of whole panels, but for the last) and writes them scaled: row after row of
/// `to - from` numbers.
pub fn multiply(
    isa: Isa,
    left: &Bytes,
    right: &Packed,
    scaling: &Scaling,
    (from, to): (usize, usize),
    out: &mut [f32],
) {
    let width = to - from;
    assert!(
        scaling.scales.len() >= to
            && scaling.inverses.len() >= to
            && scaling.bias.is_none_or(|bias| bias.len() >= to)
            && out.len() >= left.rows() * width
            && to <= right.columns,
        "numbers for all columns"
    );
    for first in (0..left.rows()).step_by(ROWS) {
        let count = ROWS.min(left.rows() - first);
        for panel in from / PANEL..to.div_ceil(PANEL) {
            let column = panel * PANEL;
            let end = (column + PANEL).min(to);
            let part = Scaling {
                scales: &scaling.scales[column..end],
                inverses: &scaling.inverses[column..end],
                bias: scaling.bias.map(|bias| &bias[column..end]),
                clamp: scaling.clamp,
            };
            let tile = Tile {
                bytes: &left.bytes[first * left.width..(first + count) * left.width],
                width: left.width,
                scales: &left.scales[first..first + count],
                inverses: &left.inverses[first..first + count],
                panel: right.panel(panel),
                starts: &right.starts[column..column + PANEL],
                step: width,
            };
            tile.multiply(isa, &part, &mut out[first * width + column - from..]);
        }
    }
}

/// Some rows and a panel.
struct Tile<'a> {
    bytes: &'a [u8],
    /// Bytes of a row.
    width: usize,
    /// Scale of each row, and one over it.
    scales: &'a [f32],
    inverses: &'a [f32],
    panel: &'a [Block],
    starts: &'a [i32],
    /// Floats from one row of the output to the next.
    step: usize,
}

impl Tile<'_> {
    fn multiply(&self, isa: Isa, scaling: &Scaling, out: &mut [f32]) {
        let (count, columns) = (self.scales.len(), scaling.scales.len());
        assert!(
            self.bytes.len() >= count * self.width
                && self.width >= self.panel.len() * STEP
                && (1..=ROWS).contains(&count)
                && self.inverses.len() == count
                && self.starts.len() == PANEL
                && columns <= PANEL
                && out.len() >= (count - 1) * self.step + columns,
            "rows of the panel's depth"
        );
        #[cfg(target_arch = "x86_64")]
        if isa.level() == Level::Avx512 && x86::has_dot_products() {
            macro_rules! rows {
                ($($count:literal)*) => {
                    match (count, columns > PANEL / 2) {
                        // SAFETY: the features were detected; lengths are checked above.
                        $(($count, true) => unsafe { x86::multiply::<$count, 2>(self, scaling, out) },)*
                        // SAFETY: as above.
                        $(($count, false) => unsafe { x86::multiply::<$count, 1>(self, scaling, out) },)*
                        _ => {}
                    }
                };
            }
            rows!(1 2 3 4 5 6 7 8);
            return;
        }
        let mut sums = [[0; PANEL]; ROWS];
        for (row, sums) in sums.iter_mut().take(count).enumerate() {
            sums.copy_from_slice(self.starts);
            dot(isa, &self.bytes[row * self.width..(row + 1) * self.width], self.panel, sums);
        }
        scale_back(isa, &sums, scaling, self.scales, self.inverses, self.step, out);
    }
}

by_isa! {
    /// Writes rows of sums, a step apart.
    fn scale_back(
        sums: &[[i32; PANEL]; ROWS],
        scaling: &Scaling,
        rows: &[f32],
        row_inverses: &[f32],
        step: usize,
        out: &mut [f32],
    ) {
        let (low, high) = scaling.clamp;
        let is_clamped = low > f32::NEG_INFINITY || high < f32::INFINITY;
        let rows = rows.iter().zip(row_inverses);
        for ((sums, out), (row_scale, row_inverse)) in sums.iter().zip(out.chunks_mut(step)).zip(rows) {
            let out = &mut out[..scaling.scales.len()];
            let columns = scaling.scales.iter().zip(scaling.inverses);
            for ((out, &sum), (scale, inverse)) in out.iter_mut().zip(sums).zip(columns) {
                // A quotient by its reciprocal, and what is missing to the nearest float.
                let (divisor, reciprocal) = (scale * row_scale, inverse * row_inverse);
                let quotient = sum as f32 * reciprocal;
                *out = (-quotient).mul_add(divisor, sum as f32).mul_add(reciprocal, quotient);
            }
            if let Some(bias) = scaling.bias {
                for (out, &bias) in out.iter_mut().zip(bias) {
                    *out += bias;
                }
            }
            if is_clamped {
                for out in out.iter_mut() {
                    // A NaN stays.
                    let above = if *out < low { low } else { *out };
                    *out = if above > high { high } else { above };
                }
            }
        }
    }
}

/// Adds the products of a row and a panel to sums.
fn dot(isa: Isa, row: &[u8], panel: &[Block], sums: &mut [i32; PANEL]) {
    match isa.level() {
        #[cfg(target_arch = "x86_64")]
        Level::Avx512 | Level::Avx2 => {
            assert!(row.len() >= panel.len() * STEP, "a row of the panel's depth");
            // SAFETY: a machine of these levels has AVX2; the length is checked above.
            unsafe { x86::pairs(row, panel, sums) }
        }
        Level::Portable => portable(row, panel, sums),
    }
}

fn portable(row: &[u8], panel: &[Block], sums: &mut [i32; PANEL]) {
    for (bytes, block) in row.chunks_exact(STEP).zip(panel) {
        for (sum, weights) in sums.iter_mut().zip(block.0.chunks_exact(STEP)) {
            for (&byte, &weight) in bytes.iter().zip(weights) {
                *sum = sum.wrapping_add(i32::from(byte) * i32::from(weight));
            }
        }
    }
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use std::arch::x86_64::*;
    use std::sync::OnceLock;

    use super::{Block, PANEL, STEP, Scaling, Tile};

    /// Whether the processor multiplies and adds four bytes at once (VNNI).
    pub fn has_dot_products() -> bool {
        static HAS: OnceLock<bool> = OnceLock::new();
        *HAS.get_or_init(|| is_x86_feature_detected!("avx512vnni") && is_x86_feature_detected!("avx512f"))
    }

    /// Multiplies `N` rows by the first `V` vectors of a panel, and writes them scaled.
    ///
    /// # Safety
    /// The processor has AVX-512 F and VNNI. The tile has `N` rows of at least four bytes a block, the scaling at most
    /// `V` vectors of columns, and the output room for them.
    #[target_feature(enable = "avx512f,avx512vnni")]
    #[allow(clippy::needless_range_loop)]
    pub unsafe fn multiply<const N: usize, const V: usize>(tile: &Tile, scaling: &Scaling, out: &mut [f32]) {
        let mut sums = [[_mm512_setzero_si512(); V]; N];
        for v in 0..V {
            // SAFETY: the starts are a panel long.
            let start = unsafe { _mm512_loadu_si512(tile.starts.as_ptr().add(v * 16).cast()) };
            for row in 0..N {
                sums[row][v] = start;
            }
        }
        let first = tile.bytes.as_ptr();
        for (step, block) in tile.panel.iter().enumerate() {
            let mut weights = [_mm512_setzero_si512(); V];
            for v in 0..V {
                // SAFETY: a block is two aligned vectors long.
                weights[v] = unsafe { _mm512_load_si512(block.0.as_ptr().add(v * 64).cast()) };
            }
            for row in 0..N {
                let place = row * tile.width + step * STEP;
                // SAFETY: the caller promises four bytes for each block in each row.
                let four = _mm512_set1_epi32(unsafe { first.add(place).cast::<i32>().read_unaligned() });
                for v in 0..V {
                    sums[row][v] = _mm512_dpbusd_epi32(sums[row][v], four, weights[v]);
                }
            }
        }
        let columns = scaling.scales.len();
        let (low, high) = (_mm512_set1_ps(scaling.clamp.0), _mm512_set1_ps(scaling.clamp.1));
        for v in 0..V {
            let count = columns.saturating_sub(v * 16).min(16);
            let mask = ((1u32 << count) - 1) as u16;
            // SAFETY: lanes beyond the columns are not touched.
            let load =
                |from: &[f32]| unsafe { _mm512_maskz_loadu_ps(mask, from.as_ptr().wrapping_add(v * 16)) };
            let (scale, inverse) = (load(scaling.scales), load(scaling.inverses));
            let bias = scaling.bias.map(load);
            for row in 0..N {
                let sum = _mm512_cvtepi32_ps(sums[row][v]);
                let divisor = _mm512_mul_ps(scale, _mm512_set1_ps(tile.scales[row]));
                let reciprocal = _mm512_mul_ps(inverse, _mm512_set1_ps(tile.inverses[row]));
                // A quotient by its reciprocal, and what is missing to the nearest float.
                let quotient = _mm512_mul_ps(sum, reciprocal);
                let missing = _mm512_fnmadd_ps(quotient, divisor, sum);
                let mut result = _mm512_fmadd_ps(missing, reciprocal, quotient);
                if let Some(bias) = bias {
                    result = _mm512_add_ps(result, bias);
                }
                // The second operand is returned when one is NaN.
                let result = _mm512_min_ps(high, _mm512_max_ps(low, result));
                // SAFETY: the caller promises room for the columns of each row.
                unsafe {
                    let to = out.as_mut_ptr().wrapping_add(row * tile.step + v * 16);
                    _mm512_mask_storeu_ps(to, mask, result);
                }
            }
        }
    }

    /// Adds the products of a row and a panel to sums, in 16-bit pairs, which hold every product.
    ///
    /// # Safety
    /// The processor has AVX2; `row` has at least four bytes a block.
    #[target_feature(enable = "avx2")]
    pub unsafe fn pairs(row: &[u8], panel: &[Block], sums: &mut [i32; PANEL]) {
        // Four columns a vector: two sums a column, added at the end.
        let mut found = [_mm256_setzero_si256(); PANEL / 4];
        for (step, block) in panel.iter().enumerate() {
            // SAFETY: the caller promises four bytes for each block.
            let four = unsafe { row.as_ptr().add(step * STEP).cast::<i32>().read_unaligned() };
            let wide = _mm256_cvtepu8_epi16(_mm_set1_epi32(four));
            for (at, sum) in found.iter_mut().enumerate() {
                // SAFETY: a block holds 16 bytes for each four columns.
                let weights = unsafe { _mm_load_si128(block.0.as_ptr().add(at * 16).cast()) };
                *sum = _mm256_add_epi32(*sum, _mm256_madd_epi16(wide, _mm256_cvtepi8_epi16(weights)));
            }
        }
        for (at, pair) in found.iter().enumerate() {
            let mut halves = [0i32; 8];
            // SAFETY: eight sums are one vector.
            unsafe { _mm256_storeu_si256(halves.as_mut_ptr().cast(), *pair) };
            for column in 0..4 {
                let sum = halves[2 * column].wrapping_add(halves[2 * column + 1]);
                sums[at * 4 + column] = sums[at * 4 + column].wrapping_add(sum);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kerata_core::ops::QuantizedMatmul;

    #[test]
    fn every_instruction_set_gives_the_plain_sums() {
        for (rows, depth, columns) in [(1, 1, 1), (3, 7, 33), (9, 64, 32), (8, 130, 65), (17, 5, 100)] {
            let number = |at: usize| ((at * 7919 + 13) % 255) as i32 - 127;
            let floats: Vec<f32> = (0..rows * depth).map(|at| number(at) as f32 / 37.0).collect();
            let weights: Vec<i8> = (0..depth * columns).map(|at| number(at + 5) as i8).collect();
            let scales: Vec<f32> = (0..columns).map(|at| 1.0 + 1.7 * at as f32).collect();
            let inverses: Vec<f32> = scales.iter().map(|scale| 1.0 / scale).collect();
            let mut expected = Vec::new();
            for row in floats.chunks_exact(depth) {
                let (whole, row_scale) = QuantizedMatmul::quantize_row(row);
                for column in 0..columns {
                    let products = whole.iter().enumerate();
                    let sum: i32 = products
                        .map(|(at, x)| i32::from(*x) * i32::from(weights[at * columns + column]))
                        .sum();
                    expected.push(sum as f32 / (scales[column] * row_scale));
                }
            }
            for isa in Isa::available() {
                let packed = Packed::new(&weights, depth, columns);
                let mut bytes = Bytes::default();
                bytes.quantize(isa, &floats, depth, rows);
                let mut out = vec![0.0; rows * columns];
                let clamp = (f32::NEG_INFINITY, f32::INFINITY);
                let scaling = Scaling { scales: &scales, inverses: &inverses, bias: None, clamp };
                multiply(isa, &bytes, &packed, &scaling, (0, columns), &mut out);
                assert!(out == expected, "{rows} x {depth} x {columns} on {isa:?}");
            }
        }
    }
}
