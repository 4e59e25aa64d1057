//! Datasets: dtype, shape and data of one object header.

use std::cell::Cell;
use std::sync::Arc;

use kerata_core::{DType, Data, Error, Limits, Result, Shape};

use super::attribute::Attributes;
use super::chunk_index;
use super::chunked::{Chunked, FREE_BYTES};
use super::cursor::Cursor;
use super::dataspace::Dataspace;
use super::datatype::{Class, Datatype};
use super::decoder::Decoder;
use super::filter;
use super::header::{Header, kind};
use super::image::Image;
use super::layout::{ChunkLayout, Layout};
use super::swap;

/// A dataset of a file.
#[derive(Clone, Debug)]
pub struct Dataset {
    /// Element type. Opaque elements keep their size; what they mean, an attribute may say.
    pub dtype: DType,
    /// Sizes of the axes; a null dataspace reads as one axis without elements.
    pub shape: Shape,
    /// The elements: a range of the source where they are stored as they are, decoded when asked for elsewhere.
    pub data: Data,
    /// Attributes, sorted by name.
    pub attributes: Attributes,
    /// Offset of the object header; files grow, so it follows the order of creation closely.
    pub address: u64,
    /// Its number in order of creation, if the group tracks that.
    pub creation_order: Option<u64>,
}

/// Bytes claimed by the datasets read so far, compared with the file's length.
#[derive(Default)]
pub(super) struct Totals {
    stored: Cell<u64>,
    decoded: Cell<u64>,
}

impl Totals {
    fn add(&self, stored: u64, decoded: u64, file: u64, limits: &Limits) -> Result<()> {
        self.stored.set(self.stored.get().saturating_add(stored));
        self.decoded.set(self.decoded.get().saturating_add(decoded));
        if self.stored.get() > file {
            return Err(Error::corrupt("datasets share their stored bytes"));
        }
        let allowed = file.saturating_mul(limits.max_expansion).saturating_add(16 * FREE_BYTES);
        if self.decoded.get() > allowed {
            return Err(Error::limit(format!(
                "the datasets claim more than {} times the file",
                limits.max_expansion
            )));
        }
        Ok(())
    }
}

impl Dataset {
    pub(super) fn read<'a>(decoder: &Decoder<'a, '_>, header: &Header, totals: &Totals) -> Result<Self> {
        let (image, limits) = (decoder.image, decoder.limits);
        if header.find(kind::EXTERNAL_FILES).is_some() {
            return Err(Error::untrusted("a dataset stored in external files")
                .hint("other files are never opened: store the data itself"));
        }
        let datatype = message(header, kind::DATATYPE, "datatype")?;
        let datatype = decoder.datatype(datatype.0, datatype.1)?;
        let space = Dataspace::read(plain(image, header, kind::DATASPACE, "dataspace")?, limits)?;
        let layout = Layout::read(plain(image, header, kind::LAYOUT, "layout")?)?;
        let dtype = datatype.dtype()?;
        let bytes = space.elements()?.checked_mul(u64::from(datatype.size));
        let bytes = bytes.ok_or_else(|| Error::limit("a dataset of more than 2^64 bytes"))?;

        let data = match layout {
            _ if bytes == 0 => Data::owned([]),
            Layout::Compact(stored) => {
                let part = usize::try_from(bytes).ok().and_then(|bytes| stored.get(..bytes));
                Data::owned(part.ok_or_else(|| Error::corrupt("compact data is shorter than its shape"))?)
            }
            Layout::Contiguous { address: None, .. } => {
                Data::owned(fill(image, header, datatype)?.all(bytes)?)
            }
            Layout::Contiguous { address: Some(address), size } => {
                if size.is_some_and(|size| size < bytes) {
                    return Err(Error::corrupt(format!(
                        "{bytes} bytes by shape, {} by layout",
                        size.unwrap_or(0)
                    )));
                }
                totals.add(bytes, 0, image.len(), limits)?;
                Data::range(image.source().clone(), address, bytes)?
            }
            Layout::Chunked(layout) => {
                chunked(image, header, &space, datatype, layout, bytes, totals, limits)?
            }
        };
        let data = match datatype.class {
            Class::Number { swap, .. } => swap::lazily(data, swap),
            _ => strings(decoder, datatype, &data, space.elements()?)?,
        };
        let shape = if space.null { Shape::known([0]) } else { Shape::from(space.sizes) };
        let attributes = decoder.attributes(header)?;
        Ok(Self { dtype, shape, data, attributes, address: 0, creation_order: None })
    }
}

