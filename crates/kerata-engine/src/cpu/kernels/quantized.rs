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
        if depth > 0 {
            quantize_rows(isa, floats, depth, self.width, &mut self.bytes, &mut self.scales);
        }
    }

    fn rows(&self) -> usize {
        self.scales.len()
    }
}

by_isa! {
    /// Rounds each row to bytes, and notes its scale.
    fn quantize_rows(floats: &[f32], depth: usize, width: usize, bytes: &mut [u8], scales: &mut [f32]) {
        /// Added to a float below 2^22, its low bits are the nearest whole number, halves to even.
        const MAGIC: f32 = 12_582_912.0;
        let rows = floats.chunks_exact(depth).zip(bytes.chunks_exact_mut(width)).zip(scales);
        for ((row, bytes), scale) in rows {
            // Sixteen largest values side by side; a NaN stays.
            let mut largest = [0f32; 16];
            let chunks = row.chunks_exact(16);
            for (largest, &x) in largest.iter_mut().zip(chunks.remainder()) {
                let x = x.abs();
                *largest = if x > *largest || x.is_nan() { x } else { *largest };
            }
            for chunk in chunks {
                for (largest, &x) in largest.iter_mut().zip(chunk) {
                    let x = x.abs();
                    *largest = if x > *largest || x.is_nan() { x } else { *largest };
                }
            }
            let largest = largest.iter().fold(0f32, |a, &b| if b > a || b.is_nan() { b } else { a });
            *scale = 127.0 / (largest + 1e-7);
            for (byte, &x) in bytes.iter_mut().zip(row) {
                let clamped = (x * *scale).clamp(-127.0, 127.0);
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
    let mut sums = [[0; PANEL]; ROWS];
    for first in (0..left.rows()).step_by(ROWS) {
        let count = ROWS.min(left.rows() - first);
        let bytes = &left.bytes[first * left.width..(first + count) * left.width];
        for panel in from / PANEL..to.div_ceil(PANEL) {
            let column = panel * PANEL;
            let end = (column + PANEL).min(to);
            for sums in sums.iter_mut().take(count) {
                sums.copy_from_slice(&right.starts[column..column + PANEL]);
            }
            dot(isa, bytes, left.width, count, right.panel(panel), &mut sums);
            let part = Scaling {
                scales: &scaling.scales[column..end],
                bias: scaling.bias.map(|bias| &bias[column..end]),
                clamp: scaling.clamp,
            };
            let place = first * width + column - from;
            let rows = &left.scales[first..first + count];
            scale_back(isa, &sums, &part, rows, width, &mut out[place..]);
        }
    }
}

by_isa! {
    /// Writes rows of sums, a step apart.
    fn scale_back(sums: &[[i32; PANEL]; ROWS], scaling: &Scaling, rows: &[f32], step: usize, out: &mut [f32]) {
        let (low, high) = scaling.clamp;
        let is_clamped = low > f32::NEG_INFINITY || high < f32::INFINITY;
        for ((sums, out), row_scale) in sums.iter().zip(out.chunks_mut(step)).zip(rows) {
            let out = &mut out[..scaling.scales.len()];
            for ((out, &sum), &scale) in out.iter_mut().zip(sums).zip(scaling.scales) {
                *out = sum as f32 / (scale * row_scale);
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

/// Adds the products of some rows and a panel to sums.
fn dot(isa: Isa, bytes: &[u8], width: usize, count: usize, panel: &[Block], sums: &mut [[i32; PANEL]; ROWS]) {
    assert!(
        bytes.len() >= count * width && width >= panel.len() * STEP && count <= ROWS,
        "rows of the panel's depth"
    );
    match isa.level() {
        #[cfg(target_arch = "x86_64")]
        Level::Avx512 if x86::has_dot_products() => {
            macro_rules! rows {
                ($($count:literal)*) => {
                    match count {
                        // SAFETY: the features were detected; lengths are checked above.
                        $($count => unsafe { x86::dot_products::<$count>(bytes, width, panel, sums) },)*
                        _ => {}
                    }
                };
            }
            rows!(1 2 3 4 5 6 7 8);
        }
        #[cfg(target_arch = "x86_64")]
        Level::Avx512 | Level::Avx2 => {
            for (row, sums) in sums.iter_mut().take(count).enumerate() {
                // SAFETY: a machine of these levels has AVX2; lengths are checked above.
                unsafe { x86::pairs(&bytes[row * width..(row + 1) * width], panel, sums) };
            }
        }
        Level::Portable => {
            for (row, sums) in sums.iter_mut().take(count).enumerate() {
                portable(&bytes[row * width..(row + 1) * width], panel, sums);
            }
        }
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

    use super::{Block, PANEL, ROWS, STEP};

    /// Whether the processor multiplies and adds four bytes at once (VNNI).
    pub fn has_dot_products() -> bool {
        static HAS: OnceLock<bool> = OnceLock::new();
        *HAS.get_or_init(|| is_x86_feature_detected!("avx512vnni") && is_x86_feature_detected!("avx512f"))
    }

    /// Adds the products of `N` rows and a panel to sums.
    ///
    /// # Safety
    /// The processor has AVX-512 F and VNNI; `bytes` holds `N` rows of `width`, each of at least four bytes a block.
    #[target_feature(enable = "avx512f,avx512vnni")]
    pub unsafe fn dot_products<const N: usize>(
        bytes: &[u8],
        width: usize,
        panel: &[Block],
        sums: &mut [[i32; PANEL]; ROWS],
    ) {
        let zero = _mm512_setzero_si512();
        let (mut low, mut high) = ([zero; N], [zero; N]);
        for (row, sums) in sums.iter().take(N).enumerate() {
            // SAFETY: a row of sums is two vectors long.
            (low[row], high[row]) = unsafe {
                (_mm512_loadu_si512(sums.as_ptr().cast()), _mm512_loadu_si512(sums.as_ptr().add(16).cast()))
            };
        }
        let start = bytes.as_ptr();
        for (step, block) in panel.iter().enumerate() {
            // SAFETY: a block is two aligned vectors long.
            let (a, b) = unsafe {
                (
                    _mm512_load_si512(block.0.as_ptr().cast()),
                    _mm512_load_si512(block.0.as_ptr().add(64).cast()),
                )
            };
            for row in 0..N {
                // SAFETY: the caller promises four bytes for each block in each row.
                let four = unsafe { start.add(row * width + step * STEP).cast::<i32>().read_unaligned() };
                let four = _mm512_set1_epi32(four);
                low[row] = _mm512_dpbusd_epi32(low[row], four, a);
                high[row] = _mm512_dpbusd_epi32(high[row], four, b);
            }
        }
        for (row, sums) in sums.iter_mut().take(N).enumerate() {
            // SAFETY: as where they were loaded.
            unsafe {
                _mm512_storeu_si512(sums.as_mut_ptr().cast(), low[row]);
                _mm512_storeu_si512(sums.as_mut_ptr().add(16).cast(), high[row]);
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
            let scales: Vec<f32> = (0..columns).map(|at| 1.0 + at as f32).collect();
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
                let scaling =
                    Scaling { scales: &scales, bias: None, clamp: (f32::NEG_INFINITY, f32::INFINITY) };
                multiply(isa, &bytes, &packed, &scaling, (0, columns), &mut out);
                assert!(out == expected, "{rows} x {depth} x {columns} on {isa:?}");
            }
        }
    }
}
