//! Copies between layouts: strided reads (transposes, slices), and blocks put into place (concatenation, padding).

use super::memory::each_chunk;
use crate::cpu::workers::Workers;

/// Elements of a side of a transposed block.
const BLOCK: usize = 16;
/// Elements below which one thread does all.
const ALONE: usize = 16 * 1024;

/// A strided reading of a slice: element `(i, j, ...)` is at `start + i * steps[0] + j * steps[1] + ...`.
#[derive(Clone, Debug)]
pub struct View {
    /// Index of the first element.
    pub start: usize,
    /// Sizes of the axes.
    pub shape: Vec<usize>,
    /// Step of each axis.
    pub steps: Vec<usize>,
}

impl View {
    /// A whole array of a shape.
    pub fn of(shape: &[usize]) -> View {
        let mut steps = vec![1; shape.len()];
        for axis in (1..shape.len()).rev() {
            steps[axis - 1] = steps[axis] * shape[axis];
        }
        View { start: 0, shape: shape.to_vec(), steps }
    }

    /// Its axes in another order.
    pub fn transposed(&self, order: &[usize]) -> View {
        View {
            start: self.start,
            shape: order.iter().map(|&axis| self.shape[axis]).collect(),
            steps: order.iter().map(|&axis| self.steps[axis]).collect(),
        }
    }

