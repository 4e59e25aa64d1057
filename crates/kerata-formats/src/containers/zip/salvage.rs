//! What is whole of a zip file whose end is missing: a walk over the local headers, for people who look at the damage.

use kerata_core::{Limits, SourceRef};

use super::records::{FLAG_DESCRIPTOR, Fields, LOCAL, LOCAL_BYTES};

/// Bytes that are hashed at a time.
const BLOCK_BYTES: u64 = 1 << 20;

/// A member found by its local header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remains {
    /// Its name.
    pub name: String,
    /// Bytes that it should have.
    pub bytes: u64,
    /// Bytes of it that are there.
    pub present: u64,
    /// Whether all are there and their checksum is right.
    pub is_whole: bool,
}

/// The members from the start of the file on, as far as their local headers tell where the next one is.
pub fn remains(source: &SourceRef, limits: &Limits) -> Vec<Remains> {
    let mut found = Vec::new();
    let mut offset = 0;
    while found.len() < limits.max_zip_members {
        match member_at(source, offset) {
            Some((member, next)) => {
                found.push(member);
                offset = next;
            }
            None => break,
        }
    }
    found
}

fn member_at(source: &SourceRef, offset: u64) -> Option<(Remains, u64)> {
    let header = source.read_vec(offset, LOCAL_BYTES).ok()?;
    let mut fields = Fields(&header);
    if fields.u32().ok()? != LOCAL {
        return None;
    }
    fields.u16().ok()?;
    let flags = fields.u16().ok()?;
    fields.take(6).ok()?;
    let crc = fields.u32().ok()?;
    let stored = u64::from(fields.u32().ok()?);
    fields.u32().ok()?;
    let name_len = u64::from(fields.u16().ok()?);
    let extra_len = u64::from(fields.u16().ok()?);
    let name = source.read_vec(offset + LOCAL_BYTES, name_len).ok()?;
    let start = offset.checked_add(LOCAL_BYTES + name_len + extra_len)?;
    // Sizes that follow the data or sit in an extra field: the file was cut before they were known.
    let is_open = flags & FLAG_DESCRIPTOR != 0 || stored == u64::from(u32::MAX) || (stored == 0 && crc == 0);
    let left = source.len().saturating_sub(start);
    let bytes = if is_open { left } else { stored };
    let present = bytes.min(left);
    let is_whole = !is_open && present == bytes && hash(source, start, bytes) == Some(crc);
    let name = String::from_utf8_lossy(&name).into_owned();
    Some((Remains { name, bytes, present, is_whole }, start.checked_add(bytes)?))
}

fn hash(source: &SourceRef, start: u64, bytes: u64) -> Option<u32> {
    let mut hasher = crc32fast::Hasher::new();
    let mut done = 0;
    while done < bytes {
        let size = BLOCK_BYTES.min(bytes - done);
        hasher.update(&source.read_vec(start + done, size).ok()?);
        done += size;
    }
    Some(hasher.finalize())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::containers::zip::{MemberOptions, ZipWriter};
    use kerata_core::{MemorySource, Sink};

    #[test]
    fn members_before_the_cut_are_told_from_the_cut_one() {
        let mut bytes = Vec::new();
        let mut zip = ZipWriter::new(&mut bytes);
        for name in ["config.json", "model.weights.h5"] {
            let mut member = zip.start(name, &MemberOptions::new()).unwrap();
            member.write(&[7; 1000]).unwrap();
            member.finish().unwrap();
        }
        zip.finish().unwrap();
        bytes.truncate(1500);
        let found = remains(&MemorySource::shared(bytes), &Limits::default());
        assert_eq!(found.len(), 2);
        assert!(found[0].is_whole && found[0].name == "config.json");
        assert!(!found[1].is_whole && found[1].bytes == 1000 && found[1].present < 1000);
    }
}
