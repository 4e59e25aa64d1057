//! Checksums of what a step holds: CRC-32C over path, dtype, shape and bytes of each tensor, in the order of the paths, then
//! over name and bytes of each member, in the order of the names.

use kerata_core::{Artifact, Data, Error, Result, ResultExt, Variable};

use crate::finite::Scan;

/// Bytes that are gone through twice at a time.
const PART_BYTES: usize = 64 << 10;

/// A CRC-32C.
pub(super) type Checksum = u32;

/// The checksum of each tensor and each member.
pub(super) fn of_parts(artifact: &Artifact) -> Result<Vec<Checksum>> {
    sorted(artifact).into_iter().map(|part| part.checksum(false).at(|| part.place())).collect()
}

/// The same; fails when a weight or a variable of the optimizer holds NaN or infinity. The bytes are gone through once.
pub(super) fn of_finite_parts(artifact: &Artifact) -> Result<Vec<Checksum>> {
    sorted(artifact).into_iter().map(|part| part.checksum(true).at(|| part.place())).collect()
}

/// The checksum of checksums and of what is said about the step.
pub(super) fn digest(checksums: &[Checksum], about: &str) -> Checksum {
    let start = crc32c::crc32c(about.as_bytes());
    checksums.iter().fold(start, |sum, checksum| crc32c::crc32c_append(sum, &checksum.to_le_bytes()))
}

/// Fails and names the first part that is not what it was when it was saved.
pub(super) fn compare(artifact: &Artifact, found: &[Checksum], saved: &[Checksum]) -> Result<()> {
    if found.len() != saved.len() {
        let message = format!("{} parts were saved, the file holds {}", saved.len(), found.len());
        return Err(Error::corrupt(message));
    }
    let pairs = sorted(artifact).into_iter().zip(found.iter().zip(saved));
    for (part, (found, saved)) in pairs {
        if found != saved {
            let message = format!("checksum {found:08x} differs from {saved:08x}, which was saved");
            return Err(Error::corrupt(message).at(part.place()));
        }
    }
    Ok(())
}

/// Eight digits a checksum, one after the other.
pub(super) fn to_hex(checksums: &[Checksum]) -> String {
    checksums.iter().map(|checksum| format!("{checksum:08x}")).collect()
}

pub(super) fn from_hex(hex: &str) -> Result<Vec<Checksum>> {
    let digits = |part: &[u8]| {
        let part = std::str::from_utf8(part).ok().filter(|part| part.len() == 8)?;
        u32::from_str_radix(part, 16).ok()
    };
    let checksums: Option<Vec<Checksum>> = hex.as_bytes().chunks(8).map(digits).collect();
    checksums.ok_or_else(|| Error::corrupt("checksums are eight hexadecimal digits each"))
}

/// Something that has a checksum.
enum Part<'a> {
    Tensor(&'a str, &'a Variable),
    Member(&'a str, &'a Data),
}

impl Part<'_> {
    fn place(&self) -> String {
        match self {
            Self::Tensor(path, _) => format!("tensor `{path}`"),
            Self::Member(name, _) => format!("member `{name}`"),
        }
    }

    fn checksum(&self, is_finite: bool) -> Result<Checksum> {
        match self {
            Self::Tensor(path, variable) => of_tensor(path, variable, is_finite),
            Self::Member(name, data) => append(crc32c::crc32c(name.as_bytes()), data, None),
        }
    }
}

fn sorted(artifact: &Artifact) -> Vec<Part<'_>> {
    let mut tensors: Vec<_> = artifact.variables.iter().collect();
    tensors.sort_by_key(|(path, _)| *path);
    let mut members: Vec<_> = artifact.extras.iter().collect();
    members.sort_by_key(|(name, _)| *name);
    let tensors = tensors.into_iter().map(|(path, variable)| Part::Tensor(path, variable));
    tensors.chain(members.into_iter().map(|(name, data)| Part::Member(name, data))).collect()
}

fn append(mut sum: Checksum, data: &Data, mut scan: Option<&mut Scan>) -> Result<Checksum> {
    data.stream(&mut |block| {
        // Parts that the second look finds in the cache.
        for part in block.chunks(PART_BYTES) {
            sum = crc32c::crc32c_append(sum, part);
            if let Some(scan) = &mut scan {
                scan.take(part)?;
            }
        }
        Ok(())
    })?;
    Ok(sum)
}

fn of_tensor(path: &str, variable: &Variable, is_finite: bool) -> Result<Checksum> {
    let head = format!("{path}\0{}\0{:?}\0", variable.dtype.name(), variable.shape);
    let mut sum = crc32c::crc32c(head.as_bytes());
    if let Some(strings) = variable.data.as_strings() {
        for text in strings {
            sum = crc32c::crc32c_append(sum, &(text.len() as u64).to_le_bytes());
            sum = crc32c::crc32c_append(sum, text);
        }
        return Ok(sum);
    }
    let mut scan = Scan::of(variable).filter(|_| is_finite);
    let sum = append(sum, &variable.data, scan.as_mut())?;
    scan.map_or(Ok(()), |scan| scan.check(path))?;
    Ok(sum)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_go_there_and_back() {
        let checksums = [0, 0xdead_beef, 7];
        assert_eq!(to_hex(&checksums), "00000000deadbeef00000007");
        assert_eq!(from_hex("00000000deadbeef00000007").unwrap(), checksums);
        assert!(from_hex("0000000").is_err());
        assert!(from_hex("0000000g").is_err());
    }
}
