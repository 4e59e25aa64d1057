//! How wide text is: measured with a wide sans-serif font, so that it fits in whatever font a reader has.

/// Widths in thousandths of the size, of DejaVu Sans, one of the widest fonts that readers fall back to.
const WIDTHS: &[(&str, u32)] = &[
    ("ijl'|", 285),
    (" .,:;!ft[]()/\\r-I", 400),
    ("scJzxykv_\"?", 590),
    ("ehnuabdopqgL0123456789FETS*+=<>~^$", 640),
    ("ABCKPRUVXYZGDHNOQ&#", 765),
    ("wM%", 860),
    ("mW@", 990),
];

/// Width of text of a size, in pixels.
pub(super) fn width(text: &str, size: f64, is_bold: bool) -> f64 {
    let of = |letter: char| {
        let found = WIDTHS.iter().find(|(letters, _)| letters.contains(letter));
        // Letters of other scripts may be as wide as they are high.
        found.map_or(if letter.is_ascii() { 700 } else { 1000 }, |(_, width)| *width)
    };
    let total: u32 = text.chars().map(of).sum();
    let bold = if is_bold { 1.1 } else { 1.0 };
    f64::from(total) / 1000.0 * size * bold
}

/// Text that is at most so wide: its middle is left out when it is longer.
pub(super) fn fitted(text: &str, size: f64, is_bold: bool, max_width: f64) -> String {
    if width(text, size, is_bold) <= max_width {
        return text.to_owned();
    }
    let letters: Vec<char> = text.chars().collect();
    let shortened = |kept: usize| -> String {
        let (head, tail) = (kept.div_ceil(2), kept / 2);
        let start = letters.iter().take(head);
        let end = letters.iter().skip(letters.len().saturating_sub(tail));
        start.chain(['…'].iter()).chain(end).collect()
    };
    let fits = |kept: &usize| width(&shortened(*kept), size, is_bold) <= max_width;
    (0..letters.len()).rev().find(fits).map_or_else(String::new, shortened)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_text_keeps_its_ends() {
        let short = fitted("block_16_expand_batch_normalization", 12.0, false, 120.0);
        assert!(short.starts_with("block") && short.contains('…') && short.ends_with("tion"), "{short}");
        assert!(width(&short, 12.0, false) <= 120.0);
        assert_eq!(fitted("dense", 12.0, false, 120.0), "dense");
    }
}
