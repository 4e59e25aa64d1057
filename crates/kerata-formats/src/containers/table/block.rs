//! One block of a table: keys that share prefixes, with restart points.

use kerata_core::{Error, Result};

use super::{Visit, put_varint, take_varint};

/// Hands over the entries of a block in order.
pub fn read_block(block: &[u8], max_key_bytes: usize, visit: &mut Visit<'_>) -> Result<()> {
    let mut entries = entries_of(block)?;
    let mut key = Vec::new();
    while !entries.is_empty() {
        let (shared, unshared, value_len) =
            take_lengths(&mut entries).ok_or_else(|| Error::corrupt("an entry's lengths are cut short"))?;
        if shared > key.len() {
            return Err(Error::corrupt(format!(
                "a key shares {shared} bytes with one of {} bytes",
                key.len()
            )));
        }
        if shared.saturating_add(unshared) > max_key_bytes {
            return Err(Error::limit(format!("a key of more than {max_key_bytes} bytes")));
        }
        let (suffix, rest) = entries.split_at_checked(unshared).ok_or_else(entry_past_end)?;
        let (value, rest) = rest.split_at_checked(value_len).ok_or_else(entry_past_end)?;
        key.truncate(shared);
        key.extend_from_slice(suffix);
        visit(&key, value)?;
        entries = rest;
    }
    Ok(())
}

/// The bytes before the restart points.
fn entries_of(block: &[u8]) -> Result<&[u8]> {
    let broken =
        || Error::corrupt(format!("a block of {} bytes cannot hold its restart points", block.len()));
    let (rest, count) = block.split_last_chunk::<4>().ok_or_else(broken)?;
    let restart_bytes =
        usize::try_from(u32::from_le_bytes(*count)).ok().and_then(|count| count.checked_mul(4));
    let end = restart_bytes.and_then(|bytes| rest.len().checked_sub(bytes)).ok_or_else(broken)?;
    rest.get(..end).ok_or_else(broken)
}

fn take_lengths(bytes: &mut &[u8]) -> Option<(usize, usize, usize)> {
    let mut next = || take_varint(bytes).and_then(|value| usize::try_from(value).ok());
    Some((next()?, next()?, next()?))
}

fn entry_past_end() -> Error {
    Error::corrupt("an entry reaches past the end of its block")
}

/// Builds one block.
pub struct BlockBuilder {
    bytes: Vec<u8>,
    restarts: Vec<u32>,
    interval: usize,
    since_restart: usize,
    last_key: Vec<u8>,
}

impl BlockBuilder {
    /// An empty block that writes every `interval`-th key whole.
    pub fn new(interval: usize) -> Self {
        Self { bytes: Vec::new(), restarts: vec![0], interval, since_restart: 0, last_key: Vec::new() }
    }

    /// Appends an entry; keys come in ascending order.
    pub fn add(&mut self, key: &[u8], value: &[u8]) {
        let shared = if self.since_restart < self.interval {
            self.last_key.iter().zip(key).take_while(|(a, b)| a == b).count()
        } else {
            self.restarts.push(self.bytes.len() as u32);
            self.since_restart = 0;
            0
        };
        let suffix = key.get(shared..).unwrap_or_default();
        put_varint(shared as u64, &mut self.bytes);
        put_varint(suffix.len() as u64, &mut self.bytes);
        put_varint(value.len() as u64, &mut self.bytes);
        self.bytes.extend_from_slice(suffix);
        self.bytes.extend_from_slice(value);
        self.last_key.clear();
        self.last_key.extend_from_slice(key);
        self.since_restart += 1;
    }

    /// Size of the block as it stands.
    pub fn size(&self) -> usize {
        self.bytes.len() + 4 * self.restarts.len() + 4
    }

    /// Whether nothing was added.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// The finished block; the builder is empty again.
    pub fn take(&mut self) -> Vec<u8> {
        let mut bytes = std::mem::take(&mut self.bytes);
        for restart in &self.restarts {
            bytes.extend_from_slice(&restart.to_le_bytes());
        }
        bytes.extend_from_slice(&(self.restarts.len() as u32).to_le_bytes());
        *self = Self::new(self.interval);
        bytes
    }
}
