//! `load`: from a path to an artifact that is all in memory.

use std::path::Path;
use std::sync::{Arc, Mutex};

use kerata_core::{Artifact, Data, Error, Result, ResultExt, SourceRef};
use kerata_store::Arena;

use crate::{OpenOptions, open};

/// Tensors start at multiples of this, so that engines read them where they lie.
const ALIGN_BYTES: u64 = 64;
/// Bytes that one thread reads at a time at most.
const PIECE_BYTES: u64 = 8 << 20;
/// Bytes between two tensors that are read with them and dropped.
const MAX_GAP_BYTES: u64 = 64 << 10;
/// Parts that the disk is told of before they are read.
const AHEAD_BATCHES: usize = 4;
/// Reading is bound by the disk or by memory, so more threads do not help.
const MAX_THREADS: usize = 2;

/// Reads a model of any format, with all its tensors, into memory: the file may be replaced or removed afterwards.
///
/// Costs the bytes of the tensors once, plus little. [`open`] is the lazy form.
pub fn load(path: impl AsRef<Path>, options: &OpenOptions) -> Result<Artifact> {
    let path = path.as_ref();
    let mut artifact = open(path, options)?;
    hold(&mut artifact).at(|| path.display().to_string())?;
    Ok(artifact)
}

/// A part of a tensor and the memory that it goes to.
struct Piece<'a> {
    path: &'a str,
    data: &'a Data,
    /// Bytes of the tensor before this part.
    start: u64,
    memory: &'a mut [u8],
}

impl Piece<'_> {
    /// The source that the part lies in as it is, and where.
    fn place(&self) -> Option<(&SourceRef, u64)> {
        self.data.as_range().map(|(source, offset, _)| (source, offset + self.start))
    }

    fn len(&self) -> u64 {
        self.memory.len() as u64
    }
}

/// Moves the tensors that still lie in a file into memory of the artifact's own.
pub fn hold(artifact: &mut Artifact) -> Result<()> {
    let mut places = Vec::with_capacity(artifact.variables.len());
    let mut end = 0u64;
    for (path, variable) in artifact.variables.iter() {
        let is_text = variable.data.as_strings().is_some();
        if is_text || variable.data.is_empty() {
            continue;
        }
        places.push((path.to_owned(), variable.data.clone(), end));
        let after =
            end.checked_add(variable.data.len()).and_then(|end| end.checked_next_multiple_of(ALIGN_BYTES));
        end = after.ok_or_else(|| Error::limit("tensors of more than 2^64 bytes"))?;
    }
    let mut arena = Arena::new(end)?;
    read_all(batches(pieces(&places, arena.bytes_mut())?))?;
    let source = arena.freeze();
    for (path, data, start) in places {
        if let Some(variable) = artifact.variables.get_mut(&path) {
            variable.data = Data::range(source.clone(), start, data.len())?;
        }
    }
    Ok(())
}

/// Cuts the memory to the tensors, and large tensors that lie in a file as they are to parts.
fn pieces<'a>(places: &'a [(String, Data, u64)], mut memory: &'a mut [u8]) -> Result<Vec<Piece<'a>>> {
    let mut pieces = Vec::with_capacity(places.len());
    let mut taken = 0;
    for (path, data, place) in places {
        let mut start = 0;
        while start < data.len() {
            let left = data.len() - start;
            let size = if data.as_range().is_some() { left.min(PIECE_BYTES) } else { left };
            let (gap, size_in_memory) = ((place + start - taken) as usize, size as usize);
            let short = || Error::internal("the arena is smaller than its tensors");
            let (_, rest) = std::mem::take(&mut memory).split_at_mut_checked(gap).ok_or_else(short)?;
            let (part, rest) = rest.split_at_mut_checked(size_in_memory).ok_or_else(short)?;
            pieces.push(Piece { path, data, start, memory: part });
            (memory, taken) = (rest, place + start + size);
            start += size;
        }
    }
    Ok(pieces)
}

