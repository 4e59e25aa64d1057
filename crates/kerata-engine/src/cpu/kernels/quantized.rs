//! Products of 8-bit numbers: rows of floats are rounded, multiplied by packed bytes in whole numbers, and scaled back.
//! Whole numbers add up to the same sum in every order, so all instruction sets agree.
//!
//! Where the processor multiplies unsigned by signed bytes, 128 is added to the bytes of rows; what that adds to a sum, 128
//! times the sum of the column, is taken off at its start.

#[cfg(target_arch = "x86_64")]
use super::dot::{Dot8, Dot16, Pairs8, Pairs16, Twice8};
use super::dot::{OFFSET, Plain, STEP, Sums};
use super::rounded::Rounded;
use super::vector::Vector;
use super::way::{Kind, Way};

/// Columns of a panel.
const PANEL: usize = 32;

/// The bytes of one step of a panel: four of each column, two cache lines.
#[derive(Clone, Copy)]
#[repr(C, align(64))]
struct Block([i8; PANEL * STEP]);

/// A matrix of bytes, packed: panels of columns, each in steps along the rows.
pub struct Packed {
    blocks: Vec<Block>,
    steps: usize,
    columns: usize,
    /// For each column of the panels, what is taken off its sums.
    starts: Vec<i32>,
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
/// `to - from` numbers. The rows were rounded for the same way.
pub fn multiply(
    way: Way,
    left: &Rounded,
    right: &Packed,
    scaling: &Scaling,
    (from, to): (usize, usize),
    out: &mut [f32],
) {
    let (rows, width) = (left.rows(), to - from);
    let read = right.steps * STEP * if way.takes_bytes() { 1 } else { 2 };
    assert!(
        scaling.scales.len() >= to
            && scaling.inverses.len() >= to
            && scaling.bias.is_none_or(|bias| bias.len() >= to)
            && out.len() >= rows * width
            && from.is_multiple_of(PANEL)
            && from <= to
            && to <= right.columns
            && left.width() >= read
            && left.bytes().len() >= rows * left.width(),
        "numbers for all rows and columns"
    );
    for column in (from..to).step_by(PANEL) {
        let columns = PANEL.min(to - column);
        let args = PanelArgs {
            rows,
            bytes: left.bytes().as_ptr(),
            row_bytes: left.width(),
            row_scales: left.scales().0.as_ptr(),
            row_inverses: left.scales().1.as_ptr(),
            columns,
            blocks: right.blocks[column / PANEL * right.steps..].as_ptr(),
            steps: right.steps,
            starts: right.starts[column..column + PANEL].as_ptr(),
            scales: scaling.scales[column..].as_ptr(),
            inverses: scaling.inverses[column..].as_ptr(),
            bias: scaling.bias.map_or(std::ptr::null(), |bias| bias[column..].as_ptr()),
            clamp: scaling.clamp,
            out: out[column - from..].as_mut_ptr(),
            out_stride: width,
        };
        // SAFETY: a way is made only where its instructions are; the lengths are checked above.
        unsafe {
            match way.kind() {
                #[cfg(target_arch = "x86_64")]
                Kind::Dot16 => dot16(&args),
                #[cfg(target_arch = "x86_64")]
                Kind::Pairs16 => pairs16(&args),
                #[cfg(target_arch = "x86_64")]
                Kind::Dot8 => dot8(&args),
                #[cfg(target_arch = "x86_64")]
                Kind::Pairs8 => pairs8(&args),
                Kind::Portable => panel::<Plain, Plain, 2, 2>(&args),
            }
        }
    }
}

/// All rows and one panel.
struct PanelArgs {
    rows: usize,
    /// The rows, of so many bytes each.
    bytes: *const u8,
    row_bytes: usize,
    /// Scale of each row, and one over it.
    row_scales: *const f32,
    row_inverses: *const f32,
    /// Columns of the panel that exist.
    columns: usize,
    blocks: *const Block,
    steps: usize,
    /// What sums start with, for all columns of the panel.
    starts: *const i32,
    /// For each column that exists: its scale, one over it, and what is added, if not null.
    scales: *const f32,
    inverses: *const f32,
    bias: *const f32,
    clamp: (f32, f32),
    /// First output element, and floats from one row to the next.
    out: *mut f32,
    out_stride: usize,
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,avx2,fma")]
unsafe fn dot16(args: &PanelArgs) {
    // SAFETY: the features are enabled, the pointers as promised.
    unsafe { panel::<Dot16, Twice8, 8, 2>(args) }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma")]
unsafe fn pairs16(args: &PanelArgs) {
    // SAFETY: the features are enabled, the pointers as promised.
    unsafe { panel::<Pairs16, Pairs16, 6, 2>(args) }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avxvnni,avx2,fma")]
unsafe fn dot8(args: &PanelArgs) {
    // SAFETY: the features are enabled, the pointers as promised.
    unsafe { panel::<Dot8, Dot8, 6, 2>(args) }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
unsafe fn pairs8(args: &PanelArgs) {
    // SAFETY: the features are enabled, the pointers as promised.
    unsafe { panel::<Pairs8, Pairs8, 6, 1>(args) }
}

/// A panel in strips of columns, and these in tiles of `ROWS` rows and `VECTORS` (one or two) vectors of columns. A strip that
/// is narrow enough takes several rows in a vector, if there is a way.
#[inline(always)]
unsafe fn panel<S: Sums, N: Sums, const ROWS: usize, const VECTORS: usize>(args: &PanelArgs) {
    let lanes = S::Float::LANES;
    // SAFETY: the contract of the arguments.
    unsafe {
        for column in (0..args.columns).step_by(VECTORS * lanes) {
            let columns = args.columns - column;
            if columns > lanes {
                strip::<S, ROWS, VECTORS>(args, 0, column, columns);
                continue;
            }
            let mut row = 0;
            if N::ROWS > 1 && columns <= lanes / N::ROWS {
                row = strip::<N, ROWS, 1>(args, 0, column, columns);
            }
            strip::<S, ROWS, 1>(args, row, column, columns);
        }
    }
}

/// All rows from one on, as far as they fill vectors; the first that is left.
#[inline(always)]
unsafe fn strip<S: Sums, const ROWS: usize, const VECTORS: usize>(
    args: &PanelArgs,
    mut row: usize,
    column: usize,
    columns: usize,
) -> usize {
    // SAFETY: the contract of the arguments; each tile's rows exist.
    unsafe {
        while row + ROWS * S::ROWS <= args.rows {
            tile::<S, ROWS, VECTORS>(args, row, column, columns);
            row += ROWS * S::ROWS;
        }
        while row + 3 * S::ROWS <= args.rows {
            tile::<S, 3, VECTORS>(args, row, column, columns);
            row += 3 * S::ROWS;
        }
        while row + S::ROWS <= args.rows {
            tile::<S, 1, VECTORS>(args, row, column, columns);
            row += S::ROWS;
        }
    }
    row
}

// Indexed loops over constant ranges are what the compiler unrolls into registers.
#[allow(clippy::needless_range_loop)]
#[inline(always)]
unsafe fn tile<S: Sums, const ROWS: usize, const VECTORS: usize>(
    args: &PanelArgs,
    row: usize,
    column: usize,
    columns: usize,
) {
    // SAFETY: the contract of the arguments: the rows have a step for each block, blocks and starts are a panel wide, and
    // of the rest no more than the columns that exist is touched.
    unsafe {
        let lanes = S::Float::LANES;
        let first = args.bytes.add(row * args.row_bytes);
        let mut sums = [[S::start(args.starts.add(column)); ROWS]; VECTORS];
        for v in 1..VECTORS {
            sums[v] = [S::start(args.starts.add(column + v * lanes)); ROWS];
        }
        for step in 0..args.steps {
            let block = args.blocks.add(step).cast::<i8>().add(column * STEP);
            let mut weights = [S::weights(block); VECTORS];
            for v in 1..VECTORS {
                weights[v] = S::weights(block.add(v * lanes * STEP));
            }
            for r in 0..ROWS {
                let numbers = first.add(r * S::ROWS * args.row_bytes + step * S::ROW_BYTES);
                let numbers = S::row(numbers, args.row_bytes);
                for v in 0..VECTORS {
                    sums[v][r] = sums[v][r].add(numbers, weights[v]);
                }
            }
        }
        // No loop over these: sums stay in registers only where each has a name.
        scale_back(args, &sums[0], row, column, columns);
        if VECTORS > 1 {
            scale_back(args, &sums[VECTORS - 1], row, column + lanes, columns - lanes);
        }
    }
}

/// Writes the sums of some rows and one vector of columns.
#[allow(clippy::needless_range_loop)]
#[inline(always)]
unsafe fn scale_back<S: Sums, const ROWS: usize>(
    args: &PanelArgs,
    sums: &[S; ROWS],
    row: usize,
    column: usize,
    columns: usize,
) {
    // SAFETY: the contract of the arguments; no more than `columns` columns are touched.
    unsafe {
        let scale = S::of_columns(args.scales.add(column), columns).times(S::Float::splat(-1.0));
        let inverse = S::of_columns(args.inverses.add(column), columns);
        // Nothing is changed by a zero with this sign.
        let bias = if args.bias.is_null() {
            S::Float::splat(-0.0)
        } else {
            S::of_columns(args.bias.add(column), columns)
        };
        let (low, high) = (S::Float::splat(args.clamp.0), S::Float::splat(args.clamp.1));
        let mut results = [low; ROWS];
        for r in 0..ROWS {
            let sum = sums[r].floats();
            let divisor = scale.times(S::of_rows(args.row_scales.add(row + r * S::ROWS)));
            let reciprocal = inverse.times(S::of_rows(args.row_inverses.add(row + r * S::ROWS)));
            // A quotient by its reciprocal, and what is missing to the nearest float.
            let quotient = sum.times(reciprocal);
            let result = quotient.fma(divisor, sum).fma(reciprocal, quotient);
            results[r] = result.plus(bias).clamp(low, high);
        }
        let out = args.out.add(row * args.out_stride + column);
        for r in 0..ROWS {
            S::write(results[r], out.add(r * S::ROWS * args.out_stride), args.out_stride, columns);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kerata_core::ops::QuantizedMatmul;

    #[test]
    fn every_instruction_set_gives_the_plain_sums() {
        // Depths of half a vector, one, two, more, and none of these; rows that fill groups and tiles or not.
        let depths = [1, 5, 7, 8, 16, 24, 32, 64, 130, 192];
        let sizes = depths.iter().flat_map(|depth| {
            [(1, 33), (3, 8), (17, 65), (39, 100)].map(|(rows, columns)| (rows, *depth, columns))
        });
        for (rows, depth, columns) in sizes {
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
            for way in Way::available() {
                let packed = Packed::new(&weights, depth, columns);
                let mut rounded = Rounded::default();
                rounded.round(way, &floats, depth, rows);
                let mut out = vec![0.0; rows * columns];
                let clamp = (f32::NEG_INFINITY, f32::INFINITY);
                let scaling = Scaling { scales: &scales, inverses: &inverses, bias: None, clamp };
                multiply(way, &rounded, &packed, &scaling, (0, columns), &mut out);
                assert!(out == expected, "{rows} x {depth} x {columns} by {way:?}");
            }
        }
    }

    #[test]
    fn bias_and_clamp_follow_in_every_way() {
        let (rows, depth) = (19, 12);
        let floats: Vec<f32> = (0..rows * depth).map(|at| ((at * 31) % 23) as f32 - 11.0).collect();
        for columns in [4, 8, 24, 40] {
            let weights: Vec<i8> = (0..depth * columns).map(|at| ((at * 7) % 101) as i8 - 50).collect();
            let scales: Vec<f32> = (0..columns).map(|at| 3.0 + at as f32).collect();
            let inverses: Vec<f32> = scales.iter().map(|scale| 1.0 / scale).collect();
            let bias: Vec<f32> = (0..columns).map(|at| 0.5 - at as f32).collect();
            for way in Way::available() {
                let packed = Packed::new(&weights, depth, columns);
                let mut rounded = Rounded::default();
                rounded.round(way, &floats, depth, rows);
                let product = |bias, clamp| {
                    let scaling = Scaling { scales: &scales, inverses: &inverses, bias, clamp };
                    let mut out = vec![0.0; rows * columns];
                    multiply(way, &rounded, &packed, &scaling, (0, columns), &mut out);
                    out
                };
                let plain = product(None, (f32::NEG_INFINITY, f32::INFINITY));
                let expected =
                    plain.iter().enumerate().map(|(at, x)| (x + bias[at % columns]).clamp(-9.0, 20.0));
                let expected: Vec<f32> = expected.collect();
                assert!(product(Some(&bias), (-9.0, 20.0)) == expected, "{columns} columns by {way:?}");
            }
        }
    }

    #[test]
    fn rows_with_infinity_or_nan_are_nan_and_others_are_not() {
        for depth in [3, 8, 16, 20, 70] {
            let rows = 35;
            let mut floats = vec![1.0; rows * depth];
            floats[2 * depth + 1] = f32::INFINITY;
            floats[20 * depth] = f32::NEG_INFINITY;
            floats[34 * depth + 2] = f32::NAN;
            let weights = vec![1; depth * 8];
            let ones = vec![1.0; 8];
            for way in Way::available() {
                let mut rounded = Rounded::default();
                rounded.round(way, &floats, depth, rows);
                let mut out = vec![0.0; rows * 8];
                let clamp = (f32::NEG_INFINITY, f32::INFINITY);
                let scaling = Scaling { scales: &ones, inverses: &ones, bias: None, clamp };
                multiply(way, &rounded, &Packed::new(&weights, depth, 8), &scaling, (0, 8), &mut out);
                for (row, out) in out.chunks_exact(8).enumerate() {
                    let is_nan = matches!(row, 2 | 20 | 34);
                    assert!(out.iter().all(|x| x.is_nan() == is_nan), "row {row} of {depth} by {way:?}");
                }
            }
        }
    }
}
