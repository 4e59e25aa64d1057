//! Draws a layout as SVG: plain shapes and classes, so that browsers and simple renderers agree.

use std::collections::BTreeSet;
use std::fmt::Write;

use kerata_nn::models::Summary;

use super::Theme;
use super::diagram::{Diagram, Node};
use super::kinds::{KINDS, Kind};
use super::layout::{INSET, LINE, Layout, Line, Placed, SMALL, TITLE, texts};
use super::text_width::{fitted, width};
use crate::text::thousands;

const BORDER: f64 = 28.0;
const HEADER: f64 = 64.0;
const LEGEND_LINE: f64 = 22.0;
/// Least space between the two texts of a line.
const GAP: f64 = 10.0;
const FONTS: &str = "Inter, 'Helvetica Neue', Arial, 'Liberation Sans', 'DejaVu Sans', sans-serif";

/// Ground, box, text, faint text, line, border of a nested model, its ground.
const LIGHT: [&str; 7] = ["#ffffff", "#f8fafc", "#0f172a", "#475569", "#94a3b8", "#cbd5e1", "#f1f5f9"];
const DARK: [&str; 7] = ["#0b1120", "#1e293b", "#f1f5f9", "#94a3b8", "#64748b", "#334155", "#111a2e"];

/// The picture.
pub(super) fn draw(diagram: &Diagram, summary: &Summary, theme: Theme) -> String {
    let layout = Layout::of(diagram);
    let mut kinds = BTreeSet::new();
    collect_kinds(diagram, &mut kinds);
    let totals = format!(
        "{} layers · {} parameters, {} of them trainable",
        thousands(summary.rows.len() as u64),
        thousands(summary.trainable + summary.non_trainable),
        thousands(summary.trainable)
    );
    let heading = width(&totals, LINE, false).max(width(&summary.name, 18.0, true).min(600.0));
    let total_width = layout.width.max(heading).max(280.0) + 2.0 * BORDER;
    let legend = legend(&kinds, total_width);
    let total_height = HEADER + BORDER + layout.height + BORDER + legend.1;

    let mut out = String::new();
    let (w, h) = (round(total_width), round(total_height));
    let _ = writeln!(
        out,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{w}\" height=\"{h}\" viewBox=\"0 0 {w} {h}\" \
         role=\"img\" aria-label=\"architecture of {}\">",
        escaped(&summary.name)
    );
    let _ = writeln!(out, "<title>{}</title>", escaped(&summary.name));
    out.push_str(&style(theme));
    let _ = writeln!(out, "<rect class=\"ground\" width=\"{w}\" height=\"{h}\"/>");
    let name = fitted(&summary.name, 18.0, true, total_width - 2.0 * BORDER);
    text(&mut out, "name", BORDER, 38.0, 18.0, &name, "");
    text(&mut out, "faint", BORDER, 58.0, LINE, &totals, "");
    let left = BORDER + (total_width - 2.0 * BORDER - layout.width) / 2.0;
    body(&mut out, diagram, &layout, left, HEADER + BORDER);
    let _ = writeln!(out, "<g transform=\"translate({BORDER} {})\">", round(total_height - legend.1 - 4.0));
    out.push_str(&legend.0);
    out.push_str("</g>\n</svg>\n");
    out
}

fn collect_kinds(diagram: &Diagram, kinds: &mut BTreeSet<Kind>) {
    for node in &diagram.nodes {
        kinds.insert(node.kind);
        if let Some(inner) = &node.inner {
            collect_kinds(inner, kinds);
        }
    }
}

