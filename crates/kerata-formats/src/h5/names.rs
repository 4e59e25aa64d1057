//! Lists of names in attributes, in parts when they are long.

use kerata_core::{Error, Result};

use crate::containers::hdf5::{Attribute, Attributes, StringKind, Writer};

/// Most bytes of an attribute, as Keras counts: all names as long as the longest.
const MAX_BYTES: usize = 64_512;

/// The names of a list: under its own name, or in the parts `NAME0`, `NAME1`, ...
pub(super) fn read(attributes: &Attributes, name: &str) -> Option<Vec<String>> {
    if let Some(found) = attributes.get(name) {
        return found.as_texts().map(<[String]>::to_vec);
    }
    let parts = (0..).map_while(|part| attributes.texts(&format!("{name}{part}")));
    let names: Vec<String> = parts.flatten().cloned().collect();
    (!names.is_empty()).then_some(names)
}

/// Writes a list.
pub(super) fn write(writer: &mut Writer, path: &str, name: &str, names: &[String]) -> Result<()> {
    let longest = names.iter().map(String::len).max().unwrap_or(0);
    if longest > MAX_BYTES {
        return Err(Error::unsupported(format!(
            "a name of {longest} bytes; HDF5 attributes hold {MAX_BYTES}"
        )));
    }
    if names.is_empty() {
        writer.attribute(path, name, Attribute::empty_list())?;
        return Ok(());
    }
    let parts = (1..=names.len()).find(|parts| names.len().div_ceil(*parts) * longest <= MAX_BYTES);
    let parts = parts.unwrap_or(names.len());
    if parts == 1 {
        writer.attribute_as(path, name, Attribute::Texts(names.to_vec()), StringKind::VariableAscii)?;
        return Ok(());
    }
    // The first parts are one longer when the names do not divide evenly.
    let (size, longer) = (names.len() / parts, names.len() % parts);
    let mut rest = names;
    for part in 0..parts {
        let (these, others) = rest.split_at(size + usize::from(part < longer));
        let key = format!("{name}{part}");
        writer.attribute_as(path, &key, Attribute::Texts(these.to_vec()), StringKind::FixedAscii)?;
        rest = others;
    }
    Ok(())
}
