//! Dataspaces: the shape of a dataset or an attribute.

use kerata_core::{Error, Limits, Result};

use super::cursor::Cursor;

/// Sizes of the axes now, and the largest they may become.
#[derive(Clone, Debug)]
pub(super) struct Dataspace {
    pub sizes: Vec<u64>,
    /// `None` is unlimited.
    pub max_sizes: Option<Vec<Option<u64>>>,
    /// No elements and no shape.
    pub null: bool,
}

impl Dataspace {
    pub fn read(mut cursor: Cursor<'_>, limits: &Limits) -> Result<Self> {
        let version = cursor.version("dataspace", &[1, 2])?;
        let rank = usize::from(cursor.u8()?);
        let flags = cursor.u8()?;
        let space_type = cursor.u8()?;
        let null = version == 2 && space_type == 2;
        if version == 1 {
            cursor.skip(4)?;
        }
        if rank > limits.max_rank {
            return Err(Error::limit(format!("{rank} axes; at most {} are read", limits.max_rank)));
        }
        let mut sizes = Vec::with_capacity(rank);
        for _ in 0..rank {
            let size = cursor.length()?;
            if size > limits.max_dimension {
                return Err(Error::limit(format!(
                    "an axis of {size}; at most {} is read",
                    limits.max_dimension
                )));
            }
            sizes.push(size);
        }
        let mut max_sizes = None;
        if flags & 1 != 0 && rank > 0 {
            let unlimited = match cursor.widths().length {
                8 => u64::MAX,
                width => (1 << (8 * width)) - 1,
            };
            // Contiguous data has max sizes equal to its sizes: no list is kept for that common case.
            let start = cursor.clone();
            let same = sizes.iter().try_fold(true, |same, size| Ok(same & (cursor.length()? == *size)))?;
            if !same {
                cursor = start;
                let list = sizes.iter().map(|_| Ok(Some(cursor.length()?).filter(|size| *size != unlimited)));
                max_sizes = Some(list.collect::<Result<Vec<_>>>()?);
            }
        }
        if sizes.iter().zip(max_sizes.iter().flatten()).any(|(size, max)| max.is_some_and(|max| max < *size))
        {
            return Err(Error::corrupt("an axis is longer than its largest size"));
        }
        Ok(Self { sizes, max_sizes, null })
    }

    /// Number of elements.
    pub fn elements(&self) -> Result<u64> {
        if self.null {
            return Ok(0);
        }
        product(&self.sizes)
    }
}

/// The product of sizes, below 2^64; a zero makes it zero however large the others are.
pub(super) fn product(sizes: &[u64]) -> Result<u64> {
    if sizes.contains(&0) {
        return Ok(0);
    }
    let product = sizes.iter().try_fold(1u64, |product, size| product.checked_mul(*size));
    product.ok_or_else(|| Error::limit("more than 2^64 elements"))
}
