//! `rows`: which row each layer stands in, and the order of a row, with few crossings of lines.

use std::collections::HashMap;

/// Sweeps over the rows; more do not help.
const SWEEPS: usize = 24;

/// Rows of vertices: the nodes first, then a place in each row that a long edge passes.
#[derive(Debug, Default)]
pub(super) struct Rows {
    /// Vertices of each row from left to right.
    pub rows: Vec<Vec<usize>>,
    /// The vertices that each edge goes through, its ends included.
    pub ways: Vec<Vec<usize>>,
    row_of: Vec<usize>,
}

impl Rows {
    /// The row of a vertex.
    pub fn row_of(&self, vertex: usize) -> usize {
        self.row_of.get(vertex).copied().unwrap_or(0)
    }

    /// Number of vertices.
    pub fn len(&self) -> usize {
        self.row_of.len()
    }

    /// The neighbours of each vertex in the row above and in the row below.
    pub fn neighbours(&self) -> (Vec<Vec<usize>>, Vec<Vec<usize>>) {
        let (mut above, mut below) = (vec![Vec::new(); self.len()], vec![Vec::new(); self.len()]);
        for pair in self.ways.iter().flat_map(|way| way.windows(2)) {
            let [upper, lower] = *pair else { continue };
            if let (Some(above), Some(below)) = (above.get_mut(lower), below.get_mut(upper)) {
                above.push(upper);
                below.push(lower);
            }
        }
        (above, below)
    }
}

/// Puts nodes into rows and orders the rows. Edges that lead back (a layer that is called on its own results) are left
/// out.
pub(super) fn rows(count: usize, edges: &[(usize, usize)]) -> Rows {
    let edges = forward(count, edges);
    let mut row_of = longest_paths(count, &edges);
    // What has no source stands right above what it goes into.
    for node in 0..count {
        let below =
            edges.iter().filter(|edge| edge.0 == node).filter_map(|edge| row_of.get(edge.1)).min().copied();
        let has_source = edges.iter().any(|edge| edge.1 == node);
        if let (false, Some(below), Some(row)) = (has_source, below, row_of.get_mut(node)) {
            *row = below.saturating_sub(1);
        }
    }
    let mut result = Rows { row_of, ..Rows::default() };
    for &(from, to) in &edges {
        let mut way = vec![from];
        for row in result.row_of(from) + 1..result.row_of(to) {
            way.push(result.row_of.len());
            result.row_of.push(row);
        }
        way.push(to);
        result.ways.push(way);
    }
    let height = result.row_of.iter().max().map_or(0, |row| row + 1);
    result.rows = vec![Vec::new(); height];
    for vertex in 0..result.len() {
        let row = result.row_of(vertex);
        if let Some(row) = result.rows.get_mut(row) {
            row.push(vertex);
        }
    }
    untangle(&mut result);
    result
}

/// The edges without those that close a circle.
fn forward(count: usize, edges: &[(usize, usize)]) -> Vec<(usize, usize)> {
    let mut kept: Vec<(usize, usize)> = Vec::new();
    let mut targets: Vec<Vec<usize>> = vec![Vec::new(); count];
    for &(from, to) in edges {
        // Keras lists layers in the order of their first calls, so most edges lead forward.
        let leads_back = from >= to && reaches(&targets, to, from);
        if leads_back || from == to {
            continue;
        }
        if let Some(targets) = targets.get_mut(from) {
            targets.push(to);
        }
        kept.push((from, to));
    }
    // An edge that seemed to lead forward may close a circle with one that came before it.
    while let Some(at) = (0..kept.len()).find(|at| kept.get(*at).is_some_and(|e| reaches(&targets, e.1, e.0)))
    {
        let (from, to) = kept.remove(at);
        if let Some(targets) = targets.get_mut(from) {
            targets.retain(|target| *target != to);
        }
    }
    kept
}

fn reaches(targets: &[Vec<usize>], from: usize, goal: usize) -> bool {
    let mut seen = vec![false; targets.len()];
    let mut open = vec![from];
    while let Some(node) = open.pop() {
        if node == goal {
            return true;
        }
        if seen.get(node).copied().unwrap_or(true) {
            continue;
        }
        if let Some(seen) = seen.get_mut(node) {
            *seen = true;
        }
        open.extend(targets.get(node).into_iter().flatten());
    }
    false
}

