//! `.npy`: one NumPy array (`docs/formats/npz.md`). Arrays of Python objects are pickles and are refused.

mod descr;
mod header;
mod text;

use std::sync::Arc;

use kerata_core::data::LazyBytes;
use kerata_core::{DType, Data, Error, Limits, Result, Sink, SourceRef, Variable};

use descr::{Descr, Element};
use header::Header;

/// How strings are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TextKind {
    /// `<U`: four bytes a character, when all are UTF-8; else as bytes.
    #[default]
    Unicode,
    /// `|S`: bytes.
    Bytes,
}

/// Whether bytes start as a NumPy array does.
pub fn is_npy(head: &[u8]) -> bool {
    head.starts_with(header::MAGIC)
}

/// Reads an array. Numbers stay where they are when they lie as kerata keeps them, else they are turned when asked
/// for; strings are read at once.
pub fn read(source: &SourceRef, limits: &Limits) -> Result<Variable> {
    let header = Header::read(source, limits)?;
    let bytes = header.bytes()?;
    let end = header.data_offset.checked_add(bytes);
    if end != Some(source.len()) {
        return Err(Error::corrupt(format!(
            "the array needs {bytes} bytes, {} are stored",
            source.len().saturating_sub(header.data_offset)
        )));
    }
    let stored = Data::range(source.clone(), header.data_offset, bytes)?;
    let is_plain = !header.descr.is_swapped && !header.is_fortran();
    match header.descr.element {
        Element::Number(dtype) if is_plain => Variable::new(dtype, header.shape, stored),
        Element::Number(dtype) => {
            let shape = header.shape.clone();
            Variable::new(dtype, shape, Data::lazy(Arc::new(Turned { header, stored })))
        }
        Element::Unicode | Element::Bytes => {
            let ordered = Turned { header: header.clone(), stored }.read()?;
            let strings = text::split(&ordered, &header)?;
            Variable::new(DType::String, header.shape, Data::strings(strings))
        }
    }
}

/// Number of bytes that [`write`] writes.
pub fn written_bytes(variable: &Variable, text: TextKind) -> Result<u64> {
    let descr = Descr::of(variable, text)?;
    let elements = variable.elements();
    let payload = elements.checked_mul(descr.size).ok_or_else(|| Error::limit("more than 2^64 bytes"))?;
    Ok(header::text(&descr, &variable.shape)?.len() as u64 + payload)
}

/// Writes an array as `numpy.save` does. Elements that NumPy has no type for are written as raw bytes (`|V2`).
pub fn write(variable: &Variable, text: TextKind, sink: &mut dyn Sink) -> Result<()> {
    let descr = Descr::of(variable, text)?;
    sink.write(&header::text(&descr, &variable.shape)?)?;
    match variable.data.as_strings() {
        Some(strings) => strings.iter().try_for_each(|element| sink.write(&text::pad(element, &descr))),
        None => variable.data.stream(&mut |part| sink.write(part)),
    }
}

/// Whether NumPy has a type for these elements.
pub fn has_type(dtype: DType) -> bool {
    dtype == DType::String || descr::code(dtype).is_some()
}

/// An array in big-endian or Fortran order, put right when asked for.
#[derive(Debug)]
struct Turned {
    header: Header,
    stored: Data,
}

impl LazyBytes for Turned {
    fn len(&self) -> u64 {
        self.stored.len()
    }

    fn read(&self) -> Result<Vec<u8>> {
        let mut bytes = self.stored.bytes()?.into_owned();
        let descr = &self.header.descr;
        if descr.is_swapped {
            for part in bytes.chunks_exact_mut(descr.swap_bytes()) {
                part.reverse();
            }
        }
        if self.header.is_fortran() {
            bytes = from_fortran(&bytes, &self.header.shape, descr.size as usize);
        }
        Ok(bytes)
    }
}

