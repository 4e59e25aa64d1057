//! `Archive`: a zip file whose every record agrees with every other, so that no two readers can see two contents.

use std::sync::Arc;

use crc32fast::Hasher;
use flate2::{Decompress, FlushDecompress, Status};
use indexmap::IndexMap;
use kerata_core::data::LazyBytes;
use kerata_core::{Check, Data, Error, Limits, MemorySource, Result, ResultExt, SourceRef, SubSource};

use super::layout::{Place, check_places, find_end};
use super::name;
use super::records::{
    CENTRAL_BYTES, Central, FLAG_DESCRIPTOR, FLAGS_REFUSED, Fields, LOCAL, LOCAL_BYTES, Local,
};
use super::write::Stamp;

/// Inflated bytes of an archive that are fine whatever its size.
const FREE_INFLATED_BYTES: u64 = 1 << 20;
/// Bytes inflated or checked at a time.
const BLOCK_BYTES: usize = 256 << 10;
const REGULAR_FILE: u32 = 0o100_000;
const DIRECTORY: u32 = 0o040_000;

/// An opened zip file.
#[derive(Clone, Debug)]
pub struct Archive {
    source: SourceRef,
    members: IndexMap<String, Member>,
}

/// One file inside an archive.
#[derive(Clone, Debug)]
pub struct Member {
    name: String,
    is_deflated: bool,
    crc: u32,
    offset: u64,
    stored: u64,
    size: u64,
    stamp: Stamp,
}

impl Member {
    /// Its name, parts joined by `/`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its length after inflating.
    pub fn len(&self) -> u64 {
        self.size
    }

    /// Whether it is empty.
    pub fn is_empty(&self) -> bool {
        self.size == 0
    }

    /// Whether its bytes lie in the archive as they are.
    pub fn is_stored(&self) -> bool {
        !self.is_deflated
    }

    /// Where its bytes begin in the archive.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// The CRC-32 that the archive notes.
    pub fn crc(&self) -> u32 {
        self.crc
    }

    /// Its date and attributes.
    pub fn stamp(&self) -> Stamp {
        self.stamp
    }
}

impl Archive {
    /// Whether the bytes start as a zip file does.
    pub fn is_zip(head: &[u8]) -> bool {
        head.starts_with(&LOCAL.to_le_bytes())
    }

    /// Opens an archive and checks its structure; contents are not read.
    pub fn open(source: SourceRef, limits: &Limits) -> Result<Self> {
        let end = find_end(&*source)?;
        if end.entries > limits.max_zip_members as u64 {
            return Err(Error::limit(format!(
                "{} members in the zip file, the limit is {}",
                end.entries, limits.max_zip_members
            )));
        }
        if end.directory_len / CENTRAL_BYTES < end.entries {
            return Err(Error::corrupt("the central directory is too short for its entries"));
        }
        let directory = source.read_vec(end.directory_offset, end.directory_len)?;
        let mut fields = Fields(&directory);
        let mut members = Vec::new();
        let mut starts = Vec::new();
        for _ in 0..end.entries {
            let central = Central::take(&mut fields)?;
            let name = name::check(central.name, limits)?;
            let (member, has_descriptor) =
                read_member(&source, &central, end.directory_offset).at(|| name.clone())?;
            starts.push((central.offset, has_descriptor));
            members.push(Member { name, ..member });
        }
        if !fields.0.is_empty() {
            return Err(Error::corrupt("the central directory is longer than its entries"));
        }
        let place = |(member, (start, has_descriptor)): (_, &(u64, bool))| {
            let Member { name, offset, stored, size, crc, .. }: &Member = member;
            let descriptor = has_descriptor.then_some((*crc, *stored, *size));
            Place { name, start: *start, data_end: offset + stored, descriptor }
        };
        let mut places: Vec<Place<'_>> = members.iter().zip(&starts).map(place).collect();
        check_places(&*source, &mut places, end.directory_offset)?;
        check_expansion(&members, source.len(), limits)?;
        Ok(Self { source, members: files_by_name(members)? })
    }

    /// The files in the order of the central directory; entries for folders are left out.
    pub fn members(&self) -> impl ExactSizeIterator<Item = &Member> {
        self.members.values()
    }

    /// The file of this name.
    pub fn get(&self, name: &str) -> Option<&Member> {
        self.members.get(name)
    }

    /// Everything in a member, checked against its CRC-32; an error when it is longer than `max_bytes`.
    pub fn read(&self, member: &Member, max_bytes: u64) -> Result<Vec<u8>> {
        if member.size > max_bytes {
            return Err(Error::limit(format!("{} bytes, the limit is {max_bytes}", member.size)))
                .at(|| member.name());
        }
        let mut bytes = Vec::new();
        stream(&self.source, member, &mut |part| {
            bytes.extend_from_slice(part);
            Ok(())
        })?;
        Ok(bytes)
    }

