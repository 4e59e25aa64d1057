//! The staging arena: one buffer, taken once and used again, that a training state is copied into.

use std::fmt;
use std::sync::Arc;

use kerata_core::source::past_end;
use kerata_core::{Artifact, Data, Error, ErrorKind, Result, Source, SourceRef};

/// Where a tensor starts in the arena.
const ALIGN_BYTES: usize = 64;

/// Bytes of tensors, copied.
pub(super) struct Arena(Vec<u8>);

impl Arena {
    /// Copies all tensors of an artifact; the result reads them from the arena and is independent of the training.
    pub fn stage(mut buffer: Vec<u8>, artifact: &Artifact) -> Result<(Artifact, Arc<Self>)> {
        buffer.clear();
        take_room(&mut buffer, artifact)?;
        let mut starts = Vec::with_capacity(artifact.variables.len());
        for (_, variable) in artifact.variables.iter() {
            starts.push(buffer.len());
            if variable.data.as_strings().is_none() {
                variable.data.stream(&mut |block| {
                    buffer.extend_from_slice(block);
                    Ok(())
                })?;
                buffer.resize(buffer.len().next_multiple_of(ALIGN_BYTES), 0);
            }
        }
        let arena = Arc::new(Self(buffer));
        let source: SourceRef = arena.clone();
        let mut staged = artifact.clone();
        for ((_, variable), start) in staged.variables.iter_mut().zip(starts) {
            if variable.data.as_strings().is_none() {
                variable.data = Data::range(source.clone(), start as u64, variable.data.len())?;
            }
        }
        Ok((staged, arena))
    }

    /// A buffer that this artifact fits into, with its pages in memory.
    pub fn reserve(mut buffer: Vec<u8>, artifact: &Artifact) -> Result<Vec<u8>> {
        buffer.clear();
        take_room(&mut buffer, artifact)?;
        // A page is there when it was written.
        buffer.resize(room(artifact)?, 1);
        buffer.clear();
        Ok(buffer)
    }

    /// The buffer, to be used again, when nothing reads it any more.
    pub fn into_buffer(self: Arc<Self>) -> Vec<u8> {
        Arc::try_unwrap(self).map_or_else(|_| Vec::new(), |arena| arena.0)
    }
}

/// Bytes that an artifact takes.
fn room(artifact: &Artifact) -> Result<usize> {
    let sizes = artifact.variables.iter().filter(|(_, variable)| variable.data.as_strings().is_none());
    let total =
        sizes.map(|(_, variable)| variable.data.len().next_multiple_of(ALIGN_BYTES as u64)).sum::<u64>();
    usize::try_from(total).map_err(|_| no_memory(total))
}

fn take_room(buffer: &mut Vec<u8>, artifact: &Artifact) -> Result<()> {
    let total = room(artifact)?;
    buffer.try_reserve_exact(total).map_err(|_| no_memory(total as u64))
}

fn no_memory(bytes: u64) -> Error {
    Error::new(ErrorKind::LimitExceeded, format!("no memory for a copy of {bytes} bytes"))
        .hint("save without a background thread")
}

impl fmt::Debug for Arena {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Arena({} bytes)", self.0.len())
    }
}

impl Source for Arena {
    fn len(&self) -> u64 {
        self.0.len() as u64
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<()> {
        let start = usize::try_from(offset).ok();
        let range = start.and_then(|start| self.0.get(start..start.checked_add(buffer.len())?));
        let bytes = range.ok_or_else(|| past_end(offset, buffer.len() as u64, self.len()))?;
        buffer.copy_from_slice(bytes);
        Ok(())
    }

    fn as_slice(&self) -> Option<&[u8]> {
        Some(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use kerata_core::{DType, Variable};

    use super::*;

    #[test]
    fn what_is_staged_is_equal_and_the_buffer_comes_back() {
        let mut artifact = Artifact::new();
        for (path, bytes) in [("a", vec![1, 2, 3]), ("b", vec![9; 200]), ("c", vec![])] {
            let variable = Variable::new(DType::Uint8, [bytes.len() as u64], Data::owned(bytes)).unwrap();
            artifact.variables.insert(path, variable).unwrap();
        }
        let buffer = Arena::reserve(Vec::new(), &artifact).unwrap();
        let address = buffer.as_ptr();
        let (staged, arena) = Arena::stage(buffer, &artifact).unwrap();
        for ((_, found), (_, expected)) in staged.variables.iter().zip(artifact.variables.iter()) {
            assert_eq!(found.data.bytes().unwrap(), expected.data.bytes().unwrap());
        }
        drop(staged);
        let buffer = arena.into_buffer();
        assert_eq!(buffer.as_ptr(), address);
    }
}