    /// Number of elements.
    pub fn len(&self) -> usize {
        self.shape.iter().product()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether no two positions are the same element: true of every order of the axes of an array.
    pub fn is_disjoint(&self) -> bool {
        let mut axes: Vec<(usize, usize)> = self
            .steps
            .iter()
            .copied()
            .zip(self.shape.iter().copied())
            .filter(|(_, size)| *size != 1)
            .collect();
        axes.sort_unstable();
        axes.windows(2).all(|pair| pair[1].0 >= pair[0].0 * pair[0].1)
            && axes.first().is_none_or(|axis| axis.0 > 0)
    }

    /// The same view with axes that lie behind each other taken together.
    pub fn merged(&self) -> View {
        let mut merged = View { start: self.start, shape: Vec::new(), steps: Vec::new() };
        for (&size, &step) in self.shape.iter().zip(&self.steps) {
            if size == 1 {
                continue;
            }
            match (merged.shape.last_mut(), merged.steps.last_mut()) {
                (Some(last), Some(last_step)) if *last_step == step * size => {
                    *last *= size;
                    *last_step = step;
                }
                _ => {
                    merged.shape.push(size);
                    merged.steps.push(step);
                }
            }
        }
        if merged.shape.is_empty() {
            merged.shape.push(1);
            merged.steps.push(1);
        }
        merged
    }
}

/// Copies a view to a contiguous output.
pub fn read<T: Copy + Send + Sync>(workers: &Workers, data: &[T], view: &View, out: &mut [T]) {
    let view = view.merged();
    if out.is_empty() {
        return;
    }
    if view.len() < ALONE || workers.threads() == 1 || view.shape[0] == 1 {
        return read_alone(data, &view, out);
    }
    let inner: usize = view.shape[1..].iter().product();
    let group = view.shape[0].div_ceil(workers.threads() * 4);
    each_chunk(workers, out, group * inner, &|task, out| {
        let mut part = view.clone();
        part.start += task * group * view.steps[0];
        part.shape[0] = out.len() / inner;
        read_alone(data, &part, out);
    });
}

/// The same on this thread, of a view that is not empty and as it is.
pub(super) fn read_alone<T: Copy>(data: &[T], view: &View, out: &mut [T]) {
    let last = view.shape.len() - 1;
    // The axis along which the source is contiguous, if it is not the last one.
    let along = view.steps.iter().position(|&step| step == 1).filter(|&axis| axis != last);
    match (view.steps[last], along) {
        (1, _) | (_, None) => {
            let (size, step) = (view.shape[last], view.steps[last]);
            let mut odometer = Odometer::new(&view.shape[..last], &view.steps[..last], view.start);
            for row in out.chunks_exact_mut(size) {
                let from = odometer.next();
                if step == 1 {
                    row.copy_from_slice(&data[from..from + size]);
                } else {
                    for (to, from) in row.iter_mut().zip((from..).step_by(step)) {
                        *to = data[from];
                    }
                }
            }
        }
        (step, Some(along)) => {
            // Blocks of the two axes, the others one by one.
            let out_steps = View::of(&view.shape).steps;
            let others: Vec<usize> = (0..last).filter(|&axis| axis != along).collect();
            let pick = |list: &[usize]| others.iter().map(|&axis| list[axis]).collect::<Vec<_>>();
            let (shape, steps, to_steps) = (pick(&view.shape), pick(&view.steps), pick(&out_steps));
            let mut from = Odometer::new(&shape, &steps, view.start);
            let mut to = Odometer::new(&shape, &to_steps, 0);
            for _ in 0..shape.iter().product::<usize>() {
                let (from, to) = (from.next(), to.next());
                let (rows, columns) = (view.shape[along], view.shape[last]);
                for i0 in (0..rows).step_by(BLOCK) {
                    let i1 = (i0 + BLOCK).min(rows);
                    for j0 in (0..columns).step_by(BLOCK) {
                        let j1 = (j0 + BLOCK).min(columns);
                        for i in i0..i1 {
                            let line = &mut out[to + i * out_steps[along]..][j0..j1];
                            let column = &data[from + i + j0 * step..];
                            for (j, to) in line.iter_mut().enumerate() {
                                *to = column[j * step];
                            }
                        }
                    }
                }
            }
        }
    }
}

/// Copies contiguous elements to the places of a view; no others are written.
pub fn write<T: Copy>(data: &[T], view: &View, out: &mut [T]) {
    let view = view.merged();
    let last = view.shape.len() - 1;
    let (size, step) = (view.shape[last], view.steps[last]);
    if data.is_empty() {
        return;
    }
    let mut odometer = Odometer::new(&view.shape[..last], &view.steps[..last], view.start);
    for row in data.chunks_exact(size) {
        let to = odometer.next();
        if step == 1 {
            out[to..to + size].copy_from_slice(row);
        } else {
            row.iter().zip((to..).step_by(step)).for_each(|(from, to)| out[to] = *from);
        }
    }
}

/// Copies a contiguous block of a shape to where it lies in a larger array of shape `outer`, from position `at`; all else
/// there is `value`.
pub fn pad<T: Copy + Send + Sync>(
    workers: &Workers,
    block: &[T],
    (shape, outer, at): (&[usize], &[usize], &[usize]),
    value: T,
    out: &mut [T],
) {
    // Axes behind the last one that grows lie as they are.
    let last = (0..shape.len()).rev().find(|&axis| shape[axis] != outer[axis]);
    let Some(last) = last.filter(|_| !out.is_empty()) else { return out.copy_from_slice(block) };
    let inner: usize = shape[last + 1..].iter().product();
    let (size, width, before) = (shape[last] * inner, outer[last] * inner, at[last] * inner);
    let rows = out.len() / width;
    let group = if out.len() < ALONE { rows } else { rows.div_ceil(4 * workers.threads()) };
    each_chunk(workers, out, group * width, &|task, out| {
        for (row, out) in out.chunks_exact_mut(width).enumerate() {
            let (mut row, mut from, mut step, mut is_inside) = (task * group + row, 0, size, true);
            for axis in (0..last).rev() {
                let place = (row % outer[axis]).wrapping_sub(at[axis]);
                row /= outer[axis];
                if place < shape[axis] {
                    from += place * step;
                    step *= shape[axis];
                } else {
                    is_inside = false;
                }
            }
            if !is_inside {
                out.fill(value);
                continue;
            }
            out[..before].fill(value);
            out[before..before + size].copy_from_slice(&block[from..from + size]);
            out[before + size..].fill(value);
        }
    });
}

/// Offsets of the positions of some axes, in order.
struct Odometer<'a> {
    shape: &'a [usize],
    steps: &'a [usize],
    at: Vec<usize>,
    offset: usize,
}

