//! Plain text tables: columns aligned, widths from the content.

/// Rows of cells under a header, two spaces apart; the named columns are aligned to the right.
pub fn render(header: &[&str], rows: &[Vec<String>], right: &[usize]) -> String {
    let mut widths: Vec<usize> = header.iter().map(|cell| cell.chars().count()).collect();
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let mut out = String::new();
    let header: Vec<String> = header.iter().map(|cell| (*cell).to_owned()).collect();
    for row in std::iter::once(&header).chain(rows) {
        let mut line = String::new();
        for (column, (cell, width)) in row.iter().zip(&widths).enumerate() {
            let padding = " ".repeat(width - cell.chars().count());
            let (before, after) =
                if right.contains(&column) { (padding, String::new()) } else { (String::new(), padding) };
            line.push_str(&format!("{before}{cell}{after}  "));
        }
        out.push_str(line.trim_end());
        out.push('\n');
    }
    out
}

/// The same where it fits into so many columns; where it does not, each row as its first cell with the others below.
pub fn render_within(
    columns: Option<usize>,
    header: &[&str],
    rows: &[Vec<String>],
    right: &[usize],
) -> String {
    let table = render(header, rows, right);
    let width = table.lines().map(|line| line.chars().count()).max().unwrap_or(0);
    if columns.is_none_or(|columns| width <= columns) {
        return table;
    }
    let mut out = String::new();
    for row in rows {
        for (column, (name, cell)) in header.iter().zip(row).enumerate() {
            out.push_str(&if column == 0 { format!("{cell}\n") } else { format!("  {name}: {cell}\n") });
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up() {
        let rows = vec![vec!["kernel".into(), "12".into()], vec!["b".into(), "1,200".into()]];
        assert_eq!(
            render_within(Some(13), &["name", "size"], &rows, &[1]),
            render(&["name", "size"], &rows, &[1])
        );
        assert_eq!(
            render_within(Some(12), &["name", "size"], &rows, &[1]),
            "kernel\n  size: 12\nb\n  size: 1,200\n"
        );
        assert_eq!(render(&["name", "size"], &rows, &[1]), "name     size\nkernel     12\nb       1,200\n");
    }
}
