//! Chunked datasets: decoded when they are asked for.

use std::borrow::Cow;

use kerata_core::data::LazyBytes;
use kerata_core::{Error, Limits, Result, ResultExt, SourceRef};

use super::chunk_index::Chunk;
use super::cursor::to_usize;
use super::dataspace::product;
use super::filter::{self, Filter};

/// Bytes that a dataset may always have, however few of them are stored.
pub(super) const FREE_BYTES: u64 = 64 << 10;

/// The chunks of one dataset and how they fit together.
#[derive(Debug)]
pub(super) struct Chunked {
    pub source: SourceRef,
    pub chunks: Vec<Chunk>,
    pub filters: Vec<Filter>,
    pub edge_unfiltered: bool,
    /// Sizes of the dataset, in elements.
    pub sizes: Vec<u64>,
    /// Sizes of a chunk, in elements.
    pub chunk: Vec<u64>,
    pub element_size: u64,
    /// One element, for chunks that were never written; empty is zeros.
    pub fill: Vec<u8>,
    /// Bytes of the whole dataset.
    pub len: u64,
}

impl Chunked {
    /// Checks every claim against the bytes that are stored; returns their number.
    pub fn check(&self, limits: &Limits) -> Result<u64> {
        let chunk_bytes = self.chunk_bytes()?;
        let mut stored = 0u64;
        for chunk in &self.chunks {
            let end = chunk.address.checked_add(chunk.size);
            if end.is_none_or(|end| end > self.source.len()) {
                return Err(Error::corrupt("a chunk past the end of the file")
                    .hint("the file was cut short or edited"));
            }
            if self.filters.is_empty() && chunk.size != chunk_bytes {
                return Err(Error::corrupt(format!(
                    "a chunk of {} bytes, expected {chunk_bytes}",
                    chunk.size
                )));
            }
            check_ratio(chunk_bytes, chunk.size, limits).at(|| "a chunk")?;
            stored = stored.saturating_add(chunk.size);
        }
        check_ratio(self.len, stored, limits)?;
        Ok(stored)
    }

    fn chunk_bytes(&self) -> Result<u64> {
        let bytes = product(&self.chunk)?.checked_mul(self.element_size);
        bytes.ok_or_else(|| Error::limit("a chunk of more than 2^64 bytes"))
    }

    fn start(&self) -> Result<Vec<u8>> {
        let len = to_usize(self.len)?;
        let mut out = Vec::new();
        out.try_reserve_exact(len).map_err(|_| Error::limit(format!("no memory for {len} bytes")))?;
        if self.fill.iter().all(|byte| *byte == 0) {
            out.resize(len, 0);
        } else {
            out.extend(self.fill.iter().cycle().take(len));
        }
        Ok(out)
    }

    /// Start and extent, inside the dataset, of the chunk in a slot.
    fn place(&self, slot: u64) -> (Vec<u64>, Vec<u64>) {
        let mut rest = slot;
        let mut place: Vec<(u64, u64)> = (self.sizes.iter().zip(&self.chunk).rev())
            .map(|(size, chunk)| {
                let count = size.div_ceil(*chunk).max(1);
                let start = (rest % count).saturating_mul(*chunk);
                rest /= count;
                (start, (*chunk).min(size.saturating_sub(start)))
            })
            .collect();
        place.reverse();
        place.into_iter().unzip()
    }

    fn copy(&self, decoded: &[u8], start: &[u64], extent: &[u64], out: &mut [u8]) -> Result<()> {
        let element = to_usize(self.element_size)?;
        let (from_strides, to_strides) = (strides(&self.chunk), strides(&self.sizes));
        let Some((row, outer)) = extent.split_last() else { return Ok(()) };
        if extent.contains(&0) {
            return Ok(());
        }
        let run = to_usize(*row)? * element;
        let mut to: u64 = start.iter().zip(&to_strides).map(|(at, stride)| at * stride).sum();
        let mut from = 0;
        let mut counters = vec![0; outer.len()];
        loop {
            let source = to_usize(from)? * element;
            let target = to_usize(to)? * element;
            let (Some(source), Some(target)) =
                (decoded.get(source..source + run), out.get_mut(target..target + run))
            else {
                return Err(Error::internal("a chunk row outside its dataset"));
            };
            target.copy_from_slice(source);
            let mut axes = counters.iter_mut().zip(outer).zip(from_strides.iter().zip(&to_strides)).rev();
            loop {
                let Some(((counter, extent), (from_stride, to_stride))) = axes.next() else { return Ok(()) };
                *counter += 1;
                from += from_stride;
                to += to_stride;
                if *counter < *extent {
                    break;
                }
                from -= *counter * from_stride;
                to -= *counter * to_stride;
                *counter = 0;
            }
        }
    }
}

impl LazyBytes for Chunked {
    fn len(&self) -> u64 {
        self.len
    }

    fn read(&self) -> Result<Vec<u8>> {
        let mut out = self.start()?;
        let chunk_bytes = to_usize(self.chunk_bytes()?)?;
        let whole = self.source.as_slice();
        for chunk in &self.chunks {
            let (start, extent) = self.place(chunk.slot);
            let stored = match whole {
                Some(whole) => {
                    let from = to_usize(chunk.address)?;
                    let to = to_usize(chunk.address.saturating_add(chunk.size))?;
                    Cow::Borrowed(
                        whole.get(from..to).ok_or_else(|| Error::internal("a checked chunk is gone"))?,
                    )
                }
                None => Cow::Owned(self.source.read_vec(chunk.address, chunk.size)?),
            };
            let partial = extent != self.chunk;
            let decoded = match self.filters.is_empty() || (partial && self.edge_unfiltered) {
                true => stored,
                false => Cow::Owned(filter::decode(&self.filters, chunk.mask, &stored, chunk_bytes)?),
            };
            if decoded.len() != chunk_bytes {
                let found = decoded.len();
                return Err(Error::corrupt(format!("a chunk of {found} bytes, expected {chunk_bytes}")));
            }
            self.copy(&decoded, &start, &extent, &mut out)?;
        }
        Ok(out)
    }
}

/// Refuses what claims far more bytes than it stores.
fn check_ratio(claimed: u64, stored: u64, limits: &Limits) -> Result<()> {
    let allowed = stored.saturating_mul(limits.max_member_expansion).saturating_add(FREE_BYTES);
    if claimed <= allowed {
        return Ok(());
    }
    Err(Error::limit(format!("{claimed} bytes are claimed and {stored} stored"))
        .hint("raise `Limits::max_member_expansion` if the file is trusted"))
}

/// Elements between neighbours on each axis.
fn strides(sizes: &[u64]) -> Vec<u64> {
    let mut strides: Vec<u64> = sizes
        .iter()
        .rev()
        .scan(1u64, |stride, size| {
            let this = *stride;
            *stride = stride.saturating_mul(*size);
            Some(this)
        })
        .collect();
    strides.reverse();
    strides
}
