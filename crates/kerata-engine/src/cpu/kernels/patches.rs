//! `Rows`: where the left side of a product is read from, a matrix or the patches of a convolution, without copying.

use super::memory::Lines;

/// The left side of a product.
#[derive(Clone, Copy)]
pub enum Rows<'a> {
    /// Row `i` is `depth` floats at `start + i * stride`.
    Matrix {
        /// The floats.
        data: &'a [f32],
        /// Index of the first row.
        start: usize,
        /// Step from one row to the next.
        stride: usize,
        /// Floats of a row.
        depth: usize,
    },
    /// Row `i` is the patch that output position `i` of a convolution sees.
    Patches {
        /// The input, `[batch, depth, height, width, channels]`.
        data: &'a [f32],
        /// Sizes and steps.
        window: &'a Window,
        /// First channel of the group.
        channel: usize,
        /// Zeros for positions outside, at least the channels of a group.
        zeros: &'a Lines,
    },
}

/// The geometry of a sliding window over three spatial axes (missing ones have size one).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Window {
    /// Samples.
    pub batch: usize,
    /// Input size of each spatial axis.
    pub input: [usize; 3],
    /// Input channels, of all groups.
    pub channels: usize,
    /// Channels a window reads (all, or those of one group).
    pub depth: usize,
    /// Window size.
    pub kernel: [usize; 3],
    /// Step between windows.
    pub strides: [usize; 3],
    /// Step inside a window.
    pub dilation: [usize; 3],
    /// Positions before the start of each axis.
    pub padding: [usize; 3],
    /// Output size of each spatial axis.
    pub output: [usize; 3],
}

impl Window {
    /// Positions of a window.
    pub fn taps(&self) -> usize {
        self.kernel.iter().product()
    }

    /// Output positions of all samples.
    pub fn rows(&self) -> usize {
        self.batch * self.output.iter().product::<usize>()
    }

    /// Whether each window is one position read in order: a product with a matrix.
    pub fn is_pointwise(&self) -> bool {
        self.taps() == 1 && self.strides == [1; 3] && self.padding == [0; 3] && self.input == self.output
    }

    /// The input position `axis` of output position `at` and kernel position `tap`, unless it is in the padding.
    #[inline(always)]
    pub fn position(&self, axis: usize, at: usize, tap: usize) -> Option<usize> {
        let position = at * self.strides[axis] + tap * self.dilation[axis];
        let position = position.wrapping_sub(self.padding[axis]);
        (position < self.input[axis]).then_some(position)
    }

    /// Output position `row` as sample, and position on each axis.
    pub fn coordinates(&self, row: usize) -> (usize, [usize; 3]) {
        let [d, h, w] = self.output;
        (row / (d * h * w), [row / (h * w) % d, row / w % h, row % w])
    }
}

/// Floats at one pointer below which patches are copied.
const SHORT: usize = 8;

/// Copies the patches of output positions `at` and so many that follow in its line, each `row_len` floats.
fn copy_line(data: &[f32], window: &Window, channel: usize, (n, at): (usize, [usize; 3]), out: &mut [f32]) {
    let [depth, height, width] = window.input;
    let line_len = window.kernel[2] * window.depth;
    let row_len = window.taps() * window.depth;
    let count = out.len() / row_len;
    let is_dense = window.dilation[2] == 1 && window.depth == window.channels;
    for i in 0..window.kernel[0] {
        let z = window.position(0, at[0], i);
        for j in 0..window.kernel[1] {
            let out = &mut out[(i * window.kernel[1] + j) * line_len..];
            let (Some(z), Some(y)) = (z, window.position(1, at[1], j)) else {
                (0..count).for_each(|row| out[row * row_len..][..line_len].fill(0.0));
                continue;
            };
            let line = ((n * depth + z) * height + y) * width;
            let last = width.checked_sub(window.kernel[2]).filter(|_| is_dense);
            let mut row = 0;
            while row < count {
                let first = ((at[2] + row) * window.strides[2]).wrapping_sub(window.padding[2]);
                if let Some(last) = last.filter(|&last| first <= last) {
                    // As many windows as lie inside from here on.
                    let inside = ((last - first) / window.strides[2] + 1).min(count - row);
                    let from = &data[(line + first) * window.channels..];
                    let steps = (window.strides[2] * window.channels, row_len);
                    copy_runs(from, &mut out[row * row_len..], line_len, steps, inside);
                    row += inside;
                    continue;
                }
                let out = &mut out[row * row_len..][..line_len];
                for (l, out) in out.chunks_exact_mut(window.depth).enumerate() {
                    match window.position(2, at[2] + row, l) {
                        Some(x) => {
                            let start = (line + x) * window.channels + channel;
                            out.copy_from_slice(&data[start..start + window.depth]);
                        }
                        None => out.fill(0.0),
                    }
                }
                row += 1;
            }
        }
    }
}

