//! `load`: from a path to an artifact that is all in memory.

use std::path::Path;
use std::sync::Mutex;

use kerata_core::{Artifact, Data, Error, Result, ResultExt};
use kerata_store::Arena;

use crate::{OpenOptions, open};

/// Tensors start at multiples of this, so that engines read them where they lie.
const ALIGN_BYTES: u64 = 64;
/// Bytes that one thread reads at a time.
const PIECE_BYTES: u64 = 8 << 20;
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
    read_all(pieces(&places, arena.bytes_mut())?)?;
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

fn read_all(pieces: Vec<Piece<'_>>) -> Result<()> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from).min(MAX_THREADS);
    let queue = Mutex::new(pieces.into_iter());
    let next = || queue.lock().unwrap_or_else(std::sync::PoisonError::into_inner).next();
    let work = || {
        while let Some(piece) = next() {
            let path = piece.path;
            read(piece).at(|| path.to_owned())?;
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

fn read(piece: Piece<'_>) -> Result<()> {
    if let Some((source, offset, _)) = piece.data.as_range() {
        let (start, len) = (offset + piece.start, piece.memory.len() as u64);
        source.read_at(start, piece.memory)?;
        source.forget(start, len);
        return Ok(());
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
