//! `Walk`: from the root of a file to all its groups and datasets.
//!
//! Headers lie all over a file. A disk that is asked for one after the other waits most of the time; so siblings are entered
//! in batches, and the disk is told of all headers of a batch before the first is read.

use std::cell::Cell;
use std::collections::HashMap;

use kerata_core::{Error, Limits, Result, ResultExt};

use super::dataset::{Dataset, Totals};
use super::decoder::Decoder;
use super::file::{File, Group};
use super::group::{Link, Lister, is_group};
use super::header::{Header, kind};
use super::heap::GlobalHeap;
use super::image::Image;
use super::superblock::Superblock;

/// How often the strings of a file may fill the limit of one attribute.
const STRING_BUDGET: u64 = 4;
/// Siblings that are entered before what is below them.
const BATCH: usize = 32;

/// A group or dataset that was read, and where it hangs.
struct Node {
    path: String,
    parent: Option<usize>,
    found: Found,
}

enum Found {
    Group(Group),
    Dataset(Dataset),
}

/// A link that is still to be followed, and the number of the group it stands in.
struct Pending {
    link: Link,
    parent: Option<usize>,
}

/// A walk through a file; bounded by the limits, and by what it is told to leave out.
pub(super) struct Walk<'l> {
    nodes: Vec<Node>,
    notes: Vec<Error>,
    /// Numbers of objects by address: a group is entered once, a dataset read once.
    seen: HashMap<u64, usize>,
    limits: &'l Limits,
    lenient: bool,
    batch: usize,
    /// Depth below which nothing is entered.
    deepest: usize,
    /// Whether the walk ends at a group of this path.
    is_wanted: fn(&str) -> bool,
}

impl<'l> Walk<'l> {
    /// A walk to everything, on which nothing may be wrong.
    pub fn new(limits: &'l Limits) -> Self {
        Self {
            nodes: Vec::new(),
            notes: Vec::new(),
            seen: HashMap::new(),
            limits,
            lenient: false,
            batch: BATCH,
            deepest: usize::MAX,
            is_wanted: |_| false,
        }
    }

    /// What cannot be read is noted, in the order of the paths.
    pub fn lenient(self) -> Self {
        Self { lenient: true, batch: 1, ..self }
    }

    /// Ends at the first group whose path is wanted.
    pub fn until(self, is_wanted: fn(&str) -> bool) -> Self {
        Self { is_wanted, batch: 1, ..self }
    }

    /// Enters nothing that lies deeper.
    pub fn down_to(self, deepest: usize) -> Self {
        Self { deepest, ..self }
    }

    pub fn run(mut self, superblock: &Superblock) -> Result<File> {
        let image = Image::new(&superblock.source, superblock.widths);
        let budget = Cell::new(self.limits.max_config_bytes.saturating_mul(STRING_BUDGET));
        let decoder = Decoder { image: &image, limits: self.limits, heap: GlobalHeap::default(), budget };
        let totals = Totals::default();
        let root = Link { path: String::new(), address: superblock.root, creation_order: None };
        // What is left of each level that the walk is in.
        let mut levels = vec![vec![Pending { link: root, parent: None }].into_iter()];
        let mut links = Vec::new();
        while let Some(level) = levels.last_mut() {
            let batch: Vec<Pending> = level.by_ref().take(self.batch).collect();
            let depth = levels.len() - 1;
            if batch.is_empty() {
                levels.pop();
                continue;
            }
            if batch.len() > 1 {
                image.expect(batch.iter().map(|pending| pending.link.address));
            }
            let mut below = Vec::new();
            // Links wait in memory, and siblings may list the same ones.
            let mut waiting = batch.len() + levels.iter().map(ExactSizeIterator::len).sum::<usize>();
            for mut pending in batch {
                waiting -= 1;
                let room = self.limits.max_tensors.saturating_sub(self.nodes.len() + 1 + waiting);
                let entered = self.enter(&decoder, &totals, &mut pending, depth, (&mut links, room));
                waiting += links.len();
                match entered.at(|| format!("`/{}`", pending.link.path)) {
                    Ok(Some(group)) => {
                        if self.nodes.get(group).is_some_and(|node| (self.is_wanted)(&node.path)) {
                            return Ok(self.into_file());
                        }
                        if depth < self.deepest {
                            below.extend(links.drain(..).map(|link| Pending { link, parent: Some(group) }));
                        }
                    }
                    Ok(None) => {}
                    Err(error) => self.report(error)?,
                }
                links.clear();
            }
            levels.push(below.into_iter());
        }
        Ok(self.into_file())
    }

