//! `ZipWriter`: writes an archive in one pass; equal members give equal bytes.

use std::collections::HashSet;

use crc32fast::Hasher;
use flate2::{Compress, Compression, FlushCompress, Status};
use kerata_core::{Error, Limits, Result, ResultExt, Sink};

use super::name;
use super::read::{Archive, Member};
use super::records::{CENTRAL, END, END_64, END_64_BYTES, EXTRA_64, LOCAL, LOCAL_BYTES, LOCATOR_64};

/// Made on Unix, by version 2.0.
const MADE_BY: u16 = 3 << 8 | VERSION;
const VERSION: u16 = 20;
const VERSION_64: u16 = 45;
/// Mode 0600, as Python's `zipfile` gives it.
const ATTRIBUTES: u32 = 0o600 << 16;
/// 1980-01-01, the first day a zip file knows.
const DATE: u16 = 1 << 5 | 1;
/// General purpose bit 11: the name is UTF-8.
const FLAG_UTF8: u16 = 1 << 11;
/// Extra field whose only use is its length (`zipalign`'s).
const EXTRA_ALIGN: u16 = 0xd935;
/// Sizes from which 64-bit fields are used.
const WIDE_FROM: u64 = u32::MAX as u64;
/// Room that an expected size leaves for what its caller did not count.
const EXPECTED_SLACK_BYTES: u64 = 64 << 20;
/// First bytes of a member that stay patchable.
const PATCHABLE_BYTES: usize = 4096;
const BLOCK_BYTES: usize = 64 << 10;

/// Writes an archive into a sink.
pub struct ZipWriter<'s> {
    sink: &'s mut dyn Sink,
    entries: Vec<Entry>,
    names: HashSet<String>,
}

/// What an archive notes of a member beside its name and bytes: where it was made, when, and its attributes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    pub(super) made_by: u16,
    pub(super) time: u16,
    pub(super) date: u16,
    pub(super) attributes: u32,
}

impl Default for Stamp {
    /// That of every new member.
    fn default() -> Self {
        Self { made_by: MADE_BY, time: 0, date: DATE, attributes: ATTRIBUTES }
    }
}

struct Entry {
    name: String,
    offset: u64,
    crc: u32,
    stored: u64,
    size: u64,
    is_deflated: bool,
    is_wide: bool,
    stamp: Stamp,
}

/// How a member is written.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct MemberOptions {
    /// Offset in the archive that the member's bytes start at a multiple of; 0 and 1 for anywhere.
    pub align: u64,
    /// About how many bytes will come; needed from 4 GiB on.
    pub expected_bytes: u64,
    /// Whether the member is deflated.
    pub deflate: bool,
    /// Its date and attributes.
    pub stamp: Stamp,
}

impl MemberOptions {
    /// Stored, not aligned, small.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the alignment.
    #[must_use]
    pub fn align(mut self, align: u64) -> Self {
        self.align = align;
        self
    }

    /// Sets how many bytes are expected.
    #[must_use]
    pub fn expected_bytes(mut self, bytes: u64) -> Self {
        self.expected_bytes = bytes;
        self
    }

    /// Sets date and attributes.
    #[must_use]
    pub fn stamp(mut self, stamp: Stamp) -> Self {
        self.stamp = stamp;
        self
    }

    /// Sets whether the member is deflated.
    #[must_use]
    pub fn deflate(mut self, deflate: bool) -> Self {
        self.deflate = deflate;
        self
    }
}

impl<'s> ZipWriter<'s> {
    /// Starts an archive in an empty sink.
    pub fn new(sink: &'s mut dyn Sink) -> Self {
        Self { sink, entries: Vec::new(), names: HashSet::new() }
    }

    /// Writes a whole stored member.
    pub fn add(&mut self, name: &str, bytes: &[u8]) -> Result<()> {
        let options = MemberOptions::new().expected_bytes(bytes.len() as u64);
        let mut member = self.start(name, &options)?;
        member.write(bytes)?;
        member.finish()
    }

    /// Starts a member; it must be finished before the next one.
    pub fn start(&mut self, name: &str, options: &MemberOptions) -> Result<MemberSink<'_, 's>> {
        let entry = self.open(name, options)?;
        Ok(MemberSink {
            start: self.sink.position(),
            zip: self,
            entry,
            head: Vec::new(),
            rest: Hasher::new(),
            deflate: options.deflate.then(|| Compress::new(Compression::default(), false)),
        })
    }

