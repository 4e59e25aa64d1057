//! `Layout`: where each box and line of a diagram stands.

use super::columns;
use super::diagram::{Diagram, Node};
use super::order::{Rows, rows};
use super::place;
use super::text_width::width;

pub(super) const LINE: f64 = 12.0;
pub(super) const SMALL: f64 = 11.0;
/// Free space around text in a box.
pub(super) const INSET: f64 = 12.0;
/// Between the two texts of a line.
const BETWEEN: f64 = 18.0;
const BOX_HEIGHT: f64 = 46.0;
const MIN_WIDTH: f64 = 150.0;
pub(super) const MAX_WIDTH: f64 = 380.0;
/// Between rows.
const GAP: f64 = 30.0;
/// Around the layers of a nested model, and for its title.
const MARGIN: f64 = 18.0;
pub(super) const TITLE: f64 = 44.0;

/// A diagram with its places.
#[derive(Debug)]
pub(super) struct Layout {
    pub width: f64,
    pub height: f64,
    pub boxes: Vec<Placed>,
    pub lines: Vec<Line>,
}

/// A box: its left upper corner and sizes.
#[derive(Debug)]
pub(super) struct Placed {
    pub x: f64,
    pub y: f64,
    pub width: f64,
    pub height: f64,
    /// The layers inside, relative to the corner of the free space in the box.
    pub inner: Option<Layout>,
}

/// A line through points, entered and left vertically; between two of them it is a curve, or straight.
#[derive(Debug)]
pub(super) struct Line {
    pub points: Vec<(f64, f64)>,
    /// Whether it goes from column to column, in straight pieces.
    pub is_bent: bool,
}

impl Layout {
    /// Lays a diagram out.
    pub fn of(diagram: &Diagram) -> Self {
        let mut sizes: Vec<(f64, f64, Option<Self>)> = diagram.nodes.iter().map(size).collect();
        // Boxes of layers are equally wide: branches line up.
        let leaves = sizes.iter().filter(|size| size.2.is_none()).map(|size| size.0);
        let common = leaves.fold(0.0, f64::max);
        for size in sizes.iter_mut().filter(|size| size.2.is_none()) {
            size.0 = common;
        }
        let extents: Vec<(f64, f64)> = sizes.iter().map(|size| (size.0, size.1)).collect();
        let rows = rows(diagram.nodes.len(), &diagram.edges);
        let centers = place::centers(&rows, &extents);
        let bands = bands(&rows, &extents);
        let mut layout = Self { width: 0.0, height: 0.0, boxes: Vec::new(), lines: Vec::new() };
        for (node, (width, height, inner)) in sizes.into_iter().enumerate() {
            let (top, bottom) = bands.get(rows.row_of(node)).copied().unwrap_or_default();
            let center = centers.get(node).copied().unwrap_or_default();
            let y = top + (bottom - top - height) / 2.0;
            layout.boxes.push(Placed { x: center - width / 2.0, y, width, height, inner });
        }
        layout.lines = lines(&rows, &centers, &bands, &layout.boxes);
        columns::fold(&mut layout, &rows, &bands);
        layout.move_to_corner();
        layout
    }

    fn move_to_corner(&mut self) {
        let points = || self.lines.iter().flat_map(|line| line.points.iter().copied());
        let corners = || self.boxes.iter().map(|placed| (placed.x, placed.y)).chain(points());
        let ends = || self.boxes.iter().map(|p| (p.x + p.width, p.y + p.height)).chain(points());
        let left = corners().map(|point| point.0).fold(f64::INFINITY, f64::min);
        let top = corners().map(|point| point.1).fold(f64::INFINITY, f64::min);
        if !left.is_finite() || !top.is_finite() {
            return;
        }
        self.width = ends().map(|point| point.0).fold(0.0, f64::max) - left;
        self.height = ends().map(|point| point.1).fold(0.0, f64::max) - top;
        for placed in &mut self.boxes {
            placed.x -= left;
            placed.y -= top;
        }
        for point in self.lines.iter_mut().flat_map(|line| &mut line.points) {
            point.0 -= left;
            point.1 -= top;
        }
    }
}

/// The two texts of the upper line and those of the lower one.
pub(super) fn texts(node: &Node) -> [String; 4] {
    let class = match node.calls {
        0 | 1 => node.class.clone(),
        calls => format!("{} ×{calls}", node.class),
    };
    let parameters = match node.parameters {
        0 => String::new(),
        count => format!("{} params", crate::text::thousands(count)),
    };
    [class, node.shape.clone(), node.name.clone(), parameters]
}

fn size(node: &Node) -> (f64, f64, Option<Layout>) {
    let [class, shape, name, parameters] = texts(node);
    let upper = width(&class, LINE, true) + BETWEEN + width(&shape, SMALL, false);
    let lower = width(&name, SMALL, false) + BETWEEN + width(&parameters, SMALL, false);
    let own = (upper.max(lower) + 2.0 * INSET + 6.0).clamp(MIN_WIDTH, MAX_WIDTH);
    match &node.inner {
        Some(inner) => {
            let inner = Layout::of(inner);
            let width = (inner.width + 2.0 * MARGIN).max(own);
            (width, inner.height + TITLE + MARGIN, Some(inner))
        }
        None => (own, BOX_HEIGHT, None),
    }
}

/// Top and bottom of each row.
fn bands(rows: &Rows, extents: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let mut top = 0.0;
    let mut bands = Vec::new();
    for row in &rows.rows {
        let height =
            row.iter().filter_map(|vertex| extents.get(*vertex)).map(|size| size.1).fold(0.0, f64::max);
        bands.push((top, top + height));
        top += height + GAP;
    }
    bands
}

/// A line for each edge, through the places that its way keeps free in the rows between.
fn lines(rows: &Rows, centers: &[f64], bands: &[(f64, f64)], boxes: &[Placed]) -> Vec<Line> {
    let band = |vertex: usize| bands.get(rows.row_of(vertex)).copied().unwrap_or_default();
    let center = |vertex: usize| centers.get(vertex).copied().unwrap_or_default();
    let mut lines = Vec::new();
    for (number, way) in rows.ways.iter().enumerate() {
        let (Some(&from), Some(&to)) = (way.first(), way.last()) else { continue };
        let (Some(source), Some(target)) = (boxes.get(from), boxes.get(to)) else { continue };
        let before = |way: &Vec<usize>| way.iter().rev().nth(1).map_or(0.0, |vertex| center(*vertex));
        // Lines that end in one box stand beside each other, in the order in which they come.
        let mut others: Vec<(usize, f64)> = rows
            .ways
            .iter()
            .enumerate()
            .filter(|(_, way)| way.last() == Some(&to))
            .map(|(number, way)| (number, before(way)))
            .collect();
        others.sort_by(|a, b| a.1.total_cmp(&b.1));
        let place = others.iter().position(|other| other.0 == number).unwrap_or(0) as f64;
        let step = (target.width * 0.5 / others.len().max(1) as f64).min(16.0);
        let offset = (place - (others.len() as f64 - 1.0) / 2.0) * step;
        let mut points = vec![(source.x + source.width / 2.0, source.y + source.height)];
        for &vertex in way.get(1..way.len() - 1).unwrap_or_default() {
            let (top, bottom) = band(vertex);
            points.extend([(center(vertex), top), (center(vertex), bottom)]);
        }
        points.push((target.x + target.width / 2.0 + offset, target.y));
        lines.push(Line { points, is_bent: false });
    }
    lines
}
