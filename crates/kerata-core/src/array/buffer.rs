//! `Buffer`: elements of one type, owned or lying in a mapped file; cheap to clone.
//!
//! Those that lie in a file unaligned are copied when they are first read as a slice; who can do without the copy takes the
//! bytes by [`Buffer::unaligned`].

use std::fmt;
use std::marker::PhantomData;
use std::ops::Deref;
use std::sync::{Arc, OnceLock};

use bytemuck::{AnyBitPattern, NoUninit};

use crate::data::LazyBytes;
use crate::{Data, Error, Result};

/// Elements that are read like a slice; clones share them.
pub struct Buffer<T>(Repr<T>);

enum Repr<T> {
    Owned(Arc<Vec<T>>),
    /// The first elements of a vector that holds more.
    Front(Arc<Vec<T>>, usize),
    /// Bytes in memory, aligned for `T`: checked by [`Buffer::from_data`].
    Mapped(Data, PhantomData<T>),
    Unaligned(Arc<Unaligned<T>>),
}

/// Bytes in memory of whole elements, not aligned for `T`, and their copy once it was needed.
struct Unaligned<T> {
    data: Data,
    len: usize,
    copy: OnceLock<Vec<T>>,
}

impl<T: AnyBitPattern + NoUninit> Buffer<T> {
    /// Elements from little-endian bytes: used where they lie when they are in memory, else copied. Those that are not
    /// aligned are copied when they are read as a slice.
    pub fn from_data(data: &Data) -> Result<Self> {
        let width = size_of::<T>();
        let are_whole = |bytes: &[u8]| match bytes.len() % width {
            0 => Ok(()),
            _ => Err(Error::corrupt(format!("{} bytes are no elements of {width} bytes", bytes.len()))),
        };
        if let Some(bytes) = data.as_slice().filter(|_| cfg!(target_endian = "little")) {
            are_whole(bytes)?;
            return Ok(Self(match bytemuck::try_cast_slice::<u8, T>(bytes) {
                Ok(_) => Repr::Mapped(data.clone(), PhantomData),
                Err(_) => Repr::Unaligned(Arc::new(Unaligned {
                    data: data.clone(),
                    len: bytes.len() / width,
                    copy: OnceLock::new(),
                })),
            }));
        }
        let bytes = data.bytes()?;
        are_whole(&bytes)?;
        Ok(Self::from(copied(&bytes)))
    }

    /// How many elements there are.
    pub fn len(&self) -> usize {
        match &self.0 {
            Repr::Unaligned(elements) => elements.len,
            _ => self.deref().len(),
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The little-endian bytes of elements that lie in a file unaligned and were not copied yet: reading them here saves
    /// the copy.
    pub fn unaligned(&self) -> Option<&[u8]> {
        match &self.0 {
            Repr::Unaligned(elements) if elements.copy.get().is_none() => elements.data.as_slice(),
            _ => None,
        }
    }

    /// The elements, to change them; copied first when they are shared or mapped.
    pub fn into_vec(self) -> Vec<T> {
        match self.0 {
            Repr::Owned(elements) => Arc::try_unwrap(elements).unwrap_or_else(|shared| shared.to_vec()),
            Repr::Front(elements, len) => match Arc::try_unwrap(elements) {
                Ok(mut elements) => {
                    elements.truncate(len);
                    elements
                }
                Err(shared) => shared.iter().take(len).copied().collect(),
            },
            Repr::Mapped(..) => self.to_vec(),
            Repr::Unaligned(elements) => match Arc::try_unwrap(elements) {
                Ok(elements) => elements.into_copy(),
                Err(shared) => shared.copy.get().cloned().unwrap_or_else(|| shared.read()),
            },
        }
    }

    /// The first `len` elements of a vector, which is kept whole; none when it is shorter.
    pub fn front(elements: Vec<T>, len: usize) -> Option<Self> {
        match elements.len() {
            size if size == len => Some(Self::from(elements)),
            size if size > len => Some(Self(Repr::Front(Arc::new(elements), len))),
            _ => None,
        }
    }

    /// The vector behind the elements when nothing else holds it, to be used for something else; it may hold more.
    pub fn try_into_vec(self) -> Option<Vec<T>> {
        match self.0 {
            Repr::Owned(elements) | Repr::Front(elements, _) => Arc::try_unwrap(elements).ok(),
            Repr::Unaligned(elements) => Arc::try_unwrap(elements).ok()?.copy.into_inner(),
            Repr::Mapped(..) => None,
        }
    }

    /// Whether the elements are owned and nothing else holds them: [`try_into_vec`](Self::try_into_vec) gives them.
    pub fn is_alone(&self) -> bool {
        match &self.0 {
            Repr::Owned(elements) | Repr::Front(elements, _) => {
                Arc::strong_count(elements) == 1 && Arc::weak_count(elements) == 0
            }
            Repr::Unaligned(elements) => {
                Arc::strong_count(elements) == 1
                    && Arc::weak_count(elements) == 0
                    && elements.copy.get().is_some()
            }
            Repr::Mapped(..) => false,
        }
    }

    /// The bytes of the elements as they lie in memory.
    pub fn as_bytes(&self) -> &[u8] {
        bytemuck::cast_slice(self)
    }

    /// The bytes of the elements, shared with the buffer and not copied.
    pub fn to_data(&self) -> Data
    where
        T: fmt::Debug + Send + Sync,
    {
        match &self.0 {
            Repr::Owned(_) | Repr::Front(..) => Data::lazy(Arc::new(self.clone())),
            Repr::Mapped(data, _) => data.clone(),
            Repr::Unaligned(elements) => elements.data.clone(),
        }
    }
}

impl<T: AnyBitPattern> Unaligned<T> {
    fn read(&self) -> Vec<T> {
        // Held in memory since `from_data`; a source never moves its bytes.
        self.data.as_slice().map_or_else(Vec::new, copied)
    }

    fn into_copy(mut self) -> Vec<T> {
        self.copy.take().unwrap_or_else(|| self.read())
    }
}

/// The elements of bytes, which are whole elements.
fn copied<T: AnyBitPattern>(bytes: &[u8]) -> Vec<T> {
    // Collected and not copied over zeros: that would write them twice.
    bytes.chunks_exact(size_of::<T>()).map(bytemuck::pod_read_unaligned::<T>).collect()
}

impl<T: AnyBitPattern + NoUninit + fmt::Debug + Send + Sync> LazyBytes for Buffer<T> {
    fn len(&self) -> u64 {
        self.as_bytes().len() as u64
    }

    fn read(&self) -> Result<Vec<u8>> {
        Ok(self.as_bytes().to_vec())
    }

    fn as_slice(&self) -> Option<&[u8]> {
        Some(self.as_bytes())
    }

    fn stream(&self, take: &mut dyn FnMut(&[u8]) -> Result<()>) -> Result<()> {
        take(self.as_bytes())
    }
}

impl<T> From<Vec<T>> for Buffer<T> {
    fn from(elements: Vec<T>) -> Self {
        Self(Repr::Owned(Arc::new(elements)))
    }
}

impl<T> FromIterator<T> for Buffer<T> {
    fn from_iter<I: IntoIterator<Item = T>>(elements: I) -> Self {
        Self::from(elements.into_iter().collect::<Vec<T>>())
    }
}

impl<T: AnyBitPattern + NoUninit> Deref for Buffer<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        match &self.0 {
            Repr::Owned(elements) => elements,
            Repr::Front(elements, len) => elements.get(..*len).unwrap_or(&[]),
            // Held in memory and aligned since `from_data`; a source never moves its bytes.
            Repr::Mapped(data, _) => data.as_slice().map_or(&[], |bytes| bytemuck::cast_slice(bytes)),
            Repr::Unaligned(elements) => elements.copy.get_or_init(|| elements.read()),
        }
    }
}

