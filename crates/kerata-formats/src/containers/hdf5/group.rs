//! The links of a group: symbol tables, link messages, dense link storage.

use kerata_core::{Error, Limits, Result, ResultExt};

use super::btree1;
use super::dense::Dense;
use super::header::{Header, kind};
use super::heap::LocalHeap;
use super::image::Image;

/// Entries of one symbol-table node are bounded by its field; a link is hard or refused.
const SOFT_LINK_CACHE: u32 = 2;

/// A hard link, found in a group.
pub(super) struct Link {
    /// Path of the object, without a leading slash.
    pub path: String,
    /// Its object header.
    pub address: u64,
    /// Its number in order of creation, if the group tracks that.
    pub creation_order: Option<u64>,
}

/// Lists the links of one group into `links`, sorted by name.
pub(super) struct Lister<'a, 'l> {
    pub image: &'l Image<'a>,
    pub limits: &'l Limits,
    /// Path of the group.
    pub parent: &'l str,
    pub links: &'l mut Vec<Link>,
    /// Links that there is room for, of all that a file may have.
    pub room: usize,
    /// Takes an error that concerns one link only.
    pub report: &'l mut dyn FnMut(Error) -> Result<()>,
}

/// Whether an object with this header is a group.
pub(super) fn is_group(header: &Header) -> bool {
    let marks = [kind::SYMBOL_TABLE, kind::LINK_INFO, kind::LINK, kind::GROUP_INFO];
    header.messages().iter().any(|message| marks.contains(&message.kind))
}

impl Lister<'_, '_> {
    pub fn list(mut self, header: &Header) -> Result<()> {
        for message in header.messages() {
            let body = header.body(message);
            match message.kind {
                kind::SYMBOL_TABLE => self.symbol_table(body)?,
                kind::LINK => self.link(body)?,
                kind::LINK_INFO => self.dense(body)?,
                _ => {}
            }
        }
        let in_order = self.links.windows(2).all(|pair| matches!(pair, [a, b] if a.path < b.path));
        if !in_order {
            self.links.sort_by(|a, b| a.path.cmp(&b.path));
            for pair in self.links.windows(2) {
                if let [a, b] = pair
                    && a.path == b.path
                {
                    return Err(Error::corrupt(format!("two links are called `{}`", a.path)));
                }
            }
        }
        Ok(())
    }

    fn symbol_table(&mut self, body: &[u8]) -> Result<()> {
        let image = self.image;
        let mut cursor = image.cursor(body);
        let tree = cursor.defined()?;
        let heap = LocalHeap::read(image, cursor.defined()?)?;
        btree1::walk(image, tree, 0, image.widths().length, &mut |_, node| self.symbol_node(&heap, node))
    }

    fn symbol_node(&mut self, heap: &LocalHeap, address: u64) -> Result<()> {
        let image = self.image;
        let head = image.bytes(address, 8)?;
        let mut cursor = image.cursor(&head);
        cursor.signature(b"SNOD")?;
        cursor.version("symbol table node", &[1])?;
        cursor.skip(1)?;
        let count = cursor.u16()?;
        let entry_size = 2 * image.widths().offset + 24;
        let start = address.checked_add(8).ok_or_else(|| Error::corrupt("an address overflows"))?;
        let entries = image.bytes(start, u64::from(count) * entry_size as u64)?;
        let mut cursor = image.cursor(&entries);
        for _ in 0..count {
            let name = heap.name(cursor.uint(image.widths().offset)?)?;
            let target = cursor.address()?;
            let cache = cursor.u32()?;
            cursor.skip(20)?;
            if cache == SOFT_LINK_CACHE {
                let error = soft_link(name);
                (self.report)(error)?;
                continue;
            }
            let target = target.ok_or_else(|| Error::corrupt("a link leads nowhere"))?;
            self.add(name, target, None)?;
        }
        Ok(())
    }

    fn link(&mut self, body: &[u8]) -> Result<()> {
        let mut cursor = self.image.cursor(body);
        cursor.version("link message", &[1])?;
        let flags = cursor.u8()?;
        let link_type = if flags & 8 == 0 { 0 } else { cursor.u8()? };
        let creation_order = if flags & 4 == 0 { None } else { Some(cursor.u64()?) };
        if flags & 16 != 0 {
            cursor.skip(1)?;
        }
        let name_size = usize::try_from(cursor.uint(1 << (flags & 3))?);
        let name = cursor.take(name_size.map_err(|_| Error::corrupt("a link name is too long"))?)?;
        match link_type {
            0 => {
                let target = cursor.defined()?;
                self.add(name, target, creation_order)
            }
            1 => {
                let error = soft_link(name);
                (self.report)(error)
            }
            64 => {
                let error = external_link(name);
                (self.report)(error)
            }
            other => (self.report)(Error::untrusted(format!("link type {other} at `{}`", text(name)))),
        }
    }

    fn dense(&mut self, body: &[u8]) -> Result<()> {
        let mut cursor = self.image.cursor(body);
        cursor.version("link info message", &[0])?;
        let flags = cursor.u8()?;
        if flags & 1 != 0 {
            cursor.skip(8)?;
        }
        let heap = cursor.address()?;
        let names = cursor.address()?;
        let Some((heap, names)) = heap.zip(names) else {
            return Ok(());
        };
        let image = self.image;
        // A record of the name index: hash of the name (4 bytes), then the heap ID.
        Dense::read(image, heap)?.objects(names, 5, 4, &mut |link| self.link(link)).at(|| "dense links")
    }

    fn add(&mut self, name: &[u8], address: u64, creation_order: Option<u64>) -> Result<()> {
        if name.len() > self.limits.max_name_bytes {
            return Err(Error::limit(format!("a link name of {} bytes", name.len())));
        }
        // A slash or a dot would let one object pose as another.
        if name.is_empty() || name.contains(&b'/') || name == b"." || name == b".." {
            return Err(Error::corrupt(format!("`{}` is not a link name", text(name))));
        }
        let name = std::str::from_utf8(name)
            .map_err(|_| Error::corrupt(format!("link name `{}` is not UTF-8", text(name))))?;
        if self.links.len() >= self.room {
            return Err(Error::limit(format!("more than {} groups and datasets", self.limits.max_tensors)));
        }
        let path = match self.parent {
            "" => name.to_owned(),
            parent => {
                let mut path = String::with_capacity(parent.len() + 1 + name.len());
                path.extend([parent, "/", name]);
                path
            }
        };
        self.links.push(Link { path, address, creation_order });
        Ok(())
    }
}

fn soft_link(name: &[u8]) -> Error {
    Error::untrusted(format!("soft link at `{}`", text(name)))
        .hint("links are not followed: store the data itself")
}

fn external_link(name: &[u8]) -> Error {
    Error::untrusted(format!("external link at `{}`", text(name)))
        .hint("other files are never opened: store the data itself")
}

fn text(name: &[u8]) -> std::borrow::Cow<'_, str> {
    String::from_utf8_lossy(name)
}
