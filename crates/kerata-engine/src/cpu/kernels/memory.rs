//! `fresh`: new memory; `Lines`: float buffers aligned to cache lines; `Shared`: one output written by several workers at disjoint places.

use std::marker::PhantomData;

/// Floats in a cache line.
const LINE: usize = 16;

/// A growable buffer of floats that starts on a cache line.
///
/// It is a plain vector with room for the start: memory that is asked for with an alignment is written with zeros at
/// once, a vector of zeros costs nothing before it is written.
#[derive(Default)]
pub struct Lines {
    floats: Vec<f32>,
    start: usize,
    len: usize,
}

impl Lines {
    /// A buffer of `len` zeros.
    pub fn zeros(len: usize) -> Lines {
        if len == 0 {
            return Lines::default();
        }
        let floats = fresh(len + LINE - 1);
        let start = floats.as_ptr().align_offset(LINE * size_of::<f32>());
        // Nothing promises that an offset is found; a start inside the line is slower, not wrong.
        Lines { start: if start < LINE { start } else { 0 }, floats, len }
    }

    /// A copy of `values`.
    pub fn copied(values: &[f32]) -> Lines {
        let mut lines = Lines::zeros(values.len());
        lines.copy_from_slice(values);
        lines
    }

    /// Sets the length; old values stay, new ones are whatever the buffer held.
    pub fn resize(&mut self, len: usize) {
        if self.start + len > self.floats.len() {
            let mut grown = Lines::zeros(len);
            grown[..self.len].copy_from_slice(self);
            *self = grown;
        }
        self.len = len;
    }
}

impl Clone for Lines {
    fn clone(&self) -> Lines {
        Lines::copied(self)
    }
}

impl std::ops::Deref for Lines {
    type Target = [f32];
    fn deref(&self) -> &[f32] {
        &self.floats[self.start..self.start + self.len]
    }
}

impl std::ops::DerefMut for Lines {
    fn deref_mut(&mut self) -> &mut [f32] {
        &mut self.floats[self.start..self.start + self.len]
    }
}

/// Zeros that are about to be written.
///
/// Memory of some size comes without pages, and each page that is touched first costs more than writing it: they are asked
/// of the system at once.
pub fn fresh(len: usize) -> Vec<f32> {
    let mut floats = vec![0.0; len];
    #[cfg(target_os = "linux")]
    populate(&mut floats);
    floats
}

/// Bytes from which pages are asked for at once.
#[cfg(target_os = "linux")]
const POPULATED: usize = 64 << 10;
/// Bytes from which large pages are asked for.
#[cfg(target_os = "linux")]
const LARGE: usize = 4 << 20;

#[cfg(target_os = "linux")]
fn populate(floats: &mut [f32]) {
    use rustix::mm::{Advice, madvise};
    let bytes = size_of_val(floats);
    let page = rustix::param::page_size();
    let first: *mut u8 = floats.as_mut_ptr().cast();
    let skipped = first.align_offset(page);
    let Some(whole) = bytes.checked_sub(skipped).map(|left| left / page * page).filter(|n| *n >= POPULATED)
    else {
        return;
    };
    // SAFETY: `whole` bytes from there lie inside the vector. The advice changes no byte; a system that does not know it
    // says so, and nothing is lost.
    unsafe {
        let start = first.add(skipped).cast();
        if whole >= LARGE {
            let _ = madvise(start, whole, Advice::LinuxHugepage);
        }
        let _ = madvise(start, whole, Advice::LinuxPopulateWrite);
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
