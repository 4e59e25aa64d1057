//! `Panels`: the right side of a product, packed into panels as wide as a register tile.

use std::ops::Range;

use kerata_core::{Array, Result};

use super::isa::Isa;
use super::memory::Lines;
use super::tile;

/// A matrix of `depth` rows and `columns` columns, stored panel after panel, each panel `depth` steps of its width.
#[derive(Clone)]
pub struct Panels {
    isa: Isa,
    depth: usize,
    columns: usize,
    panels: Vec<Panel>,
    data: Lines,
}

/// One panel.
#[derive(Clone, Copy, Debug)]
pub struct Panel {
    /// First column.
    pub column: usize,
    /// Columns that exist; the rest of the width is zeros.
    pub columns: usize,
    /// Width in vectors.
    pub vectors: usize,
    /// Width in floats.
    pub width: usize,
    /// Where it starts in the data.
    pub start: usize,
}

/// A strided matrix to read: element `(k, j)` is at `start + k * row + j * column`.
#[derive(Clone, Copy)]
pub struct Strided<'a, T = f32> {
    /// The floats.
    pub data: &'a [T],
    /// Index of the first element.
    pub start: usize,
    /// Step from one row to the next.
    pub row: usize,
    /// Step from one column to the next.
    pub column: usize,
}

impl Panels {
    /// Nothing yet; [`pack`](Self::pack) fills it.
    pub fn new(isa: Isa) -> Panels {
        Panels { isa, depth: 0, columns: 0, panels: Vec::new(), data: Lines::default() }
    }

    /// Packs a matrix, reusing the buffer.
    pub fn pack(&mut self, depth: usize, columns: usize, matrix: Strided) {
        self.pack_as(depth, columns, matrix, |float| float, None);
    }

    /// Packs columns of an array of floats, whose last axis is a row, and scales each: from where it lies, so that what a file
    /// holds unaligned is not copied first.
    pub fn pack_array(&mut self, array: &Array, columns: Range<usize>, scale: Option<&[f32]>) -> Result<()> {
        let row = array.shape().last().copied().unwrap_or(1);
        let depth = array.len().checked_div(row).unwrap_or(0);
        let (start, count) = (columns.start, columns.len());
        match array.unaligned_f32() {
            Some(data) => {
                let matrix = Strided { data, start, row, column: 1 };
                self.pack_as(depth, count, matrix, f32::from_le_bytes, scale);
            }
            None => {
                let matrix = Strided { data: array.as_f32()?, start, row, column: 1 };
                self.pack_as(depth, count, matrix, |float| float, scale);
            }
        }
        Ok(())
    }

    fn pack_as<T: Copy>(
        &mut self,
        depth: usize,
        columns: usize,
        matrix: Strided<T>,
        float: impl Fn(T) -> f32 + Copy,
        scale: Option<&[f32]>,
    ) {
        self.lay_out(depth, columns);
        for i in 0..self.panels.len() {
            let panel = self.panels[i];
            let to = &mut self.data[panel.start..panel.start + depth * panel.width];
            pack_panel(to, panel, depth, matrix, float);
            if let Some(scale) = scale {
                // The panel is still in cache.
                let scale = &scale[panel.column..panel.column + panel.columns];
                for line in to.chunks_exact_mut(panel.width) {
                    line.iter_mut().zip(scale).for_each(|(weight, scale)| *weight *= scale);
                }
            }
        }
    }

    /// Rows of the matrix.
    pub fn depth(&self) -> usize {
        self.depth
    }

    /// Columns of the matrix.
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// The panels, by rising column.
    pub fn panels(&self) -> &[Panel] {
        &self.panels
    }

    /// The packed floats.
    pub fn data(&self) -> &[f32] {
        &self.data
    }

    /// The instruction set it is packed for.
    pub fn isa(&self) -> Isa {
        self.isa
    }

    fn lay_out(&mut self, depth: usize, columns: usize) {
        let shape = tile::shape(self.isa);
        let widest = shape.rows.len();
        self.depth = depth;
        self.columns = columns;
        self.panels.clear();
        let (mut column, mut start) = (0, 0);
        while column < columns {
            let left = columns - column;
            let vectors = left.div_ceil(shape.lanes).min(widest);
            let width = vectors * shape.lanes;
            self.panels.push(Panel { column, columns: left.min(width), vectors, width, start });
            column += width;
            start += depth * width;
        }
        self.data.resize(start);
    }
}

fn pack_panel<T: Copy>(
    to: &mut [f32],
    panel: Panel,
    depth: usize,
    matrix: Strided<T>,
    float: impl Fn(T) -> f32,
) {
    let Strided { data, start, row, column } = matrix;
    let first = start + panel.column * column;
    if column == 1 {
        for (k, line) in to.chunks_exact_mut(panel.width).enumerate() {
            let from = first + k * row;
            let (own, rest) = line.split_at_mut(panel.columns);
            own.iter_mut().zip(&data[from..from + panel.columns]).for_each(|(to, &from)| *to = float(from));
            rest.fill(0.0);
        }
        return;
    }
    // The source runs along k: blocks of k keep the written lines in cache.
    const BLOCK: usize = 16;
    for k0 in (0..depth).step_by(BLOCK) {
        let k1 = (k0 + BLOCK).min(depth);
        for j in 0..panel.columns {
            let from = first + j * column;
            for k in k0..k1 {
                to[k * panel.width + j] = float(data[from + k * row]);
            }
        }
        for k in k0..k1 {
            to[k * panel.width + panel.columns..(k + 1) * panel.width].fill(0.0);
        }
    }
}

#[cfg(test)]
mod tests {
    use kerata_core::{DType, Data, MemorySource};

    use super::*;

    /// The same columns of a matrix that lies four times in a file, a byte further from a multiple of four bytes each time.
    #[test]
    fn floats_that_lie_unaligned_in_a_file_are_packed_without_a_copy() {
        let values: Vec<f32> = (0..7 * 40).map(|at| at as f32 * 0.5 - 30.0).collect();
        let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        let scale: Vec<f32> = (0..33).map(|at| 1.0 + at as f32).collect();
        let mut unaligned = 0;
        let source = MemorySource::shared([&bytes[..], &[0]].concat().repeat(4));
        for copy in 0..4 {
            let start = copy * (bytes.len() as u64 + 1);
            let data = Data::range(source.clone(), start, bytes.len() as u64).unwrap();
            let array = Array::from_data([7, 40], DType::Float32, &data).unwrap();
            let mut panels = Panels::new(Isa::best());
            panels.pack_array(&array, 5..38, Some(&scale)).unwrap();
            assert_eq!((panels.depth(), panels.columns()), (7, 33));
            for panel in panels.panels() {
                let lines = panels.data()[panel.start..].chunks(panel.width).take(7);
                for (k, line) in lines.enumerate() {
                    let expected = |j: usize| values[k * 40 + 5 + panel.column + j] * scale[panel.column + j];
                    assert!((0..panel.columns).all(|j| line[j] == expected(j)));
                    assert!(line[panel.columns..].iter().all(|&float| float == 0.0));
                }
            }
            // A copy would have been kept.
            unaligned += usize::from(array.unaligned_f32().is_some());
        }
        assert_eq!(unaligned, 3);
    }
}