impl<'a> Odometer<'a> {
    fn new(shape: &'a [usize], steps: &'a [usize], start: usize) -> Odometer<'a> {
        Odometer { shape, steps, at: vec![0; shape.len()], offset: start }
    }

    /// The present offset; moves on to the next position.
    fn next(&mut self) -> usize {
        let offset = self.offset;
        for axis in (0..self.shape.len()).rev() {
            self.at[axis] += 1;
            self.offset += self.steps[axis];
            if self.at[axis] < self.shape[axis] {
                break;
            }
            self.offset -= self.at[axis] * self.steps[axis];
            self.at[axis] = 0;
        }
        offset
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn views_read_every_order_of_axes() {
        let shape = [3, 20, 5, 18];
        let data: Vec<u32> = (0..shape.iter().product::<usize>() as u32).collect();
        for order in [[0, 1, 2, 3], [3, 2, 1, 0], [0, 2, 1, 3], [0, 3, 1, 2], [1, 0, 3, 2]] {
            let view = View::of(&shape).transposed(&order);
            let mut out = vec![0; data.len()];
            read(&Workers::new(1).unwrap(), &data, &view, &mut out);
            let mut at = 0;
            for a in 0..view.shape[0] {
                for b in 0..view.shape[1] {
                    for c in 0..view.shape[2] {
                        for d in 0..view.shape[3] {
                            let s = &view.steps;
                            assert_eq!(out[at] as usize, a * s[0] + b * s[1] + c * s[2] + d * s[3]);
                            at += 1;
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn padding_surrounds_a_block() {
        let pad = |shape: &[usize], outer: &[usize], at: &[usize], threads| {
            let block: Vec<usize> = (1..=shape.iter().product()).collect();
            let mut out = vec![7; outer.iter().product()];
            pad(&Workers::new(threads).unwrap(), &block, (shape, outer, at), 0, &mut out);
            out
        };
        assert_eq!(pad(&[2, 2], &[3, 4], &[1, 1], 1), [0, 0, 0, 0, 0, 1, 2, 0, 0, 3, 4, 0]);
        assert_eq!(pad(&[2, 2], &[4, 2], &[1, 0], 1), [0, 0, 1, 2, 3, 4, 0, 0]);
        assert_eq!(pad(&[2], &[2], &[0], 1), [1, 2]);
        assert_eq!(pad(&[0, 2], &[1, 2], &[1, 0], 1), [0, 0]);
        assert_eq!(pad(&[], &[], &[], 1), [1]);
        // As written into zeros, and the same for all numbers of threads.
        let (shape, outer, at) = ([2, 30, 40, 3], [2, 33, 45, 3], [0, 1, 4, 0]);
        let block: Vec<usize> = (1..=shape.iter().product()).collect();
        let mut want = vec![0; outer.iter().product()];
        // The second row, the fifth column.
        let view = View { start: 45 * 3 + 4 * 3, shape: shape.to_vec(), steps: View::of(&outer).steps };
        write(&block, &view, &mut want);
        for threads in [1, 2, 4] {
            assert_eq!(pad(&shape, &outer, &at, threads), want);
        }
    }

    #[test]
    fn what_is_written_through_a_view_is_read_back() {
        // Every second row of a 4 x 3 array from its second column on.
        let view = View { start: 1, shape: vec![2, 2], steps: vec![6, 1] };
        let mut out = vec![0; 12];
        write(&[1, 2, 3, 4], &view, &mut out);
        assert_eq!(out, [0, 1, 2, 0, 0, 0, 0, 3, 4, 0, 0, 0]);
        let mut back = vec![0; 4];
        read(&Workers::new(1).unwrap(), &out, &view, &mut back);
        assert_eq!(back, [1, 2, 3, 4]);
    }

    #[test]
    fn blocks_are_written_where_they_belong() {
        let mut out = vec![0; 12];
        write(&[1, 2, 3, 4], &View { start: 5, shape: vec![2, 2], steps: vec![4, 1] }, &mut out);
        assert_eq!(out, [0, 0, 0, 0, 0, 1, 2, 0, 0, 3, 4, 0]);
    }
}
