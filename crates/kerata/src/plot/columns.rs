//! Breaks a long layout into columns, where a single line passes from one row to the next.

use super::layout::{Layout, Line};
use super::order::Rows;

/// A layout up to this height stays in one piece.
const MAX_HEIGHT: f64 = 1500.0;
/// Height of a picture by its width that is aimed at.
const SHAPE: f64 = 0.7;
/// Between columns: room for the line that goes up.
const BETWEEN: f64 = 64.0;
/// From a box to where the line turns.
const TURN: f64 = 22.0;

/// Breaks a layout into columns when it is long and can be broken.
pub(super) fn fold(layout: &mut Layout, rows: &Rows, bands: &[(f64, f64)]) {
    let Some(&(_, height)) = bands.last() else { return };
    if height <= MAX_HEIGHT {
        return;
    }
    let row = |node: usize| rows.row_of(node);
    let edges = |layout: &Layout, start: usize, end: usize| {
        let of_rows = layout.boxes.iter().enumerate().filter(|(node, _)| (start..end).contains(&row(*node)));
        let boxes: Vec<(f64, f64)> = of_rows.map(|(_, placed)| (placed.x, placed.x + placed.width)).collect();
        let left = boxes.iter().map(|span| span.0).fold(f64::INFINITY, f64::min);
        (left, boxes.iter().map(|span| span.1).fold(f64::NEG_INFINITY, f64::max))
    };
    let (left, right) = edges(layout, 0, bands.len());
    // As many columns as make the picture as wide as it is high, or so.
    let target = (height * (right - left + BETWEEN) * SHAPE).sqrt().max(MAX_HEIGHT / 2.0);
    let crossing = |at: usize| {
        let crosses = |way: &&Vec<usize>| {
            way.first().is_some_and(|from| row(*from) < at) && way.last().is_some_and(|to| row(*to) >= at)
        };
        rows.ways.iter().filter(crosses).count()
    };
    let length = |start: usize, end: usize| {
        let top = bands.get(start).map_or(0.0, |band| band.0);
        end.checked_sub(1).and_then(|last| bands.get(last)).map_or(0.0, |band| band.1 - top)
    };
    let cuts: Vec<usize> = (1..bands.len()).filter(|at| crossing(*at) == 1).collect();
    let mut starts = vec![0];
    while let Some(&start) = starts.last() {
        // The cut that makes the column as long as wished, or nearly.
        let off = |at: usize| (length(start, at) - target).abs();
        let later = cuts.iter().copied().filter(|at| *at > start);
        let Some(cut) = later.min_by(|a, b| off(*a).total_cmp(&off(*b))) else { break };
        let (column, rest) = (length(start, cut), length(cut, bands.len()));
        if length(start, bands.len()) <= target * 1.2 || column < target / 3.0 || rest <= 0.0 {
            break;
        }
        starts.push(cut);
    }
    if starts.len() < 2 {
        return;
    }
    let ends: Vec<usize> = starts.iter().skip(1).copied().chain([bands.len()]).collect();
    let mut shifts = Vec::new();
    let mut next = 0.0;
    for (start, end) in starts.iter().zip(&ends) {
        let (left, right) = spans(layout, rows, *start, *end);
        let top = bands.get(*start).map_or(0.0, |band| band.0);
        shifts.push((next - left, -top, next));
        next += right - left + BETWEEN;
    }
    let column_of = |row: usize| starts.iter().rposition(|start| *start <= row).unwrap_or(0);
    let bottom =
        |column: usize| ends.get(column).and_then(|end| bands.get(end - 1)).map_or(0.0, |band| band.1);
    let shift = |column: usize| shifts.get(column).copied().unwrap_or_default();
    for (node, placed) in layout.boxes.iter_mut().enumerate() {
        let (x, y, _) = shift(column_of(row(node)));
        placed.x += x;
        placed.y += y;
    }
    for (line, way) in layout.lines.iter_mut().zip(&rows.ways) {
        let ends = way.first().zip(way.last()).map(|(from, to)| (column_of(row(*from)), column_of(row(*to))));
        let Some((from, to)) = ends else { continue };
        let (x, y, _) = shift(from);
        if from == to {
            line.points.iter_mut().for_each(|point| *point = (point.0 + x, point.1 + y));
            continue;
        }
        let (Some(&start), Some(&end)) = (line.points.first(), line.points.last()) else { continue };
        let start = (start.0 + x, start.1 + y);
        let (x, y, left) = shift(to);
        let end = (end.0 + x, end.1 + y);
        let channel = left - BETWEEN / 2.0;
        let low = (bottom(from) + shift(from).1).max(start.1) + TURN;
        let high = end.1 - TURN;
        let points = vec![start, (start.0, low), (channel, low), (channel, high), (end.0, high), end];
        *line = Line { points, is_bent: true };
    }
}

/// Left and right of everything in some rows, lines included.
fn spans(layout: &Layout, rows: &Rows, start: usize, end: usize) -> (f64, f64) {
    let is_in = |node: usize| (start..end).contains(&rows.row_of(node));
    let boxes = layout.boxes.iter().enumerate().filter(|(node, _)| is_in(*node));
    let boxes = boxes.flat_map(|(_, placed)| [placed.x, placed.x + placed.width]);
    let inside =
        layout.lines.iter().zip(&rows.ways).filter(|(_, way)| way.iter().all(|vertex| is_in(*vertex)));
    let lines = inside.flat_map(|(line, _)| line.points.iter().map(|point| point.0));
    let all: Vec<f64> = boxes.chain(lines).collect();
    (all.iter().copied().fold(f64::INFINITY, f64::min), all.iter().copied().fold(f64::NEG_INFINITY, f64::max))
}