/// Copies runs of `len` floats, steps apart on both sides; the usual lengths without a call for each.
fn copy_runs(from: &[f32], to: &mut [f32], len: usize, steps: (usize, usize), count: usize) {
    #[inline(always)]
    fn runs(from: &[f32], to: &mut [f32], len: usize, steps: (usize, usize), count: usize) {
        for run in 0..count {
            to[run * steps.1..][..len].copy_from_slice(&from[run * steps.0..][..len]);
        }
    }
    macro_rules! of {
        ($($len:literal)*) => {
            match len {
                $($len => runs(from, to, $len, steps, count),)*
                _ => runs(from, to, len, steps, count),
            }
        };
    }
    of!(1 2 3 4 5 6 7 9 15 21)
}

impl Rows<'_> {
    /// Pointers of each row.
    pub fn taps(&self) -> usize {
        match self {
            Rows::Matrix { .. } => 1,
            Rows::Patches { window, .. } => window.taps(),
        }
    }

    /// Floats at each pointer.
    pub fn depth(&self) -> usize {
        match self {
            Rows::Matrix { depth, .. } => *depth,
            Rows::Patches { window, .. } => window.depth,
        }
    }

    /// Different floats that so many rows read.
    pub fn floats(&self, count: usize) -> usize {
        match self {
            Rows::Matrix { depth, .. } => count * depth,
            Rows::Patches { window, .. } => {
                window.batch * window.input.iter().product::<usize>() * window.depth
            }
        }
    }

    /// Whether rows are better copied together: pointers to a few floats each cost more than the floats.
    pub fn is_scattered(&self) -> bool {
        self.taps() > 1 && self.depth() < SHORT
    }

    /// Copies rows `from..to`, each `taps * depth` floats in one piece.
    pub fn copy(&self, from: usize, to: usize, out: &mut Lines) {
        let row_len = self.taps() * self.depth();
        out.resize((to - from) * row_len);
        match *self {
            Rows::Matrix { data, start, stride, depth } => {
                for (row, out) in (from..to).zip(out.chunks_exact_mut(depth)) {
                    out.copy_from_slice(&data[start + row * stride..][..depth]);
                }
            }
            Rows::Patches { data, window, channel, .. } => {
                let mut row = from;
                while row < to {
                    let (n, at) = window.coordinates(row);
                    let count = (window.output[2] - at[2]).min(to - row);
                    let out = &mut out[(row - from) * row_len..][..count * row_len];
                    copy_line(data, window, channel, (n, at), out);
                    row += count;
                }
            }
        }
    }

    /// Writes the pointers of rows `from..to`, `[row][tap]`; each has [`depth`](Self::depth) floats.
    pub fn pointers(&self, from: usize, to: usize, table: &mut Vec<*const f32>) {
        table.clear();
        match *self {
            Rows::Matrix { data, start, stride, depth } => {
                for row in from..to {
                    let at = start + row * stride;
                    table.push(data[at..at + depth].as_ptr());
                }
            }
            Rows::Patches { data, window, channel, zeros } => {
                let outside = zeros[..window.depth].as_ptr();
                let [_, height, width] = window.input;
                let sample = window.input.iter().product::<usize>() * window.channels;
                let (mut n, mut at) = window.coordinates(from);
                for _ in from..to {
                    let data = &data[n * sample..(n + 1) * sample];
                    for i in 0..window.kernel[0] {
                        let z = window.position(0, at[0], i);
                        for j in 0..window.kernel[1] {
                            let y = window.position(1, at[1], j);
                            let (Some(z), Some(y)) = (z, y) else {
                                table.extend(std::iter::repeat_n(outside, window.kernel[2]));
                                continue;
                            };
                            let line = (z * height + y) * width;
                            for l in 0..window.kernel[2] {
                                table.push(match window.position(2, at[2], l) {
                                    Some(x) => {
                                        let start = (line + x) * window.channels + channel;
                                        data[start..start + window.depth].as_ptr()
                                    }
                                    None => outside,
                                });
                            }
                        }
                    }
                    at[2] += 1;
                    for axis in [2, 1] {
                        if at[axis] == window.output[axis] {
                            at[axis] = 0;
                            at[axis - 1] += 1;
                        }
                    }
                    if at[0] == window.output[0] {
                        at[0] = 0;
                        n += 1;
                    }
                }
            }
        }
    }
}