#[expect(clippy::too_many_arguments, reason = "everything that describes a chunked dataset")]
fn chunked(
    image: &Image<'_>,
    header: &Header,
    space: &Dataspace,
    datatype: Datatype,
    layout: ChunkLayout,
    bytes: u64,
    totals: &Totals,
    limits: &Limits,
) -> Result<Data> {
    if layout.element_size != u64::from(datatype.size) {
        return Err(Error::corrupt("chunks and elements differ in size"));
    }
    let filters = match header.find(kind::FILTERS) {
        Some(_) => filter::read(plain(image, header, kind::FILTERS, "filter pipeline")?)?,
        None => Vec::new(),
    };
    let chunks = chunk_index::read(image, &layout, space, !filters.is_empty())?;
    let chunked = Chunked {
        source: image.source().clone(),
        chunks,
        filters,
        edge_unfiltered: layout.edge_unfiltered,
        sizes: space.sizes.clone(),
        chunk: layout.chunk,
        element_size: layout.element_size,
        fill: fill(image, header, datatype)?.0,
        len: bytes,
    };
    let stored = chunked.check(limits)?;
    totals.add(stored, bytes, image.len(), limits)?;
    Ok(Data::lazy(Arc::new(chunked)))
}

/// A string tensor, decoded at once: its bytes lie all over the file.
fn strings(decoder: &Decoder<'_, '_>, datatype: Datatype, data: &Data, count: u64) -> Result<Data> {
    if data.len() > decoder.limits.max_config_bytes {
        return Err(Error::limit(format!("a string dataset of {} bytes", data.len())));
    }
    let bytes = data.bytes()?;
    decoder.strings(&mut decoder.image.cursor(&bytes), datatype, count).map(Data::strings)
}

/// One element for what was never written; empty means zeros.
struct Fill(Vec<u8>);

impl Fill {
    /// A whole dataset that has no storage.
    fn all(&self, bytes: u64) -> Result<Vec<u8>> {
        let count = usize::try_from(bytes).ok().filter(|_| bytes <= FREE_BYTES);
        let count =
            count.ok_or_else(|| Error::limit(format!("{bytes} bytes are claimed and none stored")))?;
        match self.0.is_empty() {
            true => Ok(vec![0; count]),
            false => Ok(self.0.iter().copied().cycle().take(count).collect()),
        }
    }
}

fn fill(image: &Image<'_>, header: &Header, datatype: Datatype) -> Result<Fill> {
    let value = match (header.find(kind::FILL), header.find(kind::OLD_FILL)) {
        (Some(_), _) => new_fill(plain(image, header, kind::FILL, "fill value")?)?,
        (None, Some(_)) => {
            let mut cursor = plain(image, header, kind::OLD_FILL, "fill value")?;
            sized(&mut cursor)?
        }
        (None, None) => &[],
    };
    if !value.is_empty() && value.len() as u64 != u64::from(datatype.size) {
        return Err(Error::corrupt(format!("a fill value of {} bytes", value.len())));
    }
    Ok(Fill(value.to_vec()))
}

fn new_fill<'b>(mut cursor: Cursor<'b>) -> Result<&'b [u8]> {
    let version = cursor.version("fill value", &[1, 2, 3])?;
    if version == 3 {
        return match cursor.u8()? & 0x20 {
            0 => Ok(&[]),
            _ => sized(&mut cursor),
        };
    }
    cursor.skip(2)?;
    let defined = cursor.u8()? != 0;
    if version == 1 || defined { sized(&mut cursor) } else { Ok(&[]) }
}

fn sized<'b>(cursor: &mut Cursor<'b>) -> Result<&'b [u8]> {
    // A negative size stands for "undefined".
    match usize::try_from(cursor.u32()?.cast_signed()) {
        Ok(size) => cursor.take(size),
        Err(_) => Ok(&[]),
    }
}

/// Body of a message and whether it is shared.
fn message<'h>(header: &'h Header, kind: u16, what: &str) -> Result<(&'h [u8], bool)> {
    let message = header.find(kind).ok_or_else(|| Error::corrupt(format!("a dataset without {what}")))?;
    Ok((header.body(message), message.shared))
}

fn plain<'h>(image: &Image<'_>, header: &'h Header, kind: u16, what: &str) -> Result<Cursor<'h>> {
    match message(header, kind, what)? {
        (_, true) => Err(Error::unsupported(format!("a {what} shared between objects"))),
        (body, false) => Ok(image.cursor(body)),
    }
}
