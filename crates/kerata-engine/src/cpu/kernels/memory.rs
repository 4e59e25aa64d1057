//! `Lines`: float buffers aligned to cache lines; `Shared`: one output written by several workers at disjoint places.

use std::marker::PhantomData;

/// Sixteen floats, one cache line.
#[derive(Clone, Copy)]
#[repr(C, align(64))]
struct Line([f32; 16]);

// SAFETY: sixteen floats without padding; zero bytes are zeros.
unsafe impl bytemuck::Zeroable for Line {}

/// A growable buffer of floats that starts on a cache line.
#[derive(Clone, Default)]
pub struct Lines {
    lines: Vec<Line>,
    len: usize,
}

impl Lines {
    /// A buffer of `len` zeros.
    pub fn zeros(len: usize) -> Lines {
        Lines { lines: bytemuck::zeroed_vec(len.div_ceil(16)), len }
    }

    /// A copy of `values`.
    pub fn copied(values: &[f32]) -> Lines {
        let mut lines = Lines::zeros(values.len());
        lines.copy_from_slice(values);
        lines
    }

    /// Sets the length; old values stay, new ones are whatever the buffer held.
    pub fn resize(&mut self, len: usize) {
        if self.lines.is_empty() {
            // Asked of the system as zeros, which costs nothing before they are written.
            self.lines = bytemuck::zeroed_vec(len.div_ceil(16));
        } else if len > self.lines.len() * 16 {
            self.lines.resize(len.div_ceil(16), Line([0.0; 16]));
        }
        self.len = len;
    }
}

impl std::ops::Deref for Lines {
    type Target = [f32];
    fn deref(&self) -> &[f32] {
        // SAFETY: `len` floats fit in the lines, which are initialised and nothing but floats.
        unsafe { std::slice::from_raw_parts(self.lines.as_ptr().cast(), self.len) }
    }
}

impl std::ops::DerefMut for Lines {
    fn deref_mut(&mut self) -> &mut [f32] {
        // SAFETY: as in `deref`, and the borrow is unique.
        unsafe { std::slice::from_raw_parts_mut(self.lines.as_mut_ptr().cast(), self.len) }
    }
}

/// A slice whose disjoint parts are written by several workers.
#[derive(Clone, Copy)]
pub struct Shared<'a, T> {
    start: *mut T,
    len: usize,
    life: PhantomData<&'a mut [T]>,
}

// SAFETY: parts are handed out by `part`, whose caller promises that they do not overlap.
unsafe impl<T: Send> Send for Shared<'_, T> {}
// SAFETY: as above.
unsafe impl<T: Send> Sync for Shared<'_, T> {}

impl<'a, T> Shared<'a, T> {
    /// Shares `slice` for as long as it is borrowed.
    pub fn new(slice: &'a mut [T]) -> Self {
        Shared { start: slice.as_mut_ptr(), len: slice.len(), life: PhantomData }
    }

    /// Number of elements.
    pub(in crate::cpu) fn len(&self) -> usize {
        self.len
    }

    /// The first element.
    pub(in crate::cpu) fn start(&self) -> *mut T {
        self.start
    }

    /// The part of `len` elements from `from`.
    ///
    /// # Safety
    /// No two parts alive at one time overlap.
    pub(in crate::cpu) unsafe fn part(&self, from: usize, len: usize) -> &'a mut [T] {
        assert!(from <= self.len && len <= self.len - from);
        // SAFETY: inside the slice by the check, alone by the promise.
        unsafe { std::slice::from_raw_parts_mut(self.start.add(from), len) }
    }
}

/// Calls `work(index, chunk)` for each chunk of `chunk` elements of `out`, on the workers.
pub fn each_chunk<T: Send>(
    workers: &crate::cpu::workers::Workers,
    out: &mut [T],
    chunk: usize,
    work: &(dyn Fn(usize, &mut [T]) + Sync),
) {
    let len = out.len();
    let shared = Shared::new(out);
    workers.each(len.div_ceil(chunk.max(1)), &|i| {
        let from = i * chunk;
        // SAFETY: chunks of different indexes do not overlap, and each index runs once.
        work(i, unsafe { shared.part(from, chunk.min(len - from)) })
    });
}
