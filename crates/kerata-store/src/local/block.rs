//! Bytes at an aligned address, as writing past the page cache wants them.

/// Bytes of one block.
pub(super) const BLOCK_BYTES: usize = 2 << 20;
/// What O_DIRECT wants addresses, offsets and lengths to be a multiple of.
const ALIGN_BYTES: usize = 4096;

/// Up to [`BLOCK_BYTES`] bytes at an aligned address; takes its memory with the first byte.
#[derive(Default)]
pub(super) struct Block {
    memory: Vec<u8>,
    start: usize,
    len: usize,
}

impl Block {
    /// Takes what fits and gives back the rest.
    pub fn fill<'a>(&mut self, bytes: &'a [u8]) -> &'a [u8] {
        if self.memory.is_empty() {
            self.memory = vec![0; BLOCK_BYTES + ALIGN_BYTES];
            self.start = self.memory.as_ptr().align_offset(ALIGN_BYTES).min(ALIGN_BYTES);
        }
        let (taken, rest) = bytes.split_at(bytes.len().min(BLOCK_BYTES - self.len));
        let at = self.start + self.len;
        self.memory[at..at + taken.len()].copy_from_slice(taken);
        self.len += taken.len();
        rest
    }

    /// Changes bytes that are in it.
    pub fn patch(&mut self, offset: usize, bytes: &[u8]) {
        let at = self.start + offset;
        self.memory[at..at + bytes.len()].copy_from_slice(bytes);
    }

    /// The bytes that were taken.
    pub fn filled(&self) -> &[u8] {
        &self.memory[self.start..self.start + self.len]
    }

    /// Number of bytes that were taken.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Empties it; the memory stays.
    pub fn clear(&mut self) {
        self.len = 0;
    }
}