impl<T> Clone for Buffer<T> {
    fn clone(&self) -> Self {
        match &self.0 {
            Repr::Owned(elements) => Self(Repr::Owned(elements.clone())),
            Repr::Front(elements, len) => Self(Repr::Front(elements.clone(), *len)),
            Repr::Mapped(data, _) => Self(Repr::Mapped(data.clone(), PhantomData)),
            Repr::Unaligned(elements) => Self(Repr::Unaligned(elements.clone())),
        }
    }
}

impl<T: AnyBitPattern + NoUninit + fmt::Debug> fmt::Debug for Buffer<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_front_of_a_vector_is_all_that_is_seen_of_it() {
        let front = Buffer::front(vec![1.0f32, 2.0, 3.0], 2).unwrap();
        assert_eq!(&*front, &[1.0, 2.0]);
        assert_eq!(front.to_data().bytes().unwrap().len(), 8);
        assert_eq!(front.clone().into_vec(), [1.0, 2.0]);
        let other = front.clone();
        assert!(!front.is_alone());
        drop(other);
        assert!(front.is_alone());
        assert_eq!(front.try_into_vec().unwrap(), [1.0, 2.0, 3.0]);
        assert!(Buffer::front(vec![1.0f32], 2).is_none());
    }
    use crate::MemorySource;

    #[test]
    fn unaligned_bytes_are_copied_and_equal() {
        let mut bytes = [0u8; 9];
        bytes[1..5].copy_from_slice(&1.5f32.to_le_bytes());
        bytes[5..9].copy_from_slice(&(-2.0f32).to_le_bytes());
        for offset in [0, 1] {
            let source = MemorySource::shared(bytes[1 - offset..].to_vec());
            let data = Data::range(source, offset as u64, 8).unwrap();
            assert_eq!(&*Buffer::<f32>::from_data(&data).unwrap(), &[1.5, -2.0]);
            assert_eq!(Buffer::<f32>::from_data(&data).unwrap().into_vec(), [1.5, -2.0]);
        }
        assert!(Buffer::<f32>::from_data(&Data::owned([0; 7])).is_err());
    }

    #[test]
    fn unaligned_elements_are_not_copied_before_they_are_read_as_a_slice() {
        let bytes: Vec<u8> = std::iter::repeat_n(1.5f32.to_le_bytes(), 4).flatten().collect();
        let source = MemorySource::shared(bytes.clone());
        let at =
            |shift: u64| Buffer::<f32>::from_data(&Data::range(source.clone(), shift, 12).unwrap()).unwrap();
        // Of four neighbouring bytes one is aligned, wherever the source lies.
        let lazy: Vec<u64> = (0..4).filter(|&shift| at(shift).unaligned().is_some()).collect();
        assert_eq!(lazy.len(), 3);
        let shift = lazy[0];
        let buffer = at(shift);
        let expected: Vec<f32> = bytes[shift as usize..][..12]
            .chunks(4)
            .map(|bytes| f32::from_le_bytes(bytes.try_into().unwrap()))
            .collect();
        assert_eq!((buffer.len(), buffer.unaligned().unwrap()), (3, &bytes[shift as usize..][..12]));
        assert!(!buffer.is_alone());
        assert_eq!(&*buffer, expected);
        assert!(buffer.unaligned().is_none() && buffer.is_alone());
        assert_eq!(buffer.try_into_vec().unwrap(), expected);
    }
}
