//! The fields of an encoded message, read where they lie: tensors of gigabytes stay in their file.

use kerata_core::{Data, Error, Limits, Result, SourceRef};

/// Bytes of the longest number.
const VARINT_BYTES: u64 = 10;

/// A range of a file: a message, a text, the elements of a tensor.
#[derive(Clone)]
pub(super) struct Part {
    source: SourceRef,
    start: u64,
    end: u64,
}

/// What a field holds.
pub(super) enum Value {
    /// A whole number.
    Number(u64),
    /// Anything with a length.
    Part(Part),
    /// Four or eight bytes, which nothing here is made of.
    Fixed,
}

impl Part {
    pub fn whole(source: &SourceRef) -> Self {
        Self { source: source.clone(), start: 0, end: source.len() }
    }

    /// Numbers and values of the fields, in the order of the file.
    pub fn fields(&self) -> impl Iterator<Item = Result<(u64, Value)>> + '_ {
        let mut at = self.start;
        std::iter::from_fn(move || {
            (at < self.end).then(|| {
                let field = self.field(&mut at);
                if field.is_err() {
                    at = self.end;
                }
                field
            })
        })
    }

    /// All numbers of a packed field.
    pub fn numbers(&self) -> Result<Vec<u64>> {
        let (mut at, mut numbers) = (self.start, Vec::new());
        while at < self.end {
            numbers.push(self.number(&mut at)?);
        }
        Ok(numbers)
    }

    /// A name or another short text.
    pub fn text(&self, limits: &Limits) -> Result<String> {
        if self.end - self.start > limits.max_name_bytes as u64 {
            return Err(Error::limit(format!("a name of {} bytes", self.end - self.start)));
        }
        String::from_utf8(self.bytes()?).map_err(|_| Error::corrupt("a name is not UTF-8"))
    }

    pub fn bytes(&self) -> Result<Vec<u8>> {
        self.source.read_vec(self.start, self.end - self.start)
    }

    /// The bytes, left where they lie.
    pub fn data(&self) -> Result<Data> {
        Data::range(self.source.clone(), self.start, self.end - self.start)
    }

    fn field(&self, at: &mut u64) -> Result<(u64, Value)> {
        let tag = self.number(at)?;
        let value = match tag & 7 {
            0 => Value::Number(self.number(at)?),
            1 => self.skip(at, 8).map(|_| Value::Fixed)?,
            2 => {
                let len = self.number(at)?;
                self.skip(at, len).map(Value::Part)?
            }
            5 => self.skip(at, 4).map(|_| Value::Fixed)?,
            _ => return Err(Error::corrupt(format!("no field can start at byte {at}"))),
        };
        Ok((tag >> 3, value))
    }

    fn skip(&self, at: &mut u64, len: u64) -> Result<Self> {
        let start = *at;
        let end = start.checked_add(len).filter(|end| *end <= self.end).ok_or_else(|| {
            Error::corrupt(format!(
                "a field of {len} bytes at byte {start} ends behind byte {}, where its message does",
                self.end
            ))
            .hint("its writing or download did not finish, or the file is damaged")
        })?;
        *at = end;
        Ok(Self { source: self.source.clone(), start, end })
    }

    fn number(&self, at: &mut u64) -> Result<u64> {
        let start = *at;
        let mut bytes = [0; VARINT_BYTES as usize];
        let most = (self.end - start).min(VARINT_BYTES);
        let bytes = bytes.get_mut(..most as usize).unwrap_or_default();
        self.source.read_at(start, bytes)?;
        let mut number = 0u64;
        for (index, byte) in bytes.iter().enumerate() {
            number |= u64::from(byte & 0x7f) << (7 * index).min(63);
            if byte & 0x80 == 0 {
                *at += index as u64 + 1;
                return Ok(number);
            }
        }
        Err(Error::corrupt(format!("a number at byte {start} has no end")))
    }
}
