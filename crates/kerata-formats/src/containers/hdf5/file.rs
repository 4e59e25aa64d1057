//! `File`: everything in an HDF5 file, by path.

use std::cell::Cell;
use std::collections::HashMap;
use std::ops::Range;

use indexmap::IndexMap;
use indexmap::map::Slice;
use kerata_core::{Error, Limits, Result, ResultExt, SourceRef};

use super::attribute::Attributes;
use super::dataset::{Dataset, Totals};
use super::decoder::Decoder;
use super::group::{Link, Lister, is_group};
use super::header::{Header, kind};
use super::heap::GlobalHeap;
use super::image::Image;
use super::superblock::{self, Superblock};

/// How often the strings of a file may fill the limit of one attribute.
const STRING_BUDGET: u64 = 4;

/// The groups and datasets of a file, each parent before its children, siblings in byte order of their names.
///
/// Paths have no slash at either end; the root group is the empty path. Opening reads metadata only.
#[derive(Clone, Debug, Default)]
pub struct File {
    /// Groups by path; the first is the root.
    pub groups: IndexMap<String, Group>,
    /// Datasets by path.
    pub datasets: IndexMap<String, Dataset>,
    /// What was left out: named datatypes, and with [`File::open_lenient`] whatever could not be read.
    pub notes: Vec<Error>,
}

/// A group of a file.
#[derive(Clone, Debug, Default)]
pub struct Group {
    /// Attributes, sorted by name.
    pub attributes: Attributes,
    /// Offset of the object header.
    pub address: u64,
    /// Its number in order of creation, if the parent tracks that.
    pub creation_order: Option<u64>,
    /// Positions of everything below it.
    groups_below: Range<usize>,
    datasets_below: Range<usize>,
}

impl File {
    /// Whether the source starts like HDF5 (a user block may come first).
    pub fn is_hdf5(source: &SourceRef) -> bool {
        superblock::find(source).is_some()
    }

    /// Reads a file; whatever is damaged, unsupported or leads out of the file is an error.
    pub fn open(source: &SourceRef, limits: &Limits) -> Result<Self> {
        let superblock = Superblock::read(source)?;
        superblock.check_whole()?;
        let mut walk = Walk::new(limits);
        walk.run(&superblock)?;
        Ok(walk.file)
    }

    /// Reads a file up to the first group whose path is wanted.
    pub fn open_until(source: &SourceRef, limits: &Limits, is_wanted: fn(&str) -> bool) -> Result<Self> {
        let superblock = Superblock::read(source)?;
        superblock.check_whole()?;
        let mut walk = Walk { is_wanted, ..Walk::new(limits) };
        walk.run(&superblock)?;
        Ok(walk.file)
    }

    /// Reads what can be read of the root and of what it links to.
    pub fn open_top(source: &SourceRef, limits: &Limits) -> Result<Self> {
        let superblock = Superblock::read(source)?;
        let mut walk = Walk { lenient: true, deepest: 1, ..Walk::new(limits) };
        walk.run(&superblock)?;
        Ok(walk.file)
    }

    /// Reads what can be read of a file, for looking at damaged ones; the rest is in [`File::notes`].
    pub fn open_lenient(source: &SourceRef, limits: &Limits) -> Result<Self> {
        let superblock = Superblock::read(source)?;
        let mut walk = Walk { lenient: true, ..Walk::new(limits) };
        walk.file.notes.extend(superblock.check_whole().err());
        walk.run(&superblock)?;
        Ok(walk.file)
    }

    /// The group at a path.
    pub fn group(&self, path: &str) -> Option<&Group> {
        self.groups.get(path.trim_matches('/'))
    }

    /// The dataset at a path.
    pub fn dataset(&self, path: &str) -> Option<&Dataset> {
        self.datasets.get(path.trim_matches('/'))
    }

    /// Attributes of the root group.
    pub fn root_attributes(&self) -> &Attributes {
        static NONE: Attributes = Attributes::NONE;
        self.groups.get("").map_or(&NONE, |root| &root.attributes)
    }

    /// All datasets below a group, at any depth, in the order of the file.
    pub fn datasets_below(&self, group: &Group) -> &Slice<String, Dataset> {
        self.datasets.get_range(group.datasets_below.clone()).unwrap_or_default()
    }

    /// All groups below a group, at any depth, in the order of the file.
    pub fn groups_below(&self, group: &Group) -> &Slice<String, Group> {
        self.groups.get_range(group.groups_below.clone()).unwrap_or_default()
    }
}

/// What an object header was found to be.
enum Seen {
    Group,
    Dataset(usize),
}

enum Step {
    Enter(Link, usize),
    /// The group at this position is complete.
    Leave(usize),
}

struct Walk<'l> {
    file: File,
    /// Objects by address: a group is entered once, a dataset read once.
    seen: HashMap<u64, Seen>,
    limits: &'l Limits,
    lenient: bool,
    /// Depth below which nothing is entered.
    deepest: usize,
    /// Whether the walk ends at a group of this path.
    is_wanted: fn(&str) -> bool,
}