fn longest_paths(count: usize, edges: &[(usize, usize)]) -> Vec<usize> {
    let mut row_of = vec![0usize; count];
    // Each round moves at least one node down for good: there is no circle.
    for _ in 0..count {
        let mut is_settled = true;
        for &(from, to) in edges {
            let least = row_of.get(from).map_or(0, |row| row + 1);
            if let Some(row) = row_of.get_mut(to).filter(|row| **row < least) {
                *row = least;
                is_settled = false;
            }
        }
        if is_settled {
            break;
        }
    }
    row_of
}

/// Orders rows by the mean place of neighbours, downwards and upwards, and keeps the order with the fewest crossings.
fn untangle(rows: &mut Rows) {
    let (above, below) = rows.neighbours();
    let mut best = (crossings(&rows.rows, &below), rows.rows.clone());
    for sweep in 0..SWEEPS {
        if best.0 == 0 {
            break;
        }
        let downwards = sweep % 2 == 0;
        let neighbours = if downwards { &above } else { &below };
        let order: Vec<usize> = if downwards {
            (1..rows.rows.len()).collect()
        } else {
            (0..rows.rows.len().saturating_sub(1)).rev().collect()
        };
        for at in order {
            let fixed = if downwards { at.checked_sub(1) } else { Some(at + 1) };
            let place: HashMap<usize, f64> = fixed
                .and_then(|fixed| rows.rows.get(fixed))
                .into_iter()
                .flatten()
                .enumerate()
                .map(|(place, vertex)| (*vertex, place as f64))
                .collect();
            let Some(row) = rows.rows.get_mut(at) else { continue };
            let mut keyed: Vec<(f64, usize)> = row
                .iter()
                .enumerate()
                .map(|(own, vertex)| {
                    let known: Vec<f64> = neighbours
                        .get(*vertex)
                        .into_iter()
                        .flatten()
                        .filter_map(|n| place.get(n))
                        .copied()
                        .collect();
                    let mean = known.iter().sum::<f64>() / known.len().max(1) as f64;
                    (if known.is_empty() { own as f64 } else { mean }, *vertex)
                })
                .collect();
            keyed.sort_by(|a, b| a.0.total_cmp(&b.0));
            *row = keyed.into_iter().map(|entry| entry.1).collect();
        }
        let count = crossings(&rows.rows, &below);
        if count < best.0 {
            best = (count, rows.rows.clone());
        }
    }
    rows.rows = best.1;
}

fn crossings(rows: &[Vec<usize>], below: &[Vec<usize>]) -> usize {
    let mut count = 0;
    for pair in rows.windows(2) {
        let [upper, lower] = pair else { continue };
        let place: HashMap<usize, usize> =
            lower.iter().enumerate().map(|(place, vertex)| (*vertex, place)).collect();
        let mut seen: Vec<usize> = Vec::new();
        for vertex in upper {
            let ends: Vec<usize> = below
                .get(*vertex)
                .into_iter()
                .flatten()
                .filter_map(|vertex| place.get(vertex))
                .copied()
                .collect();
            count += ends.iter().map(|end| seen.iter().filter(|other| *other > end).count()).sum::<usize>();
            seen.extend(ends);
        }
    }
    count
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_skip_connection_keeps_a_place_in_every_row() {
        // 0 -> 1 -> 2, and 0 -> 2 past row 1.
        let rows = rows(3, &[(0, 1), (1, 2), (0, 2)]);
        assert_eq!(rows.rows.len(), 3);
        assert_eq!(rows.ways[2], [0, 3, 2]);
        assert_eq!(rows.row_of(3), 1);
    }

    #[test]
    fn an_input_stands_right_above_its_layer() {
        // 0 -> 1 -> 2 and an input 3 -> 2.
        assert_eq!(rows(4, &[(0, 1), (1, 2), (3, 2)]).row_of(3), 1);
    }

    #[test]
    fn circles_are_opened() {
        assert_eq!(rows(2, &[(0, 1), (1, 0), (1, 1)]).ways.len(), 1);
    }

    #[test]
    fn crossed_lines_are_untangled() {
        // 0 -> 3 and 1 -> 2 cross as they are listed.
        let rows = rows(4, &[(0, 3), (1, 2)]);
        let (_, below) = rows.neighbours();
        assert_eq!(crossings(&rows.rows, &below), 0);
    }
}
