//! `Decoder`: attributes and strings, from their messages and heaps.

use std::cell::Cell;

use indexmap::IndexMap;
use kerata_core::{DType, Error, Limits, Result, ResultExt, Shape};

use super::attribute::{Attribute, Attributes};
use super::cursor::{Cursor, to_usize};
use super::dataspace::Dataspace;
use super::datatype::{Class, Datatype, Padding};
use super::dense::Dense;
use super::header::{Header, kind};
use super::heap::GlobalHeap;
use super::image::Image;
use super::swap;

/// What attributes and string datasets are decoded with.
pub(super) struct Decoder<'a, 'i> {
    pub image: &'i Image<'a>,
    pub limits: &'i Limits,
    pub heap: GlobalHeap,
    /// Bytes that may still be decoded in this file.
    pub budget: Cell<u64>,
}

impl<'a> Decoder<'a, '_> {
    /// All attributes of an object.
    pub fn attributes(&self, header: &Header) -> Result<Attributes> {
        let mut map = IndexMap::new();
        for message in header.messages() {
            match message.kind {
                kind::ATTRIBUTE if message.shared => {
                    return Err(Error::unsupported("attributes shared between objects"));
                }
                kind::ATTRIBUTE => self.attribute(header.body(message), &mut map)?,
                kind::ATTRIBUTE_INFO => self.dense(header.body(message), &mut map)?,
                _ => {}
            }
        }
        Ok(Attributes::new(map))
    }

    /// The strings of `count` elements that start at the cursor.
    pub fn strings(&self, cursor: &mut Cursor<'_>, datatype: Datatype, count: u64) -> Result<Vec<Vec<u8>>> {
        let size = to_usize(u64::from(datatype.size))?;
        let mut strings = Vec::new();
        for _ in 0..count {
            match datatype.class {
                Class::FixedText(padding) => {
                    let text = trim(cursor.take(size)?, padding);
                    self.spend(text.len())?;
                    strings.push(text.to_vec());
                }
                _ => strings.push(self.variable_text(cursor.take(size)?)?),
            }
        }
        Ok(strings)
    }

    fn variable_text(&self, reference: &[u8]) -> Result<Vec<u8>> {
        let mut cursor = self.image.cursor(reference);
        let length = to_usize(u64::from(cursor.u32()?))?;
        if length == 0 {
            return Ok(Vec::new());
        }
        let address = cursor.defined()?;
        let index = cursor.u32()?;
        self.heap.with(self.image, address, index, |bytes| {
            let text =
                bytes.get(..length).ok_or_else(|| Error::corrupt("a string longer than its heap object"))?;
            let text = trim(text, Padding::Nul);
            self.spend(text.len())?;
            Ok(text.to_vec())
        })
    }

    /// Counts decoded bytes: many references to one long string must not multiply it without bound.
    fn spend(&self, bytes: usize) -> Result<()> {
        let left = self.budget.get().checked_sub(bytes as u64 + 32);
        self.budget.set(left.ok_or_else(|| Error::limit("the strings of the file are too long together"))?);
        Ok(())
    }

    fn dense(&self, body: &[u8], map: &mut IndexMap<String, Attribute>) -> Result<()> {
        let mut cursor = self.image.cursor(body);
        cursor.version("attribute info message", &[0])?;
        let flags = cursor.u8()?;
        if flags & 1 != 0 {
            cursor.skip(2)?;
        }
        let heap = cursor.address()?;
        let names = cursor.address()?;
        let Some((heap, names)) = heap.zip(names) else {
            return Ok(());
        };
        let dense = Dense::read(self.image, heap)?;
        // A record of the name index starts with the heap ID.
        dense.objects(names, 8, 0, &mut |body| self.attribute(body, map)).at(|| "dense attributes")
    }

    fn attribute(&self, body: &[u8], map: &mut IndexMap<String, Attribute>) -> Result<()> {
        let mut cursor = self.image.cursor(body);
        let version = cursor.version("attribute", &[1, 2, 3])?;
        let flags = cursor.u8()?;
        let sizes = (cursor.u16()?, cursor.u16()?, cursor.u16()?);
        if version == 3 {
            cursor.skip(1)?;
        }
        let mut part = |size: u16| {
            let part = cursor.take(usize::from(size))?;
            if version == 1 {
                cursor.align();
            }
            Ok::<_, Error>(part)
        };
        let name = trim(part(sizes.0)?, Padding::NulTerminated);
        let datatype = part(sizes.1)?;
        let dataspace = part(sizes.2)?;
        let name = std::str::from_utf8(name).map_err(|_| Error::corrupt("an attribute name is not UTF-8"))?;
        if name.len() > self.limits.max_name_bytes {
            return Err(Error::limit(format!("an attribute name of {} bytes", name.len())));
        }
        let value = if version > 1 && flags & 2 != 0 {
            Err(Error::unsupported("an attribute with a shared dataspace"))
        } else {
            let shared = version > 1 && flags & 1 != 0;
            self.value(&mut cursor, datatype, shared, dataspace)
        };
        let value = value.at(|| format!("attribute `{name}`"))?;
        if map.insert(name.to_owned(), value).is_some() {
            return Err(Error::corrupt(format!("two attributes are called `{name}`")));
        }
        Ok(())
    }

    fn value(
        &self,
        cursor: &mut Cursor<'_>,
        datatype: &[u8],
        shared: bool,
        space: &[u8],
    ) -> Result<Attribute> {
        let datatype = self.datatype(datatype, shared)?;
        let space = Dataspace::read(self.image.cursor(space), self.limits)?;
        if space.null {
            return Ok(Attribute::Empty);
        }
        let count = space.elements()?;
        let stored = count.checked_mul(u64::from(datatype.size));
        let stored = stored.filter(|stored| *stored <= cursor.remaining() as u64);
        let stored = to_usize(stored.ok_or_else(|| Error::corrupt("an attribute larger than its message"))?)?;
        match datatype.class {
            Class::Other(name) => Ok(Attribute::Unsupported(name.to_owned())),
            Class::Number { dtype: DType::Opaque(_), .. } if space.sizes.is_empty() => {
                Ok(Attribute::Bytes(cursor.take(stored)?.to_vec()))
            }
            Class::Number { dtype, swap } => {
                let mut bytes = cursor.take(stored)?.to_vec();
                swap::in_place(&mut bytes, swap);
                Ok(Attribute::Array { dtype, shape: Shape::from(space.sizes), bytes })
            }
            Class::FixedText(_) | Class::VariableText => {
                let mut strings = self.strings(cursor, datatype, count)?;
                if space.sizes.is_empty() {
                    let bytes = strings.pop().unwrap_or_default();
                    return Ok(into_text(bytes).map_or_else(Attribute::Bytes, Attribute::Text));
                }
                let texts: Result<Vec<String>, Vec<u8>> = strings.into_iter().map(into_text).collect();
                Ok(texts.map_or_else(
                    |_| Attribute::Unsupported("strings that are not UTF-8".to_owned()),
                    Attribute::Texts,
                ))
            }
        }
    }

    /// A datatype message, followed to the named datatype when it is shared.
    pub fn datatype(&self, body: &[u8], shared: bool) -> Result<Datatype> {
        if !shared {
            return Datatype::read(self.image.cursor(body));
        }
        let mut cursor = self.image.cursor(body);
        let version = cursor.version("shared message", &[1, 2, 3])?;
        let place = cursor.u8()?;
        if version == 1 {
            cursor.skip(6)?;
        }
        if version == 3 && place != 2 {
            return Err(Error::unsupported("datatypes in the shared message table"));
        }
        let header = Header::read(self.image, cursor.defined()?)?;
        let message = header.find(kind::DATATYPE).filter(|message| !message.shared);
        let message = message.ok_or_else(|| Error::corrupt("a shared datatype is not there"))?;
        Datatype::read(self.image.cursor(header.body(message)))
    }
}

/// A string without what fills it up.
fn trim(text: &[u8], padding: Padding) -> &[u8] {
    let end = match padding {
        Padding::NulTerminated => text.iter().position(|byte| *byte == 0),
        Padding::Nul => text.iter().rposition(|byte| *byte != 0).map_or(Some(0), |last| Some(last + 1)),
        Padding::Space => {
            text.iter().rposition(|byte| !matches!(byte, 0 | b' ')).map_or(Some(0), |last| Some(last + 1))
        }
    };
    end.and_then(|end| text.get(..end)).unwrap_or(text)
}

/// Text, unless it is not UTF-8 or has a NUL inside, where readers of C strings would stop.
fn into_text(bytes: Vec<u8>) -> Result<String, Vec<u8>> {
    if bytes.contains(&0) {
        return Err(bytes);
    }
    String::from_utf8(bytes).map_err(std::string::FromUtf8Error::into_bytes)
}
