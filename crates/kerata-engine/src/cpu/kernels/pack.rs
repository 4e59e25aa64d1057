//! `Panels`: the right side of a product, packed into panels as wide as a register tile.

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
pub struct Strided<'a> {
    /// The floats.
    pub data: &'a [f32],
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
        self.pack_scaled(depth, columns, matrix, None);
    }

    /// Packs a matrix with its columns scaled, reusing the buffer.
    pub fn pack_scaled(&mut self, depth: usize, columns: usize, matrix: Strided, scale: Option<&[f32]>) {
        self.lay_out(depth, columns);
        for i in 0..self.panels.len() {
            let panel = self.panels[i];
            let to = &mut self.data[panel.start..panel.start + depth * panel.width];
            pack_panel(to, panel, depth, matrix);
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

fn pack_panel(to: &mut [f32], panel: Panel, depth: usize, matrix: Strided) {
    let Strided { data, start, row, column } = matrix;
    let first = start + panel.column * column;
    if column == 1 {
        for (k, line) in to.chunks_exact_mut(panel.width).enumerate() {
            let from = first + k * row;
            line[..panel.columns].copy_from_slice(&data[from..from + panel.columns]);
            line[panel.columns..].fill(0.0);
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
                to[k * panel.width + j] = data[from + k * row];
            }
        }
        for k in k0..k1 {
            to[k * panel.width + panel.columns..(k + 1) * panel.width].fill(0.0);
        }
    }
}
