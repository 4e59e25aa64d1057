//! Products: rows (of a matrix, or patches of an image) times packed panels, split over the workers.

use std::cell::RefCell;

use super::isa::Isa;
use super::memory::{Lines, Shared, each_chunk};
use super::moves::{View, read_alone};
use super::pack::{Panels, Strided};
use super::patches::Rows;
use super::tile::{self, TileArgs};
use crate::cpu::workers::Workers;

/// Length of the chains that a sum is made of: rounding grows with the root of it, and a panel so deep stays in cache.
const CHAIN: usize = 256;
/// Most floats of a row that count for how many rows are a block.
const DEPTH_BLOCK: usize = 1024;
/// Floats of the left side that one block of rows reads.
const ROWS_BLOCK: usize = 64 * 1024;
/// Floats of a right side that are packed at a time.
const STRIP: usize = 128 * 1024;
/// Floats of rows that are finished together.
const FINISHED: usize = 32 * 1024;
/// Multiply-adds from which threads share.
const TASK: usize = 60_000;
/// Rows of a block that are worth one more task.
const BLOCK: usize = 24;

/// Work on finished rows: the first row's index and the rows.
pub type RowsFinish<'a> = dyn Fn(usize, &mut [f32]) + Sync + 'a;

/// What happens to sums besides being written.
#[derive(Clone, Copy)]
pub struct Finish<'a> {
    /// Added to each row.
    pub bias: Option<&'a [f32]>,
    /// Lower and upper clamp, after the bias.
    pub clamp: (f32, f32),
    /// Called with the first row and whole finished rows, while they are in cache.
    pub rows: Option<&'a RowsFinish<'a>>,
}

impl Default for Finish<'_> {
    fn default() -> Self {
        Finish { bias: None, clamp: (f32::NEG_INFINITY, f32::INFINITY), rows: None }
    }
}

/// Where the output goes: row `i` starts at `start + i * stride`.
#[derive(Clone, Copy)]
pub struct Place {
    /// Index of the first element.
    pub start: usize,
    /// Step from one row to the next.
    pub stride: usize,
}

/// `out[i, j] = finish(sum over k of rows[i, k] * panels[k, j])` for `count` rows.
pub fn product(
    workers: &Workers,
    rows: &Rows,
    count: usize,
    panels: &Panels,
    out: &mut [f32],
    place: Place,
    finish: Finish,
) {
    let columns = panels.columns();
    if count == 0 || columns == 0 {
        return;
    }
    let depth = rows.taps() * rows.depth();
    assert_eq!(depth, panels.depth(), "both sides have one depth");
    assert!(columns <= place.stride || count == 1);
    assert!(place.start + (count - 1) * place.stride + columns <= out.len());
    assert!(finish.bias.is_none_or(|bias| bias.len() >= columns));
    let whole_rows = finish.rows.is_none() || place.stride == columns;
    assert!(whole_rows, "a row finish needs contiguous rows");

    let shared = Shared::new(out);
    let Split { blocks, groups } = Split::new(workers.threads(), rows, count, panels);
    let many = panels.panels().len();
    let work = |task: usize| {
        let (group, block) = (task / blocks, task % blocks);
        let (row, to) = (count * block / blocks, count * (block + 1) / blocks);
        let range = many * group / groups..many * (group + 1) / groups;
        multiply_block(rows, row, to, panels, range, &shared, place, finish);
        if let (1, Some(finish)) = (groups, finish.rows) {
            // SAFETY: blocks of rows do not overlap, and each is one task.
            finish(row, unsafe { shared.part(place.start + row * columns, (to - row) * columns) });
        }
    };
    if count * depth * columns < TASK {
        (0..blocks * groups).for_each(work);
    } else {
        workers.each(blocks * groups, &work);
    }
    if let (2.., Some(finish)) = (groups, finish.rows) {
        // SAFETY: all tasks are done.
        finish_rows(workers, unsafe { shared.part(place.start, count * columns) }, columns, finish);
    }
}

/// How a product is split over threads: blocks of rows, and groups of panels.
struct Split {
    blocks: usize,
    groups: usize,
}

