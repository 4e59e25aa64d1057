//! What is still whole of a damaged file, in words.

use kerata_core::{Error, ErrorKind, Limits};
use kerata_formats::Input;
use kerata_formats::containers::{hdf5, zip};

/// The same error, with a hint that says what of the file is whole, where that can be told.
pub(crate) fn with_remains(error: Error, input: &Input, limits: &Limits) -> Error {
    let whole = match error.kind() {
        ErrorKind::Corrupt => whole_parts(input, limits),
        _ => None,
    };
    let Some(whole) = whole else { return error };
    let mut told = Error::new(error.kind(), error.message());
    for place in error.trail().collect::<Vec<_>>().into_iter().rev() {
        told = told.at(place);
    }
    told.hint(format!("{}; {whole}", error.hint_text().unwrap_or("the file is damaged")))
}

fn whole_parts(input: &Input, limits: &Limits) -> Option<String> {
    let source = input.source()?;
    let members = zip::remains(source, limits);
    if !members.is_empty() {
        let words = members.iter().map(|member| match member.is_whole {
            true => format!("`{}` is whole", member.name),
            false => format!(
                "`{}` is damaged ({} of {} bytes are there)",
                member.name, member.present, member.bytes
            ),
        });
        return Some(words.collect::<Vec<_>>().join(", "));
    }
    let file = hdf5::File::open_lenient(source, limits).ok()?;
    let (datasets, groups, notes) = (file.datasets.len(), file.groups.len(), file.notes.len());
    Some(format!("{datasets} datasets in {groups} groups are whole, {notes} places are damaged"))
}
