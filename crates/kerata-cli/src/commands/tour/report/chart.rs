//! Charts as SVG; their colors are those of the page.

use std::fmt::Write as _;

use super::small::percent_saved;
use crate::commands::tour::story::Form;

const WIDTH: f64 = 460.0;
const HEIGHT: f64 = 220.0;
/// Room for numbers at the left and below, and for labels at the right.
const LEFT: f64 = 48.0;
const BELOW: f64 = 28.0;
const RIGHT: f64 = 78.0;
const ABOVE: f64 = 12.0;

/// One line of a chart: a value for each epoch.
pub struct Line<'a> {
    pub label: &'static str,
    pub values: &'a [f64],
}

/// Lines over epochs.
pub fn lines(title: &str, lines: &[Line<'_>]) -> String {
    let finite = || lines.iter().flat_map(|line| line.values).copied().filter(|value| value.is_finite());
    let (low, high) = (finite().fold(f64::INFINITY, f64::min), finite().fold(f64::NEG_INFINITY, f64::max));
    let (low, high) = if low < high { (low, high) } else { (low.min(0.0), low.max(0.0) + 1.0) };
    let epochs = lines.iter().map(|line| line.values.len()).max().unwrap_or(0);
    let floor = HEIGHT - BELOW;
    let x = |epoch: usize| LEFT + (WIDTH - LEFT - RIGHT) * epoch as f64 / (epochs.max(2) - 1) as f64;
    let y = |value: f64| floor - (floor - ABOVE) * (value - low) / (high - low);

    let mut out = start(title);
    for step in 0..=4 {
        let value = low + (high - low) * f64::from(step) / 4.0;
        let _ = write!(
            out,
            "<path class=\"grid\" d=\"M{LEFT} {at:.1}H{:.1}\"/><text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
            WIDTH - RIGHT,
            LEFT - 6.0,
            y(value) + 4.0,
            short(value),
            at = y(value),
        );
    }
    for epoch in (0..epochs).step_by(epochs.div_ceil(8).max(1)) {
        let _ = write!(
            out,
            "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{}</text>",
            x(epoch),
            floor + 18.0,
            epoch + 1
        );
    }
    let mut label_floor = f64::INFINITY;
    for (place, line) in lines.iter().enumerate() {
        let points: String = line
            .values
            .iter()
            .enumerate()
            .filter(|(_, value)| value.is_finite())
            .map(|(epoch, value)| format!("{:.1},{:.1} ", x(epoch), y(*value)))
            .collect();
        let _ = write!(out, "<polyline class=\"line series{place}\" points=\"{}\"/>", points.trim_end());
        if let Some(last) = line.values.iter().rev().find(|value| value.is_finite()) {
            // Labels at the end of lines that meet stand one above the other.
            let at = y(*last) + 4.0;
            let at = if (at - label_floor).abs() < 13.0 { label_floor - 13.0 } else { at };
            label_floor = at;
            let _ = write!(
                out,
                "<text class=\"label series{place}\" x=\"{:.1}\" y=\"{at:.1}\">{}</text>",
                WIDTH - RIGHT + 8.0,
                line.label
            );
        }
    }
    out.push_str("</svg>");
    out
}

/// A bar for the size of each form, with what it saves and its accuracy.
pub fn bars(forms: &[Form]) -> String {
    const ROW: f64 = 40.0;
    const NAMES: f64 = 130.0;
    const NOTES: f64 = 190.0;
    let whole = forms.first().map_or(1, |form| form.bytes);
    let (width, height) = (2.0 * WIDTH, ROW * forms.len() as f64);
    let mut out = format!("<svg role=\"img\" aria-label=\"Size of each form\" viewBox=\"0 0 {width} {height}\">");
    for (place, form) in forms.iter().enumerate() {
        let top = ROW * place as f64;
        let length = (width - NAMES - NOTES) * form.bytes as f64 / whole.max(1) as f64;
        let note = match place {
            0 => format!("{}, {:.2} % right", kerata::text::memory(form.bytes), 100.0 * form.accuracy),
            _ => format!("−{:.1} %, {:.2} % right", percent_saved(form, whole), 100.0 * form.accuracy),
        };
        let _ = write!(
            out,
            "<text class=\"name\" x=\"{:.1}\" y=\"{middle:.1}\" text-anchor=\"end\">{}</text>\
             <rect class=\"bar\" x=\"{NAMES}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{:.1}\" rx=\"4\"/>\
             <text x=\"{:.1}\" y=\"{middle:.1}\">{note}</text>",
            NAMES - 10.0,
            form.name,
            top + 8.0,
            length.max(2.0),
            ROW - 16.0,
            NAMES + length + 10.0,
            middle = top + ROW / 2.0 + 5.0,
        );
    }
    out.push_str("</svg>");
    out
}

fn start(title: &str) -> String {
    format!("<svg role=\"img\" aria-label=\"{title} over epochs\" viewBox=\"0 0 {WIDTH} {HEIGHT}\">")
}

fn short(value: f64) -> String {
    if value.abs() < 10.0 { format!("{value:.2}") } else { format!("{value:.0}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_spans_the_chart_from_its_highest_to_its_lowest_value() {
        let svg = lines("Loss", &[Line { label: "training", values: &[2.0, 1.0] }]);
        // 460 wide with 48 left and 78 right of the lines; 220 high with 12 above and 28 below.
        assert!(svg.contains("points=\"48.0,12.0 382.0,192.0\""), "{svg}");
    }

    #[test]
    fn bars_are_as_long_as_files_are_large() {
        let form = |name, bytes| Form { name, bytes, accuracy: 0.98, largest_difference: 0.0 };
        let svg = bars(&[form("as trained", 1000), form("int8", 100)]);
        // 920 wide less 130 for names and 190 for notes.
        assert!(svg.contains("width=\"600.0\"") && svg.contains("width=\"60.0\""), "{svg}");
        assert!(svg.contains("−90.0 %"));
    }
}