impl Split {
    fn new(threads: usize, rows: &Rows, count: usize, panels: &Panels) -> Split {
        let (depth, columns, many) = (panels.depth(), panels.columns(), panels.panels().len());
        let most = (ROWS_BLOCK / depth.clamp(1, DEPTH_BLOCK)).clamp(12, 240).next_multiple_of(12);
        let alone = Split { blocks: count.div_ceil(most), groups: 1 };
        if threads == 1 || count * depth * columns < TASK {
            return alone;
        }
        // Each thread reads the whole of one side: the smaller one, if the other can be split evenly.
        let groups = many.min(2 * threads);
        let is_even = many.is_multiple_of(threads) || many >= 8 * threads;
        if (is_even && depth * columns > 2 * rows.floats(count)) || count < 4 * threads {
            return Split { groups, ..alone };
        }
        let least = if count < 2 * BLOCK * threads { threads } else { 2 * threads };
        Split { blocks: alone.blocks.max(least).next_multiple_of(threads), groups: 1 }
    }
}

/// Calls the finish for all rows of an output, over the workers.
fn finish_rows(workers: &Workers, out: &mut [f32], columns: usize, finish: &RowsFinish) {
    let share = out.len().div_ceil(2 * workers.threads()).clamp(FINISHED / 8, FINISHED);
    let rows = (share / columns).max(1);
    each_chunk(workers, out, rows * columns, &|index, out| finish(index * rows, out));
}

/// As [`product`] with a right side of so many columns that is packed for this product alone: a strip of columns at a time,
/// which is multiplied while it is in cache. The output is contiguous.
pub fn product_once(
    isa: Isa,
    workers: &Workers,
    rows: &Rows,
    count: usize,
    (right, columns): (Strided, usize),
    out: &mut [f32],
    finish: Finish,
) {
    let depth = rows.taps() * rows.depth();
    let shape = tile::shape(isa);
    let widest = shape.lanes * shape.rows.len();
    let strip = (STRIP / depth.max(1) / widest).max(1) * widest;
    let mut packed = PACKED.take().filter(|panels| panels.isa() == isa);
    let panels = packed.get_or_insert_with(|| Panels::new(isa));
    let is_one = columns <= strip;
    for column in (0..columns).step_by(strip) {
        let width = strip.min(columns - column);
        panels.pack(depth, width, Strided { start: right.start + column * right.column, ..right });
        let place = Place { start: column, stride: columns };
        let rows_finish = finish.rows.filter(|_| is_one);
        let finish = Finish { bias: finish.bias.map(|bias| &bias[column..]), rows: rows_finish, ..finish };
        product(workers, rows, count, panels, out, place, finish);
    }
    PACKED.set(packed);
    if let Some(finish) = finish.rows.filter(|_| !is_one) {
        finish_rows(workers, out, columns, finish);
    }
}

