//! The header of a `.npy` file: magic, version, length, a Python dict as text.

use kerata_core::{Error, Limits, Result, Shape, SourceRef};

use super::descr::Descr;

pub(super) const MAGIC: &[u8] = b"\x93NUMPY";
/// Longest header that NumPy itself reads without asking.
const MAX_HEADER_BYTES: u64 = 10_000;
/// The data starts at a multiple of this.
const ALIGN_BYTES: usize = 64;

/// What a header says.
#[derive(Clone, Debug)]
pub(super) struct Header {
    pub(super) descr: Descr,
    pub(super) shape: Vec<u64>,
    pub(super) data_offset: u64,
    fortran_order: bool,
}

impl Header {
    pub(super) fn read(source: &SourceRef, limits: &Limits) -> Result<Self> {
        let start = source.read_vec(0, source.len().min(12))?;
        let (version, after) = match start.strip_prefix(MAGIC) {
            Some([major, _minor, rest @ ..]) => (*major, rest),
            _ => return Err(Error::corrupt("this is no NumPy array")),
        };
        let cut = || Error::corrupt("the header of the array is cut");
        let (len_offset, len) = match (version, after) {
            (1, [a, b, ..]) => (10, u64::from(u16::from_le_bytes([*a, *b]))),
            (2 | 3, [a, b, c, d]) => (12, u64::from(u32::from_le_bytes([*a, *b, *c, *d]))),
            (1..=3, _) => return Err(cut()),
            (other, _) => return Err(Error::unsupported(format!("version {other} of .npy"))),
        };
        if len > MAX_HEADER_BYTES {
            return Err(Error::limit(format!(
                "an array header of {len} bytes, the limit is {MAX_HEADER_BYTES}"
            )));
        }
        let text = source.read_vec(len_offset, len)?;
        let text = std::str::from_utf8(&text).map_err(|_| Error::corrupt("the array header is no text"))?;
        let mut header = Literal(text.trim()).header()?;
        header.data_offset = len_offset + len;
        if header.shape.len() > limits.max_rank {
            return Err(Error::limit(format!(
                "{} axes, the limit is {}",
                header.shape.len(),
                limits.max_rank
            )));
        }
        if header.shape.iter().any(|axis| *axis > limits.max_dimension) {
            return Err(Error::limit(format!("an axis beyond the limit of {}", limits.max_dimension)));
        }
        Ok(header)
    }

    /// Bytes of the elements.
    pub(super) fn bytes(&self) -> Result<u64> {
        let elements = Shape::known(self.shape.iter().copied()).elements();
        let bytes = elements.and_then(|elements| elements.checked_mul(self.descr.size));
        bytes.ok_or_else(|| Error::limit("an array of more than 2^64 bytes"))
    }

    /// Whether elements are stored in an order of their own.
    pub(super) fn is_fortran(&self) -> bool {
        self.fortran_order && self.shape.len() > 1
    }
}

/// The header of an array that is written, padded as NumPy does.
pub(super) fn text(descr: &Descr, shape: &[u64]) -> Result<Vec<u8>> {
    let shape = Shape::known(shape.iter().copied());
    let dict = format!("{{'descr': '{}', 'fortran_order': False, 'shape': {shape}, }}", descr.code());
    let unpadded = MAGIC.len() + 4 + dict.len() + 1;
    let len = unpadded.next_multiple_of(ALIGN_BYTES) - MAGIC.len() - 4;
    let len_bytes = u16::try_from(len).map_err(|_| Error::limit("an array with too many axes"))?;
    let mut out = MAGIC.to_vec();
    out.extend_from_slice(&[1, 0]);
    out.extend_from_slice(&len_bytes.to_le_bytes());
    out.extend_from_slice(dict.as_bytes());
    out.resize(MAGIC.len() + 4 + len - 1, b' ');
    out.push(b'\n');
    Ok(out)
}

/// Reads the Python dict.
struct Literal<'a>(&'a str);

impl<'a> Literal<'a> {
    fn header(&mut self) -> Result<Header> {
        let mut descr = None;
        let mut fortran_order = None;
        let mut shape = None;
        self.expect("{")?;
        while !self.take("}") {
            let key = self.string()?;
            self.expect(":")?;
            let is_new = match key {
                "descr" if self.0.starts_with('[') => {
                    return Err(Error::unsupported("a NumPy array of records"));
                }
                "descr" => descr.replace(Descr::parse(self.string()?)?).is_none(),
                "fortran_order" => fortran_order.replace(self.boolean()?).is_none(),
                "shape" => shape.replace(self.tuple()?).is_none(),
                _ => false,
            };
            if !is_new {
                return Err(Error::corrupt(format!("`{key}` in the header of the array")));
            }
            if !self.take(",") {
                self.expect("}")?;
                break;
            }
        }
        let missing = || Error::corrupt("the header of the array is not complete");
        match (descr, fortran_order, shape, self.0.is_empty()) {
            (Some(descr), Some(fortran_order), Some(shape), true) => {
                Ok(Header { descr, shape, data_offset: 0, fortran_order })
            }
            _ => Err(missing()),
        }
    }

    fn take(&mut self, token: &str) -> bool {
        let found = self.0.strip_prefix(token);
        self.0 = found.unwrap_or(self.0).trim_start();
        found.is_some()
    }

    fn expect(&mut self, token: &str) -> Result<()> {
        if self.take(token) {
            return Ok(());
        }
        Err(Error::corrupt(format!("expected `{token}` in the header of the array")))
    }

    fn string(&mut self) -> Result<&'a str> {
        let quote = self.0.chars().next().filter(|c| matches!(c, '\'' | '"'));
        let inner = quote.and_then(|quote| self.0.get(1..)?.split_once(quote));
        let (text, rest) =
            inner.ok_or_else(|| Error::corrupt("expected a string in the header of the array"))?;
        self.0 = rest.trim_start();
        Ok(text)
    }

    fn boolean(&mut self) -> Result<bool> {
        if self.take("True") {
            return Ok(true);
        }
        self.expect("False").map(|()| false)
    }

    fn tuple(&mut self) -> Result<Vec<u64>> {
        let mut axes = Vec::new();
        self.expect("(")?;
        while !self.take(")") {
            let len = self.0.bytes().take_while(u8::is_ascii_digit).count();
            let (digits, rest) = self.0.split_at(len);
            let axis = digits.parse().map_err(|_| Error::corrupt("an axis of the array is no number"))?;
            axes.push(axis);
            // Python 2 wrote long integers with an `L`.
            self.0 = rest.strip_prefix('L').unwrap_or(rest).trim_start();
            if !self.take(",") {
                self.expect(")")?;
                break;
            }
        }
        Ok(axes)
    }
}
