//! Big-endian data, turned round when it is read.

use kerata_core::data::LazyBytes;
use kerata_core::{Data, Result};

/// Reverses every group of `width` bytes; 0 and 1 change nothing.
pub(super) fn in_place(bytes: &mut [u8], width: u8) {
    if width > 1 {
        for group in bytes.chunks_exact_mut(usize::from(width)) {
            group.reverse();
        }
    }
}

/// `data` with every group of `width` bytes reversed when read.
pub(super) fn lazily(data: Data, width: u8) -> Data {
    match width {
        0 | 1 => data,
        _ => Data::lazy(std::sync::Arc::new(Swapped { data, width })),
    }
}

#[derive(Debug)]
struct Swapped {
    data: Data,
    width: u8,
}

impl LazyBytes for Swapped {
    fn len(&self) -> u64 {
        self.data.len()
    }

    fn read(&self) -> Result<Vec<u8>> {
        let mut bytes = self.data.bytes()?.into_owned();
        in_place(&mut bytes, self.width);
        Ok(bytes)
    }
}
