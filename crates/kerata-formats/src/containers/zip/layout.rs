//! Where things lie in a zip file: the end records, and members side by side without gap or overlap.

use kerata_core::{Error, Result, Source};

use super::records::{DESCRIPTOR, END, END_64_BYTES, END_BYTES, End, Fields, LOCATOR_64, LOCATOR_64_BYTES};

/// Most bytes of an archive's comment.
const MAX_COMMENT_BYTES: u64 = u16::MAX as u64;

/// Finds the one end record and checks that it stands at the end, behind the central directory.
pub(super) fn find_end(source: &dyn Source) -> Result<End> {
    let len = source.len();
    let tail_start = len.saturating_sub(END_BYTES + MAX_COMMENT_BYTES);
    let tail = source.read_vec(tail_start, len - tail_start)?;
    let at = only_end(&tail)?;
    let record = tail.get(at..).unwrap_or_default();
    let (narrow, is_saturated) = End::parse(record)?;
    let end_offset = tail_start + at as u64;
    let (end, directory_end) = match find_end_64(source, end_offset)? {
        Some((end, offset)) => {
            if !end.agrees_with(&narrow) {
                return Err(Error::corrupt("the two end records of the zip file disagree"));
            }
            (end, offset)
        }
        None if is_saturated => return Err(Error::corrupt("the zip64 end record is missing")),
        None => (narrow, end_offset),
    };
    if end.directory_offset.checked_add(end.directory_len) != Some(directory_end) {
        return Err(Error::corrupt("the central directory does not lie before the end record")
            .hint("something was put before or after the zip file, or it was cut"));
    }
    Ok(end)
}

/// Position of the end record in the tail of the file.
fn only_end(tail: &[u8]) -> Result<usize> {
    let signature = END.to_le_bytes();
    let mut fitting = tail.windows(END_BYTES as usize).enumerate().filter(|(at, record)| {
        let comment_len = Fields(record.get(20..).unwrap_or_default()).u16().unwrap_or_default();
        record.starts_with(&signature) && at + END_BYTES as usize + usize::from(comment_len) == tail.len()
    });
    let Some((at, _)) = fitting.next() else {
        let is_there = tail.windows(4).any(|part| part == signature);
        let what = match is_there {
            true => "there are bytes behind the end record of the zip file",
            false => "the zip file stops before its end record",
        };
        return Err(Error::corrupt(what).hint("the file was cut short or edited"));
    };
    // Readers look for the last signature; a second one in the comment makes them see another archive.
    let comment = tail.get(at + 4..).unwrap_or_default();
    if fitting.next().is_some() || comment.windows(4).any(|part| part == signature) {
        return Err(Error::corrupt("the zip file has several end records"));
    }
    Ok(at)
}

/// The zip64 end record, when a locator stands before the end record.
fn find_end_64(source: &dyn Source, end_offset: u64) -> Result<Option<(End, u64)>> {
    let Some(locator_offset) = end_offset.checked_sub(LOCATOR_64_BYTES) else {
        return Ok(None);
    };
    let locator = source.read_vec(locator_offset, LOCATOR_64_BYTES)?;
    let mut fields = Fields(&locator);
    if fields.u32()? != LOCATOR_64 {
        return Ok(None);
    }
    let disk = fields.u32()?;
    let offset = fields.u64()?;
    let disks = fields.u32()?;
    if disk != 0 || disks > 1 {
        return Err(Error::unsupported("a zip file of several disks"));
    }
    if offset.checked_add(END_64_BYTES) != Some(locator_offset) {
        return Err(Error::corrupt("the zip64 end record is not where its locator says"));
    }
    let record = source.read_vec(offset, END_64_BYTES)?;
    Ok(Some((End::parse_64(&record)?, offset)))
}

/// One member's place: header, data, perhaps a descriptor.
pub(super) struct Place<'a> {
    pub(super) name: &'a str,
    pub(super) start: u64,
    pub(super) data_end: u64,
    /// CRC, stored and inflated length, when they also follow the data.
    pub(super) descriptor: Option<(u32, u64, u64)>,
}

/// Checks that members fill the file from its start to the central directory.
pub(super) fn check_places(source: &dyn Source, places: &mut [Place<'_>], directory: u64) -> Result<()> {
    places.sort_by_key(|place| place.start);
    let mut expected = 0;
    let nexts: Vec<u64> =
        places.iter().skip(1).map(|place| place.start).chain(std::iter::once(directory)).collect();
    for (place, next) in places.iter().zip(nexts) {
        if place.start != expected {
            return Err(misplaced(place.start < expected).at(place.name));
        }
        let rest = next.checked_sub(place.data_end).ok_or_else(|| misplaced(true).at(place.name))?;
        match place.descriptor {
            Some(values) => check_descriptor(source, place.data_end, rest, values),
            None if rest == 0 => Ok(()),
            None => Err(misplaced(false)),
        }
        .map_err(|error| error.at(place.name))?;
        expected = next;
    }
    if expected != directory {
        return Err(misplaced(false));
    }
    Ok(())
}

fn misplaced(overlaps: bool) -> Error {
    if overlaps {
        return Error::corrupt("members of the zip file overlap");
    }
    Error::corrupt("there are bytes in the zip file that belong to no member")
        .hint("something was put before the zip file or between its members")
}

/// A descriptor is 12 or 20 bytes, 4 more with a signature; it must repeat what the directory says.
fn check_descriptor(source: &dyn Source, offset: u64, len: u64, values: (u32, u64, u64)) -> Result<()> {
    if !matches!(len, 12 | 16 | 20 | 24) {
        return Err(Error::corrupt("the data descriptor has a wrong length"));
    }
    let bytes = source.read_vec(offset, len)?;
    let mut fields = Fields(&bytes);
    if matches!(len, 16 | 24) && fields.u32()? != DESCRIPTOR {
        return Err(Error::corrupt("the data descriptor has a wrong signature"));
    }
    let crc = fields.u32()?;
    let (stored, size) = match len {
        12 | 16 => (fields.u32()?.into(), fields.u32()?.into()),
        _ => (fields.u64()?, fields.u64()?),
    };
    if (crc, stored, size) != values {
        return Err(Error::corrupt("the data descriptor and the central directory disagree"));
    }
    Ok(())
}
