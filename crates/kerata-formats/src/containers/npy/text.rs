//! Strings of equal room, padded with zeros.

use kerata_core::{Error, Result};

use super::descr::{Descr, Element};
use super::header::Header;

/// The elements of a string array, as UTF-8 or as they are.
pub(super) fn split(bytes: &[u8], header: &Header) -> Result<Vec<Vec<u8>>> {
    let size = header.descr.size as usize;
    if size == 0 {
        let count = header.shape.iter().product::<u64>();
        // Nothing is stored for empty strings, so nothing bounds their number but this.
        return match usize::try_from(count) {
            Ok(count) if count <= 1 << 20 => Ok(vec![Vec::new(); count]),
            _ => Err(Error::limit(format!("{count} empty strings"))),
        };
    }
    bytes.chunks_exact(size).map(|part| element(part, header.descr.element)).collect()
}

fn element(part: &[u8], element: Element) -> Result<Vec<u8>> {
    let is_padding = |unit: &[u8]| unit.iter().all(|byte| *byte == 0);
    if element == Element::Bytes {
        let len = part.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
        return Ok(part.get(..len).unwrap_or_default().to_vec());
    }
    let units: Vec<&[u8]> = part.chunks_exact(4).collect();
    let len = units.iter().rposition(|unit| !is_padding(unit)).map_or(0, |last| last + 1);
    let text: Option<String> = units.iter().take(len).map(|unit| character(unit)).collect();
    text.map(String::into_bytes).ok_or_else(|| Error::corrupt("a character of the array is not in Unicode"))
}

fn character(unit: &[u8]) -> Option<char> {
    char::from_u32(u32::from_le_bytes(unit.try_into().ok()?))
}

/// One element with its padding.
pub(super) fn pad(element: &[u8], descr: &Descr) -> Vec<u8> {
    let mut out = match (descr.element, std::str::from_utf8(element)) {
        (Element::Unicode, Ok(text)) => text.chars().flat_map(|c| u32::from(c).to_le_bytes()).collect(),
        _ => element.to_vec(),
    };
    out.resize(descr.size as usize, 0);
    out
}