    /// Writes a member of another archive as it is stored there, with its date and attributes.
    pub fn copy(&mut self, archive: &Archive, member: &Member, align: u64) -> Result<()> {
        let options = MemberOptions::new().expected_bytes(member.len()).align(align).stamp(member.stamp());
        let mut entry = self.open(member.name(), &options.deflate(!member.is_stored()))?;
        let start = self.sink.position();
        archive.stored(member)?.stream(&mut |part| self.sink.write(part)).at(|| member.name())?;
        (entry.crc, entry.size) = (member.crc(), member.len());
        entry.stored = self.sink.position() - start;
        self.close(entry)
    }

    /// Writes the header of a member, with its sizes left open.
    fn open(&mut self, name: &str, options: &MemberOptions) -> Result<Entry> {
        let name = name::check(name.as_bytes(), &Limits::default())?;
        if !self.names.insert(name.clone()) {
            return Err(Error::already_exists("a member stands twice in the zip file").at(name));
        }
        let offset = self.sink.position();
        let is_wide = options.expected_bytes.saturating_add(EXPECTED_SLACK_BYTES) >= WIDE_FROM;
        let MemberOptions { deflate: is_deflated, stamp, .. } = *options;
        let entry = Entry { name, offset, crc: 0, stored: 0, size: 0, is_deflated, is_wide, stamp };
        self.sink.write(&entry.local_header(options.align)?)?;
        Ok(entry)
    }

    /// Puts the sizes of a member into its header.
    fn close(&mut self, entry: Entry) -> Result<()> {
        if !entry.is_wide && entry.stored.max(entry.size) >= WIDE_FROM {
            return Err(Error::internal("a member of 4 GiB that was announced as smaller").at(&entry.name));
        }
        let Entry { offset, crc, stored, size, is_wide, ref name, .. } = entry;
        let mut fields = crc.to_le_bytes().to_vec();
        if is_wide {
            // The extra field stands right behind the name: id, length, then the two sizes.
            let extra = offset + LOCAL_BYTES + name.len() as u64 + 4;
            self.sink.patch(extra, &[size.to_le_bytes(), stored.to_le_bytes()].concat())?;
            put(&mut fields, &[&[0xff; 8]]);
        } else {
            put(&mut fields, &[&narrow(stored).to_le_bytes(), &narrow(size).to_le_bytes()]);
        }
        self.sink.patch(offset + 14, &fields)?;
        self.entries.push(entry);
        Ok(())
    }

    /// Writes the central directory.
    pub fn finish(self) -> Result<()> {
        let offset = self.sink.position();
        for entry in &self.entries {
            self.sink.write(&entry.central_record()?)?;
        }
        let len = self.sink.position() - offset;
        let count = self.entries.len() as u64;
        let is_wide = count >= u16::MAX.into() || len >= WIDE_FROM || offset >= WIDE_FROM;
        let mut out = Vec::new();
        if is_wide {
            let end_64 = self.sink.position();
            put(&mut out, &[&END_64.to_le_bytes(), &(END_64_BYTES - 12).to_le_bytes()]);
            put(&mut out, &[&(3 << 8 | VERSION_64).to_le_bytes(), &VERSION_64.to_le_bytes(), &[0; 8]]);
            for number in [count, count, len, offset] {
                put(&mut out, &[&number.to_le_bytes()]);
            }
            put(&mut out, &[&LOCATOR_64.to_le_bytes(), &[0; 4], &end_64.to_le_bytes(), &1u32.to_le_bytes()]);
        }
        let count = u16::try_from(count).unwrap_or(u16::MAX).to_le_bytes();
        put(&mut out, &[&END.to_le_bytes(), &[0; 4], &count, &count]);
        put(&mut out, &[&narrow(len).to_le_bytes(), &narrow(offset).to_le_bytes(), &[0; 2]]);
        self.sink.write(&out)
    }
}

/// Takes the bytes of one member.
pub struct MemberSink<'w, 's> {
    zip: &'w mut ZipWriter<'s>,
    entry: Entry,
    start: u64,
    /// The first bytes, kept for patching; their CRC is taken at the end.
    head: Vec<u8>,
    rest: Hasher,
    deflate: Option<Compress>,
}

impl MemberSink<'_, '_> {
    /// Ends the member and patches its header.
    pub fn finish(mut self) -> Result<()> {
        if self.deflate.is_some() {
            self.deflate_block(&[], FlushCompress::Finish)?;
        }
        let mut crc = Hasher::new();
        crc.update(&self.head);
        crc.combine(&self.rest);
        self.entry.crc = crc.finalize();
        self.entry.stored = self.zip.sink.position() - self.start;
        self.zip.close(self.entry)
    }