impl<'l> Walk<'l> {
    fn new(limits: &'l Limits) -> Self {
        Self {
            file: File::default(),
            seen: HashMap::new(),
            limits,
            lenient: false,
            deepest: usize::MAX,
            is_wanted: |_| false,
        }
    }

    fn run(&mut self, superblock: &Superblock) -> Result<()> {
        let image = Image::new(&superblock.source, superblock.widths);
        let budget = Cell::new(self.limits.max_config_bytes.saturating_mul(STRING_BUDGET));
        let decoder = Decoder { image: &image, limits: self.limits, heap: GlobalHeap::default(), budget };
        let totals = Totals::default();
        let root = Link { path: String::new(), address: superblock.root, creation_order: None };
        let mut steps = vec![Step::Enter(root, 0)];
        let mut links = Vec::new();
        while let Some(step) = steps.pop() {
            match step {
                Step::Leave(position) => self.leave(position),
                Step::Enter(mut link, depth) => {
                    let entered = self.enter(&decoder, &totals, &mut link, depth, &mut links);
                    let entered = entered.at(|| format!("`/{}`", link.path));
                    let group = match entered {
                        Ok(group) => group,
                        Err(error) => {
                            self.report(error)?;
                            None
                        }
                    };
                    let known = group.and_then(|position| self.file.groups.get_index(position));
                    if known.is_some_and(|(path, _)| (self.is_wanted)(path)) {
                        return Ok(());
                    }
                    if let Some(position) = group.filter(|_| depth < self.deepest) {
                        steps.push(Step::Leave(position));
                        steps.extend(links.drain(..).rev().map(|link| Step::Enter(link, depth + 1)));
                    }
                    links.clear();
                }
            }
        }
        Ok(())
    }

    /// Reads one object, which takes the path of the link; the position of a group whose children are now in `links`.
    fn enter<'a>(
        &mut self,
        decoder: &Decoder<'a, '_>,
        totals: &Totals,
        link: &mut Link,
        depth: usize,
        links: &mut Vec<Link>,
    ) -> Result<Option<usize>> {
        let limits = self.limits;
        if depth > limits.max_depth {
            return Err(Error::limit(format!("groups nested deeper than {}", limits.max_depth)));
        }
        if self.file.groups.len() + self.file.datasets.len() >= limits.max_tensors {
            return Err(Error::limit(format!("more than {} groups and datasets", limits.max_tensors)));
        }
        let Link { path, address, creation_order } = link;
        let (address, creation_order) = (*address, *creation_order);
        match self.seen.get(&address) {
            Some(Seen::Group) => {
                return Err(Error::untrusted("a group that is linked twice, perhaps inside itself"));
            }
            Some(Seen::Dataset(position)) => {
                let known = self.file.datasets.get_index(*position).map(|(_, dataset)| dataset.clone());
                let known = known.ok_or_else(|| Error::internal("a dataset that was read is gone"))?;
                self.file.datasets.insert(std::mem::take(path), Dataset { creation_order, ..known });
                return Ok(None);
            }
            None => {}
        }
        let header = Header::read(decoder.image, address)?;
        if header.find(kind::LAYOUT).is_some() {
            let dataset = Dataset::read(decoder, &header, totals)?;
            self.seen.insert(address, Seen::Dataset(self.file.datasets.len()));
            self.file.datasets.insert(std::mem::take(path), Dataset { address, creation_order, ..dataset });
            return Ok(None);
        }
        if !is_group(&header) {
            let what = match header.find(kind::DATATYPE) {
                Some(_) => Error::unsupported("a named datatype"),
                None => return Err(Error::corrupt("an object that is no group and no dataset")),
            };
            self.file.notes.push(what.at(format!("`/{path}`")));
            return Ok(None);
        }
        self.seen.insert(address, Seen::Group);
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
        let lister = Lister { image: decoder.image, limits, parent: path, links, report: &mut report };
        let listed = lister.list(&header);
        self.file.notes.extend(notes.into_iter().map(|note| note.at(format!("`/{path}`"))));
        self.or_note(listed, path)?;
        let (groups, datasets) = (self.file.groups.len(), self.file.datasets.len());
        let group = Group {
            attributes,
            address,
            creation_order,
            groups_below: groups + 1..groups + 1,
            datasets_below: datasets..datasets,
        };
        self.file.groups.insert(std::mem::take(path), group);
        Ok(Some(groups))
    }

    fn leave(&mut self, position: usize) {
        let (groups, datasets) = (self.file.groups.len(), self.file.datasets.len());
        if let Some((_, group)) = self.file.groups.get_index_mut(position) {
            group.groups_below.end = groups;
            group.datasets_below.end = datasets;
        }
    }

    /// In a lenient walk an error becomes a note, and what was read so far stays.
    fn or_note<T>(&mut self, result: Result<T>, path: &str) -> Result<Option<T>> {
        match result {
            Ok(value) => Ok(Some(value)),
            Err(error) if self.lenient => {
                self.file.notes.push(error.at(format!("`/{path}`")));
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    fn report(&mut self, error: Error) -> Result<()> {
        if self.lenient {
            self.file.notes.push(error);
            return Ok(());
        }
        Err(error)
    }
}