/// Pieces that lie near each other in one source, in order, so that a disk is read from front to back in large parts.
fn batches(mut pieces: Vec<Piece<'_>>) -> Vec<Vec<Piece<'_>>> {
    let place = |piece: &Piece<'_>| piece.place().map(|(source, at)| (Arc::as_ptr(source).addr(), at));
    pieces.sort_by_key(place);
    let mut batches: Vec<Vec<Piece<'_>>> = Vec::new();
    let mut left = 0;
    for piece in pieces {
        let gap = batches.last().and_then(|batch| batch.last()).and_then(|last| gap(last, &piece));
        let size = gap.map(|gap| gap.saturating_add(piece.len()));
        match (batches.last_mut(), size) {
            (Some(batch), Some(size)) if size <= left => {
                left -= size;
                batch.push(piece);
            }
            _ => {
                left = PIECE_BYTES.saturating_sub(piece.len());
                batches.push(vec![piece]);
            }
        }
    }
    batches
}

/// Bytes between two pieces of one source; `None` when they are better read apart.
fn gap(before: &Piece<'_>, after: &Piece<'_>) -> Option<u64> {
    let ((source, start), (other, next)) = (before.place()?, after.place()?);
    let gap = next.checked_sub(start + before.len()).filter(|gap| *gap <= MAX_GAP_BYTES)?;
    Arc::ptr_eq(source, other).then_some(gap)
}

/// Bytes of a source: where they begin, how many there are.
type Range = (SourceRef, u64, u64);

/// What is still to be read, and how far it was announced.
struct Queue<'a> {
    batches: std::vec::IntoIter<Vec<Piece<'a>>>,
    announced: usize,
}

impl<'a> Queue<'a> {
    /// The next batch, and where those lie that are to be announced now.
    fn next(&mut self) -> Option<(Vec<Piece<'a>>, Vec<Range>)> {
        let batch = self.batches.next()?;
        let ahead = self.batches.as_slice();
        self.announced = self.announced.saturating_sub(1);
        let new = ahead.get(self.announced..ahead.len().min(AHEAD_BATCHES)).unwrap_or_default();
        self.announced += new.len();
        Some((batch, new.iter().filter_map(|batch| range(batch)).collect()))
    }
}