fn body(out: &mut String, diagram: &Diagram, layout: &Layout, left: f64, top: f64) {
    let _ = writeln!(out, "<g transform=\"translate({} {})\">", round(left), round(top));
    for line in &layout.lines {
        let _ = writeln!(out, "<path class=\"line\" d=\"{}\"/>", path(line));
        if let Some((x, y)) = line.points.last() {
            let (x, y) = (*x, *y);
            let _ = writeln!(out, "<path class=\"head\" d=\"M{} {}l-4.5 -8h9z\"/>", round(x), round(y));
        }
    }
    for (node, placed) in diagram.nodes.iter().zip(&layout.boxes) {
        layer(out, node, placed);
    }
    out.push_str("</g>\n");
}

fn layer(out: &mut String, node: &Node, placed: &Placed) {
    let Placed { x, y, width: box_width, height, inner } = placed;
    let kind = node.kind.label();
    let [class, shape, name, parameters] = texts(node);
    let _ = writeln!(out, "<g transform=\"translate({} {})\">", round(*x), round(*y));
    let full = [class.as_str(), &name, &shape, &parameters].into_iter().filter(|text| !text.is_empty());
    let _ = writeln!(out, "<title>{}</title>", escaped(&full.collect::<Vec<_>>().join("\n")));
    let shape_class = if inner.is_some() { "nest" } else { "box" };
    let (w, h) = (round(*box_width), round(*height));
    let _ = writeln!(out, "<rect class=\"{shape_class}\" width=\"{w}\" height=\"{h}\" rx=\"7\"/>");
    let stripe = if inner.is_some() { TITLE - 8.0 } else { *height };
    let _ = writeln!(
        out,
        "<rect class=\"fill-{kind}\" x=\"0\" y=\"{}\" width=\"4\" height=\"{}\" rx=\"2\"/>",
        6,
        round(stripe - 12.0)
    );
    let from = INSET + 2.0;
    let room = box_width - from - INSET;
    // When a line is too long, the right text keeps what the left one leaves, and at least the larger half.
    let pair = |left: &str, size: f64, is_bold: bool, right: &str| {
        let own = width(left, size, is_bold);
        let right = fitted(right, SMALL, false, (room - own - GAP).max(room * 0.6));
        let left = fitted(left, size, is_bold, room - width(&right, SMALL, false) - GAP);
        (left, right)
    };
    let (class, shape) = pair(&class, LINE, true, &shape);
    let (name, parameters) = pair(&name, SMALL, false, &parameters);
    let end = box_width - INSET;
    text(out, &format!("class text-{kind}"), from, 19.0, LINE, &class, "");
    text(out, "shape", end, 19.0, SMALL, &shape, "end");
    text(out, "label", from, 36.0, SMALL, &name, "");
    text(out, "faint", end, 36.0, SMALL, &parameters, "end");
    out.push_str("</g>\n");
    if let (Some(inner), Some(diagram)) = (inner, &node.inner) {
        body(out, diagram, inner, x + (box_width - inner.width) / 2.0, y + TITLE);
    }
}

fn text(out: &mut String, class: &str, x: f64, y: f64, size: f64, content: &str, anchor: &str) {
    if content.is_empty() {
        return;
    }
    let anchor = if anchor.is_empty() { String::new() } else { format!(" text-anchor=\"{anchor}\"") };
    let _ = writeln!(
        out,
        "<text class=\"{class}\" x=\"{}\" y=\"{}\" font-size=\"{size}\"{anchor}>{}</text>",
        round(x),
        round(y),
        escaped(content)
    );
}

/// Curves that leave and enter vertically, or straight pieces with round corners.
fn path(line: &Line) -> String {
    let mut d = String::new();
    let mut points = line.points.iter().copied();
    let Some((x, y)) = points.next() else { return d };
    let _ = write!(d, "M{} {}", round(x), round(y));
    if line.is_bent {
        corners(&mut d, &line.points);
        return d;
    }
    let mut before = (x, y);
    for (x, y) in points {
        if (x - before.0).abs() < 0.5 {
            let _ = write!(d, "L{} {}", round(x), round(y));
        } else {
            let middle = (before.1 + y) / 2.0;
            let (a, b, m) = (round(before.0), round(x), round(middle));
            let _ = write!(d, "C{a} {m} {b} {m} {b} {}", round(y));
        }
        before = (x, y);
    }
    d
}