/// Elements whose first axis varies fastest, with the last axis fastest.
fn from_fortran(bytes: &[u8], shape: &[u64], size: usize) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len());
    let mut index = vec![0u64; shape.len()];
    let count = bytes.len().checked_div(size).unwrap_or(0);
    for _ in 0..count {
        let position =
            index.iter().zip(shape).rev().fold(0, |position, (at, len)| position * len + at) as usize;
        out.extend_from_slice(bytes.get(position * size..(position + 1) * size).unwrap_or_default());
        for (at, len) in index.iter_mut().zip(shape).rev() {
            *at += 1;
            if *at < *len {
                break;
            }
            *at = 0;
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use kerata_core::{ErrorKind, MemorySource};

    fn read_bytes(bytes: Vec<u8>) -> Result<Variable> {
        read(&MemorySource::shared(bytes), &Limits::default())
    }

    /// A version 1 file as `numpy.save` lays it out.
    fn file(header: &str, data: &[u8]) -> Vec<u8> {
        let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
        bytes.extend_from_slice(&(header.len() as u16).to_le_bytes());
        bytes.extend_from_slice(header.as_bytes());
        bytes.extend_from_slice(data);
        bytes
    }

    #[test]
    fn fortran_and_big_endian_arrays_are_turned() {
        let header = "{'descr': '>i2', 'fortran_order': True, 'shape': (2, 3), }\n";
        // Column by column: (0,0) (1,0) (0,1) (1,1) (0,2) (1,2), high byte first.
        let array = read_bytes(file(header, &[0, 1, 0, 4, 0, 2, 0, 5, 0, 3, 0, 6])).unwrap();
        assert_eq!(array.shape, [2, 3]);
        assert_eq!(array.data.bytes().unwrap().as_ref(), [1, 0, 2, 0, 3, 0, 4, 0, 5, 0, 6, 0]);
    }

    #[test]
    fn strings_lose_their_padding() {
        let header = "{'descr': '|S3', 'fortran_order': False, 'shape': (2,), }\n";
        let array = read_bytes(file(header, b"ab\0cde")).unwrap();
        assert_eq!(array.data.as_strings().unwrap(), [b"ab".to_vec(), b"cde".to_vec()]);
        let header = "{'descr': '<U2', 'fortran_order': False, 'shape': (), }\n";
        let array = read_bytes(file(header, &[0xe9, 0, 0, 0, 0, 0xf6, 1, 0])).unwrap();
        assert_eq!(array.data.as_strings().unwrap(), ["é😀".as_bytes().to_vec()]);
    }

    #[test]
    fn what_is_written_reads_back() {
        let strings = Data::strings(vec![b"a".to_vec(), "é😀".as_bytes().to_vec(), vec![0xff]]);
        let strings = Variable::new(DType::String, [3], strings).unwrap();
        for kind in [TextKind::Unicode, TextKind::Bytes] {
            let mut bytes = Vec::new();
            write(&strings, kind, &mut bytes).unwrap();
            assert_eq!(bytes.len() as u64, written_bytes(&strings, kind).unwrap());
            assert_eq!(read_bytes(bytes).unwrap().data.as_strings(), strings.data.as_strings());
        }
        let bools = Variable::new(DType::Bool, [2, 1], Data::owned([1, 0])).unwrap();
        let mut bytes = Vec::new();
        write(&bools, TextKind::Unicode, &mut bytes).unwrap();
        assert_eq!(bytes.len(), 128 + 2);
        let back = read_bytes(bytes).unwrap();
        assert_eq!((back.dtype, back.shape), (DType::Bool, vec![2, 1]));
    }

    #[test]
    fn pickles_cut_files_and_lies_are_refused() {
        let kind = |header: &str, data: &[u8]| read_bytes(file(header, data)).unwrap_err().kind();
        assert_eq!(
            kind("{'descr': '|O', 'fortran_order': False, 'shape': (1,), }\n", b"\x80\x04"),
            ErrorKind::Untrusted
        );
        assert_eq!(
            kind("{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }\n", b"1234"),
            ErrorKind::Corrupt
        );
        assert_eq!(kind("{'descr': '<f4', 'shape': (1,), }\n", b"1234"), ErrorKind::Corrupt);
        assert_eq!(
            kind("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,), }\n", b"1234"),
            ErrorKind::Unsupported
        );
        assert_eq!(
            kind("{'descr': '<f4', 'fortran_order': False, 'shape': (1099511627777,), }\n", b""),
            ErrorKind::LimitExceeded
        );
        assert_eq!(read_bytes(b"\x93NUMPY\x01\x00\x10\x00".to_vec()).unwrap_err().kind(), ErrorKind::Corrupt);
    }
}