    /// A member as a source: a part of the archive's own when it is stored (its CRC-32 is not checked: see
    /// [`verify`](Self::verify)), else inflated into memory and checked.
    pub fn source(&self, member: &Member) -> Result<SourceRef> {
        if member.is_deflated {
            return self.read(member, u64::MAX).map(MemorySource::shared);
        }
        SubSource::shared(self.source.clone(), member.offset, member.size)
    }

    /// A member's bytes, read or inflated when asked for.
    pub fn data(&self, member: &Member) -> Result<Data> {
        if member.is_deflated {
            let lazy = Deflated { source: self.source.clone(), member: member.clone() };
            return Ok(Data::lazy(Arc::new(lazy)));
        }
        Data::range(self.source.clone(), member.offset, member.size)
    }

    /// The bytes by which a member is stored, deflated or not.
    pub fn stored(&self, member: &Member) -> Result<Data> {
        Data::range(self.source.clone(), member.offset, member.stored)
    }

    /// All bytes of the archive.
    pub fn whole(&self) -> Result<Data> {
        Data::range(self.source.clone(), 0, self.source.len())
    }

    /// Reads a member once, against its CRC-32.
    pub fn verify(&self, member: &Member) -> Result<()> {
        stream(&self.source, member, &mut |_| Ok(()))
    }

    /// The same, to be run later.
    pub fn check(&self, member: &Member) -> Arc<dyn Check> {
        Arc::new(Checksum { source: self.source.clone(), member: member.clone() })
    }
}

#[derive(Debug)]
struct Checksum {
    source: SourceRef,
    member: Member,
}

impl Check for Checksum {
    fn place(&self) -> String {
        "zip".to_owned()
    }

    fn run(&self, go_on: &dyn Fn() -> Result<()>) -> Result<()> {
        stream(&self.source, &self.member, &mut |_| go_on())
    }
}

/// Checks a directory entry against its local header.
fn read_member(source: &SourceRef, central: &Central<'_>, directory: u64) -> Result<(Member, bool)> {
    if central.flags & FLAGS_REFUSED != 0 {
        return Err(Error::unsupported("the member is encrypted or a patch"));
    }
    let is_deflated = match central.method {
        0 => false,
        8 => true,
        other => {
            return Err(Error::unsupported(format!("compression method {other}"))
                .hint("kerata reads stored and deflated members"));
        }
    };
    match (central.unix_type(), central.name.ends_with(b"/")) {
        (0, _) | (REGULAR_FILE, false) | (DIRECTORY, true) => {}
        (0o120_000, _) => return Err(Error::untrusted("the member is a symbolic link")),
        _ => return Err(Error::untrusted("the member is no regular file")),
    }
    if central.name.ends_with(b"/") && central.size != 0 {
        return Err(Error::corrupt("a folder entry holds bytes"));
    }
    if !is_deflated && central.stored != central.size {
        return Err(Error::corrupt("the two sizes of a stored member differ"));
    }
    let fixed = source.read_vec(central.offset, LOCAL_BYTES)?;
    let tail_len = Local::tail_len(&fixed)?;
    let header = source.read_vec(central.offset, LOCAL_BYTES + tail_len)?;
    let local = Local::parse(&header)?;
    let has_descriptor = local.flags & FLAG_DESCRIPTOR != 0;
    let same_sizes = (local.crc, local.stored, local.size) == (central.crc, central.stored, central.size);
    let sizes_agree = same_sizes || has_descriptor && (local.crc, local.stored, local.size) == (0, 0, 0);
    if local.name != central.name || local.method != central.method || local.flags != central.flags {
        return Err(Error::corrupt("the local header and the central directory disagree"));
    }
    if !sizes_agree {
        return Err(Error::corrupt("local header and central directory disagree about size or CRC-32"));
    }
    let offset = central.offset + LOCAL_BYTES + tail_len;
    if offset.checked_add(central.stored).is_none_or(|end| end > directory) {
        return Err(Error::corrupt("the member reaches into the central directory"));
    }
    let member = Member {
        name: String::new(),
        is_deflated,
        crc: central.crc,
        offset,
        stored: central.stored,
        size: central.size,
        stamp: Stamp {
            made_by: central.made_by,
            time: central.time,
            date: central.date,
            attributes: central.attributes,
        },
    };
    Ok((member, has_descriptor))
}