fn corners(d: &mut String, points: &[(f64, f64)]) {
    const RADIUS: f64 = 8.0;
    for three in points.windows(3) {
        let [a, b, c] = *three else { continue };
        let toward = |from: (f64, f64), to: (f64, f64)| {
            let (dx, dy) = (to.0 - from.0, to.1 - from.1);
            let length = (dx * dx + dy * dy).sqrt().max(1e-6);
            let step = RADIUS.min(length / 2.0) / length;
            (from.0 + dx * step, from.1 + dy * step)
        };
        let (start, end) = (toward(b, a), toward(b, c));
        let _ = write!(
            d,
            "L{} {}Q{} {} {} {}",
            round(start.0),
            round(start.1),
            round(b.0),
            round(b.1),
            round(end.0),
            round(end.1)
        );
    }
    if let Some((x, y)) = points.last() {
        let _ = write!(d, "L{} {}", round(*x), round(*y));
    }
}

/// The kinds that occur with their colours, and the height they take.
fn legend(kinds: &BTreeSet<Kind>, total_width: f64) -> (String, f64) {
    let mut out = String::new();
    let (mut x, mut y) = (0.0, 0.0);
    for kind in kinds {
        let label = kind.label();
        let size = 16.0 + width(label, SMALL, false) + 16.0;
        if x > 0.0 && x + size > total_width - 2.0 * BORDER {
            (x, y) = (0.0, y + LEGEND_LINE);
        }
        let _ = writeln!(
            out,
            "<rect class=\"fill-{label}\" x=\"{}\" y=\"{}\" width=\"10\" height=\"10\" rx=\"3\"/>",
            round(x),
            round(y)
        );
        text(&mut out, "faint", x + 16.0, y + 9.0, SMALL, label, "");
        x += size;
    }
    (out, y + LEGEND_LINE + 8.0)
}

fn style(theme: Theme) -> String {
    let (base, other) = match theme {
        Theme::Auto => (false, true),
        Theme::Light => (false, false),
        Theme::Dark => (true, false),
    };
    let mut out =
        format!("<style>\ntext {{ font-family: {FONTS}; }}\n.name, .class {{ font-weight: 700; }}\n");
    out.push_str(".line { fill: none; stroke-width: 1.5; }\n.box, .nest { stroke-width: 1; }\n");
    out.push_str(&colours(base));
    if other {
        let _ = write!(out, "@media (prefers-color-scheme: dark) {{\n{}}}\n", colours(true));
    }
    out.push_str("</style>\n");
    out
}

fn colours(is_dark: bool) -> String {
    let [ground, fill, ink, faint, line, border, nest] = if is_dark { DARK } else { LIGHT };
    let mut out = format!(
        ".ground {{ fill: {ground}; }}\n.box {{ fill: {fill}; stroke: {border}; }}\n\
         .nest {{ fill: {nest}; stroke: {line}; }}\n.name, .label {{ fill: {ink}; }}\n\
         .faint {{ fill: {faint}; }}\n.shape {{ fill: {ink}; }}\n.line {{ stroke: {line}; }}\n\
         .head {{ fill: {line}; }}\n"
    );
    for (_, label, light, dark) in KINDS {
        let colour = if is_dark { dark } else { light };
        let _ = writeln!(out, ".fill-{label}, .text-{label} {{ fill: {colour}; }}");
    }
    out
}

fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            // XML holds no other control characters.
            '\n' | '\t' => out.push(letter),
            letter if letter.is_control() || matches!(letter, '\u{fffe}' | '\u{ffff}') => {
                out.push('\u{fffd}')
            }
            letter => out.push(letter),
        }
    }
    out
}

/// A tenth of a pixel is enough.
fn round(number: f64) -> f64 {
    (number * 10.0).round() / 10.0
}