    fn deflate_block(&mut self, mut bytes: &[u8], flush: FlushCompress) -> Result<()> {
        let failed = || Error::internal("deflate failed");
        let state = self.deflate.as_mut().ok_or_else(failed)?;
        let mut output = vec![0; BLOCK_BYTES];
        loop {
            let (before_in, before_out) = (state.total_in(), state.total_out());
            let status = state.compress(bytes, &mut output, flush).map_err(|_| failed())?;
            let used = (state.total_in() - before_in) as usize;
            let made = (state.total_out() - before_out) as usize;
            bytes = bytes.get(used..).ok_or_else(failed)?;
            self.zip.sink.write(output.get(..made).ok_or_else(failed)?)?;
            let is_done = match flush {
                FlushCompress::Finish => status == Status::StreamEnd,
                _ => bytes.is_empty(),
            };
            if is_done {
                return Ok(());
            }
        }
    }
}

impl Sink for MemberSink<'_, '_> {
    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        let (head, rest) = bytes.split_at(bytes.len().min(PATCHABLE_BYTES - self.head.len()));
        self.head.extend_from_slice(head);
        self.entry.size += bytes.len() as u64;
        if self.deflate.is_some() {
            self.rest.update(rest);
            return self.deflate_block(bytes, FlushCompress::None);
        }
        self.zip.sink.write(head)?;
        // Block by block, so that the copy finds in the cache what the CRC has read.
        rest.chunks(BLOCK_BYTES).try_for_each(|block| {
            self.rest.update(block);
            self.zip.sink.write(block)
        })
    }

    fn position(&self) -> u64 {
        self.entry.size
    }

    /// Only the first 4096 bytes of a stored member can be patched: later ones are in the running CRC-32.
    fn patch(&mut self, offset: u64, bytes: &[u8]) -> Result<()> {
        let start = usize::try_from(offset).unwrap_or(usize::MAX);
        let end = start.saturating_add(bytes.len());
        match self.head.get_mut(start..end) {
            Some(part) if self.deflate.is_none() => part.copy_from_slice(bytes),
            _ => return Err(Error::internal("only the start of a stored zip member can be patched")),
        }
        self.zip.sink.patch(self.start + offset, bytes)
    }
}

impl Entry {
    /// The local header with sizes left open, padded by an extra field so that the data is aligned.
    fn local_header(&self, align: u64) -> Result<Vec<u8>> {
        let mut extra = Vec::new();
        if self.is_wide {
            put(&mut extra, &[&EXTRA_64.to_le_bytes(), &16u16.to_le_bytes(), &[0; 16]]);
        }
        if align > 1 {
            let unpadded = self.offset + LOCAL_BYTES + (self.name.len() + extra.len()) as u64;
            // Four bytes of field header, two that repeat the alignment.
            let padding = (align - (unpadded + 6) % align) % align;
            let too_far = |_| Error::usage("an alignment of a zip member beyond 32 KiB");
            let (len, align) =
                (u16::try_from(padding + 2).map_err(too_far)?, u16::try_from(align).map_err(too_far)?);
            put(&mut extra, &[&EXTRA_ALIGN.to_le_bytes(), &len.to_le_bytes(), &align.to_le_bytes()]);
            extra.resize(extra.len() + padding as usize, 0);
        }
        let mut out = LOCAL.to_le_bytes().to_vec();
        self.put_shared(&mut out, [0; 12])?;
        let extra_len = u16::try_from(extra.len()).map_err(|_| Error::internal("a long extra field"))?;
        put(&mut out, &[&extra_len.to_le_bytes(), self.name.as_bytes(), &extra]);
        Ok(out)
    }

    fn central_record(&self) -> Result<Vec<u8>> {
        let is_far = self.offset >= WIDE_FROM;
        let mut extra = Vec::new();
        if self.is_wide || is_far {
            let mut wide = Vec::new();
            if self.is_wide {
                put(&mut wide, &[&self.size.to_le_bytes(), &self.stored.to_le_bytes()]);
            }
            if is_far {
                put(&mut wide, &[&self.offset.to_le_bytes()]);
            }
            put(&mut extra, &[&EXTRA_64.to_le_bytes(), &(wide.len() as u16).to_le_bytes(), &wide]);
        }
        let mut sizes = [0; 12];
        sizes[..4].copy_from_slice(&self.crc.to_le_bytes());
        let (stored, size) =
            if self.is_wide { (u32::MAX, u32::MAX) } else { (narrow(self.stored), narrow(self.size)) };
        sizes[4..8].copy_from_slice(&stored.to_le_bytes());
        sizes[8..].copy_from_slice(&size.to_le_bytes());
        let mut out = CENTRAL.to_le_bytes().to_vec();
        put(&mut out, &[&self.stamp.made_by.to_le_bytes()]);
        self.put_shared(&mut out, sizes)?;
        // Comment length, disk, internal attributes.
        put(&mut out, &[&(extra.len() as u16).to_le_bytes(), &[0; 6], &self.stamp.attributes.to_le_bytes()]);
        put(&mut out, &[&narrow(self.offset).to_le_bytes(), self.name.as_bytes(), &extra]);
        Ok(out)
    }