/// Products of a matrix each, all of one size; see [`batched_product`].
pub struct Batch<'a> {
    /// Left matrices, `[batch axes..., rows, depth]`; those whose last step is not one are copied, each for its product.
    pub left: (&'a [f32], View),
    /// Right matrices, `[batch axes..., depth, columns]`.
    pub right: (&'a [f32], View),
    /// Where the results go, `[batch axes..., rows, columns]`; the last step is one, and no two elements are one.
    pub out: View,
}

/// `out[b] = finish(left[b] * right[b])` for each position of the batch axes, of which a side may have steps of zero.
/// `finish` gets the row of all results, and needs the output to be contiguous.
pub fn batched_product(
    isa: Isa,
    workers: &Workers,
    batch: &Batch,
    out: &mut [f32],
    bias: Option<&[f32]>,
    clamp: (f32, f32),
    finish: Option<&RowsFinish>,
) {
    let axes = batch.out.shape.len() - 2;
    let (m, columns) = (batch.out.shape[axes], batch.out.shape[axes + 1]);
    let depth = batch.left.1.shape[axes + 1];
    assert!(batch.out.is_disjoint() && batch.out.steps[axes + 1] == 1);
    assert!(finish.is_none() || batch.out.steps[axes] == columns);
    if batch.out.is_empty() {
        return;
    }
    let shared = Shared::new(out);
    let count: usize = batch.out.shape[..axes].iter().product();
    let offset = |view: &View, mut index: usize| {
        let mut offset = view.start;
        for axis in (0..axes).rev() {
            offset += index % batch.out.shape[axis] * view.steps[axis];
            index /= batch.out.shape[axis];
        }
        offset
    };
    let work = |index: usize| {
        let mut packed = PACKED.take().filter(|panels| panels.isa() == isa);
        let panels = packed.get_or_insert_with(|| Panels::new(isa));
        let right = Strided {
            data: batch.right.0,
            start: offset(&batch.right.1, index),
            row: batch.right.1.steps[axes],
            column: batch.right.1.steps[axes + 1],
        };
        panels.pack(depth, columns, right);
        let start = offset(&batch.left.1, index);
        let mut moved = MOVED.take();
        let rows = if batch.left.1.steps[axes + 1] == 1 || depth == 1 {
            Rows::Matrix { data: batch.left.0, start, stride: batch.left.1.steps[axes], depth }
        } else {
            let steps = batch.left.1.steps[axes..].to_vec();
            moved.resize(m * depth);
            read_alone(batch.left.0, &View { start, shape: vec![m, depth], steps }, &mut moved);
            Rows::Matrix { data: &moved, start: 0, stride: depth, depth }
        };
        let place = Place { start: offset(&batch.out, index), stride: batch.out.steps[axes] };
        let span = (m - 1) * place.stride + columns;
        let inside = |row: usize, rows: &mut [f32]| {
            if let Some(finish) = finish {
                finish(index * m + row, rows);
            }
        };
        let rows_finish: Option<&RowsFinish> = if finish.is_some() { Some(&inside) } else { None };
        assert!(place.start + span <= shared.len());
        let finish = Finish { bias, clamp, rows: rows_finish };
        product_of(&rows, m, panels, &shared, place, finish);
        PACKED.set(packed);
        MOVED.set(moved);
    };
    let is_small = count * m * depth * columns < TASK;
    if is_small { (0..count).for_each(work) } else { workers.each(count, &work) }
}

/// All rows of a product on this thread; the caller has checked the place.
fn product_of(rows: &Rows, count: usize, panels: &Panels, out: &Shared<f32>, place: Place, finish: Finish) {
    let columns = panels.columns();
    let block = (ROWS_BLOCK / panels.depth().clamp(1, DEPTH_BLOCK)).clamp(12, 240).next_multiple_of(12);
    for from in (0..count).step_by(block) {
        let to = (from + block).min(count);
        multiply_block(rows, from, to, panels, 0..panels.panels().len(), out, place, finish);
        if let Some(finish) = finish.rows {
            // SAFETY: rows of one product are contiguous here and those of others lie elsewhere.
            finish(from, unsafe { out.part(place.start + from * columns, (to - from) * columns) });
        }
    }
}

thread_local! {
    static PACKED: RefCell<Option<Panels>> = const { RefCell::new(None) };
    static TABLE: RefCell<Vec<*const f32>> = const { RefCell::new(Vec::new()) };
    static COPIED: RefCell<Lines> = RefCell::new(Lines::default());
    static MOVED: RefCell<Lines> = RefCell::new(Lines::default());
}

#[allow(clippy::too_many_arguments)]
fn multiply_block(
    rows: &Rows,
    from: usize,
    to: usize,
    panels: &Panels,
    range: std::ops::Range<usize>,
    out: &Shared<f32>,
    place: Place,
    finish: Finish,
) {
    let isa = panels.isa();
    let shape = tile::shape(isa);
    let (mut taps, mut depth) = (rows.taps(), rows.depth());
    let mut table = TABLE.take();
    let mut copied = COPIED.take();
    if rows.is_scattered() {
        rows.copy(from, to, &mut copied);
        (taps, depth) = (1, taps * depth);
        table.clear();
        table.extend(copied.chunks_exact(depth).map(<[f32]>::as_ptr));
    } else {
        rows.pointers(from, to, &mut table);
    }
    let cuts = Cuts::new(taps, depth);
    let mut left = &panels.panels()[range];
    while let Some(panel) = left.first() {
        let next = panels.depth() * panel.width;
        let together = tile::together(isa);
        let is_single = to - from == 1
            && panel.vectors == shape.rows.len()
            && left.len() >= together
            && left[together - 1].columns == panel.width;
        left = &left[if is_single { together } else { 1 }..];
        let most = shape.rows[panel.vectors - 1];
        let tiles = (to - from).div_ceil(most);
        let data = panels.data()[panel.start..][..next * if is_single { together } else { 1 }].as_ptr();
        for index in 0..cuts.parts {
            let cut = cuts.get(index);
            let is_last = index + 1 == cuts.parts;
            for t in 0..tiles {
                let first = (to - from) * t / tiles;
                let height = (to - from) * (t + 1) / tiles - first;
                let args = TileArgs {
                    rows: table[first * taps + cut.tap..].as_ptr(),
                    rows_stride: taps,
                    taps: cut.taps,
                    offset: cut.offset,
                    depth: cut.depth,
                    // SAFETY: the cut lies inside the panel.
                    panel: unsafe { data.add((cut.tap * depth + cut.offset) * panel.width) },
                    panel_stride: panel.width,
                    panel_next: next,
                    // SAFETY: `product` checked that the last element of the last row is inside.
                    out: unsafe {
                        out.start().add(place.start + (from + first) * place.stride + panel.column)
                    },
                    out_stride: place.stride,
                    columns: panel.columns,
                    bias: finish.bias.map_or(std::ptr::null(), |b| b[panel.column..].as_ptr()),
                    accumulate: index > 0,
                    low: if is_last { finish.clamp.0 } else { f32::NEG_INFINITY },
                    high: if is_last { finish.clamp.1 } else { f32::INFINITY },
                };
                // SAFETY: the panels were laid out for `isa`, whose instructions are there; the row pointers come
                // from `pointers` with `depth` floats each, and output places of different tasks do not overlap.
                unsafe {
                    if is_single {
                        tile::single(isa)(&args)
                    } else {
                        tile::kernel(isa, height, panel.vectors)(&args)
                    }
                };
            }
        }
    }
    TABLE.set(table);
    COPIED.set(copied);
}

/// A range of the summed axis.
struct Cut {
    tap: usize,
    taps: usize,
    offset: usize,
    depth: usize,
}

/// The summed axis in ranges; at least one, also when there is nothing to sum.
struct Cuts {
    taps: usize,
    depth: usize,
    parts: usize,
}

impl Cuts {
    /// Ranges of at most [`CHAIN`] of one tap, of about as much in whole taps otherwise. They follow from the product's depth
    /// alone, so that sums have one order.
    fn new(taps: usize, depth: usize) -> Cuts {
        let parts =
            (taps * depth).div_ceil(CHAIN).clamp(1, if taps == 1 { depth.max(1) } else { taps.max(1) });
        Cuts { taps, depth, parts }
    }

    fn get(&self, index: usize) -> Cut {
        let range = |size: usize| (size * index / self.parts, size * (index + 1) / self.parts);
        if self.taps == 1 {
            let (from, to) = range(self.depth);
            return Cut { tap: 0, taps: 1, offset: from, depth: to - from };
        }
        let (from, to) = range(self.taps);
        Cut { tap: from, taps: to - from, offset: 0, depth: self.depth }
    }
}

#[cfg(test)]
mod tests {
    use super::super::patches::Window;
    use super::*;

    pub fn noise(n: usize, seed: u32) -> Vec<f32> {
        let mut state = seed.wrapping_mul(2_654_435_761).wrapping_add(12345);
        (0..n)
            .map(|_| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (state >> 8) as f32 / (1 << 23) as f32 - 1.0
            })
            .collect()
    }

    fn multiply(isa: Isa, threads: usize, m: usize, k: usize, n: usize) -> Vec<f32> {
        let (a, b) = (noise(m * k, 1), noise(k * n, 2));
        let mut panels = Panels::new(isa);
        panels.pack(k, n, Strided { data: &b, start: 0, row: n, column: 1 });
        let mut out = vec![0.0; m * n];
        let bias = noise(n, 3);
        product(
            &Workers::new(threads).unwrap(),
            &Rows::Matrix { data: &a, start: 0, stride: k, depth: k },
            m,
            &panels,
            &mut out,
            Place { start: 0, stride: n },
            Finish { bias: Some(&bias), clamp: (-2.0, 3.0), rows: None },
        );
        out
    }

    /// A chain of fused multiply-adds for each cut, added up from `start`.
    fn chains(taps: usize, depth: usize, start: f32, pair: impl Fn(usize) -> (f32, f32)) -> f32 {
        let cuts = Cuts::new(taps, depth);
        (0..cuts.parts).fold(start, |sum, index| {
            let cut = cuts.get(index);
            let from = cut.tap * depth + cut.offset;
            let chain = |start| {
                (from..from + cut.taps * cut.depth).map(&pair).fold(start, |sum, (a, b)| a.mul_add(b, sum))
            };
            if index == 0 { chain(sum) } else { sum + chain(0.0) }
        })
    }

    #[test]
    fn products_equal_chains_of_fused_multiply_adds() {
        for (m, k, n) in
            [(1, 1, 1), (5, 7, 3), (13, 33, 70), (25, 2100, 17), (3, 64, 129), (7, 0, 5), (1, 2100, 330)]
        {
            let (a, b, bias) = (noise(m * k, 1), noise(k * n, 2), noise(n, 3));
            let mut want = vec![0.0; m * n];
            for i in 0..m {
                for j in 0..n {
                    let sum = chains(1, k, bias[j], |p| (a[i * k + p], b[p * n + j]));
                    want[i * n + j] = sum.clamp(-2.0, 3.0);
                }
            }
            for isa in Isa::available() {
                assert_eq!(multiply(isa, 1, m, k, n), want, "{isa:?} {m} {k} {n}");
            }
        }
    }

    #[test]
    fn products_do_not_depend_on_threads() {
        for (m, k, n) in [(200, 300, 100), (3, 1500, 700)] {
            let want = multiply(Isa::best(), 1, m, k, n);
            for threads in [2, 4] {
                assert_eq!(multiply(Isa::best(), threads, m, k, n), want);
            }
        }
    }

    #[test]
    fn patches_equal_a_direct_convolution() {
        // Few channels are copied together, more are read where they lie, and many are summed in parts.
        direct_convolution(5);
        direct_convolution(11);
        direct_convolution(150);
    }

    fn direct_convolution(channels: usize) {
        let window = Window {
            batch: 2,
            input: [1, 7, 6],
            channels,
            depth: channels,
            kernel: [1, 3, 2],
            strides: [1, 2, 1],
            dilation: [1, 1, 2],
            padding: [0, 1, 1],
            output: [1, 4, 6],
        };
        let (x, w) = (noise(2 * 42 * channels, 4), noise(6 * channels * 9, 5));
        let zeros = Lines::zeros(channels);
        let mut panels = Panels::new(Isa::best());
        panels.pack(6 * channels, 9, Strided { data: &w, start: 0, row: 9, column: 1 });
        let mut out = vec![0.0; window.rows() * 9];
        product(
            &Workers::new(1).unwrap(),
            &Rows::Patches { data: &x, window: &window, channel: 0, zeros: &zeros },
            window.rows(),
            &panels,
            &mut out,
            Place { start: 0, stride: 9 },
            Finish::default(),
        );
        for (row, got) in out.chunks(9).enumerate() {
            let (n, [_, y, x0]) = (row / 24, [0, row / 6 % 4, row % 6]);
            for (j, got) in got.iter().enumerate() {
                let pair = |p: usize| {
                    let (tap, c) = (p / channels, p % channels);
                    let (ky, kx) = (tap / 2, tap % 2);
                    let (iy, ix) = ((y * 2 + ky) as isize - 1, (x0 + kx * 2) as isize - 1);
                    let inside = (0..7).contains(&iy) && (0..6).contains(&ix);
                    let left = if inside {
                        x[((n * 7 + iy as usize) * 6 + ix as usize) * channels + c]
                    } else {
                        0.0
                    };
                    (left, w[p * 9 + j])
                };
                let sum = chains(6, channels, 0.0, pair);
                assert_eq!(*got, sum);
            }
        }
    }
}