/// Where a batch lies.
fn range(batch: &[Piece<'_>]) -> Option<Range> {
    let ((source, start), last) = (batch.first()?.place()?, batch.last()?);
    Some((source.clone(), start, last.place()?.1 + last.len() - start))
}

fn read_all(batches: Vec<Vec<Piece<'_>>>) -> Result<()> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from).min(MAX_THREADS);
    let queue = Mutex::new(Queue { batches: batches.into_iter(), announced: 0 });
    let next = || queue.lock().unwrap_or_else(std::sync::PoisonError::into_inner).next();
    let work = || {
        let mut gaps = Vec::new();
        while let Some((batch, ahead)) = next() {
            for (source, start, len) in ahead {
                source.expect(start, len);
            }
            read_batch(batch, &mut gaps)?;
        }
        Ok(())
    };
    std::thread::scope(|scope| {
        let others: Vec<_> = (1..threads).map(|_| scope.spawn(work)).collect();
        let own = work();
        others.into_iter().fold(own, |done, other| {
            done.and(other.join().unwrap_or_else(|_| Err(Error::internal("a reading thread stopped"))))
        })
    })
}

/// Reads pieces in one go; what lies between them goes to `gaps`.
fn read_batch(mut batch: Vec<Piece<'_>>, gaps: &mut Vec<u8>) -> Result<()> {
    if batch.len() > 1
        && let Some((source, start, len)) = range(&batch)
    {
        let between = len.saturating_sub(batch.iter().map(Piece::len).sum()) as usize;
        gaps.resize(gaps.len().max(between), 0);
        let (mut rest, mut position) = (gaps.as_mut_slice(), start);
        let mut parts: Vec<&mut [u8]> = Vec::with_capacity(2 * batch.len());
        for piece in &mut batch {
            let at = piece.place().map_or(position, |(_, at)| at);
            let (gap, others) = rest.split_at_mut((at - position) as usize);
            (rest, position) = (others, at + piece.len());
            parts.extend(Some(gap).filter(|gap| !gap.is_empty()));
            parts.push(&mut *piece.memory);
        }
        debug_assert_eq!(position, start + len);
        if source.read_parts_at(start, &mut parts).is_ok() {
            return Ok(());
        }
    }
    // One by one, the error tells whose it is.
    batch.into_iter().try_for_each(|piece| {
        let path = piece.path;
        read(piece).at(|| path.to_owned())
    })
}

fn read(piece: Piece<'_>) -> Result<()> {
    if let Some((source, offset, _)) = piece.data.as_range() {
        return source.read_at(offset + piece.start, piece.memory);
    }
    let mut rest = piece.memory;
    piece.data.stream(&mut |block| {
        let (part, after) = std::mem::take(&mut rest)
            .split_at_mut_checked(block.len())
            .ok_or_else(|| Error::corrupt("a tensor decodes to more bytes than its shape has"))?;
        part.copy_from_slice(block);
        rest = after;
        Ok(())
    })?;
    if rest.is_empty() {
        Ok(())
    } else {
        Err(Error::corrupt("a tensor decodes to fewer bytes than its shape has"))
    }
}

#[cfg(test)]
mod tests {
    use kerata_core::{DType, MemorySource, Variable};

    use super::*;

    /// Byte `i` of the source is `i % 251`.
    fn source(len: usize) -> SourceRef {
        MemorySource::shared((0..len).map(|at| (at % 251) as u8).collect())
    }

    #[test]
    fn tensors_far_and_near_large_and_shared_all_come() {
        let (near, far) = (source(30 << 20), source(1 << 20));
        let places = [
            (&near, 25 << 20, 100), // behind all others, named first
            (&near, 0, 3),
            (&near, 7, 20 << 20),           // in several pieces
            (&near, 7, 20 << 20),           // the same bytes again
            (&near, (20 << 20) + 10, 1000), // near the one before
            (&far, 5, 70_000),
            (&far, 70_005, 0),
            (&far, 70_005, 11),
            (&far, 200_000, 11), // further than what is read for nothing
        ];
        let mut artifact = Artifact::new();
        for (number, (source, offset, len)) in places.iter().enumerate() {
            let data = Data::range((*source).clone(), *offset, *len).unwrap();
            let variable = Variable::new(DType::Uint8, [*len], data).unwrap();
            artifact.variables.insert(format!("vars/{number}"), variable).unwrap();
        }
        hold(&mut artifact).unwrap();
        for ((path, variable), (_, offset, len)) in artifact.variables.iter().zip(places) {
            let bytes = variable.data.bytes().unwrap();
            assert_eq!(bytes.len() as u64, len, "{path}");
            let is_right = |(at, byte): (u64, &u8)| *byte == (at % 251) as u8;
            assert!((offset..).zip(bytes.iter()).all(is_right), "{path}");
        }
    }

    #[test]
    fn neighbours_are_read_together_and_the_disk_hears_of_each_once() {
        let source = source(64 << 20);
        let mut memory = vec![0; 64 << 20];
        let tensors: Vec<Data> =
            (0..64).map(|at| Data::range(source.clone(), at << 20, (1 << 20) - 8).unwrap()).collect();
        let size = (1 << 20) - 8;
        let parts = memory.chunks_mut(1 << 20).map(|part| &mut part[..size]);
        let pieces =
            tensors.iter().zip(parts).map(|(data, memory)| Piece { path: "", data, start: 0, memory });
        let batches = batches(pieces.collect());
        assert_eq!(batches.iter().map(Vec::len).collect::<Vec<_>>(), [8; 8]);
        let mut queue = Queue { batches: batches.into_iter(), announced: 0 };
        let mut announced = Vec::new();
        while let Some((_, ranges)) = queue.next() {
            announced.extend(ranges.into_iter().map(|(_, start, _)| start >> 23));
        }
        assert_eq!(announced, [1, 2, 3, 4, 5, 6, 7]);
    }
}