fn check_expansion(members: &[Member], archive_len: u64, limits: &Limits) -> Result<()> {
    let mut total: u64 = 0;
    for member in members.iter().filter(|member| member.is_deflated) {
        total = total.saturating_add(member.size);
        let most = member.stored.saturating_mul(limits.max_member_expansion);
        if member.size > most.max(FREE_INFLATED_BYTES) {
            return Err(Error::limit(format!(
                "{} bytes from {} stored ones, the limit is {} to 1",
                member.size, member.stored, limits.max_member_expansion
            ))
            .at(member.name()));
        }
    }
    if total > archive_len.saturating_mul(limits.max_expansion).max(FREE_INFLATED_BYTES) {
        return Err(Error::limit(format!(
            "the zip file of {archive_len} bytes inflates to {total}, the limit is {} to 1",
            limits.max_expansion
        )));
    }
    Ok(())
}

/// Drops folder entries; names that stand twice, or as file and folder, are refused.
fn files_by_name(members: Vec<Member>) -> Result<IndexMap<String, Member>> {
    let mut files = IndexMap::new();
    let mut folders = std::collections::HashSet::new();
    for member in members {
        let name = member.name.clone();
        let mut parent = name.as_str();
        while let Some((folder, _)) = parent.rsplit_once('/') {
            if !folders.insert(folder.to_owned()) {
                break;
            }
            parent = folder;
        }
        if name.ends_with('/') {
            continue;
        }
        if files.insert(name.clone(), member).is_some() {
            let error = Error::corrupt("a member stands twice in the zip file");
            return Err(error.hint("readers would differ in which of the two they take").at(name));
        }
    }
    match files.keys().find(|name| folders.contains(*name)) {
        Some(name) => Err(Error::corrupt("a member is both a file and a folder").at(name.as_str())),
        None => Ok(files),
    }
}

/// Hands a member's bytes over in order; fails at the end when the CRC-32 is wrong.
fn stream(source: &SourceRef, member: &Member, take: &mut dyn FnMut(&[u8]) -> Result<()>) -> Result<()> {
    let mut crc = Hasher::new();
    let mut take = |part: &[u8]| {
        crc.update(part);
        take(part)
    };
    let streamed = if member.is_deflated {
        inflate(source, member, &mut take)
    } else {
        Data::range(source.clone(), member.offset, member.size).and_then(|data| data.stream(&mut take))
    };
    streamed.at(|| member.name())?;
    if crc.finalize() != member.crc {
        return Err(Error::corrupt("the bytes do not match their CRC-32")
            .at(member.name())
            .hint("the file was damaged; fetch or save it again"));
    }
    Ok(())
}

fn inflate(source: &SourceRef, member: &Member, take: &mut dyn FnMut(&[u8]) -> Result<()>) -> Result<()> {
    let broken = || Error::corrupt("the deflated data is damaged");
    let mut state = Decompress::new(false);
    let mut output = vec![0; BLOCK_BYTES];
    let mut input: Vec<u8> = Vec::new();
    let mut used = 0;
    let mut fetched = 0;
    loop {
        if used == input.len() && fetched < member.stored {
            let len = (member.stored - fetched).min(BLOCK_BYTES as u64);
            input = source.read_vec(member.offset + fetched, len)?;
            used = 0;
            fetched += len;
        }
        let rest = input.get(used..).unwrap_or_default();
        let (before_in, before_out) = (state.total_in(), state.total_out());
        let status = state.decompress(rest, &mut output, FlushDecompress::None).map_err(|_| broken())?;
        used += usize::try_from(state.total_in() - before_in).map_err(|_| broken())?;
        let made = usize::try_from(state.total_out() - before_out).map_err(|_| broken())?;
        if state.total_out() > member.size {
            return Err(Error::corrupt(format!("more than the {} bytes the zip file notes", member.size)));
        }
        take(output.get(..made).unwrap_or_default())?;
        if status == Status::StreamEnd {
            break;
        }
        if made == 0 && used == input.len() && fetched == member.stored {
            return Err(Error::corrupt("the deflated data is cut"));
        }
    }
    if state.total_out() != member.size || state.total_in() != member.stored {
        return Err(Error::corrupt("the deflated data is shorter than the zip file notes"));
    }
    Ok(())
}

/// A deflated member, inflated when asked for.
#[derive(Debug)]
struct Deflated {
    source: SourceRef,
    member: Member,
}

impl LazyBytes for Deflated {
    fn len(&self) -> u64 {
        self.member.size
    }

    fn read(&self) -> Result<Vec<u8>> {
        let mut bytes = Vec::new();
        stream(&self.source, &self.member, &mut |part| {
            bytes.extend_from_slice(part);
            Ok(())
        })?;
        Ok(bytes)
    }
}
