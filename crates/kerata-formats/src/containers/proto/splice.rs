//! Edits of encoded messages that leave every other byte as it is: decoding and encoding again would drop unknown fields.

use super::super::table::{put_varint, take_varint};

/// The payload of a field.
enum Payload<'a> {
    /// Of a length that is written before it.
    Bytes(&'a [u8]),
    /// Four bytes.
    Fixed32,
    Other,
}

/// What becomes of a field, by its number and bytes; `None` when it stays.
pub type Change<'a> = dyn FnMut(u32, &[u8]) -> Option<Vec<u8>> + 'a;

/// One field: its number, all its bytes, what it holds.
struct Field<'a> {
    number: u32,
    raw: &'a [u8],
    payload: Payload<'a>,
}

/// Takes the next field off the front; `None` when the bytes are no message.
fn take<'a>(bytes: &mut &'a [u8]) -> Option<Field<'a>> {
    let start = *bytes;
    let tag = take_varint(bytes)?;
    let payload = match tag & 7 {
        0 => {
            take_varint(bytes)?;
            Payload::Other
        }
        1 => {
            *bytes = bytes.get(8..)?;
            Payload::Other
        }
        2 => {
            let len = usize::try_from(take_varint(bytes)?).ok()?;
            let (payload, rest) = bytes.split_at_checked(len)?;
            *bytes = rest;
            Payload::Bytes(payload)
        }
        5 => {
            *bytes = bytes.get(4..)?;
            Payload::Fixed32
        }
        _ => return None,
    };
    let raw = start.get(..start.len() - bytes.len())?;
    Some(Field { number: u32::try_from(tag >> 3).ok()?, raw, payload })
}

/// A message in which some fields with bytes (text, messages) hold others: `change` gives the new ones by number and
/// old ones. `None` when the bytes are no message.
pub fn with_bytes(message: &[u8], change: &mut Change<'_>) -> Option<Vec<u8>> {
    let (mut rest, mut out) = (message, Vec::with_capacity(message.len()));
    while !rest.is_empty() {
        let field = take(&mut rest)?;
        let changed = match field.payload {
            Payload::Bytes(payload) => change(field.number, payload),
            _ => None,
        };
        match changed {
            Some(payload) => {
                put_varint(u64::from(field.number) << 3 | 2, &mut out);
                put_varint(payload.len() as u64, &mut out);
                out.extend_from_slice(&payload);
            }
            None => out.extend_from_slice(field.raw),
        }
    }
    Some(out)
}

/// A message in which a field of four bytes holds another number. `None` when it has no such field.
pub fn with_fixed32(message: &[u8], number: u32, value: u32) -> Option<Vec<u8>> {
    let (mut rest, mut out, mut found) = (message, Vec::with_capacity(message.len()), false);
    while !rest.is_empty() {
        let field = take(&mut rest)?;
        out.extend_from_slice(field.raw);
        if field.number == number && matches!(field.payload, Payload::Fixed32) {
            out.truncate(out.len() - 4);
            out.extend_from_slice(&value.to_le_bytes());
            found = true;
        }
    }
    found.then_some(out)
}

/// The first field of a number that holds bytes.
pub fn bytes_of(message: &[u8], number: u32) -> Option<&[u8]> {
    let mut rest = message;
    while !rest.is_empty() {
        let field = take(&mut rest)?;
        if let (true, Payload::Bytes(payload)) = (field.number == number, &field.payload) {
            return Some(payload);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use prost::Message;

    use super::super::tensorflow::{AssetFileDef, BundleEntryProto};
    use super::*;

    #[test]
    fn one_field_changes_and_unknown_ones_stay() {
        let mut message =
            AssetFileDef { filename: "old".to_owned(), ..AssetFileDef::default() }.encode_to_vec();
        // Field 99, which nobody knows: five bytes.
        message.extend_from_slice(&[0x9a, 0x06, 2, 7, 7]);
        let changed =
            with_bytes(&message, &mut |number, _| (number == 2).then(|| b"new name".to_vec())).unwrap();
        assert_eq!(AssetFileDef::decode(changed.as_slice()).unwrap().filename, "new name");
        assert!(changed.ends_with(&[0x9a, 0x06, 2, 7, 7]));
        assert_eq!(with_bytes(&message, &mut |_, _| None).unwrap(), message);
        assert_eq!(bytes_of(&changed, 99), Some(&[7, 7][..]));
    }

    #[test]
    fn a_checksum_is_put_in_its_place() {
        let entry = BundleEntryProto { size: 7, crc32c: 5, offset: 300, ..BundleEntryProto::default() };
        let changed = with_fixed32(&entry.encode_to_vec(), 6, 0x0102_0304).unwrap();
        let expected = BundleEntryProto { crc32c: 0x0102_0304, ..entry };
        assert_eq!(changed, expected.encode_to_vec());
        assert_eq!(with_fixed32(&changed, 9, 1), None);
    }

    #[test]
    fn garbage_is_no_message() {
        for bytes in [&[0x0a, 0x7f][..], &[0x80], &[0x0b], &[0x0d, 1]] {
            assert_eq!(with_bytes(bytes, &mut |_, _| None), None);
        }
    }
}