    /// Reads one object, which takes the path of the link; the number of a group, whose children are now in the links, as far
    /// as there is room.
    fn enter<'a>(
        &mut self,
        decoder: &Decoder<'a, '_>,
        totals: &Totals,
        pending: &mut Pending,
        depth: usize,
        (links, room): (&mut Vec<Link>, usize),
    ) -> Result<Option<usize>> {
        let limits = self.limits;
        if depth > limits.max_depth {
            return Err(Error::limit(format!("groups nested deeper than {}", limits.max_depth)));
        }
        if self.nodes.len() >= limits.max_tensors {
            return Err(Error::limit(format!("more than {} groups and datasets", limits.max_tensors)));
        }
        let Pending { link: Link { path, address, creation_order }, parent } = pending;
        let (address, creation_order, parent) = (*address, *creation_order, *parent);
        let number = self.nodes.len();
        if let Some(known) = self.seen.get(&address) {
            let Some(Node { found: Found::Dataset(known), .. }) = self.nodes.get(*known) else {
                return Err(Error::untrusted("a group that is linked twice, perhaps inside itself"));
            };
            let found = Found::Dataset(Dataset { creation_order, ..known.clone() });
            self.nodes.push(Node { path: std::mem::take(path), parent, found });
            return Ok(None);
        }
        let header = Header::read(decoder.image, address)?;
        if header.find(kind::LAYOUT).is_some() {
            let dataset = Dataset::read(decoder, &header, totals)?;
            let found = Found::Dataset(Dataset { address, creation_order, ..dataset });
            self.seen.insert(address, number);
            self.nodes.push(Node { path: std::mem::take(path), parent, found });
            return Ok(None);
        }
        if !is_group(&header) {
            let what = match header.find(kind::DATATYPE) {
                Some(_) => Error::unsupported("a named datatype"),
                None => return Err(Error::corrupt("an object that is no group and no dataset")),
            };
            self.notes.push(what.at(format!("`/{path}`")));
            return Ok(None);
        }
        self.seen.insert(address, number);
        let attributes = self.or_note(decoder.attributes(&header), path)?.unwrap_or_default();
        let mut notes = Vec::new();
        let lenient = self.lenient;
        let mut report = |error: Error| match lenient {
            true => {
                notes.push(error);
                Ok(())
            }
            false => Err(error),
        };
        let lister = Lister { image: decoder.image, limits, parent: path, links, room, report: &mut report };
        let listed = lister.list(&header);
        self.notes.extend(notes.into_iter().map(|note| note.at(format!("`/{path}`"))));
        self.or_note(listed, path)?;
        let group = Group { attributes, address, creation_order, groups_below: 0..0, datasets_below: 0..0 };
        self.nodes.push(Node { path: std::mem::take(path), parent, found: Found::Group(group) });
        Ok(Some(number))
    }

    /// In a lenient walk an error becomes a note, and what was read so far stays.
    fn or_note<T>(&mut self, result: Result<T>, path: &str) -> Result<Option<T>> {
        match result {
            Ok(value) => Ok(Some(value)),
            Err(error) if self.lenient => {
                self.notes.push(error.at(format!("`/{path}`")));
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    fn report(&mut self, error: Error) -> Result<()> {
        if self.lenient {
            self.notes.push(error);
            return Ok(());
        }
        Err(error)
    }

    /// Puts what was found in the order of a file: each parent before its children, siblings as they were linked.
    fn into_file(self) -> File {
        let mut file = File { notes: self.notes, ..File::default() };
        // Later nodes come first, so that the first child lies on top of a stack.
        let mut children: Vec<Vec<usize>> = vec![Vec::new(); self.nodes.len()];
        for (number, node) in self.nodes.iter().enumerate().rev() {
            if let Some(siblings) = node.parent.and_then(|parent| children.get_mut(parent)) {
                siblings.push(number);
            }
        }
        let mut nodes: Vec<Option<Node>> = self.nodes.into_iter().map(Some).collect();
        let mut steps = vec![Step::Enter(0)];
        while let Some(step) = steps.pop() {
            let number = match step {
                Step::Enter(number) => number,
                Step::Leave(position) => {
                    let (groups, datasets) = (file.groups.len(), file.datasets.len());
                    if let Some((_, group)) = file.groups.get_index_mut(position) {
                        group.groups_below.end = groups;
                        group.datasets_below.end = datasets;
                    }
                    continue;
                }
            };
            let Some(Node { path, found, .. }) = nodes.get_mut(number).and_then(Option::take) else {
                continue;
            };
            match found {
                Found::Dataset(dataset) => drop(file.datasets.insert(path, dataset)),
                Found::Group(mut group) => {
                    let (groups, datasets) = (file.groups.len(), file.datasets.len());
                    group.groups_below = groups + 1..groups + 1;
                    group.datasets_below = datasets..datasets;
                    file.groups.insert(path, group);
                    steps.push(Step::Leave(groups));
                    let below = children.get_mut(number).map(std::mem::take);
                    steps.extend(below.into_iter().flatten().map(Step::Enter));
                }
            }
        }
        file
    }
}

enum Step {
    /// A node comes next.
    Enter(usize),
    /// The group at this position is complete.
    Leave(usize),
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use kerata_core::{DType, Data, Shape, Source};

    use super::super::Writer;
    use super::*;

    /// Bytes that remember what was announced of them.
    #[derive(Debug)]
    struct Watched {
        bytes: Vec<u8>,
        announced: Mutex<Vec<u64>>,
    }

    impl Source for Watched {
        fn len(&self) -> u64 {
            self.bytes.len() as u64
        }

        fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<()> {
            let start = usize::try_from(offset).unwrap();
            buffer.copy_from_slice(&self.bytes[start..start + buffer.len()]);
            Ok(())
        }

        fn expect(&self, offset: u64, len: u64) {
            self.announced.lock().unwrap().extend([offset, len]);
        }
    }

    /// A hundred layers of two variables each.
    fn watched() -> Arc<Watched> {
        let mut writer = Writer::new();
        for path in (0..100).flat_map(|layer| [0, 1].map(|number| format!("layers/d{layer}/vars/{number}"))) {
            writer.dataset(&path, DType::Uint8, &Shape::known([4]), Data::owned([7; 4])).unwrap();
        }
        let mut bytes = Vec::new();
        writer.plan().unwrap().write(&mut bytes).unwrap();
        Arc::new(Watched { bytes, announced: Mutex::default() })
    }

    #[test]
    fn the_disk_hears_of_headers_and_of_nothing_else() {
        let source = watched();
        let file = File::open(&(source.clone() as _), &Limits::default()).unwrap();
        let announced = source.announced.lock().unwrap().clone();
        let is_told = |address: u64| {
            announced.chunks(2).any(|range| (range[0]..range[0] + range[1]).contains(&address))
        };
        assert!(file.datasets.values().all(|dataset| is_told(dataset.address)));
        // No more than the metadata, though tensors come right behind it.
        let first = file.datasets.values().filter_map(|dataset| dataset.data.as_range()).map(|range| range.1);
        let end = announced.chunks(2).map(|range| range[0]).max().unwrap();
        assert!(end < first.min().unwrap());
    }

    #[test]
    fn links_that_wait_count_before_they_are_followed() {
        // The root, `layers` and its hundred groups leave room for eight of what these link to.
        let mut limits = Limits::default();
        limits.max_tensors = 110;
        let error = File::open(&(watched() as _), &limits).unwrap_err();
        assert_eq!(error.kind(), kerata_core::ErrorKind::LimitExceeded);
        assert_eq!(error.trail().collect::<Vec<_>>(), ["`/layers/d16`"]);
    }

    #[test]
    fn the_order_does_not_tell_of_batches() {
        let source = watched();
        let file = File::open(&(source.clone() as _), &Limits::default()).unwrap();
        let one_by_one = File::open_lenient(&(source as _), &Limits::default()).unwrap();
        assert!(file.groups.keys().eq(one_by_one.groups.keys()));
        assert!(file.datasets.keys().eq(one_by_one.datasets.keys()));
        assert_eq!(file.datasets.len(), 200);
        for ((path, group), other) in file.groups.iter().zip(one_by_one.groups.values()) {
            let inside = |below: &str| path.is_empty() || below.starts_with(&format!("{path}/"));
            let below = file.datasets_below(group);
            assert_eq!(below.len(), file.datasets.keys().filter(|below| inside(below)).count(), "{path}");
            assert_eq!(below.len(), one_by_one.datasets_below(other).len(), "{path}");
            assert_eq!(file.groups_below(group).len(), one_by_one.groups_below(other).len(), "{path}");
        }
    }
}