    /// The fields that both headers have, from the version to the length of the name.
    fn put_shared(&self, out: &mut Vec<u8>, sizes: [u8; 12]) -> Result<()> {
        let version = if self.is_wide { VERSION_64 } else { VERSION };
        let flags = if self.name.is_ascii() { 0 } else { FLAG_UTF8 };
        let method: u16 = if self.is_deflated { 8 } else { 0 };
        let name_len = u16::try_from(self.name.len()).map_err(|_| Error::usage("a long member name"))?;
        put(out, &[&version.to_le_bytes(), &flags.to_le_bytes(), &method.to_le_bytes()]);
        put(
            out,
            &[
                &self.stamp.time.to_le_bytes(),
                &self.stamp.date.to_le_bytes(),
                &sizes,
                &name_len.to_le_bytes(),
            ],
        );
        Ok(())
    }
}

fn put(out: &mut Vec<u8>, parts: &[&[u8]]) {
    for part in parts {
        out.extend_from_slice(part);
    }
}

/// The 32-bit form of a number, all ones when it does not fit.
fn narrow(number: u64) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::super::{Archive, Member};
    use super::*;
    use kerata_core::MemorySource;

    fn archive(bytes: Vec<u8>) -> Archive {
        Archive::open(MemorySource::shared(bytes), &Limits::default()).unwrap()
    }

    #[test]
    fn members_come_back_stored_deflated_aligned_and_patched() {
        let long = vec![7; 100_000];
        let mut bytes = Vec::new();
        let mut zip = ZipWriter::new(&mut bytes);
        zip.add("config.json", b"{}").unwrap();
        let mut member = zip.start("w.h5", &MemberOptions::new().align(64)).unwrap();
        member.write(b"0123").unwrap();
        member.write(&long).unwrap();
        member.patch(1, b"ab").unwrap();
        assert!(member.patch(4095, b"ab").is_err());
        member.finish().unwrap();
        let mut member = zip.start("assets/é.txt", &MemberOptions::new().deflate(true)).unwrap();
        member.write(&long).unwrap();
        member.finish().unwrap();
        assert!(zip.start("w.h5", &MemberOptions::new()).is_err());
        zip.finish().unwrap();

        let zip = archive(bytes);
        let names: Vec<&str> = zip.members().map(Member::name).collect();
        assert_eq!(names, ["config.json", "w.h5", "assets/é.txt"]);
        let weights = zip.get("w.h5").unwrap();
        assert_eq!(weights.offset() % 64, 0);
        assert!(zip.read(weights, 1 << 20).unwrap().starts_with(b"0ab3\x07\x07"));
        assert_eq!(zip.data(zip.get("assets/é.txt").unwrap()).unwrap().bytes().unwrap().len(), 100_000);
        zip.members().for_each(|member| zip.verify(member).unwrap());
    }

    #[test]
    fn wide_fields_are_used_when_announced() {
        let mut bytes = Vec::new();
        let mut zip = ZipWriter::new(&mut bytes);
        let mut member = zip.start("w", &MemberOptions::new().expected_bytes(5 << 30).align(64)).unwrap();
        member.write(b"abc").unwrap();
        member.finish().unwrap();
        zip.finish().unwrap();
        let zip = archive(bytes);
        assert_eq!(zip.read(zip.get("w").unwrap(), 3).unwrap(), b"abc");
        assert_eq!(zip.get("w").unwrap().offset() % 64, 0);
    }

    #[test]
    fn damage_in_a_member_fails_its_crc_only_when_read() {
        let mut bytes = Vec::new();
        let mut zip = ZipWriter::new(&mut bytes);
        zip.add("a", b"abcd").unwrap();
        zip.finish().unwrap();
        let at = bytes.windows(4).position(|part| part == b"abcd").unwrap();
        bytes[at] ^= 1;
        let zip = archive(bytes);
        let error = zip.verify(zip.get("a").unwrap()).unwrap_err();
        assert_eq!(error.kind(), kerata_core::ErrorKind::Corrupt);
    }
}
