//! Places of errors: people know a file by the path they typed, inner floors by its bare name.

use std::path::Path;

use kerata_core::Error;

/// The error at a path, in place of the file's bare name.
pub(crate) fn at_path(error: Error, path: &Path) -> Error {
    let mut renamed = Error::new(error.kind(), error.message());
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
    let inner: Vec<&str> = error.trail().filter(|place| Some(*place) != name.as_deref()).collect();
    for place in inner.into_iter().rev() {
        renamed = renamed.at(place);
    }
    renamed = renamed.at(path.display().to_string());
    match error.hint_text() {
        Some(hint) => renamed.hint(hint),
        None => renamed,
    }
}
