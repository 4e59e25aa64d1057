//! `centers`: where vertices stand in their rows, so that lines are straight and boxes do not touch.

use super::order::Rows;

/// Between boxes of a row.
const BETWEEN: f64 = 26.0;
/// Width that a passing line keeps free.
const LINE: f64 = 10.0;
const ROUNDS: usize = 30;

/// The horizontal center of each vertex.
pub(super) fn centers(rows: &Rows, extents: &[(f64, f64)]) -> Vec<f64> {
    let width = |vertex: usize| extents.get(vertex).map_or(LINE, |size| size.0);
    let is_line = |vertex: usize| vertex >= extents.len();
    let (above, below) = rows.neighbours();
    let mut centers = vec![0.0; rows.len()];
    for row in &rows.rows {
        let mut left = -row.iter().map(|vertex| width(*vertex) + BETWEEN).sum::<f64>() / 2.0;
        for &vertex in row {
            set(&mut centers, vertex, left + width(vertex) / 2.0);
            left += width(vertex) + BETWEEN;
        }
    }
    for round in 0..ROUNDS {
        let downwards = round % 2 == 0;
        let mut order: Vec<&Vec<usize>> = rows.rows.iter().collect();
        if !downwards {
            order.reverse();
        }
        for row in order {
            let wishes: Vec<(f64, f64)> = row
                .iter()
                .map(|&vertex| {
                    // In the last rounds both sides count, so that the picture is balanced.
                    let sides: &[&Vec<Vec<usize>>] = match (round + 4 > ROUNDS, downwards) {
                        (true, _) => &[&above, &below],
                        (false, true) => &[&above],
                        (false, false) => &[&below],
                    };
                    let (mut sum, mut total) = (0.0, 0.0);
                    for neighbour in sides.iter().filter_map(|side| side.get(vertex)).flatten() {
                        // A passing line is to stay straight, more than a box is to stand in the middle.
                        let weight = match (is_line(vertex), is_line(*neighbour)) {
                            (true, true) => 8.0,
                            (false, false) => 1.5,
                            _ => 1.0,
                        };
                        sum += weight * centers.get(*neighbour).copied().unwrap_or_default();
                        total += weight;
                    }
                    let own = centers.get(vertex).copied().unwrap_or_default();
                    if total > 0.0 { (sum / total, total) } else { (own, 0.1) }
                })
                .collect();
            let gaps: Vec<f64> = row
                .windows(2)
                .map(|pair| pair.iter().map(|vertex| width(*vertex) / 2.0).sum::<f64>() + BETWEEN)
                .collect();
            for (vertex, center) in row.iter().zip(apart(&wishes, &gaps)) {
                set(&mut centers, *vertex, center);
            }
        }
    }
    centers
}

fn set(centers: &mut [f64], vertex: usize, center: f64) {
    if let Some(slot) = centers.get_mut(vertex) {
        *slot = center;
    }
}

/// Places near the wished ones, by weighted squares, that keep gaps and order (isotonic regression).
fn apart(wishes: &[(f64, f64)], gaps: &[f64]) -> Vec<f64> {
    // Without the gaps before it, each place must be no smaller than the one before.
    let mut shifts = vec![0.0];
    for gap in gaps {
        shifts.push(shifts.last().copied().unwrap_or(0.0) + gap);
    }
    let mut blocks: Vec<(f64, f64, usize)> = Vec::new();
    for ((wish, weight), shift) in wishes.iter().zip(&shifts) {
        blocks.push((wish - shift, *weight, 1));
        while let [.., before, last] = &blocks[..] {
            if before.0 <= last.0 {
                break;
            }
            let weight = before.1 + last.1;
            let merged = ((before.0 * before.1 + last.0 * last.1) / weight, weight, before.2 + last.2);
            blocks.truncate(blocks.len() - 2);
            blocks.push(merged);
        }
    }
    let places = blocks.into_iter().flat_map(|(place, _, count)| std::iter::repeat_n(place, count));
    places.zip(&shifts).map(|(place, shift)| place + shift).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_keep_their_gaps() {
        // Both want 0: they stand around it. The third has room where it wants to be.
        assert_eq!(apart(&[(0.0, 1.0), (0.0, 1.0), (100.0, 1.0)], &[10.0, 10.0]), [-5.0, 5.0, 100.0]);
    }
}
