//! A tensor stored in several rectangles, put together when it is read.

use kerata_core::data::LazyBytes;
use kerata_core::{Data, Error, Result};

use super::slice_key::Extent;

/// One rectangle and its bytes.
#[derive(Debug)]
pub struct Part {
    pub extents: Vec<Extent>,
    pub data: Data,
}

/// A tensor made of rectangles that cover it exactly.
#[derive(Debug)]
pub struct Assembled {
    shape: Vec<u64>,
    element_bytes: u64,
    len: u64,
    parts: Vec<Part>,
}

impl Assembled {
    /// Checks that the parts lie side by side and fill the shape of `elements`.
    pub fn new(shape: Vec<u64>, elements: u64, element_bytes: u64, parts: Vec<Part>) -> Result<Self> {
        let volume =
            |part: &Part| part.extents.iter().try_fold(1u64, |volume, extent| volume.checked_mul(extent.len));
        let covered = parts.iter().try_fold(0u64, |sum, part| sum.checked_add(volume(part)?));
        if covered != Some(elements) {
            return Err(Error::corrupt("the slices of a tensor do not fill it"));
        }
        for (position, part) in parts.iter().enumerate() {
            if parts.iter().take(position).any(|other| overlap(&part.extents, &other.extents)) {
                return Err(Error::corrupt("the slices of a tensor overlap"));
            }
        }
        let len = elements
            .checked_mul(element_bytes)
            .ok_or_else(|| Error::limit("a tensor of more than 2^64 bytes"))?;
        Ok(Self { shape, element_bytes, len, parts })
    }

    /// Copies one rectangle to its place, one run of the last axis at a time.
    fn place(&self, part: &Part, whole: &mut [u8]) -> Option<()> {
        let bytes = part.data.as_slice();
        let owned;
        let bytes = match bytes {
            Some(bytes) => bytes,
            None => {
                owned = part.data.bytes().ok()?;
                &owned
            }
        };
        let (last, outer) = part.extents.split_last()?;
        let row_bytes = usize::try_from(last.len.checked_mul(self.element_bytes)?).ok()?;
        if row_bytes == 0 {
            return Some(());
        }
        let mut position = vec![0u64; outer.len()];
        for row in bytes.chunks_exact(row_bytes) {
            let element = outer
                .iter()
                .zip(&position)
                .zip(&self.shape)
                .fold(0, |sum, ((extent, at), size)| sum * size + extent.start + at);
            let element = element * self.shape.last()? + last.start;
            let start = usize::try_from(element * self.element_bytes).ok()?;
            whole.get_mut(start..start.checked_add(row_bytes)?)?.copy_from_slice(row);
            for (at, extent) in position.iter_mut().zip(outer).rev() {
                *at += 1;
                if *at < extent.len {
                    break;
                }
                *at = 0;
            }
        }
        Some(())
    }
}

fn overlap(a: &[Extent], b: &[Extent]) -> bool {
    a.iter().zip(b).all(|(a, b)| a.start < b.start + b.len && b.start < a.start + a.len)
}

impl LazyBytes for Assembled {
    fn len(&self) -> u64 {
        self.len
    }

    fn read(&self) -> Result<Vec<u8>> {
        if let ([part], true) = (self.parts.as_slice(), self.shape.is_empty()) {
            return Ok(part.data.bytes()?.into_owned());
        }
        // The parts fill the tensor, so what is allocated is stored.
        let size = usize::try_from(self.len).map_err(|_| Error::limit("a tensor larger than memory"))?;
        let mut whole = vec![0; size];
        for part in &self.parts {
            part.data.bytes()?;
            self.place(part, &mut whole).ok_or_else(|| Error::internal("slice outside its tensor"))?;
        }
        Ok(whole)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(extents: &[(u64, u64)], bytes: &[u8]) -> Part {
        let extents = extents.iter().map(|(start, len)| Extent { start: *start, len: *len }).collect();
        Part { extents, data: Data::owned(bytes) }
    }

    #[test]
    fn tiles_come_together() {
        // 3 x 4 of bytes 0..12, cut into a 2x3, a 2x1 and a 1x4.
        let parts = vec![
            part(&[(0, 2), (0, 3)], &[0, 1, 2, 4, 5, 6]),
            part(&[(0, 2), (3, 1)], &[3, 7]),
            part(&[(2, 1), (0, 4)], &[8, 9, 10, 11]),
        ];
        let whole = Assembled::new(vec![3, 4], 12, 1, parts).unwrap();
        assert_eq!(whole.read().unwrap(), (0..12).collect::<Vec<u8>>());
    }

    #[test]
    fn holes_and_overlaps_are_refused() {
        let hole = vec![part(&[(0, 1)], &[0]), part(&[(2, 1)], &[2])];
        assert!(Assembled::new(vec![3], 3, 1, hole).is_err());
        let twice = vec![part(&[(0, 2)], &[0, 1]), part(&[(1, 1)], &[1])];
        assert!(Assembled::new(vec![3], 3, 1, twice).is_err());
    }
}
