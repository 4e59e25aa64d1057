//! Samples from files: `.npy`, `.npz`, `.csv`.

use std::path::Path;

use kerata::formats::containers::npy;
use kerata::train::Named;
use kerata_core::array::Array;
use kerata_core::{Error, Limits, Result, ResultExt};

/// The arrays of a `.npz`, or the one array of a `.npy` or `.csv`.
pub fn read_arrays(path: &Path) -> Result<Named> {
    let shown = || path.display().to_string();
    let has = |ending: &str| path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case(ending));
    if has("csv") {
        let text = std::fs::read_to_string(path).map_err(|error| Error::io("read", &error)).at(shown)?;
        return Ok(Named::from_iter([("array".to_owned(), read_csv(&text).at(shown)?)]));
    }
    if has("npy") {
        let input = kerata::input(path)?;
        let source = input.require_source()?;
        let array =
            npy::read(source, &Limits::default()).and_then(|variable| Array::from_variable(&variable));
        return Ok(Named::from_iter([("array".to_owned(), array.at(shown)?)]));
    }
    super::arrays::read_arrays(path)
}

/// A table of numbers, a sample in each line, separated by commas; a first line of names is left out. One column is a
/// vector.
fn read_csv(text: &str) -> Result<Array> {
    let lines = text.lines().enumerate().map(|(number, line)| (number + 1, line.trim()));
    let mut lines = lines.filter(|(_, line)| !line.is_empty()).peekable();
    let number = |cell: &str| cell.trim().trim_matches('"').parse::<f32>().ok();
    let is_head = lines.peek().is_some_and(|(_, line)| line.split(',').all(|cell| number(cell).is_none()));
    let (mut values, mut rows, mut columns) = (Vec::new(), 0_usize, 0);
    for (line, text) in lines.skip(usize::from(is_head)) {
        let before = values.len();
        for cell in text.split(',') {
            let value = number(cell).ok_or_else(|| {
                Error::mismatch(format!("`{}` is no number", cell.trim())).at(format!("line {line}"))
            })?;
            values.push(value);
        }
        let found = values.len() - before;
        if rows > 0 && found != columns {
            let message = format!("expected {columns} numbers, found {found}");
            return Err(Error::mismatch(message).at(format!("line {line}")));
        }
        columns = found;
        rows += 1;
    }
    if columns == 1 { Array::from_f32([rows], values) } else { Array::from_f32([rows, columns], values) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_read_with_and_without_names() {
        let table = read_csv("a,b\n1, 2.5\n\n-3,4e1\n").unwrap();
        assert_eq!((table.shape(), table.as_f32().unwrap()), (&[2, 2][..], &[1.0, 2.5, -3.0, 40.0][..]));
        assert_eq!(read_csv("1\n2\n").unwrap().shape(), [2]);
    }

    #[test]
    fn lines_that_do_not_fit_are_named() {
        let error = read_csv("1,2\n3\n").unwrap_err().to_string();
        assert!(error.contains("expected 2 numbers, found 1") && error.contains("line 2"), "{error}");
        let error = read_csv("1,2\n3,x\n").unwrap_err().to_string();
        assert!(error.contains("`x` is no number") && error.contains("line 2"), "{error}");
    }
}
