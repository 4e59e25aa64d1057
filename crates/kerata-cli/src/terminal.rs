//! The width of the terminal, and text that fits into it.

use std::io::IsTerminal;

/// Columns of the terminal that standard output goes to; `None` when it goes elsewhere.
pub fn columns() -> Option<usize> {
    let (terminal_size::Width(columns), _) = terminal_size::terminal_size_of(std::io::stdout())?;
    (std::io::stdout().is_terminal() && columns > 0).then_some(columns.into())
}

/// A line broken between words where it would pass the terminal's width; lines after the first start further in.
pub fn wrapped(line: &str, indent: usize, columns: Option<usize>) -> String {
    let room = columns.map_or(usize::MAX, |columns| columns.saturating_sub(indent).max(16));
    let mut out = " ".repeat(indent);
    let mut used = 0;
    // Two spaces part what belongs apart; they go when a line ends there.
    for (at, cell) in line.split("  ").enumerate() {
        for (position, word) in cell.split(' ').enumerate() {
            let space = if position > 0 {
                1
            } else if at > 0 {
                2
            } else {
                0
            };
            let width = word.chars().count();
            if used > 0 && used + space + width > room {
                out.push_str(&format!("\n{}", " ".repeat(indent + 2)));
                used = 2;
            } else {
                out.push_str(&" ".repeat(if used == 0 { 0 } else { space }));
                used += if used == 0 { 0 } else { space };
            }
            out.push_str(word);
            used += width;
        }
    }
    out.truncate(out.trim_end().len());
    out
}

#[cfg(test)]
mod tests {
    use super::wrapped;

    #[test]
    fn lines_end_between_words() {
        let line = "a/path  1.61 MB  66.5 ms  loads; every output the same";
        assert_eq!(wrapped(line, 2, None), format!("  {line}"));
        let narrow = wrapped(line, 2, Some(26));
        assert_eq!(narrow, "  a/path  1.61 MB  66.5 ms\n    loads; every output\n    the same");
    }
}
