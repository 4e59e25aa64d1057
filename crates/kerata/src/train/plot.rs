//! Diagrams of a history, drawn as SVG.

use std::fmt::Write as _;

use indexmap::IndexMap;

/// Pixels of a diagram: whole, and what is left of it and below for numbers.
const WIDTH: f64 = 480.0;
const HEIGHT: f64 = 240.0;
const LEFT: f64 = 64.0;
const BELOW: f64 = 32.0;
const MARGIN: f64 = 24.0;

/// Training, then validation: blue and orange that are told apart without color vision too.
const COLORS: [&str; 2] = ["#0072b2", "#e69f00"];

/// One diagram for each name without `val_`, one below the other.
pub(super) fn svg(values: &IndexMap<String, Vec<f64>>) -> String {
    let names: Vec<&String> = values.keys().filter(|name| !name.starts_with("val_")).collect();
    let height = HEIGHT * names.len().max(1) as f64;
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" width=\"{WIDTH}\" \
         height=\"{height}\" font-family=\"sans-serif\" font-size=\"11\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n"
    );
    for (place, name) in names.into_iter().enumerate() {
        let mut lines = vec![(name.clone(), values.get(name).map_or(&[][..], Vec::as_slice))];
        let validation = format!("val_{name}");
        if let Some(values) = values.get(&validation) {
            lines.push((validation, values));
        }
        diagram(&mut out, HEIGHT * place as f64, &lines);
    }
    out.push_str("</svg>\n");
    out
}

fn diagram(out: &mut String, top: f64, lines: &[(String, &[f64])]) {
    let finite =
        || lines.iter().flat_map(|(_, values)| values.iter().copied()).filter(|value| value.is_finite());
    let (low, high) = (finite().fold(f64::INFINITY, f64::min), finite().fold(f64::NEG_INFINITY, f64::max));
    let (low, high) = if low < high { (low, high) } else { (low.min(0.0), low.max(0.0) + 1.0) };
    let epochs = lines.iter().map(|(_, values)| values.len()).max().unwrap_or(0);
    let (floor, ceiling) = (top + HEIGHT - BELOW, top + MARGIN);
    let x = |epoch: usize| LEFT + (WIDTH - LEFT - MARGIN) * epoch as f64 / (epochs.max(2) - 1) as f64;
    let y = |value: f64| floor - (floor - ceiling) * (value - low) / (high - low);

    for step in 0..=4 {
        let value = low + (high - low) * f64::from(step) / 4.0;
        let (y, right) = (y(value), WIDTH - MARGIN);
        let _ = writeln!(out, "<path d=\"M{LEFT} {y:.1}H{right}\" stroke=\"#ddd\"/>");
        let _ = writeln!(
            out,
            "<text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
            LEFT - 6.0,
            y + 4.0,
            number(value)
        );
    }
    for epoch in (0..epochs).step_by(epochs.div_ceil(8).max(1)) {
        let label = floor + 16.0;
        let _ = writeln!(
            out,
            "<text x=\"{:.1}\" y=\"{label:.1}\" text-anchor=\"middle\">{}</text>",
            x(epoch),
            epoch + 1
        );
    }
    for (place, ((name, values), color)) in lines.iter().zip(COLORS).enumerate() {
        // A line is broken where there is no number.
        let mut path = String::new();
        let mut is_open = false;
        for (epoch, value) in values.iter().enumerate() {
            if value.is_finite() {
                let _ = write!(path, "{}{:.1} {:.1}", if is_open { "L" } else { "M" }, x(epoch), y(*value));
            }
            is_open = value.is_finite();
        }
        let _ = writeln!(out, "<path d=\"{path}\" fill=\"none\" stroke=\"{color}\" stroke-width=\"2\"/>");
        for (epoch, value) in values.iter().enumerate().filter(|(_, value)| value.is_finite()) {
            let _ = writeln!(
                out,
                "<circle cx=\"{:.1}\" cy=\"{:.1}\" r=\"2\" fill=\"{color}\"/>",
                x(epoch),
                y(*value)
            );
        }
        let left = LEFT + 140.0 * place as f64;
        let _ = writeln!(
            out,
            "<text x=\"{left}\" y=\"{}\" fill=\"{color}\">{}</text>",
            top + 14.0,
            escaped(name)
        );
    }
}

fn number(value: f64) -> String {
    let size = value.abs();
    if value == 0.0 || (1e-3..1e5).contains(&size) { format!("{value:.4}") } else { format!("{value:.2e}") }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_go_from_the_lowest_to_the_highest_value() {
        let history = IndexMap::from([
            ("loss".to_owned(), vec![2.0, 1.0]),
            ("val_loss".to_owned(), vec![1.5, f64::NAN]),
        ]);
        let svg = svg(&history);
        // 480 wide with 64 left and 24 right of it; 240 high with 24 above and 32 below.
        assert!(svg.contains("d=\"M64.0 24.0L456.0 208.0\""), "{svg}");
        assert!(svg.contains("d=\"M64.0 116.0\""), "{svg}");
        assert_eq!(svg.matches("<circle").count(), 3);
    }

    #[test]
    fn names_cannot_add_elements() {
        let svg = svg(&IndexMap::from([("<script>".to_owned(), vec![1.0])]));
        assert!(!svg.contains("<script>"));
    }
}
